//! Store and servers in step, through the manager and through the real program.

mod elsewhere;
mod news;
mod object_ids;
mod push;
mod servers;
pub mod sync;
