//! P27: what a mail names is handed to the desktop without a shell, as one argument that is no flag; seen from the
//! kernel and by the program that is started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use surat::config::open::Opener;
use surat::mail::document::{Form, RenderOptions};
use surat::mail::{parse, render};

use super::traced::trace;

/// Says to this very test that it is the child.
const CHILD: &str = "SURAT_TEST_OPENS";
const THIS: &str = "safety::opening::what_a_mail_names_is_opened_without_a_shell_or_a_flag";

const NAMES: [&str; 16] = [
    "-rf.pdf",
    "--help",
    "../../../etc/passwd",
    "/etc/shadow",
    "$(touch pwned).pdf",
    "`id`.png",
    "a;id;.pdf",
    "a|sh",
    "x&.jpg",
    "\u{202e}fdp.sh",
    "a\u{0}.pdf.sh",
    "a\nb.pdf",
    "~/.bashrc",
    "x.desktop",
    "invoice.pdf.exe",
    "%s%n.txt",
];

const TYPES: [&str; 20] = [
    "application/pdf",
    "image/png; name=\"-x.sh\"",
    "text/plain; charset=\"$(id)\"",
    "application/octet-stream",
    "text/html",
    "image/svg+xml",
    "application/x-sh",
    "application/x-desktop",
    "application/x-executable",
    "application/java-archive",
    "application/x-msdownload",
    "application/vnd.debian.binary-package",
    "text/x-python",
    "inode/directory",
    "x-scheme-handler/http",
    "-/-",
    "--help/--version",
    "application/pdf\\;sh",
    "`id`/$(id)",
    "message/external-body; access-type=local-file; name=\"/etc/passwd\"",
];

const LINKS: [&str; 44] = [
    "https://toko.example/beli?a=$(id)&b=`id`;id|id",
    "http://toko.example/'\"><script>",
    "HTTPS://toko.example/--help",
    "mailto:--help@toko.example?subject=%2d%2dversion",
    "mailto:a@b.example?attach=/etc/passwd",
    "https://-flag.example/",
    "http://--/",
    "https://toko.example/%0a--help",
    "https://[::1]:22/",
    "http://toko.example/~;rm -rf /",
    "https://user:pass@toko.example/",
    "--version",
    "-e",
    "--",
    "-",
    "",
    "/etc/passwd",
    "./run.sh",
    "../run.sh",
    "~/run.sh",
    "file:///etc/passwd",
    "FILE:///usr/share/applications/x.desktop",
    "javascript:alert(1)",
    "java\u{0}script:alert(1)",
    "data:text/html,<script>1</script>",
    "vbscript:x",
    "ssh://-oProxyCommand=id/x",
    "smb://x/y",
    "ftp://x/y",
    "sftp://x/y",
    "ldap://x/y",
    "telnet://x",
    "jar:http://x!/y",
    "view-source:http://x",
    "about:config",
    "chrome://settings",
    "blob:http://x/y",
    "tel:+62",
    "ms-msdt:/id PCWDiagnostic",
    "search-ms:query=x",
    "xdg-open:http://x",
    " http://x",
    "\u{1b}]8;;http://x\u{7}",
    "http\u{200b}://x",
];

/// Opens everything as the interface does; prints how much was handed on.
fn open_all() {
    let mut opener = Opener::default();
    let (mut tried, mut handed_on) = (0, 0);
    let mut count = |is_opened: bool| {
        tried += 1;
        handed_on += usize::from(is_opened);
    };
    for (at, media_type) in TYPES.iter().cycle().take(TYPES.len() * 2).enumerate() {
        let name = NAMES[at % NAMES.len()];
        let word = STANDARD.encode(name);
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: {media_type}\r\n\
             Content-Disposition: attachment; filename=\"=?utf-8?B?{word}?=\"\r\n\r\n%PDF-#!/bin/sh\r\n--b--\r\n"
        );
        let message = parse::message(raw.as_bytes());
        for attachment in message.attachments() {
            let bytes = message.attachment_bytes(attachment.number).unwrap();
            count(opener.open_attachment(attachment.media_type.as_str(), &bytes).is_ok());
        }
        count(opener.open_attachment(name, b"%PDF-").is_ok());
    }
    for link in LINKS {
        count(opener.open_link(link).is_ok());
        let escaped = link.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let raw = format!("Content-Type: text/html; charset=utf-8\r\n\r\n<p><a href=\"{escaped}\">here</a></p>\r\n");
        let options = RenderOptions { width: 80, form: Form::Html, show_hidden: true };
        for found in render::document(raw.as_bytes(), &[], options).links {
            let is_opened = opener.open_link(&found.target).is_ok();
            assert_eq!(is_opened, found.can_open, "the reader promises what is kept: {found:?}");
            count(is_opened);
        }
    }
    println!("tried {tried}, handed on {handed_on}");
}

