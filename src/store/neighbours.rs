//! Owns that the processes which have one store open hear of each other's commits: a socket beside the database for each
//! that listens, named by its process. What changed is not said; whoever hears it asks the store again.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{io, thread};

use crate::store::socket;

/// Names of one process differ by this.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// One listener's place beside the store; goes with this value.
#[derive(Debug)]
pub(super) struct Ear {
    path: PathBuf,
    is_open: Arc<AtomicBool>,
}

impl Ear {
    /// Listens from now on: `heard` is called, on a thread of its own, after commits of others, once for all that came
    /// meanwhile.
    pub(super) fn open(dir: &Path, heard: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (socket, path) = loop {
            let path = dir.join(name(std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            match socket::make(&path, |path| UnixDatagram::bind(path)) {
                Ok(socket) => break (socket, path),
                // A process of the same number left it behind, or is there now, on another computer or in a container.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        };
        let ear = Self { path, is_open: Arc::new(AtomicBool::new(true)) };
        let is_open = ear.is_open.clone();
        thread::Builder::new().name("neighbours".into()).spawn(move || {
            let mut byte = [0];
            while socket.recv(&mut byte).is_ok() {
                // The others have said it meanwhile, perhaps many times.
                let _ = socket.set_nonblocking(true);
                while socket.recv(&mut byte).is_ok() {}
                let _ = socket.set_nonblocking(false);
                if !is_open.load(Ordering::SeqCst) {
                    return;
                }
                heard();
            }
        })?;
        Ok(ear)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::SeqCst);
        if let Ok(socket) = UnixDatagram::unbound() {
            let _ = say(&socket, &self.path);
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// Tells everybody who listens, ourselves left out. Nobody is waited for: who has not heard the last word yet will ask
/// for all of it anyway.
pub(super) fn tell(dir: &Path, own: Option<&Ear>) {
    let (Ok(entries), Ok(socket)) = (fs::read_dir(dir), UnixDatagram::unbound()) else { return };
    let _ = socket.set_nonblocking(true);
    for entry in entries.flatten() {
        let path = entry.path();
        let is_ear = is_name(&entry.file_name().to_string_lossy())
            && entry.file_type().is_ok_and(|file_type| file_type.is_socket());
        if !is_ear || own.is_some_and(|own| own.path == path) {
            continue;
        }
        // Nobody is behind it any more: its process was killed.
        if say(&socket, &path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            let _ = fs::remove_file(&path);
        }
    }
}

fn say(socket: &UnixDatagram, path: &Path) -> io::Result<usize> {
    socket::reach(path, |path| socket.send_to(b"!", path))
}

fn name(process: u32, number: u64) -> String {
    format!("surat.{process}.{number}.sock")
}

/// Says whether a file is called as [`name`] calls them: what is called otherwise is not ours.
fn is_name(name: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match name.split('.').collect::<Vec<_>>().as_slice() {
        ["surat", process, count, "sock"] => number(process) && number(count),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;

    fn listen(dir: &Path) -> (Ear, Receiver<()>) {
        let (sender, receiver) = channel();
        let heard = move || {
            let _ = sender.send(());
        };
        (Ear::open(dir, heard).unwrap(), receiver)
    }

    fn hears(receiver: &Receiver<()>) -> bool {
        receiver.recv_timeout(Duration::from_secs(20)).is_ok()
    }

    #[test]
    fn only_what_a_dead_listener_left_is_cleared_away() {
        let home = tempfile::tempdir().unwrap();
        let place = |name: &str| home.path().join(name);
        for file in ["notes.sock", "surat.1.2.sock", "surat.a.2.sock"] {
            fs::write(place(file), "a person's").unwrap();
        }
        for dead in ["agent.sock", "surat.1.sock", "surat.1.2.3.sock"] {
            drop(UnixDatagram::bind(place(dead)).unwrap());
        }
        drop(UnixDatagram::bind(place(&name(1, 3))).unwrap());
        tell(home.path(), None);
        let mut left: Vec<_> =
            fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let kept = ["agent.sock", "notes.sock", "surat.1.2.3.sock", "surat.1.2.sock", "surat.1.sock", "surat.a.2.sock"];
        assert_eq!(left, kept);
    }

    #[test]
    fn a_name_that_is_taken_is_left_to_whoever_has_it() {
        let home = tempfile::tempdir().unwrap();
        let first = NEXT.load(Ordering::Relaxed);
        // Other tests take numbers meanwhile.
        let taken: Vec<_> =
            (first..first + 200).map(|number| home.path().join(name(std::process::id(), number))).collect();
        taken.iter().for_each(|path| fs::write(path, "").unwrap());
        let (ear, heard) = listen(home.path());
        tell(home.path(), None);
        assert!(hears(&heard) && taken.iter().all(|path| path.exists()));
        drop(ear);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), taken.len());
    }

    #[test]
    fn a_deep_directory_is_heard_from_as_well_and_nobody_else_may_speak() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("d".repeat(200));
        fs::create_dir(&dir).unwrap();
        let (ear, heard) = listen(&dir);
        assert_eq!(fs::metadata(&ear.path).unwrap().permissions().mode() & 0o777, 0o600);
        tell(&dir, Some(&ear));
        assert!(heard.try_recv().is_err(), "nobody tells himself");
        tell(&dir, None);
        assert!(hears(&heard));
        drop(ear);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        let end = heard.recv_timeout(Duration::from_secs(20));
        assert_eq!(end, Err(RecvTimeoutError::Disconnected), "its thread ends");
    }
}
