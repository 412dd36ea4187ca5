//! Hours of an ordinary life in a minute: lines that break, a computer that sleeps, clocks that jump by years. No mail is
//! late for long, nothing grows, and the program ends in good order. `SURAT_FULL=1` makes it half an hour.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use surat::mail::view::View;
use surat::store::Store;

use crate::cli::Home;
use crate::support::dovecot::{PASSWORD, TestUser, dovecot, synthetic};
use crate::support::proxy::{Faults, Proxy};
use crate::support::{is_full, wait_for};

/// Mail that came while the line was down is here so soon: where lines break all the time, connections are made once a
/// minute, and from then on a minute is late.
const LATE: Duration = Duration::from_secs(130);
/// Bytes by which the program may grow once it has seen everything.
const GROWTH: u64 = 10 << 20;
/// `tests/install` puts it there; on other architectures it lies elsewhere.
const FAKETIME: &str = "faketime/libfaketime.so.1";

/// Surat without a screen, with a clock that can be set.
struct Service {
    child: Child,
    clock: std::path::PathBuf,
}

impl Service {
    fn start(home: &Home) -> Service {
        let clock = home.path("clock");
        fs::write(&clock, "+0\n").unwrap();
        let library = fs::read_dir("/usr/lib")
            .unwrap()
            .filter_map(|entry| Some(entry.ok()?.path().join(FAKETIME)))
            .find(|path| path.is_file())
            .expect("there is no libfaketime; tests/install installs it");
        let child = home
            .command(&["sync", "--watch"])
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.path("words")).unwrap())
            .spawn()
            .unwrap();
        Service { child, clock }
    }

    fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Gives the resident bytes and the number of threads.
    fn size(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        (number("VmRSS:") * 1024, number("Threads:"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Puts one more letter into the inbox, and waits until it is here.
fn letter(user: &TestUser, store: &Store, number: usize, when: &str) {
    user.deliver("INBOX", &[(&synthetic("soak", number), "", "")]);
    let inbox = store.mailboxes(None).unwrap().into_iter().find(|mailbox| mailbox.name == "INBOX").unwrap().id;
    wait_for(&format!("letter {number} {when}"), LATE, || {
        let newest = store.emails(&View::Mailbox(inbox), None, 100_000).unwrap();
        newest.iter().any(|email| email.header.subject == format!("Letter {number}")).then_some(())
    });
}

#[test]
fn broken_lines_sleep_and_jumping_clocks_lose_no_mail_and_leave_nothing_behind() {
    let (last_for, mut number) = (Duration::from_secs(if is_full() { 30 * 60 } else { 20 }), 0);
    let user = dovecot().user("soak");
    user.deliver_many("INBOX", 50);
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    let home = Home::new();
    home.write_config(&format!(
        "[accounts.soak]\nemail = \"me@example.org\"\n[accounts.soak.imap]\nhost = \"127.0.0.1\"\nport = {}\n\
         security = \"none\"\nusername = \"{}\"\npassword = {{ command = \"echo {PASSWORD}\" }}\n",
        proxy.port, user.name
    ));
    let mut service = Service::start(&home);
    let words = || fs::read_to_string(home.path("words")).unwrap_or_default();
    let dir = home.path(".local/share/surat");
    wait_for("the store", Duration::from_secs(30), || dir.join("surat.db").is_file().then_some(()));
    let store = Store::open(&dir).unwrap();
    wait_for("the first sync", Duration::from_secs(60), || {
        let mailboxes = store.mailboxes(None).unwrap();
        mailboxes.iter().any(|mailbox| mailbox.name == "INBOX" && mailbox.total == 50).then_some(())
    });

    let begin = Instant::now();
    let mut first = None;
    while begin.elapsed() < last_for {
        number += 1;
        letter(&user, &store, 100 + number, "while all is well");
        match number % 4 {
            0 => {
                service.tell(Signal::STOP);
                std::thread::sleep(Duration::from_millis(500));
                proxy.cut();
                service.tell(Signal::CONT);
            }
            1 => proxy.cut(),
            // Ten years ahead, ten back, and home again.
            2 => fs::write(&service.clock, ["+10y\n", "-10y\n", "+0\n"][number / 4 % 3]).unwrap(),
            _ => {
                proxy.set(Faults { stall_after_in: Some(3_000), ..Faults::default() });
                proxy.cut();
                proxy.set(Faults::default());
            }
        }
        assert!(service.child.try_wait().unwrap().is_none(), "it ended: {}", words());
        // The first dozen makes what is made once.
        if number == 12 || (number < 12 && begin.elapsed() > last_for / 2) {
            first.get_or_insert_with(|| service.size());
        }
    }
    let ((bytes, threads), (before, threads_before)) = (service.size(), first.expect("some rounds"));
    assert!(bytes < before + GROWTH, "{before} bytes grew to {bytes} in {number} rounds");
    assert!(threads <= threads_before + 2, "{threads_before} threads became {threads} in {number} rounds");
    assert!(proxy.connections() > 2, "the lines were never cut");
    service.tell(Signal::TERM);
    let status = wait_for("its end", Duration::from_secs(20), || service.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0), "{}", words());
    assert_eq!(store.audit().unwrap(), Vec::<String>::new());
    println!("{number} rounds, {} connections, {before} bytes and then {bytes}", proxy.connections());
}
