//! Owns `surat attachments`: what is attached to a mail, listed or saved.
//!
//! How a file is saved without harm is known by `config::save`.

use serde::Serialize;

use crate::cli::output::in_bytes;
use crate::mail::document::Attachment;

/// An attachment in JSON.
#[derive(Debug, Serialize)]
pub struct ListedAttachment<'a> {
    number: usize,
    name: &'a str,
    media_type: &'a str,
    size: u64,
    inline: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl<'a> ListedAttachment<'a> {
    /// Builds the form of an attachment, with the path that it was saved to.
    pub fn of(attachment: &'a Attachment, path: Option<String>) -> Self {
        Self {
            number: attachment.number,
            name: attachment.name.as_str(),
            media_type: attachment.media_type.as_str(),
            size: attachment.size,
            inline: attachment.is_inline,
            path,
        }
    }
}

/// Says what is attached, in one line.
pub fn in_words(attachment: &Attachment) -> String {
    format!("{}. {} ({}, {})", attachment.number, attachment.name, attachment.media_type, in_bytes(attachment.size))
}
