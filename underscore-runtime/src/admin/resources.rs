//! The resources that tasks wait for: their ids, and the choice of one by `blocking=`.

use std::collections::HashSet;

use super::cancellation::Cancellation;
use super::error::Error;
use super::words::{comma_list, matches_pattern};
use crate::route::stable_hash;
use crate::suggest;
use crate::task::TaskId;
use crate::visible::echo;
use crate::waits::{self, ResourceWaits};

/// The resources that tasks wait for, the worst first.
pub(super) fn resources(cancellation: &Cancellation) -> Vec<ResourceWaits> {
    waits::resources(&|| cancellation.is_requested())
}

/// The id of a resource: the same for as long as it exists.
pub(super) fn resource_id(resource: &ResourceWaits) -> String {
    let hash = if let Some(address) = resource.lock {
        stable_hash(&[&address.to_ne_bytes()])
    } else {
        let kind = &resource.kind;
        let parts = [&resource.name, &kind.name, &kind.of];
        stable_hash(&parts.map(String::as_bytes))
    };
    format!("{hash:08x}")
}

/// The tasks that hold the resources in a comma-separated list, for a read: names, ids and
/// patterns.
pub(super) fn holders(
    selector: &str,
    cancellation: &Cancellation,
) -> Result<HashSet<TaskId>, Error> {
    holders_with(selector, cancellation, false)
}

/// The same for a change, which refuses a name that several resources have.
pub(super) fn holders_to_change(
    selector: &str,
    cancellation: &Cancellation,
) -> Result<HashSet<TaskId>, Error> {
    holders_with(selector, cancellation, true)
}

fn holders_with(
    selector: &str,
    cancellation: &Cancellation,
    must_be_one: bool,
) -> Result<HashSet<TaskId>, Error> {
    let all = resources(cancellation);
    let mut tasks = HashSet::new();
    for word in comma_list(selector) {
        let found: Vec<&ResourceWaits> = all
            .iter()
            .filter(|resource| {
                matches_pattern(word, &resource.name) || resource_id(resource) == word
            })
            .collect();
        if found.is_empty() {
            let names = all.iter().map(|resource| resource.name.as_str());
            let hint = suggest::hint(word, names);
            return Err(Error::not_found(format!(
                "no task waits for a resource [{}]; GET /_cat/waits lists the resources{hint}",
                echo(word)
            )));
        }
        if must_be_one && found.len() > 1 && !word.contains('*') {
            let ids: Vec<String> = found
                .iter()
                .take(8)
                .map(|found| resource_id(found))
                .collect();
            return Err(Error::illegal_argument(format!(
                "[{}] names {} resources; choose one by its id, or all with a pattern: {}",
                echo(word),
                found.len(),
                ids.join(",")
            )));
        }
        let holders = found.iter().flat_map(|resource| &resource.holders);
        tasks.extend(holders.map(|holder| holder.task));
    }
    Ok(tasks)
}
