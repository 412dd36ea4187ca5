//! Owns plain text made readable: quotes, signatures, flowed paragraphs (RFC 3676), patches, links.
//!
//! It decides nothing about parts and forms; folds are made of its lines by the renderer.

use crate::mail::document::Style;
use crate::mail::flow::FlowLine;
use crate::mail::link::{self, Links};
use crate::mail::safe::SafeText;
use crate::mail::wrap::{self, Run};

/// Text beyond this is left out.
pub const LONGEST_TEXT: usize = 1024 * 1024;
/// Deeper quotes are not shown deeper.
const DEEPEST_QUOTE: usize = 9;
/// A line at least so wide, that does not fit, was broken by its writer's program: the next one continues it.
const FULL_LINE: usize = 45;

/// Broken lines stand under the text of their item only where so many columns are left.
const LEAST_ROOM: usize = 8;

/// How plain text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Format {
    /// `format=flowed`: a space at the end of a line says that the paragraph goes on.
    pub is_flowed: bool,
    /// `delsp=yes`: that space is not part of the text.
    pub drops_space: bool,
}

/// A line as it was written, its quote marks taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written {
    quote: u8,
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Signature,
    Patch(Style),
}

/// Renders plain text; its links get their numbers in `links`. Says also whether something was left out.
pub fn render(text: &str, format: Format, width: usize, links: &mut Links) -> (Vec<FlowLine>, bool) {
    let kept = text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or(text);
    let mut written = read(kept, format);
    mark_signature(&mut written);
    mark_patches(&mut written);
    if !format.is_flowed {
        written = join_broken(written, width);
    }
    while written.last().is_some_and(|line| line.text.trim().is_empty()) {
        written.pop();
    }
    let mut lines: Vec<FlowLine> = Vec::with_capacity(written.len());
    for line in written.iter().skip_while(|line| line.text.trim().is_empty()) {
        lines.extend(wrapped(line, width, links));
    }
    (lines, kept.len() < text.len())
}

/// Cuts text into lines and takes off their quote marks; flowed lines become one again.
fn read(text: &str, format: Format) -> Vec<Written> {
    let mut lines: Vec<Written> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let (quote, rest) = unquote(line.trim_end_matches('\r'));
        let rest = if format.is_flowed { rest.strip_prefix(' ').unwrap_or(rest) } else { rest };
        let is_signature = rest == "-- ";
        let before = lines.last_mut().filter(|before| goes_on && before.quote == quote && !is_signature);
        goes_on = format.is_flowed && rest.ends_with(' ') && !is_signature;
        let rest = if goes_on && format.drops_space { rest.strip_suffix(' ').unwrap_or(rest) } else { rest };
        match before {
            Some(before) => before.text.push_str(rest),
            None => lines.push(Written { quote, text: rest.to_owned(), kind: Kind::Text }),
        }
    }
    lines
}

