//! Changes on the server: real Dovecot for what is done, a scripted server for what is refused, and what must never be
//! said to any.

use surat::backend::imap::{Credentials, Imap};
use surat::backend::net::Security;
use surat::backend::{Backend, Error, Kind, Outcome};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::remote::{Applied, Cursor, RemoteId, RemoteOperation};
use surat::mail::time::UnixTime;

use super::imap::{HASTY, plain, sign_in, talk};
use crate::support::dovecot::{TestUser, dovecot};
use crate::support::scripted::{Script, say};

fn ids(validity: u32, uids: &[u32]) -> Vec<RemoteId> {
    uids.iter().map(|uid| RemoteId(format!("{validity}.{uid}"))).collect()
}

/// Makes changes; gives the outcome of each.
async fn apply(imap: &mut Imap, operations: &[RemoteOperation]) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::new();
    imap.apply(operations, &mut outcomes).await?;
    assert_eq!(outcomes.len(), operations.len());
    Ok(outcomes)
}

async fn one(imap: &mut Imap, operation: RemoteOperation) -> Outcome {
    apply(imap, &[operation]).await.unwrap().remove(0)
}

fn keywords(ids: Vec<RemoteId>, add: &[&str], since: Option<&str>) -> RemoteOperation {
    RemoteOperation::Keywords {
        mailbox: "INBOX".into(),
        ids,
        add: Keywords::new(add.iter().copied()),
        remove: Keywords::default(),
        unchanged_since: since.map(|cursor| Cursor(cursor.into())),
    }
}

fn uid_validity(user: &TestUser, mailbox: &str) -> u32 {
    let answers = user.raw().run(&format!("STATUS \"{mailbox}\" (UIDVALIDITY)"));
    let text = answers.into_iter().map(|answer| answer.text).find(|text| text.contains("UIDVALIDITY")).unwrap();
    text.split("UIDVALIDITY ").nth(1).unwrap().trim_end_matches([')', '\r', '\n']).parse().unwrap()
}

fn flags(user: &TestUser, mailbox: &str) -> Vec<(u32, String)> {
    let line = |flags: Vec<String>| flags.join(" ");
    user.raw().contents(mailbox).into_iter().map(|message| (message.uid, line(message.flags))).collect()
}

#[test]
fn a_change_gives_way_to_what_others_changed_meanwhile_and_tells_it() {
    let user = dovecot().user("unchanged");
    user.deliver_many("INBOX", 3);
    let validity = uid_validity(&user, "INBOX");
    let there = user.clone();
    talk(async move {
        let mut imap = sign_in(&user, Security::None).await;
        let mut phone = user.raw();
        phone.run("SELECT INBOX (CONDSTORE)");
        let modseq = phone.run("STATUS INBOX (HIGHESTMODSEQ)");
        let text = modseq.iter().map(|answer| answer.text.clone()).find(|text| text.contains("HIGHESTMODSEQ")).unwrap();
        let modseq = text.split("HIGHESTMODSEQ ").nth(1).unwrap().trim_end_matches([')', '\r', '\n']).to_owned();
        phone.run("UID STORE 2 +FLAGS (\\Answered)");
        let since = format!("1 {validity} 4 {modseq} 1");
        let all = ids(validity, &[1, 2, 3]);
        let applied = one(&mut imap, keywords(all, &["$flagged"], Some(&since))).await.unwrap();
        assert_eq!(applied.left_alone, ids(validity, &[2]));
        // One's own last change is no other's: the same point still holds for what was changed over this connection.
        let again = one(&mut imap, keywords(ids(validity, &[1]), &["$seen"], Some(&since))).await.unwrap();
        assert_eq!(again.left_alone, []);
        let insisting = one(&mut imap, keywords(ids(validity, &[2]), &["$flagged"], None)).await.unwrap();
        assert_eq!(insisting, Applied::default());
    });
    let expected = [(1, "\\Flagged \\Seen"), (2, "\\Answered \\Flagged"), (3, "\\Flagged")];
    assert_eq!(flags(&there, "INBOX"), expected.map(|(uid, flags)| (uid, flags.to_owned())));
}

#[test]
fn numbers_of_another_life_of_a_mailbox_touch_nothing() {
    let user = dovecot().user("lives");
    user.deliver_many("INBOX", 3);
    let validity = uid_validity(&user, "INBOX");
    let there = user.clone();
    talk(async move {
        let mut imap = sign_in(&user, Security::None).await;
        let old = ids(validity - 1, &[1, 2, 3]);
        let operations = [
            keywords(old.clone(), &["$flagged"], None),
            RemoteOperation::Move { from: "INBOX".into(), ids: old.clone(), to: "Trash".into() },
            RemoteOperation::Copy { from: "INBOX".into(), ids: old.clone(), to: "Trash".into() },
            RemoteOperation::Remove { mailbox: "INBOX".into(), ids: old.clone() },
        ];
        for outcome in apply(&mut imap, &operations).await.unwrap() {
            assert_eq!(outcome.unwrap().left_alone, old);
        }
    });
    assert_eq!(flags(&there, "INBOX").len(), 3);
    assert!(flags(&there, "INBOX").iter().all(|(_, flags)| flags.is_empty()) && flags(&there, "Trash").is_empty());
}

