//! A server for the tests of the manager: it says and gives what a test tells it to.

#![allow(clippy::unwrap_used)]
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::backend::{Backend, Error, Kind, Known, News, Offer, Outcome, Traffic};
use crate::mail::keyword::Keywords;
use crate::mail::mailbox::Role;
use crate::mail::remote::{Applied, Arrived, Cursor, Delta, RemoteId, RemoteMailbox, RemoteOperation, Slice, Want};
use crate::mail::time::UnixTime;

/// Gives a body, or hangs up.
type Giving = Box<dyn FnMut(&Want) -> Result<Option<Vec<u8>>, Error> + Send>;

/// Has no news and gives no body, unless it is told otherwise.
#[derive(Default)]
pub struct Fake {
    /// The news of every mailbox.
    pub news: Vec<Delta>,
    /// Done before it compares with what is known; without this it does not compare.
    pub compares: Option<Box<dyn FnMut() + Send>>,
    /// Whether the link breaks after the news.
    pub breaks: bool,
    /// Whether every folder is refused.
    pub refuses: bool,
    /// Whether there is an inbox.
    pub has_inbox: bool,
    /// How often it lists its folders before it falls silent; without this always.
    pub lists: Option<u32>,
    /// What comes of waiting for it, at once; without this nothing, ever.
    pub announces: Option<News>,
    /// Gives bodies.
    pub body: Option<Giving>,
}

/// The link is gone.
pub fn hung_up() -> Error {
    Error::new(Kind::Network, "imap.example.org:993", "fetching messages", "the server hung up")
}

/// The one folder.
pub fn inbox() -> RemoteMailbox {
    RemoteMailbox {
        path: "INBOX".into(),
        name: "INBOX".into(),
        role: Some(Role::Inbox),
        is_selectable: true,
        is_subscribed: true,
    }
}

/// News of so many messages, `1` being the oldest.
pub fn newcomers(count: i64) -> Vec<Delta> {
    let arrived = |number: i64| {
        Delta::Arrived(Box::new(Arrived {
            id: RemoteId(number.to_string()),
            keywords: Keywords::default(),
            received: UnixTime(1_700_000_000 + number),
            size: 20,
            header: Default::default(),
            object_id: None,
        }))
    };
    (1..=count).map(arrived).chain([Delta::Commit(Cursor("1".into()))]).collect()
}

impl Backend for Fake {
    fn offer(&self) -> Offer {
        Offer::default()
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn mailboxes(&mut self) -> Result<Vec<RemoteMailbox>, Error> {
        match &mut self.lists {
            Some(0) => std::future::pending().await,
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(if self.has_inbox { vec![inbox()] } else { Vec::new() })
    }

    async fn changes(
        &mut self,
        _: &str,
        _: Option<&Cursor>,
        known: &impl Known,
        out: &Sender<Delta>,
    ) -> Result<(), Error> {
        if self.refuses {
            return Err(Error::new(Kind::Refused, "imap.example.org:993", "looking for changes", "not for you"));
        }
        if let Some(before) = &mut self.compares {
            before();
            known.remotes().await?;
        }
        for delta in self.news.clone() {
            out.send(delta).await.map_err(|_| Error::new(Kind::Local, "", "", "nobody listens"))?;
        }
        if self.breaks { Err(hung_up()) } else { Ok(()) }
    }

    async fn fetch(&mut self, _: &str, wants: &[Want], out: &Sender<Slice>) -> Result<(), Error> {
        let Some(body) = &mut self.body else { return Ok(()) };
        for want in wants {
            if let Some(bytes) = body(want)? {
                let slice = Slice { id: want.id.clone(), offset: 0, bytes, is_last: true };
                out.send(slice).await.map_err(|_| Error::new(Kind::Local, "", "", "nobody listens"))?;
            }
        }
        Ok(())
    }

    async fn apply(&mut self, operations: &[RemoteOperation], outcomes: &mut Vec<Outcome>) -> Result<(), Error> {
        outcomes.extend(operations.iter().map(|_| Ok(Applied::default())));
        Ok(())
    }

    fn is_beyond(&self, _: &Cursor, _: &RemoteId) -> bool {
        true
    }

    async fn wait(&mut self, _: &str, _: Duration) -> Result<News, Error> {
        match &self.announces {
            Some(news) => Ok(news.clone()),
            None => std::future::pending().await,
        }
    }

    async fn close(&mut self) {}
}

/// Makes the files of a store unreadable, as a disk does that fails.
pub fn spoil(dir: &std::path::Path) {
    for name in ["surat.db", "surat.db-wal"] {
        let path = dir.join(name);
        let length = path.metadata().unwrap().len();
        let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        std::io::Write::write_all(&mut file, &vec![0xff; length as usize]).unwrap();
    }
}
