//! What comes from outside cannot touch the terminal, the network, the desktop or what is stored, wherever it comes in.

mod across;
mod bombs;
mod crashes;
mod crossing;
mod crowd;
mod faults;
mod fidelity;
mod full_disk;
mod grammar;
mod hostile_servers;
mod interrupted;
mod mails;
mod names;
mod opening;
mod peer;
pub mod samples;
mod saving;
mod scenarios;
mod screen;
mod senders;
mod server_words;
mod shrunken;
pub mod sides;
mod silence;
mod starttls;
mod traced;
mod validity;
