//! What Surat changes, against every server that the tests know: the same operations by the same code, and the end
//! state that a second client sees is the same on all of them.

use std::collections::BTreeMap;

use surat::backend::imap::Imap;
use surat::backend::{Backend, Kind};
use surat::mail::keyword::{FLAGGED, Keywords, SEEN};
use surat::mail::remote::{Applied, RemoteId, RemoteOperation};
use surat::mail::time::UnixTime;

use super::imap::{Mirror, fetch, talk, uid, whole};
use super::imap_servers::{elsewhere, seen_elsewhere, sign_in};
use crate::support::dovecot::synthetic;
use crate::support::servers::everywhere;

/// Makes changes that no server may refuse.
async fn apply(imap: &mut Imap, what: &str, operations: &[RemoteOperation]) -> Vec<Applied> {
    let mut outcomes = Vec::new();
    imap.apply(operations, &mut outcomes).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(outcomes.len(), operations.len(), "{what}");
    outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|error| panic!("{what}: {error:?}"))).collect()
}

/// The ids of these messages of a mailbox that was pulled.
fn ids(mirror: &Mirror, uids: &[u32]) -> Vec<RemoteId> {
    mirror.messages.keys().filter(|id| uids.contains(&uid(id))).cloned().collect()
}

/// Moves messages as the server can: in one step, or as a copy and a removal.
async fn relocate(imap: &mut Imap, what: &str, ids: Vec<RemoteId>, to: String) -> Applied {
    let from = "INBOX".to_owned();
    if imap.offer().can_move {
        return apply(imap, what, &[RemoteOperation::Move { from, ids, to }]).await.remove(0);
    }
    let copied = RemoteOperation::Copy { from: from.clone(), ids: ids.clone(), to };
    apply(imap, what, &[copied, RemoteOperation::Remove { mailbox: from, ids }]).await.remove(0)
}

