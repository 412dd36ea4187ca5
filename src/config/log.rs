//! Owns the log: one private file in the state directory, without a secret.
//!
//! It never writes to the terminal. What the libraries below us would log of a conversation with a server, passwords
//! included, is switched off and cannot be switched on.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::config::{Error, Paths, private};

/// Libraries that write credentials and whole messages at debug and trace.
const SILENT: [&str; 3] = ["async_imap", "imap_proto", "lettre"];

/// At this size the log of a new run begins a new file; the one before is kept.
const FULL: u64 = 5 << 20;

/// How much is logged. Only a level, never a filter for a part: a filter could switch the silent ones on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What is odd, too.
    Warn,
    /// Why a connection ended, too.
    #[default]
    Info,
    /// How it was done, too.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// Every level with its word.
    pub const WORDS: [(&str, Self); 6] = [
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, level)| *level == self).map_or("off", |(word, _)| word)
    }
}

/// Starts logging to the file of these paths. A second call in one process changes nothing.
pub fn start(paths: &Paths, level: Level) -> Result<(), Error> {
    if level == Level::Off {
        return Ok(());
    }
    private::make_dir(&paths.state_dir)?;
    let path = paths.log_file();
    begin_anew_when_full(&path)?;
    let file = private::open_append(&path)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter(level)))
        .with_ansi(false)
        // What cannot be written, on a full disk, would be told to the terminal, over the interface.
        .log_internal_errors(false)
        .with_writer(Mutex::new(file))
        .finish();
    // The only error is that logging was started before.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn filter(level: Level) -> String {
    SILENT.iter().fold(level.as_str().to_owned(), |filter, name| format!("{filter},{name}=off"))
}

fn begin_anew_when_full(path: &Path) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > FULL) {
        fs::rename(path, path.with_extension("log.1")).map_err(Error::io("rename", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_tell_secrets_is_off_at_every_level() {
        for (word, level) in Level::WORDS {
            assert_eq!(filter(level), format!("{word},async_imap=off,imap_proto=off,lettre=off"));
        }
    }

    #[test]
    fn a_full_log_makes_room_and_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("surat.log");
        fs::write(&path, vec![b'x'; FULL as usize + 1]).unwrap();
        begin_anew_when_full(&path).unwrap();
        assert!(!path.exists());
        assert!(home.path().join("surat.log.1").exists());
    }
}
