//! Section 18 of docs/admin-api.md: log levels at run time. Each test has a process of its own,
//! because a process has one log.

#![allow(missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod filters;
mod memory;
mod refused;
mod requests;
mod targets;
