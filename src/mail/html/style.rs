//! Owns the little of CSS that decides whether text is seen and where a block ends: simple selectors with descendants,
//! inline styles, and the attributes that mean the same.
//!
//! Rules for certain screens (`@media` with conditions) and selectors of other kinds are left out: in doubt text shows.

use std::collections::HashMap;
use std::rc::Rc;

use crate::mail::html::color::{Rgb, color, color_in};
use crate::mail::html::tree::{Element, NodeId, Tree};

/// Style sheets are read so far.
const LONGEST_SHEET: usize = 256 * 1024;
/// Rules beyond these are left out.
const MOST_RULES: usize = 5_000;
/// Declarations of one rule beyond these are left out.
const MOST_DECLARATIONS: usize = 100;
/// Selectors compared in one message; what comes after is judged without style sheets.
const MOST_COMPARISONS: usize = 1_000_000;
/// Offsets beyond these put text off every screen.
const OFF_SCREEN: f32 = -400.0;
/// Space above or below a block that a reader sees as a gap, in pixels.
const GAP: f32 = 8.0;
/// What text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// A colour.
    Plain(Rgb),
    /// A picture, a gradient, or what could not be read.
    Unknown,
}

/// How white space is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum White {
    /// Runs of it are one space.
    Collapse,
    /// All of it counts, lines are broken where they are too long.
    Keep,
    /// Line breaks count.
    Lines,
}

/// What the style of one element says; `None` where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Declared {
    /// `display: none` and the like.
    pub is_removed: Option<bool>,
    /// `visibility: hidden`.
    pub is_invisible: Option<bool>,
    /// A font size nobody can read.
    pub is_tiny: Option<bool>,
    /// `display: block` and the like, or `inline`.
    pub is_block: Option<bool>,
    /// The colour of text; transparent is what stands behind it.
    pub color: Option<Option<Rgb>>,
    /// What stands behind text.
    pub background: Option<Background>,
    /// How white space is treated.
    pub white: Option<White>,
    /// Bold.
    pub is_bold: Option<bool>,
    /// Aligned to the right.
    pub is_right: Option<bool>,
    /// Letters are shown as capitals.
    pub is_upper: Option<bool>,
    /// A list without marks.
    pub is_unmarked: Option<bool>,
    /// A gap above.
    pub has_gap_above: Option<bool>,
    /// A gap below.
    pub has_gap_below: Option<bool>,
    /// Width in pixels.
    pub width: Option<f32>,
    /// Height in pixels.
    pub height: Option<f32>,
    is_see_through: Option<bool>,
    is_away: Option<bool>,
    is_clipped: Option<bool>,
    is_flat: Option<bool>,
    cuts_overflow: Option<bool>,
    is_afloat: Option<bool>,
    is_pushed_away: Option<bool>,
}

impl Declared {
    /// Says whether the element and all in it cannot be seen, whatever its children say.
    pub fn is_gone(&self) -> bool {
        let yes = |value: Option<bool>| value == Some(true);
        let is_empty_box = [self.width, self.height].contains(&Some(0.0)) && yes(self.cuts_overflow);
        yes(self.is_removed)
            || yes(self.is_see_through)
            || yes(self.is_away)
            || yes(self.is_clipped)
            || yes(self.is_flat)
            || is_empty_box
            || (yes(self.is_afloat) && yes(self.is_pushed_away))
    }

