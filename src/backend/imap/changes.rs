//! Owns what changed in a mailbox since a cursor: all of it newest first without one, else by QRESYNC, by CONDSTORE,
//! or by looking at every flag, whichever the server can (RFC 7162).
//!
//! Absence counts only when a complete answer showed it. Numbers of messages are used to ask, never to name.

use std::collections::{HashMap, VecDeque};

use tokio::sync::mpsc::Sender;

use crate::backend::imap::cursor::{Position, remote_id, uid_of};
use crate::backend::imap::driver::Ticket;
use crate::backend::imap::names::is_inbox;
use crate::backend::imap::response::{Fetch, Response, Verdict};
use crate::backend::imap::select::{self, Selected, Told};
use crate::backend::imap::set::UidSet;
use crate::backend::imap::{Imap, Mark};
use crate::backend::{Error, Kind, Known};
use crate::mail::keyword::Keywords;
use crate::mail::parse;
use crate::mail::remote::{Arrived, Cursor, Delta, RemoteId};

const STAGE: &str = "looking for changes";
/// Messages of the first portion: a screenful.
const FIRST_WINDOW: u32 = 50;
/// Messages asked for at once, and between two commits.
const WINDOW: u64 = 2_000;
/// Windows under way, so that the wire never idles.
const DEPTH: usize = 3;
/// No command brings more newcomers: all that are under way, and as many again that came meanwhile. They are kept in
/// memory up to the commit.
const MOST_NEWCOMERS: u64 = 2 * DEPTH as u64 * WINDOW;
/// People in the header fields of newcomers up to a commit. Beyond them a header keeps its first few: its mail has all.
const MOST_PEOPLE: usize = 400_000;
const FIRST_PEOPLE: usize = 10;
/// The fields of a header are expected to be no longer than this, on the average of a window.
const HEADER_BYTES: u64 = 8 * 1024;
/// A line of flags is shorter than this.
const FLAG_BYTES: u64 = 1_024;
/// A claim of more vanished messages than these is compared with what is known before it is spelled out.
const MANY: u64 = 1_000;
/// UIDs that may be far from each other are named in one command up to this number: some 5 KB.
const SCATTERED: u64 = 500;

/// Sends what changed.
pub async fn changes(
    imap: &mut Imap,
    mailbox: &str,
    cursor: Option<&Cursor>,
    known: &impl Known,
    out: &Sender<Delta>,
) -> Result<(), Error> {
    let position = cursor.and_then(Position::parse);
    if let Some(mark) = imap.listed.remove(mailbox)
        && let Some(position) = position
        && imap.selected.as_ref().is_none_or(|selected| selected.path != mailbox)
        && is_unchanged(&position, mark, known).await?
    {
        imap.marks.insert(mailbox.to_owned(), mark);
        return Ok(());
    }
    let selected = match position {
        None => from_scratch(imap, mailbox, cursor.is_some(), out).await?,
        Some(position) => since(imap, mailbox, position, known, out).await?,
    };
    // As it was when it was opened: what came meanwhile may not have been read.
    imap.marks.insert(mailbox.to_owned(), Mark::of(&selected));
    Ok(())
}

/// Says whether a mailbox is as it was when it was read to its end: the journal's last entry covers new messages, flags
/// and expunges alike (RFC 7162 section 3.1.2.1), and the count must agree with what is here.
async fn is_unchanged(position: &Position, mark: Mark, known: &impl Known) -> Result<bool, Error> {
    let is_same = position.low == 1
        && position.validity > 0
        && position.modseq > 0
        && (mark.validity, mark.uid_next, mark.modseq)
            == (position.validity, Some(position.uid_next), Some(position.modseq));
    Ok(is_same && u64::from(mark.exists) == known.count().await?)
}

/// Reads a mailbox that nothing is known of. The first portion rides on the SELECT where the number is known before.
async fn from_scratch(imap: &mut Imap, mailbox: &str, forget: bool, out: &Sender<Delta>) -> Result<Selected, Error> {
    let hint = imap.inbox_hint.take().filter(|count| *count > 0 && is_inbox(mailbox));
    let selecting = select::begin(imap, STAGE, mailbox, None, 0).await?;
    let ahead = match hint {
        Some(exists) => Some(ask_newest(imap, exists).await?),
        None => None,
    };
    let (condition, _) = select::end(imap, STAGE, selecting).await?;
    imap.driver.check(STAGE, &condition)?;
    if forget {
        send(out, Delta::Reset).await?;
    }
    let selected = imap.selected.clone().unwrap_or_default();
    read_all(imap, &selected, ahead, out).await?;
    Ok(selected)
}

