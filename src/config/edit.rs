//! Owns writing the configuration file: one change at a time, comments and order stay as the user left them.
//!
//! It never writes a file that `file` would not read back as meant.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::config::account::{Account, Auth, Leave, Offline, Password, Server, Source, Submit};
use crate::config::{Config, Error, private};

/// Adds an account behind those that are there. One of the same name is an error and stays as it is.
pub fn add_account(path: &Path, account: &Account) -> Result<(), Error> {
    edit(path, |document| {
        let accounts = accounts(document, path)?;
        if accounts.contains_key(&account.name) {
            return Err(Error::Other(format!(
                "there is already an account \"{}\" in {}; choose another name with --account-name, \
                 or remove that one first",
                account.name,
                path.display()
            )));
        }
        accounts.insert(&account.name, Item::Table(account_table(account)));
        Ok(())
    })?;
    match Config::load_what_is_right(path).0.account(&account.name) {
        Some(written) if written == account => Ok(()),
        _ => Err(Error::Other(format!("{} does not read back as it was written", path.display()))),
    }
}

/// Removes an account from the file.
pub fn remove_account(path: &Path, name: &str) -> Result<(), Error> {
    edit(path, |document| {
        let accounts = accounts(document, path)?;
        let Some(removed) = accounts.remove(name) else {
            return Err(Error::Other(format!("there is no account \"{name}\" in {}", path.display())));
        };
        if accounts.is_empty() && accounts.is_implicit() {
            document.remove("accounts");
        }
        keep_comments_before(document, &removed);
        Ok(())
    })
}

/// Reads, changes and replaces the file, alone among all processes.
fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<(), Error>) -> Result<(), Error> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private::make_dir(dir)?;
    let lock = File::open(dir).map_err(Error::io("open", dir))?;
    lock.lock().map_err(Error::io("lock", dir))?;
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(Error::io("read", path))?,
    };
    let mut document = text.parse::<DocumentMut>().map_err(|_| unreadable(path, &text))?;
    change(&mut document)?;
    let changed = document.to_string();
    // A new section brings its empty line along, which is one too many at the top of a file.
    let changed = if text.trim().is_empty() { changed.trim_start() } else { &changed };
    private::replace(path, changed.as_bytes())
}

/// Says where a text that is no TOML is wrong, in the words of reading it.
fn unreadable(path: &Path, text: &str) -> Error {
    Error::Problems(Config::parse(path, text).1)
}

fn accounts<'a>(document: &'a mut DocumentMut, path: &Path) -> Result<&'a mut Table, Error> {
    let item = document.entry("accounts").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    item.as_table_mut().ok_or_else(|| {
        Error::Other(format!(
            "\"accounts\" in {} is not written as [accounts.NAME] sections; only such can be changed from here",
            path.display()
        ))
    })
}

fn account_table(account: &Account) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table.insert("email", value(&account.email));
    insert_some(&mut table, "name", account.full_name.as_deref());
    if !account.aliases.is_empty() {
        table.insert("aliases", value(account.aliases.iter().collect::<Array>()));
    }
    insert_some(&mut table, "signature", account.signature.as_deref());
    if account.offline != Offline::default() {
        let word = Offline::WORDS.iter().find(|(_, offline)| *offline == account.offline).map(|(word, _)| *word);
        insert_some(&mut table, "offline", word);
    }
    if account.is_disabled {
        table.insert("disabled", value(true));
    }
    let source = match &account.source {
        Source::Imap(server) => server_table(server, account),
        Source::Pop3(server, leave) => {
            let mut table = server_table(server, account);
            table.insert(
                "leave_on_server",
                match leave {
                    Leave::Never => value("never"),
                    Leave::Always => value("always"),
                    Leave::Days(days) => value(i64::from(*days)),
                },
            );
            table
        }
        Source::Maildir { path } => {
            let mut table = Table::new();
            table.insert("path", value(path.to_string_lossy().as_ref()));
            table
        }
    };
    table.insert(account.source.kind(), Item::Table(source));
    match &account.smtp {
        Some(Submit::Server(server)) => {
            table.insert("smtp", Item::Table(server_table(server, account)));
        }
        Some(Submit::Sendmail(program)) => {
            let mut smtp = Table::new();
            smtp.insert("sendmail", value(program));
            table.insert("smtp", Item::Table(smtp));
        }
        None => {}
    }
    if !account.folders.is_empty() {
        let mut folders = Table::new();
        for (role, folder) in &account.folders {
            folders.insert(role.as_str(), value(folder));
        }
        table.insert("folders", Item::Table(folders));
    }
    table
}

fn server_table(server: &Server, account: &Account) -> Table {
    let mut table = Table::new();
    table.insert("host", value(&server.host));
    table.insert("port", value(i64::from(server.port)));
    table.insert("security", value(server.security.as_str()));
    if server.username != account.email {
        table.insert("username", value(&server.username));
    }
    if server.auth != Auth::default() {
        let word = Auth::WORDS.iter().find(|(_, auth)| *auth == server.auth).map(|(word, _)| *word);
        insert_some(&mut table, "auth", word);
    }
    if let Some(password) = &server.password {
        let mut inline = InlineTable::new();
        match password {
            Password::Command(command) => inline.insert("command", Value::from(command)),
            Password::Keyring => inline.insert("keyring", Value::from(true)),
        };
        table.insert("password", value(inline));
    }
    insert_some(&mut table, "ca_file", server.ca_file.as_ref().map(|path| path.to_string_lossy()).as_deref());
    table
}

