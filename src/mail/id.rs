//! Owns the identities of everything the store keeps: one newtype a kind, so that two can never be swapped.
//!
//! It does not make ids: the store does.

use std::fmt;
use std::str::FromStr;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);
    )*};
}

ids! {
    /// An account of this store. Its name lives in the configuration.
    AccountId;
    /// A mailbox of an account.
    MailboxId;
    /// A conversation; merged conversations keep resolving.
    ThreadId;
    /// One copy of an email on a server (RFC 9051 section 2.3.1 calls it a message).
    RemoteRow;
    /// One step of the history of the user's actions.
    HistoryId;
}

/// The logical message of RFC 8621 section 4: received second shifted left by [`EmailId::COUNTER_BITS`] plus a counter.
///
/// Larger is newer, so the same number is the row of the full-text index and walks newest first for free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailId(pub i64);

impl EmailId {
    /// A million emails may share one second before the counter runs into the next one.
    pub const COUNTER_BITS: u32 = 20;
}

/// The letters of ids on the command line: Crockford's base 32, lower case, without i, l, o, u.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn write_letters(number: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = number as u64;
    let mut text = Vec::new();
    loop {
        text.push(LETTERS.get((rest & 31) as usize).copied().unwrap_or(b'0'));
        rest >>= 5;
        if rest == 0 {
            break;
        }
    }
    text.iter().rev().try_for_each(|&letter| write!(f, "{}", letter as char))
}

fn read_letters(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 13 {
        return None;
    }
    let mut number: u64 = 0;
    for byte in text.bytes() {
        let digit = LETTERS.iter().position(|&letter| letter == byte.to_ascii_lowercase())?;
        number = number.checked_mul(32)?.checked_add(digit as u64)?;
    }
    i64::try_from(number).ok()
}

macro_rules! letters {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_letters(self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = UnknownId;
            fn from_str(text: &str) -> Result<Self, UnknownId> {
                read_letters(text).map($name).ok_or(UnknownId)
            }
        }
    )*};
}

letters! { EmailId ThreadId }

/// A text that can be no id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: ids are what `surat list` and `surat search` print in their first column")]
pub struct UnknownId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        for number in [0, 31, 32, 1_764_000_000_i64 << 20, i64::MAX] {
            assert_eq!(EmailId(number).to_string().parse(), Ok(EmailId(number)));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "hello!", "zzzzzzzzzzzzz", "00000000000000", "ünicode"] {
            assert_eq!(text.parse::<EmailId>(), Err(UnknownId), "{text}");
        }
    }
}
