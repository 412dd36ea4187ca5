//! What changed in a mailbox, against a real server: first everything, later only news, whatever the server can.

use std::time::{Duration, Instant};

use surat::backend::net::Security;
use surat::backend::{Backend, News, mutf7};
use surat::mail::keyword::{Keywords, SEEN};
use surat::mail::mailbox::Role;

use super::imap::{Mirror, fetch, on_server, sign_in, sign_in_over, talk, uid, whole};
use crate::support::dovecot::{TestUser, dovecot, quoted, synthetic};
use crate::support::proxy::{Counted, Faults, Proxy};
use crate::support::wait_for;

/// What is hidden of Dovecot's capabilities, so that it stands for lesser servers.
const SERVERS: [(&str, &[&str]); 4] = [
    ("QRESYNC", &[]),
    ("CONDSTORE only", &["QRESYNC"]),
    ("no journal", &["QRESYNC", "CONDSTORE", "ENABLE"]),
    (
        "plain IMAP4rev1",
        &[
            "QRESYNC",
            "CONDSTORE",
            "ENABLE",
            "ESEARCH",
            "SEARCHRES",
            "LIST-EXTENDED",
            "SPECIAL-USE",
            "LIST-STATUS",
            "UIDPLUS",
            "LITERAL+",
            "SASL-IR",
            "ID",
            "IDLE",
            "MOVE",
            "STATUS=SIZE",
            "NAMESPACE",
        ],
    ),
];

