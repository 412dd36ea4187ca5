//! How fast the store is: taking mail in beside bare SQLite in the same run, pages, searches, conversations.
//!
//! `SURAT_FULL=1` adds a mailbox of a million conversations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rusqlite::{Connection, params};
use shared::Dice;
use surat::mail::address::Address;
use surat::mail::email::{Header, RowKey};
use surat::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::query::{Field, Query};
use surat::mail::remote::{Arrived, Cursor, Delta, RemoteId, RemoteMailbox};
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, Scope, View};
use surat::store::{Body, Store};
use tempfile::TempDir;

mod shared;

const NOW: i64 = 1_795_398_000;
/// Messages of one portion, as a sync brings them.
const PORTION: usize = 500;
/// Rows of a screen.
const PAGE: usize = 40;

fn message(number: usize, dice: &mut Dice, answers: Option<usize>) -> Arrived {
    let person = dice.roll(2_000);
    let mut subject = dice.words(5);
    match number % 1_000 {
        7 => subject.push_str(" rarity"),
        8 => subject.push_str(" 天气预报"),
        _ if !number.is_multiple_of(5) => subject.push_str(" tide"),
        _ => {}
    }
    let received = UnixTime(NOW - 60 * number as i64);
    Arrived {
        id: RemoteId((10_000_000 - number).to_string()),
        keywords: Keywords::new(if number.is_multiple_of(10) { vec![] } else { vec!["$seen"] }),
        received,
        size: 4_000 + dice.roll(20_000),
        header: Header {
            from: vec![Address::new(Some(&format!("Person {person}")), &format!("person{person}@example.org"))],
            to: vec![Address::new(Some("Ayu Lestari"), "ayu@example.org")],
            subject,
            date: Some(received),
            message_id: Some(format!("{number}.{person}@mail.example.org")),
            references: answers.map(|to| format!("{to}@root.example.org")).into_iter().collect(),
            in_reply_to: answers.map(|to| format!("{to}@root.example.org")).into_iter().collect(),
            ..Header::default()
        },
        object_id: None,
    }
}

fn portions(count: usize, per_thread: usize) -> Vec<Vec<Delta>> {
    let mut dice = Dice(7);
    let numbers: Vec<usize> = (0..count).collect();
    numbers
        .chunks(PORTION)
        .map(|chunk| {
            let arrive = |&number: &usize| {
                let answers = (per_thread > 1).then_some(number / per_thread);
                Delta::Arrived(Box::new(message(number, &mut dice, answers)))
            };
            let mut portion: Vec<Delta> = chunk.iter().map(arrive).collect();
            portion.push(Delta::Commit(Cursor(chunk[0].to_string())));
            portion
        })
        .collect()
}

struct Filled {
    dir: TempDir,
    store: Store,
    account: AccountId,
    inbox: MailboxId,
    archive: MailboxId,
}

fn empty() -> Filled {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let account = store.account("bench").unwrap();
    let listed = [("INBOX", Role::Inbox), ("Archive", Role::Archive), ("Trash", Role::Trash)].map(|(name, role)| {
        let (path, name) = (name.into(), name.into());
        RemoteMailbox { path, name, role: Some(role), is_selectable: true, is_subscribed: true }
    });
    let ids = store.reconcile_mailboxes(account, &listed).unwrap();
    Filled { dir, store, account, inbox: ids[0], archive: ids[1] }
}

fn filled(count: usize, per_thread: usize) -> Filled {
    let filled = empty();
    for (at, portion) in portions(count, per_thread).into_iter().enumerate() {
        let mailbox = if at % 20 == 19 { filled.archive } else { filled.inbox };
        filled.store.apply(filled.account, mailbox, &portion).unwrap();
    }
    filled
}

/// Runs `work` on something fresh each time and counts only the work.
fn timed<T>(rounds: u64, mut fresh: impl FnMut() -> T, mut work: impl FnMut(&mut T)) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        let mut subject = fresh();
        let start = Instant::now();
        work(&mut subject);
        spent += start.elapsed();
    }
    spent
}

