//! Owns trying an account out, step by step, each with its time and, when it fails, its remedy.
//!
//! It changes nothing, here or on a server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::accounts::sync::{Trial, try_account};
use crate::backend::{Error, Kind};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::runtime;
use crate::config::account::{Account, Security, Server, Source};
use crate::mail::mailbox::Role;
use crate::mail::safe::SafeText;

/// A server that does not answer to a connection for so long is out of reach.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Where the settings of an account can be mended: a remedy names what a person has before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// They are flags of `account add`; nothing is written down yet.
    Flags,
    /// They stand in the configuration file.
    File,
}

impl Settings {
    fn name(self, flag: &'static str, key: &'static str) -> &'static str {
        match self {
            Self::Flags => flag,
            Self::File => key,
        }
    }

    /// Says what to do about an error of a server, one line without a full stop.
    fn remedy(self, account: &Account, kind: Kind) -> String {
        let security = account.source.server().map(|server| server.security);
        let of = match self {
            Self::Flags => String::new(),
            Self::File => format!(" of [accounts.{}.{}]", account.name, account.source.kind()),
        };
        let tls = self.name("--security tls", "security = \"tls\"");
        match kind {
            Kind::Network => "check the connection, the host and the port, then try again".to_owned(),
            Kind::Timeout if security != Some(Security::Tls) => {
                format!("the port may want TLS from the first byte: try {tls}{of}; else try again later")
            }
            Kind::Timeout => "the server is slow or the link is dead; try again".to_owned(),
            Kind::Busy => "try again later, as the server asks".to_owned(),
            Kind::Certificate => {
                let own = self.name("--ca-file FILE", "ca_file = \"FILE\"");
                format!("nothing was sent; check the host; a certificate that is your own or your company's: {own}{of}")
            }
            Kind::Tls if security == Some(Security::Tls) => {
                let start = self.name("--security starttls", "security = \"starttls\"");
                format!("nothing was sent; check the port; where TLS begins later, as on 143: {start}{of}")
            }
            Kind::Tls => format!("nothing was sent; use {tls}{of}, mostly on port 993"),
            Kind::SignIn => {
                let both = self.name("--username and --password-command", "username and password");
                format!("check {both}{of}; many providers want an app password")
            }
            Kind::Refused => "the server refused this; its words above say why".to_owned(),
            Kind::Protocol | Kind::Limit => {
                "the server does not keep to the protocol; check host and port; --log debug writes down what happened"
                    .to_owned()
            }
            Kind::Local => "mend this on this computer, then try again".to_owned(),
            Kind::Unsupported => "use another server or account; this version cannot do that".to_owned(),
        }
    }
}

/// One step that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// What was tried, as `sign in`.
    pub step: &'static str,
    /// Whether it worked; none when it was left out.
    pub ok: Option<bool>,
    /// What was found, or what happened.
    pub detail: String,
    /// What to do, where it failed.
    pub remedy: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// Whether trying again later can help.
    #[serde(skip)]
    pub is_temporary: bool,
}

impl Step {
    /// Times a step that gives a detail, or what happened and what to do.
    pub fn of(step: &'static str, tried: impl FnOnce() -> Result<String, (String, String)>) -> Self {
        let start = Instant::now();
        let tried = tried();
        let seconds = start.elapsed().as_secs_f64();
        match tried {
            Ok(detail) => {
                Self { step, ok: Some(true), detail: harmless(&detail), remedy: None, seconds, is_temporary: false }
            }
            Err((what, remedy)) => {
                let (detail, remedy) = (harmless(&what), Some(harmless(&remedy)));
                tracing::error!(step, "{detail}");
                Self { step, ok: Some(false), detail, remedy, seconds, is_temporary: false }
            }
        }
    }

    /// A step that was left out.
    pub fn left_out(step: &'static str, why: &str) -> Self {
        Self { step, ok: None, detail: why.to_owned(), remedy: None, seconds: 0.0, is_temporary: false }
    }

    /// Says whether it failed.
    pub fn has_failed(&self) -> bool {
        self.ok == Some(false)
    }
}

fn harmless(text: &str) -> String {
    SafeText::line(text).as_str().to_owned()
}

/// Tries an account out, until a step fails.
pub fn account(context: &Context, account: &Account, settings: Settings) -> Result<Vec<Step>, Failure> {
    if let Some((what, remedy)) = unsupported(account, settings) {
        return Ok(vec![Step::of("settings", || Err((what, remedy)))]);
    }
    let mut steps = Vec::new();
    match &account.source {
        Source::Maildir { path } => steps.push(folder(path, settings)),
        Source::Imap(server) | Source::Pop3(server, _) => {
            steps.push(password(account, server, settings));
            if context.global.offline {
                steps.push(Step::left_out("connect", "left out because of --offline"));
                return Ok(steps);
            }
            if !steps.iter().any(Step::has_failed) {
                steps.push(runtime::block_on(connect(server))?);
            }
        }
    }
    if !steps.iter().any(Step::has_failed) {
        let started = Instant::now();
        let trial = runtime::block_on(try_account(account))?;
        steps.extend(steps_of(account, trial, started.elapsed(), settings));
    }
    Ok(steps)
}

