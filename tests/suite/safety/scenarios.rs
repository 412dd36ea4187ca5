//! What a person does here and what others do on the server, between two syncs, with all that must come of it.
//!
//! How a sync is disturbed on the way to it is `interrupted`'s.

use surat::mail::id::{AccountId, MailboxId};
use surat::mail::mutation::{Edit, FolderEdit, Mutation, Target};
use surat::mail::time::UnixTime;

use super::sides::{Sides, a_while_ago, append, select};
use crate::support::dovecot::RawClient;

/// One such story.
pub struct Scenario {
    pub name: &'static str,
    /// What was done before, and is in step on both sides.
    pub before: fn(&Sides),
    /// What is done here.
    pub here: fn(&Sides),
    /// What is done on the server meanwhile.
    pub there: fn(&mut RawClient),
    /// What is different in the end, on both sides, as `sides::changes` says it.
    pub comes_to: &'static [&'static str],
    /// What is different beside that where the server can mark as deleted and no more.
    pub where_only_marked: &'static [&'static str],
}

fn nothing(_: &Sides) {}
fn nobody(_: &mut RawClient) {}

/// All of them.
pub fn all() -> Vec<Scenario> {
    let usual =
        Scenario { name: "", before: nothing, here: nothing, there: nobody, comes_to: &[], where_only_marked: &[] };
    vec![
        Scenario {
            name: "new mail there",
            there: |client| {
                append(client, "INBOX", &[("n1", ""), ("n2", "\\Flagged")]);
                append(client, "Work", &[("n3", "\\Seen")]);
            },
            comes_to: &["+INBOX n1", "+INBOX n2 flagged", "+Work n3 seen"],
            ..usual
        },
        Scenario {
            name: "flags set here",
            here: |sides| {
                sides.edit(&["mark", "--flagged", "{}"], &["m1", "m2", "w1"]);
                sides.edit(&["mark", "--seen", "{}"], &["m5", "m6", "o2"]);
            },
            comes_to: &[
                "+INBOX m1 flagged",
                "+INBOX m2 flagged seen",
                "+INBOX m5 seen",
                "+INBOX m6 seen",
                "+Old o2 seen",
                "+Work w1 flagged",
                "-INBOX m1",
                "-INBOX m2 seen",
                "-INBOX m5",
                "-INBOX m6",
                "-Old o2",
                "-Work w1",
            ],
            ..usual
        },
        Scenario {
            name: "flags cleared here",
            here: |sides| {
                sides.edit(&["mark", "--unflagged", "{}"], &["m3", "m4", "w3"]);
                sides.edit(&["mark", "--unseen", "{}"], &["m4", "m7"]);
            },
            comes_to: &[
                "+INBOX m3",
                "+INBOX m4",
                "+INBOX m7",
                "+Work w3",
                "-INBOX m3 flagged",
                "-INBOX m4 flagged seen",
                "-INBOX m7 seen",
                "-Work w3 flagged",
            ],
            ..usual
        },
        Scenario {
            name: "flags changed there",
            there: |client| {
                select(client, "INBOX");
                client.run("UID STORE 1 +FLAGS (\\Flagged)");
                client.run("UID STORE 2 -FLAGS (\\Seen)");
            },
            comes_to: &["+INBOX m1 flagged", "+INBOX m2", "-INBOX m1", "-INBOX m2 seen"],
            ..usual
        },
        Scenario {
            name: "a flag changed on both sides",
            here: |sides| {
                sides.edit(&["mark", "--seen", "{}"], &["m1", "m5"]);
                sides.edit(&["mark", "--unflagged", "{}"], &["m4"]);
            },
            there: |client| {
                select(client, "INBOX");
                client.run("UID STORE 1 +FLAGS (\\Seen)");
                client.run("UID STORE 5 +FLAGS (\\Flagged)");
                client.run("UID STORE 4 -FLAGS (\\Flagged \\Seen)");
            },
            comes_to: &[
                "+INBOX m1 seen",
                "+INBOX m4",
                "+INBOX m5 flagged seen",
                "-INBOX m1",
                "-INBOX m4 flagged seen",
                "-INBOX m5",
            ],
            ..usual
        },
        Scenario {
            name: "moved here",
            here: |sides| sides.edit(&["move", "{}", "Work"], &["m1", "m2", "m4"]),
            comes_to: &[
                "+Work m1",
                "+Work m2 seen",
                "+Work m4 flagged seen",
                "-INBOX m1",
                "-INBOX m2 seen",
                "-INBOX m4 flagged seen",
            ],
            ..usual
        },
        Scenario {
            name: "copied here",
            here: |sides| {
                let work = mailbox(sides, "Work");
                edit(sides, &["m1", "m4"], Edit::Copy(work), a_while_ago());
            },
            comes_to: &["+Work m1", "+Work m4 flagged seen"],
            ..usual
        },
        Scenario {
            name: "moved here, expunged there",
            here: |sides| sides.edit(&["move", "{}", "Work"], &["m5", "m6"]),
            there: |client| {
                select(client, "INBOX");
                client.run("UID STORE 5 +FLAGS.SILENT (\\Deleted)");
                client.run("UID EXPUNGE 5");
            },
            // What is wanted somewhere and nowhere any more on the server is brought from here.
            comes_to: &["+Work m5", "+Work m6", "-INBOX m5", "-INBOX m6"],
            ..usual
        },
        Scenario {
            name: "deleted on both sides",
            here: |sides| {
                sides.edit(&["delete", "{}"], &["m1", "m2"]);
                remove(sides, &["t1"]);
            },
            there: |client| {
                select(client, "INBOX");
                client.run("UID MOVE 1 Trash");
                select(client, "Trash");
                client.run("UID STORE 1 +FLAGS.SILENT (\\Deleted)");
                client.run("UID EXPUNGE 1");
            },
            comes_to: &["+Trash m1", "+Trash m2 seen", "-INBOX m1", "-INBOX m2 seen", "-Trash t1"],
            ..usual
        },
        Scenario {
            name: "moved and marked here",
            here: |sides| {
                sides.edit(&["archive", "{}"], &["m1", "m2"]);
                sides.edit(&["mark", "--flagged", "{}"], &["m1", "m2"]);
            },
            comes_to: &["+Archive m1 flagged", "+Archive m2 flagged seen", "-INBOX m1", "-INBOX m2 seen"],
            ..usual
        },
        Scenario {
            name: "moved there",
            there: |client| {
                select(client, "INBOX");
                client.run("UID MOVE 5:6 Archive");
            },
            comes_to: &["+Archive m5", "+Archive m6", "-INBOX m5", "-INBOX m6"],
            ..usual
        },
        Scenario {
            name: "moved here, flagged there",
            here: |sides| sides.edit(&["move", "{}", "Work"], &["m7", "m8"]),
            there: |client| {
                select(client, "INBOX");
                client.run("UID STORE 7 +FLAGS (\\Flagged)");
                client.run("UID STORE 8 -FLAGS (\\Seen)");
            },
            comes_to: &["+Work m7 flagged seen", "+Work m8", "-INBOX m7 seen", "-INBOX m8 seen"],
            ..usual
        },
        Scenario {
            name: "flagged here, expunged there",
            here: |sides| sides.edit(&["mark", "--flagged", "{}"], &["m5", "m6"]),
            there: |client| {
                select(client, "INBOX");
                client.run("UID STORE 5 +FLAGS.SILENT (\\Deleted)");
                client.run("UID EXPUNGE 5");
            },
            comes_to: &["+INBOX m6 flagged", "-INBOX m5", "-INBOX m6"],
            ..usual
        },
        Scenario {
            name: "moved to different places",
            here: |sides| sides.edit(&["move", "{}", "Work"], &["m5", "m6"]),
            there: |client| {
                select(client, "INBOX");
                client.run("UID MOVE 5 Archive");
            },
            comes_to: &["+Work m5", "+Work m6", "-INBOX m5", "-INBOX m6"],
            ..usual
        },
        Scenario {
            name: "deleted to the trash here",
            here: |sides| sides.edit(&["delete", "{}"], &["m3", "m6", "a1"]),
            comes_to: &[
                "+Trash a1 seen",
                "+Trash m3 flagged",
                "+Trash m6",
                "-Archive a1 seen",
                "-INBOX m3 flagged",
                "-INBOX m6",
            ],
            ..usual
        },
        Scenario {
            name: "deleted for good here",
            here: |sides| remove(sides, &["t1", "t2", "m8"]),
            there: |client| {
                // Somebody else's marks are nobody's business.
                select(client, "Trash");
                append(client, "Trash", &[("t3", "")]);
            },
            comes_to: &["+Trash t3", "-INBOX m8 seen", "-Trash t1", "-Trash t2 seen"],
            ..usual
        },
        Scenario {
            name: "deleted there",
            there: |client| {
                select(client, "INBOX");
                client.run("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)");
                client.run("EXPUNGE");
                client.run("UID STORE 3 +FLAGS.SILENT (\\Deleted)");
            },
            comes_to: &["-INBOX m1", "-INBOX m2 seen", "-INBOX m3 flagged"],
            ..usual
        },
        Scenario {
            name: "a folder made here, with mail in it",
            here: |sides| {
                folder(sides, "", |account, _| FolderEdit::Create { account, name: "Trips".into() });
                sides.edit(&["move", "{}", "Trips"], &["m1", "w1"]);
            },
            comes_to: &["+Trips m1", "+Trips w1", "+Trips/", "-INBOX m1", "-Work w1"],
            ..usual
        },
        Scenario {
            name: "a folder renamed here, mail moved into it",
            here: |sides| {
                folder(sides, "Old", |_, mailbox| FolderEdit::Rename { mailbox, name: "Older/Still".into() });
                sides.edit(&["move", "{}", "Older/Still"], &["m5"]);
                sides.edit(&["mark", "--seen", "{}"], &["o2"]);
            },
            comes_to: &[
                "+Older/Still m5",
                "+Older/Still o1 seen",
                "+Older/Still o2 seen",
                "+Older/Still/",
                "-INBOX m5",
                "-Old o1 seen",
                "-Old o2",
                "-Old/",
            ],
            ..usual
        },
        Scenario {
            name: "a folder removed here, with mail in it",
            here: |sides| folder(sides, "Old", |_, mailbox| FolderEdit::Delete { mailbox }),
            comes_to: &["+Trash o1 seen", "+Trash o2", "-Old o1 seen", "-Old o2", "-Old/"],
            // The marked mails are still in it, and a folder with mail is not removed.
            where_only_marked: &["+Old/"],
            ..usual
        },
        Scenario {
            name: "a folder removed here, mail comes into it there",
            here: |sides| folder(sides, "Empty", |_, mailbox| FolderEdit::Delete { mailbox }),
            there: |client| append(client, "Empty", &[("e1", "")]),
            comes_to: &["+Empty e1"],
            ..usual
        },
        Scenario {
            name: "a folder renamed on both sides",
            here: |sides| folder(sides, "Old", |_, mailbox| FolderEdit::Rename { mailbox, name: "Older".into() }),
            there: |client| drop(client.run("RENAME Old Oldest")),
            comes_to: &["+Oldest o1 seen", "+Oldest o2", "+Oldest/", "-Old o1 seen", "-Old o2", "-Old/"],
            ..usual
        },
        Scenario {
            name: "a folder renamed there",
            there: |client| drop(client.run("RENAME Old Older")),
            comes_to: &["+Older o1 seen", "+Older o2", "+Older/", "-Old o1 seen", "-Old o2", "-Old/"],
            ..usual
        },
        Scenario {
            name: "a folder renamed there, its mail marked here",
            here: |sides| sides.edit(&["mark", "--flagged", "{}"], &["o1", "o2"]),
            there: |client| drop(client.run("RENAME Old Older")),
            comes_to: &["+Older o1 flagged seen", "+Older o2 flagged", "+Older/", "-Old o1 seen", "-Old o2", "-Old/"],
            ..usual
        },
        Scenario {
            name: "a folder deleted there",
            there: |client| drop(client.run("DELETE Empty")),
            comes_to: &["-Empty/"],
            ..usual
        },
        Scenario {
            name: "a bit of everything on both sides",
            here: |sides| {
                sides.edit(&["mark", "--flagged", "{}"], &["m1", "w1", "a1"]);
                sides.edit(&["move", "{}", "Work"], &["m1", "m2", "o1"]);
                sides.edit(&["archive", "{}"], &["m3", "w2"]);
                sides.edit(&["delete", "{}"], &["m4", "w3"]);
                remove(sides, &["t1", "m8"]);
                sides.edit(&["mark", "--unseen", "{}"], &["m7"]);
            },
            there: |client| {
                append(client, "INBOX", &[("n1", "")]);
                select(client, "INBOX");
                client.run("UID STORE 1,5 +FLAGS (\\Seen)");
                client.run("UID MOVE 6 Archive");
                select(client, "Work");
                client.run("UID STORE 1:3 +FLAGS (\\Answered)");
            },
            comes_to: &[
                "+Archive a1 flagged seen",
                "+Archive m3 flagged",
                "+Archive m6",
                "+Archive w2 answered seen",
                "+INBOX m5 seen",
                "+INBOX m7",
                "+INBOX n1",
                "+Trash m4 flagged seen",
                "+Trash w3 answered flagged",
                "+Work m1 flagged seen",
                "+Work m2 seen",
                "+Work o1 seen",
                "+Work w1 answered flagged",
                "-Archive a1 seen",
                "-INBOX m1",
                "-INBOX m2 seen",
                "-INBOX m3 flagged",
                "-INBOX m4 flagged seen",
                "-INBOX m5",
                "-INBOX m6",
                "-INBOX m7 seen",
                "-INBOX m8 seen",
                "-Old o1 seen",
                "-Trash t1",
                "-Work w1",
                "-Work w2 seen",
                "-Work w3 flagged",
            ],
            ..usual
        },
        Scenario {
            name: "a move taken back after it travelled",
            before: |sides| {
                sides.edit(&["move", "{}", "Work"], &["m1", "m2"]);
                sides.sync().unwrap();
            },
            here: |sides| sides.edit(&["undo"], &[]),
            comes_to: &["+INBOX m1", "+INBOX m2 seen", "-Work m1", "-Work m2 seen"],
            ..usual
        },
        Scenario {
            name: "a delete for good taken back after it travelled",
            before: |sides| {
                remove(sides, &["t1", "m2"]);
                sides.sync().unwrap();
            },
            here: |sides| sides.edit(&["undo"], &[]),
            comes_to: &["+INBOX m2 seen", "+Trash t1"],
            ..usual
        },
    ]
}

/// Deletes mails for good, so long ago that the server is to hear of it now.
pub fn remove(sides: &Sides, names: &[&str]) {
    edit(sides, names, Edit::Remove, a_while_ago());
}

fn edit(sides: &Sides, names: &[&str], edit: Edit, when: UnixTime) {
    let ids = sides.ids(names);
    let target = |id: &String| Target { email: id.parse().unwrap(), from: None };
    let mutation = Mutation { targets: ids.iter().map(target).collect(), edit };
    sides.with_store(|store, _| store.edit(&mutation, when, "Changed").unwrap());
}

fn mailbox(sides: &Sides, name: &str) -> MailboxId {
    sides.with_store(|store, _| {
        let known = store.mailboxes(None).unwrap().into_iter().find(|mailbox| mailbox.name == name);
        known.unwrap_or_else(|| panic!("no {name}")).id
    })
}

fn folder(sides: &Sides, name: &str, edit: impl FnOnce(AccountId, MailboxId) -> FolderEdit) {
    let known = if name.is_empty() { MailboxId(0) } else { mailbox(sides, name) };
    sides.with_store(|store, account| store.edit_folder(&edit(account, known), a_while_ago()).unwrap());
}
