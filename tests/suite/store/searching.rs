//! What is found, and in which order.

use surat::mail::address::Address;
use surat::mail::email::RowKey;
use surat::mail::keyword::Keywords;
use surat::mail::mutation::Edit;
use surat::mail::query::{Field, Query};
use surat::mail::remote::RemoteId;
use surat::mail::time::UnixTime;
use surat::mail::view::{Anchor, Scope, View};
use surat::store::Body;

use super::{Fixture, message, reply};

pub fn text(words: &str) -> Query {
    Query::Text { field: Field::Any, words: words.into(), is_phrase: false }
}

fn within(field: Field, words: &str) -> Query {
    Query::Text { field, words: words.into(), is_phrase: false }
}

fn phrase(words: &str) -> Query {
    Query::Text { field: Field::Any, words: words.into(), is_phrase: true }
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

/// Six mails with words in different places.
fn library() -> Fixture {
    let f = Fixture::new();
    let add = |number: i64, subject: &str, from: &str, body: &str, mailbox| {
        let mut mail = message(number);
        mail.header.subject = subject.into();
        mail.header.from = vec![Address::new(Some(from), &format!("{}@example.org", from.to_lowercase()))];
        f.arrive(mailbox, mail);
        if !body.is_empty() {
            let raw = format!("Subject: {subject}\r\n\r\n{body}\r\n").into_bytes();
            f.store.keep_bodies(vec![Body { mailbox, id: RemoteId(number.to_string()), raw }]).unwrap();
        }
    };
    add(1, "Reef survey dates", "Budi", "The tide tables for November, foo-bar and NEAR(x).", f.inbox);
    add(2, "Invoice 2026-11", "Ana", "Please pay the invoice by Friday.", f.inbox);
    add(3, "天气预报", "小林", "今天天气很好。メールを送る。회의는 내일이다.", f.inbox);
    add(4, "Reef photos", "Ana", "", f.archive);
    add(5, "Reef junk", "Spammer", "reef reef reef", f.trash);
    add(6, "Café Müller", "Çelik", "straße", f.sent);
    assert_eq!(f.store.index_some(100).unwrap(), 0);
    f
}

fn found(f: &Fixture, query: Query) -> String {
    let view = View::Search(query, Scope::Everywhere);
    let emails = f.store.emails(&view, None, 100).unwrap();
    let number = |id: &str| id.trim_start_matches('m').split('@').next().unwrap().to_owned();
    let numbers: Vec<_> = emails.iter().map(|email| number(email.header.message_id.as_deref().unwrap())).collect();
    numbers.join(" ")
}

#[test]
fn words_are_found_newest_first_wherever_they_stand() {
    let f = library();
    assert_eq!(found(&f, text("reef")), "4 1");
    assert_eq!(found(&f, text("tide")), "1");
    assert_eq!(found(&f, text("ana")), "4 2");
    assert_eq!(found(&f, text("inv")), "2", "the beginning of a word");
    assert_eq!(found(&f, text("reef phot")), "4");
    assert_eq!(found(&f, text("cafe muller")), "6", "without its accents");
    assert_eq!(found(&f, text("nothing")), "");
    assert_eq!(found(&f, Query::And(vec![])), "6 4 3 2 1");
}

#[test]
fn any_part_of_a_run_without_spaces_is_found() {
    let f = library();
    for words in ["天气", "天气很好", "メール", "회의", "예", "内"] {
        let expected = if ["예", "内"].contains(&words) { "" } else { "3" };
        assert_eq!(found(&f, text(words)), expected, "{words}");
    }
    assert_eq!(found(&f, text("气天")), "");
}

#[test]
fn fields_phrases_and_trees() {
    let f = library();
    assert_eq!(found(&f, within(Field::From, "ana")), "4 2");
    assert_eq!(found(&f, within(Field::Subject, "invoice")), "2");
    assert_eq!(found(&f, within(Field::Body, "reef")), "");
    assert_eq!(found(&f, within(Field::To, "ayu")), "6 4 3 2 1");
    assert_eq!(found(&f, phrase("reef survey")), "1");
    assert_eq!(found(&f, phrase("survey reef")), "");
    assert_eq!(found(&f, Query::And(vec![text("reef"), not(text("photos"))])), "1");
    assert_eq!(found(&f, not(text("reef"))), "6 3 2");
    assert_eq!(found(&f, Query::Or(vec![text("invoice"), text("tide")])), "2 1");
    assert_eq!(found(&f, Query::Or(vec![text("invoice"), Query::In("sent".into())])), "6 2");
    assert_eq!(found(&f, Query::And(vec![Query::Or(vec![text("reef"), text("pay")]), not(text("ana"))])), "1");
}

#[test]
fn nothing_a_user_types_is_an_error() {
    let f = library();
    assert_eq!(found(&f, text("foo-bar")), "1");
    assert_eq!(found(&f, text("NEAR(x)")), "1");
    let odd = [
        "\"",
        "*",
        "a* OR",
        "(",
        ")",
        "^x",
        "col:",
        "-",
        "{from_}",
        "'; DROP TABLE emails",
        "AND",
        "\u{0}",
        "a\"b",
        "NOT",
    ];
    for words in odd {
        found(&f, text(words));
        found(&f, phrase(words));
        found(&f, Query::And(vec![text("reef"), not(text(words))]));
        found(&f, Query::Or(vec![text(words), Query::HasAttachment]));
        found(&f, Query::In(words.into()));
        found(&f, Query::Account(words.into()));
        found(&f, Query::Keyword(words.into()));
    }
}

#[test]
fn whatever_is_typed_can_be_searched_for() {
    let f = library();
    let typed = |words: &str| {
        let now = message(9).received;
        let parsed = surat::mail::query::parse(words, now, &jiff::tz::TimeZone::UTC);
        found(&f, parsed.query)
    };
    assert_eq!(typed("reef -from:ana"), "1");
    assert_eq!(typed("(invoice OR tide) -pay"), "1");
    assert_eq!(typed("reef in:trash"), "5");
    assert_eq!(typed("-(reef | invoice)"), "6 3");
    assert_eq!(typed("with:ana subject:\"reef photos\""), "4");
    assert_eq!(typed("larger:1G OR has:attachment OR is:draft OR account:nobody"), "");
    assert_eq!(typed("smaller:1G older_than:0d newer_than:10y"), typed("in:inbox OR in:archive OR in:sent"));
    let nested = |opening: &str, inside: &str| format!("{}{inside}{}", opening.repeat(50), ")".repeat(50));
    for words in [
        "a ".repeat(1_000),
        "a|".repeat(1_000),
        "-a ".repeat(1_000),
        "is:read ".repeat(1_000),
        "is:read|".repeat(1_000),
        "-is:draft ".repeat(1_000),
        "subject:x|from:y ".repeat(300),
        "漢".repeat(4_000),
        format!("\"{}\"", "a ".repeat(2_000)),
        nested("(", "a"),
        nested("-(b ", "a"),
        nested("(b|", "is:read"),
        nested("-(b|-c|in:x ", "a"),
    ] {
        typed(&words);
    }
    assert_eq!(typed(&nested("(reef|", "is:draft")), "4 1");
}

#[test]
fn filters_narrow() {
    let f = library();
    let second = |number: i64| message(number).received;
    f.apply(
        f.inbox,
        &[surat::mail::remote::Delta::Keywords(RemoteId("1".into()), Keywords::new(["$seen", "$flagged", "work"]))],
    );
    let unread = || not(Query::Keyword("$seen".into()));
    assert_eq!(found(&f, unread()), "6 4 3 2");
    assert_eq!(found(&f, Query::Keyword("$seen".into())), "1");
    assert_eq!(found(&f, Query::And(vec![text("reef"), unread()])), "4");
    assert_eq!(found(&f, Query::Keyword("$flagged".into())), "1");
    assert_eq!(found(&f, Query::Keyword("work".into())), "1");
    assert_eq!(found(&f, Query::Keyword("wor".into())), "");
    assert_eq!(found(&f, Query::Before(second(3))), "2 1");
    assert_eq!(found(&f, Query::After(second(3))), "6 4 3");
    assert_eq!(found(&f, Query::And(vec![text("reef"), Query::Before(second(4))])), "1");
    assert_eq!(found(&f, Query::Or(vec![Query::Before(second(2)), Query::After(second(6))])), "6 1");
    assert_eq!(found(&f, Query::Larger(1_003)), "4");
    assert_eq!(found(&f, Query::Account("work".into())), "6 4 3 2 1");
    assert_eq!(found(&f, Query::Account("home".into())), "");
    assert_eq!(found(&f, Query::In("arch".into())), "4");
    assert_eq!(found(&f, Query::In("nowhere".into())), "");
}

#[test]
fn trash_is_searched_only_when_it_is_named() {
    let f = library();
    assert_eq!(found(&f, Query::And(vec![text("reef"), Query::In("all".into())])), "5 4 1");
    assert_eq!(found(&f, Query::And(vec![text("reef"), Query::In("trash".into())])), "5");
    let here = View::Search(text("reef"), Scope::Mailbox(f.trash));
    assert_eq!(f.subjects(&here), ["Reef junk"]);
    let account = View::Search(text("reef"), Scope::Account(f.account));
    assert_eq!(f.subjects(&account), ["Reef photos", "Reef survey dates"]);
}

#[test]
fn an_edit_is_seen_by_the_next_search() {
    let f = library();
    let row = &f.rows(&View::Search(text("tide"), Scope::Everywhere)).rows[0];
    assert_eq!(row.mailbox, f.inbox);
    f.edit(row.email, f.inbox, Edit::Move(f.trash));
    assert_eq!(found(&f, text("tide")), "");
    f.store.undo(super::NOW).unwrap();
    assert_eq!(found(&f, text("tide")), "1");
}

#[test]
fn a_conversation_found_twice_is_one_row_on_every_page() {
    let f = Fixture::new();
    for number in 0..30 {
        let mut mail = if number >= 3 { reply(number, &[number - 3]) } else { message(number) };
        mail.header.subject = format!("tide {number}");
        f.arrive(f.inbox, mail);
    }
    for number in 30..40 {
        let mut mail = message(number);
        mail.header.subject = format!("tide {number}");
        f.arrive(f.inbox, mail);
    }
    f.store.index_some(100).unwrap();
    let view = View::Search(text("tide"), Scope::Everywhere);
    let all = f.store.rows(&view, Anchor::Top, 100).unwrap();
    assert_eq!(all.rows.len(), 13);
    assert_eq!(all.rows[10].subject, "tide 29");
    let keys: Vec<RowKey> = all.rows.iter().map(|row| row.key).collect();
    for size in [1, 2, 5] {
        let (mut down, mut anchor) = (Vec::new(), Anchor::Top);
        while let page = f.store.rows(&view, anchor, size).unwrap()
            && let Some(last) = page.rows.last()
        {
            assert_eq!((page.has_before, page.has_after), (!down.is_empty(), down.len() + page.rows.len() < 13));
            anchor = Anchor::After(last.key);
            down.extend(page.rows.iter().map(|row| row.key));
        }
        assert_eq!(down, keys);
        let (mut up, mut anchor) = (Vec::new(), Anchor::Bottom);
        while let page = f.store.rows(&view, anchor, size).unwrap()
            && let Some(first) = page.rows.first()
        {
            anchor = Anchor::Before(first.key);
            up.splice(0..0, page.rows.iter().map(|row| row.key));
        }
        assert_eq!(up, keys);
    }
    let key = keys[10];
    let targets = f.store.targets(&view, &[key]).unwrap();
    assert_eq!(targets.len(), 10, "all of the conversation in the inbox");
}

#[test]
fn the_action_on_a_row_found_outside_the_inbox_means_what_was_found() {
    let f = library();
    let view = View::Search(text("photos"), Scope::Everywhere);
    let row = f.rows(&view).rows[0].clone();
    let targets = f.store.targets(&view, &[row.key]).unwrap();
    assert_eq!(targets.iter().map(|t| (t.email, t.from)).collect::<Vec<_>>(), [(row.email, Some(f.archive))]);
}

#[test]
fn a_very_old_and_a_very_new_border_are_no_trouble() {
    let f = library();
    assert_eq!(found(&f, Query::Before(UnixTime(i64::MIN))), "");
    assert_eq!(found(&f, Query::After(UnixTime(i64::MAX))), "");
    assert_eq!(found(&f, Query::Larger(u64::MAX)), "");
}

#[test]
fn the_words_for_people_are_indexed_whatever_their_encoding() {
    let f = Fixture::new();
    let id = f.arrive(f.inbox, message(1));
    let raw = b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
        --c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        R2Vsb21iYW5nIHBhc2FuZw==\r\n\
        --c\r\nContent-Type: text/html\r\n\r\n<style>.hidden {}</style><p>Gelombang <b>surut</b>\r\n--c--\r\n\
        --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=peta.pdf\r\n\r\nxyzzy\r\n--b--\r\n";
    f.store.keep_bodies(vec![Body { mailbox: f.inbox, id: RemoteId("1".into()), raw: raw.to_vec() }]).unwrap();
    for (words, expected) in [("pasang", "1"), ("surut", "1"), ("R2Vsb21iYW5n", ""), ("style", ""), ("xyzzy", "")] {
        assert_eq!(found(&f, text(words)), expected, "{words}");
    }
    assert_eq!(found(&f, Query::HasAttachment), "1");
    let email = f.store.email(id).unwrap().unwrap();
    assert!(email.has_attachment);
    assert!(email.preview.starts_with("Gelombang pasang"), "{}", email.preview);
}
