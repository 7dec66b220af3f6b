//! What is set for routes, as it is shown: by section, with what a mount has of its own over what its handler
//! has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::admin::audit::compact;
use crate::admin::cancellation::Cancellation;
use crate::admin::params;
use crate::admin::render::Node;
use crate::admin::request::Request;
use crate::clock::Instant;
use crate::routes::RouteEntry;
use crate::settings::{SETTINGS, Setting, Stored, Values, section};
use crate::settings_file::{self, Edit, SettingsTarget};
use crate::units;

/// How settings are to be shown.
pub(super) struct Wanted {
    include_defaults: bool,
    flat: bool,
}

impl Wanted {
    pub(super) fn read(request: &Request) -> Self {
        Wanted {
            include_defaults: request.flag(&params::INCLUDE_DEFAULTS),
            flat: request.flag(&params::FLAT_SETTINGS),
        }
    }

    fn object(&self, settings: impl Iterator<Item = (&'static str, Node)>) -> Node {
        if self.flat {
            Node::object(settings)
        } else {
            Node::nested(settings)
        }
    }
}

/// What is set for `entries`, under the id of each.
pub(super) fn routes(
    entries: &[RouteEntry],
    wanted: &Wanted,
    cancellation: &Cancellation,
) -> Vec<(String, Node)> {
    let route = |entry: &RouteEntry| (entry.id.to_string(), Settings::of(entry).shown(wanted));
    let entries = entries.iter().take_while(|_| !cancellation.is_requested());
    entries.map(route).collect()
}

/// What the settings file says of routes that are not listed: of those that this build does not have, and of mounts
/// that no request has come to. They have the names that they have in the file.
pub(super) fn unlisted_routes() -> impl Iterator<Item = (String, Node)> {
    let unlisted = settings_file::unlisted_routes().into_iter();
    unlisted.map(|(name, section, is_known)| {
        let why = if is_known { "unmounted" } else { "unknown" };
        let sections = [
            ("persistent", Node::Value(section)),
            (why, Node::Bool(true)),
        ];
        (name, Node::object(sections))
    })
}

/// What is set for `entries`, for the audit.
pub(super) fn as_text(entries: &[RouteEntry]) -> String {
    let wanted = Wanted {
        include_defaults: false,
        flat: false,
    };
    let route = |entry: &RouteEntry| (entry.id.to_string(), Settings::of(entry).shown(&wanted));
    compact(entries.iter().map(route))
}

/// What would be set for a route after edits of its transient and of its persistent settings.
pub(super) fn after(
    entry: &RouteEntry,
    transient: &[Edit],
    persistent: &[Edit],
    expires: Option<Instant>,
    wanted: &Wanted,
) -> Node {
    let mut settings = Settings::of(entry);
    for Edit { target, changes } in transient {
        if let Some(stored) = settings.at(entry, target) {
            stored.put_all(changes, expires);
        }
    }
    for Edit { target, changes } in persistent {
        if let Some(stored) = settings.at(entry, target) {
            section::apply(changes, &mut stored.persistent);
        }
    }
    settings.shown(wanted)
}

/// A copy of what is set for a route.
struct Settings {
    own: Stored,
    handlers: Stored,
}

impl Settings {
    fn of(entry: &RouteEntry) -> Self {
        let own = entry.route.map(|route| route.settings.lock().clone());
        Settings {
            own: own.unwrap_or_default(),
            handlers: entry.handler.settings.lock().clone(),
        }
    }

    /// What is set at `target`, if that is the route's or its handler's.
    fn at(&mut self, entry: &RouteEntry, target: &SettingsTarget) -> Option<&mut Stored> {
        if !std::ptr::eq(target.handler, entry.handler) {
            return None;
        }
        match target.mount {
            None => Some(&mut self.handlers),
            mount => {
                let is_its = mount == entry.route.map(|route| route.identity.mount);
                is_its.then_some(&mut self.own)
            }
        }
    }

    /// The time that is left of what expires: one text if all that is transient expires together, else
    /// one for each setting that does.
    fn expires_in(&self, wanted: &Wanted) -> Option<Node> {
        let now = Instant::now();
        let mut expiring: BTreeMap<&'static str, Instant> = BTreeMap::new();
        for (key, at) in self.own.expiring().chain(self.handlers.expiring()) {
            let first = expiring.entry(key).or_insert(at);
            *first = (*first).min(at);
        }
        let first = *expiring.values().min()?;
        let set = [&self.own, &self.handlers].map(|stored| stored.transient.keys());
        let all_expire = set
            .into_iter()
            .flatten()
            .all(|key| expiring.contains_key(key));
        let left = |at: Instant| Node::text(units::human(at.since(now)));
        if all_expire && expiring.values().all(|at| *at == first) {
            return Some(left(first));
        }
        Some(wanted.object(expiring.into_iter().map(|(key, at)| (key, left(at)))))
    }

    fn shown(&self, wanted: &Wanted) -> Node {
        let Settings { own, handlers } = self;
        let section = |of: fn(&Stored) -> &Values| {
            let value = move |setting: &Setting| -> Option<Value> {
                let own = of(own).get(setting.key);
                own.or_else(|| of(handlers).get(setting.key)).cloned()
            };
            SETTINGS
                .iter()
                .filter_map(move |setting| Some((setting.key, Node::Value(value(setting)?))))
        };
        let transient = || section(|stored| &stored.transient);
        let persistent = || section(|stored| &stored.persistent);
        let mut sections = vec![("transient", wanted.object(transient()))];
        if let Some(expires_in) = self.expires_in(wanted) {
            sections.push(("expires_in", expires_in));
        }
        // Where there is no file, nobody has to read of it.
        if settings_file::is_configured() || persistent().next().is_some() {
            sections.push(("persistent", wanted.object(persistent())));
        }
        if wanted.include_defaults {
            let is_set = |key| {
                let mut set = transient().chain(persistent());
                set.any(|(known, _)| known == key)
            };
            let unset = SETTINGS.iter().filter(|setting| !is_set(setting.key));
            let defaults = unset.map(|setting| (setting.key, Node::Value(setting.default())));
            sections.push(("defaults", wanted.object(defaults)));
        }
        Node::object(sections)
    }
}
