//! P7: `kill -9` at any moment of a sync and of edits. The database opens each time and is sound, nothing is lost or
//! doubled, and what comes of it in the end is what would have come of it undisturbed. The moments are drawn from a
//! seed: 10 by default, 300 under `SURAT_FULL=1`.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use surat::mail::mailbox::Role;
use surat::mail::remote::{Cursor, Delta};
use surat::mail::view::View;
use surat::store::{FILE_NAME, Store};

use crate::accounts::sync::{assert_in_step, data_dir, fill, home, kept, open};
use crate::cli::Home;
use crate::store::{arrived, message, remote_mailbox};
use crate::support::dovecot::{PASSWORD, dovecot, synthetic};
use crate::support::proxy::{Faults, Proxy};
use crate::support::{is_full, wait_for};

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides.max(1)
    }
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// SIGKILL; says whether it was still running.
fn kill(mut child: Child) -> bool {
    let is_running = child.try_wait().unwrap().is_none();
    child.kill().ok();
    child.wait().unwrap();
    is_running
}

/// What is here after a crash opens, and is sound; gives how many mails there are, and how many have their body.
fn examine(home: &Home, when: &str) -> Option<(usize, usize)> {
    let file = data_dir(home).join(FILE_NAME);
    if !file.exists() {
        return None;
    }
    let store = Store::open(&data_dir(home)).unwrap_or_else(|error| panic!("{when}: {error}"));
    store.check().unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_eq!(store.audit().unwrap(), Vec::<String>::new(), "{when}");
    // Reads every mailbox, and fails where a copy has no row or two of them.
    let contents = kept(&store);
    let mails: usize = contents.values().map(|folder| folder.messages.len()).sum();
    let bodies = contents.values().flat_map(|folder| &folder.messages).filter(|(raw, _)| !raw.is_empty()).count();
    for (path, folder) in &contents {
        let mut uids: Vec<u32> = folder.copies.iter().map(|(uid, _)| *uid).collect();
        uids.dedup();
        assert_eq!(uids.len(), folder.copies.len(), "{when}: {path}: a copy is here twice");
    }
    store.close();
    let found: String =
        Connection::open(&file).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok", "{when}");
    Some((mails, bodies))
}

#[test]
fn killed_at_any_moment_of_a_sync_nothing_is_lost_or_doubled() {
    let user = dovecot().user("killed");
    fill(&user);
    let measuring = Proxy::start(user.server.imap_port, Faults::default());
    let undisturbed = home(&user, measuring.port, PASSWORD);
    undisturbed.ok(&["sync"]);
    let reference = open(&data_dir(&undisturbed));
    assert_in_step(&reference, &user, "undisturbed");
    let reference = kept(&reference);
    let mails: usize = reference.values().map(|folder| folder.messages.len()).sum();
    let bytes = measuring.counted().bytes_in;

    let crashes = if is_full() { 200 } else { 7 };
    let (mut dice, mut done, mut rounds) = (Dice(7), 0, 0);
    let (mut without_store, mut at_start, mut in_headers, mut in_bodies) = (0, 0, 0, 0);
    while done < crashes {
        let proxy = Proxy::start(user.server.imap_port, Faults::default());
        let home = home(&user, proxy.port, PASSWORD);
        // Several times on the way of the same sync, and each time it goes on from where it was.
        for _ in 0..1 + dice.roll(4) {
            let before = proxy.counted().bytes_in;
            let draw = dice.roll(1_000);
            // One large message is most of the bytes, so most points are at the beginning.
            let point = bytes * draw * draw / 1_000_000;
            let is_early = dice.roll(4) == 0;
            let delay = Duration::from_micros(dice.roll(120_000));
            let when = if is_early {
                format!("killed after {delay:?}")
            } else {
                format!("killed after {point} of {bytes} bytes")
            };
            let mut child = start(home.command(&["sync"]));
            if is_early {
                std::thread::sleep(delay);
            } else {
                // That it was quicker than us is as good; no two runs have the very same number of bytes.
                wait_for(&when, Duration::from_secs(60), || {
                    (proxy.counted().bytes_in >= before + point || child.try_wait().unwrap().is_some()).then_some(())
                });
            }
            kill(child);
            done += 1;
            match examine(&home, &when) {
                None => without_store += 1,
                Some((0, _)) => at_start += 1,
                Some((_, 0)) => in_headers += 1,
                Some((here, bodies)) => in_bodies += usize::from(here < mails || bodies < mails),
            }
        }
        rounds += 1;
        let when = format!("round {rounds}");
        home.ok(&["sync"]);
        let store = open(&data_dir(&home));
        assert_in_step(&store, &user, &when);
        assert!(kept(&store) == reference, "{when}: not what an undisturbed sync brings");
        store.close();
        let again = home.json(&["sync"]);
        assert_eq!(again["accounts"][0]["fetched"], 0, "{when}: {again}");
    }
    assert!(in_headers + in_bodies > 0, "no kill came in the middle of anything");
    println!(
        "{done} crashes on the way of {rounds} syncs: {without_store} before there was a store, {at_start} before the \
         first mail, {in_headers} among headers, {in_bodies} among bodies, the rest at the end"
    );
}

/// What the user sees of the mail here, and what can be taken back.
fn state(home: &Home) -> String {
    let store = open(&data_dir(home));
    store.check().unwrap();
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    let mut lines = Vec::new();
    for mailbox in store.mailboxes(None).unwrap() {
        for email in store.emails(&View::Mailbox(mailbox.id), None, 10_000).unwrap() {
            lines.push(format!("{} {} {} {:?}", mailbox.name, email.id, email.keywords.to_text(), email.mailboxes));
        }
        lines.push(format!("{}: {} with {} unread", mailbox.name, mailbox.total, mailbox.unread));
    }
    let history = store.history(10_000).unwrap();
    lines.extend(history.iter().map(|entry| format!("{:?} {} {}", entry.id, entry.label, entry.is_undone)));
    store.close();
    lines.join("\n")
}

