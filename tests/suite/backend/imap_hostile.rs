//! Servers that are broken or mean, one line of data each: an error or tolerated, never a panic, never a hang, never a
//! deletion that nobody made.

use std::time::{Duration, Instant};

use surat::backend::imap::{Credentials, Imap};
use surat::backend::net::Security;
use surat::backend::{Backend, Error, Kind};
use surat::mail::remote::RemoteMailbox;
use surat::mail::safe::SafeText;

use super::imap::{HASTY, Mirror, fetch, plain, within};
use crate::support::scripted::{HEADER, Script, Step, listen, say};

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// The talk ends with an error.
    Fail,
    /// Everything is as with an obedient server: one folder, one message, its bytes.
    Bear,
    /// An error or not; only no panic, no hang and nothing but the one message.
    Survive,
}

use Must::{Bear, Fail, Survive};

struct Case {
    name: String,
    must: Must,
    script: Script,
}

fn case(name: impl Into<String>, must: Must, script: Script) -> Case {
    Case { name: name.into(), must, script }
}

/// An obedient server that also says this when it is asked for header fields.
fn on_fetch(extra: &str) -> Script {
    let header = format!(
        "* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \"02-Nov-2026 10:00:00 +0000\" RFC822.SIZE {0} \
         BODY[HEADER.FIELDS (SUBJECT)] {{{0}}}\r\n{HEADER})\r\n",
        HEADER.len()
    );
    Script::new().on("FETCH", say(format!("{extra}{header}{{tag}} OK done\r\n")))
}

/// What a talk brought.
type Brought = (Vec<RemoteMailbox>, Mirror, Vec<Vec<u8>>);

/// A whole first sync.
async fn everything(port: u16) -> Result<Brought, Error> {
    let mut imap = Imap::connect(&plain(port), &Credentials::new("ani".into(), "geheim".into()), HASTY).await?;
    let folders = imap.mailboxes().await?;
    let mut mirror = Mirror::default();
    mirror.pull(&mut imap, "INBOX").await?;
    let slices = fetch(&mut imap, "INBOX", &mirror.wants()).await?;
    imap.close().await;
    Ok((folders, mirror, slices.into_iter().map(|slice| slice.bytes).collect()))
}

fn check(case: &Case, deadline: Duration) -> Result<Brought, Error> {
    let server = case.script.clone().start();
    let started = Instant::now();
    let result = within(deadline, &case.name, everything(server.port));
    let name = &case.name;
    match (&result, case.must) {
        (Ok((folders, mirror, bodies)), Bear) => {
            assert!(folders.iter().any(|folder| folder.path == "INBOX"), "{name}: {folders:?}");
            assert_eq!(mirror.messages.len(), 1, "{name}: {mirror:?}");
            assert_eq!(bodies.concat(), HEADER.as_bytes(), "{name}");
        }
        (Err(error), Fail) => {
            assert!(!error.what.is_empty() && !error.stage.is_empty(), "{name}: {error:?}");
            assert!(!format!("{error:?}").contains("geheim"), "{name}: {error:?}");
        }
        (Ok((_, mirror, _)), Survive) => assert!(mirror.messages.len() <= 2, "{name}: {mirror:?}"),
        (Err(_), Survive) => {}
        (Ok(brought), Fail) => panic!("{name}: taken for a success: {brought:?}"),
        (Err(error), Bear) => panic!("{name}: {error:?} {:?}", error.server_says),
    }
    // What people would see of it is harmless.
    if let Err(error) = &result {
        let shown = SafeText::line(&format!("{error} {}", error.server_says.as_deref().unwrap_or_default()));
        assert!(!shown.as_str().chars().any(char::is_control), "{name}");
    }
    assert!(started.elapsed() < deadline);
    result
}

fn check_all(cases: &[Case]) {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..6)
            .map(|share| {
                scope.spawn(move || {
                    cases.iter().skip(share).step_by(6).for_each(|case| {
                        check(case, Duration::from_secs(8)).ok();
                    })
                })
            })
            .collect();
        let ended: Vec<_> = running.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.into_iter().for_each(|end| end.unwrap_or_else(|reason| std::panic::resume_unwind(reason)));
    });
}