#[test]
fn a_message_is_added_as_it_is_and_its_number_is_told() {
    let user = dovecot().user("append");
    let there = user.clone();
    // The second is larger than what goes without asking, the third holds a NUL.
    let messages: [Vec<u8>; 3] = [
        b"Subject: one\nX: \xff\xfe\n\nbare lines\n".to_vec(),
        [b"Subject: two\r\n\r\n".to_vec(), "0123456789abcdef\r\n".repeat(120_000).into_bytes()].concat(),
        b"Subject: three\r\n\r\na\0b\r\n".to_vec(),
    ];
    let sent = messages.clone();
    let outcomes = talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let append = |bytes: &Vec<u8>| RemoteOperation::Append {
            mailbox: "Archive".into(),
            bytes: bytes.clone(),
            keywords: Keywords::new(["$seen", "todo"]),
            received: UnixTime(1_000_000_000),
        };
        let operations: Vec<RemoteOperation> = sent.iter().map(append).collect();
        apply(&mut imap, &operations).await.unwrap()
    });
    let found = there.raw().contents("Archive");
    let validity = uid_validity(&there, "Archive");
    for (number, message) in found.iter().enumerate() {
        let applied = outcomes[number].as_ref().unwrap();
        assert_eq!(applied.became, [(RemoteId(String::new()), ids(validity, &[message.uid]).remove(0))]);
        assert_eq!(message.flags, ["\\Seen", "todo"]);
    }
    let bytes: Vec<&[u8]> = found.iter().map(|message| &message.raw[..]).collect();
    assert_eq!(bytes[0], b"Subject: one\r\nX: \xff\xfe\r\n\r\nbare lines\r\n");
    assert_eq!(bytes[1], messages[1]);
    // Dovecot takes NULs only by BINARY, and keeps them as it sees fit.
    assert!(
        outcomes[2].as_ref().is_ok_and(|_| bytes.len() == 3)
            || outcomes[2].as_ref().is_err_and(|e| e.kind == Kind::Refused)
    );
    let mut client = there.raw();
    client.run("SELECT Archive");
    let answers = client.run("UID FETCH 1 (INTERNALDATE)");
    assert!(answers.iter().any(|answer| answer.text.contains("\"09-Sep-2001 01:46:40 +0000\"")), "{answers:?}");
}

#[test]
fn folders_are_made_renamed_subscribed_to_and_removed_only_when_empty() {
    let user = dovecot().user("folders");
    let there = user.clone();
    let (paths, refused) = talk(async move {
        let mut imap = sign_in(&user, Security::None).await;
        let create = |name: &str| RemoteOperation::CreateMailbox { name: name.into(), role: None };
        let made = one(&mut imap, create("Arsip/Pajak & Bea")).await.unwrap().path.unwrap();
        // Made twice is made.
        assert_eq!(one(&mut imap, create("Arsip/Pajak & Bea")).await.unwrap().path.unwrap(), made);
        let role = RemoteOperation::CreateMailbox { name: "Spam".into(), role: Some(Role::Junk) };
        one(&mut imap, role).await.unwrap();
        let rename = RemoteOperation::RenameMailbox { path: "Arsip".into(), name: "Archiv/Übersicht".into() };
        let renamed = one(&mut imap, rename.clone()).await.unwrap().path.unwrap();
        // As when the first answer was lost.
        assert_eq!(one(&mut imap, rename).await.unwrap().path.unwrap(), renamed);
        user.deliver_many("Full", 1);
        // A name that is taken is no rename that was done before.
        let taken = RemoteOperation::RenameMailbox { path: "Full".into(), name: "Archive".into() };
        assert_eq!(one(&mut imap, taken).await.unwrap_err().kind, Kind::Refused);
        let full = one(&mut imap, RemoteOperation::DeleteMailbox { path: "Full".into() }).await.unwrap_err();
        let gone = RemoteOperation::DeleteMailbox { path: "Spam".into() };
        one(&mut imap, gone.clone()).await.unwrap();
        one(&mut imap, gone).await.unwrap();
        let subscribe = |on| RemoteOperation::Subscribe { path: "Full".into(), on };
        one(&mut imap, subscribe(true)).await.unwrap();
        ((made, renamed), full)
    });
    assert_eq!(paths, ("Arsip/Pajak &- Bea".into(), "Archiv/&ANw-bersicht".into()));
    assert_eq!(refused.kind, Kind::Refused);
    let mut client = there.raw();
    let listed: Vec<String> = client.run("LIST \"\" \"*\"").into_iter().map(|answer| answer.text).collect();
    let has = |name: &str| listed.iter().any(|line| line.contains(name));
    assert!(has("Archiv/&ANw-bersicht/Pajak &- Bea") && has("Full") && !has("Spam") && !has("Arsip"), "{listed:?}");
    let subscribed: Vec<String> = client.run("LSUB \"\" \"*\"").into_iter().map(|answer| answer.text).collect();
    assert!(subscribed.iter().any(|line| line.contains("Full")), "{subscribed:?}");
}

