//! Owns what the servers still have to hear: everything where wanted and synced differ, derived from rows, never queued.
//!
//! It pushes nothing: `accounts` does, and tells here what was done.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::Fault;
use super::transaction::Durability;
use super::{Error, Store, Transaction};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::keyword::Keywords;
use crate::mail::remote::{Cursor, RemoteId};

/// One thing that a server still has to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pending {
    /// A mailbox that the user wants and the server does not have; moves into it wait for it.
    CreateMailbox {
        /// The mailbox.
        mailbox: MailboxId,
        /// Its name, `/` between levels.
        name: String,
    },
    /// Keywords of one copy.
    Keywords {
        /// The email.
        email: EmailId,
        /// The mailbox of the copy.
        mailbox: MailboxId,
        /// That mailbox in the backend's spelling.
        path: String,
        /// The copy.
        id: RemoteId,
        /// Keywords to set.
        add: Keywords,
        /// Keywords to clear.
        remove: Keywords,
    },
    /// A copy that is to lie in another mailbox.
    Move {
        /// The email.
        email: EmailId,
        /// The mailbox in which it is.
        from: MailboxId,
        /// That mailbox in the backend's spelling.
        from_path: String,
        /// The copy.
        id: RemoteId,
        /// The mailbox in which it is wanted.
        to: MailboxId,
        /// That mailbox in the backend's spelling.
        to_path: String,
    },
    /// A copy that is wanted in its mailbox no more, and in no other that it is not in already.
    Remove {
        /// The email.
        email: EmailId,
        /// The mailbox.
        mailbox: MailboxId,
        /// That mailbox in the backend's spelling.
        path: String,
        /// The copy.
        id: RemoteId,
    },
}

/// An operation that must not be repeated without looking first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A message is added.
    Append,
    /// A copy is made.
    Copy,
    /// A copy is moved.
    Move,
}

/// An operation that was begun and of which no end is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number.
    pub id: i64,
    /// What was tried.
    pub operation: Operation,
    /// The email.
    pub email: EmailId,
    /// The source, but for an append.
    pub from: Option<(MailboxId, RemoteId)>,
    /// The target.
    pub to: MailboxId,
    /// Where the target stood before: whatever is ours lies behind it.
    pub cursor: Cursor,
    /// SHA-256 of the message; empty when its bytes were not here.
    pub content: Vec<u8>,
}

impl Store {
    /// Lists what an account's server still has to hear, newest email first. A delete for good is not in it before
    /// its time.
    pub fn pending(&self, account: AccountId, limit: usize) -> Result<Vec<Pending>, Error> {
        let now = self.now();
        self.read(|db| {
            let mut pending = mailboxes_to_make(db, account)?;
            let ids: Vec<EmailId> = {
                let mut query =
                    db.prepare_cached("SELECT id FROM emails WHERE account = ?1 AND is_pending = 1 ORDER BY id DESC")?;
                let rows = query.query_map([account.0], |row| row.get(0).map(EmailId))?;
                rows.collect::<Result<_, _>>()?
            };
            for email in ids {
                if pending.len() >= limit {
                    break;
                }
                pending.extend(pending_of(db, email, now.0)?);
            }
            pending.truncate(limit);
            Ok(pending)
        })
    }

