//! Asks cargo: what the compiler says of each example, and whether its tests pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use serde_json::Value;

/// Cargo in the workspace of the examples.
pub(crate) struct Cargo {
    workspace: PathBuf,
}

/// What the compiler says of an example.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    pub(crate) error: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// What it says of all of them.
pub(crate) struct AllChecked {
    workspace: PathBuf,
    of_each: BTreeMap<String, Checked>,
    /// Those of which a target was compiled.
    compiled: Vec<String>,
    /// The last that cargo itself said, for an example of which there is nothing else to tell.
    told: String,
}

impl Cargo {
    pub(crate) fn new(workspace: &Path) -> Self {
        Cargo {
            workspace: workspace.to_owned(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(arguments)
            .current_dir(&self.workspace)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn check(&self) -> io::Result<AllChecked> {
        let arguments = [
            "check",
            "--workspace",
            "--all-targets",
            "--keep-going",
            "--message-format=json",
        ];
        let output = self.command(&arguments).output()?;
        let mut all = AllChecked {
            workspace: self.workspace.clone(),
            of_each: BTreeMap::new(),
            compiled: Vec::new(),
            told: first_error(&String::from_utf8_lossy(&output.stderr)),
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Ok(message) = serde_json::from_str(line) {
                all.read(&message);
            }
        }
        Ok(all)
    }

    /// Runs the tests of an example.
    pub(crate) fn test(&self, example: &str) -> io::Result<(bool, String)> {
        let manifest = format!("{example}/Cargo.toml");
        let output = self
            .command(&[
                "test",
                "--quiet",
                "--no-fail-fast",
                "--manifest-path",
                &manifest,
            ])
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let count = |what: &str| -> usize {
            text.lines()
                .filter_map(|line| line.strip_prefix("test result: "))
                .filter_map(|line| line.split(';').find(|part| part.trim_end().ends_with(what)))
                .filter_map(|part| part.split_whitespace().rev().nth(1)?.parse::<usize>().ok())
                .sum()
        };
        let (passed, failed) = (count("passed"), count("failed"));
        if output.status.success() && passed > 0 {
            return Ok((true, format!("{passed} tests passed")));
        }
        let told = first_error(&String::from_utf8_lossy(&output.stderr));
        Ok((
            false,
            format!("FAILED: {failed} tests failed, {passed} passed: {told}"),
        ))
    }
}

impl AllChecked {
    fn read(&mut self, message: &Value) {
        let Some(name) = self.example_of(message) else {
            return;
        };
        if message["reason"] == "compiler-artifact" {
            self.compiled.push(name.clone());
        }
        let text = message["message"]["rendered"].as_str().unwrap_or_default();
        let first = text
            .lines()
            .take(2)
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        let checked = self.of_each.entry(name).or_default();
        match message["message"]["level"].as_str() {
            Some("error") => {
                checked.error.get_or_insert(first);
            }
            // Not the sum at the end, which has no place in a file.
            Some("warning") if text.contains("-->") => {
                let words = message["message"]["message"].as_str().unwrap_or_default();
                checked.warnings.push(words.to_owned());
            }
            _ => {}
        }
    }

    /// The example that is spoken of: the folder of the package.
    fn example_of(&self, message: &Value) -> Option<String> {
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
        let is_example = folder.parent()? == self.workspace;
        is_example.then(|| {
            folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
    }

    /// What is said of one example. One of which nothing was compiled has a dependency that is not to be had.
    pub(crate) fn take(&mut self, example: &str) -> Checked {
        let mut checked = self.of_each.remove(example).unwrap_or_default();
        if checked.error.is_none() && !self.compiled.iter().any(|name| name == example) {
            checked.error = Some(format!("a dependency is not compiled: {}", self.told));
        }
        checked
    }
}

/// The first line that is an error.
fn first_error(text: &str) -> String {
    let mut errors = text.lines().filter(|line| line.starts_with("error"));
    errors.next().unwrap_or_default().to_owned()
}
