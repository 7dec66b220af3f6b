//! The two formats: Prometheus' text format 0.0.4 and `OpenMetrics` 1.0. They differ in how families are
//! called and in the last line; numbers, labels and escaping are the same.

use std::fmt::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::families::{FAMILIES, Family, Kind, Number};
use super::snapshot::Snapshot;
use crate::admin::cancellation::Cancellation;

/// A format that scrapers read.
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

    /// Type and subtype.
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

    /// Writes all families with the numbers of `snapshot`, and stops once `cancellation` ends.
    pub(super) fn write(self, snapshot: Snapshot, cancellation: &Cancellation) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape {
            exposition: self,
            snapshot,
            cancellation: cancellation.clone(),
        }));
        let mut text = String::new();
        // Writing to a string fails only once `cancellation` ends.
        let _ = encode_registry(&mut text, &registry);
        if self == Exposition::OpenMetrics {
            let _ = encode_eof(&mut text);
        }
        text
    }
}

/// What the library asks for the families: it lives for one scrape.
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

/// In `OpenMetrics` a family has a unit, and what its samples are called follows from its type: all that the
/// library does by itself.
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

/// In Prometheus' text a family is called as its samples are, `_total` and all, and there are no infos. The
/// library would add the endings to the samples alone; but a gauge's it leaves as they are, so here
/// every sample is written as one, under a `TYPE` that says what it really is.
fn text(family: &Family, scrape: &Scrape, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut name = family.name.to_owned();
    if let Some(unit) = family.unit {
        write!(name, "_{unit}")?;
    }
    let (ending, metric_type) = match family.kind {
        Kind::Counter => ("_total", MetricType::Counter),
        Kind::Gauge => ("", MetricType::Gauge),
        Kind::Info => ("_info", MetricType::Gauge),
    };
    name.push_str(ending);
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

/// A sample without labels has no braces either.
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
