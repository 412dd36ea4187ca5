//! Owns the way from the bytes of a message to what a rendering is made of: its readable parts as a tree, its header,
//! its attachments, and the names of its own pictures.
//!
//! It knows mail-parser and nothing of lines; which form is shown is decided by `render`.

use std::collections::HashMap;

use mail_parser::{Addr, HeaderValue, MessageParser, MimeHeaders, PartType};

use crate::mail::address::Address;
use crate::mail::document::Attachment;
use crate::mail::email::Header;
use crate::mail::plain;
use crate::mail::render::Body;
use crate::mail::safe::SafeText;
use crate::mail::time::UnixTime;

/// Parts nested deeper are left out.
const DEEPEST: usize = 50;
/// Attachments beyond these are not listed.
const MOST_ATTACHMENTS: usize = 10_000;
/// Header fields beyond these are not listed.
const MOST_FIELDS: usize = 2_000;

/// What a rendering is made of.
#[derive(Debug, Default)]
pub struct Content {
    /// The header.
    pub header: Header,
    /// All its fields.
    pub fields: Vec<(SafeText, SafeText)>,
    /// The readable parts; nothing where there are none.
    pub body: Option<Body>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Names of the message's own pictures, and their attachment numbers, by `Content-ID`.
    pub pictures: HashMap<String, (String, usize)>,
}

impl Content {
    /// Reads a message. Bytes that are none are one plain text.
    pub fn read(raw: &[u8]) -> Self {
        let mut content = Self::default();
        let Some(message) = MessageParser::default().parse(raw) else {
            let text = String::from_utf8_lossy(raw).into_owned();
            content.body = Some(Body::Plain(text, plain::Format::default()));
            return content;
        };
        content.header = header(&message);
        content.fields = fields(&message, raw);
        content.body = content.part(&message, 0, 0);
        content
    }

    fn part(&mut self, message: &mail_parser::Message<'_>, id: u32, depth: usize) -> Option<Body> {
        let part = message.part(id).filter(|_| depth < DEEPEST)?;
        let kind = part.content_type();
        let (kind, subtype) = kind.map_or(("text", "plain"), |kind| (kind.ctype(), kind.subtype().unwrap_or("plain")));
        let is_attached = part
            .content_disposition()
            .is_some_and(|disposition| disposition.ctype().eq_ignore_ascii_case("attachment"));
        let is = |name: &str| subtype.eq_ignore_ascii_case(name);
        match &part.body {
            PartType::Multipart(children) => {
                let bodies: Vec<Body> =
                    children.iter().filter_map(|&child| self.part(message, child, depth + 1)).collect();
                match bodies.len() {
                    0 => None,
                    1 => bodies.into_iter().next(),
                    _ if is("alternative") => Some(Body::Alternative(bodies)),
                    _ => Some(Body::Mixed(bodies)),
                }
            }
            PartType::Text(text) if is("calendar") => {
                self.attach(part, "text/calendar", text.len());
                Some(Body::Calendar(text.to_string()))
            }
            PartType::Text(text) if is("rfc822-headers") && !is_attached => Some(Body::Report(text.to_string())),
            PartType::Text(text) if !is_attached && (is("plain") || part.attachment_name().is_none()) => {
                let says = |name: &str, value: &str| {
                    let said = part.content_type().and_then(|kind| kind.attribute(name));
                    said.is_some_and(|said| said.eq_ignore_ascii_case(value))
                };
                let format = plain::Format { is_flowed: says("format", "flowed"), drops_space: says("delsp", "yes") };
                Some(Body::Plain(text.to_string(), format))
            }
            PartType::Html(text) if !is_attached => Some(Body::Html(text.to_string())),
            PartType::Text(text) | PartType::Html(text) => {
                self.attach(part, &format!("{kind}/{subtype}"), text.len());
                None
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                if kind.eq_ignore_ascii_case("message") && (is("delivery-status") || is("disposition-notification")) {
                    return Some(Body::Report(String::from_utf8_lossy(bytes).into_owned()));
                }
                let number = self.attach(part, &format!("{kind}/{subtype}"), bytes.len());
                let name = self.attachments.last().map_or_else(String::new, |last| last.name.to_string());
                if let Some(cid) = part.content_id() {
                    self.pictures.insert(cid.trim_matches(['<', '>', ' ']).to_owned(), (name, number));
                    return None;
                }
                let is_inline = matches!(part.body, PartType::InlineBinary(_)) && !is_attached;
                (is_inline && kind.eq_ignore_ascii_case("image")).then_some(Body::Picture(name))
            }
            PartType::Message(inner) => {
                self.attach(part, "message/rfc822", inner.raw_message.len());
                let body = self.part(inner, 0, depth + 1).unwrap_or(Body::Mixed(Vec::new()));
                Some(Body::Message(Box::new(header(inner)), Box::new(body)))
            }
        }
    }

    fn attach(&mut self, part: &mail_parser::MessagePart<'_>, media_type: &str, size: usize) -> usize {
        let number = self.attachments.len() + 1;
        if number <= MOST_ATTACHMENTS {
            let media_type = media_type.to_ascii_lowercase();
            let made_up = || format!("part-{number}.{}", media_type.rsplit(['/', '+']).next().unwrap_or("bin"));
            let name = part.attachment_name().map_or_else(made_up, str::to_owned);
            self.attachments.push(Attachment {
                number,
                name: SafeText::file_name(&name),
                media_type: SafeText::line(&media_type),
                size: size as u64,
                is_inline: false,
            });
        }
        number
    }
}

fn header(message: &mail_parser::Message<'_>) -> Header {
    let all = |address: Option<&mail_parser::Address<'_>>| address.map(people).unwrap_or_default();
    let mut from = Vec::new();
    for value in message.header_values("From") {
        if let HeaderValue::Address(address) = value {
            from.extend(people(address));
        }
    }
    Header {
        from,
        sender: all(message.sender()).into_iter().next(),
        reply_to: all(message.reply_to()),
        to: all(message.to()),
        cc: all(message.cc()),
        bcc: all(message.bcc()),
        subject: message.subject().unwrap_or_default().to_owned(),
        date: message.date().filter(|date| date.is_valid()).map(|date| UnixTime(date.to_timestamp())),
        message_id: message.message_id().map(str::to_owned),
        list_id: match message.list_id() {
            HeaderValue::Empty => None,
            HeaderValue::Text(text) => Some(text.to_string()),
            HeaderValue::Address(address) => people(address).first().map(|list| list.addr.clone()),
            _ => Some(String::new()),
        },
        ..Header::default()
    }
}

fn people(address: &mail_parser::Address<'_>) -> Vec<Address> {
    let person = |addr: &Addr<'_>| Address::new(addr.name.as_deref(), addr.address.as_deref().unwrap_or_default());
    address.iter().map(person).collect()
}

fn fields(message: &mail_parser::Message<'_>, raw: &[u8]) -> Vec<(SafeText, SafeText)> {
    let fields = message.headers().iter().take(MOST_FIELDS).map(|field| {
        let as_written = || {
            let bytes = raw.get(field.offset_start as usize..field.offset_end as usize).unwrap_or_default();
            String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let value = match &field.value {
            HeaderValue::Text(text) => text.to_string(),
            HeaderValue::Address(address) => {
                let spelled = people(address).into_iter().map(|person| match person.name {
                    Some(name) => format!("{name} <{}>", person.addr),
                    None => person.addr,
                });
                spelled.collect::<Vec<_>>().join(", ")
            }
            _ => as_written(),
        };
        (SafeText::line(field.name.as_str()), SafeText::line(&value))
    });
    fields.collect()
}
