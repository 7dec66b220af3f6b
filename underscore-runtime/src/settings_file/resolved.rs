//! Resolves the names in a settings file to routes of this build, parses its sections, and applies
//! all of them or none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Document;
use crate::log::{self, field_text};
use crate::route::RouteId;
use crate::routes::{self, HandlerEntry, ListedHandler, Route};
use crate::settings::{SectionError, SettingChange, Stored, Values, section};
use crate::suggest;
use crate::sync::Mutex;
use crate::visible::{echo, visible};

/// A handler, or one of its mounts, whose settings a section sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettingsTarget {
    pub(crate) handler: &'static HandlerEntry,
    pub(crate) mount: Option<u16>,
}

impl SettingsTarget {
    /// The stored settings. `None` for a mount without requests.
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

impl PartialEq for SettingsTarget {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.handler, other.handler) && self.mount == other.mount
    }
}

/// A change of the persistent settings of one target.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) target: SettingsTarget,
    pub(crate) changes: Vec<SettingChange>,
}

/// A document with resolved names and valid settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    pub(super) document: Document,
    /// The name of each target in the document, and its values.
    targets: Vec<(String, SettingsTarget, Values)>,
}

impl Resolved {
    /// Resolves the names in `document` and parses its sections.
    pub(super) fn new(document: Document) -> Result<Self, String> {
        let handlers = routes::handlers();
        let mut targets: Vec<(String, SettingsTarget, Values)> = Vec::new();
        for (name, section) in &document.routes {
            let Some(target) = look_up(name, &handlers)? else {
                continue;
            };
            if let Some((other, ..)) = targets.iter().find(|(_, known, _)| *known == target) {
                return Err(format!(
                    "[{}] and [{}] are one route; merge them",
                    echo(other),
                    echo(name)
                ));
            }
            let values =
                values(section.clone()).map_err(|error| format!("in [{}]: {error}", echo(name)))?;
            targets.push((name.clone(), target, values));
        }
        Ok(Resolved { document, targets })
    }

    /// The target of a name in the document, `None` if this build does not have it.
    pub(super) fn target(&self, name: &str) -> Option<SettingsTarget> {
        let known = self.targets.iter().find(|(known, ..)| known == name);
        // A layer may have added the route since.
        let added = || look_up(name, &routes::handlers()).ok()?;
        known.map(|(_, target, _)| *target).or_else(added)
    }

    /// Logs the names that this build does not have: they belong to another build, or are mistakes.
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

    /// The names that were not those of a route when the document was read.
    fn unresolved(&self) -> impl Iterator<Item = &String> {
        let is_resolved = |name: &str| self.targets.iter().any(|(known, ..)| known == name);
        let names = self.document.routes.keys();
        names.filter(move |name| !is_resolved(name))
    }

    /// The names of the routes that this build does not have.
    fn unknown(&self) -> impl Iterator<Item = &String> {
        let names = self.document.routes.keys();
        names.filter(|name| self.target(name).is_none())
    }

    /// A suggestion for a mistyped name.
    fn hint(name: &str) -> String {
        let handlers = routes::handlers();
        let paths = handlers
            .iter()
            .filter_map(|handler| handler.entry.declaration.function());
        let names = handlers
            .iter()
            .filter_map(|handler| handler.entry.declaration.name);
        suggest::hint(name, paths.chain(names))
    }

