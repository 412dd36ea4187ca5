//! The store through its own door: what a server says and a user does, and what lists, searches and pushes make of it.

use std::path::Path;

use surat::mail::address::Address;
use surat::mail::email::Header;
use surat::mail::id::{AccountId, EmailId, MailboxId};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::remote::{Arrived, Cursor, Delta, RemoteId, RemoteMailbox};
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, Rows, View};
use surat::store::Store;
use tempfile::TempDir;

mod corpora;
mod edits;
mod incoming;
mod opening;
mod reading;
mod searching;

/// Some second of 2026.
pub const NOW: UnixTime = UnixTime(1_795_398_000);

/// A store in a directory of its own with one account and its usual mailboxes.
pub struct Fixture {
    pub dir: TempDir,
    pub store: Store,
    pub account: AccountId,
    pub inbox: MailboxId,
    pub archive: MailboxId,
    pub sent: MailboxId,
    pub trash: MailboxId,
}

impl Fixture {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("work").unwrap();
        let ids = store
            .reconcile_mailboxes(
                account,
                &[
                    remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)),
                    remote_mailbox("Archive", "Archive", Some(Role::Archive)),
                    remote_mailbox("Sent", "Sent", Some(Role::Sent)),
                    remote_mailbox("Trash", "Trash", Some(Role::Trash)),
                ],
            )
            .unwrap();
        Self { dir, store, account, inbox: ids[0], archive: ids[1], sent: ids[2], trash: ids[3] }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Has one message arrive; gives its email.
    pub fn arrive(&self, mailbox: MailboxId, arrived: Arrived) -> EmailId {
        let uid = arrived.id.clone();
        let deltas = [Delta::Arrived(Box::new(arrived)), Delta::Commit(Cursor("c".into()))];
        let applied = self.store.apply(self.account, mailbox, &deltas).unwrap();
        applied.new_emails.first().copied().unwrap_or_else(|| panic!("{uid:?} is not new"))
    }

    pub fn apply(&self, mailbox: MailboxId, deltas: &[Delta]) -> surat::store::Applied {
        self.store.apply(self.account, mailbox, deltas).unwrap()
    }

    pub fn edit(&self, email: EmailId, from: MailboxId, edit: Edit) {
        let mutation = Mutation { targets: vec![Target { email, from: Some(from) }], edit };
        self.store.edit(&mutation, NOW, "Did it").unwrap();
    }

    pub fn rows(&self, view: &View) -> Rows {
        self.store.rows(view, Anchor::Top, 100).unwrap()
    }

    pub fn subjects(&self, view: &View) -> Vec<String> {
        self.rows(view).rows.into_iter().map(|row| row.subject).collect()
    }

    pub fn keywords(&self, email: EmailId) -> String {
        self.store.email(email).unwrap().unwrap().keywords.to_text()
    }

    pub fn mailboxes(&self, email: EmailId) -> Vec<MailboxId> {
        self.store.email(email).unwrap().unwrap().mailboxes
    }

    /// Says that what lists and counts show is what the emails say.
    pub fn assert_sound(&self) {
        let wrong = self.store.audit().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

pub fn remote_mailbox(path: &str, name: &str, role: Option<Role>) -> RemoteMailbox {
    RemoteMailbox { path: path.into(), name: name.into(), role, is_selectable: true, is_subscribed: true }
}

/// A message with a number: id, time and Message-ID follow from it.
pub fn message(number: i64) -> Arrived {
    Arrived {
        id: RemoteId(number.to_string()),
        keywords: Keywords::default(),
        received: UnixTime(NOW.0 - 1_000_000 + number * 60),
        size: 1_000 + number as u64,
        header: Header {
            from: vec![Address::new(Some(&format!("Person {number}")), &format!("p{number}@example.org"))],
            to: vec![Address::new(None, "ayu@example.org")],
            subject: format!("Subject {number}"),
            date: Some(UnixTime(NOW.0 - 1_000_000 + number * 60)),
            message_id: Some(format!("m{number}@example.org")),
            ..Header::default()
        },
        object_id: None,
    }
}

/// The same message as an answer to others.
pub fn reply(number: i64, to: &[i64]) -> Arrived {
    let mut reply = message(number);
    reply.header.references = to.iter().map(|number| format!("m{number}@example.org")).collect();
    reply.header.in_reply_to = reply.header.references.last().cloned().into_iter().collect();
    reply
}

pub fn arrived(message: Arrived) -> Delta {
    Delta::Arrived(Box::new(message))
}
