//! Child processes that serve and exit in various ways.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use fork::{Fork, fork};
use listenfd::ListenFd;
use rustix::process::{Pid, Signal, WaitOptions, getppid, kill_process, waitpid};
use underscore_runtime::{AdminBuilder, AdminServer};

use super::support::futures::block_on;
use super::support::log::LOG;
use super::{PATIENCE, ask, builder};

/// Environment variable with the path to serve at, empty for an inherited socket.
const SOCKET: &str = "UNDERSCORE_TEST_SOCKET";

/// Environment variable with the mode of the socket, in octal.
const MODE: &str = "UNDERSCORE_TEST_MODE";

/// Environment variable with the user that may make changes.
const CHANGERS: &str = "UNDERSCORE_TEST_CHANGERS";

/// Environment variable with the socket for a change.
const CHANGE: &str = "UNDERSCORE_TEST_CHANGE";

/// A user id that is not in use.
const NOBODY: u32 = 61_234;

/// The child process of the other tests: it serves, reports that, and executes commands.
#[test]
fn child() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return;
    };
    std::sync::LazyLock::force(&LOG);
    let served = if socket.is_empty() {
        let listener = ListenFd::from_env().take_unix_listener(0);
        let listener = listener.expect("it is a socket").expect("it is handed in");
        AdminBuilder::new().serve_listener(listener)
    } else if let Ok(mode) = std::env::var(MODE) {
        let mut builder = builder().mode(u32::from_str_radix(&mode, 8).expect("octal"));
        if let Ok(uid) = std::env::var(CHANGERS) {
            builder = builder.allow_changes_from_uids([uid.parse().expect("a number")]);
        }
        builder.serve(&socket)
    } else {
        builder().serve(&socket)
    };
    let admin = match served {
        Ok(admin) => admin,
        Err(error) => {
            println!("> {:?} {error}", error.kind());
            return;
        }
    };
    println!("> served {}", admin.path().display());
    for order in std::io::stdin().lines() {
        match &*order.expect("text") {
            "go elsewhere" => std::env::set_current_dir("/").expect("it is there"),
            "shutdown" => return admin.shutdown_blocking(),
            "exit" => std::process::exit(0),
            order => match order.rsplit_once(' ') {
                Some(("mount over", directory)) => {
                    let mount = ["-t", "tmpfs", "tmpfs", directory];
                    let mounted = Command::new("mount").args(mount).status();
                    assert!(mounted.expect("it runs").success());
                }
                Some(("fork and", end)) => match fork().expect("it forks") {
                    Fork::Child => return end_in_child(admin, end),
                    Fork::Parent(_) if end == "stay" => println!("> the child stays"),
                    Fork::Parent(child) => wait_for_child(child),
                },
                Some(("change root to", directory)) => {
                    std::os::unix::fs::chroot(directory).expect("it is root");
                }
                _ => match order.strip_prefix("wait for log ") {
                    Some(wanted) => wait_for_log(wanted),
                    None => return,
                },
            },
        }
    }
}

