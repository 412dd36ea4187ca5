//! Owns the translation of what crossterm reads into what the screen understands.

use crossterm::event::{
    Event as Read, KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::config::key::{Key, KeyCode};
use crate::ui::message::{Event, Mouse, MouseKind};

/// Translates; nothing for what means nothing here.
pub fn translate(read: Read) -> Option<Event> {
    match read {
        Read::Key(key) => translate_key(key).map(Event::Key),
        Read::Paste(text) => Some(Event::Paste(text)),
        Read::Mouse(mouse) => translate_mouse(mouse).map(Event::Mouse),
        // Told too late or not at all when a key comes with it; the loop asks the terminal itself.
        Read::Resize(..) => None,
        Read::FocusGained => Some(Event::Focus(true)),
        Read::FocusLost => Some(Event::Focus(false)),
    }
}

fn translate_key(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let mut shift = key.modifiers.contains(KeyModifiers::SHIFT);
    let code = match key.code {
        Code::Char(letter) => {
            shift = false;
            KeyCode::Char(letter)
        }
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => {
            shift = true;
            KeyCode::Tab
        }
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Insert => KeyCode::Insert,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::F(number) => KeyCode::F(number),
        _ => return None,
    };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::META);
    Some(Key { code, ctrl, alt, shift })
}

fn translate_mouse(mouse: MouseEvent) -> Option<Mouse> {
    let kind = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
        MouseEventKind::ScrollUp => MouseKind::ScrollUp,
        MouseEventKind::ScrollDown => MouseKind::ScrollDown,
        _ => return None,
    };
    Some(Mouse { kind, column: mouse.column, row: mouse.row })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shift_tab_and_control_are_told_apart_and_releases_are_nothing() {
        let key = |code, modifiers| translate_key(KeyEvent::new(code, modifiers));
        let tab = key(Code::BackTab, KeyModifiers::SHIFT).unwrap();
        assert!(tab.shift && tab.code == KeyCode::Tab);
        assert!(key(Code::Char('d'), KeyModifiers::CONTROL).unwrap().ctrl);
        assert!(!key(Code::Char('G'), KeyModifiers::SHIFT).unwrap().shift);
        let release = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::new(Code::Enter, KeyModifiers::NONE) };
        assert_eq!(translate_key(release), None);
    }
}
