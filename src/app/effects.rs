//! Owns the carrying out of effects that need the store, files or programs: one call, the answering events.
//!
//! Every call may block; who must not wait runs it in a lane of its own. What belongs to the terminal itself
//! (suspend, clipboard, title, quitting) is the event loop's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use crate::accounts::AccountManager;
use crate::accounts::relay::{self, Unanswered};
use crate::app::clock::Clock;
use crate::app::mailbag::Mailbag;
use crate::config::open::Opener;
use crate::config::save;
use crate::mail::change::Change;
use crate::mail::document::{Attachment, Document, RenderOptions};
use crate::mail::email::{Email, Header};
use crate::mail::id::EmailId;
use crate::mail::mutation::{Edit, Mutation, Target};
use crate::mail::view::{Anchor, View};
use crate::mail::{parse, render};
use crate::store::{Error, HistoryEntry, NoticeKind, Store, StoreNotice};
use crate::ui::message::{AccountLine, Effect, Event, PastChange, ServerDid, ServerNotice, Targets, ThreadLine};

/// Rows that are turned into targets at once when a whole list is meant.
const ROWS_AT_ONCE: usize = 1_000;

/// Changes that are listed at once: the store keeps no more.
const MOST_HISTORY: usize = 1_000;

/// What effects are carried out with.
pub struct Desk {
    store: Store,
    accounts: RwLock<Vec<AccountLine>>,
    manager: Arc<OnceLock<Arc<AccountManager>>>,
    clock: Clock,
    downloads: PathBuf,
    opener: Mutex<Opener>,
    rendered: Mutex<Option<Rendered>>,
}

/// The text that was made last, and what it was made of: bytes that are here never change, but numbers are given anew.
struct Rendered {
    id: EmailId,
    size: u64,
    header: Header,
    options: RenderOptions,
    document: Box<Document>,
}

impl Desk {
    /// Sets the desk up; until it is given a manager nothing goes to any server.
    pub fn new(store: Store, accounts: Vec<AccountLine>, clock: Clock, downloads: PathBuf) -> Self {
        Self {
            store,
            accounts: RwLock::new(accounts),
            manager: Arc::default(),
            clock,
            downloads,
            opener: Mutex::default(),
            rendered: Mutex::default(),
        }
    }

    /// From now on this process does the network, for these accounts.
    pub fn employ(&self, manager: &Arc<AccountManager>, accounts: Vec<AccountLine>) {
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = accounts;
        *self.rendered() = None;
        let _ = self.manager.set(manager.clone());
        // Others may have edited something before there was anybody to tell.
        manager.edited();
    }

    /// Has every change of the store put into a bag.
    pub fn tell_changes(&self, bag: &Arc<Mailbag>) {
        let (ours, others, manager) = (bag.clone(), bag.clone(), self.manager.clone());
        self.store.subscribe(Box::new(move |change| ours.put_change(change)));
        self.store.hear_others(move || {
            others.put_change(&Change { folders: true, is_flood: true, ..Change::default() });
            if let Some(manager) = manager.get() {
                manager.edited();
            }
        });
    }

    /// Gives the clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Carries an effect out and gives its answers; an effect of the terminal's has none here.
    pub fn carry_out(&self, effect: Effect) -> Vec<Event> {
        match self.try_to(effect) {
            Ok(events) => events,
            Err(failed) => vec![failed],
        }
    }

