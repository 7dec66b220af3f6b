//! `GET /_profile`: weights, formats and limits. In a process of its own, because profiles are of
//! the whole process.

#![allow(missing_docs, unreachable_pub)]

mod formats;
mod load;
mod readers;
mod requests;
mod weights;

#[path = "../support/mod.rs"]
mod support;

use tokio::sync::Mutex;

/// Held by each test: a profile sees the requests of all services, and there are four at a time.
static ALONE: Mutex<()> = Mutex::const_new(());
