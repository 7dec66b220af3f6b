//! A gate that blocks threads like a lock.

use std::sync::{Condvar, Mutex};

/// Blocks threads until it is opened.
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub const fn new() -> Self {
        Gate {
            open: Mutex::new(false),
            opened: Condvar::new(),
        }
    }

    pub fn wait(&self) {
        let open = self.open.lock().expect("whole");
        drop(self.opened.wait_while(open, |open| !*open).expect("whole"));
    }

    pub fn is_open(&self) -> bool {
        *self.open.lock().expect("whole")
    }

    pub fn open(&self) {
        *self.open.lock().expect("whole") = true;
        self.opened.notify_all();
    }
}
