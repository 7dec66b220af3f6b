//! Puts the attribute on all handlers of a workspace, and removes it from those that fail until the
//! rest compiles.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::annotate::{self, Originals};
use crate::blame::{self, Broken};
use crate::cargo::{Cargo, Checked, Package};
use crate::copy;
use crate::find::Found;
use crate::sources::Sources;

/// Errors hide others: type errors are reported only once all names are resolved.
const MOST_ROUNDS: usize = 12;

/// The result for a package.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) package: String,
    pub(crate) handlers: usize,
    pub(crate) annotated: usize,
    pub(crate) closures: usize,
    /// Mounted items that were not annotated, with the reason.
    pub(crate) skipped: Vec<String>,
    /// Handlers that do not compile with the bare attribute.
    pub(crate) broken: Vec<String>,
    pub(crate) result: String,
    /// `None` if it could not be tried.
    pub(crate) is_pass: Option<bool>,
}

impl Report {
    /// Distinguishes a service that does not compile from one that does not compile with the
    /// runtime as a dependency.
    fn cannot_be_tried(&mut self, error: &str) {
        let of_ours = ["underscore-runtime", "failed to select a version"];
        if of_ours.iter().any(|words| error.contains(words)) {
            self.result = format!("FAILED: not with the dependency: {error}");
            self.is_pass = Some(false);
        } else {
            self.result = format!("skipped: not without the attribute either: {error}");
        }
    }

    /// Shows files without the prefix, like the compiler.
    fn with_files_of(mut self, prefix: &str) -> Self {
        for told in self.skipped.iter_mut().chain(&mut self.broken) {
            *told = told.replace(prefix, "");
        }
        self
    }
}

/// Options.
#[derive(Default)]
pub(crate) struct Options {
    /// Flags for `cargo check` and `cargo test`.
    pub(crate) flags: Vec<String>,
    pub(crate) is_check_only: bool,
    /// Annotates all `async fn` with the attribute of frames instead of the handlers.
    pub(crate) is_frames: bool,
}

struct Trial {
    cargo: Cargo,
    root: PathBuf,
    packages: Vec<Package>,
    sources: Sources,
    reports: Vec<Report>,
    /// All handlers that can be annotated, and those that are.
    handlers: BTreeSet<usize>,
    annotated: BTreeSet<usize>,
    /// Packages that mount handlers, their own or others'.
    mounting: BTreeSet<usize>,
    originals: Originals,
}

/// Tries all packages below `folder`, which is part of a copy.
pub(crate) fn run(folder: &Path, options: &Options) -> io::Result<Vec<Report>> {
    let folder = folder.canonicalize()?;
    let cargo = Cargo::new(&folder, &options.flags);
    let (root, packages) = cargo.packages()?;
    let mut sources = Sources::default();
    for (index, package) in packages.iter().enumerate() {
        for (name, file, is_library) in &package.targets {
            sources.read(name, index, *is_library, file)?;
        }
    }
    if options.is_check_only {
        sources.tested.clear();
    }
    let (found, attribute) = if options.is_frames {
        (Found::all_async(&sources), annotate::FRAME)
    } else {
        (Found::new(&sources), annotate::ROUTE)
    };
    let reports = packages.iter().enumerate().map(|(index, package)| Report {
        package: package.name.clone(),
        handlers: found.handlers_of(&sources, index),
        closures: found.closures_of(index),
        skipped: found.skipped_of(index),
        ..Report::default()
    });
    let reports = reports.collect();
    let mut trial = Trial {
        cargo,
        root,
        packages,
        sources,
        reports,
        handlers: found.handlers,
        annotated: BTreeSet::new(),
        mounting: found.mounting,
        originals: Originals::new(attribute),
    };
    trial.handlers.retain(|index| {
        let package = trial.sources.functions[*index].package;
        trial.packages[package].manifest.starts_with(&folder)
    });
    trial.try_all(&folder)?;
    let reports = trial.reports.into_iter().zip(&trial.packages);
    let reports = reports.filter(|(report, package)| {
        let is_of_axum = report.handlers + report.closures + report.skipped.len() > 0
            || report.is_pass.is_some();
        is_of_axum && package.manifest.starts_with(&folder)
    });
    let prefix = format!("{}/", trial.root.display());
    Ok(reports
        .map(|(report, _)| report.with_files_of(&prefix))
        .collect())
}

impl Trial {
    fn try_all(&mut self, folder: &Path) -> io::Result<()> {
        let mut tried = BTreeSet::new();
        for (index, package) in self.packages.iter().enumerate() {
            let report = &mut self.reports[index];
            let axum = package.versions.get("axum").map_or("0.8", String::as_str);
            if !package.manifest.starts_with(folder) {
                continue;
            }
            if self.mounting.contains(&index) && report.handlers == 0 {
                tried.insert(index);
            } else if report.handlers == 0 {
                "skipped: it has no handler that can take an attribute"
                    .clone_into(&mut report.result);
            } else if axum.starts_with("0.8") {
                copy::add_runtime(&package.manifest, &features(&self.sources, index, package))?;
                tried.insert(index);
            } else {
                report.result = format!("skipped: axum {axum}, and the attribute is for 0.8");
            }
        }
        if tried.is_empty() {
            return Ok(());
        }
        let ids: BTreeMap<usize, String> = tried
            .iter()
            .map(|index| (*index, self.packages[*index].id.clone()))
            .collect();
        let selected: BTreeSet<&str> = ids.values().map(String::as_str).collect();
        let mut before = self.cargo.check(&selected)?;
        let mut warnings = BTreeMap::new();
        for (index, id) in &ids {
            let (checked, untold) = before.take(id);
            if let Some(error) = untold {
                self.reports[*index].cannot_be_tried(&error);
                tried.remove(index);
            }
            warnings.insert(*index, checked.warnings);
        }
        let packages = |index: &usize| tried.contains(&self.sources.functions[*index].package);
        self.annotated = self.handlers.iter().copied().filter(packages).collect();
        let after = self.until_it_compiles(&ids, &tried)?;
        for index in &tried {
            self.judge(*index, &ids[index], &warnings[index], after.get(index))?;
        }
        Ok(())
    }

