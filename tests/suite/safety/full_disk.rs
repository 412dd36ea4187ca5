//! P5 for a sync: the disk fills up on the way, the program says so, nothing is lost, and with space it goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use surat::mail::mailbox::{Mailbox, Role};
use surat::mail::view::View;
use surat::store::{FILE_NAME, Store};

use super::samples::{Sample, make_maildir, tree};
use crate::accounts::sync::home;
use crate::cli::{Home, Run};
use crate::support::dovecot::{Letter, PASSWORD, dovecot};
use crate::support::is_full;

/// Enough for all of the mail.
const ROOMY: u64 = 128 << 20;
const KIB: u64 = 1_024;

/// A file system of its own in memory, unmounted at the end.
pub struct Disk(tempfile::TempDir);

impl Disk {
    pub fn new(bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"], dir.path());
        Self(dir)
    }

    fn resize(&self, bytes: u64) {
        mount(&["-o", &format!("remount,size={bytes}")], self.0.path());
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets nothing be written from now on.
    pub fn forbid_writing(&self) {
        mount(&["-o", "remount,ro"], self.0.path());
    }

    fn data_dir(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], place: &Path) {
    let mounted = Command::new("mount").args(arguments).arg(place).status();
    assert!(mounted.unwrap().success(), "mounting a tmpfs takes root");
}

/// Eight megabytes of mail that cannot be packed much, in messages of many sizes.
fn samples() -> Vec<Sample> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 7_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        LETTERS[(state >> 58) as usize]
    };
    let sizes = [4, 20, 70, 300].iter().cycle().take(84);
    let sample = |(at, size): (usize, &usize)| {
        let mut raw = format!(
            "From: ana@toko.example\r\nSubject: number {at}\r\nMessage-ID: <{at}@toko.example>\r\nMIME-Version: 1.0\r\n\
             Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
        .into_bytes();
        for _ in 0..size * 1_024 / 78 {
            raw.extend((0..76).map(|_| letter()));
            raw.extend_from_slice(b"\r\n");
        }
        Sample { name: at.to_string(), raw }
    };
    sizes.enumerate().map(sample).collect()
}

fn sync(home: &Home, disk: &Disk) -> Run {
    home.run(&["--data-dir", disk.data_dir().to_str().unwrap(), "sync"])
}

/// Looks for the store's file wherever the program keeps it below its data directory.
fn store_dir(disk: &Disk) -> Option<PathBuf> {
    let found = tree(&disk.data_dir()).into_iter().map(|(path, _)| path);
    found.filter(|path| path.ends_with(FILE_NAME)).find_map(|path| Some(path.parent()?.to_owned()))
}

/// Every body that the store says it has is the one of the Maildir; gives how many there are.
fn bodies_as_given(store: &Store, samples: &[Sample], when: &str) -> usize {
    let is_inbox = |mailbox: &Mailbox| mailbox.role == Some(Role::Inbox);
    let Some(inbox) = store.mailboxes(None).unwrap().into_iter().find(is_inbox) else { return 0 };
    let emails = store.emails(&View::Mailbox(inbox.id), None, 1_000).unwrap();
    let mut here = 0;
    for email in &emails {
        let number = email.header.subject.trim_start_matches("number ");
        let sample = samples.iter().find(|sample| sample.name == number).unwrap();
        if let Some(raw) = store.raw(email.id).unwrap() {
            assert!(raw == sample.raw, "{when}: {number} is not what it was");
            here += 1;
        }
    }
    here
}

/// How much room there is at first: every 64 KiB under `SURAT_FULL=1`, else a few.
fn sizes() -> Vec<u64> {
    match is_full() {
        true => (0..=80).map(|at| (256 + at * 64) * KIB).collect(),
        false => vec![512 * KIB, 2_048 * KIB, 5_120 * KIB],
    }
}

/// Syncs one account onto disks that are too small, makes room, and syncs again.
fn fills_up(home: &Home, samples: &[Sample], sizes: &[u64], assert_untouched: impl Fn(&str)) {
    let mut half_done = 0;
    for size in sizes {
        let disk = Disk::new(*size);
        let when = format!("{} KiB", size / KIB);
        // A second try on the full disk is no worse than the first.
        for run in [sync(home, &disk), sync(home, &disk)] {
            assert_eq!(run.status, 1, "{when}: {run:?}");
            assert!(run.stderr.contains("is full"), "{when}: {run:?}");
            assert!(run.stderr.contains("nothing was lost"), "{when}: {run:?}");
            assert!(!run.stderr.contains("panicked"), "{when}: {run:?}");
        }
        assert_untouched(&when);
        disk.resize(ROOMY);
        if let Some(dir) = store_dir(&disk) {
            let store = Store::open(&dir).unwrap();
            store.check().unwrap();
            assert_eq!(store.audit().unwrap(), Vec::<String>::new(), "{when}");
            half_done += usize::from(bodies_as_given(&store, samples, &when) > 0);
            store.close();
        }
        let run = sync(home, &disk);
        assert_eq!(run.status, 0, "{when}: {run:?}");
        assert_untouched(&when);
        let dir = store_dir(&disk).unwrap();
        let store = Store::open(&dir).unwrap();
        store.check().unwrap();
        assert_eq!(store.audit().unwrap(), Vec::<String>::new(), "{when}");
        assert_eq!(bodies_as_given(&store, samples, &when), samples.len(), "{when}");
        store.close();
        let db = Connection::open_with_flags(dir.join(FILE_NAME), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let found: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "ok", "{when}");
    }
    println!("on {half_done} of {} disks some of the bodies had come before it was full", sizes.len());
}

#[test]
fn a_sync_onto_a_disk_that_fills_up_says_so_loses_nothing_and_goes_on_with_space() {
    let samples = samples();
    let bytes: usize = samples.iter().map(|sample| sample.raw.len()).sum();
    assert!(bytes > 8_000_000, "{bytes}");
    let home = Home::new();
    make_maildir(&home.path("Mail"), &samples);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let before = tree(&home.path("Mail"));
    fills_up(&home, &samples, &sizes(), |when| {
        assert!(tree(&home.path("Mail")) == before, "{when}: the Maildir was touched");
    });
}

#[test]
fn a_sync_from_a_server_onto_a_disk_that_fills_up_is_no_different() {
    let samples = samples();
    let user = dovecot().user("full-disk");
    let letters: Vec<Letter<'_>> = samples.iter().map(|sample| (&sample.raw[..], "", "")).collect();
    user.deliver("INBOX", &letters);
    let before = user.raw().contents("INBOX");
    let home = home(&user, user.server.imap_port, PASSWORD);
    let some: Vec<u64> = sizes().into_iter().step_by(if is_full() { 4 } else { 1 }).collect();
    fills_up(&home, &samples, &some, |when| {
        assert!(user.raw().contents("INBOX") == before, "{when}: the mail on the server was touched");
    });
}
