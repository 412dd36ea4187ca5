//! The interface in a real terminal: keys typed, screen read, and the terminal given back sane.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// The longest that anything may take, with all tests running beside it.
const DEADLINE: Duration = Duration::from_secs(90);

/// A terminal with a program in it.
struct Term {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
    _home: TempDir,
}

impl Term {
    fn start(columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("tmp")).unwrap();
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_surat"));
        command.args(arguments);
        command.env_clear();
        command.env("HOME", home.path());
        command.env("TMPDIR", home.path().join("tmp"));
        command.env("TERM", "xterm-256color");
        command.cwd(home.path());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self { master: pair.master, writer, child, bytes, screen, raw: Vec::new(), _home: home }
    }

    fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Reads until the screen is as wanted.
    fn wait(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !is_so(&self.screen.screen().contents()) {
            let left = until.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("{what} never came:\n{}", self.screen.screen().contents()),
            }
        }
    }

    fn see(&mut self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits for the end; gives the status and everything that was written.
    fn end(mut self) -> (u32, String, std::path::PathBuf, TempDir) {
        let until = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.screen.screen().contents());
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.take(&bytes);
            }
        };
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(200)) {
            self.take(&bytes);
        }
        let tmp = self._home.path().join("tmp");
        (status.exit_code(), String::from_utf8_lossy(&self.raw).into_owned(), tmp, self._home)
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn mail_is_listed_read_archived_and_brought_back_in_a_terminal() {
    let mut term = Term::start(80, 24, &["demo"]);
    term.see("Offsite in Bandung");
    term.see("? help");
    // Another inbox may have come first, and the cursor stays with its conversation.
    term.press("gg");
    term.press("\r");
    term.see("second pallet");
    term.press("q");
    term.see("Enter open");
    term.press("e");
    term.see("Archived 1 conversation");
    term.press("z");
    term.see("Taken back");
    term.press("?");
    term.see("Tab all screens");
    term.press("\u{1b}");
    term.wait("the help to close", |screen| !screen.contains("Tab all screens"));
    term.press("q");
    let (status, raw, tmp, _home) = term.end();
    assert_eq!(status, 0);
    assert!(raw.contains("\u{1b}[?1049h") && raw.contains("\u{1b}[?1049l"), "the other screen is left again");
    let after = raw.rsplit("\u{1b}[?1049l").next().unwrap();
    assert!(raw.contains("\u{1b}[?1000l") || raw.contains("\u{1b}[?1003l"), "the mouse is let go");
    assert!(after.contains("nothing was kept"), "{after}");
    assert!(is_empty(&tmp), "the demo's mail is gone");
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let mut term = Term::start(120, 40, &["demo"]);
    term.see("Offsite in Bandung");
    term.wait("the folders", |screen| screen.contains("Folders"));
    for (columns, rows) in [(40, 12), (20, 5), (200, 60), (80, 24)] {
        term.resize(columns, rows);
        let wanted = if columns < 40 { "Surat needs" } else { "Offsite" };
        term.see(wanted);
    }
    term.see("? help");
    term.press("q");
    assert_eq!(term.end().0, 0);
}

#[test]
fn a_terminated_program_gives_the_terminal_back_and_its_demo_away() {
    let mut term = Term::start(80, 24, &["demo"]);
    term.see("Offsite in Bandung");
    let pid = rustix::process::Pid::from_raw(i32::try_from(term.child.process_id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (status, raw, tmp, _home) = term.end();
    assert_eq!(status, 0);
    assert!(raw.contains("\u{1b}[?1049l"), "the other screen is left again");
    assert!(is_empty(&tmp), "the demo's mail is gone");
}

#[test]
fn without_an_account_the_screen_says_how_to_begin() {
    let mut term = Term::start(80, 24, &[]);
    term.see("surat demo");
    term.see("surat account add");
    term.press("q");
    assert_eq!(term.end().0, 0);
}
