//! Owns the reading of one whole response of a server (RFC 9051 section 7 and the extensions that are used).
//!
//! It walks bytes without recursion, keeps only what Surat asks for, and never fails on what it does not know.

use crate::backend::imap::set::UidSet;
use crate::mail::keyword::{self, Keywords};
use crate::mail::time::UnixTime;

/// Deeper lists are refused.
const DEEPEST: usize = 64;
/// The server's own words are kept so long, in bytes.
const LONGEST_WORDS: usize = 1_000;
/// A condition is read so far, in bytes: two sets of some thousand UIDs may be in it.
const LONGEST_CONDITION: usize = 64 * 1024;

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// `+`: the server waits for more of the command.
    Continue,
    /// The end of a command.
    Done(String, Condition),
    /// An untagged condition: `* OK`, `* NO`, `* BAD`.
    Condition(Condition),
    /// The greeting of a server that has signed us in already.
    PreAuth,
    /// The server hangs up.
    Bye(Condition),
    /// What the server can do.
    Capabilities(Vec<String>),
    /// What ENABLE switched on.
    Enabled(Vec<String>),
    /// A mailbox.
    List(List),
    /// Numbers of a mailbox that is not selected.
    Status(Status),
    /// How many messages there are.
    Exists(u32),
    /// A message is gone, by its number.
    Expunge,
    /// Messages are gone, by UID.
    Vanished(UidSet),
    /// What stands before the names of the user's own mailboxes.
    Namespace(Vec<u8>),
    /// UIDs that were searched for.
    Search(UidSet),
    /// A message.
    Fetch(Box<Fetch>),
    /// Anything else.
    Other,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// Not understood.
    Bad,
}

/// A verdict with its code and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The verdict.
    pub verdict: Verdict,
    /// The name of the code in brackets, upper case; empty without one.
    pub code: String,
    /// What follows the code's name.
    pub arguments: String,
    /// The server's own words.
    pub words: String,
}

impl Condition {
    /// Reads the code's argument as a number.
    pub fn number(&self) -> Option<u64> {
        self.arguments.trim().parse().ok()
    }

    /// Says whether the server asks to come back later.
    pub fn is_busy(&self) -> bool {
        matches!(self.code.as_str(), "UNAVAILABLE" | "INUSE" | "THROTTLED" | "LIMIT" | "SERVERBUG")
    }

    /// Gives code and words as the server said them.
    pub fn said(&self) -> String {
        match self.code.is_empty() {
            true => self.words.clone(),
            false => format!("[{}] {}", self.code, self.words),
        }
    }
}

/// A line of LIST.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    /// Whether it is an answer to LSUB.
    pub is_subscription: bool,
    /// Its attributes, lower case, with their backslash.
    pub attributes: Vec<String>,
    /// What stands between two levels of a name.
    pub delimiter: Option<char>,
    /// The name as it goes over the wire.
    pub name: Vec<u8>,
}

/// A line of STATUS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The mailbox as it goes over the wire.
    pub name: Vec<u8>,
    /// `MESSAGES`.
    pub messages: Option<u32>,
    /// `UIDNEXT`.
    pub uid_next: Option<u32>,
    /// `UIDVALIDITY`.
    pub uid_validity: Option<u32>,
    /// `HIGHESTMODSEQ`.
    pub highest_modseq: Option<u64>,
}

/// What a FETCH told of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetch {
    /// `UID`.
    pub uid: Option<u32>,
    /// `FLAGS`.
    pub flags: Option<Keywords>,
    /// `INTERNALDATE`.
    pub received: Option<UnixTime>,
    /// `RFC822.SIZE`.
    pub size: Option<u64>,
    /// `EMAILID` or `X-GM-MSGID`.
    pub object_id: Option<String>,
    /// The bytes of the one `BODY[…]` that was asked for; none for NIL.
    pub body: Option<Vec<u8>>,
    /// Whether `BODY[…]` was there at all.
    pub has_body: bool,
    /// `MODSEQ`.
    pub modseq: Option<u64>,
    /// Where the bytes begin, for a slice.
    pub origin: Option<u64>,
}

