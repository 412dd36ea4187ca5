//! What a server says, and what becomes of it.

use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::Edit;
use surat::mail::remote::{Cursor, Delta, RemoteId};
use surat::mail::view::View;
use surat::store::Body;

use super::{Fixture, arrived, message, remote_mailbox, reply};

fn vanished(ids: impl IntoIterator<Item = i64>) -> Delta {
    Delta::Vanished(ids.into_iter().map(|id| RemoteId(id.to_string())).collect())
}

#[test]
fn rows_and_their_cursor_are_committed_together() {
    let f = Fixture::new();
    assert_eq!(f.store.cursor(f.inbox).unwrap(), None);
    let applied = f.apply(f.inbox, &[arrived(message(1)), arrived(message(2)), Delta::Commit(Cursor("17".into()))]);
    assert_eq!((applied.arrived, applied.new_emails.len()), (2, 2));
    assert_eq!(f.store.cursor(f.inbox).unwrap(), Some(Cursor("17".into())));
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 2);
    assert_eq!(f.subjects(&View::Mailbox(f.inbox)), ["Subject 2", "Subject 1"]);
    let inbox = f.store.mailbox(f.inbox).unwrap();
    assert_eq!((inbox.total, inbox.unread), (2, 2));
    f.assert_sound();
}

#[test]
fn the_same_news_twice_changes_nothing() {
    let f = Fixture::new();
    f.arrive(f.inbox, message(1));
    let again = f.apply(f.inbox, &[arrived(message(1))]);
    assert_eq!((again.arrived, again.new_emails), (0, vec![]));
    assert_eq!(f.store.mailbox(f.inbox).unwrap().total, 1);
}

#[test]
fn header_fields_come_back_as_they_arrived() {
    let f = Fixture::new();
    let mut wanted = reply(5, &[1, 2, 3]);
    wanted.header.cc = vec![surat::mail::address::Address::new(Some("Ünal, \"U\""), "u@example.org")];
    wanted.header.list_id = Some("list.example.org".into());
    let id = f.arrive(f.inbox, wanted.clone());
    let email = f.store.email(id).unwrap().unwrap();
    assert_eq!(email.header, wanted.header);
    assert_eq!((email.received, email.size, email.is_stored), (wanted.received, wanted.size, false));
}

#[test]
fn a_body_is_kept_byte_for_byte_and_once() {
    let f = Fixture::new();
    let raw = |text: &str| format!("Subject: x\r\n\r\n{}\r\n", text.repeat(200)).into_bytes();
    let (a, b) = (f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2)));
    let missing = f.store.bodies_missing(f.account, None, None, 10, u64::MAX).unwrap();
    assert_eq!(missing.iter().map(|m| m.place.email).collect::<Vec<_>>(), [b, a]);
    assert_eq!(f.store.count_missing_bodies(f.account, None).unwrap(), 2);
    let newest = f.store.bodies_missing(f.account, None, None, 10, 1).unwrap();
    assert_eq!(newest, missing[..1], "one at least, however large");
    assert_eq!(f.store.bodies_missing(f.account, None, Some(newest[0].place), 10, 1).unwrap(), missing[1..]);
    let body = |id: i64| Body { mailbox: f.inbox, id: RemoteId(id.to_string()), raw: raw("tide ") };
    f.store.keep_bodies(vec![body(1), body(2), body(3)]).unwrap();
    assert_eq!(f.store.raw(a).unwrap(), Some(raw("tide ")));
    assert_eq!(f.store.raw(b).unwrap(), Some(raw("tide ")));
    assert!(f.store.email(a).unwrap().unwrap().is_stored);
    assert_eq!(f.store.bodies_missing(f.account, None, None, 10, u64::MAX).unwrap(), vec![]);
    assert_eq!(f.store.count_missing_bodies(f.account, None).unwrap(), 0);
    assert_eq!(f.store.missing_body(a).unwrap(), None);
    f.assert_sound();
}

#[test]
fn slices_survive_a_restart_and_become_a_body() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    let raw = b"Subject: x\r\n\r\nBeginning and end\r\n";
    let slice = |from: usize, to: usize| surat::mail::remote::Slice {
        id: RemoteId("1".into()),
        offset: from as u64,
        bytes: raw[from..to].to_vec(),
        is_last: to == raw.len(),
    };
    f.store.keep_slice(f.inbox, &slice(0, 10)).unwrap();
    f.store.keep_slice(f.inbox, &slice(20, 25)).unwrap(); // leaves a gap: not kept
    let store = surat::store::Store::open(f.path()).unwrap();
    assert_eq!(store.missing_body(id).unwrap().unwrap().want.offset, 10);
    store.keep_slice(f.inbox, &slice(5, 20)).unwrap(); // overlaps
    assert_eq!(store.missing_body(id).unwrap().unwrap().want.offset, 20);
    store.keep_slice(f.inbox, &slice(20, raw.len())).unwrap();
    assert_eq!(f.store.raw(id).unwrap().as_deref(), Some(&raw[..]));
}

