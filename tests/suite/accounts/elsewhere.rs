//! Mail that moves from one account to another while both are looked after: each half follows the other at once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use surat::accounts::AccountManager;
use surat::config::account::{Account, Source};
use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::time::UnixTime;
use surat::mail::view::View;
use surat::store::Store;

use crate::cli::maildir;
use crate::support::wait_for;

const LETTER: &[u8] = b"From: a@example.org\nSubject: moves\nMessage-ID: <m@example.org>\n\nHalo.\n";

fn letters(root: &Path) -> Vec<Vec<u8>> {
    fs::read_dir(root.join("cur")).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn both_halves_of_a_move_to_another_account_follow_each_other_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    maildir(&from, &[("1.x:2,S", LETTER)]);
    maildir(&to, &[]);
    let store = Store::open(&dir.path().join("data")).unwrap();
    let account = |name: &str, path: &Path| {
        Account::new(name, &format!("{name}@example.org"), Source::Maildir { path: path.to_owned() })
    };
    let accounts = [account("one", &from), account("other", &to)];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let manager = AccountManager::start(runtime.handle(), &store, &accounts, false, &(Arc::new(|_| {}) as _)).unwrap();
    let inbox = |name: &str| {
        let id = store.account(name).unwrap();
        store.mailboxes(Some(id)).unwrap().into_iter().find(|mailbox| mailbox.name == "INBOX")
    };
    let patience = Duration::from_secs(30);
    let target = wait_for("the other inbox", patience, || inbox("other"));
    let source = wait_for("the letter", patience, || inbox("one").filter(|inbox| inbox.total == 1));
    let email = store.emails(&View::Mailbox(source.id), None, 1).unwrap().remove(0).id;
    let targets = vec![Target { email, from: Some(source.id) }];
    store.edit(&Mutation { targets, edit: Edit::Move(target.id) }, UnixTime(1_795_398_000), "Moved").unwrap();
    manager.edited();
    // Folders are looked at every five minutes: nobody waits for that.
    wait_for("both halves", patience, || (letters(&to) == [LETTER] && letters(&from).is_empty()).then_some(()));
    drop(manager);
    runtime.shutdown_timeout(Duration::from_secs(2));
}
