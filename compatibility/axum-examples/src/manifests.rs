//! Copies the examples into a workspace, where they depend on released crates and on the runtime of this project.

use std::path::Path;
use std::{fs, io};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

/// Copies every example that axum's own workspace has, and returns their names.
pub(crate) fn copy(checkout: &Path, workspace: &Path) -> io::Result<Vec<String>> {
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
        depend(&workspace.join(&name).join("Cargo.toml"))?;
        examples.push(name);
    }
    examples.sort();
    let mut manifest = DocumentMut::new();
    manifest["workspace"]["members"] = toml_edit::value(Array::from_iter(&examples));
    manifest["workspace"]["resolver"] = toml_edit::value("2");
    fs::write(workspace.join("Cargo.toml"), manifest.to_string())?;
    Ok(examples)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Replaces what an example has of the checkout with what is released, and adds the runtime.
fn depend(path: &Path) -> io::Result<()> {
    let mut manifest = read(path)?;
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ours = read(&project.join("Cargo.toml"))?;
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
    let runtime = project.join("underscore-runtime").canonicalize()?;
    let mut dependency = InlineTable::new();
    dependency.insert("path", runtime.to_string_lossy().as_ref().into());
    dependencies["underscore-runtime"] = toml_edit::value(dependency);
    fs::write(path, manifest.to_string())
}

fn read(path: &Path) -> io::Result<DocumentMut> {
    fs::read_to_string(path)?.parse().map_err(io::Error::other)
}
