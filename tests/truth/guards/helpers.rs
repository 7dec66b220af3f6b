//! Guards that helpers return.

use super::*;

#[underscore_frame]
async fn helper(line: Line) -> MutexGuard {
    let g = lock(line).await;
    tick().await;
    g
}
#[underscore_frame]
async fn helper_result(line: Line) -> Result<MutexGuard, ()> {
    let g = lock(line).await;
    tick().await;
    if yes() {
        return Ok(g);
    }
    tick().await;
    Err(())
}
#[underscore_route]
async fn from_helper() {
    let g = helper(here!()).await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn from_helper_result() {
    let Ok(g) = helper_result(here!()).await else {
        return;
    };
    tick().await;
    drop(g);
    tick().await;
}

#[underscore_frame]
async fn at_once(line: Line) -> Result<MutexGuard, u8> {
    if yes() {
        return Ok(lock(line).await);
    }
    try_it(line, true).await
}
#[underscore_route]
async fn from_helper_at_once() {
    let g = at_once(here!()).await.unwrap();
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_frame]
async fn deep(depth: u8, line: Line) -> MutexGuard {
    if depth == 0 {
        let g = helper(line).await;
        consume(g.len());
        g
    } else {
        Box::pin(deep(depth - 1, line)).await
    }
}
#[underscore_route]
async fn from_deep_helper() {
    let g = deep(3, here!()).await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_frame]
async fn by_arms(line: Line) -> Option<MutexGuard> {
    match helper_result(line).await {
        Ok(g) => Some(g),
        Err(()) => None,
    }
}
#[underscore_route]
async fn from_helper_by_arms() {
    if let Some(g) = by_arms(here!()).await {
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_frame]
async fn takes_and_returns(g: MutexGuard) -> MutexGuard {
    tick().await;
    g
}
#[underscore_route]
async fn there_and_back() {
    let g = helper(here!()).await;
    let g = takes_and_returns(g).await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_frame]
async fn one_of_two(line: Line, other: Line) -> MutexGuard {
    let a = lock(line).await;
    let b = lock(other).await;
    tick().await;
    drop(a);
    tick().await;
    b
}
#[underscore_route]
async fn from_one_of_two() {
    let g = one_of_two(here!(), here!()).await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn helpers_beside_each_other() {
    let (a, b) = tokio::join!(helper(here!()), helper_result(here!()));
    tick().await;
    drop(a);
    tick().await;
    drop(b);
    tick().await;
}

shapes! {
    from_helper 0,
    from_helper_result 0,
    from_helper_at_once 0,
    from_deep_helper 0,
    from_helper_by_arms 0,
    there_and_back 1,
    from_one_of_two 0,
    helpers_beside_each_other 2,
}
