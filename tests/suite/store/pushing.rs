//! What the servers still have to hear, and what becomes of it.

use std::sync::atomic::{AtomicI64, Ordering};

use surat::accounts::plan::Planned;
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::remote::{Cursor, Delta, RemoteId, RemoteOperation};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::{NoticeKind, Operation, Options, Pending, Pushed, Share, Store};

use super::{Fixture, NOW, arrived, made, message, remote_mailbox};

fn id(text: &str) -> RemoteId {
    RemoteId(text.into())
}

fn with_keywords(number: i64, words: &[&str]) -> Delta {
    Delta::Keywords(id(&number.to_string()), Keywords::new(words.iter().copied()))
}

#[test]
fn ten_toggles_are_one_push_or_none() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    for round in 0..9 {
        f.edit(email, f.inbox, Edit::Keyword("$flagged".into(), round % 2 == 0));
    }
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), true));
    let wanted = RemoteOperation::Keywords {
        mailbox: "INBOX".into(),
        ids: vec![id("1")],
        add: Keywords::new(["$flagged", "$seen"]),
        remove: Keywords::default(),
        unchanged_since: None,
    };
    assert_eq!(f.operations(), [wanted]);
    let on_its_way = f.shares();
    f.edit(email, f.inbox, Edit::Keyword("$flagged".into(), false));
    f.edit(email, f.inbox, Edit::Keyword("$seen".into(), false));
    assert_eq!(f.store.pending(f.account, 9).unwrap(), Pending::default());
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    // The push that was under way arrived nevertheless: now the opposite is due.
    f.store.pushed(&[Pushed::new(on_its_way[0].clone())], &[]).unwrap();
    let back = f.operations();
    assert!(
        matches!(&back[..], [RemoteOperation::Keywords { remove, .. }] if remove.to_text() == "$flagged $seen"),
        "{back:?}"
    );
    f.assert_sound();
}

#[test]
fn a_move_is_pushed_and_its_new_id_is_known() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    let wanted = RemoteOperation::Move { from: "INBOX".into(), ids: vec![id("1")], to: "Archive".into() };
    assert_eq!(f.operations(), [wanted]);
    f.push(f.account);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    // The news that follow from our own move change nothing.
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    let mut news = message(1);
    news.id = made(email, f.archive);
    assert_eq!(f.apply(f.archive, &[arrived(news)]).arrived, 0);
    assert_eq!(f.mailboxes(email), [f.archive]);
    // Undo works after the push as well: it is a move back.
    f.store.undo(NOW).unwrap();
    let back = f.operations();
    assert!(matches!(&back[..], [RemoteOperation::Move { to, .. }] if to == "INBOX"), "{back:?}");
    f.assert_sound();
}

#[test]
fn a_copy_whose_id_the_server_keeps_to_itself_stays_an_attempt_until_it_is_found() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Copy(f.archive));
    let shares = f.shares();
    let numbers = f.store.begin_attempts(&shares).unwrap();
    assert_eq!(f.operations(), [], "nothing is planned for what is being tried");
    assert_eq!(f.store.pending_count(f.account).unwrap(), 1);
    // Its news come as those of a stranger, and are edited here.
    let mut news = message(1);
    news.id = id("8");
    let stranger = f.arrive(f.archive, news);
    f.edit(stranger, f.archive, Edit::Keyword("$flagged".into(), true));
    let attempt = f.store.attempts(f.account).unwrap().remove(0);
    assert_eq!((attempt.operation, attempt.to, attempt.email), (Operation::Copy, f.archive, email));
    let candidates = f.store.candidates(&attempt).unwrap();
    assert_eq!(candidates.iter().map(|one| (&one.id, one.email)).collect::<Vec<_>>(), [(&id("8"), stranger)]);
    let found = Pushed { id: Some(id("8")), ..Pushed::new(shares[0].clone()) };
    f.store.pushed(&[found], &numbers).unwrap();
    assert_eq!(f.store.attempts(f.account).unwrap(), []);
    assert_eq!(f.store.email(stranger).unwrap(), None);
    assert_eq!(f.mailboxes(email), [f.inbox, f.archive]);
    assert_eq!(f.keywords(email), "$flagged", "what was done to it was done to the email");
    assert_eq!(f.rows(&View::Mailbox(f.archive)).rows.len(), 1);
    f.assert_sound();
}

