//! From a real Dovecot into the store, beside a raw drain of the same data over the same socket: ratios of one run.
//!
//! `cargo bench --bench e2e` takes 1,000 and 20,000 messages, `SURAT_FULL=1` 100,000 too. Every figure is the median of
//! five, printed with what it is measured against. What stands in the store is counted, so nothing is measured that did
//! not happen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use surat::accounts::{bodies, pull};
use surat::backend::imap::{Credentials, Imap, Timeouts};
use surat::backend::net::{Endpoint, Security};
use surat::backend::{Backend, Traffic};
use surat::mail::id::{AccountId, MailboxId};
use surat::mail::view::{Anchor, View};
use surat::store::Store;
use tempfile::TempDir;
use tokio::runtime::Runtime;

mod shared;
#[path = "../tests/support/mod.rs"]
#[allow(dead_code)]
mod support;

const RUNS: usize = 5;
const FIELDS: &str = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER REPLY-TO TO CC BCC \
                      SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID)]";

fn main() {
    let sizes: &[usize] = if support::is_full() { &[1_000, 20_000, 100_000] } else { &[1_000, 20_000] };
    let runtime = Runtime::new().unwrap();
    println!("| messages | what | here | beside | ratio |\n|---|---|---|---|---|");
    for &size in sizes {
        let user = support::dovecot::dovecot().user(&format!("bench{size}"));
        user.deliver_each("INBOX", size, shared::letter);
        measure(&runtime, &user.endpoint(Security::None), &user.credentials(), &user.name, size);
    }
}

/// One account in a store of its own.
struct Fresh {
    store: Store,
    account: AccountId,
    inbox: MailboxId,
    dir: TempDir,
}

fn measure(runtime: &Runtime, endpoint: &Endpoint, credentials: &Credentials, user: &str, size: usize) {
    let report = |what: &str, here: Duration, beside: Duration| {
        let ratio = here.as_secs_f64() / beside.as_secs_f64();
        let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
        println!("| {size} | {what} | {} | {} | {ratio:.2} |", millis(here), millis(beside));
    };
    let probe = median(|| raw(endpoint, user, &format!("FETCH {}:* ({FIELDS})", size.saturating_sub(39).max(1))));
    let headers = median(|| raw(endpoint, user, &format!("UID FETCH 1:* ({FIELDS})")));
    let texts = median(|| raw(endpoint, user, "UID FETCH 1:* (UID BODY.PEEK[])"));

    let (mut made, mut first, mut all, mut body) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..RUNS {
        let started = Instant::now();
        let (dir, store) = make_store();
        made.push(started.elapsed());
        let (mut connection, fresh) = runtime.block_on(begin(dir, store, endpoint, credentials));
        let mut first_list = None;
        let progress = |done, _| {
            if done > 0 {
                first_list.get_or_insert_with(|| started.elapsed());
            }
        };
        let pulled = runtime
            .block_on(pull::mailbox(&mut connection, &fresh.store, fresh.account, fresh.inbox, "INBOX", progress))
            .unwrap();
        assert_eq!(pulled.arrived, size as u64);
        all.push(started.elapsed());
        first.push(first_list.unwrap());
        let started = Instant::now();
        let (mut came, mut run) = (0, bodies::Run::default());
        while runtime
            .block_on(bodies::some(&mut connection, &fresh.store, fresh.account, None, &mut run, |kept| came += kept))
            .unwrap()
        {}
        assert_eq!(came, size as u64);
        body.push(started.elapsed());
        last = Some(fresh);
    }
    let fresh = last.unwrap();
    let (made, first) = (middle(made), middle(first));
    report("making the store, beside the raw 40 rows", made, probe);
    report("first list, cold, with making the store, beside the raw 40 rows", first, probe);
    report("first list, cold, once there is a store, beside the raw 40 rows", first.saturating_sub(made), probe);
    report("all headers stored, beside their raw drain", middle(all), headers);
    report("all bodies stored and indexed, beside their raw drain", middle(body), texts);

    let (mut traffic, mut quiet) = (Traffic::default(), Vec::new());
    for _ in 0..RUNS {
        let started = Instant::now();
        let mut connection = runtime.block_on(Imap::connect(endpoint, credentials, Timeouts::default())).unwrap();
        runtime.block_on(connection.mailboxes()).unwrap();
        let pulled = runtime
            .block_on(pull::mailbox(&mut connection, &fresh.store, fresh.account, fresh.inbox, "INBOX", |_, _| {}))
            .unwrap();
        assert_eq!(pulled.arrived, 0);
        quiet.push(started.elapsed());
        traffic = connection.traffic();
    }
    report("nothing new, beside the raw 40 rows", middle(quiet), probe);
    println!(
        "| {size} | nothing new: bytes in + out, round trips | {} + {}, {} | at most 2048 in all | |",
        traffic.bytes_in, traffic.bytes_out, traffic.round_trips
    );

    fresh.store.close();
    drop(fresh.store);
    let warm = median(|| {
        let started = Instant::now();
        let store = Store::open(fresh.dir.path()).unwrap();
        let rows = store.rows(&View::Mailbox(fresh.inbox), Anchor::Top, 40).unwrap();
        assert_eq!(rows.rows.len(), 40);
        let took = started.elapsed();
        store.close();
        took
    });
    report("first list, warm, beside 30 ms", warm, Duration::from_millis(30));
    println!("| {size} | resident memory of this process | {} MB | | |", resident() / 1_000_000);
}

fn make_store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

async fn begin(dir: TempDir, store: Store, endpoint: &Endpoint, credentials: &Credentials) -> (Imap, Fresh) {
    let account = store.account("bench").unwrap();
    let mut connection = Imap::connect(endpoint, credentials, Timeouts::default()).await.unwrap();
    let listed = connection.mailboxes().await.unwrap();
    let at = listed.iter().position(|mailbox| mailbox.path == "INBOX").unwrap();
    let inbox = store.reconcile_mailboxes(account, &listed).unwrap()[at];
    (connection, Fresh { store, account, inbox, dir })
}

/// Connects, signs in, selects, runs one command and reads to its end without looking at what comes.
fn raw(endpoint: &Endpoint, user: &str, command: &str) -> Duration {
    let started = Instant::now();
    let mut socket = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).unwrap();
    socket.set_nodelay(true).unwrap();
    let mut reader = BufReader::with_capacity(1 << 18, socket.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let password = support::dovecot::PASSWORD;
    write!(socket, "a LOGIN {user} {password}\r\nb SELECT INBOX\r\n").unwrap();
    read_to(&mut reader, b"b OK");
    write!(socket, "c {command}\r\n").unwrap();
    read_to(&mut reader, b"c OK");
    started.elapsed()
}

/// Reads until a line begins with `mark`; the drain looks at the ends of blocks only.
fn read_to(reader: &mut impl Read, mark: &[u8]) {
    let mut block = vec![0; 1 << 18];
    let mut tail: Vec<u8> = vec![b'\n'];
    let wanted = [b"\n", mark].concat();
    loop {
        let count = reader.read(&mut block).unwrap();
        assert!(count > 0, "the server went away");
        tail.extend_from_slice(&block[count.saturating_sub(400)..count]);
        let kept = tail.len().saturating_sub(800);
        tail.drain(..kept);
        if tail.windows(wanted.len()).any(|window| window == wanted) {
            return;
        }
    }
}

fn median(mut run: impl FnMut() -> Duration) -> Duration {
    middle((0..RUNS).map(|_| run()).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
