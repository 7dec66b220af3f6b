//! The stored settings of one handler or one mount, with those that expire.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::catalogue::Setting;
use super::reverts::{Reverts, expiries};
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
        let changing = other.reverts.keys().copied();
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

    /// The keys whose transient values on a route expire, each with the moment at which the value
    /// in force changes. `self` has the route's own settings, which precede those of its handler.
    pub(crate) fn expiries_on_route(&self, of_handler: &Stored) -> BTreeMap<&'static str, Instant> {
        expiries([self, of_handler].map(|stored| (&stored.transient, &stored.reverts)))
    }

    /// The number of changes that expire.
    pub(crate) fn pending(&self) -> usize {
        self.reverts.pending()
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

    /// The seconds after which the value in force on a route changes by an expiry, for changes of
    /// the handler's and of the route's own setting, each with the seconds until its own expiry.
    fn expiry(of_handler: &[(Value, u64)], own: &[(Value, u64)]) -> Option<u64> {
        let (start, status) = (Instant::now(), setting("preempt.status"));
        let stored = |changes: &[(Value, u64)]| {
            let mut stored = Stored::new();
            for (value, seconds) in changes {
                let value = Some(value.clone()).filter(|value| !value.is_null());
                let at = start.after(Duration::from_secs(*seconds));
                stored.put(status, value, Some(at).filter(|_| *seconds > 0));
            }
            stored
        };
        let expiries = stored(own).expiries_on_route(&stored(of_handler));
        let at = expiries.get("preempt.status")?;
        Some(at.since(start).as_secs())
    }

    /// Holds 4.65 of docs/admin-api.md.
    #[test]
    fn the_expiry_is_that_of_the_value_in_force() {
        let own = |changes: &[(Value, u64)]| expiry(&[], changes);
        let (one, two, none) = (json!(501), json!(502), Value::Null);
        let set = |value: &Value, seconds| (value.clone(), seconds);
        assert_eq!(own(&[set(&one, 5)]), Some(5));
        assert_eq!(own(&[set(&one, 5), set(&one, 60)]), Some(60), "prolonged");
        assert_eq!(own(&[set(&one, 5), set(&two, 60)]), Some(60));
        assert_eq!(own(&[set(&one, 60), set(&two, 5)]), Some(5));
        assert_eq!(own(&[set(&one, 60), set(&one, 5)]), Some(60), "not sooner");
        assert_eq!(own(&[set(&one, 0), set(&one, 5)]), None, "permanent");
        assert_eq!(own(&[set(&none, 5)]), None, "a reset of nothing");
        assert_eq!(own(&[set(&one, 0), set(&none, 5)]), Some(5), "comes back");

        let route = expiry;
        assert_eq!(route(&[set(&one, 5)], &[]), Some(5), "inherited");
        assert_eq!(route(&[set(&one, 5)], &[set(&two, 0)]), None);
        assert_eq!(route(&[set(&one, 5)], &[set(&two, 7)]), Some(7));
        assert_eq!(route(&[set(&one, 60)], &[set(&none, 5)]), Some(60));
        let reset = [set(&two, 0), set(&none, 5)];
        assert_eq!(route(&[set(&one, 3)], &reset), Some(3));
        assert_eq!(route(&[set(&one, 0)], &[set(&one, 5)]), None, "the same");
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
