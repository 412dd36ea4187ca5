//! Owns what goes in and out of the screen: messages and effects, closed enums of plain data.
//!
//! It runs nothing: the app makes the messages and carries the effects out.

use crate::config::key::Key;
use crate::mail::account::AccountStatus;
use crate::mail::address::Address;
use crate::mail::change::Change;
use crate::mail::document::{Document, RenderOptions};
use crate::mail::email::{Email, RowKey};
use crate::mail::id::{AccountId, EmailId, HistoryId, MailboxId};
use crate::mail::mailbox::Mailbox;
use crate::mail::mutation::{Done, Edit, FolderEdit, Target};
use crate::mail::safe::SafeText;
use crate::mail::time::UnixTime;
use crate::mail::view::{Anchor, Rows, View};

/// When a message arrived: the screen reads no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// The time of day, for what is shown.
    pub unix: UnixTime,
    /// Milliseconds on a clock that never goes back, for what waits; its zero does not matter.
    pub millis: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Msg {
    /// When.
    pub now: Moment,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The terminal is ready, so many columns and rows: the first message of all.
    Started {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has another size now.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The terminal's window got the focus, or lost it.
    Focus(bool),
    /// The terminal's background turned out to be light, or dark.
    Background {
        /// Whether it is light.
        is_light: bool,
    },
    /// The moment came that [`Effect::WakeAt`] asked for.
    Tick,
    /// The answer to [`Effect::LoadFolders`].
    Folders {
        /// The accounts in the order of the configuration.
        accounts: Vec<AccountLine>,
        /// The mailboxes of all of them.
        mailboxes: Vec<Mailbox>,
    },
    /// The answer to [`Effect::LoadRows`].
    Rows {
        /// Who asked.
        slot: Slot,
        /// Which question it answers.
        generation: u64,
        /// The rows.
        rows: Rows,
    },
    /// The answer to [`Effect::Open`]; sent again (same generation) when the body came later.
    Opened {
        /// Which question it answers.
        generation: u64,
        /// The email.
        email: Box<Email>,
        /// The conversation it is part of, oldest first.
        thread: Vec<ThreadLine>,
        /// The text; none while the body is not here.
        document: Option<Box<Document>>,
    },
    /// The email of an [`Effect::Open`] is not in the store any more.
    Gone {
        /// Which question it answers.
        generation: u64,
    },
    /// With the answer to [`Effect::LoadFolders`]: what servers did that was not put aside yet.
    Notices(Vec<ServerNotice>),
    /// The answer to [`Effect::LoadHistory`], newest first.
    History(Vec<PastChange>),
    /// A transaction touched these.
    Changed(Change),
    /// An [`Effect::Edit`] was made.
    Did(Done),
    /// An edit was taken back.
    Undid(Done),
    /// An edit was made again.
    Redid(Done),
    /// There is nothing to take back.
    NothingToUndo,
    /// There is nothing to make again.
    NothingToRedo,
    /// Something that was asked for could not be done.
    Failed {
        /// What happened.
        what: String,
        /// What to do next; may be empty.
        remedy: String,
    },
    /// No program took what was to be opened.
    NotOpened {
        /// What happened.
        what: String,
        /// Whether it was an attachment, which can be saved, or a link, which can be copied.
        is_attachment: bool,
    },
    /// What an account is doing, and how many changes wait to go to its server.
    Status {
        /// The account.
        account: AccountId,
        /// What it does.
        status: AccountStatus,
        /// Changes that wait.
        pending: u64,
    },
    /// After an edit, or the answer to [`Effect::CountPending`]: how many changes of an account wait.
    Pending {
        /// The account.
        account: AccountId,
        /// Changes that wait.
        pending: u64,
    },
    /// Attachments were saved.
    Saved {
        /// Where: the file, or the directory of several.
        path: String,
        /// How many.
        files: usize,
    },
    /// Something worth a line above the footer that is no error: `Opened venue-plan.pdf`.
    Note(String),
}

/// Who asked for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The list that is shown.
    List,
    /// The hunt for the next unread conversation beyond the rows that are here.
    Unread,
}

/// Something that a server did without the user's doing, told until it is put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNotice {
    /// Its number in the store.
    pub number: i64,
    /// When it was seen.
    pub at: UnixTime,
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// What.
    pub what: ServerDid,
}

/// What a server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerDid {
    /// So many emails were gone at once.
    Lost(u64),
    /// It refused a change: the whole sentence.
    Refused(String),
}

/// One change that the user made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange {
    /// Its number in the history.
    pub id: HistoryId,
    /// When it was made.
    pub at: UnixTime,
    /// Its sentence.
    pub label: String,
    /// Whether it was taken back.
    pub is_undone: bool,
}

