//! `/_routes/{routes}/settings`: shows and changes settings. A change is parsed and checked as a
//! whole before it is made, and applies to all routes before the next request of any of them is
//! admitted.

mod body;
mod edits;
mod shown;

use self::body::RequestedChanges;
use self::edits::{Section, edits};
use self::shown::{ShownAs, as_text};
use crate::admin::cost::all_rows;
use crate::admin::endpoint::AnswerFuture;
use crate::admin::error::Error;
use crate::admin::expires_in::MOST_EXPIRING;
use crate::admin::offload::Offload;
use crate::admin::render::{Answer, Node};
use crate::admin::request::Request;
use crate::admin::{dry_run, params, select};
use crate::clock::Instant;
use crate::log;
use crate::logger;
use crate::routes::{self, RouteEntry, SETTINGS_LOCK};
use crate::settings_file::{self, ChangeError, Edit};
use crate::truncate;
use crate::visible::visible;

/// Maximum number of routes or mounts that are logged one by one.
const MOST_REPORTED: usize = 100;

/// Maximum length of a logged value, in bytes.
const LONGEST_REPORTED: usize = 1 << 10;

/// `GET /_routes[/{routes}]/settings`.
pub(in crate::admin) fn get(request: &Request) -> Result<Answer, Error> {
    let shown_as = ShownAs::read(request);
    let selector = request.argument().unwrap_or("_all");
    let entries = select::routes(selector)?;
    let mut routes = shown::routes(&entries, &shown_as, request.cancellation());
    if selector == "_all" {
        routes.extend(shown::unlisted_routes());
    }
    Ok(Answer::Node(Node::object(routes)))
}

/// `PUT /_routes/{routes}/settings`.
pub(in crate::admin) fn put(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(change(request, offload))
}

/// Each step whose time grows with the number of routes runs on the pool's thread for changes.
async fn change(request: Request, offload: Offload) -> Result<Answer, Error> {
    if request.flag(&params::DRY_RUN) {
        let cancellation = request.cancellation().clone();
        let read = move || would_change(&request);
        return offload.read(&cancellation, all_rows, read).await;
    }
    let begun = {
        let request = request.clone();
        offload.change(move || begin(&request)).await??
    };
    let (entries, before, changes_log) = match begun {
        Begun::Done(answer) => return Ok(answer),
        Begun::Persistent {
            persistent,
            with,
            entries,
            before,
            changes_log,
        } => {
            // The thread of the file takes `SETTINGS_LOCK` after it has written the file.
            let changed = settings_file::change(persistent, with).await;
            changed.map_err(refused)?;
            (entries, before, changes_log)
        }
    };
    let finish = move || {
        if changes_log {
            logger::update_routes();
        }
        request.record_change(before, as_text(&entries));
        answer(&request, &entries)
    };
    offload.change(finish).await
}

/// The state of a change after its first step.
enum Begun {
    Done(Answer),
    /// The thread of the settings file does the rest.
    Persistent {
        persistent: Vec<Edit>,
        /// Called when the change of the file is applied.
        with: Box<dyn FnOnce() + Send>,
        entries: Vec<RouteEntry>,
        before: String,
        /// True if the setting `log` is among them.
        changes_log: bool,
    },
}

fn read(request: &Request) -> Result<RequestedChanges, Error> {
    let changes = body::read(request.json_object()?)?;
    changes.check_headers(&request.policy.preempt_headers)?;
    changes.check_log()?;
    Ok(changes)
}

fn begin(request: &Request) -> Result<Begun, Error> {
    let changes = read(request)?;
    let changes_log = changes.changes("log");
    let RequestedChanges {
        transient,
        expires,
        persistent,
    } = changes;
    let selector = request.argument().unwrap_or_default();
    let Some(persistent) = persistent else {
        // Held while routes are selected, so that no mount is added in between and left out.
        let changing = SETTINGS_LOCK.lock();
        let entries = select::routes_to_change(selector)?;
        let before = as_text(&entries);
        let transient = edits(selector, &entries, Section::Transient, &transient);
        check_expiring(&transient, expires)?;
        set(&transient, expires);
        report(transient, Section::Transient);
        // Read before the lock is released.
        request.record_change(before, as_text(&entries));
        let answer = answer(request, &entries);
        drop(changing);
        if changes_log {
            logger::update_routes();
        }
        return Ok(Begun::Done(answer));
    };
    let entries = select::routes_to_change(selector)?;
    let before = as_text(&entries);
    let transient = edits(selector, &entries, Section::Transient, &transient);
    check_expiring(&transient, expires)?;
    let persistent = edits(selector, &entries, Section::Persistent, &persistent);
    let reported = persistent.clone();
    Ok(Begun::Persistent {
        persistent,
        with: Box::new(move || {
            set(&transient, expires);
            report(reported, Section::Persistent);
            report(transient, Section::Transient);
        }),
        entries,
        before,
        changes_log,
    })
}

