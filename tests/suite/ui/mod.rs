//! The screen as somebody at the keyboard sees it.

mod acting;
mod filing;
mod finding;
pub mod harness;
mod reading;
mod robust;
mod screens;
