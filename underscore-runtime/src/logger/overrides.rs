//! The levels of targets that an operator has set, with those that expire.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Instant;
use crate::log_level::LogLevel;
use crate::settings::{Reverts, expiries};

/// A change of one target: a level, or `None` for that of the host's filter.
pub(crate) type LevelChange = (String, Option<LogLevel>);

/// Levels by target.
#[derive(Clone, Debug)]
pub(crate) struct Overrides {
    levels: BTreeMap<String, LogLevel>,
    reverts: Reverts<String, LogLevel>,
}

impl Overrides {
    pub(super) const fn new() -> Self {
        Overrides {
            levels: BTreeMap::new(),
            reverts: Reverts::new(),
        }
    }

    /// Applies changes, until `expires` if that is `Some`.
    pub(crate) fn apply(&mut self, changes: Vec<LevelChange>, expires: Option<Instant>) {
        for (target, level) in changes {
            self.reverts.put(&mut self.levels, target, level, expires);
        }
    }

    /// Removes all levels, until `expires` if that is `Some`.
    pub(crate) fn clear(&mut self, expires: Option<Instant>) {
        let pending = self.reverts.keys();
        // A target without a level may get it back.
        let targets: BTreeSet<String> = self.levels.keys().chain(pending).cloned().collect();
        self.apply(
            targets.into_iter().map(|target| (target, None)).collect(),
            expires,
        );
    }

    /// Reverts the changes that have expired. Returns the targets whose level changed.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<String> {
        self.reverts.expire(&mut self.levels, now)
    }

    pub(crate) fn levels(&self) -> &BTreeMap<String, LogLevel> {
        &self.levels
    }

    /// The number of changes that expire.
    pub(crate) fn pending(&self) -> usize {
        self.reverts.pending()
    }

    /// The targets whose levels expire, each with the moment at which the level in force changes.
    pub(crate) fn expiries(&self) -> BTreeMap<String, Instant> {
        expiries([(&self.levels, &self.reverts)])
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.reverts.next_expiry()
    }
}
