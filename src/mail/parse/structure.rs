//! Owns the walk over a message's bytes that finds its parts (RFC 2046 section 5): one pass over the lines, no recursion.
//!
//! It decodes nothing; what a part's header says is read by `head`.

use std::collections::HashMap;
use std::ops::Range;

use crate::mail::parse::head::Head;
use crate::mail::parse::repair::MOST_HEADER;
use crate::mail::parse::{DEEPEST, MOST_PARTS};

/// Lines in a row that are no fields, and are passed over to come to those that are: as many as a signature that lost its
/// folding has.
const MOST_DIRT: usize = 12;

/// The parts of a message, each after the one that holds it and before what follows that.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The parts; the first one is the message itself.
    pub(super) nodes: Vec<Node>,
    /// Whether parts were left out or left closed.
    pub(super) is_cut: bool,
    /// Whether a header block is longer than what is read of it.
    pub(super) has_long_header: bool,
}

/// A part, and where it lies.
#[derive(Debug)]
pub(super) struct Node {
    /// How many parts it is in.
    pub(super) depth: usize,
    /// Whether it is one of the things that a text is made of.
    pub(super) is_in_related: bool,
    /// What its header says.
    pub(super) head: Head,
    /// Its header block, without the empty line.
    pub(super) block: Range<usize>,
    /// What follows it.
    pub(super) body: Range<usize>,
}

/// Finds the parts of a message.
pub(super) fn nodes(raw: &[u8]) -> Found {
    let mut walk = Walk { raw, found: Found::default(), open: Vec::new(), boundaries: HashMap::new() };
    let mut at = 0;
    let mut is_header = true;
    while is_header || at < raw.len() {
        if is_header {
            (at, is_header) = walk.begin_part(at);
            continue;
        }
        let end = line_end(raw, at);
        if let Some((level, is_last)) = walk.boundary(at, end) {
            is_header = walk.cross(at, level, is_last);
        }
        at = end;
    }
    walk.close(0, raw.len());
    walk.found
}

struct Walk<'a> {
    raw: &'a [u8],
    found: Found,
    /// The parts around the current place, the message itself first.
    open: Vec<Open>,
    /// The boundaries of multiparts in `open`, and the places of these there.
    boundaries: HashMap<Vec<u8>, usize>,
}

struct Open {
    node: usize,
    boundary: Option<Vec<u8>>,
}

