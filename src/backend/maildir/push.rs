//! Owns changing files: new letters, another folder, gone. Every change is one rename or one unlink.
//!
//! Another program may rename the same file at the same moment: then it is looked for again, by its base.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::backend::maildir::scan::{self, Entry, Files, Part};
use crate::backend::maildir::{folder, name};
use crate::mail::keyword::Keywords;
use crate::mail::remote::{Applied, RemoteId, RemoteOperation};
use crate::mail::time::UnixTime;

/// How often a file that moves under our hands is looked for again.
const MOST_TRIES: usize = 5;
/// Folders whose file names are remembered: a move has two.
const MOST_FOLDERS: usize = 2;
/// A folder with more files than this is not remembered; it is listed each time.
const MOST_FILES: usize = 200_000;

/// Makes changes below one root.
#[derive(Debug, Clone)]
pub struct Writer {
    root: PathBuf,
    indexes: Arc<Mutex<VecDeque<Index>>>,
}

/// The remembered file names of one folder. They may be out of date; the file system has the last word.
#[derive(Debug, Clone)]
pub struct Index {
    directory: PathBuf,
    files: Arc<Mutex<Option<Files>>>,
}

impl Writer {
    /// Begins with nothing remembered.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), indexes: Arc::default() }
    }

    /// Gives the index of a folder, empty at first.
    pub fn index(&self, directory: &Path) -> Index {
        let mut indexes = lock(&self.indexes);
        let index = match indexes.iter().position(|index| index.directory == directory) {
            Some(at) => indexes.remove(at),
            None => None,
        };
        let index = index.unwrap_or_else(|| Index { directory: directory.to_owned(), files: Arc::default() });
        indexes.push_front(index.clone());
        indexes.truncate(MOST_FOLDERS);
        index
    }

    /// Makes one change.
    pub fn apply(&self, operation: &RemoteOperation) -> io::Result<Applied> {
        let mut applied = Applied { tells_ids: true, ..Applied::default() };
        match operation {
            // That its folder is not there is no word about a message: the folder may have another name by now.
            RemoteOperation::Keywords { mailbox, ids, .. }
            | RemoteOperation::Copy { from: mailbox, ids, .. }
            | RemoteOperation::Move { from: mailbox, ids, .. }
            | RemoteOperation::Remove { mailbox, ids }
                if !folder::is_maildir(&folder::directory(&self.root, mailbox)) =>
            {
                applied.left_alone.clone_from(ids);
            }
            RemoteOperation::Keywords { mailbox, ids, add, remove, .. } => {
                let index = self.index(&folder::directory(&self.root, mailbox));
                let letters = scan::letters(&index.directory);
                for id in ids {
                    set_letters(&index, id, |old| letters.change(old, add, remove))?;
                }
            }
            RemoteOperation::Copy { from, ids, to } | RemoteOperation::Move { from, ids, to } => {
                let from = self.index(&folder::directory(&self.root, from));
                let to = self.index(&folder::create(&self.root, to)?);
                let is_move = matches!(operation, RemoteOperation::Move { .. });
                for id in ids {
                    let new = if is_move { move_message(&from, id, &to)? } else { copy_message(&from, id, &to)? };
                    applied.became.extend(new.map(|new| (id.clone(), new)));
                }
            }
            RemoteOperation::Append { mailbox, bytes, keywords, received } => {
                let index = self.index(&folder::create(&self.root, mailbox)?);
                let id = add_message(&index, bytes, keywords, *received)?;
                applied.became.push((RemoteId(String::new()), id));
            }
            RemoteOperation::Remove { mailbox, ids } => {
                let index = self.index(&folder::directory(&self.root, mailbox));
                for id in ids {
                    let base = name::base(id);
                    index.with_file(&base, |path, _| fs::remove_file(path))?;
                    index.forget(&base);
                }
            }
            RemoteOperation::CreateMailbox { name, .. } => {
                let path = folder::path_of_new(&self.root, name);
                folder::create(&self.root, &path)?;
                applied.path = Some(path);
            }
            RemoteOperation::RenameMailbox { path, name } => {
                lock(&self.indexes).clear();
                applied.path = Some(folder::rename(&self.root, path, name)?);
            }
            RemoteOperation::DeleteMailbox { path } => {
                lock(&self.indexes).clear();
                folder::remove(&self.root, path)?;
            }
            // Whoever reads a Maildir sees all of it.
            RemoteOperation::Subscribe { on: true, .. } => {}
            RemoteOperation::Subscribe { on: false, .. } => {
                return Err(io::Error::new(ErrorKind::InvalidInput, "a Maildir shows all its folders"));
            }
        }
        Ok(applied)
    }
}

