//! Owns the picture of a screen for the README: the cells of a drawn buffer as SVG.
//!
//! It takes no screenshots: what it draws was never on a terminal.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::app::effects::Desk;
use crate::app::walk::Walker;
use crate::cli::args::Size;
use crate::mail::wrap;
use crate::ui::Settings;

/// A cell's width and height in the picture's units.
const CELL: (f32, f32) = (8.4, 18.0);
/// The room around the screen.
const MARGIN: f32 = 14.0;
/// The picture's own background and foreground: what a dark terminal has.
const BACKGROUND: &str = "#14171c";
const FOREGROUND: &str = "#d5d8de";
/// The sixteen colours of the terminal in the picture.
const SIXTEEN: [&str; 16] = [
    "#14171c", "#e06c75", "#8fbf7f", "#d9b26f", "#6fa8dc", "#c08fd0", "#6fbfc0", "#c8ccd4", "#6b7280", "#f08a93",
    "#a5d495", "#eccb8c", "#8dbff0", "#d3a8e2", "#8bd5d6", "#ffffff",
];

/// Shows the demo's first conversation and writes the picture of it.
pub fn take(desk: &Arc<Desk>, settings: Settings, size: Size, file: &Path) -> Result<(), String> {
    let mut walker = Walker::start(desk, settings, size)?;
    walker.press(&["Enter", "q"])?;
    let picture = to_svg(&walker.draw()?);
    std::fs::write(file, picture).map_err(|error| format!("{} could not be written: {error}", file.display()))
}

/// Draws a buffer.
fn to_svg(buffer: &Buffer) -> String {
    let width = f32::from(buffer.area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f32::from(buffer.area.height) * CELL.1 + 2.0 * MARGIN;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"Surat with folders, conversations and a message\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\" fill=\"{FOREGROUND}\" xml:space=\"preserve\">"
    );
    for row in 0..buffer.area.height {
        write_row(&mut svg, buffer, row);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Writes one row: a run of cells that look alike becomes one text.
fn write_row(svg: &mut String, buffer: &Buffer, row: u16) {
    let mut column = 0;
    while column < buffer.area.width {
        let Some(first) = buffer.cell((column, row)) else { return };
        let (mut text, mut end) = (String::new(), column);
        while let Some(cell) = buffer.cell((end, row)).filter(|cell| looks(cell) == looks(first)) {
            let cells = u16::try_from(wrap::width(cell.symbol()).max(1)).unwrap_or(1);
            // A wide character stands alone, so that a font of other widths moves nothing after it.
            if cells > 1 && end > column {
                break;
            }
            text.push_str(cell.symbol());
            end += cells;
            if cells > 1 {
                break;
            }
        }
        let end = end.max(column + 1);
        write_run(svg, first, &text, column, end, row);
        column = end;
    }
}

fn write_run(svg: &mut String, cell: &Cell, text: &str, column: u16, end: u16, row: u16) {
    let (x, y) = (MARGIN + f32::from(column) * CELL.0, MARGIN + f32::from(row) * CELL.1);
    let width = f32::from(end - column) * CELL.0;
    let is_reversed = cell.modifier.contains(Modifier::REVERSED);
    let (fg, bg) = (color(cell.fg), color(cell.bg));
    let (fg, bg) = if is_reversed {
        (Some(bg.unwrap_or(BACKGROUND.into())), Some(fg.unwrap_or(FOREGROUND.into())))
    } else {
        (fg, bg)
    };
    if let Some(bg) = bg {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let mut attributes = String::new();
    if let Some(fg) = fg {
        let _ = write!(attributes, " fill=\"{fg}\"");
    }
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if cell.modifier.contains(modifier) {
            attributes.push_str(attribute);
        }
    }
    let lead = text.len() - text.trim_start().len();
    let x = x + lead as f32 * CELL.0;
    let shown = text.trim();
    let length = wrap::width(shown) as f32 * CELL.0;
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\"{attributes}>{}</text>",
        y + 13.5,
        escape(shown)
    );
}

fn looks(cell: &Cell) -> (Color, Color, Modifier) {
    (cell.fg, cell.bg, cell.modifier)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Gives a colour as the picture's terminal has it; nothing for its default.
fn color(color: Color) -> Option<String> {
    let of_sixteen = |index: usize| SIXTEEN.get(index).map(|color| (*color).to_owned());
    match color {
        Color::Reset => None,
        Color::Black => of_sixteen(0),
        Color::Red => of_sixteen(1),
        Color::Green => of_sixteen(2),
        Color::Yellow => of_sixteen(3),
        Color::Blue => of_sixteen(4),
        Color::Magenta => of_sixteen(5),
        Color::Cyan => of_sixteen(6),
        Color::Gray => of_sixteen(7),
        Color::DarkGray => of_sixteen(8),
        Color::LightRed => of_sixteen(9),
        Color::LightGreen => of_sixteen(10),
        Color::LightYellow => of_sixteen(11),
        Color::LightBlue => of_sixteen(12),
        Color::LightMagenta => of_sixteen(13),
        Color::LightCyan => of_sixteen(14),
        Color::White => of_sixteen(15),
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index @ 0..=15) => of_sixteen(usize::from(index)),
        Color::Indexed(index @ 16..=231) => {
            let index = index - 16;
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            Some(format!("#{:02x}{:02x}{:02x}", level(index / 36), level(index / 6 % 6), level(index % 6)))
        }
        Color::Indexed(index) => {
            let gray = 8 + 10 * (index - 232);
            Some(format!("#{gray:02x}{gray:02x}{gray:02x}"))
        }
    }
}
