//! Owns the sums of what workers did since somebody began to wait for them.
//!
//! Who waits, and for whom, is known elsewhere; the workers know of nobody.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::accounts::desk::{Done, Event};
use crate::accounts::sync::Synced;
use crate::mail::account::SyncReport;

/// What every account has done last, and who waits for more.
#[derive(Debug, Default)]
pub struct Board {
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Notes {
    last: BTreeMap<String, Done>,
    waiting: BTreeMap<u64, Wanted>,
    next: u64,
}

/// What one who waits wants to know.
#[derive(Debug)]
struct Wanted {
    /// How many looks must have been wished for when a round of this account began.
    checks: BTreeMap<String, u64>,
    began: Instant,
    sums: BTreeMap<String, SyncReport>,
    synced: BTreeMap<String, Synced>,
}

impl Board {
    /// Notes what a worker tells.
    pub fn note(&self, event: &Event) {
        let Some(done) = &event.done else { return };
        let mut notes = self.lock();
        notes.waiting.values_mut().for_each(|wanted| wanted.take(&event.name, done));
        notes.last.insert(event.name.clone(), done.clone());
        self.changed.notify_all();
    }

    /// Begins to wait for what is wished for: the names of accounts, with how often it was wished for by then.
    pub fn wait(&self, wish: impl FnOnce() -> BTreeMap<String, u64>) -> Wait<'_> {
        // A worker that answers at once finds the one who waits.
        let mut notes = self.lock();
        let mut wanted =
            Wanted { checks: wish(), began: Instant::now(), sums: BTreeMap::new(), synced: BTreeMap::new() };
        // An account that cannot do anything has said so once and for all.
        for (name, done) in &notes.last {
            if wanted.checks.get(name).is_some_and(|checks| done.checks >= *checks) {
                wanted.take(name, done);
            }
        }
        let number = notes.next;
        notes.next += 1;
        notes.waiting.insert(number, wanted);
        Wait { board: self, number }
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    fn take(&mut self, name: &str, done: &Done) {
        let Some(checks) = self.checks.get(name).filter(|_| !self.synced.contains_key(name)) else { return };
        let sum = self.sums.entry(name.to_owned()).or_default();
        sum.count(&done.report);
        if done.checks >= *checks {
            let report = SyncReport { error: done.report.error.clone(), ..sum.clone() };
            let (took, was_reached) = (self.began.elapsed(), done.was_reached);
            self.synced.insert(name.to_owned(), Synced { account: name.to_owned(), report, took, was_reached });
        }
    }

    fn is_done(&self) -> bool {
        self.synced.len() == self.checks.len()
    }
}

/// One who waits; forgotten with this value.
#[derive(Debug)]
pub struct Wait<'a> {
    board: &'a Board,
    number: u64,
}

impl Wait<'_> {
    /// Waits until every account has done what was wished, for so long at most; says whether that is so.
    pub fn is_done(&mut self, longest: Duration) -> bool {
        let is_done = |notes: &Notes| notes.waiting.get(&self.number).is_none_or(Wanted::is_done);
        let waited = self.board.changed.wait_timeout_while(self.board.lock(), longest, |notes| !is_done(notes));
        let (notes, _) = waited.unwrap_or_else(PoisonError::into_inner);
        is_done(&notes)
    }

    /// Gives the accounts that are waited for, and what became of those that are done.
    pub fn end(self) -> (Vec<String>, Vec<Synced>) {
        match self.board.lock().waiting.remove(&self.number) {
            Some(wanted) => (wanted.checks.into_keys().collect(), wanted.synced.into_values().collect()),
            None => Default::default(),
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.board.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::account::{AccountStatus, Notice};
    use crate::mail::id::AccountId;

    fn note(board: &Board, name: &str, checks: u64, fetched: u64, error: Option<&str>) {
        let error = error.map(|what| Notice { what: what.into(), ..Notice::default() });
        let report = SyncReport { fetched, error, ..SyncReport::default() };
        let done = Some(Done { checks, report, was_reached: true });
        board.note(&Event { account: AccountId(1), name: name.into(), status: AccountStatus::Online, done });
    }

    fn wish(names: &[(&str, u64)]) -> impl FnOnce() -> BTreeMap<String, u64> {
        let wished = names.iter().map(|(name, checks)| ((*name).to_owned(), *checks)).collect();
        move || wished
    }

    #[test]
    fn what_comes_after_the_answer_does_not_hide_it_and_what_came_before_is_not_counted() {
        let board = Board::default();
        note(&board, "a", 0, 100, None);
        let mut wait = board.wait(wish(&[("a", 1), ("b", 1)]));
        // Under way when it was wished for.
        note(&board, "a", 0, 2, Some("of a round that was not meant"));
        note(&board, "a", 1, 3, Some("of this one"));
        note(&board, "a", 1, 0, None);
        assert!(!wait.is_done(Duration::ZERO));
        note(&board, "b", 2, 0, None);
        assert!(wait.is_done(Duration::ZERO));
        let (known, synced) = wait.end();
        assert_eq!(known, ["a", "b"]);
        let said: Vec<_> = synced
            .iter()
            .map(|synced| (synced.report.fetched, synced.report.error.as_ref().map(|error| error.what.as_str())))
            .collect();
        assert_eq!(said, [(5, Some("of this one")), (0, None)]);
    }

    #[test]
    fn who_is_still_at_work_is_known_and_who_never_will_be_has_said_so() {
        let board = Board::default();
        note(&board, "never", u64::MAX, 0, Some("this server cannot do that"));
        let mut wait = board.wait(wish(&[("never", 7), ("slow", 1)]));
        assert!(!wait.is_done(Duration::ZERO));
        let (known, synced) = wait.end();
        assert_eq!(known, ["never", "slow"]);
        assert!(synced.iter().map(|synced| &synced.account).eq(["never"]));
        assert_eq!(board.lock().waiting.len(), 0);
    }
}
