//! Owns the way from a message that was read to what a rendering is made of: its readable parts as a tree, and the
//! names of its own pictures.
//!
//! It reads no bytes: `parse` does. Which form is shown is decided by `render`.

use std::collections::HashMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use crate::mail::document::Attachment;
use crate::mail::email::Header;
use crate::mail::parse::{self, Part, PartBody};
use crate::mail::render::Body;
use crate::mail::safe::SafeText;

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
    /// What was left out, in a sentence.
    pub note: Option<SafeText>,
}

impl Content {
    /// Reads a message. Bytes that are none are one plain text.
    pub fn read(raw: &[u8]) -> Self {
        let message = parse::message(raw);
        let mut content = Self {
            attachments: message.attachments(),
            fields: message.fields.iter().map(|(name, value)| (SafeText::line(name), SafeText::line(value))).collect(),
            note: (!message.notes.is_empty()).then(|| SafeText::line(&message.notes.join(" "))),
            header: message.header,
            ..Self::default()
        };
        let names: HashMap<usize, String> =
            content.attachments.iter().map(|attachment| (attachment.number, attachment.name.to_string())).collect();
        content.body = content.part(&mut message.parts.into_iter().peekable(), &names);
        content
    }

    /// Takes a part and those in it. They nest no deeper than the parser lets them.
    fn part(&mut self, parts: &mut Peekable<IntoIter<Part>>, names: &HashMap<usize, String>) -> Option<Body> {
        let part = parts.next()?;
        let mut bodies = Vec::new();
        while parts.peek().is_some_and(|next| next.depth > part.depth) {
            bodies.extend(self.part(parts, names));
        }
        match part.body {
            PartBody::Mixed | PartBody::Alternative if bodies.len() < 2 => bodies.into_iter().next(),
            PartBody::Mixed => Some(Body::Mixed(bodies)),
            PartBody::Alternative => Some(Body::Alternative(bodies)),
            PartBody::Plain(text, format) => Some(Body::Plain(text, format)),
            PartBody::Html(text) => Some(Body::Html(text)),
            PartBody::Calendar(text) => Some(Body::Calendar(text)),
            PartBody::Report(text) => Some(Body::Report(text)),
            PartBody::Message(header) => {
                let body = bodies.into_iter().next().unwrap_or(Body::Mixed(Vec::new()));
                Some(Body::Message(header, Box::new(body)))
            }
            PartBody::File { is_between } => {
                let number = part.number?;
                let name = names.get(&number).cloned().unwrap_or_default();
                if let Some(cid) = part.content_id {
                    self.pictures.insert(cid, (name, number));
                    return None;
                }
                is_between.then_some(Body::Picture(name))
            }
        }
    }
}
