//! P20 for IMAP: the real program before servers that mean it ill. No panic, no more than 150 MiB over what an obedient
//! server takes, and it ends when it is interrupted. A fixed sample by default, all under `SURAT_FULL=1`.
//!
//! What becomes of each of the small lines is asserted in `backend::imap_hostile`, by the driver.

use std::sync::Mutex;
use std::time::Duration;

use surat::backend::net::Security;
use surat::store::Store;

use super::peer::{self, PASSWORD, side_by_side, watch};
use crate::accounts::sync::data_dir;
use crate::backend::imap_hostile;
use crate::support::is_full;
use crate::support::scripted::{Script, Step, say};

/// KiB that a hostile server may make of it, over an obedient one.
const ALLOWED: u64 = 150 << 10;
/// A gibibyte.
const HUGE: usize = 1 << 30;
/// One small script of so many is in the sample.
const EVERY: usize = 8;
/// What once took too much is always in the sample.
const ONCE_TOO_MUCH: [&str; 6] = [
    "endless SEARCH with gaps",
    "endless vanished for FETCH",
    "endless messages for FETCH",
    "endless bodies for FETCH",
    "endless headers, each with 60000 bytes of addresses",
    "endless headers, each with 60000 bytes of references",
];
const HEADER: &str = "From: Ani <ani@example.org>\r\nSubject: One\r\n\r\n";

type Named = (String, Script);

fn flood(bytes: &str) -> Vec<Step> {
    vec![Step::Flood { bytes: bytes.into(), cap: HUGE }]
}

fn count(text: &str) -> Vec<Step> {
    vec![Step::Count { text: text.into(), cap: HUGE }]
}

fn drip(bytes: &str) -> Vec<Step> {
    vec![Step::Drip { bytes: bytes.into(), every: Duration::from_secs(1) }]
}

/// A folder that is said to have so many messages.
fn with_messages(exists: &str) -> Script {
    Script::new().on("SELECT", say(format!("* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] go\r\n{{tag}} OK done\r\n")))
}

