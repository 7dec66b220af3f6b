//! Guards that a callee replaces or takes, where the body cannot see it: the claims are false.

use super::*;

async fn replaces(g: &mut MutexGuard) {
    *g = take(ELSEWHERE);
    tick().await;
}
trait Finish {
    fn finish_it(self);
}
impl Finish for MutexGuard {
    fn finish_it(self) {}
}
#[underscore_route]
async fn replaced_by_callee() {
    let mut g = lock(here!()).await;
    tick().await;
    replaces(&mut g).await;
    tick().await;
}
#[underscore_route]
async fn taken_by_unknown_method() {
    let g = lock(here!()).await;
    tick().await;
    g.finish_it();
    tick().await;
}

shapes! {
    replaced_by_callee 0,
    taken_by_unknown_method 0,
}