impl Walk<'_> {
    /// Opens the part whose header block begins at `start`. Gives where its body begins, and whether that is again the
    /// header block of a part: that of a message in this one.
    fn begin_part(&mut self, start: usize) -> (usize, bool) {
        let is_message = self.open.last().is_none_or(|open| open.boundary.is_none());
        let start = if is_message { first_field(self.raw, start) } else { start };
        let (end, body) = self.header_end(start);
        let block = self.raw.get(start..end).unwrap_or_default();
        let holder = self.open.last().and_then(|open| self.found.nodes.get(open.node));
        let is_in = |kind: &str| holder.is_some_and(|holder| holder.head.media_type == kind);
        let head = Head::read(block, is_in("multipart/digest"));
        let depth = holder.map_or(0, |holder| holder.depth + 1);
        let node = Node { depth, is_in_related: is_in("multipart/related"), head, block: start..end, body: body..body };
        let may_hold = depth + 1 < DEEPEST && self.found.nodes.len() + 1 < MOST_PARTS;
        let is_message = node.head.is_open_message();
        let boundary = node.head.boundary.clone().filter(|_| may_hold);
        self.found.is_cut |= !may_hold && (is_message || node.head.boundary.is_some());
        self.found.has_long_header |= block.len() > MOST_HEADER;
        if let Some(boundary) = &boundary {
            // Where a multipart has the boundary of one around it, lines belong to the outer one.
            self.boundaries.entry(boundary.clone()).or_insert(self.open.len());
        }
        self.open.push(Open { node: self.found.nodes.len(), boundary });
        self.found.nodes.push(node);
        (body, is_message && may_hold)
    }

    /// Gives where the header block that begins at `start` ends, and where its body begins.
    fn header_end(&self, start: usize) -> (usize, usize) {
        let mut at = start;
        while at < self.raw.len() {
            let next = line_end(self.raw, at);
            let line = self.raw.get(at..next).unwrap_or_default();
            if is_empty(line) {
                return (at, next);
            }
            // A line of dirt among fields is no reason to lose those that follow; one before an empty line is text.
            let is_among = || at > start && self.has_field_near(next);
            if self.boundary(at, next).is_some() || !(is_of_header(line) || is_among()) {
                break;
            }
            at = next;
        }
        (at, at)
    }

    /// Says whether one of the next lines, before an empty one, begins a field.
    fn has_field_near(&self, at: usize) -> bool {
        let rest = self.raw.get(at..).unwrap_or_default();
        let lines = rest.split_inclusive(|&byte| byte == b'\n').take(MOST_DIRT);
        lines.take_while(|line| !is_empty(line)).any(is_field)
    }

    /// Tells which open multipart a line divides, and whether it ends it.
    fn boundary(&self, start: usize, end: usize) -> Option<(usize, bool)> {
        let line = self.raw.get(start..end)?.strip_prefix(b"--")?.trim_ascii_end();
        let divides = self.boundaries.get(line).map(|&level| (level, false));
        divides.or_else(|| self.boundaries.get(line.strip_suffix(b"--")?).map(|&level| (level, true)))
    }

    /// Passes a line that divides parts. Says whether a header block follows.
    fn cross(&mut self, at: usize, level: usize, is_last: bool) -> bool {
        // The line break before a boundary belongs to it.
        let before = self.raw.get(..at).unwrap_or_default();
        let content = before.strip_suffix(b"\n").unwrap_or(before);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        self.close(level + 1, content.len());
        if is_last {
            self.close(level, at);
            return false;
        }
        let has_room = self.found.nodes.len() < MOST_PARTS;
        self.found.is_cut |= !has_room;
        has_room
    }

    /// Ends the parts that are open from `level` on.
    fn close(&mut self, level: usize, at: usize) {
        for (index, open) in self.open.drain(level.min(self.open.len())..).enumerate() {
            if let Some(boundary) = &open.boundary
                && self.boundaries.get(boundary) == Some(&(level + index))
            {
                self.boundaries.remove(boundary);
            }
            if let Some(node) = self.found.nodes.get_mut(open.node) {
                node.body.end = at.max(node.body.start);
            }
        }
    }
}

/// Skips what stands before a message's own fields: a byte order mark, empty lines, the `From ` line of an mbox.
fn first_field(raw: &[u8], start: usize) -> usize {
    let has_mark = raw.get(start..).is_some_and(|rest| rest.starts_with(b"\xef\xbb\xbf"));
    let start = if has_mark { start + 3 } else { start };
    let mut at = start;
    while at < raw.len() {
        let next = line_end(raw, at);
        let line = raw.get(at..next).unwrap_or_default();
        if !(line.trim_ascii().is_empty() || line.starts_with(b"From ") || line.starts_with(b">From ")) {
            return if is_field(line) { at } else { start };
        }
        at = next;
    }
    start
}

fn line_end(raw: &[u8], at: usize) -> usize {
    let rest = raw.get(at..).unwrap_or_default();
    rest.iter().position(|&byte| byte == b'\n').map_or(raw.len(), |end| at + end + 1)
}

fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n" | b"\r" | b"")
}

fn begins_with_space(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'\t', ..])
}

/// Says whether a line can be a field or the continuation of one.
fn is_of_header(line: &[u8]) -> bool {
    begins_with_space(line) || is_field(line)
}

