//! Staying in step with a large folder, the real program against a real Dovecot: 100 new messages and 1,000 changed
//! flags, nothing new, and how soon a key's flag is at the server. Beside `mbsync` where it is installed, and beside a
//! raw drain of just what is new.
//!
//! `cargo bench --bench sync` takes 20,000 messages, `SURAT_FULL=1` 100,000. Figures are medians of one run; both
//! programs see the same changes in turn, and what they have afterwards is counted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::dovecot::{PASSWORD, RawClient, TestUser};
use support::proxy::{Faults, Proxy};
use surat::accounts::AccountManager;
use surat::config::account::{Account, Auth, Password, Security, Server, Source};
use surat::mail::account::AccountStatus;
use surat::mail::keyword::FLAGGED;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, View};
use surat::store::Store;

mod shared;
#[path = "../tests/support/mod.rs"]
#[allow(dead_code)]
mod support;

const RUNS: usize = 5;
const NEW: usize = 100;
const CHANGED: usize = 1_000;
/// Keys pressed to see how soon a flag is at the server.
const KEYS: usize = 200;
const FIELDS: &str = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]";

fn main() {
    let size = if support::is_full() { 100_000 } else { 20_000 };
    let user = support::dovecot::dovecot().user("bench");
    user.deliver_each("INBOX", size, shared::letter);
    let surat = Surat::new(&user);
    let mbsync = Mbsync::new(&user);
    println!("| messages | what | here | beside | ratio |\n|---|---|---|---|---|");
    let (took, mut count) = (surat.sync(), size);
    println!("| {size} | everything, once | {} | | |", millis(took));
    if let Some(mbsync) = &mbsync {
        let beside = mbsync.sync();
        line(size, "everything, once, beside mbsync", took, beside);
    }

    let (mut ours, mut theirs, mut raws) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let modseq = change(&user, count, run);
        let first = count + 1;
        count += NEW;
        // Each goes first in turn, so that none finds the server's files warmer than the other.
        let mut turn = |which: usize| match which % 3 {
            0 => ours.push(surat.sync()),
            1 => theirs.extend(mbsync.as_ref().map(Mbsync::sync)),
            _ => raws.push(drain(&user, first, modseq)),
        };
        (run..run + 3).for_each(&mut turn);
        assert_eq!(surat.count(), count as u64);
        if let Some(mbsync) = &mbsync {
            assert_eq!(mbsync.count(), count);
        }
    }
    let (ours, raw) = (middle(ours), middle(raws));
    line(size, &format!("{NEW} new, {CHANGED} flags changed, beside their raw drain"), ours, raw);
    if !theirs.is_empty() {
        line(size, &format!("{NEW} new, {CHANGED} flags changed, beside mbsync"), ours, middle(theirs));
    }
    let quiet = middle((0..RUNS).map(|_| surat.sync()).collect());
    match &mbsync {
        Some(mbsync) => {
            let beside = middle((0..RUNS).map(|_| mbsync.sync()).collect());
            line(size, "nothing new, beside mbsync", quiet, beside);
        }
        None => println!("| {size} | nothing new | {} | | |", millis(quiet)),
    }
    println!("| {size} | nothing new: bytes, in and out | {} | at most 2048 | |", surat.bytes_of_nothing());
    latency(&surat, &user, size);
}

/// The real program with a home of its own.
struct Surat {
    home: tempfile::TempDir,
}

impl Surat {
    fn new(user: &TestUser) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config.toml");
        let text = format!(
            "[accounts.bench]\nemail = \"me@example.org\"\n[accounts.bench.imap]\nhost = \"127.0.0.1\"\nport = {}\n\
             security = \"none\"\nusername = \"{}\"\npassword = {{ command = \"echo {PASSWORD}\" }}\n",
            user.server.imap_port, user.name
        );
        surat::config::private::replace(&config, text.as_bytes()).unwrap();
        Self { home }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_surat"))
            .arg("--config")
            .arg(self.home.path().join("config.toml"))
            .arg("--data-dir")
            .arg(self.data())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn sync(&self) -> Duration {
        let started = Instant::now();
        self.run(&["sync"]);
        started.elapsed()
    }

    fn bytes_of_nothing(&self) -> u64 {
        let document: serde_json::Value = serde_json::from_str(&self.run(&["sync", "--json"])).unwrap();
        let account = &document["accounts"][0];
        account["bytes_in"].as_u64().unwrap() + account["bytes_out"].as_u64().unwrap()
    }

    fn count(&self) -> u64 {
        let store = Store::open(&self.data()).unwrap();
        let count = store.mailboxes(None).unwrap().iter().map(|mailbox| mailbox.total).sum();
        store.close();
        count
    }
}

/// `mbsync` with a Maildir of its own, where it is installed.
struct Mbsync {
    home: tempfile::TempDir,
}

impl Mbsync {
    fn new(user: &TestUser) -> Option<Self> {
        Command::new("mbsync").arg("--version").output().ok()?;
        let home = tempfile::tempdir().unwrap();
        let at = home.path().display();
        let text = format!(
            "IMAPStore there\nHost 127.0.0.1\nPort {}\nUser {}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
             MaildirStore here\nPath {at}/mail/\nInbox {at}/mail/INBOX\n\n\
             Channel all\nFar :there:\nNear :here:\nPatterns INBOX\nCreate Near\nSync All\nSyncState *\n",
            user.server.imap_port, user.name
        );
        fs::create_dir(home.path().join("mail")).unwrap();
        fs::write(home.path().join("mbsyncrc"), text).unwrap();
        Some(Self { home })
    }

