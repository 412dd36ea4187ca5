//! A real Cyrus on loopback, started once for the whole suite, that ends with it.
//!
//! Any user name signs in (the password is not looked at) and has a mailbox of its own. Nothing of the system's own
//! Cyrus, if there is one, is read or written: configuration, databases, mail and sockets are all in one directory.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::dovecot::scratch_dir;
use super::servers::Unpacked;
use super::wait_for;

/// A running Cyrus.
#[derive(Debug)]
pub struct Cyrus {
    /// Plain text.
    pub port: u16,
    // Its standard input is the sign of life: when it closes, the server ends.
    _keeper: Child,
}

/// Gives the suite's server; it is started at the first call.
pub fn cyrus() -> &'static Cyrus {
    static SERVER: OnceLock<Cyrus> = OnceLock::new();
    SERVER.get_or_init(|| Cyrus::start(&scratch_dir().join("cyrus")))
}

impl Cyrus {
    fn start(dir: &Path) -> Cyrus {
        let unpacked = Unpacked::find("cyrus-imapd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for folder in ["", "conf", "conf/socket", "mail", "proc", "locks", "temporary"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
            // Started by root, Cyrus goes on as a user of its own.
            std::fs::set_permissions(dir.join(folder), std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        std::fs::write(dir.join("imapd.conf"), configuration(dir)).unwrap();
        let programs = unpacked.root.join("usr/lib/cyrus/bin");
        std::fs::write(dir.join("cyrus.conf"), services(dir, &programs, port)).unwrap();
        let log = dir.join("log");
        // The master ends its children when it is asked to, and only then: so the shell asks too when a signal was
        // meant for the tests. A process group of its own, because the master signals its whole group.
        let keeper = Command::new("sh")
            .arg("-c")
            .arg(
                "trap : INT TERM HUP; cd \"$0\" || exit; setpriv --pdeathsig KILL setsid \"$1\" -C \"$0/imapd.conf\" \
                 -M \"$0/cyrus.conf\" -p \"$0/master.pid\" -D </dev/null >log 2>&1 & read -r _; kill $!; wait",
            )
            .args([dir, &programs.join("master")])
            .env("LD_LIBRARY_PATH", &unpacked.libraries)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let read_log = || std::fs::read_to_string(&log).unwrap_or_default();
        wait_for("Cyrus to listen", Duration::from_secs(20), || {
            let log = read_log();
            assert!(!log.contains("fatal") && !log.contains("rror"), "Cyrus does not start:\n{log}");
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Cyrus { port, _keeper: keeper }
    }
}

fn configuration(dir: &Path) -> String {
    let is_root = dir.metadata().unwrap().uid() == 0;
    let me = |flag: &str| {
        let output = Command::new("id").arg(flag).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    let (user, group) = if is_root { ("mail".into(), "mail".into()) } else { (me("-un"), me("-gn")) };
    format!(
        "configdirectory: {dir}/conf
defaultpartition: default
partition-default: {dir}/mail
proc_path: {dir}/proc
mboxname_lockpath: {dir}/locks
temp_path: {dir}/temporary
cyrus_user: {user}
cyrus_group: {group}
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
allowplaintext: yes
autocreate_quota: 0
autocreate_inbox_folders: Archive | Drafts | Junk | Sent | Trash
xlist-archive: Archive
xlist-drafts: Drafts
xlist-junk: Junk
xlist-sent: Sent
xlist-trash: Trash
unixhierarchysep: yes
altnamespace: yes
",
        dir = dir.display(),
    )
}

fn services(dir: &Path, programs: &Path, port: u16) -> String {
    format!(
        "START {{
 recover cmd=\"{programs}/ctl_cyrusdb -C {dir}/imapd.conf -r\"
}}
SERVICES {{
 imap cmd=\"{programs}/imapd -C {dir}/imapd.conf\" listen=\"127.0.0.1:{port}\" prefork=0
}}
DAEMON {{
 idled cmd=\"{programs}/idled -C {dir}/imapd.conf\"
}}
EVENTS {{
}}
",
        dir = dir.display(),
        programs = programs.display(),
    )
}