impl Index {
    /// Does something with a message's file; when the file is not where it was, looks for it and tries again.
    /// `None` when the message is gone.
    pub fn with_file<T>(&self, base: &[u8], act: impl Fn(&Path, &Entry) -> io::Result<T>) -> io::Result<Option<T>> {
        for attempt in 0..MOST_TRIES {
            let remembered = if attempt == 0 { self.remembered(base) } else { None };
            let Some(entry) = remembered.map_or_else(|| self.find(base), |entry| Ok(Some(entry)))? else {
                return Ok(None);
            };
            match act(&entry.path(&self.directory), &entry) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                done => return done.map(Some),
            }
        }
        Err(io::Error::new(ErrorKind::ResourceBusy, "another program keeps renaming the message; it is tried again"))
    }

    fn remembered(&self, base: &[u8]) -> Option<Entry> {
        lock(&self.files).as_ref()?.get(base).cloned()
    }

    fn find(&self, base: &[u8]) -> io::Result<Option<Entry>> {
        let files = scan::files(&self.directory)?;
        let found = files.get(base).cloned();
        *lock(&self.files) = Some(files).filter(|files| files.len() <= MOST_FILES);
        Ok(found)
    }

    fn remember(&self, base: &[u8], entry: Entry) {
        if let Some(files) = lock(&self.files).as_mut() {
            files.insert(base.to_owned(), entry);
        }
    }

    fn forget(&self, base: &[u8]) {
        if let Some(files) = lock(&self.files).as_mut() {
            files.remove(base);
        }
    }

    /// Says whether the folder has a message of this base, as far as is remembered; looks once if nothing is.
    fn has(&self, base: &[u8]) -> io::Result<bool> {
        let is_known = lock(&self.files).is_some();
        Ok(if is_known { self.remembered(base) } else { self.find(base)? }.is_some())
    }
}

/// Renames a message so that its letters are what `change` makes of them. Nothing happens to one that is gone.
fn set_letters(index: &Index, id: &RemoteId, change: impl Fn(&[u8]) -> BTreeSet<u8>) -> io::Result<()> {
    let base = name::base(id);
    let renamed = index.with_file(&base, |path, entry| {
        let old = entry.letters();
        let letters = change(old);
        if letters.iter().eq(old.iter().collect::<BTreeSet<_>>()) {
            // The letters are right if the file still is there; in `new` it stays new.
            return path.symlink_metadata().map(|_| entry.clone());
        }
        let changed = Entry { part: Part::Cur, name: name::join(&base, &letters) };
        match rename(path, &changed.path(&index.directory)) {
            // Two files of one base: one of them says what is wanted, and none may be lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(changed),
            done => done.map(|()| changed),
        }
    })?;
    if let Some(entry) = renamed {
        index.remember(&base, entry);
    }
    Ok(())
}

/// Moves a message; gives its new id. One that is there already was moved by a call that did not live to say so; one
/// that is nowhere was moved or removed by another program.
fn move_message(from: &Index, id: &RemoteId, to: &Index) -> io::Result<Option<RemoteId>> {
    let base = name::base(id);
    if from.directory == to.directory {
        return Ok(Some(id.clone()));
    }
    let moved = transfer(from, &base, to, rename)?;
    from.forget(&base);
    let target_base = name::without_uid(&base);
    match moved {
        None if to.find(&target_base)?.is_some() => Ok(Some(name::remote_id(&target_base))),
        moved => Ok(moved),
    }
}

/// Makes a copy of a message; gives its id, or nothing when the message is gone.
fn copy_message(from: &Index, id: &RemoteId, to: &Index) -> io::Result<Option<RemoteId>> {
    transfer(from, &name::base(id), to, copy)
}

/// Brings a message's file into another folder under a name that is free there.
fn transfer(
    from: &Index,
    base: &[u8],
    to: &Index,
    bring: impl Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<Option<RemoteId>> {
    let brought = from.with_file(base, |path, entry| {
        let target_base = free_base(to, &name::without_uid(base))?;
        let letters = entry.letters().iter().copied().collect();
        let target = Entry { part: Part::Cur, name: name::join(&target_base, &letters) };
        bring(path, &target.path(&to.directory))?;
        Ok((target_base, target))
    })?;
    Ok(brought.map(|(target_base, target)| {
        to.remember(&target_base, target);
        name::remote_id(&target_base)
    }))
}

/// Gives this base, or one made of it, that no message of the folder has.
fn free_base(index: &Index, base: &[u8]) -> io::Result<Vec<u8>> {
    let mut free = base.to_vec();
    let mut number = 0;
    while index.has(&free)? {
        number += 1;
        free = [base, format!("_{number}").as_bytes()].concat();
    }
    Ok(free)
}

/// Adds a message; it is on the disk before it is in the folder.
fn add_message(index: &Index, bytes: &[u8], keywords: &Keywords, received: UnixTime) -> io::Result<RemoteId> {
    let received = received.0.max(0).unsigned_abs();
    let hash = Sha256::digest(bytes).iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let base = free_base(index, format!("{received}.{hash}.surat").as_bytes())?;
    let letters = scan::letters(&index.directory).change(&[], keywords, &Keywords::default());
    let target = Entry { part: Part::Cur, name: name::join(&base, &letters) };
    let unfinished = index.directory.join("tmp").join(&target.name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&unfinished)?;
    file.write_all(bytes)?;
    file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(received)))?;
    file.sync_all()?;
    rename(&unfinished, &target.path(&index.directory))?;
    index.remember(&base, target);
    Ok(name::remote_id(&base))
}

/// Renames a file, never onto another one; across file systems by a copy that is durable before the original goes.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, format!("{} is there already", to.display())));
    }
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            copy(from, to)?;
            fs::remove_file(from)
        }
        done => done,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (Some(directory), Some(file_name)) = (to.parent().and_then(Path::parent), to.file_name()) else {
        return Err(io::Error::from(ErrorKind::InvalidInput));
    };
    let unfinished = directory.join("tmp").join(file_name);
    let mut source = scan::open(from)?;
    let mut target = OpenOptions::new().write(true).create(true).truncate(true).open(&unfinished)?;
    io::copy(&mut source, &mut target)?;
    target.set_times(FileTimes::new().set_modified(source.metadata()?.modified()?))?;
    target.sync_all()?;
    fs::rename(&unfinished, to)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is remembered is only a hint, so it is as good after a panic as before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
