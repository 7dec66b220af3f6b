//! Changes of values that are reverted at a moment, each at its own.

use std::collections::BTreeMap;

use crate::clock::Instant;

/// The pending reverts of changes of a map, in the order in which the changes were made.
#[derive(Clone, Debug)]
pub(crate) struct Reverts<K, V>(Vec<Revert<K, V>>);

#[derive(Clone, Debug)]
struct Revert<K, V> {
    key: K,
    at: Instant,
    before: Option<V>,
}

impl<K, V> Reverts<K, V> {
    pub(crate) const fn new() -> Self {
        Reverts(Vec::new())
    }

    /// The number of pending reverts.
    pub(crate) fn pending(&self) -> usize {
        self.0.len()
    }

    /// The keys with a pending revert, with repetitions.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|revert| &revert.key)
    }

    /// The earliest expiry.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.0.iter().map(|revert| revert.at).min()
    }
}

impl<K, V> Default for Reverts<K, V> {
    fn default() -> Self {
        Reverts::new()
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> Reverts<K, V> {
    /// Sets or removes a value, until `expires` if that is `Some`.
    pub(crate) fn put(
        &mut self,
        values: &mut BTreeMap<K, V>,
        key: K,
        value: Option<V>,
        expires: Option<Instant>,
    ) {
        let before = set(values, key.clone(), value);
        match expires {
            Some(at) => self.0.push(Revert { key, at, before }),
            // A permanent change is not reverted by the expiry of an earlier one.
            None => self.0.retain(|revert| revert.key != key),
        }
    }

    /// Reverts the changes that have expired. Returns the keys whose value changed.
    pub(crate) fn expire(&mut self, values: &mut BTreeMap<K, V>, now: Instant) -> Vec<K> {
        let mut keys = Vec::new();
        while let Some(index) = self.0.iter().position(|revert| revert.at <= now) {
            let Revert { key, before, .. } = self.0.remove(index);
            // A later change of the same key now reverts to the value before this one.
            let mut later = self.0.iter_mut().skip(index);
            if let Some(later) = later.find(|later| later.key == key) {
                later.before = before;
            } else if set(values, key.clone(), before.clone()) != before {
                keys.push(key);
            }
        }
        keys
    }

    /// True if a change of this key is pending.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.0.iter().any(|revert| revert.key == *key)
    }

    /// Adds the pending changes of this key in `other`.
    pub(crate) fn absorb(&mut self, other: &Self, key: &K) {
        let of_key = other.0.iter().filter(|revert| revert.key == *key);
        self.0.extend(of_key.cloned());
    }
}

/// Values with their reverts.
type Layer<'a, K, V> = (&'a BTreeMap<K, V>, &'a Reverts<K, V>);

/// The keys whose values change by a revert, each with the moment of the first change. The revert of
/// a change that a later one has replaced changes nothing, nor does one to the same value. A value
/// precedes those of later `layers`.
pub(crate) fn expiries<K: Ord + Clone, V: Clone + PartialEq, const LAYERS: usize>(
    layers: [Layer<'_, K, V>; LAYERS],
) -> BTreeMap<K, Instant> {
    let mut expiries = BTreeMap::new();
    if layers.iter().all(|(_, reverts)| reverts.pending() == 0) {
        return expiries;
    }
    let mut later = layers.map(|(values, reverts)| (values.clone(), reverts.clone()));
    while let Some(at) = later
        .iter()
        .filter_map(|(_, reverts)| reverts.next_expiry())
        .min()
    {
        let expire = |(values, reverts): &mut (_, Reverts<K, V>)| reverts.expire(values, at);
        let changed: Vec<K> = later.iter_mut().flat_map(expire).collect();
        for key in changed {
            let before = layers.iter().find_map(|(values, _)| values.get(&key));
            let after = later.iter().find_map(|(values, _)| values.get(&key));
            if before != after {
                expiries.entry(key).or_insert(at);
            }
        }
    }
    expiries
}

fn set<K: Ord, V>(values: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => values.insert(key, value),
        None => values.remove(&key),
    }
}
