//! Owns the decision which operations bring a server to what is wanted: rows and capabilities in, operations out. Pure.
//!
//! It plans one step of each email; what is left is planned again from the rows once that step is settled. So a server
//! that cannot move gets a copy first, and the leaving follows by itself.

use std::collections::BTreeMap;

use crate::backend::Offer;
use crate::mail::id::{EmailId, MailboxId};
use crate::mail::keyword::{DELETED, Keywords};
use crate::mail::remote::{Cursor, RemoteId, RemoteOperation};
use crate::mail::time::UnixTime;
use crate::store::{MailboxChange, Pending, PendingEmail, PendingMailbox, Share, Stand};

/// Messages named in one operation: a set of that many scattered UIDs is a line of some 5 KB.
const MOST_IDS: usize = 500;

/// One thing to be done, and the rows that it settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// An operation on the server.
    Operation {
        /// The operation.
        operation: RemoteOperation,
        /// The rows, in the order of its ids.
        shares: Vec<Share>,
    },
    /// A message is added from the bytes here.
    Append(Append),
    /// Something can be decided only when all mailboxes were read.
    AfterAll,
    /// The body must be here before more can be done with the email.
    Fetch(EmailId),
    /// Nothing has the message any more that is wanted.
    Impossible(Share),
}

/// A message that is to be added to a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Its bytes in the store.
    pub blob: i64,
    /// How many they are.
    pub size: u64,
    /// The mailbox's path.
    pub mailbox: String,
    /// Its keywords.
    pub keywords: Keywords,
    /// When it was received.
    pub received: UnixTime,
    /// The row.
    pub share: Share,
}

/// What is known while planning, beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// Changes of keywords are made whatever others did meanwhile.
    pub insists: bool,
    /// All mailboxes were read since the rows were last thought to be true: what is gone is nowhere else.
    pub has_seen_all: bool,
}

/// Plans the next step of everything that is pending, in the order in which it is to be done.
pub fn plan(pending: &Pending, offer: &Offer, outlook: Outlook) -> Vec<Planned> {
    let (last, first): (Vec<_>, Vec<_>) =
        pending.mailboxes.iter().partition(|mailbox| mailbox.change == MailboxChange::Delete);
    // Those below a mailbox that gets another name get theirs with it.
    let follows = |mailbox: &&PendingMailbox| {
        mailbox.change == MailboxChange::Rename
            && pending.mailboxes.iter().any(|above| {
                let below = mailbox.name.strip_prefix(&above.name).is_some_and(|rest| rest.starts_with('/'));
                above.change == MailboxChange::Rename && below
            })
    };
    let mut all: Vec<Planned> = first.into_iter().filter(|mailbox| !follows(mailbox)).map(plan_mailbox).collect();
    // Every path below a mailbox that is renamed is another one afterwards.
    if pending.mailboxes.iter().any(|mailbox| mailbox.change == MailboxChange::Rename) {
        return all;
    }
    let mut groups = Groups::default();
    let mut planned = Vec::new();
    for email in &pending.emails {
        plan_email(email, offer, outlook, &mut groups, &mut planned);
    }
    let cursor =
        |mailbox: MailboxId| pending.cursors.get(&mailbox).filter(|_| offer.can_compare && !outlook.insists).cloned();
    all.extend(groups.into_operations(cursor));
    all.append(&mut planned);
    // A mailbox goes when nothing waits to leave it any more.
    let is_free = |mailbox: &&PendingMailbox| {
        !pending.has_more
            && !pending.emails.iter().flat_map(|email| &email.copies).any(|copy| copy.mailbox == mailbox.mailbox)
    };
    all.extend(last.into_iter().filter(is_free).map(plan_mailbox));
    all
}

fn plan_mailbox(pending: &PendingMailbox) -> Planned {
    let (path, name) = (pending.path.clone(), pending.name.clone());
    let operation = match pending.change {
        MailboxChange::Create => RemoteOperation::CreateMailbox { name, role: pending.role },
        MailboxChange::Rename => RemoteOperation::RenameMailbox { path, name },
        MailboxChange::Delete => RemoteOperation::DeleteMailbox { path },
        MailboxChange::Subscribe(on) => RemoteOperation::Subscribe { path, on },
    };
    let share = Share::Mailbox { mailbox: pending.mailbox, change: pending.change, name: pending.name.clone() };
    Planned::Operation { operation, shares: vec![share] }
}

