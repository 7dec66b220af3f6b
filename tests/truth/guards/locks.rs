//! A guard is shown as that of a lock only if it is. Between the polls of a handler, another
//! request waits for each of its locks; if the handler does not have the lock, this thread takes it
//! first.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::*;

type Lock = Arc<Mutex<u8>>;

static FIRST: LazyLock<Lock> = LazyLock::new(Lock::default);
static SECOND: LazyLock<Lock> = LazyLock::new(Lock::default);

struct App {
    first: Lock,
    pair: [Lock; 2],
}

fn app() -> App {
    App {
        first: Arc::clone(&FIRST),
        pair: [Arc::clone(&FIRST), Arc::clone(&SECOND)],
    }
}

#[underscore_route(name = "first.waits")]
async fn waits_for_first() {
    FIRST.lock().await;
}

#[underscore_route(name = "second.waits")]
async fn waits_for_second() {
    SECOND.lock().await;
}

#[underscore_frame]
async fn first_of(app: &App) -> OwnedMutexGuard<u8> {
    let _second = app.pair[1].lock().await;
    Arc::clone(&app.first).lock_owned().await
}

#[underscore_frame]
async fn second_of(app: &App, is_early: bool) -> Result<OwnedMutexGuard<u8>, ()> {
    let first = first_of(app).await;
    if is_early {
        return Ok(app.pair[1].clone().lock_owned().await);
    }
    let second = app.pair[1].clone().lock_owned().await;
    tick().await;
    drop(first);
    tick().await;
    Ok(second)
}

async fn untracked(app: &App) -> OwnedMutexGuard<u8> {
    app.pair[1].clone().lock_owned().await
}

#[underscore_route]
async fn one_then_the_other() {
    let app = app();
    let first = app.first.lock().await;
    tick().await;
    let second = app.pair[1].lock().await;
    tick().await;
    consume(*first);
    drop(first);
    tick().await;
    consume(*second);
}

#[underscore_route]
async fn read_one_keep_the_other() {
    let app = app();
    let second = {
        let number = *app.first.lock().await;
        app.pair[1].try_lock().map_err(|_| number).unwrap()
    };
    tick().await;
    consume(*second);
    let number = {
        *app.pair[1 - usize::from(*second)]
            .try_lock()
            .unwrap_or(second)
    };
    tick().await;
    consume(number);
}

#[underscore_route]
async fn kept_while_another_is_taken() {
    let app = app();
    let second = {
        let first = app.first.lock().await;
        tick().await;
        let second = app.pair[1].lock().await;
        tick().await;
        consume(*first);
        second
    };
    tick().await;
    consume(*second);
}

#[underscore_route]
async fn either() {
    for round in 0..4 {
        let app = app();
        let guard = if round % 2 == 0 {
            app.first.lock().await
        } else {
            app.pair[1].lock().await
        };
        tick().await;
        consume(*guard);
    }
}

#[underscore_route]
async fn either_or_elsewhere() {
    for round in 0..4 {
        let app = app();
        let guard = match round % 2 {
            0 => app.first.clone().lock_owned().await,
            _ => untracked(&app).await,
        };
        tick().await;
        consume(*guard);
    }
}

#[underscore_route]
async fn left_behind() {
    for round in 0..4 {
        let app = app();
        let guard = if round % 2 == 0 {
            let Ok(_) = app.first.try_lock() else { return };
            untracked(&app).await
        } else {
            let first = first_of(&app).await;
            drop(first);
            app.pair[1].clone().try_lock_owned().unwrap()
        };
        tick().await;
        consume(*guard);
    }
}

#[underscore_route]
async fn from_helpers() {
    let app = app();
    let first = first_of(&app).await;
    tick().await;
    drop(first);
    for is_early in [true, false] {
        let Ok(second) = second_of(&app, is_early).await else {
            return;
        };
        tick().await;
        drop(second);
        tick().await;
    }
}

#[underscore_route]
async fn swapped() {
    let app = app();
    let mut one = app.first.clone().lock_owned().await;
    let mut two = app.pair[1].clone().lock_owned().await;
    tick().await;
    std::mem::swap(&mut one, &mut two);
    tick().await;
    drop(one);
    tick().await;
    consume(*two);
    drop(two);
    tick().await;
}

