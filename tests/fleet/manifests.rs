//! The manifests match the schema of Kubernetes, and the page that explains a part of them.

use std::fs;
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
    assert_eq!(printed.matches(" passed ").count(), 2, "{printed}");
}

/// The arguments of socat.
fn sidecar(text: &str) -> Vec<&str> {
    let (_, after) = text.split_once("args:\n").expect("it has a sidecar");
    let arguments = after
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "));
    arguments.collect()
}

#[test]
fn the_sidecar_is_that_of_the_page_about_the_page() {
    let manifest = fs::read_to_string(fleet("deployment.yaml")).expect("it is there");
    let page = fs::read_to_string(fleet("../live.md")).expect("it is there");
    assert_eq!(sidecar(&manifest).len(), 2);
    assert_eq!(sidecar(&manifest), sidecar(&page));
}
