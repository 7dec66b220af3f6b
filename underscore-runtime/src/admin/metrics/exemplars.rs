//! Exemplars of a histogram: for each bucket a request that can be looked up, by its trace.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::SystemTime;

use crate::sync::{Arc, Mutex};

/// A request in a bucket.
#[derive(Clone, Debug)]
pub(super) struct Exemplar {
    /// 32 hex digits.
    pub(super) trace_id: String,
    /// Its time in nanoseconds.
    pub(super) nanos: u64,
    /// When it ended.
    pub(super) ended: SystemTime,
}

impl fmt::Display for Exemplar {
    /// The end of a line of `OpenMetrics`.
    #[allow(
        clippy::cast_precision_loss,
        reason = "exact to a microsecond for a century"
    )]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace_id, seconds) = (&self.trace_id, self.nanos as f64 / 1e9);
        let ended = self.ended.duration_since(SystemTime::UNIX_EPOCH);
        let ended = ended.unwrap_or_default().as_secs_f64();
        write!(f, " # {{trace_id=\"{trace_id}\"}} {seconds} {ended:.3}")
    }
}

/// The exemplars of the buckets that are written next.
#[derive(Clone, Debug, Default)]
pub(super) struct NextExemplars(Arc<Mutex<VecDeque<Option<Exemplar>>>>);

impl NextExemplars {
    /// Sets one exemplar or none for each bucket.
    pub(super) fn set(&self, exemplars: impl Iterator<Item = Option<Exemplar>>) {
        *self.0.lock() = exemplars.collect();
    }

    fn pop(&self) -> Option<Exemplar> {
        self.0.lock().pop_front().flatten()
    }
}

/// The text of a scrape, with exemplars at the ends of the lines of buckets: the library writes
/// exemplars of its own histograms only.
#[derive(Debug, Default)]
pub(super) struct Text {
    written: String,
    /// Where the last line begins.
    line: usize,
    pub(super) exemplars: NextExemplars,
}

impl Text {
    pub(super) fn into_string(self) -> String {
        self.written
    }
}

impl Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for part in piece.split_inclusive('\n') {
            let Some(end) = part.strip_suffix('\n') else {
                self.written.push_str(part);
                continue;
            };
            self.written.push_str(end);
            let line = self.written.get(self.line..).unwrap_or_default();
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            if name.ends_with("_bucket")
                && let Some(exemplar) = self.exemplars.pop()
            {
                write!(self.written, "{exemplar}")?;
            }
            self.written.push('\n');
            self.line = self.written.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn exemplars_end_the_lines_of_buckets_and_no_others() {
        let mut text = Text::default();
        let exemplar = Exemplar {
            trace_id: "ab".repeat(16),
            nanos: 67_500_000,
            ended: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
        };
        text.exemplars.set([None, Some(exemplar)].into_iter());
        for piece in [
            "a_sum",
            " 1\na_bu",
            "cket{le=\"1\"} 1\n",
            "a_bucket{le=\"2\"}",
        ] {
            text.write_str(piece).expect("it is a string");
        }
        text.write_str(" 2\nb_bucket 3\n").expect("it is a string");
        assert_eq!(
            text.into_string(),
            "a_sum 1\na_bucket{le=\"1\"} 1\n\
             a_bucket{le=\"2\"} 2 # {trace_id=\"abababababababababababababababab\"} 0.0675 1.500\n\
             b_bucket 3\n"
        );
    }
}
