//! Owns the one table of commands: name, words, where each works and its default keys.
//!
//! Keys, footer, help, palette and README's table are made from it. What a command does is not in here.

/// Where a key is pressed: the pane or overlay that has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// The conversation list.
    List,
    /// The message.
    Reader,
    /// The folders.
    Folders,
    /// The links and attachments of a message.
    Links,
}

impl Context {
    /// Every context.
    pub const ALL: [Context; 4] = [Context::List, Context::Reader, Context::Folders, Context::Links];

    /// Gives the name that help shows.
    pub fn title(self) -> &'static str {
        match self {
            Context::List => "list",
            Context::Reader => "message",
            Context::Folders => "folders",
            Context::Links => "links and attachments",
        }
    }
}

/// A command that a key, the palette, help, the footer or the mouse can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // each one's sentence stands in the table below
pub enum CommandId {
    Down,
    Up,
    First,
    Last,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Open,
    Unfold,
    Back,
    Quit,
    Close,
    NextPane,
    PreviousPane,
    NextUnread,
    PreviousUnread,
    NextMessage,
    PreviousMessage,
    Links,
    CycleForm,
    FullHeaders,
    HiddenText,
    CopyAddress,
    CopySubject,
    CopyText,
    CopyMessageId,
    Search,
    SearchScope,
    Archive,
    Delete,
    DeleteForever,
    Junk,
    Move,
    Copy,
    Star,
    ToggleRead,
    Undo,
    Redo,
    History,
    Restore,
    Mark,
    MarkRange,
    MarkAll,
    GoInbox,
    GoStarred,
    GoSent,
    GoDrafts,
    GoArchive,
    GoJunk,
    GoTrash,
    GoFolder,
    GoAllInboxes,
    GoAccount(u8),
    CreateFolder,
    RenameFolder,
    DeleteFolder,
    SubscribeFolder,
    OpenLink,
    SaveAttachment,
    SaveAll,
    CopyLink,
    Preview,
    ToggleFolders,
    CheckNow,
    Palette,
    Help,
    Redraw,
    Suspend,
}

/// What commands are sorted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Moving about.
    Move,
    /// Reading.
    Read,
    /// Acting on mail.
    Act,
    /// Going to a folder.
    Go,
    /// Making and naming folders.
    Folder,
    /// What is shown, and the program itself.
    Surat,
}

impl Group {
    /// Gives the heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Move => "Moving about",
            Group::Read => "Reading and finding",
            Group::Act => "Acting on mail",
            Group::Go => "Going to a folder",
            Group::Folder => "Folders themselves",
            Group::Surat => "View and program",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// What is run.
    pub id: CommandId,
    /// The name in `[keys]` and in the palette.
    pub name: &'static str,
    /// One or two words for the footer.
    pub label: &'static str,
    /// What it does, in a few words without a full stop.
    pub sentence: &'static str,
    /// Other words by which people look for it.
    pub synonyms: &'static [&'static str],
    /// What it is sorted under.
    pub group: Group,
    /// Its place in the footer, the lowest first; none = not shown there.
    pub rank: Option<u8>,
    /// Where it works, and its default keys there: alternatives with `or` between, sequences with spaces.
    pub keys: &'static [(&'static [Context], &'static str)],
}

impl Command {
    /// Says whether it works here.
    pub fn works_in(&self, context: Context) -> bool {
        self.keys.iter().any(|(contexts, _)| contexts.contains(&context))
    }
}

use CommandId as Id;
use Context::{Folders, Links, List, Reader};

const PANES: &[Context] = &[List, Reader, Folders];
const EVERYWHERE: &[Context] = &[List, Reader, Folders, Links];
const MAIL: &[Context] = &[List, Reader];

#[allow(clippy::too_many_arguments)] // one a column of the table
const fn row(
    id: CommandId,
    name: &'static str,
    label: &'static str,
    sentence: &'static str,
    synonyms: &'static [&'static str],
    group: Group,
    rank: Option<u8>,
    keys: &'static [(&'static [Context], &'static str)],
) -> Command {
    Command { id, name, label, sentence, synonyms, group, rank, keys }
}

