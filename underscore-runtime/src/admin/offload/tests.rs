//! Looks and changes on their threads, without a socket.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::*;
use crate::admin::render::{Answer, Style};
use axum::http::StatusCode;

const PATIENCE: Duration = Duration::from_secs(20);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn offload(limit: Duration) -> Offload {
    Offload::new(Arc::new(Pool::new(limit)), None)
}

const LONG: fn() -> usize = || usize::MAX;
const NOTHING: fn() -> usize = || 0;

/// A look without an end of its own.
fn endless(
    cancellation: &Cancellation,
    began: Sender<()>,
) -> impl FnOnce() -> Result<(), Error> + use<> {
    let cancellation = cancellation.clone();
    move || {
        began.send(()).expect("the test waits");
        let end = Instant::now() + PATIENCE;
        while !cancellation.is_requested() {
            assert!(Instant::now() < end, "it is never told to end");
            std::thread::yield_now();
        }
        Ok(())
    }
}

async fn until(began: &Receiver<()>) {
    let end = Instant::now() + PATIENCE;
    while began.try_recv().is_err() {
        assert!(Instant::now() < end, "it never begins");
        tokio::task::yield_now().await;
    }
}

/// Holds 1.43 of docs/admin-api.md.
#[test]
fn a_look_whose_client_left_ends_and_leaves_its_thread_to_others() {
    block_on(async {
        let offload = offload(Duration::from_secs(3600));
        for _ in 0..3 * LONG_LOOKS {
            let cancellation = Cancellation::default();
            let client = cancellation.client_presence();
            let (began, starts) = channel();
            let look = endless(&cancellation, began);
            let look = tokio::spawn({
                let offload = offload.clone();
                async move { offload.read(&cancellation, LONG, look).await }
            });
            // Its turn comes, for those before it have ended.
            until(&starts).await;
            look.abort();
            drop(client);
        }
    });
}

/// Holds 6.40 of docs/admin-api.md.
#[test]
fn a_look_that_takes_too_long_is_refused_and_says_how_to_ask_for_less() {
    block_on(async {
        let offload = offload(Duration::from_millis(20));
        for rows in [NOTHING, LONG] {
            let cancellation = Cancellation::default();
            let _client = cancellation.client_presence();
            let (began, _starts) = channel();
            let look = endless(&cancellation, began);
            let error = offload.read(&cancellation, rows, look).await;
            let error = error.expect_err("it has no end");
            assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
            let (_, json) = Answer::Node(error.node()).written(
                Style {
                    format: None,
                    pretty: false,
                },
                &Cancellation::default(),
            );
            let json = String::from_utf8(json).expect("JSON");
            for word in [
                "timeout_exception",
                "20ms",
                "[routes]",
                "[older_than]",
                "[size]",
            ] {
                assert!(json.contains(word), "{word} is not in {json}");
            }
        }
    });
}

#[test]
fn a_look_that_was_complete_in_the_last_moment_is_answered() {
    block_on(async {
        let offload = offload(Duration::ZERO);
        let cancellation = Cancellation::default();
        let seen = offload.read(&cancellation, NOTHING, || Ok("all of it"));
        assert_eq!(seen.await.expect("it was not cut short"), "all of it");
    });
}

/// Holds 1.40, 1.44 of docs/admin-api.md.
#[test]
fn changes_and_short_looks_are_not_behind_long_looks_of_the_same_client() {
    block_on(async {
        let offload = offload(Duration::from_secs(3600));
        let cancellation = Cancellation::default();
        let client = cancellation.client_presence();
        let (began, starts) = channel();
        for _ in 0..2 * LONG_LOOKS {
            let (offload, cancellation, look) = (
                offload.clone(),
                cancellation.clone(),
                endless(&cancellation, began.clone()),
            );
            tokio::spawn(async move { offload.read(&cancellation, LONG, look).await });
        }
        for _ in 0..LONG_LOOKS / 2 {
            until(&starts).await;
        }
        let short = Cancellation::default();
        let look = offload.read(&short, NOTHING, || Ok("seen"));
        assert_eq!(look.await.expect("it is short"), "seen");
        assert_eq!(offload.change(|| "done").await.expect("it is made"), "done");
        assert!(
            starts.try_recv().is_err(),
            "no client has more than half of the threads"
        );
        drop(client);
    });
}

/// Holds 6.41 of docs/admin-api.md.
#[test]
fn more_requests_than_may_wait_are_refused_and_say_what_helps() {
    block_on(async {
        let offload = offload(Duration::from_secs(3600));
        let (release, released) = channel::<()>();
        let (began, starts) = channel();
        let stands = move || {
            began.send(()).expect("the test waits");
            let _ = released.recv();
        };
        let run = |work: Box<dyn FnOnce() + Send>| {
            let offload = offload.clone();
            tokio::spawn(async move { offload.change(work).await.map_err(|error| error.status()) })
        };
        let mut all = vec![run(Box::new(stands))];
        until(&starts).await;
        for _ in 0..1024 {
            all.push(run(Box::new(|| {})));
            // It runs up to where it waits.
            tokio::task::yield_now().await;
        }
        let error = offload.change(|| ()).await.expect_err("one more");
        assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
        let said = format!("{error:?}");
        for word in ["limit_reached", "1024", "ask again when"] {
            assert!(said.contains(word), "{said}");
        }
        let error = Error::from(Refused::NoThread(io::ErrorKind::WouldBlock.into()));
        assert!(format!("{error:?}").contains("ulimit -u"), "{error:?}");
        drop(release);
        for waiting in all {
            waiting.await.expect("no panic").expect("it is made");
        }
    });
}

/// That of the process may have other users among these tests.
#[test]
fn there_is_one_pool_as_long_as_somebody_has_it() {
    let pool = Pool::shared();
    assert!(Arc::ptr_eq(&pool, &Pool::shared()));
    pool.start().expect("threads can be had");
}
