//! Mail in files: one directory a folder, one file a message (Maildir and Maildir++), shared with other programs.
//!
//! It keeps no index of its own: the directories are asked each time, cheaply when nothing changed. Here stands what
//! the manager sees; `pull` reads, `push` writes, `folder`, `name` and `scan` know the layout.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;

pub mod demo;
mod folder;
mod name;
mod pull;
mod push;
mod scan;

use crate::backend::maildir::push::Writer;
use crate::backend::maildir::scan::State;
use crate::backend::{Backend, Error, Hears, Kind, Known, News, Offer, Outcome, Traffic};
use crate::mail::remote::{Cursor, Delta, RemoteId, RemoteMailbox, RemoteOperation, Slice, Want};

/// How often a folder is looked at for news: two calls of `stat`.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Beside the folder that is waited for, so many others are looked at with it, in turn.
const AT_ONCE: usize = 32;

/// A Maildir on this machine.
#[derive(Debug)]
pub struct Maildir {
    root: PathBuf,
    writer: Writer,
    seen: HashMap<String, Seen>,
}

/// What a folder was like when it was last read.
#[derive(Debug, Clone, Copy)]
struct Seen {
    state: State,
    is_settled: bool,
}

impl Maildir {
    /// Opens the Maildir at `path`, which must be a directory; folders in it are found when they are asked for.
    pub fn open(path: &Path) -> Result<Maildir, Error> {
        let refuse = |what: &str| Error::new(Kind::Local, path.display().to_string(), "opening the Maildir", what);
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(refuse("this is a file, not a directory")),
            Err(error) => return Err(refuse(&words(&error))),
        }
        std::fs::read_dir(path).map_err(|error| refuse(&words(&error)))?;
        Ok(Self { root: path.to_owned(), writer: Writer::new(path), seen: HashMap::new() })
    }

    /// Gives those of these folders that are otherwise than they were when they were read, the first one otherwise than
    /// when it was looked at first if it was not read.
    async fn changed(&mut self, paths: Vec<String>) -> Result<BTreeSet<String>, Error> {
        let root = self.root.clone();
        let look = move || {
            let states = paths.into_iter().map(|path| (State::of(&folder::directory(&root, &path)), path));
            Ok(states.collect::<Vec<_>>())
        };
        let states = in_background(&self.root, "watching the folders", look).await?;
        let mut changed = BTreeSet::new();
        for (place, (state, path)) in states.into_iter().enumerate() {
            let state = match state {
                Ok(state) => state,
                Err(error) if place == 0 => {
                    let directory = folder::directory(&self.root, &path).display().to_string();
                    return Err(Error::new(kind_of(&error), directory, "watching the folder", words(&error)));
                }
                // That it is gone is found when the folders are listed.
                Err(_) => continue,
            };
            let before = self.seen.entry(path.clone()).or_insert(Seen { state, is_settled: true });
            // A change right after the last look may have left no trace in the state: one more look is due.
            if before.state != state || (!before.is_settled && state.is_settled()) {
                changed.insert(path);
            }
        }
        Ok(changed)
    }

    /// Gives the path that a new folder of this name has; [`RemoteOperation::Move`] makes it when it is missing.
    pub fn path_of_new(&self, name: &str) -> String {
        folder::path_of_new(&self.root, name)
    }
}

impl Backend for Maildir {
    fn offer(&self) -> Offer {
        Offer { can_move: true, can_compare: false, hears: Hears::All, words: vec!["Maildir".to_owned()] }
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn mailboxes(&mut self) -> Result<Vec<RemoteMailbox>, Error> {
        let root = self.root.clone();
        in_background(&self.root, "listing folders", move || folder::list(&root)).await
    }

    async fn changes(
        &mut self,
        mailbox: &str,
        cursor: Option<&Cursor>,
        known: &impl Known,
        out: &Sender<Delta>,
    ) -> Result<(), Error> {
        let directory = folder::directory(&self.root, mailbox);
        let place = directory.clone();
        let state = in_background(&place, "looking for changes", move || State::of(&directory)).await?;
        if let Some(cursor) = cursor
            && cursor.0 == state.to_cursor(known.count().await?)
        {
            self.seen.insert(mailbox.to_owned(), Seen { state, is_settled: true });
            return Ok(());
        }
        let known = known.remotes().await?;
        let (directory, out) = (place.clone(), out.clone());
        let pull = move || pull::pull(&directory, known, &out);
        let (state, is_settled) = in_background(&place, "reading the folder", pull).await?;
        self.seen.insert(mailbox.to_owned(), Seen { state, is_settled });
        Ok(())
    }

    async fn fetch(&mut self, mailbox: &str, wants: &[Want], out: &Sender<Slice>) -> Result<(), Error> {
        let directory = folder::directory(&self.root, mailbox);
        let (place, wants, out) = (directory.clone(), wants.to_vec(), out.clone());
        let index = self.writer.index(&directory);
        in_background(&place, "reading messages", move || pull::fetch(&index, &wants, &out)).await
    }

    async fn apply(&mut self, operations: &[RemoteOperation], outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
        for operation in operations {
            let (writer, operation) = (self.writer.clone(), operation.clone());
            match in_background(&self.root, "changing files", move || writer.apply(&operation)).await {
                Err(error) if error.kind != Kind::Refused => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        Ok(())
    }

    /// File names have no order: whatever is in a folder may have come at any time.
    fn is_beyond(&self, _: &Cursor, _: &RemoteId) -> bool {
        true
    }

    async fn wait(&mut self, mailbox: &str, at_most: Duration) -> Result<News, Error> {
        let end = Instant::now() + at_most;
        let mut others: Vec<String> = self.seen.keys().filter(|path| *path != mailbox).cloned().collect();
        others.sort();
        let mut turn = (0..others.len()).cycle();
        loop {
            let others: BTreeSet<&String> = turn.by_ref().take(AT_ONCE).filter_map(|place| others.get(place)).collect();
            let paths: Vec<String> = iter::once(mailbox.to_owned()).chain(others.into_iter().cloned()).collect();
            let changed = self.changed(paths).await?;
            if !changed.is_empty() {
                self.seen.retain(|path, _| !changed.contains(path));
                return Ok(News::Changed(changed));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(News::TimedOut);
            }
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    async fn close(&mut self) {}
}

/// Does file work on a thread that may block.
async fn in_background<T: Send + 'static>(
    place: &Path,
    stage: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let fail = |kind, what: String| Error::new(kind, place.display().to_string(), stage, what);
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| fail(kind_of(&error), words(&error))),
        Err(_) => Err(fail(Kind::Local, "the work was stopped half way".to_owned())),
    }
}

/// Tells what one name is to blame for from what is wrong with the place.
fn kind_of(error: &io::Error) -> Kind {
    match error.kind() {
        ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput
        | ErrorKind::AlreadyExists
        | ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::DirectoryNotEmpty => Kind::Refused,
        _ => Kind::Local,
    }
}

/// Says what a file error means here.
fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "it is not there; check the path, or whether a disk is not mounted".to_owned(),
        ErrorKind::PermissionDenied => "this user may not read or change it; check its permissions".to_owned(),
        ErrorKind::NotADirectory => "this is a file where a directory should be".to_owned(),
        ErrorKind::StorageFull => "the disk is full; make room, it is tried again".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system cannot be written to".to_owned(),
        ErrorKind::InvalidFilename => {
            "the folder's name is longer than a file name can be; choose a shorter one".to_owned()
        }
        _ => error.to_string(),
    }
}
