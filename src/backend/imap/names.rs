//! Owns the mailboxes as the server lists them: names on the wire and for people, and their roles (RFC 6154).
//!
//! A name is data: no path of a file is ever made of one.

use std::collections::HashSet;

use crate::backend::imap::Imap;
use crate::backend::imap::response::{List, Response};
use crate::backend::{Error, Kind, mutf7};
use crate::mail::mailbox::{Role, role_of_name};
use crate::mail::remote::RemoteMailbox;

const STAGE: &str = "listing folders";
/// More mailboxes than these are no account of a person.
const MOST: usize = 20_000;
/// Stands in a level's name for a slash that separates nothing.
const OTHER_SLASH: &str = "\u{2215}";

/// Lists the mailboxes, and asks in the same breath how large the inbox is.
pub async fn list(imap: &mut Imap) -> Result<Vec<RemoteMailbox>, Error> {
    let is_extended = imap.driver.can("LIST-EXTENDED");
    // With a journal of changes (RFC 7162), one line of STATUS (RFC 5819) tells that nothing changed in a mailbox.
    let tells_state = is_extended && imap.driver.can("LIST-STATUS") && imap.is_resyncing;
    let mut command = "LIST \"\" \"*\"".to_owned();
    if is_extended {
        command.push_str(" RETURN (SUBSCRIBED");
        if imap.driver.can("SPECIAL-USE") {
            command.push_str(" SPECIAL-USE");
        }
        if tells_state {
            command.push_str(" STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)");
        }
        command.push(')');
    }
    imap.listed.clear();
    let listing = imap.driver.send(STAGE, &command, 0).await?;
    let mut open = vec![listing];
    if !is_extended {
        open.push(imap.driver.send(STAGE, "LSUB \"\" \"*\"", 0).await?);
    }
    if imap.is_new() && !tells_state {
        open.push(imap.driver.send(STAGE, "STATUS INBOX (MESSAGES)", 0).await?);
    }
    let (mut found, mut subscribed) = (Vec::new(), HashSet::new());
    while !open.is_empty() {
        let reply = imap.driver.next(STAGE).await?;
        match reply.response {
            Response::Done(_, condition) => {
                if reply.of == Some(listing) {
                    imap.driver.check(STAGE, &condition)?;
                }
                open.retain(|ticket| Some(*ticket) != reply.of);
            }
            Response::List(list) if list.is_subscription => drop(subscribed.insert(list.name)),
            Response::List(list) => found.push(list),
            Response::Status(status) => imap.hear_status(&status),
            other => imap.notice(&other),
        }
        if found.len() > MOST || subscribed.len() > MOST {
            return Err(imap.driver.error(Kind::Limit, STAGE, format!("the server lists more than {MOST} folders")));
        }
    }
    // What was asked for is no news of its own.
    if let Some(heard) = &mut imap.driver.heard {
        heard.retain(|response| !matches!(response, Response::List(_)));
    }
    imap.delimiter = found.iter().find_map(|list| list.delimiter);
    // Where everything lies below the inbox, names begin with it (Courier, some of Cyrus).
    let below = imap.delimiter.map(|delimiter| format!("INBOX{delimiter}"));
    imap.prefix = below.filter(|below| {
        let mut others = found.iter().filter(|list| !is_inbox(&String::from_utf8_lossy(&list.name))).peekable();
        others.peek().is_some() && others.all(|list| list.name.starts_with(below.as_bytes()))
    });
    Ok(mailboxes(&found, &subscribed))
}

/// Spells the name of a mailbox that is to be made, `/` between levels, as the server wants it.
pub async fn path_of_new(imap: &mut Imap, stage: &'static str, name: &str) -> Result<String, Error> {
    if imap.delimiter.is_none() {
        list(imap).await?;
    }
    if imap.prefix.is_none() && imap.driver.can("NAMESPACE") {
        imap.prefix = Some(personal_namespace(imap, stage).await?);
    }
    let level = |level: &str| mutf7::encode(&level.replace(OTHER_SLASH, "/"));
    let path = match imap.delimiter {
        Some(delimiter) => {
            if name.replace('/', "").contains(delimiter) && delimiter != '/' {
                let what = format!("this server takes no {delimiter} in the name of a folder");
                return Err(imap.driver.error(Kind::Refused, stage, what));
            }
            name.split('/').map(level).collect::<Vec<_>>().join(&delimiter.to_string())
        }
        None => level(name),
    };
    let prefix = imap.prefix.as_deref().unwrap_or_default();
    Ok(if path.starts_with(prefix) { path } else { format!("{prefix}{path}") })
}

/// Asks what stands before the names of the user's own mailboxes (RFC 2342).
async fn personal_namespace(imap: &mut Imap, stage: &'static str) -> Result<String, Error> {
    let ticket = imap.driver.send(stage, "NAMESPACE", 0).await?;
    let mut prefix = String::new();
    let condition = imap
        .driver
        .finish(stage, ticket, |response| {
            if let Response::Namespace(personal) = response {
                prefix = String::from_utf8_lossy(&personal).into_owned();
            }
            Ok(())
        })
        .await?;
    imap.driver.check(stage, &condition)?;
    Ok(prefix)
}