#[test]
fn an_obedient_server_is_read_whole() {
    check(&case("obedient", Bear, Script::new()), Duration::from_secs(8)).unwrap();
    check(&case("obedient FETCH", Bear, on_fetch("")), Duration::from_secs(8)).unwrap();
}

#[test]
fn refusals_and_hang_ups_are_never_successes() {
    let mut cases = Vec::new();
    let verbs = ["CAPABILITY", "LOGIN", "LIST", "SELECT", "FETCH", "UID FETCH"];
    for verb in verbs {
        for answer in ["{tag} NO no\r\n", "{tag} BAD what\r\n", "{tag} NO\r\n", "{tag} BAD\r\n", "{tag} NO [\r\n"] {
            // Whoever knows no capabilities may go on.
            let must = if verb == "CAPABILITY" { Survive } else { Fail };
            cases.push(case(format!("{verb} answered {answer:?}"), must, Script::new().on(verb, say(answer))));
        }
        for steps in [
            vec![Step::Close],
            [say("* BYE [UNAVAILABLE] shutting down\r\n"), vec![Step::Close]].concat(),
            [say("* BYE\r\n"), vec![Step::Hold]].concat(),
            [say("* 1 FET"), vec![Step::Close]].concat(),
            [say("* 1 FETCH (UID 1 FLAGS () BODY[] {100}\r\nabc"), vec![Step::Close]].concat(),
            [say("* 1 FETCH (UID 1 FLAGS () BODY[] {100}\r\nabc"), vec![Step::Hold]].concat(),
            vec![Step::Hold],
        ] {
            let name = format!("{verb} answered by {steps:?}");
            cases.push(case(name, Fail, Script::new().on(verb, steps)));
        }
    }
    check_all(&cases);
}

#[test]
fn a_goodbye_is_told_in_the_servers_words() {
    for verb in ["LOGIN", "LIST", "SELECT", "FETCH"] {
        let steps = [say("* BYE the machine room is on fire\r\n"), vec![Step::Close]].concat();
        let error = check(&case(verb, Fail, Script::new().on(verb, steps)), Duration::from_secs(8)).unwrap_err();
        assert_eq!(error.kind, Kind::Network, "{verb}: {error}");
        assert_eq!(error.server_says.as_deref(), Some("the machine room is on fire"), "{verb}");
    }
    let greeting = [say("* BYE no room\r\n"), vec![Step::Close]].concat();
    let error = check(&case("greeting", Fail, Script::new().greet(greeting)), Duration::from_secs(8)).unwrap_err();
    assert_eq!(error.server_says.as_deref(), Some("no room"), "{error:?}");
}

#[test]
fn an_answer_to_what_was_never_asked_ends_the_connection() {
    let mut cases = Vec::new();
    for tag in ["A9999", "a0001", "x", "A0001", "0", "A0002A0002"] {
        for verb in ["LOGIN", "LIST", "SELECT", "FETCH"] {
            let script = Script::new().on(verb, say(format!("{tag} OK done\r\n")));
            cases.push(case(format!("{tag} OK for {verb}"), Fail, script));
        }
        let greeting = say(format!("* OK ready\r\n{tag} OK done\r\n"));
        cases.push(case(format!("{tag} OK with the greeting"), Fail, Script::new().greet(greeting)));
    }
    check_all(&cases);
    let script = Script::new().on("SELECT", say("A9999 OK done\r\n"));
    let error = check(&case("unsent", Fail, script), Duration::from_secs(8)).unwrap_err();
    assert_eq!(error.kind, Kind::Protocol, "{error}");
}

