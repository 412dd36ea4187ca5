//! Owns the way of edits from the store to a server: what is planned is done, and what was done is settled.
//!
//! What is pending is a property of rows (invariant 4): nothing is queued here, so nothing can be lost here.

use std::collections::BTreeSet;

use crate::accounts::attempts;
use crate::accounts::bodies;
use crate::accounts::desk::Failure;
use crate::accounts::plan::{self, Append, Outlook, Planned};
use crate::accounts::pull::{self, blocking};
use crate::backend::{Backend, Error, Kind};
use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::remote::{Applied, RemoteOperation};
use crate::store::{Pushed, Share, Store};

/// Emails looked at in one go.
const BATCH: usize = 1_000;
/// Messages that are added in one go have no more bytes together, unless the first alone is larger.
const APPEND_BYTES: u64 = 4 << 20;
/// So often a change of keywords gives way to what others did meanwhile.
const PATIENCE: u32 = 3;
/// Turns of one push; what is left then waits for the next one.
const MOST_TURNS: u32 = 500;
/// Bodies brought in one turn because a copy may not go without.
const MOST_BODIES: usize = 200;

/// What a push came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Travelled {
    /// Edits that the server has now.
    pub edits: u64,
    /// Messages among them that were deleted on the server.
    pub deleted: u64,
    /// Whether more can be done once all mailboxes were read.
    pub waits_for_all: bool,
    /// Whether something came, here or on the server, for which another account may be waiting.
    pub frees_others: bool,
}

/// Pushes what is pending. What the server refuses goes back to what it was, and does not stop the rest.
/// `has_seen_all`: every mailbox was read just now.
pub async fn all<B: Backend>(
    backend: &mut B,
    store: &Store,
    account: AccountId,
    has_seen_all: bool,
) -> Result<Travelled, Failure> {
    attempts::look(backend, store, account).await?;
    let mut travelled = Travelled::default();
    let (mut given_way, mut behind, mut tried) = (0, None, BTreeSet::new());
    for _ in 0..MOST_TURNS {
        let pending = blocking(store, move |store| store.pending_behind(account, behind, BATCH)).await?;
        if pending.is_empty() {
            return Ok(travelled);
        }
        let last = pending.emails.last().map(|email| email.email).filter(|_| pending.has_more);
        let outlook = Outlook { insists: given_way >= PATIENCE, has_seen_all };
        let planned = plan::plan(&pending, &backend.offer(), outlook);
        travelled.waits_for_all = planned.contains(&Planned::AfterAll);
        let mut turn = Turn { backend, store, account, tried, has_moved: false, changed: Vec::new(), travelled };
        let done = turn.take(planned).await;
        let Turn { has_moved, changed, .. } = turn;
        (travelled, tried) = (turn.travelled, turn.tried);
        done?;
        given_way += u32::from(!changed.is_empty());
        let mut has_looked = false;
        for mailbox in &changed {
            has_looked |= look_at(backend, store, account, *mailbox).await?;
        }
        attempts::look(backend, store, account).await?;
        if !has_moved && (!has_looked || given_way > PATIENCE) {
            // What cannot be moved now keeps nothing older back.
            if last.is_none() {
                return Ok(travelled);
            }
            behind = last;
        }
    }
    Ok(travelled)
}

/// Brings a mailbox into step that is not as it was thought to be. One that the server refuses is left as it is; says
/// whether it was read.
pub async fn look_at<B: Backend>(
    backend: &mut B,
    store: &Store,
    account: AccountId,
    mailbox: MailboxId,
) -> Result<bool, Failure> {
    let Some(path) = blocking(store, move |store| store.mailbox_path(mailbox)).await? else { return Ok(false) };
    match pull::mailbox(backend, store, account, mailbox, &path, |_, _| {}).await {
        Err(Failure::Backend(error)) if error.kind == Kind::Refused => Ok(false),
        pulled => pulled.map(|_| true),
    }
}

