//! P29: sixty shapes in which a mail says that it is from somebody else: the list and the message show where it really
//! comes from, on the command line and on the screen, and nearly all are warned of.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::cli::{Home, maildir};
use crate::support::terminal::Term;

/// What the header says, and the address that must be seen.
fn shapes() -> Vec<(String, &'static str)> {
    let word = |name: &str| format!("=?utf-8?B?{}?=", STANDARD.encode(name));
    let named = |name: &str| format!("From: {} <x@evil.test>", word(name));
    let mut shapes: Vec<(String, &'static str)> = [
        // A name that is an address, a host, or both.
        "boss@bank.test",
        "The Boss <boss@bank.test>",
        "\"boss@bank.test\"",
        "'boss@bank.test'",
        "<boss@bank.test>",
        "[boss@bank.test]",
        "＜boss@bank.test＞",
        "boss＠bank.test",
        "boss﹫bank.test",
        "boss@bank.test,",
        "boss@bank.test (verified)",
        "boss@bank.test via Ring",
        "Boss via boss@bank.test",
        "bank.test",
        "www.bank.test",
        "https://bank.test",
        "Support bank.test",
        "Support | www.paypal.com",
        "boss (at) bank.test",
        "boss@bank.test\0",
        "boss@bank.test\n",
        "boss@bank.test\r\nFrom: boss@bank.test",
        "boss@bank.test\0(boss@bank.test)",
        "boss@bank.test\u{1b}[2K",
        "boss@bank.test                                                                                            ",
        // Characters that show nothing, or turn the reading round.
        "Ana\u{202e}tset.knab",
        "Ana\u{2066}\u{2069}",
        "A\u{200b}na",
        "Ana\u{feff}",
        "A\u{ad}na",
        "Ana\u{e0041}\u{e0042}",
        "Ana\u{3164}",
        "Ana\u{115f}Bank",
        "Ana\u{61c}",
        "Ana\0",
        "Ana\t\u{7}",
        // Names of others, in their letters and in other ones.
        "PayPal",
        "PayPal Security",
        "ＰａｙＰａｌ",
        "𝗣𝗮𝘆𝗣𝗮𝗹",
        "Раypal",
        "Pаypаl Service",
        "Βank Mandala",
        "Bank Mandala",
        "Mandala Bank Support",
        "Netflix",
    ]
    .iter()
    .map(|name| (named(name), "x@evil.test"))
    .collect();
    shapes.extend([
        // Borrowed with a host dressed up or spelled to fit.
        (format!("From: {} <x@mandala-login.test>", word("Bank Mandala")), "x@mandala-login.test"),
        (format!("From: {} <x@paypa1.test>", word("PayPal")), "x@paypa1.test"),
        (format!("From: {} <x@rnandala.test>", word("Mandala")), "x@rnandala.test"),
        (format!("From: {} <x@bank.com.evil.test>", word("Ana")), "x@bank.com.evil.test"),
        (format!("From: {} <x@xn--80ak6aa92e.com>", word("Ana")), "x@xn--80ak6aa92e.com"),
        ("From: Ana <x@раypal.test>".to_owned(), "xn--ypal-43d9g.test"),
        // Addresses in addresses, with what Mailsploit puts between.
        (format!("From: {}{}@evil.test", word("boss@bank.test"), word("\0")), "@evil.test"),
        (format!("From: {}{}{}@evil.test", word("boss@bank.test"), word("\n\0"), word("(x)")), "@evil.test"),
        ("From: \"boss@bank.test\"@evil.test".to_owned(), "@evil.test"),
        ("From: boss@bank.test@evil.test".to_owned(), "@evil.test"),
        ("From: boss@bank.test <x@evil.test>".to_owned(), "x@evil.test"),
        ("From: <boss@bank.test> <x@evil.test>".to_owned(), "@evil.test"),
        ("From: x@evil.test (boss@bank.test)".to_owned(), "x@evil.test"),
        ("From: \"boss\\@bank.test\" <x@evil.test>".to_owned(), "x@evil.test"),
        ("From: \"boss@bank.test\"\r\n <x@evil.test>".to_owned(), "x@evil.test"),
        // Several senders, others that speak for them, a list that is none.
        ("From: a@b.test, x@evil.test".to_owned(), "x@evil.test"),
        ("From: a@b.test\r\nFrom: x@evil.test".to_owned(), "x@evil.test"),
        ("From: x@evil.test\r\nSender: boss@bank.test".to_owned(), "x@evil.test"),
        ("From: x@evil.test\r\nReply-To: boss@bank.test".to_owned(), "x@evil.test"),
        ("List-Id: <ring.evil.test>\r\nFrom: PayPal <x@evil.test>".to_owned(), "x@evil.test"),
    ]);
    shapes
}

