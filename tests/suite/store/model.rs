//! A server made of maps: what the planned operations do to it, what another client does to it, and how a link to it
//! breaks. It knows nothing of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use surat::backend::{Backend, Error, Kind, Known, News, Offer, Outcome, Traffic};
use surat::mail::keyword::{DELETED, Keywords};
use surat::mail::mailbox::Role;
use surat::mail::remote::{Applied, Arrived, Cursor, Delta, RemoteId, RemoteMailbox, RemoteOperation, Slice, Want};
use surat::mail::time::UnixTime;
use tokio::sync::mpsc::Sender;

use super::message;

/// A message on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub raw: Vec<u8>,
    pub keywords: Keywords,
    pub received: UnixTime,
    /// When it changed last.
    pub change: u64,
}

impl Mail {
    /// A letter with a number; the lines of every second one end as those of a file do.
    pub fn new(number: i64) -> Self {
        let end = if number % 2 == 0 { "\n" } else { "\r\n" };
        let raw = format!("Subject: Subject {number}{end}{end}Letter {number}{end}").into_bytes();
        Self { raw, keywords: Keywords::default(), received: message(number).received, change: 0 }
    }

    pub fn number(&self) -> i64 {
        let text = std::str::from_utf8(&self.raw).unwrap();
        text.lines().next().unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    pub fn is_deleted(&self) -> bool {
        self.keywords.contains(DELETED)
    }
}

/// A mailbox on the server.
#[derive(Debug, Clone)]
pub struct Folder {
    pub validity: u64,
    pub next: u64,
    pub role: Option<Role>,
    pub is_subscribed: bool,
    pub mails: BTreeMap<u64, Mail>,
}

impl Folder {
    pub fn id(&self, number: u64) -> RemoteId {
        RemoteId(format!("{}:{number}", self.validity))
    }

    /// Finds a message by an id, unless the id is of another life of the mailbox.
    fn number_of(&self, id: &RemoteId) -> Option<u64> {
        let (validity, number) = id.0.split_once(':')?;
        let number = number.parse().ok()?;
        (validity == self.validity.to_string() && self.mails.contains_key(&number)).then_some(number)
    }
}

/// What a server can do and what it does not like.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    pub can_move: bool,
    pub can_compare: bool,
    /// Tells the ids of what it copies and adds.
    pub tells_ids: bool,
    /// Removes what it is told to; else it only marks it.
    pub removes: bool,
    /// Keeps the time of receiving of what is added.
    pub keeps_time: bool,
    /// Calls copies of one message the same.
    pub names_objects: bool,
    /// Folders that nobody may change.
    pub read_only: BTreeSet<String>,
}

/// The server.
#[derive(Debug, Default)]
pub struct Server {
    pub folders: BTreeMap<String, Folder>,
    pub habits: Habits,
    changes: u64,
    validities: u64,
}

impl Server {
    pub fn new(habits: Habits) -> Self {
        let mut server = Self { habits, ..Self::default() };
        for (path, role) in [("INBOX", Role::Inbox), ("Archive", Role::Archive), ("Trash", Role::Trash)] {
            server.create(path, Some(role));
        }
        server.create("Work", None);
        server.create("Work/Reef", None);
        server
    }