/// A response that is no IMAP, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Reads one whole response, its last line break included or not.
pub fn parse(frame: &[u8]) -> Result<Response, Malformed> {
    let mut walk = Walk { bytes: trim_line_end(frame), at: 0 };
    match walk.peek() {
        Some(b'+') => return Ok(Response::Continue),
        Some(b'*') => {}
        _ => return tagged(&mut walk),
    }
    walk.at += 1;
    walk.spaces();
    let word = walk.atom();
    if let Some(number) = number(word) {
        walk.spaces();
        let kind = walk.atom().to_ascii_uppercase();
        return numbered(number, &kind, &mut walk);
    }
    walk.spaces();
    Ok(match word.to_ascii_uppercase().as_slice() {
        b"OK" => Response::Condition(condition(Verdict::Ok, walk.rest())),
        b"NO" => Response::Condition(condition(Verdict::No, walk.rest())),
        b"BAD" => Response::Condition(condition(Verdict::Bad, walk.rest())),
        b"BYE" => Response::Bye(condition(Verdict::No, walk.rest())),
        b"PREAUTH" => Response::PreAuth,
        b"CAPABILITY" => Response::Capabilities(words(walk.rest())),
        b"ENABLED" => Response::Enabled(words(walk.rest())),
        b"LIST" => list(&mut walk, false)?,
        b"LSUB" => list(&mut walk, true)?,
        b"STATUS" => status(&mut walk)?,
        b"NAMESPACE" => namespace(&mut walk)?,
        b"SEARCH" => Response::Search(search(walk.rest())?),
        b"ESEARCH" => esearch(&mut walk)?,
        b"VANISHED" => {
            if walk.peek() == Some(b'(') {
                walk.skip_value()?;
                walk.spaces();
            }
            Response::Vanished(uid_set(walk.atom())?)
        }
        _ => Response::Other,
    })
}

/// Splits the words of a list of capabilities; upper case.
pub fn words(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).split_ascii_whitespace().map(str::to_ascii_uppercase).collect()
}

fn tagged(walk: &mut Walk<'_>) -> Result<Response, Malformed> {
    let tag = String::from_utf8_lossy(walk.atom()).into_owned();
    walk.spaces();
    let verdict = match walk.atom().to_ascii_uppercase().as_slice() {
        b"OK" => Verdict::Ok,
        b"NO" => Verdict::No,
        b"BAD" => Verdict::Bad,
        _ => return Err(Malformed("a line that is no answer")),
    };
    walk.spaces();
    Ok(Response::Done(tag, condition(verdict, walk.rest())))
}

fn condition(verdict: Verdict, text: &[u8]) -> Condition {
    let text = text.get(..LONGEST_CONDITION).unwrap_or(text);
    let text = String::from_utf8_lossy(text);
    let (mut code, mut arguments, mut words) = ("", "", text.trim());
    if let Some(inside) = words.strip_prefix('[')
        && let Some((coded, after)) = inside.split_once("] ").or_else(|| inside.split_once(']'))
    {
        (code, arguments) = coded.split_once(' ').unwrap_or((coded, ""));
        words = after.trim();
    }
    let words = words.chars().take(LONGEST_WORDS).collect();
    Condition { verdict, code: code.to_ascii_uppercase(), arguments: arguments.to_owned(), words }
}

fn numbered(number: u64, kind: &[u8], walk: &mut Walk<'_>) -> Result<Response, Malformed> {
    match kind {
        b"EXISTS" => match u32::try_from(number) {
            Ok(number) => Ok(Response::Exists(number)),
            Err(_) => Err(Malformed("a number of messages that no mailbox can hold")),
        },
        b"EXPUNGE" => Ok(Response::Expunge),
        b"FETCH" => {
            walk.spaces();
            fetch(walk)
        }
        _ => Ok(Response::Other),
    }
}

