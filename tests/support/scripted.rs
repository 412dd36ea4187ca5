//! A server that says what a test tells it to: an obedient little IMAP server whose greeting and answers can be
//! replaced one by one, so that a hostile case is a line of data.
//!
//! It records every byte that it got outside TLS, and apart from it every byte that came inside.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use surat::backend::net::{Endpoint, Security};

use super::certs::{Certificate, certs};

/// What the server does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes; `{tag}` is the tag of the command that is being answered, `{next}` the one that will come
    /// after it.
    Say(Vec<u8>),
    /// Sends these bytes again and again until the peer goes away or so many bytes have gone.
    Flood { bytes: Vec<u8>, cap: usize },
    /// Sends this text again and again, each time with another number for `{n}`, until the peer goes away or so many
    /// bytes have gone.
    Count { text: String, cap: usize },
    /// Sends these bytes one by one.
    Drip { bytes: Vec<u8>, every: Duration },
    /// Reads a line that is no command: DONE, or what was asked for with `+`.
    Read,
    /// Becomes a TLS server; a peer that does not shake hands ends the connection.
    StartTls,
    /// Says nothing any more until the peer goes away.
    Hold,
    /// Hangs up.
    Close,
}

/// Sends a text.
pub fn say(text: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Say(text.as_ref().to_vec())]
}

/// Sends a text, reads a line, says OK.
pub fn listen(text: &str) -> Vec<Step> {
    vec![Step::Say(text.into()), Step::Read, Step::Say(b"{tag} OK done\r\n".to_vec())]
}

/// What a server does from the greeting on.
#[derive(Debug, Clone)]
pub struct Script {
    is_tls: bool,
    certificate: Certificate,
    greeting: Vec<Step>,
    rules: Vec<Rule>,
    /// How it asks for the bytes of a literal.
    go_on: &'static [u8],
}

/// How a command is answered.
#[derive(Debug, Clone)]
struct Rule {
    verb: String,
    /// Only inside TLS, only outside of it, or always.
    is_inside: Option<bool>,
    steps: Vec<Step>,
}

impl Script {
    /// An obedient server that speaks plain text and has one mailbox with one message.
    pub fn new() -> Script {
        Script {
            is_tls: false,
            certificate: certs().good.clone(),
            greeting: say("* OK ready\r\n"),
            rules: Vec::new(),
            go_on: b"+ go on\r\n",
        }
    }

    /// The same with TLS from the first byte.
    pub fn tls(certificate: &Certificate) -> Script {
        Script { is_tls: true, certificate: certificate.clone(), ..Script::new() }
    }

    /// Shows this certificate after STARTTLS.
    pub fn certificate(self, certificate: &Certificate) -> Script {
        Script { certificate: certificate.clone(), ..self }
    }

    pub fn greet(mut self, steps: Vec<Step>) -> Script {
        self.greeting = steps;
        self
    }

    /// Answers every command that begins with `verb` (`SELECT`, `UID FETCH`) like this. The first fitting rule wins.
    pub fn on(self, verb: &str, steps: Vec<Step>) -> Script {
        self.rule(verb, None, steps)
    }

    /// The same for what is asked in plain text alone.
    pub fn on_clear(self, verb: &str, steps: Vec<Step>) -> Script {
        self.rule(verb, Some(false), steps)
    }

    /// The same for what is asked inside TLS alone.
    pub fn on_inside(self, verb: &str, steps: Vec<Step>) -> Script {
        self.rule(verb, Some(true), steps)
    }

    /// Asks for a literal in these words instead of `+ go on`.
    pub fn asks(self, go_on: &'static [u8]) -> Script {
        Script { go_on, ..self }
    }

    fn rule(mut self, verb: &str, is_inside: Option<bool>, steps: Vec<Step>) -> Script {
        self.rules.push(Rule { verb: verb.to_ascii_uppercase(), is_inside, steps });
        self
    }

    /// Starts serving.
    pub fn start(self) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let record = Arc::new(Mutex::new(Record::default()));
        let theirs = record.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, record) = (self.clone(), theirs.clone());
                thread::spawn(move || {
                    stream.set_nodelay(true).ok();
                    stream.set_read_timeout(Some(Duration::from_secs(60))).ok();
                    stream.set_write_timeout(Some(Duration::from_secs(60))).ok();
                    let raw = stream.try_clone();
                    let mut session = Session { wire: Wire::Plain(stream), record, script };
                    session.serve().ok();
                    raw.map(|raw| raw.shutdown(Shutdown::Both)).ok();
                });
            }
        });
        Scripted { port, record }
    }
}

