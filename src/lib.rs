//! Surat: a terminal mail user agent.
//!
//! **The local store is the truth; the screen only asks it, servers are only reconciled with it.** The user's edit is a
//! transaction, news from a server is a transaction; both produce the same small notice ("these ids changed") and reach
//! the screen on the same path. Hence nothing waits for a network, everything survives `kill -9`, and undo is an edit.
//!
//! ```text
//! main ── flags → config → app (the interface) or cli (one command)
//!   mail/       THE WORDS     plain values and pure functions: parsing, rendering, the query language, edits and inverses
//!   store/      THE TRUTH     SQLite: the only SQL, the only place where mail is kept, the search index
//!   backend/    THE SERVERS   imap/ maildir/ net/: one folder a protocol behind the small trait `Backend`
//!   accounts/   THE MANAGER   one worker per account: pull, bodies, push between store and server; the pure plan and retry
//!   ui/         THE SCREEN    Model, Msg, Effect: `update` and `view` are pure functions
//!   config/     THE USER      files, paths, the command table, keymap, secrets, safe saving and opening
//!   cli/        THE COMMANDS  clap; each subcommand a thin call into store and accounts
//!   app/        THE WIRES     the only place that knows everybody: event loop, lanes, terminal, the demo
//! ```
//!
//! | module | may import |
//! |---|---|
//! | `mail` | nothing of ours; no files, sockets, clocks |
//! | `store`, `backend`, `config` | `mail` |
//! | `accounts` | `mail`, `store`, `backend`, `config` |
//! | `ui` | `mail`, `config`; no files, clocks, tasks |
//! | `cli` | `mail`, `store`, `accounts`, `backend`, `config` |
//! | `app` | all |
//!
//! `tests/architecture.rs` checks this table, which crate belongs to whom, and that every file says what it owns.
//!
//! # From a key to pixels
//!
//! The key thread ([`app`]) turns what crossterm reads into a [`ui::message::Event`]; [`ui::update()`] answers with
//! effects; a lane carries each out against the store; what it says comes back as an event; all that is ready is heard,
//! then one frame is drawn. Reading, edits, opening and files have lanes of their own, so none waits for another.
//!
//! # From a server to pixels
//!
//! A worker ([`accounts::worker`]) streams [`mail::remote::Delta`]s from its backend into one transaction per portion,
//! rows together with the cursor that covers them; the store tells the [`mail::change::Change`], and the screen asks
//! again for what it shows, at most four times a second. Between two rounds the worker waits: one connection hears of all
//! folders where a server can do that (NOTIFY), else a few more ([`accounts::ears`]) listen to one each; only what changed
//! is read.
//!
//! # From an edit to a server
//!
//! What is pending is where *wanted* and *synced* differ in rows ([`store::Pending`]); [`accounts::plan`] makes operations
//! of it, one step of each email; [`accounts::push`] writes an attempt for what cannot be repeated, has the backend do
//! them, and settles the rows. What broke off is looked for by content ([`accounts::attempts`]) before anything is
//! repeated; what is refused goes back, and a notice says why. Undo, restoring and moving to another account are edits
//! too: a mail wanted where no copy is comes from another copy, or from the bytes kept here.
//!
//! # Several processes
//!
//! Any process may edit the store; whoever has the lock of the data directory does the network ([`accounts::service`]).
//! Two sockets beside the database join them. Each process that listens has one (`store/neighbours`) on which the others
//! say "something was committed", and no more: its screen asks the store again, its workers push. The one that has the
//! lock has another ([`accounts::relay`]) on which `surat sync` asks it to look for news and gets its report. A second
//! interface waits for the lock and takes the network over when the first one ends, with the configuration of that
//! moment.

pub mod accounts;
pub mod app;
pub mod backend;
pub mod cli;
pub mod config;
pub mod mail;
pub mod store;
pub mod ui;
