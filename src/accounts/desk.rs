//! Owns what every step of an account's work has at hand: the store, the settings, who is told, and how it fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::accounts::worker::Wish;
use crate::backend;
use crate::config::{Account, Offline};
use crate::mail::account::{AccountStatus, Progress, SyncReport};
use crate::mail::id::AccountId;
use crate::mail::time::UnixTime;
use crate::store::Store;

/// `offline = "recent"` keeps the bodies of so many days.
const RECENT_DAYS: i64 = 90;

/// What stopped a piece of work.
#[derive(Debug)]
pub enum Failure {
    /// The server, or the way to it.
    Backend(backend::Error),
    /// The store.
    Store(crate::store::Error),
    /// A mistake of ours; the text is for the log.
    Bug(String),
}

impl From<backend::Error> for Failure {
    fn from(error: backend::Error) -> Self {
        Self::Backend(error)
    }
}

impl Failure {
    /// Gives the failure as an error with a kind, so that one place decides what follows.
    pub fn into_error(self) -> backend::Error {
        match self {
            Self::Backend(error) => error,
            Self::Store(error) => {
                // Another process that writes for long is no matter for a person.
                let is_busy = error.kind == crate::store::Kind::Busy;
                let kind = if is_busy { backend::Kind::Busy } else { backend::Kind::Local };
                backend::Error::new(kind, "the store", "keeping mail", error.to_string())
            }
            Self::Bug(text) => backend::Error::new(backend::Kind::Protocol, "surat", "working", text),
        }
    }
}

/// What a worker tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its state now.
    pub status: AccountStatus,
    /// What was done, where a round has ended, well or not.
    pub done: Option<Done>,
}

/// What became of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// How many looks for news had been wished for when it began.
    pub checks: u64,
    /// What was done since the last one.
    pub report: SyncReport,
    /// Whether the server could be reached at all.
    pub was_reached: bool,
}

/// Takes events; called from any thread, must not block.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// One account's store side: what every step of its work needs.
#[derive(Clone)]
pub struct Desk {
    /// The store.
    pub store: Store,
    /// The account's id there.
    pub account: AccountId,
    /// Its settings.
    pub settings: Account,
    /// Who is told.
    pub listener: Listener,
    /// The workers of the other accounts.
    pub others: Others,
}

/// The workers of all accounts that run together: what one of them does may be what another waits for, as where mail
/// moves from one account to another.
#[derive(Clone, Default)]
pub struct Others(Arc<Mutex<Vec<watch::Sender<Wish>>>>);

impl Others {
    /// Adds a worker.
    pub fn join(&self, wishes: watch::Sender<Wish>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(wishes);
    }

    /// Has each look for something to push.
    pub fn wake(&self) {
        for wishes in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            wishes.send_modify(|wish| wish.edits += 1);
        }
    }
}

impl Desk {
    /// Tells the account's state.
    pub fn tell(&self, status: AccountStatus) {
        self.say(status, None);
    }

    /// Tells the account's state at the end of a round.
    pub fn tell_done(&self, status: AccountStatus, done: Done) {
        self.say(status, Some(done));
    }

    fn say(&self, status: AccountStatus, done: Option<Done>) {
        (self.listener)(Event { account: self.account, name: self.settings.name.clone(), status, done });
    }

    /// Tells how far a piece of work is.
    pub fn tell_progress(&self, what: &str, done: u64, total: u64) {
        self.tell(AccountStatus::Syncing(Progress { what: what.to_owned(), done, total }));
    }

    /// Gives the time before which no body is wanted; `None` where none is wanted before it is opened.
    pub fn not_before(&self) -> Option<Option<UnixTime>> {
        match self.settings.offline {
            Offline::All => Some(None),
            Offline::Recent => Some(Some(UnixTime(now().0 - RECENT_DAYS * UnixTime::DAY))),
            Offline::Opened => None,
        }
    }
}

/// Reads the clock.
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
