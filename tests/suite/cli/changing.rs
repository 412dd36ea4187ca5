//! The commands that change: folders, copies, other accounts, the list of changes; on Maildirs and on a real server.

use serde_json::{Value, json};

use crate::cli::imap::{add, words};
use crate::cli::mail::{PLAIN, id_of, messages, sorted, subjects};
use crate::cli::{Home, maildir};
use crate::support::dovecot::{PASSWORD, dovecot};

const OTHER: &[u8] = b"Subject: other\nMessage-ID: <other@example.org>\n\nx\n";

/// A home with two Maildirs that are in step.
fn two_accounts() -> Home {
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.a.x:2,", PLAIN)]);
    maildir(&home.path("Mail/.Lists.rust"), &[]);
    maildir(&home.path("Other"), &[("9.z.x:2,", OTHER)]);
    maildir(&home.path("Other/.Bills"), &[]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home.ok(&["account", "add", "b@other.org", "--no-input", "--maildir", "Other"]);
    home.ok(&["sync"]);
    home
}

fn folders(home: &Home) -> Vec<String> {
    let listed = home.json(&["folders"]);
    let name = |it: &Value| format!("{}/{}", it["account"].as_str().unwrap(), it["name"].as_str().unwrap());
    listed.as_array().unwrap().iter().map(name).collect()
}

fn done(document: &Value) -> &str {
    assert_eq!((&document["waiting"], &document["refused"]), (&json!(0), &json!([])), "{document}");
    document["done"][0].as_str().unwrap()
}

#[test]
fn folders_are_made_named_and_removed_on_disk_too() {
    let home = two_accounts();
    let is_there = |name: &str| home.path("Mail").join(name).join("cur").is_dir();
    let made = home.json(&["folders", "create", "home/Invoices/2027"]);
    assert_eq!(done(&made), "Made the folder Invoices/2027");
    assert!(is_there(".Invoices.2027"));
    home.ok(&["folders", "rename", "Invoices/2027", "Bills", "--account", "home"]);
    assert!(is_there(".Bills") && !is_there(".Invoices.2027"));
    let id = id_of(&home, "one@example.org");
    home.ok(&["move", &id, "Bills"]);
    let removed = home.json(&["folders", "delete", "home/Bills"]);
    assert_eq!(done(&removed), "Removed the folder Bills, its 1 message went to Trash");
    assert!(!is_there(".Bills"));
    assert_eq!(subjects(&home.json(&["list", "--folder", "trash", "--account", "home"])), ["Rapat b\u{e9}sok"]);
    home.ok(&["undo"]);
    assert!(is_there(".Bills"));
    assert_eq!(messages(&home.path("Mail/.Bills")), [PLAIN]);
    assert_eq!(folders(&home).iter().filter(|name| name.ends_with("/Bills")).count(), 2);
}

#[test]
fn what_a_maildir_does_not_have_is_refused() {
    let home = two_accounts();
    let run = home.run(&["folders", "unsubscribe", "rust"]);
    let refused = "The server refused to change the subscription of Lists/rust: a Maildir shows all its folders.";
    assert!(run.status == 0 && run.stderr.contains(refused), "{run:?}");
    let listed = home.json(&["folders", "--account", "home"]);
    assert!(listed.as_array().unwrap().iter().all(|folder| folder["subscribed"] == json!(true)), "{listed}");
}

#[test]
fn which_folder_is_meant_is_never_guessed() {
    let home = two_accounts();
    home.ok(&["folders", "create", "Bills", "--account", "home"]);
    let before = folders(&home);
    let refused = home.fails(2, &["folders", "delete", "Bills"]);
    assert!(refused.contains("\"Bills\" may be home/Bills or other/Bills; write it so"), "{refused}");
    let refused = home.fails(2, &["folders", "create", "New"]);
    assert!(refused.contains("--account NAME; there is home, other"), "{refused}");
    assert!(home.fails(2, &["folders", "rename", "Bils", "X"]).contains("did you mean \"Bills\"?"));
    assert!(home.fails(1, &["folders", "create", "home/Bills"]).contains("Bills"), "it is there");
    assert!(home.fails(1, &["folders", "delete", "home/INBOX"]).contains("cannot be removed"));
    assert!(home.fails(1, &["folders", "rename", "home/INBOX", "X"]).contains("cannot be renamed"));
    assert!(home.fails(1, &["folders", "rename", "home/Bills", "Bills/old"]).contains("itself"));
    assert_eq!(folders(&home), before);
}

#[test]
fn mail_is_copied_and_moved_to_another_account_byte_for_byte() {
    let home = two_accounts();
    let id = id_of(&home, "one@example.org");
    let moved = home.json(&["move", &id, "other/INBOX"]);
    assert_eq!(done(&moved), "Moved 1 message to INBOX in other");
    assert_eq!(messages(&home.path("Other")), sorted(&[PLAIN, OTHER]));
    assert_eq!(messages(&home.path("Mail")), [b""; 0], "it is gone where it was");
    home.ok(&["undo"]);
    assert_eq!((messages(&home.path("Other")), messages(&home.path("Mail"))), (sorted(&[OTHER]), sorted(&[PLAIN])));
    assert_eq!(done(&home.json(&["copy", &id, "rust"])), "Copied 1 message to Lists/rust");
    assert_eq!((messages(&home.path("Mail/.Lists.rust")).len(), messages(&home.path("Mail")).len()), (1, 1));
    home.ok(&["undo"]);
    assert_eq!((messages(&home.path("Mail/.Lists.rust")).len(), messages(&home.path("Mail")).len()), (0, 1));
    let copied = home.json(&["copy", &id, "other/Bills"]);
    assert_eq!((done(&copied), &copied["emails"]), ("Copied 1 message to Bills in other", &json!(1)));
    assert_eq!(messages(&home.path("Other/.Bills")), [PLAIN]);
    assert_eq!(messages(&home.path("Mail")), [PLAIN], "it stays where it was");
    let undone = home.run(&["undo"]);
    assert!(undone.stderr.contains("1 change waits in \"other\": what is deleted for good waits 30 s"), "{undone:?}");
    assert_eq!(subjects(&home.json(&["list", "--folder", "Bills"])), [""; 0]);
    // Its own folder comes first, whatever accounts are called.
    assert!(home.fails(2, &["move", &id, "Bills"]).contains("there is no folder \"Bills\" in \"home\""));
    assert!(home.fails(2, &["copy", &id, "other/Nowhere"]).contains("there is no folder \"Nowhere\" in \"other\""));
}

#[test]
fn any_change_of_the_list_is_taken_back() {
    let home = two_accounts();
    assert_eq!(home.json(&["history"]), json!([]));
    let (one, other) = (id_of(&home, "one@example.org"), id_of(&home, "other@example.org"));
    home.ok(&["mark", &one, "--flagged"]);
    home.ok(&["mark", &other, "--seen"]);
    home.ok(&["archive", &one]);
    let history = home.json(&["history"]);
    let what: Vec<&str> = history.as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["Archived 1 message", "Marked 1 message as read", "Starred 1 message"]);
    let star = history[2]["id"].as_str().unwrap();
    assert!(history[2]["at"].as_str().unwrap().ends_with('Z') && history[2]["undone"] == json!(false), "{history}");
    assert_eq!(done(&home.json(&["undo", star])), "Undone: Starred 1 message");
    let shown = home.json(&["show", &one]);
    assert_eq!((&shown["flags"], &shown["folders"]), (&json!([]), &json!(["Archive"])), "{shown}");
    assert_eq!(home.json(&["history"])[2]["undone"], json!(true));
    let again = home.run(&["undo", star]);
    assert!(again.status == 0 && again.stderr.contains("taken back already"), "{again:?}");
    assert!(home.fails(1, &["undo", "99"]).contains("there is no change 99"));
    assert!(home.fails(1, &["undo", "last"]).contains("`surat history` lists them"));
    home.ok(&["undo"]);
    assert_eq!(home.json(&["show", &one])["folders"], json!(["INBOX"]), "the last one that was not taken back");
    assert_eq!(home.json(&["history", "--limit", "1"]).as_array().unwrap().len(), 1);
    let plain = home.ok(&["history"]);
    assert_eq!(plain.lines().filter(|line| line.contains("taken back")).count(), 2, "{plain}");
}

