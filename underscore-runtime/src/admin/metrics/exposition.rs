//! The two formats: Prometheus' text format 0.0.4 and `OpenMetrics` 1.0. They differ in the names
//! of families and in the last line.

use std::fmt::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::families::{FAMILIES, Family, Kind, Number};
use super::snapshot::Snapshot;
use crate::admin::cancellation::Cancellation;

/// An exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposition {
    Text,
    OpenMetrics,
}

impl Exposition {
    const ALL: [(&'static str, Exposition); 2] = [
        ("text", Exposition::Text),
        ("openmetrics", Exposition::OpenMetrics),
    ];

    /// The format with this name.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(name, _)| *name == word)
            .map(|(_, exposition)| exposition)
    }

    pub(super) fn words() -> [&'static str; 2] {
        Self::ALL.map(|(name, _)| name)
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The media type: type and subtype.
    pub(super) fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Exposition::Text => ("text", "plain"),
            Exposition::OpenMetrics => ("application", "openmetrics-text"),
        }
    }

    pub(super) fn version(self) -> &'static str {
        match self {
            Exposition::Text => "0.0.4",
            Exposition::OpenMetrics => "1.0.0",
        }
    }

    /// Writes all families. Stops early if the read is cancelled.
    pub(super) fn write(self, snapshot: Snapshot, cancellation: &Cancellation) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape {
            exposition: self,
            snapshot,
            cancellation: cancellation.clone(),
        }));
        let mut text = String::new();
        // Writing to a string fails only if the read is cancelled.
        let _ = encode_registry(&mut text, &registry);
        if self == Exposition::OpenMetrics {
            let _ = encode_eof(&mut text);
        }
        text
    }
}

/// The collector of one scrape.
#[derive(Debug)]
struct Scrape {
    exposition: Exposition,
    snapshot: Snapshot,
    cancellation: Cancellation,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        FAMILIES
            .iter()
            .try_for_each(|family| match self.exposition {
                Exposition::Text => text(family, self, &mut encoder),
                Exposition::OpenMetrics => openmetrics(family, self, &mut encoder),
            })
    }
}

/// Writes a family as `OpenMetrics`. The library derives the names of samples from the unit and the
/// type.
fn openmetrics(
    family: &Family,
    scrape: &Scrape,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    let unit = family.unit.map(|unit| Unit::Other(unit.to_owned()));
    let metric_type = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Info => MetricType::Info,
    };
    let mut encoder =
        encoder.encode_descriptor(family.name, family.help, unit.as_ref(), metric_type)?;
    (family.samples)(&scrape.snapshot, &mut |labels, number| match family.kind {
        _ if scrape.cancellation.is_requested() => Err(fmt::Error),
        Kind::Info => encoder.encode_info(&labels),
        Kind::Gauge => with_labels(&mut encoder, labels, |encoder| {
            encoder.encode_gauge(&number)
        }),
        Kind::Counter => with_labels(&mut encoder, labels, |encoder| {
            encoder.encode_counter::<NoLabelSet, Number, f64>(&number, None)
        }),
    })
}

/// Writes a family as Prometheus' text, where a family has the name of its samples, including
/// `_total`, and there are no infos. The library would add the suffix to the samples only, except
/// for gauges. So every sample is written as a gauge, under the real `TYPE`.
fn text(family: &Family, scrape: &Scrape, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut name = family.name.to_owned();
    if let Some(unit) = family.unit {
        write!(name, "_{unit}")?;
    }
    let (suffix, metric_type) = match family.kind {
        Kind::Counter => ("_total", MetricType::Counter),
        Kind::Gauge => ("", MetricType::Gauge),
        Kind::Info => ("_info", MetricType::Gauge),
    };
    name.push_str(suffix);
    let mut encoder = encoder.encode_descriptor(&name, family.help, None, metric_type)?;
    (family.samples)(&scrape.snapshot, &mut |labels, number| {
        if scrape.cancellation.is_requested() {
            return Err(fmt::Error);
        }
        with_labels(&mut encoder, labels, |encoder| {
            encoder.encode_gauge(&number)
        })
    })
}

/// Writes a sample. Without labels, it has no braces.
fn with_labels(
    encoder: &mut MetricEncoder<'_>,
    labels: &[(&str, &str)],
    write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    if labels.is_empty() {
        write(encoder)
    } else {
        write(&mut encoder.encode_family(&labels)?)
    }
}
