//! Owns the way of edits from the store to a server that takes them.
//!
//! What is pending is a property of rows (invariant 4): nothing is queued here, so nothing can be lost here.

use crate::accounts::desk::Failure;
use crate::accounts::pull::blocking;
use crate::backend::{Backend, Kind};
use crate::mail::id::AccountId;
use crate::mail::remote::RemoteOperation;
use crate::store::{Pending, Store};

/// Edits looked at in one go.
const BATCH: usize = 500;

/// Pushes what is pending; says how many edits travelled. A refused edit stays pending and does not stop the rest.
pub async fn all<B: Backend>(backend: &mut B, store: &Store, account: AccountId) -> Result<u64, Failure> {
    if !backend.offer().can_apply {
        return Ok(0);
    }
    let mut pushed = 0;
    loop {
        let pending = blocking(store, move |store| store.pending(account, BATCH)).await?;
        let mut travelled = 0;
        for edit in pending {
            match backend.apply(&operation(&edit)).await {
                Ok(applied) => {
                    blocking(store, move |store| match (&edit, applied.made) {
                        (Pending::CreateMailbox { mailbox, .. }, Some(path)) => store.mailbox_created(*mailbox, &path),
                        _ => store.pushed(&edit, applied.moved_to),
                    })
                    .await?;
                    travelled += 1;
                }
                Err(error) if error.kind == Kind::Refused => {
                    tracing::warn!(%error, "an edit was refused");
                }
                Err(error) => return Err(error.into()),
            }
        }
        pushed += travelled;
        if travelled == 0 {
            return Ok(pushed);
        }
    }
}

/// Says one pending edit in the words of the backend.
fn operation(pending: &Pending) -> RemoteOperation {
    match pending.clone() {
        Pending::CreateMailbox { name, .. } => RemoteOperation::CreateMailbox { name },
        Pending::Keywords { path, id, add, remove, .. } => {
            RemoteOperation::Keywords { mailbox: path, ids: vec![id], add, remove }
        }
        Pending::Move { from_path, id, to_path, .. } => RemoteOperation::Move { from: from_path, id, to: to_path },
        Pending::Remove { path, id, .. } => RemoteOperation::Remove { mailbox: path, id },
    }
}
