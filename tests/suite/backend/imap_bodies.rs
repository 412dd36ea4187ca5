//! Bodies, against a real server: every byte, in slices, from wherever the last try ended.

use std::collections::BTreeMap;

use surat::backend::imap::{Credentials, Imap};
use surat::backend::net::Security;
use surat::backend::{Backend, Kind};
use surat::mail::remote::{RemoteId, Slice, Want};

use super::imap::{HASTY, Mirror, fetch, plain, sign_in, sign_in_over, talk, uid, whole};
use crate::support::dovecot::{TestUser, dovecot};
use crate::support::proxy::{Faults, Proxy};
use crate::support::scripted::{Script, say};

/// Messages of every shape that Dovecot keeps byte by byte.
fn shapes() -> Vec<Vec<u8>> {
    let head = b"From: a@example.org\r\nSubject: shape\r\n\r\n";
    let all_bytes: Vec<u8> = (1..=255).filter(|byte| !matches!(byte, b'\r' | b'\n')).cycle().take(100_000).collect();
    let lines = |count: usize| (0..count).map(|n| format!("line {n} of many )\r\n")).collect::<String>().into_bytes();
    vec![
        head.to_vec(),
        [&head[..], b"no end of line"].concat(),
        [&head[..], b"* 1 FETCH (BODY[] {5}\r\nA0001 OK done\r\n)\r\n"].concat(),
        [&head[..], &all_bytes].concat(),
        [&head[..], &lines(200)].concat(),
        b"Subject: no body and no blank line\r\n".to_vec(),
        [&head[..], &lines(150_000)].concat(),
        [&head[..], &vec![b'x'; (1 << 20) - head.len()]].concat(),
        [&head[..], &vec![b'x'; (1 << 20) + 1 - head.len()]].concat(),
        [&head[..], &vec![b'x'; (2 << 20) - head.len()]].concat(),
    ]
}

fn deliver_shapes(user: &TestUser) -> Vec<Vec<u8>> {
    let shapes = shapes();
    let letters: Vec<_> = shapes.iter().map(|raw| (&raw[..], "", "")).collect();
    user.deliver("INBOX", &letters);
    shapes
}

fn by_uid(bodies: BTreeMap<RemoteId, Vec<u8>>) -> BTreeMap<u32, Vec<u8>> {
    bodies.into_iter().map(|(id, raw)| (uid(&id), raw)).collect()
}

fn assert_same(got: &BTreeMap<u32, Vec<u8>>, shapes: &[Vec<u8>]) {
    assert_eq!(got.len(), shapes.len());
    for (number, (raw, expected)) in got.values().zip(shapes).enumerate() {
        // Not assert_eq: nobody wants to read megabytes.
        assert!(raw == expected, "shape {number}: {} bytes instead of {}", raw.len(), expected.len());
    }
}

#[test]
fn bodies_come_whole_with_every_byte_large_ones_in_slices() {
    let user = dovecot().user("bodies");
    let shapes = deliver_shapes(&user);
    let slices = talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap()
    });
    let largest = slices.iter().map(|slice| slice.bytes.len()).max().unwrap();
    assert!(largest <= 1 << 20, "a slice of {largest} bytes");
    assert_same(&by_uid(whole(&slices)), &shapes);
}

#[test]
fn bodies_come_in_the_order_in_which_they_are_wanted() {
    let user = dovecot().user("order");
    user.deliver_many("INBOX", 450);
    talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        let mut wants = mirror.wants();
        wants.reverse();
        let slices = fetch(&mut imap, "INBOX", &wants).await.unwrap();
        let asked: Vec<_> = wants.iter().map(|want| want.id.clone()).collect();
        let came: Vec<_> = slices.iter().map(|slice| slice.id.clone()).collect();
        assert_eq!(came, asked);
    });
}

#[test]
fn a_body_goes_on_from_any_byte() {
    let user = dovecot().user("resume");
    let shapes = deliver_shapes(&user);
    talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        let wants = mirror.wants();
        for (number, offset) in [(6, 1), (6, 1 << 20), (6, 2_000_003), (7, 17), (8, 1 << 20), (9, (2 << 20) - 1)] {
            let want = Want { offset, ..wants[number].clone() };
            let slices = fetch(&mut imap, "INBOX", &[want]).await.unwrap();
            assert_eq!(slices[0].offset, offset, "shape {number}");
            let rest = whole(&slices).into_values().next().unwrap();
            let expected = &shapes[number][usize::try_from(offset).unwrap()..];
            assert!(rest == expected, "shape {number} from {offset}: {} of {} bytes", rest.len(), expected.len());
        }
        // Everything was here already but for the word that it was.
        let size = shapes[6].len() as u64;
        let slices = fetch(&mut imap, "INBOX", &[Want { offset: size, ..wants[6].clone() }]).await.unwrap();
        assert!(slices.iter().all(|slice| slice.bytes.is_empty() && slice.offset == size), "{}", slices.len());
        assert_eq!(slices.iter().filter(|slice| slice.is_last).count(), 1);
    });
}

