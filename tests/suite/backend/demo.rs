//! The demo's sample mailboxes: the same each time, whole, and gone afterwards.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use surat::backend::maildir::Maildir;
use surat::backend::maildir::demo::{self, DemoAccount, DemoDir};
use surat::backend::{Backend, Error, Known};
use surat::mail::document::{Form, RenderOptions};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::remote::{Arrived, Delta, RemoteId};
use surat::mail::render;
use surat::mail::time::UnixTime;
use tempfile::TempDir;
use tokio::sync::mpsc;

const NOW: UnixTime = UnixTime(1_795_398_000);

/// Gives the mailboxes that all tests read; the next run sweeps them.
fn demo() -> (&'static Path, &'static [DemoAccount]) {
    static DEMO: OnceLock<(DemoDir, Vec<DemoAccount>)> = OnceLock::new();
    let (directory, accounts) = DEMO.get_or_init(|| {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        demo::sweep(tmp).unwrap();
        let directory = DemoDir::create(tmp).unwrap();
        let accounts = demo::write(&directory.path().join("mail"), 1, NOW).unwrap();
        (directory, accounts)
    });
    (accounts[0].maildir.parent().unwrap_or(directory.path()), accounts)
}

/// Gives every file of a tree.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Sums up names, bytes and times of a tree.
fn hash(directory: &Path) -> String {
    let mut hash = Sha256::new();
    for file in files(directory) {
        let metadata = file.metadata().unwrap();
        hash.update(file.strip_prefix(directory).unwrap().as_os_str().as_encoded_bytes());
        hash.update(format!(" {}.{} ", metadata.mtime(), metadata.mtime_nsec()));
        hash.update(fs::read(&file).unwrap());
    }
    format!("{:x}", hash.finalize())
}