fn fetch(walk: &mut Walk<'_>) -> Result<Response, Malformed> {
    let mut fetch = Fetch::default();
    if !walk.take(b'(') {
        return Err(Malformed("a FETCH without its list"));
    }
    loop {
        walk.spaces();
        if walk.take(b')') {
            return Ok(Response::Fetch(Box::new(fetch)));
        }
        let name = walk.item_name()?;
        walk.spaces();
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("UID") {
            let uid = number(walk.atom()).and_then(|uid| u32::try_from(uid).ok()).filter(|uid| *uid > 0);
            fetch.uid = Some(uid.ok_or(Malformed("a UID that is none"))?);
        } else if is("FLAGS") {
            fetch.flags = Some(flags(walk)?);
        } else if is("INTERNALDATE") {
            fetch.received = walk.string()?.and_then(|text| internal_date(&text));
        } else if is("RFC822.SIZE") {
            fetch.size = number(walk.atom());
        } else if is("MODSEQ") {
            let inside = walk.value()?;
            let digits = inside.strip_prefix(b"(").and_then(|inside| inside.strip_suffix(b")")).unwrap_or_default();
            fetch.modseq = number(digits.trim_ascii());
        } else if is("EMAILID") {
            let inside = walk.value()?;
            let id = String::from_utf8_lossy(inside.trim_ascii()).trim_matches(['(', ')', ' ']).to_owned();
            fetch.object_id = Some(id).filter(|id| !id.is_empty() && !id.eq_ignore_ascii_case("nil"));
        } else if is("X-GM-MSGID") {
            fetch.object_id = number(walk.atom()).map(|id| id.to_string());
        } else if name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"BODY[")) {
            fetch.has_body = true;
            fetch.origin = origin(name);
            fetch.body = walk.string()?.map(|bytes| bytes.into_owned());
        } else {
            walk.skip_value()?;
        }
    }
}

/// Reads the `<n>` at the end of `BODY[]<n>`.
fn origin(name: &[u8]) -> Option<u64> {
    let inside = name.strip_suffix(b">")?;
    let start = inside.iter().rposition(|byte| *byte == b'<')?;
    number(inside.get(start + 1..)?)
}

fn flags(walk: &mut Walk<'_>) -> Result<Keywords, Malformed> {
    if !walk.take(b'(') {
        return Err(Malformed("FLAGS without their list"));
    }
    let mut keywords = Keywords::default();
    loop {
        walk.spaces();
        if walk.take(b')') {
            return Ok(keywords);
        }
        let flag = walk.atom();
        if flag.is_empty() {
            return Err(Malformed("FLAGS that do not end"));
        }
        if let Some(keyword) = keyword_of(flag) {
            keywords.insert(&keyword);
        }
    }
}

/// Reads the arguments of PERMANENTFLAGS; `None` where any keyword can be kept.
pub fn permanent(arguments: &str) -> Option<Keywords> {
    let words: Vec<&str> =
        arguments.trim().trim_start_matches('(').trim_end_matches(')').split_ascii_whitespace().collect();
    if words.contains(&"\\*") {
        return None;
    }
    let mut keywords = Keywords::default();
    words.iter().filter_map(|word| keyword_of(word.as_bytes())).for_each(|keyword| keywords.insert(&keyword));
    Some(keywords)
}

/// Gives the keyword that a flag stands for; none for what is no mark of the user.
fn keyword_of(flag: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    let Some(system) = flag.strip_prefix(b"\\") else { return Some(String::from_utf8_lossy(flag)) };
    let known = match system.to_ascii_lowercase().as_slice() {
        b"seen" => keyword::SEEN,
        b"flagged" => keyword::FLAGGED,
        b"answered" => keyword::ANSWERED,
        b"draft" => keyword::DRAFT,
        b"deleted" => keyword::DELETED,
        _ => return None,
    };
    Some(known.into())
}

