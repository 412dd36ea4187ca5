//! Owns the errors of all backends: a kind that decides about retrying, and the words a person needs.

use std::fmt;

/// What went wrong, as far as it decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The server could not be reached, or the link broke. Heals by itself.
    Network,
    /// Nothing came in time. Heals by itself.
    Timeout,
    /// The server asks to come back later. Heals by itself.
    Busy,
    /// The certificate is not one to be trusted. Needs a person.
    Certificate,
    /// TLS is missing, or was tampered with. Needs a person.
    Tls,
    /// Name or password were refused. Needs a person.
    SignIn,
    /// This one thing is not to be had: the server refused it (NO), or it cannot be taken. The rest goes on.
    Refused,
    /// The server broke the protocol, or we did (BAD).
    Protocol,
    /// The server sent more than any mail can be.
    Limit,
    /// Something on this machine: a file, a command, the disk.
    Local,
    /// This backend cannot do that.
    Unsupported,
}

/// An error of a backend: where, what, and the server's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What it is.
    pub kind: Kind,
    /// `imap.example.org:993`, or a path.
    pub place: String,
    /// What was being done, as `signing in` or `listing folders`.
    pub stage: &'static str,
    /// What happened, in words for a person, without a full stop.
    pub what: String,
    /// The server's own words; raw, to be shown as `SafeText` and cut. None before TLS.
    pub server_says: Option<String>,
}

impl Error {
    /// Builds an error.
    pub fn new(kind: Kind, place: impl Into<String>, stage: &'static str, what: impl Into<String>) -> Self {
        Self { kind, place: place.into(), stage, what: what.into(), server_says: None }
    }

    /// Adds the server's own words.
    pub fn with_server_words(mut self, words: impl Into<String>) -> Self {
        let words = words.into();
        self.server_says = Some(words).filter(|words| !words.trim().is_empty());
        self
    }

    /// Says whether the server had been reached when it happened.
    pub fn was_reached(&self) -> bool {
        !matches!(self.kind, Kind::Network | Kind::Timeout | Kind::Busy)
    }

    /// Says whether trying again later can help without a person.
    pub fn heals_by_itself(&self) -> bool {
        matches!(self.kind, Kind::Network | Kind::Timeout | Kind::Busy | Kind::Protocol | Kind::Limit)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.stage, self.what)
    }
}

impl std::error::Error for Error {}