#[test]
fn a_message_that_is_gone_is_left_out_and_one_of_another_life_of_the_mailbox_never_asked_for() {
    let user = dovecot().user("missing");
    user.deliver_many("INBOX", 10);
    talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        let mut client = user.raw();
        client.run("SELECT INBOX");
        client.run("UID STORE 4 +FLAGS.SILENT (\\Deleted)");
        client.run("EXPUNGE");
        let mut imap = sign_in(&user, Security::Tls).await;
        let bodies = by_uid(whole(&fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap()));
        assert_eq!(bodies.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 8, 9, 10]);
        let foreign: Vec<Want> = mirror
            .wants()
            .into_iter()
            .map(|want| Want { id: RemoteId(want.id.0.replacen(|c: char| c.is_ascii_digit(), "4", 1)), ..want })
            .collect();
        assert_eq!(fetch(&mut imap, "INBOX", &foreign).await.unwrap(), Vec::<Slice>::new());
    });
}

#[test]
fn fetching_marks_nothing_as_read() {
    let user = dovecot().user("peek");
    user.deliver_many("INBOX", 3);
    talk(async move {
        let mut imap = sign_in(&user, Security::Tls).await;
        let mut mirror = Mirror::default();
        mirror.pull(&mut imap, "INBOX").await.unwrap();
        fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap();
        assert!(user.raw().contents("INBOX").iter().all(|message| message.flags.is_empty()));
    });
}

#[test]
fn a_size_that_is_a_lie_does_no_harm() {
    let user = dovecot().user("sizes");
    let shapes = deliver_shapes(&user);
    for factor in [0, 1, 3] {
        let (user, shapes) = (user.clone(), shapes.clone());
        talk(async move {
            let mut imap = sign_in(&user, Security::Tls).await;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let mut wants = mirror.wants();
            wants.iter_mut().for_each(|want| want.size = want.size * factor / 2);
            let slices = fetch(&mut imap, "INBOX", &wants).await.unwrap();
            assert_same(&by_uid(whole(&slices)), &shapes);
        });
    }
}

#[test]
fn a_wire_that_gives_one_byte_at_a_time_changes_nothing() {
    let user = dovecot().user("dribble");
    user.deliver_many("INBOX", 12);
    let proxy = Proxy::start(user.server.imap_port, Faults { is_split: true, ..Faults::default() });
    talk(async move {
        let mut imap = sign_in_over(&proxy, &user).await.unwrap();
        let mut mirror = Mirror::default();
        assert_eq!(mirror.pull(&mut imap, "INBOX").await.unwrap().arrived.len(), 12);
        let bodies = by_uid(whole(&fetch(&mut imap, "INBOX", &mirror.wants()).await.unwrap()));
        let expected: BTreeMap<u32, Vec<u8>> =
            user.raw().contents("INBOX").into_iter().map(|message| (message.uid, message.raw)).collect();
        assert_eq!(bodies, expected);
    });
}

fn scripted(script: Script, wants: Vec<Want>) -> Vec<Slice> {
    let server = script.start();
    let port = server.port;
    talk(async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await.unwrap();
        fetch(&mut imap, "INBOX", &wants).await.unwrap()
    })
}

fn want(uid: u32, offset: u64, size: u64) -> Want {
    Want { id: RemoteId(format!("7.{uid}")), offset, size }
}

#[test]
fn nil_behind_the_end_of_a_message_ends_it() {
    let end = "* 1 FETCH (UID 1 BODY[]<1048576> NIL)\r\n{tag} OK done\r\n";
    let slices = scripted(Script::new().on("UID FETCH 1 ", say(end)), vec![want(1, 1 << 20, 1 << 20)]);
    let id = RemoteId("7.1".to_owned());
    assert_eq!(slices, [Slice { id, offset: 1 << 20, bytes: Vec::new(), is_last: true }]);
}

#[test]
fn a_message_that_the_server_refuses_keeps_no_other_back() {
    let script = Script::new()
        .on("UID FETCH 2 ", say("{tag} NO not this one\r\n"))
        .on("UID FETCH 1 ", say("* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n{tag} OK done\r\n"));
    let server = script.start();
    let port = server.port;
    talk(async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await.unwrap();
        let (sender, mut came) = tokio::sync::mpsc::channel(10);
        let refused = imap.fetch("INBOX", &[want(2, 0, 3 << 20), want(1, 0, 3)], &sender).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Refused);
        assert_eq!(came.try_recv().map(|slice| uid(&slice.id)), Ok(1));
        assert!(came.try_recv().is_err());
    });
}

