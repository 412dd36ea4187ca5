//! Owns what the configuration file means: its keys, their defaults, and what is refused.
//!
//! It does not write the file: `edit` does.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::config::account::{
    self, Account, Auth, Leave, Offline, Password, Protocol, Security, Server, Source, Submit,
};
use crate::config::error::{Error, Problem};
use crate::config::keymap::Keymap;
use crate::config::paths;
use crate::config::section::{Section, Text, mean};
use crate::config::theme::Theme;
use crate::mail::mailbox::Role;

/// A configuration file larger than this is none.
const MOST_BYTES: u64 = 4 << 20;

/// What the user wishes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// How the screen looks.
    pub ui: Ui,
    /// The accounts, in the order of the file.
    pub accounts: Vec<Account>,
    /// The keys, the user's own in place of the default ones.
    pub keys: Keymap,
}

/// How the screen looks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ui {
    /// Which accents suit the terminal's background.
    pub theme: Theme,
}

impl Config {
    /// Reads the file; a missing one is the default. Any mistake is an error that names all of them.
    pub fn load(path: &Path) -> Result<Config, Error> {
        match Self::load_what_is_right(path) {
            (config, None) => Ok(config),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads what is right of the file and says what is not, so that an interface can start with a banner. An account
    /// in which something is wrong is left out: it must not do anything that its owner did not mean.
    pub fn load_what_is_right(path: &Path) -> (Config, Option<Error>) {
        let (text, metadata) = match read(path) {
            Ok(Some(found)) => found,
            Ok(None) => return (Config::default(), None),
            Err(error) => return (Config::default(), Some(error)),
        };
        let (config, problems) = Self::parse(path, &text);
        if config.accounts.iter().any(Account::runs_commands)
            && let Err(why) = is_ours(path, &metadata)
        {
            return (Config::default(), Some(Error::Unsafe { path: path.to_owned(), why }));
        }
        (config, Some(problems).filter(|problems| !problems.is_empty()).map(Error::Problems))
    }

    /// Reads a text. `path` only names it in the mistakes.
    pub fn parse(path: &Path, text: &str) -> (Config, Vec<Problem>) {
        let source = Text::new(path, text);
        let mut config = Config::default();
        match DeTable::parse(text) {
            // The message alone: the error's full form repeats the line, and that line may hold a secret.
            Err(error) => source.complain(error.span().map_or(0, |span| span.start), error.message()),
            Ok(table) => read_all(&mut config, &source, table.get_ref()),
        }
        (config, source.into_problems())
    }

    /// Gives the account of a name.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }
}

fn read(path: &Path) -> Result<Option<(String, Metadata)>, Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io("read", path))?,
    };
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return Err(Error::Other(format!("{} is a directory, not a configuration file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default());
        let source = Text::new(path, &before);
        source.complain(valid, "this is not UTF-8; save the file as UTF-8 text");
        Error::Problems(source.into_problems())
    })?;
    Ok(Some((text, metadata)))
}

/// Says who else could change a file whose commands are going to be run (reliability.md T48). Root could anyway.
fn is_ours(path: &Path, file: &Metadata) -> Result<(), String> {
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let me = rustix::process::geteuid().as_raw();
    let is_mine = |metadata: &Metadata| metadata.uid() == me || metadata.uid() == 0;
    if !is_mine(file) {
        return Err("it belongs to another user; make a copy of your own".to_owned());
    }
    if file.mode() & OTHERS_WRITE != 0 {
        return Err(format!("other users may write it; run: chmod 600 {}", path.display()));
    }
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(dir) = real.parent()
        && let Ok(metadata) = fs::metadata(dir)
        && (!is_mine(&metadata) || (metadata.mode() & OTHERS_WRITE != 0 && metadata.mode() & STICKY == 0))
    {
        return Err(format!("other users may replace it; run: chmod 700 {}", dir.display()));
    }
    Ok(())
}

fn read_all<'a>(config: &mut Config, text: &'a Text<'a>, table: &'a DeTable<'a>) {
    let mut all = Section::new(text, String::new(), 0, table);
    if let Some(mut ui) = all.section("ui") {
        config.ui.theme = ui.choice("theme", &Theme::ALL.map(|theme| (theme.as_str(), theme))).unwrap_or_default();
        ui.finish();
    }
    if let Some(accounts) = all.section("accounts") {
        for (name, section) in accounts.sections() {
            let before = text.problem_count();
            let account = read_account(&name, section);
            if text.problem_count() == before {
                config.accounts.extend(account);
            }
        }
    }
    if let Some(keys) = all.section("keys") {
        config.keys = read_keys(text, keys);
    }
    all.finish();
}

