//! Owns where folders lie: Maildir++ (`.Lists.rust`) and plain nested directories, and how their names are spelled.
//!
//! A mailbox's path is `INBOX` for the root, `.Lists.rust` for Maildir++, `./lists/rust` for a plain directory, with
//! bytes that are not UTF-8 written as `%ff`. Anything else is the name of a folder that is still to be made.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::backend::maildir::name;
use crate::backend::mutf7;
use crate::mail::mailbox::{Role, role_of_name};
use crate::mail::remote::RemoteMailbox;

/// The path of the root.
const INBOX: &str = "INBOX";
/// Plain directories nested deeper than this are not looked into.
const DEEPEST: usize = 16;
/// More folders than this are not listed.
const MOST: usize = 10_000;
/// The directories that make a directory a Maildir.
const PARTS: [&str; 3] = ["cur", "new", "tmp"];

/// Says whether a directory is a Maildir.
pub fn is_maildir(directory: &Path) -> bool {
    directory.join("cur").is_dir()
}

/// Gives the directory of a mailbox, whether or not it exists. It always lies in `root`: no path can leave it.
pub fn directory(root: &Path, mailbox: &str) -> PathBuf {
    let at_root = is_maildir(root);
    if at_root && mailbox.eq_ignore_ascii_case(INBOX) {
        return root.to_owned();
    }
    match relative(mailbox) {
        Some(relative) => root.join(relative),
        None => relative(&path_of_new(root, mailbox)).map_or_else(|| root.to_owned(), |relative| root.join(relative)),
    }
}

/// Gives the path for a folder that is to be made, from the name that a person gave it.
pub fn path_of_new(root: &Path, name: &str) -> String {
    let levels = name.split('/').filter(|level| !level.is_empty());
    if is_maildir(root) {
        if name.eq_ignore_ascii_case(INBOX) {
            return INBOX.to_owned();
        }
        // A dot inside a level would make it two; a `%` of the file name is escaped in the path.
        let spell = |level: &str| mutf7::encode(level).replace('.', "&AC4-").replace('%', "%25");
        let spelled: String = levels.map(|level| format!(".{}", spell(level))).collect();
        if spelled.is_empty() { ".&AC8-".to_owned() } else { spelled }
    } else {
        let spelled: String = levels.map(|level| format!("/{}", spell_plain(level))).collect();
        if spelled.is_empty() { "./%2f".to_owned() } else { format!(".{spelled}") }
    }
}

/// Makes a mailbox's directories where they are missing.
pub fn create(root: &Path, mailbox: &str) -> io::Result<PathBuf> {
    let directory = directory(root, mailbox);
    if is_maildir(&directory) {
        return Ok(directory);
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    // `cur` comes last: it is what makes the others see a Maildir.
    for part in PARTS.iter().rev() {
        builder.create(directory.join(part))?;
    }
    if directory.parent() == Some(root) && directory.file_name().is_some_and(|name| name.as_bytes().starts_with(b".")) {
        fs::File::create(directory.join("maildirfolder"))?;
    }
    Ok(directory)
}

/// Gives a mailbox, and those below it, another name; gives its new path. One that is renamed already is left alone.
pub fn rename(root: &Path, mailbox: &str, name: &str) -> io::Result<String> {
    let path = path_of_new(root, name);
    let (from, to) = (directory(root, mailbox), directory(root, &path));
    if from == root || to == root {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the inbox cannot be renamed"));
    }
    if to.exists() {
        let what = format!("{} is there already", to.display());
        return if from.exists() { Err(io::Error::new(ErrorKind::AlreadyExists, what)) } else { Ok(path) };
    }
    if let Some(parent) = to.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    fs::rename(&from, &to)?;
    // Maildir++ has the folders below beside it.
    if mailbox.starts_with('.') && !mailbox.starts_with("./") {
        let (above, beside) = (file_name(&from), file_name(&to));
        for entry in fs::read_dir(root)?.flatten() {
            let old = entry.file_name();
            if let Some(rest) = old.as_bytes().strip_prefix(above).filter(|rest| rest.starts_with(b".")) {
                let new = OsString::from_vec([beside, rest].concat());
                fs::rename(entry.path(), root.join(new))?;
            }
        }
    }
    Ok(path)
}

fn file_name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_bytes()
}

