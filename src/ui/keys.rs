//! Owns what a key means: for the text that is typed, the box that is open, or the keymap.

use crate::config::command::{CommandId, Context, command};
use crate::config::key::{Key, KeyCode, spell};
use crate::config::keymap::Lookup;
use crate::mail::safe::SafeText;
use crate::ui::act;
use crate::ui::input::Typed;
use crate::ui::layout;
use crate::ui::list::Kind;
use crate::ui::message::Effect;
use crate::ui::model::{Asked, Focus, Model, Overlay, ToastKind};
use crate::ui::picker::{Act, Picked, Picker, PickerKind, WRITES_NOT};
use crate::ui::prompt;
use crate::ui::reading;
use crate::ui::run;
use crate::ui::text;
use crate::ui::update::{ask_rows, cycle_scope, leave_search, search_again, show_place};

/// Nobody counts further; it keeps products small.
const MOST_COUNT: usize = 99_999;

/// The keys by which elsewhere mail is written (reply, reply to all, forward, compose), where nothing else is on them.
const WRITING: &str = "rafc";

/// Takes a key.
pub(super) fn press(model: &mut Model, key: Key, out: &mut Vec<Effect>) {
    match model.overlay {
        Some(Overlay::Picker(_)) => return in_picker(model, key, out),
        Some(Overlay::Question(_)) => return in_question(model, key, out),
        Some(Overlay::Prompt(_)) => return prompt::press(model, key, out),
        Some(Overlay::Links(_)) | None => {}
    }
    if model.is_searching() {
        return in_search(model, key, out);
    }
    in_keymap(model, key, out);
}

/// Takes pasted text: where nothing is typed it does nothing, so that it cannot be run as keys.
pub(super) fn paste(model: &mut Model, text: &str, out: &mut Vec<Effect>) {
    let is_searching = model.is_searching();
    match (&mut model.overlay, &mut model.search) {
        (Some(Overlay::Picker(picker)), _) => picker.paste(text),
        (Some(Overlay::Prompt(prompt)), _) => prompt.input.insert(text),
        (None, Some(search)) if is_searching => {
            search.input.insert(text);
            search_again(model, out);
        }
        _ => {
            let search = model.key_of(CommandId::Search).unwrap_or_default();
            model.note(format!("Pasted text is only taken where text is typed · {search} search"));
        }
    }
}

fn in_keymap(model: &mut Model, key: Key, out: &mut Vec<Effect>) {
    let context = model.context();
    if model.keys.is_empty()
        && let Some(digit) = key.text().and_then(|c| c.to_digit(10))
        && (digit > 0 || model.count.is_some())
        && model.settings.keymap.lookup(context, &[key]) == Lookup::None
    {
        let digit = digit as usize;
        if let Some(Overlay::Links(links)) = &mut model.overlay
            && model.count.is_none()
            && links.select_link(digit)
        {
            model.count = None;
            return;
        }
        model.count = Some((model.count.unwrap_or(0) * 10 + digit).min(MOST_COUNT));
        return;
    }
    model.keys.push(key);
    match model.settings.keymap.lookup(context, &model.keys) {
        Lookup::Command(id) => {
            let count = model.count.take();
            forget_keys(model);
            run::run(model, id, count, out);
        }
        Lookup::Prefix => {
            model.keys_since = model.now.millis;
        }
        Lookup::None => {
            let was_prefix = model.keys.len() > 1;
            let asks_for_keys = key == Key::char('?') || key.code == KeyCode::F(1);
            if was_prefix && asks_for_keys {
                model.keys.pop();
                model.shows_keys = true;
                return;
            }
            let gives_up = was_prefix && matches!(key.code, KeyCode::Esc | KeyCode::Backspace);
            let writes = !was_prefix && key.text().is_some_and(|c| WRITING.contains(c));
            if writes {
                model.note(format!("{}.", text::capital(WRITES_NOT)));
            } else if !gives_up {
                let pressed = SafeText::line(&spell(&model.keys));
                let help = model.hint(CommandId::Help, "keys");
                model.note(format!("\"{pressed}\" does nothing here{help}"));
            }
            model.count = None;
            forget_keys(model);
        }
    }
}

fn forget_keys(model: &mut Model) {
    model.keys.clear();
    model.shows_keys = false;
}

fn in_picker(model: &mut Model, key: Key, out: &mut Vec<Effect>) {
    let rows = layout::overlay_rows(model);
    let Some(Overlay::Picker(picker)) = &mut model.overlay else { return };
    match picker.key(key, rows) {
        Picked::Nothing => {}
        Picked::Closed => model.overlay = model.links_under.take().map(Overlay::Links),
        Picked::Chosen(act) => choose(model, act, out),
        Picked::Widened => {
            if let PickerKind::Help { context, is_all } = picker.kind {
                let input = picker.input.clone();
                model.overlay = None;
                let mut wider = Picker::help(model, context, !is_all);
                wider.input = input;
                wider.filter();
                model.overlay = Some(Overlay::Picker(wider));
            }
        }
    }
}

