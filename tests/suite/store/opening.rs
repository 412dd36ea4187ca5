//! Opening, ending, and everything that can be wrong with a file or a disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use surat::mail::mailbox::Role;
use surat::mail::mutation::Edit;
use surat::mail::remote::{Cursor, Delta, RemoteId};
use surat::mail::view::{Scope, View};
use surat::store::{Body, FILE_NAME, Kind, NEWEST, Options, SCHEMA, Store};

use super::{Fixture, NOW, arrived, message, remote_mailbox};

/// Lists tables, columns and indexes as SQLite understands them, however they were written.
pub fn shape(db: &Connection) -> Vec<String> {
    let mut query = db
        .prepare(
            "SELECT 'column', t.name, t.strict, t.wr, c.name, c.type, c.\"notnull\", IFNULL(c.dflt_value, ''), c.pk
             FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
             WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'
             UNION ALL SELECT 'key', t.name, 0, 0, k.\"table\", k.\"from\", 0, k.\"to\", 0
             FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) k WHERE t.schema = 'main'
             UNION ALL SELECT 'index', tbl_name, 0, 0, name, REPLACE(REPLACE(IFNULL(sql, ''), char(10), ' '), '  ', ''),
                 0, '', 0
             FROM sqlite_schema WHERE type = 'index'
             ORDER BY 1, 2, 5",
        )
        .unwrap();
    let width = query.column_count();
    let rows = query.query_map([], |row| {
        Ok((0..width).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect::<Vec<_>>().join(" "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_schema_file_is_what_a_store_has() {
    let f = Fixture::new();
    let written = Connection::open_in_memory().unwrap();
    written.execute_batch(SCHEMA).unwrap();
    let store = Connection::open(f.path().join(FILE_NAME)).unwrap();
    let (of_file, of_store) = (shape(&written), shape(&store));
    assert!(of_file.len() > 150);
    assert_eq!(of_file, of_store);
    let version: i64 = store.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, NEWEST);
}

#[test]
fn nobody_else_can_read_the_mail() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("a/b");
    let store = Store::open(&dir).unwrap();
    store.account("x").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_newer_store_is_left_alone() {
    let f = Fixture::new();
    f.store.close();
    let path = f.path().join(FILE_NAME);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", NEWEST + 1).unwrap();
    let error = Store::open(f.path()).err().unwrap();
    assert_eq!(error.kind, Kind::Newer);
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, NEWEST + 1);
}

#[test]
fn what_is_no_store_is_never_overwritten() {
    let other_database = {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
        fs::read(path).unwrap()
    };
    let mut torn = b"SQLite format 3\0".to_vec();
    torn.extend([0xff; 4_000]);
    for content in [b"not a database at all".to_vec(), vec![0; 5_000], b"SQL".to_vec(), other_database, torn] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, &content).unwrap();
        let error = Store::open(dir.path()).err().unwrap();
        assert_eq!(error.kind, Kind::Damaged, "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(error.remedy.contains("Move the file aside"), "{error}");
        assert!(fs::read(&path).unwrap() == content, "left as it is: {error}");
    }
}

#[test]
fn damage_inside_is_found_by_the_check() {
    let f = Fixture::new();
    f.apply(f.inbox, &(0..300).map(|n| arrived(message(n))).collect::<Vec<_>>());
    assert_eq!(f.store.check(), Ok(()));
    f.store.close();
    let path = f.path().join(FILE_NAME);
    Connection::open(&path).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4_096;
    for page in (pages / 2..pages).step_by(3) {
        bytes[page * 4_096..page * 4_096 + 200].fill(0x5a);
    }
    fs::write(&path, bytes).unwrap();
    // Opening reads little and may not notice; the check does.
    let found = Store::open(f.path()).and_then(|store| store.check());
    assert_eq!(found.unwrap_err().kind, Kind::Damaged);
}

#[test]
fn a_directory_that_cannot_be_made_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    assert_eq!(Store::open(&file.join("below")).err().unwrap().kind, Kind::Io);
}

#[test]
fn an_end_without_goodbye_is_remembered_once() {
    let f = Fixture::new();
    assert!(f.store.ended_cleanly());
    let beside = Store::open(f.path()).unwrap();
    assert!(beside.ended_cleanly(), "one that is still open has not ended");
    beside.close();
    drop(f.store); // a crash: no close
    let after = Store::open(f.dir.path()).unwrap();
    assert!(!after.ended_cleanly());
    let quit = Instant::now();
    after.close();
    assert!(quit.elapsed() < Duration::from_millis(500));
    assert!(Store::open(f.dir.path()).unwrap().ended_cleanly());
}

