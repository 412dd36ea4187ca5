//! Owns the life of one account: connect, bring into step, listen, and again; its death is a status, never a crash.
//!
//! It knows no protocol: a [`Connector`] makes the connection, everything after that is the `Backend` trait.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::accounts::awake::Awake;
use crate::accounts::desk::{Desk, Done, Failure, now};
use crate::accounts::ears::{self, Ears};
use crate::accounts::pull;
use crate::accounts::retry;
use crate::accounts::retry::Pace;
use crate::accounts::round::{self, Course, Folder};
use crate::backend::{self, Backend, Hears, News};
use crate::mail::account::{AccountStatus, Notice, SyncReport};
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;

/// Mailboxes that nothing announces are looked at so often.
const POLL_EVERY: Duration = Duration::from_secs(300);

/// Makes signed-in connections of one account. The password is asked for anew each time.
pub trait Connector: Send + Sync + 'static {
    /// The kind of connection.
    type Connection: Backend + Send;

    /// Connects and signs in.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, backend::Error>> + Send;

    /// Gives how often mailboxes are looked at that nothing announces.
    fn poll_every(&self) -> Duration {
        POLL_EVERY
    }
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

/// Keeps an account in step until the wishes end. Never returns an error: every failure is a status.
pub async fn run<C: Connector>(desk: Desk, connector: Arc<C>, mut wishes: watch::Receiver<Wish>, awake: Awake) {
    let mut course = Course::default();
    let (mut connections, mut looks) = (Pace::of_connections(), Pace::of_looks());
    loop {
        // What is wished for last, and so answered by what comes of this connection.
        let mut wish = *wishes.borrow_and_update();
        if wish.is_paused {
            let notice = Notice {
                account: Some(desk.settings.name.clone()),
                what: "the Surat that is open leaves the network alone".into(),
                remedy: "Start it without --offline.".into(),
                ..Notice::default()
            };
            let report = SyncReport { error: Some(notice), ..SyncReport::default() };
            desk.tell_done(AccountStatus::Paused, Done { checks: wish.checks, report, was_reached: false });
            if wishes.changed().await.is_err() {
                return;
            }
            continue;
        }
        desk.tell(AccountStatus::Connecting);
        let mut told_to_stop = wishes.clone();
        let failure = tokio::select! {
            failure = live(&desk, &connector, (&mut wishes, &mut wish), &awake, &mut course, &mut looks) => failure,
            stop = stopped(&mut told_to_stop) => match stop {
                Stop::Paused => continue,
                Stop::Closed => return,
            },
        };
        let error = failure.into_error();
        tracing::info!(%error, attempts = course.failures, account = %desk.settings.name, "the connection ended");
        let spread = (now().0 ^ desk.account.0).to_le_bytes()[0];
        let mut report = std::mem::take(&mut course.report);
        report.error = Some(retry::notice(&desk.settings.name, &error));
        let done = Done { checks: wish.checks, report, was_reached: error.was_reached() };
        let next = retry::after(&desk.settings.name, &error, course.failures, spread);
        course.failures = course.failures.saturating_add(1);
        let pause = match next {
            retry::Next::After(pause) => {
                let pause = pause.max(connections.rest(Instant::now()));
                desk.tell_done(offline(&error, pause), done);
                Some(pause)
            }
            retry::Next::Person(notice, pause) => {
                desk.tell_done(AccountStatus::Blocked(notice), done);
                pause
            }
        };
        let rest = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        // A rest ends early when the user asks for another try, pauses, or leaves, and when this computer wakes up.
        tokio::select! {
            () = rest => {}
            () = awake.jumped() => {}
            changed = asked(&mut wishes, wish) => if changed.is_err() { return },
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

/// Waits until the user asks for more than was answered; edits alone do not end a rest.
async fn asked(wishes: &mut watch::Receiver<Wish>, before: Wish) -> Result<(), watch::error::RecvError> {
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

/// What is wished for, and what of it the work that is under way will have done.
type Wishes<'a> = (&'a mut watch::Receiver<Wish>, &'a mut Wish);

/// One connection from its beginning to its end, which is always a failure.
async fn live<C: Connector>(
    desk: &Desk,
    connector: &Arc<C>,
    wishes: Wishes<'_>,
    awake: &Awake,
    course: &mut Course,
    looks: &mut Pace,
) -> Failure {
    match stay(desk, connector, wishes, awake, course, looks).await {
        Err(failure) => failure,
        Ok(never) => match never {},
    }
}

async fn stay<C: Connector>(
    desk: &Desk,
    connector: &Arc<C>,
    wishes: Wishes<'_>,
    awake: &Awake,
    course: &mut Course,
    looks: &mut Pace,
) -> Result<Infallible, Failure> {
    let (wishes, seen) = wishes;
    let mut backend = connector.connect().await?;
    // What is wished for while the sync runs is still to be done after it.
    *seen = *wishes.borrow_and_update();
    let mut folders = round::go(desk, &mut backend, course).await?;
    let (mut ears, mut is_round) = (Ears::default(), true);
    let (mut rested, mut is_echo_due) = (Instant::now(), false);
    loop {
        course.failures = 0;
        let mut is_due = false;
        // A folder that the server refuses ends no connection, but the inbox is a matter for a person.
        let report = std::mem::take(&mut course.report);
        let status = report.error.clone().map_or(AccountStatus::Online, AccountStatus::Blocked);
        desk.tell_done(status, Done { checks: seen.checks, report, was_reached: true });
        if is_round && backend.offer().hears == Hears::One {
            let known = folders.clone();
            let worth_it = pull::blocking(&desk.store, move |store| ears::worth_it(store, &known)).await?;
            ears.listen(connector, &worth_it);
        }
        let account = desk.account;
        let due = pull::blocking(&desk.store, move |store| store.next_due(account)).await?;
        let waiting = async {
            tokio::time::sleep_until(rested.into()).await;
            tokio::select! {
                news = wait(&mut backend, &folders, connector.poll_every()) => news,
                changed = ears.heard() => Ok(News::Changed(changed)),
            }
        };
        let news = tokio::select! {
            news = waiting => Some(news?),
            () = until(due) => {
                is_due = true;
                None
            }
            () = awake.jumped() => {
                probe(&mut backend, awake.probe).await?;
                // Whether the others live would be known much later.
                ears = Ears::default();
                Some(News::TimedOut)
            }
            changed = wishes.changed() => match changed {
                Ok(()) => None,
                Err(_) => std::future::pending().await,
            },
        };
        let wish = *wishes.borrow_and_update();
        let before = std::mem::replace(seen, wish);
        let has_edits = is_due || wish.edits != before.edits;
        is_round = matches!(news, Some(News::TimedOut | News::Mailboxes)) || wish.checks != before.checks;
        if !is_round && has_edits {
            is_round = round::push(desk, &mut backend, course, false).await?;
        }
        if !is_round && let Some(News::Changed(paths)) = &news {
            is_round = round::pull_changed(desk, &mut backend, &folders, paths, course).await?;
        }
        if is_round {
            folders = round::go(desk, &mut backend, course).await?;
        }
        // One's own changes may come back as news; others are looked at at a measured pace.
        if matches!(news, Some(News::Changed(_) | News::Mailboxes)) && !std::mem::take(&mut is_echo_due) {
            let now = Instant::now();
            rested = now + looks.rest(now);
        }
        is_echo_due |= has_edits;
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

/// Waits for a moment; for ever without one.
async fn until(due: Option<UnixTime>) {
    match due {
        Some(due) => tokio::time::sleep(Duration::from_secs((due.0 - now().0).max(0).unsigned_abs())).await,
        None => std::future::pending().await,
    }
}

async fn wait<B: Backend>(backend: &mut B, folders: &[Folder], at_most: Duration) -> Result<News, backend::Error> {
    let mut readable = folders.iter().filter(|folder| folder.remote.is_selectable);
    let first = readable.clone().next();
    match readable.find(|folder| folder.remote.role == Some(Role::Inbox)).or(first) {
        Some(inbox) => backend.wait(&inbox.remote.path, at_most).await,
        None => {
            tokio::time::sleep(at_most).await;
            Ok(News::TimedOut)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::SystemTime;

    use super::*;
    use crate::accounts::desk::Listener;
    use crate::accounts::desk::Others;
    use crate::accounts::tests::Fake;
    use crate::config::{Account, Source};
    use crate::store::Store;

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
        let desk = Desk { store, account, settings, listener, others: Others::default() };
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
        let of_mail = |_| {
            Ok(Fake { has_inbox: true, announces: Some(News::Changed(["INBOX".to_owned()].into())), ..Fake::default() })
        };
        let of_folders = |_| Ok(Fake { has_inbox: true, announces: Some(News::Mailboxes), ..Fake::default() });
        for make in [of_mail, of_folders] {
            let begin = Instant::now();
            let is_enough = |_: &[AccountStatus]| begin.elapsed() > Duration::from_millis(800);
            let (told, _) = work(make, Awake::default(), is_enough);
            let looks = told.iter().filter(is_online).count();
            assert!((2..=12).contains(&looks), "{looks} looks in less than a second");
        }
    }

    #[test]
    fn an_inbox_that_the_server_refuses_is_said_to_a_person_while_the_link_stays() {
        let make = |_| Ok(Fake { has_inbox: true, refuses: true, ..Fake::default() });
        let is_blocked = |status: &AccountStatus| matches!(status, AccountStatus::Blocked(_));
        let (told, made) = work(make, Awake::default(), |told| told.iter().any(is_blocked));
        let Some(AccountStatus::Blocked(notice)) = told.last() else { panic!("{told:?}") };
        assert!(notice.what.contains("not for you"), "{notice:?}");
        assert_eq!((told.iter().filter(is_online).count(), made), (0, 1));
    }

    /// A user who asks again while a connection is being made that will not come about.
    struct Impatient {
        wishes: watch::Sender<Wish>,
        made: AtomicU32,
    }

    impl Connector for Impatient {
        type Connection = Fake;

        async fn connect(&self) -> Result<Fake, backend::Error> {
            if self.made.fetch_add(1, Ordering::SeqCst) > 0 {
                return Ok(Fake::default());
            }
            self.wishes.send_modify(|wish| wish.checks += 1);
            // After this nothing is tried before somebody asks.
            Err(backend::Error::new(backend::Kind::SignIn, "imap.example.org:993", "signing in", "wrong password"))
        }
    }

    #[test]
    fn a_wish_made_while_connecting_is_not_answered_by_the_failure_of_that() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("test").unwrap();
        let settings = Account::new("test", "me@example.org", Source::Maildir { path: dir.path().to_owned() });
        let (sender, told) = std::sync::mpsc::channel();
        let listener: Listener = Arc::new(move |event| {
            let _ = event.done.map(|done| sender.send(done.checks));
        });
        let desk = Desk { store, account, settings, listener, others: Others::default() };
        let (wishes, wished) = watch::channel(Wish::default());
        let connector = Arc::new(Impatient { wishes, made: AtomicU32::new(0) });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(run(desk, connector, wished, Awake::default()));
        let next = || told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((next(), next()), (0, 1));
        runtime.shutdown_timeout(Duration::from_secs(5));
    }
}
