//! The attacks on STARTTLS (Poddebniak and others, USENIX Security 2021, by class) as scripted peers: whatever is said
//! before TLS, no credential ever goes in clear text and nothing said there is believed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use surat::backend::imap::{Credentials, Imap};
use surat::backend::net::Security;
use surat::backend::{Backend, Error};
use surat::mail::remote::RemoteMailbox;

use super::imap::{HASTY, Mirror, within};
use crate::support::scripted::{Script, Step, say};

const NAME: &str = "ani-marker";
const PASSWORD: &str = "geheim-marker";

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// No connection.
    Fail,
    /// No connection, or one that knows nothing of what was said before TLS.
    NotBelieve,
}

use Must::{Fail, NotBelieve};

fn greet(text: &str) -> Script {
    Script::new().greet(say(text))
}

/// A server that answers STARTTLS like this, says it to a plain LOGIN too, and would take the password.
fn answer(text: &str) -> Script {
    Script::new().on("STARTTLS", say(text))
}

fn tls_after(text: &str) -> Script {
    Script::new().on("STARTTLS", [say(text), vec![Step::StartTls]].concat())
}

fn close_after(text: &str) -> Script {
    Script::new().on("STARTTLS", [say(text), vec![Step::Close]].concat())
}

/// What is slipped in before TLS in the tampering cases.
const UNTAGGED: [&str; 12] = [
    "* LIST () \"/\" \"Click me\"\r\n",
    "* LSUB () \"/\" \"Click me\"\r\n",
    "* STATUS \"Click me\" (MESSAGES 5)\r\n",
    "* SEARCH 1 2 3\r\n",
    "* FLAGS (\\Click)\r\n",
    "* 77 EXISTS\r\n",
    "* 77 RECENT\r\n",
    "* 1 EXPUNGE\r\n",
    "* 1 FETCH (UID 1 FLAGS () BODY[] {5}\r\nClick)\r\n",
    "* CAPABILITY IMAP4rev1 CLICKME\r\n",
    "* OK [CAPABILITY IMAP4rev1 CLICKME] Click me\r\n",
    "* OK [ALERT] Click me\r\n",
];

