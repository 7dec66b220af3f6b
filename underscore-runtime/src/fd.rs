//! Recognizes that file descriptors are exhausted. Callers decide how to go on without one.

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

#[cfg(test)]
mod tests {
    use super::*;

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
