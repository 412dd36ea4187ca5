//! Owns the small notice that something in the store changed: ids, never contents.

use std::collections::BTreeSet;

use crate::mail::id::{EmailId, MailboxId, ThreadId};

/// Beyond this many ids a change says only "this mailbox".
const MOST_IDS: usize = 1_000;

/// What one committed transaction touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Mailboxes whose rows or counts changed.
    pub mailboxes: BTreeSet<MailboxId>,
    /// Conversations that changed; empty with `is_flood`.
    pub threads: BTreeSet<ThreadId>,
    /// Emails whose body or keywords changed; empty with `is_flood`.
    pub emails: BTreeSet<EmailId>,
    /// Whether accounts or the list of mailboxes changed.
    pub folders: bool,
    /// Whether there were too many ids to name.
    pub is_flood: bool,
}

impl Change {
    /// Says whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds another change to this one.
    pub fn merge(&mut self, other: Change) {
        self.mailboxes.extend(other.mailboxes);
        self.threads.extend(other.threads);
        self.emails.extend(other.emails);
        self.folders |= other.folders;
        self.is_flood |= other.is_flood;
        self.cap();
    }

    /// Forgets single ids when there are too many of them.
    pub fn cap(&mut self) {
        if self.is_flood || self.threads.len() > MOST_IDS || self.emails.len() > MOST_IDS {
            self.is_flood = true;
            self.threads.clear();
            self.emails.clear();
        }
    }
}
