//! Owns the terminal: taking it over, giving it back sane whatever happens, and what is written to it beside the drawing.
//!
//! It knows nothing of mail.

use std::io::{self, Stdout, Write, stdout};
use std::panic;

use base64::Engine;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::mail::safe::SafeText;
use crate::ui::{Model, view};

/// The name of the thread that owns the terminal.
const MAIN: &str = "main";

/// The terminal while it is ours; given back when this value goes.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over. A panic of the drawing thread gives it back before anything is said; a panic of another
    /// thread only leaves its details behind.
    pub fn take() -> io::Result<Self> {
        // Made first: an entering that fails halfway is taken back.
        let screen = Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))? };
        enter()?;
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(MAIN) {
                leave();
                before(info);
            } else {
                tracing::error!("a thread stumbled: {info}");
            }
        }));
        Ok(screen)
    }

    /// Draws the model: everything at once, so that nothing flickers.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view(model, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Gives columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Forgets what is on the terminal. Not by the library's own way, which asks the terminal where its cursor is: the
    /// answer would go to the thread that reads keys.
    pub fn clear(&mut self) -> io::Result<()> {
        execute!(stdout(), Clear(ClearType::All))?;
        self.terminal.swap_buffers();
        Ok(())
    }

    /// Gives the terminal back, puts the program to sleep, and takes the terminal again when it is woken.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        // The whole group sleeps, as with any program that is stopped from the keyboard.
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        enter()?;
        self.clear()
    }

    /// Puts text in the clipboard of the terminal (OSC 52), also from far away.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        write!(stdout(), "\x1b]52;c;{encoded}\x07")?;
        stdout().flush()
    }

    /// Sets the title of the window.
    pub fn set_title(&mut self, title: &SafeText) -> io::Result<()> {
        execute!(stdout(), SetTitle(title.as_str()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, EnableMouseCapture)
}

/// Nothing can be done about an error here, and the shell must come back in any case.
fn leave() {
    let _ = execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Says whether the environment names a terminal of 256 colours or more.
pub fn has_many_colors() -> bool {
    let says = |name: &str, words: &[&str]| {
        std::env::var(name).is_ok_and(|value| words.iter().any(|word| value.contains(word)))
    };
    says("COLORTERM", &["truecolor", "24bit"]) || says("TERM", &["256", "direct", "kitty", "alacritty", "ghostty"])
}

/// Says whether the terminal's background is light, where the environment tells (`COLORFGBG`, as `0;15`).
pub fn is_light() -> Option<bool> {
    let value = std::env::var("COLORFGBG").ok()?;
    let background: u8 = value.rsplit(';').next()?.parse().ok()?;
    Some(matches!(background, 7 | 9..=15))
}
