//! Owns one round of an account over one connection: edits out, folders, newest mail, all header fields, bodies.
//!
//! When there is a round, and what follows one that fails, is the worker's.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::accounts::desk::{Desk, Failure};
use crate::accounts::{bodies, pull, push, retry};
use crate::backend::{self, Backend, Traffic};
use crate::config::Account;
use crate::mail::account::SyncReport;
use crate::mail::id::MailboxId;
use crate::mail::mailbox::Role;
use crate::mail::remote::RemoteMailbox;

/// Emails whose header fields go into the full-text index in one transaction.
const INDEX_PORTION: usize = 2_000;
/// Emails that vanished long ago and are forgotten in one transaction.
const SWEEP_PORTION: usize = 500;
/// While bodies come in bulk, the inbox is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// How far the work of an account has come, from one connection to the next.
#[derive(Debug, Default)]
pub struct Course {
    /// What was done so far.
    pub report: SyncReport,
    /// Connections in a row that brought nothing.
    pub failures: u32,
    bodies: bodies::Run,
    /// What the last push left waiting.
    left: u64,
}

/// Brings an account into step once over a connection: edits, folders, newest mail, all header fields, bodies.
pub async fn go<B: Backend>(desk: &Desk, backend: &mut B, course: &mut Course) -> Result<Vec<Folder>, Failure> {
    let before = backend.traffic();
    let result = go_through(desk, backend, course).await;
    count(&mut course.report, before, backend.traffic());
    result
}

/// A mailbox that can be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id in the store.
    pub id: MailboxId,
    /// As the server lists it.
    pub remote: RemoteMailbox,
}

async fn go_through<B: Backend>(desk: &Desk, backend: &mut B, course: &mut Course) -> Result<Vec<Folder>, Failure> {
    push_if_possible(desk, backend, course).await?;
    let folders = list_folders(desk, backend).await?;
    let mut has_seen_all = true;
    for folder in folders.iter().filter(|folder| folder.remote.is_selectable) {
        has_seen_all &= pull_folder(desk, backend, folder, course).await?;
        push_newer(desk, backend, course).await?;
    }
    // What was numbered anew, or moved by others meanwhile, is pushed now that it is known where it is.
    let pushed = push(desk, backend, course, has_seen_all).await;
    index(desk).await?;
    fetch_bodies(desk, backend, &folders, course).await?;
    pushed?;
    while pull::blocking(&desk.store, |store| store.sweep(SWEEP_PORTION)).await? > 0 {}
    Ok(folders)
}

/// Pushes what is pending, and counts it. Says whether more can be done after a whole round.
pub async fn push<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    course: &mut Course,
    has_seen_all: bool,
) -> Result<bool, Failure> {
    let travelled = push::all(backend, &desk.store, desk.account, has_seen_all).await?;
    course.report.pushed += travelled.edits;
    course.report.deleted_on_server += travelled.deleted;
    course.left = waiting(desk).await?;
    if travelled.frees_others {
        desk.others.wake();
    }
    Ok(travelled.waits_for_all)
}

/// Pushes what was edited since the last push: whoever presses a key does not wait for the end of a round.
async fn push_newer<B: Backend>(desk: &Desk, backend: &mut B, course: &mut Course) -> Result<(), Failure> {
    if waiting(desk).await? > course.left {
        push_if_possible(desk, backend, course).await?;
    }
    Ok(())
}

/// Pushes what can be pushed: what cannot keeps no mail from coming. It is tried again at the end of the round, and said
/// then.
async fn push_if_possible<B: Backend>(desk: &Desk, backend: &mut B, course: &mut Course) -> Result<(), Failure> {
    match push(desk, backend, course, false).await {
        Err(Failure::Backend(error)) if !matches!(error.kind, backend::Kind::Network | backend::Kind::Timeout) => {
            tracing::warn!(%error, "changes cannot travel now");
            course.left = waiting(desk).await?;
            Ok(())
        }
        pushed => pushed.map(drop),
    }
}

async fn waiting(desk: &Desk) -> Result<u64, Failure> {
    let account = desk.account;
    pull::blocking(&desk.store, move |store| store.pending_count(account)).await
}

/// Lists the mailboxes, keeps them, and gives them inbox first, bulk last.
async fn list_folders<B: Backend>(desk: &Desk, backend: &mut B) -> Result<Vec<Folder>, Failure> {
    let mut remotes = backend.mailboxes().await?;
    apply_overrides(&mut remotes, &desk.settings);
    let account = desk.account;
    let (ids, remotes) = pull::blocking(&desk.store, move |store| {
        store.reconcile_mailboxes(account, &remotes).map(|ids| (ids, remotes))
    })
    .await?;
    let mut folders: Vec<Folder> = ids.into_iter().zip(remotes).map(|(id, remote)| Folder { id, remote }).collect();
    folders.sort_by_key(|folder| match folder.remote.role {
        Some(Role::Inbox) => 0,
        Some(Role::Drafts | Role::Sent) => 1,
        None => 2,
        Some(Role::Archive | Role::Flagged | Role::Important) => 3,
        Some(Role::All | Role::Junk | Role::Trash) => 4,
    });
    Ok(folders)
}

