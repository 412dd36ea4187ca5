//! Owns the demo's throwaway directory: made for one run, removed after it, and swept when a run was killed.
//!
//! A running demo holds a lock in its directory; what nobody locks is nobody's.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::backend::maildir::scan;

/// How the directories' names begin.
const PREFIX: &str = "surat-demo-";
/// The file that a running demo locks.
const LOCK: &str = "lock";
/// How many names are tried before giving up.
const MOST_TRIES: usize = 20;

/// A directory that is gone when this value is.
#[derive(Debug)]
pub struct DemoDir {
    path: PathBuf,
    _lock: File,
}

impl DemoDir {
    /// Makes `surat-demo-<pid>-<random>` in `tmp`, for this user alone.
    pub fn create(tmp: &Path) -> io::Result<Self> {
        let mut last = io::Error::from(ErrorKind::AlreadyExists);
        for _ in 0..MOST_TRIES {
            let chance = RandomState::new().build_hasher().finish();
            let path = tmp.join(format!("{PREFIX}{}-{chance:016x}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path).and_then(|()| lock_new(&path)) {
                Ok(lock) => return Ok(Self { path, _lock: lock }),
                // Another one has the name, or a sweep took the directory before it was locked.
                Err(error)
                    if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) && tmp.is_dir() =>
                {
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Gives the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DemoDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("{}: is left for the next sweep: {error}", self.path.display());
        }
    }
}

/// Removes what killed demos of this user left in `tmp`, and says how many. Running ones are not touched.
pub fn sweep(tmp: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(tmp)?.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && is_own_directory(&entry.path()) && remove_dead(&entry.path()) {
            removed += 1;
        }
    }
    Ok(removed)
}

fn lock_new(directory: &Path) -> io::Result<File> {
    let path = directory.join(LOCK);
    let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    lock.lock()?;
    // A sweep may have held the lock first, and then the directory is gone.
    path.symlink_metadata()?;
    Ok(lock)
}

fn is_own_directory(path: &Path) -> bool {
    let metadata = path.symlink_metadata();
    metadata.is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw())
}

/// Removes a directory whose lock is free.
fn remove_dead(directory: &Path) -> bool {
    let lock = match scan::open(&directory.join(LOCK)) {
        Ok(lock) => Some(lock),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => return false,
    };
    match &lock {
        Some(lock) => lock.try_lock().is_ok() && fs::remove_dir_all(directory).is_ok(),
        // No lock yet and nothing else: it may be in the making, and then its maker takes another name.
        None => {
            fs::remove_dir(directory).is_ok()
                || (!directory.join(LOCK).exists() && fs::remove_dir_all(directory).is_ok())
        }
    }
}
