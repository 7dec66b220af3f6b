//! The file descriptors of the process: whether they are exhausted, and how many are open. Callers
//! decide how to go on without one.

use std::io;

/// `EMFILE` and `ENFILE`: too many open files in this process, and in the system. The same numbers
/// on every Unix.
const EXHAUSTED: [i32; 2] = [24, 23];

/// True if `error` is EMFILE or ENFILE.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|number| EXHAUSTED.contains(&number))
}

/// The open descriptors, and their limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    pub(crate) open: u64,
    /// The soft limit.
    pub(crate) most: u64,
}

impl Descriptors {
    /// Reads them. `None` if the system does not tell, and if fewer than `percent` of the limit are
    /// open as far as it is known without counting them.
    #[cfg(target_os = "linux")]
    pub(crate) fn nearly_used_up(percent: u64) -> Option<Self> {
        use rustix::process::{Resource, getrlimit};
        let most = getrlimit(Resource::Nofile).current?;
        let is_near = |open: u64| open.saturating_mul(100) >= most.saturating_mul(percent);
        let open = linux::open(is_near)?;
        is_near(open).then_some(Descriptors { open, most })
    }

    /// Other systems have no `/proc/self`.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn nearly_used_up(_: u64) -> Option<Self> {
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use procfs::process::Process;

    /// The number of open descriptors. `None` if `is_near` is false for the size of their table.
    pub(super) fn open(is_near: impl Fn(u64) -> bool) -> Option<u64> {
        // Their number since Linux 6.2. Needs no descriptor.
        let directory = fs::metadata("/proc/self/fd").ok()?;
        if directory.len() > 0 {
            return Some(directory.len());
        }
        let size = match Process::myself().and_then(|process| process.status()) {
            Ok(status) => u64::from(status.fdsize),
            // Most likely because there is none left.
            Err(_) => u64::MAX,
        };
        if !is_near(size) {
            return None;
        }
        match fs::read_dir("/proc/self/fd") {
            Ok(listed) => u64::try_from(listed.count()).ok(),
            Err(error) => super::is_exhausted(&error).then_some(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn open_descriptors_are_counted() {
        let Descriptors { open, most } = Descriptors::nearly_used_up(0).expect("Linux tells");
        assert!((3..most).contains(&open), "{open} of {most}");
        assert_eq!(Descriptors::nearly_used_up(100), None);
    }

    #[test]
    fn the_numbers_mean_too_many_open_files() {
        for number in EXHAUSTED {
            let error = io::Error::from_raw_os_error(number);
            assert!(is_exhausted(&error));
            assert!(error.to_string().contains("oo many open files"), "{error}");
        }
        assert!(!is_exhausted(&io::Error::from_raw_os_error(2)));
        assert!(!is_exhausted(&io::ErrorKind::Other.into()));
    }
}
