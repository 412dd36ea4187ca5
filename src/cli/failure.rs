//! Owns how a command ends badly: its exit status, its words, and its document where JSON is wanted.

use std::fmt;
use std::io;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::output::Output;
use crate::cli::say;
use crate::mail::safe::SafeText;
use crate::{config, store};

/// The exit statuses of a command that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It failed.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Some accounts failed.
    Partly,
    /// No account could be reached; nothing is lost, trying again can help (sendmail's EX_TEMPFAIL).
    TryLater,
    /// The user stopped it.
    Interrupted,
    /// Whoever read our output went away; that is their right, and said to nobody.
    ReaderGone,
}

impl Status {
    /// Gives the number for the shell.
    pub fn number(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::TryLater => 75,
            Self::Interrupted => 130,
            Self::ReaderGone => 0,
        }
    }
}

/// A command's bad end.
#[derive(Debug)]
pub struct Failure {
    /// How bad.
    pub status: Status,
    /// What happened, then what to do; empty when it was said already, and the JSON document written.
    pub what: String,
}

impl Failure {
    /// Builds the failure of a command.
    pub fn new(status: Status, what: impl Into<String>) -> Self {
        Self { status, what: what.into() }
    }

    /// Something did not work.
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Status::Failed, what)
    }

    /// The command line or the configuration is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Status::Usage, what)
    }
}

/// The document of a command that failed before it had one of its own.
#[derive(Debug, Serialize)]
struct Told<'a> {
    error: &'a str,
    exit_status: u8,
}

impl Failure {
    /// Says what happened on standard error, and with `--json` in a document on standard output; gives the exit status.
    pub fn tell(&self, is_json: bool) -> ExitCode {
        let exit_status = self.status.number();
        if !self.what.is_empty() {
            say(&self.what);
            tracing::error!(exit_status, "{}", SafeText::line(&self.what));
            if is_json {
                // Where standard output is gone, too, the exit status says the rest.
                let _ = Output::new(true, true).json(&Told { error: &self.what, exit_status });
            }
        }
        ExitCode::from(exit_status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let status = match error {
            config::Error::Problems(_) | config::Error::Unsafe { .. } | config::Error::Other(_) => Status::Usage,
            config::Error::Io { .. } | config::Error::Command(_) => Status::Failed,
        };
        Self::new(status, error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::failed(error.to_string())
    }
}

/// An error of standard output: files have errors with a name of their own.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Status::ReaderGone, ""),
            _ => Self::failed(format!("cannot write the output: {error}")),
        }
    }
}
