//! Owns reading a query as a person types it: half a query matches by its complete half, and nothing is an error. What
//! keeps a whole query from being acted on is told apart.
//!
//! It does not search, and it does not know which folders and accounts there are.

use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned, civil};

use super::{Field, Query};
use crate::mail::keyword::{ANSWERED, DRAFT, FLAGGED, FORWARDED, SEEN};
use crate::mail::nearest::nearest;
use crate::mail::time::UnixTime;

/// What is in parentheses nested deeper than this is left out.
const DEEPEST: usize = 50;
/// More terms than this are left out.
const MOST_TERMS: usize = 200;
/// Text after so many characters is left out.
const LONGEST: usize = 4_000;
/// More notes than this help nobody.
const MOST_NOTES: usize = 5;
/// Typed text is quoted in a note up to so many characters.
const LONGEST_QUOTED: usize = 40;

/// A query as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The query.
    pub query: Query,
    /// What was not understood and what became of it: `"frm:" is not an operator; did you mean from: ?`. It holds
    /// what was typed, so it is shown as any text from outside.
    pub notes: Vec<String>,
    /// Why nothing should be done with what is found, were this the whole query: what in it means nothing, or would
    /// widen it by being left out. It holds what was typed, too.
    pub mistakes: Vec<String>,
}

/// Reads a query. Dates are meant in `zone` and counted from `now`.
pub fn parse(text: &str, now: UnixTime, zone: &TimeZone) -> Parsed {
    let end = text.char_indices().nth(LONGEST).map(|(at, _)| at);
    let mut reader = Reader {
        rest: end.and_then(|end| text.get(..end)).unwrap_or(text),
        now: now.timestamp().to_zoned(zone.clone()),
        groups: Vec::new(),
        group: Group::default(),
        skipped: 0,
        terms: 0,
        notes: Vec::new(),
        mistakes: Vec::new(),
    };
    if end.is_some() {
        reader.cut_off(format!("only the first {LONGEST} characters are searched for"));
    }
    reader.read();
    let (query, notes, mut mistakes) = (reader.group.query(), reader.notes, reader.mistakes);
    if mistakes.is_empty() && query == all(Vec::new()) {
        mistakes.push("there is nothing in it to look for".to_owned());
    }
    Parsed { query, notes, mistakes }
}

/// What stands before a colon.
#[derive(Debug, Clone, Copy)]
enum Operator {
    Within(Field),
    With,
    Is,
    Has,
    In,
    Account,
    Before,
    After,
    On,
    OlderThan,
    NewerThan,
    Larger,
    Smaller,
}

const OPERATORS: [(&str, Operator); 19] = [
    ("from", Operator::Within(Field::From)),
    ("to", Operator::Within(Field::To)),
    ("cc", Operator::Within(Field::To)),
    ("bcc", Operator::Within(Field::To)),
    ("with", Operator::With),
    ("subject", Operator::Within(Field::Subject)),
    ("body", Operator::Within(Field::Body)),
    ("text", Operator::Within(Field::Any)),
    ("has", Operator::Has),
    ("is", Operator::Is),
    ("in", Operator::In),
    ("account", Operator::Account),
    ("before", Operator::Before),
    ("after", Operator::After),
    ("on", Operator::On),
    ("older_than", Operator::OlderThan),
    ("newer_than", Operator::NewerThan),
    ("larger", Operator::Larger),
    ("smaller", Operator::Smaller),
];

/// What `is:` knows: the keyword, and whether it has to be set.
const STATES: [(&str, &str, bool); 6] = [
    ("unread", SEEN, false),
    ("read", SEEN, true),
    ("starred", FLAGGED, true),
    ("replied", ANSWERED, true),
    ("forwarded", FORWARDED, true),
    ("draft", DRAFT, true),
];

/// One pair of parentheses, or all.
#[derive(Debug, Default)]
struct Group {
    is_negated: bool,
    alternatives: Vec<Query>,
    terms: Vec<Query>,
}

impl Group {
    fn or(&mut self) {
        let terms = std::mem::take(&mut self.terms);
        if !terms.is_empty() {
            self.alternatives.push(all(terms));
        }
    }

    fn query(mut self) -> Query {
        self.or();
        let alternatives = self.alternatives;
        if alternatives.len() > 1 { Query::Or(alternatives) } else { all(alternatives) }
    }
}

