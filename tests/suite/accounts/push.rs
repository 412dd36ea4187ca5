//! Edits made here reach a real Dovecot, whatever it offers, and come back by undo; what others do at the same time is
//! merged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use surat::config::account::Account;
use surat::mail::account::SyncReport;
use surat::mail::id::{AccountId, EmailId, MailboxId};
use surat::mail::keyword::{FLAGGED, SEEN};
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::{Options, Store};
use tempfile::TempDir;

use super::sync::{account, sync};
use crate::support::dovecot::{PASSWORD, RawClient, TestUser, dovecot};
use crate::support::proxy::{Faults, Proxy};

/// What the server has: in each folder that holds mail the subjects with their flags, without what is marked `\Deleted`.
type Shown = BTreeMap<String, Vec<(String, Vec<String>)>>;

/// What a server may lack.
const LACKING: [&[&str]; 6] = [
    &[],
    &["MOVE"],
    &["UIDPLUS"],
    &["MOVE", "UIDPLUS"],
    &["CONDSTORE", "QRESYNC"],
    &["MOVE", "UIDPLUS", "CONDSTORE", "QRESYNC", "LIST-STATUS", "LIST-EXTENDED", "ESEARCH", "SPECIAL-USE"],
];

/// Seconds by which the store's clock is ahead.
static AHEAD: AtomicI64 = AtomicI64::new(0);

fn clock() -> UnixTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    UnixTime(now as i64 + AHEAD.load(Ordering::SeqCst))
}

/// A person's mail here and on the server.
struct World {
    user: TestUser,
    proxy: Proxy,
    settings: Account,
    store: Store,
    account: AccountId,
    _dir: TempDir,
}

