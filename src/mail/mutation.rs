//! Owns the user's edits, of mail and of folders: what is asked for, the single steps it comes to, and their inverses.
//!
//! The store applies steps; nothing in here knows how.

use serde::{Deserialize, Serialize};

use crate::mail::id::{AccountId, EmailId, MailboxId};
use crate::mail::keyword::{FLAGGED, SEEN};
use crate::mail::mailbox::Role;
use crate::mail::number::grouped;

/// What a user asks for, on a set of emails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The emails, each with the mailbox from which the user sees it, if from one.
    pub targets: Vec<Target>,
    /// What is to become of them.
    pub edit: Edit,
}

/// An email, and the mailbox from which the user acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The email.
    pub email: EmailId,
    /// The mailbox that a move takes it from; without one, every mailbox that it is in.
    pub from: Option<MailboxId>,
}

/// One verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Sets or clears a keyword.
    Keyword(String, bool),
    /// Moves to a mailbox, of whatever account.
    Move(MailboxId),
    /// Puts a copy into a mailbox, of whatever account, too.
    Copy(MailboxId),
    /// Moves to the mailbox with this role in each email's own account; it is made when there is none.
    MoveToRole(Role),
    /// Removes for good.
    Remove,
}

impl Edit {
    /// Says what was done to `count` conversations or messages, for the line above the footer: `Archived 3`.
    pub fn past_tense(&self, count: usize, unit: &str, folder: Option<&str>) -> String {
        let s = if count == 1 { "" } else { "s" };
        let it = format!("{} {unit}{s}", grouped(count as u64));
        match self {
            Edit::Keyword(keyword, true) if keyword == SEEN => format!("Marked {it} as read"),
            Edit::Keyword(keyword, false) if keyword == SEEN => format!("Marked {it} as unread"),
            Edit::Keyword(keyword, true) if keyword == FLAGGED => format!("Starred {it}"),
            Edit::Keyword(keyword, false) if keyword == FLAGGED => format!("Took the star off {it}"),
            Edit::Keyword(keyword, true) => format!("Tagged {it} with {keyword}"),
            Edit::Keyword(keyword, false) => format!("Took {keyword} off {it}"),
            Edit::MoveToRole(Role::Archive) => format!("Archived {it}"),
            Edit::MoveToRole(Role::Trash) => format!("Moved {it} to Trash"),
            Edit::MoveToRole(Role::Junk) => format!("Marked {it} as junk"),
            Edit::Move(_) | Edit::MoveToRole(_) => format!("Moved {it} to {}", folder.unwrap_or("another folder")),
            Edit::Copy(_) => format!("Copied {it} to {}", folder.unwrap_or("another folder")),
            // The server hears of it only then, and until then it can be taken back.
            Edit::Remove => format!("Deleted {it}, for good in 30 s"),
        }
    }
}

/// What a user asks for, of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderEdit {
    /// Makes one.
    Create {
        /// In which account.
        account: AccountId,
        /// Its name, `/` between levels.
        name: String,
    },
    /// Gives it another name, and with it those below it.
    Rename {
        /// The folder.
        mailbox: MailboxId,
        /// Its new name, `/` between levels.
        name: String,
    },
    /// Removes it; its mail goes to Trash.
    Delete {
        /// The folder.
        mailbox: MailboxId,
    },
    /// Subscribes to it, or no more.
    Subscribe {
        /// The folder.
        mailbox: MailboxId,
        /// Whether it is subscribed to.
        on: bool,
    },
}

impl FolderEdit {
    /// Says what was done to the folder of this name (before the edit), with `moved` messages going to Trash.
    pub fn past_tense(&self, folder: &str, moved: usize) -> String {
        let s = if moved == 1 { "" } else { "s" };
        match self {
            FolderEdit::Create { name, .. } => format!("Made the folder {name}"),
            FolderEdit::Rename { name, .. } => format!("Renamed {folder} to {name}"),
            FolderEdit::Delete { .. } if moved == 0 => format!("Removed the folder {folder}"),
            FolderEdit::Delete { .. } => {
                format!("Removed the folder {folder}, its {} message{s} went to Trash", grouped(moved as u64))
            }
            FolderEdit::Subscribe { on: true, .. } => format!("Subscribed to {folder}"),
            FolderEdit::Subscribe { on: false, .. } => format!("Unsubscribed from {folder}"),
        }
    }
}

