//! Owns finding out what became of operations that broke off, or of which the server did not say what they made: their
//! mailboxes are read, and what lies there is compared by content before anything is repeated.

use std::collections::BTreeSet;

use crate::accounts::bodies;
use crate::accounts::desk::Failure;
use crate::accounts::pull::blocking;
use crate::accounts::push;
use crate::backend::Backend;
use crate::mail::id::{AccountId, MailboxId};
use crate::mail::remote::RemoteId;
use crate::store::{Attempt, Candidate, Pushed, Share, Store};

/// What became of an attempt.
enum Found {
    /// It made this copy.
    Copy(RemoteId),
    /// It made none.
    Nothing,
    /// What may be its copy could not be read; the next look will tell.
    Unread,
}

/// Ends every open attempt of an account: its copy is found and made the email's own, or it was never made.
pub async fn look<B: Backend>(backend: &mut B, store: &Store, account: AccountId) -> Result<(), Failure> {
    let attempts = blocking(store, move |store| store.attempts(account)).await?;
    // What left a mailbox is known before what came into another.
    let sources: BTreeSet<MailboxId> =
        attempts.iter().filter_map(|attempt| attempt.from.as_ref()).map(|from| from.0).collect();
    let targets: BTreeSet<MailboxId> = attempts.iter().map(|attempt| attempt.to).collect();
    let mut unread = BTreeSet::new();
    for &mailbox in sources.iter().chain(targets.difference(&sources)) {
        let is_there = blocking(store, move |store| store.mailbox_path(mailbox)).await?.is_some();
        if !push::look_at(backend, store, account, mailbox).await? && is_there {
            unread.insert(mailbox);
        }
    }
    // Two attempts do not find the same copy.
    let mut found_before = BTreeSet::new();
    for attempt in attempts {
        let found = match unread.contains(&attempt.to) {
            true => Found::Unread,
            false => find(backend, store, &attempt, &found_before).await?,
        };
        let number = attempt.id;
        match found {
            Found::Copy(id) => {
                found_before.insert((attempt.to, id.clone()));
                // If its source is gone, that is known by now; if it is not, it is still to be removed.
                let Attempt { email, from, to, .. } = attempt;
                let share = Share::Arrival { email, from, to, is_move: false };
                let pushed = Pushed { id: Some(id), attempt: number, ..Pushed::new(share) };
                blocking(store, move |store| store.pushed(&[pushed], &[])).await?;
            }
            Found::Nothing => blocking(store, move |store| store.end_attempts(&[number])).await?,
            Found::Unread => {}
        }
    }
    Ok(())
}

/// Finds the copy that an attempt made.
async fn find<B: Backend>(
    backend: &mut B,
    store: &Store,
    attempt: &Attempt,
    found_before: &BTreeSet<(MailboxId, RemoteId)>,
) -> Result<Found, Failure> {
    let is_new = |backend: &B, candidate: &Candidate| {
        (attempt.cursor.0.is_empty() || backend.is_beyond(&attempt.cursor, &candidate.id))
            && !found_before.contains(&(attempt.to, candidate.id.clone()))
    };
    let mut found = Found::Nothing;
    for candidate in candidates(store, attempt).await? {
        if !is_new(backend, &candidate) {
            continue;
        }
        if candidate.email == attempt.email || attempt.content.is_empty() {
            return Ok(Found::Copy(candidate.id));
        }
        let mut is_same = candidate.is_same;
        if is_same.is_none() {
            bodies::one(backend, store, candidate.email).await?;
            let anew = candidates(store, attempt).await?.into_iter().find(|anew| anew.id == candidate.id);
            is_same = anew.and_then(|anew| anew.is_same);
        }
        match is_same {
            Some(true) => return Ok(Found::Copy(candidate.id)),
            Some(false) => {}
            None => found = Found::Unread,
        }
    }
    Ok(found)
}

async fn candidates(store: &Store, attempt: &Attempt) -> Result<Vec<Candidate>, Failure> {
    let attempt = attempt.clone();
    blocking(store, move |store| store.candidates(&attempt)).await
}
