//! Owns the words of the command line: every command with its flags and its help.
//!
//! It does nothing. Help, completions and manual pages are made from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use jiff::Timestamp;

use crate::config::account::{Leave, Security};
use crate::config::log::Level;
use crate::mail::time::UnixTime;

/// Your mail, kept here, in step with every server.
#[derive(Debug, Parser)]
#[command(
    name = "surat",
    version,
    disable_help_subcommand = true,
    about = "Your mail, kept here, in step with every server",
    long_about = "Surat opens your mail in the terminal. Mail is kept on this computer and brought into step with \
                  every server; reading, searching and changing it never waits for a network.\n\n\
                  Without a command the interface opens. `surat demo` shows it on sample mail: no account, no \
                  network, nothing left behind.",
    after_long_help = EXAMPLES
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command; without one the interface opens.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  surat demo
  surat account add ayu@example.org --no-input --imap imap.example.org --password-command 'pass show mail'
  surat sync && surat list --unread
  surat search 'from:budi has:attachment' --json | jq -r '.[].subject'
  surat archive $(surat search 'from:announce before:2026' --limit 0 --json | jq -r '.[].id')

Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 partly done,
75 no account could be reached, 101 a bug, 130 interrupted.";

/// What holds for every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// Use this configuration file.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Keep store, state and logs below this directory.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// How much is written to the log file: off, error, warn, info (when not said), debug, trace.
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level)]
    pub log: Option<Level>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    /// Use no network.
    #[arg(long, global = true)]
    pub offline: bool,
    /// Use no colour; NO_COLOR does the same.
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the interface on sample mail: no configuration, no network, nothing left behind.
    Demo(DemoArgs),
    /// Add, list, check and remove accounts.
    Account {
        /// What to do with accounts.
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Bring everything into step, once or with --watch for good.
    ///
    /// Where another Surat is open with the same mail, it is asked to look now, and its report is given.
    ///
    /// The document of --json is {"accounts": [...], "left_to": ...}, also where accounts failed: one report for each
    /// account, with an "error" that is null where all went well. "left_to" says why nothing was done here: "another
    /// process" where another Surat is open and does not answer (exit status 75), "offline" with --offline; else it is
    /// null.
    Sync {
        /// Only this account.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Stay, and keep everything in step, as the interface does, but without a screen.
        ///
        /// New mail comes as the servers announce it, and what other commands change travels at once. Each change of an
        /// account's state is a line on standard error. SIGTERM ends it with exit status 0, Ctrl-c with 130. Another
        /// Surat that is open does the same already: then this one says so and ends with 75.
        #[arg(long)]
        watch: bool,
    },
    /// List the folders with their counts; make, rename and remove them.
    Folders(FoldersArgs),
    /// List mail, newest first.
    List(ListArgs),
    /// Find mail, newest first.
    Search(SearchArgs),
    /// Show one mail.
    Show(ShowArgs),
    /// List what is attached to a mail, or save it.
    Attachments {
        /// The mail's id.
        id: String,
        /// Save every attachment into this folder; nothing there is overwritten.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        save: Option<PathBuf>,
    },
    /// Mark mail as read, unread, starred or not.
    Mark(MarkArgs),
    /// Move mail to a folder.
    #[command(override_usage = "surat move [OPTIONS] <ID>... <FOLDER>")]
    Move {
        /// Ids of mail, then the folder: its name in the mail's own account, or ACCOUNT/FOLDER.
        #[arg(required = true, num_args = 2.., value_names = ["ID", "FOLDER"])]
        ids_and_folder: Vec<String>,
    },
    /// Put a copy of mail into a folder.
    #[command(override_usage = "surat copy [OPTIONS] <ID>... <FOLDER>")]
    Copy {
        /// Ids of mail, then the folder: its name in the mail's own account, or ACCOUNT/FOLDER.
        #[arg(required = true, num_args = 2.., value_names = ["ID", "FOLDER"])]
        ids_and_folder: Vec<String>,
    },
    /// Move mail to the archive.
    Archive {
        /// Ids of mail.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Move mail to the trash.
    Delete {
        /// Ids of mail.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Take a change back: the last one, or any other.
    Undo {
        /// The change's id, as `surat history` prints it; without it, the last change that was not taken back.
        id: Option<String>,
    },
    /// List the changes made so far, newest first.
    History {
        /// At most so many, 0 for all; the newest 50 when not said.
        #[arg(long, value_name = "N", value_parser = limit, allow_negative_numbers = true)]
        limit: Option<usize>,
    },
    /// Write mail to a Maildir or an mbox file.
    Export(ExportArgs),
    /// Check configuration, secrets, store, network and sign-in; say the fix.
    Doctor,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page for each command.
    Man {
        /// Write the pages into this directory.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add an account.
    Add(Box<AddArgs>),
    /// List the accounts.
    List,
    /// Reach the servers, sign in, and look at the folders.
    Check {
        /// Only this account.
        name: Option<String>,
    },
    /// Remove an account from the configuration and its mail from this computer; asks first.
    Remove {
        /// The account's name.
        name: String,
        /// Keep the mail that is here.
        #[arg(long)]
        keep_mail: bool,
        /// Do not ask; needed where there is no terminal.
        #[arg(long)]
        yes: bool,
    },
}

/// The flags of `account add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Your address.
    pub email: Option<String>,
    /// Ask nothing: all that is needed is in the flags.
    #[arg(long)]
    pub no_input: bool,
    /// Your own name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What the account is called here; without it, a part of the address.
    #[arg(long, value_name = "NAME")]
    pub account_name: Option<String>,
    /// The IMAP server.
    #[arg(long, value_name = "HOST[:PORT]", group = "source", value_parser = place)]
    pub imap: Option<Place>,
    /// The POP3 server, where there is no IMAP.
    #[arg(long, value_name = "HOST[:PORT]", group = "source", value_parser = place)]
    pub pop3: Option<Place>,
    /// A Maildir on this computer.
    #[arg(long, value_name = "DIR", group = "source", value_hint = ValueHint::DirPath)]
    pub maildir: Option<PathBuf>,
    /// The server that takes mail to send.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = place)]
    pub smtp: Option<Place>,
    /// How the line to the server is protected (none: this computer only).
    #[arg(long, value_name = "tls|starttls|none", value_parser = security)]
    pub security: Option<Security>,
    /// The same for the sending server.
    #[arg(long, value_name = "tls|starttls|none", value_parser = security)]
    pub smtp_security: Option<Security>,
    /// What POP3 leaves on the server: never (what is here is deleted there), always, or a number of days.
    #[arg(long, value_name = "never|always|DAYS", value_parser = leave)]
    pub leave_on_server: Option<Leave>,
    /// The name to sign in with; without it, the address.
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// A command whose first line of output is the password.
    #[arg(long, value_name = "CMD")]
    pub password_command: Option<String>,
    /// Extra root certificates in PEM form.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca_file: Option<PathBuf>,
    /// Write the account down without trying it first.
    #[arg(long)]
    pub no_check: bool,
}

/// The flags of `folders`.
#[derive(Debug, Args)]
pub struct FoldersArgs {
    /// Only this account.
    #[arg(long, global = true, value_name = "NAME")]
    pub account: Option<String>,
    /// What to do with a folder; without it, they are listed.
    #[command(subcommand)]
    pub command: Option<FolderCommand>,
}

/// What to do with a folder.
#[derive(Debug, Subcommand)]
pub enum FolderCommand {
    /// Make a folder.
    Create {
        /// Its name; / parts levels, as Invoices/2026. Where there are several accounts: ACCOUNT/NAME, or --account.
        name: String,
    },
    /// Give a folder another name; those below it go with it.
    Rename {
        /// The folder, by name or role, or as ACCOUNT/FOLDER.
        folder: String,
        /// Its new name, with all levels.
        name: String,
    },
    /// Remove a folder; its mail goes to the trash.
    Delete {
        /// The folder, by name or role, or as ACCOUNT/FOLDER.
        folder: String,
    },
    /// Subscribe to a folder: other programs list it.
    Subscribe {
        /// The folder, by name or role, or as ACCOUNT/FOLDER.
        folder: String,
    },
    /// Subscribe to a folder no more.
    Unsubscribe {
        /// The folder, by name or role, or as ACCOUNT/FOLDER.
        folder: String,
    },
}

/// The flags of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only this account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// This folder, by name or role; without it, every inbox.
    #[arg(long, value_name = "NAME")]
    pub folder: Option<String>,
    /// At most so many, 0 for all; the newest 50 when not said.
    #[arg(long, value_name = "N", value_parser = limit, allow_negative_numbers = true)]
    pub limit: Option<usize>,
    /// Only unread mail.
    #[arg(long)]
    pub unread: bool,
}

/// The flags of `search`.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// What to look for, as: 'from:budi has:attachment -invoice after:2026-01-01'; -- before one that begins with -.
    #[arg(required = true, value_name = "QUERY")]
    pub query: Vec<String>,
    /// Only this account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// At most so many, 0 for all; the newest 50 when not said.
    #[arg(long, value_name = "N", value_parser = limit, allow_negative_numbers = true)]
    pub limit: Option<usize>,
}

