//! P9: eight other clients append, mark, move and expunge at random in the very mailbox in which Surat deletes 500 marked
//! mails. Exactly these are deleted by us, nobody else's work is harmed, and in the end both sides are the same. Longer
//! under `SURAT_FULL=1`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::crashes::Dice;
use super::sides::{Sides, append, deliver, select};
use crate::support::dovecot::{RawClient, TestUser, dovecot};
use crate::support::is_full;
use crate::support::meddler::Meddler;
use crate::support::proxy::without_capabilities;

const CLIENTS: u64 = 8;
const MARKED: usize = 500;
const BYSTANDERS: usize = 400;

/// What one client did that can be told afterwards: by name, what came and what went.
#[derive(Default)]
struct Deeds {
    appended: BTreeSet<String>,
    expunged: BTreeSet<String>,
    actions: usize,
}

/// Another client, with some bystanders that are its own to delete.
struct Other {
    client: RawClient,
    dice: Dice,
    number: u64,
    own: Vec<String>,
    deeds: Deeds,
}

impl Other {
    fn act(&mut self) {
        self.deeds.actions += 1;
        match self.dice.roll(10) {
            0..=2 => self.append(),
            3..=6 => self.mark(),
            7 => self.wander(),
            _ => self.expunge(),
        }
    }

    fn append(&mut self) {
        let name = format!("c{}-{}", self.number, self.deeds.appended.len());
        append(&mut self.client, "INBOX", &[(&name, "")]);
        self.deeds.appended.insert(name.clone());
        self.own.push(name);
    }

    /// Marks mail whose ever it is, the mail that is being deleted too.
    fn mark(&mut self) {
        let first = 1 + self.dice.roll((MARKED + BYSTANDERS) as u64);
        let how = ["+FLAGS", "-FLAGS", "+FLAGS.SILENT"][self.dice.roll(3) as usize];
        let what = ["\\Seen", "\\Flagged", "\\Answered", "crowd"][self.dice.roll(4) as usize];
        self.client.try_run(&format!("UID STORE {first}:{} {how} ({what})", first + self.dice.roll(9)));
    }

    fn pick(&mut self) -> Option<(String, String)> {
        if self.own.is_empty() {
            return None;
        }
        let name = self.own.swap_remove(self.dice.roll(self.own.len() as u64) as usize);
        let found = self.client.run(&format!("UID SEARCH HEADER Message-ID <{name}@surat.test>"));
        let uid = found.iter().find_map(|answer| answer.text.strip_prefix("* SEARCH "));
        let uid = uid.unwrap_or_else(|| panic!("{name}, which is client {}'s own, is gone", self.number));
        Some((name, uid.trim().to_owned()))
    }

    /// Moves one of its own away and back.
    fn wander(&mut self) {
        let Some((name, uid)) = self.pick() else { return };
        self.client.run(&format!("UID MOVE {uid} Work"));
        select(&mut self.client, "Work");
        let found = self.client.run(&format!("UID SEARCH HEADER Message-ID <{name}@surat.test>"));
        let uid = found.iter().find_map(|answer| answer.text.strip_prefix("* SEARCH ")).unwrap().to_owned();
        self.client.run(&format!("UID MOVE {uid} INBOX"));
        select(&mut self.client, "INBOX");
        self.own.push(name);
    }

    fn expunge(&mut self) {
        let Some((name, uid)) = self.pick() else { return };
        self.client.run(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
        // Some clients still say it so, and take with them whatever else is marked.
        let command = if self.dice.roll(2) == 0 { "EXPUNGE".to_owned() } else { format!("UID EXPUNGE {uid}") };
        self.client.run(&command);
        self.deeds.expunged.insert(name);
    }
}

/// Lets the crowd loose until it is told to stop; gives what each did.
fn crowd<T>(user: &TestUser, work: impl FnOnce() -> T) -> (Vec<Deeds>, T) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let start = |number: u64| {
            let (user, is_over) = (user.clone(), &is_over);
            scope.spawn(move || {
                let mut client = user.raw();
                select(&mut client, "INBOX");
                let own = (1..=BYSTANDERS).filter(|n| *n as u64 % CLIENTS == number).map(|n| format!("k{n}")).collect();
                let mut other = Other { client, dice: Dice(number), number, own, deeds: Deeds::default() };
                while !is_over.load(Ordering::Relaxed) {
                    other.act();
                    thread::sleep(Duration::from_millis(other.dice.roll(20)));
                }
                other.deeds
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(start).collect();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_over.store(true, Ordering::Relaxed);
        let deeds = clients.into_iter().map(|client| client.join().unwrap()).collect();
        (deeds, done.unwrap_or_else(|reason| std::panic::resume_unwind(reason)))
    })
}

#[test]
fn in_a_crowd_exactly_the_mails_that_were_marked_are_deleted() {
    delete_in_a_crowd(&[]);
}

#[test]
fn in_a_crowd_a_server_without_uidplus_deletes_no_more_than_that() {
    delete_in_a_crowd(&["UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC"]);
}

fn delete_in_a_crowd(hidden: &'static [&'static str]) {
    let user = dovecot().user("crowd");
    let marked: Vec<String> = (1..=MARKED).map(|n| format!("d{n}")).collect();
    let bystanders: Vec<String> = (1..=BYSTANDERS).map(|n| format!("k{n}")).collect();
    for names in [&marked, &bystanders] {
        deliver(&user, "INBOX", &names.iter().map(|name| (name.as_str(), "")).collect::<Vec<_>>());
    }
    deliver(&user, "Work", &[]);
    let sides = Sides::synced(user);
    let meddler = Meddler::start(sides.user.server.imap_port);
    meddler.forge(|_, answer| without_capabilities(&answer, hidden));
    let sides = sides.copy(meddler.port);
    let names: Vec<&str> = marked.iter().map(String::as_str).collect();
    let ids = sides.ids(&names);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let batch = if is_full() { 10 } else { 100 };
    let (deeds, syncs) = crowd(&sides.user, || {
        let mut syncs = 0;
        for some in ids.chunks(batch) {
            let run = sides.home.run(&[&["delete"], some].concat());
            assert_eq!(run.status, 0, "{run:?}");
            sides.sync().unwrap_or_else(|run| panic!("{run:?}"));
            syncs += 1;
        }
        syncs
    });
    sides.sync().unwrap();
    let ledger = sides.assert_at_rest("after the crowd");
    let in_folder = |folder: &str| -> Vec<&str> {
        let lines = ledger.iter().filter_map(|line| line.strip_prefix(&format!("{folder} ")));
        lines.map(|line| line.split(' ').next().unwrap()).collect()
    };
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sorted(in_folder("Trash")), sorted(names), "what is in the trash");
    let mut left: BTreeSet<String> = bystanders.into_iter().collect();
    left.extend(deeds.iter().flat_map(|deeds| deeds.appended.iter().cloned()));
    let expunged: BTreeSet<&String> = deeds.iter().flat_map(|deeds| &deeds.expunged).collect();
    left.retain(|name| !expunged.contains(name));
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    assert_eq!(sorted(in_folder("INBOX")), sorted(left), "what is left");
    assert_eq!(in_folder("Work"), Vec::<&str>::new());
    let actions: usize = deeds.iter().map(|deeds| deeds.actions).sum();
    let came: usize = deeds.iter().map(|deeds| deeds.appended.len()).sum();
    assert!(actions > 100 && !expunged.is_empty(), "{actions} actions");
    println!(
        "without {hidden:?}: {actions} actions of {CLIENTS} clients, {came} mails came, {} went, during {syncs} syncs",
        expunged.len()
    );
}
