//! Owns how the conversation list looks: columns that stay where they are whatever the mail says.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::config::command::CommandId;
use crate::mail::email::Row;
use crate::mail::id::EmailId;
use crate::mail::mailbox::Role;
use crate::mail::time::UnixTime;
use crate::mail::view::Scope;
use crate::mail::wrap;
use crate::ui::act;
use crate::ui::folders::Folders;
use crate::ui::highlight;
use crate::ui::layout::{Layout, centered};
use crate::ui::model::{Focus, Model, PATIENCE, Place};
use crate::ui::search::CARD;
use crate::ui::text;
use crate::ui::view::{Cursor, float, is_focused, is_medium, paint, pane, put};

/// Columns of senders, by the width of the list.
const PEOPLE_NARROW: usize = 10;
const PEOPLE: usize = 18;
const PEOPLE_WIDE: usize = 22;
/// Columns of the date: `Sun 23:49`, `2025-11-17`.
const DATE: usize = 10;
const DATE_NARROW: usize = 6;
/// Columns of the count of messages.
const COUNT: usize = 4;
/// Columns of the folder in a search.
const FOLDER: usize = 12;

pub(super) fn draw(model: &Model, layout: &Layout, area: Rect, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    if layout.has_frames {
        let title = model.list_title();
        pane(frame, look, area, is_focused(model, Focus::List), &title, &counts(model), "");
    }
    let inner = layout.inner(area);
    let list = &model.list;
    let columns = Columns::of(model, inner.width, is_medium(layout));
    let has_focus = model.focus == Focus::List;
    for (at, row) in list.rows.iter().enumerate().skip(list.top).take(inner.height.into()) {
        let y = inner.y + (at - list.top) as u16;
        let is_cursor = at == list.at;
        let line = columns.row(model, row, is_cursor);
        put(frame, inner.x, y, inner.width, &line);
        if is_cursor {
            if has_focus {
                paint(frame, Rect::new(inner.x, y, inner.width, 1), look.cursor());
            }
            if has_focus && cursor.is_none() {
                *cursor = Some(Position::new(inner.x, y));
            }
        }
    }
    if model.search.as_ref().is_some_and(|search| search.is_empty()) {
        card(model, inner, frame);
    } else if list.rows.is_empty() {
        empty(model, inner, frame);
    }
}

/// Gives the counts for the title: `12 unread · 168 conversations`.
pub(super) fn counts(model: &Model) -> String {
    let unread = model.folders.unread(model.list.place).filter(|unread| *unread > 0 && model.search.is_none());
    let unread = unread.map(|unread| format!("{} unread", text::number(unread)));
    let total = model.list.total.filter(|_| model.list.is_loaded && model.search.is_none());
    let total = total.map(|total| text::counted(total, "conversation"));
    unread.into_iter().chain(total).collect::<Vec<_>>().join(" · ")
}

/// Which columns there are, and how wide.
struct Columns {
    is_narrow: bool,
    people: usize,
    subject: usize,
    count: usize,
    folder: usize,
    date: usize,
}

impl Columns {
    fn of(model: &Model, width: u16, is_medium: bool) -> Self {
        let width = usize::from(width);
        if !is_medium || width < 50 {
            // ▌● people subject date
            let people = PEOPLE_NARROW.max(width / 5);
            let subject = width.saturating_sub(3 + people + 1 + 1 + DATE_NARROW);
            return Self { is_narrow: true, people, subject, count: 0, folder: 0, date: DATE_NARROW };
        }
        let people = if width >= 90 { PEOPLE_WIDE } else { PEOPLE };
        let folder = if model.search.is_some() && width >= 74 { FOLDER + 1 } else { 0 };
        // ▌ ●★ people + subject count folder date, with a column of air at the end
        let subject = width.saturating_sub(5 + people + 3 + 1 + COUNT + folder + 1 + DATE + 1);
        Self { is_narrow: false, people, subject, count: COUNT, folder, date: DATE }
    }

    fn row(&self, model: &Model, row: &Row, is_cursor: bool) -> Line<'static> {
        let look = model.look();
        let is_marked = model.list.marks.has(row);
        let is_unread = row.unread > 0;
        let words = if is_unread { look.strong() } else { look.plain() };
        let bar = Span::styled(if is_cursor { "▌" } else { " " }, look.accent());
        let (state, state_style) = match () {
            () if is_marked => ('✓', look.accent().patch(look.strong())),
            () if is_unread => ('●', look.accent()),
            () if self.is_narrow && row.is_flagged => ('★', look.warn()),
            () if row.is_answered => ('↩', look.dim()),
            () if row.is_forwarded => ('→', look.dim()),
            () => (' ', look.plain()),
        };
        let people = text::people(&row.people, |addr| model.folders.is_own(addr));
        let subject = text::safe(&row.subject);
        let (subject, subject_style) = match subject.trim() {
            "" => ("(no subject)".to_owned(), look.dim()),
            _ => (subject, words),
        };
        if self.is_narrow {
            let plus = if row.has_attachment { "+ " } else { "" };
            let date = text::short_time(date_of(row), model.now.unix, &model.settings.zone);
            return Line::from(
                vec![bar, Span::styled(format!("{state} "), state_style)]
                    .into_iter()
                    .chain(found(model, wrap::fit(&people, self.people), words))
                    .chain([Span::raw(" ")])
                    .chain(found(model, wrap::fit(&format!("{plus}{subject}"), self.subject), subject_style))
                    .chain([Span::styled(format!(" {date:>width$}", width = self.date), look.dim())])
                    .collect::<Vec<_>>(),
            );
        }
        let star = Span::styled(if row.is_flagged { "★ " } else { "  " }, look.warn());
        let plus = Span::styled(if row.has_attachment { " + " } else { "   " }, look.dim());
        let count = if row.count > 1 { text::number(row.count.into()) } else { String::new() };
        let mut spans = vec![bar, Span::raw(" "), Span::styled(state.to_string(), state_style), star];
        spans.extend(found(model, wrap::fit(&people, self.people), words));
        spans.push(plus);
        spans.extend(found(model, wrap::fit(&subject, self.subject), subject_style));
        spans.push(Span::styled(format!(" {count:>width$}", width = self.count), look.dim()));
        if self.folder > 0 {
            spans.push(Span::styled(format!(" {}", folder(model, row, self.folder - 1)), look.dim()));
        }
        let date = date_of(row).in_list(model.now.unix, &model.settings.zone);
        spans.push(Span::raw(" "));
        spans.push(Span::styled(
            wrap::fit(&format!("{date:>width$}", width = self.date), self.date),
            date_style(model, is_unread),
        ));
        Line::from(spans)
    }
}

