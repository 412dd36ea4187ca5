//! What the tests of IMAP share: a deadline round everything, and a mirror that takes deltas as the store would.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use surat::backend::imap::{Credentials, Imap, Timeouts};
use surat::backend::net::{Endpoint, Security};
use surat::backend::{Backend, Error, Known};
use surat::mail::keyword::Keywords;
use surat::mail::remote::{Arrived, Cursor, Delta, RemoteId, Slice, Want};

use crate::support::certs::certs;
use crate::support::dovecot::{OnServer, PASSWORD, TestUser};
use crate::support::proxy::Proxy;

/// For servers that are meant to answer.
pub const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(20),
    answer: Duration::from_secs(20),
    idle: Duration::from_secs(600),
    poll: Duration::from_millis(100),
};

/// For those that are not.
pub const HASTY: Timeouts = Timeouts {
    connect: Duration::from_millis(1_500),
    answer: Duration::from_millis(700),
    idle: Duration::from_secs(600),
    poll: Duration::from_millis(100),
};

/// Runs a test's talk with a server. A hang fails the test, and so does a panic.
pub fn within<T: Send + 'static>(deadline: Duration, what: &str, talk: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        sender.send(runtime.block_on(talk)).ok();
    });
    match receiver.recv_timeout(deadline) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: not done within {deadline:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let reason = thread.join().expect_err("a talk without an end");
            let text = reason.downcast_ref::<String>().cloned();
            panic!(
                "{what}: {}",
                text.or_else(|| reason.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default()
            )
        }
    }
}

/// The usual case of it.
pub fn talk<T: Send + 'static>(talk: impl Future<Output = T> + Send + 'static) -> T {
    within(Duration::from_secs(60), "the talk", talk)
}

/// A plain-text way to a port of this machine.
pub fn plain(port: u16) -> Endpoint {
    Endpoint { host: "127.0.0.1".into(), port, security: Security::None, ca_file: Some(certs().authority.clone()) }
}

/// Signs a user in.
pub async fn sign_in(user: &TestUser, security: Security) -> Imap {
    Imap::connect(&user.endpoint(security), &user.credentials(), PATIENT).await.unwrap()
}

/// Signs a user in over a proxy.
pub async fn sign_in_over(proxy: &Proxy, user: &TestUser) -> Result<Imap, Error> {
    let credentials = Credentials::new(user.name.clone(), PASSWORD.into());
    Imap::connect(&plain(proxy.port), &credentials, PATIENT).await
}

/// One mailbox as the store would have it: only what was committed counts.
#[derive(Debug, Clone, Default)]
pub struct Mirror {
    pub messages: BTreeMap<RemoteId, (Keywords, Arrived)>,
    pub cursor: Option<Cursor>,
}

/// What one pull brought.
#[derive(Debug, Default)]
pub struct Pulled {
    /// The newcomers, in the order in which they came.
    pub arrived: Vec<Arrived>,
    pub keywords: usize,
    pub vanished: usize,
    pub resets: usize,
    pub expected: Option<u64>,
    /// Newcomers in each committed portion.
    pub portions: Vec<usize>,
}

impl Known for Mirror {
    async fn remotes(&self) -> Result<Vec<(RemoteId, Keywords)>, Error> {
        Ok(self.messages.iter().map(|(id, (keywords, _))| (id.clone(), keywords.clone())).collect())
    }

    async fn count(&self) -> Result<u64, Error> {
        Ok(self.messages.len() as u64)
    }
}

impl Mirror {
    /// Takes what changed. What was committed before an error stays, the rest is dropped, as the store does it.
    pub async fn pull(&mut self, imap: &mut Imap, mailbox: &str) -> Result<Pulled, Error> {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        let (known, cursor) = (self.clone(), self.cursor.clone());
        let producing = async {
            let result = imap.changes(mailbox, cursor.as_ref(), &known, &sender).await;
            drop(sender);
            result
        };
        let consuming = async {
            let (mut pulled, mut portion) = (Pulled::default(), Vec::new());
            while let Some(delta) = receiver.recv().await {
                let is_end = matches!(delta, Delta::Commit(_));
                portion.push(delta);
                if is_end {
                    self.commit(std::mem::take(&mut portion), &mut pulled);
                }
            }
            portion.retain(|delta| !matches!(delta, Delta::Expect(_)));
            (pulled, portion)
        };
        let (produced, (pulled, rest)) = tokio::join!(producing, consuming);
        produced?;
        assert!(rest.is_empty(), "a success that leaves news uncommitted: {rest:?}");
        Ok(pulled)
    }

