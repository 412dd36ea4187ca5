//! Owns the history: what the user did, newest last, and taking it back or doing it again.
//!
//! Undo and redo are edits like any other; they work across restarts and between processes.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension, params};

use super::error::{Error, Fault, Kind};
use super::{Store, Transaction};
use crate::mail::id::{AccountId, EmailId, HistoryId};
use crate::mail::mutation::{Done, MadeFolder, Step};
use crate::mail::time::UnixTime;

/// Undo goes back this far.
const MOST_HISTORY: i64 = 1_000;

/// One action of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its number.
    pub id: HistoryId,
    /// When it was done.
    pub at: UnixTime,
    /// What it was, a sentence.
    pub label: String,
    /// Whether it was taken back.
    pub is_undone: bool,
}

/// Which way an entry of the history is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Forth,
}

impl Store {
    /// Takes the last action back that was not taken back yet; `None` when there is none.
    ///
    /// # Errors
    /// `Other` where a folder that it needs is not there any more.
    pub fn undo(&self, now: UnixTime) -> Result<Option<Done>, Error> {
        self.write(|transaction| {
            let last = "SELECT id FROM history WHERE undone = 0 ORDER BY id DESC LIMIT 1";
            transaction.go_through_history(last, None, Way::Back, now)
        })
    }

    /// Does the action again that was taken back last; `None` when there is none.
    ///
    /// # Errors
    /// As [`Store::undo`].
    pub fn redo(&self, now: UnixTime) -> Result<Option<Done>, Error> {
        self.write(|transaction| {
            let last = "SELECT id FROM history WHERE undone > 0 ORDER BY undone DESC LIMIT 1";
            transaction.go_through_history(last, None, Way::Forth, now)
        })
    }

    /// Takes one action back, whatever was done after it; `None` when it is not there or was taken back already.
    /// No mail comes to be in no folder by that: a copy that became the only one since then stays.
    ///
    /// # Errors
    /// As [`Store::undo`].
    pub fn take_back(&self, entry: HistoryId, now: UnixTime) -> Result<Option<Done>, Error> {
        self.write(|transaction| {
            let this = "SELECT id FROM history WHERE undone = 0 AND id = ?1";
            transaction.go_through_history(this, Some(entry), Way::Back, now)
        })
    }