#[test]
fn a_slice_that_comes_short_in_the_middle_is_gone_on_from() {
    let piece = |offset: usize, text: &str| {
        let said = format!("* 1 FETCH (UID 1 BODY[]<{offset}> {{{}}}\r\n{text})\r\n{{tag}} OK done\r\n", text.len());
        (format!("UID FETCH 1 (UID BODY.PEEK[]<{offset}."), say(said))
    };
    let script = [piece(0, "abc"), piece(3, "de"), piece(1 << 20, "no"), piece(2 << 20, "no"), piece(5, "")]
        .into_iter()
        .fold(Script::new(), |script, (command, answer)| script.on(&command, answer));
    let slices = scripted(script, vec![want(1, 0, 3 << 20)]);
    assert_eq!(whole(&slices).into_values().collect::<Vec<_>>(), [b"abcde"]);
    assert!(slices.last().is_some_and(|slice| slice.is_last && slice.offset == 5), "{slices:?}");
}

/// Answers FETCH like this, asks for these, and gives what came and the error that must follow.
fn refused(script: Script, wants: Vec<Want>) -> (Vec<Slice>, surat::backend::Error, String) {
    let server = script.start();
    let port = server.port;
    let (slices, error) = talk(async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await.unwrap();
        let (sender, mut came) = tokio::sync::mpsc::channel(100);
        let error = imap.fetch("INBOX", &wants, &sender).await.unwrap_err();
        imap.mailboxes().await.expect("the connection is as good as before");
        came.close();
        (std::iter::from_fn(|| came.try_recv().ok()).collect(), error)
    });
    (slices, error, server.record().text())
}

#[test]
fn a_message_without_an_end_is_given_up_and_not_asked_for_again() {
    let slice = |offset: usize| {
        let bytes = "x".repeat(1 << 20);
        let said = [format!("* 1 FETCH (UID 1 BODY[]<{offset}> {{{}}}\r\n", bytes.len()), bytes, ")\r\n".into()];
        let answer = [said.concat().as_bytes(), b"{tag} OK done\r\n"].concat();
        (format!("UID FETCH 1 (UID BODY.PEEK[]<{offset}."), say(answer))
    };
    let start = 62 << 20;
    let script = (62..80)
        .map(|number| slice(number << 20))
        .fold(Script::new(), |script, (command, answer)| script.on(&command, answer))
        .on("UID FETCH 2 ", say("* 2 FETCH (UID 2 BODY[] {3}\r\nabc)\r\n{tag} OK done\r\n"));
    let (slices, error, _) = refused(script.clone(), vec![want(1, start, 20), want(2, 0, 3)]);
    assert_eq!(error.kind, Kind::Refused, "{error}");
    let mut came: Vec<_> = slices.iter().map(|slice| (uid(&slice.id), slice.offset >> 20, slice.is_last)).collect();
    came.sort_unstable();
    assert_eq!(came, [(1, 62, false), (1, 63, false), (1, 64, false), (2, 0, true)]);

    // What the store has of it by now says that it has no end.
    let (slices, _, said) = refused(script.clone(), vec![want(1, 65 << 20, 20), want(2, 0, 3)]);
    assert_eq!((slices.len(), said.contains("FETCH 1 ")), (1, false), "{said}");
    // A size that no mail has is believed and takes no memory.
    let (slices, _, said) = refused(script, vec![want(1, 0, u64::MAX), want(2, 0, 3)]);
    assert_eq!((slices.len(), said.contains("FETCH 1 ")), (1, false), "{said}");
}

#[test]
fn one_bad_message_among_many_small_ones_keeps_no_other_back() {
    let script = (1..=6).filter(|uid| *uid != 4).fold(Script::new(), |script, uid| {
        let one = format!("* {uid} FETCH (UID {uid} BODY[] {{3}}\r\nabc)\r\n{{tag}} OK done\r\n");
        script.on(&format!("UID FETCH {uid} "), say(one))
    });
    let three = (1..=3).map(|uid| format!("* {uid} FETCH (UID {uid} BODY[] {{3}}\r\nabc)\r\n")).collect::<String>();
    let script = script
        .on("UID FETCH 1:3 ", say(format!("{three}{{tag}} OK done\r\n")))
        .on("UID FETCH ", say("{tag} NO [SERVERBUG] it is broken\r\n"));
    let (slices, error, _) = refused(script, (1..=6).map(|uid| want(uid, 0, 3)).collect());
    assert_eq!(error.server_says.as_deref(), Some("[SERVERBUG] it is broken"));
    let mut came: Vec<u32> = slices.iter().map(|slice| uid(&slice.id)).collect();
    came.sort_unstable();
    assert_eq!(came, [1, 2, 3, 5, 6]);
}

#[test]
fn a_server_that_refuses_every_body_is_not_asked_for_each() {
    let script = Script::new().on("UID FETCH ", say("{tag} NO not for you\r\n"));
    let (slices, error, said) = refused(script, (1..=2_000).map(|uid| want(uid, 0, 3)).collect());
    assert_eq!((slices.len(), error.kind), (0, Kind::Refused));
    assert!(said.matches("UID FETCH").count() <= 60, "{} commands", said.matches("UID FETCH").count());
}
