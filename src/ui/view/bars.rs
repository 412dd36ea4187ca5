//! Owns the lines at the edges: where one is, how the accounts are, what just happened, which keys there are.

use ratatui::Frame;
use ratatui::layout::Position;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::config::command::{COMMANDS, Command, CommandId, Context};
use crate::mail::account::AccountStatus;
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;
use crate::mail::view::Scope;
use crate::mail::wrap;
use crate::ui::act;
use crate::ui::folders::Folders;
use crate::ui::layout::{self, Layout, MEDIUM};
use crate::ui::model::{Model, Overlay, Tone};
use crate::ui::page;
use crate::ui::picker::PickerKind;
use crate::ui::prompt;
use crate::ui::reading;
use crate::ui::run;
use crate::ui::text;
use crate::ui::view::{Cursor, is_medium, list, put, reader};

pub(super) fn top(model: &Model, layout: &Layout, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let width = usize::from(layout.top.width);
    let is_typing = model.is_searching();
    let brand = if is_medium(layout) { " surat  " } else { " " };
    let title = if model.is_welcome() { String::new() } else { model.list_title() };
    let (right, right_room) = match model.search {
        Some(_) => (found(model), width * if is_typing { 1 } else { 2 } / 3),
        None => {
            let beside_title = width.saturating_sub(wrap::width(brand) + wrap::width(&title) + 3);
            (states(model, layout), beside_title.max(width * 3 / 5))
        }
    };
    let right = fit_pieces(right, right_room);
    let right_width: usize = right.iter().map(Span::width).sum();
    let room = width.saturating_sub(right_width + 3);
    if let Some(search) = &model.search {
        let (shown, at) = search.input.window(room.saturating_sub(3));
        let typed = if is_typing && search.input.is_selected() {
            Span::styled(shown, look.plain().add_modifier(Modifier::REVERSED))
        } else {
            Span::raw(shown)
        };
        put(frame, 0, 0, layout.top.width, &Line::from(vec![Span::styled(" / ", look.accent()), typed]));
        if is_typing {
            *cursor = Some(Position::new((3 + at).min(width.saturating_sub(1)) as u16, 0));
        }
    } else {
        let title = wrap::cut(&title, room.saturating_sub(wrap::width(brand)));
        let brand = Span::styled(brand, look.accent().patch(look.strong()));
        put(frame, 0, 0, layout.top.width, &Line::from(vec![brand, Span::styled(title, look.strong())]));
    }
    let x = width.saturating_sub(right_width + 1) as u16;
    put(frame, x, 0, right_width as u16, &Line::from(right));
    if let Some(rule) = layout.rule {
        put(frame, rule.x, rule.y, rule.width, &Line::styled("─".repeat(width), look.dim()));
    }
}

/// Something to say at the right of the top line: in full, then shorter and shorter.
struct Piece {
    forms: Vec<String>,
    style: Style,
}

impl Piece {
    fn new<const N: usize>(forms: [String; N], style: Style) -> Self {
        Self { forms: forms.into(), style }
    }
}

/// Keeps what fits, with dots between: first as many as can be in their shortest words, the ones that matter most
/// before the others, then each in the fullest words that there is room for. The first is cut rather than left out.
fn fit_pieces(pieces: Vec<Piece>, room: usize) -> Vec<Span<'static>> {
    let mut kept: Vec<(Piece, String)> = Vec::new();
    let mut used = 0;
    for piece in pieces {
        let shortest = piece.forms.last().cloned().unwrap_or_default();
        let gap = if kept.is_empty() { 0 } else { 3 };
        let text = if kept.is_empty() { wrap::cut(&shortest, room) } else { shortest };
        if used + gap + wrap::width(&text) <= room {
            used += gap + wrap::width(&text);
            kept.push((piece, text));
        }
    }
    for (piece, text) in &mut kept {
        let others = used - wrap::width(text);
        if let Some(fuller) = piece.forms.iter().find(|form| others + wrap::width(form) <= room) {
            used = others + wrap::width(fuller);
            text.clone_from(fuller);
        }
    }
    let spans = kept.into_iter().enumerate().flat_map(|(at, (piece, text))| {
        let dot = (at > 0).then(|| Span::styled(" · ", piece.style));
        dot.into_iter().chain([Span::styled(text, piece.style)])
    });
    spans.collect()
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
        pieces.push(Piece::new([format!("{}{more} found", text::number(count))], look.plain()));
    }
    pieces.push(Piece::new([place], look.dim()));
    pieces
}

