//! Owns finding: mail by typing, commands by name, keys by what they do.

use ratatui::style::Modifier;
use surat::config::command::{COMMANDS, Context};
use surat::mail::wrap;
use surat::ui::Settings;
use surat::ui::message::{Effect, MouseKind};

use crate::ui::harness::{Harness, letters};

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
fn a_second_search_takes_the_place_of_the_first_unless_it_is_gone_on_with() {
    let mut harness = Harness::inbox(80, 24);
    harness.press("/");
    harness.type_text("receipt");
    harness.press("Enter /");
    harness.expect(" / receipt");
    harness.type_text("thesis");
    harness.expect(" / thesis");
    harness.expect("1 found");
    harness.press("Enter / End");
    harness.type_text("x");
    harness.expect(" / thesisx");
    harness.press("Enter / Backspace");
    harness.expect_not("thesis");
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

/// Gives the texts on the screen that have a modifier, row by row.
fn texts_with(harness: &Harness, modifier: Modifier) -> Vec<String> {
    let buffer = harness.buffer();
    let row = |y| -> String {
        let cells = (0..buffer.area.width).map(|x| &buffer[(x, y)]);
        cells.filter(|cell| cell.modifier.contains(modifier)).map(|cell| cell.symbol()).collect()
    };
    (0..buffer.area.height).map(row).filter(|text| !text.trim().is_empty()).collect()
}

#[test]
fn the_words_of_a_search_are_marked_in_the_list_and_in_the_message() {
    for color in [true, false] {
        let settings = Settings { color, many_colors: color, ..Settings::default() };
        let mut harness = Harness::with(80, 24, letters(), settings);
        harness.press("/");
        harness.type_text("pallet budi");
        harness.press("Ctrl-u");
        harness.type_text("bandung");
        assert!(texts_with(&harness, Modifier::UNDERLINED).contains(&"Bandung".to_owned()), "{}", harness.screen());
        harness.press("Enter Enter");
        assert!(texts_with(&harness, Modifier::REVERSED).contains(&"Bandung".to_owned()), "{}", harness.screen());
        harness.press("Esc Esc Enter");
        assert!(!texts_with(&harness, Modifier::REVERSED).contains(&"Bandung".to_owned()));
    }
}

#[test]
fn n_goes_from_match_to_match_in_what_was_found_and_opens_quotes() {
    let mut fake = letters();
    let body = (0..60).map(|line| format!("line {line}{}\n", if line % 25 == 20 { " bandung" } else { "" }));
    let body: String = body.collect();
    let raw = format!(
        "From: budi@example.test\nSubject: Offsite\n\n{body}\n> quoted\n> a\n> b\n> c\n> d\n> e bandung\n> f\n"
    );
    fake.raw = Some(raw.into_bytes());
    let mut harness = Harness::new(80, 24, fake);
    harness.press("/");
    harness.type_text("bandung");
    harness.press("Enter Enter");
    harness.expect_not("line 20 bandung");
    harness.press("n");
    harness.expect("line 20 bandung");
    harness.expect("Line 1 of 3 with what was searched for");
    harness.press("n n");
    harness.expect("e bandung");
    harness.press("n");
    harness.expect("No more of what was searched for below · N goes up");
    harness.press("N N");
    harness.expect("line 20 bandung");
}

#[test]
fn every_command_is_described_on_the_smallest_screen_too() {
    let mut harness = Harness::inbox(40, 12);
    harness.press("?");
    harness.type_text("archive");
    harness.expect("e       move to Archive");
    harness.press("Esc g");
    harness.wait(300);
    for words in ["i  Inbox", "x  Trash", "f  any folder", "2  home"] {
        harness.expect(words);
    }
    harness.press("Esc :");
    harness.type_text("next-un");
    harness.expect("To the next unread conversation;");
    harness.expect("in a mail found: the next match");
    for command in COMMANDS {
        let lines = wrap::wrap(&[wrap::Run::new(command.sentence, ())], 34, 34);
        assert!(lines.len() <= 2, "too long for two short lines: {}", command.sentence);
    }
}

#[test]
fn narrow_screens_name_the_folders_and_say_what_each_key_does() {
    Harness::inbox(80, 24).expect("\\ folders");
    let lines = Harness::inbox(40, 12).lines();
    assert_eq!(lines.last().unwrap(), " Enter open  e archive  d trash  ? help");
}
