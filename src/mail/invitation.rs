//! Owns the little of iCalendar (RFC 5545, RFC 5546) that an invitation's reader wants: what, when, where, who.
//!
//! It answers nothing, and expands no recurrence.

use jiff::civil::{Date, DateTime, Time};

/// Lines of a calendar beyond these are not read.
const MOST_LINES: usize = 5_000;

/// The first event of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invitation {
    /// What it is to the reader: `Invitation`, `Cancelled`, `Answer`, `Event`.
    pub kind: &'static str,
    /// Its title.
    pub title: String,
    /// When, in a sentence: `Wed 25 Nov 2026, 10:00–11:00 (Asia/Jakarta)`.
    pub when: Option<String>,
    /// Where.
    pub place: Option<String>,
    /// Who invites.
    pub organizer: Option<String>,
    /// How often it comes again, in a word.
    pub repeats: Option<&'static str>,
    /// Who is invited.
    pub guests: Vec<String>,
}

/// A content line: `NAME;PARAM=x:value`.
struct Property<'a> {
    name: String,
    parameters: &'a str,
    value: &'a str,
}

impl<'a> Property<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut is_quoted = false;
        let colon = line.find(|c: char| {
            is_quoted ^= c == '"';
            c == ':' && !is_quoted
        })?;
        let (head, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        Some(Self { name: name.to_ascii_uppercase(), parameters, value })
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let pairs = self.parameters.split(';').filter_map(|parameter| parameter.split_once('='));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_matches('"')).next()
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut letters = self.value.chars();
        while let Some(c) = letters.next() {
            match c {
                '\\' => match letters.next() {
                    Some('n' | 'N') => text.push(' '),
                    Some(other) => text.push(other),
                    None => {}
                },
                c => text.push(c),
            }
        }
        text.trim().to_owned()
    }

    /// Names a person: `Budi Santoso <budi@toko.test>`.
    fn person(&self) -> String {
        let address = self.value.get(..7).filter(|head| head.eq_ignore_ascii_case("mailto:"));
        let address = address.and_then(|_| self.value.get(7..)).unwrap_or(self.value).trim();
        match self.parameter("CN").filter(|name| !name.is_empty() && *name != address) {
            Some(name) => format!("{name} <{address}>"),
            None => address.to_owned(),
        }
    }
}

/// A moment as a calendar writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    date: Date,
    time: Option<Time>,
    zone: Option<String>,
}

impl Moment {
    fn parse(property: &Property<'_>) -> Option<Self> {
        let value = property.value.trim();
        let (date, time) = value.split_once('T').map_or((value, None), |(date, time)| (date, Some(time)));
        let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
        let small = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i8>().ok();
        let date = Date::new(number(date, 0, 4)?, small(date, 4, 6)?, small(date, 6, 8)?).ok()?;
        let Some(time) = time else { return Some(Self { date, time: None, zone: None }) };
        let time_of_day = Time::new(small(time, 0, 2)?, small(time, 2, 4)?, 0, 0).ok()?;
        let zone =
            if time.ends_with('Z') { Some(String::from("UTC")) } else { property.parameter("TZID").map(str::to_owned) };
        Some(Self { date, time: Some(time_of_day), zone })
    }

    fn civil(&self) -> DateTime {
        self.date.to_datetime(self.time.unwrap_or(Time::midnight()))
    }
}

/// Reads a calendar; none when there is no event in it.
pub fn parse(calendar: &str) -> Option<Invitation> {
    let unfolded = calendar.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    let mut event = Invitation { kind: "Event", ..Invitation::default() };
    let (mut start, mut end, mut duration) = (None, None, None);
    let (mut is_inside, mut is_found, mut inner) = (false, false, 0_usize);
    for line in unfolded.lines().take(MOST_LINES) {
        let Some(property) = Property::parse(line) else { continue };
        match (property.name.as_str(), property.value.trim().to_ascii_uppercase().as_str()) {
            ("BEGIN", "VEVENT") if !is_found => (is_inside, is_found) = (true, true),
            ("END", "VEVENT") => is_inside = false,
            ("BEGIN", _) if is_inside => inner += 1,
            ("END", _) if is_inside => inner = inner.saturating_sub(1),
            ("METHOD", method) => {
                event.kind = match method {
                    "REQUEST" => "Invitation",
                    "CANCEL" => "Cancelled",
                    "REPLY" => "Answer",
                    "COUNTER" => "Other time proposed",
                    _ => "Event",
                };
            }
            _ if !is_inside || inner > 0 => {}
            ("SUMMARY", _) => event.title = property.text(),
            ("LOCATION", _) => event.place = Some(property.text()).filter(|place| !place.is_empty()),
            ("ORGANIZER", _) => event.organizer = Some(property.person()),
            ("ATTENDEE", _) => event.guests.push(property.person()),
            ("DTSTART", _) => start = Moment::parse(&property),
            ("DTEND", _) => end = Moment::parse(&property),
            ("DURATION", _) => duration = property.value.trim().parse::<jiff::Span>().ok(),
            ("STATUS", "CANCELLED") => event.kind = "Cancelled",
            ("RRULE", rule) => event.repeats = repeats(rule),
            _ => {}
        }
    }
    if let (Some(start), None, Some(duration)) = (&start, &end, duration) {
        let until = start.civil().checked_add(duration).ok();
        end = until.map(|until| Moment { date: until.date(), time: Some(until.time()), zone: start.zone.clone() });
    }
    event.when = start.map(|start| span(&start, end.as_ref()));
    is_found.then_some(event)
}

