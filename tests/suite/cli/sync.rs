//! One Maildir from its first sync to its export, by the real program; and syncs that fail.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use surat::config::lock::{Stay, SyncLock};

use crate::cli::mail::{ATTACHED, BARE, HOSTILE, LISTED, PLAIN, id_of, messages, names, sorted, subjects};
use crate::cli::{Home, maildir};

/// A home with a Maildir account that was never synced.
fn new_home() -> Home {
    let home = Home::new();
    let samples = [("1.a.x:2,", PLAIN), ("2.b.x:2,F", HOSTILE), ("3.c.x:2,RS", ATTACHED), ("4.d.x:2,S", BARE)];
    maildir(&home.path("Mail"), &samples);
    maildir(&home.path("Mail/.Archive"), &[]);
    maildir(&home.path("Mail/.Trash"), &[]);
    maildir(&home.path("Mail/.Lists.rust"), &[("5.e.x:2,S", LISTED)]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home
}

fn sync(home: &Home) -> Value {
    let document = home.json(&["sync"]);
    assert_eq!(document["left_to"], Value::Null, "{document}");
    document["accounts"][0].clone()
}

#[test]
fn a_maildir_comes_here_once_and_goes_out_byte_for_byte() {
    let home = new_home();
    let report = sync(&home);
    assert_eq!((&report["account"], &report["fetched"], &report["error"]), (&json!("home"), &json!(5), &Value::Null));
    for key in ["deleted_on_server", "pushed", "sent", "bytes_in", "bytes_out", "seconds"] {
        assert!(report[key].is_number(), "{key}: {report}");
    }
    assert_eq!(sync(&home)["fetched"], json!(0), "the second time nothing is new");
    assert_eq!(subjects(&home.json(&["list"])).len(), 4);
    assert_eq!(subjects(&home.json(&["search", "interesting"])), ["Rapat b\u{e9}sok"]);
    home.ok(&["export", "--maildir", "out"]);
    assert_eq!(messages(&home.path("out")), sorted(&[PLAIN, HOSTILE, ATTACHED, BARE]));
    assert_eq!(messages(&home.path("out/.Lists.rust")), [LISTED]);
}

#[test]
fn a_change_reaches_the_maildir_before_the_command_ends() {
    let home = new_home();
    sync(&home);
    let id = id_of(&home, "one@example.org");
    let marked = home.json(&["mark", &id, "--seen"]);
    assert_eq!((&marked["emails"], &marked["waiting"]), (&json!(1), &json!(0)), "{marked}");
    assert!(names(&home.path("Mail")).iter().any(|name| name.starts_with("1.a.x") && name.ends_with('S')));
    home.ok(&["archive", &id]);
    assert_eq!(names(&home.path("Mail/.Archive")).len(), 1);
    home.ok(&["undo"]);
    assert_eq!((names(&home.path("Mail/.Archive")).len(), names(&home.path("Mail")).len()), (0, 4));
    home.ok(&["delete", &id]);
    assert_eq!(messages(&home.path("Mail/.Trash")), [PLAIN]);
    let report = sync(&home);
    assert_eq!((&report["fetched"], &report["pushed"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(subjects(&home.json(&["list", "--folder", "trash"])), ["Rapat b\u{e9}sok"]);
}

#[test]
fn a_change_tells_of_its_own_account_alone() {
    let home = new_home();
    maildir(&home.path("Other"), &[("9.z.x:2,", b"Subject: other\nMessage-ID: <other@example.org>\n\nx\n")]);
    home.ok(&["account", "add", "b@other.org", "--no-input", "--maildir", "Other"]);
    sync(&home);
    let (other, own) = (id_of(&home, "other@example.org"), id_of(&home, "one@example.org"));
    let waits = home.run(&["mark", &other, "--seen", "--offline"]);
    assert!(waits.stderr.contains("1 change waits in \"other\""), "{waits:?}");
    for command in [&["mark", &own, "--seen", "--offline"][..], &["mark", &own, "--flagged"], &["undo", "--offline"]] {
        let run = home.run(command);
        assert!(run.status == 0 && !run.stderr.contains("\"other\""), "{command:?}: {run:?}");
    }
    let refused = home.fails(2, &["move", &own, &other, "Archive"]);
    assert!(refused.contains("there is no folder \"Archive\" in \"other\""), "{refused}");
}

#[test]
fn nothing_is_taken_back_in_an_account_that_was_removed() {
    let home = new_home();
    maildir(&home.path("Other"), &[]);
    home.ok(&["account", "add", "b@other.org", "--no-input", "--maildir", "Other"]);
    sync(&home);
    home.ok(&["mark", &id_of(&home, "one@example.org"), "--seen"]);
    home.ok(&["account", "remove", "home", "--yes"]);
    let run = home.run(&["undo"]);
    assert!(run.status == 0 && run.stderr.contains("Nothing to undo."), "{run:?}");
    assert!(names(&home.path("Mail")).iter().any(|name| name.starts_with("1.a.x") && name.ends_with('S')));
}

#[test]
fn a_change_waits_where_it_may_not_travel_and_says_so() {
    let home = new_home();
    sync(&home);
    let id = id_of(&home, "one@example.org");
    let before = names(&home.path("Mail"));
    let run = home.run(&["mark", &id, "--seen", "--offline"]);
    assert!(run.status == 0 && run.stderr.contains("1 change waits in \"home\": --offline"), "{run:?}");
    let lock = SyncLock::try_take(&home.path(".local/share/surat"), Stay::Lasting).unwrap().unwrap();
    let run = home.run(&["mark", &id, "--flagged"]);
    assert!(run.status == 0 && run.stderr.contains("1 change waits in \"home\": another Surat is running"), "{run:?}");
    assert_eq!(names(&home.path("Mail")), before);
    // It might have begun just now, and answer in a moment.
    let run = home.run(&["sync", "--json"]);
    assert!(run.status == 75 && run.stderr.contains("another Surat is running"), "{run:?}");
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["left_to"], json!("another process"));
    drop(lock);
    assert!(sync(&home)["pushed"].as_u64().unwrap() > 0);
    assert!(names(&home.path("Mail")).iter().any(|name| name.starts_with("1.a.x") && name.ends_with("FS")));
}

#[test]
fn a_sync_that_fails_says_for_which_account_and_how_far() {
    let home = new_home();
    home.ok(&["account", "add", "b@gone.org", "--no-input", "--no-check", "--maildir", "Nowhere"]);
    let run = home.run(&["sync"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.starts_with("home: 5 new"), "{run:?}");
    assert!(run.stderr.contains("gone: opening the Maildir"), "{run:?}");
    let run = home.run(&["sync", "--account", "gone", "--json"]);
    assert_eq!(run.status, 1, "{run:?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(document["accounts"][0]["error"].is_string(), "{document}");
    assert_eq!(document["left_to"], Value::Null, "{document}");
    assert!(home.ok(&["sync", "--help"]).contains("\"left_to\" says why"), "the document is explained");
    assert!(home.fails(2, &["sync", "--account", "hom"]).contains("did you mean \"home\"?"));
    let run = home.run(&["sync", "--offline"]);
    assert!(run.status == 0 && run.stderr.contains("--offline: no server was asked"), "{run:?}");
}

#[test]
fn attachments_are_saved_beside_what_is_there_and_nowhere_else() {
    let home = new_home();
    sync(&home);
    let id = id_of(&home, "three@example.org");
    let listed = home.json(&["attachments", &id]);
    let expected = json!([{
        "number": 1, "name": "invoice.pdf", "media_type": "application/pdf", "size": 9, "inline": false
    }]);
    assert_eq!(listed, expected);
    assert_eq!(home.json(&["show", &id])["attachments"], expected, "the same numbers everywhere");
    assert_eq!(home.ok(&["attachments", &id]), "1. invoice.pdf (application/pdf, 9 bytes)\n");
    for name in ["invoice.pdf", "invoice (2).pdf"] {
        let path = format!("saved/{name}");
        assert_eq!(home.ok(&["attachments", &id, "--save", "saved"]), format!("{path}\n"));
        assert_eq!(fs::read(home.path(&path)).unwrap(), b"%PDF-1.4\n");
    }
    assert!(!home.path("invoice.pdf").exists());
    let run = home.run(&["attachments", &id_of(&home, "one@example.org"), "--save", "none"]);
    assert!(run.status == 0 && run.stdout.is_empty() && run.stderr.contains("nothing is attached"), "{run:?}");
    assert!(!home.path("none").exists());
    assert!(home.fails(1, &["attachments", "zzz"]).contains("no mail with the id zzz"));
}

#[test]
fn a_mail_is_shown_in_each_of_its_forms() {
    let home = new_home();
    sync(&home);
    let id = id_of(&home, "one@example.org");
    let plain = home.ok(&["show", &id]);
    assert!(plain.starts_with("From: Budi Santoso <budi@example.org>\n"), "{plain}");
    assert!(plain.contains("Subject: Rapat b\u{e9}sok\n") && plain.contains("\nSelamat pagi,\n"), "{plain}");
    assert_eq!(home.ok(&["show", &id, "--text"]), plain);
    assert!(home.fails(1, &["show", &id, "--html"]).contains("has no HTML part"));
    let shown = home.json(&["show", &id]);
    assert_eq!(shown["cc"], json!([{"name": null, "addr": "c@example.org"}]));
    assert!(shown["text"].as_str().unwrap().contains("From here on it gets interesting."), "{shown}");
    assert_eq!(shown["flags"], json!([]), "showing marks nothing");
}

#[test]
fn nothing_that_a_terminal_obeys_comes_out_of_a_mail() {
    let home = new_home();
    sync(&home);
    let id = id_of(&home, "two@example.org");
    for command in
        [&["list"][..], &["search", "in:inbox"], &["show", &id], &["list", "--json"], &["show", &id, "--json"]]
    {
        let out = home.ok(command);
        assert!(out.contains("red"), "{command:?}: {out}");
        let bad: Vec<char> = out.chars().filter(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}').collect();
        assert!(bad.is_empty(), "{command:?}: {bad:?} in {out:?}");
    }
}

#[test]
fn doctor_looks_into_the_store_and_at_the_account() {
    let home = new_home();
    sync(&home);
    let found = home.json(&["doctor"]);
    assert_eq!(found["ok"], json!(true), "{found}");
    let steps = |area: &str| -> Vec<Value> {
        let area = found["areas"].as_array().unwrap().iter().find(|it| it["area"] == area).unwrap();
        area["steps"].as_array().unwrap().clone()
    };
    let store: Vec<_> = steps("store").iter().map(|step| step["step"].as_str().unwrap().to_owned()).collect();
    assert_eq!(store, ["open", "pages", "lists", "holds"]);
    assert!(steps("store")[3]["detail"].as_str().unwrap().starts_with("5 messages, 5 with text"), "{found}");
    let account = steps("account home");
    assert_eq!((&account[0]["step"], &account[1]["step"]), (&json!("folder"), &json!("folders")));
    assert!(account[1]["detail"].as_str().unwrap().contains("inbox = "), "{found}");
    fs::write(home.path(".local/share/surat/surat.db"), "this is no database at all, but long enough to be one")
        .unwrap();
    let run = home.run(&["doctor"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("✗ open"), "{run:?}");
}

#[test]
fn a_log_is_written_where_it_is_asked_for() {
    let home = new_home();
    home.ok(&["sync", "--log", "debug"]);
    assert!(home.path(".local/state/surat/surat.log").exists());
}

#[test]
fn removing_an_account_takes_its_mail_along_and_leaves_the_maildir_alone() {
    let home = new_home();
    sync(&home);
    let before = messages(&home.path("Mail"));
    home.ok(&["account", "remove", "home", "--yes"]);
    assert_eq!(home.json(&["account", "list"]), json!([]));
    let add = ["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"];
    home.ok(&add);
    assert_eq!(home.json(&["list"]), json!([]), "nothing of it was left here");
    assert_eq!(sync(&home)["fetched"], json!(5));
    home.ok(&["account", "remove", "home", "--keep-mail", "--yes"]);
    home.ok(&add);
    assert_eq!(subjects(&home.json(&["list"])).len(), 4, "what was to be kept is kept");
    assert_eq!(messages(&home.path("Mail")), before);
}

#[test]
fn an_interrupted_sync_says_so_and_ends_with_130() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = silent.local_addr().unwrap().to_string();
    let home = Home::new();
    let add = ["account", "add", "a@b.org", "--no-input", "--no-check", "--imap", &place, "--security", "none"];
    home.ok(&[&add[..], &["--password-command", "echo sesame"]].concat());
    let child = home.command(&["sync"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Once it is connected it waits for a greeting that never comes.
    let connection = silent.accept().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(connection);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "surat: interrupted; nothing is lost\n");
    assert!(
        SyncLock::try_take(&home.path(".local/share/surat"), Stay::Lasting).unwrap().is_some(),
        "the lock is free again"
    );
}
