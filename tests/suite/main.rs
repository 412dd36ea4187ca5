//! Every test that needs files, servers or a terminal, as modules of one binary: each binary links SQLite and OpenSSL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod accounts;
mod app;
mod backend;
mod cli;
mod config;
mod mail;
mod safety;
mod store;
mod ui;

#[path = "../support/mod.rs"]
mod support;
