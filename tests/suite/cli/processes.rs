//! Several programs with the same mail: who has the lock does the network, the others ask, wait, or say why not.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use surat::config::lock::{Stay, SyncLock};

use crate::cli::mail::{BARE, LISTED, PLAIN, id_of, names};
use crate::cli::{Home, maildir};
use crate::support::wait_for;

/// The longest that anything may take, with all tests running beside it.
const DEADLINE: Duration = Duration::from_secs(90);

/// A home with a Maildir account that holds one mail.
fn new_home() -> Home {
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.one:2,", PLAIN)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home
}

fn lock(home: &Home, stay: Stay) -> SyncLock {
    SyncLock::try_take(&home.path(".local/share/surat"), stay).unwrap().expect("the lock is free")
}

/// A program whose lines on standard error are heard as they come.
struct Heard {
    child: Child,
    lines: Receiver<String>,
}

impl Heard {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    #[track_caller]
    fn hear(&self, words: &str) -> String {
        let mut all = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => all.push(line),
                Err(_) => panic!("{words:?} was never said: {all:#?}"),
            }
        }
    }

    fn end(mut self, signal: Option<Signal>) -> Option<i32> {
        if let Some(signal) = signal {
            kill_process(Pid::from_child(&self.child), signal).unwrap();
        }
        wait_for("the program to end", DEADLINE, || self.child.try_wait().unwrap()).code()
    }
}

#[test]
fn a_service_without_a_screen_brings_mail_here_and_changes_there() {
    let home = new_home();
    let watch = Heard::start(&mut home.command(&["sync", "--watch"]));
    watch.hear("surat: home: in step, 1 new");
    maildir(&home.path("Mail"), &[("2.two:2,", LISTED)]);
    watch.hear("surat: home: in step, 1 new");
    assert!(home.ok(&["list"]).contains("listed"));
    let said = home.json(&["sync"]);
    assert_eq!((&said["left_to"], &said["accounts"][0]["error"]), (&Value::Null, &Value::Null), "{said}");
    home.ok(&["mark", &id_of(&home, "one@example.org"), "--seen"]);
    watch.hear("surat: home: in step, 1 change carried over");
    assert!(names(&home.path("Mail")).iter().any(|name| name.starts_with("1.one") && name.ends_with('S')));
    assert!(home.fails(75, &["sync", "--watch"]).contains("another Surat is open with this mail"));
    assert_eq!(watch.end(Some(Signal::TERM)), Some(0));
    let left: Vec<_> =
        fs::read_dir(home.path(".local/share/surat")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".sock") && name != "sync.answers"), "{left:?}");

    let watch = Heard::start(&mut home.command(&["sync", "--watch", "--account", "home"]));
    watch.hear("in step");
    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    watch.hear("interrupted; nothing is lost");
    assert_eq!(watch.end(None), Some(130));
    drop(lock(&home, Stay::Passing));
}

#[test]
fn a_service_says_which_words_do_not_go_with_it() {
    let home = new_home();
    for flag in ["--offline", "--json"] {
        let run = home.run(&["sync", "--watch", flag]);
        assert!(run.status == 2 && run.stderr.contains(flag), "{run:?}");
    }
    assert!(home.ok(&["sync", "--help"]).contains("--watch"));
}

#[test]
fn an_account_that_the_open_one_does_not_know_is_said_to_be_that() {
    let home = new_home();
    let watch = Heard::start(&mut home.command(&["sync", "--watch"]));
    watch.hear("in step");
    maildir(&home.path("Late"), &[("9.nine:2,", BARE)]);
    home.ok(&["account", "add", "b@late.org", "--no-input", "--maildir", "Late"]);
    let run = home.run(&["sync"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stdout.starts_with("home: ") && run.stderr.contains("late: the Surat that is open does not"),
        "{run:?}"
    );
    let run = home.run(&["sync", "--account", "home"]);
    assert!(run.status == 0 && run.stderr.contains("waiting for its report"), "{run:?}");
    assert_eq!(home.run(&["sync", "--account", "late"]).status, 1);
    assert_eq!(watch.end(Some(Signal::TERM)), Some(0));
}

#[test]
fn a_command_that_is_at_work_is_waited_for() {
    let home = new_home();
    let held = lock(&home, Stay::Passing);
    let sync = Heard::start(&mut home.command(&["sync"]));
    sync.hear("another command is at work");
    drop(held);
    assert_eq!(sync.end(None), Some(0));
    assert_eq!(home.json(&["list"]).as_array().unwrap().len(), 1);
}

/// Another Surat that takes questions, and answers them as a test says.
struct Other {
    listener: UnixListener,
    answers: PathBuf,
    _lock: SyncLock,
}

impl Other {
    fn open(home: &Home) -> Self {
        let lock = lock(home, Stay::Lasting);
        let answers = home.path(".local/share/surat/sync.answers");
        Self { listener: UnixListener::bind(&answers).unwrap(), answers, _lock: lock }
    }

    /// Takes a question.
    fn take(&self, question: &str) -> UnixStream {
        let (mut asked, _) = self.listener.accept().unwrap();
        asked.write_all(b"\n").unwrap();
        let mut line = String::new();
        BufReader::new(&asked).read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), question);
        asked
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        fs::remove_file(&self.answers).unwrap();
    }
}

#[test]
fn one_that_is_still_at_work_after_long_is_said_to_be_that() {
    let home = new_home();
    let other = Other::open(&home);
    let sync = Heard::start(&mut home.command(&["sync"]));
    other.take("[\"home\"]").write_all(b"\n\n{\"known\":[\"home\"],\"synced\":[]}").unwrap();
    sync.hear("home: the Surat that is open is still at work on it");
    assert_eq!(sync.end(None), Some(75));
}

#[test]
fn one_that_ends_while_it_is_asked_leaves_the_work_to_who_asked() {
    let home = new_home();
    let other = Other::open(&home);
    let sync = Heard::start(&mut home.command(&["sync"]));
    let asked = other.take("[\"home\"]");
    sync.hear("waiting for its report");
    drop((asked, other));
    assert_eq!(sync.end(None), Some(0));
    assert_eq!(home.json(&["list"]).as_array().unwrap().len(), 1);
}
