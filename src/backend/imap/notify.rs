//! Owns hearing of all mailboxes over one connection (NOTIFY, RFC 5465), where the server offers it.
//!
//! What it tells is compared with what was read last, so that nobody is sent after one's own changes. How is waited is
//! known by `idle`.

use std::collections::BTreeSet;

use crate::backend::imap::response::{List, Response, Status, Verdict};
use crate::backend::imap::select::Selected;
use crate::backend::imap::{Imap, Mark, names};
use crate::backend::{Error, Hears, News};

/// Asks for the state of every mailbox now and for its changes from now on. The open one is told of as ever.
const COMMAND: &str = "NOTIFY SET STATUS (selected-delayed (MessageNew MessageExpunge FlagChange)) (personal \
                       (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))";

/// Lines that are kept until somebody listens: some for each of the most mailboxes that there may be.
const MOST: usize = 100_000;

/// Where NOTIFY stands on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notify {
    /// Not asked for yet.
    #[default]
    Unasked,
    /// The server tells of all mailboxes.
    On,
    /// It does not, and is not asked again.
    Off,
}

/// Says of what waiting hears.
pub fn hears(imap: &Imap) -> Hears {
    if !imap.driver.can("IDLE") {
        Hears::Little
    } else if imap.notify != Notify::Off && imap.driver.can("NOTIFY") && imap.keeps_journal() {
        Hears::All
    } else {
        Hears::One
    }
}

/// Sees to it that the server tells of all mailboxes, if it can. Says whether it refused: that is final, and others may
/// listen instead.
pub async fn begin(imap: &mut Imap, stage: &'static str) -> Result<bool, Error> {
    if imap.notify != Notify::Unasked || hears(imap) != Hears::All {
        return Ok(false);
    }
    imap.driver.heard = Some(Vec::new());
    let ticket = imap.driver.send(stage, COMMAND, 0).await?;
    loop {
        let reply = imap.driver.next(stage).await?;
        match reply.response {
            Response::Done(_, condition) if reply.of == Some(ticket) => {
                match condition.verdict {
                    Verdict::Ok => imap.notify = Notify::On,
                    Verdict::No | Verdict::Bad => end(imap),
                }
                return Ok(imap.notify == Notify::Off);
            }
            other => imap.notice(&other),
        }
    }
}

/// Gives what was heard of mailboxes that are not open, once.
pub fn news(imap: &mut Imap) -> Option<News> {
    let heard = std::mem::take(imap.driver.heard.as_mut()?);
    let (mut changed, mut is_list_changed) = (BTreeSet::new(), false);
    for response in heard {
        match response {
            Response::Status(status) => {
                let path = names::path_of(&status.name);
                // What was never read is found by the next look at all mailboxes.
                if imap.marks.get(&path).is_some_and(|mark| differs(mark, &status)) {
                    changed.insert(path);
                }
            }
            Response::List(_) => is_list_changed = true,
            // "That is too much for me": nothing more is told, and what was not told is not known.
            Response::Condition(_) => {
                end(imap);
                is_list_changed = true;
            }
            _ => {}
        }
    }
    match (is_list_changed, changed.is_empty()) {
        (true, _) => Some(News::Mailboxes),
        (false, false) => Some(News::Changed(changed)),
        (false, true) => None,
    }
}

/// Keeps what is for [`news`].
pub fn keep(heard: &mut Vec<Response>, response: &Response) {
    let is_news = match response {
        Response::Status(_) => true,
        Response::List(list) => !list.is_subscription,
        Response::Condition(condition) => condition.code == "NOTIFICATIONOVERFLOW",
        _ => false,
    };
    if heard.len() >= MOST {
        // So much is told by a look at everything.
        *heard = vec![Response::List(List::default())];
    }
    if is_news {
        heard.push(response.clone());
    }
}

/// What this connection has changed itself in the mailbox that it leaves is no news: if nobody else changed anything
/// since it was read, its journal ends with the last of those changes.
pub fn leave(imap: &mut Imap, selected: &Selected) {
    let Some(last) = imap.ours.values().copied().max().filter(|_| !imap.is_stale) else { return };
    if let Some(mark) = imap.marks.get_mut(&selected.path)
        && *mark == Mark::of(selected)
    {
        mark.modseq = mark.modseq.max(Some(last));
    }
}

fn end(imap: &mut Imap) {
    imap.notify = Notify::Off;
    imap.driver.heard = None;
}

/// Says whether a mailbox is otherwise than it was read, as far as a line tells. One that tells nothing that is known
/// here tells of flags.
fn differs(mark: &Mark, status: &Status) -> bool {
    let is_told = status.uid_validity.is_some()
        || status.messages.is_some()
        || status.uid_next.is_some()
        || status.highest_modseq.is_some();
    !is_told
        || status.uid_validity.is_some_and(|validity| validity != mark.validity)
        || status.messages.is_some_and(|messages| messages != mark.exists)
        || status.uid_next.is_some_and(|uid_next| mark.uid_next != Some(uid_next))
        || status.highest_modseq.is_some_and(|modseq| mark.modseq != Some(modseq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_news_where_it_tells_something_else_than_was_read() {
        let mark = Mark { validity: 7, uid_next: Some(4), modseq: Some(9), exists: 3 };
        let none = Status::default();
        let full = Status {
            messages: Some(3),
            uid_next: Some(4),
            uid_validity: Some(7),
            highest_modseq: Some(9),
            ..none.clone()
        };
        for (status, expected) in [
            (full.clone(), false),
            (Status { highest_modseq: Some(9), ..none.clone() }, false),
            (Status { highest_modseq: Some(10), ..none.clone() }, true),
            (Status { messages: Some(2), ..full.clone() }, true),
            (Status { uid_next: Some(5), ..full.clone() }, true),
            (Status { uid_validity: Some(8), ..full }, true),
            (none, true),
        ] {
            assert_eq!(differs(&mark, &status), expected, "{status:?}");
        }
    }
}
