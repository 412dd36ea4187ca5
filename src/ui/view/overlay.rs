//! Owns how the boxes look that lie over the panes.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::config::command;
use crate::config::key::spell;
use crate::mail::wrap::{self, Run};
use crate::ui::layout::{inset, overlay_places};
use crate::ui::links::{Line as LinkLine, Links};
use crate::ui::model::{Model, Question};
use crate::ui::picker::{Item, Picker, PickerKind};
use crate::ui::text;
use crate::ui::view::{Cursor, float, paint, put};

/// Columns of a command's name, and of the keys in help.
const NAME: usize = 18;
const KEYS: usize = 16;
/// Columns of an entry in the box of keys.
const ENTRY: usize = 38;

pub(super) fn picker(model: &Model, picker: &Picker, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let (area, rows) = overlay_places(model);
    let counts = format!("{} of {}", picker.matches.len(), picker.items.len());
    float(frame, look, area, &picker.title(), &counts, picker.hints());
    let inner = inset(area);
    let width = usize::from(inner.width);
    let (typed, at) = picker.input.window(width.saturating_sub(4));
    let prompt = Line::from(vec![Span::styled(" > ", look.accent()), Span::raw(typed)]);
    put(frame, inner.x, inner.y, inner.width, &prompt);
    *cursor = Some(Position::new(inner.x + 3 + at as u16, inner.y));
    rule(model, frame, inner, inner.y + 1);
    let shown = picker.matches.iter().enumerate().skip(picker.top).take(rows.height.into());
    for (row, item) in shown.filter_map(|(row, at)| picker.items.get(*at).map(|item| (row, item))) {
        let y = rows.y + (row - picker.top) as u16;
        let line = match picker.kind {
            PickerKind::Help { .. } => help_row(model, item, width, row == picker.at),
            _ => row_of(model, item, width, row == picker.at),
        };
        put(frame, inner.x, y, inner.width, &line);
        if row == picker.at {
            paint(frame, Rect::new(inner.x, y, inner.width, 1), look.cursor());
        }
    }
    if inner.height > 4 {
        let y = inner.bottom() - 1;
        rule(model, frame, inner, y - 1);
        let (text, style) = match picker.current() {
            None => ("Nothing matches. Backspace takes a letter back.".to_owned(), look.dim()),
            Some(Item { why_not: Some(reason), .. }) => (reason.clone(), look.warn()),
            Some(item) if !item.sentence.is_empty() => (text::capital(&item.sentence), look.dim()),
            Some(_) => (String::new(), look.dim()),
        };
        let text = wrap::cut(&text, width.saturating_sub(2));
        put(frame, inner.x + 1, y, inner.width.saturating_sub(1), &Line::styled(text, style));
    }
}

fn rule(model: &Model, frame: &mut Frame, inner: Rect, y: u16) {
    if y < inner.bottom() {
        put(frame, inner.x, y, inner.width, &Line::styled("─".repeat(inner.width.into()), model.look().dim()));
    }
}

/// A command or a folder: name, sentence, keys at the right.
fn row_of(model: &Model, item: &Item, width: usize, is_cursor: bool) -> Line<'static> {
    let look = model.look();
    let aside = wrap::cut(&item.aside, width / 3);
    let room = width.saturating_sub(3 + wrap::width(&aside) + 1);
    let name_room = if item.sentence.is_empty() { room } else { NAME.min(room) };
    let name = wrap::fit(&item.name, name_room);
    let sentence = if item.sentence.is_empty() { String::new() } else { format!("  {}", item.sentence) };
    let style = if item.why_not.is_some() { look.dim() } else { look.plain() };
    Line::from(vec![
        Span::styled(if is_cursor { "▌ " } else { "  " }, look.accent()),
        Span::styled(name, style),
        Span::styled(wrap::fit(&sentence, room.saturating_sub(name_room)), look.dim()),
        Span::styled(format!(" {aside}"), look.accent()),
    ])
}

