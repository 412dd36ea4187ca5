//! Owns the life of one account: connect, bring into step, listen, and again; its death is a status, never a crash.
//!
//! It knows no protocol: a [`Connector`] makes the connection, everything after that is the `Backend` trait.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;

use crate::accounts::awake::Awake;
use crate::accounts::retry::Pace;
use crate::accounts::{bodies, pull, push, retry};
use crate::backend::{self, Backend, News, Traffic};
use crate::config::{Account, Offline};
use crate::mail::account::{AccountStatus, Notice, Progress, SyncReport};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::mailbox::Role;
use crate::mail::remote::RemoteMailbox;
use crate::mail::time::UnixTime;
use crate::store::Store;

/// Mailboxes that nothing announces are looked at so often.
const POLL_EVERY: Duration = Duration::from_secs(300);
/// `offline = "recent"` keeps the bodies of so many days.
const RECENT_DAYS: i64 = 90;
/// Emails whose header fields go into the full-text index in one transaction.
const INDEX_PORTION: usize = 2_000;
/// Emails that vanished long ago and are forgotten in one transaction.
const SWEEP_PORTION: usize = 500;
/// While bodies come in bulk, the inbox is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// The reader's own connection is given up after so long without use.
const READER_IDLE: Duration = Duration::from_secs(120);

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

/// Makes signed-in connections of one account. The password is asked for anew each time.
pub trait Connector: Send + Sync + 'static {
    /// The kind of connection.
    type Connection: Backend + Send;

    /// Connects and signs in.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, backend::Error>> + Send;
}

/// What the user wants of a worker. A state, not a queue: ten wishes to look for news are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish {
    /// Grows when the user asks to look for news.
    pub checks: u64,
    /// Grows when something was edited here.
    pub edits: u64,
    /// Whether the network is to be left alone.
    pub is_paused: bool,
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
}

impl Desk {
    /// Tells the account's state.
    pub fn tell(&self, status: AccountStatus) {
        (self.listener)(Event { account: self.account, name: self.settings.name.clone(), status });
    }

    fn tell_progress(&self, what: &str, done: u64, total: u64) {
        self.tell(AccountStatus::Syncing(Progress { what: what.to_owned(), done, total }));
    }

    fn not_before(&self) -> Option<Option<UnixTime>> {
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

/// How far the work of an account has come, from one connection to the next.
#[derive(Debug)]
pub struct Course {
    /// What was done so far.
    pub report: SyncReport,
    /// Connections in a row that brought nothing.
    failures: u32,
    bodies: bodies::Run,
    connections: Pace,
    looks: Pace,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            report: SyncReport::default(),
            failures: 0,
            bodies: bodies::Run::default(),
            connections: Pace::of_connections(),
            looks: Pace::of_looks(),
        }
    }
}

/// Brings an account into step once over a connection: edits, folders, newest mail, all header fields, bodies.
pub async fn sync<B: Backend>(desk: &Desk, backend: &mut B, course: &mut Course) -> Result<Vec<Folder>, Failure> {
    let before = backend.traffic();
    let result = sync_counted(desk, backend, course).await;
    count(&mut course.report, before, backend.traffic());
    result
}

/// A mailbox that can be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id in the store.
    pub id: MailboxId,
    /// As the server lists it.
    pub remote: RemoteMailbox,
}

async fn sync_counted<B: Backend>(desk: &Desk, backend: &mut B, course: &mut Course) -> Result<Vec<Folder>, Failure> {
    course.report.pushed += push::all(backend, &desk.store, desk.account).await?;
    let folders = list_folders(desk, backend).await?;
    for folder in folders.iter().filter(|folder| folder.remote.is_selectable) {
        pull_folder(desk, backend, folder, course).await?;
    }
    index(desk).await?;
    fetch_bodies(desk, backend, &folders, course).await?;
    while pull::blocking(&desk.store, |store| store.sweep(SWEEP_PORTION)).await? > 0 {}
    Ok(folders)
}

