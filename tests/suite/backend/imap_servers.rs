//! One core of scenarios against every server that the tests know: Dovecot, Cyrus and Courier, by the same code.
//!
//! Cyrus runs as Debian ships it. Of Courier, all after LOGIN does; `tests/support/courier.rs` says why not the rest.
//! What only one server is asked is in the other files.

use std::time::{Duration, Instant};

use surat::backend::imap::{Credentials, Imap};
use surat::backend::{Backend, Kind, News, mutf7};
use surat::mail::keyword::{Keywords, SEEN};
use surat::mail::mailbox::Role;

use super::imap::{Mirror, PATIENT, fetch, on_server, talk, uid, whole};
use crate::support::dovecot::{quoted, synthetic};
use crate::support::servers::{Account, everywhere};

/// Signs in as Surat does.
pub async fn sign_in(account: &Account) -> Imap {
    let signed_in = Imap::connect(&account.endpoint(), &account.credentials(), PATIENT).await;
    signed_in.unwrap_or_else(|error| panic!("{}: {error}", account.server))
}

/// Runs commands as a second client with a mailbox open.
pub fn elsewhere(account: &Account, mailbox: &str, commands: &[&str]) {
    let mut client = account.raw();
    client.run(&format!("SELECT {}", account.path(mailbox)));
    for command in commands {
        client.run(command);
    }
}

/// What a second client sees in a mailbox.
pub fn seen_elsewhere(account: &Account, mailbox: &str) -> Vec<(u32, Keywords)> {
    on_server(&account.raw().contents(&account.path(mailbox)))
}

#[test]
fn a_wrong_sign_in_is_told_with_the_servers_own_words() {
    // Cyrus looks at no password here.
    for account in everywhere("wrong").into_iter().filter(|account| account.server != "Cyrus") {
        let server = account.server;
        let error = talk(async move {
            let credentials = Credentials::new(account.name.clone(), "not-the-one".into());
            Imap::connect(&account.endpoint(), &credentials, PATIENT).await.unwrap_err()
        });
        assert_eq!(error.kind, Kind::SignIn, "{server}: {error}");
        assert!(error.server_says.as_deref().unwrap_or_default().contains("failed"), "{server}: {error:?}");
    }
}

#[test]
fn folders_come_with_their_names_roles_and_subscriptions() {
    for account in everywhere("folders") {
        let mut client = account.raw();
        let names = ["Work", "Work/Büro & Co", "Work/Büro & Co/日本語", "two words", "[brackets]", "Übung"];
        for name in names {
            let path: Vec<String> = name.split('/').map(mutf7::encode).collect();
            client.run(&format!("CREATE {}", quoted(&account.path(&path.join("/")))));
        }
        client.run(&format!("SUBSCRIBE {}", account.path("Work")));
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            let folders = imap.mailboxes().await.unwrap();
            let by_role = |role| folders.iter().find(|folder| folder.role == Some(role)).map(|folder| &folder.path[..]);
            assert_eq!(by_role(Role::Inbox), Some("INBOX"), "{server}: {folders:?}");
            for (role, name) in [
                (Role::Archive, "Archive"),
                (Role::Drafts, "Drafts"),
                (Role::Junk, "Junk"),
                (Role::Sent, "Sent"),
                (Role::Trash, "Trash"),
            ] {
                assert_eq!(by_role(role), Some(&account.path(name)[..]), "{server}");
            }
            for name in names {
                let people = account.name_for_people(name);
                let folder = folders.iter().find(|folder| folder.name == people);
                let folder = folder.unwrap_or_else(|| panic!("{server}: {people} is not in {folders:?}"));
                assert!(folder.is_selectable, "{server}: {name}");
                assert_eq!(folder.is_subscribed, name == "Work", "{server}: {name}");
                let mut mirror = Mirror::default();
                mirror.pull(&mut imap, &folder.path).await.unwrap();
                assert!(mirror.cursor.is_some(), "{server}: {name}");
            }
            assert_eq!(folders.len(), 1 + 5 + names.len(), "{server}: {folders:?}");
        });
    }
}

