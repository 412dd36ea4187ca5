//! What is a copy of what: copies that differ, copies of which a server says something that cannot be, and what was added.

use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::Edit;
use surat::mail::remote::{Arrived, Delta, RemoteId};
use surat::mail::view::View;
use surat::store::{Body, Pushed, Share};

use super::{Fixture, NOW, arrived, message, remote_mailbox};

fn id(text: &str) -> RemoteId {
    RemoteId(text.into())
}

fn with_keywords(number: i64, words: &[&str]) -> Delta {
    Delta::Keywords(id(&number.to_string()), Keywords::new(words.iter().copied()))
}

/// A copy of message 1 on a server that calls copies the same.
fn same(number: &str, words: &[&str]) -> Arrived {
    let mut mail = message(1);
    mail.object_id = Some("M".into());
    mail.id = id(number);
    mail.keywords = Keywords::new(words.iter().copied());
    mail
}

#[test]
fn copies_with_other_keywords_are_emails_of_their_own() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, same("1", &["$seen"]));
    let other = f.arrive(f.archive, same("2", &[]));
    assert_eq!((f.keywords(email).as_str(), f.keywords(other).as_str()), ("$seen", ""));
    assert_eq!(f.operations(), [], "nobody has edited anything");
    // The third one is in step with the second.
    assert_eq!(f.apply(f.sent, &[arrived(same("3", &[]))]).new_emails, []);
    assert_eq!((f.mailboxes(email), f.mailboxes(other)), (vec![f.inbox], vec![f.archive, f.sent]));
    assert_eq!(f.operations(), []);
    // What is edited here and not pushed yet is no word of the server.
    f.edit(email, f.inbox, Edit::Keyword("$flagged".into(), true));
    assert_eq!(f.apply(f.trash, &[arrived(same("4", &["$seen"]))]).new_emails, []);
    assert_eq!(f.mailboxes(email), [f.inbox, f.trash]);
    assert_eq!(f.keywords(email), "$flagged $seen");
    f.assert_sound();
}

#[test]
fn a_copy_that_takes_no_mark_is_split_off() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, same("1", &[]));
    f.apply(f.archive, &[arrived(same("2", &[]))]);
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), true));
    let (here, there): (Vec<Share>, Vec<Share>) =
        f.shares().into_iter().partition(|share| share.copy().unwrap().0 == f.inbox);
    f.store.pushed(&[Pushed::new(there[0].clone())], &[]).unwrap();
    f.store.refused(f.account, &here, "read-only").unwrap();
    assert_eq!((f.mailboxes(email), f.keywords(email).as_str()), (vec![f.archive], "$seen"));
    let own = f.store.emails(&View::Mailbox(f.inbox), None, 9).unwrap().remove(0);
    assert_eq!(own.keywords.to_text(), "");
    assert_eq!(f.store.raw(own.id).unwrap(), f.store.raw(email).unwrap());
    assert_eq!((f.operations(), f.store.pending_count(f.account).unwrap()), (vec![], 0));
    assert_eq!(f.store.notices().unwrap().len(), 1);
    // From now on each is marked by itself, and news find the right one.
    f.apply(f.inbox, &[with_keywords(1, &["$flagged"])]);
    assert_eq!((f.keywords(own.id).as_str(), f.keywords(email).as_str()), ("$flagged", "$seen"));
    f.assert_sound();
}

#[test]
fn copies_that_are_all_read_only_come_to_rest() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, same("1", &[]));
    f.apply(f.archive, &[arrived(same("2", &[]))]);
    f.apply(f.archive, &[with_keywords(2, &["$flagged"])]);
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), true));
    for _ in 0..3 {
        let shares = f.shares();
        if !shares.is_empty() {
            f.store.refused(f.account, &shares, "read-only").unwrap();
            f.assert_sound();
        }
    }
    assert_eq!((f.operations(), f.store.pending_count(f.account).unwrap()), (vec![], 0));
    let shown = |mailbox| f.store.emails(&View::Mailbox(mailbox), None, 9).unwrap().remove(0).keywords.to_text();
    assert_eq!((shown(f.inbox), shown(f.archive)), (String::new(), "$flagged".into()));
}

