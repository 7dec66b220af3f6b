//! `/_routes/{routes}/settings`: what is set, and changing it. A change is read and checked whole before
//! any of it is done, and done on all routes before the next request of any of them is decided.

mod body;

use serde_json::Value;

use crate::admin::audit::compact;
use crate::admin::endpoints::{Changed, Changing};
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::{Answer, Node};
use crate::admin::{cat, params, select};
use crate::clock::Instant;
use crate::log;
use crate::route::CHANGES;
use crate::settings::{SETTINGS, Setting, Stored};
use crate::sync::Mutex;
use crate::table::{self, Entry};
use crate::units;

/// A change of one setting: a new value, or back to the default.
type Change = (&'static Setting, Option<Value>);

/// `GET /_routes[/{routes}]/settings`.
pub(in crate::admin) fn get(exchange: &Exchange) -> Result<Answer, Error> {
    let entries = select::routes(exchange.argument().unwrap_or("_all"))?;
    Ok(answer(&entries, &Wanted::read(exchange)))
}

/// `PUT /_routes/{routes}/settings`.
pub(in crate::admin) fn put(exchange: Exchange) -> Changing {
    Box::pin(async move { change(&exchange) })
}

fn change(exchange: &Exchange) -> Result<Changed, Error> {
    let mut body = exchange.json_object()?;
    let expires = body::expires(&mut body)?;
    let changes = body::read(body)?;
    let selector = exchange.argument().unwrap_or_default();
    let (entries, in_force) = {
        // Held from before the routes are chosen: no mount comes up in between and is left out.
        let _changing = CHANGES.lock();
        let entries = select::routes_to_change(selector)?;
        let before = as_text(&entries);
        for entry in &entries {
            store(entry, scope(selector, entry, &entries), &changes, expires);
        }
        // Every mount: a handler's settings hold for all of them.
        for entry in &entries {
            entry.descriptor.put_in_force();
        }
        // Looked at before anybody else can change them.
        let after = as_text(&entries);
        (entries, Some((before, after)))
    };
    let answer = answer(&entries, &Wanted::read(exchange));
    log::write(move || report(&entries, &changes));
    Ok(Changed { answer, in_force })
}

/// Leaves in the host's own log what was changed.
fn report(entries: &[Entry], changes: &[Change]) {
    for (entry, (setting, value)) in entries.iter().flat_map(|entry| {
        let changes = changes.iter();
        changes.map(move |change| (entry, change))
    }) {
        tracing::info!(
            target: "underscore",
            route = %entry.id,
            handler = entry.descriptor.handler,
            setting = setting.key,
            value = value.as_ref().map(tracing::field::display),
            "an operator changed a setting"
        );
    }
}

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

fn store(entry: &Entry, scope: Scope, changes: &[Change], expires: Option<Instant>) {
    let own = entry.route.map(|route| &route.settings);
    if scope != Scope::Mount {
        put_all(&entry.descriptor.settings, changes.iter().cloned(), expires);
    }
    match (scope, own) {
        (Scope::Mount, Some(own)) => put_all(own, changes.iter().cloned(), expires),
        (Scope::Everything, Some(own)) => {
            put_all(
                own,
                changes.iter().map(|(setting, _)| (*setting, None)),
                expires,
            );
        }
        _ => {}
    }
}

fn put_all(place: &Mutex<Stored>, changes: impl Iterator<Item = Change>, expires: Option<Instant>) {
    let mut stored = place.lock();
    changes.for_each(|(setting, value)| stored.put(setting, value, expires));
    drop(stored);
    if let Some(expires) = expires {
        table::note_expiry(expires);
    }
}

/// How settings are to be shown.
struct Wanted {
    include_defaults: bool,
    flat: bool,
}

impl Wanted {
    fn read(exchange: &Exchange) -> Self {
        Wanted {
            include_defaults: exchange.flag(&params::INCLUDE_DEFAULTS),
            flat: exchange.flag(&params::FLAT_SETTINGS),
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

fn answer(entries: &[Entry], wanted: &Wanted) -> Answer {
    let routes = entries
        .iter()
        .map(|entry| (entry.id.to_string(), settings(entry, wanted)));
    Answer::Node(Node::object(routes))
}

/// What is set for `entries`, for the audit.
fn as_text(entries: &[Entry]) -> String {
    let wanted = Wanted {
        include_defaults: false,
        flat: false,
    };
    let route = |entry: &Entry| (entry.id.to_string(), settings(entry, &wanted));
    compact(entries.iter().map(route))
}

/// What holds for a route: its own settings over its handler's, and the defaults of the rest if wanted.
fn settings(entry: &Entry, wanted: &Wanted) -> Node {
    let own = entry.route.map(|route| route.settings.lock().clone());
    let own = own.unwrap_or_default();
    let shared = entry.descriptor.settings.lock().clone();
    let value = |setting: &Setting| {
        own.get(setting.key)
            .or_else(|| shared.get(setting.key))
            .cloned()
    };
    let set = SETTINGS
        .iter()
        .filter_map(|setting| Some((setting.key, Node::Value(value(setting)?))));
    let mut sections = vec![("transient", wanted.object(set))];
    let expiries = [own.next_expiry(), shared.next_expiry()];
    if let Some(next) = expiries.into_iter().flatten().min() {
        let left = units::human(next.since(Instant::now()));
        sections.push(("expires_in", Node::text(left)));
    }
    if wanted.include_defaults {
        let unset = SETTINGS.iter().filter(|setting| value(setting).is_none());
        let defaults = unset.map(|setting| (setting.key, Node::Value(setting.default())));
        sections.push(("defaults", wanted.object(defaults)));
    }
    Node::object(sections)
}
