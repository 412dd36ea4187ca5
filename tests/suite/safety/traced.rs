//! A program under `strace`: what it asked of the kernel, as text. `tests/install` puts `strace` there.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs a program with its arguments, environment and directory, and every process that it starts, under `strace`;
/// gives its output and the calls named by `calls`, a line each.
pub fn trace(calls: &str, command: &Command) -> (Output, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = traced(calls, command, file.path()).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("strace: "), "strace could not do it: {stderr}");
    (output, fs::read_to_string(file.path()).unwrap())
}

/// Gives the command that runs a program so, and writes the calls into a file.
pub fn traced(calls: &str, command: &Command, file: &Path) -> Command {
    let mut traced = Command::new(strace());
    traced.args(["-f", "--seccomp-bpf", "-qq", "--signal=none", "-s", "16384"]);
    traced.args(["-e", &format!("trace={calls}"), "-o"]).arg(file);
    traced.arg("--").arg(command.get_program()).args(command.get_args()).env_clear();
    // What the program itself gets.
    for (name, value) in command.get_envs() {
        traced.env(name, value.unwrap());
    }
    if let Some(dir) = command.get_current_dir() {
        traced.current_dir(dir);
    }
    traced
}

/// Finds `strace` on our own PATH: the program may get another one.
fn strace() -> std::path::PathBuf {
    let path = env::var_os("PATH").unwrap();
    let found = env::split_paths(&path).map(|dir| dir.join("strace")).find(|file| file.is_file());
    found.expect("there is no strace; tests/install installs it")
}
