//! What the interface may write to a terminal, and nothing else: harmless text, and the sequences by which crossterm
//! draws. It is written down apart from the code that draws.

use super::crossing::harm;

/// Modes that are set once when the terminal is taken, and reset when it is given back.
const ONCE: [&str; 8] = ["1049", "2004", "1004", "1000", "1002", "1003", "1015", "1006"];

/// Gives the first thing in a session of the interface that it would never write by itself, with what is around it.
pub fn alien(session: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(session) {
        Ok(text) => text,
        Err(error) => return Some(format!("no UTF-8: {:?}", around(session, error.valid_up_to()))),
    };
    let mut taken = std::collections::BTreeMap::new();
    let mut drawn = String::new(); // harmless as a whole: a cell's text may be shaped by the one before
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(at);
        drawn.push_str(before);
        let here = session.len() - sequence.len();
        let Some(length) = sequence_length(&sequence[1..], &mut taken) else {
            return Some(format!("a foreign sequence: {:?}", around(session, here)));
        };
        rest = &sequence[1 + length..];
        // What follows another cell of the screen has nothing to do with what came before.
        drawn.push('\n');
    }
    // Behind the interface the program says goodbye, line by line.
    drawn.push_str(&rest.replace('\r', ""));
    if let Some(c) = harm(&drawn) {
        let line = drawn.lines().find(|line| harm(line).is_some()).unwrap_or_default();
        return Some(format!("{c:?} in {line:?}"));
    }
    taken.into_iter().find(|(_, count)| *count > 1).map(|(mode, count)| format!("mode {mode} came {count} times"))
}

/// Reads what follows an escape character; gives its length if it is one of ours.
fn sequence_length(after: &str, taken: &mut std::collections::BTreeMap<String, u32>) -> Option<usize> {
    if let Some(title) = after.strip_prefix("]0;") {
        let (title, _) = title.split_once('\u{7}')?;
        let is_ours = title == "surat" || title.starts_with("surat · ");
        return (is_ours && harm(title).is_none()).then_some(3 + title.len() + 1);
    }
    let parameters = after.strip_prefix('[')?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != '?')?;
    let (parameters, kind) = (&parameters[..end], &parameters[end..][..1]);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_ours = match kind {
        "H" => parameters.split_once(';').is_some_and(|(row, column)| is_number(row) && is_number(column)),
        "J" => parameters == "2",
        "m" => is_style(parameters),
        "h" | "l" => match parameters.strip_prefix('?') {
            Some("25" | "2026") => true,
            Some(mode) if ONCE.contains(&mode) => {
                *taken.entry(format!("{mode}{kind}")).or_default() += 1;
                true
            }
            _ => false,
        },
        _ => false,
    };
    is_ours.then_some(1 + end + 1)
}

/// Says whether crossterm writes styles so: colours by number or as red, green and blue, never as `31`.
fn is_style(parameters: &str) -> bool {
    let words: Vec<&str> = parameters.split(';').collect();
    let mut rest = words.as_slice();
    while let [first, after @ ..] = rest {
        rest = match (*first, after) {
            ("38" | "48" | "58", ["5", _, after @ ..]) => after,
            ("38" | "48" | "58", ["2", _, _, _, after @ ..]) => after,
            ("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9", _) => after,
            ("21" | "22" | "23" | "24" | "25" | "27" | "28" | "29" | "39" | "49" | "59", _) => after,
            _ => return false,
        };
    }
    true
}

fn around(session: &[u8], at: usize) -> String {
    let bytes = &session[at.saturating_sub(60)..session.len().min(at + 60)];
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_grammar_takes_what_is_drawn_and_nothing_more() {
    let session = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J\u{1b}[1;1H\u{1b}[38;5;4;49m\u{1b}[1mA\u{1b}[0m\u{1b}]0;surat · Inbox\u{7}\u{1b}[?1049l";
    assert_eq!(alien(session.as_bytes()), None);
    for hostile in super::crossing::PAYLOADS {
        let is_obeyed = hostile.contains(|c: char| c.is_control() && !matches!(c, '\r' | '\n'));
        let session = format!("\u{1b}[?1049h\u{1b}[?1000h\u{1b}[1;1H{hostile}\u{1b}[0m\u{1b}[?1049l");
        assert!(alien(session.as_bytes()).is_some() || !is_obeyed, "{hostile:?}");
    }
}
