//! Owns how a process that wants a sync asks the one that does the network of the same mail, and gets its report: a
//! socket beside the lock, a line of names to it, and back a breath now and then until the JSON document comes.
//!
//! Who has the lock is known elsewhere.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use serde::{Deserialize, Serialize};

use crate::accounts::AccountManager;
use crate::accounts::board::Board;
use crate::accounts::sync::Synced;
use crate::store::socket;

/// Whoever asks is answered within this time, with what is done by then.
pub const LONGEST: Duration = Duration::from_secs(600);
/// Whoever answers lets himself be heard so often.
const BREATH: Duration = Duration::from_secs(1);
/// Who is silent for so long stands still, or is gone.
const SILENCE: Duration = Duration::from_secs(5);
/// A question is never longer than this.
const MOST_ASKED: u64 = 256 * 1024;
/// An answer is never longer than this.
const MOST_ANSWERED: usize = 4 * 1024 * 1024;
/// Where no more files can be opened, the next try comes after this pause.
const REST: Duration = Duration::from_secs(1);

/// A breath: the document may begin with any number of them.
const SPACE: &[u8] = b"\n";

/// What the one that is asked answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Those of the accounts asked for that it looks after.
    pub known: Vec<String>,
    /// What became of those that are done.
    pub synced: Vec<Synced>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody is there, or nobody any more.
    Gone(io::Error),
    /// Somebody is there and does not stir: put to sleep, most likely.
    Still,
}

/// Answers those who ask for as long as this lives.
#[derive(Debug)]
pub struct Relay {
    path: PathBuf,
    is_open: Arc<AtomicBool>,
}

impl Relay {
    /// Begins to answer. Only who has the lock of the data directory may.
    ///
    /// # Errors
    /// As the system says.
    pub fn open(data_dir: &Path, manager: Weak<AccountManager>, board: Arc<Board>) -> io::Result<Self> {
        let path = place(data_dir);
        // The lock is ours, so whoever made it is gone.
        let _ = std::fs::remove_file(&path);
        let listener = socket::make(&path, |path| UnixListener::bind(path))?;
        let relay = Self { path, is_open: Arc::new(AtomicBool::new(true)) };
        let is_open = relay.is_open.clone();
        thread::Builder::new().name("relay".into()).spawn(move || {
            for stream in listener.incoming() {
                if !is_open.load(Ordering::SeqCst) {
                    return;
                }
                let (manager, board) = (manager.clone(), board.clone());
                let answering = stream.and_then(|stream| {
                    let answering = move || {
                        if let Err(error) = answer(&stream, &manager, &board) {
                            tracing::info!(%error, "who asked for a sync has gone");
                        }
                    };
                    thread::Builder::new().name("answer".into()).spawn(answering)
                });
                if let Err(error) = answering {
                    tracing::warn!(%error, "who asks for a sync cannot be answered now");
                    thread::sleep(REST);
                }
            }
        })?;
        Ok(relay)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::SeqCst);
        let _ = connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn answer(mut stream: &UnixStream, manager: &Weak<AccountManager>, board: &Board) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.write_all(SPACE)?;
    let mut question = Vec::new();
    BufReader::new(stream.take(MOST_ASKED)).read_until(b'\n', &mut question)?;
    let asked: Vec<String> = serde_json::from_slice(&question)?;
    let Some(manager) = manager.upgrade() else { return Ok(()) };
    let mut wait = board.wait(move || manager.check(|name| asked.iter().any(|asked| asked == name)));
    let until = Instant::now() + LONGEST;
    while !wait.is_done(BREATH) && Instant::now() < until {
        stream.write_all(SPACE)?;
    }
    let (known, synced) = wait.end();
    stream.write_all(&serde_json::to_vec(&Answer { known, synced })?)
}

/// A question that somebody has taken.
#[derive(Debug)]
pub struct Asked {
    stream: UnixStream,
    until: Instant,
}

/// Asks the process that does the network to look for news of these accounts.
///
/// # Errors
/// Nobody has taken the question.
pub fn ask(data_dir: &Path, names: &[String]) -> Result<Asked, Unanswered> {
    let mut stream = connect(&place(data_dir))?;
    stream.set_read_timeout(Some(SILENCE))?;
    let mut question = serde_json::to_vec(names).map_err(io::Error::from)?;
    question.push(b'\n');
    stream.write_all(&question)?;
    let mut asked = Asked { stream, until: Instant::now() + LONGEST + SILENCE };
    asked.hear(&mut [0])?;
    Ok(asked)
}

