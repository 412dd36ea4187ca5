//! The Maildir backend against real directories that other programs change meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use surat::backend::maildir::Maildir;
use surat::backend::{Backend, Error, Kind, Known, News};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::remote::{Applied, Arrived, Cursor, Delta, RemoteId, RemoteOperation, Slice, Want};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// What a store would know of one mailbox.
#[derive(Debug, Default, Clone)]
struct Told {
    known: BTreeMap<RemoteId, Keywords>,
    cursor: Option<Cursor>,
    arrived: Vec<Arrived>,
    portions: Vec<usize>,
    deltas: usize,
    vanished: usize,
}

impl Known for Told {
    async fn remotes(&self) -> Result<Vec<(RemoteId, Keywords)>, Error> {
        Ok(self.known.clone().into_iter().collect())
    }

    async fn count(&self) -> Result<u64, Error> {
        Ok(self.known.len() as u64)
    }
}

impl Told {
    /// Reads the news of a mailbox as a store would.
    async fn read(&mut self, maildir: &mut Maildir, mailbox: &str) -> Result<(), Error> {
        let before = self.clone();
        (self.arrived, self.portions, self.deltas) = (Vec::new(), Vec::new(), 0);
        let (out, mut news) = mpsc::channel(16);
        let send = async {
            let done = maildir.changes(mailbox, before.cursor.as_ref(), &before, &out).await;
            drop(out);
            done
        };
        let receive = async {
            let mut since = 0;
            while let Some(delta) = news.recv().await {
                self.deltas += 1;
                match delta {
                    Delta::Arrived(arrived) => {
                        since += 1;
                        assert!(self.known.insert(arrived.id.clone(), arrived.keywords.clone()).is_none(), "twice");
                        self.arrived.push(*arrived);
                    }
                    Delta::Keywords(id, keywords) => assert!(self.known.insert(id, keywords).is_some(), "unknown"),
                    Delta::Vanished(ids) => {
                        self.vanished += ids.len();
                        ids.iter().for_each(|id| assert!(self.known.remove(id).is_some()));
                    }
                    Delta::Expect(_) => {}
                    Delta::Reset => panic!("a Maildir never forgets"),
                    Delta::Commit(cursor) => {
                        self.portions.push(std::mem::take(&mut since));
                        self.cursor = Some(cursor);
                    }
                }
            }
        };
        tokio::join!(send, receive).0
    }

    fn words(&self) -> Vec<(&str, String)> {
        self.known.iter().map(|(id, keywords)| (id.0.as_str(), keywords.to_text())).collect()
    }
}

fn make(directory: &Path) {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(directory.join(part)).unwrap();
    }
}

fn inbox() -> (TempDir, Maildir) {
    let root = TempDir::new().unwrap();
    make(root.path());
    let maildir = Maildir::open(root.path()).unwrap();
    (root, maildir)
}

fn put(root: &Path, file: impl AsRef<OsStr>, age: u64) {
    let file = file.as_ref();
    let text = format!("From: ana@gmail.example\r\nSubject: {}\r\n\r\nHello\r\n", file.display());
    fs::write(root.join(file), text).unwrap();
    let time = SystemTime::now() - Duration::from_secs(age);
    File::options().write(true).open(root.join(file)).unwrap().set_modified(time).unwrap();
}

