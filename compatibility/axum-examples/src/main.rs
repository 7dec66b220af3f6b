//! Puts the attribute on every handler of axum's examples and compares what the compiler and the examples' own tests
//! say with what they said without it. `run` is how to call it.

mod cargo;
mod handlers;
mod manifests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use cargo::{Cargo, Checked};
use handlers::Found;

fn main() -> ExitCode {
    let Some(checkout) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: axum-examples <checkout of axum>");
        return ExitCode::from(2);
    };
    match run(&checkout) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", checkout.display());
            ExitCode::FAILURE
        }
    }
}

/// Returns how many examples failed; if none was tried, that is a failure as well.
fn run(checkout: &Path) -> io::Result<usize> {
    let workspace = target().join("examples");
    if workspace.exists() {
        fs::remove_dir_all(&workspace)?;
    }
    fs::create_dir_all(&workspace)?;
    // As cargo writes it.
    let workspace = workspace.canonicalize()?;
    let examples = manifests::copy(checkout, &workspace)?;
    let cargo = Cargo::new(&workspace);

    let mut before = cargo.check()?;
    let mut found = BTreeMap::new();
    for example in &examples {
        found.insert(
            example.clone(),
            handlers::annotate(&workspace.join(example).join("src"))?,
        );
    }
    let mut after = cargo.check()?;

    println!(
        "{:<42} {:>8} {:>9} {:>8}  result",
        "example", "handlers", "annotated", "closures"
    );
    let (mut failed, mut passed, mut skipped, mut annotated) = (0, 0, 0, 0);
    for (example, found) in &found {
        let (before, after) = (before.take(example), after.take(example));
        let (result, is_pass) = judge(&cargo, example, found, &before, &after)?;
        println!(
            "{example:<42} {:>8} {:>9} {:>8}  {result}",
            found.named, found.annotated, found.closures
        );
        match is_pass {
            Some(true) => {
                passed += 1;
                annotated += found.annotated;
            }
            Some(false) => failed += 1,
            None => skipped += 1,
        }
    }
    println!(
        "{} examples: {passed} passed with {annotated} annotated handlers, {failed} failed, {skipped} skipped",
        examples.len()
    );
    Ok(failed + usize::from(passed == 0))
}

/// What is said of an example, and whether it passed; nothing where it could not be tried.
fn judge(
    cargo: &Cargo,
    example: &str,
    found: &Found,
    before: &Checked,
    after: &Checked,
) -> io::Result<(String, Option<bool>)> {
    if let Some(error) = &before.error {
        return Ok((
            format!("skipped: not without the attribute either: {error}"),
            None,
        ));
    }
    if let Some(error) = &after.error {
        return Ok((format!("FAILED: {error}"), Some(false)));
    }
    if found.named != found.annotated {
        return Ok((
            format!("FAILED: not found: {}", found.missing.join(", ")),
            Some(false),
        ));
    }
    if after.warnings.len() > before.warnings.len() {
        let new = after
            .warnings
            .iter()
            .find(|warning| !before.warnings.contains(warning));
        return Ok((format!("FAILED: a new warning: {new:?}"), Some(false)));
    }
    if found.named == 0 {
        return Ok(("skipped: it has no handler with a name".to_owned(), None));
    }
    if !found.tests {
        return Ok(("compiled".to_owned(), Some(true)));
    }
    let (passed, told) = cargo.test(example)?;
    Ok((format!("compiled, {told}"), Some(passed)))
}

/// Where all of it happens: cargo's target folder.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    )
}
