//! A column of a table: its name, how it is aligned and explained, and the value of its cells.

use std::sync::LazyLock;

use crate::admin::error::Error;
use crate::admin::render::Align;
use crate::admin::value::Value;
use crate::admin::words::matches_pattern;
use crate::suggest;
use crate::visible::echo;

/// The columns of a table whose rows are `R`, made once.
pub(in crate::admin) type Columns<R> = LazyLock<Vec<Column<R>>>;

/// A column of a table whose rows are `R`.
pub(in crate::admin) struct Column<R> {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    /// True if it is shown without `h`.
    pub(super) is_default: bool,
    /// True if `ts=false` leaves it out.
    pub(super) is_time_of_day: bool,
    pub(super) align: Align,
    pub(super) help: String,
    pub(super) value: Box<dyn Fn(&R) -> Value + Send + Sync>,
}

impl<R> Column<R> {
    /// A column of words.
    pub(super) fn words(
        name: impl Into<String>,
        aliases: &[&str],
        help: impl Into<String>,
        value: impl Fn(&R) -> Value + Send + Sync + 'static,
    ) -> Self {
        Column {
            name: name.into(),
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
            is_default: false,
            is_time_of_day: false,
            align: Align::Left,
            help: help.into(),
            value: Box::new(value),
        }
    }

    /// A column of numbers or durations.
    pub(super) fn numbers(
        name: impl Into<String>,
        aliases: &[&str],
        help: impl Into<String>,
        value: impl Fn(&R) -> Value + Send + Sync + 'static,
    ) -> Self {
        Column {
            align: Align::Right,
            ..Column::words(name, aliases, help, value)
        }
    }

    /// Shown without `h`.
    pub(super) fn shown(self) -> Self {
        Column {
            is_default: true,
            ..self
        }
    }

    /// A time of day, which makes the output of two equal states differ.
    pub(super) fn time_of_day(self) -> Self {
        Column {
            is_time_of_day: true,
            ..self
        }
    }

    /// The name and the aliases.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = std::iter::once(&self.name).chain(&self.aliases);
        names.map(String::as_str)
    }

    /// The name or alias that equals `word`.
    pub(super) fn name_like(&self, word: &str) -> Option<&str> {
        self.names().find(|name| *name == word)
    }

    /// True if the pattern matches the name or an alias.
    pub(super) fn matches(&self, pattern: &str) -> bool {
        self.names().any(|name| matches_pattern(pattern, name))
    }
}

/// The column with this name or alias.
pub(super) fn find<'a, R>(columns: &'a [Column<R>], word: &str) -> Option<&'a Column<R>> {
    columns
        .iter()
        .find(|column| column.name_like(word).is_some())
}

/// The error for a column that does not exist.
pub(super) fn unknown_column<R>(columns: &[Column<R>], param: &str, word: &str) -> Error {
    let names = columns.iter().map(|column| column.name.as_str());
    let aliases = columns.iter().flat_map(|column| &column.aliases);
    let hint = suggest::hint(word, names.chain(aliases.map(String::as_str)));
    Error::illegal_argument(format!(
        "unknown column [{}] in parameter [{param}]{hint}",
        echo(word)
    ))
}

#[cfg(test)]
pub(super) fn assert_names_are_unique<R>(columns: &[Column<R>]) {
    let mut names: Vec<&str> = columns.iter().flat_map(Column::names).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name or an alias is not unique");
}
