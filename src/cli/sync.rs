//! Owns `surat sync`: everything into step once, with a report for each account; and the short push after a change.
//!
//! How an account is brought into step is known by `accounts`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::accounts::desk::{Event, Listener};
use crate::accounts::sync::{self, Synced};
use crate::cli::context::Context;
use crate::cli::failure::{Failure, Status};
use crate::cli::output::in_bytes;
use crate::cli::turn::{self, Turn};
use crate::cli::{runtime, say, watch};
use crate::config::account::Account;
use crate::config::lock::{Stay, SyncLock};
use crate::mail::account::{AccountStatus, Notice, SyncReport};
use crate::mail::id::AccountId;
use crate::mail::safe::SafeText;
use crate::mail::wrap;
use crate::store::{NoticeKind, Store};

/// After a change the push may take so long before the command ends without it.
const PUSH_PATIENCE: Duration = Duration::from_secs(10);
/// Why something waits though everything went through.
const HELD: &str = "what is deleted for good waits 30 s; a `surat sync` after that carries it over";
/// The line of progress is not rewritten more often.
const REWRITE_EVERY: Duration = Duration::from_millis(80);
/// Columns of the line of progress when the terminal does not say how many it has.
const USUAL_WIDTH: usize = 80;

/// One account in `sync --json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    account: &'a str,
    fetched: u64,
    deleted_on_server: u64,
    pushed: u64,
    sent: u64,
    bytes_in: u64,
    bytes_out: u64,
    seconds: f64,
    error: Option<String>,
}

/// The document of `sync --json`.
#[derive(Debug, Default, Serialize)]
struct Reports<'a> {
    accounts: Vec<Report<'a>>,
    /// Why nothing was done here: `offline`, or `another process` that does it. None where this process did it.
    left_to: Option<&'static str>,
}

/// Brings everything into step once, or keeps it there.
pub fn run(context: &Context, name: Option<&str>, stays: bool) -> Result<(), Failure> {
    let config = context.config_with_accounts()?;
    let chosen = context.chosen(&config, name)?;
    for resting in chosen.iter().filter(|account| account.is_disabled) {
        say(&format!("account \"{}\" is disabled in the configuration and was left out", resting.name));
    }
    let awake: Vec<Account> = chosen.into_iter().filter(|account| !account.is_disabled).cloned().collect();
    if stays {
        return watch::run(context, &awake);
    }
    if context.global.offline {
        say("--offline: no server was asked, what is here stays as it is");
        return leave(context, "offline");
    }
    let names: Vec<String> = awake.iter().map(|account| account.name.clone()).collect();
    let lock = match turn::ours_or_done(&context.paths.data_dir, Stay::Passing, &names)? {
        Turn::Ours(lock) => lock,
        Turn::Done(answer) => {
            let missing = |name: &str| if answer.known.iter().any(|known| known == name) { AT_WORK } else { UNKNOWN };
            return report(context, &awake, &answer.synced, missing);
        }
        Turn::Theirs(why) => {
            say(&format!("{why}; nothing was done here"));
            leave(context, "another process")?;
            return Err(Failure::new(Status::TryLater, ""));
        }
    };
    let store = context.open_store()?;
    let progress = Progress::new();
    let synced = runtime::block_on(sync::once(&store, &awake, &progress.listener()));
    progress.clear();
    store.close();
    drop(lock);
    report(context, &awake, &synced?, |_| STUMBLED)
}

fn leave(context: &Context, left_to: &'static str) -> Result<(), Failure> {
    if context.output.is_json {
        context.output.json(&Reports { accounts: Vec::new(), left_to: Some(left_to) })?;
    }
    Ok(())
}

