//! IMAP4rev1 and rev2 (RFC 3501, RFC 9051) with their extensions.
//!
//! What UIDs, UIDVALIDITY and MODSEQ mean stays in here.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

mod append;
mod apply;
mod changes;
mod cursor;
mod driver;
mod fetch;
mod folders;
mod idle;
mod names;
mod notify;
mod response;
mod select;
mod set;
mod sign_in;
mod tap;
#[cfg(test)]
mod tests;

use crate::backend::imap::cursor::{Position, uid_of};
use crate::backend::imap::driver::{Driver, Ticket};
use crate::backend::imap::notify::Notify;
use crate::backend::imap::response::{Response, Status};
use crate::backend::imap::select::Selected;
use crate::backend::imap::set::UidSet;
use crate::backend::net::{self, Endpoint, Security};
use crate::backend::{Backend, Error, Known, News, Offer, Outcome, Traffic};
use crate::mail::remote::{Cursor, Delta, RemoteId, RemoteMailbox, RemoteOperation, Slice, Want};

/// A name and its password. Never printed.
#[derive(Clone)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// Builds them.
    pub fn new(username: String, password: String) -> Self {
        Self { username, password }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).field("password", &"***").finish()
    }
}

/// How long is waited for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the name, the connection and TLS together.
    pub connect: Duration,
    /// For the next piece of an answer.
    pub answer: Duration,
    /// How long one IDLE lasts before it is said again; below 29 minutes (RFC 2177).
    pub idle: Duration,
    /// Between two questions for news where there is no IDLE.
    pub poll: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(10 * 60),
            poll: Duration::from_secs(60),
        }
    }
}

/// A signed-in connection to an IMAP server.
#[derive(Debug)]
pub struct Imap {
    driver: Driver,
    timeouts: Timeouts,
    selected: Option<Selected>,
    /// Whether the selected mailbox changed since it was last read.
    is_stale: bool,
    /// What mailboxes were like when this connection last read them.
    marks: HashMap<String, Mark>,
    /// What mailboxes are like, as told with the last list; each good for one question.
    listed: HashMap<String, Mark>,
    /// How many messages the inbox has, as told with the list.
    inbox_hint: Option<u32>,
    /// Whether the server keeps a journal of changes and of vanished messages.
    is_resyncing: bool,
    /// What the search that is under way has found so far.
    found: UidSet,
    /// The last changes made over this connection to messages of the selected mailbox: UID and MODSEQ.
    ours: HashMap<u32, u64>,
    /// What stands between two levels of a name, as the list told.
    delimiter: Option<char>,
    /// What stands before every name but the inbox's; asked when first needed.
    prefix: Option<String>,
    idle_since: Option<Instant>,
    notify: Notify,
    /// Whether something was changed here since the last wait.
    has_edited: bool,
}

/// What a mailbox was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    validity: u32,
    uid_next: Option<u32>,
    modseq: Option<u64>,
    exists: u32,
}

impl Mark {
    fn of(selected: &Selected) -> Self {
        let Selected { validity, uid_next, modseq, exists, .. } = *selected;
        Self { validity, uid_next, modseq, exists }
    }
}

impl Imap {
    /// Connects and signs in. With a greeting and a LOGIN that tell what the server can do, that is one round trip.
    pub async fn connect(endpoint: &Endpoint, credentials: &Credentials, timeouts: Timeouts) -> Result<Imap, Error> {
        let stream = net::connect(endpoint, timeouts.connect).await?;
        let mut driver = Driver::new(stream, endpoint.to_string(), timeouts).await?;
        if endpoint.security != Security::StartTls {
            sign_in::greet(&mut driver).await?;
        }
        sign_in::sign_in(&mut driver, credentials).await?;
        Ok(Self {
            is_resyncing: driver.can("QRESYNC") && driver.can("ENABLE"),
            driver,
            timeouts,
            selected: None,
            is_stale: false,
            marks: HashMap::new(),
            listed: HashMap::new(),
            inbox_hint: None,
            found: UidSet::default(),
            ours: HashMap::new(),
            delimiter: None,
            prefix: None,
            idle_since: None,
            notify: Notify::default(),
            has_edited: false,
        })
    }

    /// Says whether the server numbers changes (CONDSTORE).
    fn keeps_journal(&self) -> bool {
        self.driver.can("CONDSTORE") || self.driver.can("QRESYNC")
    }

    /// Says whether messages can be removed one by one (UIDPLUS).
    fn has_uidplus(&self) -> bool {
        self.driver.can("UIDPLUS") || self.driver.can("IMAP4REV2")
    }

    /// Waits for a command's end; what the server tells meanwhile is noticed.
    async fn finish(&mut self, stage: &'static str, ticket: Ticket) -> Result<(), Error> {
        loop {
            let reply = self.driver.next(stage).await?;
            match reply.response {
                Response::Done(_, condition) if reply.of == Some(ticket) => {
                    return self.driver.check(stage, &condition);
                }
                other => self.notice(&other),
            }
        }
    }

    /// Keeps what a line of STATUS tells of a mailbox.
    fn hear_status(&mut self, status: &Status) {
        let path = names::path_of(&status.name);
        if path == "INBOX" {
            self.inbox_hint = status.messages;
        }
        if let (Some(validity), Some(exists)) = (status.uid_validity, status.messages) {
            let mark = Mark { validity, uid_next: status.uid_next, modseq: status.highest_modseq, exists };
            self.listed.insert(path, mark);
        }
    }

    /// Says whether no mailbox was opened yet.
    fn is_new(&self) -> bool {
        self.selected.is_none() && self.marks.is_empty()
    }
}

impl Backend for Imap {
    fn offer(&self) -> Offer {
        Offer {
            can_move: self.driver.can("MOVE") || self.driver.can("IMAP4REV2"),
            can_compare: self.keeps_journal(),
            hears: notify::hears(self),
            words: self.driver.capabilities.clone(),
        }
    }

    fn traffic(&self) -> Traffic {
        self.driver.traffic()
    }

    async fn mailboxes(&mut self) -> Result<Vec<RemoteMailbox>, Error> {
        names::list(self).await
    }

    async fn changes(
        &mut self,
        mailbox: &str,
        cursor: Option<&Cursor>,
        known: &impl Known,
        out: &Sender<Delta>,
    ) -> Result<(), Error> {
        changes::changes(self, mailbox, cursor, known, out).await
    }

    async fn fetch(&mut self, mailbox: &str, wants: &[Want], out: &Sender<Slice>) -> Result<(), Error> {
        fetch::fetch(self, mailbox, wants, out).await
    }

    async fn apply(&mut self, operations: &[RemoteOperation], outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
        self.has_edited = true;
        apply::apply(self, operations, outcomes).await
    }

    fn is_beyond(&self, cursor: &Cursor, id: &RemoteId) -> bool {
        Position::parse(cursor)
            .is_none_or(|position| uid_of(id, position.validity).is_none_or(|uid| uid >= position.uid_next))
    }

    async fn wait(&mut self, mailbox: &str, at_most: Duration) -> Result<News, Error> {
        idle::wait(self, mailbox, at_most).await
    }

    async fn close(&mut self) {
        self.driver.close().await;
    }
}
