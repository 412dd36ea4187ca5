//! Owns the conversation list: a window of rows, the cursor as an identity, the marks.
//!
//! It asks nobody: it says which rows it is missing, and takes them in.

use std::collections::BTreeMap;

use crate::mail::email::{Row, RowKey};
use crate::mail::id::{AccountId, ThreadId};
use crate::mail::view::{Anchor, Rows, View};
use crate::ui::model::Place;

/// So many screens of rows are kept; more are forgotten at the far end.
const SCREENS_KEPT: usize = 5;
/// So many screens are asked for at once.
const SCREENS_ASKED: usize = 3;
/// Rows asked for at least, so that a small window may grow without waiting.
const FEWEST_ASKED: usize = 60;

/// A question on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) generation: u64,
    pub(super) kind: Kind,
    /// When it was asked, for "loading" after a moment.
    pub(super) since: u64,
}

/// What the answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Another view: the cursor goes to its first row.
    Fresh,
    /// The same view again: the cursor stays with its conversation.
    Refresh,
    /// The newest rows, to see whether the cursor's conversation went there.
    Follow,
    /// More rows above.
    Newer,
    /// More rows below.
    Older,
    /// The beginning.
    Top,
    /// The end.
    Bottom,
    /// The rows around a conversation, which gets the cursor.
    To(RowKey),
}

/// Conversations marked for an action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// Whether everything is marked but those in `rows`.
    pub(super) is_all: bool,
    pub(super) rows: BTreeMap<ThreadId, (RowKey, AccountId)>,
}

impl Marks {
    pub(super) fn has(&self, row: &Row) -> bool {
        self.is_all != self.rows.contains_key(&row.key.thread)
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_all && self.rows.is_empty()
    }

    fn set(&mut self, row: &Row, on: bool) {
        if on == self.is_all {
            self.rows.remove(&row.key.thread);
        } else {
            self.rows.insert(row.key.thread, (row.key, row.account));
        }
    }
}

/// A range that is being marked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    from: RowKey,
    before: Marks,
}

/// The list.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) place: Place,
    pub(super) view: View,
    pub(super) rows: Vec<Row>,
    pub(super) has_before: bool,
    pub(super) has_after: bool,
    pub(super) total: Option<u64>,
    /// The row of the cursor; always one that exists if there are any.
    pub(super) at: usize,
    /// The first row on the screen.
    pub(super) top: usize,
    pub(super) marks: Marks,
    range: Option<Range>,
    pub(super) request: Option<Request>,
    /// Whether rows of this view have come.
    pub(super) is_loaded: bool,
    /// Whether the store changed since the rows were read.
    pub(super) is_stale: bool,
    /// Not read again before this moment.
    pub(super) next_refresh: u64,
    /// Steps that could not be made before more rows come.
    owed: isize,
    /// A refresh without the cursor's conversation, while that one is looked for at the top.
    held: Option<Rows>,
    /// Conversations that our own edit takes away: the cursor does not follow them.
    pub(super) leaving: Vec<ThreadId>,
    /// The conversation that went last, to which the cursor goes back when that is undone.
    pub(super) last_left: Option<ThreadId>,
    /// The conversation that undo brings back.
    pub(super) returning: Option<ThreadId>,
}

impl List {
    pub(super) fn new(place: Place, view: View) -> Self {
        Self {
            place,
            view,
            rows: Vec::new(),
            has_before: false,
            has_after: false,
            total: None,
            at: 0,
            top: 0,
            marks: Marks::default(),
            range: None,
            request: None,
            is_loaded: false,
            is_stale: false,
            next_refresh: 0,
            owed: 0,
            held: None,
            leaving: Vec::new(),
            last_left: None,
            returning: None,
        }
    }

    pub(super) fn current(&self) -> Option<&Row> {
        self.rows.get(self.at)
    }

    /// Gives the question that brings these rows: where, and how many.
    pub(super) fn question(&self, kind: Kind, height: usize) -> (Anchor, usize) {
        let limit = (height * SCREENS_ASKED).max(FEWEST_ASKED);
        let anchor = match kind {
            Kind::Fresh | Kind::Top | Kind::Follow => Anchor::Top,
            Kind::Bottom => Anchor::Bottom,
            Kind::To(key) => Anchor::Around(key),
            Kind::Refresh => match self.current() {
                Some(row) if self.has_before || self.at > height => Anchor::Around(row.key),
                _ => Anchor::Top,
            },
            Kind::Newer => self.rows.first().map_or(Anchor::Top, |row| Anchor::Before(row.key)),
            Kind::Older => self.rows.last().map_or(Anchor::Top, |row| Anchor::After(row.key)),
        };
        (anchor, limit)
    }

