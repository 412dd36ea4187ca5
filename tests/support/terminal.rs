//! A terminal with a program in it: keys go in, the screen is read, every byte is kept.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::wait_for;

/// The longest that anything may take, with all tests running beside it.
const DEADLINE: Duration = Duration::from_secs(90);

/// A terminal with a program in it.
pub struct Term {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Term {
    /// Starts a program with its arguments, directory and environment, and nothing else of ours.
    pub fn start(program: &Command, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program.get_program());
        command.args(program.get_args());
        command.env_clear();
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap());
        }
        command.env("TERM", "xterm-256color");
        command.cwd(program.get_current_dir().unwrap());
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
        Self { master: pair.master, writer, child, bytes, screen, raw: Vec::new() }
    }

    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Reads until the screen is as wanted.
    #[track_caller]
    pub fn wait(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let until = Instant::now() + DEADLINE;
        while self.is_drawing() || !is_so(&self.text()) {
            let left = until.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("{what} never came:\n{}", self.text()),
            }
        }
    }

    #[track_caller]
    pub fn see(&mut self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Says whether half of a screen is there (a synchronized update has begun and not ended).
    fn is_drawing(&self) -> bool {
        const UPDATE: &[u8] = b"\x1b[?2026";
        let begun = self.raw.windows(UPDATE.len() + 1).rev().find(|window| window.starts_with(UPDATE));
        begun.is_some_and(|window| window.ends_with(b"h"))
    }

    /// What the screen says.
    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Asks the program to end, as the system does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Has the program find everything at once that is done meanwhile: it stands still until then.
    pub fn at_once(&mut self, act: impl FnOnce(&mut Self)) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.child.process_id().unwrap());
        wait_for("the program to stand still", DEADLINE, || {
            std::fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())
        });
        act(self);
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; gives the status and everything that was written.
    pub fn end(self) -> (u32, String) {
        let (status, raw) = self.end_with_bytes();
        (status, String::from_utf8_lossy(&raw).into_owned())
    }

    /// The same with every byte as it came.
    pub fn end_with_bytes(mut self) -> (u32, Vec<u8>) {
        let until = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(20)) {
                self.take(&bytes);
            }
        };
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(200)) {
            self.take(&bytes);
        }
        (status.exit_code(), self.raw)
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}
