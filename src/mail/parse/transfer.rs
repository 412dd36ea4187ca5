//! Owns transfer encodings (RFC 2045 section 6) and their repair: Base64 with other things in it, broken escapes.
//!
//! It knows no charsets.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;

/// A line of Base64 as programs write it is at least so long, but for the last one.
const FULL_LINE: usize = 40;

/// How the bytes of a part were made fit to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    /// 7bit, 8bit, binary, and anything unknown.
    #[default]
    None,
    /// Quoted-printable.
    QuotedPrintable,
    /// Base64.
    Base64,
    /// Unix-to-Unix, from before MIME.
    Uuencode,
}

impl Encoding {
    /// Reads the value of `Content-Transfer-Encoding`.
    pub(super) fn from_field(value: &str) -> Self {
        let word = value.split([';', ' ', '\t', '(']).find(|word| !word.is_empty()).unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "quoted-printable" => Encoding::QuotedPrintable,
            "base64" => Encoding::Base64,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Encoding::Uuencode,
            _ => Encoding::None,
        }
    }
}

/// What becomes of text that stands after Base64: mailing lists put footers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Footer {
    /// It follows the decoded text.
    Keep,
    /// It is left out.
    Drop,
}

/// Undoes a transfer encoding.
pub(super) fn decode(bytes: &[u8], encoding: Encoding, footer: Footer) -> Cow<'_, [u8]> {
    match encoding {
        Encoding::None => Cow::Borrowed(bytes),
        Encoding::QuotedPrintable => Cow::Owned(quoted_printable(bytes)),
        Encoding::Uuencode => Cow::Owned(uudecoded(bytes)),
        Encoding::Base64 => {
            if let Some(decoded) = base64_decode(bytes) {
                return Cow::Owned(decoded);
            }
            let (data, after) = bytes.split_at(end_of_base64(bytes));
            if data.trim_ascii().is_empty() {
                return Cow::Borrowed(bytes); // it only says that it is Base64
            }
            let mut decoded = base64(data);
            if footer == Footer::Keep && !after.trim_ascii().is_empty() {
                decoded.extend_from_slice(b"\n\n");
                decoded.extend_from_slice(after.trim_ascii());
            }
            Cow::Owned(decoded)
        }
    }
}

/// Says how long [`decode`] would make the bytes of an attachment.
pub(super) fn decoded_length(bytes: &[u8], encoding: Encoding) -> u64 {
    let length = match encoding {
        Encoding::Base64 => {
            let data = bytes.iter().filter(|&&byte| is_digit(byte)).count();
            let padding = bytes.iter().filter(|&&byte| byte == b'=').count();
            let is_whole = padding <= 2 && (data + padding) % 4 == 0;
            let is_clean = is_whole && bytes.iter().all(|&b| is_digit(b) || matches!(b, b'=' | b'\r' | b'\n'));
            if is_clean { data * 3 / 4 } else { decode(bytes, encoding, Footer::Drop).len() }
        }
        encoding => decode(bytes, encoding, Footer::Drop).len(),
    };
    length as u64
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// Decodes Base64, whatever else stands between its letters; padding may be missing, or end a piece of several.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut flush = |bits: u32, count: u32| {
        let [_, first, second, third] = (bits << (6 * (4 - count))).to_be_bytes();
        out.extend([first, second, third].iter().take(count as usize * 3 / 4));
    };
    for &byte in bytes {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                flush(bits, count);
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(digit);
        count += 1;
        if count == 4 {
            flush(bits, 4);
            (bits, count) = (0, 0);
        }
    }
    flush(bits, count);
    out
}

/// Finds where Base64 ends and something else, as a footer, begins: after its last full line, or the short one that
/// closes it.
fn end_of_base64(bytes: &[u8]) -> usize {
    let (mut end, mut at, mut is_open) = (0, 0, true);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        at += line.len();
        let letters = line.trim_ascii();
        let padding = letters.iter().rev().take_while(|&&byte| byte == b'=').count();
        let digits = letters.get(..letters.len() - padding).unwrap_or_default();
        let is_pure = !digits.is_empty() && digits.iter().copied().all(is_digit);
        if is_pure && (is_open || letters.len() >= FULL_LINE) {
            end = at;
            is_open = padding == 0 && letters.len() >= FULL_LINE;
        } else if !letters.is_empty() || end > 0 {
            is_open = false;
        }
    }
    end
}

