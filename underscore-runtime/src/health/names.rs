//! The names of routes in findings: what is shown, and what selects a route in a request.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::routes::{Route, RouteEntry, entries};
use crate::stack::{AwaitPoint, innermost};
use crate::task::TaskRef;
use crate::truncate;

/// Maximum length of an awaited expression, in characters.
const MAX_SOURCE: usize = 60;

/// The names of all routes, read if they are needed: most looks find nothing.
#[derive(Default)]
pub(super) struct Names {
    entries: OnceCell<Vec<RouteEntry>>,
}

impl Names {
    fn entries(&self) -> &[RouteEntry] {
        self.entries.get_or_init(entries)
    }

    /// The path of a route, and its method if other routes have the same path.
    pub(super) fn shown(&self, route: &'static Route) -> String {
        let identity = &route.identity;
        let Some(path) = identity.path.as_deref() else {
            return identity.declaration().id_text().to_owned();
        };
        let at_path = |entry: &&RouteEntry| entry.path() == Some(path);
        if self.entries().iter().filter(at_path).nth(1).is_some() {
            format!("{} {path}", identity.method)
        } else {
            path.to_owned()
        }
    }

    /// The selector of a route: its name if no other route has the same, otherwise its id. `None`
    /// if it is not listed any more.
    pub(super) fn selector(&self, route: &'static Route) -> Option<String> {
        let entries = self.entries();
        let is_it = |entry: &&RouteEntry| entry.route.is_some_and(|it| std::ptr::eq(it, route));
        let entry = entries.iter().find(is_it)?;
        let name_of = |entry: &RouteEntry| entry.handler.declaration.name;
        let name = name_of(entry).filter(|name| is_plain(name));
        let is_unique = |name: &&str| {
            let same = entries.iter().filter(|entry| name_of(entry) == Some(*name));
            same.count() == 1
        };
        let name = name.filter(is_unique).map(str::to_owned);
        Some(name.unwrap_or_else(|| entry.id.to_string()))
    }

    /// The request `method before{selector}after`, or `otherwise` for a route that is not listed.
    pub(super) fn request(
        &self,
        route: &'static Route,
        (before, after): (&'static str, &'static str),
        otherwise: &'static str,
    ) -> Cow<'static, str> {
        match self.selector(route) {
            Some(selector) => format!("{before}{selector}{after}").into(),
            None => otherwise.into(),
        }
    }
}

/// True for a name that means the same in a URL, in a shell and as a selector.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !name.starts_with(['-', '_', '.']) && !name.is_empty() && name.bytes().all(is_plain)
}

/// An await with its expression: `src/db.rs:20 pool.get()`.
pub(super) fn awaiting(point: &AwaitPoint) -> String {
    format!("{point} {}", awaited(point.source()))
}

/// An awaited expression on one line.
pub(super) fn awaited(source: &str) -> String {
    let words: Vec<&str> = source.split_whitespace().collect();
    truncate::to_chars(&words.join(" "), MAX_SOURCE).into_owned()
}

/// The line of the last await that returned in a task, or of its handler if there was none.
pub(super) fn last_line(task: &TaskRef) -> Option<String> {
    let handler = || {
        let handler = task.route()?.identity.declaration();
        handler.function()?;
        Some(format!("in {}:{}", handler.file, handler.line))
    };
    let point = innermost(&task.frames());
    let line = point.map(|point| format!("after {point}")).or_else(handler);
    // A task that has ended has no frames.
    line.filter(|_| !task.is_gone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_needs_no_escape_and_is_no_pattern() {
        for name in ["twice", "v1.orders-list", "a_b"] {
            assert!(is_plain(name), "{name}");
        }
        for name in [
            "", "-twice", "_all", "a b", "a*", "a,b", "a/b", "a%", "é", ".",
        ] {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn an_expression_is_shown_on_one_line() {
        static POINT: AwaitPoint = AwaitPoint::new("m::f", "f.rs", 2, 1, "pool\n    .get()");
        assert_eq!(awaiting(&POINT), "f.rs:2 pool .get()");
    }
}
