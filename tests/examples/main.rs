//! The examples that print commands to try. Each runs as a child process, and its printed commands
//! are executed, parsed by `shell` of the README's test.

#![allow(unreachable_pub)]

#[path = "../readme/call.rs"]
mod call;
#[path = "../readme/shell.rs"]
mod shell;
#[path = "../support/mod.rs"]
mod support;

mod blocked;
mod chat;
mod front;
mod incident;
mod replica;
mod sample_app;
mod starts;
mod todos;
mod tried;
mod versions;
