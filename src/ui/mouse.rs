//! Owns what the mouse means: a click selects and focuses, two open, the wheel scrolls what is under it.

use ratatui::layout::{Position, Rect};

use crate::config::command::CommandId;
use crate::ui::folders::Line as FolderLine;
use crate::ui::keys;
use crate::ui::layout;
use crate::ui::message::{Effect, Mouse, MouseKind};
use crate::ui::model::{Focus, Model, Overlay};
use crate::ui::page;
use crate::ui::reader::Shown;
use crate::ui::reading;
use crate::ui::run;
use crate::ui::update::show_place;
use crate::ui::view::bars;

/// Two clicks on one spot within so many milliseconds are a double click.
const DOUBLE: u64 = 400;
/// Lines that a notch of the wheel scrolls.
const NOTCH: isize = 3;

/// Takes what the mouse did.
pub(super) fn act(model: &mut Model, mouse: Mouse, out: &mut Vec<Effect>) {
    let at = Position::new(mouse.column, mouse.row);
    match mouse.kind {
        MouseKind::Click => click(model, at, out),
        MouseKind::ScrollUp => wheel(model, at, -NOTCH),
        MouseKind::ScrollDown => wheel(model, at, NOTCH),
    }
}

fn click(model: &mut Model, at: Position, out: &mut Vec<Effect>) {
    let now = model.now.millis;
    let before = model.last_click.replace((now, at.x, at.y));
    let is_double = before.is_some_and(|(when, x, y)| now < when + DOUBLE && (x, y) == (at.x, at.y));
    if is_double {
        // A third click begins anew.
        model.last_click = None;
    }
    if model.overlay.is_some() {
        return click_overlay(model, at, is_double, out);
    }
    let layout = model.layout();
    if layout.is_too_small {
        return;
    }
    if layout.footer.contains(at) {
        if let Some(command) = bars::footer_command(model, at.x) {
            model.keys.clear();
            run::run(model, command, None, out);
        }
    } else if layout.folders.is_some_and(|pane| pane.contains(at)) {
        click_folders(model, layout.folders_inner(), at, out);
    } else if let Some(pane) = layout.list.filter(|pane| pane.contains(at)) {
        let inner = layout.inner(pane);
        model.focus = Focus::List;
        if let Some(search) = &mut model.search {
            // Who takes the mouse to what was found has typed enough.
            search.is_typing = search.is_empty();
        }
        if inner.contains(at) {
            let row = model.list.top + usize::from(at.y - inner.y);
            if row < model.list.rows.len() {
                model.list.move_to(row);
                if is_double {
                    reading::open_row(model, out);
                }
            }
        }
    } else if layout.reader.is_some_and(|pane| pane.contains(at)) && model.reader.email.is_some() {
        keys::focus(model, Focus::Reader, out);
        click_text(model, layout.text(), at, out);
    } else if layout.folders_float {
        model.focus = Focus::List;
    }
}

fn click_folders(model: &mut Model, inner: Rect, at: Position, out: &mut Vec<Effect>) {
    model.focus = Focus::Folders;
    if !inner.contains(at) {
        return;
    }
    let line = model.folders.top + usize::from(at.y - inner.y);
    match model.folders.lines.get(line).copied() {
        Some(FolderLine::Place(place)) => show_place(model, place, out),
        Some(FolderLine::Account(account)) => {
            model.folders.at = line;
            model.folders.toggle_account(account);
        }
        Some(FolderLine::Parent(_)) | None => {}
    }
}

fn click_text(model: &mut Model, text: Rect, at: Position, out: &mut Vec<Effect>) {
    if !text.contains(at) {
        return;
    }
    let line = model.reader.scroll + usize::from(at.y - text.y);
    let head = page::head(model, usize::from(text.width)).len();
    if let Some(message) = page::strip_message(model, line) {
        reading::show_message(model, message, out);
    } else if let Some(Shown::Closed(fold)) = line.checked_sub(head).and_then(|line| model.reader.shown.get(line)) {
        let fold = *fold;
        model.reader.toggle_fold(fold);
    }
}

fn click_overlay(model: &mut Model, at: Position, is_double: bool, out: &mut Vec<Effect>) {
    let (area, rows) = layout::overlay_places(model);
    if !area.contains(at) {
        // Beside a question is no answer to it, and what was typed stays.
        if !matches!(model.overlay, Some(Overlay::Question(_) | Overlay::Prompt(_))) {
            model.overlay = model.links_under.take().map(Overlay::Links);
        }
        return;
    }
    let Some(line) = rows.contains(at).then(|| usize::from(at.y - rows.y)) else { return };
    match &mut model.overlay {
        Some(Overlay::Picker(picker)) if picker.top + line < picker.matches.len() => {
            picker.at = picker.top + line;
            if let Some(act) = picker.current().map(|item| item.act).filter(|_| is_double) {
                keys::choose(model, act, out);
            }
        }
        Some(Overlay::Links(links)) if links.asking.is_none() && links.top + line < links.len() => {
            links.at = links.top + line;
            if is_double {
                run::run(model, CommandId::OpenLink, None, out);
            }
        }
        _ => {}
    }
}

fn wheel(model: &mut Model, at: Position, by: isize) {
    match &mut model.overlay {
        Some(Overlay::Picker(picker)) => return picker.step(by.signum()),
        Some(Overlay::Links(links)) => return links.step(by.signum()),
        Some(Overlay::Question(_) | Overlay::Prompt(_)) => return,
        None => {}
    }
    let layout = model.layout();
    if layout.folders.is_some_and(|pane| pane.contains(at)) {
        model.folders.step(by);
    } else if layout.reader.is_some_and(|pane| pane.contains(at)) {
        reading::scroll(model, by);
    } else if layout.list.is_some_and(|pane| pane.contains(at)) {
        model.list.scroll(by, layout.list_height());
    }
}
