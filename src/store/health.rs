//! Owns what the store knows of its own health: damage, full disks, network file systems, unclean ends.
//!
//! It repairs nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};

use super::Store;
use super::error::{Error, Fault};
use crate::mail::time::UnixTime;

/// Below this many free bytes a failed write is taken for a full disk: SQLite wants room for a page and its journal.
const FULL_BELOW: u64 = 1024 * 1024;

/// File systems that live on another machine, by the magic number that statfs gives (linux/magic.h).
const NETWORK_MAGIC: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
];

/// The magic number of FUSE, behind which may be a local disk or another machine.
const FUSE_MAGIC: u64 = 0x6573_5546;

/// FUSE programs that reach another machine, as the mount table names them after `fuse.`.
const NETWORK_FUSE: &[&str] = &["sshfs", "rclone", "s3fs", "glusterfs", "davfs", "curlftpfs", "gvfsd-fuse", "cephfs"];

/// What the store holds, for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Accounts.
    pub accounts: u64,
    /// Mailboxes, hidden ones too.
    pub mailboxes: u64,
    /// Emails, every copy that the server does not call the same.
    pub emails: u64,
    /// Emails whose body is here.
    pub bodies: u64,
    /// Emails whose last server copy went, waiting for their thirty days to end.
    pub vanished: u64,
    /// Emails that the full text does not know yet.
    pub unindexed: u64,
    /// Bytes of the database file.
    pub bytes: u64,
}

impl Store {
    /// Reads the whole database and says what is broken. Takes seconds on a large one: for a background thread.
    ///
    /// # Errors
    /// `Damaged` with the first thing found.
    pub fn check(&self) -> Result<(), Error> {
        self.read(|db| {
            let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if found == "ok" { Ok(()) } else { Err(Error::damaged(self.path(), &found).into()) }
        })
    }

    /// Makes every list and count again from the emails themselves, by other means than the store keeps them with, and
    /// names what differs. For `doctor` and tests: it reads everything.
    pub fn audit(&self) -> Result<Vec<String>, Error> {
        self.read(|db| {
            let mut wrong = Vec::new();
            for (what, sql) in AUDITS {
                let mut query = db.prepare(sql)?;
                let width = query.column_count();
                let mut rows = query.query([])?;
                while let Some(row) = rows.next()? {
                    let values = (0..width).map(|at| row.get::<_, rusqlite::types::Value>(at));
                    wrong.push(format!("{what}: {:?}", values.collect::<Result<Vec<_>, _>>()?));
                }
            }
            Ok(wrong)
        })
    }

    /// Counts what is here.
    pub fn facts(&self) -> Result<Facts, Error> {
        self.read(|db| {
            let count = |sql: &str| -> Result<u64, Fault> {
                Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
            };
            Ok(Facts {
                accounts: count("SELECT COUNT(*) FROM accounts")?,
                mailboxes: count("SELECT COUNT(*) FROM mailboxes")?,
                emails: count("SELECT COUNT(*) FROM emails")?,
                bodies: count("SELECT COUNT(*) FROM emails WHERE blob IS NOT NULL")?,
                vanished: count("SELECT COUNT(*) FROM emails WHERE vanished_at IS NOT NULL")?,
                unindexed: count("SELECT COUNT(*) FROM emails WHERE indexed = 0")?,
                bytes: count("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")?,
            })
        })
    }
}