/// Lines that may come at any time beside the answer. Those that say nothing wrong are borne.
fn odd_lines() -> Vec<(String, Must)> {
    let deep = |count: usize| format!("* 1 FETCH (BODYSTRUCTURE {}{})\r\n", "(".repeat(count), ")".repeat(count));
    let mut lines: Vec<(String, Must)> = [
        // Known words with unknown contents, and unknown words (libraries.md 1.5).
        "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
        "* ESEARCH (TAG \"zz\") UID ALL 1:5\r\n",
        "* ESEARCH\r\n",
        "* THREAD (1)(2 (3)(4))\r\n",
        "* SEARCH 1 (MODSEQ 5)\r\n",
        "* SEARCH\r\n",
        "* SORT 1\r\n",
        "* STATUS INBOX (MESSAGES 1 SIZE 5 MAILBOXID (F1) DELETED 0 APPENDLIMIT NIL)\r\n",
        "* METADATA \"\" (/shared/comment NIL)\r\n",
        "* QUOTA \"\" (STORAGE 1 2)\r\n",
        "* XFOO bar (baz \"qux\")\r\n",
        "* 5 XBAR\r\n",
        "* CAPABILITY\r\n",
        "* CAPABILITY XFOO\r\n",
        "* ENABLED\r\n",
        "* ENABLED QRESYNC\r\n",
        "* ID NIL\r\n",
        "* FLAGS ()\r\n",
        "* 1 RECENT\r\n",
        "* 1 EXISTS\r\n",
        // Words for people that make parsers panic (libraries.md 1.6).
        "* OK [ALERT]über\r\n",
        "* OK [ALERT] über\r\n",
        "* OK\r\n",
        "* OK \r\n",
        "* OK [\r\n",
        "* OK []\r\n",
        "* OK [] \r\n",
        "* OK ]\r\n",
        "* OK [UIDNEXT\r\n",
        "* OK [PERMANENTFLAGS (\\*)] x\r\n",
        "* OK [BADCHARSET] x\r\n",
        "* OK [COPYUID 1 1 1] x\r\n",
        "* OK [X {5}] brackets and {3}\r\n",
        "* OK ((((((((((((((((((((((( {9999999999}\r\n",
        "* NO over quota\r\n",
        "* BAD what was that\r\n",
        "* OK \u{1b}]52;c;ZXZpbA==\u{7} \u{202e}\r\n",
        // Messages that nobody asked for.
        "* 1 FETCH (FLAGS (\\Seen))\r\n",
        "* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n",
        "* 1 FETCH (UID 1)\r\n",
        "* 1 FETCH ()\r\n",
        "* 1 FETCH (INTERNALDATE NIL)\r\n",
        "* 1 FETCH (INTERNALDATE \"nonsense\")\r\n",
        "* 1 FETCH (INTERNALDATE \"99-Foo-0000 99:99:99 +9999\")\r\n",
        "* 1 FETCH (ENVELOPE ())\r\n",
        "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n",
        "* 1 FETCH (BODYSTRUCTURE ())\r\n",
        "* 1 FETCH (XITEM (a (b \"c\" {1}\r\nd)) YITEM NIL)\r\n",
        "* 1 FETCH (MODSEQ (0))\r\n",
        "* 1 FETCH (BINARY[1] ~{3}\r\nabc)\r\n",
        "* 1 FETCH (FLAGS (a] \\* \\Recent $x))\r\n",
        "* 1 FETCH (RFC822.SIZE 99999999999999999999)\r\n",
        "* 1 FETCH  (FLAGS  ()  UID  1)\r\n",
        "* 1 fetch (flags (\\seen) uid 1)\r\n",
        // Lists.
        "* LIST () NIL \"\"\r\n",
        "* LIST (\\Noselect) \"/\" {3}\r\na\0b\r\n",
        "* LSUB () \"/\" x\r\n",
    ]
    .into_iter()
    .map(|line| (line.to_string(), Bear))
    .collect();
    // Numbers (T15) and literals (T12), broken lines.
    let doubtful = [
        "* LIST (\\A) \"/\" x (CHILDINFO (\"SUBSCRIBED\"))\r\n",
        "* LIST (a b) / x\r\n",
        "* LIST\r\n",
        "* LIST () \"/\"\r\n",
        "* LIST ((((( \r\n",
        "* STATUS\r\n",
        "* STATUS x\r\n",
        "* STATUS INBOX (MESSAGES -1)\r\n",
        "* SEARCH 0\r\n",
        "* SEARCH 4294967296\r\n",
        "* SEARCH -1 a 1:5\r\n",
        "* ESEARCH (TAG \"zz\") UID ALL 1:4294967295\r\n",
        "* ESEARCH UID ALL 5:1,*\r\n",
        "* VANISHED\r\n",
        "* VANISHED 0\r\n",
        "* VANISHED (EARLIER)\r\n",
        "* VANISHED (EARLIER) 99:4294967295\r\n",
        "* 0 EXPUNGE\r\n",
        "* 99 EXPUNGE\r\n",
        "* 0 FETCH (UID 5 FLAGS ())\r\n",
        "* 4294967295 EXISTS\r\n",
        "* 4294967296 EXISTS\r\n",
        "* -1 EXISTS\r\n",
        "* 18446744073709551616 EXISTS\r\n",
        "* 99999999999999999999999999 FETCH (UID 1)\r\n",
        "* 1 FETCH (UID 0)\r\n",
        "* 1 FETCH (UID -1)\r\n",
        "* 1 FETCH (UID 4294967296)\r\n",
        "* 1 FETCH (UID 18446744073709551616)\r\n",
        "* 1 FETCH (MODSEQ (18446744073709551616))\r\n",
        "* 1 FETCH (FLAGS NIL)\r\n",
        "* 1 FETCH (FLAGS\r\n",
        "* 1 FETCH (UID\r\n",
        "* 1 FETCH\r\n",
        "* 1 FETCH UID 1\r\n",
        "* 1 FETCH (BODY[\r\n",
        "* 1 FETCH (BODY[]\r\n",
        "* 1 FETCH (BODY[HEADER NIL)\r\n",
        "* 1 FETCH (\"\r\n",
        "* 1 FETCH (UID 1))\r\n",
        "* OK [UIDVALIDITY 0] x\r\n",
        "* OK [UIDVALIDITY 4294967296] x\r\n",
        "* OK [UIDVALIDITY -7] x\r\n",
        "* OK [UIDVALIDITY] x\r\n",
        "* OK [UIDNEXT 0] x\r\n",
        "* OK [UIDNEXT 4294967295] x\r\n",
        "* OK [HIGHESTMODSEQ 0] x\r\n",
        "* OK [HIGHESTMODSEQ 18446744073709551615] x\r\n",
        "* PREAUTH\r\n",
        "+ \r\n",
        "+\r\n",
        "+ idling\r\n",
        "* \r\n",
        "*\r\n",
        "\r\n",
        "\n",
        " \r\n",
        "*\0\r\n",
        "\u{0}\u{1}\u{2}\r\n",
        "* LIST () \"/\" \"never closed\r\n",
        "* 1 FETCH (UID 1 BODY[] {1}\r\nab)\r\n",
        "* 1 FETCH (UID 1 BODY[] {9}\r\nab)\r\n",
        "(((((\r\n",
        ")\r\n",
        "{5}\r\n",
        "* {5}\r\n",
    ];
    lines.extend(doubtful.map(|line| (line.to_string(), Survive)));
    let hopeless = [
        "* 1 FETCH (BODY[] {-5}\r\n",
        "* 1 FETCH (BODY[] {}\r\n",
        "* 1 FETCH (BODY[] {999999999999}\r\n",
        "* 1 FETCH (BODY[] {4294967295}\r\n",
        "* 1 FETCH (BODY[] {18446744073709551616}\r\n",
        "* 1 FETCH (BODY[] {1x}\r\n",
        "* LIST () \"/\" {99999999999999999999}\r\n",
        "HTTP/1.1 200 OK\r\n",
    ];
    lines.extend(hopeless.map(|line| (line.to_string(), Fail)));
    // Nesting (M2): a parser that calls itself aborts the whole program between 300 and 400.
    lines.push((deep(20), Bear));
    for count in [100, 400, 3_000, 10_000, 400_000] {
        lines.push((deep(count), Fail));
        lines.push((format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(count)), Fail));
    }
    lines.push((format!("* LIST () \"/\" \"{}\"\r\n", "n".repeat(10_000)), Bear));
    lines.push((format!("* OK {}\r\n", "w".repeat(500_000)), Bear));
    lines.push((format!("* 1 FETCH (FLAGS ({}))\r\n", "$flag ".repeat(10_000)), Survive));
    lines
}

