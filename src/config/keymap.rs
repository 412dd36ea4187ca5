//! Owns the keymap: which keys run which command where, the user's own keys, and what is wrong with them.
//!
//! It does not read the configuration file and runs nothing.

use crate::config::command::{self, COMMANDS, CommandId, Context};
use crate::config::key::{Key, UnknownKey, sequence, spell};
use crate::config::nearest::nearest;

/// The word between two keys that do the same.
const OR: &str = " or ";

/// What keys come to, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// A command.
    Command(CommandId),
    /// The beginning of at least one.
    Prefix,
    /// Nothing.
    None,
}

/// One way to run a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub context: Context,
    /// The keys, one after the other.
    pub keys: Vec<Key>,
    /// What they run.
    pub command: CommandId,
}

/// All bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

/// What is wrong with the user's own keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No command of this name.
    #[error("no command `{name}`{}", .nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default())]
    UnknownCommand {
        /// The name as it was written.
        name: String,
        /// The nearest name that there is.
        nearest: Option<&'static str>,
    },
    /// A text that names no key.
    #[error("`{name}`: {error}")]
    UnknownKey {
        /// The command.
        name: String,
        /// What is wrong with the text.
        error: UnknownKey,
    },
    /// One key for two commands, or a key that begins another command's keys.
    #[error("`{keys}` would run both `{name}` and `{other}` in the {}: give one of them other keys", .context.title())]
    Clash {
        /// The command whose keys the user set.
        name: String,
        /// The other command.
        other: &'static str,
        /// The keys.
        keys: String,
        /// Where.
        context: Context,
    },
}

impl Problem {
    /// Gives the entry of `[keys]` that is to be mended.
    pub fn name(&self) -> &str {
        match self {
            Problem::UnknownCommand { name, .. } | Problem::UnknownKey { name, .. } | Problem::Clash { name, .. } => {
                name
            }
        }
    }
}

impl Default for Keymap {
    fn default() -> Self {
        let mut bindings = Vec::new();
        for command in COMMANDS {
            for (contexts, text) in command.keys {
                // The default keys are read by a test; here a mistake would only leave a key out.
                for keys in text.split(OR).filter_map(|keys| sequence(keys).ok()) {
                    bindings.extend(contexts.iter().map(|&context| Binding {
                        context,
                        keys: keys.clone(),
                        command: command.id,
                    }));
                }
            }
        }
        Self { bindings }
    }
}