#[test]
fn every_kind_of_change_ends_in_the_same_state_everywhere() {
    let mut ends = BTreeMap::new();
    for account in everywhere("push") {
        account.deliver_many("INBOX", 12);
        let end = talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            imap.mailboxes().await.unwrap();
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            elsewhere(&account, "INBOX", &["UID STORE 3 +FLAGS (\\Seen)", "UID STORE 9 +FLAGS (\\Deleted)"]);

            let mark = |uids: &[u32], add: &[&str], remove: &[&str]| RemoteOperation::Keywords {
                mailbox: "INBOX".into(),
                ids: ids(&mirror, uids),
                add: Keywords::new(add.iter().copied()),
                remove: Keywords::new(remove.iter().copied()),
                unchanged_since: None,
            };
            let marks = [mark(&[1, 2], &[SEEN, "$todo"], &[]), mark(&[2, 3], &[FLAGGED], &[SEEN])];
            apply(&mut imap, server, &marks).await;

            let moved = relocate(&mut imap, server, ids(&mirror, &[4, 5]), account.path("Archive")).await;
            let work = RemoteOperation::CreateMailbox { name: account.name_for_people("Work"), role: None };
            let made = apply(&mut imap, server, &[work.clone(), work]).await;
            assert_eq!(made[0].path.as_deref(), Some(&account.path("Work")[..]), "{server}");
            let copy =
                RemoteOperation::Copy { from: "INBOX".into(), ids: ids(&mirror, &[6]), to: account.path("Work") };
            let copied = apply(&mut imap, server, &[copy]).await.remove(0);
            let remove = RemoteOperation::Remove { mailbox: "INBOX".into(), ids: ids(&mirror, &[7, 8]) };
            let removed = apply(&mut imap, server, &[remove.clone(), remove]).await;
            assert!(removed.iter().all(|one| !one.is_only_marked), "{server}");
            let append = RemoteOperation::Append {
                mailbox: account.path("Drafts"),
                bytes: synthetic("Drafts", 50),
                keywords: Keywords::new([SEEN, "$draft"]),
                received: UnixTime(1_793_613_600),
            };
            let appended = apply(&mut imap, server, &[append]).await.remove(0);

            // All of them tell what became of the messages, and it is true.
            for (told, mailbox, expected) in
                [(moved, "Archive", vec![4, 5]), (copied, "Work", vec![6]), (appended, "Drafts", vec![50])]
            {
                assert!(told.tells_ids, "{server}: {mailbox}: {told:?}");
                let path = account.path(mailbox);
                let mut there = Mirror::default();
                there.pull(&mut imap, &path).await.unwrap();
                let bodies = whole(&fetch(&mut imap, &path, &there.wants()).await.unwrap());
                assert_eq!(told.became.len(), expected.len(), "{server}: {mailbox}");
                for ((from, to), n) in told.became.iter().zip(expected) {
                    let source = if mailbox == "Drafts" { "Drafts" } else { "INBOX" };
                    assert!(from.0.is_empty() || uid(from) == n as u32, "{server}: {mailbox}: {from:?}");
                    assert_eq!(bodies[to], synthetic(source, n), "{server}: {mailbox}: {to:?}");
                }
            }

            // Mailboxes: below each other, renamed with what is in them, removed, subscribed to or not.
            let new = |name: &str| RemoteOperation::CreateMailbox { name: account.name_for_people(name), role: None };
            apply(&mut imap, server, &[new("Plans"), new("Plans/Büro & Spring"), new("Old")]).await;
            let rename =
                RemoteOperation::RenameMailbox { path: account.path("Work"), name: account.name_for_people("Done") };
            let renamed = apply(&mut imap, server, &[rename]).await.remove(0);
            assert_eq!(renamed.path.as_deref(), Some(&account.path("Done")[..]), "{server}");
            let delete = RemoteOperation::DeleteMailbox { path: account.path("Old") };
            let quiet = RemoteOperation::Subscribe { path: account.path("Plans"), on: false };
            apply(&mut imap, server, &[delete.clone(), delete, quiet]).await;

            // One that holds mail is not removed.
            let mut outcomes = Vec::new();
            let full = RemoteOperation::DeleteMailbox { path: account.path("Archive") };
            imap.apply(&[full], &mut outcomes).await.unwrap();
            assert!(matches!(&outcomes[..], [Err(error)] if error.kind == Kind::Refused), "{server}: {outcomes:?}");

            // What it did itself is no news that harms: a pull agrees with the server.
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(mirror.state(), seen_elsewhere(&account, "INBOX"), "{server}");
            (server, account.everything())
        });
        ends.insert(end.0, end.1);
    }
    let letter = |n: u32, flags: &str| (format!("Letter {n}"), flags.to_owned());
    let inbox = vec![
        letter(1, "$todo \\seen"),
        letter(10, ""),
        letter(11, ""),
        letter(12, ""),
        letter(2, "$todo \\flagged"),
        letter(3, "\\flagged"),
        letter(6, ""),
        letter(9, "\\deleted"),
    ];
    let expected = BTreeMap::from([
        ("INBOX".to_owned(), (true, inbox)),
        ("Archive".to_owned(), (true, vec![letter(4, ""), letter(5, "")])),
        ("Done".to_owned(), (true, vec![letter(6, "")])),
        ("Drafts".to_owned(), (true, vec![letter(50, "\\draft \\seen")])),
        ("Junk".to_owned(), (true, vec![])),
        ("Plans".to_owned(), (false, vec![])),
        ("Plans/B&APw-ro &- Spring".to_owned(), (true, vec![])),
        ("Sent".to_owned(), (true, vec![])),
        ("Trash".to_owned(), (true, vec![])),
    ]);
    for (server, end) in ends {
        assert_eq!(end, expected, "{server}");
    }
}