    fn set(&mut self, property: &str, value: &str) {
        let length = || pixels(value);
        match property {
            "display" => {
                self.is_removed = Some(value == "none");
                self.is_block = match value {
                    "inline" | "inline-flex" => Some(false),
                    "block" | "list-item" | "table" | "flex" | "grid" => Some(true),
                    _ => self.is_block,
                };
            }
            "mso-hide" => self.is_removed = Some(value == "all"),
            "visibility" => self.is_invisible = Some(matches!(value, "hidden" | "collapse")),
            "opacity" => self.is_see_through = Some(value.parse().is_ok_and(|opacity: f32| opacity < 0.05)),
            "font-size" => self.set_font_size(value),
            "font" => {
                let mut sizes = value.split_whitespace().filter_map(|word| word.split('/').next());
                if let Some(size) = sizes.find(|word| pixels(word).is_some()) {
                    self.set_font_size(size);
                }
            }
            "color" => self.color = color(value).or(self.color),
            "background" | "background-color" | "background-image" => self.set_background(property, value),
            "max-height" | "max-width" => self.is_flat = Some(length() == Some(0.0)),
            "height" => self.height = length(),
            "width" => self.width = length(),
            "overflow" | "overflow-y" | "overflow-x" => self.cuts_overflow = Some(matches!(value, "hidden" | "clip")),
            "position" => self.is_afloat = Some(matches!(value, "absolute" | "fixed")),
            "left" | "top" => self.is_pushed_away = Some(length().is_some_and(|far| far < OFF_SCREEN)),
            "text-indent" | "margin-left" => self.is_away = Some(length().is_some_and(|far| far < OFF_SCREEN)),
            "clip" => {
                let edges: Option<Vec<f32>> = value.strip_prefix("rect(").and_then(|edges| {
                    let edges = edges.trim_end_matches(')').split([',', ' ']).filter(|edge| !edge.is_empty());
                    edges.map(pixels).collect()
                });
                self.is_clipped = Some(edges.is_some_and(|edges| edges.iter().all(|edge| *edge <= 1.0)));
            }
            "white-space" => {
                self.white = match value {
                    "pre" | "pre-wrap" | "break-spaces" => Some(White::Keep),
                    "pre-line" => Some(White::Lines),
                    _ => Some(White::Collapse),
                };
            }
            "font-weight" => {
                self.is_bold = Some(value.starts_with("bold") || value.parse().is_ok_and(|w: u32| w >= 600))
            }
            "text-align" => self.is_right = Some(matches!(value, "right" | "end")),
            "text-transform" => self.is_upper = Some(value == "uppercase"),
            "list-style" | "list-style-type" => self.is_unmarked = Some(value.split_whitespace().any(|v| v == "none")),
            "margin" | "padding" => {
                let sides: Vec<&str> = value.split_whitespace().collect();
                let top = sides.first().copied().unwrap_or_default();
                self.set_gap(property, true, top);
                self.set_gap(property, false, sides.get(2).copied().unwrap_or(top));
            }
            "margin-top" | "padding-top" => self.set_gap(property, true, value),
            "margin-bottom" | "padding-bottom" => self.set_gap(property, false, value),
            _ => {}
        }
    }

    fn set_font_size(&mut self, value: &str) {
        // A share of nothing is nothing, any other share is the parent's affair.
        let is_share = value.ends_with(['%', 'm']) && !value.ends_with("mm") && !value.ends_with("cm");
        let size = pixels(value);
        if !is_share || size == Some(0.0) {
            self.is_tiny = Some(size.is_some_and(|size| size <= 1.5));
        }
    }

    fn set_background(&mut self, property: &str, value: &str) {
        let has_picture = value.contains("url(") || value.contains("gradient");
        let plain = color_in(value);
        self.background = match plain {
            _ if has_picture => Some(Background::Unknown),
            Some(Some(plain)) => Some(Background::Plain(plain)),
            Some(None) => self.background,
            None if property == "background-image" || matches!(value, "none" | "inherit" | "initial" | "0") => {
                self.background
            }
            None => Some(Background::Unknown),
        };
    }

    /// A margin of nothing takes a gap away; a padding only adds one.
    fn set_gap(&mut self, property: &str, is_above: bool, value: &str) {
        let Some(space) = pixels(value) else { return };
        let gap = if is_above { &mut self.has_gap_above } else { &mut self.has_gap_below };
        if property.starts_with("margin") || space >= GAP {
            *gap = Some(space >= GAP || (property.starts_with("padding") && *gap == Some(true)));
        }
    }
}

/// The style sheets of one message.
#[derive(Debug, Default)]
pub struct Sheet {
    rules: Vec<Rule>,
    /// Rules by the most telling word of their last selector: `#id`, `.class` or the tag.
    by_key: HashMap<String, Vec<usize>>,
    comparisons: usize,
}

/// Property, value, and whether it is important.
type Declaration = (String, String, bool);

