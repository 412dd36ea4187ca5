//! Owns what the header of a part says of the part (RFC 2045, RFC 2183): its type, name, charset, encoding.
//!
//! It reads no body and follows no boundary.

use mail_parser::{HeaderName, HeaderValue};

use crate::mail::parse::transfer::Encoding;
use crate::mail::parse::with_fields;
use crate::mail::plain;

/// What a part says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// `text/plain`, in lower case.
    pub(super) media_type: String,
    /// The charset of a text.
    pub(super) charset: Option<String>,
    /// How a text was written.
    pub(super) format: plain::Format,
    /// What divides the parts of a multipart.
    pub(super) boundary: Option<Vec<u8>>,
    /// The file name: raw words from outside.
    pub(super) name: Option<String>,
    /// `Content-ID` without angle brackets.
    pub(super) content_id: Option<String>,
    /// Whether it wants to be a file.
    pub(super) is_attached: bool,
    /// How its bytes were made fit to travel.
    pub(super) encoding: Encoding,
}

impl Head {
    /// Reads a header block. Parts of a digest are messages where they do not say otherwise.
    pub(super) fn read(block: &[u8], is_in_digest: bool) -> Self {
        let mut head = with_fields(block, |parsed, _| parsed.parts.first().map(read)).flatten().unwrap_or_default();
        if head.media_type.is_empty() {
            head.media_type = if is_in_digest { "message/rfc822" } else { "text/plain" }.to_owned();
        }
        head
    }

    /// Says whether it is a message that can be opened where it stands.
    pub(super) fn is_open_message(&self) -> bool {
        self.is_message() && self.encoding == Encoding::None
    }

    /// Says whether it is a message that has to be decoded before it is opened. Not allowed, and done.
    pub(super) fn is_encoded_message(&self) -> bool {
        self.is_message() && self.encoding != Encoding::None
    }

    fn is_message(&self) -> bool {
        matches!(self.media_type.as_str(), "message/rfc822" | "message/global")
    }
}

fn read(part: &mail_parser::MessagePart<'_>) -> Head {
    // Of fields that should come once, the first counts, as for other readers: two that disagree would be two messages.
    let value = |name: HeaderName<'_>| part.headers.iter().find(|field| field.name == name).map(|field| &field.value);
    let kind = value(HeaderName::ContentType).and_then(HeaderValue::as_content_type);
    let media_type = kind.map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        // `text plain`
        None => {
            kind.ctype().split_once(' ').map_or_else(|| format!("{}/plain", kind.ctype()), |(a, b)| format!("{a}/{b}"))
        }
    });
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    let is_multipart = media_type.starts_with("multipart/");
    let attribute = |name: &str| kind.and_then(|kind| kind.attribute(name));
    let says = |name: &str, value: &str| attribute(name).is_some_and(|said| said.eq_ignore_ascii_case(value));
    // White space at the end of a boundary is no part of it (RFC 2046 section 5.1.1).
    let boundary = attribute("boundary").map(|boundary| boundary.trim_end().as_bytes().to_vec());
    let disposition = value(HeaderName::ContentDisposition).and_then(HeaderValue::as_content_type);
    let file_name = disposition.and_then(|disposition| disposition.attribute("filename"));
    let content_id = value(HeaderName::ContentId)
        .and_then(HeaderValue::as_text)
        .map(|cid| cid.trim_matches(['<', '>', ' ']).to_owned());
    Head {
        charset: attribute("charset").map(str::to_owned),
        format: plain::Format { is_flowed: says("format", "flowed"), drops_space: says("delsp", "yes") },
        boundary: boundary.filter(|boundary| is_multipart && !boundary.is_empty()),
        name: file_name.or_else(|| attribute("name")).map(str::to_owned),
        content_id: content_id.filter(|cid| !cid.is_empty()),
        is_attached: disposition.is_some_and(|disposition| disposition.ctype().eq_ignore_ascii_case("attachment")),
        // A multipart may have no encoding, and where it says one nevertheless, its parts are not in it.
        encoding: value(HeaderName::ContentTransferEncoding)
            .and_then(HeaderValue::as_text)
            .filter(|_| !is_multipart)
            .map(Encoding::from_field)
            .unwrap_or_default(),
        media_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_fields_the_first_counts() {
        let fields = [
            "Content-Type: text/html; charset=utf-8; name=a.html",
            "Content-Transfer-Encoding: base64",
            "Content-Disposition: attachment; filename=b.html",
            "Content-ID: <one@example.org>",
        ];
        let others = [
            "Content-Type: multipart/mixed; boundary=b; charset=koi8-r",
            "Content-Transfer-Encoding: quoted-printable",
            "Content-Disposition: inline; filename=c.exe",
            "Content-ID: <two@example.org>",
        ];
        let read = |lines: &[&str]| Head::read(lines.join("\r\n").as_bytes(), false);
        let alone = read(&fields);
        assert_eq!((alone.media_type.as_str(), alone.name.as_deref()), ("text/html", Some("b.html")));
        assert_eq!(read(&[&fields[..], &others].concat()), alone);
        // One that cannot be read is no reason to believe the next.
        assert_eq!(read(&["Content-Type:", "Content-Type: text/html"]).media_type, "text/plain");
    }
}
