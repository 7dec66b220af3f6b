//! Values whose types are inferred, coerced or generic.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use tokio::task::yield_now;
use underscore_runtime::underscore_frame;

use super::{make, parse};

pub trait Answer {
    fn answer(&self) -> u8 {
        1
    }
}

impl Answer for u8 {}

#[underscore_frame]
pub async fn inferred_later() -> Result<u16, std::num::ParseIntError> {
    let number = parse("1").await?;
    let made = make().await;
    yield_now().await;
    let _: &String = &made;
    Ok(number)
}

#[underscore_frame]
pub async fn literals() -> u8 {
    let integer = async { 1 }.await;
    let float = async { 1.5 }.await;
    yield_now().await;
    let one: u8 = integer;
    one + u8::from(float > 1.0)
}

fn push(values: &mut Vec<u8>) {
    values.push(1);
}

#[underscore_frame]
pub async fn reborrowed(values: &mut Vec<u8>) {
    let again = async { values }.await;
    push(again);
    yield_now().await;
    push(again);
    again.push(2);
    push(again);
}

#[underscore_frame]
pub async fn coerced() -> Box<dyn Answer + Send> {
    let answer = async { Box::new(1_u8) }.await;
    yield_now().await;
    answer
}

#[underscore_frame]
pub async fn annotated() -> u8 {
    let answer: Box<dyn Answer + Send> = { async { Box::new(1_u8) }.await };
    yield_now().await;
    answer.answer()
}

#[underscore_frame]
pub async fn called() -> u8 {
    let add = async { |number: u8| number + 1 }.await;
    let once = async {
        let values = vec![1_u8];
        move || values
    }
    .await;
    yield_now().await;
    add(1) + add(2) + once()[0]
}

#[underscore_frame]
pub async fn not_sync(cell: Rc<RefCell<u8>>) -> u8 {
    let own = async { Cell::new(1_u8) }.await;
    let shared = async { Rc::clone(&cell) }.await;
    let held = cell.try_borrow();
    yield_now().await;
    let number = *shared.borrow();
    own.get() + number + u8::from(held.is_ok())
}

#[underscore_frame]
pub async fn send_but_not_sync() -> u8 {
    let own = async { Cell::new(1_u8) }.await;
    yield_now().await;
    own.get()
}

#[underscore_frame]
pub async fn patterns() -> u8 {
    let (ref text, mut number, [first, ..]) = async { (String::new(), 1_u8, [1_u8, 2]) }.await;
    let whole @ (left, _) = async { (1_u8, 2_u8) }.await;
    let Some((inner, _)) = async { Some((1_u8, "x".to_owned())) }.await else {
        return 0;
    };
    let None::<u8> = async { None }.await else {
        return 1;
    };
    let (Ok(either) | Err(either)) = async { Ok::<u8, u8>(1) }.await;
    yield_now().await;
    number += 1;
    let length = u8::try_from(text.len()).unwrap_or_default();
    length + number + first + left + inner + whole.1 + either
}

#[underscore_frame]
pub async fn generic<T, F: Future<Output = T>>(future: F) -> T {
    let value = future.await;
    yield_now().await;
    value
}

#[underscore_frame]
pub async fn arrays<const N: usize>() -> [u8; N] {
    let all = async { [0_u8; N] }.await;
    yield_now().await;
    all
}

#[underscore_frame]
pub async fn recursive(number: u8) -> u8 {
    if number == 0 {
        return 0;
    }
    let inner = Box::pin(recursive(number - 1)).await;
    yield_now().await;
    inner + 1
}

#[underscore_frame]
pub async fn never(is_over: bool) -> u8 {
    let number: u8 = if is_over {
        return 1;
    } else {
        async { 2 }.await
    };
    yield_now().await;
    number
}
