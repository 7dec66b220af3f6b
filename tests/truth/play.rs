//! Runs a schedule on a real router, which is polled by hand and steered over the admin socket, and
//! on the model. Both must agree after each event.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::admin::Operator;
use crate::flight::{Flight, Live};
use crate::model::{ENDS, Model, Phase, Row, Seen};
use crate::script::{Piece, Script, Step, one, other};

/// An event. The number of a request is taken modulo the number of requests.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request arrives, not polled yet.
    Begin(usize),
    /// A request or its body is polled.
    Poll(usize, Step, Piece),
    /// A request or its body is dropped.
    Drop(usize),
    /// An interrupt of a route or of one request.
    Interrupt(usize),
    Cancel(usize),
    /// A change of settings.
    Set(usize, Lever),
    /// The runtime runs until deadlines and delays have expired.
    PassTime,
}

#[derive(Clone, Copy, Debug)]
pub enum Lever {
    Preempt(Option<u16>),
    MostActive(Option<u64>),
    Slow(bool),
    Timeout(bool),
    Delay(bool),
}

/// End of the remaining requests.
#[derive(Clone, Copy, Debug)]
pub enum Finale {
    /// They are dropped one by one.
    Drop,
    /// They are spawned on the runtime, which is then shut down.
    Shutdown { polled: bool },
}

/// The names of the two handlers, and the ids of all their mounts.
const NAMES: [&str; 2] = ["truth_one", "truth_other"];
static IDS: LazyLock<[String; 2]> = LazyLock::new(|| {
    NAMES.map(|name| {
        let rows = Operator::connect().rows(&format!("_cat/routes/{name}?format=json&h=id"));
        let id = rows[0]["id"].as_str().expect("an id");
        id.split('-').next().expect("digits").to_owned()
    })
});

pub struct Play {
    operator: Operator,
    runtime: Option<Runtime>,
    router: Router,
    /// Paths of this schedule only, with all counters at zero.
    paths: [String; 2],
    mounts: [Option<String>; 2],
    model: Model,
    live: Vec<Live>,
}

