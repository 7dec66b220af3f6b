//! Copies axum's examples into a workspace in which they depend on released crates.

use std::path::Path;
use std::{fs, io};

use toml_edit::{Array, DocumentMut, Item, Value};

use crate::copy::{copy_folder, project, read};

/// Copies every example of axum's workspace.
pub(crate) fn copy(checkout: &Path, workspace: &Path) -> io::Result<()> {
    let root = read(&checkout.join("Cargo.toml"))?;
    let excluded: Vec<&str> = root["workspace"]["exclude"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut examples = Vec::new();
    for entry in fs::read_dir(checkout.join("examples"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.path().join("Cargo.toml").exists() {
            continue;
        }
        if excluded.contains(&format!("examples/{name}").as_str()) {
            println!("{name}: skipped: axum's own workspace leaves it out");
            continue;
        }
        copy_folder(&entry.path(), &workspace.join(&name))?;
        use_released(&workspace.join(&name).join("Cargo.toml"))?;
        examples.push(name);
    }
    examples.sort();
    let mut manifest = DocumentMut::new();
    manifest["workspace"]["members"] = toml_edit::value(Array::from_iter(&examples));
    manifest["workspace"]["resolver"] = toml_edit::value("2");
    fs::write(workspace.join("Cargo.toml"), manifest.to_string())
}

/// Replaces an example's path dependencies on the checkout with released crates.
fn use_released(path: &Path) -> io::Result<()> {
    let mut manifest = read(path)?;
    let ours = read(&project().join("Cargo.toml"))?;
    let dependencies = &mut manifest["dependencies"];
    for released in ["axum", "axum-extra"] {
        if let Some(dependency) = dependencies
            .get_mut(released)
            .and_then(Item::as_inline_table_mut)
        {
            dependency.remove("path");
            let version = &ours["workspace"]["dependencies"][released]["version"];
            let version = version.as_str().expect("it has a version");
            dependency.insert("version", format!("={version}").into());
        }
    }
    fs::write(path, manifest.to_string())
}