impl Keymap {
    /// Puts the user's keys in place of the default ones: `archive = ["e", "Ctrl-e"]`, `delete = ""` for none. One
    /// text may hold several with `or` between.
    pub fn with_overrides<'a>(overrides: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, Problem> {
        let mut map = Self::default();
        let mut changed = Vec::new();
        for (name, texts) in overrides {
            let command = command::by_name(name).ok_or_else(|| Problem::UnknownCommand {
                name: name.to_owned(),
                nearest: nearest(name, COMMANDS.iter().map(|command| command.name)),
            })?;
            map.bindings.retain(|binding| binding.command != command.id);
            let alternatives = texts.iter().flat_map(|text| text.split(OR)).map(str::trim);
            for alternative in alternatives.filter(|text| !text.is_empty()) {
                let keys =
                    sequence(alternative).map_err(|error| Problem::UnknownKey { name: name.to_owned(), error })?;
                map.bindings.extend(
                    Context::ALL.into_iter().filter(|&context| command.works_in(context)).map(|context| Binding {
                        context,
                        keys: keys.clone(),
                        command: command.id,
                    }),
                );
            }
            changed.push(command.id);
        }
        match map.clashes().into_iter().next() {
            None => Ok(map),
            Some((first, second)) => {
                let (own, other) = if changed.contains(&second.command) { (second, first) } else { (first, second) };
                let name_of = |id| command::command(id).map_or("", |command| command.name);
                Err(Problem::Clash {
                    name: name_of(own.command).to_owned(),
                    other: name_of(other.command),
                    keys: spell(&own.keys),
                    context: own.context,
                })
            }
        }
    }

    /// Says what keys come to in a context.
    pub fn lookup(&self, context: Context, keys: &[Key]) -> Lookup {
        let mut found = Lookup::None;
        for binding in self.bindings.iter().filter(|binding| binding.context == context) {
            if binding.keys == keys {
                return Lookup::Command(binding.command);
            }
            if binding.keys.starts_with(keys) {
                found = Lookup::Prefix;
            }
        }
        found
    }

    /// Gives every binding in a context that begins with these keys.
    pub fn beginning_with<'a>(&'a self, context: Context, keys: &'a [Key]) -> impl Iterator<Item = &'a Binding> {
        self.bindings.iter().filter(move |binding| binding.context == context && binding.keys.starts_with(keys))
    }

    /// Gives the keys of a command in a context, the first one first.
    pub fn keys_of(&self, context: Context, command: CommandId) -> impl Iterator<Item = &[Key]> {
        self.bindings
            .iter()
            .filter(move |binding| binding.context == context && binding.command == command)
            .map(|binding| binding.keys.as_slice())
    }

    /// Gives the first key of a command in a context as it is written.
    pub fn first_key(&self, context: Context, command: CommandId) -> Option<String> {
        self.keys_of(context, command).next().map(spell)
    }

    /// Gives the pairs of bindings that cannot both be reached.
    pub fn clashes(&self) -> Vec<(Binding, Binding)> {
        let mut clashes = Vec::new();
        for (at, first) in self.bindings.iter().enumerate() {
            for second in self.bindings.iter().skip(at + 1).filter(|second| second.context == first.context) {
                if second.command != first.command
                    && (first.keys.starts_with(&second.keys) || second.keys.starts_with(&first.keys))
                {
                    clashes.push((first.clone(), second.clone()));
                }
            }
        }
        clashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(keys: &[(&str, &str)]) -> Result<Keymap, Problem> {
        let keys: Vec<_> = keys.iter().map(|(name, keys)| (*name, vec![(*keys).to_owned()])).collect();
        Keymap::with_overrides(keys.iter().map(|(name, keys)| (*name, keys.as_slice())))
    }

    fn look(map: &Keymap, context: Context, keys: &str) -> Lookup {
        map.lookup(context, &sequence(keys).unwrap())
    }

    #[test]
    fn every_default_key_is_a_key_and_none_clash() {
        for command in COMMANDS {
            for (_, text) in command.keys {
                for keys in text.split(OR) {
                    assert!(sequence(keys).is_ok_and(|keys| !keys.is_empty()), "{}: {keys}", command.name);
                }
            }
        }
        assert_eq!(Keymap::default().clashes(), []);
    }

    #[test]
    fn keys_run_commands_where_they_work() {
        let map = Keymap::default();
        assert_eq!(look(&map, Context::List, "e"), Lookup::Command(CommandId::Archive));
        assert_eq!(look(&map, Context::List, "g"), Lookup::Prefix);
        assert_eq!(look(&map, Context::List, "g 3"), Lookup::Command(CommandId::GoAccount(3)));
        assert_eq!(look(&map, Context::List, "Space"), Lookup::Command(CommandId::Mark));
        assert_eq!(look(&map, Context::Reader, "Space"), Lookup::Command(CommandId::PageDown));
        assert_eq!(look(&map, Context::List, "w"), Lookup::None);
    }

    #[test]
    fn own_keys_take_the_place_of_the_default_ones() {
        let map = own(&[("archive", "w or Ctrl-e"), ("junk", "")]).unwrap();
        assert_eq!(look(&map, Context::List, "w"), Lookup::Command(CommandId::Archive));
        assert_eq!(look(&map, Context::Reader, "Ctrl-e"), Lookup::Command(CommandId::Archive));
        assert_eq!(look(&map, Context::List, "e"), Lookup::None);
        assert_eq!(look(&map, Context::List, "!"), Lookup::None);
    }

    #[test]
    fn mistakes_are_told_with_the_entry_to_mend() {
        let clash = own(&[("archive", "d")]).unwrap_err();
        assert_eq!(
            clash.to_string(),
            "`d` would run both `archive` and `delete` in the list: give one of them other keys"
        );
        let prefix = own(&[("archive", "g")]).unwrap_err();
        assert_eq!(prefix.name(), "archive");
        let name = own(&[("achive", "d")]).unwrap_err();
        assert_eq!(name.to_string(), "no command `achive`, did you mean `archive`?");
        let key = own(&[("archive", "Hyper-a")]).unwrap_err();
        assert_eq!(key, Problem::UnknownKey { name: "archive".into(), error: UnknownKey("Hyper-a".into()) });
        assert!(own(&[("archive", "d"), ("delete", "e")]).is_ok());
    }
}
