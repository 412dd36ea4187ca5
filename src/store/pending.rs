//! Owns what the servers still have to hear: everything where wanted and synced differ, derived from rows, never queued.
//!
//! Which operations that comes to is decided by `accounts`, which also carries them over; what becomes of the rows then
//! is in `pushed` and `refused`.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::error::Fault;
use super::{Error, Store};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::keyword::Keywords;
use crate::mail::mailbox::Role;
use crate::mail::remote::{Cursor, RemoteId};
use crate::mail::time::UnixTime;

/// What a server still has to hear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pending {
    /// Mailboxes that are wanted otherwise than they are.
    pub mailboxes: Vec<PendingMailbox>,
    /// Emails that are wanted otherwise than they are, newest first.
    pub emails: Vec<PendingEmail>,
    /// Whether there are more emails than these.
    pub has_more: bool,
    /// How far the mailboxes of their copies were read.
    pub cursors: BTreeMap<MailboxId, Cursor>,
}

impl Pending {
    /// Says whether the server has to hear nothing.
    pub fn is_empty(&self) -> bool {
        self.mailboxes.is_empty() && self.emails.is_empty()
    }
}

/// A mailbox and the next change to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingMailbox {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Its name as wanted, `/` between levels.
    pub name: String,
    /// In the backend's spelling; empty while the server does not have it.
    pub path: String,
    /// What it is for.
    pub role: Option<Role>,
    /// The change.
    pub change: MailboxChange,
}

/// A change to a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxChange {
    /// The server is to make it.
    Create,
    /// It has another name on the server.
    Rename,
    /// It is wanted no more.
    Delete,
    /// It is to be subscribed to, or no more.
    Subscribe(bool),
}

/// An email that is wanted otherwise than the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEmail {
    /// The email.
    pub email: EmailId,
    /// The keywords that it should have.
    pub keywords: Keywords,
    /// Its bytes, if they are here: a blob's number, good for [`Store::blob`].
    pub blob: Option<i64>,
    /// Bytes of the whole message.
    pub size: u64,
    /// When it was received.
    pub received: UnixTime,
    /// What the server has of it.
    pub copies: Vec<PendingCopy>,
    /// Where it is wanted and the server has no copy of it.
    pub aims: Vec<Aim>,
    /// Whether it is the copy of an email in another account whose bytes are still to come.
    pub is_awaited: bool,
    /// Whether the server had it and it is gone: it may turn up in another mailbox.
    pub has_vanished: bool,
    /// Whether its like in another account waits for its bytes.
    pub must_be_here: bool,
}

impl PendingEmail {
    /// Says whether anything can be done now: what only waits must not keep others from their turn.
    fn has_something_to_do(&self) -> bool {
        self.must_be_here
            || !(self.aims.is_empty() || self.is_awaited && self.blob.is_none() && self.copies.is_empty())
            || self.copies.iter().any(|copy| match copy.stand {
                Stand::Returns | Stand::Leaves => true,
                Stand::Stays => copy.keywords != self.keywords,
                Stand::WaitsToLeave => copy.keywords != self.keywords || self.blob.is_none(),
            })
    }
}

/// A copy on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCopy {
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// That mailbox in the backend's spelling.
    pub path: String,
    /// The copy.
    pub id: RemoteId,
    /// The keywords that it has.
    pub keywords: Keywords,
    /// Whether it is marked as deleted, which a copy of it would be too.
    pub is_deleted: bool,
    /// Whether it is wanted where it is.
    pub stand: Stand,
}

/// What is to become of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It stays.
    Stays,
    /// It was marked as deleted on the server and is to stay after all.
    Returns,
    /// It is to leave its mailbox.
    Leaves,
    /// It is to leave, but not yet: it may still be taken back, or waits for a copy in another account.
    WaitsToLeave,
}

/// A mailbox in which an email is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// In the backend's spelling; `None` while the server does not have it.
    pub path: Option<String>,
}

/// One row's share of an operation: what is settled when it was done, and goes back when it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// Keywords of a copy.
    Keywords {
        /// The email.
        email: EmailId,
        /// The copy's mailbox.
        mailbox: MailboxId,
        /// The copy.
        id: RemoteId,
        /// What is set.
        add: Keywords,
        /// What is cleared.
        remove: Keywords,
    },
    /// A copy that comes into a mailbox, from another one or from the bytes that are here.
    Arrival {
        /// The email.
        email: EmailId,
        /// The copy that it is made of; `None`: the bytes here.
        from: Option<(MailboxId, RemoteId)>,
        /// The mailbox.
        to: MailboxId,
        /// Whether the copy that it is made of goes.
        is_move: bool,
    },
    /// A copy that goes for good.
    Removal {
        /// The email.
        email: EmailId,
        /// The copy's mailbox.
        mailbox: MailboxId,
        /// The copy.
        id: RemoteId,
    },
    /// A mailbox.
    Mailbox {
        /// The mailbox.
        mailbox: MailboxId,
        /// What is done to it.
        change: MailboxChange,
        /// The name that it is given by that.
        name: String,
    },
}