/// Carries out what was chosen in a box.
pub(super) fn choose(model: &mut Model, act: Act, out: &mut Vec<Effect>) {
    model.overlay = model.links_under.take().map(Overlay::Links);
    match act {
        Act::Run(id) => {
            let elsewhere = command(id).filter(|command| !command.works_in(model.context()));
            if let Some(command) = elsewhere {
                model.note(format!("Can't do that here: {}.", command.sentence));
                return;
            }
            run::run(model, id, None, out);
        }
        Act::Explain(meaning) => model.note(format!("{}.", text::capital(meaning))),
        Act::Mistake => say_mistake(model),
        Act::Go(place) => show_place(model, place, out),
        Act::File(filing, mailbox) => act::file(model, filing, mailbox, out),
        Act::TakeBack(change) => {
            model.own_edits += 1;
            out.push(Effect::TakeBack(change));
        }
    }
}

/// Says what is wrong in the configuration, until Esc.
fn say_mistake(model: &mut Model) {
    if let Some(mistake) = model.settings.mistake.clone() {
        model.say(ToastKind::Error, format!("! {mistake}"));
    }
}

fn in_question(model: &mut Model, key: Key, out: &mut Vec<Effect>) {
    let Some(Overlay::Question(question)) = &model.overlay else { return };
    if model.now.millis < question.deaf_until {
        return;
    }
    let question = question.clone();
    model.overlay = None;
    if key == Key::char('y') || key == Key::char('Y') {
        match question.asked {
            Asked::Mail(targets, edit) => act::edit(model, targets, edit, None, out),
            Asked::Folder(edit) => prompt::edit(model, edit, out),
        }
    } else {
        model.say(ToastKind::Note, "Nothing was deleted.");
    }
}

fn in_search(model: &mut Model, key: Key, out: &mut Vec<Effect>) {
    let height = model.layout().list_height() as isize;
    match (key.ctrl, key.code) {
        (false, KeyCode::Esc) | (true, KeyCode::Char('c')) => return leave_search(model),
        (true, KeyCode::Char('g')) => {
            return cycle_scope(model, out);
        }
        (false, KeyCode::Enter | KeyCode::Tab) => {
            let Some(search) = &mut model.search else { return };
            if search.is_empty() {
                return leave_search(model);
            }
            search.is_typing = false;
            return;
        }
        (false, KeyCode::F(1)) => {
            let help = Picker::help(model, Context::List, false);
            model.overlay = Some(Overlay::Picker(help));
            return;
        }
        (false, KeyCode::Down) | (true, KeyCode::Char('n')) => return model.list.step(1),
        (false, KeyCode::Up) | (true, KeyCode::Char('p')) => return model.list.step(-1),
        (false, KeyCode::PageDown) => return model.list.step(height - 1),
        (false, KeyCode::PageUp) => return model.list.step(1 - height),
        (true, KeyCode::Char('l')) => return out.push(Effect::Redraw),
        (true, KeyCode::Char('z')) => return out.push(Effect::Suspend),
        _ => {}
    }
    let Some(search) = &mut model.search else { return };
    let was_empty = search.input.text().is_empty();
    match search.input.key(key) {
        Typed::Changed => search_again(model, out),
        // Backspace in an empty line goes back, as in a shell's search.
        Typed::Moved if was_empty && key.code == KeyCode::Backspace => leave_search(model),
        Typed::Moved | Typed::NotMine => {}
    }
}

/// Goes to the beginning or the end of the list, asking for its rows where they are not here.
pub(super) fn jump(model: &mut Model, to_last: bool, out: &mut Vec<Effect>) {
    let (more, kind, at) = match to_last {
        true => (model.list.has_after, Kind::Bottom, model.list.rows.len().saturating_sub(1)),
        false => (model.list.has_before, Kind::Top, 0),
    };
    if more {
        ask_rows(model, kind, out);
    } else {
        model.list.move_to(at);
    }
}

/// Puts the focus on the next pane that is shown, or the one before.
pub(super) fn switch_pane(model: &mut Model, is_forward: bool, out: &mut Vec<Effect>) {
    let layout = model.layout();
    let mut panes = Vec::new();
    // On narrow screens they can always be laid over the list.
    if !layout.has_frames || layout.folders.is_some() {
        panes.push(Focus::Folders);
    }
    if layout.list.is_some() || !layout.has_preview {
        panes.push(Focus::List);
    }
    if layout.reader.is_some() && model.reader.email.is_some() {
        panes.push(Focus::Reader);
    }
    let at = panes.iter().position(|pane| *pane == model.focus).unwrap_or(0);
    let next = if is_forward { at + 1 } else { at + panes.len().saturating_sub(1) } % panes.len().max(1);
    focus(model, panes.get(next).copied().unwrap_or_default(), out);
}

/// Puts the focus on a pane. The message that gets it becomes read.
pub(super) fn focus(model: &mut Model, focus: Focus, out: &mut Vec<Effect>) {
    model.focus = focus;
    match focus {
        Focus::Reader => reading::mark_read(model, out),
        Focus::Folders => model.folders.select(model.list.place),
        Focus::List => {}
    }
}
