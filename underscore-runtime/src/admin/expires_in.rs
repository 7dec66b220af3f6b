//! `expires_in`: the time after which transient changes revert, in the bodies of changes and in
//! answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::Error;
use super::render::Node;
use crate::clock::Instant;
use crate::units;
use crate::visible::echo;

/// The section of a body that it applies to.
pub(super) const TRANSIENT: &str = "transient";

/// Maximum number of pending changes of one route, mount or log level.
pub(super) const MOST_EXPIRING: usize = 256;

/// Removes `expires_in` from the body of a change and parses it.
pub(super) fn take(body: &mut Map<String, Value>) -> Result<Option<Instant>, Error> {
    let after = match body.remove("expires_in") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => units::parse_duration(&text).ok_or(Value::String(text)),
        Some(other) => Err(other),
    };
    let after = after.map_err(|value| {
        Error::illegal_argument(format!(
            "[expires_in] must be a string of a number and a unit ({}), as in 10m, not [{}]",
            units::TIME_UNITS,
            echo(&value.to_string())
        ))
    })?;
    if !body.contains_key(TRANSIENT) {
        return Err(Error::illegal_argument(
            "[expires_in] applies to section [transient], and there is no such section",
        ));
    }
    Ok(Some(Instant::now().after(after)))
}

/// The time until values expire: one text if all that are `set` expire together, otherwise an
/// `object` with one for each that expires. `None` if none expires.
pub(super) fn shown<'k, K: Ord + 'k>(
    expiries: BTreeMap<K, Instant>,
    mut set: impl Iterator<Item = &'k K>,
    object: impl FnOnce(Vec<(K, Node)>) -> Node,
) -> Option<Node> {
    let first = *expiries.values().min()?;
    let all_expire = set.all(|key| expiries.contains_key(key));
    if all_expire && expiries.values().all(|at| *at == first) {
        return Some(left(first, Instant::now()));
    }
    Some(object(each(expiries)))
}

/// The time until each of these values expires.
pub(super) fn each<K>(expiries: BTreeMap<K, Instant>) -> Vec<(K, Node)> {
    let now = Instant::now();
    let each = expiries.into_iter().map(|(key, at)| (key, left(at, now)));
    each.collect()
}

fn left(at: Instant, now: Instant) -> Node {
    Node::text(units::human(at.since(now)))
}
