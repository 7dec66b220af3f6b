//! Cost of a tracked connection: nanoseconds per read and per write of a stream that does nothing,
//! plain and tracked, and per read that waits. Rounds of both take turns, and each is compared with
//! the plain one of its round.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use underscore_bench::rounds::Quartiles;
use underscore_runtime::track_connection;

const ROUNDS: usize = 200;
const CALLS: u32 = 20_000;

/// A stream whose reads return 64 bytes, or are pending.
struct Idle {
    waits: bool,
}

impl AsyncRead for Idle {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.waits {
            return Poll::Pending;
        }
        buffer.put_slice(black_box(&[b'x'; 64]));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Idle {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(black_box(bytes.len())))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Nanoseconds per read.
fn read(stream: &mut (impl AsyncRead + Unpin)) -> f64 {
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = [0; 1024];
    time(|| {
        let mut buffer = ReadBuf::new(&mut bytes);
        let polled = Pin::new(&mut *stream).poll_read(&mut cx, &mut buffer);
        black_box(polled.is_ready());
    })
}

/// Nanoseconds per write.
fn write(stream: &mut (impl AsyncWrite + Unpin)) -> f64 {
    let mut cx = Context::from_waker(Waker::noop());
    time(|| {
        let polled = Pin::new(&mut *stream).poll_write(&mut cx, black_box(&[b'x'; 256]));
        black_box(polled.is_ready());
    })
}

fn time(mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

// On a runtime, because a connection records the tokio task that polls it.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let measured = tokio::spawn(async {
        let idle = |waits| (Idle { waits }, track_connection(Idle { waits }, &"client"));
        let (mut plain, mut tracked) = idle(false);
        report("a read", || (read(&mut plain), read(&mut tracked)));
        report("a write", || (write(&mut plain), write(&mut tracked)));
        let (mut plain, mut tracked) = idle(true);
        report("a read that waits", || {
            (read(&mut plain), read(&mut tracked))
        });
    });
    measured.await.expect("it is measured");
}

fn report(what: &str, mut round: impl FnMut() -> (f64, f64)) {
    // The first round performs one-time allocations.
    round();
    let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| round()).collect();
    let median = |of: fn(&(f64, f64)) -> f64| Quartiles::of(rounds.iter().map(of)).median;
    let more = Quartiles::of(rounds.iter().map(|(plain, tracked)| tracked - plain));
    println!(
        "{what:<18} plain {:>5.1} ns, tracked {:>5.1} ns, more {:>5.1} ns ({:.1}..{:.1})",
        median(|(plain, _)| *plain),
        median(|(_, tracked)| *tracked),
        more.median,
        more.low,
        more.high,
    );
}
