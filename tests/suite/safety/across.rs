//! P4 for mail that goes from one account to another: whatever interrupts the sync, on the wire of either server or at
//! any commit here, each mail is in the end where it was meant to be, once, and meanwhile always somewhere. A fixed
//! sample of the points by default, all under `SURAT_FULL=1`.

use std::fs;
use std::process::Stdio;
use std::sync::OnceLock;

use surat::mail::mutation::{Edit, Mutation, Target};
use surat::mail::view::View;
use surat::store::Store;

use super::sides::{Ledger, a_while_ago, changes, deliver, each, in_store, on_server};
use crate::accounts::sync::{data_dir, open};
use crate::cli::Home;
use crate::support::dovecot::{PASSWORD, TestUser, dovecot};
use crate::support::halt::{Commit, count_commits, killed_at};
use crate::support::is_full;
use crate::support::meddler::{Fate, Meddler};

/// One point of so many is in the sample.
const EVERY: usize = 9;
/// So many syncs bring everything to rest: each account does one step of a transfer in each.
const MOST_SYNCS: usize = 5;
const NAMES: [&str; 2] = ["first", "second"];

/// Two users of one server and the computer that both are read on.
struct Pair {
    users: [TestUser; 2],
    home: Home,
}

impl Pair {
    fn new(users: [TestUser; 2], ports: [u16; 2]) -> Pair {
        let home = Home::new();
        let account = |at: usize| {
            format!(
                "[accounts.{0}]\nemail = \"{0}@example.org\"\n[accounts.{0}.imap]\nhost = \"127.0.0.1\"\nport = {1}\n\
                 security = \"none\"\nusername = \"{2}\"\npassword = {{ command = \"echo {PASSWORD}\" }}\n",
                NAMES[at], ports[at], users[at].name
            )
        };
        home.write_config(&[account(0), account(1)].concat());
        Pair { users, home }
    }

    fn copy(&self, ports: [u16; 2]) -> Pair {
        let copy = Pair::new([self.users[0].twin(), self.users[1].twin()], ports);
        fs::create_dir_all(data_dir(&copy.home)).unwrap();
        for entry in fs::read_dir(data_dir(&self.home)).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                fs::copy(entry.path(), data_dir(&copy.home).join(entry.file_name())).unwrap();
            }
        }
        copy
    }

    fn there(&self) -> Ledger {
        let of = |at: usize| on_server(&self.users[at]).into_iter().map(move |line| format!("{}: {line}", NAMES[at]));
        of(0).chain(of(1)).collect()
    }

    fn here(&self) -> Ledger {
        let store = open(&data_dir(&self.home));
        let of = |name: &'static str| {
            let account = store.account(name).unwrap();
            in_store(&store, account).into_iter().map(move |line| format!("{name}: {line}"))
        };
        let ledger = of(NAMES[0]).chain(of(NAMES[1])).collect();
        store.close();
        ledger
    }

    /// Syncs until nothing travels any more.
    fn settle(&self, when: &str) -> Ledger {
        for _ in 0..MOST_SYNCS {
            let report = self.home.json(&["sync"]);
            let is_quiet = |account: &serde_json::Value| account["pushed"] == 0 && account["fetched"] == 0;
            if report["accounts"].as_array().unwrap().iter().all(is_quiet) {
                let (here, there) = (self.here(), self.there());
                assert_eq!(changes(&there, &here), Vec::<String>::new(), "{when}: here, beside the servers");
                return there;
            }
        }
        panic!("{when}: after {MOST_SYNCS} syncs it is not at rest");
    }

    /// Every mail is on a server, or here; gives the names of those that are not.
    fn lost(&self) -> Vec<&'static str> {
        let everywhere = [self.there(), self.here()].concat();
        let is_somewhere = |name: &&str| everywhere.iter().any(|line| line.split(' ').nth(2) == Some(*name));
        ["x1", "x2", "x3", "x4", "y1", "y2"].into_iter().filter(|name| !is_somewhere(name)).collect()
    }
}

/// Both accounts with what is to travel between them: two mails one way, one the other, and a copy.
fn prepared() -> &'static Pair {
    static PREPARED: OnceLock<Pair> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let users = ["first", "second"].map(|name| dovecot().user(name));
        deliver(&users[0], "INBOX", &[("x1", "\\Seen"), ("x2", "\\Flagged"), ("x3", ""), ("x4", "")]);
        deliver(&users[1], "INBOX", &[("y1", "\\Seen"), ("y2", "")]);
        deliver(&users[1], "Work", &[]);
        let port = users[0].server.imap_port;
        let pair = Pair::new(users, [port, port]);
        pair.home.ok(&["sync"]);
        let store = open(&data_dir(&pair.home));
        let folder = |account: &str, name: &str| {
            let account = store.account(account).unwrap();
            store.mailboxes(Some(account)).unwrap().into_iter().find(|mailbox| mailbox.name == name).unwrap().id
        };
        let (work, inbox) = (folder("second", "Work"), folder("first", "INBOX"));
        edit(&store, &["x1", "x2"], Edit::Move(work));
        edit(&store, &["y1"], Edit::Move(inbox));
        edit(&store, &["x3"], Edit::Copy(work));
        store.close();
        pair
    })
}

