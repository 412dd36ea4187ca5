//! What the servers still have to hear.

use std::sync::atomic::{AtomicI64, Ordering};

use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::remote::{Cursor, Delta, RemoteId};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::{Operation, Options, Pending, Store};

use super::{Fixture, NOW, arrived, message, remote_mailbox};

fn id(text: &str) -> RemoteId {
    RemoteId(text.into())
}

#[test]
fn ten_toggles_are_one_push_or_none() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    for round in 0..9 {
        f.edit(email, f.inbox, Edit::Keyword("$flagged".into(), round % 2 == 0));
    }
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), true));
    let pending = f.store.pending(f.account, 9).unwrap();
    let wanted = Pending::Keywords {
        email,
        mailbox: f.inbox,
        path: "INBOX".into(),
        id: id("1"),
        add: Keywords::new(["$flagged", "$seen"]),
        remove: Keywords::default(),
    };
    assert_eq!(pending, std::slice::from_ref(&wanted));
    f.edit(email, f.inbox, Edit::Keyword("$flagged".into(), false));
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), false));
    assert_eq!(f.store.pending(f.account, 9).unwrap(), []);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    // The push that was under way arrived nevertheless: now the opposite is due.
    f.store.pushed(&wanted, None).unwrap();
    let back = f.store.pending(f.account, 9).unwrap();
    assert!(matches!(&back[..], [Pending::Keywords { remove, .. }] if remove.to_text() == "$flagged $seen"));
    f.assert_sound();
}

#[test]
fn a_move_is_pushed_and_its_new_id_is_known() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    let pending = f.store.pending(f.account, 9).unwrap();
    assert_eq!(
        pending,
        [Pending::Move {
            email,
            from: f.inbox,
            from_path: "INBOX".into(),
            id: id("1"),
            to: f.archive,
            to_path: "Archive".into()
        }]
    );
    f.store.pushed(&pending[0], Some(id("55"))).unwrap();
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    // The news that follow from our own move change nothing.
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    let mut news = message(1);
    news.id = id("55");
    assert_eq!(f.apply(f.archive, &[arrived(news)]).arrived, 0);
    assert_eq!(f.mailboxes(email), [f.archive]);
    // Undo works after the push as well: it is a move back.
    f.store.undo(NOW).unwrap();
    let back = f.store.pending(f.account, 9).unwrap();
    assert!(matches!(&back[..], [Pending::Move { to, id, .. }] if *to == f.inbox && id.0 == "55"));
    f.assert_sound();
}

#[test]
fn a_moved_copy_whose_id_the_server_kept_to_itself_is_found_again() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    let pending = f.store.pending(f.account, 9).unwrap();
    f.store.pushed(&pending[0], None).unwrap();
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    let mut news = message(1);
    news.id = id("8");
    assert_eq!(f.apply(f.archive, &[arrived(news)]).new_emails, []);
    assert_eq!(f.mailboxes(email), [f.archive]);
    f.assert_sound();
}

#[test]
fn news_of_our_own_copy_that_came_before_the_answer_are_one_with_it() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    let pending = f.store.pending(f.account, 9).unwrap();
    let mut news = message(1);
    news.id = id("8");
    let other = f.arrive(f.archive, news);
    assert_ne!(other, email);
    f.store.pushed(&pending[0], Some(id("8"))).unwrap();
    assert_eq!(f.store.email(other).unwrap(), None);
    assert_eq!(f.rows(&View::Mailbox(f.archive)).rows.len(), 1);
    f.assert_sound();
}

#[test]
fn a_move_waits_for_its_folder() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    let to = f.store.create_mailbox(f.account, "Projects/Reef", None).unwrap();
    f.edit(email, f.inbox, Edit::Move(to));
    let pending = f.store.pending(f.account, 9).unwrap();
    assert_eq!(pending, [Pending::CreateMailbox { mailbox: to, name: "Projects/Reef".into() }]);
    f.store.mailbox_created(to, "Projects.Reef").unwrap();
    let pending = f.store.pending(f.account, 9).unwrap();
    assert!(matches!(&pending[..], [Pending::Move { to_path, .. }] if to_path == "Projects.Reef"));
}

