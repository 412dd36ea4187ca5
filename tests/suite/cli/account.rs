//! `surat account`: what is written, what is refused, what stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::cli::{Home, maildir};
use crate::support::terminal::Term;

const IMAP: [&str; 9] = [
    "account",
    "add",
    "ayu@example.org",
    "--no-input",
    "--no-check",
    "--imap",
    "imap.example.org",
    "--password-command",
    "pass show mail",
];

#[test]
fn what_is_missing_is_named() {
    let home = Home::new();
    let cases: [(&[&str], &str); 4] = [
        (&["account", "add", "--no-input"], "needs EMAIL and one of --imap HOST, --pop3 HOST, --maildir DIR"),
        (&["account", "add", "a@b.org", "--no-input"], "needs one of --imap HOST, --pop3 HOST, --maildir DIR;"),
        (&["account", "add", "a@b.org", "--no-input", "--pop3", "h.org"], "--leave-on-server never|always|DAYS"),
        (&["account", "add", "--no-input", "--imap", "h.org"], "needs EMAIL;"),
    ];
    for (arguments, expected) in cases {
        let stderr = home.fails(2, arguments);
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
    assert!(!home.config_file().exists());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let home = Home::new();
    let add = ["account", "add", "a@b.org", "--no-input", "--no-check"];
    let cases: [(&[&str], &str); 8] = [
        (&["--imap", "h.org", "--security", "none"], "for this computer only"),
        (&["--imap", "h.org", "--security", "tsl"], "did you mean tls?"),
        (&["--imap", "imaps://h.org"], "is no server; write HOST or HOST:PORT"),
        (&["--imap", "h.org", "--maildir", "/x"], "cannot both be said"),
        (&["--imap", "h.org", "--account-name", "a b"], "an account's name is made of letters"),
        (&["--imap", "h.org", "--password-command", "pass 'x"], "has a quote that is not closed"),
        (&["--imap", "h.org", "--leave-on-server", "never"], "belongs to --pop3"),
        (&["--imap", "h.org:0"], "is no server"),
    ];
    for (rest, expected) in cases {
        let stderr = home.fails(2, &[&add[..], rest].concat());
        assert!(stderr.contains(expected), "{rest:?}: {stderr}");
    }
    let no_address = home.fails(2, &["account", "add", "ayu", "--no-input", "--imap", "h.org"]);
    assert!(no_address.contains("ayu: this is no e-mail address: it needs an @, as ayu@example.org"), "{no_address}");
    assert!(!home.config_file().exists());
}

#[test]
fn an_account_is_written_privately_and_listed() {
    let home = Home::new();
    let added = home.run(&IMAP);
    assert_eq!((added.status, added.stdout.as_str()), (0, ""), "words go to standard error");
    assert!(added.stderr.contains("next: surat\n") && added.stderr.contains("surat sync\n"), "{added:?}");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.config_file()), 0o600);
    assert_eq!(mode(home.path(".config/surat")), 0o700);
    assert_eq!(
        home.json(&["account", "list"]),
        json!([{
            "name": "example", "email": "ayu@example.org", "kind": "imap", "place": "imap.example.org:993",
            "enabled": true
        }])
    );
    assert!(home.ok(&["account", "list"]).starts_with("example  ayu@example.org  imap  imap.example.org:993"));
}

#[test]
fn an_account_that_is_there_is_never_clobbered() {
    let home = Home::new();
    home.ok(&IMAP);
    let before = fs::read(home.config_file()).unwrap();
    let same_name = [&IMAP[..], &["--account-name", "example"]].concat();
    assert!(home.fails(2, &same_name).contains("already an account \"example\""));
    assert_eq!(fs::read(home.config_file()).unwrap(), before);
    assert!(home.fails(2, &IMAP).contains("is account \"example\" already"), "the same mail is not fetched twice");
    assert_eq!(fs::read(home.config_file()).unwrap(), before);
    home.ok(&[&IMAP[..], &["--username", "another"]].concat());
    let names: Vec<_> = home.json(&["account", "list"]).as_array().unwrap().iter().map(|a| a["name"].clone()).collect();
    assert_eq!(names, ["example", "example2"], "without a name another one is found");
}

#[test]
fn comments_and_order_survive() {
    let home = Home::new();
    let by_hand = "# mine\n\n[ui]\ntheme = \"dark\"  # easy\n\n# old\n[accounts.old]\nemail = 'a@b.org'\n\
                   maildir.path = \"/var/mail/a\"\n\n# keys at the end\n[keys]\nquit = \"Q\"\n";
    home.write_config(by_hand);
    home.ok(&IMAP);
    let text = fs::read_to_string(home.config_file()).unwrap();
    let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut rest = lines(&text).into_iter();
    assert!(lines(by_hand).iter().all(|line| rest.any(|other| other == *line)), "{text}");
    home.ok(&["account", "remove", "example", "--yes"]);
    assert_eq!(fs::read_to_string(home.config_file()).unwrap(), by_hand);
    assert!(home.fails(2, &["account", "remove", "odl"]).contains("did you mean \"old\"?"));
}

