//! Owns what a person should hear of and has not put aside, and bringing back what a mass vanish took.

use rusqlite::{OptionalExtension, params};

use super::error::{Error, Fault};
use super::{Store, Transaction};
use crate::mail::id::MailboxId;
use crate::mail::mailbox::Role;
use crate::mail::mutation::{Done, Step};
use crate::mail::number::grouped;
use crate::mail::time::UnixTime;

/// A mailbox that loses so many messages and a fifth of itself at once is not believed without a person.
const MASS_VANISH: usize = 50;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Much mail vanished from a mailbox at once: [`Store::restore`] brings it back.
    MassVanish,
    /// A server refused what was asked of it.
    Refused,
}

/// Something that a person should hear of and has not put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreNotice {
    /// Its number.
    pub id: i64,
    /// When it came up.
    pub at: UnixTime,
    /// The mailbox that it concerns.
    pub mailbox: MailboxId,
    /// How many messages it concerns.
    pub emails: u64,
    /// What it is about.
    pub kind: NoticeKind,
    /// The whole of it in words, harmless on a terminal.
    pub text: String,
}

impl Store {
    /// Gives what a person should hear of, oldest first. A mass vanish of which everything was found again is not
    /// among it.
    pub fn notices(&self) -> Result<Vec<StoreNotice>, Error> {
        self.read(|db| {
            let mut query = db.prepare_cached(
                "SELECT n.id, n.made_at, n.mailbox, n.emails, n.kind, n.text, b.name
                 FROM notices n JOIN mailboxes b ON b.id = n.mailbox
                 WHERE n.dismissed_at IS NULL
                     AND (n.kind <> 'mass_vanish' OR EXISTS (SELECT 1 FROM memberships m WHERE m.notice = n.id))
                 ORDER BY n.id",
            )?;
            let rows = query.query_map([], |row| {
                let emails = row.get::<_, i64>(3)?.unsigned_abs();
                let (kind, text) = match row.get_ref(4)?.as_str()? {
                    "refused" => (NoticeKind::Refused, row.get(5)?),
                    _ => (NoticeKind::MassVanish, vanished(emails, &row.get::<_, String>(6)?)),
                };
                let (id, at, mailbox) = (row.get(0)?, UnixTime(row.get(1)?), MailboxId(row.get(2)?));
                Ok(StoreNotice { id, at, mailbox, emails, kind, text })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Puts a notice aside.
    pub fn dismiss_notice(&self, id: i64) -> Result<(), Error> {
        self.write(|transaction| transaction.dismiss(id))
    }

    /// Brings back what a mass vanish took: it is wanted where it was, and the server gets it again from the bytes that
    /// were kept. What has no bytes cannot come back; the label says how much that is. The notice is put aside with it.
    ///
    /// # Errors
    /// `UnknownId` when there is no such notice.
    pub fn restore(&self, notice: i64, now: UnixTime) -> Result<Done, Error> {
        self.write(|transaction| {
            let found: Option<(i64, String, bool)> = transaction
                .sql
                .query_row(
                    "SELECT b.id, b.name, b.is_wanted = 1 AND b.hidden_since IS NULL
                     FROM notices n JOIN mailboxes b ON b.id = n.mailbox WHERE n.id = ?1",
                    [notice],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .optional()?;
            let Some((mailbox, name, is_there)) = found else { return Err(Error::unknown("notice").into()) };
            let taken: Vec<(i64, bool)> = {
                let mut query = transaction.sql.prepare_cached(
                    "SELECT m.email, e.blob IS NOT NULL OR e.vanished_at IS NULL
                     FROM memberships m JOIN emails e ON e.id = m.email WHERE m.notice = ?1",
                )?;
                let rows = query.query_map([notice], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<Result<_, _>>()?
            };
            let lost = taken.iter().filter(|(_, is_possible)| !is_possible).count();
            let back: Vec<i64> = taken.into_iter().filter(|(_, is_possible)| *is_possible).map(|(id, _)| id).collect();
            let mut steps = Vec::new();
            // A folder that went with its mail comes back with it.
            if !is_there && !back.is_empty() {
                steps.push(Step::MailboxExists { mailbox, on: true });
            }
            steps.extend(back.iter().map(|&email| Step::Membership {
                email,
                mailbox,
                on: true,
                awaits: None,
                is_made: false,
            }));
            let steps = transaction.take_steps(&steps, now)?;
            transaction.dismiss(notice)?;
            let mut label = format!("Brought {} back to {name}", messages(back.len()));
            if lost > 0 {
                label.push_str(&format!("; {} never came here whole and cannot come back", messages(lost)));
            }
            transaction.remember(&steps, &label, Vec::new(), now)
        })
    }
}

impl Transaction<'_> {
    fn dismiss(&mut self, id: i64) -> Result<(), Fault> {
        self.sql.execute("UPDATE notices SET dismissed_at = ?2 WHERE id = ?1", params![id, self.now.0])?;
        self.change.folders = true;
        Ok(())
    }

    /// Writes a notice when a mailbox loses much at once; gives its number.
    pub(super) fn notice_of_mass_vanish(
        &mut self,
        mailbox: MailboxId,
        gone: usize,
        all: i64,
    ) -> Result<Option<i64>, Fault> {
        let is_bin = matches!(self.place(mailbox)?.role, Some(Role::Trash | Role::Junk));
        let share = i64::try_from(gone).unwrap_or(i64::MAX).saturating_mul(5);
        if is_bin || gone < MASS_VANISH || share < all {
            return Ok(None);
        }
        self.write_notice("mass_vanish", mailbox, gone, "").map(Some)
    }

    /// Writes a notice; gives its number.
    pub(super) fn write_notice(
        &mut self,
        kind: &str,
        mailbox: MailboxId,
        emails: usize,
        text: &str,
    ) -> Result<i64, Fault> {
        self.sql.execute(
            "INSERT INTO notices (made_at, kind, mailbox, emails, text) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![self.now.0, kind, mailbox.0, emails as i64, text],
        )?;
        self.change.folders = true;
        Ok(self.sql.last_insert_rowid())
    }
}

/// Counts messages in words.
pub(super) fn messages(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} message{s}", grouped(count as u64))
}

fn vanished(emails: u64, folder: &str) -> String {
    let folder = crate::mail::safe::SafeText::line(folder);
    format!(
        "{} vanished from {} on the server at once. They are kept here for 30 days and can be brought back.",
        messages(usize::try_from(emails).unwrap_or(usize::MAX)),
        folder.as_str()
    )
}
