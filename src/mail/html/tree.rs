//! Owns the tree of an HTML text: html5ever's tokens, put together in an arena of bounded depth.
//!
//! It is no browser's tree: misnested formatting is not carried over into later blocks (which lets a small message grow
//! into millions of nodes), and stray content stays where it stands. For reading, nothing is lost by that, and the
//! work is linear whatever the input is.

use std::cell::RefCell;

use html5ever::LocalName;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// Elements nested deeper stay with the last one that is not. The deepest newsletters known have some 120.
const DEEPEST: usize = 200;
/// Bytes handed to the tokenizer at a time.
const SLICE: usize = 4_096;
/// The tokenizer compares each attribute of a tag with all others: a tag of this many words is broken up.
const MOST_WORDS_OF_A_TAG: usize = 8_000;

/// A longer list of classes is no honest one, and would be walked for every rule.
const LONGEST_CLASS: usize = 2_000;

/// The place of a node in its tree.
pub type NodeId = usize;

/// An HTML text as a tree. The first node is its root.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The text of its `style` elements.
    pub styles: String,
}

/// A node: an element, or text.
#[derive(Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its first child.
    pub first_child: Option<NodeId>,
    /// The next child of its parent.
    pub next: Option<NodeId>,
    /// Its parent; the root is its own.
    pub parent: NodeId,
    last_child: Option<NodeId>,
}

/// What a node is.
#[derive(Debug)]
pub enum Kind {
    /// An element.
    Element(Element),
    /// Text, entities decoded.
    Text(String),
}

/// An element with its attributes.
#[derive(Debug)]
pub struct Element {
    name: LocalName,
    attributes: Vec<(LocalName, StrTendril)>,
}

impl Element {
    /// Gives the name in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(local, _)| **local == *name).map(|(_, value)| &**value)
    }

    /// Gives all attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Gives an attribute that is a number of pixels.
    pub fn pixels(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.trim().trim_end_matches("px").trim().parse().ok()
    }

    /// Says whether `class` names this class.
    pub fn has_class(&self, class: &str) -> bool {
        let classes = self.attribute("class").filter(|classes| classes.len() <= LONGEST_CLASS);
        classes.is_some_and(|classes| classes.split_ascii_whitespace().any(|one| one == class))
    }
}

impl Tree {
    /// Parses any text; every text is HTML.
    pub fn parse(html: &str) -> Self {
        let builder = RefCell::new(Builder::new());
        let new_tokenizer = || Tokenizer::new(Sink { builder: &builder }, TokenizerOpts::default());
        let mut tokenizer = new_tokenizer();
        let (mut rest, mut tokens, mut words) = (html, 0, 0);
        while !rest.is_empty() {
            let (slice, after) = rest.split_at(rest.floor_char_boundary(SLICE).max(1));
            let queue = BufferQueue::default();
            queue.push_back(StrTendril::from(slice));
            // The result only says that a script or an encoding was met, and none is ever announced by our sink.
            while !queue.is_empty() {
                let _ = tokenizer.feed(&queue);
            }
            rest = after;
            let now = builder.borrow().tokens;
            words = if now == tokens { words + slice.split([' ', '\n', '\t', '/', '"', '\'']).count() } else { 0 };
            tokens = now;
            if words > MOST_WORDS_OF_A_TAG {
                tokenizer = new_tokenizer();
                words = 0;
            }
        }
        tokenizer.end();
        drop(tokenizer);
        builder.into_inner().tree
    }

    /// Gives a node; the root for an id that is not of this tree.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// Gives the element at a node, if it is one.
    pub fn element(&self, id: NodeId) -> Option<&Element> {
        match &self.nodes.get(id)?.kind {
            Kind::Element(element) => Some(element),
            Kind::Text(_) => None,
        }
    }

    /// Gives the children of a node in order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let first = self.nodes.get(id).and_then(|node| node.first_child);
        std::iter::successors(first, |&child| self.nodes.get(child).and_then(|node| node.next))
    }

    /// Gives all nodes in the order of the text: parents before their children.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes.iter().enumerate()
    }
}

struct Sink<'a> {
    builder: &'a RefCell<Builder>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut builder = self.builder.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                builder.tokens += 1;
                match tag.kind {
                    TagKind::StartTag => return builder.start(tag),
                    TagKind::EndTag => builder.end(&tag.name),
                }
            }
            Token::CharacterTokens(text) => {
                builder.tokens += 1;
                builder.text(&text);
            }
            Token::CommentToken(_) => builder.tokens += 1,
            Token::DoctypeToken(_) | Token::NullCharacterToken | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

struct Builder {
    tree: Tree,
    /// The open elements, the root first.
    open: Vec<NodeId>,
    /// Elements that are open but were too deep to be kept.
    too_deep: usize,
    /// Whether the innermost of those is one whose text is not for reading.
    is_in_unread: bool,
    has_body: bool,
    tokens: usize,
}

