//! Owns what the words of a command mean: ids, names of accounts and folders, roles.
//!
//! It changes nothing.

use std::collections::HashMap;

use crate::cli::failure::Failure;
use crate::config::nearest::nearest;
use crate::mail::email::Email;
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::mailbox::{Mailbox, Role};
use crate::mail::query::{self, Query};
use crate::mail::view::{Scope, View};
use crate::store::Store;

/// How many emails are asked for at once.
const PAGE: usize = 500;

/// The accounts and mailboxes of the store, by their names.
#[derive(Debug)]
pub struct Catalogue {
    accounts: Vec<(AccountId, String)>,
    mailboxes: Vec<Mailbox>,
    places: HashMap<MailboxId, usize>,
}

impl Catalogue {
    /// Reads the names.
    pub fn read(store: &Store) -> Result<Self, Failure> {
        let (accounts, mailboxes) = (store.accounts()?, store.mailboxes(None)?);
        let places = mailboxes.iter().enumerate().map(|(place, mailbox)| (mailbox.id, place)).collect();
        Ok(Self { accounts, mailboxes, places })
    }

    /// Says which folders and accounts of a query are neither here nor configured, and which were probably meant.
    pub fn unknown_names<'a>(&'a self, query: &Query, configured: impl Iterator<Item = &'a str>) -> Vec<String> {
        let accounts: Vec<&str> = self.accounts.iter().map(|(_, name)| name.as_str()).chain(configured).collect();
        query::unknown_names(query, &self.mailboxes, &accounts)
    }

    /// Gives an account's name.
    pub fn account_name(&self, id: AccountId) -> &str {
        self.accounts.iter().find(|(known, _)| *known == id).map_or("", |(_, name)| name)
    }

    /// Gives a mailbox that is listed.
    pub fn mailbox(&self, id: MailboxId) -> Option<&Mailbox> {
        self.places.get(&id).and_then(|place| self.mailboxes.get(*place))
    }

    /// Gives a mailbox's name.
    pub fn name(&self, id: MailboxId) -> &str {
        self.mailbox(id).map_or("", |mailbox| &mailbox.name)
    }

    /// Gives the mailboxes of one account, or of all.
    pub fn mailboxes(&self, account: Option<AccountId>) -> impl Iterator<Item = &Mailbox> {
        self.mailboxes.iter().filter(move |mailbox| account.is_none_or(|account| mailbox.account == account))
    }

    /// Finds the mailboxes that a word means: a full name, else a role, else the last level of a name. Case does not
    /// count. In several accounts it may mean several.
    pub fn find(&self, word: &str, account: Option<AccountId>) -> Result<Vec<&Mailbox>, Failure> {
        let word = word.trim();
        let lower = word.to_lowercase();
        let is_called = |mailbox: &Mailbox| mailbox.name.to_lowercase() == lower;
        let has_role = |mailbox: &Mailbox| mailbox.role.is_some_and(|role| role.as_str() == lower);
        let ends_so = |mailbox: &Mailbox| mailbox.leaf().to_lowercase() == lower;
        let choices: [&dyn Fn(&Mailbox) -> bool; 3] = [&is_called, &has_role, &ends_so];
        for is_meant in choices {
            let found: Vec<&Mailbox> = self.mailboxes(account).filter(|mailbox| is_meant(mailbox)).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let names: Vec<&str> = self.mailboxes(account).map(|mailbox| mailbox.name.as_str()).collect();
        let mean = match nearest(word, names.iter().copied()) {
            Some(name) => format!(", did you mean \"{name}\"?"),
            None => "; `surat folders` lists what there is".to_owned(),
        };
        let place = account.map(|id| format!(" in \"{}\"", self.account_name(id))).unwrap_or_default();
        Err(Failure::usage(format!("there is no folder \"{word}\"{place}{mean}")))
    }

    /// Finds the one mailbox that a word means, in an account or in any; where it is not there, as `ACCOUNT/FOLDER`.
    pub fn one(&self, word: &str, account: Option<AccountId>) -> Result<&Mailbox, Failure> {
        let found = match (self.find(word, account), self.split(word)) {
            (Err(_), Some((other, rest))) => self.find(rest, Some(other))?,
            (found, _) => found?,
        };
        match found.as_slice() {
            [one] => Ok(one),
            several => {
                let names = several.iter().map(|it| format!("{}/{}", self.account_name(it.account), it.name));
                let mut names: Vec<String> = names.collect();
                names.sort();
                Err(Failure::usage(format!("\"{word}\" may be {}; write it so", names.join(" or "))))
            }
        }
    }

    /// Gives the account in which a new folder of this name is to be: the only one, or the one named before its first /.
    pub fn account_of_new<'a>(
        &self,
        name: &'a str,
        configured: impl Iterator<Item = &'a str>,
    ) -> Result<(AccountId, &'a str), Failure> {
        let configured: Vec<&str> = configured.collect();
        let only = match configured.as_slice() {
            [only] => self.accounts.iter().find(|(_, known)| known == only).map(|(id, _)| (*id, name)),
            _ => self.split(name).filter(|(id, _)| configured.contains(&self.account_name(*id))),
        };
        only.ok_or_else(|| {
            let names = configured.join(", ");
            Failure::usage(format!("say in which account with --account NAME; there is {names}"))
        })
    }

    /// Takes the name of an account and a / from the beginning of a word.
    fn split<'a>(&self, word: &'a str) -> Option<(AccountId, &'a str)> {
        let rest = |name: &str| word.strip_prefix(name)?.strip_prefix('/');
        self.accounts.iter().find_map(|(id, name)| rest(name).map(|rest| (*id, rest)))
    }

    /// Gives the mailboxes that `list` and `export` are about: those of the word, or every one that `is_meant`.
    pub fn chosen(
        &self,
        word: Option<&str>,
        account: Option<AccountId>,
        is_meant: impl Fn(&Mailbox) -> bool,
    ) -> Result<Vec<&Mailbox>, Failure> {
        match word {
            Some(word) => self.find(word, account),
            None => Ok(self.mailboxes(account).filter(|mailbox| is_meant(mailbox)).collect()),
        }
    }
}

