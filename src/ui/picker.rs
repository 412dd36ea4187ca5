//! Owns the box in which something is chosen by typing: commands, help, folders.
//!
//! What is chosen is carried out elsewhere.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::config::command::{COMMANDS, Command, CommandId, Context};
use crate::config::key::{Key, KeyCode, spell};
use crate::mail::id::{AccountId, HistoryId, MailboxId};
use crate::ui::folders::Folders;
use crate::ui::input::{Input, Typed};
use crate::ui::message::PastChange;
use crate::ui::model::{Model, Place};
use crate::ui::run;
use crate::ui::text;

/// What is chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PickerKind {
    /// Every command and folder.
    Palette,
    /// The keys of a screen.
    Help {
        /// The screen.
        context: Context,
        /// Whether those of all screens are listed.
        is_all: bool,
    },
    /// A folder to go to.
    GoTo,
    /// A folder to move or copy to.
    FolderFor(Filing),
    /// A change to take back.
    History {
        /// Whether the changes have come.
        is_loaded: bool,
    },
}

/// How mail gets into another folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filing {
    Move,
    Copy,
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Run(CommandId),
    Go(Place),
    File(Filing, MailboxId),
    TakeBack(HistoryId),
    /// Says what something on the screen means.
    Explain(&'static str),
    /// Says again what is wrong in the configuration.
    Mistake,
}

/// What help says about the screen besides keys: sign, name, meaning, other words for it.
const SIGNS: [(&str, &str, &str, &str); 9] = [
    ("●", "unread", "has mail that you have not read yet", "sign new dot"),
    ("★", "starred", "has a star", "sign flagged"),
    ("↩", "answered", "was answered", "sign replied"),
    ("→", "forwarded", "was forwarded", "sign arrow"),
    ("+", "attachment", "something is attached", "sign file plus"),
    ("✓", "marked", "is marked: the next action takes all that are", "sign selected"),
    ("·", "unsubscribed", "before a folder: you do not subscribe to it", "sign folder dot dim"),
    (
        "waiting",
        "changes waiting",
        "changes made here travel as soon as the server can be reached; so many did not yet",
        "imap server push pending offline",
    ),
    ("", "write, reply", WRITES_NOT, "compose answer respond forward send new message draft"),
];

/// Said to whoever looks for a way to write.
pub(super) const WRITES_NOT: &str = "Surat does not write mail yet";

/// Said of a change in the list of changes.
const UNDONE: &str = "this was taken back already";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) act: Act,
    /// What it is called.
    pub(super) name: String,
    /// What it does.
    pub(super) sentence: String,
    /// The keys that do the same, or where it is.
    pub(super) aside: String,
    /// Other words by which it is found.
    pub(super) synonyms: String,
    /// Why it cannot be done now.
    pub(super) why_not: Option<String>,
}

/// The box.
#[derive(Debug, Clone)]
pub(super) struct Picker {
    pub(super) kind: PickerKind,
    pub(super) input: Input,
    pub(super) items: Vec<Item>,
    /// The items that match, best first.
    pub(super) matches: Vec<usize>,
    pub(super) at: usize,
    pub(super) top: usize,
}

/// What a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picked {
    Nothing,
    Closed,
    Chosen(Act),
    /// Help is to list the keys of all screens, or of this one again.
    Widened,
}

impl Picker {
    pub(super) fn palette(model: &Model) -> Self {
        let context = model.context();
        let mut commands: Vec<&Command> =
            COMMANDS.iter().filter(|command| command.works_in(context) && is_real(model, command.id)).collect();
        let recent = |id: CommandId| model.recent_commands.iter().position(|other| *other == id);
        commands.sort_by_key(|command| recent(command.id).unwrap_or(usize::MAX));
        let mut items: Vec<Item> = commands.into_iter().map(|command| command_item(model, context, command)).collect();
        items.extend(folder_items(model).map(|item| Item { name: format!("go to {}", item.name), ..item }));
        Self::new(PickerKind::Palette, items)
    }

    pub(super) fn help(model: &Model, context: Context, is_all: bool) -> Self {
        let here = COMMANDS.iter().filter(|command| command.works_in(context) && is_real(model, command.id));
        let mistake = model.settings.mistake.iter().map(|mistake| Item {
            act: Act::Mistake,
            name: "wrong in config".to_owned(),
            sentence: text::safe(mistake),
            aside: "! config".to_owned(),
            synonyms: "configuration mistake error".to_owned(),
            why_not: None,
        });
        let mut items: Vec<Item> = mistake.collect();
        items.extend(here.map(|command| command_item(model, context, command)));
        if is_all {
            for other in Context::ALL.into_iter().filter(|other| *other != context) {
                let only_there = COMMANDS.iter().filter(|command| {
                    let is_new = !command.works_in(context) && is_real(model, command.id);
                    is_new && Context::ALL.into_iter().find(|first| command.works_in(*first)) == Some(other)
                });
                items.extend(only_there.map(|command| {
                    let why_not = Some(format!("works in the {}", other.title()));
                    Item { why_not, ..command_item(model, other, command) }
                }));
            }
        }
        if is_all || context == Context::List {
            items.extend(SIGNS.map(|(sign, name, meaning, synonyms)| Item {
                act: Act::Explain(meaning),
                name: name.to_owned(),
                sentence: meaning.to_owned(),
                aside: sign.to_owned(),
                synonyms: synonyms.to_owned(),
                why_not: None,
            }));
        }
        Self::new(PickerKind::Help { context, is_all }, items)
    }

