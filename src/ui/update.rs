//! Owns what messages do to the model, and what the screen then asks for.
//!
//! Keys and the mouse have files of their own; nothing in here does I/O or reads a clock.

use crate::config::command::CommandId;
use crate::mail::account::AccountStatus;
use crate::mail::change::Change;
use crate::mail::document::Document;
use crate::mail::email::Email;
use crate::mail::mailbox::{Mailbox, Role};
use crate::mail::mutation::{Done, MadeFolder};
use crate::mail::query::Query;
use crate::mail::safe::SafeText;
use crate::mail::view::{Anchor, Rows, Scope, View};
use crate::ui::folders::Folders;
use crate::ui::input::Input;
use crate::ui::keys;
use crate::ui::list::{self, Kind, List};
use crate::ui::message::{AccountLine, Effect, Event, Msg, PastChange, ServerDid, ServerNotice, Slot, ThreadLine};
use crate::ui::model::{Focus, Hunt, Link, Model, Overlay, PATIENCE, PUSH_PATIENCE, Place, TOAST, ToastKind, Waiting};
use crate::ui::mouse;
use crate::ui::page;
use crate::ui::picker::{Picker, PickerKind};
use crate::ui::reading;
use crate::ui::search::Search;
use crate::ui::{layout, text};

/// The visible query runs again at most so often: four times a second.
const REFRESH: u64 = 250;
/// The keys that may follow are shown after so many milliseconds.
pub(super) const SHOW_KEYS: u64 = 250;
/// Rows looked at in one step of the hunt for unread mail, and the most steps.
const HUNT_ROWS: usize = 500;
const HUNT_PAGES: usize = 40;

/// Takes a message in and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    model.now = msg.now;
    let mut out = Vec::new();
    if matches!(msg.event, Event::Key(_) | Event::Paste(_) | Event::Mouse(_)) {
        model.is_touched = true;
        // Whoever goes on has read it; what can still be taken back stays for its time.
        model.toast.take_if(|toast| toast.kind == ToastKind::Note);
    }
    if is_stale(model, &msg.event) {
        return out;
    }
    match msg.event {
        Event::Started { width, height } => start(model, width, height, &mut out),
        Event::Key(key) => keys::press(model, key.normal(), &mut out),
        Event::Paste(text) => keys::paste(model, &text, &mut out),
        Event::Mouse(mouse) => mouse::act(model, mouse, &mut out),
        Event::Resized { width, height } => (model.width, model.height) = (width, height),
        Event::Focus(_) => {}
        // A timer that rings a little early is set again.
        Event::Tick => model.wake = None,
        Event::Background { is_light } => model.is_light = is_light,
        Event::Folders { accounts, mailboxes } => take_folders(model, accounts, mailboxes, &mut out),
        Event::Rows { slot: Slot::List, rows, .. } => take_rows(model, rows, &mut out),
        Event::Rows { slot: Slot::Unread, rows, .. } => take_hunt(model, rows, &mut out),
        Event::Opened { generation, email, thread, document } => {
            take_email(model, generation, email, thread, document, &mut out);
        }
        Event::Gone { .. } => {
            model.reader.clear();
            model.focus = if model.focus == Focus::Reader { Focus::List } else { model.focus };
        }
        Event::Notices(notices) => take_notices(model, notices),
        Event::History(changes) => take_history(model, changes),
        Event::Changed(change) => take_change(model, &change),
        Event::Did(done) => done_with(model, &done),
        Event::Undid(done) => undone(model, &done, "Taken back", CommandId::Redo, "redo"),
        Event::Redid(done) => undone(model, &done, "Done again", CommandId::Undo, "undo"),
        Event::NothingToUndo => model.note("Nothing to undo."),
        Event::NothingToRedo => model.note("Nothing to redo."),
        Event::Failed { what, remedy } => {
            model.own_edits = 0;
            let gap = if remedy.is_empty() { "" } else { " " };
            model.say(ToastKind::Error, format!("✗ {what}{gap}{remedy}"));
        }
        Event::NotOpened { what, is_attachment } => not_opened(model, &what, is_attachment),
        Event::Status { account, status, pending } => {
            let link = model.statuses.entry(account).or_default();
            link.status = status;
            link.take_pending(pending, msg.now.millis);
        }
        Event::Pending { account, pending } => {
            if let Some(link) = model.statuses.get_mut(&account) {
                link.take_pending(pending, msg.now.millis);
            }
        }
        Event::Saved { path, files } => {
            let what = if files == 1 { "Saved".to_owned() } else { format!("Saved {files} files in") };
            let until = if model.settings.is_demo { " · gone when the demo ends" } else { "" };
            model.say(ToastKind::Done, format!("✓ {what} {path}{until}"));
        }
        Event::Note(text) => model.note(text),
    }
    settle(model, &mut out);
    out
}

