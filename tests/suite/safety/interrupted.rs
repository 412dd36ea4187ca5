//! P4: whatever interrupts a sync, before or after any command on the wire and before or after any commit here, the next
//! one comes to the same end as if nothing had been, and one more changes nothing. So does a sync with a server that can
//! do less. A fixed sample of the points by default, all under `SURAT_FULL=1`; `SURAT_SCENARIO` names some scenarios.

use std::collections::BTreeMap;
use std::process::Stdio;

use super::crashes::Dice;
use super::scenarios::{self, Scenario};
use super::sides::{Sides, changes, each};
use crate::support::halt::{Commit, count_commits, killed_at};
use crate::support::is_full;
use crate::support::meddler::{Command, Fate, Meddler};
use crate::support::proxy::without_capabilities;

/// One point of so many is in the sample.
const EVERY: usize = 23;
/// One kind of server of so many is in the sample of each scenario.
const EVERY_KIND: usize = 3;

/// What a server may lack; what needs the other is hidden with it.
const LESS: [&[&str]; 5] = [
    &["UIDPLUS"],
    &["MOVE"],
    &["CONDSTORE", "QRESYNC"],
    &["QRESYNC"],
    &["UIDPLUS", "MOVE", "CONDSTORE", "QRESYNC", "ESEARCH", "LIST-STATUS", "LITERAL+", "MULTIAPPEND", "SPECIAL-USE"],
];

/// A scenario with both sides as they are when the sync begins.
struct Stage {
    scenario: Scenario,
    sides: Sides,
}

impl Stage {
    fn set(scenario: Scenario) -> (Stage, Vec<String>) {
        let sides = Sides::usual();
        (scenario.before)(&sides);
        let before = sides.there();
        (scenario.here)(&sides);
        (scenario.there)(&mut sides.user.raw());
        let mut expected: Vec<String> = scenario.comes_to.iter().map(|line| (*line).to_owned()).collect();
        expected.sort();
        // What it must come to is said beside what was before anybody did anything.
        let after = expected.iter().fold(before.clone(), |mut ledger, change| {
            match change.strip_prefix('-') {
                Some(gone) => ledger.retain(|line| line != gone),
                None => ledger.push(change.trim_start_matches('+').to_owned()),
            }
            ledger
        });
        (Stage { scenario, sides }, after)
    }
}

/// Where a sync is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    BeforeCommand(usize),
    WithinCommand(usize),
    AfterCommand(usize),
    Commit(Commit),
}

impl Point {
    fn meets(self, command: &Command) -> Fate {
        match self {
            Point::BeforeCommand(number) if number == command.number => Fate::CutBefore,
            Point::WithinCommand(number) if number == command.number => Fate::CutWithin,
            Point::AfterCommand(number) if number == command.number => Fate::CutAfter,
            _ => Fate::Pass,
        }
    }

    /// Every point of what went over a wire and was committed.
    fn all(said: Vec<String>, commits: usize) -> Vec<(Point, String)> {
        let mut points = Vec::new();
        for (index, command) in said.into_iter().enumerate() {
            points.push((Point::BeforeCommand(index + 1), command.clone()));
            if command.ends_with('}') {
                points.push((Point::WithinCommand(index + 1), command.clone()));
            }
            points.push((Point::AfterCommand(index + 1), command));
        }
        for number in 1..=commits {
            for commit in [Commit::Before(number), Commit::After(number)] {
                points.push((Point::Commit(commit), format!("of {commits} commits")));
            }
        }
        points
    }
}

/// A stage, what it must come to, and what is done to it.
struct Case<'a> {
    stage: &'a Stage,
    after: &'a Vec<String>,
    hidden: &'static [&'static str],
    /// The command or commit, for people.
    what: String,
    /// One for each sync that is interrupted.
    points: Vec<Point>,
}

/// Plays a case: the disturbed syncs, another one, and one more that must change nothing.
fn play(case: &Case<'_>) {
    let Case { stage, after, hidden, what, points } = case;
    let when = format!("{}; without {hidden:?}; {points:?}: {what}", stage.scenario.name);
    let meddler = Meddler::start(stage.sides.user.server.imap_port);
    meddler.forge(|_, answer| without_capabilities(&answer, hidden));
    let sides = stage.sides.copy(meddler.port);
    for point in points {
        interrupt(&sides, &meddler, *point, &when);
    }
    if let Err(run) = sides.sync() {
        panic!("{when}: the sync after it: {run:?}");
    }
    let end = sides.assert_at_rest(&when);
    if points.is_empty() {
        assert_eq!(changes(&end, &sides.listed()), Vec::<String>::new(), "{when}: what the command line lists");
    }
    let only_marks = hidden.contains(&"UIDPLUS") && hidden.contains(&"MOVE");
    let expected = if only_marks { stage.scenario.where_only_marked } else { &[] };
    assert_eq!(changes(after, &end), expected, "{when}: otherwise than undisturbed");
}

/// Runs a sync that is interrupted.
fn interrupt(sides: &Sides, meddler: &Meddler, point: Point, when: &str) {
    if let Point::Commit(commit) = point {
        let mut command = killed_at(sides.home.command(&["sync"]), commit);
        let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        // A sync that takes up what another one left may be done before.
        assert!([None, Some(0)].contains(&ended.code()), "{when}: {ended:?}");
        return;
    }
    meddler.begin(move |command| point.meets(command));
    // Where only its goodbye was cut, it was done.
    if let Err(run) = sides.sync() {
        assert_eq!(run.status, 75, "{when}: {run:?}");
    }
    meddler.begin(|_| Fate::Pass);
}

