//! Owns the user's edits of mail: a mutation becomes steps, the steps change what is wanted, the inverse goes into the
//! history.

use std::collections::HashMap;

use super::error::{Error, Fault};
use super::{Store, Transaction};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::keyword::{Keywords, SEEN};
use crate::mail::mailbox::Role;
use crate::mail::mutation::{Done, Edit, MadeFolder, Mutation, Step, Target};
use crate::mail::time::UnixTime;

impl Store {
    /// Does what the user asks for: changes what is wanted, in one transaction with the history entry that takes it
    /// back. `label` is its sentence. What is so already is left alone; if all of it is, nothing is written.
    ///
    /// # Errors
    /// `UnknownId` for a folder that is gone; `Other` for a copy to another account of what cannot be had.
    pub fn edit(&self, mutation: &Mutation, now: UnixTime, label: &str) -> Result<Done, Error> {
        self.write(|transaction| {
            let (steps, made) = transaction.plan(mutation)?;
            let steps = transaction.take_steps(&steps, now)?;
            transaction.remember(&steps, label, made, now)
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
}

/// Where an email is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Membership {
    mailbox: MailboxId,
    role: Option<Role>,
}

impl Transaction<'_> {
    /// Makes steps of a mutation, and the folders and emails that they need.
    fn plan(&mut self, mutation: &Mutation) -> Result<(Vec<Step>, Vec<MadeFolder>), Fault> {
        let (mut steps, mut made) = (Vec::new(), Vec::new());
        let mut of_role: HashMap<AccountId, MailboxId> = HashMap::new();
        // An email that is meant in several of its folders is one in another account too.
        let mut likes: HashMap<EmailId, EmailId> = HashMap::new();
        for target in &mutation.targets {
            let email = target.email.0;
            let Some(account) = self.account_of(target.email)? else { continue };
            match &mutation.edit {
                Edit::Keyword(keyword, on) => {
                    let clean = Keywords::new([keyword.as_str()]).to_text();
                    steps.push(Step::Keyword { email, keyword: clean, on: *on });
                }
                Edit::Move(to) => self.plan_move(target, account, *to, &mut likes, &mut steps)?,
                Edit::Copy(to) => self.plan_copy(target, account, *to, &mut likes, &mut steps)?,
                Edit::MoveToRole(role) => {
                    let to = match of_role.get(&account) {
                        Some(to) => *to,
                        None => {
                            let known = self.places()?;
                            let to = self.mailbox_with_role(account, *role)?;
                            if !known.contains_key(&to) {
                                made.push(MadeFolder { account, name: self.mailbox_name(to)? });
                            }
                            of_role.insert(account, to);
                            to
                        }
                    };
                    self.plan_move(target, account, to, &mut likes, &mut steps)?;
                }
                Edit::Remove => {
                    for membership in self.memberships(target.email)? {
                        let mailbox = membership.mailbox.0;
                        steps.push(Step::Membership { email, mailbox, on: false, awaits: None, is_made: false });
                    }
                }
            }
        }
        Ok((steps, made))
    }

    fn plan_move(
        &mut self,
        target: &Target,
        own: AccountId,
        to: MailboxId,
        likes: &mut HashMap<EmailId, EmailId>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Fault> {
        let account = self.place_for_mail(to)?;
        let email = target.email.0;
        let leaves = |membership: &Membership| match target.from {
            Some(from) => membership.mailbox == from,
            // A mailbox that shows all mail, or all starred mail, is a view: nothing moves out of it.
            None => !matches!(membership.role, Some(Role::All | Role::Flagged)),
        };
        let mut left: Vec<MailboxId> =
            self.memberships(target.email)?.iter().filter(|one| leaves(one)).map(|one| one.mailbox).collect();
        left.retain(|mailbox| *mailbox != to);
        // In another account it is another email; what leaves here waits for it, and the other way round when it is
        // taken back.
        let (arriving, awaits) = match account == own {
            true => (email, None),
            false => (self.like(target.email, account, likes)?.0, Some(email).filter(|_| !left.is_empty())),
        };
        let is_made = account != own;
        let arrival = Step::Membership { email: arriving, mailbox: to.0, on: true, awaits, is_made };
        let awaits = awaits.map(|_| arriving);
        let leave =
            |mailbox: &MailboxId| Step::Membership { email, mailbox: mailbox.0, on: false, awaits, is_made: false };
        // The arrival comes first: nothing leaves for what does not come.
        steps.push(arrival);
        steps.extend(left.iter().map(leave));
        Ok(())
    }

    fn plan_copy(
        &mut self,
        target: &Target,
        own: AccountId,
        to: MailboxId,
        likes: &mut HashMap<EmailId, EmailId>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Fault> {
        let account = self.place_for_mail(to)?;
        let mut email = target.email;
        if account != own {
            let is_new = !likes.contains_key(&target.email);
            email = self.like(target.email, account, likes)?;
            if is_new {
                self.await_bytes(target.email, email)?;
            }
        }
        let is_made = account != own;
        steps.push(Step::Membership { email: email.0, mailbox: to.0, on: true, awaits: None, is_made });
        Ok(())
    }

    /// Gives an email's like in another account.
    fn like(
        &mut self,
        email: EmailId,
        account: AccountId,
        likes: &mut HashMap<EmailId, EmailId>,
    ) -> Result<EmailId, Fault> {
        if let Some(like) = likes.get(&email) {
            return Ok(*like);
        }
        let like = self.transfer(email, account)?;
        likes.insert(email, like);
        Ok(like)
    }

    /// Gives the account of a mailbox that mail can be put into.
    fn place_for_mail(&mut self, mailbox: MailboxId) -> Result<AccountId, Fault> {
        let place = self.place(mailbox)?;
        if place.is_there { Ok(place.account) } else { Err(Error::unknown("folder").into()) }
    }

    fn memberships(&mut self, email: EmailId) -> Result<Vec<Membership>, Fault> {
        let places = self.places()?;
        let mailboxes = super::email::mailboxes_of(&self.sql, email)?;
        let membership = |mailbox| places.get(&mailbox).map(|place| Membership { mailbox, role: place.role });
        Ok(mailboxes.into_iter().filter_map(membership).collect())
    }
}
