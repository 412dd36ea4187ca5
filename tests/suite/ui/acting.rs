//! Owns what actions do: archive, delete, move, star, marks, and that each of them can be taken back.

use surat::mail::account::AccountStatus;
use surat::mail::id::MailboxId;
use surat::mail::mutation::Edit;
use surat::ui::Settings;
use surat::ui::message::{Effect, Event, ServerDid, ServerNotice, Targets};

use crate::ui::harness::{ARCHIVE, Harness, TRASH, WORK, letters};

fn edits(effects: &[Effect]) -> Vec<&Edit> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Edit { edit, .. } => Some(edit),
            _ => None,
        })
        .collect()
}

#[test]
fn archiving_says_so_goes_on_and_is_undone() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("j e");
    harness.expect("Archived 1 conversation · z undo");
    harness.expect_not("GitForge");
    assert!(harness.cursor_line().contains("Siti"));
    assert!(harness.fake.mails.iter().any(|mail| mail.mailbox == ARCHIVE));
    harness.press("z");
    harness.expect("Taken back: Archived 1 conversation · Ctrl-r redo");
    assert!(harness.cursor_line().contains("GitForge"), "{}", harness.screen());
    harness.press("Ctrl-r");
    harness.expect("Done again: Archived 1 conversation · z undo");
    harness.expect_not("GitForge");
    harness.press("u u");
    harness.expect("Nothing to undo.");
}

#[test]
fn every_action_is_taken_back() {
    for keys in ["e", "d", "!", "s", "U", "A", "Del", "#", "* e", "x j x d", "v j j v e", "m i n v Enter"] {
        let mut harness = Harness::inbox(80, 24);
        let before = harness.fake.mails.clone();
        harness.press(keys);
        assert_ne!(harness.fake.mails, before, "{keys}");
        harness.press("z");
        assert_eq!(harness.fake.mails, before, "{keys}");
    }
}

#[test]
fn marked_conversations_are_acted_on_together() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("x j x");
    harness.expect("✓ 2 marked · Esc clears");
    harness.press("e");
    harness.expect("Archived 2 conversations · z undo");
    harness.press("* x");
    let left = harness.fake.mails.iter().filter(|mail| mail.mailbox == MailboxId(1)).count();
    assert!(left > 3);
    harness.press("d");
    let rest = harness.fake.mails.iter().filter(|mail| mail.mailbox == MailboxId(1)).count();
    assert!((1..=3).contains(&rest), "all but the one that was unmarked: {rest}");
    assert!(harness.effects.iter().any(|effect| {
        matches!(effect, Effect::Edit { targets: Targets::AllBut { rows, .. }, .. } if rows.len() == 1)
    }));
}

#[test]
fn a_range_grows_and_shrinks_with_the_cursor() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("v j j j");
    harness.expect("✓ 4 marked");
    harness.press("k k");
    harness.expect("✓ 2 marked");
    harness.press("v j j Esc");
    harness.expect_not("marked");
}

#[test]
fn moving_offers_folders_by_name_the_last_one_first() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("m");
    harness.expect("Move to folder");
    harness.type_text("invo");
    harness.press("Enter");
    harness.expect("Moved 1 conversation to Invoices · z undo");
    harness.press("m Enter");
    harness.expect("Moved 1 conversation to Invoices · z undo");
    harness.press("g f");
    harness.type_text("2026");
    harness.press("Enter");
    harness.expect("Invoices/2026 · work");
}

#[test]
fn deleting_for_good_asks_and_names_what() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("D");
    harness.expect("Delete “Offsite in Bandung, 12–14 December” for good?");
    harness.send(Event::Key(surat::config::key::Key::char('y')));
    assert!(edits(&harness.effects).is_empty(), "a key that was on its way is no answer");
    harness.press("n");
    assert!(edits(&harness.effects).is_empty());
    harness.press("D");
    harness.expect("30 s to undo");
    harness.expect_not("annot be undone");
    harness.press("y");
    assert_eq!(edits(&harness.effects), [&Edit::Remove]);
    harness.expect("Deleted 1 conversation, for good in 30 s · z undo");
    harness.press("z");
    harness.expect("Taken back: Deleted 1 conversation");
}

#[test]
fn a_delete_key_held_down_takes_one_conversation() {
    let mut harness = Harness::inbox(80, 24);
    let key = Event::Key(surat::config::key::Key::char('d'));
    for _ in 0..10 {
        harness.millis += 33;
        harness.send(key.clone());
    }
    let gone = harness.fake.mails.iter().filter(|mail| mail.mailbox == TRASH).count();
    assert_eq!(gone, 3, "the three messages of the first conversation");
    harness.press("d");
    assert!(harness.fake.mails.iter().filter(|mail| mail.mailbox == TRASH).count() > 3);
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("g a e");
    harness.expect("Nothing here to archive.");
    harness.press("g i e g a e");
    harness.expect("Can't archive: this is the Archive.");
    harness.press("g i d g x d");
    harness.expect("This is in Trash already · D deletes for good");
    harness.press("g i o");
    harness.expect("Open a message first · Enter opens it");
    harness.press("g 2 j g d");
    harness.expect("home has no folder for Drafts.");
}

