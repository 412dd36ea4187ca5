//! A wire that can be made bad: a TCP proxy on loopback that counts, cuts, stalls, splits and hides capabilities and
//! what a server tells.
//!
//! It works on bytes; only hiding looks at lines, so it is of use on plain text alone.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is to be wrong with the wire; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Both ways are cut once the server has sent so many bytes over a connection.
    pub cut_after_in: Option<u64>,
    /// Both ways are cut once the client has sent so many bytes over a connection.
    pub cut_after_out: Option<u64>,
    /// Nothing of the server comes through after so many bytes; the connection stays open.
    pub stall_after_in: Option<u64>,
    /// Every byte of the server goes alone.
    pub is_split: bool,
    /// Words that are taken out of every list of capabilities: `QRESYNC`, `IDLE` …
    pub hidden: Vec<&'static str>,
    /// Codes in brackets that are taken out of every answer: `COPYUID`, `APPENDUID`.
    pub untold: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Counters {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    round_trips: AtomicU64,
    connections: AtomicU64,
    // The last byte went from server to client: the next one from the client begins a round trip.
    is_answered: AtomicBool,
    sent: Mutex<Vec<u8>>,
}

/// A running proxy. With it ends its listening; what it carries goes on until either side hangs up.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    counters: Arc<Counters>,
    faults: Arc<Mutex<Faults>>,
    is_over: Arc<AtomicBool>,
    carried: Arc<Mutex<Vec<TcpStream>>>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It wakes the thread that listens.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// What went over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// From the server.
    pub bytes_in: u64,
    /// From the client.
    pub bytes_out: u64,
    /// Times the client spoke after the server had.
    pub round_trips: u64,
}

impl Proxy {
    /// Starts a proxy before a port of this machine.
    pub fn start(to: u16, faults: Faults) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let counters = Arc::new(Counters { is_answered: AtomicBool::new(true), ..Counters::default() });
        let faults = Arc::new(Mutex::new(faults));
        let (their_counters, their_faults) = (counters.clone(), faults.clone());
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let carried = Arc::new(Mutex::new(Vec::new()));
        let their_carried = carried.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (counters, faults) = (their_counters.clone(), their_faults.lock().unwrap().clone());
                counters.connections.fetch_add(1, Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                their_carried.lock().unwrap().extend(client.try_clone());
                carry(client, server, counters, faults);
            }
        });
        Proxy { port, counters, faults, is_over, carried }
    }

    /// Changes what is wrong, for the connections that come after.
    pub fn set(&self, faults: Faults) {
        *self.faults.lock().unwrap() = faults;
    }

    /// Cuts every connection that there is.
    pub fn cut(&self) {
        for stream in self.carried.lock().unwrap().drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    pub fn counted(&self) -> Counted {
        Counted {
            bytes_in: self.counters.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.counters.bytes_out.load(Ordering::Relaxed),
            round_trips: self.counters.round_trips.load(Ordering::Relaxed),
        }
    }

    /// How many connections there were.
    pub fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::Relaxed)
    }

    /// All that clients sent.
    pub fn sent(&self) -> Vec<u8> {
        self.counters.sent.lock().unwrap().clone()
    }
}

fn carry(client: TcpStream, server: TcpStream, counters: Arc<Counters>, faults: Faults) {
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (Ok(client_in), Ok(server_in)) = (client.try_clone(), server.try_clone()) else { return };
    let (their_counters, cut) = (counters.clone(), faults.cut_after_out);
    thread::spawn(move || {
        upstream(client_in, &server, &their_counters, cut);
    });
    thread::spawn(move || downstream(server_in, &client, &counters, &faults));
}

/// Client to server.
fn upstream(mut from: TcpStream, to: &TcpStream, counters: &Counters, cut: Option<u64>) {
    let mut left = cut.unwrap_or(u64::MAX);
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let some = &buffer[..read.min(usize::try_from(left).unwrap_or(usize::MAX))];
        left -= some.len() as u64;
        if counters.is_answered.swap(false, Ordering::Relaxed) {
            counters.round_trips.fetch_add(1, Ordering::Relaxed);
        }
        counters.bytes_out.fetch_add(some.len() as u64, Ordering::Relaxed);
        counters.sent.lock().unwrap().extend(some);
        if (&mut &*to).write_all(some).is_err() || left == 0 {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

/// Server to client.
fn downstream(mut from: TcpStream, to: &TcpStream, counters: &Counters, faults: &Faults) {
    let mut left = faults.cut_after_in.unwrap_or(u64::MAX);
    let mut until_stall = faults.stall_after_in.unwrap_or(u64::MAX);
    let mut hider = Hider { hidden: &faults.hidden, untold: &faults.untold, line: Vec::new() };
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut some = hider.pass(&buffer[..read]);
        some.truncate(usize::try_from(left.min(until_stall)).unwrap_or(usize::MAX));
        left -= some.len() as u64;
        until_stall -= some.len() as u64;
        counters.is_answered.store(true, Ordering::Relaxed);
        counters.bytes_in.fetch_add(some.len() as u64, Ordering::Relaxed);
        let width = if faults.is_split { 1 } else { some.len().max(1) };
        if some.chunks(width).any(|piece| (&mut &*to).write_all(piece).is_err()) || left == 0 {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}

/// Takes words out of lines that list capabilities, and codes out of all; other bytes pass as they are.
struct Hider<'a> {
    hidden: &'a [&'static str],
    untold: &'a [&'static str],
    line: Vec<u8>,
}

impl Hider<'_> {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.hidden.is_empty() && self.untold.is_empty() {
            return bytes.to_vec();
        }
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.line.push(*byte);
            if *byte == b'\n' {
                out.extend(self.without_words());
                self.line.clear();
            }
        }
        // What cannot become such a line any more need not wait for its end.
        if !self.line.is_empty() && !b"* ".starts_with(&self.line[..self.line.len().min(2)]) && !self.has_list() {
            out.append(&mut self.line);
        }
        out
    }

    fn has_list(&self) -> bool {
        let has = |word: &[u8]| self.line.windows(word.len()).any(|window| window == word);
        self.line.len() < 40 || has(b"CAPABILITY") || self.untold.iter().any(|code| has(code.as_bytes()))
    }

    fn without_words(&self) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        if let Some((before, code)) = self.untold.iter().find_map(|code| text.split_once(&format!("[{code} "))) {
            let words = code.split_once(']').map_or("", |(_, words)| words.trim_start_matches(' '));
            return format!("{before}{words}").into_bytes();
        }
        without_capabilities(&self.line, self.hidden)
    }
}

/// Takes words out of a line if it lists capabilities. Without CONDSTORE no line tells a point of the journal either.
pub fn without_capabilities(line: &[u8], hidden: &[&str]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    if hidden.contains(&"CONDSTORE") && text.contains("[HIGHESTMODSEQ ") {
        return Vec::new();
    }
    // The list ends with the line or with the bracket of a response code.
    let Some((before, list)) = text.split_once("CAPABILITY ").filter(|_| !hidden.is_empty()) else {
        return line.to_vec();
    };
    let (list, after) = list.split_at(list.find([']', '\r']).unwrap_or(list.len()));
    let kept: Vec<&str> = list.split(' ').filter(|word| !hidden.contains(word)).collect();
    format!("{before}CAPABILITY {}{after}", kept.join(" ")).into_bytes()
}
