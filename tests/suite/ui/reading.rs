//! Owns what moving and reading do: the cursor's identity, previews, messages of a conversation, links.

use surat::config::key::Key;
use surat::mail::email::RowKey;
use surat::mail::id::{EmailId, ThreadId};
use surat::mail::view::Rows;
use surat::ui::message::{Effect, Event, MouseKind, Slot};

use crate::ui::harness::{Harness, INBOX, Mail, NOW, WORK, letters};

fn newcomer(age: i64, thread: i64, subject: &str) -> Mail {
    let first = letters().mails[0].clone();
    Mail {
        id: EmailId((NOW - age) << EmailId::COUNTER_BITS),
        thread: ThreadId(thread),
        subject: subject.into(),
        ..first
    }
}

fn marks_read(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::MarkRead(_))).count()
}

#[test]
fn a_preview_follows_the_cursor_and_marks_nothing_read() {
    let mut harness = Harness::inbox(120, 40);
    harness.press("j");
    harness.expect("From   GitForge");
    harness.press("j j j j k");
    harness.wait(1_000);
    assert_eq!(marks_read(&harness.took()), 0);
    harness.press("g g Enter");
    assert_eq!(marks_read(&harness.took()), 1);
    harness.press("h j Tab");
    assert_eq!(marks_read(&harness.took()), 1, "the focus by Tab reads too");
}

#[test]
fn opening_shows_the_first_unread_message_and_j_goes_on() {
    let mut fake = letters();
    fake.mails[2].keywords.remove("$seen");
    let mut harness = Harness::new(80, 24, fake);
    harness.press("g i Enter");
    harness.expect("From   Mira Köhler");
    harness.expect("1 of 3 in this conversation");
    harness.press("J J");
    harness.expect("From   Budi Santoso");
    harness.press("J");
    harness.expect("From   GitForge");
    harness.press("K");
    harness.expect("From   Budi Santoso");
    harness.press("q");
    assert!(harness.cursor_line().contains("Offsite"));
}

#[test]
fn the_cursor_stays_with_its_conversation_when_mail_arrives() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("j j j");
    assert!(harness.cursor_line().contains("Shop"), "{}", harness.screen());
    harness.fake.mails.push(newcomer(5, 500, "Brand new"));
    harness.changed();
    harness.expect("Brand new");
    assert!(harness.cursor_line().contains("Shop"));
    // An answer to the conversation itself moves it to the top, and the cursor with it.
    harness.fake.mails.push(newcomer(1, 4, "Re: Receipt"));
    harness.changed();
    assert!(harness.cursor_line().contains("Re: Receipt"), "{}", harness.screen());
}

#[test]
fn far_down_the_list_the_row_under_the_cursor_does_not_move() {
    let mut harness = Harness::new(80, 24, letters().with_many(2_000));
    harness.press("g i 5 0 0 j");
    let (row, line) = (harness.cursor_row(), harness.cursor_line());
    assert!(line.contains("Number 4"), "{}", harness.screen());
    for age in 0..7 {
        harness.fake.mails.push(newcomer(age, 600 + age, "Brand new"));
        harness.changed();
    }
    assert_eq!((harness.cursor_row(), harness.cursor_line()), (row, line.clone()));
    // An answer to it lifts it out of sight: the cursor goes with it.
    let number = line.split("Number ").nth(1).unwrap().split(' ').next().unwrap().parse::<i64>().unwrap();
    harness.fake.mails.push(newcomer(0, 1_000 + number, "Lifted to the top"));
    harness.changed();
    assert!(harness.cursor_line().contains("Lifted to the top"), "{}", harness.screen());
}

#[test]
fn the_list_reaches_both_ends_of_many_rows_with_few_in_memory() {
    let mut harness = Harness::new(80, 24, letters().with_many(5_000));
    harness.press("g i G");
    assert!(harness.cursor_line().contains("Number 4999"), "{}", harness.screen());
    harness.press("g g");
    assert!(harness.cursor_line().contains("Offsite"));
    for _ in 0..120 {
        harness.press("PgDn");
    }
    assert!(harness.cursor_line().contains("Number 2"), "{}", harness.screen());
    for _ in 0..130 {
        harness.press("PgUp");
    }
    assert!(harness.cursor_line().contains("Offsite"));
    let most = harness.effects.iter().filter_map(|effect| match effect {
        Effect::LoadRows { limit, .. } => Some(*limit),
        _ => None,
    });
    assert!(most.max().unwrap() <= 500);
}

