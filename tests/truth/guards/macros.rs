//! Guards in the tokens of macros.

use super::*;

#[underscore_route]
async fn by_own_macro() {
    let g = lock(here!()).await;
    tick().await;
    gone!(g);
    tick().await;
}
#[underscore_route]
async fn printed_only() {
    let g = lock(here!()).await;
    println!("{g:?} {} {:?} {}", g.len(), g, g[0]);
    tick().await;
    assert_eq!(g.len(), 1);
    tick().await;
}
#[underscore_route]
async fn moved_in_print() {
    let g = lock(here!()).await;
    tick().await;
    println!("{:?}", Some(g));
    tick().await;
}
#[underscore_route]
async fn selected() {
    let mut g = lock(here!()).await;
    tokio::select! {
        () = async { g.work().await; tick().await } => {}
        () = std::future::pending() => {}
    }
    drop(g);
    tick().await;
}
#[underscore_route]
async fn selected_moving() {
    let g = lock(here!()).await;
    tick().await;
    tokio::select! {
        _ = consumes(g) => {}
        () = std::future::pending() => {}
    }
    tick().await;
}
#[underscore_route]
async fn two_of_two() {
    let (a, b) = tokio::join!(lock(here!()), lock(here!()));
    tick().await;
    drop(a);
    tick().await;
    drop(b);
    tick().await;
}

#[underscore_route]
async fn dropped_in_a_handler() {
    let g = lock(here!()).await;
    tokio::select! {
        () = waits_twice() => {
            tick().await;
            drop(g);
            tick().await;
        }
        () = std::future::pending() => consume(g.len()),
    }
    tick().await;
}
#[underscore_route]
async fn moved_by_a_handler() {
    let g = lock(here!()).await;
    tokio::select! {
        () = waits_twice() => drop(g),
        () = std::future::pending() => {}
    }
    tick().await;
}
#[underscore_route]
async fn bound_by_a_branch() {
    let mut n = 0;
    while n < 2 {
        tokio::select! {
            biased;
            Ok(g) = try_it(here!(), n == 0) => {
                tick().await;
                drop(g);
                tick().await;
            }
            g = lock(here!()), if n > 0 => {
                tick().await;
                consume(g.len());
                tick().await;
            }
            else => {}
        }
        n += 1;
    }
    tick().await;
}
#[underscore_route]
async fn bound_by_a_branch_of_futures() {
    let first = futures_util::FutureExt::fuse(lock(here!()));
    futures_util::pin_mut!(first);
    futures_util::select! {
        g = first => {
            tick().await;
            drop(g);
            tick().await;
        }
    }
    tick().await;
}
#[underscore_route]
async fn lost_branch() {
    tokio::select! {
        () = async { let g = lock(here!()).await; std::future::pending::<()>().await; drop(g) } => {}
        () = waits_twice() => {}
    }
    tick().await;
}
#[underscore_route]
async fn moved_by_a_closure_in_a_macro() {
    let g = lock(here!()).await;
    tick().await;
    own!(move || g.len());
    tick().await;
}
#[underscore_route]
async fn exchanged_in_a_macro() {
    let mut g = lock(here!()).await;
    tick().await;
    own!(std::mem::replace(&mut g, take(ELSEWHERE)));
    tick().await;
}
#[underscore_route]
async fn used_by_a_macro() {
    let mut g = lock(here!()).await;
    tick().await;
    own!(g.len());
    own!(&g);
    own!(&mut g);
    tick().await;
}
#[underscore_route]
async fn awaited_in_a_macro() {
    let g = own!(lock(here!()).await);
    tick().await;
    drop(g);
    tick().await;
}

shapes! {
    by_own_macro 0,
    printed_only 0,
    moved_in_print 0,
    selected 0,
    selected_moving 1,
    two_of_two 0,
    dropped_in_a_handler 0,
    moved_by_a_handler 0,
    bound_by_a_branch 0,
    bound_by_a_branch_of_futures 0,
    lost_branch 0,
    moved_by_a_closure_in_a_macro 0,
    exchanged_in_a_macro 0,
    used_by_a_macro 0,
    awaited_in_a_macro 0,
}
