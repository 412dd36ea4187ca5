//! A real Dovecot on loopback, started once for the whole suite, that ends with it.
//!
//! Any user name signs in with the password `secret` and has a home of its own, so tests never meet each other.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use surat::backend::imap::Credentials;
use surat::backend::net::{Endpoint, Security};

use super::certs::{Certs, certs};
use super::wait_for;

/// The password of every user.
pub const PASSWORD: &str = "secret";

/// A directory for the servers of this run, removed when the run ends, however it ends.
///
/// A shell waits at the other end of a pipe that only this process holds; what a killed shell left is swept here.
pub fn scratch_dir() -> &'static Path {
    static DIR: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (dir, _) = DIR.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("surat-suite-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        // Dovecot's own users must be able to walk through.
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sweeper = Command::new("sh")
            .args([
                "-c",
                "trap '' INT TERM HUP; read -r _; for _ in 1 2 3 4 5; do rm -rf \"$0\" && exit; sleep 0.2; done",
            ])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        (dir, sweeper)
    });
    dir
}

/// A running Dovecot.
#[derive(Debug)]
pub struct Dovecot {
    /// Plain text and STARTTLS.
    pub imap_port: u16,
    /// TLS from the first byte.
    pub imaps_port: u16,
    dir: PathBuf,
    // Its standard input is the sign of life: when it closes, the server ends.
    _keeper: Child,
}

/// Gives the suite's server; it is started at the first call.
pub fn dovecot() -> &'static Dovecot {
    static SERVER: OnceLock<Dovecot> = OnceLock::new();
    SERVER.get_or_init(|| Dovecot::start(&scratch_dir().join("dovecot"), certs()))
}

/// A message as a test hands it over: raw bytes with CRLF, IMAP flags, and an IMAP date (empty: now).
pub type Letter<'a> = (&'a [u8], &'a str, &'a str);

impl Dovecot {
    fn start(dir: &Path, certs: &Certs) -> Dovecot {
        std::fs::create_dir_all(dir).unwrap();
        let (imap_port, imaps_port) = free_ports();
        let log = dir.join("log");
        let config = dir.join("dovecot.conf");
        std::fs::write(&config, configuration(dir, certs, imap_port, imaps_port)).unwrap();
        // The shell is one thread that lives as long as the server: a thread of a test does not, and setpriv's
        // signal comes when the *thread* that started the process ends.
        let keeper = Command::new("sh")
            .arg("-c")
            .arg("setpriv --pdeathsig KILL /usr/sbin/dovecot -F -c \"$0\" </dev/null >>\"$1\" 2>&1 & read -r _; kill $!; wait")
            .args([&config, &log])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let read_log = || std::fs::read_to_string(&log).unwrap_or_default();
        for port in [imap_port, imaps_port] {
            wait_for("Dovecot to listen (is it there? run tests/install)", Duration::from_secs(20), || {
                let log = read_log();
                assert!(!log.contains("Fatal:") && !log.contains("No such file"), "Dovecot does not start:\n{log}");
                TcpStream::connect(("127.0.0.1", port)).ok()
            });
        }
        Dovecot { imap_port, imaps_port, dir: dir.to_path_buf(), _keeper: keeper }
    }

    /// Gives a user that no other test has.
    pub fn user(&'static self, name: &str) -> TestUser {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        TestUser { server: self, name }
    }

    /// Names the processes that serve a user, as `kill` wants them.
    pub fn processes_of(&self, user: &TestUser) -> Vec<String> {
        let config = self.dir.join("dovecot.conf");
        let who =
            Command::new("doveadm").arg("-c").arg(config).args(["-f", "tab", "who", &user.name]).output().unwrap();
        let text = String::from_utf8_lossy(&who.stdout).into_owned();
        let pids = |line: &str| line.split('\t').nth(3).unwrap_or_default().trim_matches(['(', ')']).to_owned();
        text.lines().skip(1).flat_map(|line| pids(line).split(' ').map(String::from).collect::<Vec<_>>()).collect()
    }

