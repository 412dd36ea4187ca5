//! Owns writing what came by mail into a folder of the user's choice (reliability.md P26).
//!
//! Nothing outside that folder is touched, nothing in it is replaced, no link is followed, nothing can be executed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::config::Error;
use crate::mail::safe::SafeText;

/// What a file is called whose own name is no name.
const NAMELESS: &str = "attachment";
/// The longest file name in bytes that common file systems take, less a little for encrypting ones (eCryptfs: 143).
const LONGEST: usize = 140;
/// After so many files of the same name the folder is not the right place any more.
const MOST_COPIES: u32 = 9_999;

/// Saves bytes as a new file in a folder, 0600, and gives its path. Where the name is taken it becomes `name (2).ext`.
pub fn save_file(dir: &Path, name: &SafeText, bytes: &[u8]) -> Result<PathBuf, Error> {
    let folder = rustix::fs::open(dir, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(
        |errno| match errno {
            Errno::NOENT => Error::Other(format!("there is no folder {}; make it first", dir.display())),
            Errno::NOTDIR => Error::Other(format!("{} is not a folder", dir.display())),
            other => Error::io("open the folder", dir)(other.into()),
        },
    )?;
    let name = base_name(name.as_str());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
    for copy in 1..=MOST_COPIES {
        let name = numbered(&name, copy);
        let path = dir.join(&name);
        let mut file = match rustix::fs::openat(&folder, name.as_str(), flags, Mode::RUSR | Mode::WUSR) {
            Err(Errno::EXIST) => continue,
            Err(errno) => return Err(Error::io("save", &path)(errno.into())),
            Ok(file) => File::from(file),
        };
        return file.write_all(bytes).map(|()| path.clone()).map_err(|cause| {
            // Half a file would look like a whole one; it is ours, made a moment ago.
            let _ = rustix::fs::unlinkat(&folder, name.as_str(), AtFlags::empty());
            Error::io("save", &path)(cause)
        });
    }
    Err(Error::Other(format!("{} has too many files called {name}; choose another folder", dir.display())))
}

/// Makes a folder to save into, if it is not there; the user may share it, so it gets the user's own mode.
pub fn make_folder(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(Error::io("make the folder", dir))
}

/// Gives the last part of a name, without what would hide it, make it an option, or leave the folder.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).collect();
    let plain = plain.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '-' | '~'));
    let plain = plain.trim_end_matches(|c: char| c.is_whitespace() || c == '.');
    if plain.is_empty() { NAMELESS.to_owned() } else { numbered(plain, 1) }
}

/// Writes a copy's number before the extension, and keeps the whole within the length of a name.
fn numbered(name: &str, copy: u32) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 10 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let number = if copy > 1 { format!(" ({copy})") } else { String::new() };
    let room = LONGEST.saturating_sub(number.len() + extension.len());
    format!("{}{number}{extension}", cut(stem, room))
}

/// Cuts at a character, at most so many bytes.
fn cut(text: &str, room: usize) -> &str {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last();
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_could_lead_elsewhere() {
        let cases = [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\x.exe", "x.exe"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("~root", "root"),
            ("..", "attachment"),
            ("/", "attachment"),
            ("", "attachment"),
            ("a\0b\n.txt", "ab.txt"),
            ("x.", "x"),
        ];
        for (name, expected) in cases {
            assert_eq!(base_name(name), expected, "{name:?}");
        }
        let long = base_name(&format!("{}.pdf", "é".repeat(400)));
        assert!(long.len() <= LONGEST && long.ends_with("é.pdf"), "{long}");
        assert_eq!(numbered("a.tar.gz", 3), "a.tar (3).gz");
    }
}
