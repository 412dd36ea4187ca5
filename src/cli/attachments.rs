//! Owns `surat attachments`: what is attached to a mail, listed or saved.
//!
//! How a file is saved without harm is known by `config::save`.

use std::path::Path;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::in_bytes;
use crate::cli::{select, show};
use crate::mail::document::{Attachment, Form, RenderOptions};
use crate::mail::render;

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

/// Lists what is attached, or saves it.
pub fn run(context: &Context, id: &str, save: Option<&Path>) -> Result<(), Failure> {
    if save.is_some() {
        return Err(Failure::failed("saving is still being built; `surat show ID --raw` gives the whole mail"));
    }
    context.with_store(None, |store, _| {
        let raw = show::raw(store, &select::email(store, id)?)?;
        let options = RenderOptions { width: context.output.text_width(), form: Form::Best, show_hidden: false };
        let attachments = render::document(&raw, &[], options).attachments;
        if context.output.is_json {
            let listed: Vec<_> = attachments.iter().map(|attachment| ListedAttachment::of(attachment, None)).collect();
            return Ok(context.output.json(&listed)?);
        }
        Ok(attachments.iter().try_for_each(|attachment| context.output.line(&in_words(attachment)))?)
    })
}
