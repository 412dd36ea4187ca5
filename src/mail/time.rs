//! Owns the one notion of time in the house: a second on the line of UTC, and its display in the user's zone.
//!
//! It reads no clock: whoever does I/O hands the time in.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// One day in seconds.
    pub const DAY: i64 = 86_400;

    /// Gives the time as RFC 3339 in UTC; a time no calendar has becomes the nearest one that it has.
    pub fn to_rfc3339(self) -> String {
        self.timestamp().to_string()
    }

    /// Gives the library's timestamp, clamped to what a calendar can say.
    pub fn timestamp(self) -> Timestamp {
        let clamped = self.0.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        Timestamp::from_second(clamped).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Gives the civil date and time in `zone`.
    pub fn civil(self, zone: &TimeZone) -> jiff::civil::DateTime {
        zone.to_datetime(self.timestamp())
    }

    /// Says the time as a list row does: today `01:12`, this week `Sun 23:49`, this year `17 Nov`, else `2025-11-17`.
    pub fn in_list(self, now: UnixTime, zone: &TimeZone) -> String {
        let (then, today) = (self.civil(zone), now.civil(zone));
        let age = now.0.saturating_sub(self.0);
        let form = if then.date() == today.date() {
            "%H:%M"
        } else if (0..6 * Self::DAY).contains(&age) {
            "%a %H:%M"
        } else if then.year() == today.year() {
            "%-d %b"
        } else {
            "%Y-%m-%d"
        };
        then.strftime(form).to_string()
    }

    /// Says the time in full for the head of a message: `Mon 23 Nov 2026, 01:12`.
    pub fn in_full(self, zone: &TimeZone) -> String {
        self.civil(zone).strftime("%a %-d %b %Y, %H:%M").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_times_get_shorter_the_nearer_they_are() {
        let now = UnixTime(1_795_398_000); // Mon 2026-11-23T01:40:00Z
        let said = |seconds_ago: i64| UnixTime(now.0 - seconds_ago).in_list(now, &TimeZone::UTC);
        assert_eq!(said(28 * 60), "01:12");
        assert_eq!(said(2 * 3600), "Sun 23:40");
        assert_eq!(said(7 * UnixTime::DAY), "16 Nov");
        assert_eq!(said(400 * UnixTime::DAY), "2025-10-19");
    }

    #[test]
    fn a_time_out_of_every_calendar_is_still_said() {
        assert!(UnixTime(i64::MAX).in_list(UnixTime(0), &TimeZone::UTC).starts_with("9999"));
    }
}
