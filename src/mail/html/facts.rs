//! Owns what must be known of a tree before it is walked: what is below each element, which tables hold data, and
//! what would be loaded from the network.

use crate::mail::html::tree::{Kind, NodeId, Tree};

/// A cell of data is short; one of a table that says of itself that it is one may be longer.
const LONGEST_CELL: u32 = 100;
/// The same where headings or a caption say that it is a table.
const LONGEST_TOLD_CELL: u32 = 600;
/// Blocks and breaks in a cell of data.
const MOST_BLOCKS: u32 = 4;
/// Cells of a row of layout stand on one line if they have at most this many characters together.
const LONGEST_INLINE_ROW: usize = 100;

/// What is known of a tree.
#[derive(Debug, Default)]
pub struct Facts {
    of: Vec<Below>,
    /// Pictures, sheets, frames and the like that a browser would load.
    pub remote_parts: usize,
}

/// What is below an element.
#[derive(Debug, Clone, Copy, Default)]
struct Below {
    /// Characters that are not white space; the words that stand for pictures count too.
    text: u32,
    /// Blocks and breaks.
    blocks: u32,
    /// Whether a table, list, quote, rule or heading is there: what no cell of data has.
    has_structure: bool,
}

impl Facts {
    /// Walks the tree once, children before their parents.
    pub fn gather(tree: &Tree) -> Self {
        let mut of = vec![Below::default(); tree.nodes().len()];
        let mut remote_parts = tree.styles.matches("@import").count() + remote_urls(&tree.styles);
        for (id, node) in tree.nodes().rev() {
            let mut below = of.get(id).copied().unwrap_or_default();
            match &node.kind {
                Kind::Text(text) => {
                    let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '\u{200c}' && *c != '\u{34f}');
                    below.text = u32::try_from(letters.count()).unwrap_or(u32::MAX);
                }
                Kind::Element(element) => {
                    remote_parts += remote_loads(element.name(), element.attributes());
                    match element.name() {
                        "script" | "style" | "title" | "template" => below = Below::default(),
                        "table" | "ul" | "ol" | "dl" | "blockquote" | "hr" | "pre" | "h1" | "h2" | "form" | "video" => {
                            below.has_structure = true;
                        }
                        "img" => {
                            let alt = element.attribute("alt").map_or(0, |alt| alt.trim().chars().count());
                            below.text += u32::try_from(alt).unwrap_or(u32::MAX).min(1_000);
                        }
                        "br" | "p" | "div" | "h3" | "h4" | "center" | "section" => {
                            below.blocks = below.blocks.saturating_add(1)
                        }
                        _ => {}
                    }
                    if let Some(known) = of.get_mut(id) {
                        *known = below;
                    }
                }
            }
            if id > 0
                && let Some(parent) = of.get_mut(node.parent)
            {
                parent.text = parent.text.saturating_add(below.text);
                parent.blocks = parent.blocks.saturating_add(below.blocks);
                parent.has_structure |= below.has_structure;
            }
        }
        Self { of, remote_parts }
    }

    fn below(&self, id: NodeId) -> Below {
        self.of.get(id).copied().unwrap_or_default()
    }

    /// Says whether nothing to read is below an element.
    pub fn is_empty(&self, id: NodeId) -> bool {
        self.below(id).text == 0
    }

    /// Says whether the cells of a row of layout may stand on one line: at least two, short, without blocks.
    pub fn fits_on_a_line(&self, row: NodeId, room: usize) -> bool {
        let row = self.below(row);
        !row.has_structure && row.blocks == 0 && (row.text as usize) < room.min(LONGEST_INLINE_ROW) * 3 / 4
    }

    /// Says whether a table holds data, so that its columns mean something: rows of several short cells without
    /// structure inside. What says of itself that it is for layout only, is.
    pub fn is_data_table(&self, tree: &Tree, table: NodeId) -> bool {
        let Some(element) = tree.element(table) else { return false };
        if matches!(element.attribute("role"), Some("presentation" | "none")) {
            return false;
        }
        let (mut wide_rows, mut count, mut longest, mut blocks, mut heads) = (0, 0, 0, 0, 0);
        for row in rows(tree, table) {
            let mut filled = 0;
            for cell in cells(tree, row) {
                let below = self.below(cell);
                if below.has_structure {
                    return false;
                }
                filled += usize::from(below.text > 0);
                longest = below.text.max(longest);
                blocks = below.blocks.max(blocks);
                heads += usize::from(name(tree, cell) == "th");
            }
            count += usize::from(filled > 0);
            wide_rows += usize::from(filled > 1);
        }
        let has_caption = tree.children(table).any(|child| name(tree, child) == "caption");
        let has_frame = element.pixels("border").is_some_and(|border| border > 0.0);
        if heads > 0 || has_caption || has_frame {
            return count > 1 && wide_rows > 0 && longest <= LONGEST_TOLD_CELL && blocks <= MOST_BLOCKS * 2;
        }
        wide_rows > 1 && longest <= LONGEST_CELL && blocks <= MOST_BLOCKS
    }
}

/// Gives the name of an element, nothing for text.
pub fn name(tree: &Tree, id: NodeId) -> &str {
    tree.element(id).map_or("", |element| element.name())
}

/// Gives the rows of a table, through its groups.
pub fn rows(tree: &Tree, table: NodeId) -> impl Iterator<Item = NodeId> {
    tree.children(table).flat_map(move |child| {
        let is_group = matches!(name(tree, child), "thead" | "tbody" | "tfoot");
        let (own, inner) = if is_group { (None, Some(tree.children(child))) } else { (Some(child), None) };
        own.into_iter().chain(inner.into_iter().flatten()).filter(|&row| name(tree, row) == "tr")
    })
}

/// Gives the cells of a row.
pub fn cells(tree: &Tree, row: NodeId) -> impl Iterator<Item = NodeId> {
    tree.children(row).filter(|&cell| matches!(name(tree, cell), "td" | "th"))
}

/// Counts what the attributes of an element would load.
fn remote_loads<'a>(element: &str, attributes: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    let (mut loads_source, mut others) = (false, 0);
    for (name, value) in attributes {
        match (element, name) {
            (_, "src" | "srcset" | "lowsrc" | "dynsrc" | "imagesrcset") => loads_source |= names_remote(value),
            ("object", "data" | "codebase") | ("applet", "archive" | "codebase") => loads_source |= names_remote(value),
            ("link", "href") | ("image" | "use" | "feimage", "href" | "xlink:href") => {
                others += usize::from(is_remote(value))
            }
            (_, "poster" | "background" | "manifest" | "profile") => others += usize::from(is_remote(value)),
            (_, "style" | "fill" | "filter" | "mask" | "cursor" | "clip-path") => others += remote_urls(value),
            ("meta", "content") => others += usize::from(value.to_ascii_lowercase().contains("url=")),
            _ => {}
        }
    }
    usize::from(loads_source) + others
}

fn is_remote(target: &str) -> bool {
    let target = target.trim_start();
    let has = |head: &str| target.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head));
    has("http:") || has("https:") || has("ftp:") || has("//") || has(r"\\")
}

fn names_remote(list: &str) -> bool {
    list.split([',', ' ']).any(is_remote)
}

/// Counts the `url(…)` of style text that lead out of the message.
fn remote_urls(css: &str) -> usize {
    if !css.contains("url") && !css.contains("URL") {
        return 0;
    }
    let css = css.to_ascii_lowercase();
    css.split("url(").skip(1).filter(|rest| is_remote(rest.trim_start_matches(['"', '\'', ' ']))).count()
}