fn read_account(name: &str, mut section: Section<'_>) -> Option<Account> {
    if let Err(what) = account::check_name(name) {
        section.complain("", what);
    }
    let email = section.checked("email", |email| account::check_email(email).map(|()| email.to_owned()));
    if !section.has("email") {
        section.miss("email", "\"you@example.org\"");
    }
    let user = email.clone().unwrap_or_default();
    let full_name = section.text("name");
    let aliases = section.texts("aliases");
    if let Some(bad) = aliases.iter().find(|alias| account::check_email(alias).is_err()) {
        section.complain("aliases", format!("\"{bad}\" is no e-mail address"));
    }
    let signature = section.text("signature");
    let offline = section.choice("offline", &Offline::WORDS).unwrap_or_default();
    let is_disabled = section.flag("disabled");
    let source = read_source(&mut section, &user);
    let smtp = section.section("smtp").and_then(|smtp| read_submit(smtp, &user));
    let mut folders = Vec::new();
    if let Some(mut roles) = section.section("folders") {
        for role in Role::ALL {
            folders.extend(roles.text(role.as_str()).map(|folder| (role, folder)));
        }
        roles.finish();
    }
    section.finish();
    let mut account = Account::new(name, &email?, source?);
    (account.full_name, account.aliases, account.signature) = (full_name, aliases, signature);
    (account.offline, account.is_disabled) = (offline, is_disabled);
    (account.smtp, account.folders) = (smtp, folders.into_iter().collect());
    Some(account)
}

fn read_source(section: &mut Section<'_>, user: &str) -> Option<Source> {
    let imap = section.section("imap");
    let pop3 = section.section("pop3");
    let maildir = section.section("maildir");
    let said = [section.has("imap"), section.has("pop3"), section.has("maildir")].into_iter().filter(|has| *has);
    match said.count() {
        0 => section.complain("", "an account needs one of the sections imap, pop3 or maildir: where its mail is"),
        1 => {}
        _ => section.complain("", "an account has only one of the sections imap, pop3 and maildir"),
    }
    let imap = imap.map(|section| read_server(section, Protocol::Imap, user).map(Source::Imap));
    let pop3 = pop3.map(|mut section| {
        let leave = read_leave(&mut section);
        read_server(section, Protocol::Pop3, user).map(|server| Source::Pop3(server, leave))
    });
    let maildir = maildir.map(|mut section| {
        let path = section.checked("path", paths::expand);
        if !section.has("path") {
            section.miss("path", "\"/home/you/Mail\"");
        }
        section.finish();
        path.map(|path| Source::Maildir { path })
    });
    imap.or(pop3).or(maildir).flatten()
}

fn read_leave(section: &mut Section<'_>) -> Leave {
    const WANTED: &str = "\"never\", \"always\" or a number of days";
    match section.text_or_number("leave_on_server", WANTED) {
        None => Leave::default(),
        Some(Err(days)) => Leave::Days(days),
        Some(Ok(word)) if word == "never" => Leave::Never,
        Some(Ok(word)) if word == "always" => Leave::Always,
        Some(Ok(word)) => {
            section.complain(
                "leave_on_server",
                format!("\"leave_on_server\" is {WANTED}, not \"{word}\"{}", mean(&word, ["never", "always"])),
            );
            Leave::Always
        }
    }
}

fn read_submit(mut section: Section<'_>, user: &str) -> Option<Submit> {
    if !section.has("sendmail") {
        section.allow("sendmail");
        return read_server(section, Protocol::Smtp, user).map(Submit::Server);
    }
    let program = section.text("sendmail");
    section.finish();
    program.map(Submit::Sendmail)
}

fn read_server(mut section: Section<'_>, protocol: Protocol, user: &str) -> Option<Server> {
    let host = section.text("host");
    let port = section.port("port");
    let security = section.choice("security", &Security::WORDS);
    let username = section.text("username").unwrap_or_else(|| user.to_owned());
    let auth = section.choice("auth", &Auth::WORDS).unwrap_or_default();
    let password = read_password(&mut section);
    let ca_file = section.checked("ca_file", paths::expand);
    let (port, security) = protocol.settle(port, security);
    match &host {
        Some(host) => {
            if let Err(what) = account::check_host(host, security) {
                section.complain("host", what);
            }
        }
        None if section.has("host") => {}
        None => section.miss("host", "\"imap.example.org\""),
    }
    section.finish();
    Some(Server { host: host?, port, security, username, password, auth, ca_file })
}

/// Reads `{ command = "…" }` or `{ keyring = true }`. A password itself is refused and never repeated.
fn read_password(section: &mut Section<'_>) -> Option<Password> {
    const WANTED: &str = "password = { command = \"pass show mail/work\" }";
    if !section.has("password") {
        section.allow("password");
        return None;
    }
    if !section.is_table("password") {
        section.allow("password");
        section.complain("password", format!("a password cannot stand in this file; write {WANTED}"));
        return None;
    }
    let mut table = section.section("password")?;
    let command = table.text("command");
    let is_keyring = table.flag("keyring");
    let password = match (command, is_keyring) {
        (Some(command), false) if !command.trim().is_empty() => Some(Password::Command(command)),
        (None, true) => Some(Password::Keyring),
        _ => {
            table.complain("", format!("say how to get the password: {WANTED}"));
            None
        }
    };
    table.finish();
    password
}

