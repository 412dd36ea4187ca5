//! The screen: a model, messages that change it, and a picture of it. Pure functions; the app does the rest.
//!
//! It holds query results and facts of the screen, never a second copy of mail; it knows no store, file or clock.

mod act;
mod folders;
mod highlight;
mod input;
mod keys;
mod layout;
mod links;
mod list;
pub mod message;
pub mod model;
mod mouse;
mod page;
mod picker;
mod prompt;
mod reader;
mod reading;
mod run;
mod search;
mod text;
mod theme;
pub mod update;
pub mod view;

pub use model::{Model, Settings};
pub use update::update;
pub use view::view;
