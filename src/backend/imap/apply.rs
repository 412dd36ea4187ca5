//! Owns changing messages on the server: flags, copies, moves, additions and removals (RFC 9051, 4315, 6851, 7162).
//!
//! Messages are named by UID, and only in the life of the mailbox in which they got it; whatever else is in a mailbox is
//! never touched. Operations on one mailbox go out together. What an operation needs is decided by `accounts`.

use std::collections::VecDeque;

use crate::backend::imap::cursor::{Position, remote_id, uid_of};
use crate::backend::imap::driver::Ticket;
use crate::backend::imap::names::quote;
use crate::backend::imap::response::{Condition, Response, Verdict};
use crate::backend::imap::select::{self, Selected};
use crate::backend::imap::set::UidSet;
use crate::backend::imap::{Imap, append, folders};
use crate::backend::{Error, Kind, Outcome};
use crate::mail::keyword::{self, Keywords};
use crate::mail::remote::{Applied, RemoteId, RemoteOperation};

const STAGE: &str = "changing messages";

/// Makes changes in order. A refusal is an outcome; anything else ends it.
pub async fn apply(imap: &mut Imap, operations: &[RemoteOperation], outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
    let mut rest = operations;
    while let Some(first) = rest.first() {
        let together = match mailbox_of(first) {
            Some(path) => rest.iter().take_while(|operation| mailbox_of(operation) == Some(path)).count(),
            None => 1,
        };
        let (now, later) = rest.split_at(together);
        rest = later;
        match mailbox_of(first) {
            Some(path) => in_mailbox(imap, path, now, outcomes).await?,
            None => {
                let done = match first {
                    RemoteOperation::Append { mailbox, bytes, keywords, received } => {
                        append::append(imap, mailbox, bytes, keywords, *received).await
                    }
                    other => folders::change(imap, other).await,
                };
                outcomes.push(refusal_or(done)?);
            }
        }
    }
    Ok(())
}

/// Names the mailbox that an operation needs open.
fn mailbox_of(operation: &RemoteOperation) -> Option<&str> {
    match operation {
        RemoteOperation::Keywords { mailbox, .. } | RemoteOperation::Remove { mailbox, .. } => Some(mailbox),
        RemoteOperation::Copy { from, .. } | RemoteOperation::Move { from, .. } => Some(from),
        _ => None,
    }
}

/// Gives the messages that an operation names.
fn ids_of(operation: &RemoteOperation) -> &[RemoteId] {
    match operation {
        RemoteOperation::Keywords { ids, .. }
        | RemoteOperation::Copy { ids, .. }
        | RemoteOperation::Move { ids, .. }
        | RemoteOperation::Remove { ids, .. } => ids,
        _ => &[],
    }
}

/// Tells a refusal of one thing, which is an outcome, from an error that ends everything.
fn refusal_or(done: Result<Applied, Error>) -> Result<Outcome, Error> {
    match done {
        Err(error) if error.kind == Kind::Refused => Ok(Err(error)),
        done => done.map(Ok),
    }
}

/// Turns the end of a command into an error. What the server does not understand is refused as well, and so is what it
/// stumbles over, or has a limit for: the rest may go on.
pub fn check(imap: &Imap, stage: &'static str, condition: &Condition) -> Result<(), Error> {
    imap.driver.check(stage, condition).map_err(|mut error| {
        if error.kind == Kind::Protocol || matches!(condition.code.as_str(), "LIMIT" | "SERVERBUG") {
            error.kind = Kind::Refused;
        }
        error
    })
}

/// An operation whose commands are under way.
struct UnderWay {
    tickets: Vec<Ticket>,
    /// Said when these are answered.
    then: Option<String>,
    applied: Applied,
    /// What ended worst.
    refused: Option<Condition>,
    /// The messages that were named, in the order of the operation.
    named: Vec<(u32, RemoteId)>,
}

