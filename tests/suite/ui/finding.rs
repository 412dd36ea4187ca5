//! Owns finding: mail by typing, commands by name, keys by what they do.

use surat::config::command::{COMMANDS, Context};
use surat::ui::message::{Effect, MouseKind};

use crate::ui::harness::Harness;

#[test]
fn search_finds_as_one_types_and_esc_returns_to_the_row() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("j j j");
    let line = harness.cursor_line();
    harness.press("/");
    harness.expect("Search words");
    harness.type_text("pln");
    harness.expect("1 found · everywhere");
    harness.expect("Tagihan listrik");
    harness.expect_not("Offsite");
    harness.press("Ctrl-g");
    harness.expect("0 found");
    harness.press("Esc");
    assert_eq!(harness.cursor_line(), line);
}

#[test]
fn what_was_found_is_a_list_like_any_other() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("/");
    harness.type_text("bandung");
    harness.press("Enter Enter");
    harness.expect("From   Budi Santoso");
    harness.press("q");
    harness.expect("1 found");
    harness.press("e");
    harness.expect("Archived 1 conversation");
    harness.press("q");
    harness.expect("Inbox · work");
}

#[test]
fn search_words_are_understood_and_slips_are_told() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("/");
    harness.type_text("has:attachment receipt");
    harness.expect("1 found");
    harness.press("Ctrl-u");
    harness.type_text("frm:budi");
    harness.expect("did you mean");
    harness.press("Ctrl-u");
    harness.type_text("in:inbxo");
    harness.expect("there is no folder \"inbxo\"; did you mean in:inbox ?");
    harness.press("Ctrl-u");
    harness.type_text("is:starred");
    harness.expect("Receipt for order");
}

#[test]
fn a_click_on_what_was_found_ends_the_typing() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("/");
    harness.type_text("an");
    harness.mouse(MouseKind::Click, 10, 3);
    harness.mouse(MouseKind::Click, 10, 3);
    harness.expect("From   PLN");
    harness.press("q");
    harness.expect("found · everywhere");
    harness.press("d");
    harness.expect("Moved 1 conversation to Trash");
}

#[test]
fn help_over_the_links_is_about_the_links() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("Enter o ?");
    harness.expect("Help · links and attachments");
    harness.type_text("simpan");
    harness.press("Enter");
    harness.expect("✓ Saved");
    harness.expect("Links and attachments");
}

#[test]
fn nothing_found_says_what_to_try() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("/");
    harness.type_text("nosuchword");
    harness.expect("No mail for nosuchword");
    harness.expect("in:all looks there too");
}

#[test]
fn pasted_text_is_searched_for_and_never_run_as_keys() {
    let mut harness = Harness::inbox(80, 24);
    harness.send(surat::ui::message::Event::Paste("ddddd\n".into()));
    harness.expect("Pasted text is only taken where text is typed");
    assert!(!harness.effects.iter().any(|effect| matches!(effect, Effect::Edit { .. })));
    harness.press("/");
    harness.send(surat::ui::message::Event::Paste("tagihan\n".into()));
    harness.expect("1 found");
}

#[test]
fn help_filters_by_word_and_runs_the_line() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("?");
    harness.type_text("hapus");
    harness.expect("move to Trash");
    harness.expect_not("move to Archive");
    harness.press("Ctrl-u");
    harness.type_text("arsip");
    harness.press("Enter");
    harness.expect("Archived 1 conversation");
    harness.press("? Tab");
    harness.expect("Help · all screens");
}

#[test]
fn the_palette_runs_commands_and_goes_to_folders() {
    let mut harness = Harness::inbox(80, 24);
    harness.press(":");
    harness.type_text("invo");
    harness.press("Enter");
    harness.expect("Invoices · work");
    harness.press("Ctrl-k");
    harness.type_text("bin");
    harness.expect("▌ ");
    harness.press("Esc : q u i t Enter");
    assert!(harness.effects.contains(&Effect::Quit));
}

#[test]
fn every_command_of_the_table_stands_in_help_with_its_key() {
    for context in [Context::List, Context::Reader, Context::Folders] {
        let mut harness = Harness::inbox(120, 40);
        match context {
            Context::Reader => harness.press("Enter"),
            Context::Folders => harness.press("h"),
            _ => {}
        }
        harness.press("?");
        for command in
            COMMANDS.iter().filter(|command| command.works_in(context) && !command.name.starts_with("go-account"))
        {
            harness.press("Ctrl-u");
            harness.type_text(command.name);
            harness.expect(&format!(" {}", command.name));
        }
    }
}

#[test]
fn folders_open_from_their_list() {
    let mut harness = Harness::inbox(120, 40);
    harness.press("h j j j Enter");
    harness.expect("Archive · work");
    harness.press("\\");
    harness.expect_not("Folders");
    let mut narrow = Harness::inbox(60, 20);
    narrow.press("\\");
    narrow.expect("Folders");
    narrow.press("G Enter");
    narrow.expect("Trash · home");
}
