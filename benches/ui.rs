//! Shows what a key costs from the press to the drawn frame, with a list over a million conversations.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use surat::config::key::Key;
use surat::mail::address::Address;
use surat::mail::email::{Row, RowKey};
use surat::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use surat::mail::mailbox::{Mailbox, Role};
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, Rows};
use surat::ui::message::{AccountLine, Effect, Event, Moment, Msg};
use surat::ui::{Model, Settings, update, view};

const NOW: i64 = 1_795_398_000;
const CONVERSATIONS: i64 = 1_000_000;

/// Gives the row at a place of a list that exists only as numbers.
fn row(at: i64) -> Row {
    let newest = EmailId((NOW - at * 60) << EmailId::COUNTER_BITS);
    Row {
        key: RowKey { newest, thread: ThreadId(at) },
        account: AccountId(1),
        email: newest,
        mailbox: MailboxId(1),
        people: vec![
            Address::new(Some("Budi Santoso"), "budi@example.test"),
            Address::new(Some("田中 花子"), "hanako@example.test"),
        ],
        subject: format!("Offsite in Bandung, 12–14 December, number {at}"),
        count: 3,
        unread: (at % 5 == 0).into(),
        is_flagged: at % 7 == 0,
        is_answered: false,
        is_forwarded: false,
        has_attachment: at % 3 == 0,
    }
}

fn window(anchor: Anchor, limit: usize) -> Rows {
    let limit = limit as i64;
    let (start, end) = match anchor {
        Anchor::Top => (0, limit),
        Anchor::Bottom => (CONVERSATIONS - limit, CONVERSATIONS),
        Anchor::After(key) => (key.thread.0 + 1, key.thread.0 + 1 + limit),
        Anchor::Before(key) => (key.thread.0 - limit, key.thread.0),
        Anchor::Around(key) => (key.thread.0 - limit / 2, key.thread.0 + limit / 2),
    };
    let (start, end) = (start.max(0), end.min(CONVERSATIONS));
    Rows {
        rows: (start..end).map(row).collect(),
        has_before: start > 0,
        has_after: end < CONVERSATIONS,
        total: Some(CONVERSATIONS as u64),
    }
}

fn send(model: &mut Model, millis: u64, event: Event) {
    let mut events = vec![event];
    while let Some(event) = events.pop() {
        let now = Moment { unix: UnixTime(NOW), millis };
        for effect in update(model, Msg { now, event }) {
            match effect {
                Effect::LoadFolders => events.push(Event::Folders {
                    accounts: vec![AccountLine {
                        id: AccountId(1),
                        name: "work".into(),
                        email: "ana@work.test".into(),
                        own_addresses: Vec::new(),
                    }],
                    mailboxes: vec![Mailbox {
                        id: MailboxId(1),
                        account: AccountId(1),
                        name: "INBOX".into(),
                        role: Some(Role::Inbox),
                        is_selectable: true,
                        is_subscribed: true,
                        total: CONVERSATIONS as u64,
                        unread: 200_000,
                    }],
                }),
                Effect::LoadRows { slot, generation, anchor, limit, .. } => {
                    events.push(Event::Rows { slot, generation, rows: window(anchor, limit) });
                }
                _ => {}
            }
        }
    }
}

fn keys(criterion: &mut Criterion) {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut model = Model::new(Settings::default());
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        send(&mut model, 0, Event::Started { width, height });
        let mut millis = 1_000;
        for (name, key) in [("down", Key::char('j')), ("page down", Key::ctrl('f'))] {
            criterion.bench_function(&format!("{name} to frame at {width}x{height}, 1M conversations"), |bencher| {
                bencher.iter(|| {
                    millis += 30;
                    send(&mut model, millis, Event::Key(key));
                    terminal.draw(|frame| view(&model, frame)).unwrap();
                });
            });
        }
    }
}

criterion_group!(benches, keys);
criterion_main!(benches);
