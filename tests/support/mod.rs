//! What tests need that is no test: servers started for the whole suite, peers that lie, wires that break.
//!
//! Nothing in here asserts anything about Surat.

pub mod certs;
pub mod courier;
pub mod cyrus;
pub mod dovecot;
pub mod halt;
pub mod meddler;
pub mod proxy;
pub mod scripted;
pub mod servers;
pub mod terminal;

use std::time::{Duration, Instant};

/// Waits until `probe` gives something; `what` is for the message when the deadline passes.
pub fn wait_for<T>(what: &str, deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(started.elapsed() < deadline, "waited {deadline:?} for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says whether everything is to be tried, or a sample (`SURAT_FULL=1`).
pub fn is_full() -> bool {
    std::env::var_os("SURAT_FULL").is_some_and(|value| value == "1")
}
