//! Owns the lines at the edges: where one is, how the accounts are, what just happened, which keys there are.

use ratatui::Frame;
use ratatui::layout::Position;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::config::command::{COMMANDS, Command, CommandId, Context};
use crate::config::key::spell;
use crate::mail::account::AccountStatus;
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;
use crate::mail::view::Scope;
use crate::mail::wrap;
use crate::ui::act;
use crate::ui::folders::Folders;
use crate::ui::layout::{Layout, MEDIUM};
use crate::ui::model::{Focus, Model, Overlay, ToastKind};
use crate::ui::page;
use crate::ui::picker::PickerKind;
use crate::ui::run;
use crate::ui::text;
use crate::ui::view::{Cursor, is_medium, list, put, reader};

/// More bare letters than this in a row say nothing.
const MOST_LETTERS: usize = 8;

/// A text with its style, to be joined with others.
type Piece = (String, Style);

pub(super) fn top(model: &Model, layout: &Layout, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let width = usize::from(layout.top.width);
    let is_typing = model.is_searching();
    let right = if model.search.is_some() { found(model) } else { states(model, layout) };
    let right_room = if is_typing { width / 3 } else { width * 3 / 5 };
    let right = fit_pieces(right, right_room);
    let right_width: usize = right.iter().map(|(text, _)| wrap::width(text)).sum();
    let room = width.saturating_sub(right_width + 3);
    if let Some(search) = &model.search {
        let (shown, at) = search.input.window(room.saturating_sub(3));
        put(frame, 0, 0, layout.top.width, &Line::from(vec![Span::styled(" / ", look.accent()), Span::raw(shown)]));
        if is_typing {
            *cursor = Some(Position::new((3 + at).min(width.saturating_sub(1)) as u16, 0));
        }
    } else {
        let mut left = vec![];
        if is_medium(layout) {
            left.push(Span::styled(" surat  ", look.accent().patch(look.strong())));
        } else {
            left.push(Span::raw(" "));
        }
        let used: usize = left.iter().map(Span::width).sum();
        let title = if model.is_welcome() { String::new() } else { model.list_title() };
        left.push(Span::styled(wrap::cut(&title, room.saturating_sub(used)), look.strong()));
        put(frame, 0, 0, layout.top.width, &Line::from(left));
    }
    let spans: Vec<_> = right.into_iter().map(|(text, style)| Span::styled(text, style)).collect();
    let x = width.saturating_sub(right_width + 1) as u16;
    put(frame, x, 0, right_width as u16, &Line::from(spans));
    if let Some(rule) = layout.rule {
        put(frame, rule.x, rule.y, rule.width, &Line::styled("─".repeat(width), look.dim()));
    }
}

/// Keeps the pieces that fit, with dots between; the first one is cut rather than left out.
fn fit_pieces(pieces: Vec<Piece>, room: usize) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::new();
    let mut used = 0;
    for (text, style) in pieces {
        let gap = if kept.is_empty() { 0 } else { 3 };
        let wide = wrap::width(&text);
        if used + gap + wide > room && !kept.is_empty() {
            continue;
        }
        if gap > 0 {
            kept.push((" · ".to_owned(), style));
        }
        let text = wrap::cut(&text, room.saturating_sub(used + gap));
        used += gap + wrap::width(&text);
        kept.push((text, style));
    }
    kept
}

/// Says how much was found, and where was looked.
fn found(model: &Model) -> Vec<Piece> {
    let look = model.look();
    let Some(search) = &model.search else { return Vec::new() };
    let place = match search.scope {
        Scope::Everywhere => "everywhere".to_owned(),
        Scope::Account(id) => {
            let name = model.folders.account(id).map(|account| text::safe(&account.name)).unwrap_or_default();
            format!("in {name}")
        }
        Scope::Mailbox(id) => {
            let name = model.folders.mailbox(id).map(Folders::name).unwrap_or_default();
            format!("in {name}")
        }
    };
    let mut pieces = Vec::new();
    if !search.is_empty() && model.list.is_loaded {
        let list = &model.list;
        let more = if list.total.is_none() && (list.has_after || list.has_before) { "+" } else { "" };
        let count = list.total.unwrap_or(list.rows.len() as u64);
        pieces.push((format!("{}{more} found", text::number(count)), look.plain()));
    }
    pieces.push((place, look.dim()));
    pieces
}