/// The same lines for whoever does not care what must come of them.
pub fn lines() -> Vec<String> {
    odd_lines().into_iter().map(|(line, _)| line).collect()
}

#[test]
fn odd_lines_at_any_time_are_borne_or_end_the_connection() {
    let mut cases = Vec::new();
    for (line, must) in odd_lines() {
        let shown: String = line.chars().take(70).collect();
        cases.push(case(format!("{shown:?} beside FETCH"), must, on_fetch(&line)));
        // At other times other things follow of it: a LIST inside LIST is a folder.
        let other = if must == Fail { Fail } else { Survive };
        let with =
            |verb: &str, untagged: &str| Script::new().on(verb, say(format!("{line}{untagged}{{tag}} OK done\r\n")));
        cases.push(case(format!("{shown:?} beside LOGIN"), other, with("LOGIN", "")));
        cases.push(case(format!("{shown:?} beside LIST"), other, with("LIST", "* LIST () \"/\" INBOX\r\n")));
        let selected = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] go\r\n* OK [UIDNEXT 2] go\r\n";
        cases.push(case(format!("{shown:?} beside SELECT"), other, with("SELECT", selected)));
    }
    assert!(cases.len() > 500, "{}", cases.len());
    check_all(&cases);
}

#[test]
fn what_never_ends_is_ended() {
    let flood = |bytes: &str| vec![Step::Flood { bytes: bytes.into(), cap: 64 << 20 }];
    let drip = |bytes: &str| vec![Step::Drip { bytes: bytes.into(), every: Duration::from_millis(300) }];
    let cases = [
        ("a line without an end for LIST", Script::new().on("LIST", flood("* LIST () \"/\" x"))),
        ("an endless LIST", Script::new().on("LIST", flood("* LIST () \"/\" \"folder\"\r\n"))),
        ("endless OK", Script::new().on("SELECT", flood("* OK still here\r\n"))),
        ("endless EXISTS", Script::new().on("SELECT", flood("* 5 EXISTS\r\n"))),
        ("endless FETCH", Script::new().on("FETCH", flood("* 1 FETCH (UID 1 FLAGS ())\r\n"))),
        (
            "endless SEARCH",
            Script::new()
                .on("SELECT", say("* 500 EXISTS\r\n* OK [UIDVALIDITY 7] go\r\n{tag} OK done\r\n"))
                .on("UID SEARCH", flood("* SEARCH 1 2 3\r\n")),
        ),
        ("endless empty lines", Script::new().on("LIST", flood("\r\n"))),
        ("an endless greeting", Script::new().greet(flood("* OK [CAPABILITY "))),
        ("a byte now and then", Script::new().on("SELECT", drip("* OK [UIDVALIDITY 7] a line that takes its time"))),
        ("a greeting by bytes", Script::new().greet(drip("* OK [CAPABILITY IMAP4rev1] ready when you are, or later"))),
    ];
    std::thread::scope(|scope| {
        for (name, script) in cases {
            scope.spawn(move || {
                let error = check(&case(name, Fail, script), Duration::from_secs(90)).unwrap_err();
                assert!(matches!(error.kind, Kind::Limit | Kind::Timeout | Kind::Protocol), "{name}: {error:?}");
            });
        }
    });
}