#[derive(Debug)]
struct Rule {
    /// From the ancestor to the element itself.
    selector: Vec<Compound>,
    weight: usize,
    declarations: Rc<[Declaration]>,
}

#[derive(Debug, Default)]
struct Compound {
    tag: Option<String>,
    id: Option<String>,
    classes: Vec<String>,
}

impl Compound {
    fn parse(text: &str) -> Option<Self> {
        let mut compound = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let end =
                rest.char_indices().skip(1).find(|(_, c)| matches!(c, '.' | '#')).map_or(rest.len(), |(at, _)| at);
            let (word, after) = rest.split_at_checked(end)?;
            rest = after;
            let name = word.trim_start_matches(['.', '#']);
            if name.is_empty() && word != "*" || name.contains(|c: char| !(c.is_alphanumeric() || "-_*".contains(c))) {
                return None;
            }
            match word.as_bytes().first()? {
                b'.' => compound.classes.push(name.to_owned()),
                b'#' => compound.id = Some(name.to_owned()),
                b'*' => {}
                _ => compound.tag = Some(name.to_ascii_lowercase()),
            }
        }
        Some(compound)
    }

    fn matches(&self, element: &Element) -> bool {
        self.tag.as_deref().is_none_or(|tag| tag == element.name())
            && self.id.as_deref().is_none_or(|id| element.attribute("id") == Some(id))
            && self.classes.iter().all(|class| element.has_class(class))
    }

    fn key(&self) -> String {
        match (&self.id, self.classes.first(), &self.tag) {
            (Some(id), _, _) => format!("#{id}"),
            (_, Some(class), _) => format!(".{class}"),
            (_, _, Some(tag)) => tag.clone(),
            _ => String::from("*"),
        }
    }
}

impl Sheet {
    /// Reads style sheets.
    pub fn parse(css: &str) -> Self {
        let css = css.get(..css.floor_char_boundary(LONGEST_SHEET)).unwrap_or_default();
        let css = without_comments(css);
        let mut sheet = Self::default();
        let mut rest = css.as_str();
        while let Some(open) = rest.find('{') {
            let (head, after) = (rest.get(..open).unwrap_or_default(), rest.get(open + 1..).unwrap_or_default());
            // `@import "x";` and stray closings before the selector.
            let head = head.rsplit([';', '}']).next().unwrap_or_default().trim();
            if let Some(at_rule) = head.strip_prefix('@') {
                rest = if is_for_all(at_rule) { after } else { skip_block(after) };
                continue;
            }
            let close = after.find('}').unwrap_or(after.len());
            sheet.add(head, after.get(..close).unwrap_or_default());
            rest = after.get(close + 1..).unwrap_or_default();
        }
        sheet
    }

