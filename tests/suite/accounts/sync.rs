//! One sync from end to end against a real Dovecot: what is in the store afterwards is what the server has. What a
//! killed program leaves is looked at in `safety::crashes`.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use surat::accounts::sync::{Synced, once};
use surat::config::account::{Account, Auth, Password, Security, Server, Source};
use surat::mail::email::Email;
use surat::mail::keyword::Keywords;
use surat::mail::view::View;
use surat::store::Store;

use crate::backend::imap::{on_server, talk, uid};
use crate::cli::Home;
use crate::support::dovecot::{PASSWORD, TestUser, dovecot};
use crate::support::proxy::{Faults, Proxy};

/// What is in each mailbox, by its path.
pub type Contents = BTreeMap<String, Folder>;

/// A mailbox's copies by UID, and the messages themselves, both sorted.
#[derive(Debug, PartialEq, Eq)]
pub struct Folder {
    pub copies: Vec<(u32, Keywords)>,
    pub messages: Vec<(Vec<u8>, Keywords)>,
}

impl Folder {
    pub fn new(mut copies: Vec<(u32, Keywords)>, mut messages: Vec<(Vec<u8>, Keywords)>) -> Folder {
        copies.sort();
        messages.sort();
        Folder { copies, messages }
    }
}

const FOLDERS: [&str; 5] = ["INBOX", "Work", "Archive", "Work/Done", "Sent"];

/// Fills an account with 500 messages in five folders, flags of all kinds, and one message larger than a slice.
pub fn fill(user: &TestUser) {
    for folder in FOLDERS {
        user.deliver_many(folder, 100);
    }
    let large =
        format!("Subject: large\r\nMessage-ID: <large@example.org>\r\n\r\n{}", "a long line\r\n".repeat(85_000));
    user.deliver("Work", &[(large.as_bytes(), "\\Flagged", "")]);
    let mut client = user.raw();
    client.run("SELECT INBOX");
    client.run("UID STORE 1:90 +FLAGS (\\Seen)");
    client.run("UID STORE 10,20,30 +FLAGS (\\Answered $Forwarded)");
    client.run("UID STORE 15,95 +FLAGS (\\Flagged todo)");
}

/// What the server has.
fn expected(user: &TestUser) -> Contents {
    let mut client = user.raw();
    FOLDERS
        .iter()
        .map(|folder| {
            let messages = client.contents(folder);
            let copies = on_server(&messages);
            let keywords = copies.iter().map(|(_, keywords)| keywords.clone());
            let messages = messages.into_iter().map(|message| message.raw).zip(keywords).collect();
            (folder.to_string(), Folder::new(copies, messages))
        })
        .collect()
}

/// What the store has: the server's copies by their ids, and the emails that a reader would see, with their bytes.
pub fn kept(store: &Store) -> Contents {
    store.check().unwrap();
    let mut contents = Contents::new();
    for mailbox in store.mailboxes(None).unwrap().into_iter().filter(|mailbox| mailbox.is_selectable) {
        let path = store.mailbox_path(mailbox.id).unwrap().unwrap();
        let copies: Vec<(u32, Keywords)> =
            store.remotes(mailbox.id).unwrap().into_iter().map(|(id, keywords)| (uid(&id), keywords)).collect();
        let emails = store.emails(&View::Mailbox(mailbox.id), None, 10_000).unwrap();
        assert_eq!(emails.len(), copies.len(), "{path}: rows and copies");
        let unread = emails.iter().filter(|email| !email.keywords.is_seen()).count() as u64;
        assert_eq!((mailbox.total, mailbox.unread), (emails.len() as u64, unread), "{path}: counts");
        let raw = |email: &Email| store.raw(email.id).unwrap().unwrap_or_default();
        let messages = emails.iter().map(|email| (raw(email), email.keywords.clone())).collect();
        contents.insert(path, Folder::new(copies, messages));
    }
    contents
}

/// Compares without printing megabytes.
pub fn assert_in_step(store: &Store, user: &TestUser, when: &str) {
    let (kept, expected) = (kept(store), expected(user));
    for (folder, messages) in &expected {
        let here = kept.get(folder).unwrap_or_else(|| panic!("{when}: {folder} is not here"));
        assert_eq!(here.copies, messages.copies, "{when}: {folder}");
        assert_eq!(here.messages.len(), messages.messages.len(), "{when}: {folder}");
        for (one, other) in here.messages.iter().zip(&messages.messages) {
            let head = String::from_utf8_lossy(&other.0[..other.0.len().min(120)]);
            assert!(one == other, "{when}: {folder}: {} of {} bytes, {:?}: {head}", one.0.len(), other.0.len(), one.1);
        }
    }
    let others = kept.iter().filter(|(folder, _)| !expected.contains_key(*folder));
    assert!(others.clone().all(|(_, folder)| folder.copies.is_empty()), "{when}: more folders than there are");
}

pub fn account(user: &TestUser, port: u16, password: &str) -> Account {
    let server = Server {
        host: "127.0.0.1".into(),
        port,
        security: Security::None,
        username: user.name.clone(),
        password: Some(Password::Command(format!("echo {password}"))),
        auth: Auth::default(),
        ca_file: None,
    };
    Account::new("test", "me@example.org", Source::Imap(server))
}

