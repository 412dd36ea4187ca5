//! Surat, the program: hands the command line on.
fn main() {}