/// Removes a mailbox that holds no mail; those below a plain directory stay.
pub fn remove(root: &Path, mailbox: &str) -> io::Result<()> {
    let directory = directory(root, mailbox);
    if directory == root {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the inbox cannot be removed"));
    }
    if !directory.exists() {
        return Ok(());
    }
    for part in PARTS {
        let place = directory.join(part);
        if place.is_dir() && fs::read_dir(&place)?.next().is_some() {
            return Err(io::Error::new(
                ErrorKind::DirectoryNotEmpty,
                "there is mail in the folder that is not here yet",
            ));
        }
    }
    // `cur` goes first: without it this is no mailbox any more.
    for part in PARTS {
        match fs::remove_dir(directory.join(part)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // What other programs keep beside the mail (indexes, marks) is left, and with it the directory, unless it is nothing.
    let _ = fs::remove_file(directory.join("maildirfolder"));
    let _ = fs::remove_dir(&directory);
    Ok(())
}

/// Lists the mailboxes, sorted by name, the parents that only hold others among them.
pub fn list(root: &Path) -> io::Result<Vec<RemoteMailbox>> {
    let mut found = BTreeMap::new();
    if is_maildir(root) {
        found.insert(INBOX.to_owned(), (INBOX.to_owned(), true));
    }
    let mut dirs = vec![(root.to_owned(), String::new(), 0)];
    while let Some((directory, above, depth)) = dirs.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(error) => {
                tracing::warn!("{}: left out: {error}", directory.display());
                continue;
            }
        };
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            let is_hidden = file_name.as_bytes().starts_with(b".");
            if found.len() >= MOST || PARTS.iter().any(|part| file_name == *part) || (is_hidden && depth > 0) {
                continue;
            }
            // A link at the top is a choice of the user; deeper ones could lead in a circle.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir() || (depth == 0 && kind.is_symlink()));
            if !is_directory {
                continue;
            }
            let path = entry.path();
            if is_hidden {
                if is_maildir(&path) {
                    let spelled = name::escape(file_name.as_bytes(), |_| false);
                    found.insert(spelled, (read_dotted(&file_name.to_string_lossy()), true));
                }
                continue;
            }
            let name = format!("{above}{}", read_plain(&file_name));
            if is_maildir(&path) {
                found.insert(plain_path(root, &path), (name.clone(), true));
            }
            if depth < DEEPEST {
                dirs.push((path, format!("{name}/"), depth + 1));
            }
        }
    }
    add_parents(&mut found);
    Ok(with_roles(found))
}

/// Reads a path of one of the two layouts; `None` for anything else, above all for what would lead elsewhere.
fn relative(mailbox: &str) -> Option<PathBuf> {
    let level = |spelled: &str| {
        let bytes = name::unescape(spelled);
        let is_name = !bytes.is_empty() && bytes != b"." && bytes != b"..";
        (is_name && !bytes.contains(&b'/') && !bytes.contains(&0)).then(|| OsString::from_vec(bytes))
    };
    if let Some(nested) = mailbox.strip_prefix("./") {
        return nested.split('/').map(level).collect();
    }
    let dotted = mailbox.strip_prefix('.')?;
    if dotted.split('.').any(str::is_empty) {
        return None;
    }
    level(mailbox).map(PathBuf::from)
}

fn plain_path(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let levels = relative.iter().map(|level| name::escape(level.as_bytes(), |_| false));
    format!("./{}", levels.collect::<Vec<_>>().join("/"))
}

/// Spells a level so that it is a file name, not hidden, and none of the parts of a Maildir.
fn spell_plain(level: &str) -> String {
    let is_taken = PARTS.contains(&level) || level.starts_with('.');
    let first = level.chars().next().filter(|_| is_taken);
    let is_unsafe = |letter: char| letter.is_control() || Some(letter) == first;
    // The escaped form is the file's real name, so its `%` is escaped once more in the path.
    name::escape(name::escape(level.as_bytes(), is_unsafe).as_bytes(), |_| false)
}

