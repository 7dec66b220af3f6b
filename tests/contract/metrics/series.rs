//! Parses both formats into the same map, with a third-party parser.

use std::collections::BTreeMap;

use openmetrics_parser::openmetrics::parse_openmetrics;
use openmetrics_parser::prometheus::parse_prometheus;
use openmetrics_parser::{
    HistogramValue, LabelSet, MetricNumber, OpenMetricsValue, PrometheusType, PrometheusValue,
};

use crate::support::Service;

pub(crate) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(crate) const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The value of each series by name and labels.
pub(crate) type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

pub(crate) fn from_text(text: &str) -> Series {
    let mut series = Series::new();
    let families = parse_prometheus(text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
    for family in families.families.values() {
        let is_counter = family.family_type == PrometheusType::Counter;
        assert_eq!(family.family_name.ends_with("_total"), is_counter);
        assert!(family.help.ends_with('.'), "{}", family.family_name);
        for sample in family.iter_samples() {
            let labels = sample.get_labelset().expect("it has labels");
            let number = match &sample.value {
                PrometheusValue::Gauge(number) if !is_counter => *number,
                PrometheusValue::Counter(counter) if is_counter => counter.value,
                PrometheusValue::Histogram(times) => {
                    add_histogram(&mut series, &family.family_name, &labels, times);
                    continue;
                }
                other => panic!("{}: {other:?}", family.family_name),
            };
            add(
                &mut series,
                family.family_name.clone(),
                labels.iter(),
                number,
            );
        }
    }
    series
}

pub(crate) fn from_open(text: &str) -> Series {
    let mut series = Series::new();
    let families = parse_openmetrics(text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
    for family in families.families.values() {
        let name = &family.family_name;
        assert!(
            name.ends_with(&family.unit) && family.help.ends_with('.'),
            "{name}"
        );
        for sample in family.iter_samples() {
            let labels = sample.get_labelset().expect("it has labels");
            let (name, number) = match &sample.value {
                OpenMetricsValue::Gauge(number) => (name.clone(), *number),
                OpenMetricsValue::Counter(counter) => (format!("{name}_total"), counter.value),
                OpenMetricsValue::Info => (format!("{name}_info"), MetricNumber::Int(1)),
                OpenMetricsValue::Histogram(times) => {
                    add_histogram(&mut series, name, &labels, times);
                    continue;
                }
                other => panic!("{name}: {other:?}"),
            };
            add(&mut series, name, labels.iter(), number);
        }
    }
    series
}

/// Adds the samples of a histogram.
fn add_histogram(series: &mut Series, name: &str, labels: &LabelSet<'_>, times: &HistogramValue) {
    for bucket in &times.buckets {
        let bound = ("le".to_owned(), bucket.upper_bound.to_string());
        let labels = labels.iter().chain([(&bound.0, &bound.1)]);
        add(series, format!("{name}_bucket"), labels, bucket.count);
    }
    let count = i64::try_from(times.count.expect("it has a count")).expect("small");
    add(
        series,
        format!("{name}_count"),
        labels.iter(),
        MetricNumber::Int(count),
    );
    let sum = times.sum.expect("it has a sum");
    add(series, format!("{name}_sum"), labels.iter(), sum);
}

fn add<'a>(
    series: &mut Series,
    name: String,
    labels: impl Iterator<Item = (&'a String, &'a String)>,
    number: MetricNumber,
) {
    let labels = labels.map(|(key, value)| (key.clone(), value.clone()));
    let before = series.insert((name, labels.collect()), number.as_f64());
    assert_eq!(before, None, "a series stands twice");
}

pub(crate) async fn scrape(service: &Service) -> Series {
    let answer = service.admin("_metrics").await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, TEXT));
    from_text(&answer.text)
}

pub(crate) async fn scrape_open(service: &Service) -> Series {
    let answer = service.admin("_metrics?format=openmetrics").await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, OPEN));
    from_open(&answer.text)
}

/// The series of one handler.
pub(crate) fn of_handler(series: Series, handler: &str) -> Series {
    let handler = format!("contract::metrics::{handler}");
    let is_its = |labels: &BTreeMap<String, String>| labels.get("handler") == Some(&handler);
    let its = series.into_iter().filter(|((_, labels), _)| is_its(labels));
    its.collect()
}

/// The value of one series.
pub(crate) fn value(all: &Series, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let labels = labels.iter().map(owned).collect();
    all.get(&(name.to_owned(), labels)).copied()
}

/// The values of all series with one name.
pub(crate) fn values(all: &Series, name: &str) -> Vec<f64> {
    let named = all.iter().filter(|((found, _), _)| found == name);
    named.map(|(_, value)| *value).collect()
}
