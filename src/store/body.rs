//! Owns the bytes of messages: blobs by content, what came of a body so far, what is missing, and the full text.
//!
//! Reading and packing a message is done before the writer is taken, on as many threads as there are processors.

use std::collections::HashSet;
use std::num::NonZero;
use std::path::Path;
use std::{panic, thread};

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::error::{Error, Fault};
use super::text::spaced;
use super::{Store, Transaction};
use crate::mail::id::{AccountId, EmailId, MailboxId, ThreadId};
use crate::mail::mailbox::Role;
use crate::mail::parse;
use crate::mail::remote::{RemoteId, Slice, Want};
use crate::mail::time::UnixTime;

/// zstd's own default: higher levels gain little on mail and cost much.
const LEVEL: i32 = 3;
/// Packing must save an eighth, or reading is not worth unpacking.
const WORTH: (usize, usize) = (7, 8);
/// Smaller messages are not packed: they fit in a page or two anyway.
const SMALLEST_PACKED: usize = 512;
/// Text beyond this many bytes of one message is not searched.
const MOST_TEXT: usize = 1024 * 1024;
/// Fewer bytes than this are not worth another thread.
const WORTH_A_THREAD: usize = 64 * 1024;

/// The whole body of a server copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Where the copy is.
    pub mailbox: MailboxId,
    /// Which one it is.
    pub id: RemoteId,
    /// The message as it came.
    pub raw: Vec<u8>,
}

/// A body that is not here, and where to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingBody {
    /// Where it stands in the queue.
    pub place: Place,
    /// A mailbox in which the server has a copy.
    pub mailbox: MailboxId,
    /// That mailbox in the backend's own spelling.
    pub path: String,
    /// The copy, and from where on it is missing.
    pub want: Want,
}

/// A place in the queue of missing bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    rank: u8,
    /// The email.
    pub email: EmailId,
}

impl Store {
    /// Lists bodies that are missing: those of the inbox first, Trash and Junk last, the newest first; none that the
    /// server got before `not_before`, and only those behind a place if one is given.
    /// At most `limit` of them, and no more than `bytes` together unless the first alone is larger.
    pub fn bodies_missing(
        &self,
        account: AccountId,
        not_before: Option<UnixTime>,
        behind: Option<Place>,
        limit: usize,
        bytes: u64,
    ) -> Result<Vec<MissingBody>, Error> {
        let oldest = oldest(not_before);
        self.read(|db| {
            let mut places: Vec<(u8, i64, String)> = {
                let mut query = db.prepare_cached(
                    "SELECT id, role, path FROM mailboxes
                     WHERE account = ?1 AND (is_synced = 1 OR is_local = 1) AND hidden_since IS NULL",
                )?;
                let rows = query.query_map([account.0], |row| {
                    let rank = match Role::from_word(row.get_ref(1)?.as_str()?) {
                        Some(Role::Inbox) => 0,
                        Some(Role::Trash | Role::Junk) => 2,
                        _ => 1,
                    };
                    Ok((rank, row.get(0)?, row.get(2)?))
                })?;
                rows.collect::<Result<_, _>>()?
            };
            places.sort_unstable();
            let mut missing: Vec<MissingBody> = Vec::new();
            let mut seen = HashSet::new();
            let mut sum = 0_u64;
            for rank in behind.map_or(0, |place| place.rank)..=2 {
                let emails =
                    (oldest, behind.filter(|place| place.rank == rank).map_or(i64::MAX, |place| place.email.0));
                let mut of_rank = Vec::new();
                for (_, mailbox, path) in places.iter().filter(|(of, _, _)| *of == rank) {
                    let left = limit.saturating_sub(missing.len());
                    of_rank.extend(missing_in(db, rank, MailboxId(*mailbox), path, emails, (left, bytes))?);
                }
                of_rank.sort_by_key(|body| std::cmp::Reverse(body.place.email));
                of_rank.retain(|body| seen.insert(body.place.email));
                for body in of_rank {
                    sum = sum.saturating_add(body.want.size.saturating_sub(body.want.offset));
                    if missing.len() >= limit || (sum > bytes && !missing.is_empty()) {
                        return Ok(missing);
                    }
                    missing.push(body);
                }
            }
            Ok(missing)
        })
    }

