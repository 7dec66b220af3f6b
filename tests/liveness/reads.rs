//! Reads of very many tasks do not delay short reads, changes, the host's own requests or other
//! users.
//!
//! Tasks are global to a process, so the tests of this binary run one after another.
//!
//! The tasks are those of a process, so the tests of this binary take turns.

use std::fs::Permissions;
use std::future::pending;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex as StdMutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tower::ServiceExt;
use underscore_runtime::{AdminBuilder, admin_router, spawn, underscore_route};

use crate::support::process::own_process;
use crate::support::{PATIENCE, Service};
use crate::turn;

/// Enough for a read that takes seconds.
const TASKS: usize = 12_000;

/// Length of a task's name, which is slow to write in YAML.
const NAME: usize = 500;

const LONG: &str = "_tasks?detailed&format=yaml";

/// Starts the tasks for a long read. They end when the returned handles are dropped.
async fn many_tasks() -> Vec<impl Drop> {
    let tasks = (0..TASKS).map(|_| spawn("\u{1f422}".repeat(NAME), pending::<()>()));
    let tasks = tasks.collect();
    tokio::task::yield_now().await;
    tasks
}

/// A read in progress, on a connection of its own.
struct Asked(UnixStream);

impl Asked {
    /// True once the server has closed the connection, with no unread response left.
    fn is_closed(&self) -> bool {
        matches!(self.0.try_read(&mut [0; 4096]), Ok(0))
    }

