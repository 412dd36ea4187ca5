//! The commands on a real server: an account that is tried before it is kept, syncs, passwords that are wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::cli::Home;
use crate::cli::mail::{ATTACHED, PLAIN, id_of, subjects};
use crate::support::certs::certs;
use crate::support::dovecot::{PASSWORD, TestUser, dovecot};

/// Gives the words of `account add` for a user of the server.
pub fn add(home: &Home, user: &TestUser, password: &str) -> Vec<String> {
    fs::write(home.path("password"), format!("{password}\n")).unwrap();
    let place = format!("localhost:{}", user.server.imaps_port);
    let ca_file = certs().authority.to_str().unwrap();
    let words = ["account", "add", "ayu@example.org", "--no-input", "--account-name", "work", "--username", &user.name];
    let rest = ["--imap", &place, "--ca-file", ca_file, "--password-command", "cat password"];
    words.iter().chain(&rest).map(|word| word.to_string()).collect()
}

pub fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn an_account_on_a_server_is_tried_synced_read_and_searched() {
    let (home, user) = (Home::new(), dovecot().user("cli"));
    user.deliver("INBOX", &[(PLAIN, "", ""), (ATTACHED, "\\Seen \\Answered", "")]);
    user.deliver_many("Lists.rust", 3);
    home.ok(&words(&add(&home, &user, PASSWORD)));
    let checked = home.json(&["account", "check", "work"]);
    let steps: Vec<_> = checked[0]["steps"].as_array().unwrap().iter().map(|step| step["step"].clone()).collect();
    assert_eq!(steps, ["password", "connect", "TLS", "sign in", "folders"], "{checked}");
    assert!(checked[0]["steps"][4]["detail"].as_str().unwrap().contains("inbox = INBOX"), "{checked}");

    let first = home.json(&["sync"])["accounts"][0].clone();
    assert_eq!((&first["fetched"], &first["error"]), (&json!(5), &Value::Null), "{first}");
    assert!(first["bytes_in"].as_u64().unwrap() > 1_000 && first["bytes_out"].as_u64().unwrap() > 100, "{first}");
    let second = home.json(&["sync"])["accounts"][0].clone();
    assert_eq!((&second["fetched"], &second["error"]), (&json!(0), &Value::Null), "{second}");
    assert!(second["bytes_in"].as_u64() < first["bytes_in"].as_u64(), "{first} {second}");

    assert_eq!(subjects(&home.json(&["list", "--unread"])), ["Rapat b\u{e9}sok"]);
    assert_eq!(home.json(&["search", "letter"]).as_array().unwrap().len(), 3);
    let id = id_of(&home, "one@example.org");
    assert_eq!(home.run(&["show", &id, "--raw"]).bytes, PLAIN);
    let marked = home.run(&["mark", &id, "--seen"]);
    assert!(marked.status == 0 && !marked.stderr.contains("wait"), "{marked:?}");
    let on_server = user.raw().contents("INBOX");
    assert!(on_server.iter().all(|mail| mail.flags.contains(&"\\Seen".to_owned())), "{on_server:?}");
    assert_eq!(subjects(&home.json(&["list", "--unread"])), [""; 0]);
    home.json(&["sync"]);
    assert_eq!(subjects(&home.json(&["list", "--unread"])), [""; 0], "a sync takes no change of the user back");
    assert_eq!(home.json(&["doctor"])["ok"], json!(true));
}

#[test]
fn a_wrong_password_is_said_and_nothing_is_kept() {
    let (home, user) = (Home::new(), dovecot().user("wrong"));
    let stderr = home.fails(1, &words(&add(&home, &user, "not-the-secret")));
    assert!(
        stderr.contains(": sign in: name or password refused, tried as wrong-") && stderr.contains("app password"),
        "{stderr}"
    );
    assert!(stderr.contains("the server says: "), "{stderr}");
    assert!(!stderr.contains("not-the-secret"), "{stderr}");
    assert!(!home.config_file().exists());

    home.ok(&words(&[&add(&home, &user, "not-the-secret")[..], &["--no-check".to_owned()]].concat()));
    let run = home.run(&["sync", "--json"]);
    assert_eq!(run.status, 1, "{run:?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(document["accounts"][0]["error"].as_str().unwrap().contains("signing in"), "{document}");

    let log = home.path(".local/state/surat/surat.log");
    let read = || fs::read_to_string(&log).unwrap();
    let failures = read();
    assert!(failures.contains("ERROR") && failures.contains("name or password refused"), "{failures}");
    assert!(failures.contains("account=work") && !failures.contains("DEBUG"), "{failures}");
    home.run(&["sync", "--log", "trace"]);
    let stages = read()[failures.len()..].to_owned();
    for stage in ["connecting", "connected", "stage=\"signing in\"", "command=\"LOGIN\"", "verdict=No"] {
        assert!(stages.contains(stage), "{stage}: {stages}");
    }
    assert!(!read().contains("not-the-secret"), "{}", read());
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_certificate_that_nobody_vouches_for_stops_everything() {
    let (home, user) = (Home::new(), dovecot().user("unknown"));
    let without: Vec<String> = {
        let all = add(&home, &user, PASSWORD);
        let at = all.iter().position(|word| word == "--ca-file").unwrap();
        [&all[..at], &all[at + 2..]].concat()
    };
    let stderr = home.fails(1, &words(&without));
    assert!(stderr.contains(": TLS: ") && stderr.contains("--ca-file FILE") && !stderr.contains("ca_file"), "{stderr}");
    assert!(!home.config_file().exists());
}

#[test]
fn a_wrong_port_and_a_wrong_certificate_file_are_mended_with_flags() {
    let (home, user) = (Home::new(), dovecot().user("port"));
    let with = |port: u16, ca_file: &str| {
        let mut all = add(&home, &user, PASSWORD);
        let behind = |all: &[String], flag: &str| all.iter().position(|word| word == flag).unwrap() + 1;
        let (place, file) = (behind(&all, "--imap"), behind(&all, "--ca-file"));
        (all[place], all[file]) = (format!("localhost:{port}"), ca_file.to_owned());
        home.fails(1, &words(&all))
    };
    let plain = with(user.server.imap_port, certs().authority.to_str().unwrap());
    assert!(plain.contains("no TLS is spoken on this port") && plain.contains("--security starttls"), "{plain}");
    let missing = with(user.server.imaps_port, "/nowhere.pem");
    assert!(missing.contains("the certificate file /nowhere.pem cannot be read"), "{missing}");
    assert!(!home.config_file().exists());
}

#[test]
fn a_server_out_of_reach_is_tried_again_later() {
    let (home, user) = (Home::new(), dovecot().user("away"));
    home.ok(&words(&add(&home, &user, PASSWORD)));
    let text = fs::read_to_string(home.config_file()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    home.write_config(&text.replace(&user.server.imaps_port.to_string(), &port.to_string()));
    let run = home.run(&["sync"]);
    assert_eq!((run.status, run.stdout.as_str()), (75, ""), "{run:?}");
    assert!(run.stderr.contains("surat: work: connecting: ") && run.stderr.contains("try again"), "{run:?}");
}
