//! P23 and P31: every mail that others found troubling is synced, listed, opened, found and taken apart, and comes out
//! byte for byte. Rendering takes a sample by default, everything under `SURAT_FULL=1`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use surat::accounts::sync::once;
use surat::config::account::{Account, Source};
use surat::mail::document::{Form, RenderOptions};
use surat::mail::email::Email;
use surat::mail::query::{Field, Query};
use surat::mail::view::{Anchor, Scope, View};
use surat::mail::{parse, render};
use surat::store::Store;

use super::samples::{Sample, demo_letters, make_maildir, of_corpora, own};
use crate::support::is_full;

/// No mail may take longer for any one of these things, on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(10);
/// One mail of so many is rendered in every form and width.
const EVERY: usize = 8;
/// Rows of a list's page.
const PAGE: usize = 40;
const FORMS: [Form; 4] = [Form::Best, Form::Plain, Form::Html, Form::Source];
const WIDTHS: [u16; 3] = [38, 78, 120];

/// Says which mail took too long for what.
#[track_caller]
fn timed<T>(name: &str, what: &str, act: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = act();
    let took = started.elapsed();
    assert!(took < LONGEST, "{what} {name} took {took:?}");
    done
}

/// Syncs samples as a Maildir account; gives the store with its directory, the emails, and their names by their bytes.
fn synced(samples: &[Sample]) -> (tempfile::TempDir, Store, Vec<Email>) {
    let dir = tempfile::tempdir().unwrap();
    make_maildir(&dir.path().join("Mail"), samples);
    let store = Store::open(&dir.path().join("store")).unwrap();
    let account = Account::new("sweep", "budi@pasar.example", Source::Maildir { path: dir.path().join("Mail") });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = runtime.block_on(once(&store, &[account], &(Arc::new(|_| {}) as _))).remove(0).report;
    assert_eq!(report.error, None);
    assert_eq!(report.fetched, samples.len() as u64);
    let inbox = store.mailboxes(None).unwrap()[0].id;
    let emails = store.emails(&View::Mailbox(inbox), None, usize::MAX / 4).unwrap();
    assert_eq!(emails.len(), samples.len(), "one row a copy");
    (dir, store, emails)
}

/// Pages through the conversations of the inbox; gives how many there are.
fn page_through(store: &Store) -> u64 {
    let view = View::Mailbox(store.mailboxes(None).unwrap()[0].id);
    let (mut anchor, mut seen) = (Anchor::Top, 0);
    loop {
        let page = timed("of conversations", "a page", || store.rows(&view, anchor, PAGE).unwrap());
        seen += page.rows.len() as u64;
        match page.rows.last() {
            Some(last) if page.has_after => anchor = Anchor::After(last.key),
            _ => return seen,
        }
    }
}

/// Finds a mail by the longest plain word of its subject; says whether there was one to look by.
fn find(store: &Store, email: &Email, name: &str) -> bool {
    let words = email.header.subject.split(|c: char| !c.is_ascii_alphanumeric());
    let Some(word) = words.filter(|word| word.len() >= 3).max_by_key(|word| word.len()) else { return false };
    let query = Query::Text { field: Field::Subject, words: word.to_owned(), is_phrase: false };
    let view = View::Search(query, Scope::Everywhere);
    let found = timed(name, "finding", || store.emails(&view, None, usize::MAX / 4).unwrap());
    assert!(found.iter().any(|one| one.id == email.id), "{word:?} of {:?} does not find {name}", email.header.subject);
    true
}

#[test]
fn every_mail_is_listed_opened_found_and_taken_apart_and_comes_out_as_it_came() {
    let samples: Vec<Sample> = own().into_iter().chain(demo_letters()).chain(of_corpora()).collect();
    let (_dir, store, emails) = synced(&samples);
    // Each file as often as it was given; the names are for messages alone.
    let mut given: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
    for sample in &samples {
        given.entry(&sample.raw).or_default().push(&sample.name);
    }
    let conversations = page_through(&store);
    assert!(conversations > 0 && conversations <= samples.len() as u64);
    let (mut found, mut taken_out, mut rendered) = (0, 0, 0);
    for (at, listed) in emails.iter().enumerate() {
        let raw = store.raw(listed.id).unwrap().unwrap_or_else(|| panic!("{} has no body", listed.header.subject));
        let name = given.get_mut(raw.as_slice()).and_then(Vec::pop);
        let name = name.unwrap_or_else(|| panic!("{:?}: these bytes were not given", listed.header.subject));
        let email = timed(name, "opening", || store.email(listed.id).unwrap().unwrap());
        assert_eq!(&email, listed, "{name}");
        let thread = timed(name, "the conversation of", || store.thread(email.thread).unwrap());
        // A copy with the same content stands for it.
        let is_there = |one: &Email| one.id == email.id || store.raw(one.id).unwrap().as_ref() == Some(&raw);
        assert!(thread.iter().any(is_there), "{name} is not in its conversation");
        let message = timed(name, "reading", || parse::message(&raw));
        for attachment in message.attachments() {
            let bytes = timed(name, "an attachment of", || message.attachment_bytes(attachment.number).unwrap());
            assert_eq!(bytes.len() as u64, attachment.size, "{name}");
            taken_out += 1;
        }
        found += u32::from(find(&store, &email, name));
        if is_full() || at % EVERY == 0 {
            for (form, width) in FORMS.into_iter().flat_map(|form| WIDTHS.map(|width| (form, width))) {
                let options = RenderOptions { width, form, show_hidden: false };
                let document = timed(name, "rendering", || render::document(&raw, &[], options));
                // Beside a text, the HTML may be empty.
                let is_empty = document.lines.is_empty() && form != Form::Html;
                assert!(!is_empty || message.best_plain().trim().is_empty(), "{name} in {form:?}");
            }
            rendered += 1;
        }
    }
    let left: Vec<_> = given.values().flatten().collect();
    assert!(left.is_empty(), "{left:?} did not come out as they came");
    assert!(found * 2 > samples.len() as u32, "only {found} were looked for");
    assert!(taken_out > 10);
    store.check().unwrap();
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    println!(
        "read {} messages in {conversations} conversations: {found} found by a word of their subject, {taken_out} \
         attachments taken out, {rendered} rendered in each form and width",
        samples.len()
    );
}
