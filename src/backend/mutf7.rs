//! Owns modified UTF-7 (RFC 3501 section 5.1.3): how IMAP and Maildir++ spell mailbox names in ASCII.
//!
//! It knows nothing of hierarchy delimiters; `/` and `.` are letters like any other in here.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;

/// Base64 with `,` for `/`, without padding; bits left over must be zero.
const BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// Spells a name. The result is printable ASCII, and [`decode`] gives back exactly the same name.
pub fn encode(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for letter in name.chars() {
        if matches!(letter, ' '..='~') {
            end_shift(&mut spelled, &mut shifted);
            spelled.push(letter);
            if letter == '&' {
                spelled.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(letter.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    end_shift(&mut spelled, &mut shifted);
    spelled
}

/// Reads a spelled name; `None` when it is not modified UTF-7, and then the raw spelling is all there is to show.
///
/// It is lenient where the meaning is certain: needless shifts (`&AGE-` for `a`, two shifts in a row) are read.
pub fn decode(spelled: &str) -> Option<String> {
    let mut name = String::with_capacity(spelled.len());
    let mut rest = spelled;
    while let Some((plain, shift)) = rest.split_once('&') {
        name.push_str(printable(plain)?);
        let (shifted, after) = shift.split_once('-')?;
        if shifted.is_empty() {
            name.push('&');
        } else {
            push_shifted(&mut name, shifted)?;
        }
        rest = after;
    }
    name.push_str(printable(rest)?);
    Some(name)
}

fn end_shift(spelled: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        spelled.push('&');
        BASE64.encode_string(&shifted, spelled);
        spelled.push('-');
        shifted.clear();
    }
}

fn printable(text: &str) -> Option<&str> {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')).then_some(text)
}

fn push_shifted(name: &mut String, shifted: &str) -> Option<()> {
    let bytes = BASE64.decode(shifted).ok()?;
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    for letter in char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))) {
        name.push(letter.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_spellings_both_ways() {
        for (name, spelled) in [
            ("", ""),
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("R&D", "R&-D"),
            ("&&", "&-&-"),
            ("受信箱", "&U9dP4Xux-"),
            ("👩‍🚀 café", "&2D3caSAN2D3egA- caf&AOk-"),
            ("a\nb\0", "a&AAo-b&AAA-"),
        ] {
            assert_eq!(encode(name), spelled);
            assert_eq!(decode(spelled).as_deref(), Some(name));
        }
    }

    #[test]
    fn needless_shifts_are_read() {
        assert_eq!(decode("&AGE-").as_deref(), Some("a"));
        assert_eq!(decode("&AOk-&AOk-").as_deref(), Some("éé"));
    }

    #[test]
    fn what_means_nothing_is_not_guessed() {
        for spelled in
            ["&", "a&", "&AOk", "&A-", "&AO-", "&2D0-", "&3ck-", "&!!!-", "&AOk=-", "é", "a\u{7f}", "&AOl-x\n"]
        {
            assert_eq!(decode(spelled), None, "{spelled:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_survives(name in any::<String>()) {
            let spelled = encode(&name);
            prop_assert!(spelled.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(decode(&spelled), Some(name));
        }

        #[test]
        fn nothing_makes_it_panic(spelled in "[&a-zA-Z0-9+,=é-]{0,24}") {
            let _ = decode(&spelled);
        }
    }
}
