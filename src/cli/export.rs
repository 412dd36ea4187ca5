//! Owns `surat export`: mail as files that every other program reads, byte for byte as it came (reliability.md P31).
//!
//! It never writes over anything.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::Serialize;

use crate::backend::mutf7;
use crate::cli::args::ExportArgs;
use crate::cli::context::Context;
use crate::cli::failure::{Failure, Status};
use crate::cli::say;
use crate::cli::select::{self, Catalogue};
use crate::mail::email::Email;
use crate::mail::id::AccountId;
use crate::mail::keyword::{ANSWERED, DELETED, DRAFT, FLAGGED, FORWARDED, Keywords, SEEN};
use crate::mail::mailbox::Mailbox;
use crate::mail::time::UnixTime;
use crate::store::Store;

/// The directories of a Maildir; `cur` comes last, it is what makes a Maildir of it.
const PARTS: [&str; 3] = ["tmp", "new", "cur"];

/// What was exported, in JSON.
#[derive(Debug, Default, Serialize)]
struct Exported {
    exported: u64,
    bytes: u64,
    missing: u64,
}

/// Writes mail to a Maildir or an mbox file.
pub fn run(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    context.with_store(args.account.as_deref(), |store, account| {
        let catalogue = Catalogue::read(store)?;
        let mailboxes = catalogue.chosen(args.folder.as_deref(), account, |mailbox| mailbox.is_selectable)?;
        let (exported, place) = match (&args.maildir, &args.mbox) {
            (Some(dir), _) => (to_maildir(store, &catalogue, &mailboxes, args.folder.is_some(), dir)?, dir),
            (None, Some(file)) => (to_mbox(store, &mailboxes, file)?, file),
            (None, None) => return Err(Failure::usage("export needs --maildir DIR or --mbox FILE")),
        };
        match context.output.is_json {
            true => context.output.json(&exported)?,
            false => say(&format!("exported {} messages to {}", exported.exported, place.display())),
        }
        match exported.missing {
            0 => Ok(()),
            missing => {
                say(&format!(
                    "{missing} messages were left out: their text is not on this computer; `surat sync` fetches it"
                ));
                Err(Failure::new(Status::Partly, ""))
            }
        }
    })
}

fn fail(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let said = format!("cannot {doing} {}", path.display());
    move |error| Failure::failed(format!("{said}: {error}"))
}

/// Writes Maildirs: one for a single folder, else Maildir++ below an account, each account in a directory of its own
/// where there are several.
fn to_maildir(
    store: &Store,
    catalogue: &Catalogue,
    mailboxes: &[&Mailbox],
    is_one_folder: bool,
    dir: &Path,
) -> Result<Exported, Failure> {
    make_empty(dir)?;
    let mut by_account: BTreeMap<AccountId, Vec<&Mailbox>> = BTreeMap::new();
    mailboxes.iter().for_each(|mailbox| by_account.entry(mailbox.account).or_default().push(mailbox));
    let is_one_account = by_account.len() < 2;
    let mut exported = Exported::default();
    for (account, mailboxes) in by_account {
        let root = if is_one_account { dir.to_owned() } else { dir.join(catalogue.account_name(account)) };
        make_maildir(&root)?;
        let is_alone = is_one_folder && mailboxes.len() == 1;
        for mailbox in mailboxes {
            let is_root = is_alone || select::is_inbox(mailbox);
            let folder = if is_root { root.clone() } else { root.join(folder_name(&mailbox.name)) };
            make_maildir(&folder)?;
            if !is_root {
                File::create(folder.join("maildirfolder")).map_err(fail("write into", &folder))?;
            }
            export_each(store, mailbox, &mut exported, |email, raw| write_message(&folder, email, raw))?;
        }
    }
    Ok(exported)
}

/// Refuses a directory in which something is: an export never mixes with what is there.
fn make_empty(dir: &Path) -> Result<(), Failure> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::failed(format!("{} is not empty; export into a new directory", dir.display()))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_dir(dir),
        Err(error) => Err(fail("read", dir)(error)),
    }
}

fn make_dir(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail("make", dir))
}

fn make_maildir(dir: &Path) -> Result<(), Failure> {
    PARTS.iter().try_for_each(|part| make_dir(&dir.join(part)))
}

