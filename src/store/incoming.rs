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
use crate::mail::keyword::{DELETED, Keywords};
use crate::mail::remote::{Arrived, Delta, RemoteId};
use crate::mail::safe::SafeText;
use crate::mail::time::UnixTime;

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
            let mut incoming = Incoming {
                transaction,
                account,
                mailbox,
                is_local: false,
                is_numbered_anew: None,
                result: Applied::default(),
            };
            incoming.is_local = incoming.transaction.place(mailbox)?.is_local;
            for delta in deltas {
                incoming.apply(delta)?;
            }
            Ok(incoming.result)
        })
    }

    /// Gives every known message of a mailbox with the keywords that the server last told.
    pub fn remotes(&self, mailbox: MailboxId) -> Result<Vec<(RemoteId, Keywords)>, Error> {
        self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT remote_id, keywords, is_deleted FROM remotes WHERE mailbox = ?1")?;
            let rows = query.query_map([mailbox.0], |row| {
                let mut keywords = Keywords::from_text(row.get_ref(1)?.as_str()?);
                keywords.set(DELETED, row.get(2)?);
                Ok((RemoteId(row.get(0)?), keywords))
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
}

/// A portion of news on its way in.
struct Incoming<'t, 'c> {
    transaction: &'t mut Transaction<'c>,
    account: AccountId,
    mailbox: MailboxId,
    is_local: bool,
    /// Whether something in the mailbox waits for its copy since the server began to number anew.
    is_numbered_anew: Option<bool>,
    result: Applied,
}

impl Incoming<'_, '_> {
    fn apply(&mut self, delta: &Delta) -> Result<(), Fault> {
        match delta {
            Delta::Reset => {
                self.is_numbered_anew = None;
                self.transaction.forget_numbering(self.mailbox)
            }
            Delta::Arrived(arrived) => self.arrive(arrived),
            Delta::Keywords(id, keywords) => match self.transaction.email_of(self.mailbox, id)? {
                Some(known) => self.hear_keywords(id, known, keywords),
                None => Ok(()),
            },
            Delta::Vanished(ids) => {
                self.result.vanished += self.transaction.vanish(self.mailbox, ids)?;
                Ok(())
            }
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

    fn arrive(&mut self, arrived: &Arrived) -> Result<(), Fault> {
        if let Some(known) = self.transaction.email_of(self.mailbox, &arrived.id)? {
            return self.hear_keywords(&arrived.id, known, &arrived.keywords);
        }
        self.result.arrived += 1;
        if let Some(known) = self.find_by_object(arrived)? {
            return self.attach(known, arrived);
        }
        let content = thread::content_hash(&arrived.header, arrived.size);
        let twin = match self.find_vanished_twin(arrived, content)? {
            None => self.find_leaving_twin(content)?,
            twin => twin,
        };
        match twin {
            Some(twin) => self.attach(twin, arrived),
            None => self.insert(arrived, content),
        }
    }

    /// Finds the email that the server calls the same message. Its copies are one email as long as they are in step: one
    /// that has other keywords than those that are there is an email of its own, so that nobody's keywords are overruled.
    /// One that lost its copies goes first.
    fn find_by_object(&self, arrived: &Arrived) -> Result<Option<EmailId>, Fault> {
        let Some(object) = &arrived.object_id else { return Ok(None) };
        let mut query = self.transaction.sql.prepare_cached(
            "SELECT e.id, EXISTS (SELECT 1 FROM remotes r WHERE r.email = e.id AND r.is_deleted <> 1) AS is_live
             FROM emails e LEFT JOIN memberships m ON m.email = e.id AND m.mailbox = ?3
             WHERE e.account = ?1 AND e.object_id = ?2 AND (NOT is_live OR EXISTS (
                 SELECT 1 FROM remotes r WHERE r.email = e.id AND r.is_deleted <> 1 AND r.keywords = ?4))
             ORDER BY is_live, IFNULL(m.is_stale, 0) = 0, e.base_keywords IS NOT ?4, e.id LIMIT 1",
        )?;
        let (keywords, _) = word_of(&arrived.keywords);
        let key = params![self.account.0, object, self.mailbox.0, keywords.to_text()];
        Ok(query.query_row(key, |row| row.get(0)).optional()?.map(EmailId))
    }

    /// Finds an email with the same content that lost its last copy: moved by another client, or numbered anew. The
    /// server's own receiving time must agree, which no stranger chooses; where a mailbox was numbered anew it need not.
    /// What no server ever had, on its way to its first one, did not vanish.
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
            "SELECT e.id FROM emails e LEFT JOIN memberships m ON m.email = e.id AND m.mailbox = ?3
             WHERE e.content = ?1 AND e.vanished_at IS NOT NULL AND e.base_keywords IS NOT NULL AND e.account = ?2
                 AND (IFNULL(m.is_stale, 0) = 1 OR e.received = ?4)
             ORDER BY IFNULL(m.is_stale, 0) = 0, e.received <> ?4, IFNULL(m.wanted, 0) = 0, e.id LIMIT 1",
        )?;
        let key = [content, self.account.0, self.mailbox.0, arrived.received.0];
        Ok(query.query_row(key, |row| row.get(0)).optional()?.map(EmailId))
    }

    /// Finds an email with the same content that was to leave this mailbox when it was numbered anew: its other copy, at
    /// which it is to stay, is there.
    fn find_leaving_twin(&mut self, content: i64) -> Result<Option<EmailId>, Fault> {
        let is_numbered_anew = match self.is_numbered_anew {
            Some(known) => known,
            None => {
                let mut query = self
                    .transaction
                    .sql
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM memberships WHERE mailbox = ?1 AND is_stale = 1)")?;
                query.query_row([self.mailbox.0], |row| row.get(0))?
            }
        };
        self.is_numbered_anew = Some(is_numbered_anew);
        if !is_numbered_anew {
            return Ok(None);
        }
        let mut query = self.transaction.sql.prepare_cached(
            "SELECT e.id FROM emails e JOIN memberships m ON m.email = e.id AND m.mailbox = ?3
             WHERE e.account = ?2 AND e.is_pending = 1 AND e.content = ?1 AND m.is_stale = 1 AND m.wanted = 0
             ORDER BY e.id LIMIT 1",
        )?;
        let key = [content, self.account.0, self.mailbox.0];
        Ok(query.query_row(key, |row| row.get(0)).optional()?.map(EmailId))
    }

    fn insert(&mut self, arrived: &Arrived, content: i64) -> Result<(), Fault> {
        let (keywords, is_deleted) = word_of(&arrived.keywords);
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
            keywords: &keywords,
            header: &arrived.header,
        };
        email::insert(&self.transaction.sql, &email)?;
        self.insert_remote(id, arrived, None)?;
        self.transaction.note_email(id, linked.thread);
        if is_deleted && !self.is_local {
            self.transaction.touched.insert(linked.thread, Touched::Changed);
            return Ok(());
        }
        self.transaction
            .sql
            .prepare_cached("INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 1, ?3)")?
            .execute(params![id.0, self.mailbox.0, !self.is_local])?;
        self.transaction.keep_mailbox(self.mailbox)?;
        let why = if linked.is_new {
            Touched::Fresh {
                email: id,
                mailbox: self.mailbox,
                is_unread: !keywords.is_seen(),
                is_flagged: keywords.is_flagged(),
            }
        } else {
            Touched::Changed
        };
        self.transaction.touched.insert(linked.thread, why);
        self.result.new_emails.push(id);
        Ok(())
    }

    fn insert_remote(&self, email: EmailId, arrived: &Arrived, blob: Option<i64>) -> Result<(), Fault> {
        let (keywords, is_deleted) = word_of(&arrived.keywords);
        self.transaction
            .sql
            .prepare_cached(
                "INSERT INTO remotes (mailbox, remote_id, email, blob, keywords, is_deleted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![self.mailbox.0, arrived.id.0, email.0, blob, keywords.to_text(), is_deleted])?;
        Ok(())
    }

    /// Makes a newcomer another copy of an email that is known.
    fn attach(&mut self, email: EmailId, arrived: &Arrived) -> Result<(), Fault> {
        let (server, is_deleted) = word_of(&arrived.keywords);
        // A newcomer that is in step with another copy says nothing new.
        let (thread, wanted, base, blob, is_twin): (i64, String, Option<String>, Option<i64>, bool) = self
            .transaction
            .sql
            .prepare_cached(
                "SELECT thread, keywords,
                     IFNULL(base_keywords, (SELECT r.keywords FROM remotes r WHERE r.email = emails.id
                                            ORDER BY r.keywords <> ?2 LIMIT 1)), blob,
                     vanished_at IS NOT NULL
                 FROM emails WHERE id = ?1",
            )?
            .query_row(params![email.0, server.to_text()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
        self.insert_remote(email, arrived, blob)?;
        let wanted = Keywords::from_text(&wanted);
        let base = base.map_or_else(|| wanted.clone(), |base| Keywords::from_text(&base));
        let merged = Keywords::merge(&base, &wanted, &server);
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
        } else if is_deleted {
            // Here but to be expunged is as good as not here.
            self.transaction.leave_marked(email, self.mailbox)?;
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
            self.transaction.come_into(email, self.mailbox, !is_on_its_way)?;
        }
        // What was missed is found.
        self.transaction
            .sql
            .prepare_cached("UPDATE memberships SET notice = NULL WHERE email = ?1 AND notice IS NOT NULL")?
            .execute([email.0])?;
        self.transaction.drop_empty_memberships(email)?;
        self.transaction.settle_pending(email)?;
        self.transaction.touch(email, ThreadId(thread));
        Ok(())
    }

    fn hear_keywords(&mut self, id: &RemoteId, email: EmailId, said: &Keywords) -> Result<(), Fault> {
        let (server, is_deleted) = word_of(said);
        let (base, was_deleted, wanted, thread): (String, bool, String, i64) = self
            .transaction
            .sql
            .prepare_cached(
                "SELECT r.keywords, r.is_deleted, e.keywords, e.thread FROM remotes r JOIN emails e ON e.id = r.email
                 WHERE r.mailbox = ?1 AND r.remote_id = ?2",
            )?
            .query_row(params![self.mailbox.0, id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let text = server.to_text();
        if base == text && was_deleted == is_deleted {
            return Ok(());
        }
        self.transaction
            .sql
            .prepare_cached("UPDATE remotes SET keywords = ?3, is_deleted = ?4 WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![self.mailbox.0, id.0, text, is_deleted])?;
        let wanted = Keywords::from_text(&wanted);
        let merged = Keywords::merge(&Keywords::from_text(&base), &wanted, &server);
        if merged != wanted {
            email::write_keywords(&self.transaction.sql, email, &merged)?;
            self.transaction.touch(email, ThreadId(thread));
        }
        if was_deleted != is_deleted && !self.is_local {
            match is_deleted {
                true => self.transaction.leave_marked(email, self.mailbox)?,
                false => self.transaction.come_into(email, self.mailbox, true)?,
            }
            self.transaction.touch(email, ThreadId(thread));
        }
        self.transaction.settle_pending(email)
    }
}

/// Parts what the server says of a copy into its keywords and whether it is to be expunged.
fn word_of(said: &Keywords) -> (Keywords, bool) {
    let mut keywords = said.clone();
    keywords.remove(DELETED);
    (keywords, said.contains(DELETED))
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

    /// Takes in that the server has an email in a mailbox. `wanted` is for one that was not known there.
    pub(super) fn come_into(&mut self, email: EmailId, mailbox: MailboxId, wanted: bool) -> Result<(), Fault> {
        let is_wanted: bool = self
            .sql
            .prepare_cached(
                "INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, ?3, 1)
                 ON CONFLICT (email, mailbox) DO UPDATE SET is_stale = 0, notice = NULL,
                     wanted = CASE WHEN synced = 0 AND wanted = 0 THEN excluded.wanted ELSE wanted END, synced = 1
                 RETURNING wanted",
            )?
            .query_row(params![email.0, mailbox.0, wanted], |row| row.get(0))?;
        self.end_waiting_for(email)?;
        if is_wanted { self.keep_mailbox(mailbox) } else { Ok(()) }
    }

    /// Takes in that the server has an email in a mailbox only as one to be expunged. What is to leave still leaves.
    pub(super) fn leave_marked(&mut self, email: EmailId, mailbox: MailboxId) -> Result<(), Fault> {
        if self.has_copy_in(email, mailbox)? {
            return Ok(());
        }
        self.sql
            .prepare_cached("UPDATE memberships SET is_stale = 0 WHERE email = ?1 AND mailbox = ?2")?
            .execute([email.0, mailbox.0])?;
        self.sql
            .prepare_cached("DELETE FROM memberships WHERE email = ?1 AND mailbox = ?2 AND wanted = 1 AND synced = 1")?
            .execute([email.0, mailbox.0])?;
        Ok(())
    }

    /// Keeps a mailbox that is to be removed when mail comes into it that nobody has seen.
    fn keep_mailbox(&mut self, mailbox: MailboxId) -> Result<(), Fault> {
        if self.place(mailbox)?.is_there {
            return Ok(());
        }
        let name = self.mailbox_name(mailbox)?;
        self.sql.execute("UPDATE mailboxes SET is_wanted = 1, hidden_since = NULL WHERE id = ?1", [mailbox.0])?;
        self.forget_places();
        let text = format!("The folder {} was not removed: new mail came into it.", SafeText::line(&name).as_str());
        self.write_notice("refused", mailbox, 0, &text).map(drop)
    }
}