    /// Counts the bodies that [`Store::bodies_missing`] would list.
    pub fn count_missing_bodies(&self, account: AccountId, not_before: Option<UnixTime>) -> Result<u64, Error> {
        self.read(|db| {
            let count: i64 = db
                .prepare_cached(
                    "SELECT COUNT(DISTINCT r.email) FROM mailboxes b JOIN remotes r ON r.mailbox = b.id
                     WHERE b.account = ?1 AND (b.is_synced = 1 OR b.is_local = 1) AND b.hidden_since IS NULL
                         AND r.blob IS NULL AND r.is_deleted = 0 AND r.email >= ?2",
                )?
                .query_row([account.0, oldest(not_before)], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    /// Says where the body of one email can be got, if it is not here.
    pub fn missing_body(&self, email: EmailId) -> Result<Option<MissingBody>, Error> {
        self.read(|db| {
            let found = db
                .prepare_cached(
                    "SELECT r.mailbox, b.path, r.remote_id, e.size FROM emails e
                     JOIN remotes r ON r.email = e.id JOIN mailboxes b ON b.id = r.mailbox
                     WHERE e.id = ?1 AND e.blob IS NULL ORDER BY b.hidden_since IS NOT NULL LIMIT 1",
                )?
                .query_row([email.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            let Some((mailbox, path, id, size)) = found else { return Ok(None) };
            Ok(Some(missing_body(db, Place { rank: 0, email }, MailboxId(mailbox), path, RemoteId(id), size)?))
        })
    }

    /// Keeps a slice of a body; the last one completes it. A slice that leaves a gap is not kept.
    pub fn keep_slice(&self, mailbox: MailboxId, slice: &Slice) -> Result<(), Error> {
        let whole = self.write(|transaction| {
            let sql = &transaction.sql;
            let is_known: bool = sql
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM remotes WHERE mailbox = ?1 AND remote_id = ?2)")?
                .query_row(params![mailbox.0, slice.id.0], |row| row.get(0))?;
            let begins = i64::try_from(slice.offset).unwrap_or(i64::MAX);
            sql.prepare_cached("DELETE FROM slices WHERE mailbox = ?1 AND remote_id = ?2 AND begins >= ?3")?
                .execute(params![mailbox.0, slice.id.0, begins])?;
            let here = bytes_here(sql, mailbox, &slice.id)?;
            if !is_known || here < begins {
                return Ok(None);
            }
            let known = usize::try_from(here - begins).unwrap_or(usize::MAX);
            let fresh = slice.bytes.get(known..).unwrap_or_default();
            if slice.is_last {
                let mut whole = assemble(sql, mailbox, &slice.id)?;
                whole.extend_from_slice(fresh);
                return Ok(Some(whole));
            }
            if !fresh.is_empty() {
                sql.prepare_cached(
                    "INSERT INTO slices (mailbox, remote_id, begins, ends, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![mailbox.0, slice.id.0, here, here + fresh.len() as i64, fresh])?;
            }
            Ok(None)
        })?;
        // Until the body is in, the slices stay: a crash here costs nothing but the last one.
        match whole {
            Some(raw) => self.keep_bodies(vec![Body { mailbox, id: slice.id.clone(), raw }]),
            None => Ok(()),
        }
    }

    /// Keeps whole bodies with their full text, in one transaction. A copy that is gone meanwhile is left out.
    pub fn keep_bodies(&self, bodies: Vec<Body>) -> Result<(), Error> {
        if bodies.is_empty() {
            return Ok(());
        }
        let packed = pack_all(&bodies);
        self.write(|transaction| {
            let mut known = Vec::with_capacity(bodies.len());
            for (body, packed) in bodies.iter().zip(&packed) {
                known.extend(transaction.find_copy(body)?.map(|copy| (copy, body, packed)));
            }
            // FTS5 writes a segment whenever a row comes that is older than the one before.
            known.sort_unstable_by_key(|(copy, _, _)| copy.email);
            for (copy, body, packed) in known {
                transaction.keep_body(copy, body, packed)?;
            }
            Ok(())
        })
    }

    /// Makes everything that was committed so far safe against a power cut: a server may forget it afterwards.
    pub fn make_durable(&self) -> Result<(), Error> {
        self.write_with(super::Durability::Full, |transaction| transaction.reach_the_disk())
    }

    /// Takes up to `limit` emails into the full text, the newest first, with what their header fields say, and the text
    /// of those whose bytes are here already. Gives how many are left.
    pub fn index_some(&self, limit: usize) -> Result<usize, Error> {
        self.write(|transaction| {
            let sql = &transaction.sql;
            let mut emails: Vec<(i64, Option<i64>)> = {
                let mut query =
                    sql.prepare_cached("SELECT id, blob FROM emails WHERE indexed = 0 ORDER BY id DESC LIMIT ?1")?;
                let rows = query
                    .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<Result<_, _>>()?
            };
            emails.reverse(); // FTS5 writes a segment whenever a row comes that is older than the one before.
            for &(id, blob) in &emails {
                let text = match blob {
                    Some(blob) => Packer(None).pack(&read_blob(sql, blob, self.path())?).text,
                    None => String::new(),
                };
                write_text(sql, EmailId(id), &text, false)?;
                sql.prepare_cached("UPDATE emails SET indexed = ?2 WHERE id = ?1")?
                    .execute([id, if blob.is_some() { 2 } else { 1 }])?;
            }
            let left: i64 = sql.query_row("SELECT COUNT(*) FROM emails WHERE indexed = 0", [], |row| row.get(0))?;
            Ok(usize::try_from(left).unwrap_or(usize::MAX))
        })
    }
}

/// A server copy whose body is to be kept.
#[derive(Debug, Clone, Copy)]
struct KnownCopy {
    email: EmailId,
    thread: ThreadId,
    /// Whether it is a conversation by itself.
    is_alone: bool,
    is_indexed: bool,
}

impl Transaction<'_> {
    fn find_copy(&self, body: &Body) -> Result<Option<KnownCopy>, Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT e.id, e.thread, e.indexed > 0, t.emails = 1
             FROM remotes r JOIN emails e ON e.id = r.email JOIN threads t ON t.id = e.thread
             WHERE r.mailbox = ?1 AND r.remote_id = ?2",
        )?;
        let copy = query.query_row(params![body.mailbox.0, body.id.0], |row| {
            Ok(KnownCopy {
                email: EmailId(row.get(0)?),
                thread: ThreadId(row.get(1)?),
                is_indexed: row.get(2)?,
                is_alone: row.get(3)?,
            })
        });
        Ok(copy.optional()?)
    }

    fn keep_body(&mut self, copy: KnownCopy, body: &Body, packed: &Packed) -> Result<(), Fault> {
        let KnownCopy { email, thread, is_alone, is_indexed } = copy;
        self.sql
            .prepare_cached("DELETE FROM slices WHERE mailbox = ?1 AND remote_id = ?2")?
            .execute(params![body.mailbox.0, body.id.0])?;
        // Read now: two bodies of one portion may belong to one email.
        let kept: Option<i64> =
            self.sql.prepare_cached("SELECT blob FROM emails WHERE id = ?1")?.query_row([email.0], |row| row.get(0))?;
        let blob = match kept {
            Some(kept) => kept,
            None => keep_blob(&self.sql, packed, body.raw.len())?,
        };
        self.sql
            .prepare_cached("UPDATE remotes SET blob = ?2 WHERE email = ?1 AND blob IS NULL")?
            .execute([email.0, blob])?;
        if kept.is_some() {
            return Ok(());
        }
        self.give_body(email, blob, body.raw.len(), packed, is_indexed)?;
        self.give_body_on(email, blob, body.raw.len(), packed)?;
        if is_alone && !packed.has_attachment {
            // The conversation's rows are as they were: neither a paper clip nor a copy to fold can have come to light.
            self.note_email(email, thread);
        } else {
            self.touch(email, thread);
        }
        Ok(())
    }

    fn give_body(
        &mut self,
        email: EmailId,
        blob: i64,
        size: usize,
        packed: &Packed,
        is_indexed: bool,
    ) -> Result<(), Fault> {
        self.sql
            .prepare_cached(
                "UPDATE emails SET blob = ?2, size = ?3, has_attachment = ?4, preview = ?5, indexed = 2 WHERE id = ?1",
            )?
            .execute(params![email.0, blob, size as i64, packed.has_attachment, packed.preview])?;
        write_text(&self.sql, email, &packed.text, is_indexed)
    }

    /// Gives a body to the likes of an email in other accounts that waited for it.
    fn give_body_on(&mut self, email: EmailId, blob: i64, size: usize, packed: &Packed) -> Result<(), Fault> {
        let likes: Vec<(EmailId, ThreadId, bool)> = {
            let mut query = self.sql.prepare_cached(
                "SELECT DISTINCT e.id, e.thread, e.indexed > 0 FROM memberships m JOIN emails e ON e.id = m.awaits
                 WHERE m.email = ?1 AND e.blob IS NULL",
            )?;
            let rows =
                query.query_map([email.0], |row| Ok((EmailId(row.get(0)?), ThreadId(row.get(1)?), row.get(2)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        for &(like, thread, is_indexed) in &likes {
            self.give_body(like, blob, size, packed, is_indexed)?;
            self.touch(like, thread);
        }
        if likes.is_empty() { Ok(()) } else { self.settle_pending(email) }
    }
}

/// Gives the lowest id that an email got at a time or later has.
fn oldest(not_before: Option<UnixTime>) -> i64 {
    not_before.map_or(0, |time| time.0.clamp(0, super::incoming::LAST_SECOND) << EmailId::COUNTER_BITS)
}

fn missing_in(
    db: &Connection,
    rank: u8,
    mailbox: MailboxId,
    path: &str,
    (oldest, end): (i64, i64),
    (limit, bytes): (usize, u64),
) -> Result<Vec<MissingBody>, Fault> {
    let mut query = db.prepare_cached(
        "SELECT r.email, r.remote_id, e.size FROM remotes r JOIN emails e ON e.id = r.email
         WHERE r.mailbox = ?1 AND r.blob IS NULL AND r.is_deleted = 0 AND r.email >= ?2 AND r.email < ?3 ORDER BY r.email DESC LIMIT ?4",
    )?;
    let mut rows = query.query(params![mailbox.0, oldest, end, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut missing, mut sum) = (Vec::new(), 0_u64);
    while let Some(row) = rows.next()?
        && sum <= bytes
    {
        let (email, id) = (EmailId(row.get(0)?), RemoteId(row.get(1)?));
        let body = missing_body(db, Place { rank, email }, mailbox, path.to_owned(), id, row.get(2)?)?;
        sum = sum.saturating_add(body.want.size.saturating_sub(body.want.offset));
        missing.push(body);
    }
    Ok(missing)
}

fn missing_body(
    db: &Connection,
    place: Place,
    mailbox: MailboxId,
    path: String,
    id: RemoteId,
    size: i64,
) -> Result<MissingBody, Fault> {
    let offset = bytes_here(db, mailbox, &id)?.unsigned_abs();
    Ok(MissingBody { place, mailbox, path, want: Want { id, offset, size: size.unsigned_abs() } })
}

/// Counts the bytes of a body that came; slices are kept without gaps.
fn bytes_here(db: &Connection, mailbox: MailboxId, id: &RemoteId) -> Result<i64, Fault> {
    let mut query =
        db.prepare_cached("SELECT IFNULL(MAX(ends), 0) FROM slices WHERE mailbox = ?1 AND remote_id = ?2")?;
    Ok(query.query_row(params![mailbox.0, id.0], |row| row.get(0))?)
}

fn assemble(db: &Connection, mailbox: MailboxId, id: &RemoteId) -> Result<Vec<u8>, Fault> {
    let mut query =
        db.prepare_cached("SELECT bytes FROM slices WHERE mailbox = ?1 AND remote_id = ?2 ORDER BY begins")?;
    let mut rows = query.query(params![mailbox.0, id.0])?;
    let mut whole = Vec::new();
    while let Some(row) = rows.next()? {
        whole.extend_from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
    }
    Ok(whole)
}

/// A message made ready for the store.
pub(super) struct Packed {
    sha256: [u8; 32],
    encoding: &'static str,
    bytes: Vec<u8>,
    text: String,
    preview: String,
    has_attachment: bool,
}

/// Makes messages ready, on several threads where that is worth it.
fn pack_all(bodies: &[Body]) -> Vec<Packed> {
    let bytes: usize = bodies.iter().map(|body| body.raw.len()).sum();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(bytes / WORTH_A_THREAD).max(1);
    let chunk = bodies.len().div_ceil(threads).max(1);
    let pack_part = |part: &[Body]| -> Vec<Packed> {
        let mut packer = Packer::new();
        part.iter().map(|body| packer.pack(&body.raw)).collect()
    };
    if threads == 1 || bodies.len() == 1 {
        return pack_part(bodies);
    }
    thread::scope(|scope| {
        let parts: Vec<_> = bodies.chunks(chunk).map(|part| (part, scope.spawn(move || pack_part(part)))).collect();
        parts
            .into_iter()
            .flat_map(|(part, worker)| {
                // A parser that fails on one message must not cost the others their bytes.
                worker.join().unwrap_or_else(|_| {
                    let mut packer = Packer::new();
                    part.iter().map(|body| packer.pack_unread(&body.raw)).collect()
                })
            })
            .collect()
    })
}

/// Makes messages ready one after the other; the compressor's tables are made once.
struct Packer(Option<zstd::bulk::Compressor<'static>>);

impl Packer {
    fn new() -> Self {
        Self(zstd::bulk::Compressor::new(LEVEL).ok())
    }

    fn pack(&mut self, raw: &[u8]) -> Packed {
        let packed = self.pack_unread(raw);
        // A parser that fails on one message must not cost its bytes: it would be fetched again for ever.
        let read = panic::catch_unwind(|| {
            let message = parse::message(raw);
            (spaced(cut(&message.search_text())).into_owned(), message.preview(), message.has_attachment())
        });
        match read {
            Ok((text, preview, has_attachment)) => Packed { text, preview, has_attachment, ..packed },
            Err(_) => packed,
        }
    }

    fn pack_unread(&mut self, raw: &[u8]) -> Packed {
        let sha256 = Sha256::digest(raw).into();
        let compressor = self.0.as_mut().filter(|_| raw.len() >= SMALLEST_PACKED);
        let (encoding, bytes) = match compressor.and_then(|compressor| compressor.compress(raw).ok()) {
            Some(packed) if packed.len() / WORTH.0 < raw.len() / WORTH.1 => ("zstd", packed),
            _ => ("plain", raw.to_vec()),
        };
        Packed { sha256, encoding, bytes, text: String::new(), preview: String::new(), has_attachment: false }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MOST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn keep_blob(db: &Connection, packed: &Packed, size: usize) -> Result<i64, Fault> {
    let known = db
        .prepare_cached("SELECT id FROM blobs WHERE sha256 = ?1")?
        .query_row([packed.sha256], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    db.prepare_cached("INSERT INTO blobs (sha256, size, encoding, bytes) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![packed.sha256, size as i64, packed.encoding, packed.bytes])?;
    Ok(db.last_insert_rowid())
}

/// Reads a blob as it came.
pub(super) fn read_blob(db: &Connection, id: i64, path: &Path) -> Result<Vec<u8>, Fault> {
    let mut query = db.prepare_cached("SELECT encoding, size, bytes FROM blobs WHERE id = ?1")?;
    let mut rows = query.query([id])?;
    let Some(row) = rows.next()? else { return Err(Error::damaged(path, "a message has lost its bytes").into()) };
    let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    if row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)? == "plain" {
        return Ok(bytes.to_vec());
    }
    let size = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
    zstd::bulk::decompress(bytes, size)
        .map_err(|_| Error::damaged(path, "the bytes of a message cannot be unpacked").into())
}

/// Deletes a blob that nothing needs any more.
pub(super) fn drop_blob_if_unused(db: &Connection, blob: i64) -> Result<(), Fault> {
    db.prepare_cached(
        "DELETE FROM blobs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM emails WHERE blob = ?1)
             AND NOT EXISTS (SELECT 1 FROM submissions WHERE blob = ?1)",
    )?
    .execute([blob])?;
    Ok(())
}

/// Deletes every blob that nothing needs any more.
pub(super) fn drop_unused_blobs(db: &Connection) -> Result<(), Fault> {
    db.execute(
        "DELETE FROM blobs WHERE id NOT IN (SELECT blob FROM emails WHERE blob IS NOT NULL)
             AND id NOT IN (SELECT blob FROM submissions)",
        [],
    )?;
    Ok(())
}

/// Writes an email's full text: what its header fields say, and its text, spaced already, if it is here.
fn write_text(db: &Connection, id: EmailId, body: &str, is_there: bool) -> Result<(), Fault> {
    if is_there {
        db.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?.execute([id.0])?;
    }
    let (subject, from, to): (String, String, String) = db
        .prepare_cached("SELECT subject, from_, to_ || cc || bcc FROM emails WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    // `[["Ana","a@x"]][["Budi","b@y"]]`: several lists in a row.
    let words = |lists: &str| {
        let mut words = String::new();
        for list in serde_json::Deserializer::from_str(lists).into_iter::<Vec<(Option<String>, String)>>() {
            for (name, addr) in list.unwrap_or_default() {
                words.push_str(&name.unwrap_or_default());
                words.push(' ');
                words.push_str(&addr);
                words.push('\n');
            }
        }
        words
    };
    db.prepare_cached("INSERT INTO texts (rowid, from_, to_, subject, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![id.0, spaced(&words(&from)), spaced(&words(&to)), spaced(&subject), body])?;
    Ok(())
}
