//! Owns the user's edits of folders: what is asked for becomes steps, as edits of mail do.
//!
//! The server hears of them when it is their turn.

use super::error::{Error, Fault, Kind};
use super::{Store, Transaction};
use crate::mail::id::{AccountId, MailboxId};
use crate::mail::mailbox::Role;
use crate::mail::mutation::{Done, FolderEdit, Step};
use crate::mail::number::grouped;
use crate::mail::time::UnixTime;
use rusqlite::{OptionalExtension, params};

/// A longer name is refused by most servers.
const LONGEST_NAME: usize = 255;

/// What an edit must know of a folder.
struct Folder {
    account: AccountId,
    name: String,
    role: Option<Role>,
    total: u64,
}

impl Store {
    /// Does what the user asks for of a folder, in one transaction with the history entry that takes it back.
    ///
    /// The mail of a folder that is removed goes to Trash, unless it is in another folder too. Folders below it go with
    /// it if they are empty; one that holds mail keeps it from being removed.
    ///
    /// # Errors
    /// `UnknownId`; `Other` for a name that is taken or impossible, and for a folder that must stay.
    pub fn edit_folder(&self, edit: &FolderEdit, now: UnixTime) -> Result<Done, Error> {
        self.write(|transaction| {
            let (steps, label) = match edit {
                FolderEdit::Create { account, name } => transaction.plan_creation(*account, name, edit)?,
                FolderEdit::Rename { mailbox, name } => transaction.plan_renaming(*mailbox, name, edit)?,
                FolderEdit::Delete { mailbox } => transaction.plan_removal(*mailbox, edit)?,
                FolderEdit::Subscribe { mailbox, on } => {
                    let folder = transaction.folder(*mailbox)?;
                    let step = Step::MailboxSubscribed { mailbox: mailbox.0, on: *on };
                    (vec![step], edit.past_tense(&folder.name, 0))
                }
            };
            let steps = transaction.take_steps(&steps, now)?;
            transaction.remember(&steps, &label, Vec::new(), now)
        })
    }
}