fn list(walk: &mut Walk<'_>, is_subscription: bool) -> Result<Response, Malformed> {
    let mut list = List { is_subscription, ..List::default() };
    if !walk.take(b'(') {
        return Err(Malformed("a LIST without attributes"));
    }
    loop {
        walk.spaces();
        if walk.take(b')') {
            break;
        }
        let attribute = walk.atom();
        if attribute.is_empty() {
            return Err(Malformed("a LIST whose attributes do not end"));
        }
        list.attributes.push(String::from_utf8_lossy(attribute).to_ascii_lowercase());
    }
    walk.spaces();
    let delimiter = walk.astring()?;
    list.delimiter = match delimiter.as_ref() {
        [byte] if byte.is_ascii() => Some(char::from(*byte)),
        _ => None,
    };
    walk.spaces();
    list.name = walk.astring()?.into_owned();
    Ok(Response::List(list))
}

fn status(walk: &mut Walk<'_>) -> Result<Response, Malformed> {
    let mut status = Status { name: walk.astring()?.into_owned(), ..Status::default() };
    walk.spaces();
    if !walk.take(b'(') {
        return Err(Malformed("a STATUS without its list"));
    }
    loop {
        walk.spaces();
        if walk.take(b')') {
            return Ok(Response::Status(status));
        }
        let name = walk.atom().to_ascii_uppercase();
        if name.is_empty() {
            return Err(Malformed("a STATUS that does not end"));
        }
        walk.spaces();
        let value = number(walk.value()?);
        let small = value.and_then(|value| u32::try_from(value).ok());
        match name.as_slice() {
            b"MESSAGES" => status.messages = small,
            b"UIDNEXT" => status.uid_next = small,
            b"UIDVALIDITY" => status.uid_validity = small,
            b"HIGHESTMODSEQ" => status.highest_modseq = value,
            _ => {}
        }
    }
}

/// Reads `((\"INBOX.\" \".\")) NIL NIL`: the prefix of the first personal namespace.
fn namespace(walk: &mut Walk<'_>) -> Result<Response, Malformed> {
    walk.spaces();
    if !walk.take(b'(') || !walk.take(b'(') {
        return Ok(Response::Namespace(Vec::new()));
    }
    Ok(Response::Namespace(walk.string()?.unwrap_or_default().into_owned()))
}

fn search(text: &[u8]) -> Result<UidSet, Malformed> {
    let mut set = UidSet::default();
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        if word.starts_with(b"(") {
            break;
        }
        let uid = number(word).and_then(|uid| u32::try_from(uid).ok()).filter(|uid| *uid > 0);
        set.push(uid.ok_or(Malformed("a SEARCH with something else than numbers"))?);
    }
    set.sort();
    Ok(set)
}

fn esearch(walk: &mut Walk<'_>) -> Result<Response, Malformed> {
    let mut found = UidSet::default();
    loop {
        walk.spaces();
        if walk.peek().is_none() {
            return Ok(Response::Search(found));
        }
        if walk.peek() == Some(b'(') {
            walk.skip_value()?;
            continue;
        }
        let word = walk.atom();
        if word.is_empty() {
            return Err(Malformed("an ESEARCH that cannot be read"));
        }
        if word.eq_ignore_ascii_case(b"ALL") {
            walk.spaces();
            found = uid_set(walk.atom())?;
        } else if !word.eq_ignore_ascii_case(b"UID") {
            walk.spaces();
            walk.skip_value()?;
        }
    }
}

fn uid_set(text: &[u8]) -> Result<UidSet, Malformed> {
    UidSet::parse(text).ok_or(Malformed("a set of UIDs that is none"))
}