fn plan_email(
    pending: &PendingEmail,
    offer: &Offer,
    outlook: Outlook,
    groups: &mut Groups,
    planned: &mut Vec<Planned>,
) {
    let email = pending.email;
    if pending.must_be_here {
        planned.push(Planned::Fetch(email));
    }
    let mut leaving = pending.copies.iter().filter(|copy| copy.stand == Stand::Leaves);
    let is_going = pending.aims.is_empty() && !pending.copies.iter().any(|copy| copy.stand == Stand::Stays);
    for copy in &pending.copies {
        let (add, mut remove) = (pending.keywords.without(&copy.keywords), copy.keywords.without(&pending.keywords));
        if copy.is_deleted && (copy.stand == Stand::Returns || !pending.aims.is_empty()) {
            remove.insert(DELETED);
        }
        // What is about to be deleted for good needs no marks; all else is marked before it moves.
        let is_leaving = matches!(copy.stand, Stand::Leaves | Stand::WaitsToLeave);
        if add != remove && !(is_leaving && is_going) {
            let (mailbox, id) = (copy.mailbox, copy.id.clone());
            let key = (copy.path.clone(), Kind::Keywords(mailbox, add.clone(), remove.clone()));
            groups.add(key, id.clone(), Share::Keywords { email, mailbox, id, add, remove });
        }
    }
    let any = pending.copies.iter().find(|copy| copy.stand != Stand::Returns);
    for aim in &pending.aims {
        // A mailbox that the server does not have is made first.
        let Some(to_path) = aim.path.clone() else { continue };
        let is_move = offer.can_move;
        let source = if is_move { leaving.next() } else { None };
        let (source, is_move) = match source {
            Some(copy) => (Some(copy), true),
            None => (any, false),
        };
        let to = aim.mailbox;
        match source {
            Some(copy) => {
                let from = Some((copy.mailbox, copy.id.clone()));
                let kind = if is_move { Kind::Move(to_path) } else { Kind::Copy(to_path) };
                let share = Share::Arrival { email, from, to, is_move };
                groups.add((copy.path.clone(), kind), copy.id.clone(), share);
            }
            None => {
                // What another client has moved comes back with its new mailbox, and goes on from there.
                if pending.has_vanished && !outlook.has_seen_all {
                    planned.push(Planned::AfterAll);
                    continue;
                }
                let share = Share::Arrival { email, from: None, to, is_move: false };
                planned.push(match pending.blob {
                    Some(blob) => Planned::Append(Append {
                        blob,
                        size: pending.size,
                        mailbox: to_path,
                        keywords: pending.keywords.clone(),
                        received: pending.received,
                        share,
                    }),
                    None if pending.is_awaited => continue,
                    None => Planned::Impossible(share),
                });
            }
        }
    }
    // What leaves goes only when it is where it is wanted instead.
    if !pending.aims.is_empty() {
        return;
    }
    let stays = pending.copies.iter().any(|copy| copy.stand == Stand::Stays);
    for copy in &pending.copies {
        match copy.stand {
            // Nothing is deleted on a server that is not here, or still somewhere else there (invariant 8).
            Stand::Leaves | Stand::WaitsToLeave if pending.blob.is_none() && !stays => {
                if !pending.must_be_here {
                    planned.push(Planned::Fetch(email));
                }
                return;
            }
            Stand::Leaves => {
                let (mailbox, id) = (copy.mailbox, copy.id.clone());
                groups.add((copy.path.clone(), Kind::Remove), id.clone(), Share::Removal { email, mailbox, id });
            }
            _ => {}
        }
    }
}

/// What can be said of many messages in one operation; in this order in each mailbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Keywords(MailboxId, Keywords, Keywords),
    Copy(String),
    Move(String),
    Remove,
}

/// Messages by mailbox and kind, so that each mailbox is opened once.
#[derive(Debug, Default)]
struct Groups(BTreeMap<(String, Kind), Vec<(RemoteId, Share)>>);

