//! Owns the question a list asks the store: which emails, and which window of their rows.

use crate::mail::email::{Row, RowKey};
use crate::mail::id::{AccountId, MailboxId};
use crate::mail::query::Query;

/// Which emails a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The conversations of one mailbox.
    Mailbox(MailboxId),
    /// The conversations of every account's inbox.
    AllInboxes,
    /// The conversations in which something is starred.
    Starred,
    /// What a query finds, in one mailbox, one account, or everywhere (Trash and Junk only when named by `in:`).
    Search(Query, Scope),
}

/// Where a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everywhere.
    #[default]
    Everywhere,
    /// In one account.
    Account(AccountId),
    /// In one mailbox.
    Mailbox(MailboxId),
}

/// Which rows of a view are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// From the newest on.
    Top,
    /// Up to the oldest.
    Bottom,
    /// Those right after this place.
    After(RowKey),
    /// Those right before this place.
    Before(RowKey),
    /// This place in the middle, whether or not a row stands there now.
    Around(RowKey),
}

/// A window of rows, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// Whether there are newer ones.
    pub has_before: bool,
    /// Whether there are older ones.
    pub has_after: bool,
    /// Conversations in the view; `None` when counting would cost more than it is worth.
    pub total: Option<u64>,
}
