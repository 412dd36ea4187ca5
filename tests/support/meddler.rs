//! A wire that understands what it carries: a proxy on loopback, for plain text, that reads IMAP commands and answers
//! one by one, cuts at an exact command, answers in the server's stead, and forges what the server says.
//!
//! What is to happen is a test's word for each command and each answer. Wires that break at bytes are `proxy`'s.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A command that a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Over all connections, from 1 on, since [`Meddler::begin`].
    pub number: usize,
    pub tag: String,
    /// From the verb on, in its first line.
    pub text: String,
}

impl Command {
    /// Says whether it begins so, whatever the case.
    pub fn is(&self, verb: &str) -> bool {
        self.text.to_ascii_uppercase().starts_with(verb)
    }
}

/// What becomes of a command.
pub enum Fate {
    /// It is handed on.
    Pass,
    /// Once everything before it is answered, this is done, and then it is handed on.
    Do(Box<dyn FnOnce() + Send>),
    /// The same, and then the connection is cut; the server never hears of the command.
    DoAndCut(Box<dyn FnOnce() + Send>),
    /// Everything before it is answered; then the connection is cut, and the server never hears of it.
    CutBefore,
    /// It is handed on up to the middle of its first literal; then the connection is cut.
    CutWithin,
    /// It is handed on and done; then the connection is cut, and the client hears nothing of its answer.
    CutAfter,
    /// Once everything before it is answered, this is the answer (`{tag}` is its tag), and the server never hears of it.
    Answer(String),
    /// The same, and then the connection is cut.
    AnswerAndCut(String),
}

/// Decides about each command. What was sent before it may still be unanswered.
pub type Judge = Box<dyn FnMut(&Command) -> Fate + Send>;

/// Rewrites each answer, a line with its literals and its line end; the first word is the command's that is being
/// answered (empty: none), from the verb on.
pub type Forger = Box<dyn FnMut(&str, Vec<u8>) -> Vec<u8> + Send>;

/// A running proxy. With it ends its listening; what it carries goes on until either side hangs up.
pub struct Meddler {
    pub port: u16,
    rules: Arc<Rules>,
    is_over: Arc<AtomicBool>,
}

struct Rules {
    judge: Mutex<Judge>,
    forger: Mutex<Forger>,
    seen: Mutex<Vec<String>>,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It wakes the thread that listens.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Meddler {
    /// Starts a proxy before a port of this machine that does nothing yet.
    pub fn start(to: u16) -> Meddler {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let rules = Arc::new(Rules {
            judge: Mutex::new(Box::new(|_| Fate::Pass)),
            forger: Mutex::new(Box::new(|_, answer| answer)),
            seen: Mutex::new(Vec::new()),
        });
        let is_over = Arc::new(AtomicBool::new(false));
        let (theirs, ends) = (rules.clone(), is_over.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                carry(client, server, theirs.clone()).ok();
            }
        });
        Meddler { port, rules, is_over }
    }

    /// Counts from 1 again, and has this decide about commands.
    pub fn begin(&self, judge: impl FnMut(&Command) -> Fate + Send + 'static) {
        *self.rules.judge.lock().unwrap() = Box::new(judge);
        self.rules.seen.lock().unwrap().clear();
    }

    /// Has this rewrite what the server says.
    pub fn forge(&self, forger: impl FnMut(&str, Vec<u8>) -> Vec<u8> + Send + 'static) {
        *self.rules.forger.lock().unwrap() = Box::new(forger);
    }

    /// The commands since [`Meddler::begin`], each from its verb on.
    pub fn seen(&self) -> Vec<String> {
        self.rules.seen.lock().unwrap().clone()
    }
}

/// What is under way on one connection.
#[derive(Default)]
struct Wire {
    /// Tags and commands that the server has not answered yet, and whether the answer is to be kept back.
    open: VecDeque<(String, String, bool)>,
    is_over: bool,
}

type Shared = Arc<(Mutex<Wire>, Condvar)>;

fn carry(client: TcpStream, server: TcpStream, rules: Arc<Rules>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let shared: Shared = Arc::default();
    let (client_in, server_in) = (BufReader::new(client.try_clone()?), BufReader::new(server.try_clone()?));
    let (their_shared, their_rules, their_client) = (shared.clone(), rules.clone(), client.try_clone()?);
    thread::spawn(move || {
        let mut up = Upstream { from: client_in, to: &server, back: &their_client, rules: &their_rules };
        up.run(&their_shared).ok();
        // Whoever closes with unread bytes resets the connection, and the last words may be lost.
        their_client.shutdown(Shutdown::Write).ok();
        server.shutdown(Shutdown::Both).ok();
        their_client.set_read_timeout(Some(Duration::from_secs(5))).ok();
        while let Ok(1..) = up.from.read(&mut [0; 4096]) {}
        their_client.shutdown(Shutdown::Both).ok();
    });
    thread::spawn(move || {
        downstream(server_in, &client, &rules, &shared).ok();
        let (wire, changed) = &*shared;
        wire.lock().unwrap().is_over = true;
        changed.notify_all();
        client.shutdown(Shutdown::Write).ok();
        // The other thread may be waiting for the client's next word.
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(5));
            client.shutdown(Shutdown::Both).ok();
        });
    });
    Ok(())
}