/// Makes a folder look as if nothing had happened in it for a while.
fn settle(directory: &Path) {
    for part in ["cur", "new"] {
        File::open(directory.join(part)).unwrap().set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn keywords(mailbox: &str, id: &str, add: &[&str], remove: &[&str]) -> RemoteOperation {
    RemoteOperation::Keywords {
        mailbox: mailbox.to_owned(),
        ids: vec![RemoteId(id.to_owned())],
        add: Keywords::new(add.iter().copied()),
        remove: Keywords::new(remove.iter().copied()),
        unchanged_since: None,
    }
}

fn move_to(from: &str, id: &str, to: &str) -> RemoteOperation {
    RemoteOperation::Move { from: from.to_owned(), ids: vec![RemoteId(id.to_owned())], to: to.to_owned() }
}

/// Makes one change.
async fn apply(maildir: &mut Maildir, operation: &RemoteOperation) -> Result<Applied, Error> {
    let mut outcomes = Vec::new();
    maildir.apply(std::slice::from_ref(operation), &mut outcomes).await?;
    outcomes.pop().unwrap()
}

/// Gives what the one message became.
fn became(applied: Applied) -> RemoteId {
    applied.became.into_iter().next().unwrap().1
}

async fn fetch(maildir: &mut Maildir, mailbox: &str, wants: &[Want]) -> Vec<Slice> {
    let (out, mut slices) = mpsc::channel(4);
    let send = async {
        maildir.fetch(mailbox, wants, &out).await.unwrap();
        drop(out);
    };
    let receive = async {
        let mut all = Vec::new();
        while let Some(slice) = slices.recv().await {
            all.push(slice);
        }
        all
    };
    tokio::join!(send, receive).1
}

#[tokio::test]
async fn folders_of_both_layouts_are_listed_with_their_names_and_roles() {
    let (root, mut maildir) = inbox();
    for folder in [".Sent", ".Lists.rust-id", ".&U9dP4Xux-", "work/invoices", ".R&-D"] {
        make(&root.path().join(folder));
    }
    fs::create_dir_all(root.path().join(".not-a-maildir")).unwrap();
    fs::write(root.path().join("dovecot.index"), "x").unwrap();
    symlink(root.path(), root.path().join("work/circle")).unwrap();
    let listed = maildir.mailboxes().await.unwrap();
    let said: Vec<_> = listed.iter().map(|m| (m.name.as_str(), m.path.as_str(), m.role, m.is_selectable)).collect();
    assert_eq!(
        said,
        [
            ("INBOX", "INBOX", Some(Role::Inbox), true),
            ("Lists", ".Lists", None, false),
            ("Lists/rust-id", ".Lists.rust-id", None, true),
            ("R&D", ".R&-D", None, true),
            ("Sent", ".Sent", Some(Role::Sent), true),
            ("work", "./work", None, false),
            ("work/invoices", "./work/invoices", None, true),
            ("受信箱", ".&U9dP4Xux-", None, true),
        ]
    );
}

#[tokio::test]
async fn a_tree_without_a_root_maildir_is_read_too() {
    let root = TempDir::new().unwrap();
    make(&root.path().join("Inbox"));
    make(&root.path().join("Archive/2025"));
    put(root.path(), "Inbox/cur/1.a:2,S", 0);
    let mut maildir = Maildir::open(root.path()).unwrap();
    let listed = maildir.mailboxes().await.unwrap();
    let said: Vec<_> = listed.iter().map(|m| (m.path.as_str(), m.role)).collect();
    assert_eq!(said, [("./Archive", None), ("./Archive/2025", None), ("./Inbox", Some(Role::Inbox))]);
    let path = maildir.path_of_new("Reisen/Späti");
    apply(&mut maildir, &move_to("./Inbox", "1.a", &path)).await.unwrap();
    assert_eq!(names(&root.path().join("Reisen/Späti/cur")), ["1.a:2,S"]);
}

#[tokio::test]
async fn what_is_there_arrives_newest_first_with_its_letters() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.a:2,FRS", 300);
    put(root.path(), "new/2.b", 10);
    put(root.path(), "cur/3.c:2,DPT", 600);
    put(root.path(), "new/4.d:2,S", 20);
    fs::write(root.path().join("dovecot-keywords"), "0 $Junk\n").unwrap();
    put(root.path(), "cur/5.e:2,aX", 30);
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    let order: Vec<_> = told.arrived.iter().map(|arrived| arrived.id.0.as_str()).collect();
    assert_eq!(order, ["2.b", "4.d", "5.e", "1.a", "3.c"]);
    assert_eq!(
        told.words(),
        [
            ("1.a", "$answered $flagged $seen".to_owned()),
            ("2.b", String::new()),
            ("3.c", "$deleted $draft $forwarded".to_owned()),
            ("4.d", String::new()),
            ("5.e", "$junk".to_owned()),
        ]
    );
    let first = &told.arrived[0];
    assert_eq!(first.header.subject, "new/2.b");
    assert_eq!(first.size, fs::metadata(root.path().join("new/2.b")).unwrap().len());
}

#[tokio::test]
async fn an_unchanged_folder_says_nothing_and_a_changed_one_only_what_changed() {
    let (root, mut maildir) = inbox();
    for number in 0..5 {
        put(root.path(), format!("cur/{number}.x:2,"), 60);
    }
    settle(root.path());
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(told.known.len(), 5);
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(told.deltas, 0);
    fs::rename(root.path().join("cur/1.x:2,"), root.path().join("cur/1.x:2,S")).unwrap();
    fs::remove_file(root.path().join("cur/2.x:2,")).unwrap();
    put(root.path(), "new/9.x", 0);
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(told.arrived.len(), 1);
    assert_eq!(told.deltas, 5, "keywords, vanished, expect, arrived, commit");
    let ids: Vec<_> = told.words();
    assert_eq!(ids.len(), 5);
    assert_eq!(ids[1], ("1.x", "$seen".to_owned()));
}

#[tokio::test]
async fn a_store_that_lost_rows_is_told_again_although_no_file_changed() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x:2,", 60);
    put(root.path(), "cur/2.x:2,", 60);
    settle(root.path());
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    told.known.remove(&RemoteId("1.x".to_owned()));
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(told.known.len(), 2);
}

