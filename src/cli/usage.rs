//! Owns the one line that a wrong command line gets: what is wrong, and what was probably meant.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use crate::config::nearest::nearest;

/// Says in one line what is wrong with a command line.
pub fn explain(error: &Error, command: &Command, words: &[String]) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let place = place(command, words);
    let help = format!("see `{} --help`", place.get_bin_name().unwrap_or("surat"));
    match error.kind() {
        ErrorKind::UnknownArgument if place.get_name() == "search" && !argument.starts_with("--") => {
            format!("there is no flag {argument}; to leave a word out, quote the query: surat search 'budi -invoice'")
        }
        ErrorKind::UnknownArgument if !argument.starts_with('-') => {
            format!("\"{argument}\" has no place here; {help}")
        }
        ErrorKind::UnknownArgument => {
            let flags = place.get_arguments().filter_map(Arg::get_long_and_visible_aliases).flatten();
            let flags = flags.map(|flag| format!("--{flag}"));
            with_meaning(format!("there is no flag {argument}"), &argument, flags.collect(), &help)
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let commands = place.get_subcommands().map(|command| command.get_name().to_owned());
            with_meaning(format!("there is no command \"{word}\""), &word, commands.collect(), &help)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let commands: Vec<_> = place.get_subcommands().map(Command::get_name).collect();
            format!("say what to do: {}; {help}", commands.join(", "))
        }
        ErrorKind::TooFewValues => {
            let usage = place.clone().render_usage().to_string();
            format!("something is missing; it goes: {}", usage.trim_start_matches("Usage: "))
        }
        ErrorKind::MissingRequiredArgument => format!("{argument} is missing; {help}"),
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_default();
            format!("{argument} and {other} cannot both be said; {help}")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{argument} needs a value; {help}"),
        ErrorKind::InvalidValue => {
            let valid = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(valid)) => valid.clone(),
                _ => Vec::new(),
            };
            let rest = format!("it is one of {}", valid.join(", "));
            with_meaning(format!("\"{value}\" is not valid for {argument}"), &value, valid, &rest)
        }
        ErrorKind::ValueValidation => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("\"{value}\" is not valid for {argument}: {cause}")
        }
        _ => {
            let all = error.to_string();
            let first = all.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("{first}; {help}")
        }
    }
}

fn with_meaning(what: String, word: &str, candidates: Vec<String>, otherwise: &str) -> String {
    match nearest(word, candidates.iter().map(String::as_str)) {
        Some(near) => format!("{what}, did you mean {near}?"),
        None => format!("{what}; {otherwise}"),
    }
}

/// Finds the command that the words had reached when they went wrong.
fn place<'a>(command: &'a Command, words: &[String]) -> &'a Command {
    let mut place = command;
    for word in words {
        if let Some(below) = place.get_subcommands().find(|below| below.get_name() == word) {
            place = below;
        }
    }
    place
}