    fn sync(&self) -> Duration {
        let started = Instant::now();
        let output = Command::new("mbsync")
            .arg("-q")
            .arg("-c")
            .arg(self.home.path().join("mbsyncrc"))
            .arg("all")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        started.elapsed()
    }

    fn count(&self) -> usize {
        let inbox = self.home.path().join("mail/INBOX");
        ["cur", "new"].iter().map(|part| fs::read_dir(inbox.join(part)).unwrap().count()).sum()
    }
}

/// Adds messages and changes flags as another client; gives the point before.
fn change(user: &TestUser, count: usize, run: usize) -> u64 {
    let mut client = user.raw();
    let modseq = modseq(&mut client);
    client.run("SELECT INBOX");
    // Scattered over the folder, other ones each time, set and cleared.
    let uids: Vec<String> = (0..CHANGED).map(|n| (1 + (n * 17 + run * 5) % count.min(19_000)).to_string()).collect();
    for some in uids.chunks(500) {
        client.run(&format!("UID STORE {} {}FLAGS.SILENT (\\Seen)", some.join(","), ["+", "-"][run % 2]));
    }
    drop(client);
    let letters: Vec<Vec<u8>> = (0..NEW).map(|n| shared::letter(1_000_000 + run * NEW + n)).collect();
    let letters: Vec<_> = letters.iter().map(|raw| (&raw[..], "", "")).collect();
    user.deliver("INBOX", &letters);
    modseq
}

fn modseq(client: &mut RawClient) -> u64 {
    let answers = client.run("STATUS INBOX (HIGHESTMODSEQ)");
    let text = answers.iter().map(|answer| &answer.text).find(|text| text.contains("HIGHESTMODSEQ")).unwrap();
    text.split("HIGHESTMODSEQ ").nth(1).unwrap().trim_end_matches([')', '\r', '\n']).parse().unwrap()
}

/// Reads just what is new, and throws it away.
fn drain(user: &TestUser, first: usize, modseq: u64) -> Duration {
    let started = Instant::now();
    let mut client = user.raw();
    client.run("SELECT INBOX (CONDSTORE)");
    client.run(&format!("UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE {modseq})"));
    assert_eq!(client.run(&format!("UID FETCH {first}:* ({FIELDS})")).len(), NEW);
    started.elapsed()
}

/// How soon after a key its flag is on the wire: the time from the edit to the command's last byte, over a connection
/// that waits for news.
fn latency(surat: &Surat, user: &TestUser, size: usize) {
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    let server = Server {
        host: "127.0.0.1".into(),
        port: proxy.port,
        security: Security::None,
        username: user.name.clone(),
        password: Some(Password::Command(format!("echo {PASSWORD}"))),
        auth: Auth::default(),
        ca_file: None,
    };
    let settings = Account::new("bench", "me@example.org", Source::Imap(server));
    let store = Store::open(&surat.data()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let online = Arc::new(Mutex::new(false));
    let told = online.clone();
    let listener =
        move |event: surat::accounts::desk::Event| *told.lock().unwrap() = event.status == AccountStatus::Online;
    let manager =
        AccountManager::start(runtime.handle(), &store, &[settings], false, &(Arc::new(listener) as _)).unwrap();
    let wait = |what: &str, is_done: &dyn Fn() -> bool| {
        let begin = Instant::now();
        while !is_done() {
            assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_micros(100));
        }
        begin.elapsed()
    };
    wait("online", &|| *online.lock().unwrap());
    let inbox =
        store.mailboxes(None).unwrap().into_iter().find(|mailbox| mailbox.name == "INBOX" || mailbox.name == "Inbox");
    let inbox = inbox.unwrap().id;
    let rows = store.rows(&View::Mailbox(inbox), Anchor::Top, 40).unwrap().rows;
    let email = store.emails(&View::Mailbox(inbox), None, 1).unwrap()[0].id;
    assert_eq!(rows.len(), 40);
    let mut times = Vec::new();
    for key in 0..KEYS {
        let stores = |proxy: &Proxy| String::from_utf8_lossy(&proxy.sent()).matches("FLAGS.SILENT (\\Flagged)").count();
        let before = stores(&proxy);
        let targets = vec![Target { email, from: Some(inbox) }];
        let edit = Edit::Keyword(FLAGGED.to_owned(), key % 2 == 0);
        let begin = Instant::now();
        store.edit(&Mutation { targets, edit }, UnixTime(1_795_398_000), "Starred").unwrap();
        manager.edited();
        wait("the flag", &|| stores(&proxy) > before);
        times.push(begin.elapsed());
        wait("settled", &|| store.pending(store.accounts().unwrap()[0].0, 1).unwrap().is_empty());
    }
    times.sort();
    println!("| {size} | a flag on the wire after its key: median | {} | 2 ms | |", millis(times[KEYS / 2]));
    println!("| {size} | the same: 95 of 100 | {} | 2 ms | |", millis(times[KEYS * 95 / 100]));
    drop(manager);
    runtime.shutdown_timeout(Duration::from_secs(2));
    store.close();
}

fn line(size: usize, what: &str, here: Duration, beside: Duration) {
    let ratio = here.as_secs_f64() / beside.as_secs_f64();
    println!("| {size} | {what} | {} | {} | {ratio:.2} |", millis(here), millis(beside));
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
