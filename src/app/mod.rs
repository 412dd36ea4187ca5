//! The wires: the only place that knows everybody. Terminal, event loop, effects.
//!
//! What the screen shows is `ui`'s, what is true is the store's; in here they are only joined.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

mod clock;
mod demo;
mod effects;
mod interface;
mod keys;
mod lanes;
mod mailbag;
mod picture;
mod post;
mod terminal;
mod walk;

pub use demo::demo;
pub use interface::interface;

use crate::accounts::desk::{Event as Told, Listener};
use crate::app::clock::Clock;
use crate::app::effects::Desk;
use crate::app::mailbag::Mailbag;
use crate::config::Account;
use crate::store::Store;
use crate::ui::message::AccountLine;

/// Says whether there is a terminal to draw on and to read keys from.
fn has_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Says an error to standard error and gives the status of a failure.
fn fail(what: &str) -> ExitCode {
    crate::cli::say(what);
    ExitCode::FAILURE
}

/// The lines by which the screen knows the accounts.
fn account_lines(
    store: &Store,
    accounts: &[Account],
    shows_all: bool,
) -> Result<Vec<AccountLine>, crate::store::Error> {
    let enabled = accounts.iter().filter(|account| !account.is_disabled);
    let mut lines = enabled
        .map(|account| {
            let id = store.account(&account.name)?;
            let own_addresses = account.own_addresses();
            Ok(AccountLine { id, name: account.name.clone(), email: account.email.clone(), own_addresses })
        })
        .collect::<Result<Vec<_>, crate::store::Error>>()?;
    if shows_all {
        for (id, name) in store.accounts()? {
            if !lines.iter().any(|line| line.id == id) {
                lines.push(AccountLine { id, name, email: String::new(), own_addresses: Vec::new() });
            }
        }
    }
    Ok(lines)
}

/// Gives what workers tell their state to: it waits for nothing. The edits that wait are counted on a thread of its own,
/// once for all that was told meanwhile; the thread ends with the listener.
fn listener(store: &Store, bag: &Arc<Mailbag>) -> std::io::Result<Listener> {
    let (poke, poked) = sync_channel(1);
    // A full channel has been poked already.
    let told = Arc::new(Mailbag::new(move || {
        let _ = poke.try_send(());
    }));
    let (heard, store, bag) = (Arc::downgrade(&told), store.clone(), bag.clone());
    thread::Builder::new().name("status".into()).spawn(move || {
        while poked.recv().is_ok() {
            let Some(heard) = heard.upgrade() else { return };
            for (account, (status, _)) in heard.take().statuses {
                bag.put_status(account, status, store.pending_count(account).unwrap_or_default());
            }
        }
    })?;
    Ok(Arc::new(move |event: Told| told.put_status(event.account, event.status, 0)))
}

/// Builds the desk that carries effects out.
fn desk(store: &Store, accounts: Vec<AccountLine>, clock: Clock, downloads: std::path::PathBuf) -> Arc<Desk> {
    Arc::new(Desk::new(store.clone(), accounts, clock, downloads))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::mail::account::{AccountStatus, Progress};

    #[test]
    fn the_last_state_arrives_and_whoever_tells_it_waits_for_no_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("test").unwrap();
        let (poke, poked) = mpsc::sync_channel(1);
        // A screen that is busy takes nothing while all of it is told.
        let busy = Arc::new(std::sync::Mutex::new(()));
        let (held, waits) = (busy.lock().unwrap(), busy.clone());
        let bag = Arc::new(Mailbag::new(move || {
            drop(waits.lock());
            let _ = poke.try_send(());
        }));
        let listener = listener(&store, &bag).unwrap();
        for done in 0..=500 {
            let status = AccountStatus::Syncing(Progress { what: "Inbox".into(), done, total: 500 });
            listener(Told { account, name: "test".into(), status, done: None });
        }
        drop(held);
        let begin = Instant::now();
        loop {
            poked.recv_timeout(Duration::from_secs(20)).unwrap();
            let news = bag.take().statuses;
            if let Some((AccountStatus::Syncing(Progress { done: 500, .. }), 0)) = news.get(&account) {
                break;
            }
            assert!(begin.elapsed() < Duration::from_secs(20), "the last one never came");
        }
        let ended = Arc::downgrade(&bag);
        drop((listener, bag));
        while ended.upgrade().is_some() {
            assert!(begin.elapsed() < Duration::from_secs(20), "its thread does not end");
            thread::yield_now();
        }
    }
}
