//! The mails that the sweeps read: our own always, the demo's letters, and everything in the corpora that is a mail.

use std::fs;
use std::path::{Path, PathBuf};

use surat::backend::maildir::demo;
use surat::mail::time::UnixTime;

/// The sets of the corpora that hold mails, or HTML to make mails of.
const SETS: [&str; 11] = [
    "httpleaks",
    "imaptest-mbox",
    "mail-parser",
    "mime4j",
    "mimekit",
    "mimekit-html",
    "nodemailer-mailparser",
    "php-mime-mail-parser",
    "ruby-mail",
    "spamassassin-tests",
    "zbateson-mail-mime-parser",
];
/// The demo's large folder, which is made by a machine and shows nothing new.
const LARGE: usize = 1_000;

/// A mail and where it comes from.
#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub raw: Vec<u8>,
}

/// Our own mails, from `tests/data`.
pub fn own() -> Vec<Sample> {
    let files = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mails"));
    assert!(files.len() >= 16, "the samples of the repository are not all here");
    files.iter().map(|path| read(path)).collect()
}

/// The letters of the demo.
pub fn demo_letters() -> Vec<Sample> {
    let dir = tempfile::tempdir().unwrap();
    demo::write(dir.path(), 1, UnixTime(1_795_424_400)).unwrap();
    let mut folders: Vec<PathBuf> = vec![dir.path().to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        if entries.len() > LARGE {
            continue;
        }
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.parent().is_some_and(|part| part.ends_with("cur") || part.ends_with("new")) {
                found.push(read(&path));
            }
        }
    }
    assert!(found.len() >= 100, "{} letters of the demo", found.len());
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// Where the corpora are, if they are there.
pub fn corpora() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    std::env::var_os("SURAT_CORPORA").map_or_else(beside, PathBuf::from)
}

/// Everything in the corpora that is a mail; nothing where there are none. HTML becomes the text of a mail.
pub fn of_corpora() -> Vec<Sample> {
    let root = corpora();
    let files = SETS.iter().flat_map(|set| files_below(&root.join(set)));
    let sample = |path: PathBuf| {
        let mut sample = read(&path);
        if path.extension().is_some_and(|extension| extension == "html") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let mut raw = format!("From: ana@toko.example\r\nSubject: {name}\r\nMIME-Version: 1.0\r\n").into_bytes();
            raw.extend_from_slice(b"Content-Type: text/html; charset=utf-8\r\n\r\n");
            raw.append(&mut sample.raw);
            sample.raw = raw;
        }
        sample
    };
    files.map(sample).collect()
}

/// Every n-th of the samples, and those whose name says a word.
pub fn some_of(samples: Vec<Sample>, every: usize, always: &str) -> Vec<Sample> {
    let numbered = samples.into_iter().enumerate();
    numbered.filter(|(at, one)| at % every == 0 || one.name.contains(always)).map(|(_, one)| one).collect()
}

/// Makes a Maildir of samples.
pub fn make_maildir(root: &Path, samples: &[Sample]) {
    crate::cli::maildir(root, &[]);
    for (at, sample) in samples.iter().enumerate() {
        let name = format!("{}.M{at}.sweep:2,S", 1_790_000_000 + at);
        fs::write(root.join("cur").join(name), &sample.raw).unwrap();
    }
}

/// Gives the names and bytes of everything below a directory.
pub fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files_below(root).into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn read(path: &Path) -> Sample {
    Sample { name: path.display().to_string(), raw: fs::read(path).unwrap() }
}

/// Every file below a directory, in order.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
