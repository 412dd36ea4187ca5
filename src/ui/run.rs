//! Owns what each command does, one short arm a command, and why it cannot be done now.

use crate::config::command::{CommandId, Group};
use crate::mail::account::AccountStatus;
use crate::mail::id::AccountId;
use crate::mail::mailbox::Role;
use crate::ui::act;
use crate::ui::folders::Line as FolderLine;
use crate::ui::keys;
use crate::ui::layout;
use crate::ui::links::Links;
use crate::ui::message::Effect;
use crate::ui::model::{Focus, Model, Overlay, Place, Preview, ToastKind};
use crate::ui::page;
use crate::ui::picker::{Filing, Picker};
use crate::ui::prompt;
use crate::ui::reading;
use crate::ui::text;
use crate::ui::update::{begin_search, cycle_scope, hunt_unread, leave_search, show_place};

/// Remembered for the palette.
const RECENT: usize = 20;

/// Runs a command, `count` times where that means something.
pub(super) fn run(model: &mut Model, id: CommandId, count: Option<usize>, out: &mut Vec<Effect>) {
    if let Some(reason) = why_not(model, id) {
        return model.note(reason);
    }
    let times = count.unwrap_or(1) as isize;
    match id {
        CommandId::Down => step(model, times, Step::Line),
        CommandId::Up => step(model, -times, Step::Line),
        CommandId::HalfDown => step(model, times, Step::Half),
        CommandId::HalfUp => step(model, -times, Step::Half),
        CommandId::PageDown => step(model, times, Step::Page),
        CommandId::PageUp => step(model, -times, Step::Page),
        CommandId::First => edge(model, false, out),
        CommandId::Last => edge(model, true, out),
        CommandId::Open => open(model, out),
        CommandId::Unfold => unfold(model),
        CommandId::Back => back(model, out),
        CommandId::Quit => quit(model, out),
        CommandId::Close => close(model, out),
        CommandId::NextPane => keys::switch_pane(model, true, out),
        CommandId::PreviousPane => keys::switch_pane(model, false, out),
        CommandId::NextUnread if reading::has_match(model) => reading::go_to_match(model, true),
        CommandId::PreviousUnread if reading::has_match(model) => reading::go_to_match(model, false),
        CommandId::NextUnread => unread(model, true, out),
        CommandId::PreviousUnread => unread(model, false, out),
        CommandId::NextMessage => reading::go_on(model, true, out),
        CommandId::PreviousMessage => reading::go_on(model, false, out),
        CommandId::Links => open_links(model),
        CommandId::CycleForm => cycle_form(model, out),
        CommandId::FullHeaders => model.reader.full_headers = !model.reader.full_headers,
        CommandId::HiddenText => {
            model.reader.show_hidden = !model.reader.show_hidden;
            reading::again(model, out);
        }
        CommandId::CopyAddress => copy(model, "address", page::sender_address, out),
        CommandId::CopySubject => copy(model, "subject", |model| page::header(model, |h| h.subject.clone()), out),
        CommandId::CopyText => copy(model, "text", page::plain_text, out),
        CommandId::CopyMessageId => {
            let id = |model: &Model| page::header(model, |header| header.message_id.clone().unwrap_or_default());
            copy(model, "Message-ID", id, out);
        }
        CommandId::Search => begin_search(model),
        CommandId::SearchScope => cycle_scope(model, out),
        CommandId::Archive => act::move_to_role(model, Role::Archive, out),
        CommandId::Delete => act::move_to_role(model, Role::Trash, out),
        CommandId::DeleteForever => act::ask_delete(model),
        CommandId::Junk => {
            let is_junk = act::role_here(model) == Some(Role::Junk);
            act::move_to_role(model, if is_junk { Role::Inbox } else { Role::Junk }, out);
        }
        CommandId::Move => act::ask_folder(model, Filing::Move),
        CommandId::Copy => act::ask_folder(model, Filing::Copy),
        CommandId::Star => act::toggle_star(model, out),
        CommandId::ToggleRead => act::toggle_read(model, out),
        CommandId::Undo => {
            model.own_edits += 1;
            model.list.returning = model.list.last_left.take();
            out.push(Effect::Undo);
        }
        CommandId::Redo => {
            model.own_edits += 1;
            out.push(Effect::Redo);
        }
        CommandId::History => {
            model.overlay = Some(Overlay::Picker(Picker::history(model, None)));
            out.push(Effect::LoadHistory);
        }
        CommandId::Restore => {
            model.own_edits += 1;
            out.extend(model.lost().map(|notice| Effect::Restore(notice.number)));
        }
        CommandId::Mark => mark(model, count),
        CommandId::MarkRange => model.list.toggle_range(),
        CommandId::MarkAll => model.list.toggle_all(),
        CommandId::GoInbox => go_role(model, Role::Inbox, out),
        CommandId::GoStarred => show_place(model, Place::Starred, out),
        CommandId::GoSent => go_role(model, Role::Sent, out),
        CommandId::GoDrafts => go_role(model, Role::Drafts, out),
        CommandId::GoArchive => go_role(model, archive_role(model), out),
        CommandId::GoJunk => go_role(model, Role::Junk, out),
        CommandId::GoTrash => go_role(model, Role::Trash, out),
        CommandId::GoFolder => model.overlay = Some(Overlay::Picker(Picker::go_to(model))),
        CommandId::GoAllInboxes => show_place(model, Place::AllInboxes, out),
        CommandId::GoAccount(number) => go_account(model, number, out),
        CommandId::CreateFolder => prompt::ask_new(model),
        CommandId::RenameFolder => prompt::ask_name(model),
        CommandId::DeleteFolder => prompt::delete(model, out),
        CommandId::SubscribeFolder => prompt::toggle_subscription(model, out),
        CommandId::OpenLink => open_link(model, out),
        CommandId::SaveAttachment => save(model, out),
        CommandId::SaveAll => {
            if let Some(Overlay::Links(links)) = &model.overlay {
                out.push(Effect::SaveAllAttachments { email: links.email });
            }
        }
        CommandId::CopyLink => copy_link(model, out),
        CommandId::Preview => cycle_preview(model),
        CommandId::ToggleFolders => toggle_folders(model),
        CommandId::CheckNow => {
            out.push(Effect::CheckNow);
            let why = offline(model).map(|why| format!(" Last time: {why}.")).unwrap_or_default();
            model.note(format!("Asking the servers for new mail.{why}"));
        }
        CommandId::Palette => model.overlay = Some(Overlay::Picker(Picker::palette(model))),
        CommandId::Help => help(model),
        CommandId::Redraw => out.push(Effect::Redraw),
        CommandId::Suspend => out.push(Effect::Suspend),
    }
    remember(model, id);
}

