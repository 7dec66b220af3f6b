//! Where a change of selected routes is kept: with a handler, for all of its mounts, or with single mounts.

use crate::admin::cat;
use crate::settings::Change;
use crate::settings_file::{Edit, Place};
use crate::table::Entry;

/// What a change of a route is a change of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The handler, with its later mounts; what a mount has of its own stays.
    Handler,
    /// All there is of the handler, what its mounts have of their own included.
    Everything,
    /// One mount of several.
    Mount,
}

/// `changes` of the routes that `selector` chose, each place once.
pub(super) fn edits(selector: &str, selected: &[Entry], changes: &[Change]) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut note = |place: Place, changes: Vec<Change>| {
        if edits.iter().all(|edit| edit.place != place) {
            edits.push(Edit { place, changes });
        }
    };
    for entry in selected {
        let scope = scope(selector, entry, selected);
        let handler = Place {
            descriptor: entry.descriptor,
            mount: None,
        };
        if scope != Scope::Mount {
            note(handler, changes.to_vec());
        }
        let Some(route) = entry.route else { continue };
        let mount = Place {
            mount: Some(route.mount),
            ..handler
        };
        match scope {
            Scope::Handler => {}
            Scope::Mount => note(mount, changes.to_vec()),
            Scope::Everything => {
                let reset = changes.iter().map(|(setting, _)| (*setting, None));
                note(mount, reset.collect());
            }
        }
    }
    edits
}

/// A handler is meant where its only mount is named, or all of them by the id they share. A pattern
/// over all of them means everything: after `_all` and `null`, nothing is set anywhere.
fn scope(selector: &str, entry: &Entry, selected: &[Entry]) -> Scope {
    if entry.id.mount.is_none() {
        return Scope::Handler;
    }
    let mounts = || {
        let handler = entry.id.handler;
        selected
            .iter()
            .filter(move |other| other.id.handler == handler)
    };
    let named = |id: &str| cat::words(selector).any(|word| word == id);
    let all = mounts().count() == entry.descriptor.routes().count();
    if !all {
        Scope::Mount
    } else if named(&format!("{:08x}", entry.id.handler)) {
        Scope::Handler
    } else if mounts().any(|mount| named(&mount.id.to_string())) {
        Scope::Mount
    } else {
        Scope::Everything
    }
}
