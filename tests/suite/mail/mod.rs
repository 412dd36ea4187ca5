//! What mail is made of, checked against other people's corpora.

pub mod parse;
mod render;
