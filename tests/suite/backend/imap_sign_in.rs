//! The way to a signed-in connection, and everything that must not lead there.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use surat::backend::imap::{Credentials, Imap};
use surat::backend::net::{Endpoint, Security};
use surat::backend::{Backend, Error, Kind};

use super::imap::{HASTY, PATIENT, plain, sign_in, talk, within};
use crate::support::certs::{Certificate, certs};
use crate::support::dovecot::dovecot;
use crate::support::proxy::{Faults, Proxy};
use crate::support::scripted::{Script, Step, say};

const ALL: [Security; 3] = [Security::Tls, Security::StartTls, Security::None];

fn refused(endpoint: Endpoint) -> Error {
    talk(async move {
        let credentials = Credentials::new("ani".into(), "geheim".into());
        Imap::connect(&endpoint, &credentials, HASTY).await.expect_err("signed in where nobody should")
    })
}

#[test]
fn the_inbox_is_there_over_tls_over_starttls_and_in_plain_text_to_this_machine() {
    for security in ALL {
        let user = dovecot().user("hello");
        let (folders, words) = talk(async move {
            let mut imap = sign_in(&user, security).await;
            let folders = imap.mailboxes().await.unwrap();
            imap.close().await;
            (folders, imap.offer().words)
        });
        assert!(folders.iter().any(|folder| folder.path == "INBOX"), "{security:?}: {folders:?}");
        assert!(words.iter().any(|word| word.eq_ignore_ascii_case("IMAP4rev1")), "{security:?}: {words:?}");
    }
}

#[test]
fn nothing_of_a_starttls_connection_but_the_command_itself_is_to_be_read_on_the_wire() {
    let user = dovecot().user("secretive");
    let proxy = Proxy::start(user.server.imap_port, Faults::default());
    let endpoint = Endpoint { port: proxy.port, ..user.endpoint(Security::StartTls) };
    let name = user.name.clone();
    talk(async move {
        Imap::connect(&endpoint, &user.credentials(), PATIENT).await.unwrap().mailboxes().await.unwrap();
    });
    let sent = proxy.sent();
    let end = sent.windows(2).position(|window| window == b"\r\n").unwrap() + 2;
    let (line, rest) = sent.split_at(end);
    assert!(line.ends_with(b" STARTTLS\r\n"), "{}", String::from_utf8_lossy(line));
    assert_eq!(rest[..2], [0x16, 0x03], "a TLS handshake follows at once");
    assert!(!String::from_utf8_lossy(&sent).contains(&name));
}

#[test]
fn a_wrong_password_is_told_with_the_servers_own_words() {
    for security in ALL {
        let user = dovecot().user("wrong");
        let error = talk(async move {
            let credentials = Credentials::new(user.name.clone(), "not-the-one".into());
            Imap::connect(&user.endpoint(security), &credentials, PATIENT).await.unwrap_err()
        });
        assert_eq!(error.kind, Kind::SignIn, "{error}");
        assert!(!error.heals_by_itself());
        let words = error.server_says.as_deref().unwrap_or_default();
        assert!(words.contains("Authentication failed"), "{words}");
        assert!(!format!("{error:?}").contains("not-the-one"), "{error:?}");
    }
}