/// Goes through the text once. Groups lie on a stack of its own, so that no nesting is too deep.
struct Reader<'t> {
    rest: &'t str,
    now: Zoned,
    /// The groups around the present one.
    groups: Vec<Group>,
    group: Group,
    /// How many of the groups that are open are left out.
    skipped: usize,
    terms: usize,
    notes: Vec<String>,
    mistakes: Vec<String>,
}

/// A value as it was typed.
struct Value {
    text: String,
    is_phrase: bool,
}

impl Reader<'_> {
    fn read(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(first) = self.rest.chars().next() else { break };
            match first {
                '(' => self.open(false),
                ')' => self.close(),
                '|' => {
                    self.pass();
                    self.or();
                }
                '-' => {
                    self.pass();
                    match self.rest.chars().next() {
                        Some('(') => self.open(true),
                        Some(next) if !next.is_whitespace() => self.term(true),
                        _ => {}
                    }
                }
                _ => self.term(false),
            }
        }
        while !self.groups.is_empty() {
            self.skipped = 0;
            self.leave();
        }
    }

    fn pass(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let passed = chars.next();
        self.rest = chars.as_str();
        passed
    }

    fn open(&mut self, is_negated: bool) {
        self.pass();
        if self.skipped > 0 || self.groups.len() >= DEEPEST {
            self.skipped += 1;
            self.cut_off(format!("what is in more than {DEEPEST} pairs of parentheses is left out"));
        } else {
            let group = Group { is_negated, ..Group::default() };
            self.groups.push(std::mem::replace(&mut self.group, group));
        }
    }

    fn close(&mut self) {
        self.pass();
        if self.skipped > 0 {
            self.skipped -= 1;
        } else {
            self.leave();
        }
    }

    /// Ends the present group; a parenthesis that closes nothing is passed over.
    fn leave(&mut self) {
        let Some(around) = self.groups.pop() else { return };
        let group = std::mem::replace(&mut self.group, around);
        let is_negated = group.is_negated;
        let query = group.query();
        if query != all(Vec::new()) {
            self.group.terms.push(if is_negated { not(query) } else { query });
        }
    }

    fn or(&mut self) {
        if self.skipped == 0 {
            self.group.or();
        }
    }

    fn note(&mut self, note: String) {
        add(&mut self.notes, note);
    }

    /// Notes what a person who types should see, and what is wrong with it in a whole query.
    fn misread(&mut self, note: String, mistake: String) {
        add(&mut self.notes, note);
        add(&mut self.mistakes, mistake);
    }

    fn cut_off(&mut self, what: String) {
        self.misread(what.clone(), what);
    }

    fn term(&mut self, is_negated: bool) {
        let query = if self.rest.starts_with(is_quote) {
            let value = self.value();
            self.words(Field::Any, value)
        } else if let Some((name, behind)) = operator(self.rest) {
            self.rest = behind;
            let name = name.to_ascii_lowercase();
            match OPERATORS.iter().find(|(known, _)| *known == name) {
                Some((known, operator)) => self.operation(known, *operator),
                None => self.no_operator(&name),
            }
        } else {
            let value = self.value();
            match value.text.as_str() {
                "OR" if !is_negated => return self.or(),
                "AND" if !is_negated => return,
                "NOT" => self.misread(
                    "\"NOT\" is searched for as a word; -word leaves a word out".to_owned(),
                    "\"NOT\" is not an operator; -word leaves a word out".to_owned(),
                ),
                _ => {}
            }
            self.words(Field::Any, value)
        };
        let Some(query) = query.filter(|_| self.skipped == 0) else { return };
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return self.cut_off(format!("only the first {MOST_TERMS} words are searched for"));
        }
        self.group.terms.push(if is_negated { not(query) } else { query });
    }

    /// Takes a phrase, up to the end where its quote is still open, or a word.
    fn value(&mut self) -> Value {
        if self.rest.starts_with(is_quote) {
            self.pass();
            let text = self.rest.split(is_quote).next().unwrap_or_default().to_owned();
            self.rest = self.rest.get(text.len()..).unwrap_or_default();
            self.pass();
            return Value { text, is_phrase: true };
        }
        let is_in_group = !self.groups.is_empty();
        let mut inside = 0_usize;
        let end = self.rest.find(|c: char| {
            match c {
                '(' => inside += 1,
                ')' if inside > 0 => inside -= 1,
                ')' if is_in_group => return true,
                _ => {}
            }
            c.is_whitespace() || c == '|'
        });
        let (text, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len())).unwrap_or((self.rest, ""));
        self.rest = rest;
        Value { text: text.to_owned(), is_phrase: false }
    }

    fn words(&mut self, field: Field, value: Value) -> Option<Query> {
        let words = value.text.trim();
        if words.chars().any(char::is_alphanumeric) {
            return Some(Query::Text { field, words: words.to_owned(), is_phrase: value.is_phrase });
        }
        if words.chars().any(|c| c != '-') {
            let why = "only letters and digits are searched for";
            let word = quoted(words);
            self.misread(format!("{word} is left out: {why}"), format!("{word} cannot be looked for: {why}"));
        }
        None
    }

    /// Reads what looks like an operator and is none: it is text, and that is said unless it is an everyday thing.
    fn no_operator(&mut self, name: &str) -> Option<Query> {
        let is_address = self.rest.starts_with("//");
        let value = self.value();
        if let Some(meant) = nearest(name, OPERATORS.map(|(name, _)| name)).filter(|_| !is_address) {
            self.cut_off(format!("\"{name}:\" is not an operator; did you mean {meant}: ?"));
        } else if !is_address && !value.text.is_empty() {
            let what = format!("\"{name}:\" is not an operator");
            self.misread(format!("{what}; it is searched for as text"), format!("{what}; quoted it would be text"));
        }
        self.words(Field::Any, Value { text: format!("{name}:{}", value.text), ..value })
    }

    fn operation(&mut self, name: &str, operator: Operator) -> Option<Query> {
        let Value { text, is_phrase } = self.value();
        let text = text.trim().to_owned();
        if text.is_empty() {
            let what = format!("{name}: has nothing right behind it");
            if !is_phrase && self.rest.chars().any(|c| !c.is_whitespace() && c != ')') {
                self.note(format!("{what}, so it is left out"));
            }
            add(&mut self.mistakes, what);
            return None;
        }
        match operator {
            Operator::Within(field) => {
                if matches!(name, "cc" | "bcc") {
                    self.note(format!("{name}: looks at To, Cc and Bcc together, as to: does"));
                }
                self.words(field, Value { text, is_phrase })
            }
            Operator::With => {
                let from = self.words(Field::From, Value { text: text.clone(), is_phrase })?;
                let to = self.words(Field::To, Value { text, is_phrase })?;
                Some(Query::Or(vec![from, to]))
            }
            Operator::Is => {
                let word = text.to_lowercase();
                let word = match word.as_str() {
                    "seen" => "read",
                    "unseen" => "unread",
                    "flagged" => "starred",
                    "answered" => "replied",
                    word => word,
                };
                let Some((_, keyword, is_set)) = STATES.iter().find(|(state, ..)| *state == word) else {
                    return self.unknown(name, &text, &STATES.map(|(state, ..)| state));
                };
                let query = Query::Keyword((*keyword).to_owned());
                Some(if *is_set { query } else { not(query) })
            }
            Operator::Has => match text.to_lowercase().as_str() {
                "attachment" | "attachments" => Some(Query::HasAttachment),
                _ => self.unknown(name, &text, &["attachment"]),
            },
            Operator::In => Some(Query::In(text)),
            Operator::Account => Some(Query::Account(text)),
            Operator::Before => self.days(name, &text).map(|(start, _)| Query::Before(start)),
            Operator::After => self.days(name, &text).map(|(start, _)| Query::After(start)),
            Operator::On => {
                let (start, end) = self.days(name, &text)?;
                Some(Query::And(vec![Query::After(start), Query::Before(end)]))
            }
            Operator::OlderThan => self.ago(name, &text).map(Query::Before),
            Operator::NewerThan => self.ago(name, &text).map(Query::After),
            Operator::Larger => self.size(name, &text).map(Query::Larger),
            Operator::Smaller => self.size(name, &text).map(Query::Smaller),
        }
    }

    fn unknown(&mut self, name: &str, value: &str, known: &[&str]) -> Option<Query> {
        let hint = match nearest(value, known.iter().copied()) {
            Some(meant) => format!("did you mean {name}:{meant} ?"),
            None => format!("{name}: knows {}", known.join(", ")),
        };
        self.meaningless(name, value, &hint);
        None
    }

    fn meaningless(&mut self, name: &str, value: &str, hint: &str) {
        let what = format!("{name}:{}", quoted(value));
        self.misread(format!("{what} is left out; {hint}"), format!("{what} means nothing; {hint}"));
    }

    /// Reads a day, a month or a year, and gives its first moment and the first one after it.
    fn days(&mut self, name: &str, text: &str) -> Option<(UnixTime, UnixTime)> {
        let days = days(&self.now, text);
        if days.is_none() {
            self.meaningless(name, text, "a date is 2026-10-01, 2026-10, yesterday or 7d");
        }
        days
    }

    fn ago(&mut self, name: &str, text: &str) -> Option<UnixTime> {
        let then = span(text).and_then(|span| self.now.checked_sub(span).ok());
        if then.is_none() {
            self.meaningless(name, text, "a time span is 7d, 2w, 3m or 1y");
        }
        then.map(|then| UnixTime(then.timestamp().as_second()))
    }

    fn size(&mut self, name: &str, text: &str) -> Option<u64> {
        let size = size(text);
        if size.is_none() {
            self.meaningless(name, text, "a size is 10k, 5M or 1.5G");
        }
        size
    }
}