/// Marks the words of the search.
fn found(model: &Model, text: String, style: Style) -> Vec<Span<'static>> {
    highlight::mark(vec![(text, style)], model.found_words(), model.look().found_in_list())
}

fn date_style(model: &Model, is_unread: bool) -> Style {
    if is_unread { model.look().plain() } else { model.look().dim() }
}

/// The id of an email begins with the second in which it came.
fn date_of(row: &Row) -> UnixTime {
    UnixTime(row.key.newest.0 >> EmailId::COUNTER_BITS)
}

fn folder(model: &Model, row: &Row, width: usize) -> String {
    let name = model.folders.mailbox(row.mailbox).map(Folders::name).unwrap_or_default();
    let name = wrap::cut(&name, width);
    format!("{}{name}", " ".repeat(width.saturating_sub(wrap::width(&name))))
}

/// Says why there is nothing: it comes, it is empty, or nothing was found.
fn empty(model: &Model, area: Rect, frame: &mut Frame) {
    let look = model.look();
    let list = &model.list;
    let mut lines = Vec::new();
    if !list.is_loaded {
        let asked = list.request.as_ref().map(|request| request.since);
        if asked.is_none_or(|since| model.now.millis < since + PATIENCE) && model.folders.is_loaded {
            return;
        }
        let what = match model.search {
            Some(_) => "Searching …".to_owned(),
            None => format!("Loading {} …", model.list_title()),
        };
        lines.push((what, look.dim()));
    } else if let Some(search) = &model.search {
        lines.push((format!("No mail for {}", text::safe(search.input.text())), look.plain()));
        let more = match search.scope {
            Scope::Everywhere => "Trash and Junk are left out: in:all looks there too.",
            _ => "Ctrl-g searches everywhere.",
        };
        lines.push((more.to_owned(), look.dim()));
    } else {
        let go = model.hint(CommandId::GoFolder, "go to another folder");
        let go = go.trim_start_matches(" · ").to_owned();
        let accounts = act::accounts_here(model);
        let why = accounts.into_iter().find_map(|account| model.why_no_mail(account));
        let what = why.unwrap_or_else(|| match (act::role_here(model), list.place) {
            (_, Place::Starred) => "Nothing is starred.".to_owned(),
            (Some(Role::Inbox), _) => "Nothing here. All done.".to_owned(),
            (Some(Role::Trash), _) => "Trash is empty.".to_owned(),
            (Some(Role::Junk), _) => "No junk.".to_owned(),
            _ => format!("No messages in {}.", model.list_title()),
        });
        let columns = usize::from(area.width.saturating_sub(3)).max(1);
        let wrapped = wrap::wrap(&[wrap::Run::new(what, ())], columns, columns);
        lines.extend(wrapped.into_iter().map(|runs| (runs.into_iter().map(|run| run.text).collect(), look.plain())));
        lines.push((go, look.dim()));
    }
    let top = area.y + (area.height / 3).min(area.height.saturating_sub(lines.len() as u16));
    for (y, (line, style)) in (top..area.bottom()).zip(lines) {
        put(frame, area.x + 2, y, area.width.saturating_sub(3), &Line::styled(line, style));
    }
}

/// Shows the words of the query language while nothing is typed.
fn card(model: &Model, area: Rect, frame: &mut Frame) {
    let look = model.look();
    let area = centered(area, 68, CARD.len() as u16 + 2);
    if area.height < 3 {
        return;
    }
    float(frame, look, area, "Search words", "", "Ctrl-g where · Esc leave");
    let room = usize::from(area.width.saturating_sub(2));
    let column = 22.min(room / 2);
    for (y, (words, meaning)) in (area.y + 1..area.bottom() - 1).zip(CARD) {
        let line = Line::from(vec![
            Span::styled(format!(" {} ", wrap::fit(words, column)), look.strong()),
            Span::styled(wrap::cut(meaning, room.saturating_sub(column + 3)), look.dim()),
        ]);
        put(frame, area.x + 1, y, area.width.saturating_sub(2), &line);
    }
}