    pub(super) fn go_to(model: &Model) -> Self {
        Self::new(PickerKind::GoTo, folder_items(model).collect())
    }

    /// Lists the folders that mail of these accounts can go to, without the one that it is in: their own ones first, of
    /// these the ones last taken first.
    pub(super) fn folder_for(model: &Model, filing: Filing, own: &[AccountId], here: Option<MailboxId>) -> Self {
        let mut found = Vec::new();
        for item in folder_items(model) {
            let Act::Go(Place::Mailbox(id)) = item.act else { continue };
            let Some(mailbox) = model.folders.mailbox(id).filter(|_| Some(id) != here) else { continue };
            let recent = model.recent_folders.iter().position(|other| *other == id).unwrap_or(usize::MAX);
            let place = (!own.contains(&mailbox.account), recent);
            found.push((place, Item { act: Act::File(filing, id), ..item }));
        }
        found.sort_by_key(|(place, _)| *place);
        Self::new(PickerKind::FolderFor(filing), found.into_iter().map(|(_, item)| item).collect())
    }

    /// Lists the changes made so far, newest first; without them it waits for them.
    pub(super) fn history(model: &Model, changes: Option<Vec<PastChange>>) -> Self {
        let kind = PickerKind::History { is_loaded: changes.is_some() };
        let item = |change: PastChange| {
            let when = change.at.in_list(model.now.unix, &model.settings.zone);
            Item {
                act: if change.is_undone { Act::Explain(UNDONE) } else { Act::TakeBack(change.id) },
                name: text::safe(&change.label),
                sentence: String::new(),
                aside: if change.is_undone { format!("taken back · {when}") } else { when },
                synonyms: String::new(),
                why_not: change.is_undone.then(|| format!("{}.", text::capital(UNDONE))),
            }
        };
        Self::new(kind, changes.into_iter().flatten().map(item).collect())
    }

    fn new(kind: PickerKind, items: Vec<Item>) -> Self {
        let matches = (0..items.len()).collect();
        Self { kind, input: Input::default(), items, matches, at: 0, top: 0 }
    }

    /// Gives the title of the box.
    pub(super) fn title(&self) -> String {
        match self.kind {
            PickerKind::Palette => "Command".to_owned(),
            PickerKind::Help { is_all: true, .. } => "Help · all screens".to_owned(),
            PickerKind::Help { context, .. } => format!("Help · {}", context.title()),
            PickerKind::GoTo => "Go to folder".to_owned(),
            PickerKind::FolderFor(Filing::Move) => "Move to folder".to_owned(),
            PickerKind::FolderFor(Filing::Copy) => "Copy to folder".to_owned(),
            PickerKind::History { .. } => "Changes".to_owned(),
        }
    }

    /// Gives what the keys do, for the frame.
    pub(super) fn hints(&self) -> &'static str {
        match self.kind {
            PickerKind::Palette => "Enter run · Esc close",
            PickerKind::Help { is_all: true, .. } => "Enter run · Tab this screen · Esc close",
            PickerKind::Help { .. } => "Enter run · Tab all screens · Esc close",
            PickerKind::GoTo => "Enter go · Esc close",
            PickerKind::FolderFor(Filing::Move) => "Enter move · Esc close",
            PickerKind::FolderFor(Filing::Copy) => "Enter copy · Esc close",
            PickerKind::History { .. } => "Enter take back · Esc close",
        }
    }

    pub(super) fn current(&self) -> Option<&Item> {
        self.matches.get(self.at).and_then(|item| self.items.get(*item))
    }

    pub(super) fn key(&mut self, key: Key, height: usize) -> Picked {
        let page = height.max(2) as isize - 1;
        match (key.ctrl, key.code) {
            (false, KeyCode::Esc) | (true, KeyCode::Char('c')) => return Picked::Closed,
            (false, KeyCode::Enter) => return self.current().map_or(Picked::Nothing, |item| Picked::Chosen(item.act)),
            (false, KeyCode::Tab) if matches!(self.kind, PickerKind::Help { .. }) => return Picked::Widened,
            (false, KeyCode::Down | KeyCode::Tab) | (true, KeyCode::Char('n')) => self.step(1),
            (false, KeyCode::Up) | (true, KeyCode::Char('p')) => self.step(-1),
            (false, KeyCode::PageDown) => self.step(page),
            (false, KeyCode::PageUp) => self.step(-page),
            _ => {
                if self.input.key(key) == Typed::Changed {
                    self.filter();
                }
            }
        }
        self.settle(height);
        Picked::Nothing
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.input.insert(text);
        self.filter();
    }

    pub(super) fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.matches.len().saturating_sub(1));
    }

    pub(super) fn settle(&mut self, height: usize) {
        let height = height.max(1);
        self.at = self.at.min(self.matches.len().saturating_sub(1));
        self.top = self.top.min(self.matches.len().saturating_sub(height));
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at);
    }

    /// Keeps what matches the typed text, the best first.
    pub(super) fn filter(&mut self) {
        (self.at, self.top) = (0, 0);
        let typed = self.input.text().trim();
        if typed.is_empty() {
            self.matches = (0..self.items.len()).collect();
            return;
        }
        let mut scored: Vec<(u32, usize)> = match self.kind {
            // Who reads help looks for a word, not for letters in a row.
            PickerKind::Help { .. } => {
                let score = |(at, item): (usize, &Item)| help_score(item, typed).map(|score| (score, at));
                self.items.iter().enumerate().filter_map(score).collect()
            }
            _ => {
                let mut matcher = Matcher::new(Config::DEFAULT);
                let pattern = Pattern::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy);
                let mut score = |(at, item): (usize, &Item)| {
                    fuzzy_score(&mut matcher, &pattern, item, typed).map(|score| (score, at))
                };
                self.items.iter().enumerate().filter_map(&mut score).collect()
            }
        };
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.matches = scored.into_iter().map(|(_, at)| at).collect();
    }
}

