//! Owns what happens when a server speaks: its deltas become rows, together with the cursor that covers them.
//!
//! Local edits that wait to be pushed win over the server's word (invariant 4); absence never deletes bytes
//! (invariant 8).

use rusqlite::{OptionalExtension, params};

use super::email::{self, NewEmail};
use super::error::{Error, Fault};
use super::thread::{self, Touched};
use super::{Store, Transaction};
use crate::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::mail::keyword::Keywords;
use crate::mail::mailbox::Role;
use crate::mail::remote::{Arrived, Delta, RemoteId};
use crate::mail::time::UnixTime;

/// A mailbox that loses so many messages and a fifth of itself at once is not believed without a person.
const MASS_VANISH: usize = 50;

/// How long the bytes of an email stay after its last server copy went.
const LINGERING: i64 = 30 * UnixTime::DAY;

/// The last second that an id can tell.
pub(super) const LAST_SECOND: i64 = (1 << 42) - 1;

/// What a portion of news came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Messages that were not known.
    pub arrived: u64,
    /// Known messages that went.
    pub vanished: u64,
    /// Emails that are new here, newest first as they came; a known email that came back is not among them.
    pub new_emails: Vec<EmailId>,
}

impl Store {
    /// Takes in news of a mailbox, all of it or nothing: rows and cursor are one transaction.
    pub fn apply(&self, account: AccountId, mailbox: MailboxId, deltas: &[Delta]) -> Result<Applied, Error> {
        self.write(|transaction| {
            let mut incoming = Incoming { transaction, account, mailbox, is_local: false, result: Applied::default() };
            incoming.is_local = incoming.transaction.place(mailbox)?.is_local;
            for delta in deltas {
                incoming.apply(delta)?;
            }
            Ok(incoming.result)
        })
    }

    /// Says that a mailbox was read to its end: what a [`Delta::Reset`] left without a newcomer is gone from it.
    pub fn settle(&self, mailbox: MailboxId) -> Result<u64, Error> {
        self.write(|transaction| {
            let stale: Vec<EmailId> = {
                let mut query = transaction
                    .sql
                    .prepare_cached("SELECT email FROM memberships WHERE mailbox = ?1 AND is_stale = 1")?;
                let rows = query.query_map([mailbox.0], |row| row.get(0).map(EmailId))?;
                rows.collect::<Result<_, _>>()?
            };
            if stale.is_empty() {
                return Ok(0);
            }
            let found: i64 =
                transaction
                    .sql
                    .query_row("SELECT COUNT(*) FROM remotes WHERE mailbox = ?1", [mailbox.0], |row| row.get(0))?;
            let all = found.saturating_add(stale.len() as i64);
            let notice = transaction.notice_of_mass_vanish(mailbox, stale.len(), all)?;
            for &email in &stale {
                transaction.leave(email, mailbox, notice)?;
            }
            Ok(stale.len() as u64)
        })
    }

