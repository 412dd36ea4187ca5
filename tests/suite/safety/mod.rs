//! What comes from outside cannot touch the terminal, wherever it comes in.

mod crossing;
