//! The structure of a profile for JSON, YAML and CBOR.

use crate::admin::render::Node;
use crate::admin::words::PROFILE_TYPES;
use crate::routes::ids;
use crate::sampling::profile::{Profile, ProfileStack, Weight};
use crate::units;

/// A profile as a structure.
pub(super) fn node(profile: &Profile) -> Node {
    let id_of = ids();
    let stack = |stack: &ProfileStack| {
        let identity = &stack.route.identity;
        let [wait, run] = PROFILE_TYPES;
        let text = |text: Option<&str>| text.map_or(Node::Null, Node::text);
        let frames = stack.path.iter().map(|point| {
            Node::object([
                ("function", Node::text(point.function())),
                ("where", Node::text(point.to_string())),
                ("awaiting", Node::text(point.source())),
            ])
        });
        let id = id_of(stack.route).map(|id| id.to_string());
        let [time, samples] = weight(stack.weight);
        Node::object([
            ("route_id", text(id.as_deref())),
            ("method", Node::text(identity.method.as_str())),
            ("path", text(identity.path.as_deref())),
            (
                "type",
                Node::text(if stack.is_running { run } else { wait }),
            ),
            time,
            samples,
            ("frames", Node::List(frames.collect())),
        ])
    };
    let [time, samples] = weight(profile.recorded);
    Node::object([
        (
            "length_in_seconds",
            Node::Float(units::seconds(profile.length)),
        ),
        ("passes", Node::Integer(profile.passes)),
        ("requests_seen", Node::Integer(profile.requests_seen)),
        (
            "requests_looked_at",
            Node::Integer(profile.requests_sampled),
        ),
        time,
        samples,
        (
            "stacks",
            Node::List(profile.stacks.iter().map(stack).collect()),
        ),
        ("rest", Node::object(weight(profile.rest))),
    ])
}

fn weight(weight: Weight) -> [(&'static str, Node); 2] {
    [
        (
            "request_time_in_seconds",
            Node::Float(units::seconds(weight.time)),
        ),
        ("samples", Node::Integer(weight.samples)),
    ]
}
