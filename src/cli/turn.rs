//! Owns whose turn it is to do the network: ours, once the lock is free, or that of another Surat, which is asked.
//!
//! What is done then is the command's.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::accounts::relay::{self, Answer, Unanswered};
use crate::cli::failure::Failure;
use crate::cli::say;
use crate::config::lock::{Stay, SyncLock};

/// One that has the lock and does not answer has begun just now, or ends: so long it may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// One that ends by itself is waited for as long as one that answers.
const LONG_PATIENCE: Duration = relay::LONGEST;
/// So often it is tried again meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Who does what is to be done.
pub enum Turn {
    /// This process.
    Ours(SyncLock),
    /// Another one, and this became of it.
    Done(Answer),
    /// Another one that does not answer, for this reason.
    Theirs(&'static str),
}

/// Takes the lock, or has these accounts brought into step by the one that has it.
pub fn ours_or_done(data_dir: &Path, stay: Stay, names: &[String]) -> Result<Turn, Failure> {
    let (began, mut said) = (Instant::now(), "");
    let mut say_once = |what| {
        if said != what {
            say(what);
            said = what;
        }
    };
    loop {
        if let Some(lock) = SyncLock::try_take(data_dir, stay)? {
            return Ok(Turn::Ours(lock));
        }
        let answered = relay::ask(data_dir, names).and_then(|asked| {
            if !names.is_empty() {
                say_once("asked the Surat that is open with this mail; waiting for its report");
            }
            asked.answer()
        });
        match answered {
            Ok(answer) => return Ok(Turn::Done(answer)),
            Err(Unanswered::Still) => {
                return Ok(Turn::Theirs("the Surat that is open does not answer (suspended? `fg`)"));
            }
            Err(Unanswered::Gone(error)) => tracing::debug!(%error, "nobody answers for the one that has the lock"),
        }
        let is_passing = SyncLock::stay(data_dir) == Stay::Passing;
        if began.elapsed() > if is_passing { LONG_PATIENCE } else { PATIENCE } {
            return Ok(Turn::Theirs("another Surat is running with this mail and does not say what it does"));
        }
        if is_passing {
            say_once("another command is at work with this mail; waiting for its end");
        }
        thread::sleep(TRY_EVERY);
    }
}
