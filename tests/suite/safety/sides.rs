//! A mailbox on a real server and the same mail here, as one thing that is copied at will: whatever is done to one copy
//! begins exactly where every other one began.
//!
//! Mails have short names (`m1`): the name is all that is different in them, so a line `INBOX m1 flagged seen` says
//! all that there is to say of one.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;
use surat::mail::id::AccountId;
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::Store;

use super::peer::side_by_side;
use crate::accounts::sync::{data_dir, home, open};
use crate::cli::{Home, Run};
use crate::support::dovecot::{Letter, PASSWORD, RawClient, TestUser, dovecot, quoted};

/// What one side has: a line for each folder (`Work/`) and for each mail (`Work w1 seen`), sorted. Twice the same line
/// is twice the same mail.
pub type Ledger = Vec<String>;

/// A user's mail on the server and here.
pub struct Sides {
    pub user: TestUser,
    pub home: Home,
}

/// The folders of the usual mailbox with their mails and flags.
const USUAL: [(&str, &[(&str, &str)]); 6] = [
    (
        "INBOX",
        &[
            ("m1", ""),
            ("m2", "\\Seen"),
            ("m3", "\\Flagged"),
            ("m4", "\\Flagged \\Seen"),
            ("m5", ""),
            ("m6", ""),
            ("m7", "\\Seen"),
            ("m8", "\\Seen"),
        ],
    ),
    ("Work", &[("w1", ""), ("w2", "\\Seen"), ("w3", "\\Flagged")]),
    ("Archive", &[("a1", "\\Seen")]),
    ("Trash", &[("t1", ""), ("t2", "\\Seen")]),
    ("Old", &[("o1", "\\Seen"), ("o2", "")]),
    ("Empty", &[]),
];

/// The mail of this name.
pub fn letter(name: &str) -> Vec<u8> {
    format!(
        "From: Budi <budi@example.org>\r\nTo: me@example.org\r\nSubject: About {name}\r\n\
         Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{name}@surat.test>\r\n\r\nHalo, this is {name}.\r\n"
    )
    .into_bytes()
}

/// The name of a mail, which must be as it was sent, byte by byte.
#[track_caller]
pub fn name_of(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).into_owned();
    let name = text.split("Message-ID: <").nth(1).and_then(|rest| rest.split('@').next()).unwrap_or_default();
    assert!(raw == letter(name), "{name:?} is not what it was: {text:?}");
    name.to_owned()
}

/// Puts mails of these names into a folder, a minute apart from those before.
pub fn deliver(user: &TestUser, folder: &str, mails: &[(&str, &str)]) {
    let mut client = user.raw();
    client.make(folder);
    append(&mut client, folder, mails);
}

/// The same with a client that is there.
pub fn append(client: &mut RawClient, folder: &str, mails: &[(&str, &str)]) {
    let raw: Vec<(Vec<u8>, String, &str)> = mails
        .iter()
        .map(|(name, flags)| {
            let minute = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            (letter(name), format!("02-Nov-2026 {:02}:{:02}:00 +0000", minute / 60 % 24, minute % 60), *flags)
        })
        .collect();
    let letters: Vec<Letter<'_>> = raw.iter().map(|(raw, date, flags)| (&raw[..], *flags, &date[..])).collect();
    if !letters.is_empty() {
        client.append(folder, &letters);
    }
}

impl Sides {
    /// A copy of the usual mailbox, in step on both sides.
    pub fn usual() -> Sides {
        static USUAL_SIDES: OnceLock<Sides> = OnceLock::new();
        let sides = USUAL_SIDES.get_or_init(|| {
            let user = dovecot().user("sides");
            for (folder, mails) in USUAL {
                deliver(&user, folder, mails);
            }
            Sides::synced(user)
        });
        sides.copy(sides.user.server.imap_port)
    }

    /// What a user has, and the same here.
    pub fn synced(user: TestUser) -> Sides {
        let home = home(&user, user.server.imap_port, PASSWORD);
        home.ok(&["sync"]);
        let sides = Sides { user, home };
        assert_eq!(sides.here(), sides.there(), "after the first sync");
        sides
    }

