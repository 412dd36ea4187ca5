//! Owns a message made readable: styled lines of harmless text, with its links and attachments.
//!
//! It is plain data between the renderer, which may be slow, and the screen, which only draws it.

use crate::mail::safe::SafeText;

/// How a run of text looks; the theme decides what that means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Style {
    /// Running text.
    #[default]
    Plain,
    /// Emphasis.
    Strong,
    /// A heading.
    Heading,
    /// Text of a link; the number in brackets follows it.
    Link,
    /// What stands back: signatures, rules, notes of ours.
    Dim,
    /// Quoted text, by its depth from 1 on.
    Quote(u8),
    /// An added line of a patch.
    Added,
    /// A removed line of a patch.
    Removed,
    /// A place in a patch.
    Hunk,
    /// A warning of ours about what the message pretends.
    Warning,
}

/// A run of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text, without line breaks.
    pub text: SafeText,
    /// How it looks.
    pub style: Style,
}

/// One line of a document, already wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Its runs.
    pub spans: Vec<Span>,
    /// The fold it belongs to: an index into [`Document::folds`].
    pub fold: Option<usize>,
}

/// A link of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What the message calls it.
    pub text: SafeText,
    /// The real target, as it would be opened; only http, https and mailto can be.
    pub target: String,
    /// The target as it is shown: whole, harmless, foreign scripts in the host spelled as punycode.
    pub shown: SafeText,
    /// Whether it may be opened at all.
    pub can_open: bool,
    /// Whether the text names another host than the target does.
    pub is_deceptive: bool,
}

/// An attachment, or any other leaf of the message that is not its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its number, from 1 on, in the order of the message.
    pub number: usize,
    /// A file name fit to be made in a directory: no path, no leading dot or dash, never empty.
    pub name: SafeText,
    /// `image/png`, lower case.
    pub media_type: SafeText,
    /// Bytes after decoding.
    pub size: u64,
    /// Whether the text shows it (`cid:`).
    pub is_inline: bool,
}

/// A run of lines that is shown folded at first: long quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// What stands for it: `14 quoted lines from Ana`.
    pub label: SafeText,
    /// How many lines it has.
    pub lines: usize,
}

/// What is wanted of a rendering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RenderOptions {
    /// Columns to wrap at.
    pub width: u16,
    /// Which form of the text.
    pub form: Form,
    /// Whether text that the HTML hides is shown.
    pub show_hidden: bool,
}

/// The forms in which a message can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Form {
    /// The plain text where it says as much as the HTML does, else the HTML as text.
    #[default]
    Best,
    /// The plain text part.
    Plain,
    /// The HTML part as text.
    Html,
    /// The bytes as they came.
    Source,
}

/// A message made readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The text, wrapped.
    pub lines: Vec<Line>,
    /// Its folds.
    pub folds: Vec<Fold>,
    /// Its links, in the order of their numbers: `[1]` is the first.
    pub links: Vec<Link>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// All header fields in their order, name and decoded value.
    pub fields: Vec<(SafeText, SafeText)>,
    /// Words that the HTML hides from the eye.
    pub hidden_words: usize,
    /// Pictures and the like that would be loaded from the network; they never are.
    pub remote_parts: usize,
    /// Warnings of ours: "Says "Bank Mandala" but comes from mandala-secure.test".
    pub warnings: Vec<SafeText>,
    /// The form that was chosen.
    pub form: Form,
    /// The other forms there are.
    pub forms: Vec<Form>,
    /// What was left out because of limits, in a sentence.
    pub cut: Option<SafeText>,
}