/// Puts a program into a directory that writes its arguments down, each ended by a NUL, in a file of its own.
fn fake_opener(dir: &Path, into: &Path) {
    let script = format!("#!/bin/sh\nprintf '%s\\0' \"$@\" >\"{}/$$\"\n", into.display());
    for name in ["xdg-open", "gio", "gnome-open", "kde-open", "wslview"] {
        let path = dir.join(name);
        fs::write(&path, &script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn what_a_mail_names_is_opened_without_a_shell_or_a_flag() {
    if std::env::var_os(CHILD).is_some() {
        return open_all();
    }
    let dir = tempfile::tempdir().unwrap();
    let [programs, record, tmp] = ["bin", "record", "tmp"].map(|name| {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    });
    fake_opener(&programs, &record);
    let test = std::env::current_exe().unwrap();
    let mut command = Command::new(&test);
    command.args(["--exact", THIS, "--nocapture", "--test-threads=1"]).current_dir(&tmp);
    // Our opener is found first; nothing else can be found.
    command.env(CHILD, "1").env("PATH", &programs).env("TMPDIR", &tmp).env("DISPLAY", ":0");
    let (output, trace) = trace("execve,execveat", &command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let numbers = said.lines().find_map(|line| line.split_once("tried ")).unwrap_or_else(|| panic!("{said}")).1;
    let (tried, handed_on) = numbers.split_once(", handed on ").unwrap();
    let (tried, handed_on): (usize, usize) = (tried.parse().unwrap(), handed_on.trim().parse().unwrap());
    println!("{tried} hostile names, types and links: {handed_on} handed on");
    assert!(tried >= 100 && handed_on >= 20, "{said}");

    let started: Vec<&str> = trace.lines().filter(|line| line.contains("exec") && line.ends_with("= 0")).collect();
    let (ours, openers): (Vec<&str>, Vec<&str>) =
        started.iter().partition(|line| line.contains(&format!("execve(\"{}\"", test.display())));
    assert_eq!(ours.len(), 1, "{trace}");
    let opener = format!("execve(\"{}/xdg-open\"", programs.display());
    assert!(openers.iter().all(|line| line.contains(&opener)), "something else was started: {openers:?}");
    assert_eq!(openers.len(), handed_on, "{trace}");

    let runs: Vec<Vec<u8>> =
        fs::read_dir(&record).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(runs.len(), handed_on);
    let private = format!("{}/surat-open-", tmp.display());
    for run in runs {
        let text = String::from_utf8(run).unwrap();
        let arguments: Vec<&str> = text.strip_suffix('\0').unwrap().split('\0').collect();
        let [argument] = arguments[..] else { panic!("more than one argument: {arguments:?}") };
        assert!(!argument.starts_with('-') && !argument.contains(char::is_control), "{argument:?}");
        let is_link = ["http:", "https:", "mailto:"].iter().any(|scheme| argument.to_lowercase().starts_with(scheme));
        let is_ours = argument.strip_prefix(&private).and_then(|rest| rest.split_once('/')).is_some_and(|(_, name)| {
            let number = name.strip_prefix("attachment-").and_then(|rest| rest.split_once('.'));
            number.is_some_and(|(number, ending)| number.parse::<u32>().is_ok() && !ending.contains(['.', '/']))
        });
        assert!(is_link || is_ours, "{argument:?}");
    }
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "nothing was made where it ran, and nothing is left");
}
