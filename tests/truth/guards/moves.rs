//! Guards that are moved to another variable, value or function.

use super::*;

#[underscore_route]
async fn passed() {
    let g = lock(here!()).await;
    tick().await;
    consumes(g).await;
    tick().await;
}
#[underscore_route]
async fn rebound() {
    let g = lock(here!()).await;
    tick().await;
    let h = g;
    tick().await;
    drop(h);
    tick().await;
}
#[underscore_route]
async fn stored() {
    let guard = lock(here!()).await;
    tick().await;
    let keeper = Keeper { guard, n: 1 };
    tick().await;
    let Keeper { guard, n } = keeper;
    drop(guard);
    tick().await;
}
#[underscore_route]
async fn in_vec() {
    let g = lock(here!()).await;
    tick().await;
    let all = vec![g];
    tick().await;
    drop(all);
    tick().await;
}
#[underscore_route]
async fn assigned() {
    let mut g = lock(here!()).await;
    tick().await;
    g = lock(here!()).await;
    tick().await;
}
#[underscore_route]
async fn assigned_later() {
    let mut g;
    g = lock(here!()).await;
    tick().await;
    drop(g);
    tick().await;
    g = lock(here!()).await;
    tick().await;
}
#[underscore_route]
async fn exchanged() {
    let mut g = lock(here!()).await;
    tick().await;
    drop(std::mem::replace(&mut g, take(ELSEWHERE)));
    tick().await;
}
#[underscore_route]
async fn replaced_through_reference() {
    let mut g = lock(here!()).await;
    tick().await;
    let r = &mut g;
    *r = take(ELSEWHERE);
    tick().await;
}
#[underscore_route]
async fn unwrapped_by_match() {
    let g = lock(here!()).await;
    tick().await;
    match g {
        taken if taken.is_empty() => {}
        taken => drop(taken),
    }
    tick().await;
}
#[underscore_route]
async fn binary_and_lazily() {
    let g = lock(here!()).await;
    tick().await;
    let all = yes() && {
        drop(g);
        true
    };
    tick().await;
}
#[underscore_route]
async fn into_future() {
    let g = lock(here!()).await;
    tick().await;
    let fut = g.commit();
    tick().await;
    fut.await.unwrap();
    tick().await;
}
#[underscore_route]
async fn panics() {
    let g = lock(here!()).await;
    tick().await;
    let caught = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(async move {
        let h = lock(here!()).await;
        tick().await;
        let _g = g;
        std::panic::resume_unwind(Box::new(1));
        #[allow(unreachable_code)]
        tick().await;
    }))
    .await;
    tick().await;
}

