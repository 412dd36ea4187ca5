//! Owns the harness of the screen: keys go in, effects are answered from a small mailbox in memory, screens come out.
//!
//! It knows no store: what it answers is canned, so that a test sees the screen alone.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use surat::config::key::sequence;
use surat::mail::address::Address;
use surat::mail::change::Change;
use surat::mail::document::{Attachment, Document, Fold, Form, Line, Link, Span, Style};
use surat::mail::email::{Email, Header, Row, RowKey};
use surat::mail::id::{AccountId, EmailId, HistoryId, MailboxId, ThreadId};
use surat::mail::keyword::{FLAGGED, Keywords, SEEN};
use surat::mail::mailbox::{Mailbox, Role};
use surat::mail::mutation::{Done, Edit, FolderEdit, MadeFolder};
use surat::mail::query::Query;
use surat::mail::safe::SafeText;
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, Rows, Scope, View};
use surat::ui::message::{
    AccountLine, Effect, Event, Moment, Mouse, MouseKind, Msg, PastChange, ServerNotice, Slot, Targets, ThreadLine,
};
use surat::ui::{Model, Settings, update, view};

/// Mon 2026-11-23T01:40:00Z.
pub const NOW: i64 = 1_795_398_000;

/// One email of the small mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    pub id: EmailId,
    pub thread: ThreadId,
    pub account: AccountId,
    pub mailbox: MailboxId,
    pub from: Address,
    pub subject: String,
    pub keywords: Keywords,
    pub has_attachment: bool,
}

/// A mailbox in memory that answers what the screen asks.
#[derive(Debug, Clone, Default)]
pub struct Fake {
    pub accounts: Vec<AccountLine>,
    pub mailboxes: Vec<Mailbox>,
    pub mails: Vec<Mail>,
    /// What every message is, instead of the canned text.
    pub raw: Option<Vec<u8>>,
    /// What servers did and was not put aside.
    pub notices: Vec<ServerNotice>,
    /// Changes that wait to go to each account's server.
    pub pending: u64,
    undo: Vec<Past>,
    redo: Vec<Past>,
}

/// A change, and what was there before it; when it was taken back, what was there after it.
#[derive(Debug, Clone, Default)]
struct Past {
    label: String,
    mails: Vec<Mail>,
    mailboxes: Vec<Mailbox>,
}

pub const WORK: AccountId = AccountId(1);
pub const HOME: AccountId = AccountId(2);
pub const INBOX: MailboxId = MailboxId(1);
pub const ARCHIVE: MailboxId = MailboxId(4);
pub const TRASH: MailboxId = MailboxId(6);

fn mailbox(id: i64, account: AccountId, name: &str, role: Option<Role>) -> Mailbox {
    Mailbox {
        id: MailboxId(id),
        account,
        name: name.into(),
        role,
        is_selectable: true,
        is_subscribed: true,
        total: 0,
        unread: 0,
    }
}

