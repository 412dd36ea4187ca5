//! Owns what the user says of an account: who, where its mail is, how to sign in.
//!
//! It connects to nothing. What a section of the file means is read in `file`, written in `edit`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Error;
use crate::config::secret::{self, Secret};
use crate::mail::mailbox::Role;

/// How long a password command may take before it is given up.
const COMMAND_DEADLINE: Duration = Duration::from_secs(30);

/// The command that adds an account, short enough to be copied from a screen of 80 columns. The words in capitals are
/// the person's to fill in.
pub const ADD_COMMAND: &str = "surat account add EMAIL --no-input --imap HOST --password-command 'CMD'";

/// One account, as the file has it, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name of its section: how the user calls it.
    pub name: String,
    /// Its address.
    pub email: String,
    /// The user's own name.
    pub full_name: Option<String>,
    /// Other addresses of the user.
    pub aliases: Vec<String>,
    /// What is put below own messages.
    pub signature: Option<String>,
    /// Which bodies are kept here.
    pub offline: Offline,
    /// Whether it rests: nothing is synced, its mail stays readable.
    pub is_disabled: bool,
    /// Where its mail is.
    pub source: Source,
    /// How it sends.
    pub smtp: Option<Submit>,
    /// Mailboxes for roles, by name, against what the server says.
    pub folders: BTreeMap<Role, String>,
}

impl Account {
    /// Builds an account with defaults.
    pub fn new(name: &str, email: &str, source: Source) -> Self {
        Self {
            name: name.to_owned(),
            email: email.to_owned(),
            full_name: None,
            aliases: Vec::new(),
            signature: None,
            offline: Offline::default(),
            is_disabled: false,
            source,
            smtp: None,
            folders: BTreeMap::new(),
        }
    }

    /// Gives the addresses by which the user is known.
    pub fn own_addresses(&self) -> Vec<String> {
        std::iter::once(&self.email).chain(&self.aliases).cloned().collect()
    }

    /// Says why this account cannot be synced by this version, as a sentence with its remedy.
    pub fn unsupported(&self) -> Option<String> {
        let name = &self.name;
        if matches!(self.source, Source::Pop3(..)) {
            return Some(format!(
                "account \"{name}\" uses POP3, which this version of Surat cannot do yet; \
                 use IMAP if the server offers it ([accounts.{name}.imap])"
            ));
        }
        let server = self.source.server()?;
        if server.auth == Auth::OAuth2 {
            return Some(format!(
                "account \"{name}\" signs in with OAuth2, which this version of Surat cannot do yet; \
                 use an app password with auth = \"password\" if the provider offers one"
            ));
        }
        None
    }

    /// Says whether reading this account's settings means running a command.
    pub fn runs_commands(&self) -> bool {
        let is_command = |server: &Server| matches!(server.password, Some(Password::Command(_)));
        self.source.server().is_some_and(is_command)
            || match &self.smtp {
                Some(Submit::Server(server)) => is_command(server),
                Some(Submit::Sendmail(_)) => true,
                None => false,
            }
    }
}

/// Which bodies are kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offline {
    /// Every one.
    #[default]
    All,
    /// Those of the last 90 days.
    Recent,
    /// Those that were opened.
    Opened,
}

impl Offline {
    pub(crate) const WORDS: [(&str, Self); 3] =
        [("all", Self::All), ("recent", Self::Recent), ("opened", Self::Opened)];
}

/// Where an account's mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// On an IMAP server (RFC 3501, RFC 9051).
    Imap(Server),
    /// On a POP3 server (RFC 1939), with what stays there.
    Pop3(Server, Leave),
    /// In a Maildir of this computer.
    Maildir {
        /// The directory that holds `cur`, `new` and `tmp`.
        path: PathBuf,
    },
}

impl Source {
    /// Gives the server, if there is one.
    pub fn server(&self) -> Option<&Server> {
        match self {
            Self::Imap(server) | Self::Pop3(server, _) => Some(server),
            Self::Maildir { .. } => None,
        }
    }

    /// Names the kind as the file's section does.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Imap(_) => "imap",
            Self::Pop3(..) => "pop3",
            Self::Maildir { .. } => "maildir",
        }
    }

    /// Says the place in one short line: `imap.example.org:993` or the directory.
    pub fn place(&self) -> String {
        match self {
            Self::Imap(server) | Self::Pop3(server, _) => server.place(),
            Self::Maildir { path } => path.display().to_string(),
        }
    }
}

/// What POP3 leaves on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leave {
    /// Nothing: what is durable here is deleted there.
    Never,
    /// Everything.
    #[default]
    Always,
    /// Mail of the last so many days.
    Days(u32),
}

/// How an account sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submit {
    /// By a submission server (RFC 6409).
    Server(Server),
    /// By a program that takes a message on standard input.
    Sendmail(String),
}

/// A server and how to sign in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the line is protected.
    pub security: Security,
    /// The name to sign in with.
    pub username: String,
    /// How the password is obtained; none where the server asks for none.
    pub password: Option<Password>,
    /// How to sign in.
    pub auth: Auth,
    /// Extra root certificates, PEM.
    pub ca_file: Option<PathBuf>,
}

impl Server {
    /// Says the place: `imap.example.org:993`.
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// How a line is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Tls,
    /// TLS after a plain greeting.
    StartTls,
    /// Nothing; on this computer only.
    None,
}

impl Security {
    pub(crate) const WORDS: [(&str, Self); 3] =
        [("tls", Self::Tls), ("starttls", Self::StartTls), ("none", Self::None)];

    /// Gives the word that stands for it in the file.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("tls", |(word, _)| word)
    }
}

