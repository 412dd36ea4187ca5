//! Store and servers in step, through the manager and through the real program.

pub mod sync;
