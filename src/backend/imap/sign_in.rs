//! Owns the way from a fresh connection to a signed-in one: greeting, capabilities, LOGIN or AUTHENTICATE PLAIN, and
//! what is switched on for the rest of the talk.
//!
//! Name and password go past async-imap, hidden, because it writes commands into its log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::backend::imap::Credentials;
use crate::backend::imap::driver::Driver;
use crate::backend::imap::response::{Condition, Response, Verdict, words};
use crate::backend::imap::tap::HIDDEN;
use crate::backend::{Error, Kind};

const STAGE: &str = "signing in";

/// Reads the greeting of a server on a connection that is safe already.
pub async fn greet(driver: &mut Driver) -> Result<(), Error> {
    loop {
        match driver.next("greeting").await?.response {
            Response::Condition(condition) if condition.verdict == Verdict::Ok => {
                take_capabilities(driver, &condition);
                return Ok(());
            }
            Response::PreAuth => {
                let what = "the server takes us for someone who signed in already (PREAUTH); that is refused";
                return Err(driver.error(Kind::Tls, "greeting", what));
            }
            // The end that follows makes the error.
            Response::Bye(_) => {}
            _ => {
                let what = "what answers there does not greet like IMAP; check the port";
                return Err(driver.error(Kind::Protocol, "greeting", what));
            }
        }
    }
}

/// Signs in and learns what the server can do afterwards.
pub async fn sign_in(driver: &mut Driver, credentials: &Credentials) -> Result<(), Error> {
    if driver.capabilities.is_empty() {
        ask_capabilities(driver).await?;
    }
    let (command, pieces) = conversation(driver, credentials)?;
    driver.capabilities.clear();
    let mut pieces = pieces.into_iter();
    let first = pieces.next().unwrap_or_default();
    let ticket = driver.send_with(STAGE, &format!("{command}{HIDDEN}"), first, 0).await?;
    let condition = loop {
        let reply = driver.next(STAGE).await?;
        match reply.response {
            Response::Done(_, condition) if reply.of == Some(ticket) => break condition,
            Response::Continue => {
                let mut piece = pieces.next().unwrap_or_else(|| b"*".to_vec());
                piece.extend_from_slice(b"\r\n");
                driver.say(&piece);
            }
            _ => {}
        }
    };
    if condition.verdict != Verdict::Ok {
        return Err(refusal(driver, &condition, &credentials.username));
    }
    take_capabilities(driver, &condition);
    if driver.capabilities.is_empty() {
        ask_capabilities(driver).await?;
    }
    switch_on(driver).await
}

/// Sends, without waiting, what some servers want to hear first and what makes coming back cheap.
async fn switch_on(driver: &mut Driver) -> Result<(), Error> {
    if driver.can("ID") {
        let id = concat!("ID (\"name\" \"Surat\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
        driver.send(STAGE, id, 0).await?;
    }
    if driver.can("ENABLE") && driver.can("QRESYNC") {
        driver.send(STAGE, "ENABLE QRESYNC", 0).await?;
    }
    Ok(())
}

async fn ask_capabilities(driver: &mut Driver) -> Result<(), Error> {
    let ticket = driver.send(STAGE, "CAPABILITY", 0).await?;
    let condition = driver.finish(STAGE, ticket, |_| Ok(())).await?;
    driver.check(STAGE, &condition)
}

fn take_capabilities(driver: &mut Driver, condition: &Condition) {
    if condition.code == "CAPABILITY" {
        driver.capabilities = words(condition.arguments.as_bytes());
    }
}

/// Plans what is said: a command, the hidden rest of its line, and what follows each `+` of the server.
fn conversation(driver: &Driver, credentials: &Credentials) -> Result<(&'static str, Vec<Vec<u8>>), Error> {
    let (name, password) = (credentials.username.as_str(), credentials.password.as_str());
    if name.contains('\0') || password.contains('\0') {
        return Err(driver.error(Kind::SignIn, STAGE, "name or password holds a NUL, which no server can take"));
    }
    let is_plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let can_login = !driver.can("LOGINDISABLED");
    let can_literal = driver.can("LITERAL+") || driver.can("LITERAL-");
    let is_simple = is_plain(name) && is_plain(password);
    if driver.can("AUTH=PLAIN") && (!can_login || (!is_simple && !can_literal)) {
        let response = STANDARD.encode(format!("\0{name}\0{password}")).into_bytes();
        return Ok(match driver.can("SASL-IR") {
            true => ("AUTHENTICATE PLAIN ", vec![response]),
            false => ("AUTHENTICATE ", vec![b"PLAIN".to_vec(), response]),
        });
    }
    if !can_login {
        let what = "the server takes no passwords here; it wants another way of signing in, as in a browser";
        return Err(driver.error(Kind::SignIn, STAGE, what));
    }
    let mut pieces = vec![Vec::new()];
    for (index, text) in [name, password].into_iter().enumerate() {
        let Some(line) = pieces.last_mut() else { break };
        if index > 0 {
            line.push(b' ');
        }
        if is_plain(text) {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            line.extend_from_slice(quoted.as_bytes());
        } else if can_literal && text.len() <= 4096 {
            line.extend_from_slice(format!("{{{}+}}\r\n{text}", text.len()).as_bytes());
        } else {
            line.extend_from_slice(format!("{{{}}}", text.len()).as_bytes());
            pieces.push(text.as_bytes().to_vec());
        }
    }
    Ok(("LOGIN ", pieces))
}

/// Says what a refused sign-in means; only what asks to come back later is tried again by itself.
fn refusal(driver: &Driver, condition: &Condition, name: &str) -> Error {
    let words = condition.words.to_ascii_lowercase();
    let (kind, what) = if condition.is_busy() || words.contains("too many simultaneous") {
        (Kind::Busy, "the server asks to come back later".to_owned())
    } else if condition.code == "PRIVACYREQUIRED" {
        (Kind::Tls, "the server wants TLS first; choose TLS (port 993)".to_owned())
    } else if words.contains("application-specific password") {
        (Kind::SignIn, "the server wants an app password here, not the normal one; make one in its settings".to_owned())
    } else if condition.verdict == Verdict::Bad {
        (Kind::SignIn, format!("the server did not understand the sign-in as {name}"))
    } else {
        (Kind::SignIn, format!("name or password refused, tried as {name}"))
    };
    driver.error(kind, STAGE, what).with_server_words(condition.said())
}
