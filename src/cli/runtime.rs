//! Owns the runtime of a command that talks to a server: made for one piece of work, gone with it.
//!
//! What is worked on is known elsewhere.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::cli::failure::{Failure, Status};

/// Work in the store that is under way when the user stops a command may end within this time.
const LEAVE: Duration = Duration::from_secs(2);

/// Does a piece of work until it is done or the user interrupts it.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("this computer gives no thread to work in: {error}")))?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = work => Ok(done),
            Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Status::Interrupted, "interrupted; nothing is lost")),
        }
    });
    // A look-up of a name cannot be stopped; nobody waits for it any more.
    runtime.shutdown_timeout(if done.is_ok() { Duration::ZERO } else { LEAVE });
    done
}
