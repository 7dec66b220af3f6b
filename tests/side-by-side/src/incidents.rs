//! The functions that both tools instrument, as a service would have them. `crate::tool` has the
//! attribute, the locks and the way to spawn of each.

use std::future::{pending, ready};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use tokio::time::sleep;

#[cfg(feature = "trace")]
use crate::tool::frame;
use crate::tool::{self, Mutex, Semaphore};

pub(crate) struct Shop {
    permits: Semaphore,
    stock: Mutex<u32>,
    orders: Mutex<u32>,
    two: Barrier,
    three: Barrier,
}

impl Shop {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Shop {
            permits: tool::semaphore("permits", 3),
            stock: tool::mutex("stock", 7),
            orders: tool::mutex("orders", 0),
            two: Barrier::new(2),
            three: Barrier::new(3),
        })
    }
}

#[cfg_attr(feature = "trace", frame)]
pub(crate) async fn twice(shop: Arc<Shop>) {
    let _first = shop.permits.acquire().await.expect("open"); // the first permit
    shop.three.wait().await;
    let _second = shop.permits.acquire().await.expect("open"); // the second permit
}

#[cfg_attr(feature = "trace", frame)]
pub(crate) async fn sell(shop: Arc<Shop>) {
    let _stock = shop.stock.lock().await; // sell has the stock
    shop.two.wait().await;
    let _orders = shop.orders.lock().await; // sell wants the orders
}

#[cfg_attr(feature = "trace", frame)]
pub(crate) async fn cancel(shop: Arc<Shop>) {
    let _orders = shop.orders.lock().await; // cancel has the orders
    shop.two.wait().await;
    let _stock = shop.stock.lock().await; // cancel wants the stock
}

#[cfg_attr(feature = "trace", frame)]
pub(crate) async fn slow() {
    sleep(Duration::from_millis(1)).await;
    pending::<()>().await; // the slow await
}

#[cfg_attr(feature = "trace", frame)]
pub(crate) async fn blocks() {
    tokio::task::yield_now().await;
    std::thread::sleep(Duration::from_secs(6)); // the blocked thread
}

#[cfg_attr(feature = "trace", frame)]
pub(crate) async fn awaits(times: u32) {
    for _ in 0..times {
        black_box(ready(())).await;
    }
}

/// The same without a tool.
pub(crate) async fn plain_awaits(times: u32) {
    for _ in 0..times {
        black_box(ready(())).await;
    }
}

/// `slow` without a tool.
pub(crate) async fn plain() {
    sleep(Duration::from_millis(1)).await;
    pending::<()>().await;
}

/// Three tasks that have a permit each and want a second one.
pub(crate) fn permits(shop: &Arc<Shop>) -> Vec<JoinHandle<()>> {
    let spawn = |()| tool::spawn("twice", twice(shop.clone()));
    [(); 3].map(spawn).into()
}

/// Two tasks with a lock each, which want the other one's.
pub(crate) fn locks(shop: &Arc<Shop>) -> Vec<JoinHandle<()>> {
    vec![
        tool::spawn("sell", sell(shop.clone())),
        tool::spawn("cancel", cancel(shop.clone())),
    ]
}
