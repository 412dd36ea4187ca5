//! The manager against every server that the tests know: what is in the store after a sync is what the server has.

use std::time::SystemTime;

use serde_json::{Value, json};

use surat::config::account::{Account as Configured, Auth, Password, Security, Server, Source};
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::Store;

use super::sync::{Contents, Folder, kept, open, sync};
use crate::backend::imap::on_server;
use crate::backend::imap_servers::elsewhere;
use crate::cli::Home;
use crate::support::dovecot::{PASSWORD, synthetic};
use crate::support::proxy::{Faults, Proxy};
use crate::support::servers::{Account, Everything, WITH_ROLES, everywhere};

fn configured(account: &Account) -> Configured {
    let server = Server {
        host: "127.0.0.1".into(),
        port: account.port,
        security: Security::None,
        username: account.name.clone(),
        password: Some(Password::Command(format!("echo {PASSWORD}"))),
        auth: Auth::default(),
        ca_file: None,
    };
    Configured::new("test", "me@example.org", Source::Imap(server))
}

/// What the server has in these mailboxes and in those with a task.
fn expected(account: &Account, names: &[&str]) -> Contents {
    let mut client = account.raw();
    let folder = |name: &&str| {
        let messages = client.contents(&account.path(name));
        let copies = on_server(&messages);
        let keywords: Vec<_> = copies.iter().map(|(_, keywords)| keywords.clone()).collect();
        let messages = messages.into_iter().map(|message| message.raw).zip(keywords).collect();
        (account.path(name), Folder::new(copies, messages))
    };
    names.iter().chain(&WITH_ROLES).map(folder).collect()
}

/// Compares all folders that hold mail; making one, some servers make those above it too.
fn assert_in_step(store: &Store, account: &Account, names: &[&str], when: &str) {
    let [kept, expected] = [kept(store), expected(account, names)].map(|mut contents| {
        contents.retain(|_, folder| !folder.copies.is_empty());
        contents
    });
    let copies = |contents: &Contents| -> Vec<_> {
        contents.iter().map(|(path, folder)| format!("{path}: {:?}", folder.copies)).collect()
    };
    assert_eq!(copies(&kept), copies(&expected), "{}: {when}", account.server);
    assert!(kept == expected, "{}: {when}: other bytes", account.server);
}

#[test]
fn after_a_sync_the_store_is_what_each_server_has_and_a_second_one_brings_nothing() {
    for account in everywhere("engine") {
        let server = account.server;
        let mut names = vec!["INBOX", "Work", "Work/Spring"];
        for name in &names {
            account.deliver_many(name, 20);
        }
        account.deliver("Archive", &[(b"Subject: kept\r\n\r\nbody\r\n", "\\Flagged $todo", "")]);
        let dir = tempfile::tempdir().unwrap();
        let (store, configured) = (open(dir.path()), configured(&account));
        let first = sync(&store, &configured);
        assert_eq!((first.report.error, first.report.fetched), (None, 61), "{server}");
        assert_in_step(&store, &account, &names, "after the first sync");
        let second = sync(&store, &configured);
        assert_eq!((second.report.error, second.report.fetched), (None, 0), "{server}");

        // Another client marks, removes, adds, moves, and changes the folders.
        let mut client = account.raw();
        client.run("SELECT INBOX");
        client.run("UID STORE 1:5 +FLAGS (\\Seen)");
        client.run(&format!("UID COPY 6:8 {}", account.path("Archive")));
        client.run("UID STORE 6:9 +FLAGS.SILENT (\\Deleted)");
        client.run("EXPUNGE");
        client.run(&format!("RENAME {} {}", account.path("Work/Spring"), account.path("Summer")));
        account.deliver("Work", &[(b"Subject: new\r\n\r\nbody\r\n", "\\Flagged", "")]);
        account.deliver("Notes", &[(b"Subject: note\r\n\r\nbody\r\n", "", "")]);
        let third = sync(&store, &configured);
        assert_eq!(third.report.error, None, "{server}");
        names = vec!["INBOX", "Work", "Summer", "Notes"];
        assert_in_step(&store, &account, &names, "after changes elsewhere");

        // A mailbox that is removed and made anew under its name.
        client.run(&format!("DELETE {}", account.path("Notes")));
        account.deliver("Notes", &[(b"Subject: another\r\n\r\nbody\r\n", "", "")]);
        assert_eq!(sync(&store, &configured).report.error, None, "{server}");
        assert_in_step(&store, &account, &names, "after a mailbox was made anew");
    }
}

