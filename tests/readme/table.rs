//! Tables: the columns that differ between runs, and a check that they line up.

use super::shown::{is_duration, is_number, is_timestamp};

/// True if a value has the form of a column.
type Fits = fn(&str) -> bool;

/// The columns that differ between runs, and the form of their values.
const DIFFERENT: &[(&str, Fits)] = &[
    ("timestamp", is_timestamp),
    ("running_time", is_duration),
    ("took", is_duration),
    ("remote", is_address),
    ("interrupted_by", is_caller),
    ("in_poll_for", is_duration),
    ("busy_1m", is_number),
    ("uid", is_number),
    ("pid", is_number),
    // `-` if the system does not report them.
    ("process", |_| true),
    ("kernel_wait", |_| true),
];

/// An address of a client on this machine.
fn is_address(cell: &str) -> bool {
    cell.strip_prefix("127.0.0.1:").is_some_and(is_number)
}

/// A process and its user, as in `curl, uid 0, pid 7`.
fn is_caller(cell: &str) -> bool {
    let parts: Vec<&str> = cell.split(", ").collect();
    let is = |part: &str, name: &str| part.strip_prefix(name).is_some_and(is_number);
    matches!(*parts, [process, uid, pid] if !process.is_empty() && is(uid, "uid ") && is(pid, "pid "))
}

/// A column from top to bottom, heading first.
#[derive(Debug)]
struct Column {
    cells: Vec<String>,
    to_the_right: bool,
}

/// The table that the README must show for `given`, if it shows `shown` now.
///
/// # Errors
///
/// The place where `given` does not line up.
pub fn to_show(shown: &[String], given: &[String]) -> Result<Vec<String>, String> {
    let mut columns = columns(given)?;
    // Another table has no values to keep.
    let shown = self::columns(shown).unwrap_or_default();
    for column in &mut columns {
        let heading = &column.cells[0];
        let different = DIFFERENT.iter().find(|(name, _)| name == heading);
        let same = shown.iter().find(|shown| shown.cells[0] == *heading);
        let (Some((_, fits)), Some(same)) = (different, same) else {
            continue;
        };
        for (cell, shown) in column.cells.iter_mut().zip(&same.cells).skip(1) {
            if fits(cell) && fits(shown) {
                cell.clone_from(shown);
            }
        }
    }
    Ok(laid_out(&columns))
}

