//! Owns the folder list: its lines made of accounts and mailboxes, and the cursor in it.

use std::collections::BTreeSet;

use crate::mail::id::{AccountId, MailboxId};
use crate::mail::mailbox::{Mailbox, Role};
use crate::ui::message::AccountLine;
use crate::ui::model::Place;
use crate::ui::text;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// A place that can be shown.
    Place(Place),
    /// The name of an account; folds its folders away.
    Account(AccountId),
    /// A folder that holds only folders.
    Parent(MailboxId),
}

/// The folders of all accounts.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    pub(super) accounts: Vec<AccountLine>,
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) is_loaded: bool,
    pub(super) folded: BTreeSet<AccountId>,
    pub(super) at: usize,
    pub(super) top: usize,
    pub(super) lines: Vec<Line>,
}

impl Folders {
    pub(super) fn take(&mut self, accounts: Vec<AccountLine>, mailboxes: Vec<Mailbox>) {
        let line = self.lines.get(self.at).copied();
        (self.accounts, self.mailboxes, self.is_loaded) = (accounts, mailboxes, true);
        self.arrange();
        self.at = line.and_then(|line| self.lines.iter().position(|other| *other == line)).unwrap_or(0);
    }

    pub(super) fn mailbox(&self, id: MailboxId) -> Option<&Mailbox> {
        self.mailboxes.iter().find(|mailbox| mailbox.id == id)
    }

    pub(super) fn account(&self, id: AccountId) -> Option<&AccountLine> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// Gives the mailbox with this role in an account.
    pub(super) fn with_role(&self, account: AccountId, role: Role) -> Option<&Mailbox> {
        self.mailboxes.iter().find(|mailbox| mailbox.account == account && mailbox.role == Some(role))
    }

    /// Says whether an address is one of the user's own.
    pub(super) fn is_own(&self, addr: &str) -> bool {
        let own = |account: &AccountLine| {
            account.email.eq_ignore_ascii_case(addr)
                || account.own_addresses.iter().any(|own| own.eq_ignore_ascii_case(addr))
        };
        self.accounts.iter().any(own)
    }

    /// Gives the unread emails of a place, where they are counted.
    pub(super) fn unread(&self, place: Place) -> Option<u64> {
        match place {
            Place::Mailbox(id) => self.mailbox(id).map(|mailbox| mailbox.unread),
            Place::AllInboxes => {
                let inboxes = self.mailboxes.iter().filter(|mailbox| mailbox.role == Some(Role::Inbox));
                Some(inboxes.map(|mailbox| mailbox.unread).sum())
            }
            Place::Starred => None,
        }
    }

    /// Gives the words for a folder: the Inbox by its English name, others by their last level.
    pub(super) fn name(mailbox: &Mailbox) -> String {
        match mailbox.role {
            Some(Role::Inbox) => "Inbox".to_owned(),
            _ => text::safe(mailbox.leaf()),
        }
    }

    /// Gives the words for a folder in the list: what is below its parent. One whose parents have no line says them.
    pub(super) fn label(&self, mailbox: &Mailbox) -> String {
        if mailbox.role.is_some() {
            return Self::name(mailbox);
        }
        let is_here = |parent: &&str| {
            self.mailboxes.iter().any(|other| other.account == mailbox.account && other.name == *parent)
        };
        let parents = mailbox.name.rmatch_indices('/').filter_map(|(at, _)| mailbox.name.get(..at));
        let parent = parents.into_iter().find(is_here);
        let rest = parent.and_then(|parent| mailbox.name.get(parent.len() + 1..));
        text::safe(rest.unwrap_or(&mailbox.name))
    }

    /// Gives the words for a place: `Inbox · work`.
    pub(super) fn title(&self, place: Place) -> String {
        match place {
            Place::AllInboxes => "All inboxes".to_owned(),
            Place::Starred => "Starred".to_owned(),
            Place::Mailbox(id) => {
                let Some(mailbox) = self.mailbox(id) else { return "Folder".to_owned() };
                let name = if mailbox.role.is_some() { Self::name(mailbox) } else { text::safe(&mailbox.name) };
                let account = self.account(mailbox.account).map(|account| text::safe(&account.name));
                account.map_or_else(|| name.clone(), |account| format!("{name} · {account}"))
            }
        }
    }

    /// Gives the levels by which a line is indented below its account.
    pub(super) fn depth(&self, mailbox: &Mailbox) -> usize {
        if mailbox.role.is_some() {
            return 0;
        }
        // Only levels that have a line of their own count: `[Gmail]/Trash` may stand alone.
        let mut depth = 0;
        for (at, _) in mailbox.name.match_indices('/') {
            let parent = mailbox.name.get(..at).unwrap_or_default();
            let is_line = |other: &&Mailbox| other.account == mailbox.account && other.name == parent;
            depth += usize::from(self.mailboxes.iter().find(is_line).is_some_and(|parent| parent.role.is_none()));
        }
        depth
    }

    pub(super) fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.lines.len().saturating_sub(1));
    }

    pub(super) fn settle(&mut self, height: usize) {
        let height = height.max(1);
        self.at = self.at.min(self.lines.len().saturating_sub(1));
        self.top = self.top.min(self.lines.len().saturating_sub(height));
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
    }

    /// Puts the cursor on a place.
    pub(super) fn select(&mut self, place: Place) {
        if let Some(at) = self.lines.iter().position(|line| *line == Line::Place(place)) {
            self.at = at;
        }
    }

    pub(super) fn toggle_account(&mut self, account: AccountId) {
        if !self.folded.remove(&account) {
            self.folded.insert(account);
        }
        self.arrange();
    }

    fn arrange(&mut self) {
        let mut lines = vec![Line::Place(Place::AllInboxes), Line::Place(Place::Starred)];
        for account in &self.accounts {
            lines.push(Line::Account(account.id));
            if self.folded.contains(&account.id) {
                continue;
            }
            for mailbox in self.mailboxes.iter().filter(|mailbox| mailbox.account == account.id) {
                if mailbox.is_selectable {
                    lines.push(Line::Place(Place::Mailbox(mailbox.id)));
                } else if self.has_plain_children(mailbox) {
                    lines.push(Line::Parent(mailbox.id));
                }
            }
        }
        self.lines = lines;
    }

    fn has_plain_children(&self, parent: &Mailbox) -> bool {
        self.mailboxes.iter().any(|mailbox| {
            mailbox.account == parent.account
                && mailbox.role.is_none()
                && mailbox.name.strip_prefix(&parent.name).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}
