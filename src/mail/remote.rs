//! Owns the words in which a server and the store speak of each other: opaque ids, cursors and deltas.
//!
//! What the ids and cursors mean is known by the backend alone (invariant 6).

use crate::mail::email::Header;
use crate::mail::keyword::Keywords;
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;

/// The id of a message in a mailbox, in the backend's own spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteId(pub String);

/// How far a mailbox was read, in the backend's own spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// A mailbox as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMailbox {
    /// The name in the backend's own spelling: what its calls take.
    pub path: String,
    /// The name decoded, `/` between levels.
    pub name: String,
    /// What it is for, by the server's word or by its name.
    pub role: Option<Role>,
    /// Whether mail can be in it.
    pub is_selectable: bool,
    /// Whether the user subscribed to it.
    pub is_subscribed: bool,
}

/// One piece of news of a mailbox, in the order in which it is to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// What is known of this mailbox is void (a new UIDVALIDITY): every remote id of it is forgotten before what
    /// follows; emails stay until a newcomer with equal content takes their place.
    Reset,
    /// A message that was not known.
    Arrived(Box<Arrived>),
    /// A known message's keywords, all of them.
    Keywords(RemoteId, Keywords),
    /// Known messages that are gone.
    Vanished(Vec<RemoteId>),
    /// How many messages are to come, for progress.
    Expect(u64),
    /// All before this line is complete up to the cursor: the moment to commit.
    Commit(Cursor),
}

/// A message that arrived, with the header fields but without the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Its id in this mailbox.
    pub id: RemoteId,
    /// Its keywords.
    pub keywords: Keywords,
    /// When the server got it.
    pub received: UnixTime,
    /// Bytes of the whole message.
    pub size: u64,
    /// Its parsed header fields.
    pub header: Header,
    /// The server's word for one message in many mailboxes (OBJECTID's EMAILID, X-GM-MSGID), if it has one.
    pub object_id: Option<String>,
}

/// A body, or what is missing of one, to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The message.
    pub id: RemoteId,
    /// Bytes that are here already.
    pub offset: u64,
    /// Bytes of the whole message.
    pub size: u64,
}

/// A slice of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The message.
    pub id: RemoteId,
    /// Where the slice begins.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the message ends with this slice.
    pub is_last: bool,
}

/// One change that is to be made on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteOperation {
    /// Adds and removes keywords; may be repeated freely.
    Keywords {
        /// The mailbox's path.
        mailbox: String,
        /// The messages.
        ids: Vec<RemoteId>,
        /// Keywords to add.
        add: Keywords,
        /// Keywords to take away.
        remove: Keywords,
    },
    /// Moves one message; never repeated without looking first.
    Move {
        /// The mailbox's path.
        from: String,
        /// The message.
        id: RemoteId,
        /// The other mailbox's path.
        to: String,
    },
    /// Makes a mailbox; that it is there already is no error.
    CreateMailbox {
        /// Its name, `/` between levels.
        name: String,
    },
    /// Removes a message for good.
    Remove {
        /// The mailbox's path.
        mailbox: String,
        /// The message.
        id: RemoteId,
    },
}

/// What an operation made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The message's id in the mailbox that it was moved to, where the server told it.
    pub moved_to: Option<RemoteId>,
    /// The path of the mailbox that was made.
    pub made: Option<String>,
}
