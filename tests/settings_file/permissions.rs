//! A settings file that users other than the service's own and root can change is refused.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, lchown, symlink,
};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;
use underscore_runtime::AdminBuilder;

use super::crash::Process;
use super::{Kept, turn};
use crate::support::log::LOG;

/// A user id that is not in use.
const OTHER: u32 = 61_234;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn write(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = file.open(path).expect("opened");
    file.write_all(text.as_bytes()).expect("written");
}

fn make_directory(path: &Path) {
    DirBuilder::new().mode(0o700).create(path).expect("made");
}

/// A file in two nested directories, and a socket path beside them.
fn make() -> (TempDir, [PathBuf; 3], PathBuf) {
    let root = tempfile::tempdir().expect("a directory");
    let outer = root.path().join("outer");
    let inner = outer.join("inner");
    let file = inner.join("settings.json");
    make_directory(&outer);
    make_directory(&inner);
    write(&file, "{}");
    let socket = root.path().join("app.sock");
    (root, [outer, inner, file], socket)
}

fn serve(file: &Path, socket: &Path) -> io::Result<()> {
    let admin = AdminBuilder::new().settings_file(file).serve(socket)?;
    admin.shutdown_blocking();
    Ok(())
}

/// Asserts that the API is not served and that the error names the path and the cure.
fn is_refused(file: &Path, socket: &Path, cure: &str) {
    let error = serve(file, socket).expect_err(cure);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let text = error.to_string();
    assert!(text.contains(&file.display().to_string()), "{text}");
    assert!(text.contains(cure), "{cure} is not in: {text}");
    assert!(!socket.exists());
}

/// Holds 4.85 of docs/admin-api.md.
#[tokio::test]
async fn a_file_that_others_can_write_keeps_the_service_from_starting() {
    let _turn = turn().await;
    let (_root, paths, socket) = make();
    let file = &paths[2];
    serve(file, &socket).expect("nothing is wrong");
    for path in &paths {
        let before = fs::metadata(path).expect("there").permissions().mode();
        for mode in [0o770, 0o707, 0o777] {
            set_mode(path, mode);
            is_refused(file, &socket, &format!("`chmod go-w {}`", path.display()));
        }
        set_mode(path, before);
    }
    // In a sticky directory, users cannot replace files of others.
    set_mode(&paths[1], 0o1777);
    serve(file, &socket).expect("as in /tmp");
    // The same without a file, which another user could create.
    fs::remove_file(file).expect("removed");
    set_mode(&paths[1], 0o777);
    let cure = format!("`chmod go-w {}`", paths[1].display());
    is_refused(file, &socket, &cure);
}

/// Holds 4.85 of docs/admin-api.md.
#[tokio::test]
async fn a_file_of_another_user_keeps_the_service_from_starting() {
    let _turn = turn().await;
    let (root, paths, socket) = make();
    let own = rustix::process::geteuid();
    if !own.is_root() {
        println!("skipped: only root can give a file to another user");
        return;
    }
    let file = &paths[2];
    for path in &paths {
        chown(path, Some(OTHER), None).expect("it is root");
        is_refused(file, &socket, &format!("`chown -h 0 {}`", path.display()));
        chown(path, Some(0), None).expect("it is root");
    }
    let link = root.path().join("link.json");
    symlink(file, &link).expect("linked");
    serve(&link, &socket).expect("nothing is wrong");
    lchown(&link, Some(OTHER), None).expect("it is root");
    is_refused(&link, &socket, &format!("`chown -h 0 {}`", link.display()));
}

#[tokio::test]
async fn the_directories_of_a_link_and_of_its_target_are_checked() {
    let _turn = turn().await;
    let (root, paths, socket) = make();
    let links = root.path().join("links");
    make_directory(&links);
    let link = links.join("settings.json");
    symlink("../outer/inner/settings.json", &link).expect("linked");
    serve(&link, &socket).expect("nothing is wrong");
    for directory in [&links, &paths[0], &paths[1]] {
        set_mode(directory, 0o770);
        let cure = format!("`chmod go-w {}`", directory.display());
        is_refused(&link, &socket, &cure);
        set_mode(directory, 0o700);
    }
}

fn preempt(status: u16) -> String {
    json!({"steered": {"persistent": {"preempt": {"status": status}}}}).to_string()
}

async fn newest(kept: &Kept) -> Value {
    let path = "_cat/audit?format=json&h=action,uid,gid,pid,process,reason";
    let rows = kept.service.admin_json(path).await;
    let rows = rows.as_array().expect("a table").clone();
    let mut of_file = rows.into_iter().filter(|row| row["action"] == "file");
    of_file.next().expect("a record of the file")
}

