//! Owns the few lines before TLS where STARTTLS was chosen (RFC 9051 section 6.2.1), on the raw socket.
//!
//! Whatever is said before TLS can be said by anyone: no word of it is kept, believed or shown, and any surprise ends
//! the connection.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::net::{Endpoint, io_error};
use crate::backend::{Error, Kind};

/// Bytes that may come before TLS; a greeting with all capabilities is under 1,000.
const MOST_BYTES: usize = 16 * 1024;
/// Lines that may come between the command and its answer.
const MOST_LINES: usize = 50;

/// Brings an IMAP server to the point where TLS begins.
pub async fn imap(endpoint: &Endpoint, tcp: &mut TcpStream) -> Result<(), Error> {
    let mut lines = Lines::default();
    let greeting = lines.next(endpoint, tcp).await?;
    if starts_with(&greeting, "* PREAUTH") {
        return Err(endpoint.error(Kind::Tls, "the server skips TLS (PREAUTH); nothing was sent in plain text"));
    }
    if starts_with(&greeting, "* BYE") {
        return Err(endpoint.error(Kind::Network, "the server hung up"));
    }
    if !starts_with(&greeting, "* OK") {
        return Err(endpoint.error(Kind::Tls, "what answers there does not greet like IMAP; check the port"));
    }
    // A tag that nobody can guess: an answer to it was not written before the question.
    let tag = format!("s{:x}", RandomState::new().build_hasher().finish());
    let command = format!("{tag} STARTTLS\r\n");
    tcp.write_all(command.as_bytes()).await.map_err(|error| io_error(endpoint, &error))?;
    for _ in 0..MOST_LINES {
        let line = lines.next(endpoint, tcp).await?;
        if starts_with(&line, "* PREAUTH") || starts_with(&line, "* BYE") {
            break;
        }
        if starts_with(&line, "* ") {
            continue;
        }
        if starts_with(&line, &format!("{tag} OK")) {
            return lines.expect_none(endpoint, tcp);
        }
        break;
    }
    Err(endpoint.error(
        Kind::Tls,
        "the server refused STARTTLS; nothing was sent in plain text. Choose TLS (port 993), or ask who runs it",
    ))
}

fn starts_with(line: &[u8], start: &str) -> bool {
    let Some((head, rest)) = line.split_at_checked(start.len()) else { return false };
    let is_whole = start.ends_with(' ') || rest.first().is_none_or(|byte| *byte == b' ');
    is_whole && head.eq_ignore_ascii_case(start.as_bytes())
}

/// Lines off a socket, none of them long.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
    seen: usize,
}

impl Lines {
    async fn next(&mut self, endpoint: &Endpoint, tcp: &mut TcpStream) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.pending, rest);
                while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
                    line.pop();
                }
                return Ok(line);
            }
            let mut bytes = [0; 1024];
            let count = tcp.read(&mut bytes).await.map_err(|error| io_error(endpoint, &error))?;
            self.seen += count;
            if count == 0 {
                return Err(endpoint.error(Kind::Network, "the server hung up before TLS was there"));
            }
            if self.seen > MOST_BYTES {
                return Err(endpoint.error(Kind::Tls, "the server talks on instead of starting TLS"));
            }
            self.pending.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
    }

    /// Makes sure that nothing was slipped in.
    fn expect_none(&self, endpoint: &Endpoint, tcp: &TcpStream) -> Result<(), Error> {
        let mut byte = [0; 1];
        let is_quiet = matches!(tcp.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        match self.pending.is_empty() && is_quiet {
            true => Ok(()),
            false => Err(endpoint.error(
                Kind::Tls,
                "something was said in plain text where TLS should begin; someone on the way may be tampering",
            )),
        }
    }
}
