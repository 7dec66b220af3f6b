//! Methods that take a guard by value, some of some types only.

use super::*;

#[underscore_route]
async fn commits() {
    let g = lock(here!()).await;
    tick().await;
    g.commit().await.unwrap();
    tick().await;
}
#[underscore_route]
async fn commits_in_tail() -> Result<(), String> {
    let g = lock(here!()).await;
    tick().await;
    Ok(g.commit().await.map_err(|_| "no".to_owned())?)
}
#[underscore_route]
async fn commits_in_let() {
    let g = lock(here!()).await;
    tick().await;
    let done = g.commit().await;
    tick().await;
    println!("{done:?}");
}
#[underscore_route]
async fn commits_in_if() {
    let g = lock(here!()).await;
    tick().await;
    if g.commit().await.is_ok() {
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn sends() {
    let mut g = write(here!()).await;
    tick().await;
    g.send(1).await;
    tick().await;
    if yes() {
        g.send(1).await;
    }
    tick().await;
}
#[underscore_route]
async fn sends_itself() {
    let g = permit(here!()).await;
    tick().await;
    if yes() {
        g.send(1).await;
        tick().await;
    }
    tick().await;
}
#[underscore_route]
async fn forgotten_by_method() {
    let g = permit(here!()).await;
    tick().await;
    g.forget();
    tick().await;
}
#[underscore_route]
async fn downgraded() {
    let g = write(here!()).await;
    tick().await;
    let g = g.downgrade();
    tick().await;
}

#[underscore_route]
async fn commits_by_reference() {
    let mut g = write(here!()).await;
    tick().await;
    g.commit().await;
    tick().await;
}
#[underscore_route]
async fn commits_and_waits_in_one_statement() {
    let g = lock(here!()).await;
    tick().await;
    let both = (g.commit().await, tick().await);
    tick().await;
    drop(both);
}
#[underscore_route]
async fn commits_or_waits() {
    let g = lock(here!()).await;
    tick().await;
    let Err(()) = g.commit().await else {
        tick().await;
        return;
    };
}
#[underscore_route]
async fn commits_with_another_await_in_the_chain() {
    let g = lock(here!()).await;
    tick().await;
    g.commit().await.and(Ok::<_, ()>(tick().await)).unwrap();
    tick().await;
}
#[underscore_route]
async fn commits_in_a_branch() {
    let g = lock(here!()).await;
    tick().await;
    if yes() {
        g.commit().await.unwrap();
        tick().await;
    } else {
        g.forget();
    }
    tick().await;
}
#[underscore_route]
async fn commits_later() {
    let g = lock(here!()).await;
    tick().await;
    let committing = g.commit();
    tick().await;
    drop(committing);
    tick().await;
}
#[underscore_route]
async fn mapped() {
    let g = lock(here!()).await;
    tick().await;
    let n = MutexGuard::into_number(g);
    tick().await;
    consume(n);
}

shapes! {
    commits 0,
    commits_in_tail 1,
    commits_in_let 0,
    commits_in_if 1,
    sends 0,
    sends_itself 1,
    forgotten_by_method 0,
    downgraded 0,
    commits_by_reference 0,
    commits_and_waits_in_one_statement 1,
    commits_or_waits 1,
    commits_with_another_await_in_the_chain 1,
    commits_in_a_branch 0,
    commits_later 1,
    mapped 0,
}
