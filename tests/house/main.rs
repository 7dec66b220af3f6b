//! Rules of the project itself: the order of modules, documentation, manifests, and that the linker
//! keeps every handler.

mod completeness;
mod documented;
mod layers;
mod lost_handler;
mod manifest;
#[path = "../support/mod.rs"]
mod support;