const TABLE: &[&str] = &["table"];
const CELLS: &[&str] = &["td", "th"];
/// What an end tag does not reach out of, unless it is part of the table itself.
const CELL_WALLS: &[&str] = &["td", "th", "caption", "table"];
const HEADINGS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6"];
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "s", "small", "span", "strike", "strong", "tt", "u"];

impl Builder {
    fn new() -> Self {
        let element = Element { name: LocalName::from("html"), attributes: Vec::new() };
        let root = Node { kind: Kind::Element(element), first_child: None, next: None, parent: 0, last_child: None };
        let tree = Tree { nodes: vec![root], styles: String::new() };
        Self { tree, open: vec![0], too_deep: 0, is_in_unread: false, has_body: false, tokens: 0 }
    }

    fn start(&mut self, tag: Tag) -> TokenSinkResult<()> {
        let name = tag.name.clone();
        match &*name {
            "html" | "head" => return TokenSinkResult::Continue,
            "body" if std::mem::replace(&mut self.has_body, true) => return TokenSinkResult::Continue,
            // Down there all stands side by side.
            _ if self.too_deep > 0 => {}
            "li" => self.close_any(&["li"], &["ul", "ol", "menu", "dir", "td", "th", "table"]),
            "dt" | "dd" => self.close_any(&["dt", "dd"], &["dl", "td", "th", "table"]),
            "option" | "optgroup" => self.close_any(&["option"], &["select", "td", "th", "table"]),
            "rt" | "rp" => self.close_any(&["rt", "rp"], &["ruby", "td", "th", "table"]),
            "td" | "th" => {
                self.close_any(CELLS, &["tr", "table"]);
                self.close_any(&["caption", "colgroup"], TABLE);
                if self.name_of_top().is_some_and(|top| matches!(top, "table" | "thead" | "tbody" | "tfoot")) {
                    self.push(LocalName::from("tr"), Vec::new());
                }
            }
            "tr" => self.close_any(&["tr", "caption", "colgroup"], TABLE),
            "thead" | "tbody" | "tfoot" => {
                self.close_any(&["thead", "tbody", "tfoot", "tr", "caption", "colgroup"], TABLE)
            }
            "a" => self.close_link(),
            block if closes_paragraph(block) => self.close_any(&["p"], CELL_WALLS),
            _ => {}
        }
        let attributes = tag.attrs.into_iter().map(|attribute| (attribute.name.local, attribute.value)).collect();
        let is_empty = is_void(&name) || (tag.self_closing && name.contains(':'));
        self.push(name.clone(), attributes);
        if is_empty {
            self.pop();
        }
        self.is_in_unread = self.too_deep > 0 && is_unread(&name);
        match &*name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(RawKind::Rawtext),
            "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
            "plaintext" => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }

    fn end(&mut self, name: &LocalName) {
        self.is_in_unread = false;
        match &**name {
            "html" | "head" | "body" => {}
            "br" => {
                self.push(name.clone(), Vec::new());
                self.pop();
            }
            _ if is_void(name) => {}
            _ if self.too_deep > 0 => self.too_deep -= 1,
            "table" => self.close_any(TABLE, &[]),
            "td" | "th" | "tr" | "thead" | "tbody" | "tfoot" | "caption" => self.close_any(&[name], TABLE),
            heading if HEADINGS.contains(&heading) => self.close_any(HEADINGS, CELL_WALLS),
            other => self.close_any(&[other], CELL_WALLS),
        }
    }

    fn text(&mut self, text: &str) {
        let top = self.top();
        match self.name_of_top() {
            _ if self.is_in_unread => return,
            Some("style") => return self.tree.styles.push_str(text),
            Some(name) if is_unread(name) => return,
            _ => {}
        }
        let last = self.tree.nodes.get(top).and_then(|node| node.last_child);
        if let Some(Node { kind: Kind::Text(before), .. }) = last.and_then(|last| self.tree.nodes.get_mut(last)) {
            before.push_str(text);
        } else {
            self.append(Kind::Text(text.to_owned()));
        }
    }

    fn push(&mut self, name: LocalName, attributes: Vec<(LocalName, StrTendril)>) {
        let id = self.append(Kind::Element(Element { name, attributes }));
        if self.open.len() < DEEPEST && self.too_deep == 0 {
            self.open.push(id);
        } else {
            self.too_deep += 1;
        }
    }