/// Reads a number without sign.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Reads `17-Jul-1996 02:44:25 -0700`.
fn internal_date(text: &[u8]) -> Option<UnixTime> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let text = text.trim_ascii();
    let mut words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (date, time) = (words.next()?, words.next()?);
    let zone = words.next().unwrap_or(b"+0000");
    let part = |text: &[u8], separator: u8, index: usize| -> Option<i64> {
        number(text.split(|byte| *byte == separator).nth(index)?).and_then(|number| i64::try_from(number).ok())
    };
    let day = part(date, b'-', 0).filter(|day| (1..=31).contains(day))?;
    let name = date.split(|byte| *byte == b'-').nth(1)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|month| month.as_slice() == name)? as i64 + 1;
    let year = part(date, b'-', 2).filter(|year| (1900..=9999).contains(year))?;
    let (hour, minute) = (part(time, b':', 0)?, part(time, b':', 1)?);
    let second = part(time, b':', 2).unwrap_or(0);
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let offset = match zone {
        [sign @ (b'+' | b'-'), digits @ ..] => {
            let digits = number(digits).filter(|_| digits.len() == 4).unwrap_or(0) as i64;
            let seconds = (digits / 100 * 60 + digits % 100) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => 0,
    };
    // Days since the epoch: years begin in March, so that the leap day is a year's last.
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (shifted_year / 400, shifted_year % 400);
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(UnixTime(days * UnixTime::DAY + hour * 3600 + minute * 60 + second - offset))
}

fn trim_line_end(frame: &[u8]) -> &[u8] {
    let frame = frame.strip_suffix(b"\n").unwrap_or(frame);
    frame.strip_suffix(b"\r").unwrap_or(frame)
}