fn lesser(hidden: &[&'static str]) -> Faults {
    Faults { hidden: hidden.to_vec(), ..Faults::default() }
}

/// Changes a mailbox as another client would: marks, removes and adds.
fn change_elsewhere(user: &TestUser) {
    let mut client = user.raw();
    client.run("SELECT INBOX");
    client.run("UID STORE 3:5 +FLAGS (\\Seen $Important)");
    client.run("UID STORE 10 -FLAGS (\\Seen)");
    client.run("UID STORE 7,20:29,120 +FLAGS (\\Deleted)");
    client.run("EXPUNGE");
    client.append("INBOX", &[(&synthetic("INBOX", 900), "\\Flagged", ""), (&synthetic("INBOX", 901), "", "")]);
}

#[test]
fn the_first_pull_brings_everything_newest_first_and_a_screenful_at_once() {
    let user = dovecot().user("first");
    user.deliver_many("INBOX", 500);
    user.raw().run("SELECT INBOX");
    for (what, hidden) in SERVERS {
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        let user = user.clone();
        let (mirror, pulled) = talk(async move {
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            imap.mailboxes().await.unwrap();
            let mut mirror = Mirror::default();
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            (mirror, pulled)
        });
        assert_eq!(pulled.arrived.len(), 500, "{what}");
        assert_eq!(mirror.messages.len(), 500, "{what}: each once");
        assert_eq!(pulled.expected, Some(500), "{what}");
        assert!((30..=100).contains(&pulled.portions[0]), "{what}: {:?}", pulled.portions);
        let mut after = pulled.arrived.iter().map(|message| uid(&message.id));
        let first: Vec<u32> = after.by_ref().take(pulled.portions[0]).collect();
        assert!(after.all(|uid| first.iter().all(|newer| *newer > uid)), "{what}: older ones came with the screenful");
        assert_eq!((pulled.resets, pulled.vanished, pulled.keywords), (0, 0, 0), "{what}");

        let newest = pulled.arrived.iter().max_by_key(|message| uid(&message.id)).unwrap();
        assert_eq!(newest.size, synthetic("INBOX", 500).len() as u64);
        assert_eq!(newest.header.subject, "Letter 500");
        assert_eq!(newest.header.from[0].addr, "budi500@example.org");
        assert!(newest.header.date.is_some(), "{what}: {:?}", newest.header);
        // 500 minutes after the beginning of 1 November 2026.
        assert_eq!(newest.received.0, 1_793_491_200 + 500 * 60, "{what}");
    }
}

#[test]
fn the_second_pull_brings_only_news_and_the_third_nothing() {
    for (what, hidden) in SERVERS {
        let user = dovecot().user("second");
        user.deliver_many("INBOX", 300);
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        talk(async move {
            let mut mirror = Mirror::default();
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            imap.mailboxes().await.unwrap();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            imap.close().await;

            user.deliver("INBOX", &[(b"Subject: news\r\n\r\nbody\r\n", "", ""), (b"Subject: more\r\n\r\n", "", "")]);
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            let subjects: Vec<_> = pulled.arrived.iter().map(|message| message.header.subject.as_str()).collect();
            assert_eq!(subjects, ["news", "more"], "{what}");
            assert_eq!((pulled.keywords, pulled.vanished, pulled.resets), (0, 0, 0), "{what}");
            // Once more on the same connection, and once more on a new one.
            for again in ["same", "new"] {
                if again == "new" {
                    imap = sign_in_over(&proxy, &user).await.unwrap();
                }
                let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
                let news = (pulled.arrived.len(), pulled.keywords, pulled.vanished, pulled.resets);
                assert_eq!(news, (0, 0, 0, 0), "{what}, {again} connection");
            }
        });
    }
}

#[test]
fn flags_and_expunges_of_another_client_travel_whatever_the_server_can() {
    for (what, hidden) in SERVERS {
        let user = dovecot().user("travel");
        user.deliver_many("INBOX", 150);
        let mut client = user.raw();
        client.run("SELECT INBOX");
        client.run("UID STORE 8:12 +FLAGS (\\Seen)");
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        talk(async move {
            let mut mirror = Mirror::default();
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(mirror.state(), on_server(&user.raw().contents("INBOX")), "{what}: before");
            let mut other = mirror.clone();

            change_elsewhere(&user);
            let now = on_server(&user.raw().contents("INBOX"));
            assert_eq!(now.len(), 150 - 12 + 2);
            // On the connection that has the mailbox open …
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(mirror.state(), now, "{what}: same connection");
            assert_eq!((pulled.arrived.len(), pulled.vanished), (2, 12), "{what}");
            // … and after a time away.
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let pulled = other.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(other.state(), now, "{what}: new connection");
            assert_eq!((pulled.arrived.len(), pulled.vanished), (2, 12), "{what}");
        });
    }
}

#[test]
fn a_lone_expunge_and_a_lone_flag_are_not_missed() {
    for (what, hidden) in SERVERS {
        let user = dovecot().user("lone");
        user.deliver_many("INBOX", 20);
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        talk(async move {
            let mut mirror = Mirror::default();
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let steps = ["UID STORE 5 +FLAGS (\\Flagged)", "UID STORE 6 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"];
            for step in steps {
                let mut client = user.raw();
                client.run("SELECT INBOX");
                client.run(step);
                let mut imap = sign_in_over(&proxy, &user).await.unwrap();
                mirror.pull(&mut imap, "INBOX").await.unwrap();
                assert_eq!(mirror.state(), on_server(&client.contents("INBOX")), "{what}: {step}");
            }
            // One goes and one comes: the number of messages stays the same.
            let mut client = user.raw();
            client.run("SELECT INBOX");
            client.run("UID STORE 9 +FLAGS.SILENT (\\Deleted)");
            client.run("EXPUNGE");
            client.append("INBOX", &[(&synthetic("INBOX", 21), "", "")]);
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(mirror.state(), on_server(&client.contents("INBOX")), "{what}: one goes, one comes");
        });
    }
}

#[test]
fn a_mailbox_made_anew_is_read_anew() {
    for (what, hidden) in SERVERS {
        let user = dovecot().user("anew");
        user.deliver_many("Work", 30);
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        talk(async move {
            let mut mirror = Mirror::default();
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            mirror.pull(&mut imap, "Work").await.unwrap();
            let mut client = user.raw();
            client.run("DELETE Work");
            user.deliver("Work", &[(b"Subject: other\r\n\r\n", "\\Seen", "")]);
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let pulled = mirror.pull(&mut imap, "Work").await.unwrap();
            assert_eq!((pulled.resets, pulled.arrived.len()), (1, 1), "{what}");
            assert_eq!(pulled.arrived[0].header.subject, "other");
            assert_eq!(mirror.state(), [(1, Keywords::new([SEEN]))], "{what}");
        });
    }
}

#[test]
fn an_empty_mailbox_and_one_that_was_emptied_are_in_step_too() {
    for (what, hidden) in SERVERS {
        let user = dovecot().user("empty");
        user.deliver_many("INBOX", 5);
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        talk(async move {
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let mut never = Mirror::default();
            assert!(never.pull(&mut imap, "Archive").await.unwrap().arrived.is_empty());
            assert!(never.cursor.is_some(), "{what}: an empty mailbox is known to be empty");
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let mut client = user.raw();
            client.run("SELECT INBOX");
            client.run("UID STORE 1:* +FLAGS (\\Deleted)");
            client.run("EXPUNGE");
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!((pulled.vanished, mirror.messages.len(), pulled.resets), (5, 0, 0), "{what}");
            user.deliver("INBOX", &[(b"Subject: again\r\n\r\n", "", "")]);
            assert_eq!(mirror.pull(&mut imap, "INBOX").await.unwrap().arrived.len(), 1, "{what}");
        });
    }
}

#[test]
fn a_mailbox_that_is_gone_is_an_error_and_never_a_deletion() {
    let user = dovecot().user("gone");
    user.deliver_many("Work", 3);
    talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "Work").await.unwrap();
        user.raw().run("DELETE Work");
        let mut imap = sign_in(&user, Security::Tls).await;
        let error = mirror.pull(&mut imap, "Work").await.unwrap_err();
        assert_eq!(error.kind, surat::backend::Kind::Refused, "{error}");
        assert!(error.server_says.is_some());
        assert_eq!(mirror.messages.len(), 3);
        // The connection is as good as before.
        assert!(mirror.pull(&mut imap, "INBOX").await.is_ok());
    });
}