    /// Gives the rows that should be fetched ahead, if the cursor is near the end of those that are here.
    pub(super) fn missing(&self, height: usize) -> Option<Kind> {
        if self.request.is_some() || !self.is_loaded {
            None
        } else if self.has_after && self.at.max(self.top) + 2 * height >= self.rows.len() {
            Some(Kind::Older)
        } else if self.has_before && self.top.min(self.at) < height {
            Some(Kind::Newer)
        } else {
            None
        }
    }

    /// Takes an answer in. Gives back true where the cursor's conversation is gone from its place, and the newest
    /// rows would tell whether it went there.
    pub(super) fn take(&mut self, kind: Kind, rows: Rows, height: usize) -> bool {
        self.is_loaded = true;
        match kind {
            Kind::Fresh | Kind::Top => {
                self.replace(rows);
                (self.at, self.top, self.owed) = (0, 0, 0);
            }
            Kind::Bottom => {
                self.replace(rows);
                (self.at, self.owed) = (self.rows.len().saturating_sub(1), 0);
            }
            Kind::To(key) => {
                self.replace(rows);
                self.at = self.place_of(key);
                self.top = self.at.saturating_sub(height / 3);
            }
            Kind::Refresh => {
                let lost = self.current().map(|row| row.key).filter(|key| !contains(&rows, *key));
                let may_follow = rows.has_before && lost.is_some_and(|key| !self.leaving.contains(&key.thread));
                if may_follow {
                    self.held = Some(rows);
                    return true;
                }
                self.keep_place(rows, height);
            }
            Kind::Follow => {
                let key = self.current().map(|row| row.key);
                let held = self.held.take();
                match (key.is_some_and(|key| contains(&rows, key)), held) {
                    (false, Some(held)) => self.keep_place(held, height),
                    _ => self.keep_place(rows, height),
                }
            }
            Kind::Newer => {
                let added = rows.rows.len();
                self.has_before = rows.has_before;
                self.rows.splice(0..0, rows.rows);
                (self.at, self.top) = (self.at + added, self.top + added);
                self.forget_far_rows(height);
            }
            Kind::Older => {
                self.has_after = rows.has_after;
                self.rows.extend(rows.rows);
                self.forget_far_rows(height);
            }
        }
        let owed = std::mem::take(&mut self.owed);
        self.step(owed);
        self.settle(height);
        false
    }

