//! What holds of the project itself: its layers, its documentation, its manifests, and that the
//! linker keeps every handler of every library.

mod completeness;
mod documented;
mod layers;
mod lost_handler;
mod manifest;
#[path = "../support/mod.rs"]
mod support;