    fn try_to(&self, effect: Effect) -> Result<Vec<Event>, Event> {
        let one = |event| Ok(vec![event]);
        match effect {
            Effect::LoadFolders => {
                let mailboxes = self.store.mailboxes(None).map_err(failed)?;
                Ok(vec![Event::Folders { accounts: self.accounts(), mailboxes }, self.notices()?])
            }
            Effect::LoadRows { slot, generation, view, anchor, limit } => {
                one(Event::Rows { slot, generation, rows: self.store.rows(&view, anchor, limit).map_err(failed)? })
            }
            Effect::Open { generation, email, options } => one(self.open(generation, email, options)?),
            Effect::MarkRead(emails) => {
                self.store.mark_seen(&emails, self.clock.unix()).map_err(failed)?;
                Ok(self.edited())
            }
            Effect::Edit { targets, edit, folder } => self.edit(targets, edit, folder.as_deref()),
            Effect::EditFolder(edit) => {
                let done = self.store.edit_folder(&edit, self.clock.unix()).map_err(failed)?;
                Ok(self.done(Event::Did(done)))
            }
            Effect::Restore(notice) => {
                let done = self.store.restore(notice, self.clock.unix()).map_err(failed)?;
                let mut events = self.done(Event::Did(done));
                events.push(self.notices()?);
                Ok(events)
            }
            Effect::LoadHistory => {
                let history = self.store.history(MOST_HISTORY).map_err(failed)?;
                one(Event::History(history.into_iter().map(past_change).collect()))
            }
            Effect::TakeBack(change) => {
                let done = self.store.take_back(change, self.clock.unix()).map_err(failed)?;
                Ok(self.done(done.map_or(Event::NothingToUndo, Event::Undid)))
            }
            Effect::CountPending => Ok(self.pending()),
            Effect::PutAside(notice) => {
                self.store.dismiss_notice(notice).map_err(failed)?;
                Ok(Vec::new())
            }
            Effect::Undo => {
                let done = self.store.undo(self.clock.unix()).map_err(failed)?;
                Ok(self.done(done.map_or(Event::NothingToUndo, Event::Undid)))
            }
            Effect::Redo => {
                let done = self.store.redo(self.clock.unix()).map_err(failed)?;
                Ok(self.done(done.map_or(Event::NothingToRedo, Event::Redid)))
            }
            Effect::SaveAttachment { email, number } => self.save(email, Some(number)),
            Effect::SaveAllAttachments { email } => self.save(email, None),
            Effect::OpenAttachment { email, number } => {
                let (attachments, message) = self.attachments(email)?;
                let attachment = attachments.iter().find(|attachment| attachment.number == number);
                let (attachment, bytes) = attachment
                    .and_then(|attachment| Some((attachment, message.attachment_bytes(number)?)))
                    .ok_or_else(|| not_there("this attachment"))?;
                let mut opener = self.opener.lock().unwrap_or_else(PoisonError::into_inner);
                opener
                    .open_attachment(attachment.media_type.as_str(), &bytes)
                    .map_err(|error| not_opened(&error, true))?;
                one(Event::Note(format!("Opened {}", attachment.name)))
            }
            Effect::OpenLink(link) => {
                let opener = self.opener.lock().unwrap_or_else(PoisonError::into_inner);
                opener.open_link(&link).map_err(|error| not_opened(&error, false))?;
                one(Event::Note("Opened in the browser".into()))
            }
            Effect::CheckNow => match self.manager.get() {
                Some(manager) => {
                    manager.check(|_| true);
                    Ok(Vec::new())
                }
                None => self.ask_another(),
            },
            Effect::CopyText(_)
            | Effect::WakeAt(_)
            | Effect::Suspend
            | Effect::Redraw
            | Effect::SetTitle(_)
            | Effect::Quit => Ok(Vec::new()),
        }
    }

    fn open(&self, generation: u64, id: EmailId, options: RenderOptions) -> Result<Event, Event> {
        let Some(email) = self.store.email(id).map_err(failed)? else { return Ok(Event::Gone { generation }) };
        let thread = self.store.thread(email.thread).map_err(failed)?;
        let document = self.document(&email, options).map_err(failed)?;
        if document.is_none()
            && let Some(manager) = self.manager.get()
        {
            manager.bring_body(email.account, id);
        }
        Ok(Event::Opened {
            generation,
            thread: thread.iter().map(thread_line).collect(),
            email: Box::new(email),
            document,
        })
    }

