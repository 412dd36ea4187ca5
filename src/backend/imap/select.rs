//! Owns SELECT: what the server tells of a mailbox when it is opened, and what a connection notices of it later.
//!
//! It decides nothing about what is to be fetched.

use crate::backend::Error;
use crate::backend::imap::driver::Ticket;
use crate::backend::imap::names::quote;
use crate::backend::imap::notify;
use crate::backend::imap::response::{self, Condition, Response, Verdict};
use crate::backend::imap::set::UidSet;
use crate::backend::imap::{Imap, Mark};
use crate::mail::keyword::Keywords;

/// A mailbox as SELECT told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// Its path.
    pub path: String,
    /// UIDVALIDITY; 0 when the server told none.
    pub validity: u32,
    /// UIDNEXT.
    pub uid_next: Option<u32>,
    /// HIGHESTMODSEQ; none without a journal.
    pub modseq: Option<u64>,
    /// Whether nothing can be changed in it.
    pub is_read_only: bool,
    /// The keywords that it can keep, where it cannot keep all (PERMANENTFLAGS without `\*`).
    pub permanent: Option<Keywords>,
    /// Messages in it; kept up to date as the server tells.
    pub exists: u32,
}

impl Selected {
    /// Says whether the mailbox can keep a keyword.
    pub fn can_keep(&self, keyword: &str) -> bool {
        self.permanent.as_ref().is_none_or(|permanent| permanent.contains(keyword))
    }
}

/// What came with the answer to SELECT.
#[derive(Debug, Default)]
pub struct Told {
    /// Messages that are gone since the journal's point that was named.
    pub vanished: UidSet,
    /// Keywords of messages that changed since.
    pub keywords: Vec<(u32, Keywords)>,
}

/// A SELECT that was sent.
#[derive(Debug)]
pub struct Selecting {
    ticket: Ticket,
    selected: Selected,
    told: Told,
}

/// Sends SELECT, naming `since` (UIDVALIDITY and MODSEQ) to hear what changed after it. `answer`: bytes that may
/// bring.
pub async fn begin(
    imap: &mut Imap,
    stage: &'static str,
    mailbox: &str,
    since: Option<(u32, u64)>,
    answer: u64,
) -> Result<Selecting, Error> {
    if let Some(selected) = imap.selected.take() {
        notify::leave(imap, &selected);
    }
    imap.is_stale = false;
    imap.ours.clear();
    let name = quote(mailbox);
    let command = match since {
        Some((validity, modseq)) => format!("SELECT {name} (QRESYNC ({validity} {modseq}))"),
        None if imap.keeps_journal() => format!("SELECT {name} (CONDSTORE)"),
        None => format!("SELECT {name}"),
    };
    let ticket = imap.driver.send(stage, &command, answer).await?;
    let selected = Selected { path: mailbox.to_owned(), ..Selected::default() };
    Ok(Selecting { ticket, selected, told: Told::default() })
}

/// Waits for the answer to SELECT. A refusal is returned, not an error yet.
pub async fn end(imap: &mut Imap, stage: &'static str, selecting: Selecting) -> Result<(Condition, Told), Error> {
    let Selecting { ticket, mut selected, mut told } = selecting;
    let each = |response| {
        hear(&mut selected, &mut told, response);
        Ok(())
    };
    let condition = imap.driver.finish(stage, ticket, each).await?;
    told.vanished.sort();
    if condition.verdict == Verdict::Ok {
        selected.is_read_only = condition.code == "READ-ONLY";
        imap.selected = Some(selected);
    }
    Ok((condition, told))
}

/// Makes sure that a mailbox is selected.
pub async fn ensure(imap: &mut Imap, stage: &'static str, mailbox: &str) -> Result<(), Error> {
    if imap.selected.as_ref().is_some_and(|selected| selected.path == mailbox) {
        return Ok(());
    }
    let selecting = begin(imap, stage, mailbox, None, 0).await?;
    let (condition, _) = end(imap, stage, selecting).await?;
    imap.driver.check(stage, &condition)?;
    // What changed since it was last read is news, whatever it is opened for.
    let now = imap.selected.as_ref().map(Mark::of);
    imap.is_stale |= imap.marks.get(mailbox).is_some_and(|before| Some(*before) != now);
    Ok(())
}

fn hear(selected: &mut Selected, told: &mut Told, response: Response) {
    match response {
        Response::Exists(count) => selected.exists = count,
        Response::Vanished(uids) => told.vanished.merge(&uids),
        Response::Fetch(fetch) => {
            if let (Some(uid), Some(flags)) = (fetch.uid, fetch.flags) {
                told.keywords.push((uid, flags));
            }
        }
        Response::Condition(condition) if condition.verdict == Verdict::Ok => {
            let small = || condition.number().and_then(|number| u32::try_from(number).ok());
            match condition.code.as_str() {
                "UIDVALIDITY" => selected.validity = small().unwrap_or(0),
                "UIDNEXT" => selected.uid_next = small().filter(|uid| *uid > 0),
                // RFC 7162 section 3.1.2.1: 63 bits, and never 0.
                "HIGHESTMODSEQ" => {
                    selected.modseq = condition.number().filter(|modseq| (1..=i64::MAX as u64).contains(modseq));
                }
                "NOMODSEQ" => selected.modseq = None,
                "PERMANENTFLAGS" => selected.permanent = response::permanent(&condition.arguments),
                _ => {}
            }
        }
        _ => {}
    }
}

impl Imap {
    /// Notices what the server says of the selected mailbox without being asked.
    ///
    /// UIDs that were searched for are kept here too: a server may answer two commands side by side.
    pub(super) fn notice(&mut self, response: &Response) {
        if let Response::Search(uids) = response {
            self.found.merge(uids);
        }
        let Some(selected) = &mut self.selected else { return };
        match response {
            Response::Exists(count) if *count != selected.exists => {
                selected.exists = *count;
                self.is_stale = true;
            }
            Response::Expunge => {
                selected.exists = selected.exists.saturating_sub(1);
                self.is_stale = true;
            }
            Response::Vanished(uids) => {
                let gone = u32::try_from(uids.count()).unwrap_or(u32::MAX);
                selected.exists = selected.exists.saturating_sub(gone);
                self.is_stale = true;
            }
            Response::Fetch(fetch) if !fetch.has_body => self.is_stale = true,
            _ => {}
        }
    }
}
