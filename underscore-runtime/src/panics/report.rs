//! Events about tasks that end by a panic: the first ones of each route in a second, then their
//! number.

use std::time::Duration;

use super::hook;
use crate::clock::Instant;
use crate::log::{self, field_text};
use crate::routes::Route;
use crate::stack::on_one_line;
use crate::sync::Mutex;
use crate::task::{MetaField, PanicNote, Slot, Task, TaskRef, TaskState};
use crate::throttle::{Rate, Throttle};
use crate::trace_context::trace_id;
use crate::truncate;

/// Maximum number of events per route.
const RATE: Rate = Rate {
    window: Duration::from_secs(1),
    of_key: 10,
    of_all: u32::MAX,
};

/// Maximum length of the other fields, in bytes: they may contain input of clients, and a stack has
/// a part for each branch.
const LONGEST: usize = 1024;

/// The events by the address of the route, zero for work outside of requests. Routes are never
/// freed.
static EVENTS: Mutex<Throttle<usize, Option<&'static Route>>> = Mutex::new(Throttle::new(RATE));

/// Reports that `task` ends by a panic, on the thread that ends it.
#[cold]
#[inline(never)]
pub(crate) fn report(task: &'static Slot) {
    let note = task
        .panic_note()
        .or_else(|| note_of_code_between_polls(task));
    if note.is_none() {
        hook::record_missed();
    }
    let Some(found) = TaskRef::find(task) else {
        return;
    };
    let now = Instant::now();
    flush(now);
    if is_due(found.route(), now)
        && let Some(task) = found.read()
    {
        write(task, note);
    }
}

/// The note of a panic in code that runs for `task` while it is not polled, such as an extractor
/// before its future. The hook does not know its task.
fn note_of_code_between_polls(task: &Slot) -> Option<PanicNote> {
    // A panic in a poll without a note is one of `resume_unwind`, and the thread's note is another
    // one's.
    if task.state() == TaskState::Running {
        return None;
    }
    let note = hook::take_last()?;
    task.set_panic(note.clone());
    Some(note)
}

/// True if a panic on `route` may be written now. Otherwise it is counted as left out.
fn is_due(route: Option<&'static Route>, now: Instant) -> bool {
    let address = route.map_or(0, Route::address);
    EVENTS.lock().is_due(address, route, now)
}

/// Ends the windows that are over, and writes the number of panics that each has left out.
pub(super) fn flush(now: Instant) {
    let left_out = EVENTS.lock().flush(now);
    for left_out in left_out {
        write_more(left_out.of, left_out.count);
    }
}

fn write(task: Task, note: Option<PanicNote>) {
    // Read now: the task has ended when the log thread writes the entry.
    let stack = on_one_line(&task.found.frames());
    log::write(move || {
        let (route, request) = (task.route(), task.request());
        let field = |field| Some(request?.field(field)?.into_owned());
        let (request_id, trace_parent) =
            (field(MetaField::RequestId), field(MetaField::TraceParent));
        let what = match task.background() {
            Some(_) => "tracked work",
            None => "a request",
        };
        let text = |text| truncate::to_bytes(text, LONGEST);
        let (stack, request_id) = (text(&stack), request_id.as_deref().map(text));
        tracing::error!(
            target: "underscore::panic",
            task = task.found.id.number(),
            handler = route.map(|route| route.identity.declaration().handler),
            method = request.map(|request| tracing::field::display(request.method())),
            path = route.and_then(|route| route.identity.path.as_deref()),
            name = task.background().map(|background| field_text(&background.name)),
            panic = note.as_ref().map(|note| field_text(&note.message)),
            place = note.as_ref().map(|note| field_text(&note.place)),
            stack = Some(stack.as_ref()).filter(|stack| !stack.is_empty()).map(field_text),
            request_id = request_id.as_deref().map(field_text),
            trace_id = trace_parent.as_deref().and_then(trace_id),
            "{what} panicked; `stack` is where it last waited"
        );
    });
}

fn write_more(route: Option<&'static Route>, more: u64) {
    log::write(move || {
        tracing::error!(
            target: "underscore::panic",
            more,
            handler = route.map(|route| route.identity.declaration().handler),
            method = route.map(|route| tracing::field::display(&route.identity.method)),
            path = route.and_then(|route| route.identity.path.as_deref()),
            "and {more} more panics within a second"
        );
    });
}