/// Says why a command cannot be done now, if it cannot.
pub(super) fn why_not(model: &Model, id: CommandId) -> Option<String> {
    let nothing = |what: &str| Some(format!("Nothing here to {what}."));
    let has_row = act::selection(model).is_some();
    let message = model.reader.email.as_ref().filter(|_| model.layout().reader.is_some());
    let document = message.and(model.reader.document.as_ref());
    let role = act::role_here(model);
    match id {
        CommandId::Archive if !has_row => nothing("archive"),
        CommandId::Archive if role == Some(Role::Archive) => Some("Can't archive: this is the Archive.".to_owned()),
        CommandId::Delete if !has_row => nothing("delete"),
        CommandId::Delete if role == Some(Role::Trash) => {
            let forever = model.hint(CommandId::DeleteForever, "deletes for good");
            Some(format!("This is in Trash already{forever}"))
        }
        CommandId::DeleteForever if !has_row => nothing("delete"),
        CommandId::Junk if !has_row => nothing("mark as junk"),
        CommandId::Move if !has_row => nothing("move"),
        CommandId::Copy if !has_row => nothing("copy"),
        CommandId::Restore if model.lost().is_none() => nothing("put back: no server has lost mail at once"),
        CommandId::CreateFolder | CommandId::RenameFolder | CommandId::DeleteFolder | CommandId::SubscribeFolder => {
            prompt::why_not(model, id)
        }
        CommandId::Star if !has_row => nothing("star"),
        CommandId::ToggleRead if !has_row => nothing("mark as read"),
        CommandId::Star | CommandId::ToggleRead if model.focus == Focus::Reader && model.reader.is_waiting() => {
            Some("The message is still on its way.".to_owned())
        }
        CommandId::Mark | CommandId::MarkRange | CommandId::MarkAll if model.list.rows.is_empty() => nothing("mark"),
        CommandId::Open if model.focus == Focus::List && model.list.rows.is_empty() => nothing("open"),
        CommandId::NextUnread | CommandId::PreviousUnread if model.list.rows.is_empty() => nothing("go to"),
        CommandId::Links
        | CommandId::CycleForm
        | CommandId::FullHeaders
        | CommandId::HiddenText
        | CommandId::CopyAddress
        | CommandId::CopySubject
        | CommandId::CopyText
        | CommandId::CopyMessageId
            if message.is_none() || model.reader.is_waiting() =>
        {
            Some(match message {
                None => format!("Open a message first{}", model.hint(CommandId::Open, "opens it")),
                Some(_) => "The message is still on its way.".to_owned(),
            })
        }
        CommandId::Links | CommandId::CycleForm | CommandId::HiddenText | CommandId::CopyText | CommandId::Unfold
            if document.is_none() =>
        {
            Some("The text of this message is not here yet.".to_owned())
        }
        CommandId::Links if document.is_some_and(|d| d.links.is_empty() && d.attachments.is_empty()) => {
            Some("This message has no links and no attachments.".to_owned())
        }
        CommandId::HiddenText if document.is_some_and(|d| d.hidden_words == 0) && !model.reader.show_hidden => {
            Some("This message hides no text.".to_owned())
        }
        CommandId::Unfold if document.is_some_and(|d| d.folds.is_empty()) => {
            Some("No quoted text is folded here.".to_owned())
        }
        CommandId::CopyMessageId if page::header(model, |h| h.message_id.clone().unwrap_or_default()).is_empty() => {
            Some("This message has no Message-ID.".to_owned())
        }
        CommandId::SearchScope if model.search.is_none() => {
            let search = model.hint(CommandId::Search, "searches");
            Some(format!("Nothing is being searched{search}"))
        }
        CommandId::GoInbox => no_folder(model, Role::Inbox),
        CommandId::GoSent => no_folder(model, Role::Sent),
        CommandId::GoDrafts => no_folder(model, Role::Drafts),
        CommandId::GoArchive => no_folder(model, archive_role(model)),
        CommandId::GoJunk => no_folder(model, Role::Junk),
        CommandId::GoTrash => no_folder(model, Role::Trash),
        CommandId::GoAccount(number) if usize::from(number) > model.folders.accounts.len() => {
            Some(format!("There is no account {number}."))
        }
        CommandId::Preview if !model.layout().fits_preview => {
            Some("The screen is too small for a preview: it needs 100 columns, and 16 rows besides notices.".to_owned())
        }
        CommandId::SaveAttachment | CommandId::SaveAll if !has_attachments(model) => {
            Some("This message has no attachments.".to_owned())
        }
        CommandId::CheckNow if is_offline_wanted(model) => {
            Some("Offline was asked for; nothing is fetched.".to_owned())
        }
        CommandId::CheckNow if model.settings.is_demo => Some("The demo has no servers to ask.".to_owned()),
        _ => None,
    }
}

