//! Owns `surat attachments`: what is attached to a mail, listed or saved.
//!
//! How a file is saved without harm is known by `config::save`.

use std::path::Path;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::in_bytes;
use crate::cli::{say, select, show};
use crate::config::save;
use crate::mail::document::Attachment;
use crate::mail::parse;

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

/// Lists what is attached, or saves all of it into a folder.
pub fn run(context: &Context, id: &str, save: Option<&Path>) -> Result<(), Failure> {
    context.with_store(None, |store, _| {
        let raw = show::raw(store, &select::email(store, id)?)?;
        let message = parse::message(&raw);
        let attachments = message.attachments();
        if attachments.is_empty() {
            say("nothing is attached to this mail");
        }
        if let Some(dir) = save.filter(|_| !attachments.is_empty()) {
            save::make_folder(dir)?;
        }
        let mut listed = Vec::new();
        for attachment in &attachments {
            let path = match save {
                None => None,
                Some(dir) => {
                    let bytes = message.attachment_bytes(attachment.number).ok_or_else(|| {
                        Failure::failed(format!("{} cannot be taken out of this mail", attachment.name))
                    })?;
                    Some(save::save_file(dir, &attachment.name, &bytes)?.display().to_string())
                }
            };
            if !context.output.is_json {
                context.output.line(path.as_deref().unwrap_or(&in_words(attachment)))?;
            }
            listed.push(ListedAttachment::of(attachment, path));
        }
        if context.output.is_json { Ok(context.output.json(&listed)?) } else { Ok(()) }
    })
}
