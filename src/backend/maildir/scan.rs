//! Owns looking at one folder: which files are there, whether anything moved since, and a message's first lines.
//!
//! Other programs rename files while it looks; it never takes a file that moved for one that is gone.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;

use crate::backend::maildir::name::{self, Letters};
use crate::mail::keyword::{Keywords, SEEN};

/// How often a folder that changes while it is listed is listed again.
const MOST_TRIES: usize = 3;
/// Within this time after its last change a folder may change once more without its time telling: file systems round.
const UNSETTLED: Duration = Duration::from_secs(2);
/// Header fields beyond this are not read (`reliability.md` T41).
const LONGEST_HEADER: usize = 1 << 20;
/// The first read of a message; most header blocks end within it.
const FIRST_READ: usize = 8 << 10;
/// A table of own keywords beyond this is no such table.
const LONGEST_TABLE: u64 = 64 << 10;

/// When the two directories of a folder last changed, in nanoseconds: equal states mean that nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    cur: i128,
    new: i128,
}

impl State {
    /// Reads the state: two calls of `stat`.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let changed = |part: &str| {
            let metadata = fs::metadata(directory.join(part))?;
            Ok(i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()))
        };
        let new = changed("new").or_else(|error: io::Error| if_missing(error, 0))?;
        Ok(Self { cur: changed("cur")?, new })
    }

    /// Says whether a later change is sure to be seen in the state.
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i128::try_from(now.as_nanos()).unwrap_or_default();
        let unsettled = i128::try_from(UNSETTLED.as_nanos()).unwrap_or_default();
        // A time in the future (another machine's clock) says nothing either.
        self.cur.max(self.new) + unsettled < now
    }

    /// Spells the state and the number of messages as a cursor.
    pub fn to_cursor(self, count: u64) -> String {
        format!("{} {} {count}", self.cur, self.new)
    }
}

/// Which of the two directories a file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Delivered, seen by no mail program.
    New,
    /// All others.
    Cur,
}

impl Part {
    /// Gives the directory's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::New => "new",
            Part::Cur => "cur",
        }
    }
}

/// Where a message's file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In which directory.
    pub part: Part,
    /// Under which name.
    pub name: OsString,
}

impl Entry {
    /// Gives the file's path.
    pub fn path(&self, directory: &Path) -> PathBuf {
        directory.join(self.part.as_str()).join(&self.name)
    }

    /// Gives the letters behind the base.
    pub fn letters(&self) -> &[u8] {
        name::split(&self.name).1
    }

    /// Gives what the letters say; what still lies in `new` was not seen.
    pub fn keywords(&self, letters: &Letters) -> Keywords {
        let mut keywords = letters.keywords(self.letters());
        if self.part == Part::New {
            keywords.remove(SEEN);
        }
        keywords
    }
}

/// The files of a folder by their base.
pub type Files = HashMap<Vec<u8>, Entry>;

/// A folder as it was found.
#[derive(Debug)]
pub struct Listing {
    /// The messages.
    pub files: Files,
    /// Bases of files that were there a moment ago: renamed while we looked, or just gone.
    pub elusive: BTreeSet<Vec<u8>>,
    /// The state before the look.
    pub state: State,
    /// Whether nothing changed during it.
    pub is_steady: bool,
}

impl Listing {
    /// Lists a folder, again if it changes meanwhile: a file renamed during the walk can be missed by it.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut state = State::of(directory)?;
        let mut before = BTreeSet::new();
        let mut tries = 0;
        loop {
            tries += 1;
            let files = files(directory)?;
            let after = State::of(directory)?;
            let is_steady = after == state;
            if is_steady || tries == MOST_TRIES {
                let elusive = before.into_iter().filter(|base| !is_steady && !files.contains_key(base)).collect();
                return Ok(Self { files, elusive, state, is_steady });
            }
            before.extend(files.into_keys());
            state = after;
        }
    }
}

/// Walks the two directories once. What is no regular file is no message.
pub fn files(directory: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for part in [Part::New, Part::Cur] {
        let entries = match fs::read_dir(directory.join(part.as_str())) {
            Err(error) if part == Part::New && error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let base = name::split(&name).0.to_owned();
            files.insert(base, Entry { part, name });
        }
    }
    Ok(files)
}

/// Reads a folder's table of own keywords; without one, or with one that cannot be read, there are none.
pub fn letters(directory: &Path) -> Letters {
    let mut table = String::new();
    let read =
        open(&directory.join("dovecot-keywords")).and_then(|file| file.take(LONGEST_TABLE).read_to_string(&mut table));
    read.map(|_| Letters::read(&table)).unwrap_or_default()
}

/// Opens a regular file for reading; never follows a link, never waits for a pipe.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Reads a message up to the line that ends its header.
pub fn read_header(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(FIRST_READ);
    let mut wanted = FIRST_READ;
    loop {
        let missing = u64::try_from(wanted - bytes.len()).unwrap_or_default();
        let searched = bytes.len().saturating_sub(3);
        let got = file.by_ref().take(missing).read_to_end(&mut bytes)?;
        if let Some(end) = header_end(&bytes, searched) {
            bytes.truncate(end);
            return Ok(bytes);
        }
        if got == 0 || bytes.len() < wanted || wanted >= LONGEST_HEADER {
            return Ok(bytes);
        }
        wanted = (wanted * 4).min(LONGEST_HEADER);
    }
}

/// Finds the end of the first empty line at or after `from`.
fn header_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    if from == 0 && bytes.starts_with(b"\n") {
        return Some(1);
    }
    if from == 0 && bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    while let Some(line_end) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n') {
        at += line_end + 1;
        match bytes.get(at..) {
            Some([b'\n', ..]) => return Some(at + 1),
            Some([b'\r', b'\n', ..]) => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn if_missing<T>(error: io::Error, value: T) -> io::Result<T> {
    if error.kind() == ErrorKind::NotFound { Ok(value) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        assert_eq!(header_end(b"A: b\n\nbody\n\n", 0), Some(6));
        assert_eq!(header_end(b"A: b\r\n\r\nbody", 0), Some(8));
        assert_eq!(header_end(b"\r\nbody", 0), Some(2));
        assert_eq!(header_end(b"A: b\n c\n", 0), None);
    }

    #[test]
    fn headers_of_every_length_are_read_up_to_the_limit() {
        for length in
            [0, 1, FIRST_READ - 4, FIRST_READ - 2, FIRST_READ - 1, FIRST_READ, FIRST_READ + 1, 100_000, 3 << 20]
        {
            let mut file = tempfile::tempfile().unwrap();
            let block = [b"A: ".as_slice(), &vec![b'x'; length], b"\r\n\r\n"].concat();
            file.write_all(&[&block, b"body\n\nmore".as_slice()].concat()).unwrap();
            file.rewind().unwrap();
            let read = read_header(&mut file).unwrap();
            let expected = block.len().min(LONGEST_HEADER);
            assert_eq!(read, block[..expected], "{length}");
        }
    }
}