/// Says whether every account was told to leave the network alone.
fn is_offline_wanted(model: &Model) -> bool {
    let mut links = model.statuses.values();
    !model.statuses.is_empty() && links.all(|link| link.status == AccountStatus::Paused)
}

/// Says which account is offline, and why.
fn offline(model: &Model) -> Option<String> {
    model.statuses.iter().find_map(|(id, link)| match &link.status {
        AccountStatus::Offline { reason, .. } => {
            let name = model.folders.account(*id).map(|account| text::safe(&account.name)).unwrap_or_default();
            Some(format!("{name} is offline ({})", text::safe(reason)))
        }
        _ => None,
    })
}

fn has_attachments(model: &Model) -> bool {
    matches!(&model.overlay, Some(Overlay::Links(links)) if !links.attachments.is_empty())
}

fn remember(model: &mut Model, id: CommandId) {
    // What one does all the time by its key needs no place at the top of the palette.
    let group = crate::config::command::command(id).map(|command| command.group);
    if matches!(group, Some(Group::Act | Group::Go | Group::Folder | Group::Read)) {
        model.recent_commands.retain(|other| *other != id);
        model.recent_commands.insert(0, id);
        model.recent_commands.truncate(RECENT);
    }
}

#[derive(Clone, Copy)]
enum Step {
    Line,
    Half,
    Page,
}

