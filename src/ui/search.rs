//! Owns the search: what is typed, where it looks, and the list that it came from.

use jiff::tz::TimeZone;

use crate::mail::id::{AccountId, MailboxId};
use crate::mail::query;
use crate::mail::time::UnixTime;
use crate::mail::view::{Scope, View};
use crate::ui::folders::Folders;
use crate::ui::input::Input;
use crate::ui::list::List;

/// A search.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) input: Input,
    /// Whether keys go to the text; otherwise to the list of what was found.
    pub(super) is_typing: bool,
    pub(super) scope: Scope,
    /// The folder and the account from which the search began, where it began in one.
    pub(super) from: (Option<MailboxId>, Option<AccountId>),
    /// What the query language has to say: `did you mean from: ?`
    pub(super) notes: Vec<String>,
    /// The words that are marked in what was found.
    pub(super) words: Vec<String>,
    /// The list that Esc brings back.
    pub(super) behind: Box<List>,
}

impl Search {
    pub(super) fn is_empty(&self) -> bool {
        self.input.text().trim().is_empty()
    }

    /// Reads what is typed; keeps what there is to say about it.
    pub(super) fn view(&mut self, now: UnixTime, zone: &TimeZone, folders: &Folders) -> View {
        let parsed = query::parse(self.input.text(), now, zone);
        let accounts: Vec<&str> = folders.accounts.iter().map(|account| account.name.as_str()).collect();
        self.notes = parsed.notes;
        self.notes.extend(query::unknown_names(&parsed.query, &folders.mailboxes, &accounts));
        self.words = query::highlight_words(&parsed.query);
        View::Search(parsed.query, self.scope)
    }

    /// Goes on to the next place to look: this folder, this account, everywhere.
    pub(super) fn cycle_scope(&mut self) {
        let (folder, account) = (self.from.0.map(Scope::Mailbox), self.from.1.map(Scope::Account));
        self.scope = match self.scope {
            Scope::Everywhere => folder.or(account).unwrap_or(Scope::Everywhere),
            Scope::Mailbox(_) => account.unwrap_or(Scope::Everywhere),
            Scope::Account(_) => Scope::Everywhere,
        };
    }
}

/// The words of the query language, for the card beside an empty search.
pub(super) const CARD: &[(&str, &str)] = &[
    ("budi offsite", "mail with both words, newest first"),
    ("\"second pallet\"", "these words together"),
    ("from: to:", "a person or an address"),
    ("subject: body:", "words in the subject, in the text"),
    ("has:attachment", "something is attached"),
    ("is:unread is:starred", "by state; also is:read"),
    ("in:archive", "a folder; in:all is everywhere, Trash too"),
    ("before: after:", "2026-10-01, 2026-10, yesterday, 7d"),
    ("-word · a OR b", "leave out; one or the other"),
];