#[test]
fn other_places_are_used_when_they_are_said() {
    let home = Home::new();
    home.ok(&[&["--config", "here/my.toml", "--data-dir", "there"], &IMAP[..]].concat());
    assert!(home.path("here/my.toml").exists());
    assert!(!home.config_file().exists());
    assert_eq!(home.json(&["--config", "here/my.toml", "account", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_others_may_write_runs_no_command() {
    let home = Home::new();
    home.write_config(
        "[accounts.a]\nemail = \"a@b.org\"\n[accounts.a.imap]\nhost = \"localhost\"\nport = 1\nsecurity = \"none\"\n\
         password = { command = \"touch ran\" }\n",
    );
    fs::set_permissions(home.config_file(), fs::Permissions::from_mode(0o666)).unwrap();
    let stderr = home.fails(2, &["account", "check"]);
    assert!(stderr.contains("chmod 600"), "{stderr}");
    assert!(!home.path("ran").exists());
}

#[test]
fn pop3_is_kept_and_said_to_come_later() {
    let home = Home::new();
    home.ok(&["account", "add", "a@b.org", "--no-input", "--no-check", "--pop3", "p.org", "--leave-on-server", "14"]);
    assert!(fs::read_to_string(home.config_file()).unwrap().contains("leave_on_server = 14"));
    let run = home.run(&["account", "check"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains("POP3, which this version of Surat cannot do yet"), "{run:?}");
}

#[test]
fn removing_asks_and_says_what_goes_and_what_stays() {
    let home = Home::new();
    home.ok(&IMAP);
    let before = fs::read(home.config_file()).unwrap();
    let refused = home.fails(2, &["account", "remove", "example"]);
    assert!(refused.contains("nothing was removed") && refused.contains("--yes"), "{refused}");
    for (answer, status, words) in [("\r", 1, "nothing was removed"), ("yes\r", 0, "removed \"example\"")] {
        assert_eq!(fs::read(home.config_file()).unwrap(), before);
        let mut terminal = Term::start(&home.command(&["account", "remove", "example"]), 120, 24);
        terminal.see("Type yes to remove it:");
        let asked = terminal.text();
        assert!(asked.contains("Remove the account \"example\" (ayu@example.org)?"), "{asked}");
        assert!(asked.contains("goes:  its settings in ") && asked.contains("stays: the mail at imap.example.org:993"));
        terminal.press(answer);
        let (ended, written) = terminal.end();
        assert!(ended == status && written.contains(words), "{answer:?}: {ended} {written}");
    }
    assert_eq!(home.json(&["account", "list"]), json!([]));
    home.ok(&IMAP);
    let removed = home.json(&["account", "remove", "example", "--yes", "--keep-mail"]);
    assert_eq!(removed, json!({"removed": "example", "kept_mail": true}));
}

#[test]
fn an_account_that_does_not_work_is_not_written_down() {
    let home = Home::new();
    let pop3 = ["account", "add", "a@b.org", "--no-input", "--pop3", "p.org", "--leave-on-server", "never"];
    let stderr = home.fails(1, &pop3);
    assert!(stderr.contains("POP3 is not done by this version") && stderr.contains("use --imap HOST"), "{stderr}");
    assert!(!home.config_file().exists());
}

#[test]
fn a_maildir_that_is_not_there_is_not_written_down() {
    let home = Home::new();
    let stderr = home.fails(2, &["account", "add", "a@b.org", "--no-input", "--maildir", "nowhere"]);
    assert!(stderr.contains("there is no directory"), "{stderr}");
    assert!(!home.config_file().exists());
}

#[test]
fn a_maildir_is_tried_and_then_written_down() {
    let home = Home::new();
    maildir(&home.path("Mail"), &[]);
    home.ok(&["account", "add", "a@b.org", "--no-input", "--maildir", "Mail"]);
    let checked = home.json(&["account", "check"]);
    assert_eq!(checked[0]["ok"], json!(true), "{checked}");
    assert_eq!(checked[0]["account"], json!("b"));
}

#[test]
fn a_server_that_is_not_there_now_may_be_there_later() {
    let home = Home::new();
    // A port on which nothing listens: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = format!("127.0.0.1:{port}");
    let mut add =
        vec!["account", "add", "a@b.org", "--no-input", "--imap", &place, "--password-command", "echo secret"];
    let stderr = home.fails(75, &add);
    assert!(stderr.contains("connect: nothing listens at 127.0.0.1"), "{stderr}");
    assert!(stderr.contains("check host and port") && stderr.contains("nothing was written down"), "{stderr}");
    assert!(!home.config_file().exists());
    add.push("--no-check");
    home.ok(&add);
    let run = home.run(&["account", "check", "--json"]);
    assert_eq!(run.status, 75, "{run:?}");
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document[0]["ok"], json!(false), "{document}");
    assert_eq!(document[0]["steps"][1]["step"], json!("connect"), "{document}");
    assert!(!run.stdout.contains("secret") && !run.stderr.contains("secret"), "{run:?}");
}

#[test]
fn a_password_that_cannot_be_had_is_a_failure_that_lasts() {
    let home = Home::new();
    let add = ["account", "add", "a@b.org", "--no-input", "--imap", "127.0.0.1:1", "--password-command"];
    let stderr = home.fails(1, &[&add[..], &["false"]].concat());
    assert!(stderr.contains("password: ") && stderr.contains("run the command by hand"), "{stderr}");
    let without = &add[..add.len() - 1];
    let stderr = home.fails(1, without);
    assert!(stderr.contains("no password is configured") && stderr.contains("add --password-command"), "{stderr}");
    assert!(!home.config_file().exists());
}
