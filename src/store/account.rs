//! Owns the accounts of the store: a number for each name of the configuration, and the user's own addresses.

use std::sync::PoisonError;

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use super::error::{Error, Fault, Kind};
use crate::mail::id::{AccountId, EmailId};

/// A file is written anew when at least one page of so many is free.
const WORTH_SHRINKING: i64 = 4;

impl Store {
    /// Finds the account of this name, or makes it.
    pub fn account(&self, name: &str) -> Result<AccountId, Error> {
        if let Some(id) = self.read(|db| find(db, name))? {
            return Ok(id);
        }
        self.write(|transaction| {
            if let Some(id) = find(&transaction.sql, name)? {
                return Ok(id);
            }
            transaction.sql.execute("INSERT INTO accounts (name) VALUES (?1)", [name])?;
            transaction.change.folders = true;
            Ok(AccountId(transaction.sql.last_insert_rowid()))
        })
    }

    /// Lists the accounts in the order in which they were made.
    pub fn accounts(&self) -> Result<Vec<(AccountId, String)>, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT id, name FROM accounts ORDER BY id")?;
            let rows = query.query_map([], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Gives the account another name.
    ///
    /// # Errors
    /// `UnknownId`; `Other` when another account bears the name.
    pub fn rename_account(&self, id: AccountId, name: &str) -> Result<(), Error> {
        self.write(|transaction| {
            if find(&transaction.sql, name)?.is_some_and(|other| other != id) {
                let what = format!("There is an account named {name} already.");
                return Err(Error::new(Kind::Other, what, "Choose another name.").into());
            }
            let renamed =
                transaction.sql.execute("UPDATE accounts SET name = ?2 WHERE id = ?1", params![id.0, name])?;
            if renamed == 0 {
                return Err(Error::unknown("account").into());
            }
            transaction.change.folders = true;
            Ok(())
        })
    }

    /// Forgets an account with all its mail and what was done to it. The servers are not told anything. The room stays
    /// in the file until [`Store::shrink`].
    pub fn remove_account(&self, id: AccountId) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.forget_history(id)?;
            let sql = &transaction.sql;
            let threads = {
                let mut query = sql.prepare("SELECT DISTINCT thread FROM emails WHERE account = ?1")?;
                let rows = query.query_map([id.0], |row| row.get(0).map(crate::mail::id::ThreadId))?;
                rows.collect::<Result<Vec<_>, _>>()?
            };
            // What was on its way there from other accounts stays where it is.
            let staying: Vec<(EmailId, EmailId)> = {
                let mut query = sql.prepare(
                    "SELECT DISTINCT m.email, m.awaits FROM memberships m JOIN emails e ON e.id = m.awaits
                     WHERE e.account = ?1",
                )?;
                let rows = query.query_map([id.0], |row| Ok((EmailId(row.get(0)?), EmailId(row.get(1)?))))?;
                rows.collect::<Result<_, _>>()?
            };
            for (email, other) in staying {
                transaction.stay_in(email, None, Some(other))?;
                transaction.end_waiting_for(other)?;
                transaction.after_push(email)?;
            }
            let sql = &transaction.sql;
            for statement in [
                "DELETE FROM texts WHERE rowid IN (SELECT id FROM emails WHERE account = ?1 AND indexed > 0)",
                "DELETE FROM attempts WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)",
                "DELETE FROM slices WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)",
                "DELETE FROM remotes WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)",
                "DELETE FROM memberships WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)",
                "DELETE FROM submission_recipients
                     WHERE submission IN (SELECT id FROM submissions WHERE account = ?1)",
                "DELETE FROM submissions WHERE account = ?1",
                "DELETE FROM draft_remotes WHERE draft IN (SELECT id FROM drafts WHERE account = ?1)",
                "DELETE FROM draft_versions WHERE draft IN (SELECT id FROM drafts WHERE account = ?1)",
                "UPDATE drafts SET split_from = NULL WHERE account = ?1",
                "DELETE FROM drafts WHERE account = ?1",
                "DELETE FROM emails WHERE account = ?1",
            ] {
                sql.execute(statement, [id.0])?;
            }
            super::body::drop_unused_blobs(sql)?;
            for &thread in &threads {
                sql.prepare_cached(
                    "UPDATE threads SET emails = (SELECT COUNT(*) FROM emails e WHERE e.thread = threads.id) WHERE id = ?1",
                )?
                .execute([thread.0])?;
                transaction.touched.insert(thread, super::thread::Touched::Changed);
            }
            transaction.rebuild_touched()?;
            let places = transaction.places()?;
            transaction.counts.retain(|mailbox, _| places.get(mailbox).is_some_and(|place| place.account != id));
            let sql = &transaction.sql;
            for statement in [
                "DELETE FROM notices WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)",
                "DELETE FROM cursors WHERE mailbox IN (SELECT id FROM mailboxes WHERE account = ?1)",
                "DELETE FROM mailboxes WHERE account = ?1",
                "DELETE FROM accounts WHERE id = ?1",
            ] {
                sql.execute(statement, [id.0])?;
            }
            transaction.forget_places();
            Ok(())
        })
    }

    /// Gives room in the file back to the disk where a good part of it is free: it is written anew, so the disk needs
    /// space for what is left. Takes seconds on a large store.
    ///
    /// # Errors
    /// `DiskFull`, `Busy`; the store is as it was.
    pub fn shrink(&self) -> Result<(), Error> {
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
        write_anew(&writer).map_err(|fault| fault.at(self.path()))
    }

    /// Says which addresses are the user's own in this account.
    pub fn set_own_addresses(&self, id: AccountId, addresses: &[String]) -> Result<(), Error> {
        let lower: Vec<String> = addresses.iter().map(|address| address.to_lowercase()).collect();
        let text = serde_json::to_string(&lower).unwrap_or_else(|_| "[]".to_owned());
        self.write(|transaction| {
            transaction
                .sql
                .execute("UPDATE accounts SET addresses = ?2 WHERE id = ?1 AND addresses <> ?2", params![id.0, text])?;
            Ok(())
        })
    }
}

fn write_anew(db: &Connection) -> Result<(), Fault> {
    let count = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if count("freelist_count")?.saturating_mul(WORTH_SHRINKING) < count("page_count")? {
        return Ok(());
    }
    // The words of removed mail stand in the full text until its segments are merged.
    db.execute("INSERT INTO texts (texts) VALUES ('optimize')", [])?;
    // The copy may be larger than the memory.
    db.pragma_update(None, "temp_store", "FILE")?;
    let done = db.execute_batch("VACUUM");
    db.pragma_update(None, "temp_store", "MEMORY")?;
    done?;
    // The file ends where it should only when the journal is back in it.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Gives the user's own addresses in all accounts, lower case.
pub(super) fn own_addresses(db: &Connection) -> Result<Vec<String>, Fault> {
    let mut query = db.prepare_cached("SELECT addresses FROM accounts")?;
    let rows = query.query_map([], |row| row.get::<_, String>(0))?;
    let mut all = Vec::new();
    for row in rows {
        all.extend(serde_json::from_str::<Vec<String>>(&row?).unwrap_or_default());
    }
    Ok(all)
}

fn find(db: &Connection, name: &str) -> Result<Option<AccountId>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM accounts WHERE name = ?1")?;
    Ok(query.query_row([name], |row| row.get(0)).optional()?.map(AccountId))
}
