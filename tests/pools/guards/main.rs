//! What the admin API shows of real pools and locks that are held over an await.

#![allow(missing_docs, unreachable_pub)]

mod held;
mod locks;
mod nothing;
mod pools;
#[path = "../../support/mod.rs"]
mod support;
mod threads;
mod types;