    /// Gives every known message of a mailbox with the keywords that the server last told.
    pub fn remotes(&self, mailbox: MailboxId) -> Result<Vec<(RemoteId, Keywords)>, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT remote_id, keywords FROM remotes WHERE mailbox = ?1")?;
            let rows = query.query_map([mailbox.0], |row| {
                Ok((RemoteId(row.get(0)?), Keywords::from_text(row.get_ref(1)?.as_str()?)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Counts the known messages of a mailbox.
    pub fn remote_count(&self, mailbox: MailboxId) -> Result<u64, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached("SELECT COUNT(*) FROM remotes WHERE mailbox = ?1")?;
            Ok(query.query_row([mailbox.0], |row| row.get::<_, i64>(0))?.unsigned_abs())
        })
    }

    /// Deletes emails, and their bytes, whose last server copy went more than thirty days ago and that the user wants
    /// nowhere; at most `limit` of them. Gives how many.
    pub fn sweep(&self, limit: usize) -> Result<usize, Error> {
        self.write(|transaction| {
            let before = transaction.now.0.saturating_sub(LINGERING);
            let gone: Vec<(EmailId, ThreadId)> = {
                let mut query = transaction.sql.prepare_cached(
                    "SELECT id, thread FROM emails
                     WHERE vanished_at IS NOT NULL AND vanished_at < ?1 AND NOT EXISTS (
                         SELECT 1 FROM memberships m WHERE m.email = emails.id AND m.wanted = 1)
                     LIMIT ?2",
                )?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let rows = query.query_map([before, limit], |row| Ok((EmailId(row.get(0)?), ThreadId(row.get(1)?))))?;
                rows.collect::<Result<_, _>>()?
            };
            for &(email, thread) in &gone {
                transaction.forget_email(email, thread)?;
            }
            Ok(gone.len())
        })
    }
}

/// A portion of news on its way in.
struct Incoming<'t, 'c> {
    transaction: &'t mut Transaction<'c>,
    account: AccountId,
    mailbox: MailboxId,
    is_local: bool,
    result: Applied,
}

impl Incoming<'_, '_> {
    fn apply(&mut self, delta: &Delta) -> Result<(), Fault> {
        match delta {
            Delta::Reset => self.reset(),
            Delta::Arrived(arrived) => self.arrive(arrived),
            Delta::Keywords(id, keywords) => match self.find(id)? {
                Some(known) => self.hear_keywords(id, known, keywords),
                None => Ok(()),
            },
            Delta::Vanished(ids) => self.vanish(ids),
            Delta::Expect(_) => Ok(()),
            Delta::Commit(cursor) => {
                let now = self.transaction.now;
                self.transaction
                    .sql
                    .prepare_cached(
                        "INSERT INTO cursors (mailbox, cursor, committed_at) VALUES (?1, ?2, ?3)
                         ON CONFLICT (mailbox) DO UPDATE SET cursor = excluded.cursor,
                             committed_at = excluded.committed_at",
                    )?
                    .execute(params![self.mailbox.0, cursor.0, now.0])?;
                Ok(())
            }
        }
    }

