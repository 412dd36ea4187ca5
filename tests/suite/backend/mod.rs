//! Backends against real files and servers.

mod demo;
mod imap_support;
mod maildir;
