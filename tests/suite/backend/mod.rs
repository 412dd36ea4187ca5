//! Backends against real files and servers.

mod maildir;
