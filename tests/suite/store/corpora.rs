//! Every message of the corpora, kept and given back: the path comes from `SURAT_CORPORA`, else they lie beside the
//! checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use surat::mail::query::{Field, Query};
use surat::mail::remote::RemoteId;
use surat::mail::view::{Anchor, Scope, View};
use surat::store::Body;

use super::{Fixture, arrived, message};

/// No message, however broken, may keep the store longer than this.
const LONGEST: Duration = Duration::from_secs(20);

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn every_message_of_the_corpora_is_kept_byte_for_byte() {
    let root = std::env::var_os("SURAT_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from);
    let mut files = Vec::new();
    files_below(&root, &mut files);
    files.sort();
    let mut mails: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    println!("{} files of {}", mails.len(), root.display());
    // Where there are no corpora, the oldest troubles still are.
    mails.extend([vec![], vec![0; 100], b"\r\n\r\n".to_vec(), vec![0xff; 3_000], b"Subject: =?utf-8?B?".to_vec()]);
    let f = Fixture::new();
    let mut ids = Vec::new();
    for (at, portion) in mails.chunks(100).enumerate() {
        let number = |inside: usize| (at * 100 + inside) as i64;
        let news: Vec<_> = (0..portion.len()).map(|inside| arrived(message(number(inside)))).collect();
        ids.extend(f.apply(f.inbox, &news).new_emails);
        let bodies = portion
            .iter()
            .enumerate()
            .map(|(inside, raw)| Body { mailbox: f.inbox, id: RemoteId(number(inside).to_string()), raw: raw.clone() })
            .collect();
        let start = Instant::now();
        f.store.keep_bodies(bodies).unwrap();
        assert!(start.elapsed() < LONGEST, "portion {at}");
    }
    for (id, raw) in ids.iter().zip(&mails) {
        assert!(f.store.raw(*id).unwrap().as_ref() == Some(raw), "{id}");
    }
    for words in ["the", "a", "メ", "html"] {
        let query = Query::Text { field: Field::Any, words: words.into(), is_phrase: false };
        f.store.rows(&View::Search(query, Scope::Everywhere), Anchor::Top, 50).unwrap();
    }
    f.assert_sound();
}
