//! Certificates made afresh for each run by the `openssl` command: one authority, one good certificate, and the bad ones.
//!
//! Nothing of it is kept in the repository, so nothing of it can expire.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::dovecot::scratch_dir;

/// A certificate (with its chain) and its key, both PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl Certificate {
    /// Reads it for a server of ours.
    pub fn identity(&self) -> native_tls::Identity {
        let chain = std::fs::read(&self.chain).unwrap();
        let key = std::fs::read(&self.key).unwrap();
        native_tls::Identity::from_pkcs8(&chain, &key).unwrap()
    }
}

/// All certificates of a run.
#[derive(Debug)]
pub struct Certs {
    /// The authority that signed all but one of them: what a user would give as `ca_file`.
    pub authority: PathBuf,
    /// For localhost and 127.0.0.1.
    pub good: Certificate,
    /// Right but for its date.
    pub expired: Certificate,
    /// Right but for its name: mail.example.org.
    pub wrong_name: Certificate,
    /// The right names, signed by itself.
    pub self_signed: Certificate,
}

/// Gives the certificates; they are made at the first call.
pub fn certs() -> &'static Certs {
    static CERTS: OnceLock<Certs> = OnceLock::new();
    CERTS.get_or_init(|| Certs::make(&scratch_dir().join("certs")))
}

const HERE: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1";
const ELSEWHERE: &str = "subjectAltName=DNS:mail.example.org";

impl Certs {
    fn make(dir: &Path) -> Certs {
        std::fs::create_dir_all(dir).unwrap();
        let path = |name: &str| dir.join(name);
        self_sign(dir, "authority", &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]);
        self_sign(dir, "self-signed", &[HERE]);
        sign(dir, "good", HERE, "30");
        sign(dir, "expired", HERE, "-1");
        sign(dir, "wrong-name", ELSEWHERE, "30");
        let both = |name: &str| Certificate { chain: path(&format!("{name}.pem")), key: path(&format!("{name}.key")) };
        Certs {
            authority: path("authority.pem"),
            good: both("good"),
            expired: both("expired"),
            wrong_name: both("wrong-name"),
            self_signed: both("self-signed"),
        }
    }
}

/// Makes a new key and a certificate that it signs itself.
fn self_sign(dir: &Path, name: &str, extensions: &[&str]) {
    let mut arguments = new_key(name);
    arguments.extend(["-x509", "-days", "30", "-out"].map(String::from));
    arguments.push(format!("{name}.pem"));
    for extension in extensions {
        arguments.extend(["-addext".into(), (*extension).into()]);
    }
    openssl(dir, &arguments);
}

/// Makes a new key and a certificate signed by the authority.
fn sign(dir: &Path, name: &str, names: &str, days: &str) {
    let mut request = new_key(name);
    request.extend(["-out".into(), format!("{name}.csr")]);
    openssl(dir, &request);
    std::fs::write(dir.join(format!("{name}.ext")), format!("{names}\nextendedKeyUsage=serverAuth\n")).unwrap();
    let arguments = format!(
        "x509 -req -in {name}.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days {days} \
         -extfile {name}.ext -out {name}.pem"
    );
    openssl(dir, &arguments.split_whitespace().map(String::from).collect::<Vec<_>>());
}

fn new_key(name: &str) -> Vec<String> {
    format!("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=surat-{name} -keyout {name}.key")
        .split_whitespace()
        .map(String::from)
        .collect()
}

fn openssl(dir: &Path, arguments: &[String]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("the command `openssl` is missing: run .ci/install");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
