//! Owns what store and workers have told and the screen has not heard yet: merged, so that it never grows.
//!
//! A full channel cannot lose news in here: whoever puts something in only pokes, whoever takes gets all of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::mail::account::AccountStatus;
use crate::mail::change::Change;
use crate::mail::id::AccountId;

/// What waits for the screen.
#[derive(Debug, Default)]
pub struct News {
    /// Everything that was touched.
    pub change: Change,
    /// The last state of each account that has a new one, with the edits that wait there.
    pub statuses: BTreeMap<AccountId, (AccountStatus, u64)>,
}

/// A bag that many fill and one empties.
pub struct Mailbag {
    news: Mutex<News>,
    poke: Box<dyn Fn() + Send + Sync>,
}

impl Mailbag {
    /// Makes a bag; `poke` wakes whoever empties it and must not block.
    pub fn new(poke: impl Fn() + Send + Sync + 'static) -> Self {
        Self { news: Mutex::default(), poke: Box::new(poke) }
    }

    /// Adds a change.
    pub fn put_change(&self, change: &Change) {
        self.put(|news| news.change.merge(change.clone()));
    }

    /// Adds an account's state.
    pub fn put_status(&self, account: AccountId, status: AccountStatus, pending: u64) {
        self.put(|news| {
            news.statuses.insert(account, (status, pending));
        });
    }

    /// Takes everything out.
    pub fn take(&self) -> News {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, add: impl FnOnce(&mut News)) {
        add(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        (self.poke)();
    }
}
