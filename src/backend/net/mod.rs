//! The way to a server: names, addresses, TLS, and a count of what goes over it. No protocol but the little of
//! STARTTLS that comes before TLS.
//!
//! There is no way past the check of a certificate, and none from TLS back to plain text.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_native_tls::TlsStream;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

mod count;
mod starttls;
mod tls;

pub use count::Counter;

use crate::backend::{Error, Kind};

/// What a person is told to be doing while a connection is made.
const STAGE: &str = "connecting";
/// No address gets less than this while there is time, so that a dead one does not starve the next.
const SHORTEST_TRY: Duration = Duration::from_secs(2);
/// A link that was quiet for so many seconds is asked whether it is still there, every so many seconds, so many times.
const QUIET: u32 = 75;
const PROBE_EVERY: u32 = 15;
const PROBES: u32 = 3;
/// What was sent must be acknowledged within so many seconds. Linux counts the quiet before the probes too, and this
/// instead of the probes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNHEARD: u32 = QUIET + PROBE_EVERY * PROBES;

/// How a connection is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting; strictly required, never "if available".
    StartTls,
    /// Plain text: only to this very machine.
    None,
}

/// Where a server listens, and how to speak to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host's name or address; the certificate must be for it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is made safe.
    pub security: Security,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bare_host() {
            host if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl Endpoint {
    fn error(&self, kind: Kind, what: impl Into<String>) -> Error {
        Error::new(kind, self.to_string(), STAGE, what)
    }

    /// Gives the host without the brackets that addresses are often written in.
    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// A connection as a protocol wants it: plain bytes both ways, counted.
#[derive(Debug)]
pub struct Stream {
    inner: Inner,
    counter: Arc<Counter>,
}

#[derive(Debug)]
enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Gives the count, which can be read while the stream is in use elsewhere.
    pub fn counter(&self) -> Arc<Counter> {
        Arc::clone(&self.counter)
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buf),
        };
        self.counter.add_in(buf.filled().len().saturating_sub(before));
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(written)) = &result {
            self.counter.add_out(*written);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Inner::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}

/// Connects to an IMAP server within `within`, the name, every address and TLS included. With STARTTLS the greeting
/// was read and forgotten: the server is waiting for a command.
pub async fn connect(endpoint: &Endpoint, within: Duration) -> Result<Stream, Error> {
    match timeout(within, connect_at_leisure(endpoint, Instant::now() + within)).await {
        Ok(result) => result,
        Err(_) => {
            let what = format!("no answer within {} s; check the network, the host and the port", within.as_secs());
            Err(endpoint.error(Kind::Timeout, what))
        }
    }
}

async fn connect_at_leisure(endpoint: &Endpoint, end: Instant) -> Result<Stream, Error> {
    tracing::debug!(place = %endpoint, security = ?endpoint.security, "connecting");
    let mut tcp = open(endpoint, end).await?;
    let inner = match endpoint.security {
        Security::None => Inner::Plain(tcp),
        Security::Tls => Inner::Tls(Box::new(tls::handshake(endpoint, tcp).await?)),
        Security::StartTls => {
            starttls::imap(endpoint, &mut tcp).await?;
            Inner::Tls(Box::new(tls::handshake(endpoint, tcp).await?))
        }
    };
    tracing::debug!(place = %endpoint, "connected");
    Ok(Stream { inner, counter: Arc::default() })
}

/// Tries every address of the host, one after the other.
async fn open(endpoint: &Endpoint, end: Instant) -> Result<TcpStream, Error> {
    let found = tokio::net::lookup_host((endpoint.bare_host(), endpoint.port)).await;
    let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() {
        let what = "this name has no address; check its spelling, and whether the network is there";
        return Err(endpoint.error(Kind::Network, what));
    }
    let is_here = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    if endpoint.security == Security::None && !addresses.iter().all(is_here) {
        let what = "plain text is allowed to this machine only; choose TLS (port 993) or STARTTLS (port 143) instead";
        return Err(endpoint.error(Kind::Tls, what));
    }
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout(share.max(SHORTEST_TRY), TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                keep_alive(&tcp);
                return Ok(tcp);
            }
            Ok(Err(error)) => last = Some(io_error(endpoint, &error)),
            Err(_) => {
                last = Some(endpoint.error(Kind::Timeout, "no answer; check the network, the host and the port"));
            }
        }
    }
    Err(last.unwrap_or_else(|| endpoint.error(Kind::Network, "it could not be reached")))
}

/// Has the system find out by itself that a quiet link is dead: after some two minutes, not after hours.
fn keep_alive(tcp: &TcpStream) {
    // Whatever a system does not know, it does without. Commands are small and each is waited for.
    let _ = tcp.set_nodelay(true);
    let _ = sockopt::set_socket_keepalive(tcp, true);
    #[cfg(not(target_os = "openbsd"))]
    {
        let _ = sockopt::set_tcp_keepidle(tcp, Duration::from_secs(QUIET.into()));
        let _ = sockopt::set_tcp_keepintvl(tcp, Duration::from_secs(PROBE_EVERY.into()));
        let _ = sockopt::set_tcp_keepcnt(tcp, PROBES);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = sockopt::set_tcp_user_timeout(tcp, UNHEARD * 1_000);
}

/// Says what a failed read or write means.
fn io_error(endpoint: &Endpoint, error: &io::Error) -> Error {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            endpoint.error(Kind::Network, "nothing listens there; check the port, and whether the server is running")
        }
        ErrorKind::TimedOut => endpoint.error(Kind::Timeout, "no answer; check the network, the host and the port"),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            endpoint.error(Kind::Network, "there is no way to it; check the network")
        }
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => endpoint.error(Kind::Network, "the server hung up"),
        _ => endpoint.error(Kind::Network, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    #[tokio::test]
    async fn a_quiet_link_is_watched_by_the_system() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Endpoint { host: "127.0.0.1".into(), port, security: Security::None, ca_file: None };
        let tcp = open(&endpoint, Instant::now() + Duration::from_secs(5)).await.unwrap();
        assert!(sockopt::socket_keepalive(&tcp).unwrap());
        let probes = sockopt::tcp_keepcnt(&tcp).unwrap();
        let until_dead = sockopt::tcp_keepidle(&tcp).unwrap() + sockopt::tcp_keepintvl(&tcp).unwrap() * probes;
        assert_eq!((probes, until_dead), (3, Duration::from_secs(120)));
        // On Linux this ends a link before the probes are through, if it is less.
        #[cfg(target_os = "linux")]
        assert!(Duration::from_millis(sockopt::tcp_user_timeout(&tcp).unwrap().into()) >= until_dead);
    }
}
