//! The verdict on a resource: whether the wait for it can end.

use std::fmt;

use crate::task::TaskId;

/// Whether the wait for a resource can end by itself, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No holder is known.
    Unknown,
    /// A known holder continues.
    Busy,
    /// It ends by no task that is known.
    Deadlock(Deadlock),
}

/// A wait that does not end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deadlock {
    /// True if it follows from locks that are known by their addresses.
    pub(crate) is_certain: bool,
    /// True if a timeout ends one of the waits.
    pub(crate) has_timeout: bool,
    pub(crate) shape: Shape,
}

/// How the tasks of a deadlock wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each known holder of the resource waits for it, too.
    All(Vec<TaskId>),
    /// A cycle in which the resource is.
    Cycle(Cycle),
    /// The resource is held by a task that waits behind this cycle.
    Behind(Cycle),
}

impl Shape {
    /// The cycle, `None` if each holder waits for the resource itself.
    pub(crate) fn cycle(&self) -> Option<&Cycle> {
        match self {
            Shape::All(_) => None,
            Shape::Cycle(cycle) | Shape::Behind(cycle) => Some(cycle),
        }
    }
}

/// Tasks, each with the resource that it waits for, which the next one holds. The last one waits
/// for the first one. A task that waits for another task has no resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle(pub(crate) Vec<(TaskId, Option<String>)>);

impl Verdict {
    pub(crate) fn deadlock(&self) -> Option<&Deadlock> {
        match self {
            Verdict::Deadlock(deadlock) => Some(deadlock),
            Verdict::Unknown | Verdict::Busy => None,
        }
    }

    /// Deadlocks have the highest, and among them those that are not behind another one.
    pub(super) fn rank(&self) -> u8 {
        match self.deadlock().map(|deadlock| &deadlock.shape) {
            None => 0,
            Some(Shape::Behind(_)) => 1,
            Some(Shape::Cycle(_) | Shape::All(_)) => 2,
        }
    }
}

impl Cycle {
    /// Each row of a deadlock shows the same text.
    pub(super) fn begin_with_oldest(&mut self) {
        let mut tasks = self.0.iter().enumerate();
        let oldest = tasks.by_ref().min_by_key(|(_, (task, _))| *task);
        let at = oldest.map_or(0, |(at, _)| at);
        self.0.rotate_left(at);
    }

    /// The tasks in it.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.0.iter().map(|(task, _)| *task)
    }
}

/// Writes `5 > pool > 7 > stock > 5`.
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (task, resource) in &self.0 {
            write!(f, "{} > ", task.number())?;
            if let Some(resource) = resource {
                write!(f, "{resource} > ")?;
            }
        }
        match self.0.first() {
            Some((first, _)) => write!(f, "{}", first.number()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let likely = if self.is_certain { "" } else { "likely " };
        let timeout = if self.has_timeout {
            " until a timeout"
        } else {
            ""
        };
        match &self.shape {
            Shape::All(tasks) => {
                write!(f, "{likely}deadlock{timeout}: ")?;
                match tasks.as_slice() {
                    [only] => write!(f, "{} holds it and waits for it", only.number()),
                    all => write!(f, "all {} known holders wait for it too", all.len()),
                }
            }
            Shape::Cycle(cycle) => write!(f, "{likely}deadlock{timeout}: {cycle}"),
            Shape::Behind(cycle) => write!(f, "behind a {likely}deadlock{timeout}: {cycle}"),
        }
    }
}
