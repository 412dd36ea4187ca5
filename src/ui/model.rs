//! Owns the model of the screen: what is shown, where the focus is, what is waited for.
//!
//! How messages change it stands in `update` and its neighbours, how it looks in `view`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::config::command::{CommandId, Context};
use crate::config::key::{Key, spell};
use crate::config::keymap::Keymap;
use crate::config::theme::Theme;
use crate::mail::account::{AccountStatus, Notice};
use crate::mail::id::{AccountId, MailboxId, ThreadId};
use crate::mail::mailbox::Mailbox;
use crate::mail::mutation::{Edit, FolderEdit};
use crate::mail::safe::SafeText;
use crate::mail::view::View;
use crate::mail::wrap;
use crate::ui::folders::Folders;
use crate::ui::layout::{Layout, MEDIUM};
use crate::ui::links::Links;
use crate::ui::list::List;
use crate::ui::message::{Moment, ServerDid, ServerNotice, Targets};
use crate::ui::picker::Picker;
use crate::ui::prompt::Prompt;
use crate::ui::reader::Reader;
use crate::ui::search::Search;
use crate::ui::text;
use crate::ui::theme::Look;

/// What is decided before the screen starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The keys.
    pub keymap: Keymap,
    /// The theme of the configuration.
    pub theme: Theme,
    /// Whether colours may be used (`NO_COLOR`, `--no-color`).
    pub color: bool,
    /// Whether the terminal has 256 colours or more.
    pub many_colors: bool,
    /// Whether this is `surat demo`.
    pub is_demo: bool,
    /// The user's time zone.
    pub zone: TimeZone,
    /// What is wrong in the configuration: it stays marked in the top line, and help says it again.
    pub mistake: Option<String>,
    /// Other things to say at the start.
    pub notes: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keymap: Keymap::default(),
            theme: Theme::Auto,
            color: true,
            many_colors: false,
            is_demo: false,
            zone: TimeZone::UTC,
            mistake: None,
            notes: Vec::new(),
        }
    }
}

/// A list that can be gone to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    AllInboxes,
    Starred,
    Mailbox(MailboxId),
}

impl Place {
    pub(super) fn view(self) -> View {
        match self {
            Place::AllInboxes => View::AllInboxes,
            Place::Starred => View::Starred,
            Place::Mailbox(id) => View::Mailbox(id),
        }
    }
}

/// The pane that keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Focus {
    #[default]
    List,
    Reader,
    Folders,
}

/// Where the message stands on wide screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Preview {
    #[default]
    Auto,
    Below,
    Beside,
    Off,
}

/// What lies over the panes.
#[derive(Debug, Clone)]
pub(super) enum Overlay {
    Picker(Picker),
    Links(Links),
    Question(Question),
    Prompt(Prompt),
}

/// Something asked before it is done, because it is much, or can be taken back only for a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) title: &'static str,
    pub(super) text: String,
    /// What the answer yes does.
    pub(super) yes: &'static str,
    pub(super) asked: Asked,
    /// Keys that were on their way before the question could be read do not answer it.
    pub(super) deaf_until: u64,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    Mail(Targets, Edit),
    Folder(FolderEdit),
}

impl Question {
    /// Gives what the keys do.
    pub(super) fn hints(&self) -> String {
        format!("y {} · any other key keeps", self.yes)
    }
}

/// The line above the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Toast {
    pub(super) text: String,
    pub(super) kind: ToastKind,
    /// When it goes by itself; errors stay until Esc.
    pub(super) until: Option<u64>,
}

/// How a line above the footer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Dim,
    Accent,
    Good,
    Warn,
    Bad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToastKind {
    Done,
    Note,
    Error,
}

/// What an account does, as told last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Link {
    pub(super) status: AccountStatus,
    pub(super) pending: u64,
    pub(super) waiting: Waiting,
}

/// For how long changes have been waiting to go to a server that is at work: what travels at once is not spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Waiting {
    #[default]
    Nothing,
    Since(u64),
    /// Long, by what was told then: it is being counted again.
    Asked,
    Long,
}

impl Link {
    /// Takes in what an account does and how many changes wait there.
    pub(super) fn take_pending(&mut self, pending: u64, now: u64) {
        self.pending = pending;
        self.waiting = match (pending, self.waiting) {
            (0, _) => Waiting::Nothing,
            (_, Waiting::Nothing) => Waiting::Since(now),
            (_, Waiting::Asked) => Waiting::Long,
            (_, waiting) => waiting,
        };
    }

