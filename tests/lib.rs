//! What the end-to-end tests share: a model server that says what a scenario tells it to.
//!
//! Everything else in those tests is real. No real model can be reached there, so this one speaks real HTTP instead.

pub mod projects;
pub mod scripted;
