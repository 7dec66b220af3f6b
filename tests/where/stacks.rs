//! `where` and `awaiting` are the await at which a task waits now, never one that it has passed,
//! whatever futures the handler builds.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use reqwest::{Method, Response};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use underscore_runtime::underscore_route;

use crate::support::futures::{Boxed, FanOut, boxed, caught, first_of, join, poll_once};
use crate::support::{PATIENCE, Service};

/// Gates that a test opens one by one.
type Gates = State<Arc<[Semaphore; 4]>>;

/// Passes a gate, which closes after it.
async fn pass(gate: &Semaphore) {
    gate.acquire().await.expect("the gate stays").forget();
}

/// A request to a handler, and its gates.
struct Walk {
    service: Service,
    gates: Arc<[Semaphore; 4]>,
    client: JoinHandle<reqwest::Result<Response>>,
    route: &'static str,
}

impl Walk {
    async fn start(route: &'static str, app: Router<Arc<[Semaphore; 4]>>) -> Self {
        let gates = Arc::new([const { Semaphore::const_new(0) }; 4]);
        let service = Service::start_on_workers(2, app.with_state(Arc::clone(&gates))).await;
        let client = tokio::spawn(service.request(Method::GET, "/").send());
        Walk {
            service,
            gates,
            client,
            route,
        }
    }

    /// Lets one await at this gate continue.
    fn open(&self, gate: usize) {
        self.gates[gate].add_permits(1);
    }