fn add(notes: &mut Vec<String>, note: String) {
    if notes.len() < MOST_NOTES && !notes.contains(&note) {
        notes.push(note);
    }
}

fn all(mut terms: Vec<Query>) -> Query {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            Query::And(terms)
        }
    }
}

fn not(query: Query) -> Query {
    match query {
        Query::Not(inner) => *inner,
        query => Query::Not(Box::new(query)),
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}'..='\u{201f}')
}

/// Finds the name before a colon, and what is behind the colon.
fn operator(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic() && c != '_').filter(|end| *end > 0)?;
    let (name, rest) = text.split_at_checked(end)?;
    Some((name, rest.strip_prefix(':')?))
}

/// Quotes what was typed, shortened.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}

fn days(now: &Zoned, text: &str) -> Option<(UnixTime, UnixTime)> {
    let today = now.date();
    let text = text.to_lowercase();
    let (first, length) = match text.as_str() {
        "today" => (today, 1.day()),
        "yesterday" => (today.checked_sub(1.day()).ok()?, 1.day()),
        text => match span(text) {
            Some(span) => (today.checked_sub(span).ok()?, 1.day()),
            None => calendar(text)?,
        },
    };
    let start = |date: civil::Date| {
        let midnight = date.to_zoned(now.time_zone().clone()).ok()?;
        Some(UnixTime(midnight.timestamp().as_second()))
    };
    Some((start(first)?, start(first.checked_add(length).ok()?)?))
}

