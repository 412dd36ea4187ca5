//! The manager against every server that the tests know: what is in the store after a sync is what the server has.

use surat::config::account::{Account as Configured, Auth, Password, Security, Server, Source};
use surat::store::Store;

use super::sync::{Contents, Folder, kept, open, sync};
use crate::backend::imap::on_server;
use crate::support::dovecot::PASSWORD;
use crate::support::servers::{Account, WITH_ROLES, everywhere};

fn configured(account: &Account) -> Configured {
    let server = Server {
        host: "127.0.0.1".into(),
        port: account.port,
        security: Security::None,
        username: account.name.clone(),
        password: Some(Password::Command(format!("echo {PASSWORD}"))),
        auth: Auth::default(),
        ca_file: None,
    };
    Configured::new("test", "me@example.org", Source::Imap(server))
}

/// What the server has in these mailboxes and in those with a task.
fn expected(account: &Account, names: &[&str]) -> Contents {
    let mut client = account.raw();
    let folder = |name: &&str| {
        let messages = client.contents(&account.path(name));
        let copies = on_server(&messages);
        let keywords: Vec<_> = copies.iter().map(|(_, keywords)| keywords.clone()).collect();
        let messages = messages.into_iter().map(|message| message.raw).zip(keywords).collect();
        (account.path(name), Folder::new(copies, messages))
    };
    names.iter().chain(&WITH_ROLES).map(folder).collect()
}

fn assert_in_step(store: &Store, account: &Account, names: &[&str], when: &str) {
    assert_eq!(kept(store), expected(account, names), "{}: {when}", account.server);
}

#[test]
fn after_a_sync_the_store_is_what_each_server_has_and_a_second_one_brings_nothing() {
    for account in everywhere("engine") {
        let server = account.server;
        let mut names = vec!["INBOX", "Work", "Work/Spring"];
        for name in &names {
            account.deliver_many(name, 20);
        }
        account.deliver("Archive", &[(b"Subject: kept\r\n\r\nbody\r\n", "\\Flagged $todo", "")]);
        let dir = tempfile::tempdir().unwrap();
        let (store, configured) = (open(dir.path()), configured(&account));
        let first = sync(&store, &configured);
        assert_eq!((first.report.error, first.report.fetched), (None, 61), "{server}");
        assert_in_step(&store, &account, &names, "after the first sync");
        let second = sync(&store, &configured);
        assert_eq!((second.report.error, second.report.fetched), (None, 0), "{server}");

        // Another client marks, removes, adds, moves, and changes the folders.
        let mut client = account.raw();
        client.run("SELECT INBOX");
        client.run("UID STORE 1:5 +FLAGS (\\Seen)");
        client.run(&format!("UID COPY 6:8 {}", account.path("Archive")));
        client.run("UID STORE 6:9 +FLAGS.SILENT (\\Deleted)");
        client.run("EXPUNGE");
        client.run(&format!("RENAME {} {}", account.path("Work/Spring"), account.path("Summer")));
        account.deliver("Work", &[(b"Subject: new\r\n\r\nbody\r\n", "\\Flagged", "")]);
        account.deliver("Notes", &[(b"Subject: note\r\n\r\nbody\r\n", "", "")]);
        let third = sync(&store, &configured);
        assert_eq!(third.report.error, None, "{server}");
        names = vec!["INBOX", "Work", "Summer", "Notes"];
        assert_in_step(&store, &account, &names, "after changes elsewhere");

        // A mailbox that is removed and made anew under its name.
        client.run(&format!("DELETE {}", account.path("Notes")));
        account.deliver("Notes", &[(b"Subject: another\r\n\r\nbody\r\n", "", "")]);
        assert_eq!(sync(&store, &configured).report.error, None, "{server}");
        assert_in_step(&store, &account, &names, "after a mailbox was made anew");
    }
}
