//! Each stage of a request, in each arrangement of layers: what is shown there, and how a request
//! ends that is answered, dropped or interrupted there, or that panics.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use underscore_runtime::RequestLayer;

use super::{Latch, assert_counts, assert_ends, only_task, request, scripted, send, statuses};
use crate::admin::Operator;
use crate::flight::Flight;
use crate::model::Seen;
use crate::script::{Piece, Script, Step, panic_silently};

type App = BoxCloneService<Request, Response, Infallible>;

/// Middleware that waits before and after the handler, and panics there if it is told to.
#[derive(Clone, Default)]
struct Around {
    before: Latch,
    after: Latch,
    panics: Latch,
}

impl Around {
    fn layer(&self, routes: Router) -> Router {
        let around = self.clone();
        routes.layer(from_fn(move |request: Request, next: Next| {
            let around = around.clone();
            async move {
                around.pass(&around.before).await;
                let response = next.run(request).await;
                around.pass(&around.after).await;
                response
            }
        }))
    }

    async fn pass(&self, latch: &Latch) {
        latch.pass().await;
        if self.panics.0.load(Ordering::SeqCst) {
            panic_silently();
        }
    }
}

/// Layers around the handler at `/` and a name, and that middleware.
type Arrange = fn(name: &'static str, around: &Around) -> App;

const ARRANGEMENTS: [(&str, Arrange); 7] = [
    ("stages.router", |name, around| {
        let routes = around.layer(routes(name));
        eager(routes.layer(RequestLayer::named(name)))
    }),
    ("stages.twice", |name, around| {
        let routes = around.layer(routes(name));
        let inner = routes.layer(RequestLayer::named(name));
        eager(inner.layer(RequestLayer::named(name)))
    }),
    ("stages.between", |name, around| {
        let inner = routes(name).layer(RequestLayer::named(name));
        eager(around.layer(inner).layer(RequestLayer::named(name)))
    }),
    ("stages.nested", |name, around| {
        let inner = Router::new().route("/", get(scripted));
        let inner = around.layer(inner).layer(RequestLayer::named(name));
        let outer: Router = Router::new().nest(&format!("/{name}"), inner);
        eager(outer.layer(RequestLayer::named(name)))
    }),
    ("stages.whole", |name, around| {
        boxed(RequestLayer::named(name).layer(around.layer(routes(name))))
    }),
    ("stages.both", |name, around| {
        let inner = around.layer(routes(name)).layer(RequestLayer::named(name));
        boxed(RequestLayer::named(name).layer(inner.with_state(())))
    }),
    ("stages.builder", |name, around| {
        let layers = ServiceBuilder::new()
            .layer(RequestLayer::named(name))
            .layer(RequestLayer::named(name));
        boxed(layers.service(around.layer(routes(name))))
    }),
];

fn routes(name: &str) -> Router {
    Router::new().route(&format!("/{name}"), get(scripted))
}

/// Without a state, axum would add the layers anew for each request.
fn eager(router: Router) -> App {
    boxed(router.with_state(()))
}

fn boxed<S>(service: S) -> App
where
    S: Service<Request, Response: IntoResponse, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    BoxCloneService::new(service.map_response(IntoResponse::into_response))
}

/// The place in the service where an event finds the request.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Place {
    Before,
    Extractors,
    Handler,
    After,
    Body,
}

const PLACES: [Place; 5] = [
    Place::Before,
    Place::Extractors,
    Place::Handler,
    Place::After,
    Place::Body,
];

#[derive(Clone, Copy, Debug)]
enum Event {
    Finish,
    Drop,
    Interrupt,
    InterruptTwice,
    Panic,
}

const EVENTS: [(Event, &str); 5] = [
    (Event::Finish, "completed"),
    (Event::Drop, "disconnected"),
    (Event::Interrupt, "interrupted"),
    (Event::InterruptTwice, "interrupted"),
    (Event::Panic, "panicked"),
];

/// A request on its way, polled by hand.
struct Walk {
    around: Around,
    script: Arc<Script>,
    flight: Flight,
}

impl Walk {
    fn start(app: &App, around: &Around, name: &str) -> Self {
        for latch in [&around.before, &around.after, &around.panics] {
            latch.close();
        }
        let (script, request) = request(&format!("/{name}?a=b"));
        Walk {
            around: around.clone(),
            script,
            flight: Flight::Future(send(app, request)),
        }
    }