pub fn sync(store: &Store, account: &Account) -> Synced {
    let (store, account) = (store.clone(), account.clone());
    talk(async move { once(&store, &[account], &(Arc::new(|_| {}) as _)).await.remove(0) })
}

/// Opens a store that must open.
pub fn open(dir: &Path) -> Store {
    Store::open(dir).unwrap()
}

#[test]
fn after_a_sync_the_store_is_what_the_server_has_and_a_second_one_fetches_nothing() {
    let user = dovecot().user("sync");
    fill(&user);
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let account = account(&user, user.server.imap_port, PASSWORD);

    let first = sync(&store, &account);
    assert_eq!(first.report.error, None);
    assert_eq!(first.report.fetched, 501);
    assert_in_step(&store, &user, "after the first sync");

    let second = sync(&store, &account);
    assert_eq!((second.report.error, second.report.fetched), (None, 0));
    let bytes = second.report.bytes_in + second.report.bytes_out;
    assert!(bytes < 8_000, "{bytes} bytes for nothing, in nine folders");

    let mut client = user.raw();
    client.run("SELECT INBOX");
    client.run("UID STORE 1:20 -FLAGS (\\Seen)");
    client.run("UID STORE 40:49 +FLAGS.SILENT (\\Deleted)");
    client.run("EXPUNGE");
    client.run("UID MOVE 60:69 Archive");
    client.run("RENAME Work/Done Done");
    client.run("RENAME Done Work/Done");
    user.deliver("Work", &[(b"Subject: new\r\n\r\nbody\r\n", "\\Flagged", "")]);
    let third = sync(&store, &account);
    assert_eq!(third.report.error, None);
    assert_in_step(&store, &user, "after changes elsewhere");
    assert!(third.report.bytes_in < 60_000, "{} bytes for 11 small messages", third.report.bytes_in);
}

/// A computer with an account of this user.
pub fn home(user: &TestUser, port: u16, password: &str) -> Home {
    let home = Home::new();
    home.write_config(&format!(
        "[accounts.test]\nemail = \"me@example.org\"\n[accounts.test.imap]\nhost = \"127.0.0.1\"\nport = {port}\n\
         security = \"none\"\nusername = \"{}\"\npassword = {{ command = \"echo {password}\" }}\n",
        user.name
    ));
    home
}

/// Where its store is.
pub fn data_dir(home: &Home) -> std::path::PathBuf {
    home.path(".local/share/surat")
}

#[test]
fn a_wrong_password_is_status_1_and_a_sentence_that_says_what_to_do() {
    let user = dovecot().user("refused");
    let home = home(&user, user.server.imap_port, "not-the-one");
    let words = home.fails(1, &["sync"]);
    assert!(words.contains("test") && words.contains("password"), "{words}");
    assert!(words.contains("Authentication failed"), "the server's own words: {words}");
    assert!(!words.contains("not-the-one"), "{words}");
}

#[test]
fn a_server_that_is_down_is_status_75_and_the_mail_that_is_here_stays_readable() {
    let user = dovecot().user("down");
    user.deliver_many("INBOX", 3);
    let home = home(&user, user.server.imap_port, PASSWORD);
    home.ok(&["sync"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = std::fs::read_to_string(home.config_file()).unwrap();
    home.write_config(&config.replace(&format!("port = {}", user.server.imap_port), &format!("port = {port}")));
    let words = home.fails(75, &["sync"]);
    assert!(words.contains(&format!("127.0.0.1:{port}")), "{words}");
    assert!(home.ok(&["list"]).contains("Letter 3"), "offline, and still readable");
}

#[test]
fn a_cut_in_the_middle_is_an_error_with_status_75_and_never_a_success() {
    let user = dovecot().user("cut-sync");
    user.deliver_many("INBOX", 60);
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    home(&user, proxy.port, PASSWORD).ok(&["sync"]);
    let bytes = proxy.counted().bytes_in;
    for tenth in 1..10 {
        let cut_after_in = Some(bytes * tenth / 10);
        let proxy = Proxy::start(user.server.imap_port, Faults { cut_after_in, ..Faults::default() });
        let home = home(&user, proxy.port, PASSWORD);
        let run = home.run(&["sync"]);
        assert_eq!(run.status, 75, "cut after {cut_after_in:?}: {run:?}");
        proxy.set(Faults::default());
        home.ok(&["sync"]);
        let list = home.json(&["list", "--limit", "1000"]);
        assert_eq!(list.as_array().map(Vec::len), Some(60), "cut after {cut_after_in:?}");
    }
}

#[test]
fn the_same_letter_from_two_folders_is_two_copies() {
    let user = dovecot().user("copies");
    let letter: &[u8] = b"From: a@example.org\r\nMessage-ID: <same@example.org>\r\nSubject: same\r\n\r\nbody\r\n";
    user.deliver("INBOX", &[(letter, "\\Seen", "")]);
    user.deliver("Work", &[(letter, "", ""), (letter, "\\Flagged", "")]);
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(sync(&store, &account(&user, user.server.imap_port, PASSWORD)).report.fetched, 3);
    let kept = kept(&store);
    assert_eq!((kept["INBOX"].messages.len(), kept["Work"].messages.len()), (1, 2));
}
