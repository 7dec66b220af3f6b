//! Temporary names for files that are created beside their final path and renamed over it.
//!
//! The names are random. In a container every process may have pid 1, so a name with the pid may be
//! taken by a leftover of a killed process, and the service would not start.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};

/// Maximum number of names to try. With 32 random bits a second one is hardly ever needed.
const MAX_TRIES: usize = 16;

/// Calls `make` with random numbers until it succeeds. If the name is taken, it must fail with
/// `AlreadyExists` or `AddrInUse` and leave the existing file alone.
pub(crate) fn create<T>(make: impl FnMut(u64) -> io::Result<T>) -> io::Result<T> {
    create_with(random, make)
}

fn create_with<T>(
    mut random: impl FnMut() -> u64,
    mut make: impl FnMut(u64) -> io::Result<T>,
) -> io::Result<T> {
    let is_taken = |error: &io::Error| {
        matches!(
            error.kind(),
            ErrorKind::AlreadyExists | ErrorKind::AddrInUse
        )
    };
    for _ in 1..MAX_TRIES {
        match make(random()) {
            Err(error) if is_taken(&error) => {}
            result => return result,
        }
    }
    make(random())
}

/// A random number: each `RandomState` has different keys, which derive from the system's random
/// numbers. A forked process inherits the keys of its parent; hashing the pid makes its numbers
/// differ.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn random_numbers_differ() {
        let names: HashSet<u64> = (0..1_000).map(|_| random() >> 32).collect();
        assert!(names.len() > 990, "{}", names.len());
    }

    #[test]
    fn a_taken_name_is_left_alone_and_another_one_is_tried() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |number: u64| directory.path().join(number.to_string());
        fs::write(path(0), "keep me").expect("written");
        fs::create_dir(path(1)).expect("made");
        symlink("nowhere", path(2)).expect("linked");
        drop(UnixListener::bind(path(3)).expect("bound"));
        let numbers = || {
            let mut next = 0..;
            move || next.next().expect("it has no end")
        };
        let file = create_with(numbers(), |number| File::create_new(path(number)));
        file.expect("the fifth name is free");
        let socket = create_with(numbers(), |number| UnixListener::bind(path(number)));
        socket.expect("the sixth name is free");
        assert_eq!(fs::read_to_string(path(0)).expect("there"), "keep me");
        assert!(path(4).is_file() && !path(6).exists());
    }

    #[test]
    fn attempts_are_limited_and_stop_at_another_error() {
        for (kind, tries) in [
            (ErrorKind::AlreadyExists, MAX_TRIES),
            (ErrorKind::AddrInUse, MAX_TRIES),
            (ErrorKind::PermissionDenied, 1),
        ] {
            let mut tried = 0;
            let made = create(|_| {
                tried += 1;
                io::Result::<()>::Err(kind.into())
            });
            assert_eq!(made.expect_err("it fails").kind(), kind);
            assert_eq!(tried, tries, "{kind}");
        }
    }
}
