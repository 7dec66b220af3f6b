//! A flame graph in one file, the outermost frames at the top. Frames are placed by percentages, so
//! that it fits the window, and are shown without their script, which only zooms.
//!
//! The crate inferno is not used: its license, CDDL-1.0, is copyleft, and its eight dependencies
//! take longer to compile than this.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};
use std::time::Duration;

use super::frames::{FramedStack, RUNNING, framed};
use super::summary::summary;
use crate::route::stable_hash;
use crate::sampling::profile::Profile;

/// Height of a frame in pixels.
const ROW: usize = 19;

/// Height of title and summary in pixels.
const HEAD: usize = 58;

/// The least share of the width that is drawn, in percent: a pixel when zoomed to a tenth.
const LEAST: f64 = 0.01;

const STYLE: &str = include_str!("flame.css");
pub(super) const SCRIPT: &str = include_str!("flame.js");

/// A frame with the frames that it is around, by name.
#[derive(Default)]
struct Flame {
    time: Duration,
    inside: BTreeMap<String, Flame>,
}

/// Writes a profile.
pub(super) fn write(profile: &Profile) -> String {
    let mut root = Flame::default();
    for FramedStack { frames, weight, .. } in framed(profile) {
        root.time = root.time.saturating_add(weight.time);
        let mut flame = &mut root;
        for frame in frames {
            flame = flame.inside.entry(frame.name).or_default();
            flame.time = flame.time.saturating_add(weight.time);
        }
    }
    let height = root.depth().saturating_mul(ROW).saturating_add(HEAD);
    let mut svg = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{height}\">\n\
         <title>Time of requests by await</title>\n\
         <style>{STYLE}</style>\n\
         <text x=\"8\" y=\"24\" class=\"title\">Time of requests by await</text>\n\
         <text x=\"8\" y=\"44\">{}; click a frame to zoom, the topmost to reset</text>\n",
        Xml(&summary(profile))
    );
    let whole = root.time;
    root.write("all requests", [0.0, 100.0], 0, whole, &mut svg);
    // Writing to a `String` cannot fail.
    let _ = write!(svg, "<script>{SCRIPT}</script>\n</svg>\n");
    svg
}

impl Flame {
    /// The number of frames of the deepest stack, with this one.
    fn depth(&self) -> usize {
        let inside = self.inside.values().map(Flame::depth).max();
        inside.unwrap_or(0).saturating_add(1)
    }

    /// Writes the frame at `[left, width]` percent, and those inside of it, the heaviest first. A
    /// stack has at most 202 frames.
    fn write(
        &self,
        name: &str,
        [left, width]: [f64; 2],
        depth: usize,
        whole: Duration,
        svg: &mut String,
    ) {
        if width < LEAST {
            return;
        }
        let y = depth.saturating_mul(ROW).saturating_add(HEAD);
        let share = 100.0 * share_of(self.time, whole);
        let millis = self.time.as_millis();
        let name = Xml(name);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            svg,
            "<svg class=\"frame\" x=\"{left:.4}%\" y=\"{y}\" width=\"{width:.4}%\" height=\"{ROW}\">\
             <title>{name} ({millis} ms, {share:.1} %)</title>\
             <rect width=\"100%\" height=\"18\" fill=\"{}\"/>\
             <text x=\"4\" y=\"13\">{name}</text></svg>",
            color(name.0, depth)
        );
        let mut inside: Vec<(&String, &Flame)> = self.inside.iter().collect();
        inside.sort_by_key(|(_, flame)| Reverse(flame.time));
        let mut left = left;
        for (name, flame) in inside {
            let part = width * share_of(flame.time, self.time);
            flame.write(name, [left, part], depth.saturating_add(1), whole, svg);
            left += part;
        }
    }
}

fn share_of(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        return 1.0;
    }
    part.div_duration_f64(whole)
}

/// The same color for a name each time: grey for all, blue for a route, red for a running request,
/// else a warm one. Black text is readable on each.
fn color(name: &str, depth: usize) -> String {
    let hash = stable_hash(&[name.as_bytes()]);
    match depth {
        0 => "#d0d0d0".to_owned(),
        1 => format!("#a8c8{:02x}", 230_u32.saturating_add(hash % 26)),
        _ if name == RUNNING => "#ff8a80".to_owned(),
        _ => format!(
            "#f{:x}{:02x}{:02x}",
            hash % 16,
            150_u32.saturating_add(hash / 16 % 90),
            70_u32.saturating_add(hash / 4096 % 50)
        ),
    }
}

/// Text of an XML document. Characters that XML does not have are escaped in the names already.
struct Xml<'a>(&'a str);

impl Display for Xml<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            c => f.write_char(c),
        })
    }
}