#[underscore_route]
async fn moved_and_taken_again_in_a_loop() {
    let mut g = lock(here!()).await;
    let mut n = 0;
    while n < 2 {
        tick().await;
        consumes(g).await;
        tick().await;
        g = lock(here!()).await;
        n += 1;
    }
    tick().await;
}
#[underscore_route]
async fn returned_by_what_it_is_passed_to() {
    let mut g = lock(here!()).await;
    tick().await;
    g = returns(g).await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn passed_with_another_await() {
    let g = lock(here!()).await;
    both(tick().await, g).await;
    tick().await;
}
#[underscore_route]
async fn in_a_struct_by_update() {
    let guard = lock(here!()).await;
    tick().await;
    let one = Keeper { guard, n: 1 };
    let two = Keeper { n: 2, ..one };
    tick().await;
    drop(two);
    tick().await;
}
#[underscore_route]
async fn swapped() {
    let mut a = lock(here!()).await;
    let mut b = lock(here!()).await;
    tick().await;
    std::mem::swap(&mut a, &mut b);
    tick().await;
    drop(a);
    tick().await;
    drop(b);
    tick().await;
}
#[underscore_route]
async fn swapped_through_a_method() {
    let mut a = lock(here!()).await;
    let mut kept = Keeper {
        guard: take(here!()),
        n: 1,
    };
    tick().await;
    kept.swap(&mut a);
    drop(kept);
    tick().await;
}
#[underscore_route]
async fn replaced_through_a_constructor() {
    let mut g = lock(here!()).await;
    tick().await;
    if let Some(r) = Some(&mut g) {
        *r = take(ELSEWHERE);
    }
    tick().await;
}
#[underscore_route]
async fn replaced_in_a_match() {
    let mut g = lock(here!()).await;
    tick().await;
    match &mut g {
        r => *r = take(ELSEWHERE),
    }
    tick().await;
}
#[underscore_route]
async fn by_destructuring() {
    let mut g = lock(here!()).await;
    let mut n = 0;
    tick().await;
    (g, n) = (take(ELSEWHERE), 1);
    tick().await;
    consume(n);
}
#[underscore_route]
async fn dropped_in_a_tuple() {
    let g = lock(here!()).await;
    tick().await;
    drop((g, 1));
    tick().await;
}
#[underscore_route]
async fn dropped_as_a_statement() {
    let g = lock(here!()).await;
    tick().await;
    g;
    tick().await;
}
#[underscore_route]
async fn forgotten() {
    let g = lock(here!()).await;
    tick().await;
    std::mem::forget(g);
    tick().await;
}
#[underscore_route]
async fn iterated() {
    let g = lock(here!()).await;
    tick().await;
    for g in [g] {
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_route]
async fn asked() -> Result<(), String> {
    let g = lock(here!()).await;
    tick().await;
    let g = Some(g).ok_or("none")?;
    tick().await;
    Err(g.len().to_string())
}
#[underscore_route]
async fn cast_into() {
    let g = lock(here!()).await;
    tick().await;
    let n: usize = g.into();
    tick().await;
    consume(n);
}
#[underscore_route]
async fn pinned() {
    let g = lock(here!()).await;
    tick().await;
    tokio::pin!(g);
    tick().await;
    g.set(take(ELSEWHERE));
    tick().await;
}
#[underscore_route]
async fn replaced_while_it_is_held() {
    let mut g = lock(here!()).await;
    tick().await;
    consume(g.len());
    g = {
        tick().await;
        lock(here!()).await
    };
    tick().await;
    g = if yes() {
        drop(g);
        lock(here!()).await
    } else {
        g
    };
    tick().await;
}
#[underscore_route]
async fn replaced_or_left() {
    let mut g = lock(here!()).await;
    let mut n = 0;
    loop {
        tick().await;
        n += 1;
        g = match try_it(here!(), n < 3).await {
            Ok(g) => g,
            Err(_) => break,
        };
    }
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn shadowed_by_what_it_becomes() {
    let g = lock(here!()).await;
    tick().await;
    let g = Keeper { guard: g, n: 1 };
    tick().await;
    let Keeper { guard: g, .. } = g;
    tick().await;
    drop(g);
    tick().await;
}

shapes! {
    passed 1,
    rebound 1,
    stored 1,
    in_vec 1,
    assigned 3,
    assigned_later 2,
    exchanged 0,
    replaced_through_reference 0,
    unwrapped_by_match 0,
    binary_and_lazily 0,
    into_future 2,
    panics 3,
    moved_and_taken_again_in_a_loop 2,
    returned_by_what_it_is_passed_to 1,
    passed_with_another_await 2,
    in_a_struct_by_update 1,
    swapped 3,
    swapped_through_a_method 2,
    replaced_through_a_constructor 0,
    replaced_in_a_match 0,
    by_destructuring 0,
    dropped_in_a_tuple 0,
    dropped_as_a_statement 0,
    forgotten 2,
    iterated 1,
    asked 1,
    cast_into 0,
    pinned 1,
    replaced_while_it_is_held 1,
    replaced_or_left 0,
    shadowed_by_what_it_becomes 2,
}
