//! Owns what is done to folders: which one is meant, why not, and the line in which its name is typed.
//!
//! Whether a server takes the name is the server's to say.

use crate::config::command::CommandId;
use crate::config::key::{Key, KeyCode};
use crate::mail::id::{AccountId, MailboxId};
use crate::mail::mailbox::Mailbox;
use crate::mail::mutation::FolderEdit;
use crate::ui::act;
use crate::ui::folders::{Folders, Line};
use crate::ui::input::Input;
use crate::ui::message::Effect;
use crate::ui::model::{Asked, Focus, Model, Overlay, Place};
use crate::ui::run;
use crate::ui::text;

/// The line in which a folder's name is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) purpose: Purpose,
    pub(super) input: Input,
}

/// What the name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Create(AccountId),
    Rename(MailboxId),
}

impl Prompt {
    /// Gives the title of its box.
    pub(super) fn title(&self, model: &Model) -> String {
        let folders = &model.folders;
        match self.purpose {
            Purpose::Create(account) => {
                let account = folders.account(account).map(|account| text::safe(&account.name));
                format!("New folder in {}", account.unwrap_or_default())
            }
            Purpose::Rename(mailbox) => format!("Another name for {}", folders.title(Place::Mailbox(mailbox))),
        }
    }

    /// Says why the name cannot be taken as it stands.
    pub(super) fn problem(&self, folders: &Folders) -> Option<String> {
        let name = self.input.text().trim();
        let (account, own) = match self.purpose {
            Purpose::Create(account) => (account, None),
            Purpose::Rename(id) => {
                let Some(own) = folders.mailbox(id) else { return Some("This folder is gone.".to_owned()) };
                (own.account, Some(own))
            }
        };
        if name.split('/').any(|level| level.trim().is_empty()) {
            return Some("A level of the name is empty.".to_owned());
        }
        if own.is_some_and(|own| name.strip_prefix(&own.name).is_some_and(|rest| rest.starts_with('/'))) {
            return Some("A folder cannot go into itself.".to_owned());
        }
        let is_taken = |other: &&Mailbox| {
            other.account == account && Some(other.id) != own.map(|own| own.id) && is_called(other, name)
        };
        let taken = folders.mailboxes.iter().find(is_taken)?;
        let account = folders.account(account).map(|account| text::safe(&account.name)).unwrap_or_default();
        Some(format!("{account} has a folder {} already.", text::safe(&taken.name)))
    }

    fn edit(&self) -> FolderEdit {
        let name = self.input.text().trim().to_owned();
        match self.purpose {
            Purpose::Create(account) => FolderEdit::Create { account, name },
            Purpose::Rename(mailbox) => FolderEdit::Rename { mailbox, name },
        }
    }
}

/// Says whether a mailbox has a name already; case counts but for the Inbox (RFC 9051, section 5.1).
fn is_called(mailbox: &Mailbox, name: &str) -> bool {
    let is_inbox = |name: &str| name.eq_ignore_ascii_case("INBOX");
    mailbox.name == name || (is_inbox(&mailbox.name) && is_inbox(name))
}

/// Gives the folder that a command is about: the one under the cursor of the folders, else the one that is shown.
pub(super) fn folder_meant(model: &Model) -> Option<&Mailbox> {
    let id = match (model.focus, model.folders.lines.get(model.folders.at)) {
        (Focus::Folders, Some(Line::Place(Place::Mailbox(id)) | Line::Parent(id))) => *id,
        (Focus::Folders, _) => return None,
        _ => match model.list.place {
            Place::Mailbox(id) if model.search.is_none() => id,
            _ => return None,
        },
    };
    model.folders.mailbox(id)
}

fn account_meant(model: &Model) -> Option<AccountId> {
    let of_line = match (model.focus, model.folders.lines.get(model.folders.at)) {
        (Focus::Folders, Some(Line::Account(id))) => Some(*id),
        _ => folder_meant(model).map(|mailbox| mailbox.account),
    };
    of_line.or_else(|| run::account_here(model))
}

/// Says why a command on folders cannot be done now, if it cannot.
pub(super) fn why_not(model: &Model, id: CommandId) -> Option<String> {
    if id == CommandId::CreateFolder {
        return account_meant(model).is_none().then(|| "There is no account yet.".to_owned());
    }
    if folder_meant(model).is_some() {
        return None;
    }
    let folders = match model.focus {
        Focus::Folders => String::new(),
        _ => model.hint(CommandId::ToggleFolders, "shows them"),
    };
    Some(format!("Go to the folder first{folders}"))
}

/// Asks for the name of a new folder.
pub(super) fn ask_new(model: &mut Model) {
    let Some(account) = account_meant(model) else { return };
    model.overlay = Some(Overlay::Prompt(Prompt { purpose: Purpose::Create(account), input: Input::default() }));
}

/// Asks for another name.
pub(super) fn ask_name(model: &mut Model) {
    let Some(folder) = folder_meant(model) else { return };
    let mut input = Input::default();
    input.insert(&folder.name);
    model.overlay = Some(Overlay::Prompt(Prompt { purpose: Purpose::Rename(folder.id), input }));
}

/// Removes the folder; asks where there is mail in it.
pub(super) fn delete(model: &mut Model, out: &mut Vec<Effect>) {
    let Some(folder) = folder_meant(model) else { return };
    let (mailbox, total, name) = (folder.id, folder.total, text::safe(&folder.name));
    let removal = FolderEdit::Delete { mailbox };
    if total == 0 {
        return edit(model, removal, out);
    }
    let go = if total == 1 { "goes" } else { "go" };
    let text = format!("Remove the folder {name}? Its {} {go} to Trash.", text::counted(total, "message"));
    act::ask(model, "Remove the folder", text, "removes it", Asked::Folder(removal));
}

/// Subscribes to the folder, or no more.
pub(super) fn toggle_subscription(model: &mut Model, out: &mut Vec<Effect>) {
    let Some((mailbox, is_subscribed)) = folder_meant(model).map(|it| (it.id, it.is_subscribed)) else { return };
    edit(model, FolderEdit::Subscribe { mailbox, on: !is_subscribed }, out);
}

/// Takes a key while a name is typed.
pub(super) fn press(model: &mut Model, key: Key, out: &mut Vec<Effect>) {
    let Some(Overlay::Prompt(prompt)) = &mut model.overlay else { return };
    match (key.ctrl, key.code) {
        (false, KeyCode::Esc) | (true, KeyCode::Char('c')) => model.overlay = None,
        (false, KeyCode::Enter) if prompt.problem(&model.folders).is_none() => {
            let wanted = prompt.edit();
            model.overlay = None;
            edit(model, wanted, out);
        }
        // Why not stands below the name.
        (false, KeyCode::Enter) => {}
        _ => {
            prompt.input.key(key);
        }
    }
}

/// Asks the store for an edit of a folder.
pub(super) fn edit(model: &mut Model, edit: FolderEdit, out: &mut Vec<Effect>) {
    model.own_edits += 1;
    out.push(Effect::EditFolder(edit));
}
