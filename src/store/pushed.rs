//! Owns what becomes of rows once a server heard what they wanted: synced follows wanted.
//!
//! What a server refused is in `refused`.

use std::path::Path;

use rusqlite::{OptionalExtension, params};

use super::email::write_keywords;
use super::error::Fault;
use super::pending::{MailboxChange, Share};
use super::{Error, Store, Transaction};
use crate::mail::id::{EmailId, MailboxId};
use crate::mail::keyword::{DELETED, Keywords};
use crate::mail::remote::RemoteId;

/// What a server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The row's share.
    pub share: Share,
    /// Its attempt's number, which ends with it; 0: it has none.
    pub attempt: i64,
    /// The new copy's id, for an arrival.
    pub id: Option<RemoteId>,
    /// The keywords that it was added with; `None`: those of the copy that it is made of.
    pub keywords: Option<Keywords>,
    /// The mailbox's path, where it was made or renamed.
    pub path: Option<String>,
    /// Whether what was to go is only marked as deleted: the server can do no more.
    pub is_only_marked: bool,
}

impl Pushed {
    /// Says that a share was done, and no more.
    pub fn new(share: Share) -> Self {
        Self { share, attempt: 0, id: None, keywords: None, path: None, is_only_marked: false }
    }
}

impl Store {
    /// Says what a server did; the attempts that came to an end with it, and `attempts` that ended without, are forgotten
    /// in the same transaction. What cannot be so is not believed: its attempt stays open.
    pub fn pushed(&self, done: &[Pushed], attempts: &[i64]) -> Result<(), Error> {
        self.write(|transaction| {
            for pushed in done {
                if transaction.settle(pushed, self.path())? {
                    transaction.end_attempts(&[pushed.attempt])?;
                }
            }
            transaction.end_attempts(attempts)
        })
    }
}

