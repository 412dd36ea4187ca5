//! Wrong command lines, wrong configurations, help, completions, manual pages.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::cli::Home;

#[test]
fn a_wrong_command_line_gets_one_line_with_what_was_meant() {
    let home = Home::new();
    let cases: [(&[&str], &str); 16] = [
        (&["--nope"], "there is no flag --nope; see `surat --help`"),
        (&["--jsn", "list"], "there is no flag --jsn, did you mean --json?"),
        (&["lst"], "there is no command \"lst\", did you mean list?"),
        (&["list", "--limt", "3"], "there is no flag --limt, did you mean --limit?"),
        (&["list", "--limit", "many"], "\"many\" is not valid for --limit <N>"),
        (&["list", "--limit"], "--limit <N> needs a value"),
        (&["account"], "say what to do: add, list, check, remove"),
        (&["account", "ad"], "there is no command \"ad\", did you mean add?"),
        (&["show"], "<ID> is missing; see `surat show --help`"),
        (&["show", "x", "--raw", "--text"], "cannot both be said"),
        (&["mark", "x"], "is missing"),
        (&["move", "x"], "see `surat move --help`"),
        (&["export"], "is missing"),
        (&["completions", "fsh"], "did you mean fish?"),
        (&["demo", "--size", "big"], "such as 120x40"),
        (&["--log", "all", "list"], "it is one of off, error, warn, info, debug, trace"),
    ];
    for (arguments, expected) in cases {
        let stderr = home.fails(2, arguments);
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    }
    assert!(!home.path(".local").exists(), "a mistake makes no files");
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_place() {
    let home = Home::new();
    home.write_config("[ui]\nthem = \"dark\"\n");
    for command in [&["list"][..], &["sync"], &["account", "list"], &["folders"], &["search", "x"]] {
        let stderr = home.fails(2, command);
        assert!(stderr.contains("config.toml:2:1: unknown key \"them\" in [ui], did you mean \"theme\"?"), "{stderr}");
    }
}

#[test]
fn without_an_account_the_way_to_one_is_said() {
    let home = Home::new();
    for command in [&["list"][..], &["sync"], &["folders"], &["search", "x"], &["undo"], &["account", "check"]] {
        let stderr = home.fails(2, command);
        assert!(stderr.contains("surat account add you@example.org --no-input --imap"), "{command:?}: {stderr}");
        assert!(stderr.contains("surat demo"), "{command:?}: {stderr}");
    }
    assert_eq!(home.json(&["account", "list"]), serde_json::json!([]), "an empty list is a success");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let home = Home::new();
    assert!(home.ok(&["--help"]).contains("surat demo"));
    assert!(home.ok(&["account", "add", "--help"]).contains("--password-command"));
    assert_eq!(home.ok(&["--version"]).trim(), concat!("surat ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_has_its_completions_and_every_command_its_page() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.ok(&["completions", shell]);
        assert!(script.contains("surat") && script.contains("attachments"), "{shell}");
    }
    let page = home.ok(&["man"]);
    assert!(page.contains(".TH surat 1") && page.contains(concat!("surat ", env!("CARGO_PKG_VERSION"))));
    home.ok(&["man", "--dir", "pages"]);
    for name in ["surat.1", "surat-list.1", "surat-account-add.1", "surat-export.1"] {
        assert!(fs::metadata(home.path("pages").join(name)).unwrap().len() > 200, "{name}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    let mut child =
        home.command(&["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}
