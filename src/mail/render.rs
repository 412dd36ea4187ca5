//! Owns the way from a message to a document: which parts are shown, in which form, and what is said about them.
//!
//! It draws nothing and fetches nothing. How one text becomes lines is the affair of `plain` and `html`; each part is
//! rendered by itself, so that markup opened in one cannot swallow another.

use std::collections::HashMap;

use crate::mail::address::Address;
use crate::mail::content::Content;
use crate::mail::document::{Document, Form, Line, RenderOptions, Span, Style};
use crate::mail::email::Header;
use crate::mail::flow::FlowLine;
use crate::mail::html;
use crate::mail::invitation;
use crate::mail::link::Links;
use crate::mail::plain;
use crate::mail::quote;
use crate::mail::safe::SafeText;
use crate::mail::warn;
use crate::mail::wrap::{self, Run};

/// Messages in messages deeper than this are left as attachments.
const DEEPEST_MESSAGE: usize = 5;
/// Texts of one message that are shown.
const MOST_TEXTS: usize = 200;
/// Text of all parts together.
const LONGEST_TEXT: usize = 2 * 1024 * 1024;
/// Bytes of a source that are shown.
const LONGEST_SOURCE: usize = 1024 * 1024;
/// A plain text of more words than this speaks for itself.
const TELLING_WORDS: usize = 150;
/// A plain text with fewer words than one in so many of the HTML is poorer.
const POORER: usize = 4;
/// Columns of `From`, `Guests` with the gap behind them, where a card names what it says.
const LABEL: usize = 8;
/// Guests of an invitation that are named.
const MOST_GUESTS: usize = 8;

/// Makes a message readable. Never fails: what cannot be read is shown as it came.
pub fn document(raw: &[u8], own_addresses: &[String], options: RenderOptions) -> Document {
    let content = Content::read(raw);
    let mut document = Document { fields: content.fields, attachments: content.attachments, ..Document::default() };
    let body = content.body.unwrap_or(Body::Mixed(Vec::new()));
    let sources = Sources { pictures: content.pictures, raw };
    write(&mut document, &content.header, &body, &sources, own_addresses, options);
    document.cut = document.cut.or(content.note);
    document
}

/// The readable parts of a message as a tree: what a rendering is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Plain text.
    Plain(String, plain::Format),
    /// HTML.
    Html(String),
    /// A calendar (RFC 5545).
    Calendar(String),
    /// A machine's report of a delivery (RFC 3464): read after the words for people.
    Report(String),
    /// A picture between the texts, by its name.
    Picture(String),
    /// The same thing in several forms.
    Alternative(Vec<Body>),
    /// One after the other.
    Mixed(Vec<Body>),
    /// A message in this one.
    Message(Box<Header>, Box<Body>),
}

/// What a rendering needs of a message beside its text.
#[derive(Debug, Default)]
struct Sources<'a> {
    /// Names of its own pictures, and their attachment numbers, by `Content-ID`.
    pictures: HashMap<String, (String, usize)>,
    /// Its bytes.
    raw: &'a [u8],
}

/// Writes the text of a message into a document: lines, folds, links, warnings, forms.
fn write(
    document: &mut Document,
    header: &Header,
    body: &Body,
    sources: &Sources<'_>,
    own_addresses: &[String],
    options: RenderOptions,
) {
    document.forms = forms(body);
    let mut writer = Writer {
        width: usize::from(options.width).max(wrap::NARROWEST),
        options,
        pictures: sources.pictures.iter().map(|(cid, (name, _))| (cid.clone(), name.clone())).collect(),
        lines: Vec::new(),
        links: Links::default(),
        shown_pictures: Vec::new(),
        hidden_words: 0,
        remote_parts: 0,
        form: None,
        invitations: Vec::new(),
        texts: 0,
        bytes: 0,
        is_cut: false,
    };
    if options.form == Form::Source {
        writer.source(sources.raw);
    } else {
        writer.body(body, 0);
    }
    let (of_lines, folds) = match options.form {
        Form::Source => (vec![None; writer.lines.len()], Vec::new()),
        _ => quote::fold(&writer.lines, own_addresses),
    };
    document.form = writer.form.unwrap_or(if options.form == Form::Source { Form::Source } else { Form::Plain });
    document.lines = writer.lines.iter().zip(of_lines).map(|(line, fold)| finished(line, fold)).collect();
    document.folds = folds;
    document.links = writer.links.into_list();
    document.hidden_words = writer.hidden_words;
    document.remote_parts = writer.remote_parts;
    document.warnings = warn::about_sender(header, own_addresses);
    document.warnings.extend(warn::about_links(&document.links));
    if writer.is_cut {
        document.cut = Some(SafeText::line(
            "Only the beginning is shown: the message is very long. Its source can be saved whole.",
        ));
    }
    for (_, number) in writer.shown_pictures.iter().filter_map(|cid| sources.pictures.get(cid)) {
        if let Some(attachment) = document.attachments.iter_mut().find(|attachment| attachment.number == *number) {
            attachment.is_inline = true;
        }
    }
}