async fn in_mailbox(
    imap: &mut Imap,
    path: &str,
    operations: &[RemoteOperation],
    outcomes: &mut Vec<Outcome>,
) -> Result<(), Error> {
    match select::ensure(imap, STAGE, path).await {
        Ok(()) => {}
        // That the folder cannot be opened is no word about the messages: it may be gone, or have another name by now.
        Err(error) if error.kind == Kind::Refused => {
            tracing::warn!(%error, folder = path, "a folder with changes cannot be opened");
            let left_alone = |operation| Applied { left_alone: ids_of(operation).to_vec(), ..Applied::default() };
            outcomes.extend(operations.iter().map(|operation| Ok(left_alone(operation))));
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let selected = imap.selected.clone().unwrap_or_default();
    let mut under_way: VecDeque<Result<UnderWay, Error>> = VecDeque::with_capacity(operations.len());
    for operation in operations {
        under_way.push_back(begin(imap, &selected, operation).await?);
    }
    while let Some(first) = under_way.front_mut() {
        let is_answered = first.as_ref().map_or(true, |first| first.tickets.is_empty());
        if is_answered {
            if let Ok(first) = first
                && let Some(command) = first.then.take().filter(|_| first.refused.is_none())
            {
                first.tickets.push(imap.driver.send(STAGE, &command, 0).await?);
                continue;
            }
            let Some(ended) = under_way.pop_front() else { break };
            outcomes.push(match ended {
                Err(error) => Err(error),
                Ok(ended) => match ended.refused.map(|condition| check(imap, STAGE, &condition)) {
                    Some(Err(error)) if error.kind == Kind::Refused => Err(error),
                    Some(Err(error)) => return Err(error),
                    _ => Ok(ended.applied),
                },
            });
            continue;
        }
        let reply = imap.driver.next(STAGE).await?;
        let mut all = under_way.iter_mut().filter_map(|one| one.as_mut().ok());
        match &reply.response {
            Response::Condition(condition) if condition.code == "COPYUID" => {
                // Told before the end of any of them; a message that moves is named by one alone.
                let told = copied(&condition.arguments).map(|(_, from, _)| from).unwrap_or_default();
                if let Some(one) = all.find(|one| told.iter().all(|uid| one.named.iter().any(|(own, _)| own == uid))) {
                    hear(one, &selected, condition);
                }
                continue;
            }
            _ => {}
        }
        let whose = all.find(|one| reply.of.is_some_and(|of| one.tickets.contains(&of)));
        match (&reply.response, whose) {
            (Response::Done(_, condition), Some(one)) => {
                one.tickets.retain(|ticket| Some(*ticket) != reply.of);
                hear(one, &selected, condition);
            }
            (Response::Fetch(fetch), _) if fetch.flags.is_none() && !fetch.has_body => {
                imap.ours.extend(fetch.uid.zip(fetch.modseq));
            }
            (other, _) => imap.notice(other),
        }
    }
    Ok(())
}

/// Sends what an operation comes to, or gives the reason why nothing is sent.
async fn begin(
    imap: &mut Imap,
    selected: &Selected,
    operation: &RemoteOperation,
) -> Result<Result<UnderWay, Error>, Error> {
    let ids = ids_of(operation);
    let changes_here = !matches!(operation, RemoteOperation::Copy { .. });
    if selected.is_read_only && changes_here {
        let what = "the folder is read-only for you";
        return Ok(Err(imap.driver.error(Kind::Refused, STAGE, what)));
    }
    let mut one = UnderWay {
        tickets: Vec::new(),
        then: None,
        applied: Applied::default(),
        refused: None,
        named: Vec::with_capacity(ids.len()),
    };
    for id in ids {
        match uid_of(id, selected.validity) {
            Some(uid) if selected.validity > 0 => one.named.push((uid, id.clone())),
            // A number of another life of the mailbox would name another message.
            _ => one.applied.left_alone.push(id.clone()),
        }
    }
    let set: UidSet = one.named.iter().map(|(uid, _)| *uid).collect();
    if set.is_empty() {
        return Ok(Ok(one));
    }
    let set_text = set.to_text();
    let mut commands = Vec::new();
    match operation {
        RemoteOperation::Keywords { add, remove, unchanged_since, .. } => {
            if let Some(keyword) = add.iter().find(|keyword| !selected.can_keep(keyword) || flag(keyword).is_none()) {
                let what = format!("this folder cannot keep the mark {keyword}");
                return Ok(Err(imap.driver.error(Kind::Refused, STAGE, what)));
            }
            let mut condition = condition(imap, selected, &one, unchanged_since.as_ref().and_then(Position::parse));
            for (sign, keywords) in [('+', add), ('-', remove)] {
                let flags = flags(keywords);
                if !flags.is_empty() {
                    commands.push(format!("UID STORE {set_text}{condition} {sign}FLAGS.SILENT ({flags})"));
                    // The first one changes the messages itself.
                    condition.clear();
                }
            }
        }
        RemoteOperation::Copy { to, .. } => commands.push(format!("UID COPY {set_text} {}", quote(to))),
        RemoteOperation::Move { to, .. } => commands.push(format!("UID MOVE {set_text} {}", quote(to))),
        _ => {
            commands.push(format!("UID STORE {set_text} +FLAGS.SILENT (\\Deleted)"));
            match imap.has_uidplus() {
                // Sent at once, it may come before the marks are seen: Dovecot then says OK and removes nothing.
                true => one.then = Some(format!("UID EXPUNGE {set_text}")),
                // EXPUNGE would take along what others have marked.
                false => one.applied.is_only_marked = true,
            }
        }
    }
    for command in commands {
        one.tickets.push(imap.driver.send(STAGE, &command, 0).await?);
    }
    Ok(Ok(one))
}

/// Writes the condition that nobody else has changed the messages since they were last read (RFC 7162 section 3.1.3);
/// empty where the server numbers no changes. One's own last change is no other's.
fn condition(imap: &Imap, selected: &Selected, one: &UnderWay, position: Option<Position>) -> String {
    let Some(position) = position.filter(|position| position.modseq > 0 && position.validity == selected.validity)
    else {
        return String::new();
    };
    if selected.modseq.is_none() || !imap.keeps_journal() {
        return String::new();
    }
    let own = match one.named.as_slice() {
        [(uid, _)] => imap.ours.get(uid).copied().unwrap_or(0),
        _ => 0,
    };
    format!(" (UNCHANGEDSINCE {})", position.modseq.max(own))
}

/// Takes in what a condition tells of an operation.
fn hear(one: &mut UnderWay, selected: &Selected, condition: &Condition) {
    match condition.code.as_str() {
        "COPYUID" => {
            if let Some((validity, from, to)) = copied(&condition.arguments) {
                one.applied.tells_ids = true;
                for (from, to) in from.into_iter().zip(to) {
                    let id = remote_id(selected.validity, from);
                    // One word for each message that was named, and no more.
                    let is_new = one.applied.became.iter().all(|(known, _)| *known != id);
                    if is_new && one.named.iter().any(|(uid, _)| *uid == from) {
                        one.applied.became.push((id, remote_id(validity, to)));
                    }
                }
            }
        }
        "MODIFIED" => {
            if let Some(set) = UidSet::parse(condition.arguments.trim().as_bytes()) {
                let left = one.named.iter().filter(|(uid, _)| set.contains(*uid)).map(|(_, id)| id.clone());
                one.applied.left_alone.extend(left);
                return;
            }
        }
        // Someone else has removed some of them: what is left is looked at and tried again (RFC 5530).
        "EXPUNGEISSUED" if condition.verdict == Verdict::No => {
            one.applied.left_alone.extend(one.named.iter().map(|(_, id)| id.clone()));
            return;
        }
        _ => {}
    }
    if condition.verdict != Verdict::Ok {
        one.refused.get_or_insert_with(|| condition.clone());
    }
}

/// Reads the arguments of COPYUID (RFC 4315 section 3): UIDVALIDITY of the target, UIDs there and here in one order.
fn copied(arguments: &str) -> Option<(u32, Vec<u32>, Vec<u32>)> {
    let mut words = arguments.split_ascii_whitespace();
    let validity = words.next()?.parse().ok().filter(|validity| *validity > 0)?;
    let (from, to) = (in_order(words.next()?)?, in_order(words.next()?)?);
    (from.len() == to.len()).then_some((validity, from, to))
}

/// Spells out a set in the order in which it is written; `None` when it is none, or longer than anything asked for.
fn in_order(set: &str) -> Option<Vec<u32>> {
    const MOST: usize = 1_000;
    let mut uids = Vec::new();
    for piece in set.split(',') {
        let run = UidSet::parse(piece.as_bytes())?;
        if run.count() > (MOST - uids.len()) as u64 {
            return None;
        }
        uids.extend(run.iter());
    }
    Some(uids)
}

/// Writes a keyword as a flag; none for what is no atom (RFC 9051 section 9): it cannot be said, and no server has it.
fn flag(keyword: &str) -> Option<&str> {
    match keyword {
        keyword::SEEN => Some("\\Seen"),
        keyword::FLAGGED => Some("\\Flagged"),
        keyword::ANSWERED => Some("\\Answered"),
        keyword::DRAFT => Some("\\Draft"),
        keyword::DELETED => Some("\\Deleted"),
        other => other.bytes().all(is_atom).then_some(other),
    }
}

/// Writes keywords as flags, one space between two.
pub fn flags(keywords: &Keywords) -> String {
    keywords.iter().filter_map(flag).collect::<Vec<_>>().join(" ")
}

fn is_atom(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_copied_is_read_in_its_order() {
        assert_eq!(copied("38505 304,319:320 3956:3958"), Some((38505, vec![304, 319, 320], vec![3956, 3957, 3958])));
        assert_eq!(copied("7 9,3 20,11"), Some((7, vec![9, 3], vec![20, 11])));
        for odd in ["", "7", "7 1", "7 1:3 4", "0 1 2", "x 1 2", "7 1:4294967295 1:4294967295", "7 * 1"] {
            assert_eq!(copied(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_what_is_a_flag_is_said() {
        let keywords = Keywords::new(["$seen", "$label1", "work", "a]b", "ünüblich", "(x"]);
        assert_eq!(flags(&keywords), "$label1 \\Seen work");
    }
}
