//! Owns conversations: linking by message ids, merging, and the materialised lists and counts that follow from them.
//!
//! A deletion never splits a conversation.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::Fault;
use super::transaction::{Counts, Transaction};
use super::{account, email};
use crate::mail::address::Address;
use crate::mail::email::Header;
use crate::mail::id::{EmailId, MailboxId, ThreadId};
use crate::mail::mailbox::Role;

/// References beyond this many are not followed: the oldest and the newest ones say all.
const MOST_REFERENCES: usize = 100;

/// People beyond this many are not kept on a conversation's row: no screen shows more.
const MOST_PEOPLE: usize = 20;

/// Why a conversation's rows are made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touched {
    /// It was made in this transaction and holds one email in one mailbox: nothing has to be read.
    Fresh {
        /// The email.
        email: EmailId,
        /// The mailbox.
        mailbox: MailboxId,
        /// Whether it is unread.
        is_unread: bool,
        /// Whether it is starred.
        is_flagged: bool,
    },
    /// Anything else.
    Changed,
}

/// What linking an email came to.
pub(super) struct Linked {
    /// The conversation.
    pub(super) thread: ThreadId,
    /// Whether it was made for this email.
    pub(super) is_new: bool,
}

/// 64 bits of SHA-256: enough that mail does not collide, and a stranger gains nothing but a conversation in common.
fn hash(parts: &[&[u8]]) -> i64 {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    let digest = sha.finalize();
    let mut first = [0; 8];
    first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    i64::from_le_bytes(first)
}

fn hash_of_id(id: &str) -> i64 {
    hash(&[b"id", id.as_bytes()])
}

/// Sums up what copies of one message have in common whatever mailbox they lie in.
pub(super) fn content_hash(header: &Header, size: u64) -> i64 {
    let from = email::addresses_to_text(&header.from);
    let date = header.date.map_or(i64::MIN, |date| date.0);
    hash(&[
        b"content",
        header.message_id.as_deref().unwrap_or_default().as_bytes(),
        from.as_bytes(),
        &date.to_le_bytes(),
        header.subject.as_bytes(),
        &size.to_le_bytes(),
    ])
}

