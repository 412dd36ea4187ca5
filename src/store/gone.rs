//! Owns what happens when something is gone on a server: copies that vanished, mailboxes that were numbered anew or are
//! listed no more, and what is forgotten after thirty days.
//!
//! Absence never deletes bytes (invariant 8): an email that lost its last copy lingers, and a newcomer that is the same
//! inherits what it had.

use rusqlite::params;

use super::error::{Error, Fault};
use super::pending::Share;
use super::{Store, Transaction};
use crate::mail::id::{EmailId, MailboxId, ThreadId};
use crate::mail::remote::RemoteId;
use crate::mail::time::UnixTime;

/// How long the bytes of an email stay after its last server copy went.
const LINGERING: i64 = 30 * UnixTime::DAY;

impl Store {
    /// Says that a mailbox was read to its end: what a [`crate::mail::remote::Delta::Reset`] left without a newcomer is
    /// gone from it.
    pub fn settle(&self, mailbox: MailboxId) -> Result<u64, Error> {
        self.write(|transaction| transaction.leave_stale(mailbox))
    }

    /// Deletes emails, and their bytes, whose last server copy went more than thirty days ago and that the user wants
    /// nowhere; at most `limit` of them. Gives how many. Mailboxes that went so long ago go with them.
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
            transaction.sweep_notices_and_mailboxes(before)?;
            Ok(gone.len())
        })
    }
}

