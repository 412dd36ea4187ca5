//! Owns the way from the bytes of a message to words of the house: its header, its parts, what is attached. Nothing
//! else names mail-parser.
//!
//! Nothing here fails: what cannot be read is shown as it came. Which part is shown how is decided by `render`.

use std::collections::HashSet;
use std::ops::Range;

use mail_parser::decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode};
use mail_parser::{Encoding, MessageParser, MimeHeaders, PartType};

use crate::mail::document::Attachment;
use crate::mail::email::Header;
use crate::mail::html;
use crate::mail::plain;
use crate::mail::safe::SafeText;

mod charset;
mod field;
mod repair;

/// Parts nested deeper are left out.
const DEEPEST: usize = 100;
/// Parts beyond these are left out.
const MOST_PARTS: usize = 10_000;
/// Text of one message that is searched, in bytes.
const MOST_SEARCHED: usize = 1024 * 1024;
/// Bytes of plain text that stand for the HTML beside them.
const LEAST_TELLING: usize = 400;
/// Characters of a preview.
const LONGEST_PREVIEW: usize = 200;
/// Text that a preview is made from, in bytes.
const MOST_PREVIEWED: usize = 16 * 1024;

/// Reads a header block, with or without the empty line behind it.
pub fn header(bytes: &[u8]) -> Header {
    let mut repaired = repair::header(bytes);
    // The parser drops a last field without an end.
    if !repaired.ends_with(b"\n") {
        repaired.to_mut().extend_from_slice(b"\r\n");
    }
    let parsed = MessageParser::default().parse_headers(repaired.as_ref());
    parsed.map_or_else(Header::default, |message| field::header(message.headers(), &repaired))
}

/// Reads a message.
pub fn message(bytes: &[u8]) -> Message {
    let repaired = repair::message(bytes);
    let mut message = Message { raw: bytes.to_vec(), ..Message::default() };
    let Some(mut parsed) = MessageParser::default().parse(repaired.bytes.as_ref()) else {
        let text = charset::decode(bytes, None);
        message.push(0, "text/plain", PartBody::Plain(text, plain::Format::default()), Source::Whole);
        return message;
    };
    message.header = field::header(parsed.headers(), &repaired.bytes);
    message.fields = field::fields(parsed.headers(), &repaired.bytes);
    let mut reader = Reader { message, repaired: &repaired, number: 0, is_cut: false };
    reader.part(&mut parsed, 0, 0, Base { bytes: &repaired.bytes, is_raw: true });
    let is_cut = reader.is_cut;
    let mut message = reader.message;
    for (is_so, note) in [
        (is_cut, "Only the beginning is shown: the message has too many parts. Its source can be saved whole."),
        (repaired.is_header_cut, "The header of the message is very long; only its beginning was read."),
        (repaired.is_nesting_cut, "Some messages in this one were left as attachments: there are too many."),
    ] {
        if is_so {
            message.notes.push(note.to_owned());
        }
    }
    message
}

/// A message, read.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// The header fields that the house knows.
    pub header: Header,
    /// All header fields in their order, decoded: raw words from outside.
    pub fields: Vec<(String, String)>,
    /// Its parts, each before those in it.
    pub parts: Vec<Part>,
    /// What was left out or put right, in sentences for people.
    pub notes: Vec<String>,
    raw: Vec<u8>,
}

/// A part of a message. What is in it follows it, one deeper.
#[derive(Debug, Clone)]
pub struct Part {
    /// How many parts it is in.
    pub depth: usize,
    /// `image/png`, lower case.
    pub media_type: String,
    /// The file name that the message gives it: raw words from outside.
    pub name: Option<String>,
    /// Its `Content-ID` without angle brackets.
    pub content_id: Option<String>,
    /// Whether the message wants it to be a file rather than text.
    pub is_attached: bool,
    /// Its number among what is attached, from 1 on; `None` for text that is read.
    pub number: Option<usize>,
    /// What it holds.
    pub body: PartBody,
    source: Source,
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq)]
pub enum PartBody {
    /// One part after the other.
    Mixed,
    /// One thing in several forms.
    Alternative,
    /// Text to be read.
    Plain(String, plain::Format),
    /// HTML to be read.
    Html(String),
    /// A calendar (RFC 5545).
    Calendar(String),
    /// A machine's report of a delivery (RFC 3464) or a reading (RFC 8098).
    Report(String),
    /// A file; whether it is a picture that stands between the texts.
    File {
        /// Whether it does.
        is_between: bool,
    },
    /// A message in this one; its root part follows.
    Message(Box<Header>),
}

