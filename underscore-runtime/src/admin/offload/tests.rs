//! Reads and changes on the pool's threads, without a socket.

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
const NO_ROWS: fn() -> usize = || 0;

/// A read that ends only when it is cancelled.
fn endless(
    cancellation: &Cancellation,
    began: Sender<()>,
) -> impl FnOnce() -> Result<(), Error> + use<> {
    let cancellation = cancellation.clone();
    move || {
        began.send(()).expect("the test receives");
        let end = Instant::now() + PATIENCE;
        while !cancellation.is_requested() {
            assert!(Instant::now() < end, "it was never cancelled");
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
fn a_read_whose_client_left_ends_and_frees_its_thread() {
    block_on(async {
        let offload = offload(Duration::from_secs(3600));
        for _ in 0..3 * LONG_READS {
            let cancellation = Cancellation::default();
            let client = cancellation.client_presence();
            let (began, starts) = channel();
            let read = endless(&cancellation, began);
            let read = tokio::spawn({
                let offload = offload.clone();
                async move { offload.read(&cancellation, LONG, read).await }
            });
            // It begins, because the reads before it have ended.
            until(&starts).await;
            read.abort();
            drop(client);
        }
    });
}

/// Holds 6.40 of docs/admin-api.md.
#[test]
fn a_read_that_takes_too_long_is_refused_with_ways_to_read_less() {
    block_on(async {
        let offload = offload(Duration::from_millis(20));
        for rows in [NO_ROWS, LONG] {
            let cancellation = Cancellation::default();
            let _client = cancellation.client_presence();
            let (began, _starts) = channel();
            let read = endless(&cancellation, began);
            let error = offload.read(&cancellation, rows, read).await;
            let error = error.expect_err("it has no end");
            assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
            let (_, json) = Answer::Node(error.node()).into_body(
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
fn a_read_that_was_complete_at_the_deadline_is_answered() {
    block_on(async {
        let offload = offload(Duration::ZERO);
        let cancellation = Cancellation::default();
        let answer = offload.read(&cancellation, NO_ROWS, || Ok("all of it"));
        assert_eq!(answer.await.expect("it is complete"), "all of it");
    });
}

/// Holds 1.40, 1.44 of docs/admin-api.md.
#[test]
fn changes_and_short_reads_do_not_wait_for_long_reads_of_the_same_client() {
    block_on(async {
        let offload = offload(Duration::from_secs(3600));
        let cancellation = Cancellation::default();
        let client = cancellation.client_presence();
        let (began, starts) = channel();
        for _ in 0..2 * LONG_READS {
            let (offload, cancellation, read) = (
                offload.clone(),
                cancellation.clone(),
                endless(&cancellation, began.clone()),
            );
            tokio::spawn(async move { offload.read(&cancellation, LONG, read).await });
        }
        for _ in 0..LONG_READS / 2 {
            until(&starts).await;
        }
        let short = Cancellation::default();
        let read = offload.read(&short, NO_ROWS, || Ok("seen"));
        assert_eq!(read.await.expect("it is short"), "seen");
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
fn requests_beyond_the_waiting_limit_are_refused_with_the_cure() {
    block_on(async {
        let offload = offload(Duration::from_secs(3600));
        let (release, released) = channel::<()>();
        let (began, starts) = channel();
        let blocks = move || {
            began.send(()).expect("the test receives");
            let _ = released.recv();
        };
        let run = |work: Box<dyn FnOnce() + Send>| {
            let offload = offload.clone();
            tokio::spawn(async move { offload.change(work).await.map_err(|error| error.status()) })
        };
        let mut all = vec![run(Box::new(blocks))];
        until(&starts).await;
        for _ in 0..1024 {
            all.push(run(Box::new(|| {})));
            // Runs the task until it waits.
            tokio::task::yield_now().await;
        }
        let error = offload.change(|| ()).await.expect_err("one more");
        assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
        let text = format!("{error:?}");
        for word in ["limit_reached", "1024", "retry after"] {
            assert!(text.contains(word), "{text}");
        }
        let error = Error::from(SubmitError::NoThread(io::ErrorKind::WouldBlock.into()));
        assert!(format!("{error:?}").contains("ulimit -u"), "{error:?}");
        drop(release);
        for waiting in all {
            waiting.await.expect("no panic").expect("it is made");
        }
    });
}

/// Other tests of this process may use the shared pool.
#[test]
fn one_pool_is_shared_while_it_is_in_use() {
    let pool = Pool::shared();
    assert!(Arc::ptr_eq(&pool, &Pool::shared()));
    pool.start().expect("threads start");
}