#[test]
fn idle_that_is_refused_broken_or_silent_is_no_news_and_no_hang() {
    let cases: Vec<(&str, Vec<Step>, bool)> = vec![
        ("NO", say("{tag} NO not today\r\n"), true),
        ("BAD without a word", say("{tag} BAD\r\n"), true),
        ("silence", vec![Step::Hold], false),
        ("hang-up", vec![Step::Close], false),
        ("BYE", [say("+ idling\r\n* BYE autologout\r\n"), vec![Step::Close]].concat(), false),
        ("hang-up while idle", [say("+ idling\r\n"), vec![Step::Close]].concat(), false),
        ("an early end", say("+ idling\r\n{tag} OK done\r\n"), true),
        ("idle and quiet", listen("+ idling\r\n"), true),
    ];
    for (name, steps, is_bearable) in cases {
        let server = Script::new().on("IDLE", steps).start();
        let port = server.port;
        let result = within(Duration::from_secs(10), name, async move {
            let credentials = Credentials::new("ani".into(), "geheim".into());
            let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await?;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await?;
            let news = imap.wait("INBOX", Duration::from_millis(1_200)).await?;
            imap.mailboxes().await.map(|_| news)
        });
        match result {
            Ok(news) => assert!(is_bearable && news == surat::backend::News::TimedOut, "{name}: {news:?}"),
            Err(error) => assert!(!is_bearable && error.heals_by_itself(), "{name}: {error:?}"),
        }
    }
}

