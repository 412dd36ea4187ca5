//! A program that is killed at an exact commit of its store: by a few lines of C that it is started with (`halt.c`),
//! because under `strace` every thread is counted by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::dovecot::scratch_dir;

/// A moment: right before, or right after, the write that makes a transaction durable here (the first is 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    Before(usize),
    After(usize),
}

/// Has a program killed at a moment.
pub fn killed_at(mut command: Command, commit: Commit) -> Command {
    let (name, number) = match commit {
        Commit::Before(number) => ("HALT_BEFORE", number),
        Commit::After(number) => ("HALT_AFTER", number),
    };
    command.env("LD_PRELOAD", library()).env(name, number.to_string());
    command
}

/// Runs a program undisturbed and counts its commits.
pub fn count_commits(mut command: Command, file: &Path) -> usize {
    fs::write(file, "").unwrap();
    let output = command.env("LD_PRELOAD", library()).env("HALT_COUNT", file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(file).unwrap().len()
}

/// Compiles the lines of C, once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let file = scratch_dir().join("halt.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/halt.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&file, &source])
            .arg("-ldl")
            .output()
            .expect("a C compiler, which building Surat needs too");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        file
    })
}
