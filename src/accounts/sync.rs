//! Owns the single run: bring every account into step once and report, or try an account without changing anything.
//!
//! The lasting work is the worker's; this is the same work, done once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::accounts::connect::{self, AnyConnector};
use crate::accounts::desk::{Desk, Failure, Listener, Others};
use crate::accounts::retry;
use crate::accounts::round::{self, Course};
use crate::accounts::worker::Connector;
use crate::backend::{Backend, Error, Kind};
use crate::config::Account;
use crate::mail::account::{AccountStatus, Notice, SyncReport};
use crate::mail::mailbox::Role;
use crate::store::Store;

/// What became of one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Synced {
    /// The account's name.
    pub account: String,
    /// What was done.
    pub report: SyncReport,
    /// How long it took.
    pub took: Duration,
    /// Whether the server could be reached at all.
    pub was_reached: bool,
}

/// Brings all these accounts into step, side by side, and returns when nothing is left to do.
pub async fn once(store: &Store, accounts: &[Account], listener: &Listener) -> Vec<Synced> {
    let mut tasks = tokio::task::JoinSet::new();
    for (place, settings) in accounts.iter().filter(|settings| !settings.is_disabled).enumerate() {
        let (store, settings, listener) = (store.clone(), settings.clone(), listener.clone());
        tasks.spawn(async move { (place, sync_account(store, settings, listener).await) });
    }
    let mut synced = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok(result) => synced.push(result),
            Err(stopped) => tracing::error!(%stopped, "an account's sync died"),
        }
    }
    synced.sort_by_key(|(place, _)| *place);
    synced.into_iter().map(|(_, synced)| synced).collect()
}

async fn sync_account(store: Store, settings: Account, listener: Listener) -> Synced {
    let started = Instant::now();
    let mut course = Course::default();
    let (name, own) = (settings.name.clone(), settings.own_addresses());
    let account = store
        .account(&name)
        .and_then(|account| store.set_own_addresses(account, &own).map(|()| account))
        .map_err(|error| Error::new(Kind::Local, "the store", "keeping mail", error.to_string()));
    let result = match account {
        Ok(account) => {
            let desk = Desk { store, account, settings, listener, others: Others::default() };
            match connect::connector(&desk.settings) {
                AnyConnector::Imap(connector) => run(&desk, connector, &mut course).await,
                AnyConnector::Maildir(connector) => run(&desk, connector, &mut course).await,
                AnyConnector::None(notice) => Err((notice, true)),
            }
        }
        Err(error) => Err((retry::notice(&name, &error), true)),
    };
    let was_reached = !matches!(result, Err((_, false)));
    let mut report = course.report;
    report.error = result.err().map(|(notice, _)| notice).or(report.error);
    Synced { account: name, report, took: started.elapsed(), was_reached }
}

/// Gives the notice of what went wrong, and whether the server had been reached.
async fn run<C: Connector>(desk: &Desk, connector: Arc<C>, course: &mut Course) -> Result<(), (Notice, bool)> {
    let say = |error: Error| (retry::notice(&desk.settings.name, &error), error.was_reached());
    desk.tell(AccountStatus::Connecting);
    let mut backend = connector.connect().await.map_err(say)?;
    let before = backend.traffic();
    let result = round::go(desk, &mut backend, course).await;
    // The greeting and the sign-in count too.
    course.report.bytes_in += before.bytes_in;
    course.report.bytes_out += before.bytes_out;
    course.report.round_trips += before.round_trips;
    backend.close().await;
    result.map_err(|failure| say(failure.into_error()))?;
    desk.tell(AccountStatus::Online);
    Ok(())
}

/// What a trial of an account found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trial {
    /// How long connecting and signing in took.
    pub sign_in: Duration,
    /// The server's capabilities.
    pub capabilities: Vec<String>,
    /// Its folders, and what each is for.
    pub folders: Vec<(String, Option<Role>)>,
    /// What went wrong; its kind tells which step failed, and whether trying again can help.
    pub error: Option<Error>,
}

/// Connects, signs in and lists the folders; keeps nothing.
pub async fn try_account(settings: &Account) -> Trial {
    match connect::connector(settings) {
        AnyConnector::Imap(connector) => try_connector(connector.as_ref()).await,
        AnyConnector::Maildir(connector) => try_connector(connector.as_ref()).await,
        AnyConnector::None(notice) => {
            let error = Error::new(Kind::Unsupported, settings.source.place(), "connecting", notice.what);
            Trial { error: Some(error), ..Trial::default() }
        }
    }
}

async fn try_connector<C: Connector>(connector: &C) -> Trial {
    let mut trial = Trial::default();
    let started = Instant::now();
    let tried = async {
        let mut backend = connector.connect().await?;
        trial.sign_in = started.elapsed();
        trial.capabilities = backend.offer().words;
        trial.folders = backend.mailboxes().await?.into_iter().map(|mailbox| (mailbox.name, mailbox.role)).collect();
        backend.close().await;
        Ok::<(), Error>(())
    };
    trial.error = tried.await.err();
    trial
}

/// Pushes what is pending of one account and fetches nothing else; says how many edits travelled.
pub async fn push_once(store: &Store, settings: &Account) -> Result<u64, Notice> {
    let say = |error: Error| retry::notice(&settings.name, &error);
    let account = store
        .account(&settings.name)
        .map_err(|error| say(Error::new(Kind::Local, "the store", "keeping mail", error.to_string())))?;
    let listener: Listener = Arc::new(|_| {});
    let desk = Desk { store: store.clone(), account, settings: settings.clone(), listener, others: Others::default() };
    match connect::connector(settings) {
        AnyConnector::Imap(connector) => push_over(&desk, connector.as_ref()).await,
        AnyConnector::Maildir(connector) => push_over(&desk, connector.as_ref()).await,
        AnyConnector::None(notice) => return Err(notice),
    }
    .map_err(|failure| say(failure.into_error()))
}

async fn push_over<C: Connector>(desk: &Desk, connector: &C) -> Result<u64, Failure> {
    let (mut backend, mut course) = (connector.connect().await?, Course::default());
    let pushed = match round::push(desk, &mut backend, &mut course, false).await {
        Ok(true) => round::go(desk, &mut backend, &mut course).await.map(drop),
        pushed => pushed.map(drop),
    };
    backend.close().await;
    pushed.map(|()| course.report.pushed)
}
