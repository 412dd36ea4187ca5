//! P8: a folder is made anew on the server (another UIDVALIDITY, the old UIDs mean other messages) before any command of
//! a sync that carries twenty edits over. No wrong message is touched, none is lost, and all that was asked for comes to
//! be. A fixed sample of the points by default, all under `SURAT_FULL=1`.

use std::sync::OnceLock;

use super::scenarios::remove;
use super::sides::{Ledger, Sides, changes, deliver, each};
use crate::support::dovecot::dovecot;
use crate::support::is_full;
use crate::support::meddler::{Fate, Meddler};
use crate::support::proxy::without_capabilities;

/// One point of so many is in the sample.
const EVERY: usize = 11;

/// What is made anew.
const ANEW: [&[&str]; 3] = [&["INBOX"], &["Work"], &["INBOX", "Work", "Archive", "Trash"]];
const HIDDEN: [&[&str]; 2] = [&[], &["UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC"]];

/// A mailbox with twenty edits that wait.
fn edited() -> &'static Sides {
    static EDITED: OnceLock<Sides> = OnceLock::new();
    EDITED.get_or_init(|| {
        let user = dovecot().user("validity");
        for (folder, letter) in [("INBOX", 'i'), ("Work", 'w')] {
            let names: Vec<String> = (1..=20).map(|n| format!("{letter}{n}")).collect();
            let mails: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
            deliver(&user, folder, &mails);
        }
        let sides = Sides::synced(user);
        sides.edit(&["mark", "--seen", "{}"], &["i1", "i2", "w1"]);
        sides.edit(&["mark", "--flagged", "{}"], &["i3", "i4", "w2"]);
        sides.edit(&["move", "{}", "Work"], &["i5", "i6", "i7"]);
        sides.edit(&["move", "{}", "INBOX"], &["w5", "w6"]);
        sides.edit(&["archive", "{}"], &["i8", "i9", "w7"]);
        sides.edit(&["delete", "{}"], &["i10", "i11", "w8"]);
        remove(&sides, &["i12", "w9", "w10"]);
        sides
    })
}

/// What an undisturbed sync says, and comes to.
fn undisturbed(hidden: &'static [&'static str]) -> (Vec<String>, Ledger) {
    let meddler = Meddler::start(edited().user.server.imap_port);
    meddler.forge(|_, answer| without_capabilities(&answer, hidden));
    let sides = edited().copy(meddler.port);
    sides.sync().unwrap();
    let said = meddler.seen();
    (said, sides.assert_at_rest("undisturbed"))
}

/// One folder, or some, made anew before one command.
struct Case<'a> {
    anew: &'static [&'static str],
    hidden: &'static [&'static str],
    number: usize,
    command: String,
    expected: &'a Ledger,
}

fn play(case: &Case<'_>) {
    let Case { anew, hidden, number, command, expected } = case;
    let when = format!("{anew:?} anew before command {number}, {command}; without {hidden:?}");
    let (number, anew) = (*number, *anew);
    let meddler = Meddler::start(edited().user.server.imap_port);
    meddler.forge(|_, answer| without_capabilities(&answer, hidden));
    let sides = edited().copy(meddler.port);
    let (user, mut open) = (sides.user.clone(), String::new());
    meddler.begin(move |command| {
        if command.number == number {
            let user = user.clone();
            let act = Box::new(move || {
                let mut client = user.raw();
                anew.iter().for_each(|folder| client.renumber(folder));
            });
            // A server must not go on with somebody who has such a folder open: this one does, with the wrong mail.
            return if anew.contains(&open.as_str()) { Fate::DoAndCut(act) } else { Fate::Do(act) };
        }
        if let Some(folder) = command.text.strip_prefix("SELECT \"") {
            open = folder.split('"').next().unwrap_or_default().to_owned();
        }
        Fate::Pass
    });
    // The server may hang up now and then when folders come and go; what then came to be is done the next time.
    for _ in 0..2 {
        let tries = (0..3).take_while(|_| sides.sync().is_err()).count();
        assert!(tries < 3, "{when}: it never succeeds");
    }
    let end = sides.assert_at_rest(&when);
    assert_eq!(changes(expected, &end), Vec::<String>::new(), "{when}: otherwise than undisturbed");
}

#[test]
fn a_folder_made_anew_at_any_point_costs_no_mail_and_no_edit() {
    let undisturbed: Vec<(Vec<String>, Ledger)> = HIDDEN.iter().map(|hidden| undisturbed(hidden)).collect();
    assert_eq!(undisturbed[0].1, undisturbed[1].1);
    let mut cases = Vec::new();
    for (hidden, (said, expected)) in HIDDEN.into_iter().zip(&undisturbed) {
        for (index, command) in said.iter().enumerate() {
            for anew in ANEW {
                cases.push(Case { anew, hidden, number: index + 1, command: command.clone(), expected });
            }
        }
    }
    let all = cases.len();
    assert!(all >= 50, "{all}");
    let sample: Vec<Case<'_>> =
        cases.into_iter().enumerate().filter(|(at, _)| is_full() || at % EVERY == 0).map(|(_, case)| case).collect();
    println!("{} of {all} points", sample.len());
    each(&sample, play);
}
