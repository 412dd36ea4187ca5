//! The screen: a model, messages that change it, and a picture of it. Pure functions; the app does the rest.
//!
//! It holds query results and facts of the screen, never a second copy of mail; it knows no store, file or clock.

pub mod message;
pub mod model;

pub use model::{Model, Settings, update, view};
