//! Servers that nobody can run here, as transcripts: Gmail, Exchange (Outlook.com, Microsoft 365), iCloud and NetEase
//! in the forms that their own documents and other programs' bug reports show.
//!
//! The transcripts are put together from those, not recorded: they show that Surat bears what is known of each.

use std::time::Duration;

use surat::backend::imap::{Credentials, Imap};
use surat::backend::{Backend, Error, Kind, News};
use surat::mail::mailbox::Role;

use super::imap::{Mirror, PATIENT, fetch, plain, talk, uid, whole};
use crate::support::scripted::{HEADER, Script, Scripted, Step, listen, say};

/// Says some lines; `{header}` stands for the one message as a literal.
fn lines(text: &str) -> Vec<Step> {
    let literal = format!("{{{}}}\r\n{HEADER}", HEADER.len());
    say(text.replace('\n', "\r\n").replace("{header}", &literal))
}

fn gmail() -> Script {
    Script::new()
        .greet(say("* OK Gimap ready for requests from 198.51.100.7 q12mb34567\r\n"))
        .on(
            "CAPABILITY",
            lines(
                "* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR \
                 AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER\n{tag} OK Thats all she wrote! q12\n",
            ),
        )
        .on(
            "LOGIN",
            lines(
                "* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS \
                 COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- \
                 SPECIAL-USE APPENDLIMIT=35651584\n{tag} OK ani@example.org authenticated (Success)\n",
            ),
        )
        .on("ID (", lines("* ID (\"name\" \"GImap\" \"vendor\" \"Google, Inc.\")\n{tag} OK Success q12\n"))
        .on(
            "LIST",
            lines(
                "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\n\
                 * LIST (\\HasNoChildren) \"/\" \"Trash\"\n\
                 * LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"\n\
                 * LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/Alle Nachrichten\"\n\
                 * LIST (\\Drafts \\HasNoChildren) \"/\" \"[Gmail]/Entw&APw-rfe\"\n\
                 * LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Gesendet\"\n\
                 * LIST (\\Flagged \\HasNoChildren) \"/\" \"[Gmail]/Markiert\"\n\
                 * LIST (\\HasNoChildren \\Trash) \"/\" \"[Gmail]/Papierkorb\"\n\
                 * LIST (\\HasNoChildren \\Junk) \"/\" \"[Gmail]/Spam\"\n\
                 * LIST (\\HasNoChildren \\Important) \"/\" \"[Gmail]/Wichtig\"\n\
                 {tag} OK Success\n",
            ),
        )
        .on(
            "SELECT",
            lines(
                "* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing)\n\
                 * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing \\*)] \
                 Flags permitted.\n\
                 * OK [UIDVALIDITY 1] UIDs valid.\n* 1 EXISTS\n* 0 RECENT\n* OK [UIDNEXT 2] Predicted next UID.\n\
                 * OK [HIGHESTMODSEQ 1957]\n{tag} OK [READ-WRITE] INBOX selected. (Success)\n",
            ),
        )
        .on(
            "FETCH",
            // Labels that nobody asked for, with all that may stand in one.
            lines(
                "* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\"\\\\Inbox\" \\Sent \"a)b\" {3}\nx)y Muy) \
                 UID 1 RFC822.SIZE 80 INTERNALDATE \"02-Nov-2026 10:00:00 +0000\" FLAGS (\\Seen $Phishing) \
                 BODY[HEADER.FIELDS (DATE FROM SENDER REPLY-TO TO CC BCC SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES \
                 LIST-ID)] {header})\n{tag} OK Success\n",
            ),
        )
        .on("IDLE", listen("+ idling\r\n* 2 EXISTS\r\n"))
}