/// What must hold between the tables, as queries that find what breaks it.
const AUDITS: &[(&str, &str)] = &[
    (
        "rows of a conversation list that no email makes, or that are missing",
        "WITH made AS (
             SELECT m.mailbox, MAX(e.id) AS newest, e.thread, COUNT(*) AS emails, SUM(e.is_seen = 0) AS unread
             FROM memberships m JOIN emails e ON e.id = m.email WHERE m.wanted = 1 GROUP BY m.mailbox, e.thread),
         kept AS (SELECT mailbox, newest, thread, emails, unread FROM mailbox_threads)
         SELECT 'kept', * FROM (SELECT * FROM kept EXCEPT SELECT * FROM made)
         UNION ALL SELECT 'made', * FROM (SELECT * FROM made EXCEPT SELECT * FROM kept)",
    ),
    (
        "counts of a mailbox",
        "SELECT b.id, b.total, b.unread, b.conversations FROM mailboxes b
         WHERE (b.total, b.unread, b.conversations) <> (
             SELECT COUNT(*), IFNULL(SUM(e.is_seen = 0), 0), COUNT(DISTINCT e.thread)
             FROM memberships m JOIN emails e ON e.id = m.email WHERE m.mailbox = b.id AND m.wanted = 1)",
    ),
    (
        "emails counted in a conversation",
        "SELECT t.id, t.emails FROM threads t
         WHERE t.emails <> (SELECT COUNT(*) FROM emails e WHERE e.thread = t.id)",
    ),
    (
        "more or fewer folded emails than a conversation can have",
        "SELECT t.id, t.count, seen.emails, seen.contents FROM threads t JOIN (
             SELECT e.thread, COUNT(*) AS emails, COUNT(DISTINCT e.message_id) AS contents FROM emails e
             WHERE EXISTS (SELECT 1 FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
                           WHERE m.email = e.id AND m.wanted = 1 AND b.role NOT IN ('trash', 'junk'))
             GROUP BY e.thread) seen ON seen.thread = t.id
         WHERE t.count > seen.emails OR t.count < seen.contents",
    ),
    (
        "marks of a conversation",
        "SELECT t.id, t.is_flagged, t.has_attachment FROM threads t
         WHERE (t.is_flagged, t.has_attachment) <> (
             SELECT IFNULL(MAX(e.is_flagged), 0), IFNULL(MAX(e.has_attachment), 0) FROM emails e
             WHERE e.thread = t.id
                 AND EXISTS (SELECT 1 FROM memberships m WHERE m.email = e.id AND m.wanted = 1))",
    ),
    (
        "flags that differ from the keywords",
        "SELECT id, keywords FROM emails
         WHERE is_seen <> (instr(' ' || keywords || ' ', ' $seen ') > 0)
             OR is_flagged <> (instr(' ' || keywords || ' ', ' $flagged ') > 0)
             OR is_answered <> (instr(' ' || keywords || ' ', ' $answered ') > 0)
             OR is_forwarded <> (instr(' ' || keywords || ' ', ' $forwarded ') > 0)",
    ),
    (
        "what waits to be pushed",
        "SELECT e.id, e.is_pending FROM emails e WHERE e.is_pending <> (
             e.id IN (SELECT r.email FROM remotes r JOIN emails x ON x.id = r.email JOIN mailboxes b ON b.id = r.mailbox
                      WHERE r.keywords <> x.keywords AND r.is_deleted = 0 AND b.is_local = 0)
             OR e.id IN (SELECT m.email FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
                             JOIN emails x ON x.id = m.email
                         WHERE b.is_local = 0 AND (m.wanted <> m.synced OR (x.blob IS NULL
                             AND m.awaits IN (SELECT o.email FROM memberships o WHERE o.wanted = 1)))))",
    ),
    (
        "copies that no membership speaks of",
        "SELECT r.email, r.mailbox FROM remotes r JOIN mailboxes b ON b.id = r.mailbox
         WHERE b.is_local = 0 AND r.is_deleted = 0 AND NOT EXISTS (
             SELECT 1 FROM memberships m WHERE m.email = r.email AND m.mailbox = r.mailbox AND m.synced = 1)",
    ),
    (
        "memberships that the server is said to have, and no copy shows it",
        "SELECT m.email, m.mailbox FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
         WHERE b.is_local = 0 AND m.synced = 1 AND m.is_stale = 0 AND NOT EXISTS (
             SELECT 1 FROM remotes r WHERE r.email = m.email AND r.mailbox = m.mailbox
                 AND (r.is_deleted = 0 OR m.wanted = 0))",
    ),
    (
        "emails in a mailbox that is not there",
        "SELECT m.email, m.mailbox FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
         WHERE m.wanted = 1 AND (b.is_wanted = 0 OR b.hidden_since IS NOT NULL)",
    ),
    (
        "emails in a mailbox of another account",
        "SELECT m.email, m.mailbox FROM memberships m JOIN mailboxes b ON b.id = m.mailbox
             JOIN emails e ON e.id = m.email WHERE b.account <> e.account",
    ),
    (
        "emails in a conversation that was merged away",
        "SELECT e.id, e.thread FROM emails e JOIN threads t ON t.id = e.thread WHERE t.merged_into IS NOT NULL",
    ),
    (
        "emails that linger although a server has them, or the other way round",
        "SELECT e.id FROM emails e
         WHERE (e.vanished_at IS NOT NULL) = EXISTS (SELECT 1 FROM remotes r WHERE r.email = e.id)",
    ),
    (
        "rows of emails that are not there",
        "SELECT 'remote', email FROM remotes WHERE email NOT IN (SELECT id FROM emails)
         UNION ALL SELECT 'membership', email FROM memberships WHERE email NOT IN (SELECT id FROM emails)
         UNION ALL SELECT 'blob', blob FROM emails WHERE blob IS NOT NULL AND blob NOT IN (SELECT id FROM blobs)",
    ),
];

