//! Owns that the processes which have one store open hear of each other's commits: a socket beside the database for each
//! that listens, named by its process. What changed is not said; whoever hears it asks the store again.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{io, thread};

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
        let name = format!("surat.{}.{}.sock", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = dir.join(name);
        // What a process of the same number left behind.
        let _ = fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path)?;
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
            let _ = socket.send_to(b"!", &self.path);
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// Tells everybody who listens, ourselves left out. Nobody is waited for: who has not heard the last word yet will ask
/// for all of it anyway.
pub(super) fn tell(dir: &Path, own: Option<&Ear>) {
    let (Ok(entries), Ok(socket)) = (fs::read_dir(dir), UnixDatagram::unbound()) else { return };
    let _ = socket.set_nonblocking(true);
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ear = path.extension().is_some_and(|extension| extension == "sock");
        if !is_ear || own.is_some_and(|own| own.path == path) {
            continue;
        }
        // Nobody is behind it any more: its process was killed.
        if socket.send_to(b"!", &path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            let _ = fs::remove_file(&path);
        }
    }
}
