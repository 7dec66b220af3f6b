//! What all tables have in common: they choose columns, sort by typed values, show pages, list
//! their columns as help, and are written as text or as rows of JSON. A table supplies its columns
//! and rows.

use super::column::{Column, unknown_column};
use super::sort::{order, sorted};
use crate::admin::error::Error;
use crate::admin::params;
use crate::admin::render::{Align, Answer, Format, Node, Rows, Table, TableContent};
use crate::admin::request::Request;
use crate::admin::value::Units;
use crate::admin::words::comma_list;
use crate::units::{ByteUnit, TimeUnit};

/// A column of the answer.
struct ShownColumn<R: 'static> {
    column: &'static Column<R>,
    /// The name or the alias that the client wrote.
    heading: &'static str,
}

/// Answers with a table in the requested form. `rows` is not called for help.
pub(super) fn answer<R>(
    request: &Request,
    columns: &'static [Column<R>],
    rows: impl FnOnce() -> Result<Vec<R>, Error>,
) -> Result<Answer, Error> {
    answer_of(request, columns, rows, |rows| rows, |_| &[])
}

/// As [`answer`], with additional default columns: `also` names those that are needed to tell the
/// rows apart.
pub(super) fn answer_with<R>(
    request: &Request,
    columns: &'static [Column<R>],
    rows: impl FnOnce() -> Result<Vec<R>, Error>,
    also: fn(&[R]) -> &'static [&'static str],
) -> Result<Answer, Error> {
    answer_of(request, columns, rows, |rows| rows, also)
}

/// As [`answer_with`], for `items` from which `to_rows` makes the rows: only those of the page,
/// unless they have to be sorted first.
pub(super) fn answer_of<T, R, I: IntoIterator<Item = R>>(
    request: &Request,
    columns: &'static [Column<R>],
    items: impl FnOnce() -> Result<Vec<T>, Error>,
    to_rows: impl FnOnce(Vec<T>) -> I,
    also: fn(&[T]) -> &'static [&'static str],
) -> Result<Answer, Error> {
    if request.flag(&params::HELP) {
        return Ok(Answer::Text(help(columns)));
    }
    let wanted = request.value(&params::H).unwrap_or_default();
    let mut shown = shown_columns(columns, wanted)?;
    if !request.flag_or(&params::TS, true) {
        shown.retain(|shown| !shown.column.is_time_of_day);
    }
    let order = order(columns, request.value(&params::S).unwrap_or_default())?;
    let mut form = TableForm {
        shown,
        heading: request.flag(&params::V),
        units: Units {
            time: request.value(&params::TIME).and_then(TimeUnit::parse),
            bytes: request.value(&params::BYTES).and_then(ByteUnit::parse),
        },
    };
    let from = request.count(&params::FROM).unwrap_or(0);
    let size = request.count(&params::SIZE).unwrap_or(usize::MAX);
    let format = request.format().unwrap_or(Format::Text);

    let mut items = items()?;
    let total = items.len();
    if comma_list(wanted).next().is_none() {
        // The page, as far as it is known before sorting.
        let rest = items.get(from..).unwrap_or_default();
        let page = rest.get(..size).unwrap_or(rest);
        form.show_also(columns, also(if order.is_empty() { page } else { &items }));
    }
    let content = if order.is_empty() {
        items.drain(..from.min(items.len()));
        form.content(format, to_rows(items).into_iter().take(size), request)
    } else {
        let rows = to_rows(items).into_iter();
        let rows: Vec<R> = rows.take_while(|_| !request.is_cancelled()).collect();
        let rows = sorted(rows, &order, request.cancellation());
        form.content(format, rows.skip(from).take(size), request)
    };
    Ok(Answer::Table(Table { content, total }))
}

/// The row as an object with the columns whose names are `wanted`. Dotted names are nested.
pub(in crate::admin) fn object<R>(
    row: &R,
    columns: &'static [Column<R>],
    wanted: impl Fn(&str) -> bool,
) -> Node {
    let kept = columns.iter().filter(|column| wanted(&column.name));
    Node::nested(kept.map(|column| {
        let value = (column.value)(row);
        (column.name.as_str(), value.plain_node())
    }))
}

