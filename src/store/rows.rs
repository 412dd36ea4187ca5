//! Owns what lists show: windows of conversation rows by key, single emails for the command line, and what an action
//! on a row means.

use std::cmp::Reverse;

use rusqlite::{Connection, OptionalExtension, params};

use super::error::{Error, Fault};
use super::search::{self, Plan};
use super::{Store, email};
use crate::mail::email::{Email, Row, RowKey};
use crate::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::mail::mailbox::Role;
use crate::mail::mutation::Target;
use crate::mail::view::{Anchor, Rows, View};

/// Which way a list is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    /// Older rows: down.
    Older,
    /// Newer rows: up.
    Newer,
}

/// One walk along a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// The direction.
    pub(super) toward: Toward,
    /// Where it starts; at the end of the list without one.
    pub(super) from: Option<RowKey>,
    /// Whether the starting place itself is part of it.
    pub(super) is_inclusive: bool,
    /// How many rows at most.
    pub(super) limit: usize,
}

/// A row before its words are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bare {
    pub(super) key: RowKey,
    pub(super) mailbox: MailboxId,
    pub(super) emails: u32,
    pub(super) unread: u32,
}

impl Store {
    /// Gives a window of a view's rows.
    pub fn rows(&self, view: &View, anchor: Anchor, limit: usize) -> Result<Rows, Error> {
        self.read(|db| {
            let list = List::of(db, view)?;
            let (bare, has_before, has_after) = window(db, &list, anchor, limit)?;
            let rows = bare.into_iter().map(|bare| fill(db, &list, bare)).collect::<Result<_, _>>()?;
            Ok(Rows { rows, has_before, has_after, total: list.total(db)? })
        })
    }

    /// Gives a view's emails one by one, newest first, from `before` on; hides nothing and folds nothing.
    pub fn emails(&self, view: &View, before: Option<EmailId>, limit: usize) -> Result<Vec<Email>, Error> {
        self.read(|db| {
            let ids = match List::of(db, view)? {
                List::Mailboxes { ids, .. } => ids_in(db, &ids, before, limit)?,
                List::Found(plan) => {
                    let mut ids = Vec::new();
                    plan.walk(db, Toward::Older, before.map(|id| (id, false)), |id, _| {
                        if ids.len() < limit {
                            ids.push(id);
                        }
                        Ok(ids.len() < limit)
                    })?;
                    ids
                }
            };
            let mut emails = Vec::with_capacity(ids.len());
            for id in ids {
                emails.extend(email::find(db, id)?);
            }
            Ok(emails)
        })
    }

    /// Says which emails an action on conversation rows means: those in the mailbox shown; in a search, in the starred
    /// and in all inboxes those of an inbox, else the emails found.
    pub fn targets(&self, view: &View, keys: &[RowKey]) -> Result<Vec<Target>, Error> {
        self.read(|db| {
            let list = List::of(db, view)?;
            let mut targets = Vec::new();
            for key in keys {
                let thread = super::thread::resolve(db, key.thread)?;
                let (mailboxes, found) = match &list {
                    List::Mailboxes { ids, .. } => (ids.clone(), None),
                    List::Found(plan) => (inboxes(db)?, Some(plan)),
                };
                let before = targets.len();
                for mailbox in mailboxes {
                    let mut query = db.prepare_cached(
                        "SELECT e.id FROM emails e JOIN memberships m ON m.email = e.id
                         WHERE e.thread = ?1 AND m.mailbox = ?2 AND m.wanted = 1 ORDER BY e.id",
                    )?;
                    let rows = query.query_map([thread.0, mailbox.0], |row| row.get(0).map(EmailId))?;
                    for email in rows {
                        targets.push(Target { email: email?, from: Some(mailbox) });
                    }
                }
                if let (Some(plan), true) = (found, targets.len() == before) {
                    for email in plan.found_in_thread(db, thread)? {
                        targets.push(Target { email, from: home_of(db, email)? });
                    }
                }
            }
            Ok(targets)
        })
    }
}

/// A view, ready to be walked.
enum List {
    /// The materialised lists of some mailboxes.
    Mailboxes {
        /// The mailboxes.
        ids: Vec<MailboxId>,
        /// The role of a single one.
        role: Option<Role>,
    },
    /// What a query finds.
    Found(Plan),
}

impl List {
    fn of(db: &Connection, view: &View) -> Result<Self, Fault> {
        Ok(match view {
            View::Mailbox(id) => {
                let role: Option<String> = db
                    .prepare_cached("SELECT role FROM mailboxes WHERE id = ?1")?
                    .query_row([id.0], |row| row.get(0))
                    .optional()?;
                List::Mailboxes { ids: vec![*id], role: role.as_deref().and_then(Role::from_word) }
            }
            View::AllInboxes => List::Mailboxes { ids: inboxes(db)?, role: Some(Role::Inbox) },
            View::Starred => List::Found(Plan::starred(db)?),
            View::Search(query, scope) => List::Found(Plan::of(db, query, *scope)?),
        })
    }

