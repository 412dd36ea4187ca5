//! Owns `SafeText`, the only form in which words from outside reach a terminal (invariant 7), and what makes it so.
//!
//! It does not decode anything and does not measure columns: whoever draws does.

use std::fmt;

use unicode_width::UnicodeWidthChar;

use crate::mail::host;
use crate::mail::safe::class::{Class, class_of, joins_emoji, joins_letters, takes_variation};

mod class;

/// Stands for one or more characters that show nothing or turn the reading direction round.
pub const HIDDEN_MARK: char = '·';

/// A tower of combining marks higher than any script builds is cut here.
const MOST_MARKS: usize = 6;

/// Columns between tab stops.
const TAB: usize = 8;

/// What a server says is never longer than this on the screen, in characters.
const MOST_SERVER_WORDS: usize = 300;

/// Most characters of a file name.
const MOST_OF_NAME: usize = 150;

/// Most bytes of a file name: common file systems take 255, and a number may still be put in.
const MOST_BYTES_OF_NAME: usize = 200;

/// Text without control characters, escape sequences and direction overrides. It cannot be built any other way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SafeText(String);

impl SafeText {
    /// Makes one line of any text: for header fields, names, links and messages of errors.
    ///
    /// Control characters become their pictures, invisible ones a mark, line breaks and tabs one space.
    pub fn line(text: &str) -> Self {
        Self(harmless(text, Shape::Line))
    }

    /// Makes running text harmless: keeps line breaks, expands tabs, drops what is invisible.
    pub fn block(text: &str) -> Self {
        Self(harmless(text, Shape::Block))
    }

    /// Makes a file name that can be made in a directory: no path, no leading dot or dash, never empty.
    pub fn file_name(text: &str) -> Self {
        Self(clean_file_name(text))
    }

    /// Makes a host name that cannot pass for another: in lower case, with Punycode (RFC 3492) where scripts mix.
    pub fn host(text: &str) -> Self {
        let host = harmless(text.trim(), Shape::Line).to_lowercase();
        Self(if host::is_look_alike(&host) { host::ascii(&host) } else { host })
    }

    /// Makes one line of what a server said, cut to 300 characters.
    pub fn server_words(text: &str) -> Self {
        let line = harmless(text.trim(), Shape::Line);
        if line.chars().nth(MOST_SERVER_WORDS).is_none() {
            return Self(line);
        }
        Self(line.chars().take(MOST_SERVER_WORDS - 1).chain(['…']).collect())
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Line,
    Block,
}

fn harmless(text: &str, shape: Shape) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last: Option<char> = None; // the last character of this line of the output
    let mut marks = 0; // combining marks since the last base character
    let mut column = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let shown = match class_of(c) {
            Class::Plain => Some(c),
            Class::Break | Class::Tab if shape == Shape::Line => {
                while chars.next_if(|&next| matches!(class_of(next), Class::Break | Class::Tab)).is_some() {}
                Some(' ')
            }
            Class::Break => {
                if c == '\r' {
                    chars.next_if_eq(&'\n');
                }
                out.push('\n');
                (last, marks, column) = (None, 0, 0);
                continue;
            }
            Class::Tab => {
                let width = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', width));
                (last, marks, column) = (Some(' '), 0, column + width);
                continue;
            }
            Class::Control(picture) => Some(picture),
            Class::Joiner => {
                let fits = last.zip(chars.peek().copied()).is_some_and(|(before, after)| {
                    joins_letters(before, after) || (c == '\u{200d}' && joins_emoji(before, after))
                });
                if fits { Some(c) } else { hidden(last, shape) }
            }
            Class::Variation if last.is_some_and(|before| takes_variation(before, c)) => Some(c),
            Class::Variation | Class::Invisible => hidden(last, shape),
        };
        let Some(shown) = shown else { continue };
        let width = shown.width().unwrap_or(0);
        if width > 0 {
            marks = 0;
        } else if matches!(class_of(shown), Class::Plain) {
            marks += 1;
            if marks > MOST_MARKS {
                continue;
            }
        }
        out.push(shown);
        last = Some(shown);
        column += width;
    }
    out
}

