//! P22: three hundred folder names that no friend would choose, from a server to the store, the lists, the screen and
//! back to the server: no file or directory is made of them, and the server hears each name as it gave it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use surat::backend::mutf7;

use super::crossing::{PAYLOADS, harm};
use super::grammar::alien;
use super::traced::{trace, traced};
use crate::cli::Home;
use crate::support::scripted::{Script, say};
use crate::support::terminal::Term;

/// Calls that make, rename or remove something in a file system, or open it for that.
const TOUCHING: &str = "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat,rename,\
                        renameat,renameat2,unlink,unlinkat,rmdir,truncate,chmod,fchmodat,chown,fchownat";

/// Names as they stand on the wire.
fn hostile_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut add = |name: &str| names.push(name.as_bytes().to_vec());
    for depth in 1..=20 {
        add(&format!("{}etc/passwd", "../".repeat(depth)));
        add(&format!("{}evil", "..\\".repeat(depth)));
        add(&format!("a/{}{depth}", "../".repeat(depth)));
    }
    for name in [
        ".",
        "..",
        "...",
        "/",
        "//",
        "/etc/cron.d/x",
        "~",
        "~root",
        "~/.bashrc",
        "C:\\x",
        "\\\\host\\share",
        "\\",
        "\"",
        "\"\"",
        "a\"b\\c",
        "-rf",
        "--help",
        "--",
        "$(reboot)",
        "`reboot`",
        "; reboot",
        "| reboot",
        "$HOME",
        "%s%n%d",
        "%2e%2e%2f",
        ".ssh/authorized_keys",
        ".config/surat/config.toml",
        ".local/share/surat/surat.db",
        "surat.db",
        "surat.db-wal",
        "../surat.db",
        "CON",
        "NUL",
        "aux.txt",
        "a b",
        " ",
        "  lead",
        "trail  ",
        "(",
        ")",
        "{5}",
        "{5+}",
        "{999999999}",
        "*",
        "%",
        "]",
        "[",
        "[ALERT]",
        "NIL",
        "nil",
        "inbox",
        "InBoX",
        "INBOX/INBOX",
        "A0001 OK done",
        "* BYE",
        "+ ",
        "BAD",
        "Click me",
        "'; DROP TABLE emails; --",
        "a.b.c",
        "....",
        "a//b",
        "a/",
        "/a",
        "file:///etc/passwd",
        "http://x.test/",
        "=?utf-8?Q?=1B?=",
        "&",
        "&-",
        "&&",
        "&AGE",
        "&AGE-",
        "&AA-",
        "&2D3cqQ-",
        "&2D0-",
        "&3ck-",
        "&AAA-",
        "&AA0ACg-",
        "&ABs-",
        "&AJs-",
        "&//8-",
        "&-&-&-",
        "&!!-x",
        "&IC4-fdp.exe",
        "&IGY-",
        "&AC8-",
        "&AC4ALg-",
        "&ACYALQ-",
        "&AOk=-",
        "&AO-",
        "&U,BTFw-",
        "&ZeVnLIqe-",
        "&ZeVnLIqe",
        "日本語",
        "e\u{301}\u{301}\u{301}",
        "\u{e9}",
        "👩‍👩‍👧‍👦",
        "Z͑ͫ̓ͪ̂ͫ",
        "דואר",
        "بريد",
        "Ａ／Ｂ",
        "․․/x",
        "\u{ff0e}\u{ff0e}\u{ff0f}x",
    ] {
        add(name);
    }
    PAYLOADS.iter().for_each(|payload| add(payload));
    // Each control character, each turning and invisible one.
    let turning = ('\u{200b}'..='\u{200f}').chain('\u{202a}'..='\u{202e}').chain('\u{2060}'..='\u{2069}');
    for c in ('\0'..' ').chain('\u{7f}'..='\u{9f}').chain(turning).chain(['\u{feff}', '\u{ad}', '\u{61c}', '\u{e0041}'])
    {
        names.push(format!("a{c}b").into_bytes());
        names.push(mutf7::encode(&format!("c{c}d")).into_bytes());
    }
    names.extend([
        b"a\r\nx DELETE INBOX".to_vec(),
        b"\xff\xfe".to_vec(),
        b"caf\xe9".to_vec(),
        b"\xc0\xaf".to_vec(),
        b"..\xc0\xaf..\xc0\xafx".to_vec(),
        b"\xed\xa0\x80".to_vec(),
        vec![b'x'; 10_000],
        b"../".repeat(3_000),
        b"deep/".repeat(500),
        "é".repeat(3_000).into_bytes(),
        mutf7::encode(&"漢".repeat(1_000)).into_bytes(),
    ]);
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Everything below a directory, links not followed.
fn paths(root: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut dirs) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.is_symlink() {
                dirs.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

/// Gives the calls of a trace that change a file system at a place where the program keeps nothing.
fn strays(calls: &str, home: &Home) -> Vec<String> {
    let ours = [home.path(".local/share/surat"), home.path(".local/state/surat"), home.path(".config/surat")];
    let is_stray = |line: &&str| {
        let is_open = line.contains(" open(") || line.contains(" openat(") || line.contains(" openat2(");
        let only_reads =
            is_open && !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| line.contains(flag));
        let names: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        let is_ours = |name: &&str| {
            let path = Path::new(name);
            let is_plain = path
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::RootDir));
            is_plain
                && (ours.iter().any(|own| path.starts_with(own) || own.starts_with(path)) || path.starts_with("/dev"))
        };
        !only_reads && !names.iter().all(is_ours) && !line.contains("ENOENT")
    };
    calls.lines().filter(is_stray).map(str::to_owned).collect()
}