/// Makes an edit of some letters that lie in the inbox, a minute ago, so that nothing waits to be taken back.
fn edit(store: &Store, numbers: &[u32], edit: Edit) {
    let inbox = store.mailboxes(None).unwrap().into_iter().find(|mailbox| mailbox.name == "INBOX").unwrap().id;
    let emails = store.emails(&View::Mailbox(inbox), None, 100).unwrap();
    let email = |n: &u32| emails.iter().find(|email| email.header.subject == format!("Letter {n}")).unwrap().id;
    let targets = numbers.iter().map(|n| Target { email: email(n), from: Some(inbox) }).collect();
    let done = store.edit(&Mutation { targets, edit }, a_minute_ago(), "Did it").unwrap();
    assert_eq!(done.emails, numbers.len());
}

fn a_minute_ago() -> UnixTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    UnixTime(now as i64 - 60)
}

#[test]
fn what_is_deleted_for_good_and_moved_to_a_new_folder_comes_back_by_undo() {
    for account in everywhere("undo") {
        let server = account.server;
        account.deliver_many("INBOX", 6);
        elsewhere(&account, "INBOX", &["UID STORE 2 +FLAGS (\\Seen \\Flagged $todo)"]);
        let dir = tempfile::tempdir().unwrap();
        let (store, configured) = (open(dir.path()), configured(&account));
        assert_eq!(sync(&store, &configured).report.error, None, "{server}");
        let before = account.everything();

        edit(&store, &[1, 2], Edit::Remove);
        let reef = store.create_mailbox(store.account("test").unwrap(), "Projects/Reef", None).unwrap();
        edit(&store, &[3, 4], Edit::Move(reef));
        for _ in 0..2 {
            assert_eq!(sync(&store, &configured).report.error, None, "{server}");
        }
        let after = account.everything();
        assert_eq!(after["INBOX"].1, [letter(5, ""), letter(6, "")], "{server}");
        assert_eq!(after["Projects/Reef"].1, [letter(3, ""), letter(4, "")], "{server}");
        assert_in_step(&store, &account, &["INBOX", "Projects/Reef"], "after the edits");

        while store.undo(a_minute_ago()).unwrap().is_some() {}
        for _ in 0..2 {
            assert_eq!(sync(&store, &configured).report.error, None, "{server}: undone");
        }
        // The folder that was made for it may have brought one above it, which stays.
        let mut undone = account.everything();
        undone.retain(|name, (_, messages)| before.contains_key(name) || !messages.is_empty());
        assert_eq!(undone, before, "{server}: undone");
        let bytes = account.raw().contents("INBOX").into_iter().map(|message| message.raw);
        let mut messages: Vec<_> = bytes.collect();
        messages.sort();
        let mut letters: Vec<_> = (1..=6).map(|n| synthetic("INBOX", n)).collect();
        letters.sort();
        assert!(messages == letters, "{server}: what was added again is not what was removed");
        assert_eq!(store.notices().unwrap(), [], "{server}");
    }
}

/// A computer with this account, which it reaches at this port.
fn home(account: &Account, port: u16) -> Home {
    let home = Home::new();
    home.write_config(&format!(
        "[accounts.test]\nemail = \"me@example.org\"\n[accounts.test.imap]\nhost = \"127.0.0.1\"\nport = {port}\n\
         security = \"none\"\nusername = \"{}\"\npassword = {{ command = \"echo {PASSWORD}\" }}\n",
        account.name
    ));
    home
}