#[test]
fn the_server_decides_but_a_waiting_edit_wins() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    f.edit(id, f.inbox, Edit::Keyword("$flagged".into(), true));
    f.apply(f.inbox, &[Delta::Keywords(RemoteId("1".into()), Keywords::new(["$seen"]))]);
    assert_eq!(f.keywords(id), "$flagged $seen");
    f.apply(f.inbox, &[Delta::Keywords(RemoteId("1".into()), Keywords::new([]))]);
    assert_eq!(f.keywords(id), "$flagged");
    assert_eq!(f.store.pending_count(f.account).unwrap(), 1);
    // The server has it now, by whatever way: nothing waits any more, and its next word counts.
    f.apply(f.inbox, &[Delta::Keywords(RemoteId("1".into()), Keywords::new(["$flagged"]))]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    f.apply(f.inbox, &[Delta::Keywords(RemoteId("1".into()), Keywords::new([]))]);
    assert_eq!(f.keywords(id), "");
    f.assert_sound();
}

#[test]
fn what_vanished_leaves_the_list_but_keeps_its_bytes() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    f.store.keep_bodies(vec![Body { mailbox: f.inbox, id: RemoteId("1".into()), raw: b"A: b\n\nc".to_vec() }]).unwrap();
    assert_eq!(f.apply(f.inbox, &[vanished([1, 99])]).vanished, 1);
    assert!(f.rows(&View::Mailbox(f.inbox)).rows.is_empty());
    assert_eq!(f.store.raw(id).unwrap().as_deref(), Some(&b"A: b\n\nc"[..]));
    assert_eq!(f.store.sweep(10).unwrap(), 0);
    f.assert_sound();
}

#[test]
fn a_mail_moved_by_another_client_keeps_its_body_and_waiting_edits() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    f.store.keep_bodies(vec![Body { mailbox: f.inbox, id: RemoteId("1".into()), raw: b"A: b\n\nc".to_vec() }]).unwrap();
    f.edit(id, f.inbox, Edit::Keyword("$flagged".into(), true));
    f.apply(f.inbox, &[vanished([1])]);
    let mut in_archive = message(1);
    in_archive.id = RemoteId("70".into());
    let applied = f.apply(f.archive, &[arrived(in_archive)]);
    assert_eq!(applied.new_emails, []);
    assert_eq!(f.mailboxes(id), [f.archive]);
    assert_eq!(f.keywords(id), "$flagged");
    assert_eq!(f.store.pending_count(f.account).unwrap(), 1);
    assert!(f.store.email(id).unwrap().unwrap().is_stored);
    f.assert_sound();
}

#[test]
fn a_stranger_with_the_same_message_id_is_another_mail() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    f.apply(f.inbox, &[vanished([1])]);
    let mut forged = message(1);
    forged.id = RemoteId("2".into());
    forged.received.0 += 500;
    let other = f.arrive(f.inbox, forged);
    assert_ne!(id, other);
}

#[test]
fn a_mailbox_numbered_anew_keeps_its_mail_bodies_and_edits() {
    let f = Fixture::new();
    let ids: Vec<_> = (1..=3).map(|n| f.arrive(f.inbox, message(n))).collect();
    let body = Body { mailbox: f.inbox, id: RemoteId("1".into()), raw: b"A: b\n\nc".to_vec() };
    f.store.keep_bodies(vec![body]).unwrap();
    f.edit(ids[0], f.inbox, Edit::Keyword("$flagged".into(), true));
    f.edit(ids[1], f.inbox, Edit::Move(f.archive));
    f.apply(f.inbox, &[Delta::Reset]);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 0);
    assert_eq!(f.subjects(&View::Mailbox(f.inbox)), ["Subject 3", "Subject 1"], "nothing disappears meanwhile");
    assert_eq!(
        f.store.pending(f.account, 9).unwrap().emails[..].iter().flat_map(|e| &e.copies).count(),
        0,
        "nothing can be said of unknown numbers"
    );
    let anew = |n: i64| {
        let mut m = message(n);
        m.id = RemoteId((n + 100).to_string());
        m
    };
    let applied = f.apply(f.inbox, &[arrived(anew(2)), arrived(anew(1)), Delta::Commit(Cursor("2".into()))]);
    assert_eq!(applied.new_emails, []);
    assert_eq!(f.keywords(ids[0]), "$flagged");
    assert_eq!(f.mailboxes(ids[1]), [f.archive]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 2);
    assert!(f.store.email(ids[0]).unwrap().unwrap().is_stored);
    assert_eq!(f.store.settle(f.inbox).unwrap(), 1, "the third one is gone");
    assert_eq!(f.subjects(&View::Mailbox(f.inbox)), ["Subject 1"]);
    f.assert_sound();
}

