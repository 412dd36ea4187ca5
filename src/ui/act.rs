//! Owns the user's edits: on which conversations, why not, and what is asked of the store.
//!
//! Nothing is hidden before the store says so: an edit comes back within a moment as a change.

use crate::mail::id::{AccountId, MailboxId, ThreadId};
use crate::mail::keyword::{FLAGGED, SEEN};
use crate::mail::mailbox::Role;
use crate::mail::mutation::{Edit, Target};
use crate::ui::folders::Folders;
use crate::ui::message::{Effect, Targets};
use crate::ui::model::{Asked, Focus, Model, Overlay, Place, Question};
use crate::ui::picker::{Filing, Picker};
use crate::ui::text;

/// A second delete on another row within so many milliseconds is a key held down, not a decision.
const KEY_REPEAT: u64 = 150;
/// Keys typed before a question can be read do not answer it.
const DEAF: u64 = 200;

/// What an action is about.
pub(super) struct Selection {
    pub(super) targets: Targets,
    pub(super) threads: Vec<ThreadId>,
    /// The accounts of the conversations; none where they cannot be known here.
    pub(super) accounts: Option<Vec<AccountId>>,
    /// How many conversations, where it is known.
    pub(super) count: Option<u64>,
}

/// Gives what an action would be about: the marked conversations, else the one under the cursor or being read.
pub(super) fn selection(model: &Model) -> Option<Selection> {
    let list = &model.list;
    let view = list.view.clone();
    if !list.marks.is_empty() && model.focus != Focus::Reader {
        let rows: Vec<_> = list.marks.rows.values().map(|(key, _)| *key).collect();
        if list.marks.is_all {
            return Some(Selection {
                targets: Targets::AllBut { view, rows },
                threads: list.rows.iter().map(|row| row.key.thread).collect(),
                accounts: None,
                count: list.marked(),
            });
        }
        let mut accounts: Vec<_> = list.marks.rows.values().map(|(_, account)| *account).collect();
        accounts.sort();
        accounts.dedup();
        let threads = rows.iter().map(|row| row.thread).collect();
        let count = Some(rows.len() as u64);
        return Some(Selection { targets: Targets::Rows { view, rows }, threads, accounts: Some(accounts), count });
    }
    let (key, account) = match model.focus {
        Focus::Reader => {
            let email = model.reader.email.as_ref()?;
            (model.reader.row?, email.account)
        }
        _ => list.current().map(|row| (row.key, row.account))?,
    };
    Some(Selection {
        targets: Targets::Rows { view, rows: vec![key] },
        threads: vec![key.thread],
        accounts: Some(vec![account]),
        count: Some(1),
    })
}

/// Gives the role of the folder that is shown.
pub(super) fn role_here(model: &Model) -> Option<Role> {
    match model.list.place {
        Place::Mailbox(id) if model.search.is_none() => model.folders.mailbox(id).and_then(|mailbox| mailbox.role),
        Place::AllInboxes if model.search.is_none() => Some(Role::Inbox),
        _ => None,
    }
}

/// Moves to the folder with a role: archive, trash, junk.
pub(super) fn move_to_role(model: &mut Model, role: Role, out: &mut Vec<Effect>) {
    let Some(selection) = selection(model) else { return };
    if role == Role::Trash && is_key_held(model, &selection) {
        return model.note("That was the key held down: only one conversation went.");
    }
    leave(model, &selection);
    let folder = match role {
        Role::Inbox => Some("the Inbox".to_owned()),
        _ => None,
    };
    edit(model, selection.targets, Edit::MoveToRole(role), folder, out);
}

/// Gives the accounts whose mail the list may show.
pub(super) fn accounts_here(model: &Model) -> Vec<AccountId> {
    match model.list.place {
        Place::Mailbox(id) if model.search.is_none() => {
            model.folders.mailbox(id).map(|mailbox| vec![mailbox.account]).unwrap_or_default()
        }
        _ => model.folders.accounts.iter().map(|account| account.id).collect(),
    }
}

/// Says whether this delete comes from a key held down: so soon after another one, on another row.
fn is_key_held(model: &mut Model, selection: &Selection) -> bool {
    let thread = selection.threads.first().copied();
    let now = model.now.millis;
    let before = model.last_delete.filter(|(when, other)| now < when + KEY_REPEAT && *other != thread);
    // The conversation that went is remembered for as long as the key is held.
    model.last_delete = Some((now, before.map_or(thread, |(_, went)| went)));
    before.is_some()
}

/// Asks for the folder to move or copy to.
pub(super) fn ask_folder(model: &mut Model, filing: Filing) {
    let Some(selection) = selection(model) else { return };
    let accounts = selection.accounts.unwrap_or_else(|| accounts_here(model));
    let here = match model.list.place {
        Place::Mailbox(id) if model.search.is_none() => Some(id),
        _ => None,
    };
    model.overlay = Some(Overlay::Picker(Picker::folder_for(model, filing, &accounts, here)));
}