fn edit(store: &Store, names: &[&str], edit: Edit) {
    let emails = store.emails(&View::AllInboxes, None, 100).unwrap().into_iter();
    let is_meant = |subject: &str| names.iter().any(|name| subject == format!("About {name}"));
    let targets: Vec<Target> = emails
        .filter(|email| is_meant(&email.header.subject))
        .map(|email| Target { email: email.id, from: email.mailboxes.first().copied() })
        .collect();
    assert_eq!(targets.len(), names.len());
    store.edit(&Mutation { targets, edit }, a_while_ago(), "Changed").unwrap();
}

/// What it comes to.
const COMES_TO: [&str; 7] = [
    "+first: INBOX y1 seen",
    "+second: Work x1 seen",
    "+second: Work x2 flagged",
    "+second: Work x3",
    "-first: INBOX x1 seen",
    "-first: INBOX x2 flagged",
    "-second: INBOX y1 seen",
];

/// Where a sync is interrupted: on the wire of one of the two, or at a commit.
#[derive(Debug, Clone, Copy)]
enum Point {
    Before(usize, usize),
    Within(usize, usize),
    After(usize, usize),
    Commit(Commit),
}

fn meddlers() -> [Meddler; 2] {
    let port = prepared().users[0].server.imap_port;
    [Meddler::start(port), Meddler::start(port)]
}

fn points() -> Vec<(Point, String)> {
    let meddlers = meddlers();
    let pair = prepared().copy([meddlers[0].port, meddlers[1].port]);
    let commits = count_commits(pair.home.command(&["sync"]), &pair.home.path("commits"));
    let mut points = Vec::new();
    for (whose, meddler) in meddlers.iter().enumerate() {
        for (index, command) in meddler.seen().into_iter().enumerate() {
            points.push((Point::Before(whose, index + 1), command.clone()));
            if command.ends_with('}') {
                points.push((Point::Within(whose, index + 1), command.clone()));
            }
            points.push((Point::After(whose, index + 1), command));
        }
    }
    for number in 1..=commits {
        points.push((Point::Commit(Commit::Before(number)), String::new()));
        points.push((Point::Commit(Commit::After(number)), String::new()));
    }
    points
}

fn play((point, command): &(Point, String)) {
    let (point, when) = (*point, format!("{point:?} {command}"));
    let meddlers = meddlers();
    let pair = prepared().copy([meddlers[0].port, meddlers[1].port]);
    let before = pair.there();
    if let Point::Commit(commit) = point {
        // How often both together commit is not the same in each run.
        killed_at(pair.home.command(&["sync"]), commit).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    } else {
        for (whose, meddler) in meddlers.iter().enumerate() {
            meddler.begin(move |command| match point {
                Point::Before(at, number) if (at, number) == (whose, command.number) => Fate::CutBefore,
                Point::Within(at, number) if (at, number) == (whose, command.number) => Fate::CutWithin,
                Point::After(at, number) if (at, number) == (whose, command.number) => Fate::CutAfter,
                _ => Fate::Pass,
            });
        }
        let run = pair.home.run(&["sync"]);
        assert!([0, 3, 75].contains(&run.status) && !run.stderr.contains("panicked"), "{when}: {run:?}");
        meddlers.iter().for_each(|meddler| meddler.begin(|_| Fate::Pass));
    }
    assert_eq!(pair.lost(), Vec::<&str>::new(), "{when}: nowhere any more");
    let end = pair.settle(&when);
    assert_eq!(changes(&before, &end), COMES_TO, "{when}");
}

#[test]
fn mail_that_goes_to_another_account_arrives_once_whatever_interrupts_it() {
    let undisturbed = prepared().copy([prepared().users[0].server.imap_port; 2]);
    let before = undisturbed.there();
    assert_eq!(changes(&before, &undisturbed.settle("undisturbed")), COMES_TO);
    let points = points();
    let all = points.len();
    let sample: Vec<(Point, String)> =
        points.into_iter().enumerate().filter(|(at, _)| is_full() || at % EVERY == 0).map(|(_, point)| point).collect();
    println!("{} of {all} points", sample.len());
    each(&sample, play);
}
