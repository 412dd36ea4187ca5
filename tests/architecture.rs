//! Keeps the house as `src/lib.rs` draws it: who may import whom, who owns which crate, every file says what it owns,
//! and README's table of keys is the table of the program.
//!
//! It reads text, not types: comments and strings are taken out first, then paths are looked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the house, and what of ours each may import.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("mail", &[]),
    ("store", &["mail"]),
    ("backend", &["mail"]),
    ("config", &["mail"]),
    ("accounts", &["mail", "store", "backend", "config"]),
    ("ui", &["mail", "config"]),
    ("cli", &["mail", "store", "accounts", "backend", "config"]),
    ("app", &["mail", "store", "backend", "config", "accounts", "ui", "cli"]),
];

/// Who alone may name a crate; a folder stands for all below it.
const OWNERS: [(&str, &[&str]); 16] = [
    ("rusqlite", &["store"]),
    ("async_imap", &["backend"]),
    ("async_native_tls", &["backend"]),
    ("native_tls", &["backend"]),
    ("lettre", &["backend/smtp"]),
    ("mail_parser", &["mail"]),
    ("mail_builder", &["mail"]),
    ("html2text", &["mail"]),
    ("html5ever", &["mail"]),
    ("markup5ever_rcdom", &["mail"]),
    ("ratatui", &["ui", "app"]),
    ("crossterm", &["app"]),
    ("keyring", &["config"]),
    ("tokio", &["backend", "accounts", "cli", "app"]),
    ("clap", &["cli"]),
    ("toml_edit", &["config"]),
];

/// What pure modules must not touch: files, sockets, clocks, tasks.
const IMPURE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "std::io::stdin",
    "std::io::stdout",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
];

/// The modules that are pure.
const PURE: [&str; 2] = ["mail", "ui"];