fn exchange() -> Script {
    let capabilities = "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN \
                        IDLE NAMESPACE LITERAL+\n{tag} OK CAPABILITY completed.\n";
    Script::new()
        .greet(say("* OK The Microsoft Exchange IMAP4 service is ready. [UwBHADIAUABSADAANgBDAEEA]\r\n"))
        .on("CAPABILITY", lines(capabilities))
        .on("LOGIN", lines("{tag} OK LOGIN completed.\n"))
        .on("ID (", lines("* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\")\n{tag} OK ID completed\n"))
        .on(
            "LIST",
            lines(
                "* LIST (\\Marked \\HasNoChildren) \"/\" Archive\n\
                 * LIST (\\HasChildren) \"/\" Calendar\n\
                 * LIST (\\HasNoChildren) \"/\" \"Calendar/United States holidays\"\n\
                 * LIST (\\HasNoChildren \\Trash) \"/\" \"Deleted Items\"\n\
                 * LIST (\\HasNoChildren \\Drafts) \"/\" Drafts\n\
                 * LIST (\\Marked \\HasNoChildren) \"/\" INBOX\n\
                 * LIST (\\HasNoChildren \\Junk) \"/\" \"Junk Email\"\n\
                 * LIST (\\HasNoChildren) \"/\" Outbox\n\
                 * LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"\n\
                 {tag} OK LIST completed.\n",
            ),
        )
        .on("LSUB", lines("* LSUB () \"/\" INBOX\n{tag} OK LSUB completed.\n"))
        .on("STATUS", lines("* STATUS INBOX (MESSAGES 1) \n{tag} OK STATUS completed.\n"))
        .on(
            "SELECT",
            lines(
                "* 1 EXISTS\n* 1 RECENT\n* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)\n\
                 * OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)] Permanent flags\n\
                 * OK [UNSEEN 1] Is the first unseen message\n* OK [UIDVALIDITY 14] UIDVALIDITY value\n\
                 * OK [UIDNEXT 2] The next unique identifier value\n{tag} OK [READ-WRITE] SELECT completed.\n",
            ),
        )
        .on(
            "FETCH",
            // The size is a guess, the day has no zero, and the items come in an order of their own.
            lines(
                "* 1 FETCH (BODY[HEADER.FIELDS (DATE FROM SENDER REPLY-TO TO CC BCC SUBJECT MESSAGE-ID IN-REPLY-TO \
                 REFERENCES LIST-ID)] {header} UID 1 FLAGS (\\Seen) INTERNALDATE \" 2-Nov-2026 10:00:00 +0000\" \
                 RFC822.SIZE 1337)\n{tag} OK FETCH completed.\n",
            ),
        )
        .on("IDLE", listen("+ IDLE accepted, awaiting DONE command.\r\n* 2 EXISTS\r\n* 1 RECENT\r\n"))
}

fn icloud() -> Script {
    Script::new()
        .greet(lines(
            "* OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=ATOKEN AUTH=PLAIN AUTH=ATOKEN2 \
             AUTH=XOAUTH2] (2224B20-1a2b3c) imap.example.org\n",
        ))
        .on(
            "LOGIN",
            lines(
                "{tag} OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 ACL QUOTA LITERAL+ NAMESPACE UIDPLUS CHILDREN \
                 BINARY UNSELECT SORT CATENATE URLAUTH LANGUAGE ESEARCH ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES \
                 CONDSTORE ENABLE CONTEXT=SEARCH CONTEXT=SORT WITHIN SASL-IR SEARCHRES XSENDER X-NETSCAPE XSERVERINFO \
                 X-SUN-SORT ANNOTATE-EXPERIMENT-1 X-UNAUTHENTICATE X-SUN-IMAP X-ANNOTATEMORE XUM1 ID IDLE] User ani \
                 logged in\n",
            ),
        )
        .on(
            "LIST",
            // Roles can only be told by the names.
            lines(
                "* LIST (\\Noinferiors) \"/\" INBOX\n* LIST (\\HasNoChildren) \"/\" Archive\n\
                 * LIST (\\HasNoChildren) \"/\" \"Deleted Messages\"\n* LIST (\\HasNoChildren) \"/\" Drafts\n\
                 * LIST (\\HasNoChildren) \"/\" Junk\n* LIST (\\HasNoChildren) \"/\" Notes\n\
                 * LIST (\\HasNoChildren) \"/\" \"Sent Messages\"\n{tag} OK LIST completed (took 4 ms)\n",
            ),
        )
        .on(
            "SELECT",
            lines(
                "* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Forwarded)\n\
                 * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Forwarded \\*)] \n* 1 EXISTS\n\
                 * 0 RECENT\n* OK [UIDVALIDITY 1446729921] \n* OK [UIDNEXT 2] \n* OK [HIGHESTMODSEQ 42] \n\
                 {tag} OK [READ-WRITE] SELECT completed (took 9 ms)\n",
            ),
        )
        .on("IDLE", listen("+ idling\r\n* 2 EXISTS\r\n"))
}

