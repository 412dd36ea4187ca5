//! The real binary with a home of its own: what it prints, where, and with which status it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

mod account;
mod changing;
pub mod imap;
pub mod mail;
mod processes;
mod sync;
mod usage;

/// A person's computer: a home directory and nothing else.
pub struct Home {
    dir: tempfile::TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub bytes: Vec<u8>,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub fn config_file(&self) -> PathBuf {
        self.path(".config/surat/config.toml")
    }

    /// Writes the configuration as a person would, private.
    pub fn write_config(&self, text: &str) {
        fs::create_dir_all(self.config_file().parent().unwrap()).unwrap();
        surat::config::private::replace(&self.config_file(), text.as_bytes()).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_surat"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8")
            .env("RUST_BACKTRACE", "1")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            bytes: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs what must succeed, and gives its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.status, 0, "surat {arguments:?}: {run:?}");
        run.stdout
    }

    /// Runs what must succeed with `--json`, and gives the document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let stdout = self.ok(&arguments);
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("surat {arguments:?}: {error}: {stdout}"))
    }

    /// Runs what must fail with `--json`, and gives the words: the same in the document and on standard error.
    pub fn json_failure(&self, status: i32, arguments: &[&str]) -> String {
        let arguments = [arguments, &["--json"]].concat();
        let run = self.run(&arguments);
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        assert_eq!(
            (run.status, &document["exit_status"]),
            (status, &Value::from(status)),
            "surat {arguments:?}: {run:?}"
        );
        let words = document["error"].as_str().unwrap().to_owned();
        words.lines().for_each(|line| assert!(run.stderr.contains(line), "surat {arguments:?}: {run:?}"));
        words
    }

    /// Runs what must fail: with this status, words on standard error and nothing on standard output.
    pub fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.status, status, "surat {arguments:?}: {run:?}");
        assert_eq!(run.stdout, "", "surat {arguments:?}");
        assert!(run.stderr.starts_with("surat: "), "surat {arguments:?}: {run:?}");
        run.stderr
    }
}

/// Makes a Maildir and puts messages into it as one does that another program looks at: whole.
pub fn maildir(root: &Path, messages: &[(&str, &[u8])]) {
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    for (name, bytes) in messages {
        fs::write(root.join("tmp").join(name), bytes).unwrap();
        fs::rename(root.join("tmp").join(name), root.join("cur").join(name)).unwrap();
    }
}