/// Gives everything that is wrong with one file of `src`, given its path below `src`.
fn faults(path: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push(format!("{path} does not open with `//! ` and what it owns"));
    }
    if code.contains("super::super") {
        found.push(format!("{path} says super::super; say crate::…"));
    }
    let module = path.split('/').next().unwrap();
    if let Some((_, may)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) {
        let roots =
            if path == format!("{module}/mod.rs") { vec!["crate", "surat", "super"] } else { vec!["crate", "surat"] };
        for root in roots {
            for name in names_below(&code, root) {
                let is_ours = MAY_IMPORT.iter().any(|(other, _)| *other == name);
                if is_ours && name != module && !may.contains(&name.as_str()) {
                    found.push(format!("{path} imports {name}; {module} may import only {may:?}"));
                }
            }
        }
    }
    for (name, owners) in OWNERS {
        let is_owner = owners.iter().any(|owner| {
            path == format!("{owner}.rs") || path.strip_prefix(owner).is_some_and(|rest| rest.starts_with('/'))
        });
        if !is_owner && names_crate(&code, name) {
            found.push(format!("{path} names {name}, which belongs to {owners:?}"));
        }
    }
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    if PURE.contains(&module) && !is_test {
        let body = code.split("#[cfg(test)]").next().unwrap();
        for word in IMPURE {
            if has_word(body, word) {
                found.push(format!("{path} uses {word}, but {module} is pure"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Blanks comments and the insides of strings and characters, so that only code is left. Line breaks stay.
fn code_of(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let at = |index: usize| letters.get(index).copied().unwrap_or('\0');
    let mut code = String::with_capacity(text.len());
    let mut index = 0;
    while index < letters.len() {
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => (index..).find(|&i| i >= letters.len() || at(i) == '\n').unwrap(),
            ('/', '*') => block_comment_end(&letters, index),
            ('"', _) => string_end(&letters, index),
            ('r' | 'b' | 'c', '"' | '#' | 'r') if !is_word(code.chars().last()) => {
                raw_string_end(&letters, index).unwrap_or(index)
            }
            ('\'', '\\') => (index + 3..).find(|&i| i >= letters.len() || at(i) == '\'').unwrap() + 1,
            ('\'', _) if at(index + 2) == '\'' => index + 3,
            _ => index,
        };
        if end == index {
            code.push(at(index));
            index += 1;
        } else {
            code.extend((index..end.min(letters.len())).map(|i| if at(i) == '\n' { '\n' } else { ' ' }));
            index = end;
        }
    }
    code
}

fn is_word(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
}

fn block_comment_end(letters: &[char], start: usize) -> usize {
    let (mut depth, mut index) = (0, start);
    while index < letters.len() {
        match (letters[index], letters.get(index + 1)) {
            ('/', Some('*')) => (depth, index) = (depth + 1, index + 2),
            ('*', Some('/')) => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            break;
        }
    }
    index
}

fn string_end(letters: &[char], start: usize) -> usize {
    let mut index = start + 1;
    while index < letters.len() {
        match letters[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    index
}

/// Gives the end of `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, or nothing where none begins.
fn raw_string_end(letters: &[char], start: usize) -> Option<usize> {
    let mut index = start;
    let mut is_raw = false;
    while let Some(letter @ ('r' | 'b' | 'c')) = letters.get(index) {
        is_raw |= *letter == 'r';
        index += 1;
    }
    let hashes = letters[index..].iter().take_while(|letter| **letter == '#').count();
    if letters.get(index + hashes) != Some(&'"') || (hashes > 0 && !is_raw) {
        return None;
    }
    if !is_raw {
        return Some(string_end(letters, index));
    }
    let mut end = index + hashes + 1;
    while end < letters.len() {
        let closes = letters[end] == '"' && letters[end + 1..].iter().take_while(|l| **l == '#').count() >= hashes;
        if closes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

/// Gives the first names of every path that begins at `root`: `a` and `b` of `root::a::x` and `root::{b::y}`.
fn names_below(code: &str, root: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        if is_word(before) || before == Some(':') {
            continue;
        }
        let Some(rest) = code[at + root.len()..].trim_start().strip_prefix("::") else { continue };
        names.extend(first_names(rest.trim_start()));
    }
    names
}

fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else { return vec![word_at(path)] };
    let (mut names, mut depth, mut is_start) = (Vec::new(), 0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            letter if is_start && !letter.is_whitespace() => {
                names.push(word_at(&group[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

fn word_at(text: &str) -> String {
    text.trim_start_matches("r#").chars().take_while(|letter| is_word(Some(*letter))).collect()
}

/// Says whether code names a crate: as the root of a path, alone in a `use`, or in a group of one.
fn names_crate(code: &str, name: &str) -> bool {
    if names_below(code, "ratatui").iter().any(|below| below == name) {
        return true;
    }
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_whole = !is_word(before.chars().next_back()) && !is_word(after.chars().next());
        let segment = before.strip_suffix("::").unwrap_or_default();
        let is_below = is_word(segment.chars().next_back()) || segment.ends_with('>');
        let is_used = ["use", "crate"].contains(&before.trim_end().rsplit(|c| !is_word(Some(c))).next().unwrap());
        is_whole && !is_below && (after.trim_start().starts_with("::") || is_used)
    })
}

fn has_word(code: &str, word: &str) -> bool {
    let is_there = code
        .match_indices(word)
        .any(|(at, _)| !is_word(code[..at].chars().next_back()) && !is_word(code[at + word.len()..].chars().next()));
    let in_a_group = word
        .split_once("::")
        .is_some_and(|(root, name)| !name.contains("::") && names_below(code, root).iter().any(|below| below == name));
    is_there || in_a_group
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Gives every Rust file below a directory, with its path below it.
fn rust_files(below: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut dirs = vec![below.to_owned()];
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(below).unwrap().to_string_lossy().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_house_is_built_as_it_is_drawn() {
    let files = rust_files(&root().join("src"));
    assert!(files.len() > 20, "the source was not found");
    let found: Vec<String> = files.iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_module_has_its_row_in_the_table() {
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let is_known = matches!(name.as_str(), "lib.rs" | "main.rs") || MAY_IMPORT.iter().any(|(row, _)| *row == name);
        assert!(is_known, "src/{name} is no room of the house");
    }
}

#[test]
fn every_test_and_benchmark_says_what_it_shows() {
    for dir in ["tests", "benches", "examples"] {
        for (path, text) in rust_files(&root().join(dir)) {
            assert!(text.starts_with("//! "), "{dir}/{path} does not open with `//! `");
        }
    }
}

#[test]
fn the_keys_of_the_readme_are_the_keys_of_the_program() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let table = surat::config::command::readme_table();
    assert!(readme.contains(table.trim()), "README.md does not hold this table; put it there as it is:\n\n{table}");
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let opening = "//! Owns a thing.\n";
    let cases = [
        ("mail/x.rs", "use crate::store::Store;", "imports store"),
        ("mail/x.rs", "use crate::{mail::id, ui::Model};", "imports ui"),
        ("mail/x.rs", "use crate::{\n    mail::{a, b},\n    app,\n};", "imports app"),
        ("mail/mod.rs", "use super::store::Store;", "imports store"),
        ("mail/x.rs", "fn f(x: &crate :: backend::Error) {}", "imports backend"),
        ("store/x.rs", "use crate::config::Config;", "imports config"),
        ("ui/x.rs", "let x = crate::store::open();", "imports store"),
        ("backend/imap/x.rs", "use crate::store::Store;", "imports store"),
        ("config/x.rs", "use surat::accounts::Manager;", "imports accounts"),
        ("cli/x.rs", "use crate::ui::view;", "imports ui"),
        ("accounts/x.rs", "use crate::cli;", "imports cli"),
        ("mail/x.rs", "use super::super::store;", "super::super"),
        ("mail/x.rs", "use rusqlite::Connection;", "names rusqlite"),
        ("cli/x.rs", "let x: rusqlite::Error;", "names rusqlite"),
        ("accounts/x.rs", "use ::rusqlite::Error;", "names rusqlite"),
        ("config/x.rs", "use tokio;", "names tokio"),
        ("config/x.rs", "#[tokio::test]", "names tokio"),
        ("ui/x.rs", "use crossterm::event::KeyEvent;", "names crossterm"),
        ("ui/x.rs", "use ratatui::crossterm::event;", "names crossterm"),
        ("ui/x.rs", "use ratatui::{Frame, crossterm};", "names crossterm"),
        ("backend/imap/x.rs", "use lettre::Message;", "names lettre"),
        ("main.rs", "use clap::Parser;", "names clap"),
        ("mail/x.rs", "use std::fs;", "uses std::fs"),
        ("mail/x.rs", "use std::{fmt, fs::File};", "uses std::fs"),
        ("ui/x.rs", "let now = Instant::now();", "uses Instant"),
    ];
    for (path, code, expected) in cases {
        let found = faults(path, &format!("{opening}{code}"));
        assert!(found.iter().any(|fault| fault.contains(expected)), "{path}: {code}\n{found:?}");
    }
    assert!(faults("mail/x.rs", "fn f() {}")[0].contains("does not open"));
}

#[test]
fn the_checker_leaves_in_peace_what_is_right() {
    let cases = [
        ("mail/x.rs", "use crate::mail::id::EmailId;\nuse std::{fmt, str::FromStr};"),
        ("mail/x.rs", "// crate::store::x, rusqlite::y\n/* std::fs /* tokio::z */ crate::ui */ fn f() {}"),
        ("mail/x.rs", "let x = \"crate::store \\\" std::fs\"; let y = r#\"tokio::x \"inside\" crate::ui\"#;"),
        ("mail/x.rs", "let quote = '\"'; let x: &'static str = \"crate::app\"; let y = '\\''; // crate::app\n"),
        ("mail/x.rs", "let bytes = b\"crate::app\"; let c = b'\\n'; let r = br\"crate::app\\\"; fn crater() {}"),
        ("mail/x.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }"),
        ("mail/x/tests.rs", "use std::fs;"),
        ("mail/x.rs", "struct Instants; mod lettre_like {} let my_tokio = 1; my_tokio::x();"),
        ("store/x.rs", "use rusqlite::Connection;\nuse crate::{mail::id, store::error};"),
        ("backend/smtp/x.rs", "use lettre::transport;\nuse tokio::net;"),
        ("backend/imap/x.rs", "use async_imap::imap_proto;\nuse crate::backend::net;"),
        ("app/x.rs", "use crate::{ui, cli, store, accounts};\nuse crossterm::event;"),
        ("cli/mod.rs", "use clap::Parser;\nmod x { use super::Y; }"),
        ("main.rs", "use surat::{app, cli};"),
    ];
    for (path, code) in cases {
        assert_eq!(faults(path, &format!("//! Owns a thing.\n{code}")), Vec::<String>::new(), "{path}: {code}");
    }
}