#[test]
fn a_mail_moved_here_and_there_at_once_goes_where_the_user_wants_it() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    assert_eq!(f.mailboxes(email), [f.archive], "what is wanted stays");
    let mut elsewhere = message(1);
    elsewhere.id = id("3");
    assert_eq!(f.apply(f.sent, &[arrived(elsewhere)]).new_emails, []);
    let pending = f.store.pending(f.account, 9).unwrap();
    assert!(matches!(&pending[..], [Pending::Move { from, to, .. }] if (*from, *to) == (f.sent, f.archive)));
    f.assert_sound();
}

static CLOCK: AtomicI64 = AtomicI64::new(NOW.0);

#[test]
fn a_delete_for_good_waits_half_a_minute() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { clock: Some(|| UnixTime(CLOCK.load(Ordering::SeqCst))), ..Options::default() };
    let store = Store::open_with(dir.path(), options).unwrap();
    let account = store.account("a").unwrap();
    let trash = store.reconcile_mailboxes(account, &[remote_mailbox("Trash", "Trash", Some(Role::Trash))]).unwrap()[0];
    let email = store.apply(account, trash, &[arrived(message(1))]).unwrap().new_emails[0];
    let remove = Mutation { targets: vec![Target { email, from: Some(trash) }], edit: Edit::Remove };
    store.edit(&remove, NOW, "Deleted 1 message for good").unwrap();
    assert_eq!(store.mailbox(trash).unwrap().total, 0, "gone from the screen at once");
    CLOCK.store(NOW.0 + 29, Ordering::SeqCst);
    assert_eq!(store.pending(account, 9).unwrap(), []);
    store.undo(NOW).unwrap();
    CLOCK.store(NOW.0 + 31, Ordering::SeqCst);
    assert_eq!(store.pending(account, 9).unwrap(), []);
    assert_eq!(store.mailbox(trash).unwrap().total, 1);
    store.redo(UnixTime(NOW.0 + 31)).unwrap();
    assert_eq!(store.pending(account, 9).unwrap(), []);
    CLOCK.store(NOW.0 + 61, Ordering::SeqCst);
    let pending = store.pending(account, 9).unwrap();
    assert_eq!(pending, [Pending::Remove { email, mailbox: trash, path: "Trash".into(), id: id("1") }]);
    store.pushed(&pending[0], None).unwrap();
    assert_eq!(store.pending_count(account).unwrap(), 0);
    // Thirty days later the bytes go too.
    CLOCK.store(NOW.0 + 62 + 30 * UnixTime::DAY, Ordering::SeqCst);
    assert_eq!(store.sweep(10).unwrap(), 1);
    assert_eq!(store.email(email).unwrap(), None);
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
}

#[test]
fn an_attempt_is_there_after_a_crash_and_gone_after_its_end() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    let cursor = Cursor("17:42".into());
    let from = id("1");
    let number = f.store.begin_attempt(Operation::Move, email, Some((f.inbox, &from)), f.archive, &cursor).unwrap();
    let store = Store::open(f.path()).unwrap();
    let attempts = store.attempts(f.account).unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].id, &attempts[0].from, &attempts[0].cursor), (number, &Some((f.inbox, from)), &cursor));
    store.end_attempt(number).unwrap();
    assert_eq!(f.store.attempts(f.account).unwrap(), []);
}

#[test]
fn a_local_folder_is_never_pushed() {
    let f = Fixture::new();
    f.store.set_local(f.inbox, true).unwrap();
    f.store.set_local(f.archive, true).unwrap();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    f.edit(email, f.archive, Edit::Keyword("$seen".into(), true));
    assert_eq!(f.store.pending(f.account, 9).unwrap(), []);
    // The server copy goes (POP3): here nothing changes.
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    assert_eq!(f.mailboxes(email), [f.archive]);
    f.assert_sound();
}