    /// Lists the last actions, newest first.
    pub fn history(&self, limit: usize) -> Result<Vec<HistoryEntry>, Error> {
        self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT id, done_at, label, undone > 0 FROM history ORDER BY id DESC LIMIT ?1")?;
            let rows = query.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                Ok(HistoryEntry {
                    id: HistoryId(row.get(0)?),
                    at: UnixTime(row.get(1)?),
                    label: row.get(2)?,
                    is_undone: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

impl Transaction<'_> {
    /// Writes down steps that were taken, so that they can be taken back, and says what they came to.
    pub(super) fn remember(
        &mut self,
        steps: &[Step],
        label: &str,
        made: Vec<MadeFolder>,
        now: UnixTime,
    ) -> Result<Done, Fault> {
        let done = self.done(label, steps, made)?;
        if !steps.is_empty() {
            let inverse = Step::inverse_of_all(steps);
            self.sql.execute("DELETE FROM history WHERE undone > 0", [])?;
            self.sql.execute(
                "INSERT INTO history (done_at, label, emails, steps, inverse) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![now.0, label, done.emails as i64, to_json(steps)?, to_json(&inverse)?],
            )?;
            self.sql.execute("DELETE FROM history WHERE id <= (SELECT MAX(id) FROM history) - ?1", [MOST_HISTORY])?;
        }
        Ok(done)
    }

    fn done(&mut self, label: &str, steps: &[Step], made: Vec<MadeFolder>) -> Result<Done, Fault> {
        let mut accounts = BTreeSet::new();
        for step in steps {
            if let Some(email) = step.email() {
                accounts.extend(self.account_of(email)?);
            }
            if let Some(mailbox) = step.mailbox() {
                accounts.extend(self.places()?.get(&mailbox).map(|place| place.account));
            }
        }
        let emails = count_emails(steps);
        Ok(Done { label: label.to_owned(), emails, accounts: accounts.into_iter().collect(), made })
    }

    fn go_through_history(
        &mut self,
        sql: &str,
        entry: Option<HistoryId>,
        way: Way,
        now: UnixTime,
    ) -> Result<Option<Done>, Fault> {
        let found: Option<i64> = match entry {
            Some(entry) => self.sql.query_row(sql, [entry.0], |row| row.get(0)).optional()?,
            None => self.sql.query_row(sql, [], |row| row.get(0)).optional()?,
        };
        let Some(id) = found else { return Ok(None) };
        let column = match way {
            Way::Back => "inverse",
            Way::Forth => "steps",
        };
        let (label, steps): (String, String) =
            self.sql.query_row(&format!("SELECT label, {column} FROM history WHERE id = ?1"), [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let mut steps: Vec<Step> = serde_json::from_str(&steps).map_err(|_| unreadable_history())?;
        if way == Way::Back && self.was_followed(id)? {
            steps = self.without_losses(steps)?;
        }
        self.check_places(&steps)?;
        let taken = self.take_steps(&steps, now)?;
        self.sql.execute(
            match way {
                Way::Back => "UPDATE history SET undone = (SELECT MAX(undone) + 1 FROM history) WHERE id = ?1",
                Way::Forth => "UPDATE history SET undone = 0 WHERE id = ?1",
            },
            [id],
        )?;
        self.done(&label, &taken, Vec::new()).map(Some)
    }

    /// Says whether something was done after an entry that was not taken back.
    fn was_followed(&self, id: i64) -> Result<bool, Fault> {
        let sql = "SELECT EXISTS (SELECT 1 FROM history WHERE undone = 0 AND id > ?1)";
        Ok(self.sql.query_row(sql, [id], |row| row.get(0))?)
    }

    /// Leaves out the steps after which an email would be wanted nowhere: what was done since then has made a copy the
    /// only one. A like in another account goes: what it is like is not taken away by that.
    fn without_losses(&self, steps: Vec<Step>) -> Result<Vec<Step>, Fault> {
        let mut wanted: HashMap<i64, BTreeSet<i64>> = HashMap::new();
        let mut kept = Vec::with_capacity(steps.len());
        for step in steps {
            if let Step::Membership { email, mailbox, on, is_made, .. } = &step {
                if !wanted.contains_key(email) {
                    let places = super::email::mailboxes_of(&self.sql, EmailId(*email))?;
                    wanted.insert(*email, places.into_iter().map(|mailbox| mailbox.0).collect());
                }
                let places = wanted.entry(*email).or_default();
                if *on {
                    places.insert(*mailbox);
                } else if !is_made && places.len() == 1 && places.contains(mailbox) {
                    continue;
                } else {
                    places.remove(mailbox);
                }
            }
            kept.push(step);
        }
        Ok(kept)
    }

    /// Refuses to take mail out of a mailbox for one that is not there any more: it would be nowhere.
    fn check_places(&mut self, steps: &[Step]) -> Result<(), Fault> {
        let comes_back: BTreeSet<i64> = steps
            .iter()
            .filter_map(|step| match step {
                Step::MailboxExists { mailbox, on: true } => Some(*mailbox),
                _ => None,
            })
            .collect();
        for step in steps {
            let Step::Membership { email, mailbox, on: true, .. } = step else { continue };
            if comes_back.contains(mailbox) || self.account_of(EmailId(*email))?.is_none() {
                continue;
            }
            let is_there: Option<(String, bool)> = self
                .sql
                .prepare_cached("SELECT name, is_wanted = 1 AND hidden_since IS NULL FROM mailboxes WHERE id = ?1")?
                .query_row([mailbox], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let what = match is_there {
                Some((_, true)) => continue,
                Some((name, false)) => format!("The folder {name} is not there any more."),
                None => "The folder that the mail was in is not there any more.".to_owned(),
            };
            return Err(Error::new(Kind::Other, what, "Bring the folder back first, or move the mail by hand.").into());
        }
        Ok(())
    }

    /// Takes an account's mail out of the history: nothing done to it can be taken back any more, and its numbers may
    /// be given to other mail.
    pub(super) fn forget_history(&mut self, account: AccountId) -> Result<(), Fault> {
        let entries = {
            let mut query = self.sql.prepare("SELECT id, steps, inverse FROM history")?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<Vec<(i64, String, String)>, _>>()?
        };
        for (id, steps, inverse) in entries {
            let (steps, inverse) = (self.without(account, &steps)?, self.without(account, &inverse)?);
            if steps.is_empty() {
                self.sql.execute("DELETE FROM history WHERE id = ?1", [id])?;
            } else {
                self.sql.execute(
                    "UPDATE history SET steps = ?2, inverse = ?3, emails = ?4 WHERE id = ?1",
                    params![id, to_json(&steps)?, to_json(&inverse)?, count_emails(&steps) as i64],
                )?;
            }
        }
        Ok(())
    }

    /// Gives the steps that are about mail and folders of other accounts that are here.
    fn without(&mut self, account: AccountId, steps: &str) -> Result<Vec<Step>, Fault> {
        let mut kept = Vec::new();
        // What another version wrote cannot be taken back anyway.
        for step in serde_json::from_str::<Vec<Step>>(steps).unwrap_or_default() {
            let mut owners = Vec::new();
            if let Some(email) = step.email() {
                owners.push(self.account_of(email)?);
            }
            if let Step::Membership { awaits: Some(other), .. } = &step {
                owners.push(self.account_of(EmailId(*other))?);
            }
            if let Some(mailbox) = step.mailbox() {
                owners.push(self.places()?.get(&mailbox).map(|place| place.account));
            }
            if owners.iter().all(|owner| owner.is_some_and(|owner| owner != account)) {
                kept.push(step);
            }
        }
        Ok(kept)
    }
}

/// Counts the messages that steps are about: what moves between accounts is one, though it is an email in each.
fn count_emails(steps: &[Step]) -> usize {
    let messages: BTreeSet<i64> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Membership { email, awaits: Some(other), .. } => Some(*email.min(other)),
            step => step.email().map(|email| email.0),
        })
        .collect();
    messages.len()
}

fn to_json(steps: &[Step]) -> Result<String, Fault> {
    serde_json::to_string(steps).map_err(|error| {
        Error::new(Kind::Other, format!("The history could not be written: {error}."), "Please report this fault.")
            .into()
    })
}

fn unreadable_history() -> Error {
    Error::new(
        Kind::Other,
        "The action was written by another version of Surat and cannot be taken back.",
        "Do it by hand.",
    )
}