#[test]
fn the_first_pull_brings_everything_newest_first_and_a_screenful_at_once() {
    for account in everywhere("first") {
        account.deliver_many("INBOX", 200);
        account.deliver("INBOX", &[(&synthetic("INBOX", 201), "\\Seen $Todo", "02-Nov-2026 10:00:00 +0000")]);
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            imap.mailboxes().await.unwrap();
            let mut mirror = Mirror::default();
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(pulled.expected, Some(201), "{server}");
            assert_eq!((pulled.arrived.len(), mirror.messages.len()), (201, 201), "{server}: each once");
            assert!((30..=100).contains(&pulled.portions[0]), "{server}: {:?}", pulled.portions);
            let (first, after) = pulled.arrived.split_at(pulled.portions[0]);
            let oldest = first.iter().map(|message| uid(&message.id)).min().unwrap();
            assert!(after.iter().all(|message| uid(&message.id) < oldest), "{server}: an older one came with these");
            let newest = pulled.arrived.iter().max_by_key(|message| uid(&message.id)).unwrap();
            assert_eq!(newest.header.subject, "Letter 201", "{server}");
            assert_eq!(newest.header.from[0].addr, "budi201@example.org", "{server}");
            assert_eq!(newest.size, synthetic("INBOX", 201).len() as u64, "{server}");
            assert_eq!(newest.keywords, Keywords::new([SEEN, "$todo"]), "{server}");
            assert_eq!(newest.received.0, 1_793_613_600, "{server}");
            assert_eq!(mirror.state(), seen_elsewhere(&account, "INBOX"), "{server}");
        });
    }
}

#[test]
fn the_second_pull_brings_only_news_and_the_third_nothing() {
    for account in everywhere("second") {
        account.deliver_many("INBOX", 60);
        talk(async move {
            let server = account.server;
            let mut mirror = Mirror::default();
            let mut imap = sign_in(&account).await;
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            imap.close().await;
            account.deliver("INBOX", &[(b"Subject: news\r\n\r\nbody\r\n", "", ""), (b"Subject: more\r\n\r\n", "", "")]);
            let mut imap = sign_in(&account).await;
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            let subjects: Vec<_> = pulled.arrived.iter().map(|message| message.header.subject.as_str()).collect();
            assert_eq!(subjects, ["news", "more"], "{server}");
            assert_eq!((pulled.keywords, pulled.vanished, pulled.resets), (0, 0, 0), "{server}");
            for again in ["same connection", "new connection", "new connection after a list"] {
                if again != "same connection" {
                    imap = sign_in(&account).await;
                }
                if again.ends_with("list") {
                    imap.mailboxes().await.unwrap();
                }
                let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
                assert_eq!(pulled.portions, [0; 0], "{server}, {again}: nothing is done where nothing is new");
            }
        });
    }
}

#[test]
fn flags_expunges_and_news_of_another_client_travel() {
    for account in everywhere("travel") {
        account.deliver_many("Work", 80);
        talk(async move {
            let (server, path) = (account.server, account.path("Work"));
            let mut mirror = Mirror::default();
            let mut imap = sign_in(&account).await;
            mirror.pull(&mut imap, &path).await.unwrap();
            let mut other = mirror.clone();
            elsewhere(
                &account,
                "Work",
                &[
                    "UID STORE 3:5 +FLAGS (\\Seen $Important)",
                    "UID STORE 5 -FLAGS ($Important)",
                    "UID STORE 7,20:29,80 +FLAGS (\\Deleted)",
                    "EXPUNGE",
                ],
            );
            account.deliver("Work", &[(&synthetic("Work", 900), "\\Flagged", ""), (&synthetic("Work", 901), "", "")]);
            let now = seen_elsewhere(&account, "Work");
            assert_eq!(now.len(), 80 - 12 + 2, "{server}");
            // On the connection that has the mailbox open …
            let pulled = mirror.pull(&mut imap, &path).await.unwrap();
            assert_eq!(mirror.state(), now, "{server}: same connection");
            assert_eq!((pulled.arrived.len(), pulled.vanished), (2, 12), "{server}");
            // … and after a time away.
            let mut imap = sign_in(&account).await;
            let pulled = other.pull(&mut imap, &path).await.unwrap();
            assert_eq!(other.state(), now, "{server}: new connection");
            assert_eq!((pulled.arrived.len(), pulled.vanished), (2, 12), "{server}");
        });
    }
}

#[test]
fn a_lone_flag_a_lone_expunge_and_a_swap_are_not_missed() {
    for account in everywhere("lone") {
        account.deliver_many("INBOX", 10);
        talk(async move {
            let server = account.server;
            let mut mirror = Mirror::default();
            mirror.pull(&mut sign_in(&account).await, "INBOX").await.unwrap();
            let remove = |uid: u32| format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
            let steps = [
                ("a flag", vec!["UID STORE 5 +FLAGS (\\Flagged)".to_owned()]),
                ("a flag less", vec!["UID STORE 5 -FLAGS (\\Flagged)".to_owned()]),
                ("an expunge", vec![remove(6), "EXPUNGE".to_owned()]),
                ("one goes, one comes", vec![remove(9), "EXPUNGE".to_owned()]),
                ("all go", vec![remove(1).replace(" 1 ", " 1:* "), "EXPUNGE".to_owned()]),
            ];
            for (what, commands) in steps {
                let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
                elsewhere(&account, "INBOX", &commands);
                if what.ends_with("comes") {
                    account.deliver("INBOX", &[(&synthetic("INBOX", 11), "", "")]);
                }
                // Both on a fresh connection and on one that has looked at the folders first.
                let mut imap = sign_in(&account).await;
                imap.mailboxes().await.unwrap();
                mirror.pull(&mut imap, "INBOX").await.unwrap();
                assert_eq!(mirror.state(), seen_elsewhere(&account, "INBOX"), "{server}: {what}");
            }
            assert!(mirror.messages.is_empty(), "{server}");
        });
    }
}

