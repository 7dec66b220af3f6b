//! The SQL statements.

use rusqlite::{Connection, Result};
use serde::Serialize;

/// The revenue of a customer.
#[derive(Serialize)]
pub struct Revenue {
    customer: u32,
    cents: i64,
}

/// The customer and the cents of an order.
pub fn order(connection: &Connection, id: u32) -> Result<(u32, u32)> {
    let sql = "SELECT customer, cents FROM orders WHERE id = ?1";
    connection.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn customers(connection: &Connection, offset: u32, limit: u32) -> Result<Vec<u32>> {
    let sql = "SELECT DISTINCT customer FROM orders ORDER BY customer LIMIT ?1 OFFSET ?2";
    let mut statement = connection.prepare(sql)?;
    let customers = statement.query_map([limit, offset], |row| row.get(0))?;
    customers.collect()
}

/// The revenue by customer, or of one customer.
pub fn report(connection: &Connection, customer: Option<u32>) -> Result<Vec<Revenue>> {
    let sql = "SELECT customer, sum(slowly(cents)) FROM orders
               WHERE ?1 IS NULL OR customer = ?1 GROUP BY customer ORDER BY customer";
    let mut statement = connection.prepare(sql)?;
    let revenues = statement.query_map([customer], |row| {
        let (customer, cents) = (row.get(0)?, row.get(1)?);
        Ok(Revenue { customer, cents })
    })?;
    revenues.collect()
}