#[test]
fn what_comes_between_idle_and_its_plus_is_heard_by_whoever_comes_next() {
    // The line takes so long that the wait is over before it ends.
    let every = Duration::from_millis(40);
    let steps = [vec![Step::Drip { bytes: b"* 2 EXISTS\r\n".to_vec(), every }], listen("+ idling\r\n")].concat();
    let server = Script::new().on("IDLE", steps).start();
    let port = server.port;
    let news = within(Duration::from_secs(10), "EXISTS before the plus", async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await.unwrap();
        Mirror::default().pull(&mut imap, "INBOX").await.unwrap();
        tokio::time::timeout(every, imap.wait("INBOX", Duration::from_secs(60))).await.ok();
        imap.mailboxes().await.unwrap();
        imap.wait("INBOX", Duration::from_millis(1_200)).await.unwrap()
    });
    assert!(matches!(news, surat::backend::News::Changed(_)), "{news:?}");
}

#[test]
fn three_hundred_expunges_at_once_are_all_noticed() {
    let script = Script::new().on("IDLE", listen(&format!("+ idling\r\n{}", "* 1 EXPUNGE\r\n".repeat(300))));
    let server = script.start();
    let port = server.port;
    let news = within(Duration::from_secs(10), "expunges", async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await.unwrap();
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        let news = imap.wait("INBOX", Duration::from_secs(5)).await.unwrap();
        // It said that all are gone, and then that one is there: what is true is asked for, not counted.
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        assert_eq!(mirror.messages.len(), 1);
        news
    });
    assert!(matches!(news, surat::backend::News::Changed(_)), "{news:?}");
}

#[test]
fn a_refused_or_broken_second_look_deletes_nothing() {
    let answers =
        [("NO", "{tag} NO\r\n"), ("BAD", "{tag} BAD\r\n"), ("nothing", "* BYE\r\n"), ("half a line", "* 1 FETCH (UID")];
    for verb in ["SELECT", "UID FETCH", "UID SEARCH"] {
        for (name, answer) in answers {
            let (good, bad) = (Script::new().start(), {
                let steps = [say(answer), if answer.contains("{tag}") { vec![] } else { vec![Step::Close] }].concat();
                Script::new().on(verb, steps).start()
            });
            let (good, bad) = (good.port, bad.port);
            within(Duration::from_secs(10), name, async move {
                let credentials = Credentials::new("ani".into(), "geheim".into());
                let mut imap = Imap::connect(&plain(good), &credentials, HASTY).await.unwrap();
                let mut mirror = Mirror::default();
                mirror.pull(&mut imap, "INBOX").await.unwrap();
                let before = mirror.state();
                let mut imap = Imap::connect(&plain(bad), &credentials, HASTY).await.unwrap();
                let result = mirror.pull(&mut imap, "INBOX").await;
                assert_eq!(mirror.state(), before, "{verb} answered {name}: {result:?}");
                assert!(result.is_err() || verb == "UID SEARCH", "{verb} answered {name}");
            });
        }
    }
}

