//! When file descriptors run out. What then goes on all the same is decided where they are needed.

use std::io;

/// The system's numbers for "too many open files", in this process and in all of them: the same on
/// every Unix.
const USED_UP: [i32; 2] = [24, 23];

/// Whether `error` says that there is no descriptor left.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|number| USED_UP.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_too_many_files() {
        for number in USED_UP {
            let error = io::Error::from_raw_os_error(number);
            assert!(is_exhausted(&error));
            assert!(error.to_string().contains("oo many open files"), "{error}");
        }
        assert!(!is_exhausted(&io::Error::from_raw_os_error(2)));
        assert!(!is_exhausted(&io::ErrorKind::Other.into()));
    }
}