#[test]
fn acting_while_reading_goes_back_to_the_list() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter d");
    harness.expect("Moved 1 conversation to Trash · z undo");
    assert!(harness.cursor_line().contains("GitForge"), "{}", harness.screen());
    harness.press("Enter s");
    harness.expect("Starred 1 message");
    harness.press("U");
    harness.expect("Marked 1 message as unread");
    harness.press("q");
    assert!(harness.cursor_line().contains('●') && harness.cursor_line().contains('★'), "{}", harness.screen());
}

#[test]
fn an_edit_that_fails_stays_on_the_screen_until_esc() {
    let mut harness = Harness::inbox(80, 24);
    let failed = Event::Failed { what: "The disk is full.".into(), remedy: "Make room, then try again.".into() };
    harness.send(failed);
    harness.wait(60_000);
    harness.expect("✗ The disk is full. Make room, then try again.");
    harness.press("Esc");
    harness.expect_not("The disk is full");
}

#[test]
fn what_was_done_is_said_for_some_seconds_and_taken_back_later_too() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("e");
    harness.expect("Archived 1 conversation · z undo");
    harness.wait(5_000);
    harness.expect("Archived 1 conversation · z undo");
    harness.wait(2_000);
    harness.expect_not("Archived");
    harness.press("Enter H");
    harness.expect("Shown as");
    harness.wait(7_000);
    harness.expect_not("Shown as");
    harness.press("q z");
    harness.expect("Taken back: Archived 1 conversation");
    assert!(harness.cursor_line().contains("Offsite"), "{}", harness.screen());
}

#[test]
fn a_confirmation_goes_with_the_next_key_and_what_can_be_taken_back_stays() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter H");
    harness.expect("Shown as");
    harness.press("q");
    harness.expect_not("Shown as");
    harness.press("e j");
    harness.expect("Archived 1 conversation · z undo");
    harness.press("/");
    harness.type_text("frm:budi");
    harness.expect("did you mean");
    harness.expect_not("Archived 1");
}

/// What is wrong in the configuration stays marked after it was put away, and is said again by help.
#[test]
fn a_mistake_in_the_configuration_stays_marked() {
    let mut fake = letters();
    fake.accounts[1].email = String::new();
    for columns in [40, 80, 120] {
        let mistake = Some("config.toml line 3: unknown account kind. Using the settings that are right.".to_owned());
        let settings = Settings { mistake, ..Settings::default() };
        let mut harness = Harness::with(columns, 24, fake.clone(), settings);
        harness.expect("toml line 3");
        harness.press("Esc");
        harness.expect_not("toml line 3");
        harness.send(Event::Status { account: WORK, status: AccountStatus::Online, pending: 0 });
        harness.expect("! config");
        harness.press("? Enter");
        harness.expect("toml line 3");
        harness.press("Esc");
        harness.expect_not("toml line 3");
        if columns < 100 {
            harness.press("\\");
        }
        assert!(harness.lines().iter().any(|line| line.contains("▾ home") && line.contains(" !")));
    }
}

#[test]
fn numbers_are_written_one_way() {
    let mut harness = Harness::new(80, 24, letters().with_many(2_000));
    harness.press("g i *");
    harness.expect("2 013 marked");
    harness.press("e");
    harness.expect("Archived 2 013 conversations");
}

#[test]
fn what_the_demo_saves_is_said_to_go_with_it() {
    let saved = || Event::Saved { path: "/x/plan.pdf".into(), files: 1 };
    let mut harness = Harness::inbox(80, 24);
    harness.send(saved());
    harness.expect("✓ Saved /x/plan.pdf");
    harness.expect_not("demo");
    let mut harness = Harness::with(80, 24, letters(), Settings { is_demo: true, ..Settings::default() });
    harness.send(saved());
    harness.expect("✓ Saved /x/plan.pdf · gone when the demo ends");
}

/// Who tries the keys for writing hears that there is none, and help says so too.
#[test]
fn nothing_pretends_that_mail_can_be_written() {
    let mut harness = Harness::inbox(80, 24);
    for keys in ["r", "a", "f", "c", "Enter r"] {
        harness.press(keys);
        harness.expect("Surat does not write mail yet.");
        harness.wait(7_000);
        harness.expect_not("does not write");
    }
    for word in ["reply", "compose", "forward"] {
        harness.press("?");
        harness.type_text(word);
        harness.press("Tab");
        harness.expect("Surat does not write mail yet");
        harness.press("Esc");
    }
}

