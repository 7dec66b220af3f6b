//! Resources of this process, as reported by Linux.

use std::collections::BTreeMap;
use std::fs;

/// The threads of the admin pool: started on demand, kept, and bounded.
const POOL_THREAD: &str = "underscore-pool";
const MAX_POOL_THREADS: usize = 7;

/// Open descriptors, by number, and threads.
pub(crate) struct Process {
    pub(crate) descriptors: BTreeMap<String, String>,
    /// Names of the threads, unordered.
    pub(crate) threads: Vec<String>,
}

impl Process {
    pub(crate) fn now() -> Self {
        let entries = fs::read_dir("/proc/self/fd").expect("this is Linux");
        let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
        // The descriptor used for listing is closed when it is looked up.
        let open = names.filter_map(|path| {
            let target = fs::read_link(&path).ok()?;
            let number = path.file_name()?.to_string_lossy().into_owned();
            Some((number, target.to_string_lossy().into_owned()))
        });
        let descriptors = open
            .filter(|(_, target)| !target.ends_with("/fd"))
            .collect();
        let tasks = fs::read_dir("/proc/self/task").expect("this is Linux");
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        let mut threads: Vec<String> = names.map(|name| name.trim_end().to_owned()).collect();
        let pool_threads = threads.iter().filter(|name| *name == POOL_THREAD).count();
        // Threads that may still start count as existing.
        threads.retain(|name| name != POOL_THREAD);
        threads.resize(
            threads.len() + MAX_POOL_THREADS.max(pool_threads),
            POOL_THREAD.to_owned(),
        );
        Process {
            descriptors,
            threads,
        }
    }

    /// Resources that were not there before.
    pub(crate) fn more_than(&self, before: &Process) -> Vec<String> {
        let mut more = Vec::new();
        let open = |process: &Process| process.descriptors.values().cloned().collect::<Vec<_>>();
        let pairs = [
            ("descriptors", open(self), open(before)),
            ("threads", self.threads.clone(), before.threads.clone()),
        ];
        for (what, now, then) in pairs {
            if now.len() > then.len() {
                let count =
                    |all: &[String], one: &String| all.iter().filter(|each| *each == one).count();
                let new = now
                    .iter()
                    .filter(|one| count(&now, one) > count(&then, one));
                let new: Vec<&String> = new.take(10).collect();
                more.push(format!(
                    "{} {what} more than before, of these: {new:?}",
                    now.len() - then.len()
                ));
            }
        }
        more
    }
}

/// Resident memory in bytes.
pub(crate) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.expect("Linux says how much it is") << 10
}