/// What the peer sent.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Outside TLS, without the bytes of handshakes.
    pub clear: Vec<u8>,
    /// Inside TLS.
    pub inside: Vec<u8>,
    /// How many connections came as far as the greeting.
    pub greeted: usize,
}

impl Record {
    /// All that was sent, as text.
    pub fn text(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.clear), String::from_utf8_lossy(&self.inside))
    }
}

/// A running scripted server.
#[derive(Debug)]
pub struct Scripted {
    pub port: u16,
    record: Arc<Mutex<Record>>,
}

impl Scripted {
    pub fn record(&self) -> Record {
        self.record.lock().unwrap().clone()
    }

    pub fn endpoint(&self, security: Security) -> Endpoint {
        let ca_file = Some(certs().authority.clone());
        Endpoint { host: "localhost".into(), port: self.port, security, ca_file }
    }
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<native_tls::TlsStream<TcpStream>>),
    Gone,
}

struct Session {
    wire: Wire,
    record: Arc<Mutex<Record>>,
    script: Script,
}

impl Session {
    fn serve(&mut self) -> io::Result<()> {
        if self.script.is_tls {
            self.start_tls()?;
        }
        self.record.lock().unwrap().greeted += 1;
        let greeting = self.script.greeting.clone();
        self.act(&greeting, "*")?;
        loop {
            let line = self.read_command()?;
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            let upper = command.to_ascii_uppercase();
            let is_inside = matches!(self.wire, Wire::Tls(_));
            let fits = |rule: &&Rule| {
                upper.starts_with(&rule.verb) && rule.is_inside.is_none_or(|only_inside| only_inside == is_inside)
            };
            let rule = self.script.rules.iter().find(fits);
            let steps = rule.map(|rule| rule.steps.clone()).unwrap_or_else(|| obedient(&upper));
            self.act(&steps, tag)?;
        }
    }