/// The one place where answers to questions of yesterday are dropped.
fn is_stale(model: &Model, event: &Event) -> bool {
    match event {
        Event::Rows { slot: Slot::List, generation, .. } => {
            model.list.request.as_ref().is_none_or(|request| request.generation != *generation)
        }
        Event::Rows { slot: Slot::Unread, generation, .. } => {
            model.hunt.as_ref().is_none_or(|hunt| hunt.generation != *generation)
        }
        Event::Opened { generation, email, .. } => !model.reader.expects(*generation, email.id),
        Event::Gone { generation } => {
            model.reader.request.as_ref().is_none_or(|request| request.generation != *generation)
        }
        _ => false,
    }
}

fn start(model: &mut Model, width: u16, height: u16, out: &mut Vec<Effect>) {
    (model.width, model.height) = (width, height);
    out.push(Effect::LoadFolders);
    let settings = &model.settings;
    if let Some(note) = settings.mistake.as_ref().or(settings.notes.first()).cloned() {
        model.say(ToastKind::Error, format!("! {note}"));
    }
}

fn take_folders(model: &mut Model, accounts: Vec<AccountLine>, mailboxes: Vec<Mailbox>, out: &mut Vec<Effect>) {
    let is_first = !model.folders.is_loaded || model.folders.accounts.is_empty();
    model.folders_asked = false;
    model.folders.take(accounts, mailboxes);
    let current_is_gone = match model.list.place {
        Place::Mailbox(id) => model.folders.mailbox(id).is_none(),
        _ => false,
    };
    // One account's Inbox may come only with its first sync.
    let waits_for_inbox = model.folders.accounts.len() == 1
        && model.list.place == Place::AllInboxes
        && !model.is_home_chosen
        && model.search.is_none();
    if is_first || current_is_gone || waits_for_inbox {
        let home = home(&model.folders);
        if is_first || current_is_gone || home != model.list.place {
            show_place(model, home, out);
        }
        model.is_home_chosen = home != Place::AllInboxes || model.folders.accounts.len() > 1;
    }
}

/// Gives the list that is shown first: the Inbox, or all of them.
fn home(folders: &Folders) -> Place {
    match folders.accounts.as_slice() {
        [one] => folders.with_role(one.id, Role::Inbox).map_or(Place::AllInboxes, |inbox| Place::Mailbox(inbox.id)),
        _ => Place::AllInboxes,
    }
}

/// Shows another list from its beginning.
pub(super) fn show_place(model: &mut Model, place: Place, out: &mut Vec<Effect>) {
    model.search = None;
    model.hunt = None;
    model.list = List::new(place, place.view());
    model.focus = Focus::List;
    model.folders.select(place);
    if !model.folders.accounts.is_empty() {
        ask_rows(model, Kind::Fresh, out);
    }
}