/// Commands whose answers make the first portion and tell what else there is.
struct Newest {
    fetch: Ticket,
    search: Option<Ticket>,
}

async fn ask_newest(imap: &mut Imap, exists: u32) -> Result<Newest, Error> {
    let first = exists.saturating_sub(FIRST_WINDOW - 1).max(1);
    let command = format!("FETCH {first}:* {}", items(imap));
    let fetch = imap.driver.send(STAGE, &command, u64::from(FIRST_WINDOW) * HEADER_BYTES).await?;
    let search = if first > 1 { Some(ask_uids(imap, "ALL").await?) } else { None };
    Ok(Newest { fetch, search })
}

async fn ask_uids(imap: &mut Imap, which: &str) -> Result<Ticket, Error> {
    imap.found = UidSet::default();
    let command = match imap.driver.can("ESEARCH") || imap.driver.can("IMAP4REV2") {
        true => format!("UID SEARCH RETURN (ALL) {which}"),
        false => format!("UID SEARCH {which}"),
    };
    imap.driver.send(STAGE, &command, 0).await
}

/// Reads the selected mailbox from its newest message down to its oldest.
async fn read_all(
    imap: &mut Imap,
    selected: &Selected,
    ahead: Option<Newest>,
    out: &Sender<Delta>,
) -> Result<(), Error> {
    send(out, Delta::Expect(u64::from(selected.exists))).await?;
    let mut position =
        Position { validity: selected.validity, uid_next: 1, modseq: selected.modseq.unwrap_or(0), low: 1 };
    if selected.exists == 0 && ahead.is_none() {
        position.uid_next = selected.uid_next.unwrap_or(1);
        return send(out, Delta::Commit(position.to_cursor())).await;
    }
    let newest = match ahead {
        Some(newest) => newest,
        None => ask_newest(imap, selected.exists).await?,
    };
    let mut arrived = UidSet::default();
    receive(imap, newest.fetch, selected.validity, 1, &mut arrived, out).await?;
    let all = match newest.search {
        Some(ticket) => receive_uids(imap, ticket, selected).await?,
        None if arrived.count() < u64::from(selected.exists) => {
            let ticket = ask_uids(imap, "ALL").await?;
            receive_uids(imap, ticket, selected).await?
        }
        None => arrived.clone(),
    };
    let after = |uid: Option<u32>| uid.and_then(|uid| uid.checked_add(1)).unwrap_or(1);
    position.uid_next = match selected.uid_next {
        Some(uid_next) => uid_next.max(after(arrived.highest())),
        None => after(arrived.highest().max(all.highest())),
    };
    position.low = arrived.lowest().unwrap_or(position.uid_next);
    // What the server left out among the newest is asked for again with what is older.
    if let Some(left_out) = all.within(position.low, position.uid_next).highest_outside(&arrived) {
        position.low = left_out.saturating_add(1);
    }
    let older = all.within(1, position.low);
    if older.is_empty() {
        position.low = 1;
    }
    send(out, Delta::Commit(position.to_cursor())).await?;
    read_older(imap, position, older, out).await
}

/// Reads the messages of a set downwards, window by window, a few windows under way at a time.
async fn read_older(
    imap: &mut Imap,
    mut position: Position,
    mut older: UidSet,
    out: &Sender<Delta>,
) -> Result<(), Error> {
    let mut windows: VecDeque<(Ticket, u32)> = VecDeque::new();
    loop {
        while windows.len() < DEPTH && !older.is_empty() {
            let window = older.split_highest(WINDOW);
            let ticket = ask_headers(imap, &window).await?;
            let low = if older.is_empty() { 1 } else { window.lowest().unwrap_or(1) };
            windows.push_back((ticket, low));
        }
        let Some((ticket, low)) = windows.pop_front() else { return Ok(()) };
        receive(imap, ticket, position.validity, 1, &mut UidSet::default(), out).await?;
        position.low = low;
        send(out, Delta::Commit(position.to_cursor())).await?;
    }
}

async fn ask_headers(imap: &mut Imap, window: &UidSet) -> Result<Ticket, Error> {
    let (first, last) = (window.lowest().unwrap_or(1), window.highest().unwrap_or(1));
    let command = format!("UID FETCH {first}:{last} {}", items(imap));
    imap.driver.send(STAGE, &command, window.count() * HEADER_BYTES).await
}

