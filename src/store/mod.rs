//! The truth: one SQLite database with all mail, the only SQL of the house.
//!
//! One connection writes, a few read beside it; every call blocks, so none belongs on an async thread. The store knows
//! no network: what servers say comes in as `Delta`s, what they should hear goes out as `Pending`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

mod account;
mod attempt;
mod body;
mod edit;
mod email;
mod error;
mod folder;
mod gone;
mod health;
mod history;
mod incoming;
mod mailbox;
mod migrate;
mod neighbours;
mod notice;
mod pending;
mod pushed;
mod refused;
mod rows;
mod search;
pub mod socket;
mod step;
mod text;
mod thread;
mod transaction;
mod transfer;

pub use attempt::{Attempt, Candidate, Operation};
pub use body::{Body, MissingBody, Place};
pub use error::{Error, Kind};
pub use health::Facts;
pub use history::HistoryEntry;
pub use incoming::Applied;
pub use migrate::{NEWEST, SCHEMA};
pub use notice::{NoticeKind, StoreNotice};
pub use pending::{Aim, MailboxChange, Pending, PendingCopy, PendingEmail, PendingMailbox, Share, Stand};
pub use pushed::Pushed;

use crate::mail::change::Change;
use crate::mail::time::UnixTime;
use error::Fault;
use neighbours::Ear;
use transaction::{Durability, Transaction};

/// The database's name inside the data directory.
pub const FILE_NAME: &str = "surat.db";

/// How long a call waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers kept for later; more are made when more are needed at once.
const READERS_KEPT: usize = 4;
/// Statements kept prepared on each connection.
const STATEMENTS_KEPT: usize = 160;
/// Pages kept by the writer and by each reader, in KiB: the store must stay small beside what the kernel caches.
const WRITER_CACHE: i64 = 8 * 1024;
const READER_CACHE: i64 = 2 * 1024;
/// The journal is cut back to this many bytes after a checkpoint.
const JOURNAL_KEPT: i64 = 16 * 1024 * 1024;

/// How a store is opened; the default is right for everyone but tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The clock; the machine's without one.
    pub clock: Option<fn() -> UnixTime>,
    /// Whether to behave as on a network file system, wherever the store is.
    pub assume_network: bool,
}

type Subscriber = Box<dyn Fn(&Change) + Send + Sync>;

/// The handle on the store; a clone is another handle on the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: Options,
    network: Option<String>,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    subscribers: RwLock<Vec<Subscriber>>,
    ear: RwLock<Option<Ear>>,
    /// This opening's row in `sessions`; 0 when there is none.
    session: AtomicI64,
    ended_cleanly: bool,
}

impl Store {
    /// Opens the store in a directory, and makes both if they are not there.
    ///
    /// # Errors
    /// `Damaged` or `Newer`, and the file is left as it is; `DiskFull`, `Io`, `Busy`.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, Options::default())
    }

    /// Opens the store with a clock or habits of the caller's choice.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(dir: &Path, options: Options) -> Result<Self, Error> {
        let path = dir.join(FILE_NAME);
        make_directory(dir).map_err(|error| of_file(&path, &error))?;
        make_file(&path)?;
        let network = if options.assume_network {
            Some("a network file system".to_owned())
        } else {
            health::network_file_system(dir)
        };
        let is_network = network.is_some();
        let mut writer = begin(&path, is_network, now(&options))?;
        // Who cannot even write a row can still read his mail: an opening that could not be entered is no error.
        let (session, ended_cleanly) = health::enter(&mut writer, now(&options)).unwrap_or((0, true));
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                options,
                network,
                writer: Mutex::new(writer),
                readers: Mutex::new(Vec::new()),
                subscribers: RwLock::new(Vec::new()),
                ear: RwLock::new(None),
                session: AtomicI64::new(session),
                ended_cleanly,
            }),
        })
    }

    /// Has `told` called after each commit of this process, on the thread that committed.
    pub fn subscribe(&self, told: Subscriber) {
        self.inner.subscribers.write().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    /// Has `heard` called, on a thread of its own, after commits that others made to this store: another process, or
    /// another opening of this one. Where there can be no socket nothing is heard.
    pub fn hear_others(&self, heard: impl Fn() + Send + 'static) {
        let ear = Ear::open(self.path().parent().unwrap_or(Path::new(".")), heard);
        match ear {
            Ok(ear) => *self.inner.ear.write().unwrap_or_else(PoisonError::into_inner) = Some(ear),
            Err(error) => tracing::info!(%error, "changes of other processes will be seen late"),
        }
    }

    /// Says whether every earlier opening was ended with [`Store::close`]; if not, [`Store::check`] is due.
    pub fn ended_cleanly(&self) -> bool {
        self.inner.ended_cleanly
    }

    /// Gives what a person should know about where the store is.
    pub fn notes(&self) -> Vec<String> {
        self.inner.network.iter().map(|name| {
            format!(
                "The mail store {} is on {name}. It works, but slower, and only one computer should use it at a time. \
                 A local disk is the better place: --data-dir.",
                self.inner.path.display()
            )
        }).collect()
    }

    /// Takes leave: the next opening knows that all was well.
    pub fn close(&self) {
        drop(self.inner.ear.write().unwrap_or_else(PoisonError::into_inner).take());
        let session = self.inner.session.swap(0, Ordering::SeqCst);
        if session != 0 {
            self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            // Not being able to say goodbye costs a check at the next start, no more.
            let _ = writer.execute("DELETE FROM sessions WHERE id = ?1", [session]);
            health::forget(session);
        }
    }

    /// Gives the path of the database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs something on a reader, in one snapshot.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Error> {
        let path = &self.inner.path;
        let kept = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match kept {
            Some(reader) => reader,
            None => connect(path, self.inner.network.is_some(), READER_CACHE, false).map_err(|fault| fault.at(path))?,
        };
        let result = (|| {
            let snapshot = reader.unchecked_transaction()?;
            let value = work(&snapshot)?;
            snapshot.finish()?;
            Ok(value)
        })();
        let mut readers = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(reader);
        }
        result.map_err(|fault: Fault| fault.at(path))
    }

    /// Runs a transaction that survives a crash of the program.
    fn write<T>(&self, work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>) -> Result<T, Error> {
        self.write_with(Durability::Normal, work)
    }

    /// Runs a transaction: all of it is committed, or nothing of it happened.
    fn write_with<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let path = &self.inner.path;
        let (value, change) = {
            let mut writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            // A rollback journal is always written with FULL.
            let durability = if self.inner.network.is_some() { Durability::Normal } else { durability };
            let result = transact(&mut writer, durability, self.now(), work).map_err(|fault| fault.at(path));
            if result.as_ref().is_err_and(|error| error.kind == Kind::Io) {
                // What the kernel could not write it may later claim to have written: begin anew from the file.
                *writer =
                    connect(path, self.inner.network.is_some(), WRITER_CACHE, true).map_err(|fault| fault.at(path))?;
            }
            result?
        };
        if !change.is_empty() {
            let dir = path.parent().unwrap_or(Path::new("."));
            neighbours::tell(dir, self.inner.ear.read().unwrap_or_else(PoisonError::into_inner).as_ref());
            for told in self.inner.subscribers.read().unwrap_or_else(PoisonError::into_inner).iter() {
                told(&change);
            }
        }
        Ok(value)
    }

    fn now(&self) -> UnixTime {
        now(&self.inner.options)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        health::forget(*self.session.get_mut());
    }
}