#[test]
fn changes_are_on_the_server_when_the_command_ends() {
    let (home, user) = (Home::new(), dovecot().user("changing"));
    user.deliver("INBOX", &[(PLAIN, "", "")]);
    home.ok(&words(&add(&home, &user, PASSWORD)));
    maildir(&home.path("Other"), &[]);
    home.ok(&["account", "add", "b@other.org", "--no-input", "--maildir", "Other"]);
    home.ok(&["sync"]);
    let mut client = user.raw();
    let id = id_of(&home, "one@example.org");

    assert_eq!(done(&home.json(&["mark", &id, "--flagged"])), "Starred 1 message");
    assert_eq!(client.contents("INBOX")[0].flags, ["\\Flagged"]);
    done(&home.json(&["folders", "create", "work/Invoices/2027"]));
    done(&home.json(&["move", &id, "2027"]));
    assert_eq!((client.contents("INBOX").len(), client.contents("Invoices/2027").len()), (0, 1));
    done(&home.json(&["folders", "unsubscribe", "2027"]));
    let is_subscribed = |client: &mut crate::support::dovecot::RawClient| {
        client.run("LSUB \"\" *").iter().any(|answer| answer.text.contains("Invoices/2027"))
    };
    assert!(!is_subscribed(&mut client));
    done(&home.json(&["undo"]));
    assert!(is_subscribed(&mut client));
    done(&home.json(&["folders", "rename", "Invoices/2027", "Bills"]));
    assert_eq!(client.contents("Bills").len(), 1);
    done(&home.json(&["copy", &id, "archive"]));
    assert_eq!((client.contents("Bills").len(), client.contents("Archive").len()), (1, 1));
    done(&home.json(&["undo"]));
    assert_eq!(client.contents("Archive").len(), 0);
    done(&home.json(&["folders", "delete", "Bills"]));
    assert_eq!(client.contents("Trash").len(), 1);
    assert!(client.try_run("EXAMINE Bills").1.starts_with("NO"));
    done(&home.json(&["undo"]));
    assert_eq!((client.contents("Trash").len(), client.contents("Bills").len()), (0, 1));
    let bill = &client.contents("Bills")[0];
    assert_eq!((bill.raw.as_slice(), bill.flags.as_slice()), (PLAIN, &["\\Flagged".to_owned()][..]));

    done(&home.json(&["move", &id, "other/INBOX"]));
    assert_eq!((client.contents("Bills").len(), messages(&home.path("Other"))), (0, vec![PLAIN.to_vec()]));
    done(&home.json(&["undo"]));
    assert_eq!((client.contents("Bills").len(), messages(&home.path("Other")).len()), (1, 0));
    assert_eq!(home.json(&["sync"])["accounts"][0]["pushed"], json!(0), "nothing is left to do");
}

#[test]
fn what_a_server_refuses_is_said_in_its_words_and_goes_back() {
    let (home, user) = (Home::new(), dovecot().user("refusing"));
    user.deliver("INBOX", &[(PLAIN, "", "")]);
    home.ok(&words(&add(&home, &user, PASSWORD)));
    home.ok(&["sync"]);
    let before = folders(&home);
    // Short enough for Surat, too long for a file name in the form in which the server keeps it.
    let name = "\u{fc}".repeat(120);
    let run = home.run(&["folders", "create", &name, "--json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let refused = document["refused"][0].as_str().unwrap_or_else(|| panic!("{run:?}"));
    assert!(refused.starts_with(&format!("The server refused to make the folder {name}: ")), "{run:?}");
    assert!(run.stderr.contains(refused) && run.status == 0, "{run:?}");
    assert_eq!(document["waiting"], json!(0));
    assert_eq!(folders(&home), before);
}
