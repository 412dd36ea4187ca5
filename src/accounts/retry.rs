//! Owns the decision what follows an error: how long to wait, or that a person must act. Pure.
//!
//! It reads no clock and tries nothing.

use std::time::Duration;

use crate::backend::{Error, Kind};
use crate::mail::account::Notice;
use crate::mail::safe::SafeText;

/// The first pause after a link is lost.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause: a laptop that comes back should not wait longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What comes after an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Try again after this pause.
    After(Duration),
    /// Wait for a person, who is told this.
    Person(Notice),
}

/// Decides what follows the `attempts`-th failure in a row (from 0 on) of an account.
///
/// `spread` in 0..=255 spreads the clients of a server that comes back over half a pause.
pub fn after(account: &str, error: &Error, attempts: u32, spread: u8) -> Next {
    // A refusal after the sign-in is mostly a server with a bad hour: it costs little to ask again.
    if !error.heals_by_itself() && error.kind != Kind::Refused {
        return Next::Person(notice(account, error));
    }
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts.min(16))).min(LONGEST_PAUSE);
    let extra = doubled.mul_f64(f64::from(spread) / 255.0 / 2.0);
    Next::After((doubled + extra).min(LONGEST_PAUSE))
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
        Kind::Tls => {
            format!("Nothing was sent. Set `security = \"tls\"` (port 993) for account {account} if the server has it.")
        }
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
            Next::Person(_) => panic!("a lost link heals by itself"),
        };
        assert_eq!(pause(0, 0), FIRST_PAUSE);
        assert_eq!(pause(3, 0), FIRST_PAUSE * 8);
        assert!(pause(3, 255) > pause(3, 0));
        assert_eq!(pause(u32::MAX, 255), LONGEST_PAUSE);
    }

    #[test]
    fn a_wrong_password_waits_for_a_person_who_is_told_what_to_do() {
        let refused = error(Kind::SignIn).with_server_words("[AUTHENTICATIONFAILED] no\u{1b}[31m");
        let Next::Person(notice) = after("work", &refused, 0, 0) else { panic!("must not retry") };
        assert!(notice.what.contains("imap.example.org:993"));
        assert!(notice.remedy.contains("app password"));
        assert!(!notice.server_says.unwrap_or_default().contains('\u{1b}'));
    }
}
