//! Version 2 only: orders with formatted amounts.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use underscore_runtime::underscore_route;

use super::database::{Database, QueryError};
use super::orders;

#[derive(Serialize)]
struct Order {
    id: u32,
    customer: u32,
    total: String,
}

#[underscore_route(name = "order_v2")]
async fn order(database: State<Database>, Path(id): Path<u32>) -> Result<Json<Order>, QueryError> {
    let (customer, cents) = database
        .query(move |connection| orders::order(connection, id))
        .await?;
    let total = format!("{}.{:02} EUR", cents / 100, cents % 100);
    Ok(Json(Order {
        id,
        customer,
        total,
    }))
}

pub fn routes() -> Router<Database> {
    super::shared_routes().route("/orders/{id}", get(order))
}