    /// Moves the cursor; what goes beyond the rows that are here is remembered until more come.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1) as isize;
        let wanted = (self.at as isize).saturating_add(by);
        let reached = wanted.clamp(0, last);
        let rest = wanted - reached;
        self.owed = if (rest > 0 && self.has_after) || (rest < 0 && self.has_before) { rest } else { 0 };
        self.move_to(reached as usize);
    }

    /// Moves the cursor to a row that is here.
    pub(super) fn move_to(&mut self, at: usize) {
        self.at = at.min(self.rows.len().saturating_sub(1));
        self.stretch_range();
    }

    /// Scrolls without the cursor as long as it stays in sight.
    pub(super) fn scroll(&mut self, by: isize, height: usize) {
        let last_top = self.rows.len().saturating_sub(height);
        self.top = self.top.saturating_add_signed(by).min(last_top);
        let at = self.at.clamp(self.top, self.top + height.saturating_sub(1));
        self.move_to(at);
    }

    /// Keeps the cursor in the rows and the rows on the screen.
    pub(super) fn settle(&mut self, height: usize) {
        let height = height.max(1);
        self.at = self.at.min(self.rows.len().saturating_sub(1));
        self.top = self.top.min(self.rows.len().saturating_sub(height));
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
    }

    /// Finds the next row with unread mail below the cursor, or above it.
    pub(super) fn find_unread(&self, is_down: bool) -> Option<usize> {
        let is_unread = |at: &usize| self.rows.get(*at).is_some_and(|row| row.unread > 0);
        if is_down { (self.at + 1..self.rows.len()).find(is_unread) } else { (0..self.at).rev().find(is_unread) }
    }

    pub(super) fn toggle_mark(&mut self) {
        self.range = None;
        if let Some(row) = self.rows.get(self.at) {
            let on = !self.marks.has(row);
            self.marks.set(row, on);
        }
    }

    pub(super) fn toggle_all(&mut self) {
        self.range = None;
        let was_empty = self.marks.is_empty();
        self.marks = Marks { is_all: was_empty, rows: BTreeMap::new() };
    }

    /// Begins a range, or ends it.
    pub(super) fn toggle_range(&mut self) {
        if self.range.take().is_none()
            && let Some(row) = self.rows.get(self.at)
        {
            self.range = Some(Range { from: row.key, before: self.marks.clone() });
            self.stretch_range();
        }
    }

    pub(super) fn has_range(&self) -> bool {
        self.range.is_some()
    }

    pub(super) fn clear_marks(&mut self) {
        self.range = None;
        self.marks = Marks::default();
    }

    /// Gives how many are marked, if that can be known.
    pub(super) fn marked(&self) -> Option<u64> {
        let named = self.marks.rows.len() as u64;
        if self.marks.is_all { self.total.map(|total| total.saturating_sub(named)) } else { Some(named) }
    }

    /// Marks what lies between the start of the range and the cursor, on top of what was marked before.
    fn stretch_range(&mut self) {
        let (Some(range), Some(current)) = (&self.range, self.rows.get(self.at)) else { return };
        let (low, high) = (range.from.min(current.key), range.from.max(current.key));
        let is_between = |key: RowKey| (low..=high).contains(&key);
        let mut marks = range.before.clone();
        if !marks.is_all {
            // Rows of the range that scrolled out of what is kept here stay marked.
            let out_of_sight = self.marks.rows.iter().filter(|(_, (key, _))| is_between(*key));
            marks.rows.extend(out_of_sight.map(|(thread, row)| (*thread, *row)));
        }
        self.rows.iter().filter(|row| is_between(row.key)).for_each(|row| marks.set(row, true));
        self.marks = marks;
    }

    fn replace(&mut self, rows: Rows) {
        self.rows = rows.rows;
        (self.has_before, self.has_after, self.total) = (rows.has_before, rows.has_after, rows.total);
        self.held = None;
        // A row that got new mail has another key; the mark goes with the conversation.
        for row in &self.rows {
            if let Some(marked) = self.marks.rows.get_mut(&row.key.thread) {
                *marked = (row.key, row.account);
            }
        }
    }

    /// Takes the same view in again: the cursor stays with its conversation, else with what took its place; the row
    /// under it stays where it is on the screen unless the screen shows the very beginning.
    fn keep_place(&mut self, rows: Rows, height: usize) {
        let key = self.current().map(|row| row.key);
        let line = self.at.saturating_sub(self.top);
        let was_at_the_beginning = self.top == 0 && !self.has_before;
        self.replace(rows);
        self.leaving.clear();
        self.at = key.map_or(0, |key| self.place_of(key));
        self.top = self.at.saturating_sub(line);
        let back = self.returning.take();
        if let Some(at) = back.and_then(|thread| self.rows.iter().position(|row| row.key.thread == thread)) {
            self.at = at;
        }
        if was_at_the_beginning && !self.has_before && self.at < height {
            self.top = 0;
        }
    }

    /// Gives the row of a conversation, else the row that stands where it stood.
    fn place_of(&self, key: RowKey) -> usize {
        let by_thread = self.rows.iter().position(|row| row.key.thread == key.thread);
        // A merged conversation has another id and the same newest email.
        let found = by_thread.or_else(|| self.rows.iter().position(|row| row.key.newest == key.newest));
        let below = || self.rows.iter().position(|row| row.key < key);
        found.or_else(below).unwrap_or_else(|| self.rows.len().saturating_sub(1))
    }

    fn forget_far_rows(&mut self, height: usize) {
        let most = (height * SCREENS_KEPT).max(FEWEST_ASKED * 3);
        let excess = self.rows.len().saturating_sub(most);
        if excess == 0 {
            return;
        }
        let above = excess.min(self.top.min(self.at).saturating_sub(2 * height));
        if above > 0 {
            self.rows.drain(..above);
            (self.at, self.top, self.has_before) = (self.at - above, self.top - above, true);
        }
        let end = most.max(self.at.max(self.top) + 2 * height);
        if self.rows.len() > end {
            self.rows.truncate(end);
            self.has_after = true;
        }
    }
}

fn contains(rows: &Rows, key: RowKey) -> bool {
    rows.rows.iter().any(|row| row.key.thread == key.thread || row.key.newest == key.newest)
}