fn finished(line: &FlowLine, fold: Option<usize>) -> Line {
    let span = |run: &Run<Style>| Span { text: SafeText::line(&run.text), style: run.mark };
    Line { spans: line.runs.iter().map(span).collect(), fold }
}

/// The forms that a message can be read in.
fn forms(body: &Body) -> Vec<Form> {
    let (mut has_plain, mut has_html) = (false, false);
    let mut rest = vec![body];
    while let Some(body) = rest.pop() {
        match body {
            Body::Plain(text, _) => has_plain |= !text.trim().is_empty(),
            Body::Html(_) => has_html = true,
            Body::Alternative(bodies) | Body::Mixed(bodies) => rest.extend(bodies),
            Body::Calendar(_) | Body::Report(_) | Body::Picture(_) | Body::Message(..) => {}
        }
    }
    let all = [(has_plain, Form::Plain), (has_html, Form::Html), (true, Form::Source)];
    all.into_iter().filter_map(|(is_there, form)| is_there.then_some(form)).collect()
}

struct Writer {
    width: usize,
    options: RenderOptions,
    pictures: HashMap<String, String>,
    lines: Vec<FlowLine>,
    links: Links,
    shown_pictures: Vec<String>,
    hidden_words: usize,
    remote_parts: usize,
    form: Option<Form>,
    invitations: Vec<invitation::Invitation>,
    texts: usize,
    bytes: usize,
    is_cut: bool,
}

impl Writer {
    /// Writes a part and all in it. Parts nest no deeper than the parser lets them.
    fn body(&mut self, body: &Body, depth: usize) {
        match body {
            Body::Plain(text, format) => self.plain(text, *format),
            Body::Html(text) => self.html(text),
            Body::Calendar(text) => self.invitation(text),
            Body::Report(text) => self.report(text),
            Body::Picture(name) => self.push(vec![("", Run::new(format!("[picture: {name}]"), Style::Dim))]),
            Body::Mixed(bodies) => bodies.iter().for_each(|body| self.body(body, depth)),
            Body::Alternative(bodies) => {
                for calendar in bodies.iter().filter(|body| matches!(body, Body::Calendar(_))) {
                    self.body(calendar, depth);
                }
                if let Some(chosen) = self.choose(bodies) {
                    self.body(chosen, depth);
                }
            }
            Body::Message(header, inner) if depth < DEEPEST_MESSAGE => self.message(header, inner, depth),
            Body::Message(..) => self.is_cut = true,
        }
    }