    fn tick(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    pub fn create(&mut self, path: &str, role: Option<Role>) {
        if !self.folders.contains_key(path) {
            self.validities += 1;
            let folder =
                Folder { validity: self.validities, next: 1, role, is_subscribed: true, mails: BTreeMap::new() };
            self.folders.insert(path.to_owned(), folder);
        }
    }

    pub fn add(&mut self, path: &str, mut mail: Mail) -> Option<RemoteId> {
        mail.change = self.tick();
        let folder = self.folders.get_mut(path)?;
        let number = folder.next;
        folder.next += 1;
        folder.mails.insert(number, mail);
        Some(folder.id(number))
    }

    /// Every message with its place.
    pub fn all(&self) -> Vec<(String, u64)> {
        let of = |(path, folder): (&String, &Folder)| {
            folder.mails.keys().map(|number| (path.clone(), *number)).collect::<Vec<_>>()
        };
        self.folders.iter().flat_map(of).collect()
    }

    pub fn mail(&self, path: &str, number: u64) -> &Mail {
        &self.folders[path].mails[&number]
    }

    pub fn set_keywords(&mut self, path: &str, number: u64, keywords: Keywords) {
        let change = self.tick();
        let mail = self.folders.get_mut(path).unwrap().mails.get_mut(&number).unwrap();
        if mail.keywords != keywords {
            mail.keywords = keywords;
            mail.change = change;
        }
    }

    pub fn expunge(&mut self, path: &str, number: u64) -> Mail {
        self.folders.get_mut(path).unwrap().mails.remove(&number).unwrap()
    }

    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let below = format!("{to}/");
        if from == "INBOX" || to.starts_with(&format!("{from}/")) || !self.folders.contains_key(from) {
            return false;
        }
        if self.folders.keys().any(|path| path == to || path.starts_with(&below)) {
            return false;
        }
        let moved: Vec<String> = self
            .folders
            .keys()
            .filter(|path| *path == from || path.starts_with(&format!("{from}/")))
            .cloned()
            .collect();
        for path in moved {
            let folder = self.folders.remove(&path).unwrap();
            self.folders.insert(format!("{to}{}", &path[from.len()..]), folder);
        }
        true
    }

    /// Numbers a folder anew, in another order.
    pub fn renumber(&mut self, path: &str) {
        self.validities += 1;
        let folder = self.folders.get_mut(path).unwrap();
        folder.validity = self.validities;
        let mails = std::mem::take(&mut folder.mails);
        folder.next = 1;
        for (_, mail) in mails.into_iter().rev() {
            folder.mails.insert(folder.next, mail);
            folder.next += 1;
        }
    }

    fn carry_out(&mut self, operation: &RemoteOperation) -> Outcome {
        let touched: Vec<&str> = match operation {
            RemoteOperation::Keywords { mailbox, .. }
            | RemoteOperation::Append { mailbox, .. }
            | RemoteOperation::Remove { mailbox, .. } => vec![mailbox],
            RemoteOperation::Copy { to, .. } => vec![to],
            RemoteOperation::Move { from, to, .. } => vec![from, to],
            RemoteOperation::RenameMailbox { path, .. } | RemoteOperation::DeleteMailbox { path } => vec![path],
            _ => Vec::new(),
        };
        if touched.iter().any(|path| self.habits.read_only.contains(*path)) {
            return Err(refused("you may not change this folder"));
        }
        let mut applied = Applied::default();
        match operation {
            RemoteOperation::Keywords { mailbox, ids, add, remove, unchanged_since } => {
                let folder = self.folders.get(mailbox).ok_or_else(|| refused("no such folder"))?;
                let since = unchanged_since.as_ref().and_then(|cursor| change_of(cursor, folder.validity));
                for id in ids {
                    let Some(number) = self.folders[mailbox].number_of(id) else { continue };
                    let mail = self.mail(mailbox, number);
                    if unchanged_since.is_some() && since.is_none_or(|since| mail.change > since) {
                        applied.left_alone.push(id.clone());
                        continue;
                    }
                    let mut keywords = mail.keywords.clone();
                    add.iter().for_each(|keyword| keywords.insert(keyword));
                    remove.iter().for_each(|keyword| keywords.remove(keyword));
                    self.set_keywords(mailbox, number, keywords);
                }
            }
            RemoteOperation::Copy { from, ids, to } => self.copy(from, ids, to, false, &mut applied)?,
            RemoteOperation::Move { from, ids, to } => self.copy(from, ids, to, true, &mut applied)?,
            RemoteOperation::Append { mailbox, bytes, keywords, received } => {
                let received = if self.habits.keeps_time { *received } else { UnixTime(received.0 + 7) };
                // On this server every line ends as in mail.
                let text = String::from_utf8(bytes.clone()).unwrap();
                let raw = text.lines().map(|line| format!("{line}\r\n")).collect::<String>().into_bytes();
                let mail = Mail { raw, keywords: keywords.clone(), received, change: 0 };
                let id = self.add(mailbox, mail).ok_or_else(|| refused("no such folder"))?;
                if self.habits.tells_ids {
                    applied.tells_ids = true;
                    applied.became.push((RemoteId(String::new()), id));
                }
            }
            RemoteOperation::Remove { mailbox, ids } => {
                applied.is_only_marked = !self.habits.removes;
                for id in ids {
                    let folder = self.folders.get(mailbox).ok_or_else(|| refused("no such folder"))?;
                    let Some(number) = folder.number_of(id) else { continue };
                    if self.habits.removes {
                        self.expunge(mailbox, number);
                    } else {
                        let mut keywords = self.mail(mailbox, number).keywords.clone();
                        keywords.insert(DELETED);
                        self.set_keywords(mailbox, number, keywords);
                    }
                }
            }
            RemoteOperation::CreateMailbox { name, role } => {
                self.create(name, *role);
                applied.path = Some(name.clone());
            }
            RemoteOperation::RenameMailbox { path, name } => {
                let is_done_already = self.folders.contains_key(name) && !self.folders.contains_key(path);
                if !is_done_already && !self.rename(path, name) {
                    return Err(refused("there is one of that name"));
                }
                applied.path = Some(name.clone());
            }
            RemoteOperation::DeleteMailbox { path } => match self.folders.get(path) {
                Some(folder) if !folder.mails.values().all(Mail::is_deleted) => {
                    return Err(refused("there is mail in it"));
                }
                _ => drop(self.folders.remove(path)),
            },
            RemoteOperation::Subscribe { path, on } => {
                self.folders.get_mut(path).ok_or_else(|| refused("no such folder"))?.is_subscribed = *on;
            }
        }
        Ok(applied)
    }

