//! Owns the marks on an email: the keywords of RFC 8621 section 4.1.1, as one small set.
//!
//! It does not know how a protocol writes them: `\Seen` is `$seen` in here, everywhere.

use std::collections::BTreeSet;

/// One keyword, lower case, `$`-prefixed where the standard names it so.
pub type Keyword = str;

/// Read by the user (IMAP `\Seen`).
pub const SEEN: &str = "$seen";
/// Starred by the user (IMAP `\Flagged`).
pub const FLAGGED: &str = "$flagged";
/// Answered (IMAP `\Answered`).
pub const ANSWERED: &str = "$answered";
/// A draft (IMAP `\Draft`).
pub const DRAFT: &str = "$draft";
/// Forwarded (RFC 5788).
pub const FORWARDED: &str = "$forwarded";
/// Judged to be junk (RFC 5788).
pub const JUNK: &str = "$junk";
/// Marked as to be expunged by another client (IMAP `\Deleted`); shown nowhere, kept so that it is never lost.
pub const DELETED: &str = "$deleted";

/// The longest keyword that is kept; a longer one is cut, never an error.
const LONGEST: usize = 100;
/// More keywords than this on one email are not kept.
const MOST: usize = 100;

/// The set of keywords of one email or of one of its copies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Keywords(BTreeSet<String>);

impl Keywords {
    /// Builds the set from any spelling; whitespace and control characters cannot be part of a keyword.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self::default();
        words.into_iter().for_each(|word| set.insert(word));
        set
    }

    /// Reads what [`Keywords::to_text`] wrote.
    pub fn from_text(text: &str) -> Self {
        Self::new(text.split(' '))
    }

    /// Gives the sorted keywords, one space between two: the form in which the store keeps a set.
    pub fn to_text(&self) -> String {
        self.iter().collect::<Vec<_>>().join(" ")
    }

    /// Adds a keyword.
    pub fn insert(&mut self, keyword: &Keyword) {
        let clean: String = keyword
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control())
            .take(LONGEST)
            .flat_map(char::to_lowercase)
            .collect();
        if !clean.is_empty() && self.0.len() < MOST {
            self.0.insert(clean);
        }
    }

    /// Takes a keyword away.
    pub fn remove(&mut self, keyword: &Keyword) {
        self.0.remove(keyword);
    }

    /// Sets or clears a keyword.
    pub fn set(&mut self, keyword: &Keyword, on: bool) {
        if on { self.insert(keyword) } else { self.remove(keyword) }
    }

    /// Says whether the keyword is in the set.
    pub fn contains(&self, keyword: &Keyword) -> bool {
        self.0.contains(keyword)
    }

    /// Walks the keywords in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Says whether the email was read.
    pub fn is_seen(&self) -> bool {
        self.contains(SEEN)
    }

    /// Says whether the email is starred.
    pub fn is_flagged(&self) -> bool {
        self.contains(FLAGGED)
    }

    /// Gives the keywords of this set that are not in the other one.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// Merges the server's word into the local one (invariant 4): where `wanted` and `base` agree the server
    /// decides, where they differ the local edit waits to be pushed and stays.
    pub fn merge(base: &Self, wanted: &Self, server: &Self) -> Self {
        let all: BTreeSet<&String> = base.0.iter().chain(&wanted.0).chain(&server.0).collect();
        let keep = |k: &str| {
            if wanted.contains(k) == base.contains(k) { server.contains(k) } else { wanted.contains(k) }
        };
        Self(all.into_iter().filter(|k| keep(k)).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_edits_win_until_pushed_and_the_server_decides_the_rest() {
        let base = Keywords::new(["$seen", "old"]);
        let wanted = Keywords::new(["$seen", "old", "$flagged"]);
        let server = Keywords::new(["$answered"]);
        assert_eq!(Keywords::merge(&base, &wanted, &server), Keywords::new(["$answered", "$flagged"]));
    }

    #[test]
    fn text_form_round_trips_and_cleans() {
        let set = Keywords::new(["$Seen", "a b\u{1b}", ""]);
        assert_eq!(set.to_text(), "$seen ab");
        assert_eq!(Keywords::from_text(&set.to_text()), set);
    }
}