#[test]
fn what_became_of_a_copy_meanwhile_becomes_of_the_email() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Copy(f.archive));
    let share = f.shares().remove(0);
    let mut news = message(1);
    news.id = id("8");
    let stranger = f.arrive(f.archive, news);
    f.edit(stranger, f.archive, Edit::Move(f.sent));
    f.store.pushed(&[Pushed { id: Some(id("8")), ..Pushed::new(share) }], &[]).unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox, f.sent]);
    let due = f.operations();
    assert!(
        matches!(&due[..], [RemoteOperation::Move { from, to, .. }] if (from.as_str(), to.as_str()) == ("Archive", "Sent")),
        "{due:?}"
    );
    f.assert_sound();
}

#[test]
fn what_was_added_has_the_keywords_that_it_was_added_with() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.fetch(email);
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    f.edit(email, f.inbox, Edit::Move(f.archive));
    let share = f.shares().remove(0);
    f.edit(email, f.archive, Edit::Keyword("$flagged".into(), true));
    let keywords = Some(Keywords::default());
    f.store.pushed(&[Pushed { id: Some(id("3")), keywords, ..Pushed::new(share) }], &[]).unwrap();
    let due = f.operations();
    assert!(matches!(&due[..], [RemoteOperation::Keywords { add, .. }] if add.to_text() == "$flagged"), "{due:?}");
    f.assert_sound();
}

#[test]
fn a_move_waits_for_its_folder() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    let to = f.store.create_mailbox(f.account, "Projects/Reef", None).unwrap();
    f.edit(email, f.inbox, Edit::Move(to));
    assert_eq!(f.operations(), [RemoteOperation::CreateMailbox { name: "Projects/Reef".into(), role: None }]);
    let made = Pushed { path: Some("Projects.Reef".into()), ..Pushed::new(f.shares().remove(0)) };
    f.store.pushed(&[made], &[]).unwrap();
    let due = f.operations();
    assert!(matches!(&due[..], [RemoteOperation::Move { to, .. }] if to == "Projects.Reef"), "{due:?}");
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
    let wanted = RemoteOperation::Move { from: "Sent".into(), ids: vec![id("3")], to: "Archive".into() };
    assert_eq!(f.operations(), [wanted]);
    f.assert_sound();
}

#[test]
fn two_copies_of_one_email_in_a_mailbox_both_leave() {
    let f = Fixture::new();
    let mut mails = [message(1), message(1)];
    for (mail, number) in mails.iter_mut().zip(["4", "5"]) {
        mail.object_id = Some("M".into());
        mail.id = id(number);
    }
    let [first, second] = mails;
    let email = f.arrive(f.inbox, first);
    assert_eq!(f.apply(f.inbox, &[arrived(second)]).new_emails, []);
    f.edit(email, f.inbox, Edit::Move(f.archive));
    let shares = f.shares();
    let moved = Pushed { id: Some(id("9")), ..Pushed::new(shares[0].clone()) };
    f.store.pushed(&[moved], &[]).unwrap();
    f.assert_sound();
    // The other one has nothing to move for: its email is there.
    let due = f.operations();
    assert!(matches!(&due[..], [RemoteOperation::Remove { ids, .. }] if ids.len() == 1), "{due:?}");
    f.push(f.account);
    assert_eq!(f.store.remote_count(f.inbox).unwrap(), 0);
    assert_eq!(f.mailboxes(email), [f.archive]);
    f.assert_sound();
}

#[test]
fn what_others_marked_as_deleted_is_gone_and_comes_back_with_the_mark() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.apply(f.inbox, &[with_keywords(1, &["$deleted", "$seen"])]);
    assert_eq!((f.mailboxes(email), f.keywords(email).as_str()), (vec![], "$seen"));
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    let told = f.store.remotes(f.inbox).unwrap();
    assert_eq!(told[0].1.to_text(), "$deleted $seen", "those who compare see no difference");
    f.assert_sound();
    f.apply(f.inbox, &[with_keywords(1, &["$seen"])]);
    assert_eq!(f.mailboxes(email), [f.inbox]);
    // One that comes with the mark is in no mailbox either.
    let mut marked = message(2);
    marked.keywords = Keywords::new(["$deleted"]);
    assert_eq!(f.apply(f.inbox, &[arrived(marked)]).new_emails, []);
    assert_eq!(f.store.mailbox(f.inbox).unwrap().total, 1);
    assert_eq!(f.store.count_missing_bodies(f.account, None).unwrap(), 1, "nobody reads it");
    f.assert_sound();
}