#[test]
fn a_folder_that_a_move_makes_is_named() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("!");
    harness.expect("Marked 1 conversation as junk · z undo");
    harness.expect_not("new folder");
    let mut fake = letters();
    fake.mailboxes.retain(|mailbox| mailbox.role != Some(surat::mail::mailbox::Role::Junk));
    let mut harness = Harness::new(80, 24, fake);
    harness.press("g i !");
    harness.expect("Marked 1 conversation as junk · new folder Junk in work · z undo");
    harness.press("* e");
    harness.expect_not("new folder");
    let mut harness = Harness::new(80, 24, letters());
    harness.press("* e");
    harness.expect("new folder Archive in home · z undo");
}

#[test]
fn a_made_folder_is_named_with_the_edit_that_made_it() {
    let mut harness = Harness::new(80, 24, letters());
    harness.holds = true;
    // Two edits are on their way when the first answer comes.
    harness.press("s * e");
    let edits: Vec<Effect> =
        harness.held.iter().filter(|effect| matches!(effect, Effect::Edit { .. })).cloned().collect();
    for (edit, has_made) in edits.iter().zip([false, true]) {
        for event in harness.answer(edit) {
            harness.send(event);
        }
        assert_eq!(harness.sees("new folder Archive in home"), has_made, "{}", harness.screen());
    }
    assert_eq!(edits.len(), 2);
}

#[test]
fn what_waits_offline_is_counted_at_once() {
    let mut harness = Harness::inbox(80, 24);
    let pending = |pending| Event::Pending { account: WORK, pending };
    harness.send(Event::Status { account: WORK, status: AccountStatus::Online, pending: 0 });
    harness.send(pending(1));
    harness.expect_not("waiting");
    harness.send(Event::Status { account: WORK, status: AccountStatus::Paused, pending: 1 });
    harness.send(pending(2));
    harness.expect("○ work: offline by wish · 2 changes waiting");
    harness.resize(120, 24);
    harness.expect("2 changes waiting");
    harness.resize(40, 12);
    harness.expect("○ work: offline");
    harness.press("?");
    harness.type_text("waiting");
    harness.press("Enter");
    harness.expect("Changes made here travel as soon as");
}

/// What travels within a moment is not spoken of; what does not is counted again first.
#[test]
fn what_waits_online_is_spoken_of_only_when_it_takes_long() {
    let mut harness = Harness::inbox(120, 24);
    let online = |pending| Event::Status { account: WORK, status: AccountStatus::Online, pending };
    for _ in 0..20 {
        harness.send(Event::Pending { account: WORK, pending: 1 });
        harness.wait(400);
        harness.expect_not("waiting");
        harness.send(online(0));
    }
    harness.took();
    // It went, and nobody has told it yet.
    harness.send(online(1));
    harness.wait(4_000);
    assert_eq!(harness.took().iter().filter(|effect| **effect == Effect::CountPending).count(), 1);
    harness.expect_not("waiting");
    harness.fake.pending = 3;
    harness.send(online(3));
    harness.wait(2_000);
    harness.expect_not("waiting");
    harness.wait(2_000);
    harness.expect("3 changes waiting");
    harness.send(online(2));
    harness.expect("2 changes waiting");
    harness.send(online(0));
    harness.expect_not("waiting");
}

#[test]
fn what_no_program_opens_can_be_saved_at_once() {
    for (columns, rows) in [(80, 24), (40, 12)] {
        let mut harness = Harness::inbox(columns, rows);
        harness.press("Enter o");
        let what = "no program here could open it (is xdg-utils missing?)".to_owned();
        harness.send(Event::NotOpened { what, is_attachment: true });
        harness.expect("s saves it");
        harness.press("s");
        harness.expect("✓ Saved");
    }
}

fn lost(number: i64) -> ServerNotice {
    let at = surat::mail::time::UnixTime(crate::ui::harness::NOW - 3_600);
    ServerNotice { number, at, mailbox: MailboxId(1), what: ServerDid::Lost(250) }
}

/// Opens the inbox with what servers did meanwhile.
fn told(columns: u16, rows: u16, notices: Vec<ServerNotice>) -> Harness {
    let mut fake = letters();
    fake.notices = notices;
    let mut harness = Harness::new(columns, rows, fake);
    harness.press("g i");
    harness
}

