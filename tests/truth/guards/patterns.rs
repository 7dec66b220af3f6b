//! Guards that patterns bind.

use super::*;

#[underscore_route]
async fn let_else() {
    let Ok(g) = try_it(here!(), true).await else {
        return;
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn if_let() {
    if let Ok(g) = try_it(here!(), true).await {
        tick().await;
        drop(g);
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn if_let_not() {
    if let Err(_) = try_it(here!(), true).await {
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn while_let() {
    let mut n = 0;
    while let Ok(g) = try_it(here!(), n < 2).await {
        n += 1;
        tick().await;
        if n == 1 {
            continue;
        }
        drop(g);
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn match_arms() {
    match try_it(here!(), true).await {
        Ok(g) if g.is_empty() => tick().await,
        Ok(g) => {
            tick().await;
            drop(g);
            tick().await;
        }
        Err(_) => {}
    }
    tick().await;
}
#[underscore_route]
async fn match_expression() {
    let n = match try_it(here!(), true).await {
        Ok(mut g) => g.work().await,
        Err(_) => {}
    };
    tick().await;
}
#[underscore_route]
async fn whole_match() {
    let g = match try_it(here!(), true).await {
        Ok(g) => g,
        Err(_) => return,
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn tried_at_once() {
    let Some(g) = Pool.try_lock(here!()) else {
        return;
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn options() {
    let mut g = Some(lock(here!()).await);
    tick().await;
    g.take();
    tick().await;
}
#[underscore_route]
async fn tuples() {
    let (g, n) = (lock(here!()).await, 1);
    tick().await;
    drop(g);
    tick().await;
    let pair = (lock(here!()).await, 1);
    tick().await;
    drop(pair.0);
    tick().await;
}
#[underscore_route]
async fn referred() {
    let g = lock(here!()).await;
    let r = &g;
    tick().await;
    let b = Box::new(tick());
    b.await;
    consume(r.len());
}
#[underscore_route]
async fn reference_from_await() {
    let held = Some(take(here!()));
    if let Some(g) = async {
        tick().await;
        held.as_ref()
    }
    .await
    {
        tick().await;
        consume(g.len());
    }
    drop(held);
    tick().await;
}

#[underscore_route]
async fn let_else_that_waits() {
    for ok in [true, false] {
        let Ok(g) = try_it(here!(), ok).await else {
            tick().await;
            continue;
        };
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_route]
async fn chain() {
    if let Ok(g) = try_it(here!(), true).await
        && !g.is_empty()
        && let Ok(h) = try_it(here!(), true).await
    {
        tick().await;
        drop(g);
        tick().await;
        drop(h);
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn chain_that_moves() {
    if let Ok(g) = try_it(here!(), true).await
        && let Some(h) = Some(g)
    {
        tick().await;
        drop(h);
        tick().await;
    }
}
#[underscore_route]
async fn chain_that_shadows() {
    if let Ok(g) = try_it(here!(), true).await
        && let Ok(g) = try_it(here!(), g.len() == 1).await
    {
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_route]
async fn else_if() {
    if let Err(n) = try_it(here!(), true).await {
        consume(n);
    } else if let Ok(g) = try_it(here!(), true).await {
        tick().await;
        drop(g);
        tick().await;
    } else {
        tick().await;
    }
}
#[underscore_route]
async fn either() {
    let (Ok(g) | Err(g)) = either_way(here!()).await;
    tick().await;
    drop(g);
    tick().await;
    match either_way(here!()).await {
        Ok(g) | Err(g) => {
            tick().await;
            drop(g);
            tick().await;
        }
    }
}
#[underscore_route]
async fn fields() {
    let Keeper { guard: g, n } = keep(here!()).await;
    tick().await;
    drop(g);
    tick().await;
    consume(n);
    let Keeper { guard, .. } = keep(here!()).await;
    tick().await;
    drop(guard);
    tick().await;
}
#[underscore_route]
async fn guard_that_waits() {
    match try_it(here!(), true).await {
        Ok(g) if waits(&g).await => {
            tick().await;
            drop(g);
            tick().await;
        }
        Ok(_) | Err(_) => {}
    }
    tick().await;
}
#[underscore_route]
async fn arm_in_an_arm() {
    let g = match try_it(here!(), true).await {
        Ok(g) => match yes() {
            true => g,
            false => return,
        },
        Err(_) => take(here!()),
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn if_let_as_a_value() {
    let g = if let Ok(g) = try_it(here!(), true).await {
        g
    } else {
        return;
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn boxed() {
    let g = Box::new(lock(here!()).await);
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn references_in_patterns() {
    let held = Some(take(here!()));
    match tick_and(&held).await {
        Some(g) => {
            tick().await;
            consume(g.len());
        }
        None => {}
    }
    drop(held);
    tick().await;
}

shapes! {
    let_else 0,
    if_let 0,
    if_let_not 0,
    while_let 0,
    match_arms 0,
    match_expression 0,
    whole_match 0,
    tried_at_once 1,
    options 1,
    tuples 1,
    referred 0,
    reference_from_await 2,
    let_else_that_waits 0,
    chain 1,
    chain_that_moves 1,
    chain_that_shadows 3,
    else_if 0,
    either 0,
    fields 0,
    guard_that_waits 1,
    arm_in_an_arm 0,
    if_let_as_a_value 0,
    boxed 1,
    references_in_patterns 2,
}