fn copy_of(home: &Home) -> Home {
    let copy = Home::new();
    copy.write_config(&fs::read_to_string(home.config_file()).unwrap());
    fs::create_dir_all(data_dir(&copy)).unwrap();
    for entry in fs::read_dir(data_dir(home)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, data_dir(&copy).join(path.file_name().unwrap())).unwrap();
    }
    copy
}

#[test]
fn an_edit_that_is_killed_was_done_whole_or_not_at_all() {
    const MAILS: usize = 60;
    let user = dovecot().user("killed-edits");
    user.deliver_many("INBOX", MAILS);
    let home = home(&user, user.server.imap_port, PASSWORD);
    home.ok(&["sync"]);
    let list = home.json(&["list", "--limit", "1000"]);
    let ids: Vec<String> =
        list.as_array().unwrap().iter().map(|mail| mail["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), MAILS);
    let crashes = if is_full() { 100 } else { 3 };
    let (mut dice, mut before, mut done_anyway, mut running) = (Dice(11), state(&home), 0, 0);
    for crash in 0..crashes {
        let some: Vec<&str> = (0..1 + dice.roll(20)).map(|_| ids[dice.roll(MAILS as u64) as usize].as_str()).collect();
        let words: Vec<&str> = match dice.roll(7) {
            0 => [&["mark", "--seen"], &some[..]].concat(),
            1 => [&["mark", "--unseen"], &some[..]].concat(),
            2 => [&["mark", "--flagged"], &some[..]].concat(),
            3 => [&["archive"], &some[..]].concat(),
            4 => [&["delete"], &some[..]].concat(),
            5 => [&["move"], &some[..], &["INBOX"]].concat(),
            _ => vec!["undo"],
        };
        let words = [&words[..], &["--offline"]].concat();
        let copy = copy_of(&home);
        let started = Instant::now();
        copy.run(&words);
        let took = u64::try_from(started.elapsed().as_micros()).unwrap();
        let after = state(&copy);
        let child = start(home.command(&words));
        std::thread::sleep(Duration::from_micros(dice.roll(took)));
        running += u32::from(kill(child));
        let now = state(&home);
        assert!(now == before || now == after, "crash {crash}, {words:?}: neither before nor after:\n{now}");
        done_anyway += u32::from(now == after && after != before);
        before = now;
    }
    // What is wanted stays wanted, and no mail has gone for good.
    let keywords = |home: &Home| -> Vec<String> {
        let store = open(&data_dir(home));
        let all = store.mailboxes(None).unwrap().into_iter();
        let emails = all.flat_map(|mailbox| store.emails(&View::Mailbox(mailbox.id), None, 10_000).unwrap());
        let mut wanted: Vec<String> =
            emails.map(|email| format!("{} {} {:?}", email.id, email.keywords.to_text(), email.mailboxes)).collect();
        wanted.sort();
        store.close();
        wanted
    };
    let wanted = keywords(&home);
    home.ok(&["sync"]);
    assert_eq!(keywords(&home), wanted, "a sync takes no change of the user back");
    let store = open(&data_dir(&home));
    let mut bytes: Vec<Vec<u8>> = ids.iter().map(|id| store.raw(id.parse().unwrap()).unwrap().unwrap()).collect();
    let mut sent: Vec<Vec<u8>> = (1..=MAILS).map(|n| synthetic("INBOX", n)).collect();
    bytes.sort();
    sent.sort();
    assert!(bytes == sent, "{} mails of {MAILS}", bytes.len());
    println!(
        "{crashes} edits killed, {running} of them while running: {done_anyway} were done, the rest were not begun"
    );
}

#[test]
fn after_a_crash_a_large_store_is_there_at_once() {
    let count = if is_full() { 100_000 } else { 2_000 };
    let user = dovecot().user("large");
    let home = home(&user, user.server.imap_port, PASSWORD);
    let store = open(&data_dir(&home));
    let account = store.account("test").unwrap();
    let inbox = store.reconcile_mailboxes(account, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let numbers: Vec<i64> = (1..=count).collect();
    for some in numbers.chunks(500) {
        let mut portion: Vec<Delta> = some.iter().map(|number| arrived(message(*number))).collect();
        portion.push(Delta::Commit(Cursor("c".into())));
        store.apply(account, inbox, &portion).unwrap();
    }
    store.close();
    let ids: Vec<String> = home.json(&["list", "--limit", "500"]).as_array().unwrap().iter().map(id_of).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut slowest = Duration::ZERO;
    let mut dice = Dice(13);
    for crash in 0..if is_full() { 20 } else { 2 } {
        let flag = if crash % 2 == 0 { "--flagged" } else { "--unflagged" };
        let child = start(home.command(&[&["mark", flag, "--offline"], &ids[..]].concat()));
        std::thread::sleep(Duration::from_micros(dice.roll(400_000)));
        kill(child);
        let started = Instant::now();
        assert_eq!(home.json(&["list", "--limit", "40"]).as_array().unwrap().len(), 40);
        slowest = slowest.max(started.elapsed());
    }
    let store = open(&data_dir(&home));
    store.check().unwrap();
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    assert_eq!(store.mailbox(inbox).unwrap().total, u64::try_from(count).unwrap());
    println!("the slowest first list after a crash, {count} mails, without optimisation: {slowest:?}");
}

fn id_of(mail: &serde_json::Value) -> String {
    mail["id"].as_str().unwrap().to_owned()
}
