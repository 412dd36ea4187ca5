//! Owns the model of the screen.

use jiff::tz::TimeZone;
use ratatui::Frame;

use crate::config::keymap::Keymap;
use crate::config::theme::Theme;
use crate::ui::message::{Effect, Msg};

/// What is decided before the screen starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The keys.
    pub keymap: Keymap,
    /// The theme of the configuration.
    pub theme: Theme,
    /// Whether colours may be used (`NO_COLOR`, `--no-color`).
    pub color: bool,
    /// Whether the terminal has 256 colours or more.
    pub many_colors: bool,
    /// Whether this is `surat demo`.
    pub is_demo: bool,
    /// The user's time zone.
    pub zone: TimeZone,
    /// Things to say at the start: mistakes in the configuration.
    pub notes: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keymap: Keymap::default(),
            theme: Theme::Auto,
            color: true,
            many_colors: false,
            is_demo: false,
            zone: TimeZone::UTC,
            notes: Vec::new(),
        }
    }
}

/// Everything that the screen knows.
#[derive(Debug, Clone)]
pub struct Model {
    settings: Settings,
}

impl Model {
    /// Builds the model; the first message to it is [`Event::Started`](crate::ui::message::Event::Started).
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

/// Takes a message in and says what is to be done.
pub fn update(_model: &mut Model, _msg: Msg) -> Vec<Effect> {
    Vec::new()
}

/// Draws the model.
pub fn view(model: &Model, frame: &mut Frame) {
    let _ = (&model.settings, frame);
}
