//! IMAP4rev1 and rev2 (RFC 3501, RFC 9051) with their extensions.
//!
//! What UIDs, UIDVALIDITY and MODSEQ mean stays in here.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::backend::net::Endpoint;
use crate::backend::{Backend, Error, Kind, Known, News, Offer, Traffic};
use crate::mail::remote::{Applied, Cursor, Delta, RemoteMailbox, RemoteOperation, Slice, Want};

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
    place: String,
}

impl Imap {
    /// Connects and signs in.
    pub async fn connect(endpoint: &Endpoint, credentials: &Credentials, timeouts: Timeouts) -> Result<Imap, Error> {
        let _ = (&credentials.password, timeouts);
        Err(Error::new(Kind::Unsupported, endpoint.to_string(), "connecting", "IMAP is still being built"))
    }

    fn unbuilt(&self) -> Error {
        Error::new(Kind::Unsupported, self.place.clone(), "working", "IMAP is still being built")
    }
}

impl Backend for Imap {
    fn offer(&self) -> Offer {
        Offer { can_apply: false, can_wait: true, words: Vec::new() }
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn mailboxes(&mut self) -> Result<Vec<RemoteMailbox>, Error> {
        Err(self.unbuilt())
    }

    async fn changes(
        &mut self,
        _mailbox: &str,
        _cursor: Option<&Cursor>,
        _known: &dyn Known,
        _out: &Sender<Delta>,
    ) -> Result<(), Error> {
        Err(self.unbuilt())
    }

    async fn fetch(&mut self, _mailbox: &str, _wants: &[Want], _out: &Sender<Slice>) -> Result<(), Error> {
        Err(self.unbuilt())
    }

    async fn apply(&mut self, _operation: &RemoteOperation) -> Result<Applied, Error> {
        Err(self.unbuilt())
    }

    async fn wait(&mut self, _mailbox: &str, _at_most: Duration) -> Result<News, Error> {
        Err(self.unbuilt())
    }

    async fn close(&mut self) {}
}
