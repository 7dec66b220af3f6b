//! Guards that live to the end of a scope, or to a `drop`.

use super::*;

#[underscore_route]
async fn scope() {
    let g = lock(here!()).await;
    tick().await;
    consume(g.len());
    tick().await;
}
#[underscore_route]
async fn unused_but_named() {
    let _g = lock(here!()).await;
    tick().await;
}
#[underscore_route]
async fn inner_block() {
    {
        let mut g = lock(here!()).await;
        g.work().await;
        uses(&mut g).await;
    }
    tick().await;
}
#[underscore_route]
async fn drop_then_wait() {
    let g = lock(here!()).await;
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn drop_in_branch() {
    let g = lock(here!()).await;
    tick().await;
    if yes() {
        drop(g);
        tick().await;
    } else {
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn drop_in_arm() {
    let g = lock(here!()).await;
    tick().await;
    match yes() {
        true => drop(g),
        false => tick().await,
    }
    tick().await;
}
#[underscore_route]
async fn drop_in_else_of_three() {
    let g = lock(here!()).await;
    for n in 0..2 {
        tick().await;
    }
    if !yes() {
        tick().await;
    } else if yes() {
        std::mem::drop(g);
    }
    tick().await;
}
#[underscore_route]
async fn drop_in_loop() {
    let g = lock(here!()).await;
    loop {
        tick().await;
        if yes() {
            drop(g);
            break;
        }
    }
    tick().await;
}
#[underscore_route]
async fn early_return() {
    let g = lock(here!()).await;
    tick().await;
    if yes() {
        return;
    }
    tick().await;
}
#[underscore_route]
async fn by_question_mark() -> Result<(), String> {
    {
        let g = try_it(here!(), true).await.map_err(|n| n.to_string())?;
        tick().await;
    }
    tick().await;
    Err("no".to_owned())
}
#[underscore_route]
async fn dropped_by_cfg() {
    let g = lock(here!()).await;
    tick().await;
    #[cfg(any())]
    drop(g);
    tick().await;
}
#[underscore_route]
async fn labelled() {
    let g = lock(here!()).await;
    'out: {
        tick().await;
        if yes() {
            drop(g);
            break 'out;
        }
    }
    tick().await;
}
#[underscore_route]
async fn given_by_break() {
    let h = loop {
        let g = lock(here!()).await;
        tick().await;
        break g;
    };
    tick().await;
    drop(h);
    tick().await;
}
#[underscore_route]
async fn shadowed() {
    let g = lock(here!()).await;
    let g = (lock(here!()).await, g.len());
    tick().await;
    let g = g.1;
    tick().await;
}
#[underscore_route]
async fn shadowed_inside() {
    let g = lock(here!()).await;
    {
        let g = lock(here!()).await;
        tick().await;
        drop(g);
        tick().await;
    }
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn wild() {
    let g = lock(here!()).await;
    let _ = g;
    tick().await;
    let _ = lock(here!()).await;
    tick().await;
}

#[underscore_route]
async fn value_of_a_block() {
    let g = {
        let inner = lock(here!()).await;
        tick().await;
        inner
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn number_of_a_block() {
    let n = {
        let g = lock(here!()).await;
        tick().await;
        g.len()
    };
    tick().await;
    consume(n);
}
#[underscore_route]
async fn either_lock() {
    for round in 0..2 {
        let g = if round == 0 {
            lock(here!()).await
        } else {
            lock(here!()).await
        };
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_route]
async fn awaited_or_not() {
    for round in 0..2 {
        let g = match round {
            0 => lock(here!()).await,
            _ => take(here!()),
        };
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_route]
async fn one_lock_read_another_kept() {
    let g = {
        let n = lock(here!()).await.len();
        Pool.try_lock(here!()).filter(|_| n == 1)
    };
    tick().await;
    let Some(g) = g else { return };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn continues() {
    for n in 0..3 {
        let g = lock(here!()).await;
        if n == 1 {
            continue;
        }
        tick().await;
        drop(g);
        tick().await;
    }
}
#[underscore_route]
async fn block_with_a_label_and_a_value() {
    let h = 'value: {
        let g = lock(here!()).await;
        tick().await;
        if yes() {
            break 'value Some(g);
        }
        drop(g);
        None
    };
    tick().await;
    drop(h);
    tick().await;
}
#[underscore_route]
async fn until_it_is_free() {
    let mut n = 0;
    let g = loop {
        match Pool.try_lock_if(here!(), n == 2) {
            Some(g) => break g,
            None => tick().await,
        }
        n += 1;
    };
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn annotated() {
    let g: MutexGuard = lock(here!()).await;
    let n: usize = lock(here!()).await.len();
    tick().await;
    drop(g);
    tick().await;
    consume(n);
}
#[underscore_route]
async fn nested_functions() {
    let g = lock(here!()).await;
    fn inner(g: u8) -> u8 {
        g
    }
    tick().await;
    inner(1);
    let length = |g: &str| g.len();
    length("");
    tick().await;
    drop(g);
    tick().await;
}
#[underscore_route]
async fn conditions_shadow() {
    let g = lock(here!()).await;
    if let Some(g) = Some(1) {
        tick().await;
        drop(g);
        tick().await;
    }
    while let Some(g) = None::<u8> {
        drop(g);
    }
    for g in 0..1 {
        drop(g);
        tick().await;
    }
    match Some(2) {
        Some(g) => drop(g),
        None => drop(g),
    }
    tick().await;
}

shapes! {
    scope 0,
    unused_but_named 0,
    inner_block 0,
    drop_then_wait 0,
    drop_in_branch 0,
    drop_in_arm 0,
    drop_in_else_of_three 0,
    drop_in_loop 0,
    early_return 1,
    by_question_mark 1,
    dropped_by_cfg 1,
    labelled 0,
    given_by_break 0,
    shadowed 2,
    shadowed_inside 0,
    wild 0,
    value_of_a_block 0,
    number_of_a_block 0,
    either_lock 0,
    awaited_or_not 0,
    one_lock_read_another_kept 2,
    continues 0,
    block_with_a_label_and_a_value 1,
    until_it_is_free 0,
    annotated 0,
    nested_functions 0,
    conditions_shadow 0,
}
