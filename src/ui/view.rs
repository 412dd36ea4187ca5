//! Owns the picture: draws the model and changes nothing.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear};

use crate::mail::wrap;
use crate::ui::layout::{LEAST_HEIGHT, LEAST_WIDTH, Layout};
use crate::ui::model::{Focus, Model, Overlay};
use crate::ui::theme::Look;

pub(super) mod bars;
mod folders;
mod list;
mod overlay;
mod reader;
mod welcome;

/// Draws the model.
pub fn view(model: &Model, frame: &mut Frame) {
    let layout = model.layout();
    if layout.is_too_small {
        return too_small(model, frame);
    }
    let mut cursor = None;
    bars::top(model, &layout, frame, &mut cursor);
    if model.is_welcome() {
        welcome::draw(model, &layout, frame);
    } else {
        if let Some(area) = layout.list {
            list::draw(model, &layout, area, frame, &mut cursor);
        }
        if let Some(area) = layout.reader {
            reader::draw(model, &layout, area, frame, &mut cursor);
        }
        if let Some(area) = layout.folders {
            folders::draw(model, &layout, area, frame, &mut cursor);
        }
    }
    bars::banner(model, &layout, frame);
    bars::line(model, &layout, frame);
    bars::footer(model, &layout, frame);
    match &model.overlay {
        Some(Overlay::Picker(picker)) => overlay::picker(model, picker, frame, &mut cursor),
        Some(Overlay::Links(links)) => overlay::links(model, links, frame, &mut cursor),
        Some(Overlay::Question(question)) => overlay::question(model, question, frame, &mut cursor),
        Some(Overlay::Prompt(prompt)) => overlay::prompt(model, prompt, frame, &mut cursor),
        None if model.shows_keys => overlay::which_key(model, frame),
        None => {}
    }
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn too_small(model: &Model, frame: &mut Frame) {
    let text = format!("Surat needs {LEAST_WIDTH}×{LEAST_HEIGHT}, this is {}×{}.", model.width, model.height);
    let area = frame.area();
    let width = usize::from(area.width);
    let lines = wrap::wrap(&[wrap::Run::new(text, ())], width, width);
    for (row, runs) in (0..area.height).zip(lines) {
        let line: String = runs.into_iter().map(|run| run.text).collect();
        put(frame, area.x, area.y + row, area.width, &Line::raw(line));
    }
}

/// Draws one line at a place, cut at its width.
fn put(frame: &mut Frame, x: u16, y: u16, width: u16, line: &Line) {
    let area = Rect::new(x, y, width, 1).intersection(frame.area());
    if !area.is_empty() {
        frame.buffer_mut().set_line(area.x, area.y, line, area.width);
    }
}

/// Fills a row with a style, under what is drawn there.
fn paint(frame: &mut Frame, area: Rect, style: Style) {
    let area = area.intersection(frame.area());
    frame.buffer_mut().set_style(area, style);
}

/// Draws the frame of a pane with its titles.
fn pane(frame: &mut Frame, look: Look, area: Rect, has_focus: bool, left: &str, right: &str, bottom: &str) {
    let style = look.frame(has_focus);
    let title = |text: &str| if text.is_empty() { Line::default() } else { Line::raw(format!(" {text} ")) };
    let mut block = Block::bordered().border_type(BorderType::Rounded).border_style(style);
    let room = usize::from(area.width.saturating_sub(6));
    let left = wrap::cut(left, room);
    let fits = wrap::width(&left) + wrap::width(right) + 3 <= room;
    let left_style = if has_focus { look.strong() } else { look.plain() };
    block = block.title_top(title(&left).style(left_style));
    if fits && !right.is_empty() {
        block = block.title_top(title(right).style(look.dim()).right_aligned());
    }
    if wrap::width(bottom) <= room && !bottom.is_empty() {
        block = block.title_bottom(title(bottom).style(look.dim()).right_aligned());
    }
    frame.render_widget(block, area.intersection(frame.area()));
}

/// Draws the frame of a box that lies over the panes, after wiping what is under it.
fn float(frame: &mut Frame, look: Look, area: Rect, left: &str, right: &str, bottom: &str) {
    frame.render_widget(Clear, area.intersection(frame.area()));
    pane(frame, look, area, true, left, right, bottom);
}

fn is_focused(model: &Model, focus: Focus) -> bool {
    model.focus == focus && model.overlay.is_none()
}

/// Where the terminal's own cursor stands: it shows the selected row to screen readers and magnifiers.
type Cursor = Option<Position>;

/// Gives whether a layout leaves room for weekday and folder columns.
fn is_medium(layout: &Layout) -> bool {
    layout.top.width >= crate::ui::layout::MEDIUM
}
