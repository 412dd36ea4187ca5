//! Owns the way of message bodies into the store: newest first, in slices, many in one transaction.
//!
//! Which bodies are wanted is the configuration's `offline`; where they are missing is the store's knowledge.

use tokio::sync::mpsc;

use crate::accounts::pull::blocking;
use crate::accounts::worker::Failure;
use crate::backend::{Backend, Kind};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::remote::{Slice, Want};
use crate::mail::time::UnixTime;
use crate::store::{Body, MissingBody, Store};

/// Bodies asked for at once: enough to keep the wire busy, few enough to let others go first.
const BATCH: usize = 400;
/// Bytes that go into one transaction.
const COMMIT_BYTES: usize = 8 << 20;
/// Slices on their way from the wire to the store.
const QUEUE: usize = 32;

/// Fetches one portion of missing bodies; says how many came, so that the caller can look after more urgent
/// things in between. 0: all are here, or the server does not send those that it lists.
pub async fn some<B: Backend>(
    backend: &mut B,
    store: &Store,
    account: AccountId,
    not_before: Option<UnixTime>,
    mut progress: impl FnMut(u64) + Send,
) -> Result<u64, Failure> {
    let missing = blocking(store, move |store| store.bodies_missing(account, not_before, BATCH)).await?;
    let mut came = 0;
    for (mailbox, path, wants) in by_mailbox(missing) {
        let kept = fetch(backend, store, mailbox, &path, wants).await?;
        came += kept;
        progress(kept);
    }
    Ok(came)
}

/// Fetches the body of one email, for the reader.
pub async fn one<B: Backend>(backend: &mut B, store: &Store, email: EmailId) -> Result<(), Failure> {
    let Some(missing) = blocking(store, move |store| store.missing_body(email)).await? else { return Ok(()) };
    fetch(backend, store, missing.mailbox, &missing.path, vec![missing.want]).await.map(|_| ())
}

/// Groups bodies by mailbox and keeps the order in which the mailboxes came.
fn by_mailbox(missing: Vec<MissingBody>) -> Vec<(MailboxId, String, Vec<Want>)> {
    let mut groups: Vec<(MailboxId, String, Vec<Want>)> = Vec::new();
    for body in missing {
        match groups.iter_mut().find(|(mailbox, ..)| *mailbox == body.mailbox) {
            Some((_, _, wants)) => wants.push(body.want),
            None => groups.push((body.mailbox, body.path, vec![body.want])),
        }
    }
    groups
}

async fn fetch<B: Backend>(
    backend: &mut B,
    store: &Store,
    mailbox: MailboxId,
    path: &str,
    wants: Vec<Want>,
) -> Result<u64, Failure> {
    let (sender, receiver) = mpsc::channel::<Slice>(QUEUE);
    let producing = async {
        let result = backend.fetch(path, &wants, &sender).await;
        drop(sender);
        result
    };
    let consuming = async {
        // Goes with this block: a producer must not wait for a store that has failed.
        let mut receiver = receiver;
        let (mut whole, mut bytes, mut kept) = (Vec::new(), 0, 0);
        while let Some(slice) = receiver.recv().await {
            if slice.offset == 0 && slice.is_last {
                bytes += slice.bytes.len();
                kept += 1;
                whole.push(Body { mailbox, id: slice.id, raw: slice.bytes });
            } else {
                kept += u64::from(slice.is_last);
                blocking(store, move |store| store.keep_slice(mailbox, &slice)).await?;
            }
            if bytes >= COMMIT_BYTES {
                let full = std::mem::take(&mut whole);
                bytes = 0;
                blocking(store, move |store| store.keep_bodies(full)).await?;
            }
        }
        blocking(store, move |store| store.keep_bodies(whole)).await?;
        Ok::<u64, Failure>(kept)
    };
    let (produced, consumed) = tokio::join!(producing, consuming);
    let kept = consumed?;
    match produced {
        // A folder or a message that may not be read does not keep the others back.
        Err(error) if error.kind == Kind::Refused => tracing::warn!(%error, folder = %path, "bodies were refused"),
        produced => produced?,
    }
    Ok(kept)
}
