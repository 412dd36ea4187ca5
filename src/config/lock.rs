//! Owns the lock that decides which process does the network of a data directory.
//!
//! Anyone may edit the store without it.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::config::{Error, private};

/// What a holder writes into the lock's file that ends by itself.
const PASSING: &[u8] = b"passing\n";

/// How long a holder means to keep the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// For one piece of work: waiting for its end is worth while.
    Passing,
    /// Until the user ends it.
    Lasting,
}

/// The network of a data directory is ours as long as this lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct SyncLock {
    _file: File,
}

impl SyncLock {
    /// Takes the lock if it is free. `None`: another process has it.
    pub fn try_take(data_dir: &Path, stay: Stay) -> Result<Option<SyncLock>, Error> {
        let (path, file) = open(data_dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self::held(file, stay))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(Error::io("lock", &path)(cause)),
        }
    }

    /// Takes the lock for good as soon as it is free, however long that takes; the thread sleeps meanwhile.
    pub fn take(data_dir: &Path) -> Result<SyncLock, Error> {
        let (path, file) = open(data_dir)?;
        file.lock().map_err(Error::io("lock", &path))?;
        Ok(Self::held(file, Stay::Lasting))
    }

    /// Says how long the process that has the lock means to keep it; not to be trusted in its first moment.
    pub fn stay(data_dir: &Path) -> Stay {
        match std::fs::read(place(data_dir)) {
            Ok(said) if said == PASSING => Stay::Passing,
            _ => Stay::Lasting,
        }
    }

    fn held(mut file: File, stay: Stay) -> Self {
        // On a full disk others wait less than they could, no more.
        let _ = file.set_len(0).and_then(|()| match stay {
            Stay::Passing => file.write_all(PASSING),
            Stay::Lasting => Ok(()),
        });
        Self { _file: file }
    }
}

fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("sync.lock")
}

fn open(data_dir: &Path) -> Result<(PathBuf, File), Error> {
    private::make_dir(data_dir)?;
    let path = place(data_dir);
    let file = private::open_append(&path)?;
    Ok((path, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let try_take = |stay| SyncLock::try_take(home.path(), stay).unwrap();
        let first = try_take(Stay::Passing);
        assert!(first.is_some());
        assert!(try_take(Stay::Lasting).is_none());
        assert_eq!(SyncLock::stay(home.path()), Stay::Passing);
        let dir = home.path().to_owned();
        let waiting = std::thread::spawn(move || SyncLock::take(&dir).unwrap());
        drop(first);
        let second = waiting.join().unwrap();
        assert_eq!(SyncLock::stay(home.path()), Stay::Lasting);
        drop(second);
        assert!(try_take(Stay::Lasting).is_some());
    }
}