/// Every command that there is.
#[rustfmt::skip] // a table reads by its columns
pub const COMMANDS: &[Command] = &[
    row(Id::Down, "down", "down", "one down; in a message one line", &["next", "scroll"], Group::Move, None, &[(EVERYWHERE, "j or ↓ or Ctrl-n")]),
    row(Id::Up, "up", "up", "one up; in a message one line", &["previous", "scroll"], Group::Move, None, &[(EVERYWHERE, "k or ↑ or Ctrl-p")]),
    row(Id::First, "first", "first", "to the first", &["top", "newest", "beginning"], Group::Move, None, &[(EVERYWHERE, "g g or Home")]),
    row(Id::Last, "last", "last", "to the last", &["bottom", "oldest", "end"], Group::Move, None, &[(EVERYWHERE, "G or End")]),
    row(Id::HalfDown, "half-down", "half down", "half a page down", &["scroll"], Group::Move, None, &[(EVERYWHERE, "Ctrl-d")]),
    row(Id::HalfUp, "half-up", "half up", "half a page up", &["scroll"], Group::Move, None, &[(EVERYWHERE, "Ctrl-u")]),
    row(Id::PageDown, "page-down", "page down", "a page down", &["scroll"], Group::Move, Some(43), &[(&[Reader], "Space or PgDn or Ctrl-f"), (&[List, Folders, Links], "PgDn or Ctrl-f")]),
    row(Id::PageUp, "page-up", "page up", "a page up", &["scroll"], Group::Move, None, &[(&[Reader], "b or PgUp"), (&[List, Folders, Links], "PgUp")]),
    row(Id::Open, "open", "open", "open the conversation or the folder", &["read", "show", "into"], Group::Read, Some(10), &[(&[List, Folders], "Enter or l or →")]),
    row(Id::Unfold, "unfold", "quotes", "show or fold the quoted text", &["quote", "fold", "expand"], Group::Read, Some(27), &[(&[Reader], "Enter")]),
    row(Id::Back, "back", "back", "back one level: message, list, folders", &["left", "list"], Group::Move, Some(14), &[(&[List, Reader], "h or ←")]),
    row(Id::Quit, "quit", "quit", "back one level; from the list: leave Surat", &["leave", "exit", "close"], Group::Surat, Some(60), &[(EVERYWHERE, "q")]),
    row(Id::Close, "close", "close", "close what is open on top, leave the search, clear marks", &["cancel", "escape", "unmark"], Group::Surat, None, &[(PANES, "Esc or Ctrl-c"), (&[Links], "Esc or Ctrl-c or o")]),
    row(Id::NextPane, "next-pane", "pane", "to the next pane", &["focus", "switch"], Group::Move, Some(50), &[(PANES, "Tab")]),
    row(Id::PreviousPane, "previous-pane", "pane", "to the pane before", &["focus", "switch"], Group::Move, None, &[(PANES, "Shift-Tab")]),
    row(Id::NextUnread, "next-unread", "unread", "to the next unread conversation; in a mail found: the next match", &["new", "baru", "match"], Group::Move, Some(40), &[(MAIL, "n or g u")]),
    row(Id::PreviousUnread, "previous-unread", "unread", "to the unread conversation before; in a mail found: the match before", &["new", "baru", "match"], Group::Move, None, &[(MAIL, "N")]),
    row(Id::NextMessage, "next-message", "next", "to the next message, then to the next conversation", &["newer", "following"], Group::Read, Some(12), &[(&[Reader], "J")]),
    row(Id::PreviousMessage, "previous-message", "before", "to the message before, then to the conversation before", &["older"], Group::Read, Some(44), &[(&[Reader], "K")]),
    row(Id::Links, "links", "links", "links and attachments, numbered: open, save, copy", &["attachment", "url", "file", "save", "lampiran"], Group::Read, Some(15), &[(MAIL, "o")]),
    row(Id::CycleForm, "form", "html", "as plain text, as HTML, as its source, in turn", &["html", "plain", "source", "raw", "eml"], Group::Read, Some(28), &[(MAIL, "H")]),
    row(Id::FullHeaders, "headers", "headers", "all header fields, or the few that matter", &["header", "full"], Group::Read, None, &[(MAIL, ", h")]),
    row(Id::HiddenText, "hidden-text", "hidden text", "show or leave out text that the HTML hides", &["invisible", "preheader"], Group::Read, None, &[(MAIL, ", x")]),
    row(Id::CopyAddress, "copy-address", "address", "copy the sender's address", &["yank", "clipboard", "from"], Group::Read, None, &[(MAIL, "y a")]),
    row(Id::CopySubject, "copy-subject", "subject", "copy the subject", &["yank", "clipboard"], Group::Read, None, &[(MAIL, "y s")]),
    row(Id::CopyText, "copy-text", "text", "copy the text of the message", &["yank", "clipboard", "body"], Group::Read, None, &[(MAIL, "y t")]),
    row(Id::CopyMessageId, "copy-message-id", "Message-ID", "copy the Message-ID", &["yank", "clipboard"], Group::Read, None, &[(MAIL, "y m")]),
    row(Id::Search, "search", "search", "search all mail as you type", &["find", "filter", "cari"], Group::Read, Some(22), &[(PANES, "/")]),
    row(Id::SearchScope, "search-scope", "where", "search in this folder, this account, everywhere, in turn", &["scope", "everywhere", "folder"], Group::Read, None, &[(&[List], "Ctrl-g")]),
    row(Id::Archive, "archive", "archive", "move to Archive", &["done", "keep", "arsip"], Group::Act, Some(20), &[(MAIL, "e or A")]),
    row(Id::Delete, "delete", "trash", "move to Trash", &["trash", "bin", "remove", "hapus"], Group::Act, Some(21), &[(MAIL, "d or Del or #")]),
    row(Id::DeleteForever, "delete-forever", "delete for good", "delete for good, after asking", &["purge", "expunge", "remove", "hapus"], Group::Act, None, &[(MAIL, "D")]),
    row(Id::Junk, "junk", "junk", "move to Junk; in Junk: back to the Inbox", &["spam", "not junk", "ham"], Group::Act, Some(42), &[(MAIL, "!")]),
    row(Id::Move, "move", "move", "move to a folder, by typing part of its name", &["file", "folder", "pindah"], Group::Act, Some(24), &[(MAIL, "m")]),
    row(Id::Copy, "copy", "copy", "copy to a folder, by typing part of its name", &["file", "folder", "duplicate", "salin"], Group::Act, None, &[(MAIL, "C")]),
    row(Id::Star, "star", "star", "star, or take the star off", &["flag", "important", "bintang"], Group::Act, Some(26), &[(MAIL, "s")]),
    row(Id::ToggleRead, "read", "read/unread", "mark as read, or as unread", &["seen", "unseen", "unread", "new"], Group::Act, Some(41), &[(MAIL, "U")]),
    row(Id::Undo, "undo", "undo", "take the last change back", &["revert", "batal"], Group::Act, Some(25), &[(PANES, "z or u")]),
    row(Id::Redo, "redo", "redo", "make the change again that was taken back", &["again", "repeat"], Group::Act, None, &[(PANES, "Ctrl-r")]),
    row(Id::History, "history", "changes", "list of changes; take back any of them", &["undo", "log", "revert", "riwayat"], Group::Act, None, &[(PANES, "g z")]),
    row(Id::Restore, "restore", "put back", "put back what vanished from a server at once", &["recover", "vanished", "lost", "notice"], Group::Act, None, &[(PANES, "B")]),
    row(Id::Mark, "mark", "mark", "mark this conversation, to act on many at once", &["select", "tag"], Group::Act, Some(30), &[(&[List], "x or Space")]),
    row(Id::MarkRange, "mark-range", "range", "mark from here to where you go; again to end", &["select", "visual"], Group::Act, None, &[(&[List], "v")]),
    row(Id::MarkAll, "mark-all", "all", "mark all conversations of the list, or none", &["select", "none"], Group::Act, None, &[(&[List], "*")]),
    row(Id::GoInbox, "go-inbox", "Inbox", "go to the Inbox", &["new"], Group::Go, None, &[(PANES, "g i")]),
    row(Id::GoStarred, "go-starred", "Starred", "go to the starred conversations of all accounts", &["flagged"], Group::Go, None, &[(PANES, "g s")]),
    row(Id::GoSent, "go-sent", "Sent", "go to Sent", &["terkirim"], Group::Go, None, &[(PANES, "g t")]),
    row(Id::GoDrafts, "go-drafts", "Drafts", "go to Drafts", &["draf"], Group::Go, None, &[(PANES, "g d")]),
    row(Id::GoArchive, "go-archive", "Archive", "go to Archive", &["all mail"], Group::Go, None, &[(PANES, "g a")]),
    row(Id::GoJunk, "go-junk", "Junk", "go to Junk", &["spam"], Group::Go, None, &[(PANES, "g j")]),
    row(Id::GoTrash, "go-trash", "Trash", "go to Trash", &["bin", "deleted"], Group::Go, None, &[(PANES, "g x")]),
    row(Id::GoFolder, "go-folder", "any folder", "go to any folder, by typing part of its name", &["jump", "mailbox"], Group::Go, None, &[(PANES, "g f")]),
    row(Id::GoAllInboxes, "go-all-inboxes", "all inboxes", "go to the inboxes of all accounts in one list", &["unified"], Group::Go, None, &[(PANES, "g 0")]),
    account(1, "go-account-1", &[(PANES, "g 1")]),
    account(2, "go-account-2", &[(PANES, "g 2")]),
    account(3, "go-account-3", &[(PANES, "g 3")]),
    account(4, "go-account-4", &[(PANES, "g 4")]),
    account(5, "go-account-5", &[(PANES, "g 5")]),
    account(6, "go-account-6", &[(PANES, "g 6")]),
    account(7, "go-account-7", &[(PANES, "g 7")]),
    account(8, "go-account-8", &[(PANES, "g 8")]),
    account(9, "go-account-9", &[(PANES, "g 9")]),
    row(Id::CreateFolder, "create-folder", "new", "make a folder", &["new", "mkdir", "mailbox", "buat"], Group::Folder, Some(16), &[(&[Folders], "n or F n"), (MAIL, "F n")]),
    row(Id::RenameFolder, "rename-folder", "rename", "give the folder another name", &["mailbox", "ubah"], Group::Folder, Some(17), &[(&[Folders], "r or F r"), (MAIL, "F r")]),
    row(Id::DeleteFolder, "delete-folder", "remove", "remove the folder; its mail goes to Trash", &["rmdir", "mailbox", "hapus"], Group::Folder, Some(18), &[(&[Folders], "d or Del or F d"), (MAIL, "F d")]),
    row(Id::SubscribeFolder, "subscribe-folder", "subscribe", "subscribe to the folder, or no more", &["unsubscribe", "mailbox"], Group::Folder, Some(19), &[(&[Folders], "s or F s"), (MAIL, "F s")]),
    row(Id::OpenLink, "open-link", "open", "open the attachment; the link after showing where it goes", &["browser", "url"], Group::Read, Some(10), &[(&[Links], "Enter or l or →")]),
    row(Id::SaveAttachment, "save", "save", "save the attachment", &["download", "attachment", "simpan"], Group::Read, Some(15), &[(&[Links], "s")]),
    row(Id::SaveAll, "save-all", "save all", "save all attachments", &["download", "attachment"], Group::Read, Some(16), &[(&[Links], "S")]),
    row(Id::CopyLink, "copy-link", "copy", "copy the link", &["yank", "clipboard", "url"], Group::Read, Some(17), &[(&[Links], "y")]),
    row(Id::Preview, "preview", "preview", "message below the list, beside it, or only when opened", &["layout", "pane", "split"], Group::Surat, None, &[(PANES, ", p")]),
    row(Id::ToggleFolders, "folders", "folders", "show or hide the folders", &["sidebar", "mailboxes"], Group::Surat, Some(23), &[(PANES, "\\")]),
    row(Id::CheckNow, "check", "check now", "ask the servers for new mail now", &["sync", "refresh", "fetch", "receive"], Group::Surat, None, &[(PANES, "R or F5")]),
    row(Id::Palette, "palette", "command", "run any command or go to any folder by its name", &["run", "menu", "action"], Group::Surat, Some(70), &[(PANES, ": or Ctrl-k")]),
    row(Id::Help, "help", "help", "the keys that work here; typing filters them", &["keys", "bantuan"], Group::Surat, Some(255), &[(EVERYWHERE, "? or F1")]),
    row(Id::Redraw, "redraw", "redraw", "draw the screen afresh", &["refresh", "clear"], Group::Surat, None, &[(EVERYWHERE, "Ctrl-l")]),
    row(Id::Suspend, "suspend", "suspend", "put Surat to sleep; fg in the shell wakes it", &["shell", "background"], Group::Surat, None, &[(EVERYWHERE, "Ctrl-z")]),
];