    fn add(&mut self, selectors: &str, body: &str) {
        let parsed: Rc<[Declaration]> = declarations(body).take(MOST_DECLARATIONS).collect();
        for selector in selectors.split(',') {
            if self.rules.len() >= MOST_RULES || parsed.is_empty() {
                return;
            }
            let compounds = selector.split(['>', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty());
            let Some(selector) = compounds.map(Compound::parse).collect::<Option<Vec<_>>>() else { continue };
            let Some(last) = selector.last() else { continue };
            self.by_key.entry(last.key()).or_default().push(self.rules.len());
            let weigh = |one: &Compound| {
                usize::from(one.id.is_some()) * 10_000 + one.classes.len() * 100 + usize::from(one.tag.is_some())
            };
            let weight = selector.iter().map(weigh).sum();
            self.rules.push(Rule { selector, weight, declarations: Rc::clone(&parsed) });
        }
    }

    /// Gives what the style sheets, the style attribute and the attributes of an element say together.
    pub fn declared(&mut self, tree: &Tree, id: NodeId) -> Declared {
        let Some(element) = tree.element(id) else { return Declared::default() };
        let mut declared = by_attributes(element);
        let mut found = self.matching(tree, id, element);
        found.sort_by_key(|&rule| (self.rules.get(rule).map_or(0, |rule| rule.weight), rule));
        let rules = found.iter().filter_map(|&rule| self.rules.get(rule)).flat_map(|rule| rule.declarations.iter());
        let inline: Vec<Declaration> =
            element.attribute("style").map(|style| declarations(style).collect()).unwrap_or_default();
        let all: Vec<_> = rules.chain(&inline).collect();
        for (property, value, _) in all.iter().filter(|(_, _, is_important)| !is_important) {
            declared.set(property, value);
        }
        for (property, value, _) in all.iter().filter(|(_, _, is_important)| *is_important) {
            declared.set(property, value);
        }
        declared
    }

    fn matching(&mut self, tree: &Tree, id: NodeId, element: &Element) -> Vec<usize> {
        if self.rules.is_empty() || self.comparisons > MOST_COMPARISONS {
            return Vec::new();
        }
        let mut keys = vec![String::from("*"), element.name().to_owned()];
        keys.extend(element.attribute("id").map(|id| format!("#{id}")));
        keys.extend(element.attribute("class").unwrap_or_default().split_ascii_whitespace().map(|c| format!(".{c}")));
        keys.sort();
        keys.dedup();
        let candidates: Vec<usize> = keys.iter().filter_map(|key| self.by_key.get(key)).flatten().copied().collect();
        let mut found = Vec::new();
        for rule in candidates {
            if self.comparisons > MOST_COMPARISONS {
                break;
            }
            if self.rules.get(rule).is_some_and(|rule| selects(&rule.selector, tree, id, &mut self.comparisons)) {
                found.push(rule);
            }
        }
        found
    }
}

/// Says whether a selector means an element: the last part itself, the others some ancestors in order.
fn selects(selector: &[Compound], tree: &Tree, id: NodeId, comparisons: &mut usize) -> bool {
    let mut parts = selector.iter().rev();
    let mut part = parts.next();
    let mut at = id;
    let mut is_itself = true;
    while let Some(wanted) = part {
        *comparisons += 1;
        if tree.element(at).is_some_and(|element| wanted.matches(element)) {
            part = parts.next();
        } else if is_itself {
            return false;
        }
        is_itself = false;
        let parent = tree.node(at).map_or(0, |node| node.parent);
        if parent == at {
            return part.is_none();
        }
        at = parent;
    }
    true
}

/// The attributes that say what styles say.
fn by_attributes(element: &Element) -> Declared {
    let mut declared = Declared::default();
    for (name, value) in element.attributes() {
        match name {
            "hidden" => declared.is_removed = Some(true),
            "bgcolor" => declared.background = color(value).flatten().map(Background::Plain),
            "background" => declared.background = Some(Background::Unknown),
            "color" if element.name() == "font" => declared.color = color(value),
            "text" if element.name() == "body" => declared.color = color(value),
            "size" if element.name() == "font" => declared.is_tiny = Some(false),
            "align" => declared.is_right = Some(value.eq_ignore_ascii_case("right")),
            _ => {}
        }
    }
    declared
}

/// Cuts a block into its declarations: property, value, and whether it is important; all in lower case.
fn declarations(body: &str) -> impl Iterator<Item = Declaration> {
    body.split(';').filter_map(|declaration| {
        let (property, value) = declaration.split_once(':')?;
        let value = value.trim().to_ascii_lowercase();
        let (value, is_important) = match value.split_once('!') {
            Some((value, mark)) => (value.trim_end().to_owned(), mark.trim() == "important"),
            None => (value, false),
        };
        Some((property.trim().to_ascii_lowercase(), value, is_important))
    })
}

fn without_comments(css: &str) -> String {
    let css = css.replace("<!--", " ").replace("-->", " ");
    let mut kept = String::with_capacity(css.len());
    let mut rest = css.as_str();
    while let Some((before, after)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

fn is_for_all(at_rule: &str) -> bool {
    let media = at_rule.strip_prefix("media").map(str::trim);
    media.is_some_and(|media| matches!(media, "screen" | "all" | "only screen"))
}

fn skip_block(css: &str) -> &str {
    let mut depth = 1;
    for (at, byte) in css.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return css.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

/// Reads a length in pixels of a screen; shares count of 16 pixels.
fn pixels(value: &str) -> Option<f32> {
    let value = value.trim();
    let end = value.find(|c: char| !(c.is_ascii_digit() || ".-+".contains(c))).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    let number: f32 = number.parse().ok()?;
    let pixel = match unit {
        "" | "px" => 1.0,
        "pt" => 4.0 / 3.0,
        "em" | "rem" => 16.0,
        "%" => 0.16,
        "in" => 96.0,
        "cm" => 37.8,
        "mm" => 3.78,
        _ => return None,
    };
    Some(number * pixel)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    fn declared(html: &str) -> Declared {
        let tree = Tree::parse(html);
        let target = tree.nodes().find(|(id, _)| tree.element(*id).is_some_and(|e| e.attribute("x").is_some()));
        Sheet::parse(&tree.styles).declared(&tree, target.expect("an element with x").0)
    }

    #[test]
    fn what_cannot_be_seen_is_gone() {
        for style in [
            "display:none",
            "DISPLAY : NONE !important; color: red",
            "opacity:0",
            "max-height:0px;overflow:hidden",
            "height:0;overflow:hidden",
            "position:absolute;left:-9999px",
            "text-indent:-999em",
            "mso-hide:all",
            "position:absolute;clip:rect(0 0 0 0)",
        ] {
            assert!(declared(&format!("<p x style='{style}'>")).is_gone(), "{style}");
        }
        for style in ["display:block", "height:0", "left:-9999px", "opacity:.9", "overflow:hidden", "max-height:none"] {
            assert!(!declared(&format!("<p x style='{style}'>")).is_gone(), "{style}");
        }
        assert!(declared("<p x hidden>").is_gone());
        assert_eq!(declared("<p x style='font-size:1px'>").is_tiny, Some(true));
        assert_eq!(declared("<p x style='font:0/0 a'>").is_tiny, Some(true));
        assert_eq!(declared("<p x style='font-size:.9em'>").is_tiny, None);
        assert_eq!(declared("<p x style='font-size:9pt'>").is_tiny, Some(false));
    }

    #[test]
    fn rules_find_their_elements() {
        for (css, html, expected) in [
            (".a{display:none}", "<p x class='b a'>", true),
            ("p.a , #i{display:none}", "<p x id=i>", true),
            ("p.a{display:none}", "<div x class=a>", false),
            (".o .a{display:none}", "<div class=o><div><p x class=a>", true),
            (".o > .a{display:none}", "<p x class=a>", false),
            ("p{display:none} .a{display:block}", "<p x class=a>", false),
            ("p{display:none !important} .a{display:block}", "<p x class=a>", true),
            (".a{display:none}", "<p x class=a style='display:block'>", false),
            ("@media (max-width:600px){.a{display:none}} .b{color:red}", "<p x class=a>", false),
            ("@media screen{.a{display:none}}", "<p x class=a>", true),
            ("@import 'x'; .a{display:none}", "<p x class=a>", true),
            ("<!-- /* } */ .a{display:none} -->", "<p x class=a>", true),
            (".a:hover{display:none} [x]{display:none}", "<p x class=a>", false),
            (".a{display:none", "<p x class=a>", true),
        ] {
            let is_gone = declared(&format!("<style>{css}</style>{html}")).is_gone();
            assert_eq!(is_gone, expected, "{css} on {html}");
        }
    }

    #[test]
    fn a_picture_behind_text_is_no_colour() {
        let background = |style: &str| declared(&format!("<p x style='background:{style}'>")).background;
        assert_eq!(background("#fff none repeat"), Some(Background::Plain(Rgb(255, 255, 255))));
        assert_eq!(background("#fff url(x.png)"), Some(Background::Unknown));
    }

    #[test]
    fn margins_and_paddings_make_gaps() {
        let gaps = |style: &str| {
            let declared = declared(&format!("<p x style='{style}'>"));
            (declared.has_gap_above, declared.has_gap_below)
        };
        assert_eq!(gaps("margin:0"), (Some(false), Some(false)));
        assert_eq!(gaps("margin:0in;margin-bottom:.0001pt"), (Some(false), Some(false)));
        assert_eq!(gaps("margin:16px 0 2px"), (Some(true), Some(false)));
        assert_eq!(gaps("padding:0 0 20px 0"), (None, Some(true)));
        assert_eq!(gaps("padding:20px;margin:0"), (Some(false), Some(false)));
    }
}