/// Hands over the messages that a command brings, from `lowest` on.
async fn receive(
    imap: &mut Imap,
    ticket: Ticket,
    validity: u32,
    lowest: u32,
    arrived: &mut UidSet,
    out: &Sender<Delta>,
) -> Result<(), Error> {
    let (mut newcomers, mut people) = (0, 0);
    loop {
        let reply = imap.driver.next(STAGE).await?;
        match reply.response {
            Response::Done(_, condition) if reply.of == Some(ticket) => {
                arrived.sort();
                return imap.driver.check(STAGE, &condition);
            }
            Response::Fetch(fetch) if fetch.has_body => {
                let Some(uid) = fetch.uid.filter(|uid| *uid >= lowest) else { continue };
                newcomers += 1;
                if newcomers > MOST_NEWCOMERS {
                    let what = "the server sent far more messages than were asked for";
                    return Err(imap.driver.error(Kind::Limit, STAGE, what));
                }
                arrived.push(uid);
                let mut newcomer = newcomer(validity, uid, *fetch);
                let header = &mut newcomer.header;
                for list in [&mut header.from, &mut header.reply_to, &mut header.to, &mut header.cc, &mut header.bcc] {
                    if people + list.len() > MOST_PEOPLE {
                        list.truncate(FIRST_PEOPLE);
                        list.shrink_to_fit();
                    }
                    people += list.len();
                }
                send(out, Delta::Arrived(Box::new(newcomer))).await?;
            }
            other => imap.notice(&other),
        }
    }
}

async fn receive_uids(imap: &mut Imap, ticket: Ticket, selected: &Selected) -> Result<UidSet, Error> {
    imap.finish(STAGE, ticket).await?;
    let mut found = std::mem::take(&mut imap.found);
    found.sort();
    let exists = imap.selected.as_ref().map_or(0, |selected| selected.exists).max(selected.exists);
    if found.count() > u64::from(exists) + WINDOW {
        let what = "the server names more messages than it says it has";
        return Err(imap.driver.error(Kind::Protocol, STAGE, what));
    }
    Ok(found)
}

fn newcomer(validity: u32, uid: u32, fetch: Fetch) -> Arrived {
    let header = parse::header(fetch.body.as_deref().unwrap_or_default());
    Arrived {
        id: remote_id(validity, uid),
        keywords: fetch.flags.unwrap_or_default(),
        received: fetch.received.or(header.date).unwrap_or_default(),
        size: fetch.size.unwrap_or(0),
        header,
        object_id: fetch.object_id,
    }
}

/// Names what is asked of every newcomer.
fn items(imap: &Imap) -> String {
    let object_id = match (imap.driver.can("OBJECTID"), imap.driver.can("X-GM-EXT-1")) {
        (true, _) => " EMAILID",
        (false, true) => " X-GM-MSGID",
        (false, false) => "",
    };
    format!(
        "(UID FLAGS INTERNALDATE RFC822.SIZE{object_id} BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER REPLY-TO TO CC BCC \
         SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES LIST-ID)])"
    )
}

/// Sends what changed since a position.
async fn since(
    imap: &mut Imap,
    mailbox: &str,
    position: Position,
    known: &impl Known,
    out: &Sender<Delta>,
) -> Result<Selected, Error> {
    let known_before = known.count().await?;
    let mut by_journal = imap.is_resyncing && position.validity > 0 && position.modseq > 0;
    let point = by_journal.then_some((position.validity, position.modseq));
    let selecting = select::begin(imap, STAGE, mailbox, point, known_before.saturating_mul(FLAG_BYTES)).await?;
    let (mut condition, mut told) = select::end(imap, STAGE, selecting).await?;
    if by_journal && condition.verdict == Verdict::Bad {
        // It offered QRESYNC and does not know it after all.
        (imap.is_resyncing, by_journal) = (false, false);
        let selecting = select::begin(imap, STAGE, mailbox, None, 0).await?;
        (condition, told) = select::end(imap, STAGE, selecting).await?;
    }
    imap.driver.check(STAGE, &condition)?;
    let selected = imap.selected.clone().unwrap_or_default();
    if selected.validity != position.validity || selected.validity == 0 {
        send(out, Delta::Reset).await?;
        read_all(imap, &selected, None, out).await?;
        return Ok(selected);
    }

    let mut catching_up =
        CatchingUp { start: position, position, known, known_before, has_news: false, has_left_out: false, out };
    let has_vanished = if by_journal && selected.modseq.is_some() {
        catching_up.take_told(&told).await?
    } else {
        catching_up.look_at_flags(imap, &selected).await?
    };
    let fresh = catching_up.read_new(imap, &selected).await?;
    let is_count_right = known_before.saturating_add(fresh) == u64::from(selected.exists) && position.low <= 1;
    if catching_up.has_left_out || (!has_vanished && !is_count_right) {
        catching_up.look_for_vanished(imap, &selected).await?;
    }
    let reached = catching_up.position;
    let reached = Position { modseq: selected.modseq.unwrap_or(0), ..reached };
    if catching_up.has_news || reached != position {
        send(out, Delta::Commit(reached.to_cursor())).await?;
    }
    if reached.low > 1 {
        let ticket = ask_uids(imap, &format!("UID 1:{}", reached.low - 1)).await?;
        let older = receive_uids(imap, ticket, &selected).await?.within(1, reached.low);
        send(out, Delta::Expect(older.count())).await?;
        if older.is_empty() {
            send(out, Delta::Commit(Position { low: 1, ..reached }.to_cursor())).await?;
        }
        read_older(imap, reached, older, out).await?;
    }
    Ok(selected)
}

