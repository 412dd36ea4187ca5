//! Owns the mailbox and its role (RFC 6154, RFC 8621 section 2).
//!
//! It does not know how a protocol spells names on the wire.

use crate::mail::id::{AccountId, MailboxId};
use crate::mail::role_name;

/// What a mailbox is for. The order is the order in the folder list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Where new mail arrives.
    Inbox,
    /// `\Flagged`: a view of starred mail that a server offers as a mailbox.
    Flagged,
    /// `\Important`.
    Important,
    /// `\Drafts`.
    Drafts,
    /// `\Sent`.
    Sent,
    /// `\Archive`.
    Archive,
    /// `\All`: every message.
    All,
    /// `\Junk`.
    Junk,
    /// `\Trash`.
    Trash,
}

impl Role {
    /// Every role, in the order of the folder list.
    pub const ALL: [Role; 9] = [
        Role::Inbox,
        Role::Flagged,
        Role::Important,
        Role::Drafts,
        Role::Sent,
        Role::Archive,
        Role::All,
        Role::Junk,
        Role::Trash,
    ];

    /// Gives the word that stands for the role in the store, the configuration and in `in:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Inbox => "inbox",
            Role::Flagged => "flagged",
            Role::Important => "important",
            Role::Drafts => "drafts",
            Role::Sent => "sent",
            Role::Archive => "archive",
            Role::All => "all",
            Role::Junk => "junk",
            Role::Trash => "trash",
        }
    }

    /// Reads what [`Role::as_str`] writes.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A mailbox as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its identity.
    pub id: MailboxId,
    /// The account it belongs to.
    pub account: AccountId,
    /// The name with its path, decoded, `/` between levels whatever the server's delimiter is.
    pub name: String,
    /// What it is for.
    pub role: Option<Role>,
    /// Whether mail can be in it (a `\Noselect` node of the hierarchy cannot hold any).
    pub is_selectable: bool,
    /// Whether the user subscribes to it.
    pub is_subscribed: bool,
    /// Emails in it.
    pub total: u64,
    /// Unread emails in it.
    pub unread: u64,
}

impl Mailbox {
    /// Gives the last level of the path: what the folder list shows.
    pub fn leaf(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Says whether its name, the last level of it or its role begins with a word: what `in:` means. Case does not count.
    pub fn begins_with(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.name.to_lowercase().starts_with(&word)
            || self.leaf().to_lowercase().starts_with(&word)
            || self.role.is_some_and(|role| role.as_str().starts_with(&word))
    }

    /// Gives how deep the mailbox is in the hierarchy, 0 at the top.
    pub fn depth(&self) -> usize {
        self.name.matches('/').count()
    }
}

/// Tells what a folder is for by its name in one of many languages, levels parted by `/`. For where the server does
/// not say it.
pub fn role_of_name(name: &str) -> Option<Role> {
    role_name::role_of_name(name)
}