#[test]
fn a_mass_vanish_is_noticed_and_its_bytes_stay() {
    let f = Fixture::new();
    let news: Vec<_> = (1..=60).map(|n| arrived(message(n))).collect();
    f.apply(f.inbox, &news);
    f.apply(f.inbox, &[vanished(1..=49)]);
    assert_eq!(f.store.notices().unwrap(), [], "49 are believed");
    f.apply(f.inbox, &(61..=120).map(|n| arrived(message(n))).collect::<Vec<_>>());
    f.apply(f.inbox, &[vanished(61..=110)]);
    let notices = f.store.notices().unwrap();
    assert_eq!(notices.iter().map(|n| (n.mailbox, n.emails)).collect::<Vec<_>>(), [(f.inbox, 50)]);
    f.store.dismiss_notice(notices[0].id).unwrap();
    assert_eq!(f.store.notices().unwrap(), []);
    f.assert_sound();
}

#[test]
fn the_servers_word_makes_two_copies_one_email() {
    let f = Fixture::new();
    let mut first = message(1);
    first.object_id = Some("M1".into());
    let mut second = first.clone();
    second.id = RemoteId("9".into());
    let id = f.arrive(f.inbox, first);
    assert_eq!(f.apply(f.archive, &[arrived(second)]).new_emails, []);
    assert_eq!(f.mailboxes(id), [f.inbox, f.archive]);
    // An edit goes to both copies.
    f.edit(id, f.inbox, Edit::Keyword("$seen".into(), true));
    assert_eq!(f.store.pending(f.account, 9).unwrap().emails[0].copies.len(), 2);
    f.apply(f.inbox, &[vanished([1])]);
    assert_eq!(f.mailboxes(id), [f.archive]);
    f.assert_sound();
}

#[test]
fn mailboxes_that_the_server_drops_are_hidden_and_come_back() {
    let f = Fixture::new();
    f.arrive(f.archive, message(1));
    let listed = |names: &[&str]| {
        let list: Vec<_> = names.iter().map(|n| remote_mailbox(n, n, None)).collect();
        f.store.reconcile_mailboxes(f.account, &list).unwrap()
    };
    listed(&["INBOX", "Sent"]);
    assert_eq!(f.store.mailboxes(None).unwrap().len(), 2);
    let ids = listed(&["Archive", "INBOX"]);
    assert_eq!(ids, [f.archive, f.inbox]);
    assert_eq!(f.apply(f.archive, &[arrived(message(1))]).new_emails, [], "it is the same mail");
    assert_eq!(f.subjects(&View::Mailbox(f.archive)), ["Subject 1"]);
}

#[test]
fn a_mailbox_that_becomes_the_bin_does_not_count_any_more() {
    let f = Fixture::new();
    f.arrive(f.inbox, message(1));
    f.arrive(f.archive, reply(2, &[1]));
    assert_eq!(f.rows(&View::Mailbox(f.inbox)).rows[0].count, 2);
    f.store
        .reconcile_mailboxes(
            f.account,
            &[
                remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)),
                remote_mailbox("Archive", "Archive", Some(Role::Junk)),
            ],
        )
        .unwrap();
    assert_eq!(f.rows(&View::Mailbox(f.inbox)).rows[0].count, 1);
    f.assert_sound();
}

#[test]
fn hostile_dates_make_ids_that_sort() {
    let f = Fixture::new();
    let mut ids = Vec::new();
    for (number, at) in [(1, i64::MIN), (2, -5), (3, i64::MAX), (4, i64::MAX)] {
        let mut hostile = message(number);
        hostile.received.0 = at;
        hostile.header.date = None;
        ids.push(f.arrive(f.inbox, hostile));
    }
    assert!(ids.iter().all(|id| id.0 >= 0));
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(f.rows(&View::Mailbox(f.inbox)).rows.len(), 4);
    f.assert_sound();
}

#[test]
fn what_waits_for_a_copy_that_vanished_waits_no_more() {
    let f = Fixture::new();
    let copy = |number: i64| {
        let mut copy = message(number);
        copy.object_id = Some("M1".into());
        copy
    };
    let email = f.arrive(f.inbox, copy(1));
    assert_eq!(f.apply(f.inbox, &[arrived(copy(2))]).new_emails, []);
    f.edit(email, f.inbox, Edit::Keyword("$flagged".into(), true));
    // One of the copies has it now; the other one goes without ever having had it.
    let starred = Delta::Keywords(RemoteId("1".into()), Keywords::new(["$flagged"]));
    f.apply(f.inbox, &[starred]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 1);
    f.apply(f.inbox, &[vanished([2])]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    assert_eq!((f.keywords(email).as_str(), f.mailboxes(email)), ("$flagged", vec![f.inbox]));
    f.assert_sound();
}
