//! The alert rules are valid, and pass their own tests.

use crate::tools::{have, promtool};

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    if !have(&["promtool"]) {
        return;
    }
    promtool(&["check", "rules", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts.test.yml"], "");
}
