//! The manager: one worker per account brings the store and its server into step. The only layer that knows both.
//!
//! What comes next after an error is decided by the pure `retry`; how a protocol works is known by its backend.

pub mod attempts;
pub mod awake;
pub mod board;
pub mod bodies;
pub mod connect;
pub mod desk;
pub mod ears;
pub mod manager;
pub mod plan;
pub mod pull;
pub mod push;
pub mod reader;
pub mod relay;
pub mod retry;
pub mod round;
pub mod service;
pub mod sync;
#[cfg(test)]
mod tests;
pub mod worker;

pub use manager::AccountManager;
