//! Owns the way of news from a server into the store: one mailbox, from its cursor on, portion by portion.
//!
//! It decides nothing about what comes first; the worker does.

use tokio::sync::mpsc;

use crate::accounts::desk::Failure;
use crate::backend::{self, Backend, Known};
use crate::mail::id::{AccountId, MailboxId};
use crate::mail::keyword::Keywords;
use crate::mail::remote::{Delta, RemoteId};
use crate::store::Store;

/// So many pieces of news may wait for the store before the server has to: about 4 MB.
const QUEUE: usize = 4_096;

/// What one pull brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pulled {
    /// Emails that are new here.
    pub arrived: u64,
    /// Copies that are gone on the server.
    pub vanished: u64,
}

/// The store's knowledge of one mailbox, for backends that must compare.
struct StoreKnown {
    store: Store,
    mailbox: MailboxId,
}

impl Known for StoreKnown {
    async fn remotes(&self) -> Result<Vec<(RemoteId, Keywords)>, backend::Error> {
        let mailbox = self.mailbox;
        blocking(&self.store, move |store| store.remotes(mailbox)).await.map_err(Failure::into_error)
    }

    async fn count(&self) -> Result<u64, backend::Error> {
        let mailbox = self.mailbox;
        blocking(&self.store, move |store| store.remote_count(mailbox)).await.map_err(Failure::into_error)
    }
}

/// Brings one mailbox into step. `progress` is told (done, expected) as portions are committed.
///
/// Rows and the cursor that covers them go into one transaction, so an interruption at any moment loses nothing
/// and the next pull goes on from there.
pub async fn mailbox<B: Backend>(
    backend: &mut B,
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
    path: &str,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<Pulled, Failure> {
    let cursor = blocking(store, move |store| store.cursor(mailbox)).await?;
    let known = StoreKnown { store: store.clone(), mailbox };
    let (sender, receiver) = mpsc::channel::<Delta>(QUEUE);

    let producing = async {
        let result = backend.changes(path, cursor.as_ref(), &known, &sender).await;
        drop(sender);
        result
    };
    let consuming = async {
        // Goes with this block: a producer must not wait for a store that has failed.
        let mut receiver = receiver;
        let mut pulled = Pulled::default();
        let (mut done, mut expected) = (0, 0);
        let mut portion = Vec::new();
        while let Some(delta) = receiver.recv().await {
            match delta {
                Delta::Expect(total) => {
                    expected = total;
                    progress(done, expected);
                }
                Delta::Commit(_) => {
                    done += portion.iter().filter(|delta| matches!(delta, Delta::Arrived(_))).count() as u64;
                    portion.push(delta);
                    let full = std::mem::take(&mut portion);
                    let applied = blocking(store, move |store| store.apply(account, mailbox, &full)).await?;
                    pulled.arrived += applied.arrived;
                    pulled.vanished += applied.vanished;
                    progress(done, expected);
                }
                other => portion.push(other),
            }
        }
        Ok::<Pulled, Failure>(pulled)
    };
    let (produced, consumed) = tokio::join!(producing, consuming);
    // What the store says weighs more: when it stops reading, the backend fails only as a consequence.
    let mut pulled = consumed?;
    produced?;
    pulled.vanished += blocking(store, move |store| store.settle(mailbox)).await?;
    Ok(pulled)
}

/// Runs a store call off the async threads.
pub async fn blocking<T: Send + 'static>(
    store: &Store,
    call: impl FnOnce(&Store) -> Result<T, crate::store::Error> + Send + 'static,
) -> Result<T, Failure> {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || call(&store)).await {
        Ok(result) => result.map_err(Failure::Store),
        Err(stopped) => Err(Failure::Bug(stopped.to_string())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use std::time::Duration;

    use super::*;
    use crate::accounts::tests::{Fake, spoil};
    use crate::mail::remote::Cursor;

    /// Pulls a mailbox that the store does not have.
    fn pull_nowhere(mut server: Fake, dir: &std::path::Path) -> Failure {
        let store = Store::open(dir).unwrap();
        let account = store.account("test").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let pulled = runtime.block_on(async {
            let pulling = mailbox(&mut server, &store, account, MailboxId(404), "x", |_, _| {});
            tokio::time::timeout(Duration::from_secs(20), pulling).await
        });
        pulled.expect("the pull hangs").unwrap_err()
    }

    #[test]
    fn a_store_that_fails_ends_the_pull_although_the_server_has_more_to_say() {
        // There is no such mailbox, so nothing of it can be kept.
        let news = vec![Delta::Commit(Cursor("1".to_owned())); 3 * QUEUE];
        let dir = tempfile::tempdir().unwrap();
        let failure = pull_nowhere(Fake { news, ..Fake::default() }, dir.path());
        assert!(matches!(failure, Failure::Store(_)), "{failure:?}");
    }

    #[test]
    fn a_store_that_cannot_be_read_ends_the_pull_and_nothing_is_taken_for_new() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().to_owned();
        let spoil = move || spoil(&place);
        let failure = pull_nowhere(Fake { compares: Some(Box::new(spoil)), ..Fake::default() }, dir.path());
        let error = failure.into_error();
        assert_eq!((error.kind, error.place.as_str()), (backend::Kind::Local, "the store"), "{error}");
    }
}