impl Transaction<'_> {
    fn plan_creation(
        &mut self,
        account: AccountId,
        name: &str,
        edit: &FolderEdit,
    ) -> Result<(Vec<Step>, String), Fault> {
        check_name(name)?;
        self.check_name_is_free(account, name, None)?;
        let exists: bool =
            self.sql
                .query_row("SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1)", [account.0], |row| row.get(0))?;
        if !exists {
            return Err(Error::unknown("account").into());
        }
        let mailbox = self.unwanted_mailbox(account, name)?;
        Ok((vec![Step::MailboxExists { mailbox: mailbox.0, on: true }], edit.past_tense(name, 0)))
    }

    /// Finds a mailbox of this name that is not wanted any more, or makes one that is not wanted yet.
    fn unwanted_mailbox(&mut self, account: AccountId, name: &str) -> Result<MailboxId, Fault> {
        let known: Option<i64> = self
            .sql
            .query_row(
                "SELECT id FROM mailboxes WHERE account = ?1 AND name = ?2
                     AND (is_wanted = 0 OR hidden_since IS NOT NULL) ORDER BY is_synced DESC, id DESC LIMIT 1",
                params![account.0, name],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = known {
            return Ok(MailboxId(id));
        }
        self.sql
            .execute("INSERT INTO mailboxes (account, name, is_wanted) VALUES (?1, ?2, 0)", params![account.0, name])?;
        self.forget_places();
        Ok(MailboxId(self.sql.last_insert_rowid()))
    }

    fn plan_renaming(
        &mut self,
        mailbox: MailboxId,
        name: &str,
        edit: &FolderEdit,
    ) -> Result<(Vec<Step>, String), Fault> {
        let folder = self.folder(mailbox)?;
        if folder.role == Some(Role::Inbox) {
            return Err(refuse(
                "The inbox cannot be renamed: new mail arrives in it, and every server knows it by its name.",
                "Make another folder and move the mail into it.",
            ));
        }
        if name == folder.name {
            return Ok((Vec::new(), edit.past_tense(&folder.name, 0)));
        }
        check_name(name)?;
        if name.strip_prefix(&folder.name).is_some_and(|rest| rest.starts_with('/')) {
            return Err(refuse("A folder cannot be moved below itself.", "Choose another name."));
        }
        let mut steps =
            vec![Step::MailboxName { mailbox: mailbox.0, before: folder.name.clone(), after: name.to_owned() }];
        for (below, before) in self.folders_below(folder.account, &folder.name)? {
            let rest = before.get(folder.name.len()..).unwrap_or_default();
            let after = format!("{name}{rest}");
            steps.push(Step::MailboxName { mailbox: below.0, before: before.clone(), after });
        }
        Ok((steps, edit.past_tense(&folder.name, 0)))
    }

    fn plan_removal(&mut self, mailbox: MailboxId, edit: &FolderEdit) -> Result<(Vec<Step>, String), Fault> {
        let folder = self.folder(mailbox)?;
        let reason = match folder.role {
            Some(Role::Inbox) => Some("The inbox cannot be removed: new mail arrives in it."),
            Some(Role::Trash) => Some("The Trash cannot be removed: mail that you delete goes there."),
            Some(Role::All | Role::Flagged | Role::Important) => {
                Some("This folder cannot be removed: it only shows mail that lies in other folders.")
            }
            _ => None,
        };
        if let Some(reason) = reason {
            return Err(refuse(reason, ""));
        }
        let mut goes = Vec::new();
        for (below, name) in self.folders_below(folder.account, &folder.name)? {
            let inner = self.folder(below)?;
            if inner.total > 0 {
                return Err(refuse(
                    &format!("The folder {} holds folders with mail: {name} has {}.", folder.name, count(inner.total)),
                    "Remove or move the folders below it first.",
                ));
            }
            goes.push(below);
        }
        goes.push(mailbox);
        let mail: Vec<(i64, bool)> = {
            let mut query = self.sql.prepare_cached(
                "SELECT m.email, EXISTS (SELECT 1 FROM memberships o JOIN mailboxes b ON b.id = o.mailbox
                     WHERE o.email = m.email AND o.mailbox <> m.mailbox AND o.wanted = 1
                         AND b.is_wanted = 1 AND b.hidden_since IS NULL)
                 FROM memberships m WHERE m.mailbox = ?1 AND m.wanted = 1",
            )?;
            let rows = query.query_map([mailbox.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        let moved = mail.iter().filter(|(_, is_elsewhere)| !is_elsewhere).count();
        let mut steps = Vec::new();
        for (email, is_elsewhere) in mail {
            if !is_elsewhere {
                let trash = self.mailbox_with_role(folder.account, Role::Trash)?.0;
                steps.push(Step::Membership { email, mailbox: trash, on: true, awaits: None, is_made: false });
            }
            steps.push(Step::Membership { email, mailbox: mailbox.0, on: false, awaits: None, is_made: false });
        }
        steps.extend(goes.into_iter().map(|mailbox| Step::MailboxExists { mailbox: mailbox.0, on: false }));
        Ok((steps, edit.past_tense(&folder.name, moved)))
    }

    /// Gives a folder that is there.
    fn folder(&mut self, mailbox: MailboxId) -> Result<Folder, Fault> {
        let found = self
            .sql
            .prepare_cached(
                "SELECT account, name, role, total FROM mailboxes
                 WHERE id = ?1 AND is_wanted = 1 AND hidden_since IS NULL",
            )?
            .query_row([mailbox.0], |row| {
                Ok(Folder {
                    account: AccountId(row.get(0)?),
                    name: row.get(1)?,
                    role: Role::from_word(row.get_ref(2)?.as_str()?),
                    total: row.get::<_, i64>(3)?.unsigned_abs(),
                })
            })
            .optional()?;
        found.ok_or_else(|| Error::unknown("folder").into())
    }

    /// Gives the folders below a name, the deepest first.
    fn folders_below(&mut self, account: AccountId, name: &str) -> Result<Vec<(MailboxId, String)>, Fault> {
        let mut query = self.sql.prepare_cached(
            "SELECT id, name FROM mailboxes WHERE account = ?1 AND is_wanted = 1 AND hidden_since IS NULL
                 AND substr(name, 1, length(?2)) = ?2 ORDER BY length(name) DESC, id",
        )?;
        let rows =
            query.query_map(params![account.0, format!("{name}/")], |row| Ok((MailboxId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Refuses a name that no server could take, or that would mean something else to it.
fn check_name(name: &str) -> Result<(), Fault> {
    let reason = if name.is_empty() {
        "A folder needs a name."
    } else if name.len() > LONGEST_NAME {
        "The name is too long: servers take 255 bytes."
    } else if name.chars().any(char::is_control) {
        "A name cannot hold control characters."
    } else if name.split('/').any(|level| level.trim().is_empty()) {
        "A name has no empty levels: no / at its ends, and no two in a row."
    } else if name.split('/').any(|level| matches!(level, "." | "..")) {
        "No level of a name can be . or .."
    } else {
        return Ok(());
    };
    Err(refuse(reason, "Choose another name."))
}

fn refuse(what: &str, remedy: &str) -> Fault {
    Error::new(Kind::Other, what, remedy).into()
}

fn count(emails: u64) -> String {
    let s = if emails == 1 { "" } else { "s" };
    format!("{} message{s}", grouped(emails))
}
