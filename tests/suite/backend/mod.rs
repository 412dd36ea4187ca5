//! Backends against real files and servers.

mod demo;
mod maildir;
