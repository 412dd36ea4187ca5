//! Surat: a terminal mail user agent.
//!
//! **The local store is the truth; the screen only asks it, servers are only reconciled with it.**

pub mod accounts;
pub mod app;
pub mod backend;
pub mod cli;
pub mod config;
pub mod mail;
pub mod store;
pub mod ui;
