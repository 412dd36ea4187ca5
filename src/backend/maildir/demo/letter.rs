//! Owns turning the demo's scripts into the bytes of messages: fields, encodings, parts, quotes.
//!
//! It writes no file.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;

use encoding_rs::{Encoding, UTF_8};

use crate::backend::maildir::demo::random::Random;
use crate::backend::maildir::demo::script::{Letter, Section};
use crate::backend::maildir::demo::{dates, encode, files};
use crate::mail::time::UnixTime;

/// Who owns an account.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// `ana@gmail.example`.
    pub email: &'static str,
    /// `Ana Pertiwi`.
    pub full_name: &'static str,
}

/// A finished message.
#[derive(Debug)]
pub struct Written {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// When it was written.
    pub moment: UnixTime,
}

/// Writes letters one after another, for later ones quote and answer earlier ones.
#[derive(Debug)]
pub struct Writer {
    now: UnixTime,
    random: Random,
    number: usize,
    earlier: HashMap<String, Earlier>,
}

/// What is remembered of a letter.
#[derive(Debug)]
struct Earlier {
    moment: UnixTime,
    from: String,
    text: String,
    message_id: String,
    references: Vec<String>,
    raw: Vec<u8>,
}

/// A part of a message: its header fields and its body, encoded.
struct Part {
    fields: String,
    body: Vec<u8>,
}

impl Writer {
    /// Begins.
    pub fn new(now: UnixTime, seed: u64) -> Self {
        Self { now, random: Random::new(seed), number: 0, earlier: HashMap::new() }
    }

