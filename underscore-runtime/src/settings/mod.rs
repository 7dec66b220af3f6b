//! What an operator may change at run time, typed: the catalogue of settings, what is stored for a
//! handler or a mount, and what of it is in force. How settings are written in JSON is the admin's.

mod catalogue;
mod effective;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use catalogue::{SETTINGS, Setting};
pub(crate) use effective::{Effective, Preempt};

/// The settings of one handler or one mount; what is not set is absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    transient: BTreeMap<&'static str, Value>,
}

impl Stored {
    pub(crate) const fn new() -> Self {
        Stored {
            transient: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.transient.get(key)
    }

    /// Sets a value that the catalogue has accepted, or removes it.
    pub(crate) fn put(&mut self, setting: &'static Setting, value: Option<Value>) {
        match value {
            Some(value) => self.transient.insert(setting.key, value),
            None => self.transient.remove(setting.key),
        };
    }
}