fn step(model: &mut Model, times: isize, step: Step) {
    let layout = model.layout();
    let by = |height: usize| {
        let height = height as isize;
        let one = match step {
            Step::Line => 1,
            Step::Half => (height / 2).max(1),
            Step::Page => (height - 1).max(1),
        };
        times.saturating_mul(one)
    };
    if let Some(Overlay::Links(links)) = &mut model.overlay {
        return links.step(by(10));
    }
    match model.focus {
        Focus::List => model.list.step(by(layout.list_height())),
        Focus::Folders => model.folders.step(by(layout.folders_inner().height.into())),
        Focus::Reader => reading::scroll(model, by(layout.text().height.into())),
    }
}

fn edge(model: &mut Model, to_last: bool, out: &mut Vec<Effect>) {
    // Far beyond any list or text; what there is of it clamps.
    let far = if to_last { isize::MAX / 4 } else { isize::MIN / 4 };
    if let Some(Overlay::Links(links)) = &mut model.overlay {
        return links.step(far);
    }
    match model.focus {
        Focus::List => keys::jump(model, to_last, out),
        Focus::Folders => model.folders.step(far),
        Focus::Reader => reading::scroll(model, far),
    }
}

fn open(model: &mut Model, out: &mut Vec<Effect>) {
    if model.focus != Focus::Folders {
        return reading::open_row(model, out);
    }
    match model.folders.lines.get(model.folders.at).copied() {
        Some(FolderLine::Place(place)) => show_place(model, place, out),
        Some(FolderLine::Account(account)) => model.folders.toggle_account(account),
        Some(FolderLine::Parent(_)) => model.note("This holds only folders, no mail."),
        None => {}
    }
}

fn unfold(model: &mut Model) {
    let text = model.layout().text();
    let head = page::head(model, usize::from(text.width)).len();
    match model.reader.fold_in_sight(usize::from(text.height), head) {
        Some(fold) => model.reader.toggle_fold(fold),
        None => model.note("No quoted text in sight."),
    }
}

fn back(model: &mut Model, out: &mut Vec<Effect>) {
    match model.focus {
        Focus::Reader => model.focus = Focus::List,
        Focus::List if model.search.is_some() => leave_search(model),
        Focus::List => {
            model.shows_folders = true;
            keys::focus(model, Focus::Folders, out);
        }
        Focus::Folders => {}
    }
}

/// Says whether quitting means going back one level from here.
pub(super) fn quit_goes_back(model: &Model) -> bool {
    let is_above = match model.focus {
        Focus::Reader => true,
        Focus::Folders => model.layout().folders_float,
        Focus::List => false,
    };
    is_above || model.overlay.is_some() || model.search.is_some()
}

