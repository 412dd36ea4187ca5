//! What comes from outside cannot touch the terminal, the network, the desktop or what is stored, wherever it comes in.

mod bombs;
mod crashes;
mod crossing;
mod faults;
mod fidelity;
mod full_disk;
mod grammar;
mod hostile_servers;
mod mails;
mod names;
mod opening;
mod peer;
pub mod samples;
mod saving;
mod screen;
mod senders;
mod server_words;
mod silence;
mod starttls;
mod traced;