#[tokio::test]
async fn letters_are_set_and_cleared_in_the_file_name() {
    let (root, mut maildir) = inbox();
    put(root.path(), "new/1.x", 60);
    put(root.path(), "cur/2.x:2,SZ", 60);
    apply(&mut maildir, &keywords("INBOX", "1.x", &["$flagged"], &["$seen"])).await.unwrap();
    apply(&mut maildir, &keywords("INBOX", "1.x", &["$seen"], &[])).await.unwrap();
    apply(&mut maildir, &keywords("INBOX", "2.x", &["$answered", "no-letter"], &["$seen"])).await.unwrap();
    assert_eq!(names(&root.path().join("cur")), ["1.x:2,FS", "2.x:2,RZ"]);
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(told.words(), [("1.x", "$flagged $seen".to_owned()), ("2.x", "$answered".to_owned())]);
    apply(&mut maildir, &keywords("INBOX", "1.x", &[], &["$seen", "$flagged"])).await.unwrap();
    assert_eq!(names(&root.path().join("cur")), ["1.x:2,", "2.x:2,RZ"]);
}

#[tokio::test]
async fn an_unread_mail_stays_new_when_nothing_about_it_changes() {
    let (root, mut maildir) = inbox();
    put(root.path(), "new/1.x", 60);
    apply(&mut maildir, &keywords("INBOX", "1.x", &[], &["$seen"])).await.unwrap();
    assert_eq!(names(&root.path().join("new")), ["1.x"]);
}

#[tokio::test]
async fn a_keyword_that_no_letter_says_stays_known() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x:2,S", 60);
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    told.known.insert(RemoteId("1.x".to_owned()), Keywords::new(["$seen", "later"]));
    fs::rename(root.path().join("cur/1.x:2,S"), root.path().join("cur/1.x:2,F")).unwrap();
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(told.words(), [("1.x", "$flagged later".to_owned())]);
}

