//! Owns when which message is asked for: previews that follow the cursor, opening, going on to the next one.
//!
//! Mail becomes read when it is opened or the reader gets the focus, never because a preview followed the cursor.

use crate::config::command::CommandId;
use crate::mail::document::RenderOptions;
use crate::mail::id::EmailId;
use crate::mail::keyword::SEEN;
use crate::ui::message::Effect;
use crate::ui::model::{Focus, Model};
use crate::ui::page;
pub(super) use crate::ui::reader::Why;
use crate::ui::reader::{Request, Shown};

/// While the cursor moves faster than this, previews wait until it rests.
const REST: u64 = 60;
/// What changed under the reader is read again at most so often.
const REFRESH: u64 = 250;

/// Asks for a message.
pub(super) fn ask(model: &mut Model, email: EmailId, why: Why, out: &mut Vec<Effect>) {
    let generation = model.next_generation();
    let width = model.layout().text_width();
    let reader = &mut model.reader;
    reader.width = width;
    reader.preview_at = None;
    reader.request = Some(Request { generation, email, why, since: model.now.millis });
    let options = RenderOptions { width, form: reader.form, show_hidden: reader.show_hidden };
    out.push(Effect::Open { generation, email, options });
}

/// Keeps the preview with the cursor, and what is shown with the store and the width of the pane.
pub(super) fn follow_cursor(model: &mut Model, out: &mut Vec<Effect>) {
    let layout = model.layout();
    let now = model.now.millis;
    if layout.reader.is_none() {
        model.reader.preview_at = None;
        return;
    }
    if model.focus != Focus::Reader && layout.has_preview {
        let row = model.list.current().map(|row| (row.key, row.email));
        let Some((key, email)) = row else {
            if model.list.is_loaded || model.search.is_some() {
                model.reader.clear();
            }
            return;
        };
        if model.reader.row != Some(key) {
            let is_resting = now >= model.reader.last_move + REST;
            if is_resting || model.reader.preview_at.is_some_and(|due| due <= now) {
                model.reader.row = Some(key);
                reset_form(model);
                ask(model, email, Why::Preview, out);
            } else if model.reader.preview_at.is_none() {
                model.reader.preview_at = Some(now + REST);
            }
            model.reader.last_move = now;
            return;
        }
    }
    let width = layout.text_width();
    let reader = &mut model.reader;
    let Some(id) = reader.email.as_ref().map(|email| email.id).filter(|_| reader.request.is_none()) else { return };
    let is_due = reader.is_stale && now >= reader.next_refresh;
    if is_due || reader.width != width {
        reader.is_stale = false;
        reader.next_refresh = now + REFRESH;
        ask(model, id, Why::Again, out);
    }
}

/// Opens the conversation under the cursor: the focus goes to its first unread message.
pub(super) fn open_row(model: &mut Model, out: &mut Vec<Effect>) {
    let Some((key, newest)) = model.list.current().map(|row| (row.key, row.email)) else { return };
    model.focus = Focus::Reader;
    let shown = model.reader.email.as_ref().map(|email| (email.id, email.thread));
    if let Some((id, thread)) = shown
        && thread == key.thread
        && model.reader.row == Some(key)
    {
        let unread = model.reader.thread.iter().find(|line| line.is_unread).map(|line| line.email);
        return match unread.filter(|unread| *unread != id) {
            Some(unread) => ask(model, unread, Why::Read, out),
            None => mark_read(model, out),
        };
    }
    if !model.layout().has_preview {
        model.reader.clear();
    }
    model.reader.row = Some(key);
    reset_form(model);
    ask(model, newest, Why::Open, out);
}

/// Marks the message that is shown as read, once.
pub(super) fn mark_read(model: &mut Model, out: &mut Vec<Effect>) {
    if model.reader.is_waiting() {
        // What is still shown is not what was meant: the one that comes is marked when it is here.
        if let Some(request) = model.reader.request.as_mut().filter(|request| request.why == Why::Preview) {
            request.why = Why::Read;
        }
        return;
    }
    if let Some(email) = &mut model.reader.email
        && !email.keywords.is_seen()
    {
        email.keywords.insert(SEEN);
        out.push(Effect::MarkRead(vec![email.id]));
    }
}

