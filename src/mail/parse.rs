//! Owns the way from the bytes of a message to words of the house: its header, its parts, what is attached. Nothing
//! else names mail-parser.
//!
//! Nothing here fails: what cannot be read is shown as it came. Which part is shown how is decided by `render`.
//! mail-parser reads header blocks alone. Its walk over parts takes quadratic time where boundaries never come, and a
//! tree of messages in messages exhausts a thread's stack when it is dropped: the walk is `structure`'s.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use mail_parser::MessageParser;

use crate::mail::document::Attachment;
use crate::mail::email::Header;
use crate::mail::html;
use crate::mail::parse::head::Head;
use crate::mail::parse::structure::Node;
use crate::mail::parse::transfer::{Encoding, Footer};
use crate::mail::plain;
use crate::mail::safe::SafeText;

mod charset;
mod date;
mod field;
mod head;
mod repair;
mod structure;
mod transfer;

/// Parts nested deeper are left closed.
const DEEPEST: usize = 100;
/// Parts beyond these are left out.
const MOST_PARTS: usize = 10_000;
/// Messages encoded in encoded messages, deeper than this, stay files.
const MOST_UNPACKED: usize = 3;
/// Text of one message that is searched, in bytes.
const MOST_SEARCHED: usize = 1024 * 1024;
/// Bytes of plain text that stand for the HTML beside them.
const LEAST_TELLING: usize = 400;
/// Characters of a preview.
const LONGEST_PREVIEW: usize = 200;
/// Text that a preview is made from, in bytes.
const MOST_PREVIEWED: usize = 16 * 1024;

/// Its table of fields is made once. Dates stay text: its reader of them runs on into the next field where a zone is
/// short, here and in `Received`.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new().with_mime_headers().with_address_headers().with_message_ids().default_header_text()
});

/// Reads a header block, with or without the empty line behind it.
pub fn header(bytes: &[u8]) -> Header {
    with_fields(bytes, |parsed, block| field::header(parsed.headers(), block)).unwrap_or_default()
}

/// Reads a message.
pub fn message(bytes: &[u8]) -> Message {
    let message = Message { raw: bytes.to_vec(), ..Message::default() };
    let mut reader = Reader { message, number: 0, is_cut: false, has_long_header: false };
    let root = reader.read(0..bytes.len(), 0, 0);
    let mut message = reader.message;
    let block = message.raw.get(root).unwrap_or_default();
    if let Some((header, fields)) = with_fields(block, |parsed, block| {
        (field::header(parsed.headers(), block), field::fields(parsed.headers(), block))
    }) {
        (message.header, message.fields) = (header, fields);
    }
    for (is_so, note) in [
        (reader.is_cut, "Only the beginning is shown: the message has too many parts. Its source can be saved whole."),
        (reader.has_long_header, "The header of the message is very long; only its beginning was read."),
    ] {
        if is_so {
            message.notes.push(note.to_owned());
        }
    }
    message
}

/// Lets a header block be read, put right before; nothing where it has no field.
fn with_fields<T>(block: &[u8], read: impl FnOnce(&mail_parser::Message<'_>, &[u8]) -> T) -> Option<T> {
    let mut repaired = repair::header(block);
    // The parser drops a last field without an end.
    if !repaired.ends_with(b"\n") {
        repaired.to_mut().extend_from_slice(b"\r\n");
    }
    let parsed = PARSER.parse_headers(repaired.as_ref())?;
    Some(read(&parsed, &repaired))
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
    /// The message as it came, and behind it those in it that were encoded whole.
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

/// Where the bytes of a part are in the message.
#[derive(Debug, Clone, Default)]
struct Source {
    range: Range<usize>,
    encoding: Encoding,
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
                size: transfer::decoded_length(self.slice(part), part.source.encoding),
                is_inline: part.content_id.as_deref().is_some_and(|cid| shown.contains(cid)),
            })
            .collect()
    }

    /// Gives the bytes of an attachment, decoded.
    pub fn attachment_bytes(&self, number: usize) -> Option<Vec<u8>> {
        let part = self.parts.iter().find(|part| part.number == Some(number))?;
        Some(transfer::decode(self.slice(part), part.source.encoding, Footer::Drop).into_owned())
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

    fn slice(&self, part: &Part) -> &[u8] {
        self.raw.get(part.source.range.clone()).unwrap_or_default()
    }
}

/// Parts of one level that are looked at to find what stands beside a text.
const MOST_SIBLINGS: usize = 200;

impl Part {
    /// Gives the name of the attachment, made up where the message gives none: raw words from outside.
    pub fn file_name(&self, number: usize) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let ending = match self.media_type.as_str() {
            "text/calendar" => return "invitation.ics".to_owned(),
            "message/rfc822" => "eml",
            "text/plain" => "txt",
            "application/octet-stream" => "bin",
            other => other.rsplit(['/', '+']).next().unwrap_or("bin"),
        };
        format!("part-{number}.{ending}")
    }
}

struct Reader {
    message: Message,
    number: usize,
    is_cut: bool,
    has_long_header: bool,
}

