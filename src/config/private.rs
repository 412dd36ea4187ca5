//! Owns making files and directories that nobody else can read, and replacing a file in one step.
//!
//! It knows nothing of what is in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process;

use crate::config::Error;

/// The mode of a private file.
const FILE: u32 = 0o600;
/// The mode of a private directory.
const DIR: u32 = 0o700;

/// Makes a directory with all above it, each new one 0700. One that is there keeps its mode.
pub fn make_dir(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(DIR).create(path).map_err(Error::io("make the directory", path))
}

/// Opens a file for appending, 0600 whether it is new or not.
pub fn open_append(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FILE);
    let file = options.open(path).map_err(Error::io("open", path))?;
    file.set_permissions(fs::Permissions::from_mode(FILE)).map_err(Error::io("protect", path))?;
    Ok(file)
}

/// Replaces a file by another one, 0600: whoever reads it meanwhile, or after a crash, sees all of the old or all of
/// the new. A link is followed, so that it stays a link.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = real.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let draft = dir.join(format!(".{name}.{}.new", process::id()));
    let done = write_durably(&draft, bytes)
        .and_then(|()| fs::rename(&draft, &real))
        .and_then(|()| File::open(dir)?.sync_all());
    if done.is_err() {
        // The error that is returned says more than one about the leftover would.
        let _ = fs::remove_file(&draft);
    }
    done.map_err(Error::io("write", path))
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_replaced_file_is_private_and_a_link_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real.toml"), home.path().join("config.toml"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&real), FILE);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn new_directories_and_logs_are_private() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a/b");
        make_dir(&dir).unwrap();
        assert_eq!(mode(&dir), DIR);
        let log = dir.join("surat.log");
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
        open_append(&log).unwrap();
        assert_eq!(mode(&log), FILE);
    }
}