/// Reads the user's keys; where one is wrong, the default ones hold.
fn read_keys(text: &Text<'_>, section: Section<'_>) -> Keymap {
    let mut settings = Vec::new();
    for (command, at, value) in section.entries() {
        let keys: Option<Vec<String>> = match value {
            DeValue::String(keys) => Some(vec![keys.to_string()]),
            DeValue::Array(array) => array.iter().map(|key| key.get_ref().as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        match keys {
            Some(keys) => settings.push((command, at, keys)),
            None => text.complain(at, format!("the keys of \"{command}\" are a text, as \"g a\", or a list of texts")),
        }
    }
    let overrides = settings.iter().map(|(command, _, keys)| (command.as_str(), keys.as_slice()));
    Keymap::with_overrides(overrides).unwrap_or_else(|problem| {
        let entry = settings.iter().find(|(command, _, _)| command == problem.name());
        text.complain(entry.map_or(0, |(_, at, _)| *at), problem.to_string());
        Keymap::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::command::{CommandId, Context};
    use crate::config::key::spell;

    fn parse(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = Config::parse(Path::new("config.toml"), text);
        (config, problems.iter().map(Problem::to_string).collect())
    }

    #[test]
    fn a_full_file_is_read_with_its_order_and_defaults() {
        let (config, problems) = parse(
            r#"
            [ui]
            theme = "dark"
            [accounts.work]
            email = "ayu@example.org"
            name = "Ayu Lestari"
            aliases = ["a.lestari@example.org"]
            offline = "recent"
            [accounts.work.imap]
            host = "imap.example.org"
            password = { command = "pass show mail/work" }
            [accounts.work.smtp]
            host = "smtp.example.org"
            port = 587
            username = "ayu"
            [accounts.work.folders]
            sent = "Sent Items"
            [accounts.attic]
            email = "me@example.net"
            disabled = true
            [accounts.attic.pop3]
            host = "::1"
            security = "none"
            port = 1110
            leave_on_server = 14
            password.keyring = true
            [accounts.files]
            email = "x@example.net"
            maildir.path = "/var/mail/x"
            smtp.sendmail = "/usr/sbin/sendmail"
            [keys]
            archive = ["F7", "F9"]
            "#,
        );
        assert_eq!(problems, Vec::<String>::new());
        let names: Vec<_> = config.accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, ["work", "attic", "files"]);
        let work = config.account("work").unwrap();
        assert_eq!(work.own_addresses(), ["ayu@example.org", "a.lestari@example.org"]);
        assert_eq!((work.offline, work.is_disabled), (Offline::Recent, false));
        let Source::Imap(server) = &work.source else { panic!("{work:?}") };
        assert_eq!((server.place().as_str(), server.security), ("imap.example.org:993", Security::Tls));
        assert_eq!(server.username, "ayu@example.org");
        assert_eq!(server.password, Some(Password::Command("pass show mail/work".to_owned())));
        let Some(Submit::Server(smtp)) = &work.smtp else { panic!("{work:?}") };
        assert_eq!((smtp.port, smtp.security, smtp.username.as_str()), (587, Security::StartTls, "ayu"));
        assert_eq!(work.folders.get(&Role::Sent).map(String::as_str), Some("Sent Items"));
        let attic = config.account("attic").unwrap();
        assert!(attic.is_disabled && attic.unsupported().is_some_and(|why| why.contains("POP3")));
        assert!(matches!(attic.source, Source::Pop3(_, Leave::Days(14))));
        assert_eq!(attic.source.place(), "[::1]:1110");
        let files = config.account("files").unwrap();
        assert_eq!(files.smtp, Some(Submit::Sendmail("/usr/sbin/sendmail".to_owned())));
        let keys: Vec<_> = config.keys.keys_of(Context::List, CommandId::Archive).map(spell).collect();
        assert_eq!(keys, ["F7", "F9"]);
    }

    #[test]
    fn each_mistake_is_named_with_its_place_and_its_remedy() {
        let account = "[accounts.work]\nemail = \"a@b.org\"\n";
        let imap = format!("{account}[accounts.work.imap]\nhost = \"h.org\"\n");
        let cases = [
            (
                "[ui]\n  them = \"x\"".to_owned(),
                "config.toml:2:3: unknown key \"them\" in [ui], did you mean \"theme\"?",
            ),
            ("[account.work]".to_owned(), "config.toml:1:2: unknown key \"account\", did you mean \"accounts\"?"),
            ("[ui]\ntheme = 3".to_owned(), "config.toml:2:9: \"theme\" must be text in quotes"),
            (
                "[ui]\ntheme = \"dork\"".to_owned(),
                "config.toml:2:9: \"theme\" is one of \"auto\", \"dark\", \"light\", not",
            ),
            ("a = ".to_owned(), "config.toml:1:5: "),
            (account.to_owned(), "config.toml:1:11: an account needs one of the sections imap, pop3 or maildir"),
            (format!("{imap}port = 70000"), "config.toml:5:8: \"port\" must be a number from 1 to 65535"),
            (
                format!("{imap}security = \"startls\""),
                "config.toml:5:12: \"security\" is one of \"tls\", \"starttls\", \"none\", not \"startls\", \
                 did you mean \"starttls\"?",
            ),
            (format!("{imap}security = \"none\""), "config.toml:4:8: security = \"none\" is for this computer only"),
            (format!("{imap}pasword = 1"), "config.toml:5:1: unknown key \"pasword\" in [accounts.work.imap], did you"),
            (format!("{imap}password = {{ comand = \"x\" }}"), "config.toml:5:14: unknown key \"comand\""),
            (format!("{imap}ca_file = \"x.pem\""), "config.toml:5:11: \"ca_file\": must begin with / or ~/"),
            (format!("{imap}[accounts.work.pop3]\nhost=\"h.org\""), "config.toml:1:11: an account has only one of"),
            (
                "[accounts.\"a b\"]\nemail=\"a@b\"\nmaildir.path=\"/x\"".to_owned(),
                "config.toml:1:11: an account's name",
            ),
            ("[accounts.a]\nmaildir.path=\"/x\"".to_owned(), "config.toml:1:11: [accounts.a] needs email = "),
            (
                "[accounts.a]\nemail=\"a\"\nmaildir.path=\"/x\"".to_owned(),
                "config.toml:2:7: \"email\": this is no e-mail",
            ),
            ("[accounts]\na = 1".to_owned(), "config.toml:2:1: \"accounts.a\" must be a section, [accounts.a]"),
            ("[keys]\nquit = 1".to_owned(), "config.toml:2:1: the keys of \"quit\" are a text"),
            ("[keys]\n archiv = \"e\"".to_owned(), "config.toml:2:2: no command `archiv`, did you mean `archive`?"),
            ("[keys]\n\narchive = \"Hyper-e\"".to_owned(), "config.toml:3:1: `archive`: "),
        ];
        for (text, expected) in cases {
            let (config, problems) = parse(&text);
            assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{text}\n{problems:#?}");
            assert!(config.accounts.is_empty(), "an account with a mistake is left out: {text}");
        }
    }

    #[test]
    fn a_password_in_the_file_is_refused_and_not_repeated() {
        for line in ["password = \"hunter2\"", "password = \"hunter2", "password = { value = \"hunter2\" }"] {
            let text =
                format!("[accounts.work]\nemail = \"a@b.org\"\n[accounts.work.imap]\nhost = \"h.org\"\n{line}\n");
            let (_, problems) = parse(&text);
            assert!(!problems.is_empty(), "{line}");
            assert!(!problems.concat().contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn columns_count_characters() {
        let (_, problems) = parse("[accounts.a]\nsmtp = { host = \"bücher.org\", \"pört\" = 1 }");
        let expected = "config.toml:2:31: unknown key \"pört\" in [accounts.a.smtp], did you mean \"port\"?";
        assert!(problems.iter().any(|problem| problem == expected), "{problems:?}");
    }

    #[test]
    fn commands_in_a_file_that_others_may_write_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        let account = "[accounts.a]\nemail = \"a@b.org\"\n";
        let with_command = format!("{account}imap = {{ host = \"h.org\", password = {{ command = \"id\" }} }}");
        for (text, mode, is_fine) in [
            (format!("{account}maildir.path = \"/x\""), 0o666, true),
            (with_command.clone(), 0o600, true),
            (with_command.clone(), 0o644, true),
            (with_command.clone(), 0o620, false),
            (with_command.clone(), 0o602, false),
        ] {
            fs::write(&path, &text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = Config::load(&path);
            assert_eq!(loaded.is_ok(), is_fine, "{mode:o} {text}: {loaded:?}");
            if !is_fine {
                assert!(loaded.unwrap_err().to_string().contains("chmod 600"), "{mode:o}");
            }
        }
        fs::write(&path, &with_command).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Config::load(&path), Err(Error::Unsafe { .. })), "the directory decides too");
    }

    #[test]
    fn a_missing_file_is_the_default_and_a_directory_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Config::load(&home.path().join("none.toml")).unwrap(), Config::default());
        assert!(Config::load(home.path()).unwrap_err().to_string().contains("is a directory"));
    }
}
