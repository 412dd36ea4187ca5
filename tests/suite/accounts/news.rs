//! What others do on the server while Surat listens, and what a person does here meanwhile: the worker of an account
//! against a real Dovecot, with NOTIFY, with several IDLEs, and with nothing of the kind.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use surat::accounts::awake::Awake;
use surat::accounts::desk::{Desk, Others, now};
use surat::accounts::worker::{self, Connector, Wish};
use surat::backend::imap::{Credentials, Imap, Timeouts};
use surat::backend::net::{Endpoint, Security};
use surat::backend::{Backend, Error, Hears, News};
use surat::config::account::{Account, Source};
use surat::mail::account::AccountStatus;
use surat::mail::id::{AccountId, EmailId, MailboxId};
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::view::View;
use surat::store::Store;
use tokio::sync::watch;

use crate::backend::imap::{HASTY, Mirror, PATIENT, on_server, plain, uid, within};
use crate::support::dovecot::{TestUser, dovecot};
use crate::support::proxy::{Faults, Proxy};
use crate::support::scripted::{Script, listen, say};
use crate::support::wait_for;

const SOON: Duration = Duration::from_secs(60);
/// Nothing that a test waits for comes from looking at all folders.
const NEVER: Duration = Duration::from_secs(3_600);

/// Makes connections with other patience than usual.
struct Line {
    endpoint: Endpoint,
    credentials: Credentials,
    timeouts: Timeouts,
    poll_every: Duration,
}

impl Connector for Line {
    type Connection = Imap;

    async fn connect(&self) -> Result<Imap, Error> {
        Imap::connect(&self.endpoint, &self.credentials, self.timeouts).await
    }

    fn poll_every(&self) -> Duration {
        self.poll_every
    }
}

/// A worker at work.
struct Surat {
    store: Store,
    account: AccountId,
    told: Arc<Mutex<Vec<AccountStatus>>>,
    wishes: watch::Sender<Wish>,
    user: TestUser,
    _runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

impl Surat {
    /// Starts, and waits until everything is in step for the first time.
    fn start(user: &TestUser, port: u16, timeouts: Timeouts, poll_every: Duration) -> Surat {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("test").unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let listened = told.clone();
        let settings = Account::new("test", "me@example.org", Source::Maildir { path: dir.path().to_owned() });
        let listener = Arc::new(move |event: surat::accounts::desk::Event| listened.lock().unwrap().push(event.status));
        let desk = Desk { store: store.clone(), account, settings, listener, others: Others::default() };
        let endpoint = Endpoint { host: "127.0.0.1".into(), port, security: Security::None, ca_file: None };
        let line = Line { endpoint, credentials: user.credentials(), timeouts, poll_every };
        let (wishes, wished) = watch::channel(Wish::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(worker::run(desk, Arc::new(line), wished, Awake::default()));
        let surat = Surat { store, account, told, wishes, user: user.clone(), _runtime: runtime, _dir: dir };
        surat.wait_status("the first sync", |status| matches!(status, AccountStatus::Online));
        surat
    }

    /// Waits until a status is told that was not told before this was called.
    fn wait_status(&self, what: &str, is_it: impl Fn(&AccountStatus) -> bool) {
        let mut told_before = 0;
        wait_for(what, SOON, || {
            let told = self.told.lock().unwrap();
            let found = told.iter().skip(told_before).any(&is_it).then_some(());
            told_before = told.len();
            found
        });
    }

    fn mailbox(&self, path: &str) -> Option<MailboxId> {
        let mailboxes = self.store.mailboxes(Some(self.account)).unwrap();
        let has_path = |id| self.store.mailbox_path(id).unwrap().as_deref() == Some(path);
        mailboxes.into_iter().map(|mailbox| mailbox.id).find(|id| has_path(*id))
    }

    fn emails(&self, path: &str) -> Vec<EmailId> {
        let Some(mailbox) = self.mailbox(path) else { return Vec::new() };
        self.store.emails(&View::Mailbox(mailbox), None, 100).unwrap().into_iter().map(|email| email.id).collect()
    }

    /// Waits until a folder here is what the server has, copy by copy, and nothing is left to be said to the server.
    fn wait_in_step(&self, path: &str, what: &str) {
        let mut client = self.user.raw();
        let mut seen = (Vec::new(), Vec::new());
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(what, SOON, || {
                let mut here: Vec<_> = match self.mailbox(path) {
                    Some(mailbox) => self.store.remotes(mailbox).unwrap(),
                    None => Vec::new(),
                }
                .into_iter()
                .map(|(id, keywords)| (uid(&id), keywords))
                .collect();
                here.sort();
                seen = (here, on_server(&client.contents(path)));
                (seen.0 == seen.1 && self.store.pending_count(self.account).unwrap() == 0).then_some(())
            })
        }));
        assert!(found.is_ok(), "{what}: {path}: here and there: {seen:?}");
    }

    fn edit(&self, path: &str, email: EmailId, edit: Edit) {
        let target = Target { email, from: self.mailbox(path) };
        self.store.edit(&Mutation { targets: vec![target], edit }, now(), "an edit").unwrap();
        self.wishes.send_modify(|wish| wish.edits += 1);
    }

    fn star(&self, path: &str, email: EmailId, on: bool) {
        self.edit(path, email, Edit::Keyword("$flagged".into(), on));
    }
}

