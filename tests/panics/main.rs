//! Panics of requests and of tracked work in the log, with message and place, and beside the hooks
//! of the host.
//!
//! The hook and the log are global to a process, so each test runs in a process of its own.

mod bounds;
mod hooks;
mod notes;
#[path = "../support/mod.rs"]
mod support;

use std::panic::{PanicHookInfo, set_hook};
use std::sync::{Arc, LazyLock, Mutex};

use support::Service;
use support::log::LOG;

/// A hook of the host. It records the place of each panic.
#[derive(Clone, Default)]
struct HostHook(Arc<Mutex<Vec<String>>>);

impl HostHook {
    /// Sets it. Also installs the log.
    fn set() -> Self {
        LazyLock::force(&LOG);
        let hook = HostHook::default();
        let calls = hook.clone();
        set_hook(Box::new(move |info| calls.record(info)));
        hook
    }

    fn record(&self, info: &PanicHookInfo<'_>) {
        eprintln!("{info}");
        let place = info.location().expect("it is known").to_string();
        self.0.lock().expect("whole").push(place);
    }

    /// The places of the panics so far.
    fn places(&self) -> Vec<String> {
        self.0.lock().expect("whole").clone()
    }

    /// The place of the only panic since the last call.
    fn only_place(&self) -> String {
        let mut places = self.0.lock().expect("whole");
        let place = places.pop().expect("it is called");
        assert_eq!(*places, [""; 0], "it is called once");
        place
    }
}

/// The event of a panic, as a line.
struct Event(String);

impl Event {
    /// Waits for the events with this field. The field of a route is `path="/path"`.
    fn wait(field: &str, count: usize) -> Vec<Self> {
        let of = |lines: &[String]| -> Vec<Event> {
            let lines = lines.iter().filter(|line| is_panic(line));
            let lines = lines.filter(|line| line.contains(&format!(" {field} ")));
            lines.cloned().map(Event).collect()
        };
        let events = of(&LOG.wait(|lines| of(lines).len() >= count));
        assert_eq!(events.len(), count, "{field}");
        events
    }

    fn only(field: &str) -> Self {
        Event::wait(field, 1).remove(0)
    }

    fn of_path(path: &str) -> Self {
        Event::only(&format!("path=\"{path}\""))
    }

    fn has(&self, field: &str) -> bool {
        self.0.contains(&format!(" {field} "))
    }

    #[track_caller]
    fn assert(&self, message: &str, place: &str) {
        let (message, place) = (format!("panic={message:?}"), format!("place={place:?}"));
        assert!(self.has(&message) && self.has(&place), "{place} {}", self.0);
    }

    #[track_caller]
    fn assert_without_note(&self) {
        let has_note = self.0.contains(" panic=") || self.0.contains(" place=");
        assert!(!has_note, "{}", self.0);
    }
}

fn is_panic(line: &str) -> bool {
    line.starts_with("ERROR underscore::panic ")
}

/// Sends a GET to a handler that panics. The connection is closed without a response.
async fn get_panic(service: &Service, path: &str) {
    let answer = service.request(reqwest::Method::GET, path).send().await;
    assert!(answer.is_err(), "{answer:?}");
}
