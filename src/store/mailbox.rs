//! Owns the mailboxes: what the server lists and what the user wants, brought into step.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{Error, Fault};
use super::thread::Touched;
use super::{Store, Transaction};
use crate::mail::id::{AccountId, MailboxId, ThreadId};
use crate::mail::mailbox::{Mailbox, Role};
use crate::mail::remote::{Cursor, RemoteMailbox};

const COLUMNS: &str = "id, account, name, role, is_selectable, total, unread";

impl Store {
    /// Lists the mailboxes of one account or of all, by account, role and name; hidden ones are left out.
    pub fn mailboxes(&self, account: Option<AccountId>) -> Result<Vec<Mailbox>, Error> {
        self.read(|db| list(db, account))
    }

    /// Gives one mailbox, hidden or not.
    ///
    /// # Errors
    /// `UnknownId`.
    pub fn mailbox(&self, id: MailboxId) -> Result<Mailbox, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM mailboxes WHERE id = ?1"))?;
            query.query_row([id.0], read_mailbox).optional()?.ok_or_else(|| Error::unknown("folder").into())
        })
    }

    /// Gives the backend's own spelling of a mailbox's name; `None` while the server does not have it.
    pub fn mailbox_path(&self, id: MailboxId) -> Result<Option<String>, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT path FROM mailboxes WHERE id = ?1 AND is_synced = 1")?;
            Ok(query.query_row([id.0], |row| row.get(0)).optional()?)
        })
    }

    /// Makes a mailbox here; the server is to make it later. One that is there already is given back.
    pub fn create_mailbox(&self, account: AccountId, name: &str, role: Option<Role>) -> Result<MailboxId, Error> {
        self.write(|transaction| transaction.create_mailbox(account, name, role))
    }

    /// Says that a mailbox lives here alone: it is never pushed, and server copies found under its name (POP3) do not
    /// speak for what is in it.
    pub fn set_local(&self, id: MailboxId, is_local: bool) -> Result<(), Error> {
        self.write(|transaction| {
            transaction.sql.execute("UPDATE mailboxes SET is_local = ?2 WHERE id = ?1", params![id.0, is_local])?;
            transaction.forget_places();
            Ok(())
        })
    }

    /// Takes over what the server lists, and gives the mailboxes in the same order. A mailbox that it does not list
    /// any more is hidden with its mail, not deleted.
    pub fn reconcile_mailboxes(&self, account: AccountId, listed: &[RemoteMailbox]) -> Result<Vec<MailboxId>, Error> {
        self.write(|transaction| {
            let mut ids = Vec::with_capacity(listed.len());
            let mut roles_given = HashSet::new();
            for remote in listed {
                // Two mailboxes with one role would make "archive" mean either: the first listed has it.
                let role = remote.role.filter(|role| roles_given.insert(*role));
                ids.push(transaction.reconcile(account, remote, role)?);
            }
            let kept: HashSet<MailboxId> = ids.iter().copied().collect();
            let known: Vec<MailboxId> = {
                let mut query = transaction.sql.prepare_cached(
                    "SELECT id FROM mailboxes WHERE account = ?1 AND is_synced = 1 AND hidden_since IS NULL",
                )?;
                let rows = query.query_map([account.0], |row| row.get(0).map(MailboxId))?;
                rows.collect::<Result<_, _>>()?
            };
            for id in known.into_iter().filter(|id| !kept.contains(id)) {
                let now = transaction.now;
                transaction
                    .sql
                    .execute("UPDATE mailboxes SET hidden_since = ?2 WHERE id = ?1", params![id.0, now.0])?;
                transaction.forget_places();
            }
            Ok(ids)
        })
    }

    /// Gives how far a mailbox was read.
    pub fn cursor(&self, mailbox: MailboxId) -> Result<Option<Cursor>, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT cursor FROM cursors WHERE mailbox = ?1")?;
            Ok(query.query_row([mailbox.0], |row| row.get(0)).optional()?.map(Cursor))
        })
    }
}