#[test]
fn unread_mail_is_found_beyond_the_rows_that_are_here() {
    let mut harness = Harness::new(80, 24, letters().with_many(2_000));
    harness.press("g i n n n n n");
    harness.press("n");
    assert!(harness.cursor_line().contains("Number 150"), "{}", harness.screen());
    harness.press("n");
    harness.expect("No unread conversation below · N looks above");
    harness.press("N");
    assert!(!harness.cursor_line().contains("Number"));
}

#[test]
fn stale_answers_are_dropped() {
    let mut harness = Harness::inbox(80, 24);
    harness.holds = true;
    harness.press("g x");
    let stale = harness.last_rows_generation();
    harness.press("g a");
    let rows = Rows { rows: vec![], has_before: false, has_after: false, total: Some(77) };
    harness.send(Event::Rows { slot: Slot::List, generation: stale, rows: rows.clone() });
    harness.wait(200);
    harness.expect("Loading Archive");
    let generation = harness.last_rows_generation();
    harness.send(Event::Rows { slot: Slot::List, generation, rows });
    harness.expect("No messages in Archive");
}

#[test]
fn loading_is_said_after_a_moment_only() {
    let mut harness = Harness::inbox(80, 24);
    harness.holds = true;
    harness.send(Event::Key(Key::char('g')));
    harness.send(Event::Key(Key::char('x')));
    harness.expect_not("Loading");
    assert!(harness.effects.iter().any(|effect| matches!(effect, Effect::WakeAt(_))));
    harness.wait(160);
    harness.expect("Loading Trash");
}

#[test]
fn a_body_that_is_not_here_is_said_and_comes_later() {
    let mut harness = Harness::inbox(80, 24);
    harness.has_bodies = false;
    harness.press("Enter");
    harness.expect("From   Budi Santoso");
    harness.wait(200);
    harness.expect("Loading the message (184 KB)");
    harness.has_bodies = true;
    harness.changed();
    harness.expect("The venue confirmed");
}

#[test]
fn keys_never_hit_the_message_before_the_one_that_is_on_its_way() {
    let mut harness = Harness::inbox(120, 40);
    harness.press("j j");
    harness.took();
    harness.holds = true;
    harness.press("k Tab s");
    harness.expect("The message is still on its way.");
    assert!(!harness.effects.iter().any(|effect| matches!(effect, Effect::Edit { .. } | Effect::MarkRead(_))));
    harness.wait(200);
    harness.expect("Loading the message");
    harness.holds = false;
    for effect in std::mem::take(&mut harness.held) {
        harness.answer(&effect).into_iter().for_each(|event| harness.send(event));
    }
    harness.expect("From   GitForge");
    assert_eq!(marks_read(&harness.took()), 1);
}

#[test]
fn quotes_unfold_and_fold_again() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter");
    harness.expect("▸ 14 quoted lines from you (Enter shows)");
    harness.press("Enter");
    harness.expect("> quoted 3");
    harness.press("Enter");
    harness.expect_not("> quoted 3");
}

#[test]
fn a_link_opens_only_after_its_target_was_shown() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter o 2 Enter");
    harness.expect("This link really goes to:");
    harness.expect("https://evil.example/login");
    harness.expect("! The message calls it: www.bank.test");
    assert!(!harness.effects.iter().any(|effect| matches!(effect, Effect::OpenLink(_))));
    harness.press("Enter");
    assert!(harness.effects.contains(&Effect::OpenLink("https://evil.example/login".into())));
}

#[test]
fn an_attachment_is_saved_with_two_keys() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter o s");
    harness.expect("✓ Saved ~/Downloads/venue-plan.pdf");
    harness.press("y");
    assert!(harness.took().contains(&Effect::CopyText("venue-plan.pdf".into())));
}

#[test]
fn headers_forms_and_copies() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter , h");
    harness.expect("X-Mailer: Pigeon 1.0");
    harness.press(", h H");
    harness.expect("Shown as HTML");
    harness.press("H");
    harness.expect("Shown as source");
    harness.press("y a");
    assert!(harness.took().contains(&Effect::CopyText("someone@example.test".into())));
}

