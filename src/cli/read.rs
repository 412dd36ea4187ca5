//! Owns the commands that list mail, `list` and `search`, and the form of one mail in a list.
//!
//! They change nothing, not even whether a mail is unread.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::args::{ListArgs, SearchArgs};
use crate::cli::context::{Context, now};
use crate::cli::failure::Failure;
use crate::cli::output::TableRow;
use crate::cli::say;
use crate::cli::select::{self, Catalogue};
use crate::mail::address::Address;
use crate::mail::email::Email;
use crate::mail::id::MailboxId;
use crate::mail::keyword::{ANSWERED, DRAFT, FLAGGED, Keywords, SEEN};
use crate::mail::query::{Parsed, parse};
use crate::mail::view::{Scope, View};
use crate::mail::warn::short_name;
use crate::store::Store;

/// So many mails are listed when nobody says how many.
const USUAL_LIMIT: usize = 50;
/// How many mails are taken into the full text at once.
const INDEXED_AT_ONCE: usize = 2_000;
/// A search waits no longer than this for mail that came since and is not in the full text.
const INDEXING_PATIENCE: Duration = Duration::from_secs(5);

/// A name and an address in JSON.
#[derive(Debug, Serialize)]
pub struct ListedAddress<'a> {
    name: Option<&'a str>,
    addr: &'a str,
}

/// Gives addresses as JSON names them.
pub fn addresses(list: &[Address]) -> Vec<ListedAddress<'_>> {
    list.iter().map(|address| ListedAddress { name: address.name.as_deref(), addr: &address.addr }).collect()
}

/// One mail of a list in JSON.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    id: String,
    thread: String,
    account: &'a str,
    folder: &'a str,
    folders: Vec<&'a str>,
    from: Vec<ListedAddress<'a>>,
    to: Vec<ListedAddress<'a>>,
    subject: &'a str,
    date: String,
    received: String,
    flags: Vec<&'a str>,
    size: u64,
    has_attachments: bool,
    message_id: Option<&'a str>,
}

impl<'a> Listed<'a> {
    /// Builds the form of a mail.
    pub fn of(email: &'a Email, folder: Option<MailboxId>, catalogue: &'a Catalogue) -> Self {
        let header = &email.header;
        let folders: Vec<&str> =
            email.mailboxes.iter().map(|id| catalogue.name(*id)).filter(|name| !name.is_empty()).collect();
        Self {
            id: email.id.to_string(),
            thread: email.thread.to_string(),
            account: catalogue.account_name(email.account),
            folder: folder.map_or_else(|| folders.first().copied().unwrap_or_default(), |id| catalogue.name(id)),
            folders,
            from: addresses(&header.from),
            to: addresses(&header.to),
            subject: &header.subject,
            date: header.date.unwrap_or(email.received).to_rfc3339(),
            received: email.received.to_rfc3339(),
            flags: flags(&email.keywords),
            size: email.size,
            has_attachments: email.has_attachment,
            message_id: header.message_id.as_deref(),
        }
    }
}

/// Gives the keywords as JSON names them.
fn flags(keywords: &Keywords) -> Vec<&str> {
    let plain = |keyword| match keyword {
        SEEN => "seen",
        FLAGGED => "flagged",
        ANSWERED => "answered",
        DRAFT => "draft",
        other => other,
    };
    keywords.iter().map(plain).collect()
}

/// Lists the mail of folders, newest first.
pub fn list(context: &Context, args: &ListArgs) -> Result<(), Failure> {
    context.with_store(args.account.as_deref(), |store, account| {
        let catalogue = Catalogue::read(store)?;
        let mut found = Vec::new();
        for mailbox in catalogue.chosen(args.folder.as_deref(), account, select::is_inbox)? {
            let newest = select::newest(store, &select::view(mailbox.id, args.unread), one_more(args.limit))?;
            found.extend(newest.into_iter().map(|email| (email, Some(mailbox.id))));
        }
        found.sort_by_key(|(email, _)| Reverse(email.id));
        cut(&mut found, args.limit);
        if found.is_empty() {
            let what = if args.unread { "no unread mail is here" } else { "no mail is here" };
            let hint = if catalogue.mailboxes(account).next().is_none() { "; `surat sync` fetches yours" } else { "" };
            say(&format!("{what}{hint}"));
        }
        print_list(context, &catalogue, &found)
    })
}