/// Where the bytes of a part are, decoded.
#[derive(Debug, Clone, Default)]
enum Source {
    /// Nowhere: it is text, or only holds others.
    #[default]
    None,
    Whole,
    Range(Range<usize>),
    Bytes(Vec<u8>),
}

impl Message {
    /// Gives the text that reads best as plain text: plain parts, and HTML where there is nothing plain beside it.
    pub fn best_plain(&self) -> String {
        self.text(MOST_SEARCHED, false)
    }

    /// Gives the HTML of the message itself, if it has some.
    pub fn html(&self) -> Option<&str> {
        let end = self.parts.iter().position(|part| matches!(part.body, PartBody::Message(_)));
        self.parts.iter().take(end.unwrap_or(usize::MAX)).find_map(|part| match &part.body {
            PartBody::Html(html) => Some(html.as_str()),
            _ => None,
        })
    }

    /// Lists what is attached, with names that are fit to be made in a directory.
    pub fn attachments(&self) -> Vec<Attachment> {
        let shown = self.shown_pictures();
        let attached = self.parts.iter().filter_map(|part| Some((part.number?, part)));
        attached
            .map(|(number, part)| Attachment {
                number,
                name: SafeText::file_name(&part.file_name(number)),
                media_type: SafeText::line(&part.media_type),
                size: self.slice(part).map_or(0, |bytes| bytes.len() as u64),
                is_inline: part.content_id.as_deref().is_some_and(|cid| shown.contains(cid)),
            })
            .collect()
    }

    /// Gives the bytes of an attachment, decoded.
    pub fn attachment_bytes(&self, number: usize) -> Option<Vec<u8>> {
        let part = self.parts.iter().find(|part| part.number == Some(number))?;
        self.slice(part).map(<[u8]>::to_vec)
    }

    /// Says whether something is attached beside its text, the pictures in it, signatures and reports.
    pub fn has_attachment(&self) -> bool {
        let shown = self.shown_pictures();
        self.parts.iter().filter(|part| part.number.is_some()).any(|part| {
            let is_shown = part.content_id.as_deref().is_some_and(|cid| shown.contains(cid));
            let is_signature = matches!(
                part.media_type.as_str(),
                "application/pgp-signature" | "application/pkcs7-signature" | "application/x-pkcs7-signature"
            );
            !is_shown && !is_signature
        })
    }

    /// Gives all that is looked through when mail is searched: texts, names of attachments, subjects of messages in it.
    pub fn search_text(&self) -> String {
        self.text(MOST_SEARCHED, true)
    }

