//! P16 for IMAP with the scripts of the study itself: every case of `starttls-cases` in the corpora is played to the
//! real program. The repository's own classes (`backend::imap_starttls`) run without the corpora too.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use surat::backend::net::Security;

use super::peer::{self, NAME, PASSWORD, side_by_side, watch};
use super::samples::{corpora, files_below};
use crate::cli::Home;
use crate::support::certs::certs;
use crate::support::scripted::{Record, Script, Step, say};

/// A server that says nothing any more is waited for so long; then the program is interrupted.
const PATIENCE: Duration = Duration::from_secs(6);

/// A script of the study. What is in it and not here (`state`, hooks that only log) changes nothing on the wire.
#[derive(Debug, Clone, Deserialize)]
struct Case {
    #[serde(default)]
    greeting: Greeting,
    #[serde(default)]
    override_response: HashMap<String, String>,
    #[serde(default)]
    response_after_greeting: Option<String>,
    #[serde(default)]
    starttls_response: Option<String>,
    #[serde(default = "yes")]
    starttls_transition: bool,
    /// Sent inside TLS before anything is asked.
    #[serde(default)]
    response_after_tls: Option<String>,
    /// Answered with BAD.
    #[serde(default)]
    hide_commands: Vec<String>,
    /// Not answered at all.
    #[serde(default)]
    ignore_commands: Vec<String>,
    #[serde(default)]
    ignore_commands_tls: Vec<String>,
    caps: Vec<Capability>,
    caps_tls: Vec<Capability>,
    caps_tls_auth: Vec<Capability>,
    cert: Cert,
    implicit_tls: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Greeting {
    kind: Kind,
    code: Option<Code>,
    text: Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum Kind {
    #[default]
    Ok,
    PreAuth,
    Bye,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Text(String);

#[derive(Debug, Clone, Deserialize)]
struct Atom(String);

#[derive(Debug, Clone, Deserialize)]
struct NonEmptyVec(Vec<Capability>);

#[derive(Debug, Clone, Deserialize)]
enum Code {
    Alert,
    Parse,
    Capability(NonEmptyVec),
    BadCharset { allowed: Vec<Charset> },
}

#[derive(Debug, Clone, Deserialize)]
enum Charset {
    Atom(Atom),
}

#[derive(Debug, Clone, Deserialize)]
enum Capability {
    Imap4Rev1,
    StartTls,
    LoginDisabled,
    Idle,
    Enable,
    LoginReferrals,
    MailboxReferrals,
    Auth(Mechanism),
    Compress { algorithm: Algorithm },
    Other(CapabilityOther),
}

#[derive(Debug, Clone, Deserialize)]
struct CapabilityOther {
    inner: Atom,
}

#[derive(Debug, Clone, Deserialize)]
enum Mechanism {
    Plain,
    Login,
    Other(AuthMechanismOther),
}

#[derive(Debug, Clone, Deserialize)]
struct AuthMechanismOther(Atom);

#[derive(Debug, Clone, Deserialize)]
enum Algorithm {
    Deflate,
}

#[derive(Debug, Clone, Deserialize)]
struct Cert {
    crt_path: String,
}

impl Capability {
    fn text(&self) -> String {
        match self {
            Capability::Imap4Rev1 => "IMAP4rev1".into(),
            Capability::StartTls => "STARTTLS".into(),
            Capability::LoginDisabled => "LOGINDISABLED".into(),
            Capability::Idle => "IDLE".into(),
            Capability::Enable => "ENABLE".into(),
            Capability::LoginReferrals => "LOGIN-REFERRALS".into(),
            Capability::MailboxReferrals => "MAILBOX-REFERRALS".into(),
            Capability::Auth(Mechanism::Plain) => "AUTH=PLAIN".into(),
            Capability::Auth(Mechanism::Login) => "AUTH=LOGIN".into(),
            Capability::Auth(Mechanism::Other(other)) => format!("AUTH={}", other.0.0),
            Capability::Compress { algorithm: Algorithm::Deflate } => "COMPRESS=DEFLATE".into(),
            Capability::Other(other) => other.inner.0.clone(),
        }
    }
}

fn words(capabilities: &[Capability]) -> String {
    capabilities.iter().map(|capability| format!(" {}", capability.text())).collect()
}

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// The set-ups of the study are no attacks: whoever cannot sign in there is tested by nothing.
    Connect,
    /// No connection.
    Fail,
    /// No connection, or one that knows nothing of what was said before TLS.
    NotBelieve,
}

impl Case {
    fn greeting(&self) -> String {
        let whole = |word: &str| {
            let code = match &self.greeting.code {
                None => String::new(),
                Some(Code::Alert) => "[ALERT] ".into(),
                Some(Code::Parse) => "[PARSE] ".into(),
                Some(Code::Capability(list)) => format!("[CAPABILITY{}] ", words(&list.0)),
                Some(Code::BadCharset { allowed }) => {
                    let names: Vec<_> = allowed.iter().map(|Charset::Atom(name)| name.0.as_str()).collect();
                    format!("[BADCHARSET ({})] ", names.join(" "))
                }
            };
            format!("* {word} {code}{}\r\n", self.greeting.text.0)
        };
        let greeting = self.override_response.get("greeting").cloned().unwrap_or_else(|| match self.greeting.kind {
            Kind::Ok => whole("OK"),
            Kind::PreAuth => whole("PREAUTH"),
            Kind::Bye => whole("BYE"),
        });
        format!("{greeting}{}", self.response_after_greeting.as_deref().unwrap_or_default())
    }

    fn starttls_response(&self) -> String {
        self.starttls_response.clone().unwrap_or_else(|| "<tag> OK begin TLS\r\n".into())
    }

    /// The server of the case.
    fn script(&self) -> Script {
        let ours = |text: &str| text.replace("<tag>", "{tag}");
        let certificate = match self.cert.crt_path.as_str() {
            path if path.contains("self-signed") => &certs().self_signed,
            path if path.contains("expired") => &certs().expired,
            path if path.contains("other.example.org") => &certs().wrong_name,
            _ => &certs().good,
        };
        let mut script = if self.implicit_tls { Script::tls(certificate) } else { Script::new() };
        script = script.certificate(certificate).greet(say(self.greeting()));
        for verb in &self.hide_commands {
            script = script.on_clear(verb, say("{tag} BAD what\r\n"));
        }
        for verb in &self.ignore_commands {
            script = script.on_clear(verb, vec![Step::Hold]);
        }
        for verb in &self.ignore_commands_tls {
            script = script.on_inside(verb, vec![Step::Hold]);
        }
        let capability = self
            .override_response
            .get("capability")
            .map(|text| ours(text))
            .unwrap_or_else(|| format!("* CAPABILITY{}\r\n{{tag}} OK done\r\n", words(&self.caps)));
        // A server that offers nothing at all inside TLS would end the case before it has begun.
        let inside = words(&self.caps_tls) + &words(&self.caps_tls_auth);
        let inside = if inside.is_empty() { " IMAP4rev1 AUTH=PLAIN".into() } else { inside };
        let mut steps = say(ours(&self.starttls_response()));
        if self.starttls_transition {
            steps.push(Step::StartTls);
        }
        steps.extend(self.response_after_tls.as_deref().map(say).unwrap_or_default());
        script
            .on_clear("CAPABILITY", say(capability))
            .on_clear("STARTTLS", steps)
            .on_inside("CAPABILITY", say(format!("* CAPABILITY{inside}\r\n{{tag}} OK done\r\n")))
    }

    fn must(&self, name: &str) -> Must {
        let file = name.rsplit('/').next().unwrap_or_default();
        let is_refused = |verb: &str| self.hide_commands.iter().chain(&self.ignore_commands).any(|word| word == verb);
        let response = self.starttls_response();
        let has_suffix = response.find("<tag> ").is_some_and(|at| response[at..].lines().count() > 1);
        if file.starts_with("setup") || file.starts_with("tls_setup") {
            Must::Connect
        } else if !self.starttls_transition
            || self.greeting.kind != Kind::Ok
            || self.override_response.contains_key("greeting")
            || name.contains("Certificate_Validation")
            || is_refused("starttls")
            || has_suffix
        {
            Must::Fail
        } else {
            Must::NotBelieve
        }
    }

    /// Words that a reader could only have from before TLS.
    fn foreign(&self) -> Vec<String> {
        let said = [self.greeting(), self.starttls_response(), self.override_response.values().cloned().collect()];
        let is_foreign = |word: &&str| {
            let digits = word.bytes().filter(u8::is_ascii_digit).count();
            (word.len() >= 8 && digits > 0 && digits < word.len()) || (digits >= 6 && digits == word.len())
        };
        let pick = |text: &String| -> Vec<String> {
            text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_foreign).map(str::to_owned).collect()
        };
        let mut foreign: Vec<String> = said.iter().flat_map(pick).collect();
        foreign.extend(["Injected", "Attacker", "attacker", "Payload", "Click"].map(String::from));
        if self.greeting.text.0.len() >= 8 {
            foreign.push(self.greeting.text.0.clone());
        }
        foreign
    }
}

/// A case with its name and its variants: the ones that it describes in comments, filled in for us.
fn cases_of(name: &str, text: &str) -> Vec<(String, Case, Script)> {
    let case: Case = ron::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut cases = vec![(name.to_owned(), case.clone(), case.script())];
    let mut add = |what: &str, case: &Case, script: Script| {
        cases.push((format!("{name}, {what} {}", cases.len()), case.clone(), script));
    };
    let lines: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("//")).map(str::trim).collect();
    let value = |line: &str, key: &str| -> Option<String> {
        let value = line.strip_prefix(key)?.trim_end_matches(',');
        ron::from_str::<Option<String>>(value).unwrap_or_else(|error| panic!("{name}: {line}: {error}"))
    };
    for (at, line) in lines.iter().enumerate() {
        let Some(response) = value(line, "starttls_response: ") else { continue };
        // The study's client counts its commands from 1; ours names the next one otherwise.
        let mut case = Case { starttls_response: Some(response.replace("\r\n2 OK", "\r\n{next} OK")), ..case.clone() };
        if text.contains("ignore_commands_tls: [\"capability\"]") {
            case.ignore_commands_tls.push("capability".into());
        }
        case.response_after_tls = lines.get(at + 1).and_then(|line| value(line, "response_after_tls: "));
        add("filled in", &case, case.script());
    }
    for line in &lines {
        let Some((_, rest)) = line.split_once("Referral(\"") else { continue };
        let url = rest.split('"').next().unwrap_or_default();
        let refusal = say(format!("{{tag}} NO [REFERRAL {url}] try another server\r\n"));
        let commands: &[&str] =
            if url.ends_with("/inbox") { &["SELECT", "EXAMINE"] } else { &["LOGIN", "AUTHENTICATE"] };
        let script = commands.iter().fold(case.script(), |script, verb| script.on(verb, refusal.clone()));
        add("with a referral", &case, script);
    }
    cases
}

