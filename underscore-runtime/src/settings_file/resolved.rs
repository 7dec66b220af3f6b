//! Which routes a settings file speaks of: its names are looked up in the table of this build, its sections are
//! read, and all of it is put in force or none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Document;
use crate::log::{self, field_text};
use crate::route::RouteId;
use crate::routes::{self, Handler, HandlerEntry};
use crate::settings::{SettingChange, Stored, Values, section};
use crate::suggest;
use crate::sync::Mutex;
use crate::visible::{echo, visible};

/// A handler, or one of its mounts by its digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) handler: &'static HandlerEntry,
    pub(crate) mount: Option<u16>,
}

impl Place {
    /// Where its settings are; nothing for a mount that no request has come to.
    pub(crate) fn settings(self) -> Option<&'static Mutex<Stored>> {
        match self.mount {
            None => Some(&self.handler.settings),
            mount => {
                let mut routes = self.handler.routes();
                let route = routes.find(|route| Some(route.identity.mount) == mount)?;
                Some(&route.settings)
            }
        }
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.handler, other.handler) && self.mount == other.mount
    }
}

/// A change of what is persistent at one place.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) place: Place,
    pub(crate) changes: Vec<SettingChange>,
}

/// A document whose routes were looked up and whose settings are valid.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    pub(super) document: Document,
    /// The name of each place in the document, and what is set there.
    places: Vec<(String, Place, Values)>,
}

impl Resolved {
    /// Looks up the routes of `document`, or says what in it cannot be meant.
    pub(super) fn of(document: Document) -> Result<Self, String> {
        let handlers = routes::handlers();
        let mut places: Vec<(String, Place, Values)> = Vec::new();
        for (name, section) in &document.routes {
            let Some(place) = look_up(name, &handlers)? else {
                continue;
            };
            if let Some((other, ..)) = places.iter().find(|(_, known, _)| *known == place) {
                return Err(format!(
                    "[{}] and [{}] are one route; join them",
                    echo(other),
                    echo(name)
                ));
            }
            let values =
                values(section.clone()).map_err(|error| format!("in [{}]: {error}", echo(name)))?;
            places.push((name.clone(), place, values));
        }
        Ok(Resolved { document, places })
    }

    /// The place that a name in the document means, if this build has it.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let known = self.places.iter().find(|(known, ..)| known == name);
        known.map(|(_, place, _)| *place)
    }

    /// A name that this build has no route for may be another build's, or a mistake.
    pub(super) fn warn_of_unknown(&self) {
        let names: Vec<String> = self.unknown().cloned().collect();
        if names.is_empty() {
            return;
        }
        log::write(move || {
            for name in names {
                let hint = Resolved::hint(&name);
                tracing::warn!(
                    target: "underscore",
                    route = field_text(&name),
                    "the settings file names a route that this build does not have; its settings are kept{}",
                    visible(&hint)
                );
            }
        });
    }

    /// The names of the routes that this build does not have.
    fn unknown(&self) -> impl Iterator<Item = &String> {
        let names = self.document.routes.keys();
        names.filter(|name| self.place(name).is_none())
    }

    /// What somebody who mistyped the name of an unknown route may have meant.
    fn hint(name: &str) -> String {
        let handlers = routes::handlers();
        let paths = handlers
            .iter()
            .map(|handler| handler.entry.declaration.handler);
        let names = handlers
            .iter()
            .filter_map(|handler| handler.entry.declaration.name);
        suggest::hint(name, paths.chain(names))
    }

    /// The document after `edits`. What it says of routes that nobody edits stays as it is written.
    pub(super) fn edited(&self, edits: &[Edit]) -> Document {
        let handlers = routes::handlers();
        let mut document = self.document.clone();
        for Edit { place, changes } in edits {
            let known = self.places.iter().find(|(_, known, _)| known == place);
            let (name, mut values) = match known {
                Some((name, _, values)) => (name.clone(), values.clone()),
                None => (name_of(*place, &handlers), Values::new()),
            };
            section::apply(changes, &mut values);
            if values.is_empty() {
                document.routes.remove(&name);
            } else {
                document.routes.insert(name, section::write(&values).into());
            }
        }
        document
    }

    /// Makes what it says, and nothing else, the persistent settings of all routes, for the next request of
    /// each. To be called with `SETTINGS_LOCK` held.
    pub(super) fn apply(&self) {
        for handler in routes::handlers() {
            let mut own = Values::new();
            let mut of_mounts = BTreeMap::new();
            let its = |place: &Place| std::ptr::eq(place.handler, handler.entry);
            for (_, place, values) in self.places.iter().filter(|(_, place, _)| its(place)) {
                match place.mount {
                    Some(mount) => drop(of_mounts.insert(mount, values.clone())),
                    None => own.clone_from(values),
                }
            }
            handler.entry.set_persistent(own, of_mounts);
        }
    }
}

/// The values of a section. A `null` sets nothing.
fn values(section: Value) -> Result<Values, String> {
    let mut values = Values::new();
    section::apply(&section::read("persistent", section)?, &mut values);
    Ok(values)
}

/// The place that a name means; nothing if this build has no such route.
fn look_up(name: &str, handlers: &[Handler]) -> Result<Option<Place>, String> {
    if let Ok(RouteId { handler: id, mount }) = name.parse()
        && let Some(known) = handlers.iter().find(|handler| handler.id == id)
    {
        let handler = known.entry;
        return Ok(Some(Place { handler, mount }));
    }
    let mut named = handlers.iter().filter(|handler| {
        let declaration = &handler.entry.declaration;
        declaration.handler == name || declaration.name == Some(name)
    });
    let found = named.next();
    if named.next().is_some() {
        return Err(format!(
            "[{}] is the name of several routes; say which by id",
            echo(name)
        ));
    }
    Ok(found.map(|handler| Place {
        handler: handler.entry,
        mount: None,
    }))
}

/// How a place that is not in the file yet is to be named there: so that people can read it, where that is
/// clear enough.
fn name_of(place: Place, handlers: &[Handler]) -> String {
    let path = place.handler.declaration.handler;
    let is_unique = || look_up(path, handlers).is_ok_and(|found| found == Some(place));
    let mut known = handlers.iter();
    match known.find(|handler| std::ptr::eq(handler.entry, place.handler)) {
        Some(handler) if place.mount.is_some() || !is_unique() => {
            let (handler, mount) = (handler.id, place.mount);
            RouteId { handler, mount }.to_string()
        }
        _ => path.to_owned(),
    }
}
