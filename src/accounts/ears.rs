//! Owns listening to a few more folders, each over a connection of its own, where a server tells a connection of one
//! folder alone (IDLE without NOTIFY).
//!
//! An ear only says that its folder changed: it reads no mail and knows no store. What it is denied is no failure: what
//! nobody listens to is looked at now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{AbortHandle, JoinSet};

use crate::accounts::round::Folder;
use crate::accounts::worker::Connector;
use crate::backend::{self, Backend, News};
use crate::mail::mailbox::Role;
use crate::mail::view::View;
use crate::store::{self, Store};

/// Servers grant a person some ten connections over all devices.
const MOST: usize = 3;
/// One wait of an ear; it begins another.
const WAIT: Duration = Duration::from_secs(3_600);

/// The ears beside one connection, none at first. They end with it.
pub struct Ears {
    tasks: JoinSet<()>,
    open: BTreeMap<String, AbortHandle>,
    is_denied: Arc<AtomicBool>,
    says: Sender<String>,
    said: Receiver<String>,
}

impl Default for Ears {
    fn default() -> Self {
        let (says, said) = mpsc::channel(MOST);
        Self { tasks: JoinSet::new(), open: BTreeMap::new(), is_denied: Arc::default(), says, said }
    }
}

impl Ears {
    /// Listens to the first few of these folders. One that is listened to already stays so as long as it is among them.
    pub fn listen<C: Connector>(&mut self, connector: &Arc<C>, folders: &[String]) {
        while self.tasks.try_join_next().is_some() {}
        self.open.retain(|path, ear| {
            let is_kept = folders.contains(path) && !ear.is_finished();
            if !is_kept {
                ear.abort();
            }
            is_kept
        });
        for path in folders {
            if self.open.len() >= MOST || self.is_denied.load(Ordering::Relaxed) {
                return;
            }
            if !self.open.contains_key(path) {
                let hearing = hear(connector.clone(), path.clone(), self.says.clone());
                let is_denied = self.is_denied.clone();
                let ear = self.tasks.spawn(async move {
                    if let Err((error, was_signed_in)) = hearing.await {
                        tracing::info!(%error, "a further connection that listens has ended");
                        is_denied.fetch_or(!was_signed_in, Ordering::Relaxed);
                    }
                });
                self.open.insert(path.clone(), ear);
            }
        }
    }

    /// Waits until an ear says something; gives the folders that changed.
    pub async fn heard(&mut self) -> BTreeSet<String> {
        let mut heard = BTreeSet::new();
        heard.extend(self.said.recv().await);
        while let Ok(path) = self.said.try_recv() {
            heard.insert(path);
        }
        heard
    }
}

/// Listens to a folder until that fails. Gives the reason, and whether the server had let it in.
async fn hear<C: Connector>(
    connector: Arc<C>,
    path: String,
    says: Sender<String>,
) -> Result<(), (backend::Error, bool)> {
    let mut backend = connector.connect().await.map_err(|error| (error, false))?;
    // Once it listens, it says so: what happened since the folder was read is not lost.
    let mut news = backend.wait(&path, Duration::ZERO).await.map(|_| News::Mailboxes);
    loop {
        match news {
            Ok(News::TimedOut) => {}
            Ok(News::Changed(_) | News::Mailboxes) if says.send(path.clone()).await.is_err() => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err((error, true)),
        }
        news = backend.wait(&path, WAIT).await;
    }
}

/// Names the folders that matter to a person beside the inbox, by their paths, those with the newest mail first.
pub fn worth_it(store: &Store, folders: &[Folder]) -> Result<Vec<String>, store::Error> {
    let is_for_people = |folder: &&Folder| {
        let remote = &folder.remote;
        let is_other = matches!(remote.role, Some(Role::Inbox | Role::Trash | Role::Junk | Role::All));
        remote.is_selectable && remote.is_subscribed && !is_other
    };
    let mut found = Vec::new();
    for folder in folders.iter().filter(is_for_people) {
        let newest = store.emails(&View::Mailbox(folder.id), None, 1)?;
        found.push((newest.first().map(|email| email.received), folder.remote.path.clone()));
    }
    // Stable: what is empty stands in the order of the folders.
    found.sort_by_key(|(newest, _)| std::cmp::Reverse(*newest));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::accounts::tests::{inbox, newcomers};
    use crate::mail::remote::RemoteMailbox;

    #[test]
    fn those_with_the_newest_mail_are_listened_to_first_and_what_is_put_away_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = store.account("test").unwrap();
        let folder = |path: &str, role| RemoteMailbox { path: path.into(), name: path.into(), role, ..inbox() };
        let remotes = [
            inbox(),
            folder("Empty", None),
            folder("Quiet", None),
            folder("Lively", None),
            folder("Trash", Some(Role::Trash)),
            RemoteMailbox { is_subscribed: false, ..folder("Left", None) },
            RemoteMailbox { is_selectable: false, ..folder("Shelf", None) },
        ];
        let ids = store.reconcile_mailboxes(account, &remotes).unwrap();
        for (place, count) in [(0, 9), (2, 3), (3, 5), (4, 7), (5, 7)] {
            store.apply(account, ids[place], &newcomers(count)).unwrap();
        }
        let folders: Vec<Folder> = ids.into_iter().zip(remotes).map(|(id, remote)| Folder { id, remote }).collect();
        assert_eq!(worth_it(&store, &folders).unwrap(), ["Lively", "Quiet", "Empty"]);
    }
}