/// Lists the mailboxes, keeps them, and gives them inbox first, bulk last.
async fn list_folders<B: Backend>(desk: &Desk, backend: &mut B) -> Result<Vec<Folder>, Failure> {
    let mut remotes = backend.mailboxes().await?;
    apply_overrides(&mut remotes, &desk.settings);
    let account = desk.account;
    let (ids, remotes) = pull::blocking(&desk.store, move |store| {
        store.reconcile_mailboxes(account, &remotes).map(|ids| (ids, remotes))
    })
    .await?;
    let mut folders: Vec<Folder> = ids.into_iter().zip(remotes).map(|(id, remote)| Folder { id, remote }).collect();
    folders.sort_by_key(|folder| match folder.remote.role {
        Some(Role::Inbox) => 0,
        Some(Role::Drafts | Role::Sent) => 1,
        None => 2,
        Some(Role::Archive | Role::Flagged | Role::Important) => 3,
        Some(Role::All | Role::Junk | Role::Trash) => 4,
    });
    Ok(folders)
}

/// The configuration's `[folders]` overrule the server's word about roles.
fn apply_overrides(remotes: &mut [RemoteMailbox], settings: &Account) {
    for (role, name) in &settings.folders {
        if !remotes.iter().any(|remote| remote.name == *name || remote.path == *name) {
            continue;
        }
        for remote in remotes.iter_mut() {
            if remote.name == *name || remote.path == *name {
                remote.role = Some(*role);
            } else if remote.role == Some(*role) {
                remote.role = None;
            }
        }
    }
}

