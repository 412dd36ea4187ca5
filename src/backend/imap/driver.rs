//! Owns the talk: commands go out in order, each answer is found by its exact tag, and a refusal, a hang-up or silence
//! is always an error.
//!
//! It knows the talk, not the mail. Dropping any future in here loses nothing: writing never waits, reading is
//! buffered, and every reply is told with the command that it belongs to.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_imap::{Client, Session};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout};

use crate::backend::imap::Timeouts;
use crate::backend::imap::notify;
use crate::backend::imap::response::{Condition, Response, Verdict};
use crate::backend::imap::tap::{HIDDEN, Tap};
use crate::backend::net::{Counter, Stream};
use crate::backend::{Error, Kind, Traffic};

/// Bytes that may come in one wait for an answer beside what was asked for.
const BASE_BYTES: u64 = 32 * 1024 * 1024;
/// Responses that may come likewise.
const BASE_ITEMS: u64 = 1_000_000;
/// No response that was asked for has fewer bytes.
const SMALLEST_ITEM: u64 = 16;
/// An answer that brings fewer bytes than these in [`Timeouts::answer`] is none.
const SLOWEST: u64 = 4 * 1024;
/// After BYE the tagged answer has this long to come.
const AFTER_BYE: Duration = Duration::from_secs(2);
/// So many times [`Timeouts::answer`] a server may say that it is still there; by then as many times [`SLOWEST`] must
/// have come.
const PATIENCE: u32 = 10;

/// A command that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A response with the command that was being answered when it came.
#[derive(Debug)]
pub struct Reply {
    /// The response.
    pub response: Response,
    /// The oldest command that had no answer yet.
    pub of: Option<Ticket>,
}

/// Where IDLE stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    Off,
    /// Sent; the server has not said `+`.
    Asked(Ticket),
    On(Ticket),
}

/// The talk with one server.
#[derive(Debug)]
pub struct Driver {
    session: Session<Tap<Stream>>,
    counter: Arc<Counter>,
    place: String,
    timeouts: Timeouts,
    /// Commands without an answer yet: their tags, and the bytes that each may bring.
    pending: VecDeque<(Ticket, String, u64)>,
    sent: u64,
    round_trips: u64,
    idle: Idle,
    /// What came before the server took IDLE, and nobody has heard yet.
    early: VecDeque<Reply>,
    bytes_left: u64,
    items_left: u64,
    /// When something was last sent or done, and the bytes that had come by then.
    progress: (Instant, u64),
    bye: Option<Condition>,
    broken: Option<Error>,
    /// What the server can do, upper case.
    pub capabilities: Vec<String>,
    /// What was told of mailboxes, whatever was asked when it came; kept for whoever listens to it.
    pub heard: Option<Vec<Response>>,
}

impl Driver {
    /// Begins the talk over a connection.
    pub async fn new(stream: Stream, place: String, timeouts: Timeouts) -> Result<Driver, Error> {
        let counter = stream.counter();
        let session = match Client::new(Tap::new(stream)).login("-", "-").await {
            Ok(session) => session,
            Err((error, _)) => return Err(Error::new(Kind::Network, place, "connecting", error.to_string())),
        };
        Ok(Self {
            session,
            counter,
            place,
            timeouts,
            pending: VecDeque::new(),
            sent: 0,
            round_trips: 0,
            idle: Idle::Off,
            early: VecDeque::new(),
            bytes_left: BASE_BYTES,
            items_left: BASE_ITEMS,
            progress: (Instant::now(), 0),
            bye: None,
            broken: None,
            capabilities: Vec::new(),
            heard: None,
        })
    }

