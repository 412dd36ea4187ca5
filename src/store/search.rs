//! Owns searching: a query tree becomes one full-text expression where it can and SQL conditions where it must, walked
//! newest first and no further than the window needs.
//!
//! It does not parse what a user types: `mail::query` does.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::error::Fault;
use super::rows::{self, Bare, Toward, Walk};
use super::text::{phrase_term, prefix_term};
use super::{incoming, mailbox};
use crate::mail::email::RowKey;
use crate::mail::id::{EmailId, MailboxId, ThreadId};
use crate::mail::keyword::{ANSWERED, FLAGGED, FORWARDED, SEEN};
use crate::mail::mailbox::{Mailbox, Role};
use crate::mail::query::{Field, Query};
use crate::mail::time::UnixTime;
use crate::mail::view::Scope;

/// A set of more emails than this is asked email by email instead of being gathered first.
const LARGEST_SET: u64 = 50_000;

/// What a search walks along.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Driver {
    /// The full text.
    Text(String),
    /// The emails of one mailbox.
    Mailbox(MailboxId),
    /// All emails, by an index that holds only some of them or by the table itself.
    Emails(&'static str),
    /// The few emails of some sizes, by their index.
    Sized(String),
}

/// A search, ready to run. In its conditions `$id` stands for the email's id, wherever the driver has it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    driver: Driver,
    conditions: Vec<String>,
    values: Vec<Value>,
    /// The lowest id that can be found, and the first one above all that can.
    range: (i64, i64),
    home: Option<MailboxId>,
}

