//! Finds the annotated handler that a compiler error is about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::annotate::lines_now;
use crate::cargo::first_lines;
use crate::sources::Sources;

/// A handler that does not accept the bare attribute.
pub(crate) struct Broken {
    pub(crate) function: usize,
    pub(crate) error: String,
    pub(crate) cure: Option<String>,
}

/// A source location in an error.
struct Span {
    file: PathBuf,
    lines: (usize, usize),
    is_primary: bool,
    text: String,
}

/// The annotated handlers that an error in `package` is about, if any. Handlers of another package
/// only if there is none of the same.
pub(crate) fn broken(
    sources: &Sources,
    annotated: &BTreeSet<usize>,
    package: usize,
    root: &Path,
    error: &Value,
) -> Vec<Broken> {
    let mut spans = Vec::new();
    collect(error, root, &mut spans);
    let rendered = error["rendered"].as_str().unwrap_or_default();
    let names = endpoints(rendered);
    let within = |span: &Span, index: usize| {
        let (first, last) = lines_now(sources, annotated, index);
        let function = &sources.functions[index];
        span.file == function.file && span.lines.0 <= last && first <= span.lines.1
    };
    let function = |index: &usize| &sources.functions[*index];
    let of_type: Vec<usize> = annotated
        .iter()
        .copied()
        .filter(|index| names.contains(function(index).name.as_str()))
        .collect();
    let any = |of: &[usize], is_meant: &dyn Fn(&Span, usize) -> bool| -> Vec<usize> {
        let meant = of.iter().copied();
        meant
            .filter(|index| spans.iter().any(|span| is_meant(span, *index)))
            .collect()
    };
    let all: Vec<usize> = annotated.iter().copied().collect();
    let is_mention = |span: &Span, index: usize| {
        let last = span.text.rsplit("::").next().unwrap_or_default();
        span.is_primary && last.trim() == sources.functions[index].name
    };
    let is_own = |index: &usize| sources.functions[*index].package == package;
    let choices = [
        any(&of_type, &within),
        of_type,
        any(&all, &|span, index| span.is_primary && within(span, index)),
        any(&all, &is_mention),
        any(&all, &within),
    ];
    let meant = choices.into_iter().find(|choice| !choice.is_empty());
    let mut meant = meant.unwrap_or_default();
    if meant.iter().any(is_own) {
        meant.retain(is_own);
    }
    let meant = meant.into_iter();
    meant
        .map(|index| Broken {
            function: index,
            error: first_lines(error),
            cure: cure(error, &function(&index).name, rendered, !names.is_empty()),
        })
        .collect()
}

/// The names of handlers whose types appear in an error.
fn endpoints(rendered: &str) -> BTreeSet<&str> {
    let mut names = rendered.split("__UnderscoreRoute_").skip(1);
    let mut found = BTreeSet::new();
    for name in names.by_ref() {
        found.extend(name.split_once("__to_call_it").map(|(name, _)| name));
    }
    found
}

fn cure(error: &Value, name: &str, rendered: &str, is_named: bool) -> Option<String> {
    let code = error["code"]["code"].as_str().unwrap_or_default();
    if is_named && ["E0057", "E0061", "E0308", "E0618"].contains(&code) {
        return Some(format!(
            "it is called as a function: write `#[underscore_route(inner = {name}_inner)]` on it and call `{name}_inner` there"
        ));
    }
    if rendered.contains("OperationHandler") || rendered.contains("OperationInput") {
        return Some(
            "aide takes the argument types from the function: mount it with axum's own routing"
                .into(),
        );
    }
    None
}

fn collect(message: &Value, root: &Path, found: &mut Vec<Span>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for span in list(&message["spans"]) {
        let mut next = &span;
        while let Some(file) = next["file_name"].as_str() {
            let line = |key: &str| {
                let line = next[key].as_u64().unwrap_or_default();
                usize::try_from(line).unwrap_or_default()
            };
            found.push(Span {
                file: root.join(file),
                lines: (line("line_start"), line("line_end")),
                is_primary: span["is_primary"] == true,
                text: marked(next),
            });
            next = &next["expansion"]["span"];
        }
    }
    for child in list(&message["children"]) {
        collect(&child, root, found);
    }
}

/// The part of a line that a span marks.
fn marked(span: &Value) -> String {
    let first = &span["text"][0];
    let number = |key: &str| first[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let (Some(text), Some(start), Some(end)) = (
        first["text"].as_str(),
        number("highlight_start"),
        number("highlight_end"),
    ) else {
        return String::new();
    };
    let length = end.saturating_sub(start);
    text.chars()
        .skip(start.saturating_sub(1))
        .take(length)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::Function;

    /// `called` is on lines 2 and 3 with the attribute, `caller` on lines 4 to 6.
    fn sources() -> Sources {
        let mut sources = Sources::default();
        for (name, lines) in [("called", (1, 1)), ("caller", (2, 3))] {
            sources.functions.push(Function {
                name: name.to_owned(),
                package: 0,
                file: "/service/src/main.rs".into(),
                place: (lines.0, 0),
                lines,
                is_future: true,
                is_async: true,
                is_annotated: false,
            });
        }
        sources
    }

    fn found(error: &Value) -> Vec<(usize, bool)> {
        let annotated = BTreeSet::from([0, 1]);
        let broken = broken(&sources(), &annotated, 0, Path::new("/service"), error);
        let told = broken
            .iter()
            .map(|broken| (broken.function, broken.cure.is_some()));
        told.collect()
    }

    fn error(code: &str, rendered: &str, line: u64, marked: &str) -> Value {
        let text = json!({"text": marked, "highlight_start": 1, "highlight_end": marked.len() + 1});
        json!({"code": {"code": code}, "rendered": rendered, "children": [], "spans": [{
            "file_name": "src/main.rs", "line_start": line, "line_end": line, "is_primary": true,
            "text": [text],
        }]})
    }

    #[test]
    fn a_call_is_the_fault_of_the_handler_that_is_called() {
        let rendered =
            "expected `Call<__UnderscoreRoute_called__to_call_it_write_inner__0a1b, ()>`";
        let in_caller = error("E0061", rendered, 6, "called()");
        assert_eq!(found(&in_caller), [(0, true)]);
    }

    #[test]
    fn an_error_is_the_fault_of_the_handler_in_which_it_is_or_which_it_marks() {
        assert_eq!(found(&error("E0277", "", 5, "")), [(1, false)]);
        assert_eq!(
            found(&error("E0277", "", 40, "users::called")),
            [(0, false)]
        );
        assert_eq!(found(&error("E0277", "", 40, "other")), []);
    }
}
