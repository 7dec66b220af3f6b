//! Ending tasks: telling them, waiting for them, and saying what became of each. Which tasks are meant is
//! the endpoints' affair: `routes::interrupt` and `tasks::cancel`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::blocked_workers::BlockedWorkers;
use super::cost::all_rows;
use super::dry_run::{self, Traffic};
use super::error::Error;
use super::offload::Offload;
use super::params::{self, END};
use super::render::{Answer, Node};
use super::request::Request;
use super::select::{self, with_children};
use crate::log::{self, field_text};
use crate::routes::RouteEntry;
use crate::stack::{AwaitPoint, innermost};
use crate::stats::Outcome;
use crate::task::{Ending, Interrupt, TaskRef, TaskState, WaitGroup};
use crate::threads::RuntimeNumber;
use crate::truncate;
use crate::visible::visible;

/// Maximum number of tasks that are logged one by one.
const MOST_REPORTED: usize = 1_000;

/// Maximum length of a logged reason, in bytes.
const LONGEST_REASON: usize = 1 << 10;

/// How long the answer waits for the tasks to end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it looks whether tasks are gone that did not say so.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The longest that anyone may let it wait.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// How tasks are to be ended.
pub(super) struct InterruptOptions {
    interrupt: Interrupt,
    /// How long to wait for them; nothing if nobody waits.
    timeout: Option<Duration>,
    /// Whether what was begun in them is to end too.
    children: bool,
}

impl InterruptOptions {
    /// Reads `children`, `reason`, `status`, `timeout` and `wait_for_completion`.
    pub(super) fn read(request: &Request) -> Result<Self, Error> {
        request.no_body(END)?;
        let wait = request.flag_or(&params::WAIT_FOR_COMPLETION, true);
        let timeout = request
            .duration(&params::TIMEOUT)
            .unwrap_or(DEFAULT_TIMEOUT);
        let reason = request
            .value(&params::REASON)
            .filter(|reason| !reason.is_empty());
        Ok(InterruptOptions {
            interrupt: Interrupt {
                status: request
                    .value(&params::STATUS)
                    .and_then(params::parse_status),
                ..Interrupt::by_operator(reason.unwrap_or(Interrupt::DEFAULT_REASON))
            },
            timeout: wait.then_some(timeout.min(LONGEST_TIMEOUT)),
            children: request.flag(&params::CHILDREN),
        })
    }
}

impl InterruptOptions {
    /// The tasks of routes that are to end: their requests, and all work for them if what was begun
    /// in requests is to end too, though these may have ended.
    pub(super) fn of_routes(&self, entries: &[RouteEntry]) -> Vec<TaskRef> {
        if self.children {
            select::tasks_of(entries)
        } else {
            select::requests_of(entries)
        }
    }

    /// The tasks that are to end, by id: those that were chosen, and what they began if that is to end too.
    fn all(&self, mut tasks: Vec<TaskRef>) -> Vec<TaskRef> {
        if self.children {
            with_children(&mut tasks);
        }
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }
}

/// The tasks that a request chose.
pub(super) struct Targets {
    pub(super) tasks: Vec<TaskRef>,
    /// The routes, if those were chosen.
    pub(super) routes: Option<Vec<RouteEntry>>,
}

