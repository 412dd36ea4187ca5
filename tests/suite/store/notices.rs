//! Mail that vanished in masses, and how it is brought back.

use surat::mail::id::EmailId;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::remote::{Delta, RemoteId, RemoteOperation};
use surat::mail::view::View;
use surat::store::NoticeKind;

use super::{Fixture, NOW, arrived, message, remote_mailbox};

fn vanished(ids: impl IntoIterator<Item = i64>) -> Delta {
    Delta::Vanished(ids.into_iter().map(|id| RemoteId(id.to_string())).collect())
}

/// Sixty letters in the inbox, all but one of them here with their bytes.
fn sixty(f: &Fixture) -> Vec<EmailId> {
    let news: Vec<_> = (1..=60).map(|number| arrived(message(number))).collect();
    let emails = f.apply(f.inbox, &news).new_emails;
    emails.iter().skip(1).for_each(|email| f.fetch(*email));
    emails
}

#[test]
fn what_vanished_in_masses_is_brought_back_from_the_bytes_here() {
    let f = Fixture::new();
    let emails = sixty(&f);
    f.apply(f.inbox, &[vanished(1..=60)]);
    let notice = f.store.notices().unwrap().remove(0);
    assert_eq!((notice.kind, notice.mailbox, notice.emails), (NoticeKind::MassVanish, f.inbox, 60));
    assert!(notice.text.starts_with("60 messages vanished from Inbox"), "{}", notice.text);
    let done = f.store.restore(notice.id, NOW).unwrap();
    assert_eq!(done.label, "Brought 59 messages back to Inbox; 1 message never came here whole and cannot come back");
    assert_eq!((done.emails, f.store.notices().unwrap()), (59, vec![]));
    assert_eq!(f.store.mailbox(f.inbox).unwrap().total, 59);
    let due = f.operations();
    assert_eq!(due.len(), 59);
    assert!(due.iter().all(|due| matches!(due, RemoteOperation::Append { mailbox, .. } if mailbox == "INBOX")));
    f.assert_sound();
    f.push(f.account);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 59);
    f.store.undo(NOW).unwrap();
    assert_eq!(f.store.mailbox(f.inbox).unwrap().total, 0);
    assert_eq!(f.mailboxes(emails[3]), []);
    f.assert_sound();
    assert!(f.store.restore(99, NOW).is_err());
}

#[test]
fn our_own_removals_found_after_a_crash_are_missed_by_nobody() {
    let f = Fixture::new();
    let emails = sixty(&f);
    let targets = emails.iter().map(|&email| Target { email, from: Some(f.inbox) }).collect();
    f.store.edit(&Mutation { targets, edit: Edit::MoveToRole(Role::Archive) }, NOW, "Archived 60").unwrap();
    f.apply(f.inbox, &[vanished(1..=60)]);
    assert_eq!(f.store.notices().unwrap(), []);
    f.assert_sound();
}

#[test]
fn what_is_found_elsewhere_is_missed_no_more() {
    let f = Fixture::new();
    sixty(&f);
    f.apply(f.inbox, &[vanished(1..=60)]);
    assert_eq!(f.store.notices().unwrap().len(), 1);
    let moved = |number: i64| {
        let mut moved = message(number);
        moved.id = RemoteId(format!("there {number}"));
        // Its size is what its body had, once it was here.
        arrived(moved)
    };
    f.apply(f.archive, &(1..=60).map(moved).collect::<Vec<_>>());
    assert_eq!(f.store.notices().unwrap(), [], "another client moved it");
    assert_eq!(f.rows(&View::Mailbox(f.archive)).rows.len(), 60);
    f.assert_sound();
}

#[test]
fn a_folder_that_went_with_its_mail_comes_back_with_it() {
    let f = Fixture::new();
    let list = [
        remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)),
        remote_mailbox("Archive", "Archive", Some(Role::Archive)),
        remote_mailbox("Trash", "Trash", Some(Role::Trash)),
    ];
    let news: Vec<_> = (1..=60).map(|number| arrived(message(number))).collect();
    let emails = f.apply(f.sent, &news).new_emails;
    emails.iter().for_each(|email| f.fetch(*email));
    f.store.reconcile_mailboxes(f.account, &list).unwrap();
    let notice = f.store.notices().unwrap().remove(0);
    assert_eq!((notice.mailbox, notice.emails), (f.sent, 60));
    let done = f.store.restore(notice.id, NOW).unwrap();
    assert_eq!((done.label.as_str(), done.emails), ("Brought 60 messages back to Sent", 60));
    assert_eq!(f.store.mailbox(f.sent).unwrap().total, 60);
    let create = RemoteOperation::CreateMailbox { name: "Sent".into(), role: Some(Role::Sent) };
    assert_eq!(f.operations(), [create]);
    f.push(f.account);
    assert_eq!(f.store.remote_count(f.sent).unwrap(), 60);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    f.assert_sound();
}