/// Says why this version cannot do an account, and what to do instead.
fn unsupported(account: &Account, settings: Settings) -> Option<(String, String)> {
    match (settings, &account.source) {
        (Settings::Flags, Source::Pop3(..)) => Some((
            "POP3 is not done by this version of Surat yet".to_owned(),
            "where the server offers IMAP, use --imap HOST instead of --pop3".to_owned(),
        )),
        _ => account.unsupported().map(|why| (why, "nothing else was tried".to_owned())),
    }
}

fn folder(path: &Path, settings: Settings) -> Step {
    Step::of("folder", || {
        let is_maildir = path.join("cur").is_dir() || path.join("new").is_dir();
        match path.is_dir() {
            true if is_maildir => Ok(format!("{} is a Maildir", path.display())),
            true => Ok(format!("{} holds no mail of its own; the folders below it are looked at", path.display())),
            false => Err((
                format!("there is no directory {}", path.display()),
                format!("mend {}, or make the directory", settings.name("--maildir", "the path in the configuration")),
            )),
        }
    })
}

fn password(account: &Account, server: &Server, settings: Settings) -> Step {
    Step::of("password", || match &server.password {
        Some(password) => password.read().map(|_| "the command gave one".to_owned()).map_err(|error| {
            (error.to_string(), "run the command by hand; it must print the password as its first line".to_owned())
        }),
        None => Err((
            "no password is configured".to_owned(),
            match settings {
                Settings::Flags => "add --password-command 'pass show mail/work', or what prints yours".to_owned(),
                Settings::File => format!(
                    "write password = {{ command = \"pass show mail/work\" }}, or what prints yours, into [accounts.{}.{}]",
                    account.name,
                    account.source.kind()
                ),
            },
        )),
    })
}

/// Looks the name up and reaches the port; nothing is said to the server.
async fn connect(server: &Server) -> Step {
    let started = Instant::now();
    let reached = tokio::time::timeout(CONNECT_WITHIN, async {
        let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((server.host.as_str(), server.port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => {
                return Err((
                    format!("no address was found for {} ({error})", server.host),
                    "check how the host is spelled, and whether this computer is online".to_owned(),
                ));
            }
        };
        let mut what = format!("the name {} has no address", server.host);
        for address in addresses {
            match tokio::net::TcpStream::connect(address).await {
                Ok(_) => return Ok(address.to_string()),
                Err(error) => what = unreachable(&error, address),
            }
        }
        Err((what, format!("check host and port ({}), the network, and whether a firewall is between", server.place())))
    });
    let late = || {
        let what = format!("{} did not answer within {} s", server.place(), CONNECT_WITHIN.as_secs());
        Err((what, "check host and port; a firewall may swallow what is sent there".to_owned()))
    };
    let tried = reached.await.unwrap_or_else(|_| late());
    let mut step = Step::of("connect", || tried);
    step.seconds = started.elapsed().as_secs_f64();
    step.is_temporary = step.has_failed();
    step
}

fn unreachable(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing listens at {address} (connection refused)"),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => format!("there is no way to {address}"),
        _ => format!("{address} could not be reached ({error})"),
    }
}

