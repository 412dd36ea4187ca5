//! Owns mail on its way to another account: there it is an email of its own, in the same conversation, with the same
//! bytes as soon as they are here.
//!
//! That what leaves waits for what comes stands on its membership (`awaits`).

use rusqlite::params;

use super::Transaction;
use super::error::{Error, Fault, Kind};
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
    ///
    /// # Errors
    /// `Other` where the server cannot be asked for them once more: it is on its way somewhere, or copied already.
    pub(super) fn await_bytes(&mut self, email: EmailId, like: EmailId) -> Result<(), Fault> {
        let has_bytes: bool = self
            .sql
            .prepare_cached("SELECT blob IS NOT NULL FROM emails WHERE id = ?1")?
            .query_row([email.0], |row| row.get(0))?;
        if has_bytes {
            return Ok(());
        }
        let noted = self
            .sql
            .prepare_cached(
                "UPDATE memberships SET awaits = ?2 WHERE email = ?1 AND mailbox = (
                     SELECT mailbox FROM memberships WHERE email = ?1 AND synced = 1 AND awaits IS NULL LIMIT 1)",
            )?
            .execute([email.0, like.0])?;
        if noted == 0 {
            let what = "A message that is to be copied has not come here whole yet.";
            return Err(Error::new(Kind::Other, what, "Open it first, or wait a moment, then copy it again.").into());
        }
        self.settle_pending(email)
    }

    /// Gives the bytes of an email, if they are here, to its like that has none.
    pub(super) fn share_bytes(&mut self, email: EmailId, like: EmailId) -> Result<(), Fault> {
        let lacks: bool = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM emails e JOIN emails l ON l.id = ?2
                     WHERE e.id = ?1 AND e.blob IS NOT NULL AND l.blob IS NULL)",
            )?
            .query_row([email.0, like.0], |row| row.get(0))?;
        if !lacks {
            return Ok(());
        }
        for statement in [
            "DELETE FROM texts WHERE rowid = ?2 AND EXISTS (SELECT 1 FROM emails WHERE id = ?2 AND indexed > 0 AND ?1)",
            "UPDATE emails SET (blob, size, has_attachment, preview, indexed) =
                 (SELECT blob, size, has_attachment, preview, 0 FROM emails WHERE id = ?1) WHERE id = ?2",
            "UPDATE remotes SET blob = (SELECT blob FROM emails WHERE id = ?1) WHERE email = ?2 AND blob IS NULL",
        ] {
            self.sql.prepare_cached(statement)?.execute([email.0, like.0])?;
        }
        self.settle_pending(like)?;
        match self.thread_of(like)? {
            Some(thread) => {
                self.touch(like, thread);
                Ok(())
            }
            None => Ok(()),
        }
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
