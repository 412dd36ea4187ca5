//! Owns the message that is read: which one, how it is folded and how far it is scrolled.
//!
//! It renders nothing: a document comes as wrapped lines.

use std::collections::BTreeSet;

use crate::mail::document::{Document, Form};
use crate::mail::email::{Email, RowKey};
use crate::mail::id::EmailId;
use crate::ui::highlight;
use crate::ui::message::ThreadLine;

/// A question on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) generation: u64,
    pub(super) email: EmailId,
    pub(super) why: Why,
    pub(super) since: u64,
}

/// What an email is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// To be shown beside the list.
    Preview,
    /// To be read: the conversation was opened; the first unread message is meant.
    Open,
    /// To be read: this very message.
    Read,
    /// The same again: it changed, or is to be rendered otherwise.
    Again,
}

/// One line of the text as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// A line of the document.
    Line(usize),
    /// A fold that is closed.
    Closed(usize),
}

/// The reader.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    pub(super) email: Option<Box<Email>>,
    pub(super) thread: Vec<ThreadLine>,
    pub(super) document: Option<Box<Document>>,
    /// The row that the message was opened from.
    pub(super) row: Option<RowKey>,
    pub(super) shown: Vec<Shown>,
    open_folds: BTreeSet<usize>,
    pub(super) scroll: usize,
    /// The words that were looked for in this document, and the lines where they stand.
    sought: Option<(Vec<String>, Vec<usize>)>,
    /// The line of the document with the match that was gone to last.
    pub(super) found: Option<usize>,
    pub(super) full_headers: bool,
    pub(super) show_hidden: bool,
    pub(super) form: Form,
    pub(super) request: Option<Request>,
    /// The columns that the document was asked for.
    pub(super) width: u16,
    /// When a preview is due while the cursor is moving fast.
    pub(super) preview_at: Option<u64>,
    /// When the cursor moved last.
    pub(super) last_move: u64,
    /// Since when the body is missing.
    pub(super) waits_since: u64,
    /// The last question that was answered: its answer may come again with the body.
    pub(super) answered: Option<u64>,
    /// Whether the store changed under the message.
    pub(super) is_stale: bool,
    /// Not read again before this moment.
    pub(super) next_refresh: u64,
}

impl Reader {
    /// Forgets the message.
    pub(super) fn clear(&mut self) {
        (self.email, self.document, self.row, self.request) = (None, None, None, None);
        self.thread.clear();
        self.shown.clear();
        (self.scroll, self.sought) = (0, None);
    }

    /// Says whether an answer is one that is waited for.
    pub(super) fn expects(&self, generation: u64, email: EmailId) -> bool {
        match &self.request {
            Some(request) => request.generation == generation,
            None => self.answered == Some(generation) && self.email.as_ref().is_some_and(|shown| shown.id == email),
        }
    }

    /// Says whether another message than the one that is shown is on its way: keys are meant for that one.
    pub(super) fn is_waiting(&self) -> bool {
        let shown = self.email.as_ref().map(|email| email.id);
        self.request.as_ref().is_some_and(|request| Some(request.email) != shown)
    }

    /// Gives where the message stands in its conversation, from 0 on; the one that is on its way, if one is.
    pub(super) fn position(&self) -> Option<usize> {
        let shown = self.email.as_ref().map(|email| email.id);
        let id = self.request.as_ref().map(|request| request.email).or(shown)?;
        self.thread.iter().position(|line| line.email == id)
    }

    pub(super) fn show(&mut self, email: Box<Email>, thread: Vec<ThreadLine>, document: Option<Box<Document>>) {
        if self.email.as_ref().is_none_or(|shown| shown.id != email.id) {
            (self.scroll, self.found, self.open_folds) = (0, None, BTreeSet::new());
        }
        (self.email, self.thread, self.document) = (Some(email), thread, document);
        self.sought = None;
        self.arrange();
    }

    /// Looks for words in the document, once for each document and words: that takes long in a long one.
    pub(super) fn seek(&mut self, words: &[String]) {
        if self.sought.as_ref().is_some_and(|(sought, _)| sought == words) {
            return;
        }
        let lines = self.document.as_ref().map(|document| document.lines.as_slice()).unwrap_or_default();
        self.sought = Some((words.to_vec(), highlight::lines_with(lines, words).collect()));
    }

    /// Gives the lines of the document with the words that were looked for last.
    pub(super) fn matches(&self) -> &[usize] {
        self.sought.as_ref().map(|(_, lines)| lines.as_slice()).unwrap_or_default()
    }

    /// Opens or closes a fold.
    pub(super) fn toggle_fold(&mut self, fold: usize) {
        if !self.open_folds.remove(&fold) {
            self.open_folds.insert(fold);
        }
        self.arrange();
    }

    /// Gives the row of the text at which a line of the document stands, opening the fold that it is in.
    pub(super) fn reveal(&mut self, line: usize) -> Option<usize> {
        let fold = self.document.as_ref()?.lines.get(line)?.fold;
        if let Some(fold) = fold.filter(|fold| !self.open_folds.contains(fold)) {
            self.toggle_fold(fold);
        }
        self.shown.iter().position(|shown| *shown == Shown::Line(line))
    }

    /// Finds the fold that Enter means: the first closed one in sight, else the first one in sight.
    pub(super) fn fold_in_sight(&self, height: usize, head: usize) -> Option<usize> {
        let room = (self.scroll + height).saturating_sub(head.max(self.scroll));
        let sight = self.shown.iter().skip(self.scroll.saturating_sub(head)).take(room);
        let closed = sight.clone().find_map(|shown| match shown {
            Shown::Closed(fold) => Some(*fold),
            Shown::Line(_) => None,
        });
        let open = || {
            sight.clone().find_map(|shown| match shown {
                Shown::Line(line) => self.document.as_ref()?.lines.get(*line)?.fold,
                Shown::Closed(_) => None,
            })
        };
        closed.or_else(open)
    }

    fn arrange(&mut self) {
        self.shown.clear();
        let Some(document) = &self.document else { return };
        let mut last_closed = None;
        for (at, line) in document.lines.iter().enumerate() {
            match line.fold.filter(|fold| *fold < document.folds.len() && !self.open_folds.contains(fold)) {
                None => self.shown.push(Shown::Line(at)),
                Some(fold) if last_closed == Some(fold) => continue,
                Some(fold) => self.shown.push(Shown::Closed(fold)),
            }
            last_closed = line.fold.filter(|fold| !self.open_folds.contains(fold));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::document::{Line, Span, Style};
    use crate::mail::safe::SafeText;

    #[test]
    fn words_are_looked_for_once_in_each_document() {
        let line =
            |text: &str| Line { spans: vec![Span { text: SafeText::line(text), style: Style::Plain }], fold: None };
        let document = |texts: &[&str]| {
            Some(Box::new(Document { lines: texts.iter().map(|text| line(text)).collect(), ..Document::default() }))
        };
        let words = |word: &str| vec![word.to_owned()];
        let mut reader = Reader { document: document(&["one", "two", "one two"]), ..Reader::default() };
        reader.seek(&words("one"));
        assert_eq!(reader.matches(), [0, 2]);
        // Nobody changes a document in place: whoever looks again would see it.
        reader.document = None;
        reader.seek(&words("one"));
        assert_eq!(reader.matches(), [0, 2]);
        reader.clear();
        reader.document = document(&["two", "one"]);
        reader.seek(&words("one"));
        assert_eq!(reader.matches(), [1]);
        reader.seek(&words("two"));
        assert_eq!(reader.matches(), [0]);
        reader.seek(&[]);
        assert!(reader.matches().is_empty());
    }
}