    /// What the server wrote about itself, for the message of a test that fails.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

fn free_ports() -> (u16, u16) {
    let (one, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    (one.local_addr().unwrap().port(), other.local_addr().unwrap().port())
}

fn configuration(dir: &Path, certs: &Certs, imap_port: u16, imaps_port: u16) -> String {
    let is_root = dir.metadata().unwrap().uid() == 0;
    let me = |flag: &str| {
        let output = Command::new("id").arg(flag).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    let homes = dir.join("homes");
    std::fs::create_dir_all(&homes).unwrap();
    let (user, group, internal) = match is_root {
        true => {
            std::fs::set_permissions(&homes, std::fs::Permissions::from_mode(0o777)).unwrap();
            ("mail".to_string(), "mail".to_string(), String::new())
        }
        // Without root everything runs as the one user there is, and nothing can be locked into a directory.
        false => (
            me("-un"),
            me("-gn"),
            format!(
                "default_internal_user = {0}\ndefault_internal_group = {1}\ndefault_login_user = {0}\n\
                 service imap-login {{\n chroot =\n}}\nservice anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n",
                me("-un"),
                me("-gn")
            ),
        ),
    };
    format!(
        "protocols = imap
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_max_userip_connections = 0
mail_fsync = never
mail_location = sdbox:~/mail
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mailbox_list_index = yes
default_process_limit = 1000
default_client_limit = 4000
passdb {{
 driver = static
 args = password={PASSWORD}
}}
userdb {{
 driver = static
 args = uid={user} gid={group} home={homes}/%u
}}
namespace inbox {{
 inbox = yes
 separator = /
 mailbox Drafts {{
  special_use = \\Drafts
  auto = subscribe
 }}
 mailbox Junk {{
  special_use = \\Junk
  auto = subscribe
 }}
 mailbox Trash {{
  special_use = \\Trash
  auto = subscribe
 }}
 mailbox Sent {{
  special_use = \\Sent
  auto = subscribe
 }}
 mailbox Archive {{
  special_use = \\Archive
  auto = subscribe
 }}
}}
service imap-login {{
 service_count = 0
 inet_listener imap {{
  port = {imap_port}
 }}
 inet_listener imaps {{
  port = {imaps_port}
  ssl = yes
 }}
}}
service imap {{
 service_count = 100
}}
service anvil {{
 unix_listener anvil-auth-penalty {{
  mode = 0
 }}
}}
{internal}",
        dir = dir.display(),
        homes = homes.display(),
        chain = certs.good.chain.display(),
        key = certs.good.key.display(),
    )
}

/// One person with mail on the server.
#[derive(Debug, Clone)]
pub struct TestUser {
    pub server: &'static Dovecot,
    pub name: String,
}

impl TestUser {
    /// Where the server listens for this kind of security.
    pub fn endpoint(&self, security: Security) -> Endpoint {
        let port = if security == Security::Tls { self.server.imaps_port } else { self.server.imap_port };
        Endpoint { host: "localhost".into(), port, security, ca_file: Some(certs().authority.clone()) }
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::new(self.name.clone(), PASSWORD.into())
    }

    /// A second client of this user, signed in over plain text.
    pub fn raw(&self) -> RawClient {
        let mut client = RawClient::connect(self.server.imap_port);
        client.run(&format!("LOGIN {} {PASSWORD}", self.name));
        client
    }

    /// Gives another user whose mail is the very same: folders, UIDs, UIDVALIDITY, flags. Nobody may be signed in.
    pub fn twin(&self) -> TestUser {
        let base = self.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        let twin = self.server.user(base);
        let homes = self.server.dir.join("homes");
        let copied = Command::new("cp").arg("-a").args([homes.join(&self.name), homes.join(&twin.name)]).status();
        assert!(copied.unwrap().success(), "the mail of {} cannot be copied", self.name);
        twin
    }

    /// Puts messages into a mailbox, which is made if need be.
    pub fn deliver(&self, mailbox: &str, letters: &[Letter<'_>]) {
        let mut client = self.raw();
        client.make(mailbox);
        client.append(mailbox, letters);
    }

    /// Puts `count` small synthetic messages into a mailbox: the n-th has the subject `Letter n`.
    pub fn deliver_many(&self, mailbox: &str, count: usize) {
        self.deliver_each(mailbox, count, |n| synthetic(mailbox, n));
    }

    /// Puts `count` messages into a mailbox, the n-th made by `letter`.
    pub fn deliver_each(&self, mailbox: &str, count: usize, letter: impl Fn(usize) -> Vec<u8>) {
        let mut client = self.raw();
        client.make(mailbox);
        let numbers: Vec<usize> = (1..=count).collect();
        for some in numbers.chunks(200) {
            let raw: Vec<(Vec<u8>, String)> = some.iter().map(|n| (letter(*n), date(*n))).collect();
            let letters: Vec<Letter<'_>> = raw.iter().map(|(raw, date)| (&raw[..], "", &date[..])).collect();
            client.append(mailbox, &letters);
        }
    }
}

/// The n-th synthetic message of a mailbox.
pub fn synthetic(mailbox: &str, n: usize) -> Vec<u8> {
    format!(
        "From: Budi {n} <budi{n}@example.org>\r\nTo: me@example.org\r\nSubject: Letter {n}\r\n\
         Date: Mon, 2 Nov 2026 10:{:02}:{:02} +0000\r\nMessage-ID: <{n}.{}@example.org>\r\n\r\n\
         Halo, this is letter {n}.\r\n{}",
        n / 60 % 60,
        n % 60,
        mailbox.bytes().map(|byte| format!("{byte:x}")).collect::<String>(),
        "The bread is baked.\r\n".repeat(n % 7),
    )
    .into_bytes()
}

/// The n-th synthetic message's date of arrival: later ones later, a minute apart.
fn date(n: usize) -> String {
    format!("{:02}-Nov-2026 {:02}:{:02}:00 +0000", 1 + n / 1_440 % 28, n / 60 % 24, n % 60)
}

/// One untagged answer: its text with every literal's bytes taken out, and these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub text: String,
    pub literals: Vec<Vec<u8>>,
}

/// A message as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnServer {
    pub uid: u32,
    /// Sorted, without `\Recent`.
    pub flags: Vec<String>,
    pub raw: Vec<u8>,
}

/// A small IMAP client that does what it is told; anything but OK fails the test.
#[derive(Debug)]
pub struct RawClient {
    reader: BufReader<TcpStream>,
    tag: u32,
}

impl RawClient {
    pub fn connect(port: u16) -> RawClient {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut client = RawClient { reader: BufReader::new(stream), tag: 0 };
        let greeting = client.read_answer();
        assert!(greeting.text.starts_with("* OK"), "{greeting:?}");
        client
    }

    /// Runs a command and gives its untagged answers.
    pub fn run(&mut self, command: &str) -> Vec<Answer> {
        let (answers, status) = self.try_run(command);
        assert!(status.starts_with("OK"), "{command}: {status}");
        answers
    }

    /// Runs a command and gives its untagged answers and how it ended (`NO [..] words`).
    pub fn try_run(&mut self, command: &str) -> (Vec<Answer>, String) {
        self.send(command.as_bytes())
    }

    fn send(&mut self, command: &[u8]) -> (Vec<Answer>, String) {
        self.tag += 1;
        let tag = format!("r{} ", self.tag);
        let line = [tag.as_bytes(), command, b"\r\n"].concat();
        self.reader.get_mut().write_all(&line).unwrap();
        self.read_to_end()
    }

    /// Reads up to the end of the command that was sent last.
    fn read_to_end(&mut self) -> (Vec<Answer>, String) {
        let tag = format!("r{} ", self.tag);
        let mut answers = Vec::new();
        loop {
            let answer = self.read_answer();
            match answer.text.strip_prefix(&tag) {
                Some(status) => return (answers, status.to_string()),
                None => answers.push(answer),
            }
        }
    }

    fn read_answer(&mut self) -> Answer {
        let mut answer = Answer::default();
        loop {
            let mut line = Vec::new();
            self.reader.read_until(b'\n', &mut line).unwrap();
            assert!(line.ends_with(b"\r\n"), "the server hung up: {:?}", String::from_utf8_lossy(&line));
            let line = String::from_utf8_lossy(&line[..line.len() - 2]).into_owned();
            answer.text.push_str(&line);
            let Some(size) = literal_size(&line) else { return answer };
            let mut literal = vec![0; size];
            self.reader.read_exact(&mut literal).unwrap();
            answer.literals.push(literal);
        }
    }

    /// Makes a mailbox unless it is there.
    pub fn make(&mut self, mailbox: &str) {
        if !mailbox.eq_ignore_ascii_case("INBOX") {
            self.try_run(&format!("CREATE {}", quoted(mailbox)));
        }
    }

    /// Appends messages in one go (MULTIAPPEND).
    pub fn append(&mut self, mailbox: &str, letters: &[Letter<'_>]) {
        let status = self.try_append(mailbox, letters);
        assert!(status.starts_with("OK"), "APPEND: {status}");
    }

    /// The same for what may be refused; gives how it ended.
    pub fn try_append(&mut self, mailbox: &str, letters: &[Letter<'_>]) -> String {
        let mut command = format!("APPEND {}", quoted(mailbox)).into_bytes();
        for (raw, flags, date) in letters {
            let date = if date.is_empty() { String::new() } else { format!(" \"{date}\"") };
            command.extend(format!(" ({flags}){date} {{{}+}}\r\n", raw.len()).into_bytes());
            command.extend(*raw);
        }
        self.send(&command).1
    }

    /// Appends messages one by one, each when the server has asked for it, as every server can.
    pub fn append_each(&mut self, mailbox: &str, letters: &[Letter<'_>]) {
        for (raw, flags, date) in letters {
            self.tag += 1;
            let date = if date.is_empty() { String::new() } else { format!(" \"{date}\"") };
            let command = format!("r{} APPEND {} ({flags}){date} {{{}}}\r\n", self.tag, quoted(mailbox), raw.len());
            self.reader.get_mut().write_all(command.as_bytes()).unwrap();
            let go_on = self.read_answer().text;
            assert!(go_on.starts_with('+'), "{command}: {go_on}");
            self.reader.get_mut().write_all(&[*raw, b"\r\n"].concat()).unwrap();
            let (_, status) = self.read_to_end();
            assert!(status.starts_with("OK"), "{command}: {status}");
        }
    }

    /// Makes a mailbox anew with the same messages, dates and flags, the last one first: UIDVALIDITY is another one, and
    /// the UIDs that there were mean other messages.
    pub fn renumber(&mut self, mailbox: &str) {
        self.run(&format!("RENAME {} old-life", quoted(mailbox)));
        self.make(mailbox);
        self.run("EXAMINE old-life");
        let answers = self.run("UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])");
        let between = |text: &str, before: &str, after: &str| {
            text.split(before).nth(1).unwrap().split(after).next().unwrap().replace("\\Recent", "").trim().to_string()
        };
        for answer in answers.iter().rev().filter(|answer| answer.text.contains(" FETCH (")) {
            let flags = between(&answer.text, "FLAGS (", ")");
            let date = between(&answer.text, "INTERNALDATE \"", "\"");
            self.append(mailbox, &[(&answer.literals[0], &flags, &date)]);
        }
        self.run("CLOSE");
        self.run("DELETE old-life");
    }

    /// Gives all that is in a mailbox, by UID.
    pub fn contents(&mut self, mailbox: &str) -> Vec<OnServer> {
        self.run(&format!("EXAMINE {}", quoted(mailbox)));
        let answers = self.run("UID FETCH 1:* (UID FLAGS BODY.PEEK[])");
        let mut messages: Vec<OnServer> = answers
            .into_iter()
            // What others change meanwhile is told without being asked for.
            .filter(|answer| answer.text.contains(" FETCH (") && answer.text.contains("BODY[]"))
            .map(|answer| {
                let uid = answer.text.split("UID ").nth(1).unwrap().split([' ', ')']).next().unwrap().parse().unwrap();
                let flags = answer.text.split("FLAGS (").nth(1).unwrap().split(')').next().unwrap();
                let mut flags: Vec<String> =
                    flags.split_whitespace().filter(|flag| *flag != "\\Recent").map(String::from).collect();
                flags.sort();
                OnServer { uid, flags, raw: answer.literals.into_iter().next().unwrap_or_default() }
            })
            .collect();
        messages.sort();
        messages
    }
}

fn literal_size(line: &str) -> Option<usize> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

/// Quotes a mailbox name for the wire.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