    /// Has the process that does the network look for news; what it finds is seen in the store.
    fn ask_another(&self) -> Result<Vec<Event>, Event> {
        let dir = self.store.path().parent().unwrap_or(Path::new("."));
        let names: Vec<String> = self.accounts().into_iter().map(|account| account.name).collect();
        match relay::ask(dir, &names) {
            Ok(_) => Ok(vec![Event::Note("The other Surat that is open looks for news now".into())]),
            Err(Unanswered::Still) => Err(Event::Failed {
                what: "The other Surat that is open does not answer".into(),
                remedy: "It may be suspended: `fg` in its terminal wakes it.".into(),
            }),
            Err(Unanswered::Gone(_)) => Err(Event::Failed {
                what: "Another Surat is at work with this mail, or ends just now".into(),
                remedy: "Ask again in a moment.".into(),
            }),
        }
    }

    /// Makes the text of a message, where its body is here; the one that was made last is made once.
    fn document(&self, email: &Email, options: RenderOptions) -> Result<Option<Box<Document>>, Error> {
        let is_same = |last: &Rendered| {
            (last.id, last.size, &last.header, last.options) == (email.id, email.size, &email.header, options)
        };
        if let Some(last) = self.rendered().as_ref().filter(|last| is_same(last)) {
            return Ok(Some(last.document.clone()));
        }
        let Some(raw) = self.store.raw(email.id)? else { return Ok(None) };
        let document = Box::new(render::document(&raw, &self.own_addresses(), options));
        let (id, size, header) = (email.id, email.size, email.header.clone());
        *self.rendered() = Some(Rendered { id, size, header, options, document: document.clone() });
        Ok(Some(document))
    }

    fn rendered(&self) -> MutexGuard<'_, Option<Rendered>> {
        self.rendered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> Vec<AccountLine> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn edit(&self, targets: Targets, edit: Edit, folder: Option<&str>) -> Result<Vec<Event>, Event> {
        let (targets, count, unit) = match targets {
            Targets::Rows { view, rows } => {
                (self.store.targets(&view, &rows).map_err(failed)?, rows.len(), "conversation")
            }
            Targets::AllBut { view, rows } => {
                let (targets, count) = self.all_but(&view, &rows).map_err(failed)?;
                (targets, count, "conversation")
            }
            Targets::Emails(targets) => {
                let count = targets.len();
                (targets, count, "message")
            }
        };
        let label = edit.past_tense(count, unit, folder);
        let done = self.store.edit(&Mutation { targets, edit }, self.clock.unix(), &label).map_err(failed)?;
        Ok(self.done(Event::Did(done)))
    }

    /// Walks a whole list but for some rows.
    fn all_but(&self, view: &View, spared: &[crate::mail::email::RowKey]) -> Result<(Vec<Target>, usize), Error> {
        let spared: std::collections::HashSet<_> = spared.iter().copied().collect();
        let (mut targets, mut count, mut anchor) = (Vec::new(), 0, Anchor::Top);
        loop {
            let page = self.store.rows(view, anchor, ROWS_AT_ONCE)?;
            let Some(last) = page.rows.last().map(|row| row.key) else { return Ok((targets, count)) };
            let keys: Vec<_> = page.rows.iter().map(|row| row.key).filter(|key| !spared.contains(key)).collect();
            count += keys.len();
            targets.extend(self.store.targets(view, &keys)?);
            if !page.has_after {
                return Ok((targets, count));
            }
            anchor = Anchor::After(last);
        }
    }

    /// Lets the workers know of an edit, and gives what waits now. The edit is made whether that can be counted or not.
    fn edited(&self) -> Vec<Event> {
        if let Some(manager) = self.manager.get() {
            manager.edited();
        }
        self.pending()
    }

    fn pending(&self) -> Vec<Event> {
        let pending = |account: &AccountLine| match self.store.pending_count(account.id) {
            Ok(pending) => Some(Event::Pending { account: account.id, pending }),
            Err(error) => {
                tracing::warn!(%error, account = %account.name, "what waits could not be counted");
                None
            }
        };
        self.accounts().iter().filter_map(pending).collect()
    }

    fn notices(&self) -> Result<Event, Event> {
        Ok(Event::Notices(self.store.notices().map_err(failed)?.into_iter().map(server_notice).collect()))
    }

