//! Mail that goes from one account to another.

use surat::mail::id::{AccountId, EmailId, MailboxId};
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::remote::{Delta, RemoteId};
use surat::mail::view::View;
use surat::store::{Pending, Pushed, Share};

use super::{Fixture, NOW, arrived, message, remote_mailbox};

/// Another account with an inbox and an archive.
struct Other {
    f: Fixture,
    account: AccountId,
    archive: MailboxId,
}

impl Other {
    fn new() -> Self {
        let f = Fixture::new();
        let account = f.store.account("other").unwrap();
        let list =
            [remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)), remote_mailbox("Old", "Old", Some(Role::Archive))];
        let archive = f.store.reconcile_mailboxes(account, &list).unwrap()[1];
        Self { f, account, archive }
    }

    /// The one email of the other account's archive.
    fn there(&self) -> Option<EmailId> {
        self.f.store.emails(&View::Mailbox(self.archive), None, 9).unwrap().first().map(|email| email.id)
    }

    fn pending(&self, account: AccountId) -> Pending {
        self.f.store.pending(account, 9).unwrap()
    }
}

#[test]
fn a_move_to_another_account_leaves_when_it_has_arrived() {
    let o = Other::new();
    let f = &o.f;
    let mut mail = message(1);
    mail.keywords.insert("$flagged");
    let email = f.arrive(f.inbox, mail);
    let mutation = Mutation { targets: vec![Target { email, from: Some(f.inbox) }], edit: Edit::Move(o.archive) };
    let done = f.store.edit(&mutation, NOW, "Moved 1 message to Old").unwrap();
    assert_eq!((done.emails, done.accounts), (1, vec![f.account, o.account]));
    let there = o.there().unwrap();
    assert_eq!((f.mailboxes(email), f.keywords(there).as_str()), (vec![], "$flagged"));
    let (old, new) = (f.store.email(email).unwrap().unwrap(), f.store.email(there).unwrap().unwrap());
    assert_eq!((old.thread, &old.header), (new.thread, &new.header));
    // Its bytes are not here: nothing can be added yet, and nothing leaves.
    assert_eq!(o.pending(o.account), Pending::default());
    assert!(o.pending(f.account).emails[0].must_be_here);
    f.fetch(email);
    assert_eq!(f.store.raw(there).unwrap(), f.store.raw(email).unwrap());
    assert_eq!(o.pending(f.account), Pending::default(), "it waits for the other one");
    f.push(o.account);
    assert_eq!(f.store.count_missing_bodies(o.account, None).unwrap(), 0);
    f.push(f.account);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 0);
    assert_eq!(f.store.pending_count(f.account).unwrap() + f.store.pending_count(o.account).unwrap(), 0);
    f.assert_sound();
    // And back, the other way round.
    f.store.undo(NOW).unwrap();
    assert_eq!((f.mailboxes(email), o.there()), (vec![f.inbox], None));
    assert_eq!(o.pending(o.account), Pending::default(), "it waits until it is back");
    f.push(f.account);
    f.push(o.account);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 1);
    assert_eq!(f.store.remote_count(o.archive).unwrap(), 0);
    f.store.redo(NOW).unwrap();
    f.push(o.account);
    f.push(f.account);
    assert_eq!((f.mailboxes(email), o.there()), (vec![], Some(there)));
    assert_eq!(f.store.pending_count(f.account).unwrap() + f.store.pending_count(o.account).unwrap(), 0);
    f.assert_sound();
}

#[test]
fn a_move_is_taken_back_before_and_between_its_halves() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    f.store.undo(NOW).unwrap();
    assert_eq!((f.mailboxes(email), o.there()), (vec![f.inbox], None));
    assert_eq!(f.store.pending_count(f.account).unwrap() + f.store.pending_count(o.account).unwrap(), 0);
    f.store.redo(NOW).unwrap();
    f.push(o.account);
    f.store.undo(NOW).unwrap();
    assert_eq!(o.pending(f.account), Pending::default(), "it has never left");
    f.push(o.account);
    assert_eq!((f.store.remote_count(f.inbox).unwrap(), f.store.remote_count(o.archive).unwrap()), (1, 0));
    f.assert_sound();
}

#[test]
fn a_copy_to_another_account_stays_where_it_is() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Copy(o.archive));
    f.push(f.account);
    f.push(o.account);
    assert_eq!(f.mailboxes(email), [f.inbox]);
    assert_eq!(f.store.remote_count(o.archive).unwrap(), 1);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    f.store.undo(NOW).unwrap();
    assert_eq!((f.mailboxes(email), o.there()), (vec![f.inbox], None));
    f.assert_sound();
}

