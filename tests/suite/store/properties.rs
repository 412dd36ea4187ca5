//! What must hold after anything whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use surat::accounts::plan::Planned;
use surat::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::mutation::{Edit, FolderEdit, Mutation, Target};
use surat::mail::remote::{Arrived, Delta, RemoteId};
use surat::mail::view::{Anchor, View};
use surat::store::{Body, Pushed, Share};

use super::{Fixture, NOW, arrived, message, remote_mailbox, reply};

/// One thing that may happen.
#[derive(Debug, Clone)]
enum Event {
    Arrive { number: u8, parents: Vec<u8>, place: usize, object: bool, seen: bool },
    Keywords { pick: Index, words: Vec<&'static str> },
    Vanish { picks: Vec<Index> },
    Reset { place: usize },
    Settle { place: usize },
    Body { pick: Index, text: u8 },
    Edit { picks: Vec<Index>, edit: Wish },
    Undo,
    Redo,
    Folder { pick: Index, edit: FolderWish },
    TakeBack { pick: Index },
    Push { pick: Index, end: End },
    PushAll,
    Sweep,
}

/// An edit, with what it is about picked from what there is.
#[derive(Debug, Clone)]
enum Wish {
    Plain(Edit),
    Move(Index),
    Copy(Index),
}

#[derive(Debug, Clone)]
enum FolderWish {
    Create(u8),
    Rename(u8),
    Delete,
    Subscribe(bool),
}

/// What a server makes of what it is asked for.
#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    OnlyMarked,
    Refused,
    /// Its answer is lost, and it comes out that it did nothing.
    Lost,
}

fn edits() -> impl Strategy<Value = Wish> {
    let plain = prop_oneof![
        (prop_oneof![Just("$seen"), Just("$flagged"), Just("work")], any::<bool>())
            .prop_map(|(word, on)| Edit::Keyword(word.into(), on)),
        prop_oneof![Just(Role::Inbox), Just(Role::Archive), Just(Role::Trash), Just(Role::Junk)]
            .prop_map(Edit::MoveToRole),
        Just(Edit::Remove),
    ];
    prop_oneof![
        3 => plain.prop_map(Wish::Plain),
        1 => any::<Index>().prop_map(Wish::Move),
        1 => any::<Index>().prop_map(Wish::Copy),
    ]
}

fn folder_edits() -> impl Strategy<Value = FolderWish> {
    prop_oneof![
        (0..3u8).prop_map(FolderWish::Create),
        (0..3u8).prop_map(FolderWish::Rename),
        Just(FolderWish::Delete),
        any::<bool>().prop_map(FolderWish::Subscribe),
    ]
}

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(vec!["$seen", "$flagged", "$answered", "$deleted", "work"], 0..=5)
}

fn events() -> impl Strategy<Value = Event> {
    let picks = || proptest::collection::vec(any::<Index>(), 1..4);
    prop_oneof![
        6 => (0..24u8, proptest::collection::vec(0..24u8, 0..3), 0..4usize, any::<bool>(), any::<bool>())
            .prop_map(|(number, parents, place, object, seen)| Event::Arrive { number, parents, place, object, seen }),
        2 => (any::<Index>(), words()).prop_map(|(pick, words)| Event::Keywords { pick, words }),
        2 => picks().prop_map(|picks| Event::Vanish { picks }),
        1 => (0..4usize).prop_map(|place| Event::Reset { place }),
        1 => (0..4usize).prop_map(|place| Event::Settle { place }),
        2 => (any::<Index>(), 0..3u8).prop_map(|(pick, text)| Event::Body { pick, text }),
        5 => (picks(), edits()).prop_map(|(picks, edit)| Event::Edit { picks, edit }),
        2 => Just(Event::Undo),
        1 => Just(Event::Redo),
        1 => (any::<Index>(), folder_edits()).prop_map(|(pick, edit)| Event::Folder { pick, edit }),
        1 => any::<Index>().prop_map(|pick| Event::TakeBack { pick }),
        3 => (any::<Index>(), prop_oneof![
            2 => Just(End::Done), 1 => Just(End::OnlyMarked), 1 => Just(End::Refused), 1 => Just(End::Lost)
        ]).prop_map(|(pick, end)| Event::Push { pick, end }),
        1 => Just(Event::PushAll),
        1 => Just(Event::Sweep),
    ]
}