/// Why an account has no report, and whether trying again is all there is to do.
type Missing = (&'static str, bool);

const AT_WORK: Missing = ("the Surat that is open is still at work on it, and goes on", true);
const UNKNOWN: Missing =
    ("the Surat that is open does not look after it: it began before the account was added, restart it", false);
const STUMBLED: Missing = ("Surat stumbled while it worked on this account; `--log debug` writes down where", false);

fn report(
    context: &Context,
    awake: &[Account],
    synced: &[Synced],
    missing: impl Fn(&str) -> Missing,
) -> Result<(), Failure> {
    let mut reports = Reports::default();
    let (mut failed, mut unreached) = (0, 0);
    for account in awake {
        let Some(done) = synced.iter().find(|done| done.account == account.name) else {
            let (error, passes) = missing(&account.name);
            failed += 1;
            unreached += usize::from(passes);
            say(&format!("{}: {error}", account.name));
            reports.accounts.push(Report::of_error(&account.name, error));
            continue;
        };
        if let Some(notice) = &done.report.error {
            failed += 1;
            unreached += usize::from(!done.was_reached);
            let words = in_words(notice);
            say(&format!("{}: {words}", account.name));
            tracing::error!(account = %account.name, "{}", SafeText::line(&words));
        } else if !context.output.is_json {
            context.output.line(&format!("{}: {}", account.name, summary(done)))?;
        }
        reports.accounts.push(Report::of(done));
    }
    if context.output.is_json {
        context.output.json(&reports)?;
    }
    match failed {
        0 => Ok(()),
        failed if failed < awake.len() => Err(Failure::new(Status::Partly, "")),
        failed if failed == unreached => Err(Failure::new(Status::TryLater, "")),
        _ => Err(Failure::failed("")),
    }
}

impl<'a> Report<'a> {
    fn of(done: &'a Synced) -> Self {
        let report = &done.report;
        Self {
            account: &done.account,
            fetched: report.fetched,
            deleted_on_server: report.deleted_on_server,
            pushed: report.pushed,
            sent: report.sent,
            bytes_in: report.bytes_in,
            bytes_out: report.bytes_out,
            seconds: done.took.as_secs_f64(),
            error: report.error.as_ref().map(in_words),
        }
    }

    fn of_error(account: &'a str, error: &str) -> Self {
        Self {
            account,
            fetched: 0,
            deleted_on_server: 0,
            pushed: 0,
            sent: 0,
            bytes_in: 0,
            bytes_out: 0,
            seconds: 0.0,
            error: Some(error.to_owned()),
        }
    }
}

/// Says what was done, leaving out what was not: `12 new, 1 change carried over, 45 KB, 0.4 s`.
fn summary(done: &Synced) -> String {
    let mut parts = achieved(&done.report);
    if done.report.fetched == 0 {
        parts.insert(0, "nothing new".to_owned());
    }
    match done.report.bytes_in + done.report.bytes_out {
        0 => {}
        bytes => parts.push(in_bytes(bytes)),
    }
    parts.push(format!("{:.1} s", done.took.as_secs_f64()));
    parts.join(", ")
}

/// Says what a piece of work has changed, here or there.
pub fn achieved(report: &SyncReport) -> Vec<String> {
    let mut parts = Vec::new();
    match report.fetched {
        0 => {}
        new => parts.push(format!("{new} new")),
    }
    match report.pushed {
        0 => {}
        1 => parts.push("1 change carried over".to_owned()),
        many => parts.push(format!("{many} changes carried over")),
    }
    parts
}

/// Says a notice: what happened, the server's own words, what to do.
pub fn in_words(notice: &Notice) -> String {
    let said = notice.server_says.as_deref().map(|words| format!("; the server says: {words}")).unwrap_or_default();
    let what = format!("{}{said}", notice.what);
    // The server's words often end with a full stop of their own.
    format!("{}. {}", what.trim_end_matches('.'), notice.remedy).trim_end().to_owned()
}

/// One line on a terminal that says how far every account is, rewritten in place.
#[derive(Clone)]
struct Progress {
    shown: Option<Arc<Mutex<Shown>>>,
}

struct Shown {
    accounts: BTreeMap<String, String>,
    at: Option<Instant>,
    width: usize,
}

impl Progress {
    /// Shows nothing where standard error is no terminal.
    fn new() -> Self {
        let stderr = io::stderr();
        let is_shown = stderr.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let size = rustix::termios::tcgetwinsize(&stderr).ok().map(|size| usize::from(size.ws_col));
        let width = size.filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH);
        let shown = Shown { accounts: BTreeMap::new(), at: None, width };
        Self { shown: is_shown.then(|| Arc::new(Mutex::new(shown))) }
    }

    fn listener(&self) -> Listener {
        let progress = self.clone();
        Arc::new(move |event: Event| progress.take(event))
    }

    fn take(&self, event: Event) {
        let Some(shown) = &self.shown else { return };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.accounts.insert(event.name, state(&event.status));
        if shown.at.is_some_and(|at| at.elapsed() < REWRITE_EVERY) {
            return;
        }
        shown.at = Some(Instant::now());
        let all: Vec<String> = shown.accounts.iter().map(|(name, state)| format!("{name}: {state}")).collect();
        let line = SafeText::line(&all.join(" · "));
        // One column is left free: a full line would make some terminals go on to the next.
        let line = wrap::cut(line.as_str(), shown.width.saturating_sub(1));
        let _ = write!(io::stderr().lock(), "\r{line}\u{1b}[K");
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

/// Says in what state an account is.
pub fn state(status: &AccountStatus) -> String {
    match status {
        AccountStatus::Connecting => "connecting".to_owned(),
        AccountStatus::Syncing(progress) if progress.total > 0 => {
            format!("{} {} of {}", progress.what, progress.done, progress.total)
        }
        AccountStatus::Syncing(progress) => format!("{} {}", progress.done, progress.what),
        AccountStatus::Online => "done".to_owned(),
        AccountStatus::Offline { reason, .. } => reason.clone(),
        AccountStatus::Blocked(notice) => notice.what.clone(),
        AccountStatus::Idle | AccountStatus::Paused => "waiting".to_owned(),
    }
}

/// What became of changes that were to travel.
#[derive(Debug, Default)]
pub struct Carried {
    /// Changes that still wait.
    pub waiting: u64,
    /// What a server refused, in sentences.
    pub refused: Vec<String>,
}

/// Carries what was changed here in these accounts over, where that is quick and nobody else does it; says what still
/// waits, why, and what was refused.
pub fn push(context: &Context, store: &Store, accounts: &BTreeSet<AccountId>) -> Result<Carried, Failure> {
    let config = context.config()?;
    let known = store.accounts()?;
    let id_of = |account: &Account| {
        known.iter().find(|(id, name)| *name == account.name && accounts.contains(id)).map(|(id, _)| *id)
    };
    let waiting = |account: &Account| -> Result<u64, Failure> {
        Ok(id_of(account).map(|id| store.pending_count(id)).transpose()?.unwrap_or(0))
    };
    let told = refusals(store)?;
    let deadline = Instant::now() + PUSH_PATIENCE;
    let mut why: BTreeMap<&str, (bool, String)> = BTreeMap::new();
    // Mail leaves one account only when the other has it, for which it may take bytes from the first.
    for _ in 0..accounts.len() + 1 {
        let mut is_done = true;
        for account in &config.accounts {
            if waiting(account)? > 0 {
                let patience = deadline.saturating_duration_since(Instant::now());
                let pushed = push_account(context, store, account, patience)?;
                is_done &= !pushed.0;
                why.insert(&account.name, pushed);
            }
        }
        if is_done || accounts.len() < 2 {
            break;
        }
    }
    let mut all = 0;
    for account in &config.accounts {
        let (left, why) = (waiting(account)?, why.get(account.name.as_str()));
        if let Some((went, why)) = why.filter(|_| left > 0) {
            let is_due_later = *went && id_of(account).map(|id| store.next_due(id)).transpose()?.flatten().is_some();
            let why = if is_due_later { HELD } else { why };
            let what = if left == 1 { "1 change waits".to_owned() } else { format!("{left} changes wait") };
            say(&format!("{what} in \"{}\": {why}", account.name));
        }
        all += left;
    }
    let refused = refusals(store)?.into_iter().filter(|(id, _)| !told.contains_key(id));
    let refused: Vec<String> = refused.map(|(_, sentence)| sentence).collect();
    refused.iter().for_each(|sentence| say(sentence));
    Ok(Carried { waiting: all, refused })
}

/// Gives the notices of what servers refused.
fn refusals(store: &Store) -> Result<BTreeMap<i64, String>, Failure> {
    let notices = store.notices()?.into_iter().filter(|notice| notice.kind == NoticeKind::Refused);
    Ok(notices.map(|notice| (notice.id, notice.text)).collect())
}

/// Says whether the push went through, and gives the reason that holds should something be left.
fn push_account(
    context: &Context,
    store: &Store,
    account: &Account,
    patience: Duration,
) -> Result<(bool, String), Failure> {
    if account.is_disabled {
        return Ok((false, "the account is disabled in the configuration".to_owned()));
    }
    if context.global.offline {
        return Ok((false, "--offline; the next `surat sync` carries it over".to_owned()));
    }
    let Some(_lock) = SyncLock::try_take(&context.paths.data_dir, Stay::Passing)? else {
        let why = match SyncLock::stay(&context.paths.data_dir) {
            Stay::Lasting => "another Surat is running with this mail and carries it over",
            Stay::Passing => "another command is at work; the next `surat sync` carries it over",
        };
        return Ok((false, why.to_owned()));
    };
    let pushed = runtime::block_on(async { tokio::time::timeout(patience, sync::push_once(store, account)).await })?;
    Ok(match pushed {
        Ok(Ok(_)) => (true, "more has to come first; the next `surat sync` goes on".to_owned()),
        Ok(Err(notice)) => (false, in_words(&notice)),
        Err(_) => (false, "it takes long; the next `surat sync` goes on".to_owned()),
    })
}
