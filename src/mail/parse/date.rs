//! Owns what a date of a header says (RFC 5322 sections 3.3 and 4.3), and the forms that careless programs write instead.
//!
//! A day that no calendar has is no date; what a zone nobody knows means is taken as UTC.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use crate::mail::time::UnixTime;

/// Words of a date beyond these say nothing of it.
const MOST_WORDS: usize = 12;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a date as it is written.
pub(super) fn read(written: &str) -> Option<UnixTime> {
    let written = without_comments(written);
    let words: Vec<&str> = written
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        // The name of the day tells nothing that the date does not.
        .skip_while(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()) && month(word).is_none())
        .take(MOST_WORDS)
        .collect();
    let (date, time, zone) = match *words.as_slice() {
        // `2 Nov 2026 10:00:00 +0700`
        [day, month, year, time, ref zone @ ..] if day.parse::<i8>().is_ok() => ((day, month, year), time, zone),
        // asctime's: `Nov  2 10:00:00 2026`, at times with the zone before the year or behind it.
        [month, day, time, year] if time.contains(':') => ((day, month, year), time, [].as_slice()),
        [month, day, time, ref zone, year] if time.contains(':') && is_year(year) => {
            ((day, month, year), time, std::slice::from_ref(zone))
        }
        [month, day, time, year, ref zone @ ..] if time.contains(':') => ((day, month, year), time, zone),
        _ => return of_standards(written.trim()),
    };
    let day = civil_date(date)?;
    let civil = day.to_datetime(civil_time(time)?);
    let seconds = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(UnixTime(seconds - offset(zone)))
}

/// Reads the forms of ISO 8601, with a zone or without.
fn of_standards(written: &str) -> Option<UnixTime> {
    let zoned = written.parse::<Timestamp>().ok();
    let plain = || written.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    zoned.or_else(plain).map(|time| UnixTime(time.as_second()))
}

/// Leaves out what stands in parentheses, nested ones too.
fn without_comments(written: &str) -> String {
    let mut depth = 0_usize;
    let outside = |c: &char| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    };
    written.chars().filter(outside).collect()
}

fn month(word: &str) -> Option<i8> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == start)?;
    i8::try_from(at + 1).ok()
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn civil_date((day, name, year): (&str, &str, &str)) -> Option<civil::Date> {
    let number: i16 = year.parse().ok()?;
    // Two digits are of the years around 2000, three count from 1900 (RFC 5322 section 4.3).
    let year = match (year.len(), number) {
        (..=2, 0..50) => number + 2000,
        (..=3, _) => number + 1900,
        _ => number,
    };
    civil::Date::new(year, month(name)?, day.parse().ok()?).ok()
}

/// Reads `10:00` or `10:00:59`; a leap second is the one before.
fn civil_time(word: &str) -> Option<civil::Time> {
    let mut numbers = word.split(':').map(|number| number.split('.').next().unwrap_or(number).parse::<i8>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    civil::Time::new(hour, minute, second.min(59), 0).ok()
}

/// Gives the seconds that a zone is ahead of UTC.
fn offset(zone: &[&str]) -> i64 {
    const HOUR: i64 = 3_600;
    let Some(word) = zone.first() else { return 0 };
    // `GMT+0200` says it twice.
    let word = word.trim_start_matches(|c: char| c.is_ascii_alphabetic() && (word.contains(['+', '-'])));
    let (sign, digits) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => {
            let named = match word.to_ascii_uppercase().as_str() {
                "EDT" => -4,
                "EST" | "CDT" => -5,
                "CST" | "MDT" => -6,
                "MST" | "PDT" => -7,
                "PST" => -8,
                _ => 0,
            };
            return named * HOUR;
        }
    };
    let digits = digits.replace(':', "");
    match digits.parse::<i64>() {
        // `-600` stands for `-0600`.
        Ok(number) if matches!(digits.len(), 3 | 4) => sign * (number / 100 * HOUR + number % 100 * 60),
        Ok(number) if digits.len() <= 2 => sign * number * HOUR,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_moment_in_many_forms() {
        for written in [
            "Wed, 11 Feb 1998 17:51:00 +0000",
            "Wed, 11 Feb 98 11:51 CST",
            "11 Feb 98 11:51:00 -0600",
            "Wed, 11 Feb 1998 17:51:00 UT",
            "Wed, 11 Feb 1998 12:51:00 (EST) -0500",
            "Wed, 11 Feb 1998 17:51 (a comment (in one))",
            "Wed, 11 Feb 1998 11:51:00 -600",
            "Wed, 11 Feb 1998 19:51:00 GMT+0200",
            "Wed, 11 February 1998 17:51:00 GMT",
            "Wed Feb 11 17:51:00 1998",
            "Wed Feb 11 11:51:00 CST 1998",
            "Wed Feb 11 11:51:00 1998 -0600",
            "Rabu, 11 Feb 1998 17:51:00 Z",
            "1998-02-11T17:51:00Z",
            "1998-02-11T11:51:00-06:00",
            "1998-02-11 17:51:00",
        ] {
            assert_eq!(read(written), Some(UnixTime(887_219_460)), "{written}");
        }
        assert_eq!(read("Tue, 2 Nov 9999 23:59:60 +0700").unwrap().to_rfc3339(), "9999-11-02T16:59:59Z");
    }

    #[test]
    fn what_is_no_day_is_no_date() {
        for written in [
            "",
            "Malformed Date",
            "31 Feb 2026 10:00:00 +0000",
            "1 Foo 2026 10:00",
            "2 Nov 2026 25:00",
            "2 Nov 2026",
            ",",
        ] {
            assert_eq!(read(written), None, "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_a_date_or_none(written in "([0-9]{1,6}| |Nov|:|,|\\+|-|\\(|\\)|GMT|\\PC){0,24}") {
            read(&written);
        }
    }
}