/// Every point of a stage: what a sync says and commits while nothing disturbs it.
fn points<'a>(stage: &'a Stage, after: &'a Vec<String>, hidden: &'static [&'static str]) -> Vec<Case<'a>> {
    let meddler = Meddler::start(stage.sides.user.server.imap_port);
    meddler.forge(|_, answer| without_capabilities(&answer, hidden));
    let sides = stage.sides.copy(meddler.port);
    let commits = count_commits(sides.home.command(&["sync"]), &sides.home.path("commits"));
    let case = |(point, what)| Case { stage, after, hidden, what, points: vec![point] };
    Point::all(meddler.seen(), commits).into_iter().map(case).collect()
}

fn stages() -> Vec<(Stage, Vec<String>)> {
    let wanted = std::env::var("SURAT_SCENARIO").unwrap_or_default();
    scenarios::all().into_iter().filter(|scenario| scenario.name.contains(&wanted)).map(Stage::set).collect()
}

#[test]
fn a_server_that_can_do_less_comes_to_the_same() {
    let stages = stages();
    let mut cases = Vec::new();
    for (number, (stage, after)) in stages.iter().enumerate() {
        for (kind, hidden) in [&[][..]].into_iter().chain(LESS).enumerate() {
            if is_full() || (number + kind) % EVERY_KIND == 0 {
                cases.push(Case { stage, after, hidden, what: "undisturbed".into(), points: Vec::new() });
            }
        }
    }
    each(&cases, play);
    println!("{} of {} scenarios times kinds of servers", cases.len(), stages.len() * (LESS.len() + 1));
}

#[test]
fn interrupted_anywhere_a_sync_comes_to_the_same_end_and_a_third_changes_nothing() {
    let stages = stages();
    let mut cases = Vec::new();
    for (stage, after) in &stages {
        cases.extend(points(stage, after, &[]));
        if is_full() {
            cases.extend(points(stage, after, LESS[LESS.len() - 1]));
        }
    }
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in &cases {
        let (commands, commits) = table.entry(case.stage.scenario.name).or_default();
        *if matches!(case.points[..], [Point::Commit(_)]) { commits } else { commands } += 1;
    }
    let all = cases.len();
    let sample: Vec<Case<'_>> =
        cases.into_iter().enumerate().filter(|(at, _)| is_full() || at % EVERY == 0).map(|(_, case)| case).collect();
    for (name, (commands, commits)) in table {
        println!("| {name} | {commands} | {commits} |");
    }
    println!("{} of {all} points", sample.len());
    each(&sample, play);
}

#[test]
fn interrupted_again_and_again_a_sync_comes_to_the_same_end() {
    let stages = stages();
    let (mut cases, mut dice) = (Vec::new(), Dice(17));
    for (number, (stage, after)) in stages.iter().enumerate() {
        if !is_full() && number % 4 != 0 {
            continue;
        }
        let points: Vec<Point> = points(stage, after, &[]).into_iter().flat_map(|case| case.points).collect();
        for _ in 0..if is_full() { 20 } else { 1 } {
            let points = (0..3).map(|_| points[dice.roll(points.len() as u64) as usize]).collect();
            cases.push(Case { stage, after, hidden: &[], what: "three in a row".into(), points });
        }
    }
    println!("{} rows of three interruptions", cases.len());
    each(&cases, play);
}

#[test]
fn an_edit_that_travels_at_once_travels_later_where_it_is_interrupted() {
    const COMES_TO: [&str; 4] = ["+Archive m1", "+Archive m2 seen", "-INBOX m1", "-INBOX m2 seen"];
    let stage = Sides::usual();
    let ids = stage.ids(&["m1", "m2"]);
    let words = ["archive", &ids[0], &ids[1]];
    let before = stage.there();
    let points = {
        let meddler = Meddler::start(stage.user.server.imap_port);
        let sides = stage.copy(meddler.port);
        let commits = count_commits(sides.home.command(&words), &sides.home.path("commits"));
        assert_eq!(changes(&before, &sides.there()), COMES_TO, "undisturbed");
        Point::all(meddler.seen(), commits)
    };
    let all = points.len();
    let every = if is_full() { 1 } else { 5 };
    let sample: Vec<_> = points.into_iter().step_by(every).collect();
    println!("{} of {all} points", sample.len());
    each(&sample, |(point, what)| {
        let when = format!("{point:?}: {what}");
        let meddler = Meddler::start(stage.user.server.imap_port);
        let sides = stage.copy(meddler.port);
        let mut is_killed = false;
        if let Point::Commit(commit) = *point {
            let mut command = killed_at(sides.home.command(&words), commit);
            let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            is_killed = ended.code().is_none();
        } else {
            let point = *point;
            meddler.begin(move |command| point.meets(command));
            // It is done here, and said so, whatever becomes of it there.
            let run = sides.home.run(&words);
            assert!(run.status == 0 && run.stderr.contains("Archived 2 messages"), "{when}: {run:?}");
            meddler.begin(|_| Fate::Pass);
        }
        sides.sync().unwrap_or_else(|run| panic!("{when}: {run:?}"));
        let came_to = changes(&before, &sides.assert_at_rest(&when));
        assert!(came_to == COMES_TO || (is_killed && came_to.is_empty()), "{when}: {came_to:?}");
    });
}
