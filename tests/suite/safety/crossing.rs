//! P24: every payload in every field, through the store to the command line's plain output and to the screen. A fixed
//! sample by default, everything under `SURAT_FULL=1`.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use surat::mail::content::Content;
use surat::mail::document::{Form, RenderOptions};
use surat::mail::keyword::Keywords;
use surat::mail::mailbox::Role;
use surat::mail::remote::{Arrived, Cursor, Delta, RemoteId, RemoteMailbox};
use surat::mail::render;
use surat::mail::safe::SafeText;
use surat::mail::time::UnixTime;
use surat::store::{Body, Store};

use crate::cli::{Home, maildir};
use crate::ui::harness::{Harness, letters};

/// Escapes of each kind that a terminal obeys, and each kind of invisible or turning character.
pub const PAYLOADS: [&str; 30] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",
    "\u{1b}]8;;https://evil.test\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{1b}_Gf=24;AAAA\u{1b}\\",
    "\u{1b}^private\u{1b}\\",
    "\u{1b}[6n\u{1b}[c\u{1b}[21t",
    "\u{1b}[?1049l\u{1b}[?25l\u{1b}[?1000h",
    "\u{1b}c\u{1b}#8\u{1b}(0",
    "\u{9b}31m\u{9d}0;c1\u{9c}\u{90}x\u{9c}",
    "a\u{0}b\u{7}c\u{8}d\u{b}e\u{c}f\u{7f}g",
    "over\rwritten",
    "two\r\nlines\nX-Injected: yes",
    "tab\there\u{85}next\u{2028}line\u{2029}paragraph",
    "\u{202e}fdp.exe",
    "\u{202a}a\u{202b}b\u{202c}c\u{202d}d",
    "\u{2066}a\u{2067}b\u{2068}c\u{2069}",
    "a\u{200e}b\u{200f}c\u{61c}d",
    "pay\u{200b}pal\u{200c}.com\u{200d}x",
    "soft\u{ad}hy\u{2060}phen\u{feff}",
    "\u{e0041}\u{e0042}tag\u{e007f}",
    "in\u{fff9}ter\u{fffa}lin\u{fffb}ear",
    "\u{115f}\u{3164}\u{ffa0}fill",
    "a\u{fe00}b\u{e0100}c\u{180e}d\u{2063}e",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}",
    "&#27;[31m&#x9b;5m&#8238;&#x200b;",
    "=1B[31m %1b[31m =?utf-8?q?=1B[31m?=",
    "\u{fdd0}\u{fffe}\u{10ffff}\u{e000}",
];

fn is_full() -> bool {
    std::env::var_os("SURAT_FULL").is_some()
}

/// Our payloads, and those of the corpora: all of them or every fortieth.
pub fn payloads() -> Vec<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let corpora = std::env::var_os("SURAT_CORPORA").map_or_else(beside, PathBuf::from);
    let list = std::fs::read_to_string(corpora.join("naughty-strings/blns.txt")).unwrap_or_default();
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let step = if is_full() { 1 } else { 40 };
    PAYLOADS.into_iter().chain(lines.step_by(step)).map(str::to_owned).collect()
}

/// Builds a message with the payload in each field; the structure may carry it too.
pub fn message(payload: &str, is_in_structure: bool) -> Vec<u8> {
    let line = payload.replace(['\r', '\n'], " ");
    let word = format!("=?utf-8?B?{}?=", STANDARD.encode(payload));
    let quoted = line.replace(['"', '\\'], "'");
    let (charset, boundary) = if is_in_structure { (quoted.as_str(), quoted.as_str()) } else { ("utf-8", "edge") };
    format!(
        "From: {word} \"{quoted}\" <x@{quoted}.test>\r\nTo: \"{quoted}\" <{quoted}@y.test>, {word} <z@y.test>\r\n\
         Cc: {line}\r\nReply-To: \"{quoted}\" <r@y.test>\r\nSubject: {line} {word}\r\nX-{quoted}: {line}\r\n\
         X-Mailer: {line} {word}\r\nMessage-ID: <{quoted}.{is_in_structure}@y.test>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/html; charset=\"{charset}\"\r\n\r\n\
         <p title=\"{quoted}\">{payload}</p><a href=\"https://{quoted}.test/{quoted}\">{payload}</a>\
         <img alt=\"{quoted}\" src=\"https://x.test/\"><table><tr><th>{payload}</th><td>{payload}</td></tr></table>\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=\"{charset}\"\r\n\r\n{payload}\r\n> {payload}\r\n\
         --{boundary}\r\nContent-Type: application/{quoted}; name=\"{quoted}\"\r\n\
         Content-Disposition: attachment; filename=\"{quoted}\"\r\n\r\nx\r\n\
         --{boundary}\r\nContent-Disposition: attachment; filename=\"{word}\"\r\n\r\nx\r\n--{boundary}--\r\n"
    )
    .into_bytes()
}

