//! Folders that the user makes, renames and removes, and what servers make of theirs.

use surat::mail::id::MailboxId;
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Done, Edit, FolderEdit};
use surat::mail::remote::{Delta, RemoteId, RemoteMailbox, RemoteOperation};
use surat::mail::view::View;
use surat::store::{Error, NoticeKind};

use super::{Fixture, NOW, arrived, message, remote_mailbox};

impl Fixture {
    fn folder(&self, edit: FolderEdit) -> Result<Done, Error> {
        self.store.edit_folder(&edit, NOW)
    }

    fn make(&self, name: &str) -> MailboxId {
        self.folder(FolderEdit::Create { account: self.account, name: name.into() }).unwrap();
        self.named(name).unwrap()
    }

    fn named(&self, name: &str) -> Option<MailboxId> {
        let all = self.store.mailboxes(Some(self.account)).unwrap();
        all.into_iter().find(|mailbox| mailbox.name == name).map(|mailbox| mailbox.id)
    }

    fn rename(&self, mailbox: MailboxId, name: &str) -> Result<Done, Error> {
        self.folder(FolderEdit::Rename { mailbox, name: name.into() })
    }
}

/// The fixture's mailboxes and others, as a server lists them.
fn listed(others: &[&str]) -> Vec<RemoteMailbox> {
    let usual = [
        remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)),
        remote_mailbox("Archive", "Archive", Some(Role::Archive)),
        remote_mailbox("Sent", "Sent", Some(Role::Sent)),
        remote_mailbox("Trash", "Trash", Some(Role::Trash)),
    ];
    usual.into_iter().chain(others.iter().map(|name| remote_mailbox(name, name, None))).collect()
}

#[test]
fn a_folder_is_made_renamed_and_removed_and_all_of_it_is_taken_back() {
    let f = Fixture::new();
    let work = f.make("Work");
    assert_eq!(f.operations(), [RemoteOperation::CreateMailbox { name: "Work".into(), role: None }]);
    f.push(f.account);
    assert_eq!(f.store.mailbox_path(work).unwrap().as_deref(), Some("Work"));
    let done = f.rename(work, "Projects").unwrap();
    assert_eq!((done.label.as_str(), done.accounts), ("Renamed Work to Projects", vec![f.account]));
    assert_eq!(f.operations(), [RemoteOperation::RenameMailbox { path: "Work".into(), name: "Projects".into() }]);
    f.push(f.account);
    let done = f.folder(FolderEdit::Delete { mailbox: work }).unwrap();
    assert_eq!(done.label, "Removed the folder Projects");
    assert_eq!(f.named("Projects"), None);
    assert_eq!(f.operations(), [RemoteOperation::DeleteMailbox { path: "Projects".into() }]);
    f.push(f.account);
    f.store.undo(NOW).unwrap();
    assert_eq!(f.operations(), [RemoteOperation::CreateMailbox { name: "Projects".into(), role: None }]);
    f.push(f.account);
    f.store.undo(NOW).unwrap();
    f.store.undo(NOW).unwrap();
    assert_eq!(f.store.undo(NOW).unwrap(), None);
    assert_eq!(f.operations(), [RemoteOperation::DeleteMailbox { path: "Projects".into() }]);
    f.assert_sound();
}

#[test]
fn there_and_back_is_nothing_to_push() {
    let f = Fixture::new();
    let work = f.make("Work");
    f.rename(work, "Projects").unwrap();
    f.store.undo(NOW).unwrap();
    f.store.undo(NOW).unwrap();
    f.folder(FolderEdit::Subscribe { mailbox: f.sent, on: false }).unwrap();
    assert_eq!(f.operations(), [RemoteOperation::Subscribe { path: "Sent".into(), on: false }]);
    f.store.undo(NOW).unwrap();
    assert_eq!(f.operations(), []);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
}

#[test]
fn impossible_names_and_folders_that_must_stay_are_refused_in_words() {
    let f = Fixture::new();
    let create =
        |name: &str| f.folder(FolderEdit::Create { account: f.account, name: name.into() }).unwrap_err().to_string();
    assert_eq!(create("Archive"), "There is a folder named Archive already. Choose another name.");
    assert!(create("INBOX").contains("already"));
    assert_eq!(create(""), "A folder needs a name. Choose another name.");
    for name in ["/a", "a/", "a//b", " ", "a/ /b"] {
        assert!(create(name).contains("empty levels"), "{name}");
    }
    assert!(create("a/../b").contains(". or .."));
    assert!(create("a\u{7}b").contains("control"));
    assert!(create(&"x".repeat(300)).contains("255"));
    let error = |edit| f.folder(edit).unwrap_err().to_string();
    assert!(error(FolderEdit::Rename { mailbox: f.inbox, name: "Post".into() }).contains("new mail arrives"));
    assert!(error(FolderEdit::Delete { mailbox: f.inbox }).contains("new mail arrives"));
    assert!(error(FolderEdit::Delete { mailbox: f.trash }).contains("Trash"));
    assert!(error(FolderEdit::Rename { mailbox: f.sent, name: "Sent/2026".into() }).contains("below itself"));
    assert!(error(FolderEdit::Rename { mailbox: f.sent, name: "Trash".into() }).contains("already"));
    assert!(error(FolderEdit::Delete { mailbox: MailboxId(99) }).contains("no such folder"));
    assert_eq!(f.store.history(9).unwrap(), []);
    assert_eq!(f.operations(), []);
}

