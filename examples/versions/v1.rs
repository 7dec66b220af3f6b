//! Version 1 only: orders with amounts in cents.

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
    cents: u32,
}

#[underscore_route(name = "order_v1")]
async fn order(database: State<Database>, Path(id): Path<u32>) -> Result<Json<Order>, QueryError> {
    let (customer, cents) = database
        .query(move |connection| orders::order(connection, id))
        .await?;
    Ok(Json(Order {
        id,
        customer,
        cents,
    }))
}

pub fn routes() -> Router<Database> {
    super::shared_routes().route("/orders/{id}", get(order))
}