/// Goes to the next message of the conversation, or the one before; beyond its ends to the next conversation.
pub(super) fn go_on(model: &mut Model, is_forward: bool, out: &mut Vec<Effect>) {
    let at = model.reader.position();
    let next = at.and_then(|at| if is_forward { at.checked_add(1) } else { at.checked_sub(1) });
    if let Some(line) = next.and_then(|next| model.reader.thread.get(next)) {
        let email = line.email;
        reset_form(model);
        return ask(model, email, Why::Read, out);
    }
    let before = model.list.at;
    model.list.step(if is_forward { 1 } else { -1 });
    if model.list.at == before {
        let which = if is_forward { "last" } else { "first" };
        return model.note(format!("This is the {which} conversation of the list."));
    }
    open_row(model, out);
}

/// Shows another message of the conversation.
pub(super) fn show_message(model: &mut Model, index: usize, out: &mut Vec<Effect>) {
    if let Some(line) = model.reader.thread.get(index) {
        let email = line.email;
        model.focus = Focus::Reader;
        reset_form(model);
        ask(model, email, Why::Read, out);
    }
}

/// Renders the message otherwise.
pub(super) fn again(model: &mut Model, out: &mut Vec<Effect>) {
    if let Some(id) = model.reader.email.as_ref().map(|email| email.id) {
        ask(model, id, Why::Again, out);
    }
}

/// Scrolls the text; pages keep a line or two in sight.
pub(super) fn scroll(model: &mut Model, lines: isize) {
    model.reader.found = None;
    model.reader.scroll = model.reader.scroll.saturating_add_signed(lines);
    clamp_scroll(model);
}

fn clamp_scroll(model: &mut Model) {
    let text = model.layout().text();
    let lines = page::head(model, usize::from(text.width)).len() + page::body_rows(model);
    model.reader.scroll = model.reader.scroll.min(lines.saturating_sub(usize::from(text.height).max(1)));
}

/// Keeps the lines with words that the search is for with the message that is read.
pub(super) fn follow_search(model: &mut Model) {
    if model.focus == Focus::Reader {
        let words = model.search.as_ref().map(|search| search.words.as_slice()).unwrap_or_default();
        model.reader.seek(words);
    }
}

/// Says whether a message is read that has words which the search is for.
pub(super) fn has_match(model: &Model) -> bool {
    model.focus == Focus::Reader && !model.reader.matches().is_empty()
}

/// Goes to the next line with a match below the one gone to last, or above it; else from what is in sight.
pub(super) fn go_to_match(model: &mut Model, is_forward: bool) {
    let text = model.layout().text();
    let (height, head) = (usize::from(text.height), page::head(model, usize::from(text.width)).len());
    let reader = &mut model.reader;
    let matches = reader.matches();
    let first = reader.shown.get(reader.scroll.saturating_sub(head)..).and_then(|shown| {
        shown.iter().find_map(|shown| if let Shown::Line(line) = shown { Some(*line) } else { None })
    });
    let first = first.unwrap_or(0);
    let next = match (is_forward, reader.found) {
        (true, Some(found)) => matches.iter().position(|line| *line > found),
        (true, None) => matches.iter().position(|line| *line >= first),
        (false, found) => matches.iter().rposition(|line| *line < found.unwrap_or(first)),
    };
    let total = matches.len();
    let Some((place, line)) = next.and_then(|place| Some((place, *matches.get(place)?))) else {
        let (where_to, other) = if is_forward {
            ("below", model.hint(CommandId::PreviousUnread, "goes up"))
        } else {
            ("above", model.hint(CommandId::NextUnread, "goes down"))
        };
        return model.note(format!("No more of what was searched for {where_to}{other}"));
    };
    reader.found = Some(line);
    if let Some(row) = reader.reveal(line).map(|row| row + head)
        && !(reader.scroll..reader.scroll + height).contains(&row)
    {
        reader.scroll = row.saturating_sub(height / 3);
    }
    clamp_scroll(model);
    model.note(format!("Line {} of {} with what was searched for", place + 1, total));
}

/// Another message begins in the form that suits it.
fn reset_form(model: &mut Model) {
    (model.reader.form, model.reader.show_hidden) = (Default::default(), false);
}
