//! Owns when this process does the network: at once, or after the one that does it, however that one ends; and never
//! again once the user leaves.
//!
//! What doing the network is, is known by `accounts`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, mem, thread};

use crate::accounts::service::Service;
use crate::config::lock::SyncLock;

/// What stood in the way of a take-over is tried again after this pause.
const TRY_AGAIN: Duration = Duration::from_secs(20);

/// The network side of this process.
#[derive(Clone, Default)]
pub struct Post(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    Waiting,
    Running(#[expect(dead_code, reason = "it works as long as it is kept")] Service),
    Left,
}

impl Post {
    /// Begins to do the network, unless the user has left.
    pub fn take(&self, start: impl FnOnce() -> Result<Service, String>) -> Result<(), String> {
        let mut state = self.state();
        if !matches!(*state, State::Left) {
            *state = State::Running(start()?);
        }
        Ok(())
    }

    /// Ends the network for good; returns when all of it has ended, the lock too.
    pub fn leave(&self) {
        // Nobody takes over meanwhile.
        let mut state = self.state();
        drop(mem::replace(&mut *state, State::Left));
    }

    /// Takes the network over when the process that has the lock ends. What stands in the way then is told, and tried
    /// again; the lock is kept meanwhile, since nobody else would have it easier.
    pub fn succeed(
        &self,
        data_dir: PathBuf,
        start: impl Fn(&mut Option<SyncLock>) -> Result<Service, String> + Send + 'static,
        tell: impl Fn(&str) + Send + 'static,
    ) -> io::Result<()> {
        let post = self.clone();
        thread::Builder::new().name("successor".into()).spawn(move || {
            let (mut lock, mut told) = (None, String::new());
            while let Err(error) = post.try_to_succeed(&data_dir, &mut lock, &start) {
                tracing::warn!(%error, "the network could not be taken over");
                if error != told {
                    tell(&error);
                    told = error;
                }
                thread::sleep(TRY_AGAIN);
            }
        })?;
        Ok(())
    }

    fn try_to_succeed(
        &self,
        data_dir: &Path,
        lock: &mut Option<SyncLock>,
        start: impl Fn(&mut Option<SyncLock>) -> Result<Service, String>,
    ) -> Result<(), String> {
        if lock.is_none() {
            *lock = Some(SyncLock::take(data_dir).map_err(|error| error.to_string())?);
        }
        self.take(|| start(lock))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::config::lock::Stay;
    use crate::store::Store;

    fn is_free(dir: &Path) -> bool {
        SyncLock::try_take(dir, Stay::Passing).unwrap().is_some()
    }

    #[test]
    fn a_take_over_that_fails_keeps_the_lock_and_is_tried_again() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let (post, mut lock) = (Post::default(), None);
        let fails = |_: &mut _| Err("the disk is full".to_owned());
        assert_eq!(post.try_to_succeed(home.path(), &mut lock, fails), Err("the disk is full".to_owned()));
        assert!(lock.is_some() && !is_free(home.path()));
        let start = |lock: &mut _| Service::start(&store, &[], false, lock, Arc::new(|_| {}));
        post.try_to_succeed(home.path(), &mut lock, start).unwrap();
        assert!(lock.is_none() && !is_free(home.path()), "whoever works has the lock");
        post.leave();
        assert!(is_free(home.path()), "the lock goes with the work");
        let late = |_: &mut _| -> Result<Service, String> { panic!("who has left begins nothing") };
        post.try_to_succeed(home.path(), &mut lock, late).unwrap();
    }

    #[test]
    fn what_stands_in_the_way_of_a_take_over_is_told() {
        let home = tempfile::tempdir().unwrap();
        let first = SyncLock::try_take(home.path(), Stay::Lasting).unwrap();
        let (sender, told) = sync_channel(1);
        let tell = move |error: &str| sender.send(error.to_owned()).unwrap();
        Post::default().succeed(home.path().to_owned(), |_| Err("the disk is full".to_owned()), tell).unwrap();
        assert!(told.try_recv().is_err(), "it is not its turn yet");
        drop(first);
        assert_eq!(told.recv_timeout(Duration::from_secs(20)).unwrap(), "the disk is full");
    }
}