fn said(proxy: &Proxy) -> String {
    String::from_utf8_lossy(&proxy.sent()).into_owned()
}

/// A user with three letters in each of two folders.
fn user(name: &str) -> TestUser {
    let user = dovecot().user(name);
    user.deliver_many("INBOX", 3);
    user.deliver_many("Work", 3);
    user.raw().run("SUBSCRIBE Work");
    user
}

/// Waits until it listens so many times; what happens before IDLE is told then too, but not by IDLE.
fn wait_idle(proxy: &Proxy, times: usize) {
    wait_for("IDLE", SOON, || (said(proxy).matches(" IDLE\r\n").count() >= times).then_some(()));
}

const NEWS: &[u8] = b"Subject: news\r\nMessage-ID: <news@example.org>\r\n\r\nfresh\r\n";

#[test]
fn what_others_do_in_other_folders_is_seen_at_once() {
    let half = Duration::from_millis(300);
    for (way, hidden, connections, poll_every) in
        [("NOTIFY", vec![], 1, NEVER), ("ears", vec!["NOTIFY"], 4, NEVER), ("polling", vec!["NOTIFY", "IDLE"], 1, half)]
    {
        let user = user("elsewhere");
        let proxy = Proxy::start(user.server.imap_port, Faults { hidden, ..Faults::default() });
        let timeouts = Timeouts { poll: half, ..PATIENT };
        let surat = Surat::start(&user, proxy.port, timeouts, poll_every);
        if way != "polling" {
            wait_idle(&proxy, connections);
        }
        user.deliver("Work", &[(NEWS, "", "")]);
        surat.wait_in_step("Work", &format!("{way}: a new message"));
        assert_eq!(surat.emails("Work").len(), 4, "{way}");

        let mut client = user.raw();
        client.run("SELECT Work");
        client.run("UID STORE 2 +FLAGS (\\Seen todo)");
        surat.wait_in_step("Work", &format!("{way}: flags"));
        client.run("UID STORE 1 +FLAGS.SILENT (\\Deleted)");
        client.run("EXPUNGE");
        surat.wait_in_step("Work", &format!("{way}: an expunge"));
        user.deliver("INBOX", &[(NEWS, "", "")]);
        surat.wait_in_step("INBOX", &format!("{way}: the inbox"));

        let told = surat.told.lock().unwrap().clone();
        let bad: Vec<&AccountStatus> = told.iter().filter(is_bad).collect();
        assert_eq!((proxy.connections(), &bad[..]), (connections as u64, &[][..]), "{way}: {}", said(&proxy));

        // A connection that listens to one folder hears of no others. The server hangs up if the one that is just read
        // is renamed.
        if way != "ears" {
            client.run("CREATE Fresh");
            wait_for(&format!("{way}: a new folder"), SOON, || surat.mailbox("Fresh"));
            user.deliver("Fresh", &[(NEWS, "", "")]);
            surat.wait_in_step("Fresh", &format!("{way}: mail in the new folder"));
            client.run("RENAME Fresh Fresher");
            surat.wait_in_step("Fresher", &format!("{way}: the renamed folder"));
            assert_eq!(surat.emails("Fresher").len(), 1, "{way}");
            client.run("DELETE Fresher");
            wait_for(&format!("{way}: a folder less"), SOON, || surat.mailbox("Fresher").is_none().then_some(()));
        }
    }
}

fn is_bad(status: &&AccountStatus) -> bool {
    matches!(status, AccountStatus::Offline { .. } | AccountStatus::Blocked(_))
}