/// Says whether a command means something here and now; accounts that are not there have no line.
fn is_real(model: &Model, id: CommandId) -> bool {
    match id {
        CommandId::GoAccount(number) => usize::from(number) <= model.folders.accounts.len(),
        _ => true,
    }
}

fn command_item(model: &Model, context: Context, command: &Command) -> Item {
    let keys: Vec<String> = model.settings.keymap.keys_of(context, command.id).map(spell).collect();
    let sentence = match command.id {
        CommandId::GoAccount(number) => {
            let account = model.folders.accounts.get(usize::from(number).saturating_sub(1));
            account.map_or_else(String::new, |account| format!("go to the Inbox of {}", text::safe(&account.name)))
        }
        _ => command.sentence.to_owned(),
    };
    Item {
        act: Act::Run(command.id),
        name: command.name.to_owned(),
        sentence,
        aside: keys.join("  "),
        synonyms: command.synonyms.join(" "),
        why_not: run::why_not(model, command.id),
    }
}

/// Lists the places of the folder list, in its order.
fn folder_items(model: &Model) -> impl Iterator<Item = Item> {
    let folders = &model.folders;
    let several = folders.accounts.len() > 1;
    let item = |place: Place, name: String, aside: String, synonyms: &str| Item {
        act: Act::Go(place),
        name,
        sentence: String::new(),
        aside,
        synonyms: synonyms.to_owned(),
        why_not: None,
    };
    let mut items = vec![
        item(Place::AllInboxes, "All inboxes".to_owned(), String::new(), "unified"),
        item(Place::Starred, "Starred".to_owned(), String::new(), "flagged"),
    ];
    for line in &folders.accounts {
        for mailbox in folders.mailboxes.iter().filter(|mailbox| mailbox.account == line.id && mailbox.is_selectable) {
            let aside = if several { text::safe(&line.name) } else { String::new() };
            let name = if mailbox.role.is_some() { Folders::name(mailbox) } else { text::safe(&mailbox.name) };
            let role = mailbox.role.map_or("", |role| role.as_str());
            items.push(item(Place::Mailbox(mailbox.id), name, aside, role));
        }
    }
    items.into_iter()
}

/// Every word must stand somewhere; the name counts most.
fn help_score(item: &Item, typed: &str) -> Option<u32> {
    let mut score = 0;
    for word in typed.split_whitespace() {
        score += match () {
            () if item.aside.split("  ").any(|key| key == word) => 8,
            () if item.name.starts_with(word) => 6,
            () if has_word(&item.name, word) => 4,
            () if has_word(&item.synonyms, word) => 3,
            () if has_word(&item.sentence, word) => 2,
            () => return None,
        };
    }
    Some(score)
}

/// Says whether a word of the text begins so: `arch` means archive, not search.
fn has_word(text: &str, start: &str) -> bool {
    let start = start.to_lowercase();
    let text = text.to_lowercase();
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&start)) || text.starts_with(&start)
}

/// Weighs where the letters stand: the name before other words for it, those before its sentence.
fn fuzzy_score(matcher: &mut Matcher, pattern: &Pattern, item: &Item, typed: &str) -> Option<u32> {
    let mut buffer = Vec::new();
    let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), matcher);
    let name = score(&item.name).map(|score| score * 3);
    // Letters scattered over a whole sentence mean nothing: there the words themselves must stand.
    let synonyms = has_word(&item.synonyms, typed).then_some(500);
    let sentence = has_word(&item.sentence, typed).then_some(1);
    let aside = score(&item.aside).filter(|_| item.sentence.is_empty());
    let begins = item.name.to_lowercase().starts_with(&typed.to_lowercase());
    let best = [name, synonyms, sentence, aside].into_iter().flatten().max()?;
    Some(best + if begins { 1_000 } else { 0 })
}
