//! What servers say of a change, in the forms that are known of Gmail, Exchange, iCloud and others: without UIDPLUS,
//! MOVE without COPYUID, COPYUID where and how nobody expects it, a bare plus before a message.
//!
//! Nothing in here may name a message that was not named, or take a refusal for a success.

use surat::backend::imap::{Credentials, Imap};
use surat::backend::{Backend, Error, Kind, Outcome};
use surat::mail::keyword::{Keywords, SEEN};
use surat::mail::mailbox::Role;
use surat::mail::remote::{RemoteId, RemoteOperation};
use surat::mail::time::UnixTime;

use super::imap::{PATIENT, plain, talk};
use crate::support::scripted::{Script, Step, say};

/// What Exchange, iCloud and most others offer.
const USUAL: &str = "IMAP4rev1 IDLE NAMESPACE LITERAL+ UIDPLUS MOVE ID UNSELECT";

/// A server that offers these words and has a mailbox with eight messages.
fn server(capabilities: &str) -> Script {
    let select = "* 8 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n\
                  * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] ok\r\n\
                  * OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n{tag} OK [READ-WRITE] done\r\n";
    Script::new()
        .on("CAPABILITY", say(format!("* CAPABILITY {capabilities}\r\n{{tag}} OK done\r\n")))
        .on("SELECT", say(select))
}

/// Messages of that mailbox.
fn ids(uids: &[u32]) -> Vec<RemoteId> {
    uids.iter().map(|uid| RemoteId(format!("7.{uid}"))).collect()
}

/// Makes changes; gives the outcomes, how it ended and all that was sent.
fn apply(script: Script, operations: Vec<RemoteOperation>) -> (Vec<Outcome>, Result<(), Error>, String) {
    let server = script.start();
    talk(async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(server.port), &credentials, PATIENT).await.unwrap();
        let mut outcomes = Vec::new();
        let ended = imap.apply(&operations, &mut outcomes).await;
        imap.close().await;
        (outcomes, ended, server.record().text())
    })
}

fn moving(uids: &[u32]) -> RemoteOperation {
    RemoteOperation::Move { from: "INBOX".into(), ids: ids(uids), to: "Archive".into() }
}

/// How something is told, in which words, and what is to be understood: from which message to which.
type Telling = (&'static str, &'static str, Option<Vec<(RemoteId, RemoteId)>>);

