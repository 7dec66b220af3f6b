//! The examples that print what to try: each runs as a process, and the very lines that it prints are played, as
//! `shell` of the README's test reads them. What comes of them is looked at here.

#![allow(unreachable_pub)]

#[path = "../readme/call.rs"]
mod call;
#[path = "../readme/shell.rs"]
mod shell;
#[path = "../support/mod.rs"]
mod support;

mod blocked;
mod chat;
mod incident;
mod sample_app;
mod starts;
mod todos;
mod tried;
mod versions;
