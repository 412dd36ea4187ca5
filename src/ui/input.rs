//! Owns one line of typed text with its cursor, by graphemes, with the keys that shells have.

use unicode_segmentation::UnicodeSegmentation;

use crate::config::key::{Key, KeyCode};
use crate::mail::wrap;
use crate::ui::text;

/// Longer than this nobody types; a paste is cut.
const LONGEST: usize = 1_000;

/// A line being typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Input {
    text: String,
    /// A byte offset, always between two graphemes.
    at: usize,
    /// Whether what is typed next takes the place of all of it.
    is_selected: bool,
}

/// What a key did to the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// The text is another one.
    Changed,
    /// At most the cursor moved.
    Moved,
    /// It is no key of the line's.
    NotMine,
}

impl Input {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_selected(&self) -> bool {
        self.is_selected
    }

    /// Selects all of the line: the next text takes its place, a key that moves keeps it.
    pub(super) fn select(&mut self) {
        (self.at, self.is_selected) = (self.text.len(), !self.text.is_empty());
    }

    /// Takes a key, if it is one of a text line.
    pub(super) fn key(&mut self, key: Key) -> Typed {
        if let Some(c) = key.text() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return Typed::Changed;
        }
        let before = self.text.len();
        let was_selected = std::mem::take(&mut self.is_selected);
        match (key.ctrl, key.code) {
            (false, KeyCode::Backspace | KeyCode::Delete) | (true, KeyCode::Char('h' | 'd')) if was_selected => {
                self.cut(0, self.text.len());
            }
            (true, KeyCode::Char('a')) | (false, KeyCode::Home) => self.at = 0,
            (true, KeyCode::Char('e')) | (false, KeyCode::End) => self.at = self.text.len(),
            (false, KeyCode::Left) => self.at = self.before(),
            (false, KeyCode::Right) => self.at = self.after(),
            (false, KeyCode::Backspace) | (true, KeyCode::Char('h')) => self.cut(self.before(), self.at),
            (false, KeyCode::Delete) | (true, KeyCode::Char('d')) => self.cut(self.at, self.after()),
            (true, KeyCode::Char('w')) => self.cut(self.word_before(), self.at),
            (true, KeyCode::Char('u')) => self.cut(0, self.at),
            (true, KeyCode::Char('k')) => self.cut(self.at, self.text.len()),
            _ => return Typed::NotMine,
        }
        if self.text.len() == before { Typed::Moved } else { Typed::Changed }
    }

    /// Puts text in at the cursor; line breaks become spaces.
    pub(super) fn insert(&mut self, text: &str) {
        if std::mem::take(&mut self.is_selected) {
            self.cut(0, self.text.len());
        }
        let room = LONGEST.saturating_sub(self.text.len());
        let clean: String =
            text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control()).collect();
        let mut kept = String::new();
        for grapheme in clean.graphemes(true) {
            if kept.len() + grapheme.len() > room {
                break;
            }
            kept.push_str(grapheme);
        }
        self.text.insert_str(self.at, &kept);
        self.at += kept.len();
        // What was typed may join the grapheme behind it.
        self.at = self.boundary_from(self.at);
    }

    /// Gives what fits into `columns` with the cursor in sight, made harmless (what is pasted may come from a mail), and
    /// the cursor's column.
    pub(super) fn window(&self, columns: usize) -> (String, usize) {
        let head = self.text.get(..self.at).unwrap_or_default();
        let room = columns.saturating_sub(1);
        let mut start = 0;
        let mut wide = wrap::width(head);
        for (at, grapheme) in head.grapheme_indices(true) {
            if wide <= room {
                break;
            }
            wide -= wrap::width(grapheme).min(wide);
            start = at + grapheme.len();
        }
        let shown = text::safe(self.text.get(start..).unwrap_or_default());
        let behind = text::safe(self.text.get(self.at..).unwrap_or_default());
        let column = wrap::width(&shown).saturating_sub(wrap::width(&behind));
        (wrap::cut(&shown, columns), column.min(room))
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = self.boundary_from(from);
    }

    fn before(&self) -> usize {
        let head = self.text.get(..self.at).unwrap_or_default();
        head.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let tail = self.text.get(self.at..).unwrap_or_default();
        self.at + tail.graphemes(true).next().map_or(0, str::len)
    }

    fn word_before(&self) -> usize {
        let head = self.text.get(..self.at).unwrap_or_default();
        let trimmed = head.trim_end_matches(' ');
        trimmed.rfind(' ').map_or(0, |space| space + 1)
    }

    fn boundary_from(&self, at: usize) -> usize {
        let mut starts = self.text.grapheme_indices(true).map(|(start, _)| start);
        starts.find(|&start| start >= at).unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::key::sequence;

    fn typed(text: &str, keys: &str) -> Input {
        let mut input = Input::default();
        input.insert(text);
        sequence(keys).unwrap().into_iter().for_each(|key| {
            input.key(key);
        });
        input
    }

    #[test]
    fn keys_of_shells_edit_the_line() {
        assert_eq!(typed("from:budi invoice", "Ctrl-w").text(), "from:budi ");
        assert_eq!(typed("abc", "Ctrl-a Del").text(), "bc");
        assert_eq!(typed("abc", "← Ctrl-k").text(), "ab");
        assert_eq!(typed("abc", "← Ctrl-u").text(), "c");
    }

    #[test]
    fn a_grapheme_goes_as_a_whole() {
        assert_eq!(typed("a👩‍👩‍👧", "Backspace").text(), "a");
        assert_eq!(typed("नमस्ते", "← Backspace").text().chars().count(), 5);
    }

    #[test]
    fn what_is_invisible_is_marked() {
        assert_eq!(typed("pay\u{200c}pal\u{202e}", "").window(20), ("pay·pal·".to_owned(), 8));
        assert_eq!(typed("می\u{200c}خواهم", "").window(20).0, "می\u{200c}خواهم");
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        let input = typed(&"x".repeat(50), "");
        assert_eq!(input.window(10), ("x".repeat(9), 9));
        assert_eq!(typed(&"x".repeat(50), "Home").window(10).1, 0);
    }
}