impl Transaction<'_> {
    /// Takes in that the server has some messages of a mailbox no more; gives how many of them were known.
    pub(super) fn vanish(&mut self, mailbox: MailboxId, ids: &[RemoteId]) -> Result<u64, Fault> {
        let is_local = self.place(mailbox)?.is_local;
        let (mut known, mut missed) = (Vec::with_capacity(ids.len()), 0);
        for id in ids {
            if let Some(email) = self.email_of(mailbox, id)? {
                missed += usize::from(self.is_settled_in(email, mailbox)?);
                known.push((id, email));
            }
        }
        if known.is_empty() {
            return Ok(0);
        }
        let all: i64 =
            self.sql.query_row("SELECT COUNT(*) FROM remotes WHERE mailbox = ?1", [mailbox.0], |row| row.get(0))?;
        // What was to go anyway is missed by nobody: our own removals, found after a crash.
        let notice = self.notice_of_mass_vanish(mailbox, missed, all)?;
        for &(id, email) in &known {
            self.drop_remote(mailbox, id, email)?;
            if !is_local {
                self.leave(email, mailbox, notice)?;
            }
        }
        Ok(known.len() as u64)
    }

    /// Gives the email of a server copy.
    pub(super) fn email_of(&self, mailbox: MailboxId, id: &RemoteId) -> Result<Option<EmailId>, Fault> {
        use rusqlite::OptionalExtension;
        let mut query = self.sql.prepare_cached("SELECT email FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?;
        Ok(query.query_row(params![mailbox.0, id.0], |row| row.get(0)).optional()?.map(EmailId))
    }

    /// Says whether an email is in a mailbox both here and on the server.
    fn is_settled_in(&self, email: EmailId, mailbox: MailboxId) -> Result<bool, Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM memberships
                 WHERE email = ?1 AND mailbox = ?2 AND wanted = 1 AND synced = 1)",
        )?;
        Ok(query.query_row([email.0, mailbox.0], |row| row.get(0))?)
    }

    /// Forgets the server's numbering of a mailbox but not its mail.
    pub(super) fn forget_numbering(&mut self, mailbox: MailboxId) -> Result<(), Fault> {
        let is_local = self.place(mailbox)?.is_local;
        let sql = &self.sql;
        let pending: Vec<EmailId> = {
            let mut query = sql.prepare_cached(
                "SELECT id FROM emails WHERE account = (SELECT account FROM mailboxes WHERE id = ?1) AND is_pending = 1
                     AND id IN (SELECT email FROM remotes WHERE mailbox = ?1)",
            )?;
            let rows = query.query_map([mailbox.0], |row| row.get(0).map(EmailId))?;
            rows.collect::<Result<_, _>>()?
        };
        sql.execute(
            "UPDATE emails SET base_keywords = (SELECT r.keywords FROM remotes r WHERE r.email = emails.id LIMIT 1),
                 vanished_at = ?2
             WHERE id IN (SELECT email FROM remotes WHERE mailbox = ?1)
                 AND NOT EXISTS (SELECT 1 FROM remotes r WHERE r.email = emails.id AND r.mailbox <> ?1)",
            params![mailbox.0, self.now.0],
        )?;
        if !is_local {
            sql.execute(
                "UPDATE memberships SET is_stale = 1
                 WHERE mailbox = ?1 AND synced = 1 AND email IN (SELECT email FROM remotes WHERE mailbox = ?1)",
                [mailbox.0],
            )?;
        }
        sql.execute("DELETE FROM remotes WHERE mailbox = ?1", [mailbox.0])?;
        sql.execute("DELETE FROM slices WHERE mailbox = ?1", [mailbox.0])?;
        sql.execute("DELETE FROM cursors WHERE mailbox = ?1", [mailbox.0])?;
        self.has_vanished = None;
        for email in pending {
            self.settle_pending(email)?;
        }
        Ok(())
    }

    /// Takes out of a mailbox what no newcomer took the place of; gives how many emails that are.
    fn leave_stale(&mut self, mailbox: MailboxId) -> Result<u64, Fault> {
        let stale: Vec<(EmailId, bool)> = {
            let mut query =
                self.sql.prepare_cached("SELECT email, wanted FROM memberships WHERE mailbox = ?1 AND is_stale = 1")?;
            let rows = query.query_map([mailbox.0], |row| Ok((EmailId(row.get(0)?), row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        if stale.is_empty() {
            return Ok(0);
        }
        let found: i64 =
            self.sql.query_row("SELECT COUNT(*) FROM remotes WHERE mailbox = ?1", [mailbox.0], |row| row.get(0))?;
        let all = found.saturating_add(stale.len() as i64);
        let missed = stale.iter().filter(|(_, is_wanted)| *is_wanted).count();
        let notice = self.notice_of_mass_vanish(mailbox, missed, all)?;
        for &(email, _) in &stale {
            self.leave(email, mailbox, notice)?;
        }
        Ok(stale.len() as u64)
    }

    /// Takes in that the server has a mailbox no more: its mail is gone from it, and what was to come into it stays
    /// where it is. Unless we wanted it gone it is hidden, until it is listed again or brought back.
    pub(super) fn lose_mailbox(&mut self, mailbox: MailboxId) -> Result<(), Fault> {
        let place = self.place(mailbox)?;
        if place.is_local {
            return Ok(());
        }
        self.forget_numbering(mailbox)?;
        self.leave_stale(mailbox)?;
        let aims: Vec<Share> = {
            let mut query = self
                .sql
                .prepare_cached("SELECT email FROM memberships WHERE mailbox = ?1 AND wanted = 1 AND synced = 0")?;
            let aim = |row: &rusqlite::Row<'_>| {
                Ok(Share::Arrival { email: EmailId(row.get(0)?), from: None, to: mailbox, is_move: false })
            };
            let rows = query.query_map([mailbox.0], aim)?;
            rows.collect::<Result<_, _>>()?
        };
        if !aims.is_empty() {
            self.give_back(place.account, &aims, "the folder is not there any more")?;
        }
        self.sql.execute(
            "UPDATE mailboxes SET hidden_since = ?2, is_synced = 0, path = '', synced_name = '' WHERE id = ?1",
            params![mailbox.0, self.now.0],
        )?;
        self.forget_places();
        Ok(())
    }

    /// Forgets a server copy; an email that has no other begins to linger.
    pub(super) fn drop_remote(&mut self, mailbox: MailboxId, id: &RemoteId, email: EmailId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE emails SET vanished_at = ?4,
                     base_keywords = (SELECT keywords FROM remotes WHERE mailbox = ?1 AND remote_id = ?2)
                 WHERE id = ?3 AND EXISTS (SELECT 1 FROM remotes WHERE mailbox = ?1 AND remote_id = ?2)
                     AND (SELECT COUNT(*) FROM remotes WHERE email = ?3) <= 1",
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

    /// Says whether the server has an email in a mailbox, and not only as one to be expunged.
    pub(super) fn has_copy_in(&self, email: EmailId, mailbox: MailboxId) -> Result<bool, Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM remotes WHERE email = ?1 AND mailbox = ?2 AND is_deleted = 0)",
        )?;
        Ok(query.query_row([email.0, mailbox.0], |row| row.get(0))?)
    }

    /// Takes an email out of a mailbox from which the server dropped it, unless another copy of it is there.
    pub(super) fn leave(&mut self, email: EmailId, mailbox: MailboxId, notice: Option<i64>) -> Result<(), Fault> {
        if self.has_copy_in(email, mailbox)? {
            // The copy that went may have been the one whose keywords were to be changed.
            return self.settle_pending(email);
        }
        if let Some(notice) = notice {
            self.sql
                .prepare_cached(
                    "UPDATE memberships SET wanted = 0, synced = 0, is_stale = 0, awaits = NULL, notice = ?3
                     WHERE email = ?1 AND mailbox = ?2 AND wanted = 1 AND synced = 1",
                )?
                .execute([email.0, mailbox.0, notice])?;
        }
        // What the user wants there and the server never had stays wanted.
        self.sql
            .prepare_cached(
                "DELETE FROM memberships
                 WHERE email = ?1 AND mailbox = ?2 AND notice IS NULL AND (synced = 1 OR wanted = 0)",
            )?
            .execute([email.0, mailbox.0])?;
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
        self.end_waiting_for(email)?;
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

    /// Forgets what a mass vanish took too long ago to be brought back, and the mailboxes that went so long ago.
    fn sweep_notices_and_mailboxes(&mut self, before: i64) -> Result<(), Fault> {
        self.sql
            .execute("DELETE FROM memberships WHERE notice IN (SELECT id FROM notices WHERE made_at < ?1)", [before])?;
        let gone: Vec<i64> = {
            let mut query = self.sql.prepare_cached(
                "SELECT id FROM mailboxes WHERE hidden_since < ?1 AND is_synced = 0 AND is_local = 0 AND total = 0
                     AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.filed_mailbox = mailboxes.id)",
            )?;
            let rows = query.query_map([before], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for &mailbox in &gone {
            for statement in [
                "DELETE FROM memberships WHERE mailbox = ?1",
                "DELETE FROM attempts WHERE mailbox = ?1",
                "DELETE FROM notices WHERE mailbox = ?1",
                "DELETE FROM mailboxes WHERE id = ?1",
            ] {
                self.sql.execute(statement, [mailbox])?;
            }
        }
        if !gone.is_empty() {
            self.forget_places();
        }
        Ok(())
    }
}
