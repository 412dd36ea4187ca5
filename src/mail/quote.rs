//! Owns what is made of quoted lines: long runs become folds, labelled with whom they quote.
//!
//! Which lines are quoted is told by the renderers of plain text and HTML.

use crate::mail::address::Address;
use crate::mail::document::Fold;
use crate::mail::flow::FlowLine;
use crate::mail::safe::SafeText;

/// Quotes of up to so many lines are read faster than they are unfolded.
const MOST_OPEN_LINES: usize = 6;
/// Lines above a quote that may say whom it quotes.
const ATTRIBUTION_LINES: usize = 3;

/// What stands after a name in an attribution, in the languages that mail programs speak.
const VERBS_AFTER: &[&str] = &[
    "wrote",
    "writes",
    "said",
    "a écrit",
    "menulis",
    "escribió",
    "escreveu",
    "ha scritto",
    "schreef",
    "skrev",
    "napisał",
    "napisał(a)",
    "napisała",
    "napsal",
    "napsal(a)",
    "написал",
    "написал(а)",
    "пишет",
    "yazdı",
    "kirjoitti",
    "đã viết",
    "が書きました",
    "さんは書きました",
    "写道",
    "寫道",
    "님이 작성",
    "כתב",
];
/// What stands before it in others.
const VERBS_BEFORE: &[&str] = &["schrieb ", "skrev "];

/// Finds the runs of quoted lines that are folded: the fold of each line, and the folds.
pub fn fold(lines: &[FlowLine], own_addresses: &[String]) -> (Vec<Option<usize>>, Vec<Fold>) {
    let mut of_lines = vec![None; lines.len()];
    let mut folds = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let length = lines.iter().skip(at).take_while(|line| line.quote > 0).count();
        if length > MOST_OPEN_LINES {
            let who =
                attribution(lines.get(..at).unwrap_or_default()).and_then(|text| quoted_person(&text, own_addresses));
            let from = who.map(|who| format!(" from {who}")).unwrap_or_default();
            of_lines.iter_mut().skip(at).take(length).for_each(|fold| *fold = Some(folds.len()));
            folds.push(Fold { label: SafeText::line(&format!("{length} quoted lines{from}")), lines: length });
        }
        at += length.max(1);
    }
    (of_lines, folds)
}

/// Gives the line above a quote that ends with a colon, put together where it was wrapped.
fn attribution(above: &[FlowLine]) -> Option<String> {
    let spell = |line: &FlowLine| line.runs.iter().map(|run| run.text.as_str()).collect::<String>().trim().to_owned();
    let mut lines = above.iter().rev().take_while(|line| line.quote == 0).map(spell).skip_while(String::is_empty);
    let mut text = lines.next().filter(|line| line.ends_with([':', '：']))?;
    for before in lines.take(ATTRIBUTION_LINES - 1).take_while(|line| !line.is_empty()) {
        if before.ends_with([':', '.', '!', '?']) {
            break;
        }
        text = format!("{before} {text}");
    }
    Some(text)
}

/// Reads whom an attribution names: `On Mon 23 Nov 2026 at 01:12, Ana Pertiwi <ana@toko.test> wrote:`.
fn quoted_person(text: &str, own_addresses: &[String]) -> Option<String> {
    let text = text.trim_end_matches([':', '：', ' ']);
    let before_verb = VERBS_AFTER.iter().find_map(|verb| text.strip_suffix(verb));
    let after_verb = || VERBS_BEFORE.iter().find_map(|verb| text.split_once(verb)).map(|(_, after)| after);
    let said = before_verb.or_else(after_verb)?.trim();
    let address = said.split(['<', '>', '(', ')', ' ', '"']).find(|word| word.contains('@')).unwrap_or_default();
    let address = address.trim_start_matches("mailto:");
    let person = Address::new(None, address);
    if own_addresses.iter().any(|own| person.is_same_as(own)) {
        return Some(String::from("you"));
    }
    let head = said.find(['<', '(']).map_or(said, |at| said.get(..at).unwrap_or(said));
    let head = head.replace(address, "");
    // What follows the last time of day or the last comma is the name.
    let words: Vec<&str> = head.split_whitespace().collect();
    let is_end_of_date = |word: &&str| {
        word.ends_with(',')
            || word.bytes().any(|byte| byte.is_ascii_digit())
            || matches!(*word, "AM" | "PM" | "Uhr" | "um" | "at")
    };
    let begin = words.iter().rposition(is_end_of_date).map_or(0, |last| last + 1);
    let name = words.get(begin..).unwrap_or_default().join(" ");
    let name = name.trim_matches(['"', '\'', '“', '”', '*', ',', ' ']);
    let is_name = name.chars().any(char::is_alphabetic) && name.chars().count() <= 60;
    if is_name {
        return Some(name.to_owned());
    }
    (!address.is_empty()).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use crate::mail::document::Style;
    use crate::mail::wrap::Run;

    fn line(text: &str, quote: u8) -> FlowLine {
        FlowLine { runs: vec![Run::new(text, Style::Plain)], quote }
    }

    #[test]
    fn attributions_name_whom_they_quote() {
        for (text, expected) in [
            ("On Mon 23 Nov 2026 at 01:12, Ana Pertiwi <ana@toko.test> wrote:", Some("Ana Pertiwi")),
            ("On Mon, Nov 23, 2026 at 1:12 AM Ana Pertiwi <ana@toko.test> wrote:", Some("Ana Pertiwi")),
            ("Am Mo., 23. Nov. 2026 um 01:12 Uhr schrieb Ana Pertiwi <ana@toko.test>:", Some("Ana Pertiwi")),
            ("Le lun. 23 nov. 2026 à 01:12, Ana Pertiwi <ana@toko.test> a écrit :", Some("Ana Pertiwi")),
            ("Pada tanggal Sen, 23 Nov 2026 01.12, Ana Pertiwi <ana@toko.test> menulis:", Some("Ana Pertiwi")),
            ("\"Ana Pertiwi\" <ana@toko.test> writes:", Some("Ana Pertiwi")),
            ("Ana wrote:", Some("Ana")),
            ("2026-11-23 01:12 ana@toko.test wrote:", Some("ana@toko.test")),
            ("On Mon, Budi <BUDI@toko.test> wrote:", Some("you")),
            ("There are three reasons:", None),
        ] {
            let who = quoted_person(text, &[String::from("budi@toko.test")]);
            assert_eq!(who.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn long_quotes_fold_and_short_ones_do_not() {
        let mut lines = vec![line("Yes.", 0), line("> why", 1), line("On Monday at 10:00 Ana Pertiwi", 0)];
        lines.extend([line("<ana@toko.test> wrote:", 0), line("", 0)]);
        lines.extend((0..8).map(|_| line("> because", 1)));
        lines.push(line("Bye", 0));
        let (of_lines, folds) = fold(&lines, &[]);
        assert_eq!(folds, [Fold { label: SafeText::line("8 quoted lines from Ana Pertiwi"), lines: 8 }]);
        assert_eq!(of_lines.iter().filter(|fold| **fold == Some(0)).count(), 8);
        assert_eq!((of_lines[1], of_lines[5], of_lines[13]), (None, Some(0), None));
    }
}
