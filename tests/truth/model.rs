//! The expected result of a schedule: two routes and some requests as plain numbers, without
//! threads, locks or clocks, written from the contract alone.

use crate::script::{Piece, Step};

/// Ends of requests, in the order of their columns.
pub const ENDS: [&str; 8] = [
    "completed",
    "disconnected",
    "interrupted",
    "panicked",
    "preempted",
    "rejected",
    "expired",
    "failed",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Completed,
    Disconnected,
    Interrupted,
    Panicked,
    Preempted,
    Rejected,
    Expired,
    Failed,
}

/// Expected row of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub active: u64,
    pub total: u64,
    pub ends: [u64; ENDS.len()],
    pub classes: [u64; 5],
}

/// Settings of a route.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levers {
    pub preempt: Option<u16>,
    pub most_active: Option<u64>,
    /// So low a rate that one request passes in the whole test.
    pub slow: bool,
    pub timeout: bool,
    pub delay: bool,
}

#[derive(Debug, Default)]
pub struct Route {
    pub row: Row,
    pub levers: Levers,
    /// True if a request has passed the limit of the rate.
    passed: bool,
}

/// State of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not polled yet, so not counted.
    New,
    Delayed,
    Extracting,
    Handling,
    Streaming(u16),
    /// The stream was ended between polls; the next poll fails.
    BrokenOff,
    Over,
}

#[derive(Debug)]
pub struct Request {
    pub route: usize,
    pub phase: Phase,
    /// The requested end.
    pub order: Option<End>,
    /// True if it has a deadline.
    timed: bool,
}

/// Expected result of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Pending,
    Answered(u16),
    Streams(u16),
    Panic,
    Frame,
    EndOfBody,
    BodyError,
}

#[derive(Debug, Default)]
pub struct Model {
    pub routes: [Route; 2],
    pub requests: Vec<Request>,
}

impl Request {
    /// True if it must be listed.
    pub fn is_active(&self) -> bool {
        use Phase::{Delayed, Extracting, Handling, Streaming};
        matches!(self.phase, Delayed | Extracting | Handling | Streaming(_))
    }

    /// Expected state in the listing.
    pub fn state(&self) -> &'static str {
        match self.phase {
            Phase::Streaming(_) => "streaming",
            _ => "waiting",
        }
    }
}

impl Model {
    pub fn begin(&mut self, route: usize) {
        self.requests.push(Request {
            route,
            phase: Phase::New,
            order: None,
            timed: false,
        });
    }

    /// Polls a request without a response.
    pub fn poll(&mut self, number: usize, step: Step) -> Seen {
        if self.requests[number].phase == Phase::New {
            if let Some(seen) = self.admit(number) {
                return seen;
            }
        } else if let Some(order) = self.requests[number].order {
            let status = if order == End::Expired { 504 } else { 503 };
            self.end(number, order, Some(status));
            return Seen::Answered(status);
        }
        if self.requests[number].phase == Phase::Delayed {
            return Seen::Pending;
        }
        if self.requests[number].phase == Phase::Extracting {
            match step {
                Step::Wait | Step::WakeAndWait => return Seen::Pending,
                Step::Panic | Step::Reject(_) => return self.last_step(number, step),
                Step::Extract | Step::Answer(_) | Step::Stream(_) => {
                    self.requests[number].phase = Phase::Handling;
                }
            }
        }
        self.last_step(number, step)
    }

    /// Admits a request or responds in the handler's place.
    fn admit(&mut self, number: usize) -> Option<Seen> {
        let route = &mut self.routes[self.requests[number].route];
        let levers = route.levers;
        let refused = if let Some(status) = levers.preempt {
            Some((End::Preempted, status))
        } else if levers.slow && std::mem::replace(&mut route.passed, true) {
            Some((End::Rejected, 429))
        } else if levers
            .most_active
            .is_some_and(|most| route.row.active >= most)
        {
            Some((End::Rejected, 503))
        } else {
            None
        };
        route.row.total += 1;
        route.row.active += 1;
        let request = &mut self.requests[number];
        request.timed = levers.timeout;
        request.phase = if levers.delay {
            Phase::Delayed
        } else {
            Phase::Extracting
        };
        refused.map(|(end, status)| {
            self.end(number, end, Some(status));
            Seen::Answered(status)
        })
    }