impl Share {
    /// Gives the copy on the server that it is about, if one.
    pub fn copy(&self) -> Option<(MailboxId, &RemoteId)> {
        match self {
            Share::Keywords { mailbox, id, .. } | Share::Removal { mailbox, id, .. } => Some((*mailbox, id)),
            Share::Arrival { from, .. } => from.as_ref().map(|(mailbox, id)| (*mailbox, id)),
            Share::Mailbox { .. } => None,
        }
    }
}

impl Store {
    /// Gives what an account's server still has to hear, of at most so many emails, newest first. A delete for good is
    /// not in it before its time, and an email of which an attempt is open not at all.
    pub fn pending(&self, account: AccountId, limit: usize) -> Result<Pending, Error> {
        self.pending_behind(account, None, limit)
    }

    /// The same of what stands behind an email; then without the mailboxes.
    pub fn pending_behind(&self, account: AccountId, behind: Option<EmailId>, limit: usize) -> Result<Pending, Error> {
        let now = self.now();
        self.read(|db| {
            let mut pending = Pending::default();
            if behind.is_none() {
                pending.mailboxes = pending_mailboxes(db, account)?;
            }
            let mut query = db.prepare_cached(
                "SELECT id FROM emails WHERE account = ?1 AND is_pending = 1 AND id < ?2
                     AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.email = emails.id) ORDER BY id DESC",
            )?;
            let mut rows = query.query([account.0, behind.map_or(i64::MAX, |email| email.0)])?;
            while let Some(row) = rows.next()? {
                if pending.emails.len() == limit {
                    pending.has_more = true;
                    break;
                }
                pending.emails.extend(pending_email(db, EmailId(row.get(0)?), now.0)?);
            }
            let mut query = db.prepare_cached("SELECT cursor FROM cursors WHERE mailbox = ?1")?;
            for copy in pending.emails.iter().flat_map(|email| &email.copies) {
                if !pending.cursors.contains_key(&copy.mailbox)
                    && let Some(cursor) = query.query_row([copy.mailbox.0], |row| row.get(0)).optional()?
                {
                    pending.cursors.insert(copy.mailbox, Cursor(cursor));
                }
            }
            Ok(pending)
        })
    }

    /// Counts the emails and mailboxes of which a server still has to hear something.
    pub fn pending_count(&self, account: AccountId) -> Result<u64, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT COUNT(*) FROM emails WHERE account = ?1 AND is_pending = 1")?;
            let emails = query.query_row([account.0], |row| row.get::<_, i64>(0))?.unsigned_abs();
            Ok(emails + pending_mailboxes(db, account)?.len() as u64)
        })
    }

    /// Gives when the next thing is due that waits only for its time; `None` when nothing does.
    pub fn next_due(&self, account: AccountId) -> Result<Option<UnixTime>, Error> {
        let now = self.now();
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT MIN(m.push_after) FROM emails e JOIN memberships m ON m.email = e.id
                 WHERE e.account = ?1 AND e.is_pending = 1 AND m.wanted = 0 AND m.synced = 1 AND m.push_after > ?2",
            )?;
            Ok(query.query_row([account.0, now.0], |row| row.get::<_, Option<i64>>(0))?.map(UnixTime))
        })
    }
}

/// A mailbox with its change, and what decides whether it is its turn.
struct Changing {
    pending: PendingMailbox,
    synced_name: String,
}

