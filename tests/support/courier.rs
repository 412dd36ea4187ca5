//! Courier's IMAP server on loopback: one process for each connection, which ends with it.
//!
//! The mail is Courier's from the first command after LOGIN on, and so is its configuration as Debian ships it. What
//! comes before is spoken in here, in Courier's words: `imaplogin` asks a daemon whose socket is built in as
//! `/run/courier/authdaemon/socket`, where a test has nothing to do. The file monitor that Courier wants beside it is
//! started here too, under a name of its own, for its library would start one that nobody ends.
//!
//! Any user name signs in with the password of the other servers and has a Maildir of its own.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::dovecot::{PASSWORD, scratch_dir};
use super::servers::Unpacked;

/// What Courier says that it can, before and after LOGIN.
const CAPABILITIES: &str =
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL ACL2=UNION";

/// A listening Courier.
#[derive(Debug)]
pub struct Courier {
    /// Plain text.
    pub port: u16,
    // Its standard input is the sign of life: when it closes, the file monitor ends.
    _keeper: Child,
}

/// Gives the suite's server; it listens from the first call on.
pub fn courier() -> &'static Courier {
    static SERVER: OnceLock<Courier> = OnceLock::new();
    SERVER.get_or_init(|| Courier::start(&scratch_dir().join("courier")))
}

impl Courier {
    fn start(dir: &Path) -> Courier {
        std::fs::create_dir_all(dir).unwrap();
        let unpacked = Unpacked::find("courier-imap");
        let monitor = format!("surat-suite-{}", std::process::id());
        let keeper = Command::new("sh")
            .arg("-c")
            .arg(
                "trap : INT TERM HUP; setpriv --pdeathsig KILL \"$0\" --notimeout \"$1\" </dev/null & read -r _; \
                 kill -KILL $!; wait",
            )
            .arg(unpacked.root.join("usr/libexec/gam_server"))
            .arg(&monitor)
            .env("LD_LIBRARY_PATH", &unpacked.libraries)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let door = Arc::new(Door { dir: dir.to_path_buf(), unpacked, monitor });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let door = door.clone();
                thread::spawn(move || door.admit(stream).ok());
            }
        });
        Courier { port, _keeper: keeper }
    }
}

/// What a connection meets before it is signed in.
struct Door {
    dir: PathBuf,
    unpacked: Unpacked,
    monitor: String,
}

impl Door {
    /// Speaks with a client until it has signed in, and hands it over.
    fn admit(&self, mut stream: TcpStream) -> io::Result<()> {
        let ready =
            "Courier-IMAP ready. Copyright 1998-2019 Double Precision, Inc.  See COPYING for distribution information.";
        stream.write_all(format!("* OK [CAPABILITY {CAPABILITIES}] {ready}\r\n").as_bytes())?;
        loop {
            let line = read_line(&mut stream)?;
            let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('"')).collect();
            let command = words.get(1).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
            let tag = words[0];
            let answer = match (command.as_str(), &words[2.min(words.len())..]) {
                ("LOGIN", [name, password]) if *password == PASSWORD => return self.hand_over(stream, tag, name),
                ("LOGIN", _) => "NO Login failed.",
                ("CAPABILITY", _) => {
                    stream.write_all(format!("* CAPABILITY {CAPABILITIES}\r\n").as_bytes())?;
                    "OK CAPABILITY completed"
                }
                ("NOOP", _) => "OK NOOP completed",
                ("LOGOUT", _) => {
                    stream.write_all(b"* BYE Courier-IMAP server shutting down\r\n")?;
                    return stream.write_all(format!("{tag} OK LOGOUT completed\r\n").as_bytes());
                }
                _ => "NO Error in IMAP command received by server.",
            };
            stream.write_all(format!("{tag} {answer}\r\n").as_bytes())?;
        }
    }

    /// Lets Courier answer the LOGIN and all that follows, and waits for its end.
    fn hand_over(&self, stream: TcpStream, tag: &str, name: &str) -> io::Result<()> {
        let home = self.dir.join(name);
        for folder in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(home.join("Maildir").join(folder))?;
        }
        let log = OpenOptions::new().create(true).append(true).open(self.dir.join("log"))?;
        let mut server = Command::new("sh")
            .arg("-c")
            .arg("set -a; . \"$0/etc/courier/imapd\"; IMAP_ENHANCEDIDLE=1; exec \"$0/usr/bin/imapd\" Maildir")
            .arg(&self.unpacked.root)
            .env("LD_LIBRARY_PATH", &self.unpacked.libraries)
            .env("GAM_CLIENT_ID", &self.monitor)
            .envs([("PROTOCOL", "IMAP"), ("TCPREMOTEIP", "127.0.0.1"), ("TCPREMOTEPORT", "0")])
            .envs([("AUTHENTICATED", name), ("AUTHADDR", name), ("AUTHFULLNAME", name), ("IMAPLOGINTAG", tag)])
            .current_dir(&home)
            .stdin(Stdio::from(OwnedFd::from(stream.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(stream)))
            .stderr(log)
            .spawn()?;
        server.wait().map(drop)
    }
}

/// Reads one line byte by byte: what follows it is not ours.
fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' => return Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()),
            byte => line.push(byte),
        }
    }
}