/// One turn of planning and doing.
struct Turn<'a, B> {
    backend: &'a mut B,
    store: &'a Store,
    account: AccountId,
    /// What was added in this push, by email and mailbox: that it is to be added again means that the server keeps
    /// something else than it was given, and would do so without end.
    tried: BTreeSet<(EmailId, MailboxId)>,
    /// Whether anything is otherwise than before: then it is worth planning again.
    has_moved: bool,
    /// Mailboxes in which others had changed what was to be changed.
    changed: Vec<MailboxId>,
    travelled: Travelled,
}

/// An operation with the rows that it settles.
type Work = (RemoteOperation, Vec<Share>);

impl<B: Backend> Turn<'_, B> {
    async fn take(&mut self, planned: Vec<Planned>) -> Result<(), Failure> {
        let (mut work, mut appends, mut mailboxes_last): (Vec<Work>, Vec<Append>, Vec<Work>) = Default::default();
        let mut bodiless = Vec::new();
        for planned in planned {
            match planned {
                Planned::Operation { operation: operation @ RemoteOperation::DeleteMailbox { .. }, shares } => {
                    mailboxes_last.push((operation, shares));
                }
                Planned::Operation { operation, shares } => work.push((operation, shares)),
                Planned::Append(append) => match &append.share {
                    Share::Arrival { email, to, .. } if !self.tried.insert((*email, *to)) => {
                        let what = "it keeps something else than what it was given";
                        let error = Error::new(Kind::Refused, "the server", "adding a message", what);
                        self.refuse(vec![append.share], &error).await?;
                    }
                    _ => appends.push(append),
                },
                Planned::Fetch(email) => bodiless.push(email),
                Planned::AfterAll => {}
                Planned::Impossible(share) => {
                    let error = Error::new(Kind::Refused, "the store", "adding a message", "its bytes are not here");
                    self.refuse(vec![share], &error).await?;
                }
            }
        }
        self.carry(work).await?;
        let mut appends = appends.into_iter().peekable();
        while appends.peek().is_some() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some(append) = appends.next_if(|next| batch.is_empty() || bytes + next.size <= APPEND_BYTES) {
                bytes += append.size;
                let blob = append.blob;
                let raw = blocking(self.store, move |store| store.blob(blob)).await?;
                let operation = RemoteOperation::Append {
                    mailbox: append.mailbox,
                    bytes: raw,
                    keywords: append.keywords,
                    received: append.received,
                };
                batch.push((operation, vec![append.share]));
            }
            self.carry(batch).await?;
        }
        self.carry(mailboxes_last).await?;
        self.fetch(bodiless).await
    }

    /// Brings bodies without which the server's copies must not go, after all that needs none.
    async fn fetch(&mut self, mut emails: Vec<EmailId>) -> Result<(), Failure> {
        emails.truncate(MOST_BODIES);
        if !emails.is_empty() {
            let has_come = bodies::these(self.backend, self.store, &emails).await? > 0;
            self.has_moved |= has_come;
            self.travelled.frees_others |= has_come;
        }
        Ok(())
    }

    /// Does operations, and settles each one that came to an end, whatever became of the rest.
    async fn carry(&mut self, work: Vec<Work>) -> Result<(), Failure> {
        if work.is_empty() {
            return Ok(());
        }
        let needs_disk = |share: &Share| matches!(share, Share::Arrival { .. } | Share::Removal { .. });
        let shares: Vec<Share> = work.iter().flat_map(|(_, shares)| shares).cloned().collect();
        let numbers = match shares.iter().any(needs_disk) {
            true => blocking(self.store, move |store| store.begin_attempts(&shares)).await?,
            false => vec![0; shares.len()],
        };
        let (operations, shares): (Vec<_>, Vec<_>) = work.into_iter().unzip();
        let mut outcomes = Vec::with_capacity(operations.len());
        let ended = self.backend.apply(&operations, &mut outcomes).await;
        let (mut settled, mut again, mut numbers) = (Settled::default(), Vec::new(), numbers.into_iter());
        for (index, (operation, shares)) in operations.into_iter().zip(shares).enumerate() {
            let numbers: Vec<i64> = numbers.by_ref().take(shares.len()).collect();
            match outcomes.get(index) {
                None => break,
                Some(Ok(applied)) => settled.take(&operation, applied, shares, &numbers),
                Some(Err(error)) => {
                    settled.ended.extend(numbers);
                    match shares.len() {
                        1 => settled.refused.push((shares, error.clone())),
                        // One of many may be the reason; each is tried by itself.
                        _ => again.extend(singly(&operation, shares)),
                    }
                }
            }
        }
        self.keep(settled).await?;
        ended?;
        if again.is_empty() { Ok(()) } else { Box::pin(self.carry(again)).await }
    }

    async fn keep(&mut self, settled: Settled) -> Result<(), Failure> {
        let Settled { done, ended, refused, changed } = settled;
        self.has_moved |= !done.is_empty();
        self.travelled.edits += done.len() as u64;
        self.travelled.deleted +=
            done.iter().filter(|pushed| matches!(pushed.share, Share::Removal { .. })).count() as u64;
        self.changed.extend(changed);
        self.travelled.frees_others |=
            done.iter().any(|pushed| matches!(pushed.share, Share::Arrival { from: None, .. }));
        if !done.is_empty() || !ended.is_empty() {
            blocking(self.store, move |store| store.pushed(&done, &ended)).await?;
        }
        let mut together: Vec<(Vec<Share>, Error)> = Vec::new();
        for (shares, error) in refused {
            match together.iter_mut().find(|(_, other)| *other == error) {
                Some((all, _)) => all.extend(shares),
                None => together.push((shares, error)),
            }
        }
        for (shares, error) in together {
            self.refuse(shares, &error).await?;
        }
        Ok(())
    }

    async fn refuse(&mut self, shares: Vec<Share>, error: &Error) -> Result<(), Failure> {
        tracing::warn!(%error, edits = shares.len(), "the server refused changes");
        let (account, words) = (self.account, error.server_says.clone().unwrap_or_else(|| error.what.clone()));
        self.has_moved = true;
        blocking(self.store, move |store| store.refused(account, &shares, &words)).await
    }
}

