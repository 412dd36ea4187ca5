//! The words of the house: plain values and pure functions over mail. No files, sockets or clocks.
//!
//! Store, backends and screen all speak in these; none of them is known here.

pub mod account;
pub mod address;
pub mod change;
pub mod content;
pub mod document;
pub mod email;
pub mod flow;
pub mod host;
pub mod html;
pub mod id;
pub mod invitation;
pub mod keyword;
pub mod link;
pub mod mailbox;
pub mod mutation;
pub mod nearest;
pub mod number;
pub mod parse;
pub mod plain;
pub mod query;
pub mod quote;
pub mod remote;
pub mod render;
mod role_name;
pub mod safe;
pub mod time;
pub mod view;
pub mod warn;
pub mod wrap;
