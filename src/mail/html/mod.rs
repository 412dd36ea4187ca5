//! Owns HTML made readable: a walk over the parsed tree that writes running text, tables, lists and quotes.
//!
//! It fetches nothing, runs nothing, and shows no text without saying so that the eye would not see in a browser:
//! hidden words are counted, and shown dimmed when asked for.

mod color;
mod data;
mod facts;
mod look;
mod style;
mod table;
mod tree;

use std::collections::HashMap;

use crate::mail::document::Style;
use crate::mail::flow::{Flow, FlowLine, Gap};
use crate::mail::html::facts::Facts;
use crate::mail::html::look::{Look, Script, in_script};
use crate::mail::html::style::{Declared, Sheet, White};
use crate::mail::html::tree::{Element, Kind, NodeId, Tree};
use crate::mail::link::{self, Links};
use crate::mail::plain;
use crate::mail::safe::SafeText;

/// HTML text beyond this is left out.
pub const LONGEST_HTML: usize = 1024 * 1024;
/// The width in which the cells of a table are written before their columns are known.
const CELL_WIDTH: usize = 1_000;
/// Empty cells at least so high are there to make a gap, in pixels.
const SPACER: f32 = 8.0;

/// What is wanted of a rendering.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Columns to wrap at.
    pub width: usize,
    /// Whether hidden text is shown.
    pub show_hidden: bool,
    /// File names of the message's own pictures by their `Content-ID`.
    pub pictures: &'a HashMap<String, String>,
}

/// HTML made readable.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Its lines.
    pub lines: Vec<FlowLine>,
    /// Words that a browser would not show.
    pub hidden_words: usize,
    /// Pictures, sheets, frames and the like that would be loaded from the network.
    pub remote_parts: usize,
    /// The `Content-ID`s of the message's own pictures that the text shows.
    pub pictures: Vec<String>,
    /// Whether something was left out because there was too much.
    pub is_cut: bool,
}

/// Renders HTML; its links get their numbers in `links`.
pub fn render(html: &str, options: Options<'_>, links: &mut Links) -> Rendered {
    let kept = html.get(..html.floor_char_boundary(LONGEST_HTML)).unwrap_or(html);
    let tree = Tree::parse(kept);
    let facts = Facts::gather(&tree);
    let rendered =
        Rendered { remote_parts: facts.remote_parts, is_cut: kept.len() < html.len(), ..Rendered::default() };
    let mut walk = Walk {
        sheet: Sheet::parse(&tree.styles),
        flow: Flow::new(options.width),
        tree: &tree,
        facts: &facts,
        options,
        links,
        look: Look::default(),
        link: None,
        lists: Vec::new(),
        rendered,
    };
    walk.children_of(0);
    let Walk { flow, mut rendered, .. } = walk;
    rendered.lines = flow.finish();
    rendered
}

/// Gives the words of HTML as one text, hidden ones left out: for searching and previews.
pub fn plain_text(html: &str) -> String {
    let options = Options { width: CELL_WIDTH, show_hidden: false, pictures: &HashMap::new() };
    let lines = render(html, options, &mut Links::default()).lines;
    let lines: Vec<String> = lines.iter().map(|line| line.runs.iter().map(|run| run.text.as_str()).collect()).collect();
    lines.join("\n")
}

/// A link whose text is being written.
#[derive(Debug, Clone)]
struct OpenLink {
    target: String,
    text: String,
}

/// A list under way.
#[derive(Debug)]
struct List {
    next: Option<i64>,
    numbering: u8,
    is_unmarked: bool,
}

/// What is to be done at the end of an element.
#[derive(Debug, Default)]
struct Open {
    id: NodeId,
    look: Look,
    gap_below: Option<Gap>,
    ends_indent: bool,
    ends_list: bool,
    ends_link: bool,
    outer_link: Option<OpenLink>,
    suffix: &'static str,
}

struct Walk<'a> {
    tree: &'a Tree,
    facts: &'a Facts,
    options: Options<'a>,
    sheet: Sheet,
    flow: Flow,
    links: &'a mut Links,
    look: Look,
    link: Option<OpenLink>,
    lists: Vec<List>,
    rendered: Rendered,
}

