//! What mail is made of, checked against other people's corpora.

mod parse;
mod render;
