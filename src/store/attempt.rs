//! Owns the attempts: operations that must not be repeated without looking first, written down before they are tried.
//!
//! What became of one that broke off is found out by `accounts`; here is what there is to compare.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::body::read_blob;
use super::error::Fault;
use super::pending::Share;
use super::transaction::Durability;
use super::{Error, Store, Transaction};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::remote::{Cursor, RemoteId};

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
    /// Where the target stood before: whatever is ours lies behind it. Empty where it was never read.
    pub cursor: Cursor,
    /// SHA-256 of the message; empty when its bytes were not here.
    pub content: Vec<u8>,
}

/// A message in an attempt's target that may be the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The copy.
    pub id: RemoteId,
    /// The email that it was taken for.
    pub email: EmailId,
    /// Whether it has the email's bytes, but for how lines end; `None`: one of the two is not here whole.
    pub is_same: Option<bool>,
}

/// What every copy `o` of an email `e` has in common with it, whoever made it: a server may count the bytes of what it
/// was given otherwise, and choose another time.
const ALIKE: &str = "o.message_id = e.message_id AND o.subject = e.subject AND o.from_ = e.from_ AND o.sent IS e.sent";

impl Store {
    /// Writes down that arrivals are about to be tried, and that what is about to be removed may be found marked as
    /// deleted; on the disk before it returns. Gives a number for each share, 0 for those that need none.
    pub fn begin_attempts(&self, shares: &[Share]) -> Result<Vec<i64>, Error> {
        self.write_with(Durability::Full, |transaction| {
            let mut numbers = Vec::with_capacity(shares.len());
            for share in shares {
                numbers.push(match share {
                    Share::Arrival { email, from, to, is_move } => {
                        let operation = match (from, is_move) {
                            (None, _) => Operation::Append,
                            (Some(_), false) => Operation::Copy,
                            (Some(_), true) => Operation::Move,
                        };
                        transaction.begin_attempt(operation, *email, from.as_ref(), *to)?
                    }
                    Share::Removal { mailbox, id, .. } => {
                        transaction.may_mark(*mailbox, id)?;
                        0
                    }
                    _ => 0,
                });
            }
            // What is to be removed must be on the disk, and it may need no row here.
            if numbers.iter().all(|number| *number == 0) {
                transaction.reach_the_disk()?;
            }
            Ok(numbers)
        })
    }

