//! Shows what only a server that misbehaves can show: each one is a table from words of a command to an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::backend::imap::{Credentials, Imap, Timeouts};
use crate::backend::net::{Endpoint, Security};
use crate::backend::{Backend, Error, Kind, Known, News};
use crate::mail::keyword::Keywords;
use crate::mail::remote::{Cursor, Delta, RemoteId};

/// Knows the messages of these UIDs, of UIDVALIDITY 7.
struct Knows(Vec<u32>);

impl Known for Knows {
    async fn remotes(&self) -> Result<Vec<(RemoteId, Keywords)>, Error> {
        Ok(self.0.iter().map(|uid| (RemoteId(format!("7.{uid}")), Keywords::default())).collect())
    }
    async fn count(&self) -> Result<u64, Error> {
        Ok(self.0.len() as u64)
    }
}

/// Serves one connection: the first row whose words are in a command gives the untagged lines before its OK. `trickle`
/// in place of an answer sends a line now and then for ever.
async fn connect(table: &'static [(&'static str, &'static str)], answer: Duration) -> Result<Imap, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (read, mut write) = stream.into_split();
        write.write_all(b"* OK [CAPABILITY IMAP4rev1 CONDSTORE ESEARCH] hello\r\n").await.unwrap();
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let (tag, command) = line.split_once(' ').unwrap();
            let found = table.iter().find(|(words, _)| command.contains(words)).map_or("", |(_, answer)| *answer);
            if found == "trickle" {
                while write.write_all(b"* OK Still here\r\n").await.is_ok() {
                    tokio::time::sleep(answer / 4).await;
                }
                return;
            }
            let code = if command.starts_with("LOGIN") { "[CAPABILITY IMAP4rev1 CONDSTORE ESEARCH] " } else { "" };
            let _ = write.write_all(format!("{found}{tag} OK {code}done\r\n").as_bytes()).await;
        }
    });
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::None, ca_file: None };
    let credentials = Credentials::new("ana".to_owned(), "secret".to_owned());
    Imap::connect(&endpoint, &credentials, Timeouts { answer, ..Timeouts::default() }).await
}

async fn changes(imap: &mut Imap, cursor: Option<&str>, known: &Knows) -> Result<Vec<Delta>, Error> {
    let (sender, mut receiver) = mpsc::channel(1_000);
    let cursor = cursor.map(|text| Cursor(text.to_owned()));
    imap.changes("INBOX", cursor.as_ref(), known, &sender).await?;
    drop(sender);
    let mut deltas = Vec::new();
    while let Some(delta) = receiver.recv().await {
        deltas.push(delta);
    }
    Ok(deltas)
}

fn arrived<'a>(deltas: &'a [Delta]) -> Vec<&'a str> {
    let id = |delta: &'a Delta| if let Delta::Arrived(new) = delta { Some(new.id.0.as_str()) } else { None };
    deltas.iter().filter_map(id).collect()
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_message_that_was_once_left_out_comes_with_the_next_look() {
    let table = &[
        ("SELECT", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 4]\r\n* OK [HIGHESTMODSEQ 9]\r\n"),
        ("UID SEARCH", "* ESEARCH UID ALL 1:3\r\n"),
        ("UID FETCH 2 ", "* 2 FETCH (UID 2 FLAGS () BODY[HEADER.FIELDS (DATE)] \"\")\r\n"),
    ];
    let mut imap = connect(table, LONG).await.unwrap();
    let deltas = changes(&mut imap, Some("1 7 4 9 1"), &Knows(vec![1, 3])).await.unwrap();
    assert_eq!(arrived(&deltas), ["7.2"]);
    assert_eq!(deltas.last(), Some(&Delta::Commit(Cursor("1 7 4 9 1".to_owned()))));
    assert!(!deltas.iter().any(|delta| matches!(delta, Delta::Vanished(_))), "{deltas:?}");
    let deltas = changes(&mut imap, Some("1 7 4 9 1"), &Knows(vec![1, 2, 3])).await.unwrap();
    assert_eq!(deltas, []);
}

