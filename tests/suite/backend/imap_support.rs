//! The servers of the tests do what the tests believe of them.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::dovecot::{RawClient, dovecot, synthetic};
use crate::support::proxy::{Faults, Proxy};
use crate::support::scripted::{Script, Step, say};

#[test]
fn dovecot_keeps_what_is_delivered() {
    let user = dovecot().user("support");
    user.deliver("Work", &[(b"Subject: a\r\n\r\nb\r\n", "\\Seen $Todo", "02-Nov-2026 10:00:00 +0000")]);
    user.deliver_many("INBOX", 3);
    let mut client = user.raw();
    let work = client.contents("Work");
    assert_eq!(
        (work.len(), work[0].uid, &work[0].raw[..]),
        (1, 1, &b"Subject: a\r\n\r\nb\r\n"[..]),
        "{}",
        user.server.log()
    );
    assert_eq!(work[0].flags, ["$Todo", "\\Seen"]);
    let inbox = client.contents("INBOX");
    assert_eq!(
        inbox.iter().map(|message| message.raw.clone()).collect::<Vec<_>>(),
        [1, 2, 3].map(|n| synthetic("INBOX", n))
    );
    let refused = client.try_run("SELECT Nowhere").1;
    assert!(refused.starts_with("NO"), "{refused}");
    let lists = client.run("LIST \"\" \"*\"");
    assert!(lists.iter().any(|list| list.text.contains("\\Trash")), "{lists:?}");
}

#[test]
fn the_proxy_counts_hides_silences_and_cuts() {
    let user = dovecot().user("proxy");
    let proxy = Proxy::start(user.server.imap_port, Faults { hidden: vec!["QRESYNC", "IDLE"], ..Faults::default() });
    let mut client = RawClient::connect(proxy.port);
    let (_, status) = client.try_run(&format!("LOGIN {} secret", user.name));
    assert!(status.contains("CONDSTORE") && !status.contains("QRESYNC") && !status.contains(" IDLE"), "{status}");
    client.run("NOOP");
    assert_eq!(proxy.counted().round_trips, 2);
    assert_eq!(proxy.counted().bytes_out, proxy.sent().len() as u64);

    user.deliver_many("INBOX", 1);
    proxy.set(Faults { untold: vec!["COPYUID", "APPENDUID"], ..Faults::default() });
    for (port, is_told) in [(user.server.imap_port, true), (proxy.port, false)] {
        let mut client = RawClient::connect(port);
        client.run(&format!("LOGIN {} secret", user.name));
        client.run("SELECT INBOX");
        let copied = client.try_run("UID COPY 1 Archive").1;
        let added = client.try_append("INBOX", &[(b"Subject: a\r\n\r\n", "", "")]);
        for status in [copied, added] {
            assert_eq!(status.contains("UID "), is_told, "{status}");
            assert!(status.starts_with("OK") && status.contains("completed"), "{status}");
        }
    }

    proxy.set(Faults { cut_after_in: Some(10), is_split: true, ..Faults::default() });
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).ok();
    assert_eq!(got, b"* OK [CAPA");
    assert_eq!(proxy.connections(), 3);
}

#[test]
fn the_scripted_server_says_what_it_is_told_and_records_what_it_got() {
    let script = Script::new().on("LIST", say("* LIST () NIL x\r\n{tag} NO {tag}\r\n")).on("NOOP", vec![Step::Close]);
    let server = script.start();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    stream.write_all(b"a list {3}\r\nabc x\r\nb Select y\r\nc noop\r\n").unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).unwrap();
    assert!(got.starts_with("* OK ready\r\n+ go on\r\n* LIST () NIL x\r\na NO a\r\n* FLAGS"), "{got}");
    assert!(got.ends_with("b OK done\r\n"), "{got}");
    assert_eq!(server.record().clear, b"a list {3}\r\nabc x\r\nb Select y\r\nc noop\r\n");
    assert!(server.record().inside.is_empty());
}
