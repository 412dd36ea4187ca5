//! A user on each of the servers that the tests know, so that one test can ask the same of all of them. What differs
//! between the servers is data in here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use surat::backend::imap::Credentials;
use surat::backend::net::{Endpoint, Security};

use super::courier::courier;
use super::cyrus::cyrus;
use super::dovecot::{Letter, OnServer, PASSWORD, RawClient, dovecot, synthetic};

/// Where tests/install unpacks servers that cannot be installed beside Dovecot.
const UNPACKED: &str = "/opt/surat-tests";

/// The mailboxes with a task that every user has, by their names below [`Account::path`].
pub const WITH_ROLES: [&str; 5] = ["Archive", "Drafts", "Junk", "Sent", "Trash"];

/// One person with mail on one of the servers.
#[derive(Debug, Clone)]
pub struct Account {
    /// The server's name, for the message of a test that fails.
    pub server: &'static str,
    /// Plain text on loopback.
    pub port: u16,
    pub name: String,
    /// What stands before every mailbox but the inbox.
    prefix: &'static str,
    pub delimiter: char,
}

/// Gives a new user of each server.
pub fn everywhere(name: &str) -> Vec<Account> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let account = |server, port, prefix, delimiter| {
        let account = Account { server, port, name: name.clone(), prefix, delimiter };
        let mut client = account.raw();
        for mailbox in WITH_ROLES {
            client.make(&account.path(mailbox));
            client.run(&format!("SUBSCRIBE {}", account.path(mailbox)));
        }
        account
    };
    vec![
        account("Dovecot", dovecot().imap_port, "", '/'),
        account("Cyrus", cyrus().port, "", '/'),
        account("Courier", courier().port, "INBOX.", '.'),
    ]
}

impl Account {
    /// Gives a mailbox's name on the wire: `Work/Old` is `INBOX.Work.Old` on Courier.
    pub fn path(&self, name: &str) -> String {
        match name {
            "INBOX" => name.to_owned(),
            _ => format!("{}{}", self.prefix, name.replace('/', &self.delimiter.to_string())),
        }
    }

    /// Gives a mailbox's name as people read it.
    pub fn name_for_people(&self, name: &str) -> String {
        format!("{}{name}", self.prefix.replace(self.delimiter, "/"))
    }

    /// Gives the name of which [`Account::path`] made a path.
    pub fn name_of(&self, path: &str) -> String {
        path.strip_prefix(self.prefix).unwrap_or(path).replace(self.delimiter, "/")
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint { host: "127.0.0.1".into(), port: self.port, security: Security::None, ca_file: None }
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::new(self.name.clone(), PASSWORD.into())
    }

    /// A second client of this user, signed in.
    pub fn raw(&self) -> RawClient {
        let mut client = RawClient::connect(self.port);
        client.run(&format!("LOGIN {} {PASSWORD}", self.name));
        client
    }

    /// What a second client sees of the account. The inbox counts as subscribed to.
    pub fn everything(&self) -> Everything {
        let mut client = self.raw();
        let mut paths = |command: &str| -> Vec<String> {
            let lines = client.run(&format!("{command} \"\" \"*\"")).into_iter();
            let selectable = lines.filter(|line| !line.text.to_lowercase().contains("\\noselect"));
            selectable.map(|line| line.text.rsplit_once("\" ").unwrap().1.trim_matches('"').to_owned()).collect()
        };
        let (all, subscribed) = (paths("LIST"), paths("LSUB"));
        let message = |message: OnServer| {
            let text = String::from_utf8_lossy(&message.raw).into_owned();
            let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
            (subject.unwrap_or_default().to_owned(), message.flags.join(" ").to_lowercase())
        };
        let mailbox = |path: &String| {
            let mut messages: Vec<_> = client.contents(path).into_iter().map(message).collect();
            messages.sort();
            (self.name_of(path), (subscribed.contains(path) || path == "INBOX", messages))
        };
        all.iter().map(mailbox).collect()
    }

    /// Puts messages into a mailbox, which is made if need be.
    pub fn deliver(&self, mailbox: &str, letters: &[Letter<'_>]) {
        let (mut client, path) = (self.raw(), self.path(mailbox));
        client.make(&path);
        client.append_each(&path, letters);
    }

    /// Puts `count` small synthetic messages into a mailbox: the n-th has the subject `Letter n`.
    pub fn deliver_many(&self, mailbox: &str, count: usize) {
        let raw: Vec<Vec<u8>> = (1..=count).map(|n| synthetic(mailbox, n)).collect();
        let letters: Vec<Letter<'_>> = raw.iter().map(|raw| (&raw[..], "", "")).collect();
        self.deliver(mailbox, &letters);
    }
}

/// The mailboxes by their names below [`Account::path`]: whether each is subscribed to, and the subject and the flags of
/// every message in it, sorted.
pub type Everything = BTreeMap<String, (bool, Vec<(String, String)>)>;

/// A server that tests/install unpacked: its root, and where its libraries are.
#[derive(Debug)]
pub struct Unpacked {
    pub root: PathBuf,
    /// For `LD_LIBRARY_PATH`.
    pub libraries: String,
}

impl Unpacked {
    /// Finds what was unpacked of a package.
    pub fn find(package: &str) -> Unpacked {
        let root = Path::new(UNPACKED).join(package);
        assert!(root.is_dir(), "{} is not there: run tests/install", root.display());
        let mut libraries = vec![root.join("usr/lib")];
        for folder in ["usr/lib", "lib"] {
            let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
            libraries.extend(entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-gnu")));
        }
        let libraries: Vec<String> = libraries.iter().map(|path| path.display().to_string()).collect();
        Unpacked { root, libraries: libraries.join(":") }
    }
}
