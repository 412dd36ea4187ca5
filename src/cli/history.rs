//! Owns the commands about what was done: `history` lists it, `undo` takes some of it back.
//!
//! What each change was made of is the store's.

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cli::change;
use crate::cli::context::{Context, now};
use crate::cli::failure::Failure;
use crate::cli::output::TableRow;
use crate::cli::say;
use crate::mail::id::HistoryId;
use crate::mail::mutation::Done;
use crate::store::Store;

/// So many changes are listed when nobody says how many.
const USUAL_LIMIT: usize = 50;

/// One change in JSON.
#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    at: String,
    what: String,
    undone: bool,
}

/// Lists the changes, newest first.
pub fn list(context: &Context, limit: Option<usize>) -> Result<(), Failure> {
    context.with_store(None, |store, _| {
        let changes = store.history(limit.unwrap_or(USUAL_LIMIT))?;
        if context.output.is_json {
            let listed = changes.into_iter().map(|change| Listed {
                id: change.id.0.to_string(),
                at: change.at.to_rfc3339(),
                what: change.label,
                undone: change.is_undone,
            });
            return Ok(context.output.json(&listed.collect::<Vec<_>>())?);
        }
        let (now, zone) = (now(), TimeZone::system());
        let rows = changes.into_iter().map(|change| {
            let state = if change.is_undone { "taken back" } else { "" };
            TableRow::new([change.id.0.to_string(), change.at.in_list(now, &zone), state.to_owned(), change.label])
        });
        let rows: Vec<TableRow> = rows.collect();
        if rows.is_empty() {
            say("nothing was changed yet");
        }
        Ok(context.output.table(&rows)?)
    })
}

/// Takes one change back, or the last one.
pub fn undo(context: &Context, id: Option<&str>) -> Result<(), Failure> {
    context.with_store(None, |store, _| {
        let undone = match id {
            Some(id) => take_back(store, id)?,
            None => store.undo(now())?,
        };
        match undone {
            Some(done) => change::report(context, store, &[Done { label: format!("Undone: {}", done.label), ..done }]),
            None => {
                say(if id.is_some() { "That was taken back already." } else { "Nothing to undo." });
                if context.output.is_json { change::report(context, store, &[]) } else { Ok(()) }
            }
        }
    })
}

fn take_back(store: &Store, id: &str) -> Result<Option<Done>, Failure> {
    let unknown = || Failure::failed(format!("there is no change {id}; `surat history` lists them with their ids"));
    let change = HistoryId(id.parse().map_err(|_| unknown())?);
    if !store.history(usize::MAX)?.iter().any(|known| known.id == change) {
        return Err(unknown());
    }
    Ok(store.take_back(change, now())?)
}