fn repeats(rule: &str) -> Option<&'static str> {
    let frequency = rule.split(';').find_map(|part| part.strip_prefix("FREQ="))?;
    let is_plain = !rule.split(';').any(|part| part.starts_with("INTERVAL=") && part != "INTERVAL=1");
    match frequency {
        _ if !is_plain => Some("repeatedly"),
        "DAILY" => Some("every day"),
        "WEEKLY" => Some("every week"),
        "MONTHLY" => Some("every month"),
        "YEARLY" => Some("every year"),
        _ => Some("repeatedly"),
    }
}

fn span(start: &Moment, end: Option<&Moment>) -> String {
    let day = |date: Date| date.strftime("%a %-d %b %Y").to_string();
    let clock = |time: Time| time.strftime("%H:%M").to_string();
    let Some(time) = start.time else {
        // The end of whole days is the day after the last one.
        let last = end.and_then(|end| end.date.yesterday().ok()).filter(|last| *last > start.date);
        return last.map_or_else(|| day(start.date), |last| format!("{} – {}", day(start.date), day(last)));
    };
    let end_zone = |end: &Moment| end.zone.clone().filter(|_| end.zone != start.zone).map(|zone| format!(" ({zone})"));
    let until = end.and_then(|end| {
        let time = end.time.filter(|_| end.civil() > start.civil() || end.zone != start.zone)?;
        let zone = end_zone(end).unwrap_or_default();
        let same_day = end.date == start.date;
        Some(if same_day {
            format!("–{}{zone}", clock(time))
        } else {
            format!(" – {}, {}{zone}", day(end.date), clock(time))
        })
    });
    let zone = start.zone.as_ref().map(|zone| format!(" ({zone})")).unwrap_or_default();
    format!("{}, {}{}{zone}", day(start.date), clock(time), until.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use proptest::prelude::*;

    fn when(dates: &str) -> Option<String> {
        parse(&format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{dates}\nEND:VEVENT\nEND:VCALENDAR")).unwrap().when
    }

    #[test]
    fn an_invitation_says_what_when_where_and_who() {
        let calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Asia/Jakarta\r\nDTSTART:19700101T000000\r\n\
             END:VTIMEZONE\r\nBEGIN:VEVENT\r\nSUMMARY:Sprint review\\, the\r\n  last\r\nDTSTART;TZID=Asia/Jakarta:20261125T100000\r\n\
             DTEND;TZID=Asia/Jakarta:20261125T113000\r\nLOCATION:Room 4\\nsecond floor\r\n\
             ORGANIZER;CN=\"Budi: Santoso\":mailto:budi@toko.test\r\nATTENDEE;CN=ana@toko.test:MAILTO:ana@toko.test\r\n\
             RRULE:FREQ=WEEKLY;COUNT=5\r\nBEGIN:VALARM\r\nSUMMARY:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let expected = Invitation {
            kind: "Invitation",
            title: String::from("Sprint review, the last"),
            when: Some(String::from("Wed 25 Nov 2026, 10:00–11:30 (Asia/Jakarta)")),
            place: Some(String::from("Room 4 second floor")),
            organizer: Some(String::from("Budi: Santoso <budi@toko.test>")),
            repeats: Some("every week"),
            guests: vec![String::from("ana@toko.test")],
        };
        assert_eq!(parse(calendar), Some(expected));
        assert_eq!(parse("BEGIN:VCALENDAR\nEND:VCALENDAR"), None);
    }

    #[test]
    fn times_are_said_in_the_zone_they_are_written_in() {
        for (dates, expected) in [
            ("DTSTART:20261125T030000Z\nDTEND:20261125T040000Z", Some("Wed 25 Nov 2026, 03:00–04:00 (UTC)")),
            ("DTSTART:20261125T220000\nDURATION:PT3H", Some("Wed 25 Nov 2026, 22:00 – Thu 26 Nov 2026, 01:00")),
            ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", Some("Thu 24 Dec 2026 – Sat 26 Dec 2026")),
            ("DTSTART;VALUE=DATE:20261224", Some("Thu 24 Dec 2026")),
            ("DTSTART:20261399T000000", None),
            ("DTSTART:", None),
        ] {
            assert_eq!(when(dates).as_deref(), expected, "{dates}");
        }
    }

    proptest! {
        #[test]
        fn any_calendar_survives(text in "(BEGIN:VEVENT\n|DTSTART[:;]|DURATION:P|[0-9TZ]{0,16}|\n|\\PC){0,40}") {
            parse(&text);
        }
    }
}