/// Asks for rows of the list that is shown; an older question does not matter any more.
pub(super) fn ask_rows(model: &mut Model, kind: Kind, out: &mut Vec<Effect>) {
    let height = model.layout().list_height();
    let generation = model.next_generation();
    let (anchor, limit) = model.list.question(kind, height);
    // A fresh view that is asked for again, key by key, has been waited for since the first.
    let since = match &model.list.request {
        Some(request) if !model.list.is_loaded => request.since,
        _ => model.now.millis,
    };
    model.list.request = Some(list::Request { generation, kind, since });
    out.push(Effect::LoadRows { slot: Slot::List, generation, view: model.list.view.clone(), anchor, limit });
}

fn take_rows(model: &mut Model, rows: Rows, out: &mut Vec<Effect>) {
    let Some(request) = model.list.request.take() else { return };
    let height = model.layout().list_height();
    if model.list.take(request.kind, rows, height) {
        ask_rows(model, Kind::Follow, out);
    }
    let is_filling = || model.statuses.values().any(|link| matches!(link.status, AccountStatus::Syncing(_)));
    if !model.is_touched && is_filling() {
        // Nobody chose a row yet: the newest mail is shown first whichever account came first.
        (model.list.at, model.list.top) = (0, 0);
    }
    if matches!(request.kind, Kind::To(_)) && model.focus == Focus::Reader {
        reading::open_row(model, out);
    }
}

/// Goes to the next unread conversation, beyond the rows that are here if need be.
pub(super) fn hunt_unread(model: &mut Model, is_down: bool, out: &mut Vec<Effect>) {
    if let Some(at) = model.list.find_unread(is_down) {
        model.list.move_to(at);
        model.hunt = None;
        return;
    }
    let (more, edge) = match is_down {
        true => (model.list.has_after, model.list.rows.last().map(|row| Anchor::After(row.key))),
        false => (model.list.has_before, model.list.rows.first().map(|row| Anchor::Before(row.key))),
    };
    match edge.filter(|_| more) {
        Some(anchor) => ask_hunt(model, is_down, HUNT_PAGES, anchor, out),
        None => no_unread(model, is_down),
    }
}

fn ask_hunt(model: &mut Model, is_down: bool, pages_left: usize, anchor: Anchor, out: &mut Vec<Effect>) {
    let generation = model.next_generation();
    model.hunt = Some(Hunt { generation, is_down, pages_left });
    let view = model.list.view.clone();
    out.push(Effect::LoadRows { slot: Slot::Unread, generation, view, anchor, limit: HUNT_ROWS });
}

fn take_hunt(model: &mut Model, rows: Rows, out: &mut Vec<Effect>) {
    let Some(hunt) = model.hunt.take() else { return };
    let found = match hunt.is_down {
        true => rows.rows.iter().find(|row| row.unread > 0),
        false => rows.rows.iter().rev().find(|row| row.unread > 0),
    };
    if let Some(row) = found {
        return ask_rows(model, Kind::To(row.key), out);
    }
    let next = match hunt.is_down {
        true => rows.rows.last().filter(|_| rows.has_after).map(|row| Anchor::After(row.key)),
        false => rows.rows.first().filter(|_| rows.has_before).map(|row| Anchor::Before(row.key)),
    };
    match next.filter(|_| hunt.pages_left > 0) {
        Some(anchor) => ask_hunt(model, hunt.is_down, hunt.pages_left - 1, anchor, out),
        None => no_unread(model, hunt.is_down),
    }
}

fn no_unread(model: &mut Model, is_down: bool) {
    let (place, other) = if is_down {
        ("below", model.hint(CommandId::PreviousUnread, "looks above"))
    } else {
        ("above", model.hint(CommandId::NextUnread, "looks below"))
    };
    model.note(format!("No unread conversation {place}{other}"));
}

fn take_email(
    model: &mut Model,
    generation: u64,
    email: Box<Email>,
    thread: Vec<ThreadLine>,
    document: Option<Box<Document>>,
    out: &mut Vec<Effect>,
) {
    let why = model.reader.request.take().map_or(reading::Why::Again, |request| request.why);
    model.reader.answered = Some(generation);
    if why == reading::Why::Open
        && let Some(unread) = thread.iter().find(|line| line.is_unread).filter(|line| line.email != email.id)
    {
        return reading::ask(model, unread.email, reading::Why::Read, out);
    }
    if document.is_none() && model.reader.document.is_some() || model.reader.email.is_none() {
        model.reader.waits_since = model.now.millis;
    }
    model.reader.show(email, thread, document);
    if model.focus == Focus::Reader && why != reading::Why::Again {
        reading::mark_read(model, out);
    }
}