    fn poll(&mut self) -> Seen {
        self.flight.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Enters `place` from the one before.
    fn enter(&mut self, place: Place) {
        match place {
            Place::Before => {}
            Place::Extractors => self.around.before.open(),
            Place::Handler => self.script.set(Step::Extract, Piece::Wait),
            Place::After => self.script.set(Step::Stream(200), Piece::Wait),
            Place::Body => self.around.after.open(),
        }
        let expected = match place {
            Place::Body => Seen::Streams(200),
            _ => Seen::Pending,
        };
        assert_eq!(self.poll(), expected, "{place:?}");
    }

    fn finish(&mut self, from: Place) {
        let left = PLACES.iter().skip_while(|place| **place != from).skip(1);
        left.for_each(|place| self.enter(*place));
        self.script.set(Step::Wait, Piece::End);
        assert_eq!(self.poll(), Seen::EndOfBody);
    }

    fn interrupt(&mut self, from: Place, id: &Value, times: usize) {
        for _ in 0..times {
            let path = format!("_tasks/{id}/_cancel?wait_for_completion=false");
            Operator::connect().post(&path);
        }
        let expected = match from {
            Place::Body => Seen::BodyError,
            _ => Seen::Answered(503),
        };
        assert_eq!(self.poll(), expected, "{from:?}");
    }

    fn panic(&mut self, from: Place) {
        match from {
            Place::Before | Place::After => {
                self.around.panics.open();
                self.around.before.open();
                self.around.after.open();
            }
            _ => self.script.set(Step::Panic, Piece::Panic),
        }
        let polled = catch_unwind(AssertUnwindSafe(|| self.poll()));
        assert!(polled.is_err(), "{from:?}: {:?}", polled.ok());
        self.flight = Flight::Gone;
    }
}

/// The stage that must be shown in `place`.
fn stage(place: Place, is_handler_known: bool) -> &'static str {
    match place {
        Place::Before if !is_handler_known => "service",
        Place::Before | Place::After => "middleware",
        Place::Extractors => "extractors",
        Place::Handler => "handler",
        Place::Body => "body",
    }
}

/// Sends requests through an arrangement. A new one has to learn where its handler is.
fn run(name: &'static str, arrange: Arrange, is_new: bool) {
    let around = Around::default();
    let mut app = arrange(name, &around);
    let sees_paths = !["stages.whole", "stages.builder"].contains(&name);
    let mut is_known = false;
    let mut ends: Vec<(&str, u64)> = Vec::new();
    let mut with_status = [0, 0];
    for (event, end) in EVENTS {
        for last in PLACES {
            if is_new {
                (app, is_known) = (arrange(name, &around), false);
            }
            let mut walk = Walk::start(&app, &around, name);
            let mut id = Value::Null;
            for place in PLACES.into_iter().take_while(|place| *place <= last) {
                walk.enter(place);
                let task = only_task(name);
                let what = format!("{name} {event:?} {last:?} {place:?}: {task:#}");
                assert_eq!(task["stage"], stage(place, is_known), "{what}");
                assert!(id.is_null() || task["id"] == id, "{what}");
                assert_eq!(task["cancelling"], false, "{what}");
                let is_at_handler = is_known || place != Place::Before;
                assert!(
                    !is_at_handler || task["name"] == "layers.scripted",
                    "{what}"
                );
                id = task["id"].clone();
            }
            assert_counts(name, 1, &ends);
            match event {
                Event::Finish => walk.finish(last),
                Event::Drop => walk.flight = Flight::Gone,
                Event::Interrupt => walk.interrupt(last, &id, 1),
                Event::InterruptTwice => walk.interrupt(last, &id, 2),
                Event::Panic => walk.panic(last),
            }
            drop(walk);
            match ends.iter_mut().find(|(known, _)| *known == end) {
                Some((_, count)) => *count += 1,
                None => ends.push((end, 1)),
            }
            with_status[0] += u64::from(end == "completed" || last == Place::Body);
            with_status[1] += u64::from(end == "interrupted" && last != Place::Body);
            assert_ends(name, &ends);
            assert_eq!([2, 5].map(|class| statuses(name, class)), with_status);
            is_known |= sees_paths && (last > Place::Before || matches!(event, Event::Finish));
        }
    }
}

#[test]
fn a_request_is_one_row_with_one_end_in_each_stage() {
    for (name, arrange) in ARRANGEMENTS {
        run(name, arrange, false);
    }
}

/// The same where each request is the first one: it begins on a route of the layer.
#[test]
fn a_first_request_is_one_row_with_one_end_in_each_stage() {
    for (name, arrange) in ARRANGEMENTS {
        let name: &'static str = Box::leak(format!("new.{name}").into_boxed_str());
        run(name, arrange, true);
    }
}
