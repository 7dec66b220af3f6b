//! The hash that ids of handlers and digits of mounts are made of.

use std::hash::Hasher;

use fnv::FnvHasher;

/// 32 bits of the FNV-1a hash of `parts`: the same in every process, build and version of Rust.
#[allow(clippy::cast_possible_truncation, reason = "the halves of a hash")]
pub(crate) fn stable_hash(parts: &[&[u8]]) -> u32 {
    let mut hasher = FnvHasher::default();
    for part in parts {
        hasher.write(part);
    }
    let hash = hasher.finish();
    // Both halves: the last bytes hardly reach the low one.
    (hash >> 32) as u32 ^ hash as u32
}
