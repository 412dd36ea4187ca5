//! P23: messages made to exhaust a mail program are synced, listed, opened, searched and taken apart by the real one,
//! which is given 200 MiB and no more.

use std::process::Command;

use super::samples::Sample;
use crate::cli::{Home, maildir};
use crate::mail::parse::bombs;
use crate::support::terminal::Term;

/// Bytes of memory that a process may have; one that asks for more ends by it.
const MOST_MEMORY: u64 = 200 << 20;

/// The same command with little memory.
fn confined(command: &Command) -> Command {
    let mut confined = Command::new("prlimit");
    confined.arg(format!("--data={MOST_MEMORY}")).arg("--").arg(command.get_program()).args(command.get_args());
    confined.env_clear().current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        confined.env(name, value.unwrap());
    }
    confined
}

#[test]
fn the_limit_is_one() {
    let mut hungry = Command::new("python3");
    hungry.args(["-c", "print(len(bytes(300 << 20)))"]).env("PATH", "/usr/bin:/bin").current_dir("/");
    let output = confined(&hungry).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("MemoryError"), "{output:?}");
}

#[test]
fn bombs_go_off_in_little_memory() {
    let name = |name: &str| format!("bomb {name}");
    let bombs: Vec<Sample> = bombs()
        .into_iter()
        .enumerate()
        .map(|(at, (kind, bomb))| {
            let first =
                format!("From: ana@toko.example\r\nX-Bomb: {}\r\nMessage-ID: <{at}@toko.example>\r\n", name(kind));
            Sample { name: kind.to_owned(), raw: (first + &bomb).into_bytes() }
        })
        .collect();
    let home = Home::new();
    maildir(&home.path("Mail"), &[]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let run = |arguments: &[&str]| {
        let output = confined(&home.command(arguments)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}: {said}", output.status);
        output.stdout
    };
    for (at, bomb) in bombs.iter().enumerate() {
        std::fs::write(home.path("Mail/cur").join(format!("{}.M{at}.x:2,S", 1_790_000_000 + at)), &bomb.raw).unwrap();
        run(&["sync"]);
    }
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&run(&["list", "--json"])).unwrap();
    assert_eq!(listed.len(), bombs.len());
    run(&["search", "x"]);
    for mail in &listed {
        let id = mail["id"].as_str().unwrap();
        for form in [&["show", id][..], &["show", id, "--json"], &["show", id, "--raw"], &["attachments", id]] {
            run(form);
        }
    }
    let mut term = Term::start(&confined(&home.command(&[])), 120, 40);
    term.see("conversations");
    term.press("gg\r");
    term.see("J next");
    for _ in &bombs {
        term.press("JoH");
        term.press("\u{c}");
    }
    term.press("\u{3}\u{3}qqq");
    let (status, session) = term.end();
    assert!(status == 0 && !session.contains("panicked"), "{status}: {session}");
    println!(
        "{} bombs, the largest of {} bytes, in 200 MiB",
        bombs.len(),
        bombs.iter().map(|bomb| bomb.raw.len()).max().unwrap()
    );
}