/// Moves or copies to the folder that was chosen.
pub(super) fn file(model: &mut Model, filing: Filing, mailbox: MailboxId, out: &mut Vec<Effect>) {
    let Some(selection) = selection(model) else { return };
    let Some((name, account)) = model.folders.mailbox(mailbox).map(|it| (Folders::name(it), it.account)) else {
        return;
    };
    let own = selection.accounts.clone().unwrap_or_else(|| accounts_here(model));
    let is_own = own.iter().all(|own| *own == account);
    let account = model.folders.account(account).filter(|_| !is_own && model.folders.accounts.len() > 1);
    let folder = match account {
        Some(account) => format!("{name} in {}", text::safe(&account.name)),
        None => name,
    };
    model.recent_folders.retain(|other| *other != mailbox);
    model.recent_folders.insert(0, mailbox);
    if filing == Filing::Move {
        leave(model, &selection);
    }
    let wanted = match filing {
        Filing::Move => Edit::Move(mailbox),
        Filing::Copy => Edit::Copy(mailbox),
    };
    edit(model, selection.targets, wanted, Some(folder), out);
}

/// Asks before mail is deleted for good.
pub(super) fn ask_delete(model: &mut Model) {
    let Some(selection) = selection(model) else { return };
    let what = match (selection.count, model.focus) {
        (Some(1), Focus::Reader) => subject(model.reader.email.as_ref().map(|email| email.header.subject.as_str())),
        (Some(1), _) if model.list.marks.is_empty() => subject(model.list.current().map(|row| row.subject.as_str())),
        (Some(count), _) => text::counted(count, "conversation"),
        (None, _) => "all marked conversations".to_owned(),
    };
    let asked = Asked::Mail(selection.targets, Edit::Remove);
    ask(model, "Delete for good · 30 s to undo", format!("Delete {what} for good?"), "deletes", asked);
}

/// Asks before something is done.
pub(super) fn ask(model: &mut Model, title: &'static str, text: String, yes: &'static str, asked: Asked) {
    let deaf_until = model.now.millis + DEAF;
    model.overlay = Some(Overlay::Question(Question { title, text, yes, asked, deaf_until }));
}

fn subject(subject: Option<&str>) -> String {
    let subject = text::safe(subject.unwrap_or_default());
    if subject.trim().is_empty() { "the conversation without a subject".to_owned() } else { format!("“{subject}”") }
}

/// Stars, or takes the star off: of the message that is read, else of the conversations.
pub(super) fn toggle_star(model: &mut Model, out: &mut Vec<Effect>) {
    toggle(model, FLAGGED, out);
}

/// Marks as read, or as unread: the message that is read, else the conversations.
pub(super) fn toggle_read(model: &mut Model, out: &mut Vec<Effect>) {
    toggle(model, SEEN, out);
}

fn toggle(model: &mut Model, keyword: &str, out: &mut Vec<Effect>) {
    if model.focus == Focus::Reader {
        let Some(email) = &model.reader.email else { return };
        let on = !email.keywords.contains(keyword);
        let targets = Targets::Emails(vec![Target { email: email.id, from: None }]);
        return edit(model, targets, Edit::Keyword(keyword.to_owned(), on), None, out);
    }
    let Some(selection) = selection(model) else { return };
    let list = &model.list;
    let is_marked = !list.marks.is_empty();
    let rows = || {
        list.rows.iter().enumerate().filter(|(at, row)| if is_marked { list.marks.has(row) } else { *at == list.at })
    };
    let on = match keyword {
        // Something unread among them: all become read.
        SEEN => rows().any(|(_, row)| row.unread > 0),
        _ => rows().any(|(_, row)| !row.is_flagged),
    };
    let newest = rows().next().map(|(_, row)| Target { email: row.email, from: Some(row.mailbox) });
    // A conversation becomes read, and loses its stars, as a whole; unread or starred becomes its newest message, not
    // all that was read long ago.
    let is_of_newest = !is_marked && matches!((keyword, on), (SEEN, false) | (FLAGGED, true));
    let targets = match newest.filter(|_| is_of_newest) {
        Some(newest) => Targets::Emails(vec![newest]),
        None => selection.targets,
    };
    edit(model, targets, Edit::Keyword(keyword.to_owned(), on), None, out);
}

/// Asks the store for an edit.
pub(super) fn edit(model: &mut Model, targets: Targets, edit: Edit, folder: Option<String>, out: &mut Vec<Effect>) {
    if matches!(edit, Edit::Remove)
        && let Some(selection) = selection(model)
    {
        leave(model, &selection);
    }
    model.own_edits += 1;
    model.list.clear_marks();
    out.push(Effect::Edit { targets, edit, folder });
}

/// Prepares for conversations that go away: the cursor stays where they were, and the reader gives way to the list.
fn leave(model: &mut Model, selection: &Selection) {
    model.list.leaving.extend(&selection.threads);
    model.list.last_left = selection.threads.first().copied();
    if model.focus == Focus::Reader {
        model.focus = Focus::List;
    }
}
