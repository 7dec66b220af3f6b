//! Writes the attribute into files, without other changes to their text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::sources::{Function, Sources};

/// The attribute of handlers.
pub(crate) const ROUTE: &str = "#[underscore_runtime::underscore_route]";

/// The attribute of other functions.
pub(crate) const FRAME: &str = "#[underscore_runtime::underscore_frame]";

/// The original files.
pub(crate) struct Originals {
    attribute: &'static str,
    texts: BTreeMap<PathBuf, String>,
}

impl Originals {
    pub(crate) fn new(attribute: &'static str) -> Self {
        Originals {
            attribute,
            texts: BTreeMap::new(),
        }
    }

    /// Writes the files of all `handlers`, with the attribute on the `annotated` ones.
    pub(crate) fn write(
        &mut self,
        sources: &Sources,
        handlers: &BTreeSet<usize>,
        annotated: &BTreeSet<usize>,
    ) -> io::Result<()> {
        let function = |index: &usize| &sources.functions[*index];
        let files: BTreeSet<&Path> = handlers
            .iter()
            .map(|index| &*function(index).file)
            .collect();
        for file in files {
            if !self.texts.contains_key(file) {
                self.texts
                    .insert(file.to_owned(), fs::read_to_string(file)?);
            }
            let text = &self.texts[file];
            let in_file = annotated
                .iter()
                .map(function)
                .filter(|function| function.file == file);
            fs::write(file, with_attributes(self.attribute, text, in_file))?;
        }
        Ok(())
    }
}

/// Each attribute adds one line.
fn with_attributes<'a>(
    attribute: &str,
    text: &str,
    functions: impl Iterator<Item = &'a Function>,
) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut places: Vec<(usize, usize)> = functions.map(|function| function.place).collect();
    places.sort_unstable();
    for (line, column) in places.into_iter().rev() {
        let before: String = lines[line].chars().take(column).collect();
        let after: String = lines[line].chars().skip(column).collect();
        let indent: String = before.chars().take_while(|c| c.is_whitespace()).collect();
        lines[line] = format!("{before}{attribute}\n{indent}{after}");
    }
    lines.join("\n")
}

/// The lines of a function, counted from 1, with the attributes of `annotated`.
pub(crate) fn lines_now(
    sources: &Sources,
    annotated: &BTreeSet<usize>,
    index: usize,
) -> (usize, usize) {
    let function = &sources.functions[index];
    let added = |before: usize, is_end: bool| {
        let functions = annotated.iter().map(|other| &sources.functions[*other]);
        let above = functions.filter(|other| {
            let line = other.place.0;
            other.file == function.file && (line < before || is_end && line == before)
        });
        above.count()
    };
    let (first, last) = function.lines;
    (
        first + 1 + added(first, false),
        last + 1 + added(last, true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(place: (usize, usize)) -> Function {
        Function {
            name: String::new(),
            package: 0,
            file: PathBuf::new(),
            place,
            lines: (place.0, place.0),
            is_future: true,
            is_async: true,
            is_annotated: false,
        }
    }

    #[test]
    fn an_attribute_stands_on_a_line_of_its_own_and_leaves_the_rest() {
        let text = "mod a {\r\n    async fn f() {}\r\n}\nasync fn g() {}";
        let functions = [function((1, 4)), function((3, 0))];
        let written = with_attributes(ROUTE, text, functions.iter());
        assert_eq!(
            written,
            format!(
                "mod a {{\r\n    {ROUTE}\n    async fn f() {{}}\r\n}}\n{ROUTE}\nasync fn g() {{}}"
            ),
        );
    }
}
