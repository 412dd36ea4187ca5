//! Owns `surat account`: adding from flags, listing, checking, removing.
//!
//! It asks nothing but whether an account is really to be removed: guided set-up belongs to the interface.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::args::{AccountCommand, AddArgs, Place};
use crate::cli::check::{self, Settings, Step};
use crate::cli::context::{self, Context};
use crate::cli::failure::{Failure, Status};
use crate::cli::output::TableRow;
use crate::cli::say;
use crate::config::account::{
    Account, Auth, Leave, Password, Protocol, Security, Server, Source, Submit, check_email, check_host, check_name,
};
use crate::config::lock::{Stay, SyncLock};
use crate::config::{Config, edit, secret};
use crate::mail::id::AccountId;
use crate::mail::safe::SafeText;
use crate::store::Store;

/// Runs one of the account commands.
pub fn run(context: &Context, command: AccountCommand) -> Result<(), Failure> {
    match command {
        AccountCommand::Add(args) => add(context, *args),
        AccountCommand::List => list(context),
        AccountCommand::Check { name } => check(context, name.as_deref()),
        AccountCommand::Remove { name, keep_mail, yes } => remove(context, &name, keep_mail, yes),
    }
}

/// What `account list --json` and `account add --json` say of an account.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    email: &'a str,
    kind: &'static str,
    place: String,
    enabled: bool,
}

impl<'a> Listed<'a> {
    fn of(account: &'a Account) -> Self {
        let (name, email) = (account.name.as_str(), account.email.as_str());
        let (kind, place) = (account.source.kind(), account.source.place());
        Self { name, email, kind, place, enabled: !account.is_disabled }
    }
}

fn list(context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    let listed: Vec<Listed> = config.accounts.iter().map(Listed::of).collect();
    if context.output.is_json {
        return Ok(context.output.json(&listed)?);
    }
    let row = |account: &Listed| {
        let state = if account.enabled { "" } else { " (disabled)" };
        let place = format!("{}{state}", account.place);
        TableRow::new([account.name.to_owned(), account.email.to_owned(), account.kind.to_owned(), place])
    };
    let rows: Vec<TableRow> = listed.iter().map(row).collect();
    if rows.is_empty() {
        let none = || "there is no account yet; `surat account add --help` shows how to add one".to_owned();
        say(&context.lost_config().unwrap_or_else(none));
    }
    Ok(context.output.table(&rows)?)
}

fn add(context: &Context, args: AddArgs) -> Result<(), Failure> {
    let config = context.config()?;
    let account = from_flags(&args, &config)?;
    if let Some(existing) = config.account(&account.name) {
        return Err(Failure::usage(format!(
            "there is already an account \"{}\" ({}); choose another name with --account-name",
            existing.name, existing.email
        )));
    }
    if let Some(same) = config.accounts.iter().find(|existing| is_same_mail(existing, &account)) {
        return Err(Failure::usage(format!(
            "the mail of {} at {} is account \"{}\" already; nothing was added",
            same.email,
            same.source.place(),
            same.name
        )));
    }
    if !args.no_check {
        try_out(context, &account)?;
    }
    edit::add_account(&context.paths.config_file, &account)?;
    if context.output.is_json {
        return Ok(context.output.json(&Listed::of(&account))?);
    }
    say(&format!("added \"{}\" to {}; next: surat", account.name, context.paths.config_file.display()));
    say("or, without the screen: surat sync");
    Ok(())
}

/// Says whether two accounts would fetch the same mail.
fn is_same_mail(one: &Account, other: &Account) -> bool {
    let user = |account: &Account| account.source.server().map(|server| server.username.clone());
    one.source.kind() == other.source.kind() && one.source.place() == other.source.place() && user(one) == user(other)
}

/// Builds the account that the flags describe, or says which flag is missing.
fn from_flags(args: &AddArgs, config: &Config) -> Result<Account, Failure> {
    let mut missing = Vec::new();
    if args.email.is_none() {
        missing.push("EMAIL");
    }
    if args.imap.is_none() && args.pop3.is_none() && args.maildir.is_none() {
        missing.push("one of --imap HOST, --pop3 HOST, --maildir DIR");
    }
    if args.pop3.is_some() && args.leave_on_server.is_none() {
        missing.push("--leave-on-server never|always|DAYS");
    }
    if args.pop3.is_none() && args.leave_on_server.is_some() {
        return Err(Failure::usage(
            "--leave-on-server belongs to --pop3: IMAP and a Maildir leave everything in place",
        ));
    }
    let email = match (&args.email, missing.is_empty()) {
        (Some(email), true) => email.clone(),
        _ => {
            let what = missing.join(" and ");
            return Err(Failure::usage(format!(
                "account add needs {what}; nothing is discovered or asked yet, see `surat account add --help`"
            )));
        }
    };
    check_email(&email).map_err(|what| Failure::usage(format!("{email}: {what}")))?;
    let name = match &args.account_name {
        Some(name) => name.clone(),
        None => suggest_name(&email, config),
    };
    check_name(&name).map_err(|what| Failure::usage(format!("\"{name}\": {what}")))?;
    let mut account = Account::new(&name, &email, source(args, &email)?);
    account.full_name.clone_from(&args.name);
    account.smtp =
        args.smtp.as_ref().map(|place| server(args, &email, place, Protocol::Smtp).map(Submit::Server)).transpose()?;
    Ok(account)
}