    fn commit(&mut self, portion: Vec<Delta>, pulled: &mut Pulled) {
        let before = pulled.arrived.len();
        for delta in portion {
            match delta {
                Delta::Reset => {
                    self.messages.clear();
                    pulled.resets += 1;
                }
                Delta::Arrived(arrived) => {
                    self.messages.insert(arrived.id.clone(), (arrived.keywords.clone(), (*arrived).clone()));
                    pulled.arrived.push(*arrived);
                }
                Delta::Keywords(id, keywords) => {
                    self.messages.entry(id).and_modify(|message| message.0 = keywords);
                    pulled.keywords += 1;
                }
                Delta::Vanished(ids) => {
                    pulled.vanished += ids.iter().filter(|id| self.messages.remove(id).is_some()).count();
                }
                Delta::Expect(count) => pulled.expected = Some(count),
                Delta::Commit(cursor) => self.cursor = Some(cursor),
            }
        }
        pulled.portions.push(pulled.arrived.len() - before);
    }

    /// Gives every message as (UID, keywords), to be compared with [`on_server`].
    pub fn state(&self) -> Vec<(u32, Keywords)> {
        let mut state: Vec<_> = self.messages.iter().map(|(id, (keywords, _))| (uid(id), keywords.clone())).collect();
        state.sort();
        state
    }

    /// Wants every body from its first byte on, in the order of the ids.
    pub fn wants(&self) -> Vec<Want> {
        let mut wants: Vec<Want> = self
            .messages
            .iter()
            .map(|(id, (_, arrived))| Want { id: id.clone(), offset: 0, size: arrived.size })
            .collect();
        wants.sort_by_key(|want| uid(&want.id));
        wants
    }
}

/// The UID in the backend's spelling of an id; only tests may know it.
pub fn uid(id: &RemoteId) -> u32 {
    id.0.rsplit('.').next().unwrap().parse().unwrap()
}

/// What the server has, as [`Mirror::state`] tells it.
pub fn on_server(messages: &[OnServer]) -> Vec<(u32, Keywords)> {
    let keywords = |message: &OnServer| {
        let words: Vec<String> = message.flags.iter().map(|flag| flag.replace('\\', "$")).collect();
        Keywords::new(words.iter().map(String::as_str))
    };
    messages.iter().map(|message| (message.uid, keywords(message))).collect()
}

/// Fetches bodies and gives the slices as they came.
pub async fn fetch(imap: &mut Imap, mailbox: &str, wants: &[Want]) -> Result<Vec<Slice>, Error> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    let producing = async {
        let result = imap.fetch(mailbox, wants, &sender).await;
        drop(sender);
        result
    };
    let consuming = async {
        let mut slices = Vec::new();
        while let Some(slice) = receiver.recv().await {
            slices.push(slice);
        }
        slices
    };
    let (produced, slices) = tokio::join!(producing, consuming);
    produced.map(|()| slices)
}

/// Puts slices together; each message's must follow each other without a gap and end once.
pub fn whole(slices: &[Slice]) -> BTreeMap<RemoteId, Vec<u8>> {
    let (mut bodies, mut ended) = (BTreeMap::<RemoteId, Vec<u8>>::new(), Vec::new());
    let mut starts = BTreeMap::<RemoteId, u64>::new();
    for slice in slices {
        let start = *starts.entry(slice.id.clone()).or_insert(slice.offset);
        let body = bodies.entry(slice.id.clone()).or_default();
        assert_eq!(slice.offset, start + body.len() as u64, "a gap in {:?}", slice.id);
        assert!(!ended.contains(&slice.id), "more after the last slice of {:?}", slice.id);
        body.extend(&slice.bytes);
        if slice.is_last {
            ended.push(slice.id.clone());
        }
    }
    assert_eq!(ended.len(), bodies.len(), "not every body has its last slice");
    bodies
}
