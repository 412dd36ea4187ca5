//! Owns the errors of the store: a kind that decides what happens next, and a sentence with its remedy.
//!
//! What SQLite says becomes one of these here and nowhere else.

use std::fmt;
use std::path::Path;

use rusqlite::ffi;

/// What went wrong, as far as it decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The file is no store, or is broken inside.
    Damaged,
    /// A newer Surat wrote it.
    Newer,
    /// The disk is full; what was there is still there.
    DiskFull,
    /// Another process kept the store to itself for too long. Heals by itself.
    Busy,
    /// The file or the disk cannot be read or written.
    Io,
    /// Nothing has this id.
    UnknownId,
    /// What was asked cannot be done, or a fault of ours.
    Other,
}

/// An error of the store: what happened, then what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What it is.
    pub kind: Kind,
    /// What happened, a sentence.
    pub what: String,
    /// What to do, a sentence; empty where nothing can be done.
    pub remedy: String,
}

impl Error {
    /// Builds an error from two sentences.
    pub fn new(kind: Kind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, what: what.into(), remedy: remedy.into() }
    }

    /// Says that the file is no store or is broken, with what was found.
    pub fn damaged(path: &Path, found: &str) -> Self {
        Self::new(
            Kind::Damaged,
            format!("The mail store {} is damaged: {found}. It was left as it is.", path.display()),
            "Move the file aside and start Surat again: it makes a new store and fetches your mail from the servers. \
             Keep the old file: messages that no server has any more can be taken out of it.",
        )
    }

    /// Says that a newer program wrote the file.
    pub fn newer(path: &Path, found: i64, known: i64) -> Self {
        Self::new(
            Kind::Newer,
            format!(
                "The mail store {} was written by a newer Surat (format {found}, this one knows {known}). It was left \
                 as it is.",
                path.display()
            ),
            "Start the newer Surat, or give this one another place with --data-dir.",
        )
    }

    /// Says that the disk is full.
    pub fn disk_full(path: &Path) -> Self {
        Self::new(
            Kind::DiskFull,
            format!("The disk that holds {} is full: the change was not made, nothing was lost.", path.display()),
            "Make some space, then try again.",
        )
    }

    /// Says that nothing has this id.
    pub fn unknown(what: &str) -> Self {
        Self::new(Kind::UnknownId, format!("There is no such {what} any more."), "")
    }

    /// Says that a file cannot be used.
    pub fn io(path: &Path, why: &dyn fmt::Display) -> Self {
        Self::new(
            Kind::Io,
            format!("The mail store {} cannot be used: {why}.", path.display()),
            "Check that the disk is there and that the file is yours to read and write.",
        )
    }

    /// Makes an error of what SQLite said about the file at `path`.
    pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, words) = error else {
            return Self::new(Kind::Other, format!("The mail store failed: {error}."), "Please report this fault.");
        };
        let words = words.clone().unwrap_or_else(|| failure.to_string());
        match failure.code {
            ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase => Self::damaged(path, &words),
            ffi::ErrorCode::DiskFull => Self::disk_full(path),
            ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked => Self::new(
                Kind::Busy,
                "Another process kept the mail store to itself for too long.",
                "Try again; if it stays so, look for a Surat that hangs.",
            ),
            ffi::ErrorCode::SystemIoFailure if super::health::is_full(path) => Self::disk_full(path),
            ffi::ErrorCode::SystemIoFailure
            | ffi::ErrorCode::CannotOpen
            | ffi::ErrorCode::ReadOnly
            | ffi::ErrorCode::PermissionDenied => Self::io(path, &words),
            _ => Self::new(Kind::Other, format!("The mail store failed: {words}."), "Please report this fault."),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " {}", self.remedy) }
    }
}

impl std::error::Error for Error {}

/// Carries SQLite's words up to the border of the store, where the path is known and they become an [`Error`].
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite said no.
    Sql(rusqlite::Error),
    /// We said no.
    Said(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl Fault {
    /// Makes it an error that a person can read.
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::Sql(error) => Error::from_sqlite(path, &error),
            Self::Said(error) => error,
        }
    }
}