/// How to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// With a name and a password.
    #[default]
    Password,
    /// With a token from the provider.
    OAuth2,
}

impl Auth {
    pub(crate) const WORDS: [(&str, Self); 2] = [("password", Self::Password), ("oauth2", Self::OAuth2)];
}

/// How a password is obtained. It never stands in the file itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The first line that a command prints.
    Command(String),
    /// From the desktop's keyring.
    Keyring,
}

/// Leaves the command out: people put secrets into arguments.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command(_) => "Command(***)",
            Self::Keyring => "Keyring",
        })
    }
}

impl Password {
    /// Obtains the password. It runs a command and blocks until that ends: never call it where a screen waits.
    pub fn read(&self) -> Result<Secret, Error> {
        match self {
            Self::Command(command) => secret::run_command(command, COMMAND_DEADLINE),
            Self::Keyring => Err(Error::Other(
                "this version of Surat cannot read the keyring yet; write \
                 password = { command = \"secret-tool lookup service surat username NAME\" } instead"
                    .to_owned(),
            )),
        }
    }
}

/// The three protocols a server section can be of, with their well-known ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 9051.
    Imap,
    /// RFC 1939.
    Pop3,
    /// RFC 6409.
    Smtp,
}

impl Protocol {
    /// Gives the port with TLS from the first byte, and the one where TLS comes later.
    const fn ports(self) -> (u16, u16) {
        match self {
            Self::Imap => (993, 143),
            Self::Pop3 => (995, 110),
            Self::Smtp => (465, 587),
        }
    }

    /// Fills in what was not said of port and security: one follows from the other, and TLS is the default.
    pub fn settle(self, port: Option<u16>, security: Option<Security>) -> (u16, Security) {
        let (tls, plain) = self.ports();
        let is_plain = |port: u16| port == plain || (self == Self::Smtp && port == 25);
        match (port, security) {
            (Some(port), Some(security)) => (port, security),
            (Some(port), None) if is_plain(port) => (port, Security::StartTls),
            (Some(port), None) => (port, Security::Tls),
            (None, None | Some(Security::Tls)) => (tls, Security::Tls),
            (None, Some(security)) => (plain, security),
        }
    }
}

/// Says what is wrong with a host name, and what would be right.
pub fn check_host(host: &str, security: Security) -> Result<(), String> {
    if host.is_empty() {
        return Err("the host is empty; write the server's name, as imap.example.org".to_owned());
    }
    if host.contains("://") || host.contains(['/', '@']) {
        return Err("a host is a name alone, as imap.example.org, without imaps://, user or path".to_owned());
    }
    let is_address = host.parse::<IpAddr>().is_ok();
    if !is_address && host.contains(':') {
        return Err("the port does not belong to the host; write port = 993 on its own line".to_owned());
    }
    if !is_address && host.chars().any(|c| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))) {
        return Err("this cannot be the name of a server; it should look like imap.example.org".to_owned());
    }
    if security == Security::None && !is_loopback(host) {
        return Err("security = \"none\" is for this computer only (localhost); use \"tls\" or \"starttls\"".to_owned());
    }
    Ok(())
}

/// Says whether a host is this computer.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Says what is wrong with an account's name. A name stands in the file's sections, in `--account` and on screen.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 40 || !name.chars().all(is_plain) || name.starts_with(['-', '.']) {
        return Err("an account's name is made of letters, digits, - _ and . (40 at most)".to_owned());
    }
    Ok(())
}

/// Says what is wrong with an address.
pub fn check_email(email: &str) -> Result<(), String> {
    let is_sound = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
    });
    if !email.contains('@') {
        return Err("this is no e-mail address: it needs an @, as ayu@example.org".to_owned());
    }
    if !is_sound || email.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',')) {
        return Err("this is no e-mail address; it should look like ayu@example.org".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_security_follow_from_each_other() {
        use Security::{None as Plain, StartTls, Tls};
        let cases = [
            (Protocol::Imap, None, None, (993, Tls)),
            (Protocol::Imap, Some(143), None, (143, StartTls)),
            (Protocol::Imap, None, Some(StartTls), (143, StartTls)),
            (Protocol::Imap, Some(41143), Some(Plain), (41143, Plain)),
            (Protocol::Imap, Some(41143), None, (41143, Tls)),
            (Protocol::Pop3, None, None, (995, Tls)),
            (Protocol::Pop3, Some(110), None, (110, StartTls)),
            (Protocol::Smtp, None, None, (465, Tls)),
            (Protocol::Smtp, Some(587), None, (587, StartTls)),
            (Protocol::Smtp, Some(25), None, (25, StartTls)),
        ];
        for (protocol, port, security, expected) in cases {
            assert_eq!(protocol.settle(port, security), expected, "{protocol:?} {port:?} {security:?}");
        }
    }

    #[test]
    fn hosts_that_are_not_names_are_refused() {
        for host in ["", "imaps://x.org", "a b", "me@x.org", "x.org:993", "x\u{1b}.org", "x.org/"] {
            assert!(check_host(host, Security::Tls).is_err(), "{host:?}");
        }
        for host in ["imap.example.org", "localhost", "::1", "127.0.0.1", "mail_1.lan", "bücher.example"] {
            assert_eq!(check_host(host, Security::Tls), Ok(()), "{host:?}");
        }
    }

    #[test]
    fn an_unprotected_line_stays_on_this_computer() {
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1"] {
            assert_eq!(check_host(host, Security::None), Ok(()), "{host}");
        }
        for host in ["imap.example.org", "192.168.1.2", "localhost.example.org"] {
            assert!(check_host(host, Security::None).is_err(), "{host}");
        }
    }
}
