//! `_cat`: tables for people. `table` has what all tables share, and each table is a file with its
//! columns and rows.

pub(super) mod audit;
pub(super) mod awaits;
pub(super) mod captures;
mod column;
pub(super) mod connections;
pub(super) mod ended;
pub(super) mod health;
pub(super) mod routes;
mod sort;
pub(super) mod stacks;
mod table;
pub(super) mod tasks;
pub(super) mod waits;
pub(super) mod workers;

pub(super) use table::object;
