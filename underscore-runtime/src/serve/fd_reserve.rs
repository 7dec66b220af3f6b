//! Reserved file descriptors. A service that has used up its descriptors is the one that an
//! operator wants to inspect: a descriptor is released for an accepted connection and returned to
//! the reserve when the connection ends.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

use crate::sync::Mutex;

/// More than one, because several clients may connect at once, and another thread of the service
/// may take a released descriptor first.
const SIZE: usize = 8;

/// Open descriptors that can be closed when a connection needs one.
#[derive(Debug)]
pub(super) struct FdReserve {
    spares: Mutex<Vec<OwnedFd>>,
}

impl FdReserve {
    /// Opens as many descriptors as the limit allows. [`refill`](Self::refill) opens the rest.
    pub(super) fn new() -> Self {
        let reserve = FdReserve {
            spares: Mutex::new(Vec::with_capacity(SIZE)),
        };
        reserve.refill();
        reserve
    }

    /// Closes one descriptor. False if the reserve is empty.
    pub(super) fn release(&self) -> bool {
        let spare = self.spares.lock().pop();
        // Closed last: the next call that opens a descriptor gets it.
        spare.map(drop).is_some()
    }

    /// Takes a descriptor of a finished connection instead of closing it, so that no other thread
    /// can get it in between. It must have no effect any more. If the reserve is full, it is
    /// closed.
    pub(super) fn put_back(&self, descriptor: OwnedFd) {
        let mut spares = self.spares.lock();
        if spares.len() < SIZE {
            spares.push(descriptor);
        }
    }

    /// Opens the missing descriptors, as far as the limit allows.
    pub(super) fn refill(&self) {
        let mut spares = self.spares.lock();
        while spares.len() < SIZE {
            // An unbound socket needs no file system.
            match UnixDatagram::unbound() {
                Ok(socket) => spares.push(socket.into()),
                Err(_) => return,
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.spares.lock().len() == SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_descriptors_can_be_put_back_up_to_the_size_of_the_reserve() {
        let reserve = FdReserve::new();
        assert!(reserve.is_full());
        for _ in 0..SIZE {
            assert!(reserve.release());
        }
        assert!(!reserve.release(), "the reserve is empty");
        for _ in 0..=SIZE {
            assert!(!reserve.is_full() || reserve.spares.lock().len() == SIZE);
            reserve.put_back(UnixDatagram::unbound().expect("a socket").into());
        }
        assert_eq!(reserve.spares.lock().len(), SIZE);
        assert!(reserve.release());
        reserve.refill();
        assert!(reserve.is_full());
    }
}