fn netease() -> Script {
    let capabilities = "* CAPABILITY IMAP4rev1 XLIST SPECIAL-USE ID LITERAL+ STARTTLS APPENDLIMIT=71680000 \
                        XAPPLEPUSHSERVICE UIDPLUS X-CM-EXT-1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2\n\
                        {tag} OK CAPABILITY completed\n";
    Script::new()
        .greet(say("* OK Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5cs])\r\n"))
        .on("CAPABILITY", lines(capabilities))
        .on("LOGIN", lines("{tag} OK LOGIN completed\n"))
        .on(
            "ID (",
            lines(
                "* ID (\"name\" \"Coremail Imap\" \"vendor\" \"Mailtech\" \"TransID\" \"x\")\n{tag} OK ID completed\n",
            ),
        )
        .on(
            "LIST",
            lines(
                "* LIST () \"/\" \"INBOX\"\n* LIST (\\Drafts) \"/\" \"&g0l6P3ux-\"\n* LIST (\\Sent) \"/\" \
                 \"&XfJT0ZAB-\"\n* LIST (\\Trash) \"/\" \"&XfJSIJZk-\"\n* LIST (\\Junk) \"/\" \"&V4NXPpCuTvY-\"\n\
                 {tag} OK LIST Completed\n",
            ),
        )
        .on(
            "SELECT",
            lines(
                "* 1 EXISTS\n* 0 RECENT\n* OK [UIDVALIDITY 1] UIDs valid\n* FLAGS (\\Answered \\Seen \\Deleted \\Draft \
                 \\Flagged)\n* OK [PERMANENTFLAGS (\\Answered \\Seen \\Deleted \\Draft \\Flagged)] Limited\n\
                 {tag} OK [READ-WRITE] SELECT completed\n",
            ),
        )
        // It has no IDLE: news come when they are asked for.
        .on("NOOP", lines("* 2 EXISTS\n{tag} OK NOOP completed\n"))
}

/// A provider's name, its server, and the folders that have a task.
type Provider = (&'static str, Script, Vec<(Role, &'static str)>);

fn providers() -> Vec<Provider> {
    vec![
        (
            "Gmail",
            gmail(),
            vec![
                (Role::All, "[Gmail]/Alle Nachrichten"),
                (Role::Drafts, "[Gmail]/Entwürfe"),
                (Role::Sent, "[Gmail]/Gesendet"),
                (Role::Flagged, "[Gmail]/Markiert"),
                (Role::Trash, "[Gmail]/Papierkorb"),
                (Role::Junk, "[Gmail]/Spam"),
                (Role::Important, "[Gmail]/Wichtig"),
            ],
        ),
        (
            "Exchange",
            exchange(),
            vec![
                (Role::Archive, "Archive"),
                (Role::Drafts, "Drafts"),
                (Role::Junk, "Junk Email"),
                (Role::Sent, "Sent Items"),
                (Role::Trash, "Deleted Items"),
            ],
        ),
        (
            "iCloud",
            icloud(),
            vec![
                (Role::Archive, "Archive"),
                (Role::Drafts, "Drafts"),
                (Role::Junk, "Junk"),
                (Role::Sent, "Sent Messages"),
                (Role::Trash, "Deleted Messages"),
            ],
        ),
        (
            "NetEase",
            netease(),
            vec![(Role::Drafts, "草稿箱"), (Role::Sent, "已发送"), (Role::Trash, "已删除"), (Role::Junk, "垃圾邮件")],
        ),
    ]
}

async fn sign_in(server: &Scripted) -> Result<Imap, Error> {
    Imap::connect(&plain(server.port), &Credentials::new("ani".into(), "geheim".into()), PATIENT).await
}