#[test]
fn much_mail_that_vanished_is_told_until_it_is_put_aside() {
    let mut harness = told(80, 24, vec![lost(7)]);
    harness.expect("! 250 messages vanished at once from Inbox · work on the server");
    harness.expect("30 days");
    harness.press("Esc");
    harness.expect_not("vanished");
    assert!(harness.effects.contains(&Effect::PutAside(7)));
    harness.changed();
    harness.expect_not("vanished");
    harness.press("B");
    harness.expect("Nothing here to put back");
}

#[test]
fn mail_that_vanished_is_put_back_with_a_key() {
    for (columns, rows) in [(80, 24), (40, 12), (120, 40)] {
        let mut harness = told(columns, rows, vec![lost(7)]);
        harness.expect("B puts them back · Esc");
        harness.press("B");
        assert!(harness.effects.contains(&Effect::Restore(7)));
        harness.expect("Put 250 messages back into Inbox");
        harness.expect_not("vanished");
    }
}

#[test]
fn a_refusal_is_told_in_the_servers_words_until_it_is_put_aside() {
    let sentence =
        "The server refused to put 1 message into Archive: \u{1b}[31mquota exceeded. It is back where it was.";
    let what = ServerDid::Refused(sentence.to_owned());
    let mut harness = Harness::inbox(80, 24);
    harness.press("e");
    harness.expect("Archived 1 conversation");
    harness.fake.notices = vec![ServerNotice { what, ..lost(3) }, lost(7)];
    harness.changed();
    harness.expect_not("Archived 1 conversation");
    harness.expect("! work: The server refused to put 1 message into Archive:");
    harness.expect("(00:40) · Esc puts this away, 1 more");
    harness.press("Esc");
    harness.expect_not("quota");
    harness.expect("250 messages vanished");
    harness.changed();
    harness.expect_not("quota");
}

#[test]
fn copying_offers_the_folders_and_leaves_the_mail_where_it_is() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("C");
    harness.expect("Copy to folder");
    harness.expect("Enter copy");
    harness.type_text("invo");
    harness.press("Enter");
    harness.expect("Copied 1 conversation to Invoices · z undo");
    assert!(harness.cursor_line().contains("Offsite"), "{}", harness.screen());
    assert_eq!(harness.fake.mails.iter().filter(|mail| mail.mailbox == MailboxId(7)).count(), 3);
    harness.press("z");
    harness.expect("Taken back: Copied 1 conversation");
    assert_eq!(harness.fake.mails.iter().filter(|mail| mail.mailbox == MailboxId(7)).count(), 0);
}

#[test]
fn mail_goes_to_another_account_too_whose_folders_come_last() {
    for keys in ["m", "C"] {
        let mut harness = Harness::inbox(80, 24);
        harness.press(keys);
        let listed = harness.lines();
        let first_of = |account: &str| listed.iter().position(|line| line.contains(&format!(" {account} │"))).unwrap();
        let last_own = listed.iter().rposition(|line| line.contains(" work │")).unwrap();
        assert!(first_of("home") > last_own, "{}", harness.screen());
        harness.type_text("inbox home");
        harness.press("Backspace Backspace Backspace Backspace Backspace Enter");
        harness.expect("1 conversation to Inbox in home · z undo");
    }
}

#[test]
fn mail_of_several_accounts_is_moved_to_one_folder() {
    let mut harness = Harness::new(80, 24, letters());
    let all = harness.fake.mails.len();
    harness.press("* m");
    harness.type_text("2026");
    harness.press("Enter");
    harness.expect("conversations to 2026 in work · z undo");
    let moved = harness.fake.mails.iter().filter(|mail| mail.mailbox == MailboxId(8)).count();
    assert_eq!(moved, all);
}

#[test]
fn the_list_of_changes_takes_one_back() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("g z");
    harness.expect("There is nothing here yet.");
    harness.press("Esc s e g z");
    let listed: Vec<String> = harness.lines().into_iter().filter(|line| line.contains("00:40")).collect();
    assert!(listed[0].contains("▌ Archived 1 conversation"), "newest first: {}", harness.screen());
    assert!(listed[1].contains("Starred 1 message"), "{}", harness.screen());
    harness.press("Enter");
    harness.expect("Taken back: Archived 1 conversation · Ctrl-r redo");
    harness.expect_not("Changes");
    harness.press("g z");
    harness.expect("taken back · 00:40");
    harness.expect("This was taken back already.");
    harness.press("Enter");
    harness.expect("This was taken back already.");
    harness.expect_not("Enter take back");
    assert_eq!(harness.effects.iter().filter(|effect| matches!(effect, Effect::TakeBack(_))).count(), 1);
    harness.press("g z");
    harness.type_text("nothing like it");
    harness.expect("Nothing matches");
    harness.press("Esc");
    harness.expect_not("Changes");
}
