//! The program as a person meets it: the real binary, in a pipe and in a terminal.

mod demo;
mod terminal;