    /// Waits until the handler waits at the line that ends with the comment `marker`.
    async fn stands_at(&self, marker: &str) {
        let deadline = Instant::now() + PATIENCE / 4;
        let (place, source) = line_of(marker);
        loop {
            let tasks = self.service.tasks(self.route).await;
            let shown = tasks.first().filter(|task| task["state"] == "waiting");
            if let Some(task) = shown.filter(|task| task["where"] == place.as_str()) {
                let awaiting: String = task["awaiting"]
                    .as_str()
                    .expect("text")
                    .split(' ')
                    .collect();
                // Ignores the contents of `async` blocks.
                let mut parts = awaiting.split("...");
                assert!(
                    parts.all(|part| source.contains(part)),
                    "{awaiting} is not what stands at {marker}"
                );
                return;
            }
            assert!(
                Instant::now() < deadline,
                "never at {marker}, {place}: {tasks:#?}"
            );
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the end of the handler.
    async fn ends(self) {
        let answer = self
            .client
            .await
            .expect("the client ran")
            .expect("an answer");
        assert_eq!(answer.status(), 200);
        self.service
            .wait_for_ends(self.route, &[("completed", 1)])
            .await;
    }
}

/// The line that ends with the comment `marker`, as its place and as its text without spaces.
fn line_of(marker: &str) -> (String, String) {
    let comment = format!("// {marker}");
    let mut lines = include_str!("stacks.rs").lines().zip(1..);
    let (line, number) = lines
        .find(|(line, _)| line.ends_with(&comment))
        .expect("the marker is there");
    (
        format!("tests/where/stacks.rs:{number}"),
        line.split(' ').collect(),
    )
}

#[underscore_route(name = "in_sequence")]
async fn sequence(State(gates): Gates) {
    pass(&gates[0]).await; // first
    pass(&gates[1]).await; // second
    let _ready = std::future::ready(()).await;
    pass(&gates[2]).await; // third
}

#[tokio::test]
async fn sequential_awaits_are_shown_one_by_one() {
    let walk = Walk::start("in_sequence", Router::new().route("/", get(sequence))).await;
    for (gate, marker) in ["first", "second", "third"].into_iter().enumerate() {
        walk.stands_at(marker).await;
        walk.open(gate);
    }
    walk.ends().await;
}

#[underscore_route(name = "looping")]
async fn looping(State(gates): Gates) {
    for _ in 0..3 {
        pass(&gates[0]).await; // loop begins
        pass(&gates[1]).await; // loop ends
    }
    pass(&gates[2]).await; // after the loop
}

#[tokio::test]
async fn awaits_in_a_loop_and_after_it_are_shown() {
    let walk = Walk::start("looping", Router::new().route("/", get(looping))).await;
    for _ in 0..3 {
        walk.stands_at("loop begins").await;
        walk.open(0);
        walk.stands_at("loop ends").await;
        walk.open(1);
    }
    walk.stands_at("after the loop").await;
    walk.open(2);
    walk.ends().await;
}

#[underscore_route(name = "nested")]
async fn nested(State(gates): Gates) {
    let inner = async {
        pass(&gates[0]).await; // inside of the inner block
        let deep = || async { pass(&gates[1]).await }; // inside of the closure
        deep().await;
    };
    let outer = async {
        inner.await;
        pass(&gates[2]).await; // inside of the outer block
    };
    outer.await;
    pass(&gates[3]).await; // outside of the blocks
}

#[tokio::test]
async fn awaits_in_nested_blocks_are_shown() {
    let walk = Walk::start("nested", Router::new().route("/", get(nested))).await;
    let markers = [
        "inside of the inner block",
        "inside of the closure",
        "inside of the outer block",
        "outside of the blocks",
    ];
    for (gate, marker) in markers.into_iter().enumerate() {
        walk.stands_at(marker).await;
        walk.open(gate);
    }
    walk.ends().await;
}

#[underscore_route(name = "joined_by_hand")]
async fn joined(State(gates): Gates) {
    let left = async {
        pass(&gates[0]).await; // left begins
        pass(&gates[1]).await; // left ends
    };
    let right = async {
        pass(&gates[2]).await; // right
    };
    join(left, right).await; // both
    pass(&gates[3]).await; // neither
}

/// Holds 3.44 of docs/admin-api.md.
#[tokio::test]
async fn two_branches_are_shown_where_they_split_and_one_alone_by_its_own_line() {
    let app = || Router::new().route("/", get(joined));
    let walk = Walk::start("joined_by_hand", app()).await;
    walk.stands_at("both").await;
    walk.open(2);
    walk.stands_at("left begins").await;
    walk.open(0);
    walk.stands_at("left ends").await;
    walk.open(1);
    walk.stands_at("neither").await;
    walk.open(3);
    walk.ends().await;
}

#[underscore_route(name = "fanned")]
async fn fanned(State(gates): Gates) {
    let mut fan = FanOut::default();
    for _ in 0..200 {
        let gates = Arc::clone(&gates);
        fan.push(async move { pass(&gates[0]).await }); // one of many
    }
    pass(&gates[1]).await; // before the fan
    while fan.len() > 0 {
        fan.next().await; // many
    }
    pass(&gates[2]).await; // after the fan
}

#[tokio::test]
async fn two_hundred_branches_are_one_line_until_one_is_left() {
    let walk = Walk::start("fanned", Router::new().route("/", get(fanned))).await;
    walk.stands_at("before the fan").await;
    walk.open(1);
    walk.stands_at("many").await;
    for _ in 0..100 {
        walk.open(0);
    }
    walk.stands_at("many").await;
    walk.gates[0].add_permits(99);
    walk.stands_at("one of many").await;
    walk.open(0);
    walk.stands_at("after the fan").await;
    walk.open(2);
    walk.ends().await;
}

#[underscore_route(name = "caught_often")]
async fn caught_often(State(gates): Gates) {
    for _ in 0..200 {
        let panics = async {
            std::future::ready(()).await;
            async { panic!("in a branch") }.await
        };
        assert!(caught(panics).await.is_none());
    }
    let later = async {
        pass(&gates[0]).await; // before the panic
        panic!("after an await")
    };
    let waits = async { pass(&gates[1]).await }; // beside the panic
    join(caught(async { later.await }), waits).await; // around the panic
    pass(&gates[2]).await; // after the panics
}

#[tokio::test]
async fn a_caught_panic_leaves_nothing_in_the_stack() {
    let walk = Walk::start("caught_often", Router::new().route("/", get(caught_often))).await;
    walk.stands_at("around the panic").await;
    walk.open(0);
    walk.stands_at("beside the panic").await;
    walk.open(1);
    walk.stands_at("after the panics").await;
    walk.open(2);
    walk.ends().await;
}

#[underscore_route(name = "stored")]
async fn stored(State(gates): Gates) {
    let inner = Arc::clone(&gates);
    let mut kept = boxed(async move { pass(&inner[0]).await }); // kept
    assert!(!poll_once(&mut kept).await);
    pass(&gates[1]).await; // while another is kept
    let mut timer: Boxed<()> = boxed(std::future::ready(()));
    first_of(&mut kept, &mut timer).await;
    pass(&gates[1]).await; // while the loser is kept
    drop(kept);
    pass(&gates[1]).await; // after the drop
}

#[tokio::test]
async fn a_future_that_is_kept_but_not_awaited_is_not_where_the_task_is() {
    let walk = Walk::start("stored", Router::new().route("/", get(stored))).await;
    for marker in [
        "while another is kept",
        "while the loser is kept",
        "after the drop",
    ] {
        walk.stands_at(marker).await;
        walk.open(1);
    }
    walk.ends().await;
}

#[underscore_route(name = "leftover")]
async fn leftover(State(gates): Gates) {
    let inner = Arc::clone(&gates);
    let mut slow = boxed(async move { pass(&inner[0]).await }); // the slow one
    tokio::select! {
        () = &mut slow => {}
        () = std::future::ready(()) => {}
    }
    pass(&gates[1]).await; // after the race
    slow.await; // the slow one again
}

#[tokio::test]
async fn the_loser_of_a_race_in_a_macro_is_not_where_the_task_is_until_it_is_awaited() {
    let walk = Walk::start("leftover", Router::new().route("/", get(leftover))).await;
    walk.stands_at("after the race").await;
    walk.open(1);
    walk.stands_at("the slow one").await;
    walk.open(0);
    walk.ends().await;
}

#[underscore_route(name = "sent_away")]
async fn sent_away(State(gates): Gates) {
    let inner = Arc::clone(&gates);
    let branches = async move {
        let left = async { pass(&inner[0]).await };
        let right = async { pass(&inner[0]).await };
        join(left, right).await;
    };
    let mut moved = boxed(branches);
    assert!(!poll_once(&mut moved).await);
    let spawned = tokio::spawn(moved);
    pass(&gates[1]).await; // while it runs elsewhere
    spawned.await.expect("it ends"); // until it ends elsewhere
}

#[tokio::test]
async fn a_future_that_moves_into_another_tokio_task_leaves_the_stack() {
    let walk = Walk::start("sent_away", Router::new().route("/", get(sent_away))).await;
    walk.stands_at("while it runs elsewhere").await;
    walk.open(1);
    walk.stands_at("until it ends elsewhere").await;
    walk.gates[0].add_permits(2);
    walk.ends().await;
}

#[underscore_route(name = "raced_away")]
async fn raced_away(State(gates): Gates) {
    let inner = Arc::clone(&gates);
    let mut moved = boxed(async move { pass(&inner[0]).await });
    let inner = Arc::clone(&gates);
    let mut dropped = boxed(async move { pass(&inner[0]).await });
    assert!(!poll_once(&mut moved).await && !poll_once(&mut dropped).await);
    // All in one poll of this task, so they leave before a stack is committed.
    let elsewhere = std::thread::spawn(move || {
        drop(dropped);
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(moved.as_mut().poll(&mut nobody).is_pending());
        moved
    });
    let back = elsewhere.join().expect("it does not panic");
    tokio::select! {
        () = async { pass(&gates[1]).await } => {} // in a branch
    }
    pass(&gates[2]).await; // here
    back.await;
}

#[tokio::test]
async fn a_future_that_leaves_within_one_poll_is_never_in_the_stack() {
    let walk = Walk::start("raced_away", Router::new().route("/", get(raced_away))).await;
    walk.stands_at("in a branch").await;
    walk.open(1);
    walk.stands_at("here").await;
    walk.open(2);
    walk.service
        .wait_for_await("raced_away", "pass(&inner[0])")
        .await;
    walk.open(0);
    walk.ends().await;
}
