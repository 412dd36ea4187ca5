//! Wires that break at any byte of a first sync: an error each time, and what was committed is true and goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use surat::backend::imap::{Credentials, Imap, Timeouts};
use surat::backend::{Backend, Error, Kind};

use super::imap::{HASTY, Mirror, PATIENT, fetch, on_server, plain, sign_in_over, talk, uid, whole, within};
use crate::support::dovecot::{PASSWORD, TestUser, dovecot};
use crate::support::is_full;
use crate::support::proxy::{Faults, Proxy};

/// More than a first portion, so that there is something committed to go on from.
const MESSAGES: usize = 70;

/// A first sync with everything in it: folders, header fields, bodies.
async fn first_sync(proxy: &Proxy, user: &TestUser, timeouts: Timeouts, mirror: &mut Mirror) -> Result<usize, Error> {
    let credentials = Credentials::new(user.name.clone(), PASSWORD.into());
    let mut imap = Imap::connect(&plain(proxy.port), &credentials, timeouts).await?;
    assert!(imap.mailboxes().await?.iter().any(|folder| folder.path == "INBOX"), "a list that is cut is no list");
    mirror.pull(&mut imap, "INBOX").await?;
    let slices = fetch(&mut imap, "INBOX", &mirror.wants()).await?;
    Ok(whole(&slices).len())
}

/// Every `n`-th of the bytes, or all of them.
fn points(bytes: u64, samples: u64) -> impl Iterator<Item = u64> {
    let stride = if is_full() { 1 } else { (bytes / samples).max(1) };
    // A prime stride does not always hit the same place of a line.
    (0..bytes).step_by(usize::try_from(stride).unwrap() | 1)
}

#[test]
fn a_cut_at_any_byte_from_the_server_is_an_error_and_the_next_try_goes_on() {
    sweep(|bytes| Faults { cut_after_in: Some(bytes), ..Faults::default() }, |in_and_out| in_and_out.0);
}

#[test]
fn a_cut_at_any_byte_to_the_server_is_an_error_and_the_next_try_goes_on() {
    sweep(|bytes| Faults { cut_after_out: Some(bytes), ..Faults::default() }, |in_and_out| in_and_out.1);
}

fn sweep(fault: fn(u64) -> Faults, which: fn((u64, u64)) -> u64) {
    let user = dovecot().user("cut");
    user.deliver_many("INBOX", MESSAGES);
    let expected = on_server(&user.raw().contents("INBOX"));
    // Once without a fault, to know how long it is; and once before, for what only a first visit makes.
    let mut bytes = 0;
    for _ in 0..2 {
        let whole_wire = Proxy::start(user.server.imap_port, Faults::default());
        let (there, port) = (user.clone(), whole_wire.port);
        let count = talk(async move {
            let _ = port;
            let count = first_sync(&whole_wire, &there, PATIENT, &mut Mirror::default()).await.unwrap();
            (count, whole_wire.counted())
        });
        assert_eq!(count.0, MESSAGES);
        bytes = which((count.1.bytes_in, count.1.bytes_out));
    }
    assert!(bytes > 500, "{bytes}");

    let (mut portions, mut tries) = (BTreeMap::<usize, usize>::new(), 0);
    for point in points(bytes, 60) {
        let proxy = Proxy::start(user.server.imap_port, fault(point));
        let (user, expected) = (user.clone(), expected.clone());
        let committed = within(Duration::from_secs(30), &format!("cut after {point} of {bytes}"), async move {
            let mut mirror = Mirror::default();
            let error = first_sync(&proxy, &user, PATIENT, &mut mirror).await.map(|count| {
                panic!("cut after {point} of {bytes} bytes, and yet it says that all {count} bodies are here")
            });
            let error = error.unwrap_err();
            assert_eq!(error.kind, Kind::Network, "cut after {point}: {error:?}");
            assert!(error.heals_by_itself());
            let committed = mirror.messages.len();
            assert!(mirror.state().iter().all(|message| expected.contains(message)), "cut after {point}");

            proxy.set(Faults::default());
            let mut imap = sign_in_over(&proxy, &user).await.unwrap();
            let pulled = mirror.pull(&mut imap, "INBOX").await.unwrap();
            assert_eq!(mirror.state(), expected, "cut after {point}, then went on");
            assert_eq!(pulled.arrived.len(), MESSAGES - committed, "cut after {point}: nothing comes twice");
            committed
        });
        *portions.entry(committed).or_default() += 1;
        tries += 1;
    }
    assert!(tries >= 40, "{tries} tries");
    assert!(portions.keys().any(|count| *count == 0) && portions.contains_key(&MESSAGES), "{portions:?}");
}

