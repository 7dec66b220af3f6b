//! The two formats: Prometheus' text format 0.0.4 and `OpenMetrics` 1.0. They differ in the names
//! of families and in the last line.

use std::fmt::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::exemplars::{NextExemplars, Text};
use super::family::{Family, Kind, Number, Times};
use super::snapshot::Snapshot;
use super::{families, http, process_families};
use crate::admin::cancellation::Cancellation;
use crate::stats::BOUNDS;

/// All families, in the order of the output.
fn all_families() -> impl Iterator<Item = &'static Family> {
    [
        families::FAMILIES,
        http::FAMILIES,
        process_families::FAMILIES,
    ]
    .into_iter()
    .flatten()
}

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
        let mut text = Text::default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape {
            exposition: self,
            snapshot,
            cancellation: cancellation.clone(),
            exemplars: text.exemplars.clone(),
        }));
        // Writing to a string fails only if the read is cancelled.
        let _ = encode_registry(&mut text, &registry);
        if self == Exposition::OpenMetrics {
            let _ = encode_eof(&mut text);
        }
        text.into_string()
    }
}

/// The collector of one scrape.
#[derive(Debug)]
struct Scrape {
    exposition: Exposition,
    snapshot: Snapshot,
    cancellation: Cancellation,
    exemplars: NextExemplars,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        all_families().try_for_each(|family| match self.exposition {
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
        Kind::Histogram => MetricType::Histogram,
    };
    let mut encoder = Lazy::new(|| {
        encoder.encode_descriptor(family.name, family.help, unit.as_ref(), metric_type)
    });
    (family.samples)(&scrape.snapshot, &mut |labels, number| {
        if scrape.cancellation.is_requested() {
            return Err(fmt::Error);
        }
        let encoder = encoder.get()?;
        if family.kind == Kind::Info {
            return encoder.encode_info(&labels);
        }
        with_labels(encoder, labels, |encoder| match number {
            Number::Times(times) => {
                let indices = 0..times.counts.len();
                let exemplars = indices.map(|index| times.exemplars.get(&index).cloned());
                scrape.exemplars.set(exemplars);
                histogram(encoder, &times)
            }
            _ if family.kind == Kind::Counter => {
                encoder.encode_counter::<NoLabelSet, Number, f64>(&number, None)
            }
            _ => encoder.encode_gauge(&number),
        })
    })
}

/// Writes a family as Prometheus' text, where a family has the name of its samples, including
/// `_total`, and there are no infos. The library would add the suffix to the samples only, except
/// for gauges. So every single number is written as a gauge, under the real `TYPE`.
fn text(family: &Family, scrape: &Scrape, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut name = family.name.to_owned();
    if let Some(unit) = family.unit {
        write!(name, "_{unit}")?;
    }
    let (suffix, metric_type) = match family.kind {
        Kind::Counter => ("_total", MetricType::Counter),
        Kind::Gauge => ("", MetricType::Gauge),
        Kind::Info => ("_info", MetricType::Gauge),
        Kind::Histogram => ("", MetricType::Histogram),
    };
    name.push_str(suffix);
    let mut encoder =
        Lazy::new(|| encoder.encode_descriptor(&name, family.help, None, metric_type));
    (family.samples)(&scrape.snapshot, &mut |labels, number| {
        if scrape.cancellation.is_requested() {
            return Err(fmt::Error);
        }
        with_labels(encoder.get()?, labels, |encoder| match number {
            Number::Times(times) => histogram(encoder, &times),
            _ => encoder.encode_gauge(&number),
        })
    })
}

/// The encoder of a family, which writes the descriptor with the first sample: some parsers expect
/// a sample after each descriptor.
struct Lazy<'a, F> {
    begin: Option<F>,
    encoder: Option<MetricEncoder<'a>>,
}

impl<'a, F: FnOnce() -> Result<MetricEncoder<'a>, fmt::Error>> Lazy<'a, F> {
    fn new(begin: F) -> Self {
        Lazy {
            begin: Some(begin),
            encoder: None,
        }
    }

    fn get(&mut self) -> Result<&mut MetricEncoder<'a>, fmt::Error> {
        if let Some(begin) = self.begin.take() {
            self.encoder = Some(begin()?);
        }
        self.encoder.as_mut().ok_or(fmt::Error)
    }
}

/// Writes the samples of a histogram.
#[allow(
    clippy::cast_precision_loss,
    reason = "bounds of whole milliseconds are exact"
)]
fn histogram(encoder: &mut MetricEncoder<'_>, times: &Times) -> fmt::Result {
    let bounds = BOUNDS.iter().map(|nanos| *nanos as f64 / 1e9);
    let bounds = bounds.chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(times.counts).collect();
    let count = times.counts.iter().sum();
    encoder.encode_histogram::<NoLabelSet>(times.sum.as_secs_f64(), count, &buckets, None)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn family_names_are_unique_and_helps_need_no_escaping() {
        let mut names = HashSet::new();
        for Family { name, help, .. } in all_families() {
            assert!(names.insert(name), "{name} is not unique");
            let prefixes = ["underscore_", "http_server_", "process_"];
            assert!(
                prefixes.iter().any(|prefix| name.starts_with(prefix)),
                "{name}"
            );
            let fits = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(fits), "{name}");
            let plain = |c: char| c.is_ascii() && !c.is_control() && c != '\\' && c != '"';
            assert!(help.chars().all(plain) && help.ends_with('.'), "{help}");
        }
    }
}
