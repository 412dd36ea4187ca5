//! Owns the commands that change mail: `mark`, `move`, `archive`, `delete`, `undo`.
//!
//! Each is one transaction in the store and done with it. What can be carried over at once is; what waits is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cli::args::MarkArgs;
use crate::cli::context::{Context, now};
use crate::cli::failure::Failure;
use crate::cli::say;
use crate::cli::select::{self, Catalogue};
use crate::cli::sync;
use crate::mail::email::Email;
use crate::mail::id::{AccountId, MailboxId};
use crate::mail::keyword::{FLAGGED, SEEN};
use crate::mail::mailbox::Role;
use crate::mail::mutation::{Done, Edit, Mutation, Target};
use crate::store::Store;

/// What was done, in JSON.
#[derive(Debug, Serialize)]
struct Changed {
    done: Vec<String>,
    emails: usize,
    waiting: u64,
}

/// Marks mail.
pub fn mark(context: &Context, args: &MarkArgs) -> Result<(), Failure> {
    let edit = match (args.seen, args.unseen, args.flagged) {
        (true, _, _) => Edit::Keyword(SEEN.to_owned(), true),
        (_, true, _) => Edit::Keyword(SEEN.to_owned(), false),
        (_, _, true) => Edit::Keyword(FLAGGED.to_owned(), true),
        _ => Edit::Keyword(FLAGGED.to_owned(), false),
    };
    to_role_or_mark(context, &args.ids, edit)
}

/// Moves mail to the archive of its account.
pub fn archive(context: &Context, ids: &[String]) -> Result<(), Failure> {
    to_role_or_mark(context, ids, Edit::MoveToRole(Role::Archive))
}

/// Moves mail to the trash of its account.
pub fn delete(context: &Context, ids: &[String]) -> Result<(), Failure> {
    to_role_or_mark(context, ids, Edit::MoveToRole(Role::Trash))
}

fn to_role_or_mark(context: &Context, ids: &[String], edit: Edit) -> Result<(), Failure> {
    context.with_store(None, |store, _| {
        let catalogue = Catalogue::read(store)?;
        let emails = select::emails(store, ids)?;
        report(context, store, &[commit(store, &catalogue, &emails, edit, None)?])
    })
}

/// Moves mail to the folder that the last word names, in each mail's own account.
pub fn move_to(context: &Context, ids_and_folder: &[String]) -> Result<(), Failure> {
    let Some((folder, ids)) = ids_and_folder.split_last() else {
        return Err(Failure::usage("move needs ids and a folder"));
    };
    context.with_store(None, |store, _| {
        let catalogue = Catalogue::read(store)?;
        let mut by_account: BTreeMap<AccountId, Vec<Email>> = BTreeMap::new();
        for email in select::emails(store, ids)? {
            by_account.entry(email.account).or_default().push(email);
        }
        // Every folder is found before anything is moved.
        let mut moves = Vec::new();
        for (account, emails) in by_account {
            let target = catalogue.find(folder, Some(account))?.into_iter().find(|mailbox| mailbox.is_selectable);
            let target = target.ok_or_else(|| Failure::failed(format!("no mail can be in the folder \"{folder}\"")))?;
            moves.push((emails, target.id));
        }
        let done: Result<Vec<Done>, Failure> = moves
            .iter()
            .map(|(emails, target)| {
                commit(store, &catalogue, emails, Edit::Move(*target), Some(catalogue.name(*target)))
            })
            .collect();
        report(context, store, &done?)
    })
}

/// Takes the last change back.
pub fn undo(context: &Context) -> Result<(), Failure> {
    context.with_store(None, |store, _| match store.undo(now())? {
        Some(done) => report(context, store, &[Done { label: format!("Undone: {}", done.label), ..done }]),
        None => {
            say("Nothing to undo.");
            if context.output.is_json { report(context, store, &[]) } else { Ok(()) }
        }
    })
}

fn commit(
    store: &Store,
    catalogue: &Catalogue,
    emails: &[Email],
    edit: Edit,
    folder: Option<&str>,
) -> Result<Done, Failure> {
    let label = edit.past_tense(emails.len(), "message", folder);
    let targets =
        emails.iter().map(|email| Target { email: email.id, from: seen_from(email, catalogue, &edit) }).collect();
    Ok(store.edit(&Mutation { targets, edit }, now(), &label)?)
}

/// Gives the folder that a move takes a mail from: its only one, or the inbox where it is in several. A mail that is
/// deleted leaves them all.
fn seen_from(email: &Email, catalogue: &Catalogue, edit: &Edit) -> Option<MailboxId> {
    if matches!(edit, Edit::MoveToRole(Role::Trash)) {
        return None;
    }
    match email.mailboxes.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|id| catalogue.mailbox(*id).is_some_and(select::is_inbox)),
    }
}

fn report(context: &Context, store: &Store, done: &[Done]) -> Result<(), Failure> {
    if !context.output.is_json {
        for done in done {
            match done.emails {
                0 => say("nothing to change: all was so already"),
                _ => say(&done.label),
            }
        }
    }
    // The change is made; whatever keeps it from travelling now is said, and is no failure of the command.
    let accounts: BTreeSet<AccountId> = done.iter().flat_map(|done| done.accounts.iter().copied()).collect();
    let waiting = sync::push(context, store, &accounts).unwrap_or_else(|failure| {
        say(&failure.what);
        0
    });
    if context.output.is_json {
        let emails = done.iter().map(|done| done.emails).sum();
        let done = done.iter().filter(|done| done.emails > 0).map(|done| done.label.clone()).collect();
        context.output.json(&Changed { done, emails, waiting })?;
    }
    Ok(())
}
