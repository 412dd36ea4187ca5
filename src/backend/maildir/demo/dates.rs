//! Owns the demo's sense of time: `3d@09:46` before now, and the `{{+2d@19:00 %A}}` of its letters.
//!
//! It reads no clock; everything happens in the zone of the demo's owner.

use jiff::tz::{Offset, TimeZone};

use crate::mail::time::UnixTime;

/// The zone of Jakarta, where the demo's owner lives, in seconds east of Greenwich.
const HOME: i32 = 7 * 3600;

/// English names and their Indonesian ones, where they differ.
const INDONESIAN: [(&str, &str); 16] = [
    ("Monday", "Senin"),
    ("Tuesday", "Selasa"),
    ("Wednesday", "Rabu"),
    ("Thursday", "Kamis"),
    ("Friday", "Jumat"),
    ("Saturday", "Sabtu"),
    ("Sunday", "Minggu"),
    ("January", "Januari"),
    ("February", "Februari"),
    ("March", "Maret"),
    ("May", "Mei"),
    ("June", "Juni"),
    ("July", "Juli"),
    ("August", "Agustus"),
    ("October", "Oktober"),
    ("December", "Desember"),
];

/// Reads a distance from now, as `-8m`, `+2d` or `-3d@09:46` (that many days away, at that time of the day).
pub fn moment(text: &str, now: UnixTime) -> Option<UnixTime> {
    let (distance, time) = text.split_once('@').map_or((text, None), |(distance, time)| (distance, Some(time)));
    let unit = match distance.chars().next_back()? {
        'm' => 60,
        'h' => 3_600,
        'd' => UnixTime::DAY,
        _ => return None,
    };
    let number: i64 = distance.get(..distance.len() - 1)?.parse().ok()?;
    let there = now.0 + number * unit;
    let Some(time) = time else { return Some(UnixTime(there)) };
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    let midnight = (there + i64::from(HOME)).div_euclid(UnixTime::DAY) * UnixTime::DAY - i64::from(HOME);
    // The seconds of `now` make the time of the day less round.
    Some(UnixTime(midnight + hour * 3_600 + minute * 60 + now.0.rem_euclid(60)))
}

/// Says a moment in the owner's zone.
pub fn say(moment: UnixTime, format: &str) -> String {
    moment.civil(&zone(HOME)).strftime(format).to_string()
}

/// Spells a moment for a `Date` field (RFC 5322 section 3.3), in a zone given as `+0100`.
pub fn field(moment: UnixTime, east: &str) -> String {
    let hours: i32 = east.get(..3).and_then(|hours| hours.parse().ok()).unwrap_or(7);
    let minutes: i32 = east.get(3..).and_then(|minutes| minutes.parse().ok()).unwrap_or(0);
    let seconds = hours * 3_600 + hours.signum() * minutes * 60;
    format!("{} {east}", moment.civil(&zone(seconds)).strftime("%a, %d %b %Y %H:%M:%S"))
}

/// Replaces every `{{moment [utc|id] format}}` of a text; what is not understood stays and a test finds it.
pub fn fill(text: &str, now: UnixTime) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        match after.split_once("}}").and_then(|(inside, after)| Some((said(inside, now)?, after))) {
            Some((said, after)) => {
                filled.push_str(&said);
                rest = after;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn said(inside: &str, now: UnixTime) -> Option<String> {
    let (when, format) = inside.split_once(' ')?;
    let moment = moment(when, now)?;
    if let Some(format) = format.strip_prefix("utc ") {
        return Some(moment.civil(&TimeZone::UTC).strftime(format).to_string());
    }
    let Some(format) = format.strip_prefix("id ") else { return Some(say(moment, format)) };
    let english = say(moment, format);
    Some(INDONESIAN.iter().fold(english, |text, (english, indonesian)| text.replace(english, indonesian)))
}

fn zone(seconds: i32) -> TimeZone {
    Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_795_398_000); // Mon 2026-11-23T01:40:00Z, 08:40 in Jakarta

    #[test]
    fn moments_are_counted_from_now_and_days_have_times() {
        assert_eq!(moment("-8m", NOW), Some(UnixTime(NOW.0 - 480)));
        assert_eq!(moment("-1d@23:10", NOW).unwrap().to_rfc3339(), "2026-11-22T16:10:00Z");
        assert_eq!(moment("+2d@19:00", NOW).unwrap().to_rfc3339(), "2026-11-25T12:00:00Z");
        assert_eq!(moment("soon", NOW), None);
    }

    #[test]
    fn letters_are_filled() {
        let filled = fill("{{+2d@19:00 %A}}, {{+2d@19:00 id %A %-d %B}}, {{+2d@19:00 utc %H:%M}} {{x}} {{", NOW);
        assert_eq!(filled, "Wednesday, Rabu 25 November, 12:00 {{x}} {{");
    }

    #[test]
    fn date_fields_have_their_zone() {
        assert_eq!(field(NOW, "-0330"), "Sun, 22 Nov 2026 22:10:00 -0330");
        assert_eq!(field(NOW, "+0700"), "Mon, 23 Nov 2026 08:40:00 +0700");
    }
}
