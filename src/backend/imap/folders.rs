//! Owns changing mailboxes on the server: made, renamed, removed when empty, subscribed to (RFC 9051 section 6.3).
//!
//! How a name is spelled on the wire is known by `names`.

use crate::backend::imap::names::{self, quote};
use crate::backend::imap::response::{Condition, Response, Verdict};
use crate::backend::imap::{Imap, apply, select};
use crate::backend::{Error, Kind};
use crate::mail::mailbox::Role;
use crate::mail::remote::{Applied, RemoteOperation};

const STAGE: &str = "changing folders";

/// Makes one change of mailboxes.
pub async fn change(imap: &mut Imap, operation: &RemoteOperation) -> Result<Applied, Error> {
    match operation {
        RemoteOperation::CreateMailbox { name, role } => {
            let path = names::path_of_new(imap, STAGE, name).await?;
            create(imap, &path, *role).await?;
            subscribe(imap, &path, true).await?;
            Ok(Applied { path: Some(path), ..Applied::default() })
        }
        RemoteOperation::RenameMailbox { path, name } => {
            let new = names::path_of_new(imap, STAGE, name).await?;
            leave(imap, path).await?;
            let is_subscribed = is_listed(imap, "LSUB", path).await? || is_listed(imap, "LSUB", &new).await?;
            let condition = ask(imap, &format!("RENAME {} {}", quote(path), quote(&new))).await?;
            // A rename whose answer was lost is done already.
            let is_done = condition.verdict != Verdict::Ok && !exists(imap, path).await? && exists(imap, &new).await?;
            if !is_done {
                apply::check(imap, STAGE, &condition)?;
            }
            imap.marks.clear();
            subscribe(imap, path, false).await?;
            subscribe(imap, &new, is_subscribed).await?;
            Ok(Applied { path: Some(new), ..Applied::default() })
        }
        RemoteOperation::DeleteMailbox { path } => {
            remove(imap, path).await?;
            Ok(Applied::default())
        }
        RemoteOperation::Subscribe { path, on } => {
            let condition = ask(imap, &subscription(path, *on)).await?;
            apply::check(imap, STAGE, &condition)?;
            Ok(Applied::default())
        }
        _ => Err(imap.driver.error(Kind::Unsupported, STAGE, "this is no change of folders")),
    }
}

async fn create(imap: &mut Imap, path: &str, role: Option<Role>) -> Result<(), Error> {
    let usage = role.and_then(attribute_of_role).filter(|_| imap.driver.can("CREATE-SPECIAL-USE"));
    if let Some(attribute) = usage {
        let condition = ask(imap, &format!("CREATE {} (USE ({attribute}))", quote(path))).await?;
        if condition.verdict == Verdict::Ok {
            return Ok(());
        }
    }
    let condition = ask(imap, &format!("CREATE {}", quote(path))).await?;
    if condition.verdict == Verdict::Ok || condition.code == "ALREADYEXISTS" || exists(imap, path).await? {
        return Ok(());
    }
    apply::check(imap, STAGE, &condition)
}

async fn remove(imap: &mut Imap, path: &str) -> Result<(), Error> {
    // DELETE takes the mail along. That there is none is asked right before, of nobody else's word.
    let ticket = imap.driver.send(STAGE, &format!("STATUS {} (MESSAGES)", quote(path)), 0).await?;
    let mut messages = None;
    let condition = imap
        .driver
        .finish(STAGE, ticket, |response| {
            // Of other mailboxes it may be told at any time.
            if let Response::Status(status) = response
                && status.name == path.as_bytes()
            {
                messages = status.messages;
            }
            Ok(())
        })
        .await?;
    if condition.verdict != Verdict::Ok && !exists(imap, path).await? {
        return Ok(());
    }
    apply::check(imap, STAGE, &condition)?;
    if messages != Some(0) {
        return Err(imap.driver.error(Kind::Refused, STAGE, "there is mail in the folder that is not here yet"));
    }
    leave(imap, path).await?;
    let condition = ask(imap, &format!("DELETE {}", quote(path))).await?;
    if condition.verdict != Verdict::Ok && exists(imap, path).await? {
        apply::check(imap, STAGE, &condition)?;
    }
    imap.marks.remove(path);
    subscribe(imap, path, false).await
}

/// Leaves a mailbox, and those below it: some servers neither rename nor remove what is open, and CLOSE would expunge.
async fn leave(imap: &mut Imap, path: &str) -> Result<(), Error> {
    match imap.selected.as_ref().is_some_and(|selected| selected.path.starts_with(path)) {
        true => select::ensure(imap, STAGE, "INBOX").await,
        false => Ok(()),
    }
}

/// Says whether the server lists a mailbox of this path that can hold mail or others.
async fn exists(imap: &mut Imap, path: &str) -> Result<bool, Error> {
    is_listed(imap, "LIST", path).await
}

async fn is_listed(imap: &mut Imap, command: &str, path: &str) -> Result<bool, Error> {
    let ticket = imap.driver.send(STAGE, &format!("{command} \"\" {}", quote(path)), 0).await?;
    let mut is_there = false;
    let condition = imap
        .driver
        .finish(STAGE, ticket, |response| {
            if let Response::List(list) = response {
                is_there |= list.name == path.as_bytes() && !list.attributes.iter().any(|it| it == "\\nonexistent");
            }
            Ok(())
        })
        .await?;
    imap.driver.check(STAGE, &condition)?;
    Ok(is_there)
}

/// Subscribes, or no more; what the server makes of it is no matter for the change that it goes with.
async fn subscribe(imap: &mut Imap, path: &str, on: bool) -> Result<(), Error> {
    ask(imap, &subscription(path, on)).await.map(drop)
}

fn subscription(path: &str, on: bool) -> String {
    format!("{} {}", if on { "SUBSCRIBE" } else { "UNSUBSCRIBE" }, quote(path))
}

async fn ask(imap: &mut Imap, command: &str) -> Result<Condition, Error> {
    let ticket = imap.driver.send(STAGE, command, 0).await?;
    loop {
        let reply = imap.driver.next(STAGE).await?;
        match reply.response {
            Response::Done(_, condition) if reply.of == Some(ticket) => return Ok(condition),
            other => imap.notice(&other),
        }
    }
}

fn attribute_of_role(role: Role) -> Option<&'static str> {
    match role {
        Role::Archive => Some("\\Archive"),
        Role::Drafts => Some("\\Drafts"),
        Role::Junk => Some("\\Junk"),
        Role::Sent => Some("\\Sent"),
        Role::Trash => Some("\\Trash"),
        Role::Inbox | Role::Flagged | Role::Important | Role::All => None,
    }
}