    /// Writes one letter.
    pub fn write(&mut self, letter: &Letter, owner: Owner) -> io::Result<Written> {
        self.number += 1;
        let wrong =
            |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("letter {:?}: {what}", letter.fields));
        let moment = dates::moment(letter.moment, self.now).ok_or_else(|| wrong("the moment is not one"))?;
        let from = self.value("From", letter.field("From").unwrap_or_default(), owner);
        let id = letter.setting("id").map_or_else(|| format!("m{}", self.number), str::to_owned);
        let message_id = format!("{id}@{}", domain(&from));
        let parent = letter.setting("re").map(|re| self.earlier.get(re).ok_or_else(|| wrong("it answers a stranger")));
        let parent = parent.transpose()?;
        let references: Vec<String> = parent
            .map(|parent| parent.references.iter().chain([&parent.message_id]).cloned().collect())
            .unwrap_or_default();
        let mut head = self.head(letter, owner, moment);
        let mut add = |name: &str, value: &str| {
            if letter.field(name).is_none() {
                let _ = write!(head, "{name}: {value}\r\n"); // writing to a String cannot fail
            }
        };
        if !letter.says("nodate") {
            add("Date", &dates::field(moment, letter.setting("tz").unwrap_or("+0700")));
        }
        add("Message-ID", &format!("<{message_id}>"));
        if let Some(parent) = parent {
            add("In-Reply-To", &format!("<{}>", parent.message_id));
            let all = references.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>();
            add("References", &all.join("\r\n "));
        }
        let quote = parent.map(|parent| parent.quote()).unwrap_or_default();
        let mut raw = head.into_bytes();
        let mut said = String::new();
        if letter.says("raw") {
            let body = letter.body.join("\r\n");
            raw.extend(b"\r\n");
            raw.extend(in_charset(&self.filled(&body), letter.setting("charset")).0);
            raw.extend(b"\r\n");
        } else {
            let sections = letter.sections();
            said = sections.first().map(|text| self.lines(text, &quote)).unwrap_or_default();
            let part = self.body(letter, &sections, &said, &id).ok_or_else(|| wrong("a section is not understood"))?;
            raw.extend(b"MIME-Version: 1.0\r\n");
            raw.extend(part.fields.as_bytes());
            raw.extend(b"\r\n");
            raw.extend(part.body);
        }
        let earlier = Earlier { moment, from, text: said, message_id, references, raw: raw.clone() };
        self.earlier.insert(id, earlier);
        Ok(Written { raw, moment })
    }

    fn head(&self, letter: &Letter, owner: Owner, moment: UnixTime) -> String {
        let mut head = String::new();
        let is_own = letter.field("From") == Some("me");
        if !is_own && !letter.says("raw") {
            let sender = domain(letter.field("From").unwrap_or_default());
            let date = dates::field(UnixTime(moment.0 + 3), "+0000");
            let _ = write!(
                head,
                "Received: from mail.{sender} by mx.{}\r\n with ESMTPS for <{}>; {date}\r\n",
                domain(owner.email),
                owner.email,
            );
        }
        for (name, value) in &letter.fields {
            let value = self.value(name, value, owner);
            let value = if letter.says("raw") { value } else { encode::field(name, &value) };
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head
    }

    fn value(&self, name: &str, value: &str, owner: Owner) -> String {
        let filled = self.filled(value);
        let is_address =
            ["from", "to", "cc", "bcc", "reply-to", "sender"].contains(&name.to_ascii_lowercase().as_str());
        if !is_address {
            return filled;
        }
        let me = format!("{} <{}>", owner.full_name, owner.email);
        filled.split(", ").map(|one| if one == "me" { &me } else { one }).collect::<Vec<_>>().join(", ")
    }

    fn filled(&self, text: &str) -> String {
        let filled = dates::fill(text, self.now);
        let mut plain = String::with_capacity(filled.len());
        let mut rest = filled.as_str();
        while let Some((before, after)) = rest.split_once("\\u{") {
            plain.push_str(before);
            let letter = after
                .split_once('}')
                .and_then(|(code, after)| Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, after)));
            match letter {
                Some((letter, after)) => {
                    plain.push(letter);
                    rest = after;
                }
                None => {
                    plain.push_str("\\u{");
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        plain
    }

    fn lines(&self, section: &Section, quote: &str) -> String {
        let mut text = String::new();
        for line in &section.lines {
            if *line == "@@quote" {
                text.push_str(quote);
            } else if *line == "--" {
                text.push_str("-- \n"); // the line before a signature ends with a space (RFC 3676 section 4.3)
            } else {
                text.push_str(&self.filled(line));
                text.push('\n');
            }
        }
        text
    }

    fn body(&mut self, letter: &Letter, sections: &[Section], said: &str, id: &str) -> Option<Part> {
        let mut forms = Vec::new();
        let mut pictures = Vec::new();
        let mut attached = Vec::new();
        for section in sections {
            let text = || self.lines(section, "");
            match section.kind {
                "text" if said.is_empty() && sections.len() > 1 => {}
                "text" => {
                    let flowed = letter.says("flowed").then(|| flow(said));
                    let extra = if flowed.is_some() { "; format=flowed" } else { "" };
                    forms.push(text_part("text/plain", extra, flowed.as_deref().unwrap_or(said), letter));
                }
                "html" => forms.push(text_part("text/html", "", &text(), letter)),
                "calendar" => {
                    let extra = format!("; method={}", section.argument(0));
                    forms.push(text_part("text/calendar", &extra, &text(), letter));
                }
                "file" => {
                    let name = self.filled(section.argument(0));
                    let mut part = text_part(section.argument(1), &parameter("name", &name), &text(), letter);
                    let _ = write!(part.fields, "Content-Disposition: attachment{}\r\n", parameter("filename", &name));
                    attached.push(part);
                }
                "attach" => {
                    let name = self.filled(section.argument(0));
                    attached.push(self.made(&name, section.argument(1), section.argument(2), "attachment")?);
                }
                "inline" => {
                    let (cid, name) = (section.argument(0), section.argument(1));
                    let mut part = self.made(name, section.argument(2), section.argument(3), "inline")?;
                    let _ = write!(part.fields, "Content-ID: <{cid}>\r\n");
                    pictures.push(part);
                }
                "message" => {
                    let earlier = self.earlier.get(section.argument(0))?;
                    attached.push(Part {
                        fields: "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n".to_owned(),
                        body: earlier.raw.clone(),
                    });
                }
                _ => return None,
            }
        }
        let forms = join("alternative", forms, id)?;
        let shown = join("related", std::iter::once(forms).chain(pictures).collect(), id)?;
        join("mixed", std::iter::once(shown).chain(attached).collect(), id)
    }

    /// Makes an attachment that is not text.
    fn made(&mut self, name: &str, kind: &str, words: &str, disposition: &str) -> Option<Part> {
        let (media_type, bytes) = match kind {
            "pdf" => ("application/pdf", files::pdf(self.filled(words).split(';').map(str::trim))),
            "png" => ("image/png", files::png(words, &mut self.random)?),
            // A file that only claims to be something: the hostile samples.
            other => (other, self.filled(words).into_bytes()),
        };
        let fields = format!(
            "Content-Type: {media_type}{}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: {disposition}{}\r\n",
            parameter("name", name),
            parameter("filename", name),
        );
        Some(Part { fields, body: encode::base64(&bytes).into_bytes() })
    }
}

impl Earlier {
    /// Quotes the letter without its signature.
    fn quote(&self) -> String {
        let name = self.from.split_once(" <").map_or(self.from.as_str(), |(name, _)| name).trim_matches('"');
        let mut quote = format!("On {}, {name} wrote:\n", dates::say(self.moment, "%a %-d %b %Y at %H:%M"));
        for line in self.text.trim_end().lines().take_while(|line| *line != "--" && *line != "-- ") {
            let mark = if line.is_empty() || line.starts_with('>') { ">" } else { "> " };
            let _ = writeln!(quote, "{mark}{line}");
        }
        quote
    }
}

fn domain(address: &str) -> String {
    let domain = address.rsplit('@').next().unwrap_or_default();
    let clean: String = domain.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect();
    if clean.is_empty() { "nowhere.example".to_owned() } else { clean }
}

fn in_charset(text: &str, charset: Option<&str>) -> (Vec<u8>, &'static str) {
    let encoding = charset.and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8);
    let (bytes, encoding, _) = encoding.encode(text);
    (bytes.into_owned(), encoding.name())
}

