//! Owns the running interface: the event loop between terminal, screen, lanes and workers.
//!
//! Everything ready is taken before one drawing; between two events nothing runs.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::accounts::service::Service;
use crate::app::clock::Clock;
use crate::app::effects::Desk;
use crate::app::lanes::Lanes;
use crate::app::mailbag::Mailbag;
use crate::app::post::Post;
use crate::app::terminal::{self, Screen};
use crate::app::{account_lines, desk, fail, has_terminal, keys, listener};
use crate::cli::{InterfaceArgs, Look};
use crate::config::lock::{Stay, SyncLock};
use crate::config::{Account, Config, Paths};
use crate::mail::change::Change;
use crate::mail::id::EmailId;
use crate::store::{Kind, Store};
use crate::ui::message::{Effect, Event, Msg};
use crate::ui::{Model, Settings, update};

/// Events that may wait for the loop.
const QUEUE: usize = 1_024;

/// What wakes the loop.
pub enum Incoming {
    /// Something happened.
    Event(Event),
    /// The mailbag has something in it.
    News,
    /// The terminal has another size: the loop asks for it before it draws.
    Size,
    /// The system asks the program to end.
    End,
}

/// Opens the interface on the user's mail.
pub fn interface(args: InterfaceArgs) -> ExitCode {
    if !has_terminal() {
        return fail(
            "the interface needs a terminal; `surat list` and the other commands work without one, see --help",
        );
    }
    let (config, mistake) = Config::load_what_is_right(&args.paths.config_file);
    let store = match Store::open(&args.paths.data_dir) {
        Ok(store) => store,
        Err(error) => return fail(&error.to_string()),
    };
    // Whoever has the lock does the network; a second interface reads and edits the same store.
    let network = match SyncLock::try_take(&args.paths.data_dir, Stay::Lasting) {
        Ok(Some(lock)) => Turn::Ours(Some(lock)),
        Ok(None) => Turn::After(args.paths),
        Err(error) => return fail(&error.to_string()),
    };
    let mut settings = settings(args.look, &config);
    settings.mistake = mistake.as_ref().map(|error| {
        let what = error.to_string();
        let stop = if what.ends_with(['.', '?', '!']) { "" } else { "." };
        format!("{what}{stop} Using the settings that are right.")
    });
    settings.notes = store.notes();
    let program = Program {
        store: store.clone(),
        accounts: config.accounts,
        shows_all: mistake.is_some(),
        network,
        is_paused: args.offline,
        settings,
        clock: Clock::start(None),
        downloads: downloads(),
    };
    let status = program.run();
    store.close();
    status
}

/// The settings that every way of drawing shares.
pub fn settings(look: Look, config: &Config) -> Settings {
    Settings {
        keymap: config.keys.clone(),
        theme: config.ui.theme,
        color: !look.no_color,
        many_colors: terminal::has_many_colors(),
        is_demo: false,
        zone: TimeZone::system(),
        mistake: None,
        notes: Vec::new(),
    }
}

fn downloads() -> PathBuf {
    let dirs = directories::UserDirs::new();
    let of_desktop = dirs.as_ref().and_then(|dirs| dirs.download_dir().map(PathBuf::from));
    of_desktop
        .or_else(|| dirs.map(|dirs| dirs.home_dir().join("Downloads")))
        .unwrap_or_else(|| PathBuf::from("Downloads"))
}

/// When a process does the network of its data directory.
pub enum Turn {
    /// At once; with the lock, where others may want the same mail.
    Ours(Option<SyncLock>),
    /// After the process that has the lock of this directory, and with the configuration as it is then.
    After(Paths),
}

/// Everything a running interface is made of.
pub struct Program {
    /// The store.
    pub store: Store,
    /// The accounts of the configuration.
    pub accounts: Vec<Account>,
    /// Whether accounts that only the store knows are shown too: a mistake in the configuration hides no mail.
    pub shows_all: bool,
    /// When this process does the network.
    pub network: Turn,
    /// Whether the network is to be left alone at first.
    pub is_paused: bool,
    /// The screen's settings.
    pub settings: Settings,
    /// The clock.
    pub clock: Clock,
    /// Where attachments are saved.
    pub downloads: PathBuf,
}

