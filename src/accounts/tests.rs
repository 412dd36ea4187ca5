//! A server for the tests of the manager: it says and gives what a test tells it to.

use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::backend::{Backend, Error, Kind, Known, News, Offer, Traffic};
use crate::mail::remote::{Applied, Cursor, Delta, RemoteMailbox, RemoteOperation, Slice, Want};

/// Gives a body, or hangs up.
type Giving = Box<dyn FnMut(&Want) -> Result<Option<Vec<u8>>, Error> + Send>;

/// Has no news and gives no body, unless it is told otherwise.
#[derive(Default)]
pub struct Fake {
    /// The news of every mailbox.
    pub news: Vec<Delta>,
    /// Done before it compares with what is known; without this it does not compare.
    pub compares: Option<Box<dyn FnMut() + Send>>,
    /// Gives bodies.
    pub body: Option<Giving>,
}

/// The link is gone.
pub fn hung_up() -> Error {
    Error::new(Kind::Network, "imap.example.org:993", "fetching messages", "the server hung up")
}

impl Backend for Fake {
    fn offer(&self) -> Offer {
        Offer::default()
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn mailboxes(&mut self) -> Result<Vec<RemoteMailbox>, Error> {
        Ok(Vec::new())
    }

    async fn changes(
        &mut self,
        _: &str,
        _: Option<&Cursor>,
        known: &impl Known,
        out: &Sender<Delta>,
    ) -> Result<(), Error> {
        if let Some(before) = &mut self.compares {
            before();
            known.remotes().await?;
        }
        for delta in self.news.clone() {
            out.send(delta).await.map_err(|_| Error::new(Kind::Local, "", "", "nobody listens"))?;
        }
        Ok(())
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

    async fn apply(&mut self, _: &RemoteOperation) -> Result<Applied, Error> {
        Ok(Applied::default())
    }

    async fn wait(&mut self, _: &str, _: Duration) -> Result<News, Error> {
        Ok(News::TimedOut)
    }

    async fn close(&mut self) {}
}
