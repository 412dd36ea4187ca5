//! Owns what the roles of the screen look like: the terminal's own sixteen colours, or none.
//!
//! Colour never says anything alone: every state has its sign or word too.

use ratatui::style::{Color, Modifier, Style};

use crate::config::theme::Theme;
use crate::mail::document;
use crate::ui::model::Settings;

/// The subtle backgrounds of the cursor's row, in the cube of 256 colours that every such terminal shares.
const CURSOR_ON_DARK: Color = Color::Indexed(236);
const CURSOR_ON_LIGHT: Color = Color::Indexed(254);

/// The styles of every role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    color: bool,
    many_colors: bool,
    is_light: bool,
}

impl Look {
    pub(super) fn new(settings: &Settings, is_light: bool) -> Self {
        let is_light = match settings.theme {
            Theme::Auto => is_light,
            Theme::Dark => false,
            Theme::Light => true,
        };
        Self { color: settings.color, many_colors: settings.many_colors, is_light }
    }

    fn colored(self, dark: Color, light: Color) -> Style {
        if !self.color {
            return Style::new();
        }
        Style::new().fg(if self.is_light { light } else { dark })
    }

    pub(super) fn plain(self) -> Style {
        Style::new()
    }

    pub(super) fn dim(self) -> Style {
        if self.color { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }

    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn accent(self) -> Style {
        self.colored(Color::LightBlue, Color::Blue)
    }

    pub(super) fn good(self) -> Style {
        self.colored(Color::Green, Color::Green)
    }

    pub(super) fn warn(self) -> Style {
        self.colored(Color::Yellow, Color::Yellow)
    }

    pub(super) fn bad(self) -> Style {
        self.colored(Color::LightRed, Color::Red).add_modifier(Modifier::BOLD)
    }

    /// The whole row under the cursor, where its pane has the focus.
    pub(super) fn cursor(self) -> Style {
        match (self.color && self.many_colors, self.is_light) {
            (true, false) => Style::new().bg(CURSOR_ON_DARK),
            (true, true) => Style::new().bg(CURSOR_ON_LIGHT),
            (false, _) => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// A word that was searched for, in the text of a message.
    pub(super) fn found(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The same in a list, whose row under the cursor may be reversed as a whole.
    pub(super) fn found_in_list(self) -> Style {
        Style::new().add_modifier(Modifier::UNDERLINED | Modifier::BOLD)
    }

    /// The frame of a pane.
    pub(super) fn frame(self, has_focus: bool) -> Style {
        match has_focus {
            true if self.color => self.accent(),
            true => self.strong(),
            false => self.dim(),
        }
    }

    /// A run of a message.
    pub(super) fn document(self, style: document::Style) -> Style {
        use document::Style as Run;
        match style {
            Run::Plain => self.plain(),
            Run::Strong => self.strong(),
            Run::Heading => self.accent().add_modifier(Modifier::BOLD),
            Run::Link => self.accent().add_modifier(Modifier::UNDERLINED),
            Run::Dim => self.dim(),
            Run::Quote(depth) => match depth % 3 {
                1 => self.colored(Color::Cyan, Color::Cyan),
                2 => self.colored(Color::Green, Color::Green),
                _ => self.colored(Color::Magenta, Color::Magenta),
            },
            Run::Added => self.good(),
            Run::Removed => self.colored(Color::LightRed, Color::Red),
            Run::Hunk => self.colored(Color::Cyan, Color::Cyan),
            Run::Warning => self.warn().add_modifier(Modifier::BOLD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_has_one() {
        let look = Look::new(&Settings { color: false, many_colors: true, ..Settings::default() }, false);
        let all = [
            look.dim(),
            look.accent(),
            look.good(),
            look.warn(),
            look.bad(),
            look.cursor(),
            look.frame(true),
            look.document(document::Style::Quote(2)),
            look.document(document::Style::Removed),
        ];
        for style in all {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert!(look.cursor().add_modifier.contains(Modifier::REVERSED));
    }
}