    /// Counts what went over the wire.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            bytes_in: self.counter.bytes_in(),
            bytes_out: self.counter.bytes_out(),
            round_trips: self.round_trips,
        }
    }

    /// Says whether the server can do something.
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|word| word == capability)
    }

    /// Builds an error of this server.
    pub fn error(&self, kind: Kind, stage: &'static str, what: impl Into<String>) -> Error {
        Error::new(kind, self.place.clone(), stage, what)
    }

    /// Sends a command without waiting. `answer` is how many bytes it may bring beside the usual.
    pub async fn send(&mut self, stage: &'static str, command: &str, answer: u64) -> Result<Ticket, Error> {
        self.send_with(stage, command, Vec::new(), answer).await
    }

    /// Sends a command in which [`HIDDEN`] stands for `hidden`.
    pub async fn send_with(
        &mut self,
        stage: &'static str,
        command: &str,
        hidden: Vec<u8>,
        answer: u64,
    ) -> Result<Ticket, Error> {
        self.leave_idle(stage).await?;
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if hidden.is_empty() && command.contains([HIDDEN, '\r', '\n']) {
            return Err(self.error(Kind::Local, stage, "a command with a line break in it was held back"));
        }
        if self.pending.is_empty() {
            self.round_trips += 1;
        }
        self.bytes_left = self.bytes_left.saturating_add(answer);
        self.items_left = self.items_left.saturating_add(answer / SMALLEST_ITEM);
        self.session.as_mut().hide(hidden);
        let tag = match self.session.run_command(command).await {
            Ok(tag) => tag.0,
            Err(error) => return Err(self.lost(stage, Some(error.to_string()))),
        };
        // The command's name alone: what follows it may be a name, a password or a search.
        let name = command.split([' ', HIDDEN]).next().unwrap_or_default();
        tracing::debug!(place = %self.place, stage, tag, command = name, "sent");
        self.sent += 1;
        self.progress = (Instant::now(), self.session.as_mut().received);
        let ticket = Ticket(self.sent);
        self.pending.push_back((ticket, tag, answer));
        Ok(ticket)
    }

    /// Says more of the command that the server waits for.
    pub fn say(&mut self, bytes: &[u8]) {
        self.round_trips += 1;
        self.session.as_mut().say(bytes);
    }

    /// Adds the literal that a command announced, and ends the command.
    pub fn add(&mut self, literal: &[u8]) {
        self.round_trips += 1;
        let tap = self.session.as_mut();
        tap.say(literal);
        tap.say(b"\r\n");
    }

    /// Waits for the next response. A tagged one has found its command already.
    pub async fn next(&mut self, stage: &'static str) -> Result<Reply, Error> {
        match self.early.pop_front() {
            Some(reply) => Ok(reply),
            None => self.read(stage).await,
        }
    }

    /// Waits for the next response at most so long; none when nothing came, which is no error.
    pub async fn next_within(&mut self, stage: &'static str, within: Duration) -> Result<Option<Reply>, Error> {
        match self.early.pop_front() {
            Some(reply) => Ok(Some(reply)),
            None => self.read_within(stage, within).await,
        }
    }

    async fn read(&mut self, stage: &'static str) -> Result<Reply, Error> {
        loop {
            let within = if self.bye.is_some() { AFTER_BYE } else { self.timeouts.answer };
            let (before, unsent) = (self.session.as_mut().received, self.session.as_mut().unsent());
            let (since, bytes) = self.progress;
            if since.elapsed() > self.timeouts.answer * PATIENCE {
                if before < bytes + SLOWEST * u64::from(PATIENCE) {
                    return Err(self.silent(stage, self.timeouts.answer * PATIENCE));
                }
                self.progress = (Instant::now(), before);
            }
            if let Some(reply) = self.read_within(stage, within).await? {
                return Ok(reply);
            }
            if self.bye.is_some() {
                return Err(self.lost(stage, None));
            }
            // What still leaves is as good as what comes.
            let has_sent = self.session.as_mut().unsent() < unsent;
            if has_sent {
                self.progress = (Instant::now(), self.session.as_mut().received);
            } else if self.session.as_mut().received < before + SLOWEST {
                return Err(self.silent(stage, within));
            }
        }
    }

    async fn read_within(&mut self, stage: &'static str, within: Duration) -> Result<Option<Reply>, Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let end = Instant::now() + within;
        loop {
            // What is here already is no wait, and in a flood of it whoever cancels must have a turn too.
            consume_budget().await;
            if let Some((response, length)) = self.session.as_mut().reply() {
                return self.sort(stage, response, length).map(Some);
            }
            let left = end.saturating_duration_since(Instant::now());
            match timeout(left, self.session.read_response()).await {
                Err(_) => return Ok(None),
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => return Err(self.lost(stage, None)),
                Ok(Err(error)) => return Err(self.lost(stage, Some(error.to_string()))),
            }
        }
    }

    /// Waits for a command's end and hands over what comes for it. NO and BAD are returned, not errors yet.
    pub async fn finish(
        &mut self,
        stage: &'static str,
        ticket: Ticket,
        mut each: impl FnMut(Response) -> Result<(), Error>,
    ) -> Result<Condition, Error> {
        loop {
            let reply = self.next(stage).await?;
            match reply.response {
                Response::Done(_, condition) if reply.of == Some(ticket) => return Ok(condition),
                Response::Done(..) => {}
                response if reply.of == Some(ticket) => each(response)?,
                _ => {}
            }
        }
    }

    /// Turns a refusal into an error.
    pub fn check(&self, stage: &'static str, condition: &Condition) -> Result<(), Error> {
        let (kind, what) = match condition.verdict {
            Verdict::Ok => return Ok(()),
            Verdict::No | Verdict::Bad if condition.is_busy() => (Kind::Busy, "the server asks to come back later"),
            Verdict::No => (Kind::Refused, "the server refused"),
            Verdict::Bad => (Kind::Protocol, "the server did not understand"),
        };
        Err(self.error(kind, stage, what).with_server_words(condition.said()))
    }

    /// Begins IDLE.
    pub async fn begin_idle(&mut self, stage: &'static str) -> Result<Ticket, Error> {
        let ticket = self.send(stage, "IDLE", 0).await?;
        self.idle = Idle::Asked(ticket);
        Ok(ticket)
    }

    /// Says whether IDLE was asked for and not answered yet.
    pub fn awaits_idle(&self) -> bool {
        matches!(self.idle, Idle::Asked(_))
    }

    /// Says whether the server is listening to IDLE.
    pub fn is_idle(&self) -> bool {
        matches!(self.idle, Idle::On(_))
    }

    /// Ends IDLE, whoever began it and however that wait ended. Its answer comes before the next command's.
    pub async fn leave_idle(&mut self, stage: &'static str) -> Result<(), Error> {
        while let Idle::Asked(_) = self.idle {
            let reply = self.read(stage).await?;
            self.early.push_back(reply);
        }
        if self.is_idle() {
            self.idle = Idle::Off;
            self.say(b"DONE\r\n");
        }
        Ok(())
    }

    /// Says goodbye without waiting long.
    pub async fn close(&mut self) {
        let goodbye = async {
            let ticket = self.send("leaving", "LOGOUT", 0).await?;
            self.finish("leaving", ticket, |_| Ok(())).await
        };
        let _ = timeout(AFTER_BYE, goodbye).await;
    }

    fn sort(&mut self, stage: &'static str, response: Response, length: usize) -> Result<Reply, Error> {
        self.bytes_left = self.bytes_left.saturating_sub(length as u64);
        self.items_left = self.items_left.saturating_sub(1);
        if self.bytes_left == 0 || self.items_left == 0 {
            let error = self.error(Kind::Limit, stage, "the server sent far more than was asked for");
            return Err(self.broken.insert(error).clone());
        }
        let of = self.pending.front().map(|(ticket, ..)| *ticket);
        if let Some(heard) = &mut self.heard {
            notify::keep(heard, &response);
        }
        match &response {
            Response::Done(tag, condition) => {
                tracing::debug!(place = %self.place, stage, tag, verdict = ?condition.verdict, "answered");
                let Some(index) = self.pending.iter().position(|(_, sent, _)| sent == tag) else {
                    let error = self.error(Kind::Protocol, stage, "the server answered what was never asked");
                    return Err(self.broken.insert(error).clone());
                };
                let of = self.pending.remove(index).map(|(ticket, ..)| ticket);
                self.progress = (Instant::now(), self.session.as_mut().received);
                // What a command did not use is no licence for the next ones.
                let answers = self.pending.iter().fold(0_u64, |sum, (.., answer)| sum.saturating_add(*answer));
                self.bytes_left = BASE_BYTES.saturating_add(answers);
                self.items_left = BASE_ITEMS.saturating_add(answers / SMALLEST_ITEM);
                // A server may end IDLE by itself: DONE would be no word of a command any more.
                if let Idle::Asked(asked) | Idle::On(asked) = self.idle
                    && of == Some(asked)
                {
                    self.idle = Idle::Off;
                }
                return Ok(Reply { response, of });
            }
            Response::Continue => {
                if let Idle::Asked(asked) = self.idle
                    && of == Some(asked)
                {
                    self.idle = Idle::On(asked);
                }
            }
            Response::Capabilities(words) => self.capabilities.clone_from(words),
            Response::Bye(condition) => self.bye = Some(condition.clone()),
            _ => {}
        }
        Ok(Reply { response, of })
    }

    fn silent(&mut self, stage: &'static str, within: Duration) -> Error {
        let error = self.error(Kind::Timeout, stage, format!("no answer within {} s", within.as_secs()));
        self.broken.insert(error).clone()
    }

    /// Says why the connection is gone.
    fn lost(&mut self, stage: &'static str, error: Option<String>) -> Error {
        let bye = self.bye.take();
        let error = match (self.session.as_mut().fault(), &bye, error) {
            (Some(fault), ..) => {
                let fault = fault.clone();
                self.error(fault.kind, stage, fault.what)
            }
            (None, Some(bye), _) => {
                let kind = if bye.is_busy() { Kind::Busy } else { Kind::Network };
                self.error(kind, stage, "the server hung up").with_server_words(bye.said())
            }
            (None, None, Some(words)) if !words.is_empty() => {
                self.error(Kind::Network, stage, format!("the connection broke: {words}"))
            }
            (None, None, _) => self.error(Kind::Network, stage, "the server hung up"),
        };
        self.broken.insert(error).clone()
    }
}
