//! Owns the columns of a terminal: how wide text is, cutting and padding it, and breaking it into lines.
//!
//! It knows graphemes and widths, but no meaning: quotes, lists and tables hand in their own prefixes.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest line that text is wrapped to: below this nothing can be read, and a wide character must fit.
pub const NARROWEST: usize = 2;

/// A run of text with whatever its owner hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<T> {
    /// The text, one line.
    pub text: String,
    /// Its mark: a style, usually.
    pub mark: T,
}

impl<T> Run<T> {
    /// Builds a run.
    pub fn new(text: impl Into<String>, mark: T) -> Self {
        Self { text: text.into(), mark }
    }
}

/// Gives the columns that text takes, counted by grapheme as the screen draws it.
pub fn width(text: &str) -> usize {
    if is_plain_ascii(text) {
        return text.len();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

/// Gives the columns of several runs.
pub fn width_of<T>(runs: &[Run<T>]) -> usize {
    runs.iter().map(|run| width(&run.text)).sum()
}

/// Makes text exactly `columns` wide: cut with `…` where it is longer, padded with spaces where it is shorter.
pub fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns);
    let missing = columns.saturating_sub(width(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// Makes text at most `columns` wide; what is cut ends with `…`.
pub fn cut(text: &str, columns: usize) -> String {
    if text.len() <= columns && is_plain_ascii(text) {
        return text.to_owned();
    }
    let (mut kept, mut taken, mut room_for_mark) = (0, 0, 0);
    for (at, grapheme) in text.grapheme_indices(true) {
        let wide = grapheme_width(grapheme);
        if taken + wide > columns {
            let head = text.get(..room_for_mark).unwrap_or_default();
            return if columns == 0 { String::new() } else { format!("{head}…") };
        }
        taken += wide;
        kept = at + grapheme.len();
        if taken < columns {
            room_for_mark = kept;
        }
    }
    text.get(..kept).unwrap_or_default().to_owned()
}

/// Breaks runs into lines: the first at most `first` columns wide, the others at most `rest`.
///
/// Lines break at spaces, after hyphens inside words, and between ideographs (closing punctuation stays with what it
/// closes); a word longer than a line is broken where the line ends. No-break spaces hold words together and come out
/// as spaces. Spaces at the beginning are kept, those at a break are dropped. There is at least one line.
pub fn wrap<T: Copy + PartialEq>(runs: &[Run<T>], first: usize, rest: usize) -> Vec<Vec<Run<T>>> {
    let (first, rest) = (first.max(NARROWEST), rest.max(NARROWEST));
    if width_of(runs) <= first {
        let whole: Vec<_> = runs.iter().map(|run| Piece { text: &run.text, mark: run.mark }).collect();
        return vec![join(&whole)];
    }
    let atoms = atoms(runs, first.min(rest));
    let mut lines = Vec::new();
    let mut room = first;
    let (mut start, mut at, mut taken) = (0, 0, 0);
    let mut last_break = None;
    while let Some(atom) = atoms.get(at) {
        if taken + atom.wide > room && at > start && !atom.is_space {
            let end = last_break.filter(|&place| place > start).unwrap_or(at);
            lines.push(join_atoms(atoms.get(start..end).unwrap_or_default()));
            start = end;
            while atoms.get(start).is_some_and(|atom| atom.is_space) {
                start += 1;
            }
            room = rest;
            last_break = None;
            at = at.max(start);
            taken = atoms.get(start..at).unwrap_or_default().iter().map(|atom| atom.wide).sum();
            continue;
        }
        taken += atom.wide;
        if atom.may_break_after && has_words(&atoms, start, at) {
            last_break = Some(at + 1);
        }
        at += 1;
    }
    if start < atoms.len() || lines.is_empty() {
        lines.push(join_atoms(atoms.get(start..).unwrap_or_default()));
    }
    lines
}

/// Breaks runs where the line ends and nowhere else: for preformatted text, where every space counts.
pub fn wrap_exactly<T: Copy + PartialEq>(runs: &[Run<T>], columns: usize) -> Vec<Vec<Run<T>>> {
    let columns = columns.max(NARROWEST);
    let atoms = atoms(runs, columns);
    let mut lines = Vec::new();
    let (mut start, mut taken) = (0, 0);
    for (at, atom) in atoms.iter().enumerate() {
        if taken + atom.wide > columns && at > start {
            lines.push(join(&pieces(atoms.get(start..at).unwrap_or_default())));
            (start, taken) = (at, 0);
        }
        taken += atom.wide;
    }
    lines.push(join(&pieces(atoms.get(start..).unwrap_or_default())));
    lines
}

/// The least that can stand on a line by itself.
struct Atom<'a, T> {
    text: &'a str,
    mark: T,
    wide: usize,
    is_space: bool,
    may_break_after: bool,
}

struct Piece<'a, T> {
    text: &'a str,
    mark: T,
}

fn is_plain_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..0x7f).contains(&byte))
}