impl Plan {
    /// Plans a query.
    pub(super) fn of(db: &Connection, query: &Query, scope: Scope) -> Result<Self, Fault> {
        let mut planner = Planner { db, mailboxes: mailbox::list(db, None)?, values: Vec::new() };
        let mut parts = Vec::new();
        flatten(query, &mut parts);
        let mut range = (i64::MIN, i64::MAX);
        let (mut wanted, mut unwanted, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            match part {
                Query::Before(time) => range.1 = range.1.min(first_id(*time)),
                Query::After(time) => range.0 = range.0.max(first_id(*time)),
                Query::Not(inner) if is_text(inner) => unwanted.extend(full_text(inner).map(|text| (inner, text))),
                part if is_text(part) => wanted.extend(full_text(part)),
                part => rest.push(part),
            }
        }
        let mut conditions = Vec::new();
        for part in &rest {
            conditions.push(planner.condition(part)?);
        }
        let driver = if wanted.is_empty() {
            for (inner, _) in &unwanted {
                conditions.push(format!("NOT {}", planner.condition(inner)?));
            }
            planner.driver(&rest, scope)?
        } else {
            let mut text = wanted.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" AND ");
            for (_, unwanted) in &unwanted {
                text = format!("({text}) NOT ({unwanted})");
            }
            Driver::Text(text)
        };
        conditions.push(planner.scope(scope, names_mailbox(query)));
        let home = if let Scope::Mailbox(mailbox) = scope { Some(mailbox) } else { None };
        Ok(Self { driver, conditions, values: planner.values, range, home })
    }

    /// Plans the list of everything starred.
    pub(super) fn starred(db: &Connection) -> Result<Self, Fault> {
        Self::of(db, &Query::Keyword(FLAGGED.to_owned()), Scope::Everywhere)
    }

    /// Walks what is found from a place on (`true`: that place too) until `visit` says that it is enough.
    pub(super) fn walk(
        &self,
        db: &Connection,
        toward: Toward,
        from: Option<(EmailId, bool)>,
        mut visit: impl FnMut(EmailId, ThreadId) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let (mut first, mut end) = self.range;
        if let Some((EmailId(at), is_inclusive)) = from {
            match toward {
                Toward::Older => end = end.min(if is_inclusive { at.saturating_add(1) } else { at }),
                Toward::Newer => first = first.max(if is_inclusive { at } else { at.saturating_add(1) }),
            }
        }
        let mut query = db.prepare_cached(&self.sql(toward))?;
        let bounds = [Value::Integer(first), Value::Integer(end)];
        let text = if let Driver::Text(text) = &self.driver { Some(Value::Text(text.clone())) } else { None };
        let mut found =
            query.query(params_from_iter(bounds.into_iter().chain(self.values.iter().cloned()).chain(text)))?;
        while let Some(row) = found.next()? {
            if !visit(EmailId(row.get(0)?), ThreadId(row.get(1)?))? {
                break;
            }
        }
        Ok(())
    }

    /// Gives conversation rows: each stands at its newest email found.
    pub(super) fn rows(&self, db: &Connection, walk: Walk) -> Result<Vec<Bare>, Fault> {
        let mut keys = Vec::new();
        if walk.limit == 0 {
            return Ok(Vec::new());
        }
        let mut seen = HashSet::new();
        self.walk(db, walk.toward, walk.from.map(|key| (key.newest, walk.is_inclusive)), |email, thread| {
            // Walking down from the top the first one met is the newest; elsewhere it has to be looked at.
            let is_newest = if walk.toward == Toward::Older {
                seen.insert(thread) && (walk.from.is_none() || !self.finds_newer(db, thread, email)?)
            } else {
                !self.finds_newer(db, thread, email)?
            };
            if is_newest {
                keys.push(RowKey { newest: email, thread });
            }
            Ok(keys.len() < walk.limit)
        })?;
        keys.into_iter()
            .map(|key| {
                let home = match self.home {
                    Some(home) => Some(home),
                    None => rows::home_of(db, key.newest)?,
                };
                let (emails, unread) = db
                    .prepare_cached(
                        "SELECT COUNT(*), IFNULL(SUM(e.is_seen = 0), 0) FROM emails e WHERE e.thread = ?1
                             AND EXISTS (SELECT 1 FROM memberships m WHERE m.email = e.id AND m.wanted = 1)",
                    )?
                    .query_row([key.thread.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(Bare { key, mailbox: home.unwrap_or(MailboxId(0)), emails, unread })
            })
            .collect()
    }

    /// Gives the emails of a conversation that are found, oldest first.
    pub(super) fn found_in_thread(&self, db: &Connection, thread: ThreadId) -> Result<Vec<EmailId>, Fault> {
        let mut found = Vec::new();
        for email in emails_of(db, thread, i64::MIN)? {
            if self.finds(db, email)? {
                found.push(email);
            }
        }
        found.reverse();
        Ok(found)
    }

    fn finds_newer(&self, db: &Connection, thread: ThreadId, than: EmailId) -> Result<bool, Fault> {
        for email in emails_of(db, thread, than.0)? {
            if self.finds(db, email)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn finds(&self, db: &Connection, email: EmailId) -> Result<bool, Fault> {
        let mut is_found = false;
        self.walk(db, Toward::Older, Some((email, true)), |first, _| {
            is_found = first == email;
            Ok(false)
        })?;
        Ok(is_found)
    }

    fn sql(&self, toward: Toward) -> String {
        let order = if toward == Toward::Older { "DESC" } else { "ASC" };
        let (from, id) = match &self.driver {
            // The order of the join is fixed: the full text walks by itself in the wanted order.
            Driver::Text(_) => {
                let at = self.values.len() + 3;
                (format!("texts CROSS JOIN emails e ON e.id = texts.rowid WHERE texts MATCH ?{at}"), "texts.rowid")
            }
            Driver::Mailbox(mailbox) => (
                format!(
                    "memberships d INDEXED BY memberships_list CROSS JOIN emails e ON e.id = d.email
                     WHERE d.mailbox = {} AND d.wanted = 1",
                    mailbox.0
                ),
                "d.email",
            ),
            Driver::Emails(only) => (format!("emails e WHERE {only}"), "e.id"),
            // The plus keeps SQLite from walking the whole table for the sake of the order.
            Driver::Sized(only) => (format!("emails e WHERE e.{only}"), "+e.id"),
        };
        let mut sql = format!("SELECT {id}, e.thread FROM {from} AND {id} >= ?1 AND {id} < ?2");
        for condition in &self.conditions {
            // The plus keeps SQLite from looking each email of a set up in the full text.
            sql.push_str(" AND ");
            sql.push_str(&condition.replace("$id", &format!("+{id}")));
        }
        sql.push_str(&format!(" ORDER BY {id} {order}"));
        sql
    }
}

/// What planning needs.
struct Planner<'d> {
    db: &'d Connection,
    mailboxes: Vec<Mailbox>,
    values: Vec<Value>,
}

impl Planner<'_> {
    /// Takes a value in and gives its place in the statement; the first two are the bounds of the walk.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len() + 2)
    }

    fn condition(&mut self, query: &Query) -> Result<String, Fault> {
        Ok(match query {
            Query::And(parts) => self.join(parts, " AND ", "1")?,
            Query::Or(parts) => self.join(parts, " OR ", "0")?,
            Query::Not(inner) => match inner.as_ref() {
                Query::Keyword(keyword) => self.keyword(keyword, false),
                inner => format!("NOT {}", self.condition(inner)?),
            },
            Query::Text { .. } => match full_text(query) {
                Some(text) => {
                    let at = self.bind(text);
                    format!("($id IN (SELECT rowid FROM texts WHERE texts MATCH {at}))")
                }
                None => "1".to_owned(),
            },
            Query::Keyword(keyword) => self.keyword(keyword, true),
            Query::HasAttachment => "($id IN (SELECT id FROM emails WHERE has_attachment = 1))".to_owned(),
            Query::In(name) => {
                let mailboxes = self.named(name);
                self.in_mailboxes(mailboxes)
            }
            Query::Account(name) => {
                let sql = "SELECT id FROM accounts WHERE name = ?1 COLLATE NOCASE";
                let account: Option<i64> =
                    self.db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?;
                with_email(&format!("x.account = {}", account.unwrap_or(0)))
            }
            Query::Before(time) => format!("($id < {})", first_id(*time)),
            Query::After(time) => format!("($id >= {})", first_id(*time)),
            Query::Larger(_) | Query::Smaller(_) => match self.few_of_size(query)? {
                Some(few) => format!("($id IN (SELECT id FROM emails WHERE {few}))"),
                None => with_email(&format!("x.{}", of_size(query))),
            },
        })
    }

    fn join(&mut self, parts: &[Query], with: &str, of_none: &str) -> Result<String, Fault> {
        if parts.is_empty() {
            return Ok(of_none.to_owned());
        }
        let parts = parts.iter().map(|part| self.condition(part)).collect::<Result<Vec<_>, _>>()?;
        Ok(format!("({})", parts.join(with)))
    }

    /// Gives the condition of a size where it holds for few emails.
    fn few_of_size(&self, query: &Query) -> Result<Option<String>, Fault> {
        let condition = of_size(query);
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM emails WHERE {condition} LIMIT {LARGEST_SET})");
        let count: i64 = self.db.query_row(&sql, [], |row| row.get(0))?;
        Ok((count.unsigned_abs() < LARGEST_SET).then_some(condition))
    }

    fn keyword(&mut self, keyword: &str, is_set: bool) -> String {
        let not = if is_set { "" } else { "NOT " };
        match keyword {
            SEEN => {
                let unread: u64 = self.mailboxes.iter().map(|mailbox| mailbox.unread).sum();
                let unseen = if unread > LARGEST_SET {
                    with_email("x.is_seen = 0")
                } else {
                    "($id IN (SELECT id FROM emails WHERE is_seen = 0))".to_owned()
                };
                if is_set { format!("NOT {unseen}") } else { unseen }
            }
            FLAGGED => format!("{not}($id IN (SELECT id FROM emails WHERE is_flagged = 1))"),
            ANSWERED => format!("{not}{}", with_email("x.is_answered = 1")),
            FORWARDED => format!("{not}{}", with_email("x.is_forwarded = 1")),
            other => {
                let at = self.bind(format!(" {} ", other.to_lowercase()));
                format!("{not}{}", with_email(&format!("instr(' ' || x.keywords || ' ', {at}) > 0")))
            }
        }
    }

    /// Gives the mailboxes that `in:` means; `None` for all.
    fn named(&self, name: &str) -> Option<Vec<&Mailbox>> {
        (name.to_lowercase() != "all")
            .then(|| self.mailboxes.iter().filter(|mailbox| mailbox.begins_with(name)).collect())
    }

    fn in_mailboxes(&self, mailboxes: Option<Vec<&Mailbox>>) -> String {
        let Some(mailboxes) = mailboxes else {
            return "EXISTS (SELECT 1 FROM memberships m WHERE m.email = $id AND m.wanted = 1)".to_owned();
        };
        let ids = mailboxes.iter().map(|mailbox| mailbox.id.0.to_string()).collect::<Vec<_>>().join(", ");
        if mailboxes.iter().map(|mailbox| mailbox.total).sum::<u64>() > LARGEST_SET {
            format!(
                "EXISTS (SELECT 1 FROM memberships m WHERE m.email = $id AND m.wanted = 1 AND m.mailbox IN ({ids}))"
            )
        } else {
            format!("($id IN (SELECT email FROM memberships WHERE mailbox IN ({ids}) AND wanted = 1))")
        }
    }

    /// Says where is searched: nothing that lies nowhere is found, and the bins only if they are named.
    fn scope(&self, scope: Scope, names_mailbox: bool) -> String {
        let is_bin = |mailbox: &&Mailbox| matches!(mailbox.role, Some(Role::Trash | Role::Junk));
        let bins = self.mailboxes.iter().filter(is_bin).map(|mailbox| mailbox.id.0.to_string()).collect::<Vec<_>>();
        let outside = if names_mailbox { String::new() } else { format!("AND m.mailbox NOT IN ({})", bins.join(", ")) };
        match scope {
            Scope::Everywhere => {
                format!("EXISTS (SELECT 1 FROM memberships m WHERE m.email = $id AND m.wanted = 1 {outside})")
            }
            Scope::Account(account) => format!(
                "e.account = {} AND EXISTS (SELECT 1 FROM memberships m WHERE m.email = $id AND m.wanted = 1 {outside})",
                account.0
            ),
            Scope::Mailbox(mailbox) => format!(
                "EXISTS (SELECT 1 FROM memberships m WHERE m.email = $id AND m.wanted = 1 AND m.mailbox = {})",
                mailbox.0
            ),
        }
    }

    /// Chooses what a search without words walks along: the least there is.
    fn driver(&self, parts: &[&Query], scope: Scope) -> Result<Driver, Fault> {
        for part in parts {
            if matches!(part, Query::Larger(_) | Query::Smaller(_))
                && let Some(few) = self.few_of_size(part)?
            {
                return Ok(Driver::Sized(few));
            }
        }
        if let Scope::Mailbox(mailbox) = scope {
            return Ok(Driver::Mailbox(mailbox));
        }
        for part in parts {
            if let Query::In(name) = part
                && let Some([one]) = self.named(name).as_deref()
            {
                return Ok(Driver::Mailbox(one.id));
            }
        }
        let unread = |part: &&&Query| matches!(part, Query::Not(inner) if **inner == Query::Keyword(SEEN.to_owned()));
        Ok(if parts.iter().any(|part| **part == Query::Keyword(FLAGGED.to_owned())) {
            Driver::Emails("e.is_flagged = 1")
        } else if parts.iter().any(|part| unread(&part)) {
            Driver::Emails("e.is_seen = 0")
        } else if parts.contains(&&Query::HasAttachment) {
            Driver::Emails("e.has_attachment = 1")
        } else {
            Driver::Emails("1")
        })
    }
}