    /// A copy of both sides, with the server at this port. Nobody may be at work on them.
    pub fn copy(&self, port: u16) -> Sides {
        let user = self.user.twin();
        let copy = home(&user, port, PASSWORD);
        fs::create_dir_all(data_dir(&copy)).unwrap();
        for entry in fs::read_dir(data_dir(&self.home)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, data_dir(&copy).join(path.file_name().unwrap())).unwrap();
            }
        }
        Sides { user, home: copy }
    }

    /// The ids of mails here, by their names.
    pub fn ids(&self, names: &[&str]) -> Vec<String> {
        let found = self.with_store(|store, _| {
            let mailboxes = store.mailboxes(None).unwrap();
            let emails =
                mailboxes.iter().flat_map(|mailbox| store.emails(&View::Mailbox(mailbox.id), None, 10_000).unwrap());
            emails.map(|email| (email.header.subject, email.id.to_string())).collect::<Vec<_>>()
        });
        let id = |name: &&str| {
            let subject = format!("About {name}");
            let found = found.iter().find(|(known, _)| *known == subject);
            found.unwrap_or_else(|| panic!("{name} is not here")).1.clone()
        };
        names.iter().map(id).collect()
    }

    /// Runs a command about mails of these names, without a network; `{}` stands for their ids.
    pub fn edit(&self, words: &[&str], names: &[&str]) {
        let ids = self.ids(names);
        let mut arguments: Vec<&str> = Vec::new();
        for word in words {
            match *word {
                "{}" => arguments.extend(ids.iter().map(String::as_str)),
                word => arguments.push(word),
            }
        }
        arguments.push("--offline");
        self.home.ok(&arguments);
    }

    /// Does something to the store itself.
    pub fn with_store<T>(&self, act: impl FnOnce(&Store, AccountId) -> T) -> T {
        let store = open(&data_dir(&self.home));
        let account = store.accounts().unwrap()[0].0;
        let done = act(&store, account);
        store.close();
        done
    }

    /// Runs a sync; gives its report where it succeeded.
    pub fn sync(&self) -> Result<Value, Run> {
        let run = self.home.run(&["sync", "--json"]);
        assert!(run.status != 101 && !run.stderr.contains("panicked"), "{run:?}");
        if run.status == 0 {
            Ok(serde_json::from_str::<Value>(&run.stdout).unwrap()["accounts"][0].clone())
        } else {
            Err(run)
        }
    }

    /// What is here, all of it sound.
    #[track_caller]
    pub fn here(&self) -> Ledger {
        self.with_store(in_store)
    }

    /// What the server has; a mail that is marked as deleted counts as gone.
    #[track_caller]
    pub fn there(&self) -> Ledger {
        on_server(&self.user)
    }

    /// What the command line lists: the mails of every folder.
    pub fn listed(&self) -> Ledger {
        let mut ledger = Ledger::new();
        let folders = self.home.json(&["folders"]);
        for folder in folders.as_array().unwrap().iter().filter(|folder| folder["selectable"] == true) {
            let name = folder["name"].as_str().unwrap();
            ledger.push(format!("{name}/"));
            for mail in self.home.json(&["list", "--limit", "0", "--folder", name]).as_array().unwrap() {
                let flags = mail["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap().to_owned());
                let id = mail["message_id"].as_str().unwrap();
                ledger.push(line(name, id.split('@').next().unwrap(), flags.collect()));
            }
        }
        ledger.sort();
        ledger
    }

    /// Both sides must be the same, by themselves, from now on: another sync has nothing to do.
    #[track_caller]
    pub fn assert_at_rest(&self, when: &str) -> Ledger {
        let (here, there) = (self.here(), self.there());
        assert_eq!(changes(&there, &here), Vec::<String>::new(), "{when}: what is here, beside what the server has");
        let report = self.sync().unwrap_or_else(|run| panic!("{when}: {run:?}"));
        for what in ["pushed", "fetched", "deleted_on_server"] {
            assert_eq!(report[what], 0, "{when}: a sync more: {report}");
        }
        assert_eq!(changes(&here, &self.here()), Vec::<String>::new(), "{when}: a sync more, here");
        assert_eq!(changes(&there, &self.there()), Vec::<String>::new(), "{when}: a sync more, on the server");
        there
    }
}

