//! What a profile rests on, in one line.

use crate::sampling::profile::Profile;
use crate::units;

/// The length of the profile, what was looked at, and what was found.
#[allow(
    clippy::cast_precision_loss,
    reason = "the numbers are rounded to few digits"
)]
pub(super) fn summary(profile: &Profile) -> String {
    let seen = profile.requests_seen.max(1) as f64;
    let looked_at = 100.0 * profile.requests_sampled as f64 / seen;
    let time = units::seconds(profile.recorded.time);
    let at_a_time = time / units::seconds(profile.length).max(f64::MIN_POSITIVE);
    format!(
        "{:.2}s, {} passes, {looked_at:.0}% of the requests looked at, {} samples, {time:.1} \
         request-seconds, {at_a_time:.1} requests at a time",
        units::seconds(profile.length),
        profile.passes,
        profile.recorded.samples,
    )
}