fn answer(request: &Request, entries: &[RouteEntry]) -> Answer {
    let shown_as = ShownAs::read(request);
    let routes = shown::routes(entries, &shown_as, request.cancellation());
    Answer::Node(Node::object(routes))
}

/// Limits the pending changes of a route, each of which is kept until it expires.
fn check_expiring(edits: &[Edit], expires: Option<Instant>) -> Result<(), Error> {
    let pending = |edit: &Edit| {
        let settings = edit.target.settings();
        settings.map_or(0, |settings| settings.lock().pending())
    };
    if expires.is_some() && edits.iter().any(|edit| pending(edit) >= MOST_EXPIRING) {
        return Err(Error::illegal_argument(format!(
            "a route can have at most {MOST_EXPIRING} pending changes with [expires_in]; set it without \
             [expires_in], or wait until some have expired"
        )));
    }
    Ok(())
}

/// Makes transient changes. Must be called with `SETTINGS_LOCK` held.
fn set(edits: &[Edit], expires: Option<Instant>) {
    for Edit { target, changes } in edits {
        if let Some(settings) = target.settings() {
            settings.lock().apply(changes, expires);
        }
    }
    if let Some(expires) = expires {
        routes::schedule_expiry(expires);
    }
    // All mounts, because settings of a handler apply to each, and each handler once: there may be
    // a thousand edits.
    let mut changed: Vec<_> = edits.iter().map(|edit| edit.target.handler).collect();
    changed.sort_unstable_by_key(|handler| std::ptr::from_ref(*handler).addr());
    changed.dedup_by(|one, other| std::ptr::eq(*one, *other));
    for handler in changed {
        handler.apply();
    }
}

/// The settings after a change, and what it would hit.
fn would_change(request: &Request) -> Result<Answer, Error> {
    let changes = read(request)?;
    let selector = request.argument().unwrap_or_default();
    let shown_as = ShownAs::read(request);
    let entries = select::routes_to_change(selector)?;
    let transient = edits(selector, &entries, Section::Transient, &changes.transient);
    check_expiring(&transient, changes.expires)?;
    let persistent = match &changes.persistent {
        None => Vec::new(),
        Some(persistent) => {
            let persistent = edits(selector, &entries, Section::Persistent, persistent);
            settings_file::check(&persistent).map_err(refused)?;
            persistent
        }
    };
    let shown = |entry: &RouteEntry| {
        let expires = changes.expires;
        shown::after(entry, &transient, &persistent, expires, &shown_as)
    };
    Ok(dry_run::routes(&entries, shown, request.cancellation()))
}

fn refused(refused: ChangeError) -> Error {
    match refused {
        ChangeError::NoFile => Error::illegal_argument(
            "section [persistent] needs a settings file, and this service has none; use [transient], \
             or start it with AdminBuilder::settings_file",
        ),
        ChangeError::Invalid(why) => Error::conflict(format!(
            "the settings file is not valid and was not changed: {why}; fix it, or use [transient]"
        )),
        ChangeError::Unreadable(why) => Error::illegal_argument(format!(
            "the settings file could not be loaded with this: {why}; nothing was changed"
        )),
        ChangeError::Unwritten(why) => Error::unwritten(format!(
            "the settings file cannot be written: {why}; nothing was changed; fix that, or use [transient]"
        )),
    }
}

/// Logs the changes.
fn report(edits: Vec<Edit>, section: Section) {
    log::write(move || {
        let routes = edits.len();
        for Edit { target, changes } in edits.iter().take(MOST_REPORTED) {
            for (setting, value) in changes {
                let value = value.as_ref().map(|value| {
                    truncate::to_bytes(&value.to_string(), LONGEST_REPORTED).into_owned()
                });
                tracing::info!(
                    target: "underscore",
                    handler = target.handler.declaration.id_text(),
                    mount = target.mount.map(|mount| format!("{mount:04x}")),
                    section = match section {
                        Section::Transient => "transient",
                        Section::Persistent => "persistent",
                    },
                    setting = setting.key,
                    value = value.as_deref().map(|value| tracing::field::display(visible(value))),
                    "an operator changed a setting"
                );
            }
        }
        let more = routes.saturating_sub(MOST_REPORTED);
        if more > 0 {
            tracing::info!(target: "underscore", routes = more, "an operator changed these settings of more routes");
        }
    });
}
