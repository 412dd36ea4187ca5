//! P25: reading mail asks nothing of the network, whatever the mail says; seen from the kernel.

use std::process::{Command, Output};

use serde_json::Value;

use super::samples::{demo_letters, make_maildir, of_corpora, own, some_of};
use super::traced::trace;
use crate::cli::Home;
use crate::support::is_full;

/// What can reach another computer, or a name server of this one.
const LOUD: [&str; 5] = ["AF_INET", "AF_INET6", "AF_NETLINK", "connect(", "sendto("];

/// Gives the lines of a trace that are not silent. What is sent without an address goes where a `connect`, loud itself,
/// has led, or to the other end of a pair; and one Surat tells another on this computer of a change by a socket beside
/// the store, which names it.
pub fn noise(trace: &str) -> Vec<&str> {
    let is_next_door = |line: &&str| {
        line.contains("sendto(")
            && (line.contains("NULL, 0)")
                || (line.contains("AF_UNIX, sun_path=\"/") && line.contains("/surat.") && line.contains(".sock\"}")))
    };
    let is_loud = |line: &&str| LOUD.iter().any(|loud| line.contains(loud));
    trace.lines().filter(is_loud).filter(|line| !is_next_door(line)).collect()
}

/// Runs a program in silence, or fails with what it asked for.
#[track_caller]
fn silent(command: &Command) -> Output {
    let (output, trace) = trace("%network", command);
    let noise = noise(&trace);
    assert!(noise.is_empty(), "{command:?}: {noise:?}");
    output
}

#[test]
fn the_trace_would_show_a_connection() {
    let home = Home::new();
    let add = ["account", "add", "a@b.org", "--no-input", "--no-check", "--imap", "127.0.0.1:9", "--security", "none"];
    home.ok(&[&add[..], &["--password-command", "echo sesame"]].concat());
    let (output, trace) = trace("%network", &home.command(&["sync"]));
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let noise = noise(&trace);
    assert!(noise.iter().any(|line| line.contains("socket(AF_INET")), "{trace}");
    assert!(noise.iter().any(|line| line.contains("connect(") && line.contains("htons(9)")), "{trace}");
}

#[test]
fn the_demo_walks_in_silence() {
    let home = Home::new();
    let output = silent(&home.command(&["demo"]));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Archived 1"), "{output:?}");
}

#[test]
fn reading_mail_asks_nothing_of_the_network() {
    let every = if is_full() { 1 } else { 60 };
    let mut samples = own();
    samples.extend(some_of(demo_letters(), every, "no name"));
    samples.extend(some_of(of_corpora(), every, "leak"));
    let home = Home::new();
    make_maildir(&home.path("Mail"), &samples);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let said = |arguments: &[&str]| {
        let output = silent(&home.command(arguments));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        output.stdout
    };
    said(&["sync"]);
    let most = samples.len().to_string();
    let list = said(&["list", "--limit", &most, "--json"]);
    let listed: Vec<Value> = serde_json::from_slice(&list).unwrap();
    assert_eq!(listed.len(), samples.len());
    said(&["folders"]);
    said(&["search", "leak", "--limit", &most]);
    said(&["search", "has:attachment", "--json"]);
    said(&["export", "--mbox", "all.mbox"]);
    said(&["doctor"]);
    let mut shown = 0;
    for (at, mail) in listed.iter().enumerate() {
        let id = mail["id"].as_str().unwrap();
        for form in [&[][..], &["--html"], &["--text"], &["--raw"], &["--headers"], &["--json"]] {
            let output = silent(&home.command(&[&["show", id][..], form].concat()));
            // A mail without such a part says so.
            let is_missing =
                output.status.code() == Some(1) && String::from_utf8_lossy(&output.stderr).contains("part");
            assert!(output.status.success() || is_missing, "{mail} {form:?}: {output:?}");
            shown += u32::from(output.status.success());
        }
        said(&["attachments", id, "--save", &format!("saved-{at}")]);
    }
    println!("{} mails shown in {shown} forms, in silence", listed.len());
    assert!(shown as usize >= 4 * listed.len());
}
