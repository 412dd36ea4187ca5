//! Owns the running text of a rendering: words and breaks come in, wrapped lines go out.
//!
//! It knows quotes and indentation, but no HTML and no mail.

use crate::mail::document::Style;
use crate::mail::wrap::{self, Run};

/// A line of running text, with the depth of the quote that it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowLine {
    /// Its runs, the prefix of quotes and lists included.
    pub runs: Vec<Run<Style>>,
    /// 0 outside quotes.
    pub quote: u8,
}

/// What separates what comes next from what stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Nothing.
    None,
    /// A new line.
    Line,
    /// An empty line.
    Blank,
}

/// Something that stands at the left of every line until it ends.
#[derive(Debug, Clone)]
enum Indent {
    /// A quote.
    Quote,
    /// A list item: its mark on the first line, blanks on the others.
    Item { mark: String, is_marked: bool },
}

/// Deeper quotes are not shown deeper.
const DEEPEST_QUOTE: usize = 9;
/// What is left of a line beside quotes and lists, at least, as a share of its width.
const LEAST_SHARE: usize = 2;
/// Empty lines of preformatted text that are kept together.
const MOST_EMPTY_LINES: usize = 3;

/// Running text under way.
#[derive(Debug)]
pub struct Flow {
    width: usize,
    lines: Vec<FlowLine>,
    indents: Vec<Indent>,
    gap: Gap,
    /// The paragraph that is being written.
    paragraph: Vec<Run<Style>>,
    is_exact: bool,
    wants_space: bool,
    /// Prefixes of the paragraph's first line and of the others, and its quote depth.
    first: String,
    rest: String,
    quote: u8,
    /// Empty lines at the end.
    empty: usize,
}

impl Flow {
    /// Begins a text of lines of at most `width` columns.
    pub fn new(width: usize) -> Self {
        Self {
            width: width.max(wrap::NARROWEST),
            lines: Vec::new(),
            indents: Vec::new(),
            gap: Gap::None,
            paragraph: Vec::new(),
            is_exact: false,
            wants_space: false,
            first: String::new(),
            rest: String::new(),
            quote: 0,
            empty: 0,
        }
    }

    /// Ends the text and gives its lines.
    pub fn finish(mut self) -> Vec<FlowLine> {
        self.end_paragraph();
        while self
            .lines
            .last()
            .is_some_and(|line| line.runs.iter().all(|run| run.text.trim_matches(['>', ' ']).is_empty()))
        {
            self.lines.pop();
        }
        self.lines
    }

    /// Gives the columns that text has here.
    pub fn room(&self) -> usize {
        self.width.saturating_sub(wrap::width(&self.prefix().1)).max(wrap::NARROWEST)
    }

    /// Asks for a gap before what comes next.
    pub fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// Ends a line as `<br>` does: where nothing stands on it, it is an empty one.
    pub fn break_line(&mut self) {
        let is_empty = self.paragraph.is_empty() || self.gap > Gap::None;
        self.gap(if is_empty { Gap::Blank } else { Gap::Line });
    }

    /// Says whether the line that is being written has text already.
    pub fn is_in_line(&self) -> bool {
        !self.paragraph.is_empty() && self.gap == Gap::None
    }

    /// Adds text, runs of white space as one space.
    pub fn text(&mut self, text: &str, style: Style) {
        let mut words = text.split(is_collapsible);
        if let Some(word) = words.next() {
            self.word(word, style);
        }
        for word in words {
            self.wants_space = true;
            self.word(word, style);
        }
    }

    /// Sets what comes next apart on the same line, as the next cell of a row.
    pub fn set_apart(&mut self) {
        if self.is_in_line() && !self.paragraph.last().is_some_and(|run| run.text.ends_with("\u{a0} ")) {
            push(&mut self.paragraph, "\u{a0} ", Style::Plain);
            self.wants_space = false;
        }
    }

    /// Adds text right behind what stands, whatever gap was asked for: the number of a link.
    pub fn suffix(&mut self, text: &str, style: Style) {
        if self.paragraph.is_empty() {
            return self.word(text.trim_start_matches('\u{a0}'), style);
        }
        push(&mut self.paragraph, text, style);
    }

    /// Adds one line of preformatted text; `is_exact` keeps it from being wrapped at words.
    pub fn exact(&mut self, text: &str, style: Style, is_exact: bool) {
        if text.is_empty() {
            return;
        }
        self.begin_paragraph();
        self.is_exact = is_exact;
        push(&mut self.paragraph, text, style);
    }

    /// Ends a line of preformatted text; empty lines count.
    pub fn exact_break(&mut self) {
        if self.is_in_line() {
            self.gap(Gap::Line);
        } else {
            self.end_paragraph();
            self.take_gap();
            if !self.lines.is_empty() {
                self.push_empty();
            }
        }
    }

    /// Adds finished lines, which fit the room there is.
    pub fn lines(&mut self, lines: Vec<Vec<Run<Style>>>) {
        for line in lines {
            if line.is_empty() {
                self.gap(Gap::Blank);
                continue;
            }
            self.begin_paragraph();
            self.is_exact = true;
            self.paragraph.extend(line);
            self.gap(Gap::Line);
        }
    }

    /// Adds a rule across the room there is.
    pub fn rule(&mut self) {
        self.gap(Gap::Line);
        let rule = "─".repeat(self.room());
        self.lines(vec![vec![Run::new(rule, Style::Dim)]]);
    }

