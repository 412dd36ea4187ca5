//! Owns trying an account out, step by step, each with its time and, when it fails, its remedy.
//!
//! It changes nothing, here or on a server.

use std::time::Instant;

use serde::Serialize;

use crate::cli::context::Context;
use crate::config::account::{Account, Source};
use crate::mail::safe::SafeText;

/// One step that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// What was tried, as `sign in`.
    pub step: &'static str,
    /// Whether it worked; none when it was left out.
    pub ok: Option<bool>,
    /// What was found, or what happened.
    pub detail: String,
    /// What to do, where it failed.
    pub remedy: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Step {
    /// Times a step that gives a detail, or what happened and what to do.
    pub fn of(step: &'static str, tried: impl FnOnce() -> Result<String, (String, String)>) -> Self {
        let start = Instant::now();
        let tried = tried();
        let seconds = start.elapsed().as_secs_f64();
        match tried {
            Ok(detail) => Self { step, ok: Some(true), detail: harmless(&detail), remedy: None, seconds },
            Err((what, remedy)) => {
                Self { step, ok: Some(false), detail: harmless(&what), remedy: Some(harmless(&remedy)), seconds }
            }
        }
    }

    /// A step that was left out.
    pub fn left_out(step: &'static str, why: &str) -> Self {
        Self { step, ok: None, detail: why.to_owned(), remedy: None, seconds: 0.0 }
    }

    /// Says whether it failed.
    pub fn has_failed(&self) -> bool {
        self.ok == Some(false)
    }
}

fn harmless(text: &str) -> String {
    SafeText::line(text).as_str().to_owned()
}

/// Tries an account out, until a step fails.
pub fn account(context: &Context, account: &Account) -> Vec<Step> {
    if let Some(why) = account.unsupported() {
        return vec![Step::of("settings", || Err((why, "nothing else was tried".to_owned())))];
    }
    let mut steps = Vec::new();
    match &account.source {
        Source::Maildir { path } => steps.push(Step::of("folder", || {
            let is_maildir = path.join("cur").is_dir() || path.join("new").is_dir();
            match path.is_dir() {
                true if is_maildir => Ok(format!("{} is a Maildir", path.display())),
                true => Ok(format!("{} holds no mail of its own; the folders below it are looked at", path.display())),
                false => Err((
                    format!("there is no directory {}", path.display()),
                    "mend the path in the configuration, or make the directory".to_owned(),
                )),
            }
        })),
        Source::Imap(server) | Source::Pop3(server, _) => {
            if let Some(password) = &server.password {
                steps.push(Step::of("password", || {
                    let hint = || "run the command by hand; it must print the password as its first line".to_owned();
                    password
                        .read()
                        .map(|_| "the command gave one".to_owned())
                        .map_err(|error| (error.to_string(), hint()))
                }));
            } else {
                steps.push(Step::of("password", || {
                    let hint = format!("add password = {{ command = \"…\" }} to [accounts.{}.imap]", account.name);
                    Err(("no password is configured".to_owned(), hint))
                }));
            }
            if context.global.offline {
                steps.push(Step::left_out("connect", "left out because of --offline"));
            }
        }
    }
    steps
}