fn take_change(model: &mut Model, change: &Change) {
    model.list.is_stale = true;
    model.folders_stale |= change.folders || change.is_flood || !change.mailboxes.is_empty();
    if let Some(email) = &model.reader.email {
        let is_touched = change.emails.contains(&email.id) || change.threads.contains(&email.thread);
        model.reader.is_stale |= is_touched || change.is_flood;
    }
}

/// What a server has just refused is not praised as done any more.
fn take_notices(model: &mut Model, notices: Vec<ServerNotice>) {
    let is_new = |notice: &ServerNotice| model.server_notices.iter().all(|known| known.number != notice.number);
    let is_refusal = |notice: &ServerNotice| matches!(notice.what, ServerDid::Refused(_));
    if notices.iter().any(|notice| is_refusal(notice) && is_new(notice)) {
        model.toast.take_if(|toast| toast.kind == ToastKind::Done);
    }
    model.server_notices = notices;
}

/// Fills the list of changes, if it is still open.
fn take_history(model: &mut Model, changes: Vec<PastChange>) {
    let filled = Picker::history(model, Some(changes));
    if let Some(Overlay::Picker(picker)) = &mut model.overlay
        && matches!(picker.kind, PickerKind::History { .. })
    {
        let input = std::mem::take(&mut picker.input);
        *picker = Picker { input, ..filled };
        picker.filter();
    }
}

fn done_with(model: &mut Model, done: &Done) {
    model.own_edits = model.own_edits.saturating_sub(1);
    if done.emails == 0 && done.accounts.is_empty() {
        model.note("Nothing changed: it was so already.");
    } else {
        let made = folders_made(model, &done.made);
        let undo = model.hint(CommandId::Undo, "undo");
        model.say(ToastKind::Done, format!("{}{made}{undo}", done.label));
    }
}

/// Names the folders that an edit made: nobody asked for them by name.
fn folders_made(model: &Model, made: &[MadeFolder]) -> String {
    let named = |made: &MadeFolder| {
        let several = model.folders.accounts.len() > 1;
        let account = model.folders.account(made.account).filter(|_| several);
        let account = account.map(|account| format!(" in {}", text::safe(&account.name))).unwrap_or_default();
        format!("{}{account}", text::safe(&made.name))
    };
    let named: Vec<String> = made.iter().map(named).collect();
    match named.as_slice() {
        [] => String::new(),
        [one] => format!(" · new folder {one}"),
        many => format!(" · new folders {}", many.join(", ")),
    }
}

/// Says what can be done with something that no program took.
fn not_opened(model: &mut Model, what: &str, is_attachment: bool) {
    let way = match (is_attachment, &model.overlay) {
        (true, Some(Overlay::Links(_))) => {
            model.key_of(CommandId::SaveAttachment).map(|key| format!("{key}\u{a0}saves\u{a0}it"))
        }
        _ => {
            let what = if is_attachment { "lists it, to be saved" } else { "lists it, to be copied" };
            let links = model.hint(CommandId::Links, what);
            (!links.is_empty()).then(|| links.trim_start_matches(" · ").to_owned())
        }
    };
    let way = way.map(|way| format!(" · {way}")).unwrap_or_default();
    model.say(ToastKind::Error, format!("✗ {}{way}", text::capital(what)));
    // Nothing is lost by it, so it need not be put away by hand.
    if let Some(toast) = &mut model.toast {
        toast.until = Some(model.now.millis + 2 * TOAST);
    }
}