    fn last_step(&mut self, number: usize, step: Step) -> Seen {
        match step {
            Step::Wait | Step::WakeAndWait | Step::Extract => Seen::Pending,
            Step::Panic => {
                self.end(number, End::Panicked, None);
                Seen::Panic
            }
            // These statuses have no body.
            Step::Stream(status) if !matches!(status, 204 | 304) => {
                self.requests[number].phase = Phase::Streaming(status);
                Seen::Streams(status)
            }
            Step::Answer(status) | Step::Stream(status) | Step::Reject(status) => {
                self.end(number, End::Completed, Some(status));
                Seen::Answered(status)
            }
        }
    }

    /// Polls a request's body.
    pub fn poll_body(&mut self, number: usize, piece: Piece) -> Seen {
        let status = match self.requests[number].phase {
            Phase::Streaming(status) => status,
            Phase::BrokenOff => {
                self.requests[number].phase = Phase::Over;
                return Seen::BodyError;
            }
            _ => return Seen::EndOfBody,
        };
        if let Some(order) = self.requests[number].order {
            self.end(number, order, Some(status));
            return Seen::BodyError;
        }
        let (end, seen) = match piece {
            Piece::Wait => return Seen::Pending,
            Piece::Data => return Seen::Frame,
            Piece::Last | Piece::Trailers => (End::Completed, Seen::Frame),
            Piece::End => (End::Completed, Seen::EndOfBody),
            Piece::Error => (End::Failed, Seen::BodyError),
            Piece::Panic => (End::Panicked, Seen::Panic),
        };
        self.end(number, end, Some(status));
        seen
    }

    /// Drops a request, or its body.
    pub fn drop(&mut self, number: usize) {
        match self.requests[number].phase {
            Phase::Delayed | Phase::Extracting | Phase::Handling => {
                self.end(number, End::Disconnected, None);
            }
            Phase::Streaming(status) => self.end(number, End::Disconnected, Some(status)),
            Phase::New | Phase::BrokenOff | Phase::Over => {
                self.requests[number].phase = Phase::Over;
            }
        }
    }

    /// Interrupts the active requests of a route, or one request. The first interrupt wins.
    pub fn interrupt(&mut self, is_meant: impl Fn(usize, &Request) -> bool) -> usize {
        let mut told = 0;
        for (number, request) in self.requests.iter_mut().enumerate() {
            if request.is_active() && is_meant(number, request) {
                request.order.get_or_insert(End::Interrupted);
                told += 1;
            }
        }
        told
    }

    /// Time passes in the runtime: deadlines and delays expire, and interrupted streams end.
    pub fn pass_time(&mut self) {
        for number in 0..self.requests.len() {
            let request = &mut self.requests[number];
            if !request.is_active() {
                continue;
            }
            if request.phase == Phase::Delayed {
                request.phase = Phase::Extracting;
            }
            if request.timed {
                request.order.get_or_insert(End::Expired);
            }
            if let (Phase::Streaming(status), Some(order)) = (request.phase, request.order) {
                self.end(number, order, Some(status));
                self.requests[number].phase = Phase::BrokenOff;
            }
        }
    }

    fn end(&mut self, number: usize, end: End, status: Option<u16>) {
        let request = &mut self.requests[number];
        request.phase = Phase::Over;
        let row = &mut self.routes[request.route].row;
        row.active -= 1;
        row.ends[end as usize] += 1;
        if let Some(class @ 1..=5) = status.map(|status| status / 100) {
            row.classes[usize::from(class) - 1] += 1;
        }
    }
}
