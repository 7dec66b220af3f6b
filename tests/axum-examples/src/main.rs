//! Puts the attribute on the handlers of a service and compares the results of the compiler and of
//! the service's tests with those without it, or runs a service under the layer. Called by `run`
//! and `run-service`.

mod annotate;
mod axum_examples;
mod blame;
mod cargo;
mod copy;
mod drive;
mod find;
mod layer;
mod names;
mod routing;
mod sources;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use trial::{Options, Report};

const USAGE: &str = "usage: axum-examples examples [--layer] <checkout of axum>
       axum-examples service [--check-only] [--frames] <checkout> [folder in it]... [-- flags of cargo check and cargo test]";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let flags = arguments.iter().position(|argument| argument == "--");
    let flags = flags.map_or_else(Vec::new, |at| arguments.split_off(at).split_off(1));
    let mut has = |flag: &str| {
        let all = arguments.len();
        arguments.retain(|argument| argument != flag);
        arguments.len() < all
    };
    let options = Options {
        flags,
        is_check_only: has("--check-only"),
        is_frames: has("--frames"),
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let reports = match words[..] {
        ["examples", "--layer", checkout] => return layered(Path::new(checkout)),
        ["examples", checkout] => of_axum(Path::new(checkout)),
        ["service", checkout, ref folders @ ..] => {
            of_service(Path::new(checkout), folders, &options)
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match reports {
        Ok(reports) if tell(&reports) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn of_axum(checkout: &Path) -> io::Result<Vec<Report>> {
    let workspace = empty("examples")?;
    axum_examples::copy(checkout, &workspace)?;
    trial::run(&workspace, &Options::default())
}

/// Runs axum's examples under the layer instead.
fn layered(checkout: &Path) -> ExitCode {
    let run = || {
        let workspace = empty("layered")?;
        axum_examples::copy(checkout, &workspace)?;
        layer::run(&workspace)
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn of_service(checkout: &Path, folders: &[&str], options: &Options) -> io::Result<Vec<Report>> {
    let copy = empty("service")?;
    copy::copy_folder(checkout, &copy)?;
    if folders.is_empty() {
        return trial::run(&copy, options);
    }
    let mut reports = Vec::new();
    for folder in folders {
        reports.extend(trial::run(&copy.join(folder), options)?);
    }
    Ok(reports)
}

/// Prints the reports, and returns true if something was tried and nothing failed.
fn tell(reports: &[Report]) -> bool {
    println!(
        "{:<42} {:>9} {:>9} {:>8}  result",
        "package", "functions", "annotated", "closures"
    );
    for report in reports {
        println!(
            "{:<42} {:>9} {:>9} {:>8}  {}",
            report.package, report.handlers, report.annotated, report.closures, report.result
        );
        for (what, lines) in [("skipped", &report.skipped), ("broke", &report.broken)] {
            for line in lines {
                println!("    {what} {line}");
            }
        }
    }
    let of = |is_pass| {
        reports
            .iter()
            .filter(move |report| report.is_pass == is_pass)
    };
    let (passed, failed) = (of(Some(true)).count(), of(Some(false)).count());
    let tried = || reports.iter().filter(|report| report.is_pass.is_some());
    println!(
        "{} packages: {passed} passed, {failed} failed, {} skipped; {} of {} functions took the attribute as it is",
        reports.len(),
        of(None).count(),
        tried().map(|report| report.annotated).sum::<usize>(),
        tried().map(|report| report.handlers).sum::<usize>(),
    );
    passed > 0 && failed == 0
}

/// An empty folder below cargo's target folder, for all files.
fn empty(name: &str) -> io::Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let folder = target.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    // As cargo prints it.
    folder.canonicalize()
}