/// The flags of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The mail's id.
    pub id: String,
    /// The bytes as they came.
    #[arg(long, group = "form")]
    pub raw: bool,
    /// The header fields as they came.
    #[arg(long, group = "form")]
    pub headers: bool,
    /// The HTML part as text.
    #[arg(long, group = "form")]
    pub html: bool,
    /// The plain text part.
    #[arg(long, group = "form")]
    pub text: bool,
}

/// The flags of `mark`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("mark").required(true))]
pub struct MarkArgs {
    /// Ids of mail.
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Mark as read.
    #[arg(long, visible_alias = "read", group = "mark")]
    pub seen: bool,
    /// Mark as unread.
    #[arg(long, visible_alias = "unread", group = "mark")]
    pub unseen: bool,
    /// Put a star on it.
    #[arg(long, visible_alias = "starred", group = "mark")]
    pub flagged: bool,
    /// Take the star off.
    #[arg(long, visible_alias = "unstarred", group = "mark")]
    pub unflagged: bool,
}

/// The flags of `export`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("target").required(true))]
pub struct ExportArgs {
    /// Only this account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only this folder.
    #[arg(long, value_name = "NAME")]
    pub folder: Option<String>,
    /// Write a Maildir, folders below it.
    #[arg(long, value_name = "DIR", group = "target", value_hint = ValueHint::DirPath)]
    pub maildir: Option<PathBuf>,
    /// Write one mbox file.
    #[arg(long, value_name = "FILE", group = "target", value_hint = ValueHint::FilePath)]
    pub mbox: Option<PathBuf>,
}

