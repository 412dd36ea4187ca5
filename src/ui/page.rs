//! Owns the page that the reader scrolls: the head of the message, its text, and our notes below it.
//!
//! Drawing and scrolling count the same lines.

use std::ops::Range;

use ratatui::text::{Line, Span};

use crate::config::command::CommandId;
use crate::mail::account::AccountStatus;
use crate::mail::address::Address;
use crate::mail::document::{self, Document, Form};
use crate::mail::email::{Email, Header};
use crate::mail::time::UnixTime;
use crate::mail::wrap::{self, Run};
use crate::ui::highlight;
use crate::ui::model::{Model, PATIENCE};
use crate::ui::text;

/// Columns of `From`, `To`, `Files` with the gap behind them.
const LABEL: usize = 7;
/// Messages of the conversation that the head lists at once.
const STRIP: usize = 5;
/// Rows of text below which the head leaves the conversation out.
const STRIP_HEIGHT: u16 = 14;
/// Lines of a long list of recipients that the short head shows.
const MOST_LINES: usize = 2;

/// The head of a message.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) lines: Vec<Line<'static>>,
    /// The lines that list messages of the conversation.
    strip: Range<usize>,
    /// The first message listed.
    first: usize,
}

impl Head {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

/// Builds the head of the message that is shown.
pub(super) fn head(model: &Model, width: usize) -> Head {
    let mut head = Head::default();
    let Some(email) = &model.reader.email else { return head };
    let look = model.look();
    let subject = text::safe(&email.header.subject);
    let subject = if subject.trim().is_empty() { "(no subject)".to_owned() } else { subject };
    for line in wrapped(&subject, width).into_iter().take(MOST_LINES + 1) {
        head.lines.push(Line::from(highlight::mark(vec![(line, look.strong())], model.found_words(), look.found())));
    }
    strip(model, width, &mut head);
    head.lines.push(Line::default());
    if model.reader.full_headers {
        all_fields(model, email, width, &mut head);
    } else {
        short_fields(model, email, width, &mut head);
    }
    head.lines.push(Line::styled("─".repeat(width), look.dim()));
    let warnings = model.reader.document.as_ref().map(|document| document.warnings.as_slice()).unwrap_or_default();
    for warning in warnings {
        for line in wrapped(&format!("! {warning}"), width) {
            head.lines.push(Line::styled(line, look.warn().patch(look.strong())));
        }
    }
    if !warnings.is_empty() {
        head.lines.push(Line::default());
    }
    head
}

/// Gives the message of the conversation that a line of the page stands for.
pub(super) fn strip_message(model: &Model, line: usize) -> Option<usize> {
    let head = head(model, usize::from(model.layout().text().width));
    head.strip.contains(&line).then(|| head.first + line - head.strip.start)
}

/// Lists the messages of the conversation round the one that is shown.
fn strip(model: &Model, width: usize, head: &mut Head) {
    let thread = &model.reader.thread;
    if thread.len() < 2 || model.layout().text().height < STRIP_HEIGHT {
        return;
    }
    let look = model.look();
    let at = model.reader.position().unwrap_or(0);
    head.first = at.saturating_sub(STRIP / 2).min(thread.len().saturating_sub(STRIP));
    head.lines.push(Line::default());
    let start = head.lines.len();
    for (index, line) in thread.iter().enumerate().skip(head.first).take(STRIP) {
        let is_shown = index == at;
        let from = if model.folders.is_own(&line.from.addr) { "you".to_owned() } else { text::name(&line.from) };
        let state = if line.is_unread {
            '●'
        } else if line.is_flagged {
            '★'
        } else {
            ' '
        };
        let when = line.received.in_list(model.now.unix, &model.settings.zone);
        let people = 20.min(width / 3);
        let rest = width.saturating_sub(people + 4 + 1 + 11);
        let preview = text::safe(&line.preview);
        let mut style = if is_shown { look.strong() } else { look.dim() };
        if line.is_unread {
            style = look.strong();
        }
        head.lines.push(Line::from(vec![
            Span::styled(if is_shown { "▌" } else { " " }, look.accent()),
            Span::styled(format!("{state} "), look.accent()),
            Span::styled(wrap::fit(&from, people), style),
            Span::styled(format!("  {} ", wrap::fit(&preview, rest)), look.dim()),
            Span::styled(format!("{when:>10}"), look.dim()),
        ]));
    }
    head.strip = start..head.lines.len();
}

fn short_fields(model: &Model, email: &Email, width: usize, head: &mut Head) {
    let look = model.look();
    let header = &email.header;
    let from = header.from.iter().map(full).collect::<Vec<_>>().join(", ");
    let from = if from.is_empty() { "(nobody)".to_owned() } else { from };
    let when = header.date.unwrap_or(email.received);
    let (date, ago) = (when.in_full(&model.settings.zone), ago(when, model.now.unix));
    // The address is never cut to make room for the date: who says only a name can say any name.
    let room = |date: &str| width.checked_sub(LABEL + 2 + wrap::width(date)).filter(|room| *room >= wrap::width(&from));
    let beside =
        [format!("{date}{ago}"), date.clone()].into_iter().find_map(|date| room(&date).map(|room| (date, room)));
    match beside {
        Some((date, room)) => head.lines.push(Line::from(vec![
            label(model, "From"),
            Span::styled(wrap::fit(&from, room), look.plain()),
            Span::styled(format!("  {date}"), look.dim()),
        ])),
        None => {
            field(model, "From", &from, width, head);
            let whole = format!("{date}{ago}");
            let fits = wrap::width(&whole) + LABEL <= width;
            field(model, "Date", if fits { &whole } else { &date }, width, head);
        }
    }
    let name = |address: &Address| {
        if model.folders.is_own(&address.addr) { "you".to_owned() } else { text::name(address) }
    };
    let names = |list: &[Address]| list.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut to = names(&header.to);
    if !header.cc.is_empty() {
        to.push_str(&format!("{}cc {}", if to.is_empty() { "" } else { ", " }, names(&header.cc)));
    }
    if !header.bcc.is_empty() {
        to.push_str(&format!("{}bcc {}", if to.is_empty() { "" } else { ", " }, names(&header.bcc)));
    }
    if !to.is_empty() {
        field(model, "To", &to, width, head);
    }
    let reply_to: Vec<_> =
        header.reply_to.iter().filter(|to| !header.from.iter().any(|from| from.is_same_as(&to.addr))).collect();
    if !reply_to.is_empty() {
        let answers = reply_to.into_iter().map(full).collect::<Vec<_>>().join(", ");
        field(model, "Reply", &format!("goes to {answers}"), width, head);
    }
    let files = model.reader.document.iter().flat_map(|document| &document.attachments).filter(|file| !file.is_inline);
    let files: Vec<_> = files.map(|file| format!("+ {} {}", file.name, text::size(file.size))).collect();
    if !files.is_empty() {
        field(model, "Files", &files.join("   "), width, head);
    }
}

fn all_fields(model: &Model, email: &Email, width: usize, head: &mut Head) {
    let look = model.look();
    let Some(document) = &model.reader.document else { return short_fields(model, email, width, head) };
    for (name, value) in &document.fields {
        let runs = [Run::new(format!("{name}: "), true), Run::new(value.as_str(), false)];
        for line in wrap::wrap(&runs, width, width) {
            let spans =
                line.into_iter().map(|run| Span::styled(run.text, if run.mark { look.dim() } else { look.plain() }));
            head.lines.push(Line::from(spans.collect::<Vec<_>>()));
        }
    }
}

fn label(model: &Model, name: &str) -> Span<'static> {
    Span::styled(wrap::fit(name, LABEL), model.look().dim())
}

