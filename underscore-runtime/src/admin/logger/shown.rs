//! Log levels in answers.

use std::collections::BTreeMap;

use tracing::level_filters::STATIC_MAX_LEVEL;

use crate::admin::audit::compact;
use crate::admin::expires_in;
use crate::admin::render::Node;
use crate::log_level::LogLevel;
use crate::logger::{self, Overrides, RouteLevel};

/// The filters, the levels of targets and of routes, and the limits of all.
pub(super) fn all(overrides: &Overrides) -> Vec<(&'static str, Node)> {
    let filters = logger::installed().into_iter().map(|filter| {
        Node::object([
            ("base", Node::text(filter.base.clone())),
            ("made_at", Node::text(filter.made_at())),
        ])
    });
    let mut all = vec![("filters", Node::List(filters.collect()))];
    all.extend(sections(overrides));
    let (mut routes, mut expiries) = (Vec::new(), BTreeMap::new());
    for RouteLevel { id, level, expires } in logger::route_levels() {
        let id = id.to_string();
        expiries.extend(expires.map(|at| (id.clone(), at)));
        routes.push((id, word(level)));
    }
    let left = expires_in::each(expiries);
    all.push(("routes", Node::object(routes)));
    if !left.is_empty() {
        all.push(("routes_expires_in", Node::object(left)));
    }
    all.push(("max_level", word(logger::max_level())));
    let static_max = LogLevel::from_filter(STATIC_MAX_LEVEL);
    all.push(("static_max_level", word(static_max)));
    all
}

/// The levels of targets as text for the audit.
pub(super) fn as_text(overrides: &Overrides) -> String {
    let sections = sections(overrides).into_iter();
    compact(sections.map(|(name, section)| (name.to_owned(), section)))
}

fn sections(overrides: &Overrides) -> Vec<(&'static str, Node)> {
    let levels = overrides.levels();
    let transient = levels
        .iter()
        .map(|(target, level)| (target.clone(), word(*level)));
    let mut sections = vec![("transient", Node::object(transient))];
    let by_target = |each: Vec<(String, Node)>| Node::object(each);
    let expires_in = expires_in::shown(overrides.expiries(), levels.keys(), by_target);
    sections.extend(expires_in.map(|left| ("expires_in", left)));
    sections
}

fn word(level: LogLevel) -> Node {
    Node::text(level.word())
}