/// Decodes quoted-printable; an escape that is none stays as it came.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let content = line.trim_ascii_end(); // white space at the end of a line was added on the way
        let ending: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        match content.strip_suffix(b"=") {
            Some(content) => unescape(content, &mut out),
            None => {
                unescape(content, &mut out);
                out.extend_from_slice(ending);
            }
        }
    }
    out
}

fn unescape(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if let (b'=', [high, low, others @ ..]) = (byte, after)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = others;
        } else {
            out.push(byte);
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Decodes uuencoded lines between `begin` and `end`.
fn uudecoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 3 / 4);
    let lines = bytes.split(|&byte| byte == b'\n').skip_while(|line| !line.starts_with(b"begin ")).skip(1);
    for line in lines.take_while(|line| line.trim_ascii() != b"end") {
        let Some((&length, data)) = line.trim_ascii_end().split_first() else { continue };
        let length = usize::from(length.wrapping_sub(b' ') & 63);
        let digit = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or(b' ').wrapping_sub(b' ') & 63);
        let bytes = data.chunks(4).flat_map(|group| {
            let bits = (0..4).fold(0, |bits, index| bits << 6 | digit(group.get(index)));
            let [_, first, second, third] = bits.to_be_bytes();
            [first, second, third]
        });
        out.extend(bytes.take(length));
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    fn text(bytes: &[u8], encoding: Encoding) -> String {
        String::from_utf8(decode(bytes, encoding, Footer::Keep).into_owned()).unwrap()
    }

    #[test]
    fn base64_with_a_footer_gives_both() {
        let body = b"SGFsbG8gV2VsdA==\n_______________\nlist mailing list\nhttp://lists.test\n";
        let read = "Hallo Welt\n\n_______________\nlist mailing list\nhttp://lists.test";
        assert_eq!(text(body, Encoding::Base64), read);
        assert_eq!(decode(body, Encoding::Base64, Footer::Drop).as_ref(), b"Hallo Welt");
        let unpadded = b"SGFsbG8h\n\nUnsubscribe\nhttp://lists.test\n";
        assert_eq!(text(unpadded, Encoding::Base64), "Hallo!\n\nUnsubscribe\nhttp://lists.test");
        assert_eq!(text(b"... no base64 ...", Encoding::Base64), "... no base64 ...");
    }

    #[test]
    fn base64_with_dirt_in_it_is_decoded() {
        assert_eq!(base64(b"SG Fs!bG8"), b"Hallo");
        assert_eq!(base64(b"SGFs=bG8="), b"Hallo");
        assert_eq!(base64(b"="), b"");
        assert_eq!(base64(b"S"), b"");
    }

    #[test]
    fn lengths_are_those_of_the_bytes() {
        for (body, encoding) in [
            (&b"SGFsbG8=\r\n"[..], Encoding::Base64),
            (b"SGFsbG8", Encoding::Base64),
            (b"SGFs!!\nbG8=\n__ footer\n", Encoding::Base64),
            (b"a=3D=\r\nb", Encoding::QuotedPrintable),
            (b"no base64", Encoding::Base64),
            (b"abc", Encoding::None),
        ] {
            let length = decode(body, encoding, Footer::Drop).len() as u64;
            assert_eq!(decoded_length(body, encoding), length, "{:?}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn quoted_printable_is_lenient() {
        assert_eq!(text(b"a=3Db =\r\nc  \r\nd=", Encoding::QuotedPrintable), "a=b c\r\nd");
        assert_eq!(text(b"50=% =G1 ==", Encoding::QuotedPrintable), "50=% =G1 =");
    }

    #[test]
    fn uuencoded_lines_are_decoded() {
        assert_eq!(text(b"begin 644 a.txt\n#0V%T\n`\nend\n", Encoding::Uuencode), "Cat");
    }

    #[test]
    fn encodings_are_known_by_their_first_word() {
        assert_eq!(Encoding::from_field(" Base64 (sic); x"), Encoding::Base64);
        assert_eq!(Encoding::from_field("8bit"), Encoding::None);
    }
}
