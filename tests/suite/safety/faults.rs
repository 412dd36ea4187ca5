//! What goes wrong on a computer that has mail already: each fault is said in a clear sentence, with the status that a
//! script can act on, nothing that is here is lost, and afterwards everything goes on.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use surat::backend::net::Security;

use super::peer::{self, PASSWORD, watch};
use crate::cli::Home;
use crate::support::certs::{Certificate, certs};
use crate::support::scripted::{HEADER, Script, Scripted, Step, say};

/// A fault with what must be said of it.
struct Fault {
    name: &'static str,
    status: i32,
    /// What the sentence must have in it.
    words: &'static [&'static str],
    security: Security,
    script: Script,
}

/// An obedient server that says that a second mail has come, and has nothing more to say than `steps` when it is asked.
fn with_news(steps: Vec<Step>) -> Script {
    Script::new()
        .on("STATUS", say("* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 7 UNSEEN 1)\r\n{tag} OK done\r\n"))
        .on("SELECT", say("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] go\r\n* OK [UIDNEXT 3] go\r\n{tag} OK done\r\n"))
        .on("UID FETCH 2", steps.clone())
        .on("UID FETCH 1", steps)
}

fn faults() -> Vec<Fault> {
    let plain = |name, status, words, script| Fault { name, status, words, security: Security::None, script };
    let tls = |name, words, certificate: &Certificate| Fault {
        name,
        status: 1,
        words,
        security: Security::Tls,
        script: Script::tls(certificate),
    };
    let starttls = |name, words, script| Fault { name, status: 1, words, security: Security::StartTls, script };
    let greet = |text: &str| Script::new().greet(say(text));
    let half = "* 2 FETCH (UID 2 FLAGS () RFC822.SIZE 900 BODY[HEADER.FIELDS (SUBJECT)] {900}\r\nSubject: ha";
    vec![
        plain(
            "a cut in mid-literal",
            75,
            &["hung up", "try again"],
            with_news([say(half), vec![Step::Close]].concat()),
        ),
        plain(
            "a wrong password",
            1,
            &["password"],
            Script::new().on("LOGIN", say("{tag} NO [AUTHENTICATIONFAILED] no\r\n")),
        ),
        plain("a garbage greeting", 1, &["no IMAP"], greet("HTTP/1.1 400 Bad Request\r\n\r\n")),
        plain("a greeting of zeros", 1, &["no IMAP"], greet("\0\0\0\0\r\n")),
        plain("a server that is full", 75, &["too many of you"], greet("* BYE too many of you\r\n")),
        plain("a hang-up", 75, &["hung up", "try again"], Script::new().greet(vec![Step::Close])),
        plain(
            "an inbox that may not be read",
            1,
            &[],
            Script::new().on("STATUS", say("{tag} NO\r\n")).on("SELECT", say("{tag} NO [NOPERM] not yours\r\n")),
        ),
        tls("an expired certificate", &["certificate has expired", "Nothing was sent"], &certs().expired),
        tls("the certificate of another host", &["localhost", "Nothing was sent"], &certs().wrong_name),
        tls("a self-signed certificate", &["certificate", "ca_file"], &certs().self_signed),
        starttls(
            "an expired certificate after STARTTLS",
            &["certificate has expired", "Nothing was sent"],
            Script::new().certificate(&certs().expired),
        ),
        starttls(
            "another host after STARTTLS",
            &["localhost", "Nothing was sent"],
            Script::new().certificate(&certs().wrong_name),
        ),
        starttls("no STARTTLS", &[], Script::new().on("STARTTLS", say("{tag} BAD what\r\n"))),
        Fault {
            name: "no TLS where TLS should be",
            status: 1,
            words: &[],
            security: Security::Tls,
            script: Script::new(),
        },
    ]
}

/// Points the account at another server.
fn move_to(home: &Home, port: u16, security: Security, authority: &Path) {
    let other = peer::home(port, security, Some(authority));
    home.write_config(&std::fs::read_to_string(other.config_file()).unwrap());
}

/// The mail that was here before is here still, with its bytes.
fn assert_whole(home: &Home, when: &str) {
    let list = home.json(&["list"]);
    assert_eq!(list[0]["subject"], json!("One"), "{when}: {list}");
    assert_eq!(list.as_array().unwrap().len(), 1, "{when}: {list}");
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(home.run(&["show", id, "--raw"]).bytes, HEADER.as_bytes(), "{when}");
}

#[test]
fn every_fault_is_said_in_a_sentence_and_costs_nothing() {
    let authority = certs().authority.as_path();
    let good: Scripted = Script::new().start();
    let home = peer::home(good.port, Security::None, None);
    home.ok(&["sync"]);
    assert_whole(&home, "at first");
    for fault in faults() {
        let name = fault.name;
        let server = fault.script.clone().start();
        move_to(&home, server.port, fault.security, authority);
        let ended = watch(&home, &["sync"], Duration::from_secs(30));
        println!("{name}: {} {}", ended.status, ended.stderr.trim_end());
        let said = ended.stderr.trim_end();
        assert!(said.starts_with("surat: test: ") && said.lines().count() == 1, "{name}: {ended:?}");
        assert!(!said.contains("panicked") && !said.contains(PASSWORD) && !said.contains("Error {"), "{name}: {said}");
        assert!(fault.words.iter().all(|word| said.contains(word)), "{name}: {said}");
        assert_eq!(ended.status, fault.status, "{name}: {said}");
        assert_whole(&home, name);
        move_to(&home, good.port, Security::None, authority);
        home.ok(&["sync"]);
        assert_whole(&home, name);
    }
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    let home = peer::home(1, Security::Tls, None);
    let config = std::fs::read_to_string(home.config_file()).unwrap();
    home.write_config(&config.replace("\"localhost\"", "\"mail.nowhere.invalid\""));
    let ended = watch(&home, &["sync"], Duration::from_secs(60));
    assert_eq!(ended.status, 75, "{ended:?}");
    assert!(ended.stderr.contains("mail.nowhere.invalid") && ended.stderr.lines().count() == 1, "{ended:?}");
}
