//! Owns the way from bytes to text: by the charset that is named, and by a guess where none is or it cannot be.
//!
//! It knows no transfer encodings.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// Bytes that are looked at for a guess: more do not make it better.
const MOST_GUESSED: usize = 64 * 1024;

/// Decodes text by the charset that it names, by what it is if that is UTF-8, else by the best guess.
pub(super) fn decode(bytes: &[u8], named: Option<&str>) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && named.is_none_or(is_vague)
    {
        return text.to_owned();
    }
    if let Some(encoding) = named.filter(|name| !is_vague(name)).and_then(by_name) {
        let (text, _, has_errors) = encoding.decode(bytes);
        if !has_errors || encoding != UTF_8 || is_mostly_utf8(bytes) {
            return text.into_owned();
        }
    }
    // UTF-7 and pages of DOS, which the web has forgotten and mail has not.
    let forgotten = named.filter(|name| !is_vague(name) && Encoding::for_label(name.trim().as_bytes()).is_none());
    match forgotten.and_then(|name| charset_decoder(name.trim().as_bytes())) {
        Some(decode) => decode(bytes),
        None => guess(bytes).decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Says whether bytes are UTF-8 with some damage, and not another charset.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut right, mut wrong) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        right += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    right > wrong
}

/// Finds an encoding by a name that mails use.
pub(super) fn by_name(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(name.trim().trim_matches(['"', '\'']).as_bytes())
}

/// Says whether a name promises no more than ASCII, so that anything beyond it is unnamed.
pub(super) fn is_vague(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    matches!(name.as_str(), "" | "us-ascii" | "ascii" | "unknown-8bit" | "unknown" | "8bit" | "x-unknown" | "binary")
}

/// Guesses the encoding of bytes that are not UTF-8.
pub(super) fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new();
    // What is ASCII only says nothing: begin where it ends.
    let start = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0).saturating_sub(256);
    let seen = bytes.get(start..).unwrap_or(bytes);
    if !detector.feed(seen.get(..MOST_GUESSED).unwrap_or(seen), true) {
        return WINDOWS_1252;
    }
    detector.guess(None, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_rightly_is_believed() {
        assert_eq!(decode(b"caf\xe9", Some("iso-8859-1")), "café");
        assert_eq!(decode("caf\u{e9}".as_bytes(), Some("us-ascii")), "café");
        assert_eq!(decode(b"\xc7\xd1\xb1\xdb", Some("euc-kr")), "한글");
        assert_eq!(decode(b"A+AOQ-", Some("utf-7")), "Aä");
        assert_eq!(decode(b"\x9b", Some("cp850")), "ø");
        assert_eq!(decode(b"\xfe\xff\0a\0b", Some("utf-16")), "ab");
    }

    #[test]
    fn what_is_not_named_or_named_wrongly_is_guessed() {
        assert_eq!(decode(b"Gr\xfc\xdfe aus K\xf6ln", None), "Grüße aus Köln");
        assert_eq!(decode(b"Gr\xfc\xdfe aus K\xf6ln", Some("utf-8")), "Grüße aus Köln");
        let russian = encoding_rs::WINDOWS_1251.encode("Привет, как дела сегодня?").0.into_owned();
        assert_eq!(decode(&russian, Some("x-none")), "Привет, как дела сегодня?");
    }
}