/// Finds what a terminal would obey or would not show, apart from the code that takes it out.
pub fn harm(text: &str) -> Option<char> {
    let chars: Vec<char> = text.chars().collect();
    chars.iter().enumerate().find_map(|(at, &c)| {
        let before = at.checked_sub(1).map_or(' ', |at| chars[at]);
        let is_harm = match c {
            '\n' => false,
            // They build emoji and shape letters of some scripts, never anything between Latin ones.
            '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => before.is_ascii_alphabetic() || before == ' ',
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => true,
            '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
            '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
            c => c.is_control(),
        };
        is_harm.then_some(c)
    })
}

#[track_caller]
fn check(text: &str, payload: &str, place: &str) {
    if let Some(c) = harm(text) {
        let line = text.lines().find(|line| harm(line).is_some()).unwrap_or(text);
        panic!("{c:?} of {payload:?} came through {place}: {line:?}");
    }
}

#[test]
fn the_command_line_prints_no_payload_as_it_came() {
    let home = Home::new();
    maildir(&home.path("Mail"), &[]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    let store = Store::open(&home.path(".local/share/surat")).unwrap();
    let account = store.account("home").unwrap();
    let payloads = payloads();
    let mailbox = |path: String, name: &str, role| RemoteMailbox {
        path,
        name: name.to_owned(),
        role,
        is_selectable: true,
        is_subscribed: true,
    };
    let mut wanted = vec![mailbox("INBOX".to_owned(), "INBOX", Some(Role::Inbox))];
    wanted.extend(payloads.iter().enumerate().map(|(at, payload)| mailbox(format!("f{at}"), payload, None)));
    let inbox = store.reconcile_mailboxes(account, &wanted).unwrap()[0];
    for (at, payload) in payloads.iter().enumerate() {
        for is_in_structure in [false, true] {
            let raw = message(payload, is_in_structure);
            let id = RemoteId(format!("{at}-{is_in_structure}"));
            let arrived = Arrived {
                id: id.clone(),
                keywords: Keywords::default(),
                received: UnixTime(1_793_588_400 + at as i64),
                size: raw.len() as u64,
                header: Content::read(&raw).header,
                object_id: None,
            };
            let deltas = [Delta::Arrived(Box::new(arrived)), Delta::Commit(Cursor("c".to_owned()))];
            store.apply(account, inbox, &deltas).unwrap();
            store.keep_bodies(vec![Body { mailbox: inbox, id, raw }]).unwrap();
        }
    }
    store.close();
    let most = (2 * payloads.len()).to_string();
    for arguments in [&["folders"][..], &["list", "--limit", &most], &["search", "in:inbox", "--limit", &most]] {
        let run = home.run(arguments);
        assert!(run.status == 0 && run.stdout.lines().count() >= payloads.len(), "{arguments:?}: {run:?}");
        check(&run.stdout, "a payload", arguments[0]);
        check(&run.stderr, "a payload", arguments[0]);
    }
    let listed = home.json(&["list", "--limit", &most]);
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2 * payloads.len());
    for mail in listed {
        let shown = home.ok(&["show", mail["id"].as_str().unwrap()]);
        assert!(!shown.trim().is_empty());
        check(&shown, &mail["subject"].to_string(), "show");
    }
    for payload in payloads.iter().filter(|payload| !payload.contains('\0') && !payload.starts_with('-')) {
        let run = home.run(&["search", &format!("frm:{payload}")]);
        check(&run.stdout, payload, "search");
        check(&run.stderr, payload, "what search says");
    }
}

#[test]
fn the_screen_shows_no_payload_as_it_came() {
    for payload in payloads() {
        check(SafeText::server_words(&payload).as_str(), &payload, "server words");
        for is_in_structure in [false, true] {
            let raw = message(&payload, is_in_structure);
            let options = RenderOptions { width: 100, form: Form::Best, show_hidden: true };
            let document = render::document(&raw, &[], options);
            let mut said: Vec<&SafeText> = document.fields.iter().flat_map(|(name, value)| [name, value]).collect();
            said.extend(document.attachments.iter().flat_map(|one| [&one.name, &one.media_type]));
            said.extend(document.links.iter().flat_map(|link| [&link.text, &link.shown]));
            said.extend(document.lines.iter().flat_map(|line| &line.spans).map(|span| &span.text));
            said.extend(document.folds.iter().map(|fold| &fold.label));
            said.extend(&document.warnings);
            said.into_iter().for_each(|text| check(text.as_str(), &payload, "a document"));
            let mut fake = letters();
            let header = Content::read(&raw).header;
            for mail in &mut fake.mails {
                mail.subject = header.subject.clone();
                mail.from = header.from.first().cloned().unwrap_or_else(|| mail.from.clone());
            }
            for mailbox in fake.mailboxes.iter_mut().filter(|mailbox| mailbox.role.is_none()) {
                mailbox.name = payload.clone();
            }
            fake.accounts[0].name = payload.clone();
            fake.raw = Some(raw);
            let mut harness = Harness::new(120, 40, fake);
            for keys in ["g i", "Enter", "o", "Esc", "v", "q", "/"] {
                harness.press(keys);
                check(&harness.screen(), &payload, &format!("the screen after {keys}"));
            }
        }
    }
}