/// Reads `2026`, `2026-10`, `2026-10-01`, also with slashes.
fn calendar(text: &str) -> Option<(civil::Date, Span)> {
    let mut parts = text.split(['-', '/']);
    let year = parts.next().filter(|year| year.len() == 4).and_then(digits)?;
    let mut next = || match parts.next() {
        None => Some(None),
        Some(part) if part.len() <= 2 => digits(part).map(Some),
        Some(_) => None,
    };
    let (month, day, more) = (next()?, next()?, next()?);
    if more.is_some() {
        return None;
    }
    let length = match (month, day) {
        (None, _) => 1.year(),
        (_, None) => 1.month(),
        _ => 1.day(),
    };
    let part = |part: Option<i64>| i8::try_from(part.unwrap_or(1)).ok();
    let date = civil::Date::new(i16::try_from(year).ok()?, part(month)?, part(day)?).ok()?;
    Some((date, length))
}

/// Reads `7d`, `2w`, `3m`, `1y`.
fn span(text: &str) -> Option<Span> {
    let unit = text.chars().next_back()?;
    let count = digits(text.strip_suffix(unit)?)?;
    let span = Span::new();
    match unit.to_ascii_lowercase() {
        'd' => span.try_days(count).ok(),
        'w' => span.try_weeks(count).ok(),
        'm' => span.try_months(count).ok(),
        'y' => span.try_years(count).ok(),
        _ => None,
    }
}