    fn find(&self, id: &RemoteId) -> Result<Option<EmailId>, Fault> {
        let mut query =
            self.transaction.sql.prepare_cached("SELECT email FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?;
        Ok(query.query_row(params![self.mailbox.0, id.0], |row| row.get(0)).optional()?.map(EmailId))
    }

    /// Forgets the server's numbering but not the mail.
    fn reset(&mut self) -> Result<(), Fault> {
        let sql = &self.transaction.sql;
        let pending: Vec<EmailId> = {
            let mut query = sql.prepare_cached(
                "SELECT id FROM emails WHERE account = ?1 AND is_pending = 1
                     AND id IN (SELECT email FROM remotes WHERE mailbox = ?2)",
            )?;
            let rows = query.query_map([self.account.0, self.mailbox.0], |row| row.get(0).map(EmailId))?;
            rows.collect::<Result<_, _>>()?
        };
        sql.execute(
            "UPDATE emails SET base_keywords = (SELECT r.keywords FROM remotes r WHERE r.email = emails.id LIMIT 1),
                 vanished_at = ?2
             WHERE id IN (SELECT email FROM remotes WHERE mailbox = ?1)
                 AND NOT EXISTS (SELECT 1 FROM remotes r WHERE r.email = emails.id AND r.mailbox <> ?1)",
            params![self.mailbox.0, self.transaction.now.0],
        )?;
        if !self.is_local {
            sql.execute(
                "UPDATE memberships SET is_stale = 1
                 WHERE mailbox = ?1 AND email IN (SELECT email FROM remotes WHERE mailbox = ?1)",
                [self.mailbox.0],
            )?;
        }
        sql.execute("DELETE FROM remotes WHERE mailbox = ?1", [self.mailbox.0])?;
        sql.execute("DELETE FROM slices WHERE mailbox = ?1", [self.mailbox.0])?;
        sql.execute("DELETE FROM cursors WHERE mailbox = ?1", [self.mailbox.0])?;
        self.transaction.has_vanished = None;
        for email in pending {
            self.transaction.settle_pending(email)?;
        }
        Ok(())
    }

    fn arrive(&mut self, arrived: &Arrived) -> Result<(), Fault> {
        if let Some(known) = self.find(&arrived.id)? {
            return self.hear_keywords(&arrived.id, known, &arrived.keywords);
        }
        self.result.arrived += 1;
        if let Some(known) = self.find_by_object(arrived)? {
            return self.attach(known, arrived);
        }
        let content = thread::content_hash(&arrived.header, arrived.size);
        if let Some(twin) = self.find_vanished_twin(arrived, content)? {
            return self.attach(twin, arrived);
        }
        self.insert(arrived, content)
    }

    fn find_by_object(&self, arrived: &Arrived) -> Result<Option<EmailId>, Fault> {
        let Some(object) = &arrived.object_id else { return Ok(None) };
        let mut query =
            self.transaction.sql.prepare_cached("SELECT id FROM emails WHERE account = ?1 AND object_id = ?2")?;
        Ok(query.query_row(params![self.account.0, object], |row| row.get(0)).optional()?.map(EmailId))
    }

    /// Finds an email with the same content that lost its last copy: moved by another client, or numbered anew. The
    /// server's own receiving time must agree, which no stranger chooses; where a mailbox was numbered anew it need not.
    fn find_vanished_twin(&mut self, arrived: &Arrived, content: i64) -> Result<Option<EmailId>, Fault> {
        let has_vanished = match self.transaction.has_vanished {
            Some(known) => known,
            None => {
                let found = self.transaction.sql.query_row(
                    "SELECT EXISTS (SELECT 1 FROM emails WHERE vanished_at IS NOT NULL)",
                    [],
                    |row| row.get(0),
                )?;
                self.transaction.has_vanished = Some(found);
                found
            }
        };
        if !has_vanished {
            return Ok(None);
        }
        let mut query = self.transaction.sql.prepare_cached(
            "SELECT e.id FROM emails e LEFT JOIN memberships m ON m.email = e.id AND m.mailbox = ?3 AND m.is_stale = 1
             WHERE e.content = ?1 AND e.vanished_at IS NOT NULL AND e.account = ?2
                 AND (m.is_stale IS NOT NULL OR e.received = ?4)
             ORDER BY m.is_stale IS NULL, e.received <> ?4, e.id LIMIT 1",
        )?;
        let key = [content, self.account.0, self.mailbox.0, arrived.received.0];
        Ok(query.query_row(key, |row| row.get(0)).optional()?.map(EmailId))
    }

    fn insert(&mut self, arrived: &Arrived, content: i64) -> Result<(), Fault> {
        let linked = self.transaction.link(&arrived.header, content)?;
        let id = self.transaction.next_email(arrived.received)?;
        let email = NewEmail {
            id,
            account: self.account,
            thread: linked.thread,
            received: arrived.received,
            size: arrived.size,
            content,
            object_id: arrived.object_id.as_deref(),
            keywords: &arrived.keywords,
            header: &arrived.header,
        };
        email::insert(&self.transaction.sql, &email)?;
        self.insert_remote(id, arrived, None)?;
        self.transaction
            .sql
            .prepare_cached("INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 1, ?3)")?
            .execute(params![id.0, self.mailbox.0, !self.is_local])?;
        let why = if linked.is_new {
            Touched::Fresh {
                email: id,
                mailbox: self.mailbox,
                is_unread: !arrived.keywords.is_seen(),
                is_flagged: arrived.keywords.is_flagged(),
            }
        } else {
            Touched::Changed
        };
        self.transaction.touched.insert(linked.thread, why);
        self.transaction.note_email(id, linked.thread);
        self.result.new_emails.push(id);
        Ok(())
    }

    fn insert_remote(&self, email: EmailId, arrived: &Arrived, blob: Option<i64>) -> Result<(), Fault> {
        self.transaction
            .sql
            .prepare_cached(
                "INSERT INTO remotes (mailbox, remote_id, email, blob, keywords) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![self.mailbox.0, arrived.id.0, email.0, blob, arrived.keywords.to_text()])?;
        Ok(())
    }

    /// Makes a newcomer another copy of an email that is known.
    fn attach(&mut self, email: EmailId, arrived: &Arrived) -> Result<(), Fault> {
        let (thread, wanted, base, blob, is_twin): (i64, String, Option<String>, Option<i64>, bool) = self
            .transaction
            .sql
            .prepare_cached(
                "SELECT thread, keywords,
                     IFNULL(base_keywords, (SELECT r.keywords FROM remotes r WHERE r.email = emails.id LIMIT 1)), blob,
                     vanished_at IS NOT NULL
                 FROM emails WHERE id = ?1",
            )?
            .query_row([email.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?;
        self.insert_remote(email, arrived, blob)?;
        let wanted = Keywords::from_text(&wanted);
        let base = base.map_or_else(|| wanted.clone(), |base| Keywords::from_text(&base));
        let merged = Keywords::merge(&base, &wanted, &arrived.keywords);
        if merged != wanted {
            email::write_keywords(&self.transaction.sql, email, &merged)?;
        }
        self.transaction
            .sql
            .prepare_cached("UPDATE emails SET vanished_at = NULL, base_keywords = NULL WHERE id = ?1")?
            .execute([email.0])?;
        if self.is_local {
            // Where the server does not speak for memberships, only an email that is nowhere comes back.
            self.transaction
                .sql
                .prepare_cached(
                    "INSERT INTO memberships (email, mailbox, wanted, synced)
                     SELECT ?1, ?2, 1, 0 WHERE NOT EXISTS (SELECT 1 FROM memberships WHERE email = ?1)",
                )?
                .execute([email.0, self.mailbox.0])?;
        } else {
            // An email that the user moved while another client moved it too goes on to where the user wants it.
            let is_on_its_way: bool = is_twin
                && self
                    .transaction
                    .sql
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM memberships
                             WHERE email = ?1 AND mailbox <> ?2 AND wanted = 1 AND synced = 0 AND is_stale = 0)",
                    )?
                    .query_row([email.0, self.mailbox.0], |row| row.get(0))?;
            self.transaction
                .sql
                .prepare_cached(
                    "INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, ?3, 1)
                     ON CONFLICT (email, mailbox) DO UPDATE SET is_stale = 0, notice = NULL,
                         wanted = CASE WHEN synced = 0 AND wanted = 0 THEN excluded.wanted ELSE wanted END, synced = 1",
                )?
                .execute(params![email.0, self.mailbox.0, !is_on_its_way])?;
        }
        self.transaction.settle_pending(email)?;
        self.transaction.touch(email, ThreadId(thread));
        Ok(())
    }

    fn hear_keywords(&mut self, id: &RemoteId, email: EmailId, server: &Keywords) -> Result<(), Fault> {
        let (base, wanted, thread): (String, String, i64) = self
            .transaction
            .sql
            .prepare_cached(
                "SELECT r.keywords, e.keywords, e.thread FROM remotes r JOIN emails e ON e.id = r.email
                 WHERE r.mailbox = ?1 AND r.remote_id = ?2",
            )?
            .query_row(params![self.mailbox.0, id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let text = server.to_text();
        if base == text {
            return Ok(());
        }
        self.transaction
            .sql
            .prepare_cached("UPDATE remotes SET keywords = ?3 WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![self.mailbox.0, id.0, text])?;
        let wanted = Keywords::from_text(&wanted);
        let merged = Keywords::merge(&Keywords::from_text(&base), &wanted, server);
        if merged != wanted {
            email::write_keywords(&self.transaction.sql, email, &merged)?;
            self.transaction.touch(email, ThreadId(thread));
        }
        self.transaction.settle_pending(email)
    }

    fn vanish(&mut self, ids: &[RemoteId]) -> Result<(), Fault> {
        let mut known = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(email) = self.find(id)? {
                known.push((id, email));
            }
        }
        if known.is_empty() {
            return Ok(());
        }
        let all: i64 = self.transaction.sql.query_row(
            "SELECT COUNT(*) FROM remotes WHERE mailbox = ?1",
            [self.mailbox.0],
            |row| row.get(0),
        )?;
        let notice = self.transaction.notice_of_mass_vanish(self.mailbox, known.len(), all)?;
        for (id, email) in known {
            self.transaction.drop_remote(self.mailbox, id, email)?;
            if !self.is_local {
                self.transaction.leave(email, self.mailbox, notice)?;
            }
            self.result.vanished += 1;
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// Gives the next free id of a second; a second that is full runs into the next one.
    pub(super) fn next_email(&self, received: UnixTime) -> Result<EmailId, Fault> {
        let mut query = self.sql.prepare_cached("SELECT MAX(id) FROM emails WHERE id >= ?1 AND id < ?2")?;
        let mut second = received.0.clamp(0, LAST_SECOND);
        loop {
            let (first, end) = (second << EmailId::COUNTER_BITS, (second + 1) << EmailId::COUNTER_BITS);
            let highest: Option<i64> = query.query_row([first, end], |row| row.get(0))?;
            match highest {
                None => return Ok(EmailId(first)),
                Some(highest) if highest + 1 < end => return Ok(EmailId(highest + 1)),
                Some(_) => second += 1,
            }
        }
    }

    /// Writes a notice when a mailbox loses much at once; gives its number.
    fn notice_of_mass_vanish(&mut self, mailbox: MailboxId, gone: usize, all: i64) -> Result<Option<i64>, Fault> {
        let is_bin = matches!(self.place(mailbox)?.role, Some(Role::Trash | Role::Junk));
        let share = i64::try_from(gone).unwrap_or(i64::MAX).saturating_mul(5);
        if is_bin || gone < MASS_VANISH || share < all {
            return Ok(None);
        }
        self.sql.execute(
            "INSERT INTO notices (made_at, kind, mailbox, emails) VALUES (?1, 'mass_vanish', ?2, ?3)",
            params![self.now.0, mailbox.0, gone as i64],
        )?;
        self.change.folders = true;
        Ok(Some(self.sql.last_insert_rowid()))
    }

    /// Forgets a server copy; an email that has no other begins to linger.
    pub(super) fn drop_remote(&mut self, mailbox: MailboxId, id: &RemoteId, email: EmailId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE emails SET vanished_at = ?4,
                     base_keywords = (SELECT keywords FROM remotes WHERE mailbox = ?1 AND remote_id = ?2)
                 WHERE id = ?3 AND (SELECT COUNT(*) FROM remotes WHERE email = ?3) <= 1",
            )?
            .execute(params![mailbox.0, id.0, email.0, self.now.0])?;
        self.sql
            .prepare_cached("DELETE FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![mailbox.0, id.0])?;
        self.sql
            .prepare_cached("DELETE FROM slices WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![mailbox.0, id.0])?;
        self.has_vanished = None;
        Ok(())
    }

    /// Takes an email out of a mailbox from which the server dropped it, unless another copy of it is there.
    fn leave(&mut self, email: EmailId, mailbox: MailboxId, notice: Option<i64>) -> Result<(), Fault> {
        let has_another: bool = self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM remotes WHERE email = ?1 AND mailbox = ?2)")?
            .query_row([email.0, mailbox.0], |row| row.get(0))?;
        if has_another {
            // The copy that went may have been the one whose keywords were to be changed.
            return self.settle_pending(email);
        }
        match notice {
            Some(notice) => self
                .sql
                .prepare_cached(
                    "UPDATE memberships SET wanted = 0, synced = 0, is_stale = 0, notice = ?3
                     WHERE email = ?1 AND mailbox = ?2 AND (synced = 1 OR wanted = 0)",
                )?
                .execute([email.0, mailbox.0, notice])?,
            // What the user wants there and the server never had stays wanted.
            None => self
                .sql
                .prepare_cached(
                    "DELETE FROM memberships WHERE email = ?1 AND mailbox = ?2 AND (synced = 1 OR wanted = 0)",
                )?
                .execute([email.0, mailbox.0])?,
        };
        self.settle_pending(email)?;
        if let Some(thread) = self.thread_of(email)? {
            self.touch(email, thread);
        }
        Ok(())
    }

    /// Deletes an email, and its bytes if nothing else has the same.
    pub(super) fn forget_email(&mut self, email: EmailId, thread: ThreadId) -> Result<(), Fault> {
        let blob: Option<i64> =
            self.sql.prepare_cached("SELECT blob FROM emails WHERE id = ?1")?.query_row([email.0], |row| row.get(0))?;
        for statement in [
            "DELETE FROM texts WHERE rowid = ?1 AND EXISTS (SELECT 1 FROM emails WHERE id = ?1 AND indexed > 0)",
            "DELETE FROM memberships WHERE email = ?1",
            "DELETE FROM remotes WHERE email = ?1",
            "DELETE FROM attempts WHERE email = ?1",
            "DELETE FROM emails WHERE id = ?1",
        ] {
            self.sql.prepare_cached(statement)?.execute([email.0])?;
        }
        if let Some(blob) = blob {
            super::body::drop_blob_if_unused(&self.sql, blob)?;
        }
        self.sql.prepare_cached("UPDATE threads SET emails = emails - 1 WHERE id = ?1")?.execute([thread.0])?;
        self.touch(email, thread);
        Ok(())
    }
}
