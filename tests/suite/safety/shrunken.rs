//! P10: a server that suddenly shows folders empty, or with a tenth of their mail, or not at all, in more than twenty
//! ways. Nothing is deleted on it for that, all mail stays readable here, what went is offered back, and once the server
//! shows everything again, both sides are in step.
//!
//! The server is a real one; a proxy lies in its name.

use std::sync::OnceLock;

use rusqlite::Connection;
use surat::store::FILE_NAME;

use super::sides::{Ledger, Sides, a_while_ago, changes, deliver, each, letter};
use crate::accounts::sync::data_dir;
use crate::support::dovecot::dovecot;
use crate::support::meddler::{Command, Fate, Meddler};
use crate::support::proxy::without_capabilities;

/// Mails in each folder, and how many of them, the oldest, a tenth are.
const COUNT: u32 = 60;
const TENTH: u32 = 6;
const FOLDERS: [&str; 2] = ["INBOX", "Work"];

type Capabilities = &'static [&'static str];
const ALL: Capabilities = &[];
const NO_JOURNAL: Capabilities = &["QRESYNC", "CONDSTORE"];
const NO_VANISHED: Capabilities = &["QRESYNC"];

/// What a server says in place of the truth.
struct Lie {
    name: &'static str,
    /// What it does not offer.
    hidden: Capabilities,
    /// How it meets a command.
    judge: fn(&Command) -> Fate,
    /// How it rewrites an answer to a command; nothing: it does not say it.
    forge: fn(&str, &str) -> Option<String>,
    /// Whether mail seems to be gone, all of it said without an error: then it is hidden here, and offered back.
    is_believable: bool,
}

fn pass(_: &Command) -> Fate {
    Fate::Pass
}

fn honest(_: &str, answer: &str) -> Option<String> {
    Some(answer.to_owned())
}

/// The UID in an answer to FETCH.
fn uid(answer: &str) -> Option<u32> {
    answer.split("UID ").nth(1)?.split([' ', ')']).next()?.parse().ok()
}

