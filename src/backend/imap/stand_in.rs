//! Owns nothing for long: header fields, read with what `mail` already has until it offers them.
//!
//! Replace by `mail::parse::header`.

use crate::mail::content::Content;
use crate::mail::email::Header;

/// Reads header fields, with or without the empty line after them.
pub fn header(bytes: &[u8]) -> Header {
    let mut header = Content::read(bytes).header;
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let ids = |name: &str| -> Vec<String> {
        let field =
            text.lines().find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)));
        let after = field.and_then(|line| line.get(name.len()..)).unwrap_or_default();
        after.split('<').skip(1).filter_map(|id| Some(id.split_once('>')?.0.trim().to_owned())).collect()
    };
    header.in_reply_to = ids("In-Reply-To:");
    header.references = ids("References:");
    header
}