impl Walk<'_> {
    /// Writes all that is below a node, without recursion.
    fn children_of(&mut self, root: NodeId) {
        let mut open: Vec<Open> = Vec::new();
        let mut next = self.tree.node(root).and_then(|node| node.first_child);
        loop {
            if let Some(node) = next.and_then(|id| self.tree.node(id)) {
                let id = next.unwrap_or(0);
                next = node.next;
                match &node.kind {
                    Kind::Text(text) => self.text(text),
                    Kind::Element(element) => {
                        if let Some(entered) = self.enter(id, element) {
                            open.push(entered);
                            next = node.first_child;
                        }
                    }
                }
            } else if let Some(left) = open.pop() {
                next = self.tree.node(left.id).and_then(|node| node.next);
                self.leave(left);
            } else {
                return;
            }
        }
    }

    fn text(&mut self, text: &str) {
        let is_hidden = self.look.is_hidden();
        if is_hidden {
            self.rendered.hidden_words +=
                text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
            if !self.options.show_hidden {
                return;
            }
        }
        let text = plain::without_fillers(text);
        let text = match self.look.script {
            Script::Normal => text,
            script => in_script(text, script),
        };
        let text = if self.look.is_upper { text.to_uppercase() } else { text };
        if let Some(link) = &mut self.link {
            link.text.push_str(&text);
        }
        let style = match self.look.style {
            _ if is_hidden => Style::Dim,
            _ if self.link.is_some() => Style::Link,
            style => style,
        };
        match self.look.white {
            White::Collapse => {
                let text = text.replace(['\n', '\r', '\t', '\u{c}'], " ");
                self.flow.text(SafeText::line(&text).as_str(), style);
            }
            white => {
                for (number, line) in text.lines().enumerate() {
                    if number > 0 {
                        self.flow.exact_break();
                    }
                    let line = SafeText::line(&plain::expand_tabs(line));
                    match white {
                        White::Lines => self.flow.text(line.as_str(), style),
                        _ => self.flow.exact(line.as_str(), style, self.look.white == White::Keep),
                    }
                }
                if text.ends_with('\n') {
                    self.flow.exact_break();
                }
            }
        }
    }

    /// Begins an element; `None` when it has no inside that is to be walked.
    fn enter(&mut self, id: NodeId, element: &Element) -> Option<Open> {
        let name = element.name();
        if matches!(
            name,
            "script" | "style" | "title" | "template" | "svg" | "datalist" | "noframes" | "iframe" | "map"
        ) {
            return None;
        }
        let declared = self.sheet.declared(self.tree, id);
        let mut open = Open { id, look: self.look, ..Open::default() };
        self.look.apply(&declared);
        if self.look.is_gone && !self.options.show_hidden {
            return Some(open);
        }
        self.emphasis(element);
        let is_block = declared.is_block.unwrap_or_else(|| is_block(name));
        if is_block {
            self.gaps(name, &declared, &mut open);
        }
        match name {
            "br" => self.flow.break_line(),
            "hr" if !self.look.is_hidden() => {
                self.flow.rule();
                self.flow.gap(Gap::Line);
            }
            "img" => self.picture(element, &declared),
            "a" => self.begin_link(element, &mut open),
            "ul" | "ol" | "menu" | "dir" => self.begin_list(element, &declared, &mut open),
            "li" if is_block => self.begin_item(element, &declared, &mut open),
            "li" => self.flow.set_apart(),
            "dd" => self.indent("  ", &mut open),
            "blockquote" => self.begin_quote(element, &mut open),
            "table" if self.facts.is_data_table(self.tree, id) => {
                self.data_table(id);
                self.flow.gap(Gap::Blank);
                self.look = open.look;
                return None;
            }
            "tr" => self.look.is_inline_row = self.facts.fits_on_a_line(id, self.flow.room()),
            "td" | "th" => self.layout_cell(id, element, &declared),
            "input" => self.input(element),
            "video" => self.flow.text(" [video] ", Style::Dim),
            "audio" => self.flow.text(" [sound] ", Style::Dim),
            "q" => {
                self.flow.text("“", self.look.style);
                open.suffix = "”";
            }
            "rt" => {
                self.flow.text("(", self.look.style);
                open.suffix = ")";
            }
            "rp" => self.look.is_gone = true,
            _ => {}
        }
        Some(open)
    }

    fn leave(&mut self, open: Open) {
        if open.ends_link {
            let link = std::mem::replace(&mut self.link, open.outer_link);
            if let Some(link) = link {
                self.number(&link);
            }
        }
        if !open.suffix.is_empty() {
            self.flow.suffix(open.suffix, self.look.style);
        }
        if open.ends_list {
            self.lists.pop();
        }
        if let Some(gap) = open.gap_below {
            self.flow.gap(gap);
        }
        if open.ends_indent {
            self.flow.end_indent();
        }
        self.look = open.look;
    }

    fn emphasis(&mut self, element: &Element) {
        match element.name() {
            "b" | "strong" | "em" | "i" | "mark" | "dt" => self.look.emphasise(Style::Strong),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.look.style = Style::Heading,
            "del" | "s" | "strike" => self.look.style = Style::Dim,
            "sup" => self.look.script = Script::Above,
            "sub" => self.look.script = Script::Below,
            "pre" | "xmp" | "plaintext" | "listing" | "textarea" => self.look.white = White::Keep,
            _ if element.has_class("gmail_signature") || element.has_class("moz-signature") => {
                self.look.emphasise(Style::Dim);
            }
            _ => {}
        }
    }

    /// Asks for the gaps above and below a block.
    fn gaps(&mut self, name: &str, declared: &Declared, open: &mut Open) {
        let is_inline_cell = self.look.is_inline_row && matches!(name, "td" | "th");
        if is_inline_cell {
            return;
        }
        let usual = match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "pre" | "dl" | "figure" | "fieldset"
            | "xmp" | "listing" => Gap::Blank,
            "ul" | "ol" | "menu" | "dir" if self.lists.is_empty() => Gap::Blank,
            _ => Gap::Line,
        };
        let gap = |declared: Option<bool>| match declared {
            Some(true) => Gap::Blank,
            Some(false) => Gap::Line,
            None => usual,
        };
        self.flow.gap(gap(declared.has_gap_above));
        open.gap_below = Some(gap(declared.has_gap_below));
    }

    fn indent(&mut self, mark: &str, open: &mut Open) {
        self.flow.begin_item(mark);
        open.ends_indent = true;
    }

    fn begin_quote(&mut self, element: &Element, open: &mut Open) {
        // Editors' indent button makes a quote without a bar.
        let style = element.attribute("style").unwrap_or_default().to_ascii_lowercase().replace(' ', "");
        let is_indent = style.contains("border:none") && !element.has_class("gmail_quote");
        if is_indent {
            return self.indent("    ", open);
        }
        self.flow.begin_quote();
        open.ends_indent = true;
        // What is quoted is told by its bar; its own emphasis begins anew.
        self.look.style = Style::Plain;
    }

    fn begin_list(&mut self, element: &Element, declared: &Declared, open: &mut Open) {
        let is_numbered = element.name() == "ol";
        let start = element.attribute("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
        let numbering = element.attribute("type").and_then(|kind| kind.bytes().next()).unwrap_or(b'1');
        self.lists.push(List {
            next: is_numbered.then_some(start),
            numbering,
            is_unmarked: declared.is_unmarked == Some(true) && !is_numbered,
        });
        open.ends_list = true;
    }

    fn begin_item(&mut self, element: &Element, declared: &Declared, open: &mut Open) {
        let depth = self.lists.iter().filter(|list| list.next.is_none()).count();
        let mark = match self.lists.last_mut() {
            Some(List { is_unmarked: true, .. }) => String::new(),
            _ if declared.is_unmarked == Some(true) => String::new(),
            Some(List { next: Some(next), numbering, .. }) => {
                let number = element.attribute("value").and_then(|value| value.trim().parse().ok()).unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{} ", item_number(number, *numbering))
            }
            _ => String::from(if depth > 1 { "◦ " } else { "• " }),
        };
        self.indent(&mark, open);
    }

    fn begin_link(&mut self, element: &Element, open: &mut Open) {
        let target = link::clean(element.attribute("href").unwrap_or_default());
        if target.is_empty() || target.starts_with('#') {
            return;
        }
        open.ends_link = true;
        open.outer_link = self.link.replace(OpenLink { target, text: String::new() });
    }

    /// Puts the number of a link behind its text, and the host it goes to where the text names another one.
    fn number(&mut self, link: &OpenLink) {
        let text = link.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return;
        }
        if link::is_deceptive(&text, &link.target) {
            let real = link::host_of(&link.target).map_or_else(|| link.target.clone(), crate::mail::host::ascii);
            self.flow.suffix(&format!("\u{a0}[{}]", SafeText::line(&real)), Style::Warning);
        }
        if let Some(number) = self.links.number(&text, &link.target) {
            self.flow.suffix(&format!("\u{a0}[{number}]"), Style::Dim);
        }
    }

    fn picture(&mut self, element: &Element, declared: &Declared) {
        let side = |name: &str, declared: Option<f32>| declared.or_else(|| element.pixels(name));
        let sides = [side("width", declared.width), side("height", declared.height)];
        if self.look.is_gone || self.look.is_invisible || sides.iter().flatten().any(|side| *side <= 1.0) {
            return;
        }
        let cid = element.attribute("src").and_then(|src| src.trim().strip_prefix("cid:")).map(str::trim);
        let own = cid.and_then(|cid| self.options.pictures.get(cid));
        if let (Some(cid), Some(_)) = (cid, own) {
            self.rendered.pictures.push(cid.to_owned());
        }
        let alt = element.attribute("alt").map(str::trim).filter(|alt| !alt.is_empty());
        let alt = alt.or_else(|| own.map(String::as_str)).or_else(|| element.attribute("title").map(str::trim));
        let alt = alt.map(|alt| plain::without_fillers(&alt.split_whitespace().collect::<Vec<_>>().join(" ")));
        let said = match alt.filter(|alt| !alt.is_empty()) {
            // A smiley is text.
            Some(alt) if !alt.contains(char::is_alphanumeric) && alt.chars().count() <= 8 => alt,
            Some(alt) => format!("[picture: {alt}]"),
            None if own.is_some() => String::from("[picture]"),
            // A picture without words is worth a mark only where it is all there is of a link.
            None if self.link.as_ref().is_some_and(|link| link.text.trim().is_empty())
                && element.attribute("alt").is_none()
                && !sides.iter().flatten().any(|side| *side < SPACER * 2.0) =>
            {
                String::from("[picture]")
            }
            None => return,
        };
        let style = if self.link.is_some() { Style::Link } else { Style::Dim };
        if let Some(link) = &mut self.link {
            link.text.push_str(&said);
        }
        if declared.is_block == Some(true) {
            self.flow.gap(Gap::Line);
        }
        self.flow.text(SafeText::line(&said).as_str(), style);
        if declared.is_block == Some(true) {
            self.flow.gap(Gap::Line);
        }
    }

    fn layout_cell(&mut self, id: NodeId, element: &Element, declared: &Declared) {
        let is_spacer = self.facts.is_empty(id)
            && declared.height.or_else(|| element.pixels("height")).is_some_and(|height| height >= SPACER);
        if is_spacer && !self.look.is_inline_row {
            self.flow.gap(Gap::Blank);
        } else if self.look.is_inline_row {
            self.flow.set_apart();
        }
        if element.name() == "th" {
            self.look.emphasise(Style::Strong);
        }
        self.look.is_inline_row = false;
    }

    fn input(&mut self, element: &Element) {
        let said = match element.attribute("type").unwrap_or("text").to_ascii_lowercase().as_str() {
            "checkbox" | "radio" => String::from(if element.attribute("checked").is_some() { "[x]" } else { "[ ]" }),
            "hidden" | "image" | "password" | "file" => return,
            _ => match element.attribute("value").or_else(|| element.attribute("placeholder")) {
                Some(value) if !value.trim().is_empty() => format!("[{}]", value.trim()),
                _ => return,
            },
        };
        if !self.look.is_hidden() {
            self.flow.text(SafeText::line(&said).as_str(), self.look.style);
        }
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "legend"
            | "li"
            | "listing"
            | "main"
            | "marquee"
            | "menu"
            | "nav"
            | "ol"
            | "option"
            | "p"
            | "plaintext"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
            | "xmp"
    )
}

/// Spells the number of a list item: `3.`, `c.`, `iii.`.
fn item_number(number: i64, numbering: u8) -> String {
    let letters = |first: u8| {
        let place = u8::try_from(number - 1).ok().filter(|place| *place < 26)?;
        Some(char::from(first + place).to_string())
    };
    let spelled = match numbering {
        b'a' => letters(b'a'),
        b'A' => letters(b'A'),
        b'i' => roman(number),
        b'I' => roman(number).map(|roman| roman.to_uppercase()),
        _ => None,
    };
    format!("{}.", spelled.unwrap_or_else(|| number.to_string()))
}

fn roman(number: i64) -> Option<String> {
    let mut rest = u8::try_from(number).ok().filter(|number| (1..=89).contains(number))?;
    let mut spelled = String::new();
    for (value, letters) in [(50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")] {
        while rest >= value {
            spelled.push_str(letters);
            rest -= value;
        }
    }
    Some(spelled)
}

#[cfg(test)]
mod tests;
