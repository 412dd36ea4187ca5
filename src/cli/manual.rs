//! Owns completions and manual pages, made from the words of the command line.
//!
//! It needs no configuration and no store.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::args::Cli;
use crate::cli::failure::Failure;

/// Prints the completions for a shell.
pub fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "surat", &mut script);
    Ok(write_out(&script)?)
}

/// Prints the manual page, or writes one page for each command into a directory.
pub fn pages(dir: Option<&Path>) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = dir else {
        return Ok(write_out(&page(&command)?)?);
    };
    let fail = |error: io::Error| Failure::failed(format!("cannot write pages into {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(fail)?;
    write_pages(&command, dir).map_err(fail)
}

fn write_pages(command: &Command, dir: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    std::fs::write(dir.join(format!("{name}.1")), page(command)?)?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| write_pages(below, dir))
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let source = concat!("surat ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source).manual("Surat").render(&mut page)?;
    Ok(page)
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