    fn done(&self, done: Event) -> Vec<Event> {
        let mut events = vec![done];
        events.extend(self.edited());
        events
    }

    fn own_addresses(&self) -> Vec<String> {
        self.accounts().into_iter().flat_map(|account| account.own_addresses).collect()
    }

    fn attachments(&self, email: EmailId) -> Result<(Vec<Attachment>, parse::Message), Event> {
        let raw = self.store.raw(email).map_err(failed)?.ok_or_else(|| not_there("the message"))?;
        let message = parse::message(&raw);
        Ok((message.attachments(), message))
    }

    fn save(&self, email: EmailId, number: Option<usize>) -> Result<Vec<Event>, Event> {
        let (attachments, message) = self.attachments(email)?;
        let wanted = attachments.iter().filter(|attachment| number.is_none_or(|number| attachment.number == number));
        let mut saved = Vec::new();
        for attachment in wanted {
            let bytes = message.attachment_bytes(attachment.number).ok_or_else(|| not_there("this attachment"))?;
            save::make_folder(&self.downloads).map_err(refused)?;
            saved.push(save::save_file(&self.downloads, &attachment.name, &bytes).map_err(refused)?);
        }
        let path = match saved.as_slice() {
            [] => return Err(not_there("this attachment")),
            [one] => one.display().to_string(),
            _ => self.downloads.display().to_string(),
        };
        Ok(vec![Event::Saved { path, files: saved.len() }])
    }
}

fn thread_line(email: &Email) -> ThreadLine {
    ThreadLine {
        email: email.id,
        from: email.header.from.first().cloned().unwrap_or_default(),
        received: email.received,
        is_unread: !email.keywords.is_seen(),
        is_flagged: email.keywords.is_flagged(),
        has_attachment: email.has_attachment,
        preview: email.preview.clone(),
    }
}

fn failed(error: Error) -> Event {
    Event::Failed { what: error.what, remedy: error.remedy }
}

fn refused(error: crate::config::Error) -> Event {
    Event::Failed { what: error.to_string(), remedy: String::new() }
}

fn not_opened(error: &crate::config::Error, is_attachment: bool) -> Event {
    Event::NotOpened { what: error.to_string(), is_attachment }
}

fn server_notice(notice: StoreNotice) -> ServerNotice {
    let what = match notice.kind {
        NoticeKind::MassVanish => ServerDid::Lost(notice.emails),
        NoticeKind::Refused => ServerDid::Refused(notice.text),
    };
    ServerNotice { number: notice.id, at: notice.at, mailbox: notice.mailbox, what }
}

fn past_change(entry: HistoryEntry) -> PastChange {
    PastChange { id: entry.id, at: entry.at, label: entry.label, is_undone: entry.is_undone }
}

fn not_there(what: &str) -> Event {
    Event::Failed { what: format!("{what} is not here"), remedy: "It may still be on its way.".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mutation::Done;

    #[test]
    fn an_edit_is_told_though_nothing_can_be_counted_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let account = AccountLine {
            id: store.account("work").unwrap(),
            name: "work".into(),
            email: "ana@work.test".into(),
            own_addresses: Vec::new(),
        };
        let account_id = account.id;
        let desk = Desk::new(store.clone(), vec![account], Clock::start(None), dir.path().to_owned());
        let star = || Effect::Edit {
            targets: Targets::Emails(Vec::new()),
            edit: Edit::Keyword(crate::mail::keyword::FLAGGED.into(), true),
            folder: None,
        };
        let did =
            Event::Did(Done { label: "Starred 0 messages".into(), emails: 0, accounts: Vec::new(), made: Vec::new() });
        assert_eq!(desk.carry_out(star()), [did.clone(), Event::Pending { account: account_id, pending: 0 }]);
        // The one that writes has the database open; whoever counts would open it anew.
        store.close();
        let path = store.path().to_owned();
        std::fs::rename(&path, path.with_extension("away")).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(store.pending_count(account_id).is_err());
        assert_eq!(desk.carry_out(star()), [did]);
    }
}