/// Says a trial as steps: TLS, signing in, folders.
fn steps_of(account: &Account, trial: Trial, took: Duration, settings: Settings) -> Vec<Step> {
    let Trial { sign_in, folders, error, .. } = trial;
    let kind = error.as_ref().map(|error| error.kind);
    let has_signed_in = sign_in > Duration::ZERO;
    let folders_took = took.saturating_sub(sign_in).as_secs_f64();
    let failed = |step, error: &Error| {
        let said = error.server_says.as_deref().map(SafeText::server_words);
        let said = said.map(|words| format!("; the server says: {words}")).unwrap_or_default();
        let mut step = Step::of(step, || Err((format!("{}{said}", error.what), settings.remedy(account, error.kind))));
        step.seconds = took.as_secs_f64();
        step.is_temporary = matches!(error.kind, Kind::Network | Kind::Timeout | Kind::Busy);
        step
    };
    let mut steps = Vec::new();
    if let Some(server) = account.source.server() {
        let is_tls_known = has_signed_in || kind == Some(Kind::SignIn);
        let tls = match server.security {
            Security::None => Step::left_out("TLS", "none: the server is this computer"),
            Security::Tls => Step::of("TLS", || Ok("the certificate is trusted".to_owned())),
            Security::StartTls => Step::of("TLS", || Ok("STARTTLS, the certificate is trusted".to_owned())),
        };
        match &error {
            Some(error) if matches!(error.kind, Kind::Certificate | Kind::Tls) => return vec![failed("TLS", error)],
            Some(error) if error.kind == Kind::Local && !has_signed_in => return vec![failed("settings", error)],
            _ if is_tls_known => steps.push(tls),
            _ => {}
        }
        if has_signed_in {
            let mut step = Step::of("sign in", || Ok(format!("as {}", server.username)));
            step.seconds = sign_in.as_secs_f64();
            steps.push(step);
        } else if let Some(error) = &error {
            let is_early = error.kind != Kind::SignIn && error.stage == "connecting";
            steps.push(failed(if is_early { "greeting" } else { "sign in" }, error));
            return steps;
        }
    }
    match &error {
        Some(error) => steps.push(failed("folders", error)),
        None => {
            let mut step = Step::of("folders", || Ok(in_words(&folders)));
            step.seconds = folders_took;
            steps.push(step);
        }
    }
    steps
}

/// Says what folders there are: `12; inbox INBOX, sent Sent, trash Trash`.
fn in_words(folders: &[(String, Option<Role>)]) -> String {
    let with_role: Vec<String> =
        folders.iter().filter_map(|(name, role)| Some(format!("{} = {name}", (*role)?.as_str()))).collect();
    match (folders.len(), with_role.is_empty()) {
        (count, true) => format!("{count}; none is known to be the inbox, the archive or the trash"),
        (count, false) => format!("{count}: {}", with_role.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imap() -> Account {
        let server = Server {
            host: "imap.example.org".into(),
            port: 993,
            security: Security::Tls,
            username: "ayu".into(),
            password: None,
            auth: crate::config::account::Auth::Password,
            ca_file: None,
        };
        Account::new("work", "ayu@example.org", Source::Imap(server))
    }

    /// Gives the steps of a failed trial: `+` done, `-` failed, `~` failed for now.
    fn failing(kind: Kind, sign_in: Duration) -> String {
        let error = Error::new(kind, "imap.example.org:993", "signing in", "what");
        let trial = Trial { sign_in, error: Some(error), ..Trial::default() };
        let mark = |step: &Step| match (step.has_failed(), step.is_temporary) {
            (true, true) => "~",
            (true, false) => "-",
            (false, _) => "+",
        };
        let steps = steps_of(&imap(), trial, Duration::from_secs(1), Settings::File);
        steps.iter().map(|step| format!("{}{}", mark(step), step.step)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_step_that_failed_is_named_and_those_before_it_are_done() {
        let (none, some) = (Duration::ZERO, Duration::from_millis(5));
        let cases = [
            (Kind::Certificate, none, "-TLS"),
            (Kind::SignIn, none, "+TLS -sign in"),
            (Kind::Timeout, none, "~sign in"),
            (Kind::Network, some, "+TLS +sign in ~folders"),
            (Kind::Refused, some, "+TLS +sign in -folders"),
        ];
        for (kind, sign_in, expected) in cases {
            assert_eq!(failing(kind, sign_in), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_remedy_names_flags_before_an_account_is_written_down_and_keys_after() {
        let late = |security| {
            let mut account = imap();
            if let Source::Imap(server) = &mut account.source {
                server.security = security;
            }
            account
        };
        for kind in [Kind::Certificate, Kind::Tls, Kind::SignIn] {
            let (flags, file) = (Settings::Flags.remedy(&imap(), kind), Settings::File.remedy(&imap(), kind));
            assert!(flags.contains(" --") && !flags.contains('['), "{kind:?}: {flags}");
            assert!(file.contains("[accounts.work.imap]") && !file.contains(" --"), "{kind:?}: {file}");
        }
        assert!(Settings::Flags.remedy(&late(Security::StartTls), Kind::Timeout).contains("--security tls"));
        assert!(Settings::Flags.remedy(&late(Security::StartTls), Kind::Tls).contains("--security tls"));
        assert!(!Settings::Flags.remedy(&late(Security::Tls), Kind::Timeout).contains("--security"));
    }

    #[test]
    fn folders_are_named_with_what_they_are_for() {
        let folders = [("INBOX".to_owned(), Some(Role::Inbox)), ("Friends".to_owned(), None)];
        assert_eq!(in_words(&folders), "2: inbox = INBOX");
        assert!(in_words(&[]).starts_with("0; none is known"));
    }
}
