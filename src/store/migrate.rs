//! Owns the shape of the database: makes it fresh, or brings an older one up to date, by `user_version`.
//!
//! Append-only: a step that was ever released is never edited. `schema.sql` always shows the result.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::Transaction;
use super::error::{Error, Fault};
use crate::mail::id::{EmailId, MailboxId};
use crate::mail::time::UnixTime;

/// The commented schema of the newest version; what a fresh database gets.
pub const SCHEMA: &str = include_str!("schema.sql");

/// `SURT`: tells our files from other databases.
const APPLICATION_ID: i64 = 0x5355_5254;

/// The steps from each version to the next; the first one leads from 1 to 2.
const STEPS: &[&str] = &[
    // 2: changes travel to the server.
    "ALTER TABLE mailboxes ADD COLUMN synced_subscribed INTEGER NOT NULL DEFAULT 1;
     UPDATE mailboxes SET synced_subscribed = is_subscribed;
     ALTER TABLE remotes ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;
     DROP INDEX remotes_bodiless;
     CREATE INDEX remotes_bodiless ON remotes (mailbox, email) WHERE blob IS NULL AND is_deleted = 0;
     ALTER TABLE memberships ADD COLUMN awaits INTEGER;
     CREATE INDEX memberships_awaits ON memberships (awaits) WHERE awaits IS NOT NULL;
     CREATE TABLE told (
         id INTEGER PRIMARY KEY AUTOINCREMENT,
         made_at INTEGER NOT NULL,
         kind TEXT NOT NULL CHECK (kind IN ('mass_vanish', 'refused')),
         mailbox INTEGER NOT NULL REFERENCES mailboxes (id),
         emails INTEGER NOT NULL,
         dismissed_at INTEGER,
         text TEXT NOT NULL DEFAULT ''
     ) STRICT;
     INSERT INTO told SELECT id, made_at, kind, mailbox, emails, dismissed_at, '' FROM notices;
     DROP TABLE notices;
     ALTER TABLE told RENAME TO notices;
     UPDATE remotes SET is_deleted = 1, keywords = trim(replace(' ' || keywords || ' ', ' $deleted ', ' '))
         WHERE instr(' ' || keywords || ' ', ' $deleted ');
     UPDATE emails SET keywords = trim(replace(' ' || keywords || ' ', ' $deleted ', ' '))
         WHERE instr(' ' || keywords || ' ', ' $deleted ');
     UPDATE emails SET base_keywords = trim(replace(' ' || base_keywords || ' ', ' $deleted ', ' '))
         WHERE instr(' ' || base_keywords || ' ', ' $deleted ');
     ALTER TABLE history RENAME COLUMN is_undone TO undone;
     UPDATE history SET undone = (SELECT MAX(id) FROM history) - id + 1 WHERE undone = 1;",
];

/// The version that this program writes.
pub const NEWEST: i64 = 1 + STEPS.len() as i64;

/// Makes the tables or brings them up to date, in one transaction; refuses what is not ours or too new.
pub(super) fn migrate(db: &mut Connection, path: &Path, now: UnixTime) -> Result<(), Fault> {
    if is_usable(db, path)? {
        return Ok(());
    }
    let sql = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if is_up_to_date(&sql, path)? {
        return Ok(());
    }
    let found = version(&sql)?;
    if found == 0 {
        sql.execute_batch(SCHEMA)?;
        sql.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    for step in STEPS.iter().skip(usize::try_from(found - 1).unwrap_or(usize::MAX)) {
        sql.execute_batch(step)?;
    }
    sql.pragma_update(None, "user_version", NEWEST)?;
    let mut transaction = Transaction::new(sql, now);
    if found == 1 {
        transaction.settle_what_is_gone()?;
    }
    transaction.commit()?;
    Ok(())
}

impl Transaction<'_> {
    /// Version 1 kept what is marked as deleted, and the mail of mailboxes that the server dropped, in its lists.
    fn settle_what_is_gone(&mut self) -> Result<(), Fault> {
        let marked: Vec<(EmailId, MailboxId)> = {
            let mut query = self.sql.prepare("SELECT DISTINCT email, mailbox FROM remotes WHERE is_deleted = 1")?;
            let rows = query.query_map([], |row| Ok((EmailId(row.get(0)?), MailboxId(row.get(1)?))))?;
            rows.collect::<Result<_, _>>()?
        };
        for (email, mailbox) in marked {
            if !self.place(mailbox)?.is_local {
                self.leave_marked(email, mailbox)?;
            }
            self.after_push(email)?;
        }
        let hidden: Vec<MailboxId> = {
            let mut query = self.sql.prepare("SELECT id FROM mailboxes WHERE hidden_since IS NOT NULL")?;
            let rows = query.query_map([], |row| row.get(0).map(MailboxId))?;
            rows.collect::<Result<_, _>>()?
        };
        for mailbox in hidden {
            self.lose_mailbox(mailbox)?;
        }
        Ok(())
    }
}

fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Says whether there is nothing to do; an error when the file must not be touched. Another process may be making it: all
/// is read at one moment.
pub(super) fn is_usable(db: &Connection, path: &Path) -> Result<bool, Fault> {
    let moment = db.unchecked_transaction()?;
    is_up_to_date(&moment, path)
}

fn is_up_to_date(db: &Connection, path: &Path) -> Result<bool, Fault> {
    let found = version(db)?;
    let application: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, found) {
        (APPLICATION_ID, NEWEST) => Ok(true),
        (APPLICATION_ID, _) if (1..NEWEST).contains(&found) => Ok(false),
        (APPLICATION_ID, _) if found > NEWEST => Err(Error::newer(path, found, NEWEST).into()),
        (0, 0) if tables == 0 => Ok(false),
        _ => Err(Error::damaged(path, "it is a database, but not one of Surat's").into()),
    }
}