/// The flags of `demo`.
#[derive(Debug, Clone, Default, Args)]
pub struct DemoArgs {
    /// Make the same mailbox each time.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Pretend that it is this moment, as 2026-11-23T09:00:00Z.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub now: Option<UnixTime>,
    /// Write a picture of the screen (SVG) and end.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub picture: Option<PathBuf>,
    /// The screen's size, as 120x40.
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<Size>,
}

/// Columns and rows of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// A server as it is said on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name or address.
    pub host: String,
    /// Its port, if said.
    pub port: Option<u16>,
}

fn place(text: &str) -> Result<Place, String> {
    let bad = || format!("\"{text}\" is no server; write HOST or HOST:PORT, as imap.example.org:993");
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(bad)).transpose()? {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(bad)).transpose()?;
    if host.is_empty() { Err(bad()) } else { Ok(Place { host: host.to_owned(), port }) }
}

fn word<T: Copy>(words: &[(&'static str, T)], text: &str) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let mean = crate::config::nearest::nearest(text, words.iter().map(|(word, _)| *word));
        let mean = mean.map(|mean| format!(", did you mean {mean}?")).unwrap_or_default();
        format!("it is one of {}{mean}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))
    })
}

fn security(text: &str) -> Result<Security, String> {
    word(&Security::WORDS, text)
}

fn level(text: &str) -> Result<Level, String> {
    word(&Level::WORDS, text)
}

fn leave(text: &str) -> Result<Leave, String> {
    match text {
        "never" => Ok(Leave::Never),
        "always" => Ok(Leave::Always),
        days => days.parse().map(Leave::Days).map_err(|_| "it is never, always or a number of days".to_owned()),
    }
}

/// Reads how many are wanted; 0 is all.
fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Ok(usize::MAX),
        Ok(most) => Ok(most),
        Err(_) => Err("it is a number such as 20, or 0 for all".to_owned()),
    }
}

fn moment(text: &str) -> Result<UnixTime, String> {
    let parsed = text.parse::<Timestamp>().map_err(|_| "it is a moment such as 2026-11-23T09:00:00Z".to_owned())?;
    Ok(UnixTime(parsed.as_second()))
}

fn size(text: &str) -> Result<Size, String> {
    let parsed = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match parsed {
        Some((width @ 1..=1000, height @ 1..=1000)) => Ok(Size { width, height }),
        _ => Err("it is columns and rows, such as 120x40".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_words_of_the_command_line_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn servers_are_read_with_and_without_port() {
        let cases = [
            ("h.org", Some(("h.org", None))),
            ("h.org:993", Some(("h.org", Some(993)))),
            ("::1", Some(("::1", None))),
            ("[::1]:143", Some(("::1", Some(143)))),
            ("[::1]", Some(("::1", None))),
            ("h.org:", None),
            ("h.org:0", None),
            ("h.org:99999", None),
            (":993", None),
            ("", None),
            ("[::1", None),
            ("[::1]x", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(host, port)| Place { host: host.to_owned(), port });
            assert_eq!(place(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn sizes_and_moments_are_read() {
        assert_eq!(size("120x40"), Ok(Size { width: 120, height: 40 }));
        assert!(size("120").is_err() && size("0x4").is_err() && size("4x-1").is_err());
        assert_eq!(moment("2026-11-23T01:40:00Z"), Ok(UnixTime(1_795_398_000)));
        assert!(moment("yesterday").is_err());
    }
}
