//! Owns `surat sync --watch`: everything is kept in step until the system or the user ends it, without a screen.
//!
//! How that is done is known by `accounts`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, iter};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::accounts::desk::{Event, Listener};
use crate::accounts::service::Service;
use crate::cli::context::Context;
use crate::cli::failure::{Failure, Status};
use crate::cli::say;
use crate::cli::sync::{achieved, in_words, state};
use crate::cli::turn::{self, Turn};
use crate::config::account::Account;
use crate::config::lock::Stay;
use crate::mail::account::AccountStatus;

/// Keeps these accounts in step.
pub fn run(context: &Context, awake: &[Account]) -> Result<(), Failure> {
    if context.global.offline || context.global.json {
        let flag = if context.global.offline { "--offline" } else { "--json" };
        return Err(Failure::usage(format!("--watch does not go with {flag}: it stays, and prints no document")));
    }
    let mut lock = match turn::ours_or_done(&context.paths.data_dir, Stay::Lasting, &[])? {
        Turn::Ours(lock) => Some(lock),
        Turn::Done(_) => {
            let why = "another Surat is open with this mail and keeps it in step; nothing is left to watch here";
            return Err(Failure::new(Status::TryLater, why));
        }
        Turn::Theirs(why) => return Err(Failure::new(Status::TryLater, format!("{why}; nothing is watched here"))),
    };
    let signals = Signals::hear().map_err(|error| Failure::failed(format!("cannot wait for the end: {error}")))?;
    let store = context.open_store()?;
    let service = Service::start(&store, awake, false, &mut lock, lines()).map_err(Failure::failed)?;
    let manager = Arc::downgrade(service.manager());
    store.hear_others(move || {
        if let Some(manager) = manager.upgrade() {
            manager.edited();
        }
    });
    // Something may have been edited before anybody listened.
    service.manager().edited();
    let is_asked = signals.wait();
    drop(service);
    store.close();
    if is_asked { Ok(()) } else { Err(Failure::new(Status::Interrupted, "interrupted; nothing is lost")) }
}

/// What ends it; heard from the first moment on, so that it always ends in good order.
struct Signals {
    runtime: Runtime,
    /// The system asks for the end, or the terminal is gone.
    asked: [Signal; 2],
    interrupted: Signal,
}

impl Signals {
    fn hear() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let asked = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let interrupted = signal(SignalKind::interrupt())?;
        drop(entered);
        Ok(Self { runtime, asked, interrupted })
    }

    /// Says whether the end was asked for; else the user has interrupted.
    fn wait(self) -> bool {
        let Self { runtime, asked: [mut terminated, mut hung_up], mut interrupted } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminated.recv() => true,
                _ = hung_up.recv() => true,
                _ = interrupted.recv() => false,
            }
        })
    }
}

/// Says each change of an account's state in a line, and whatever was done.
fn lines() -> Listener {
    let said: Mutex<BTreeMap<String, String>> = Mutex::default();
    Arc::new(move |event: Event| {
        let Some(words) = words(&event.status) else { return };
        let done = event.done.map(|done| achieved(&done.report)).unwrap_or_default();
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if !done.is_empty() || said.get(&event.name) != Some(&words) {
            let line: Vec<&str> = iter::once(words.as_str()).chain(done.iter().map(String::as_str)).collect();
            say(&format!("{}: {}", event.name, line.join(", ")));
            said.insert(event.name, words);
        }
    })
}

/// Says a state; how far a piece of work is is none.
fn words(status: &AccountStatus) -> Option<String> {
    match status {
        AccountStatus::Syncing(_) => None,
        AccountStatus::Online => Some("in step".to_owned()),
        AccountStatus::Blocked(notice) => Some(in_words(notice)),
        AccountStatus::Offline { reason, .. } => Some(format!("offline, and tried again by itself: {reason}")),
        status => Some(state(status)),
    }
}
