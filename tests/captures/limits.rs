//! The options for captures, which `serve` checks.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use underscore_runtime::AdminBuilder;

use crate::support::process::own_process;
use crate::unwritable::SmallDisk;
use crate::{block, capturing, events, start, wait_for_captures, wait_for_red};

/// Holds 19.15 of docs/admin-api.md.
#[test]
fn an_unfit_directory_is_an_error_that_names_the_cure() {
    own_process!();
    let parent = tempfile::tempdir().expect("a directory");
    let socket = parent.path().join("app.sock");
    let refused = |admin: AdminBuilder| {
        let error = admin.serve(&socket).expect_err("it is refused");
        assert!(!socket.exists(), "nothing is served");
        (error.kind(), error.to_string())
    };
    let missing = parent.path().join("no/such");
    let (kind, text) = refused(capturing(&missing));
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(
        text.contains(&missing.display().to_string()) && text.contains("mkdir -p"),
        "{text}"
    );

    let file = parent.path().join("file");
    fs::write(&file, "").expect("written");
    let (kind, text) = refused(capturing(&file));
    assert_eq!(kind, ErrorKind::NotADirectory);
    assert!(text.contains("name a directory"), "{text}");

    for (admin, option) in [
        (
            capturing(parent.path()).max_captures_per_hour(0),
            "max_captures_per_hour",
        ),
        (
            capturing(parent.path()).max_capture_bytes(0),
            "max_capture_bytes",
        ),
    ] {
        let (kind, text) = refused(admin);
        assert_eq!(kind, ErrorKind::InvalidInput);
        assert!(text.contains(option), "{text}");
    }

    let first = capturing(parent.path())
        .serve(&socket)
        .expect("it is served");
    let other = tempfile::tempdir().expect("a directory");
    let second = parent.path().join("second.sock");
    let error = capturing(other.path())
        .serve(&second)
        .expect_err("two directories");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let same = capturing(parent.path())
        .serve(&second)
        .expect("the same one");
    same.shutdown_blocking();
    first.shutdown_blocking();
    let free = capturing(other.path())
        .serve(&second)
        .expect("the first has ended");
    free.shutdown_blocking();
}

/// Holds 19.15 of docs/admin-api.md.
#[test]
fn a_directory_that_is_read_only_is_an_error() {
    own_process!();
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("captures");
    fs::create_dir(&directory).expect("created");
    let read_only = fs::Permissions::from_mode(0o500);
    fs::set_permissions(&directory, read_only).expect("set");
    if fs::write(directory.join("probe"), "").is_ok() {
        // Root can write to any directory, but not to a file system that is read-only.
        let Some(disk) = SmallDisk::mount() else {
            return;
        };
        disk.remount("remount,ro");
        let error = capturing(disk.path()).serve(parent.path().join("app.sock"));
        let error = error.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
        assert!(error.to_string().contains("mount it writable"), "{error}");
        return;
    }
    let error = capturing(&directory).serve(parent.path().join("app.sock"));
    let error = error.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("write permission"), "{error}");
}

/// Holds 19.13 of docs/admin-api.md.
#[tokio::test]
async fn files_of_former_processes_are_removed_for_a_new_one() {
    own_process!();
    let directory = tempfile::tempdir().expect("a directory");
    let old = |day: u32| format!("underscore-app-1-202611{day}T000000.000Z-stuck.tar.gz");
    for day in 10..20 {
        fs::write(directory.path().join(old(day)), vec![0; 100 << 10]).expect("written");
    }
    let max = 1000 << 10;
    let service = start(capturing(directory.path()).max_capture_bytes(max)).await;
    let _client = block(&service, "/blocks/again").await;
    let rows = wait_for_captures(&service, |rows| {
        let mut new = rows
            .iter()
            .filter(|row| row["cause"] == "all workers blocked");
        new.any(|row| row["complete"] == true)
    })
    .await;
    let size: u64 = rows.iter().filter_map(|row| row["size"].as_u64()).sum();
    assert!(size <= max, "{size}");
    assert_eq!(rows.len(), 10, "the oldest has made room");
    assert_eq!(rows[9]["name"], old(11));
}

/// Holds 19.16 of docs/admin-api.md.
#[tokio::test]
async fn a_limit_that_is_too_small_is_one_event() {
    own_process!();
    let directory = tempfile::tempdir().expect("a directory");
    let service = start(capturing(directory.path()).max_capture_bytes(100)).await;
    let _client = block(&service, "/blocks/again").await;
    wait_for_red(&service, 4.5).await;
    let events = events(&service).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    let error = events[0]["error"].as_str().expect("a text");
    assert!(error.contains("max_capture_bytes"), "{error}");
    assert_eq!(
        fs::read_dir(directory.path()).expect("it is read").count(),
        0
    );
}