#[test]
fn what_another_client_removed_is_passed_over_and_what_is_left_is_changed() {
    for account in everywhere("passed-over") {
        account.deliver_many("INBOX", 8);
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            elsewhere(&account, "INBOX", &["UID STORE 2,4,6 +FLAGS.SILENT (\\Deleted)", "EXPUNGE"]);

            let seen = |uids: &[u32]| RemoteOperation::Keywords {
                mailbox: "INBOX".into(),
                ids: ids(&mirror, uids),
                add: Keywords::new([SEEN]),
                remove: Keywords::default(),
                unchanged_since: None,
            };
            let copy = |uids: &[u32]| RemoteOperation::Copy {
                from: "INBOX".into(),
                ids: ids(&mirror, uids),
                to: account.path("Archive"),
            };
            apply(&mut imap, server, &[seen(&[1, 2]), seen(&[4])]).await;
            let copied = apply(&mut imap, server, &[copy(&[3, 4]), copy(&[4, 6])]).await;
            let from: Vec<u32> = copied.iter().flat_map(|one| one.became.iter().map(|(from, _)| uid(from))).collect();
            assert_eq!(from, [3], "{server}: {copied:?}");
            let moved = relocate(&mut imap, server, ids(&mirror, &[5, 6]), account.path("Trash")).await;
            assert_eq!(moved.became.iter().map(|(from, _)| uid(from)).collect::<Vec<_>>(), [5], "{server}");
            let remove = |uids: &[u32]| RemoteOperation::Remove { mailbox: "INBOX".into(), ids: ids(&mirror, uids) };
            apply(&mut imap, server, &[remove(&[6, 7]), remove(&[2])]).await;

            let subjects = |mailbox: &str| -> Vec<String> {
                account.everything()[mailbox].1.iter().map(|(subject, flags)| format!("{subject} {flags}")).collect()
            };
            assert_eq!(subjects("INBOX"), ["Letter 1 \\seen", "Letter 3 ", "Letter 8 "], "{server}");
            assert_eq!(subjects("Archive"), ["Letter 3 "], "{server}");
            assert_eq!(subjects("Trash"), ["Letter 5 "], "{server}");
        });
    }
}

#[test]
fn what_has_nowhere_to_go_is_refused_and_stays() {
    for account in everywhere("nowhere") {
        account.deliver_many("INBOX", 3);
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let (from, to) = ("INBOX".to_owned(), account.path("Nowhere"));
            let named = ids(&mirror, &[1, 2]);
            let mut operations = vec![
                RemoteOperation::Copy { from: from.clone(), ids: named.clone(), to: to.clone() },
                RemoteOperation::Append {
                    mailbox: to.clone(),
                    bytes: synthetic("INBOX", 9),
                    keywords: Keywords::default(),
                    received: UnixTime(1_793_613_600),
                },
            ];
            // Courier says that it has renamed what was not there.
            if server != "Courier" {
                let name = account.name_for_people("Elsewhere");
                operations.push(RemoteOperation::RenameMailbox { path: to.clone(), name });
            }
            if imap.offer().can_move {
                operations.push(RemoteOperation::Move { from: from.clone(), ids: named.clone(), to });
            }
            let mut outcomes = Vec::new();
            imap.apply(&operations, &mut outcomes).await.unwrap();
            assert_eq!(outcomes.len(), operations.len(), "{server}");
            for (outcome, operation) in outcomes.iter().zip(&operations) {
                let error = outcome.as_ref().expect_err(server);
                assert_eq!(error.kind, Kind::Refused, "{server}: {operation:?}: {error:?}");
                assert!(error.server_says.is_some(), "{server}: {operation:?}");
            }
            // The connection goes on, and nothing went away.
            let seen = RemoteOperation::Keywords {
                mailbox: from,
                ids: named,
                add: Keywords::new([SEEN]),
                remove: Keywords::default(),
                unchanged_since: None,
            };
            apply(&mut imap, server, &[seen]).await;
            let inbox = &account.everything()["INBOX"].1;
            assert_eq!(inbox.len(), 3, "{server}: {inbox:?}");
            assert_eq!(inbox.iter().filter(|(_, flags)| flags == "\\seen").count(), 2, "{server}: {inbox:?}");
        });
    }
}