/// Replaces the number after a word: `MESSAGES 60` becomes `MESSAGES 6`.
fn with_number(answer: &str, word: &str, number: u32) -> String {
    let Some((before, after)) = answer.split_once(&format!("{word} ")) else { return answer.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{word} {number}{rest}")
}

/// A server that knows only the oldest messages of each folder.
fn knows_only(kept: u32, answer: &str) -> Option<String> {
    if answer.contains(" FETCH (") {
        return uid(answer).is_some_and(|uid| uid <= kept).then(|| answer.to_owned());
    }
    if answer.starts_with("* SEARCH") || answer.starts_with("* ESEARCH") {
        return Some(search(kept, answer));
    }
    if answer.ends_with(" EXISTS\r\n") {
        let was: u32 = answer.split(' ').nth(1)?.parse().ok()?;
        return Some(format!("* {} EXISTS\r\n", was.min(kept)));
    }
    let is_filled = FOLDERS.iter().any(|folder| answer.starts_with(&format!("* STATUS {folder} ")));
    Some(if is_filled { with_number(answer, "MESSAGES", kept) } else { answer.to_owned() })
}

/// An answer to SEARCH with the oldest alone.
fn search(kept: u32, answer: &str) -> String {
    let Some((head, found)) = answer.trim_end().split_once(" ALL ") else {
        let kept = answer.split_whitespace().filter(|word| word.parse::<u32>().map_or(true, |uid| uid <= kept));
        return format!("{}\r\n", kept.collect::<Vec<_>>().join(" "));
    };
    let low: u32 = found.split([':', ',']).next().and_then(|uid| uid.parse().ok()).unwrap_or(1);
    if low > kept { format!("{head}\r\n") } else { format!("{head} ALL {low}:{kept}\r\n") }
}

fn empty(_: &str, answer: &str) -> Option<String> {
    knows_only(0, answer)
}

fn tenth(_: &str, answer: &str) -> Option<String> {
    knows_only(TENTH, answer)
}

/// The journal says that everything, or nearly, has vanished.
fn vanished(kept: u32, command: &str, answer: &str) -> Option<String> {
    let told = knows_only(kept, answer)?;
    let is_first = command.starts_with("SELECT") && answer.ends_with(" EXISTS\r\n") && !answer.starts_with("* 0 ");
    Some(if is_first { format!("{told}* VANISHED (EARLIER) {}:{COUNT}\r\n", kept + 1) } else { told })
}

/// Another life of the folder, with other numbers.
fn other_life(answer: &str) -> String {
    with_number(answer, "UIDVALIDITY", 7)
}

fn is_select_of_filled(command: &Command) -> bool {
    FOLDERS.iter().any(|folder| command.text.starts_with(&format!("SELECT \"{folder}\"")))
}

fn answered(is_meant: bool, words: &str) -> Fate {
    if is_meant { Fate::Answer(words.to_owned()) } else { Fate::Pass }
}

fn lies() -> Vec<Lie> {
    let usual = Lie { name: "", hidden: ALL, judge: pass, forge: honest, is_believable: true };
    vec![
        Lie { name: "0 EXISTS, no word of what vanished", forge: empty, ..usual },
        Lie { name: "0 EXISTS, without a journal", forge: empty, hidden: NO_JOURNAL, ..usual },
        Lie { name: "0 EXISTS, with half a journal", forge: empty, hidden: NO_VANISHED, ..usual },
        Lie { name: "a tenth EXISTS, no word of what vanished", forge: tenth, ..usual },
        Lie { name: "a tenth EXISTS, without a journal", forge: tenth, hidden: NO_JOURNAL, ..usual },
        Lie { name: "a tenth EXISTS, with half a journal", forge: tenth, hidden: NO_VANISHED, ..usual },
        Lie { name: "all VANISHED", forge: |command, answer| vanished(0, command, answer), ..usual },
        Lie { name: "nine tenths VANISHED", forge: |command, answer| vanished(TENTH, command, answer), ..usual },
        Lie { name: "another UIDVALIDITY and nothing", forge: |_, answer| knows_only(0, &other_life(answer)), ..usual },
        Lie {
            name: "another UIDVALIDITY and a tenth",
            forge: |_, answer| knows_only(TENTH, &other_life(answer)),
            ..usual
        },
        Lie {
            name: "another UIDVALIDITY and nothing, without a journal",
            forge: |_, answer| knows_only(0, &other_life(answer)),
            hidden: NO_JOURNAL,
            ..usual
        },
        Lie {
            name: "FETCH with nothing",
            forge: |_, answer| if answer.contains(" FETCH (") { None } else { honest("", answer) },
            hidden: NO_JOURNAL,
            ..usual
        },
        Lie {
            name: "STATUS 0 and nothing else",
            forge: |_, answer| Some(with_number(answer, "MESSAGES", 0)),
            is_believable: false,
            ..usual
        },
        Lie {
            name: "SEARCH with nothing",
            forge: |_, answer| {
                let told = if answer.contains("SEARCH") { search(0, answer) } else { answer.to_owned() };
                // The wrong number makes it search.
                Some(if told.ends_with(" EXISTS\r\n") {
                    "* 59 EXISTS\r\n".into()
                } else {
                    with_number(&told, "MESSAGES", 59)
                })
            },
            ..usual
        },
        Lie {
            name: "SEARCH refused",
            judge: |command| answered(command.is("UID SEARCH"), "{tag} NO [LIMIT] not today\r\n"),
            forge: |_, answer| {
                Some(if answer.ends_with(" EXISTS\r\n") {
                    "* 3 EXISTS\r\n".into()
                } else {
                    with_number(answer, "MESSAGES", 3)
                })
            },
            is_believable: false,
            ..usual
        },
        Lie {
            name: "FETCH refused",
            judge: |command| answered(command.is("UID FETCH") || command.is("FETCH"), "{tag} NO not today\r\n"),
            hidden: NO_JOURNAL,
            is_believable: false,
            ..usual
        },
        Lie {
            name: "SELECT refused",
            judge: |command| answered(is_select_of_filled(command), "{tag} NO [INUSE] not today\r\n"),
            hidden: NO_JOURNAL,
            is_believable: false,
            ..usual
        },
        Lie {
            name: "SELECT of what does not exist",
            judge: |command| answered(is_select_of_filled(command), "{tag} NO [NONEXISTENT] what folder\r\n"),
            hidden: NO_JOURNAL,
            is_believable: false,
            ..usual
        },
        Lie {
            name: "BYE at SELECT",
            judge: |command| match is_select_of_filled(command) {
                true => Fate::AnswerAndCut("* BYE going down\r\n".into()),
                false => Fate::Pass,
            },
            hidden: NO_JOURNAL,
            is_believable: false,
            ..usual
        },
        Lie {
            name: "0 EXISTS, then BYE",
            judge: |command| match is_select_of_filled(command) {
                true => Fate::AnswerAndCut("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] hm\r\n* BYE going down\r\n".into()),
                false => Fate::Pass,
            },
            hidden: NO_JOURNAL,
            is_believable: false,
            ..usual
        },
        Lie {
            name: "BYE in the midst of FETCH",
            judge: |command| match command.is("UID FETCH") {
                true => Fate::AnswerAndCut("* 1 FETCH (UID 1 FLAGS ())\r\n* BYE going down\r\n".into()),
                false => Fate::Pass,
            },
            hidden: NO_JOURNAL,
            is_believable: false,
            ..usual
        },
        Lie {
            name: "LIST without the folders",
            forge: |_, answer| {
                let is_told = FOLDERS.iter().any(|folder| answer.trim_end().trim_matches('"').ends_with(folder));
                if answer.starts_with("* LIST") && is_told { None } else { honest("", answer) }
            },
            ..usual
        },
        Lie {
            name: "LIST with nothing",
            forge: |_, answer| if answer.starts_with("* LIST") { None } else { honest("", answer) },
            is_believable: false,
            ..usual
        },
        Lie {
            name: "LIST refused",
            judge: |command| answered(command.is("LIST"), "{tag} NO not today\r\n"),
            is_believable: false,
            ..usual
        },
        Lie {
            name: "LIST of folders that hold nothing any more",
            forge: |_, answer| Some(answer.replace("* LIST (", "* LIST (\\NonExistent \\Noselect ")),
            is_believable: false,
            ..usual
        },
        Lie {
            name: "everything refused",
            judge: |command| answered(!command.is("LOGIN") && !command.is("CAPABILITY"), "{tag} BAD not today\r\n"),
            is_believable: false,
            ..usual
        },
    ]
}

fn filled() -> &'static Sides {
    static FILLED: OnceLock<Sides> = OnceLock::new();
    FILLED.get_or_init(|| {
        let user = dovecot().user("shrunken");
        for folder in FOLDERS {
            let names: Vec<String> = (1..=COUNT).map(|n| format!("{}{n}", &folder[..1])).collect();
            let mails: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "\\Seen")).collect();
            deliver(&user, folder, &mails);
        }
        Sides::synced(user)
    })
}

