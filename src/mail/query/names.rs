//! Owns the question whether the folders and accounts that a query names are there, and which were meant.
//!
//! It knows none itself, and it does not search.

use super::Query;
use super::parse::quoted;
use crate::mail::mailbox::Mailbox;
use crate::mail::nearest::nearest;

/// Says of each `in:` and `account:` that means nothing what was probably meant. It holds what was typed, so it is
/// shown as any text from outside.
pub fn unknown_names(query: &Query, mailboxes: &[Mailbox], accounts: &[&str]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut rest = vec![query];
    while let Some(query) = rest.pop() {
        let note = match query {
            Query::And(parts) | Query::Or(parts) => {
                rest.extend(parts.iter().rev());
                continue;
            }
            Query::Not(inner) => {
                rest.push(inner);
                continue;
            }
            Query::In(name) if name.to_lowercase() != "all" && !mailboxes.iter().any(|it| it.begins_with(name)) => {
                let roles = mailboxes.iter().filter_map(|mailbox| mailbox.role).map(|role| role.as_str());
                let names = mailboxes.iter().flat_map(|mailbox| [mailbox.name.as_str(), mailbox.leaf()]);
                unknown("in", "folder", name, roles.chain(names))
            }
            Query::Account(name) if !accounts.iter().any(|account| account.eq_ignore_ascii_case(name)) => {
                unknown("account", "account", name, accounts.iter().copied())
            }
            _ => continue,
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn unknown<'n>(operator: &str, noun: &str, name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let what = format!("there is no {noun} {}", quoted(name));
    match nearest(name, names) {
        Some(near) if near.contains(char::is_whitespace) => format!("{what}; did you mean {operator}:\"{near}\" ?"),
        Some(near) => format!("{what}; did you mean {operator}:{near} ?"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::mail::id::{AccountId, MailboxId};
    use crate::mail::mailbox::Role;
    use crate::mail::query::parse;
    use crate::mail::time::UnixTime;

    #[test]
    fn names_that_mean_nothing_are_named_with_the_nearest_one() {
        let mailbox = |name: &str, role| Mailbox {
            id: MailboxId(1),
            account: AccountId(1),
            name: name.to_owned(),
            role,
            is_selectable: true,
            is_subscribed: true,
            total: 0,
            unread: 0,
        };
        let mailboxes = [
            mailbox("INBOX", Some(Role::Inbox)),
            mailbox("Gesendete Objekte", Some(Role::Sent)),
            mailbox("Lists/rust", None),
        ];
        let cases: [(&str, &[&str]); 11] = [
            ("in:inbox in:INB in:sent in:rust in:all in:ALL account:Work budi", &[]),
            ("in:inbxo", &["there is no folder \"inbxo\"; did you mean in:inbox ?"]),
            ("in:snet", &["there is no folder \"snet\"; did you mean in:sent ?"]),
            ("in:rsut", &["there is no folder \"rsut\"; did you mean in:rust ?"]),
            (
                "in:\"gesendete objkte\"",
                &["there is no folder \"gesendete objkte\"; did you mean in:\"Gesendete Objekte\" ?"],
            ),
            ("-in:nirgends", &["there is no folder \"nirgends\""]),
            ("account:wrok", &["there is no account \"wrok\"; did you mean account:work ?"]),
            ("account:wor", &["there is no account \"wor\"; did you mean account:work ?"]),
            ("in:trahs OR (account:nobody a)", &["there is no folder \"trahs\"", "there is no account \"nobody\""]),
            ("in:x in:x", &["there is no folder \"x\""]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let query = parse(text, UnixTime(0), &TimeZone::UTC).query;
            assert_eq!(unknown_names(&query, &mailboxes, &["work"]), expected, "{text}");
        }
    }
}
