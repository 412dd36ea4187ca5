//! Owns the walk over a table of data: its cells become texts of their own, which `table` puts side by side.

use crate::mail::document::Style;
use crate::mail::flow::{Flow, Gap};
use crate::mail::html::table::{self, Cell};
use crate::mail::html::tree::NodeId;
use crate::mail::html::{CELL_WIDTH, Walk, facts};

/// A `rowspan` reaches no further down.
const MOST_ROWS_SPANNED: usize = 200;

impl Walk<'_> {
    /// Writes a table of data: each cell by itself, then the columns side by side.
    pub(super) fn data_table(&mut self, table: NodeId) {
        self.flow.gap(Gap::Blank);
        let look = self.look;
        for caption in self.tree.children(table).filter(|&child| facts::name(self.tree, child) == "caption") {
            self.look.emphasise(Style::Strong);
            self.children_of(caption);
            self.flow.gap(Gap::Line);
            self.look = look;
        }
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        // How many more rows a cell from above reaches into, by column.
        let mut from_above: Vec<usize> = Vec::new();
        for row in facts::rows(self.tree, table) {
            let mut look_of_row = look;
            for group in [self.tree.node(row).map_or(0, |node| node.parent), row] {
                look_of_row.apply(&self.sheet.declared(self.tree, group));
            }
            let is_head_group = self.tree.node(row).is_some_and(|node| facts::name(self.tree, node.parent) == "thead");
            let mut cells: Vec<Cell> = Vec::new();
            let mut column = 0;
            for id in facts::cells(self.tree, row) {
                while from_above.get(column).is_some_and(|rows| *rows > 0) {
                    cells.push(Cell { span: 1, ..Cell::default() });
                    column += 1;
                }
                self.look = look_of_row;
                let cell = self.data_cell(id, is_head_group);
                let down = self.tree.element(id).and_then(|element| element.pixels("rowspan")).unwrap_or(1.0) as usize;
                from_above.resize(from_above.len().max(column + cell.span), 0);
                for reach in from_above.iter_mut().skip(column).take(cell.span) {
                    *reach = down.clamp(1, MOST_ROWS_SPANNED);
                }
                column += cell.span;
                cells.push(cell);
            }
            for reach in &mut from_above {
                *reach = reach.saturating_sub(1);
            }
            rows.push(cells);
        }
        self.look = look;
        let lines = table::lay_out(rows, self.flow.room());
        self.flow.lines(lines);
    }

    fn data_cell(&mut self, id: NodeId, is_head_group: bool) -> Cell {
        let Some(element) = self.tree.element(id) else { return Cell { span: 1, ..Cell::default() } };
        let declared = self.sheet.declared(self.tree, id);
        self.look.apply(&declared);
        let outer = std::mem::replace(&mut self.flow, Flow::new(CELL_WIDTH));
        self.children_of(id);
        let inner = std::mem::replace(&mut self.flow, outer);
        let lines = inner.finish().into_iter().map(|line| line.runs).filter(|runs| !runs.is_empty()).collect();
        let span = element.pixels("colspan").unwrap_or(1.0) as usize;
        Cell {
            lines,
            span: span.clamp(1, table::MOST_COLUMNS),
            is_head: element.name() == "th" || is_head_group,
            is_right: declared.is_right == Some(true),
        }
    }
}