/// Lists what a query finds, newest first. A query that was not understood as a whole is refused: what it finds may be
/// handed to a command that moves it.
pub fn search(context: &Context, args: &SearchArgs) -> Result<(), Failure> {
    let Parsed { query, notes, mistakes } = parse(&args.query.join(" "), now(), &TimeZone::system());
    refuse(&mistakes)?;
    let config = context.config_with_accounts()?;
    context.with_store(args.account.as_deref(), |store, account| {
        let catalogue = Catalogue::read(store)?;
        let configured = config.accounts.iter().map(|account| account.name.as_str());
        refuse(&catalogue.unknown_names(&query, configured))?;
        notes.iter().for_each(|note| say(note));
        finish_index(store)?;
        let scope = account.map_or(Scope::Everywhere, Scope::Account);
        let found = store.emails(&View::Search(query, scope), None, one_more(args.limit))?;
        let mut found: Vec<_> = found.into_iter().map(|email| (email, None)).collect();
        cut(&mut found, args.limit);
        if found.is_empty() {
            say("nothing was found");
        }
        print_list(context, &catalogue, &found)
    })
}

/// Gives how many mails are asked for, so that it is known whether there are more than are listed.
fn one_more(limit: Option<usize>) -> usize {
    limit.unwrap_or(USUAL_LIMIT).saturating_add(1)
}

/// Cuts a list, and says so where nobody asked for that.
fn cut<T>(found: &mut Vec<T>, limit: Option<usize>) {
    let most = limit.unwrap_or(USUAL_LIMIT);
    if found.len() > most {
        found.truncate(most);
        if limit.is_none() {
            say(&format!("the newest {most} are listed, there are more; --limit 0 lists all"));
        }
    }
}

fn refuse(mistakes: &[String]) -> Result<(), Failure> {
    match mistakes {
        [] => Ok(()),
        mistakes => Err(Failure::usage(format!("{}\nnothing was searched for", mistakes.join("\n")))),
    }
}

/// Takes into the full text what is not there yet; says so where that would take too long.
fn finish_index(store: &Store) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        let left = store.index_some(INDEXED_AT_ONCE)?;
        if left == 0 {
            return Ok(());
        }
        if started.elapsed() > INDEXING_PATIENCE {
            say(&format!("{left} mails are not indexed yet; words in them are not found"));
            return Ok(());
        }
    }
}

/// Writes a list of mail, each with the folder that it was found in, if it was in one.
pub fn print_list(
    context: &Context,
    catalogue: &Catalogue,
    found: &[(Email, Option<MailboxId>)],
) -> Result<(), Failure> {
    if context.output.is_json {
        let listed: Vec<Listed> = found.iter().map(|(email, folder)| Listed::of(email, *folder, catalogue)).collect();
        return Ok(context.output.json(&listed)?);
    }
    let (now, zone) = (now(), TimeZone::system());
    let row = |(email, _): &(Email, Option<MailboxId>)| {
        let mark = |is_set, letter| if is_set { letter } else { ' ' };
        let marks = String::from_iter([
            mark(!email.keywords.is_seen(), 'N'),
            mark(email.keywords.is_flagged(), '*'),
            mark(email.keywords.contains(ANSWERED), 'r'),
            mark(email.has_attachment, '@'),
        ]);
        let from = email.header.from.iter().map(short_name).collect::<Vec<_>>().join(", ");
        let cells =
            vec![email.id.to_string(), marks, email.received.in_list(now, &zone), from, email.header.subject.clone()];
        TableRow { cells, is_strong: !email.keywords.is_seen() }
    };
    let rows: Vec<TableRow> = found.iter().map(row).collect();
    Ok(context.output.table(&rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_flags_lose_their_dollar_and_the_rest_stays_verbatim() {
        let keywords = Keywords::new(["$seen", "$flagged", "$answered", "$draft", "$forwarded", "work"]);
        assert_eq!(flags(&keywords), ["answered", "draft", "flagged", "$forwarded", "seen", "work"]);
    }
}
