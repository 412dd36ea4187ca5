//! Owns that nothing breaks the screen: any size, any keys in any order, any answer at any time.

use proptest::prelude::*;
use surat::config::command::COMMANDS;
use surat::config::key::{Key, KeyCode, sequence};
use surat::mail::account::{AccountStatus, Notice};
use surat::ui::message::{Effect, Event, MouseKind};

use crate::support::is_full;
use crate::ui::harness::{Harness, WORK, letters};

#[test]
fn forty_sizes_from_large_to_none() {
    let mut harness = Harness::inbox(200, 60);
    for keys in ["", "Enter", "o", "Enter", "Esc Esc ?", "Esc Esc :", "Esc m", "Esc D", "n /", "Esc g"] {
        harness.press(keys);
        for step in 0..20_u16 {
            harness.resize(200 - step * 10 + 5, 60u16.saturating_sub(step * 3) + 1);
            harness.screen();
            harness.resize(10 + step * 2, 3 + step);
            harness.screen();
        }
        harness.resize(1, 1);
        harness.screen();
        harness.resize(200, 60);
    }
}

#[test]
fn the_longest_notices_leave_room_at_every_size() {
    let notice = Notice {
        account: Some("work".into()),
        what: "the server refused to sign in".into(),
        server_says: Some("拒".repeat(299)),
        remedy: "Look at the password.".into(),
    };
    let failed = Event::Failed { what: "Speicher voll ".repeat(30), remedy: "Make room.".into() };
    let (widths, heights) = match is_full() {
        true => (vec![40, 60, 80, 100, 120, 160, 200], (10..=40).collect()),
        false => (vec![40, 100, 160], vec![10, 12, 16, 24]),
    };
    for keys in ["", "Enter", "/ o f f", "?", "m", "Enter o", "Enter o Enter"] {
        let mut harness = Harness::inbox(120, 40);
        harness.send(Event::Status { account: WORK, status: AccountStatus::Blocked(notice.clone()), pending: 0 });
        harness.press(keys);
        harness.send(failed.clone());
        for (width, height) in widths.iter().flat_map(|width| heights.iter().map(move |height| (*width, *height))) {
            harness.resize(width, height);
            let screen = harness.screen();
            if ["", "Enter"].contains(&keys) {
                assert!(screen.matches('✗').count() >= 2, "{width}×{height}:\n{screen}");
                assert!(screen.contains("Offsite"), "{width}×{height}:\n{screen}");
            }
        }
    }
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let mut all: Vec<Key> = COMMANDS
        .iter()
        .flat_map(|command| command.keys)
        .flat_map(|(_, keys)| keys.split(" or "))
        .flat_map(|keys| sequence(keys).unwrap())
        .collect();
    all.extend("gyz,0123456789abcdefghijklmnopqrstuvwxyz:田\u{301}".chars().map(Key::char));
    all.extend([KeyCode::Backspace, KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::F(9)].map(Key::plain));
    all.extend("acdegknpuw".chars().map(Key::ctrl));
    prop::collection::vec(prop::sample::select(all), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_in_any_order(keys in keys(), width in 38u16..170, height in 9u16..50, many in 0i64..300) {
        let mut harness = Harness::new(width, height, letters().with_many(many));
        for (at, key) in keys.into_iter().enumerate() {
            harness.millis += 40;
            harness.send(Event::Key(key));
            if at % 7 == 0 {
                let kinds = [MouseKind::Click, MouseKind::ScrollDown, MouseKind::ScrollUp];
                let at = at as u16;
                harness.mouse(kinds[usize::from(at) % 3], at * 7 % width, at * 5 % height);
            }
            if at % 11 == 0 {
                harness.wait(300);
            }
            harness.screen();
        }
    }

    #[test]
    fn answers_late_doubled_and_in_any_order(keys in keys(), order in prop::collection::vec(any::<u8>(), 60)) {
        let mut harness = Harness::new(120, 40, letters().with_many(100));
        harness.holds = true;
        for (key, order) in keys.into_iter().zip(order.into_iter().cycle()) {
            harness.millis += 40;
            harness.send(Event::Key(key));
            let at = usize::from(order) % (harness.held.len() + 1);
            if let Some(effect) = harness.held.get(at).cloned() {
                for event in harness.answer(&effect) {
                    harness.send(event.clone());
                    harness.send(event);
                }
            }
            harness.screen();
        }
    }
}

#[test]
fn every_command_has_an_arm_that_does_not_panic() {
    for command in COMMANDS {
        for (contexts, keys) in command.keys {
            for keys in keys.split(" or ") {
                for context in *contexts {
                    let mut harness = Harness::inbox(120, 40);
                    use surat::config::command::Context::{Folders, Links, List, Reader};
                    match context {
                        List => {}
                        Reader => harness.press("Enter"),
                        Folders => harness.press("h"),
                        Links => harness.press("Enter o"),
                    }
                    harness.press(keys);
                    harness.expect_not("does nothing here");
                    harness.screen();
                }
            }
        }
    }
}

#[test]
fn a_flood_of_changes_asks_four_times_a_second() {
    let mut harness = Harness::inbox(80, 24);
    harness.wait(1_000);
    harness.took();
    for _ in 0..100 {
        harness.millis += 10;
        harness.send(Event::Changed(surat::mail::change::Change { is_flood: true, ..Default::default() }));
    }
    let asked = harness.took().iter().filter(|effect| matches!(effect, Effect::LoadRows { .. })).count();
    assert!((3..=5).contains(&asked), "{asked}");
    harness.wait(300);
    let after = harness.took();
    assert!(after.iter().any(|effect| matches!(effect, Effect::LoadRows { .. })), "the last change is seen: {after:?}");
}

#[test]
fn nothing_wakes_an_idle_screen() {
    let mut harness = Harness::inbox(120, 40);
    harness.wait(10_000);
    harness.took();
    harness.wait(10_000);
    assert_eq!(harness.took(), []);
}
