//! The manifests match the schema of Kubernetes.

use std::process::Command;

use crate::support::tools;
use crate::{fleet, run};

#[test]
fn the_manifests_match_the_schema_of_kubernetes() {
    if !tools::have(&["kubernetes-validate"], "pip install kubernetes-validate") {
        return;
    }
    let mut validate = Command::new("kubernetes-validate");
    let printed = run(validate.arg("--strict").arg(fleet("deployment.yaml")));
    assert_eq!(printed.matches(" passed ").count(), 3, "{printed}");
}