/// Says how the accounts are: what needs a person first, then what heals by itself, then progress; then what waits here,
/// and what the list holds where no frame carries that.
fn states(model: &Model, layout: &Layout) -> Vec<Piece> {
    let look = model.look();
    let mut pieces: Vec<(u8, Piece)> = Vec::new();
    let several = model.folders.accounts.len() > 1;
    let mut is_online = false;
    let mut pending = 0;
    if model.settings.mistake.is_some() {
        pieces.push((0, Piece::new(["! config".to_owned()], look.warn())));
    }
    for (id, link) in &model.statuses {
        let Some(account) = model.folders.account(*id) else { continue };
        let name = if several { format!("{}: ", text::safe(&account.name)) } else { String::new() };
        pending += link.spoken_of();
        match &link.status {
            AccountStatus::Blocked(notice) => {
                let what = text::safe(&notice.what);
                let forms = [format!("✗ {name}{}", wrap::cut(&what, 48)), format!("✗ {name}stopped")];
                pieces.push((0, Piece::new(forms, look.bad())));
            }
            AccountStatus::Offline { since, next_try, reason } => {
                let left = next_try.0.saturating_sub(model.now.unix.0);
                let next = if left > 0 { format!("next try in {}", text::span(left)) } else { "trying now".to_owned() };
                let offline = format!("○ {name}offline");
                let since = format!("{offline} since {}", clock(*since, model));
                let forms = [
                    format!("{since} · {next} · {}", text::safe(reason)),
                    format!("{since} · {next}"),
                    format!("{offline} · {next}"),
                    offline,
                ];
                pieces.push((1, Piece::new(forms, look.warn())));
            }
            AccountStatus::Paused => {
                let offline = format!("○ {name}offline");
                let forms = [format!("{offline} by wish (--offline)"), format!("{offline} by wish"), offline];
                pieces.push((1, Piece::new(forms, look.dim())));
            }
            AccountStatus::Syncing(progress) => {
                let what = text::safe(&progress.what);
                let (done, total) = (text::number(progress.done), text::number(progress.total));
                let forms = match (progress.done, progress.total) {
                    (0, 0) => [format!("{name}{what} …"), format!("{name}fetching …")],
                    (_, 0) => [format!("{name}{done} {what} fetched"), format!("{name}{done} fetched")],
                    _ => [format!("{name}{what} {done} of {total}"), format!("{name}{done}/{total}")],
                };
                pieces.push((2, Piece::new(forms, look.dim())));
            }
            AccountStatus::Connecting => pieces.push((2, Piece::new([format!("{name}connecting …")], look.dim()))),
            AccountStatus::Online => is_online = true,
            AccountStatus::Idle => {}
        }
    }
    if is_online && pieces.iter().all(|(rank, _)| *rank == 0) {
        pieces.push((2, Piece::new(["online".to_owned()], look.good())));
    }
    if pending > 0 {
        // Help says what becomes of them.
        let count = text::number(pending);
        let forms = [format!("{} waiting", text::counted(pending, "change")), format!("{count} waiting")];
        pieces.push((3, Piece::new(forms, look.dim())));
    }
    if model.settings.is_demo {
        pieces.push((4, Piece::new(["demo".to_owned()], look.accent())));
    }
    if !layout.has_frames && !model.is_welcome() {
        // Without frames there is no title to carry these.
        let here = if layout.reader.is_some() { reader::position(model) } else { list::counts(model) };
        // `3 of 5 in this conversation`, `12 unread · 168 conversations`: the beginning says enough.
        let short = here.split(" · ").next().and_then(|here| here.split(" in ").next()).unwrap_or_default().to_owned();
        if !here.is_empty() {
            pieces.push((5, Piece::new([here, short], look.dim())));
        }
        let form = layout.reader.and_then(|_| reader::form_hint(model));
        pieces.extend(form.map(|hint| (6, Piece::new([hint], look.dim()))));
    }
    pieces.sort_by_key(|(rank, _)| *rank);
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

fn clock(time: UnixTime, model: &Model) -> String {
    let civil = time.civil(&model.settings.zone);
    format!("{:02}:{:02}", civil.hour(), civil.minute())
}

pub(super) fn banner(model: &Model, layout: &Layout, frame: &mut Frame) {
    let Some(area) = layout.banner else { return };
    let look = model.look();
    for (at, (y, line)) in (area.y..area.bottom()).zip(model.banner()).enumerate() {
        let first = if model.notice().is_some() { look.bad() } else { look.warn() };
        let style = if at == 0 { first } else { look.plain() };
        put(frame, area.x + 1, y, area.width.saturating_sub(2), &Line::styled(line, style));
    }
}

/// Draws the lines above the footer: what just happened, what is waited for, what is marked.
pub(super) fn line(model: &Model, layout: &Layout, frame: &mut Frame) {
    let look = model.look();
    let area = layout.line;
    for (y, (text, tone)) in (area.y..area.bottom()).zip(model.line()) {
        let style = match tone {
            Tone::Plain => look.plain(),
            Tone::Dim => look.dim(),
            Tone::Accent => look.accent(),
            Tone::Good => look.good(),
            Tone::Warn => look.warn(),
            Tone::Bad => look.bad(),
        };
        put(frame, area.x + 1, y, area.width, &Line::styled(text, style));
    }
    let marks = model.marks();
    let wide = wrap::width(&marks);
    let x = usize::from(area.width).saturating_sub(wide + 1) as u16;
    put(frame, x, area.y, wide as u16, &Line::styled(marks, look.accent()));
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
        if before == Some(hint.x.saturating_sub(3)) && is_medium(layout) {
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
fn typing_hints(model: &Model) -> Option<String> {
    let is_narrow = model.width < MEDIUM;
    let hints = match &model.overlay {
        Some(Overlay::Links(links)) if links.asking.is_some() => return Some(target_hints(model)),
        Some(Overlay::Picker(_)) if is_narrow => Some("↑ ↓ choose · Enter take · Esc close"),
        Some(Overlay::Picker(picker)) => Some(match picker.kind {
            PickerKind::Help { .. } => "type to filter · ↑ ↓ choose · Enter run · Tab screens · Esc close",
            _ => "type to filter · ↑ ↓ choose · Enter take · Esc close",
        }),
        Some(Overlay::Question(question)) => return Some(question.hints()),
        Some(Overlay::Prompt(_)) => Some("/ parts levels · Enter take · Esc close"),
        Some(Overlay::Links(_)) => None,
        None if is_narrow && model.is_searching() => Some("Enter list · Ctrl-g where · Esc leave"),
        None if model.is_searching() => Some("↑ ↓ choose · Enter to the list · Ctrl-g where · F1 help · Esc leave"),
        None => None,
    };
    hints.map(str::to_owned)
}

/// Gives the keys while the target of a link is shown: it opens only when all of it was on the screen.
pub(super) fn target_hints(model: &Model) -> String {
    let (columns, rows) = layout::target_room(model);
    let is_cut = match &model.overlay {
        Some(Overlay::Links(links)) => links.asking.is_some_and(|scroll| scroll + rows < links.target(columns).len()),
        _ => false,
    };
    let open = if is_cut { "shows the rest" } else { "opens it" };
    let hints = [(CommandId::OpenLink, open), (CommandId::CopyLink, "copies it"), (CommandId::Close, "back")];
    let hints = hints.iter().filter(|(id, _)| !(is_cut && *id == CommandId::CopyLink));
    let hints = hints.filter_map(|(id, what)| model.key_of(*id).map(|key| format!("{key} {what}")));
    hints.collect::<Vec<_>>().join(" · ")
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
        let hint = Hint { x: x as u16, key, label: label(model, command), command: command.id };
        if x + hint.width() + 2 + help_width > width {
            continue;
        }
        // Where it is narrow, air has to do where a dot would stand.
        x += hint.width() + if is_narrow { 2 } else { 3 };
        hints.push(hint);
    }
    hints.extend(help.map(|help| Hint { x: width.saturating_sub(help_width) as u16, ..help }));
    hints
}

fn label(model: &Model, command: &Command) -> String {
    match command.id {
        CommandId::Quit if run::quit_goes_back(model) => "back".to_owned(),
        CommandId::NextUnread if reading::has_match(model) => "next match".to_owned(),
        CommandId::SubscribeFolder if prompt::folder_meant(model).is_some_and(|folder| folder.is_subscribed) => {
            "unsubscribe".to_owned()
        }
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
        CommandId::CreateFolder | CommandId::RenameFolder | CommandId::DeleteFolder | CommandId::SubscribeFolder => {
            context == Context::Folders && run::why_not(model, id).is_none()
        }
        _ => run::why_not(model, id).is_none(),
    }
}
