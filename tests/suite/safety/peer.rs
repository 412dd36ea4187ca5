//! The real program before a server of ours, watched: how much memory it took, and whether it ends when it is told to.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use surat::backend::net::Security;

use crate::cli::Home;

/// What an interrupted program may take to end, however busy the machine.
const LAST_PATIENCE: Duration = Duration::from_secs(20);

/// The name and the password that no one else may see.
pub const NAME: &str = "ani-marker";
pub const PASSWORD: &str = "geheim-marker";

/// What came of a watched run.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    /// The most memory that it ever had resident, in KiB.
    pub peak: u64,
    /// How long it took to end once it was interrupted; nothing if it ended by itself.
    pub cancelled: Option<Duration>,
}

impl Ended {
    /// Everything that it said.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A home with one IMAP account on a port of this machine.
pub fn home(port: u16, security: Security, ca_file: Option<&Path>) -> Home {
    let home = Home::new();
    let security = match security {
        Security::Tls => "tls",
        Security::StartTls => "starttls",
        Security::None => "none",
    };
    let ca_file = ca_file.map(|path| format!("ca_file = \"{}\"\n", path.display())).unwrap_or_default();
    home.write_config(&format!(
        "[accounts.test]\nemail = \"me@example.org\"\n[accounts.test.imap]\nhost = \"localhost\"\nport = {port}\n\
         security = \"{security}\"\nusername = \"{NAME}\"\n{ca_file}password = {{ command = \"echo {PASSWORD}\" }}\n"
    ));
    home
}

/// Runs the program; interrupts it when `patience` is over.
pub fn watch(home: &Home, arguments: &[&str], patience: Duration) -> Ended {
    let (out, err) = (home.path("stdout"), home.path("stderr"));
    let mut command = home.command(arguments);
    command.stdout(Stdio::from(File::create(&out).unwrap())).stderr(Stdio::from(File::create(&err).unwrap()));
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    let (mut peak, mut interrupted) = (0, None);
    let status = loop {
        peak = peak.max(resident_peak(&child));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        match interrupted {
            None if started.elapsed() > patience => {
                kill_process(Pid::from_child(&child), Signal::INT).unwrap();
                interrupted = Some(Instant::now());
            }
            Some(since) if Instant::elapsed(&since) > LAST_PATIENCE => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("surat {arguments:?} does not end when it is interrupted");
            }
            _ => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Ended {
        status: status.code().unwrap_or(-1),
        stdout: read(out),
        stderr: read(err),
        peak,
        cancelled: interrupted.map(|since| since.elapsed()),
    }
}

/// The kernel's own high-water mark; 0 when the process is over.
fn resident_peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Lets several threads work on a list, each taking the next one; a panic of any of them is ours.
pub fn side_by_side<T: Sync>(threads: usize, list: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let one = || {
            while let Some(item) = list.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                work(item);
            }
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let ended: Vec<_> = running.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.into_iter().for_each(|end| end.unwrap_or_else(|reason| std::panic::resume_unwind(reason)));
    });
}