impl Transaction<'_> {
    /// Has rows say what was done; says whether that could be believed.
    fn settle(&mut self, pushed: &Pushed, path: &Path) -> Result<bool, Fault> {
        match &pushed.share {
            Share::Keywords { email, mailbox, id, add, remove } => {
                self.settle_keywords(*email, *mailbox, id, add, remove)?;
            }
            Share::Arrival { email, from, to, is_move } => {
                // Without an id nothing is known of the copy: its attempt, or the next look, will tell.
                let Some(id) = &pushed.id else { return Ok(false) };
                let from = from.as_ref().map(|(mailbox, id)| (*mailbox, id));
                if let Some(other) = self.email_of(*to, id)?
                    && other != *email
                    && !self.may_be_copy(*email, other, from.is_none(), path)?
                {
                    return Ok(false);
                }
                self.settle_arrival(*email, from, (*to, id), pushed.keywords.as_ref())?;
                if let Some((mailbox, id)) = from.filter(|_| *is_move) {
                    self.settle_removal(*email, mailbox, id, false)?;
                }
            }
            Share::Removal { email, mailbox, id } => {
                self.settle_removal(*email, *mailbox, id, pushed.is_only_marked)?;
            }
            Share::Mailbox { mailbox, change, name } => {
                self.settle_mailbox(*mailbox, *change, name, pushed.path.as_deref())?;
            }
        }
        Ok(true)
    }

    fn settle_keywords(
        &mut self,
        email: EmailId,
        mailbox: MailboxId,
        id: &RemoteId,
        add: &Keywords,
        remove: &Keywords,
    ) -> Result<(), Fault> {
        let text: Option<String> = self
            .sql
            .prepare_cached("SELECT keywords FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
            .query_row(params![mailbox.0, id.0], |row| row.get(0))
            .optional()?;
        let Some(text) = text else { return Ok(()) };
        let mut synced = Keywords::from_text(&text);
        add.iter().for_each(|keyword| synced.insert(keyword));
        remove.iter().for_each(|keyword| synced.remove(keyword));
        self.sql
            .prepare_cached("UPDATE remotes SET keywords = ?3 WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![mailbox.0, id.0, synced.to_text()])?;
        if remove.contains(DELETED) {
            self.mark_deleted(mailbox, id, false)?;
            self.resync(email, mailbox)?;
        }
        self.settle_pending(email)
    }

    fn mark_deleted(&mut self, mailbox: MailboxId, id: &RemoteId, on: bool) -> Result<(), Fault> {
        self.sql
            .prepare_cached("UPDATE remotes SET is_deleted = ?3 WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![mailbox.0, id.0, on])?;
        Ok(())
    }

    fn settle_removal(
        &mut self,
        email: EmailId,
        mailbox: MailboxId,
        id: &RemoteId,
        is_only_marked: bool,
    ) -> Result<(), Fault> {
        match is_only_marked {
            true => self.mark_deleted(mailbox, id, true)?,
            false => self.drop_remote(mailbox, id, email)?,
        }
        self.resync(email, mailbox)?;
        self.after_push(email)
    }

    /// A copy is in a mailbox: its id is the server's word, or was found by what is in it. It has the keywords that it
    /// was added with, or those of the copy that it is made of.
    fn settle_arrival(
        &mut self,
        email: EmailId,
        from: Option<(MailboxId, &RemoteId)>,
        (to, id): (MailboxId, &RemoteId),
        keywords: Option<&Keywords>,
    ) -> Result<(), Fault> {
        if self.thread_of(email)?.is_none() {
            return Ok(());
        }
        let (keywords, is_deleted) = match (self.take_over(email, to, id)?, keywords, from) {
            (Some(known), _, _) => known,
            (None, Some(keywords), _) => (keywords.to_text(), false),
            (None, None, Some((mailbox, id))) => (self.keywords_of_copy(mailbox, id, email)?, false),
            (None, None, None) => (self.keywords_of(email)?, false),
        };
        self.sql
            .prepare_cached(
                "INSERT INTO remotes (mailbox, remote_id, email, blob, keywords, is_deleted)
                 SELECT ?1, ?2, id, blob, ?4, ?5 FROM emails WHERE id = ?3",
            )?
            .execute(params![to.0, id.0, email.0, keywords, is_deleted])?;
        self.sql
            .prepare_cached("UPDATE emails SET vanished_at = NULL, base_keywords = NULL WHERE id = ?1")?
            .execute([email.0])?;
        self.resync(email, to)?;
        self.after_push(email)
    }

    fn keywords_of(&self, email: EmailId) -> Result<String, Fault> {
        let mut query = self.sql.prepare_cached("SELECT keywords FROM emails WHERE id = ?1")?;
        Ok(query.query_row([email.0], |row| row.get(0))?)
    }

    pub(super) fn keywords_of_copy(&self, mailbox: MailboxId, id: &RemoteId, email: EmailId) -> Result<String, Fault> {
        let mut query =
            self.sql.prepare_cached("SELECT keywords FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?;
        let known = query.query_row(params![mailbox.0, id.0], |row| row.get(0)).optional()?;
        known.map_or_else(|| self.keywords_of(email), Ok)
    }

    /// Makes way for a copy that we made and that came as news before we knew its id: what was done to it meanwhile
    /// was done to the email. Gives the keywords that the news told, and whether it is to be expunged.
    fn take_over(
        &mut self,
        email: EmailId,
        mailbox: MailboxId,
        id: &RemoteId,
    ) -> Result<Option<(String, bool)>, Fault> {
        let known: Option<(i64, String, bool)> = self
            .sql
            .prepare_cached("SELECT email, keywords, is_deleted FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
            .query_row(params![mailbox.0, id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((other, keywords, is_deleted)) = known else { return Ok(None) };
        let other = EmailId(other);
        if other == email {
            self.sql
                .prepare_cached("DELETE FROM remotes WHERE mailbox = ?1 AND remote_id = ?2")?
                .execute(params![mailbox.0, id.0])?;
            return Ok(Some((keywords, is_deleted)));
        }
        let base: Option<String> = self
            .sql
            .prepare_cached(
                "SELECT IFNULL(base_keywords, (SELECT r.keywords FROM remotes r WHERE r.email = emails.id LIMIT 1))
                 FROM emails WHERE id = ?1",
            )?
            .query_row([email.0], |row| row.get(0))?;
        // One that has other copies, too, is a mail in its own right: what it is to become is its own affair.
        let has_copies: bool = self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM remotes WHERE email = ?1 AND (mailbox <> ?2 OR remote_id <> ?3))",
            )?
            .query_row(params![other.0, mailbox.0, id.0], |row| row.get(0))?;
        let ours = self.keywords_of(email)?;
        let theirs = if has_copies { keywords.clone() } else { self.keywords_of(other)? };
        let [base, ours, theirs, told] =
            [base.as_ref().unwrap_or(&ours), &ours, &theirs, &keywords].map(|text| Keywords::from_text(text));
        // What others did to the copy before it was moved, and what was done here to either of the two.
        let merged = Keywords::merge(&told, &theirs, &Keywords::merge(&base, &ours, &told));
        write_keywords(&self.sql, email, &merged)?;
        if !has_copies {
            self.sql
                .prepare_cached(
                    "UPDATE memberships SET wanted = 0 WHERE email = ?1 AND mailbox = ?3 AND EXISTS (
                         SELECT 1 FROM memberships o WHERE o.email = ?2 AND o.mailbox = ?3 AND o.wanted = 0)",
                )?
                .execute([email.0, other.0, mailbox.0])?;
            self.sql
                .prepare_cached(
                    "INSERT INTO memberships (email, mailbox, wanted, synced)
                     SELECT ?1, mailbox, 1, 0 FROM memberships WHERE email = ?2 AND wanted = 1 AND synced = 0
                     ON CONFLICT (email, mailbox) DO UPDATE SET wanted = 1, push_after = 0, notice = NULL",
                )?
                .execute([email.0, other.0])?;
        }
        // What was added from here is known by the server's count of its bytes from now on.
        self.sql
            .prepare_cached("UPDATE emails SET content = (SELECT content FROM emails WHERE id = ?2) WHERE id = ?1")?
            .execute([email.0, other.0])?;
        self.drop_remote(mailbox, id, other)?;
        self.leave(other, mailbox, None)?;
        if !has_copies && let Some(thread) = self.thread_of(other)? {
            self.forget_email(other, thread)?;
        }
        Ok(Some((keywords, is_deleted)))
    }

    fn settle_mailbox(
        &mut self,
        mailbox: MailboxId,
        change: MailboxChange,
        name: &str,
        path: Option<&str>,
    ) -> Result<(), Fault> {
        match change {
            MailboxChange::Create => {
                self.sql.execute(
                    "UPDATE mailboxes SET path = IFNULL(?2, ?3), synced_name = ?3, is_synced = 1, hidden_since = NULL
                     WHERE id = ?1",
                    params![mailbox.0, path, name],
                )?;
            }
            MailboxChange::Rename => self.settle_rename(mailbox, name, path)?,
            MailboxChange::Delete => self.lose_mailbox(mailbox)?,
            MailboxChange::Subscribe(on) => {
                self.sql
                    .execute("UPDATE mailboxes SET synced_subscribed = ?2 WHERE id = ?1", params![mailbox.0, on])?;
            }
        }
        self.forget_places();
        Ok(())
    }

    /// A mailbox has another name on the server, and so have those below it.
    fn settle_rename(&mut self, mailbox: MailboxId, name: &str, path: Option<&str>) -> Result<(), Fault> {
        let (old_name, old_path): (String, String) =
            self.sql.query_row("SELECT synced_name, path FROM mailboxes WHERE id = ?1", [mailbox.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let path = path.unwrap_or(&old_path);
        self.sql.execute(
            "UPDATE mailboxes SET synced_name = ?2 || substr(synced_name, length(?4) + 1),
                 path = CASE substr(path, 1, length(?5)) WHEN ?5 THEN ?3 || substr(path, length(?5) + 1) ELSE path END
             WHERE is_synced = 1 AND account = (SELECT account FROM mailboxes WHERE id = ?1)
                 AND (id = ?1 OR substr(synced_name, 1, length(?4) + 1) = ?4 || '/')",
            params![mailbox.0, name, path, old_name, old_path],
        )?;
        Ok(())
    }

    /// Has a membership say what the copies say.
    fn resync(&mut self, email: EmailId, mailbox: MailboxId) -> Result<(), Fault> {
        let synced = self.has_copy_in(email, mailbox)?;
        self.sql
            .prepare_cached(
                "INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 0, ?3)
                 ON CONFLICT (email, mailbox) DO UPDATE SET synced = excluded.synced, push_after = 0, is_stale = 0,
                     awaits = CASE excluded.synced WHEN 1 THEN awaits END",
            )?
            .execute(params![email.0, mailbox.0, synced])?;
        if synced { self.end_waiting_for(email) } else { Ok(()) }
    }

    pub(super) fn after_push(&mut self, email: EmailId) -> Result<(), Fault> {
        self.drop_empty_memberships(email)?;
        self.settle_pending(email)?;
        if let Some(thread) = self.thread_of(email)? {
            self.touch(email, thread);
        }
        Ok(())
    }
}
