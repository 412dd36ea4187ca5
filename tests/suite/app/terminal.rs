//! The interface in a real terminal: keys typed, screen read, and the terminal given back sane.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::cli::imap::{add, words};
use crate::cli::mail::{LISTED, PLAIN};
use crate::cli::{Home, maildir};
use crate::support::dovecot::{OnServer, PASSWORD, dovecot};
use crate::support::terminal::Term;
use crate::support::wait_for;

/// Starts the program with a home and a temporary directory of its own.
fn start(home: &Home, columns: u16, rows: u16, arguments: &[&str]) -> Term {
    std::fs::create_dir_all(home.path("tmp")).unwrap();
    let mut command = home.command(arguments);
    command.env("TMPDIR", home.path("tmp"));
    Term::start(&command, columns, rows)
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[test]
fn mail_is_listed_read_archived_and_brought_back_in_a_terminal() {
    let home = Home::new();
    let mut term = start(&home, 80, 24, &["demo"]);
    term.see("Offsite in Bandung");
    term.see("? help");
    // Another inbox may have come first, and the cursor stays with its conversation.
    term.press("gg");
    term.press("\r");
    term.see("second pallet");
    term.press("q");
    term.see("Enter open");
    term.press("e");
    term.see("Archived 1 conversation");
    term.press("z");
    term.see("Taken back");
    term.press("?");
    term.see("Tab all screens");
    term.press("\u{1b}");
    term.wait("the help to close", |screen| !screen.contains("Tab all screens"));
    term.press("q");
    let (status, raw) = term.end();
    assert_eq!(status, 0);
    assert!(raw.contains("\u{1b}[?1049h") && raw.contains("\u{1b}[?1049l"), "the other screen is left again");
    let after = raw.rsplit("\u{1b}[?1049l").next().unwrap();
    assert!(raw.contains("\u{1b}[?1000l") || raw.contains("\u{1b}[?1003l"), "the mouse is let go");
    assert!(after.contains("nothing was kept"), "{after}");
    assert!(is_empty(&home.path("tmp")), "the demo's mail is gone");
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let home = Home::new();
    let mut term = start(&home, 120, 40, &["demo"]);
    term.see("Offsite in Bandung");
    term.wait("the folders", |screen| screen.contains("Folders"));
    for (columns, rows) in [(40, 12), (20, 5), (200, 60), (80, 24)] {
        term.resize(columns, rows);
        let wanted = if columns < 40 { "Surat needs" } else { "Offsite" };
        term.see(wanted);
    }
    term.see("? help");
    term.press("q");
    assert_eq!(term.end().0, 0);
}

/// A key and a new size that come at once are read in one go: neither is lost.
#[test]
fn a_size_that_comes_with_a_key_is_taken() {
    let home = Home::new();
    let mut term = start(&home, 80, 24, &["demo"]);
    term.see("Offsite in Bandung");
    for round in 0..15 {
        let (columns, rows) = if round % 2 == 0 { (120, 40) } else { (80, 24) };
        term.press("GggGgg");
        term.resize(columns, rows);
        term.press("Ggg");
        term.wait("the new size", |screen| {
            let footer = screen.lines().nth(usize::from(rows) - 1).unwrap_or_default();
            footer.ends_with("? help") && footer.chars().count() == usize::from(columns) - 1
        });
    }
    term.press("q");
    assert_eq!(term.end().0, 0);
}

#[test]
fn a_key_and_a_size_that_come_at_once_are_both_heard() {
    let home = Home::new();
    let mut term = start(&home, 120, 40, &["demo"]);
    term.see("Offsite in Bandung");
    for columns in [80, 120].into_iter().cycle().take(10) {
        term.at_once(|term| {
            term.press("?");
            term.resize(columns, 40);
        });
        // The box of help stands in the middle of the new size.
        let begin = usize::from((columns - 84_u16.min(columns - 2)) / 2);
        let stands_right = |line: &str| line.find("╭ Help").is_some_and(|at| line[..at].chars().count() == begin);
        term.wait("help at the new size", |screen| screen.lines().any(stands_right));
        term.press("\u{1b}");
        term.wait("the help to close", |screen| !screen.contains("╭ Help"));
    }
    term.press("q");
    assert_eq!(term.end().0, 0);
}

#[test]
fn after_a_sleep_the_whole_screen_is_there_again() {
    let home = Home::new();
    let mut term = start(&home, 80, 24, &["demo"]);
    term.see("Offsite in Bandung");
    // Nobody can stop a program that has no shell above it: it sleeps for no time and draws everything afresh.
    for key in ["\u{1a}", "\u{c}"] {
        term.press(key);
        term.press("?");
        term.see("Tab all screens");
        term.press("\u{1b}");
        term.wait("the whole list", |screen| {
            !screen.contains("Tab all screens") && screen.contains("Offsite in Bandung") && screen.contains("? help")
        });
        term.see("All inboxes");
    }
    term.press("q");
    let (status, raw) = term.end();
    assert_eq!(status, 0);
    assert!(!raw.contains("\u{1b}[6n"), "the terminal is asked nothing whose answer could be taken for keys");
    assert_eq!(raw.matches("\u{1b}[?1049h").count(), 2, "the other screen was left and taken again");
}

#[test]
fn a_terminated_program_gives_the_terminal_back_and_its_demo_away() {
    let home = Home::new();
    let mut term = start(&home, 80, 24, &["demo"]);
    term.see("Offsite in Bandung");
    term.terminate();
    let (status, raw) = term.end();
    assert_eq!(status, 0);
    assert!(raw.contains("\u{1b}[?1049l"), "the other screen is left again");
    assert!(is_empty(&home.path("tmp")), "the demo's mail is gone");
}

#[test]
fn what_a_command_changes_is_seen_on_a_screen_that_is_open() {
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.one:2,", PLAIN)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home.ok(&["sync"]);
    let mut term = start(&home, 80, 24, &[]);
    term.see("Rapat");
    term.see("1 unread");
    home.ok(&["mark", "--read", home.json(&["list"])[0]["id"].as_str().unwrap()]);
    term.wait("the mail to be read here too", |screen| !screen.contains("1 unread"));
    term.press("q");
    assert_eq!(term.end().0, 0);
    let left = std::fs::read_dir(home.path(".local/share/surat")).unwrap().flatten();
    assert_eq!(left.filter(|file| file.path().extension() == Some("sock".as_ref())).count(), 0);
}

#[test]
fn a_sync_beside_an_open_screen_asks_it_and_gives_its_report() {
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.one:2,", PLAIN)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let mut term = start(&home, 80, 24, &[]);
    term.see("Rapat");
    maildir(&home.path("Mail"), &[("2.two:2,", LISTED)]);
    let said = home.json(&["sync"]);
    assert_eq!((&said["left_to"], &said["accounts"][0]["account"]), (&Value::Null, &"home".into()), "{said}");
    // It may have been found by the open one itself a moment before it was asked.
    assert!(said["accounts"][0]["fetched"].as_u64().is_some_and(|fetched| fetched <= 1), "{said}");
    assert!(home.ok(&["list"]).contains("listed"), "it is here once the answer is");
    term.see("listed");
    term.press("q");
    assert_eq!(term.end().0, 0);

    let mut offline = start(&home, 80, 24, &["--offline"]);
    offline.see("listed");
    assert!(home.fails(75, &["sync"]).contains("leaves the network alone"));
    offline.press("q");
    assert_eq!(offline.end().0, 0);
    assert!(!home.path(".local/share/surat/sync.answers").exists());
}

#[test]
fn what_is_done_on_the_screen_is_on_the_server_and_undone_there() {
    let (home, user) = (Home::new(), dovecot().user("screen"));
    user.deliver("INBOX", &[(PLAIN, "", "")]);
    home.ok(&words(&add(&home, &user, PASSWORD)));
    let mut term = start(&home, 120, 40, &[]);
    term.see("Rapat");
    term.see("online");
    let mut client = user.raw();
    let mut comes = |what: &str, folder: &str, flags: Option<&str>| {
        let is_so = |mails: &[OnServer]| match (mails, flags) {
            ([], None) => true,
            ([one], Some(flags)) => one.raw == PLAIN && one.flags.join(" ") == flags,
            _ => false,
        };
        wait_for(what, Duration::from_secs(60), || is_so(&client.contents(folder)).then_some(()));
    };
    term.press("s");
    term.see("Starred 1 message");
    comes("the star", "INBOX", Some("\\Flagged"));
    term.press("e");
    term.see("Archived 1 conversation");
    comes("the mail in the archive", "Archive", Some("\\Flagged"));
    comes("no mail in the inbox", "INBOX", None);
    term.press("z");
    term.see("Taken back: Archived");
    comes("the mail back in the inbox", "INBOX", Some("\\Flagged"));
    comes("no mail in the archive", "Archive", None);
    term.press("gz");
    term.see("Enter take back");
    term.press("star\r");
    term.see("Taken back: Starred");
    comes("no star", "INBOX", Some(""));
    term.press("FnNew\r");
    term.see("Made the folder New");
    term.wait("the folder in the list", |screen| screen.lines().any(|line| line.starts_with("│   New ")));
    term.press("mnew\r");
    term.see("Moved 1 conversation to New");
    comes("the mail in the new folder", "New", Some(""));
    term.wait("nothing to be said to wait", |screen| !screen.contains("waiting"));
    term.press("q");
    assert_eq!(term.end().0, 0);
    assert_eq!(home.json(&["sync"])["accounts"][0]["pushed"], 0);
}

#[test]
fn what_a_server_loses_comes_back_and_what_it_refuses_is_said() {
    let (home, user) = (Home::new(), dovecot().user("losing"));
    user.deliver_many("Invoices", 60);
    home.ok(&words(&add(&home, &user, PASSWORD)));
    let mut term = start(&home, 120, 40, &[]);
    term.wait("all mail and its text", |screen| screen.contains("online") && screen.contains(" 60 │"));
    let mut client = user.raw();
    let lost = client.contents("Invoices");
    client.run("SELECT Invoices");
    client.run("STORE 1:* +FLAGS (\\Deleted)");
    client.run("EXPUNGE");
    term.press("R");
    term.see("60 messages vanished at once from Invoices");
    assert_eq!(client.contents("Invoices"), []);
    term.press("B");
    term.see("Brought 60 messages back to Invoices");
    let texts = |mails: Vec<OnServer>| {
        let mut texts: Vec<Vec<u8>> = mails.into_iter().map(|mail| mail.raw).collect();
        texts.sort();
        texts
    };
    let lost = texts(lost);
    let back = || (texts(client.contents("Invoices")) == lost).then_some(());
    wait_for("all of it on the server, byte for byte", Duration::from_secs(60), back);

    // Short enough for Surat, too long for a file name in the form in which the server keeps it.
    term.press(&format!("Fn{}\r", "\u{fc}".repeat(120)));
    term.see("The server refused to make the folder");
    term.press("\u{1b}");
    term.wait("the notice to go", |screen| !screen.contains("refused"));
    term.press("q");
    assert_eq!(term.end().0, 0);
}

#[test]
fn a_second_screen_looks_for_news_when_the_first_is_gone() {
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.one:2,", PLAIN)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let mut first = start(&home, 80, 24, &[]);
    first.see("Rapat");
    let mut second = start(&home, 80, 24, &[]);
    second.see("Rapat");
    second.press("R");
    second.see("The other Surat that is open looks for news now");
    first.press("q");
    assert_eq!(first.end().0, 0);
    maildir(&home.path("Mail"), &[("2.two:2,", LISTED)]);
    second.see("listed");
    second.press("q");
    assert_eq!(second.end().0, 0);
}

#[test]
fn a_screen_that_was_put_to_sleep_is_told_of_by_who_asks_it() {
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.one:2,", PLAIN)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let mut term = start(&home, 80, 24, &[]);
    term.see("Rapat");
    term.at_once(|_| {
        let run = home.run(&["sync", "--json"]);
        assert!(run.status == 75 && run.stderr.contains("does not answer (suspended? `fg`)"), "{run:?}");
        assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["left_to"], "another process");
    });
    assert_eq!(home.json(&["sync"])["left_to"], Value::Null);
    term.press("q");
    assert_eq!(term.end().0, 0);
}

