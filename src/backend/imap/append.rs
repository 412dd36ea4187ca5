//! Owns adding a message to a mailbox (APPEND, RFC 9051 section 6.3.12).

use crate::backend::imap::cursor::remote_id;
use crate::backend::imap::names::quote;
use crate::backend::imap::response::Response;
use crate::backend::imap::{Imap, apply};
use crate::backend::{Error, Kind};
use crate::mail::keyword::Keywords;
use crate::mail::remote::{Applied, RemoteId};
use crate::mail::time::UnixTime;

const STAGE: &str = "adding a message";
/// LITERAL- servers take so many bytes without being asked (RFC 7888).
const SMALL: usize = 4_096;

/// Adds a message.
pub async fn append(
    imap: &mut Imap,
    mailbox: &str,
    bytes: &[u8],
    keywords: &Keywords,
    received: UnixTime,
) -> Result<Applied, Error> {
    let message = with_line_breaks(bytes);
    let has_nul = message.contains(&0);
    if has_nul && !imap.driver.can("BINARY") {
        return Err(imap.driver.error(
            Kind::Refused,
            STAGE,
            "the message holds NUL bytes, which this server cannot take",
        ));
    }
    let is_free = imap.driver.can("LITERAL+")
        || ((imap.driver.can("LITERAL-") || imap.driver.can("IMAP4REV2")) && message.len() <= SMALL);
    let (tilde, plus) = (if has_nul { "~" } else { "" }, if is_free { "+" } else { "" });
    let command = format!(
        "APPEND {} ({}) \"{}\" {tilde}{{{}{plus}}}",
        quote(mailbox),
        apply::flags(keywords),
        received.timestamp().strftime("%d-%b-%Y %H:%M:%S +0000"),
        message.len()
    );
    let ticket = imap.driver.send(STAGE, &command, 0).await?;
    if is_free {
        imap.driver.add(&message);
    }
    loop {
        let reply = imap.driver.next(STAGE).await?;
        match reply.response {
            Response::Continue if !is_free && reply.of == Some(ticket) => imap.driver.add(&message),
            Response::Done(_, condition) if reply.of == Some(ticket) => {
                apply::check(imap, STAGE, &condition)?;
                let id = (condition.code == "APPENDUID").then(|| appended(&condition.arguments)).flatten();
                return Ok(Applied {
                    tells_ids: id.is_some(),
                    became: id.map(|id| (RemoteId(String::new()), id)).into_iter().collect(),
                    ..Applied::default()
                });
            }
            other => imap.notice(&other),
        }
    }
}

/// Reads the arguments of APPENDUID (RFC 4315 section 3).
fn appended(arguments: &str) -> Option<RemoteId> {
    let mut words = arguments.split_ascii_whitespace();
    let validity: u32 = words.next()?.parse().ok().filter(|validity| *validity > 0)?;
    let uid: u32 = words.next()?.parse().ok().filter(|uid| *uid > 0)?;
    Some(remote_id(validity, uid))
}

/// Ends every line as the wire wants it.
fn with_line_breaks(bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes.len() + 64);
    let mut before = 0;
    for byte in bytes {
        if *byte == b'\n' && before != b'\r' {
            message.push(b'\r');
        }
        message.push(*byte);
        before = *byte;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_the_wire_wants_and_what_is_right_stays() {
        assert_eq!(with_line_breaks(b"a\nb\r\n\n\rc"), b"a\r\nb\r\n\r\n\rc");
        assert_eq!(appended("38505 3955"), Some(remote_id(38505, 3955)));
        assert_eq!(appended("0 1").or(appended("5")).or(appended("5 x")), None);
    }
}
