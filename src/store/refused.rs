//! Owns what follows a refusal: what was wanted goes back to what the server has, and a notice says so.
//!
//! A row that changed again meanwhile is asked for again; nothing is hidden and nothing is lost.

use rusqlite::{OptionalExtension, params};

use super::email::write_keywords;
use super::error::Fault;
use super::notice::messages;
use super::pending::{MailboxChange, Share};
use super::{Error, Store, Transaction};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::keyword::{DELETED, Keywords};
use crate::mail::remote::RemoteId;
use crate::mail::safe::SafeText;

impl Store {
    /// Takes back what a server refused, for the reason that it gave, and writes a notice for the user.
    pub fn refused(&self, account: AccountId, shares: &[Share], reason: &str) -> Result<(), Error> {
        self.write(|transaction| transaction.give_back(account, shares, reason))
    }
}

impl Transaction<'_> {
    /// Has everything that shares wanted be as the server has it, and says so in a notice.
    pub(super) fn give_back(&mut self, account: AccountId, shares: &[Share], reason: &str) -> Result<(), Fault> {
        for share in shares {
            self.go_back(share)?;
        }
        self.notice_of_refusal(account, shares, reason)
    }

    fn go_back(&mut self, share: &Share) -> Result<(), Fault> {
        match share {
            Share::Keywords { email, mailbox, id, add, remove } => {
                self.keywords_go_back(*email, *mailbox, id, add, remove)
            }
            Share::Arrival { email, to, .. } => self.arrival_goes_back(*email, *to),
            Share::Removal { email, mailbox, id } => {
                self.sql
                    .prepare_cached(
                        "UPDATE remotes SET is_deleted = 0
                         WHERE mailbox = ?1 AND remote_id = ?2 AND is_deleted = 2",
                    )?
                    .execute(params![mailbox.0, id.0])?;
                self.stay_in(*email, Some(*mailbox), None)?;
                self.after_push(*email)
            }
            Share::Mailbox { mailbox, change, name } => self.mailbox_goes_back(*mailbox, *change, name),
        }
    }

    fn keywords_go_back(
        &mut self,
        email: EmailId,
        mailbox: MailboxId,
        id: &RemoteId,
        add: &Keywords,
        remove: &Keywords,
    ) -> Result<(), Fault> {
        let mut query = self.sql.prepare_cached("SELECT keywords FROM emails WHERE id = ?1")?;
        let text: Option<String> = query.query_row([email.0], |row| row.get(0)).optional()?;
        drop(query);
        let Some(text) = text else { return Ok(()) };
        let (is_here, has_others) = self.copies_beside(email, mailbox, id)?;
        if !has_others {
            let mut keywords = Keywords::from_text(&text);
            add.iter().for_each(|keyword| keywords.remove(keyword));
            remove.iter().filter(|keyword| *keyword != DELETED).for_each(|keyword| keywords.insert(keyword));
            write_keywords(&self.sql, email, &keywords)?;
        } else if is_here && !remove.contains(DELETED) {
            // Copies are one email as long as they are in step.
            return self.split_off(email, mailbox, id);
        }
        if remove.contains(DELETED) {
            self.want_no_arrival(email, mailbox)?;
            // A copy that is to move would be marked there too: it stays, and so does its mark.
            self.stay_in(email, None, None)?;
            let is_marked: bool = self
                .sql
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM remotes WHERE mailbox = ?1 AND remote_id = ?2 AND is_deleted <> 0)",
                )?
                .query_row(params![mailbox.0, id.0], |row| row.get(0))?;
            if is_marked {
                self.leave_marked(email, mailbox)?;
            }
        }
        self.after_push(email)
    }

    /// Says whether a copy of an email is there, and whether others are; what is to be expunged is not.
    fn copies_beside(&self, email: EmailId, mailbox: MailboxId, id: &RemoteId) -> Result<(bool, bool), Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT IFNULL(MAX(mailbox = ?2 AND remote_id = ?3), 0), IFNULL(MAX(mailbox <> ?2 OR remote_id <> ?3), 0)
             FROM remotes WHERE email = ?1 AND is_deleted <> 1",
        )?;
        Ok(query.query_row(params![email.0, mailbox.0, id.0], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Makes an email of its own of a copy that cannot be in step with the others: it stays where it is, as it is.
    fn split_off(&mut self, email: EmailId, mailbox: MailboxId, id: &RemoteId) -> Result<(), Fault> {
        let account = self.place(mailbox)?.account;
        let own = self.transfer(email, account)?;
        self.sql
            .prepare_cached("UPDATE remotes SET email = ?1, is_deleted = 0 WHERE mailbox = ?2 AND remote_id = ?3")?
            .execute(params![own.0, mailbox.0, id.0])?;
        self.sql
            .prepare_cached(
                "UPDATE emails SET vanished_at = NULL, object_id = (SELECT o.object_id FROM emails o WHERE o.id = ?2)
                 WHERE id = ?1",
            )?
            .execute([own.0, email.0])?;
        let keywords = Keywords::from_text(&self.keywords_of_copy(mailbox, id, own)?);
        write_keywords(&self.sql, own, &keywords)?;
        if self.has_copy_in(email, mailbox)? {
            self.sql
                .prepare_cached("INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 1, 1)")?
                .execute([own.0, mailbox.0])?;
        } else {
            self.sql
                .prepare_cached(
                    "UPDATE memberships SET email = ?1, wanted = 1, push_after = 0 WHERE email = ?2 AND mailbox = ?3",
                )?
                .execute([own.0, email.0, mailbox.0])?;
        }
        self.after_push(own)?;
        self.after_push(email)
    }

    fn arrival_goes_back(&mut self, email: EmailId, to: MailboxId) -> Result<(), Fault> {
        self.want_no_arrival(email, to)?;
        // What was to leave for it stays; so does the one in another account that waits for it.
        self.stay_in(email, None, None)?;
        for waiting in self.waiting_for(email)? {
            self.stay_in(waiting, None, Some(email))?;
            self.after_push(waiting)?;
        }
        self.end_waiting_for(email)?;
        // What no server has stays here for its thirty days, from now on.
        self.sql
            .prepare_cached("UPDATE emails SET vanished_at = ?2 WHERE id = ?1 AND vanished_at IS NOT NULL")?
            .execute([email.0, self.now.0])?;
        self.after_push(email)
    }

    fn want_no_arrival(&mut self, email: EmailId, mailbox: MailboxId) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE memberships SET wanted = 0 WHERE email = ?1 AND mailbox = ?2 AND wanted = 1 AND synced = 0",
            )?
            .execute([email.0, mailbox.0])?;
        Ok(())
    }

    /// Has an email stay where the server has it: in one mailbox or all that it was to leave, for one email of another
    /// account or for whatever reason. Where it is only left to be expunged it is gone.
    pub(super) fn stay_in(
        &mut self,
        email: EmailId,
        mailbox: Option<MailboxId>,
        awaits: Option<EmailId>,
    ) -> Result<(), Fault> {
        let is_there = "(is_stale OR EXISTS (SELECT 1 FROM remotes r
            WHERE r.email = ?1 AND r.mailbox = memberships.mailbox AND r.is_deleted = 0))";
        self.sql
            .prepare_cached(&format!(
                "UPDATE memberships SET wanted = {is_there}, synced = {is_there}, push_after = 0, awaits = NULL
                 WHERE email = ?1 AND (?2 IS NULL OR mailbox = ?2) AND (?3 IS NULL OR awaits = ?3)
                     AND wanted = 0 AND synced = 1"
            ))?
            .execute(params![email.0, mailbox.map(|mailbox| mailbox.0), awaits.map(|other| other.0)])?;
        // A mailbox that was to be removed stays with its mail.
        let kept = self.sql.execute(
            "UPDATE mailboxes SET is_wanted = 1 WHERE is_wanted = 0
                 AND id IN (SELECT mailbox FROM memberships WHERE email = ?1 AND wanted = 1)",
            [email.0],
        )?;
        if kept > 0 {
            self.forget_places();
        }
        Ok(())
    }

    fn mailbox_goes_back(&mut self, mailbox: MailboxId, change: MailboxChange, name: &str) -> Result<(), Fault> {
        match change {
            MailboxChange::Create => {
                // What was to go there stays where it is.
                let emails: Vec<EmailId> = {
                    let mut query = self.sql.prepare_cached(
                        "SELECT email FROM memberships WHERE mailbox = ?1 AND wanted = 1 AND synced = 0",
                    )?;
                    let rows = query.query_map([mailbox.0], |row| row.get(0).map(EmailId))?;
                    rows.collect::<Result<_, _>>()?
                };
                for email in emails {
                    self.arrival_goes_back(email, mailbox)?;
                }
                self.sql.execute("UPDATE mailboxes SET is_wanted = 0 WHERE id = ?1", [mailbox.0])?;
            }
            MailboxChange::Rename => {
                // Those below it go back with it.
                self.sql.execute(
                    "UPDATE mailboxes SET name = (SELECT synced_name FROM mailboxes WHERE id = ?1)
                         || substr(name, length(?2) + 1)
                     WHERE account = (SELECT account FROM mailboxes WHERE id = ?1)
                         AND ((id = ?1 AND name = ?2) OR (id <> ?1 AND substr(name, 1, length(?2) + 1) = ?2 || '/'))",
                    params![mailbox.0, name],
                )?;
            }
            MailboxChange::Delete => {
                self.sql.execute("UPDATE mailboxes SET is_wanted = 1 WHERE id = ?1", [mailbox.0])?;
            }
            MailboxChange::Subscribe(_) => {
                self.sql
                    .execute("UPDATE mailboxes SET is_subscribed = synced_subscribed WHERE id = ?1", [mailbox.0])?;
            }
        }
        self.forget_places();
        Ok(())
    }

    fn notice_of_refusal(&mut self, account: AccountId, shares: &[Share], reason: &str) -> Result<(), Fault> {
        let Some(first) = shares.first() else { return Ok(()) };
        let (mailbox, is_folder) = match first {
            Share::Keywords { mailbox, .. } | Share::Removal { mailbox, .. } => (*mailbox, false),
            Share::Arrival { to, .. } => (*to, false),
            Share::Mailbox { mailbox, .. } => (*mailbox, true),
        };
        let name: Option<String> = self
            .sql
            .query_row("SELECT name FROM mailboxes WHERE id = ?1 AND account = ?2", [mailbox.0, account.0], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(name) = name else { return Ok(()) };
        let count = shares.len();
        let what = match first {
            Share::Mailbox { change: MailboxChange::Create, .. } => format!("to make the folder {name}"),
            Share::Mailbox { change: MailboxChange::Rename, .. } => "to rename the folder".to_owned(),
            Share::Mailbox { change: MailboxChange::Delete, .. } => format!("to remove the folder {name}"),
            Share::Mailbox { .. } => format!("to change the subscription of {name}"),
            Share::Keywords { .. } => format!("to mark {} in {name}", messages(count)),
            Share::Arrival { .. } => format!("to put {} into {name}", messages(count)),
            Share::Removal { .. } => format!("to delete {} from {name}", messages(count)),
        };
        let reason = SafeText::server_words(reason);
        let is_nowhere = match first {
            Share::Arrival { email, .. } => !self.is_wanted(*email)?,
            _ => false,
        };
        let is_new = matches!(first, Share::Mailbox { change: MailboxChange::Create, .. });
        let back = match (is_folder, is_nowhere, count) {
            (true, ..) if is_new => "There is no such folder.",
            (true, ..) => "It is there as it was before.",
            (false, true, 1) => "It is in no folder now; what is here of it stays for 30 days.",
            (false, true, _) => "They are in no folder now; what is here of them stays for 30 days.",
            (false, false, 1) => "It is back where it was.",
            (false, false, _) => "They are back where they were.",
        };
        let text = format!("The server refused {what}: {}. {back}", reason.as_str().trim_end_matches('.'));
        self.write_notice("refused", mailbox, count, &text).map(drop)
    }

    fn is_wanted(&self, email: EmailId) -> Result<bool, Fault> {
        let mut query =
            self.sql.prepare_cached("SELECT EXISTS (SELECT 1 FROM memberships WHERE email = ?1 AND wanted = 1)")?;
        Ok(query.query_row([email.0], |row| row.get(0))?)
    }
}
