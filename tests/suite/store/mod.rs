//! The store through its own door: what a server says and a user does, and what lists, searches and pushes make of it.

use std::path::Path;

use surat::accounts::plan::{Outlook, Planned, plan};
use surat::backend::Offer;
use surat::mail::address::Address;
use surat::mail::email::Header;
use surat::mail::id::{AccountId, EmailId, MailboxId};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::remote::{Arrived, Cursor, Delta, RemoteId, RemoteMailbox, RemoteOperation};
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, Rows, View};
use surat::store::{Body, Pushed, Share, Store};
use tempfile::TempDir;

mod convergence;
mod copies;
mod corpora;
mod edits;
mod folders;
mod incoming;
mod migrating;
mod model;
mod notices;
mod opening;
mod properties;
mod pushing;
mod reading;
mod searching;
mod transfers;

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

    /// Plans what an account's server has to hear, if it can do everything and every mailbox was read.
    pub fn planned_for(&self, account: AccountId) -> Vec<Planned> {
        let offer = Offer { can_move: true, ..Offer::default() };
        let outlook = Outlook { has_seen_all: true, ..Outlook::default() };
        plan(&self.store.pending(account, 1_000).unwrap(), &offer, outlook)
    }

    /// Gives the operations that are due, what is added as one without its bytes.
    pub fn operations(&self) -> Vec<RemoteOperation> {
        let operation = |planned| match planned {
            Planned::Operation { operation, .. } => operation,
            Planned::Append(append) => RemoteOperation::Append {
                mailbox: append.mailbox,
                bytes: Vec::new(),
                keywords: append.keywords,
                received: append.received,
            },
            other => panic!("{other:?}"),
        };
        self.planned_for(self.account).into_iter().map(operation).collect()
    }

    /// Gives the rows' shares of what is due.
    pub fn shares(&self) -> Vec<Share> {
        let shares = |planned| match planned {
            Planned::Operation { shares, .. } => shares,
            Planned::Append(append) => vec![append.share],
            Planned::Impossible(share) => vec![share],
            _ => Vec::new(),
        };
        self.planned_for(self.account).into_iter().flat_map(shares).collect()
    }

    /// Does everything that is due for an account, on a server that does it all; a copy that is made gets the email's
    /// number and its mailbox's as id.
    pub fn push(&self, account: AccountId) {
        for _ in 0..10 {
            let planned = self.planned_for(account);
            if planned.is_empty() {
                return;
            }
            for planned in planned {
                let shares = match planned {
                    Planned::Operation { shares, .. } => shares,
                    Planned::Append(append) => vec![append.share],
                    Planned::Fetch(email) => {
                        self.fetch(email);
                        continue;
                    }
                    other => panic!("{other:?}"),
                };
                for share in shares {
                    let numbers = self.store.begin_attempts(std::slice::from_ref(&share)).unwrap();
                    let mut pushed = Pushed::new(share);
                    match &pushed.share {
                        Share::Arrival { email, to, .. } => pushed.id = Some(made(*email, *to)),
                        Share::Mailbox { name, .. } => pushed.path = Some(name.clone()),
                        _ => {}
                    }
                    self.store.pushed(&[pushed], &numbers).unwrap();
                }
            }
        }
        panic!("it never ends: {:?}", self.planned_for(account));
    }

    /// Brings a body.
    pub fn fetch(&self, email: EmailId) {
        let missing = self.store.missing_body(email).unwrap().unwrap();
        let raw = format!("Subject: x\r\n\r\nbody {}\r\n", email.0).into_bytes();
        self.store.keep_bodies(vec![Body { mailbox: missing.mailbox, id: missing.want.id, raw }]).unwrap();
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

/// The id that [`Fixture::push`] gives to a copy.
pub fn made(email: EmailId, mailbox: MailboxId) -> RemoteId {
    RemoteId(format!("made {} {}", email.0, mailbox.0))
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