/// What is large, deep, slow or without an end.
fn large() -> Vec<Named> {
    let on = |verb: &str, steps: Vec<Step>| Script::new().on(verb, steps);
    let mut cases: Vec<(String, Script)> = Vec::new();
    let mut add = |name: String, script: Script| cases.push((name, script));
    for verb in ["CAPABILITY", "LOGIN", "LIST", "SELECT", "FETCH", "UID FETCH"] {
        add(format!("a line of 1 GiB for {verb}"), on(verb, flood("x")));
        add(format!("a response of 1 GiB for {verb}"), on(verb, flood("* OK (abc \"def\" ")));
        add(
            format!("a literal of 1 GiB for {verb}"),
            on(verb, [say("* LIST () \"/\" {1073741824}\r\n"), flood("x")].concat()),
        );
        add(format!("1 byte/s for {verb}"), on(verb, drip("* OK this takes a while, and then some more")));
        add(format!("endless OK for {verb}"), on(verb, flood("* OK still here\r\n")));
        add(
            format!("everything unsolicited for {verb}"),
            on(
                verb,
                flood(
                    "* 5 EXISTS\r\n* 2 EXPUNGE\r\n* VANISHED 1:9\r\n* FLAGS (x)\r\n* LIST () \"/\" y\r\n* 1 FETCH (UID 1 FLAGS ())\r\n",
                ),
            ),
        );
        add(format!("zeros for {verb}"), on(verb, flood("\0")));
        add(format!("line ends for {verb}"), on(verb, flood("\r\n")));
    }
    for (name, text) in [
        ("folders", "* LIST () \"/\" \"folder {n}\"\r\n"),
        ("folders within folders", "* LIST () \"/\" \"a/{n}/b/{n}/c\"\r\n"),
        ("folders with long names", &format!("* LIST () \"/\" \"{{n}}{}\"\r\n", "x".repeat(4_000))),
        ("literals as folders", "* LIST () \"/\" {5}\r\n{n}abcde\r\n"),
    ] {
        add(format!("endless {name}"), on("LIST", count(text)));
    }
    let header = format!("BODY[HEADER.FIELDS (SUBJECT)] {{{}}}\r\n{HEADER}", HEADER.len());
    for (name, text) in [
        ("messages", format!("* {{n}} FETCH (UID {{n}} FLAGS (\\Seen) RFC822.SIZE 9 {header})\r\n")),
        ("messages with one UID", format!("* {{n}} FETCH (UID 1 FLAGS () RFC822.SIZE 9 {header})\r\n")),
        ("flags", "* 1 FETCH (UID 1 FLAGS ($flag{n}))\r\n".into()),
        ("flags in one line", " $flag{n}".into()),
        ("expunges", "* 1 EXPUNGE\r\n".into()),
        ("vanished", "* VANISHED {n}:4294967295\r\n".into()),
        ("counts", "* {n} EXISTS\r\n".into()),
        ("bodies", "* 1 FETCH (UID 1 BODY[]<0> {9}\r\nSubject: )\r\n".into()),
    ] {
        for verb in ["SELECT", "FETCH", "UID FETCH"] {
            add(format!("endless {name} for {verb}"), with_messages("4294967295").on(verb, count(&text)));
        }
    }
    for (name, field, bytes) in [
        ("addresses", "To: ", "a@b, "),
        ("senders", "From: ", "a@b, "),
        ("references", "References: ", "<a@b> "),
        ("words", "Subject: ", "halo "),
        ("fields", "", "To: a@b\r\n"),
    ] {
        for size in [60_000, 8_000_000] {
            let raw = format!("{field}{}\r\n\r\n", bytes.repeat(size / bytes.len()));
            let text = format!(
                "* {{n}} FETCH (UID {{n}} FLAGS () RFC822.SIZE 9 BODY[HEADER.FIELDS (SUBJECT)] {{{}}}\r\n{raw})\r\n",
                raw.len()
            );
            add(
                format!("endless headers, each with {size} bytes of {name}"),
                with_messages("5000").on("FETCH", count(&text)),
            );
        }
    }
    let full = with_messages("500");
    add("endless SEARCH".into(), full.clone().on("UID SEARCH", count("* SEARCH {n}\r\n")));
    add("endless SEARCH with gaps".into(), full.clone().on("UID SEARCH", count("* SEARCH {n}0\r\n")));
    add("SEARCH in one line".into(), full.clone().on("UID SEARCH", [say("* SEARCH"), count(" {n}")].concat()));
    add(
        "ESEARCH in one line".into(),
        full.clone().on("UID SEARCH", [say("* ESEARCH UID ALL 1"), count(",{n}")].concat()),
    );
    for exists in ["4294967295", "4294967296", "18446744073709551615", "-1"] {
        add(format!("{exists} messages"), with_messages(exists));
    }
    for depth in [1_000, 1_000_000] {
        for (what, line) in [
            ("BODYSTRUCTURE", format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(depth))),
            ("ENVELOPE", format!("* 1 FETCH (ENVELOPE {}NIL", "(".repeat(depth))),
            ("FLAGS", format!("* 1 FETCH (FLAGS {}", "(".repeat(depth))),
            ("THREAD", format!("* THREAD {}1{}\r\n{{tag}} OK\r\n", "(".repeat(depth), ")".repeat(depth))),
            ("an unknown word", format!("* XFOO {}{}\r\n{{tag}} OK\r\n", "(".repeat(depth), ")".repeat(depth))),
            ("brackets", format!("* OK {}{}\r\n{{tag}} OK\r\n", "[".repeat(depth), "]".repeat(depth))),
        ] {
            add(format!("{what} {depth} deep"), on("FETCH", say(line)));
        }
    }
    // Bodies that are no end.
    let listed = format!("* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 1073741824 {header})\r\n{{tag}} OK done\r\n");
    for (name, steps) in [
        ("a body of 1 GiB", [say("* 1 FETCH (UID 1 BODY[]<0> {1073741824}\r\n"), flood("x")].concat()),
        (
            "a body of 60 MB for each slice",
            [
                say("* 1 FETCH (UID 1 BODY[]<0> {62914560}\r\n"),
                vec![Step::Flood { bytes: b"x".to_vec(), cap: 60 << 20 }],
                say(")\r\n{tag} OK done\r\n"),
            ]
            .concat(),
        ),
        ("a body of nothing again and again", say("* 1 FETCH (UID 1 BODY[]<0> \"\")\r\n{tag} OK done\r\n")),
        ("a body by bytes", [say("* 1 FETCH (UID 1 BODY[]<0> {9000}\r\n"), drip(&"x".repeat(200))].concat()),
    ] {
        add(name.into(), Script::new().on("UID FETCH 1 (UID BODY", steps).on("FETCH", say(listed.clone())));
    }
    cases
}