    /// Checks with the attribute on fewer and fewer handlers. Returns the results of each package.
    fn until_it_compiles(
        &mut self,
        ids: &BTreeMap<usize, String>,
        tried: &BTreeSet<usize>,
    ) -> io::Result<BTreeMap<usize, (Checked, Option<String>)>> {
        let selected: BTreeSet<&str> = tried.iter().map(|index| ids[index].as_str()).collect();
        let mut last = BTreeMap::new();
        for _ in 0..MOST_ROUNDS {
            self.write()?;
            let mut all = self.cargo.check(&selected)?;
            last = tried
                .iter()
                .map(|index| (*index, all.take(&ids[index])))
                .collect();
            let mut broken: BTreeMap<usize, Broken> = BTreeMap::new();
            let errors = last.iter().flat_map(|(package, (checked, _))| {
                checked.errors.iter().map(move |error| (*package, error))
            });
            for (package, error) in errors {
                let (sources, annotated, root) = (&self.sources, &self.annotated, &self.root);
                for found in blame::broken(sources, annotated, package, root, error) {
                    // An error without a fix may be a consequence of one with a fix.
                    let known = broken.get(&found.function);
                    if known.is_none_or(|known| known.cure.is_none() && found.cure.is_some()) {
                        broken.insert(found.function, found);
                    }
                }
            }
            if broken.is_empty() {
                break;
            }
            for (index, broken) in broken {
                self.annotated.remove(&index);
                let function = &self.sources.functions[index];
                let cure = broken.cure.map(|cure| format!("\n        cure: {cure}"));
                let told = format!(
                    "{}: {}{}",
                    function.shown(),
                    broken.error,
                    cure.unwrap_or_default()
                );
                self.reports[function.package].broken.push(told);
            }
        }
        Ok(last)
    }

    fn write(&mut self) -> io::Result<()> {
        self.originals
            .write(&self.sources, &self.handlers, &self.annotated)
    }

    fn judge(
        &mut self,
        index: usize,
        id: &str,
        warnings: &[String],
        after: Option<&(Checked, Option<String>)>,
    ) -> io::Result<()> {
        let of_package = |other: &&usize| self.sources.functions[**other].package == index;
        let annotated = self.annotated.iter().filter(of_package).count();
        let tests = if self.sources.tested.contains(&index) && annotated > 0 {
            self.tests(id)?
        } else {
            (true, None)
        };
        let report = &mut self.reports[index];
        report.annotated = annotated;
        let new_warning = after.and_then(|(checked, _)| {
            let mut after = checked.warnings.iter();
            let is_more = checked.warnings.len() > warnings.len();
            after.find(|warning| is_more && !warnings.contains(warning))
        });
        let (result, is_pass) = if let Some((_, Some(error))) = after {
            (format!("FAILED: {error}"), false)
        } else if let Some(warning) = new_warning {
            (format!("FAILED: a new warning: {warning}"), false)
        } else {
            let told = tests.1.map(|told| format!(", {told}")).unwrap_or_default();
            (
                format!("compiled{told}"),
                tests.0 && report.broken.is_empty(),
            )
        };
        report.result = result;
        report.is_pass = Some(is_pass);
        Ok(())
    }

    /// Runs a package's tests, and again without the attribute if some fail.
    fn tests(&mut self, id: &str) -> io::Result<(bool, Option<String>)> {
        let (is_pass, told) = self.cargo.test(id)?;
        if is_pass {
            return Ok((true, Some(told)));
        }
        let annotated = std::mem::take(&mut self.annotated);
        self.write()?;
        let (_, without) = self.cargo.test(id)?;
        self.annotated = annotated;
        self.write()?;
        let is_same = told == without;
        let compared = if is_same {
            "the same without the attribute"
        } else {
            &without
        };
        Ok((
            is_same,
            Some(format!("{told}; without the attribute: {compared}")),
        ))
    }
}

/// `axum-extra` if handlers are mounted with `typed_get` or similar methods.
fn features(sources: &Sources, index: usize, package: &Package) -> Vec<&'static str> {
    let crates = sources.crates.iter().filter(|krate| krate.package == index);
    let mut mounts = crates.flat_map(|krate| &krate.mounts);
    let is_typed = mounts.any(|(_, _, mount)| mount.is_typed());
    let extra = package.versions.get("axum-extra");
    let is_ours = is_typed && extra.is_some_and(|version| version.starts_with("0.12"));
    if is_ours {
        vec!["axum-extra"]
    } else {
        Vec::new()
    }
}
