//! Owns the classes of characters that matter to a terminal: what controls it, what shows nothing, what joins.
//!
//! It decides nothing about what becomes of them.

/// What a character does on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It shows itself.
    Plain,
    /// It ends a line.
    Break,
    /// It jumps to a column.
    Tab,
    /// It controls the terminal, or is no character at all; this stands for it.
    Control(char),
    /// Zero-width joiner or non-joiner: needed between some letters and in emoji, a trick elsewhere.
    Joiner,
    /// A variation selector: needed after some characters.
    Variation,
    /// It shows nothing or changes the reading direction.
    Invisible,
}

/// Gives the class of a character.
pub(super) fn class_of(c: char) -> Class {
    match c {
        ' '..='~' => Class::Plain,
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Class::Break,
        '\t' => Class::Tab,
        '\0'..='\u{1f}' => Class::Control(char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)),
        '\u{7f}' => Class::Control('␡'),
        '\u{80}'..='\u{9f}' => Class::Control(char::REPLACEMENT_CHARACTER),
        '\u{fdd0}'..='\u{fdef}' => Class::Control(char::REPLACEMENT_CHARACTER),
        c if u32::from(c) & 0xfffe == 0xfffe => Class::Control(char::REPLACEMENT_CHARACTER),
        '\u{200c}' | '\u{200d}' => Class::Joiner,
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180d}' | '\u{180f}' => Class::Variation,
        c if is_invisible(c) => Class::Invisible,
        _ => Class::Plain,
    }
}

/// The default-ignorable code points of Unicode and the bidirectional controls.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Says whether a joiner between these two builds one emoji.
pub(super) fn joins_emoji(before: char, after: char) -> bool {
    (is_pictograph(before) || before == '\u{fe0f}') && is_pictograph(after)
}

/// Says whether a joiner between these two letters changes how a script is written.
pub(super) fn joins_letters(before: char, after: char) -> bool {
    // A combining mark right after a joiner could be cut off, and the joiner would be left alone.
    is_of_joining_script(before)
        && is_of_joining_script(after)
        && unicode_width::UnicodeWidthChar::width(after).unwrap_or(0) > 0
}

/// Says whether a variation selector after this character means something.
pub(super) fn takes_variation(before: char, selector: char) -> bool {
    match selector {
        '\u{e0100}'..='\u{e01ef}' => is_han(before),
        '\u{180b}'..='\u{180f}' => ('\u{1800}'..='\u{18af}').contains(&before),
        _ => {
            is_pictograph(before)
                || is_han(before)
                || before.is_ascii_digit()
                || matches!(before, '#' | '*' | '©' | '®')
        }
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2122}'..='\u{2139}' | '\u{2190}'..='\u{27bf}' | '\u{2900}'..='\u{2bff}' | '‼' | '⁉' | '〰' | '〽'
        | '㊗' | '㊙' | '\u{1f000}'..='\u{1faff}')
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Arabic and its relatives, the scripts of India and their neighbours, Mongolian.
fn is_of_joining_script(c: char) -> bool {
    c.is_alphanumeric()
        && matches!(c, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
            | '\u{fb50}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
        || matches!(
            c,
            '\u{94d}'
                | '\u{9cd}'
                | '\u{a4d}'
                | '\u{acd}'
                | '\u{b4d}'
                | '\u{bcd}'
                | '\u{c4d}'
                | '\u{ccd}'
                | '\u{d4d}'
                | '\u{dca}'
        ) // the viramas, after which a joiner makes half letters
}
