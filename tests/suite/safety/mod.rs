//! What comes from outside cannot touch the terminal, the network, the desktop or what is stored, wherever it comes in.

mod crossing;
mod full_disk;
mod grammar;
mod mails;
mod names;
mod opening;
pub mod samples;
mod saving;
mod screen;
mod silence;
mod traced;
