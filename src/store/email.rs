//! Owns an email's row: how header fields become columns and columns an `Email` again, and reading single ones.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{Error, Fault};
use super::thread::{self, Copy};
use super::{Store, account};
use crate::mail::address::Address;
use crate::mail::email::{Email, Header};
use crate::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::mail::keyword::Keywords;
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;

/// What [`read_email`] reads, in its order, of `emails e`.
pub(super) const COLUMNS: &str = "e.id, e.account, e.thread, e.received, e.size, e.has_attachment, e.blob IS NOT NULL,
    e.sent, e.keywords, e.subject, e.from_, e.to_, e.cc, e.message_id, e.preview, e.bcc, e.sender, e.reply_to,
    e.in_reply_to, e.reference_ids, e.list_id";

impl Store {
    /// Gives one email, wherever it is.
    pub fn email(&self, id: EmailId) -> Result<Option<Email>, Error> {
        self.read(|db| find(db, id))
    }

    /// Gives a message as it came, if its body is here.
    pub fn raw(&self, id: EmailId) -> Result<Option<Vec<u8>>, Error> {
        self.read(|db| {
            let blob: Option<Option<i64>> = db
                .prepare_cached("SELECT blob FROM emails WHERE id = ?1")?
                .query_row([id.0], |row| row.get(0))
                .optional()?;
            match blob.flatten() {
                Some(blob) => super::body::read_blob(db, blob, self.path()).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Gives the bytes of a blob.
    pub fn blob(&self, id: i64) -> Result<Vec<u8>, Error> {
        self.read(|db| super::body::read_blob(db, id, self.path()))
    }

    /// Gives a conversation, oldest first, copies folded. What lies in no mailbox any more is left out, and what lies
    /// in Trash or Junk too unless all of it does.
    pub fn thread(&self, id: ThreadId) -> Result<Vec<Email>, Error> {
        self.read(|db| {
            let id = thread::resolve(db, id)?;
            let sql = format!("SELECT {COLUMNS}, e.content, e.blob FROM emails e WHERE e.thread = ?1 ORDER BY e.id");
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query([id.0])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let email = read_email(db, row)?;
                let roles = roles_of(db, &email.mailboxes)?;
                if !email.mailboxes.is_empty() {
                    found.push((email, roles, row.get(21)?, row.get(22)?));
                }
            }
            let is_binned =
                |roles: &[Option<Role>]| roles.iter().all(|role| matches!(role, Some(Role::Trash | Role::Junk)));
            if found.iter().any(|(_, roles, _, _)| !is_binned(roles)) {
                found.retain(|(_, roles, _, _)| !is_binned(roles));
            }
            let copies: Vec<Copy> = found
                .iter()
                .map(|(email, roles, content, blob)| Copy {
                    content: *content,
                    blob: *blob,
                    message_id: email.header.message_id.clone().unwrap_or_default(),
                    sent: email.header.date.map(|date| date.0),
                    subject: email.header.subject.clone(),
                    from: addresses_to_text(&email.header.from),
                    is_in_sent: roles.contains(&Some(Role::Sent)),
                })
                .collect();
            let own: HashSet<String> = account::own_addresses(db)?.into_iter().collect();
            let firsts = thread::fold(&copies.iter().collect::<Vec<_>>(), &own);
            // Of each fold the copy speaks that a reader can open, then the one that he got rather than sent.
            let mut shown: Vec<(usize, Email, bool)> = Vec::new();
            for ((email, roles, _, _), first) in found.into_iter().zip(firsts) {
                let is_sent = roles.contains(&Some(Role::Sent));
                match shown.iter_mut().find(|(of, _, _)| *of == first) {
                    None => shown.push((first, email, is_sent)),
                    Some((_, kept, kept_is_sent)) => {
                        if (email.is_stored, !is_sent) > (kept.is_stored, !*kept_is_sent) {
                            *kept = email;
                            *kept_is_sent = is_sent;
                        }
                    }
                }
            }
            let mut emails: Vec<Email> = shown.into_iter().map(|(_, email, _)| email).collect();
            emails.sort_unstable_by_key(|email| email.id);
            Ok(emails)
        })
    }
}

/// Reads one email.
pub(super) fn find(db: &Connection, id: EmailId) -> Result<Option<Email>, Fault> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM emails e WHERE e.id = ?1"))?;
    let mut rows = query.query([id.0])?;
    match rows.next()? {
        Some(row) => read_email(db, row).map(Some),
        None => Ok(None),
    }
}

/// Makes an `Email` of [`COLUMNS`] and its memberships.
pub(super) fn read_email(db: &Connection, row: &Row<'_>) -> Result<Email, Fault> {
    let text = |at| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
    let id = EmailId(row.get(0)?);
    Ok(Email {
        id,
        account: AccountId(row.get(1)?),
        thread: ThreadId(row.get(2)?),
        received: UnixTime(row.get(3)?),
        size: row.get::<_, i64>(4)?.unsigned_abs(),
        has_attachment: row.get(5)?,
        is_stored: row.get(6)?,
        header: Header {
            date: row.get::<_, Option<i64>>(7)?.map(UnixTime),
            subject: row.get(9)?,
            from: addresses_from_text(text(10)?),
            to: addresses_from_text(text(11)?),
            cc: addresses_from_text(text(12)?),
            message_id: Some(row.get::<_, String>(13)?).filter(|id| !id.is_empty()),
            bcc: addresses_from_text(text(15)?),
            sender: addresses_from_text(text(16)?).into_iter().next(),
            reply_to: addresses_from_text(text(17)?),
            in_reply_to: ids_from_text(text(18)?),
            references: ids_from_text(text(19)?),
            list_id: Some(row.get::<_, String>(20)?).filter(|id| !id.is_empty()),
        },
        keywords: Keywords::from_text(text(8)?),
        mailboxes: mailboxes_of(db, id)?,
        preview: row.get(14)?,
    })
}

/// Gives the mailboxes that an email is wanted in.
pub(super) fn mailboxes_of(db: &Connection, id: EmailId) -> Result<Vec<MailboxId>, Fault> {
    let mut query = db.prepare_cached("SELECT mailbox FROM memberships WHERE email = ?1 AND wanted = 1")?;
    let rows = query.query_map([id.0], |row| row.get(0).map(MailboxId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn roles_of(db: &Connection, mailboxes: &[MailboxId]) -> Result<Vec<Option<Role>>, Fault> {
    let mut query = db.prepare_cached("SELECT role FROM mailboxes WHERE id = ?1")?;
    mailboxes
        .iter()
        .map(|mailbox| {
            let role: Option<String> = query.query_row([mailbox.0], |row| row.get(0)).optional()?;
            Ok(role.as_deref().and_then(Role::from_word))
        })
        .collect()
}

/// A new row of `emails`.
pub(super) struct NewEmail<'a> {
    pub(super) id: EmailId,
    pub(super) account: AccountId,
    pub(super) thread: ThreadId,
    pub(super) received: UnixTime,
    pub(super) size: u64,
    pub(super) content: i64,
    pub(super) object_id: Option<&'a str>,
    pub(super) keywords: &'a Keywords,
    pub(super) header: &'a Header,
}

/// Inserts an email.
pub(super) fn insert(db: &Connection, email: &NewEmail<'_>) -> Result<(), Fault> {
    let header = email.header;
    let flags = Flags::of(email.keywords);
    db.prepare_cached(
        "INSERT INTO emails (id, account, thread, received, size, content, is_seen, is_flagged, is_answered,
             is_forwarded, sent, object_id, keywords, subject, from_, to_, cc, message_id, bcc, sender, reply_to,
             in_reply_to, reference_ids, list_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
             ?23, ?24)",
    )?
    .execute(params![
        email.id.0,
        email.account.0,
        email.thread.0,
        email.received.0,
        i64::try_from(email.size).unwrap_or(i64::MAX),
        email.content,
        flags.is_seen,
        flags.is_flagged,
        flags.is_answered,
        flags.is_forwarded,
        header.date.map(|date| date.0),
        email.object_id,
        email.keywords.to_text(),
        header.subject,
        addresses_to_text(&header.from),
        addresses_to_text(&header.to),
        addresses_to_text(&header.cc),
        header.message_id.as_deref().unwrap_or_default(),
        addresses_to_text(&header.bcc),
        header.sender.as_ref().map(|sender| addresses_to_text(std::slice::from_ref(sender))).unwrap_or_default(),
        addresses_to_text(&header.reply_to),
        ids_to_text(&header.in_reply_to),
        ids_to_text(&header.references),
        header.list_id.as_deref().unwrap_or_default(),
    ])?;
    Ok(())
}

/// The keywords that have columns of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) is_seen: bool,
    pub(super) is_flagged: bool,
    pub(super) is_answered: bool,
    pub(super) is_forwarded: bool,
}

impl Flags {
    /// Picks them out of a set.
    pub(super) fn of(keywords: &Keywords) -> Self {
        use crate::mail::keyword::{ANSWERED, FORWARDED};
        Self {
            is_seen: keywords.is_seen(),
            is_flagged: keywords.is_flagged(),
            is_answered: keywords.contains(ANSWERED),
            is_forwarded: keywords.contains(FORWARDED),
        }
    }
}

/// Writes the keywords that are wanted on an email.
pub(super) fn write_keywords(db: &Connection, id: EmailId, keywords: &Keywords) -> Result<(), Fault> {
    let flags = Flags::of(keywords);
    db.prepare_cached(
        "UPDATE emails SET keywords = ?2, is_seen = ?3, is_flagged = ?4, is_answered = ?5, is_forwarded = ?6
         WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        keywords.to_text(),
        flags.is_seen,
        flags.is_flagged,
        flags.is_answered,
        flags.is_forwarded
    ])?;
    Ok(())
}

/// Writes addresses as the store keeps them.
pub(super) fn addresses_to_text(addresses: &[Address]) -> String {
    if addresses.is_empty() {
        return String::new();
    }
    let pairs: Vec<(Option<&str>, &str)> =
        addresses.iter().map(|address| (address.name.as_deref(), address.addr.as_str())).collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}

/// Reads what [`addresses_to_text`] wrote.
pub(super) fn addresses_from_text(text: &str) -> Vec<Address> {
    if text.is_empty() {
        return Vec::new();
    }
    let pairs: Vec<(Option<String>, String)> = serde_json::from_str(text).unwrap_or_default();
    pairs.into_iter().map(|(name, addr)| Address { name, addr }).collect()
}

fn ids_to_text(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { serde_json::to_string(ids).unwrap_or_default() }
}

fn ids_from_text(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { serde_json::from_str(text).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_as_they_were_written() {
        let some = [Address::new(Some("Ana \"A\" Müller"), "ana@x.test"), Address::new(None, "b@y.test")];
        assert_eq!(addresses_from_text(&addresses_to_text(&some)), some);
        assert_eq!(addresses_to_text(&[]), "");
        assert!(addresses_from_text("").is_empty());
    }
}