#[tokio::test]
async fn what_is_left_out_of_the_first_screenful_is_asked_for_again() {
    let table = &[
        ("SELECT", "* 60 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 61]\r\n"),
        ("UID SEARCH", "* ESEARCH UID ALL 1:60\r\n"),
        ("UID FETCH 1:59 ", "* 59 FETCH (UID 59 BODY[HEADER.FIELDS (DATE)] \"\")\r\n"),
        (
            "FETCH 11:*",
            "* 58 FETCH (UID 58 BODY[HEADER.FIELDS (DATE)] \"\")\r\n* 60 FETCH (UID 60 BODY[HEADER.FIELDS (DATE)] \
             \"\")\r\n",
        ),
    ];
    let mut imap = connect(table, LONG).await.unwrap();
    let deltas = changes(&mut imap, None, &Knows(Vec::new())).await.unwrap();
    assert_eq!(arrived(&deltas), ["7.58", "7.60", "7.59"]);
    let commits: Vec<&Delta> = deltas.iter().filter(|delta| matches!(delta, Delta::Commit(_))).collect();
    assert_eq!(commits[0], &Delta::Commit(Cursor("1 7 61 0 60".to_owned())));
    assert_eq!(commits[1], &Delta::Commit(Cursor("1 7 61 0 1".to_owned())));
}

#[tokio::test]
async fn a_server_that_only_says_that_it_is_there_is_given_up() {
    let table = &[("LIST", "trickle")];
    let answer = Duration::from_millis(100);
    let mut imap = connect(table, answer).await.unwrap();
    let (begin, before) = (std::time::Instant::now(), imap.traffic().bytes_in);
    let error = tokio::time::timeout(LONG, imap.mailboxes()).await.expect("it waits for ever").unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    assert!(begin.elapsed() >= answer * 10, "not the silence is too long, the trickle is");
    assert!(imap.traffic().bytes_in >= before + 5 * 16, "the trickle came");
}

#[tokio::test]
async fn a_server_that_names_more_than_it_has_is_not_followed() {
    let table = &[
        ("SELECT", "* 60 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 4294967295]\r\n"),
        ("UID SEARCH", "* ESEARCH UID ALL 1:4294967294\r\n"),
    ];
    let mut imap = connect(table, LONG).await.unwrap();
    let error = changes(&mut imap, None, &Knows(Vec::new())).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol);
}

#[tokio::test]
async fn an_answer_with_a_foreign_tag_is_an_error_and_never_a_deletion() {
    let table = &[
        ("SELECT", "* 0 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 4]\r\n* OK [HIGHESTMODSEQ 9]\r\n"),
        ("UID SEARCH", "Z9 OK done\r\n"),
    ];
    let mut imap = connect(table, LONG).await.unwrap();
    let error = changes(&mut imap, Some("1 7 4 9 1"), &Knows(vec![1, 2, 3])).await.unwrap_err();
    assert_eq!(error.kind, Kind::Protocol, "an answer to what was never asked");
}

#[tokio::test]
async fn what_is_told_while_flags_are_looked_at_is_news_at_once() {
    for told in ["* 2 EXISTS\r\n", "* 1 EXPUNGE\r\n", "* VANISHED 1\r\n"] {
        let flags: &'static str = format!("{told}* 1 FETCH (UID 1 FLAGS ())\r\n").leak();
        let table = vec![
            ("SELECT", "* 1 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 2]\r\n"),
            ("UID FETCH 1:1 (UID FLAGS)", flags),
        ];
        let mut imap = connect(table.leak(), LONG).await.unwrap();
        assert_eq!(changes(&mut imap, Some("1 7 2 0 1"), &Knows(vec![1])).await.unwrap(), [], "{told}");
        let news = tokio::time::timeout(LONG / 2, imap.wait("INBOX", LONG)).await;
        assert!(matches!(news.expect("nobody heard it").unwrap(), News::Changed(_)), "{told}");
    }
}

#[tokio::test]
async fn the_last_words_are_told_although_the_connection_was_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"* OK [CAPABILITY IMAP4rev1] hello\r\n").await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let tag = line.split_once(' ').unwrap().0;
        let last = format!("{tag} OK [CAPABILITY IMAP4rev1] done\r\n* BYE the machine room is on fire\r\n");
        stream.write_all(last.as_bytes()).await.unwrap();
        // A connection that is closed like this is reset, and whoever writes is told so at once.
        rustix::net::sockopt::set_socket_linger(stream.get_ref(), Some(Duration::ZERO)).unwrap();
        drop(stream);
        let _ = gone.send(());
    });
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::None, ca_file: None };
    let credentials = Credentials::new("ana".to_owned(), "secret".to_owned());
    let mut imap = Imap::connect(&endpoint, &credentials, Timeouts::default()).await.unwrap();
    is_gone.await.unwrap();
    let error = imap.mailboxes().await.unwrap_err();
    assert_eq!((error.kind, error.server_says.as_deref()), (Kind::Network, Some("the machine room is on fire")));
}