fn undone(model: &mut Model, done: &Done, what: &str, other: CommandId, word: &str) {
    model.own_edits = model.own_edits.saturating_sub(1);
    let hint = model.hint(other, word);
    model.say(ToastKind::Done, format!("{what}: {}{hint}", done.label));
}

/// Brings everything into order after a message: places, questions that are due, title, the next awakening.
fn settle(model: &mut Model, out: &mut Vec<Effect>) {
    let now = model.now.millis;
    if model.toast.as_ref().is_some_and(|toast| toast.until.is_some_and(|until| until <= now)) {
        model.toast = None;
    }
    if !model.keys.is_empty() && now >= model.keys_since + SHOW_KEYS {
        model.shows_keys = true;
    }
    let layout = model.layout();
    let height = layout.list_height();
    model.list.settle(height);
    if layout.folders.is_some() {
        model.folders.settle(usize::from(layout.folders_inner().height));
    }
    settle_overlay(model);
    refresh(model, out);
    count_pending(model, out);
    reading::follow_cursor(model, out);
    reading::follow_search(model);
    settle_scroll(model);
    set_title(model, out);
    let wake = next_wake(model);
    if wake != model.wake {
        model.wake = wake;
        out.extend(wake.map(Effect::WakeAt));
    }
}

fn settle_overlay(model: &mut Model) {
    let (area, room) = (layout::overlay_rows(model), layout::target_room(model));
    match &mut model.overlay {
        Some(Overlay::Picker(picker)) => picker.settle(area),
        Some(Overlay::Links(links)) => links.settle(area, room),
        Some(Overlay::Question(_) | Overlay::Prompt(_)) | None => {}
    }
}

fn refresh(model: &mut Model, out: &mut Vec<Effect>) {
    let now = model.now.millis;
    let is_due = now >= model.folders_next || model.own_edits > 0;
    if model.folders_stale && !model.folders_asked && is_due {
        (model.folders_stale, model.folders_asked, model.folders_next) = (false, true, now + REFRESH);
        out.push(Effect::LoadFolders);
    }
    if model.folders.accounts.is_empty() || model.search.as_ref().is_some_and(|search| search.is_empty()) {
        return;
    }
    let waits = model.list.request.as_ref().is_some_and(|request| {
        // Pages may be overtaken; what decides where the cursor is may not.
        !matches!(request.kind, Kind::Newer | Kind::Older)
    });
    let is_due = now >= model.list.next_refresh || model.own_edits > 0;
    if model.list.is_stale && !waits && is_due {
        (model.list.is_stale, model.list.next_refresh) = (false, now + REFRESH);
        let kind = if model.list.is_loaded { Kind::Refresh } else { Kind::Fresh };
        ask_rows(model, kind, out);
    } else if let Some(kind) = model.list.missing(model.layout().list_height()) {
        ask_rows(model, kind, out);
    }
}

/// Has what waits for long counted again before it is spoken of: it may have gone since.
fn count_pending(model: &mut Model, out: &mut Vec<Effect>) {
    let now = model.now.millis;
    let is_due = |link: &&mut Link| matches!(link.waiting, Waiting::Since(since) if now >= since + PUSH_PATIENCE);
    let mut is_asked = false;
    for link in model.statuses.values_mut().filter(is_due) {
        link.waiting = Waiting::Asked;
        is_asked = true;
    }
    out.extend(is_asked.then_some(Effect::CountPending));
}

fn settle_scroll(model: &mut Model) {
    let layout = model.layout();
    let text = layout.text();
    let lines = page::head(model, usize::from(text.width)).len() + page::body_rows(model);
    let most = lines.saturating_sub(usize::from(text.height).max(1));
    model.reader.scroll = model.reader.scroll.min(most);
}

fn set_title(model: &mut Model, out: &mut Vec<Effect>) {
    let unread = model.folders.unread(model.list.place).filter(|unread| *unread > 0);
    let count = unread.map(|unread| format!(" ({})", text::number(unread))).unwrap_or_default();
    let title = match model.is_welcome() {
        true => SafeText::line("surat"),
        false => SafeText::line(&format!("surat · {}{count}", model.list_title())),
    };
    if title != model.title && model.folders.is_loaded {
        model.title = title.clone();
        out.push(Effect::SetTitle(title));
    }
}