    /// Gives how many changes wait that are to be spoken of.
    pub(super) fn spoken_of(&self) -> u64 {
        if self.is_resting() || self.waiting == Waiting::Long { self.pending } else { 0 }
    }

    /// Says whether the worker does nothing by itself for now.
    pub(super) fn is_resting(&self) -> bool {
        matches!(self.status, AccountStatus::Offline { .. } | AccountStatus::Blocked(_) | AccountStatus::Paused)
    }
}

/// Milliseconds that a line about what was done stays.
pub(super) const TOAST: u64 = 6_000;
/// Milliseconds after which something that has not come yet is said to be loading.
pub(super) const PATIENCE: u64 = 150;
/// Milliseconds after which a change that has not reached its server yet is spoken of.
pub(super) const PUSH_PATIENCE: u64 = 3_000;

/// Everything that the screen knows.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) settings: Settings,
    pub(super) is_light: bool,
    pub(super) now: Moment,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) generation: u64,
    pub(super) focus: Focus,
    pub(super) shows_folders: bool,
    pub(super) preview: Preview,
    pub(super) folders: Folders,
    /// Whether the counts of the folders changed since they were read.
    pub(super) folders_stale: bool,
    pub(super) folders_asked: bool,
    pub(super) folders_next: u64,
    /// Whether anybody was at the keyboard yet.
    pub(super) is_touched: bool,
    /// Whether the first list is the one that it should be.
    pub(super) is_home_chosen: bool,
    pub(super) list: List,
    pub(super) reader: Reader,
    pub(super) search: Option<Search>,
    pub(super) overlay: Option<Overlay>,
    /// The links that help was opened over, to come back to.
    pub(super) links_under: Option<Links>,
    pub(super) hunt: Option<Hunt>,
    pub(super) toast: Option<Toast>,
    pub(super) statuses: BTreeMap<AccountId, Link>,
    /// The notices that Esc put away: each comes back when it changes.
    pub(super) read_notices: Vec<Notice>,
    /// What servers did that was not put aside.
    pub(super) server_notices: Vec<ServerNotice>,
    /// The keys of an unfinished sequence.
    pub(super) keys: Vec<Key>,
    pub(super) keys_since: u64,
    pub(super) shows_keys: bool,
    pub(super) count: Option<usize>,
    pub(super) last_delete: Option<(u64, Option<ThreadId>)>,
    pub(super) last_click: Option<(u64, u16, u16)>,
    pub(super) recent_commands: Vec<CommandId>,
    pub(super) recent_folders: Vec<MailboxId>,
    /// Edits that are on their way to the store: the change they make is shown at once.
    pub(super) own_edits: usize,
    pub(super) wake: Option<u64>,
    pub(super) title: SafeText,
}

/// The hunt for an unread conversation beyond the rows that are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunt {
    pub(super) generation: u64,
    pub(super) is_down: bool,
    pub(super) pages_left: usize,
}