/// The configuration's `[folders]` overrule the server's word about roles.
fn apply_overrides(remotes: &mut [RemoteMailbox], settings: &Account) {
    for (role, name) in &settings.folders {
        if !remotes.iter().any(|remote| remote.name == *name || remote.path == *name) {
            continue;
        }
        for remote in remotes.iter_mut() {
            if remote.name == *name || remote.path == *name {
                remote.role = Some(*role);
            } else if remote.role == Some(*role) {
                remote.role = None;
            }
        }
    }
}

/// Says whether the folder could be read.
async fn pull_folder<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folder: &Folder,
    course: &mut Course,
) -> Result<bool, Failure> {
    let name = folder.remote.name.clone();
    let failures = &mut course.failures;
    let progress = |done, total| {
        if done > 0 {
            *failures = 0;
        }
        if total > 0 {
            desk.tell_progress(&name, done, total);
        }
    };
    let pulled = pull::mailbox(backend, &desk.store, desk.account, folder.id, &folder.remote.path, progress).await;
    match pulled {
        Ok(pulled) => {
            course.report.fetched += pulled.arrived;
            Ok(true)
        }
        // One folder that may not be read does not keep the others back.
        Err(Failure::Backend(error)) if error.kind == backend::Kind::Refused => {
            tracing::warn!(%error, folder = %folder.remote.path, "a folder was refused");
            // Without the inbox it is no success either.
            if folder.remote.role == Some(Role::Inbox) {
                course.report.error = Some(retry::notice(&desk.settings.name, &error));
            }
            Ok(false)
        }
        Err(failure) => Err(failure),
    }
}

/// Writes the full-text index of what arrived without a body.
async fn index(desk: &Desk) -> Result<(), Failure> {
    while pull::blocking(&desk.store, |store| store.index_some(INDEX_PORTION)).await? > 0 {}
    Ok(())
}

/// Fetches missing bodies until none is missing, and looks after edits and the inbox meanwhile.
pub async fn fetch_bodies<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folders: &[Folder],
    course: &mut Course,
) -> Result<(), Failure> {
    let Some(not_before) = desk.not_before() else { return Ok(()) };
    let account = desk.account;
    let total = pull::blocking(&desk.store, move |store| store.count_missing_bodies(account, not_before)).await?;
    let (mut done, mut looked) = (0, Instant::now());
    // Newcomers stand before the place that the run has reached: one portion from the top brings theirs.
    let mut from_the_top = course.bodies.is_under_way().then(bodies::Run::default);
    loop {
        let progress = |kept| {
            done += kept;
            desk.tell_progress("messages", done, total.max(done));
        };
        let run = from_the_top.as_mut().unwrap_or(&mut course.bodies);
        let fetched = bodies::some(backend, &desk.store, desk.account, not_before, run, progress).await;
        if run.has_come {
            course.failures = 0;
        }
        let was_from_the_top = from_the_top.take().is_some();
        if !fetched? && !was_from_the_top {
            return Ok(());
        }
        push_newer(desk, backend, course).await?;
        if looked.elapsed() >= LOOK_EVERY {
            let before = course.report.fetched;
            let inbox = folders.iter().filter(|folder| folder.remote.role == Some(Role::Inbox));
            pull_some(desk, backend, inbox, course).await?;
            from_the_top = (course.report.fetched > before).then(bodies::Run::default);
            looked = Instant::now();
        }
    }
}

/// Brings the folders of these paths into step, and what waited for that. Says whether a whole round is to follow.
pub async fn pull_changed<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folders: &[Folder],
    paths: &BTreeSet<String>,
    course: &mut Course,
) -> Result<bool, Failure> {
    let changed = folders.iter().filter(|folder| folder.remote.is_selectable && paths.contains(&folder.remote.path));
    pull_some(desk, backend, changed, course).await?;
    // What is known to be elsewhere now is pushed there.
    let waits_for_all = push(desk, backend, course, false).await?;
    fetch_bodies(desk, backend, folders, course).await?;
    Ok(waits_for_all)
}

async fn pull_some<B: Backend>(
    desk: &Desk,
    backend: &mut B,
    folders: impl Iterator<Item = &Folder>,
    course: &mut Course,
) -> Result<(), Failure> {
    for folder in folders {
        pull_folder(desk, backend, folder, course).await?;
    }
    index(desk).await
}

