//! The servers: one folder a protocol behind one small trait. Knows no store and no screen.
//!
//! What the ids and cursors of a protocol mean stays in its folder.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

pub mod error;
pub mod imap;
pub mod maildir;
pub mod mutf7;
pub mod net;

pub use error::{Error, Kind};

use crate::mail::keyword::Keywords;
use crate::mail::remote::{Applied, Cursor, Delta, RemoteId, RemoteMailbox, RemoteOperation, Slice, Want};

/// What a server or a folder can do that the manager must know of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// Whether messages can be moved in one step; else they are copied and then removed.
    pub can_move: bool,
    /// Whether a change can be made on condition that nobody else made one (CONDSTORE).
    pub can_compare: bool,
    /// Of what [`Backend::wait`] hears.
    pub hears: Hears,
    /// The server's capabilities as it names them, for `doctor`.
    pub words: Vec<String>,
}

/// Of what waiting for news hears as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hears {
    /// Of nothing: it looks now and then.
    #[default]
    Little,
    /// Of the one mailbox that is named.
    One,
    /// Of all mailboxes.
    All,
}

/// Bytes and waits of a connection since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes read, after decryption.
    pub bytes_in: u64,
    /// Bytes written, before encryption.
    pub bytes_out: u64,
    /// Times something was sent after everything sent before had been answered.
    pub round_trips: u64,
}

/// What the store knows of a mailbox; asked only by backends whose server keeps no journal. Not to know is an error:
/// nothing is taken for new because the store could not be read.
pub trait Known: Send + Sync {
    /// Gives every known message of the mailbox with its keywords as last told by the server.
    fn remotes(&self) -> impl Future<Output = Result<Vec<(RemoteId, Keywords)>, Error>> + Send;
    /// Gives how many there are, which costs less.
    fn count(&self) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// Why [`Backend::wait`] returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Something changed in these mailboxes, by their paths.
    Changed(BTreeSet<String>),
    /// Mailboxes came, went or were renamed.
    Mailboxes,
    /// The time is over.
    TimedOut,
}

/// How one operation of several ended: done, or refused while the others went on.
pub type Outcome = Result<Applied, Error>;

/// A signed-in connection to where mail is. Every wait inside has a deadline; dropping a future leaves the
/// connection unusable at worst, never wrong.
pub trait Backend: Send {
    /// Says what can be done here.
    fn offer(&self) -> Offer;

    /// Counts what went over the wire.
    fn traffic(&self) -> Traffic;

    /// Lists the mailboxes.
    fn mailboxes(&mut self) -> impl Future<Output = Result<Vec<RemoteMailbox>, Error>> + Send;

    /// Sends what changed in a mailbox since `cursor` (everything, newest first, without one), ending each
    /// complete portion with [`Delta::Commit`]. A first portion is small, so that a screen can be filled.
    fn changes(
        &mut self,
        mailbox: &str,
        cursor: Option<&Cursor>,
        known: &impl Known,
        out: &Sender<Delta>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Sends the wanted bodies in order, in slices, from each one's offset on. A message that is gone is left out.
    fn fetch(
        &mut self,
        mailbox: &str,
        wants: &[Want],
        out: &Sender<Slice>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes changes, in order and with as few waits as the protocol allows. An outcome is told for each one that came
    /// to an end, in the same order; after an error nothing is known of the rest.
    fn apply(
        &mut self,
        operations: &[RemoteOperation],
        outcomes: &mut Vec<Outcome>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Says whether a message may have come into its mailbox after the mailbox was read up to `cursor`.
    fn is_beyond(&self, cursor: &Cursor, id: &RemoteId) -> bool;

    /// Waits for news of a mailbox, and of the others too where [`Offer::hears`] says so, at most so long. What it gives
    /// is told once. Dropping it loses nothing.
    fn wait(&mut self, mailbox: &str, at_most: Duration) -> impl Future<Output = Result<News, Error>> + Send;

    /// Says goodbye; errors do not matter any more.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}
