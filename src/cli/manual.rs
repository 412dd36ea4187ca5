//! Owns completions and manual pages, made from the words of the command line.
//!
//! It needs no configuration and no store.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use crate::cli::args::Cli;
use crate::cli::failure::Failure;
use crate::cli::output::Output;

/// Prints the completions for a shell.
pub fn completions(output: &Output, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "surat", &mut script);
    if output.is_json {
        let script = String::from_utf8_lossy(&script);
        return Ok(output.json(&json!({ "shell": shell.to_string(), "script": script }))?);
    }
    Ok(output.bytes(&script)?)
}

/// Prints the manual page, or writes one page for each command into a directory and says which.
pub fn pages(output: &Output, dir: Option<&Path>) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(dir) = dir else {
        let page = page(&command)?;
        if output.is_json {
            return Ok(output.json(&json!({ "page": String::from_utf8_lossy(&page) }))?);
        }
        return Ok(output.bytes(&page)?);
    };
    let fail = |error: io::Error| Failure::failed(format!("cannot write pages into {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(fail)?;
    let mut written = Vec::new();
    write_pages(&command, dir, &mut written).map_err(fail)?;
    let written: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    if output.is_json {
        return Ok(output.json(&json!({ "pages": written }))?);
    }
    written.iter().try_for_each(|path| Ok(output.line(path)?))
}

fn write_pages(command: &Command, dir: &Path, written: &mut Vec<PathBuf>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = dir.join(format!("{name}.1"));
    std::fs::write(&path, page(command)?)?;
    written.push(path);
    let mut below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.try_for_each(|below| write_pages(below, dir, written))
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let source = concat!("surat ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source).manual("Surat").render(&mut page)?;
    Ok(page)
}