/// SQLite without a store, set up alike.
fn bare(dir: &Path, tables: &str) -> Connection {
    let db = Connection::open(dir.join("bare.db")).unwrap();
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    db.pragma_update(None, "synchronous", "NORMAL").unwrap();
    db.execute_batch(tables).unwrap();
    db
}

fn taking_in(c: &mut Criterion) {
    const COUNT: usize = 10_000;
    let mut group = c.benchmark_group("insert");
    group.sample_size(10).throughput(Throughput::Elements(COUNT as u64));
    // One conversation that grows and grows: linking must stay linear.
    for (name, per_thread) in [("store", 1), ("store, conversations of 8", 8), ("store, one conversation", COUNT)] {
        let news = portions(COUNT, per_thread);
        let take = |to: &mut Filled| {
            for portion in &news {
                to.store.apply(to.account, to.inbox, portion).unwrap();
            }
        };
        group.bench_function(name, |b| b.iter_custom(|rounds| timed(rounds, empty, take)));
    }
    let news = portions(COUNT, 1);
    let tables = "CREATE TABLE m (id INTEGER PRIMARY KEY, subject TEXT, from_ TEXT, sent INTEGER);
                  CREATE INDEX sent ON m (sent)";
    let fresh = || {
        let dir = tempfile::tempdir().unwrap();
        let db = bare(dir.path(), tables);
        (dir, db)
    };
    let take = |(_, db): &mut (TempDir, Connection)| {
        for portion in &news {
            let transaction = db.transaction().unwrap();
            for delta in portion {
                let Delta::Arrived(mail) = delta else { continue };
                let sql = "INSERT INTO m (subject, from_, sent) VALUES (?1, ?2, ?3)";
                let values = params![mail.header.subject, mail.header.from[0].addr, mail.received.0];
                transaction.prepare_cached(sql).unwrap().execute(values).unwrap();
            }
            transaction.commit().unwrap();
        }
    };
    group.bench_function("bare table, one index", |b| b.iter_custom(|rounds| timed(rounds, fresh, take)));
    group.finish();
}

fn indexing(c: &mut Criterion) {
    const COUNT: usize = 2_000;
    let mut group = c.benchmark_group("index");
    group.sample_size(10).throughput(Throughput::Elements(COUNT as u64));
    let mut dice = Dice(11);
    let texts: Vec<String> = (0..COUNT).map(|_| dice.words(300)).collect();
    let news = portions(COUNT, 1);
    let with_headers = || {
        let to = empty();
        for portion in &news {
            to.store.apply(to.account, to.inbox, portion).unwrap();
        }
        to
    };
    let with_bodies = || {
        let to = with_headers();
        let ids = news.iter().flatten().filter_map(|delta| match delta {
            Delta::Arrived(mail) => Some(mail.id.clone()),
            _ => None,
        });
        let bodies: Vec<Body> = ids
            .zip(&texts)
            .map(|(id, text)| {
                let raw = format!("Subject: x\r\nContent-Type: text/plain\r\n\r\n{text}\r\n").into_bytes();
                Body { mailbox: to.inbox, id, raw }
            })
            .collect();
        let portions: Vec<Vec<Body>> = bodies.chunks(PORTION).map(<[Body]>::to_vec).collect();
        (to, portions)
    };
    group.bench_function("store, bodies of 2 KB", |b| {
        b.iter_custom(|rounds| {
            timed(rounds, with_bodies, |(to, portions)| {
                for bodies in std::mem::take(portions) {
                    to.store.keep_bodies(bodies).unwrap();
                }
            })
        });
    });
    group.bench_function("store, header fields", |b| {
        b.iter_custom(|rounds| timed(rounds, with_headers, |to| while to.store.index_some(PORTION).unwrap() > 0 {}));
    });
    let tables = "CREATE VIRTUAL TABLE texts USING fts5 (from_, to_, subject, body, content = '',
        contentless_delete = 1, tokenize = \"unicode61 remove_diacritics 2\", prefix = '2 3')";
    let fresh = || {
        let dir = tempfile::tempdir().unwrap();
        let db = bare(dir.path(), tables);
        (dir, db)
    };
    let index = |(_, db): &mut (TempDir, Connection)| {
        for (at, texts) in texts.chunks(PORTION).enumerate() {
            let transaction = db.transaction().unwrap();
            for (number, text) in texts.iter().enumerate() {
                let sql = "INSERT INTO texts (rowid, from_, to_, subject, body) VALUES (?1, '', '', '', ?2)";
                let values = params![(at * PORTION + number) as i64, text];
                transaction.prepare_cached(sql).unwrap().execute(values).unwrap();
            }
            transaction.commit().unwrap();
        }
    };
    group.bench_function("bare FTS5, bodies of 2 KB", |b| b.iter_custom(|rounds| timed(rounds, fresh, index)));
    group.finish();
}