    /// Counts the emails of which a server still has to hear something.
    pub fn pending_count(&self, account: AccountId) -> Result<u64, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT COUNT(*) FROM emails WHERE account = ?1 AND is_pending = 1")?;
            Ok(query.query_row([account.0], |row| row.get::<_, i64>(0))?.unsigned_abs())
        })
    }

    /// Says that the server did it; a move tells the copy's new id where the server gave it.
    pub fn pushed(&self, pending: &Pending, moved_to: Option<RemoteId>) -> Result<(), Error> {
        self.write(|transaction| match pending {
            Pending::CreateMailbox { .. } => Ok(()),
            Pending::Keywords { email, mailbox, id, add, remove, .. } => {
                transaction.pushed_keywords(*email, *mailbox, id, add, remove)
            }
            Pending::Move { email, from, id, to, .. } => {
                transaction.pushed_move(*email, *from, id, *to, moved_to.as_ref())
            }
            Pending::Remove { email, mailbox, id, .. } => {
                transaction.drop_remote(*mailbox, id, *email)?;
                transaction.set_synced(*email, *mailbox, false)?;
                transaction.after_push(*email)
            }
        })
    }

    /// Says that the server made a mailbox, and how it spells its name.
    pub fn mailbox_created(&self, mailbox: MailboxId, path: &str) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.sql.execute(
                "UPDATE mailboxes SET path = ?2, synced_name = name, is_synced = 1 WHERE id = ?1",
                params![mailbox.0, path],
            )?;
            transaction.forget_places();
            Ok(())
        })
    }

    /// Writes down that an operation is about to be tried; on the disk before it returns.
    pub fn begin_attempt(
        &self,
        operation: Operation,
        email: EmailId,
        from: Option<(MailboxId, &RemoteId)>,
        to: MailboxId,
        cursor: &Cursor,
    ) -> Result<i64, Error> {
        self.write_with(Durability::Full, |transaction| {
            let content: Option<Vec<u8>> = transaction
                .sql
                .query_row(
                    "SELECT b.sha256 FROM emails e JOIN blobs b ON b.id = e.blob WHERE e.id = ?1",
                    [email.0],
                    |row| row.get(0),
                )
                .optional()?;
            transaction.sql.execute(
                "INSERT INTO attempts (operation, mailbox, email, from_mailbox, from_id, cursor, content, begun_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    operation.as_str(),
                    to.0,
                    email.0,
                    from.map(|(mailbox, _)| mailbox.0),
                    from.map_or("", |(_, id)| id.0.as_str()),
                    cursor.0,
                    content.unwrap_or_default(),
                    transaction.now.0
                ],
            )?;
            Ok(transaction.sql.last_insert_rowid())
        })
    }

    /// Says that an attempt came to an end that is known.
    pub fn end_attempt(&self, id: i64) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.sql.execute("DELETE FROM attempts WHERE id = ?1", [id])?;
            Ok(())
        })
    }

    /// Lists the attempts of an account of which no end is known, oldest first.
    pub fn attempts(&self, account: AccountId) -> Result<Vec<Attempt>, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT a.id, a.operation, a.email, a.from_mailbox, a.from_id, a.mailbox, a.cursor, a.content
                 FROM attempts a JOIN mailboxes b ON b.id = a.mailbox WHERE b.account = ?1 ORDER BY a.id",
            )?;
            let rows = query.query_map([account.0], |row| {
                let from = row.get::<_, Option<i64>>(3)?.map(MailboxId);
                let from_id = RemoteId(row.get(4)?);
                Ok(Attempt {
                    id: row.get(0)?,
                    operation: Operation::from_word(row.get_ref(1)?.as_str()?),
                    email: EmailId(row.get(2)?),
                    from: from.map(|mailbox| (mailbox, from_id)),
                    to: MailboxId(row.get(5)?),
                    cursor: Cursor(row.get(6)?),
                    content: row.get(7)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Operation::Append => "append",
            Operation::Copy => "copy",
            Operation::Move => "move",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "append" => Operation::Append,
            "copy" => Operation::Copy,
            _ => Operation::Move,
        }
    }
}

impl Transaction<'_> {
    fn pushed_keywords(
        &mut self,
        email: EmailId,
        mailbox: MailboxId,
        id: &RemoteId,
        add: &Keywords,
        remove: &Keywords,
    ) -> Result<(), Fault> {
        let text: Option<String> = self
            .sql
            .prepare_cached("SELECT keywords FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
            .query_row(params![mailbox.0, id.0], |row| row.get(0))
            .optional()?;
        let Some(text) = text else { return Ok(()) };
        let mut synced = Keywords::from_text(&text);
        add.iter().for_each(|keyword| synced.insert(keyword));
        remove.iter().for_each(|keyword| synced.remove(keyword));
        self.sql
            .prepare_cached("UPDATE remotes SET keywords = ?3 WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![mailbox.0, id.0, synced.to_text()])?;
        self.settle_pending(email)
    }

    fn pushed_move(
        &mut self,
        email: EmailId,
        from: MailboxId,
        id: &RemoteId,
        to: MailboxId,
        moved_to: Option<&RemoteId>,
    ) -> Result<(), Fault> {
        match moved_to {
            Some(new) => {
                self.take_over(email, to, new)?;
                self.sql
                    .prepare_cached(
                        "UPDATE remotes SET mailbox = ?3, remote_id = ?4 WHERE mailbox = ?1 AND remote_id = ?2",
                    )?
                    .execute(params![from.0, id.0, to.0, new.0])?;
            }
            // The copy will come as news of the other mailbox and find its email by content.
            None => self.drop_remote(from, id, email)?,
        }
        self.set_synced(email, from, false)?;
        self.set_synced(email, to, true)?;
        self.after_push(email)
    }

    /// Makes way for a copy that we made and that came as news before we knew its id: the server's word on the id
    /// proves that the two are one.
    fn take_over(&mut self, email: EmailId, mailbox: MailboxId, id: &RemoteId) -> Result<(), Fault> {
        let other: Option<i64> = self
            .sql
            .prepare_cached("SELECT email FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
            .query_row(params![mailbox.0, id.0], |row| row.get(0))
            .optional()?;
        let Some(other) = other else { return Ok(()) };
        self.sql
            .prepare_cached("DELETE FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![mailbox.0, id.0])?;
        let other = EmailId(other);
        if other != email
            && let Some(thread) = self.thread_of(other)?
        {
            let has_copies: bool = self
                .sql
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM remotes WHERE email = ?1)")?
                .query_row([other.0], |row| row.get(0))?;
            if !has_copies {
                self.forget_email(other, thread)?;
            }
        }
        Ok(())
    }

    fn set_synced(&mut self, email: EmailId, mailbox: MailboxId, synced: bool) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 0, ?3)
                 ON CONFLICT (email, mailbox) DO UPDATE SET synced = excluded.synced, push_after = 0",
            )?
            .execute(params![email.0, mailbox.0, synced])?;
        Ok(())
    }

    fn after_push(&mut self, email: EmailId) -> Result<(), Fault> {
        self.drop_empty_memberships(email)?;
        self.settle_pending(email)?;
        if let Some(thread) = self.thread_of(email)? {
            self.touch(email, thread);
        }
        Ok(())
    }
}

