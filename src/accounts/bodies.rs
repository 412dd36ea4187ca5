//! Owns the way of message bodies into the store: newest first, in slices, many in one transaction.
//!
//! Which bodies are wanted is the configuration's `offline`; where they are missing is the store's knowledge.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use crate::accounts::desk::Failure;
use crate::accounts::pull::blocking;
use crate::backend::{Backend, Kind};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::remote::{Slice, Want};
use crate::mail::time::UnixTime;
use crate::store::{Body, MissingBody, Place, Store};

/// Bodies asked for at once, and their bytes: enough to keep the wire busy, few enough to let others go first.
const BATCH: usize = 2_000;
const BATCH_BYTES: u64 = 8 << 20;
/// Bodies that go into one transaction, and their bytes: what is edited here waits no longer than one takes.
const COMMIT: usize = 400;
const COMMIT_BYTES: usize = 2 << 20;
/// Transactions that are made ready while one is written.
const AHEAD: usize = 2;
/// Slices on their way from the wire to the store.
const QUEUE: usize = 32;

/// How far down the queue of missing bodies one run has come. What a server does not give stays behind it and keeps no
/// older body waiting; the next run asks for it again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    behind: Option<Place>,
    /// Whether the last portion brought anything, if only a slice.
    pub has_come: bool,
}

impl Run {
    /// Says whether it has begun and not ended.
    pub fn is_under_way(&self) -> bool {
        self.behind.is_some()
    }
}

/// Fetches the next portion of missing bodies, so that the caller can look after more urgent things in between.
/// `progress` is told of each part that came. Says whether there may be more; if not, the next call begins a new run.
pub async fn some<B: Backend>(
    backend: &mut B,
    store: &Store,
    account: AccountId,
    not_before: Option<UnixTime>,
    run: &mut Run,
    mut progress: impl FnMut(u64) + Send,
) -> Result<bool, Failure> {
    let behind = run.behind;
    run.has_come = false;
    let missing = move |store: &Store| store.bodies_missing(account, not_before, behind, BATCH, BATCH_BYTES);
    let missing = blocking(store, missing).await?;
    let has_more = !missing.is_empty();
    let end = missing.last().map(|body| body.place);
    for (mailbox, path, bodies) in by_mailbox(missing) {
        let first = bodies.first().map(|body| body.place);
        let mut came = Came::default();
        let fetched = fetch(backend, store, mailbox, &path, bodies, &mut came).await;
        if let Err(Failure::Store(_)) = fetched {
            // What came could not be kept: no step forward.
            return fetched.map(|()| has_more);
        }
        run.has_come |= came.slices > 0;
        progress(came.bodies);
        if fetched.is_err() {
            // The run goes on from here, but behind the first one if nothing at all came: a mail at which a server
            // stumbles would else be asked for first every time.
            if came.slices == 0 {
                run.behind = first;
            }
            return fetched.map(|()| has_more);
        }
    }
    run.behind = end;
    Ok(has_more)
}

/// Fetches the body of one email, for the reader.
pub async fn one<B: Backend>(backend: &mut B, store: &Store, email: EmailId) -> Result<(), Failure> {
    let Some(missing) = blocking(store, move |store| store.missing_body(email)).await? else { return Ok(()) };
    fetch(backend, store, missing.mailbox, &missing.path.clone(), vec![missing], &mut Came::default()).await
}

/// Fetches the bodies of these emails; says how many came.
pub async fn these<B: Backend>(backend: &mut B, store: &Store, emails: &[EmailId]) -> Result<u64, Failure> {
    let mut missing = Vec::with_capacity(emails.len());
    for &email in emails {
        missing.extend(blocking(store, move |store| store.missing_body(email)).await?);
    }
    let mut came = Came::default();
    for (mailbox, path, bodies) in by_mailbox(missing) {
        match fetch(backend, store, mailbox, &path, bodies, &mut came).await {
            // A folder that cannot be opened keeps the others' bodies not back.
            Err(Failure::Backend(error)) if error.kind == Kind::Refused => {
                tracing::warn!(%error, folder = path, "bodies were refused");
            }
            fetched => fetched?,
        }
    }
    Ok(came.bodies)
}

/// Groups bodies by mailbox and keeps the order in which the mailboxes came.
fn by_mailbox(missing: Vec<MissingBody>) -> Vec<(MailboxId, String, Vec<MissingBody>)> {
    let mut groups: Vec<(MailboxId, String, Vec<MissingBody>)> = Vec::new();
    for body in missing {
        match groups.iter_mut().find(|(mailbox, ..)| *mailbox == body.mailbox) {
            Some((_, _, bodies)) => bodies.push(body),
            None => groups.push((body.mailbox, body.path.clone(), vec![body])),
        }
    }
    groups
}

/// What the server gave.
#[derive(Debug, Default)]
struct Came {
    bodies: u64,
    slices: u64,
}