#[test]
fn each_provider_is_read_from_its_folders_to_its_news() {
    for (provider, script, roles) in providers() {
        let server = script.start();
        let record = talk(async move {
            let mut imap = sign_in(&server).await.unwrap();
            let folders = imap.mailboxes().await.unwrap();
            for (role, name) in [vec![(Role::Inbox, "INBOX")], roles].concat() {
                let found: Vec<_> = folders.iter().filter(|folder| folder.role == Some(role)).collect();
                assert!(matches!(found[..], [folder] if folder.name == name), "{provider}: {role:?}: {found:?}");
            }
            let mut mirror = Mirror::default();
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            let [one] = &pulled.arrived[..] else { panic!("{provider}: {:?}", pulled.arrived) };
            assert_eq!((uid(&one.id), &one.header.subject[..]), (1, "One"), "{provider}");
            assert!(one.keywords.is_seen(), "{provider}: {:?}", one.keywords);
            assert_eq!(one.received.0, 1_793_613_600, "{provider}");
            let bodies = whole(&fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap());
            assert_eq!(bodies[&one.id], HEADER.as_bytes(), "{provider}");
            assert_ne!(imap.wait("INBOX", Duration::from_secs(10)).await.unwrap(), News::TimedOut, "{provider}");
            imap.close().await;
            server.record().text()
        });
        // NetEase opens no mailbox for who has not said what it is.
        let place = |what: &str| record.find(what).unwrap_or_else(|| panic!("{provider}: no {what} in\n{record}"));
        if provider != "iCloud" {
            assert!(place(" LOGIN ") < place(" ID (") && place(" ID (") < place(" SELECT "), "{provider}:\n{record}");
        }
    }
}

#[test]
fn one_message_under_many_labels_is_known_as_one() {
    let server = gmail().start();
    talk(async move {
        let mut imap = sign_in(&server).await.unwrap();
        let mut ids = Vec::new();
        for label in ["INBOX", "[Gmail]/Alle Nachrichten", "[Gmail]/Wichtig"] {
            let pulled = Mirror::default().pull(&mut imap, label).await.unwrap();
            ids.push(pulled.arrived[0].object_id.clone());
        }
        assert_eq!(ids, vec![Some("1278455344230334865".to_owned()); 3]);
        assert!(server.record().text().contains("X-GM-MSGID"));
    });
}

#[test]
fn a_label_named_like_a_folder_with_a_task_does_not_take_it_over() {
    let server = gmail().start();
    talk(async move {
        let folders = sign_in(&server).await.unwrap().mailboxes().await.unwrap();
        let role = |name: &str| folders.iter().find(|folder| folder.name == name).map(|folder| folder.role);
        assert_eq!((role("Trash"), role("[Gmail]/Papierkorb")), (Some(None), Some(Some(Role::Trash))));
        assert!(folders.iter().any(|folder| folder.name == "[Gmail]" && !folder.is_selectable));
    });
}

#[test]
fn a_refused_sign_in_is_told_apart_from_a_busy_server() {
    let cases = [
        ("{tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\n", Kind::SignIn, "refused"),
        (
            "{tag} NO [ALERT] Application-specific password required: \
             https://support.google.com/accounts/answer/185833 (Failure)\n",
            Kind::SignIn,
            "app password",
        ),
        (
            "* NO [WEBALERT https://accounts.google.com/signin/continue?x=1] Web login required.\n{tag} NO [ALERT] \
             Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)\n",
            Kind::SignIn,
            "refused",
        ),
        ("{tag} NO [ALERT] Too many simultaneous connections. (Failure)\n", Kind::Busy, "later"),
        ("{tag} NO [UNAVAILABLE] Temporary authentication failure\n", Kind::Busy, "later"),
        ("{tag} NO LOGIN failed.\n", Kind::SignIn, "refused"),
        ("{tag} NO [AUTHENTICATIONFAILED] Authentication failed\n", Kind::SignIn, "refused"),
    ];
    for (answer, kind, words) in cases {
        let server = gmail_with("LOGIN", lines(answer)).start();
        let error = talk(async move { sign_in(&server).await.unwrap_err() });
        assert_eq!(error.kind, kind, "{answer}: {error}");
        assert!(error.what.contains(words), "{answer}: {error}");
        assert_eq!(error.heals_by_itself(), kind == Kind::Busy, "{answer}");
    }
    let only_tokens =
        "* CAPABILITY IMAP4 IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2 SASL-IR\n{tag} OK CAPABILITY completed.\n";
    let server = Script::new().on("CAPABILITY", lines(only_tokens)).start();
    let record = talk(async move {
        let error = sign_in(&server).await.unwrap_err();
        assert_eq!(error.kind, Kind::SignIn, "{error}");
        server.record().text()
    });
    assert!(!record.contains("geheim") && !record.contains("LOGIN"), "{record}");
}

