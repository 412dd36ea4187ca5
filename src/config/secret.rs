//! Owns secrets: a type that cannot be printed, and the command that prints one to us.
//!
//! It keeps nothing and starts no shell.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::config::Error;
use crate::mail::safe::SafeText;

/// No password is longer than this; what a command prints beyond it is read and dropped.
const MOST_BYTES: usize = 64 << 10;
/// How long output may still come after the command has ended.
const GRACE: Duration = Duration::from_millis(200);
/// The longest pause between two looks at whether the command has ended.
const LONGEST_PAUSE: Duration = Duration::from_millis(40);
/// More of a command's complaint than this is not shown.
const MOST_COMPLAINT: usize = 200;

/// A password or a token. It prints as `***`, everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Gives the secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Runs a command without a shell and gives the first line that it prints. The command cannot ask anything: its input
/// is empty. At the deadline it is killed with everything that it started. Errors name the program alone: neither its
/// output nor its arguments, in which people put secrets.
pub fn run_command(command: &str, deadline: Duration) -> Result<Secret, Error> {
    let words = split(command).map_err(|what| Error::Command(format!("the password command {what}")))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::Command("the password command is empty".to_owned()));
    };
    let fail = |what: String| Error::Command(format!("the password command {} {what}", SafeText::line(program)));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| fail(cannot_start(&error)))?;
    let output = child.stdout.take().map(collect);
    let complaint = child.stderr.take().map(collect);
    let status = wait(&mut child, deadline).map_err(|error| fail(format!("could not be watched: {error}")))?;
    let output = output.map(Collected::finish).unwrap_or_default();
    let complaint = complaint.map(Collected::finish).unwrap_or_default();
    let Some(status) = status else {
        return Err(fail(format!(
            "gave no answer within {} s; it may be waiting for a question that nobody can see: run it by hand once",
            deadline.as_secs_f32()
        )));
    };
    if !status.success() {
        return Err(fail(format!("{}{}", ending(status), said(&complaint))));
    }
    let line = output.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err(fail(format!("printed nothing{}", said(&complaint)))),
        Ok(line) => Ok(Secret::new(line.to_owned())),
        Err(_) => Err(fail("printed something that is not UTF-8 text".to_owned())),
    }
}

/// Splits a command line into words as a shell does, with quotes and backslashes; nothing is ever expanded.
pub fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or("has a quote that is not closed")? {
                        end if end == letter => break,
                        '\\' if letter == '"' => match letters.next().ok_or("has a quote that is not closed")? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next().ok_or("ends with a backslash")?),
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn cannot_start(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "cannot be run: there is no such program".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be run: it may not be executed".to_owned(),
        _ => format!("cannot be run: {error}"),
    }
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("failed with exit status {code}"),
        None => format!("was ended by {status}"),
    }
}

/// Gives the first line of what a command complained, harmless and short.
fn said(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let short: String = SafeText::line(line).as_str().chars().take(MOST_COMPLAINT).collect();
    if short.is_empty() { String::new() } else { format!(": {short}") }
}

/// Waits for the end; at the deadline kills the whole process group and gives `None`.
fn wait(child: &mut Child, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= deadline {
            // The group has the child's id; the child was not waited for yet, so the id is still its own.
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A stream that is read on a thread of its own: a program that the command left behind may hold it open for ever.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

fn collect(mut stream: impl Read + Send + 'static) -> Collected {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&bytes);
    let reader = thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MOST_BYTES.saturating_sub(sink.len());
            sink.extend(piece.iter().take(count.min(room)));
        }
    });
    Collected { bytes, reader }
}

impl Collected {
    fn finish(self) -> Vec<u8> {
        let start = Instant::now();
        while !self.reader.is_finished() && start.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(1));
        }
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn error(command: &str) -> String {
        run_command(command, LONG).unwrap_err().to_string()
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let cases: [(&str, &[&str]); 6] = [
            ("pass show mail/work", &["pass", "show", "mail/work"]),
            ("  a\t'b c' \"d \\\" e\" f\\ g ", &["a", "b c", "d \" e", "f g"]),
            ("a '' \"\"", &["a", "", ""]),
            ("a'b'\"c\"d", &["abcd"]),
            (r#""a\nb" '\x'"#, &[r"a\nb", r"\x"]),
            ("", &[]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for line in ["a 'b", "a \"b", "a \"b\\", "a\\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_first_line_is_the_password_and_never_printed() {
        let secret = run_command(r"printf 'sesame \r\nuser: ayu\n'", LONG).unwrap();
        assert_eq!(secret.reveal(), "sesame ");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
    }

    #[test]
    fn no_shell_sees_the_command() {
        assert_eq!(run_command("echo $HOME;`id`|cat", LONG).unwrap().reveal(), "$HOME;`id`|cat");
    }

    #[test]
    fn a_failing_command_is_named_with_status_and_its_own_words() {
        let said = error(r#"sh -c 'echo hunter2; printf "\033[31mno such key\n" >&2; exit 3'"#);
        assert!(said.contains("exit status 3: "), "{said}");
        assert!(said.contains("no such key"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
        assert!(!said.contains("hunter2"), "what it printed and what it was told is in no error: {said}");
        assert!(error("/no/such/program").contains("/no/such/program cannot be run: there is no such program"));
        assert!(error("true").contains("printed nothing"));
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let start = Instant::now();
        let error = run_command("sh -c 'sleep 60 & wait'", Duration::from_millis(100)).unwrap_err().to_string();
        assert!(error.contains("gave no answer within 0.1 s"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_program_left_behind_does_not_hold_us_up() {
        let start = Instant::now();
        let secret = run_command("sh -c 'echo sesame; sleep 30 &'", LONG).unwrap();
        assert_eq!(secret.reveal(), "sesame");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