/// Says which role makes a mailbox the home of an email that is in several: the lower, the more.
pub(super) fn rank_of_home(role: Option<Role>) -> u8 {
    match role {
        Some(Role::Inbox) => 0,
        None => 1,
        Some(Role::Archive) => 2,
        Some(Role::Sent) => 3,
        Some(Role::Drafts) => 4,
        Some(Role::Flagged | Role::Important) => 5,
        Some(Role::All) => 6,
        Some(Role::Junk) => 7,
        Some(Role::Trash) => 8,
    }
}

fn with_email(condition: &str) -> String {
    format!("EXISTS (SELECT 1 FROM emails x WHERE x.id = $id AND {condition})")
}

/// Gives what a size must be; everything but `larger:` and `smaller:` says nothing of it.
fn of_size(query: &Query) -> String {
    let bytes = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    match query {
        Query::Larger(size) => format!("size > {}", bytes(*size)),
        Query::Smaller(size) => format!("size < {}", bytes(*size)),
        _ => "1".to_owned(),
    }
}

fn first_id(time: UnixTime) -> i64 {
    time.0.clamp(0, incoming::LAST_SECOND) << EmailId::COUNTER_BITS
}

fn flatten<'q>(query: &'q Query, parts: &mut Vec<&'q Query>) {
    match query {
        Query::And(inner) => inner.iter().for_each(|part| flatten(part, parts)),
        part => parts.push(part),
    }
}

