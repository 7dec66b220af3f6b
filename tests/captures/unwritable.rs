//! A capture that cannot be written costs a warning and an event, and nothing else.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::Service;
use crate::support::log::LOG;
use crate::support::process::own_process;
use crate::support::tools;
use crate::{block, capturing, events, start, wait_for_red};

/// A file system of 1 MiB, unmounted on drop.
pub struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// `None` where this user may not mount, which is said.
    pub fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
        let mounted = mount.arg(directory.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk { directory });
        }
        tools::say_skipped("a small disk cannot be mounted: run it as root");
        None
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Fills it to the last byte.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("full");
        let mut file = fs::File::create(&path).expect("created");
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }

    pub fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        let mount = mount.args(["-o", options]).arg(self.path()).status();
        assert!(mount.expect("mount runs").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Blocks the service and returns the error of the only capture.
async fn only_error(service: &Service) -> String {
    let _client = block(service, "/blocks/again").await;
    // Red for two seconds, so that a capture would have been tried again.
    wait_for_red(service, 4.5).await;
    let events = events(service).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    let is_warning = |line: &&String| line.contains("could not be captured");
    let lines = LOG.lines();
    let warnings: Vec<&String> = lines.iter().filter(is_warning).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].starts_with("WARN underscore "), "{warnings:#?}");
    let error = events[0]["error"].as_str().expect("a text").to_owned();
    assert!(warnings[0].contains(&error), "{warnings:#?}");
    // It goes on.
    assert_eq!(service.admin("_cat/captures").await.status, 200);
    error
}

/// Holds 19.16 of docs/admin-api.md.
#[tokio::test]
async fn a_full_disk_costs_one_warning() {
    own_process!();
    std::sync::LazyLock::force(&LOG);
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let service = start(capturing(disk.path())).await;
    let full = disk.fill();
    let error = only_error(&service).await;
    assert!(error.contains("free space on its file system"), "{error}");
    let files = fs::read_dir(disk.path()).expect("it is read");
    let files: Vec<PathBuf> = files.map(|file| file.expect("an entry").path()).collect();
    assert_eq!(files, [full], "no part of a file is left");
}

/// Holds 19.16 of docs/admin-api.md.
#[tokio::test]
async fn a_disk_that_turns_read_only_costs_one_warning() {
    own_process!();
    std::sync::LazyLock::force(&LOG);
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let service = start(capturing(disk.path())).await;
    disk.remount("remount,ro");
    let error = only_error(&service).await;
    assert!(error.contains("mount it writable"), "{error}");
}

/// Holds 19.16 of docs/admin-api.md.
#[tokio::test]
async fn a_directory_that_is_removed_costs_one_warning() {
    own_process!();
    std::sync::LazyLock::force(&LOG);
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("captures");
    let service = start(capturing(&directory)).await;
    fs::remove_dir(&directory).expect("it is empty");
    let _client = block(&service, "/blocks/again").await;
    wait_for_red(&service, 4.5).await;
    let events = events(&service).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    let error = events[0]["error"].as_str().expect("a text");
    assert!(error.contains("mkdir -p"), "{error}");
    let listed = service.admin("_cat/captures").await;
    let (_, reason) = listed.error();
    assert!(
        reason.contains(&directory.display().to_string()),
        "{reason}"
    );
    assert!(!directory.exists(), "it is not made again");
}
