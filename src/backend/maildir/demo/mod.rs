//! Owns the sample mailboxes of `surat demo`: two accounts of made-up mail, written as Maildirs.
//!
//! The letters are kept in `assets/demo` (see `script` for their form) and are part of the binary. Seed and time decide
//! everything: the same ones give the same bytes and the same times. No network, no configuration, no clock.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

mod bulk;
mod dates;
mod dir;
mod encode;
mod files;
mod letter;
mod random;
mod script;

pub use dir::{DemoDir, sweep};

use crate::backend::maildir::folder;
use crate::mail::time::UnixTime;
use letter::{Owner, Writer};

/// The letters, in the order in which they are written: an answer comes after what it answers.
const SCRIPTS: &[&str] = &[
    include_str!("../../../../assets/demo/offsite.txt"),
    include_str!("../../../../assets/demo/work.txt"),
    include_str!("../../../../assets/demo/team.txt"),
    include_str!("../../../../assets/demo/lists.txt"),
    include_str!("../../../../assets/demo/personal.txt"),
    include_str!("../../../../assets/demo/family.txt"),
    include_str!("../../../../assets/demo/hostile.txt"),
];

/// The folder of synthetic messages.
const BIG_ARCHIVE: &str = "Big archive";
/// How old the folders themselves look: so old that they count as settled.
const FOLDER_AGE: i64 = 60;
/// Folders that every account has.
const FOLDERS: [&str; 5] = ["Archive", "Drafts", "Junk", "Sent", "Trash"];

/// One account of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoAccount {
    /// The name it has in the interface.
    pub name: &'static str,
    /// Its address.
    pub email: &'static str,
    /// Its owner's name.
    pub full_name: &'static str,
    /// Where its mail is.
    pub maildir: PathBuf,
}

/// Writes the sample mailboxes below `directory`.
pub fn write(directory: &Path, seed: u64, now: UnixTime) -> io::Result<Vec<DemoAccount>> {
    let account = |name, email| DemoAccount { name, email, full_name: "Ana Pertiwi", maildir: directory.join(name) };
    let accounts =
        vec![account("personal", "ana@gmail.example"), account("work", "ana.pertiwi@kopi-nusantara.example")];
    let mut folders = Vec::new();
    for account in &accounts {
        let inbox = account.maildir.join("cur");
        fs::create_dir_all(&inbox)?;
        fs::create_dir_all(account.maildir.join("new"))?;
        fs::create_dir_all(account.maildir.join("tmp"))?;
        folders.push(account.maildir.clone());
        for name in FOLDERS {
            folders.push(make(&account.maildir, name)?);
        }
    }
    let mut writer = Writer::new(now, seed);
    let letters = SCRIPTS.iter().flat_map(|script| script::read(script));
    for (number, letter) in letters.enumerate() {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("demo letter {number}: {what}"));
        let account =
            accounts.iter().find(|account| account.name == letter.account).ok_or_else(|| wrong("no account"))?;
        let owner = Owner { email: account.email, full_name: account.full_name };
        let written = writer.write(&letter, owner)?;
        let folder = match letter.folder {
            "Inbox" => account.maildir.clone(),
            // A space would end the word in a script's first line.
            name => make(&account.maildir, &name.replace('_', " "))?,
        };
        let is_new = letter.says("unread") && written.moment.0 > now.0 - UnixTime::DAY;
        let base = format!("{}.M{number}.demo", written.moment.0);
        let path = if is_new { format!("new/{base}") } else { format!("cur/{base}:2,{}", letters_of(&letter)) };
        put(&folder.join(path), &written.raw, written.moment)?;
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    if let Some(account) = accounts.first() {
        let folder = make(&account.maildir, BIG_ARCHIVE)?;
        bulk::write(&folder.join("cur"), seed, now, account.full_name, account.email)?;
        folders.push(folder);
    }
    for folder in &folders {
        for part in ["maildirfolder", "cur", "new", "tmp", "."] {
            match File::open(folder.join(part)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // the root is no sub-folder
                file => file?.set_modified(time(UnixTime(now.0 - FOLDER_AGE)))?,
            }
        }
    }
    Ok(accounts)
}

fn make(root: &Path, name: &str) -> io::Result<PathBuf> {
    folder::create(root, &folder::path_of_new(root, name))
}

fn letters_of(letter: &script::Letter) -> String {
    let marks = [("draft", 'D'), ("flagged", 'F'), ("forwarded", 'P'), ("answered", 'R')];
    let marks = marks.iter().filter(|(word, _)| letter.says(word)).map(|(_, mark)| *mark);
    marks.chain((!letter.says("unread")).then_some('S')).collect()
}

/// Writes a message whose file is as old as itself. Nothing is flushed: a demo need not survive a power cut.
fn put(path: &Path, raw: &[u8], moment: UnixTime) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(raw)?;
    file.set_modified(time(moment))
}

fn time(moment: UnixTime) -> SystemTime {
    let seconds = Duration::from_secs(moment.0.unsigned_abs());
    let time = if moment.0 < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(seconds)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(seconds)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