    /// Chooses among forms of the same: the one that was asked for, else the plain text unless the HTML says more.
    fn choose<'b>(&self, bodies: &'b [Body]) -> Option<&'b Body> {
        let is_plain = |body: &Body| matches!(body, Body::Plain(text, _) if !text.trim().is_empty());
        let plain = bodies.iter().find(|body| contains(body, &is_plain));
        let html = bodies.iter().rev().find(|body| contains(body, &|body| matches!(body, Body::Html(_))));
        let readable = || bodies.iter().rev().find(|body| !matches!(body, Body::Calendar(_)));
        match (plain, html) {
            (Some(plain), Some(html)) => match self.options.form {
                Form::Html => Some(html),
                Form::Plain | Form::Source => Some(plain),
                Form::Best => Some(if is_poorer(plain, html) { html } else { plain }),
            },
            (one, other) => one.or(other).or_else(readable),
        }
    }

    fn takes(&mut self, text: &str) -> bool {
        self.texts += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        let takes = self.texts <= MOST_TEXTS && (self.bytes <= LONGEST_TEXT || self.texts == 1);
        self.is_cut |= !takes;
        takes
    }

    fn plain(&mut self, text: &str, format: plain::Format) {
        if !self.takes(text) {
            return;
        }
        let (lines, is_cut) = plain::render(text, format, self.width, &mut self.links);
        self.is_cut |= is_cut;
        self.form.get_or_insert(Form::Plain);
        self.push_lines(lines);
    }

    fn html(&mut self, text: &str) {
        if !self.takes(text) {
            return;
        }
        let options =
            html::Options { width: self.width, show_hidden: self.options.show_hidden, pictures: &self.pictures };
        let rendered = html::render(text, options, &mut self.links);
        self.is_cut |= rendered.is_cut;
        self.hidden_words += rendered.hidden_words;
        self.remote_parts += rendered.remote_parts;
        self.shown_pictures.extend(rendered.pictures);
        // A message of plain text with an HTML footer is still one of plain text.
        self.form.get_or_insert(Form::Html);
        self.push_lines(rendered.lines);
    }

    fn report(&mut self, text: &str) {
        if self.takes(text) {
            let (mut lines, _) = plain::render(text, plain::Format::default(), self.width, &mut Links::default());
            lines.iter_mut().flat_map(|line| line.runs.iter_mut()).for_each(|run| run.mark = Style::Dim);
            self.push_lines(lines);
        }
    }

    fn invitation(&mut self, text: &str) {
        let Some(event) = invitation::parse(text).filter(|_| self.takes(text)) else { return };
        // The same invitation often comes twice: beside the text, and as a file.
        if self.invitations.contains(&event) {
            return;
        }
        self.invitations.push(event.clone());
        let title = if event.title.is_empty() { "(no title)" } else { event.title.as_str() };
        let mut card = vec![("", Run::new(format!("{}: {title}", event.kind), Style::Heading))];
        let when = match (event.when, event.repeats) {
            (Some(when), Some(repeats)) => Some(format!("{when}, {repeats}")),
            (when, _) => when,
        };
        let mut guests = event.guests.iter().take(MOST_GUESTS).cloned().collect::<Vec<_>>().join(", ");
        if event.guests.len() > MOST_GUESTS {
            guests.push_str(&format!(" and {} more", event.guests.len() - MOST_GUESTS));
        }
        let guests = Some(guests).filter(|guests| !guests.is_empty());
        for (name, value) in [("When", when), ("Where", event.place), ("From", event.organizer), ("Guests", guests)] {
            if let Some(value) = value {
                card.push((name, Run::new(value, Style::Plain)));
            }
        }
        self.push(card);
    }

    fn message(&mut self, header: &Header, inner: &Body, depth: usize) {
        let said = " attached message ";
        let rule = format!("──{said}{}", "─".repeat(self.width.saturating_sub(said.len() + 2)));
        let people = |people: &[Address]| people.iter().take(MOST_GUESTS).map(spelled).collect::<Vec<_>>().join(", ");
        let date = header.date.map(|date| date.in_full(&jiff::tz::TimeZone::UTC) + " UTC");
        let mut head = vec![("", Run::new(wrap::cut(&rule, self.width), Style::Dim))];
        for (name, value) in [
            ("From", Some(people(&header.from))),
            ("To", Some(people(&header.to))),
            ("Date", date),
            ("Subject", Some(header.subject.clone())),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                head.push((name, Run::new(value, Style::Strong)));
            }
        }
        for warning in warn::about_sender(header, &[]) {
            head.push(("", Run::new(format!("! {warning}"), Style::Warning)));
        }
        self.push(head);
        self.body(inner, depth + 1);
    }

    fn source(&mut self, raw: &[u8]) {
        let kept = raw.get(..LONGEST_SOURCE.min(raw.len())).unwrap_or(raw);
        self.is_cut = kept.len() < raw.len();
        for line in String::from_utf8_lossy(kept).lines() {
            let line = SafeText::line(&plain::expand_tabs(line.trim_end_matches('\r')));
            let broken = wrap::wrap_exactly(&[Run::new(line.as_str(), Style::Plain)], self.width);
            self.lines.extend(broken.into_iter().map(|runs| FlowLine { runs, quote: 0 }));
        }
        self.form = Some(Form::Source);
    }

    /// Adds lines of ours or of a header, wrapped beside what they are named, if they have a name.
    fn push(&mut self, lines: Vec<(&str, Run<Style>)>) {
        let mut wrapped = Vec::new();
        for (label, value) in lines {
            // Where it is narrow, names and what they name share the lines.
            let indent = if label.is_empty() || self.width < 4 * LABEL { 0 } else { LABEL };
            let label = if label.is_empty() { String::new() } else { wrap::fit(label, LABEL) };
            let value = Run::new(SafeText::line(&value.text).as_str(), value.mark);
            let rest = self.width.saturating_sub(indent);
            let broken = wrap::wrap(&[Run::new(label, Style::Dim), value], self.width, rest);
            for (at, mut runs) in broken.into_iter().enumerate() {
                if at > 0 && indent > 0 {
                    runs.insert(0, Run::new(" ".repeat(indent), Style::Dim));
                }
                wrapped.push(FlowLine { runs, quote: 0 });
            }
        }
        self.push_lines(wrapped);
    }

    /// Adds the lines of a part, with an empty one before it.
    fn push_lines(&mut self, lines: Vec<FlowLine>) {
        if !lines.is_empty() && !self.lines.is_empty() {
            self.lines.push(FlowLine::default());
        }
        self.lines.extend(lines);
    }
}