/// A store to which things happen, and the little that a server would remember.
struct World {
    f: Fixture,
    /// The inbox of another account.
    elsewhere: MailboxId,
    other: AccountId,
    emails: BTreeSet<EmailId>,
    /// Those of them that edits made in another account.
    made: BTreeSet<EmailId>,
    next: i64,
}

impl World {
    fn new() -> Self {
        let f = Fixture::new();
        let other = f.store.account("other").unwrap();
        let list = [remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))];
        let elsewhere = f.store.reconcile_mailboxes(other, &list).unwrap()[0];
        Self { f, elsewhere, other, emails: BTreeSet::new(), made: BTreeSet::new(), next: 0 }
    }

    /// Every folder to which mail can go.
    fn folders(&self) -> Vec<MailboxId> {
        self.f.store.mailboxes(None).unwrap().into_iter().map(|mailbox| mailbox.id).collect()
    }

    fn places(&self) -> [MailboxId; 4] {
        [self.f.inbox, self.f.archive, self.f.sent, self.f.trash]
    }

    fn remotes(&self) -> Vec<(MailboxId, RemoteId)> {
        let of = |mailbox| self.f.store.remotes(mailbox).unwrap().into_iter().map(move |(id, _)| (mailbox, id));
        self.places().into_iter().chain([self.elsewhere]).flat_map(of).collect()
    }

    fn apply(&self, mailbox: MailboxId, deltas: &[Delta]) {
        let account = if mailbox == self.elsewhere { self.other } else { self.f.account };
        self.f.store.apply(account, mailbox, deltas).unwrap();
    }

    fn fresh_id(&mut self) -> RemoteId {
        self.next += 1;
        RemoteId(format!("r{}", self.next))
    }

    fn happen(&mut self, event: &Event) {
        let places = self.places();
        match event {
            Event::Arrive { number, parents, place, object, seen } => {
                let mut mail: Arrived =
                    reply((*number).into(), &parents.iter().map(|&parent| parent.into()).collect::<Vec<i64>>());
                mail.id = self.fresh_id();
                mail.object_id = object.then(|| format!("M{number}"));
                mail.keywords = Keywords::new(seen.then_some("$seen"));
                self.emails.extend(self.f.apply(places[*place], &[arrived(mail)]).new_emails);
            }
            Event::Keywords { pick, words } => {
                if let Some((mailbox, id)) = some(&self.remotes(), pick) {
                    self.apply(mailbox, &[Delta::Keywords(id, Keywords::new(words.iter().copied()))]);
                }
            }
            Event::Vanish { picks } => {
                for pick in picks {
                    if let Some((mailbox, id)) = some(&self.remotes(), pick) {
                        self.apply(mailbox, &[Delta::Vanished(vec![id])]);
                    }
                }
            }
            Event::Reset { place } => drop(self.f.apply(places[*place], &[Delta::Reset])),
            Event::Settle { place } => drop(self.f.store.settle(places[*place]).unwrap()),
            Event::Body { pick, text } => {
                if let Some((mailbox, id)) = some(&self.remotes(), pick) {
                    let raw = format!("Subject: x\n\nbody {text}").into_bytes();
                    self.f.store.keep_bodies(vec![Body { mailbox, id, raw }]).unwrap();
                }
            }
            Event::Edit { picks, edit } => {
                let emails: Vec<EmailId> = self.emails.iter().copied().collect();
                let mut targets = Vec::new();
                for pick in picks {
                    if let Some(email) = some(&emails, pick) {
                        let known = self.f.store.email(email).unwrap();
                        let from = known.and_then(|known| known.mailboxes.first().copied());
                        if from.is_some() || !self.made.contains(&email) {
                            targets.push(Target { email, from });
                        }
                    }
                }
                let folders = self.folders();
                let edit = match edit {
                    Wish::Plain(edit) => edit.clone(),
                    Wish::Move(to) => Edit::Move(*to.get(&folders)),
                    Wish::Copy(to) => Edit::Copy(*to.get(&folders)),
                };
                // What is not here whole cannot be copied to several accounts at once: an error, and nothing changes.
                drop(self.f.store.edit(&Mutation { targets, edit }, NOW, "x"));
                self.meet();
            }
            Event::Folder { pick, edit } => {
                let mailbox = *pick.get(&self.folders());
                let name = |number: &u8| ["Work", "Work/Reef", "Projects"][usize::from(*number)].to_owned();
                let edit = match edit {
                    FolderWish::Create(number) => FolderEdit::Create { account: self.f.account, name: name(number) },
                    FolderWish::Rename(number) => FolderEdit::Rename { mailbox, name: name(number) },
                    FolderWish::Delete => FolderEdit::Delete { mailbox },
                    FolderWish::Subscribe(on) => FolderEdit::Subscribe { mailbox, on: *on },
                };
                // A name may be taken, and some folders stay.
                drop(self.f.store.edit_folder(&edit, NOW));
            }
            Event::TakeBack { pick } => {
                let history = self.f.store.history(100).unwrap();
                if let Some(entry) = some(&history, pick) {
                    drop(self.f.store.take_back(entry.id, NOW));
                }
            }
            // A folder that it needs may be gone.
            Event::Undo => drop(self.f.store.undo(NOW)),
            Event::Redo => drop(self.f.store.redo(NOW)),
            Event::Push { pick, end } => {
                let planned: Vec<Planned> =
                    [self.f.account, self.other].into_iter().flat_map(|account| self.f.planned_for(account)).collect();
                if let Some(planned) = some(&planned, pick) {
                    self.push(planned, *end);
                }
            }
            Event::PushAll => {
                for account in [self.f.account, self.other] {
                    for planned in self.f.planned_for(account) {
                        self.push(planned, End::Done);
                    }
                }
            }
            Event::Sweep => drop(self.f.store.sweep(10).unwrap()),
        }
    }

    /// Gets to know emails that edits made in other accounts.
    fn meet(&mut self) {
        for mailbox in self.folders() {
            let emails = self.f.store.emails(&View::Mailbox(mailbox), None, 1_000).unwrap();
            for email in emails {
                if self.emails.insert(email.id) {
                    self.made.insert(email.id);
                }
            }
        }
    }

    fn push(&mut self, planned: Planned, end: End) {
        let shares = match planned {
            Planned::Operation { shares, .. } => shares,
            Planned::Append(append) => vec![append.share],
            Planned::Impossible(share) => return self.refuse(&[share]),
            Planned::Fetch(email) => return self.f.fetch(email),
            Planned::AfterAll => return,
        };
        let numbers = self.f.store.begin_attempts(&shares).unwrap();
        match end {
            End::Refused => {
                self.f.store.end_attempts(&numbers).unwrap();
                self.refuse(&shares);
            }
            End::Lost => {
                self.f.assert_sound();
                self.f.store.end_attempts(&numbers).unwrap();
            }
            End::Done | End::OnlyMarked => {
                let mut done = Vec::new();
                for share in shares {
                    let mut pushed = Pushed::new(share);
                    match &pushed.share {
                        Share::Arrival { .. } => pushed.id = Some(self.fresh_id()),
                        Share::Mailbox { name, .. } => pushed.path = Some(name.clone()),
                        _ => pushed.is_only_marked = matches!(end, End::OnlyMarked),
                    }
                    done.push(pushed);
                }
                self.f.store.pushed(&done, &numbers).unwrap();
            }
        }
    }

    fn refuse(&self, shares: &[Share]) {
        self.f.store.refused(self.f.account, shares, "no").unwrap();
    }

    /// What the user wants: every bit of it.
    fn wanted(&self) -> BTreeMap<EmailId, (String, Vec<MailboxId>)> {
        let read = |&id| {
            let email = self.f.store.email(id).unwrap()?;
            // What edits made in another account and took back again is nowhere.
            let is_nowhere = email.mailboxes.is_empty() && self.made.contains(&id);
            (!is_nowhere).then(|| (id, (email.keywords.to_text(), email.mailboxes)))
        };
        self.emails.iter().filter_map(read).collect()
    }
}