/// An account as the folders show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    /// Its identity.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its address; empty where the configuration does not have the account.
    pub email: String,
    /// All of the user's own addresses in it, to be shown as `you`.
    pub own_addresses: Vec<String>,
}

/// One message of a conversation, as the reader lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadLine {
    /// The email.
    pub email: EmailId,
    /// Who wrote it.
    pub from: Address,
    /// When it came.
    pub received: UnixTime,
    /// Whether it is unread.
    pub is_unread: bool,
    /// Whether it is starred.
    pub is_flagged: bool,
    /// Whether something is attached.
    pub has_attachment: bool,
    /// The beginning of its text.
    pub preview: String,
}

/// What the mouse did and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub kind: MouseKind,
    /// The column, from 0 on.
    pub column: u16,
    /// The row, from 0 on.
    pub row: u16,
}

/// What a mouse can do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button went down.
    Click,
    /// The wheel went up.
    ScrollUp,
    /// The wheel went down.
    ScrollDown,
}

/// What an edit is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// Conversations of a list; `store.targets(view, rows)` says which emails that means.
    Rows {
        /// The list.
        view: View,
        /// Its rows.
        rows: Vec<RowKey>,
    },
    /// Every conversation of a list but these.
    AllBut {
        /// The list.
        view: View,
        /// The rows that are left alone.
        rows: Vec<RowKey>,
    },
    /// Single emails.
    Emails(Vec<Target>),
}

/// Something that the app is to do. None of them makes the screen wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the store for accounts and mailboxes; answered by [`Event::Folders`] and [`Event::Notices`].
    LoadFolders,
    /// Ask the store for rows; answered by [`Event::Rows`].
    LoadRows {
        /// Who asks.
        slot: Slot,
        /// The question's number.
        generation: u64,
        /// Which emails.
        view: View,
        /// Which window.
        anchor: Anchor,
        /// How many rows at most.
        limit: usize,
    },
    /// Ask for an email, its conversation and its text; a body that is not here is fetched ahead of everything.
    /// Answered by [`Event::Opened`] or [`Event::Gone`]. Of several, only the newest matters.
    Open {
        /// The question's number.
        generation: u64,
        /// The email.
        email: EmailId,
        /// How it is to be rendered.
        options: RenderOptions,
    },
    /// Mark emails as read because they were opened. No entry in the history: nobody wants to undo that.
    MarkRead(Vec<EmailId>),
    /// Make an edit. The sentence of the history is `edit.past_tense(n, unit, folder)`, with n = conversations for
    /// rows and messages for emails. Answered by [`Event::Did`] or [`Event::Failed`].
    Edit {
        /// On what.
        targets: Targets,
        /// What.
        edit: Edit,
        /// The name of the folder that is moved to, for the sentence.
        folder: Option<String>,
    },
    /// Make, name, remove or subscribe to a folder. Answered as an edit is.
    EditFolder(FolderEdit),
    /// Put a notice aside for good: the user has read it.
    PutAside(i64),
    /// Put back what a notice says is lost. Answered as an edit is.
    Restore(i64),
    /// Ask for the changes made so far; answered by [`Event::History`].
    LoadHistory,
    /// Take one change back; answered by [`Event::Undid`] or [`Event::NothingToUndo`].
    TakeBack(HistoryId),
    /// Take the last edit back; answered by [`Event::Undid`] or [`Event::NothingToUndo`].
    Undo,
    /// Make it again; answered by [`Event::Redid`] or [`Event::NothingToRedo`].
    Redo,
    /// Save one attachment in the downloads directory; answered by [`Event::Saved`].
    SaveAttachment {
        /// The email.
        email: EmailId,
        /// The attachment's number.
        number: usize,
    },
    /// Save all attachments; answered by [`Event::Saved`].
    SaveAllAttachments {
        /// The email.
        email: EmailId,
    },
    /// Open an attachment with the desktop's program for it; answered by [`Event::Note`] or [`Event::NotOpened`].
    OpenAttachment {
        /// The email.
        email: EmailId,
        /// The attachment's number.
        number: usize,
    },
    /// Open a link. The user saw the whole real target and pressed Enter on it. Answered as an attachment is.
    OpenLink(String),
    /// Put text in the clipboard.
    CopyText(String),
    /// Count what waits to go to servers; answered by [`Event::Pending`] for each account.
    CountPending,
    /// Ask all servers for news now.
    CheckNow,
    /// Send [`Event::Tick`] when the clock of [`Moment::millis`] reaches this; a later one replaces an earlier one.
    WakeAt(u64),
    /// Put the program to sleep and bring the terminal back afterwards.
    Suspend,
    /// Forget what is on the terminal and draw everything.
    Redraw,
    /// Set the title of the terminal's window.
    SetTitle(SafeText),
    /// Leave.
    Quit,
}
