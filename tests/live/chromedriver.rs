//! `ChromeDriver` as a child process, with a profile of Chromium in a temporary directory.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::PATIENCE;

/// A running `ChromeDriver`, killed on drop together with its browser: both are in one process group.
pub(crate) struct ChromeDriver {
    process: Child,
    /// Base URL of its `WebDriver` API.
    pub(crate) base: String,
    directory: PathBuf,
}

impl ChromeDriver {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made").keep();
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            // Chromium keeps files outside of its profile, too.
            .env("HOME", &directory)
            .env("TMPDIR", &directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut log = BufReader::new(process.stdout.take().expect("it is piped"));
        let port = log
            .by_ref()
            .lines()
            .map(|line| line.expect("it is text"))
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            });
        // It must not block on a full pipe.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let base = format!("http://127.0.0.1:{}", port.unwrap_or_default());
        ChromeDriver {
            process,
            base,
            directory,
        }
    }

    /// The directory of the browser's profile.
    pub(crate) fn profile(&self) -> PathBuf {
        self.directory.join("profile")
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        // Before `wait`, after which the id of the group may be that of another one. The group may
        // have exited already.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        let _ = self.process.wait();
        // The browser's processes have the signal, but may still be in a system call.
        let deadline = Instant::now() + PATIENCE;
        while fs::remove_dir_all(&self.directory).is_err()
            && self.directory.exists()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(10));
        }
    }
}