#[tokio::test]
async fn a_move_keeps_letters_and_time_and_makes_the_folder() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x,U=17:2,FS", 1_000);
    put(root.path(), "new/2.x", 60);
    let time = fs::metadata(root.path().join("cur/1.x,U=17:2,FS")).unwrap().modified().unwrap();
    let to = maildir.path_of_new("Arsip/Pajak 2026");
    assert_eq!(to, ".Arsip.Pajak 2026");
    let applied = apply(&mut maildir, &move_to("INBOX", "1.x,U=17", &to)).await.unwrap();
    assert_eq!(became(applied), RemoteId("1.x".to_owned()));
    apply(&mut maildir, &move_to("INBOX", "2.x", &to)).await.unwrap();
    let target = root.path().join(".Arsip.Pajak 2026");
    assert_eq!(names(&target.join("cur")), ["1.x:2,FS", "2.x:2,"]);
    assert_eq!(names(&target), ["cur", "maildirfolder", "new", "tmp"]);
    assert_eq!(fs::metadata(target.join("cur/1.x:2,FS")).unwrap().modified().unwrap(), time);
    let again = apply(&mut maildir, &move_to("INBOX", "1.x,U=17", &to)).await.unwrap();
    assert_eq!(became(again), RemoteId("1.x".to_owned()), "a move repeated after a crash finds what it did");
    let back = apply(&mut maildir, &move_to(&to, "1.x", "INBOX")).await.unwrap();
    assert_eq!(became(back), RemoteId("1.x".to_owned()));
    assert_eq!(names(&root.path().join("cur")), ["1.x:2,FS"]);
}

#[tokio::test]
async fn a_move_never_covers_a_message_of_the_same_name() {
    let (root, mut maildir) = inbox();
    make(&root.path().join(".Archive"));
    put(root.path(), "cur/1.x:2,S", 60);
    put(root.path(), ".Archive/cur/1.x:2,", 60);
    let applied = apply(&mut maildir, &move_to("INBOX", "1.x", ".Archive")).await.unwrap();
    assert_eq!(became(applied), RemoteId("1.x_1".to_owned()));
    assert_eq!(names(&root.path().join(".Archive/cur")), ["1.x:2,", "1.x_1:2,S"]);
}

#[tokio::test]
async fn removing_is_done_once_and_may_be_repeated() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x:2,S", 60);
    let remove = RemoteOperation::Remove { mailbox: "INBOX".to_owned(), ids: vec![RemoteId("1.x".to_owned())] };
    apply(&mut maildir, &remove).await.unwrap();
    apply(&mut maildir, &remove).await.unwrap();
    assert!(names(&root.path().join("cur")).is_empty());
    let gone = apply(&mut maildir, &move_to("INBOX", "1.x", ".Archive")).await.unwrap();
    assert!(gone.tells_ids && gone.became.is_empty(), "{gone:?}");
}