#[test]
fn the_mail_of_a_removed_folder_goes_to_trash_unless_it_is_elsewhere_too() {
    let f = Fixture::new();
    let work = f.make("Work");
    f.push(f.account);
    let (only, both) = (f.arrive(work, message(1)), f.arrive(work, message(2)));
    f.edit(both, work, Edit::Copy(f.archive));
    f.push(f.account);
    let done = f.folder(FolderEdit::Delete { mailbox: work }).unwrap();
    assert_eq!(done.label, "Removed the folder Work, its 1 message went to Trash");
    assert_eq!((f.mailboxes(only), f.mailboxes(both)), (vec![f.trash], vec![f.archive]));
    // The mail goes first.
    assert!(!f.operations().iter().any(|operation| matches!(operation, RemoteOperation::DeleteMailbox { .. })));
    f.fetch(only);
    f.push(f.account);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    f.assert_sound();
    f.store.undo(NOW).unwrap();
    assert_eq!(f.mailboxes(only), [work]);
    assert_eq!(f.named("Work"), Some(work));
    f.push(f.account);
    f.assert_sound();
}

#[test]
fn folders_below_go_along_if_they_are_empty() {
    let f = Fixture::new();
    let (work, reef) = (f.make("Work"), f.make("Work/Reef"));
    f.push(f.account);
    f.arrive(reef, message(1));
    let error = f.folder(FolderEdit::Delete { mailbox: work }).unwrap_err();
    assert_eq!(error.what, "The folder Work holds folders with mail: Work/Reef has 1 message.");
    f.apply(reef, &[Delta::Vanished(vec![RemoteId("1".into())])]);
    f.folder(FolderEdit::Delete { mailbox: work }).unwrap();
    let gone = |path: &str| RemoteOperation::DeleteMailbox { path: path.into() };
    assert_eq!(f.operations(), [gone("Work/Reef"), gone("Work")]);
    f.store.undo(NOW).unwrap();
    assert_eq!((f.named("Work"), f.named("Work/Reef")), (Some(work), Some(reef)));
}

#[test]
fn a_rename_takes_those_below_along_in_one_operation() {
    let f = Fixture::new();
    let (work, reef) = (f.make("Work"), f.make("Work/Reef"));
    f.push(f.account);
    f.rename(work, "Projects").unwrap();
    assert_eq!(f.named("Projects/Reef"), Some(reef));
    assert_eq!(f.operations(), [RemoteOperation::RenameMailbox { path: "Work".into(), name: "Projects".into() }]);
    f.push(f.account);
    assert_eq!(f.store.mailbox_path(reef).unwrap().as_deref(), Some("Projects/Reef"));
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    f.store.undo(NOW).unwrap();
    assert_eq!(f.named("Work/Reef"), Some(reef));
    f.store.refused(f.account, &f.shares(), "no").unwrap();
    assert_eq!((f.named("Projects"), f.named("Projects/Reef")), (Some(work), Some(reef)));
    assert_eq!(f.operations(), []);
}

#[test]
fn a_name_that_is_still_taken_is_waited_for() {
    let f = Fixture::new();
    let (a, b) = (f.make("A"), f.make("B"));
    f.push(f.account);
    f.rename(b, "C").unwrap();
    f.rename(a, "B").unwrap();
    let rename = |path: &str, name: &str| RemoteOperation::RenameMailbox { path: path.into(), name: name.into() };
    assert_eq!(f.operations(), [rename("B", "C")]);
    f.push(f.account);
    assert_eq!((f.named("B"), f.named("C")), (Some(a), Some(b)));
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
}

#[test]
fn what_was_asked_for_while_a_folder_was_made_is_still_asked_for() {
    let f = Fixture::new();
    let work = f.make("Work");
    let share = f.shares().remove(0);
    f.rename(work, "Projects").unwrap();
    f.store
        .pushed(&[surat::store::Pushed { path: Some("Work".into()), ..surat::store::Pushed::new(share) }], &[])
        .unwrap();
    assert_eq!(f.operations(), [RemoteOperation::RenameMailbox { path: "Work".into(), name: "Projects".into() }]);
}