#[test]
fn a_copy_that_is_split_off_stays_where_it_is() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, same("1", &[]));
    f.apply(f.archive, &[arrived(same("2", &[]))]);
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), true));
    f.edit(email, f.inbox, Edit::Move(f.sent));
    let marks: Vec<Share> = f
        .shares()
        .into_iter()
        .filter(|share| matches!(share, Share::Keywords { mailbox, .. } if *mailbox == f.inbox))
        .collect();
    f.store.refused(f.account, &marks, "no").unwrap();
    let own = f.store.emails(&View::Mailbox(f.inbox), None, 9).unwrap().remove(0);
    f.assert_sound();
    f.push(f.account);
    assert_eq!((f.mailboxes(own.id), f.mailboxes(email)), (vec![f.inbox], vec![f.archive, f.sent]));
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 1);
    f.assert_sound();
}

#[test]
fn a_number_that_is_known_as_that_of_another_mail_is_not_believed() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    let mut mail = message(2);
    mail.id = id("8");
    let stranger = f.arrive(f.archive, mail);
    f.fetch(stranger);
    f.edit(email, f.inbox, Edit::Move(f.archive));
    let share = f.shares().remove(0);
    let numbers = f.store.begin_attempts(std::slice::from_ref(&share)).unwrap();
    let lie = Pushed { id: Some(id("8")), attempt: numbers[0], ..Pushed::new(share.clone()) };
    f.store.pushed(std::slice::from_ref(&lie), &[]).unwrap();
    assert!(f.store.raw(stranger).unwrap().is_some());
    assert_eq!(f.mailboxes(stranger), [f.archive]);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 1, "nothing is settled");
    assert_eq!(f.store.attempts(f.account).unwrap().len(), 1, "it is looked for");
    f.store.pushed(&[Pushed { id: Some(id("9")), ..lie }], &[]).unwrap();
    assert_eq!(f.store.attempts(f.account).unwrap(), []);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 0);
    f.assert_sound();
    // The same for what was added: its bytes decide.
    let (one, two) = (same("21", &[]), same("22", &[]));
    let (one, two) = (Arrived { object_id: None, ..one }, Arrived { object_id: None, size: 77, ..two });
    let (one, two) = (f.arrive(f.inbox, one), f.arrive(f.sent, two));
    f.fetch(one);
    f.fetch(two);
    f.apply(f.inbox, &[Delta::Vanished(vec![id("21")])]);
    f.edit(one, f.inbox, Edit::Move(f.sent));
    let added = Pushed { id: Some(id("22")), ..Pushed::new(f.shares().remove(0)) };
    f.store.pushed(&[added], &[]).unwrap();
    assert_eq!(f.mailboxes(two), [f.sent]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 1);
    f.assert_sound();
}