/// Says whether the disk that holds `path` has no room left to speak of.
pub(super) fn is_full(path: &Path) -> bool {
    let place = path.parent().unwrap_or(path);
    rustix::fs::statvfs(place).is_ok_and(|facts| facts.f_bavail.saturating_mul(facts.f_frsize) < FULL_BELOW)
}

/// Names the network file system that a directory lies on, if it does.
pub(super) fn network_file_system(dir: &Path) -> Option<String> {
    let magic = rustix::fs::statfs(dir).ok()?.f_type as u64 & 0xffff_ffff;
    let mounts =
        if magic == FUSE_MAGIC { std::fs::read_to_string("/proc/self/mountinfo").ok()? } else { String::new() };
    name_network(magic, &dir.canonicalize().ok()?, &mounts)
}

fn name_network(magic: u64, dir: &Path, mounts: &str) -> Option<String> {
    if magic != FUSE_MAGIC {
        return NETWORK_MAGIC.iter().find(|(known, _)| *known == magic).map(|(_, name)| (*name).to_owned());
    }
    let (_, kind) = mounts
        .lines()
        .filter_map(|line| {
            // proc(5): the mount point is the fifth field, the type the first one after a lone dash.
            let point = line.split(' ').nth(4)?.replace("\\040", " ");
            let kind = line.split_once(" - ")?.1.split(' ').next()?;
            dir.starts_with(&point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)?;
    let program = kind.strip_prefix("fuse.")?;
    NETWORK_FUSE.contains(&program).then(|| program.to_owned())
}

/// Sessions of this very process: a row that bears our process number and is not in here is of an earlier life.
static OUR_SESSIONS: Mutex<BTreeSet<i64>> = Mutex::new(BTreeSet::new());

/// Enters this opening of the store; gives its number, and whether everyone before took leave properly.
pub(super) fn enter(db: &mut Connection, now: UnixTime) -> rusqlite::Result<(i64, bool)> {
    let (process, boot) = (i64::from(std::process::id()), boot_id());
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut ended_cleanly = true;
    {
        let mut query = transaction.prepare("SELECT id, process, boot FROM sessions")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))?;
        for row in rows {
            let (id, of, on): (i64, i64, String) = row?;
            if on != boot || !is_alive(id, of, process) {
                ended_cleanly = false;
                transaction.execute("DELETE FROM sessions WHERE id = ?1", [id])?;
            }
        }
    }
    transaction.execute(
        "INSERT INTO sessions (process, boot, opened_at) VALUES (?1, ?2, ?3)",
        params![process, boot, now.0],
    )?;
    let id = transaction.last_insert_rowid();
    transaction.commit()?;
    OUR_SESSIONS.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    Ok((id, ended_cleanly))
}

/// Forgets that a session is ours, without taking leave: what a crash would do.
pub(super) fn forget(session: i64) {
    OUR_SESSIONS.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
}

fn is_alive(session: i64, process: i64, ours: i64) -> bool {
    if process == ours {
        return OUR_SESSIONS.lock().unwrap_or_else(PoisonError::into_inner).contains(&session);
    }
    let Some(pid) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    // EPERM means that it lives under another user.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_by_magic_and_mount_type() {
        let dir = Path::new("/home/ayu/mail box/surat");
        let mounts = "29 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      31 29 0:50 / /home/ayu/mail\\040box rw shared:2 - fuse.sshfs ayu@host: rw\n\
                      32 29 0:51 / /mnt rw - fuse.ntfs-3g /dev/sdb1 rw";
        assert_eq!(name_network(0x6969, dir, "").as_deref(), Some("NFS"));
        assert_eq!(name_network(0xff53_4d42, dir, "").as_deref(), Some("CIFS"));
        assert_eq!(name_network(0xef53, dir, ""), None);
        assert_eq!(name_network(FUSE_MAGIC, dir, mounts).as_deref(), Some("sshfs"));
        assert_eq!(name_network(FUSE_MAGIC, Path::new("/mnt/x"), mounts), None);
        assert_eq!(name_network(FUSE_MAGIC, Path::new("/etc"), mounts), None);
    }
}