fn insert_some(table: &mut Table, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        table.insert(key, value(text));
    }
}

/// Keeps what stands above a removed section and an empty line apart from it: a comment about the whole file, say.
fn keep_comments_before(document: &mut DocumentMut, removed: &Item) {
    let Some(table) = first_section(removed) else { return };
    let above = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let Some((kept, _)) = above.rsplit_once("\n\n") else { return };
    if kept.trim().is_empty() {
        return;
    }
    let kept = format!("{}\n", kept.trim_end());
    let after = table.position().unwrap_or_default();
    match next_section(document.as_table_mut(), after) {
        Some(next) => {
            let prefix = next.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
            next.decor_mut().set_prefix(format!("{kept}\n{}", prefix.trim_start_matches('\n')));
        }
        None => {
            let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
            document.set_trailing(format!("{kept}{trailing}"));
        }
    }
}

/// Gives the section that stands first in the file among an item and those below it.
fn first_section(item: &Item) -> Option<&Table> {
    let table = item.as_table()?;
    let own = (!table.is_implicit()).then_some(table);
    let below = table.iter().filter_map(|(_, item)| first_section(item));
    own.into_iter().chain(below).min_by_key(|table| table.position())
}

/// Finds the section that stands next in the file after a position.
fn next_section(table: &mut Table, after: isize) -> Option<&mut Table> {
    let mut best: Option<isize> = None;
    positions(table, &mut |position| {
        if position > after && best.is_none_or(|best| position < best) {
            best = Some(position);
        }
    });
    section_at(table, best?)
}

fn positions(table: &Table, see: &mut impl FnMut(isize)) {
    for (_, item) in table.iter() {
        if let Some(table) = item.as_table() {
            if let (false, Some(position)) = (table.is_implicit(), table.position()) {
                see(position);
            }
            positions(table, see);
        }
    }
}

fn section_at(table: &mut Table, position: isize) -> Option<&mut Table> {
    for (_, item) in table.iter_mut() {
        if let Some(table) = item.as_table_mut() {
            if !table.is_implicit() && table.position() == Some(position) {
                return Some(table);
            }
            if let Some(found) = section_at(table, position) {
                return Some(found);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::account::Security;

    fn imap(name: &str) -> Account {
        let server = Server {
            host: "imap.example.org".to_owned(),
            port: 993,
            security: Security::Tls,
            username: "ayu".to_owned(),
            password: Some(Password::Command("pass show \"mail/work\"".to_owned())),
            auth: Auth::Password,
            ca_file: Some("/etc/ssl/company.pem".into()),
        };
        let mut account = Account::new(name, "ayu@example.org", Source::Imap(server.clone()));
        account.full_name = Some("Ayu \"Lestari\" \u{e9}".to_owned());
        account.smtp = Some(Submit::Server(Server { port: 465, ..server }));
        account
    }

    fn maildir(name: &str) -> Account {
        Account::new(name, "x@example.org", Source::Maildir { path: "/var/mail/x".into() })
    }

    const BY_HAND: &str = "# my mail\n\n[ui]\ntheme = \"dark\" # easy on the eyes\n\n\
        # the first one\n[accounts.old]\nemail   =  \"a@b.org\"   # odd spaces\nmaildir.path = \"/x\"\n\n\
        # last\n[keys]\nquit = \"Q\"\n";

    #[test]
    fn a_new_account_stands_behind_the_others_and_the_rest_stays_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        fs::write(&path, BY_HAND).unwrap();
        add_account(&path, &imap("work")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (before, after) = BY_HAND.split_at(BY_HAND.find("\n# last").unwrap());
        assert!(text.starts_with(before), "{text}");
        assert!(text.ends_with(after), "{text}");
        remove_account(&path, "work").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), BY_HAND);
    }

    #[test]
    fn what_is_written_reads_back_equal() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("surat/config.toml");
        let accounts = [imap("work"), maildir("files"), imap("c.d-e_f"), maildir("\u{e9}t\u{e9}")];
        for account in &accounts {
            add_account(&path, account).unwrap();
        }
        assert_eq!(Config::load(&path).unwrap().accounts, accounts);
    }

    #[test]
    fn an_account_that_is_there_is_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        fs::write(&path, BY_HAND).unwrap();
        assert!(add_account(&path, &imap("old")).unwrap_err().to_string().contains("already an account \"old\""));
        assert!(remove_account(&path, "odl").unwrap_err().to_string().contains("no account \"odl\""));
        fs::write(&path, "[ui\n").unwrap();
        assert!(add_account(&path, &imap("new")).unwrap_err().to_string().contains("config.toml:1:"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "[ui\n");
    }

    #[test]
    fn removing_keeps_comments_that_are_not_about_the_account() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        let cases = [
            (
                "# about the file\n\n# about old\n[accounts.old]\nemail = \"a@b.org\"\nmaildir.path = \"/x\"\n\n\
                 # keys\n[keys]\n",
                "# about the file\n\n# keys\n[keys]\n",
            ),
            (
                "# about the file\n\n[accounts.old]\nemail = \"a@b.org\"\n[accounts.old.maildir]\npath = \"/x\"\n",
                "# about the file\n",
            ),
        ];
        for (before, after) in cases {
            fs::write(&path, before).unwrap();
            remove_account(&path, "old").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }
}
