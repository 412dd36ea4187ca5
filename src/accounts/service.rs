//! Owns the whole network side of a process: the lock, the workers on threads of their own, and the relay that answers
//! for them.
//!
//! Who is told of what they do, and when it is this process's turn, is known elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::accounts::AccountManager;
use crate::accounts::board::Board;
use crate::accounts::desk::Listener;
use crate::accounts::relay::Relay;
use crate::config::Account;
use crate::config::lock::SyncLock;
use crate::store::Store;

/// Threads for the network side: the workers mostly wait.
const THREADS: usize = 2;

/// Work in the store that is under way at the end may end within this time.
const LEAVE: Duration = Duration::from_secs(2);

/// Keeps accounts in step for as long as it lives: everything ends with it, the lock last.
pub struct Service {
    manager: Arc<AccountManager>,
    relay: Option<Relay>,
    runtime: Option<Runtime>,
    _lock: Option<SyncLock>,
}

impl Service {
    /// Starts the workers, which tell the listener. Takes the lock once all of them run; nobody else may want one where
    /// there is none.
    ///
    /// # Errors
    /// What stands in the way, in words; the lock is where it was.
    pub fn start(
        store: &Store,
        accounts: &[Account],
        is_paused: bool,
        lock: &mut Option<SyncLock>,
        told: Listener,
    ) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()
            .map_err(|error| format!("could not start the network side: {error}"))?;
        let board = Arc::new(Board::default());
        let noted = board.clone();
        let listener: Listener = Arc::new(move |event| {
            noted.note(&event);
            told(event);
        });
        let manager = AccountManager::start(runtime.handle(), store, accounts, is_paused, &listener)
            .map_err(|error| error.to_string())?;
        let manager = Arc::new(manager);
        let dir = store.path().parent().unwrap_or(Path::new("."));
        let relay = Relay::open(dir, Arc::downgrade(&manager), board);
        if let Err(error) = &relay {
            tracing::warn!(%error, "commands that want a sync will not be answered");
        }
        Ok(Self { manager, relay: relay.ok(), runtime: Some(runtime), _lock: lock.take() })
    }

    /// Gives the manager of the workers.
    pub fn manager(&self) -> &Arc<AccountManager> {
        &self.manager
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Whoever asks from now on finds nobody, and waits for the lock.
        drop(self.relay.take());
        if let Some(runtime) = self.runtime.take() {
            // A look-up of a name or a password command cannot be stopped, and nobody waits for it.
            runtime.shutdown_timeout(LEAVE);
        }
    }
}