/// Lines that lie, answers to what was never asked, refusals, hang-ups.
fn small() -> Vec<Named> {
    let mut cases: Vec<Named> = Vec::new();
    for line in imap_hostile::lines() {
        let shown: String = line.chars().take(60).collect();
        for verb in ["FETCH", "SELECT"] {
            let answer = format!("{line}* 1 EXISTS\r\n* OK [UIDVALIDITY 7] go\r\n{{tag}} OK done\r\n");
            cases.push((format!("{shown:?} for {verb}"), Script::new().on(verb, say(answer))));
        }
    }
    for verb in ["LOGIN", "LIST", "SELECT", "FETCH"] {
        for tag in ["A9999", "a0001", "x", "*", "", "A0001", "{next}"] {
            let script = Script::new().on(verb, say(format!("{tag} OK done\r\n")));
            cases.push((format!("{tag:?} OK for {verb}"), script));
        }
        for (name, steps) in [
            ("silence", vec![Step::Hold]),
            ("a hang-up", vec![Step::Close]),
            ("half a literal", [say("* 1 FETCH (UID 1 BODY[] {100}\r\nabc"), vec![Step::Close]].concat()),
            ("half a literal and silence", [say("* 1 FETCH (UID 1 BODY[] {100}\r\nabc"), vec![Step::Hold]].concat()),
            ("BYE", say("* BYE no\r\n")),
            ("BAD", say("{tag} BAD\r\n")),
        ] {
            cases.push((format!("{name} for {verb}"), Script::new().on(verb, steps)));
        }
    }
    cases
}

#[test]
fn no_server_makes_the_program_fall_swell_or_hang() {
    let obedient = Script::new().start();
    let idle = watch(&peer::home(obedient.port, Security::None, None), &["sync"], Duration::from_secs(30));
    assert_eq!(idle.status, 0, "{idle:?}");
    assert!(idle.peak > 1_000, "the memory is not measured: {idle:?}");
    let (large, small) = (large(), small());
    let all = large.len() + small.len();
    assert!(all > 400, "{all}");
    let sample = |(at, case): (usize, Named)| {
        (is_full() || at % EVERY == 0 || ONCE_TOO_MUCH.contains(&case.0.as_str())).then_some(case)
    };
    let mut cases: Vec<Named> = large.into_iter().enumerate().filter_map(sample).collect();
    cases.extend(small.into_iter().enumerate().filter_map(|(at, case)| sample((at / 2, case))));
    let patience = Duration::from_secs(if is_full() { 10 } else { 4 });
    let (worst, slowest, stopped) =
        (Mutex::new((0, String::new())), Mutex::new((Duration::ZERO, String::new())), Mutex::new(0_u32));
    side_by_side(4, &cases, |(name, script)| {
        let server = script.clone().start();
        let home = peer::home(server.port, Security::None, None);
        let ended = watch(&home, &["sync"], patience);
        assert!([0, 1, 75, 130].contains(&ended.status), "{name}: {ended:?}");
        assert!(!ended.said().contains("panicked") && !ended.said().contains(PASSWORD), "{name}: {ended:?}");
        if ended.status != 0 {
            assert!(ended.stderr.starts_with("surat: "), "{name}: {ended:?}");
        }
        assert!(!ended.said().chars().any(|c| c.is_control() && c != '\n'), "{name}: {ended:?}");
        assert!(ended.peak <= idle.peak + ALLOWED, "{name}: {} KiB, {} when idle", ended.peak, idle.peak);
        if let Some(took) = ended.cancelled {
            *stopped.lock().unwrap() += 1;
            let mut slowest = slowest.lock().unwrap();
            if took > slowest.0 {
                *slowest = (took, name.clone());
            }
        }
        let mut worst = worst.lock().unwrap();
        if ended.peak > worst.0 {
            *worst = (ended.peak, name.clone());
        }
        drop(worst);
        let store = Store::open(&data_dir(&home)).unwrap_or_else(|error| panic!("{name}: {error}"));
        store.check().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(store.audit().unwrap(), Vec::<String>::new(), "{name}");
    });
    let (worst, slowest) = (worst.into_inner().unwrap(), slowest.into_inner().unwrap());
    println!(
        "{} of {all} hostile servers: at most {} MiB over the {} MiB of an obedient one ({}); {} had to be interrupted, \
         which took {:?} at most ({})",
        cases.len(),
        worst.0.saturating_sub(idle.peak) >> 10,
        idle.peak >> 10,
        worst.1,
        stopped.into_inner().unwrap(),
        slowest.0,
        slowest.1
    );
}