/// Says how the accounts are: what needs a person first, then what heals by itself, then progress.
fn states(model: &Model, layout: &Layout) -> Vec<Piece> {
    let look = model.look();
    let mut pieces: Vec<(u8, Piece)> = Vec::new();
    let several = model.folders.accounts.len() > 1;
    let mut online = 0;
    let mut pending = 0;
    for (id, link) in &model.statuses {
        let Some(account) = model.folders.account(*id) else { continue };
        let name = if several { format!("{}: ", text::safe(&account.name)) } else { String::new() };
        pending += link.pending;
        match &link.status {
            AccountStatus::Blocked(notice) => {
                let what = text::safe(&notice.what);
                pieces.push((0, (format!("✗ {name}{}", wrap::cut(&what, 48)), look.bad())));
            }
            AccountStatus::Offline { since, next_try, .. } => {
                let left = next_try.0.saturating_sub(model.now.unix.0);
                let next = if left > 0 { format!("next try in {}", text::span(left)) } else { "trying now".to_owned() };
                let since = clock(*since, model);
                pieces.push((1, (format!("○ {name}offline since {since} · {next}"), look.warn())));
            }
            AccountStatus::Syncing(progress) => {
                let what = text::safe(&progress.what);
                let how_far = match (progress.done, progress.total) {
                    (0, 0) => format!("{what} …"),
                    (done, 0) => format!("{} {what}", text::number(done)),
                    (done, total) => format!("{what} {} of {}", text::number(done), text::number(total)),
                };
                pieces.push((3, (format!("{name}{how_far}"), look.dim())));
            }
            AccountStatus::Connecting => pieces.push((4, (format!("{name}connecting …"), look.dim()))),
            AccountStatus::Paused => pieces.push((4, (format!("○ {name}no network wanted"), look.dim()))),
            AccountStatus::Online => online += 1,
            AccountStatus::Idle => {}
        }
    }
    if pending > 0 {
        let waits = if pending == 1 { "waits" } else { "wait" };
        pieces.push((2, (format!("{} {waits}", text::counted(pending, "change")), look.dim())));
    }
    if online > 0 && pieces.is_empty() {
        pieces.push((5, ("online".to_owned(), look.good())));
    }
    if model.settings.is_demo {
        pieces.push((6, ("demo".to_owned(), look.accent())));
    }
    pieces.sort_by_key(|(rank, _)| *rank);
    let mut pieces: Vec<Piece> = pieces.into_iter().map(|(_, piece)| piece).collect();
    if !layout.has_frames && !model.is_welcome() {
        // Without frames there is no title to carry these.
        let here = if layout.reader.is_some() { reader::position(model) } else { list::counts(model) };
        let others: usize = pieces.iter().map(|(text, _)| 3 + wrap::width(text)).sum();
        let here = if is_medium(layout) && wrap::width(&here) + others <= usize::from(layout.top.width) * 3 / 5 {
            here
        } else {
            // `3 of 5 in this conversation`, `12 unread · 168 conversations`: the beginning says enough.
            here.split(" · ").next().and_then(|here| here.split(" in ").next()).unwrap_or_default().to_owned()
        };
        if !here.is_empty() {
            pieces.insert(0, (here, look.dim()));
        }
    }
    pieces
}

fn clock(time: UnixTime, model: &Model) -> String {
    let civil = time.civil(&model.settings.zone);
    format!("{:02}:{:02}", civil.hour(), civil.minute())
}

pub(super) fn banner(model: &Model, layout: &Layout, frame: &mut Frame) {
    let Some(area) = layout.banner else { return };
    let look = model.look();
    for (at, (y, line)) in (area.y..area.bottom()).zip(model.banner()).enumerate() {
        let style = if at == 0 { look.bad() } else { look.plain() };
        put(frame, area.x + 1, y, area.width.saturating_sub(2), &Line::styled(line, style));
    }
}

