//! Tables for a terminal, laid out by comfy-table.

use std::borrow::Cow;

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use unicode_width::UnicodeWidthStr;

use crate::visible::visible;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Align {
    Left,
    Right,
}

/// Rows of cells, laid out in columns with one space between them. The last column is not padded if
/// it is left-aligned. Each line ends with a newline, and invisible characters in cells are
/// escaped.
///
/// A long table takes little more memory than its text: cells are stored in one string and laid out
/// in batches, with the column widths of the whole table.
#[derive(Debug)]
pub(in crate::admin) struct Rows {
    columns: Vec<ColumnLayout>,
    /// All cells, concatenated.
    text: String,
    /// The end of each cell in `text`.
    ends: Vec<usize>,
    /// Indexes of the rows with a cell wider than [`MAX_COLUMN_WIDTH`], ascending.
    wide: Vec<usize>,
}

#[derive(Debug)]
struct ColumnLayout {
    align: Align,
    /// Display width of the widest cell, ignoring cells wider than [`MAX_COLUMN_WIDTH`].
    width: usize,
}

/// Maximum padded width of a column, so that a long URI makes only its own line long.
const MAX_COLUMN_WIDTH: usize = 200;

/// Number of rows that are laid out at a time.
const BATCH: usize = 256;

impl Rows {
    pub(in crate::admin) fn new(columns: impl IntoIterator<Item = Align>) -> Self {
        let column = |align| ColumnLayout { align, width: 0 };
        Rows {
            columns: columns.into_iter().map(column).collect(),
            text: String::new(),
            ends: Vec::new(),
            wide: Vec::new(),
        }
    }

    /// Adds a row, which must have one cell per column.
    pub(in crate::admin) fn push<T: AsRef<str>>(&mut self, cells: impl Iterator<Item = T>) {
        let row = self.ends.len().checked_div(self.columns.len()).unwrap_or(0);
        for (cell, column) in cells.zip(&mut self.columns) {
            let cell = plain(cell.as_ref());
            let width = cell.width();
            if width <= MAX_COLUMN_WIDTH {
                column.width = column.width.max(width);
            } else if self.wide.last() != Some(&row) {
                self.wide.push(row);
            }
            self.text.push_str(&cell);
            self.ends.push(self.text.len());
        }
    }

    /// Lays out the table. Stops before a batch if `is_wanted` is false.
    pub(in crate::admin) fn into_text(self, is_wanted: impl Fn() -> bool) -> String {
        let mut text = String::new();
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let cells = starts.zip(&self.ends);
        let cells = cells.map(|(start, end)| self.text.get(start..*end).unwrap_or_default());
        let mut cells = cells.peekable();
        let mut wide = self.wide.iter().copied().peekable();
        let mut row = 0;
        while cells.peek().is_some() && is_wanted() {
            let mut table = Table::new();
            table
                .load_style(presets::NOTHING)
                .set_content_arrangement(ContentArrangement::Disabled);
            let until = wide
                .peek()
                .map_or(BATCH, |wide| BATCH.min(wide.saturating_sub(row)));
            for _ in 0..until {
                let cells = cells.by_ref().take(self.columns.len());
                let cells: Vec<Cell> = cells.map(Cell::new).collect();
                if cells.is_empty() {
                    break;
                }
                table.add_row(cells);
                row = row.saturating_add(1);
            }
            if !table.is_empty() {
                self.set_columns(&mut table);
                for line in table.lines() {
                    text.push_str(line.trim_end());
                    text.push('\n');
                }
            }
            if wide.next_if_eq(&row).is_some() {
                let line = self.wide_line(cells.by_ref().take(self.columns.len()));
                text.push_str(line.trim_end());
                text.push('\n');
                row = row.saturating_add(1);
            }
        }
        text
    }

