//! Owns the lock that decides which process does the network of a data directory.
//!
//! Anyone may edit the store without it.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::config::{Error, private};

/// The network of a data directory is ours as long as this lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct SyncLock {
    _file: File,
}

impl SyncLock {
    /// Takes the lock if it is free. `None`: another process has it.
    pub fn try_take(data_dir: &Path) -> Result<Option<SyncLock>, Error> {
        private::make_dir(data_dir)?;
        let path = data_dir.join("sync.lock");
        let file = private::open_append(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(Error::io("lock", &path)(cause)),
        }
    }
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
        drop(first);
        assert!(SyncLock::try_take(home.path()).unwrap().is_some());
    }
}
