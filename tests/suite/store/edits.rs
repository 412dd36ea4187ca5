//! What the user does, takes back and does again.

use surat::mail::id::EmailId;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Done, Edit, MadeFolder, Mutation, Target};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::Store;

use super::{Fixture, NOW, message, remote_mailbox};

fn mutation(f: &Fixture, emails: &[EmailId], edit: Edit) -> Mutation {
    Mutation { targets: emails.iter().map(|&email| Target { email, from: Some(f.inbox) }).collect(), edit }
}

#[test]
fn archiving_survives_restart_and_so_does_undo() {
    let f = Fixture::new();
    let ids = [f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2))];
    let archive = mutation(&f, &ids, Edit::MoveToRole(Role::Archive));
    let done = f.store.edit(&archive, NOW, "Archived 2 messages").unwrap();
    let accounts = vec![f.account];
    assert_eq!(done, Done { label: "Archived 2 messages".into(), emails: 2, accounts, made: Vec::new() });
    let store = Store::open(f.path()).unwrap();
    assert_eq!(store.email(ids[0]).unwrap().unwrap().mailboxes, [f.archive]);
    assert_eq!(f.rows(&View::Mailbox(f.archive)).total, Some(2));
    let undone = store.undo(NOW).unwrap().unwrap();
    assert_eq!(undone, done);
    assert_eq!(f.mailboxes(ids[1]), [f.inbox]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0, "there and back is nothing to push");
    assert_eq!(f.store.undo(NOW).unwrap(), None);
    assert_eq!(f.store.redo(NOW).unwrap(), Some(done));
    assert_eq!(store.email(ids[0]).unwrap().unwrap().mailboxes, [f.archive]);
    assert_eq!(f.store.redo(NOW).unwrap(), None);
    f.assert_sound();
}

#[test]
fn what_is_so_already_leaves_no_trace() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    let star = |on| mutation(&f, &[id], Edit::Keyword("$flagged".into(), on));
    assert_eq!(f.store.edit(&star(false), NOW, "x").unwrap().emails, 0);
    assert_eq!(f.store.edit(&mutation(&f, &[id], Edit::Move(f.inbox)), NOW, "x").unwrap().emails, 0);
    assert_eq!(f.store.edit(&mutation(&f, &[EmailId(7)], Edit::Remove), NOW, "x").unwrap().emails, 0);
    assert!(f.store.history(9).unwrap().is_empty());
    f.store.edit(&star(true), NOW, "Starred").unwrap();
    assert_eq!(f.store.edit(&star(true), NOW, "x").unwrap().emails, 0);
    assert_eq!(f.store.history(9).unwrap().len(), 1);
}

#[test]
fn undo_gives_back_only_what_the_edit_changed() {
    let f = Fixture::new();
    let ids = [f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2))];
    f.edit(ids[0], f.inbox, Edit::Keyword("$seen".into(), true));
    f.store.edit(&mutation(&f, &ids, Edit::Keyword("$seen".into(), true)), NOW, "Marked 2 as read").unwrap();
    assert_eq!(f.store.mailbox(f.inbox).unwrap().unread, 0);
    f.store.undo(NOW).unwrap();
    assert_eq!((f.keywords(ids[0]).as_str(), f.keywords(ids[1]).as_str()), ("$seen", ""));
    assert_eq!(f.store.mailbox(f.inbox).unwrap().unread, 1);
}

#[test]
fn a_new_edit_ends_what_could_be_redone() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    f.edit(id, f.inbox, Edit::Keyword("$flagged".into(), true));
    f.store.undo(NOW).unwrap();
    f.edit(id, f.inbox, Edit::Keyword("$seen".into(), true));
    assert_eq!(f.store.redo(NOW).unwrap(), None);
    let labels: Vec<_> = f.store.history(9).unwrap().into_iter().map(|entry| (entry.at, entry.is_undone)).collect();
    assert_eq!(labels, [(NOW, false)]);
}

#[test]
fn an_account_without_an_archive_gets_one() {
    let f = Fixture::new();
    let bare = f.store.account("bare").unwrap();
    let inbox = f.store.reconcile_mailboxes(bare, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let applied = f.store.apply(bare, inbox, &[super::arrived(message(1))]).unwrap();
    let target = Target { email: applied.new_emails[0], from: Some(inbox) };
    let archive = Mutation { targets: vec![target], edit: Edit::MoveToRole(Role::Archive) };
    let folder = MadeFolder { account: bare, name: "Archive".into() };
    assert_eq!(f.store.edit(&archive, NOW, "Archived").unwrap().made, [folder]);
    assert_eq!(f.store.undo(NOW).unwrap().unwrap().made, []);
    assert_eq!(f.store.edit(&archive, NOW, "Archived").unwrap().made, [], "it is there by now");
    let made = f.store.mailboxes(Some(bare)).unwrap().into_iter().find(|m| m.role == Some(Role::Archive)).unwrap();
    assert_eq!((made.name.as_str(), made.total), ("Archive", 1));
    assert_eq!(f.store.mailbox_path(made.id).unwrap(), None);
    // The server has one of that role after all: the two are one.
    let list =
        [remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)), remote_mailbox("Arsip", "Arsip", Some(Role::Archive))];
    assert_eq!(f.store.reconcile_mailboxes(bare, &list).unwrap()[1], made.id);
    assert_eq!(f.store.mailbox_path(made.id).unwrap().as_deref(), Some("Arsip"));
}

