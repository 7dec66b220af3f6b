//! Interrupts tasks, waits for their ends, and reports what became of each. `routes::interrupt` and
//! `tasks::cancel` select the tasks.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::audit::AuditedCall;
use super::blocked_workers::BlockedWorkers;
use super::cost::all_rows;
use super::dry_run::{self, Traffic};
use super::error::Error;
use super::offload::Offload;
use super::params::{self, END};
use super::render::{Answer, Node};
use super::request::Request;
use super::select::{self, with_children};
use crate::connection;
use crate::log::{self, field_text};
use crate::routes::RouteEntry;
use crate::stack::{AwaitPoint, innermost};
use crate::stats::Outcome;
use crate::task::{Ending, Interrupt, TaskId, TaskRef, TaskState, WaitGroup};
use crate::threads::RuntimeNumber;
use crate::truncate;
use crate::visible::visible;

/// Maximum number of tasks that are logged one by one.
const MOST_REPORTED: usize = 1_000;

/// Maximum length of a logged reason, in bytes.
const LONGEST_REASON: usize = 1 << 10;

/// The default time that the answer waits for the tasks to end.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

/// The interval of checks for tasks that ended without a notification.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// The longest timeout that a client can set.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// The options of an interrupt.
pub(super) struct InterruptOptions {
    interrupt: Interrupt,
    /// Maximum time to wait for the tasks to end, `None` to answer at once.
    timeout: Option<Duration>,
    /// True to also interrupt the work that was begun in the tasks.
    children: bool,
    /// The task of the request itself, which is not interrupted: it has the answer.
    own_task: Option<TaskId>,
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
                by: request.call.as_ref().and_then(AuditedCall::caller),
                ..Interrupt::by_operator(reason.unwrap_or(Interrupt::DEFAULT_REASON))
            },
            timeout: wait.then_some(timeout.min(LONGEST_TIMEOUT)),
            children: request.flag(&params::CHILDREN),
            own_task: request.own_task,
        })
    }
}

impl InterruptOptions {
    /// The tasks of routes to interrupt: their requests and, with `children`, all work for them,
    /// even if the request that began it has ended.
    pub(super) fn of_routes(&self, entries: &[RouteEntry]) -> Vec<TaskRef> {
        if self.children {
            select::tasks_of(entries)
        } else {
            select::requests_of(entries)
        }
    }

    /// The tasks to interrupt, by id: the selected ones and, with `children`, what they began.
    fn all(&self, mut tasks: Vec<TaskRef>) -> Vec<TaskRef> {
        if self.children {
            with_children(&mut tasks);
        }
        tasks.retain(|task| Some(task.id) != self.own_task);
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }
}

/// The tasks that a request selected.
pub(super) struct Targets {
    pub(super) tasks: Vec<TaskRef>,
    /// The routes, if routes were selected.
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
    let options = InterruptOptions::read(&request)?;
    if request.flag(&params::DRY_RUN) {
        let cancellation = request.cancellation().clone();
        let read = move || {
            let Targets { tasks, routes } = choose(&request, &options)?;
            let share = routes.and_then(|routes| Traffic::now().share_of(&routes));
            let tasks = options.all(tasks);
            Ok(dry_run::tasks(tasks, share, request.cancellation()))
        };
        return offload.read(&cancellation, all_rows, read).await;
    }
    let timeout = options.timeout;
    let interrupt = move || {
        let Targets { tasks, .. } = choose(&request, &options)?;
        Ok::<_, Error>(InterruptedTasks::interrupt(tasks, &options))
    };
    let mut interrupted = offload.change(interrupt).await??;
    if let Some(timeout) = timeout {
        // On a timeout, too: the report reads the state of each task.
        let _ = tokio::time::timeout(timeout, interrupted.all_gone()).await;
    }
    let report = move || interrupted.report(timeout.is_some());
    offload.change(report).await
}

/// Tasks that were interrupted.
struct InterruptedTasks {
    tasks: Vec<InterruptedTask>,
    waiting: Arc<WaitGroup>,
    /// The number of leading tasks that are known to be gone.
    gone: usize,
}