/// Interrupts the tasks that `choose` selects, waits for them, and reports; with `dry_run`, only
/// lists them.
///
/// Each step whose time grows with the number of tasks runs on the pool's thread for changes.
pub(super) async fn interrupt_tasks(
    request: Request,
    offload: Offload,
    choose: fn(&Request, &InterruptOptions) -> Result<Targets, Error>,
) -> Result<Answer, Error> {
    let terms = InterruptOptions::read(&request)?;
    if request.flag(&params::DRY_RUN) {
        let cancellation = request.cancellation().clone();
        let read = move || {
            let Targets { tasks, routes } = choose(&request, &terms)?;
            let share = routes.and_then(|routes| Traffic::now().share_of(&routes));
            let tasks = terms.all(tasks);
            Ok(dry_run::of_tasks(tasks, share, request.cancellation()))
        };
        return offload.read(&cancellation, all_rows, read).await;
    }
    let timeout = terms.timeout;
    let interrupt = move || {
        let Targets { tasks, .. } = choose(&request, &terms)?;
        Ok::<_, Error>(Interrupted::interrupt(tasks, &terms))
    };
    let mut interrupted = offload.change(interrupt).await??;
    if let Some(timeout) = timeout {
        // Whether all ended or the time did is seen in the tasks themselves.
        let _ = tokio::time::timeout(timeout, interrupted.all_gone()).await;
    }
    let report = move || interrupted.report(timeout.is_some());
    offload.change(report).await
}

/// Tasks that were interrupted.
struct Interrupted {
    tasks: Vec<InterruptedTask>,
    waiting: Arc<WaitGroup>,
    /// The number of leading tasks that are known to be gone.
    gone: usize,
}

impl Interrupted {
    fn interrupt(tasks: Vec<TaskRef>, terms: &InterruptOptions) -> Self {
        let interrupt = &terms.interrupt;
        let waiting = Arc::new(WaitGroup::default());
        let (told, reports): (Vec<_>, Vec<_>) = terms
            .all(tasks)
            .into_iter()
            .map(|task| {
                // Before it is interrupted: afterwards it may be gone, and with it what it waited
                // for.
                let report = Report::new(&task);
                let told = task.interrupt(with_status_of(&task, interrupt), &waiting);
                let report = told.is_some().then_some(report);
                (InterruptedTask { task, told }, report)
            })
            .unzip();
        let interrupt = interrupt.clone();
        log::write(move || {
            let mut reports = reports.iter().flatten();
            for report in reports.by_ref().take(MOST_REPORTED) {
                report.write(&interrupt);
            }
            let more = reports.count();
            if more > 0 {
                tracing::info!(target: "underscore", tasks = more, "an operator told more tasks to end");
            }
        });
        Interrupted {
            tasks: told,
            waiting,
            gone: 0,
        }
    }

    /// Waits until all of them are gone.
    async fn all_gone(&mut self) {
        // A task that ended in the moment in which it was interrupted tells nobody: see
        // `Slot::interrupt`.
        let waiting = Arc::clone(&self.waiting);
        while tokio::time::timeout(LOOK_AGAIN, waiting.wait())
            .await
            .is_err()
            && !self.are_gone()
        {}
    }

    /// A task that is gone stays so, and is not checked again.
    fn are_gone(&mut self) -> bool {
        let left = self.tasks.get(self.gone..).unwrap_or_default();
        let gone = left.iter().take_while(|told| told.task.is_gone()).count();
        self.gone = self.gone.saturating_add(gone);
        self.gone == self.tasks.len()
    }

    /// What became of each of them.
    fn report(&self, waited: bool) -> Answer {
        let is_left = waited && self.tasks.iter().any(|told| !told.task.is_gone());
        let mut blocked = if is_left {
            BlockedWorkers::find()
        } else {
            BlockedWorkers::default()
        };
        let mut stuck = Vec::new();
        let report: Vec<(u64, EndState)> = self
            .tasks
            .iter()
            .map(|told| {
                let (state, runtime) = told.state(waited, &blocked);
                stuck.extend((state == EndState::NoWorkerFree).then_some(runtime));
                (told.task.id.number(), state)
            })
            .collect();
        blocked.keep(&stuck);
        answer(&report, &blocked)
    }
}

/// The interrupt with the status that clients of the task's route get now, if it has none of its own.
fn with_status_of(task: &TaskRef, interrupt: &Interrupt) -> Interrupt {
    let of_route = || task.own_route()?.effective()?.interrupt_status;
    Interrupt {
        status: interrupt.status.or_else(of_route),
        ..interrupt.clone()
    }
}

