//! Owns the one way to write: a transaction that knows what it touched, brings the conversation lists into step before
//! it commits, and ends in one `Change`.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rusqlite::{OptionalExtension, params};

use super::error::{Error, Fault};
use super::thread::Touched;
use crate::mail::change::Change;
use crate::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;

/// How sure a commit must be before the world may act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Survives a crash of the program; a power cut may take the last moments.
    Normal,
    /// On the disk before the call returns: a server may forget what was committed (invariant 8).
    Full,
}

/// What a transaction must know of a mailbox again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The account it belongs to.
    pub(super) account: AccountId,
    /// What it is for.
    pub(super) role: Option<Role>,
    /// Whether it lives here alone.
    pub(super) is_local: bool,
    /// Whether it is wanted, and the server did not drop it.
    pub(super) is_there: bool,
}

/// Emails in a mailbox, unread ones, and conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Emails.
    pub(super) total: i64,
    /// Unread ones.
    pub(super) unread: i64,
    /// Rows of the conversation list.
    pub(super) conversations: i64,
}

/// An open write transaction.
pub(super) struct Transaction<'c> {
    /// SQLite's.
    pub(super) sql: rusqlite::Transaction<'c>,
    /// The time at which it began.
    pub(super) now: UnixTime,
    /// What it touched so far.
    pub(super) change: Change,
    /// Conversations whose rows must be made again before the commit.
    pub(super) touched: HashMap<ThreadId, Touched>,
    /// What the counts of mailboxes change by.
    pub(super) counts: BTreeMap<MailboxId, Counts>,
    /// The highest conversation so far; read once.
    pub(super) last_thread: Option<i64>,
    /// Whether an email waits for a newcomer that is the same; read once.
    pub(super) has_vanished: Option<bool>,
    places: Option<Rc<HashMap<MailboxId, Place>>>,
}

impl<'c> Transaction<'c> {
    /// Wraps SQLite's transaction.
    pub(super) fn new(sql: rusqlite::Transaction<'c>, now: UnixTime) -> Self {
        Self {
            sql,
            now,
            change: Change::default(),
            touched: HashMap::new(),
            counts: BTreeMap::new(),
            last_thread: None,
            has_vanished: None,
            places: None,
        }
    }

    /// Has something to write: without a row SQLite would not reach for the disk, however sure the commit is to be.
    pub(super) fn reach_the_disk(&self) -> Result<(), Fault> {
        self.sql.execute(
            "INSERT INTO facts (name, value) VALUES ('durable_at', ?1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [self.now.0.to_string()],
        )?;
        Ok(())
    }

    /// Brings lists and counts into step, then commits. Gives what changed.
    pub(super) fn commit(mut self) -> Result<Change, Fault> {
        self.rebuild_touched()?;
        for (mailbox, by) in std::mem::take(&mut self.counts) {
            self.sql
                .prepare_cached(
                    "UPDATE mailboxes SET total = total + ?2, unread = unread + ?3,
                         conversations = conversations + ?4 WHERE id = ?1",
                )?
                .execute(params![mailbox.0, by.total, by.unread, by.conversations])?;
        }
        self.sql.commit()?;
        self.change.cap();
        Ok(self.change)
    }

    /// Notes that an email's rows must be made again.
    pub(super) fn touch(&mut self, email: EmailId, thread: ThreadId) {
        self.touched.insert(thread, Touched::Changed);
        self.note_email(email, thread);
    }

    /// Notes an email for the notice of change.
    pub(super) fn note_email(&mut self, email: EmailId, thread: ThreadId) {
        if !self.change.is_flood {
            self.change.emails.insert(email);
            self.change.threads.insert(thread);
            self.change.cap();
        }
    }

    /// Gives every mailbox's place.
    pub(super) fn places(&mut self) -> Result<Rc<HashMap<MailboxId, Place>>, Fault> {
        if let Some(places) = &self.places {
            return Ok(Rc::clone(places));
        }
        let mut query = self.sql.prepare_cached(
            "SELECT id, account, role, is_local, is_wanted = 1 AND hidden_since IS NULL FROM mailboxes",
        )?;
        let rows = query.query_map([], |row| {
            let role = Role::from_word(row.get_ref(2)?.as_str()?);
            let place = Place { account: AccountId(row.get(1)?), role, is_local: row.get(3)?, is_there: row.get(4)? };
            Ok((MailboxId(row.get(0)?), place))
        })?;
        let places = Rc::new(rows.collect::<Result<HashMap<_, _>, _>>()?);
        self.places = Some(Rc::clone(&places));
        Ok(places)
    }

    /// Must be called after mailboxes were made or changed.
    pub(super) fn forget_places(&mut self) {
        self.places = None;
        self.change.folders = true;
    }

    /// Gives one mailbox's place.
    pub(super) fn place(&mut self, mailbox: MailboxId) -> Result<Place, Fault> {
        let places = self.places()?;
        places.get(&mailbox).copied().ok_or_else(|| Error::unknown("folder").into())
    }

    /// Gives an email's conversation.
    pub(super) fn thread_of(&self, email: EmailId) -> Result<Option<ThreadId>, Fault> {
        let mut query = self.sql.prepare_cached("SELECT thread FROM emails WHERE id = ?1")?;
        Ok(query.query_row([email.0], |row| row.get(0)).optional()?.map(ThreadId))
    }

    /// Says again whether something of an email waits to be pushed, after wanted or synced changed.
    pub(super) fn settle_pending(&mut self, email: EmailId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE emails SET is_pending =
                     EXISTS (SELECT 1 FROM remotes r JOIN mailboxes b ON b.id = r.mailbox
                             WHERE r.email = emails.id AND r.keywords <> emails.keywords AND r.is_deleted = 0
                                 AND b.is_local = 0)
                     OR EXISTS (SELECT 1 FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
                                WHERE m.email = emails.id AND b.is_local = 0
                                    AND (m.wanted <> m.synced OR (emails.blob IS NULL AND EXISTS (
                                        SELECT 1 FROM memberships o WHERE o.email = m.awaits AND o.wanted = 1))))
                 WHERE id = ?1",
            )?
            .execute([email.0])?;
        Ok(())
    }
}
