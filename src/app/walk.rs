//! Owns the walk through the interface where there is no terminal: the same model, keys and effects, one after the other.
//!
//! Each screen is printed as plain text. Nothing here knows what a key does.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::app::effects::Desk;
use crate::app::mailbag::Mailbag;
use crate::cli::args::Size;
use crate::config::key::{self, Key, KeyCode};
use crate::mail::wrap;
use crate::ui::message::{Effect, Event, Moment, Msg};
use crate::ui::{Model, Settings, update, view};

/// Waits up to so many milliseconds are jumped over; longer ones, as of a line above the footer, are let be.
const SHORT_WAIT: u64 = 1_000;
/// A walk never takes more steps than this after one key.
const MOST_STEPS: usize = 1_000;

/// What is shown, and the keys that lead there.
const TOUR: [(&str, &[&str]); 6] = [
    ("The list", &[]),
    ("A message, opened with Enter", &["Enter"]),
    ("Search as you type: / from:budi has:attachment", &["q", "/", "=from:budi has:attachment"]),
    ("Back in the list with Esc", &["Esc", "Esc"]),
    ("Archived with e", &["e"]),
    ("Taken back with z", &["z"]),
];

/// A screen without a terminal: every effect is carried out before the next key.
pub struct Walker {
    model: Model,
    desk: Arc<Desk>,
    bag: Arc<Mailbag>,
    terminal: Terminal<TestBackend>,
    /// The walk's own clock for waits: it jumps to the next short one instead of waiting.
    millis: u64,
}

impl Walker {
    /// Starts the interface on an imagined terminal.
    pub fn start(desk: &Arc<Desk>, settings: Settings, size: Size) -> Result<Self, String> {
        let terminal = Terminal::new(TestBackend::new(size.width, size.height)).map_err(|error| error.to_string())?;
        let bag = Arc::new(Mailbag::new(|| {}));
        desk.tell_changes(&bag);
        let mut walker = Self { model: Model::new(settings), desk: desk.clone(), bag, terminal, millis: 0 };
        walker.hear(Event::Started { width: size.width, height: size.height });
        Ok(walker)
    }

    /// Presses keys: names as in the configuration, or `=` and a text that is typed.
    pub fn press(&mut self, keys: &[&str]) -> Result<(), String> {
        for spelled in keys {
            let pressed = match spelled.strip_prefix('=') {
                Some(text) => text
                    .chars()
                    .map(|letter| Key { code: KeyCode::Char(letter), ctrl: false, alt: false, shift: false })
                    .collect(),
                None => key::sequence(spelled).map_err(|error| error.to_string())?,
            };
            pressed.into_iter().for_each(|key| self.hear(Event::Key(key)));
        }
        Ok(())
    }

    /// Draws the screen.
    pub fn draw(&mut self) -> Result<Buffer, String> {
        let model = &self.model;
        let drawn = self.terminal.draw(|frame| view(model, frame)).map_err(|error| error.to_string())?;
        Ok(drawn.buffer.clone())
    }

    /// Tells the model something, and everything that follows from it, until nothing follows any more.
    fn hear(&mut self, event: Event) {
        let mut waiting = VecDeque::from([event]);
        let mut wake_at = None;
        for _ in 0..MOST_STEPS {
            let event = match (waiting.pop_front(), wake_at) {
                (Some(event), _) => event,
                (None, Some(at)) if at <= self.millis + SHORT_WAIT => {
                    (self.millis, wake_at) = (at, None);
                    Event::Tick
                }
                (None, _) => return,
            };
            let now = Moment { unix: self.desk.clock().unix(), millis: self.millis };
            for effect in update(&mut self.model, Msg { now, event }) {
                if let Effect::WakeAt(at) = effect {
                    wake_at = Some(at);
                    continue;
                }
                let answers = self.desk.carry_out(effect);
                let change = self.bag.take().change;
                if !change.is_empty() {
                    waiting.push_back(Event::Changed(change));
                }
                waiting.extend(answers);
            }
        }
    }
}

/// Walks the tour and prints each screen.
pub fn walk(desk: &Arc<Desk>, settings: Settings, size: Size) -> Result<(), String> {
    let mut walker = Walker::start(desk, settings, size)?;
    for (what, keys) in TOUR {
        walker.press(keys)?;
        let text = to_text(&walker.draw()?);
        if let Err(error) = write!(io::stdout(), "── {what}\n{text}\n") {
            // A reader that went away has seen enough.
            return if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.to_string()) };
        }
    }
    Ok(())
}

/// Gives a screen as lines of text without spaces at their ends.
pub fn to_text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for column in 0..buffer.area.width {
            let Some(cell) = buffer.cell((column, row)) else { continue };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = wrap::width(cell.symbol()).saturating_sub(1);
            line.push_str(cell.symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
