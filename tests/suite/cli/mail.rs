//! The commands on mail that is here: list, show, change, undo, export.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use surat::mail::address::Address;
use surat::mail::email::Header;
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::remote::{Arrived, Cursor, Delta, RemoteId, RemoteMailbox};
use surat::mail::time::UnixTime;
use surat::store::{Body, Store};

use crate::cli::{Home, maildir};

pub const PLAIN: &[u8] = b"From: Budi Santoso <budi@example.org>\r\nTo: Ayu <ayu@example.org>\r\nCc: c@example.org\r\n\
    Subject: =?utf-8?q?Rapat_b=C3=A9sok?=\r\nDate: Mon, 02 Nov 2026 10:00:00 +0700\r\nMessage-ID: <one@example.org>\r\n\
    \r\nSelamat pagi,\r\n\r\nFrom here on it gets interesting.\r\n>From there too.\r\n";

pub const HOSTILE: &[u8] =
    b"From: \"Bank\x1b]0;owned\x07 \xe2\x80\xaeknab\" <x@\x1b[31mevil.test>\r\nTo: ayu@example.org\r\n\
    Subject: \x1b[2J\x1b[31mred\x9b31m\xc2\x9b31m =?utf-8?q?=1B=5B5mblink=07?=\r\n\
    Date: Tue, 03 Nov 2026 10:00:00 +0700\r\nMessage-ID: <two@example.org>\r\n\r\nbody \x1b[31mred\x07 \xc2\x9b5m\r\n";

pub const ATTACHED: &[u8] = b"From: Citra <citra@example.org>\nTo: ayu@example.org\nSubject: The invoice\n\
    Date: Wed, 04 Nov 2026 10:00:00 +0700\nMessage-ID: <three@example.org>\nMIME-Version: 1.0\n\
    Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nPlease pay soon.\n\
    --b\nContent-Type: application/pdf; name=\"../../invoice.pdf\"\nContent-Transfer-Encoding: base64\n\
    Content-Disposition: attachment; filename=\"../../invoice.pdf\"\n\nJVBERi0xLjQK\n--b--\n";

pub const LISTED: &[u8] = b"Subject: listed\n\nhello list\n";

/// Headers without a body, without a line end: the smallest thing that is mail.
pub const BARE: &[u8] =
    b"From: d@example.org\nSubject: bare\nDate: Sun, 01 Nov 2026 10:00:00 +0000\nMessage-ID: <four@example.org>";