#[test]
fn a_mailbox_made_anew_is_read_anew_and_one_that_is_gone_is_an_error() {
    for account in everywhere("anew") {
        account.deliver_many("Work", 10);
        talk(async move {
            let (server, path) = (account.server, account.path("Work"));
            let mut mirror = Mirror::default();
            mirror.pull(&mut sign_in(&account).await, &path).await.unwrap();
            account.raw().run(&format!("DELETE {path}"));
            let mut imap = sign_in(&account).await;
            let error = mirror.pull(&mut imap, &path).await.unwrap_err();
            assert_eq!((error.kind, mirror.messages.len()), (Kind::Refused, 10), "{server}: {error}");
            assert!(error.server_says.is_some(), "{server}");
            assert!(Mirror::default().pull(&mut imap, "INBOX").await.is_ok(), "{server}: the connection still works");

            account.deliver("Work", &[(b"Subject: other\r\n\r\n", "\\Seen", "")]);
            let mut imap = sign_in(&account).await;
            let pulled = mirror.pull(&mut imap, &path).await.unwrap();
            assert_eq!((pulled.resets, pulled.arrived.len()), (1, 1), "{server}");
            assert_eq!(pulled.arrived[0].header.subject, "other", "{server}");
            assert_eq!(mirror.state(), [(1, Keywords::new([SEEN]))], "{server}");
        });
    }
}

#[test]
fn bodies_come_whole_in_slices_and_from_the_middle() {
    for account in everywhere("bodies") {
        let large = [&b"Subject: large\r\n\r\n"[..], &b"The bread is baked every morning.\r\n".repeat(90_000)].concat();
        let small = synthetic("INBOX", 7);
        let bare = b"Subject: bare\r\n\r\n".to_vec();
        let letters = [large, small, bare];
        account.deliver("INBOX", &letters.each_ref().map(|raw| (&raw[..], "", "")));
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let mut wants = mirror.wants();
            let slices = fetch(&mut imap, "INBOX", &wants).await.unwrap();
            assert!(slices.len() > letters.len(), "{server}: {} slices", slices.len());
            let bodies = whole(&slices);
            for (want, raw) in wants.iter().zip(&letters) {
                assert!(bodies[&want.id] == *raw, "{server}: UID {} is not what was delivered", uid(&want.id));
            }
            wants.truncate(1);
            wants[0].offset = 2_000_000;
            let rest = whole(&fetch(&mut imap, "INBOX", &wants).await.unwrap());
            assert!(rest[&wants[0].id] == letters[0][2_000_000..], "{server}: the rest of the large one");
            // Reading marks nothing as read.
            assert!(seen_elsewhere(&account, "INBOX").iter().all(|(_, keywords)| !keywords.contains(SEEN)), "{server}");

            // What goes meanwhile is left out.
            elsewhere(&account, "INBOX", &["UID STORE 2 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"]);
            let mut imap = sign_in(&account).await;
            let left = whole(&fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap());
            let left: Vec<u32> = left.keys().map(uid).collect();
            assert_eq!(left, [1, 3], "{server}");
        });
    }
}

#[test]
fn news_are_heard_while_waiting() {
    for account in everywhere("wait") {
        account.deliver_many("INBOX", 3);
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            assert!(imap.offer().words.iter().any(|word| word == "IDLE"), "{server}");
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let started = Instant::now();
            assert_eq!(imap.wait("INBOX", Duration::from_millis(300)).await.unwrap(), News::TimedOut, "{server}");
            assert!(started.elapsed() < Duration::from_secs(5), "{server}");
            for what in ["a new message", "a flag", "an expunge"] {
                let other = account.clone();
                let elsewhere = tokio::task::spawn_blocking(move || match what {
                    "a new message" => other.deliver("INBOX", &[(b"Subject: now\r\n\r\n", "", "")]),
                    "a flag" => elsewhere(&other, "INBOX", &["UID STORE 1 +FLAGS (\\Flagged)"]),
                    _ => elsewhere(&other, "INBOX", &["UID STORE 2 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"]),
                });
                let news = imap.wait("INBOX", Duration::from_secs(15)).await.unwrap();
                assert_ne!(news, News::TimedOut, "{server}: {what}");
                elsewhere.await.unwrap();
                mirror.pull(&mut imap, "INBOX").await.unwrap();
                assert_eq!(mirror.state(), seen_elsewhere(&account, "INBOX"), "{server}: {what}");
            }
        });
    }
}
