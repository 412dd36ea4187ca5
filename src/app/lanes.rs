//! Owns the threads that carry effects out beside the event loop: one lane for each kind, so that none waits for another.
//!
//! Edits keep their order in a lane of their own; of openings that wait only the newest is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::app::effects::Desk;
use crate::ui::message::{Effect, Event};

/// The lanes; their threads end when this value does.
pub struct Lanes {
    rows: Sender<Effect>,
    open: Sender<Effect>,
    edits: Sender<Effect>,
    files: Sender<Effect>,
}

impl Lanes {
    /// Starts the threads; `answer` takes what they say and may block.
    pub fn start(desk: &Arc<Desk>, answer: impl Fn(Event) + Clone + Send + 'static) -> std::io::Result<Self> {
        Ok(Self {
            rows: lane("rows", desk, answer.clone(), |_| false)?,
            open: lane("open", desk, answer.clone(), |next| matches!(next, Effect::Open { .. }))?,
            edits: lane("edits", desk, answer.clone(), |_| false)?,
            files: lane("files", desk, answer, |_| false)?,
        })
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
) -> std::io::Result<Sender<Effect>> {
    let (sender, receiver) = channel();
    let desk = desk.clone();
    thread::Builder::new().name(name.to_owned()).spawn(move || run(&receiver, &desk, &answer, is_outdated_by))?;
    Ok(sender)
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