#[test]
fn the_mouse_selects_opens_and_scrolls() {
    let mut harness = Harness::inbox(80, 24);
    harness.mouse(MouseKind::Click, 10, 4);
    assert!(harness.cursor_line().contains("Siti"), "{}", harness.screen());
    harness.mouse(MouseKind::Click, 10, 4);
    harness.expect("From   Dr. Siti Rahma");
    harness.mouse(MouseKind::ScrollDown, 10, 10);
    harness.expect_not("From   Dr. Siti Rahma");
    let lines = harness.lines();
    let column = lines.last().unwrap().find("? help").map(|at| lines.last().unwrap()[..at].chars().count()).unwrap();
    harness.mouse(MouseKind::Click, column as u16, 23);
    harness.expect("Help · message");
}

#[test]
fn keys_without_meaning_are_told() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("w");
    harness.expect("\"w\" does nothing here · ? keys");
    harness.press("g w");
    harness.expect("\"g w\" does nothing here");
    harness.press("g ?");
    harness.expect("x  Trash");
    harness.press("Esc Esc");
    harness.expect("q leaves Surat");
    harness.press("q");
    assert!(harness.effects.contains(&Effect::Quit));
}

#[test]
fn identities_in_the_harness_are_those_of_the_list() {
    let harness = Harness::inbox(80, 24);
    let key = RowKey { newest: harness.fake.mails[0].id, thread: ThreadId(1) };
    assert_eq!((harness.fake.mails[0].mailbox, harness.fake.mails[0].account), (INBOX, WORK));
    assert_eq!(key.newest, EmailId((NOW - 28 * 60) << EmailId::COUNTER_BITS));
}

#[test]
fn a_long_target_is_shown_to_its_end_before_it_opens() {
    for (columns, rows) in [(40, 12), (80, 24), (120, 40)] {
        let mut fake = letters();
        let target = format!("https://example.test/{}THE-END", "abcdefghi/".repeat(700));
        fake.raw = Some(format!("From: a@example.test\nSubject: x\n\n{target}\n").into_bytes());
        let mut harness = Harness::new(columns, rows, fake);
        harness.press("g i Enter o Enter");
        harness.expect("https://example.test/");
        harness.expect_not("THE-END");
        harness.expect("Enter shows the rest");
        let mut seen = String::new();
        for _ in 0..200 {
            seen.push_str(&harness.screen());
            if harness.sees("Enter opens it") {
                break;
            }
            harness.press("Enter");
            assert!(!harness.effects.iter().any(|effect| matches!(effect, Effect::OpenLink(_))));
        }
        assert!(seen.replace(['\n', ' ', '│'], "").contains("THE-END"), "{}", harness.screen());
        harness.press("k k");
        harness.expect("Enter shows the rest");
        harness.press("G Enter");
        assert!(harness.effects.contains(&Effect::OpenLink(target)), "{}", harness.screen());
    }
}

#[test]
fn warnings_stand_apart_from_the_text() {
    let mut fake = letters();
    fake.raw = Some(b"From: Bank <a@evil.test>\nReply-To: b@other.test\nSubject: x\n\nDear customer\n".to_vec());
    let mut harness = Harness::new(80, 24, fake);
    harness.press("g i Enter");
    let lines = harness.lines();
    let text = lines.iter().position(|line| line.contains("Dear customer")).unwrap();
    assert!(lines[text - 1].is_empty() && lines[text - 2].starts_with(" !"), "{}", harness.screen());
}

#[test]
fn the_newest_mail_is_shown_until_somebody_chooses() {
    use surat::mail::account::{AccountStatus, Progress};
    let mut harness = Harness::new(80, 24, letters());
    let syncing = AccountStatus::Syncing(Progress::default());
    harness.send(Event::Status { account: WORK, status: syncing, pending: 0 });
    harness.fake.mails.push(newcomer(5, 500, "Brand new"));
    harness.changed();
    assert!(harness.cursor_line().contains("Brand new"), "{}", harness.screen());
    harness.press("j k");
    harness.fake.mails.push(newcomer(2, 501, "Newer still"));
    harness.changed();
    harness.expect("Newer still");
    assert!(harness.cursor_line().contains("Brand new"), "{}", harness.screen());
}
