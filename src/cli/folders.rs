//! Owns `surat folders`: the folders with their counts, and what is done to one of them.
//!
//! Each edit is one transaction in the store, as edits of mail are.

use serde::Serialize;

use crate::cli::args::{FolderCommand, FoldersArgs};
use crate::cli::change;
use crate::cli::context::{Context, now};
use crate::cli::failure::Failure;
use crate::cli::output::TableRow;
use crate::cli::say;
use crate::cli::select::Catalogue;
use crate::mail::id::AccountId;
use crate::mail::mutation::FolderEdit;

/// One folder in JSON.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    account: &'a str,
    name: &'a str,
    role: Option<&'static str>,
    total: u64,
    unread: u64,
    selectable: bool,
    subscribed: bool,
}

/// Lists the folders, or does something to one.
pub fn run(context: &Context, args: &FoldersArgs) -> Result<(), Failure> {
    context.with_store(args.account.as_deref(), |store, account| {
        let catalogue = Catalogue::read(store)?;
        let Some(command) = &args.command else { return list(context, &catalogue, account) };
        let one = |folder: &str| catalogue.one(folder, account).map(|mailbox| mailbox.id);
        let edit = match command {
            FolderCommand::Create { name } => {
                let configured = context.config()?;
                let configured = configured.accounts.iter().map(|settings| settings.name.as_str());
                let (account, name) = match account {
                    Some(account) => (account, name.as_str()),
                    None => catalogue.account_of_new(name, configured)?,
                };
                FolderEdit::Create { account, name: name.to_owned() }
            }
            FolderCommand::Rename { folder, name } => {
                FolderEdit::Rename { mailbox: one(folder)?, name: name.to_owned() }
            }
            FolderCommand::Delete { folder } => FolderEdit::Delete { mailbox: one(folder)? },
            FolderCommand::Subscribe { folder } => FolderEdit::Subscribe { mailbox: one(folder)?, on: true },
            FolderCommand::Unsubscribe { folder } => FolderEdit::Subscribe { mailbox: one(folder)?, on: false },
        };
        change::report(context, store, &[store.edit_folder(&edit, now())?])
    })
}

fn list(context: &Context, catalogue: &Catalogue, account: Option<AccountId>) -> Result<(), Failure> {
    let listed: Vec<Listed> = catalogue
        .mailboxes(account)
        .map(|mailbox| Listed {
            account: catalogue.account_name(mailbox.account),
            name: &mailbox.name,
            role: mailbox.role.map(|role| role.as_str()),
            total: mailbox.total,
            unread: mailbox.unread,
            selectable: mailbox.is_selectable,
            subscribed: mailbox.is_subscribed,
        })
        .collect();
    if context.output.is_json {
        return Ok(context.output.json(&listed)?);
    }
    let rows: Vec<TableRow> = listed
        .iter()
        .map(|folder| TableRow {
            cells: vec![
                folder.account.to_owned(),
                folder.name.to_owned(),
                if folder.unread > 0 { format!("{} unread", folder.unread) } else { String::new() },
                folder.total.to_string(),
            ],
            is_strong: folder.unread > 0,
        })
        .collect();
    if rows.is_empty() {
        say("nothing is here yet; `surat sync` fetches your mail");
    }
    Ok(context.output.table(&rows)?)
}
