//! The line and the source text of the await at which a request is stuck, wherever the await
//! stands.
//!
//! Each handler has numbered stages; a stage is an await that the test ends. The line to be shown
//! has the `line!()`.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use underscore_runtime::underscore_route;

use crate::support::{PATIENCE, Service, talk};

/// Gates of the handlers, opened by the tests.
#[derive(Clone)]
struct Gate {
    permits: Arc<Semaphore>,
    lines: Arc<std::sync::Mutex<Vec<u32>>>,
}

impl Gate {
    fn new() -> Self {
        Gate {
            permits: Arc::new(Semaphore::new(0)),
            lines: Arc::default(),
        }
    }

    /// Reports that the next stage is the await on this line.
    fn on(&self, line: u32) -> &Self {
        self.lines.lock().expect("nobody panics here").push(line);
        self
    }

    async fn pass(&self) {
        self.permits.acquire().await.expect("never closed").forget();
    }

    /// The same as a fallible operation.
    async fn try_pass(&self) -> Result<u8, String> {
        self.pass().await;
        Ok(1)
    }
}

/// Sends a request and compares `_cat/tasks` at each stage.
async fn assert_shown(name: &str, app: Router<Gate>, awaiting: &[&str]) {
    let gate = Gate::new();
    let service = Service::start(app.with_state(gate.clone())).await;
    let answer = tokio::spawn(service.request(Method::GET, "/").send());
    for (stage, awaiting) in awaiting.iter().enumerate() {
        let lines = || gate.lines.lock().expect("nobody panics here").clone();
        while lines().len() <= stage {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let task = service.wait_for_await(name, awaiting).await;
        let expected = format!("{}:{}", file!(), lines()[stage]);
        assert_eq!(task["where"], expected, "stage {stage} of {name}");
        assert_eq!(task["state"], "waiting");
        gate.permits.add_permits(1);
    }
    let answer = answer.await.expect("no panic").expect("an answer");
    assert_eq!(
        answer.status(),
        200,
        "{}",
        answer.text().await.expect("text")
    );
}

macro_rules! shown_at_its_line {
    ($($test:ident: $handler:ident $awaiting:expr;)*) => {$(
        #[tokio::test]
        async fn $test() {
            let name = concat!("awaits.", stringify!($handler));
            let awaited = timeout(PATIENCE, assert_shown(name, Router::new().route("/", get($handler)), &$awaiting));
            awaited.await.expect("every stage is reached");
        }
    )*};
}

shown_at_its_line! {
    awaits_in_sequence_are_shown_one_after_the_other: sequence ["gate.on(line!()).pass()", "other.on(line!()).pass()"];
    an_await_in_a_loop_is_shown_at_every_turn: looped ["gate.on(line!()).pass()"; 3];
    an_await_in_a_match_is_shown_in_scrutinee_and_arm: matched [
        "gate.on(line!()).try_pass()", "helper(&gate)", "gate.on(line!()).pass()"
    ];
    an_await_before_and_after_a_question_mark_is_shown: questioned [
        "gate.on(line!()).try_pass()", "gate.on(line!()).on_again()"
    ];
    an_await_under_a_timeout_is_shown: timed [
        "gate.on(line!()).pass()", "timeout(PATIENCE, gate.on(line!()).pass())"
    ];
    an_await_in_an_async_block_is_shown_inside_the_one_around_it: nested ["gate.on(line!()).pass()"];
    an_await_in_an_async_closure_is_shown: closed ["gate.on(line!()).pass()"; 2];
    an_await_of_a_borrowed_future_is_shown: borrowed ["(&mut pass)", "pass"];
    an_await_of_what_turns_into_a_future_is_shown: converted ["Delivery { gate: gate.on(line!()) }"];
    an_await_on_the_last_line_of_a_chain_is_shown_at_the_await: chained ["gate.on(line!() + 2).pass()"];
    an_await_in_a_condition_is_shown: conditional ["gate.on(line!()).try_pass()"; 3];
}

#[underscore_route(name = "awaits.sequence")]
async fn sequence(State(gate): State<Gate>) {
    let other = gate.clone();
    gate.on(line!()).pass().await;
    other.on(line!()).pass().await;
}

#[underscore_route(name = "awaits.looped")]
async fn looped(State(gate): State<Gate>) {
    for _ in 0..3 {
        gate.on(line!()).pass().await;
    }
}

#[underscore_route(name = "awaits.matched")]
async fn matched(State(gate): State<Gate>) -> Result<(), String> {
    match gate.on(line!()).try_pass().await {
        Ok(number) if number > 5 => unreachable!(),
        Ok(_) => {
            async fn helper(gate: &Gate) {
                gate.pass().await;
            }
            gate.on(line!() + 1);
            helper(&gate).await;
            gate.on(line!()).pass().await;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

impl Gate {
    async fn on_again(&self) -> Option<()> {
        self.pass().await;
        Some(())
    }
}

#[underscore_route(name = "awaits.questioned")]
async fn questioned(State(gate): State<Gate>) -> Result<(), String> {
    gate.on(line!()).try_pass().await?;
    gate.on(line!()).on_again().await.ok_or("nothing")?;
    Ok(())
}

#[underscore_route(name = "awaits.timed")]
async fn timed(State(gate): State<Gate>) -> Result<(), Elapsed> {
    let inside = timeout(PATIENCE, async {
        gate.on(line!()).pass().await;
    });
    inside.await?;
    timeout(PATIENCE, gate.on(line!()).pass()).await?;
    Ok(())
}

/// A stand-in for a timeout's error, which is not a response.
struct Elapsed;

impl From<tokio::time::error::Elapsed> for Elapsed {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Elapsed
    }
}

impl IntoResponse for Elapsed {
    fn into_response(self) -> Response {
        StatusCode::GATEWAY_TIMEOUT.into_response()
    }
}

#[underscore_route(name = "awaits.nested")]
async fn nested(State(gate): State<Gate>) {
    let middle = async move {
        let inner = async { gate.on(line!()).pass().await };
        inner.await;
    };
    middle.await;
}

#[underscore_route(name = "awaits.closed")]
async fn closed(State(gate): State<Gate>) {
    let closed = async |gate: &Gate| gate.on(line!()).pass().await;
    closed(&gate).await;
    let returns_block = |gate: Gate| async move { gate.on(line!()).pass().await };
    returns_block(gate).await;
}

#[underscore_route(name = "awaits.borrowed")]
async fn borrowed(State(gate): State<Gate>) {
    let mut pass = Box::pin(gate.pass());
    gate.on(line!() + 1);
    (&mut pass).await;
    let pass = std::pin::pin!(gate.pass());
    gate.on(line!() + 1);
    pass.await;
}

/// Implements `IntoFuture`, as request builders of clients do.
struct Delivery<'a> {
    gate: &'a Gate,
}

impl<'a> IntoFuture for Delivery<'a> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.gate.pass())
    }
}

