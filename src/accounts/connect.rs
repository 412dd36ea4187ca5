//! Owns the step from an account's settings to a signed-in connection.
//!
//! The password is fetched for each connection and forgotten with it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::accounts::worker::Connector;
use crate::backend::imap::{Credentials, Imap, Timeouts};
use crate::backend::maildir::Maildir;
use crate::backend::net::{self, Endpoint};
use crate::backend::{Error, Kind};
use crate::config::secret::Secret;
use crate::config::{Account, Security, Server, Source};
use crate::mail::account::Notice;

/// A connector for whatever an account is.
pub enum AnyConnector {
    /// An IMAP server.
    Imap(Arc<ImapConnector>),
    /// A Maildir on this computer.
    Maildir(Arc<MaildirConnector>),
    /// Nothing that can be connected, and why.
    None(Notice),
}

/// Gives the connector for an account.
pub fn connector(settings: &Account) -> AnyConnector {
    match &settings.source {
        Source::Imap(server) => AnyConnector::Imap(Arc::new(ImapConnector { server: server.clone() })),
        Source::Maildir { path } => AnyConnector::Maildir(Arc::new(MaildirConnector { path: path.clone() })),
        Source::Pop3(..) => AnyConnector::None(Notice {
            account: Some(settings.name.clone()),
            what: "this account is fetched by POP3, which this version does not do yet".into(),
            server_says: None,
            remedy: "If the server offers IMAP, give the account an [imap] section instead of [pop3].".into(),
        }),
    }
}

/// Connects to an IMAP server.
pub struct ImapConnector {
    server: Server,
}

impl Connector for ImapConnector {
    type Connection = Imap;

    async fn connect(&self) -> Result<Imap, Error> {
        let password = password(&self.server).await?;
        let credentials = Credentials::new(self.server.username.clone(), password.reveal().to_owned());
        Imap::connect(&endpoint(&self.server), &credentials, Timeouts::default()).await
    }
}

/// Gives the endpoint that a server's settings name.
pub fn endpoint(server: &Server) -> Endpoint {
    Endpoint {
        host: server.host.clone(),
        port: server.port,
        security: match server.security {
            Security::Tls => net::Security::Tls,
            Security::StartTls => net::Security::StartTls,
            Security::None => net::Security::None,
        },
        ca_file: server.ca_file.clone(),
    }
}

/// Gets the password of a server.
pub async fn password(server: &Server) -> Result<Secret, Error> {
    let refuse = |what: String| Error::new(Kind::SignIn, server.place(), "getting the password", what);
    let Some(password) = server.password.clone() else {
        return Err(refuse("no password is configured; give the account `password = { command = \"…\" }`".into()));
    };
    tokio::task::spawn_blocking(move || password.read())
        .await
        .map_err(|stopped| refuse(stopped.to_string()))?
        .map_err(|error| refuse(error.to_string()))
}

/// Opens a Maildir.
pub struct MaildirConnector {
    path: PathBuf,
}

impl Connector for MaildirConnector {
    type Connection = Maildir;

    async fn connect(&self) -> Result<Maildir, Error> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || Maildir::open(&path)).await.map_err(|stopped| {
            Error::new(Kind::Local, self.path.display().to_string(), "opening", stopped.to_string())
        })?
    }
}
