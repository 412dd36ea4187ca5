//! Owns what every command needs: where things are, the configuration, the store, the output.
//!
//! Each is opened when it is asked for, so that `account list` needs no store and `undo` no configuration.

use jiff::Timestamp;

use crate::cli::args::Global;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::say;
use crate::config::account::{ADD_COMMAND, Account};
use crate::config::nearest::nearest;
use crate::config::{Config, Paths};
use crate::mail::id::AccountId;
use crate::mail::time::UnixTime;
use crate::store::Store;

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

    /// Says whether there is a store; one that cannot be looked for counts, so that opening it says why.
    pub fn has_store(&self) -> bool {
        self.paths.data_dir.join("surat.db").try_exists().unwrap_or(true)
    }

    /// Reads the configuration, which must have an account.
    pub fn config_with_accounts(&self) -> Result<Config, Failure> {
        let config = self.config()?;
        if config.accounts.is_empty() {
            return Err(Failure::usage(match self.lost_config() {
                Some(lost) => lost,
                None => format!(
                    "there is no account yet; add one with\n  {ADD_COMMAND}\n\
                     where CMD prints your password, as: pass show mail\nor look around first with\n  surat demo"
                ),
            }));
        }
        Ok(config)
    }

    /// Says that the file named with `--config` is not there, if it is not.
    pub fn lost_config(&self) -> Option<String> {
        let path = self.global.config.as_deref().filter(|path| !path.exists())?;
        Some(format!("there is no file {}; --config names another configuration", path.display()))
    }

    /// Opens the store for a command on the mail of one account or of all, and takes leave of it afterwards.
    pub fn with_store<T>(
        &self,
        account: Option<&str>,
        work: impl FnOnce(&Store, Option<AccountId>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let config = self.config_with_accounts()?;
        if let Some(name) = account {
            find(&config, name)?;
        }
        let store = self.open_store()?;
        // Also makes the account known to the store, so that its first `list` is empty instead of an error.
        let account = account.map(|name| store.account(name)).transpose()?;
        let result = work(&store, account);
        store.close();
        result
    }

    /// Opens the store, and says what is odd about where it is.
    pub fn open_store(&self) -> Result<Store, Failure> {
        let store = Store::open(&self.paths.data_dir)?;
        store.notes().iter().for_each(|note| say(note));
        Ok(store)
    }

    /// Gives the accounts a command is about: the named one, else all.
    pub fn chosen<'a>(&self, config: &'a Config, name: Option<&str>) -> Result<Vec<&'a Account>, Failure> {
        match name {
            None => Ok(config.accounts.iter().collect()),
            Some(name) => Ok(vec![find(config, name)?]),
        }
    }
}

/// Reads the clock.
pub fn now() -> UnixTime {
    UnixTime(Timestamp::now().as_second())
}

/// Finds an account by name.
pub fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Account, Failure> {
    config.account(name).ok_or_else(|| {
        let names: Vec<&str> = config.accounts.iter().map(|account| account.name.as_str()).collect();
        let near = nearest(name, names.iter().copied());
        let rest = match near {
            Some(near) => format!(", did you mean \"{near}\"?"),
            None => format!("; there is {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
        };
        Failure::usage(format!("there is no account \"{name}\"{rest}"))
    })
}