impl Play {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let paths = ["one", "other"].map(|name| format!("/{name}/{number:09}"));
        let router = Router::new()
            .route(&paths[0], get(one))
            .route(&paths[1], get(other));
        let runtime = Builder::new_current_thread().enable_all().build();
        let mut play = Play {
            operator: Operator::connect(),
            runtime: Some(runtime.expect("a runtime can be had")),
            router,
            paths,
            mounts: [None, None],
            model: Model::default(),
            live: Vec::new(),
        };
        // Reset settings of a failed schedule, which apply to all mounts of a handler.
        play.reset();
        play
    }

    fn reset(&mut self) {
        for route in 0..2 {
            self.put(route, &json!({ "*": null }));
            self.model.routes[route].levers = <_>::default();
        }
    }

    /// The requests that have not ended.
    fn left(&self) -> Vec<usize> {
        let live = self.live.iter().enumerate();
        let left = live.filter(|(_, live)| !matches!(live.flight, Flight::Gone));
        left.map(|(number, _)| number).collect()
    }

    fn chosen(&self, number: usize) -> Option<usize> {
        let left = self.left();
        left.get(number.checked_rem(left.len())?).copied()
    }

    pub fn happens(&mut self, event: &Event) {
        match *event {
            Event::Begin(route) => self.begin(route % 2),
            Event::Poll(number, step, piece) => {
                if let Some(number) = self.chosen(number) {
                    self.poll(number, step, piece);
                }
            }
            Event::Drop(number) => {
                if let Some(number) = self.chosen(number) {
                    self.live[number].flight = Flight::Gone;
                    self.model.drop(number);
                }
            }
            Event::Interrupt(route) => self.interrupt(route % 2),
            Event::Cancel(number) => {
                if let Some(number) = self.chosen(number) {
                    self.cancel(number);
                }
            }
            Event::Set(route, lever) => self.set(route % 2, lever),
            Event::PassTime => {
                self.run();
                self.model.pass_time();
            }
        }
        self.check();
    }

    fn begin(&mut self, route: usize) {
        let uri = format!("{}?{}", self.paths[route], self.live.len());
        let script = Arc::new(Script::default());
        let request = Request::get(&uri)
            .extension(Arc::clone(&script))
            .body(Body::empty())
            .expect("a request");
        let answer = self.router.clone().oneshot(request);
        let future = async move { answer.await.unwrap_or_else(|error| match error {}) };
        self.live.push(Live {
            flight: Flight::Future(Box::pin(future)),
            script,
            wakes: Arc::default(),
            uri,
        });
        self.model.begin(route);
    }

    fn poll(&mut self, number: usize, step: Step, piece: Piece) {
        let runtime = self.runtime.as_ref().expect("it runs to the end");
        let _inside = runtime.enter();
        let live = &mut self.live[number];
        live.script.set(step, piece);
        let waker = Waker::from(Arc::clone(&live.wakes));
        let mut cx = Context::from_waker(&waker);
        let is_head = matches!(live.flight, Flight::Future(_));
        let polled = catch_unwind(AssertUnwindSafe(|| live.flight.poll(&mut cx)));
        let seen = polled.unwrap_or_else(|_| {
            live.flight = Flight::Gone;
            Seen::Panic
        });
        if is_head {
            assert_eq!(seen, self.model.poll(number, step), "request {number}");
        } else {
            assert_eq!(seen, self.model.poll_body(number, piece), "body {number}");
        }
    }

    fn interrupt(&mut self, route: usize) {
        let id = &IDS[route];
        let path = format!("_routes/{id}/interrupt?wait_for_completion=false");
        let before = self.wakes();
        let report = self.operator.post(&path);
        let told = self.model.interrupt(|_, request| request.route == route);
        assert_eq!(report["still_running"], told, "{report:#}");
        assert_eq!(report["interrupted"], 0, "{report:#}");
        self.check_woken(&before, |request| request.route == route);
    }

    fn cancel(&mut self, number: usize) {
        if !self.model.requests[number].is_active() {
            return;
        }
        let route = self.model.requests[number].route;
        let uri = self.live[number].uri.clone();
        let tasks = self.tasks(route);
        let id = tasks.iter().find(|task| task["uri"] == uri);
        let id = &id.expect("it is listed")["id"];
        let path = format!("_tasks/{id}/_cancel?wait_for_completion=false");
        let report = self.operator.post(&path);
        assert_eq!(report["still_running"], 1, "{report:#}");
        self.model.interrupt(|other, _| other == number);
    }

    fn wakes(&self) -> Vec<usize> {
        let count = |live: &Live| live.wakes.count();
        self.live.iter().map(count).collect()
    }

    /// A waiting request is woken by its first interrupt.
    fn check_woken(&self, before: &[usize], is_meant: impl Fn(&crate::model::Request) -> bool) {
        for (number, (now, before)) in self.wakes().iter().zip(before).enumerate() {
            let request = &self.model.requests[number];
            let waits = request.is_active() && !matches!(request.phase, Phase::Streaming(_));
            if waits && is_meant(request) && *before == 0 {
                assert!(*now > 0, "request {number} was told and not woken");
            }
        }
    }

    fn set(&mut self, route: usize, lever: Lever) {
        let levers = &mut self.model.routes[route].levers;
        let (key, value) = match lever {
            Lever::Preempt(status) => {
                levers.preempt = status;
                ("preempt.status", json!(status))
            }
            Lever::MostActive(most) => {
                levers.most_active = most;
                ("limit.active", json!(most))
            }
            Lever::Slow(slow) => {
                levers.slow = slow;
                ("limit.rate", slow.then_some(0.001).into())
            }
            Lever::Timeout(timeout) => {
                levers.timeout = timeout;
                ("timeout", timeout.then_some("1ms").into())
            }
            Lever::Delay(delay) => {
                levers.delay = delay;
                ("delay", delay.then_some("1ms").into())
            }
        };
        self.put(route, &json!({ key: value }));
    }

    fn put(&mut self, route: usize, settings: &Value) {
        let path = format!("_routes/{}/settings", IDS[route]);
        let body = json!({ "transient": settings });
        self.operator.put(&path, &body);
    }

    /// Runs the runtime until timers of a millisecond and their effects are over.
    fn run(&mut self) {
        let runtime = self.runtime.as_ref().expect("it runs to the end");
        runtime.block_on(async {
            // A deadline starts at its first poll.
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(4)).await;
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        });
    }

    fn tasks(&mut self, route: usize) -> Vec<Value> {
        let id = &IDS[route];
        let columns = "id,uri,state,cancelling";
        self.operator.rows(&format!(
            "_cat/tasks?routes={id}&format=json&size=1000&h={columns}"
        ))
    }

    /// Asserts that the library agrees with the model.
    pub fn check(&mut self) {
        for route in 0..2 {
            let expected = self.model.routes[route].row;
            if expected.total > 0 {
                let mount = self.mount(route);
                let row = self
                    .operator
                    .rows(&format!("_cat/routes/{mount}?format=json&h=*"));
                assert_eq!(read(&row[0]), expected, "{:#}", row[0]);
            }
            let tasks = self.tasks(route);
            let uri = |task: &Value| task["uri"].as_str().expect("a URI").to_owned();
            let listed: BTreeMap<String, (String, bool)> = tasks
                .iter()
                .map(|task| {
                    let state = task["state"].as_str().expect("a state").to_owned();
                    (uri(task), (state, task["cancelling"] == true))
                })
                .collect();
            let requests = self.model.requests.iter().zip(&self.live);
            let active = requests
                .filter(|(request, _)| request.route == route && request.is_active())
                .map(|(request, live)| {
                    let shown = (request.state().to_owned(), request.order.is_some());
                    (live.uri.clone(), shown)
                });
            assert_eq!(listed, active.collect(), "{tasks:#?}");
            assert_eq!(tasks.len(), listed.len(), "one is listed twice: {tasks:#?}");
        }
    }

    /// The id of this schedule's mount, known since its first request.
    fn mount(&mut self, route: usize) -> String {
        if self.mounts[route].is_none() {
            let name = NAMES[route];
            let newest = format!("_cat/routes/{name}?format=json&h=id,path&s=path:desc&size=1");
            let row = self.operator.rows(&newest).remove(0);
            assert_eq!(row["path"], self.paths[route]);
            let id = row["id"].as_str().expect("an id").to_owned();
            self.mounts[route] = Some(id);
        }
        self.mounts[route].clone().expect("it is known")
    }

    /// Ends the remaining requests. Afterwards none is active, and the ends add up to the total.
    pub fn end(mut self, finale: Finale) {
        self.reset();
        let left = self.left();
        match finale {
            Finale::Drop => {}
            Finale::Shutdown { polled } => {
                for &number in &left {
                    let live = &mut self.live[number];
                    live.script.set(Step::Wait, Piece::Wait);
                    let flight = std::mem::replace(&mut live.flight, Flight::Gone);
                    let runtime = self.runtime.as_ref().expect("it runs to the end");
                    runtime.spawn(flight.into_its_end());
                }
                if polled {
                    for &number in &left {
                        self.model_polls(number);
                    }
                    self.run();
                    self.model.pass_time();
                    for &number in &left {
                        self.model_polls(number);
                    }
                    self.check();
                }
                self.runtime = None;
            }
        }
        for number in left {
            self.live[number].flight = Flight::Gone;
            self.model.drop(number);
        }
        self.check();
        for route in &self.model.routes {
            assert_eq!(route.row.active, 0);
            assert_eq!(route.row.total, route.row.ends.iter().sum::<u64>());
        }
    }

    /// Spawns a waiting request on the runtime.
    fn model_polls(&mut self, number: usize) {
        match self.model.requests[number].phase {
            Phase::Over => {}
            Phase::Streaming(_) | Phase::BrokenOff => {
                self.model.poll_body(number, Piece::Wait);
            }
            _ => {
                self.model.poll(number, Step::Wait);
            }
        }
    }
}

/// A row of `_cat/routes` as the model has it.
pub fn read(row: &Value) -> Row {
    let count = |column: &str| row[column].as_u64().expect("a number");
    Row {
        active: count("stats.req.active"),
        total: count("stats.req.total"),
        ends: ENDS.map(|end| count(&format!("stats.end.{end}"))),
        classes: [1, 2, 3, 4, 5].map(|class| count(&format!("stats.resp.status_{class}xx"))),
    }
}