impl Transaction<'_> {
    /// Finds or makes the conversation of an email that is about to be inserted, and counts the email in it.
    pub(super) fn link(&mut self, header: &Header, content: i64) -> Result<Linked, Fault> {
        // Copies without any id still belong together: their content stands for it.
        let own = header.message_id.as_deref().map_or(content, hash_of_id);
        let skipped = header.references.len().saturating_sub(MOST_REFERENCES);
        let references =
            header.references.iter().enumerate().filter(|(at, _)| *at == 0 || *at >= skipped).map(|(_, id)| id);
        let mut hashes = vec![own];
        hashes.extend(references.chain(header.in_reply_to.iter().take(MOST_REFERENCES)).map(|id| hash_of_id(id)));
        hashes.sort_unstable();
        hashes.dedup();

        let (mut found, mut missing) = (Vec::new(), Vec::new());
        {
            let mut query = self.sql.prepare_cached("SELECT thread FROM message_ids WHERE hash = ?1")?;
            for &hash in &hashes {
                match query.query_row([hash], |row| row.get(0)).optional()? {
                    Some(thread) => found.push(ThreadId(thread)),
                    None => missing.push(hash),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        for thread in &mut found {
            *thread = self.resolve(*thread)?;
        }
        found.sort_unstable();
        found.dedup();
        let (thread, is_new) = match found.as_slice() {
            [] => (self.make_thread()?, true),
            [one] => (*one, false),
            many => (self.merge(many)?, false),
        };
        {
            let mut insert = self.sql.prepare_cached("INSERT INTO message_ids (hash, thread) VALUES (?1, ?2)")?;
            for hash in missing {
                insert.execute([hash, thread.0])?;
            }
        }
        if !is_new {
            self.sql.prepare_cached("UPDATE threads SET emails = emails + 1 WHERE id = ?1")?.execute([thread.0])?;
        }
        Ok(Linked { thread, is_new })
    }

    fn make_thread(&mut self) -> Result<ThreadId, Fault> {
        let last = match self.last_thread {
            Some(last) => last,
            None => self.sql.query_row("SELECT IFNULL(MAX(id), 0) FROM threads", [], |row| row.get(0))?,
        };
        let id = last + 1;
        self.sql.prepare_cached("INSERT INTO threads (id, emails) VALUES (?1, 1)")?.execute([id])?;
        self.last_thread = Some(id);
        Ok(ThreadId(id))
    }

    /// Follows merges to the conversation that an id stands for now.
    pub(super) fn resolve(&self, thread: ThreadId) -> Result<ThreadId, Fault> {
        resolve(&self.sql, thread)
    }

    /// Makes one conversation of several. The one with the most emails takes the others in, so that however mail
    /// arrives no email is moved more often than the logarithm of their number.
    fn merge(&mut self, threads: &[ThreadId]) -> Result<ThreadId, Fault> {
        let mut sized = Vec::with_capacity(threads.len());
        for &thread in threads {
            let emails: i64 = self
                .sql
                .prepare_cached("SELECT emails FROM threads WHERE id = ?1")?
                .query_row([thread.0], |row| row.get(0))?;
            sized.push((std::cmp::Reverse(emails), thread));
        }
        sized.sort_unstable();
        let Some((&(_, target), others)) = sized.split_first() else { return self.make_thread() };
        for &(std::cmp::Reverse(emails), other) in others {
            self.sql.prepare_cached("UPDATE emails SET thread = ?2 WHERE thread = ?1")?.execute([other.0, target.0])?;
            self.sql
                .prepare_cached(
                    "UPDATE threads SET merged_into = ?2, emails = 0, count = 0, people = '' WHERE id = ?1",
                )?
                .execute([other.0, target.0])?;
            self.sql
                .prepare_cached("UPDATE threads SET emails = emails + ?2 WHERE id = ?1")?
                .execute([target.0, emails])?;
            self.touched.insert(other, Touched::Changed);
            self.change.threads.insert(other);
        }
        self.touched.insert(target, Touched::Changed);
        self.change.threads.insert(target);
        self.change.cap();
        Ok(target)
    }

    /// Makes the rows of every touched conversation again, each once.
    pub(super) fn rebuild_touched(&mut self) -> Result<(), Fault> {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return Ok(());
        }
        let own: HashSet<String> = account::own_addresses(&self.sql)?.into_iter().collect();
        let mut touched: Vec<_> = touched.into_iter().collect();
        touched.sort_unstable_by_key(|(thread, _)| *thread);
        for (thread, why) in touched {
            match why {
                Touched::Fresh { email, mailbox, is_unread, is_flagged } => {
                    self.write_fresh(thread, email, mailbox, is_unread, is_flagged)?;
                }
                Touched::Changed => self.rebuild(thread, &own)?,
            }
        }
        Ok(())
    }

    fn write_fresh(
        &mut self,
        thread: ThreadId,
        email: EmailId,
        mailbox: MailboxId,
        is_unread: bool,
        is_flagged: bool,
    ) -> Result<(), Fault> {
        let counts = !matches!(self.place(mailbox)?.role, Some(Role::Trash | Role::Junk));
        self.sql
            .prepare_cached("UPDATE threads SET count = ?2, is_flagged = ?3 WHERE id = ?1")?
            .execute(params![thread.0, counts, is_flagged])?;
        self.sql
            .prepare_cached(
                "INSERT INTO mailbox_threads (mailbox, newest, thread, emails, unread) VALUES (?1, ?2, ?3, 1, ?4)",
            )?
            .execute(params![mailbox.0, email.0, thread.0, is_unread])?;
        self.count(mailbox, Counts { total: 1, unread: is_unread.into(), conversations: 1 });
        Ok(())
    }

    fn count(&mut self, mailbox: MailboxId, by: Counts) {
        let counts = self.counts.entry(mailbox).or_default();
        counts.total += by.total;
        counts.unread += by.unread;
        counts.conversations += by.conversations;
        self.change.mailboxes.insert(mailbox);
    }

    fn rebuild(&mut self, thread: ThreadId, own: &HashSet<String>) -> Result<(), Fault> {
        let members = self.members(thread)?;
        self.rewrite_summary(thread, &members, own)?;
        self.rewrite_rows(thread, &members)
    }

    fn members(&mut self, thread: ThreadId) -> Result<Vec<Member>, Fault> {
        let places = self.places()?;
        let mut query = self.sql.prepare_cached(
            "SELECT e.id, e.is_seen, e.is_flagged, e.has_attachment, e.content, e.blob, e.from_,
                 e.message_id, e.sent, e.subject, m.mailbox
             FROM emails e LEFT JOIN memberships m ON m.email = e.id AND m.wanted = 1
             WHERE e.thread = ?1 ORDER BY e.id",
        )?;
        let mut rows = query.query([thread.0])?;
        let mut members: Vec<Member> = Vec::new();
        while let Some(row) = rows.next()? {
            let id = EmailId(row.get(0)?);
            let mailbox = row.get::<_, Option<i64>>(10)?.map(MailboxId);
            if members.last().is_none_or(|last| last.id != id) {
                members.push(Member {
                    id,
                    is_unread: !row.get::<_, bool>(1)?,
                    is_flagged: row.get(2)?,
                    has_attachment: row.get(3)?,
                    from: row.get(6)?,
                    mailboxes: Vec::new(),
                    counts: false,
                    copy: Copy {
                        content: row.get(4)?,
                        blob: row.get(5)?,
                        message_id: row.get(7)?,
                        sent: row.get(8)?,
                        subject: row.get(9)?,
                        from: row.get(6)?,
                        is_in_sent: false,
                    },
                });
            }
            if let (Some(member), Some(mailbox)) = (members.last_mut(), mailbox) {
                let role = places.get(&mailbox).and_then(|place| place.role);
                member.counts |= !matches!(role, Some(Role::Trash | Role::Junk));
                member.copy.is_in_sent |= role == Some(Role::Sent);
                member.mailboxes.push(mailbox);
            }
        }
        Ok(members)
    }

    fn rewrite_summary(&mut self, thread: ThreadId, members: &[Member], own: &HashSet<String>) -> Result<(), Fault> {
        let counted: Vec<&Member> = members.iter().filter(|member| member.counts).collect();
        let folded = fold(&counted.iter().map(|member| &member.copy).collect::<Vec<_>>(), own);
        let count = folded.iter().collect::<HashSet<_>>().len();
        let shown = || members.iter().filter(|member| !member.mailboxes.is_empty());
        self.sql
            .prepare_cached(
                "UPDATE threads SET count = ?2, is_flagged = ?3, has_attachment = ?4, people = ?5 WHERE id = ?1",
            )?
            .execute(params![
                thread.0,
                count as i64,
                shown().any(|member| member.is_flagged),
                shown().any(|member| member.has_attachment),
                if shown().count() > 1 { people(shown()) } else { String::new() },
            ])?;
        Ok(())
    }

    fn rewrite_rows(&mut self, thread: ThreadId, members: &[Member]) -> Result<(), Fault> {
        let mut now: BTreeMap<MailboxId, ListRow> = BTreeMap::new();
        for member in members {
            for &mailbox in &member.mailboxes {
                let row = now.entry(mailbox).or_insert(ListRow { newest: member.id, emails: 0, unread: 0 });
                row.newest = row.newest.max(member.id);
                row.emails += 1;
                row.unread += i64::from(member.is_unread);
            }
        }
        let mut before: HashMap<MailboxId, ListRow> = HashMap::new();
        {
            let mut query = self
                .sql
                .prepare_cached("SELECT mailbox, newest, emails, unread FROM mailbox_threads WHERE thread = ?1")?;
            let mut rows = query.query([thread.0])?;
            while let Some(row) = rows.next()? {
                let list = ListRow { newest: EmailId(row.get(1)?), emails: row.get(2)?, unread: row.get(3)? };
                before.insert(MailboxId(row.get(0)?), list);
            }
        }
        for (mailbox, row) in now {
            let old = before.remove(&mailbox);
            if old == Some(row) {
                // The list is as it was, but an email in it may look otherwise.
                self.change.mailboxes.insert(mailbox);
                continue;
            }
            if let Some(old) = old {
                self.delete_row(mailbox, thread, old)?;
            }
            self.sql
                .prepare_cached(
                    "INSERT INTO mailbox_threads (mailbox, newest, thread, emails, unread)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute([mailbox.0, row.newest.0, thread.0, row.emails, row.unread])?;
            self.count(mailbox, Counts { total: row.emails, unread: row.unread, conversations: 1 });
        }
        for (mailbox, old) in before {
            self.delete_row(mailbox, thread, old)?;
        }
        Ok(())
    }

    fn delete_row(&mut self, mailbox: MailboxId, thread: ThreadId, old: ListRow) -> Result<(), Fault> {
        self.sql
            .prepare_cached("DELETE FROM mailbox_threads WHERE mailbox = ?1 AND newest = ?2 AND thread = ?3")?
            .execute([mailbox.0, old.newest.0, thread.0])?;
        self.count(mailbox, Counts { total: -old.emails, unread: -old.unread, conversations: -1 });
        Ok(())
    }
}

/// Follows merges to the conversation that an id stands for now.
pub(super) fn resolve(db: &rusqlite::Connection, mut thread: ThreadId) -> Result<ThreadId, Fault> {
    let mut query = db.prepare_cached("SELECT merged_into FROM threads WHERE id = ?1")?;
    // A merge always leads to a larger conversation, so chains are short and end; the bound is for damaged files.
    for _ in 0..64 {
        match query.query_row([thread.0], |row| row.get::<_, Option<i64>>(0)).optional()?.flatten() {
            Some(next) => thread = ThreadId(next),
            None => break,
        }
    }
    Ok(thread)
}

/// A row of `mailbox_threads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ListRow {
    newest: EmailId,
    emails: i64,
    unread: i64,
}

/// An email of a conversation, as far as its rows need it.
struct Member {
    id: EmailId,
    is_unread: bool,
    is_flagged: bool,
    has_attachment: bool,
    /// Whether it lies somewhere else than in Trash or Junk.
    counts: bool,
    from: String,
    mailboxes: Vec<MailboxId>,
    copy: Copy,
}

/// What tells whether two emails are copies of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// [`content_hash`].
    pub(super) content: i64,
    /// The body, if it is here.
    pub(super) blob: Option<i64>,
    /// `Message-ID`, '' for none.
    pub(super) message_id: String,
    /// `Date`.
    pub(super) sent: Option<i64>,
    /// `Subject`.
    pub(super) subject: String,
    /// `From`, in the store's form.
    pub(super) from: String,
    /// Whether it lies in a Sent mailbox.
    pub(super) is_in_sent: bool,
}