fn page_down(store: &Store, view: &View, anchor: &mut Anchor) {
    let rows = store.rows(black_box(view), *anchor, PAGE).unwrap();
    *anchor = rows.rows.last().filter(|_| rows.has_after).map_or(Anchor::Top, |row| Anchor::After(row.key));
    black_box(rows);
}

fn paging(c: &mut Criterion) {
    let mut group = c.benchmark_group("page of 40 rows");
    let mut sizes = vec![1_000, 200_000];
    if std::env::var_os("SURAT_FULL").is_some() {
        sizes.push(1_000_000);
    }
    for size in sizes {
        let filled = filled(size, 1);
        let view = View::Mailbox(filled.inbox);
        group.bench_function(BenchmarkId::new("down", size), |b| {
            let mut anchor = Anchor::Top;
            b.iter(|| page_down(&filled.store, &view, &mut anchor));
        });
        let middle = (NOW - 30 * size as i64) << EmailId::COUNTER_BITS;
        let key = RowKey { newest: EmailId(middle), thread: ThreadId(0) };
        group.bench_function(BenchmarkId::new("around the middle", size), |b| {
            b.iter(|| filled.store.rows(black_box(&view), Anchor::Around(key), PAGE).unwrap());
        });
        group.bench_function(BenchmarkId::new("open the store and the first page", size), |b| {
            b.iter(|| {
                let store = Store::open(filled.dir.path()).unwrap();
                let rows = store.rows(&View::AllInboxes, Anchor::Top, PAGE).unwrap();
                store.close();
                rows
            });
        });
    }
    let filled = filled(100_000, 10);
    let view = View::Mailbox(filled.inbox);
    group.bench_function("down, conversations of 10", |b| {
        let mut anchor = Anchor::Top;
        b.iter(|| page_down(&filled.store, &view, &mut anchor));
    });
    group.finish();
}

fn searching(c: &mut Criterion) {
    let filled = filled(200_000, 1);
    while filled.store.index_some(5_000).unwrap() > 0 {}
    let text = |words: &str| Query::Text { field: Field::Any, words: words.into(), is_phrase: false };
    let unread = || Query::Not(Box::new(Query::Keyword("$seen".into())));
    let tide_and = |other: Query| Query::And(vec![text("tide"), other]);
    let searches = [
        ("common word", text("tide")),
        ("rare word", text("rarity")),
        ("prefix", text("ti")),
        ("no such word", text("zzyzx")),
        ("CJK", text("天气")),
        ("two words", tide_and(text("person"))),
        ("one of two", Query::Or(vec![text("rarity"), text("天气")])),
        ("common, unread", tide_and(unread())),
        ("common, starred: none", tide_and(Query::Keyword("$flagged".into()))),
        ("common, in a folder", tide_and(Query::In("archive".into()))),
        ("common, in an empty folder", tide_and(Query::In("trash".into()))),
        ("common, before", tide_and(Query::Before(UnixTime(NOW - 60 * 100_000)))),
        ("common, with attachment: none", tide_and(Query::HasAttachment)),
        ("common, larger: none", tide_and(Query::Larger(100_000_000))),
        ("unread", unread()),
        ("not a common word", Query::Not(Box::new(text("tide")))),
    ];
    let mut group = c.benchmark_group("search 200k, newest 50");
    group.sample_size(20);
    for (name, query) in searches {
        let view = View::Search(query, Scope::Everywhere);
        group.bench_function(name, |b| b.iter(|| filled.store.rows(black_box(&view), Anchor::Top, 50).unwrap()));
    }
    group.finish();
}

criterion_group! {
    name = store;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = taking_in, indexing, paging, searching
}
criterion_main!(store);