fn quit(model: &mut Model, out: &mut Vec<Effect>) {
    let floats = model.layout().folders_float;
    match (model.overlay.take(), model.focus) {
        (Some(_), _) => {}
        (None, Focus::Reader) => model.focus = Focus::List,
        (None, Focus::Folders) if floats => model.focus = Focus::List,
        (None, _) if model.search.is_some() => leave_search(model),
        (None, _) => out.push(Effect::Quit),
    }
}

/// Closes one thing, the topmost. It never leaves Surat.
fn close(model: &mut Model, out: &mut Vec<Effect>) {
    if let Some(Overlay::Links(links)) = &mut model.overlay
        && links.asking.take().is_some()
    {
    } else if model.overlay.take().is_some() {
    } else if model.toast.as_ref().is_some_and(|toast| toast.kind == ToastKind::Error) {
        model.toast = None;
    } else if !model.list.marks.is_empty() || model.list.has_range() {
        model.list.clear_marks();
    } else if model.focus != Focus::List {
        model.focus = Focus::List;
    } else if model.search.is_some() {
        leave_search(model);
    } else if model.has_notice() {
        out.extend(model.put_notice_away().map(Effect::PutAside));
    } else {
        let quit = model.hint(CommandId::Quit, "leaves Surat");
        model.note(format!("Nothing to close{quit}"));
    }
}

fn unread(model: &mut Model, is_down: bool, out: &mut Vec<Effect>) {
    let before = model.list.at;
    hunt_unread(model, is_down, out);
    if model.focus == Focus::Reader && model.list.at != before {
        reading::open_row(model, out);
    }
}

/// Lists the keys that work here; the links stay under it, since its lines are about them.
fn help(model: &mut Model) {
    let help = Picker::help(model, model.context(), false);
    if let Some(Overlay::Links(links)) = model.overlay.replace(Overlay::Picker(help)) {
        model.links_under = Some(links);
    }
}

fn open_links(model: &mut Model) {
    if let (Some(email), Some(document)) = (&model.reader.email, &model.reader.document) {
        model.overlay = Some(Overlay::Links(Links::new(email.id, document)));
    }
}

fn cycle_form(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(next) = model.reader.document.as_ref().and_then(|document| page::next_form(document)) else { return };
    model.reader.form = next;
    model.reader.scroll = 0;
    reading::again(model, out);
    model.note(format!("Shown as {}", page::form_name(next)));
}

fn copy(model: &mut Model, what: &str, give: impl Fn(&Model) -> String, out: &mut Vec<Effect>) {
    let text = give(model);
    if text.trim().is_empty() {
        return model.note(format!("This message has no {what} to copy."));
    }
    out.push(Effect::CopyText(text));
    model.say(ToastKind::Done, format!("✓ Copied the {what}"));
}

/// Marks and goes on, so that several in a row take one key each.
fn mark(model: &mut Model, count: Option<usize>) {
    for _ in 0..count.unwrap_or(1).min(model.list.rows.len()) {
        model.list.toggle_mark();
        model.list.step(1);
    }
}

/// Gives the account that "go to Sent" means: the one shown, else the one under the cursor, else the first.
pub(super) fn account_here(model: &Model) -> Option<AccountId> {
    let shown = match model.list.place {
        Place::Mailbox(id) => model.folders.mailbox(id).map(|mailbox| mailbox.account),
        _ => None,
    };
    let under_cursor = || model.list.current().map(|row| row.account);
    shown.or_else(under_cursor).or_else(|| model.folders.accounts.first().map(|account| account.id))
}

/// Gmail has no Archive: there "All Mail" is what people mean.
fn archive_role(model: &Model) -> Role {
    let has_archive = account_here(model).is_some_and(|id| model.folders.with_role(id, Role::Archive).is_some());
    if has_archive { Role::Archive } else { Role::All }
}