    /// Lays out a row with a wide cell. The cells after it are shifted to the right.
    fn wide_line<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (cell, ColumnLayout { align, width }) in cells.zip(&self.columns) {
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let parts = match align {
                Align::Left => [cell, &padding, " "],
                Align::Right => [&padding, cell, " "],
            };
            line.extend(parts);
        }
        line
    }

    fn set_columns(&self, table: &mut Table) {
        for (index, ColumnLayout { align, width }) in self.columns.iter().enumerate() {
            let padding = u16::from(index.saturating_add(1) != self.columns.len());
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, padding));
                // A width that does not fit in a `u16` is left to the table.
                if let Ok(width) = u16::try_from(width.saturating_add(usize::from(padding))) {
                    let width = Width::Fixed(width);
                    column.set_constraint(ColumnConstraint::LowerBoundary(width));
                }
                column.set_cell_alignment(match align {
                    Align::Left => CellAlignment::Left,
                    Align::Right => CellAlignment::Right,
                });
            }
        }
    }
}

/// `cell` on one line. Never empty, so that a row keeps its number of fields.
fn plain(cell: &str) -> Cow<'_, str> {
    match visible(cell) {
        Cow::Borrowed("") => Cow::Borrowed("-"),
        visible => visible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(columns: &[Align], rows: &[&[&str]]) -> String {
        let mut all = Rows::new(columns.iter().copied());
        for row in rows {
            all.push(row.iter());
        }
        all.into_text(|| true)
    }

    /// Holds 3.19, 3.21 of docs/admin-api.md.
    #[test]
    fn numbers_are_right_aligned_and_words_left_aligned() {
        let text = layout(
            &[Align::Left, Align::Right, Align::Left],
            &[&["a", "5", "x"], &["bcd", "1000", "long word"]],
        );
        assert_eq!(text, "a      5 x\nbcd 1000 long word\n");
    }

    /// Holds 3.20, 7.1 of docs/admin-api.md.
    #[test]
    fn width_is_display_width_and_control_characters_are_escaped() {
        let text = layout(
            &[Align::Left, Align::Left],
            &[&["日本", "\u{1b}[2J\n"], &["abcde", ""]],
        );
        assert_eq!(text, "日本  \\u{1b}[2J\\n\nabcde -\n");
    }

    /// Holds 3.88 of docs/admin-api.md.
    #[test]
    fn a_wide_cell_makes_its_own_line_long_and_no_other() {
        let wide = "x".repeat(70_000);
        let long = "l".repeat(MAX_COLUMN_WIDTH);
        let rows: &[&[&str]] = &[
            &["narrow", "1", "a"],
            &[&wide, "20", &wide],
            &[&wide, "3", "b"],
            &[&long, "4", "c"],
        ];
        let text = layout(&[Align::Left, Align::Right, Align::Left], rows);
        let lines: Vec<&str> = text.lines().collect();
        let at = |begin: &str| format!("{begin:<MAX_COLUMN_WIDTH$}");
        let expected = [
            format!("{}  1 a", at("narrow")),
            format!("{wide} 20 {wide}"),
            format!("{wide}  3 b"),
            format!("{long}  4 c"),
        ];
        assert_eq!(lines, expected);
        let many = vec![["x", "y"]; 3 * BATCH];
        let mut rows: Vec<&[&str]> = many.iter().map(|row| &row[..]).collect();
        let last = [&*wide, "end"];
        rows.insert(BATCH + 7, &last);
        let text = layout(&[Align::Right, Align::Left], &rows);
        assert_eq!(text.lines().count(), 3 * BATCH + 1);
        assert_eq!(text.lines().nth(BATCH + 7), Some(&*format!("{wide} end")));
        assert_eq!(text.len(), wide.len() + 3 * BATCH * 4 + 5);
    }

    #[test]
    fn no_rows_are_empty_text() {
        assert_eq!(layout(&[Align::Left], &[]), "");
    }

    #[test]
    fn all_batches_of_a_long_table_have_the_same_widths() {
        let numbers: Vec<String> = (0..3 * BATCH).map(|number| number.to_string()).collect();
        let rows: Vec<[&str; 2]> = numbers.iter().map(|number| [&**number, "x"]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(<[&str; 2]>::as_slice).collect();
        let text = layout(&[Align::Right, Align::Left], &rows);
        assert_eq!(text.lines().count(), 3 * BATCH);
        for (line, number) in text.lines().zip(0..) {
            assert_eq!(line, format!("{number:>3} x"));
        }
    }

    #[test]
    fn an_unwanted_table_is_not_laid_out() {
        let mut rows = Rows::new([Align::Left]);
        rows.push(["x"].iter());
        assert_eq!(rows.into_text(|| false), "");
    }
}
