//! Owns the lock that decides which process does the network of a data directory.
//!
//! Anyone may edit the store without it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::config::{Error, private};

/// The network of a data directory is ours as long as this lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct SyncLock {
    _file: File,
}

impl SyncLock {
    /// Takes the lock if it is free. `None`: another process has it.
    pub fn try_take(data_dir: &Path) -> Result<Option<SyncLock>, Error> {
        let (path, file) = open(data_dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(Error::io("lock", &path)(cause)),
        }
    }

    /// Takes the lock as soon as it is free, however long that takes; the thread sleeps meanwhile.
    pub fn take(data_dir: &Path) -> Result<SyncLock, Error> {
        let (path, file) = open(data_dir)?;
        file.lock().map_err(Error::io("lock", &path))?;
        Ok(Self { _file: file })
    }
}

fn open(data_dir: &Path) -> Result<(PathBuf, File), Error> {
    private::make_dir(data_dir)?;
    let path = data_dir.join("sync.lock");
    let file = private::open_append(&path)?;
    Ok((path, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let first = SyncLock::try_take(home.path()).unwrap();
        assert!(first.is_some());
        assert!(SyncLock::try_take(home.path()).unwrap().is_none());
        let dir = home.path().to_owned();
        let waiting = std::thread::spawn(move || SyncLock::take(&dir).is_ok());
        drop(first);
        assert!(waiting.join().unwrap());
        assert!(SyncLock::try_take(home.path()).unwrap().is_some());
    }
}
