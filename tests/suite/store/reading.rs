//! What lists and readers get.

use surat::mail::address::Address;
use surat::mail::id::EmailId;
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Target};
use surat::mail::view::{Anchor, View};
use surat::store::Body;

use super::{Fixture, arrived, message, remote_mailbox, reply};

#[test]
fn a_list_is_read_in_windows_that_fit_together() {
    let f = Fixture::new();
    f.apply(f.inbox, &(0..25).map(|n| arrived(message(n))).collect::<Vec<_>>());
    let view = View::Mailbox(f.inbox);
    let read = |anchor, limit| {
        let rows = f.store.rows(&view, anchor, limit).unwrap();
        let subjects: Vec<String> = rows.rows.iter().map(|row| row.subject.replace("Subject ", "")).collect();
        (subjects.join(" "), rows.has_before, rows.has_after, rows)
    };
    let (words, before, after, top) = read(Anchor::Top, 4);
    assert_eq!((words.as_str(), before, after, top.total), ("24 23 22 21", false, true, Some(25)));
    let key = top.rows[3].key;
    let (words, before, after, next) = read(Anchor::After(key), 4);
    assert_eq!((words.as_str(), before, after), ("20 19 18 17", true, true));
    let (words, before, after, _) = read(Anchor::Before(next.rows[0].key), 3);
    assert_eq!((words.as_str(), before, after), ("23 22 21", true, true));
    let (words, before, after, _) = read(Anchor::Before(key), 10);
    assert_eq!((words.as_str(), before, after), ("24 23 22", false, true));
    let (words, before, after, _) = read(Anchor::Bottom, 3);
    assert_eq!((words.as_str(), before, after), ("2 1 0", true, false));
    let (words, before, after, _) = read(Anchor::Around(key), 5);
    assert_eq!((words.as_str(), before, after), ("23 22 21 20 19", true, true));
    let (words, before, after, _) = read(Anchor::Around(top.rows[0].key), 5);
    assert_eq!((words.as_str(), before, after), ("24 23 22 21 20", false, true));
    let last = read(Anchor::Bottom, 1).3.rows[0].key;
    let (words, before, after, _) = read(Anchor::Around(last), 5);
    assert_eq!((words.as_str(), before, after), ("4 3 2 1 0", true, false));
}

#[test]
fn an_anchor_whose_row_is_gone_still_finds_its_place() {
    let f = Fixture::new();
    let ids: Vec<_> = (0..5).map(|n| f.arrive(f.inbox, message(n))).collect();
    let view = View::Mailbox(f.inbox);
    let key = f.rows(&view).rows[2].key;
    f.edit(ids[2], f.inbox, Edit::MoveToRole(Role::Archive));
    let rows = f.store.rows(&view, Anchor::Around(key), 2).unwrap();
    assert_eq!(rows.rows.iter().map(|row| row.email).collect::<Vec<_>>(), [ids[3], ids[1]]);
}

#[test]
fn a_conversation_is_one_row_at_its_newest_mail_here() {
    let f = Fixture::new();
    f.arrive(f.inbox, message(1));
    let mine = f.arrive(f.sent, reply(2, &[1]));
    f.arrive(f.trash, reply(3, &[1, 2]));
    f.arrive(f.inbox, message(4));
    let rows = f.rows(&View::Mailbox(f.inbox)).rows;
    assert_eq!(rows.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["Subject 4", "Subject 1"]);
    assert_eq!((rows[1].count, rows[1].unread), (2, 1), "Trash does not count, Sent does");
    assert_eq!(
        rows[1].people.iter().map(surat::mail::warn::short_name).collect::<Vec<_>>(),
        ["Person 1", "Person 2", "Person 3"]
    );
    let sent = f.rows(&View::Mailbox(f.sent)).rows;
    assert_eq!((sent[0].email, sent[0].people[0].addr.as_str()), (mine, "ayu@example.org"));
    let thread = f.store.thread(rows[1].key.thread).unwrap();
    assert_eq!(thread.iter().map(|e| e.header.subject.as_str()).collect::<Vec<_>>(), ["Subject 1", "Subject 2"]);
}

#[test]
fn a_late_mail_merges_two_conversations_and_old_ids_resolve() {
    let f = Fixture::new();
    f.arrive(f.inbox, message(1));
    f.arrive(f.inbox, message(3));
    let rows = f.rows(&View::Mailbox(f.inbox)).rows;
    assert_eq!(rows.len(), 2);
    f.arrive(f.archive, {
        let mut late = reply(2, &[1]);
        late.header.references.push("m3@example.org".into());
        late
    });
    let merged = f.rows(&View::Mailbox(f.inbox)).rows;
    assert_eq!((merged.len(), merged[0].count), (1, 3));
    for row in rows {
        assert_eq!(f.store.thread(row.key.thread).unwrap().len(), 3);
    }
    f.assert_sound();
}

