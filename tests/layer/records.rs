//! The life of a record that a layer begins and a handler takes over.
