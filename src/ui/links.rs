//! Owns the box with the links and attachments of a message.
//!
//! A link is opened only after its whole real target was shown (P27).

use crate::mail::document::{Attachment, Document, Link};
use crate::mail::id::EmailId;

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
    /// Whether the target of the link under the cursor is shown in full, to be confirmed.
    pub(super) is_asking: bool,
}

impl Links {
    pub(super) fn new(email: EmailId, document: &Document) -> Self {
        Self {
            email,
            attachments: document.attachments.clone(),
            links: document.links.clone(),
            at: 0,
            top: 0,
            is_asking: false,
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

    pub(super) fn step(&mut self, by: isize) {
        self.is_asking = false;
        self.at = self.at.saturating_add_signed(by).min(self.len().saturating_sub(1));
    }

    /// Puts the cursor on the link with this number.
    pub(super) fn select_link(&mut self, number: usize) -> bool {
        let is_there = (1..=self.links.len()).contains(&number);
        if is_there {
            self.is_asking = false;
            self.at = self.attachments.len() + number - 1;
        }
        is_there
    }

    pub(super) fn settle(&mut self, height: usize) {
        let height = height.max(1);
        self.at = self.at.min(self.len().saturating_sub(1));
        self.top = self.top.min(self.len().saturating_sub(height));
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
    }
}
