//! A process without free file descriptors. It is a child process, because the limit is global.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use underscore_runtime::{AdminBuilder, underscore_route};

use crate::support::sentences::{NOTHING_WAS_CHANGED, USE_TRANSIENT};
use crate::support::{PATIENCE, narrow_umask};

/// Environment variable with the directory of the child.
const DIRECTORY: &str = "UNDERSCORE_TEST_CHILD";

/// Limit of file descriptors of the child.
const LIMIT: &str = "80";

/// Longest acceptable time of a read during an incident.
const AT_ONCE: Duration = Duration::from_millis(200);

#[underscore_route(get, "/stuck", name = "stuck")]
async fn stuck() {
    std::future::pending::<()>().await;
}

/// Opens files until no descriptor is left.
fn use_up(files: &mut Vec<File>) {
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
}

/// The child process of the other tests. It executes commands from stdin, one per line.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let directory = Path::new(&directory);
    let builder = AdminBuilder::new().settings_file(directory.join("settings.json"));
    let admin = builder.serve(directory.join("app.sock"));
    let _admin = admin.expect("it is served");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let app = Router::new().route("/stuck", get(stuck));
    tokio::spawn(axum::serve(listener, app).into_future());
    let told = std::thread::spawn(move || {
        let mut files = Vec::new();
        // Ends the output of the test runner.
        println!("\nlistens {address}");
        for word in std::io::stdin().lock().lines().map_while(Result::ok) {
            match word.as_str() {
                "use up" => use_up(&mut files),
                // Takes every descriptor within a millisecond of its release.
                "be greedy" => {
                    std::thread::spawn(|| {
                        let mut files = Vec::new();
                        loop {
                            use_up(&mut files);
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    });
                }
                "one free" => drop(files.pop()),
                "free" => files.clear(),
                _ => panic!("{word}"),
            }
            println!("{word}");
        }
    });
    while !told.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The child process, killed on drop.
struct Process {
    child: Child,
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
    directory: TempDir,
    /// A request from before the descriptors were used up.
    _stuck: std::net::TcpStream,
}

impl Process {
    fn start() -> Self {
        narrow_umask();
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {LIMIT} && exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().expect("this binary"))
            .args(["--exact", "descriptors::child", "--nocapture", "--quiet"])
            .env(DIRECTORY, directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let orders = child.stdin.take().expect("it is piped");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        let address = wait_for(&mut said, "listens ");
        let mut stuck = std::net::TcpStream::connect(address.trim()).expect("it listens");
        stuck
            .write_all(b"GET /stuck HTTP/1.1\r\nhost: .\r\n\r\n")
            .expect("written");
        let process = Process {
            child,
            orders,
            said,
            directory,
            _stuck: stuck,
        };
        let end = Instant::now() + PATIENCE;
        while process.ask("/_cat/tasks").1.lines().count() != 1 {
            assert!(Instant::now() < end, "the request does not come");
        }
        process
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.orders, "{word}").expect("it listens");
        wait_for(&mut self.said, word);
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("app.sock")
    }

    fn connect(&self) -> UnixStream {
        let socket = UnixStream::connect(self.socket()).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        socket
    }

    /// Sends a GET on a new connection and returns status and body.
    fn ask(&self, path: &str) -> (u16, String) {
        self.request("GET", path, "")
    }

    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut socket = self.connect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: .\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a number"), body.to_owned())
    }

    /// Asserts that all reads are answered in time. The best of several tries counts, because the
    /// machine may be busy.
    fn answers_at_once(&self) {
        for path in [
            "/",
            "/_cat/tasks",
            "/_cat/routes",
            "/_cat/workers?h=*",
            "/_cat/stacks",
            "/_cat/audit?h=*",
        ] {
            let mut best = Duration::MAX;
            for _ in 0..10 {
                let begun = Instant::now();
                assert_eq!(self.ask(path).0, 200, "{path}");
                best = best.min(begun.elapsed());
                if best < AT_ONCE {
                    break;
                }
            }
            assert!(best < AT_ONCE, "{path} takes {best:?}");
        }
        let tasks = self.ask("/_cat/tasks").1;
        assert!(tasks.contains("/stuck"), "{tasks}");
    }
}

