//! The link table, read: the handlers that the linker gathered, and those missing from it, which
//! are known from their first request on.

use super::entry::{HandlerEntry, ROUTES};
use crate::log;
use crate::sync::{Mutex, contained};

static LINK_TABLE: Mutex<LinkTable> = Mutex::new(LinkTable {
    gathered: None,
    clashes: false,
    others: Vec::new(),
});

struct LinkTable {
    /// The slice, once it has been read.
    gathered: Option<&'static [&'static HandlerEntry]>,
    /// True if another slice has the same name. Then the slice cannot be read.
    clashes: bool,
    /// Handlers that received a request and are not in the slice, or received it before the slice
    /// was read. Linkers have dropped entries before, and a route with requests must be listed.
    others: Vec<&'static HandlerEntry>,
}

/// All known handlers: the slice, and those missing from it.
pub(crate) fn handlers() -> Vec<&'static HandlerEntry> {
    let gathered = read();
    let table = LINK_TABLE.lock();
    gathered.iter().chain(&table.others).copied().collect()
}

/// The handler that declares this method and path, if exactly one does.
pub(crate) fn declared_at(method: &str, path: &str) -> Option<&'static HandlerEntry> {
    let mut declared = read().iter().copied().filter(|handler| {
        let declaration = &handler.declaration;
        declaration.path == Some(path)
            && matches!(declaration.method, Some(its) if its == method || its == "ANY")
    });
    declared.next().filter(|_| declared.next().is_none())
}

/// Number of handlers found missing from the link table so far.
pub(crate) fn missing_from_link_table() -> usize {
    read();
    LINK_TABLE.lock().others.len()
}

/// Reads the slice on the first call.
///
/// Called when the admin API starts or by the first request in a layer: `linkme` panics if the
/// binary has a second slice of the same name, because the entries of both share a section. Then
/// each handler is listed from its first request on.
pub(crate) fn read() -> &'static [&'static HandlerEntry] {
    if let Some(gathered) = LINK_TABLE.lock().gathered {
        return gathered;
    }
    let slice = contained(|| ROUTES.static_slice());
    let mut table = LINK_TABLE.lock();
    if let Some(gathered) = table.gathered {
        return gathered;
    }
    let gathered = slice.unwrap_or_default();
    table.gathered = Some(gathered);
    table.others.retain(|mounted| !is_in(gathered, mounted));
    table.clashes = slice.is_none();
    if table.clashes {
        report_clash();
    } else {
        table.others.iter().copied().for_each(report_missing);
    }
    gathered
}

/// Records the first mount of a handler. Called once per handler, at its first request.
#[cold]
pub(super) fn record_mount(handler: &'static HandlerEntry) {
    let mut table = LINK_TABLE.lock();
    match table.gathered {
        Some(gathered) if is_in(gathered, handler) => return,
        Some(_) if !table.clashes => report_missing(handler),
        _ => {}
    }
    table.others.push(handler);
}

fn is_in(gathered: &[&HandlerEntry], handler: &HandlerEntry) -> bool {
    gathered.iter().any(|known| std::ptr::eq(*known, handler))
}

fn report_missing(handler: &'static HandlerEntry) {
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            handler = handler.declaration.handler,
            "the linker lost this handler, which is listed and can be steered only from its first request on"
        );
    });
}

fn report_clash() {
    log::write(|| {
        tracing::error!(
            target: "underscore",
            "the binary has two link-time slices of the same name: {} {} is linked twice, or another crate uses the \
             name; each handler is listed and can be steered only from its first request on",
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
        );
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_slice_is_named_after_this_version_of_the_crate() {
        let version = env!("CARGO_PKG_VERSION").replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let name = format!("UNDERSCORE_RUNTIME_{}_ROUTES", version.to_uppercase());
        let source = include_str!("entry.rs");
        assert!(
            source.contains(&format!("pub static {name}: ")),
            "the slice must be named {name}"
        );
    }
}
