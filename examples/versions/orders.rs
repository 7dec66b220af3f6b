//! What is asked of the database: the statements, and nothing of HTTP.

use rusqlite::{Connection, Result};
use serde::Serialize;

/// What a customer has paid.
#[derive(Serialize)]
pub struct Turnover {
    customer: u32,
    cents: i64,
}

/// Customer and cents of an order.
pub fn order(connection: &Connection, id: u32) -> Result<(u32, u32)> {
    let sql = "SELECT customer, cents FROM orders WHERE id = ?1";
    connection.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn customers(connection: &Connection, offset: u32, limit: u32) -> Result<Vec<u32>> {
    let sql = "SELECT DISTINCT customer FROM orders ORDER BY customer LIMIT ?1 OFFSET ?2";
    let mut found = connection.prepare(sql)?;
    let customers = found.query_map([limit, offset], |row| row.get(0))?;
    customers.collect()
}

/// What each customer has paid, or one of them.
pub fn report(connection: &Connection, customer: Option<u32>) -> Result<Vec<Turnover>> {
    let sql = "SELECT customer, sum(slowly(cents)) FROM orders
               WHERE ?1 IS NULL OR customer = ?1 GROUP BY customer ORDER BY customer";
    let mut found = connection.prepare(sql)?;
    let turnovers = found.query_map([customer], |row| {
        let (customer, cents) = (row.get(0)?, row.get(1)?);
        Ok(Turnover { customer, cents })
    })?;
    turnovers.collect()
}
