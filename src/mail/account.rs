//! Owns the words in which an account's state travels from its worker to the screen and to `sync --json`.
//!
//! It holds no settings and no connection.

use serde::{Deserialize, Serialize};

use crate::mail::time::UnixTime;

/// What an account is doing right now. Heals by itself, or needs a person: that is all the screen must know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccountStatus {
    /// Not tried yet.
    #[default]
    Idle,
    /// Reaching the server.
    Connecting,
    /// Bringing things into step.
    Syncing(Progress),
    /// In step, listening for news.
    Online,
    /// The link is gone; everything stays readable and is tried again at `next_try`.
    Offline {
        /// When it went.
        since: UnixTime,
        /// When the next attempt comes.
        next_try: UnixTime,
        /// Why, in a short clause without a full stop.
        reason: String,
    },
    /// A person must act: wrong password, wrong certificate, refused.
    Blocked(Notice),
    /// The user asked for no network.
    Paused,
}

/// How far a piece of work is, in units that mean something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is worked on, as `Inbox` or `bodies`.
    pub what: String,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 when it is not known.
    pub total: u64,
}

/// Something a person should know and can act on: what happened, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notice {
    /// The account it concerns, if one.
    pub account: Option<String>,
    /// What happened: names host and stage.
    pub what: String,
    /// The server's own words, cut and harmless, if it said any.
    pub server_says: Option<String>,
    /// What to do next.
    pub remedy: String,
}

/// What one account's sync did; the numbers of `surat sync --json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncReport {
    /// Emails that are new here.
    pub fetched: u64,
    /// Emails deleted on the server by us.
    pub deleted_on_server: u64,
    /// Edits that travelled.
    pub pushed: u64,
    /// Submissions accepted.
    pub sent: u64,
    /// Bytes read from the network, after decryption.
    pub bytes_in: u64,
    /// Bytes written to it.
    pub bytes_out: u64,
    /// Times we had to wait for the server's answer.
    pub round_trips: u64,
    /// What stopped it, if something did.
    pub error: Option<Notice>,
}

impl SyncReport {
    /// Adds what another piece of work did; what stopped this one stays.
    pub fn count(&mut self, other: &Self) {
        self.fetched += other.fetched;
        self.deleted_on_server += other.deleted_on_server;
        self.pushed += other.pushed;
        self.sent += other.sent;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.round_trips += other.round_trips;
    }
}
