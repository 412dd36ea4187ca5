//! Owns the way of the one message that a person opens: ahead of every sync, over a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;

use crate::accounts::awake::Awake;
use crate::accounts::bodies;
use crate::accounts::desk::Desk;
use crate::accounts::worker::{Connector, Wish};
use crate::mail::id::EmailId;

/// The reader's own connection is given up after so long without use.
const READER_IDLE: Duration = Duration::from_secs(120);

/// Brings the bodies that the reader opens, over a connection of its own that is made when first needed: reading
/// never waits for a sync.
pub async fn serve<C: Connector>(
    desk: Desk,
    connector: Arc<C>,
    wishes: watch::Receiver<Wish>,
    mut wanted: Receiver<EmailId>,
    awake: Awake,
) {
    let (mut connection, mut used) = (None, awake.now());
    loop {
        let email = match tokio::time::timeout(READER_IDLE, wanted.recv()).await {
            Ok(Some(email)) => email,
            Ok(None) => return,
            Err(_) => {
                connection = None;
                continue;
            }
        };
        let now = awake.now();
        if wishes.borrow().is_paused || used.has_jumped(now) {
            connection = None;
        }
        used = now;
        if wishes.borrow().is_paused {
            continue;
        }
        // A connection that had been idle may be dead without a word: a second try gets a new one.
        for _ in 0..2 {
            let mut backend = match connection.take() {
                Some(backend) => backend,
                None => match connector.connect().await {
                    Ok(backend) => backend,
                    Err(error) => {
                        tracing::info!(%error, "no connection to read a message");
                        break;
                    }
                },
            };
            match bodies::one(&mut backend, &desk.store, email).await {
                Ok(()) => {
                    connection = Some(backend);
                    break;
                }
                Err(failure) => tracing::info!(error = %failure.into_error(), "a message could not be read"),
            }
        }
    }
}
