//! The user: configuration file, paths, secrets, log and lock files, saving and opening what came by mail.
//!
//! It knows neither store nor servers nor screen, and never waits for a network.

pub mod account;
pub mod command;
pub mod edit;
pub mod error;
pub mod file;
pub mod key;
pub mod keymap;
pub mod lock;
pub mod log;
pub mod open;
pub mod paths;
pub mod private;
pub mod save;
pub mod secret;
mod section;
pub mod theme;

pub use crate::mail::nearest;
pub use account::{Account, Offline, Password, Security, Server, Source};
pub use edit::{add_account, remove_account};
pub use error::Error;
pub use file::Config;
pub use paths::Paths;