    fn walk(&self, db: &Connection, walk: Walk) -> Result<Vec<Bare>, Fault> {
        match self {
            List::Mailboxes { ids, .. } => walk_mailboxes(db, ids, walk),
            List::Found(plan) => plan.rows(db, walk),
        }
    }

    /// Counts the rows where that is free.
    fn total(&self, db: &Connection) -> Result<Option<u64>, Fault> {
        match self {
            List::Mailboxes { ids, .. } => match ids.as_slice() {
                [] => Ok(Some(0)),
                [one] => {
                    let count: Option<i64> = db
                        .prepare_cached("SELECT conversations FROM mailboxes WHERE id = ?1")?
                        .query_row([one.0], |row| row.get(0))
                        .optional()?;
                    Ok(Some(count.unwrap_or(0).unsigned_abs()))
                }
                _ => Ok(None),
            },
            List::Found(_) => Ok(None),
        }
    }
}

/// Gives the rows of a window, newest first, and whether there are more on either side.
fn window(db: &Connection, list: &List, anchor: Anchor, limit: usize) -> Result<(Vec<Bare>, bool, bool), Fault> {
    // One row more than wanted tells whether there are more.
    let older = |from, is_inclusive, limit| -> Result<(Vec<Bare>, bool), Fault> {
        let mut rows = list.walk(db, Walk { toward: Toward::Older, from, is_inclusive, limit: limit + 1 })?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, has_more))
    };
    let newer = |from, is_inclusive, limit| -> Result<(Vec<Bare>, bool), Fault> {
        let mut rows = list.walk(db, Walk { toward: Toward::Newer, from, is_inclusive, limit: limit + 1 })?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        rows.reverse();
        Ok((rows, has_more))
    };
    match anchor {
        Anchor::Top => older(None, false, limit).map(|(rows, has_after)| (rows, false, has_after)),
        Anchor::Bottom => newer(None, false, limit).map(|(rows, has_before)| (rows, has_before, false)),
        Anchor::After(key) => {
            let (rows, has_after) = older(Some(key), false, limit)?;
            Ok((rows, newer(Some(key), true, 0)?.1, has_after))
        }
        Anchor::Before(key) => {
            let (rows, has_before) = newer(Some(key), false, limit)?;
            Ok((rows, has_before, older(Some(key), true, 0)?.1))
        }
        Anchor::Around(key) => {
            // Near an end of the list the other side fills the window.
            let (mut above, mut has_before) = newer(Some(key), false, limit / 2)?;
            let (below, has_after) = older(Some(key), true, limit.saturating_sub(above.len()))?;
            if !has_after && has_before {
                (above, has_before) = newer(Some(key), false, limit.saturating_sub(below.len()))?;
            }
            above.extend(below);
            Ok((above, has_before, has_after))
        }
    }
}

/// Walks the lists of mailboxes by key and merges them; a conversation stands once, where its newest email is.
fn walk_mailboxes(db: &Connection, mailboxes: &[MailboxId], walk: Walk) -> Result<Vec<Bare>, Fault> {
    let (compare, order) = match (walk.toward, walk.is_inclusive) {
        (Toward::Older, false) => ("<", "DESC"),
        (Toward::Older, true) => ("<=", "DESC"),
        (Toward::Newer, false) => (">", "ASC"),
        (Toward::Newer, true) => (">=", "ASC"),
    };
    let place =
        if walk.from.is_some() { format!("AND (t.newest, t.thread) {compare} (?3, ?4)") } else { String::new() };
    let others: Vec<String> = mailboxes.iter().map(|mailbox| mailbox.0.to_string()).collect();
    let once = if mailboxes.len() > 1 {
        // A conversation of two inboxes: the list with its newest email shows it.
        format!(
            "AND NOT EXISTS (SELECT 1 FROM mailbox_threads o WHERE o.thread = t.thread AND o.mailbox IN ({})
                 AND (o.newest, o.mailbox) > (t.newest, t.mailbox))",
            others.join(", ")
        )
    } else {
        String::new()
    };
    let sql = format!(
        "SELECT t.newest, t.thread, t.emails, t.unread FROM mailbox_threads t
         WHERE t.mailbox = ?1 {place} {once} ORDER BY t.newest {order}, t.thread {order} LIMIT ?2"
    );
    let mut query = db.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for &mailbox in mailboxes {
        let limit = i64::try_from(walk.limit).unwrap_or(i64::MAX);
        let mut rows = match walk.from {
            Some(key) => query.query([mailbox.0, limit, key.newest.0, key.thread.0])?,
            None => query.query([mailbox.0, limit])?,
        };
        while let Some(row) = rows.next()? {
            found.push(Bare {
                key: RowKey { newest: EmailId(row.get(0)?), thread: ThreadId(row.get(1)?) },
                mailbox,
                emails: row.get(2)?,
                unread: row.get(3)?,
            });
        }
    }
    if let [_, _, ..] = mailboxes {
        match walk.toward {
            Toward::Older => found.sort_unstable_by_key(|row| Reverse(row.key)),
            Toward::Newer => found.sort_unstable_by_key(|row| row.key),
        }
        found.truncate(walk.limit);
        for row in &mut found {
            let sum = format!(
                "SELECT SUM(emails), SUM(unread) FROM mailbox_threads WHERE thread = ?1 AND mailbox IN ({})",
                others.join(", ")
            );
            (row.emails, row.unread) =
                db.prepare_cached(&sum)?.query_row([row.key.thread.0], |sums| Ok((sums.get(0)?, sums.get(1)?)))?;
        }
    }
    Ok(found)
}

