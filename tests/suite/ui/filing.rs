//! Owns what is done to folders on the screen: made, named, removed, subscribed to, each taken back.

use surat::mail::id::MailboxId;
use surat::mail::mutation::FolderEdit;
use surat::ui::message::Effect;

use crate::ui::harness::{HOME, Harness, WORK};

fn edits(effects: &[Effect]) -> Vec<&FolderEdit> {
    let edit = |effect: &'_ Effect| matches!(effect, Effect::EditFolder(_));
    let edits = effects.iter().filter(|effect| edit(effect));
    edits.filter_map(|effect| if let Effect::EditFolder(edit) = effect { Some(edit) } else { None }).collect()
}

#[test]
fn a_folder_is_made_by_typing_its_name() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 12)] {
        let mut harness = Harness::inbox(columns, rows);
        harness.press("F n");
        harness.expect("New folder in work");
        harness.expect("/ parts levels");
        harness.press("Enter");
        assert!(edits(&harness.effects).is_empty(), "no name is none");
        harness.type_text("Invoices");
        harness.expect("work has a folder Invoices already.");
        harness.press("Enter");
        assert!(edits(&harness.effects).is_empty());
        harness.type_text("/");
        harness.expect("A level of the name is empty.");
        harness.type_text("2027");
        harness.press("Enter");
        assert_eq!(edits(&harness.effects), [&FolderEdit::Create { account: WORK, name: "Invoices/2027".into() }]);
        harness.expect("Made the folder Invoices/2027");
        harness.press("z");
        harness.expect("Taken back: Made the folder");
        assert!(!harness.fake.mailboxes.iter().any(|mailbox| mailbox.name == "Invoices/2027"));
    }
}

#[test]
fn in_the_folders_keys_are_about_the_one_under_the_cursor() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("h G n");
    harness.expect("New folder in home");
    harness.type_text("Kids");
    harness.press("Enter");
    assert_eq!(edits(&harness.effects), [&FolderEdit::Create { account: HOME, name: "Kids".into() }]);
    harness.press("g g j j j j r");
    harness.press("Esc");
    harness.took();
    while !harness.lines().iter().any(|line| line.contains("▌") && line.contains("Invoices")) {
        harness.press("j");
    }
    harness.press("r");
    harness.expect("Another name for Invoices · work");
    harness.type_text("/old");
    harness.expect("A folder cannot go into itself.");
    harness.press("Ctrl-u");
    harness.type_text("Bills");
    harness.press("Enter");
    let mailbox = MailboxId(7);
    assert_eq!(edits(&harness.effects), [&FolderEdit::Rename { mailbox, name: "Bills".into() }]);
    harness.expect("Renamed Invoices to Bills");
}

#[test]
fn a_folder_without_its_parents_says_their_names() {
    let mut harness = Harness::inbox(120, 40);
    harness.press("F n");
    harness.type_text("Trip/27");
    harness.press("Enter");
    harness.expect("│   Trip/27");
    harness.expect("│     2026");
    harness.press("F n");
    harness.type_text("Trip");
    harness.press("Enter");
    harness.expect("│   Trip ");
    harness.expect("│     27 ");
    harness.expect_not("Trip/27  ");
}

#[test]
fn a_folder_is_removed_and_comes_back() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("m i n v Enter g f i n v Enter");
    harness.expect("Invoices · work");
    harness.press("F d");
    harness.expect("Remove the folder Invoices? Its 3 messages go to Trash.");
    harness.expect("y removes it · any other key keeps");
    harness.press("n F d");
    assert!(edits(&harness.effects).is_empty());
    harness.press("y");
    harness.expect("Removed the folder Invoices, its 3 messages went to Trash · z undo");
    harness.expect_not("Invoices · work");
    harness.press("z");
    harness.expect("Taken back: Removed the folder Invoices");
    assert!(harness.fake.mailboxes.iter().any(|mailbox| mailbox.name == "Invoices"));
    assert_eq!(harness.fake.mails.iter().filter(|mail| mail.mailbox == MailboxId(7)).count(), 3);
    // An empty one goes at once.
    harness.press("g f 2 0 2 6 Enter F d");
    harness.expect("Removed the folder Invoices/2026 · z undo");
}

#[test]
fn a_folder_without_a_subscription_is_marked_and_stays() {
    let mut harness = Harness::inbox(120, 40);
    harness.press("g f i n v Enter F s");
    harness.expect("Unsubscribed from Invoices · z undo");
    harness.press("g i");
    let line = |harness: &Harness| harness.lines().into_iter().find(|line| line.contains("Invoices")).unwrap();
    assert!(line(&harness).starts_with("│ · Invoices"), "{}", harness.screen());
    harness.press("g f i n v Enter F s");
    harness.expect("Subscribed to Invoices · z undo");
    harness.press("g i");
    assert!(line(&harness).starts_with("│   Invoices"), "{}", harness.screen());
}

#[test]
fn commands_on_folders_say_why_not() {
    let mut harness = Harness::inbox(80, 24);
    for keys in ["F r", "F d", "F s"] {
        harness.press("g 0");
        harness.press(keys);
        harness.expect("Go to the folder first · \\ shows them");
    }
    harness.press("? Tab");
    harness.type_text("subscribe");
    harness.expect("subscribe to the folder, or no more");
    assert!(edits(&harness.effects).is_empty());
}

#[test]
fn a_name_half_typed_is_left_with_esc_and_pasted_text_is_taken() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("F n");
    harness.type_text("Ab");
    harness.send(surat::ui::message::Event::Paste("c\u{1b}\nd".into()));
    harness.expect("> Abc d");
    harness.press("Esc");
    harness.expect_not("New folder");
    assert!(edits(&harness.effects).is_empty());
}
