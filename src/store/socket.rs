//! Owns how a socket beside the database is made and found: its owner's alone, whatever the length of its path.
//!
//! What is said through it is known elsewhere.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Whoever may write to a socket may speak to us.
const OWNERS_ALONE: u32 = 0o600;

/// Makes a socket at a place where nothing is yet.
///
/// # Errors
/// As the system says; `AddrInUse` where something is.
pub fn make<T>(path: &Path, bind: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    let socket = reach(path, bind)?;
    fs::set_permissions(path, Permissions::from_mode(OWNERS_ALONE))?;
    Ok(socket)
}

/// Does something with the place of a socket. The system takes short paths only (some hundred bytes), and a data
/// directory may lie deep: then it is named by a handle on it, where the system can do that.
///
/// # Errors
/// As the system says.
pub fn reach<T>(path: &Path, act: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    match (act(path), path.parent(), path.file_name()) {
        (Err(error), Some(dir), Some(name)) if is_too_long(&error) => {
            let dir = File::open(dir)?;
            act(&Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name))
        }
        (done, ..) => done,
    }
}

fn is_too_long(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename)
}
