//! Owns the user's edits: a mutation becomes steps, the steps change what is wanted, the inverse goes into the history.
//!
//! Undo and redo are edits like any other; they work across restarts and between processes.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension, params};

use super::email::write_keywords;
use super::error::{Error, Fault, Kind};
use super::{Store, Transaction};
use crate::mail::id::{AccountId, EmailId, HistoryId, MailboxId};
use crate::mail::keyword::{Keywords, SEEN};
use crate::mail::mailbox::Role;
use crate::mail::mutation::{Done, Edit, MadeFolder, Mutation, Step, Target};
use crate::mail::time::UnixTime;

/// Undo goes back this far.
const MOST_HISTORY: i64 = 1_000;

/// A delete for good waits so many seconds before the server hears of it.
const DELETE_AFTER: i64 = 30;

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

impl Store {
    /// Does what the user asks for: changes what is wanted, in one transaction with the history entry that takes it
    /// back. `label` is its sentence. What is so already is left alone; if all of it is, nothing is written.
    ///
    /// # Errors
    /// `UnknownId` for a folder that is gone; `Other` for a move to another account.
    pub fn edit(&self, mutation: &Mutation, now: UnixTime, label: &str) -> Result<Done, Error> {
        self.write(|transaction| {
            let (steps, made) = transaction.plan(mutation)?;
            let steps = transaction.take_steps(&steps, now)?;
            let emails = emails_of(&steps).len();
            let accounts = transaction.accounts_of(&steps)?;
            if !steps.is_empty() {
                let inverse = Step::inverse_of_all(&steps);
                transaction.sql.execute("DELETE FROM history WHERE is_undone = 1", [])?;
                transaction.sql.execute(
                    "INSERT INTO history (done_at, label, emails, steps, inverse) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![now.0, label, emails as i64, to_json(&steps)?, to_json(&inverse)?],
                )?;
                transaction
                    .sql
                    .execute("DELETE FROM history WHERE id <= (SELECT MAX(id) FROM history) - ?1", [MOST_HISTORY])?;
            }
            Ok(Done { label: label.to_owned(), emails, accounts, made })
        })
    }

    /// Marks emails as read because they were opened: an edit like any other, but none that anybody takes back, so
    /// it leaves no entry in the history.
    pub fn mark_seen(&self, emails: &[EmailId], now: UnixTime) -> Result<(), Error> {
        self.write(|transaction| {
            let seen = |email: &EmailId| Step::Keyword { email: email.0, keyword: SEEN.to_owned(), on: true };
            let steps: Vec<Step> = emails.iter().map(seen).collect();
            transaction.take_steps(&steps, now).map(|_| ())
        })
    }

    /// Takes the last action back that was not taken back yet; `None` when there is none.
    pub fn undo(&self, now: UnixTime) -> Result<Option<Done>, Error> {
        self.step_through_history(now, "SELECT id, label, inverse FROM history WHERE is_undone = 0 ORDER BY id DESC", 1)
    }

    /// Does the action again that was taken back last; `None` when there is none.
    pub fn redo(&self, now: UnixTime) -> Result<Option<Done>, Error> {
        self.step_through_history(now, "SELECT id, label, steps FROM history WHERE is_undone = 1 ORDER BY id", 0)
    }