async fn fetch<B: Backend>(
    backend: &mut B,
    store: &Store,
    mailbox: MailboxId,
    path: &str,
    bodies: Vec<MissingBody>,
    came: &mut Came,
) -> Result<(), Failure> {
    let wants: Vec<Want> = bodies.into_iter().map(|body| body.want).collect();
    let (sender, receiver) = mpsc::channel::<Slice>(QUEUE);
    let producing = async {
        let result = backend.fetch(path, &wants, &sender).await;
        drop(sender);
        result
    };
    let (keep, kept) = mpsc::channel::<Vec<Body>>(1);
    let gathering = async {
        // These go with this block: nobody must wait for a store that has failed.
        let (mut receiver, keep) = (receiver, keep);
        let (mut whole, mut bytes) = (Vec::new(), 0);
        while let Some(slice) = receiver.recv().await {
            came.slices += 1;
            came.bodies += u64::from(slice.is_last);
            if slice.offset == 0 && slice.is_last {
                bytes += slice.bytes.len();
                whole.push(Body { mailbox, id: slice.id, raw: slice.bytes });
            } else {
                blocking(store, move |store| store.keep_slice(mailbox, &slice)).await?;
            }
            if bytes >= COMMIT_BYTES || whole.len() >= COMMIT {
                bytes = 0;
                if keep.send(std::mem::take(&mut whole)).await.is_err() {
                    break;
                }
            }
        }
        // Nobody takes it where the store has failed, which says so itself.
        let _ = keep.send(whole).await;
        Ok::<(), Failure>(())
    };
    let keeping = stream::unfold(kept, async |mut kept| kept.recv().await.map(|full| (full, kept)))
        .map(|full| blocking(store, move |store| store.keep_bodies(full)))
        .buffered(AHEAD)
        .try_for_each(async |()| Ok(()));
    let (produced, gathered, stored) = tokio::join!(producing, gathering, keeping);
    stored?;
    gathered?;
    match produced {
        // A folder or a message that may not be read does not keep the others back.
        Err(error) if error.kind == Kind::Refused => tracing::warn!(%error, folder = %path, "bodies were refused"),
        produced => produced?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use crate::accounts::tests::{Fake, hung_up, inbox, newcomers};

    const MAILS: i64 = 900;

    /// A store that knows of `MAILS` messages, `1` being the oldest, and has no body.
    fn store(dir: &std::path::Path) -> (Store, AccountId) {
        let store = Store::open(dir).unwrap();
        let account = store.account("test").unwrap();
        let mailbox = store.reconcile_mailboxes(account, &[inbox()]).unwrap()[0];
        store.apply(account, mailbox, &newcomers(MAILS)).unwrap();
        (store, account)
    }

    fn number(want: &Want) -> i64 {
        want.id.0.parse().unwrap()
    }

    fn raw(want: &Want) -> Vec<u8> {
        format!("Subject: {}\r\n\r\n", want.id.0).into_bytes()
    }

    fn missing(store: &Store, account: AccountId) -> usize {
        store.bodies_missing(account, None, None, 1_000, u64::MAX).unwrap().len()
    }

    #[tokio::test]
    async fn bodies_that_are_never_given_keep_no_older_ones_waiting_and_are_asked_for_again_later() {
        let dir = tempfile::tempdir().unwrap();
        let (store, account) = store(dir.path());
        let mut run = Run::default();
        let mut stingy =
            Fake { body: Some(Box::new(|want| Ok((number(want) <= 50).then(|| raw(want))))), ..Fake::default() };
        let mut portions = 0;
        while some(&mut stingy, &store, account, None, &mut run, |_| {}).await.unwrap() {
            portions += 1;
            assert!(portions < 10, "it asks again and again");
        }
        assert_eq!(missing(&store, account), 850);
        let mut generous = Fake { body: Some(Box::new(|want| Ok(Some(raw(want))))), ..Fake::default() };
        while some(&mut generous, &store, account, None, &mut run, |_| {}).await.unwrap() {}
        assert_eq!(missing(&store, account), 0);
    }

    #[tokio::test]
    async fn a_link_that_breaks_goes_on_where_it_was_but_not_for_ever_at_the_same_mail() {
        let dir = tempfile::tempdir().unwrap();
        let (store, account) = store(dir.path());
        let mut run = Run::default();
        // The server falls over this one, whoever asks for it.
        let falls = |want: &Want| if number(want) == 700 { Err(hung_up()) } else { Ok(Some(raw(want))) };
        for links in 1.. {
            let mut server = Fake { body: Some(Box::new(falls)), ..Fake::default() };
            match some(&mut server, &store, account, None, &mut run, |_| {}).await {
                Ok(false) => break,
                Ok(true) => {}
                Err(_) if links == 1 => assert_eq!(missing(&store, account), 700, "what came before is kept"),
                Err(_) => assert!(links < 10, "it never gets further"),
            }
        }
        assert_eq!(missing(&store, account), 1, "only the bad mail waits for the next run");
    }
}