/// Spells a folder's name as Maildir++ does: `.Lists.rust`. A dot inside a level would make it two.
fn folder_name(name: &str) -> String {
    let level = |level: &str| format!(".{}", mutf7::encode(level).replace('.', "&AC4-"));
    name.split('/').filter(|level| !level.is_empty()).map(level).collect()
}

/// Writes one message, whole or not at all.
fn write_message(folder: &Path, email: &Email, raw: &[u8]) -> Result<(), Failure> {
    let base = format!("{}.{}.surat", email.received.0, email.id);
    let draft = folder.join("tmp").join(&base);
    let name = folder.join("cur").join(format!("{base}:2,{}", letters(&email.keywords)));
    let written = create_new(&draft).and_then(|mut file| file.write_all(raw)).and_then(|()| fs::rename(&draft, &name));
    written.map_err(fail("write", &name))
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Gives the flags as the name of a file in a Maildir carries them, in their order.
fn letters(keywords: &Keywords) -> String {
    [(DRAFT, 'D'), (FLAGGED, 'F'), (FORWARDED, 'P'), (ANSWERED, 'R'), (SEEN, 'S'), (DELETED, 'T')]
        .iter()
        .filter(|(keyword, _)| keywords.contains(keyword))
        .map(|(_, letter)| letter)
        .collect()
}

/// Writes one mbox file in the mboxrd form.
fn to_mbox(store: &Store, mailboxes: &[&Mailbox], path: &Path) -> Result<Exported, Failure> {
    let file = create_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::failed(format!("{} is there already; export into a new file", path.display()))
        }
        _ => fail("write", path)(error),
    })?;
    let mut file = BufWriter::new(file);
    let mut exported = Exported::default();
    for mailbox in mailboxes {
        export_each(store, mailbox, &mut exported, |email, raw| {
            write_mboxrd(&mut file, email, raw).map_err(fail("write", path))
        })?;
    }
    let file = file.into_inner().map_err(|error| fail("write", path)(error.into_error()))?;
    file.sync_all().map_err(fail("write", path))?;
    Ok(exported)
}

/// Writes a message behind its `From ` line. Lines of it that begin with `From ` behind any number of `>` get one `>`
/// more, so that taking one away gives back the bytes.
fn write_mboxrd(out: &mut impl Write, email: &Email, raw: &[u8]) -> io::Result<()> {
    let sender = email.header.from.first().map(|address| address.addr.as_str()).unwrap_or_default();
    let sender: String = sender.chars().filter(|c| c.is_ascii_graphic()).collect();
    let sender = if sender.is_empty() { "MAILER-DAEMON" } else { &sender };
    writeln!(out, "From {sender} {}", envelope_date(email.received))?;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From ")) {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
    }
    if !raw.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

/// Says a time as the `From ` line does (RFC 4155): `Mon Nov 23 01:40:00 2026`, in UTC.
fn envelope_date(time: UnixTime) -> String {
    time.civil(&jiff::tz::TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// Hands every mail of a folder over, oldest first.
fn export_each(
    store: &Store,
    mailbox: &Mailbox,
    exported: &mut Exported,
    mut write: impl FnMut(&Email, &[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for id in select::oldest_first(store, mailbox.id)? {
        // What another process took away meanwhile is not there to be exported.
        let Some(email) = store.email(id)? else { continue };
        match store.raw(id)? {
            Some(raw) => {
                write(&email, &raw)?;
                exported.exported += 1;
                exported.bytes += raw.len() as u64;
            }
            None => exported.missing += 1,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_spelled_as_maildir_does() {
        let cases = [("Lists/rust", ".Lists.rust"), ("v1.2", ".v1&AC4-2"), ("Entw\u{fc}rfe", ".Entw&APw-rfe")];
        for (name, expected) in cases {
            assert_eq!(folder_name(name), expected);
        }
    }

    #[test]
    fn letters_stand_in_their_order() {
        let keywords = Keywords::new([SEEN, DRAFT, ANSWERED, FLAGGED, FORWARDED, "other"]);
        assert_eq!(letters(&keywords), "DFPRS");
    }

    #[test]
    fn envelope_dates_are_those_of_the_c_library() {
        assert_eq!(envelope_date(UnixTime(1_795_398_000)), "Mon Nov 23 01:40:00 2026");
        assert_eq!(envelope_date(UnixTime(0)), "Thu Jan  1 00:00:00 1970");
    }
}
