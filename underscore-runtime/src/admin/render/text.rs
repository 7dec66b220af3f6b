//! Tables for a terminal: comfy-table does the widths and the padding.

use std::borrow::Cow;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Align {
    Left,
    Right,
}

/// Lays rows out in columns: one space between them, the last left-aligned one not padded, every line
/// ended. No rows, no text. Control characters in cells are escaped.
pub(in crate::admin) fn layout(columns: &[Align], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for row in rows {
        table.add_row(
            row.iter()
                .map(|cell| Cell::new_owned(plain(cell).into_owned())),
        );
    }
    for (index, align) in columns.iter().enumerate() {
        let last = index + 1 == columns.len();
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, u16::from(!last)));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `cell` on one line, and never empty, so that a row keeps its fields.
fn plain(cell: &str) -> Cow<'_, str> {
    match visible(cell) {
        Cow::Borrowed("") => Cow::Borrowed("-"),
        visible => visible,
    }
}

/// `text` with its control characters escaped: nothing in it can drive a terminal or break a line.
pub(in crate::admin) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            visible.extend(c.escape_default());
        } else {
            visible.push(c);
        }
    }
    Cow::Owned(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let owned = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().map(owned).collect()
    }

    #[test]
    fn numbers_end_and_words_begin_at_one_place() {
        let text = layout(
            &[Align::Left, Align::Right, Align::Left],
            &rows(&[&["a", "5", "x"], &["bcd", "1000", "long word"]]),
        );
        assert_eq!(text, "a      5 x\nbcd 1000 long word\n");
    }

    #[test]
    fn width_is_what_is_seen_and_control_characters_are_not_sent() {
        let text = layout(
            &[Align::Left, Align::Left],
            &rows(&[&["日本", "\u{1b}[2J\n"], &["abcde", ""]]),
        );
        assert_eq!(text, "日本  \\u{1b}[2J\\n\nabcde -\n");
    }

    #[test]
    fn no_rows_are_no_text() {
        assert_eq!(layout(&[Align::Left], &[]), "");
    }
}