#[underscore_route(name = "awaits.converted")]
#[rustfmt::skip]
async fn converted(State(gate): State<Gate>) {
    Delivery { gate: gate.on(line!()) }.await;
}

#[underscore_route(name = "awaits.chained")]
#[rustfmt::skip]
async fn chained(State(gate): State<Gate>) {
    gate
        .on(line!() + 2)
        .pass()
        .await;
}

#[underscore_route(name = "awaits.conditional")]
async fn conditional(State(gate): State<Gate>) -> Result<(), String> {
    if gate.on(line!()).try_pass().await? == 2 {
        return Err("one was expected".to_owned());
    }
    let Ok(mut count) = gate.on(line!()).try_pass().await else {
        return Err("one was expected".to_owned());
    };
    while gate.on(line!()).try_pass().await? == count {
        count += 1;
        if count == 2 {
            break;
        }
    }
    Ok(())
}

/// The line of `slow_body`'s last argument.
const SLOW_BODY_LINE: u32 = line!() + 6;

#[underscore_route(name = "awaits.slow_body")]
#[rustfmt::skip]
async fn slow_body(
    Path(id): Path<u8>,
    body: String,
) -> String {
    format!("{id} {body}")
}

#[tokio::test]
async fn a_request_stuck_in_an_extractor_is_shown_at_the_arguments_line() {
    let service = Service::start(Router::new().route("/{id}", post(slow_body))).await;
    let mut connection = service.connect().await;
    let head = "POST /7 HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhe";
    connection
        .write_all(head.as_bytes())
        .await
        .expect("the service reads");
    let task = service
        .wait_for_await("awaits.slow_body", "body: String")
        .await;
    assert_eq!(
        task["where"],
        Value::from(format!("{}:{SLOW_BODY_LINE}", file!()))
    );
    let answer = talk(&mut connection, "re", "7 here").await;
    assert!(answer.ends_with("7 here"), "{answer}");
}