/// What operations came to.
#[derive(Default)]
struct Settled {
    done: Vec<Pushed>,
    ended: Vec<i64>,
    refused: Vec<(Vec<Share>, Error)>,
    changed: Vec<MailboxId>,
}

impl Settled {
    fn take(&mut self, operation: &RemoteOperation, applied: &Applied, shares: Vec<Share>, numbers: &[i64]) {
        for (share, number) in shares.into_iter().zip(numbers) {
            if let Some((mailbox, id)) = share.copy()
                && applied.left_alone.contains(id)
            {
                self.changed.extend((!self.changed.contains(&mailbox)).then_some(mailbox));
                self.ended.push(*number);
                continue;
            }
            let mut pushed = Pushed::new(share);
            match &pushed.share {
                Share::Arrival { from, .. } => {
                    // Without the server's word the copy is looked for in its mailbox: the attempt stays open.
                    if !applied.tells_ids {
                        continue;
                    }
                    pushed.attempt = *number;
                    if let RemoteOperation::Append { keywords, .. } = operation {
                        pushed.keywords = Some(keywords.clone());
                    }
                    let named = from.as_ref().map_or("", |(_, id)| id.0.as_str());
                    match applied.became.iter().find(|(id, _)| id.0 == named) {
                        Some((_, id)) => pushed.id = Some(id.clone()),
                        // It was gone already; the next look at its mailbox will say so.
                        None => {
                            self.ended.push(*number);
                            continue;
                        }
                    }
                }
                Share::Removal { .. } => pushed.is_only_marked = applied.is_only_marked,
                Share::Mailbox { .. } => pushed.path.clone_from(&applied.path),
                Share::Keywords { .. } => {}
            }
            self.done.push(pushed);
        }
    }
}

/// Splits an operation into one for each of its messages.
fn singly(operation: &RemoteOperation, shares: Vec<Share>) -> Vec<Work> {
    let alone = |index: usize| {
        let mut operation = operation.clone();
        match &mut operation {
            RemoteOperation::Keywords { ids, .. }
            | RemoteOperation::Copy { ids, .. }
            | RemoteOperation::Move { ids, .. }
            | RemoteOperation::Remove { ids, .. } => *ids = ids.get(index).cloned().into_iter().collect(),
            _ => {}
        }
        operation
    };
    shares.into_iter().enumerate().map(|(index, share)| (alone(index), vec![share])).collect()
}
