//! Owns the mailboxes: what the server lists and what the user wants, brought into step.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{Error, Fault};
use super::thread::Touched;
use super::{Store, Transaction};
use crate::mail::id::{AccountId, MailboxId, ThreadId};
use crate::mail::mailbox::{Mailbox, Role};
use crate::mail::remote::{Cursor, RemoteMailbox};

const COLUMNS: &str = "id, account, name, role, is_selectable, total, unread, is_subscribed";

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
    /// any more is hidden, and its mail is gone from it but not from here: where it turns up again it is found by its
    /// content. Nothing is concluded from an empty list: every server has an inbox.
    pub fn reconcile_mailboxes(&self, account: AccountId, listed: &[RemoteMailbox]) -> Result<Vec<MailboxId>, Error> {
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|transaction| {
            let known = transaction.known_mailboxes(account)?;
            let found = recognise(&known, listed);
            for gone in known.iter().filter(|known| !found.contains(&Some(known.id))) {
                transaction.lose_mailbox(gone.id)?;
            }
            let mut ids = Vec::with_capacity(listed.len());
            let mut roles_given = HashSet::new();
            for (remote, found) in listed.iter().zip(found) {
                // Two mailboxes with one role would make "archive" mean either: the first listed has it.
                let role = remote.role.filter(|role| roles_given.insert(*role)).map_or("", Role::as_str);
                let found = match found {
                    Some(found) => Some(found),
                    None => transaction.awaited_mailbox(account, &remote.name, role, &ids)?,
                };
                ids.push(match found {
                    Some(id) => transaction.take_over_listing(id, remote, role)?,
                    None => transaction.insert_mailbox(account, remote, role)?,
                });
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

    /// Gives the mailbox of an account with this role, and makes one when there is none. Where all mail is in one
    /// mailbox anyway, that is the archive.
    pub(super) fn mailbox_with_role(&mut self, account: AccountId, role: Role) -> Result<MailboxId, Fault> {
        let stand_in = if role == Role::Archive { Role::All } else { role };
        let known = self
            .sql
            .prepare_cached(
                "SELECT id FROM mailboxes WHERE account = ?1 AND role IN (?2, ?3) AND is_wanted = 1
                     AND is_selectable = 1 AND hidden_since IS NULL ORDER BY role <> ?2, id",
            )?
            .query_row(params![account.0, role.as_str(), stand_in.as_str()], |row| row.get(0))
            .optional()?;
        match known {
            Some(id) => Ok(MailboxId(id)),
            None => self.create_mailbox(account, name_for(role), Some(role)),
        }
    }

    /// Gives the mailboxes that the server had.
    fn known_mailboxes(&self, account: AccountId) -> Result<Vec<Known>, Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT id, path, name, name <> synced_name FROM mailboxes WHERE account = ?1 AND is_synced = 1",
        )?;
        let rows = query.query_map([account.0], |row| {
            Ok(Known { id: MailboxId(row.get(0)?), path: row.get(1)?, name: row.get(2)?, is_renamed: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Finds a mailbox that the server does not have, as far as is known, by its name or by what it is for.
    fn awaited_mailbox(
        &self,
        account: AccountId,
        name: &str,
        role: &str,
        taken: &[MailboxId],
    ) -> Result<Option<MailboxId>, Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT id FROM mailboxes WHERE account = ?1 AND is_synced = 0
                 AND (name = ?2 OR (?3 <> '' AND role = ?3 AND is_wanted = 1))
             ORDER BY name = ?2 DESC, is_wanted DESC, hidden_since IS NOT NULL, id",
        )?;
        let rows = query.query_map(params![account.0, name, role], |row| row.get(0).map(MailboxId))?;
        for id in rows {
            let id = id?;
            if !taken.contains(&id) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn insert_mailbox(&mut self, account: AccountId, remote: &RemoteMailbox, role: &str) -> Result<MailboxId, Fault> {
        self.sql
            .prepare_cached(
                "INSERT INTO mailboxes (account, name, synced_name, path, role, is_synced, is_selectable, is_subscribed,
                     synced_subscribed)
                 VALUES (?1, ?2, ?2, ?3, ?4, 1, ?5, ?6, ?6)",
            )?
            .execute(params![account.0, remote.name, remote.path, role, remote.is_selectable, remote.is_subscribed])?;
        self.forget_places();
        Ok(MailboxId(self.sql.last_insert_rowid()))
    }

    fn take_over_listing(&mut self, id: MailboxId, remote: &RemoteMailbox, role: &str) -> Result<MailboxId, Fault> {
        let (name, had_role): (String, String) = self
            .sql
            .prepare_cached("SELECT name, role FROM mailboxes WHERE id = ?1")?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // What the user changed and the server does not know yet stays wanted: a name, a subscription, a removal. But a
        // mailbox that the server did not have is a new one.
        let changed = self
            .sql
            .prepare_cached(
                "UPDATE mailboxes SET name = CASE WHEN is_synced = 0 OR name = synced_name THEN ?2 ELSE name END,
                     is_wanted = is_wanted OR is_synced = 0, synced_name = ?2, path = ?3, role = ?4, is_synced = 1,
                     is_selectable = ?5,
                     is_subscribed = CASE WHEN is_synced = 0 OR is_subscribed = synced_subscribed THEN ?6
                         ELSE is_subscribed END,
                     synced_subscribed = ?6, hidden_since = NULL
                 WHERE id = ?1 AND (synced_name <> ?2 OR path <> ?3 OR role <> ?4 OR is_synced = 0
                     OR is_selectable <> ?5 OR synced_subscribed <> ?6 OR hidden_since IS NOT NULL)",
            )?
            .execute(params![id.0, remote.name, remote.path, role, remote.is_selectable, remote.is_subscribed])?;
        if changed > 0 {
            self.forget_places();
            if had_role != role || name != remote.name {
                self.change.mailboxes.insert(id);
            }
            if is_bin(&had_role) != is_bin(role) {
                self.touch_threads_of(id)?;
            }
        }
        Ok(id)
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

/// A mailbox that the server had.
struct Known {
    id: MailboxId,
    path: String,
    name: String,
    is_renamed: bool,
}

/// Finds what is listed among what the server had: by its own spelling; else one that we renamed and whose old path it
/// does not list any more, by the name that we gave it.
fn recognise(known: &[Known], listed: &[RemoteMailbox]) -> Vec<Option<MailboxId>> {
    let paths: HashSet<&str> = listed.iter().map(|remote| remote.path.as_str()).collect();
    let find = |remote: &RemoteMailbox| {
        let by_path = known.iter().find(|known| known.path == remote.path);
        let is_it =
            |known: &&Known| known.is_renamed && known.name == remote.name && !paths.contains(known.path.as_str());
        by_path.or_else(|| known.iter().find(is_it)).map(|known| known.id)
    };
    listed.iter().map(find).collect()
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
        is_subscribed: row.get(7)?,
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