fn spelled(address: &Address) -> String {
    match &address.name {
        Some(name) => format!("{name} <{}>", address.addr),
        None => address.addr.clone(),
    }
}

/// Says whether a part is, or holds, one that answers to `is_wanted`.
fn contains(body: &Body, is_wanted: &dyn Fn(&Body) -> bool) -> bool {
    let mut rest = vec![body];
    while let Some(body) = rest.pop() {
        if is_wanted(body) {
            return true;
        }
        if let Body::Alternative(bodies) | Body::Mixed(bodies) = body {
            rest.extend(bodies);
        }
    }
    false
}

/// Gives the texts of one kind below a part.
fn texts<'b>(body: &'b Body, text_of: &dyn Fn(&'b Body) -> Option<&'b str>) -> String {
    let (mut rest, mut joined) = (vec![body], String::new());
    while let Some(body) = rest.pop() {
        if let Some(text) = text_of(body) {
            joined.push_str(text);
            joined.push('\n');
        }
        if let Body::Alternative(bodies) | Body::Mixed(bodies) = body {
            rest.extend(bodies.iter().rev());
        }
    }
    joined
}

/// Says whether plain text is worse to read than the HTML beside it: empty, a mere excuse, or mostly addresses.
fn is_poorer(plain: &Body, html: &Body) -> bool {
    let text = texts(plain, &|body| if let Body::Plain(text, _) = body { Some(text) } else { None });
    let words = text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
    let head = text.trim_start().get(..15).unwrap_or_default().to_ascii_lowercase();
    let (in_targets, in_all) = text.split_whitespace().fold((0, 0), |(targets, all), word| {
        let target = if word.len() > 40 && word.contains("://") { word.len() } else { 0 };
        (targets + target, all + word.len())
    });
    if words == 0 || head.starts_with("<html") || head.starts_with("<!doctype") || in_targets * 2 > in_all {
        return true;
    }
    if words > TELLING_WORDS {
        return false;
    }
    let source = texts(html, &|body| if let Body::Html(text) = body { Some(text) } else { None });
    let html_words = html::plain_text(&source).split_whitespace().count();
    let is_excuse = text.to_ascii_lowercase().contains("html") && words < 40 && html_words > words;
    is_excuse || words * POORER < html_words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    fn plain(text: &str) -> Body {
        Body::Plain(text.to_owned(), plain::Format::default())
    }

    fn html(text: &str) -> Body {
        Body::Html(text.to_owned())
    }

    fn written(body: &Body, form: Form) -> Document {
        let mut document = Document::default();
        let header = Header { from: vec![Address::new(None, "ana@toko.test")], ..Header::default() };
        let options = RenderOptions { width: 40, form, show_hidden: false };
        let content = Sources { raw: b"Subject: x\r\n\r\n\x1b[31mred\r\n", ..Sources::default() };
        write(&mut document, &header, body, &content, &[], options);
        document
    }

    fn spelled(document: &Document) -> Vec<String> {
        document.lines.iter().map(|line| line.spans.iter().map(|span| span.text.as_str()).collect()).collect()
    }

    #[track_caller]
    fn check(body: &Body, expected: &[&str]) {
        let document = written(body, Form::Best);
        assert_eq!(spelled(&document), expected);
    }

    #[test]
    fn long_lists_of_a_card_stay_beside_their_names() {
        let guests = ["Budi Santoso", "Mira Köhler", "Léa Fournier"];
        let guests: String =
            guests.iter().map(|name| format!("ATTENDEE;CN={name}:mailto:someone@example.test\r\n")).collect();
        let text = format!(
            "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Offsite\r\n{guests}END:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let document = written(&Body::Calendar(text), Form::Best);
        let lines = spelled(&document);
        let first = lines.iter().position(|line| line.starts_with("Guests  ")).unwrap();
        assert!(lines.len() > first + 1, "{lines:?}");
        assert!(lines[first + 1..].iter().all(|line| line.starts_with("        ") && line.len() > LABEL), "{lines:?}");
        assert!(lines.iter().all(|line| wrap::width(line) <= 40), "{lines:?}");
    }

    #[test]
    fn the_best_form_is_plain_unless_the_html_says_more() {
        let long = "word ".repeat(40);
        for (text, markup, is_html) in [
            ("Hello Ana", "<p>Hello Ana</p>", false),
            (
                "Your mail program does not support HTML.",
                "<p>Hello, here is all that we have to say to you today</p>",
                true,
            ),
            ("Hello", long.as_str(), true),
            ("<html><p>Hello", "<p>Hello</p>", true),
            ("Shop https://klik.toko.test/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "<a href=x>Shop</a>", true),
        ] {
            let both = Body::Alternative(vec![plain(text), html(markup)]);
            assert_eq!(written(&both, Form::Best).form == Form::Html, is_html, "{text}");
            assert_eq!(written(&both, Form::Html).form, Form::Html);
            assert_eq!(written(&both, Form::Plain).form, Form::Plain);
            assert_eq!(written(&both, Form::Best).forms, [Form::Plain, Form::Html, Form::Source]);
        }
        assert_eq!(written(&html("x"), Form::Plain).form, Form::Html);
    }

    #[test]
    fn a_plain_text_with_nothing_in_it_is_none() {
        for form in [Form::Best, Form::Plain] {
            let document = written(&Body::Alternative(vec![plain(" \r\n"), html("<p>Hello</p>")]), form);
            assert_eq!((spelled(&document), document.form), (vec!["Hello".to_owned()], Form::Html));
            assert_eq!(document.forms, [Form::Html, Form::Source]);
        }
    }

    #[test]
    fn the_source_is_shown_harmless() {
        let document = written(&plain("x"), Form::Source);
        assert_eq!((document.form, document.lines.len()), (Form::Source, 3));
        assert!(!spelled(&document).concat().contains(char::is_control));
    }

    #[test]
    fn parts_stand_one_after_the_other_and_alone() {
        let body = Body::Mixed(vec![
            html("<b>one<!-- <a href='"),
            html("two'></a>"),
            Body::Picture(String::from("a.png")),
            plain("three"),
        ]);
        check(&body, &["one", "", "two'>", "", "[picture: a.png]", "", "three"]);
    }

    #[test]
    fn messages_in_messages_stand_under_a_rule() {
        let header = Header {
            from: vec![Address::new(Some("Budi"), "budi@toko.test")],
            subject: String::from("Lunch"),
            ..Header::default()
        };
        let body = Body::Mixed(vec![plain("See below."), Body::Message(Box::new(header), Box::new(plain("At one?")))]);
        check(
            &body,
            &[
                "See below.",
                "",
                "── attached message ────────────────────",
                "From    Budi <budi@toko.test>",
                "Subject Lunch",
                "",
                "At one?",
            ],
        );
    }

    #[test]
    fn invitations_are_cards_above_their_text() {
        let calendar = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Lunch\nDTSTART:20261125T050000Z\nEND:VEVENT\nEND:VCALENDAR";
        let body = Body::Alternative(vec![plain("Let us have lunch"), Body::Calendar(calendar.to_owned())]);
        let body = Body::Mixed(vec![body, Body::Calendar(calendar.to_owned())]);
        check(&body, &["Invitation: Lunch", "When    Wed 25 Nov 2026, 05:00 (UTC)", "", "Let us have lunch"]);
    }

    #[test]
    fn long_quotes_are_folded() {
        let body = plain(&format!("Yes\n\nBudi wrote:\n{}", "> line\n".repeat(9)));
        let document = written(&body, Form::Best);
        assert_eq!(document.folds[0].label.as_str(), "9 quoted lines from Budi");
        assert_eq!(document.lines.iter().filter(|line| line.fold == Some(0)).count(), 9);
    }

    #[test]
    fn deceptive_links_are_warned_of() {
        let document = written(&html("<a href='https://evil.test/'>bank.test</a>"), Form::Best);
        assert_eq!(document.warnings, [SafeText::line("A link says \"bank.test\" but goes to evil.test")]);
    }
}