    /// Says that attempts came to an end that is known.
    pub fn end_attempts(&self, ids: &[i64]) -> Result<(), Error> {
        self.write(|transaction| transaction.end_attempts(ids))
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

    /// Lists the messages of an attempt's target that look like its email: equal in the header fields that copies
    /// share, and where there are no bytes to compare in size and the time of their receiving too. The email's own copy
    /// comes first.
    pub fn candidates(&self, attempt: &Attempt) -> Result<Vec<Candidate>, Error> {
        self.read(|db| {
            let has_id: Option<bool> = db
                .prepare_cached("SELECT message_id <> '' FROM emails WHERE id = ?1")?
                .query_row([attempt.email.0], |row| row.get(0))
                .optional()?;
            let looks_alike = match (attempt.content.is_empty(), has_id) {
                (_, None) => return Ok(Vec::new()),
                (true, _) => "o.thread = e.thread AND o.content = e.content AND o.received = e.received
                     AND (o.size = e.size OR o.size = 0 OR e.size = 0)"
                    .to_owned(),
                // With an id copies are always of one conversation; without, their size is a part of what makes it one.
                (false, Some(true)) => format!("o.thread = e.thread AND {ALIKE}"),
                (false, Some(false)) => ALIKE.to_owned(),
            };
            let mut query = db.prepare_cached(&format!(
                "SELECT r.remote_id, o.id, e.blob, o.blob FROM emails e
                 JOIN emails o ON {looks_alike} AND o.account = e.account
                 JOIN remotes r ON r.email = o.id AND r.mailbox = ?2
                 WHERE e.id = ?1 ORDER BY o.id <> e.id, o.received <> e.received, r.remote_id"
            ))?;
            let mut rows = query.query([attempt.email.0, attempt.to.0])?;
            let mut candidates = Vec::new();
            while let Some(row) = rows.next()? {
                candidates.push(Candidate {
                    id: RemoteId(row.get(0)?),
                    email: EmailId(row.get(1)?),
                    is_same: have_same_bytes(db, row.get(2)?, row.get(3)?, self.path())?,
                });
            }
            Ok(candidates)
        })
    }
}

/// Says whether two blobs are one message: a server may end its lines as it likes.
fn have_same_bytes(db: &Connection, one: Option<i64>, other: Option<i64>, path: &Path) -> Result<Option<bool>, Fault> {
    let (Some(one), Some(other)) = (one, other) else { return Ok(None) };
    if one == other {
        return Ok(Some(true));
    }
    let digest = |blob| Ok::<_, Fault>(digest_of_lines(&read_blob(db, blob, path)?));
    Ok(Some(digest(one)? == digest(other)?))
}

/// Sums up a message whose lines all end in CR LF.
fn digest_of_lines(raw: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                digest.update(text.strip_suffix(b"\r").unwrap_or(text));
                digest.update(b"\r\n");
            }
            None => digest.update(line),
        }
    }
    digest.finalize().into()
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
    fn begin_attempt(
        &mut self,
        operation: Operation,
        email: EmailId,
        from: Option<&(MailboxId, RemoteId)>,
        to: MailboxId,
    ) -> Result<i64, Fault> {
        let content: Option<Vec<u8>> = self
            .sql
            .prepare_cached("SELECT b.sha256 FROM emails e JOIN blobs b ON b.id = e.blob WHERE e.id = ?1")?
            .query_row([email.0], |row| row.get(0))
            .optional()?;
        self.sql
            .prepare_cached(
                "INSERT INTO attempts (operation, mailbox, email, from_mailbox, from_id, cursor, content, begun_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, IFNULL((SELECT cursor FROM cursors WHERE mailbox = ?2), ''), ?6, ?7)",
            )?
            .execute(params![
                operation.as_str(),
                to.0,
                email.0,
                from.map(|(mailbox, _)| mailbox.0),
                from.map_or("", |(_, id)| id.0.as_str()),
                content.unwrap_or_default(),
                self.now.0
            ])?;
        Ok(self.sql.last_insert_rowid())
    }

    /// Says whether another email can be what a server calls a copy of this one, or what was added for it.
    pub(super) fn may_be_copy(
        &self,
        email: EmailId,
        other: EmailId,
        is_added: bool,
        path: &Path,
    ) -> Result<bool, Fault> {
        let mut query = self.sql.prepare_cached(&format!(
            "SELECT e.blob, o.blob, o.content = e.content FROM emails e JOIN emails o ON {ALIKE}
             WHERE e.id = ?1 AND o.id = ?2"
        ))?;
        let found =
            query.query_row([email.0, other.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((one, two, has_content)) = found else { return Ok(false) };
        Ok(have_same_bytes(&self.sql, one, two, path)?.unwrap_or(is_added || has_content))
    }

    /// Removing marks first: if it breaks off there, a copy made of that copy would be marked too.
    fn may_mark(&mut self, mailbox: MailboxId, id: &RemoteId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE remotes SET is_deleted = 2 WHERE mailbox = ?1 AND remote_id = ?2 AND is_deleted = 0",
            )?
            .execute(params![mailbox.0, id.0])?;
        Ok(())
    }

    pub(super) fn end_attempts(&mut self, ids: &[i64]) -> Result<(), Fault> {
        for id in ids {
            self.sql.prepare_cached("DELETE FROM attempts WHERE id = ?1")?.execute([id])?;
        }
        Ok(())
    }
}