#[test]
fn what_was_added_is_found_however_its_lines_end() {
    for has_id in [true, false] {
        let f = Fixture::new();
        let mut mail = message(1);
        if !has_id {
            mail.header.message_id = None;
        }
        let keep = |mailbox, number: &str, raw: &str| {
            let body = Body { mailbox, id: id(number), raw: raw.as_bytes().to_vec() };
            f.store.keep_bodies(vec![body]).unwrap();
        };
        let email = f.arrive(f.inbox, mail.clone());
        keep(f.inbox, "1", "Subject: x\n\nOne\nTwo\n");
        f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
        f.edit(email, f.inbox, Edit::Move(f.archive));
        let share = f.shares().remove(0);
        f.store.begin_attempts(std::slice::from_ref(&share)).unwrap();
        // The link broke; what was added comes as news, larger and as of now. Another one only looks like it.
        mail.received = NOW;
        let (mut ours, mut other) = (mail.clone(), mail);
        (ours.id, ours.size) = (id("7"), 1_005);
        (other.id, other.size) = (id("8"), 1_009);
        f.arrive(f.archive, ours);
        f.arrive(f.archive, other);
        let attempt = f.store.attempts(f.account).unwrap().remove(0);
        let found = |f: &Fixture| -> Vec<(String, Option<bool>)> {
            f.store.candidates(&attempt).unwrap().into_iter().map(|one| (one.id.0, one.is_same)).collect()
        };
        assert_eq!(found(&f), [("7".into(), None), ("8".into(), None)]);
        keep(f.archive, "7", "Subject: x\r\n\r\nOne\r\nTwo\r\n");
        keep(f.archive, "8", "Subject: x\r\n\r\nOne\r\nThree\r\n");
        assert_eq!(found(&f), [("7".into(), Some(true)), ("8".into(), Some(false))]);
        let pushed = Pushed { id: Some(id("7")), attempt: attempt.id, ..Pushed::new(share) };
        f.store.pushed(&[pushed], &[]).unwrap();
        assert_eq!(f.store.attempts(f.account).unwrap(), []);
        assert_eq!((f.mailboxes(email), f.store.remote_count(f.archive).unwrap()), (vec![f.archive], 2));
        assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
        f.assert_sound();
    }
}

#[test]
fn a_copy_of_what_was_added_is_found_too() {
    let f = Fixture::new();
    let keep = |mailbox, number: &str, raw: &str| {
        let body = Body { mailbox, id: id(number), raw: raw.as_bytes().to_vec() };
        f.store.keep_bodies(vec![body]).unwrap();
    };
    let email = f.arrive(f.inbox, message(1));
    keep(f.inbox, "1", "Subject: x\n\nOne\n");
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    f.edit(email, f.inbox, Edit::Move(f.archive));
    // Its number is told, but not that it has grown.
    let added = Pushed { id: Some(id("7")), ..Pushed::new(f.shares().remove(0)) };
    f.store.pushed(&[added], &[]).unwrap();
    f.edit(email, f.archive, Edit::Copy(f.sent));
    f.store.begin_attempts(&f.shares()).unwrap();
    let mut news = message(1);
    (news.id, news.size) = (id("9"), 1_004);
    f.arrive(f.sent, news);
    keep(f.sent, "9", "Subject: x\r\n\r\nOne\r\n");
    let attempt = f.store.attempts(f.account).unwrap().remove(0);
    let found = f.store.candidates(&attempt).unwrap();
    assert_eq!(found.iter().map(|one| (&one.id, one.is_same)).collect::<Vec<_>>(), [(&id("9"), Some(true))]);
}

#[test]
fn what_comes_back_from_another_account_stays_though_its_likeness_leaves() {
    let f = Fixture::new();
    let other = f.store.account("other").unwrap();
    let list = [remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))];
    let elsewhere = f.store.reconcile_mailboxes(other, &list).unwrap()[0];
    let email = f.arrive(f.inbox, same("1", &[]));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(elsewhere));
    let there = f.store.emails(&View::Mailbox(elsewhere), None, 9).unwrap()[0].id;
    f.edit(there, elsewhere, Edit::Move(f.inbox));
    let back = f.store.emails(&View::Mailbox(f.inbox), None, 9).unwrap()[0].id;
    assert_ne!(back, email);
    let share = f.shares().into_iter().find(|share| matches!(share, Share::Arrival { .. })).unwrap();
    let numbers = f.store.begin_attempts(std::slice::from_ref(&share)).unwrap();
    // The server calls what was added the same as what is to leave for it.
    f.apply(f.inbox, &[arrived(same("2", &[]))]);
    let found = Pushed { id: Some(id("2")), attempt: numbers[0], ..Pushed::new(share) };
    f.store.pushed(&[found], &[]).unwrap();
    assert_eq!((f.mailboxes(back), f.mailboxes(email)), (vec![f.inbox], vec![]));
    f.push(f.account);
    f.push(other);
    let left = f.store.remotes(f.inbox).unwrap();
    assert_eq!(left.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&id("2")]);
    f.assert_sound();
}
