//! Owns the threads that carry effects out beside the event loop: one lane for each kind, so that none waits for another.
//!
//! Edits keep their order in a lane of their own; of questions that wait, the one that a newer one overtakes is not asked
//! any more: whoever types fast searches once.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::app::effects::Desk;
use crate::cli::crash;
use crate::ui::message::{Effect, Event};

/// Effects that may wait in one lane. Nobody presses so many keys while one of them is carried out.
const MOST: usize = 1_000;

/// The lanes; their threads end when this value does, but for one: see [`Lanes::finish`].
pub struct Lanes {
    rows: Lane,
    open: Lane,
    edits: Lane,
    files: Lane,
    editing: JoinHandle<()>,
}

impl Lanes {
    /// Starts the threads; `answer` takes what they say and may block.
    pub fn start(desk: &Arc<Desk>, answer: impl Fn(Event) + Clone + Send + 'static) -> std::io::Result<Self> {
        let (edits, editing) = lane("edits", desk, answer.clone())?;
        Ok(Self {
            rows: lane("rows", desk, answer.clone())?.0,
            open: lane("open", desk, answer.clone())?.0,
            edits,
            files: lane("files", desk, answer)?.0,
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
            Effect::LoadFolders | Effect::LoadRows { .. } | Effect::CountPending => &self.rows,
            Effect::Open { .. } => &self.open,
            // The list of changes too: it holds those that were handed over before it.
            Effect::MarkRead(_)
            | Effect::Edit { .. }
            | Effect::EditFolder(_)
            | Effect::PutAside(_)
            | Effect::Restore(_)
            | Effect::LoadHistory
            | Effect::TakeBack(_)
            | Effect::Undo
            | Effect::Redo => &self.edits,
            // Who is asked may let us wait.
            Effect::CheckNow
            | Effect::SaveAttachment { .. }
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
        lane.0.put(effect);
        None
    }
}

/// The end of a queue at which effects are put in; the queue ends with it.
struct Lane(Arc<Queue>);

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// What waits to be carried out.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    effects: VecDeque<Effect>,
    /// Whether something had no room, and nobody was told yet.
    has_left_out: bool,
    is_closed: bool,
}

/// What comes next in a lane.
#[derive(Debug, PartialEq)]
enum Next {
    Effect(Effect),
    /// Here something was left out.
    LeftOut,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an effect in. Never waits.
    fn put(&self, effect: Effect) {
        let mut waiting = self.lock();
        waiting.effects.retain(|older| !overtakes(&effect, older));
        if waiting.effects.len() < MOST {
            waiting.effects.push_back(effect);
        } else {
            waiting.has_left_out = true;
        }
        self.changed.notify_all();
    }

    /// Waits for what comes next; none when the lane has ended.
    fn take(&self) -> Option<Next> {
        let mut waiting = self.lock();
        loop {
            if let Some(effect) = waiting.effects.pop_front() {
                return Some(Next::Effect(effect));
            }
            if std::mem::take(&mut waiting.has_left_out) {
                return Some(Next::LeftOut);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Says whether the answer to an older question would be thrown away once the newer one is asked.
fn overtakes(newer: &Effect, older: &Effect) -> bool {
    match (newer, older) {
        (Effect::LoadRows { slot, .. }, Effect::LoadRows { slot: before, .. }) => slot == before,
        (Effect::Open { .. }, Effect::Open { .. })
        | (Effect::LoadFolders, Effect::LoadFolders)
        | (Effect::CountPending, Effect::CountPending)
        | (Effect::CheckNow, Effect::CheckNow) => true,
        _ => false,
    }
}

fn lane(
    name: &str,
    desk: &Arc<Desk>,
    answer: impl Fn(Event) + Send + 'static,
) -> std::io::Result<(Lane, JoinHandle<()>)> {
    let queue = Arc::new(Queue::default());
    let (lane, desk) = (Lane(queue.clone()), desk.clone());
    let running = thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Some(next) = queue.take() {
            match next {
                Next::Effect(effect) => carry_out(&desk, effect, &answer),
                Next::LeftOut => answer(Event::Failed {
                    what: "More was asked for than could be done; the last of it was left out.".into(),
                    remedy: "Look at what is there, then go on.".into(),
                }),
            }
        }
    })?;
    Ok((lane, running))
}

/// A bug met while one message is opened must not end the program.
fn carry_out(desk: &Desk, effect: Effect, answer: &impl Fn(Event)) {
    let events = catch_unwind(AssertUnwindSafe(|| desk.carry_out(effect))).unwrap_or_else(|_| {
        vec![Event::Failed {
            what: "Surat stumbled over this; that is a bug".into(),
            remedy: match crash::file() {
                Some(file) => format!("Please report it; the details are in {}.", file.display()),
                None => "Please report it.".into(),
            },
        }]
    });
    events.into_iter().for_each(answer);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::app::clock::Clock;
    use crate::mail::document::{Form, RenderOptions};
    use crate::mail::id::{EmailId, MailboxId};
    use crate::mail::view::{Anchor, View};
    use crate::store::Store;
    use crate::ui::message::Slot;

    #[test]
    fn every_edit_that_was_handed_over_is_done_before_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let desk = Arc::new(Desk::new(store, Vec::new(), Clock::start(None), dir.path().to_owned()));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let taken = answers.clone();
        let lanes = Lanes::start(&desk, move |event| taken.lock().unwrap().push(event)).unwrap();
        for _ in 0..100 {
            assert!(lanes.send(Effect::Undo).is_none());
        }
        lanes.finish();
        assert_eq!(answers.lock().unwrap().len(), 100);
    }

    fn drain(queue: &Queue) -> Vec<Next> {
        queue.lock().is_closed = true;
        std::iter::from_fn(|| queue.take()).collect()
    }

    #[test]
    fn of_searches_and_openings_that_wait_only_the_newest_is_done() {
        let queue = Queue::default();
        let search = |slot, generation| Effect::LoadRows {
            slot,
            generation,
            view: View::Mailbox(MailboxId(1)),
            anchor: Anchor::Top,
            limit: 50,
        };
        let options = RenderOptions { width: 80, form: Form::Best, show_hidden: false };
        let open = |generation| Effect::Open { generation, email: EmailId(1), options };
        for generation in 1..=30 {
            queue.put(search(Slot::List, generation));
            queue.put(Effect::LoadFolders);
            queue.put(open(generation));
        }
        queue.put(search(Slot::Unread, 31));
        let expected = [search(Slot::List, 30), Effect::LoadFolders, open(30), search(Slot::Unread, 31)];
        assert_eq!(drain(&queue), expected.map(Next::Effect));
    }

    #[test]
    fn edits_are_never_overtaken_and_what_has_no_room_is_said() {
        let queue = Queue::default();
        (0..MOST + 5).for_each(|_| queue.put(Effect::Undo));
        let drained = drain(&queue);
        assert_eq!(drained.iter().filter(|next| **next == Next::Effect(Effect::Undo)).count(), MOST);
        assert_eq!(drained.last(), Some(&Next::LeftOut));
        assert_eq!(drained.len(), MOST + 1);
    }
}