    /// Gives the beginning of the text in one line, without what is quoted.
    pub fn preview(&self) -> String {
        let text = plain::without_fillers(&self.text(MOST_PREVIEWED, false));
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('>'));
        let words = lines.take_while(|line| *line != "--").flat_map(str::split_whitespace);
        let mut preview = String::new();
        let mut length = 0;
        for word in words {
            length += word.chars().count() + 1;
            if !preview.is_empty() {
                preview.push(' ');
            }
            preview.push_str(word);
            if length > LONGEST_PREVIEW {
                break;
            }
        }
        preview.chars().take(LONGEST_PREVIEW).collect()
    }

    /// Joins the texts, up to about so many bytes.
    fn text(&self, most: usize, with_names: bool) -> String {
        // A few words may only ask for another program; searched are those of the HTML too then.
        let least = if with_names { LEAST_TELLING } else { 1 };
        let mut text = String::new();
        let mut has_plain = HashSet::new(); // depths of alternatives' children that have something plain
        for (at, part) in self.parts.iter().enumerate() {
            if text.len() >= most {
                break;
            }
            if let Some(number) = part.number.filter(|_| with_names) {
                text.push_str(&part.file_name(number));
                text.push('\n');
            }
            let room = most - text.len();
            match &part.body {
                PartBody::Alternative => {
                    let inner = self.parts.get(at + 1..).unwrap_or_default();
                    let inner = inner.iter().take_while(|inner| inner.depth > part.depth);
                    let is_telling = inner
                        .take(MOST_SIBLINGS)
                        .any(|inner| matches!(&inner.body, PartBody::Plain(text, _) if text.trim().len() >= least));
                    has_plain.retain(|depth| *depth <= part.depth);
                    if is_telling {
                        has_plain.insert(part.depth + 1);
                    }
                }
                PartBody::Plain(plain, _) => text.push_str(head(plain, room)),
                PartBody::Html(html) => {
                    let is_beside = self.is_in_alternative(at, &has_plain);
                    if !is_beside {
                        text.push_str(head(&html::plain_text(head(html, most.saturating_mul(4))), room));
                    }
                }
                PartBody::Calendar(calendar) | PartBody::Report(calendar) if with_names => {
                    text.push_str(head(calendar, room));
                }
                PartBody::Message(header) if with_names => text.push_str(&header.subject),
                _ => continue,
            }
            text.push('\n');
        }
        text
    }

    /// Says whether a part is in an alternative that has plain text.
    fn is_in_alternative(&self, at: usize, has_plain: &HashSet<usize>) -> bool {
        let mut depth = self.parts.get(at).map_or(0, |part| part.depth);
        for part in self.parts.get(..at).unwrap_or_default().iter().rev().take(MOST_SIBLINGS) {
            if part.depth < depth {
                if part.body == PartBody::Alternative && has_plain.contains(&depth) {
                    return true;
                }
                depth = part.depth;
            }
        }
        false
    }

    /// The names of the pictures that the HTML shows.
    fn shown_pictures(&self) -> HashSet<&str> {
        let htmls = self.parts.iter().filter_map(|part| match &part.body {
            PartBody::Html(html) => Some(html.as_str()),
            _ => None,
        });
        let is_end = |c: char| matches!(c, '"' | '\'' | '>' | ')' | '&') || c.is_whitespace();
        htmls.flat_map(|html| html.split("cid:").skip(1)).filter_map(|rest| rest.split(is_end).next()).collect()
    }

    fn slice<'a>(&'a self, part: &'a Part) -> Option<&'a [u8]> {
        match &part.source {
            Source::None => None,
            Source::Whole => Some(&self.raw),
            Source::Range(range) => self.raw.get(range.clone()),
            Source::Bytes(bytes) => Some(bytes),
        }
    }

    fn push(&mut self, depth: usize, media_type: &str, body: PartBody, source: Source) {
        self.parts.push(Part {
            depth,
            media_type: media_type.to_owned(),
            name: None,
            content_id: None,
            is_attached: false,
            number: None,
            body,
            source,
        });
    }
}

/// Parts of one level that are looked at to find what stands beside a text.
const MOST_SIBLINGS: usize = 200;

impl Part {
    /// Gives the name of the attachment, made up where the message gives none: raw words from outside.
    pub fn file_name(&self, number: usize) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None if self.media_type == "message/rfc822" => format!("part-{number}.eml"),
            None => format!("part-{number}.{}", self.media_type.rsplit(['/', '+']).next().unwrap_or("bin")),
        }
    }
}

/// The bytes that the places of a parsed message count in.
#[derive(Clone, Copy)]
struct Base<'a> {
    bytes: &'a [u8],
    /// Whether they are those of the whole message, put right.
    is_raw: bool,
}

struct Reader<'a> {
    message: Message,
    repaired: &'a repair::Repaired<'a>,
    number: usize,
    is_cut: bool,
}