pub fn letters() -> Fake {
    let account = |id, name: &str, email: &str| AccountLine {
        id,
        name: name.into(),
        email: email.into(),
        own_addresses: vec![email.into()],
    };
    let mut fake = Fake {
        accounts: vec![account(WORK, "work", "ana@work.test"), account(HOME, "home", "ana@home.test")],
        mailboxes: vec![
            mailbox(1, WORK, "INBOX", Some(Role::Inbox)),
            mailbox(2, WORK, "Drafts", Some(Role::Drafts)),
            mailbox(3, WORK, "Sent", Some(Role::Sent)),
            mailbox(4, WORK, "Archive", Some(Role::Archive)),
            mailbox(5, WORK, "Junk", Some(Role::Junk)),
            mailbox(6, WORK, "Trash", Some(Role::Trash)),
            mailbox(7, WORK, "Invoices", None),
            mailbox(8, WORK, "Invoices/2026", None),
            mailbox(11, HOME, "INBOX", Some(Role::Inbox)),
            mailbox(12, HOME, "Trash", Some(Role::Trash)),
        ],
        ..Fake::default()
    };
    let hour = 3_600;
    let day = 24 * hour;
    let mut add = |age: i64, thread, name: &str, subject: &str, words: &[&str], has_attachment: bool| {
        fake.mails.push(Mail {
            id: EmailId((NOW - age) << EmailId::COUNTER_BITS),
            thread: ThreadId(thread),
            account: WORK,
            mailbox: INBOX,
            from: match name {
                "you" => Address::new(Some("Ana Pertiwi"), "ana@work.test"),
                "Bank Mandala" => Address::new(Some(name), "info@mandala.test"),
                name => Address::new(Some(name), "someone@example.test"),
            },
            subject: subject.into(),
            keywords: Keywords::new(words.iter().copied()),
            has_attachment,
        });
    };
    add(28 * 60, 1, "Budi Santoso", "Offsite in Bandung, 12–14 December", &[], true);
    add(3 * hour, 1, "you", "Re: Offsite in Bandung", &[SEEN], false);
    add(9 * hour, 1, "Mira Köhler", "Offsite in Bandung", &[SEEN], false);
    add(79 * 60, 2, "GitForge", "[acme/mailbox] CI: cache cargo registry (PR #404)", &[], false);
    add(2 * hour, 3, "Dr. Siti Rahma", "Thesis chapter 3: feedback", &[SEEN], false);
    add(10 * hour, 4, "Shop", "Receipt for order #88213", &[SEEN, FLAGGED], true);
    add(14 * hour, 5, "Bank Mandala", "Your one-time code is 481 203", &[], false);
    add(32 * hour, 6, "Léa Fournier", "Re: Hotel for the conference", &[SEEN, "$answered"], false);
    add(40 * hour, 7, "田中 花子", "写真を送ります", &[SEEN], false);
    add(43 * hour, 8, "Jonas Berg", "Interview with the candidate for SRE", &[SEEN, "$forwarded"], false);
    add(3 * day, 9, "The Weekly Kernel", "Issue 100: everything you missed 🎉🎉", &[], false);
    add(7 * day, 10, "נועה", "דו״ח חודשי", &[SEEN], false);
    add(8 * day, 11, "👩‍👩‍👧‍👦 Keluarga", "Selamat ulang tahun! e\u{301}e\u{301}", &[], false);
    add(9 * day, 12, "a\u{202e}evil\u{1b}[31m", "\u{1b}]0;gotcha\u{7}plain\r\nwords", &[SEEN], false);
    add(400 * day, 13, "Priya Natarajan", "", &[SEEN], false);
    fake.mails.push(Mail {
        id: EmailId((NOW - 5 * hour) << EmailId::COUNTER_BITS),
        thread: ThreadId(20),
        account: HOME,
        mailbox: MailboxId(11),
        from: Address::new(Some("PLN"), "pln@example.test"),
        subject: "Tagihan listrik November".into(),
        keywords: Keywords::default(),
        has_attachment: false,
    });
    fake
}

impl Fake {
    /// Fills the inbox with so many more conversations, older than all others.
    pub fn with_many(mut self, count: i64) -> Self {
        for at in 0..count {
            self.mails.push(Mail {
                id: EmailId((NOW - 500 * 86_400 - at * 60) << EmailId::COUNTER_BITS),
                thread: ThreadId(1_000 + at),
                account: WORK,
                mailbox: INBOX,
                from: Address::new(Some("Bulk Sender"), "bulk@example.test"),
                subject: format!("Number {at}"),
                keywords: Keywords::new(if at == 150 { vec![] } else { vec![SEEN] }),
                has_attachment: false,
            });
        }
        self
    }

    fn role(&self, id: MailboxId) -> Option<Role> {
        self.mailboxes.iter().find(|mailbox| mailbox.id == id).and_then(|mailbox| mailbox.role)
    }

    fn is_in(&self, view: &View, mail: &Mail) -> bool {
        match view {
            View::Mailbox(id) => mail.mailbox == *id,
            View::AllInboxes => self.role(mail.mailbox) == Some(Role::Inbox),
            View::Starred => mail.keywords.is_flagged(),
            View::Search(query, scope) => {
                let is_there = match scope {
                    Scope::Everywhere => true,
                    Scope::Account(id) => mail.account == *id,
                    Scope::Mailbox(id) => mail.mailbox == *id,
                };
                is_there && finds(query, mail)
            }
        }
    }