/// Reads a row's words.
fn fill(db: &Connection, list: &List, bare: Bare) -> Result<Row, Fault> {
    let role = match list {
        List::Mailboxes { role, .. } => *role,
        List::Found(_) => None,
    };
    let mut query = db.prepare_cached(
        "SELECT e.account, e.is_answered, e.is_forwarded, e.subject, e.from_, e.to_, e.is_flagged, e.has_attachment,
             t.count, t.is_flagged, t.has_attachment, t.people
         FROM emails e JOIN threads t ON t.id = e.thread WHERE e.id = ?1",
    )?;
    let row = query.query_row([bare.key.newest.0], |row| {
        let text = |at| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
        let people = match role {
            Some(Role::Sent | Role::Drafts) => text(5)?,
            _ => Some(text(11)?).filter(|people| !people.is_empty()).map_or_else(|| text(4), Ok)?,
        };
        // A conversation that lies in Trash or Junk alone is counted by what is shown of it.
        let count: u32 = row.get(8)?;
        let count =
            if matches!(role, Some(Role::Trash | Role::Junk)) || count == 0 { bare.emails.max(1) } else { count };
        Ok(Row {
            key: bare.key,
            account: AccountId(row.get(0)?),
            email: bare.key.newest,
            mailbox: bare.mailbox,
            people: email::addresses_from_text(people),
            subject: row.get(3)?,
            count,
            unread: bare.unread,
            is_flagged: row.get::<_, bool>(6)? || row.get::<_, bool>(9)?,
            is_answered: row.get(1)?,
            is_forwarded: row.get(2)?,
            has_attachment: row.get::<_, bool>(7)? || row.get::<_, bool>(10)?,
        })
    })?;
    Ok(row)
}

fn inboxes(db: &Connection) -> Result<Vec<MailboxId>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT id FROM mailboxes WHERE role = 'inbox' AND hidden_since IS NULL AND is_wanted = 1 ORDER BY id",
    )?;
    let rows = query.query_map([], |row| row.get(0).map(MailboxId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn ids_in(
    db: &Connection,
    mailboxes: &[MailboxId],
    before: Option<EmailId>,
    limit: usize,
) -> Result<Vec<EmailId>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT email FROM memberships WHERE mailbox = ?1 AND wanted = 1 AND email < ?2 ORDER BY email DESC LIMIT ?3",
    )?;
    let mut ids = Vec::new();
    let (before, most) = (before.map_or(i64::MAX, |id| id.0), i64::try_from(limit).unwrap_or(i64::MAX));
    for mailbox in mailboxes {
        let rows = query.query_map(params![mailbox.0, before, most], |row| row.get(0).map(EmailId))?;
        for id in rows {
            ids.push(id?);
        }
    }
    ids.sort_unstable_by_key(|&id| Reverse(id));
    ids.dedup();
    ids.truncate(limit);
    Ok(ids)
}

/// Gives the mailbox from which an email that was found is acted on: the first one by role that is none of the bins,
/// else any that it is in.
pub(super) fn home_of(db: &Connection, id: EmailId) -> Result<Option<MailboxId>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT b.id, b.role FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
         WHERE m.email = ?1 AND m.wanted = 1",
    )?;
    let rows = query.query_map([id.0], |row| {
        let role = Role::from_word(row.get_ref(1)?.as_str()?);
        Ok((search::rank_of_home(role), MailboxId(row.get(0)?)))
    })?;
    let mut homes = rows.collect::<Result<Vec<_>, _>>()?;
    homes.sort_unstable();
    Ok(homes.first().map(|(_, mailbox)| *mailbox))
}