/// Nothing of the user went out in clear text, and no command but the three that lead to TLS.
fn assert_kept_secret(name: &str, record: &Record) {
    let clear = String::from_utf8_lossy(&record.clear);
    let secrets = [NAME, PASSWORD, "me@example.org", "INBOX", &STANDARD.encode(NAME), &STANDARD.encode(PASSWORD)]
        .map(String::from);
    let both = STANDARD.encode(format!("\0{NAME}\0{PASSWORD}"));
    assert!(secrets.iter().chain([&both]).all(|secret| !clear.contains(secret.as_str())), "{name}: {clear}");
    for line in clear.lines() {
        let verb = line.split(' ').nth(1).unwrap_or_default().to_ascii_uppercase();
        assert!(["CAPABILITY", "STARTTLS", "LOGOUT"].contains(&verb.as_str()), "{name}: {clear}");
    }
}

/// Looks for words in everything that is kept.
fn assert_not_stored(name: &str, home: &Home, foreign: &[String]) {
    for path in files_below(&home.path(".local")) {
        let bytes = fs::read(&path).unwrap();
        for word in foreign {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{name}: {word} is in {}", path.display());
        }
    }
}

/// Plays a case; says whether the program came as far as mail.
fn play(name: &str, case: &Case, script: Script) -> bool {
    let server = script.start();
    let security = if case.implicit_tls { Security::Tls } else { Security::StartTls };
    let authority = (!case.cert.crt_path.contains("unknown-root")).then_some(certs().authority.as_path());
    let home = peer::home(server.port, security, authority);
    let ended = watch(&home, &["sync"], PATIENCE);
    let (record, foreign) = (server.record(), case.foreign());
    if !case.implicit_tls {
        assert_kept_secret(name, &record);
    }
    let folders = home.ok(&["folders", "--json"]);
    let list = home.json(&["list"]);
    for said in [&ended.said(), &folders, &list.to_string()] {
        assert!(!said.contains("panicked") && !said.contains(PASSWORD), "{name}: {said}");
        assert!(foreign.iter().all(|word| !said.contains(word.as_str())), "{name}: {said}");
    }
    assert_not_stored(name, &home, &foreign);
    let must = case.must(name);
    if ended.status == 0 {
        assert_ne!(must, Must::Fail, "{name}: connected: {ended:?}");
        assert!(!record.inside.is_empty() || case.implicit_tls, "{name}");
        let folders: serde_json::Value = serde_json::from_str(&folders).unwrap();
        let totals: Vec<_> = folders.as_array().unwrap().iter().map(|folder| folder["total"].clone()).collect();
        assert_eq!(totals, [json!(1)], "{name}: one folder with one mail: {folders}");
        let subjects: Vec<_> = list.as_array().unwrap().iter().map(|mail| mail["subject"].clone()).collect();
        assert_eq!(subjects, [json!("One")], "{name}");
    } else {
        assert_ne!(must, Must::Connect, "{name}: {ended:?}");
        assert!(ended.stderr.starts_with("surat: "), "{name}: {ended:?}");
        assert_eq!(list, json!([]), "{name}");
        if must == Must::Fail {
            assert!(record.inside.is_empty(), "{name}: {}", String::from_utf8_lossy(&record.inside));
        }
    }
    ended.status == 0
}

#[test]
fn no_script_of_the_study_gets_a_credential_or_is_believed() {
    let root = corpora().join("starttls-cases");
    let files: Vec<_> =
        files_below(&root).into_iter().filter(|path| path.components().any(|part| is_imap(&part))).collect();
    let mut cases = Vec::new();
    for path in &files {
        let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        cases.extend(cases_of(&name, &fs::read_to_string(path).unwrap()));
    }
    let connected = Mutex::new(0_u32);
    side_by_side(6, &cases, |(name, case, script)| {
        let is_connected = play(name, case, script.clone());
        *connected.lock().unwrap() += u32::from(is_connected);
    });
    println!(
        "played {} scripts of {} files of the corpora: {} ended in TLS and believed nothing, the rest were refused",
        cases.len(),
        files.len(),
        connected.lock().unwrap()
    );
    assert!(cases.is_empty() || cases.len() >= 80, "{}", cases.len());
}

fn is_imap(part: &std::path::Component<'_>) -> bool {
    part.as_os_str() == Path::new("imap")
}