fn field(model: &Model, name: &str, value: &str, width: usize, head: &mut Head) {
    let lines = wrapped(value, width.saturating_sub(LABEL));
    let more = lines.len() > MOST_LINES;
    for (at, line) in lines.into_iter().take(MOST_LINES).enumerate() {
        let name = if at == 0 { name } else { "" };
        let end = if more && at + 1 == MOST_LINES { " …" } else { "" };
        head.lines.push(Line::from(vec![label(model, name), Span::raw(format!("{line}{end}"))]));
    }
}

/// Gives how many lines stand below the head.
pub(super) fn body_rows(model: &Model) -> usize {
    model.reader.shown.len() + foot(model).len()
}

/// Gives our own notes below the text: what was not loaded, hidden, left out, or is not here yet.
pub(super) fn foot(model: &Model) -> Vec<Line<'static>> {
    let look = model.look();
    let Some(email) = &model.reader.email else { return Vec::new() };
    let Some(document) = &model.reader.document else {
        let waited = model.now.millis >= model.reader.waits_since + PATIENCE;
        return if waited {
            vec![Line::default(), Line::styled(missing(model, email), look.dim())]
        } else {
            Vec::new()
        };
    };
    let mut notes = Vec::new();
    if document.lines.is_empty() {
        notes.push("this message has no text".to_owned());
    }
    if document.remote_parts > 0 {
        notes.push(format!("{} not loaded", text::counted(document.remote_parts as u64, "remote picture")));
    }
    if document.hidden_words > 0 && !model.reader.show_hidden {
        let key = model.hint(CommandId::HiddenText, "shows");
        let words = text::counted(document.hidden_words as u64, "hidden word");
        notes.push(format!("{words}{}", key.replacen(" · ", ": ", 1)));
    }
    if let Some(cut) = &document.cut {
        notes.push(cut.as_str().to_owned());
    }
    if notes.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::default()];
    let width = usize::from(model.layout().text().width);
    lines.extend(
        wrapped(&format!("── {} ──", notes.join(" · ")), width).into_iter().map(|line| Line::styled(line, look.dim())),
    );
    lines
}