    /// Lists the last actions, newest first.
    pub fn history(&self, limit: usize) -> Result<Vec<HistoryEntry>, Error> {
        self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT id, done_at, label, is_undone FROM history ORDER BY id DESC LIMIT ?1")?;
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

    fn step_through_history(&self, now: UnixTime, sql: &str, is_undone: i64) -> Result<Option<Done>, Error> {
        self.write(|transaction| {
            let entry: Option<(i64, String, String)> = transaction
                .sql
                .query_row(&format!("{sql} LIMIT 1"), [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((id, label, steps)) = entry else { return Ok(None) };
            let steps: Vec<Step> = serde_json::from_str(&steps).map_err(|_| unreadable_history())?;
            let taken = transaction.take_steps(&steps, now)?;
            transaction.sql.execute("UPDATE history SET is_undone = ?2 WHERE id = ?1", [id, is_undone])?;
            let (emails, accounts) = (emails_of(&taken).len(), transaction.accounts_of(&taken)?);
            Ok(Some(Done { label, emails, accounts, made: Vec::new() }))
        })
    }
}

impl Transaction<'_> {
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
                    params![id, to_json(&steps)?, to_json(&inverse)?, emails_of(&steps).len() as i64],
                )?;
            }
        }
        Ok(())
    }

    /// Gives the steps that are about mail of other accounts that is here.
    fn without(&self, account: AccountId, steps: &str) -> Result<Vec<Step>, Fault> {
        let mut kept = Vec::new();
        // What another version wrote cannot be taken back anyway.
        for step in serde_json::from_str::<Vec<Step>>(steps).unwrap_or_default() {
            if self.account_of(email_of(&step))?.is_some_and(|own| own != account) {
                kept.push(step);
            }
        }
        Ok(kept)
    }
}

/// What a membership is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Membership {
    mailbox: MailboxId,
    account: AccountId,
    role: Option<Role>,
}

