//! Copies a checkout, and adds the runtime to a package's dependencies.

use std::path::{Path, PathBuf};
use std::{fs, io};

use toml_edit::{Array, DocumentMut, InlineTable, Item};

/// Folders of a checkout that no build needs.
const LEFT_OUT: &[&str] = &["target", ".git", "node_modules"];

pub(crate) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let (source, target) = (entry.path(), to.join(&name));
        let metadata = match fs::metadata(&source) {
            Ok(metadata) => metadata,
            // A dangling symbolic link.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            // A link to a folder may lead to one of its parents.
            let is_link = entry.file_type()?.is_symlink();
            if !is_link && !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                copy_folder(&source, &target)?;
            }
        } else if metadata.is_file() {
            fs::copy(source, target)?;
        }
    }
    Ok(())
}

/// The root of this repository.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Adds the runtime of this repository to a package.
pub(crate) fn add_runtime(manifest: &Path, features: &[&str]) -> io::Result<()> {
    let mut document = read(manifest)?;
    let dependencies = document["dependencies"].or_insert(Item::Table(toml_edit::Table::new()));
    let runtime = project().join("underscore-runtime").canonicalize()?;
    let mut dependency = InlineTable::new();
    dependency.insert("path", runtime.to_string_lossy().as_ref().into());
    if !features.is_empty() {
        let features: Array = features.iter().copied().collect();
        dependency.insert("features", features.into());
    }
    dependencies["underscore-runtime"] = toml_edit::value(dependency);
    fs::write(manifest, document.to_string())
}

pub(crate) fn read(path: &Path) -> io::Result<DocumentMut> {
    fs::read_to_string(path)?.parse().map_err(io::Error::other)
}