#[test]
fn ears_that_are_denied_are_done_without_and_folders_are_looked_at_now_and_then() {
    let user = user("denied");
    let proxy = Proxy::start(user.server.imap_port, Faults { hidden: vec!["NOTIFY"], ..Faults::default() });
    let denied = Faults { cut_after_in: Some(0), ..Faults::default() };
    // The first connection is made by then, and has not asked for others.
    let poll_every = Duration::from_millis(500);
    let told = std::thread::scope(|scope| {
        let denying = scope.spawn(|| {
            wait_for("the first connection", SOON, || (proxy.connections() == 1).then_some(()));
            proxy.set(denied);
        });
        let surat = Surat::start(&user, proxy.port, PATIENT, poll_every);
        denying.join().unwrap();
        for _ in 0..3 {
            user.deliver("Work", &[(NEWS, "", "")]);
            surat.wait_in_step("Work", "a new message");
        }
        surat.told.lock().unwrap().clone()
    });
    assert_eq!(told.iter().find(is_bad), None);
    assert!((2..=4).contains(&proxy.connections()), "{} connections", proxy.connections());
}

#[test]
fn an_edit_goes_out_with_the_end_of_idle_and_its_echo_is_no_news() {
    let user = user("echo");
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    let surat = Surat::start(&user, proxy.port, PATIENT, NEVER);
    wait_idle(&proxy, 1);
    let before = (proxy.counted().round_trips, said(&proxy).len());
    surat.star("INBOX", surat.emails("INBOX")[0], true);
    surat.wait_in_step("INBOX", "the star");
    let said_now = said(&proxy);
    let words: Vec<&str> = said_now[before.1..].split("\r\n").collect();
    assert!(words[0] == "DONE" && words[1].contains("UID STORE"), "{words:?}");

    // The next one finds no IDLE in its way.
    surat.star("INBOX", surat.emails("INBOX")[1], true);
    surat.wait_in_step("INBOX", "the next star");
    assert_eq!(said(&proxy)[before.1..].matches("SELECT").count(), 0, "{}", &said(&proxy)[before.1..]);

    // In another folder it is looked for, changed and left, and not read again for what was done here.
    wait_idle(&proxy, 2);
    let before = said(&proxy).len();
    surat.star("Work", surat.emails("Work")[0], true);
    surat.wait_in_step("Work", "a star elsewhere");
    wait_idle(&proxy, 3);
    user.deliver("Archive", &[(NEWS, "", "")]);
    surat.wait_in_step("Archive", "something else");
    assert_eq!(said(&proxy)[before..].matches("SELECT \"Work\"").count(), 1, "{}", &said(&proxy)[before..]);
}

#[test]
fn what_waits_for_its_time_is_pushed_when_it_comes() {
    let user = user("due");
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    let surat = Surat::start(&user, proxy.port, PATIENT, NEVER);
    let email = surat.emails("Work")[0];
    let target = Target { email, from: surat.mailbox("Work") };
    // Deleted 28 of the 30 seconds ago that can be thought better of.
    let past = surat::mail::time::UnixTime(now().0 - 28);
    surat.store.edit(&Mutation { targets: vec![target], edit: Edit::Remove }, past, "Deleted").unwrap();
    surat.wishes.send_modify(|wish| wish.edits += 1);
    surat.wait_status("the push that leaves it waiting", |status| matches!(status, AccountStatus::Online));
    let lists = said(&proxy).matches("LIST").count();
    surat.wait_in_step("Work", "it is gone there too");
    assert_eq!(user.raw().contents("Work").len(), 2);
    assert_eq!(said(&proxy).matches("LIST").count(), lists, "no folder was looked at for that");
}

/// Stops the server's processes of a user, as a machine does that hangs, and lets them go on at the end.
struct Stopped(Vec<String>);

impl Stopped {
    fn all_of(user: &TestUser) -> Stopped {
        let pids = user.server.processes_of(user);
        assert!(!pids.is_empty(), "the server has a process of {}", user.name);
        pids.iter().for_each(|pid| signal("-STOP", pid));
        Stopped(pids)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| signal("-CONT", pid));
    }
}

fn signal(name: &str, pid: &str) {
    Command::new("kill").args([name, pid]).status().unwrap();
}