/// A line of help: keys first, then what they do.
fn help_row(model: &Model, item: &Item, width: usize, is_cursor: bool) -> Line<'static> {
    let look = model.look();
    let style = if item.why_not.is_some() { look.dim() } else { look.plain() };
    let rest = width.saturating_sub(2 + KEYS + 1);
    let name = NAME.min(rest);
    Line::from(vec![
        Span::styled(if is_cursor { "▌ " } else { "  " }, look.accent()),
        Span::styled(wrap::fit(&item.aside, KEYS), look.accent()),
        Span::styled(format!(" {}", wrap::fit(&item.name, name)), style),
        Span::styled(wrap::fit(&format!(" {}", item.sentence), rest.saturating_sub(name)), look.dim()),
    ])
}

pub(super) fn links(model: &Model, links: &Links, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let (area, rows) = overlay_places(model);
    let what = format!(
        "{} · {}",
        text::counted(links.attachments.len() as u64, "attachment"),
        text::counted(links.links.len() as u64, "link")
    );
    let hints = if links.is_asking { "Enter opens it · y copies it · Esc back" } else { "" };
    float(frame, look, area, "Links and attachments", &what, hints);
    let inner = inset(area);
    let width = usize::from(inner.width);
    if links.is_asking {
        return target(model, links, inner, frame, cursor);
    }
    for row in 0..rows.height {
        let at = links.top + usize::from(row);
        let Some(line) = links.line(at) else { break };
        let is_cursor = at == links.at;
        let bar = Span::styled(if is_cursor { "▌ " } else { "  " }, look.accent());
        let line = match line {
            LinkLine::Attachment(at) => links.attachments.get(at).map(|file| {
                let aside = format!("{}  {}", file.media_type, text::size(file.size));
                let aside = wrap::cut(&aside, width / 2);
                let room = width.saturating_sub(2 + 5 + wrap::width(&aside) + 1);
                vec![
                    Span::styled("  +  ", look.dim()),
                    Span::raw(wrap::fit(file.name.as_str(), room)),
                    Span::styled(aside, look.dim()),
                ]
            }),
            LinkLine::Link(at) => links.links.get(at).map(|link| {
                let target = wrap::fit(link.shown.as_str(), width.saturating_sub(2 + 5 + 1) / 2);
                let room = width.saturating_sub(2 + 5 + wrap::width(&target) + 1);
                let warn = if link.is_deceptive { look.warn() } else { look.dim() };
                vec![
                    Span::styled(format!("{:>4} ", format!("[{}]", at + 1)), look.accent()),
                    Span::raw(format!("{} ", wrap::fit(link.text.as_str(), room.saturating_sub(1)))),
                    Span::styled(target, warn),
                ]
            }),
        };
        let spans: Vec<_> = std::iter::once(bar).chain(line.unwrap_or_default()).collect();
        put(frame, inner.x, rows.y + row, inner.width, &Line::from(spans));
        if is_cursor {
            paint(frame, Rect::new(inner.x, rows.y + row, inner.width, 1), look.cursor());
            *cursor = Some(Position::new(inner.x, rows.y + row));
        }
    }
    let below = inner.bottom().saturating_sub(3);
    rule(model, frame, inner, below);
    let (text, style) = match (links.link(), links.attachment()) {
        (Some(link), _) if link.is_deceptive => {
            (format!("! Its text names another place: {}", link.shown), look.warn())
        }
        (Some(link), _) => (link.shown.as_str().to_owned(), look.plain()),
        (None, Some(file)) => (file.name.as_str().to_owned(), look.plain()),
        (None, None) => (String::new(), look.plain()),
    };
    for (y, runs) in (below + 1..inner.bottom()).zip(wrap::wrap(
        &[Run::new(text, ())],
        width.saturating_sub(2),
        width.saturating_sub(2),
    )) {
        let line: String = runs.into_iter().map(|run| run.text).collect();
        put(frame, inner.x + 1, y, inner.width.saturating_sub(1), &Line::styled(line, style));
    }
}

