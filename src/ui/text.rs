//! Owns small words on the screen: numbers, sizes, people, and text from outside made harmless.
//!
//! Widths, cutting and padding are `mail::wrap`'s.

use jiff::tz::TimeZone;

use crate::mail::address::Address;
pub(super) use crate::mail::number::grouped as number;
use crate::mail::safe::SafeText;
use crate::mail::time::UnixTime;
use crate::mail::warn;

/// Makes one harmless line of any text.
pub(super) fn safe(text: &str) -> String {
    SafeText::line(text).as_str().to_owned()
}

/// Writes a number with its noun: `1 conversation`, `3 conversations`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count), if count == 1 { "" } else { "s" })
}

/// Writes a size as people say it: `184 KB`, `2.1 MB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} KB", (bytes + 500) / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// Says for how long: `24 s`, `3 min`, `2 h`.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..90 => format!("{s} s"),
        s @ 90..5_400 => format!("{} min", (s + 30) / 60),
        s => format!("{} h", (s + 1_800) / 3_600),
    }
}

/// Names who takes part in a conversation: one in full, several by their first names.
pub(super) fn people(people: &[Address], is_own: impl Fn(&str) -> bool) -> String {
    match people {
        [] => "(nobody)".to_owned(),
        [one] if is_own(&one.addr) => "you".to_owned(),
        [one] => name(one),
        several => {
            let names = several.iter().map(|one| if is_own(&one.addr) { "you".to_owned() } else { first_name(one) });
            names.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Gives the name that stands for a person, else the address: also where the name is one to be warned of.
pub(super) fn name(address: &Address) -> String {
    let name = safe(&warn::short_name(address));
    if name.trim().is_empty() { "(nobody)".to_owned() } else { name }
}

fn first_name(address: &Address) -> String {
    let whole = name(address);
    // `Köhler, Mira`: the first name stands behind the comma. Of an address every part counts.
    let short = whole.split_once(", ").map_or(whole.as_str(), |(_, first)| first);
    let mut words = short.split_whitespace();
    let first = words.next().unwrap_or(short);
    // `Dr. Siti Rahma`: a title is no name.
    let first = if first.ends_with('.') { words.next().unwrap_or(first) } else { first };
    first.to_owned()
}

/// Says a time in six columns, for narrow lists: `01:12`, `Sun`, `17 Nov`, `2025`.
pub(super) fn short_time(then: UnixTime, now: UnixTime, zone: &TimeZone) -> String {
    let long = then.in_list(now, zone);
    match long.split_once(' ') {
        Some((day, time)) if time.contains(':') => day.to_owned(),
        None if long.len() > 6 => long.split('-').next().unwrap_or_default().to_owned(),
        _ => long,
    }
}

/// Makes the first letter a capital.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_read_well() {
        assert_eq!([size(12), size(184_400), size(2_140_000)], ["12 bytes", "184 KB", "2.1 MB"]);
        assert_eq!([span(24), span(180), span(7_200)], ["24 s", "3 min", "2 h"]);
    }

    #[test]
    fn people_are_named_shortly() {
        let own = |addr: &str| addr == "me@x.test";
        let budi = Address::new(Some("Budi Santoso"), "budi@x.test");
        let siti = Address::new(Some("Dr. Siti Rahma"), "siti@x.test");
        let mira = Address::new(Some("Köhler, Mira"), "mira@x.test");
        let bare = Address::new(None, "jonas@x.test");
        let me = Address::new(Some("Ana"), "me@x.test");
        assert_eq!(people(std::slice::from_ref(&siti), own), "Dr. Siti Rahma");
        assert_eq!(people(&[budi, siti, mira, bare, me], own), "Budi, Siti, Mira, jonas@x.test, you");
        assert_eq!(people(&[], own), "(nobody)");
    }
}