async fn pull_folder<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folder: &Folder,
    course: &mut Course,
) -> Result<(), Failure> {
    let name = folder.remote.name.clone();
    let failures = &mut course.failures;
    let progress = |done, total| {
        if done > 0 {
            *failures = 0;
        }
        if total > 0 {
            desk.tell_progress(&name, done, total);
        }
    };
    let pulled = pull::mailbox(backend, &desk.store, desk.account, folder.id, &folder.remote.path, progress).await;
    match pulled {
        Ok(pulled) => course.report.fetched += pulled.arrived,
        // One folder that may not be read does not keep the others back.
        Err(Failure::Backend(error)) if error.kind == backend::Kind::Refused => {
            tracing::warn!(%error, folder = %folder.remote.path, "a folder was refused");
            // Without the inbox it is no success either.
            if folder.remote.role == Some(Role::Inbox) {
                course.report.error = Some(retry::notice(&desk.settings.name, &error));
            }
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// Writes the full-text index of what arrived without a body.
async fn index(desk: &Desk) -> Result<(), Failure> {
    while pull::blocking(&desk.store, |store| store.index_some(INDEX_PORTION)).await? > 0 {}
    Ok(())
}

/// Fetches missing bodies until none is missing, and looks after the inbox now and then meanwhile.
async fn fetch_bodies<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folders: &[Folder],
    course: &mut Course,
) -> Result<(), Failure> {
    let Some(not_before) = desk.not_before() else { return Ok(()) };
    let (mut done, mut looked) = (0, Instant::now());
    // Newcomers stand before the place that the run has reached: one portion from the top brings theirs.
    let mut from_the_top = None;
    loop {
        let progress = |kept| {
            done += kept;
            desk.tell_progress("messages", done, 0);
        };
        let run = from_the_top.as_mut().unwrap_or(&mut course.bodies);
        let fetched = bodies::some(backend, &desk.store, desk.account, not_before, run, progress).await;
        if run.has_come {
            course.failures = 0;
        }
        let was_from_the_top = from_the_top.take().is_some();
        if !fetched? && !was_from_the_top {
            return Ok(());
        }
        if looked.elapsed() >= LOOK_EVERY {
            let before = course.report.fetched;
            pull_inbox(desk, backend, folders, course).await?;
            from_the_top = (course.report.fetched > before).then(bodies::Run::default);
            looked = Instant::now();
        }
    }
}

/// Pulls the inbox alone.
async fn pull_inbox<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folders: &[Folder],
    course: &mut Course,
) -> Result<(), Failure> {
    for inbox in folders.iter().filter(|folder| folder.remote.role == Some(Role::Inbox)) {
        pull_folder(desk, backend, inbox, course).await?;
    }
    index(desk).await
}

fn count(report: &mut SyncReport, before: Traffic, after: Traffic) {
    report.bytes_in += after.bytes_in.saturating_sub(before.bytes_in);
    report.bytes_out += after.bytes_out.saturating_sub(before.bytes_out);
    report.round_trips += after.round_trips.saturating_sub(before.round_trips);
}

/// Keeps an account in step until the wishes end. Never returns an error: every failure is a status.
pub async fn run<C: Connector>(desk: Desk, connector: Arc<C>, mut wishes: watch::Receiver<Wish>, awake: Awake) {
    let mut course = Course::default();
    loop {
        let wish = *wishes.borrow_and_update();
        if wish.is_paused {
            desk.tell(AccountStatus::Paused);
            if wishes.changed().await.is_err() {
                return;
            }
            continue;
        }
        desk.tell(AccountStatus::Connecting);
        let mut told_to_stop = wishes.clone();
        let failure = tokio::select! {
            failure = live(&desk, connector.as_ref(), &mut wishes, &awake, &mut course) => failure,
            stop = stopped(&mut told_to_stop) => match stop {
                Stop::Paused => continue,
                Stop::Closed => return,
            },
        };
        let error = failure.into_error();
        tracing::info!(%error, attempts = course.failures, account = %desk.settings.name, "the connection ended");
        let spread = (now().0 ^ desk.account.0).to_le_bytes()[0];
        let next = retry::after(&desk.settings.name, &error, course.failures, spread);
        course.failures = course.failures.saturating_add(1);
        let pause = match next {
            retry::Next::After(pause) => {
                let pause = pause.max(course.connections.rest(Instant::now()));
                desk.tell(offline(&error, pause));
                Some(pause)
            }
            retry::Next::Person(notice, pause) => {
                desk.tell(AccountStatus::Blocked(notice));
                pause
            }
        };
        let rest = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        // A rest ends early when the user asks for another try, pauses, or leaves.
        tokio::select! {
            () = rest => {}
            changed = asked(&mut wishes) => if changed.is_err() { return },
        }
    }
}

enum Stop {
    Paused,
    Closed,
}

async fn stopped(wishes: &mut watch::Receiver<Wish>) -> Stop {
    match wishes.wait_for(|wish| wish.is_paused).await {
        Ok(_) => Stop::Paused,
        Err(_) => Stop::Closed,
    }
}

/// Waits until the user asks for more than was asked before; edits alone do not end a rest.
async fn asked(wishes: &mut watch::Receiver<Wish>) -> Result<(), watch::error::RecvError> {
    let before = *wishes.borrow_and_update();
    wishes.wait_for(|wish| wish.checks != before.checks || wish.is_paused).await.map(|_| ())
}

fn offline(error: &backend::Error, pause: Duration) -> AccountStatus {
    let seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
    AccountStatus::Offline {
        since: now(),
        next_try: UnixTime(now().0.saturating_add(seconds)),
        reason: error.what.clone(),
    }
}

/// One connection from its beginning to its end, which is always a failure.
async fn live<C: Connector>(
    desk: &Desk,
    connector: &C,
    wishes: &mut watch::Receiver<Wish>,
    awake: &Awake,
    course: &mut Course,
) -> Failure {
    match stay(desk, connector, wishes, awake, course).await {
        Err(failure) => failure,
        Ok(never) => match never {},
    }
}

async fn stay<C: Connector>(
    desk: &Desk,
    connector: &C,
    wishes: &mut watch::Receiver<Wish>,
    awake: &Awake,
    course: &mut Course,
) -> Result<Infallible, Failure> {
    let mut backend = connector.connect().await?;
    // What is wished for while the sync runs is still to be done after it.
    let mut seen = *wishes.borrow_and_update();
    let mut folders = sync(desk, &mut backend, course).await?;
    let mut rested = Instant::now();
    loop {
        course.failures = 0;
        desk.tell(AccountStatus::Online);
        let waiting = async {
            tokio::time::sleep_until(rested.into()).await;
            wait(&mut backend, &folders).await
        };
        let news = tokio::select! {
            news = waiting => Some(news?),
            () = awake.jumped() => {
                probe(&mut backend, awake.probe).await?;
                Some(News::TimedOut)
            }
            changed = wishes.changed() => match changed {
                Ok(()) => None,
                Err(_) => std::future::pending().await,
            },
        };
        let wish = *wishes.borrow_and_update();
        if news == Some(News::TimedOut) || wish.checks != seen.checks {
            folders = sync(desk, &mut backend, course).await?;
        } else {
            if wish.edits != seen.edits {
                push::all(&mut backend, &desk.store, desk.account).await?;
            }
            if news == Some(News::Changed) {
                pull_inbox(desk, &mut backend, &folders, course).await?;
                fetch_bodies(desk, &mut backend, &folders, course).await?;
                let now = Instant::now();
                rested = now + course.looks.rest(now);
            }
        }
        seen = wish;
    }
}

/// Finds out whether a link has outlived a sleep, without the patience that a living one deserves.
async fn probe<B: Backend>(backend: &mut B, within: Duration) -> Result<(), backend::Error> {
    match tokio::time::timeout(within, backend.mailboxes()).await {
        Ok(listed) => listed.map(drop),
        Err(_) => {
            let what = "the link did not outlive this computer's sleep";
            Err(backend::Error::new(backend::Kind::Timeout, "the link", "waiting for news", what))
        }
    }
}

/// Brings the bodies that the reader opens, over a connection of its own that is made when first needed: reading
/// never waits for a sync.
pub async fn serve_reader<C: Connector>(
    desk: Desk,
    connector: Arc<C>,
    wishes: watch::Receiver<Wish>,
    mut wanted: Receiver<EmailId>,
    awake: Awake,
) {
    let (mut connection, mut used) = (None, awake.now());
    loop {
        let email = match tokio::time::timeout(READER_IDLE, wanted.recv()).await {
            Ok(Some(email)) => email,
            Ok(None) => return,
            Err(_) => {
                connection = None;
                continue;
            }
        };
        let now = awake.now();
        if wishes.borrow().is_paused || used.has_jumped(now) {
            connection = None;
        }
        used = now;
        if wishes.borrow().is_paused {
            continue;
        }
        // A connection that had been idle may be dead without a word: a second try gets a new one.
        for _ in 0..2 {
            let mut backend = match connection.take() {
                Some(backend) => backend,
                None => match connector.connect().await {
                    Ok(backend) => backend,
                    Err(error) => {
                        tracing::info!(%error, "no connection to read a message");
                        break;
                    }
                },
            };
            match bodies::one(&mut backend, &desk.store, email).await {
                Ok(()) => {
                    connection = Some(backend);
                    break;
                }
                Err(failure) => tracing::info!(error = %failure.into_error(), "a message could not be read"),
            }
        }
    }
}

async fn wait<B: Backend>(backend: &mut B, folders: &[Folder]) -> Result<News, backend::Error> {
    let mut readable = folders.iter().filter(|folder| folder.remote.is_selectable);
    let first = readable.clone().next();
    match readable.find(|folder| folder.remote.role == Some(Role::Inbox)).or(first) {
        Some(inbox) => backend.wait(&inbox.remote.path, POLL_EVERY).await,
        None => {
            tokio::time::sleep(POLL_EVERY).await;
            Ok(News::TimedOut)
        }
    }
}

/// Says a failure to a person, for a report.
pub fn notice(desk: &Desk, failure: Failure) -> Notice {
    retry::notice(&desk.settings.name, &failure.into_error())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::accounts::tests::{Fake, hung_up};
    use crate::config::Source;

    /// Makes servers, and says how many it has made.
    struct Fakes {
        make: fn(u32) -> Result<Fake, backend::Error>,
        made: AtomicU32,
    }

    impl Connector for Fakes {
        type Connection = Fake;

        async fn connect(&self) -> Result<Fake, backend::Error> {
            (self.make)(self.made.fetch_add(1, Ordering::SeqCst))
        }
    }

    /// Runs a worker until `is_enough` of the statuses it tells, and gives those with the number of connections.
    fn work(
        make: fn(u32) -> Result<Fake, backend::Error>,
        awake: Awake,
        is_enough: impl Fn(&[AccountStatus]) -> bool,
    ) -> (Vec<AccountStatus>, u32) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("test").unwrap();
        let settings = Account::new("test", "me@example.org", Source::Maildir { path: dir.path().to_owned() });
        let told = Arc::new(Mutex::new(Vec::new()));
        let listened = told.clone();
        let listener: Listener = Arc::new(move |event| listened.lock().unwrap().push(event.status));
        let desk = Desk { store, account, settings, listener };
        let connector = Arc::new(Fakes { make, made: AtomicU32::new(0) });
        let (_wishes, wished) = watch::channel(Wish::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let worker = runtime.spawn(run(desk, connector.clone(), wished, awake));
        let begin = Instant::now();
        while !is_enough(&told.lock().unwrap()) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", told.lock().unwrap());
            std::thread::sleep(Duration::from_millis(2));
        }
        worker.abort();
        runtime.shutdown_timeout(Duration::from_secs(5));
        let told = told.lock().unwrap().clone();
        (told, connector.made.load(Ordering::SeqCst))
    }

    fn is_online(status: &&AccountStatus) -> bool {
        matches!(status, AccountStatus::Online)
    }

    #[test]
    fn after_a_sleep_a_link_that_is_dead_is_given_up_at_once() {
        // Each look at the wall finds it an hour later than the one before.
        let hours = AtomicU32::new(0);
        let wall = move || SystemTime::UNIX_EPOCH + Duration::from_secs(3_600) * hours.fetch_add(1, Ordering::SeqCst);
        let limit = Duration::from_millis(50);
        let awake = Awake { wall: Arc::new(wall), every: limit, probe: limit };
        // It lists its folders once, and is silent from then on.
        let make = |_| Ok(Fake { lists: Some(1), ..Fake::default() });
        let is_enough = |told: &[AccountStatus]| told.iter().any(|one| matches!(one, AccountStatus::Offline { .. }));
        let (told, _) = work(make, awake, is_enough);
        let reason = told.iter().find_map(|status| match status {
            AccountStatus::Offline { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert!(told.iter().any(|status| is_online(&status)), "{told:?}");
        assert!(reason.as_ref().is_some_and(|reason| reason.contains("sleep")), "{reason:?}");
    }

    #[test]
    fn after_a_sleep_a_link_that_lives_is_kept_and_everything_is_looked_at() {
        let hours = AtomicU32::new(0);
        let wall = move || SystemTime::UNIX_EPOCH + Duration::from_secs(3_600) * hours.fetch_add(1, Ordering::SeqCst);
        let awake = Awake { wall: Arc::new(wall), every: Duration::from_millis(5), probe: Duration::from_secs(10) };
        let make = |_| Ok(Fake::default());
        let (_, made) = work(make, awake, |told| told.iter().filter(is_online).count() > 3);
        assert_eq!(made, 1);
    }

    #[test]
    fn a_server_that_always_has_news_is_not_looked_at_all_the_time() {
        let make = |_| Ok(Fake { has_inbox: true, announces: Some(News::Changed), ..Fake::default() });
        let begin = Instant::now();
        let is_enough = |_: &[AccountStatus]| begin.elapsed() > Duration::from_millis(800);
        let (told, _) = work(make, Awake::default(), is_enough);
        let looks = told.iter().filter(is_online).count();
        assert!(looks <= 12, "{looks} looks in less than a second");
    }

    #[test]
    fn a_link_that_breaks_in_every_sync_is_tried_again_soon_as_long_as_something_comes() {
        let mut course = Course { failures: 7, ..Course::default() };
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("test").unwrap();
        let settings = Account::new("test", "me@example.org", Source::Maildir { path: dir.path().to_owned() });
        let desk = Desk { store, account, settings, listener: Arc::new(|_| {}) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut sync_with = |news: Vec<crate::mail::remote::Delta>| {
            let mut server = Fake { news, breaks: true, has_inbox: true, ..Fake::default() };
            let failure = runtime.block_on(sync(&desk, &mut server, &mut course)).unwrap_err();
            assert_eq!(failure.into_error(), hung_up());
            course.failures
        };
        assert_eq!(sync_with(Vec::new()), 7, "nothing came");
        assert_eq!(sync_with(crate::accounts::tests::newcomers(3)), 0, "something came");
    }
}