/// The columns of a table, separated by one blank.
fn columns(lines: &[String]) -> Result<Vec<Column>, String> {
    let rows: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    let is_blank = |at: usize| rows.iter().all(|row| row.get(at).is_none_or(|c| *c == ' '));
    let mut edges: Vec<(usize, usize)> = Vec::new();
    let mut begin = 0;
    for end in (0..=width).filter(|at| *at == width || is_blank(*at)) {
        let heading = rows
            .first()
            .and_then(|row| row.get(begin..end.min(row.len())));
        let has_heading = heading.is_some_and(|heading| heading.iter().any(|c| *c != ' '));
        match edges.last_mut() {
            // A blank inside a cell, to the right of the heading's end.
            Some(last) if !has_heading => last.1 = end,
            _ => edges.push((begin, end)),
        }
        begin = end + 1;
    }
    let columns = edges.into_iter().map(|(begin, end)| {
        let slices = rows.iter().map(|row| {
            let begin = begin.min(row.len());
            row[begin..end.min(row.len())].iter().collect::<String>()
        });
        column(&slices.collect::<Vec<_>>(), end - begin)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let again = laid_out(&columns);
    match lines.iter().zip(&again).find(|(line, again)| line != again) {
        Some((line, again)) => Err(format!("[{line}] does not line up as [{again}]")),
        None => Ok(columns),
    }
}

/// A column from its part of each line.
fn column(slices: &[String], width: usize) -> Result<Column, String> {
    let cells: Vec<String> = slices.iter().map(|slice| slice.trim().to_owned()).collect();
    let heading = &cells[0];
    if heading.contains(' ') || cells.iter().any(String::is_empty) {
        return Err(format!(
            "the columns at [{heading}] are not apart, or it lacks a value"
        ));
    }
    let left = slices.iter().all(|slice| !slice.starts_with(' '));
    let right = slices
        .iter()
        .all(|slice| slice.len() == slice.trim_end().len());
    let full = |slice: &String| slice.chars().count() == width;
    match (left, right && slices.iter().all(full)) {
        (false, false) => Err(format!("column [{heading}] does not line up: {cells:?}")),
        // All cells have the same width, so both alignments fit: numbers are right-aligned.
        (true, true) => Ok(Column {
            to_the_right: cells[1..]
                .iter()
                .all(|cell| is_number(cell) || is_duration(cell)),
            cells,
        }),
        (_, to_the_right) => Ok(Column {
            cells,
            to_the_right,
        }),
    }
}

/// The lines of a table.
fn laid_out(columns: &[Column]) -> Vec<String> {
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let row = |row: usize| {
        let cells = columns.iter().map(|column| {
            let width = column.cells.iter().map(|cell| cell.chars().count()).max();
            let (cell, width) = (&column.cells[row], width.unwrap_or_default());
            if column.to_the_right {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join(" ");
        line.trim_end().to_owned()
    };
    (0..rows).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown::tests::lines;

    const SHOWN: &str = "\
id route_id running_time where awaiting
 3 52a57d15         4.2s a.rs:46 permits.acquire()
12 52a57d15         4.1s a.rs:46 a + b
";

    const AUDIT: &str = "\
timestamp                 uid   pid process target reason
2026-11-23T03:12:09.314Z 1000 40213 curl    twice  -
2026-11-23T03:11:58.020Z 1000 40188 curl    twicee permits gone
";

    fn shown() -> String {
        SHOWN.replace("where ", "where   ")
    }

    fn agree(shown: &str, given: &str) -> bool {
        to_show(&lines(shown), &lines(given)) == Ok(lines(shown))
    }

    #[test]
    fn columns_in_which_runs_differ_may_differ_in_value_and_width() {
        let given = shown().replace("        4.2s", "       506ms");
        assert!(agree(&shown(), &given) && agree(&given, &shown()));
        let given = AUDIT
            .replace(" uid   pid process", "uid pid process    ")
            .replace("1000 40213 curl   ", "  0  12 readme-0123")
            .replace("1000 40188 curl   ", "  0  12 readme-0123")
            .replace("2026", "2027");
        assert!(agree(AUDIT, &given), "{given}");
        assert!(agree(&given, AUDIT), "{given}");
    }

    #[test]
    fn other_columns_may_not_differ() {
        let rows: Vec<String> = lines(&shown());
        let turned = [rows[0].clone(), rows[2].clone(), rows[1].clone()].join("\n");
        for given in [
            shown().replace(" 3 ", " 4 "),
            shown().replace(" 3 ", "3  "),
            shown().replace("52a57d15", "52a57d16"),
            shown().replace("running_time", "running_tiem"),
            shown().replace("running_time", "waiting_time"),
            shown().replace("route_id", "route-id"),
            shown().replace(":46", ":47"),
            shown().replace("a + b", "a  + b"),
            shown().replace("4.2s", "   -"),
            rows[..2].join("\n"),
            turned,
            AUDIT.to_owned(),
        ] {
            assert!(!agree(&shown(), &given), "{given}");
        }
        for given in [
            AUDIT.replace("twicee", "twice "),
            AUDIT.replace("curl    twice ", "curl    twices"),
            AUDIT.replace("permits gone", "permits lost"),
            AUDIT.replace("2026-11-23T", "2026-11-23 "),
        ] {
            assert!(!agree(AUDIT, &given), "{given}");
        }
    }

    #[test]
    fn a_run_with_a_misaligned_table_is_an_error() {
        for given in [
            shown().replace("        4.2s ", "       4.2s  "),
            shown().replace("12 52", "12  52"),
            shown().replace("a.rs:46 permits", "a.rs:460 permits"),
            shown().replace("()", "() "),
            shown().replace("where  ", "where"),
            shown()
                .replace("where   ", "where    ")
                .replace(":46 ", ":46  "),
        ] {
            let given = lines(&given);
            assert!(to_show(&lines(&shown()), &given).is_err(), "{given:#?}");
        }
    }

    #[test]
    fn a_readme_with_a_misaligned_table_does_not_match() {
        let ragged = shown().replace("a.rs:46 permits", "a.rs:46  permits");
        assert!(!agree(&ragged, &shown()));
    }

    #[test]
    fn rewritten_tables_keep_the_values_shown() {
        let given = shown().replace(":46", ":147").replace("4.2s", "99ms");
        let given = given.replace("where   ", "where    ");
        let written = to_show(&lines(&shown()), &lines(&given)).expect("it lines up");
        assert_eq!(written, lines(&given.replace("99ms", "4.2s")));
    }
}
