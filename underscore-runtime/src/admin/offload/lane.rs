//! Threads for jobs of one kind, started on demand up to a limit and kept until the lane is
//! dropped.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, PoisonError};
use std::thread::Builder;

use tokio::sync::oneshot;

use super::queue::{ClientId, FairQueue};
use crate::sync::{Arc, Mutex};

/// The name of the threads.
const NAME: &str = "underscore-pool";

type Job = Box<dyn FnOnce() + Send>;

/// Threads and the queue of their jobs. After a drop, each thread ends after its current job.
#[derive(Debug)]
pub(super) struct Lane(Arc<ThreadPool>);

struct ThreadPool {
    max_threads: usize,
    state: Mutex<LaneState>,
    /// Notified when a job is added and when the lane is closed.
    changed: Condvar,
}

struct LaneState {
    queue: FairQueue<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

/// The reason why a job was not accepted.
#[derive(Debug)]
pub(super) enum SubmitError {
    /// The client has this many waiting jobs.
    TooMany(usize),
    /// There is no thread, and none can be started.
    NoThread(io::Error),
}

impl std::fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state.lock();
        f.debug_struct("ThreadPool")
            .field("threads", &state.threads)
            .field("idle", &state.idle)
            .finish_non_exhaustive()
    }
}

impl Lane {
    /// A lane of at most `max_threads`, of which one client uses at most `share` at a time.
    pub(super) fn new(max_threads: usize, share: usize) -> Self {
        Lane(Arc::new(ThreadPool {
            max_threads,
            state: Mutex::new(LaneState {
                queue: FairQueue::new(share),
                threads: 0,
                idle: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Starts the first thread if there is none.
    pub(super) fn start(&self) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if state.threads > 0 {
            return Ok(());
        }
        self.0.start_thread(&mut state)
    }

    /// Runs `work` on a thread of the lane when the client's turn comes.
    ///
    /// # Cancel safety
    ///
    /// If dropped before `work` has begun, `work` is not run. If dropped later, it runs to its end.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        client: ClientId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SubmitError> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            if done.is_closed() {
                return;
            }
            // Fails if the client has left.
            let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
        });
        self.0.submit(client, job)?;
        match result.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) => resume_unwind(panic),
            // The lane is closed, so its server has ended.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.state.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

impl ThreadPool {
    fn submit(self: &Arc<Self>, client: ClientId, job: Job) -> Result<(), SubmitError> {
        let mut state = self.state.lock();
        if state.threads == 0 {
            self.start_thread(&mut state)
                .map_err(SubmitError::NoThread)?;
        }
        state
            .queue
            .push(client, job)
            .map_err(SubmitError::TooMany)?;
        if state.queue.ready() > state.idle && state.threads < self.max_threads {
            // If this fails, the existing threads take the job later.
            let _ = self.start_thread(&mut state);
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn start_thread(self: &Arc<Self>, state: &mut LaneState) -> io::Result<()> {
        let lane = Arc::clone(self);
        Builder::new()
            .name(NAME.into())
            .spawn(move || lane.run_jobs())?;
        state.threads = state.threads.saturating_add(1);
        Ok(())
    }

    /// Runs jobs until the lane is closed.
    fn run_jobs(&self) {
        let mut state = self.state.lock();
        loop {
            // Waiting jobs are dropped with the lane.
            if state.is_closed {
                return;
            }
            if let Some((client, job)) = state.queue.pop() {
                drop(state);
                job();
                state = self.state.lock();
                state.queue.done(client);
                continue;
            }
            state.idle = state.idle.saturating_add(1);
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
            state.idle = state.idle.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::{Duration, Instant};

    const PATIENCE: Duration = Duration::from_secs(20);

    const SCRIPT: ClientId = Some(0);
    const OTHER: ClientId = Some(1);

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(future)
    }

    /// A job that sends its number and then waits until the returned sender is dropped.
    fn gated(number: usize, began: Sender<usize>) -> (Sender<()>, impl FnOnce() + Send) {
        let (release, released) = channel::<()>();
        let job = move || {
            began.send(number).expect("the test receives");
            let _ = released.recv();
        };
        (release, job)
    }

    async fn next(began: &Receiver<usize>) -> usize {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(number) = began.try_recv() {
                return number;
            }
            assert!(Instant::now() < end, "no job was run");
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn jobs_of_one_client_leave_threads_for_another() {
        block_on(async {
            let lane = Arc::new(Lane::new(4, 2));
            let (began, starts) = channel();
            let mut gates = Vec::new();
            for number in 0..8 {
                let (gate, job) = gated(number, began.clone());
                gates.push(gate);
                let lane = Arc::clone(&lane);
                tokio::spawn(async move { lane.run(SCRIPT, job).await });
            }
            let mut first = [next(&starts).await, next(&starts).await];
            first.sort_unstable();
            assert_eq!(first, [0, 1]);
            for _ in 0..2 {
                let done = lane.run(OTHER, || "done").await.expect("it is run");
                assert_eq!(done, "done");
            }
            assert!(starts.try_recv().is_err(), "the third waits for its turn");
            gates.drain(..2);
            let mut more = [next(&starts).await, next(&starts).await];
            more.sort_unstable();
            assert_eq!(more, [2, 3]);
        });
    }

    #[test]
    fn a_job_whose_client_left_before_its_turn_is_not_run() {
        block_on(async {
            let lane = Arc::new(Lane::new(1, 1));
            let (began, starts) = channel();
            let (gate, first) = gated(1, began.clone());
            let (_, second) = gated(2, began);
            let (running, waiting) = (Arc::clone(&lane), Arc::clone(&lane));
            let running = tokio::spawn(async move { running.run(SCRIPT, first).await });
            assert_eq!(next(&starts).await, 1);
            let waiting = tokio::spawn(async move { waiting.run(SCRIPT, second).await });
            tokio::task::yield_now().await;
            waiting.abort();
            assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
            drop(gate);
            running.await.expect("no panic").expect("it is run");
            lane.run(SCRIPT, || {}).await.expect("the thread is free");
            assert!(starts.try_recv().is_err());
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_thread_continues() {
        block_on(async {
            let lane = Arc::new(Lane::new(1, 1));
            let panics = Arc::clone(&lane);
            let job = || resume_unwind(Box::new("a bug"));
            let caller = tokio::spawn(async move { panics.run::<()>(SCRIPT, job).await });
            assert!(caller.await.is_err_and(|error| error.is_panic()));
            lane.run(SCRIPT, || {}).await.expect("it is run");
        });
    }

    #[test]
    fn the_threads_end_when_the_lane_is_dropped() {
        block_on(async {
            let lane = Lane::new(2, 2);
            lane.run(SCRIPT, || {}).await.expect("it is run");
            let shared = Arc::downgrade(&lane.0);
            drop(lane);
            let end = Instant::now() + PATIENCE;
            while shared.strong_count() > 0 {
                assert!(Instant::now() < end, "a thread is left");
                std::thread::yield_now();
            }
        });
    }
}