#[test]
fn a_server_that_hangs_is_said_and_everything_is_in_step_when_it_is_back() {
    let patience = Timeouts { answer: Duration::from_secs(1), idle: Duration::from_millis(500), ..PATIENT };
    let is_offline = |status: &AccountStatus| matches!(status, AccountStatus::Offline { reason, .. } if reason.contains("no answer"));
    for when in ["while it listens", "while it pushes a star", "while it moves"] {
        let user = user("hangs");
        let timeouts = if when == "while it listens" { patience } else { Timeouts { idle: NEVER, ..patience } };
        let surat = Surat::start(&user, user.server.imap_port, timeouts, NEVER);
        let email = surat.emails("INBOX")[0];
        let stopped = Stopped::all_of(&user);
        match when {
            "while it pushes a star" => surat.star("INBOX", email, true),
            "while it moves" => surat.edit("INBOX", email, Edit::MoveToRole(Role::Archive)),
            _ => {}
        }
        surat.wait_status(when, is_offline);
        user.deliver("Work", &[(NEWS, "", "")]);
        surat.wait_status("a new connection", |status| matches!(status, AccountStatus::Online));
        drop(stopped);
        let mut client = user.raw();
        client.run("SELECT Work");
        client.run("UID STORE 1 +FLAGS (\\Answered)");
        for folder in ["INBOX", "Work", "Archive"] {
            surat.wait_in_step(folder, when);
        }
        let archived = client.contents("Archive").len();
        assert_eq!(archived, usize::from(when == "while it moves"), "{when}: once and no more");
        assert_eq!(client.contents("INBOX").len(), 3 - archived, "{when}");
    }
}

const CAN_NOTIFY: &str = "CAPABILITY IMAP4rev1 CONDSTORE IDLE NOTIFY";

fn notifying() -> Script {
    Script::new()
        .greet(say(format!("* OK [{CAN_NOTIFY}] hello\r\n")))
        .on("LOGIN", say(format!("{{tag}} OK [{CAN_NOTIFY}] in\r\n")))
}

#[test]
fn a_server_that_refuses_to_notify_or_gives_up_on_it_is_not_asked_again() {
    let overflow = listen("+ idling\r\n* OK [NOTIFICATIONOVERFLOW] too much\r\n");
    for (what, script) in [
        ("NO", notifying().on("NOTIFY", say("{tag} NO [BADEVENT (MessageNew)] not that\r\n"))),
        ("BAD", notifying().on("NOTIFY", say("{tag} BAD what\r\n"))),
        ("overflow", notifying().on("IDLE", overflow)),
    ] {
        let server = script.start();
        let port = server.port;
        let (before, news, after) = within(Duration::from_secs(10), what, async move {
            let mut imap =
                Imap::connect(&plain(port), &Credentials::new("ani".into(), "geheim".into()), HASTY).await.unwrap();
            let before = imap.offer().hears;
            Mirror::default().pull(&mut imap, "INBOX").await.unwrap();
            let first = imap.wait("INBOX", Duration::from_secs(5)).await.unwrap();
            let second = imap.wait("INBOX", Duration::from_millis(300)).await.unwrap();
            (before, [first, second], imap.offer().hears)
        });
        assert_eq!((before, after), (Hears::All, Hears::One), "{what}");
        assert_eq!(news, [News::Mailboxes, News::TimedOut], "{what}");
        assert_eq!(server.record().text().matches("NOTIFY SET").count(), 1, "{what}");
    }
}

#[test]
fn only_what_differs_from_what_was_read_is_news_and_each_thing_once() {
    let same =
        "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)\r\n* STATUS Nowhere (MESSAGES 9)\r\n{tag} OK done\r\n";
    let told = listen("+ idling\r\n* STATUS Nowhere (UNSEEN 3)\r\n* STATUS inbox (UNSEEN 0)\r\n");
    let server = notifying().on("NOTIFY", say(same)).on("IDLE", told).start();
    let port = server.port;
    let news = within(Duration::from_secs(10), "news", async move {
        let mut imap =
            Imap::connect(&plain(port), &Credentials::new("ani".into(), "geheim".into()), HASTY).await.unwrap();
        Mirror::default().pull(&mut imap, "INBOX").await.unwrap();
        let first = imap.wait("INBOX", Duration::from_secs(5)).await.unwrap();
        [first, imap.wait("INBOX", Duration::from_millis(300)).await.unwrap()]
    });
    assert_eq!(news, [News::Changed(["INBOX".to_owned()].into()), News::TimedOut]);
}
