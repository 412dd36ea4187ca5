//! Owns how the boxes look that lie over the panes.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::config::command;
use crate::config::key::spell;
use crate::mail::wrap::{self, Run};
use crate::ui::layout::{inset, overlay_places};
use crate::ui::links::{Line as LinkLine, Links, Tone};
use crate::ui::model::{Model, Question};
use crate::ui::picker::{Item, Picker, PickerKind};
use crate::ui::prompt::Prompt;
use crate::ui::text;
use crate::ui::view::{Cursor, bars, float, paint, put};

/// Columns of a command's name, and of the keys in help.
const NAME: usize = 18;
const KEYS: usize = 16;
/// Columns below which a line has room for one key and one text.
const WIDE_ROW: usize = 56;
const KEYS_NARROW: usize = 7;
/// Columns of an entry in the box of keys with its word, and the most rows of sentences there.
const WORD: usize = 18;
const SENTENCES: usize = 10;

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
    (inner.y + 1..rows.y).for_each(|y| rule(model, frame, inner, y));
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
    let foot = inner.bottom().saturating_sub(rows.bottom());
    if foot > 0 {
        // A rule where the typed text has one too.
        let has_rule = rows.y > inner.y + 1;
        if has_rule {
            rule(model, frame, inner, rows.bottom());
        }
        let (text, style) = match picker.current() {
            None if picker.kind == (PickerKind::History { is_loaded: false }) => (String::new(), look.dim()),
            None if picker.items.is_empty() => ("There is nothing here yet.".to_owned(), look.dim()),
            None => ("Nothing matches. Backspace takes a letter back.".to_owned(), look.dim()),
            Some(Item { why_not: Some(reason), .. }) => (reason.clone(), look.warn()),
            Some(item) if !item.sentence.is_empty() => (text::capital(&item.sentence), look.dim()),
            Some(_) => (String::new(), look.dim()),
        };
        let first = rows.bottom() + u16::from(has_rule);
        let columns = width.saturating_sub(2);
        let lines = wrap::wrap(&[Run::new(text, ())], columns, columns);
        for (y, runs) in (first..inner.bottom()).zip(lines) {
            let line: String = runs.into_iter().map(|run| run.text).collect();
            put(frame, inner.x + 1, y, inner.width.saturating_sub(1), &Line::styled(line, style));
        }
    }
}

/// Gives the first of several keys, where there is room for one.
fn first_key(keys: &str) -> &str {
    keys.split("  ").next().unwrap_or(keys)
}

fn rule(model: &Model, frame: &mut Frame, inner: Rect, y: u16) {
    if y < inner.bottom() {
        put(frame, inner.x, y, inner.width, &Line::styled("─".repeat(inner.width.into()), model.look().dim()));
    }
}