/// What stands for an invisible character: one mark for a whole run of them in a line, nothing in running text.
fn hidden(last: Option<char>, shape: Shape) -> Option<char> {
    (shape == Shape::Line && last != Some(HIDDEN_MARK)).then_some(HIDDEN_MARK)
}

fn clean_file_name(text: &str) -> String {
    let base = text.rsplit(['/', '\\']).find(|level| !level.trim().is_empty()).unwrap_or_default();
    let fit: String = base.chars().map(|c| if is_unfit(c) { '_' } else { c }).collect();
    let name = harmless(&fit, Shape::Line);
    let name = trim_name(&name);
    let name = if is_reserved(name) { shortened(&format!("_{name}")) } else { shortened(name) };
    let name = trim_name(&name);
    if name.is_empty() { "attachment".to_owned() } else { name.to_owned() }
}

/// Says whether a common file system or shell takes the character for something else than itself.
fn is_unfit(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

fn trim_name(name: &str) -> &str {
    name.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '-' | '~'))
        .trim_end_matches(|c: char| c.is_whitespace() || c == '.')
}

/// Cuts the stem of a long name and keeps its extension.
fn shortened(name: &str) -> String {
    if name.len() <= MOST_BYTES_OF_NAME && name.chars().count() <= MOST_OF_NAME {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut bytes = extension.len();
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= MOST_BYTES_OF_NAME
    };
    let letters = MOST_OF_NAME.saturating_sub(extension.chars().count());
    let stem: String = stem.chars().take(letters).take_while(fits).collect();
    // A cut inside a cluster may leave a joiner at the end.
    format!("{}{extension}", stem.trim_end_matches(|c: char| c.is_whitespace() || class_of(c) != Class::Plain))
}

