//! Owns how a process that wants a sync asks the one that does the network of the same mail, and gets its report: a
//! socket beside the lock, one question a connection, one JSON document back.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::accounts::AccountManager;
use crate::accounts::desk::{Done, Event};
use crate::accounts::sync::Synced;

/// Whoever asks is answered within this time, with what is done by then.
const LONGEST: Duration = Duration::from_secs(600);
/// A report is never longer than this.
const MOST_BYTES: u64 = 1024 * 1024;

/// What every account has done last.
#[derive(Debug, Default)]
pub struct Board {
    last: Mutex<BTreeMap<String, Done>>,
    changed: Condvar,
}

impl Board {
    /// Notes what a worker tells.
    pub fn note(&self, event: &Event) {
        if let Some(done) = &event.done {
            self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(event.name.clone(), done.clone());
            self.changed.notify_all();
        }
    }

    /// Waits until every account has done what was wished, for so long at most; gives what is done by then.
    fn wait(&self, names: &[String], checks: u64, longest: Duration) -> Vec<Synced> {
        let began = Instant::now();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_done =
            |last: &BTreeMap<String, Done>, name: &String| last.get(name).is_some_and(|done| done.checks >= checks);
        let (last, _) = self
            .changed
            .wait_timeout_while(last, longest, |last| !names.iter().all(|name| is_done(last, name)))
            .unwrap_or_else(PoisonError::into_inner);
        let took = began.elapsed();
        let synced = |(name, done): (&String, &Done)| Synced {
            account: name.clone(),
            report: done.report.clone(),
            took,
            was_reached: done.was_reached,
        };
        last.iter().filter(|(name, _)| is_done(&last, name)).map(synced).collect()
    }
}

/// Answers those who ask for as long as this lives.
#[derive(Debug)]
pub struct Relay {
    path: PathBuf,
    is_open: Arc<AtomicBool>,
}

impl Relay {
    /// Begins to answer. Only who has the lock of the data directory may.
    pub fn open(data_dir: &Path, manager: Weak<AccountManager>, board: Arc<Board>) -> io::Result<Self> {
        let path = place(data_dir);
        // The lock is ours, so whoever made it is gone.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let relay = Self { path, is_open: Arc::new(AtomicBool::new(true)) };
        let is_open = relay.is_open.clone();
        thread::Builder::new().name("relay".into()).spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), true) = (stream, is_open.load(Ordering::SeqCst)) else { return };
                let (manager, board) = (manager.clone(), board.clone());
                let answering = move || {
                    if let Err(error) = answer(stream, &manager, &board) {
                        tracing::info!(%error, "who asked for a sync has gone");
                    }
                };
                if thread::Builder::new().name("answer".into()).spawn(answering).is_err() {
                    return;
                }
            }
        })?;
        Ok(relay)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::SeqCst);
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn answer(mut stream: UnixStream, manager: &Weak<AccountManager>, board: &Board) -> io::Result<()> {
    let Some((names, checks)) = manager.upgrade().map(|manager| (manager.names(), manager.check_now())) else {
        return Ok(());
    };
    let synced = board.wait(&names, checks, LONGEST);
    stream.write_all(&serde_json::to_vec(&synced)?)
}

/// Has the process that does the network look for news, and gives what became of it. An error: nobody answers.
pub fn ask(data_dir: &Path) -> io::Result<Vec<Synced>> {
    let stream = UnixStream::connect(place(data_dir))?;
    stream.set_read_timeout(Some(LONGEST + Duration::from_secs(5)))?;
    let mut said = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut said)?;
    Ok(serde_json::from_slice(&said)?)
}

fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("sync.answers")
}