#[test]
fn folders_come_with_their_roles_and_odd_names_can_be_opened() {
    let names = [
        "Büro & Co",
        "日本語",
        "Two  spaces",
        "a \"quoted\" name",
        "par(en)thesis {5}",
        "100%",
        "a*b",
        "né/sous-dossier",
        "back\\slash",
        "semi;colon",
        "#hash",
        "~tilde",
        "'single'",
        "&",
        "&-",
        "emoji 📬",
        "עברית",
        "[brackets]",
    ];
    let user = dovecot().user("folders");
    let mut client = user.raw();
    let made: Vec<&str> = names
        .into_iter()
        .filter(|name| {
            let path: Vec<String> = name.split('/').map(mutf7::encode).collect();
            client.try_run(&format!("CREATE {}", quoted(&path.join("/")))).1.starts_with("OK")
        })
        .collect();
    assert!(made.len() >= 14, "Dovecot took only {made:?}");
    client.run(&format!("SUBSCRIBE {}", quoted(&mutf7::encode(made[0]))));
    for (what, hidden) in SERVERS {
        let (user, made) = (user.clone(), made.clone());
        let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
        talk(async move {
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let folders = imap.mailboxes().await.unwrap();
            let by_role = |role| folders.iter().find(|folder| folder.role == Some(role)).map(|folder| &folder.name[..]);
            assert_eq!(by_role(Role::Inbox), Some("INBOX"), "{what}");
            for (role, name) in [
                (Role::Drafts, "Drafts"),
                (Role::Junk, "Junk"),
                (Role::Trash, "Trash"),
                (Role::Sent, "Sent"),
                (Role::Archive, "Archive"),
            ] {
                assert_eq!(by_role(role), Some(name), "{what}");
            }
            let subscribed = |name| folders.iter().find(|folder| folder.name == name).unwrap().is_subscribed;
            assert!(subscribed(made[0]) && subscribed("Sent") && !subscribed(made[1]), "{what}: {folders:?}");
            for name in made {
                let folder = folders.iter().find(|folder| folder.name == name);
                let folder = folder.unwrap_or_else(|| panic!("{what}: {name} is not in {folders:?}"));
                assert!(folder.is_selectable, "{what}: {name}");
                Mirror::default().pull(&mut imap, &folder.path).await.unwrap();
            }
        });
    }
}