impl Transaction<'_> {
    /// Makes steps of a mutation, and the folders that they need.
    fn plan(&mut self, mutation: &Mutation) -> Result<(Vec<Step>, Vec<MadeFolder>), Fault> {
        let (mut steps, mut made) = (Vec::new(), Vec::new());
        let mut archives: HashMap<AccountId, MailboxId> = HashMap::new();
        for target in &mutation.targets {
            let email = target.email.0;
            match &mutation.edit {
                Edit::Keyword(keyword, on) => {
                    let clean = Keywords::new([keyword.as_str()]).to_text();
                    steps.push(Step::Keyword { email, keyword: clean, on: *on });
                }
                Edit::Move(to) => {
                    let place = self.place(*to)?;
                    self.plan_move(target, *to, place.account, &mut steps)?;
                }
                Edit::MoveToRole(role) => {
                    let Some(account) = self.account_of(target.email)? else { continue };
                    let to = match archives.get(&account) {
                        Some(to) => *to,
                        None => {
                            let known = self.places()?;
                            let to = self.mailbox_with_role(account, *role)?;
                            if !known.contains_key(&to) {
                                made.push(MadeFolder { account, name: self.mailbox_name(to)? });
                            }
                            archives.insert(account, to);
                            to
                        }
                    };
                    self.plan_move(target, to, account, &mut steps)?;
                }
                Edit::Remove => {
                    for membership in self.memberships(target.email)? {
                        steps.push(Step::Membership { email, mailbox: membership.mailbox.0, on: false });
                    }
                }
            }
        }
        Ok((steps, made))
    }

    fn mailbox_name(&self, mailbox: MailboxId) -> Result<String, Fault> {
        let mut query = self.sql.prepare_cached("SELECT name FROM mailboxes WHERE id = ?1")?;
        Ok(query.query_row([mailbox.0], |row| row.get(0))?)
    }

    fn plan_move(
        &mut self,
        target: &Target,
        to: MailboxId,
        account: AccountId,
        steps: &mut Vec<Step>,
    ) -> Result<(), Fault> {
        let Some(own) = self.account_of(target.email)? else { return Ok(()) };
        if own != account {
            let what = "Moving mail to another account is not possible yet.";
            return Err(Error::new(Kind::Other, what, "Choose a folder of the same account.").into());
        }
        let email = target.email.0;
        for membership in self.memberships(target.email)? {
            let leaves = match target.from {
                Some(from) => membership.mailbox == from,
                // A mailbox that shows all mail, or all starred mail, is a view: nothing moves out of it.
                None => membership.account == account && !matches!(membership.role, Some(Role::All | Role::Flagged)),
            };
            if leaves && membership.mailbox != to {
                steps.push(Step::Membership { email, mailbox: membership.mailbox.0, on: false });
            }
        }
        steps.push(Step::Membership { email, mailbox: to.0, on: true });
        Ok(())
    }

    fn accounts_of(&self, steps: &[Step]) -> Result<Vec<AccountId>, Fault> {
        let mut accounts = BTreeSet::new();
        for email in emails_of(steps) {
            accounts.extend(self.account_of(EmailId(email))?);
        }
        Ok(accounts.into_iter().collect())
    }

    fn account_of(&self, email: EmailId) -> Result<Option<AccountId>, Fault> {
        let mut query = self.sql.prepare_cached("SELECT account FROM emails WHERE id = ?1")?;
        Ok(query.query_row([email.0], |row| row.get(0)).optional()?.map(AccountId))
    }

    fn memberships(&mut self, email: EmailId) -> Result<Vec<Membership>, Fault> {
        let places = self.places()?;
        let mailboxes = super::email::mailboxes_of(&self.sql, email)?;
        Ok(mailboxes
            .into_iter()
            .filter_map(|mailbox| {
                let place = places.get(&mailbox)?;
                Some(Membership { mailbox, account: place.account, role: place.role })
            })
            .collect())
    }

    /// Takes steps, and gives those that changed something.
    fn take_steps(&mut self, steps: &[Step], now: UnixTime) -> Result<Vec<Step>, Fault> {
        let mut taken = Vec::new();
        for step in steps {
            let has_changed = match step {
                Step::Keyword { email, keyword, on } => self.set_keyword(EmailId(*email), keyword, *on)?,
                Step::Membership { email, mailbox, on } => {
                    self.set_membership(EmailId(*email), MailboxId(*mailbox), *on)?
                }
            };
            if has_changed {
                taken.push(step.clone());
            }
        }
        for email in emails_of(&taken) {
            let email = EmailId(email);
            self.hold_removal(email, now)?;
            self.settle_pending(email)?;
            if let Some(thread) = self.thread_of(email)? {
                self.touch(email, thread);
            }
        }
        Ok(taken)
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

    fn set_membership(&mut self, email: EmailId, mailbox: MailboxId, on: bool) -> Result<bool, Fault> {
        if self.account_of(email)?.is_none() || !self.places()?.contains_key(&mailbox) {
            return Ok(false);
        }
        let changed = if on {
            self.sql
                .prepare_cached(
                    "INSERT INTO memberships (email, mailbox, wanted, synced) VALUES (?1, ?2, 1, 0)
                     ON CONFLICT (email, mailbox) DO UPDATE SET wanted = 1, push_after = 0, notice = NULL
                     WHERE wanted = 0",
                )?
                .execute([email.0, mailbox.0])?
        } else {
            let changed = self
                .sql
                .prepare_cached("UPDATE memberships SET wanted = 0 WHERE email = ?1 AND mailbox = ?2 AND wanted = 1")?
                .execute([email.0, mailbox.0])?;
            self.drop_empty_memberships(email)?;
            changed
        };
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

    /// Has a removal for good wait: an email that is wanted nowhere leaves the server only after a while.
    fn hold_removal(&mut self, email: EmailId, now: UnixTime) -> Result<(), Fault> {
        let until = now.0.saturating_add(DELETE_AFTER);
        self.sql
            .prepare_cached(
                "UPDATE memberships SET push_after = ?2 WHERE email = ?1 AND wanted = 0 AND synced = 1
                     AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.email = ?1 AND o.wanted = 1)",
            )?
            .execute([email.0, until])?;
        Ok(())
    }
}

fn emails_of(steps: &[Step]) -> BTreeSet<i64> {
    steps.iter().map(|step| email_of(step).0).collect()
}

fn email_of(step: &Step) -> EmailId {
    match step {
        Step::Keyword { email, .. } | Step::Membership { email, .. } => EmailId(*email),
    }
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
        "The last action was written by another version of Surat and cannot be taken back.",
        "Do it by hand.",
    )
}
