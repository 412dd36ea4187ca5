//! Owns taking steps: one bit of what is wanted, of an email or a mailbox, and what follows from it at once.
//!
//! Which steps an edit comes to is decided by whoever asks for them.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};

use super::Transaction;
use super::email::write_keywords;
use super::error::{Error, Fault, Kind};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::keyword::Keywords;
use crate::mail::mutation::Step;
use crate::mail::time::UnixTime;

/// A delete for good waits so many seconds before the server hears of it.
const DELETE_AFTER: i64 = 30;

impl Transaction<'_> {
    /// Takes steps, and gives those that changed something.
    pub(super) fn take_steps(&mut self, steps: &[Step], now: UnixTime) -> Result<Vec<Step>, Fault> {
        let mut taken = Vec::new();
        for step in steps {
            let has_changed = match step {
                Step::Keyword { email, keyword, on } => self.set_keyword(EmailId(*email), keyword, *on)?,
                Step::Membership { email, mailbox, on: true, .. } => {
                    self.want_in(EmailId(*email), MailboxId(*mailbox))?
                }
                Step::Membership { email, mailbox, on: false, awaits, .. } => {
                    self.want_out(EmailId(*email), MailboxId(*mailbox), awaits.map(EmailId))?
                }
                Step::MailboxName { mailbox, before, after } => self.set_name(MailboxId(*mailbox), before, after)?,
                Step::MailboxExists { mailbox, on } => self.set_existence(MailboxId(*mailbox), *on)?,
                Step::MailboxSubscribed { mailbox, on } => self.set_subscribed(MailboxId(*mailbox), *on)?,
            };
            if has_changed {
                taken.push(step.clone());
            }
        }
        let emails: BTreeSet<EmailId> = taken.iter().filter_map(Step::email).collect();
        for &email in &emails {
            self.hold_removal(email, now)?;
        }
        for email in emails {
            for waiting in self.waiting_for(email)? {
                self.settle_pending(waiting)?;
            }
            self.settle_pending(email)?;
            if let Some(thread) = self.thread_of(email)? {
                self.touch(email, thread);
            }
        }
        Ok(taken)
    }

    /// Gives an email's account; `None` when there is no such email any more.
    pub(super) fn account_of(&self, email: EmailId) -> Result<Option<AccountId>, Fault> {
        let mut query = self.sql.prepare_cached("SELECT account FROM emails WHERE id = ?1")?;
        Ok(query.query_row([email.0], |row| row.get(0)).optional()?.map(AccountId))
    }

    fn set_keyword(&mut self, email: EmailId, keyword: &str, on: bool) -> Result<bool, Fault> {
        let mut query = self.sql.prepare_cached("SELECT keywords FROM emails WHERE id = ?1")?;
        let Some(text) = query.query_row([email.0], |row| row.get::<_, String>(0)).optional()? else {
            return Ok(false);
        };
        let before = Keywords::from_text(&text);
        let mut after = before.clone();
        after.set(keyword, on);
        if after == before {
            return Ok(false);
        }
        write_keywords(&self.sql, email, &after)?;
        Ok(true)
    }

    fn want_in(&mut self, email: EmailId, mailbox: MailboxId) -> Result<bool, Fault> {
        let account = self.account_of(email)?;
        let is_possible = self.places()?.get(&mailbox).is_some_and(|place| Some(place.account) == account);
        if !is_possible {
            return Ok(false);
        }
        let changed = self
            .sql
            .prepare_cached(
                "INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 1, 0)
                 ON CONFLICT (email, mailbox) DO UPDATE SET wanted = 1, push_after = 0, notice = NULL, awaits = NULL,
                     synced = synced AND (is_stale OR EXISTS (
                         SELECT 1 FROM remotes WHERE email = ?1 AND mailbox = ?2 AND is_deleted = 0))
                 WHERE wanted = 0",
            )?
            .execute([email.0, mailbox.0])?;
        Ok(changed > 0)
    }

    /// What leaves for another account leaves only when it is wanted there, and waits until it is on that server.
    fn want_out(&mut self, email: EmailId, mailbox: MailboxId, awaits: Option<EmailId>) -> Result<bool, Fault> {
        let mut waits = None;
        if let Some(other) = awaits {
            let (is_wanted, is_there): (bool, bool) = self
                .sql
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM memberships WHERE email = ?1 AND wanted = 1),
                         EXISTS (SELECT 1 FROM remotes WHERE email = ?1 AND is_deleted = 0)",
                )?
                .query_row([other.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if !is_wanted {
                return Ok(false);
            }
            waits = (!is_there).then_some(other.0);
        }
        if let Some(other) = awaits {
            // What waited for this one, on its way through, waits for the other one now.
            self.share_bytes(email, other)?;
            for waiting in self.waiting_for(email)? {
                self.share_bytes(waiting, other)?;
                self.sql
                    .prepare_cached("UPDATE memberships SET awaits = ?3 WHERE email = ?1 AND awaits = ?2")?
                    .execute(params![waiting.0, email.0, waits.filter(|_| waiting != other)])?;
                self.settle_pending(waiting)?;
            }
        }
        let changed = self
            .sql
            .prepare_cached(
                "UPDATE memberships SET wanted = 0, awaits = ?3 WHERE email = ?1 AND mailbox = ?2 AND wanted = 1",
            )?
            .execute(params![email.0, mailbox.0, waits])?;
        if let Some(other) = waits {
            // So does what is still to leave for this mailbox, to which it never came.
            self.sql
                .prepare_cached(
                    "UPDATE memberships SET awaits = ?2 WHERE email = ?1 AND wanted = 0 AND synced = 1
                         AND awaits IS NULL",
                )?
                .execute([email.0, other])?;
        }
        self.drop_empty_memberships(email)?;
        Ok(changed > 0)
    }

    /// Deletes memberships that say nothing any more.
    pub(super) fn drop_empty_memberships(&mut self, email: EmailId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "DELETE FROM memberships WHERE email = ?1 AND wanted = 0 AND synced = 0 AND notice IS NULL",
            )?
            .execute([email.0])?;
        Ok(())
    }

    /// Has a removal for good wait: an email that is wanted nowhere leaves the server only after a while, and so does
    /// what was to leave for it.
    fn hold_removal(&mut self, email: EmailId, now: UnixTime) -> Result<(), Fault> {
        let until = now.0.saturating_add(DELETE_AFTER);
        self.sql
            .prepare_cached(
                "UPDATE memberships SET push_after = ?2 WHERE email = ?1 AND wanted = 0 AND synced = 1
                     AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.email = ?1 AND o.wanted = 1)
                     AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.email = memberships.awaits AND o.wanted = 1)",
            )?
            .execute([email.0, until])?;
        self.sql
            .prepare_cached(
                "UPDATE memberships SET push_after = ?2 WHERE awaits = ?1 AND wanted = 0 AND synced = 1
                     AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.email = ?1 AND o.wanted = 1)",
            )?
            .execute([email.0, until])?;
        Ok(())
    }

    fn set_name(&mut self, mailbox: MailboxId, before: &str, after: &str) -> Result<bool, Fault> {
        let Some(place) = self.places()?.get(&mailbox).copied() else { return Ok(false) };
        self.check_name_is_free(place.account, after, Some(mailbox))?;
        let changed = self
            .sql
            .execute("UPDATE mailboxes SET name = ?3 WHERE id = ?1 AND name = ?2", params![mailbox.0, before, after])?;
        self.forget_places();
        Ok(changed > 0)
    }

    fn set_existence(&mut self, mailbox: MailboxId, on: bool) -> Result<bool, Fault> {
        let Some(place) = self.places()?.get(&mailbox).copied() else { return Ok(false) };
        let name = self.mailbox_name(mailbox)?;
        if on {
            self.check_name_is_free(place.account, &name, Some(mailbox))?;
        } else {
            let holds_mail: bool = self.sql.query_row(
                "SELECT EXISTS (SELECT 1 FROM memberships WHERE mailbox = ?1 AND wanted = 1)",
                [mailbox.0],
                |row| row.get(0),
            )?;
            if holds_mail {
                let what = format!("The folder {name} holds mail.");
                return Err(Error::new(Kind::Other, what, "Move its mail elsewhere first.").into());
            }
        }
        let changed = self.sql.execute(
            "UPDATE mailboxes SET is_wanted = ?2, hidden_since = CASE ?2 WHEN 1 THEN NULL ELSE hidden_since END
             WHERE id = ?1 AND (is_wanted <> ?2 OR (?2 = 1 AND hidden_since IS NOT NULL))",
            params![mailbox.0, on],
        )?;
        self.forget_places();
        Ok(changed > 0)
    }

    fn set_subscribed(&mut self, mailbox: MailboxId, on: bool) -> Result<bool, Fault> {
        let changed = self.sql.execute(
            "UPDATE mailboxes SET is_subscribed = ?2 WHERE id = ?1 AND is_subscribed <> ?2",
            params![mailbox.0, on],
        )?;
        self.forget_places();
        Ok(changed > 0)
    }

    pub(super) fn mailbox_name(&self, mailbox: MailboxId) -> Result<String, Fault> {
        let mut query = self.sql.prepare_cached("SELECT name FROM mailboxes WHERE id = ?1")?;
        query.query_row([mailbox.0], |row| row.get(0)).optional()?.ok_or_else(|| Error::unknown("folder").into())
    }

    /// Refuses a name that another folder bears; the inbox bears its name in every case.
    pub(super) fn check_name_is_free(
        &self,
        account: AccountId,
        name: &str,
        but: Option<MailboxId>,
    ) -> Result<(), Fault> {
        let is_taken: bool = self.sql.query_row(
            "SELECT EXISTS (SELECT 1 FROM mailboxes WHERE account = ?1 AND id IS NOT ?3 AND is_wanted = 1
                 AND hidden_since IS NULL AND (name = ?2 OR (lower(?2) = 'inbox' AND role = 'inbox')))",
            params![account.0, name, but.map(|mailbox| mailbox.0)],
            |row| row.get(0),
        )?;
        if is_taken {
            let what = format!("There is a folder named {name} already.");
            return Err(Error::new(Kind::Other, what, "Choose another name.").into());
        }
        Ok(())
    }
}