/// One line per column: `name | aliases | description`.
fn help<R>(columns: &[Column<R>]) -> String {
    let mut rows = Rows::new([Align::Left; 5]);
    for column in columns {
        let aliases = match &*column.aliases {
            [] => "-".to_owned(),
            aliases => aliases.join(","),
        };
        rows.push([&*column.name, "|", &aliases, "|", &column.help].iter());
    }
    rows.into_text(|| true)
}

fn shown_columns<R>(
    columns: &'static [Column<R>],
    wanted: &str,
) -> Result<Vec<ShownColumn<R>>, Error> {
    let mut shown: Vec<ShownColumn<R>> = Vec::new();
    let mut show = |column: &'static Column<R>, heading: &'static str| {
        if !shown.iter().any(|known| std::ptr::eq(known.column, column)) {
            shown.push(ShownColumn { column, heading });
        }
    };
    let mut by_default = true;
    for word in comma_list(wanted) {
        by_default = false;
        if word.contains('*') {
            let mut any = false;
            for column in columns.iter().filter(|column| column.matches(word)) {
                any = true;
                show(column, &column.name);
            }
            if !any {
                return Err(unknown_column(columns, "h", word));
            }
        } else {
            let found = columns
                .iter()
                .find_map(|column| Some((column, column.name_like(word)?)));
            let (column, heading) = found.ok_or_else(|| unknown_column(columns, "h", word))?;
            show(column, heading);
        }
    }
    if by_default {
        for column in columns.iter().filter(|column| column.is_default) {
            show(column, &column.name);
        }
    }
    Ok(shown)
}

/// The shown columns, and the form of their cells.
struct TableForm<R: 'static> {
    shown: Vec<ShownColumn<R>>,
    heading: bool,
    units: Units,
}

impl<R> TableForm<R> {
    /// Also shows the columns with these names, each at its place in the table.
    fn show_also(&mut self, columns: &'static [Column<R>], names: &[&str]) {
        let is_named = |column: &&Column<R>| names.contains(&&*column.name);
        for column in columns.iter().filter(is_named) {
            let place = |of: &Column<R>| columns.iter().position(|known| std::ptr::eq(known, of));
            let is_before = |shown: &ShownColumn<R>| place(shown.column) < place(column);
            let before = self.shown.iter().take_while(|shown| is_before(shown));
            let at = before.count();
            let heading = &column.name;
            self.shown.insert(at, ShownColumn { column, heading });
        }
    }

    /// Takes rows one by one, so that each is dropped after it is written, and none after a
    /// cancellation.
    fn text(&self, rows: impl Iterator<Item = R>, wanted: impl Fn() -> bool) -> String {
        let mut lines = Rows::new(self.shown.iter().map(|shown| shown.column.align));
        if self.heading {
            lines.push(self.shown.iter().map(|shown| shown.heading));
        }
        for row in rows.take_while(|_| wanted()) {
            let cell = |shown: &ShownColumn<R>| (shown.column.value)(&row).show(self.units);
            lines.push(self.shown.iter().map(cell));
        }
        lines.into_text(wanted)
    }

    fn content(
        &self,
        format: Format,
        rows: impl Iterator<Item = R>,
        request: &Request,
    ) -> TableContent {
        let wanted = || !request.is_cancelled();
        match format {
            Format::Text => TableContent::Text(self.text(rows, wanted)),
            Format::Json | Format::Yaml | Format::Cbor => {
                TableContent::Rows(self.nodes(rows, wanted))
            }
        }
    }

    fn nodes(&self, rows: impl Iterator<Item = R>, wanted: impl Fn() -> bool) -> Node {
        let object = |row: R| {
            let cell = |shown: &ShownColumn<R>| {
                let value = (shown.column.value)(&row);
                (shown.heading, value.node(self.units))
            };
            Node::object(self.shown.iter().map(cell))
        };
        Node::List(rows.take_while(|_| wanted()).map(object).collect())
    }
}