    async fn new(service: &Service, path: &str) -> Self {
        let socket = UnixStream::connect(service.directory.path().join("app.sock")).await;
        let mut socket = socket.expect("the server listens");
        let request = format!("GET /{path} HTTP/1.1\r\nhost: .\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("written");
        Asked(socket)
    }

    fn is_answered(&self) -> bool {
        match self.0.try_read(&mut [0]) {
            Ok(_) => true,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    async fn answered(&self) {
        let readable = tokio::time::timeout(2 * PATIENCE, self.0.readable()).await;
        readable.expect("it is answered").expect("it is open");
    }
}

/// Holds 1.40 of docs/admin-api.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_reads_are_answered_before_earlier_long_ones() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new()).await;
    let one = spawn("one", pending::<()>());
    let id = service.tasks("one").await[0]["id"].clone();
    let tasks = many_tasks().await;
    let mut long = Vec::new();
    for _ in 0..5 {
        long.push(Asked::new(&service, LONG).await);
    }
    for path in [
        String::new(),
        "_cat/workers".to_owned(),
        "_cat/routes".to_owned(),
        format!("_tasks/{id}"),
        format!("_cat/tasks/{id}?v"),
        "_cat/tasks?size=10".to_owned(),
    ] {
        let answer = service.admin(&path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let answered = long.iter().filter(|long| long.is_answered()).count();
        assert_eq!(answered, 0, "long looks before {path}");
    }
    for long in &long {
        long.answered().await;
    }
    drop((one, tasks));
}

/// Processor time of the threads for reads in nanoseconds, and true if one of them runs.
#[cfg(target_os = "linux")]
fn look_threads() -> (u64, bool) {
    let (mut spent, mut any_runs) = (0, false);
    for thread in std::fs::read_dir("/proc/self/task").expect("this is Linux") {
        let path = thread.expect("listed").path();
        let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap_or_default();
        if read("comm").trim_end() == "underscore-pool" {
            let schedstat = read("schedstat");
            let time = schedstat
                .split(' ')
                .next()
                .and_then(|time| time.parse::<u64>().ok());
            spent += time.unwrap_or(0);
            any_runs |= read("stat").contains(") R ");
        }
    }
    (spent, any_runs)
}

/// Waits until the threads for reads are idle and returns their processor time.
#[cfg(target_os = "linux")]
async fn at_rest() -> u64 {
    let end = Instant::now() + 2 * PATIENCE;
    let mut last = look_threads();
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = look_threads();
        if now == last && !now.1 {
            return now.0;
        }
        assert!(Instant::now() < end, "they never rest");
        last = now;
    }
}

/// Holds 1.43 of docs/admin-api.md.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_whose_client_has_left_is_aborted() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new()).await;
    let tasks = many_tasks().await;
    // Spends nearly all of its time in the filter.
    let path = format!("_tasks?filter_path={}", "**.a*b,".repeat(60));
    let before = at_rest().await;
    Asked::new(&service, &path).await.answered().await;
    let whole = at_rest().await - before;
    // The best of several tries counts, because the machine may be busy.
    let mut best = u64::MAX;
    for _ in 0..5 {
        let before = at_rest().await;
        let asked = Asked::new(&service, &path).await;
        let end = Instant::now() + PATIENCE;
        while look_threads().0 - before < whole / 2 {
            assert!(Instant::now() < end, "it does nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(asked);
        best = best.min(at_rest().await - before);
        if best < whole / 4 * 3 {
            break;
        }
    }
    assert!(best < whole / 4 * 3, "{best} ns of {whole} ns");
    drop(tasks);
}

async fn plain() -> &'static str {
    "plain"
}

/// Holds 1.42 of docs/admin-api.md.
#[tokio::test]
async fn a_long_read_over_a_router_of_the_host_takes_none_of_its_workers() {
    let _turn = turn().await;
    own_process!();
    // The only worker is the thread of this test.
    let app = Router::new()
        .route("/plain", get(plain))
        .nest("/ops", admin_router());
    let service = Service::start(app).await;
    let tasks = many_tasks().await;
    let mut look = service.connect().await;
    let request = format!("GET /ops/{LONG} HTTP/1.1\r\nhost: x\r\n\r\n");
    look.write_all(request.as_bytes()).await.expect("written");
    // The read has begun before these are answered.
    for _ in 0..5 {
        assert_eq!(service.get("/plain").await.text, "plain");
    }
    let read = look.try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(read, Err(ErrorKind::WouldBlock), "the others waited for it");
    let readable = tokio::time::timeout(2 * PATIENCE, look.readable()).await;
    readable.expect("it is answered").expect("it is open");
    drop(tasks);
}

/// A waker that blocks until it is released.
#[derive(Default)]
struct Stuck {
    woken: AtomicBool,
    released: StdMutex<bool>,
    release: Condvar,
}

impl Stuck {
    fn release(&self) {
        *self.released.lock().expect("whole") = true;
        self.release.notify_all();
    }
}

impl Wake for Stuck {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        let released = self.released.lock().expect("whole");
        let wait = 3 * PATIENCE;
        let _ = self
            .release
            .wait_timeout_while(released, wait, |released| !*released);
    }
}

#[underscore_route(name = "woken_slowly")]
async fn woken_slowly() {
    pending::<()>().await;
}

/// Holds 1.41 of docs/admin-api.md.
#[tokio::test]
async fn the_admin_api_answers_while_an_interrupt_is_under_way() {
    let _turn = turn().await;
    own_process!();
    let service = Service::start(Router::new()).await;
    let app = Router::new().route("/", get(woken_slowly));
    let request = Request::get("/").body(Body::empty()).expect("a request");
    let mut sent = Box::pin(app.oneshot(request));
    let stuck = Arc::new(Stuck::default());
    let waker = Waker::from(Arc::clone(&stuck));
    assert!(
        sent.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let path = "_routes/woken_slowly/interrupt?wait_for_completion=false";
    let interrupt = service.admin_builder(reqwest::Method::POST, path).send();
    let interrupt = tokio::spawn(interrupt);
    let end = Instant::now() + PATIENCE;
    while !stuck.woken.load(Ordering::SeqCst) {
        assert!(Instant::now() < end, "it is never woken");
        tokio::task::yield_now().await;
    }
    let look = async {
        for path in ["", "_cat/workers", "_cat/tasks", "_routes/settings"] {
            assert_eq!(service.admin(path).await.status, 200, "{path}");
        }
    };
    let looked = tokio::time::timeout(PATIENCE, look).await;
    assert!(!interrupt.is_finished(), "it is under way");
    stuck.release();
    looked.expect("it answers meanwhile");
    let report = interrupt.await.expect("no panic").expect("an answer");
    assert_eq!(report.status(), 200);
    drop(sent);
}

/// Environment variable with the socket for `another_user`.
const SOCKET: &str = "UNDERSCORE_TEST_SOCKET";

/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// Run by another user, as a child process: sends a request for each line of stdin.
#[test]
fn another_user() {
    let Some(socket) = std::env::var_os(SOCKET) else {
        return;
    };
    let mut connection = StdUnixStream::connect(socket).expect("the mode lets it in");
    let ask = |connection: &mut StdUnixStream| {
        let request = b"GET / HTTP/1.1\r\nhost: .\r\n\r\n";
        let mut begin = [0; 15];
        let answered = connection.write_all(request).is_ok() && {
            let mut answer = [0; 4096];
            connection.read(&mut answer).is_ok_and(|count| {
                begin.copy_from_slice(&answer[..15]);
                count > 15
            })
        };
        println!("asked: {answered} {}", String::from_utf8_lossy(&begin));
    };
    ask(&mut connection);
    for _ in std::io::stdin().lines() {
        ask(&mut connection);
    }
}

/// Two real users, which needs root.
#[tokio::test]
async fn connections_of_one_user_replace_each_other_and_not_those_of_others() {
    let _turn = turn().await;
    own_process!();
    let builder = AdminBuilder::new().mode(0o666).max_connections(4);
    let service = Service::start_with(Router::new(), &builder).await;
    let directory = service.directory.path().to_owned();
    if directory.metadata().expect("it is there").uid() != 0 {
        return;
    }
    // The other user needs access to the directory and to this binary.
    std::fs::set_permissions(&directory, Permissions::from_mode(0o755)).expect("set");
    let binary = directory.join("binary");
    std::fs::copy(std::env::current_exe().expect("this binary"), &binary).expect("copied");
    let mut other = Command::new(binary)
        .args(["--exact", "reads::another_user", "--nocapture"])
        .env(SOCKET, directory.join("app.sock"))
        .current_dir("/")
        .gid(NOBODY)
        .uid(NOBODY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = other.stdin.take().expect("piped");
    let mut output = BufReader::new(other.stdout.take().expect("piped")).lines();
    let mut asked = move || {
        let line = output.find(|line| {
            let line = line.as_ref().expect("text");
            line.contains("asked: ")
        });
        line.expect("it says so").expect("text")
    };
    let answered = "asked: true HTTP/1.1 200 OK";
    assert!(asked().contains(answered));
    // The connection of the other user has been idle longest from here on.
    let mut script = Vec::new();
    for _ in 0..20 {
        let asked = Asked::new(&service, "").await;
        asked.answered().await;
        script.push(asked);
    }
    writeln!(input).expect("it reads");
    let read = tokio::task::spawn_blocking(move || (asked(), asked)).await;
    let (line, output) = read.expect("no panic");
    assert!(line.contains(answered), "{line}");
    drop(input);
    other.wait().expect("it ends");
    drop(output);
    // Half of four for each.
    let end = Instant::now() + PATIENCE;
    while script.iter().filter(|asked| !asked.is_closed()).count() > 2 {
        assert!(Instant::now() < end, "one user has more than half");
        tokio::task::yield_now().await;
    }
}
