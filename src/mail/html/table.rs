//! Owns tables of data: which columns are numbers, how wide each may be, and their lines.
//!
//! It draws no boxes. Whether a table holds data at all is decided by the walk over the tree.

use crate::mail::document::Style;
use crate::mail::wrap::{self, Run};

/// Columns beyond these are put together in the last one.
pub const MOST_COLUMNS: usize = 40;
/// A column is never made narrower than its longest word, as long as that is no longer than this.
const LONGEST_WORD: usize = 14;
/// Columns between two columns of text, where there is room.
const WIDE_GAP: usize = 3;
/// The same, where there is not.
const NARROW_GAP: usize = 2;

/// A cell: its lines, not wrapped yet.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Its lines.
    pub lines: Vec<Vec<Run<Style>>>,
    /// How many columns it takes, at least 1.
    pub span: usize,
    /// Whether it is a heading.
    pub is_head: bool,
    /// Whether it asks to be aligned to the right.
    pub is_right: bool,
}

impl Cell {
    fn is_empty(&self) -> bool {
        self.lines.iter().flatten().all(|run| run.text.trim().is_empty())
    }

    fn text(&self) -> String {
        self.lines.iter().flatten().map(|run| run.text.as_str()).collect()
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| wrap::width_of(line)).max().unwrap_or(0)
    }

    fn is_strong(&self) -> bool {
        !self.is_empty()
            && self.lines.iter().flatten().all(|run| {
                matches!(run.mark, Style::Strong | Style::Heading) || run.text.trim_matches([' ', '\u{a0}']).is_empty()
            })
    }
}

/// A column: what is in it, and what it gets.
#[derive(Debug, Clone, Default)]
struct Column {
    natural: usize,
    least: usize,
    width: usize,
    is_right: bool,
}

/// Lays out rows of cells in `room` columns.
pub fn lay_out(mut rows: Vec<Vec<Cell>>, room: usize) -> Vec<Vec<Run<Style>>> {
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    let has_head = mark_head(&mut rows);
    let mut columns = measure(&rows, has_head, room);
    let Some(gap) = [WIDE_GAP, NARROW_GAP].into_iter().find(|&gap| share(&mut columns, room, gap)) else {
        return as_records(&rows, has_head, room);
    };
    rows.iter().flat_map(|row| row_lines(row, &columns, gap, room)).collect()
}

/// Emphasises the heading, and says whether the first row is one.
fn mark_head(rows: &mut [Vec<Cell>]) -> bool {
    let all_heads = |row: &Vec<Cell>| row.iter().all(|cell| cell.is_head || cell.is_empty());
    let all_strong = |row: &Vec<Cell>| row.iter().all(|cell| cell.is_strong() || cell.is_empty());
    let has_head = rows.len() > 1
        && rows.first().is_some_and(|row| all_heads(row) || all_strong(row))
        && !rows.get(1).is_some_and(|row| all_heads(row) || all_strong(row));
    for run in rows.iter_mut().flatten().filter(|cell| cell.is_head).flat_map(|cell| cell.lines.iter_mut().flatten()) {
        if run.mark == Style::Plain {
            run.mark = Style::Strong;
        }
    }
    has_head
}

/// Gives the cells of a row with the column that each begins in.
fn placed(row: &[Cell]) -> impl Iterator<Item = (usize, &Cell)> {
    row.iter().scan(0, |next, cell| {
        let at = *next;
        *next += cell.span.max(1);
        Some((at.min(MOST_COLUMNS - 1), cell))
    })
}

fn measure(rows: &[Vec<Cell>], has_head: bool, room: usize) -> Vec<Column> {
    let count = rows.iter().flat_map(|row| placed(row)).map(|(at, cell)| at + cell.span.max(1)).max().unwrap_or(0);
    let mut columns = vec![Column::default(); count.min(MOST_COLUMNS)];
    for (at, cell) in rows.iter().flat_map(|row| placed(row)).filter(|(_, cell)| cell.span <= 1) {
        let Some(column) = columns.get_mut(at) else { continue };
        let longest = cell.text().split(' ').map(wrap::width).max().unwrap_or(0);
        column.natural = column.natural.max(cell.width());
        column.least = column.least.max(longest.min(LONGEST_WORD));
    }
    for (at, column) in columns.iter_mut().enumerate() {
        let of_column = |row: &Vec<Cell>| {
            placed(row).find(|(place, cell)| *place == at && cell.span <= 1 && !cell.is_empty()).map(|(_, c)| c.clone())
        };
        let mut body: Vec<Cell> = rows.iter().skip(usize::from(has_head)).filter_map(of_column).collect();
        let asks = !body.is_empty() && body.iter().all(|cell| cell.is_right);
        // A heading that is not marked as one stands above its numbers all the same.
        if !has_head && body.len() > 1 && body.first().is_some_and(|cell| !is_number(&cell.text())) {
            body.remove(0);
        }
        let is_number = !body.is_empty() && body.iter().all(|cell| is_number(&cell.text()));
        column.is_right = asks || is_number;
        if is_number {
            column.least = column.natural.min(room / 2);
        }
        column.natural = column.natural.min(room);
        column.least = column.least.min(column.natural);
    }
    for (at, cell) in rows.iter().flat_map(|row| placed(row)).filter(|(_, cell)| cell.span > 1) {
        let spanned = columns.get(at..columns.len().min(at + cell.span)).unwrap_or_default();
        let has = spanned.iter().map(|column| column.natural + WIDE_GAP).sum::<usize>().saturating_sub(WIDE_GAP);
        let missing = cell.width().min(room).saturating_sub(has);
        // What spans the whole table may be wider than it; else the first column that it spans gives way.
        if (at > 0 || cell.span < columns.len())
            && let Some(column) = columns.get_mut(at)
        {
            column.natural = (column.natural + missing).min(room);
        }
    }
    columns
}

