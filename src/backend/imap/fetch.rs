//! Owns the fetching of bodies: small ones many at a time, large ones in slices, a few commands under way.
//!
//! At most one portion is in memory; what is gone from the server is left out, and so is what it does not give: a
//! message that it refuses, or that has no end, keeps no other back.

use std::collections::{HashMap, VecDeque};

use tokio::sync::mpsc::Sender;

use crate::backend::imap::Imap;
use crate::backend::imap::cursor::uid_of;
use crate::backend::imap::driver::Ticket;
use crate::backend::imap::response::Response;
use crate::backend::imap::select;
use crate::backend::imap::set::UidSet;
use crate::backend::{Error, Kind};
use crate::mail::remote::{RemoteId, Slice, Want};

const STAGE: &str = "fetching messages";
/// Larger messages come in slices of this size.
const SLICE: u64 = 1024 * 1024;
/// Small ones are asked for together up to these bytes and this number.
const PORTION: u64 = 2 * SLICE;
const MOST_TOGETHER: usize = 200;
/// Commands under way.
const DEPTH: usize = 3;
/// Sizes that servers tell are not always true. A message that goes on so far behind its size is given up.
const SLACK: u64 = 64 * SLICE;
/// Larger messages are not fetched: they are kept, and shown, in one piece.
const LARGEST: u64 = 512 * SLICE;
/// A message that a server refuses is looked for by halves. So many refusals in a row without any body mean that it
/// refuses them all: more than the halves of a portion are.
const FRUITLESS: usize = 16;

/// A command that is to be sent.
#[derive(Debug)]
enum Portion {
    /// Whole messages.
    Together(Vec<(u32, RemoteId)>),
    /// One slice of a message, from an offset on, and the size that the message is said to have.
    Slice(u32, RemoteId, u64, u64),
}

impl Portion {
    /// Names the pieces that the command brings.
    fn pieces(&self) -> Vec<(u32, u64)> {
        match self {
            Portion::Together(messages) => messages.iter().map(|(uid, _)| (*uid, 0)).collect(),
            Portion::Slice(uid, _, offset, _) => vec![(*uid, *offset)],
        }
    }
}

/// What was asked for, by UID and place: the bytes once they are here.
type Pieces = HashMap<(u32, u64), Option<Vec<u8>>>;

/// Sends the bodies.
pub async fn fetch(imap: &mut Imap, mailbox: &str, wants: &[Want], out: &Sender<Slice>) -> Result<(), Error> {
    if wants.is_empty() {
        return Ok(());
    }
    select::ensure(imap, STAGE, mailbox).await?;
    let validity = imap.selected.as_ref().map_or(0, |selected| selected.validity);
    let (takeable, endless): (Vec<&Want>, Vec<&Want>) =
        wants.iter().partition(|want| want.size <= LARGEST && want.offset < furthest(want.size));
    let mut queue = portions(&takeable, validity);
    let mut under_way: VecDeque<(Ticket, Portion)> = VecDeque::new();
    let given_up = |imap: &Imap| imap.driver.error(Kind::Refused, STAGE, "a message is longer than any mail");
    let mut refused = (!endless.is_empty()).then(|| given_up(imap));
    // Where the next slice of a message begins; none has one that ended.
    let mut next: HashMap<u32, Option<u64>> = HashMap::new();
    let (mut pieces, mut fruitless) = (Pieces::new(), 0);
    loop {
        while under_way.len() < DEPTH {
            let Some(portion) = queue.pop_front() else { break };
            let ticket = imap.driver.send(STAGE, &command(&portion), 2 * PORTION).await?;
            pieces.extend(portion.pieces().into_iter().map(|place| (place, None)));
            under_way.push_back((ticket, portion));
        }
        let Some((ticket, portion)) = under_way.pop_front() else { return refused.map_or(Ok(()), Err) };
        let refusal = match receive(imap, ticket, &mut pieces).await {
            Err(error) if error.kind == Kind::Refused => Some(error),
            received => received.map(|()| None)?,
        };
        let was_refused = refusal.is_some();
        refused = refusal.or(refused);
        match portion {
            Portion::Together(messages) => {
                let mut rest = Vec::new();
                fruitless += usize::from(was_refused);
                for (uid, id) in messages {
                    match pieces.remove(&(uid, 0)).flatten() {
                        Some(bytes) => {
                            fruitless = 0;
                            send(out, Slice { id, offset: 0, bytes, is_last: true }).await?;
                        }
                        None => rest.push((uid, id)),
                    }
                }
                // One of them is the culprit: halves find it, and bring the others.
                if was_refused && rest.len() > 1 && fruitless < FRUITLESS {
                    let later = rest.split_off(rest.len() / 2);
                    queue.push_front(Portion::Together(later));
                    queue.push_front(Portion::Together(rest));
                }
            }
            Portion::Slice(uid, id, offset, size) => {
                let piece = pieces.remove(&(uid, offset)).flatten();
                if *next.entry(uid).or_insert(Some(offset)) != Some(offset) {
                    continue;
                }
                // Sizes that servers tell are not always true, nor need they give all that is asked for: a message ends
                // with a short slice only where its size says so too, else where nothing more comes.
                let length = piece.as_ref().map_or(0, Vec::len) as u64;
                let (is_short, end) = (length < SLICE, offset + length);
                let is_last = length == 0 || (is_short && end >= size);
                next.insert(uid, (!is_last).then_some(end));
                let is_of = |portion: &Portion| matches!(portion, Portion::Slice(other, ..) if *other == uid);
                if is_short {
                    queue.retain(|portion| !is_of(portion));
                }
                let is_coming =
                    !is_short && queue.iter().chain(under_way.iter().map(|(_, portion)| portion)).any(is_of);
                if !is_last && end >= furthest(size) {
                    queue.retain(|portion| !is_of(portion));
                    next.insert(uid, None);
                    refused = Some(given_up(imap));
                } else if !is_last && !is_coming {
                    queue.push_front(Portion::Slice(uid, id.clone(), end, size));
                }
                if let Some(bytes) = piece {
                    send(out, Slice { id, offset, bytes, is_last }).await?;
                }
            }
        }
    }
}

