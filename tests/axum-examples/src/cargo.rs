//! Runs cargo: the packages, the compiler's messages for each, and the results of their tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, io};

use serde_json::Value;

/// Cargo in a workspace.
pub(crate) struct Cargo {
    workspace: PathBuf,
    /// Flags for `check` and `test`, such as `--all-features`.
    flags: Vec<String>,
}

pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    /// Name, root file, and true for a library.
    pub(crate) targets: Vec<(String, PathBuf, bool)>,
    /// Versions of its direct dependencies, by name.
    pub(crate) versions: BTreeMap<String, String>,
}

/// Compiler messages of a package.
#[derive(Clone, Default)]
pub(crate) struct Checked {
    pub(crate) errors: Vec<Value>,
    pub(crate) warnings: Vec<String>,
    /// False if no target of it was compiled.
    is_compiled: bool,
}

/// Compiler messages of all packages, by id.
pub(crate) struct AllChecked {
    of_each: BTreeMap<String, Checked>,
    /// The first error of cargo itself, or of a package outside the workspace.
    told: String,
}

impl Cargo {
    pub(crate) fn new(workspace: &Path, flags: &[String]) -> Self {
        Cargo {
            workspace: workspace.to_owned(),
            flags: flags.to_vec(),
        }
    }

    fn output(&self, arguments: &[&str]) -> io::Result<Output> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.workspace);
        command.stdin(Stdio::null()).output()
    }

    /// The root of the workspace, to which the files in messages are relative, and its packages.
    pub(crate) fn packages(&self) -> io::Result<(PathBuf, Vec<Package>)> {
        let output = self.output(&["metadata", "--format-version", "1"])?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(told));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let versions = versions(&metadata);
        let packages = list(&metadata["packages"]).iter();
        let packages = packages
            .filter(|package| list(&metadata["workspace_members"]).contains(&package["id"]))
            .map(|package| Package {
                id: text(&package["id"]),
                name: text(&package["name"]),
                manifest: text(&package["manifest_path"]).into(),
                targets: list(&package["targets"])
                    .iter()
                    .filter_map(target)
                    .collect(),
                versions: versions
                    .get(&text(&package["id"]))
                    .cloned()
                    .unwrap_or_default(),
            });
        let root = text(&metadata["workspace_root"]).into();
        Ok((root, packages.collect()))
    }

    pub(crate) fn check(&self, packages: &BTreeSet<&str>) -> io::Result<AllChecked> {
        let mut arguments = vec![
            "check",
            "--all-targets",
            "--keep-going",
            "--message-format=json",
        ];
        arguments.extend(packages.iter().flat_map(|package| ["-p", package]));
        arguments.extend(self.flags.iter().map(String::as_str));
        let output = self.output(&arguments)?;
        let mut all = AllChecked {
            of_each: BTreeMap::new(),
            told: first_error(&String::from_utf8_lossy(&output.stderr)),
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Ok(message) = serde_json::from_str(line) {
                all.read(&message);
            }
        }
        Ok(all)
    }

    /// Runs the tests of a package. Returns true if they passed, and a description.
    pub(crate) fn test(&self, package: &str) -> io::Result<(bool, String)> {
        let mut arguments = vec!["test", "--quiet", "--no-fail-fast", "-p", package];
        arguments.extend(self.flags.iter().map(String::as_str));
        let output = self.output(&arguments)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let count = |what: &str| -> usize {
            text.lines()
                .filter_map(|line| line.strip_prefix("test result: "))
                .filter_map(|line| line.split(';').find(|part| part.trim_end().ends_with(what)))
                .filter_map(|part| part.split_whitespace().rev().nth(1)?.parse::<usize>().ok())
                .sum()
        };
        let (passed, failed) = (count("passed"), count("failed"));
        if output.status.success() {
            return Ok((true, format!("{passed} tests passed")));
        }
        let told = first_error(&String::from_utf8_lossy(&output.stderr));
        Ok((
            false,
            format!("{failed} tests failed, {passed} passed: {told}"),
        ))
    }
}

impl AllChecked {
    fn read(&mut self, message: &Value) {
        let checked = self
            .of_each
            .entry(text(&message["package_id"]))
            .or_default();
        if message["reason"] == "compiler-artifact" {
            let kinds = list(&message["target"]["kind"]);
            checked.is_compiled |= !kinds.iter().any(|kind| kind == "custom-build");
        }
        let message = &message["message"];
        match message["level"].as_str() {
            // Skips the summary at the end, which has no location.
            Some("error") if !text(&message["message"]).starts_with("aborting due to") => {
                checked.errors.push(message.clone());
            }
            Some("warning") if text(&message["rendered"]).contains("-->") => {
                checked.warnings.push(text(&message["message"]));
            }
            _ => {}
        }
    }

    /// The messages of one package, or the reason why it was not compiled.
    pub(crate) fn take(&mut self, package: &str) -> (Checked, Option<String>) {
        let checked = self.of_each.remove(package).unwrap_or_default();
        if let Some(error) = checked.errors.first() {
            let told = first_lines(error);
            return (checked, Some(told));
        }
        let told = format!("a dependency does not compile: {}", self.told);
        let untold = (!checked.is_compiled).then_some(told);
        (checked, untold)
    }
}

/// The first compiler message, and its location.
pub(crate) fn first_lines(error: &Value) -> String {
    let rendered = text(&error["rendered"]);
    let lines: Vec<&str> = rendered.lines().take(2).map(str::trim).collect();
    lines.join(" ")
}

fn versions(metadata: &Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let packages = list(&metadata["packages"]);
    let found: BTreeMap<String, (String, String)> = packages
        .iter()
        .map(|package| {
            let named = (text(&package["name"]), text(&package["version"]));
            (text(&package["id"]), named)
        })
        .collect();
    let nodes = list(&metadata["resolve"]["nodes"]).iter();
    let of_node = |node: &Value| -> BTreeMap<String, String> {
        let dependencies = list(&node["dependencies"]).iter();
        dependencies
            .filter_map(|id| found.get(&text(id)).cloned())
            .collect()
    };
    nodes
        .map(|node| (text(&node["id"]), of_node(node)))
        .collect()
}

fn target(target: &Value) -> Option<(String, PathBuf, bool)> {
    let kinds = list(&target["kind"]);
    let is = |kinds_of: &[&str]| {
        kinds
            .iter()
            .any(|kind| kinds_of.iter().any(|of| kind == of))
    };
    let is_library = is(&["lib", "rlib", "cdylib", "dylib", "staticlib"]);
    let is_source = !is(&["custom-build", "proc-macro"]);
    is_source.then(|| {
        (
            text(&target["name"]),
            text(&target["src_path"]).into(),
            is_library,
        )
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The first line that is an error.
fn first_error(text: &str) -> String {
    let mut errors = text.lines().filter(|line| line.starts_with("error"));
    errors.next().unwrap_or_default().to_owned()
}
