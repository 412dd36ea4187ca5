//! Wrong command lines, wrong configurations, help, completions, manual pages.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::cli::Home;

#[test]
fn a_wrong_command_line_gets_one_line_with_what_was_meant() {
    let home = Home::new();
    let cases: [(&[&str], &str); 20] = [
        (&["--nope"], "there is no flag --nope; see `surat --help`"),
        (&["--jsn", "list"], "there is no flag --jsn, did you mean --json?"),
        (&["lst"], "there is no command \"lst\", did you mean list?"),
        (&["list", "--limt", "3"], "there is no flag --limt, did you mean --limit?"),
        (
            &["list", "--limit", "many"],
            "\"many\" is not valid for --limit <N>: it is a number such as 20, or 0 for all",
        ),
        (&["list", "--limit", "-1"], "it is a number such as 20, or 0 for all"),
        (&["mark", "x", "--star"], "there is no flag --star, did you mean --starred?"),
        (&["mark", "x", "--unrad"], "did you mean --unread?"),
        (&["list", "--limit"], "--limit <N> needs a value"),
        (&["account"], "say what to do: add, list, check, remove"),
        (&["account", "ad"], "there is no command \"ad\", did you mean add?"),
        (&["show"], "<ID> is missing; see `surat show --help`"),
        (&["show", "x", "--raw", "--text"], "cannot both be said"),
        (&["mark", "x"], "is missing"),
        (&["move", "x"], "it goes: surat move [OPTIONS] <ID>... <FOLDER>"),
        (&["list", "inbox"], "\"inbox\" has no place here; see `surat list --help`"),
        (&["export"], "is missing"),
        (&["completions", "fsh"], "did you mean fish?"),
        (&["demo", "--size", "big"], "such as 120x40"),
        (&["--log", "all", "list"], "it is one of off, error, warn, info, debug, trace"),
    ];
    for (arguments, expected) in cases {
        let stderr = home.fails(2, arguments);
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert!(home.json_failure(2, arguments).contains(expected), "{arguments:?}");
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
fn each_bad_configuration_gets_one_line_with_its_place_and_its_remedy() {
    const WORK: &str = "[accounts.work]\nemail = \"a@b.org\"\n";
    const IMAP: &str = "[accounts.work]\nemail = \"a@b.org\"\n[accounts.work.imap]\n";
    let home = Home::new();
    let cases: [(&str, &str, &str); 26] = [
        ("", "x", "1:2: key with no value"),
        ("", "accounts = 3", "1:12: \"accounts\" must be a section, [accounts]"),
        ("", "[accounts]\nwork = 3", "2:1: \"accounts.work\" must be a section, [accounts.work]"),
        ("", "[key]", "1:2: unknown key \"key\", did you mean \"keys\"?"),
        (
            "",
            "[ui]\ntheme = \"drak\"",
            "2:9: \"theme\" is one of \"auto\", \"dark\", \"light\", not \"drak\", did you mean",
        ),
        ("", "[keys]\nquti = \"Q\"", "2:1: no command `quti`, did you mean `quit`?"),
        ("", "[keys]\nquit = \"Hyper-Q-Z\"", "2:1: `quit`: `Hyper-Q-Z` is no key: write"),
        ("", "[keys]\nquit = \"j\"", "2:1: `j` would run both `quit` and `down` in the list: give one of them"),
        (
            "",
            "[accounts.work]\nemial = \"a@b.org\"\nmaildir.path = \"/x\"",
            "2:1: unknown key \"emial\" in [accounts.work], did",
        ),
        ("", "[accounts.work]\nmaildir.path = \"/x\"", "1:11: [accounts.work] needs email = \"you@example.org\""),
        ("", "[accounts.work]\nemail = \"a b\"\nmaildir.path = \"/x\"", "2:9: \"email\": this is no e-mail address"),
        ("", "[accounts.\"a b\"]\nemail = \"a@b.org\"\nmaildir.path = \"/x\"", "1:11: an account's name is made of"),
        ("", "[accounts.work]\nemail = \"open", "2:14: invalid basic string"),
        (WORK, "", "1:11: an account needs one of the sections imap, pop3 or maildir"),
        (WORK, "[accounts.work]\n", "3:11: duplicate key"),
        (WORK, "maildir.path = \"Mail\"", "3:16: \"path\": must begin with / or ~/"),
        (WORK, "maildir.path = \"/x\"\naliases = \"c@d\"", "4:11: \"aliases\" must be a list of texts"),
        (WORK, "maildir.path = \"/x\"\noffline = \"some\"", "4:11: \"offline\" is one of \"all\""),
        (WORK, "maildir.path = \"/x\"\nfolders.sentt = \"x\"", "unknown key \"sentt\" in [accounts.work.folders], did"),
        (IMAP, "hots = \"h.org\"", "4:1: unknown key \"hots\" in [accounts.work.imap], did you mean \"host\"?"),
        (IMAP, "host = \"h.org:993\"", "4:8: the port does not belong to the host; write port = 993"),
        (IMAP, "host = \"h.org\"\nport = \"993\"", "5:8: \"port\" must be a number from 1 to 65535, without quotes"),
        (IMAP, "host = \"h.org\"\nsecurity = \"none\"", "4:8: security = \"none\" is for this computer only"),
        (IMAP, "host = \"h.org\"\nsecurity = \"tsl\"", "5:12: \"security\" is one of \"tls\""),
        (
            IMAP,
            "host = \"h.org\"\npassword = \"hunter2\"",
            "5:12: a password cannot stand in this file; write password = { comm",
        ),
        (IMAP, "host = \"h.org\"\nca_file = \"my.pem\"", "5:11: \"ca_file\": must begin with / or ~/"),
    ];
    for (before, rest, expected) in cases {
        home.write_config(&format!("{before}{rest}\n"));
        let stderr = home.fails(2, &["list"]);
        let is_placed = stderr.starts_with(&format!("surat: {}:", home.config_file().display()));
        assert!(is_placed && stderr.contains(expected) && stderr.lines().count() == 1, "{rest}: {stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
    fs::write(home.config_file(), b"# sch\xf6n\n").unwrap();
    assert!(home.fails(2, &["list"]).contains("config.toml:1:6: this is not UTF-8; save the file as UTF-8 text"));
}

#[test]
fn a_place_that_cannot_be_used_is_named_with_a_remedy() {
    let home = Home::new();
    assert!(home.fails(2, &["--config", "typo.toml", "list"]).contains("there is no file typo.toml; --config names"));
    fs::write(home.path(".config"), "in the way").unwrap();
    let stderr = home.fails(1, &["account", "list"]);
    assert!(stderr.contains("; something in its path is a file, not a directory"), "{stderr}");
    fs::remove_file(home.path(".config")).unwrap();
    fs::create_dir_all(home.config_file()).unwrap();
    assert!(home.fails(2, &["sync"]).contains("is a directory, not a configuration file"));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = home.command(&["man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the output"), "{output:?}");
}

#[test]
fn a_failure_stands_in_the_log_and_a_log_that_cannot_be_written_is_no_failure() {
    let home = Home::new();
    home.write_config("[ui]\nthem = \"dark\"\n");
    home.fails(2, &["list"]);
    let log = home.path(".local/state/surat/surat.log");
    let told = fs::read_to_string(&log).unwrap();
    assert!(told.contains("ERROR") && told.contains("unknown key \"them\""), "{told}");
    home.fails(2, &["list", "--log", "off"]);
    assert_eq!(fs::read_to_string(&log).unwrap(), told);
    fs::remove_dir_all(home.path(".local/state")).unwrap();
    fs::write(home.path(".local/state"), "in the way").unwrap();
    home.write_config("");
    home.ok(&["account", "list"]);
    assert!(home.fails(1, &["account", "list", "--log", "info"]).contains(".local/state"), "asked for, it is one");
}

#[test]
fn without_an_account_the_way_to_one_is_said() {
    let home = Home::new();
    for command in [&["list"][..], &["sync"], &["folders"], &["search", "x"], &["undo"], &["account", "check"]] {
        let stderr = home.fails(2, command);
        assert!(stderr.contains("\nsurat:   surat account add EMAIL --no-input --imap HOST"), "{command:?}: {stderr}");
        assert!(stderr.lines().all(|line| line.len() <= 80), "{command:?}: {stderr}");
        assert!(stderr.contains("surat demo"), "{command:?}: {stderr}");
    }
    assert_eq!(home.json(&["account", "list"]), serde_json::json!([]), "an empty list is a success");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let home = Home::new();
    assert!(home.ok(&["--help"]).contains("surat demo"));
    let help = home.ok(&["account", "add", "--help"]);
    let (own, everywhere) = help.split_once("\nEverywhere:\n").unwrap();
    assert!(own.contains("--password-command") && !own.contains("--data-dir"), "{help}");
    assert!(everywhere.contains("--data-dir") && !everywhere.contains("--imap"), "{help}");
    assert_eq!(home.ok(&["--version"]).trim(), concat!("surat ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_has_its_completions_and_every_command_its_page() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.ok(&["completions", shell]);
        assert!(script.contains("surat") && script.contains("attachments"), "{shell}");
    }
    let script = home.json(&["completions", "fish"]);
    assert!(script["shell"] == "fish" && script["script"].as_str().unwrap().contains("surat"), "{script}");
    assert!(home.json_failure(2, &[]).contains("--json belongs to a command"));
    assert!(home.json_failure(2, &["demo"]).contains("--json belongs to a command"));
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