/// Folds copies: gives for each email the index of the first one that it is a copy of, or its own.
///
/// Copies have equal bytes, or equal header fields and size while bodies are not here; and one's own Sent copy is
/// folded with what came back (from a list, or to oneself), which has grown by trace fields on its way.
pub(super) fn fold(copies: &[&Copy], own: &HashSet<String>) -> Vec<usize> {
    let mut firsts: Vec<usize> = Vec::with_capacity(copies.len());
    let mut by_content: HashMap<i64, Vec<usize>> = HashMap::new();
    let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, copy) in copies.iter().enumerate() {
        let same_bytes = |other: &Copy| copy.blob.is_none() || other.blob.is_none() || copy.blob == other.blob;
        let is_own_return = |other: &Copy| {
            (copy.is_in_sent || other.is_in_sent)
                && copy.sent == other.sent
                && copy.subject == other.subject
                && copy.from == other.from
                && email::addresses_from_text(&copy.from).iter().any(|from| own.contains(&from.addr.to_lowercase()))
        };
        let find = |list: Option<&Vec<usize>>, is_same: &dyn Fn(&Copy) -> bool| {
            list?.iter().copied().find(|&other| copies.get(other).is_some_and(|other| is_same(other)))
        };
        let twin = find(by_content.get(&copy.content), &same_bytes).or_else(|| {
            if copy.message_id.is_empty() { None } else { find(by_id.get(copy.message_id.as_str()), &is_own_return) }
        });
        firsts.push(twin.and_then(|twin| firsts.get(twin).copied()).unwrap_or(at));
        by_content.entry(copy.content).or_default().push(at);
        by_id.entry(&copy.message_id).or_default().push(at);
    }
    firsts
}

/// Who wrote, oldest first, each once; of very many the first ones and the newest.
fn people<'m>(members: impl Iterator<Item = &'m Member>) -> String {
    let mut seen = HashSet::new();
    let mut people: Vec<Address> = members
        .flat_map(|member| email::addresses_from_text(&member.from))
        .filter(|person| seen.insert(person.addr.to_lowercase()))
        .collect();
    if people.len() > MOST_PEOPLE {
        let newest = people.pop();
        people.truncate(MOST_PEOPLE - 1);
        people.extend(newest);
    }
    email::addresses_to_text(&people)
}