    fn copy(
        &mut self,
        from: &str,
        ids: &[RemoteId],
        to: &str,
        is_move: bool,
        applied: &mut Applied,
    ) -> Result<(), Error> {
        if !self.folders.contains_key(from) || !self.folders.contains_key(to) {
            return Err(refused("no such folder"));
        }
        applied.tells_ids = self.habits.tells_ids;
        for id in ids {
            let Some(number) = self.folders[from].number_of(id) else { continue };
            let mail = if is_move { self.expunge(from, number) } else { self.mail(from, number).clone() };
            let new = self.add(to, mail).unwrap();
            if self.habits.tells_ids {
                applied.became.push((id.clone(), new));
            }
        }
        Ok(())
    }
}

fn change_of(cursor: &Cursor, validity: u64) -> Option<u64> {
    let mut parts = cursor.0.split(':').map(|part| part.parse::<u64>().unwrap());
    let (of, _, change) = (parts.next()?, parts.next()?, parts.next()?);
    (of == validity).then_some(change)
}

fn refused(why: &'static str) -> Error {
    Error::new(Kind::Refused, "the model", "changing", why).with_server_words(why)
}

/// Where a link breaks.
#[derive(Debug, Clone, Copy)]
pub struct Break {
    /// After so many steps: lists, reads, operations.
    pub after: usize,
    /// Whether the step at which it breaks was taken by the server nevertheless.
    pub is_done: bool,
}

/// A link to the server.
pub struct Link {
    server: Arc<Mutex<Server>>,
    breaks: Option<Break>,
}