/// Draws the line above the footer: what just happened, what is waited for, what is marked.
pub(super) fn line(model: &Model, layout: &Layout, frame: &mut Frame) {
    let look = model.look();
    let area = layout.line;
    let marks = marks(model);
    let marks_width = wrap::width(&marks);
    let room = usize::from(area.width).saturating_sub(2 + marks_width + if marks.is_empty() { 0 } else { 2 });
    let (text, style) = if !model.keys.is_empty() {
        (format!("{} …  waiting for the next key", spell(&model.keys)), look.accent())
    } else if let Some(toast) = &model.toast {
        let style = match toast.kind {
            ToastKind::Done => look.good(),
            ToastKind::Note => look.plain(),
            ToastKind::Error => look.bad(),
        };
        (toast.text.clone(), style)
    } else if let Some(note) = model.search.as_ref().and_then(|search| search.notes.first()) {
        (format!("! {}", text::safe(note)), look.warn())
    } else if model.hunt.is_some() {
        ("Looking for unread mail …".to_owned(), look.dim())
    } else {
        (String::new(), look.plain())
    };
    put(frame, area.x + 1, area.y, area.width, &Line::styled(wrap::cut(&text, room), style));
    let x = usize::from(area.width).saturating_sub(marks_width + 1) as u16;
    put(frame, x, area.y, marks_width as u16, &Line::styled(marks, look.accent()));
}

fn marks(model: &Model) -> String {
    if let Some(count) = model.count {
        return format!("{count} …");
    }
    if model.list.marks.is_empty() {
        return String::new();
    }
    let count = model.list.marked().map_or_else(|| "all".to_owned(), text::number);
    let range = if model.list.has_range() { " · v ends" } else { "" };
    format!("✓ {count} marked{range} · Esc clears")
}

/// One hint of the footer.
struct Hint {
    x: u16,
    key: String,
    label: String,
    command: CommandId,
}

impl Hint {
    fn width(&self) -> usize {
        wrap::width(&self.key) + usize::from(!self.label.is_empty()) + wrap::width(&self.label)
    }
}

pub(super) fn footer(model: &Model, layout: &Layout, frame: &mut Frame) {
    let look = model.look();
    let area = layout.footer;
    if let Some(text) = typing_hints(model) {
        put(frame, area.x + 1, area.y, area.width.saturating_sub(1), &Line::styled(text, look.dim()));
        return;
    }
    let mut before: Option<u16> = None;
    for hint in hints(model) {
        if before == Some(hint.x.saturating_sub(3)) {
            put(frame, hint.x - 2, area.y, 1, &Line::styled("·", look.dim()));
        }
        before = Some(hint.x + hint.width() as u16);
        let line = Line::from(vec![
            Span::styled(hint.key, look.strong()),
            Span::styled(if hint.label.is_empty() { String::new() } else { format!(" {}", hint.label) }, look.dim()),
        ]);
        put(frame, hint.x, area.y, area.width.saturating_sub(hint.x), &line);
    }
}

/// Gives the command whose hint stands at a column of the footer.
pub(in crate::ui) fn footer_command(model: &Model, column: u16) -> Option<CommandId> {
    if typing_hints(model).is_some() {
        return None;
    }
    let mut hints = hints(model).into_iter();
    hints.find(|hint| (hint.x..hint.x + hint.width() as u16).contains(&column)).map(|hint| hint.command)
}

/// Gives the hints while keys are text.
fn typing_hints(model: &Model) -> Option<&'static str> {
    let is_narrow = model.width < MEDIUM;
    match &model.overlay {
        Some(Overlay::Picker(_)) if is_narrow => Some("↑ ↓ choose · Enter take · Esc close"),
        Some(Overlay::Picker(picker)) => Some(match picker.kind {
            PickerKind::Help { .. } => "type to filter · ↑ ↓ choose · Enter run · Tab screens · Esc close",
            _ => "type to filter · ↑ ↓ choose · Enter take · Esc close",
        }),
        Some(Overlay::Question(_)) => Some("y deletes for good · any other key keeps"),
        Some(Overlay::Links(_)) => None,
        None if is_narrow && model.is_searching() => Some("Enter list · Ctrl-g where · Esc leave"),
        None if model.is_searching() => Some("↑ ↓ choose · Enter to the list · Ctrl-g where · F1 help · Esc leave"),
        None => None,
    }
}

