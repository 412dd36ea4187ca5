//! Stores that older programs wrote. Each is kept as the program of its time made it.

use rusqlite::Connection;
use surat::mail::id::MailboxId;
use surat::mail::view::{Scope, View};
use surat::store::{FILE_NAME, NEWEST, Options, SCHEMA, Store};
use tempfile::TempDir;

use super::NOW;
use super::opening::shape;
use super::searching::text;

fn opened(old: &str) -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let old = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(old);
    std::fs::copy(old, dir.path().join(FILE_NAME)).unwrap();
    let store = Store::open_with(dir.path(), Options { clock: Some(|| NOW), ..Options::default() }).unwrap();
    (dir, store)
}

#[test]
fn a_store_of_version_1_is_brought_up_to_date_and_read() {
    let (dir, store) = opened("store-1.db");
    let fresh = Connection::open_in_memory().unwrap();
    fresh.execute_batch(SCHEMA).unwrap();
    let file = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    assert_eq!(shape(&file), shape(&fresh));
    let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, NEWEST);
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    store.check().unwrap();

    let folders: Vec<(String, u64)> =
        store.mailboxes(None).unwrap().into_iter().map(|mailbox| (mailbox.name, mailbox.total)).collect();
    // What was marked as deleted is shown no more, nor is what lies in a folder that the server dropped.
    let counts = [("Inbox", 4), ("Archive", 1), ("Trash", 0), ("Lists", 5)];
    let mut counts = counts.map(|(name, total)| (name.to_owned(), total)).to_vec();
    counts.sort();
    let mut folders = folders;
    folders.sort();
    assert_eq!(folders, counts);
    let emails = store.emails(&View::Mailbox(MailboxId(1)), None, 9).unwrap();
    let lines: Vec<(String, String)> =
        emails.iter().map(|email| (email.header.subject.clone(), email.keywords.to_text())).collect();
    let line = |subject: &str, keywords: &str| (subject.to_owned(), keywords.to_owned());
    assert_eq!(
        lines,
        [
            line("Subject 6", ""),
            line("Subject 5", ""),
            line("Subject 4", "$flagged"),
            line("Subject 2", "$flagged $seen"),
        ]
    );
    assert_eq!(emails[1].thread, emails[2].thread);
    let found = store.emails(&View::Search(text("tide"), Scope::Everywhere), None, 9).unwrap();
    assert_eq!(found.len(), 2);
    let raw = store.raw(emails[2].id).unwrap().unwrap();
    assert!(String::from_utf8(raw).unwrap().ends_with("The tide of letter 4\r\n"));

    // What was still to be heard is still to be heard, and what was done is still taken back and done again.
    let account = store.accounts().unwrap()[0].0;
    assert_eq!(store.pending(account, 9).unwrap().emails.len(), 2);
    assert_eq!(store.notices().unwrap().len(), 1);
    let redone = store.redo(NOW).unwrap().unwrap();
    assert_eq!((redone.label.as_str(), redone.emails), ("Marked 1 message as read", 1));
    assert_eq!(store.email(emails[0].id).unwrap().unwrap().keywords.to_text(), "$seen", "the last one taken back");
    for _ in 0..3 {
        store.undo(NOW).unwrap().unwrap();
    }
    assert_eq!(store.undo(NOW).unwrap(), None);
    assert_eq!(store.mailbox(MailboxId(1)).unwrap().total, 5);
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
}
