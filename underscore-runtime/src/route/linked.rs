//! The handlers of this binary for those who look: those that the linker gathered, and those that
//! it lost, which are known from their first request on.

use super::{HandlerEntry, ROUTES};
use crate::log;
use crate::sync::{Mutex, contained};

static KNOWN: Mutex<Known> = Mutex::new(Known {
    linked: None,
    clashes: false,
    others: Vec::new(),
});

struct Known {
    /// The slice, once it has been read.
    linked: Option<&'static [&'static HandlerEntry]>,
    /// True if another slice has the same name. Then the slice cannot be read.
    clashes: bool,
    /// Handlers that received a request and are not in the slice, or received it before the slice
    /// was read. Linkers have dropped entries before, and a route with requests must be listed.
    others: Vec<&'static HandlerEntry>,
}

/// All handlers that are known: the slice, and what was missing in it.
pub(crate) fn descriptors() -> Vec<&'static HandlerEntry> {
    let linked = read();
    let known = KNOWN.lock();
    linked.iter().chain(&known.others).copied().collect()
}

/// How many handlers were missing in the slice, so far.
pub(crate) fn lost() -> usize {
    read();
    KNOWN.lock().others.len()
}

/// Reads the slice on the first call.
///
/// Called when the admin API starts and never in a request: `linkme` panics if the binary has a
/// second slice of the same name, because the entries of both share a section. Then each handler is
/// listed from its first request on.
pub(crate) fn read() -> &'static [&'static HandlerEntry] {
    if let Some(linked) = KNOWN.lock().linked {
        return linked;
    }
    let slice = contained(|| ROUTES.static_slice());
    let mut known = KNOWN.lock();
    if let Some(linked) = known.linked {
        return linked;
    }
    let linked = slice.unwrap_or_default();
    known.linked = Some(linked);
    known.others.retain(|mounted| !is_in(linked, mounted));
    known.clashes = slice.is_none();
    if known.clashes {
        report_clash();
    } else {
        known.others.iter().copied().for_each(report_lost);
    }
    linked
}

/// Notes the first mount of a handler. Called once per handler, at its first request.
#[cold]
pub(super) fn note_mounted(descriptor: &'static HandlerEntry) {
    let mut known = KNOWN.lock();
    match known.linked {
        Some(linked) if is_in(linked, descriptor) => return,
        Some(_) if !known.clashes => report_lost(descriptor),
        _ => {}
    }
    known.others.push(descriptor);
}

fn is_in(linked: &[&HandlerEntry], descriptor: &HandlerEntry) -> bool {
    linked.iter().any(|known| std::ptr::eq(*known, descriptor))
}

fn report_lost(descriptor: &'static HandlerEntry) {
    log::write(move || {
        tracing::warn!(
            target: "underscore",
            handler = descriptor.handler,
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
    use crate::route::linked::ROUTES;

    #[test]
    fn the_slice_is_named_after_this_version_of_the_crate() {
        let version = env!("CARGO_PKG_VERSION").replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let name = format!("UNDERSCORE_RUNTIME_{}_ROUTES", version.to_uppercase());
        let source = include_str!("mod.rs");
        assert!(
            source.contains(&format!("pub static {name}: ")),
            "the slice of ROUTES is to be named {name}"
        );
        let _ = ROUTES;
    }
}