fn source(args: &AddArgs, email: &str) -> Result<Source, Failure> {
    if let Some(path) = &args.maildir {
        let path = absolute(path)?;
        if !args.no_check && !path.is_dir() {
            return Err(Failure::usage(format!("there is no directory {}", path.display())));
        }
        return Ok(Source::Maildir { path });
    }
    if let Some(place) = &args.pop3 {
        let server = server(args, email, place, Protocol::Pop3)?;
        return Ok(Source::Pop3(server, args.leave_on_server.unwrap_or(Leave::Always)));
    }
    match &args.imap {
        Some(place) => server(args, email, place, Protocol::Imap).map(Source::Imap),
        None => Err(Failure::usage("account add needs --imap HOST")),
    }
}

fn server(args: &AddArgs, email: &str, place: &Place, protocol: Protocol) -> Result<Server, Failure> {
    let said = match protocol {
        Protocol::Smtp => args.smtp_security,
        Protocol::Imap | Protocol::Pop3 => args.security,
    };
    let (port, security): (u16, Security) = protocol.settle(place.port, said);
    check_host(&place.host, security).map_err(|what| Failure::usage(format!("\"{}\": {what}", place.host)))?;
    if let Some(command) = &args.password_command {
        let words = secret::split(command).map_err(|what| Failure::usage(format!("--password-command {what}")))?;
        if words.is_empty() {
            return Err(Failure::usage("--password-command is empty"));
        }
    }
    Ok(Server {
        host: place.host.clone(),
        port,
        security,
        username: args.username.clone().unwrap_or_else(|| email.to_owned()),
        password: args.password_command.clone().map(Password::Command),
        auth: Auth::Password,
        ca_file: args.ca_file.as_deref().map(absolute).transpose()?,
    })
}

/// Makes a path mean the same from every working directory.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Names an account after its domain, `ayu@kampus.ac.id` is `kampus`, with a number when that is taken.
fn suggest_name(email: &str, config: &Config) -> String {
    let domain = email.rsplit('@').next().unwrap_or_default();
    let label = domain.split('.').find(|label| !matches!(*label, "mail" | "imap" | "www")).unwrap_or(domain);
    let plain: String = label.chars().filter(|c| c.is_alphanumeric() || *c == '-').take(30).collect();
    let plain = plain.trim_matches('-').to_lowercase();
    let base = if plain.is_empty() { "mail".to_owned() } else { plain };
    let mut name = base.clone();
    let mut number = 2;
    while config.account(&name).is_some() {
        name = format!("{base}{number}");
        number += 1;
    }
    name
}

/// What `account check --json` says of an account.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    account: &'a str,
    ok: bool,
    steps: Vec<Step>,
}

fn check(context: &Context, name: Option<&str>) -> Result<(), Failure> {
    let config = context.config_with_accounts()?;
    let mut all = Vec::new();
    for account in context.chosen(&config, name)? {
        let steps = check::account(context, account, Settings::File)?;
        if !context.output.is_json {
            context.output.line(&format!("{} ({})", account.name, account.source.place()))?;
            print(context, &steps)?;
        }
        all.push(Checked { account: &account.name, ok: !steps.iter().any(Step::has_failed), steps });
    }
    if context.output.is_json {
        context.output.json(&all)?;
    }
    let failed: Vec<&Checked> = all.iter().filter(|checked| !checked.ok).collect();
    let is_temporary = |checked: &&Checked| checked.steps.iter().any(|step| step.is_temporary);
    match failed.len() {
        0 => Ok(()),
        count if count < all.len() => Err(Failure::new(Status::Partly, "")),
        _ if failed.iter().all(is_temporary) => Err(Failure::new(Status::TryLater, "")),
        _ => Err(Failure::failed("")),
    }
}

/// Writes steps for people.
pub fn print(context: &Context, steps: &[Step]) -> Result<(), Failure> {
    for step in steps {
        let mark = match step.ok {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "–",
        };
        let took = if step.seconds >= 0.1 { format!("  {:.1} s", step.seconds) } else { String::new() };
        context.output.line(&format!("  {mark} {:<9} {}{took}", step.step, step.detail))?;
        if let Some(remedy) = &step.remedy {
            context.output.line(&format!("    {:<9} {remedy}", "→"))?;
        }
    }
    Ok(())
}

