//! Owns the key: one press as the keymap, the help and the configuration spell it.
//!
//! It knows no terminal: whoever reads one converts.

use std::fmt;
use std::str::FromStr;

/// What was pressed, without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCode {
    /// A character as it arrives: `a`, `A`, `#`, `é`. Space too.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab; Shift-Tab is this with `shift`.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// F1 to F24.
    F(u8),
}

/// One press. `shift` is never set on a character: the character itself says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What was pressed.
    pub code: KeyCode,
    /// With Control.
    pub ctrl: bool,
    /// With Alt or Meta.
    pub alt: bool,
    /// With Shift, where the code does not say so itself.
    pub shift: bool,
}

/// The spelled names, the first of each code is the one that is written.
const NAMES: &[(KeyCode, &str)] = &[
    (KeyCode::Char(' '), "Space"),
    (KeyCode::Enter, "Enter"),
    (KeyCode::Enter, "Return"),
    (KeyCode::Esc, "Esc"),
    (KeyCode::Esc, "Escape"),
    (KeyCode::Tab, "Tab"),
    (KeyCode::Backspace, "Backspace"),
    (KeyCode::Delete, "Del"),
    (KeyCode::Delete, "Delete"),
    (KeyCode::Insert, "Ins"),
    (KeyCode::Insert, "Insert"),
    (KeyCode::Home, "Home"),
    (KeyCode::End, "End"),
    (KeyCode::PageUp, "PgUp"),
    (KeyCode::PageUp, "PageUp"),
    (KeyCode::PageDown, "PgDn"),
    (KeyCode::PageDown, "PageDown"),
    (KeyCode::Up, "↑"),
    (KeyCode::Up, "Up"),
    (KeyCode::Down, "↓"),
    (KeyCode::Down, "Down"),
    (KeyCode::Left, "←"),
    (KeyCode::Left, "Left"),
    (KeyCode::Right, "→"),
    (KeyCode::Right, "Right"),
];

impl Key {
    /// Builds a key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Builds the key of a character.
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// Builds a character with Control; letters count without their case.
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c.to_ascii_lowercase()), ctrl: true, alt: false, shift: false }
    }

    /// Gives the one spelling of a key that terminals report in several: no `shift` on a character, small letters
    /// with Control.
    pub fn normal(mut self) -> Self {
        if let KeyCode::Char(c) = self.code {
            if self.ctrl {
                self.code = KeyCode::Char(c.to_ascii_lowercase());
            } else if self.shift && c.is_lowercase() {
                // Some terminals report `A` as shift and `a`.
                let mut upper = c.to_uppercase();
                if let (Some(upper), None) = (upper.next(), upper.next()) {
                    self.code = KeyCode::Char(upper);
                }
            }
            self.shift = false;
        }
        self
    }

    /// Gives the character that a text field takes from this key, if it is one.
    pub fn text(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        if self.shift {
            f.write_str("Shift-")?;
        }
        match (NAMES.iter().find(|(code, _)| *code == self.code), self.code) {
            (Some((_, name)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, KeyCode::F(number)) => write!(f, "F{number}"),
            (None, other) => write!(f, "{other:?}"),
        }
    }
}

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key: write `a`, `Ctrl-d`, `Space`, `Del`, `F5`, or a sequence like `g i`")]
pub struct UnknownKey(pub String);

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let unknown = || UnknownKey(text.to_owned());
        let mut key = Key::plain(KeyCode::Esc);
        let mut rest = text;
        while let Some((word, after)) =
            rest.split_once('-').filter(|(word, after)| !word.is_empty() && !after.is_empty())
        {
            match word.to_ascii_lowercase().as_str() {
                "ctrl" | "c" => key.ctrl = true,
                "alt" | "meta" | "m" => key.alt = true,
                "shift" | "s" => key.shift = true,
                _ => return Err(unknown()),
            }
            rest = after;
        }
        let mut chars = rest.chars();
        key.code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() && !NAMES.iter().any(|(_, name)| *name == rest) => KeyCode::Char(c),
            _ => match NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(rest)) {
                Some((code, _)) => *code,
                None => {
                    let number = rest.strip_prefix(['F', 'f']).and_then(|digits| digits.parse().ok());
                    KeyCode::F(number.filter(|number| (1..=24).contains(number)).ok_or_else(unknown)?)
                }
            },
        };
        Ok(key.normal())
    }
}

/// Reads a sequence of keys with spaces between them: `g i`.
pub fn sequence(text: &str) -> Result<Vec<Key>, UnknownKey> {
    text.split_whitespace().map(str::parse).collect()
}

/// Writes a sequence as [`sequence`] reads it.
pub fn spell(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_is_written() {
        for text in ["a", "A", "#", "-", "Ctrl-d", "Ctrl--", "Space", "Del", "Shift-Tab", "F5", "Alt-Enter", "↑", "é"]
        {
            assert_eq!(text.parse::<Key>().map(|key| key.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn other_spellings_mean_the_same() {
        assert_eq!("ctrl-D".parse::<Key>(), Ok(Key::ctrl('d')));
        assert_eq!("up".parse::<Key>(), Ok(Key::plain(KeyCode::Up)));
        assert_eq!("Shift-a".parse::<Key>(), Ok(Key::char('A')));
        assert_eq!(sequence("g i"), Ok(vec![Key::char('g'), Key::char('i')]));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "Hyper-a", "Foo", "F0", "F25", "\u{1b}"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }
}
