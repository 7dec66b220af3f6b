//! Descriptors in reserve. A service that has used up its own is the one that somebody wants to look into: then one
//! of these is given up for the connection that is accepted, and comes back when it ends.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

use crate::sync::Mutex;

/// More than one, for several may look at once, and another thread of the service may be faster in taking what was
/// given up.
const SIZE: usize = 8;

/// Descriptors that are there to be given up.
#[derive(Debug)]
pub(super) struct Reserve {
    spares: Mutex<Vec<OwnedFd>>,
}

impl Reserve {
    /// As many as can be had; the rest comes when there are some.
    pub(super) fn new() -> Self {
        let reserve = Reserve {
            spares: Mutex::new(Vec::with_capacity(SIZE)),
        };
        reserve.refill();
        reserve
    }

    /// Leaves one to whoever asks first. Nothing happens if there is none.
    pub(super) fn give_up(&self) -> bool {
        let spare = self.spares.lock().pop();
        // The last thing that is done: whoever asks next, gets it.
        spare.map(drop).is_some()
    }

    /// Takes a descriptor that is not needed any more. It stays open, so that nobody else can be faster; what it
    /// leads to must be without effect by now. With enough of them it is closed.
    pub(super) fn take_back(&self, descriptor: OwnedFd) {
        let mut spares = self.spares.lock();
        if spares.len() < SIZE {
            spares.push(descriptor);
        }
    }

    /// Takes what is missing, as far as it can be had.
    pub(super) fn refill(&self) {
        let mut spares = self.spares.lock();
        while spares.len() < SIZE {
            // A socket that leads nowhere: that works also where there is no file to open.
            match UnixDatagram::unbound() {
                Ok(socket) => spares.push(socket.into()),
                Err(_) => return,
            }
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.spares.lock().len() == SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_comes_back_and_no_more_than_that() {
        let reserve = Reserve::new();
        assert!(reserve.is_whole());
        for _ in 0..SIZE {
            assert!(reserve.give_up());
        }
        assert!(!reserve.give_up(), "there is none left");
        for _ in 0..=SIZE {
            assert!(!reserve.is_whole() || reserve.spares.lock().len() == SIZE);
            reserve.take_back(UnixDatagram::unbound().expect("one").into());
        }
        assert_eq!(reserve.spares.lock().len(), SIZE);
        assert!(reserve.give_up());
        reserve.refill();
        assert!(reserve.is_whole());
    }
}
