//! What came by mail and goes into files: hostile names, hostile folders (reliability.md P26).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use surat::config::save::save_file;
use surat::mail::safe::SafeText;

/// What stands at a path: its kind, mode and content.
pub type Tree = BTreeMap<PathBuf, (String, u32, Vec<u8>)>;

pub fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let (kind, content) = if metadata.is_symlink() {
                ("link", fs::read_link(&path).unwrap().to_string_lossy().into_owned().into_bytes())
            } else if metadata.is_dir() {
                dirs.push(path.clone());
                ("directory", Vec::new())
            } else {
                ("file", fs::read(&path).unwrap())
            };
            found.insert(path, (kind.to_owned(), metadata.permissions().mode() & 0o7777, content));
        }
    }
    found
}

/// Two hundred names that no friend would choose.
pub fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        ".",
        "..",
        "/",
        "//",
        "\\",
        "...",
        " ",
        "\t",
        "\n",
        "\0",
        "~",
        "~root",
        "-",
        "--",
        "-rf",
        "--help",
        ".bashrc",
        ".profile",
        ".ssh/authorized_keys",
        "CON",
        "NUL",
        "aux.txt",
        "a:b",
        "a|b",
        "a;rm -rf ~",
        "$(id)",
        "`id`",
        "$HOME",
        "%2e%2e%2f",
        "..%c0%af",
        "/etc/passwd",
        "/etc/cron.d/x",
        "\\\\host\\share\\x",
        "C:\\x",
        "file:///etc/passwd",
        "http://x.org/a",
        "a\0b",
        "a\nb",
        "a\r\nb",
        "a\u{1b}[31m",
        "\u{9b}31m",
        "invoice\u{202e}fdp.exe",
        "\u{feff}x",
        "x\u{200b}y",
        "victim.txt",
        "link",
        "dangling",
        "up",
        "dir",
        "dir/x",
        "link/x",
        "up/x",
        "./victim.txt",
        "victim.txt/",
        "victim.txt.",
        "victim.txt ",
        "VICTIM.TXT",
        "e\u{301}",
        "\u{e9}",
        "\u{1f4a9}",
        "a.exe",
        "a.desktop",
        "a.sh",
        "a.tar.gz",
        ".tar.gz",
        "a.",
        "a..b",
        "*",
        "?",
        "[a]",
        "{a,b}",
        "'",
        "\"",
        "<a>",
        "&",
        "#",
        "!",
        "=",
        "@",
    ]
    .iter()
    .map(|name| (*name).to_owned())
    .collect();
    for depth in 1..=40 {
        names.push(format!("{}escape{depth}", "../".repeat(depth)));
        names.push(format!("{}escape{depth}.txt", "..\\".repeat(depth)));
    }
    for length in [100, 139, 140, 141, 200, 254, 255, 256, 300, 1_000, 10_000] {
        names.push("n".repeat(length));
        names.push(format!("{}.pdf", "\u{6f22}".repeat(length)));
        names.push(format!("a.{}", "e".repeat(length)));
    }
    while names.len() < 200 {
        names.push(format!("victim.txt\u{0}{}", names.len()));
    }
    names
}

/// A folder to save into with traps in it, and beside it what the traps lead to.
fn trapped() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("Downloads");
    fs::create_dir(&folder).unwrap();
    fs::create_dir(folder.join("dir")).unwrap();
    fs::write(home.path().join("secret"), "outside").unwrap();
    fs::write(folder.join("victim.txt"), "precious").unwrap();
    symlink(home.path().join("secret"), folder.join("link")).unwrap();
    symlink(home.path().join("made-by-following"), folder.join("dangling")).unwrap();
    symlink(home.path(), folder.join("up")).unwrap();
    (home, folder)
}

#[test]
pub fn hostile_names_leave_everything_else_as_it_was() {
    let names = hostile_names();
    assert!(names.len() >= 200);
    let (home, folder) = trapped();
    let mut before = tree(home.path());
    for name in &names {
        let path = save_file(&folder, &SafeText::line(name), b"payload").unwrap();
        assert_eq!(path.parent(), Some(folder.as_path()), "{name:?}");
        let after = tree(home.path());
        let new: Vec<_> = after.iter().filter(|(path, _)| !before.contains_key(*path)).collect();
        let [(new, (kind, mode, content))] = new.as_slice() else { panic!("{name:?}: {new:?}") };
        assert_eq!(**new, path, "{name:?}");
        assert_eq!((kind.as_str(), *mode, content.as_slice()), ("file", 0o600, &b"payload"[..]), "{name:?}");
        assert!(before.iter().all(|(path, there)| after.get(path) == Some(there)), "{name:?} changed something");
        let file_name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!file_name.starts_with(['.', '-', '~']), "{name:?}: {file_name:?}");
        assert!(!file_name.chars().any(char::is_control), "{name:?}: {file_name:?}");
        before = after;
    }
}

#[test]
fn where_nothing_can_be_written_nothing_is_and_it_is_said() {
    let (home, folder) = trapped();
    let before = tree(home.path());
    for (target, expected) in [
        (folder.join("victim.txt"), "is not a folder"),
        (folder.join("nowhere"), "there is no folder"),
        (PathBuf::from("/proc/self"), "cannot save"),
    ] {
        for name in hostile_names() {
            let error = save_file(&target, &SafeText::line(&name), b"payload").unwrap_err().to_string();
            assert!(error.contains(expected), "{target:?} {name:?}: {error}");
        }
    }
    assert_eq!(tree(home.path()), before);
}

#[test]
fn a_taken_name_gets_a_number_before_its_extension() {
    let home = tempfile::tempdir().unwrap();
    let save = |name| {
        let path = save_file(home.path(), &SafeText::line(name), b"x").unwrap();
        path.file_name().unwrap().to_string_lossy().into_owned()
    };
    assert_eq!(["a.pdf", "a.pdf", "a.pdf", "b", "b"].map(save), ["a.pdf", "a (2).pdf", "a (3).pdf", "b", "b (2)"]);
}