/// Says whether a field begins in a line.
fn is_field(line: &[u8]) -> bool {
    let name = line.split(|&byte| byte == b':').next().filter(|name| name.len() < line.len()).unwrap_or_default();
    let name = name.trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use proptest::prelude::*;

    use super::*;

    /// Draws the tree: each part on a line, as deep as it lies, with its type and, where it holds no other, its bytes.
    fn tree(raw: &str) -> String {
        let nodes = nodes(raw.as_bytes()).nodes;
        let line = |(at, node): (usize, &Node)| {
            let is_leaf = nodes.get(at + 1).is_none_or(|next| next.depth <= node.depth);
            let text = if is_leaf { format!(" {:?}", &raw[node.body.clone()]) } else { String::new() };
            format!("{}{}{text}\n", "  ".repeat(node.depth), node.head.media_type)
        };
        nodes.iter().enumerate().map(line).collect()
    }

    #[test]
    fn parts_lie_in_their_multiparts() {
        let raw = "From ana Mon Nov 23\nContent-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n\none\n--a \t\r\n\
                   Content-Type: multipart/alternative;\n boundary=\"b b\"\n\n--b b\nContent-Type: text/html\n\nx\n\n\
                   --b b--\nepilogue\n--a\nContent-Type: image/png\n\nQQ==\n--a--\nend";
        let drawn = "multipart/mixed\n  text/plain \"one\"\n  multipart/alternative\n    text/html \"x\\n\"\n  image/png \"QQ==\"\n";
        assert_eq!(tree(raw), drawn);
    }

    #[test]
    fn messages_in_messages_are_opened() {
        let raw = "Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: text/html\n\nhi";
        assert_eq!(tree(raw), "message/rfc822\n  text/html \"hi\"\n");
        let digest = "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\nhi\n--a--\n";
        assert_eq!(tree(digest), "multipart/digest\n  message/rfc822\n    text/plain \"hi\"\n");
    }

    #[test]
    fn a_header_survives_dirt_in_it() {
        let block = |raw: &str| {
            let found = nodes(raw.as_bytes());
            raw[found.nodes[0].block.clone()].to_owned()
        };
        assert_eq!(block("A: b\nno field\nC: d\n\ntext"), "A: b\nno field\nC: d\n");
        assert_eq!(block("A: b\nGood day,\n\ntext"), "A: b\n");
        assert_eq!(block("just words\nA: b\n"), "");
        let inner = "Content-Type: message/rfc822\n\nFrom ana Mon Nov 23\nContent-Type: text/html\n\nhi";
        assert_eq!(tree(inner), "message/rfc822\n  text/html \"hi\"\n");
    }

    #[test]
    fn only_a_whole_line_divides() {
        let raw = "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx--a\n--ab\n --a\n--a--\n";
        assert_eq!(tree(raw), "multipart/mixed\n  text/plain \"x--a\\n--ab\\n --a\"\n");
    }

    #[test]
    fn what_is_broken_is_still_read() {
        let cut = "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\n<b>cut";
        assert_eq!(tree(cut), "multipart/mixed\n  text/html \"<b>cut\"\n");
        let in_header =
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n--a\nno line\n--a--";
        assert_eq!(tree(in_header), "multipart/mixed\n  text/html \"\"\n  text/plain \"no line\"\n");
        let same = "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n";
        assert_eq!(tree(same), "multipart/mixed\n  multipart/mixed \"\"\n  text/plain \"x\"\n");
    }

    #[test]
    fn limits_hold() {
        let many = format!("Content-Type: multipart/mixed; boundary=a\n\n{}", "--a\n\nx\n".repeat(MOST_PARTS + 5));
        let found = nodes(many.as_bytes());
        assert_eq!((found.nodes.len(), found.is_cut), (MOST_PARTS, true));
        let found = nodes("Content-Type: message/rfc822\n\n".repeat(DEEPEST * 50).as_bytes());
        assert_eq!((found.nodes.len(), found.is_cut), (DEEPEST, true));
        let long = format!("Subject: a\n{}\n", "X: y\n".repeat(MOST_HEADER / 4));
        let found = nodes(long.as_bytes());
        assert_eq!((found.nodes.len(), found.is_cut, found.has_long_header), (1, false, true));
    }

    #[test]
    fn boundaries_that_never_come_cost_nothing_but_their_part() {
        let part = "--b\nContent-Type: multipart/mixed; boundary=lost\n\nx\n";
        let found = nodes(format!("Content-Type: multipart/mixed; boundary=b\n\n{}", part.repeat(9_000)).as_bytes());
        assert_eq!((found.nodes.len(), found.is_cut), (9_001, false));
    }

    proptest! {
        #[test]
        fn any_lines_make_a_tree(lines in prop::collection::vec(prop::sample::select(vec![
            "Content-Type: multipart/mixed; boundary=a", "Content-Type: multipart/digest; boundary=b",
            "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", "", "--a", "--b", "--a--", "--b--",
            "text", " folded", "Subject: x", "\r", "x--a",
        ]), 0..60)) {
            let raw = lines.join("\n");
            let nodes = nodes(raw.as_bytes()).nodes;
            prop_assert_eq!(nodes[0].depth, 0);
            for pair in nodes.windows(2) {
                prop_assert!(pair[1].depth >= 1 && pair[1].depth <= pair[0].depth + 1);
            }
            for node in &nodes {
                prop_assert!(node.block.end <= node.body.start && node.body.end <= raw.len());
            }
        }
    }
}
