//! Sorts the rows of a table by the values of columns, in parts between which it can be cancelled.

use std::cmp::Ordering;

use super::column::{Column, find, unknown_column};
use crate::admin::cancellation::Cancellation;
use crate::admin::error::Error;
use crate::admin::value::Value;
use crate::admin::words::comma_list;
use crate::suggest;
use crate::visible::echo;

/// The number of rows that are sorted without a check.
const PART: usize = 1024;

/// A column to sort by, and true for descending order.
pub(super) type SortKey<'a, R> = (&'a Column<R>, bool);

/// Parses the parameter `s`.
pub(super) fn order<'a, R>(
    columns: &'a [Column<R>],
    wanted: &str,
) -> Result<Vec<SortKey<'a, R>>, Error> {
    comma_list(wanted)
        .map(|word| {
            let (name, descending) = match word.rsplit_once(':') {
                None => (word, false),
                Some((name, "asc")) => (name, false),
                Some((name, "desc")) => (name, true),
                Some((name, other)) => {
                    return Err(Error::illegal_argument(format!(
                        "order [{}] of column [{}] in parameter [s] must be asc or desc{}",
                        echo(other),
                        echo(name),
                        suggest::hint(other, ["asc", "desc"])
                    )));
                }
            };
            let column = find(columns, name).ok_or_else(|| unknown_column(columns, "s", name))?;
            Ok((column, descending))
        })
        .collect()
}

/// Sorts rows, with a stable sort. After a cancellation, these are some of the rows in any order.
pub(super) fn sorted<R>(
    rows: Vec<R>,
    order: &[SortKey<'_, R>],
    cancellation: &Cancellation,
) -> impl Iterator<Item = R> {
    // Values are computed once per row, not at each comparison.
    let values = |row: &R| -> Vec<Value> {
        let columns = order.iter().map(|(column, _)| column);
        columns.map(|column| (column.value)(row)).collect()
    };
    let mut keys: Vec<(Vec<Value>, usize)> = rows
        .iter()
        .take_while(|_| !cancellation.is_requested())
        .map(values)
        .zip(0..)
        .collect();
    let descending: Vec<bool> = order.iter().map(|(_, descending)| *descending).collect();
    sort_in_parts(
        &mut keys,
        |(a, _), (b, _)| compare(a, b, &descending),
        cancellation,
    );
    let mut rows: Vec<Option<R>> = rows.into_iter().map(Some).collect();
    keys.into_iter()
        .filter_map(move |(_, place)| rows.get_mut(place)?.take())
}

fn compare(a: &[Value], b: &[Value], descending: &[bool]) -> Ordering {
    let values = a.iter().zip(b).zip(descending);
    let mut by_column = values.map(|((a, b), descending)| {
        let ascending = a.compare(b);
        if *descending {
            ascending.reverse()
        } else {
            ascending
        }
    });
    by_column
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Sorts parts, and then pairs of adjacent parts: the standard library's stable sort detects sorted
/// runs and only merges them.
fn sort_in_parts<T>(
    items: &mut [T],
    compare: impl Fn(&T, &T) -> Ordering,
    cancellation: &Cancellation,
) {
    let mut part = PART;
    loop {
        for items in items.chunks_mut(part) {
            if cancellation.is_requested() {
                return;
            }
            items.sort_by(&compare);
        }
        if part >= items.len() {
            return;
        }
        part = part.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Unordered numbers, each many times.
    fn numbers(count: usize) -> Vec<(usize, usize)> {
        let number = |place: usize| place.wrapping_mul(7_919) % 1_009;
        (0..count).map(|place| (number(place), place)).collect()
    }

    #[test]
    fn a_sort_in_parts_is_stable() {
        for count in [0, 1, PART - 1, PART, PART + 1, 5 * PART + 3] {
            let mut sorted = numbers(count);
            let mut expected = sorted.clone();
            expected.sort_unstable();
            let by_number = |a: &(usize, usize), b: &(usize, usize)| a.0.cmp(&b.0);
            sort_in_parts(&mut sorted, by_number, &Cancellation::default());
            assert_eq!(sorted, expected);
        }
    }

    /// Holds 1.43 of docs/admin-api.md.
    #[test]
    fn a_cancelled_sort_ends_early() {
        let cancellation = Cancellation::default();
        let client = Cell::new(Some(cancellation.client_presence()));
        let compared = Cell::new(0_usize);
        let compare = |a: &(usize, usize), b: &(usize, usize)| {
            // The client leaves in the middle of the first part.
            compared.set(compared.get() + 1);
            if compared.get() > PART {
                client.set(None);
            }
            a.cmp(b)
        };
        sort_in_parts(&mut numbers(100 * PART), compare, &cancellation);
        assert!(compared.get() < PART * 20, "{}", compared.get());
    }
}