/// Says whether a cell is a number: digits with a sign, separators, and at most a currency or a unit.
fn is_number(text: &str) -> bool {
    let text = text.trim_matches([' ', '\u{a0}']);
    let mut head = text.chars();
    if head.next().is_some_and(char::is_alphabetic) && head.next().is_some_and(|c| c.is_ascii_digit()) {
        return false; // `A4`, `Q3`: names, not amounts.
    }
    let (mut digits, mut letters, mut others) = (0, 0, 0);
    for (at, c) in text.chars().enumerate() {
        match c {
            '0'..='9' => digits += 1,
            '.' | ',' | ' ' | '\u{a0}' | '\u{202f}' | '\'' | '%' | '(' | ')' | '±' => {}
            '-' | '–' | '−' | '+' if at == 0 || digits == 0 => {}
            '-' if text.ends_with('-') => {}
            '$' | '€' | '£' | '¥' | '₹' | '₩' | '₽' | '×' | '₫' | '฿' => {}
            c if c.is_alphabetic() => letters += 1,
            _ => others += 1,
        }
    }
    (digits > 0 && letters <= 3 && others == 0) || matches!(text, "-" | "–" | "—")
}

/// Gives each column its width; says whether they all have room.
fn share(columns: &mut [Column], room: usize, gap: usize) -> bool {
    let shown = columns.iter().filter(|column| column.natural > 0).count();
    let room = room.saturating_sub(gap * shown.saturating_sub(1));
    for column in columns.iter_mut() {
        column.width = column.natural;
    }
    let mut taken: usize = columns.iter().map(|column| column.width).sum();
    while taken > room {
        let widest = columns.iter_mut().filter(|column| column.width > column.least.max(1)).max_by_key(|c| c.width);
        let Some(widest) = widest else { return false };
        widest.width -= 1;
        taken -= 1;
    }
    true
}

fn row_lines(row: &[Cell], columns: &[Column], gap: usize, room: usize) -> Vec<Vec<Run<Style>>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, cell) in placed(row) {
        let spanned = columns.get(at..columns.len().min(at + cell.span.max(1))).unwrap_or_default();
        let shown = spanned.iter().filter(|column| column.width > 0).count();
        let mut width = spanned.iter().map(|column| column.width).sum::<usize>() + gap * shown.saturating_sub(1);
        let is_whole = cell.span > 1 && at == 0 && cell.span >= columns.len();
        if is_whole {
            width = room;
        }
        if width == 0 {
            continue;
        }
        let is_right = cell.span <= 1 && spanned.iter().any(|column| column.is_right);
        let is_right = is_right || (cell.span > 1 && cell.is_right && !is_whole);
        let lines: Vec<_> = cell.lines.iter().flat_map(|line| wrap::wrap(line, width, width)).collect();
        pieces.push((start, width, is_right, lines));
        start += width + gap;
    }
    let height = pieces.iter().map(|(.., lines)| lines.len()).max().unwrap_or(0);
    (0..height)
        .map(|number| {
            let mut line: Vec<Run<Style>> = Vec::new();
            let mut taken = 0;
            for (start, width, is_right, lines) in &pieces {
                let Some(runs) = lines.get(number).filter(|runs| wrap::width_of(runs) > 0) else { continue };
                let own = wrap::width_of(runs);
                let at = if *is_right { start + width.saturating_sub(own) } else { *start };
                if at > taken {
                    line.push(Run::new(" ".repeat(at - taken), Style::Plain));
                }
                line.extend(runs.iter().cloned());
                taken = at.max(taken) + own;
            }
            line
        })
        .collect()
}

/// The last resort for many columns on a narrow screen: one line a cell, its heading before it.
fn as_records(rows: &[Vec<Cell>], has_head: bool, room: usize) -> Vec<Vec<Run<Style>>> {
    let head: Vec<(usize, String)> = match rows.first().filter(|_| has_head) {
        Some(row) => placed(row).map(|(at, cell)| (at, cell.text())).collect(),
        None => Vec::new(),
    };
    let mut lines = Vec::new();
    for row in rows.iter().skip(usize::from(has_head)) {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        for (at, cell) in placed(row).filter(|(_, cell)| !cell.is_empty()) {
            let name = head.iter().find(|(place, name)| *place == at && !name.trim().is_empty());
            let mut runs: Vec<_> =
                name.map(|(_, name)| Run::new(format!("{}: ", name.trim()), Style::Dim)).into_iter().collect();
            for (number, line) in cell.lines.iter().enumerate() {
                if number > 0 {
                    runs.push(Run::new(" ", Style::Plain));
                }
                runs.extend(line.iter().cloned());
            }
            lines.extend(wrap::wrap(&runs, room, room));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    #[test]
    fn numbers_are_told_from_words() {
        for number in
            ["2", "Rp 56.000", "$5.00", "1,234.56 €", "-12 %", "+3", "(45)", "12 kg", "1 × 3", "—", "50.000,-"]
        {
            assert!(is_number(number), "{number}");
        }
        for word in ["", "Coffee", "2026-11-23", "12:30", "Room 12", "A4", "Seat 1", "10/12"] {
            assert!(!is_number(word), "{word}");
        }
    }
}
