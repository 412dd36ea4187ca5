//! Servers that say which copies are one message (RFC 8474's EMAILID, Gmail's X-GM-MSGID), which Dovecot does not:
//! what they answer is written down here.

use std::sync::Arc;

use surat::accounts::sync::once;
use surat::config::account::{Account, Auth, Password, Security, Server, Source};
use surat::mail::mailbox::Role;
use surat::mail::view::View;
use surat::store::Store;

use crate::backend::imap::talk;
use crate::support::scripted::{Script, Scripted, say};

/// Messages in the folder that holds all; more than the first portion asks for.
const ALL: u32 = 51;
const GMAIL: &str = "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE \
                     ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584";
const OBJECTID: &str = "IMAP4rev1 IDLE UIDPLUS ENABLE CONDSTORE ESEARCH LIST-EXTENDED SPECIAL-USE OBJECTID";

fn raw(number: u32) -> String {
    format!(
        "From: Ani <ani@example.org>\r\nSubject: Letter {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\nHi\r\n"
    )
}

/// A server whose inbox has only the newest message of its folder with all. `word` is how it names one message.
fn server(capabilities: &str, word: fn(u32) -> String) -> Scripted {
    let header = |at: u32, uid: u32, number: u32| {
        let (word, raw) = (word(number), raw(number));
        let head = raw.split_inclusive("\r\n\r\n").next().unwrap();
        format!(
            "* {at} FETCH ({word} UID {uid} RFC822.SIZE {} INTERNALDATE \"02-Nov-2026 10:00:00 +0000\" FLAGS (\\Seen) \
             MODSEQ (7) BODY[HEADER.FIELDS (DATE FROM)] {{{}}}\r\n{head})\r\n",
            raw.len(),
            head.len()
        )
    };
    let body = |at: u32, uid: u32, number: u32| {
        let raw = raw(number);
        format!("* {at} FETCH (UID {uid} BODY[] {{{}}}\r\n{raw})\r\n", raw.len())
    };
    let done = |lines: String| say(format!("{lines}{{tag}} OK Success\r\n"));
    let opened = |exists: u32, next: u32| {
        done(format!(
            "* FLAGS (\\Seen)\r\n* OK [UIDVALIDITY 7] go\r\n* {exists} EXISTS\r\n* 0 RECENT\r\n* OK [UIDNEXT {next}] go\r\n\
             * OK [HIGHESTMODSEQ 9] go\r\n"
        ))
    };
    let folders = "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n* LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"\r\n\
                   * LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/All Mail\"\r\n";
    Script::new()
        .on("CAPABILITY", done(format!("* CAPABILITY {capabilities}\r\n")))
        .on("LIST", done(folders.into()))
        .on("SELECT \"INBOX\"", opened(1, 6))
        .on("SELECT \"[GMAIL]/ALL MAIL\"", opened(ALL, 200))
        .on("FETCH 1:* ", done(header(1, 5, ALL)))
        .on("FETCH 2:* ", done((2..=ALL).map(|number| header(number, 100 + number, number)).collect()))
        .on("UID SEARCH", done(format!("* ESEARCH (TAG \"x\") UID ALL 101:{}\r\n", 100 + ALL)))
        .on("UID FETCH 101:101 ", done(header(1, 101, 1)))
        .on("UID FETCH 5 ", done(body(1, 5, ALL)))
        .on("UID FETCH 101:150 ", done((1..ALL).map(|number| body(number, 100 + number, number)).collect()))
        .start()
}

/// Brings the account into step, and gives the store with all that was said to the server.
fn sync(server: &Scripted, dir: &std::path::Path) -> (Store, String) {
    let imap = Server {
        host: "127.0.0.1".into(),
        port: server.port,
        security: Security::None,
        username: "ani".into(),
        password: Some(Password::Command("echo geheim".into())),
        auth: Auth::default(),
        ca_file: None,
    };
    let account = Account::new("test", "ani@example.org", Source::Imap(imap));
    let store = Store::open(dir).unwrap();
    let there = store.clone();
    let synced = talk(async move { once(&there, &[account], &(Arc::new(|_| {}) as _)).await.remove(0) });
    assert_eq!(synced.report.error, None);
    (store, server.record().text())
}

#[test]
fn copies_that_the_server_calls_one_message_are_one_email_whose_body_comes_once() {
    let gmail: fn(u32) -> String = |number| format!("X-GM-MSGID {}", 1_278_455_344_230_334_000 + u64::from(number));
    let object: fn(u32) -> String = |number| format!("EMAILID (M6d99ac3275bb4e{number:03})");
    let both = &format!("{OBJECTID} X-GM-EXT-1");
    for (capabilities, word, asked) in
        [(GMAIL, gmail, " X-GM-MSGID "), (OBJECTID, object, " EMAILID "), (both, object, " EMAILID ")]
    {
        let dir = tempfile::tempdir().unwrap();
        let (store, said) = sync(&server(capabilities, word), dir.path());
        let fetches: Vec<&str> = said.lines().filter(|line| line.contains("HEADER.FIELDS")).collect();
        assert!(!fetches.is_empty() && fetches.iter().all(|line| line.contains(asked)), "{fetches:?}");
        let mailboxes = store.mailboxes(None).unwrap();
        let emails = |role| {
            let mailbox = mailboxes.iter().find(|mailbox| mailbox.role == Some(role)).unwrap();
            store.emails(&View::Mailbox(mailbox.id), None, 1_000).unwrap()
        };
        let (inbox, all) = (emails(Role::Inbox), emails(Role::All));
        assert_eq!((inbox.len(), all.len()), (1, ALL as usize), "{capabilities}");
        assert!(all.iter().any(|email| email.id == inbox[0].id), "{capabilities}: two emails of one message");
        assert_eq!(store.raw(inbox[0].id).unwrap().as_deref(), Some(raw(ALL).as_bytes()));
        assert!(all.iter().all(|email| email.is_stored), "{capabilities}");
        let bodies: Vec<&str> = said.lines().filter(|line| line.contains("BODY.PEEK[]")).collect();
        assert_eq!(bodies.len(), 2, "{bodies:?}");
    }
}

#[test]
fn copies_of_a_server_that_names_none_are_not_joined_because_they_look_alike() {
    let dir = tempfile::tempdir().unwrap();
    let plain = OBJECTID.replace(" OBJECTID", "");
    let silent: fn(u32) -> String = |number| format!("MODSEQ ({number})");
    let script = server(&plain, silent);
    let (store, said) = sync(&script, dir.path());
    assert!(!said.contains("EMAILID") && !said.contains("X-GM-MSGID"), "{said}");
    let mailboxes = store.mailboxes(None).unwrap();
    let ids = mailboxes.iter().filter(|mailbox| mailbox.is_selectable).flat_map(|mailbox| {
        let emails = store.emails(&View::Mailbox(mailbox.id), None, 1_000).unwrap();
        emails.into_iter().map(|email| email.id)
    });
    assert_eq!(ids.collect::<std::collections::HashSet<_>>().len(), ALL as usize + 1);
}