#[test]
fn a_mark_is_taken_off_what_is_wanted_after_all() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Move(f.archive));
    f.apply(f.inbox, &[with_keywords(1, &["$deleted"])]);
    f.store.undo(NOW).unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox]);
    let due = f.operations();
    assert!(
        matches!(&due[..], [RemoteOperation::Keywords { remove, .. }] if remove.to_text() == "$deleted"),
        "{due:?}"
    );
    f.assert_sound();
    f.push(f.account);
    assert_eq!(f.store.remotes(f.inbox).unwrap()[0].1, Keywords::default());
    assert_eq!(f.mailboxes(email), [f.inbox]);
    f.assert_sound();
}

#[test]
fn what_a_server_can_only_mark_is_gone_here() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Copy(f.archive));
    f.push(f.account);
    f.store.undo(NOW).unwrap();
    let shares = f.shares();
    f.store.pushed(&[Pushed { is_only_marked: true, ..Pushed::new(shares[0].clone()) }], &[]).unwrap();
    assert_eq!(f.operations(), []);
    assert_eq!(f.mailboxes(email), [f.inbox]);
    assert_eq!(f.store.remote_count(f.archive).unwrap(), 1);
    f.assert_sound();
}

#[test]
fn what_a_server_refuses_goes_back_and_a_notice_says_why() {
    let f = Fixture::new();
    let (a, b) = (f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2)));
    f.edit(a, f.inbox, Edit::Keyword("$flagged".into(), true));
    f.store.refused(f.account, &f.shares(), "read-only\u{1b}[2J").unwrap();
    assert_eq!(f.keywords(a), "");
    f.edit(a, f.inbox, Edit::Move(f.archive));
    f.edit(b, f.inbox, Edit::Move(f.archive));
    f.store.refused(f.account, &f.shares(), "quota exceeded.").unwrap();
    assert_eq!((f.mailboxes(a), f.mailboxes(b)), (vec![f.inbox], vec![f.inbox]));
    f.fetch(a);
    f.edit(a, f.inbox, Edit::Remove);
    let removal = Share::Removal { email: a, mailbox: f.inbox, id: id("1") };
    f.store.refused(f.account, &[removal], "no").unwrap();
    assert_eq!(f.mailboxes(a), [f.inbox]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    let notices = f.store.notices().unwrap();
    assert!(notices.iter().all(|notice| notice.kind == NoticeKind::Refused));
    let texts: Vec<&str> = notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(
        texts[1..],
        [
            "The server refused to put 2 messages into Archive: quota exceeded. They are back where they were.",
            "The server refused to delete 1 message from Inbox: no. It is back where it was.",
        ]
    );
    assert!(!texts[0].contains('\u{1b}') && texts[0].contains("to mark 1 message in Inbox"), "{}", texts[0]);
    f.assert_sound();
}

#[test]
fn one_refused_place_of_several_is_given_up_alone() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Copy(f.archive));
    f.edit(email, f.inbox, Edit::Copy(f.sent));
    let to_archive: Vec<Share> =
        f.shares().into_iter().filter(|share| matches!(share, Share::Arrival { to, .. } if *to == f.archive)).collect();
    f.store.refused(f.account, &to_archive, "no").unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox, f.sent]);
    f.assert_sound();
}

