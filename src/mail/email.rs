//! Owns what is known of an email without its body: the parsed header fields and the rows that lists are made of.
//!
//! Texts in here are raw words from outside: `SafeText` makes them fit to be shown.

use crate::mail::address::Address;
use crate::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::mail::keyword::Keywords;
use crate::mail::time::UnixTime;

/// The header fields that lists, conversations and replies need (RFC 5322 section 3.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// `From`; more than one is legal and suspicious.
    pub from: Vec<Address>,
    /// `Sender`, if it is there.
    pub sender: Option<Address>,
    /// `Reply-To`.
    pub reply_to: Vec<Address>,
    /// `To`, groups flattened.
    pub to: Vec<Address>,
    /// `Cc`.
    pub cc: Vec<Address>,
    /// `Bcc`, as in one's own sent copies.
    pub bcc: Vec<Address>,
    /// `Subject`, decoded, line breaks folded away.
    pub subject: String,
    /// `Date`, if it names a day that exists.
    pub date: Option<UnixTime>,
    /// `Message-ID` without its angle brackets.
    pub message_id: Option<String>,
    /// The ids of `In-Reply-To`.
    pub in_reply_to: Vec<String>,
    /// The ids of `References`, oldest first.
    pub references: Vec<String>,
    /// `List-Id` (RFC 2919) without its angle brackets.
    pub list_id: Option<String>,
}

/// One email as the store has it, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Its identity.
    pub id: EmailId,
    /// The account it came by.
    pub account: AccountId,
    /// The conversation it is part of.
    pub thread: ThreadId,
    /// When the server got it.
    pub received: UnixTime,
    /// Bytes of the whole message; 0 when unknown.
    pub size: u64,
    /// Its parsed header fields.
    pub header: Header,
    /// The keywords that the user wants on it.
    pub keywords: Keywords,
    /// The mailboxes that it is wanted in.
    pub mailboxes: Vec<MailboxId>,
    /// Whether something beside its text is attached; false while the body was never here.
    pub has_attachment: bool,
    /// Whether its body is here.
    pub is_stored: bool,
    /// The beginning of its text, one line; empty while the body was never here.
    pub preview: String,
}

/// One row of a conversation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where the row stands in its list.
    pub key: RowKey,
    /// The account of the newest email.
    pub account: AccountId,
    /// The newest email of the conversation in this view; in a search, the newest one found.
    pub email: EmailId,
    /// The mailbox in which that email was found.
    pub mailbox: MailboxId,
    /// Who wrote in the conversation, oldest first, each once; the recipients where the view is of sent mail.
    pub people: Vec<Address>,
    /// The subject of the newest email.
    pub subject: String,
    /// Emails of the conversation over all mailboxes but Trash and Junk, folded copies counted once.
    pub count: u32,
    /// Unread ones in this view.
    pub unread: u32,
    /// Whether one is starred.
    pub is_flagged: bool,
    /// Whether the newest was answered.
    pub is_answered: bool,
    /// Whether the newest was forwarded.
    pub is_forwarded: bool,
    /// Whether one has an attachment.
    pub has_attachment: bool,
}

/// The place of a conversation in a list: newest first, the thread's id where two share a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The newest email's id in this view, hence also its time.
    pub newest: EmailId,
    /// The conversation.
    pub thread: ThreadId,
}