#[test]
fn the_same_seed_and_time_give_the_same_mailboxes() {
    let [a, b] = [7, 7].map(|seed| {
        let directory = TempDir::new().unwrap();
        let begin = Instant::now();
        let accounts = demo::write(directory.path(), seed, NOW).unwrap();
        let took = begin.elapsed();
        println!("written in {took:?}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_eq!(accounts.len(), 2);
        hash(directory.path())
    });
    assert_eq!(a, b);
    assert_ne!(a, hash(demo().0));
}

#[test]
fn what_is_written_is_complete_and_nothing_is_left_unfilled() {
    let (directory, accounts) = demo();
    assert_eq!(accounts.iter().map(|account| account.name).collect::<Vec<_>>(), ["personal", "work"]);
    let big = files(&accounts[0].maildir.join(".Big archive/cur"));
    assert_eq!(big.len(), 12_000);
    let bytes: u64 = big.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!((700..1_600).contains(&(bytes / 12_000)), "{bytes}");
    for account in accounts {
        for folder in ["", ".Archive", ".Drafts", ".Junk", ".Sent", ".Trash"] {
            assert!(account.maildir.join(folder).join("cur").is_dir(), "{folder}");
        }
    }
    for file in files(directory).iter().filter(|file| !file.to_string_lossy().contains("Big archive")) {
        let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        for left_over in ["{{", "\\u{", "@@@", "@@quote", "@@html"] {
            assert!(!text.contains(left_over), "{}: {left_over}", file.display());
        }
        let age = NOW.0 - file.metadata().unwrap().mtime();
        assert!(age >= 60, "{} comes from the future", file.display());
    }
}

#[tokio::test]
async fn both_accounts_open_with_the_folders_a_newcomer_looks_for() {
    for account in demo().1 {
        let listed = Maildir::open(&account.maildir).unwrap().mailboxes().await.unwrap();
        for role in [Role::Inbox, Role::Drafts, Role::Sent, Role::Archive, Role::Junk, Role::Trash] {
            let found = listed.iter().filter(|mailbox| mailbox.role == Some(role)).count();
            assert_eq!(found, 1, "{} {role:?}", account.name);
        }
        let names: Vec<_> = listed.iter().map(|mailbox| mailbox.name.as_str()).collect();
        let own: &[&str] = match account.name {
            "work" => &["Invoices", "Growers", "Lists/rust-id", "Lists/kopi-dunia"],
            _ => &["Invoices", "Travel", "Lists/paduan-suara", "Big archive"],
        };
        assert!(own.iter().all(|name| names.contains(name)), "{names:?}");
    }
}

#[test]
fn the_newest_mail_of_both_inboxes_is_the_offsite_with_its_plan() {
    let (_, accounts) = demo();
    let inboxes = accounts.iter().flat_map(|account| ["cur", "new"].map(|part| account.maildir.join(part)));
    let newest = inboxes.flat_map(|inbox| files(&inbox)).max_by_key(|file| file.metadata().unwrap().mtime()).unwrap();
    assert!(newest.to_string_lossy().contains("/work/new/"), "{}", newest.display());
    let text = fs::read_to_string(&newest).unwrap();
    assert!(text.contains("From: Budi Santoso <") && text.contains("filename=\"venue-plan.pdf\""));
    // "Offsite in Bandung, 12–14 December", as an encoded word.
    assert!(text.contains("Subject: =?UTF-8?B?T2Zmc2l0ZSBpbiBCYW5kdW5nLCAxMuKAkzE0IERlY2VtYmVy?="));
    assert_eq!(text.matches("<offsite-").count(), 1 + 1 + 8, "its own id, the one answered, eight before");
}

/// Reads what the backend tells of a mailbox.
async fn arrivals(maildir: &Path, mailbox: &str) -> Vec<Arrived> {
    struct Nothing;
    impl Known for Nothing {
        async fn remotes(&self) -> Result<Vec<(RemoteId, Keywords)>, Error> {
            Ok(Vec::new())
        }
        async fn count(&self) -> Result<u64, Error> {
            Ok(0)
        }
    }
    let (out, mut news) = mpsc::channel(16);
    let mut backend = Maildir::open(maildir).unwrap();
    let send = async {
        backend.changes(mailbox, None, &Nothing, &out).await.unwrap();
        drop(out);
    };
    let receive = async {
        let mut all = Vec::new();
        while let Some(delta) = news.recv().await {
            if let Delta::Arrived(arrived) = delta {
                all.push(*arrived);
            }
        }
        all
    };
    tokio::join!(send, receive).1
}

#[tokio::test]
async fn the_inboxes_read_as_they_were_written() {
    let (_, accounts) = demo();
    let work = arrivals(&accounts[1].maildir, "INBOX").await;
    let newest = &work[0];
    assert_eq!(newest.header.subject, "Offsite in Bandung, 12–14 December");
    assert_eq!(newest.header.from[0].name.as_deref(), Some("Budi Santoso"));
    assert_eq!(newest.header.references.len(), 8);
    assert!(!newest.keywords.is_seen());
    assert_eq!(newest.header.date, Some(newest.received));
    let sent = arrivals(&accounts[1].maildir, ".Sent").await;
    let own =
        sent.iter().filter(|mail| mail.header.references.contains(&"offsite-1@kopi-nusantara.example".to_owned()));
    assert_eq!(own.count(), 3, "the owner's part of the conversation");
    let personal = arrivals(&accounts[0].maildir, "INBOX").await;
    let subjects: Vec<_> = personal.iter().map(|mail| mail.header.subject.as_str()).collect();
    for subject in [
        "Your flight CGK → SUB on 2 Dec",
        "写真を送ります",
        "周末的天气和爬山计划",
        "Your one-time code is 481 203",
        "Selamat ulang tahun! 🎂",
        "京都に行ってきます",
    ] {
        assert!(subjects.contains(&subject), "{subject}");
    }
}

#[tokio::test]
async fn the_big_archive_is_six_years_of_conversations() {
    let (_, accounts) = demo();
    let all = arrivals(&accounts[0].maildir, ".Big archive").await;
    assert_eq!(all.len(), 12_000);
    let years = |arrived: &Arrived| (NOW.0 - arrived.received.0) / UnixTime::DAY / 365;
    assert!(years(&all[0]) == 0 && years(&all[11_999]) >= 5);
    assert!(all.is_sorted_by(|a, b| a.received >= b.received), "newest first");
    let answers = all.iter().filter(|mail| !mail.header.references.is_empty()).count();
    assert!((3_000..9_000).contains(&answers), "{answers}");
    let mut senders: Vec<_> = all.iter().map(|mail| &mail.header.from[0].addr).collect();
    senders.sort();
    senders.dedup();
    assert!(senders.len() > 50, "{}", senders.len());
}

#[test]
fn every_letter_can_be_read() {
    let (directory, _) = demo();
    let options = RenderOptions { width: 78, form: Form::Best, show_hidden: false };
    let own = ["ana@gmail.example".to_owned(), "ana.pertiwi@kopi-nusantara.example".to_owned()];
    let (mut links, mut files_seen, mut warnings, mut folds) = (0, 0, 0, 0);
    for file in files(directory).iter().filter(|file| file.to_string_lossy().contains(".M")) {
        let document = render::document(&fs::read(file).unwrap(), &own, options);
        assert!(!document.fields.is_empty(), "{}", file.display());
        links += document.links.len();
        files_seen += document.attachments.len();
        warnings += document.warnings.len();
        folds += document.folds.len();
    }
    assert!(links > 20 && files_seen > 40 && warnings > 8 && folds > 5, "{links} {files_seen} {warnings} {folds}");
}

#[test]
fn letters_are_distinct_and_their_files_are_new_when_they_are() {
    let (directory, accounts) = demo();
    let letters: Vec<PathBuf> =
        files(directory).into_iter().filter(|file| file.to_string_lossy().contains(".M")).collect();
    assert!(letters.len() >= 150, "{}", letters.len());
    let mut texts: Vec<Vec<u8>> = letters.iter().map(|file| fs::read(file).unwrap()).collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), letters.len());
    for account in accounts {
        assert!(!files(&account.maildir.join("new")).is_empty(), "{} has nothing new", account.name);
    }
}

