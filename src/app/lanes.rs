//! Owns the threads that carry effects out beside the event loop: one lane for each kind, so that none waits for another.
//!
//! Edits keep their order in a lane of their own; of openings that wait only the newest is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::app::effects::Desk;
use crate::ui::message::{Effect, Event};

/// The lanes; their threads end when this value does, but for one: see [`Lanes::finish`].
pub struct Lanes {
    rows: Sender<Effect>,
    open: Sender<Effect>,
    edits: Sender<Effect>,
    files: Sender<Effect>,
    editing: JoinHandle<()>,
}

impl Lanes {
    /// Starts the threads; `answer` takes what they say and may block.
    pub fn start(desk: &Arc<Desk>, answer: impl Fn(Event) + Clone + Send + 'static) -> std::io::Result<Self> {
        let (edits, editing) = lane("edits", desk, answer.clone(), |_| false)?;
        Ok(Self {
            rows: lane("rows", desk, answer.clone(), |_| false)?.0,
            open: lane("open", desk, answer.clone(), |next| matches!(next, Effect::Open { .. }))?.0,
            edits,
            files: lane("files", desk, answer, |_| false)?.0,
            editing,
        })
    }

    /// Ends the lanes once every edit that was handed over is in the store. Nobody may wait to take answers any more.
    pub fn finish(self) {
        drop(self.edits);
        // A thread that stumbled has said so.
        let _ = self.editing.join();
    }

    /// Hands an effect to its lane; one that belongs to the terminal comes back.
    pub fn send(&self, effect: Effect) -> Option<Effect> {
        let lane = match &effect {
            Effect::LoadFolders | Effect::LoadRows { .. } | Effect::CheckNow => &self.rows,
            Effect::Open { .. } => &self.open,
            Effect::MarkRead(_) | Effect::Edit { .. } | Effect::Undo | Effect::Redo => &self.edits,
            Effect::SaveAttachment { .. }
            | Effect::SaveAllAttachments { .. }
            | Effect::OpenAttachment { .. }
            | Effect::OpenLink(_) => &self.files,
            Effect::CopyText(_)
            | Effect::WakeAt(_)
            | Effect::Suspend
            | Effect::Redraw
            | Effect::SetTitle(_)
            | Effect::Quit => return Some(effect),
        };
        // A lane ends only with the program.
        let _ = lane.send(effect);
        None
    }
}

fn lane(
    name: &str,
    desk: &Arc<Desk>,
    answer: impl Fn(Event) + Send + 'static,
    is_outdated_by: fn(&Effect) -> bool,
) -> std::io::Result<(Sender<Effect>, JoinHandle<()>)> {
    let (sender, receiver) = channel();
    let desk = desk.clone();
    let builder = thread::Builder::new().name(name.to_owned());
    let running = builder.spawn(move || run(&receiver, &desk, &answer, is_outdated_by))?;
    Ok((sender, running))
}

fn run(receiver: &Receiver<Effect>, desk: &Desk, answer: &impl Fn(Event), is_outdated_by: fn(&Effect) -> bool) {
    while let Ok(mut effect) = receiver.recv() {
        while let Ok(next) = receiver.try_recv() {
            if !is_outdated_by(&next) {
                carry_out(desk, effect, answer);
            }
            effect = next;
        }
        carry_out(desk, effect, answer);
    }
}

/// A bug met while one message is opened must not end the program.
fn carry_out(desk: &Desk, effect: Effect, answer: &impl Fn(Event)) {
    let events = catch_unwind(AssertUnwindSafe(|| desk.carry_out(effect))).unwrap_or_else(|_| {
        vec![Event::Failed {
            what: "Surat stumbled over this; that is a bug".into(),
            remedy: "The details are in crash.txt in the state directory.".into(),
        }]
    });
    events.into_iter().for_each(answer);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::app::clock::Clock;
    use crate::store::Store;

    #[test]
    fn every_edit_that_was_handed_over_is_done_before_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let desk = Arc::new(Desk::new(store, Vec::new(), None, Clock::start(None), dir.path().to_owned()));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let taken = answers.clone();
        let lanes = Lanes::start(&desk, move |event| taken.lock().unwrap().push(event)).unwrap();
        for _ in 0..100 {
            assert!(lanes.send(Effect::Undo).is_none());
        }
        lanes.finish();
        assert_eq!(answers.lock().unwrap().len(), 100);
    }
}