impl Reader<'_> {
    fn part(&mut self, parsed: &mut mail_parser::Message<'_>, id: u32, depth: usize, base: Base<'_>) {
        let Some(part) = parsed.parts.get_mut(id as usize) else { return };
        if depth >= DEEPEST || self.message.parts.len() >= MOST_PARTS {
            self.is_cut = true;
            return;
        }
        let body = std::mem::replace(&mut part.body, PartType::Multipart(Vec::new()));
        let at = self.message.parts.len();
        let media_type = media_type(part, &body);
        self.message.push(depth, &media_type, PartBody::Mixed, Source::None);
        let is_attached = part
            .content_disposition()
            .is_some_and(|disposition| disposition.ctype().eq_ignore_ascii_case("attachment"));
        let name = part.attachment_name().map(str::to_owned);
        let content_id = part.content_id().map(|cid| cid.trim_matches(['<', '>', ' ']).to_owned());
        let (body, source, inner) = match body {
            PartType::Multipart(children) => {
                let is_alternative = media_type == "multipart/alternative";
                let body = if is_alternative { PartBody::Alternative } else { PartBody::Mixed };
                (body, Source::None, Inner::Parts(children))
            }
            PartType::Message(mut message) => {
                let header = field::header(message.headers(), &message.raw_message);
                let is_encoded = part.encoding != Encoding::None;
                let source =
                    if is_encoded { Source::Bytes(message.raw_message.to_vec()) } else { self.place(part, base) };
                let bytes = std::mem::take(&mut message.raw_message);
                (PartBody::Message(Box::new(header)), source, Inner::Message(message, bytes, is_encoded))
            }
            leaf => {
                let (body, source) = self.leaf(part, leaf, &media_type, is_attached, name.is_some(), base);
                (body, source, Inner::Parts(Vec::new()))
            }
        };
        let is_file = match &body {
            PartBody::Calendar(_) | PartBody::File { .. } | PartBody::Message(_) => true,
            PartBody::Mixed | PartBody::Alternative => false,
            PartBody::Plain(..) | PartBody::Html(_) | PartBody::Report(_) => false,
        };
        self.number += usize::from(is_file);
        if let Some(part) = self.message.parts.get_mut(at) {
            (part.body, part.source, part.is_attached) = (body, source, is_attached);
            (part.name, part.content_id) = (name, content_id);
            part.number = is_file.then_some(self.number);
        }
        match inner {
            Inner::Parts(children) => {
                for child in children {
                    self.part(parsed, child, depth + 1, base);
                }
            }
            Inner::Message(mut message, bytes, is_encoded) => {
                let base = if is_encoded { Base { bytes: &bytes, is_raw: false } } else { base };
                self.part(&mut message, 0, depth + 1, base);
            }
        }
    }

    fn leaf(
        &self,
        part: &mail_parser::MessagePart<'_>,
        body: PartType<'_>,
        media_type: &str,
        is_attached: bool,
        is_named: bool,
        base: Base<'_>,
    ) -> (PartBody, Source) {
        let is_report = media_type.starts_with("message/")
            && ["delivery-status", "disposition-notification"].iter().any(|name| media_type.ends_with(name));
        let is_text = media_type.starts_with("text/") || media_type.starts_with("multipart/");
        if is_report || (media_type == "text/rfc822-headers" && !is_attached) {
            return (PartBody::Report(text(part, &body, base)), Source::None);
        }
        if media_type == "text/calendar" {
            return (PartBody::Calendar(text(part, &body, base)), self.file(part, body, base));
        }
        if is_text && !is_attached {
            if media_type == "text/html" {
                return (PartBody::Html(text(part, &body, base)), Source::None);
            }
            if media_type == "text/plain" || !is_named {
                let says = |name: &str, value: &str| {
                    let said = part.content_type().and_then(|kind| kind.attribute(name));
                    said.is_some_and(|said| said.eq_ignore_ascii_case(value))
                };
                let format = plain::Format { is_flowed: says("format", "flowed"), drops_space: says("delsp", "yes") };
                return (PartBody::Plain(text(part, &body, base), format), Source::None);
            }
        }
        let is_between = matches!(body, PartType::InlineBinary(_)) && !is_attached && media_type.starts_with("image/");
        (PartBody::File { is_between }, self.file(part, body, base))
    }

    /// Gives the bytes of a part that is a file.
    fn file(&self, part: &mail_parser::MessagePart<'_>, body: PartType<'_>, base: Base<'_>) -> Source {
        match body {
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) if part.encoding != Encoding::None => {
                Source::Bytes(bytes.into_owned())
            }
            _ if is_encoded(part) => Source::Bytes(decoded(part, base).0),
            _ => self.place(part, base),
        }
    }

    /// Gives the bytes of a part as they stand in the message.
    fn place(&self, part: &mail_parser::MessagePart<'_>, base: Base<'_>) -> Source {
        let (start, end) = (part.offset_body as usize, part.offset_end as usize);
        if base.is_raw {
            let start = self.repaired.origin(start);
            // The end may be that of a header block without a body.
            return Source::Range(start..self.repaired.origin(end).max(start));
        }
        Source::Bytes(base.bytes.get(start..end).unwrap_or_default().to_vec())
    }
}

