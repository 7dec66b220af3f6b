//! The effective settings of a route, read by requests while an operator changes them.

use crate::roles::{THREE_THREADS, TWO_THREADS, every_interleaving};
use crate::settings::EffectiveSettings;
use crate::settings_cell::SettingsCell;
use crate::sync::Arc;

fn seen(applied: &SettingsCell) -> Option<u32> {
    applied.get().map(|effective| effective.number)
}

/// An operator resets the settings and sets others. A request may see the state of a moment
/// earlier, but once a request has seen the reset, no later one on its worker sees the old
/// settings.
#[test]
fn reset_settings_are_not_applied_again() {
    let ways = every_interleaving(TWO_THREADS, || {
        let applied = Arc::new(SettingsCell::new(Some(EffectiveSettings::numbered(1))));
        let worker = {
            let applied = Arc::clone(&applied);
            loom::thread::spawn(move || [(); 2].map(|()| seen(&applied)))
        };
        applied.set(None);
        applied.set(Some(EffectiveSettings::numbered(2)));
        let requests = worker.join().expect("the worker is done");
        assert_ne!(requests, [None, Some(1)], "it was reset");
        assert_ne!(requests, [Some(2), Some(1)], "it was replaced");
        assert_eq!(
            seen(&applied),
            Some(2),
            "a request after the change sees it"
        );
        requests
    });
    let unchanged = [Some(1), Some(1)];
    assert!(
        ways.contains(&unchanged) && ways.contains(&[None, Some(2)]),
        "{ways:?}"
    );
}

/// A request is sent after the operator has the response to a change: the change applies to it on
/// any worker.
#[test]
fn a_request_after_the_operators_response_sees_the_change() {
    let ways = every_interleaving(THREE_THREADS, || {
        let applied = Arc::new(SettingsCell::new(None));
        let other = {
            let applied = Arc::clone(&applied);
            loom::thread::spawn(move || seen(&applied))
        };
        let operator = {
            let applied = Arc::clone(&applied);
            loom::thread::spawn(move || applied.set(Some(EffectiveSettings::numbered(1))))
        };
        operator.join().expect("the operator has the response");
        assert_eq!(seen(&applied), Some(1));
        other.join().expect("the worker is done")
    });
    assert_eq!(ways.len(), 2, "before and after: {ways:?}");
}
