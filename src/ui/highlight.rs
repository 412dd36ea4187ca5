//! Owns where the words of a search stand in a text that is shown: as the store finds them, by the beginnings of words.
//!
//! It does not search: it only marks what was found.

use std::ops::Range;

use nucleo_matcher::chars::{normalize, to_lower_case};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::mail::document::Line;
use crate::mail::wrap;

/// A letter as it is compared, and where it begins.
type Letter = (usize, char);

/// What is looked for, made ready to be compared: each word in its parts.
struct Words(Vec<Vec<Vec<char>>>);

impl Words {
    fn new(words: &[String]) -> Self {
        Self(words.iter().map(|word| parts(word)).collect())
    }

    /// Gives the letter at or behind `start` where a word stands, and how many letters that takes.
    fn find(&self, letters: &[Letter], start: usize) -> Option<(usize, usize)> {
        (start..letters.len()).find_map(|at| {
            let longest = self.0.iter().filter_map(|parts| length(letters, at, parts)).max();
            longest.map(|length| (at, length))
        })
    }
}

/// Gives the places of the words in a text, in order and apart from each other. Case and accents do not matter.
fn places(text: &str, words: &[String]) -> Vec<Range<usize>> {
    let (letters, words) = (letters(text), Words::new(words));
    let mut found = Vec::new();
    let mut next = 0;
    while let Some((at, length)) = words.find(&letters, next) {
        let start = letters.get(at).map_or(text.len(), |(start, _)| *start);
        let end = letters.get(at + length).map_or(text.len(), |(end, _)| *end);
        found.push(start..end);
        next = at + length;
    }
    found
}

/// Gives the lines in which any of the words stands.
pub(super) fn lines_with<'a>(lines: &'a [Line], words: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    let words = Words::new(words);
    let text = |line: &Line| line.spans.iter().map(|span| span.text.as_str()).collect::<String>();
    let lines = lines.iter().enumerate();
    lines.filter(move |(_, line)| words.find(&letters(&text(line)), 0).is_some()).map(|(at, _)| at)
}

/// Puts a style on the words where they stand in a line of pieces, over the styles that those have.
pub(super) fn mark(pieces: Vec<(String, Style)>, words: &[String], style: Style) -> Vec<Span<'static>> {
    if words.is_empty() {
        return pieces.into_iter().map(|(text, style)| Span::styled(text, style)).collect();
    }
    let whole: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
    let places = places(&whole, words);
    let mut spans = Vec::new();
    let mut start = 0;
    for (text, own) in pieces {
        let end = start + text.len();
        let mut at = start;
        for place in places.iter().filter(|place| place.start < end && place.end > start) {
            let (from, to) = (place.start.max(start), place.end.min(end));
            for (range, style) in [(at..from, own), (from..to, own.patch(style))] {
                let shown = whole.get(range).unwrap_or_default();
                spans.extend((!shown.is_empty()).then(|| Span::styled(shown.to_owned(), style)));
            }
            at = to;
        }
        let rest = whole.get(at..end).unwrap_or_default();
        spans.extend((!rest.is_empty()).then(|| Span::styled(rest.to_owned(), own)));
        start = end;
    }
    spans
}

fn letters(text: &str) -> Vec<Letter> {
    text.char_indices().map(|(at, c)| (at, plain(c))).collect()
}

fn plain(c: char) -> char {
    to_lower_case(normalize(c))
}

/// Cuts what is looked for at everything that is no letter: `foo-bar` is found as `foo bar` too.
fn parts(word: &str) -> Vec<Vec<char>> {
    let parts = word.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(|part| part.chars().map(plain).collect()).collect()
}

/// Gives how many letters the parts take from here on, if they stand here: the last one may go on, the others may not.
fn length(letters: &[Letter], start: usize, parts: &[Vec<char>]) -> Option<usize> {
    let (first, rest) = parts.split_first()?;
    // Where words begin is asked last: it takes far longer than comparing letters.
    let mut at = start + begins_with(letters, start, first)?;
    if !begins_word(letters, start) {
        return None;
    }
    for part in rest {
        let gap = letters.get(at..)?.iter().take_while(|(_, c)| !c.is_alphanumeric()).count();
        if gap == 0 && !begins_word(letters, at) {
            return None;
        }
        at += gap;
        at += begins_with(letters, at, part)?;
    }
    Some(at - start)
}

fn begins_with(letters: &[Letter], start: usize, part: &[char]) -> Option<usize> {
    let here = letters.get(start..)?.iter().map(|(_, c)| c);
    (here.take(part.len()).eq(part)).then_some(part.len())
}

/// Words begin after what is no letter; every letter of a script without spaces, which are the wide ones, is a word.
fn begins_word(letters: &[Letter], at: usize) -> bool {
    let is_word_alone = |c: char| wrap::width(c.encode_utf8(&mut [0; 4])) == 2;
    let before = at.checked_sub(1).and_then(|at| letters.get(at)).map(|(_, c)| *c);
    let here = letters.get(at).map(|(_, c)| *c);
    before.is_none_or(|c| !c.is_alphanumeric() || is_word_alone(c)) || here.is_some_and(is_word_alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut shown = text.to_owned();
        for place in places(text, &words).into_iter().rev() {
            shown.insert(place.end, ']');
            shown.insert(place.start, '[');
        }
        shown
    }

    #[test]
    fn words_are_marked_by_their_beginnings() {
        assert_eq!(marked("Budi and budiman, not subudi", &["budi"]), "[Budi] and [budi]man, not subudi");
        assert_eq!(marked("Köhler KOHLER", &["köh"]), "[Köh]ler [KOH]LER");
        assert_eq!(marked("nothing", &["", "-"]), "nothing");
    }

    #[test]
    fn phrases_and_scripts_without_spaces_are_marked() {
        assert_eq!(marked("the second  pallet, second palm", &["second pallet"]), "the [second  pallet], second palm");
        assert_eq!(marked("foo.bar x", &["foo-bar"]), "[foo.bar] x");
        assert_eq!(marked("写真を送ります", &["送り"]), "写真を[送り]ます");
        assert_eq!(marked("mail to budi@example.test", &["budi@example"]), "mail to [budi@example].test");
    }

    #[test]
    fn lines_are_found_across_their_pieces() {
        let span = |text: &str| crate::mail::document::Span {
            text: crate::mail::safe::SafeText::line(text),
            style: crate::mail::document::Style::Plain,
        };
        let line = |pieces: &[&str]| Line { spans: pieces.iter().map(|piece| span(piece)).collect(), fold: None };
        let lines = [line(&["the sec", "ond pallet"]), line(&["seconds"]), line(&["a second"]), line(&[])];
        let found = |word: &str| lines_with(&lines, &[word.to_owned()]).collect::<Vec<_>>();
        assert_eq!(found("second pallet"), [0]);
        assert_eq!(found("second"), [0, 1, 2]);
        assert!(found("-").is_empty());
    }

    #[test]
    fn marks_cross_pieces_and_change_no_text() {
        let (plain, bold) = (Style::new(), Style::new().add_modifier(ratatui::style::Modifier::BOLD));
        let reversed = Style::new().add_modifier(ratatui::style::Modifier::REVERSED);
        let pieces = vec![("the sec".to_owned(), plain), ("ond pallet".to_owned(), bold)];
        let spans = mark(pieces, &["second".to_owned()], reversed);
        let texts: Vec<&str> = spans.iter().map(|span| span.content.as_ref()).collect();
        assert_eq!(texts, ["the ", "sec", "ond", " pallet"]);
        assert_eq!(spans[2].style, bold.patch(reversed));
    }
}
