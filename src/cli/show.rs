//! Owns `surat show`: one mail as text, as JSON, or as the bytes that came.
//!
//! It changes nothing, not even whether the mail is unread.

use serde::Serialize;

use crate::cli::args::ShowArgs;
use crate::cli::attachments::{ListedAttachment, in_words};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::read::{Listed, ListedAddress, addresses};
use crate::cli::select::{self, Catalogue};
use crate::mail::document::{Document, Form, RenderOptions, Span};
use crate::mail::email::Email;
use crate::mail::id::AccountId;
use crate::mail::{parse, render};
use crate::store::Store;

/// A header field in JSON.
#[derive(Debug, Serialize)]
struct ListedField<'a> {
    name: &'a str,
    value: &'a str,
}

/// One mail in JSON.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    listed: Listed<'a>,
    cc: Vec<ListedAddress<'a>>,
    bcc: Vec<ListedAddress<'a>>,
    reply_to: Vec<ListedAddress<'a>>,
    headers: Vec<ListedField<'a>>,
    text: String,
    links: Vec<&'a str>,
    warnings: Vec<&'a str>,
    attachments: Vec<ListedAttachment<'a>>,
}

/// Shows one mail.
pub fn run(context: &Context, args: &ShowArgs) -> Result<(), Failure> {
    if context.output.is_json && (args.raw || args.headers) {
        return Err(Failure::usage("--raw and --headers print bytes as they came; leave out --json"));
    }
    context.with_store(None, |store, _| {
        let email = select::email(store, &args.id)?;
        let raw = raw(store, &email)?;
        if args.raw {
            return print_source(context, &raw);
        }
        if args.headers {
            return print_source(context, header_block(&raw));
        }
        let catalogue = Catalogue::read(store)?;
        let form = match (args.html, args.text) {
            (true, _) => Form::Html,
            (_, true) => Form::Plain,
            _ => Form::Best,
        };
        let options = RenderOptions { width: context.output.text_width(), form, show_hidden: false };
        let mut document = render::document(&raw, &own_addresses(context, &catalogue, email.account), options);
        // The numbers under which `attachments --save` knows them.
        document.attachments = parse::message(&raw).attachments();
        let missing = match (form, document.form) {
            (Form::Html, given) if given != Form::Html => Some("HTML"),
            (Form::Plain, given) if given != Form::Plain => Some("plain text"),
            _ => None,
        };
        if let Some(missing) = missing {
            return Err(Failure::failed(format!(
                "this mail has no {missing} part; leave the flag out to see what it has"
            )));
        }
        if context.output.is_json {
            print_json(context, &email, &catalogue, &document)
        } else {
            print(context, &document)
        }
    })
}

/// Gives the bytes of a mail, or says how to get them.
pub fn raw(store: &Store, email: &Email) -> Result<Vec<u8>, Failure> {
    store.raw(email.id)?.ok_or_else(|| {
        Failure::failed(format!("the text of {} is not on this computer yet; `surat sync` fetches it", email.id))
    })
}

fn own_addresses(context: &Context, catalogue: &Catalogue, account: AccountId) -> Vec<String> {
    let config = context.config().unwrap_or_default();
    config.account(catalogue.account_name(account)).map(|account| account.own_addresses()).unwrap_or_default()
}

/// Writes bytes as they came; a terminal gets them harmless.
fn print_source(context: &Context, bytes: &[u8]) -> Result<(), Failure> {
    if !context.output.is_terminal() {
        return Ok(context.output.bytes(bytes)?);
    }
    String::from_utf8_lossy(bytes).lines().try_for_each(|line| Ok(context.output.line(line)?))
}

/// Gives the header fields with the empty line that ends them.
fn header_block(raw: &[u8]) -> &[u8] {
    let ends = |at: usize| {
        let rest = raw.get(at..).unwrap_or_default();
        let is_break = rest.starts_with(b"\n\n") || rest.starts_with(b"\n\r\n");
        is_break.then(|| at + rest.iter().skip(1).position(|byte| *byte == b'\n').map_or(1, |next| next + 2))
    };
    let end = if raw.starts_with(b"\n") || raw.starts_with(b"\r\n") { Some(0) } else { (0..raw.len()).find_map(ends) };
    raw.get(..end.unwrap_or(raw.len())).unwrap_or(raw)
}

fn text(document: &Document) -> String {
    let line = |spans: &[Span]| spans.iter().map(|span| span.text.as_str()).collect::<String>().trim_end().to_owned();
    document.lines.iter().map(|it| line(&it.spans)).collect::<Vec<_>>().join("\n")
}

fn print_json(context: &Context, email: &Email, catalogue: &Catalogue, document: &Document) -> Result<(), Failure> {
    let shown = Shown {
        listed: Listed::of(email, None, catalogue),
        cc: addresses(&email.header.cc),
        bcc: addresses(&email.header.bcc),
        reply_to: addresses(&email.header.reply_to),
        headers: document
            .fields
            .iter()
            .map(|(name, value)| ListedField { name: name.as_str(), value: value.as_str() })
            .collect(),
        text: text(document),
        links: document.links.iter().map(|link| link.target.as_str()).collect(),
        warnings: document.warnings.iter().map(|warning| warning.as_str()).collect(),
        attachments: document.attachments.iter().map(|attachment| ListedAttachment::of(attachment, None)).collect(),
    };
    Ok(context.output.json(&shown)?)
}

fn print(context: &Context, document: &Document) -> Result<(), Failure> {
    let output = &context.output;
    for wanted in ["From", "Reply-To", "To", "Cc", "Date", "Subject"] {
        for (name, value) in document.fields.iter().filter(|(name, _)| name.as_str().eq_ignore_ascii_case(wanted)) {
            output.line(&format!("{}: {}", name.as_str(), value.as_str()))?;
        }
    }
    for warning in &document.warnings {
        output.line(&format!("! {warning}"))?;
    }
    output.line("")?;
    text(document).lines().try_for_each(|line| output.line(line))?;
    if let Some(cut) = &document.cut {
        output.line(&format!("[{cut}]"))?;
    }
    if !document.links.is_empty() {
        output.line("")?;
        for (number, link) in document.links.iter().enumerate() {
            output.line(&format!("[{}] {}", number + 1, link.shown))?;
        }
    }
    if !document.attachments.is_empty() {
        output.line("")?;
        document.attachments.iter().try_for_each(|attachment| output.line(&in_words(attachment)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_block_ends_with_its_empty_line() {
        let cases: [(&str, &str); 6] = [
            ("A: b\r\nC: d\r\n\r\nbody\r\n\r\n", "A: b\r\nC: d\r\n\r\n"),
            ("A: b\nC: d\n\nbody\n\n", "A: b\nC: d\n\n"),
            ("A: b\n\r\nbody", "A: b\n\r\n"),
            ("A: b\n", "A: b\n"),
            ("\r\nbody", ""),
            ("", ""),
        ];
        for (raw, expected) in cases {
            assert_eq!(header_block(raw.as_bytes()), expected.as_bytes(), "{raw:?}");
        }
    }
}
