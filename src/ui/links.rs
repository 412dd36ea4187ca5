//! Owns the box with the links and attachments of a message.
//!
//! A link is opened only after its whole real target was shown (P27).

use crate::mail::document::{Attachment, Document, Link};
use crate::mail::id::EmailId;
use crate::mail::wrap::{self, Run};

/// Columns of the name that a message gives a link which goes elsewhere.
const LONGEST_NAME: usize = 120;

/// One line of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// An attachment, by its place in the document.
    Attachment(usize),
    /// A link, by its place in the document.
    Link(usize),
}

/// The box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) email: EmailId,
    pub(super) attachments: Vec<Attachment>,
    pub(super) links: Vec<Link>,
    pub(super) at: usize,
    pub(super) top: usize,
    /// While the target of the link under the cursor is shown in full, to be confirmed: how far it is scrolled.
    pub(super) asking: Option<usize>,
}

/// How a line about a target is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Aside,
    Target,
    Warning,
}

impl Links {
    pub(super) fn new(email: EmailId, document: &Document) -> Self {
        Self {
            email,
            attachments: document.attachments.clone(),
            links: document.links.clone(),
            at: 0,
            top: 0,
            asking: None,
        }
    }

    /// Gives how many lines there are.
    pub(super) fn len(&self) -> usize {
        self.attachments.len() + self.links.len()
    }

    /// Gives a line: attachments stand before links.
    pub(super) fn line(&self, at: usize) -> Option<Line> {
        match at.checked_sub(self.attachments.len()) {
            None => Some(Line::Attachment(at)),
            Some(link) if link < self.links.len() => Some(Line::Link(link)),
            Some(_) => None,
        }
    }

    pub(super) fn attachment(&self) -> Option<&Attachment> {
        match self.line(self.at)? {
            Line::Attachment(at) => self.attachments.get(at),
            Line::Link(_) => None,
        }
    }

    pub(super) fn link(&self) -> Option<&Link> {
        match self.line(self.at)? {
            Line::Link(at) => self.links.get(at),
            Line::Attachment(_) => None,
        }
    }

    /// Gives everything there is to say before the link is opened, its whole target above all.
    pub(super) fn target(&self, columns: usize) -> Vec<(String, Tone)> {
        let Some(link) = self.link() else { return Vec::new() };
        let mut lines = Vec::new();
        let mut add = |runs: Vec<Vec<Run<()>>>, tone| {
            lines.extend(runs.into_iter().map(|runs| (runs.into_iter().map(|run| run.text).collect::<String>(), tone)));
        };
        let words = |text: String| wrap::wrap(&[Run::new(text, ())], columns, columns);
        add(words("This link really goes to:".to_owned()), Tone::Aside);
        add(wrap::wrap_exactly(&[Run::new(link.shown.as_str(), ())], columns), Tone::Target);
        if link.is_deceptive {
            let called = wrap::cut(link.text.as_str(), LONGEST_NAME);
            add(words(format!("! The message calls it: {called}")), Tone::Warning);
        }
        if !link.can_open {
            add(words("It cannot be opened: only web and mail addresses can.".to_owned()), Tone::Warning);
        }
        lines
    }

    /// Moves the cursor, or the target that is shown.
    pub(super) fn step(&mut self, by: isize) {
        if let Some(scroll) = &mut self.asking {
            *scroll = scroll.saturating_add_signed(by);
            return;
        }
        self.at = self.at.saturating_add_signed(by).min(self.len().saturating_sub(1));
    }

    /// Puts the cursor on the link with this number.
    pub(super) fn select_link(&mut self, number: usize) -> bool {
        let is_there = (1..=self.links.len()).contains(&number);
        if is_there {
            self.asking = None;
            self.at = self.attachments.len() + number - 1;
        }
        is_there
    }

    /// Keeps cursor and target on the screen: `height` rows of the list, `room` columns and rows of a target.
    pub(super) fn settle(&mut self, height: usize, room: (usize, usize)) {
        let height = height.max(1);
        let most = self.target(room.0).len().saturating_sub(room.1);
        self.asking = self.asking.map(|scroll| scroll.min(most));
        self.at = self.at.min(self.len().saturating_sub(1));
        self.top = self.top.min(self.len().saturating_sub(height));
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
    }
}