    fn rows(&self, view: &View) -> Vec<Row> {
        let mut threads: BTreeMap<ThreadId, Vec<&Mail>> = BTreeMap::new();
        for mail in &self.mails {
            threads.entry(mail.thread).or_default().push(mail);
        }
        let is_here = |mails: &Vec<&Mail>| mails.iter().any(|mail| self.is_in(view, mail));
        let here = threads.into_values().filter(is_here);
        let mut rows: Vec<Row> = here.map(|mails| self.row(view, mails)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.key));
        rows
    }

    fn row(&self, view: &View, mut mails: Vec<&Mail>) -> Row {
        mails.sort_by_key(|mail| mail.id);
        let here: Vec<&&Mail> = mails.iter().filter(|mail| self.is_in(view, mail)).collect();
        let newest = here.last().unwrap();
        let mut people: Vec<Address> = Vec::new();
        for mail in &mails {
            if !people.contains(&mail.from) {
                people.push(mail.from.clone());
            }
        }
        Row {
            key: RowKey { newest: newest.id, thread: newest.thread },
            account: newest.account,
            email: newest.id,
            mailbox: newest.mailbox,
            people,
            subject: newest.subject.clone(),
            count: mails.len() as u32,
            unread: here.iter().filter(|mail| !mail.keywords.is_seen()).count() as u32,
            is_flagged: mails.iter().any(|mail| mail.keywords.is_flagged()),
            is_answered: newest.keywords.contains("$answered"),
            is_forwarded: newest.keywords.contains("$forwarded"),
            has_attachment: mails.iter().any(|mail| mail.has_attachment),
        }
    }

    fn window(&self, view: &View, anchor: Anchor, limit: usize) -> Rows {
        let all = self.rows(view);
        let after = |key: RowKey| all.iter().position(|row| row.key < key).unwrap_or(all.len());
        let from = |key: RowKey| all.iter().position(|row| row.key <= key).unwrap_or(all.len());
        let (start, end) = match anchor {
            Anchor::Top => (0, limit),
            Anchor::Bottom => (all.len().saturating_sub(limit), all.len()),
            Anchor::After(key) => (after(key), after(key) + limit),
            Anchor::Before(key) => (from(key).saturating_sub(limit), from(key)),
            Anchor::Around(key) => (from(key).saturating_sub(limit / 2), from(key) + limit / 2),
        };
        let end = end.min(all.len());
        let total = Some(all.len() as u64);
        Rows { rows: all[start.min(end)..end].to_vec(), has_before: start > 0, has_after: end < all.len(), total }
    }

    fn counted(&self) -> Vec<Mailbox> {
        let count = |mailbox: &Mailbox| {
            let here = || self.mails.iter().filter(|mail| mail.mailbox == mailbox.id);
            let unread = here().filter(|mail| !mail.keywords.is_seen()).count() as u64;
            Mailbox { total: here().count() as u64, unread, ..mailbox.clone() }
        };
        self.mailboxes.iter().map(count).collect()
    }

    fn threads_of(&self, targets: &Targets) -> (Vec<EmailId>, usize, &'static str) {
        let of = |view: &View, threads: &[ThreadId]| -> Vec<EmailId> {
            let is_target = |mail: &&Mail| threads.contains(&mail.thread) && self.is_in(view, mail);
            self.mails.iter().filter(is_target).map(|mail| mail.id).collect()
        };
        match targets {
            Targets::Rows { view, rows } => {
                let threads: Vec<_> = rows.iter().map(|key| key.thread).collect();
                (of(view, &threads), threads.len(), "conversation")
            }
            Targets::AllBut { view, rows } => {
                let left: Vec<_> = rows.iter().map(|key| key.thread).collect();
                let threads: Vec<_> =
                    self.rows(view).iter().map(|row| row.key.thread).filter(|thread| !left.contains(thread)).collect();
                (of(view, &threads), threads.len(), "conversation")
            }
            Targets::Emails(emails) => (emails.iter().map(|one| one.email).collect(), emails.len(), "message"),
        }
    }

    fn edit(&mut self, targets: &Targets, edit: &Edit, folder: Option<&str>) -> Done {
        let before = self.mails.clone();
        let (emails, count, unit) = self.threads_of(targets);
        let roles: Vec<_> = self.mailboxes.iter().map(|mailbox| (mailbox.account, mailbox.role, mailbox.id)).collect();
        let mut made: Vec<MadeFolder> = Vec::new();
        let mut copies: Vec<Mail> = Vec::new();
        for mail in self.mails.iter_mut().filter(|mail| emails.contains(&mail.id)) {
            match edit {
                Edit::Keyword(keyword, on) => mail.keywords.set(keyword, *on),
                Edit::Move(mailbox) => mail.mailbox = *mailbox,
                Edit::MoveToRole(role) => {
                    let to = roles.iter().find(|(account, have, _)| *account == mail.account && *have == Some(*role));
                    mail.mailbox = to.map_or(MailboxId(98), |(_, _, id)| *id);
                    if to.is_none() && made.iter().all(|made| made.account != mail.account) {
                        made.push(MadeFolder { account: mail.account, name: format!("{role:?}") });
                    }
                }
                Edit::Copy(mailbox) => {
                    copies.push(Mail { id: EmailId(mail.id.0 + 1), mailbox: *mailbox, ..mail.clone() });
                }
                Edit::Remove => mail.mailbox = MailboxId(99),
            }
        }
        self.mails.extend(copies);
        let label = edit.past_tense(count, unit, folder);
        let emails = if self.mails == before { 0 } else { emails.len() };
        let mailboxes = self.mailboxes.clone();
        self.undo.push(Past { label: label.clone(), mails: before, mailboxes });
        self.redo.clear();
        Done { label, emails, accounts: Vec::new(), made }
    }

    /// Edits a folder, if it is there.
    fn edit_folder(&mut self, edit: &FolderEdit) -> Option<Done> {
        let before = (self.mails.clone(), self.mailboxes.clone());
        let (label, account) = match edit {
            FolderEdit::Create { account, name } => {
                let id = MailboxId(100 + self.mailboxes.len() as i64);
                self.mailboxes.push(mailbox(id.0, *account, name, None));
                (edit.past_tense(name, 0), *account)
            }
            FolderEdit::Rename { mailbox, .. }
            | FolderEdit::Delete { mailbox }
            | FolderEdit::Subscribe { mailbox, .. } => {
                let at = self.mailboxes.iter().position(|it| it.id == *mailbox)?;
                let name = self.mailboxes[at].name.clone();
                let moved = self.mails.iter().filter(|mail| mail.mailbox == *mailbox).count();
                match edit {
                    FolderEdit::Rename { name, .. } => self.mailboxes[at].name = name.clone(),
                    FolderEdit::Subscribe { on, .. } => self.mailboxes[at].is_subscribed = *on,
                    _ => {
                        self.mailboxes.remove(at);
                        let gone = self.mails.iter_mut().filter(|mail| mail.mailbox == *mailbox);
                        gone.for_each(|mail| mail.mailbox = TRASH);
                    }
                }
                (edit.past_tense(&name, moved), WORK)
            }
        };
        self.undo.push(Past { label: label.clone(), mails: before.0, mailboxes: before.1 });
        self.redo.clear();
        Some(Done { label, emails: 0, accounts: vec![account], made: Vec::new() })
    }

    /// Goes one change back, or forth again.
    fn swap(&mut self, change: Past) -> Past {
        let mails = std::mem::replace(&mut self.mails, change.mails);
        let mailboxes = std::mem::replace(&mut self.mailboxes, change.mailboxes);
        Past { label: change.label, mails, mailboxes }
    }

    fn history(&self) -> Vec<PastChange> {
        let change = |(at, (past, is_undone)): (usize, (&Past, bool))| PastChange {
            id: HistoryId(at as i64 + 1),
            at: UnixTime(NOW - 3_600 + at as i64),
            label: past.label.clone(),
            is_undone,
        };
        let all = self.undo.iter().map(|past| (past, false)).chain(self.redo.iter().rev().map(|past| (past, true)));
        let mut listed: Vec<_> = all.enumerate().map(change).collect();
        listed.reverse();
        listed
    }

    fn opened(&self, id: EmailId) -> Option<(Email, Vec<ThreadLine>)> {
        let mail = self.mails.iter().find(|mail| mail.id == id)?;
        let received = |id: EmailId| UnixTime(id.0 >> EmailId::COUNTER_BITS);
        let email = Email {
            id,
            account: mail.account,
            thread: mail.thread,
            received: received(id),
            size: 184_000,
            header: Header {
                from: vec![mail.from.clone()],
                to: vec![Address::new(Some("Ana"), "ana@work.test")],
                cc: vec![Address::new(Some("Mira Köhler"), "mira@example.test")],
                subject: mail.subject.clone(),
                date: Some(received(id)),
                message_id: Some("one@example.test".into()),
                ..Header::default()
            },
            keywords: mail.keywords.clone(),
            mailboxes: vec![mail.mailbox],
            has_attachment: mail.has_attachment,
            is_stored: true,
            preview: String::new(),
        };
        let mut thread: Vec<&Mail> = self.mails.iter().filter(|other| other.thread == mail.thread).collect();
        thread.sort_by_key(|mail| mail.id);
        let line = |mail: &&Mail| ThreadLine {
            email: mail.id,
            from: mail.from.clone(),
            received: received(mail.id),
            is_unread: !mail.keywords.is_seen(),
            is_flagged: mail.keywords.is_flagged(),
            has_attachment: mail.has_attachment,
            preview: "The venue confirmed 40 seats and a projector".into(),
        };
        Some((email, thread.iter().map(line).collect()))
    }
}