/// Chooses what fits of what works here, the most used first; help stands last, at the right.
fn hints(model: &Model) -> Vec<Hint> {
    let context = model.context();
    let width = usize::from(model.width);
    let key = |command: &Command| model.settings.keymap.first_key(context, command.id);
    let mut commands: Vec<(&Command, u8)> = COMMANDS
        .iter()
        .filter(|command| command.works_in(context) && is_worth_naming(model, context, command.id))
        .filter_map(|command| command.rank.map(|rank| (command, rank)))
        .collect();
    commands.sort_by_key(|(_, rank)| *rank);
    let help = commands.iter().find(|(command, _)| command.id == CommandId::Help).and_then(|(command, _)| {
        key(command).map(|key| Hint { x: 0, key, label: command.label.to_owned(), command: command.id })
    });
    let help_width = help.as_ref().map_or(0, |help| help.width() + 1);
    let mut hints = Vec::new();
    let mut x = 1;
    let moving = [CommandId::Down, CommandId::Up].map(|id| model.settings.keymap.first_key(context, id));
    let is_narrow = width < usize::from(MEDIUM);
    if let ([Some(down), Some(up)], false) = (moving, is_narrow || model.is_welcome()) {
        let label = if context == Context::Reader { "scroll" } else { "move" };
        let hint = Hint { x: x as u16, key: format!("{down} {up}"), label: label.to_owned(), command: CommandId::Down };
        x += hint.width() + 3;
        hints.push(hint);
    }
    for (command, _) in commands {
        let Some(key) = key(command).filter(|_| command.id != CommandId::Help) else { continue };
        // Where it is narrow only the first key has a word beside it.
        let label = if is_narrow && !hints.is_empty() { String::new() } else { label(model, command) };
        let hint = Hint { x: x as u16, key, label, command: command.id };
        if x + hint.width() + 2 + help_width > width {
            continue;
        }
        let gap = if is_narrow && hint.label.is_empty() { 1 } else { 3 };
        x += hint.width() + gap;
        hints.push(hint);
        if is_narrow && hints.len() == MOST_LETTERS {
            break;
        }
    }
    hints.extend(help.map(|help| Hint { x: width.saturating_sub(help_width) as u16, ..help }));
    hints
}

fn label(model: &Model, command: &Command) -> String {
    match command.id {
        CommandId::Quit if model.search.is_some() || model.focus == Focus::Reader => "back".to_owned(),
        CommandId::Junk if act::role_here(model) == Some(Role::Junk) => "not junk".to_owned(),
        CommandId::CycleForm => {
            let next = model.reader.document.as_ref().and_then(|document| page::next_form(document));
            next.map_or(command.label, page::form_name).to_owned()
        }
        _ => command.label.to_owned(),
    }
}

/// Leaves out what would do nothing now.
fn is_worth_naming(model: &Model, context: Context, id: CommandId) -> bool {
    let document = model.reader.document.as_ref();
    match id {
        CommandId::Help | CommandId::Quit => true,
        _ if model.is_welcome() => false,
        CommandId::Unfold => document.is_some_and(|document| !document.folds.is_empty()),
        CommandId::Links => context == Context::Reader && run::why_not(model, id).is_none(),
        CommandId::CycleForm => context == Context::Reader && document.is_some(),
        CommandId::NextMessage | CommandId::PreviousMessage => context == Context::Reader,
        CommandId::Back => context == Context::Reader,
        CommandId::PageDown => context == Context::Reader,
        CommandId::NextPane => model.layout().has_frames,
        _ => run::why_not(model, id).is_none(),
    }
}