#[test]
fn copies_with_equal_bytes_are_one_and_others_are_not() {
    let f = Fixture::new();
    let copy = |uid: &str| {
        let mut copy = message(1);
        copy.id.0 = uid.into();
        copy.received.0 += uid.len() as i64;
        copy
    };
    let ids = [f.arrive(f.inbox, copy("a")), f.arrive(f.archive, copy("bb")), f.arrive(f.archive, copy("ccc"))];
    let view = View::Mailbox(f.inbox);
    assert_eq!(f.rows(&view).rows[0].count, 1, "equal header fields and size, bodies not known");
    let body = |mailbox, uid: &str, raw: &str| Body {
        mailbox,
        id: surat::mail::remote::RemoteId(uid.into()),
        raw: raw.as_bytes().to_vec(),
    };
    f.store
        .keep_bodies(vec![
            body(f.inbox, "a", "A: b\n\nsame"),
            body(f.archive, "bb", "A: b\n\nsame"),
            body(f.archive, "ccc", "A: b\n\nother"),
        ])
        .unwrap();
    let row = &f.rows(&view).rows[0];
    assert_eq!(row.count, 2);
    let shown: Vec<EmailId> = f.store.thread(row.key.thread).unwrap().iter().map(|email| email.id).collect();
    assert_eq!(shown, [ids[0], ids[2]]);
    assert_eq!(f.store.emails(&View::Mailbox(f.archive), None, 9).unwrap().len(), 2, "the command line hides nothing");
}

#[test]
fn ones_own_copy_is_folded_with_what_the_list_sent_back() {
    let f = Fixture::new();
    f.store.set_own_addresses(f.account, &["Ayu@Example.org".into()]).unwrap();
    let own = |size: u64| {
        let mut own = message(1);
        own.header.from = vec![Address::new(Some("Ayu"), "ayu@example.org")];
        own.size = size;
        own
    };
    f.arrive(f.sent, own(500));
    let back = f.arrive(f.inbox, own(900));
    let row = &f.rows(&View::Mailbox(f.inbox)).rows[0];
    assert_eq!(row.count, 1);
    let shown = f.store.thread(row.key.thread).unwrap();
    assert_eq!(shown.iter().map(|email| email.id).collect::<Vec<_>>(), [back]);
}

#[test]
fn all_inboxes_show_a_conversation_once() {
    let f = Fixture::new();
    let home = f.store.account("home").unwrap();
    let inbox = f.store.reconcile_mailboxes(home, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    for number in 0..10 {
        let (account, mailbox) = if number % 2 == 0 { (f.account, f.inbox) } else { (home, inbox) };
        f.store.apply(account, mailbox, &[arrived(message(number))]).unwrap();
    }
    f.store.apply(home, inbox, &[arrived(reply(20, &[4]))]).unwrap();
    let subjects = f.subjects(&View::AllInboxes);
    assert_eq!(subjects.len(), 10);
    assert_eq!(subjects[..3], ["Subject 20", "Subject 9", "Subject 8"]);
    assert!(!subjects.contains(&"Subject 4".to_owned()));
    // Page by page it is the same list, in both directions.
    let mut paged = Vec::new();
    let mut anchor = Anchor::Top;
    loop {
        let page = f.store.rows(&View::AllInboxes, anchor, 3).unwrap();
        paged.extend(page.rows.iter().map(|row| row.subject.clone()));
        let Some(last) = page.rows.last() else { break };
        anchor = Anchor::After(last.key);
    }
    assert_eq!(paged, subjects);
    let bottom = f.store.rows(&View::AllInboxes, Anchor::Bottom, 10).unwrap();
    assert_eq!(bottom.rows.iter().map(|row| row.subject.clone()).collect::<Vec<_>>(), subjects);
    assert_eq!(bottom.rows[0].unread, 2);
}

#[test]
fn an_action_on_a_row_means_the_mails_in_the_folder_shown() {
    let f = Fixture::new();
    let first = f.arrive(f.inbox, message(1));
    let own = f.arrive(f.sent, reply(2, &[1]));
    let second = f.arrive(f.inbox, reply(3, &[2]));
    let key = f.rows(&View::Mailbox(f.inbox)).rows[0].key;
    let target = |email, mailbox| Target { email, from: Some(mailbox) };
    let in_inbox = [target(first, f.inbox), target(second, f.inbox)];
    assert_eq!(f.store.targets(&View::Mailbox(f.inbox), &[key]).unwrap(), in_inbox);
    assert_eq!(f.store.targets(&View::AllInboxes, &[key]).unwrap(), in_inbox);
    assert_eq!(f.store.targets(&View::Mailbox(f.sent), &[key]).unwrap(), [target(own, f.sent)]);
    assert_eq!(f.store.targets(&View::Mailbox(f.archive), &[key]).unwrap(), []);
}

#[test]
fn starred_conversations_stand_at_their_newest_star() {
    let f = Fixture::new();
    let starred = |mut m: surat::mail::remote::Arrived| {
        m.keywords = Keywords::new(["$flagged"]);
        m
    };
    let one = f.arrive(f.inbox, starred(message(1)));
    f.arrive(f.inbox, reply(2, &[1]));
    f.arrive(f.trash, starred(message(3)));
    let rows = f.rows(&View::Starred).rows;
    assert_eq!(rows.iter().map(|row| row.email).collect::<Vec<_>>(), [one]);
    assert_eq!((rows[0].count, rows[0].is_flagged, rows[0].mailbox), (2, true, f.inbox));
    f.assert_sound();
}
