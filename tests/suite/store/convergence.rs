//! Two Surats and a phone: whatever they do to two accounts, in whatever order, and wherever links break, all of them
//! end with what the servers have, nothing more is to be said, and no letter is lost that nobody deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use surat::accounts::desk::{Desk, Others};
use surat::accounts::plan::{Outlook, plan};
use surat::accounts::round::{self, Course};
use surat::backend::Backend;
use surat::config::{Account, Offline, Source};
use surat::mail::id::{AccountId, EmailId, MailboxId};
use surat::mail::keyword::{DELETED, Keywords};
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, FolderEdit, Mutation, Target};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::{Options, Pending, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::NOW;
use super::model::{Break, Habits, Link, Mail, Server};

/// Seconds since [`NOW`]; never goes back, whatever test moves it.
static LATER: AtomicI64 = AtomicI64::new(0);

fn clock() -> UnixTime {
    UnixTime(NOW.0 + LATER.load(Ordering::SeqCst))
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Event {
    /// A letter comes to a server.
    Deliver { server: usize, folder: Index },
    /// The phone does something to a letter.
    Phone { server: usize, letter: Index, what: Phone },
    /// The phone does something to a folder.
    PhoneFolder { server: usize, folder: Index, what: PhoneFolder },
    /// A Surat edits mail.
    Edit { surat: usize, letters: Vec<Index>, what: Wish },
    /// A Surat edits a folder.
    Folder { surat: usize, account: usize, folder: Index, what: FolderWish },
    /// A Surat takes back what it did last.
    Undo { surat: usize },
    /// A Surat does again what it took back.
    Redo { surat: usize },
    /// A Surat takes back anything.
    TakeBack { surat: usize, entry: Index },
    /// A Surat brings an account into step, or tries to.
    Sync { surat: usize, account: usize, breaks: Option<(usize, bool)> },
}

#[derive(Debug, Clone)]
enum Phone {
    Keywords(Vec<&'static str>),
    MarkDeleted(bool),
    Expunge,
    Move(Index),
    Copy(Index),
}

#[derive(Debug, Clone)]
enum PhoneFolder {
    Create(u8),
    Rename(u8),
    Delete,
    Renumber,
    Subscribe(bool),
}

#[derive(Debug, Clone)]
enum Wish {
    Keyword(&'static str, bool),
    ToRole(Role),
    Move(usize, Index),
    Copy(usize, Index),
    Remove,
}

#[derive(Debug, Clone)]
enum FolderWish {
    Create(u8),
    Rename(u8),
    Delete,
    Subscribe(bool),
}

fn events() -> impl Strategy<Value = Event> {
    let one = 0..2usize;
    let words = || proptest::sample::subsequence(vec!["$seen", "$flagged", "work"], 0..=3);
    let phone = prop_oneof![
        3 => words().prop_map(Phone::Keywords),
        1 => any::<bool>().prop_map(Phone::MarkDeleted),
        1 => Just(Phone::Expunge),
        2 => any::<Index>().prop_map(Phone::Move),
        1 => any::<Index>().prop_map(Phone::Copy),
    ];
    let phone_folder = prop_oneof![
        1 => (0..3u8).prop_map(PhoneFolder::Create),
        2 => (0..3u8).prop_map(PhoneFolder::Rename),
        1 => Just(PhoneFolder::Delete),
        2 => Just(PhoneFolder::Renumber),
        1 => any::<bool>().prop_map(PhoneFolder::Subscribe),
    ];
    let wish = prop_oneof![
        4 => (prop_oneof![Just("$seen"), Just("$flagged"), Just("work")], any::<bool>())
            .prop_map(|(word, on)| Wish::Keyword(word, on)),
        2 => prop_oneof![Just(Role::Archive), Just(Role::Trash), Just(Role::Junk)].prop_map(Wish::ToRole),
        4 => (one.clone(), any::<Index>()).prop_map(|(account, folder)| Wish::Move(account, folder)),
        2 => (one.clone(), any::<Index>()).prop_map(|(account, folder)| Wish::Copy(account, folder)),
        1 => Just(Wish::Remove),
    ];
    let folder_wish = prop_oneof![
        (0..3u8).prop_map(FolderWish::Create),
        (0..3u8).prop_map(FolderWish::Rename),
        Just(FolderWish::Delete),
        any::<bool>().prop_map(FolderWish::Subscribe),
    ];
    prop_oneof![
        3 => (one.clone(), any::<Index>()).prop_map(|(server, folder)| Event::Deliver { server, folder }),
        4 => (one.clone(), any::<Index>(), phone)
            .prop_map(|(server, letter, what)| Event::Phone { server, letter, what }),
        1 => (one.clone(), any::<Index>(), phone_folder)
            .prop_map(|(server, folder, what)| Event::PhoneFolder { server, folder, what }),
        8 => (one.clone(), proptest::collection::vec(any::<Index>(), 1..4), wish)
            .prop_map(|(surat, letters, what)| Event::Edit { surat, letters, what }),
        2 => (one.clone(), one.clone(), any::<Index>(), folder_wish)
            .prop_map(|(surat, account, folder, what)| Event::Folder { surat, account, folder, what }),
        2 => one.clone().prop_map(|surat| Event::Undo { surat }),
        1 => one.clone().prop_map(|surat| Event::Redo { surat }),
        1 => (one.clone(), any::<Index>()).prop_map(|(surat, entry)| Event::TakeBack { surat, entry }),
        8 => (one.clone(), one, proptest::option::weighted(0.5, (0..12usize, any::<bool>())))
            .prop_map(|(surat, account, breaks)| Event::Sync { surat, account, breaks }),
    ]
}

fn habits() -> impl Strategy<Value = Habits> {
    (any::<[bool; 6]>(), proptest::option::weighted(0.2, 0..5usize)).prop_map(|(can, read_only)| Habits {
        can_move: can[0],
        can_compare: can[1],
        tells_ids: can[2],
        removes: can[3],
        keeps_time: can[4],
        names_objects: can[5],
        read_only: read_only
            .map(|which| ["INBOX", "Archive", "Trash", "Work", "Work/Reef"][which].to_owned())
            .into_iter()
            .collect(),
    })
}

/// One Surat with both accounts.
struct Surat {
    _dir: TempDir,
    store: Store,
    desks: [Desk; 2],
}

impl Surat {
    fn new(offline: Offline) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_with(dir.path(), Options { clock: Some(clock), ..Options::default() }).unwrap();
        let desks = ["work", "home"].map(|name| {
            let mut settings = Account::new(name, "me@example.org", Source::Maildir { path: dir.path().to_owned() });
            settings.offline = offline;
            let account = store.account(name).unwrap();
            Desk { store: store.clone(), account, settings, listener: Arc::new(|_| {}), others: Others::default() }
        });
        Self { _dir: dir, store, desks }
    }

    fn folders(&self, account: usize) -> Vec<MailboxId> {
        self.store.mailboxes(Some(self.desks[account].account)).unwrap().into_iter().map(|folder| folder.id).collect()
    }

    /// Every email with a mailbox that it is in.
    fn letters(&self) -> Vec<(EmailId, MailboxId)> {
        let all = self.folders(0).into_iter().chain(self.folders(1));
        let of = |mailbox| {
            let emails = self.store.emails(&View::Mailbox(mailbox), None, 1_000).unwrap();
            emails.into_iter().map(move |email| (email.id, mailbox)).collect::<Vec<_>>()
        };
        all.flat_map(of).collect()
    }
}

struct World {
    servers: [Arc<Mutex<Server>>; 2],
    surats: [Surat; 2],
    runtime: Runtime,
    letters: i64,
    /// Letters that somebody deleted for good: these alone may be gone.
    may_go: BTreeSet<i64>,
}

fn pick<T: Clone>(from: &[T], index: &Index) -> Option<T> {
    if from.is_empty() { None } else { Some(index.get(from).clone()) }
}

impl World {
    fn new(habits: [Habits; 2]) -> Self {
        let servers = habits.map(|habits| Arc::new(Mutex::new(Server::new(habits))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let surats = [Surat::new(Offline::All), Surat::new(Offline::Opened)];
        let mut world = Self { servers, surats, runtime, letters: 0, may_go: BTreeSet::new() };
        for server in [0, 0, 0, 0, 1, 1] {
            world.deliver(server, "INBOX");
        }
        for surat in 0..2 {
            for account in 0..2 {
                world.sync(surat, account, None);
            }
        }
        world
    }

    fn server(&self, server: usize) -> MutexGuard<'_, Server> {
        self.servers[server].lock().unwrap()
    }

    fn deliver(&mut self, server: usize, path: &str) {
        self.letters += 1;
        let mail = Mail::new(self.letters);
        self.server(server).add(path, mail).unwrap();
    }

    fn sync(&mut self, surat: usize, account: usize, breaks: Option<(usize, bool)>) {
        let breaks = breaks.map(|(after, is_done)| Break { after, is_done });
        let mut link = Link::new(self.servers[account].clone(), breaks);
        let desk = &self.surats[surat].desks[account];
        let ended = self.runtime.block_on(round::go(desk, &mut link, &mut Course::default()));
        if let Err(failure) = ended {
            let error = failure.into_error();
            assert!(breaks.is_some() && error.what == "the link broke", "{error:?}");
        }
        self.assert_sound(surat);
    }

    fn assert_sound(&self, surat: usize) {
        let wrong = self.surats[surat].store.audit().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    fn happen(&mut self, event: &Event) {
        LATER.fetch_add(7, Ordering::SeqCst);
        match event {
            Event::Deliver { server, folder } => {
                let paths: Vec<String> = self.server(*server).folders.keys().cloned().collect();
                let path = pick(&paths, folder).unwrap();
                self.deliver(*server, &path);
            }
            Event::Phone { server, letter, what } => {
                let all = self.server(*server).all();
                if let Some((path, number)) = pick(&all, letter) {
                    self.phone(*server, &path, number, what);
                }
            }
            Event::PhoneFolder { server, folder, what } => self.phone_folder(*server, folder, what),
            Event::Edit { surat, letters, what } => self.edit(*surat, letters, what),
            Event::Folder { surat, account, folder, what } => {
                let surat = &self.surats[*surat];
                let Some(mailbox) = pick(&surat.folders(*account), folder) else { return };
                let name = |number: &u8| ["Notes", "Work/Tide", "Notes/Old"][usize::from(*number)].to_owned();
                let edit = match what {
                    FolderWish::Create(number) => {
                        FolderEdit::Create { account: surat.desks[*account].account, name: name(number) }
                    }
                    FolderWish::Rename(number) => FolderEdit::Rename { mailbox, name: name(number) },
                    FolderWish::Delete => FolderEdit::Delete { mailbox },
                    FolderWish::Subscribe(on) => FolderEdit::Subscribe { mailbox, on: *on },
                };
                // A name may be taken, and an inbox stays: these are errors, and change nothing.
                drop(surat.store.edit_folder(&edit, clock()));
            }
            Event::Undo { surat } => drop(self.surats[*surat].store.undo(clock())),
            Event::Redo { surat } => drop(self.surats[*surat].store.redo(clock())),
            Event::TakeBack { surat, entry } => {
                let store = &self.surats[*surat].store;
                if let Some(entry) = pick(&store.history(100).unwrap(), entry) {
                    drop(store.take_back(entry.id, clock()));
                }
            }
            Event::Sync { surat, account, breaks } => self.sync(*surat, *account, *breaks),
        }
        for surat in 0..2 {
            self.assert_sound(surat);
        }
    }

    fn phone(&mut self, server: usize, path: &str, number: u64, what: &Phone) {
        let mail = self.server(server).mail(path, number).clone();
        let paths: Vec<String> = self.server(server).folders.keys().cloned().collect();
        match what {
            Phone::Keywords(words) => {
                let mut keywords = Keywords::new(words.iter().copied());
                keywords.set(DELETED, mail.is_deleted());
                self.server(server).set_keywords(path, number, keywords);
            }
            Phone::MarkDeleted(on) => {
                if *on {
                    self.may_go.insert(mail.number());
                }
                let mut keywords = mail.keywords;
                keywords.set(DELETED, *on);
                self.server(server).set_keywords(path, number, keywords);
            }
            Phone::Expunge => {
                self.may_go.insert(mail.number());
                self.server(server).expunge(path, number);
            }
            Phone::Move(to) => {
                let to = pick(&paths, to).unwrap();
                let mut server = self.server(server);
                server.expunge(path, number);
                server.add(&to, mail);
            }
            Phone::Copy(to) => {
                let to = pick(&paths, to).unwrap();
                self.server(server).add(&to, mail);
            }
        }
    }

    fn phone_folder(&mut self, server: usize, folder: &Index, what: &PhoneFolder) {
        let paths: Vec<String> = self.server(server).folders.keys().cloned().collect();
        let path = pick(&paths, folder).unwrap();
        let name = |number: &u8| ["Notes", "Work/Tide", "Phone"][usize::from(*number)];
        match what {
            PhoneFolder::Create(number) => self.server(server).create(name(number), None),
            PhoneFolder::Rename(number) => drop(self.server(server).rename(&path, name(number))),
            PhoneFolder::Delete if path != "INBOX" && path != "Trash" => {
                let gone = self.server(server).folders.remove(&path).unwrap();
                self.may_go.extend(gone.mails.values().map(Mail::number));
            }
            PhoneFolder::Delete => {}
            PhoneFolder::Renumber => self.server(server).renumber(&path),
            PhoneFolder::Subscribe(on) => {
                self.server(server).folders.get_mut(&path).unwrap().is_subscribed = *on;
            }
        }
    }

    fn edit(&mut self, surat: usize, letters: &[Index], what: &Wish) {
        let here = &self.surats[surat];
        let all = here.letters();
        let picked: Vec<_> = letters.iter().filter_map(|letter| pick(&all, letter)).collect();
        let targets: Vec<Target> =
            picked.iter().map(|(email, from)| Target { email: *email, from: Some(*from) }).collect();
        let edit = match what {
            Wish::Keyword(word, on) => Edit::Keyword((*word).to_owned(), *on),
            Wish::ToRole(role) => Edit::MoveToRole(*role),
            Wish::Move(account, folder) => match pick(&here.folders(*account), folder) {
                Some(folder) => Edit::Move(folder),
                None => return,
            },
            Wish::Copy(account, folder) => match pick(&here.folders(*account), folder) {
                Some(folder) => Edit::Copy(folder),
                None => return,
            },
            Wish::Remove => {
                for (email, _) in &picked {
                    let subject = here.store.email(*email).unwrap().unwrap().header.subject;
                    self.may_go.insert(subject.rsplit(' ').next().unwrap().parse().unwrap());
                }
                Edit::Remove
            }
        };
        // Bytes that are not here cannot be had twice at once: an error, and it changes nothing.
        drop(here.store.edit(&Mutation { targets, edit }, clock(), "x"));
    }

    /// Syncs everybody until nothing changes any more.
    fn come_to_rest(&mut self) {
        for _ in 0..12 {
            LATER.fetch_add(60, Ordering::SeqCst);
            let before = self.state();
            for surat in 0..2 {
                for account in 0..2 {
                    self.sync(surat, account, None);
                }
            }
            let waits = |surat: &Surat| surat.desks.iter().any(|desk| waits_for(&surat.store, desk.account) > 0);
            if self.state() == before && !self.surats.iter().any(waits) {
                return;
            }
        }
        for (number, surat) in self.surats.iter().enumerate() {
            for desk in &surat.desks {
                let pending = surat.store.pending(desk.account, 9).unwrap();
                let count = surat.store.pending_count(desk.account).unwrap();
                eprintln!("Surat {number}, {}: {count} {pending:#?}", desk.settings.name);
                eprintln!("{:#?}", surat.store.attempts(desk.account).unwrap());
            }
        }
        panic!("it never comes to rest");
    }

    fn state(&self) -> Vec<BTreeMap<String, Vec<(u64, String)>>> {
        let of = |server: &Arc<Mutex<Server>>| {
            let server = server.lock().unwrap();
            let mails = |folder: &super::model::Folder| {
                folder
                    .mails
                    .iter()
                    .map(|(id, mail)| (*id, format!("{}:{}", mail.number(), mail.keywords.to_text())))
                    .collect()
            };
            server.folders.iter().map(|(path, folder)| (path.clone(), mails(folder))).collect()
        };
        self.servers.iter().map(of).collect()
    }

    /// Says that a Surat has what a server has, and shows it.
    fn assert_in_step(&self, surat: usize, account: usize) {
        let (store, desk) = (&self.surats[surat].store, &self.surats[surat].desks[account]);
        let server = self.server(account);
        let folders = store.mailboxes(Some(desk.account)).unwrap();
        let names: BTreeSet<&str> = folders.iter().map(|folder| folder.name.as_str()).collect();
        assert_eq!(names, server.folders.keys().map(String::as_str).collect());
        assert_eq!(names.len(), folders.len(), "no folder twice");
        for folder in &folders {
            let there = &server.folders[&folder.name];
            let copies: BTreeMap<_, _> = store.remotes(folder.id).unwrap().into_iter().collect();
            let their: BTreeMap<_, _> =
                there.mails.iter().map(|(number, mail)| (there.id(*number), mail.keywords.clone())).collect();
            assert_eq!(copies, their, "{}", folder.name);
            let emails = store.emails(&View::Mailbox(folder.id), None, 1_000).unwrap();
            let shown: BTreeSet<(String, String)> =
                emails.into_iter().map(|email| (email.header.subject, email.keywords.to_text())).collect();
            let visible = there.mails.values().filter(|mail| !mail.is_deleted());
            let their: BTreeSet<(String, String)> =
                visible.map(|mail| (format!("Subject {}", mail.number()), mail.keywords.to_text())).collect();
            assert_eq!(shown, their, "{}", folder.name);
        }
        let pending = store.pending(desk.account, 1_000).unwrap();
        let outlook = Outlook { has_seen_all: true, ..Outlook::default() };
        let offer = Link::new(self.servers[account].clone(), None);
        drop(server);
        assert_eq!(pending, Pending::default());
        assert_eq!(plan(&pending, &offer.offer(), outlook), []);
    }

    fn assert_nothing_lost(&self) {
        let mut kept = BTreeSet::new();
        for server in 0..2 {
            let server = self.server(server);
            for (path, number) in server.all() {
                let mail = server.mail(&path, number);
                if !mail.is_deleted() {
                    kept.insert(mail.number());
                }
            }
        }
        for letter in 1..=self.letters {
            assert!(kept.contains(&letter) || self.may_go.contains(&letter), "letter {letter} is lost");
        }
    }
}

fn waits_for(store: &Store, account: AccountId) -> u64 {
    store.pending_count(account).unwrap() + store.attempts(account).unwrap().len() as u64
}

/// The same sample every time; under `SURAT_FULL` many others.
fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    match std::env::var_os("SURAT_FULL") {
        Some(_) => ProptestConfig { cases: 2_000, ..config },
        None => ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(1), ..config },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_surats_and_a_phone_end_with_what_the_servers_have(
        habits in [habits(), habits()],
        events in proptest::collection::vec(events(), 1..40),
    ) {
        let mut world = World::new(habits);
        for event in &events {
            world.happen(event);
        }
        world.come_to_rest();
        for surat in 0..2 {
            for account in 0..2 {
                world.assert_in_step(surat, account);
            }
        }
        world.assert_nothing_lost();
    }
}
