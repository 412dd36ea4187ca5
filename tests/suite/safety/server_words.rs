//! P24 for what servers say: every payload as the words of a refusal, on the command line and on the screen.

use super::crossing::{harm, payloads};
use super::grammar::alien;
use crate::cli::Home;
use crate::support::scripted::{Script, Scripted, say};
use crate::support::terminal::Term;

/// Accounts of one home.
const TOGETHER: usize = 12;

/// A server for each payload that greets with it, and refuses everybody with it.
fn servers(payloads: &[String]) -> Vec<Scripted> {
    let server = |payload: &String| {
        // A reply is one line; whatever else there is in it goes over the wire as it is.
        let words = payload.replace(['\r', '\n', '{', '}'], " ");
        let script = Script::new().greet(say(format!("* OK [ALERT] {words}\r\n")));
        let refusal = format!("* NO [ALERT] {words}\r\n{{tag}} NO [AUTHENTICATIONFAILED] {words}\r\n");
        script.on("LOGIN", say(&refusal)).on("AUTHENTICATE", say(&refusal)).start()
    };
    payloads.iter().map(server).collect()
}

#[test]
fn no_words_of_a_server_reach_the_terminal_as_they_came() {
    let payloads = payloads();
    let mut said = 0;
    for some in payloads.chunks(TOGETHER) {
        let (home, servers) = (Home::new(), servers(some));
        for (at, server) in servers.iter().enumerate() {
            let (address, name) = (format!("127.0.0.1:{}", server.port), format!("a{at}"));
            let add =
                ["account", "add", "a@b.org", "--no-input", "--no-check", "--imap", &address, "--security", "none"];
            home.ok(&[&add[..], &["--password-command", "echo sesame", "--account-name", &name]].concat());
        }
        let run = home.run(&["sync"]);
        assert!(!matches!(run.status, 0 | 101 | -1), "{run:?}");
        said += run.stderr.matches("the server says").count();
        assert_eq!((harm(&run.stderr), harm(&run.stdout)), (None, None), "{run:?}");

        let mut term = Term::start(&home.command(&[]), 120, 40);
        term.see("The server says");
        term.press("?");
        term.see("Help ·");
        term.press("\u{3}R");
        term.press("qqq");
        let (status, session) = term.end_with_bytes();
        assert_eq!((status, alien(&session)), (0, None), "{some:?}");
    }
    assert!(said * 10 >= payloads.len() * 9, "{said} of {} servers were quoted", payloads.len());
    println!("{} servers with hostile words, {said} quoted", payloads.len());
}