    fn act(&mut self, steps: &[Step], tag: &str) -> io::Result<()> {
        for step in steps {
            match step {
                Step::Say(bytes) => self.send(&with_tag(bytes, tag))?,
                Step::Flood { bytes, cap } => {
                    let piece = bytes.repeat((32 << 10) / bytes.len().max(1) + 1);
                    let mut left = *cap;
                    while left > 0 {
                        let some = &piece[..piece.len().min(left)];
                        self.send(some)?;
                        left -= some.len();
                    }
                }
                Step::Count { text, cap } => {
                    let (mut number, mut sent) = (1_u64, 0);
                    while sent < *cap {
                        // About as much at a time, however long the text is.
                        let upto = number + (32 << 10) / text.len().max(1) as u64 + 1;
                        let some: String = (number..upto).map(|n| text.replace("{n}", &n.to_string())).collect();
                        self.send(some.as_bytes())?;
                        (number, sent) = (upto, sent + some.len());
                    }
                }
                Step::Drip { bytes, every } => {
                    for byte in with_tag(bytes, tag) {
                        self.send(&[byte])?;
                        thread::sleep(*every);
                    }
                }
                Step::Read => {
                    self.read_command()?;
                }
                Step::StartTls => self.start_tls()?,
                Step::Hold => {
                    let mut buffer = [0; 4096];
                    while self.receive(&mut buffer)? > 0 {}
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Step::Close => {
                    // Whoever closes with unread bytes resets the connection, and the last words may be lost.
                    if let Wire::Plain(stream) = &self.wire {
                        stream.shutdown(Shutdown::Write)?;
                        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                        while self.receive(&mut [0; 4096])? > 0 {}
                    }
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        Ok(())
    }

    /// Reads one command with its literals, which are replaced by nothing.
    fn read_command(&mut self) -> io::Result<String> {
        let mut command = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\n") {
                let mut byte = [0];
                if self.receive(&mut byte)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                line.push(byte[0]);
            }
            while line.ends_with(b"\n") || line.ends_with(b"\r") {
                line.pop();
            }
            command.extend(&line);
            let text = String::from_utf8_lossy(&line).into_owned();
            let Some(size) = text.strip_suffix('}').and_then(|text| text.rsplit_once('{')).map(|(_, size)| size) else {
                return Ok(String::from_utf8_lossy(&command).into_owned());
            };
            if !size.ends_with('+') {
                self.send(self.script.go_on)?;
            }
            let size: usize = size.trim_end_matches('+').parse().unwrap_or(0);
            for _ in 0..size {
                if self.receive(&mut [0])? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.wire {
            Wire::Plain(stream) => {
                let read = stream.read(buffer)?;
                self.record.lock().unwrap().clear.extend(&buffer[..read]);
                Ok(read)
            }
            Wire::Tls(stream) => {
                let read = stream.read(buffer)?;
                self.record.lock().unwrap().inside.extend(&buffer[..read]);
                Ok(read)
            }
            Wire::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.wire {
            Wire::Plain(stream) => stream.write_all(bytes),
            Wire::Tls(stream) => stream.write_all(bytes),
            Wire::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn start_tls(&mut self) -> io::Result<()> {
        let Wire::Plain(stream) = std::mem::replace(&mut self.wire, Wire::Gone) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        // Whoever goes on in plain text instead of shaking hands is to be seen in the record.
        let mut first = [0];
        while stream.peek(&mut first)? == 1 && first[0] != 0x16 {
            let mut rest = [0; 4096];
            let read = (&mut &stream).read(&mut rest)?;
            self.record.lock().unwrap().clear.extend(&rest[..read]);
        }
        let acceptor = native_tls::TlsAcceptor::new(self.script.certificate.identity()).map_err(io::Error::other)?;
        let stream = acceptor.accept(stream).map_err(|error| io::Error::other(error.to_string()))?;
        self.wire = Wire::Tls(Box::new(stream));
        Ok(())
    }
}

fn with_tag(bytes: &[u8], tag: &str) -> Vec<u8> {
    if !bytes.contains(&b'{') {
        return bytes.to_vec();
    }
    let out = replaced(bytes, b"{tag}", tag.as_bytes());
    replaced(&out, b"{next}", after(tag).as_bytes())
}

fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend(&rest[..at]);
        out.extend(by);
        rest = &rest[at + what.len()..];
    }
    out.extend(rest);
    out
}

/// The tag that follows on one: `A0010` on `A0009`.
fn after(tag: &str) -> String {
    let digits = tag.len() - tag.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (word, number) = tag.split_at(tag.len() - digits);
    let next = number.parse::<u64>().map_or(0, |number| number + 1);
    format!("{word}{next:0digits$}")
}

/// The one message of the obedient server.
pub const HEADER: &str = "From: Ani <ani@example.org>\r\nSubject: One\r\nMessage-ID: <one@example.org>\r\n\r\n";

/// What a server without any ill will answers.
fn obedient(command: &str) -> Vec<Step> {
    let word = command.split(' ').next().unwrap_or("");
    let untagged = match word {
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN UIDPLUS IDLE\r\n".into(),
        "LIST" => "* LIST (\\HasNoChildren) \"/\" INBOX\r\n".into(),
        "STATUS" => "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7 UNSEEN 1)\r\n".into(),
        "SELECT" | "EXAMINE" => "* FLAGS (\\Seen \\Flagged)\r\n* 1 EXISTS\r\n* 0 RECENT\r\n\
             * OK [UIDVALIDITY 7] go\r\n* OK [UIDNEXT 2] go\r\n"
            .into(),
        "FETCH" | "UID" if command.contains("BODY.PEEK[]") => {
            let body = "<0> {".to_string();
            format!("* 1 FETCH (UID 1 BODY[]{body}{}}}\r\n{HEADER})\r\n", HEADER.len())
        }
        "FETCH" | "UID" if command.contains("FETCH") && command.contains("HEADER") => {
            let section = command.find("BODY.PEEK[").map(|at| &command[at + 10..]).unwrap_or("HEADER]");
            let section = section.split(']').next().unwrap_or("HEADER");
            format!(
                "* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \"02-Nov-2026 10:00:00 +0000\" RFC822.SIZE {0} \
                 BODY[{section}] {{{0}}}\r\n{HEADER})\r\n",
                HEADER.len()
            )
        }
        "FETCH" | "UID" if command.contains("FETCH") => "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n".into(),
        "UID" if command.contains("SEARCH") => "* SEARCH 1\r\n".into(),
        "STARTTLS" => {
            return vec![Step::Say(b"{tag} OK begin\r\n".to_vec()), Step::StartTls];
        }
        "IDLE" => return listen("+ idling\r\n"),
        "AUTHENTICATE" if command.split(' ').count() == 2 => return listen("+ \r\n"),
        "LOGOUT" => return vec![Step::Say(b"* BYE bye\r\n{tag} OK bye\r\n".to_vec()), Step::Close],
        _ => String::new(),
    };
    say(format!("{untagged}{{tag}} OK done\r\n"))
}
