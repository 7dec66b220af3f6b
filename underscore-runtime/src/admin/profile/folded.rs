//! Folded stacks, a line for each with its frames and its weight, which inferno, `flamegraph.pl`
//! and speedscope read.

use std::fmt::Write as _;

use super::frames::{FramedStack, framed};
use super::summary::summary;
use crate::sampling::profile::Profile;

/// Writes a profile, the heaviest stack first, with milliseconds of request-time as weights. The
/// readers skip the first line, because it does not end with a number.
pub(super) fn write(profile: &Profile) -> String {
    let mut text = format!("# {}\n", summary(profile));
    for FramedStack { frames, weight, .. } in framed(profile) {
        for (index, frame) in frames.iter().enumerate() {
            if index > 0 {
                text.push(';');
            }
            text.push_str(&frame.name);
        }
        // Rounded: a stack may be lighter than a millisecond.
        let millis = weight.time.as_nanos().saturating_add(500_000) / 1_000_000;
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, " {millis}");
    }
    text
}