#[test]
fn what_became_of_messages_is_heard_wherever_it_is_told() {
    let pairs = |pairs: &[(u32, u32)]| -> Option<Vec<(RemoteId, RemoteId)>> {
        Some(pairs.iter().map(|(from, to)| (RemoteId(format!("7.{from}")), RemoteId(format!("9.{to}")))).collect())
    };
    let cases: [Telling; 13] = [
        (
            "as the standard wants it",
            "* OK [COPYUID 9 1:2 5:6] ok\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n{tag} OK done",
            pairs(&[(1, 5), (2, 6)]),
        ),
        ("with the end", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n{tag} OK [COPYUID 9 1:2 5:6] done", pairs(&[(1, 5), (2, 6)])),
        (
            "after the messages went",
            "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* OK [COPYUID 9 1:2 5:6]\r\n{tag} OK done",
            pairs(&[(1, 5), (2, 6)]),
        ),
        (
            "in two pieces",
            "* OK [COPYUID 9 1 5] ok\r\n* 1 EXPUNGE\r\n* OK [COPYUID 9 2 6] ok\r\n* 1 EXPUNGE\r\n{tag} OK done",
            pairs(&[(1, 5), (2, 6)]),
        ),
        ("in small letters", "* ok [copyuid 9 1,2 5,6] ok\r\n{tag} ok done", pairs(&[(1, 5), (2, 6)])),
        ("in another order", "* OK [COPYUID 9 2,1 6,5] ok\r\n{tag} OK done", pairs(&[(2, 6), (1, 5)])),
        ("backwards", "* OK [COPYUID 9 2:1 6:5] ok\r\n{tag} OK done", pairs(&[(1, 5), (2, 6)])),
        ("of one that was gone", "* OK [COPYUID 9 2 6] ok\r\n{tag} OK done", pairs(&[(2, 6)])),
        ("not at all", "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n{tag} OK MOVE completed.", None),
        ("in numbers that do not agree", "* OK [COPYUID 9 1:2 5] ok\r\n{tag} OK done", None),
        ("without numbers", "* OK [COPYUID] ok\r\n{tag} OK [COPYUID 9  ] done", None),
        ("in no life of a mailbox", "* OK [COPYUID 0 1:2 5:6] ok\r\n{tag} OK done", None),
        (
            "in numbers without an end",
            "* OK [COPYUID 9 1:* 5:*] ok\r\n{tag} OK [COPYUID 9 1:4294967295 1:4294967295] done",
            None,
        ),
    ];
    for (how, answer, expected) in cases {
        for verb in ["MOVE", "COPY"] {
            let script = server(USUAL).on(&format!("UID {verb}"), say(format!("{answer}\r\n")));
            let operation = match verb {
                "MOVE" => moving(&[1, 2]),
                _ => RemoteOperation::Copy { from: "INBOX".into(), ids: ids(&[1, 2]), to: "Archive".into() },
            };
            let (outcomes, ended, record) = apply(script, vec![operation]);
            assert!(ended.is_ok(), "{verb}, told {how}: {ended:?}");
            let [Ok(applied)] = &outcomes[..] else { panic!("{verb}, told {how}: {outcomes:?}") };
            assert_eq!(applied.tells_ids, expected.is_some(), "{verb}, told {how}: {applied:?}");
            assert_eq!(applied.became, expected.clone().unwrap_or_default(), "{verb}, told {how}");
            assert!(record.contains(&format!(" UID {verb} 1:2 \"Archive\"\r\n")), "{record}");
            assert!(!record.contains("EXPUNGE"), "{verb}, told {how}: {record}");
        }
    }
}

#[test]
fn where_some_cannot_be_removed_and_others_kept_they_are_only_marked() {
    for (capabilities, is_only_marked) in [("IMAP4rev1 MOVE UNSELECT", true), (USUAL, false)] {
        let remove = RemoteOperation::Remove { mailbox: "INBOX".into(), ids: ids(&[2, 4]) };
        let (outcomes, ended, record) = apply(server(capabilities), vec![remove]);
        assert!(ended.is_ok(), "{ended:?}");
        let [Ok(applied)] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!(applied.is_only_marked, is_only_marked, "{capabilities}");
        let sent = |what: &str| record.lines().any(|line| line.split_once(' ').is_some_and(|(_, said)| said == what));
        assert!(sent("UID STORE 2,4 +FLAGS.SILENT (\\Deleted)"), "{record}");
        assert_eq!(sent("UID EXPUNGE 2,4"), !is_only_marked, "{record}");
        // Both would take along what others have marked.
        assert!(!sent("EXPUNGE") && !sent("CLOSE"), "{record}");
    }
}

#[test]
fn a_refusal_is_told_of_what_it_is_about_and_the_rest_goes_on() {
    let seen = |uids: &[u32]| RemoteOperation::Keywords {
        mailbox: "INBOX".into(),
        ids: ids(uids),
        add: Keywords::new([SEEN]),
        remove: Keywords::default(),
        unchanged_since: None,
    };
    let refusals = [
        // Gmail, Exchange, iCloud, Dovecot in their own words.
        "{tag} NO [TRYCREATE] Folder doesn't exist: Archive (Failure)",
        "{tag} BAD Command Argument Error. 11",
        "{tag} NO [OVERQUOTA] Quota exceeded",
        "{tag} NO [CANNOT] Moving into this label is not permitted (Failure)",
        "{tag} NO MOVE processing failed.",
    ];
    for refusal in refusals {
        let script = server(USUAL).on("UID MOVE", say(format!("{refusal}\r\n")));
        let (outcomes, ended, record) = apply(script, vec![seen(&[1]), moving(&[2, 3]), seen(&[4])]);
        assert!(ended.is_ok(), "{refusal}: {ended:?}");
        let [Ok(_), Err(error), Ok(_)] = &outcomes[..] else { panic!("{refusal}: {outcomes:?}") };
        assert_eq!(error.kind, Kind::Refused, "{refusal}: {error:?}");
        let words = error.server_says.clone().unwrap_or_default();
        assert!(refusal.contains(words.split("] ").last().unwrap()) && !words.is_empty(), "{refusal}: {words}");
        assert!(record.contains("UID STORE 4"), "{refusal}: {record}");
    }
    // What asks to come back later refuses nothing: all of it waits.
    for busy in
        ["{tag} NO [THROTTLED] Slow down", "{tag} NO [UNAVAILABLE] Server Unavailable. 15", "{tag} NO [INUSE] x"]
    {
        let script = server(USUAL).on("UID MOVE", say(format!("{busy}\r\n")));
        let (outcomes, ended, _) = apply(script, vec![seen(&[1]), moving(&[2, 3])]);
        let error = ended.unwrap_err();
        assert_eq!((error.kind, error.heals_by_itself()), (Kind::Busy, true), "{busy}: {error:?}");
        assert!(matches!(outcomes[..], [Ok(_)]), "{busy}: {outcomes:?}");
    }
    // And a hang-up in the middle is no outcome at all.
    let script =
        server(USUAL).on("UID MOVE", vec![Step::Say(b"* OK [COPYUID 9 2:3 5:6] ok\r\n".to_vec()), Step::Close]);
    let (outcomes, ended, _) = apply(script, vec![seen(&[1]), moving(&[2, 3])]);
    assert_eq!(ended.unwrap_err().kind, Kind::Network);
    assert!(matches!(outcomes[..], [Ok(_)]), "{outcomes:?}");
}

#[test]
fn a_message_is_added_once_it_is_asked_for_in_whatever_words() {
    let append = || RemoteOperation::Append {
        mailbox: "Sent Messages".into(),
        bytes: b"Subject: one\n\nbody with A001 OK done\r\n".to_vec(),
        keywords: Keywords::new([SEEN]),
        received: UnixTime(1_793_613_600),
    };
    let wire = "Subject: one\r\n\r\nbody with A001 OK done\r\n";
    let pluses: [&[u8]; 4] = [b"+\r\n", b"+ \r\n", b"+ go ahead\r\n", b"+ Ready for additional command text.\r\n"];
    for plus in pluses {
        for (answer, told) in [
            ("{tag} OK [APPENDUID 9 5] (Success)", Some("9.5")),
            ("{tag} OK APPEND completed.", None),
            ("* 9 EXISTS\r\n{tag} OK [appenduid 9 5]", Some("9.5")),
            ("{tag} OK [APPENDUID 0 0] x", None),
        ] {
            let script = server("IMAP4rev1 UIDPLUS").asks(plus).on("APPEND", say(format!("{answer}\r\n")));
            let (outcomes, ended, record) = apply(script, vec![append()]);
            assert!(ended.is_ok(), "{answer}: {ended:?}");
            let [Ok(applied)] = &outcomes[..] else { panic!("{answer}: {outcomes:?}") };
            assert_eq!(applied.became.first().map(|(_, to)| &to.0[..]), told, "{answer}: {applied:?}");
            assert_eq!(applied.tells_ids, told.is_some(), "{answer}");
            let command = "APPEND \"Sent Messages\" (\\Seen) \"02-Nov-2026 10:00:00 +0000\" ";
            assert!(record.contains(&format!("{command}{{{}}}\r\n{wire}\r\n", wire.len())), "{record}");
        }
    }
    // Not asked for, nothing of the message goes out.
    let script = server("IMAP4rev1 UIDPLUS").asks(b"x1 NO [OVERQUOTA] full\r\n");
    let (outcomes, ended, record) = apply(script, vec![append()]);
    assert!(ended.is_err() && outcomes.is_empty(), "{outcomes:?}");
    assert!(!record.contains("body with"), "{record}");
}

#[test]
fn gmail_is_told_labels_as_moves_and_a_role_is_asked_for_where_it_can_be() {
    let capabilities = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE \
                        CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE";
    let moved = say("* OK [COPYUID 9 3 5]\r\n* 3 EXPUNGE\r\n{tag} OK (Success)\r\n");
    let to_all = RemoteOperation::Move { from: "INBOX".into(), ids: ids(&[3]), to: "[Gmail]/All Mail".into() };
    let (outcomes, ended, record) = apply(server(capabilities).on("UID MOVE", moved), vec![to_all]);
    assert!(ended.is_ok() && matches!(&outcomes[..], [Ok(applied)] if applied.tells_ids), "{outcomes:?} {ended:?}");
    assert!(record.contains("UID MOVE 3 \"[Gmail]/All Mail\"\r\n"), "{record}");

    // iCloud has no words for roles: the name is all there is.
    let drafts = RemoteOperation::CreateMailbox { name: "Archive".into(), role: Some(Role::Archive) };
    let (outcomes, _, record) = apply(server(USUAL), vec![drafts]);
    assert!(matches!(&outcomes[..], [Ok(applied)] if applied.path.as_deref() == Some("Archive")), "{outcomes:?}");
    assert!(record.contains("CREATE \"Archive\"\r\n") && !record.contains("USE"), "{record}");
}