/// A server that refuses one thing.
fn refusing(verb: &str, answer: &str) -> Script {
    Script::new().on(verb, say(format!("{{tag}} {answer}\r\n")))
}

fn move_one() -> RemoteOperation {
    RemoteOperation::Move { from: "INBOX".into(), ids: ids(7, &[1]), to: "Trash".into() }
}

#[test]
fn a_refusal_is_one_outcome_and_the_rest_goes_on() {
    for answer in [
        "NO [OVERQUOTA] full",
        "NO [TRYCREATE] no such",
        "NO [NOPERM] no",
        "NO [LIMIT] too many",
        "NO [SERVERBUG] oh",
        "NO no",
        "BAD what is MOVE",
        "NO [CANNOT] x",
    ] {
        let server = refusing("UID MOVE", answer).start();
        let outcomes = talk(async move {
            let mut imap = Imap::connect(&plain(server.port), &Credentials::new("a".into(), "b".into()), HASTY).await?;
            apply(
                &mut imap,
                &[keywords(ids(7, &[1]), &["$flagged"], None), move_one(), keywords(ids(7, &[1]), &["$seen"], None)],
            )
            .await
        });
        let outcomes = outcomes.unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{answer}: {outcomes:?}");
        let error = outcomes[1].as_ref().unwrap_err();
        assert_eq!(error.kind, Kind::Refused, "{answer}");
        assert!(error.server_says.as_ref().is_some_and(|said| !said.is_empty()), "{answer}: {error:?}");
    }
}

#[test]
fn a_server_that_asks_to_come_back_later_is_no_refusal_and_a_lost_line_leaves_the_end_open() {
    for (answer, kind) in [("NO [INUSE] wait", Kind::Busy), ("NO [UNAVAILABLE] later", Kind::Busy)] {
        let server = refusing("UID MOVE", answer).start();
        let error = talk(async move {
            let mut imap = Imap::connect(&plain(server.port), &Credentials::new("a".into(), "b".into()), HASTY).await?;
            apply(&mut imap, &[move_one()]).await
        });
        assert_eq!(error.unwrap_err().kind, kind, "{answer}");
    }
    let server = Script::new().on("UID MOVE", vec![crate::support::scripted::Step::Close]).start();
    let (done, outcomes) = talk(async move {
        let mut imap =
            Imap::connect(&plain(server.port), &Credentials::new("a".into(), "b".into()), HASTY).await.unwrap();
        let mut outcomes = Vec::new();
        let done = imap.apply(&[keywords(ids(7, &[1]), &["$flagged"], None), move_one()], &mut outcomes).await;
        (done, outcomes.len())
    });
    assert_eq!((done.unwrap_err().kind, outcomes), (Kind::Network, 1));
}

#[test]
fn a_read_only_folder_and_marks_that_it_cannot_keep_are_never_asked_for() {
    let select = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] go\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted)] limited\r\n";
    for (end, add) in [("{tag} OK [READ-ONLY] done\r\n", "$seen"), ("{tag} OK [READ-WRITE] done\r\n", "todo")] {
        let server = Script::new().on("SELECT", say(format!("{select}{end}"))).start();
        let (outcome, record) = talk(async move {
            let mut imap =
                Imap::connect(&plain(server.port), &Credentials::new("a".into(), "b".into()), HASTY).await.unwrap();
            let outcome = one(&mut imap, keywords(ids(7, &[1]), &[add], None)).await;
            (outcome, server.record())
        });
        assert_eq!(outcome.unwrap_err().kind, Kind::Refused);
        assert!(!record.text().contains("STORE"), "{}", record.text());
    }
}

#[test]
fn nothing_is_ever_expunged_but_what_is_named() {
    for (capabilities, expunges) in [("IMAP4rev1 UIDPLUS", true), ("IMAP4rev1", false)] {
        let server =
            Script::new().on("CAPABILITY", say(format!("* CAPABILITY {capabilities}\r\n{{tag}} OK done\r\n"))).start();
        let (applied, text) = talk(async move {
            let mut imap =
                Imap::connect(&plain(server.port), &Credentials::new("a".into(), "b".into()), HASTY).await.unwrap();
            let remove = RemoteOperation::Remove { mailbox: "INBOX".into(), ids: ids(7, &[1]) };
            let applied = one(&mut imap, remove).await.unwrap();
            imap.close().await;
            (applied, server.record().text())
        });
        assert_eq!(applied.is_only_marked, !expunges);
        assert!(text.contains("UID STORE 1 +FLAGS.SILENT (\\Deleted)"), "{text}");
        assert_eq!(text.contains("UID EXPUNGE 1\r\n"), expunges, "{text}");
        assert_eq!(text.matches("EXPUNGE").count(), usize::from(expunges), "{text}");
        assert!(!text.contains("CLOSE"), "CLOSE expunges too: {text}");
    }
}