/// What is left in the host's own log of a task that was interrupted, and where it stood: the lists
/// forget it.
struct Report {
    task: u64,
    handler: Option<&'static str>,
    name: Option<Cow<'static, str>>,
    point: Option<&'static AwaitPoint>,
}

impl Report {
    fn new(task: &TaskRef) -> Self {
        Report {
            task: task.id.number(),
            handler: task.route().map(|route| route.identity.declaration.handler),
            name: task.background().map(|work| work.name.clone()),
            point: innermost(&task.frames()),
        }
    }

    fn write(&self, interrupt: &Interrupt) {
        tracing::info!(
            target: "underscore",
            task = self.task,
            handler = self.handler,
            name = self.name.as_deref().map(field_text),
            at = self.point.map(tracing::field::display),
            function = self.point.map(AwaitPoint::function),
            awaiting = self.point.map(AwaitPoint::source),
            reason = %visible(&truncate::to_bytes(&interrupt.reason, LONGEST_REASON)),
            "an operator told a task to end"
        );
    }
}

/// A task that was interrupted, if it had not ended by then.
struct InterruptedTask {
    task: TaskRef,
    told: Option<Arc<Ending>>,
}

/// What became of a task that was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndState {
    /// It ended because it was told to.
    Interrupted,
    /// It ended in another way before the interrupt reached it.
    FinishedFirst,
    /// It has not ended in time: a thread is inside its code.
    StuckInPoll,
    /// It has not ended in time: each worker of its runtime is blocked, and none can poll it.
    NoWorkerFree,
    /// It has not been polled since, or its end was not waited for.
    Cancelling,
}

impl InterruptedTask {
    /// What became of it, and the runtime that it lives on if it lives.
    fn state(&self, waited: bool, blocked: &BlockedWorkers) -> (EndState, Option<RuntimeNumber>) {
        let Some(ending) = &self.told else {
            return (EndState::FinishedFirst, None);
        };
        if !waited {
            return (EndState::Cancelling, None);
        }
        if let Some(task) = self.task.read() {
            let state = if task.state == TaskState::Running {
                EndState::StuckInPoll
            } else if blocked.are_all_of(task.runtime) {
                EndState::NoWorkerFree
            } else {
                EndState::Cancelling
            };
            return (state, task.runtime);
        }
        match ending.outcome() {
            Some(Outcome::Interrupted) => (EndState::Interrupted, None),
            Some(_) | None => (EndState::FinishedFirst, None),
        }
    }
}

impl EndState {
    fn word(self) -> &'static str {
        match self {
            EndState::Interrupted => "interrupted",
            EndState::FinishedFirst => "finished_first",
            EndState::StuckInPoll => "stuck_in_poll",
            EndState::NoWorkerFree => "no_worker_free",
            EndState::Cancelling => "cancelling",
        }
    }
}

fn answer(report: &[(u64, EndState)], blocked: &BlockedWorkers) -> Answer {
    let count = |wanted: &[EndState]| {
        let counted = report.iter().filter(|(_, state)| wanted.contains(state));
        Node::Integer(counted.count() as u64)
    };
    let tasks = report
        .iter()
        .map(|(id, state)| (id.to_string(), Node::text(state.word())));
    let mut answer = vec![
        ("acknowledged", Node::Bool(true)),
        ("interrupted", count(&[EndState::Interrupted])),
        (
            "still_running",
            count(&[
                EndState::StuckInPoll,
                EndState::NoWorkerFree,
                EndState::Cancelling,
            ]),
        ),
        ("tasks", Node::object(tasks)),
    ];
    if report
        .iter()
        .any(|(_, state)| *state == EndState::NoWorkerFree)
    {
        answer.push(("blocked_by", blocked.node()));
        answer.push(("next", Node::text(blocked.next())));
    }
    Answer::Node(Node::object(answer))
}