/// Writes a mailbox's name as a command wants it.
pub fn quote(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Gives the path of a mailbox that a server names.
pub fn path_of(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name).into_owned();
    if is_inbox(&text) { "INBOX".to_owned() } else { text }
}

/// Says whether the inbox is meant, in whatever case.
pub fn is_inbox(path: &str) -> bool {
    path.eq_ignore_ascii_case("INBOX")
}

fn mailboxes(found: &[List], subscribed: &HashSet<Vec<u8>>) -> Vec<RemoteMailbox> {
    let mut mailboxes: Vec<RemoteMailbox> = Vec::with_capacity(found.len());
    let (mut paths, mut roles) = (HashSet::new(), HashSet::new());
    for list in found {
        let path = path_of(&list.name);
        if path.is_empty() || !paths.insert(path.clone()) {
            continue;
        }
        let has = |attribute: &str| list.attributes.iter().any(|known| known == attribute);
        // What cannot be said in one quoted line cannot be asked for.
        let is_sayable = std::str::from_utf8(&list.name).is_ok() && !path.contains(['\r', '\n', '\0']);
        let role = match is_inbox(&path) {
            true => Some(Role::Inbox),
            false => list.attributes.iter().find_map(|attribute| role_of_attribute(attribute)),
        };
        mailboxes.push(RemoteMailbox {
            name: name_for_people(&path, list.delimiter),
            role: role.filter(|role| roles.insert(*role)),
            is_selectable: is_sayable && !has("\\noselect") && !has("\\nonexistent"),
            is_subscribed: has("\\subscribed") || subscribed.contains(&list.name),
            path,
        });
    }
    for mailbox in &mut mailboxes {
        let below = mailbox.name.strip_prefix("INBOX/").unwrap_or(&mailbox.name);
        if mailbox.role.is_none() && mailbox.is_selectable && !below.contains('/') {
            mailbox.role = role_of_name(below).filter(|role| roles.insert(*role));
        }
    }
    mailboxes
}

fn role_of_attribute(attribute: &str) -> Option<Role> {
    match attribute {
        "\\all" => Some(Role::All),
        "\\archive" => Some(Role::Archive),
        "\\drafts" => Some(Role::Drafts),
        "\\flagged" => Some(Role::Flagged),
        "\\important" => Some(Role::Important),
        "\\junk" => Some(Role::Junk),
        "\\sent" => Some(Role::Sent),
        "\\trash" => Some(Role::Trash),
        _ => None,
    }
}

fn name_for_people(path: &str, delimiter: Option<char>) -> String {
    let level = |level: &str| mutf7::decode(level).unwrap_or_else(|| level.to_owned()).replace('/', OTHER_SLASH);
    match delimiter {
        Some(delimiter) => path.split(delimiter).map(level).collect::<Vec<_>>().join("/"),
        None => level(path),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    fn listed(name: &str, delimiter: char, attributes: &[&str]) -> List {
        List {
            attributes: attributes.iter().map(|attribute| attribute.to_string()).collect(),
            delimiter: Some(delimiter),
            name: name.as_bytes().to_vec(),
            is_subscription: false,
        }
    }

    #[test]
    fn names_are_decoded_level_by_level_and_kept_for_the_wire() {
        let found = mailboxes(&[listed("Entw&APw-rfe.a/b.&Jjo-", '.', &[])], &HashSet::new());
        assert_eq!(found[0].path, "Entw&APw-rfe.a/b.&Jjo-");
        assert_eq!(found[0].name, "Entwürfe/a\u{2215}b/☺");
    }

    #[test]
    fn a_role_is_given_once_and_the_servers_word_comes_first() {
        let all = [
            listed("inbox", '/', &[]),
            listed("Sent", '/', &[]),
            listed("Gesendet", '/', &["\\sent", "\\subscribed"]),
            listed("Work/Archive", '/', &[]),
            listed("Old", '/', &["\\noselect"]),
        ];
        let found = mailboxes(&all, &HashSet::new());
        let roles: Vec<Option<Role>> = found.iter().map(|mailbox| mailbox.role).collect();
        assert_eq!(roles, [Some(Role::Inbox), None, Some(Role::Sent), None, None]);
        assert_eq!(found[0].path, "INBOX");
        assert!(found[2].is_subscribed && !found[4].is_selectable);
    }

    #[test]
    fn names_that_could_say_more_than_a_name_are_never_said() {
        let mut bad = listed("x", '/', &[]);
        bad.name = b"a\r\nA1 DELETE INBOX".to_vec();
        assert!(!mailboxes(&[bad], &HashSet::new())[0].is_selectable);
        assert_eq!(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
