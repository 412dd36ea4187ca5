//! Owns how a message looks.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::config::command::{CommandId, Context};
use crate::mail::document::{Document, Form};
use crate::ui::highlight;
use crate::ui::layout::Layout;
use crate::ui::model::{Focus, Model, PATIENCE};
use crate::ui::page;
use crate::ui::reader::Shown;
use crate::ui::view::{Cursor, is_focused, pane, put};

pub(super) fn draw(model: &Model, layout: &Layout, area: Rect, frame: &mut Frame, cursor: &mut Cursor) {
    let look = model.look();
    if layout.has_frames {
        let focused = is_focused(model, Focus::Reader);
        pane(frame, look, area, focused, "Message", &position(model), &hints(model));
    }
    let text = layout.text();
    if model.focus == Focus::Reader {
        cursor.get_or_insert(Position::new(text.x, text.y));
    }
    let reader = &model.reader;
    let has_waited = reader.request.as_ref().is_some_and(|request| model.now.millis >= request.since + PATIENCE);
    if has_waited && reader.is_waiting() {
        // The message before is shown no longer than it takes the next one to come as a rule.
        put(frame, text.x, text.y, text.width, &Line::styled("Loading the message …", look.dim()));
        return;
    }
    if reader.email.is_none() {
        return;
    }
    let head = page::head(model, text.width.into());
    let foot = page::foot(model);
    let (head_len, shown) = (head.len(), &model.reader.shown);
    for row in 0..text.height {
        let at = model.reader.scroll + usize::from(row);
        let y = text.y + row;
        if let Some(line) = head.lines.get(at) {
            put(frame, text.x, y, text.width, line);
        } else if let Some(shown) = at.checked_sub(head_len).and_then(|at| shown.get(at)) {
            if let Some(document) = &reader.document {
                put(frame, text.x, y, text.width, &body(model, document, *shown));
            }
        } else if let Some(line) = at.checked_sub(head_len + shown.len()).and_then(|at| foot.get(at)) {
            put(frame, text.x, y, text.width, line);
        }
    }
}

fn body(model: &Model, document: &Document, shown: Shown) -> Line<'static> {
    let look = model.look();
    match shown {
        Shown::Closed(fold) => {
            let label = document.folds.get(fold).map(|fold| fold.label.as_str()).unwrap_or_default();
            let key = model.settings.keymap.first_key(Context::Reader, CommandId::Unfold);
            let hint = key.map(|key| format!(" ({key} shows)")).unwrap_or_default();
            Line::styled(format!("▸ {label}{hint}"), look.dim())
        }
        Shown::Line(at) => {
            let spans = document.lines.get(at).into_iter().flat_map(|line| &line.spans);
            let pieces = spans.map(|span| (span.text.as_str().to_owned(), look.document(span.style))).collect();
            Line::from(highlight::mark(pieces, model.found_words(), look.found()))
        }
    }
}

/// Says where the message stands in its conversation.
pub(super) fn position(model: &Model) -> String {
    match (model.reader.position(), model.reader.thread.len()) {
        (Some(at), total @ 2..) => format!("{} of {total} in this conversation", at + 1),
        _ => String::new(),
    }
}

/// Says what can be done with the message, in its frame.
fn hints(model: &Model) -> String {
    let Some(document) = &model.reader.document else { return String::new() };
    let (links, files) = (document.links.len(), document.attachments.len());
    let links =
        (links + files > 0).then(|| hint(model, CommandId::Links, &format!("links and files {}", links + files)));
    form_hint(model).into_iter().chain(links.flatten()).collect::<Vec<_>>().join(" · ")
}

/// Names the form in which the message can be read too, with its key.
pub(super) fn form_hint(model: &Model) -> Option<String> {
    let next = page::next_form(model.reader.document.as_ref()?).filter(|next| *next != Form::Source)?;
    hint(model, CommandId::CycleForm, page::form_name(next))
}

fn hint(model: &Model, command: CommandId, what: &str) -> Option<String> {
    model.settings.keymap.first_key(Context::Reader, command).map(|key| format!("{key} {what}"))
}
