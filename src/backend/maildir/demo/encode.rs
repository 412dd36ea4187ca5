//! Owns the encodings that the demo's messages are written with: encoded words, quoted-printable, base64.
//!
//! It writes well-formed mail only; the demo's malformed samples are spelled out in their scripts.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of text in one encoded word, so that it stays below 75 characters (RFC 2047 section 2).
const WORD: usize = 42;
/// Characters in a line of quoted-printable (RFC 2045 section 6.7).
const QUOTED_LINE: usize = 76;
/// Bytes in a line of base64 (RFC 2045 section 6.8).
const BASE64_LINE: usize = 57;
/// The fields that hold addresses.
const ADDRESS_FIELDS: [&str; 6] = ["from", "to", "cc", "bcc", "reply-to", "sender"];

/// Encodes a field's value where it is not ASCII.
pub fn field(name: &str, value: &str) -> String {
    if value.is_ascii() {
        value.to_owned()
    } else if ADDRESS_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
        value.split(", ").map(address).collect::<Vec<_>>().join(",\r\n ")
    } else {
        words(value)
    }
}

/// Spells text as encoded words, one a line.
pub fn words(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for letter in text.chars() {
        if word.len() + letter.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect::<Vec<_>>().join("\r\n ")
}

/// Spells bytes as quoted-printable with CRLF between lines.
pub fn quoted_printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 5 / 4);
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if number > 0 {
            text.push_str("\r\n");
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut column = 0;
        for (at, byte) in line.iter().enumerate() {
            let is_last = at + 1 == line.len();
            let is_plain = matches!(byte, b'!'..=b'~' if *byte != b'=') || (*byte == b' ' && !is_last);
            let width = if is_plain { 1 } else { 3 };
            if column + width >= QUOTED_LINE {
                text.push_str("=\r\n");
                column = 0;
            }
            if is_plain {
                text.push(char::from(*byte));
            } else {
                let _ = write!(text, "={byte:02X}"); // writing to a String cannot fail
            }
            column += width;
        }
    }
    text
}

/// Spells bytes as lines of base64.
pub fn base64(bytes: &[u8]) -> String {
    bytes.chunks(BASE64_LINE).map(|line| STANDARD.encode(line) + "\r\n").collect()
}

fn address(address: &str) -> String {
    match address.split_once(" <") {
        Some((name, rest)) if !name.is_ascii() => format!("{} <{rest}", words(name.trim_matches('"'))),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_only_where_they_must() {
        assert_eq!(field("Subject", "Hello"), "Hello");
        assert_eq!(field("From", "Mira Köhler <m@a.example>"), "=?UTF-8?B?TWlyYSBLw7ZobGVy?= <m@a.example>");
        let two = field("To", "A <a@a.example>, é <e@a.example>");
        assert_eq!(two, "A <a@a.example>,\r\n =?UTF-8?B?w6k=?= <e@a.example>");
        assert!(words(&"日本".repeat(40)).split("\r\n ").all(|word| word.len() <= 75));
    }

    #[test]
    fn quoted_printable_keeps_lines_short_and_spaces_alive() {
        assert_eq!(quoted_printable("é = a \nb".as_bytes()), "=C3=A9 =3D a=20\r\nb");
        assert!(quoted_printable(&[b'x'; 500]).split("\r\n").all(|line| line.len() <= 76));
    }
}
