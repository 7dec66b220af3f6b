//! A metric family: its name, its unit, its help and its samples. Labels have few values, none of
//! which come from clients, so that requests cannot create series.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{
    CounterValueEncoder, EncodeCounterValue, EncodeGaugeValue, GaugeValueEncoder,
};

use super::exemplars::Exemplar;
use super::snapshot::Snapshot;
use crate::stats::BOUNDED;

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only increases, from the start of the process.
    Counter,
    /// The current value.
    Gauge,
    /// The information is in the labels.
    Info,
    /// Times by upper bound, from the start of the process.
    Histogram,
}

/// The value of a sample.
#[derive(Clone, Debug)]
pub(super) enum Number {
    Integer(u64),
    Float(f64),
    /// Of a family of the kind [`Histogram`](Kind::Histogram), and of no other.
    Times(Times),
}

/// The value of a sample of a histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// Their sum.
    pub(super) sum: Duration,
    /// Their number up to each of the bounds and above the last, not cumulated.
    pub(super) counts: [u64; BOUNDED],
    /// By the index of their counts.
    pub(super) exemplars: BTreeMap<usize, Exemplar>,
}

/// Writes a sample.
pub(super) type Write<'a> = dyn FnMut(&[(&str, &str)], Number) -> fmt::Result + 'a;

/// A metric family.
pub(super) struct Family {
    /// Without the suffixes of the unit and the kind.
    pub(super) name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) samples: fn(&Snapshot, &mut Write<'_>) -> fmt::Result,
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Number::Integer(value) => EncodeGaugeValue::encode(value, encoder),
            Number::Float(value) => EncodeGaugeValue::encode(value, encoder),
            Number::Times(_) => Err(fmt::Error),
        }
    }
}

impl EncodeCounterValue for Number {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            Number::Integer(value) => EncodeCounterValue::encode(value, encoder),
            Number::Float(value) => EncodeCounterValue::encode(value, encoder),
            Number::Times(_) => Err(fmt::Error),
        }
    }
}
