//! Surat, the program: hands the command line on.

use std::process::ExitCode;

use surat::app;
use surat::cli::{self, Outcome};

fn main() -> ExitCode {
    cli::crash::install();
    match cli::run(std::env::args_os()) {
        Outcome::Done(status) => status,
        Outcome::Interface(args) => app::interface(args),
        Outcome::Demo(args, look) => app::demo(args, look),
    }
}