/// Actions of a forked child with its copy of the handle. It exits with its parent at the latest.
fn end_in_child(admin: AdminServer, end: &str) {
    match end {
        "shutdown" => admin.shutdown_blocking(),
        "await" => block_on(admin.shutdown()),
        "drop" => drop(admin),
        _ => {
            let parent = getppid();
            while getppid() == parent {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    std::process::exit(0);
}

fn wait_for_child(child: i32) {
    let child = Pid::from_raw(child).expect("a process");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ended = waitpid(Some(child), WaitOptions::NOHANG).expect("it is a child");
        match ended {
            Some((_, status)) if status.exit_status() == Some(0) => {
                return println!("> the child ended well");
            }
            Some((_, status)) => return println!("> the child ended with {status:?}"),
            None if Instant::now() > deadline => {
                kill_process(child, Signal::KILL).expect("it is a child");
                return println!("> the child hangs");
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn wait_for_log(wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !LOG.lines().iter().any(|line| line.contains(wanted)) {
        assert!(Instant::now() < deadline, "{:#?}", LOG.lines());
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("> logged");
}

/// The first report of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StartResult {
    Served,
    Refused(String),
}

/// A child process, killed on drop.
pub(super) struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    says: BufReader<ChildStdout>,
}

impl Process {
    /// Starts one after the shell script `before`, in the same process.
    pub(super) fn start(socket: &Path, before: &str) -> Self {
        Self::of(with_shell(before).env(SOCKET, socket))
    }

    /// Starts one with a socket passed as systemd does.
    pub(super) fn start_with(listener: UnixListener) -> Self {
        // The socket is passed as stderr and moved to its descriptor by the shell.
        let mut command = with_shell(
            "exec 3>&2 2> /dev/null; export LISTEN_FDS=1 LISTEN_FDNAMES=app-admin.socket LISTEN_PID=$$",
        );
        Self::of(command.env(SOCKET, "").stderr(OwnedFd::from(listener)))
    }

    /// Starts one with a mode of the socket in octal digits.
    pub(super) fn start_with_mode(socket: &Path, mode: &str, before: &str) -> Self {
        Self::of(with_shell(before).env(SOCKET, socket).env(MODE, mode))
    }

    /// Starts one as another user, which needs root.
    pub(super) fn start_as(uid: u32, socket: &Path, mode: &str) -> Self {
        let mut command = as_user(uid);
        Self::of(command.env(SOCKET, socket).env(MODE, mode))
    }

    /// Starts one as an unprivileged user.
    pub(super) fn start_unprivileged(socket: &Path) -> Self {
        let mut command = if rustix::process::getuid().is_root() {
            as_user(NOBODY)
        } else {
            Command::new(binary())
        };
        Self::of(command.env(SOCKET, socket))
    }

    fn of(command: &mut Command) -> Self {
        let started = command
            .args(["--exact", "process::child", "--quiet", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = started.expect("it starts");
        Process {
            orders: child.stdin.take(),
            says: BufReader::new(child.stdout.take().expect("it is piped")),
            child,
        }
    }

    pub(super) fn start_result(&mut self) -> StartResult {
        match self.line() {
            said if said.starts_with("served") => StartResult::Served,
            said => StartResult::Refused(said),
        }
    }

    /// Its next report.
    pub(super) fn line(&mut self) -> String {
        let lines = (&mut self.says).lines().map(|line| line.expect("text"));
        let said = lines.filter_map(|line| line.strip_prefix("> ").map(str::to_owned));
        said.take(1).next().expect("it says nothing")
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// True if this process answers at `socket`.
    pub(super) fn answers(&self, socket: &Path) -> bool {
        ask(socket).contains(&format!("\"pid\":{}", self.id()))
    }

    pub(super) fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it is piped");
        writeln!(orders, "{order}").expect("it listens");
    }

    pub(super) fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("it can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Run by another user, as a child process.
#[test]
fn client() {
    if let Some(socket) = std::env::var_os(CHANGE) {
        println!("{}", change(Path::new(&socket)));
    }
}

/// Sends a change without effect and returns the response. A leading `@` marks an abstract socket.
pub(super) fn change(socket: &Path) -> String {
    let mut connection = connect(socket);
    let request = "POST /_tasks/_all/_cancel HTTP/1.0\r\n\r\n";
    connection.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    answer
}

/// Sends it as another user, which needs root.
pub(super) fn change_as(uid: u32, socket: &Path) -> String {
    let arguments = ["--exact", "process::client", "--quiet", "--nocapture"];
    let mut command = as_user(uid);
    let output = command.args(arguments).env(CHANGE, socket).output();
    String::from_utf8(output.expect("it runs").stdout).expect("text")
}

fn connect(socket: &Path) -> UnixStream {
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.to_str().and_then(|name| name.strip_prefix('@')) {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name);
        return UnixStream::connect_addr(&address.expect("a name")).expect("it listens");
    }
    UnixStream::connect(socket).expect("its mode lets it in")
}

/// A command that starts this binary as another user.
fn as_user(uid: u32) -> Command {
    // The path of the binary may be inaccessible to other users; the kernel's link is not.
    let mut command = if cfg!(target_os = "linux") {
        Command::new("/proc/self/exe")
    } else {
        Command::new(binary())
    };
    command.uid(uid).gid(uid).current_dir("/");
    command
}

fn with_shell(before: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{before}\nexec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(binary());
    command
}

fn binary() -> PathBuf {
    std::env::current_exe().expect("this binary")
}
