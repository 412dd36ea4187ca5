//! Owns what is put right in a header block before the parser sees it: folded MIME fields, encoded words cut inside a
//! character, unnamed 8-bit fields, blocks without end.
//!
//! It knows no parts.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;

use crate::mail::parse::charset;

/// Bytes of a header block that are read: beyond them only what the structure needs.
pub(super) const MOST_HEADER: usize = 1024 * 1024;
/// Bytes of a field that says how a part is made.
const LONGEST_MIME_FIELD: usize = 64 * 1024;
/// Puts a header block right.
pub(super) fn header(raw: &[u8]) -> Cow<'_, [u8]> {
    if is_sound(raw) {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len() + 16);
    let rest = write_block(raw, &mut out);
    out.extend_from_slice(raw.get(rest..).unwrap_or_default());
    Cow::Owned(out)
}

/// Says whether a header block needs no repair.
fn is_sound(raw: &[u8]) -> bool {
    let mut last = [0_u8; 2];
    for &byte in raw {
        if byte >= 0x80 || (byte == b'?' && last[1] == b'=') || (matches!(byte, b' ' | b'\t') && last[1] == b'\n') {
            return false;
        }
        last = [last[1], byte];
    }
    raw.len() < MOST_HEADER && !raw.starts_with(b"From ") && !raw.starts_with(b">From ")
}

/// Takes over the header block that begins the bytes, with its empty line. Gives where it ends.
fn write_block(raw: &[u8], out: &mut Vec<u8>) -> usize {
    let end = block_end(raw);
    let block = raw.get(..end).unwrap_or_default();
    let unnamed = Unnamed::of(block);
    let mut at = 0;
    while at < block.len() {
        let mut stop = line_end(block, at);
        while matches!(block.get(stop), Some(b' ' | b'\t')) && !is_blank(block, stop) {
            stop = line_end(block, stop);
        }
        let field = block.get(at..stop).unwrap_or_default();
        let is_first = at == 0;
        at = stop;
        if is_first && (field.starts_with(b"From ") || field.starts_with(b">From ")) {
            continue;
        }
        let is_mime = has_name(field, b"content-");
        let most = if is_mime { LONGEST_MIME_FIELD } else { MOST_HEADER.saturating_sub(out.len()) };
        if field.len() <= most {
            write_field(field, is_mime, &unnamed, out);
        } else if most > 0 && (is_mime || is_first) {
            out.extend_from_slice(field.get(..most).unwrap_or_default());
            out.extend_from_slice(b"\r\n");
        }
    }
    end
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length + 1)
}

fn is_blank(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
}

/// Finds the end of a header block, behind its empty line.
fn block_end(raw: &[u8]) -> usize {
    let mut at = 0;
    while at < raw.len() {
        let is_last = is_blank(raw, at);
        at = line_end(raw, at);
        if is_last {
            break;
        }
    }
    at
}

fn has_name(field: &[u8], name: &[u8]) -> bool {
    field.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Finds a parameter of a MIME field, quoted or not.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let at = value.windows(name.len()).position(|window| window.eq_ignore_ascii_case(name))? + name.len();
    let rest = value.get(at..)?.trim_ascii_start();
    let word = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
        None => rest.split(|byte| *byte == b';' || byte.is_ascii_whitespace()).next()?,
    };
    let word = word.trim_ascii_end();
    (!word.is_empty()).then(|| word.to_vec())
}

/// The charset of header fields that name none.
enum Unnamed {
    /// All is UTF-8.
    None,
    Is(&'static encoding_rs::Encoding),
}

impl Unnamed {
    fn of(block: &[u8]) -> Self {
        if block.is_ascii() || std::str::from_utf8(block).is_ok() {
            return Self::None;
        }
        // A program that writes the header as it is writes it in the charset of the text.
        let named = parameter(block, b"charset=").and_then(|name| charset::by_name(&String::from_utf8_lossy(&name)));
        let fits = named.filter(|named| {
            *named != encoding_rs::UTF_8 && !named.decode_without_bom_handling(block).1 && !named.is_single_byte()
        });
        let is_single = named.filter(|named| named.is_single_byte() && *named != encoding_rs::WINDOWS_1252);
        Self::Is(fits.or(is_single).unwrap_or_else(|| charset::guess(block)))
    }
}

fn write_field(field: &[u8], is_mime: bool, unnamed: &Unnamed, out: &mut Vec<u8>) {
    // Words first: what is named in them is not of the charset of the rest.
    let joined = join_words(field).map_or(Cow::Borrowed(field), Cow::Owned);
    let joined = match unnamed {
        Unnamed::Is(encoding) if std::str::from_utf8(&joined).is_err() => {
            Cow::Owned(encoding.decode_without_bom_handling(&joined).0.into_owned().into_bytes())
        }
        _ => joined,
    };
    let body = joined.trim_ascii_end();
    if !is_mime || !body.contains(&b'\n') {
        return out.extend_from_slice(&joined);
    }
    out.extend(body.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    out.extend_from_slice(joined.get(body.len()..).unwrap_or_default());
}

/// One encoded word (RFC 2047): where it ends, what it says.
struct Word<'a> {
    end: usize,
    charset: &'a [u8],
    is_base64: bool,
    data: &'a [u8],
}

fn word_at(field: &[u8], at: usize) -> Option<Word<'_>> {
    let rest = field.get(at..)?.strip_prefix(b"=?")?;
    let length = rest.iter().take(80).position(|byte| *byte == b'?')?;
    let charset = rest.get(..length)?.split(|byte| *byte == b'*').next()?;
    let is_base64 = match rest.get(length + 1)?.to_ascii_lowercase() {
        b'b' => true,
        b'q' => false,
        _ => return None,
    };
    let data = rest.get(length + 2..)?.strip_prefix(b"?")?;
    let taken = data.windows(2).position(|pair| pair == b"?=")?;
    Some(Word { end: at + 2 + length + 3 + taken + 2, charset, is_base64, data: data.get(..taken)? })
}