/// Counts quote marks (`>`, `> >`, `>>`) and gives what follows them, without the one space after the last.
fn unquote(line: &str) -> (u8, &str) {
    let (mut depth, mut rest) = (0_usize, line);
    while let Some(after) = rest.strip_prefix('>').or_else(|| rest.strip_prefix(" >").filter(|_| depth > 0)) {
        depth += 1;
        rest = after;
    }
    if depth > 0 {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    (depth.min(DEEPEST_QUOTE) as u8, rest)
}

/// What follows `-- ` at the outermost level, up to the next quote, is a signature.
fn mark_signature(lines: &mut [Written]) {
    let mut is_signature = false;
    for line in lines {
        is_signature = line.quote == 0 && (is_signature || matches!(line.text.as_str(), "-- " | "--"));
        if is_signature {
            line.kind = Kind::Signature;
        }
    }
}

/// Colours what really is a patch: lines counted by the `@@` before them, and the head of each file.
fn mark_patches(lines: &mut [Written]) {
    let is_patch = lines.iter().any(|line| line.quote == 0 && hunk(&line.text).is_some());
    if !is_patch {
        return;
    }
    let (mut old, mut new) = (0_usize, 0_usize);
    for at in 0..lines.len() {
        let next_is_new = lines.get(at + 1).is_some_and(|next| next.text.starts_with("+++ "));
        let Some(line) = lines.get_mut(at).filter(|line| line.quote == 0) else { continue };
        let text = line.text.as_str();
        if old > 0 || new > 0 {
            let style = match text.bytes().next() {
                Some(b'+') => Style::Added,
                Some(b'-') => Style::Removed,
                Some(b'\\') => Style::Dim,
                _ => Style::Plain,
            };
            old -= usize::from(matches!(style, Style::Removed | Style::Plain) && old > 0);
            new -= usize::from(matches!(style, Style::Added | Style::Plain) && new > 0);
            line.kind = Kind::Patch(style);
        } else if let Some((removed, added)) = hunk(text) {
            (old, new) = (removed, added);
            line.kind = Kind::Patch(Style::Hunk);
        } else if text.starts_with("diff --git ")
            || (text.starts_with("--- ") && next_is_new)
            || text.starts_with("+++ ")
        {
            line.kind = Kind::Patch(Style::Strong);
        } else if ["index ", "new file mode ", "deleted file mode ", "rename ", "similarity index "]
            .iter()
            .any(|head| text.starts_with(head))
        {
            line.kind = Kind::Patch(Style::Dim);
        }
    }
}

/// Reads `@@ -12,3 +12,5 @@`: how many lines of the old and of the new file follow.
fn hunk(text: &str) -> Option<(usize, usize)> {
    let (ranges, _) = text.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let count = |range: &str| match range.split_once(',') {
        Some((start, count)) => start.parse::<usize>().ok().and_then(|_| count.parse().ok()),
        None => range.parse::<usize>().ok().map(|_| 1),
    };
    Some((count(old)?, count(new)?))
}

/// Joins the lines of paragraphs that were broken wider than they can be shown, so that they are not broken twice.
fn join_broken(lines: Vec<Written>, width: usize) -> Vec<Written> {
    let mut joined: Vec<Written> = Vec::with_capacity(lines.len());
    let mut last_width = 0;
    let mut is_joining = false;
    for line in lines {
        let own_width = wrap::width(&line.text);
        let room = width.saturating_sub(usize::from(line.quote) * 2);
        let goes_on = line.text.chars().next().is_some_and(|c| c.is_alphanumeric() || "(\"“‘'«".contains(c))
            && !is_item(&line.text);
        match joined.last_mut() {
            Some(before)
                if goes_on
                    && before.quote == line.quote
                    && before.kind == Kind::Text
                    && line.kind == Kind::Text
                    && last_width >= FULL_LINE
                    && (is_joining || last_width > room)
                    && !before.text.starts_with([' ', '\t', '|']) =>
            {
                before.text.truncate(before.text.trim_end().len());
                before.text.push(' ');
                before.text.push_str(&line.text);
                is_joining = true;
            }
            _ => {
                joined.push(line);
                is_joining = false;
            }
        }
        last_width = own_width;
    }
    joined
}

/// Says whether a line begins an item: `- `, `* `, `1. `, `2) `.
fn is_item(text: &str) -> bool {
    item_mark(text) > 0
}

/// Gives the columns of an item's mark and the blank after it.
fn item_mark(text: &str) -> usize {
    if ["- ", "* ", "+ ", "• "].iter().any(|mark| text.starts_with(mark)) {
        return 2;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_numbered = (1..=3).contains(&digits)
        && text.get(digits..).is_some_and(|rest| rest.starts_with(". ") || rest.starts_with(") "));
    if is_numbered { digits + 2 } else { 0 }
}

fn wrapped(line: &Written, width: usize, links: &mut Links) -> Vec<FlowLine> {
    let safe = SafeText::line(&without_fillers(&expand_tabs(&line.text)));
    let is_patch = matches!(line.kind, Kind::Patch(_));
    let text = if is_patch { safe.as_str() } else { safe.as_str().trim_end() };
    let depth = usize::from(line.quote).min(width / 4);
    let quote = "> ".repeat(depth);
    let style = match line.kind {
        Kind::Patch(style) => style,
        Kind::Signature => Style::Dim,
        Kind::Text if line.quote > 0 => Style::Quote(line.quote),
        Kind::Text => Style::Plain,
    };
    let room = width.saturating_sub(quote.len());
    let broken = if is_patch {
        wrap::wrap_exactly(&[Run::new(text, style)], room)
    } else {
        // Broken lines stand under the text of their item.
        let blanks = text.len() - text.trim_start_matches(' ').len();
        let hanging = blanks + item_mark(text.trim_start_matches(' '));
        let hanging = if hanging > room / 2 || hanging + LEAST_ROOM > room { 0 } else { hanging };
        let mut broken = wrap::wrap(&with_links(text, style, links), room, room - hanging);
        for rest in broken.iter_mut().skip(1).filter(|_| hanging > 0) {
            rest.insert(0, Run::new(" ".repeat(hanging), style));
        }
        broken
    };
    let finish = |runs: Vec<Run<Style>>| {
        let mut all = Vec::with_capacity(runs.len() + 1);
        if depth > 0 {
            let prefix = if runs.is_empty() { quote.trim_end() } else { quote.as_str() };
            all.push(Run::new(prefix, style));
        }
        all.extend(runs);
        FlowLine { runs: all, quote: line.quote }
    };
    broken.into_iter().map(finish).collect()
}

/// Puts a number behind each link of a line.
fn with_links(text: &str, style: Style, links: &mut Links) -> Vec<Run<Style>> {
    let mut runs = Vec::new();
    let mut done = 0;
    for (range, target) in link::find(text) {
        let (Some(before), Some(shown)) = (text.get(done..range.start), text.get(range.clone())) else { continue };
        let Some(number) = links.number(shown, &target) else { continue };
        if !before.is_empty() {
            runs.push(Run::new(before, style));
        }
        runs.push(Run::new(shown, Style::Link));
        done = range.end;
        // `<https://toko.test>` keeps its bracket before the number.
        if text.get(done..).is_some_and(|rest| rest.starts_with('>')) {
            runs.push(Run::new(">", style));
            done += 1;
        }
        runs.push(Run::new(format!("\u{a0}[{number}]"), Style::Dim));
    }
    runs.push(Run::new(text.get(done..).unwrap_or_default(), style));
    runs
}

/// Sets tabs to every eighth column.
pub fn expand_tabs(line: &str) -> String {
    if !line.contains('\t') {
        return line.to_owned();
    }
    let (mut expanded, mut taken) = (String::new(), 0);
    for (number, piece) in line.split('\t').enumerate() {
        if number > 0 {
            let to_stop = 8 - taken % 8;
            expanded.extend(std::iter::repeat_n(' ', to_stop));
            taken += to_stop;
        }
        expanded.push_str(piece);
        taken += wrap::width(piece);
    }
    expanded
}

/// Takes out of running text what has no width and no meaning for a reader: soft hyphens, joiners between spaces, the
/// padding of previews, marks of direction (terminals find the direction by themselves). Names and links keep them, to
/// be shown as marks.
pub fn without_fillers(text: &str) -> String {
    let is_filler = |c: char| {
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2007}' | '\u{e0000}'..='\u{e007f}')
    };
    if !text.contains(is_filler) {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Joiners mean something inside words of some scripts and inside emoji.
            '\u{200c}' | '\u{200d}'
                if kept.chars().next_back().is_some_and(|last| !last.is_ascii() && last != '\u{a0}') =>
            {
                kept.push(c);
            }
            '\u{2007}' => kept.push(' '),
            c if is_filler(c) => {}
            c => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use proptest::prelude::*;

    const FIXED: Format = Format { is_flowed: false, drops_space: false };
    const FLOWED: Format = Format { is_flowed: true, drops_space: false };

    fn spelled(lines: &[FlowLine]) -> Vec<String> {
        lines.iter().map(|line| line.runs.iter().map(|run| run.text.as_str()).collect()).collect()
    }

    #[track_caller]
    fn check(text: &str, format: Format, width: usize, expected: &[&str]) {
        let lines = spelled(&render(text, format, width, &mut Links::default()).0);
        assert_eq!(lines, expected, "\n{}\n", lines.join("\n"));
    }

    fn styles(text: &str) -> Vec<(String, Style)> {
        let lines = render(text, FIXED, 78, &mut Links::default()).0;
        lines.into_iter().map(|line| (line.runs[0].text.clone(), line.runs[0].mark)).collect()
    }

    #[test]
    fn lines_stay_as_they_were_written_where_they_fit() {
        check(
            "\nHi,\n\n  indented\n\ttabbed\r\nend\n\n\n",
            FIXED,
            78,
            &["Hi,", "", "  indented", "        tabbed", "end"],
        );
        check("", FIXED, 78, &[]);
    }

    #[test]
    fn broken_lines_keep_quote_marks_and_indentation() {
        check("> the quick brown fox jumps", FIXED, 14, &["> the quick", "> brown fox", "> jumps"]);
        check(">> > deep text that wraps", FIXED, 16, &["> > > deep text", "> > > that wraps"]);
        check("  - item text that wraps", FIXED, 16, &["  - item text", "    that wraps"]);
        check("10. item text that wraps", FIXED, 16, &["10. item text", "    that wraps"]);
    }

    #[test]
    fn flowed_paragraphs_are_wrapped_anew() {
        check("the quick \nbrown fox \njumps.\nNext\n", FLOWED, 78, &["the quick brown fox jumps.", "Next"]);
        check("> a \n> b\n>> c \n> d\n", FLOWED, 78, &["> a b", "> > c", "> d"]);
        check(" >no quote\n From me\n-- \nAna \n", FLOWED, 78, &[">no quote", "From me", "--", "Ana"]);
        check("long-\x20\nword\n", Format { is_flowed: true, drops_space: true }, 78, &["long-word"]);
    }

    #[test]
    fn paragraphs_broken_wider_than_the_screen_are_joined() {
        let text = "The venue confirmed forty seats and a projector but no\nmicrophone, could you check that\nagain?\n\n- one\n- two\n";
        check(
            text,
            FIXED,
            40,
            &[
                "The venue confirmed forty seats and a",
                "projector but no microphone, could you",
                "check that",
                "again?",
                "",
                "- one",
                "- two",
            ],
        );
    }

    #[test]
    fn quotes_signatures_and_links_have_their_styles() {
        let lines = styles("Hi\n> quoted\n>> twice\nsee https://a.test.\n-- \nAna\n");
        let expected = [
            ("Hi", Style::Plain),
            ("> ", Style::Quote(1)),
            ("> > ", Style::Quote(2)),
            ("see ", Style::Plain),
            ("--", Style::Dim),
            ("Ana", Style::Dim),
        ];
        assert_eq!(lines, expected.map(|(text, style)| (text.to_owned(), style)));
        check("<https://a.test> and https://a.test.", FIXED, 78, &["<https://a.test> [1] and https://a.test [1]."]);
    }

    #[test]
    fn patches_are_coloured_by_their_counts_only() {
        let patch = "Fix it\n---\n a.rs | 2 +-\n\ndiff --git a/a.rs b/a.rs\nindex 1..2 100644\n--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,2 @@ fn\n \
                     same\n-old --\n+new https://a.test\n- a list\n-- \n2.40\n";
        let expected = [
            ("Fix it", Style::Plain),
            ("---", Style::Plain),
            (" a.rs | 2 +-", Style::Plain),
            ("diff --git a/a.rs b/a.rs", Style::Strong),
            ("index 1..2 100644", Style::Dim),
            ("--- a/a.rs", Style::Strong),
            ("+++ b/a.rs", Style::Strong),
            ("@@ -1,2 +1,2 @@ fn", Style::Hunk),
            (" same", Style::Plain),
            ("-old --", Style::Removed),
            ("+new https://a.test", Style::Added),
            ("- a list", Style::Plain),
            ("--", Style::Dim),
            ("2.40", Style::Dim),
        ];
        let lines: Vec<_> = render(patch, FIXED, 78, &mut Links::default()).0;
        let lines: Vec<_> =
            lines.iter().filter_map(|line| line.runs.first()).map(|run| (run.text.as_str(), run.mark)).collect();
        assert_eq!(lines, expected);
        assert!(styles("+1 from me\n- and this\n@@ home\n").iter().all(|(_, style)| *style == Style::Plain));
    }

    proptest! {
        #[test]
        fn any_text_renders_within_its_width(text in "(> ?|[a-z写 ]{0,12}|https://a.test/x|\n|\t|\\PC){0,60}", width in 2usize..100, flowed: bool) {
            let format = Format { is_flowed: flowed, drops_space: false };
            for line in render(&text, format, width, &mut Links::default()).0 {
                prop_assert!(wrap::width_of(&line.runs) <= width, "{:?}", line);
                prop_assert!(!line.runs.iter().any(|run| run.text.contains(char::is_control)));
            }
        }
    }
}