const fn account(number: u8, name: &'static str, keys: &'static [(&'static [Context], &'static str)]) -> Command {
    let sentence = "go to the Inbox of the account with this number";
    row(Id::GoAccount(number), name, "account", sentence, &["switch"], Group::Go, None, keys)
}

/// Finds the row of a command.
pub fn command(id: CommandId) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.id == id)
}

/// Finds a command by its name in the configuration.
pub fn by_name(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// Gives README's table of keys.
pub fn readme_table() -> String {
    let mut text = String::from("| keys | where | what it does | name |\n|---|---|---|---|\n");
    let groups = [Group::Move, Group::Read, Group::Act, Group::Go, Group::Folder, Group::Surat];
    for group in groups {
        text.push_str(&format!("| **{}** | | | |\n", group.title()));
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            match command.id {
                CommandId::GoAccount(1) => {
                    text.push_str(&format!(
                        "| `g 1` … `g 9` | everywhere | {} | `go-account-1` … |\n",
                        command.sentence
                    ));
                }
                CommandId::GoAccount(_) => {}
                _ => command.keys.iter().for_each(|(contexts, keys)| {
                    let keys = keys.split(" or ").map(|keys| format!("`{keys}`")).collect::<Vec<_>>().join(" ");
                    let place = place(contexts);
                    text.push_str(&format!("| {keys} | {place} | {} | `{}` |\n", command.sentence, command.name));
                }),
            }
        }
    }
    text
}

fn place(contexts: &[Context]) -> String {
    if PANES.iter().all(|context| contexts.contains(context)) {
        return "everywhere".to_owned();
    }
    contexts.iter().map(|context| context.title()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_commands_are_unique() {
        for (at, command) in COMMANDS.iter().enumerate() {
            for other in &COMMANDS[at + 1..] {
                assert_ne!(command.name, other.name);
                assert_ne!(command.id, other.id);
            }
        }
    }

    #[test]
    fn every_command_has_words_and_a_place_where_it_works() {
        for command in COMMANDS {
            assert!(!command.sentence.is_empty() && !command.sentence.ends_with('.'), "{}", command.name);
            assert!(!command.keys.is_empty(), "{}", command.name);
            assert!(Context::ALL.into_iter().any(|context| command.works_in(context)), "{}", command.name);
        }
    }

    #[test]
    fn the_table_names_every_command() {
        let table = readme_table();
        for command in COMMANDS.iter().filter(|command| !matches!(command.id, CommandId::GoAccount(2..))) {
            assert!(table.contains(&format!("`{}`", command.name)), "{}", command.name);
        }
    }
}
