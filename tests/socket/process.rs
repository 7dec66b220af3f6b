//! Processes of this binary that serve, and are told to end in one way or another.

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

/// The path that a process is to serve at; for a socket that it is handed, nothing.
const SOCKET: &str = "UNDERSCORE_TEST_SOCKET";

/// The mode of its socket, in octal.
const MODE: &str = "UNDERSCORE_TEST_MODE";

/// The user who may change something.
const CHANGERS: &str = "UNDERSCORE_TEST_CHANGERS";

/// Names the socket to which a process is to send a change.
const CHANGE: &str = "UNDERSCORE_TEST_CHANGE";

/// A user whom nobody else is.
const NOBODY: u32 = 61_234;

/// No test by itself: the process that the others start. It serves, says so, and does what it is told.
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

/// What a forked child does with its copy of the handle. It ends with the parent at the latest.
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

/// What a process said first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Served,
    Refused(String),
}

/// A process that is killed when it is dropped.
pub(super) struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    says: BufReader<ChildStdout>,
}

impl Process {
    /// Starts one. What stands in `before`, a script of the shell, is done in the same process before.
    pub(super) fn start(socket: &Path, before: &str) -> Self {
        Self::of(with_shell(before).env(SOCKET, socket))
    }

    /// Starts one that is handed a socket in the way of systemd.
    pub(super) fn start_with(listener: UnixListener) -> Self {
        // The place of the errors is a way into the process, from which the socket goes to where it belongs.
        let mut command = with_shell(
            "exec 3>&2 2> /dev/null; export LISTEN_FDS=1 LISTEN_FDNAMES=app-admin.socket LISTEN_PID=$$",
        );
        Self::of(command.env(SOCKET, "").stderr(OwnedFd::from(listener)))
    }

    /// Starts one whose socket has a mode in octal digits.
    pub(super) fn start_with_mode(socket: &Path, mode: &str, before: &str) -> Self {
        Self::of(with_shell(before).env(SOCKET, socket).env(MODE, mode))
    }

    /// The same as another user, which only root can start.
    pub(super) fn start_as(uid: u32, socket: &Path, mode: &str) -> Self {
        let mut command = as_user(uid);
        Self::of(command.env(SOCKET, socket).env(MODE, mode))
    }

    /// Starts one as a user whom no privilege helps.
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

    pub(super) fn said(&mut self) -> Said {
        match self.line() {
            said if said.starts_with("served") => Said::Served,
            said => Said::Refused(said),
        }
    }

    /// The next thing that it says.
    pub(super) fn line(&mut self) -> String {
        let lines = (&mut self.says).lines().map(|line| line.expect("text"));
        let said = lines.filter_map(|line| line.strip_prefix("> ").map(str::to_owned));
        said.take(1).next().expect("it says nothing")
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is this one that answers at `socket`.
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
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No test by itself: what another user does.
#[test]
fn client() {
    if let Some(socket) = std::env::var_os(CHANGE) {
        println!("{}", change(Path::new(&socket)));
    }
}

/// Sends a change that changes nothing, and gives the answer. An `@` stands before the name of an
/// abstract socket.
pub(super) fn change(socket: &Path) -> String {
    let mut connection = connect(socket);
    let request = "POST /_tasks/_all/_cancel HTTP/1.0\r\n\r\n";
    connection.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The same as another user, which only root can be.
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
    // The way to the binary may be closed to others; the kernel's link to it is not.
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
