//! The stored settings of one handler or one mount, with those that expire.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::catalogue::Setting;
use super::reverts::Reverts;
use crate::clock::Instant;

/// A change of one setting: a new value, or `None` for the default.
pub(crate) type SettingChange = (&'static Setting, Option<Value>);

/// Values by key, without those at their defaults.
pub(crate) type Values = BTreeMap<&'static str, Value>;

/// The settings of one handler or one mount.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    /// Settings until the process ends.
    pub(crate) transient: Values,
    /// A copy of the settings file's section.
    pub(crate) persistent: Values,
    /// Transient changes that expire.
    reverts: Reverts<&'static str, Value>,
}

impl Stored {
    pub(crate) const fn new() -> Self {
        Stored {
            transient: BTreeMap::new(),
            persistent: BTreeMap::new(),
            reverts: Reverts::new(),
        }
    }

    /// Applies transient changes, until `expires` if that is `Some`.
    pub(crate) fn apply(&mut self, changes: &[SettingChange], expires: Option<Instant>) {
        for (setting, value) in changes {
            self.put(setting, value.clone(), expires);
        }
    }

    /// Sets or removes a valid transient value, until `expires` if that is `Some`.
    fn put(&mut self, setting: &'static Setting, value: Option<Value>, expires: Option<Instant>) {
        let Stored {
            transient, reverts, ..
        } = self;
        reverts.put(transient, setting.key, value, expires);
    }

    /// Reverts the changes that have expired. Returns the keys whose value changed.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<&'static str> {
        self.reverts.expire(&mut self.transient, now)
    }

    /// True if no value is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.transient.is_empty() && self.persistent.is_empty()
    }

    /// Adds the values of `other` whose keys are not set here, with the changes of them that
    /// expire.
    pub(crate) fn absorb(&mut self, other: &Stored) {
        let changing = other.expiring().map(|(key, _)| key);
        // A key without a value may get it back.
        let keys: BTreeSet<&'static str> =
            other.transient.keys().copied().chain(changing).collect();
        for key in keys {
            if self.reverts.contains(&key) || self.transient.contains_key(key) {
                continue;
            }
            if let Some(value) = other.transient.get(key) {
                self.transient.insert(key, value.clone());
            }
            self.reverts.absorb(&other.reverts, &key);
        }
        for (key, value) in &other.persistent {
            self.persistent.entry(key).or_insert_with(|| value.clone());
        }
    }

    /// The keys whose values expire, each with the moment at which the value in force does.
    pub(crate) fn expiring(&self) -> impl Iterator<Item = (&'static str, Instant)> {
        self.reverts.iter().map(|(key, at)| (*key, at))
    }

    /// The same for the settings in force on a route: its own, and for other keys those of its
    /// handler.
    pub(crate) fn expiring_on_route(
        &self,
        of_handler: &Stored,
    ) -> impl Iterator<Item = (&'static str, Instant)> {
        let is_own = |key| self.transient.contains_key(key) || self.reverts.contains(&key);
        let inherited = of_handler.expiring().filter(move |(key, _)| !is_own(key));
        self.expiring().chain(inherited)
    }

    /// The number of changes that expire.
    pub(crate) fn pending(&self) -> usize {
        self.reverts.len()
    }

    /// The earliest expiry.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.reverts.next_expiry()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn setting(key: &str) -> &'static Setting {
        Setting::find(key).expect("a setting")
    }

    /// The value after this number of seconds.
    fn value_at(stored: &Stored, start: Instant, seconds: u64) -> Option<Value> {
        let mut stored = stored.clone();
        stored.expire(start.after(Duration::from_secs(seconds)));
        stored.transient.get("preempt.status").cloned()
    }

    /// Holds 4.31 of docs/admin-api.md.
    #[test]
    fn an_expired_change_is_reverted() {
        let (start, status) = (Instant::now(), setting("preempt.status"));
        let at = |seconds| Some(start.after(Duration::from_secs(seconds)));
        let mut stored = Stored::new();
        stored.put(status, Some(json!(500)), None);
        stored.put(status, Some(json!(503)), at(10));
        assert_eq!(stored.next_expiry(), at(10));
        assert_eq!(value_at(&stored, start, 9), Some(json!(503)));
        assert_eq!(value_at(&stored, start, 10), Some(json!(500)));

        let mut changed = stored.clone();
        changed.put(status, Some(json!(501)), None);
        assert_eq!(changed.next_expiry(), None);
        assert_eq!(
            value_at(&changed, start, 99),
            Some(json!(501)),
            "a permanent change since"
        );
        changed.put(status, None, at(5));
        assert_eq!(value_at(&changed, start, 4), None, "a reset expires too");
        assert_eq!(value_at(&changed, start, 5), Some(json!(501)));
    }

    #[test]
    fn absorbed_changes_expire_like_before() {
        let (start, status) = (Instant::now(), setting("preempt.status"));
        let at = |seconds| Some(start.after(Duration::from_secs(seconds)));
        let mut other = Stored::new();
        other.put(status, Some(json!(501)), None);
        other.put(status, None, at(5));
        let mut stored = Stored::new();
        stored.absorb(&other);
        assert_eq!(value_at(&stored, start, 4), None);
        assert_eq!(value_at(&stored, start, 5), Some(json!(501)));

        let mut own = Stored::new();
        own.put(status, Some(json!(502)), at(9));
        own.absorb(&other);
        assert_eq!(value_at(&own, start, 5), Some(json!(502)));
        assert_eq!(value_at(&own, start, 9), None);
    }

    /// Holds 4.65 of docs/admin-api.md.
    #[test]
    fn the_shown_expiry_is_that_of_the_value_in_force() {
        let (start, status) = (Instant::now(), setting("preempt.status"));
        let at = |seconds| start.after(Duration::from_secs(seconds));
        let expiring = |stored: &Stored| stored.expiring().collect::<Vec<_>>();
        let mut stored = Stored::new();
        stored.put(status, Some(json!(501)), Some(at(10)));
        stored.put(status, Some(json!(501)), Some(at(60)));
        assert_eq!(expiring(&stored), [("preempt.status", at(60))], "prolonged");
        assert_eq!(stored.pending(), 2);
        stored.put(status, Some(json!(502)), Some(at(5)));
        assert_eq!(expiring(&stored), [("preempt.status", at(5))]);

        let own = Stored::new();
        let on_route = |own: &Stored| own.expiring_on_route(&stored).collect::<Vec<_>>();
        assert_eq!(on_route(&own), [("preempt.status", at(5))], "inherited");
        let mut own = Stored::new();
        own.put(status, Some(json!(503)), None);
        assert_eq!(on_route(&own), [], "its own value does not expire");
        own.put(status, Some(json!(503)), Some(at(7)));
        assert_eq!(on_route(&own), [("preempt.status", at(7))]);
    }

    /// Holds 4.32 of docs/admin-api.md.
    #[test]
    fn overlapping_changes_expire_independently() {
        let (start, status) = (Instant::now(), setting("preempt.status"));
        let at = |seconds| Some(start.after(Duration::from_secs(seconds)));
        let set = |first, second| {
            let mut stored = Stored::new();
            stored.put(status, Some(json!(501)), at(first));
            stored.put(status, Some(json!(502)), at(second));
            [5, 15, 25].map(|seconds| value_at(&stored, start, seconds))
        };
        let (first, second) = (Some(json!(501)), Some(json!(502)));
        assert_eq!(set(20, 10), [second.clone(), first, None]);
        assert_eq!(set(10, 20), [second.clone(), second, None]);
    }
}
