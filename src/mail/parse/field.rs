//! Owns what header fields mean: people, dates, ids and subjects, cleaned of what they must not hold.
//!
//! It finds no fields: the parser does.

use mail_parser::{Addr, Header as Field, HeaderName, HeaderValue};

use crate::mail::address::Address;
use crate::mail::email::Header;
use crate::mail::parse::date;

/// Addresses of one header beyond these are not kept.
const MOST_PEOPLE: usize = 10_000;
/// Ids of one header that are kept, the newest.
const MOST_IDS: usize = 1_000;
/// Letters of an id (RFC 5322 section 2.1.1: no line is longer).
const LONGEST_ID: usize = 998;
/// Fields that are listed.
const MOST_FIELDS: usize = 2_000;

/// Reads the fields that the house knows; of those that should come once, the first counts.
pub(super) fn header(fields: &[Field<'_>], bytes: &[u8]) -> Header {
    let mut header = Header::default();
    let mut subject = None;
    for field in fields {
        let value = &field.value;
        match &field.name {
            HeaderName::From => add_people(&mut header.from, value),
            HeaderName::Sender if header.sender.is_none() => {
                let mut people = Vec::new();
                add_people(&mut people, value);
                header.sender = people.into_iter().next();
            }
            HeaderName::ReplyTo => add_people(&mut header.reply_to, value),
            HeaderName::To => add_people(&mut header.to, value),
            HeaderName::Cc => add_people(&mut header.cc, value),
            HeaderName::Bcc => add_people(&mut header.bcc, value),
            HeaderName::Subject if subject.is_none() => subject = value.as_text().map(|text| text.trim().to_owned()),
            HeaderName::Date if header.date.is_none() => header.date = date::read(&as_written(field, bytes)),
            HeaderName::MessageId if header.message_id.is_none() => {
                let id = ids(value).into_iter().next();
                header.message_id = id.or_else(|| lone_id(&as_written(field, bytes)));
            }
            HeaderName::InReplyTo => header.in_reply_to.extend(ids(value)),
            HeaderName::References => header.references.extend(ids(value)),
            HeaderName::ListId if header.list_id.is_none() => header.list_id = list_id(&as_written(field, bytes)),
            _ => {}
        }
    }
    header.subject = subject.unwrap_or_default();
    keep_newest(&mut header.in_reply_to);
    keep_newest(&mut header.references);
    header
}

/// Lists all fields, decoded.
pub(super) fn fields(fields: &[Field<'_>], bytes: &[u8]) -> Vec<(String, String)> {
    let list = fields.iter().take(MOST_FIELDS).map(|field| {
        let value = match &field.value {
            HeaderValue::Text(text) => text.to_string(),
            HeaderValue::Address(address) if !matches!(field.name, HeaderName::ListId) => {
                let spelled = people(address).map(|person| match person.name {
                    Some(name) => format!("{name} <{}>", person.addr),
                    None => person.addr,
                });
                spelled.collect::<Vec<_>>().join(", ")
            }
            _ => as_written(field, bytes),
        };
        (field.name.as_str().to_owned(), value)
    });
    list.collect()
}

/// Gives a field as it came, in one line.
fn as_written(field: &Field<'_>, bytes: &[u8]) -> String {
    let bytes = bytes.get(field.offset_start as usize..field.offset_end as usize).unwrap_or_default();
    String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn people<'a>(address: &'a mail_parser::Address<'_>) -> impl Iterator<Item = Address> + 'a {
    let person = |addr: &Addr<'_>| Address::new(addr.name.as_deref(), addr.address.as_deref().unwrap_or_default());
    address.iter().map(person).filter(|person| !person.addr.is_empty() || person.name.is_some())
}

fn add_people(list: &mut Vec<Address>, value: &HeaderValue<'_>) {
    if let HeaderValue::Address(address) = value {
        let room = MOST_PEOPLE.saturating_sub(list.len());
        list.extend(people(address).take(room));
    }
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    let words: Vec<&str> = match value {
        // Without angle brackets it may be a sentence: `Your message of Monday`.
        HeaderValue::Text(text) => text.split_whitespace().filter(|word| word.contains('@')).collect(),
        HeaderValue::TextList(list) => list.iter().map(AsRef::as_ref).collect(),
        _ => Vec::new(),
    };
    words.into_iter().filter_map(clean_id).collect()
}

/// An id that breaks the rule of having an `@`, as it is written.
fn lone_id(written: &str) -> Option<String> {
    clean_id(written.trim_matches(['<', '>', ' ']))
}

fn clean_id(id: &str) -> Option<String> {
    let id: String = id.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>')).collect();
    (!id.is_empty() && id.len() <= LONGEST_ID).then_some(id)
}

/// Keeps each id once, and the last ones of too many.
fn keep_newest(ids: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids.drain(..ids.len().saturating_sub(MOST_IDS));
    // Thousands of headers wait for the store at a time: what was dropped must not keep its room.
    ids.shrink_to_fit();
}

/// Gives what a list calls itself (RFC 2919): what is in angle brackets, else all.
fn list_id(written: &str) -> Option<String> {
    let inner = written.rsplit_once('<').map_or(written, |(_, rest)| rest.split('>').next().unwrap_or(rest));
    let inner: String = inner.chars().filter(|c| !c.is_control()).collect();
    Some(inner.trim().to_owned()).filter(|id| !id.is_empty())
}