/// Holds 4.86, 4.87 of docs/admin-api.md.
#[tokio::test]
async fn a_change_of_a_file_that_others_can_write_is_not_applied_until_that_is_fixed() {
    LazyLock::force(&LOG);
    let kept = Kept::start(Some(&preempt(501))).await;
    let directory = kept.file.parent().expect("it has one").to_owned();
    let owner = fs::metadata(&kept.file).expect("it is there");
    let owner = json!({"action": "file", "uid": owner.uid(), "gid": owner.gid()});
    let mut status = 501;
    for (path, mode) in [(&kept.file, 0o660), (&directory, 0o777)] {
        let before = fs::metadata(path).expect("there").permissions().mode();
        set_mode(path, mode);
        write(&kept.file, &preempt(status + 1));
        let cure = format!("`chmod go-w {}`", path.display());
        let is_told = |about: &Value| {
            let error = about["settings_file"]["error"].as_str();
            error.is_some_and(|error| error.contains(&cure))
        };
        kept.wait_until("", is_told).await;
        assert_eq!(kept.service.get("/steered").await.status, status);
        let record = newest(&kept).await;
        let reason = record["reason"].as_str().expect("text");
        assert!(reason.contains(&cure), "{reason}");
        for key in ["uid", "gid", "pid", "process"] {
            assert_eq!(record[key], owner[key], "{key} in {record}");
        }
        LOG.wait(|lines| {
            let mut lines = lines.iter();
            lines.any(|line| line.starts_with("WARN underscore ") && line.contains(&cure))
        });
        let body = json!({"persistent": {"timeout": "1s"}});
        let refused = kept.service.put("_routes/steered/settings", body).await;
        assert_eq!(refused.status, 409, "{refused:?}");
        assert!(refused.error().1.contains(&cure), "{refused:?}");

        set_mode(path, before & 0o7777);
        kept.wait_until("", |about| about["settings_file"]["error"].is_null())
            .await;
        status += 1;
        assert_eq!(kept.service.get("/steered").await.status, status);
        let record = newest(&kept).await;
        assert_eq!(record["reason"], Value::Null);
        assert_eq!(
            (&record["uid"], &record["gid"]),
            (&owner["uid"], &owner["gid"])
        );
    }
}

/// Holds 4.87 of docs/admin-api.md.
#[tokio::test]
async fn the_record_of_a_change_names_the_owner_of_the_file() {
    let kept = Kept::start(Some(&preempt(501))).await;
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give a file to another user");
        return;
    }
    write(&kept.file, &preempt(502));
    chown(&kept.file, Some(OTHER), Some(OTHER)).expect("it is root");
    let is_told = |about: &Value| about["settings_file"]["error"].is_string();
    kept.wait_until("", is_told).await;
    let record = newest(&kept).await;
    assert_eq!(
        (&record["uid"], &record["gid"]),
        (&json!(OTHER), &json!(OTHER))
    );
    assert_eq!(kept.service.get("/steered").await.status, 501);
}

/// As Kubernetes mounts a `ConfigMap`. The same directory is refused if it is only part of a
/// read-only bind mount of a file system that others can write.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_is_mounted_read_only_may_have_any_mode() {
    let unshare = ["--user", "--map-root-user", "--mount"];
    let allowed = Command::new("unshare")
        .args(unshare)
        .args(["mount", "-t", "tmpfs", "tmpfs", "/tmp"])
        .stderr(Stdio::null())
        .status();
    // In the user namespace of another user, root's directories belong to the overflow user.
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || !allowed.is_ok_and(|status| status.success()) {
        println!("skipped: only root can mount something here");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let volume = directory.path().join("volume");
    make_directory(&volume);
    let link = directory.path().join("settings.json");
    symlink("volume/settings.json", link).expect("linked");
    let script = format!(
        "cd '{}' && mount -t tmpfs -o mode=777 tmpfs volume && umask 022 &&
         printf '%s' '{}' > volume/settings.json && mount -o remount,ro volume
         exec \"$0\" \"$@\"",
        directory.path().display(),
        preempt(501),
    );
    let mut command = Command::new("unshare");
    let command = command.args(unshare).args(["sh", "-c", &script]);
    let command = command.arg(std::env::current_exe().expect("this binary"));
    let process = Process::start_by(command, directory.path()).await;
    assert_eq!(process.status("/steered").await, 501);
}