/// Whether a command deletes something, or may: CLOSE expunges.
fn deletes(command: &str) -> bool {
    let command = command.to_ascii_uppercase();
    let verbs = ["DELETE ", "EXPUNGE", "UID EXPUNGE", "UID MOVE", "MOVE ", "RENAME ", "CLOSE"];
    verbs.iter().any(|verb| command.starts_with(verb)) || command.contains("\\DELETED")
}

fn names(ledger: &Ledger) -> Vec<String> {
    ledger.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

/// How much mail is offered back that vanished at once.
fn offered_back(sides: &Sides) -> u32 {
    let db = Connection::open(data_dir(&sides.home).join(FILE_NAME)).unwrap();
    let sql = "SELECT IFNULL(SUM(emails), 0) FROM notices WHERE kind = 'mass_vanish' AND dismissed_at IS NULL";
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn play(lie: &Lie) {
    let name = lie.name;
    let meddler = Meddler::start(filled().user.server.imap_port);
    let sides = filled().copy(meddler.port);
    let before = sides.there();
    // What waits to travel gives no reason either.
    let marked: Vec<String> = (1..=20).map(|n| format!("I{n}")).collect();
    let marked: Vec<&str> = marked.iter().map(String::as_str).collect();
    sides.edit(&["mark", "--flagged", "{}"], &marked);
    let mails: Vec<String> =
        FOLDERS.iter().flat_map(|folder| (1..=COUNT).map(|n| format!("{}{n}", &folder[..1]))).collect();
    let mails: Vec<&str> = mails.iter().map(String::as_str).collect();
    let ids = sides.ids(&mails);
    let here = sides.here();

    let (hidden, forge) = (lie.hidden, lie.forge);
    meddler.begin(lie.judge);
    meddler.forge(move |command, answer| {
        let answer = without_capabilities(&answer, hidden);
        let Ok(text) = String::from_utf8(answer.clone()) else { return answer };
        // The end of a command is the judge's.
        if text.starts_with("* ") { forge(command, &text).unwrap_or_default().into_bytes() } else { answer }
    });
    for _ in 0..2 {
        if let Err(run) = sides.sync() {
            assert!([1, 75].contains(&run.status), "{name}: {run:?}");
        }
    }
    let deleting: Vec<String> = meddler.seen().into_iter().filter(|command| deletes(command)).collect();
    assert_eq!(deleting, Vec::<String>::new(), "{name}");
    assert_eq!(names(&sides.there()), names(&before), "{name}: on the server");
    let offered = offered_back(&sides);
    sides.with_store(|store, _| {
        for (id, mail) in ids.iter().zip(&mails) {
            let raw = store.raw(id.parse().unwrap()).unwrap();
            assert!(raw.is_some_and(|raw| raw == letter(mail)), "{name}: {mail} cannot be read any more");
        }
    });
    if lie.is_believable {
        assert!(offered >= COUNT - TENTH, "{name}: {offered} offered back");
    } else {
        assert_eq!(offered, 0, "{name}");
    }
    assert_eq!(sides.home.run(&["show", &ids[0], "--raw"]).bytes, letter(mails[0]), "{name}");
    if lie.is_believable {
        assert!(sides.home.run(&["doctor"]).stdout.contains("vanished"), "{name}");
    } else if name != "LIST of folders that hold nothing any more" {
        assert_eq!(changes(&here, &sides.here()), Vec::<String>::new(), "{name}: here");
    }

    meddler.begin(pass);
    meddler.forge(|_, answer| answer);
    sides.sync().unwrap_or_else(|run| panic!("{name}, and then the truth: {run:?}"));
    sides.assert_at_rest(name);
    assert_eq!(changes(&here, &sides.here()), Vec::<String>::new(), "{name}, and then the truth: here");
    assert_eq!(sides.ids(&mails), ids, "{name}: other mails than before");
}

#[test]
fn a_server_that_shows_less_mail_makes_nothing_be_deleted_anywhere() {
    let lies = lies();
    assert!(lies.len() >= 20);
    each(&lies, play);
    println!(
        "{} ways to show less, {} of them believable",
        lies.len(),
        lies.iter().filter(|lie| lie.is_believable).count()
    );
}

#[test]
fn what_another_client_deleted_at_once_comes_back_to_the_server_when_it_is_asked_for() {
    let sides = filled().copy(filled().user.server.imap_port);
    let before = sides.there();
    let mut client = sides.user.raw();
    client.run("SELECT INBOX");
    client.run("STORE 1:* +FLAGS.SILENT (\\Deleted)");
    client.run("EXPUNGE");
    sides.sync().unwrap();
    assert_eq!(offered_back(&sides), COUNT);
    let gone = sides.assert_at_rest("emptied");
    assert_eq!(changes(&before, &gone).len(), COUNT as usize, "nothing else is gone, and nothing comes back by itself");
    sides.with_store(|store, _| {
        let notice = store.notices().unwrap()[0].id;
        assert_eq!(store.restore(notice, a_while_ago()).unwrap().emails, COUNT as usize);
    });
    sides.sync().unwrap();
    assert_eq!(changes(&before, &sides.assert_at_rest("restored")), Vec::<String>::new());
    assert_eq!(offered_back(&sides), 0);
}
