//! How an await depends on the awaits inside of it, by the type of the awaited future. Type names
//! are not stable: an unknown name makes a statement weaker, never stronger.

use crate::stack::inside_of_pointers;

/// The dependence of an await on those inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It completes only after all of them.
    All,
    /// It may depend on others, too.
    Unknown,
    /// It may complete without them: the first of several does.
    Any,
}

/// A future's dependence on what it awaits, and whether a timeout may end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Await<'a> {
    pub(super) passage: Passage,
    pub(super) has_timeout: bool,
    /// The type inside of pointers and timeouts.
    pub(super) inner: &'a str,
}

/// Further wrappers that poll the one future in them.
const WRAPPERS: &[&str] = &[
    "tracing::instrument::Instrumented<",
    "core::panic::unwind_safe::AssertUnwindSafe<",
    "futures_util::future::future::fuse::Fuse<",
    "futures_util::future::future::catch_unwind::CatchUnwind<",
];

const TIMEOUT: &str = "tokio::time::timeout::Timeout<";

/// The names of futures and streams that complete with the first of several, or of several at once.
const ANY: &[&str] = &[
    "Select",
    "SelectAll",
    "SelectOk",
    "TrySelect",
    "TryJoin",
    "TryJoin3",
    "TryJoin4",
    "TryJoin5",
    "TryJoinAll",
    "Race",
    "RaceOk",
    "Or",
    "Next",
    "TryNext",
    "SelectNextSome",
    "PollFn",
    "Abortable",
    "WithCancellationToken",
    "WithCancellationTokenOwned",
    "Either",
];

/// The names of futures that complete after all of several.
const ALL: &[&str] = &["Join", "Join3", "Join4", "Join5", "JoinAll"];

/// Analyses the type name of an awaited future.
pub(super) fn analyse(future: &str) -> Await<'_> {
    let mut inner = future.trim();
    let mut has_timeout = false;
    loop {
        inner = inside_of_pointers(inner);
        let wrapped = WRAPPERS.iter().find_map(|wrapper| inside(inner, wrapper));
        match (inside(inner, TIMEOUT), wrapped) {
            (Some(timed), _) => {
                has_timeout = true;
                inner = timed;
            }
            (None, Some(wrapped)) => inner = wrapped,
            (None, None) => break,
        }
    }
    let name = last_segment(inner);
    let passage = if inner.ends_with("::{{closure}}") || ALL.contains(&name) {
        Passage::All
    } else if ANY.contains(&name) {
        Passage::Any
    } else {
        Passage::Unknown
    };
    Await {
        passage,
        has_timeout,
        inner,
    }
}

/// `T` of `Wrapper<T>`.
fn inside<'a>(name: &'a str, wrapper: &str) -> Option<&'a str> {
    name.strip_prefix(wrapper)?.strip_suffix('>')
}

/// The last segment of the path of a type, without its arguments.
fn last_segment(name: &str) -> &str {
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_timeouts_are_looked_through() {
        let lock = "tokio::sync::mutex::Mutex<u8>::lock::{{closure}}";
        let pinned = format!("core::pin::Pin<&mut tokio::time::timeout::Timeout<{lock}>>");
        let analysed = analyse(&pinned);
        assert_eq!(analysed.inner, lock);
        assert!(analysed.has_timeout);
        assert_eq!(analysed.passage, Passage::All);
        assert!(!analyse(lock).has_timeout);
    }

    #[test]
    fn a_race_is_not_a_wait_for_all() {
        let race = "futures_util::future::select::Select<a::f::{{closure}}, b::g::{{closure}}>";
        assert_eq!(analyse(race).passage, Passage::Any);
        let join = "futures_util::future::join_all::JoinAll<a::f::{{closure}}>";
        assert_eq!(analyse(join).passage, Passage::All);
        assert_eq!(analyse("my::Future").passage, Passage::Unknown);
        assert_eq!(analyse("").passage, Passage::Unknown);
    }
}
