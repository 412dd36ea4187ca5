//! Owns the workers of all accounts: starts them, hands wishes on, and stops them.
//!
//! What a worker does is the worker's; what the user sees of it arrives through the listener.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::accounts::awake::Awake;
use crate::accounts::connect::{self, AnyConnector};
use crate::accounts::desk::{self, Desk, Done, Listener, Others};
use crate::accounts::reader;
use crate::accounts::worker::{self, Connector, Wish};
use crate::config::Account;
use crate::mail::account::{AccountStatus, SyncReport};
use crate::mail::id::{AccountId, EmailId};
use crate::mail::time::UnixTime;
use crate::store::Store;

/// Bodies that the reader may be waiting for.
const READER_QUEUE: usize = 16;
/// A worker that died is started again after this pause.
const RESTART_AFTER: Duration = Duration::from_secs(10);

/// Keeps every account in step for as long as it lives.
pub struct AccountManager {
    accounts: BTreeMap<AccountId, Staff>,
}

/// The tasks of one account.
struct Staff {
    name: String,
    wishes: watch::Sender<Wish>,
    reader: mpsc::Sender<EmailId>,
    tasks: Vec<JoinHandle<()>>,
}

impl AccountManager {
    /// Starts a worker for each account that is not disabled.
    pub fn start(
        runtime: &Handle,
        store: &Store,
        accounts: &[Account],
        is_paused: bool,
        listener: &Listener,
    ) -> Result<Self, crate::store::Error> {
        let (mut staffs, others) = (BTreeMap::new(), Others::default());
        for settings in accounts.iter().filter(|settings| !settings.is_disabled) {
            let account = store.account(&settings.name)?;
            store.set_own_addresses(account, &settings.own_addresses())?;
            let (settings, listener) = (settings.clone(), listener.clone());
            let desk = Desk { store: store.clone(), account, settings, listener, others: others.clone() };
            staffs.insert(account, Staff::start(runtime, desk, is_paused));
        }
        Ok(Self { accounts: staffs })
    }

    /// Looks for news of these accounts now. Gives those that are looked after, with how often that was wished for them
    /// by now.
    pub fn check(&self, is_meant: impl Fn(&str) -> bool) -> BTreeMap<String, u64> {
        let meant = self.accounts.values().filter(|staff| is_meant(&staff.name));
        meant
            .map(|staff| {
                staff.wishes.send_modify(|wish| wish.checks += 1);
                (staff.name.clone(), staff.wishes.borrow().checks)
            })
            .collect()
    }

    /// Tells the workers that something was edited here.
    pub fn edited(&self) {
        self.accounts.values().for_each(|staff| staff.wishes.send_modify(|wish| wish.edits += 1));
    }

    /// Brings the body of an email of this account ahead of everything.
    pub fn bring_body(&self, account: AccountId, email: EmailId) {
        if let Some(staff) = self.accounts.get(&account) {
            // A full queue means that the user has leafed on: what is still wanted will be asked for again.
            let _ = staff.reader.try_send(email);
        }
    }
}

impl Drop for AccountManager {
    fn drop(&mut self) {
        self.accounts.values().flat_map(|staff| &staff.tasks).for_each(JoinHandle::abort);
    }
}

impl Staff {
    fn start(runtime: &Handle, desk: Desk, is_paused: bool) -> Self {
        let (wishes, wished) = watch::channel(Wish { is_paused, ..Wish::default() });
        let (reader, wanted) = mpsc::channel(READER_QUEUE);
        desk.others.join(wishes.clone());
        let name = desk.settings.name.clone();
        let tasks = match connect::connector(&desk.settings) {
            AnyConnector::Imap(connector) => employ(runtime, desk, connector, wished, wanted),
            AnyConnector::Maildir(connector) => employ(runtime, desk, connector, wished, wanted),
            AnyConnector::None(notice) => {
                let report = SyncReport { error: Some(notice.clone()), ..SyncReport::default() };
                desk.tell_done(AccountStatus::Blocked(notice), Done { checks: u64::MAX, report, was_reached: true });
                Vec::new()
            }
        };
        Self { name, wishes, reader, tasks }
    }
}

/// Starts the worker of an account and the one that serves its reader.
fn employ<C: Connector>(
    runtime: &Handle,
    desk: Desk,
    connector: Arc<C>,
    wished: watch::Receiver<Wish>,
    wanted: mpsc::Receiver<EmailId>,
) -> Vec<JoinHandle<()>> {
    let reader = reader::serve(desk.clone(), connector.clone(), wished.clone(), wanted, Awake::default());
    vec![runtime.spawn(watch_over(desk, connector, wished)), runtime.spawn(reader)]
}

/// Runs a worker in a task of its own and starts it again should it die of a bug or a hostile answer.
async fn watch_over<C: Connector>(desk: Desk, connector: Arc<C>, wishes: watch::Receiver<Wish>) {
    loop {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(worker::run(desk.clone(), connector.clone(), wishes.clone(), Awake::default()));
        match tasks.join_next().await {
            Some(Err(died)) if died.is_panic() => {
                tracing::error!(account = %desk.settings.name, "a worker died and is started again");
                let pause = i64::try_from(RESTART_AFTER.as_secs()).unwrap_or_default();
                desk.tell(AccountStatus::Offline {
                    since: desk::now(),
                    next_try: UnixTime(desk::now().0 + pause),
                    reason: "the server sent something that Surat stumbled over".into(),
                });
                tokio::time::sleep(RESTART_AFTER).await;
            }
            _ => return,
        }
    }
}