/// Says whether a mailbox is an inbox.
pub fn is_inbox(mailbox: &Mailbox) -> bool {
    mailbox.role == Some(Role::Inbox)
}

/// Gives the view of one mailbox, of its unread mail alone if so wished.
pub fn view(mailbox: MailboxId, is_unread_only: bool) -> View {
    if !is_unread_only {
        return View::Mailbox(mailbox);
    }
    let unread = Query::Not(Box::new(Query::Keyword(crate::mail::keyword::SEEN.to_owned())));
    View::Search(unread, Scope::Mailbox(mailbox))
}

/// Gives the newest emails of a view, at most so many.
pub fn newest(store: &Store, view: &View, limit: usize) -> Result<Vec<Email>, Failure> {
    let mut found: Vec<Email> = Vec::new();
    while found.len() < limit {
        let before = found.last().map(|email| email.id);
        let page = store.emails(view, before, PAGE.min(limit - found.len()))?;
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    Ok(found)
}

/// Gives the ids of all emails of a mailbox, oldest first.
pub fn oldest_first(store: &Store, mailbox: MailboxId) -> Result<Vec<EmailId>, Failure> {
    let mut ids: Vec<EmailId> = Vec::new();
    loop {
        let page = store.emails(&View::Mailbox(mailbox), ids.last().copied(), PAGE)?;
        if page.is_empty() {
            ids.reverse();
            return Ok(ids);
        }
        ids.extend(page.iter().map(|email| email.id));
    }
}

/// Finds the emails of ids as `list` prints them; each must be there.
pub fn emails(store: &Store, ids: &[String]) -> Result<Vec<Email>, Failure> {
    ids.iter().map(|id| email(store, id)).collect()
}

/// Finds one email.
pub fn email(store: &Store, id: &str) -> Result<Email, Failure> {
    let parsed: EmailId = id.parse().map_err(|error| Failure::failed(format!("\"{id}\" is {error}")))?;
    store
        .email(parsed)?
        .ok_or_else(|| Failure::failed(format!("there is no mail with the id {id}; it may be gone by now")))
}
