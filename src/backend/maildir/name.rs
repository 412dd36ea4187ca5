//! Owns the file names of messages: `base:2,letters`, and what the letters mean as keywords.
//!
//! It touches no file, except that [`Letters`] is read from the lines of Dovecot's table of own keywords.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::mail::keyword::{ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, Keywords, SEEN};
use crate::mail::remote::RemoteId;

/// What stands between the part of a file name that stays and the letters that change.
const INFO: &[u8] = b":2,";

/// The letters that every Maildir knows.
const STANDARD: [(u8, &str); 6] =
    [(b'D', DRAFT), (b'F', FLAGGED), (b'P', FORWARDED), (b'R', ANSWERED), (b'S', SEEN), (b'T', DELETED)];

/// Splits a file name into its base, which is the message's identity, and its letters.
pub fn split(name: &OsStr) -> (&[u8], &[u8]) {
    let name = name.as_bytes();
    name.windows(INFO.len())
        .rposition(|window| window == INFO)
        .and_then(|at| Some((name.get(..at)?, name.get(at + INFO.len()..)?)))
        .unwrap_or((name, &[]))
}

/// Joins a base and letters to a file name.
pub fn join(base: &[u8], letters: &BTreeSet<u8>) -> OsString {
    OsString::from_vec(base.iter().chain(INFO).chain(letters).copied().collect())
}

/// Gives the remote id of a base: itself, with what is not UTF-8 written as `%ff`.
pub fn remote_id(base: &[u8]) -> RemoteId {
    RemoteId(escape(base, |_| false))
}

/// Gives the base of a remote id.
pub fn base(id: &RemoteId) -> Vec<u8> {
    unescape(&id.0)
}

/// Gives the base without mbsync's UID in the folder that the message leaves.
pub fn without_uid(base: &[u8]) -> Cow<'_, [u8]> {
    let Some(at) = base.windows(3).position(|window| window == b",U=") else { return Cow::Borrowed(base) };
    let (before, rest) = base.split_at(at);
    let after = rest.iter().skip(3).skip_while(|byte| byte.is_ascii_digit());
    Cow::Owned(before.iter().chain(after).copied().collect())
}

/// Gives the seconds a base begins with, as the Maildir convention has it, else 0.
pub fn seconds(base: &[u8]) -> i64 {
    let digits: Vec<u8> = base.iter().copied().take_while(u8::is_ascii_digit).take(11).collect();
    std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Writes bytes as text: `%` and all that is not UTF-8, and what `is_unsafe` names, become `%xx`.
pub fn escape(bytes: &[u8], is_unsafe: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == '%' || is_unsafe(letter) {
                let mut units = [0; 4];
                letter.encode_utf8(&mut units).bytes().for_each(|byte| push_escaped(&mut text, byte));
            } else {
                text.push(letter);
            }
        }
        chunk.invalid().iter().for_each(|byte| push_escaped(&mut text, *byte));
    }
    text
}

/// Reads what [`escape`] wrote; a `%` without two digits stands for itself.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after.split_at_checked(2) {
            Some((digits, after)) if *first == b'%' => hex(digits).map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

fn push_escaped(text: &mut String, byte: u8) {
    let _ = write!(text, "%{byte:02x}"); // writing to a String cannot fail
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// What the letters of one folder mean: the standard ones, and `a` to `z` as its `dovecot-keywords` names them.
#[derive(Debug, Clone, Default)]
pub struct Letters {
    own: Vec<(u8, String)>,
}

impl Letters {
    /// Reads the lines of `dovecot-keywords`, `0 name`; other lines mean nothing.
    pub fn read(table: &str) -> Self {
        let line = |line: &str| {
            let (number, name) = line.split_once(' ')?;
            let letter = number.parse::<u8>().ok().filter(|number| *number < 26)? + b'a';
            Some((letter, Keywords::new([name]).iter().next()?.to_owned()))
        };
        Self { own: table.lines().filter_map(line).collect() }
    }

    /// Gives the keywords that letters stand for; a letter without a meaning is passed over.
    pub fn keywords(&self, letters: &[u8]) -> Keywords {
        Keywords::new(self.all().filter(|(letter, _)| letters.contains(letter)).map(|(_, keyword)| keyword))
    }

    /// Gives what of `keywords` no letter of this folder can say.
    pub fn unsayable(&self, keywords: &Keywords) -> Keywords {
        Keywords::new(keywords.iter().filter(|keyword| self.all().all(|(_, known)| known != *keyword)))
    }

    /// Changes letters as keywords are added and removed. Letters of unknown meaning stay.
    pub fn change(&self, letters: &[u8], add: &Keywords, remove: &Keywords) -> BTreeSet<u8> {
        let mut changed: BTreeSet<u8> = letters.iter().copied().collect();
        for (letter, keyword) in self.all() {
            if add.contains(keyword) {
                changed.insert(letter);
            } else if remove.contains(keyword) {
                changed.remove(&letter);
            }
        }
        changed
    }

    fn all(&self) -> impl Iterator<Item = (u8, &str)> {
        STANDARD.into_iter().chain(self.own.iter().map(|(letter, keyword)| (*letter, keyword.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_split_at_the_last_info() {
        assert_eq!(split(OsStr::new("1.2.host:2,FS")), (&b"1.2.host"[..], &b"FS"[..]));
        assert_eq!(split(OsStr::new("a:2,b:2,S")), (&b"a:2,b"[..], &b"S"[..]));
        assert_eq!(split(OsStr::new("1.2.host")), (&b"1.2.host"[..], &b""[..]));
        assert_eq!(split(OsStr::new(":2,")), (&b""[..], &b""[..]));
    }

    #[test]
    fn letters_and_keywords_both_ways() {
        let letters = Letters::read("0 $Junk\n1 Work\nnonsense\n99 far\n");
        assert_eq!(letters.keywords(b"SFab!").to_text(), "$flagged $junk $seen work");
        let changed = letters.change(b"Sa!", &Keywords::new(["work", "$flagged"]), &Keywords::new(["$seen"]));
        assert_eq!(changed.into_iter().collect::<Vec<_>>(), b"!Fab");
        assert_eq!(letters.unsayable(&Keywords::new(["$seen", "work", "later"])).to_text(), "later");
    }

    #[test]
    fn a_uid_does_not_travel() {
        assert_eq!(&*without_uid(b"1.2.host,U=17,S=5"), b"1.2.host,S=5");
        assert_eq!(&*without_uid(b"1.2.host"), b"1.2.host");
    }

    #[test]
    fn seconds_of_odd_names_do_not_overflow() {
        assert_eq!(seconds(b"1795398000.M1.host"), 1_795_398_000);
        assert_eq!(seconds(b"99999999999999999999999"), 99_999_999_999);
        assert_eq!(seconds(b"x"), 0);
    }

    proptest! {
        #[test]
        fn every_base_survives_as_an_id(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(base(&remote_id(&bytes)), bytes);
        }
    }
}
