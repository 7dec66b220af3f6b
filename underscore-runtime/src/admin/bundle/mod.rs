//! `GET /_bundle`: what this API knows, in one archive to be attached to a ticket.

mod archive;
mod contents;
mod process;
mod redaction;
mod writer;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::cancellation::Cancellation;
use super::cost;
use super::endpoint::AnswerFuture;
use super::error::Error;
use super::offload::Offload;
use super::params::{BUNDLE, BUNDLE_SECONDS};
use super::render::Answer;
use super::request::Request;
use super::root::process_name;
use crate::captures;
use crate::sampling::profile::Session;
use contents::ANSWERS;
use redaction::Redaction;
use writer::{Bundle, begin_profile};

/// Default of `seconds`.
const DEFAULT_LENGTH: Duration = Duration::from_secs(5);

/// The media type.
pub(super) const GZIP: &str = "application/gzip";

/// True while a client waits for a bundle, which takes megabytes of memory.
static IS_IN_PROGRESS: AtomicBool = AtomicBool::new(false);

/// Held by the only bundle in progress.
struct Turn(());

impl Turn {
    fn take() -> Option<Self> {
        // Relaxed: no other memory is published by it.
        let was_in_progress = IS_IN_PROGRESS.swap(true, Ordering::Relaxed);
        (!was_in_progress).then_some(Turn(()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        IS_IN_PROGRESS.store(false, Ordering::Relaxed);
    }
}

/// `GET /_bundle`.
pub(super) fn get(request: Request, offload: Offload) -> AnswerFuture {
    Box::pin(async move {
        request.no_body(BUNDLE)?;
        let redaction = Redaction::read(&request)?;
        let seconds = request.value(&BUNDLE_SECONDS);
        let seconds = seconds.and_then(|seconds| seconds.parse().ok());
        let length = seconds.map_or(DEFAULT_LENGTH, Duration::from_secs);
        let _turn = Turn::take().ok_or_else(Error::bundle_in_progress)?;
        let time = SystemTime::now();
        let bundle = step(&offload, move || Bundle::new(&request, redaction, None)).await?;
        let mut bundle = add(&offload, bundle, Bundle::begin_metrics).await?;
        // Dropped if the client leaves.
        let session = begin_profile();
        sleep(length).await;
        let profile = session.map(Session::finish);
        bundle = add(&offload, bundle, Bundle::end_metrics).await?;
        for file in ANSWERS {
            bundle = add(&offload, bundle, |bundle| bundle.answer(file)).await?;
        }
        bundle = add(&offload, bundle, Bundle::process).await?;
        let profiled = move |bundle: &mut Bundle| match profile {
            Ok(profile) => bundle.profile(Ok(&profile())),
            Err(error) => bundle.profile(Err(error.reason())),
        };
        bundle = add(&offload, bundle, profiled).await?;
        let bytes = step(&offload, move || bundle.finish()).await?;
        Ok(Answer::File {
            content_type: GZIP,
            name: captures::of_bundle(&process_name(), time),
            bytes: bytes.map_err(|error| Error::unwritten_bundle(&error))?,
        })
    })
}

/// The bundle of a capture that takes about `limit`: its process may be killed in a moment.
pub(super) fn without_profile(
    request: &Request,
    cause: &str,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let mut bundle = of_capture(request, cause).within(limit);
    bundle.begin_metrics();
    bundle.process();
    for file in ANSWERS {
        bundle.answer(file);
    }
    let why = "left out: this is the first file of a capture, before the second with a profile";
    bundle.profile(Err(why));
    bundle.without_end_metrics(why);
    bundle.finish()
}

/// The whole bundle of a capture. Blocks the thread for `length`.
pub(super) fn with_profile(
    request: &Request,
    cause: &str,
    length: Duration,
) -> io::Result<Vec<u8>> {
    let mut bundle = of_capture(request, cause);
    bundle.begin_metrics();
    let profile = begin_profile().map(|session| {
        thread::sleep(length);
        session.finish()()
    });
    bundle.end_metrics();
    bundle.process();
    for file in ANSWERS {
        bundle.answer(file);
    }
    bundle.profile(profile.as_ref().map_err(Error::reason));
    bundle.finish()
}

fn of_capture(request: &Request, cause: &str) -> Bundle {
    Bundle::new(request, Redaction::of_captures(), Some(cause))
}

/// Adds to the bundle on a thread of the pool. Each file is a step of its own, so that other long
/// reads take turns with a large bundle.
async fn add(
    offload: &Offload,
    mut bundle: Bundle,
    add: impl FnOnce(&mut Bundle) + Send + 'static,
) -> Result<Bundle, Error> {
    let add = move || {
        add(&mut bundle);
        bundle
    };
    step(offload, add).await
}

async fn step<T: Send + 'static>(
    offload: &Offload,
    step: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    // Each file has a deadline of its own: one that misses it is not the end of the bundle.
    let unlimited = Cancellation::default();
    offload
        .read(&unlimited, cost::all_rows, move || Ok(step()))
        .await
}
