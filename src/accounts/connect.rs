//! Owns the step from an account's settings to a signed-in connection.
//!
//! The password is fetched for each connection and forgotten with it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::accounts::worker::Connector;
use crate::backend::maildir::Maildir;
use crate::backend::{Error, Kind};
use crate::config::{Account, Source};
use crate::mail::account::Notice;

/// A connector for whatever an account is.
pub enum AnyConnector {
    /// A Maildir on this computer.
    Maildir(Arc<MaildirConnector>),
    /// Nothing that can be connected, and why.
    None(Notice),
}

/// Gives the connector for an account.
pub fn connector(settings: &Account) -> AnyConnector {
    match &settings.source {
        Source::Imap(_) => AnyConnector::None(Notice {
            account: Some(settings.name.clone()),
            what: "IMAP is not built in yet".into(),
            server_says: None,
            remedy: "Use a Maildir.".into(),
        }),
        Source::Maildir { path } => AnyConnector::Maildir(Arc::new(MaildirConnector { path: path.clone() })),
        Source::Pop3(..) => AnyConnector::None(Notice {
            account: Some(settings.name.clone()),
            what: "this account is fetched by POP3, which this version does not do yet".into(),
            server_says: None,
            remedy: "If the server offers IMAP, give the account an [imap] section instead of [pop3].".into(),
        }),
    }
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
