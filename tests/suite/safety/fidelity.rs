//! P31 over the network: what `surat export` writes after a sync is, by SHA-256, what a real Dovecot has. Every twelfth
//! mail of the corpora by default, all of them under `SURAT_FULL=1`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::samples::{Sample, demo_letters, of_corpora, own, some_of};
use crate::accounts::sync::home;
use crate::cli::mail::messages;
use crate::support::dovecot::{PASSWORD, dovecot};
use crate::support::is_full;

/// One mail of so many.
const EVERY: usize = 12;

/// How often each hash is there.
fn hashes(mails: &[Vec<u8>]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for mail in mails {
        let hash: String = Sha256::digest(mail).iter().map(|byte| format!("{byte:02x}")).collect();
        *counted.entry(hash).or_default() += 1;
    }
    counted
}

#[test]
fn what_is_exported_is_what_the_server_sent() {
    let every = if is_full() { 1 } else { EVERY };
    let corpora = some_of(of_corpora(), every, "imaptest-mbox/broken");
    let samples: Vec<Sample> = own().into_iter().chain(some_of(demo_letters(), every, "")).chain(corpora).collect();
    let user = dovecot().user("fidelity");
    let mut client = user.raw();
    client.make("Work");
    // An empty file is no message for a server.
    let mut refused = 0;
    for (at, sample) in samples.iter().enumerate() {
        let folder = if at % 3 == 0 { "Work" } else { "INBOX" };
        let status = client.try_append(folder, &[(&sample.raw, "", "")]);
        assert!(status.starts_with("OK") || sample.raw.is_empty(), "{}: {status}", sample.name);
        refused += usize::from(!status.starts_with("OK"));
    }
    let home = home(&user, user.server.imap_port, PASSWORD);
    home.ok(&["sync"]);
    home.ok(&["export", "--maildir", "out"]);
    let mut count = 0;
    for (folder, place) in [("INBOX", "out"), ("Work", "out/.Work")] {
        let sent: Vec<Vec<u8>> = client.contents(folder).into_iter().map(|message| message.raw).collect();
        let exported = messages(&home.path(place));
        assert_eq!(hashes(&exported), hashes(&sent), "{folder}: {} of {}", exported.len(), sent.len());
        count += exported.len();
    }
    assert_eq!(count + refused, samples.len());
    println!("{count} mails came out of the store as the server sent them");
}
