//! Wakers and bodies of the host run inside the library. They may call the admin API, send another
//! request to the same route, or panic: no lock is held meanwhile, and nothing is lost.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::routing::get;
use hyper::body::Frame;
use underscore_runtime::underscore_route;

use crate::admin::Operator;
use crate::hand::{assert_ends, poll, row, send};

/// Longer than any operation here, so a timeout means a deadlock.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `test`, and fails if it hangs.
fn in_time<T: Send + 'static>(story: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        // The receiver is gone after a timeout.
        let _ = done.send(story());
    });
    match wait.recv_timeout(PATIENCE) {
        Ok(told) => told,
        Err(RecvTimeoutError::Disconnected) => panic!("{:?}", thread.join().err()),
        Err(RecvTimeoutError::Timeout) => panic!("it stands still"),
    }
}

/// A waker that reads the route and sends another request to it, on wake and on drop.
struct Nosy {
    router: Router,
    name: &'static str,
    woken: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

impl Nosy {
    fn look(&self) {
        // On threads of the host only: the thread of the admin API cannot send itself a request.
        if std::thread::current().name() != Some("underscore-admin") {
            assert!(row(self.name)["stats.req.active"].is_u64());
            Operator::connect().rows("_cat/tasks?format=json");
        }
        let mut another = send(&self.router);
        assert!(poll(&mut another).is_pending());
    }
}

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        self.look();
        self.woken.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        self.look();
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn nosy(router: &Router, name: &'static str, dropped: &Arc<AtomicUsize>) -> Arc<Nosy> {
    Arc::new(Nosy {
        router: router.clone(),
        name,
        woken: AtomicUsize::new(0),
        dropped: Arc::clone(dropped),
    })
}

#[underscore_route(name = "watched")]
async fn watched() {
    pending::<()>().await;
}

#[test]
fn a_waker_may_run_any_code_on_wake_and_on_drop() {
    in_time(|| {
        let router = Router::new().route("/", get(watched));
        let dropped = Arc::new(AtomicUsize::new(0));
        let wakers = [(); 3].map(|()| nosy(&router, "watched", &dropped));
        let mut sent = send(&router);
        // Each waker replaces the previous one, whose last clone is the one in the task.
        for waker in wakers {
            let waker = Waker::from(waker);
            assert!(
                sent.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
        // The last waker is dropped with the task.
        drop(sent);
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        let last = nosy(&router, "watched", &dropped);
        let waker = Waker::from(Arc::clone(&last));
        let mut told = send(&router);
        assert!(
            told.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let path = "_routes/watched/interrupt?wait_for_completion=false";
        Operator::connect().post(path);
        assert_eq!(last.woken.load(Ordering::SeqCst), 1);
        assert!(poll(&mut told).is_ready());
        drop((waker, last));
        // Four were dropped and one was woken: each sent another request and dropped it.
        assert_ends(
            "watched",
            &[("disconnected", 1 + 4 + 1), ("interrupted", 1)],
        );
    });
}

/// A waker that interrupts the route when it is replaced.
struct Spiteful;

impl Wake for Spiteful {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Spiteful {
    fn drop(&mut self) {
        let path = "_routes/spited/interrupt?wait_for_completion=false";
        Operator::connect().post(path);
    }
}

#[underscore_route(name = "spited")]
async fn spited() {
    pending::<()>().await;
}

#[test]
fn a_waker_may_interrupt_its_own_task_when_it_is_dropped() {
    in_time(|| {
        let mut sent = send(&Router::new().route("/", get(spited)));
        let waker = Waker::from(Arc::new(Spiteful));
        let mut cx = Context::from_waker(&waker);
        assert!(sent.as_mut().poll(&mut cx).is_pending());
        drop(waker);
        assert!(
            poll(&mut sent).is_pending(),
            "it is told to end in this poll"
        );
        assert!(poll(&mut sent).is_ready());
        assert_ends("spited", &[("interrupted", 1)]);
    });
}

/// A waker that panics on wake or on drop.
struct Bomb {
    in_drop: bool,
}

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        assert!(self.in_drop, "on purpose");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.in_drop, "on purpose");
    }
}

#[underscore_route(name = "badly_woken")]
async fn badly_woken() {
    pending::<()>().await;
}

/// A panicking waker neither loses the report nor keeps other requests from being interrupted.
#[test]
fn a_waker_that_panics_on_wake_does_not_keep_others_from_being_interrupted() {
    let router = Router::new().route("/", get(badly_woken));
    let mut all = [(); 3].map(|()| send(&router));
    for sent in &mut all {
        let waker = Waker::from(Arc::new(Bomb { in_drop: false }));
        assert!(
            sent.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    let path = "_routes/badly_woken/interrupt?wait_for_completion=false";
    let report = Operator::connect().post(path);
    assert_eq!(report["still_running"], 3, "{report:#}");
    for sent in &mut all {
        let Poll::Ready(response) = poll(sent) else {
            panic!("it was told to end");
        };
        assert_eq!(response.status(), 503);
    }
    assert_ends("badly_woken", &[("interrupted", 3)]);
}

#[underscore_route(name = "badly_dropped")]
async fn badly_dropped() {
    let _later = PanicsAtItsEnd;
    pending::<()>().await;
}

/// A second panic during unwinding would abort the process.
struct PanicsAtItsEnd;

impl Drop for PanicsAtItsEnd {
    fn drop(&mut self) {
        crate::script::panic_silently();
    }
}

/// The task ends during unwinding and drops a waker that panics, too.
#[test]
fn a_waker_that_panics_on_drop_does_not_abort_the_process() {
    let router = Router::new().route("/", get(badly_dropped));
    let mut sent = send(&router);
    let waker = Waker::from(Arc::new(Bomb { in_drop: true }));
    assert!(
        sent.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    assert!(
        catch_unwind(AssertUnwindSafe(|| drop(sent))).is_err(),
        "the handler's own panic"
    );
    assert_ends("badly_dropped", &[("panicked", 1)]);
}

/// A body that reads its own route when it is polled and dropped.
struct Looks(&'static str);

impl HttpBody for Looks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        assert_eq!(row(self.0)["stats.req.active"], 1);
        Operator::connect().post("_routes/looks/interrupt?wait_for_completion=false");
        Poll::Pending
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        assert_eq!(
            row(self.0)["stats.req.active"],
            1,
            "part of its task to the last"
        );
    }
}

#[underscore_route(name = "looks")]
async fn looks() -> Body {
    Body::new(Looks("looks"))
}

#[test]
fn a_body_may_interrupt_and_read_its_own_route_on_drop() {
    in_time(|| {
        let router = Router::new().route("/", get(looks));
        let Poll::Ready(response) = poll(&mut send(&router)) else {
            panic!("it answers at once");
        };
        let mut body = response.into_body();
        let mut cx = Context::from_waker(Waker::noop());
        let mut frame = || std::pin::Pin::new(&mut body).poll_frame(&mut cx);
        assert!(frame().is_pending(), "it interrupts itself");
        assert!(
            matches!(frame(), Poll::Ready(Some(Err(_)))),
            "and is interrupted"
        );
        drop(body);
        assert_ends("looks", &[("interrupted", 1)]);
    });
}