fn count(report: &mut SyncReport, before: Traffic, after: Traffic) {
    report.bytes_in += after.bytes_in.saturating_sub(before.bytes_in);
    report.bytes_out += after.bytes_out.saturating_sub(before.bytes_out);
    report.round_trips += after.round_trips.saturating_sub(before.round_trips);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::accounts::desk::Others;
    use crate::accounts::tests::{Fake, hung_up, newcomers, spoil};
    use crate::config::Source;
    use crate::mail::mutation::{Edit, Mutation, Target};
    use crate::mail::remote::{Delta, RemoteId, Want};
    use crate::mail::view::View;
    use crate::store::Store;

    fn desk(dir: &std::path::Path) -> Desk {
        let store = Store::open(dir).unwrap();
        let account = store.account("test").unwrap();
        let settings = Account::new("test", "me@example.org", Source::Maildir { path: dir.to_owned() });
        Desk { store, account, settings, listener: Arc::new(|_| {}), others: Others::default() }
    }

    #[test]
    fn a_link_that_breaks_in_every_sync_is_tried_again_soon_as_long_as_something_comes() {
        let mut course = Course { failures: 7, ..Course::default() };
        let dir = tempfile::tempdir().unwrap();
        let desk = desk(dir.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut sync_with = |news: Vec<Delta>| {
            let mut server = Fake { news, breaks: true, has_inbox: true, ..Fake::default() };
            let failure = runtime.block_on(go(&desk, &mut server, &mut course)).unwrap_err();
            assert_eq!(failure.into_error(), hung_up());
            course.failures
        };
        assert_eq!(sync_with(Vec::new()), 7, "nothing came");
        assert_eq!(sync_with(newcomers(3)), 0, "something came");
    }

    #[tokio::test]
    async fn todays_mail_does_not_wait_for_what_a_broken_link_left_behind() {
        let (dir, mut course) = (tempfile::tempdir().unwrap(), Course::default());
        let desk = desk(dir.path());
        let raw = |id: &RemoteId| format!("Subject: {}\r\n\r\n", id.0).into_bytes();
        for _ in 0..2 {
            let body = move |want: &Want| if want.id.0 == "700" { Err(hung_up()) } else { Ok(Some(raw(&want.id))) };
            let mut server =
                Fake { news: newcomers(900), has_inbox: true, body: Some(Box::new(body)), ..Fake::default() };
            go(&desk, &mut server, &mut course).await.unwrap_err();
        }
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let body = move |want: &Want| {
            noted.lock().unwrap().push(want.id.0.clone());
            Ok(Some(raw(&want.id)))
        };
        let mut server = Fake { news: newcomers(901), has_inbox: true, body: Some(Box::new(body)), ..Fake::default() };
        go(&desk, &mut server, &mut course).await.unwrap();
        assert_eq!(asked.lock().unwrap().first().map(String::as_str), Some("901"));
        assert_eq!(desk.store.count_missing_bodies(desk.account, None).unwrap(), 0);
    }

    #[tokio::test]
    async fn an_edit_made_while_bodies_come_does_not_wait_for_the_last_one() {
        let (dir, mut course) = (tempfile::tempdir().unwrap(), Course::default());
        let desk = desk(dir.path());
        let (store, account) = (desk.store.clone(), desk.account);
        let left = Arc::new(Mutex::new(Vec::new()));
        let noted = left.clone();
        let body = move |want: &Want| {
            if want.id.0 == "2050" {
                let inbox = store.mailboxes(Some(account)).unwrap()[0].id;
                let email = store.emails(&View::Mailbox(inbox), None, 1).unwrap()[0].id;
                let edit = Edit::Keyword("$flagged".to_owned(), true);
                let star = Mutation { targets: vec![Target { email, from: None }], edit };
                store.edit(&star, crate::accounts::desk::now(), "Starred").unwrap();
                noted.lock().unwrap().push(store.pending_count(account).unwrap());
            } else if want.id.0 == "10" {
                noted.lock().unwrap().push(store.pending_count(account).unwrap());
            }
            Ok(Some(format!("Subject: {}\r\n\r\n", want.id.0).into_bytes()))
        };
        let mut server =
            Fake { news: newcomers(2_100), has_inbox: true, body: Some(Box::new(body)), ..Fake::default() };
        go(&desk, &mut server, &mut course).await.unwrap();
        assert_eq!(*left.lock().unwrap(), [1, 0], "made in the first portion, gone before the second");
    }

    #[tokio::test]
    async fn a_store_that_fails_is_no_step_forward() {
        let (dir, mut course) = (tempfile::tempdir().unwrap(), Course::default());
        let mut server = Fake { news: newcomers(900), has_inbox: true, ..Fake::default() };
        go(&desk(dir.path()), &mut server, &mut course).await.unwrap();
        course.failures = 7;
        // Opened anew, it has nothing in memory yet.
        let desk = desk(dir.path());
        let place = dir.path().to_owned();
        let body = move |want: &Want| {
            if want.id.0 == "900" {
                spoil(&place);
            }
            Ok(Some(b"Subject: x\r\n\r\n".to_vec()))
        };
        let mut server = Fake { has_inbox: true, body: Some(Box::new(body)), ..Fake::default() };
        let failure = go(&desk, &mut server, &mut course).await.unwrap_err();
        assert!(matches!(failure, Failure::Store(_)), "{failure:?}");
        assert_eq!(course.failures, 7);
    }
}
