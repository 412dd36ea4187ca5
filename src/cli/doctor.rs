//! Owns `surat doctor`: one look at everything that can be in the way, and the fix for what is.
//!
//! It repairs nothing by itself.

use std::env;
use std::io::{self, IsTerminal};

use serde::Serialize;

use crate::cli::account::print;
use crate::cli::check::{self, Settings, Step};
use crate::cli::context::{Context, now};
use crate::cli::failure::Failure;
use crate::cli::output::in_bytes;
use crate::config::account::ADD_COMMAND;
use crate::config::{Config, private};
use crate::mail::safe::SafeText;
use crate::store::{self, Store};

/// No clock that is right shows less: 2026-01-01.
const NOT_BEFORE: i64 = 1_767_225_600;
/// A clock that shows more is wrong, too: 2100-01-01.
const NOT_AFTER: i64 = 4_102_444_800;

/// One area that was looked at.
#[derive(Debug, Serialize)]
struct Area {
    area: String,
    ok: bool,
    steps: Vec<Step>,
}

/// The document of `doctor --json`.
#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    ok: bool,
    areas: Vec<Area>,
}

/// Looks at everything.
pub fn run(context: &Context) -> Result<(), Failure> {
    let (config, problem) = Config::load_what_is_right(&context.paths.config_file);
    let mut areas = vec![
        area("configuration", vec![configuration(context, &config, problem.map(|problem| problem.to_string()))]),
        area("store", look_at_store(context)),
        area("log", vec![log(context)]),
        area("terminal", vec![terminal()]),
        area("clock", vec![clock()]),
    ];
    for account in &config.accounts {
        areas.push(area(&format!("account {}", account.name), check::account(context, account, Settings::File)?));
    }
    let is_well = areas.iter().all(|area| area.ok);
    if context.output.is_json {
        context.output.json(&Findings { version: env!("CARGO_PKG_VERSION"), ok: is_well, areas })?;
    } else {
        context.output.line(concat!("surat ", env!("CARGO_PKG_VERSION")))?;
        for area in &areas {
            context.output.line(&area.area)?;
            print(context, &area.steps)?;
        }
    }
    if is_well { Ok(()) } else { Err(Failure::failed("")) }
}

fn area(name: &str, steps: Vec<Step>) -> Area {
    Area { area: name.to_owned(), ok: !steps.iter().any(Step::has_failed), steps }
}

fn configuration(context: &Context, config: &Config, problem: Option<String>) -> Step {
    let path = context.paths.config_file.display();
    Step::of("read", || match (problem, config.accounts.len()) {
        (Some(problem), _) => Err((problem.replace('\n', "; "), format!("mend {path}"))),
        (None, 0) => Err((format!("no account in {path}"), ADD_COMMAND.to_owned())),
        (None, 1) => Ok(format!("1 account in {path}")),
        (None, count) => Ok(format!("{count} accounts in {path}")),
    })
}

fn look_at_store(context: &Context) -> Vec<Step> {
    let dir = &context.paths.data_dir;
    if !context.has_store() {
        return vec![Step::left_out("open", "nothing is stored yet; the first sync makes it")];
    }
    let split = |error: store::Error| (error.what, error.remedy);
    let mut opened = None;
    let mut steps = vec![Step::of("open", || {
        let store = Store::open(dir).map_err(split)?;
        let notes = store.notes();
        let ended = if store.ended_cleanly() { "" } else { "; the last run did not end cleanly" };
        opened = Some(store);
        match notes.into_iter().next() {
            Some(note) => Err((note, "move the store to a local disk, or choose one with --data-dir".to_owned())),
            None => Ok(format!("{}{ended}", dir.display())),
        }
    })];
    let Some(store) = opened else { return steps };
    steps.push(Step::of("pages", || store.check().map(|()| "every page is sound".to_owned()).map_err(split)));
    steps.push(Step::of("lists", || match store.audit().map_err(split)?.into_iter().next() {
        None => Ok("every list and count agrees with the mail".to_owned()),
        Some(wrong) => Err((wrong, "please report this; `surat export` still writes all mail out".to_owned())),
    }));
    steps.push(Step::of("holds", || in_words(&store).map_err(split)));
    let notices = store.notices().unwrap_or_default();
    for notice in &notices {
        let folder = store.mailbox(notice.mailbox).map_or_else(|_| "a folder".to_owned(), |mailbox| mailbox.name);
        let what = format!("{} messages vanished from {folder} at once, on {}", notice.emails, notice.at.to_rfc3339());
        let mut step = Step::left_out("notice", &SafeText::line(&what).to_string());
        step.remedy =
            Some("if you did not delete them, look into the account elsewhere before 30 days are over".into());
        steps.push(step);
    }
    store.close();
    steps
}

/// Says what the store holds: `12000 messages, 11950 with text, 45 MB, 2 changes wait`.
fn in_words(store: &Store) -> Result<String, store::Error> {
    let facts = store.facts()?;
    let mut parts =
        vec![format!("{} messages", facts.emails), format!("{} with text", facts.bodies), in_bytes(facts.bytes)];
    if facts.unindexed > 0 {
        parts.push(format!("{} not in the full text yet", facts.unindexed));
    }
    if facts.vanished > 0 {
        parts.push(format!("{} kept for 30 days though no server has them", facts.vanished));
    }
    for (id, name) in store.accounts()? {
        match store.pending_count(id)? {
            0 => {}
            1 => parts.push(format!("1 change waits in {name}")),
            many => parts.push(format!("{many} changes wait in {name}")),
        }
    }
    Ok(parts.join(", "))
}

fn log(context: &Context) -> Step {
    let path = context.paths.log_file();
    Step::of("write", || {
        let opened = private::make_dir(&context.paths.state_dir).and_then(|()| private::open_append(&path));
        match opened {
            Ok(_) => Ok(path.display().to_string()),
            Err(error) => Err((error.to_string(), "make the directory yours to write".to_owned())),
        }
    })
}

fn terminal() -> Step {
    let name = env::var("TERM").unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| env::var(name).ok()).find(|it| !it.is_empty());
    let locale = locale.unwrap_or_default();
    if !io::stdout().is_terminal() && !io::stderr().is_terminal() {
        return Step::left_out("look", "this is no terminal, so nothing was looked at; the interface needs one");
    }
    Step::of("look", || {
        if name.is_empty() || name == "dumb" {
            return Err((
                format!("TERM is \"{name}\", which cannot show an interface"),
                "use another terminal, or set TERM to what it is".to_owned(),
            ));
        }
        let upper = locale.to_uppercase();
        if !upper.contains("UTF-8") && !upper.contains("UTF8") {
            return Err((
                format!("the language setting \"{locale}\" is not UTF-8, so letters may be shown wrong"),
                "set LANG to a UTF-8 locale, as C.UTF-8".to_owned(),
            ));
        }
        Ok(format!("{name}, {locale}"))
    })
}

fn clock() -> Step {
    let now = now();
    Step::of("read", || {
        if (NOT_BEFORE..NOT_AFTER).contains(&now.0) {
            return Ok(now.to_rfc3339());
        }
        Err((
            format!("the clock says {}; certificates and dates of mail would be judged wrongly", now.to_rfc3339()),
            "set the clock of this computer".to_owned(),
        ))
    })
}