impl Transaction<'_> {
    /// Finds a wanted mailbox by name, or makes it.
    pub(super) fn create_mailbox(
        &mut self,
        account: AccountId,
        name: &str,
        role: Option<Role>,
    ) -> Result<MailboxId, Fault> {
        let known = self
            .sql
            .prepare_cached("SELECT id FROM mailboxes WHERE account = ?1 AND name = ?2 ORDER BY is_wanted DESC")?
            .query_row(params![account.0, name], |row| row.get(0))
            .optional()?;
        let role = role.map_or("", Role::as_str);
        let id = if let Some(id) = known {
            let changed = self.sql.execute(
                "UPDATE mailboxes SET is_wanted = 1, hidden_since = NULL, role = CASE role WHEN '' THEN ?2 ELSE role END
                 WHERE id = ?1 AND (is_wanted = 0 OR hidden_since IS NOT NULL OR (role = '' AND ?2 <> ''))",
                params![id, role],
            )?;
            if changed > 0 {
                self.touch_threads_of(MailboxId(id))?;
                self.forget_places();
            }
            id
        } else {
            self.sql.execute(
                "INSERT INTO mailboxes (account, name, role) VALUES (?1, ?2, ?3)",
                params![account.0, name, role],
            )?;
            self.forget_places();
            self.sql.last_insert_rowid()
        };
        Ok(MailboxId(id))
    }

    /// Gives the mailbox of an account with this role, and makes one when there is none.
    pub(super) fn mailbox_with_role(&mut self, account: AccountId, role: Role) -> Result<MailboxId, Fault> {
        let known = self
            .sql
            .prepare_cached(
                "SELECT id FROM mailboxes WHERE account = ?1 AND role = ?2 AND is_wanted = 1 AND is_selectable = 1
                 ORDER BY hidden_since IS NOT NULL, id",
            )?
            .query_row(params![account.0, role.as_str()], |row| row.get(0))
            .optional()?;
        match known {
            Some(id) => Ok(MailboxId(id)),
            None => self.create_mailbox(account, name_for(role), Some(role)),
        }
    }

    fn reconcile(
        &mut self,
        account: AccountId,
        remote: &RemoteMailbox,
        role: Option<Role>,
    ) -> Result<MailboxId, Fault> {
        let role = role.map_or("", Role::as_str);
        // By the server's spelling; else one that was made here, by name or by role, and waits for the server.
        let known: Option<(i64, String, String)> = self
            .sql
            .prepare_cached(
                "SELECT id, name, role FROM mailboxes WHERE account = ?1
                     AND ((is_synced = 1 AND path = ?2) OR (is_synced = 0 AND (name = ?3 OR (role <> '' AND role = ?4))))
                 ORDER BY is_synced DESC, name = ?3 DESC LIMIT 1",
            )?
            .query_row(params![account.0, remote.path, remote.name, role], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((id, name, had_role)) = known else {
            self.sql
                .prepare_cached(
                    "INSERT INTO mailboxes (account, name, synced_name, path, role, is_synced, is_selectable,
                         is_subscribed)
                     VALUES (?1, ?2, ?2, ?3, ?4, 1, ?5, ?6)",
                )?
                .execute(params![
                    account.0,
                    remote.name,
                    remote.path,
                    role,
                    remote.is_selectable,
                    remote.is_subscribed
                ])?;
            self.forget_places();
            return Ok(MailboxId(self.sql.last_insert_rowid()));
        };
        // A name that the user changed and the server does not know yet stays wanted.
        let changed = self
            .sql
            .prepare_cached(
                "UPDATE mailboxes SET name = CASE WHEN is_synced = 0 OR name = synced_name THEN ?2 ELSE name END,
                     synced_name = ?2, path = ?3, role = ?4, is_synced = 1, is_selectable = ?5, is_subscribed = ?6,
                     hidden_since = NULL
                 WHERE id = ?1 AND (synced_name <> ?2 OR path <> ?3 OR role <> ?4 OR is_synced = 0
                     OR is_selectable <> ?5 OR is_subscribed <> ?6 OR hidden_since IS NOT NULL)",
            )?
            .execute(params![id, remote.name, remote.path, role, remote.is_selectable, remote.is_subscribed])?;
        if changed > 0 {
            self.forget_places();
            if had_role != role || name != remote.name {
                self.change.mailboxes.insert(MailboxId(id));
            }
            if is_bin(&had_role) != is_bin(role) {
                self.touch_threads_of(MailboxId(id))?;
            }
        }
        Ok(MailboxId(id))
    }

    /// Has every conversation of a mailbox counted again: its role decides what counts.
    fn touch_threads_of(&mut self, mailbox: MailboxId) -> Result<(), Fault> {
        let mut query = self.sql.prepare_cached("SELECT thread FROM mailbox_threads WHERE mailbox = ?1")?;
        let rows = query.query_map([mailbox.0], |row| row.get(0).map(ThreadId))?;
        for thread in rows {
            self.touched.insert(thread?, Touched::Changed);
        }
        Ok(())
    }
}

/// Lists mailboxes on any connection.
pub(super) fn list(db: &Connection, account: Option<AccountId>) -> Result<Vec<Mailbox>, Fault> {
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM mailboxes
         WHERE (?1 IS NULL OR account = ?1) AND hidden_since IS NULL AND is_wanted = 1"
    ))?;
    let rows = query.query_map([account.map(|account| account.0)], read_mailbox)?;
    let mut mailboxes = rows.collect::<Result<Vec<_>, _>>()?;
    let rank = |mailbox: &Mailbox| mailbox.role.map_or(Role::ALL.len(), |role| role as usize);
    mailboxes.sort_by_cached_key(|mailbox| (mailbox.account, rank(mailbox), mailbox.name.to_lowercase(), mailbox.id));
    Ok(mailboxes)
}

fn read_mailbox(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    Ok(Mailbox {
        id: MailboxId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: row.get(2)?,
        role: Role::from_word(row.get_ref(3)?.as_str()?),
        is_selectable: row.get(4)?,
        total: row.get::<_, i64>(5)?.unsigned_abs(),
        unread: row.get::<_, i64>(6)?.unsigned_abs(),
    })
}

fn is_bin(role: &str) -> bool {
    matches!(Role::from_word(role), Some(Role::Trash | Role::Junk))
}

/// What a mailbox is called that is made because an action needs it.
fn name_for(role: Role) -> &'static str {
    match role {
        Role::Inbox => "Inbox",
        Role::Flagged => "Starred",
        Role::Important => "Important",
        Role::Drafts => "Drafts",
        Role::Sent => "Sent",
        Role::Archive => "Archive",
        Role::All => "All mail",
        Role::Junk => "Junk",
        Role::Trash => "Trash",
    }
}