#[test]
fn a_folder_that_the_server_will_not_make_or_remove_is_as_before() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    let work = f.make("Work");
    f.edit(email, f.inbox, Edit::Move(work));
    f.store.refused(f.account, &f.shares(), "over quota").unwrap();
    assert_eq!((f.named("Work"), f.mailboxes(email)), (None, vec![f.inbox]));
    f.folder(FolderEdit::Delete { mailbox: f.sent }).unwrap();
    f.store.refused(f.account, &f.shares(), "not yours").unwrap();
    assert_eq!(f.named("Sent"), Some(f.sent));
    let texts: Vec<String> = f.store.notices().unwrap().into_iter().map(|notice| notice.text).collect();
    assert_eq!(
        texts,
        [
            "The server refused to make the folder Work: over quota. There is no such folder.",
            "The server refused to remove the folder Sent: not yours. It is there as it was before.",
        ]
    );
    f.assert_sound();
}

#[test]
fn new_mail_keeps_a_folder_from_being_removed() {
    let f = Fixture::new();
    f.folder(FolderEdit::Delete { mailbox: f.sent }).unwrap();
    let email = f.arrive(f.sent, message(1));
    assert_eq!(f.mailboxes(email), [f.sent]);
    assert_eq!(f.named("Sent"), Some(f.sent));
    assert_eq!(f.operations(), []);
    let text = f.store.notices().unwrap().remove(0).text;
    assert_eq!(text, "The folder Sent was not removed: new mail came into it.");
    f.assert_sound();
}

#[test]
fn a_folder_in_use_is_not_taken_back() {
    let f = Fixture::new();
    let work = f.make("Work");
    let made = f.store.history(1).unwrap()[0].id;
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Move(work));
    let error = f.store.take_back(made, NOW).unwrap_err();
    assert_eq!(error.to_string(), "The folder Work holds mail. Move its mail elsewhere first.");
    assert_eq!(f.mailboxes(email), [work]);
}

#[test]
fn mail_is_not_taken_back_into_a_folder_that_is_gone() {
    let f = Fixture::new();
    let work = f.make("Work");
    f.push(f.account);
    let email = f.arrive(work, message(1));
    f.edit(email, work, Edit::Move(f.archive));
    let moved = f.store.history(1).unwrap()[0].id;
    f.folder(FolderEdit::Delete { mailbox: work }).unwrap();
    let error = f.store.take_back(moved, NOW).unwrap_err();
    assert_eq!(error.what, "The folder Work is not there any more.");
    assert_eq!(f.mailboxes(email), [f.archive], "it is not taken out of where it is");
    f.store.undo(NOW).unwrap();
    f.store.take_back(moved, NOW).unwrap().unwrap();
    assert_eq!(f.mailboxes(email), [work]);
    f.assert_sound();
}

#[test]
fn a_rename_whose_answer_was_lost_is_recognised() {
    let f = Fixture::new();
    let (work, reef) = (f.make("Work"), f.make("Work/Reef"));
    f.push(f.account);
    let email = f.arrive(reef, message(1));
    f.rename(work, "Projects").unwrap();
    let ids = f.store.reconcile_mailboxes(f.account, &listed(&["Projects", "Projects/Reef"])).unwrap();
    assert_eq!(ids[4..], [work, reef]);
    assert_eq!(f.mailboxes(email), [reef]);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
    assert_eq!(f.store.mailboxes(Some(f.account)).unwrap().len(), 6, "none is there twice");
    f.assert_sound();
}

#[test]
fn a_removal_whose_answer_was_lost_is_done_and_a_new_folder_of_that_name_is_wanted() {
    let f = Fixture::new();
    let work = f.make("Work");
    f.push(f.account);
    f.folder(FolderEdit::Delete { mailbox: work }).unwrap();
    f.store.reconcile_mailboxes(f.account, &listed(&["Work"])).unwrap();
    assert_eq!(f.operations().len(), 1, "it is still to go");
    f.store.reconcile_mailboxes(f.account, &listed(&[])).unwrap();
    assert_eq!(f.operations(), []);
    f.store.reconcile_mailboxes(f.account, &listed(&["Work"])).unwrap();
    assert_eq!(f.operations(), [], "somebody made it anew");
    assert!(f.named("Work").is_some());
}

