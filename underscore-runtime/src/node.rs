//! A structured answer before it is written: a tree whose objects preserve the order of keys.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A key of an object. Most are constants and need no allocation.
pub(crate) type ObjectKey = Cow<'static, str>;

/// A value in an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(u64),
    /// NaN and infinities are written as `null`.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(ObjectKey, Node)>),
    /// The value of a setting, unchanged.
    Value(Value),
}

impl Node {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Node::Text(text.into())
    }

    pub(crate) fn object<K: Into<ObjectKey>>(entries: impl IntoIterator<Item = (K, Node)>) -> Self {
        let entries = entries.into_iter();
        Node::Object(entries.map(|(key, node)| (key.into(), node)).collect())
    }

    /// An object in which a dotted key is a path: `{"a.b": 1, "a.c": 2}` becomes
    /// `{"a": {"b": 1, "c": 2}}`.
    pub(crate) fn nested(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Self {
        let mut object = Vec::new();
        for (key, node) in entries {
            insert(&mut object, key, node);
        }
        Node::Object(object)
    }
}

fn insert(object: &mut Vec<(ObjectKey, Node)>, key: &'static str, node: Node) {
    let Some((first, rest)) = key.split_once('.') else {
        object.push((key.into(), node));
        return;
    };
    let index = object.iter().position(|(known, _)| known == first);
    let index = index.unwrap_or_else(|| {
        object.push((first.into(), Node::Object(Vec::new())));
        object.len().saturating_sub(1)
    });
    if let Some((_, Node::Object(inner))) = object.get_mut(index) {
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
