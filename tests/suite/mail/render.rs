//! Every message of the corpora is made readable: in bounded time, within its width, without a control character.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use surat::mail::document::{Document, Form, RenderOptions};
use surat::mail::render::document;
use surat::mail::wrap;

use crate::safety::samples::{Sample, demo_letters, own};
use crate::support::is_full;

/// Nothing of the corpora may take longer, on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(5);

/// The sets of the corpora that hold messages or HTML.
const SETS: &[&str] = &[
    "httpleaks",
    "imaptest-mbox",
    "mail-parser",
    "mime4j",
    "mimekit",
    "mimekit-html",
    "naughty-strings",
    "nodemailer-mailparser",
    "php-mime-mail-parser",
    "ruby-mail",
    "spamassassin-tests",
    "zbateson-mail-mime-parser",
];

/// Finds the corpora: where `SURAT_CORPORA` says, else beside the checkout.
fn corpora() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    std::env::var_os("SURAT_CORPORA").map_or_else(beside, PathBuf::from)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    found.sort();
    found
}

fn options(width: u16, form: Form) -> RenderOptions {
    RenderOptions { width, form, show_hidden: false }
}

/// Wraps an HTML text in a message of its own.
fn as_message(html: &[u8]) -> Vec<u8> {
    let mut message = b"From: ana@toko.test\r\nContent-Type: text/html; charset=utf-8\r\n\r\n".to_vec();
    message.extend_from_slice(html);
    message
}

fn assert_harmless(document: &Document, width: u16, path: &Path) {
    for line in &document.lines {
        let taken: usize = line.spans.iter().map(|span| wrap::width(span.text.as_str())).sum();
        assert!(taken <= usize::from(width), "{}: {taken} columns of {width}: {line:?}", path.display());
    }
    let texts = document.lines.iter().flat_map(|line| &line.spans).map(|span| span.text.as_str());
    let links = document.links.iter().flat_map(|link| [link.text.as_str(), link.shown.as_str()]);
    let fields = document.fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let others = document.warnings.iter().map(|warning| warning.as_str());
    for text in texts.chain(links).chain(fields).chain(others) {
        assert!(!text.contains(char::is_control), "{}: {text:?}", path.display());
    }
}

#[test]
fn every_corpus_message_is_readable_at_any_width() {
    let corpora = corpora();
    let files: Vec<PathBuf> = SETS.iter().flat_map(|set| files_below(&corpora.join(set))).collect();
    let (mut slowest, mut with_text) = ((Duration::ZERO, PathBuf::new()), 0);
    for path in &files {
        let bytes = fs::read(path).unwrap();
        let is_html = path.extension().is_some_and(|extension| extension == "html");
        let raw = if is_html { as_message(&bytes) } else { bytes };
        let forms = [(38, Form::Best), (78, Form::Html), (120, Form::Plain), (78, Form::Source)];
        // The source of a long message is long, and nothing but long.
        let count = if raw.len() > 100_000 { 3 } else { 4 };
        for (width, form) in forms.into_iter().take(count) {
            let started = Instant::now();
            let document = document(&raw, &[], options(width, form));
            let took = started.elapsed();
            assert!(took < LONGEST, "{} took {took:?}", path.display());
            assert_harmless(&document, width, path);
            with_text += usize::from(form == Form::Best && !document.lines.is_empty());
            if took > slowest.0 {
                slowest = (took, path.clone());
            }
        }
    }
    eprintln!(
        "read {} messages, {with_text} with text; the slowest took {:?}: {}",
        files.len(),
        slowest.0,
        slowest.1.display()
    );
    assert!(files.is_empty() || with_text > files.len() / 2, "{with_text} of {} have text", files.len());
}

#[test]
fn everything_that_would_be_fetched_is_counted() {
    let Ok(leaks) = fs::read(corpora().join("httpleaks/leak.html")) else { return };
    let document = document(&as_message(&leaks), &[], options(78, Form::Html));
    assert!(document.remote_parts >= 120, "{}", document.remote_parts);
}

#[test]
fn a_message_of_every_kind_of_part_is_put_together() {
    let raw = "From: =?utf-8?q?Bank_Mandala?= <info@mandala-secure.test>\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; format=flowed\r\n\r\nHello \r\nAna,\r\n> you wrote\r\n--b\r\n\
        Content-Type: text/html\r\n\r\n<p>Hello <b>Ana</b>,</p>\r\n--b--\r\n--a\r\n\
        Content-Type: image/png; name=\"../x.png\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
        --a\r\nContent-Type: message/rfc822\r\n\r\nFrom: budi@toko.test\r\nSubject: Inner\r\n\r\nInside\r\n--a--\r\n";
    let spelled = |document: &Document| -> Vec<String> {
        document.lines.iter().map(|line| line.spans.iter().map(|span| span.text.as_str()).collect()).collect()
    };
    let best = document(raw.as_bytes(), &[], options(40, Form::Best));
    assert_eq!(
        spelled(&best),
        [
            "Hello Ana,",
            "> you wrote",
            "",
            "── attached message ────────────────────",
            "From    budi@toko.test",
            "Subject Inner",
            "",
            "Inside"
        ]
    );
    assert_eq!(best.forms, [Form::Plain, Form::Html, Form::Source]);
    assert_eq!(
        best.attachments.iter().map(|a| (a.number, a.media_type.as_str())).collect::<Vec<_>>(),
        [(1, "image/png"), (2, "message/rfc822")]
    );
    assert_eq!(best.warnings[0].as_str(), "Says \"Bank Mandala\" but comes from mandala-secure.test");
    assert_eq!(best.fields[1].0.as_str(), "Subject");
    assert_eq!(spelled(&document(raw.as_bytes(), &[], options(40, Form::Html)))[0], "Hello Ana,");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if is_full() { 20_000 } else { 200 }, ..ProptestConfig::default() })]

    /// Real mails put together anew, cut and with bytes changed: closer to what breaks than bytes at random.
    #[test]
    fn broken_mails_are_read_and_shown(
        pieces in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3_000_usize), 1..6),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        width in 1u16..200,
    ) {
        static OWN: LazyLock<Vec<Sample>> = LazyLock::new(|| own().into_iter().chain(demo_letters()).collect());
        let mut raw: Vec<u8> = Vec::new();
        for (which, from, length) in pieces {
            let mail = &OWN[which.index(OWN.len())].raw;
            let from = if mail.is_empty() { 0 } else { from.index(mail.len()) };
            // Half of the pieces are whole beginnings, with a header.
            let from = if length % 2 == 0 { 0 } else { from };
            raw.extend_from_slice(&mail[from..mail.len().min(from + length)]);
        }
        raw.push(b'\n');
        for (at, byte) in changes {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        surat::mail::parse::message(&raw).search_text();
        for form in [Form::Best, Form::Plain, Form::Html, Form::Source] {
            let document = document(&raw, &[], options(width, form));
            assert_harmless(&document, width.max(u16::try_from(wrap::NARROWEST).unwrap()), Path::new("pieces"));
        }
    }
}
