//! Handlers that follow generated scripts.

use std::sync::Mutex;

use proptest::prelude::*;

use super::*;

/// A step of a handler.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    /// The first variable gets another guard, while it holds one, or after it was dropped or
    /// passed to a function that drops it or returns it.
    Replace,
    Drop,
    PassOn,
    PassAndReturn,
    /// The two variables are exchanged.
    Swap,
    /// What follows happens in a block with guards of its own: a scope, a branch, an arm, a loop,
    /// an async block, a branch of `select!`, an idle future.
    Scope,
    Branch(bool),
    Arm(bool),
    Loop,
    Async,
    Select(bool),
    Idle,
    /// A guard comes from a helper, which follows the script until it ends.
    Help,
    /// The innermost loop begins again, or ends.
    Continue,
    Break,
    Return,
}

/// The steps that are left.
type Script = Mutex<std::vec::IntoIter<Step>>;

fn next(script: &Script) -> Option<Step> {
    script.lock().expect("no panic").next()
}

/// What a handler does at the end of a loop.
#[derive(PartialEq)]
enum End {
    Script,
    Loop,
    Handler,
}

#[underscore_frame]
async fn follow(script: &Script, depth: usize) -> End {
    let mut first = lock(here!()).await;
    let Ok(mut second) = try_it(here!(), true).await else {
        return End::Handler;
    };
    while let Some(step) = next(script) {
        match step {
            Step::Wait => tick().await,
            Step::Replace => first = lock(here!()).await,
            Step::Drop => {
                drop(first);
                tick().await;
                first = lock(here!()).await;
            }
            Step::PassOn => {
                consumes(first).await;
                tick().await;
                first = try_it(here!(), true).await.unwrap();
            }
            Step::PassAndReturn => {
                first = returns(first).await;
                consume(first.len());
            }
            Step::Swap => {
                std::mem::swap(&mut first, &mut second);
                tick().await;
            }
            Step::Scope => {
                let inner = lock(here!()).await;
                tick().await;
                consume(inner.len());
            }
            Step::Branch(is_dropped) => {
                let inner = lock(here!()).await;
                if is_dropped {
                    drop(inner);
                    tick().await;
                } else if inner.is_empty() {
                    return End::Handler;
                } else {
                    tick().await;
                    let moved = inner;
                    tick().await;
                    consume(moved);
                }
                tick().await;
            }
            Step::Arm(is_kept) => match try_it(here!(), is_kept).await {
                Ok(inner) if inner.is_empty() => consume(inner),
                Ok(inner) => {
                    tick().await;
                    drop(inner);
                    tick().await;
                }
                Err(_) => tick().await,
            },
            Step::Loop => {
                let kept = lock(here!()).await;
                let end = Box::pin(follow(script, depth + 1)).await;
                consume(kept.len());
                if end == End::Handler {
                    return End::Handler;
                }
                tick().await;
            }
            Step::Async => {
                let inner = async {
                    let inner = lock(here!()).await;
                    tick().await;
                    inner
                }
                .await;
                let taken = async move {
                    tick().await;
                    drop(inner);
                    tick().await;
                };
                taken.await;
            }
            Step::Select(is_first) => {
                let inner = lock(here!()).await;
                tokio::select! {
                    biased;
                    other = lock(here!()), if is_first => {
                        drop(inner);
                        tick().await;
                        consume(other);
                    }
                    Ok(other) = try_it(here!(), true) => {
                        tick().await;
                        consume((inner, other));
                        tick().await;
                    }
                    else => consume(inner),
                }
            }
            Step::Idle => {
                let mut future = Box::pin(async {
                    let inner = lock(here!()).await;
                    tick().await;
                    tick().await;
                    consume(inner);
                });
                poll_some(&mut future, 2).await;
                drop(future);
                tick().await;
            }
            Step::Help => {
                let line = here!();
                let Some(inner) = help(script, line).await else {
                    return End::Script;
                };
                tick().await;
                drop(inner);
                tick().await;
            }
            Step::Continue => continue,
            Step::Break if depth > 0 => return End::Loop,
            Step::Break | Step::Return => return End::Handler,
        }
        consume(first.len() + second.len());
    }
    End::Script
}

#[underscore_frame]
async fn help(script: &Script, line: Line) -> Option<MutexGuard> {
    let mut guard = lock(line).await;
    loop {
        match next(script)? {
            Step::Wait => tick().await,
            Step::Replace => guard = lock(here!()).await,
            Step::Drop => {
                drop(guard);
                return Some(lock(here!()).await);
            }
            Step::PassOn => {
                consumes(guard).await;
                guard = lock(here!()).await;
            }
            Step::Help => {
                let line = here!();
                match Box::pin(help(script, line)).await {
                    Some(other) => {
                        tick().await;
                        return Some(other);
                    }
                    None => return Some(guard),
                }
            }
            Step::Return | Step::Break => return None,
            _ => break,
        }
        consume(guard.len());
    }
    tick().await;
    Some(guard)
}

static SCRIPT: Mutex<Vec<Step>> = Mutex::new(Vec::new());

#[underscore_route]
async fn scripted() {
    let steps = SCRIPT.lock().expect("no panic").clone();
    let script = Mutex::new(steps.into_iter());
    follow(&script, 0).await;
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Wait),
        2 => Just(Step::Replace),
        2 => Just(Step::Drop),
        2 => Just(Step::PassOn),
        2 => Just(Step::PassAndReturn),
        1 => Just(Step::Swap),
        1 => Just(Step::Scope),
        2 => any::<bool>().prop_map(Step::Branch),
        2 => any::<bool>().prop_map(Step::Arm),
        2 => Just(Step::Loop),
        1 => Just(Step::Async),
        2 => any::<bool>().prop_map(Step::Select),
        1 => Just(Step::Idle),
        2 => Just(Step::Help),
        1 => Just(Step::Continue),
        1 => Just(Step::Break),
        1 => Just(Step::Return),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        // A failing script is printed; no file of regressions is written.
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn what_is_claimed_lives_in_generated_handlers(
        script in prop::collection::vec(step(), 1..24),
        // A client may disconnect after any poll.
        polls in prop::option::of(1..40_usize),
    ) {
        let _turn = turn();
        *SCRIPT.lock().expect("no panic") = script;
        let router = Router::new().route("/", get(scripted));
        let Played { wrong, .. } = play("scripted", &router, polls.unwrap_or(usize::MAX));
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
        prop_assert!(claimed().is_empty() && fake::live().values().all(|lives| *lives == 0));
    }
}
