//! Owns `surat demo`: the same interface on a throwaway mailbox, which is gone afterwards.
//!
//! No configuration, keyring or network is touched: two Maildirs and a store in one temporary directory are all.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use crate::accounts;
use crate::app::clock::Clock;
use crate::app::interface::{self, Program, Turn};
use crate::app::{fail, has_terminal, picture, walk};
use crate::backend::maildir::demo::{self, DemoDir};
use crate::cli::Look;
use crate::cli::args::{DemoArgs, Size};
use crate::config::{Account, Config, Source};
use crate::store::Store;
use crate::ui::Settings;

/// The seed when none is given.
const SEED: u64 = 1;
/// The screen without a terminal, and the picture's.
const SIZE: Size = Size { width: 120, height: 40 };

/// A disk that is busy for longer than this is spoken of.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows the demo: in a terminal the interface, elsewhere a walk through it as plain text.
pub fn demo(args: DemoArgs, look: Look) -> ExitCode {
    match show(&args, look) {
        Ok(status) => status,
        Err(what) => fail(&what),
    }
}

fn show(args: &DemoArgs, look: Look) -> Result<ExitCode, String> {
    let tmp = std::env::temp_dir();
    let say = |error: std::io::Error| format!("the demo could not be set up in {}: {error}", tmp.display());
    demo::sweep(&tmp).map_err(say)?;
    let dir = DemoDir::create(&tmp).map_err(say)?;
    let clock = Clock::start(args.now);
    let written = demo::write(&dir.path().join("mail"), args.seed.unwrap_or(SEED), clock.unix()).map_err(say)?;
    let accounts: Vec<Account> = written
        .into_iter()
        .map(|account| Account {
            full_name: Some(account.full_name.to_owned()),
            ..Account::new(account.name, account.email, Source::Maildir { path: account.maildir })
        })
        .collect();
    let store = Store::open(&dir.path().join("store")).map_err(|error| error.to_string())?;
    let settings = Settings {
        is_demo: true,
        // Identical screens need an identical zone too.
        zone: if args.now.is_some() { TimeZone::UTC } else { TimeZone::system() },
        ..interface::settings(look, &Config::default())
    };
    let downloads = dir.path().join("downloads");
    let is_alone = args.picture.is_some() || !has_terminal();
    let status = if is_alone {
        sync(&store, &accounts)?;
        let lines = super::account_lines(&store, &accounts, false).map_err(|error| error.to_string())?;
        let desk = super::desk(&store, lines, clock, downloads);
        let size = args.size.unwrap_or(SIZE);
        match &args.picture {
            Some(file) => {
                let settings = Settings { many_colors: true, color: true, ..settings };
                picture::take(&desk, settings, size, file)?;
            }
            None => walk::walk(&desk, settings, size)?,
        }
        ExitCode::SUCCESS
    } else {
        let program = Program {
            store: store.clone(),
            accounts,
            shows_all: false,
            network: Turn::Ours(None),
            is_paused: false,
            settings,
            clock,
            downloads,
        };
        let status = program.run();
        // Whoever has closed the output has seen enough.
        let _ = writeln!(io::stdout(), "That was the demo: nothing was kept. Your own mail: surat account add --help");
        status
    };
    store.close();
    let removing = std::thread::spawn(move || drop(dir));
    let began = Instant::now();
    while !removing.is_finished() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
    if !removing.is_finished() {
        let _ = writeln!(io::stderr(), "Clearing its 12,000 files away …");
    }
    let _ = removing.join();
    Ok(status)
}

/// Reads all demo mail in before the walk begins.
fn sync(store: &Store, accounts: &[Account]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("could not start: {error}"))?;
    let listener: accounts::desk::Listener = Arc::new(|_| {});
    let synced = runtime.block_on(accounts::sync::once(store, accounts, &listener));
    match synced.into_iter().find_map(|synced| synced.report.error) {
        Some(notice) => Err(format!("{}. {}", notice.what, notice.remedy)),
        None => Ok(()),
    }
}
