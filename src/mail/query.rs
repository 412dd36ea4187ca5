//! Owns the query language: `from:budi has:attachment -invoice`, parsed to a tree that the store can run.
//!
//! It does not search.

use crate::mail::time::UnixTime;

/// A parsed query. `And(vec![])` finds everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All of these.
    And(Vec<Query>),
    /// Any of these.
    Or(Vec<Query>),
    /// Not this.
    Not(Box<Query>),
    /// Words in a field: every word must begin a word there; with `is_phrase` they follow each other.
    Text {
        /// Where to look.
        field: Field,
        /// What to look for.
        words: String,
        /// Whether the words were quoted.
        is_phrase: bool,
    },
    /// A keyword is set.
    Keyword(String),
    /// Something is attached.
    HasAttachment,
    /// In a mailbox whose name or role begins so; `all` is every mailbox, Trash and Junk too.
    In(String),
    /// In an account of this name.
    Account(String),
    /// Received before this moment.
    Before(UnixTime),
    /// Received at or after this moment.
    After(UnixTime),
    /// Larger than so many bytes.
    Larger(u64),
    /// Smaller than so many bytes.
    Smaller(u64),
}

/// A column of the full-text index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Every column.
    Any,
    /// Names and addresses of `From`.
    From,
    /// Names and addresses of `To`, `Cc` and `Bcc`.
    To,
    /// `Subject`.
    Subject,
    /// The text.
    Body,
}