/// Processor time of a process, in steps of 10 ms on Linux.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let used = fields.split(' ').skip(11).take(2);
    used.map(|ticks| Duration::from_millis(10) * ticks.parse::<u32>().expect("a number"))
        .sum()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rest of the next line that begins with `begin`.
fn wait_for(said: &mut impl BufRead, begin: &str) -> String {
    for line in said.lines().map_while(Result::ok) {
        if let Some(rest) = line.strip_prefix(begin) {
            return rest.to_owned();
        }
    }
    panic!("it ended before it said {begin:?}");
}

#[test]
fn without_descriptors_new_connections_are_answered_at_once() {
    let mut process = Process::start();
    process.tell("use up");
    for _ in 0..5 {
        process.answers_at_once();
    }
    // The service takes a freed descriptor again, which makes no difference.
    process.tell("one free");
    process.tell("use up");
    process.answers_at_once();
    process.tell("free");
    process.answers_at_once();
    process.tell("use up");
    process.answers_at_once();
}

#[test]
fn without_descriptors_nothing_is_tried_again_and_again() {
    let mut process = Process::start();
    process.tell("use up");
    process.answers_at_once();
    let (begun, before) = (Instant::now(), processor_time(process.child.id()));
    // No condition to wait for: the process must stay idle meanwhile.
    std::thread::sleep(Duration::from_secs(1));
    let used = processor_time(process.child.id()).saturating_sub(before);
    assert!(used < begun.elapsed() / 4, "{used:?}");
}

#[test]
fn without_descriptors_the_reserve_lasts_although_others_take_every_free_one() {
    let mut process = Process::start();
    process.tell("be greedy");
    for _ in 0..20 {
        process.answers_at_once();
    }
}

#[test]
fn without_descriptors_idle_connections_make_room_for_new_ones() {
    let mut process = Process::start();
    process.tell("use up");
    let mut idle = Vec::new();
    for _ in 0..50 {
        let mut connection = process.connect();
        connection
            .write_all(b"GET / HTTP/1.1\r\nhost: .\r\n\r\n")
            .expect("written");
        let read = connection.read(&mut [0; 4096]).expect("an answer");
        assert!(read > 0, "no answer");
        idle.push(connection);
    }
    process.answers_at_once();
    let mut first = idle.remove(0);
    assert_eq!(first.read(&mut [0]).expect("it is closed"), 0);
}

#[test]
fn without_descriptors_a_transient_change_is_made_and_a_persistent_one_is_refused_whole() {
    let mut process = Process::start();
    process.tell("use up");
    let settings = "/_routes/stuck/settings";
    let (status, body) = process.request("PUT", settings, r#"{"transient": {"timeout": "1h"}}"#);
    assert_eq!(status, 200, "{body}");
    let before = process.ask(settings).1;
    let both = r#"{"transient": {"delay": "1ms"}, "persistent": {"limit.active": 7}}"#;
    let (status, body) = process.request("PUT", settings, both);
    let error: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &error["status"]), (500, &Value::from(500)));
    assert_eq!(error["error"]["type"], "settings_file_exception");
    let reason = error["error"]["reason"].as_str().expect("a reason");
    let file = process.directory.path().join("settings.json");
    for part in [
        &*file.display().to_string(),
        "oo many open files",
        NOTHING_WAS_CHANGED,
        USE_TRANSIENT,
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(process.ask(settings).1, before);
    let left = std::fs::read_dir(&process.directory).expect("listed");
    let left: Vec<_> = left.map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(left, ["app.sock"]);
    process.tell("free");
    let (status, body) = process.request("PUT", settings, both);
    assert_eq!(status, 200, "{body}");
    assert!(file.exists());
}

#[test]
fn without_descriptors_stuck_requests_can_be_interrupted() {
    let mut process = Process::start();
    process.tell("use up");
    let (status, body) = process.request("POST", "/_routes/stuck/interrupt", "");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("\"interrupted\":1"), "{body}");
    let (status, body) = process.ask("/_cat/audit?h=action,process,status");
    assert_eq!(status, 200);
    // The process name is read from a file, which cannot be opened.
    assert_eq!(
        body.split_whitespace().collect::<Vec<_>>(),
        ["interrupt", "-", "200"]
    );
}
