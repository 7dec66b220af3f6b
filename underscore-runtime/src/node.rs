//! A structured answer before it is encoded: a tree whose objects keep their order.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A key of an object: most are known when the program is written, and take no memory of their own.
pub(crate) type Key = Cow<'static, str>;

/// A value in an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(u64),
    /// Never NaN or infinite: those are written as `null`.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(Key, Node)>),
    /// A value of a setting, as it was given.
    Value(Value),
}

impl Node {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Node::Text(text.into())
    }

    pub(crate) fn object<K: Into<Key>>(entries: impl IntoIterator<Item = (K, Node)>) -> Self {
        let entries = entries.into_iter();
        Node::Object(entries.map(|(key, node)| (key.into(), node)).collect())
    }

    /// An object in which a dotted key is a path: `{"a.b": 1, "a.c": 2}` is `{"a": {"b": 1, "c": 2}}`.
    pub(crate) fn nested(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Self {
        let mut object = Vec::new();
        for (key, node) in entries {
            insert(&mut object, key, node);
        }
        Node::Object(object)
    }
}

fn insert(object: &mut Vec<(Key, Node)>, key: &'static str, node: Node) {
    let Some((first, rest)) = key.split_once('.') else {
        object.push((key.into(), node));
        return;
    };
    let place = object.iter().position(|(known, _)| known == first);
    let place = place.unwrap_or_else(|| {
        object.push((first.into(), Node::Object(Vec::new())));
        object.len().saturating_sub(1)
    });
    if let Some((_, Node::Object(inner))) = object.get_mut(place) {
        insert(inner, rest, node);
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(value) => serializer.serialize_bool(*value),
            Node::Integer(value) => serializer.serialize_u64(*value),
            Node::Float(value) if !value.is_finite() => serializer.serialize_unit(),
            Node::Float(value) => serializer.serialize_f64(*value),
            Node::Text(value) => serializer.serialize_str(value),
            Node::List(nodes) => serializer.collect_seq(nodes),
            Node::Object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, node)| (key, node)))
            }
            Node::Value(value) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_keys_become_objects_in_the_order_of_their_first_key() {
        let node = Node::nested([
            ("b.x", Node::Integer(1)),
            ("a", Node::Null),
            ("b.y.z", Node::Bool(true)),
        ]);
        let json = serde_json::to_string(&node).expect("plain data");
        assert_eq!(json, r#"{"b":{"x":1,"y":{"z":true}},"a":null}"#);
    }

    #[test]
    fn not_a_number_is_null() {
        let json = serde_json::to_string(&Node::Float(f64::NAN)).expect("plain data");
        assert_eq!(json, "null");
    }
}
