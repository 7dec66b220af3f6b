//! A typed value of a table or structure: its order, and its form as text and in JSON.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::time::{Duration, SystemTime};

use super::render::Node;
use super::words;
use crate::units::{self, ByteUnit, TimeUnit};

/// The requested units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Units {
    pub(super) time: Option<TimeUnit>,
    pub(super) bytes: Option<ByteUnit>,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// No value: `-`, or `null`.
    Missing,
    Bool(bool),
    Number(u64),
    Text(Cow<'static, str>),
    /// A duration to be read: `1.5m`.
    Time(Duration),
    /// A duration to be compared: seconds with six decimals.
    Seconds(Duration),
    /// A moment, as milliseconds since 1970.
    Moment(SystemTime),
    /// A size in bytes.
    Bytes(u64),
    /// A percentage with one decimal.
    Percent(f64),
    /// A rate per second with three decimals.
    Rate(f64),
}

impl Value {
    pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Value::Text(text.into())
    }

    /// The value as text.
    pub(super) fn show(self, units: Units) -> Cow<'static, str> {
        let shown = match (self, units) {
            (Value::Missing, _) => return Cow::Borrowed("-"),
            (Value::Text(value), _) => return value,
            (Value::Bool(value), _) => value.to_string(),
            (Value::Number(value), _) => value.to_string(),
            (Value::Moment(value), _) => words::epoch_millis(value).to_string(),
            (Value::Percent(value), _) => format!("{value:.1}"),
            (Value::Rate(value), _) => format!("{value:.3}"),
            (
                Value::Time(value) | Value::Seconds(value),
                Units {
                    time: Some(unit), ..
                },
            ) => unit.count(value).to_string(),
            (Value::Time(value), _) => units::human(value),
            (Value::Seconds(value), _) => {
                format!("{}.{:06}", value.as_secs(), value.subsec_micros())
            }
            (
                Value::Bytes(value),
                Units {
                    bytes: Some(unit), ..
                },
            ) => unit.count(value).to_string(),
            (Value::Bytes(value), _) => units::human_bytes(value),
        };
        Cow::Owned(shown)
    }

    /// The value in JSON, YAML and CBOR.
    pub(super) fn node(self, units: Units) -> Node {
        match self {
            Value::Missing => Node::Null,
            Value::Bool(value) => Node::Bool(value),
            Value::Number(value) => Node::Integer(value),
            Value::Moment(value) => Node::Integer(words::epoch_millis(value)),
            Value::Percent(value) => Node::Float((value * 10.0).round() / 10.0),
            Value::Rate(value) => Node::Float((value * 1_000.0).round() / 1_000.0),
            Value::Text(value) => Node::text(value),
            Value::Time(value) | Value::Seconds(value) => match units.time {
                Some(unit) => Node::Integer(unit.count(value)),
                None => Node::Float(units::seconds(value)),
            },
            Value::Bytes(value) => {
                Node::Integer(units.bytes.map_or(value, |unit| unit.count(value)))
            }
        }
    }

    /// The value in JSON, YAML and CBOR without a requested unit.
    pub(super) fn plain_node(self) -> Node {
        self.node(Units::default())
    }

    /// Missing values are the lowest. A column has one type, so values of two types are not
    /// compared.
    pub(super) fn compare(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Number(a), Value::Number(b)) | (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::Percent(a), Value::Percent(b)) | (Value::Rate(a), Value::Rate(b)) => {
                a.total_cmp(b)
            }
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            // By what is shown, so that moments that look equal keep their order.
            (Value::Moment(a), Value::Moment(b)) => {
                words::epoch_millis(*a).cmp(&words::epoch_millis(*b))
            }
            (Value::Time(a) | Value::Seconds(a), Value::Time(b) | Value::Seconds(b)) => a.cmp(b),
            (Value::Missing, Value::Missing) => Ordering::Equal,
            (Value::Missing, _) => Ordering::Less,
            (_, Value::Missing) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Missing, Into::into)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Number(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Value::text(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::text(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds 3.8, 3.9 of docs/admin-api.md.
    #[test]
    fn missing_is_lowest_and_numbers_compare_as_numbers() {
        let mut values = [
            Value::Number(10),
            Value::Missing,
            Value::Number(9),
            Value::Number(100),
        ];
        values.sort_by(Value::compare);
        let shown: Vec<_> = values
            .into_iter()
            .map(|value| value.show(Units::default()))
            .collect();
        assert_eq!(shown, ["-", "9", "10", "100"]);
    }

    /// Holds 3.15, 3.17 of docs/admin-api.md.
    #[test]
    fn a_unit_makes_whole_numbers_in_every_format() {
        let asked = Units {
            time: TimeUnit::parse("ms"),
            bytes: ByteUnit::parse("kb"),
        };
        let value = Value::Time(Duration::from_micros(1_999));
        assert_eq!(value.clone().show(asked), "1");
        assert_eq!(value.clone().show(Units::default()), "1.9ms");
        assert_eq!(value.node(asked), Node::Integer(1));
        let value = Value::Bytes(2_047);
        assert_eq!(value.clone().show(asked), "1");
        assert_eq!(value.clone().show(Units::default()), "1.9kb");
        assert_eq!(value.clone().node(asked), Node::Integer(1));
        assert_eq!(value.node(Units::default()), Node::Integer(2_047));
    }

    #[test]
    fn a_rate_has_three_decimals_everywhere() {
        let value = Value::Rate(2.0 / 60.0);
        assert_eq!(value.clone().show(Units::default()), "0.033");
        assert_eq!(value.node(Units::default()), Node::Float(0.033));
    }
}
