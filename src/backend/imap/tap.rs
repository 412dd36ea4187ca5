//! Owns the bytes between the connection and async-imap: it cuts them into whole responses within limits, reads each
//! with our own parser, and shows the engine only that something came.
//!
//! async-imap numbers and writes commands and drives the reading. Its parser overflows the stack on nested lists,
//! panics on some words and dies of what it does not know, so it never sees a server's bytes (`* OK X-DIVERTED` stands
//! for them), nor a password, which it would write into a log.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::backend::Kind;
use crate::backend::imap::response::{self, Response};

/// A line may be so long; one of UIDs, sixteen times that.
const LONGEST_LINE: usize = 1024 * 1024;
const LONGEST_UIDS: usize = 16 * LONGEST_LINE;
/// A literal may be so long: bodies beyond 1 MiB are asked for in slices.
const LONGEST_LITERAL: usize = 64 * 1024 * 1024;
/// Deeper lists are refused, before anything walks them.
const DEEPEST: usize = 64;
/// Room to read into.
const ROOM: usize = 64 * 1024;
/// What the engine sees when a response came.
const NOTICE: &[u8] = b"* OK X-DIVERTED\r\n";
/// In a command, stands for what [`Tap::hide`] was given last.
pub const HIDDEN: char = '\0';

/// Why nothing more can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it is.
    pub kind: Kind,
    /// In words for a person.
    pub what: String,
}

/// The adapter.
pub struct Tap<S> {
    wire: S,
    /// Bytes to be written. Writing never waits: what the wire does not take goes with the next read.
    outgoing: Vec<u8>,
    hidden: Option<Vec<u8>>,
    /// Bytes read; `start..end` is not cut into responses yet.
    incoming: Vec<u8>,
    start: usize,
    end: usize,
    scan: Scan,
    replies: VecDeque<(Response, usize)>,
    notice: &'static [u8],
    opening: Opening,
    fault: Option<Fault>,
    /// Why nothing more can be written. The server's last words may be here still: reading them comes first.
    unwritten: Option<io::Error>,
    /// Bytes read so far, to tell a slow answer from none.
    pub received: u64,
}

/// Bytes are not shown: a password is among them.
impl<S: fmt::Debug> fmt::Debug for Tap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("wire", &self.wire).field("received", &self.received).finish_non_exhaustive()
    }
}

/// async-imap hands out a session only after a LOGIN of its own: that one stays in here.
#[derive(Debug, PartialEq, Eq)]
enum Opening {
    Waiting(Vec<u8>),
    Over,
}

impl<S> Tap<S> {
    /// Lays the adapter over a connection.
    pub fn new(wire: S) -> Self {
        Self {
            wire,
            outgoing: Vec::new(),
            hidden: None,
            incoming: vec![0; ROOM],
            start: 0,
            end: 0,
            scan: Scan::default(),
            replies: VecDeque::new(),
            notice: b"",
            opening: Opening::Waiting(Vec::new()),
            fault: None,
            unwritten: None,
            received: 0,
        }
    }

    /// Gives the next response with its length, if one is here.
    pub fn reply(&mut self) -> Option<(Response, usize)> {
        self.replies.pop_front()
    }

    /// Gives the reason why reading ended, if it was not the server that hung up.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Keeps bytes that the next command names by [`HIDDEN`] alone.
    pub fn hide(&mut self, bytes: Vec<u8>) {
        self.hidden = Some(bytes);
    }

    /// Gives how many bytes the wire has not taken yet.
    pub fn unsent(&self) -> usize {
        self.outgoing.len()
    }

    /// Writes bytes that belong to a command which is under way.
    pub fn say(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Cuts and reads all whole responses that are here.
    fn take_in(&mut self) -> Result<(), Fault> {
        loop {
            let bytes = self.incoming.get(self.start..self.end).unwrap_or_default();
            let Some(length) = self.scan.next(bytes)? else { break };
            let frame = bytes.get(..length).unwrap_or_default();
            // An empty line says nothing, but it counts: a flood of them must meet the limits too.
            let response = if frame.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                Response::Other
            } else {
                response::parse(frame).map_err(|malformed| Fault {
                    kind: Kind::Protocol,
                    what: format!("the server sent something that is no IMAP: {}", malformed.0),
                })?
            };
            self.replies.push_back((response, length));
            self.start += length;
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.incoming.len() > 16 * ROOM {
                self.incoming = vec![0; ROOM];
            }
        }
        Ok(())
    }

