//! Owns the spelling of how far a mailbox was read, and of a message's id: `UIDVALIDITY.UID`.
//!
//! A UID without its UIDVALIDITY never leaves this folder, so that none can be used against another mailbox's life.

use crate::mail::remote::{Cursor, RemoteId};

/// The form of the cursor's text; another one is read as no cursor.
const VERSION: &str = "1";

/// How far a mailbox was read: every message with `low <= UID < uid_next` is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The mailbox's life; 0 when the server has none.
    pub validity: u32,
    /// Messages from here on are new.
    pub uid_next: u32,
    /// Changes after this one are not known; 0 when the server keeps no journal.
    pub modseq: u64,
    /// Older messages are still to come; 1 when none are.
    pub low: u32,
}

impl Position {
    /// Reads a cursor; none when it is not one of ours.
    pub fn parse(cursor: &Cursor) -> Option<Position> {
        let mut words = cursor.0.split(' ');
        if words.next()? != VERSION {
            return None;
        }
        let position = Position {
            validity: words.next()?.parse().ok()?,
            uid_next: words.next()?.parse().ok()?,
            modseq: words.next()?.parse().ok()?,
            low: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(position)
    }

    /// Writes the cursor.
    pub fn to_cursor(self) -> Cursor {
        Cursor(format!("{VERSION} {} {} {} {}", self.validity, self.uid_next, self.modseq, self.low))
    }

    /// Says whether the message was within what was read.
    pub fn covers(&self, uid: u32) -> bool {
        (self.low..self.uid_next).contains(&uid)
    }
}

/// Writes the id of a message.
pub fn remote_id(validity: u32, uid: u32) -> RemoteId {
    RemoteId(format!("{validity}.{uid}"))
}

/// Reads the UID of an id, if it is of this life of the mailbox.
pub fn uid_of(id: &RemoteId, validity: u32) -> Option<u32> {
    let (life, uid) = id.0.split_once('.')?;
    let life: u32 = life.parse().ok()?;
    uid.parse().ok().filter(|_| life == validity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_foreign_one_is_none() {
        let position = Position { validity: 7, uid_next: u32::MAX, modseq: u64::MAX >> 1, low: 1 };
        assert_eq!(Position::parse(&position.to_cursor()), Some(position));
        for text in ["", "2 1 1 1 1", "1 1 1 1", "1 1 1 1 1 1", "1 -1 1 1 1", "unfinished"] {
            assert_eq!(Position::parse(&Cursor(text.to_owned())), None, "{text}");
        }
    }

    #[test]
    fn an_id_of_another_life_is_not_used() {
        let id = remote_id(5, 42);
        assert_eq!(uid_of(&id, 5), Some(42));
        assert_eq!(uid_of(&id, 6), None);
        assert_eq!(uid_of(&RemoteId("42".to_owned()), 5), None);
    }
}
