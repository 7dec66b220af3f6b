//! Runs an annotated function until it waits, and reads what it is shown to hold.

use std::future::{Future, pending, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use serde_json::Value;
use underscore_runtime::track;

use crate::support::{PATIENCE, Service};

/// The admin API of this process.
pub async fn admin() -> Service {
    Service::start(Router::new()).await
}

/// Never returns. Each holder ends here.
pub async fn stay() {
    pending::<()>().await;
}

/// Polls `holder` until it waits, and returns the texts of what it holds. The place of each must be
/// the line that has the text.
pub async fn holding(holder: impl Future) -> Vec<String> {
    static NUMBER: LazyLock<AtomicU64> = LazyLock::new(AtomicU64::default);
    let name = format!("holder {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let service = admin().await;
    let mut holder = pin!(track(name.clone(), holder));
    // Holders that have to wait for another thread are polled again at each look.
    loop {
        poll_fn(|cx| {
            assert!(holder.as_mut().poll(cx).is_pending(), "it stays");
            Poll::Ready(())
        })
        .await;
        let tasks = service.tasks(&name).await;
        if tasks[0]["awaiting"] == "stay()" {
            return texts(&tasks[0]["holding"]);
        }
        tokio::task::yield_now().await;
    }
}

/// Asserts what holders hold.
macro_rules! assert_holding {
    ($($holder:expr => $text:literal;)*) => {
        $(assert_eq!(holding($holder).await, [$text], "{}", stringify!($holder));)*
    };
}
pub(crate) use assert_holding;

/// The texts in a cell of `holding`, without their places. A text may have commas, a place not.
pub fn texts(holding: &Value) -> Vec<String> {
    let Some(cell) = holding.as_str() else {
        return Vec::new();
    };
    let mut texts = vec![String::new()];
    for word in cell.split(' ') {
        let text = texts.last_mut().expect("it has one");
        let place = word.trim_end_matches(',');
        if let Some(line) = line(place) {
            assert!(line.contains(text.trim_end()), "{cell}");
            texts.push(String::new());
        } else {
            text.push_str(word);
            text.push(' ');
        }
    }
    assert_eq!(
        texts.pop().as_deref(),
        Some(""),
        "it ends with a place: {cell}"
    );
    texts
        .iter()
        .map(|text| text.trim_end().to_owned())
        .collect()
}

/// The line of the source at a place, `None` if the word is none.
fn line(word: &str) -> Option<String> {
    let (file, line) = word.rsplit_once(':')?;
    let line: usize = line.parse().ok()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let source = std::fs::read_to_string(&path).expect(word);
    Some(source.lines().nth(line - 1)?.to_owned())
}

/// Waits until the row of `_cat/waits` of those that wait at a place is as `is_it` says.
pub async fn wait_for_row(
    service: &Service,
    place: &Value,
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = service.admin_json("_cat/waits?format=json&h=*").await;
        let rows = rows.as_array().expect("a table");
        let row = rows.iter().find(|row| row["where"] == *place);
        if let Some(row) = row.filter(|row| is_it(row)) {
            return row.clone();
        }
        assert!(Instant::now() < deadline, "{place}: {rows:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
