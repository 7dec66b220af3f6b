//! Turns a change of selected routes into edits: of a handler, for all of its mounts, or of single
//! mounts.

use std::collections::HashMap;

use crate::admin::words::comma_list;
use crate::route::RouteId;
use crate::routes::{HandlerEntry, Route, RouteEntry};
use crate::settings::{SettingChange, Values};
use crate::settings_file::{Edit, SettingsTarget};

/// The section of settings that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Transient,
    Persistent,
}

/// The scope of a change of the selected routes of one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The handler, for all present and later mounts. Settings of single mounts stay.
    Handler,
    /// The handler and each of its mounts.
    Everything,
    /// The selected mounts.
    Mounts,
}

/// The edits that apply `changes` to the routes that `selector` selected.
pub(super) fn edits(
    selector: &str,
    selected: &[RouteEntry],
    section: Section,
    changes: &[SettingChange],
) -> Vec<Edit> {
    let mut handlers: Vec<Vec<&RouteEntry>> = Vec::new();
    let mut places: HashMap<*const HandlerEntry, usize> = HashMap::new();
    for entry in selected {
        let address = std::ptr::from_ref(entry.handler);
        let place = *places.entry(address).or_insert(handlers.len());
        match handlers.get_mut(place) {
            Some(entries) => entries.push(entry),
            None => handlers.push(vec![entry]),
        }
    }
    let of_handler =
        |entries: Vec<&RouteEntry>| edits_of_handler(selector, &entries, section, changes);
    handlers.into_iter().flat_map(of_handler).collect()
}

/// The edits for one handler, whose mounts are `selected`.
fn edits_of_handler(
    selector: &str,
    selected: &[&RouteEntry],
    section: Section,
    changes: &[SettingChange],
) -> Vec<Edit> {
    let Some(first) = selected.first() else {
        return Vec::new();
    };
    let handler = first.handler;
    let at = |mount| SettingsTarget { handler, mount };
    let edit = |mount, changes| Edit {
        target: at(mount),
        changes,
    };
    match scope(selector, selected) {
        Scope::Handler => vec![edit(None, changes.to_vec())],
        Scope::Mounts => {
            let mounts = selected.iter().filter_map(|entry| entry.route);
            mounts
                .map(|route| edit(Some(route.identity.mount), changes.to_vec()))
                .collect()
        }
        Scope::Everything => {
            let mut edits = vec![edit(None, changes.to_vec())];
            for (mount, own) in own_of_mounts(handler, section) {
                let reset = changes
                    .iter()
                    .filter(|(setting, _)| own.contains_key(setting.key))
                    .map(|(setting, _)| (*setting, None));
                let reset: Vec<SettingChange> = reset.collect();
                if !reset.is_empty() {
                    edits.push(edit(Some(mount), reset));
                }
            }
            edits
        }
    }
}

/// The settings of each mount, including mounts in the settings file that have had no request.
fn own_of_mounts(handler: &'static HandlerEntry, section: Section) -> Vec<(u16, Values)> {
    match section {
        Section::Transient => {
            let own = |route: &Route| {
                (
                    route.identity.mount,
                    route.settings.lock().transient.clone(),
                )
            };
            handler.routes().map(own).collect()
        }
        Section::Persistent => {
            let of_mounts = handler.persistent_of_mounts.lock();
            let own = of_mounts.iter().map(|(mount, own)| (*mount, own.clone()));
            own.collect()
        }
    }
}

/// A name that all mounts share means the handler, and the id of a mount means the mount. A pattern
/// that matches all mounts means everything, so that `_all` with `null` leaves nothing set.
fn scope(selector: &str, selected: &[&RouteEntry]) -> Scope {
    let Some(first) = selected.first() else {
        return Scope::Handler;
    };
    let (declaration, handler) = (&first.handler.declaration, first.id.handler);
    let words = || comma_list(selector);
    let is_mounts = |word: &str| {
        let mut mounts = selected.iter().filter_map(|entry| entry.route);
        let id: Option<RouteId> = word.parse().ok();
        let id_of = |route: &Route| {
            let mount = Some(route.identity.mount);
            RouteId { handler, mount }
        };
        mounts.any(|route| id == Some(id_of(route)))
    };
    let is_handlers = |word: &str| {
        let id: Option<RouteId> = word.parse().ok();
        declaration.handler == word
            || declaration.name == Some(word)
            // Before the first request, the id of a mount stands for the handler.
            || id.is_some_and(|id| {
                id.handler == handler && (id.mount.is_none() || first.route.is_none())
            })
    };
    let all = first.route.is_none() || selected.len() == first.handler.routes().count();
    if !all || words().any(is_mounts) {
        Scope::Mounts
    } else if words().any(is_handlers) {
        Scope::Handler
    } else {
        Scope::Everything
    }
}
