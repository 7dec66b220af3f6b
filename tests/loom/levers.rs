//! What is in force for a route, while an operator changes it and requests come.

use crate::roles::{THREE_THREADS, TWO_THREADS, every_interleaving};
use crate::settings::EffectiveSettings;
use crate::settings_cell::SettingsCell;
use crate::sync::Arc;

fn seen(applied: &SettingsCell) -> Option<u32> {
    applied.get().map(|effective| effective.number)
}

/// An operator resets what is set, and sets something else. A request may be decided as if it had
/// come a moment earlier; but once one has seen the reset, no later one of its worker sees what was
/// there before.
#[test]
fn what_was_reset_is_not_applied_again() {
    let ways = every_interleaving(TWO_THREADS, || {
        let applied = Arc::new(SettingsCell::new(Some(EffectiveSettings::numbered(1))));
        let worker = {
            let applied = Arc::clone(&applied);
            loom::thread::spawn(move || [(); 2].map(|()| seen(&applied)))
        };
        applied.set(None);
        applied.set(Some(EffectiveSettings::numbered(2)));
        let requests = worker.join().expect("the worker goes on");
        assert_ne!(requests, [None, Some(1)], "it was reset");
        assert_ne!(requests, [Some(2), Some(1)], "it was replaced");
        assert_eq!(seen(&applied), Some(2), "who comes after the change has it");
        requests
    });
    let unchanged = [Some(1), Some(1)];
    assert!(
        ways.contains(&unchanged) && ways.contains(&[None, Some(2)]),
        "{ways:?}"
    );
}

/// An operator sets a lever and tells somebody, who sends a request: it is in force for that,
/// whichever worker gets it.
#[test]
fn a_request_that_comes_after_the_operators_answer_is_steered() {
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
        operator.join().expect("the operator has the answer");
        assert_eq!(seen(&applied), Some(1));
        other.join().expect("the worker goes on")
    });
    assert_eq!(ways.len(), 2, "before it, and after it: {ways:?}");
}
