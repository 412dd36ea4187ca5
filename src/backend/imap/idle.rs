//! Owns waiting for news: IDLE (RFC 2177) said anew before a server gives up on it, or NOOP now and then.
//!
//! A wait may be dropped at any moment; the driver knows that IDLE is on, and the next command ends it. Of the mailboxes
//! that are not open, `notify` hears.

use std::time::Duration;

use tokio::time::Instant;

use crate::backend::imap::response::Response;
use crate::backend::imap::{Imap, notify, select};
use crate::backend::{Error, News};

const STAGE: &str = "waiting for news";
/// After a change the next one often follows: for so long IDLE is not begun, nor the mailbox left, so that it goes out
/// at once.
const LINGER: Duration = Duration::from_millis(300);

/// Waits for news.
pub async fn wait(imap: &mut Imap, mailbox: &str, at_most: Duration) -> Result<News, Error> {
    let end = Instant::now() + at_most;
    if imap.has_edited {
        linger(imap, end).await?;
        imap.has_edited = false;
    }
    if notify::begin(imap, STAGE).await? {
        return Ok(News::Mailboxes);
    }
    let is_selected = imap.selected.as_ref().is_some_and(|selected| selected.path == mailbox);
    if !is_selected {
        select::ensure(imap, STAGE, mailbox).await?;
    }
    if let Some(news) = news(imap) {
        return Ok(news);
    }
    if imap.driver.can("IDLE") { listen(imap, end).await } else { ask(imap, end).await }
}

async fn linger(imap: &mut Imap, end: Instant) -> Result<(), Error> {
    let end = end.min(Instant::now() + LINGER);
    while let Some(reply) = imap.driver.next_within(STAGE, end.saturating_duration_since(Instant::now())).await? {
        imap.notice(&reply.response);
    }
    Ok(())
}

async fn listen(imap: &mut Imap, end: Instant) -> Result<News, Error> {
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
                return ask(imap, end).await;
            }
            // The end follows at once, or is waited for no longer than a moment.
            Some(Response::Bye(_)) => drop(imap.driver.next(STAGE).await?),
            Some(response) => imap.notice(&response),
            None if Instant::now() >= end => return Ok(News::TimedOut),
            None => imap.driver.leave_idle(STAGE).await?,
        }
        if imap.is_stale || imap.driver.heard.as_ref().is_some_and(|heard| !heard.is_empty()) {
            // What came along with it belongs to the same news.
            while let Some(reply) = imap.driver.next_within(STAGE, Duration::ZERO).await? {
                imap.notice(&reply.response);
            }
        }
        if let Some(news) = news(imap) {
            return Ok(news);
        }
    }
}

async fn ask(imap: &mut Imap, end: Instant) -> Result<News, Error> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(imap.timeouts.poll)).await;
        let ticket = imap.driver.send(STAGE, "NOOP", 0).await?;
        imap.finish(STAGE, ticket).await?;
        if let Some(news) = news(imap) {
            return Ok(news);
        }
        if Instant::now() >= end {
            return Ok(News::TimedOut);
        }
    }
}

/// Gives what was noticed, once.
fn news(imap: &mut Imap) -> Option<News> {
    let elsewhere = notify::news(imap);
    let is_stale = std::mem::take(&mut imap.is_stale);
    let here = imap.selected.as_ref().filter(|_| is_stale).map(|selected| selected.path.clone());
    let Some(here) = here else { return elsewhere };
    match elsewhere {
        Some(News::Changed(mut changed)) => {
            changed.insert(here);
            Some(News::Changed(changed))
        }
        Some(News::Mailboxes) => Some(News::Mailboxes),
        _ => Some(News::Changed([here].into())),
    }
}