impl Asked {
    /// Waits for the answer.
    ///
    /// # Errors
    /// It will not come any more.
    pub fn answer(mut self) -> Result<Answer, Unanswered> {
        let (mut said, mut portion) = (Vec::new(), [0; 4096]);
        loop {
            match self.hear(&mut portion)? {
                [] => return Ok(serde_json::from_slice(&said).map_err(io::Error::from)?),
                heard => said.extend_from_slice(heard),
            }
            if said.len() > MOST_ANSWERED || Instant::now() > self.until {
                return Err(Unanswered::Still);
            }
        }
    }

    fn hear<'a>(&mut self, portion: &'a mut [u8]) -> Result<&'a [u8], Unanswered> {
        loop {
            match self.stream.read(portion) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return Ok(portion.get(..read?).unwrap_or_default()),
            }
        }
    }
}

impl From<io::Error> for Unanswered {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Still,
            _ => Self::Gone(error),
        }
    }
}

/// Connects, and says what comes within a while: where many have asked one that stands still, even this waits.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(SILENCE))?;
    socket::reach(path, |path| Ok(rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?))?;
    Ok(socket.into())
}

fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("sync.answers")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::accounts::desk::Listener;
    use crate::config::{Account, Source};
    use crate::store::Store;

    /// Two accounts of which one has a Maildir, kept in step by a manager.
    fn employ(dir: &Path, board: &Arc<Board>) -> (tokio::runtime::Runtime, Arc<AccountManager>) {
        let maildir = dir.join("Mail");
        ["cur", "new", "tmp"].iter().for_each(|part| std::fs::create_dir_all(maildir.join(part)).unwrap());
        let account = |name, path| Account::new(name, "me@example.org", Source::Maildir { path });
        let accounts = [account("here", maildir), account("nowhere", dir.join("none"))];
        let store = Store::open(dir).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let noted = board.clone();
        let listener: Listener = Arc::new(move |event| noted.note(&event));
        let manager = AccountManager::start(runtime.handle(), &store, &accounts, false, &listener).unwrap();
        (runtime, Arc::new(manager))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_asked_for_is_answered_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        // Deeper than the system takes in one.
        let dir = home.path().join("d".repeat(150));
        std::fs::create_dir(&dir).unwrap();
        assert!(matches!(ask(&dir, &[]), Err(Unanswered::Gone(_))), "nobody is there yet");
        let board = Arc::new(Board::default());
        let (_runtime, manager) = employ(&dir, &board);
        let relay = Relay::open(&dir, Arc::downgrade(&manager), board).unwrap();
        assert_eq!(std::fs::metadata(&relay.path).unwrap().permissions().mode() & 0o777, 0o600);
        let answer = |asked: &[&str]| ask(&dir, &names(asked)).unwrap().answer().unwrap();
        let said = answer(&["here", "unknown"]);
        assert_eq!(said.known, ["here"]);
        assert!(said.synced.iter().map(|synced| &synced.account).eq(["here"]), "{said:?}");
        assert_eq!(said.synced.first().and_then(|synced| synced.report.error.clone()), None);
        let said = answer(&["nowhere"]);
        assert!(said.synced.first().is_some_and(|synced| synced.report.error.is_some()), "{said:?}");
        assert_eq!(answer(&["unknown"]), Answer::default());
        drop(relay);
        assert!(matches!(ask(&dir, &[]), Err(Unanswered::Gone(_))), "nobody is there any more");
        assert!(!place(&dir).exists());
    }

    #[test]
    fn one_that_stands_still_is_told_from_one_that_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(place(home.path())).unwrap();
        assert!(matches!(ask(home.path(), &[]), Err(Unanswered::Still)));
        let going = thread::spawn(move || {
            // The first one has given up long ago.
            let _gave_up = listener.accept().unwrap();
            listener.accept().unwrap().0.write_all(SPACE).unwrap();
        });
        assert!(matches!(ask(home.path(), &[]).unwrap().answer(), Err(Unanswered::Gone(_))));
        going.join().unwrap();
    }
}
