//! Owns what can be wrong with the user's files and commands, in words that say where and what to do.
//!
//! It never repeats a value that could be a secret.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One mistake in the configuration file, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong and what would be right, one line.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.what)
    }
}

/// What went wrong between the user's wishes and us.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration file has mistakes; at least one.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
    /// A file or directory could not be used.
    #[error("cannot {doing} {}: {cause}{}", path.display(), remedy(cause))]
    Io {
        /// The verb, as `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// Someone else could change what would be run.
    #[error("{} names commands to run, but {why}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// Who could write it, and the remedy.
        why: String,
    },
    /// A command of the configuration failed.
    #[error("{0}")]
    Command(String),
    /// Anything else, as a whole sentence with its remedy.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Builds the error of a file operation; made for `map_err(Error::io("read", path))`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { doing, path, cause }
    }
}

/// Says what to do about the system's reason, where that is known.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => "; make it, and the directory it is in, yours to read and write",
        io::ErrorKind::ReadOnlyFilesystem => "; that disk cannot be written, choose another place",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room on the disk",
        io::ErrorKind::NotADirectory => "; something in its path is a file, not a directory",
        _ => "",
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