enum Inner<'a> {
    Parts(Vec<u32>),
    Message(mail_parser::Message<'a>, std::borrow::Cow<'a, [u8]>, bool),
}

fn media_type(part: &mail_parser::MessagePart<'_>, body: &PartType<'_>) -> String {
    if matches!(body, PartType::Message(_)) {
        return "message/rfc822".to_owned();
    }
    match part.content_type() {
        Some(kind) => format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("plain")).to_ascii_lowercase(),
        None => "text/plain".to_owned(),
    }
}

fn transfer_encoding<'a>(part: &'a mail_parser::MessagePart<'_>) -> &'a str {
    part.content_transfer_encoding().map_or("", str::trim)
}

fn is_encoded(part: &mail_parser::MessagePart<'_>) -> bool {
    ["base64", "quoted-printable"].iter().any(|name| transfer_encoding(part).eq_ignore_ascii_case(name))
}

/// Decodes the bytes of a part, and gives what stands behind them that is none of them: a list's footer.
fn decoded(part: &mail_parser::MessagePart<'_>, base: Base<'_>) -> (Vec<u8>, Vec<u8>) {
    let bytes = base.bytes.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
    let encoding = transfer_encoding(part);
    if encoding.eq_ignore_ascii_case("base64") {
        let end = base64_end(bytes);
        let (text, footer) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        let whole = text.len() - text.iter().filter(|byte| is_base64(**byte)).count() % 4;
        return match base64_decode(text).or_else(|| base64_decode(text.get(..whole)?)) {
            Some(decoded) if !text.trim_ascii().is_empty() => (decoded, footer.to_vec()),
            _ => (bytes.to_vec(), Vec::new()),
        };
    }
    if encoding.eq_ignore_ascii_case("quoted-printable") {
        return (quoted_printable_decode(bytes).unwrap_or_else(|| bytes.to_vec()), Vec::new());
    }
    (bytes.to_vec(), Vec::new())
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Finds where base64 ends: at a line that holds anything else, or behind its padding.
fn base64_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let words = line.trim_ascii();
        if !words.iter().all(|byte| is_base64(*byte)) {
            return at;
        }
        at += line.len();
        if words.ends_with(b"=") {
            return at;
        }
    }
    at
}

fn decode_base64(bytes: &[u8]) -> Option<Vec<u8>> {
    base64_decode(bytes)
}

