//! Every file of the corpora is read as a message: without a panic, in bounded time, in agreement with another parser.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use surat::mail::parse::{self, Message, PartBody};
use surat::mail::safe::SafeText;

/// Nothing may take longer, on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(5);

fn corpora() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    std::env::var_os("SURAT_CORPORA").map_or_else(beside, PathBuf::from)
}

fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![corpora()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    found.sort();
    found
}

/// Reads all that can be asked of a message; every word is harmless as a line.
fn read_through(raw: &[u8], what: &str) -> Message {
    let started = Instant::now();
    let message = parse::message(raw);
    let attachments = message.attachments();
    let (search, preview) = (message.search_text(), message.preview());
    message.has_attachment();
    let took = started.elapsed();
    assert!(took < LONGEST, "{what} took {took:?}");
    assert!(search.len() <= 2 * 1024 * 1024 && preview.chars().count() <= 200, "{what}");
    for (at, attachment) in attachments.iter().enumerate() {
        assert_eq!(attachment.number, at + 1, "{what}");
        let name = attachment.name.as_str();
        assert!(!name.is_empty() && !name.starts_with(['.', '-']) && !name.contains(['/', '\\']), "{what}: {name}");
    }
    for attachment in attachments.iter().take(20) {
        let bytes = message.attachment_bytes(attachment.number).unwrap();
        assert_eq!(bytes.len() as u64, attachment.size, "{what}");
    }
    for (name, value) in message.fields.iter().take(200) {
        let line = SafeText::line(&format!("{name}: {value}"));
        let is_bad = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
        };
        assert!(!line.as_str().contains(is_bad), "{what}: {line:?}");
    }
    message
}

#[test]
fn every_file_of_the_corpora_is_a_message() {
    let files = files();
    let mut with_text = 0;
    for path in &files {
        let message = read_through(&fs::read(path).unwrap(), &path.display().to_string());
        with_text += usize::from(!message.best_plain().trim().is_empty());
    }
    eprintln!("read {} files as messages, {with_text} have text", files.len());
}

#[test]
fn bombs_go_off_without_harm() {
    // The numbers of the full set are those that other parsers were broken with.
    let scale = if std::env::var_os("SURAT_FULL").is_some() { 50 } else { 1 };
    let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    let nested: String =
        (0..1_000 * scale).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let parameters: String = (0..4_000 * scale).map(|n| format!(" name*{n}=a;")).collect();
    for (name, bomb) in [
        ("parts", format!("{head}{}", "--b\r\n\r\nx\r\n".repeat(20_000 * scale))),
        ("multiparts", nested),
        ("messages", "Content-Type: message/rfc822\r\n\r\n".repeat(2_000 * scale)),
        // Neither a boundary within a line nor a longer one divides; if it did, nothing here would be bounded.
        ("hidden messages", format!("{head}x--b\r\n{}", "Content-Type: message/rfc822\r\n\r\n".repeat(10_000 * scale))),
        ("messages behind", format!("{head}--bb\r\n{}", "Content-Type: message/rfc822\r\n\r\n".repeat(10_000 * scale))),
        (
            "lost boundaries",
            format!("{head}{}", "--b\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nx\r\n".repeat(9_000 * scale)),
        ),
        ("subject", format!("Subject: {}\r\n\r\n", "a ".repeat(200_000 * scale))),
        ("fields", format!("{}\r\n", "X: y\r\n".repeat(10_000 * scale))),
        ("parameters", format!("Content-Type: text/plain;{parameters}\r\n\r\nx")),
        ("words", format!("Subject: {}\r\n\r\n", "=?utf-8?Q?=C3".repeat(5_000 * scale))),
        ("cut words", format!("Subject: {}?=\r\n\r\n", "=?a".repeat(5_000 * scale))),
        ("joined words", format!("Subject: {}\r\n\r\n", "=?utf-8?Q?=C3?= ".repeat(5_000 * scale))),
        ("addresses", format!("To: {}\r\n\r\n", "a@b.test, ".repeat(5_000 * scale))),
        ("comments", format!("From: {}\r\n\r\n", "(".repeat(5_000 * scale))),
    ] {
        let started = Instant::now();
        let message = read_through(bomb.as_bytes(), name);
        parse::header(bomb.as_bytes());
        eprintln!(
            "{name}: {} bytes, {} parts, {:?}, {:?}",
            bomb.len(),
            message.parts.len(),
            started.elapsed(),
            message.notes
        );
        assert!(message.parts.len() <= 10_000, "{name}");
    }
}

#[test]
fn another_parser_reads_the_same() {
    let files: Vec<PathBuf> =
        files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/read_mail.py");
    let child = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return eprintln!("no python3: nothing to compare with") };
    let mut stdin = child.stdin.take().unwrap();
    let paths: String = files.iter().map(|path| format!("{}\n", path.display())).collect();
    let writer = std::thread::spawn(move || stdin.write_all(paths.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut compared, mut differing) = (0, 0);
    for (path, line) in files.iter().zip(String::from_utf8(output.stdout).unwrap().lines()) {
        // Python writes halves of characters that no JSON may hold; such a message is not well-formed.
        let Ok(other) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if other["well_formed"] != true {
            continue;
        }
        compared += 1;
        let message = parse::message(&fs::read(path).unwrap());
        let text = message.parts.iter().find_map(|part| match &part.body {
            PartBody::Plain(text, _) if part.media_type == "text/plain" => Some(squeezed(text)),
            _ => None,
        });
        let from: Vec<&str> = message.header.from.iter().map(|from| from.addr.as_str()).collect();
        let mut differences = Vec::new();
        for (what, ours, theirs) in [
            ("subject", serde_json::json!(squeezed(&message.header.subject)), &other["subject"]),
            ("from", serde_json::json!(from), &other["from"]),
            ("date", serde_json::json!(message.header.date.map(|date| date.0)), &other["date"]),
            ("text", serde_json::json!(text), &other["text"]),
        ] {
            let is_same = ours == *theirs || (what == "text" && theirs.is_null());
            if !is_same {
                let cut = |value: &serde_json::Value| value.to_string().chars().take(160).collect::<String>();
                differences.push(format!("  {what}: ours {}\n  {what}: other {}", cut(&ours), cut(theirs)));
            }
        }
        if !differences.is_empty() {
            differing += 1;
            eprintln!("{}\n{}", path.display(), differences.join("\n"));
        }
    }
    eprintln!("compared {compared} well-formed messages of {}; {differing} differ", files.len());
    assert!(differing * 100 <= compared, "{differing} of {compared} differ");
}