#[test]
fn on_a_network_file_system_it_works_with_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_with(dir.path(), Options { assume_network: true, ..Options::default() }).unwrap();
    assert!(store.notes()[0].contains("network file system"), "{:?}", store.notes());
    let account = store.account("a").unwrap();
    let inbox = store.reconcile_mailboxes(account, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    store.apply(account, inbox, &[arrived(message(1))]).unwrap();
    store.make_durable().unwrap();
    assert!(!dir.path().join(format!("{FILE_NAME}-wal")).exists());
    assert_eq!(store.mailbox(inbox).unwrap().total, 1);
    let f = Fixture::new();
    assert!(f.store.notes().is_empty());
}

#[test]
fn removing_an_account_takes_its_mail_along_and_nothing_else() {
    let f = Fixture::new();
    let other = f.store.account("other").unwrap();
    let inbox = f.store.reconcile_mailboxes(other, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let kept = f.arrive(f.inbox, message(1));
    let gone = f.store.apply(other, inbox, &[arrived(super::reply(2, &[1]))]).unwrap().new_emails[0];
    let body = |mailbox, id: &str| Body { mailbox, id: RemoteId(id.into()), raw: b"A: b\n\nsame".to_vec() };
    f.store.keep_bodies(vec![body(f.inbox, "1"), body(inbox, "2")]).unwrap();
    f.store.rename_account(other, "second").unwrap();
    assert_eq!(f.store.rename_account(other, "work").unwrap_err().kind, Kind::Other);
    f.store.remove_account(other).unwrap();
    assert_eq!(f.store.accounts().unwrap(), [(f.account, "work".to_owned())]);
    assert_eq!(f.store.email(gone).unwrap(), None);
    assert!(f.store.raw(kept).unwrap().is_some());
    assert_eq!(f.rows(&View::Mailbox(f.inbox)).rows[0].count, 1);
    assert_eq!(f.store.facts().unwrap().emails, 1);
    f.assert_sound();
}

#[test]
fn the_file_gets_smaller_when_a_good_part_of_it_is_free() {
    let f = Fixture::new();
    let other = f.store.account("other").unwrap();
    let inbox = f.store.reconcile_mailboxes(other, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let kept = f.arrive(f.inbox, message(1));
    f.store.apply(other, inbox, &[arrived(message(2))]).unwrap();
    let body = |mailbox, id: &str, bytes: Vec<u8>| Body { mailbox, id: RemoteId(id.into()), raw: bytes };
    // Bytes that do not pack well.
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b' ' + (seed >> 24) as u8 % 90
    };
    let large: Vec<u8> = b"A: b\n\n".iter().copied().chain((0..4_000_000).map(|_| noise())).collect();
    f.store.keep_bodies(vec![body(f.inbox, "1", b"A: b\n\nrapat".to_vec()), body(inbox, "2", large)]).unwrap();
    f.store.index_some(9).unwrap();
    let bytes = || f.store.facts().unwrap().bytes;
    let full = bytes();
    assert!(full > 2_000_000, "{full}");
    f.store.shrink().unwrap();
    assert!(bytes() >= full - 100_000, "there is nothing to gain");
    let other_process = Store::open(f.path()).unwrap();
    f.store.remove_account(other).unwrap();
    assert!(bytes() >= full - 100_000);
    f.store.shrink().unwrap();
    assert!(bytes() < 1_000_000, "{}", bytes());
    assert_eq!(std::fs::metadata(f.path().join(FILE_NAME)).unwrap().len(), bytes());
    for store in [&f.store, &other_process] {
        assert_eq!(store.raw(kept).unwrap().unwrap(), b"A: b\n\nrapat");
        let found = surat::mail::query::parse("rapat", NOW, &jiff::tz::TimeZone::UTC).query;
        assert_eq!(store.emails(&View::Search(found, Scope::Everywhere), None, 9).unwrap()[0].id, kept);
        store.check().unwrap();
    }
    f.assert_sound();
}

/// A small disk that goes away with the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).status();
        assert!(mounted.unwrap().success(), "mounting a tmpfs takes root");
        Self(dir)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_heals() {
    let disk = SmallDisk::new("3m");
    let dir = disk.0.path().join("store");
    let store = Store::open(&dir).unwrap();
    let account = store.account("a").unwrap();
    let inbox = store.reconcile_mailboxes(account, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let first = store.apply(account, inbox, &[arrived(message(0))]).unwrap().new_emails[0];
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![1; 1_500_000]).unwrap();
    // Bytes that cannot be packed.
    let noise = |seed: u64| -> Vec<u8> {
        let mut state = seed + 1;
        (0..60_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect()
    };
    let mut kept = Vec::new();
    let error = (1..200)
        .find_map(|number| {
            let raw = noise(number as u64);
            let tried = store
                .apply(account, inbox, &[arrived(message(number)), Delta::Commit(Cursor(number.to_string()))])
                .and_then(|applied| {
                    let body = Body { mailbox: inbox, id: RemoteId(number.to_string()), raw: raw.clone() };
                    store.keep_bodies(vec![body]).map(|()| kept.push((applied.new_emails[0], raw)))
                });
            tried.err()
        })
        .expect("three megabytes are full at last");
    assert_eq!(error.kind, Kind::DiskFull, "{error}");
    assert!(error.to_string().contains("nothing was lost"), "{error}");
    assert!(!kept.is_empty());
    // Everything that was said to be kept is there, now and after another start on the full disk.
    let all_there = |store: &Store| {
        for (email, raw) in &kept {
            assert_eq!(store.raw(*email).unwrap().as_ref(), Some(raw));
        }
        assert!(store.email(first).unwrap().is_some());
        assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    };
    all_there(&store);
    all_there(&Store::open(&dir).unwrap());
    fs::remove_file(ballast).unwrap();
    store.apply(account, inbox, &[arrived(message(500))]).unwrap();
    all_there(&store);
    assert_eq!(store.check(), Ok(()));
}

const CHILD: &str = "SURAT_TEST_STORE_CHILD";

/// Not a test by itself: the process that the next test kills.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = Store::open(Path::new(&dir)).unwrap();
    let account = store.account("work").unwrap();
    let inbox = store.reconcile_mailboxes(account, &[remote_mailbox("INBOX", "Inbox", Some(Role::Inbox))]).unwrap()[0];
    let first = store.remote_count(inbox).unwrap() as i64;
    for number in first.. {
        let mail = if number % 3 == 0 { message(number) } else { super::reply(number, &[number - 1]) };
        let deltas = [arrived(mail), Delta::Commit(Cursor((number + 1).to_string()))];
        let email = store.apply(account, inbox, &deltas).unwrap().new_emails[0];
        let raw = format!("Subject: {number}\n\n{}", "tide ".repeat(number as usize % 300)).into_bytes();
        store.keep_bodies(vec![Body { mailbox: inbox, id: RemoteId(number.to_string()), raw }]).unwrap();
        let target = surat::mail::mutation::Target { email, from: Some(inbox) };
        let edit = if number % 2 == 0 { Edit::MoveToRole(Role::Archive) } else { Edit::Keyword("$seen".into(), true) };
        let mutation = surat::mail::mutation::Mutation { targets: vec![target], edit };
        store.edit(&mutation, super::NOW, "x").unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_rows_and_cursor_in_step() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = if std::env::var_os("SURAT_FULL").is_some() { 300 } else { 12 };
    let mut known = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::opening::child_that_writes_until_it_is_killed"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let count = || {
            let db = Connection::open(dir.path().join(FILE_NAME)).ok()?;
            db.query_row("SELECT COUNT(*) FROM remotes", [], |row| row.get::<_, i64>(0)).ok()
        };
        // A different number of steps each round, so that the kill falls on different moments.
        let deadline = Instant::now() + Duration::from_secs(60);
        while count().unwrap_or(0) < known + 3 + round % 5 {
            assert!(Instant::now() < deadline, "the child does not write");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let start = Instant::now();
        let store = Store::open(dir.path()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(!store.ended_cleanly());
        store.check().unwrap();
        assert_eq!(store.audit().unwrap(), Vec::<String>::new());
        let inbox = store.mailboxes(None).unwrap().iter().find(|m| m.role == Some(Role::Inbox)).unwrap().id;
        known = store.remote_count(inbox).unwrap() as i64;
        assert_eq!(store.cursor(inbox).unwrap(), Some(Cursor(known.to_string())));
        store.close();
    }
}

#[test]
fn a_store_that_another_is_just_making_is_waited_for_and_never_taken_for_a_foreign_one() {
    for _ in 0..30 {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| Store::open(dir.path()).unwrap().close());
            }
        });
    }
}