/// A walk over the bytes of one response.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) -> &'a [u8] {
        let taken = self.rest().get(..count).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn spaces(&mut self) {
        let count = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.at += count;
    }

    /// Takes what stands up to the next space, bracket or line break.
    fn atom(&mut self) -> &'a [u8] {
        let end = |byte: &u8| matches!(byte, b' ' | b'(' | b')' | b'\r' | b'\n' | b'\t');
        let rest = self.rest();
        let count = rest.iter().position(end).unwrap_or(rest.len());
        self.advance(count)
    }

    /// Takes the name of a FETCH item with its section: `BODY[HEADER.FIELDS (DATE)]<0>`.
    fn item_name(&mut self) -> Result<&'a [u8], Malformed> {
        let mut is_inside = false;
        let rest = self.rest();
        let end = rest.iter().position(|byte| {
            match byte {
                b'[' => is_inside = true,
                b']' => is_inside = false,
                b' ' | b'(' | b')' | b'\r' | b'\n' => return !is_inside,
                _ => {}
            }
            false
        });
        match self.advance(end.unwrap_or(rest.len())) {
            [] => Err(Malformed("a FETCH that does not end")),
            name => Ok(name),
        }
    }

    /// Takes a quoted string or a literal; none for NIL.
    fn string(&mut self) -> Result<Option<std::borrow::Cow<'a, [u8]>>, Malformed> {
        match self.peek() {
            Some(b'"') => self.quoted().map(Some),
            Some(b'{') => self.literal().map(|bytes| Some(bytes.into())),
            Some(b'~') => {
                self.at += 1;
                self.literal().map(|bytes| Some(bytes.into()))
            }
            _ if self.atom().eq_ignore_ascii_case(b"NIL") => Ok(None),
            _ => Err(Malformed("something else where text should be")),
        }
    }

    fn astring(&mut self) -> Result<std::borrow::Cow<'a, [u8]>, Malformed> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Into::into),
            _ => match self.atom() {
                [] => Err(Malformed("nothing where a name should be")),
                atom => Ok(atom.into()),
            },
        }
    }

    fn quoted(&mut self) -> Result<std::borrow::Cow<'a, [u8]>, Malformed> {
        self.at += 1;
        let rest = self.rest();
        let mut has_escapes = false;
        let mut bytes = rest.iter().enumerate();
        let end = loop {
            match bytes.next() {
                Some((index, b'"')) => break index,
                Some((_, b'\\')) => {
                    has_escapes = true;
                    bytes.next();
                }
                Some((_, b'\r' | b'\n')) | None => return Err(Malformed("quotes that do not end")),
                Some(_) => {}
            }
        };
        let inside = self.advance(end);
        self.at += 1;
        if !has_escapes {
            return Ok(inside.into());
        }
        let mut text = Vec::with_capacity(inside.len());
        let mut bytes = inside.iter();
        while let Some(byte) = bytes.next() {
            text.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
        }
        Ok(text.into())
    }

    fn literal(&mut self) -> Result<&'a [u8], Malformed> {
        let bad = Malformed("a literal that cannot be read");
        let rest = self.rest().strip_prefix(b"{").ok_or(bad)?;
        let end = rest.iter().position(|byte| *byte == b'}').ok_or(bad)?;
        let size = rest.get(..end).unwrap_or_default();
        let size = number(size.strip_suffix(b"+").unwrap_or(size)).and_then(|size| usize::try_from(size).ok());
        self.at += end + 2;
        self.take(b'\r');
        self.take(b'\n');
        let bytes = self.advance(size.ok_or(bad)?);
        if Some(bytes.len()) == size { Ok(bytes) } else { Err(bad) }
    }

    /// Takes one value whatever it is, and gives its bytes.
    fn value(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        self.skip_value()?;
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }

    fn skip_value(&mut self) -> Result<(), Malformed> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err(Malformed("a response that breaks off")),
                Some(b'(') => {
                    self.at += 1;
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(Malformed("lists nested too deeply"));
                    }
                }
                Some(b')') if depth == 0 => return Err(Malformed("a list that was never opened")),
                Some(b')') => {
                    self.at += 1;
                    depth -= 1;
                }
                Some(b' ' | b'\t') => {
                    self.at += 1;
                    continue;
                }
                Some(b'"') => drop(self.quoted()?),
                Some(b'{') => drop(self.literal()?),
                Some(b'~') if self.bytes.get(self.at + 1) == Some(&b'{') => {
                    self.at += 1;
                    self.literal()?;
                }
                Some(_) => {
                    if self.atom().is_empty() {
                        return Err(Malformed("a line break where none can be"));
                    }
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    #[test]
    fn dates_are_seconds_of_utc_or_nothing() {
        for (text, expected) in [
            ("17-Jul-1996 02:44:25 -0700", Some(837_596_665)),
            (" 1-Jan-1970 00:00:00 +0000", Some(0)),
            ("29-Feb-2024 23:59:59 +0100", Some(1_709_247_599)),
            ("01-jan-1969 00:00:00 +0000", Some(-31_536_000)),
            ("31-Foo-2024 00:00:00 +0000", None),
            ("32-Jan-2024 00:00:00 +0000", None),
            ("", None),
        ] {
            assert_eq!(internal_date(text.as_bytes()), expected.map(UnixTime), "{text}");
        }
    }

    #[test]
    fn codes_are_told_from_words() {
        let Ok(Response::Done(tag, end)) = parse(b"A7 NO [AUTHENTICATIONFAILED] Sorry [x]\r\n") else { panic!() };
        assert_eq!((tag.as_str(), end.code.as_str(), end.words.as_str()), ("A7", "AUTHENTICATIONFAILED", "Sorry [x]"));
        let Ok(Response::Condition(end)) = parse(b"* OK [UIDVALIDITY 17]") else { panic!() };
        assert_eq!(end.number(), Some(17));
        let Ok(Response::Condition(end)) = parse("* OK [ALERT]über".as_bytes()) else { panic!() };
        assert_eq!((end.code.as_str(), end.words.as_str()), ("ALERT", "über"));
    }

    #[test]
    fn an_answer_to_fetch_is_read_whatever_its_order_and_spelling() {
        let line = b"* 3 fetch (body[HEADER.FIELDS (DATE \"FROM\")] {4}\r\na: b flags (\\SEEN $Forwarded \\Recent) \
                     envelope (\"x\" NIL ((\"a\" NIL \"b\" \"c\"))) modseq (99) rfc822.size 5000000000 uid 9 \
                     EMAILID (M6d99) BODY[]<1048576> NIL)";
        let Ok(Response::Fetch(fetch)) = parse(line) else { panic!() };
        assert_eq!((fetch.uid, fetch.size, fetch.object_id.as_deref()), (Some(9), Some(5_000_000_000), Some("M6d99")));
        assert_eq!(fetch.flags, Some(Keywords::new(["$seen", "$forwarded"])));
        assert_eq!(fetch.origin, Some(1_048_576));
    }
}