impl World {
    /// Twelve letters in the inbox, and everything here.
    fn new(name: &str, hidden: &[&'static str]) -> World {
        let user = dovecot().user(name);
        user.deliver_many("INBOX", 12);
        let proxy = Proxy::start(user.server.imap_port, Faults { hidden: hidden.to_vec(), ..Faults::default() });
        let settings = account(&user, proxy.port, PASSWORD);
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_with(dir.path(), Options { clock: Some(clock), ..Options::default() }).unwrap();
        let account = store.account("test").unwrap();
        let world = World { user, proxy, settings, store, account, _dir: dir };
        assert_eq!(world.sync().error, None);
        world
    }

    fn sync(&self) -> SyncReport {
        sync(&self.store, &self.settings).report
    }

    fn folder(&self, name: &str) -> MailboxId {
        let found = self.store.mailboxes(Some(self.account)).unwrap();
        found.into_iter().find(|mailbox| mailbox.name == name).unwrap_or_else(|| panic!("no {name}")).id
    }

    fn email(&self, folder: &str, number: usize) -> EmailId {
        let subject = format!("Letter {number}");
        let emails = self.store.emails(&View::Mailbox(self.folder(folder)), None, 1_000).unwrap();
        emails.into_iter().find(|email| email.header.subject == subject).unwrap_or_else(|| panic!("no {subject}")).id
    }

    fn edit(&self, folder: &str, numbers: &[usize], edit: Edit) {
        let from = Some(self.folder(folder));
        let targets = numbers.iter().map(|number| Target { email: self.email(folder, *number), from }).collect();
        let done = self.store.edit(&Mutation { targets, edit }, clock(), "Did it").unwrap();
        assert_eq!(done.emails, numbers.len());
    }

    fn here(&self) -> Shown {
        assert_eq!(self.store.audit().unwrap(), Vec::<String>::new());
        let mut shown = Shown::new();
        for mailbox in self.store.mailboxes(Some(self.account)).unwrap() {
            let emails = self.store.emails(&View::Mailbox(mailbox.id), None, 1_000).unwrap();
            let line = |keyword: &str| keyword.replace('$', "\\").to_lowercase();
            let mut rows: Vec<_> = emails
                .into_iter()
                .map(|email| (email.header.subject, email.keywords.iter().map(line).collect::<Vec<_>>()))
                .collect();
            rows.sort();
            if !rows.is_empty() {
                shown.insert(mailbox.name, rows);
            }
        }
        shown
    }

    fn there(&self) -> Shown {
        on_server(&mut self.user.raw())
    }

    /// Syncs until nothing is pushed, and says that both sides show the same.
    fn settle(&self, when: &str) -> Shown {
        let report = self.sync();
        assert_eq!(report.error, None, "{when}");
        assert_eq!(self.store.pending_count(self.account).unwrap(), 0, "{when}");
        let there = self.there();
        assert_eq!(self.here(), there, "{when}");
        let again = self.sync();
        assert_eq!((again.error, again.pushed, again.fetched), (None, 0, 0), "{when}: a second time");
        assert_eq!((self.here(), self.there()), (there.clone(), there.clone()), "{when}: a second time");
        there
    }
}

fn on_server(client: &mut RawClient) -> Shown {
    let mut shown = Shown::new();
    for folder in client.run("LIST \"\" \"*\"") {
        if folder.text.contains("\\Noselect") || folder.text.contains("\\NonExistent") {
            continue;
        }
        let name = folder.text.rsplit_once("\"/\" ").unwrap().1.trim().trim_matches('"').to_owned();
        let mut rows: Vec<_> = client
            .contents(&name)
            .into_iter()
            .filter(|message| !message.flags.iter().any(|flag| flag == "\\Deleted"))
            .map(|message| {
                let raw = String::from_utf8_lossy(&message.raw).into_owned();
                let subject = raw.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
                let mut flags: Vec<String> = message.flags.iter().map(|flag| flag.to_lowercase()).collect();
                flags.sort();
                (subject, flags)
            })
            .collect();
        rows.sort();
        if !rows.is_empty() {
            shown.insert(name, rows);
        }
    }
    shown
}

fn subjects(shown: &Shown, folder: &str) -> Vec<String> {
    shown.get(folder).map(|rows| rows.iter().map(|(subject, _)| subject.clone()).collect()).unwrap_or_default()
}

#[test]
fn edits_reach_the_server_whatever_it_offers_and_undo_brings_all_back() {
    for hidden in LACKING {
        let what = format!("without {hidden:?}");
        let world = World::new("push", hidden);
        let before = world.settle(&what);
        world.edit("INBOX", &[1], Edit::Keyword(FLAGGED.into(), true));
        world.edit("INBOX", &[1, 2], Edit::Keyword(SEEN.into(), true));
        world.edit("INBOX", &[3], Edit::Keyword("todo".into(), true));
        world.edit("INBOX", &[3, 4, 5], Edit::MoveToRole(Role::Archive));
        world.edit("INBOX", &[6], Edit::MoveToRole(Role::Trash));
        let bins = world.store.create_mailbox(world.account, "Projects/Reef", None).unwrap();
        world.edit("INBOX", &[7], Edit::Move(bins));
        world.edit("INBOX", &[8], Edit::Remove);
        let at_once = world.sync();
        assert_eq!(at_once.error, None, "{what}");
        assert_eq!(subjects(&world.there(), "INBOX").len(), 7, "{what}: a delete for good waits");
        AHEAD.fetch_add(31, Ordering::SeqCst);
        let after = world.settle(&what);
        assert_eq!(subjects(&after, "INBOX").len(), 6, "{what}");
        assert_eq!(after["INBOX"][0], ("Letter 1".into(), vec!["\\flagged".into(), "\\seen".into()]), "{what}");
        assert_eq!(subjects(&after, "Archive"), ["Letter 3", "Letter 4", "Letter 5"], "{what}");
        assert_eq!(after["Archive"][0].1, ["todo"], "{what}: a mark travels with its mail");
        assert_eq!(subjects(&after, "Trash"), ["Letter 6"], "{what}");
        assert_eq!(subjects(&after, "Projects/Reef"), ["Letter 7"], "{what}");
        while world.store.undo(clock()).unwrap().is_some() {}
        assert_eq!(world.settle(&format!("{what}, undone")), before, "{what}");
        assert_eq!(world.store.notices().unwrap(), [], "{what}");
    }
}

#[test]
fn hundreds_of_edits_are_a_handful_of_commands() {
    let world = World::new("many", &[]);
    world.user.deliver_many("Work", 400);
    assert_eq!(world.sync().fetched, 400);
    let all: Vec<usize> = (1..=400).collect();
    world.edit("Work", &all, Edit::Keyword(SEEN.into(), true));
    world.edit("Work", &all[..300], Edit::MoveToRole(Role::Archive));
    let before = world.proxy.sent().len();
    assert_eq!(world.sync().error, None);
    let sent = String::from_utf8_lossy(&world.proxy.sent()[before..]).into_owned();
    let changes = sent.matches("UID STORE").count() + sent.matches("UID MOVE").count();
    assert_eq!(changes, 2, "{sent}");
    assert!(!sent.contains("EXPUNGE"), "{sent}");
    let shown = world.settle("after many edits");
    assert_eq!((subjects(&shown, "Work").len(), subjects(&shown, "Archive").len()), (100, 300));
}

#[test]
fn what_others_mark_as_deleted_is_gone_here_and_comes_back_with_the_mark() {
    let world = World::new("marked", &[]);
    let mut phone = world.user.raw();
    phone.run("SELECT INBOX");
    phone.run("UID STORE 2 +FLAGS (\\Deleted)");
    let shown = world.settle("marked");
    assert_eq!(subjects(&shown, "INBOX").len(), 11);
    phone.run("UID STORE 2 -FLAGS (\\Deleted)");
    assert_eq!(subjects(&world.settle("taken off"), "INBOX").len(), 12);
}

#[test]
fn the_same_mail_changed_here_and_there_ends_the_same_on_both_sides() {
    for hidden in [&[][..], &["CONDSTORE", "QRESYNC"]] {
        let world = World::new("both", hidden);
        let mut phone = world.user.raw();
        phone.run("SELECT INBOX");
        // Another flag of the same mail, the same flag, and the opposite.
        world.edit("INBOX", &[1, 2], Edit::Keyword(FLAGGED.into(), true));
        phone.run("UID STORE 1 +FLAGS (\\Seen \\Answered)");
        phone.run("UID STORE 2 +FLAGS (\\Flagged)");
        // Moved here, marked there; marked here, removed there; moved here and there.
        world.edit("INBOX", &[3, 5], Edit::MoveToRole(Role::Archive));
        phone.run("UID STORE 3 +FLAGS (\\Seen)");
        world.edit("INBOX", &[4], Edit::Keyword(SEEN.into(), true));
        phone.run("UID STORE 4 +FLAGS.SILENT (\\Deleted)");
        phone.run("UID EXPUNGE 4");
        phone.run("UID MOVE 5 Trash");
        let shown = world.settle("changed on both sides");
        let flags = |folder: &str, row: usize| shown[folder][row].1.join(" ");
        assert_eq!(flags("INBOX", 0), "\\answered \\flagged \\seen");
        assert!(shown["INBOX"].contains(&("Letter 2".into(), vec!["\\flagged".into()])));
        assert_eq!(subjects(&shown, "Archive"), ["Letter 3", "Letter 5"]);
        assert_eq!(flags("Archive", 0), "\\seen");
        assert!(!subjects(&shown, "INBOX").contains(&"Letter 4".to_owned()));
        assert!(subjects(&shown, "Trash").is_empty());
    }
}