fn mailboxes_to_make(db: &Connection, account: AccountId) -> Result<Vec<Pending>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT id, name FROM mailboxes WHERE account = ?1 AND is_wanted = 1 AND is_synced = 0 AND is_local = 0
         ORDER BY name",
    )?;
    let rows = query.query_map([account.0], |row| {
        Ok(Pending::CreateMailbox { mailbox: MailboxId(row.get(0)?), name: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A server copy of an email that has something to push.
struct PendingCopy {
    mailbox: MailboxId,
    path: String,
    id: RemoteId,
    keywords: Keywords,
    leaves: bool,
    push_after: i64,
}

fn pending_of(db: &Connection, email: EmailId, now: i64) -> Result<Vec<Pending>, Fault> {
    let wanted: String =
        db.prepare_cached("SELECT keywords FROM emails WHERE id = ?1")?.query_row([email.0], |row| row.get(0))?;
    let wanted = Keywords::from_text(&wanted);
    let copies: Vec<PendingCopy> = {
        let mut query = db.prepare_cached(
            "SELECT r.mailbox, b.path, r.remote_id, r.keywords, m.wanted = 0 AND m.synced = 1, m.push_after
             FROM remotes r JOIN mailboxes b ON b.id = r.mailbox
             JOIN memberships m ON m.email = r.email AND m.mailbox = r.mailbox
             WHERE r.email = ?1 AND b.is_local = 0",
        )?;
        let rows = query.query_map([email.0], |row| {
            Ok(PendingCopy {
                mailbox: MailboxId(row.get(0)?),
                path: row.get(1)?,
                id: RemoteId(row.get(2)?),
                keywords: Keywords::from_text(row.get_ref(3)?.as_str()?),
                leaves: row.get(4)?,
                push_after: row.get(5)?,
            })
        })?;
        rows.collect::<Result<_, _>>()?
    };
    // Mailboxes in which it is wanted and that no copy of it has; without a path the server has to make one first.
    let mut aims: Vec<(MailboxId, Option<String>)> = {
        let mut query = db.prepare_cached(
            "SELECT m.mailbox, CASE b.is_synced WHEN 1 THEN b.path END FROM memberships m
             JOIN mailboxes b ON b.id = m.mailbox
             WHERE m.email = ?1 AND m.wanted = 1 AND m.synced = 0 AND b.is_local = 0 ORDER BY m.mailbox DESC",
        )?;
        let rows = query.query_map([email.0], |row| Ok((MailboxId(row.get(0)?), row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    let mut pending = Vec::new();
    for copy in copies {
        let (add, remove) = (wanted.without(&copy.keywords), copy.keywords.without(&wanted));
        // What is about to be deleted for good needs no marks; all else is marked before it moves.
        let is_removal = copy.leaves && aims.is_empty();
        if add != remove && !is_removal {
            let (path, id) = (copy.path.clone(), copy.id.clone());
            pending.push(Pending::Keywords { email, mailbox: copy.mailbox, path, id, add, remove });
        }
        if !copy.leaves {
            continue;
        }
        match aims.pop() {
            Some((to, Some(to_path))) => pending.push(Pending::Move {
                email,
                from: copy.mailbox,
                from_path: copy.path,
                id: copy.id,
                to,
                to_path,
            }),
            Some((_, None)) => {}
            None if copy.push_after <= now => {
                pending.push(Pending::Remove { email, mailbox: copy.mailbox, path: copy.path, id: copy.id });
            }
            None => {}
        }
    }
    Ok(pending)
}