#[test]
fn what_the_server_says_of_subscriptions_counts_unless_the_user_said_otherwise() {
    let f = Fixture::new();
    let mut list = listed(&[]);
    list[2].is_subscribed = false;
    f.store.reconcile_mailboxes(f.account, &list).unwrap();
    assert_eq!(f.operations(), []);
    f.folder(FolderEdit::Subscribe { mailbox: f.sent, on: true }).unwrap();
    f.store.reconcile_mailboxes(f.account, &list).unwrap();
    assert_eq!(f.operations(), [RemoteOperation::Subscribe { path: "Sent".into(), on: true }]);
    f.push(f.account);
    assert_eq!(f.store.pending_count(f.account).unwrap(), 0);
}

#[test]
fn a_mailbox_that_the_server_drops_is_hidden_and_its_mail_is_found_again() {
    let f = Fixture::new();
    let work = f.make("Work");
    f.push(f.account);
    let (a, b) = (f.arrive(work, message(1)), f.arrive(work, message(2)));
    f.fetch(a);
    f.edit(a, work, Edit::Keyword("$flagged".into(), true));
    f.edit(b, work, Edit::Move(f.archive));
    f.store.reconcile_mailboxes(f.account, &listed(&[])).unwrap();
    assert_eq!(f.named("Work"), None);
    assert_eq!((f.mailboxes(a), f.mailboxes(b)), (vec![], vec![f.archive]));
    assert!(f.store.raw(a).unwrap().is_some(), "its bytes stay");
    f.assert_sound();
    // Somebody renamed it: there it is found, with what was done to it here, and goes where it is wanted.
    let ids = f.store.reconcile_mailboxes(f.account, &listed(&["Projects"])).unwrap();
    let anew = |number: i64| {
        let mut anew = message(number);
        anew.id = RemoteId(format!("new {number}"));
        arrived(anew)
    };
    assert_eq!(f.apply(ids[4], &[anew(1), anew(2)]).new_emails, []);
    assert_eq!((f.mailboxes(a), f.keywords(a).as_str()), (vec![ids[4]], "$flagged"));
    assert_eq!(f.mailboxes(b), [f.archive]);
    let due = f.operations();
    assert!(due.iter().any(|due| matches!(due, RemoteOperation::Move { from, .. } if from == "Projects")), "{due:?}");
    f.assert_sound();
    // And the old one, listed again, is the one that it was.
    let ids = f.store.reconcile_mailboxes(f.account, &listed(&["Projects", "Work"])).unwrap();
    assert_eq!(ids[5], work);
}

#[test]
fn what_was_to_come_into_a_folder_that_is_gone_stays_where_it_is() {
    let f = Fixture::new();
    let work = f.make("Work");
    f.push(f.account);
    let email = f.arrive(f.inbox, message(1));
    f.edit(email, f.inbox, Edit::Move(work));
    f.store.reconcile_mailboxes(f.account, &listed(&[])).unwrap();
    assert_eq!(f.mailboxes(email), [f.inbox]);
    assert_eq!(f.operations(), []);
    let notice = f.store.notices().unwrap().remove(0);
    assert_eq!(notice.kind, NoticeKind::Refused);
    assert!(notice.text.contains("into Work: the folder is not there any more"), "{}", notice.text);
    f.assert_sound();
}

#[test]
fn an_empty_list_of_folders_is_not_believed() {
    let f = Fixture::new();
    let email = f.arrive(f.inbox, message(1));
    assert_eq!(f.store.reconcile_mailboxes(f.account, &[]).unwrap(), []);
    assert_eq!(f.mailboxes(email), [f.inbox]);
    assert_eq!(f.store.mailboxes(Some(f.account)).unwrap().len(), 4);
}

#[test]
fn where_all_mail_is_in_one_folder_that_is_the_archive() {
    let f = Fixture::new();
    let account = f.store.account("gmail").unwrap();
    let list = [
        remote_mailbox("INBOX", "Inbox", Some(Role::Inbox)),
        remote_mailbox("[Gmail]/All Mail", "[Gmail]/All Mail", Some(Role::All)),
    ];
    let ids = f.store.reconcile_mailboxes(account, &list).unwrap();
    let mut mail = message(1);
    mail.object_id = Some("M1".into());
    mail.keywords = Keywords::default();
    let email = f.store.apply(account, ids[0], &[arrived(mail.clone())]).unwrap().new_emails[0];
    f.store.apply(account, ids[1], &[arrived(mail)]).unwrap();
    f.edit(email, ids[0], Edit::MoveToRole(Role::Archive));
    assert_eq!(f.mailboxes(email), [ids[1]]);
    assert_eq!(f.store.mailboxes(Some(account)).unwrap().len(), 2, "none was made");
    assert_eq!(f.subjects(&View::Mailbox(ids[0])), Vec::<String>::new());
    f.assert_sound();
}
