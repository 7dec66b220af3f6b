//! What every table can do: choose columns, sort by typed values, page, explain itself, and be written as
//! text or as rows of JSON. A table gives its columns, one entry each, and its rows.

use super::sort::{order, sorted};
use crate::admin::error::Error;
use crate::admin::params;
use crate::admin::render::{Align, Answer, Format, Node, Rows, Table, TableContent};
use crate::admin::request::Request;
use crate::admin::value::{Units, Value};
use crate::admin::words::{comma_list, matches_pattern};
use crate::suggest;
use crate::units::{ByteUnit, TimeUnit};
use crate::visible::echo;

/// A column of a table whose rows are `R`.
pub(in crate::admin) struct Column<R> {
    name: &'static str,
    aliases: &'static [&'static str],
    /// Whether it is shown when nobody asks for columns.
    default: bool,
    /// Whether `ts=false` leaves it out.
    time_of_day: bool,
    align: Align,
    help: &'static str,
    pub(super) value: fn(&R) -> Value,
}

impl<R> Column<R> {
    /// A column of words.
    pub(super) const fn words(
        name: &'static str,
        aliases: &'static [&'static str],
        help: &'static str,
        value: fn(&R) -> Value,
    ) -> Self {
        Column {
            name,
            aliases,
            default: false,
            time_of_day: false,
            align: Align::Left,
            help,
            value,
        }
    }

    /// A column of numbers or lengths of time.
    pub(super) const fn numbers(
        name: &'static str,
        aliases: &'static [&'static str],
        help: &'static str,
        value: fn(&R) -> Value,
    ) -> Self {
        Column {
            align: Align::Right,
            ..Column::words(name, aliases, help, value)
        }
    }

    /// A moment of the day, which differs between two looks at the same thing.
    pub(super) const fn time_of_day(mut self) -> Self {
        self.time_of_day = true;
        self
    }

    /// Its name or alias, if `word` is one of them.
    fn written_as(&self, word: &str) -> Option<&'static str> {
        let mut names = std::iter::once(self.name).chain(self.aliases.iter().copied());
        names.find(|name| *name == word)
    }

    /// True if the pattern matches its name or an alias.
    fn matches(&self, pattern: &str) -> bool {
        let mut names = std::iter::once(&self.name).chain(self.aliases);
        names.any(|name| matches_pattern(pattern, name))
    }

    /// Shown when nobody asks for columns.
    pub(super) const fn shown(mut self) -> Self {
        self.default = true;
        self
    }
}

/// A column as someone asked for it.
struct Shown<'a, R> {
    column: &'a Column<R>,
    /// The name or the alias that was written.
    heading: &'static str,
}

/// Answers with the rows in the form that `request` asks for; `rows` is called if they are wanted.
pub(super) fn answer<R>(
    request: &Request,
    columns: &[Column<R>],
    rows: impl FnOnce() -> Result<Vec<R>, Error>,
) -> Result<Answer, Error> {
    answer_of(request, columns, rows, |rows| rows, |_| &[])
}

/// The same where by default some columns more are shown if the rows need them to be told apart: `also` names
/// them.
pub(super) fn answer_with<R>(
    request: &Request,
    columns: &[Column<R>],
    rows: impl FnOnce() -> Result<Vec<R>, Error>,
    also: fn(&[R]) -> &'static [&'static str],
) -> Result<Answer, Error> {
    answer_of(request, columns, rows, |rows| rows, also)
}

