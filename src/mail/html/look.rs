//! Owns what text inherits from the elements round it, and whether the eye would see it.

use crate::mail::document::Style;
use crate::mail::html::color::{Rgb, is_same_color};
use crate::mail::html::style::{Background, Declared, White};

/// What text inherits from the elements round it.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Its style.
    pub style: Style,
    /// Its colour, where one was said.
    pub color: Option<Rgb>,
    /// What stands behind it.
    pub background: Background,
    /// Whether an element round it cannot be seen.
    pub is_gone: bool,
    /// Whether it is `visibility: hidden`, which an element inside may take back.
    pub is_invisible: bool,
    /// Whether it is too small to be read, which an element inside may take back.
    pub is_tiny: bool,
    /// Whether it is shown in capitals.
    pub is_upper: bool,
    /// How its white space is treated.
    pub white: White,
    /// Whether it is raised or lowered.
    pub script: Script,
    /// Whether the cells of the row round it stand on one line.
    pub is_inline_row: bool,
}

/// Whether text is raised or lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Neither.
    Normal,
    /// Raised.
    Above,
    /// Lowered.
    Below,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            style: Style::Plain,
            color: None,
            background: Background::Plain(Rgb(255, 255, 255)),
            is_gone: false,
            is_invisible: false,
            is_tiny: false,
            is_upper: false,
            white: White::Collapse,
            script: Script::Normal,
            is_inline_row: false,
        }
    }
}

impl Look {
    /// Says whether a browser would not show the text.
    pub fn is_hidden(&self) -> bool {
        let is_same = match self.background {
            Background::Plain(background) => is_same_color(self.color.unwrap_or(Rgb(0, 0, 0)), background),
            Background::Unknown => false,
        };
        self.is_gone || self.is_invisible || self.is_tiny || is_same
    }

    /// Takes on what an element declares.
    pub fn apply(&mut self, declared: &Declared) {
        self.background = declared.background.unwrap_or(self.background);
        match declared.color {
            Some(Some(color)) => self.color = Some(color),
            Some(None) => self.is_invisible = true,
            None => {}
        }
        self.is_gone |= declared.is_gone();
        self.is_invisible = declared.is_invisible.unwrap_or(self.is_invisible);
        self.is_tiny = declared.is_tiny.unwrap_or(self.is_tiny);
        self.is_upper = declared.is_upper.unwrap_or(self.is_upper);
        self.white = declared.white.unwrap_or(self.white);
        if declared.is_bold == Some(true) {
            self.emphasise(Style::Strong);
        }
    }

    /// A heading stays one whatever is emphasised in it, and a link in it is a link.
    pub fn emphasise(&mut self, style: Style) {
        if matches!(self.style, Style::Plain) || (style != Style::Strong && self.style == Style::Strong) {
            self.style = style;
        }
    }
}

/// Raises or lowers digits; other text stays as it is.
pub fn in_script(text: String, script: Script) -> String {
    let zero = if script == Script::Above { '⁰' } else { '₀' };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text;
    }
    let raise = |digit: char| match (script, digit) {
        (Script::Above, '1') => '¹',
        (Script::Above, '2') => '²',
        (Script::Above, '3') => '³',
        _ => char::from_u32(u32::from(zero) + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    };
    text.chars().map(raise).collect()
}