    /// Begins a quote.
    pub fn begin_quote(&mut self) {
        self.indents.push(Indent::Quote);
    }

    /// Begins an item with a mark, or an indentation of blanks.
    pub fn begin_item(&mut self, mark: &str) {
        self.indents.push(Indent::Item { mark: mark.to_owned(), is_marked: false });
    }

    /// Ends the innermost quote or item. A gap was asked for by then.
    pub fn end_indent(&mut self) {
        self.indents.pop();
    }

    fn word(&mut self, word: &str, style: Style) {
        if word.is_empty() {
            return;
        }
        if !self.is_in_line() {
            self.begin_paragraph();
        } else if self.wants_space && !self.paragraph.last().is_some_and(|run| run.text.ends_with([' ', '\u{a0}'])) {
            let is_same = self.paragraph.last().is_some_and(|run| run.mark == style);
            push(&mut self.paragraph, " ", if is_same { style } else { Style::Plain });
        }
        self.wants_space = false;
        push(&mut self.paragraph, word, style);
    }

    fn begin_paragraph(&mut self) {
        if self.is_in_line() {
            return;
        }
        self.end_paragraph();
        self.take_gap();
        self.wants_space = false;
        (self.first, self.rest) = self.prefix();
        self.quote = self.quote_depth();
        for indent in &mut self.indents {
            if let Indent::Item { is_marked, .. } = indent {
                *is_marked = true;
            }
        }
    }

    /// Puts the empty line that was asked for, in the quote that both neighbours share.
    fn take_gap(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        if gap == Gap::Blank && !self.lines.is_empty() && self.empty == 0 {
            self.push_empty();
        }
    }

    fn push_empty(&mut self) {
        if self.empty < MOST_EMPTY_LINES {
            let quote = self.lines.last().map_or(0, |line| line.quote).min(self.quote_depth());
            let prefix = "> ".repeat(usize::from(quote));
            let prefix = wrap::cut(prefix.trim_end(), self.width);
            let runs = if quote > 0 { vec![Run::new(prefix, Style::Quote(quote))] } else { Vec::new() };
            self.lines.push(FlowLine { runs, quote });
            self.empty += 1;
        }
    }

    fn end_paragraph(&mut self) {
        let mut paragraph = std::mem::take(&mut self.paragraph);
        self.wants_space = false;
        if paragraph.iter().all(|run| run.text.trim_matches([' ', '\u{a0}']).is_empty()) {
            if !paragraph.is_empty() {
                // A paragraph of a no-break space is how editors write an empty line.
                self.gap(Gap::Blank);
            }
            return;
        }
        if self.quote > 0 {
            for run in &mut paragraph {
                if run.mark == Style::Plain {
                    run.mark = Style::Quote(self.quote);
                }
            }
        }
        if let Some(last) = paragraph.last_mut().filter(|_| !self.is_exact) {
            last.text.truncate(last.text.trim_end_matches([' ', '\u{a0}']).len());
        }
        let (first, rest) = (std::mem::take(&mut self.first), std::mem::take(&mut self.rest));
        let room = |prefix: &str| self.width.saturating_sub(wrap::width(prefix));
        let lines = if std::mem::replace(&mut self.is_exact, false) {
            wrap::wrap_exactly(&paragraph, room(&rest).min(room(&first)))
        } else {
            wrap::wrap(&paragraph, room(&first), room(&rest))
        };
        let style = if self.quote > 0 { Style::Quote(self.quote) } else { Style::Plain };
        for (number, line) in lines.into_iter().enumerate() {
            let prefix = if number == 0 { &first } else { &rest };
            let mut runs = Vec::with_capacity(line.len() + 1);
            if !prefix.is_empty() {
                runs.push(Run::new(prefix.as_str(), style));
            }
            runs.extend(line);
            self.lines.push(FlowLine { runs, quote: self.quote });
        }
        self.empty = 0;
    }

    fn quote_depth(&self) -> u8 {
        let depth = self.indents.iter().filter(|indent| matches!(indent, Indent::Quote)).count();
        depth.min(DEEPEST_QUOTE) as u8
    }

    /// Gives the prefixes of a paragraph that begins now: of its first line and of the others.
    fn prefix(&self) -> (String, String) {
        let (mut first, mut rest, mut quotes) = (String::new(), String::new(), 0);
        for indent in &self.indents {
            match indent {
                Indent::Quote if quotes < DEEPEST_QUOTE && rest.len() + 2 <= self.width / LEAST_SHARE => {
                    quotes += 1;
                    first.push_str("> ");
                    rest.push_str("> ");
                }
                Indent::Quote => {}
                Indent::Item { mark, is_marked } => {
                    let wide = wrap::width(mark);
                    if rest.len() + wide > self.width / LEAST_SHARE {
                        continue;
                    }
                    let blanks = " ".repeat(wide);
                    first.push_str(if *is_marked { &blanks } else { mark });
                    rest.push_str(&blanks);
                }
            }
        }
        (first, rest)
    }
}

fn is_collapsible(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn push(paragraph: &mut Vec<Run<Style>>, text: &str, style: Style) {
    match paragraph.last_mut() {
        Some(run) if run.mark == style => run.text.push_str(text),
        _ => paragraph.push(Run::new(text, style)),
    }
}