/// The same for `things` of which `look` makes rows: only of those on the page, where the order that they
/// come in is the one that is wanted.
pub(super) fn answer_of<T, R, I: IntoIterator<Item = R>>(
    request: &Request,
    columns: &[Column<R>],
    things: impl FnOnce() -> Result<Vec<T>, Error>,
    look: impl FnOnce(Vec<T>) -> I,
    also: fn(&[T]) -> &'static [&'static str],
) -> Result<Answer, Error> {
    if request.flag(&params::HELP) {
        return Ok(Answer::Text(help(columns)));
    }
    let wanted = request.value(&params::H).unwrap_or_default();
    let mut shown = shown(columns, wanted)?;
    if !request.flag_or(&params::TS, true) {
        shown.retain(|shown| !shown.column.time_of_day);
    }
    let order = order(columns, request.value(&params::S).unwrap_or_default())?;
    let mut form = Form {
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

    let mut things = things()?;
    let total = things.len();
    if comma_list(wanted).next().is_none() {
        // Those of the page, as far as it is known before they are sorted.
        let rest = things.get(from..).unwrap_or_default();
        let page = rest.get(..size).unwrap_or(rest);
        form.show_also(columns, also(if order.is_empty() { page } else { &things }));
    }
    let content = if order.is_empty() {
        things.drain(..from.min(things.len()));
        form.content(format, look(things).into_iter().take(size), request)
    } else {
        let rows = look(things).into_iter();
        let rows: Vec<R> = rows.take_while(|_| !request.is_cancelled()).collect();
        let rows = sorted(rows, &order, request.cancellation());
        form.content(format, rows.skip(from).take(size), request)
    };
    Ok(Answer::Table(Table { content, total }))
}

/// The row as an object of the columns whose names are `wanted`; dotted names are nested.
pub(in crate::admin) fn object<R>(
    row: &R,
    columns: &[Column<R>],
    wanted: impl Fn(&str) -> bool,
) -> Node {
    let kept = columns.iter().filter(|column| wanted(column.name));
    Node::nested(kept.map(|column| (column.name, (column.value)(row).node(Units::default()))))
}

/// One line per column: `name | aliases | description`.
fn help<R>(columns: &[Column<R>]) -> String {
    let mut rows = Rows::new([Align::Left; 5]);
    for column in columns {
        let aliases = match column.aliases {
            [] => "-".to_owned(),
            aliases => aliases.join(","),
        };
        rows.push([column.name, "|", &aliases, "|", column.help].iter());
    }
    rows.into_text(|| true)
}

fn shown<'a, R>(columns: &'a [Column<R>], wanted: &str) -> Result<Vec<Shown<'a, R>>, Error> {
    let mut shown: Vec<Shown<'a, R>> = Vec::new();
    let mut show = |column: &'a Column<R>, heading: &'static str| {
        if !shown.iter().any(|known| std::ptr::eq(known.column, column)) {
            shown.push(Shown { column, heading });
        }
    };
    let mut asked = false;
    for word in comma_list(wanted) {
        asked = true;
        if word.contains('*') {
            let matching = |column: &&Column<R>| column.matches(word);
            let mut any = false;
            for column in columns.iter().filter(matching) {
                any = true;
                show(column, column.name);
            }
            if !any {
                return Err(unknown_column(columns, "h", word));
            }
        } else {
            let found = columns
                .iter()
                .find_map(|column| Some((column, column.written_as(word)?)));
            let (column, heading) = found.ok_or_else(|| unknown_column(columns, "h", word))?;
            show(column, heading);
        }
    }
    if !asked {
        for column in columns.iter().filter(|column| column.default) {
            show(column, column.name);
        }
    }
    Ok(shown)
}

/// How rows are written.
struct Form<'a, R> {
    shown: Vec<Shown<'a, R>>,
    heading: bool,
    units: Units,
}

impl<'a, R> Form<'a, R> {
    /// Shows these columns too, each at its place in the table.
    fn show_also(&mut self, columns: &'a [Column<R>], names: &[&str]) {
        for column in columns.iter().filter(|column| names.contains(&column.name)) {
            let place = |of: &Column<R>| columns.iter().position(|known| std::ptr::eq(known, of));
            let before = |shown: &Shown<'a, R>| place(shown.column) < place(column);
            let at = self.shown.iter().take_while(|shown| before(shown)).count();
            let heading = column.name;
            self.shown.insert(at, Shown { column, heading });
        }
    }
}

impl<R> Form<'_, R> {
    /// Rows come one by one, so that each is gone when it is written; none comes any more when nobody wants it.
    fn text(&self, rows: impl Iterator<Item = R>, wanted: impl Fn() -> bool) -> String {
        let mut lines = Rows::new(self.shown.iter().map(|shown| shown.column.align));
        if self.heading {
            lines.push(self.shown.iter().map(|shown| shown.heading));
        }
        for row in rows.take_while(|_| wanted()) {
            let cell = |shown: &Shown<'_, R>| (shown.column.value)(&row).show(self.units);
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
            let cell = |shown: &Shown<'_, R>| {
                let value = (shown.column.value)(&row);
                (shown.heading, value.node(self.units))
            };
            Node::object(self.shown.iter().map(cell))
        };
        Node::List(rows.take_while(|_| wanted()).map(object).collect())
    }
}

pub(super) fn find<'a, R>(columns: &'a [Column<R>], word: &str) -> Option<&'a Column<R>> {
    columns
        .iter()
        .find(|column| column.written_as(word).is_some())
}

pub(super) fn unknown_column<R>(columns: &[Column<R>], param: &str, word: &str) -> Error {
    let aliases = columns.iter().flat_map(|column| column.aliases);
    let names = columns.iter().map(|column| column.name);
    let hint = suggest::hint(word, names.chain(aliases.copied()));
    Error::illegal_argument(format!(
        "unknown column [{}] in parameter [{param}]{hint}",
        echo(word)
    ))
}

#[cfg(test)]
pub(super) fn assert_names_are_unique<R>(columns: &[Column<R>]) {
    let mut names: Vec<&str> = columns
        .iter()
        .flat_map(|column| std::iter::once(&column.name).chain(column.aliases))
        .copied()
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name or an alias stands twice");
}
