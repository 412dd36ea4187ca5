//! Owns standard output: aligned columns for people, one JSON document for programs, bytes for pipes.
//!
//! Plain text goes through `SafeText`; JSON keeps every character but escapes those that a terminal obeys.

use std::env;
use std::io::{self, IsTerminal, Stdout, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::mail::safe::SafeText;
use crate::mail::wrap;

/// Columns when nobody says how many there are.
const USUAL_WIDTH: usize = 80;
/// A terminal narrower than this gets lines of this width all the same.
const LEAST_WIDTH: usize = 20;
/// No line of a rendered mail is wider: long lines are hard to read.
const WIDEST_TEXT: usize = 100;

/// Where a command's data goes.
#[derive(Debug)]
pub struct Output {
    /// Whether the result is one JSON document.
    pub is_json: bool,
    is_terminal: bool,
    has_color: bool,
    stdout: Stdout,
}

impl Output {
    /// Looks at where standard output leads.
    pub fn new(is_json: bool, no_color: bool) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let has_color = is_terminal && !no_color && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_json, is_terminal, has_color, stdout }
    }

    /// Says whether a terminal would obey what is written.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Gives the columns to which lines are cut; none when it is no terminal.
    pub fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(&self.stdout).ok().filter(|_| self.is_terminal)?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0).or(Some(USUAL_WIDTH)).map(|c| c.max(LEAST_WIDTH))
    }

    /// Gives the columns at which the text of a mail is wrapped.
    pub fn text_width(&self) -> u16 {
        self.width().unwrap_or(USUAL_WIDTH).min(WIDEST_TEXT).try_into().unwrap_or(80)
    }

    /// Writes one line.
    pub fn line(&self, text: &str) -> io::Result<()> {
        writeln!(self.stdout.lock(), "{}", SafeText::line(text))
    }

    /// Writes bytes as they are: for pipes and files only.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Writes one JSON document.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut stdout = self.stdout.lock();
        let mut buffer = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut buffer, Harmless))?;
        buffer.push(b'\n');
        stdout.write_all(&buffer)?;
        stdout.flush()
    }

    /// Writes rows of cells in aligned columns; the last column takes what is left. Bold rows stand out.
    pub fn table(&self, rows: &[TableRow]) -> io::Result<()> {
        let cells: Vec<Vec<SafeText>> =
            rows.iter().map(|row| row.cells.iter().map(|cell| SafeText::line(cell)).collect()).collect();
        let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            let widths = cells.iter().filter_map(|row| row.get(column)).map(|cell| wrap::width(cell.as_str()));
            widths.max().unwrap_or(0).min(Self::most(column, columns))
        };
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let limit = self.width();
        let mut stdout = io::BufWriter::new(self.stdout.lock());
        for (row, cells) in rows.iter().zip(&cells) {
            let mut line = String::new();
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                if column + 1 == columns {
                    line.push_str(cell.as_str());
                } else {
                    line.push_str(&wrap::fit(cell.as_str(), *width));
                    line.push_str("  ");
                }
            }
            let line = line.trim_end();
            let line = limit.map_or_else(|| line.to_owned(), |limit| wrap::cut(line, limit));
            match row.is_strong && self.has_color {
                true => writeln!(stdout, "\u{1b}[1m{line}\u{1b}[0m")?,
                false => writeln!(stdout, "{line}")?,
            }
        }
        stdout.flush()
    }

    /// Keeps one long name from pushing the rest off the screen.
    fn most(column: usize, columns: usize) -> usize {
        if column + 1 == columns { usize::MAX } else { 32 }
    }
}

/// One row of a table.
#[derive(Debug, Clone, Default)]
pub struct TableRow {
    /// Its cells, raw.
    pub cells: Vec<String>,
    /// Whether it stands out.
    pub is_strong: bool,
}

impl TableRow {
    /// Builds a row.
    pub fn new<const N: usize>(cells: [String; N]) -> Self {
        Self { cells: cells.into(), is_strong: false }
    }
}

/// Writes JSON in one line. Control characters beyond ASCII, direction overrides and line separators become `\u…`:
/// the same text to a program, harmless to a terminal.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_obeyed) {
            let (before, after) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, before)?;
            let mut letters = after.chars();
            let mut units = [0; 2];
            for unit in letters.next().unwrap_or_default().encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = letters.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// Says whether a terminal may obey a character instead of showing it.
fn is_obeyed(letter: char) -> bool {
    matches!(
        letter,
        '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Says a size in words.
pub fn in_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut said = format!("{bytes} bytes");
    for unit in UNITS {
        if size < 1_000.0 {
            break;
        }
        size /= 1_000.0;
        said = if size < 10.0 { format!("{size:.1} {unit}") } else { format!("{size:.0} {unit}") };
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_text_to_a_program_and_harmless_to_a_terminal() {
        let text = "a\u{1b}[31m\u{9b}31m\u{202e}\u{7f}é漢\"\\\n\u{e0041}";
        let mut bytes = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Harmless)).unwrap();
        let written = String::from_utf8(bytes).unwrap();
        assert!(!written.chars().any(|c| c.is_control() || is_obeyed(c)), "{written:?}");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn sizes_are_short() {
        let cases = [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 KB"), (45_300, "45 KB"), (2_100_000, "2.1 MB")];
        for (bytes, expected) in cases {
            assert_eq!(in_bytes(bytes), expected);
        }
    }
}