/// The way from a position to now.
struct CatchingUp<'a, K> {
    start: Position,
    position: Position,
    known: &'a K,
    known_before: u64,
    has_news: bool,
    /// Whether there are messages within what was read that are not known.
    has_left_out: bool,
    out: &'a Sender<Delta>,
}

impl<K: Known> CatchingUp<'_, K> {
    async fn send(&mut self, delta: Delta) -> Result<(), Error> {
        self.has_news = true;
        send(self.out, delta).await
    }

    /// Takes what the journal told. Gives whether the vanished are known by it.
    async fn take_told(&mut self, told: &Told) -> Result<bool, Error> {
        let gone = told.vanished.within(self.position.low, self.position.uid_next);
        let has_vanished = !gone.is_empty();
        self.vanish(&gone).await?;
        for (uid, keywords) in &told.keywords {
            if self.position.covers(*uid) {
                self.send(Delta::Keywords(remote_id(self.position.validity, *uid), keywords.clone())).await?;
            }
        }
        Ok(has_vanished)
    }

    async fn vanish(&mut self, gone: &UidSet) -> Result<(), Error> {
        let validity = self.position.validity;
        let ids: Vec<RemoteId> = if gone.count() <= MANY {
            gone.iter().map(|uid| remote_id(validity, uid)).collect()
        } else {
            let is_gone = |id: &RemoteId| uid_of(id, validity).is_some_and(|uid| gone.contains(uid));
            self.known.remotes().await?.into_iter().map(|(id, _)| id).filter(is_gone).collect()
        };
        if ids.is_empty() { Ok(()) } else { self.send(Delta::Vanished(ids)).await }
    }

    /// Asks for flags: those that changed where there is a journal, else all. Gives whether all were seen.
    async fn look_at_flags(&mut self, imap: &mut Imap, selected: &Selected) -> Result<bool, Error> {
        let Position { validity, uid_next, modseq, low } = self.position;
        if uid_next <= low || self.known_before == 0 {
            return Ok(false);
        }
        let has_journal = modseq > 0 && selected.modseq.is_some();
        if has_journal && selected.modseq == Some(modseq) {
            return Ok(false);
        }
        let mut command = format!("UID FETCH {low}:{} (UID FLAGS)", uid_next - 1);
        if has_journal {
            command.push_str(&format!(" (CHANGEDSINCE {modseq})"));
        }
        let answer = u64::from(selected.exists).max(self.known_before).saturating_mul(FLAG_BYTES);
        let ticket = imap.driver.send(STAGE, &command, answer).await?;
        let mut flags: HashMap<u32, Keywords> = HashMap::new();
        loop {
            let reply = imap.driver.next(STAGE).await?;
            match reply.response {
                Response::Done(_, condition) if reply.of == Some(ticket) => {
                    imap.driver.check(STAGE, &condition)?;
                    break;
                }
                Response::Fetch(fetch) if fetch.flags.is_some() => {
                    flags.extend(fetch.uid.zip(fetch.flags));
                }
                other => imap.notice(&other),
            }
        }
        if has_journal {
            for (uid, keywords) in flags.into_iter().filter(|(uid, _)| (low..uid_next).contains(uid)) {
                self.send(Delta::Keywords(remote_id(validity, uid), keywords)).await?;
            }
            return Ok(false);
        }
        let mut gone = Vec::new();
        for (id, before) in self.known.remotes().await? {
            let Some(uid) = uid_of(&id, validity).filter(|uid| self.position.covers(*uid)) else { continue };
            match flags.remove(&uid) {
                None => gone.push(id),
                Some(now) if now != before => self.send(Delta::Keywords(id, now)).await?,
                Some(_) => {}
            }
        }
        if !gone.is_empty() {
            self.send(Delta::Vanished(gone)).await?;
        }
        // What was left out once, as by a server with a bad hour, is not here yet.
        self.has_left_out = flags.keys().any(|uid| self.position.covers(*uid));
        Ok(true)
    }

    /// Reads what is newer, in ascending windows so that what was read stays one range. Gives how many there were.
    async fn read_new(&mut self, imap: &mut Imap, selected: &Selected) -> Result<u64, Error> {
        let Position { validity, uid_next, .. } = self.position;
        let end = selected.uid_next;
        if end.is_some_and(|end| end <= uid_next) || selected.exists == 0 {
            return Ok(0);
        }
        let is_little = end.is_some_and(|end| u64::from(end - uid_next) <= WINDOW);
        let mut fresh = 0;
        if is_little {
            let mut arrived = UidSet::default();
            let command = format!("UID FETCH {uid_next}:* {}", items(imap));
            let ticket = imap.driver.send(STAGE, &command, WINDOW * HEADER_BYTES).await?;
            receive(imap, ticket, validity, uid_next, &mut arrived, self.out).await?;
            self.advance(&arrived, end);
            return Ok(arrived.count());
        }
        let ticket = ask_uids(imap, &format!("UID {uid_next}:*")).await?;
        let mut all = receive_uids(imap, ticket, selected).await?.within(uid_next, u32::MAX);
        send(self.out, Delta::Expect(all.count())).await?;
        let mut windows: VecDeque<(Ticket, u32)> = VecDeque::new();
        loop {
            while windows.len() < DEPTH && !all.is_empty() {
                let window = all.split_lowest(WINDOW);
                let ticket = ask_headers(imap, &window).await?;
                windows.push_back((ticket, window.highest().unwrap_or(uid_next)));
            }
            let Some((ticket, highest)) = windows.pop_front() else { break };
            let mut arrived = UidSet::default();
            receive(imap, ticket, validity, uid_next, &mut arrived, self.out).await?;
            fresh += arrived.count();
            self.has_news |= !arrived.is_empty();
            self.position.uid_next = self.position.uid_next.max(highest.saturating_add(1));
            if !windows.is_empty() {
                // The journal's point stays behind until everything is here.
                self.send(Delta::Commit(self.position.to_cursor())).await?;
            }
        }
        self.advance(&UidSet::default(), end);
        Ok(fresh)
    }

    fn advance(&mut self, arrived: &UidSet, end: Option<u32>) {
        self.has_news |= !arrived.is_empty();
        let after = arrived.highest().map_or(0, |uid| uid.saturating_add(1));
        self.position.uid_next = self.position.uid_next.max(after).max(end.unwrap_or(0));
    }

    /// Compares which messages there are with those that are known: the gone go, and what was once left out comes.
    async fn look_for_vanished(&mut self, imap: &mut Imap, selected: &Selected) -> Result<(), Error> {
        let Position { validity, uid_next, low, .. } = self.start;
        if uid_next <= low {
            return Ok(());
        }
        let ticket = ask_uids(imap, &format!("UID {low}:{}", uid_next - 1)).await?;
        let there = receive_uids(imap, ticket, selected).await?.within(low, uid_next);
        let (mut gone, mut here) = (Vec::new(), UidSet::default());
        for (id, _) in self.known.remotes().await? {
            match uid_of(&id, validity) {
                Some(uid) if there.contains(uid) => here.push(uid),
                Some(uid) if !self.start.covers(uid) => {}
                _ => gone.push(id),
            }
        }
        if !gone.is_empty() {
            self.send(Delta::Vanished(gone)).await?;
        }
        here.sort();
        let mut left_out: UidSet = there.iter().filter(|uid| !here.contains(*uid)).collect();
        while !left_out.is_empty() {
            let window = left_out.split_highest(SCATTERED);
            let command = format!("UID FETCH {} {}", window.to_text(), items(imap));
            let ticket = imap.driver.send(STAGE, &command, window.count() * HEADER_BYTES).await?;
            let mut arrived = UidSet::default();
            receive(imap, ticket, validity, 1, &mut arrived, self.out).await?;
            self.has_news |= !arrived.is_empty();
        }
        Ok(())
    }
}

async fn send(out: &Sender<Delta>, delta: Delta) -> Result<(), Error> {
    out.send(delta).await.map_err(|_| Error::new(Kind::Local, "the store", STAGE, "nobody takes what is read"))
}
