//! Every file of the corpora is read as a message: without a panic, in bounded time, in agreement with another parser.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use surat::mail::parse::{self, Message, PartBody};
use surat::mail::safe::SafeText;

use crate::safety::samples::{Sample, demo_letters, of_corpora, own, some_of};
use crate::support::is_full;

/// Nothing may take longer, on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(5);

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
    let samples = of_corpora();
    let reads = |sample: &&Sample| !read_through(&sample.raw, &sample.name).best_plain().trim().is_empty();
    println!("read {} files as messages, {} have text", samples.len(), samples.iter().filter(reads).count());
}

/// Messages that other parsers were broken with: the numbers of the full set are those of M4.
pub fn bombs() -> Vec<(&'static str, String)> {
    let scale = if is_full() { 50 } else { 1 };
    let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    let nested: String =
        (0..1_000 * scale).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let parameters: String = (0..4_000 * scale).map(|n| format!(" name*{n}=a;")).collect();
    vec![
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
    ]
}

#[test]
fn bombs_go_off_without_harm() {
    for (name, bomb) in bombs() {
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

/// What Python's parser reads in each of the messages.
fn other_readings(samples: &[Sample]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/read_mail.py");
    let mut child = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for sample in samples {
                stdin.write_all(format!("{}\n", sample.raw.len()).as_bytes()).unwrap();
                stdin.write_all(&sample.raw).unwrap();
            }
        });
        let output = child.wait_with_output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        // Python writes halves of characters that no JSON may hold; such a message is not well-formed.
        let value = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| json!({"faults": ["half a character"]}));
        lines.lines().map(value).collect()
    })
}

/// P32: what is well-formed has one right reading.
#[test]
fn another_parser_reads_the_same() {
    let every = if is_full() { 1 } else { 3 };
    let samples: Vec<Sample> =
        own().into_iter().chain(demo_letters()).chain(some_of(of_corpora(), every, "\0")).collect();
    let others = other_readings(&samples);
    assert_eq!(others.len(), samples.len());
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut compared, mut differing, mut odd) = (0, 0, 0);
    for (sample, other) in samples.iter().zip(&others) {
        let is_well_formed = other["faults"].as_array().unwrap().is_empty();
        let message = parse::message(&sample.raw);
        let text = message.parts.iter().find_map(|part| match &part.body {
            PartBody::Plain(text, _) if part.media_type == "text/plain" => Some(squeezed(text)),
            _ => None,
        });
        let from: Vec<&str> = message.header.from.iter().map(|from| from.addr.as_str()).collect();
        let mut differences = Vec::new();
        for (what, ours, theirs) in [
            ("subject", json!(squeezed(&message.header.subject)), &other["subject"]),
            ("from", json!(from), &other["from"]),
            ("date", json!(message.header.date.map(|date| date.0)), &other["date"]),
            ("text", json!(text), &other["text"]),
        ] {
            let is_same = ours == *theirs || (what == "text" && theirs.is_null());
            if !is_same && !other["subject"].is_null() {
                let cut = |value: &Value| value.to_string().chars().take(160).collect::<String>();
                differences.push(format!("  {what}: ours  {}\n  {what}: other {}", cut(&ours), cut(theirs)));
            }
        }
        compared += u32::from(is_well_formed);
        if differences.is_empty() {
            continue;
        }
        if is_well_formed {
            differing += 1;
        } else {
            odd += 1;
        }
        // What is not well-formed may be read either way; it is worth a look now and then.
        if is_well_formed || is_full() {
            println!(
                "{}{}\n{}",
                sample.name,
                if is_well_formed { "" } else { " (not well-formed)" },
                differences.join("\n")
            );
        }
    }
    println!(
        "{} messages: {compared} are well-formed, {differing} of these differ; of the others {odd} differ",
        samples.len()
    );
    assert!(compared >= 100 && differing * 100 <= compared, "{differing} of {compared} differ");
}
