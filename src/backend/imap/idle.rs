//! Owns waiting for news: IDLE (RFC 2177) said anew before a server gives up on it, or NOOP now and then.
//!
//! A wait may be dropped at any moment; the driver knows that IDLE is on, and the next command ends it.

use std::time::Duration;

use tokio::time::Instant;

use crate::backend::imap::response::Response;
use crate::backend::imap::{Imap, Mark, select};
use crate::backend::{Error, News};

const STAGE: &str = "waiting for news";

/// Waits for news of a mailbox.
pub async fn wait(imap: &mut Imap, mailbox: &str, at_most: Duration) -> Result<News, Error> {
    let end = Instant::now() + at_most;
    let is_selected = imap.selected.as_ref().is_some_and(|selected| selected.path == mailbox);
    if !is_selected {
        select::ensure(imap, STAGE, mailbox).await?;
        let now = imap.selected.as_ref().map(Mark::of);
        if imap.marks.get(mailbox).is_some_and(|before| Some(*before) != now) {
            return Ok(changed(mailbox));
        }
    }
    if imap.is_stale {
        return Ok(changed(mailbox));
    }
    if imap.driver.can("IDLE") { listen(imap, mailbox, end).await } else { ask(imap, mailbox, end).await }
}

async fn listen(imap: &mut Imap, mailbox: &str, end: Instant) -> Result<News, Error> {
    loop {
        if !imap.driver.is_idle() && !imap.driver.awaits_idle() {
            imap.driver.begin_idle(STAGE).await?;
            imap.idle_since = Some(Instant::now());
        }
        let reply = if imap.driver.awaits_idle() {
            Some(imap.driver.next(STAGE).await?)
        } else {
            let again = imap.idle_since.map_or(end, |since| since + imap.timeouts.idle);
            let left = end.min(again).saturating_duration_since(Instant::now());
            imap.driver.next_within(STAGE, left).await?
        };
        match reply.map(|reply| reply.response) {
            Some(Response::Done(..)) if !imap.driver.is_idle() && !imap.driver.awaits_idle() => {
                // Offered, but not to be had, or not for long.
                imap.driver.capabilities.retain(|word| word != "IDLE");
                return ask(imap, mailbox, end).await;
            }
            // The end follows at once, or is waited for no longer than a moment.
            Some(Response::Bye(_)) => drop(imap.driver.next(STAGE).await?),
            Some(response) => imap.notice(&response),
            None if Instant::now() >= end => return Ok(News::TimedOut),
            None => imap.driver.leave_idle(STAGE).await?,
        }
        if imap.is_stale {
            return Ok(changed(mailbox));
        }
    }
}

async fn ask(imap: &mut Imap, mailbox: &str, end: Instant) -> Result<News, Error> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(imap.timeouts.poll)).await;
        let ticket = imap.driver.send(STAGE, "NOOP", 0).await?;
        imap.finish(STAGE, ticket).await?;
        if imap.is_stale {
            return Ok(changed(mailbox));
        }
        if Instant::now() >= end {
            return Ok(News::TimedOut);
        }
    }
}

fn changed(mailbox: &str) -> News {
    News::Changed([mailbox.to_owned()].into())
}