#[test]
fn what_the_other_server_refuses_stays() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    let there = o.there().unwrap();
    let share = Share::Arrival { email: there, from: None, to: o.archive, is_move: false };
    f.store.refused(o.account, &[share], "over quota").unwrap();
    assert_eq!((f.mailboxes(email), o.there()), (vec![f.inbox], None));
    assert_eq!(f.store.pending_count(f.account).unwrap() + f.store.pending_count(o.account).unwrap(), 0);
    f.assert_sound();
}

#[test]
fn an_account_that_is_removed_takes_nothing_along() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    f.store.remove_account(o.account).unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    assert_eq!(f.store.undo(NOW).unwrap(), None, "there is nowhere to take it back from");
    assert!(f.store.raw(email).unwrap().is_some());
    f.assert_sound();
}

#[test]
fn the_account_that_a_move_came_from_may_be_removed_too() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    f.store.remove_account(f.account).unwrap();
    let there = o.there().unwrap();
    assert!(f.store.raw(there).unwrap().is_some());
    f.push(o.account);
    assert_eq!(f.store.remote_count(o.archive).unwrap(), 1);
    f.assert_sound();
}

#[test]
fn what_moves_on_before_it_arrived_takes_its_source_along() {
    let o = Other::new();
    let f = &o.f;
    let third = f.store.account("third").unwrap();
    let list = [remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))];
    let inbox = f.store.reconcile_mailboxes(third, &list).unwrap()[0];
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Move(o.archive));
    f.edit(o.there().unwrap(), o.archive, Edit::Move(inbox));
    assert_eq!(o.there(), None);
    f.push(f.account);
    f.push(o.account);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 1, "it waits for the third");
    f.push(third);
    f.push(f.account);
    assert_eq!((f.store.remote_count(f.inbox).unwrap(), f.store.remote_count(inbox).unwrap()), (0, 1));
    f.assert_sound();
}

#[test]
fn a_source_that_others_deleted_meanwhile_is_added_from_the_bytes_here() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    f.apply(f.inbox, &[Delta::Vanished(vec![RemoteId("1".into())])]);
    f.push(o.account);
    assert_eq!(f.store.remote_count(o.archive).unwrap(), 1);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    f.assert_sound();
}

#[test]
fn a_copy_of_our_own_that_comes_as_news_first_is_one_with_it() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    let there = o.there().unwrap();
    let mut news = message(1);
    news.id = RemoteId("77".into());
    news.size = f.store.email(there).unwrap().unwrap().size;
    let applied = f.store.apply(o.account, o.archive, &[arrived(news)]).unwrap();
    let share = Share::Arrival { email: there, from: None, to: o.archive, is_move: false };
    f.store.pushed(&[Pushed { id: Some(RemoteId("77".into())), ..Pushed::new(share) }], &[]).unwrap();
    assert!(applied.new_emails.is_empty() || f.store.email(applied.new_emails[0]).unwrap().is_none());
    assert_eq!(o.there(), Some(there));
    f.push(f.account);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 0);
    f.assert_sound();
}

#[test]
fn what_is_on_its_way_is_not_the_same_as_what_was_there_already() {
    let o = Other::new();
    let f = &o.f;
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Move(o.archive));
    let there = o.there().unwrap();
    // The other account got the same message at the same time: its copy there is no copy of this one.
    let inbox = f.store.mailboxes(Some(o.account)).unwrap()[0].id;
    let mut own = message(1);
    own.id = RemoteId("5".into());
    let applied = f.store.apply(o.account, inbox, &[arrived(own)]).unwrap();
    assert_eq!(applied.new_emails.len(), 1);
    assert!(!applied.new_emails.contains(&there));
    f.push(o.account);
    f.push(f.account);
    assert_eq!(f.mailboxes(there), [o.archive]);
    assert_eq!(f.mailboxes(applied.new_emails[0]), [inbox]);
    assert_eq!((f.store.remote_count(o.archive).unwrap(), f.store.remote_count(f.inbox).unwrap()), (1, 0));
    f.assert_sound();
}

#[test]
fn a_copy_in_another_account_is_taken_back_whatever_was_done_after_it() {
    let o = Other::new();
    let f = &o.f;
    let (email, later) = (f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2)));
    f.fetch(email);
    f.edit(email, f.inbox, Edit::Copy(o.archive));
    let copied = f.store.history(1).unwrap()[0].id;
    f.push(o.account);
    f.edit(later, f.inbox, Edit::Keyword("$flagged".into(), true));
    f.store.take_back(copied, NOW).unwrap().unwrap();
    assert_eq!((o.there(), f.mailboxes(email)), (None, vec![f.inbox]));
    f.push(o.account);
    assert_eq!(f.store.remote_count(o.archive).unwrap(), 0);
    f.assert_sound();
}
