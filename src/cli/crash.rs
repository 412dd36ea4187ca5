//! Owns what a bug looks like: one sentence on standard error, the details in a private file.
//!
//! It does not restore the terminal: the interface does that before it calls what was installed here.

use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::cli;
use crate::config::private;

/// The file for the details, once it is known where things are. The demo writes nothing.
static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Installs the hook; the process then ends with status 101.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let told = match file().filter(|path| write_details(path, info).is_ok()) {
            Some(path) => format!("the details are in {}", path.display()),
            None => format!("the details: {}", place(info)),
        };
        cli::say(&format!("stopped unexpectedly; this is a bug, your mail is safe; {told}"));
    }));
}

/// Says where the details go from now on: beside the log.
pub fn keep_in(state_dir: &Path) {
    // A second call in one process changes nothing.
    let _ = FILE.set(state_dir.join("crash.txt"));
}

/// Gives the file for the details; none where nothing is to be written.
pub fn file() -> Option<&'static Path> {
    FILE.get().map(PathBuf::as_path)
}

fn write_details(path: &Path, info: &PanicHookInfo<'_>) -> Result<(), crate::config::Error> {
    private::make_dir(path.parent().unwrap_or(Path::new(".")))?;
    let mut file = private::open_append(path)?;
    let version = env!("CARGO_PKG_VERSION");
    let message = info.payload_as_str().unwrap_or("no message");
    let trace = Backtrace::force_capture();
    writeln!(file, "surat {version}: {}: {message}\n{trace}", place(info))
        .map_err(crate::config::Error::io("write", path))
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_go_where_the_run_keeps_its_things_and_only_once_that_is_known() {
        assert_eq!(file(), None);
        let dir = tempfile::tempdir().unwrap();
        let paths = crate::config::Paths::find(None, Some(dir.path())).unwrap();
        keep_in(&paths.state_dir);
        keep_in(Path::new("/elsewhere"));
        assert_eq!(file(), Some(dir.path().join("state/crash.txt").as_path()));
    }
}