/// Tries a new account before it is written down.
fn try_out(context: &Context, account: &Account) -> Result<(), Failure> {
    let steps = check::account(context, account, Settings::Flags)?;
    match steps.iter().find(|step| step.has_failed()) {
        None => Ok(()),
        Some(step) => Err(Failure::new(
            if step.is_temporary { Status::TryLater } else { Status::Failed },
            format!(
                "{}: {}: {}\n{}\nnothing was written down; --no-check adds the account all the same",
                account.source.place(),
                step.step,
                step.detail,
                step.remedy.as_deref().unwrap_or_default()
            ),
        )),
    }
}

/// What `account remove --json` says.
#[derive(Debug, Serialize)]
struct Removed<'a> {
    removed: &'a str,
    kept_mail: bool,
}

/// Forgets the mail first: were the section gone and the mail not, nobody could name it any more.
fn remove(context: &Context, name: &str, keep_mail: bool, is_sure: bool) -> Result<(), Failure> {
    let config = context.config()?;
    let account = context::find(&config, name)?;
    let store = context.has_store().then(|| context.open_store()).transpose()?;
    let forget = || -> Result<(), Failure> {
        let known = store.as_ref().map(Store::accounts).transpose()?.unwrap_or_default();
        let known = known.into_iter().find(|(_, known)| known == name).map(|(id, _)| id);
        let held = store.as_ref().zip(known);
        if !is_sure {
            let loss = held.filter(|_| !keep_mail).map(|(store, id)| loss(store, id)).transpose()?;
            ask(context, account, loss)?;
        }
        match held {
            Some((store, id)) if !keep_mail => {
                store.remove_account(id)?;
                give_room_back(context, store);
                Ok(())
            }
            _ => Ok(()),
        }
    };
    let forgotten = forget();
    store.iter().for_each(Store::close);
    forgotten?;
    edit::remove_account(&context.paths.config_file, name)?;
    if context.output.is_json {
        return Ok(context.output.json(&Removed { removed: name, kept_mail: keep_mail })?);
    }
    let kept = if keep_mail { "its mail is still here" } else { "its mail was removed from this computer" };
    say(&format!("removed \"{name}\"; {kept}, {} was left alone", account.source.place()));
    Ok(())
}

/// Makes the file as small as what is left in it, unless another Surat works with it. The mail is gone either way: a
/// disk too full to write the file anew is told to the log alone.
fn give_room_back(context: &Context, store: &Store) {
    if let Ok(Some(_lock)) = SyncLock::try_take(&context.paths.data_dir, Stay::Passing)
        && let Err(error) = store.shrink()
    {
        tracing::warn!(%error, "the store could not be made smaller");
    }
}

/// Says what of an account's mail would be gone with it.
fn loss(store: &Store, id: AccountId) -> Result<String, Failure> {
    let messages: u64 = store.mailboxes(Some(id))?.iter().map(|mailbox| mailbox.total).sum();
    let waiting = match store.pending_count(id)? {
        0 => String::new(),
        1 => ", and 1 change that is not carried over yet".to_owned(),
        many => format!(", and {many} changes that are not carried over yet"),
    };
    let messages = if messages == 1 { "its 1 message".to_owned() } else { format!("its {messages} messages") };
    Ok(format!("{messages} on this computer{waiting}"))
}

/// Asks whether an account is really to be removed; where nobody can be asked, that must have been said.
fn ask(context: &Context, account: &Account, loss: Option<String>) -> Result<(), Failure> {
    let name = &account.name;
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage(format!(
            "nothing was removed: there is no terminal to ask on; to remove \"{name}\" all the same, add --yes"
        )));
    }
    let settings = format!("its settings in {}", context.paths.config_file.display());
    let gone = loss.map_or_else(|| settings.clone(), |loss| format!("{settings}, {loss}"));
    let mut question = io::stderr().lock();
    // Nothing can be done about an error there; without an answer nothing is removed.
    for line in [
        format!("Remove the account \"{name}\" ({})?", account.email),
        format!("  goes:  {gone}"),
        format!("  stays: the mail at {}", account.source.place()),
    ] {
        let _ = writeln!(question, "{}", SafeText::line(&line));
    }
    let _ = write!(question, "Type yes to remove it: ");
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::failed("nothing was removed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_after_its_domain() {
        let mut config = Config::default();
        let cases = [
            ("ayu@kampus.ac.id", "kampus"),
            ("a@mail.example.org", "example"),
            ("a@Beispiel.de", "beispiel"),
            ("a@[1]", "1"),
        ];
        for (email, expected) in cases {
            assert_eq!(suggest_name(email, &config), expected, "{email}");
        }
        config.accounts.push(Account::new("kampus", "x@y", Source::Maildir { path: "/x".into() }));
        assert_eq!(suggest_name("ayu@kampus.ac.id", &config), "kampus2");
    }
}
