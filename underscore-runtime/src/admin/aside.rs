//! Looks that may take long: on a thread of their own, so that others are answered beside them, and only for as
//! long as somebody waits for what they see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says that a look may take a thread of its own. A host's own runtime may have none left when it matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LooksAside;

/// Whoever waits for an answer, as the look sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Audience {
    left: Arc<AtomicBool>,
}

/// Waits for an answer, until it is dropped.
#[derive(Debug)]
pub(super) struct Waits(Audience);

impl Audience {
    /// Waits from now on.
    pub(super) fn wait(&self) -> Waits {
        Waits(self.clone())
    }

    /// Whether somebody still waits.
    pub(super) fn is_there(&self) -> bool {
        // Relaxed: it tells of nothing else.
        !self.left.load(Ordering::Relaxed)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Relaxed);
    }
}

/// Looks on a thread of its own. Dropped, it leaves that to find out that nobody waits.
pub(super) async fn look<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(look).await {
        Ok(seen) => seen,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it the connection.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::{Endpoint, Run};
    use super::super::error::Error;
    use super::super::exchange::Exchange;
    use super::super::render::Answer;
    use super::super::{GET, root};
    use super::*;
    use axum::body::Body;
    use axum::extract::Request;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    static SEEN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

    fn note(what: &'static str) {
        SEEN.lock().expect("no panic").push(what);
    }

    /// A list without an end.
    fn endless(exchange: &Exchange) -> Result<Answer, Error> {
        note("began");
        let end = Instant::now() + Duration::from_secs(20);
        while exchange.is_wanted() && Instant::now() < end {
            std::thread::yield_now();
        }
        note("ended");
        root::root(exchange)
    }

    const fn read(path: &'static str, run: fn(&Exchange) -> Result<Answer, Error>) -> Endpoint {
        Endpoint {
            method: GET,
            path,
            params: &[],
            run: Run::Read(run),
        }
    }

    static ENDLESS: Endpoint = read("/_routes", endless);
    static SHORT: Endpoint = read("/", root::root);

    async fn until(seen: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !SEEN.lock().expect("no panic").contains(&seen) {
            assert!(Instant::now() < end, "never {seen}");
            tokio::task::yield_now().await;
        }
    }

    fn request() -> Request {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(LooksAside);
        request
    }

    #[test]
    fn a_long_look_keeps_nobody_waiting_and_ends_when_its_client_leaves() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build();
        runtime.expect("a runtime").block_on(async {
            let long = tokio::spawn(Exchange::run(&ENDLESS, request()));
            until("began").await;
            // The only other thread is taken.
            let short = Exchange::run(&SHORT, request()).await;
            assert_eq!(short.status(), 200);
            assert_eq!(*SEEN.lock().expect("no panic"), ["began"]);
            long.abort();
            until("ended").await;
        });
    }
}