fn finds(query: &Query, mail: &Mail) -> bool {
    match query {
        Query::Text { words, .. } => words.split_whitespace().all(|word| {
            let text = format!("{} {}", surat::mail::warn::short_name(&mail.from), mail.subject).to_lowercase();
            text.contains(&word.to_lowercase())
        }),
        Query::And(all) => all.iter().all(|query| finds(query, mail)),
        Query::Or(any) => any.iter().any(|query| finds(query, mail)),
        Query::Not(query) => !finds(query, mail),
        Query::Keyword(keyword) => mail.keywords.contains(keyword),
        Query::HasAttachment => mail.has_attachment,
        _ => true,
    }
}

/// The text of every message, with one of everything that the reader can show.
pub fn document(width: u16, form: Form) -> Document {
    let run = |text: &str, style| Span { text: SafeText::line(text), style };
    let line = |text: &str, style, fold| Line { spans: vec![run(text, style)], fold };
    let mut lines = vec![
        line("The venue confirmed 40 seats and a projector, no microphone. Could", Style::Plain, None),
        line("you check whether the second pallet has left already?", Style::Plain, None),
        line("", Style::Plain, None),
        Line { spans: vec![run("Map: ", Style::Plain), run("maps.example.test [1]", Style::Link)], fold: None },
        line("", Style::Plain, None),
    ];
    lines.extend((1..=14).map(|number| line(&format!("> quoted {number}"), Style::Quote(1), Some(0))));
    lines.extend([line("", Style::Plain, None), line("-- ", Style::Dim, None), line("Budi", Style::Dim, None)]);
    lines.extend((1..=30).map(|number| line(&format!("line {number} of {width}"), Style::Plain, None)));
    Document {
        lines,
        folds: vec![Fold { label: SafeText::line("14 quoted lines from you"), lines: 14 }],
        links: vec![
            Link {
                text: SafeText::line("maps.example.test"),
                target: "https://maps.example.test/bandung?id=1".into(),
                shown: SafeText::line("https://maps.example.test/bandung?id=1"),
                can_open: true,
                is_deceptive: false,
            },
            Link {
                text: SafeText::line("www.bank.test"),
                target: "https://evil.example/login".into(),
                shown: SafeText::line("https://evil.example/login"),
                can_open: true,
                is_deceptive: true,
            },
        ],
        attachments: vec![Attachment {
            number: 1,
            name: SafeText::line("venue-plan.pdf"),
            media_type: SafeText::line("application/pdf"),
            size: 184_000,
            is_inline: false,
        }],
        fields: vec![
            (SafeText::line("From"), SafeText::line("Budi Santoso <budi@example.test>")),
            (SafeText::line("X-Mailer"), SafeText::line("Pigeon 1.0")),
        ],
        hidden_words: 23,
        remote_parts: 2,
        warnings: Vec::new(),
        form: if form == Form::Best { Form::Plain } else { form },
        forms: vec![Form::Plain, Form::Html],
        cut: None,
    }
}

