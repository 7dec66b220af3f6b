//! What a look has found so far.

use crate::clock::Instant;
use crate::health::finding::Finding;
use crate::health::names::Names;

/// A look under way.
pub(super) struct Look {
    pub(super) now: Instant,
    pub(super) names: Names,
    pub(super) found: Vec<Finding>,
}

impl Look {
    pub(super) fn new(now: Instant) -> Self {
        Look {
            now,
            names: Names::default(),
            found: Vec::new(),
        }
    }
}
