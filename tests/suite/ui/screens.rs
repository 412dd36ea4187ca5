//! Owns the pictures of the main screens at four sizes, and what every screen keeps to.

use surat::mail::account::{AccountStatus, Notice, Progress};
use surat::mail::time::UnixTime;
use surat::mail::wrap::width;
use surat::ui::Settings;
use surat::ui::message::Event;

use crate::ui::harness::{HOME, Harness, NOW, WORK, letters};

#[test]
fn list_at_80x24() {
    insta::assert_snapshot!(Harness::inbox(80, 24).screen());
}

#[test]
fn message_at_80x24() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter");
    insta::assert_snapshot!(harness.screen());
}

#[test]
fn folders_list_and_message_at_120x40() {
    insta::assert_snapshot!(Harness::inbox(120, 40).screen());
}

#[test]
fn list_at_40x12() {
    insta::assert_snapshot!(Harness::inbox(40, 12).screen());
}

#[test]
fn everything_side_by_side_at_160x50() {
    insta::assert_snapshot!(Harness::inbox(160, 50).screen());
}

#[test]
fn boxes_over_the_list() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("g");
    harness.wait(300);
    insta::assert_snapshot!("which_key", harness.screen());
    harness.press("Esc ?");
    harness.type_text("arch");
    insta::assert_snapshot!("help", harness.screen());
    harness.press("Esc :");
    harness.type_text("tra");
    insta::assert_snapshot!("palette", harness.screen());
    harness.press("Esc m");
    harness.type_text("inv");
    insta::assert_snapshot!("move", harness.screen());
    harness.press("Esc /");
    insta::assert_snapshot!("search_card", harness.screen());
    harness.press("Esc Enter o");
    insta::assert_snapshot!("links", harness.screen());
    harness.press("1 Enter");
    insta::assert_snapshot!("link_target", harness.screen());
}

#[test]
fn welcome_names_the_exact_commands() {
    let mut fake = letters();
    (fake.accounts, fake.mailboxes) = (Vec::new(), Vec::new());
    let harness = Harness::new(80, 24, fake.clone());
    insta::assert_snapshot!(harness.screen());
    Harness::new(40, 12, fake).expect("surat demo");
}

/// Every row's date ends in the same column, whatever scripts stand before it.
#[test]
fn columns_stay_aligned_in_every_script() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 24), (160, 50), (63, 30)] {
        let harness = Harness::inbox(columns, rows);
        let names = ["GitForge", "Siti", "Bank", "田中", "נועה", "Keluarga", "someone"];
        let lines = harness.lines();
        let list = lines.iter().map(|line| line.split('│').nth(3).unwrap_or(line));
        let rows: Vec<&str> = list.filter(|line| names.iter().any(|name| line.contains(name))).collect();
        let ends: Vec<usize> = rows.iter().map(|row| width(row.trim_end())).collect();
        assert!(ends.len() >= 6, "{}", harness.screen());
        assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{ends:?}\n{}", harness.screen());
    }
}