/// Joins neighbouring encoded words of one charset, as far as one alone is not whole, and encodes what stands bare in
/// a word. `None` when all are in order.
fn join_words(field: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut at, mut copied) = (0, 0);
    // A mark behind the last end begins nothing; looking for its end anew each time would take for ever.
    let last_end = field.windows(2).rposition(|pair| pair == b"?=")?;
    while let Some(found) = find(field, at, b"=?").filter(|found| *found < last_end) {
        let Some(first) = word_at(field, found) else {
            at = found + 2;
            continue;
        };
        let mut end = first.end;
        let mut words = vec![first];
        while let Some(next) = next_word(field, end, words.first()) {
            end = next.end;
            words.push(next);
        }
        at = end;
        if let Some(joined) = joined(&words) {
            out.extend_from_slice(field.get(copied..found)?);
            out.extend_from_slice(&joined);
            copied = end;
        }
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(field.get(copied..)?);
    Some(out)
}

fn find(field: &[u8], at: usize, mark: &[u8]) -> Option<usize> {
    field.get(at..)?.windows(mark.len()).position(|window| window == mark).map(|found| at + found)
}

fn next_word<'a>(field: &'a [u8], end: usize, first: Option<&Word<'a>>) -> Option<Word<'a>> {
    let blanks = field.get(end..)?.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let word = word_at(field, end + blanks)?;
    first.filter(|first| first.charset.eq_ignore_ascii_case(word.charset)).map(|_| word)
}

fn joined(words: &[Word<'_>]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let first = words.first().filter(|first| words.len() > 1 || !first.data.is_ascii())?;
    // Words of these begin and end in ASCII, and their decoder takes an empty stretch between two for damage.
    if has_name(first.charset, b"iso-2022-") {
        return None;
    }
    let is_utf8 = first.charset.eq_ignore_ascii_case(b"utf-8") || first.charset.eq_ignore_ascii_case(b"utf8");
    let parts: Vec<Option<Vec<u8>>> = words.iter().map(decoded).collect();
    let whole = |part: &Option<Vec<u8>>| part.as_deref().is_some_and(|part| std::str::from_utf8(part).is_ok());
    if is_utf8 && parts.iter().all(whole) {
        return None;
    }
    // Some programs cut the base64 text itself wherever the line was full.
    let is_cut = words.iter().all(|word| word.is_base64) && words.iter().any(|word| word.data.len() % 4 != 0);
    let bytes = if is_cut {
        let data = words.iter().flat_map(|word| word.data).copied().collect::<Vec<u8>>();
        decoded(&Word { end: 0, charset: first.charset, is_base64: true, data: &data })?
    } else {
        parts.into_iter().collect::<Option<Vec<_>>>()?.concat()
    };
    let mut out = b"=?".to_vec();
    out.extend_from_slice(first.charset);
    out.extend_from_slice(b"?B?");
    out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(bytes).as_bytes());
    out.extend_from_slice(b"?=");
    Some(out)
}

fn decoded(word: &Word<'_>) -> Option<Vec<u8>> {
    if word.is_base64 {
        return base64_decode(word.data);
    }
    let mut bytes = Vec::with_capacity(word.data.len());
    let mut rest = word.data;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'_', _) => bytes.push(b' '),
            (b'=', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;

    fn repaired(raw: &str) -> String {
        String::from_utf8(header(raw.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn mime_fields_are_unfolded_and_others_stay() {
        assert_eq!(
            repaired("Content-Type: multipart/mixed;\r\n boundary=\r\n \"a\"\r\nX: b\r\n c\r\n\r\n"),
            "Content-Type: multipart/mixed; boundary= \"a\"\r\nX: b\r\n c\r\n\r\n"
        );
    }

    #[test]
    fn words_cut_inside_a_character_are_joined() {
        assert_eq!(repaired("S: =?utf-8?Q?b=C3?=\r\n =?UTF-8?Q?=A9?= x\r\n"), "S: =?utf-8?B?YsOp?= x\r\n");
        assert_eq!(repaired("S: =?utf-8?B?YsO?= =?utf-8?B?p?=\r\n"), "S: =?utf-8?B?YsOp?=\r\n");
        let shifting = "S: =?ISO-2022-JP?B?GyRCJUYbKEI=?= =?ISO-2022-JP?B?GyRCJUYbKEI=?=\r\n";
        assert_eq!(repaired(shifting), shifting);
        let whole = "S: =?utf-8?Q?b?= =?utf-8?Q?c?= =?utf-8?Q?broken\r\n";
        assert_eq!(repaired(whole), whole);
    }

    #[test]
    fn bare_bytes_in_a_word_are_of_its_charset() {
        assert_eq!(header(b"S: =?iso-8859-1?Q?Fr\xf6sche?=\r\n").as_ref(), b"S: =?iso-8859-1?B?RnL2c2NoZQ==?=\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_survive(raw in prop::collection::vec(prop::sample::select(
            b"=?utf-8BQ=\r\n\r\n :\tContent-Type:message/rfc822;boundary=--\"ab\xc3\xa9\xff".to_vec()), 0..300)) {
            header(&raw);
        }
    }
}