#[test]
fn a_demo_directory_is_private_and_removes_itself() {
    let tmp = TempDir::new().unwrap();
    let demo = DemoDir::create(tmp.path()).unwrap();
    let path = demo.path().to_owned();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    fs::create_dir_all(path.join("work/cur")).unwrap();
    drop(demo);
    assert!(!path.exists());
}

#[test]
fn a_sweep_removes_the_dead_and_spares_the_living() {
    let tmp = TempDir::new().unwrap();
    let living = DemoDir::create(tmp.path()).unwrap();
    let dead = tmp.path().join("surat-demo-1-dead");
    fs::create_dir_all(dead.join("work/cur")).unwrap();
    File::create(dead.join("lock")).unwrap();
    fs::create_dir(tmp.path().join("surat-demo-2-empty")).unwrap();
    fs::create_dir_all(tmp.path().join("other-program/cur")).unwrap();
    let elsewhere = TempDir::new().unwrap();
    symlink(elsewhere.path(), tmp.path().join("surat-demo-3-link")).unwrap();
    fs::write(tmp.path().join("surat-demo-4-file"), "x").unwrap();
    assert_eq!(demo::sweep(tmp.path()).unwrap(), 2);
    assert!(!dead.exists());
    assert!(living.path().exists() && elsewhere.path().exists());
    assert!(tmp.path().join("other-program").exists() && tmp.path().join("surat-demo-4-file").exists());
    assert_eq!(demo::sweep(tmp.path()).unwrap(), 0);
}

#[test]
fn a_sweep_never_takes_a_demo_that_is_just_starting() {
    let tmp = TempDir::new().unwrap();
    let end = Instant::now() + Duration::from_millis(400);
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            let mut swept = 0;
            while Instant::now() < end {
                swept += demo::sweep(tmp.path()).unwrap_or(0);
            }
            swept
        });
        let mut living = Vec::new();
        while Instant::now() < end {
            let demo = DemoDir::create(tmp.path()).unwrap();
            fs::write(demo.path().join("mail"), "x").unwrap();
            living.push(demo);
            if living.len() > 50 {
                living.clear();
            }
        }
        let swept = sweeper.join().unwrap();
        assert!(living.iter().all(|demo| demo.path().join("mail").exists()));
        println!("{swept} directories were taken before they were locked");
    });
}