/// Gives the next change to each mailbox that is wanted otherwise; those above first, where they are made, and last,
/// where they go. What waits for another change is left out: a name that is still taken, a mailbox above that brings
/// those below it along, mail that is still in a mailbox that goes.
fn pending_mailboxes(db: &Connection, account: AccountId) -> Result<Vec<PendingMailbox>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT id, name, path, role, is_wanted, is_synced, name <> synced_name, is_subscribed, synced_name
         FROM mailboxes b
         WHERE account = ?1 AND is_local = 0 AND hidden_since IS NULL AND (is_wanted <> is_synced
             OR (is_synced = 1 AND (name <> synced_name OR is_subscribed <> synced_subscribed)))
             AND (is_wanted = 1
                 OR NOT EXISTS (SELECT 1 FROM remotes r WHERE r.mailbox = b.id AND r.is_deleted = 0))
         ORDER BY is_wanted DESC, CASE is_wanted WHEN 1 THEN length(name) ELSE -length(name) END, name",
    )?;
    let rows = query.query_map([account.0], |row| {
        let (is_wanted, is_synced, is_renamed): (bool, bool, bool) = (row.get(4)?, row.get(5)?, row.get(6)?);
        let change = match (is_wanted, is_synced, is_renamed) {
            (true, false, _) => MailboxChange::Create,
            (false, ..) => MailboxChange::Delete,
            (true, true, true) => MailboxChange::Rename,
            (true, true, false) => MailboxChange::Subscribe(row.get(7)?),
        };
        let pending = PendingMailbox {
            mailbox: MailboxId(row.get(0)?),
            name: row.get(1)?,
            path: row.get(2)?,
            role: Role::from_word(row.get_ref(3)?.as_str()?),
            change,
        };
        Ok(Changing { pending, synced_name: row.get(8)? })
    })?;
    let all = rows.collect::<Result<Vec<_>, _>>()?;
    let waits = |one: &Changing| {
        let is_named_anew = matches!(one.pending.change, MailboxChange::Create | MailboxChange::Rename);
        all.iter().filter(|other| other.pending.mailbox != one.pending.mailbox).any(|other| {
            let frees_the_name = matches!(other.pending.change, MailboxChange::Delete | MailboxChange::Rename)
                && other.synced_name == one.pending.name;
            let brings_it_along = other.pending.change == MailboxChange::Rename
                && one.pending.change == MailboxChange::Rename
                && one.synced_name.strip_prefix(&other.synced_name).is_some_and(|rest| rest.starts_with('/'));
            (is_named_anew && frees_the_name) || brings_it_along
        })
    };
    let due: Vec<PendingMailbox> = all.iter().filter(|one| !waits(one)).map(|one| one.pending.clone()).collect();
    // Names that were swapped wait for each other: the server's refusal ends that.
    Ok(if due.is_empty() { all.into_iter().map(|one| one.pending).collect() } else { due })
}

fn pending_email(db: &Connection, email: EmailId, now: i64) -> Result<Option<PendingEmail>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT e.keywords, e.blob, e.size, e.received, EXISTS (SELECT 1 FROM memberships m WHERE m.awaits = e.id),
             e.base_keywords IS NOT NULL, EXISTS (
                 SELECT 1 FROM memberships m JOIN memberships o ON o.email = m.awaits AND o.wanted = 1
                 WHERE m.email = e.id)
         FROM emails e WHERE e.id = ?1",
    )?;
    let found = query
        .query_row([email.0], |row| {
            Ok(PendingEmail {
                email,
                keywords: Keywords::from_text(row.get_ref(0)?.as_str()?),
                blob: row.get(1)?,
                size: row.get::<_, i64>(2)?.unsigned_abs(),
                received: UnixTime(row.get(3)?),
                copies: Vec::new(),
                aims: Vec::new(),
                is_awaited: row.get(4)?,
                has_vanished: row.get(5)?,
                must_be_here: row.get(6)?,
            })
        })
        .optional()?;
    let Some(mut pending) = found else { return Ok(None) };
    let mut query = db.prepare_cached(
        "SELECT r.mailbox, b.path, r.remote_id, r.keywords, r.is_deleted, m.wanted, m.synced,
             m.push_after > ?2 OR EXISTS (SELECT 1 FROM memberships o WHERE o.email = m.awaits AND o.wanted = 1)
         FROM remotes r JOIN mailboxes b ON b.id = r.mailbox
         JOIN memberships m ON m.email = r.email AND m.mailbox = r.mailbox
         WHERE r.email = ?1 AND b.is_local = 0 AND b.is_synced = 1 ORDER BY r.mailbox, r.remote_id",
    )?;
    let mut rows = query.query([email.0, now])?;
    while let Some(row) = rows.next()? {
        let (is_deleted, is_wanted, is_synced, must_wait): (bool, bool, bool, bool) =
            (row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?);
        let stand = match (is_wanted, is_synced, is_deleted) {
            (true, true, false) => Stand::Stays,
            (true, false, true) => Stand::Returns,
            (false, true, _) if must_wait => Stand::WaitsToLeave,
            (false, true, _) => Stand::Leaves,
            _ => continue,
        };
        pending.copies.push(PendingCopy {
            mailbox: MailboxId(row.get(0)?),
            path: row.get(1)?,
            id: RemoteId(row.get(2)?),
            keywords: Keywords::from_text(&row.get::<_, String>(3)?),
            is_deleted,
            stand,
        });
    }
    let mut query = db.prepare_cached(
        "SELECT m.mailbox, CASE b.is_synced WHEN 1 THEN b.path END FROM memberships m
         JOIN mailboxes b ON b.id = m.mailbox
         WHERE m.email = ?1 AND m.wanted = 1 AND m.synced = 0 AND b.is_local = 0 AND b.hidden_since IS NULL
             AND NOT EXISTS (SELECT 1 FROM remotes r WHERE r.email = m.email AND r.mailbox = m.mailbox)
         ORDER BY m.mailbox",
    )?;
    let rows = query.query_map([email.0], |row| Ok(Aim { mailbox: MailboxId(row.get(0)?), path: row.get(1)? }))?;
    pending.aims = rows.collect::<Result<_, _>>()?;
    pending.must_be_here &= pending.blob.is_none() && !pending.copies.is_empty();
    Ok(Some(pending).filter(PendingEmail::has_something_to_do))
}
