//! A table of filters and their results, properties that hold for all filters, and hostile filters.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{FilterPath, MatchState};
use crate::admin::cancellation::Cancellation;
use crate::admin::render::Node;

/// Input, filter, result.
#[rustfmt::skip]
const CASES: &[(&str, &str, &str)] = &[
    // No filter.
    (r#"{"a":1,"b":[]}"#, "", r#"{"a":1,"b":[]}"#),
    (r#"{"a":1}"#, " , ,", r#"{"a":1}"#),
    (r#"{"a":1}"#, "-", r#"{"a":1}"#),
    // One key.
    (r#"{"a":1,"b":2}"#, "a", r#"{"a":1}"#),
    (r#"{"a":1,"b":2}"#, "c", "{}"),
    (r#"{"a":1,"ab":2}"#, "a", r#"{"a":1}"#),
    (r#"{"a":null,"b":2}"#, "a", r#"{"a":null}"#),
    // Paths.
    (r#"{"a":{"b":1,"c":2},"b":3}"#, "a.b", r#"{"a":{"b":1}}"#),
    (r#"{"a":{"b":1,"c":2},"b":3}"#, "a", r#"{"a":{"b":1,"c":2}}"#),
    (r#"{"a":1}"#, "a.b", "{}"),
    (r#"{"a":{"c":1},"b":2}"#, "a.b,b", r#"{"b":2}"#),
    (r#"{"a":{"b":{"c":1,"d":2}}}"#, "a.b.c", r#"{"a":{"b":{"c":1}}}"#),
    // Lists of patterns.
    (r#"{"a":1,"b":2,"c":3}"#, " a , c ", r#"{"a":1,"c":3}"#),
    (r#"{"a":{"b":1,"c":2}}"#, "a.b,a.c", r#"{"a":{"b":1,"c":2}}"#),
    (r#"{"a":{"b":1,"c":2}}"#, "a.b,a", r#"{"a":{"b":1,"c":2}}"#),
    // `*` within a key.
    (r#"{"ab":1,"b":2,"bab":3}"#, "*b", r#"{"ab":1,"b":2,"bab":3}"#),
    (r#"{"ab":1,"b":2,"bab":3}"#, "a*", r#"{"ab":1}"#),
    (r#"{"abc":1,"ac":2,"acb":3}"#, "a*c", r#"{"abc":1,"ac":2}"#),
    (r#"{"a":{"b":1},"c":{"b":2,"d":3}}"#, "*.b", r#"{"a":{"b":1},"c":{"b":2}}"#),
    (r#"{"a":{"b":{"c":1}}}"#, "*.c", "{}"),
    (r#"{"a":1,"b":{}}"#, "*", r#"{"a":1,"b":{}}"#),
    (r#"{"a":1,"b":{"c":2}}"#, "*.*", r#"{"b":{"c":2}}"#),
    (r#"{"a":{"b":1},"b":2}"#, "***.b", r#"{"a":{"b":1}}"#),
    (r#"{"axb":1,"ab":2,"b":3}"#, "a**b", r#"{"axb":1,"ab":2}"#),
    // `**` for any number of levels.
    (r#"{"a":{"b":{"c":1}},"c":2,"d":3}"#, "**.c", r#"{"a":{"b":{"c":1}},"c":2}"#),
    (r#"{"a":{"c":1,"b":{"c":2,"d":3}}}"#, "a.**.c", r#"{"a":{"c":1,"b":{"c":2}}}"#),
    (r#"{"a":{"b":1},"c":2}"#, "a.**", r#"{"a":{"b":1}}"#),
    (r#"{"a":1,"c":2}"#, "a.**", r#"{"a":1}"#),
    (r#"{"a":{},"c":[]}"#, "**", r#"{"a":{},"c":[]}"#),
    (r#"{"a":{"b":1}}"#, "**.**.b", r#"{"a":{"b":1}}"#),
    (r#"{"a":{"a":{"b":1}},"b":2}"#, "**.a.b", r#"{"a":{"a":{"b":1}}}"#),
    (r#"{"a":{"x":{"b":{"y":{"c":1}}},"c":2}}"#, "**.b.**.c", r#"{"a":{"x":{"b":{"y":{"c":1}}}}}"#),
    (r#"{"a":1,"b":{"c":2}}"#, "**.*", r#"{"a":1,"b":{"c":2}}"#),
    // Dots and backslashes in keys.
    (r#"{"a.b":1,"a":{"b":2}}"#, r"a\.b", r#"{"a.b":1}"#),
    (r#"{"a.b":1,"a":{"b":2}}"#, "a.b", r#"{"a":{"b":2}}"#),
    (r#"{"a.b":{"c":1,"d":2}}"#, r"a\.b.c", r#"{"a.b":{"c":1}}"#),
    (r#"{"a.b":1,"a.c":2,"b":3}"#, r"a\.*", r#"{"a.b":1,"a.c":2}"#),
    (r#"{"a.b":1,"b":3}"#, "a*b", r#"{"a.b":1}"#),
    (r#"{"a\\b":1,"ab":2}"#, r"a\b", r#"{"a\\b":1}"#),
    (r#"{"a\\.b":1,"a\\":{"b":2}}"#, r"a\\.b", r#"{"a\\.b":1}"#),
    // Empty keys are keys.
    (r#"{"a":{"":1,"b":2},"":3}"#, "a.", r#"{"a":{"":1}}"#),
    (r#"{"a":{"":{"b":1}},"b":2}"#, "a..b", r#"{"a":{"":{"b":1}}}"#),
    // Characters of several bytes.
    (r#"{"größe":{"ß":1},"g":2}"#, "g*ß*.*", r#"{"größe":{"ß":1}}"#),
    // Arrays are not levels.
    (r#"{"a":[{"b":1,"c":2},{"c":3},{"b":4}]}"#, "a.b", r#"{"a":[{"b":1},{"b":4}]}"#),
    (r#"{"a":[1,[{"b":2}],{"b":3},[]]}"#, "a.b", r#"{"a":[[{"b":2}],{"b":3}]}"#),
    (r#"{"a":[1,{"c":2}]}"#, "a.b", "{}"),
    (r#"{"a":[1,[],{}]}"#, "a", r#"{"a":[1,[],{}]}"#),
    (r#"[{"a":1,"b":2},{"b":3}]"#, "a", r#"[{"a":1}]"#),
    (r#"[{"a":1,"b":2},{"b":3}]"#, "c", "[]"),
    (r#"[[{"a":1},{"b":2}],[{"b":3}],4]"#, "a", r#"[[{"a":1}]]"#),
    ("[1,[],{}]", "**", "[1,[],{}]"),
    ("[]", "a", "[]"),
    // Empty values are kept if they match.
    (r#"{"a":{},"b":[],"c":{"d":{}}}"#, "a,b,c.d", r#"{"a":{},"b":[],"c":{"d":{}}}"#),
    (r#"{"a":{},"b":[]}"#, "a.x,b.x", "{}"),
    (r#"{"a":{},"b":[],"c":{"d":1}}"#, "-a.x,-b.x,-c.d", r#"{"a":{},"b":[]}"#),
    ("{}", "a", "{}"),
    // Excluding patterns.
    (r#"{"a":1,"b":2}"#, "-a", r#"{"b":2}"#),
    (r#"{"a":1,"b":2,"c":3}"#, "-a,- b", r#"{"c":3}"#),
    (r#"{"a":{"b":1,"c":2}}"#, "-a.b", r#"{"a":{"c":2}}"#),
    (r#"{"a":{"b":1},"c":2}"#, "-a.b", r#"{"c":2}"#),
    (r#"{"a":{"b":1},"c":2}"#, "-a", r#"{"c":2}"#),
    (r#"{"a":{"b":{"c":1}},"c":2,"d":{"e":3}}"#, "-**.c", r#"{"d":{"e":3}}"#),
    (r#"{"a":[{"b":1},{"b":2,"c":3},{},4]}"#, "-a.b", r#"{"a":[{"c":3},{},4]}"#),
    (r#"[{"a":1},{"b":2}]"#, "-a", r#"[{"b":2}]"#),
    (r#"{"a":1}"#, "-**", "{}"),
    (r#"[{"a":1}]"#, "-**", "[]"),
    (r#"[{"a":1}]"#, "-*", "[]"),
    (r#"{"-a":1,"a":2}"#, "--a", r#"{"a":2}"#),
    (r#"{"a":1,"b":2}"#, "-c", r#"{"a":1,"b":2}"#),
    // Excluding and including patterns.
    (r#"{"a":{"b":1,"c":2},"d":3}"#, "a,-a.b", r#"{"a":{"c":2}}"#),
    (r#"{"a":{"b":1,"c":2},"d":3}"#, "-a,a.b", "{}"),
    (r#"{"a":{"b":1},"d":3}"#, "-a.b,a", "{}"),
    (r#"{"a":{"x":1,"y":2},"b":{"x":3,"y":4}}"#, "-*.x,b", r#"{"b":{"y":4}}"#),
];

fn filtered(input: &Node, filter: &str) -> Value {
    let left = match FilterPath::parse(filter) {
        Some(filter) => filter.apply(input.clone(), &Cancellation::default()),
        None => input.clone(),
    };
    value(&left)
}

fn value(node: &Node) -> Value {
    serde_json::to_value(node).expect("plain data")
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// The same tree without arrays and objects in a `Node::Value`.
fn unpacked(value: Value) -> Node {
    match value {
        Value::Array(values) => Node::List(values.into_iter().map(unpacked).collect()),
        Value::Object(map) => Node::object(map.into_iter().map(|(key, v)| (key, unpacked(v)))),
        scalar => Node::Value(scalar),
    }
}

/// Holds 5.15, 5.16, 5.17, 5.18, 5.19, 5.20 of docs/admin-api.md.
#[test]
fn each_case_has_its_result_for_nodes_and_for_values() {
    for (input, filter, expected) in CASES {
        for node in [Node::Value(read(input)), unpacked(read(input))] {
            let left = filtered(&node, filter);
            assert_eq!(left, read(expected), "[{filter}] of {input}");
        }
    }
}

/// Holds 1.43 of docs/admin-api.md.
#[test]
fn filtering_stops_after_the_client_has_left() {
    let left = Cancellation::for_client_that_left();
    let node = Node::List(vec![Node::object([("a", Node::Null)]); 1_000]);
    let filter = FilterPath::parse("**.a").expect("a filter");
    assert_eq!(filter.apply(node.clone(), &Cancellation::default()), node);
    assert_eq!(filter.apply(node, &left), Node::List(Vec::new()));
}

#[test]
fn keys_keep_their_order() {
    let entry = |key: &str| (key.to_owned(), Node::Null);
    let node = Node::object(["c", "a", "d", "b"].map(entry));
    let filter = FilterPath::parse("a,b,c").expect("a filter");
    assert_eq!(
        filter.apply(node, &Cancellation::default()),
        Node::object(["c", "a", "b"].map(entry))
    );
}

/// `{"a":{"a":...}}` with this many levels, each with a `b` too.
fn deep(levels: usize) -> Node {
    (0..levels).fold(Node::Null, |inner, _| {
        Node::object([("a", inner), ("b", Node::Null)])
    })
}

#[test]
fn hostile_filters_terminate() {
    // A backtracking matcher would not terminate in a lifetime for some of these.
    let long_key = "a".repeat(10_000);
    for filter in [
        "*".repeat(10_000),
        "*a".repeat(5_000) + "b",
        "**.".repeat(10_000) + "c",
        "**.a.".repeat(60) + "c",
        "**.*.".repeat(60) + "c",
        "-**.*a*,".repeat(1_000) + "c",
        vec!["**.a.**.a.c"; 1_000].join(","),
        ".".repeat(10_000),
        "\\.".repeat(10_000),
    ] {
        let begin: String = filter.chars().take(20).collect();
        let left = filtered(&deep(200), &filter);
        assert!(left.is_object(), "{begin}");
        filtered(&Node::object([(long_key.clone(), Node::Null)]), &filter);
    }
}

/// An element of a pattern in the model: `None` is `**`.
type Part = Option<String>;

/// The leaves of a tree in order, each with its path. Empty arrays and objects are leaves.
fn leaves(value: &Value, path: &[String], found: &mut Vec<(Vec<String>, Value)>) {
    match value {
        Value::Array(values) if !values.is_empty() => {
            for value in values {
                leaves(value, path, found);
            }
        }
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = [path, std::slice::from_ref(key)].concat();
                leaves(value, &path, found);
            }
        }
        leaf => found.push((path.to_vec(), leaf.clone())),
    }
}

/// True if the pattern matches the beginning of the path, by backtracking.
fn matches_prefix(pattern: &[Part], keys: &[String]) -> bool {
    match (pattern, keys) {
        ([], _) => true,
        ([None, rest @ ..], _) => {
            (0..=keys.len()).any(|skipped| matches_prefix(rest, &keys[skipped..]))
        }
        ([Some(key), rest @ ..], [first, others @ ..]) => {
            let (key, first): (Vec<_>, Vec<_>) = (key.chars().collect(), first.chars().collect());
            is_like(&key, &first) && matches_prefix(rest, others)
        }
        _ => false,
    }
}

fn is_like(pattern: &[char], key: &[char]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=key.len()).any(|skipped| is_like(rest, &key[skipped..])),
        ([c, rest @ ..], [first, others @ ..]) => c == first && is_like(rest, others),
        _ => false,
    }
}

/// A pattern as text.
fn pattern_text(pattern: &[Part]) -> String {
    let part = |part: &Part| match part {
        Some(key) => key.replace('.', "\\."),
        None => "**".to_owned(),
    };
    pattern.iter().map(part).collect::<Vec<_>>().join(".")
}

fn list(patterns: &[Vec<Part>], sign: &str) -> String {
    let word = |pattern: &Vec<Part>| format!("{sign}{}", pattern_text(pattern));
    patterns.iter().map(word).collect::<Vec<_>>().join(",")
}

/// Few keys, so that patterns often match, and deeply.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "ab", "a.b"]).prop_map(str::to_owned)
}

fn pattern() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        3 => key().prop_map(Some),
        2 => "[ab.*]{1,3}".prop_map(|key| (key != "**").then_some(key)),
        2 => Just(None),
    ];
    prop::collection::vec(part, 1..5)
}

fn patterns() -> impl Strategy<Value = Vec<Vec<Part>>> {
    prop::collection::vec(pattern(), 0..3)
}

fn tree() -> impl Strategy<Value = Value> {
    let scalar = any::<u8>().prop_map(Value::from);
    scalar.prop_recursive(6, 32, 3, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            3 => prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An object or an array with some `Node::Value` inside.
fn answer() -> impl Strategy<Value = Node> {
    let inside = || prop_oneof![tree().prop_map(Node::Value), tree().prop_map(unpacked)];
    prop_oneof![
        prop::collection::vec(inside(), 0..4).prop_map(Node::List),
        prop::collection::btree_map(key(), inside(), 0..4).prop_map(Node::object),
    ]
}

proptest! {
    #[test]
    fn a_leaf_is_kept_if_its_path_is_included_and_not_excluded(
        node in answer(),
        included in patterns(),
        excluded in patterns(),
    ) {
        let is_kept = |keys: &[String]| {
            let is_matched = |patterns: &[Vec<Part>]| {
                patterns.iter().any(|pattern| matches_prefix(pattern, keys))
            };
            (included.is_empty() || is_matched(&included)) && !is_matched(&excluded)
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        leaves(&value(&node), &[], &mut before);
        before.retain(|(keys, _)| is_kept(keys));
        let filter = format!("{},{}", list(&included, ""), list(&excluded, "-"));
        let left = filtered(&node, &filter);
        leaves(&left, &[], &mut after);
        if before.is_empty() {
            // The root always remains.
            let root = [json!({}), json!([])];
            after.retain(|(keys, leaf)| !keys.is_empty() || !root.contains(leaf));
        }
        prop_assert_eq!(before, after, "[{}]", filter);
    }

    /// Holds 5.16 of docs/admin-api.md.
    #[test]
    fn excludes_are_a_union(node in answer(), one in patterns(), other in patterns()) {
        let (one, other) = (list(&one, "-"), list(&other, "-"));
        let after_one = Node::Value(filtered(&node, &one));
        let together = filtered(&node, &format!("{one},{other}"));
        prop_assert_eq!(together, filtered(&after_one, &other));
    }

    #[test]
    fn filtering_twice_is_filtering_once(
        node in answer(),
        included in patterns(),
        excluded in patterns(),
    ) {
        let filter = format!("{},{}", list(&included, ""), list(&excluded, "-"));
        let once = filtered(&node, &filter);
        prop_assert_eq!(filtered(&Node::Value(once.clone()), &filter), once);
    }

    #[test]
    fn positions_are_unique_and_ascending(
        patterns in patterns(),
        keys in prop::collection::vec(key(), 0..9),
    ) {
        let filter = FilterPath::parse(&list(&patterns, ""));
        let Some(patterns) = filter.and_then(|filter| filter.included) else {
            return Ok(());
        };
        let mut state = patterns.start.clone();
        for key in keys {
            let MatchState::Partial(positions) = state else { break };
            prop_assert!(positions.is_sorted_by(|a, b| a < b), "{:?}", positions);
            state = patterns.after(&positions, &key);
        }
    }

    #[test]
    fn any_depth_alone_changes_nothing(node in answer()) {
        prop_assert_eq!(filtered(&node, "**"), value(&node));
        let filter = FilterPath::parse("**").expect("a filter");
        prop_assert_eq!(filter.apply(node.clone(), &Cancellation::default()), node);
    }
}