fn some<T: Clone>(from: &[T], pick: &Index) -> Option<T> {
    if from.is_empty() { None } else { Some(pick.get(from).clone()) }
}

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("SURAT_FULL").is_some() { 2_000 } else { 40 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn lists_and_counts_are_what_the_mails_make_them(events in proptest::collection::vec(events(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        let wrong = world.f.store.audit().unwrap();
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        // Every list reads the same in one window and in many.
        for view in world.places().map(View::Mailbox).into_iter().chain([View::AllInboxes, View::Starred]) {
            let whole = world.f.store.rows(&view, Anchor::Top, 1_000).unwrap();
            let mut paged = Vec::new();
            let mut anchor = Anchor::Top;
            while let page = world.f.store.rows(&view, anchor, 3).unwrap()
                && let Some(last) = page.rows.last()
            {
                anchor = Anchor::After(last.key);
                paged.extend(page.rows);
            }
            prop_assert_eq!(&paged, &whole.rows);
            if let Some(total) = whole.total {
                prop_assert_eq!(total, paged.len() as u64);
            }
            for row in &whole.rows {
                let members = world.f.store.thread(row.key.thread).unwrap();
                prop_assert!(!members.is_empty());
            }
        }
    }

    #[test]
    fn undoing_everything_restores_every_wanted_bit(
        mails in proptest::collection::vec((0..24u8, 0..4usize, words()), 1..10),
        edits in proptest::collection::vec((proptest::collection::vec(any::<Index>(), 1..5), edits()), 1..20),
    ) {
        let mut world = World::new();
        for (number, place, words) in mails {
            let mut mail = message(number.into());
            mail.id = world.fresh_id();
            mail.keywords = Keywords::new(words);
            let place = world.places()[place];
            world.emails.extend(world.f.apply(place, &[arrived(mail)]).new_emails);
        }
        let mut states = vec![world.wanted()];
        for (picks, edit) in edits {
            world.happen(&Event::Edit { picks, edit });
            if states.last() != Some(&world.wanted()) {
                states.push(world.wanted());
            }
        }
        prop_assert_eq!(world.f.store.history(1_000).unwrap().len(), states.len() - 1);
        for state in states.iter().rev().skip(1) {
            world.f.store.undo(NOW).unwrap().unwrap();
            prop_assert_eq!(&world.wanted(), state);
        }
        prop_assert_eq!(world.f.store.undo(NOW).unwrap(), None);
        // A folder that was made on the way stays.
        for account in [world.f.account, world.other] {
            prop_assert_eq!(world.f.store.pending(account, 1_000).unwrap().emails, []);
        }
        for state in states.iter().skip(1) {
            world.f.store.redo(NOW).unwrap().unwrap();
            prop_assert_eq!(&world.wanted(), state);
        }
        world.f.assert_sound();
    }

    #[test]
    fn conversations_are_the_same_in_whatever_order_mail_arrives(
        parents in proptest::collection::vec(proptest::collection::vec(0..20u8, 0..3), 20),
        order in Just((0..20usize).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1..7usize,
    ) {
        let partition = |order: &[usize], batch: usize| -> BTreeSet<BTreeSet<String>> {
            let f = Fixture::new();
            for part in order.chunks(batch) {
                let news: Vec<Delta> = part
                    .iter()
                    .map(|&number| {
                        let parents: Vec<i64> = parents[number].iter().map(|&parent| parent.into()).collect();
                        arrived(reply(number as i64, &parents))
                    })
                    .collect();
                f.apply(f.inbox, &news);
            }
            let emails = f.store.emails(&View::Mailbox(f.inbox), None, 100).unwrap();
            let mut threads: BTreeMap<ThreadId, BTreeSet<String>> = BTreeMap::new();
            for email in emails {
                threads.entry(email.thread).or_default().insert(email.header.subject);
            }
            f.assert_sound();
            threads.into_values().collect()
        };
        let straight: Vec<usize> = (0..20).collect();
        prop_assert_eq!(partition(&straight, 20), partition(&order, batch));
    }
}
