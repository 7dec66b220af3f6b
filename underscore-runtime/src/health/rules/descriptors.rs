//! File descriptors that are nearly used up. Without one, no connection is accepted.

use std::time::Duration;

use super::look::Look;
use crate::clock::Instant;
use crate::fd::Descriptors;
use crate::health::finding::{Finding, Status, Symptom};

/// The shares of the limit, in percent.
const YELLOW: u64 = 80;
const RED: u64 = 95;

/// Minimum time between two readings: to count many descriptors takes long where the kernel does
/// not tell their number.
const READ_EVERY: Duration = Duration::from_secs(5);

/// The last reading, and its time.
#[derive(Debug, Default)]
pub(super) struct LastReading(Option<(Instant, Option<Descriptors>)>);

impl LastReading {
    /// Makes the next look read them.
    pub(super) fn expire(&mut self) {
        self.0 = None;
    }

    pub(super) fn look(&mut self, look: &mut Look) {
        let now = look.now;
        let is_recent = |(at, _): &(Instant, Option<Descriptors>)| now.since(*at) < READ_EVERY;
        let known = self.0.filter(is_recent);
        let (at, read) = known.unwrap_or_else(|| (now, Descriptors::nearly_used_up(YELLOW)));
        self.0 = Some((at, read));
        let Some(Descriptors { open, most }) = read else {
            return;
        };
        let percent = open.saturating_mul(100).checked_div(most).unwrap_or(100);
        let status = match percent {
            RED.. => Status::Red,
            YELLOW.. => Status::Yellow,
            _ => return,
        };
        let evidence = format!(
            "{open} of {most} file descriptors are open, {percent} %; the limit is that of `ulimit -n`"
        );
        let finding = Finding::new(Symptom::Descriptors, [0; 2], "process", now)
            .with_status(status)
            .with_evidence(&evidence)
            .with_next("GET /_cat/connections?v&size=20")
            .with_affected(usize::try_from(open).unwrap_or(usize::MAX), &[]);
        look.found.push(finding);
    }
}