    fn pop(&mut self) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if self.open.len() > 1 {
            self.open.pop();
        }
    }

    fn append(&mut self, kind: Kind) -> NodeId {
        let (id, parent) = (self.tree.nodes.len(), self.top());
        self.tree.nodes.push(Node { kind, first_child: None, next: None, parent, last_child: None });
        let before = self.tree.nodes.get_mut(parent).and_then(|parent| {
            parent.first_child.get_or_insert(id);
            parent.last_child.replace(id)
        });
        if let Some(before) = before.and_then(|before| self.tree.nodes.get_mut(before)) {
            before.next = Some(id);
        }
        id
    }

    fn top(&self) -> NodeId {
        self.open.last().copied().unwrap_or(0)
    }

    fn name_of_top(&self) -> Option<&str> {
        self.tree.element(self.top()).map(Element::name)
    }

    /// Closes the innermost open element of these names, and all in it, unless a wall stands before it.
    fn close_any(&mut self, names: &[&str], walls: &[&str]) {
        for depth in (1..self.open.len()).rev() {
            let name = self.open.get(depth).and_then(|&id| self.tree.element(id)).map_or("", Element::name);
            if names.contains(&name) {
                self.open.truncate(depth);
                return;
            }
            if walls.contains(&name) {
                return;
            }
        }
    }

    /// Closes an open link before the next one begins, if nothing but formatting stands between.
    fn close_link(&mut self) {
        for depth in (1..self.open.len()).rev() {
            match self.open.get(depth).and_then(|&id| self.tree.element(id)).map_or("", Element::name) {
                "a" => return self.open.truncate(depth),
                name if FORMATTING.contains(&name) => {}
                _ => return,
            }
        }
    }
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Says whether the text of an element is not for reading.
fn is_unread(name: &str) -> bool {
    matches!(name, "script" | "style" | "title" | "iframe" | "noembed" | "noframes")
}

fn closes_paragraph(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
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
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "ul"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    /// Spells a tree as `p(b('bold') ' text')`.
    fn spell(tree: &Tree, id: NodeId) -> String {
        match &tree.node(id).unwrap().kind {
            Kind::Text(text) => format!("'{text}'"),
            Kind::Element(element) => {
                let inner: Vec<String> = tree.children(id).map(|child| spell(tree, child)).collect();
                if inner.is_empty() {
                    element.name().to_owned()
                } else {
                    format!("{}({})", element.name(), inner.join(" "))
                }
            }
        }
    }

    fn check(html: &str, expected: &str) {
        let tree = Tree::parse(html);
        let children: Vec<String> = tree.children(0).map(|child| spell(&tree, child)).collect();
        assert_eq!(children.join(" "), expected, "{html}");
    }

    #[test]
    fn end_tags_may_be_left_out() {
        check("<p>a<p>b", "p('a') p('b')");
        check("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "ul(li('a') li('b' ul(li('c'))) li('d')) 'e'");
        check("<table><tr><td>a<td>b<tr><td>c</table>", "table(tr(td('a') td('b')) tr(td('c')))");
        check("<table><td>a<tbody><td>b</table>", "table(tr(td('a')) tbody(tr(td('b'))))");
        check("<dl><dt>a<dd>b<dt>c</dl>", "dl(dt('a') dd('b') dt('c'))");
        check("<a href=x>a<a href=y>b</a>c", "a('a') a('b') 'c'");
    }

    #[test]
    fn stray_end_tags_do_no_harm() {
        check("<table><tr><td>a</div></p>b</td></tr></table>c", "table(tr(td('ab'))) 'c'");
        check("a</b></body></html>b<br></br>", "'ab' br br");
        check("<h1>a</h2>b", "h1('a') 'b'");
        check("<b><i>a</b></i>b", "b(i('a')) 'b'");
    }

    #[test]
    fn what_is_not_text_is_no_text() {
        check("<title>t</title><style>p{}</style><script>'<b>'</script>a<!-- c -->", "title style script 'a'");
        assert_eq!(Tree::parse("<style>a{}</style><style>b{}</style>").styles, "a{}b{}");
        check("&amp;&lt;&eacute;&#233;&nbsp;&bogus;", "'&<éé\u{a0}&bogus;'");
    }

    #[test]
    fn deep_and_odd_trees_are_flat_and_quick() {
        let started = std::time::Instant::now();
        let deep = format!("{}x{}y", "<div>".repeat(20_000), "</div>".repeat(20_000));
        let tree = Tree::parse(&deep);
        assert!(tree.nodes().len() <= 20_003);
        let last = tree.nodes().last().unwrap().1;
        let script = Tree::parse(&format!("{}<script>no</script>yes", "<div>".repeat(300)));
        let texts = script.nodes().filter(|(_, node)| matches!(&node.kind, Kind::Text(text) if text != "yes"));
        assert_eq!(texts.count(), 0);
        assert!(matches!(&last.kind, Kind::Text(text) if text == "y") && last.parent == 0);
        Tree::parse(&format!("<b {}>x", (0..50_000).map(|n| format!("a{n:x} ")).collect::<String>()));
        Tree::parse(&format!("{}{}", "<font color=1>".repeat(3_000), "<p>x".repeat(30_000)));
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }
}
