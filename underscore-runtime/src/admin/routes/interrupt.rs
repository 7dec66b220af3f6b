//! `POST /_routes/{routes}/interrupt`: ends the requests of routes, and says what became of each.

use std::sync::Arc;
use std::time::Duration;

use crate::admin::endpoints::{Changing, INTERRUPT};
use crate::admin::error::Error;
use crate::admin::exchange::Exchange;
use crate::admin::render::{Answer, Node};
use crate::admin::select;
use crate::log;
use crate::stack::AwaitPoint;
use crate::stats::Outcome;
use crate::task::{Order, Task, Waiting};

/// How long the answer waits for the tasks to end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest that anyone may let it wait.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

const DEFAULT_REASON: &str = "interrupted by an operator";

pub(in crate::admin) fn post(exchange: Exchange) -> Changing {
    Box::pin(async move { interrupt(&exchange).await })
}

async fn interrupt(exchange: &Exchange) -> Result<Answer, Error> {
    exchange.no_body(INTERRUPT)?;
    let wait = exchange.flag_or("wait_for_completion", true)?;
    let timeout = exchange.duration("timeout")?.unwrap_or(DEFAULT_TIMEOUT);
    let reason = exchange.value("reason").filter(|reason| !reason.is_empty());
    let order = Order {
        reason: Arc::from(reason.unwrap_or(DEFAULT_REASON)),
    };
    let mut tasks = Vec::new();
    let selector = exchange.argument().unwrap_or_default();
    for entry in select::routes_to_change(selector)? {
        if let Some(route) = entry.route {
            route.ledger.for_each(|task| tasks.push(task));
        }
    }
    Ok(end(tasks, &order, wait.then_some(timeout)).await)
}

/// Tells `tasks` to end, waits for at most `timeout`, and reports.
async fn end(mut tasks: Vec<Arc<Task>>, order: &Order, timeout: Option<Duration>) -> Answer {
    tasks.sort_by_key(|task| task.id);
    let waiting = Arc::new(Waiting::default());
    let told: Vec<Arc<Task>> = tasks
        .iter()
        .filter(|task| task.signal.order_end(order.clone(), &waiting))
        .cloned()
        .collect();
    let order = order.clone();
    log::write(move || told.iter().for_each(|task| report(task, &order)));
    if let Some(timeout) = timeout {
        let timeout = timeout.min(LONGEST_TIMEOUT);
        // Whether all ended or the time did is seen in the tasks themselves.
        let _ = tokio::time::timeout(timeout, waiting.all_ended()).await;
    }
    let report: Vec<(u64, EndState)> = tasks
        .iter()
        .map(|task| (task.id.number(), EndState::of(task, timeout.is_some())))
        .collect();
    answer(&report)
}

/// Leaves in the host's own log what was ended, and where it stood: the lists forget it.
fn report(task: &Task, order: &Order) {
    let point = task.stack().innermost();
    tracing::info!(
        target: "underscore",
        task = task.id.number(),
        handler = task.route.descriptor.handler,
        at = point.map(tracing::field::display),
        function = point.map(AwaitPoint::function),
        awaiting = point.map(AwaitPoint::source),
        reason = %order.reason,
        "an operator told a request to end"
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
    fn of(task: &Task, waited: bool) -> Self {
        match task.outcome() {
            Some(Outcome::Interrupted) => EndState::Interrupted,
            Some(_) => EndState::FinishedFirst,
            None if waited => EndState::StuckInPoll,
            None => EndState::Cancelling,
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