fn go_role(model: &mut Model, role: Role, out: &mut Vec<Effect>) {
    let mailbox = account_here(model).and_then(|account| model.folders.with_role(account, role));
    if let Some(id) = mailbox.map(|mailbox| mailbox.id) {
        show_place(model, Place::Mailbox(id), out);
    }
}

fn no_folder(model: &Model, role: Role) -> Option<String> {
    let Some(account) = account_here(model) else { return Some("There is no account yet.".to_owned()) };
    let is_there = model.folders.with_role(account, role).is_some();
    let name = model.folders.account(account).map(|account| text::safe(&account.name)).unwrap_or_default();
    let folder = match role {
        Role::All => "Archive".to_owned(),
        role => text::capital(role.as_str()),
    };
    (!is_there).then(|| format!("{name} has no folder for {folder}."))
}

fn go_account(model: &mut Model, number: u8, out: &mut Vec<Effect>) {
    let account = model.folders.accounts.get(usize::from(number).saturating_sub(1)).map(|account| account.id);
    let inbox = account.and_then(|account| model.folders.with_role(account, Role::Inbox)).map(|inbox| inbox.id);
    match inbox {
        Some(inbox) => show_place(model, Place::Mailbox(inbox), out),
        None => model.note("This account has no Inbox yet."),
    }
}

/// Opens an attachment; a link only on the second time, when its whole target stands on the screen.
fn open_link(model: &mut Model, out: &mut Vec<Effect>) {
    let (columns, rows) = layout::target_room(model);
    let Some(Overlay::Links(links)) = &mut model.overlay else { return };
    let email = links.email;
    if let Some(number) = links.attachment().map(|attachment| attachment.number) {
        out.push(Effect::OpenAttachment { email, number });
        return;
    }
    let Some(link) = links.link().cloned() else { return };
    let Some(scroll) = links.asking else {
        links.asking = Some(0);
        return;
    };
    if scroll + rows < links.target(columns).len() {
        // Nothing is opened before its end was on the screen too.
        links.step(rows as isize);
    } else if link.can_open {
        out.push(Effect::OpenLink(link.target));
        model.overlay = None;
        model.note("Opening the link.");
    } else {
        model.note("Can't open it: only web and mail addresses can be opened.");
    }
}

fn save(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Overlay::Links(links)) = &model.overlay else { return };
    match links.attachment() {
        Some(attachment) => out.push(Effect::SaveAttachment { email: links.email, number: attachment.number }),
        None => model.note("This is a link: only attachments can be saved."),
    }
}

fn copy_link(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(Overlay::Links(links)) = &model.overlay else { return };
    match (links.link(), links.attachment()) {
        (Some(link), _) => {
            out.push(Effect::CopyText(link.target.clone()));
            model.say(ToastKind::Done, "✓ Copied the link");
        }
        (None, Some(attachment)) => {
            out.push(Effect::CopyText(attachment.name.as_str().to_owned()));
            model.say(ToastKind::Done, "✓ Copied the file's name");
        }
        (None, None) => {}
    }
}

fn cycle_preview(model: &mut Model) {
    let is_beside = model.width >= 150;
    model.preview = match (model.preview, is_beside) {
        (Preview::Auto, true) | (Preview::Beside, _) => Preview::Below,
        (Preview::Auto, false) | (Preview::Below, _) => Preview::Off,
        (Preview::Off, true) => Preview::Beside,
        (Preview::Off, false) => Preview::Below,
    };
    model.note(match model.preview {
        Preview::Beside => "Messages beside the list.",
        Preview::Off => "Messages only when they are opened.",
        _ => "Messages below the list.",
    });
}

fn toggle_folders(model: &mut Model) {
    if !model.layout().has_frames {
        model.focus = if model.focus == Focus::Folders { Focus::List } else { Focus::Folders };
        model.folders.select(model.list.place);
        return;
    }
    model.shows_folders = !model.shows_folders;
    if !model.shows_folders && model.focus == Focus::Folders {
        model.focus = Focus::List;
    }
}
