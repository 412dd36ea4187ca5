//! Owns the commands that change mail, `mark`, `move`, `copy`, `archive` and `delete`, and the report of a change.
//!
//! Each is one transaction in the store and done with it. What can be carried over at once is; what waits is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cli::args::MarkArgs;
use crate::cli::context::{Context, now};
use crate::cli::failure::Failure;
use crate::cli::say;
use crate::cli::select::{self, Catalogue};
use crate::cli::sync::{self, Carried};
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
    refused: Vec<String>,
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

/// Moves or copies mail to the folder that the last word names: in each mail's own account, or as `ACCOUNT/FOLDER`.
pub fn file(context: &Context, ids_and_folder: &[String], edit: fn(MailboxId) -> Edit) -> Result<(), Failure> {
    let Some((folder, ids)) = ids_and_folder.split_last() else {
        return Err(Failure::usage("ids and a folder are needed"));
    };
    context.with_store(None, |store, _| {
        let catalogue = Catalogue::read(store)?;
        let emails = select::emails(store, ids)?;
        // Every folder is found before anything is moved.
        let mut by_folder: BTreeMap<MailboxId, Vec<Email>> = BTreeMap::new();
        for email in emails {
            let target = catalogue.one(folder, Some(email.account))?;
            if !target.is_selectable {
                return Err(Failure::failed(format!("no mail can be in the folder \"{}\"", target.name)));
            }
            by_folder.entry(target.id).or_default().push(email);
        }
        let done: Result<Vec<Done>, Failure> = by_folder
            .iter()
            .map(|(target, emails)| {
                let folder = name_seen_from(emails, *target, &catalogue);
                commit(store, &catalogue, emails, edit(*target), Some(&folder))
            })
            .collect();
        report(context, store, &done?)
    })
}

/// Names a folder, with its account where that is another one than the mail's.
fn name_seen_from(emails: &[Email], folder: MailboxId, catalogue: &Catalogue) -> String {
    let name = catalogue.name(folder);
    let account = catalogue.mailbox(folder).map(|mailbox| mailbox.account);
    match account.filter(|account| emails.iter().any(|email| email.account != *account)) {
        Some(account) => format!("{name} in {}", catalogue.account_name(account)),
        None => name.to_owned(),
    }
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

/// Says what was done, carries it over where that is quick, and says what waits and what was refused.
pub fn report(context: &Context, store: &Store, done: &[Done]) -> Result<(), Failure> {
    let is_nothing = |done: &&Done| done.accounts.is_empty();
    if !context.output.is_json {
        for done in done {
            match is_nothing(&done) {
                true => say("nothing to change: all was so already"),
                false => say(&done.label),
            }
        }
    }
    // The change is made; whatever keeps it from travelling now is said, and is no failure of the command.
    let accounts: BTreeSet<AccountId> = done.iter().flat_map(|done| done.accounts.iter().copied()).collect();
    let carried = sync::push(context, store, &accounts).unwrap_or_else(|failure| {
        say(&failure.what);
        Carried::default()
    });
    if context.output.is_json {
        let emails = done.iter().map(|done| done.emails).sum();
        let done = done.iter().filter(|done| !is_nothing(done)).map(|done| done.label.clone()).collect();
        let Carried { waiting, refused } = carried;
        context.output.json(&Changed { done, emails, waiting, refused })?;
    }
    Ok(())
}