#[test]
fn a_new_mailbox_is_spelled_as_the_server_wants_it() {
    for account in everywhere("spelled") {
        talk(async move {
            let server = account.server;
            for name in ["Plain", "Deep/er", "Übung & mehr", "日本語/ö", "v1.2", "Plain/v1.2"] {
                // On a connection that knows nothing of the folders yet.
                let mut imap = sign_in(&account).await;
                let new = RemoteOperation::CreateMailbox { name: name.into(), role: None };
                let mut outcomes = Vec::new();
                imap.apply(&[new], &mut outcomes).await.unwrap();
                let outcome = outcomes.remove(0);
                if name.contains(account.delimiter) && account.delimiter != '/' {
                    assert_eq!(outcome.unwrap_err().kind, Kind::Refused, "{server}: {name}");
                    continue;
                }
                let path = outcome.unwrap_or_else(|error| panic!("{server}: {name}: {error:?}")).path.unwrap();
                let folders = imap.mailboxes().await.unwrap();
                let folder = folders.iter().find(|folder| folder.path == path);
                let folder = folder.unwrap_or_else(|| panic!("{server}: {path} is not in {folders:?}"));
                assert_eq!(folder.name, account.name_for_people(name), "{server}");
                assert!(folder.is_selectable && folder.is_subscribed, "{server}: {folder:?}");
                assert_eq!(Mirror::default().pull(&mut imap, &path).await.unwrap().arrived.len(), 0, "{server}");
            }
        });
    }
}

#[test]
fn a_renamed_mailbox_takes_along_what_is_in_it_and_below_it() {
    for account in everywhere("rename") {
        account.deliver_many("Plans", 2);
        account.deliver_many("Plans/Spring", 3);
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            // Open, as it would be while someone reads it.
            Mirror::default().pull(&mut imap, &account.path("Plans")).await.unwrap();
            let rename = RemoteOperation::RenameMailbox {
                path: account.path("Plans"),
                name: account.name_for_people("Archive/Projects"),
            };
            let renamed = apply(&mut imap, server, &[rename]).await.remove(0);
            assert_eq!(renamed.path.as_deref(), Some(&account.path("Archive/Projects")[..]), "{server}");
            let folders = imap.mailboxes().await.unwrap();
            let has = |name: &str| folders.iter().any(|folder| folder.name == account.name_for_people(name));
            assert!(has("Archive/Projects") && has("Archive/Projects/Spring") && !has("Plans/Spring"), "{server}");
            for (name, count) in [("Archive/Projects", 2), ("Archive/Projects/Spring", 3)] {
                let mut mirror = Mirror::default();
                mirror.pull(&mut imap, &account.path(name)).await.unwrap();
                assert_eq!(mirror.messages.len(), count, "{server}: {name}");
            }
        });
    }
}

#[test]
fn a_change_on_condition_leaves_alone_what_another_client_changed() {
    for account in everywhere("compare") {
        account.deliver_many("INBOX", 4);
        talk(async move {
            let server = account.server;
            let mut imap = sign_in(&account).await;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(imap.offer().can_compare, server != "Courier", "{server}");
            if !imap.offer().can_compare {
                return;
            }
            elsewhere(&account, "INBOX", &["UID STORE 2 +FLAGS (\\Flagged)"]);
            let mark = RemoteOperation::Keywords {
                mailbox: "INBOX".into(),
                ids: ids(&mirror, &[1, 2, 3]),
                add: Keywords::new([SEEN]),
                remove: Keywords::default(),
                unchanged_since: mirror.cursor.clone(),
            };
            let applied = apply(&mut imap, server, &[mark]).await.remove(0);
            assert_eq!(applied.left_alone, ids(&mirror, &[2]), "{server}");
            let seen = seen_elsewhere(&account, "INBOX");
            let seen: Vec<bool> = seen.iter().map(|(_, keywords)| keywords.is_seen()).collect();
            assert_eq!(seen, [true, false, true, false], "{server}");
        });
    }
}