/// The screen with somebody at the keyboard.
pub struct Harness {
    pub model: Model,
    pub fake: Fake,
    pub millis: u64,
    /// Every effect so far.
    pub effects: Vec<Effect>,
    /// Effects that are not answered while `holds` is set.
    pub held: Vec<Effect>,
    pub holds: bool,
    /// Whether bodies are here.
    pub has_bodies: bool,
    width: u16,
    height: u16,
}

impl Harness {
    pub fn new(width: u16, height: u16, fake: Fake) -> Self {
        Self::with(width, height, fake, Settings { zone: TimeZone::UTC, many_colors: true, ..Settings::default() })
    }

    pub fn with(width: u16, height: u16, fake: Fake, settings: Settings) -> Self {
        let mut harness = Self {
            model: Model::new(settings),
            fake,
            millis: 10_000,
            effects: Vec::new(),
            held: Vec::new(),
            holds: false,
            has_bodies: true,
            width,
            height,
        };
        harness.send(Event::Started { width, height });
        harness
    }

    /// Opens the letters of everyday in an inbox.
    pub fn inbox(width: u16, height: u16) -> Self {
        let mut harness = Self::new(width, height, letters());
        harness.press("g i");
        harness
    }

    /// Sends something and answers what comes of it until nothing does.
    pub fn send(&mut self, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = Moment { unix: UnixTime(NOW + (self.millis / 1_000) as i64 - 10), millis: self.millis };
            for effect in update(&mut self.model, Msg { now, event }) {
                self.effects.push(effect.clone());
                if self.holds {
                    self.held.push(effect);
                } else {
                    events.extend(self.answer(&effect));
                }
            }
        }
    }

    /// Presses keys, a second apart.
    pub fn press(&mut self, keys: &str) {
        for key in sequence(keys).unwrap() {
            self.millis += 1_000;
            self.send(Event::Key(key));
        }
    }

    /// Types text, a tenth of a second a letter.
    pub fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.millis += 100;
            self.send(Event::Key(surat::config::key::Key::char(c)));
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, millis: u64) {
        self.millis += millis;
        self.send(Event::Tick);
    }

    pub fn mouse(&mut self, kind: MouseKind, column: u16, row: u16) {
        self.send(Event::Mouse(Mouse { kind, column, row }));
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        (self.width, self.height) = (width, height);
        self.millis += 1_000;
        self.send(Event::Resized { width, height });
    }

    /// Tells that the mail changed.
    pub fn changed(&mut self) {
        self.millis += 1_000;
        self.send(Event::Changed(Change { is_flood: true, ..Change::default() }));
    }

    pub fn answer(&mut self, effect: &Effect) -> Vec<Event> {
        let flood = || Event::Changed(Change { is_flood: true, ..Change::default() });
        let done = |label| Done { label, emails: 1, accounts: Vec::new(), made: Vec::new() };
        match effect {
            Effect::LoadFolders => vec![
                Event::Folders { accounts: self.fake.accounts.clone(), mailboxes: self.fake.counted() },
                Event::Notices(self.fake.notices.clone()),
            ],
            Effect::LoadRows { slot, generation, view, anchor, limit } => {
                let rows = self.fake.window(view, *anchor, *limit);
                vec![Event::Rows { slot: *slot, generation: *generation, rows }]
            }
            Effect::Open { generation, email, options } => match self.fake.opened(*email) {
                None => vec![Event::Gone { generation: *generation }],
                Some((email, thread)) => {
                    let document = self.has_bodies.then(|| {
                        Box::new(match &self.fake.raw {
                            Some(raw) => surat::mail::render::document(raw, &[], *options),
                            None => document(options.width, options.form),
                        })
                    });
                    vec![Event::Opened { generation: *generation, email: Box::new(email), thread, document }]
                }
            },
            Effect::MarkRead(emails) => {
                for mail in self.fake.mails.iter_mut().filter(|mail| emails.contains(&mail.id)) {
                    mail.keywords.insert(SEEN);
                }
                vec![flood()]
            }
            Effect::Edit { targets, edit, folder } => {
                let done = self.fake.edit(targets, edit, folder.as_deref());
                vec![flood(), Event::Did(done)]
            }
            Effect::EditFolder(edit) => match self.fake.edit_folder(edit) {
                Some(done) => vec![flood(), Event::Did(done)],
                None => vec![Event::Failed { what: "This folder is gone.".into(), remedy: String::new() }],
            },
            Effect::PutAside(number) => {
                self.fake.notices.retain(|notice| notice.number != *number);
                Vec::new()
            }
            Effect::Restore(number) => {
                self.fake.notices.retain(|notice| notice.number != *number);
                let notices = Event::Notices(self.fake.notices.clone());
                vec![flood(), Event::Did(done("Put 250 messages back into Inbox".into())), notices]
            }
            Effect::LoadHistory => vec![Event::History(self.fake.history())],
            // What was before an older change is not known here: tests take back the last one.
            Effect::TakeBack(_) => self.answer(&Effect::Undo),
            Effect::CountPending => {
                let accounts = self.fake.accounts.iter();
                accounts.map(|it| Event::Pending { account: it.id, pending: self.fake.pending }).collect()
            }
            Effect::Undo => match self.fake.undo.pop() {
                None => vec![Event::NothingToUndo],
                Some(past) => {
                    let past = self.fake.swap(past);
                    let label = past.label.clone();
                    self.fake.redo.push(past);
                    vec![flood(), Event::Undid(done(label))]
                }
            },
            Effect::Redo => match self.fake.redo.pop() {
                None => vec![Event::NothingToRedo],
                Some(past) => {
                    let past = self.fake.swap(past);
                    let label = past.label.clone();
                    self.fake.undo.push(past);
                    vec![flood(), Event::Redid(done(label))]
                }
            },
            Effect::SaveAttachment { .. } | Effect::SaveAllAttachments { .. } => {
                vec![Event::Saved { path: "~/Downloads/venue-plan.pdf".into(), files: 1 }]
            }
            Effect::OpenAttachment { .. } => vec![Event::Note("Opened venue-plan.pdf".into())],
            _ => Vec::new(),
        }
    }

    fn draw(&self) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(self.width, self.height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal
    }

    pub fn buffer(&self) -> Buffer {
        self.draw().backend().buffer().clone()
    }

    /// Gives the row of the terminal's own cursor.
    pub fn cursor_row(&self) -> u16 {
        let mut terminal = self.draw();
        terminal.get_cursor_position().unwrap().y
    }

    /// Gives the lines of the screen without the spaces at their ends.
    pub fn lines(&self) -> Vec<String> {
        let buffer = self.buffer();
        let line = |y| {
            let mut text = String::new();
            let mut skip = 0;
            for x in 0..buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                if skip == 0 {
                    text.push_str(symbol);
                    skip = surat::mail::wrap::width(symbol).saturating_sub(1);
                } else {
                    skip -= 1;
                }
            }
            text.trim_end().to_owned()
        };
        (0..buffer.area.height).map(line).collect()
    }

    pub fn screen(&self) -> String {
        self.lines().join("\n")
    }

    pub fn sees(&self, text: &str) -> bool {
        self.screen().contains(text)
    }

    #[track_caller]
    pub fn expect(&self, text: &str) {
        assert!(self.sees(text), "no {text:?} in:\n{}", self.screen());
    }

    #[track_caller]
    pub fn expect_not(&self, text: &str) {
        assert!(!self.sees(text), "{text:?} in:\n{}", self.screen());
    }

    /// Gives the line with the cursor's bar.
    pub fn cursor_line(&self) -> String {
        let lines = self.lines();
        lines.into_iter().find(|line| line.starts_with('▌')).unwrap_or_default()
    }

    /// Gives the effects since the last time.
    pub fn took(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn last_rows_generation(&self) -> u64 {
        let generation = |effect: &Effect| match effect {
            Effect::LoadRows { slot: Slot::List, generation, .. } => Some(*generation),
            _ => None,
        };
        self.effects.iter().rev().find_map(generation).unwrap()
    }
}