impl Groups {
    fn add(&mut self, key: (String, Kind), id: RemoteId, share: Share) {
        self.0.entry(key).or_default().push((id, share));
    }

    fn into_operations(self, cursor: impl Fn(MailboxId) -> Option<Cursor>) -> Vec<Planned> {
        let mut operations = Vec::new();
        for ((path, kind), members) in self.0 {
            for chunk in members.chunks(MOST_IDS) {
                let (ids, shares): (Vec<_>, Vec<_>) = chunk.iter().cloned().unzip();
                let from = path.clone();
                let operation = match kind.clone() {
                    Kind::Keywords(mailbox, add, remove) => {
                        RemoteOperation::Keywords { mailbox: from, ids, add, remove, unchanged_since: cursor(mailbox) }
                    }
                    Kind::Copy(to) => RemoteOperation::Copy { from, ids, to },
                    Kind::Move(to) => RemoteOperation::Move { from, ids, to },
                    Kind::Remove => RemoteOperation::Remove { mailbox: from, ids },
                };
                operations.push(Planned::Operation { operation, shares });
            }
        }
        operations
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::store::{Aim, PendingCopy};

    const INBOX: MailboxId = MailboxId(1);
    const ARCHIVE: MailboxId = MailboxId(2);

    fn copy(mailbox: MailboxId, id: &str, stand: Stand) -> PendingCopy {
        let path = if mailbox == INBOX { "INBOX" } else { "Archive" };
        PendingCopy {
            mailbox,
            path: path.into(),
            id: RemoteId(id.into()),
            keywords: Keywords::default(),
            is_deleted: stand == Stand::Returns,
            stand,
        }
    }

    fn email(number: i64, copies: Vec<PendingCopy>, aims: &[MailboxId]) -> PendingEmail {
        let aim = |mailbox: &MailboxId| Aim {
            mailbox: *mailbox,
            path: Some(if *mailbox == INBOX { "INBOX" } else { "Archive" }.into()),
        };
        PendingEmail {
            email: EmailId(number),
            keywords: Keywords::default(),
            blob: Some(7),
            size: 9,
            received: UnixTime(0),
            copies,
            aims: aims.iter().map(aim).collect(),
            is_awaited: false,
            has_vanished: false,
            must_be_here: false,
        }
    }

    fn planned(emails: Vec<PendingEmail>, offer: &Offer) -> Vec<Planned> {
        plan(&Pending { emails, ..Pending::default() }, offer, Outlook::default())
    }

    fn can_move() -> Offer {
        Offer { can_move: true, ..Offer::default() }
    }

    #[test]
    fn many_moves_are_one_operation_whose_rows_keep_its_order() {
        let mails = |n| email(n, vec![copy(INBOX, &n.to_string(), Stand::Leaves)], &[ARCHIVE]);
        let all = planned((1..=501).map(mails).collect(), &can_move());
        let [Planned::Operation { operation: RemoteOperation::Move { ids, .. }, shares }, Planned::Operation { .. }] =
            &all[..]
        else {
            panic!("{all:?}")
        };
        assert_eq!((ids.len(), shares.len()), (MOST_IDS, MOST_IDS));
        for (id, share) in ids.iter().zip(shares) {
            assert!(matches!(share, Share::Arrival { from: Some((_, of)), is_move: true, .. } if of == id));
        }
    }

    #[test]
    fn a_server_that_cannot_move_copies_and_nothing_leaves_before_the_copy_is_there() {
        let all = planned(vec![email(1, vec![copy(INBOX, "1", Stand::Leaves)], &[ARCHIVE])], &Offer::default());
        let [Planned::Operation { operation: RemoteOperation::Copy { .. }, .. }] = &all[..] else { panic!("{all:?}") };
        let arrived = vec![copy(INBOX, "1", Stand::Leaves), copy(ARCHIVE, "5", Stand::Stays)];
        let all = planned(vec![email(1, arrived, &[])], &Offer::default());
        let [Planned::Operation { operation: RemoteOperation::Remove { mailbox, ids }, .. }] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!((mailbox.as_str(), ids.len()), ("INBOX", 1));
    }

    #[test]
    fn nothing_is_removed_that_is_neither_here_nor_elsewhere_on_the_server() {
        let mut gone = email(1, vec![copy(INBOX, "1", Stand::Leaves)], &[]);
        gone.blob = None;
        assert_eq!(planned(vec![gone.clone()], &can_move()), [Planned::Fetch(EmailId(1))]);
        gone.copies.push(copy(ARCHIVE, "2", Stand::Stays));
        assert!(matches!(&planned(vec![gone], &can_move())[..], [Planned::Operation { .. }]));
        // A hold is a hold, with the bytes here or not.
        let waits = email(1, vec![copy(INBOX, "1", Stand::WaitsToLeave)], &[]);
        assert_eq!(planned(vec![waits], &can_move()), []);
    }

    #[test]
    fn what_the_server_has_lost_is_added_again_but_only_after_a_look_everywhere() {
        let mut lost = email(1, Vec::new(), &[INBOX]);
        assert!(matches!(&planned(vec![lost.clone()], &can_move())[..], [Planned::Append(_)]));
        lost.has_vanished = true;
        assert_eq!(planned(vec![lost.clone()], &can_move()), [Planned::AfterAll]);
        let pending = Pending { emails: vec![lost.clone()], ..Pending::default() };
        let outlook = Outlook { has_seen_all: true, ..Outlook::default() };
        assert!(matches!(&plan(&pending, &can_move(), outlook)[..], [Planned::Append(_)]));
        lost.blob = None;
        let pending = Pending { emails: vec![lost], ..Pending::default() };
        assert!(matches!(&plan(&pending, &can_move(), outlook)[..], [Planned::Impossible(_)]));
    }

    #[test]
    fn marks_go_before_moves_and_a_mark_as_deleted_is_taken_off_for_what_stays() {
        let mut starred = email(1, vec![copy(INBOX, "1", Stand::Leaves)], &[ARCHIVE]);
        starred.keywords = Keywords::new(["$flagged"]);
        let all = planned(vec![starred], &can_move());
        assert!(matches!(&all[0], Planned::Operation { operation: RemoteOperation::Keywords { .. }, .. }), "{all:?}");
        assert!(matches!(&all[1], Planned::Operation { operation: RemoteOperation::Move { .. }, .. }), "{all:?}");
        let all = planned(vec![email(1, vec![copy(INBOX, "1", Stand::Returns)], &[])], &can_move());
        let [Planned::Operation { operation: RemoteOperation::Keywords { remove, .. }, .. }] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(remove.to_text(), DELETED);
        // Nobody needs marks on what goes for good.
        let mut going = email(1, vec![copy(INBOX, "1", Stand::Leaves)], &[]);
        going.keywords = Keywords::new(["$seen"]);
        assert!(matches!(
            &planned(vec![going], &can_move())[..],
            [Planned::Operation { operation: RemoteOperation::Remove { .. }, .. }]
        ));
    }

    #[test]
    fn a_folder_is_made_first_and_goes_last_when_nothing_is_in_it() {
        let mailbox = |change, mailbox, path: &str| PendingMailbox {
            mailbox,
            name: "x".into(),
            path: path.into(),
            role: None,
            change,
        };
        let mut pending = Pending {
            mailboxes: vec![
                mailbox(MailboxChange::Create, MailboxId(9), ""),
                mailbox(MailboxChange::Delete, INBOX, "INBOX"),
            ],
            emails: vec![email(1, vec![copy(INBOX, "1", Stand::Leaves)], &[ARCHIVE])],
            ..Pending::default()
        };
        let kinds = |pending: &Pending| -> Vec<&'static str> {
            plan(pending, &can_move(), Outlook::default())
                .iter()
                .map(|planned| match planned {
                    Planned::Operation { operation: RemoteOperation::CreateMailbox { .. }, .. } => "create",
                    Planned::Operation { operation: RemoteOperation::DeleteMailbox { .. }, .. } => "delete",
                    Planned::Operation { operation: RemoteOperation::Move { .. }, .. } => "move",
                    _ => "else",
                })
                .collect()
        };
        assert_eq!(kinds(&pending), ["create", "move"]);
        pending.emails.clear();
        assert_eq!(kinds(&pending), ["create", "delete"]);
    }
}
