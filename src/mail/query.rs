//! Owns the query language: `from:budi has:attachment -invoice`, parsed to a tree that the store can run.
//!
//! It does not search.

mod names;
mod parse;

pub use names::unknown_names;
pub use parse::{Parsed, parse};

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

/// Gives the words and phrases that a query wants to be there, for marking them where they are shown.
pub fn highlight_words(query: &Query) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = vec![query];
    while let Some(query) = rest.pop() {
        match query {
            Query::And(parts) | Query::Or(parts) => rest.extend(parts.iter().rev()),
            Query::Text { words, is_phrase: true, .. } => found.push(words.clone()),
            Query::Text { words, .. } => found.extend(words.split_whitespace().map(str::to_owned)),
            _ => {}
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|word| seen.insert(word.clone()));
    found
}
