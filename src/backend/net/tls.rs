//! Owns TLS: the system's roots and the account's own file, the host's name, TLS 1.2 at least; and what a refusal
//! means.
//!
//! Nothing in here can switch the check off.

use std::error::Error as _;
use std::io;

use async_native_tls::{Certificate, Protocol, TlsConnector, TlsStream};
use tokio::net::TcpStream;

use crate::backend::net::{Endpoint, io_error};
use crate::backend::{Error, Kind};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Makes a connection safe, or says why not.
pub async fn handshake(endpoint: &Endpoint, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let mut connector = TlsConnector::new().min_protocol_version(Some(Protocol::Tlsv12));
    for certificate in own_roots(endpoint)? {
        connector = connector.add_root_certificate(certificate);
    }
    let host = endpoint.bare_host().trim_end_matches('.');
    connector.connect(host, tcp).await.map_err(|error| refusal(endpoint, &error))
}

fn own_roots(endpoint: &Endpoint) -> Result<Vec<Certificate>, Error> {
    let Some(path) = &endpoint.ca_file else { return Ok(Vec::new()) };
    let refuse = |what: &str| endpoint.error(Kind::Local, format!("the certificate file {} {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| refuse(&format!("cannot be read: {error}")))?;
    let mut found = Vec::new();
    for piece in text.split(BEGIN).skip(1) {
        let (body, _) = piece.split_once(END).ok_or_else(|| refuse("ends in the middle of a certificate"))?;
        let certificate = Certificate::from_pem(format!("{BEGIN}{body}{END}\n").as_bytes());
        found.push(certificate.map_err(|_| refuse("holds something that is not a certificate"))?);
    }
    match found.is_empty() {
        true => Err(refuse("holds no certificate in PEM form")),
        false => Ok(found),
    }
}

/// Says why TLS was refused.
fn refusal(endpoint: &Endpoint, error: &async_native_tls::Error) -> Error {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return io_error(endpoint, error);
        }
        cause = inner.source();
    }
    let (kind, what) = meaning(&error.to_string(), &endpoint.host);
    endpoint.error(kind, what)
}

/// Reads OpenSSL's reason, which it gives only as text.
fn meaning(words: &str, host: &str) -> (Kind, String) {
    let lower = words.to_lowercase();
    let says = |text: &str| lower.contains(text);
    let certificate = |what: String| (Kind::Certificate, what);
    if says("certificate has expired") {
        certificate("its certificate has expired; check this machine's clock, then ask who runs the server".to_owned())
    } else if says("not yet valid") {
        certificate("its certificate is not valid yet; check this machine's clock".to_owned())
    } else if says("hostname mismatch") || says("ip address mismatch") {
        certificate(format!("its certificate is not for {host} but for another name; check the host's name"))
    } else if says("certificate in certificate chain") || says("issuer certificate") || says("unable to verify") {
        certificate("its certificate comes from an issuer that this machine does not know".to_owned())
    } else if says("self-signed certificate") || says("self signed certificate") {
        certificate("its certificate is self-signed, so anyone could have made it".to_owned())
    } else if says("revoked") {
        certificate("its certificate was revoked; do not go on, ask who runs the server".to_owned())
    } else if says("purpose") {
        certificate("its certificate was not made for servers; ask who runs the server".to_owned())
    } else if says("certificate verify failed") || says("certificate") && !says("alert") {
        certificate(format!("its certificate was refused: {}; ask who runs the server", reason(words)))
    } else if says("wrong version number") || says("packet length too long") || says("http request") {
        (Kind::Tls, "no TLS is spoken on this port".to_owned())
    } else if says("unsupported protocol") || says("protocol version") {
        let what = "the server speaks only versions of TLS that are broken; it needs TLS 1.2 or newer";
        (Kind::Tls, what.to_owned())
    } else if says("eof") || says("closed") {
        (Kind::Network, "the server hung up before TLS was there".to_owned())
    } else {
        (Kind::Tls, format!("TLS could not be agreed on: {}", reason(words)))
    }
}

/// Leaves out the numbers and source files in OpenSSL's words.
fn reason(words: &str) -> &str {
    if let Some((_, verdict)) = words.rsplit_once('(') {
        return verdict.trim_end_matches(')');
    }
    words.split(':').nth(4).filter(|part| !part.is_empty()).unwrap_or(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_certificate_has_its_own_sentence() {
        let verify = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify \
                      failed:ssl/statem/statem_clnt.c:2124: ";
        for (words, expected) in [
            ("(certificate has expired)", "expired"),
            ("(certificate is not yet valid)", "clock"),
            ("(self-signed certificate)", "self-signed"),
            ("(self-signed certificate in certificate chain)", "issuer"),
            ("(unable to get local issuer certificate)", "issuer"),
            ("(hostname mismatch)", "mail.toko.test"),
            ("(CA md too weak)", "CA md too weak"),
        ] {
            let (kind, what) = meaning(&format!("{verify}{words}"), "mail.toko.test");
            assert_eq!(kind, Kind::Certificate, "{words}");
            assert!(what.contains(expected), "{what}");
        }
        let (kind, what) = meaning("error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:355:", "h");
        assert_eq!(kind, Kind::Tls);
        assert!(what.contains("no TLS is spoken"), "{what}");
    }
}