/// What coming back costs when nothing happened: a whole session with sign-in, folders and inbox. The round trips are
/// the backend's own count: what is sent without waiting may or may not be answered before the next is sent.
fn cost_of_nothing(hidden: &[&'static str], messages: usize) -> (Counted, u64) {
    let user = dovecot().user("thrifty");
    user.deliver_many("INBOX", messages);
    let first = Proxy::start(user.server.imap_port, lesser(hidden));
    let proxy = Proxy::start(user.server.imap_port, lesser(hidden));
    talk(async move {
        let mut mirror = Mirror::default();
        let mut imap = sign_in_over(&first, &user).await.unwrap();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        imap.close().await;
        let mut imap = sign_in_over(&proxy, &user).await.unwrap();
        imap.mailboxes().await.unwrap();
        let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
        assert_eq!(pulled.portions, [0; 0], "nothing is committed where nothing changed");
        let (counted, traffic) = (proxy.counted(), imap.traffic());
        assert_eq!((traffic.bytes_in, traffic.bytes_out), (counted.bytes_in, counted.bytes_out));
        (counted, traffic.round_trips)
    })
}

#[test]
fn when_nothing_changed_coming_back_costs_the_same_few_bytes_and_round_trips_at_any_size() {
    for (what, hidden) in &SERVERS[..2] {
        let (small, small_trips) = cost_of_nothing(hidden, 10);
        let (large, large_trips) = cost_of_nothing(hidden, 1_000);
        for counted in [small, large] {
            let sum = counted.bytes_in + counted.bytes_out;
            assert!(sum <= 2 * 1024, "{what}: {sum} bytes: {counted:?}");
        }
        assert_eq!(small_trips, large_trips, "{what}");
        assert!(large_trips <= 5, "{what}: {large_trips} round trips");
        assert!(large.bytes_in.abs_diff(small.bytes_in) < 64, "{what}: {small:?} {large:?}");
    }
}

#[test]
fn news_are_heard_within_a_second_and_flags_too() {
    let user = dovecot().user("idle");
    user.deliver_many("INBOX", 3);
    let proxy = Proxy::start(user.server.imap_port, lesser(&["NOTIFY"]));
    talk(async move {
        let mut imap = sign_in_over(&proxy, &user).await.unwrap();
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        let sent_idle = |proxy: &Proxy, times: usize| {
            let sent = String::from_utf8_lossy(&proxy.sent()).into_owned();
            (sent.matches("IDLE\r\n").count() >= times).then_some(())
        };
        let proxy = std::sync::Arc::new(proxy);
        for (times, what) in ["a new message", "a flag", "an expunge"].into_iter().enumerate() {
            let (elsewhere, wire) = (user.clone(), proxy.clone());
            let other = std::thread::spawn(move || {
                let mut client = elsewhere.raw();
                client.run("SELECT INBOX");
                wait_for("IDLE", Duration::from_secs(20), || sent_idle(&wire, times + 1));
                // Dovecot tells what happened before IDLE at once, and what happens later as it happens.
                let started = Instant::now();
                match what {
                    "a new message" => client.append("INBOX", &[(b"Subject: now\r\n\r\n", "", "")]),
                    "a flag" => drop(client.run("UID STORE 1 +FLAGS (\\Flagged)")),
                    _ => {
                        client.run("UID STORE 2 +FLAGS.SILENT (\\Deleted)");
                        client.run("EXPUNGE");
                    }
                }
                started
            });
            let news = imap.wait("INBOX", Duration::from_secs(30)).await.unwrap();
            let heard = Instant::now();
            assert_eq!(news, changed(), "{what}");
            let took = heard.saturating_duration_since(other.join().unwrap());
            // Half a second is Dovecot's own delay; the rest is for a loaded machine.
            assert!(took < Duration::from_millis(2_000), "{what}: {took:?}");
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(mirror.state(), on_server(&user.raw().contents("INBOX")), "{what}");
        }
    });
}

#[test]
fn a_wait_without_news_ends_in_time_and_a_dropped_one_leaves_the_connection_usable() {
    for (what, hidden) in [("IDLE", vec![]), ("asking", vec!["IDLE"])] {
        let user = dovecot().user("patient");
        user.deliver_many("INBOX", 3);
        let proxy = Proxy::start(user.server.imap_port, lesser(&hidden));
        talk(async move {
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let started = Instant::now();
            let news = imap.wait("INBOX", Duration::from_millis(400)).await.unwrap();
            assert_eq!(news, News::TimedOut, "{what}");
            assert!((350..5_000).contains(&started.elapsed().as_millis()), "{what}: {:?}", started.elapsed());
            for pause in [0, 1, 5, 50] {
                let waiting = imap.wait("INBOX", Duration::from_secs(60));
                tokio::time::timeout(Duration::from_millis(pause), waiting).await.expect_err("nothing happened");
                mirror.pull(&mut imap, "INBOX").await.unwrap_or_else(|error| panic!("{what}, {pause}: {error}"));
            }
            user.deliver("INBOX", &[(b"Subject: while nobody listened\r\n\r\n", "", "")]);
            assert_eq!(imap.wait("INBOX", Duration::from_secs(20)).await.unwrap(), changed(), "{what}");
            assert_eq!(mirror.pull(&mut imap, "INBOX").await.unwrap().arrived.len(), 1, "{what}");
        });
    }
}

#[test]
fn what_came_before_a_folder_was_opened_for_something_else_is_news_at_once() {
    // Without NOTIFY, which would tell it too.
    let user = dovecot().user("reopened");
    user.deliver_many("INBOX", 3);
    let proxy = Proxy::start(user.server.imap_port, lesser(&["NOTIFY"]));
    talk(async move {
        let mut imap = sign_in_over(&proxy, &user).await.unwrap();
        let (mut mirror, mut other) = (Mirror::default(), Mirror::default());
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        other.pull(&mut imap, "Sent").await.unwrap();
        user.deliver("INBOX", &[(b"Subject: in between\r\n\r\n", "", "")]);
        assert_eq!(whole(&fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap()).len(), 3);
        assert_eq!(imap.wait("INBOX", Duration::from_secs(1)).await.unwrap(), changed());
        assert_eq!(mirror.pull(&mut imap, "INBOX").await.unwrap().arrived.len(), 1);
        assert_eq!(imap.wait("INBOX", Duration::from_millis(100)).await.unwrap(), News::TimedOut);
    });
}

fn changed() -> News {
    News::Changed(["INBOX".to_owned()].into())
}