/// Says whether the name means a device on some systems.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || port.is_some_and(|number| number.len() == 1 && number.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> String {
        SafeText::line(text).to_string()
    }

    #[test]
    fn controls_are_shown_as_pictures() {
        assert_eq!(line("a\x1b[31mb\x07\x7f\0"), "a␛[31mb␇␡␀");
        assert_eq!(line("\u{9b}31m"), "\u{fffd}31m");
        assert_eq!(SafeText::block("\x1b]52;c;AA\x07").as_str(), "␛]52;c;AA␇");
    }

    #[test]
    fn line_breaks_and_tabs_become_one_space() {
        assert_eq!(line("a\r\n\tb\u{2028}c  d"), "a b c  d");
    }

    #[test]
    fn a_block_keeps_its_lines_and_expands_tabs() {
        assert_eq!(SafeText::block("a\tb\r\n漢\tc\rd").as_str(), "a       b\n漢      c\nd");
        assert_eq!(SafeText::block("in\u{ad}visible\u{200b}\u{202e}").as_str(), "invisible");
    }

    #[test]
    fn directions_and_invisible_characters_are_marked_in_lines() {
        assert_eq!(line("invoice\u{202e}fdp.exe"), "invoice·fdp.exe");
        assert_eq!(line("a\u{200b}\u{feff}\u{2060}b"), "a·b");
        assert_eq!(line("x\u{e0041}\u{e0042}\u{61c}\u{ad}"), "x·");
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for text in ["👩‍👩‍👧‍👦 👩🏽‍💻 ❤️‍🔥 🏳️‍🌈 1️⃣ ☎︎", "می‌خواهم", "क्‍ष", "ශ්‍රී", "Việt Nam", "עִבְרִית"]
        {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("pay\u{200d}pal"), "pay·pal");
        assert_eq!(line("a\u{fe0f}"), "a·");
    }

    #[test]
    fn towers_of_marks_are_cut() {
        let tower = format!("Z{}", "\u{301}".repeat(50));
        assert_eq!(line(&tower).chars().count(), 1 + MOST_MARKS);
    }

    #[test]
    fn file_names_lose_paths_and_tricks() {
        let clean = |text| SafeText::file_name(text).to_string();
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean("C:\\Windows\\system32\\evil.exe"), "evil.exe");
        assert_eq!(clean(".bashrc"), "bashrc");
        assert_eq!(clean("--help"), "help");
        assert_eq!(clean("~/x"), "x");
        assert_eq!(clean("/"), "attachment");
        assert_eq!(clean(".. "), "attachment");
        assert_eq!(clean("a\0b.txt"), "a␀b.txt");
        assert_eq!(clean("nul.txt"), "_nul.txt");
        assert_eq!(clean("COM1"), "_COM1");
        assert_eq!(clean("dir/"), "dir");
        assert_eq!(SafeText::file_name(&format!("{}.tar.gz", "a".repeat(400))).as_str(), "a".repeat(147) + ".gz");
        assert_eq!(clean("Rechnung März.pdf"), "Rechnung März.pdf");
        assert_eq!(clean("photo\u{202e}gpj.exe"), "photo·gpj.exe");
        let long = clean(&format!("{}.pdf", "é".repeat(5_000)));
        assert!(long.len() <= MOST_BYTES_OF_NAME && long.ends_with("é.pdf"), "{long}");
    }

    #[test]
    fn hosts_that_mix_scripts_are_spelled_out() {
        let host = |text| SafeText::host(text).to_string();
        assert_eq!(host("Mail.Example.ORG"), "mail.example.org");
        assert_eq!(host("müller.de"), "müller.de");
        assert_eq!(host("пример.рф"), "пример.рф");
        assert_eq!(host("例え.jp"), "例え.jp");
        assert_eq!(host("аррӏе.com"), "xn--80ak6aa92e.com");
        assert_eq!(host("раypal.com"), "xn--ypal-43d9g.com");
        assert_eq!(host("xn--80ak6aa92e.com"), "xn--80ak6aa92e.com");
        assert_eq!(host("bank.com\u{202e}"), "bank.com·");
    }

    #[test]
    fn server_words_are_short() {
        assert_eq!(SafeText::server_words(&"x".repeat(1_000)).as_str().chars().count(), 300);
        assert_eq!(SafeText::server_words(" NO \x1b[2Jfull\r\n").as_str(), "NO ␛[2Jfull");
    }

    fn is_clean(text: &str) -> bool {
        text.chars().all(|c| !matches!(class_of(c), Class::Control(_) | Class::Tab | Class::Invisible))
    }

    /// Strings in which the hostile characters are common, as they are not among all of Unicode's.
    fn hostile() -> impl Strategy<Value = String> {
        let tricky: Vec<char> = "a1é漢👩🏽❤क्‍\u{200d}\u{200c}\u{fe0f}\u{fe0e}\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}\u{301}\u{e0041}\u{e0100}\x1b\x07\u{9b}\0\t\r\n\u{2028}./\\-~: ·◌م"
            .chars()
            .collect();
        prop::collection::vec(prop_oneof![prop::sample::select(tricky), any::<char>()], 0..40)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn lines_are_clean_and_stay_as_they_are(text in hostile()) {
            let once = SafeText::line(&text);
            prop_assert!(is_clean(once.as_str()) && !once.as_str().contains('\n'), "{:?}", once);
            prop_assert_eq!(SafeText::line(once.as_str()), once);
        }

        #[test]
        fn blocks_are_clean_and_stay_as_they_are(text in hostile()) {
            let once = SafeText::block(&text);
            prop_assert!(is_clean(once.as_str()), "{:?}", once);
            prop_assert_eq!(SafeText::block(once.as_str()), once);
        }

        #[test]
        fn file_names_are_fit_and_stay_as_they_are(text in hostile()) {
            let once = SafeText::file_name(&text);
            let name = once.as_str();
            prop_assert!(is_clean(name) && !name.is_empty() && !name.contains(['/', '\\', '\n']), "{:?}", name);
            prop_assert!(!name.starts_with(['.', '-', '~', ' ']) && name.len() <= MOST_BYTES_OF_NAME, "{:?}", name);
            prop_assert!(name.chars().count() <= MOST_OF_NAME, "{:?}", name);
            prop_assert_eq!(SafeText::file_name(name), once);
        }

        #[test]
        fn hosts_are_clean_and_stay_as_they_are(text in hostile()) {
            let once = SafeText::host(&text);
            prop_assert!(is_clean(once.as_str()) && !once.as_str().contains('\n'), "{:?}", once);
            prop_assert_eq!(SafeText::host(once.as_str()), once);
        }
    }
}