/// Names that a server might give to a folder (P22).
fn hostile_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "..",
        ".",
        "../../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "~",
        "~root",
        "C:\\x",
        "\\\\host\\share",
        "-rf",
        "--help",
        "$(reboot)",
        "`reboot`",
        "; reboot",
        "| reboot",
        "a b",
        " ",
        "  lead",
        "trail  ",
        "\"",
        "\\",
        "\"\"",
        "a\"b\\c",
        "(",
        ")",
        "{5}",
        "{5}+",
        "*",
        "%",
        "]",
        "[",
        "NIL",
        "nil",
        "INBOX",
        "inbox",
        "InBoX",
        "INBOX/INBOX",
        "\u{1b}[2J",
        "\u{1b}]52;c;ZXZpbA==\u{7}",
        "\u{9b}31m",
        "a\tb",
        "a\u{7f}b",
        "\u{202e}cod.exe",
        "\u{200b}",
        "\u{feff}",
        "e\u{301}\u{301}\u{301}",
        "👩‍👩‍👧‍👦",
        "&!!-x",
        "&",
        "&-",
        "&AGE",
        "&AGE-",
        "&2D3cqQ-",
        "&2D0-",
        "&AAA-",
        "&AA0ACg-",
        "&//8-",
        "&-&-&-",
        "日本語",
        "A0001 OK done",
        "* BYE",
        "+ ",
        "Click me",
        "'; DROP TABLE emails",
        "%s%n%d",
        "CON",
        "a.b.c",
        "....",
        "a//b",
        "/",
        "//",
        "a/",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.extend([
        b"a\0b".to_vec(),
        b"\0".to_vec(),
        b"a\r\nx DELETE INBOX".to_vec(),
        b"a\nb".to_vec(),
        b"\xff\xfe".to_vec(),
        b"caf\xe9".to_vec(),
        b"\xc0\xaf".to_vec(),
        b"\xed\xa0\x80".to_vec(),
        vec![b'x'; 10_000],
        b"deep/".repeat(500),
        b"(".repeat(500),
        "é".repeat(3_000).into_bytes(),
    ]);
    names
}

#[test]
fn hostile_folder_names_go_back_as_they_came_or_not_at_all() {
    let names = hostile_names();
    let list: Vec<u8> = names
        .iter()
        .flat_map(|name| [format!("* LIST () \"/\" {{{}}}\r\n", name.len()).as_bytes(), name, b"\r\n"].concat())
        .collect();
    let server = Script::new().on("LIST", say([&list[..], b"{tag} OK done\r\n"].concat())).start();
    let port = server.port;
    let selected = within(Duration::from_secs(60), "hostile names", async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await.unwrap();
        let folders = imap.mailboxes().await.unwrap();
        let mut paths: Vec<_> = folders.iter().map(|folder| folder.path.clone()).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), folders.len(), "each path once");
        for folder in &folders {
            let shown = SafeText::line(&folder.name);
            assert!(!shown.as_str().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", folder.name);
        }
        let selectable: Vec<String> =
            folders.into_iter().filter(|folder| folder.is_selectable).map(|folder| folder.path).collect();
        for path in &selectable {
            Mirror::default().pull(&mut imap, path).await.unwrap_or_else(|error| panic!("{path:?}: {error:?}"));
        }
        selectable
    });
    let sent = server.record().clear;
    let lines: Vec<&[u8]> =
        sent.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    for path in &selected {
        assert!(names.iter().any(|name| name == path.as_bytes()), "{path:?} is none of the server's names");
        let quoted = format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""));
        let is_asked = |line: &&[u8]| {
            let text = String::from_utf8_lossy(line);
            text.contains(&format!(" SELECT {quoted}")) || text.ends_with(&format!(" SELECT {path}"))
        };
        assert!(lines.iter().any(is_asked), "{path:?} was not asked for as it is called");
    }
    let verbs =
        ["CAPABILITY", "LOGIN", "LIST", "LSUB", "STATUS", "SELECT", "FETCH", "UID", "ID", "ENABLE", "LOGOUT", "NOOP"];
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let text = String::from_utf8_lossy(line);
        let verb = text.split(' ').nth(1).unwrap_or_default();
        assert!(verbs.contains(&verb), "a name became a command: {text:?}");
    }
    assert!(selected.len() >= 60, "only {} names can be opened", selected.len());
}

#[test]
fn a_server_in_plain_text_that_says_login_is_disabled_gets_no_password() {
    let capability = "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK done\r\n";
    let server = Script::new().on("CAPABILITY", say(capability)).start();
    let endpoint = server.endpoint(Security::None);
    let error = within(Duration::from_secs(5), "LOGINDISABLED", async move {
        Imap::connect(&endpoint, &Credentials::new("ani".into(), "geheim".into()), HASTY).await.unwrap_err()
    });
    assert!(!error.heals_by_itself(), "{error:?}");
    assert!(!server.record().text().contains("geheim"));
}
