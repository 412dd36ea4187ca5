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

/// One change that is to be made on the server. What names messages names them by id; ids that mean nothing there any
/// more are passed over.
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
        /// Messages that changed after this point are left alone, and told; without one none are.
        unchanged_since: Option<Cursor>,
    },
    /// Makes copies in another mailbox; never repeated without looking first.
    Copy {
        /// The mailbox's path.
        from: String,
        /// The messages.
        ids: Vec<RemoteId>,
        /// The other mailbox's path.
        to: String,
    },
    /// Moves messages; never repeated without looking first.
    Move {
        /// The mailbox's path.
        from: String,
        /// The messages.
        ids: Vec<RemoteId>,
        /// The other mailbox's path.
        to: String,
    },
    /// Adds a message; never repeated without looking first.
    Append {
        /// The mailbox's path.
        mailbox: String,
        /// The message as it is.
        bytes: Vec<u8>,
        /// Its keywords.
        keywords: Keywords,
        /// When it was received.
        received: UnixTime,
    },
    /// Removes messages for good, and no others.
    Remove {
        /// The mailbox's path.
        mailbox: String,
        /// The messages.
        ids: Vec<RemoteId>,
    },
    /// Makes a mailbox; that it is there already is no error.
    CreateMailbox {
        /// Its name, `/` between levels.
        name: String,
        /// What it is for, for servers that keep that.
        role: Option<Role>,
    },
    /// Gives a mailbox, and with it those below it, another name.
    RenameMailbox {
        /// Its path.
        path: String,
        /// Its new name, `/` between levels.
        name: String,
    },
    /// Removes a mailbox that is empty; one that holds mail is refused. That it is gone already is no error.
    DeleteMailbox {
        /// Its path.
        path: String,
    },
    /// Subscribes to a mailbox, or no more.
    Subscribe {
        /// Its path.
        path: String,
        /// Whether it is subscribed to.
        on: bool,
    },
}

/// What an operation did, as far as the server told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// What messages became: the id that was named (empty for one that was added), and the new one in the other mailbox.
    /// Empty where the server does not tell; else a message that is not in here was gone.
    pub became: Vec<(RemoteId, RemoteId)>,
    /// Whether `became` is the server's word on all of them.
    pub tells_ids: bool,
    /// The path of the mailbox that was made or renamed.
    pub path: Option<String>,
    /// Messages that had changed after [`RemoteOperation::Keywords::unchanged_since`] and were left alone.
    pub left_alone: Vec<RemoteId>,
    /// Whether removed messages are only marked: the server cannot remove some and keep others.
    pub is_only_marked: bool,
}
