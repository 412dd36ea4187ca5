//! P23, P24 and P25 where they count most: the real interface in a real terminal opens every mail, in every form, with
//! its links and files; every byte that reaches the terminal is read, and every call to the network is seen.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use surat::backend::mutf7;

use super::crossing::{message, payloads};
use super::grammar::alien;
use super::samples::{demo_letters, of_corpora, own, some_of};
use super::silence::noise;
use super::traced::traced;
use crate::cli::{Home, maildir};
use crate::support::is_full;
use crate::support::terminal::Term;

/// A mail is there when its mark is: a field in front of all others, shown among the full headers.
const MARK: &str = "X-Mark";

/// The interface on a Maildir of mails, reading one after the other.
struct Reading {
    term: Term,
    home: Home,
    calls: tempfile::NamedTempFile,
    /// Marks of the mails that were open.
    seen: BTreeSet<usize>,
    /// How long each took from the key to the screen.
    took: Vec<Duration>,
}

impl Reading {
    fn start(mails: &[Vec<u8>], folders: &[String]) -> Self {
        let home = Home::new();
        maildir(&home.path("Mail"), &[]);
        for (at, raw) in mails.iter().enumerate() {
            let marked = [format!("{MARK}: ({at})\r\n").as_bytes(), raw].concat();
            fs::write(home.path("Mail/cur").join(format!("{}.M{at}.sweep:2,", 1_790_000_000 + at)), marked).unwrap();
        }
        for folder in folders {
            maildir(&home.path("Mail").join(format!(".{}", mutf7::encode(folder))), &[]);
        }
        home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
        home.ok(&["sync"]);
        let calls = tempfile::NamedTempFile::new().unwrap();
        let mut term = Term::start(&traced("%network", &home.command(&[]), calls.path()), 140, 44);
        // The preview shows that the list is there.
        term.wait("the newest mail", |screen| screen.contains("From  "));
        term.press("gg\r");
        term.see("J next");
        term.press(",h");
        let mut reading = Self { term, home, calls, seen: BTreeSet::new(), took: Vec::new() };
        reading.arrive(Instant::now());
        reading
    }

    /// Waits until another mail is open than before.
    fn arrive(&mut self, since: Instant) {
        let seen = &self.seen;
        let is_last = |screen: &str| screen.contains("This is the last conversation");
        self.term
            .wait("another mail", |screen| is_last(screen) || mark(screen).is_some_and(|mark| !seen.contains(&mark)));
        assert!(!is_last(&self.term.text()), "only {:?} were opened", self.seen);
        self.took.push(since.elapsed());
        self.seen.insert(mark(&self.term.text()).unwrap());
    }

    fn next(&mut self) {
        let since = Instant::now();
        self.term.press("J");
        self.arrive(since);
    }

    /// Shows the mail that is open in its other forms, with its links and files, and gets back.
    fn look_round(&mut self) {
        const LINKS: &str = "Links and attachments";
        let here = mark(&self.term.text());
        if self.term.text().contains("links and files") {
            self.term.press("o");
            self.term.see(LINKS);
            self.term.press("G\u{3}");
            self.term.wait("the end of the links", |screen| !screen.contains(LINKS));
        }
        self.term.press(",h");
        self.term.wait("fewer fields", |screen| mark(screen).is_none());
        self.term.press("HHH,x,x,h");
        self.term.wait("all fields", |screen| mark(screen) == here);
    }

    /// Leaves, and looks at all that was written and asked for.
    fn end(mut self, what: &str) {
        self.term.press("qqq");
        let (status, session) = self.term.end_with_bytes();
        assert_eq!(alien(&session), None);
        let text = String::from_utf8_lossy(&session);
        assert!(status == 0 && !text.contains("panicked"), "{status}: {text}");
        let calls = fs::read_to_string(self.calls.path()).unwrap();
        let noise: Vec<&str> = noise(&calls).into_iter().filter(|line| !line.contains("AF_UNIX")).collect();
        assert!(noise.is_empty(), "{noise:?}");
        let log = fs::read_to_string(self.home.path(".local/state/surat/surat.log")).unwrap_or_default();
        assert!(!log.contains("stumbled"), "{log}");
        self.took.sort();
        let p99 = self.took[(self.took.len() * 99).div_ceil(100) - 1];
        println!(
            "{what}: {} mails opened on the screen, {} bytes drawn; from the key to the screen: median {:?}, p99 {p99:?}, \
             longest {:?} (traced, without optimisation)",
            self.seen.len(),
            session.len(),
            self.took[self.took.len() / 2],
            self.took[self.took.len() - 1]
        );
    }
}

/// Reads the mark of the mail that is open.
fn mark(screen: &str) -> Option<usize> {
    let (_, rest) = screen.split_once(MARK)?;
    rest.split_once('(')?.1.split_once(')')?.0.parse().ok()
}

#[test]
fn no_payload_reaches_the_terminal() {
    let payloads = payloads();
    let both = |payload: &String| [false, true].map(|is_in_structure| message(payload, is_in_structure));
    let mails: Vec<Vec<u8>> = payloads.iter().flat_map(both).collect();
    // What can be the name of a directory.
    let is_name = |name: &&String| !name.contains(['/', '.', '\0']) && mutf7::encode(name).len() < 250;
    let folders: Vec<String> = payloads.iter().filter(is_name).cloned().collect();
    let mut reading = Reading::start(&mails, &folders);
    loop {
        reading.look_round();
        if reading.seen.len() == mails.len() {
            break;
        }
        reading.next();
    }
    reading.term.press("gf");
    reading.term.see("Go to folder");
    (0..folders.len()).for_each(|_| reading.term.press("\u{e}"));
    reading.term.press("\u{3}hh");
    (0..folders.len()).for_each(|_| reading.term.press("j\r"));
    for payload in payloads.iter().step_by(5) {
        // A paste goes into the search as it is.
        let pasted = payload.replace('\u{1b}', "");
        reading.term.press(&format!("/\u{1b}[200~{pasted}\u{1b}[201~"));
        reading.term.see("Search: ");
        reading.term.press("\u{3}\u{3}");
        reading.term.wait("the end of the search", |screen| !screen.contains("Search: "));
    }
    println!("{} payloads, {} folders", payloads.len(), folders.len());
    reading.end("payloads");
}

#[test]
fn every_mail_opens_on_the_screen_and_asks_nothing_of_the_network() {
    let every = if is_full() { 1 } else { 16 };
    let mut samples = own();
    samples.extend(some_of(demo_letters(), every, "no name"));
    samples.extend(some_of(of_corpora(), every, "leak"));
    let mails: Vec<Vec<u8>> = samples.into_iter().map(|sample| sample.raw).collect();
    let mut reading = Reading::start(&mails, &[]);
    while reading.seen.len() < mails.len() {
        if reading.seen.len().is_multiple_of(4) {
            reading.look_round();
        }
        reading.next();
    }
    reading.end("mails");
}