fn missing(model: &Model, email: &Email) -> String {
    let size = if email.size > 0 { format!(" ({})", text::size(email.size)) } else { String::new() };
    let account = model.folders.account(email.account).map(|account| text::safe(&account.name)).unwrap_or_default();
    match model.statuses.get(&email.account).map(|link| &link.status) {
        Some(AccountStatus::Offline { .. } | AccountStatus::Paused) => {
            format!("The text{size} is not here yet, and {account} is offline. It comes when the connection is back.")
        }
        Some(AccountStatus::Blocked(_)) => format!("The text{size} is not here yet, and {account} is not signed in."),
        _ => format!("Loading the message{size} …"),
    }
}

/// Gives a text of the header.
pub(super) fn header(model: &Model, give: impl Fn(&Header) -> String) -> String {
    model.reader.email.as_ref().map(|email| text::safe(&give(&email.header))).unwrap_or_default()
}

/// Gives the sender's address.
pub(super) fn sender_address(model: &Model) -> String {
    header(model, |header| header.from.first().map(|from| from.addr.clone()).unwrap_or_default())
}

/// Gives the text of the message as it is shown, quotes unfolded.
pub(super) fn plain_text(model: &Model) -> String {
    let Some(document) = &model.reader.document else { return String::new() };
    let line = |line: &document::Line| line.spans.iter().map(|span| span.text.as_str()).collect::<String>();
    document.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Gives the form in which the message can be read next.
pub(super) fn next_form(document: &Document) -> Option<Form> {
    let is_there = |form: &Form| *form == Form::Source || *form == document.form || document.forms.contains(form);
    let forms: Vec<Form> = [Form::Plain, Form::Html, Form::Source].into_iter().filter(is_there).collect();
    let at = forms.iter().position(|form| *form == document.form).map_or(0, |at| at + 1);
    forms.get(at % forms.len().max(1)).copied()
}

/// Names a form.
pub(super) fn form_name(form: Form) -> &'static str {
    match form {
        Form::Best => "what reads best",
        Form::Plain => "plain text",
        Form::Html => "HTML",
        Form::Source => "source",
    }
}

/// Writes an address in full.
fn full(address: &Address) -> String {
    match &address.name {
        Some(name) => format!("{} <{}>", text::safe(name), text::safe(&address.addr)),
        None => text::safe(&address.addr),
    }
}

fn ago(then: UnixTime, now: UnixTime) -> String {
    match now.0.saturating_sub(then.0) {
        age @ 0..86_400 => format!(" ({} ago)", text::span(age)),
        _ => String::new(),
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let lines = wrap::wrap(&[Run::new(text, ())], width, width);
    lines.into_iter().map(|runs| runs.into_iter().map(|run| run.text).collect()).collect()
}