#[underscore_route]
async fn assigned() {
    let app = app();
    let mut guard = app.first.lock().await;
    tick().await;
    consume(*guard);
    guard = app.pair[1].lock().await;
    tick().await;
    consume(*guard);
    drop(guard);
    guard = app.first.lock().await;
    tick().await;
    consume(*guard);
}

#[underscore_route]
async fn selected() {
    let app = app();
    for _ in 0..2 {
        tokio::select! {
            biased;
            guard = app.first.lock() => {
                tick().await;
                consume(*guard);
            }
            guard = app.pair[1].lock() => {
                tick().await;
                consume(*guard);
            }
        }
        tick().await;
    }
}

#[underscore_route]
async fn joined() {
    let app = app();
    let (first, second) = tokio::join!(app.first.lock(), app.pair[1].lock());
    tick().await;
    drop(second);
    tick().await;
    consume(*first);
}

#[underscore_route]
async fn in_async_blocks() {
    let app = app();
    let first = async {
        let second = app.pair[1].lock().await;
        tick().await;
        consume(*second);
        app.first.lock().await
    }
    .await;
    tick().await;
    let second = async { app.pair[1].lock().await }.await;
    tick().await;
    drop(first);
    tick().await;
    consume(*second);
}

#[underscore_route]
async fn a_place_that_changes() {
    let mut app = app();
    let first = app.first.clone().lock_owned().await;
    app.first = Arc::clone(&SECOND);
    tick().await;
    drop(first);
    let second = app.first.lock().await;
    tick().await;
    consume(*second);
}

#[underscore_route]
async fn renamed() {
    let app = app();
    let App { pair, .. } = &app;
    let [one, other] = pair;
    let lock = if yes() { other } else { one };
    let guard = lock.lock().await;
    tick().await;
    consume(*guard);
}

shapes! {
    one_then_the_other 0,
    read_one_keep_the_other 0,
    kept_while_another_is_taken 0,
    either 0,
    either_or_elsewhere 2,
    left_behind 2,
    from_helpers 0,
    swapped 3,
    assigned 0,
    selected 0,
    joined 3,
    in_async_blocks 0,
    a_place_that_changes 0,
    renamed 0,
}

/// Asserts that the handler holds `lock` if it is shown to. True if it is held and not shown.
fn is_missed(name: &str, lock: &Lock, waiter: &Router, row_of: &str) -> bool {
    let own = lock.try_lock().ok();
    let mut waiting = hand::send(waiter);
    assert!(hand::poll(&mut waiting).is_pending());
    let rows = Operator::connect().rows("_cat/waits?format=json&h=known_by,waiters,holders,taken");
    let tasks = Operator::connect().rows(&format!("_cat/tasks?routes={row_of}&format=json&h=id"));
    let [task] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    let id = task["id"].to_string();
    let is_ours = |row: &&Value| row["waiters"].to_string().trim_matches('"') == id;
    let row = rows
        .iter()
        .find(is_ours)
        .unwrap_or_else(|| panic!("{id} in {rows:#?}"));
    assert_eq!(row["known_by"], "address", "{row:#}");
    let is_shown = !row["holders"].is_null() && row["holders"] != "";
    assert!(own.is_none() || !is_shown, "{name}: {row:#}");
    own.is_none() && !is_shown
}

#[test]
fn a_guard_is_that_of_the_lock_with_its_address() {
    let _turn = turn();
    let waiters = [
        (&FIRST, get(waits_for_first), "first.waits"),
        (&SECOND, get(waits_for_second), "second.waits"),
    ];
    let mut failed = Vec::new();
    for shape in shapes() {
        let mut sent = hand::send(&shape.router);
        let mut missed = 0;
        while hand::poll(&mut sent).is_pending() {
            for (lock, waiter, row) in &waiters {
                let router = Router::new().route("/", waiter.clone());
                missed += usize::from(is_missed(shape.name, lock, &router, row));
            }
        }
        if missed != shape.unclaimed {
            failed.push(format!("{} {missed} missed", shape.name));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