impl Program {
    /// Runs until the user leaves.
    pub fn run(self) -> ExitCode {
        match self.try_to_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(what) => fail(&what),
        }
    }

    fn try_to_run(self) -> Result<(), String> {
        let (sender, receiver) = sync_channel(QUEUE);
        let bag = Arc::new(Mailbag::new({
            let sender = sender.clone();
            // A full channel wakes the loop anyway.
            move || drop(sender.try_send(Incoming::News))
        }));
        let accounts = account_lines(&self.store, &self.accounts, self.shows_all).map_err(|error| error.to_string())?;
        let desk = desk(&self.store, accounts, self.clock, self.downloads);
        let post = Post::default();
        let start = {
            let (store, bag, desk, is_paused) = (self.store.clone(), bag.clone(), desk.clone(), self.is_paused);
            move |accounts: &[Account], shows_all, lock: &mut _| -> Result<Service, String> {
                let lines = account_lines(&store, accounts, shows_all).map_err(|error| error.to_string())?;
                let told = listener(&store, &bag).map_err(|error| format!("could not start a thread: {error}"))?;
                let service = Service::start(&store, accounts, is_paused, lock, told)?;
                desk.employ(service.manager(), lines);
                bag.put_change(&Change { folders: true, ..Change::default() });
                Ok(service)
            }
        };
        match self.network {
            Turn::Ours(mut lock) => post.take(|| start(&self.accounts, self.shows_all, &mut lock))?,
            Turn::After(paths) => {
                let start = move |lock: &mut _| {
                    // Accounts may have come and gone while another one did the network.
                    let (config, mistake) = Config::load_what_is_right(&paths.config_file);
                    start(&config.accounts, mistake.is_some(), lock)
                };
                let sender = sender.clone();
                let tell = move |what: &str| {
                    let what = format!("No mail comes or goes: {what}");
                    let remedy = "Surat tries again by itself; if this stays, restart it.".into();
                    let _ = sender.send(Incoming::Event(Event::Failed { what, remedy }));
                };
                post.succeed(paths.data_dir, start, tell)
                    .map_err(|error| format!("could not start a thread: {error}"))?;
            }
        }
        desk.tell_changes(&bag);
        check_store(&self.store, &sender);
        let lanes = Lanes::start(&desk, {
            let sender = sender.clone();
            move |event| drop(sender.send(Incoming::Event(event)))
        })
        .map_err(|error| format!("could not start a thread: {error}"))?;
        let mut screen = Screen::take().map_err(|error| format!("the terminal cannot be used: {error}"))?;
        let start_failed = |error| format!("could not start a thread: {error}");
        hear_signals(sender.clone()).map_err(start_failed)?;
        read_terminal(sender).map_err(start_failed)?;
        let is_light = terminal::is_light();
        let mut lived = Life {
            model: Model::new(self.settings),
            desk,
            lanes,
            bag,
            size: screen.size().map_err(|error| error.to_string())?,
            wake_at: None,
            waiting_for_body: None,
            is_over: false,
        };
        let (width, height) = lived.size;
        lived.hear(Event::Started { width, height }, &mut screen);
        if let Some(is_light) = is_light {
            lived.hear(Event::Background { is_light }, &mut screen);
        }
        let ended = lived.go_on(&receiver, &mut screen);
        // The shell is back at once; then the last edits go into the store, and nobody takes their answers.
        drop((screen, receiver));
        lived.lanes.finish();
        post.leave();
        ended.map_err(|error| format!("the terminal cannot be used any more: {error}"))
    }
}

/// The loop's own state.
struct Life {
    model: Model,
    desk: Arc<Desk>,
    lanes: Lanes,
    bag: Arc<Mailbag>,
    /// The columns and rows that the model knows of.
    size: (u16, u16),
    wake_at: Option<u64>,
    /// The opening that waits for its body, to be repeated when that comes.
    waiting_for_body: Option<(EmailId, Effect)>,
    is_over: bool,
}

impl Life {
    fn go_on(&mut self, receiver: &Receiver<Incoming>, screen: &mut Screen) -> io::Result<()> {
        loop {
            self.fit(screen)?;
            screen.draw(&self.model)?;
            match self.next(receiver) {
                Some(incoming) => self.take(incoming, screen),
                None if self.wake_at.is_some() => {
                    self.wake_at = None;
                    self.hear(Event::Tick, screen);
                }
                None => return Ok(()),
            }
            while let Ok(incoming) = receiver.try_recv() {
                self.take(incoming, screen);
            }
            self.empty_bag(screen);
            if self.is_over {
                return Ok(());
            }
        }
    }

    /// Tells the model of another size. It is asked for before every drawing, so that whatever happens to the news of it,
    /// what is drawn next fits.
    fn fit(&mut self, screen: &mut Screen) -> io::Result<()> {
        let size = screen.size()?;
        if size != self.size {
            self.size = size;
            self.hear(Event::Resized { width: size.0, height: size.1 }, screen);
        }
        Ok(())
    }

