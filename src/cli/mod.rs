//! The commands: each one a thin call into configuration, store and accounts. Data to standard output, words to
//! standard error.
//!
//! It draws no screen: the interface and the demo are handed back to `main`.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

mod account;
pub mod args;
mod attachments;
mod change;
mod check;
mod context;
pub mod crash;
mod doctor;
mod export;
mod failure;
mod folders;
mod history;
mod manual;
mod output;
mod read;
mod runtime;
mod select;
mod show;
mod sync;
mod turn;
mod usage;
mod watch;

use crate::cli::args::{Cli, Command, DemoArgs, Global};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::config::{Paths, log};
use crate::mail::mutation::Edit;
use crate::mail::safe::SafeText;

/// What is left to do after the command line was read.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing: this is the exit status.
    Done(ExitCode),
    /// The interface is to be opened.
    Interface(InterfaceArgs),
    /// The demo is to be shown.
    Demo(DemoArgs, Look),
}

/// What the interface must know.
#[derive(Debug, Clone)]
pub struct InterfaceArgs {
    /// Where things are.
    pub paths: Paths,
    /// Whether the network is left alone.
    pub offline: bool,
    /// How it looks.
    pub look: Look,
}

/// What the command line says of the looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Whether colours are off (`--no-color` or `NO_COLOR`).
    pub no_color: bool,
}

/// Reads the command line and does what it says, unless that is for the screen.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let is_json = cli.global.json;
            dispatch(cli).unwrap_or_else(|failure| Outcome::Done(failure.tell(is_json)))
        }
        Err(error) => Outcome::Done(refuse(&error, &arguments)),
    }
}

/// Writes a sentence to standard error. Nothing can be done about an error there.
pub(crate) fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(stderr, "surat: {}", SafeText::line(line));
    }
}

fn dispatch(cli: Cli) -> Result<Outcome, Failure> {
    let Cli { global, command } = cli;
    let is_screen = matches!(command, None | Some(Command::Demo(_)));
    if is_screen && global.json {
        return Err(Failure::usage("--json belongs to a command that prints data, as `surat list --json`"));
    }
    match command {
        None => {
            let paths = paths(&global)?;
            log::start(&paths, global.log.unwrap_or_default())?;
            Ok(Outcome::Interface(InterfaceArgs { paths, offline: global.offline, look: look(&global) }))
        }
        // Before any path is looked for: the demo touches no configuration and no directory of the user.
        Some(Command::Demo(demo)) => Ok(Outcome::Demo(demo, look(&global))),
        Some(Command::Completions { shell }) => manual::completions(&output(&global), shell).map(done),
        Some(Command::Man { dir }) => manual::pages(&output(&global), dir.as_deref()).map(done),
        Some(command) => {
            let paths = paths(&global)?;
            let logging = log::start(&paths, global.log.unwrap_or_default());
            // Who did not ask for a log gets done what was asked for, also where none can be written.
            if global.log.is_some() {
                logging?;
            }
            execute(&Context::new(global, paths), command).map(done)
        }
    }
}

fn execute(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Account { command } => account::run(context, command),
        Command::Folders(args) => folders::run(context, &args),
        Command::List(args) => read::list(context, &args),
        Command::Search(args) => read::search(context, &args),
        Command::Show(args) => show::run(context, &args),
        Command::Mark(args) => change::mark(context, &args),
        Command::Move { ids_and_folder } => change::file(context, &ids_and_folder, Edit::Move),
        Command::Copy { ids_and_folder } => change::file(context, &ids_and_folder, Edit::Copy),
        Command::Archive { ids } => change::archive(context, &ids),
        Command::Delete { ids } => change::delete(context, &ids),
        Command::Undo { id } => history::undo(context, id.as_deref()),
        Command::History { limit } => history::list(context, limit),
        Command::Export(args) => export::run(context, &args),
        Command::Sync { account, watch } => sync::run(context, account.as_deref(), watch),
        Command::Attachments { id, save } => attachments::run(context, &id, save.as_deref()),
        Command::Doctor => doctor::run(context),
        // These three need no surroundings and were done before.
        Command::Demo(_) | Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}

fn done(_: ()) -> Outcome {
    Outcome::Done(ExitCode::SUCCESS)
}

fn paths(global: &Global) -> Result<Paths, Failure> {
    let paths = Paths::find(global.config.as_deref(), global.data_dir.as_deref())?;
    crash::keep_in(&paths.state_dir);
    Ok(paths)
}

fn output(global: &Global) -> Output {
    Output::new(global.json, global.no_color)
}

fn look(global: &Global) -> Look {
    let is_asked_for = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Look { no_color: global.no_color || is_asked_for }
}

/// Answers a command line that is a question (`--help`, `--version`) or a mistake.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that went away has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let mut command = Cli::command();
    command.build();
    let words: Vec<String> = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let is_json = words.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    Failure::usage(usage::explain(error, &command, &words)).tell(is_json)
}