/// Gives the next moment at which something visible changes by itself.
fn next_wake(model: &Model) -> Option<u64> {
    let now = model.now.millis;
    let list = &model.list;
    let mut moments = vec![
        model.toast.as_ref().and_then(|toast| toast.until),
        (!model.keys.is_empty() && !model.shows_keys).then_some(model.keys_since + SHOW_KEYS),
        (list.is_stale && list.next_refresh > now).then_some(list.next_refresh),
        (model.folders_stale && !model.folders_asked).then_some(model.folders_next),
        list.request.as_ref().filter(|_| !list.is_loaded).map(|request| request.since + PATIENCE),
        model.reader.preview_at,
        model.reader.request.as_ref().map(|request| request.since + PATIENCE),
        (model.reader.email.is_some() && model.reader.document.is_none())
            .then_some(model.reader.waits_since + PATIENCE),
        model.reader.is_stale.then_some(model.reader.next_refresh),
    ];
    for link in model.statuses.values() {
        if let Waiting::Since(since) = link.waiting {
            moments.push(Some(since + PUSH_PATIENCE));
        }
        if let AccountStatus::Offline { next_try, .. } = link.status {
            let left = next_try.0.saturating_sub(model.now.unix.0);
            // Beyond a minute and a half minutes are said, and seconds do not show.
            let step = if left > 90 { 30_000 } else { 1_000 };
            moments.push((left > 0).then_some(now + step));
        }
    }
    moments.into_iter().flatten().filter(|moment| *moment > now).min()
}

/// Leaves the search for the list that it came from, on the same row.
pub(super) fn leave_search(model: &mut Model) {
    if let Some(search) = model.search.take() {
        model.list = *search.behind;
        // What was asked before the search was dropped with it.
        model.list.request = None;
        model.list.is_stale = true;
        model.list.next_refresh = 0;
        model.hunt = None;
        model.focus = Focus::List;
    }
}

/// Asks for what the typed search finds.
pub(super) fn search_again(model: &mut Model, out: &mut Vec<Effect>) {
    let (now, zone) = (model.now.unix, model.settings.zone.clone());
    let Some(search) = &mut model.search else { return };
    let view = search.view(now, &zone, &model.folders);
    if search.is_empty() {
        model.list = List::new(model.list.place, view);
        return;
    }
    // The rows stay until others come: a list that empties at every key cannot be read.
    model.list.view = view;
    model.list.clear_marks();
    ask_rows(model, Kind::Fresh, out);
}

/// Looks in the next place: this folder, this account, everywhere.
pub(super) fn cycle_scope(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(search) = &mut model.search else { return };
    let before = search.scope;
    search.cycle_scope();
    if search.scope == before {
        return model.note("Everywhere is searched. A search that begins in a folder can look there alone.");
    }
    search_again(model, out);
}

/// Begins a search; where there is one, what is typed takes the place of its words.
pub(super) fn begin_search(model: &mut Model) {
    model.focus = Focus::List;
    if let Some(search) = &mut model.search {
        search.is_typing = true;
        search.input.select();
        return;
    }
    let place = model.list.place;
    let folder = match place {
        Place::Mailbox(id) => model.folders.mailbox(id),
        _ => None,
    };
    let account = folder.map(|folder| folder.account);
    let from = (folder.map(|folder| folder.id), account);
    let empty = View::Search(Query::And(Vec::new()), Scope::Everywhere);
    let behind = std::mem::replace(&mut model.list, List::new(place, empty));
    model.search = Some(Search {
        input: Input::default(),
        is_typing: true,
        scope: Scope::Everywhere,
        from,
        notes: Vec::new(),
        words: Vec::new(),
        behind: Box::new(behind),
    });
}