/// Says whether a tree asks for nothing but words to be there, so that the full text can answer it alone.
fn is_text(query: &Query) -> bool {
    match query {
        Query::Text { .. } => true,
        Query::And(parts) | Query::Or(parts) => !parts.is_empty() && parts.iter().all(is_text),
        _ => false,
    }
}

fn names_mailbox(query: &Query) -> bool {
    match query {
        Query::And(parts) | Query::Or(parts) => parts.iter().any(names_mailbox),
        Query::Not(inner) => names_mailbox(inner),
        Query::In(_) => true,
        _ => false,
    }
}

/// Makes the full-text expression of a tree of words; `None` when there is nothing in it that could be found.
fn full_text(query: &Query) -> Option<String> {
    let join = |parts: &[Query], with: &str| {
        let parts: Vec<String> = parts.iter().filter_map(full_text).map(|part| format!("({part})")).collect();
        Some(parts.join(with)).filter(|joined| !joined.is_empty())
    };
    match query {
        Query::And(parts) => join(parts, " AND "),
        Query::Or(parts) => join(parts, " OR "),
        Query::Text { field, words, is_phrase } => {
            let terms: Vec<String> = if *is_phrase {
                phrase_term(words).into_iter().collect()
            } else {
                words.split_whitespace().filter_map(prefix_term).collect()
            };
            let terms = Some(terms.join(" AND ")).filter(|terms| !terms.is_empty())?;
            Some(match field {
                Field::Any => terms,
                Field::From => format!("from_ : ({terms})"),
                Field::To => format!("to_ : ({terms})"),
                Field::Subject => format!("subject : ({terms})"),
                Field::Body => format!("body : ({terms})"),
            })
        }
        _ => None,
    }
}

fn emails_of(db: &Connection, thread: ThreadId, above: i64) -> Result<Vec<EmailId>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM emails WHERE thread = ?1 AND id > ?2 ORDER BY id DESC")?;
    let rows = query.query_map([thread.0, above], |row| row.get(0).map(EmailId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
