//! The frames of a profile's stacks as text, the same in each format: route, awaits, and `(running)`
//! for a request inside a poll.

use std::borrow::Cow;

use crate::routes::Route;
use crate::sampling::profile::{MAX_STACKS, Profile, ProfileStack, Weight};
use crate::stack::AwaitPoint;
use crate::visible::visible;

/// The innermost frame of a request inside a poll.
pub(super) const RUNNING: &str = "(running)";

/// The innermost frame of a request that waits at no known await.
const UNKNOWN: &str = "(at no known await)";

/// A frame.
pub(super) struct Frame {
    pub(super) name: String,
    /// The await, `None` for a route and for the innermost frames that are none.
    pub(super) point: Option<&'static AwaitPoint>,
}

/// A stack as frames, the outermost first.
pub(super) struct FramedStack<'a> {
    /// `None` for the rest of the stacks.
    pub(super) stack: Option<&'a ProfileStack>,
    pub(super) frames: Vec<Frame>,
    pub(super) weight: Weight,
}

/// All stacks of a profile, the heaviest first, and the rest.
pub(super) fn framed(profile: &Profile) -> impl Iterator<Item = FramedStack<'_>> {
    let stacks = profile.stacks.iter().map(|stack| FramedStack {
        stack: Some(stack),
        frames: frames(stack),
        weight: stack.weight,
    });
    let rest = (profile.rest != Weight::default()).then(|| FramedStack {
        stack: None,
        frames: vec![Frame::word(&format!("(beyond {MAX_STACKS} stacks)"))],
        weight: profile.rest,
    });
    stacks.chain(rest)
}

fn frames(stack: &ProfileStack) -> Vec<Frame> {
    let mut frames = vec![Frame {
        name: escape(&route_name(stack.route)),
        point: None,
    }];
    frames.extend(stack.path.iter().map(|point| Frame::new(point)));
    if stack.is_running {
        frames.push(Frame::word(RUNNING));
    } else if stack.path.is_empty() {
        frames.push(Frame::word(UNKNOWN));
    }
    frames
}

/// Method and path, as in `GET /once`.
pub(super) fn route_name(route: &Route) -> String {
    let identity = &route.identity;
    match (identity.path.as_deref(), identity.declaration()) {
        (Some(path), _) => format!("{} {path}", identity.method),
        (None, declaration) => {
            let name = declaration.name.unwrap_or_else(|| declaration.id_text());
            format!("{} {name}", identity.method)
        }
    }
}

impl Frame {
    fn new(point: &'static AwaitPoint) -> Self {
        let mut name = escape(&format!("{} {point} {}", point.function(), point.source()));
        // A reader would take a second number at the end of a line for a weight, too.
        let last = name.rsplit(' ').next().unwrap_or_default();
        if last
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            name.push_str(".await");
        }
        Frame {
            name,
            point: Some(point),
        }
    }

    fn word(name: &str) -> Self {
        Frame {
            name: name.to_owned(),
            point: None,
        }
    }
}

/// `text` on one line, without the separator of frames.
fn escape(text: &str) -> String {
    let words: Vec<Cow<'_, str>> = text.split_whitespace().map(visible).collect();
    words.join(" ").replace(';', ",")
}
