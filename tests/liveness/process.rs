//! Child processes with a fault from outside, and their roles.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use tempfile::TempDir;
use underscore_runtime::AdminBuilder;

use super::{host_log, threads};
use crate::support::PATIENCE;

const ROLE: &str = "UNDERSCORE_TEST_ROLE";
const DIRECTORY: &str = "UNDERSCORE_TEST_DIRECTORY";

/// A user id that is not in use.
pub(super) const NOBODY: u32 = 61_234;

/// The child process of the other tests.
#[test]
fn child() {
    let Some(role) = std::env::var_os(ROLE) else {
        return;
    };
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("a directory"));
    let socket = directory.join("app.sock");
    match role.to_str().expect("text") {
        "settings" => {
            let builder = AdminBuilder::new().settings_file(directory.join("disk/settings.json"));
            builder.serve(socket).expect("it is served");
        }
        "log that blocks" => host_log::serve(&socket, host_log::block),
        "log that panics" => host_log::serve(&socket, host_log::panic),
        "threads" => return threads::serve_with_ever_more(&socket),
        role => panic!("{role}"),
    }
    // Until the parent closes stdin.
    let _ = std::io::stdin().read(&mut [0]);
}

/// A child process and its admin API, killed on drop.
pub(super) struct Process {
    child: Child,
    pub(super) admin: Client,
}

/// A command that starts this binary in a role, after the shell script `before`.
fn command(role: &str, directory: &Path, before: &str) -> Command {
    let script = format!("{before}\nexec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .arg(std::env::current_exe().expect("this binary"));
    in_role(&mut command, role, directory);
    command
}

fn in_role(command: &mut Command, role: &str, directory: &Path) {
    command
        .args(["--exact", "process::child", "--quiet", "--test-threads=1"])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
}

impl Process {
    /// Starts a process and waits until it listens.
    pub(super) fn start(role: &str, directory: &TempDir, before: &str) -> Self {
        Self::of(command(role, directory.path(), before), directory)
    }

    /// Starts one with its own mounts, `None` if the system does not allow that.
    pub(super) fn start_with_mounts(role: &str, directory: &TempDir, before: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            // In a user namespace the system's directories belong to the overflow user, so a
            // settings file in them is refused.
            return None;
        }
        let unshare = ["--user", "--map-root-user", "--mount"];
        let allowed = Command::new("unshare")
            .args(unshare)
            .args(["sh", "-c", "mount -t tmpfs tmpfs /tmp"])
            .stderr(Stdio::null())
            .status();
        if !allowed.is_ok_and(|status| status.success()) {
            return None;
        }
        let inner = command(role, directory.path(), before);
        let mut outer = Command::new("unshare");
        outer.args(unshare).arg(inner.get_program());
        outer.args(inner.get_args());
        for (name, value) in inner.get_envs() {
            outer.env(name, value.expect("it is set"));
        }
        outer.stdin(Stdio::piped()).stdout(Stdio::null());
        Some(Self::of(outer, directory))
    }

    fn of(mut command: Command, directory: &TempDir) -> Self {
        let socket = directory.path().join("app.sock");
        let admin = Client::builder().timeout(PATIENCE).unix_socket(&*socket);
        let mut process = Process {
            child: command.spawn().expect("it starts"),
            admin: admin.build().expect("a client"),
        };
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(&socket).is_err() {
            let ended = process.child.try_wait().expect("it can be asked");
            assert!(ended.is_none() && Instant::now() < deadline, "{ended:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        process
    }

    /// A path in the mount namespace of the process.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").expect("it begins at the root");
        Path::new("/proc")
            .join(self.child.id().to_string())
            .join("root")
            .join(path)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a role to its end as an unprivileged user.
pub(super) fn run_unprivileged(role: &str, directory: &TempDir) -> ExitStatus {
    let is_root = rustix::process::getuid().is_root();
    // The path of the binary may be inaccessible to other users; the kernel's link is not.
    let binary = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().expect("this binary")
    };
    let mut command = Command::new(binary);
    in_role(&mut command, role, directory.path());
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.status().expect("it starts")
}