impl Link {
    pub fn new(server: Arc<Mutex<Server>>, breaks: Option<Break>) -> Self {
        Self { server, breaks }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    /// Counts a step; says at the last one whether it is done.
    fn step(&mut self) -> Option<bool> {
        let at = self.breaks.as_mut()?;
        match at.after {
            0 => Some(at.is_done),
            _ => {
                at.after -= 1;
                None
            }
        }
    }
}

fn broken() -> Error {
    Error::new(Kind::Network, "the model", "working", "the link broke")
}

impl Backend for Link {
    fn offer(&self) -> Offer {
        let habits = &self.server().habits;
        Offer { can_move: habits.can_move, can_compare: habits.can_compare, ..Offer::default() }
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn mailboxes(&mut self) -> Result<Vec<RemoteMailbox>, Error> {
        if self.step().is_some() {
            return Err(broken());
        }
        let listed = |(path, folder): (&String, &Folder)| RemoteMailbox {
            path: path.clone(),
            name: path.clone(),
            role: folder.role,
            is_selectable: true,
            is_subscribed: folder.is_subscribed,
        };
        Ok(self.server().folders.iter().map(listed).collect())
    }

    async fn changes(
        &mut self,
        path: &str,
        cursor: Option<&Cursor>,
        known: &impl Known,
        out: &Sender<Delta>,
    ) -> Result<(), Error> {
        let step = self.step();
        let Some(folder) = self.server().folders.get(path).cloned() else { return Err(refused("no such folder")) };
        let changes = self.server().changes;
        let names_objects = self.server().habits.names_objects;
        let mut known: BTreeMap<RemoteId, Keywords> = known.remotes().await?.into_iter().collect();
        let mut deltas = Vec::new();
        if cursor.is_some_and(|cursor| change_of(cursor, folder.validity).is_none()) {
            deltas.push(Delta::Reset);
            known.clear();
        }
        for (number, mail) in folder.mails.iter().rev() {
            let id = folder.id(*number);
            match known.remove(&id) {
                Some(keywords) if keywords == mail.keywords => {}
                Some(_) => deltas.push(Delta::Keywords(id, mail.keywords.clone())),
                None => {
                    let number = mail.number();
                    let arrived = Arrived {
                        id,
                        keywords: mail.keywords.clone(),
                        received: mail.received,
                        size: mail.raw.len() as u64,
                        object_id: names_objects.then(|| number.to_string()),
                        ..message(number)
                    };
                    deltas.push(Delta::Arrived(Box::new(arrived)));
                }
            }
        }
        if !known.is_empty() {
            deltas.push(Delta::Vanished(known.into_keys().collect()));
        }
        deltas.push(Delta::Commit(Cursor(format!("{}:{}:{changes}", folder.validity, folder.next))));
        if let Some(is_done) = step {
            // What comes before the break was said, but not to its end.
            deltas.truncate(if is_done { deltas.len() } else { deltas.len() / 2 });
        }
        for delta in deltas {
            out.send(delta).await.map_err(|_| broken())?;
        }
        if step.is_some() { Err(broken()) } else { Ok(()) }
    }

    async fn fetch(&mut self, path: &str, wants: &[Want], out: &Sender<Slice>) -> Result<(), Error> {
        if self.step().is_some() {
            return Err(broken());
        }
        let Some(folder) = self.server().folders.get(path).cloned() else { return Err(refused("no such folder")) };
        for want in wants {
            let Some(number) = folder.number_of(&want.id) else { continue };
            let slice =
                Slice { id: want.id.clone(), offset: 0, bytes: folder.mails[&number].raw.clone(), is_last: true };
            out.send(slice).await.map_err(|_| broken())?;
        }
        Ok(())
    }

    async fn apply(&mut self, operations: &[RemoteOperation], outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
        for operation in operations {
            match self.step() {
                Some(is_done) => {
                    if is_done {
                        drop(self.server().carry_out(operation));
                    }
                    return Err(broken());
                }
                None => outcomes.push(self.server().carry_out(operation)),
            }
        }
        Ok(())
    }

    fn is_beyond(&self, cursor: &Cursor, id: &RemoteId) -> bool {
        let parts = |text: &str| text.split(':').map(|part| part.parse().unwrap()).collect::<Vec<u64>>();
        let (cursor, id) = (parts(&cursor.0), parts(&id.0));
        cursor[0] != id[0] || id[1] >= cursor[1]
    }

    async fn wait(&mut self, _: &str, _: Duration) -> Result<News, Error> {
        Ok(News::TimedOut)
    }

    async fn close(&mut self) {}
}
