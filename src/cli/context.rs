//! Owns what every command needs: where things are, the configuration, the store, the output.
//!
//! Each is opened when it is asked for, so that `account list` needs no store and `undo` no configuration.

use crate::cli::args::Global;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::config::account::Account;
use crate::config::{Config, Paths};

/// One command's surroundings.
#[derive(Debug)]
pub struct Context {
    /// What was said for every command.
    pub global: Global,
    /// Where things are.
    pub paths: Paths,
    /// Where data goes.
    pub output: Output,
}

impl Context {
    /// Builds the surroundings.
    pub fn new(global: Global, paths: Paths) -> Self {
        let output = Output::new(global.json, global.no_color);
        Self { global, paths, output }
    }

    /// Reads the configuration, which must be right.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.paths.config_file)?)
    }

    /// Reads the configuration, which must have an account.
    pub fn config_with_accounts(&self) -> Result<Config, Failure> {
        let config = self.config()?;
        if config.accounts.is_empty() {
            return Err(Failure::usage(
                "there is no account yet; add one with\n  surat account add you@example.org --no-input \
                 --imap imap.example.org --password-command 'pass show mail'\nor look around first with\n  surat demo",
            ));
        }
        Ok(config)
    }

    /// Gives the accounts a command is about: the named one, else all.
    pub fn chosen<'a>(&self, config: &'a Config, name: Option<&str>) -> Result<Vec<&'a Account>, Failure> {
        match name {
            None => Ok(config.accounts.iter().collect()),
            Some(name) => Ok(vec![find(config, name)?]),
        }
    }
}

/// Finds an account by name.
pub fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Account, Failure> {
    config.account(name).ok_or_else(|| {
        let names: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
        let near = crate::config::nearest::nearest(name, names.iter().copied());
        let rest = match near {
            Some(near) => format!(", did you mean \"{near}\"?"),
            None => format!("; there is {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
        };
        Failure::usage(format!("there is no account \"{name}\"{rest}"))
    })
}