/// Reads `300`, `10k`, `1.5MB`, in the thousands in which sizes are shown.
fn size(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.get(number.len()..)? {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let (whole, fraction) = (u64::try_from(digits(whole)?).ok()?, u64::try_from(digits(fraction)?).ok()?);
    whole.checked_mul(unit)?.checked_add(fraction.checked_mul(unit)? / scale)
}

/// Reads a number of ASCII digits alone.
fn digits(text: &str) -> Option<i64> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::mail::query::highlight_words;

    /// Mon 2026-11-23T01:40:00Z: still Sunday in New York.
    const NOW: UnixTime = UnixTime(1_795_398_000);

    fn read(text: &str) -> Parsed {
        parse(text, NOW, &TimeZone::UTC)
    }

    /// Writes a tree briefly, as `(a from:b !c | d)`.
    fn brief(query: &Query) -> String {
        let join = |parts: &[Query], with: &str| parts.iter().map(brief).collect::<Vec<_>>().join(with);
        match query {
            Query::And(parts) => format!("({})", join(parts, " ")),
            Query::Or(parts) => format!("({})", join(parts, " | ")),
            Query::Not(inner) => format!("!{}", brief(inner)),
            Query::Text { field, words, is_phrase } => {
                let field = if *field == Field::Any { String::new() } else { format!("{field:?}:").to_lowercase() };
                if *is_phrase { format!("{field}'{words}'") } else { format!("{field}{words}") }
            }
            Query::Keyword(keyword) => keyword.clone(),
            Query::HasAttachment => "attachment".to_owned(),
            Query::In(name) => format!("in:{name}"),
            Query::Account(name) => format!("account:{name}"),
            Query::Before(time) => format!("<{}", time.to_rfc3339()),
            Query::After(time) => format!(">={}", time.to_rfc3339()),
            Query::Larger(size) => format!("larger:{size}"),
            Query::Smaller(size) => format!("smaller:{size}"),
        }
    }

    fn silent(text: &str) -> String {
        let parsed = read(text);
        assert_eq!(parsed.notes, Vec::<String>::new(), "{text}");
        brief(&parsed.query)
    }

    #[test]
    fn every_operator_has_its_meaning() {
        for (text, expected) in [
            ("", "()"),
            ("budi", "budi"),
            ("budi offsite", "(budi offsite)"),
            ("\"second pallet\"", "'second pallet'"),
            ("“second pallet” a", "('second pallet' a)"),
            ("from:budi TO:ana subject:x body:y text:z", "(from:budi to:ana subject:x body:y z)"),
            ("from:\"Budi Santoso\"", "from:'Budi Santoso'"),
            ("with:ana", "(from:ana | to:ana)"),
            ("has:attachment", "attachment"),
            ("is:unread", "!$seen"),
            ("-is:unread", "$seen"),
            ("is:read is:starred is:replied is:forwarded is:draft", "($seen $flagged $answered $forwarded $draft)"),
            ("in:archive account:work", "(in:archive account:work)"),
            ("larger:5M smaller:10k", "(larger:5000000 smaller:10000)"),
            ("larger:1.5MB smaller:300", "(larger:1500000 smaller:300)"),
            ("-invoice", "!invoice"),
            ("-from:budi a", "(!from:budi a)"),
            ("-\"a b\"", "!'a b'"),
            ("a OR b", "(a | b)"),
            ("a|b c", "(a | (b c))"),
            ("a or b", "(a or b)"),
            ("a AND b", "(a b)"),
            ("(a OR b) c", "((a | b) c)"),
            ("-(a b)", "!(a b)"),
            ("-(-a)", "a"),
            ("foo-bar 12:30 NEAR(x) a@b.c", "(foo-bar 12:30 NEAR(x) a@b.c)"),
            ("(fn(x) y)", "(fn(x) y)"),
            ("https://example.org/a|b", "(https://example.org/a | b)"),
            ("Re:", "re:"),
        ] {
            assert_eq!(silent(text), expected, "{text}");
        }
    }

    #[test]
    fn half_a_query_matches_by_its_complete_half() {
        for (text, expected) in [
            ("a from:", "a"),
            ("from:", "()"),
            ("a \"", "a"),
            ("a \"b c", "(a 'b c')"),
            ("from:\"budi s", "from:'budi s'"),
            ("a (", "a"),
            ("a (b", "(a b)"),
            ("a (b OR", "(a b)"),
            ("(a from:)", "a"),
            ("a OR", "a"),
            ("a |", "a"),
            ("OR a", "a"),
            ("a OR OR b", "(a | b)"),
            ("a -", "a"),
            ("- a", "a"),
            ("a --", "a"),
            ("a -from:", "a"),
            ("()", "()"),
            ("-() a", "a"),
            (") a )", "a"),
        ] {
            assert_eq!(silent(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, expected, note) in [
            ("frm:budi", "frm:budi", "\"frm:\" is not an operator; did you mean from: ?"),
            ("frm:", "frm:", "\"frm:\" is not an operator; did you mean from: ?"),
            ("sbject:\"a b\"", "'sbject:a b'", "\"sbject:\" is not an operator; did you mean subject: ?"),
            ("frobnicate:x", "frobnicate:x", "\"frobnicate:\" is not an operator; it is searched for as text"),
            ("a is:unraed", "a", "is:\"unraed\" is left out; did you mean is:unread ?"),
            ("has:wings", "()", "has:\"wings\" is left out; has: knows attachment"),
            ("before:2026-13", "()", "before:\"2026-13\" is left out; a date is 2026-10-01, 2026-10, yesterday or 7d"),
            ("older_than:x", "()", "older_than:\"x\" is left out; a time span is 7d, 2w, 3m or 1y"),
            ("larger:many", "()", "larger:\"many\" is left out; a size is 10k, 5M or 1.5G"),
            ("cc:ana", "to:ana", "cc: looks at To, Cc and Bcc together, as to: does"),
            ("from: budi", "budi", "from: has nothing right behind it, so it is left out"),
            ("a !!!", "a", "\"!!!\" is left out: only letters and digits are searched for"),
            ("NOT a", "(NOT a)", "\"NOT\" is searched for as a word; -word leaves a word out"),
        ] {
            let parsed = read(text);
            assert_eq!((brief(&parsed.query).as_str(), parsed.notes), (expected, vec![note.to_owned()]), "{text}");
        }
    }

    #[test]
    fn a_whole_query_is_acted_on_only_when_all_of_it_was_understood() {
        for (text, mistake) in [
            ("has:atachment", "has:\"atachment\" means nothing; did you mean has:attachment ?"),
            (
                "before:yesteryear",
                "before:\"yesteryear\" means nothing; a date is 2026-10-01, 2026-10, yesterday or 7d",
            ),
            ("-older_than:x a", "older_than:\"x\" means nothing; a time span is 7d, 2w, 3m or 1y"),
            ("a OR larger:many", "larger:\"many\" means nothing; a size is 10k, 5M or 1.5G"),
            ("frm:budi", "\"frm:\" is not an operator; did you mean from: ?"),
            ("frobnicate:x", "\"frobnicate:\" is not an operator; quoted it would be text"),
            ("from:", "from: has nothing right behind it"),
            ("from: budi", "from: has nothing right behind it"),
            ("from:\"\"", "from: has nothing right behind it"),
            ("a !!!", "\"!!!\" cannot be looked for: only letters and digits are searched for"),
            ("NOT a", "\"NOT\" is not an operator; -word leaves a word out"),
            ("", "there is nothing in it to look for"),
            ("()", "there is nothing in it to look for"),
            ("\"\"", "there is nothing in it to look for"),
        ] {
            assert_eq!(read(text).mistakes, [mistake], "{text}");
        }
        assert_eq!(read(&"a ".repeat(300)).mistakes, ["only the first 200 words are searched for"]);
        assert_eq!(read(&"a".repeat(5_000)).mistakes, ["only the first 4000 characters are searched for"]);
        assert_eq!(read(&format!("b {}a", "(".repeat(60))).mistakes.len(), 1);
        for text in [
            "budi",
            "\"has:atachment\"",
            "\"frm:budi\" a",
            "cc:ana",
            "in:anywhere account:any",
            "https://example.org 12:30 Re:",
            "a - b OR (c",
            "a \"b",
        ] {
            assert_eq!(read(text).mistakes, Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_the_users_zone() {
        let jakarta = TimeZone::fixed(jiff::tz::offset(7));
        let new_york = TimeZone::fixed(jiff::tz::offset(-5));
        for (text, zone, expected) in [
            ("after:2026-10-01", &TimeZone::UTC, ">=2026-10-01T00:00:00Z"),
            ("after:2026-10-01", &jakarta, ">=2026-09-30T17:00:00Z"),
            ("before:2026-10", &TimeZone::UTC, "<2026-10-01T00:00:00Z"),
            ("before:2026", &TimeZone::UTC, "<2026-01-01T00:00:00Z"),
            ("after:today", &jakarta, ">=2026-11-22T17:00:00Z"),
            ("after:today", &new_york, ">=2026-11-22T05:00:00Z"),
            ("on:yesterday", &TimeZone::UTC, "(>=2026-11-22T00:00:00Z <2026-11-23T00:00:00Z)"),
            ("on:2026-02", &TimeZone::UTC, "(>=2026-02-01T00:00:00Z <2026-03-01T00:00:00Z)"),
            ("on:2026/2/3", &TimeZone::UTC, "(>=2026-02-03T00:00:00Z <2026-02-04T00:00:00Z)"),
            ("after:7d", &TimeZone::UTC, ">=2026-11-16T00:00:00Z"),
            ("newer_than:2w", &TimeZone::UTC, ">=2026-11-09T01:40:00Z"),
            ("older_than:3m", &TimeZone::UTC, "<2026-08-23T01:40:00Z"),
            ("older_than:1Y", &TimeZone::UTC, "<2025-11-23T01:40:00Z"),
        ] {
            let parsed = parse(text, NOW, zone);
            assert_eq!(brief(&parsed.query), expected, "{text}");
        }
        for text in ["99999999999999999999d", "19999y", "9999-12-31", "2026-02-30", "0", "-5d", "d", "2026-1-1-1"] {
            parse(&format!("before:{text} on:{text} older_than:{text}"), NOW, &jakarta);
        }
    }

    #[test]
    fn hostile_queries_stay_small_and_quick() {
        let started = Instant::now();
        for text in [
            "(".repeat(1_000_000),
            format!("{}a{}", "(".repeat(1_000), ")".repeat(1_000)),
            "-(".repeat(1_000_000),
            "\"".repeat(1_000_000),
            "a ".repeat(1_000_000),
            "a|".repeat(1_000_000),
            "from:".repeat(1_000_000),
            "from: ".repeat(1_000_000),
            "x".repeat(10_000_000),
        ] {
            let parsed = read(&text);
            assert!(depth(&parsed.query) <= 2 * DEEPEST + 2);
            assert!(parsed.notes.len() <= MOST_NOTES);
        }
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
        let deep = format!("{}a{} b", "(".repeat(60), ")".repeat(60));
        assert_eq!(brief(&read(&deep).query), "b", "what is too deep is left out whole");
    }

    #[test]
    fn only_wanted_words_light_up() {
        let words = |text| highlight_words(&read(text).query);
        assert_eq!(words("budi from:ana -secret (\"a b\" OR Budi) is:read"), ["budi", "ana", "a b", "Budi"]);
        assert_eq!(words("-(a b) c"), ["c"]);
        assert_eq!(words("c c"), ["c"]);
    }

    fn depth(query: &Query) -> usize {
        match query {
            Query::And(parts) | Query::Or(parts) => 1 + parts.iter().map(depth).max().unwrap_or(0),
            Query::Not(inner) => 1 + depth(inner),
            _ => 1,
        }
    }

    /// Says whether a tree has a branch with nothing in it, which would find all or nothing by accident.
    fn has_hollow(query: &Query) -> bool {
        match query {
            Query::And(parts) | Query::Or(parts) => parts.len() < 2 || parts.iter().any(has_hollow),
            Query::Not(inner) => matches!(**inner, Query::Not(_)) || has_hollow(inner),
            Query::Text { words, .. } => !words.chars().any(char::is_alphanumeric),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_query(text in any::<String>(), pieces in prop::collection::vec(0..20_usize, 0..60)) {
            let words = [
                "(", ")", "-", "|", " ", "\"", "OR", "from:", "is:unread", "before:", "2026", "-", "a", "é漢", ":", "larger:",
                "9k", "on:7d", "in:x", "\u{202e}",
            ];
            let built: String = pieces.iter().map(|piece| words[*piece]).collect();
            for text in [text, built] {
                let parsed = read(&text);
                prop_assert!(parsed.query == Query::And(vec![]) || !has_hollow(&parsed.query), "{text:?}");
                highlight_words(&parsed.query);
            }
        }
    }
}