/// Puts wants into commands, in their order.
fn portions(wants: &[&Want], validity: u32) -> VecDeque<Portion> {
    let mut queue = VecDeque::new();
    let (mut together, mut bytes) = (Vec::new(), 0);
    for want in wants {
        let Some(uid) = uid_of(&want.id, validity) else { continue };
        let is_small = want.offset == 0 && (1..=SLICE).contains(&want.size);
        if !is_small || bytes + want.size > PORTION || together.len() >= MOST_TOGETHER {
            if !together.is_empty() {
                queue.push_back(Portion::Together(std::mem::take(&mut together)));
            }
            bytes = 0;
        }
        if is_small {
            bytes += want.size;
            together.push((uid, want.id.clone()));
            continue;
        }
        let end = want.size.max(want.offset + 1);
        let mut offset = want.offset;
        while offset < end {
            queue.push_back(Portion::Slice(uid, want.id.clone(), offset, want.size));
            offset += SLICE;
        }
    }
    if !together.is_empty() {
        queue.push_back(Portion::Together(together));
    }
    queue
}

fn command(portion: &Portion) -> String {
    match portion {
        Portion::Together(messages) => {
            let uids: UidSet = messages.iter().map(|(uid, _)| *uid).collect();
            format!("UID FETCH {} (UID BODY.PEEK[])", uids.to_text())
        }
        Portion::Slice(uid, _, offset, _) => format!("UID FETCH {uid} (UID BODY.PEEK[]<{offset}.{SLICE}>)"),
    }
}

/// Says from where on nothing more is asked for of a message.
fn furthest(size: u64) -> u64 {
    size.saturating_add(SLACK)
}

/// Waits for a command's end; what was asked for and comes meanwhile is kept by UID and place, whichever command it
/// answers.
async fn receive(imap: &mut Imap, ticket: Ticket, pieces: &mut Pieces) -> Result<(), Error> {
    loop {
        let reply = imap.driver.next(STAGE).await?;
        match reply.response {
            Response::Done(_, condition) if reply.of == Some(ticket) => {
                return imap.driver.check(STAGE, &condition).map_err(|error| match condition.code.as_str() {
                    // So says a server that stumbles over one message.
                    "SERVERBUG" => Error { kind: Kind::Refused, ..error },
                    _ => error,
                });
            }
            Response::Fetch(fetch) if fetch.has_body => {
                // Behind the end of a message some servers have NIL instead of nothing.
                let behind = fetch.origin.is_some_and(|origin| origin > 0).then(Vec::new);
                if let (Some(uid), Some(bytes)) = (fetch.uid, fetch.body.or(behind))
                    && let Some(piece) = pieces.get_mut(&(uid, fetch.origin.unwrap_or(0)))
                {
                    *piece = Some(bytes);
                }
            }
            other => imap.notice(&other),
        }
    }
}

async fn send(out: &Sender<Slice>, slice: Slice) -> Result<(), Error> {
    out.send(slice).await.map_err(|_| Error::new(Kind::Local, "the store", STAGE, "nobody takes what is read"))
}