impl Reader {
    /// Reads the message at this place, so deep in others and in so many encoded ones. Gives where its header block is.
    fn read(&mut self, place: Range<usize>, depth: usize, unpacked: usize) -> Range<usize> {
        let found = structure::nodes(self.message.raw.get(place.clone()).unwrap_or_default());
        self.is_cut |= found.is_cut;
        self.has_long_header |= found.has_long_header;
        let shifted = |range: &Range<usize>| range.start + place.start..range.end + place.start;
        for (at, node) in found.nodes.iter().enumerate() {
            if self.message.parts.len() >= MOST_PARTS || depth + node.depth >= DEEPEST {
                self.is_cut = true;
                break;
            }
            let next = found.nodes.get(at + 1).filter(|next| next.depth > node.depth);
            let head = &node.head;
            let range = shifted(&node.body);
            let bytes = self.message.raw.get(range.clone()).unwrap_or_default();
            let (body, inner) = match (next, head.media_type.as_str()) {
                (Some(_), "multipart/alternative") => (PartBody::Alternative, None),
                (Some(_), kind) if kind.starts_with("multipart/") => (PartBody::Mixed, None),
                (Some(next), _) => {
                    let block = self.message.raw.get(shifted(&next.block)).unwrap_or_default();
                    (PartBody::Message(Box::new(header(block))), None)
                }
                (None, _) if head.is_encoded_message() && unpacked < MOST_UNPACKED => {
                    let inner = transfer::decode(bytes, head.encoding, Footer::Drop).into_owned();
                    (PartBody::Message(Box::default()), Some(inner))
                }
                (None, _) => (leaf(node, bytes), None),
            };
            let is_file = matches!(body, PartBody::Calendar(_) | PartBody::File { .. } | PartBody::Message(_));
            self.number += usize::from(is_file);
            let index = self.message.parts.len();
            self.message.parts.push(Part {
                depth: depth + node.depth,
                media_type: head.media_type.clone(),
                name: head.name.clone(),
                content_id: head.content_id.clone(),
                is_attached: head.is_attached,
                number: is_file.then_some(self.number),
                body,
                source: Source { range, encoding: head.encoding },
            });
            if let Some(inner) = inner {
                let start = self.message.raw.len();
                self.message.raw.extend_from_slice(&inner);
                let block = self.read(start..start + inner.len(), depth + node.depth + 1, unpacked + 1);
                let header = header(self.message.raw.get(block).unwrap_or_default());
                if let Some(part) = self.message.parts.get_mut(index) {
                    part.body = PartBody::Message(Box::new(header));
                }
            }
        }
        found.nodes.first().map(|root| shifted(&root.block)).unwrap_or_default()
    }
}

/// Says what a part is that holds no others.
fn leaf(node: &Node, bytes: &[u8]) -> PartBody {
    let head = &node.head;
    let kind = head.media_type.as_str();
    let is_report = matches!(
        kind,
        "message/delivery-status"
            | "message/global-delivery-status"
            | "message/disposition-notification"
            | "message/global-disposition-notification"
    );
    if is_report || (kind == "text/rfc822-headers" && !head.is_attached) {
        return PartBody::Report(text(head, bytes));
    }
    if kind == "text/calendar" {
        return PartBody::Calendar(text(head, bytes));
    }
    // A multipart in which no part is found is text as it came.
    let is_text = kind.starts_with("text/") || kind.starts_with("multipart/");
    if is_text && !head.is_attached {
        if kind == "text/html" {
            return PartBody::Html(text(head, bytes));
        }
        if kind == "text/plain" || head.name.is_none() {
            return PartBody::Plain(text(head, bytes), head.format);
        }
    }
    PartBody::File { is_between: kind.starts_with("image/") && !head.is_attached && !node.is_in_related }
}

/// Gives the text of a part, a footer behind its base64 included.
fn text(head: &Head, bytes: &[u8]) -> String {
    let bytes: Cow<'_, [u8]> = transfer::decode(bytes, head.encoding, Footer::Keep);
    let text = charset::decode(&bytes, head.charset.as_deref());
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
        assert_eq!((header.from[0].name.as_deref().unwrap(), header.from[0].addr.as_str()), ("Bj\u{f6}rn", "b@x.test"));
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
    fn parts_without_a_name_are_called_by_their_type() {
        for (media_type, name) in [
            ("text/calendar; method=REQUEST", "invitation.ics"),
            ("text/plain", "part-1.txt"),
            ("image/jpeg", "part-1.jpeg"),
            ("application/octet-stream", "part-1.bin"),
            ("application/atom+xml", "part-1.xml"),
        ] {
            let raw = format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b\r\nContent-Type: {media_type}\r\n\
                Content-Disposition: attachment\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n"
            );
            let names: Vec<_> = message(raw.as_bytes()).attachments().into_iter().map(|one| one.name).collect();
            assert_eq!(names.iter().map(SafeText::as_str).collect::<Vec<_>>(), [name]);
        }
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
    fn an_encoded_message_is_opened_and_saved_as_it_is() {
        let inner = "Subject: In\r\nContent-Type: text/html\r\n\r\n<b>deep</b>";
        let mut raw = inner.to_owned();
        for _ in 0..2 {
            use base64::Engine as _;
            let encoded = base64::engine::general_purpose::STANDARD.encode(&raw);
            raw = format!(
                "Subject: Out\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"
            );
        }
        let message = message(raw.as_bytes());
        assert_eq!((message.header.subject.as_str(), message.parts.len()), ("Out", 3));
        let PartBody::Message(header) = &message.parts[1].body else { panic!("{:?}", message.parts[1]) };
        assert_eq!(header.subject, "In");
        assert_eq!(message.best_plain().trim(), "deep");
        assert_eq!(message.attachment_bytes(2).unwrap(), inner.as_bytes());
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

    #[test]
    fn a_short_zone_does_not_swallow_the_next_field() {
        for name in ["Date", "Resent-Date"] {
            let raw = format!("{name}: Thu, 20 Jun 2002 05:53:48 UT\nFrom: ana@toko.test\n\n");
            assert_eq!(header(raw.as_bytes()).from[0].addr, "ana@toko.test");
        }
        let raw = "Received: from a by b; Thu, 20 Jun 2002 05:53:48 UT\nFrom: ana@toko.test\n\n";
        assert_eq!(header(raw.as_bytes()).from[0].addr, "ana@toko.test");
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