/// Gmail, but one command is answered otherwise.
fn gmail_with(verb: &str, steps: Vec<Step>) -> Script {
    let greeting = say("* OK Gimap ready for requests from 198.51.100.7 q12mb34567\r\n");
    Script::new().greet(greeting).on(verb, steps)
}

#[test]
fn a_bare_plus_asks_for_the_rest_as_well_as_one_with_words() {
    let capabilities = "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN IDLE\n{tag} OK done\n";
    for plus in ["+\r\n", "+ \r\n", "+ go on\r\n", "+ OK send it\r\n"] {
        let server = Script::new()
            .on("CAPABILITY", lines(capabilities))
            .on("AUTHENTICATE", listen(plus))
            .on("IDLE", listen(&format!("{plus}* 2 EXISTS\r\n")))
            .start();
        let record = talk(async move {
            let mut imap = sign_in(&server).await.unwrap_or_else(|error| panic!("{plus:?}: {error}"));
            Mirror::default().pull(&mut imap, "INBOX").await.unwrap();
            assert_ne!(imap.wait("INBOX", Duration::from_secs(10)).await.unwrap(), News::TimedOut, "{plus:?}");
            server.record().text()
        });
        let said: Vec<&str> = record.lines().skip_while(|line| !line.contains("AUTHENTICATE PLAIN")).collect();
        assert_eq!(said.get(1), Some(&"AGFuaQBnZWhlaW0="), "{plus:?}:\n{record}");
    }
}

#[test]
fn refusals_in_a_providers_own_words_are_errors_and_no_deletions() {
    let cases = [
        // NetEase, when it does not like who asks.
        ("SELECT", "{tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help\n", Kind::Refused),
        // Exchange, when the mailbox behind the sign-in is not there.
        ("LIST", "{tag} BAD User is authenticated but not connected.\n", Kind::Protocol),
        ("SELECT", "{tag} NO [UNAVAILABLE] Server Unavailable. 15\n", Kind::Busy),
        // Gmail, when too much was fetched.
        ("SELECT", "{tag} NO [THROTTLED] Account exceeded bandwidth limits. (Failure)\n", Kind::Busy),
    ];
    for (verb, answer, kind) in cases {
        let (whole, refusing) = (Script::new().start(), gmail_with(verb, lines(answer)).start());
        talk(async move {
            let mut mirror = Mirror::default();
            mirror.pull(&mut sign_in(&whole).await.unwrap(), "INBOX").await.unwrap();
            let mut imap = sign_in(&refusing).await.unwrap();
            let listed = imap.mailboxes().await.map(drop);
            let error = match listed {
                Ok(()) => mirror.pull(&mut imap, "INBOX").await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(error.kind, kind, "{answer}: {error}");
            assert!(error.server_says.is_some_and(|words| answer.contains(&words)), "{answer}");
            assert_eq!(mirror.messages.len(), 1, "{answer}");
        });
    }
}

#[test]
fn a_session_that_the_provider_ends_heals_by_itself() {
    for bye in [
        "* BYE Session expired, please login again.",
        "* BYE Connection is closed. 13",
        "* BYE Session invalidated - AccessTokenExpired",
        "* BYE Idle timeout. Client should have checked in sooner.",
    ] {
        let server =
            Script::new().on("IDLE", [say(format!("+ idling\r\n{bye}\r\n")), vec![Step::Close]].concat()).start();
        talk(async move {
            let mut imap = sign_in(&server).await.unwrap();
            Mirror::default().pull(&mut imap, "INBOX").await.unwrap();
            let error = imap.wait("INBOX", Duration::from_secs(10)).await.unwrap_err();
            assert!(error.heals_by_itself(), "{bye}: {error}");
            assert!(bye.contains(error.server_says.as_deref().unwrap()), "{bye}: {error:?}");
        });
    }
}
