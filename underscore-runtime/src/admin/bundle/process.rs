//! What the kernel knows of the process: `/proc/self`. Not available outside Linux.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::admin::render::{Align, Rows};
use crate::threads::kernel_wait;

/// Maximum number of descriptors and of threads that are read.
const MAX_READ: usize = 10_000;

/// `/proc/self/status`: memory, threads, signals, capabilities.
pub(super) fn status() -> io::Result<String> {
    fs::read_to_string("/proc/self/status")
}

/// `/proc/self/limits`.
pub(super) fn limits() -> io::Result<String> {
    fs::read_to_string("/proc/self/limits")
}

/// The number of open descriptors of each kind, the most frequent first. Their targets are not
/// shown, which are paths and may be secrets.
pub(super) fn descriptors() -> io::Result<String> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut read: usize = 0;
    let mut all: usize = 0;
    for entry in fs::read_dir("/proc/self/fd")? {
        all = all.saturating_add(1);
        if read >= MAX_READ {
            continue;
        }
        // One that was closed meanwhile has no target.
        if let Ok(target) = fs::read_link(entry?.path()) {
            read = read.saturating_add(1);
            let count = kinds.entry(kind(&target)).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut kinds: Vec<(String, usize)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut rows = Rows::new([Align::Right, Align::Left]);
    for (kind, count) in kinds {
        rows.push([count.to_string(), kind].iter());
    }
    let unread = all.saturating_sub(read);
    if read >= MAX_READ {
        rows.push([unread.to_string(), "not looked at".to_owned()].iter());
    }
    Ok(rows.into_text(|| true))
}

/// `socket:[4711]` is a socket, `anon_inode:[eventpoll]` keeps its name, and a path is a file.
fn kind(target: &Path) -> String {
    let text = target.to_string_lossy();
    match text.split_once(':') {
        Some(("anon_inode", which)) => format!("anon_inode {which}"),
        Some((kind @ ("socket" | "pipe"), _)) => kind.to_owned(),
        _ if text.starts_with("/dev/") => "device".to_owned(),
        _ => "file".to_owned(),
    }
}

/// The threads of the process: id, name, state, and what each waits for in the kernel.
pub(super) fn threads() -> io::Result<String> {
    let mut ids: Vec<u32> = fs::read_dir("/proc/self/task")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.truncate(MAX_READ);
    let mut rows = Rows::new([Align::Right, Align::Left, Align::Left, Align::Left]);
    rows.push(["id", "name", "state", "kernel_wait"].iter());
    for id in ids {
        let read = |file: &str| fs::read_to_string(format!("/proc/self/task/{id}/{file}"));
        // A thread that has ended meanwhile has no files.
        let (Ok(name), Ok(stat)) = (read("comm"), read("stat")) else {
            continue;
        };
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.get(..1));
        let wait = kernel_wait(id).unwrap_or_else(|| "-".to_owned());
        rows.push(
            [
                &id.to_string(),
                name.trim_end(),
                state.unwrap_or("-"),
                &wait,
            ]
            .iter(),
        );
    }
    let mut text = rows.into_text(|| true);
    if all > MAX_READ {
        // Writing to a string does not fail.
        let _ = writeln!(text, "the first {MAX_READ} of {all}");
    }
    Ok(text)
}

/// The reason in place of a file that the system does not have.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("this system does not have it ({error})"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_a_few_kinds() {
        for (target, expected) in [
            ("socket:[4711]", "socket"),
            ("pipe:[12]", "pipe"),
            ("anon_inode:[eventpoll]", "anon_inode [eventpoll]"),
            ("/var/log/app:1.log", "file"),
            ("/dev/null", "device"),
        ] {
            assert_eq!(kind(Path::new(target)), expected);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_calling_thread_is_listed() {
        let threads = threads().expect("there is /proc");
        assert!(threads.contains(" running"), "{threads}");
        assert!(!descriptors().expect("there is /proc").is_empty());
    }
}