#[tokio::test]
async fn a_file_that_another_program_renamed_is_found_again() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x:2,", 60);
    // The names are remembered by now, and wrong right after.
    apply(&mut maildir, &keywords("INBOX", "1.x", &["$seen"], &[])).await.unwrap();
    fs::rename(root.path().join("cur/1.x:2,S"), root.path().join("cur/1.x:2,RS")).unwrap();
    apply(&mut maildir, &keywords("INBOX", "1.x", &["$flagged"], &[])).await.unwrap();
    assert_eq!(names(&root.path().join("cur")), ["1.x:2,FRS"]);
    fs::rename(root.path().join("cur/1.x:2,FRS"), root.path().join("cur/1.x:2,R")).unwrap();
    let want = Want { id: RemoteId("1.x".to_owned()), offset: 0, size: 0 };
    assert_eq!(fetch(&mut maildir, "INBOX", &[want]).await.len(), 1);
    fs::rename(root.path().join("cur/1.x:2,R"), root.path().join("cur/1.x:2,T")).unwrap();
    apply(&mut maildir, &move_to("INBOX", "1.x", ".Trash")).await.unwrap();
    assert_eq!(names(&root.path().join(".Trash/cur")), ["1.x:2,T"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_or_doubled_while_another_program_renames_everything() {
    let (root, mut maildir) = inbox();
    for number in 0..1_000 {
        put(root.path(), format!("cur/{number}.x:2,"), 60);
    }
    let cur = root.path().join("cur");
    let end = Instant::now() + Duration::from_millis(500);
    let other = std::thread::spawn(move || {
        let mut on = true;
        while Instant::now() < end {
            let (from, to) = if on { ("", "S") } else { ("S", "") };
            for number in 0..1_000 {
                let name = |letters: &str| cur.join(format!("{number}.x:2,{letters}"));
                let _ = fs::rename(name(from), name(to));
            }
            on = !on;
        }
    });
    let mut told = Told::default();
    while Instant::now() < end {
        told.read(&mut maildir, "INBOX").await.unwrap();
    }
    other.join().unwrap();
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(
        (told.known.len(), told.vanished),
        (1_000, 0),
        "a renamed mail is not told as gone, not even for a moment"
    );
    let letters = names(&root.path().join("cur")).iter().filter(|name| name.ends_with('S')).count();
    assert_eq!(told.known.values().filter(|keywords| keywords.is_seen()).count(), letters);
}

#[tokio::test]
async fn bodies_come_in_slices_from_any_offset() {
    let (root, mut maildir) = inbox();
    let body: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(root.path().join("cur/1.x:2,S"), &body).unwrap();
    fs::write(root.path().join("cur/2.x:2,S"), b"").unwrap();
    let want = |id: &str, offset| Want { id: RemoteId(id.to_owned()), offset, size: 600_000 };
    let slices =
        fetch(&mut maildir, "INBOX", &[want("1.x", 0), want("gone", 0), want("2.x", 0), want("1.x", 599_990)]).await;
    let shape: Vec<_> = slices.iter().map(|s| (s.id.0.as_str(), s.offset, s.bytes.len(), s.is_last)).collect();
    assert_eq!(
        shape,
        [
            ("1.x", 0, 262_144, false),
            ("1.x", 262_144, 262_144, false),
            ("1.x", 524_288, 75_712, true),
            ("2.x", 0, 0, true),
            ("1.x", 599_990, 10, true),
        ]
    );
    let whole: Vec<u8> = slices[..3].iter().flat_map(|slice| slice.bytes.clone()).collect();
    assert_eq!(whole, body);
}

#[tokio::test]
async fn odd_names_links_and_unreadable_files_are_no_danger() {
    let (root, mut maildir) = inbox();
    put(root.path(), OsStr::from_bytes(b"cur/odd\xff\xfe%41:2,S"), 60);
    put(root.path(), "cur/\u{1b}[31m\u{202e}evil:2,F", 61);
    put(root.path(), "cur/.hidden:2,S", 60);
    fs::create_dir(root.path().join("cur/directory:2,S")).unwrap();
    symlink("/etc/passwd", root.path().join("cur/link:2,S")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("cur/pipe:2,"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(
        told.words().iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        ["\u{1b}[31m\u{202e}evil", "odd%ff%fe%2541"]
    );
    apply(&mut maildir, &keywords("INBOX", "odd%ff%fe%2541", &["$flagged"], &[])).await.unwrap();
    assert!(root.path().join(OsStr::from_bytes(b"cur/odd\xff\xfe%41:2,FS")).exists());
    let wants = ["../../etc/passwd", "link", "pipe", "", "a/b", "\0"].map(|id| Want {
        id: RemoteId(id.to_owned()),
        offset: 0,
        size: 1,
    });
    assert!(fetch(&mut maildir, "INBOX", &wants).await.is_empty());
    for path in ["..", "../..", "/etc", "./../x", "a\0b"] {
        let error = maildir.changes(path, None, &Told::default(), &mpsc::channel(1).0).await.unwrap_err();
        assert_eq!(error.kind, Kind::Local, "{path}");
    }
}

#[tokio::test]
async fn hostile_folder_names_stay_inside_and_read_back() {
    let (root, mut maildir) = inbox();
    let hostile = [
        "../../escape",
        "..",
        "a.b",
        "tab\there",
        "nul\0",
        "\u{202e}gpj",
        "/absolute",
        "cur",
        "-rf",
        "~root",
        "&",
        "é.é",
        "%2e%2e",
    ];
    for (number, name) in hostile.iter().enumerate() {
        let id = format!("{number}.x");
        put(root.path(), format!("cur/{id}:2,"), 60);
        let path = maildir.path_of_new(name);
        apply(&mut maildir, &move_to("INBOX", &id, &path)).await.unwrap();
        let listed = maildir.mailboxes().await.unwrap();
        let found =
            listed.iter().find(|mailbox| mailbox.path == path).unwrap_or_else(|| panic!("{name:?} as {path:?}"));
        assert_eq!(found.name, name.trim_start_matches('/'), "{path:?}");
    }
    assert!(
        names(root.path()).iter().all(|name| ["cur", "new", "tmp"].contains(&name.as_str()) || name.starts_with('.'))
    );
    let error = apply(&mut maildir, &move_to("INBOX", "0.x", &"x".repeat(10_000))).await.unwrap_err();
    assert!(error.what.contains("longer than a file name can be"), "{error}");
}

#[tokio::test]
async fn a_folder_that_went_away_is_an_error_and_not_an_empty_folder() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x:2,", 60);
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    fs::remove_dir_all(root.path().join("cur")).unwrap();
    let error = told.read(&mut maildir, "INBOX").await.unwrap_err();
    assert_eq!((error.kind, told.known.len()), (Kind::Local, 1));
    fs::remove_dir_all(root.path()).unwrap();
    assert!(maildir.mailboxes().await.unwrap_err().what.contains("not there"));
    assert!(Maildir::open(root.path()).unwrap_err().what.contains("not there"));
}

#[tokio::test]
async fn waiting_hears_of_a_change_and_otherwise_lets_time_pass() {
    let (root, mut maildir) = inbox();
    settle(root.path());
    let mut told = Told::default();
    told.read(&mut maildir, "INBOX").await.unwrap();
    assert_eq!(maildir.wait("INBOX", Duration::ZERO).await.unwrap(), News::TimedOut);
    // What came between the reading and the waiting is heard at once.
    put(root.path(), "new/1.x", 0);
    let begin = Instant::now();
    assert_eq!(
        maildir.wait("INBOX", Duration::from_secs(30)).await.unwrap(),
        News::Changed(["INBOX".to_owned()].into())
    );
    assert!(begin.elapsed() < Duration::from_secs(10));
    settle(root.path());
    told.read(&mut maildir, "INBOX").await.unwrap();
    let path = root.path().to_owned();
    let wait = maildir.wait("INBOX", Duration::from_secs(30));
    let (news, ()) = tokio::join!(wait, async move {
        tokio::task::yield_now().await;
        put(&path, "new/2.x", 0);
    });
    assert_eq!(news.unwrap(), News::Changed(["INBOX".to_owned()].into()));
}

#[tokio::test]
async fn waiting_hears_of_all_folders_that_were_read() {
    let (root, mut maildir) = inbox();
    let folders: Vec<String> = (0..70).map(|number| format!(".Folder{number}")).collect();
    for folder in &folders {
        make(&root.path().join(folder));
        settle(&root.path().join(folder));
    }
    settle(root.path());
    for folder in std::iter::once("INBOX").chain(folders.iter().map(String::as_str)) {
        Told::default().read(&mut maildir, folder).await.unwrap();
    }
    // One of them, one that the turn comes to later, and one that is gone.
    put(root.path(), ".Folder3/new/2.x", 0);
    put(root.path(), ".Folder9/cur/2.x:2,S", 0);
    fs::remove_dir_all(root.path().join(".Folder5")).unwrap();
    let mut heard = BTreeSet::new();
    while heard.len() < 2 {
        let News::Changed(changed) = maildir.wait("INBOX", Duration::from_secs(30)).await.unwrap() else { panic!() };
        heard.extend(changed);
    }
    assert_eq!(heard, BTreeSet::from([".Folder3".to_owned(), ".Folder9".to_owned()]));
    assert_eq!(maildir.wait("INBOX", Duration::ZERO).await.unwrap(), News::TimedOut, "each is told once");
}

#[tokio::test]
async fn twelve_thousand_messages_come_in_portions_and_quickly() {
    let (root, mut maildir) = inbox();
    for number in 0..12_000 {
        let name = root.path().join(format!("cur/{}.x:2,S", 1_700_000_000 + number));
        fs::write(name, format!("From: ana@gmail.example\nSubject: number {number}\n\nHello\n")).unwrap();
    }
    settle(root.path());
    let mut told = Told::default();
    let begin = Instant::now();
    told.read(&mut maildir, "INBOX").await.unwrap();
    let first = begin.elapsed();
    assert_eq!(told.known.len(), 12_000);
    assert_eq!(told.portions[..3], [50, 1_000, 1_000]);
    let begin = Instant::now();
    told.read(&mut maildir, "INBOX").await.unwrap();
    let second = begin.elapsed();
    assert_eq!(told.deltas, 0);
    println!("12,000 messages: all {first:?}, nothing new {second:?}");
    assert!(first < Duration::from_secs(60) && second < first, "{first:?}, {second:?}");
}

#[tokio::test]
async fn a_copy_is_another_file_and_what_is_added_is_whole() {
    let (root, mut maildir) = inbox();
    put(root.path(), "cur/1.x:2,FS", 1_000);
    let copy = RemoteOperation::Copy {
        from: "INBOX".to_owned(),
        ids: vec![RemoteId("1.x".to_owned()), RemoteId("gone".to_owned())],
        to: ".Archive".to_owned(),
    };
    let applied = apply(&mut maildir, &copy).await.unwrap();
    assert_eq!(applied.became, [(RemoteId("1.x".to_owned()), RemoteId("1.x".to_owned()))]);
    let archive = root.path().join(".Archive");
    assert_eq!(
        (names(&root.path().join("cur")), names(&archive.join("cur"))),
        (vec!["1.x:2,FS".into()], vec!["1.x:2,FS".into()])
    );
    let time = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();
    assert_eq!(time(&archive.join("cur/1.x:2,FS")), time(&root.path().join("cur/1.x:2,FS")));
    let append = RemoteOperation::Append {
        mailbox: ".Archive".to_owned(),
        bytes: b"Subject: x\n\na\0b\n".to_vec(),
        keywords: Keywords::new(["$seen"]),
        received: surat::mail::time::UnixTime(1_000_000_000),
    };
    let (one, other) = (apply(&mut maildir, &append).await.unwrap(), apply(&mut maildir, &append).await.unwrap());
    assert_ne!(became(one.clone()), became(other), "two messages, although of the same bytes");
    let file = archive.join(format!("cur/{}:2,S", became(one).0));
    assert_eq!(fs::read(&file).unwrap(), b"Subject: x\n\na\0b\n");
    assert_eq!(time(&file), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    assert!(names(&archive.join("tmp")).is_empty());
}

#[tokio::test]
async fn folders_are_renamed_with_those_below_and_removed_only_when_empty() {
    let (root, mut maildir) = inbox();
    for folder in [".Work", ".Work.Done", ".Workshop"] {
        make(&root.path().join(folder));
    }
    put(root.path(), ".Work.Done/cur/1.x:2,S", 60);
    let rename = RemoteOperation::RenameMailbox { path: ".Work".to_owned(), name: "Job/Old".to_owned() };
    for _ in 0..2 {
        // The second time is as after a crash before the first could be told.
        assert_eq!(apply(&mut maildir, &rename).await.unwrap().path.as_deref(), Some(".Job.Old"));
    }
    let folders: Vec<String> = maildir.mailboxes().await.unwrap().into_iter().map(|folder| folder.path).collect();
    assert_eq!(folders, ["INBOX", ".Job", ".Job.Old", ".Job.Old.Done", ".Workshop"]);
    let delete = |path: &str| RemoteOperation::DeleteMailbox { path: path.to_owned() };
    let full = apply(&mut maildir, &delete(".Job.Old.Done")).await.unwrap_err();
    assert_eq!(full.kind, Kind::Refused);
    assert_eq!(names(&root.path().join(".Job.Old.Done/cur")), ["1.x:2,S"]);
    for _ in 0..2 {
        apply(&mut maildir, &delete(".Workshop")).await.unwrap();
    }
    assert!(!root.path().join(".Workshop").exists());
    for inbox in [delete("INBOX"), RemoteOperation::RenameMailbox { path: "INBOX".to_owned(), name: "x".to_owned() }] {
        assert_eq!(apply(&mut maildir, &inbox).await.unwrap_err().kind, Kind::Refused);
    }
}
