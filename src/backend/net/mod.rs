//! The way to a server: names, addresses, TLS, and a count of what goes over it. No protocol above TLS but STARTTLS.
//!
//! There is no way past the check of a certificate, and none from TLS back to plain text.

use std::fmt;
use std::path::PathBuf;

/// How a connection is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting; strictly required, never "if available".
    StartTls,
    /// Plain text: only to this very machine.
    None,
}

/// Where a server listens, and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host's name or address; the certificate must be for it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is made safe.
    pub security: Security,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
