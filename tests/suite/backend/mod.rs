//! Backends against real files and servers.

mod demo;
pub mod imap;
mod imap_apply;
mod imap_bodies;
mod imap_breaks;
pub mod imap_hostile;
mod imap_providers;
mod imap_providers_push;
mod imap_pull;
pub mod imap_servers;
mod imap_servers_push;
mod imap_sign_in;
mod imap_starttls;
mod imap_support;
mod maildir;