    /// The document after `edits`. Other sections stay as they are written.
    pub(super) fn edited(&self, edits: &[Edit]) -> Document {
        let handlers = routes::handlers();
        let mut document = self.document.clone();
        for Edit { target, changes } in edits {
            let known = self.targets.iter().find(|(_, known, _)| known == target);
            let (name, mut values) = if let Some((name, _, values)) = known {
                (name.clone(), values.clone())
            } else {
                // Its section may be older than the route: see `target`.
                let is_its = |name: &&String| {
                    look_up(name, &handlers).is_ok_and(|found| found == Some(*target))
                };
                let of_document = self.unresolved().find(is_its).cloned();
                let name = of_document.unwrap_or_else(|| name_of(*target, &handlers));
                let section = document.routes.get(&name).cloned();
                let values = section.and_then(|section| values(section).ok());
                (name, values.unwrap_or_default())
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

    /// Replaces the persistent settings of all routes, from the next request of each on. Must be
    /// called with `SETTINGS_LOCK` locked.
    pub(super) fn apply(&self) {
        for handler in routes::handlers() {
            let mut own = Values::new();
            let mut of_mounts = BTreeMap::new();
            let its = |target: &SettingsTarget| std::ptr::eq(target.handler, handler.entry);
            for (_, target, values) in self.targets.iter().filter(|(_, target, _)| its(target)) {
                match target.mount {
                    Some(mount) => drop(of_mounts.insert(mount, values.clone())),
                    None => own.clone_from(values),
                }
            }
            handler.entry.set_persistent(own, of_mounts);
        }
        let unknown = self.document.routes.iter().filter_map(|(name, section)| {
            let is_known = self.targets.iter().any(|(known, ..)| known == name);
            // Invalid ones are reported once their route is known.
            let values = (!is_known).then(|| values(section.clone()).ok())??;
            Some((name.clone(), values))
        });
        routes::set_persistent_of_unknown(unknown.collect());
    }
}

/// The values of a section. `null` sets no value.
fn values(section: Value) -> Result<Values, SectionError> {
    let mut values = Values::new();
    section::apply(&section::read("persistent", section)?, &mut values);
    Ok(values)
}

/// The target of a name, `None` if this build does not have it.
fn look_up(name: &str, handlers: &[ListedHandler]) -> Result<Option<SettingsTarget>, String> {
    if let Ok(RouteId { handler: id, mount }) = name.parse()
        && let Some(known) = handlers.iter().find(|handler| handler.id == id)
    {
        let handler = known.entry;
        return Ok(Some(SettingsTarget { handler, mount }));
    }
    if name.contains(' ') {
        return look_up_place(name, handlers);
    }
    let mut named = handlers.iter().filter(|handler| {
        let declaration = &handler.entry.declaration;
        declaration.function() == Some(name) || declaration.name == Some(name)
    });
    let found = named.next();
    if named.next().is_some() {
        return Err(format!(
            "[{}] is the name of several routes; choose one by id",
            echo(name)
        ));
    }
    Ok(found.map(|handler| SettingsTarget {
        handler: handler.entry,
        mount: None,
    }))
}

/// The target at a method and path, as in `GET /ping`.
fn look_up_place(name: &str, handlers: &[ListedHandler]) -> Result<Option<SettingsTarget>, String> {
    let is_there = |route: &&'static Route| {
        let identity = &route.identity;
        let place = name.split_once(' ');
        place.is_some_and(|(method, path)| {
            method == identity.method.as_str() && Some(path) == identity.path.as_deref()
        })
    };
    let at_place = |handler: &ListedHandler| {
        let handler = handler.entry;
        let routes = handler.routes().filter(is_there);
        let is_of_layer = handler.declaration.layer.is_some();
        let target = move |route: &'static Route| SettingsTarget {
            handler,
            mount: (!is_of_layer).then_some(route.identity.mount),
        };
        routes.map(target).collect::<Vec<_>>()
    };
    match *handlers.iter().flat_map(at_place).collect::<Vec<_>>() {
        [] => Ok(None),
        [target] => Ok(Some(target)),
        _ => Err(format!(
            "[{}] is the place of several routes; choose one by id",
            echo(name)
        )),
    }
}

/// The name for a target that is not in the file yet: the path of the handler if that is
/// unambiguous, otherwise the id.
fn name_of(target: SettingsTarget, handlers: &[ListedHandler]) -> String {
    let path = target.handler.declaration.id_text();
    let is_unique = || look_up(path, handlers).is_ok_and(|found| found == Some(target));
    let mut known = handlers.iter();
    match known.find(|handler| std::ptr::eq(handler.entry, target.handler)) {
        Some(handler) if target.mount.is_some() || !is_unique() => {
            let (handler, mount) = (handler.id, target.mount);
            RouteId { handler, mount }.to_string()
        }
        _ => path.to_owned(),
    }
}