/// What an account's part of a store has, all of it sound.
#[track_caller]
pub fn in_store(store: &Store, account: AccountId) -> Ledger {
    store.check().unwrap();
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    let mut ledger = Ledger::new();
    for mailbox in store.mailboxes(Some(account)).unwrap().into_iter().filter(|mailbox| mailbox.is_selectable) {
        let emails = store.emails(&View::Mailbox(mailbox.id), None, 10_000).unwrap();
        let unread = emails.iter().filter(|email| !email.keywords.is_seen()).count() as u64;
        assert_eq!((mailbox.total, mailbox.unread), (emails.len() as u64, unread), "{}", mailbox.name);
        ledger.push(format!("{}/", mailbox.name));
        for email in emails {
            let raw = store.raw(email.id).unwrap().unwrap_or_else(|| panic!("{} has no bytes", email.header.subject));
            let flags: Vec<String> = email.keywords.iter().map(|flag| flag.replace('$', "")).collect();
            ledger.push(line(&mailbox.name, &name_of(&raw), flags));
        }
    }
    ledger.sort();
    ledger
}

/// What a user has on the server; a mail that is marked as deleted counts as gone.
#[track_caller]
pub fn on_server(user: &TestUser) -> Ledger {
    let mut client = user.raw();
    let mut ledger = Ledger::new();
    for answer in client.run("LIST \"\" *") {
        if answer.text.contains("\\Noselect") || answer.text.contains("\\NonExistent") {
            continue;
        }
        let folder = answer.text.rsplit_once(" \"/\" ").unwrap().1.trim_matches('"').to_owned();
        ledger.push(format!("{folder}/"));
        for message in client.contents(&folder) {
            if !message.flags.iter().any(|flag| flag == "\\Deleted") {
                let flags = message.flags.iter().map(|flag| flag.replace(['\\', '$'], "").to_lowercase()).collect();
                ledger.push(line(&folder, &name_of(&message.raw), flags));
            }
        }
    }
    ledger.sort();
    ledger
}

fn line(folder: &str, name: &str, mut flags: Vec<String>) -> String {
    flags.retain(|flag| flag != "recent");
    flags.sort();
    format!("{folder} {name} {}", flags.join(" ")).trim_end().to_owned()
}

/// What became of a ledger: the lines that are gone, with a `-` before them, and the new ones, with a `+`; sorted.
pub fn changes(before: &Ledger, after: &Ledger) -> Vec<String> {
    let (mut gone, mut new) = (before.clone(), Vec::new());
    for line in after {
        match gone.iter().position(|known| known == line) {
            Some(at) => drop(gone.swap_remove(at)),
            None => new.push(format!("+{line}")),
        }
    }
    let mut changes: Vec<String> = gone.into_iter().map(|line| format!("-{line}")).chain(new).collect();
    changes.sort();
    changes
}

/// A moment so long ago that what waits for its time has waited long enough.
pub fn a_while_ago() -> UnixTime {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    UnixTime(i64::try_from(now).unwrap() - 600)
}

/// Quotes the name of a folder.
pub fn select(client: &mut RawClient, folder: &str) {
    client.run(&format!("SELECT {}", quoted(folder)));
}

/// Plays every case, a few at a time, and says in the end which of them failed, and why.
pub fn each<T: Sync>(cases: &[T], play: impl Fn(&T) + Sync) {
    let failed = Mutex::new(Vec::new());
    side_by_side(4, cases, |case| {
        if let Err(reason) = catch_unwind(AssertUnwindSafe(|| play(case))) {
            let words = reason.downcast_ref::<String>().cloned();
            let words = words.or_else(|| reason.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            failed.lock().unwrap().push(words.unwrap_or_default());
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} failed:\n\n{}", failed.len(), cases.len(), failed.join("\n\n"));
}
