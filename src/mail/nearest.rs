//! Owns "did you mean": the word that a typing mistake most likely stands for.
//!
//! It knows no words itself.

/// Words longer than this are not compared: nobody mistypes them by a letter.
const LONGEST: usize = 60;

/// Gives the candidate nearest to `word`, if one is near enough to be worth naming.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    let reach = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (steps(&word, candidate, reach), candidate))
        .filter(|(steps, _)| *steps <= reach)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Counts insertions, deletions, replacements and swaps of neighbours; a common beginning counts as one step, since
/// `them` rather means `theme` than `then`, and `col` rather `color` than `cc`.
fn steps(word: &[char], candidate: &str, reach: usize) -> usize {
    let other: Vec<char> = candidate.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
    if word.len() >= 3 && (other.starts_with(word) || other.len() >= 3 && word.starts_with(&other)) {
        return usize::from(word != other);
    }
    if word.len().abs_diff(other.len()) > reach {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in word.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&above, column) + usize::from(a != b);
            let mut best = replaced.min(at(&above, column + 1) + 1).min(at(&line, column) + 1);
            let is_swap = row > 0 && column > 0 && word.get(row - 1) == Some(b) && other.get(column - 1) == Some(a);
            if is_swap {
                best = best.min(at(&before, column - 1) + 1);
            }
            line.push(best);
        }
        before = above;
        above = line;
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let words = ["theme", "offline", "email", "name", "aliases", "imap", "pop3"];
        let cases = [
            ("them", Some("theme")),
            ("tehme", Some("theme")),
            ("Offlin", Some("offline")),
            ("e-mail", Some("email")),
            ("mail", Some("email")),
            ("imaps", Some("imap")),
            ("colour", None),
            ("", None),
            ("x", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
    }
}