/// A command or a folder: name, sentence, keys at the right.
fn row_of(model: &Model, item: &Item, width: usize, is_cursor: bool) -> Line<'static> {
    let look = model.look();
    // The line below the choices has the whole sentence.
    let has_sentence = !item.sentence.is_empty() && width >= WIDE_ROW;
    let aside = if width >= WIDE_ROW || item.sentence.is_empty() { &item.aside } else { first_key(&item.aside) };
    let aside = wrap::cut(aside, width / 3);
    let room = width.saturating_sub(3 + wrap::width(&aside) + 1);
    let name_room = if has_sentence { NAME.min(room) } else { room };
    let name = wrap::fit(&item.name, name_room);
    let sentence = if has_sentence { format!("  {}", item.sentence) } else { String::new() };
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
    if width < WIDE_ROW {
        let rest = width.saturating_sub(2 + KEYS_NARROW + 1);
        return Line::from(vec![
            Span::styled(if is_cursor { "▌ " } else { "  " }, look.accent()),
            Span::styled(wrap::fit(first_key(&item.aside), KEYS_NARROW), look.accent()),
            Span::styled(format!(" {}", wrap::fit(&item.sentence, rest)), style),
        ]);
    }
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
    if let Some(scroll) = links.asking {
        float(frame, look, area, "Open this link?", "", &bars::target_hints(model));
        return target(model, links, scroll, rows, frame, cursor);
    }
    float(frame, look, area, "Links and attachments", &what, "");
    let inner = inset(area);
    let width = usize::from(inner.width);
    let is_wide = width >= WIDE_ROW;
    for row in 0..rows.height {
        let at = links.top + usize::from(row);
        let Some(line) = links.line(at) else { break };
        let is_cursor = at == links.at;
        let bar = Span::styled(if is_cursor { "▌ " } else { "  " }, look.accent());
        let line = match line {
            LinkLine::Attachment(at) => links.attachments.get(at).map(|file| {
                let media_type = if is_wide { format!("{}  ", file.media_type) } else { String::new() };
                let aside = format!("{media_type}{}", text::size(file.size));
                let aside = wrap::cut(&aside, width / 2);
                let room = width.saturating_sub(2 + 5 + wrap::width(&aside) + 1);
                vec![
                    Span::styled("  +  ", look.dim()),
                    Span::raw(wrap::fit(file.name.as_str(), room)),
                    Span::styled(aside, look.dim()),
                ]
            }),
            LinkLine::Link(at) => links.links.get(at).map(|link| {
                let number = Span::styled(format!("{:>4} ", format!("[{}]", at + 1)), look.accent());
                let style = if link.is_deceptive { look.warn() } else { look.dim() };
                let room = width.saturating_sub(2 + 5 + 1);
                // One that is called by its own address needs no second column; where there is one column, it is the truth.
                if !is_wide || link.text == link.shown {
                    let style = if link.is_deceptive { style } else { look.plain() };
                    return vec![number, Span::styled(wrap::fit(link.shown.as_str(), room), style)];
                }
                vec![
                    number,
                    Span::raw(format!("{} ", wrap::fit(link.text.as_str(), (room - room / 2).saturating_sub(1)))),
                    Span::styled(wrap::fit(link.shown.as_str(), room / 2), style),
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
fn target(model: &Model, links: &Links, scroll: usize, rows: Rect, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let lines = links.target(rows.width.into()).into_iter().skip(scroll);
    for (y, (line, tone)) in (rows.y..rows.bottom()).zip(lines) {
        let style = match tone {
            Tone::Aside => look.dim(),
            Tone::Target => look.strong(),
            Tone::Warning => look.warn(),
        };
        put(frame, rows.x, y, rows.width, &Line::styled(line, style));
    }
    *cursor = Some(Position::new(rows.x, rows.y + u16::from(scroll == 0)));
}

pub(super) fn question(model: &Model, question: &Question, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let (area, inner) = overlay_places(model);
    float(frame, look, area, question.title, "", &question.hints());
    let width = usize::from(inner.width.saturating_sub(2)).max(2);
    let lines = wrap::wrap(&[Run::new(question.text.as_str(), ())], width, width);
    for (y, runs) in (inner.y..inner.bottom()).zip(lines) {
        let line: String = runs.into_iter().map(|run| run.text).collect();
        put(frame, inner.x + 1, y, inner.width.saturating_sub(1), &Line::styled(line, look.strong()));
    }
    *cursor = Some(Position::new(inner.x + 1, inner.y));
}

/// Draws the line in which a folder's name is typed; below it why it cannot be taken, once there is something to judge.
pub(super) fn prompt(model: &Model, prompt: &Prompt, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    let (area, inner) = overlay_places(model);
    float(frame, look, area, &prompt.title(model), "", "Enter take · Esc close");
    let (typed, at) = prompt.input.window(usize::from(inner.width).saturating_sub(4));
    let line = Line::from(vec![Span::styled(" > ", look.accent()), Span::raw(typed)]);
    put(frame, inner.x, inner.y, inner.width, &line);
    *cursor = Some(Position::new(inner.x + 3 + at as u16, inner.y));
    let is_begun = !prompt.input.text().trim().is_empty();
    let (text, style) = match prompt.problem(&model.folders).filter(|_| is_begun) {
        Some(problem) => (problem, look.warn()),
        None => ("/ parts levels, as Invoices/2026".to_owned(), look.dim()),
    };
    put(frame, inner.x + 1, inner.y + 1, inner.width.saturating_sub(1), &Line::styled(text, style));
}

/// Shows the keys that may follow those that were pressed.
pub(super) fn which_key(model: &Model, frame: &mut Frame) {
    let look = model.look();
    let mut entries = Vec::new();
    for binding in model.settings.keymap.beginning_with(model.context(), &model.keys) {
        let Some(command) = command::command(binding.command) else { continue };
        let rest = binding.keys.get(model.keys.len()..).unwrap_or_default();
        let (sentence, word) = match binding.command {
            command::CommandId::GoAccount(number) => {
                match model.folders.accounts.get(usize::from(number).saturating_sub(1)) {
                    Some(account) => (text::safe(&account.name), text::safe(&account.name)),
                    None => continue,
                }
            }
            _ => {
                let sentence = command.sentence.split("; ").next().unwrap_or(command.sentence);
                (text::capital(sentence), command.label.to_owned())
            }
        };
        entries.push((spell(rest), sentence, word));
    }
    let screen = Rect::new(0, 1, model.width, model.height.saturating_sub(3));
    let (width, most) =
        (usize::from(screen.width.saturating_sub(2)), usize::from(screen.height.saturating_sub(2)).max(1));
    // Sentences where they stand whole and are soon looked through, else words.
    let fits = |columns: usize, most: usize| entries.len().div_ceil(columns) <= most;
    let longest = entries.iter().map(|(_, sentence, _)| wrap::width(sentence)).max().unwrap_or(0);
    let is_whole = |columns: &usize| width / columns >= longest + 8 && fits(*columns, most.min(SENTENCES));
    let by_sentence = [2, 1].into_iter().find(is_whole);
    let most_columns = (width / WORD).max(1);
    let by_word = || (2..=most_columns).find(|columns| fits(*columns, most)).unwrap_or(most_columns);
    let columns = by_sentence.unwrap_or_else(by_word);
    let has_sentences = by_sentence.is_some();
    let per_column = entries.len().div_ceil(columns).max(1);
    let height = (per_column as u16).saturating_add(2).min(screen.height);
    let area = Rect { y: screen.bottom().saturating_sub(height), height, ..screen };
    float(frame, look, area, &format!("{} …", spell(&model.keys)), "", "Esc cancel");
    let inner = inset(area);
    let column_width = inner.width / columns as u16;
    for (at, (key, sentence, word)) in entries.into_iter().enumerate() {
        let (column, row) = ((at / per_column) as u16, (at % per_column) as u16);
        if row >= inner.height {
            continue;
        }
        let what = if has_sentences { sentence } else { word };
        let key_width = if has_sentences { 4 } else { 2 };
        let line = Line::from(vec![
            Span::styled(format!("  {} ", wrap::fit(&key, key_width)), look.accent().patch(look.strong())),
            Span::raw(wrap::cut(&what, usize::from(column_width).saturating_sub(4 + key_width))),
        ]);
        put(frame, inner.x + column * column_width, inner.y + row, column_width, &line);
    }
}