fn transact<T>(
    writer: &mut Connection,
    durability: Durability,
    now: UnixTime,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault>,
) -> Result<(T, Change), Fault> {
    // SQLite takes this pragma between transactions only.
    if durability == Durability::Full {
        writer.pragma_update(None, "synchronous", "FULL")?;
    }
    let result = (|| {
        let sql = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut transaction = Transaction::new(sql, now);
        let value = work(&mut transaction)?;
        Ok((value, transaction.commit()?))
    })();
    if durability == Durability::Full {
        writer.pragma_update(None, "synchronous", "NORMAL")?;
    }
    result
}

fn now(options: &Options) -> UnixTime {
    options.clock.map_or_else(
        || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        },
        |clock| clock(),
    )
}

/// Makes the connection that writes. While another process is making the database, SQLite says at once that it is busy.
fn begin(path: &Path, is_network: bool, now: UnixTime) -> Result<Connection, Error> {
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        let begun = inspect(path).and_then(|()| {
            let mut writer = connect(path, is_network, WRITER_CACHE, true)?;
            migrate::migrate(&mut writer, path, now)?;
            Ok(writer)
        });
        match begun.map_err(|fault| fault.at(path)) {
            Err(error) if error.kind == Kind::Busy && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            begun => return begun,
        }
    }
}

/// Refuses what is not ours before anything about the file is changed, its journal mode included.
fn inspect(path: &Path) -> Result<(), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    migrate::is_usable(&db, path).map(|_| ())
}

/// Makes a connection. No memory mapping: a disk that fails would end the program with SIGBUS instead of an error.
fn connect(path: &Path, is_network: bool, cache: i64, is_writer: bool) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // A plan that may depend on a bound value is made anew whenever the value changes: for every message, that is.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // WAL shares memory between processes, which no network file system does.
    let journal = if is_network { "TRUNCATE" } else { "WAL" };
    db.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()))?;
    db.pragma_update(None, "synchronous", if is_network { "FULL" } else { "NORMAL" })?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -cache)?;
    db.pragma_update_and_check(None, "journal_size_limit", JOURNAL_KEPT, |_| Ok(()))?;
    if !is_writer {
        db.pragma_update(None, "query_only", true)?;
    }
    Ok(db)
}

fn make_directory(dir: &Path) -> std::io::Result<()> {
    if !dir.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes the file so that nobody else may read it (SQLite gives its helpers the same rights), and looks at one that is
/// there before SQLite does: what is no database must never be written to.
fn make_file(path: &Path) -> Result<(), Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(of_file(path, &error)),
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut head)).map_err(|error| of_file(path, &error))?;
    if head.is_empty() || head == b"SQLite format 3\0" {
        Ok(())
    } else {
        Err(Error::damaged(path, "it is not a database"))
    }
}

fn of_file(path: &Path, error: &std::io::Error) -> Error {
    if error.kind() == ErrorKind::StorageFull { Error::disk_full(path) } else { Error::io(path, error) }
}