/// Gives the text of a part, decoded anew where the parser had to guess.
fn text(part: &mail_parser::MessagePart<'_>, body: &PartType<'_>, base: Base<'_>) -> String {
    let named = part.content_type().and_then(|kind| kind.attribute("charset"));
    let parsed = match body {
        PartType::Text(text) | PartType::Html(text) => Some(text.as_ref()),
        _ => None,
    };
    let is_doubtful = part.is_encoding_problem && is_encoded(part);
    let text = match parsed {
        Some(text) if !is_doubtful => {
            let is_vague = named.is_some_and(charset::is_vague) && !text.is_ascii();
            (!is_vague && !text.contains('\u{fffd}')).then(|| text.to_owned())
        }
        _ => None,
    };
    let text = text.unwrap_or_else(|| {
        let (bytes, footer) = decoded(part, base);
        let mut text = charset::decode(&bytes, named);
        if !footer.trim_ascii().is_empty() {
            text.push('\n');
            text.push_str(&charset::decode(&footer, None));
        }
        text
    });
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// Gives the beginning of a text, whole characters.
fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;
    use crate::mail::time::UnixTime;

    #[test]
    fn a_header_is_read_and_cleaned() {
        let header = header(
            b"From: =?utf-8?Q?Bj=C3=B6rn?= <b@x.test>\r\nTo: Team: Ana <a@x.test>, c@x.test;, d@x.test\r\nCc: undisclosed-recipients:;\r\n\
            Subject: =?utf-8?Q?caf=C3?=\r\n =?utf-8?Q?=A9?= now\r\nDate: Mon, 23 Nov 2026 09:00:00 +0700\r\nMessage-ID: <1@x.test>\r\n\
            In-Reply-To: Your message of Monday\r\nReferences: <a@x>\r\n\t<b@x> <a@x>\r\nList-Id: The list <l.x.test>",
        );
        assert_eq!((header.from[0].short(), header.from[0].addr.as_str()), ("Bj\u{f6}rn", "b@x.test"));
        assert_eq!(
            header.to.iter().map(|to| to.addr.as_str()).collect::<Vec<_>>(),
            ["a@x.test", "c@x.test", "d@x.test"]
        );
        assert!(header.cc.is_empty() && header.in_reply_to.is_empty());
        assert_eq!(header.subject, "café now");
        assert_eq!(header.date, Some(UnixTime(1_795_399_200)));
        assert_eq!((header.message_id.as_deref(), header.list_id.as_deref()), (Some("1@x.test"), Some("l.x.test")));
        assert_eq!(header.references, ["a@x", "b@x"]);
    }

    #[test]
    fn only_days_that_exist_are_dates() {
        let date = |text: &str| header(format!("Date: {text}\r\n\r\n").as_bytes()).date.map(|date| date.0);
        assert_eq!(date("Thu, 32 Foo 2024 99:99:99"), None);
        assert_eq!(date("Mon, 30 Feb 2026 09:00:00 +0000"), None);
        assert_eq!(date("Thu Nov 19 09:00:00 2026"), Some(1_795_078_800));
        assert_eq!(date("Thu, 19 Nov 2026 09:00:00"), Some(1_795_078_800));
        assert_eq!(date("2026-11-19T09:00:00Z"), Some(1_795_078_800));
    }

    #[test]
    fn unnamed_header_bytes_are_guessed() {
        assert_eq!(header(b"Subject: Gr\xfc\xdfe aus K\xf6ln\r\n\r\n").subject, "Grüße aus Köln");
        assert_eq!(header("Subject: 天气 é\r\n".as_bytes()).subject, "天气 é");
    }

    #[test]
    fn texts_and_attachments_are_told_apart_and_numbered() {
        let raw = b"Content-Type: multipart/mixed;\r\n boundary=\r\n b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\
            caf\xe9\r\n--b\r\nContent-Type: text/x-c; name=a.c\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            a=3Db\xff\r\n--b\r\nContent-Type: image/png; name=\"../x.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
            --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: In\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\nInside\r\n--b--\r\n";
        let message = message(raw);
        let attachments = message.attachments();
        let listed: Vec<_> = attachments.iter().map(|it| (it.number, it.name.as_str(), it.size)).collect();
        assert_eq!(listed[..2], [(1, "a.c", 4), (2, "x.png", 3)]);
        assert_eq!(message.attachment_bytes(1).unwrap(), b"a=b\xff");
        assert_eq!(message.attachment_bytes(2).unwrap(), [0, 1, 2]);
        assert_eq!(
            String::from_utf8(message.attachment_bytes(3).unwrap()).unwrap().trim_end(),
            "Subject: In\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\nInside"
        );
        assert_eq!(message.attachment_bytes(4), None);
        assert!(message.has_attachment() && message.preview().starts_with("café"));
        assert!(message.search_text().contains("a.c"));
    }

    #[test]
    fn base64_with_a_footer_is_both() {
        let message = message(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nY2Fmw6k=\r\n\r\n_____\r\nThe list\r\n");
        assert_eq!(message.best_plain().split_whitespace().collect::<Vec<_>>(), ["café", "_____", "The", "list"]);
    }

    #[test]
    fn unnamed_text_is_guessed() {
        assert_eq!(message(b"Subject: x\r\n\r\nGr\xfc\xdfe aus K\xf6ln").best_plain().trim(), "Grüße aus Köln");
        let named = "Content-Type: text/plain; charset=us-ascii\r\n\r\ncafé".as_bytes();
        assert_eq!(message(named).best_plain().trim(), "café");
    }

    #[test]
    fn html_stands_for_itself_alone() {
        let both = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--b--\r\n";
        assert_eq!(message(both.as_bytes()).best_plain().trim(), "plain");
        assert_eq!(message(both.as_bytes()).html().unwrap().trim(), "<b>html</b>");
        assert!(!message(both.as_bytes()).has_attachment());
        let alone = "Content-Type: text/html\r\n\r\n<b>html</b> <img src=cid:x>";
        assert_eq!(message(alone.as_bytes()).preview(), "html");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message(raw in prop::collection::vec(any::<u8>(), 0..400)) {
            let message = message(&raw);
            message.attachments();
            message.search_text();
            header(&raw);
        }
    }
}