impl InterruptedTasks {
    fn interrupt(tasks: Vec<TaskRef>, options: &InterruptOptions) -> Self {
        let interrupt = &options.interrupt;
        let waiting = Arc::new(WaitGroup::default());
        let (interrupted, reports): (Vec<_>, Vec<_>) = options
            .all(tasks)
            .into_iter()
            .map(|task| {
                // Before it is interrupted: afterwards it may be gone, and with it what it waited
                // for.
                let report = InterruptLog::new(&task);
                let socket = Socket::new(&task);
                let ending = task.interrupt(with_status_of(&task, interrupt), &waiting);
                let report = ending.is_some().then_some(report);
                let task = InterruptedTask {
                    task,
                    ending,
                    socket,
                };
                (task, report)
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
                tracing::info!(target: "underscore", tasks = more, "an operator interrupted more tasks");
            }
        });
        InterruptedTasks {
            tasks: interrupted,
            waiting,
            gone: 0,
        }
    }

    /// Waits until all tasks have ended.
    async fn all_gone(&mut self) {
        // A task that ends while it is interrupted does not notify the group: see
        // `Slot::interrupt`.
        let waiting = Arc::clone(&self.waiting);
        while tokio::time::timeout(CHECK_INTERVAL, waiting.wait())
            .await
            .is_err()
            && !self.are_gone()
        {}
        // Their sockets are closed after their end.
        while !self.are_gone() {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Checks the tasks that are not known to be gone.
    fn are_gone(&mut self) -> bool {
        let left = self.tasks.get(self.gone..).unwrap_or_default();
        let gone = left
            .iter()
            .take_while(|interrupted| interrupted.is_gone())
            .count();
        self.gone = self.gone.saturating_add(gone);
        self.gone == self.tasks.len()
    }

    /// The report of what became of each task.
    fn report(&self, waited: bool) -> Answer {
        let is_left = waited
            && self
                .tasks
                .iter()
                .any(|interrupted| !interrupted.task.is_gone());
        let mut blocked = if is_left {
            BlockedWorkers::find()
        } else {
            BlockedWorkers::default()
        };
        let mut stuck = Vec::new();
        let report: Vec<(u64, EndState)> = self
            .tasks
            .iter()
            .map(|interrupted| {
                let (state, runtime) = interrupted.state(waited, &blocked);
                stuck.extend((state == EndState::NoWorkerFree).then_some(runtime));
                (interrupted.task.id.number(), state)
            })
            .collect();
        blocked.keep(&stuck);
        let untracked = self.tasks.iter();
        let untracked = untracked.filter(|interrupted| interrupted.socket == Socket::Untracked);
        let untracked = untracked.map(|interrupted| Node::text(interrupted.task.id.to_string()));
        answer(&report, untracked.collect(), &blocked)
    }
}

/// The interrupt with a status: its own, or the one that is set for the task's route.
fn with_status_of(task: &TaskRef, interrupt: &Interrupt) -> Interrupt {
    let of_route = || task.own_route()?.effective()?.interrupt_status;
    Interrupt {
        status: interrupt.status.or_else(of_route),
        ..interrupt.clone()
    }
}

/// The log entry of an interrupted task: its identity and its await, which no list shows after the
/// task has ended.
struct InterruptLog {
    task: u64,
    handler: Option<&'static str>,
    name: Option<Cow<'static, str>>,
    point: Option<&'static AwaitPoint>,
}

impl InterruptLog {
    fn new(task: &TaskRef) -> Self {
        InterruptLog {
            task: task.id.number(),
            handler: task
                .route()
                .map(|route| route.identity.declaration().handler),
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
            "an operator interrupted a task"
        );
    }
}

/// A task to interrupt.
struct InterruptedTask {
    task: TaskRef,
    /// `None` if the task had already ended.
    ending: Option<Arc<Ending>>,
    socket: Socket,
}

/// The upgraded connection of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    None,
    /// The connection with this id, which is closed after the task has ended.
    Tracked(u64),
    /// Other tasks that own parts of the socket keep it open.
    Untracked,
}

impl Socket {
    fn new(task: &TaskRef) -> Self {
        let background = task.background();
        match background.as_ref().and_then(|work| work.upgrade()) {
            None => Socket::None,
            Some(upgrade) => upgrade
                .connection
                .map_or(Socket::Untracked, Socket::Tracked),
        }
    }

    fn is_closed(self) -> bool {
        match self {
            Socket::Tracked(id) => connection::find(id).is_none_or(|open| open.is_closed()),
            Socket::None | Socket::Untracked => true,
        }
    }
}

/// The state of an interrupted task in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndState {
    /// It ended because of the interrupt.
    Interrupted,
    /// It ended in another way before the interrupt took effect.
    FinishedFirst,
    /// It did not end in time: a thread is inside its poll.
    StuckInPoll,
    /// It did not end in time: every worker of its runtime is blocked, so none can poll it.
    NoWorkerFree,
    /// It has not been polled since, or the client did not wait.
    Cancelling,
}

impl InterruptedTask {
    /// True once the task has ended and, if that was because of the interrupt, its tracked socket
    /// is closed.
    fn is_gone(&self) -> bool {
        let finished_first = || {
            let outcome = self.ending.as_ref().and_then(|ending| ending.outcome());
            outcome != Some(Outcome::Interrupted)
        };
        self.task.is_gone() && (finished_first() || self.socket.is_closed())
    }

    /// What became of the task, and its runtime if it is alive.
    fn state(&self, waited: bool, blocked: &BlockedWorkers) -> (EndState, Option<RuntimeNumber>) {
        let Some(ending) = &self.ending else {
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
            Some(Outcome::Interrupted) if self.socket.is_closed() => (EndState::Interrupted, None),
            Some(Outcome::Interrupted) => (EndState::Cancelling, None),
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

fn answer(report: &[(u64, EndState)], untracked: Vec<Node>, blocked: &BlockedWorkers) -> Answer {
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
    if !untracked.is_empty() {
        answer.push(("sockets_may_stay_open", Node::List(untracked)));
    }
    if report
        .iter()
        .any(|(_, state)| *state == EndState::NoWorkerFree)
    {
        answer.push(("blocked_by", blocked.node()));
        answer.push(("next", Node::text(blocked.next())));
    }
    Answer::Node(Node::object(answer))
}
