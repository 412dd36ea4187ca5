//! Owns reading a folder: what is new, changed or gone against what is known, and the bytes of messages.
//!
//! It changes no file.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tokio::sync::mpsc::Sender;

use crate::backend::maildir::name;
use crate::backend::maildir::push::Index;
use crate::backend::maildir::scan::{self, Entry, Files, Listing, State};
use crate::mail::keyword::Keywords;
use crate::mail::parse;
use crate::mail::remote::{Arrived, Cursor, Delta, RemoteId, Slice, Want};
use crate::mail::time::UnixTime;

/// The first portion of newcomers: a screenful.
const FIRST_PORTION: usize = 50;
/// Newcomers between two commits.
const PORTION: usize = 1_000;
/// The cursor in the middle of a folder; it equals no state.
const UNFINISHED: &str = "unfinished";
/// Beyond this many newcomers their order is taken from their names, without a look at each file.
const MOST_LOOKED_AT: usize = 20_000;
/// Bytes of a slice of a body.
const SLICE: u64 = 256 << 10;

/// Sends what changed in a folder. Returns the state read up to, and whether later changes are sure to show in it.
pub fn pull(directory: &Path, known: Vec<(RemoteId, Keywords)>, out: &Sender<Delta>) -> io::Result<(State, bool)> {
    let listing = Listing::of(directory)?;
    let letters = scan::letters(directory);
    let mut count = 0_u64;
    let mut files = listing.files;
    let mut news = Vec::new();
    let mut vanished = Vec::new();
    for (id, told) in known {
        let base = name::base(&id);
        match files.remove(&base) {
            Some(entry) => {
                count += 1;
                let mut keywords = entry.keywords(&letters);
                // What no letter can say is known here alone, and stays.
                letters.unsayable(&told).iter().for_each(|keyword| keywords.insert(keyword));
                if keywords != told {
                    news.push(Delta::Keywords(id, keywords));
                }
            }
            None if listing.elusive.contains(&base) => count += 1,
            None => vanished.push(id),
        }
    }
    if !vanished.is_empty() && !listing.state.is_settled() {
        // Times are coarse on older systems: a rename during the walk may not show in them, so a second look decides.
        let again = scan::files(directory)?;
        let missed = vanished.extract_if(.., |id| again.contains_key(&name::base(id))).count();
        count += u64::try_from(missed).unwrap_or_default();
    }
    if !vanished.is_empty() {
        news.push(Delta::Vanished(vanished));
    }
    let mut outlet = Outlet { out, pending: 0, is_closed: false };
    news.into_iter().for_each(|delta| outlet.send(delta));
    let newcomers = newest_first(files, directory);
    if !newcomers.is_empty() {
        outlet.send(Delta::Expect(u64::try_from(newcomers.len()).unwrap_or(u64::MAX)));
    }
    let mut finder = Finder { directory, files: None };
    let mut portion = FIRST_PORTION;
    for (base, entry) in newcomers {
        if let Some((entry, header, metadata)) = finder.read(&base, entry) {
            count += 1;
            outlet.send(Delta::Arrived(Box::new(Arrived {
                id: name::remote_id(&base),
                keywords: entry.keywords(&letters),
                received: UnixTime(metadata.mtime()),
                size: metadata.len(),
                header: parse::header(&header),
                object_id: None,
            })));
        }
        if outlet.pending >= portion {
            outlet.commit(UNFINISHED.to_owned());
            portion = PORTION;
        }
        if outlet.is_closed {
            break;
        }
    }
    let is_settled = listing.is_steady && finder.files.is_none() && listing.state.is_settled();
    outlet.commit(if is_settled { listing.state.to_cursor(count) } else { UNFINISHED.to_owned() });
    Ok((listing.state, is_settled))
}

/// Sends wanted bodies in slices.
pub fn fetch(index: &Index, wants: &[Want], out: &Sender<Slice>) -> io::Result<()> {
    for want in wants {
        let opened = index.with_file(&name::base(&want.id), |path, _| scan::open(path))?;
        let Some(mut file) = opened else { continue };
        let mut offset = file.seek(SeekFrom::Start(want.offset))?;
        loop {
            let mut bytes = Vec::new();
            file.by_ref().take(SLICE).read_to_end(&mut bytes)?;
            let length = u64::try_from(bytes.len()).unwrap_or_default();
            let is_last = offset + length >= file.metadata()?.len() || length == 0;
            if out.blocking_send(Slice { id: want.id.clone(), offset, bytes, is_last }).is_err() {
                return Ok(());
            }
            if is_last {
                break;
            }
            offset += length;
        }
    }
    Ok(())
}

/// Counts what was sent since the last commit, and stops when nobody listens any more.
struct Outlet<'a> {
    out: &'a Sender<Delta>,
    pending: usize,
    is_closed: bool,
}

impl Outlet<'_> {
    fn send(&mut self, delta: Delta) {
        self.pending += usize::from(!matches!(delta, Delta::Expect(_)));
        self.is_closed = self.is_closed || self.out.blocking_send(delta).is_err();
        if self.pending >= PORTION {
            self.commit(UNFINISHED.to_owned());
        }
    }

    fn commit(&mut self, cursor: String) {
        self.is_closed = self.is_closed || self.out.blocking_send(Delta::Commit(Cursor(cursor))).is_err();
        self.pending = 0;
    }
}

/// Opens newcomers, and looks for those that another program renamed since the folder was listed.
struct Finder<'a> {
    directory: &'a Path,
    files: Option<Files>,
}

impl Finder<'_> {
    /// Gives a message's file, header block and metadata; `None` when it is gone or cannot be read.
    fn read(&mut self, base: &[u8], listed: Entry) -> Option<(Entry, Vec<u8>, Metadata)> {
        let mut entry = listed;
        for _ in 0..2 {
            let path = entry.path(self.directory);
            let read = scan::open(&path).and_then(|mut file| Ok((scan::read_header(&mut file)?, file.metadata()?)));
            match read {
                Ok((header, metadata)) => return Some((entry, header, metadata)),
                Err(error) if error.kind() == ErrorKind::NotFound => entry = self.find_again(base, &entry)?,
                Err(error) => {
                    tracing::warn!("{}: left out: {error}", path.display());
                    return None;
                }
            }
        }
        None
    }

    /// Lists the folder once more, unless that was done already and knows no other name.
    fn find_again(&mut self, base: &[u8], entry: &Entry) -> Option<Entry> {
        let known = self.files.as_ref().and_then(|files| files.get(base));
        if known.is_none_or(|known| known == entry) && (self.files.is_none() || known.is_some()) {
            self.files = Some(scan::files(self.directory).unwrap_or_default());
        }
        self.files.as_ref()?.get(base).cloned()
    }
}

/// Orders newcomers by the time of their files, newest first.
fn newest_first(files: Files, directory: &Path) -> Vec<(Vec<u8>, Entry)> {
    let looks = files.len() <= MOST_LOOKED_AT;
    let time = |base: &[u8], entry: &Entry| {
        let metadata = looks.then(|| entry.path(directory).symlink_metadata().ok()).flatten();
        metadata.map_or_else(|| (name::seconds(base), 0), |metadata| (metadata.mtime(), metadata.mtime_nsec()))
    };
    let times: HashMap<Vec<u8>, (i64, i64)> =
        files.iter().map(|(base, entry)| (base.clone(), time(base, entry))).collect();
    let mut newcomers: Vec<(Vec<u8>, Entry)> = files.into_iter().collect();
    newcomers.sort_by(|(a, _), (b, _)| (times.get(b), b).cmp(&(times.get(a), a)));
    newcomers
}