#[test]
fn escapes_in_mail_never_reach_the_screen() {
    let harness = Harness::inbox(120, 40);
    assert!(!harness.screen().chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
}

#[test]
fn accounts_tell_how_they_are() {
    let mut harness = Harness::inbox(120, 40);
    let progress = Progress { what: "Inbox".into(), done: 240, total: 3_214 };
    harness.send(Event::Status { account: WORK, status: AccountStatus::Syncing(progress), pending: 0 });
    harness.expect("work: Inbox 240 of 3 214");
    let offline =
        AccountStatus::Offline { since: UnixTime(NOW - 540), next_try: UnixTime(NOW + 60), reason: "no route".into() };
    harness.send(Event::Status { account: WORK, status: offline, pending: 3 });
    harness.expect("○ work: offline since 01:31 · next try in ");
    harness.expect("3 changes waiting");
    let notice = Notice {
        account: Some("home".into()),
        what: "sign-in refused by imap.home.test".into(),
        server_says: Some("[AUTHENTICATIONFAILED] \u{1b}[31mno".into()),
        remedy: "Check the password command in config.toml.".into(),
    };
    harness.send(Event::Status { account: HOME, status: AccountStatus::Blocked(notice), pending: 0 });
    harness.expect("✗ home: sign-in refused by imap.home.test");
    harness.expect("The server says: [AUTHENTICATIONFAILED]");
    harness.expect("Check the password command");
    harness.press("Esc");
    harness.expect_not("Check the password command");
    harness.expect("✗ home: sign-in refused");
}

/// The link's state and the progress stand at every width, whatever else there is to say; why is said where it fits.
#[test]
fn the_top_line_says_the_state_first() {
    let mut fake = letters();
    fake.accounts.truncate(1);
    fake.pending = 3;
    let reason = "connection refused".to_owned();
    let offline = AccountStatus::Offline { since: UnixTime(NOW - 540), next_try: UnixTime(NOW + 60), reason };
    let progress = Progress { what: "INBOX".into(), done: 6_050, total: 20_001 };
    let top = |columns, status: &AccountStatus| {
        let mut harness = Harness::new(columns, 24, fake.clone());
        harness.send(Event::Status { account: WORK, status: status.clone(), pending: 3 });
        if matches!(status, AccountStatus::Syncing(_) | AccountStatus::Online) {
            harness.wait(4_000);
        }
        harness.lines().swap_remove(0)
    };
    for (status, columns, words) in [
        (&offline, 40, "○ offline · 3 waiting"),
        (&offline, 80, "○ offline · next try in 60 s · 3 waiting · 5 unread"),
        (&offline, 120, "next try in 60 s · connection refused · 3 changes waiting"),
        (&AccountStatus::Paused, 40, "○ offline · 3 waiting"),
        (&AccountStatus::Paused, 100, "○ offline by wish (--offline) · 3 changes waiting"),
        (&AccountStatus::Syncing(progress.clone()), 40, "6 050/20 001 · 3 waiting"),
        (&AccountStatus::Syncing(progress), 80, "INBOX 6 050 of 20 001 · 3 changes waiting · 5 unread"),
        (&AccountStatus::Online, 80, "online · 3 changes waiting · 5 unread"),
        (&AccountStatus::Online, 100, "online · 3 changes waiting"),
    ] {
        let line = top(columns, status);
        assert!(line.contains(words), "no {words:?} at {columns}: {line}");
        assert!(line.starts_with(" Inbox") || line.starts_with(" surat  Inbox · work "), "{line}");
    }
}

#[test]
fn asking_again_says_why_it_failed_last_time() {
    let mut harness = Harness::inbox(80, 24);
    let reason = "connecting to imap.work.test:993: connection refused".to_owned();
    let offline = AccountStatus::Offline { since: UnixTime(NOW), next_try: UnixTime(NOW + 60), reason };
    harness.send(Event::Status { account: WORK, status: offline, pending: 0 });
    harness.press("R");
    let screen = harness.lines().join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(screen.contains("Last time: work is offline (connecting to imap.work.test:993: connection refused)."));
}

#[test]
fn two_notices_are_put_away_one_after_the_other_and_stay_away() {
    for (columns, rows) in [(80, 24), (40, 12)] {
        let mut harness = Harness::inbox(columns, rows);
        for (account, name) in [(WORK, "work"), (HOME, "home")] {
            let notice = Notice {
                account: Some(name.into()),
                what: "signing in: refused (imap.test:993)".into(),
                server_says: None,
                remedy: format!("Check the password of {name}."),
            };
            harness.send(Event::Status { account, status: AccountStatus::Blocked(notice), pending: 0 });
        }
        harness.expect("Check the password of work.");
        harness.expect("puts this away");
        harness.press("Esc");
        harness.expect("Check the password of home.");
        harness.press("Esc");
        harness.expect_not("Check the password");
    }
}

#[test]
fn an_empty_account_that_is_being_read_in_is_not_called_done() {
    let mut fake = letters();
    fake.mails.clear();
    let mut harness = Harness::new(80, 24, fake);
    harness.press("g i");
    harness.send(Event::Status { account: WORK, status: AccountStatus::Connecting, pending: 0 });
    harness.expect("Nothing here yet: mail is being fetched.");
    let offline = AccountStatus::Offline {
        since: UnixTime(NOW),
        next_try: UnixTime(NOW + 60),
        reason: "no such host imap.work.test".into(),
    };
    let what = "imap.work.test refused the password".to_owned();
    let blocked = AccountStatus::Blocked(Notice { what, ..Notice::default() });
    for (status, words) in [
        (AccountStatus::Idle, "No mail has come yet."),
        (offline, "No mail has come yet: work is offline (no such host imap.work.test)."),
        (blocked, "No mail has come yet: work is stopped (imap.work.test refused the password)."),
        (AccountStatus::Paused, "No mail has come yet: work is offline by wish (--offline)."),
        (AccountStatus::Online, "Nothing here. All done."),
    ] {
        for columns in [40, 120] {
            harness.resize(columns, 24);
            harness.send(Event::Status { account: WORK, status: status.clone(), pending: 0 });
            let screen = harness.lines().join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
            let shown = if columns == 40 { screen } else { harness.screen() };
            assert!(shown.contains(words), "{}", harness.screen());
        }
    }
}

#[test]
fn without_colour_only_weight_and_reverse_are_left() {
    let settings = Settings { color: false, many_colors: true, ..Settings::default() };
    let mut harness = Harness::with(120, 40, letters(), settings);
    for keys in ["Enter", "o", "Esc Esc ?", "Esc g"] {
        harness.press(keys);
        let buffer = harness.buffer();
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
            assert!(!cell.modifier.contains(ratatui::style::Modifier::DIM));
        }
    }
    Harness::inbox(80, 24).expect("●");
}

#[test]
fn the_terminals_own_cursor_is_on_the_selected_row() {
    let mut harness = Harness::inbox(80, 24);
    let first = harness.cursor_row();
    harness.press("j j");
    assert_eq!(harness.cursor_row(), first + 2);
    assert!(harness.lines()[usize::from(harness.cursor_row())].starts_with('▌'));
}

#[test]
fn the_footer_names_keys_that_work_here_and_help_last() {
    for (columns, rows) in [(40, 12), (60, 20), (80, 24), (120, 40), (160, 50)] {
        let mut harness = Harness::inbox(columns, rows);
        for keys in ["", "Enter", "o", "Esc \\", "Esc Esc /"] {
            harness.press(keys);
            let lines = harness.lines();
            let footer = lines.last().unwrap();
            assert!(footer.split_whitespace().count() >= 4 && width(footer) <= columns.into(), "{footer}");
        }
        let lines = Harness::inbox(columns, rows).lines();
        assert!(lines.last().unwrap().ends_with("? help"), "{lines:?}");
    }
}

#[test]
fn too_small_a_screen_says_what_it_needs() {
    let mut harness = Harness::inbox(80, 24);
    harness.resize(39, 12);
    harness.expect("Surat needs 40×10");
    harness.resize(80, 24);
    harness.expect("Budi");
}
