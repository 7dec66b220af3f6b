//! The address of the lock that an await is for: what a waiter and a holder have in common.
//!
//! Generated code asks the expression on which a method like `lock` is called. Method resolution
//! prefers [`KnownLock`], which takes a [`Place`] by value and is implemented for locks, to
//! [`UnknownLock`], which takes a reference to one and is implemented for everything.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::extract::State;

/// An expression that a method is called on.
#[derive(Debug)]
pub struct Place<'a, T: ?Sized>(pub &'a T);

/// A lock, or a pointer to one.
pub trait Lock {
    /// Its address, which differs from that of any other lock that exists.
    #[doc(hidden)]
    fn address_of_lock(&self) -> usize;
}

/// A lock and the value in it may begin at the same address, and the value may be a lock. They
/// differ in their sizes, which go into bits that no address of a process uses.
#[inline]
fn address<T: ?Sized>(lock: &T) -> usize {
    let size = size_of_val(lock).rotate_right(16);
    std::ptr::from_ref(lock).cast::<()>().addr() ^ size
}

macro_rules! locks {
    ($($lock:ty),* $(,)?) => {
        $(impl<T: ?Sized> Lock for $lock {
            #[inline]
            fn address_of_lock(&self) -> usize {
                address(self)
            }
        })*
    };
}

locks!(
    tokio::sync::Mutex<T>,
    tokio::sync::RwLock<T>,
    std::sync::Mutex<T>,
    std::sync::RwLock<T>,
);

impl Lock for tokio::sync::Semaphore {
    #[inline]
    fn address_of_lock(&self) -> usize {
        address(self)
    }
}

macro_rules! pointers {
    ($($pointer:ty),* $(,)?) => {
        $(impl<T: Lock + ?Sized> Lock for $pointer {
            #[inline]
            fn address_of_lock(&self) -> usize {
                (**self).address_of_lock()
            }
        })*
    };
}

pointers!(&T, &mut T, Arc<T>, Rc<T>, Box<T>);

impl<T: Lock, F: FnOnce() -> T> Lock for LazyLock<T, F> {
    #[inline]
    fn address_of_lock(&self) -> usize {
        (**self).address_of_lock()
    }
}

impl<T: Lock> Lock for State<T> {
    #[inline]
    fn address_of_lock(&self) -> usize {
        self.0.address_of_lock()
    }
}

impl<T: Lock> Lock for Extension<T> {
    #[inline]
    fn address_of_lock(&self) -> usize {
        self.0.address_of_lock()
    }
}

/// The address of a place that is a lock.
pub trait KnownLock {
    #[doc(hidden)]
    fn __underscore_address(self) -> usize;
}

/// The address of any other place.
pub trait UnknownLock: Sized {
    #[doc(hidden)]
    #[inline]
    fn __underscore_address(self) -> usize {
        0
    }
}

impl<T: Lock + ?Sized> KnownLock for Place<'_, T> {
    #[inline]
    fn __underscore_address(self) -> usize {
        self.0.address_of_lock()
    }
}

impl<T: ?Sized> UnknownLock for &Place<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::{Mutex, Semaphore};

    #[test]
    fn a_lock_has_one_address_through_all_pointers() {
        let lock = Arc::new(Mutex::new(1));
        let direct = Place(&*lock).__underscore_address();
        assert_ne!(direct, 0);
        assert_eq!(Place(&lock).__underscore_address(), direct);
        assert_eq!(Place(&&lock).__underscore_address(), direct);
        assert_eq!(
            Place(&State(Arc::clone(&lock))).__underscore_address(),
            direct
        );
        let other = Mutex::new(1);
        assert_ne!(Place(&other).__underscore_address(), direct);
    }

    #[test]
    fn a_lock_inside_a_lock_has_another_address() {
        let mut outer = Mutex::new(Mutex::new(Mutex::new(())));
        let addresses = [
            Place(&outer).__underscore_address(),
            Place(outer.get_mut()).__underscore_address(),
            Place(outer.get_mut().get_mut()).__underscore_address(),
        ];
        let [first, second, third] = addresses;
        assert!(first != second && second != third && first != third);
    }

    #[test]
    fn other_values_have_none() {
        fn generic<T>(value: &T) -> usize {
            Place(value).__underscore_address()
        }
        let text = String::new();
        assert_eq!(Place(&text).__underscore_address(), 0);
        assert_eq!(generic(&Semaphore::new(1)), 0);
    }
}