#[test]
fn whoever_takes_over_makes_no_account_anew_and_knows_the_new_ones() {
    let home = Home::new();
    let add = |name: &str| {
        maildir(&home.path(name), &[]);
        home.ok(&["account", "add", &format!("a@{name}.org"), "--no-input", "--maildir", name, "--account-name", name]);
    };
    maildir(&home.path("home"), &[("1.one:2,", PLAIN)]);
    add("home");
    add("gone");
    let mut first = start(&home, 120, 40, &[]);
    first.see("Rapat");
    let mut second = start(&home, 120, 40, &[]);
    second.see("Rapat");
    home.ok(&["account", "remove", "gone", "--yes"]);
    add("late");
    first.press("q");
    assert_eq!(first.end().0, 0);
    maildir(&home.path("late"), &[("2.two:2,", LISTED)]);
    second.see("listed");
    second.wait("the accounts of now", |screen| screen.contains("late") && !screen.contains("gone"));
    let store = surat::store::Store::open(&home.path(".local/share/surat")).unwrap();
    let names: Vec<_> = store.accounts().unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["home", "late"]);
    store.close();
    second.press("q");
    assert_eq!(second.end().0, 0);
}

#[test]
fn a_mail_that_is_open_follows_what_a_command_does_to_it() {
    let home = Home::new();
    let reply =
        b"Subject: Re: Rapat\nIn-Reply-To: <one@example.org>\nDate: Mon, 02 Nov 2026 11:00:00 +0700\n\nSetuju.\n";
    maildir(&home.path("Mail"), &[("1.one:2,S", PLAIN), ("2.two:2,S", reply)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home.ok(&["sync"]);
    let mut term = start(&home, 80, 24, &[]);
    term.see("Rapat");
    term.press("\r");
    term.see("Setuju");
    term.see("in this conversation");
    assert!(!term.text().contains('★'), "{}", term.text());
    home.ok(&["mark", "--flagged", home.json(&["list"])[0]["id"].as_str().unwrap()]);
    term.see("★");
    term.press("q");
    term.see("? help");
    term.press("q");
    assert_eq!(term.end().0, 0);
}

#[test]
fn without_an_account_the_screen_says_how_to_begin() {
    let home = Home::new();
    let mut term = start(&home, 80, 24, &[]);
    term.see("surat demo");
    term.see("surat account add");
    term.press("q");
    assert_eq!(term.end().0, 0);
}