#[test]
fn sixty_spoofed_senders_are_seen_through() {
    let shapes = shapes();
    assert!(shapes.len() >= 60, "{}", shapes.len());
    let home = Home::new();
    let mails: Vec<(String, Vec<u8>)> = shapes
        .iter()
        .enumerate()
        .map(|(at, (header, _))| {
            let raw =
                format!("{header}\r\nSubject: shape ({at})\r\nMessage-ID: <{at}@evil.test>\r\n\r\nPay at once.\r\n");
            (format!("{}.M{at}.x:2,S", 1_790_000_000 + at), raw.into_bytes())
        })
        .collect();
    let mails: Vec<(&str, &[u8])> = mails.iter().map(|(name, raw)| (name.as_str(), raw.as_slice())).collect();
    maildir(&home.path("Mail"), &mails);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home.ok(&["sync"]);

    let list = home.ok(&["list", "--limit", "1000"]);
    let row = |text: &str, at: usize| {
        let line = text.lines().find(|line| line.contains(&format!("shape ({at})")));
        line.unwrap_or_else(|| panic!("{at}: {text}")).to_owned()
    };
    let (mut hidden, mut unwarned) = (Vec::new(), Vec::new());
    let ids: Vec<(String, usize)> = {
        let listed = home.json(&["list", "--limit", "1000"]);
        let number = |subject: &str| subject.split(['(', ')']).nth(1).unwrap().parse().unwrap();
        let one = |mail: &serde_json::Value| {
            (mail["id"].as_str().unwrap().to_owned(), number(mail["subject"].as_str().unwrap()))
        };
        listed.as_array().unwrap().iter().map(one).collect()
    };
    assert_eq!(ids.len(), shapes.len());
    for (id, at) in &ids {
        let (header, address) = &shapes[*at];
        let shown = home.ok(&["show", id]);
        for (place, text) in [("list", &row(&list, *at)), ("message", &shown)] {
            if !text.contains(address) {
                hidden.push(format!("{place}: {header:?}: {text}"));
            }
        }
        if !shown.lines().any(|line| line.starts_with("! ")) {
            unwarned.push(header);
        }
    }
    let mut term = Term::start(&home.command(&[]), 140, 44);
    term.wait("the newest mail", |screen| screen.contains("From  "));
    term.press("gg\r");
    for (_, at) in &ids {
        let (header, address) = &shapes[*at];
        let subject = format!(" shape ({at})");
        term.wait(&subject, |screen| {
            screen.split_once("Message ─").is_some_and(|(_, message)| message.contains(&subject))
        });
        let screen = term.text();
        let (list, message) = screen.split_once("Message ─").unwrap();
        for (place, text) in [("list", row(list, *at)), ("message", message.to_owned())] {
            if !text.contains(address) {
                hidden.push(format!("the screen's {place}: {header:?}: {text}"));
            }
        }
        term.press("J");
    }
    term.press("qqq");
    assert_eq!(term.end().0, 0);
    println!("{} spoofed senders: {} warned of; not: {unwarned:?}", shapes.len(), shapes.len() - unwarned.len());
    assert!(hidden.is_empty(), "{} hidden:\n{}", hidden.len(), hidden.join("\n"));
    assert!(unwarned.len() <= 5 && shapes.len() - unwarned.len() >= 55, "{unwarned:?}");
}
