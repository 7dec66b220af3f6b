//! The settings of routes in answers: by section, with the settings of a mount over those of its
//! handler.

use serde_json::Value;

use crate::admin::audit::compact;
use crate::admin::cancellation::Cancellation;
use crate::admin::expires_in;
use crate::admin::params;
use crate::admin::render::Node;
use crate::admin::request::Request;
use crate::clock::Instant;
use crate::routes::RouteEntry;
use crate::settings::{SETTINGS, Setting, Stored, Values, section};
use crate::settings_file::{self, Edit, SettingsTarget};

/// The form in which settings are shown.
pub(super) struct ShownAs {
    include_defaults: bool,
    flat: bool,
}

impl ShownAs {
    pub(super) fn read(request: &Request) -> Self {
        ShownAs {
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

/// The settings of `entries`, by id.
pub(super) fn routes(
    entries: &[RouteEntry],
    shown_as: &ShownAs,
    cancellation: &Cancellation,
) -> Vec<(String, Node)> {
    let route = |entry: &RouteEntry| {
        (
            entry.id.to_string(),
            RouteSettings::new(entry).shown(shown_as),
        )
    };
    let entries = entries.iter().take_while(|_| !cancellation.is_requested());
    entries.map(route).collect()
}

/// The settings in the file for routes that are not listed: those that this build does not have,
/// and mounts without a request. Their names are those in the file.
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

/// The settings of `entries` as text for the audit.
pub(super) fn as_text(entries: &[RouteEntry]) -> String {
    let shown_as = ShownAs {
        include_defaults: false,
        flat: false,
    };
    let route = |entry: &RouteEntry| {
        (
            entry.id.to_string(),
            RouteSettings::new(entry).shown(&shown_as),
        )
    };
    compact(entries.iter().map(route))
}

/// The settings of a route after edits of its transient and persistent settings.
pub(super) fn after(
    entry: &RouteEntry,
    transient: &[Edit],
    persistent: &[Edit],
    expires: Option<Instant>,
    shown_as: &ShownAs,
) -> Node {
    let mut settings = RouteSettings::new(entry);
    for Edit { target, changes } in transient {
        if let Some(stored) = settings.at(entry, target) {
            stored.apply(changes, expires);
        }
    }
    for Edit { target, changes } in persistent {
        if let Some(stored) = settings.at(entry, target) {
            section::apply(changes, &mut stored.persistent);
        }
    }
    settings.shown(shown_as)
}

/// A copy of the settings of a route.
struct RouteSettings {
    own: Stored,
    handlers: Stored,
}

impl RouteSettings {
    fn new(entry: &RouteEntry) -> Self {
        let own = entry.route.map(|route| route.settings.lock().clone());
        RouteSettings {
            own: own.unwrap_or_default(),
            handlers: entry.handler.settings.lock().clone(),
        }
    }

    /// The settings at `target`, if it is the route or its handler.
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

    /// The time until settings expire: one text if all transient settings expire together,
    /// otherwise one for each that expires.
    fn expires_in(&self, shown_as: &ShownAs) -> Option<Node> {
        let expiries = self.own.expiries_on_route(&self.handlers);
        let set = [&self.own, &self.handlers].map(|stored| stored.transient.keys());
        let set = set.into_iter().flatten();
        expires_in::shown(expiries, set, |each| shown_as.object(each.into_iter()))
    }

    fn shown(&self, shown_as: &ShownAs) -> Node {
        let RouteSettings { own, handlers } = self;
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
        let mut sections = vec![("transient", shown_as.object(transient()))];
        if let Some(expires_in) = self.expires_in(shown_as) {
            sections.push(("expires_in", expires_in));
        }
        // Without a settings file, the section would be noise.
        if settings_file::is_configured() || persistent().next().is_some() {
            sections.push(("persistent", shown_as.object(persistent())));
        }
        if shown_as.include_defaults {
            let is_set = |key| {
                let mut set = transient().chain(persistent());
                set.any(|(known, _)| known == key)
            };
            let unset = SETTINGS.iter().filter(|setting| !is_set(setting.key));
            let defaults = unset.map(|setting| (setting.key, Node::Value(setting.default())));
            sections.push(("defaults", shown_as.object(defaults)));
        }
        Node::object(sections)
    }
}