/// The smallest edit: one bit of one email or folder. Its inverse is the same step with the bit turned over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Sets or clears a wanted keyword.
    Keyword {
        /// The email.
        email: i64,
        /// The keyword.
        keyword: String,
        /// Whether it is wanted.
        on: bool,
    },
    /// Wants an email in a mailbox, or not there any more.
    Membership {
        /// The email.
        email: i64,
        /// The mailbox.
        mailbox: i64,
        /// Whether it is wanted there.
        on: bool,
        /// The email of another account that must be on its server before this one leaves; none where nothing waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        awaits: Option<i64>,
        /// Whether the email was made for this, the like of one in another account: without it, it was nowhere.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_made: bool,
    },
    /// Wants a mailbox under another name.
    MailboxName {
        /// The mailbox.
        mailbox: i64,
        /// Its name before.
        before: String,
        /// Its name after.
        after: String,
    },
    /// Wants a mailbox, or no more.
    MailboxExists {
        /// The mailbox.
        mailbox: i64,
        /// Whether it is wanted.
        on: bool,
    },
    /// Wants a subscription, or no more.
    MailboxSubscribed {
        /// The mailbox.
        mailbox: i64,
        /// Whether it is wanted.
        on: bool,
    },
}

impl Step {
    /// Gives the step that takes this one back.
    pub fn inverse(&self) -> Step {
        match self.clone() {
            Step::Keyword { email, keyword, on } => Step::Keyword { email, keyword, on: !on },
            Step::Membership { email, mailbox, on, awaits, is_made } => {
                Step::Membership { email, mailbox, on: !on, awaits, is_made }
            }
            Step::MailboxName { mailbox, before, after } => Step::MailboxName { mailbox, before: after, after: before },
            Step::MailboxExists { mailbox, on } => Step::MailboxExists { mailbox, on: !on },
            Step::MailboxSubscribed { mailbox, on } => Step::MailboxSubscribed { mailbox, on: !on },
        }
    }

    /// Gives the steps that take all of these back, last one first.
    pub fn inverse_of_all(steps: &[Step]) -> Vec<Step> {
        steps.iter().rev().map(Step::inverse).collect()
    }

    /// Gives the email that it changes, if it changes one.
    pub fn email(&self) -> Option<EmailId> {
        match self {
            Step::Keyword { email, .. } | Step::Membership { email, .. } => Some(EmailId(*email)),
            _ => None,
        }
    }

    /// Gives the mailbox that it changes, if it changes one itself.
    pub fn mailbox(&self) -> Option<MailboxId> {
        match self {
            Step::MailboxName { mailbox, .. }
            | Step::MailboxExists { mailbox, .. }
            | Step::MailboxSubscribed { mailbox, .. } => Some(MailboxId(*mailbox)),
            _ => None,
        }
    }
}

/// What an edit, an undo or a redo did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The sentence of the history: `Archived 3 messages`.
    pub label: String,
    /// Emails that changed; 0 when all was so already.
    pub emails: usize,
    /// The accounts whose mail changed.
    pub accounts: Vec<AccountId>,
    /// The folders that were made because an account had none of the role.
    pub made: Vec<MadeFolder>,
}

/// A folder that an edit made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFolder {
    /// In which account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_of_the_inverse_is_the_step() {
        let steps = [
            Step::Keyword { email: 1, keyword: "$seen".into(), on: true },
            Step::Membership { email: 1, mailbox: 2, on: false, awaits: Some(3), is_made: true },
            Step::MailboxName { mailbox: 2, before: "Old".into(), after: "New".into() },
            Step::MailboxExists { mailbox: 2, on: true },
            Step::MailboxSubscribed { mailbox: 2, on: false },
        ];
        assert_eq!(Step::inverse_of_all(&Step::inverse_of_all(&steps)), steps);
    }

    #[test]
    fn steps_that_an_older_version_wrote_are_still_read() {
        let written = r#"[{"Membership":{"email":1,"mailbox":2,"on":false}}]"#;
        let steps = [Step::Membership { email: 1, mailbox: 2, on: false, awaits: None, is_made: false }];
        assert_eq!(serde_json::from_str::<Vec<Step>>(written).ok().as_deref(), Some(&steps[..]));
        assert_eq!(serde_json::to_string(&steps).ok().as_deref(), Some(written));
    }
}
