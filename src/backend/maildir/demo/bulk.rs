//! Owns the demo's 12,000 synthetic messages: six years of small talk between made-up people, in conversations.
//!
//! Each block of messages has its own chance, so that several threads write the same bytes as one.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::backend::maildir::demo::random::Random;
use crate::backend::maildir::demo::{dates, encode, put};
use crate::mail::time::UnixTime;

/// Messages in all.
const MESSAGES: usize = 12_000;
/// Messages in a block; conversations do not leave it.
const BLOCK: usize = 12;
/// Over how many days they are spread.
const DAYS: i64 = 6 * 365;
/// Threads that write.
const THREADS: usize = 4;
/// The words, in groups that begin with `[name]`.
const WORDS: &str = include_str!("../../../../assets/demo/words.txt");

/// Writes the messages into the `cur` of a folder.
pub fn write(cur: &Path, seed: u64, now: UnixTime, full_name: &str, email: &str) -> io::Result<()> {
    let words = Words::read();
    let me = format!("{full_name} <{email}>");
    let blocks = MESSAGES / BLOCK;
    std::thread::scope(|scope| {
        let part = |first: usize| {
            let (words, me) = (&words, &me);
            move || (first..blocks).step_by(THREADS).try_for_each(|block| write_block(cur, seed, now, block, words, me))
        };
        let parts: Vec<_> = (0..THREADS).map(|first| scope.spawn(part(first))).collect();
        parts.into_iter().try_for_each(|part| part.join().unwrap_or_else(|_| Err(io::Error::other("a writer stopped"))))
    })
}

/// The word lists.
struct Words {
    people: Vec<&'static str>,
    topics: Vec<&'static str>,
    things: Vec<&'static str>,
    openings: Vec<&'static str>,
    sentences: Vec<&'static str>,
    closings: Vec<&'static str>,
}

impl Words {
    fn read() -> Self {
        let group = |name: &str| {
            let start = format!("[{name}]");
            let lines = WORDS.lines().skip_while(|line| *line != start).skip(1);
            lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty()).collect()
        };
        Self {
            people: group("people"),
            topics: group("topics"),
            things: group("things"),
            openings: group("openings"),
            sentences: group("sentences"),
            closings: group("closings"),
        }
    }
}

/// A conversation of a block.
struct Conversation {
    subject: String,
    other: String,
    ids: Vec<String>,
}

fn write_block(cur: &Path, seed: u64, now: UnixTime, block: usize, words: &Words, me: &str) -> io::Result<()> {
    let mut random = Random::new(seed.wrapping_mul(0x1000_0000_01B3).wrapping_add(u64::try_from(block).unwrap_or(0)));
    let span = DAYS * UnixTime::DAY / i64::try_from(MESSAGES).unwrap_or(1);
    let mut conversations: Vec<Conversation> = Vec::new();
    for place in 0..BLOCK {
        let number = block * BLOCK + place;
        let jitter = i64::try_from(random.below(usize::try_from(span).unwrap_or(1))).unwrap_or(0);
        let age = i64::try_from(MESSAGES - number).unwrap_or(0) * span + 8 * UnixTime::DAY - jitter;
        let moment = UnixTime(now.0 - age);
        let chosen = random.below(8);
        let at = if chosen < conversations.len() {
            chosen
        } else {
            let topic = random.choose(&words.topics).replace("{}", random.choose(&words.things));
            let (subject, other) = (topic, random.choose(&words.people).to_owned());
            conversations.push(Conversation { subject, other, ids: Vec::new() });
            conversations.len() - 1
        };
        let Some(conversation) = conversations.get_mut(at) else { continue };
        let raw = message(&mut random, conversation, number, moment, words, me);
        let flags = match random.below(50) {
            0 => "",
            1 => "FS",
            2..8 => "RS",
            _ => "S",
        };
        put(&cur.join(format!("{}.B{number}.demo:2,{flags}", moment.0)), raw.as_bytes(), moment)?;
    }
    Ok(())
}

fn message(
    random: &mut Random,
    conversation: &mut Conversation,
    number: usize,
    moment: UnixTime,
    words: &Words,
    me: &str,
) -> String {
    let is_answer = !conversation.ids.is_empty();
    // Answers go to and fro; one conversation in a while was begun by the owner.
    let is_own = if is_answer { conversation.ids.len() % 2 == 1 } else { random.below(12) == 0 };
    let (from, to) = if is_own { (me, conversation.other.as_str()) } else { (conversation.other.as_str(), me) };
    let name = |person: &str| person.split([' ', '<']).next().unwrap_or_default().to_owned();
    let domain = from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
    let id = format!("b{number}.{}@{domain}", moment.0);
    let mut raw = String::with_capacity(1_400);
    let subject = format!("{}{}", if is_answer { "Re: " } else { "" }, conversation.subject);
    // Writing to a String cannot fail.
    let _ = write!(
        raw,
        "From: {}\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{id}>\r\n",
        encode::field("From", from),
        encode::field("To", to),
        encode::field("Subject", &subject),
        dates::field(moment, "+0700"),
    );
    if let Some(last) = conversation.ids.last() {
        let all = conversation.ids.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join("\r\n ");
        let _ = write!(raw, "In-Reply-To: <{last}>\r\nReferences: {all}\r\n");
    }
    raw.push_str(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    );
    let _ = write!(raw, "{}\r\n\r\n", random.choose(&words.openings).replace("{}", &name(to)));
    let mut sentences = words.sentences.clone();
    for _ in 0..2 + random.below(3) {
        let mut line = 0;
        for _ in 0..2 + random.below(3) {
            // None is said twice in one letter.
            let sentence = sentences.swap_remove(random.below(sentences.len()));
            for word in sentence.replace("{}", random.choose(&words.things)).split(' ') {
                let gap = if line == 0 {
                    ""
                } else if line + word.len() > 70 {
                    "\r\n"
                } else {
                    " "
                };
                line = if gap == " " { line + word.len() + 1 } else { word.len() };
                raw.push_str(gap);
                raw.push_str(word);
            }
        }
        raw.push_str("\r\n\r\n");
    }
    let _ = write!(raw, "{}\r\n{}\r\n", random.choose(&words.closings), name(from));
    conversation.ids.push(id);
    raw
}