fn grapheme_width(grapheme: &str) -> usize {
    match grapheme.as_bytes() {
        [byte] => usize::from((b' '..0x7f).contains(byte)),
        _ => grapheme.width(),
    }
}

/// Cuts runs into graphemes; one that is wider than `most` (chains of conjuncts have no end) into characters.
fn atoms<T: Copy>(runs: &[Run<T>], most: usize) -> Vec<Atom<'_, T>> {
    let mut atoms: Vec<Atom<'_, T>> = Vec::new();
    for run in runs {
        for grapheme in run.text.graphemes(true) {
            let wide = grapheme_width(grapheme);
            if wide <= most {
                atoms.push(Atom {
                    text: grapheme,
                    mark: run.mark,
                    wide,
                    is_space: grapheme == " ",
                    may_break_after: false,
                });
            } else {
                atoms.extend(grapheme.char_indices().map(|(at, c)| Atom {
                    text: grapheme.get(at..at + c.len_utf8()).unwrap_or_default(),
                    mark: run.mark,
                    wide: c.width().unwrap_or(0),
                    is_space: false,
                    may_break_after: false,
                }));
            }
        }
    }
    let (mut word_ends, mut is_address) = (0, false);
    for at in 0..atoms.len() {
        if at >= word_ends {
            let word = atoms.iter().skip(at).take_while(|atom| !atom.is_space);
            // A hyphen in a link or a host is part of it.
            (word_ends, is_address) = word.fold((at + 1, false), |(end, is_address), atom| {
                (end + 1, is_address || matches!(atom.text, "/" | ":" | "@" | "." | "["))
            });
        }
        let may = may_break(&atoms, at, is_address);
        if let Some(atom) = atoms.get_mut(at) {
            atom.may_break_after = may;
        }
    }
    atoms
}

fn may_break<T>(atoms: &[Atom<'_, T>], at: usize, is_address: bool) -> bool {
    let (Some(atom), Some(next)) = (atoms.get(at), atoms.get(at + 1)) else { return false };
    if next.is_space {
        return false;
    }
    if atom.is_space {
        return true;
    }
    let (Some(left), Some(right)) = (atom.text.chars().next(), next.text.chars().next()) else { return false };
    if matches!(left, '-' | '–' | '\u{2010}') {
        let before = at.checked_sub(1).and_then(|before| atoms.get(before)).and_then(|atom| atom.text.chars().next());
        return !is_address && before.is_some_and(char::is_alphabetic) && right.is_alphabetic();
    }
    (is_ideograph(left) || is_ideograph(right))
        && left != '\u{a0}'
        && right != '\u{a0}'
        && !BEGINS_NO_LINE.contains(right)
        && !ENDS_NO_LINE.contains(left)
}

/// Says whether something other than indentation stands between `start` and `at`.
fn has_words<T>(atoms: &[Atom<'_, T>], start: usize, at: usize) -> bool {
    // Only the first line can begin with spaces, and they are few: the walk ends at the first word.
    atoms.get(start..=at).unwrap_or_default().iter().any(|atom| !atom.is_space)
}

/// Closing marks, small kana and the like, which stay with what stands before them (JIS X 4051).
const BEGINS_NO_LINE: &str =
    "、。，．・：；？！゛゜ー々〻）〕］｝〉》」』】〙〗’”!%),.:;?]}°‰′″℃ぁぃぅぇぉっゃゅょァィゥェォッャュョ…";
/// Opening marks, which stay with what follows them.
const ENDS_NO_LINE: &str = "（〔［｛〈《「『【〘〖‘“([{$£¥＄￥";

/// Says whether lines may break beside this character as between ideographs. Hangul has spaces and is not among them.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff01}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}')
}

fn join_atoms<T: Copy + PartialEq>(atoms: &[Atom<'_, T>]) -> Vec<Run<T>> {
    let end = atoms.iter().rposition(|atom| !atom.is_space).map_or(0, |last| last + 1);
    join(&pieces(atoms.get(..end).unwrap_or_default()))
}

fn pieces<'a, T: Copy>(atoms: &[Atom<'a, T>]) -> Vec<Piece<'a, T>> {
    atoms.iter().map(|atom| Piece { text: atom.text, mark: atom.mark }).collect()
}

