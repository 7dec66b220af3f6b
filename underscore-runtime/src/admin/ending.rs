//! Ending tasks: telling them, waiting for them, and saying what became of each. Which tasks are meant is
//! the endpoints' affair: `routes::interrupt` and `tasks::cancel`.

use std::sync::Arc;
use std::time::Duration;

use super::dry_run;
use super::error::Error;
use super::exchange::Exchange;
use super::params::{self, END};
use super::render::{Answer, Node};
use super::select::with_children;
use crate::log;
use crate::stack::{AwaitPoint, innermost};
use crate::stats::Outcome;
use crate::task::{Order, Task, Waiting};

/// How long the answer waits for the tasks to end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest that anyone may let it wait.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// How tasks are to be ended.
pub(super) struct Terms {
    order: Order,
    /// How long to wait for them; nothing if nobody waits.
    timeout: Option<Duration>,
    /// Whether what was begun in them is to end too.
    children: bool,
}

impl Terms {
    /// Reads `children`, `reason`, `timeout` and `wait_for_completion`.
    pub(super) fn read(exchange: &Exchange) -> Result<Self, Error> {
        exchange.no_body(END)?;
        let wait = exchange.flag_or(&params::WAIT_FOR_COMPLETION, true);
        let timeout = exchange
            .duration(&params::TIMEOUT)
            .unwrap_or(DEFAULT_TIMEOUT);
        let reason = exchange
            .value(&params::REASON)
            .filter(|reason| !reason.is_empty());
        Ok(Terms {
            order: Order::interrupt(reason.unwrap_or(Order::DEFAULT_REASON)),
            timeout: wait.then_some(timeout.min(LONGEST_TIMEOUT)),
            children: exchange.flag(&params::CHILDREN),
        })
    }
}

impl Terms {
    /// The tasks that are to end, by id: those that were chosen, and what they began if that is to end too.
    fn all(&self, mut tasks: Vec<Arc<Task>>) -> Vec<Arc<Task>> {
        if self.children {
            with_children(&mut tasks);
        }
        tasks.sort_by_key(|task| task.id);
        tasks
    }

    /// Says which tasks would be told to end, and the share of the last minute's requests that their routes had.
    pub(super) fn would_end(&self, tasks: Vec<Arc<Task>>, share: Option<f64>) -> Answer {
        dry_run::of_tasks(self.all(tasks), share)
    }
}

/// Tells `tasks` to end, waits for them as long as it is wanted, and reports.
pub(super) async fn end(tasks: Vec<Arc<Task>>, terms: &Terms) -> Answer {
    let Terms { order, timeout, .. } = terms;
    let tasks = terms.all(tasks);
    let waiting = Arc::new(Waiting::default());
    let told: Vec<bool> = tasks
        .iter()
        .map(|task| task.signal.order_end(order.clone(), &waiting))
        .collect();
    let reported: Vec<Arc<Task>> = tasks
        .iter()
        .zip(&told)
        .filter(|(_, told)| **told)
        .map(|(task, _)| Arc::clone(task))
        .collect();
    let order = order.clone();
    log::write(move || reported.iter().for_each(|task| report(task, &order)));
    if let Some(timeout) = timeout {
        // Whether all ended or the time did is seen in the tasks themselves.
        let _ = tokio::time::timeout(*timeout, waiting.all_ended()).await;
    }
    let report: Vec<(u64, EndState)> = tasks
        .iter()
        .zip(told)
        .map(|(task, told)| {
            let state = EndState::of(task, told, timeout.is_some());
            (task.id.number(), state)
        })
        .collect();
    answer(&report)
}

/// Leaves in the host's own log what was ended, and where it stood: the lists forget it.
fn report(task: &Task, order: &Order) {
    let point = innermost(&task.stack());
    tracing::info!(
        target: "underscore",
        task = task.id.number(),
        handler = task.route().map(|route| route.descriptor.handler),
        name = task.background().map(|background| &*background.name),
        at = point.map(tracing::field::display),
        function = point.map(AwaitPoint::function),
        awaiting = point.map(AwaitPoint::source),
        reason = %order.reason,
        "an operator told a task to end"
    );
}

/// What became of a task that was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndState {
    /// It ended because it was told to.
    Interrupted,
    /// It ended in another way before the order reached it.
    FinishedFirst,
    /// It has not ended in time: a thread is inside its code, or none was free to poll it.
    StuckInPoll,
    /// Nobody waited for its end.
    Cancelling,
}

impl EndState {
    fn of(task: &Task, told: bool, waited: bool) -> Self {
        match task.outcome() {
            _ if told && !waited => EndState::Cancelling,
            Some(Outcome::Interrupted) => EndState::Interrupted,
            Some(_) => EndState::FinishedFirst,
            None => EndState::StuckInPoll,
        }
    }

    fn word(self) -> &'static str {
        match self {
            EndState::Interrupted => "interrupted",
            EndState::FinishedFirst => "finished_first",
            EndState::StuckInPoll => "stuck_in_poll",
            EndState::Cancelling => "cancelling",
        }
    }
}

fn answer(report: &[(u64, EndState)]) -> Answer {
    let count = |wanted: &[EndState]| {
        let counted = report.iter().filter(|(_, state)| wanted.contains(state));
        Node::Integer(counted.count() as u64)
    };
    let tasks = report
        .iter()
        .map(|(id, state)| (id.to_string(), Node::text(state.word())));
    Answer::Node(Node::object([
        ("acknowledged", Node::Bool(true)),
        ("interrupted", count(&[EndState::Interrupted])),
        (
            "still_running",
            count(&[EndState::StuckInPoll, EndState::Cancelling]),
        ),
        ("tasks", Node::object(tasks)),
    ]))
}