    /// Waits for what comes next: nothing means that it is time to wake.
    fn next(&self, receiver: &Receiver<Incoming>) -> Option<Incoming> {
        let Some(at) = self.wake_at else { return receiver.recv().ok() };
        let left = at.saturating_sub(self.desk.clock().moment().millis);
        receiver.recv_timeout(Duration::from_millis(left)).ok()
    }

    fn take(&mut self, incoming: Incoming, screen: &mut Screen) {
        match incoming {
            Incoming::Event(event) => self.hear(event, screen),
            Incoming::News => self.empty_bag(screen),
            Incoming::Size => {}
            Incoming::End => self.is_over = true,
        }
    }

    fn empty_bag(&mut self, screen: &mut Screen) {
        let news = self.bag.take();
        for (account, (status, pending)) in news.statuses {
            self.hear(Event::Status { account, status, pending }, screen);
        }
        if news.change.is_empty() {
            return;
        }
        if let Some((email, open)) =
            self.waiting_for_body.take_if(|(email, _)| news.change.is_flood || news.change.emails.contains(email))
        {
            self.waiting_for_body = Some((email, open.clone()));
            self.lanes.send(open);
        }
        self.hear(Event::Changed(news.change), screen);
    }

    fn hear(&mut self, event: Event, screen: &mut Screen) {
        if let Event::Opened { document: Some(_), .. } | Event::Gone { .. } = &event {
            self.waiting_for_body = None;
        }
        let effects = update(&mut self.model, Msg { now: self.desk.clock().moment(), event });
        for effect in effects {
            if let Effect::Open { email, .. } = &effect {
                self.waiting_for_body = Some((*email, effect.clone()));
            }
            let Some(effect) = self.lanes.send(effect) else { continue };
            // A terminal that cannot do one of these is still a terminal.
            let _ = match effect {
                Effect::WakeAt(at) => {
                    self.wake_at = Some(at);
                    Ok(())
                }
                Effect::Quit => {
                    self.is_over = true;
                    Ok(())
                }
                Effect::Suspend => screen.suspend(),
                Effect::Redraw => screen.clear(),
                Effect::CopyText(text) => screen.copy(&text),
                Effect::SetTitle(title) => screen.set_title(&title),
                _ => Ok(()),
            };
        }
    }
}

/// Reads the terminal on a thread of its own, which blocks: an idle program costs nothing.
fn read_terminal(sender: SyncSender<Incoming>) -> io::Result<()> {
    thread::Builder::new().name("keys".into()).spawn(move || {
        loop {
            let incoming = match crossterm::event::read() {
                Ok(read) => match keys::translate(read) {
                    Some(event) => Incoming::Event(event),
                    None => continue,
                },
                Err(_) => Incoming::End,
            };
            let is_end = matches!(incoming, Incoming::End);
            if sender.send(incoming).is_err() || is_end {
                return;
            }
        }
    })?;
    Ok(())
}

/// Ends in good order when the system asks for it, with or without a network: the terminal must be given back. Looks at
/// the size when that changes; the library that reads keys forgets a change that comes together with a key.
fn hear_signals(sender: SyncSender<Incoming>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
    // They count from now on, not from when the thread runs.
    let entered = runtime.enter();
    let mut signals = kinds.into_iter().map(signal).collect::<io::Result<Vec<_>>>()?;
    let mut size = signal(SignalKind::window_change())?;
    drop(entered);
    thread::Builder::new().name("signals".into()).spawn(move || {
        let ends = futures_util::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
        let sizes = Box::pin(async {
            while size.recv().await.is_some() {
                // A full channel wakes the loop anyway.
                let _ = sender.try_send(Incoming::Size);
            }
        });
        runtime.block_on(futures_util::future::select(ends, sizes));
        let _ = sender.send(Incoming::End);
    })?;
    Ok(())
}

/// After a crash the database is looked through beside everything else; what is found is said.
fn check_store(store: &Store, sender: &SyncSender<Incoming>) {
    if store.ended_cleanly() {
        return;
    }
    let (store, sender) = (store.clone(), sender.clone());
    let spawned = thread::Builder::new().name("check".into()).spawn(move || {
        if let Err(error) = store.check()
            && error.kind == Kind::Damaged
        {
            let _ = sender.send(Incoming::Event(Event::Failed { what: error.what, remedy: error.remedy }));
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "the store could not be checked");
    }
}
