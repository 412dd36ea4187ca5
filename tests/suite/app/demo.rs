//! `surat demo` where there is no terminal, and what is left of it afterwards.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const NOW: &str = "2026-11-23T09:00:00Z";

/// Runs the demo in an environment of its own.
fn demo(home: &Path, arguments: &[&str]) -> Output {
    start(home, arguments).wait_with_output().unwrap()
}

fn start(home: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_surat"))
        .arg("demo")
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("TMPDIR", home.join("tmp"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("tmp")).unwrap();
    home
}

/// Gives the names of everything below a directory.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.display().to_string());
        if path.is_dir() {
            found.extend(tree(&path));
        }
    }
    found
}

#[test]
fn the_demo_walks_by_itself_in_a_pipe_shows_the_same_twice_and_leaves_nothing() {
    // Most of the time goes into reading 12 000 mails in: the two walks do it side by side, each in a home of its own.
    let homes = [home(), home()];
    let [first, second] = homes.each_ref().map(|home| start(home.path(), &["--seed", "7", "--now", NOW]));
    let [first, second] = [first, second].map(|walk| walk.wait_with_output().unwrap());
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    for seen in ["Offsite in Bandung", "second pallet", "from:budi has:attachment", "Archived 1", "Taken back"] {
        assert!(text.contains(seen), "{seen} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "plain text has no escapes");
    for home in &homes {
        assert_eq!(tree(home.path()), vec![home.path().join("tmp").display().to_string()], "nothing is left behind");
    }
    assert_eq!(text, String::from_utf8(second.stdout).unwrap());
}

#[test]
fn a_picture_of_the_demo_is_an_svg_of_its_screen() {
    let home = home();
    let file = home.path().join("screen.svg");
    let made = demo(home.path(), &["--now", NOW, "--size", "80x24", "--picture", file.to_str().unwrap()]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let svg = fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("Offsite in Bandung"));
}