/// Gives the names of the files in a folder of a Maildir.
pub fn names(folder: &Path) -> Vec<String> {
    let files = ["cur", "new"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What the header fields of a sample say, as its parser would; the store does not read them itself.
fn header(from: (&str, &str), to: &str, subject: &str, date: i64, message_id: &str) -> Header {
    Header {
        from: vec![Address::new(Some(from.0), from.1)],
        to: vec![Address::new(if to.starts_with("ayu@e") { None } else { Some("Ayu") }, "ayu@example.org")],
        subject: subject.to_owned(),
        date: Some(UnixTime(date)),
        message_id: Some(message_id.to_owned()),
        ..Header::default()
    }
}

/// A home whose store has mail, as a sync would have left it.
fn stored() -> Home {
    let home = Home::new();
    maildir(&home.path("Mail"), &[]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let store = Store::open(&home.path(".local/share/surat")).unwrap();
    let account = store.account("home").unwrap();
    let mailbox = |path: &str, name: &str, role| RemoteMailbox {
        path: path.to_owned(),
        name: name.to_owned(),
        role,
        is_selectable: true,
        is_subscribed: true,
    };
    let mailboxes = store
        .reconcile_mailboxes(
            account,
            &[
                mailbox("INBOX", "INBOX", Some(Role::Inbox)),
                mailbox(".Archive", "Archive", Some(Role::Archive)),
                mailbox(".Trash", "Trash", Some(Role::Trash)),
                mailbox(".Lists.rust", "Lists/rust", None),
            ],
        )
        .unwrap();
    let hostile = "\u{1b}[2J\u{1b}[31mred\u{9b}31m \u{1b}[5mblink\u{7}";
    let mut one =
        header(("Budi Santoso", "budi@example.org"), "Ayu", "Rapat b\u{e9}sok", 1_793_588_400, "one@example.org");
    one.cc = vec![Address::new(None, "c@example.org")];
    let bank = ("Bank\u{1b}]0;owned\u{7} \u{202e}knab", "x@\u{1b}[31mevil.test");
    let samples = [
        (0, PLAIN, one, "", 1_793_588_400),
        (0, HOSTILE, header(bank, "ayu@e", hostile, 1_793_674_800, "two@example.org"), "$flagged", 1_793_674_800),
        (
            0,
            ATTACHED,
            header(("Citra", "citra@example.org"), "ayu@e", "The invoice", 1_793_761_200, "three@example.org"),
            "$answered $seen $forwarded work",
            1_793_761_200,
        ),
        (
            0,
            BARE,
            header(("", "d@example.org"), "ayu@e", "bare", 1_793_527_200, "four@example.org"),
            "$seen",
            1_793_527_200,
        ),
        (
            3,
            LISTED,
            header(("", "e@example.org"), "ayu@e", "listed", 1_790_000_000, "five@example.org"),
            "$seen",
            1_790_000_000,
        ),
    ];
    for (number, (place, raw, header, keywords, received)) in samples.into_iter().enumerate() {
        let id = RemoteId(format!("remote{number}"));
        let arrived = Arrived {
            id: id.clone(),
            keywords: Keywords::from_text(keywords),
            received: UnixTime(received),
            size: raw.len() as u64,
            header,
            object_id: None,
        };
        let deltas = [Delta::Arrived(Box::new(arrived)), Delta::Commit(Cursor("cursor".to_owned()))];
        store.apply(account, mailboxes[place], &deltas).unwrap();
        store.keep_bodies(vec![Body { mailbox: mailboxes[place], id, raw: raw.to_vec() }]).unwrap();
    }
    store.close();
    home
}

pub fn id_of(home: &Home, message_id: &str) -> String {
    let found = home.json(&["list", "--limit", "100"]);
    let row = found.as_array().unwrap().iter().find(|row| row["message_id"] == message_id);
    row.unwrap_or_else(|| panic!("{message_id} in {found}"))["id"].as_str().unwrap().to_owned()
}

pub fn subjects(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|row| row["subject"].as_str().unwrap()).collect()
}

#[test]
fn lists_have_the_shape_that_scripts_rely_on() {
    let home = stored();
    let list = home.json(&["list"]);
    assert_eq!(subjects(&list).len(), 4);
    assert_eq!(subjects(&list)[0], "The invoice", "newest first");
    assert_eq!(subjects(&list)[3], "bare");
    let row = list.as_array().unwrap().iter().find(|row| row["message_id"] == "one@example.org").unwrap();
    assert!(row["id"].is_string() && row["thread"].is_string(), "{row}");
    assert_eq!(row["account"], "home");
    assert_eq!(row["folders"], json!([row["folder"]]));
    assert_eq!(row["from"], json!([{"name": "Budi Santoso", "addr": "budi@example.org"}]));
    assert_eq!(row["to"], json!([{"name": "Ayu", "addr": "ayu@example.org"}]));
    assert_eq!(row["subject"], "Rapat b\u{e9}sok");
    assert_eq!(row["date"], "2026-11-02T03:00:00Z");
    assert_eq!((&row["flags"], &row["size"]), (&json!([]), &json!(PLAIN.len())));
    assert_eq!(row["has_attachments"], json!(false));
    let flags =
        |id: &str| list.as_array().unwrap().iter().find(|row| row["message_id"] == id).unwrap()["flags"].clone();
    assert_eq!(flags("two@example.org"), json!(["flagged"]));
    assert_eq!(flags("three@example.org"), json!(["answered", "$forwarded", "seen", "work"]));
    assert_eq!(subjects(&home.json(&["list", "--unread"])).len(), 2);
    assert_eq!(subjects(&home.json(&["list", "--limit", "1"])), ["The invoice"]);
    assert_eq!(subjects(&home.json(&["list", "--folder", "rust"])), ["listed"]);
    assert_eq!(subjects(&home.json(&["list", "--folder", "archive", "--account", "home"])), [""; 0]);
    assert!(home.fails(2, &["list", "--folder", "Achive"]).contains("did you mean \"Archive\"?"));
    assert!(home.fails(2, &["list", "--account", "hom"]).contains("did you mean \"home\"?"));
}

#[test]
fn a_search_finds_by_words_fields_and_state() {
    let home = stored();
    let found = |query: &[&str]| {
        let words = [&["search"], query].concat();
        let found = home.json(&words);
        let ids = found.as_array().unwrap().iter().map(|row| row["message_id"].as_str().unwrap().to_owned());
        ids.map(|id| id.split('@').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found(&["from:budi"]), "one");
    assert_eq!(found(&["from:budi OR subject:invoice"]), "three one");
    assert_eq!(found(&["interesting"]), "one", "in the text");
    assert_eq!(found(&["has:attachment"]), "three");
    assert_eq!(found(&["is:unread"]), "two one");
    assert_eq!(found(&["in:inbox -is:unread"]), "three four");
    assert_eq!(found(&["is:starred"]), "two");
    assert_eq!(found(&["in:rust"]), "five");
    assert_eq!(found(&["on:2026-11-02"]), "one");
    assert_eq!(found(&["before:2026-11", "account:home"]), "five");
    assert_eq!(found(&["--limit", "1", "--account", "home", "in:all"]), "three");
    assert_eq!(home.run(&["search", "--json", "--", "-is:read -budi"]).stdout.matches("two@example.org").count(), 1);
    assert!(home.fails(2, &["search", "budi", "-invoice"]).contains("surat search 'budi -invoice'"));
    let run = home.run(&["search", "nonesuch"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "an empty list is done: {run:?}");
    assert!(run.stderr.contains("nothing was found"), "{run:?}");
}

#[test]
fn a_search_that_is_not_understood_finds_nothing_instead_of_everything() {
    let home = stored();
    let cases: [(&[&str], &str); 11] = [
        (&["has:atachment"], "has:\"atachment\" means nothing; did you mean has:attachment ?"),
        (&["before:yesteryear"], "before:\"yesteryear\" means nothing; a date is"),
        (&["budi OR is:unraed"], "is:\"unraed\" means nothing; did you mean is:unread ?"),
        (&["frm:budi"], "\"frm:\" is not an operator; did you mean from: ?"),
        (&["list:announce"], "\"list:\" is not an operator"),
        (&["in:inbxo"], "there is no folder \"inbxo\"; did you mean in:inbox ?"),
        (&["account:hmoe"], "there is no account \"hmoe\"; did you mean account:home ?"),
        (&["--", "-in:nowhere budi"], "there is no folder \"nowhere\""),
        (&["from:"], "from: has nothing right behind it"),
        (&[""], "there is nothing in it to look for"),
        (&["\u{1f44d}"], "cannot be looked for"),
    ];
    for (query, expected) in cases {
        let refused = home.fails(2, &[&["search"], query].concat());
        assert!(refused.contains(expected) && refused.contains("nothing was searched for"), "{query:?}: {refused}");
        let words = [&["search", "--json"], query].concat();
        let run = home.run(&words);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert!(run.status == 2 && document["error"].as_str().unwrap().contains(expected), "{run:?}");
        assert_eq!(document["exit_status"], json!(2), "no rows: {document}");
    }
    assert_eq!(home.json(&["search", "\"frm:budi\" OR \"has:atachment\""]), json!([]), "quoted text is text");
    home.write_config(&format!(
        "{}\n[accounts.late]\nemail = \"l@b.org\"\nmaildir.path = \"/nowhere\"\n",
        fs::read_to_string(home.config_file()).unwrap()
    ));
    assert_eq!(home.json(&["search", "account:late"]), json!([]), "an account that was never fetched is one");
}

#[test]
fn folders_are_counted() {
    let home = stored();
    let folders = home.json(&["folders"]);
    let inbox = folders.as_array().unwrap().iter().find(|folder| folder["role"] == "inbox").unwrap();
    assert_eq!((&inbox["total"], &inbox["unread"]), (&json!(4), &json!(2)), "{folders}");
    let roles: BTreeSet<&str> =
        folders.as_array().unwrap().iter().filter_map(|folder| folder["role"].as_str()).collect();
    assert_eq!(roles, BTreeSet::from(["archive", "inbox", "trash"]), "{folders}");
}

#[test]
fn the_bytes_of_a_mail_come_out_as_they_came() {
    let home = stored();
    for (message_id, bytes) in [("one@example.org", PLAIN), ("two@example.org", HOSTILE), ("four@example.org", BARE)] {
        let id = id_of(&home, message_id);
        assert_eq!(home.run(&["show", &id, "--raw"]).bytes, bytes);
        let headers = home.run(&["show", &id, "--headers"]).bytes;
        assert!(bytes.starts_with(&headers) && (headers.ends_with(b"\r\n\r\n") || headers == BARE), "{headers:?}");
    }
    assert!(home.fails(1, &["show", "zzz"]).contains("there is no mail with the id zzz"));
    for command in [&["show", "zzz"][..], &["attachments", "zzz"], &["mark", "zzz", "--read"], &["archive", "zzz"]] {
        assert!(home.json_failure(1, command).contains("there is no mail with the id zzz"), "{command:?}");
    }
    assert!(home.fails(1, &["show", "hello!"]).contains("not an id"));
    let refused = home.json_failure(2, &["show", "zzz", "--raw"]);
    assert!(refused.contains("leave out --json"), "{refused}");
}

#[test]
fn each_change_is_undone_by_another_process() {
    let home = stored();
    let id = id_of(&home, "one@example.org");
    let state = |home: &Home| {
        let shown = home.json(&["show", &id]);
        (shown["flags"].clone(), shown["folders"].clone())
    };
    let before = state(&home);
    let changes: [&[&str]; 8] = [
        &["mark", &id, "--seen"],
        &["mark", &id, "--flagged"],
        &["mark", &id, "--starred"],
        &["mark", &id, "--read"],
        &["archive", &id],
        &["delete", &id],
        &["move", &id, "Lists/rust"],
        &["move", &id, "rust"],
    ];
    for change in changes {
        assert_eq!(home.ok(change), "", "words go to standard error");
        assert_ne!(state(&home), before, "{change:?}");
        let undone = home.run(&["undo"]);
        assert!(undone.stderr.contains("Undone: "), "{change:?}: {undone:?}");
        assert_eq!(state(&home), before, "{change:?}");
    }
    home.ok(&["archive", &id]);
    assert_eq!(subjects(&home.json(&["list", "--folder", "archive"])), ["Rapat b\u{e9}sok"]);
    assert_eq!(subjects(&home.json(&["list"])).len(), 3);
    assert!(home.fails(1, &["archive", &id, "zzz"]).contains("no mail with the id zzz"));
    assert!(home.fails(2, &["move", &id, "Nowhere"]).contains("there is no folder \"Nowhere\" in \"home\""));
}

#[test]
fn what_was_so_already_is_not_told_as_done() {
    let home = stored();
    let id = id_of(&home, "one@example.org");
    let mark = ["mark", &id, "--read", "--offline"];
    assert_eq!(home.json(&mark)["done"], json!(["Marked 1 message as read"]));
    assert_eq!(home.json(&mark), json!({"done": [], "emails": 0, "waiting": 0, "refused": []}));
    let run = home.run(&mark);
    assert_eq!((run.status, run.stderr.as_str()), (0, "surat: nothing to change: all was so already\n"));
}

#[test]
fn a_list_is_cut_only_with_a_word_about_it_or_as_asked() {
    let home = stored();
    let store = Store::open(&home.path(".local/share/surat")).unwrap();
    let account = store.account("home").unwrap();
    let inbox = store.mailboxes(Some(account)).unwrap().iter().find(|it| it.name == "INBOX").unwrap().id;
    let arrived = |number: i64| {
        Delta::Arrived(Box::new(Arrived {
            id: RemoteId(format!("more{number}")),
            keywords: Keywords::default(),
            received: UnixTime(1_794_000_000 + number),
            size: 1,
            header: header(("", "many@example.org"), "ayu@e", "many", number, &format!("{number}@many.org")),
            object_id: None,
        }))
    };
    store.apply(account, inbox, &(0..60).map(arrived).collect::<Vec<_>>()).unwrap();
    store.close();
    for (command, all) in [(&["list"][..], 64), (&["search", "from:many"], 60)] {
        let run = |rest: &[&str]| {
            let run = home.run(&[command, rest, &["--json"]].concat());
            let rows: Value = serde_json::from_str(&run.stdout).unwrap();
            (rows.as_array().unwrap().len(), run.stderr)
        };
        let word = "surat: the newest 50 are listed, there are more; --limit 0 lists all\n";
        assert_eq!(run(&[]), (50, word.to_owned()));
        assert_eq!(run(&["--limit", "0"]), (all, String::new()));
        assert_eq!(run(&["--limit", "50"]), (50, String::new()), "as asked");
    }
    assert_eq!(home.run(&["list", "--unread"]).stderr.lines().count(), 1);
}

#[test]
fn undo_with_nothing_to_undo_is_done() {
    let run = stored().run(&["undo"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""));
    assert!(run.stderr.contains("Nothing to undo."), "{run:?}");
}

/// Gives the messages of a Maildir, sorted.
pub fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let files = ["cur", "new"].map(|part| fs::read_dir(folder.join(part)).unwrap());
    let mut found: Vec<_> = files.into_iter().flatten().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    found.sort();
    found
}

pub fn sorted(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut sorted: Vec<_> = messages.iter().map(|message| message.to_vec()).collect();
    sorted.sort();
    sorted
}

#[test]
fn an_exported_maildir_has_every_byte_and_flag() {
    let home = stored();
    home.ok(&["export", "--maildir", "out"]);
    assert_eq!(messages(&home.path("out")), sorted(&[PLAIN, HOSTILE, ATTACHED, BARE]));
    assert_eq!(messages(&home.path("out/.Lists.rust")).len(), 1);
    let names: Vec<_> = fs::read_dir(home.path("out/cur"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.split_once(":2,").map(|(_, flags)| flags.to_owned()))
        .collect();
    assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["", "F", "PRS", "S"]));
    assert!(home.fails(1, &["export", "--maildir", "out"]).contains("is not empty"));
    home.ok(&["export", "--maildir", "list", "--folder", "rust"]);
    assert_eq!(messages(&home.path("list")), [LISTED]);
}

#[test]
fn an_exported_mbox_gives_every_byte_back() {
    let home = stored();
    home.ok(&["export", "--mbox", "out.mbox", "--folder", "inbox"]);
    let exported = read_mboxrd(&fs::read(home.path("out.mbox")).unwrap());
    // The bare message had no line end, and an mbox cannot say so.
    let bare = [BARE, b"\n"].concat();
    assert_eq!(exported, [BARE, PLAIN, HOSTILE, ATTACHED].map(|m| if m == BARE { bare.clone() } else { m.to_vec() }));
    assert!(home.fails(1, &["export", "--mbox", "out.mbox"]).contains("is there already"));
}

/// Reads an mbox as the format says, apart from the code that writes it.
fn read_mboxrd(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"From ") {
            found.push(Vec::new());
            continue;
        }
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        let is_quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        found.last_mut().unwrap().extend(if is_quoted { &line[1..] } else { line });
    }
    for message in &mut found {
        assert_eq!(message.pop(), Some(b'\n'), "an empty line ends each message");
    }
    found
}