/// Shows the whole real target of a link before it can be opened.
fn target(model: &Model, links: &Links, inner: Rect, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let Some(link) = links.link() else { return };
    let width = usize::from(inner.width.saturating_sub(2)).max(2);
    let mut lines = Vec::new();
    let mut add = |text: &str, style| {
        for runs in wrap::wrap_exactly(&[Run::new(text, ())], width) {
            lines.push((runs.into_iter().map(|run| run.text).collect::<String>(), style));
        }
    };
    add("This link really goes to:", look.dim());
    add(link.shown.as_str(), look.strong());
    if link.is_deceptive {
        add(&wrap::cut(&format!("! The message calls it: {}", link.text), width), look.warn());
    }
    if !link.can_open {
        add("It cannot be opened: only web and mail addresses can.", look.warn());
    }
    *cursor = Some(Position::new(inner.x + 1, inner.y + 1));
    // A target longer than the box shows its beginning, which names the host, and its end.
    let room = usize::from(inner.height);
    let skipped = lines.len().saturating_sub(room);
    for (at, (line, style)) in lines.into_iter().enumerate() {
        let y = match at {
            0..3 => at,
            _ if at < 3 + skipped => continue,
            _ => at - skipped,
        };
        if y < room {
            let y = inner.y + y as u16;
            put(frame, inner.x + 1, y, inner.width.saturating_sub(1), &Line::styled(line, style));
        }
    }
}

pub(super) fn question(model: &Model, question: &Question, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let (area, inner) = overlay_places(model);
    float(frame, look, area, "Cannot be undone", "", "y deletes · any other key keeps");
    let width = usize::from(inner.width.saturating_sub(2)).max(2);
    let lines = wrap::wrap(&[Run::new(question.text.as_str(), ())], width, width);
    for (y, runs) in (inner.y..inner.bottom()).zip(lines) {
        let line: String = runs.into_iter().map(|run| run.text).collect();
        put(frame, inner.x + 1, y, inner.width.saturating_sub(1), &Line::styled(line, look.strong()));
    }
    *cursor = Some(Position::new(inner.x + 1, inner.y));
}

/// Shows the keys that may follow those that were pressed.
pub(super) fn which_key(model: &Model, frame: &mut Frame) {
    let look = model.look();
    let mut entries = Vec::new();
    for binding in model.settings.keymap.beginning_with(model.context(), &model.keys) {
        let Some(command) = command::command(binding.command) else { continue };
        let rest = binding.keys.get(model.keys.len()..).unwrap_or_default();
        let what = match binding.command {
            command::CommandId::GoAccount(number) => {
                match model.folders.accounts.get(usize::from(number).saturating_sub(1)) {
                    Some(account) => text::safe(&account.name),
                    None => continue,
                }
            }
            _ => text::capital(command.sentence),
        };
        entries.push((spell(rest), what));
    }
    let screen = Rect::new(0, 1, model.width, model.height.saturating_sub(3));
    let columns = if usize::from(screen.width) >= 2 * ENTRY { 2 } else { 1 };
    let per_column = entries.len().div_ceil(columns).max(1);
    let height = (per_column as u16).saturating_add(2).min(screen.height);
    let area = Rect { y: screen.bottom().saturating_sub(height), height, ..screen };
    float(frame, look, area, &format!("{} …", spell(&model.keys)), "", "Esc cancel");
    let inner = inset(area);
    let column_width = inner.width / columns as u16;
    for (at, (key, what)) in entries.into_iter().enumerate() {
        let (column, row) = ((at / per_column) as u16, (at % per_column) as u16);
        if row >= inner.height {
            continue;
        }
        let line = Line::from(vec![
            Span::styled(format!("  {} ", wrap::fit(&key, 4)), look.accent().patch(look.strong())),
            Span::raw(wrap::cut(&what, usize::from(column_width).saturating_sub(8))),
        ]);
        put(frame, inner.x + column * column_width, inner.y + row, column_width, &line);
    }
}