#[test]
fn three_hundred_hostile_folder_names_are_data_and_nothing_else() {
    let names = hostile_names();
    assert!(names.len() >= 300, "{}", names.len());
    let entry = |name: &Vec<u8>| [format!("* LIST () \"/\" {{{}}}\r\n", name.len()).as_bytes(), name, b"\r\n"].concat();
    let list: Vec<u8> = names.iter().flat_map(entry).collect();
    let server = Script::new().on("LIST", say([&list[..], b"{tag} OK done\r\n"].concat())).start();
    let home = Home::new();
    let address = format!("127.0.0.1:{}", server.port);
    let add = ["account", "add", "a@b.org", "--no-input", "--no-check", "--imap", &address, "--security", "none"];
    home.ok(&[&add[..], &["--password-command", "echo sesame", "--account-name", "work"]].concat());
    // What any account makes, made before the names come.
    home.ok(&["folders"]);
    let before = paths(&home.path(""));
    let (output, calls) = trace(TOUCHING, &home.command(&["sync"]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 1)) && !said.contains("panicked"), "{output:?}");
    assert_eq!(harm(&said), None, "{said}");
    assert_eq!(strays(&calls, &home), Vec::<String>::new());

    let folders = home.json(&["folders"]);
    let listed: BTreeMap<&str, bool> = folders
        .as_array()
        .unwrap()
        .iter()
        .map(|folder| (folder["name"].as_str().unwrap(), folder["selectable"].as_bool().unwrap()))
        .collect();
    let sent = server.record().clear;
    let heard = String::from_utf8_lossy(&sent).into_owned();
    let (mut exact, mut unusable) = (0, 0);
    for name in &names {
        let Ok(path) = std::str::from_utf8(name) else {
            unusable += 1;
            continue;
        };
        let shown = mutf7::decode(path).unwrap_or_else(|| path.to_owned());
        let quoted = format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""));
        let is_asked = ["SELECT", "STATUS", "EXAMINE"].iter().any(|verb| {
            heard.contains(&format!(" {verb} {quoted}"))
                || heard.contains(&format!(" {verb} {path}\r\n"))
                || heard.contains(&format!(" {verb} {path} ("))
        });
        match listed.iter().find(|(name, _)| **name == shown || name.ends_with(&shown)) {
            Some((_, true)) => assert!(is_asked, "{path:?} was not asked for as it is called: {said}"),
            _ => unusable += 1,
        }
        exact += usize::from(is_asked);
    }
    for line in heard.lines().filter(|line| !line.is_empty()) {
        let verb = line.split(' ').nth(1).unwrap_or_default();
        let verbs = [
            "CAPABILITY",
            "LOGIN",
            "LIST",
            "LSUB",
            "STATUS",
            "SELECT",
            "FETCH",
            "UID",
            "ID",
            "ENABLE",
            "LOGOUT",
            "NOOP",
            "IDLE",
        ];
        assert!(verbs.contains(&verb), "a name became a command: {line:?}");
    }

    let calls = tempfile::NamedTempFile::new().unwrap();
    let mut term = Term::start(&traced(TOUCHING, &home.command(&[]), calls.path()), 120, 40);
    term.see("? help");
    term.press("hh");
    for _ in 0..listed.len() {
        term.press("j");
    }
    term.press("\rgf");
    term.see("Go to folder");
    for _ in 0..listed.len() {
        term.press("\u{e}");
    }
    term.press("\u{3}\u{3}qqq");
    let (status, session) = term.end_with_bytes();
    assert_eq!((status, alien(&session)), (0, None));
    assert_eq!(strays(&fs::read_to_string(calls.path()).unwrap(), &home), Vec::<String>::new());

    let made: Vec<PathBuf> = paths(&home.path("")).difference(&before).cloned().collect();
    let ours = [home.path(".local/share/surat"), home.path(".local/state/surat")];
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        ours.iter().any(|own| own.starts_with(path) || (is_plain && path.parent() == Some(own)))
    };
    let foreign: Vec<_> = made.iter().filter(|path| !is_ours(path)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(exact >= 200, "only {exact} of {} names went back to the server", names.len());
    println!(
        "{} hostile folder names: {exact} asked for exactly as the server called them, {unusable} left alone; \
         made beside the store: nothing",
        names.len()
    );
}
