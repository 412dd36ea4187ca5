//! Owns how text meets the full-text index: the same spelling when it is written and when it is asked for.

/// Characters of scripts that put no space between words: each is indexed as a word of its own, and a run of them is
/// looked for as a phrase, so that any part of a run is found.
fn stands_alone(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x11ff // hangul jamo
        | 0x2e80..=0x2fdf // radicals
        | 0x3005..=0x3007
        | 0x3040..=0x30ff // kana
        | 0x3130..=0x318f
        | 0x31f0..=0x31ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff // han
        | 0xa960..=0xa97f
        | 0xac00..=0xd7ff // hangul
        | 0xf900..=0xfaff
        | 0xff66..=0xff9d // half-width kana
        | 0x1b000..=0x1b16f
        | 0x20000..=0x3ffff)
}

/// Puts a space around every character that is indexed by itself.
pub(super) fn spaced(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.chars().any(stands_alone) {
        return text.into();
    }
    let mut spaced = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if stands_alone(c) {
            spaced.push(' ');
            spaced.push(c);
            spaced.push(' ');
        } else {
            spaced.push(c);
        }
    }
    spaced.into()
}

/// Makes one term of an FTS5 query: quoted, so that nothing in it is syntax, and open at its end. `None` when nothing
/// in the word can be found.
pub(super) fn prefix_term(word: &str) -> Option<String> {
    let phrase = phrase_term(word)?;
    // A run of Han, kana or hangul is a phrase of whole words; only what ends in a letter may go on.
    let is_open = word.trim_end().chars().next_back().is_some_and(|c| c.is_alphanumeric() && !stands_alone(c));
    Some(if is_open { format!("{phrase}*") } else { phrase })
}

/// Makes a phrase of an FTS5 query: the words in this order.
pub(super) fn phrase_term(words: &str) -> Option<String> {
    if !words.chars().any(char::is_alphanumeric) {
        return None;
    }
    Some(format!("\"{}\"", spaced(words).replace(['"', '\0'], " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_without_spaces_become_phrases_of_characters() {
        assert_eq!(spaced("天气ok"), " 天  气 ok");
        assert_eq!(prefix_term("メール").as_deref(), Some("\" メ  ー  ル \""));
        assert_eq!(spaced("surat"), "surat");
    }

    #[test]
    fn nothing_a_user_types_is_syntax() {
        assert_eq!(prefix_term("foo-bar").as_deref(), Some("\"foo-bar\"*"));
        assert_eq!(prefix_term("a\" OR b").as_deref(), Some("\"a  OR b\"*"));
        assert_eq!(prefix_term("NEAR(").as_deref(), Some("\"NEAR(\""));
        assert_eq!(prefix_term("--"), None);
    }
}
