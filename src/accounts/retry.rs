//! Owns the decision what follows an error, and how often anything is done at all: how long to wait, or that a person
//! must act. Pure.
//!
//! It reads no clock and tries nothing.

use std::time::{Duration, Instant};

use crate::backend::{Error, Kind};
use crate::mail::account::Notice;
use crate::mail::safe::SafeText;

/// The first pause after a link is lost.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause: a laptop that comes back should not wait longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a person should look at is tried again after this pause at first, and after no more than the other: space
/// comes back on a disk, a certificate is renewed, a train's portal is left behind.
const FIRST_LOOK: Duration = Duration::from_secs(60);
const LONGEST_LOOK: Duration = Duration::from_secs(3_600);

/// What comes after an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Try again after this pause.
    After(Duration),
    /// Tell a person this; try again after a pause, or, without one, only when asked.
    Person(Notice, Option<Duration>),
}

/// A limit to how often something is done because a server has it so: a few times in a row, then now and then.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    every: Duration,
    in_a_row: u32,
    due: Option<Instant>,
}

impl Pace {
    /// Looks at news: mail that trickles in is seen as it comes.
    pub fn of_looks() -> Self {
        Self { every: Duration::from_secs(5), in_a_row: 10, due: None }
    }

    /// Connects: a server that takes us in and throws us out is no reason to sign in all the time.
    pub fn of_connections() -> Self {
        Self { every: Duration::from_secs(60), in_a_row: 10, due: None }
    }

    /// Counts one more; gives how long to rest before it.
    pub fn rest(&mut self, now: Instant) -> Duration {
        // Whoever asks for more by hand runs up no debt.
        let due = self.due.map_or(now, |due| due.clamp(now, now + self.every * self.in_a_row));
        self.due = Some(due + self.every);
        due.duration_since(now).saturating_sub(self.every * self.in_a_row.saturating_sub(1))
    }
}

/// Decides what follows the `attempts`-th failure in a row (from 0 on) of an account.
///
/// `spread` in 0..=255 spreads the clients of a server that comes back over half a pause.
pub fn after(account: &str, error: &Error, attempts: u32, spread: u8) -> Next {
    // A refusal after the sign-in is mostly a server with a bad hour: it costs little to ask again.
    if error.heals_by_itself() || error.kind == Kind::Refused {
        return Next::After(pause(FIRST_PAUSE, LONGEST_PAUSE, attempts, spread));
    }
    let mut notice = notice(account, error);
    // A password that was refused is not tried again: accounts are locked for that.
    if matches!(error.kind, Kind::SignIn | Kind::Unsupported) {
        return Next::Person(notice, None);
    }
    notice.remedy.push_str(" Surat tries again by itself, at least once an hour.");
    Next::Person(notice, Some(pause(FIRST_LOOK, LONGEST_LOOK, attempts, spread)))
}

fn pause(first: Duration, longest: Duration, attempts: u32, spread: u8) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(attempts.min(16))).min(longest);
    let extra = doubled.mul_f64(f64::from(spread) / 255.0 / 2.0);
    (doubled + extra).min(longest)
}

/// Says an error to a person: account, place, stage, the server's own words, and what to do next.
pub fn notice(account: &str, error: &Error) -> Notice {
    Notice {
        account: Some(account.to_owned()),
        what: format!("{}: {} ({})", error.stage, error.what, error.place),
        server_says: error.server_says.as_deref().map(|words| SafeText::server_words(words).to_string()),
        remedy: remedy(account, error.kind),
    }
}

fn remedy(account: &str, kind: Kind) -> String {
    match kind {
        Kind::Network => "Check the connection and the host name, then try again.".into(),
        Kind::Timeout => "The server is slow or the link is dead; try again.".into(),
        Kind::Busy => "The server asks to come back later; try again then.".into(),
        Kind::Certificate => format!(
            "Nothing was sent. Check `host` of account {account}; a company's own certificate goes into `ca_file`."
        ),
        Kind::Tls => format!(
            "Nothing was sent. Check `port` and `security` of account {account}: \"tls\" goes with 993, \"starttls\" with 143."
        ),
        Kind::SignIn => format!(
            "Check `username` and `password` of account {account}; many providers want an app password. \
             `surat account check {account}` tries it."
        ),
        Kind::Refused => "The server refused this; the rest goes on.".into(),
        Kind::Protocol | Kind::Limit => {
            "The server does not keep to the protocol; try again. `--log debug` writes down what happened.".into()
        }
        Kind::Local => "Something on this computer is in the way; mend it, then try again.".into(),
        Kind::Unsupported => "This server cannot do that.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: Kind) -> Error {
        Error::new(kind, "imap.example.org:993", "signing in", "refused")
    }

    #[test]
    fn pauses_grow_to_a_ceiling_and_spread() {
        let pause = |attempts, spread| match after("work", &error(Kind::Network), attempts, spread) {
            Next::After(pause) => pause,
            Next::Person(..) => panic!("a lost link heals by itself"),
        };
        assert_eq!(pause(0, 0), FIRST_PAUSE);
        assert_eq!(pause(3, 0), FIRST_PAUSE * 8);
        assert!(pause(3, 255) > pause(3, 0));
        assert_eq!(pause(u32::MAX, 255), LONGEST_PAUSE);
    }

    #[test]
    fn a_full_disk_is_said_and_tried_again_by_itself() {
        for kind in [Kind::Local, Kind::Certificate, Kind::Tls] {
            let look = |attempts| match after("work", &error(kind), attempts, 7) {
                Next::Person(notice, Some(pause)) => (notice, pause),
                other => panic!("{kind:?}: {other:?}"),
            };
            let ((first, soon), (later, at_last)) = (look(0), look(30));
            assert!(first.remedy.contains("by itself"), "{}", first.remedy);
            // Whoever has put the notice away is not shown it again.
            assert_eq!(first, later);
            assert!(soon < LONGEST_LOOK / 10 && at_last == LONGEST_LOOK, "{soon:?}, {at_last:?}");
        }
    }

    #[test]
    fn a_server_that_always_has_news_is_looked_at_now_and_then() {
        let (start, mut pace) = (Instant::now(), Pace::of_looks());
        let (mut now, mut looks) = (start, 0);
        while now < start + Duration::from_secs(600) {
            now += pace.rest(now) + Duration::from_millis(20);
            looks += 1;
        }
        assert!((120..=135).contains(&looks), "{looks} looks in ten minutes");
        // After a quiet time it may be as lively as at the beginning.
        let later = now + Duration::from_secs(120);
        assert!((0..10).all(|_| pace.rest(later).is_zero()));
        assert!(!pace.rest(later).is_zero());
    }

    #[test]
    fn connecting_by_hand_again_and_again_runs_up_no_debt() {
        let (now, mut pace) = (Instant::now(), Pace::of_connections());
        let longest = (0..60).map(|_| pace.rest(now)).max().unwrap();
        assert!(!longest.is_zero() && longest <= Duration::from_secs(60), "{longest:?}");
    }

    #[test]
    fn a_wrong_password_waits_for_a_person_who_is_told_what_to_do() {
        let refused = error(Kind::SignIn).with_server_words("[AUTHENTICATIONFAILED] no\u{1b}[31m");
        let Next::Person(notice, None) = after("work", &refused, 0, 0) else { panic!("must not retry") };
        assert!(notice.what.contains("imap.example.org:993"));
        assert!(notice.remedy.contains("app password"));
        assert!(!notice.server_says.unwrap_or_default().contains('\u{1b}'));
    }
}