fn read_plain(file_name: &OsStr) -> String {
    let shown = file_name.to_string_lossy().into_owned();
    let name = String::from_utf8(name::unescape(&shown)).ok();
    name.filter(|name| name::unescape(&spell_plain(name)) == file_name.as_bytes()).unwrap_or(shown)
}

fn read_dotted(spelled: &str) -> String {
    let levels = spelled.split('.').filter(|level| !level.is_empty());
    levels.map(|level| mutf7::decode(level).unwrap_or_else(|| level.to_owned())).collect::<Vec<_>>().join("/")
}

fn add_parents(found: &mut BTreeMap<String, (String, bool)>) {
    let mut parents = Vec::new();
    for (path, (name, _)) in found.iter() {
        let (first, delimiter) = if path.starts_with("./") { (1, '/') } else { (0, '.') };
        let cuts = path.match_indices(delimiter).map(|(at, _)| at).filter(|at| *at > first);
        for (cut, end) in cuts.zip(name.match_indices('/').map(|(at, _)| at)) {
            if let (Some(path), Some(name)) = (path.get(..cut), name.get(..end)) {
                parents.push((path.to_owned(), name.to_owned()));
            }
        }
    }
    for (path, name) in parents {
        found.entry(path).or_insert((name, false));
    }
}

fn with_roles(found: BTreeMap<String, (String, bool)>) -> Vec<RemoteMailbox> {
    let mut mailboxes: Vec<RemoteMailbox> = found
        .into_iter()
        .map(|(path, (name, is_selectable))| RemoteMailbox {
            path,
            name,
            role: None,
            is_selectable,
            is_subscribed: true,
        })
        .collect();
    mailboxes.sort_by(|a, b| a.name.cmp(&b.name));
    // Each role is given once, and rather at the top than below.
    let mut taken: Vec<Role> = Vec::new();
    for is_at_top in [true, false] {
        for mailbox in mailboxes.iter_mut().filter(|mailbox| mailbox.name.contains('/') != is_at_top) {
            let role = if mailbox.path == INBOX { Some(Role::Inbox) } else { role_of_name(&mailbox.name) };
            mailbox.role = role.filter(|role| mailbox.is_selectable && !taken.contains(role));
            taken.extend(mailbox.role);
        }
    }
    mailboxes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_of_both_layouts_are_read() {
        let root = Path::new("/nowhere");
        assert_eq!(directory(root, ".Lists.rust"), root.join(".Lists.rust"));
        assert_eq!(directory(root, "./lists/rust"), root.join("lists/rust"));
        assert_eq!(directory(root, "./odd%ff").as_os_str().as_bytes(), b"/nowhere/odd\xff");
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        let root = Path::new("/nowhere");
        for evil in [
            "..",
            "../x",
            "/etc",
            "./..",
            "./../x",
            "./a/../../x",
            "./%2e%2e/x",
            "./a%2fb",
            ".a/../../x",
            "",
            ".",
            "a\0b",
            "./\0",
        ] {
            let directory = directory(root, evil);
            let below = directory.strip_prefix(root).unwrap();
            assert!(below.iter().all(|level| level != ".." && level != "."), "{evil:?} gave {directory:?}");
            assert!(!below.as_os_str().as_bytes().contains(&0), "{evil:?}");
        }
    }

    #[test]
    fn dotted_names_decode() {
        assert_eq!(read_dotted(".Lists.rust-id"), "Lists/rust-id");
        assert_eq!(read_dotted(".&U9dP4Xux-.R&-D"), "受信箱/R&D");
        assert_eq!(read_dotted(".broken&"), "broken&");
    }

    proptest! {
        #[test]
        fn every_new_name_stays_inside_and_plain_names_read_back(name in any::<String>()) {
            let root = Path::new("/nowhere");
            let directory = directory(root, &path_of_new(root, &name));
            let below = directory.strip_prefix(root).unwrap();
            prop_assert!(below.iter().all(|level| level != ".." && level != "."));
            let levels: Vec<&str> = name.split('/').filter(|level| !level.is_empty()).collect();
            let read: Vec<String> = below.iter().map(read_plain).collect();
            prop_assert!(levels.is_empty() || levels == read, "{levels:?} read {read:?}");
        }
    }
}