    /// Makes room to read into: it grows with what came, never with what was announced.
    fn make_room(&mut self) {
        if self.start > 0 && self.incoming.len() - self.end < ROOM / 2 {
            self.incoming.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.incoming.len() - self.end < ROOM / 4 {
            let size = self.incoming.len() * 2;
            self.incoming.resize(size, 0);
        }
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        let error = io::Error::other(fault.what.clone());
        self.fault = Some(fault);
        error
    }
}

impl<S: AsyncWrite + Unpin> Tap<S> {
    fn write_out(&mut self, cx: &mut Context<'_>) {
        if self.unwritten.is_none() {
            self.unwritten = self.try_to_write(cx).err();
        }
    }

    fn try_to_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut written = 0;
        while let Some(rest) = self.outgoing.get(written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.wire).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => written += count,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        self.outgoing.drain(..written);
        match Pin::new(&mut self.wire).poll_flush(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        if let Some(fault) = tap.fault.clone() {
            return Poll::Ready(Err(io::Error::other(fault.what)));
        }
        if !tap.outgoing.is_empty() {
            tap.write_out(cx);
        }
        loop {
            if tap.notice.is_empty() && !tap.replies.is_empty() {
                tap.notice = NOTICE;
            }
            if !tap.notice.is_empty() {
                let (now, later) = tap.notice.split_at(tap.notice.len().min(buf.remaining()));
                buf.put_slice(now);
                tap.notice = later;
                return Poll::Ready(Ok(()));
            }
            tap.make_room();
            let mut room = ReadBuf::new(tap.incoming.get_mut(tap.end..).unwrap_or_default());
            match Pin::new(&mut tap.wire).poll_read(cx, &mut room) {
                Poll::Pending => {
                    return tap.unwritten.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {}
            }
            let count = room.filled().len();
            if count == 0 {
                // Whatever is half here is lost with the connection: the engine sees the end.
                return Poll::Ready(Ok(()));
            }
            tap.end += count;
            tap.received += count as u64;
            if let Err(fault) = tap.take_in() {
                return Poll::Ready(Err(tap.fail(fault)));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        if let Opening::Waiting(line) = &mut tap.opening {
            line.extend_from_slice(bytes);
            if line.ends_with(b"\r\n") {
                tap.opening = Opening::Over;
                tap.notice = b"A0001 OK ready\r\n";
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        for piece in bytes.split_inclusive(|byte| *byte == HIDDEN as u8) {
            match piece.strip_suffix(&[HIDDEN as u8]) {
                Some(before) => {
                    tap.outgoing.extend_from_slice(before);
                    tap.outgoing.append(&mut tap.hidden.take().unwrap_or_default());
                }
                None => tap.outgoing.extend_from_slice(piece),
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().write_out(cx);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

/// How far the response that is coming in was looked through, so that no byte is looked at twice.
#[derive(Debug, Default)]
struct Scan {
    at: usize,
    line_start: usize,
    is_later_line: bool,
    is_quoted: bool,
    is_escaped: bool,
    depth: usize,
    deepest: usize,
}

impl Scan {
    /// Gives the length of the response at the beginning of `bytes`, once it is whole.
    fn next(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        while let Some(byte) = bytes.get(self.at) {
            if *byte == b'\n' {
                let line = bytes.get(self.line_start..self.at).unwrap_or_default();
                match self.end_of_line(bytes, line)? {
                    None => {
                        let length = self.at + 1;
                        *self = Self::default();
                        return Ok(Some(length));
                    }
                    Some(literal) => {
                        self.at += 1 + literal;
                        self.line_start = self.at;
                        self.is_later_line = true;
                        continue;
                    }
                }
            }
            self.look_at(*byte);
            self.at += 1;
        }
        let line = self.at.min(bytes.len()).saturating_sub(self.line_start);
        let most = if is_of_uids(bytes) { LONGEST_UIDS } else { LONGEST_LINE };
        if line > most {
            return Err(limit("a line longer than any that means something"));
        }
        Ok(None)
    }

    fn look_at(&mut self, byte: u8) {
        if self.is_quoted {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_quoted = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.is_quoted = true,
            b'(' => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            b')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Gives the length of the literal that a line announces; none when the response ends here.
    fn end_of_line(&mut self, bytes: &[u8], line: &[u8]) -> Result<Option<usize>, Fault> {
        let is_text = !self.is_later_line && is_text(line);
        if self.deepest > DEEPEST && !is_text {
            return Err(limit("lists nested deeper than any that mean something"));
        }
        let was_quoted = std::mem::take(&mut self.is_quoted);
        self.is_escaped = false;
        if is_text || was_quoted {
            return Ok(None);
        }
        let Some(line) = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}") else { return Ok(None) };
        let Some(open) = line.iter().rposition(|byte| *byte == b'{') else { return Ok(None) };
        let size = line.get(open + 1..).unwrap_or_default();
        let size = size.strip_suffix(b"+").unwrap_or(size);
        if size.is_empty() || !size.iter().all(u8::is_ascii_digit) {
            return Err(Fault {
                kind: Kind::Protocol,
                what: "the server announced a text whose length is no number".to_owned(),
            });
        }
        let size = std::str::from_utf8(size).ok().and_then(|size| size.parse::<usize>().ok());
        let size = size.filter(|size| *size <= LONGEST_LITERAL);
        let size = size.ok_or_else(|| limit("a text longer than any mail"))?;
        if bytes.len() > LONGEST_LITERAL + 2 * LONGEST_LINE {
            return Err(limit("an answer longer than any mail"));
        }
        Ok(Some(size))
    }
}

/// Says whether a line is words for people, where brackets and braces mean nothing.
fn is_text(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"* ") else { return true };
    let word = rest.split(|byte| matches!(byte, b' ' | b'\r')).next().unwrap_or_default();
    [b"OK".as_slice(), b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn is_of_uids(bytes: &[u8]) -> bool {
    [b"* SEARCH".as_slice(), b"* ESEARCH", b"* VANISHED"].iter().any(|start| bytes.starts_with(start))
}

fn limit(what: &str) -> Fault {
    Fault { kind: Kind::Limit, what: format!("the server sent {what}; the connection was given up") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;
    use crate::backend::imap::response::Verdict;

    /// Feeds bytes in pieces of `step`, and gives what was read of them.
    fn feed(bytes: &[u8], step: usize) -> Result<Vec<Response>, Fault> {
        let mut tap = Tap::new(tokio::io::empty());
        let mut replies = Vec::new();
        for piece in bytes.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() {
                tap.make_room();
                let count = rest.len().min(tap.incoming.len() - tap.end);
                let end = tap.end + count;
                tap.incoming[tap.end..end].copy_from_slice(&rest[..count]);
                tap.end = end;
                rest = &rest[count..];
                tap.take_in()?;
                replies.extend(std::iter::from_fn(|| tap.reply()).map(|(reply, _)| reply));
            }
        }
        Ok(replies)
    }

    fn kind(bytes: &[u8]) -> Kind {
        feed(bytes, 1).unwrap_err().kind
    }

    #[test]
    fn responses_are_cut_wherever_the_wire_cuts_them() {
        let bytes = b"* OK [ALERT]\xc3\xbcber {5}\r\n* 1 FETCH (UID 7 BODY[] {6}\r\na)\r\n\"( X-UNKNOWN ((\"q\\\")\" {2}\r\nxy)))\r\n\
                      * 2 FETCH (UID 8 FLAGS (\\Seen Work]) INTERNALDATE NIL)\r\n* XFOO \"a {3}\r\nA0002 NO [IN {2}\r\n";
        let expected = feed(bytes, bytes.len()).unwrap();
        assert_eq!(expected.len(), 5);
        let Response::Fetch(fetch) = &expected[1] else { panic!("{expected:?}") };
        assert_eq!((fetch.uid, fetch.body.as_deref()), (Some(7), Some(b"a)\r\n\"(".as_slice())));
        let Response::Fetch(fetch) = &expected[2] else { panic!("{expected:?}") };
        assert_eq!(fetch.flags, Some(crate::mail::keyword::Keywords::new(["$seen", "work]"])));
        assert!(matches!(&expected[4], Response::Done(tag, end) if tag == "A0002" && end.verdict == Verdict::No));
        for step in 1..40 {
            assert_eq!(feed(bytes, step).unwrap(), expected, "in pieces of {step}");
        }
    }

    #[test]
    fn sizes_that_are_none_or_too_much_end_it() {
        for size in ["-5", "", "x", "5 ", "1.5"] {
            assert_eq!(kind(format!("* 1 FETCH (BODY[] {{{size}}}\r\n").as_bytes()), Kind::Protocol, "{size}");
        }
        for size in ["999999999999", "67108865", "99999999999999999999999999"] {
            assert_eq!(kind(format!("* 1 FETCH (BODY[] {{{size}}}\r\n").as_bytes()), Kind::Limit, "{size}");
        }
    }

    #[test]
    fn what_is_announced_takes_no_memory_and_a_line_that_never_ends_is_given_up() {
        let mut tap = Tap::new(tokio::io::empty());
        let announced = b"* 1 FETCH (BODY[] {60000000}\r\n";
        tap.incoming[..announced.len()].copy_from_slice(announced);
        tap.end = announced.len();
        tap.take_in().unwrap();
        tap.make_room();
        assert_eq!(tap.incoming.len(), ROOM);

        let endless = vec![b'x'; LONGEST_LINE + 2 * ROOM];
        assert_eq!(feed(&endless, ROOM).unwrap_err().kind, Kind::Limit);
    }

    #[test]
    fn lists_may_be_as_deep_as_mail_is_and_no_deeper() {
        let nested = |depth: usize| format!("* 1 FETCH (X {}{})\r\n", "(".repeat(depth), ")".repeat(depth));
        assert!(feed(nested(40).as_bytes(), 7).is_ok());
        assert_eq!(kind(nested(400).as_bytes()), Kind::Limit);
        assert_eq!(feed(nested(900_000).as_bytes(), ROOM).unwrap_err().kind, Kind::Limit);
        let quoted = format!("* 1 FETCH (X \"{}\")\r\n* OK {}\r\n", "(".repeat(400), "(".repeat(400));
        assert_eq!(feed(quoted.as_bytes(), 9).unwrap().len(), 2);
    }

    #[test]
    fn what_is_written_is_never_shown() {
        let mut tap = Tap::new(tokio::io::empty());
        tap.hide(b"hidden geheim".to_vec());
        tap.say(b"said geheim");
        let shown = format!("{tap:?} {tap:#?}");
        assert!(!shown.contains("geheim") && !shown.contains("103, 101, 104"), "{shown}");
    }

    #[test]
    fn numbers_are_what_the_standard_says_or_nothing() {
        for line in ["* 1 FETCH (UID 0)", "* 1 FETCH (UID 4294967296)", "* 1 FETCH (UID -1)", "* 4294967296 EXISTS"] {
            assert_eq!(kind(format!("{line}\r\n").as_bytes()), Kind::Protocol, "{line}");
        }
        for line in ["* SEARCH 0", "* SEARCH x", "* VANISHED 1:*", "* VANISHED 0:5", "* ESEARCH UID ALL 5:"] {
            assert_eq!(kind(format!("{line}\r\n").as_bytes()), Kind::Protocol, "{line}");
        }
    }

    #[test]
    fn what_nobody_knows_is_passed_over() {
        for line in [
            "* NAMESPACE ((\"\" \"/\")) NIL NIL",
            "* THREAD (1 (2)(3))",
            "* QUOTA \"\" (STORAGE 1 2)",
            "* XFOO",
            "*",
            "* ",
            "* 7 RECENT",
            "* LIST (\\HasNoChildren) NIL x (CHILDINFO (\"SUBSCRIBED\"))",
            "* STATUS x (SIZE 9 MAILBOXID (a) APPENDLIMIT NIL MESSAGES 3)",
        ] {
            assert_eq!(feed(format!("{line}\r\n").as_bytes(), 3).unwrap().len(), 1, "{line}");
        }
    }

    #[test]
    fn four_hundred_thousand_uids_are_read_in_one_go() {
        let uids: Vec<String> = (1..=400_000).map(|uid: u32| (uid * 2).to_string()).collect();
        let line = format!("* SEARCH {}\r\n", uids.join(" "));
        let found = feed(line.as_bytes(), ROOM).unwrap();
        assert!(matches!(&found[0], Response::Search(set) if set.count() == 400_000));
    }

    proptest! {
        #[test]
        fn nothing_a_server_says_makes_it_panic(
            pieces in prop::collection::vec("(\\* |\\* 1 FETCH \\(|A1 OK |UID |FLAGS \\(|BODY\\[|\\]|<0>|\\{[0-9]{1,2}\\}\r\n|\"|\\(|\\)|\\\\|NIL|[0-9:,*]{1,6}|\r\n|\\* ESEARCH |\\* LIST |\\* STATUS |\\* VANISHED |\\[CAPABILITY |ü| )", 0..60),
            step in 1_usize..50,
        ) {
            let text = pieces.concat();
            let _ = feed(text.as_bytes(), step);
        }

        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = feed(&bytes, 5);
        }
    }
}
