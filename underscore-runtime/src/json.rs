//! JSON without duplicate keys. `serde_json` takes the last value of a duplicate key and silently
//! drops the others, which hides a mistake of the operator.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::visible::echo;

/// A JSON value without duplicate keys.
#[derive(Debug)]
pub(crate) struct StrictValue(pub(crate) Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(StrictValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(StrictValue(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "duplicate key [{}]",
                    echo(&key)
                )));
            }
            let StrictValue(value) = entries.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_duplicate_keys_is_read_as_serde_json_reads_it() {
        let json = r#"{"a":[1,-1,1.5,true,null,"x"],"b":{"a":{}}}"#;
        let StrictValue(strict) = serde_json::from_str(json).expect("valid JSON");
        let plain: Value = serde_json::from_str(json).expect("valid JSON");
        assert_eq!(strict, plain);
    }

    /// Holds 6.11 of docs/admin-api.md.
    #[test]
    fn a_duplicate_key_is_named_with_its_position() {
        let error = serde_json::from_str::<StrictValue>("{\n\"a\": {\"b\": 1, \"b\": 2}}");
        let error = error.expect_err("b is duplicate").to_string();
        assert_eq!(error, "duplicate key [b] at line 2 column 17");
    }
}