#[test]
fn where_nothing_listens_the_error_is_of_the_network() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for security in ALL {
        let error = refused(Endpoint { security, ..plain(port) });
        assert_eq!(error.kind, Kind::Network, "{error}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    }
}

#[test]
fn a_certificate_that_is_not_right_ends_it_before_a_word_is_said() {
    let certs = certs();
    let bad = [("expired", &certs.expired), ("wrong name", &certs.wrong_name), ("self-signed", &certs.self_signed)];
    for (what, certificate) in bad {
        refuses_certificate(what, certificate, true);
    }
    // The right certificate of an authority that nobody told of.
    refuses_certificate("unknown authority", &certs.good, false);
}

fn refuses_certificate(what: &str, certificate: &Certificate, with_authority: bool) {
    let direct = Script::tls(certificate).start();
    let upgraded = Script::new().certificate(certificate).start();
    for (server, security) in [(&direct, Security::Tls), (&upgraded, Security::StartTls)] {
        let mut endpoint = server.endpoint(security);
        if !with_authority {
            endpoint.ca_file = None;
        }
        let error = refused(endpoint);
        assert_eq!(error.kind, Kind::Certificate, "{what}, {security:?}: {error}");
        let record = server.record();
        assert!(record.inside.is_empty(), "{what}: {}", record.text());
        assert!(record.clear.is_empty() || record.clear.ends_with(b" STARTTLS\r\n"), "{what}: {}", record.text());
        assert!(record.text().lines().count() <= 1, "{what}: {}", record.text());
    }
}

#[test]
fn a_right_certificate_of_the_users_own_authority_is_accepted_by_the_same_path() {
    for (script, security) in [(Script::tls(&certs().good), Security::Tls), (Script::new(), Security::StartTls)] {
        let server = script.start();
        let endpoint = server.endpoint(security);
        talk(async move {
            let credentials = Credentials::new("ani".into(), "geheim".into());
            Imap::connect(&endpoint, &credentials, PATIENT).await.unwrap();
        });
        let record = server.record();
        assert!(String::from_utf8_lossy(&record.inside).contains("geheim") || !record.inside.is_empty());
        assert!(!String::from_utf8_lossy(&record.clear).contains("geheim"));
    }
}

#[test]
fn plain_text_goes_to_this_machine_only() {
    for host in ["192.0.2.1", "8.8.8.8", "[2001:db8::1]"] {
        let started = Instant::now();
        let error = refused(Endpoint { host: host.into(), port: 143, security: Security::None, ca_file: None });
        assert_eq!(error.kind, Kind::Tls, "{host}: {error}");
        assert!(started.elapsed() < Duration::from_secs(1), "{host}: refused only after trying");
    }
}

#[test]
fn the_wrong_kind_of_security_for_a_port_is_an_error_and_no_hang() {
    let server = dovecot();
    for (port, security) in [
        (server.imap_port, Security::Tls),
        (server.imaps_port, Security::StartTls),
        (server.imaps_port, Security::None),
    ] {
        let error = refused(Endpoint { host: "localhost".into(), security, ..plain(port) });
        assert!(
            matches!(error.kind, Kind::Tls | Kind::Network | Kind::Timeout | Kind::Protocol),
            "{security:?}: {:?} {error}",
            error.kind
        );
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    let silent = || vec![Step::Hold];
    let cases = [
        ("no greeting", Script::new().greet(silent()), Security::None),
        ("no greeting before STARTTLS", Script::new().greet(silent()), Security::StartTls),
        ("no handshake", Script::new().greet(silent()), Security::Tls),
        ("no answer to STARTTLS", Script::new().on("STARTTLS", silent()), Security::StartTls),
        (
            "no TLS after STARTTLS",
            Script::new().on("STARTTLS", [say("{tag} OK go\r\n"), silent()].concat()),
            Security::StartTls,
        ),
        ("no answer to LOGIN", Script::new().on("LOGIN", silent()).on("AUTHENTICATE", silent()), Security::None),
    ];
    for (what, script, security) in cases {
        let server = script.start();
        let endpoint = server.endpoint(security);
        let error = within(Duration::from_secs(5), what, async move {
            Imap::connect(&endpoint, &Credentials::new("ani".into(), "geheim".into()), HASTY).await.unwrap_err()
        });
        assert_eq!(error.kind, Kind::Timeout, "{what}: {error}");
        assert!(error.heals_by_itself());
    }
}

#[test]
fn names_and_passwords_of_any_letters_are_sent_whole() {
    let (name, password) = ("büro \"a\\b\"", "pass wörd \" \\ {3}");
    let server = Script::tls(&certs().good).start();
    let endpoint = server.endpoint(Security::Tls);
    talk(async move {
        Imap::connect(&endpoint, &Credentials::new(name.into(), password.into()), PATIENT).await.unwrap();
    });
    let inside = String::from_utf8_lossy(&server.record().inside).into_owned();
    let literal = |text: &str| format!("{{{}}}\r\n{text}", text.len());
    let plain_way = {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0{password}"))
    };
    let is_login = inside.contains(&literal(name)) && inside.contains(&literal(password));
    assert!(is_login || inside.contains(&plain_way), "{inside}");
}

#[test]
fn a_line_break_in_a_name_or_password_never_becomes_a_command() {
    for (name, password) in [("ani\r\nx DELETE INBOX", "p"), ("ani", "p\r\nx DELETE INBOX"), ("ani\0", "p")] {
        let server = Script::tls(&certs().good).start();
        let endpoint = server.endpoint(Security::Tls);
        let result = talk(async move {
            Imap::connect(&endpoint, &Credentials::new(name.into(), password.into()), HASTY).await.map(|_| ())
        });
        let record = server.record().text();
        let breaks_out = record.lines().any(|line| line.starts_with("x DELETE"));
        assert!(!breaks_out, "{name:?}: {result:?}\n{record}");
        assert!(result.is_err() || !name.contains('\0'), "{name:?}: no server can take this");
    }
}
