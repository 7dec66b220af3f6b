//! Directives as those of an `EnvFilter`: a target is a prefix of the targets of events, and the
//! longest one decides.

use crate::log_level::LogLevel;

/// The target of the directive for all targets.
pub(crate) const ALL: &str = "*";

/// Targets with their levels, the longest target first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Directives(Vec<(Box<str>, LogLevel)>);

impl Directives {
    pub(super) fn new<'a>(directives: impl Iterator<Item = (&'a str, LogLevel)>) -> Self {
        // `*` is the empty prefix.
        let prefix = |target| if target == ALL { "" } else { target };
        let mut directives: Vec<(Box<str>, LogLevel)> = directives
            .map(|(target, level)| (Box::from(prefix(target)), level))
            .collect();
        directives.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Directives(directives)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(any(test, feature = "tracing-subscriber"))]
impl Directives {
    /// The directive for `target`: its length and its level.
    pub(super) fn find(&self, target: &str) -> Option<(usize, LogLevel)> {
        let mut directives = self.0.iter();
        let (prefix, level) = directives.find(|(prefix, _)| target.starts_with(&**prefix))?;
        Some((prefix.len(), *level))
    }

    /// The most detailed level of all.
    pub(super) fn max(&self) -> LogLevel {
        let levels = self.0.iter().map(|(_, level)| *level);
        levels.max().unwrap_or(LogLevel::Off)
    }

    /// The directives of an `EnvFilter`, by its text, without those for spans and fields, which
    /// only the filter itself can evaluate.
    pub(super) fn of_filter(text: &str) -> Self {
        let mut depth = 0_usize;
        let is_separator = |sign: char| {
            match sign {
                '[' | '{' => depth = depth.saturating_add(1),
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            sign == ',' && depth == 0
        };
        let parts = text.split(is_separator).filter(|part| !part.contains('['));
        let directives = parts.filter_map(|part| {
            let (target, level) = part.rsplit_once('=').unwrap_or((ALL, part));
            let level = level.trim().to_ascii_lowercase();
            Some((target.trim(), LogLevel::parse(&level)?))
        });
        Directives::new(directives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 18.3 of docs/admin-api.md.
    #[test]
    fn the_longest_prefix_decides() {
        let directives = [
            ("my_app", LogLevel::Warn),
            ("*", LogLevel::Error),
            ("my_app::db", LogLevel::Debug),
        ];
        let directives = Directives::new(directives.into_iter());
        for (target, found) in [
            ("my_app", (6, LogLevel::Warn)),
            ("my_app::api", (6, LogLevel::Warn)),
            ("my_app::db::pool", (10, LogLevel::Debug)),
            ("sqlx", (0, LogLevel::Error)),
            ("", (0, LogLevel::Error)),
        ] {
            assert_eq!(directives.find(target), Some(found), "{target}");
        }
        assert_eq!(directives.max(), LogLevel::Debug);
        assert_eq!(Directives::default().find("my_app"), None);
    }

    #[test]
    fn the_directives_of_a_filter_are_read_without_those_for_spans() {
        let text =
            "db[query{id=7,of=\"a\"}]=trace,x[{a,b}]=warn,hyper::proto=warn,hyper=info,error";
        let read = Directives::of_filter(text);
        assert_eq!(read.0.len(), 3, "{read:?}");
        assert_eq!(read.find("hyper::proto::h1"), Some((12, LogLevel::Warn)));
        assert_eq!(read.find("hyper"), Some((5, LogLevel::Info)));
        assert_eq!(read.find("db"), Some((0, LogLevel::Error)));
        assert!(Directives::of_filter("").is_empty());
    }
}