fn cases() -> Vec<(String, Must, Script)> {
    let mut cases: Vec<(String, Must, Script)> = Vec::new();
    let mut add = |name: &str, must: Must, script: Script| cases.push((name.to_string(), must, script));

    // T1: stripping.
    for refusal in [
        "{tag} NO no TLS today\r\n",
        "{tag} BAD what\r\n",
        "{tag} NO [ALERT] use plain text\r\n",
        "+ go on\r\n",
        "+ \r\n{tag} NO\r\n",
        "* OK STARTTLS is not needed\r\n{tag} NO\r\n",
        "* BYE no\r\n",
        "{tag} BYE\r\n",
        "{tag} PREAUTH\r\n",
        "{tag}\r\n",
        "{tag} \r\n",
        "OK\r\n",
        "* OK\r\n",
        "\r\n",
        "454 TLS not available\r\n",
        "-ERR no\r\n",
        "\u{0}\u{0}\r\n",
    ] {
        add(&format!("T1 STARTTLS answered {refusal:?}"), Fail, answer(refusal));
        add(&format!("T1 STARTTLS answered {refusal:?}, then hung up"), Fail, close_after(refusal));
    }
    add("T1 the capability is missing and STARTTLS refused", Fail, {
        answer("{tag} BAD unknown\r\n")
            .greet(say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"))
            .on("CAPABILITY", say("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n"))
    });
    // T2: the capability command hidden or wrong.
    for capability in ["{tag} BAD\r\n", "{tag} NO\r\n", "* CAPABILITY\r\n{tag} OK\r\n"] {
        let script = answer("{tag} NO\r\n").on("CAPABILITY", say(capability));
        add(&format!("T2 CAPABILITY answered {capability:?}"), Fail, script);
    }
    // T3: injection after the answer, in the same segment.
    for injected in [
        "* CAPABILITY IMAP4rev1 CLICKME\r\n",
        "A0001 OK\r\n",
        "A0002 OK done\r\n",
        "{tag} OK again\r\n",
        "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] again\r\n",
        "* PREAUTH hello\r\n",
        "* BYE\r\n",
        "x",
        "\r\n",
        "* LIST () \"/\" \"Click me\"\r\nA0002 OK\r\nA0003 OK\r\nA0004 OK\r\n",
    ] {
        add(&format!("T3 {injected:?} injected"), Fail, tls_after(&format!("{{tag}} OK begin\r\n{injected}")));
    }
    // T4: PREAUTH.
    for greeting in [
        "* PREAUTH hello\r\n",
        "* preauth\r\n",
        "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n",
        "* PREAUTH [ALERT] Click me\r\n",
        "* OK hello\r\n* PREAUTH hello\r\n",
    ] {
        add(&format!("T4 {greeting:?}"), Fail, greet(greeting));
    }
    add("T4 PREAUTH for STARTTLS", Fail, answer("* PREAUTH you are in\r\n"));
    // T5: tampering with untagged answers.
    for untagged in UNTAGGED {
        add(
            &format!("T5 {untagged:?} in the answer"),
            NotBelieve,
            tls_after(&format!("{untagged}{{tag}} OK begin\r\n")),
        );
        add(&format!("T5 {untagged:?} with the greeting"), NotBelieve, greet(&format!("* OK ready\r\n{untagged}")));
        add(&format!("T5 {untagged:?} as the greeting"), NotBelieve, greet(untagged));
    }
    // T6: referrals.
    for referral in ["imap://evil.example.com/", "imap://;AUTH=*@evil.example.com/INBOX"] {
        add("T6 in the greeting", Fail, greet(&format!("* BYE [REFERRAL {referral}] go there\r\n")));
        add("T6 with OK", NotBelieve, greet(&format!("* OK [REFERRAL {referral}] go there\r\n")));
        add("T6 for STARTTLS", Fail, answer(&format!("{{tag}} NO [REFERRAL {referral}] go there\r\n")));
    }
    // T7: words of before TLS are for nobody's eyes.
    for words in ["Click me", "[ALERT] Click me", "[WEBALERT https://evil.example.com/ Click me]"] {
        add(&format!("T7 {words} to STARTTLS"), Fail, answer(&format!("{{tag}} NO {words}\r\n")));
        add(&format!("T7 {words} and goodbye"), Fail, greet(&format!("* BYE {words}\r\n")));
    }
    // T8: a first reply that leads past TLS: answers to commands never sent, in the greeting already.
    for tag in ["a", "A1", "A0001", "A0002", "s0", "1", "0001", "{tag}", "*"] {
        let early = format!("* OK ready\r\n{tag} OK begin TLS\r\n");
        add(&format!("T8 {tag} OK before the command"), Fail, greet(&early).on("STARTTLS", vec![Step::Hold]));
        if tag != "{tag}" {
            add(&format!("T8 {tag} OK to the command"), Fail, answer(&format!("{tag} OK begin\r\n")));
        }
    }
    // T9: odd beginnings.
    for greeting in [
        "\r\n",
        "OK\r\n",
        "* \r\n",
        "*\r\n",
        "* NO\r\n",
        "* BAD\r\n",
        "220 mail ESMTP\r\n",
        "+OK POP3\r\n",
        "+ \r\n",
        "\u{0}",
        "* OK\u{0}\r\n\u{0}",
        "\u{16}\u{3}\u{1}",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "* OKAY\r\n",
    ] {
        let script = greet(greeting).on("STARTTLS", say("{tag} NO\r\n"));
        add(&format!("T9 greeting {greeting:?}"), Fail, script);
    }
    add("T9 hung up at once", Fail, Script::new().greet(vec![Step::Close]));
    add("T9 hung up at STARTTLS", Fail, Script::new().on("STARTTLS", vec![Step::Close]));
    add("T9 plain text where TLS should be", Fail, answer("{tag} OK begin\r\n"));
    add("T9 hung up where TLS should be", Fail, close_after("{tag} OK begin\r\n"));
    let endless = |bytes: &str| vec![Step::Flood { bytes: bytes.into(), cap: 4 << 20 }];
    add("T9 a greeting without an end", Fail, Script::new().greet(endless("* OK ")));
    add("T9 endless lines as an answer", Fail, Script::new().on("STARTTLS", endless("* OK still busy\r\n")));
    cases
}

async fn try_all(endpoint: surat::backend::net::Endpoint) -> Result<(Vec<RemoteMailbox>, Vec<String>, usize), Error> {
    let mut imap = Imap::connect(&endpoint, &Credentials::new(NAME.into(), PASSWORD.into()), HASTY).await?;
    let folders = imap.mailboxes().await?;
    let mut mirror = Mirror::default();
    mirror.pull(&mut imap, "INBOX").await?;
    Ok((folders, imap.offer().words, mirror.messages.len()))
}

#[test]
fn no_attack_on_starttls_gets_a_credential_or_is_believed() {
    let cases = cases();
    assert!(cases.len() > 130, "{}", cases.len());
    // Most of them only wait: side by side.
    std::thread::scope(|scope| {
        let shares: Vec<_> = (0..8).map(|share| cases.iter().skip(share).step_by(8)).collect();
        let running: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(|| share.for_each(|(name, must, script)| check(name, *must, script.clone()))))
            .collect();
        for thread in running {
            thread.join().unwrap_or_else(|reason| std::panic::resume_unwind(reason));
        }
    });
}

