//! What the admin API shows of real pools and locks that are held over an await.

#![allow(missing_docs, unreachable_pub)]

mod nothing;
mod types;