impl Model {
    /// Builds the model; the first message to it is [`Event::Started`](crate::ui::message::Event::Started).
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            is_light: false,
            now: Moment::default(),
            width: 80,
            height: 24,
            generation: 0,
            focus: Focus::List,
            shows_folders: true,
            preview: Preview::Auto,
            folders: Folders::default(),
            folders_stale: false,
            folders_asked: false,
            folders_next: 0,
            is_touched: false,
            is_home_chosen: false,
            list: List::new(Place::AllInboxes, View::AllInboxes),
            reader: Reader::default(),
            search: None,
            overlay: None,
            links_under: None,
            hunt: None,
            toast: None,
            statuses: BTreeMap::new(),
            read_notices: Vec::new(),
            server_notices: Vec::new(),
            keys: Vec::new(),
            keys_since: 0,
            shows_keys: false,
            count: None,
            last_delete: None,
            last_click: None,
            recent_commands: Vec::new(),
            recent_folders: Vec::new(),
            own_edits: 0,
            wake: None,
            title: SafeText::default(),
        }
    }

    /// Says whether keys go to the text of the search.
    pub(super) fn is_searching(&self) -> bool {
        self.overlay.is_none()
            && self.focus == Focus::List
            && self.search.as_ref().is_some_and(|search| search.is_typing)
    }

    pub(super) fn look(&self) -> Look {
        Look::new(&self.settings, self.is_light)
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::of(self)
    }

    /// Says whether the message has the focus, or had it before the folders were laid over it.
    pub(super) fn shows_reader(&self) -> bool {
        self.focus == Focus::Reader
    }

    /// Gives where keys go.
    pub(super) fn context(&self) -> Context {
        match (&self.overlay, self.focus) {
            (Some(Overlay::Links(_)), _) => Context::Links,
            (_, Focus::List) => Context::List,
            (_, Focus::Reader) => Context::Reader,
            (_, Focus::Folders) => Context::Folders,
        }
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Says something that goes by itself.
    pub(super) fn say(&mut self, kind: ToastKind, text: impl Into<String>) {
        let until = (kind != ToastKind::Error).then_some(self.now.millis + TOAST);
        self.toast = Some(Toast { text: text::safe(&text.into()), kind, until });
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.say(ToastKind::Note, text);
    }

    /// Gives the first key of a command where the focus is, as it is written.
    pub(super) fn key_of(&self, command: CommandId) -> Option<String> {
        self.settings.keymap.first_key(self.context(), command)
    }

    /// Gives the keys of a command with what they do, for the end of a sentence: ` · z undo`.
    pub(super) fn hint(&self, command: CommandId, what: &str) -> String {
        let context = if self.context() == Context::Links { Context::List } else { self.context() };
        let key = self.settings.keymap.first_key(context, command);
        key.map(|key| format!(" · {key} {what}")).unwrap_or_default()
    }

    /// Gives the notice that a person must act on, unless it was put away.
    pub(super) fn notice(&self) -> Option<&Notice> {
        self.unread_notices().next()
    }

    fn unread_notices(&self) -> impl Iterator<Item = &Notice> {
        self.statuses.values().filter_map(|link| match &link.status {
            AccountStatus::Blocked(notice) if !self.read_notices.contains(notice) => Some(notice),
            _ => None,
        })
    }

    /// Puts away the notice that is shown. Gives the number of one that the store keeps.
    pub(super) fn put_notice_away(&mut self) -> Option<i64> {
        if let Some(notice) = self.notice().cloned() {
            self.read_notices.push(notice);
            return None;
        }
        (!self.server_notices.is_empty()).then(|| self.server_notices.remove(0).number)
    }

    /// Says whether a notice stands above the footer.
    pub(super) fn has_notice(&self) -> bool {
        self.notice().is_some() || !self.server_notices.is_empty()
    }

    /// Gives the notice of mail that was lost and can be put back.
    pub(super) fn lost(&self) -> Option<&ServerNotice> {
        self.server_notices.iter().find(|notice| matches!(notice.what, ServerDid::Lost(_)))
    }

    /// Gives the words that a search marks in what it found.
    pub(super) fn found_words(&self) -> &[String] {
        self.search.as_ref().map(|search| search.words.as_slice()).unwrap_or_default()
    }

    /// Gives the lines of the notice above the footer: what happened, what to do, and how to put it away.
    pub(super) fn banner(&self) -> Vec<String> {
        let (mut lines, rest) = match (self.notice(), self.server_notices.first()) {
            (Some(notice), _) => {
                let account = notice.account.as_ref().map(|account| format!("{}: ", text::safe(account)));
                let mut lines = vec![format!("✗ {}{}", account.unwrap_or_default(), text::safe(&notice.what))];
                if !notice.remedy.is_empty() {
                    lines.push(text::safe(&notice.remedy));
                }
                if let Some(words) = &notice.server_says {
                    lines.push(format!("The server says: {}", text::safe(words)));
                }
                (lines, None)
            }
            (None, Some(notice)) => self.told(notice),
            (None, None) => return Vec::new(),
        };
        if let (Some(last), Some(key)) =
            (lines.last_mut(), self.settings.keymap.first_key(Context::List, CommandId::Close))
        {
            last.push_str(&format!(" · {key} puts this away"));
            let behind = self.unread_notices().count() + self.server_notices.len() - 1;
            if behind > 0 {
                last.push_str(&format!(", {behind} more behind it"));
            }
        }
        lines.extend(rest);
        let columns = usize::from(self.width.saturating_sub(4)).max(20);
        let wrapped = lines.iter().flat_map(|line| wrap::wrap(&[wrap::Run::new(line.as_str(), ())], columns, columns));
        let lines = wrapped.map(|runs| runs.into_iter().map(|run| run.text).collect::<String>());
        lines.enumerate().map(|(at, line)| if at == 0 { line } else { format!("  {line}") }).collect()
    }

    /// Says what a server did and what can be done about it, then what else is good to know.
    fn told(&self, notice: &ServerNotice) -> (Vec<String>, Option<String>) {
        let day = notice.at.in_list(self.now.unix, &self.settings.zone);
        match &notice.what {
            ServerDid::Lost(emails) => {
                let mails = text::counted(*emails, "message");
                let folder = self.folders.title(Place::Mailbox(notice.mailbox));
                let mut lines = vec![format!("! {mails} vanished at once from {folder} on the server ({day}).")];
                let key = self.settings.keymap.first_key(Context::List, CommandId::Restore);
                lines.extend(key.map(|key| format!("{key} puts them back")));
                let more = "If you did not delete them, look into the account elsewhere, on the web or on a telephone. \
                            Their bytes stay on this computer for 30 days.";
                (lines, Some(more.to_owned()))
            }
            ServerDid::Refused(sentence) => {
                let account = self.folders.mailbox(notice.mailbox).and_then(|it| self.folders.account(it.account));
                let account = account.filter(|_| self.folders.accounts.len() > 1);
                let account = account.map(|account| format!("{}: ", text::safe(&account.name))).unwrap_or_default();
                (vec![format!("! {account}{} ({day})", text::safe(sentence))], None)
            }
        }
    }

    /// Gives the lines above the footer: what just happened, what is waited for.
    pub(super) fn line(&self) -> Vec<(String, Tone)> {
        let query_note = self.search.as_ref().and_then(|search| search.notes.first());
        let query_note = query_note.map(|note| (format!("! {}", text::safe(note)), Tone::Warn));
        let (text, tone) = if !self.keys.is_empty() {
            (format!("{} …  waiting for the next key", spell(&self.keys)), Tone::Accent)
        } else if let Some(note) = query_note.clone().filter(|_| self.is_searching()) {
            note
        } else if let Some(toast) = &self.toast {
            let tone = match toast.kind {
                ToastKind::Done => Tone::Good,
                ToastKind::Note => Tone::Plain,
                ToastKind::Error => Tone::Bad,
            };
            (toast.text.clone(), tone)
        } else if let Some(note) = query_note {
            note
        } else if self.hunt.is_some() {
            ("Looking for unread mail …".to_owned(), Tone::Dim)
        } else {
            return Vec::new();
        };
        let marks = wrap::width(&self.marks());
        let gap = if marks == 0 { 0 } else { 2 };
        let columns = usize::from(self.width).saturating_sub(2 + marks + gap).max(10);
        let lines = wrap::wrap(&[wrap::Run::new(text, ())], columns, columns);
        lines.into_iter().map(|runs| (runs.into_iter().map(|run| run.text).collect(), tone)).collect()
    }

    /// Gives what is marked, or the count being typed, for the right end of the line above the footer.
    pub(super) fn marks(&self) -> String {
        if let Some(count) = self.count {
            return format!("{count} …");
        }
        if self.list.marks.is_empty() {
            return String::new();
        }
        let count = self.list.marked().map_or_else(|| "all".to_owned(), text::number);
        let is_tight = self.width < MEDIUM && (self.toast.is_some() || !self.keys.is_empty());
        if is_tight {
            return format!("✓ {count}");
        }
        let range = if self.list.has_range() { " · v ends" } else { "" };
        format!("✓ {count} marked{range} · Esc clears")
    }

    /// Says why there is no mail of an account, where none ever came and the account is not known to be empty.
    pub(super) fn why_no_mail(&self, account: AccountId) -> Option<String> {
        let has_mail = |mailbox: &Mailbox| mailbox.account == account && mailbox.total > 0;
        if self.folders.mailboxes.iter().any(has_mail) {
            return None;
        }
        let name = self.folders.account(account).map(|account| text::safe(&account.name)).unwrap_or_default();
        Some(match self.statuses.get(&account).map(|link| &link.status) {
            Some(AccountStatus::Online) => return None,
            Some(AccountStatus::Connecting | AccountStatus::Syncing(_)) => {
                "Nothing here yet: mail is being fetched.".to_owned()
            }
            Some(AccountStatus::Offline { reason, .. }) => {
                format!("No mail has come yet: {name} is offline ({}).", text::safe(reason))
            }
            Some(AccountStatus::Blocked(notice)) => {
                format!("No mail has come yet: {name} is stopped ({}).", text::safe(&notice.what))
            }
            Some(AccountStatus::Paused) => {
                format!("No mail has come yet: {name} is offline by wish (--offline).")
            }
            Some(AccountStatus::Idle) | None => "No mail has come yet.".to_owned(),
        })
    }

    /// Says whether there is nothing to show because no account is set up.
    pub(super) fn is_welcome(&self) -> bool {
        self.folders.is_loaded && self.folders.accounts.is_empty()
    }

    /// Gives the words for what the list shows.
    pub(super) fn list_title(&self) -> String {
        match &self.search {
            Some(search) => format!("Search: {}", text::safe(search.input.text())),
            None => self.folders.title(self.list.place),
        }
    }
}