#[test]
fn what_was_done_to_the_mail_of_a_removed_account_is_forgotten() {
    let f = Fixture::new();
    let other = f.store.account("other").unwrap();
    let inbox = f.store.reconcile_mailboxes(other, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let kept = f.arrive(f.inbox, message(1));
    let theirs = |f: &Fixture, account, inbox| f.store.apply(account, inbox, &[super::arrived(message(2))]).unwrap();
    let gone = theirs(&f, other, inbox).new_emails[0];
    let star = |emails: &[EmailId], on, label: &str| {
        f.store.edit(&mutation(&f, emails, Edit::Keyword("$flagged".into(), on)), NOW, label).unwrap()
    };
    star(&[kept, gone], true, "Starred 2 messages");
    star(&[gone], false, "Took the star off 1 message");
    star(&[gone], true, "Starred 1 message");
    f.store.undo(NOW).unwrap();
    f.store.remove_account(other).unwrap();
    let labels: Vec<_> = f.store.history(9).unwrap().into_iter().map(|entry| entry.label).collect();
    assert_eq!(labels, ["Starred 2 messages"], "what concerned other mail too stays for that mail");
    assert_eq!(f.store.redo(NOW).unwrap(), None);
    let again = f.store.account("again").unwrap();
    let inbox = f.store.reconcile_mailboxes(again, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let back = theirs(&f, again, inbox).new_emails[0];
    f.edit(back, inbox, Edit::Keyword("$flagged".into(), true));
    f.store.undo(NOW).unwrap();
    let undone = f.store.undo(NOW).unwrap().unwrap();
    assert_eq!((undone.label.as_str(), undone.emails), ("Starred 2 messages", 1));
    assert_eq!((f.keywords(kept).as_str(), f.keywords(back).as_str()), ("", ""));
    assert_eq!(f.store.undo(NOW).unwrap(), None);
}

#[test]
fn a_thousand_actions_can_be_taken_back_and_no_more() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    for round in 0..1_010 {
        let star = mutation(&f, &[id], Edit::Keyword("$flagged".into(), round % 2 == 0));
        f.store.edit(&star, UnixTime(NOW.0 + round), "x").unwrap();
    }
    assert_eq!(f.store.history(9_999).unwrap().len(), 1_000);
}

#[test]
fn two_processes_see_each_others_edits_and_each_is_told_of_its_own() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    let other = Store::open(f.path()).unwrap();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = std::sync::Arc::clone(&heard);
    f.store.subscribe(Box::new(move |change| told.lock().unwrap().push(change.clone())));
    other.edit(&mutation(&f, &[id], Edit::Keyword("$seen".into(), true)), NOW, "x").unwrap();
    assert_eq!(f.keywords(id), "$seen");
    assert!(heard.lock().unwrap().is_empty());
    f.edit(id, f.inbox, Edit::MoveToRole(Role::Trash));
    let change = heard.lock().unwrap().pop().unwrap();
    assert!(change.emails.contains(&id));
    assert_eq!(change.mailboxes.into_iter().collect::<Vec<_>>(), [f.inbox, f.trash]);
    assert_eq!(other.email(id).unwrap().unwrap().mailboxes, [f.trash]);
}

#[test]
fn whoever_listens_hears_of_the_commits_of_others_and_not_of_its_own() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    // What a killed process left behind.
    let left = f.path().join("surat.1.0.sock");
    drop(std::os::unix::net::UnixDatagram::bind(&left).unwrap());
    let (tell, heard) = std::sync::mpsc::channel();
    f.store.hear_others(move || tell.send(()).unwrap());
    f.edit(id, f.inbox, Edit::Keyword("$flagged".into(), true));
    assert!(!left.exists());
    assert_eq!(heard.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty), "its own edit");
    let other = Store::open(f.path()).unwrap();
    other.edit(&mutation(&f, &[id], Edit::Keyword("$seen".into(), true)), NOW, "x").unwrap();
    heard.recv_timeout(std::time::Duration::from_secs(20)).expect("another's edit");
    f.store.close();
    let ended = heard.recv_timeout(std::time::Duration::from_secs(20));
    assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected), "its thread ends with it");
    let sockets =
        std::fs::read_dir(f.path()).unwrap().flatten().filter(|file| file.path().extension() == Some("sock".as_ref()));
    assert_eq!(sockets.count(), 0);
}

#[test]
fn a_copy_that_has_become_the_only_one_stays_when_it_is_taken_back_from_the_middle() {
    let f = Fixture::new();
    let (email, other) = (f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2)));
    f.edit(email, f.inbox, Edit::Copy(f.trash));
    let copied = f.store.history(1).unwrap()[0].id;
    // It is there already: it only leaves its folder.
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Trash));
    let moved = f.store.history(1).unwrap()[0].id;
    f.edit(other, f.inbox, Edit::Move(f.archive));
    f.store.take_back(copied, NOW).unwrap().unwrap();
    assert_eq!(f.mailboxes(email), [f.trash]);
    assert!(f.store.history(9).unwrap().iter().any(|entry| entry.id == copied && entry.is_undone));
    // What is also elsewhere goes as ever.
    f.store.take_back(moved, NOW).unwrap().unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox, f.trash]);
    assert_eq!(f.mailboxes(other), [f.archive]);
    f.assert_sound();
    // The last thing done is taken back to the letter.
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Copy(f.trash));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Trash));
    f.store.undo(NOW).unwrap();
    f.store.undo(NOW).unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox]);
    f.assert_sound();
}