fn check(name: &str, must: Must, script: Script) {
    let server = script.start();
    let endpoint = server.endpoint(Security::StartTls);
    let result = within(Duration::from_secs(10), name, try_all(endpoint));
    let record = server.record();
    let clear = String::from_utf8_lossy(&record.clear).into_owned();
    let upper = clear.to_ascii_uppercase();
    let secrets = [
        NAME.to_string(),
        PASSWORD.to_string(),
        STANDARD.encode(NAME),
        STANDARD.encode(PASSWORD),
        STANDARD.encode(format!("\0{NAME}\0{PASSWORD}")),
    ];
    assert!(secrets.iter().all(|secret| !clear.contains(secret.as_str())), "{name}: {clear}");
    let forbidden = ["LOGIN", "AUTHENTICATE", "LIST", "SELECT", "EXAMINE", "STATUS", "FETCH", "ID ("];
    assert!(forbidden.iter().all(|word| !upper.contains(word)), "{name}: {clear}");
    assert!(record.greeted <= 1, "{name}: came again by itself");
    match result {
        Ok((folders, words, messages)) => {
            assert_eq!(must, NotBelieve, "{name}: connected");
            assert!(!record.inside.is_empty(), "{name}");
            assert_eq!(folders.iter().map(|folder| &folder.path[..]).collect::<Vec<_>>(), ["INBOX"], "{name}");
            assert!(!words.contains(&"CLICKME".to_string()), "{name}: {words:?}");
            assert_eq!(messages, 1, "{name}");
        }
        Err(error) => {
            let shown = format!("{error:?} {error}").to_ascii_lowercase();
            assert!(!shown.contains("click") && !shown.contains("evil"), "{name}: {error:?}");
            assert_eq!(error.server_says, None, "{name}: words of before TLS");
            assert!(!shown.contains(PASSWORD), "{name}");
            assert!(record.inside.is_empty(), "{name}: {}", String::from_utf8_lossy(&record.inside));
        }
    }
}

#[test]
fn preauth_inside_tls_is_refused_too() {
    let server = Script::tls(&crate::support::certs::certs().good).greet(say("* PREAUTH welcome\r\n")).start();
    let endpoint = server.endpoint(Security::Tls);
    let error = within(Duration::from_secs(5), "PREAUTH inside TLS", try_all(endpoint)).unwrap_err();
    assert_eq!(error.kind, surat::backend::Kind::Tls, "{error}");
    assert!(server.record().inside.is_empty(), "{}", server.record().text());
}