fn join<T: Copy + PartialEq>(pieces: &[Piece<'_, T>]) -> Vec<Run<T>> {
    let mut line: Vec<Run<T>> = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.text.is_empty()) {
        let text = piece.text.replace('\u{a0}', " ");
        match line.last_mut() {
            Some(run) if run.mark == piece.mark => run.text.push_str(&text),
            _ => line.push(Run::new(text, piece.mark)),
        }
    }
    // A joiner has nothing to join where its run ends, and would be shown as something hidden.
    for run in &mut line {
        let end = run.text.trim_end_matches(['\u{200c}', '\u{200d}']).len();
        run.text.truncate(end);
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, columns: usize, expected: &[&str]) {
        let lines = wrap(&[Run::new(text, ())], columns, columns);
        let lines: Vec<String> = lines.iter().map(|line| line.iter().map(|run| run.text.as_str()).collect()).collect();
        assert_eq!(lines, expected, "{text:?} at {columns}");
    }

    #[test]
    fn no_joiner_is_left_where_a_line_ends() {
        check("\u{fffd}🏽\u{200d}👩 x", 3, &["\u{fffd}🏽", "👩", "x"]);
        check("می\u{200c}خواهم", 2, &["می", "خو", "اه", "م"]);
    }

    #[test]
    fn lines_break_at_spaces() {
        check("", 10, &[""]);
        check("the quick brown fox", 10, &["the quick", "brown fox"]);
        check("the quick brown fox", 9, &["the quick", "brown fox"]);
        check("  indented text that goes on", 12, &["  indented", "text that", "goes on"]);
        check("two   spaces  stay", 40, &["two   spaces  stay"]);
        check("dropped     at a break", 10, &["dropped", "at a break"]);
    }

    #[test]
    fn long_words_break_where_the_line_ends() {
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("a bcdefghij", 4, &["a", "bcde", "fghi", "j"]);
        check("well-known words", 6, &["well-", "known", "words"]);
        check("at https://a-b.test/c-d", 20, &["at", "https://a-b.test/c-d"]);
        check("a range 10-20 holds", 10, &["a range", "10-20", "holds"]);
    }

    #[test]
    fn ideographs_break_anywhere_but_before_closing_marks() {
        check("写真を送ります。", 8, &["写真を送", "ります。"]);
        check("写真を送りま。", 12, &["写真を送り", "ま。"]);
        check("「写真」", 6, &["「写", "真」"]);
        check("한국어 문장은 띄어쓰기", 12, &["한국어", "문장은", "띄어쓰기"]);
    }

    #[test]
    fn no_break_spaces_hold_words_together() {
        check("see the map\u{a0}[1] there", 12, &["see the", "map [1]", "there"]);
    }

    #[test]
    fn marks_survive_a_break() {
        let lines = wrap(&[Run::new("plain ", 'p'), Run::new("strong words", 's')], 12, 12);
        assert_eq!(lines, [vec![Run::new("plain ", 'p'), Run::new("strong", 's')], vec![Run::new("words", 's')]]);
    }

    #[test]
    fn fitted_text_takes_its_columns_exactly() {
        for (text, columns, expected) in [
            ("abc", 5, "abc  "),
            ("abcdef", 5, "abcd…"),
            ("abcde", 5, "abcde"),
            ("田中 花子", 9, "田中 花子"),
            ("田中 花子", 8, "田中 花…"),
            ("田中 花子", 7, "田中 … "),
            ("👩‍👩‍👧‍👦 family", 4, "👩‍👩‍👧‍👦 …"),
            ("דו״ח חודשי", 6, "דו״ח …"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("abc", 0, ""),
            ("", 3, "   "),
        ] {
            assert_eq!(fit(text, columns), expected, "{text:?} at {columns}");
        }
    }

    proptest! {
        #[test]
        fn any_text_fits_and_keeps_its_words(text in "\\PC{0,200}", columns in 2usize..60) {
            prop_assert_eq!(width(&fit(&text, columns)), columns);
            let lines = wrap(&[Run::new(text.as_str(), ())], columns, columns);
            for line in &lines {
                prop_assert!(width_of(line) <= columns, "{:?}", line);
            }
            let dense = |text: &str| text.chars().filter(|c| *c != ' ' && *c != '\u{a0}').collect::<String>();
            let after: String = lines.iter().flatten().map(|run| dense(&run.text)).collect();
            prop_assert_eq!(after, dense(&text));
        }
    }
}