/// Subject and flags of a message.
fn letter(n: u32, flags: &str) -> (String, String) {
    (format!("Letter {n}"), flags.to_owned())
}

/// Changes mail here and elsewhere, takes some of it back, and compares what the server has in the end.
fn change_and_take_back(account: &Account, port: u16) {
    let server = account.server;
    account.deliver_many("INBOX", 9);
    account.raw().make(&account.path("Work"));
    let home = home(account, port);
    home.ok(&["sync"]);
    let id = |n: u32| home.json(&["search", &format!("subject:\"Letter {n}\"")])[0]["id"].as_str().unwrap().to_owned();
    let [one, two, three, four, five, six, seven] = [1, 2, 3, 4, 5, 6, 7].map(id);
    home.ok(&["--offline", "mark", &one, &two, "--seen"]);
    home.ok(&["--offline", "mark", &two, "--flagged"]);
    home.ok(&["--offline", "archive", &three, &four]);
    home.ok(&["--offline", "delete", &five]);
    home.ok(&["--offline", "move", &six, &seven, &account.name_for_people("Work")]);
    // While all that waits here, another client is busy with the same mail.
    elsewhere(account, "INBOX", &["UID STORE 1,8 +FLAGS (\\Flagged)", "UID STORE 3 +FLAGS (\\Answered)"]);
    home.ok(&["sync"]);

    let mut expected: Everything = WITH_ROLES.map(|name| (name.to_owned(), (true, Vec::new()))).into();
    let inbox = [(1, "\\flagged \\seen"), (2, "\\flagged \\seen"), (8, "\\flagged"), (9, "")];
    expected.insert("INBOX".into(), (true, inbox.map(|(n, flags)| letter(n, flags)).into()));
    expected.insert("Archive".into(), (true, vec![letter(3, "\\answered"), letter(4, "")]));
    expected.insert("Trash".into(), (true, vec![letter(5, "")]));
    expected.insert("Work".into(), (false, vec![letter(6, ""), letter(7, "")]));
    assert_eq!(account.everything(), expected, "{server}");

    // The last one is taken back after it has travelled.
    home.ok(&["undo"]);
    home.ok(&["sync"]);
    expected.insert("Work".into(), (false, Vec::new()));
    let inbox = [(1, "\\flagged \\seen"), (2, "\\flagged \\seen"), (6, ""), (7, ""), (8, "\\flagged"), (9, "")];
    expected.insert("INBOX".into(), (true, inbox.map(|(n, flags)| letter(n, flags)).into()));
    assert_eq!(account.everything(), expected, "{server}: taken back");

    // Once more changes nothing, here or there.
    let before = home.json(&["list", "--limit", "0"]);
    let again = home.json(&["sync"])["accounts"][0].clone();
    assert_eq!((&again["error"], &again["fetched"]), (&Value::Null, &json!(0)), "{server}: {again}");
    assert_eq!(home.json(&["list", "--limit", "0"]), before, "{server}");
    assert_eq!(account.everything(), expected, "{server}: once more");
    assert_eq!(home.json(&["doctor"])["ok"], json!(true), "{server}");
}

#[test]
fn what_is_changed_here_is_the_same_on_each_server_and_so_is_what_is_taken_back() {
    everywhere("commands").iter().for_each(|account| change_and_take_back(account, account.port));
}

#[test]
fn a_server_that_does_not_tell_what_it_made_ends_in_the_same_state() {
    for account in everywhere("untold") {
        let proxy = Proxy::start(account.port, Faults { untold: vec!["COPYUID", "APPENDUID"], ..Faults::default() });
        change_and_take_back(&account, proxy.port);
    }
}