#[test]
fn a_wire_that_goes_silent_is_given_up_in_time() {
    let user = dovecot().user("stall");
    user.deliver_many("INBOX", MESSAGES);
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    let (there, wire) = (user.clone(), Proxy::start(user.server.imap_port, Faults::default()));
    let bytes = talk(async move {
        first_sync(&wire, &there, PATIENT, &mut Mirror::default()).await.unwrap();
        wire.counted().bytes_in
    });
    for eighth in 0..8 {
        let stall_after_in = Some(bytes * eighth / 8);
        proxy.set(Faults { stall_after_in, ..Faults::default() });
        let (port, name) = (proxy.port, user.name.clone());
        let error = within(Duration::from_secs(10), "a silent wire", async move {
            let credentials = Credentials::new(name, PASSWORD.into());
            let mut imap = Imap::connect(&plain(port), &credentials, HASTY).await?;
            imap.mailboxes().await?;
            let mut mirror = Mirror::default();
            mirror.pull(&mut imap, "INBOX").await?;
            fetch(&mut imap, "INBOX", &mirror.wants()).await.map(|_| ())
        });
        assert_eq!(error.unwrap_err().kind, Kind::Timeout, "silent after {stall_after_in:?}");
    }
}

#[test]
fn bodies_that_came_before_a_break_are_true_and_an_unfinished_one_is_never_called_whole() {
    let user = dovecot().user("cut-bodies");
    let large = [b"Subject: large\r\n\r\n".to_vec(), b"0123456789abcde\n".repeat(200_000)].concat();
    let large: Vec<u8> = String::from_utf8(large).unwrap().replace("e\n", "\r\n").into_bytes();
    user.deliver("INBOX", &[(&large, "", ""), (b"Subject: small\r\n\r\nx\r\n", "", "")]);
    let expected: BTreeMap<u32, Vec<u8>> =
        user.raw().contents("INBOX").into_iter().map(|message| (message.uid, message.raw)).collect();
    for cut in [50_000, 1_000_000, 1_100_000, 2_500_000, 3_100_000] {
        let proxy = Proxy::start(user.server.imap_port, Faults { cut_after_in: Some(cut), ..Faults::default() });
        let whole_wire = Proxy::start(user.server.imap_port, Faults::default());
        let (user, expected) = (user.clone(), expected.clone());
        talk(async move {
            let mut mirror = Mirror::default();
            let mut imap = sign_in_over(&whole_wire, &user).await.unwrap();
            mirror.pull(&mut imap, "INBOX").await.unwrap();
            let mut broken = sign_in_over(&proxy, &user).await.unwrap();
            let (sender, mut receiver) = tokio::sync::mpsc::channel(100);
            let result = broken.fetch("INBOX", &mirror.wants(), &sender).await;
            drop(sender);
            let mut slices = Vec::new();
            while let Some(slice) = receiver.recv().await {
                slices.push(slice);
            }
            assert_eq!(result.unwrap_err().kind, Kind::Network, "cut after {cut}");
            for slice in &slices {
                let raw = &expected[&uid(&slice.id)];
                let (start, end) = (slice.offset as usize, slice.offset as usize + slice.bytes.len());
                assert!(raw[start..end] == slice.bytes, "cut after {cut}: a slice that is not the server's");
                assert_eq!(slice.is_last, end == raw.len(), "cut after {cut}: at {end} of {}", raw.len());
            }
        });
    }
}
