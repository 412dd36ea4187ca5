//! Owns mail on its way to another account: there it is an email of its own, in the same conversation, with the same
//! bytes as soon as they are here.
//!
//! That what leaves waits for what comes stands on its membership (`awaits`).

use rusqlite::params;

use super::Transaction;
use super::error::Fault;
use crate::mail::id::{AccountId, EmailId};
use crate::mail::time::UnixTime;

impl Transaction<'_> {
    /// Makes an email's like in another account. It is in no mailbox yet, and no server has it.
    pub(super) fn transfer(&mut self, email: EmailId, account: AccountId) -> Result<EmailId, Fault> {
        let (received, thread): (i64, i64) = self
            .sql
            .prepare_cached("SELECT received, thread FROM emails WHERE id = ?1")?
            .query_row([email.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let id = self.next_email(UnixTime(received))?;
        self.sql
            .prepare_cached(
                "INSERT INTO emails (id, account, thread, received, size, content, is_seen, is_flagged, is_answered,
                     is_forwarded, has_attachment, blob, vanished_at, sent, keywords, subject, from_, to_, cc, message_id, preview, bcc, sender, reply_to, in_reply_to, reference_ids, list_id)
                 SELECT ?2, ?3, thread, received, size, content, is_seen, is_flagged, is_answered,
                     is_forwarded, has_attachment, blob, ?4, sent, keywords, subject, from_, to_, cc, message_id, preview, bcc, sender, reply_to, in_reply_to, reference_ids, list_id
                 FROM emails WHERE id = ?1",
            )?
            .execute(params![email.0, id.0, account.0, self.now.0])?;
        self.sql.prepare_cached("UPDATE threads SET emails = emails + 1 WHERE id = ?1")?.execute([thread])?;
        self.has_vanished = None;
        self.touch(id, crate::mail::id::ThreadId(thread));
        Ok(id)
    }

    /// Has an email's bytes brought here for its like in another account.
    pub(super) fn await_bytes(&mut self, email: EmailId, other: EmailId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE memberships SET awaits = ?2 WHERE email = ?1 AND mailbox = (
                     SELECT mailbox FROM memberships WHERE email = ?1 AND synced = 1 AND awaits IS NULL LIMIT 1)
                     AND EXISTS (SELECT 1 FROM emails WHERE id = ?1 AND blob IS NULL)",
            )?
            .execute([email.0, other.0])?;
        self.settle_pending(email)
    }

    /// Lets go what waited for an email: its server has it.
    pub(super) fn end_waiting_for(&mut self, email: EmailId) -> Result<(), Fault> {
        for waiting in self.waiting_for(email)? {
            self.sql
                .prepare_cached("UPDATE memberships SET awaits = NULL WHERE email = ?1 AND awaits = ?2")?
                .execute([waiting.0, email.0])?;
            self.settle_pending(waiting)?;
        }
        Ok(())
    }

    /// Gives the emails of other accounts that wait for this one.
    pub(super) fn waiting_for(&self, email: EmailId) -> Result<Vec<EmailId>, Fault> {
        let mut query = self.sql.prepare_cached("SELECT DISTINCT email FROM memberships WHERE awaits = ?1")?;
        let rows = query.query_map([email.0], |row| row.get(0).map(EmailId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
