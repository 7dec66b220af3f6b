//! What a profile rests on, in one line.

use crate::sampling::profile::Profile;
use crate::units;

/// The length of the profile, what was looked at, and what was found.
#[allow(
    clippy::cast_precision_loss,
    reason = "the numbers are rounded to few digits"
)]
pub(super) fn summary(profile: &Profile) -> String {
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    format!(
        "{:.2}s, {} passes, {:.1} requests in flight, {:.0}% of them looked at, {} samples, {:.1} \
         request-seconds",
        units::seconds(profile.length),
        profile.passes,
        share(profile.requests_seen, profile.passes),
        100.0 * share(profile.requests_sampled, profile.requests_seen),
        profile.recorded.samples,
        units::seconds(profile.recorded.time),
    )
}
