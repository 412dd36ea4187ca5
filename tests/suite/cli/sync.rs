//! One Maildir from its first sync to its export, by the real program; and syncs that fail.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use surat::config::lock::SyncLock;

use crate::cli::mail::{ATTACHED, BARE, HOSTILE, LISTED, PLAIN, id_of, messages, sorted, subjects};
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

fn names(folder: &Path) -> Vec<String> {
    let files = ["cur", "new"].into_iter().flat_map(|part| fs::read_dir(folder.join(part)).unwrap());
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
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
fn a_change_waits_where_it_may_not_travel_and_says_so() {
    let home = new_home();
    sync(&home);
    let id = id_of(&home, "one@example.org");
    let before = names(&home.path("Mail"));
    let run = home.run(&["mark", &id, "--seen", "--offline"]);
    assert!(run.status == 0 && run.stderr.contains("1 change waits in \"home\": --offline"), "{run:?}");
    let lock = SyncLock::try_take(&home.path(".local/share/surat")).unwrap().unwrap();
    let run = home.run(&["mark", &id, "--flagged"]);
    assert!(run.status == 0 && run.stderr.contains("1 change waits in \"home\": another Surat is running"), "{run:?}");
    assert_eq!(names(&home.path("Mail")), before);
    let run = home.run(&["sync", "--json"]);
    assert!(run.status == 0 && run.stderr.contains("another Surat is running"), "{run:?}");
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
    assert!(home.fails(2, &["sync", "--account", "hom"]).contains("did you mean \"home\"?"));
    let run = home.run(&["sync", "--offline"]);
    assert!(run.status == 0 && run.stderr.contains("--offline: no server was asked"), "{run:?}");
}