#[test]
fn what_no_server_takes_back_is_said_to_be_nowhere() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    f.edit(email, f.inbox, Edit::Move(f.archive));
    let planned = f.planned_for(f.account);
    let [Planned::Impossible(share)] = &planned[..] else { panic!("{planned:?}") };
    f.store.refused(f.account, std::slice::from_ref(share), "its bytes are not here").unwrap();
    assert_eq!(f.mailboxes(email), []);
    let text = f.store.notices().unwrap().remove(0).text;
    assert!(text.ends_with("It is in no folder now; what is here of it stays for 30 days."), "{text}");
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
    let raw = b"Subject: x\r\n\r\nx".to_vec();
    store.keep_bodies(vec![surat::store::Body { mailbox: trash, id: id("1"), raw }]).unwrap();
    let remove = Mutation { targets: vec![Target { email, from: Some(trash) }], edit: Edit::Remove };
    store.edit(&remove, NOW, "Deleted 1 message for good").unwrap();
    assert_eq!(store.mailbox(trash).unwrap().total, 0, "gone from the screen at once");
    CLOCK.store(NOW.0 + 29, Ordering::SeqCst);
    assert_eq!(store.pending(account, 9).unwrap(), Pending::default());
    assert_eq!(store.next_due(account).unwrap(), Some(UnixTime(NOW.0 + 30)));
    store.undo(NOW).unwrap();
    CLOCK.store(NOW.0 + 31, Ordering::SeqCst);
    assert_eq!(store.pending(account, 9).unwrap(), Pending::default());
    assert_eq!(store.mailbox(trash).unwrap().total, 1);
    store.redo(UnixTime(NOW.0 + 31)).unwrap();
    assert_eq!(store.pending(account, 9).unwrap(), Pending::default());
    CLOCK.store(NOW.0 + 61, Ordering::SeqCst);
    assert_eq!(store.pending(account, 9).unwrap().emails.len(), 1);
    let removal = Share::Removal { email, mailbox: trash, id: id("1") };
    store.pushed(&[Pushed::new(removal)], &[]).unwrap();
    assert_eq!(store.pending_count(account).unwrap(), 0);
    // Thirty days later the bytes go too.
    CLOCK.store(NOW.0 + 62 + 30 * UnixTime::DAY, Ordering::SeqCst);
    assert_eq!(store.sweep(10).unwrap(), 1);
    assert_eq!(store.email(email).unwrap(), None);
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
}

#[test]
fn undo_after_a_delete_for_good_adds_the_message_again() {
    let f = Fixture::new();
    let email = f.arrive(f.trash, message(1));
    f.fetch(email);
    f.edit(email, f.trash, Edit::Remove);
    f.store.pushed(&[Pushed::new(Share::Removal { email, mailbox: f.trash, id: id("1") })], &[]).unwrap();
    f.store.undo(NOW).unwrap();
    let due = f.operations();
    assert!(matches!(&due[..], [RemoteOperation::Append { mailbox, .. }] if mailbox == "Trash"), "{due:?}");
    f.push(f.account);
    assert_eq!(f.mailboxes(email), [f.trash]);
    f.assert_sound();
}

#[test]
fn what_only_waits_keeps_nothing_from_its_turn() {
    let f = Fixture::new();
    let (old, new) = (f.arrive(f.inbox, message(1)), f.arrive(f.inbox, message(2)));
    f.fetch(new);
    let remove = Mutation { targets: vec![Target { email: new, from: Some(f.inbox) }], edit: Edit::Remove };
    f.store.edit(&remove, UnixTime(NOW.0 * 2), "Deleted for good").unwrap();
    f.edit(old, f.inbox, Edit::Keyword("$seen".into(), true));
    let pending = f.store.pending(f.account, 1).unwrap();
    assert_eq!(pending.emails.iter().map(|pending| pending.email).collect::<Vec<_>>(), [old]);
}

#[test]
fn an_attempt_is_there_after_a_crash_and_gone_after_its_end() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    f.apply(f.archive, &[Delta::Commit(Cursor("17:42".into()))]);
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    let numbers = f.store.begin_attempts(&f.shares()).unwrap();
    let store = Store::open(f.path()).unwrap();
    let attempts = store.attempts(f.account).unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].id, &attempts[0].from), (numbers[0], &Some((f.inbox, id("1")))));
    assert_eq!((attempts[0].operation, &attempts[0].cursor), (Operation::Move, &Cursor("17:42".into())));
    store.end_attempts(&numbers).unwrap();
    assert_eq!(f.store.attempts(f.account).unwrap(), []);
    assert_eq!(f.operations().len(), 1, "it is due again");
}

#[test]
fn a_local_folder_is_never_pushed() {
    let f = Fixture::new();
    f.store.set_local(f.inbox, true).unwrap();
    f.store.set_local(f.archive, true).unwrap();
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::MoveToRole(Role::Archive));
    f.edit(email, f.archive, Edit::Keyword("$seen".into(), true));
    assert_eq!(f.store.pending(f.account, 9).unwrap(), Pending::default());
    // The server copy goes (POP3): here nothing changes.
    f.apply(f.inbox, &[Delta::Vanished(vec![id("1")])]);
    assert_eq!(f.mailboxes(email), [f.archive]);
    f.assert_sound();
}
