//! Guards in closures and async blocks.

use super::*;

#[underscore_route]
async fn move_closure() {
    let g = lock(here!()).await;
    tick().await;
    let f = move || g.len();
    tick().await;
    f();
    drop(f);
    tick().await;
}
#[underscore_route]
async fn ref_closure() {
    let g = lock(here!()).await;
    let f = || g.len();
    tick().await;
    f();
    tick().await;
}
#[underscore_route]
async fn taking_closure() {
    let g = lock(here!()).await;
    tick().await;
    let f = || drop(g);
    tick().await;
    f();
    tick().await;
}
#[underscore_route]
async fn committing_closure() {
    let g = lock(here!()).await;
    tick().await;
    let f = || g.commit();
    f().await.unwrap();
    tick().await;
}
#[underscore_route]
async fn async_move_block() {
    let g = lock(here!()).await;
    tick().await;
    let f = async move {
        tick().await;
        g.len();
        drop(g);
        tick().await;
    };
    f.await;
    tick().await;
}
#[underscore_route]
async fn async_block_by_ref() {
    let g = lock(here!()).await;
    async {
        tick().await;
        g.len();
        tick().await;
    }
    .await;
    tick().await;
}
#[underscore_route]
async fn async_block_taking() {
    let g = lock(here!()).await;
    tick().await;
    async {
        tick().await;
        drop(g);
        tick().await;
    }
    .await;
    tick().await;
}
#[underscore_route]
async fn inside_async_block() {
    async {
        let g = lock(here!()).await;
        tick().await;
        drop(g);
        tick().await;
    }
    .await;
    tick().await;
}

#[underscore_route]
async fn async_closure() {
    let f = async || {
        let g = lock(here!()).await;
        tick().await;
        drop(g);
        tick().await;
    };
    f().await;
    tick().await;
    f().await;
}
#[underscore_route]
async fn async_closure_taking() {
    let g = lock(here!()).await;
    let f = async || {
        tick().await;
        drop(g);
        tick().await;
    };
    tick().await;
    f().await;
    tick().await;
}
#[underscore_route]
async fn closure_that_replaces() {
    let mut g = lock(here!()).await;
    let mut f = || g = take(ELSEWHERE);
    tick().await;
    f();
    tick().await;
}
#[underscore_route]
async fn closure_that_borrows_to_replace() {
    let mut g = lock(here!()).await;
    let mut f = || {
        let r = &mut g;
        *r = take(ELSEWHERE);
    };
    tick().await;
    f();
    tick().await;
}
#[underscore_route]
async fn idle_future() {
    let mut future = Box::pin(async {
        let g = lock(here!()).await;
        tick().await;
        tick().await;
        drop(g);
    });
    poll_some(&mut future, 2).await;
    tick().await;
    drop(future);
    tick().await;
}
#[underscore_route]
async fn future_that_ends() {
    let mut future = Box::pin(async {
        let g = lock(here!()).await;
        tick().await;
        g
    });
    poll_some(&mut future, 2).await;
    tick().await;
    let g = future.await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn value_of_an_async_block() {
    let g = async {
        let g = lock(here!()).await;
        tick().await;
        g
    }
    .await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn question_mark_in_an_async_block() {
    let all: Result<(), u8> = async {
        let g = try_it(here!(), true).await?;
        tick().await;
        let h = try_it(here!(), false).await?;
        drop((g, h));
        Ok(())
    }
    .await;
    tick().await;
    drop(all);
}
#[underscore_route]
async fn unordered() {
    let mut all = futures_util::stream::FuturesUnordered::new();
    for n in 0..2 {
        all.push(async move {
            let g = lock(here!()).await;
            if n == 1 {
                tick().await;
            }
            tick().await;
            g
        });
    }
    while let Some(g) = futures_util::StreamExt::next(&mut all).await {
        tick().await;
        drop(g);
        tick().await;
    }
}

shapes! {
    move_closure 1,
    ref_closure 0,
    taking_closure 1,
    committing_closure 1,
    async_move_block 1,
    async_block_by_ref 0,
    async_block_taking 1,
    inside_async_block 0,
    async_closure 0,
    async_closure_taking 2,
    closure_that_replaces 1,
    closure_that_borrows_to_replace 1,
    idle_future 0,
    future_that_ends 0,
    value_of_an_async_block 0,
    question_mark_in_an_async_block 0,
    unordered 0,
}