/// Makes a part of text, in the letter's charset and in the lightest encoding that carries it.
fn text_part(media_type: &str, extra: &str, text: &str, letter: &Letter) -> Part {
    let (bytes, charset) = in_charset(&text.replace('\n', "\r\n"), letter.setting("charset"));
    let charset = if bytes.is_ascii() && letter.setting("charset").is_none() { "us-ascii" } else { charset };
    let charset = letter.setting("declare").unwrap_or(charset);
    let has_long_line = bytes.split(|byte| *byte == b'\n').any(|line| line.len() > 900);
    let is_foreign = bytes.iter().filter(|byte| !byte.is_ascii()).count() * 4 > bytes.len();
    let is_undeclared = charset == "none";
    let mut fields =
        if is_undeclared { String::new() } else { format!("Content-Type: {media_type}; charset={charset}{extra}\r\n") };
    let (encoding, body) = if (bytes.is_ascii() || is_undeclared) && !has_long_line {
        ("8bit", bytes)
    } else if is_foreign {
        ("base64", encode::base64(&bytes).into_bytes())
    } else {
        ("quoted-printable", encode::quoted_printable(&bytes).into_bytes())
    };
    let encoding = if body.is_ascii() && encoding == "8bit" { "7bit" } else { encoding };
    if !is_undeclared {
        let _ = write!(fields, "Content-Transfer-Encoding: {encoding}\r\n");
    }
    Part { fields, body }
}

/// Spells a parameter, after RFC 2231 where it is not ASCII.
fn parameter(name: &str, value: &str) -> String {
    if value.chars().all(|letter| matches!(letter, ' '..='~')) {
        return format!("; {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut spelled = format!(";\r\n {name}*=UTF-8''");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            spelled.push(char::from(byte));
        } else {
            let _ = write!(spelled, "%{byte:02X}");
        }
    }
    spelled
}

/// Joins parts to a multipart; a single one stays as it is.
fn join(kind: &str, mut parts: Vec<Part>, id: &str) -> Option<Part> {
    if parts.len() <= 1 {
        return parts.pop();
    }
    let boundary = format!("=_{kind}_{id}");
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{boundary}\r\n{}\r\n", part.fields).into_bytes());
        body.extend(part.body);
        if !body.ends_with(b"\r\n") {
            body.extend(b"\r\n");
        }
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    Some(Part { fields: format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n"), body })
}

/// Marks the lines of paragraphs as flowing (RFC 3676): those that are followed by text of the same depth.
fn flow(text: &str) -> String {
    let depth = |line: &str| line.chars().take_while(|letter| *letter == '>').count();
    let lines: Vec<&str> = text.lines().collect();
    let mut flowed = String::with_capacity(text.len() + lines.len());
    for (number, line) in lines.iter().enumerate() {
        let next = lines.get(number + 1).copied().unwrap_or_default();
        let is_text = |line: &str| !line.trim_start_matches('>').trim().is_empty() && !line.starts_with("--");
        flowed.push_str(line);
        if is_text(line) && is_text(next) && depth(line) == depth(next) && line.len() > 55 {
            flowed.push(' ');
        }
        flowed.push('\n');
    }
    flowed
}