struct Upstream<'a> {
    from: BufReader<TcpStream>,
    to: &'a TcpStream,
    back: &'a TcpStream,
    rules: &'a Rules,
}

impl Upstream<'_> {
    fn run(&mut self, shared: &Shared) -> io::Result<()> {
        loop {
            let line = read_line(&mut self.from)?;
            let text = String::from_utf8_lossy(&line).trim_end().to_string();
            let Some((tag, text)) = text.split_once(' ').filter(|(tag, _)| !tag.is_empty()) else {
                // DONE, or a step of AUTHENTICATE.
                self.to.write_all(&line)?;
                continue;
            };
            let (mut is_cut, mut words) = (false, None);
            match self.judge(tag, text) {
                Fate::Pass => {}
                Fate::Do(act) => {
                    wait_until_answered(shared)?;
                    act();
                }
                Fate::DoAndCut(act) => {
                    wait_until_answered(shared)?;
                    act();
                    return Ok(());
                }
                Fate::CutBefore => return wait_until_answered(shared),
                Fate::CutWithin => return self.hand_on_half(&line),
                Fate::CutAfter => is_cut = true,
                Fate::Answer(answer) => words = Some(answer),
                Fate::AnswerAndCut(answer) => (is_cut, words) = (true, Some(answer)),
            }
            if let Some(words) = words {
                self.swallow(&line)?;
                wait_until_answered(shared)?;
                self.back.write_all(words.replace("{tag}", tag).as_bytes())?;
                if is_cut {
                    return Ok(());
                }
            } else {
                let (wire, _) = &**shared;
                wire.lock().unwrap().open.push_back((tag.to_string(), text.to_string(), is_cut));
                self.hand_on(line)?;
            }
        }
    }

    fn judge(&self, tag: &str, text: &str) -> Fate {
        let mut seen = self.rules.seen.lock().unwrap();
        // A password is nobody's business.
        let shown = if text.starts_with("LOGIN") { "LOGIN" } else { text };
        seen.push(shown.to_string());
        let number = seen.len();
        drop(seen);
        (self.rules.judge.lock().unwrap())(&Command { number, tag: tag.to_string(), text: text.to_string() })
    }

    /// Hands on a command with all its literals.
    fn hand_on(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        loop {
            self.to.write_all(&line)?;
            let Some(size) = literal_size(&line) else { return Ok(()) };
            io::copy(&mut (&mut self.from).take(size), &mut &*self.to)?;
            line = read_line(&mut self.from)?;
        }
    }

    fn hand_on_half(&mut self, line: &[u8]) -> io::Result<()> {
        self.to.write_all(line)?;
        let half = literal_size(line).unwrap_or(0) / 2;
        io::copy(&mut (&mut self.from).take(half), &mut &*self.to).map(drop)
    }

    /// Reads a command's literals, as a server does that does not care.
    fn swallow(&mut self, line: &[u8]) -> io::Result<()> {
        let mut line = line.to_vec();
        while let Some(size) = literal_size(&line) {
            if !line.ends_with(b"+}\r\n") {
                self.back.write_all(b"+ go on\r\n")?;
            }
            io::copy(&mut (&mut self.from).take(size), &mut io::sink())?;
            line = read_line(&mut self.from)?;
        }
        Ok(())
    }
}

fn wait_until_answered(shared: &Shared) -> io::Result<()> {
    let (wire, changed) = &**shared;
    let until_then = |wire: &mut Wire| !wire.open.is_empty() && !wire.is_over;
    let (wire, waited) = changed.wait_timeout_while(wire.lock().unwrap(), Duration::from_secs(60), until_then).unwrap();
    if wire.is_over || waited.timed_out() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

fn downstream(mut from: BufReader<TcpStream>, mut to: &TcpStream, rules: &Rules, shared: &Shared) -> io::Result<()> {
    let (wire, changed) = &**shared;
    loop {
        let answer = read_answer(&mut from)?;
        let (mut under_way, mut is_kept_back, mut is_end) = (String::new(), false, false);
        {
            let wire = wire.lock().unwrap();
            if let Some((tag, text, is_cut)) = wire.open.front() {
                (under_way, is_kept_back) = (text.clone(), *is_cut);
                is_end = answer.starts_with(format!("{tag} ").as_bytes());
            }
        }
        if !is_kept_back || answer.starts_with(b"+ ") {
            let forged = (rules.forger.lock().unwrap())(&under_way, answer);
            to.write_all(&forged)?;
        }
        if is_end {
            if is_kept_back {
                return Ok(());
            }
            wire.lock().unwrap().open.pop_front();
            changed.notify_all();
        }
    }
}

fn read_line(from: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads a line with all its literals.
fn read_answer(from: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    loop {
        let line = read_line(from)?;
        let size = literal_size(&line);
        answer.extend(line);
        let Some(size) = size else { return Ok(answer) };
        from.take(size).read_to_end(&mut answer)?;
    }
}

fn literal_size(line: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(line).into_owned();
    text.trim_end().strip_suffix('}')?.rsplit_once('{')?.1.trim_end_matches('+').parse().ok()
}
