//! Owns the form in which the demo's letters are kept in `assets/demo`: several in a file, told apart by `@@@` lines.
//!
//! ```text
//! @@@ work/Inbox -8m unread id=offsite-9 re=offsite-8     account/folder, moment, then words:
//!         unread flagged answered forwarded draft · raw (written as it stands) · flowed · nodate
//!         id= re= (for Message-ID, References) · charset= (written in) · declare= (told instead) · tz=+0100
//! From: …                          header fields in UTF-8; `me` is the account's owner
//!                                  an empty line, then the text, and within it
//! @@quote                          quotes the letter that is answered
//! @@html                           what follows is HTML
//! @@calendar METHOD                what follows is an invitation
//! @@file NAME | TYPE               what follows is a text file
//! @@attach NAME | pdf | a; b       a PDF with lines; or png | sunset 320 240
//! @@inline CID | NAME | png | …    a picture that the HTML shows
//! @@message ID                     an earlier letter, attached whole
//! ```
//! `{{+2d@19:00 %A}}` is a moment and `\u{1b}` a character, everywhere.

/// One letter as it is kept.
#[derive(Debug, Default)]
pub struct Letter<'a> {
    /// `personal` or `work`.
    pub account: &'a str,
    /// `Inbox`, `Lists/rust-id`.
    pub folder: &'a str,
    /// When it was written, against now.
    pub moment: &'a str,
    /// The words without a `=`.
    pub words: Vec<&'a str>,
    /// The words with one.
    pub settings: Vec<(&'a str, &'a str)>,
    /// Header fields in their order; continuation lines keep their line break.
    pub fields: Vec<(&'a str, String)>,
    /// The body as it stands in the file.
    pub body: Vec<&'a str>,
}

impl<'a> Letter<'a> {
    /// Says whether a word stands in the first line.
    pub fn says(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// Gives a setting of the first line.
    pub fn setting(&self, name: &str) -> Option<&'a str> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Gives a header field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Splits the body into its sections.
    pub fn sections(&self) -> Vec<Section<'a>> {
        let mut sections = vec![Section { kind: "text", arguments: Vec::new(), lines: Vec::new() }];
        for line in &self.body {
            // `@@ -1 +1 @@` is a line of a patch.
            let directive = line.strip_prefix("@@").filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
            match directive.filter(|directive| *directive != "quote") {
                Some(directive) => {
                    let (kind, arguments) = directive.split_once(' ').unwrap_or((directive, ""));
                    let arguments = arguments.split('|').map(str::trim).collect();
                    sections.push(Section { kind, arguments, lines: Vec::new() });
                }
                None => {
                    if let Some(section) = sections.last_mut() {
                        section.lines.push(line);
                    }
                }
            }
        }
        for section in &mut sections {
            while section.lines.last().is_some_and(|line| line.is_empty()) {
                section.lines.pop();
            }
        }
        sections
    }
}

/// A part of a letter's body.
#[derive(Debug)]
pub struct Section<'a> {
    /// `text`, `html`, `attach` and so on.
    pub kind: &'a str,
    /// What stands behind the kind, split at `|`.
    pub arguments: Vec<&'a str>,
    /// The lines that follow, without empty ones at the end.
    pub lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    /// Gives an argument, empty if it is not there.
    pub fn argument(&self, number: usize) -> &'a str {
        self.arguments.get(number).copied().unwrap_or_default()
    }
}

/// Reads a file of letters.
pub fn read(file: &str) -> Vec<Letter<'_>> {
    let mut letters: Vec<Letter> = Vec::new();
    let mut in_header = false;
    for line in file.lines() {
        if let Some(first) = line.strip_prefix("@@@ ") {
            letters.push(begin(first));
            in_header = true;
            continue;
        }
        let Some(letter) = letters.last_mut() else { continue };
        in_header &= !line.starts_with("@@");
        if !in_header {
            letter.body.push(line);
        } else if line.is_empty() {
            in_header = false;
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = letter.fields.last_mut() {
                value.push_str("\r\n");
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            letter.fields.push((name, value.trim_start().to_owned()));
        }
    }
    for letter in &mut letters {
        while letter.body.last().is_some_and(|line| line.is_empty()) {
            letter.body.pop();
        }
    }
    letters
}

fn begin(first: &str) -> Letter<'_> {
    let mut words = first.split_whitespace();
    let (account, folder) = words.next().and_then(|place| place.split_once('/')).unwrap_or_default();
    let mut letter = Letter { account, folder, moment: words.next().unwrap_or_default(), ..Letter::default() };
    for word in words {
        match word.split_once('=') {
            Some(setting) => letter.settings.push(setting),
            None => letter.words.push(word),
        }
    }
    letter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_with_their_sections() {
        let file = "a comment\n@@@ work/Lists/rust -8m unread id=a\nFrom: me\nX: 1\n 2\n\nHello\n@@quote\n\n@@attach a b.pdf | pdf | x; y\n@@html\n<p>\n\n@@@ work/Inbox -1h\nFrom: you\n\n";
        let letters = read(file);
        assert_eq!(letters.len(), 2);
        let first = &letters[0];
        assert_eq!((first.account, first.folder, first.moment), ("work", "Lists/rust", "-8m"));
        assert!(first.says("unread") && first.setting("id") == Some("a"));
        assert_eq!(first.field("x"), Some("1\r\n 2"));
        let sections = first.sections();
        let kinds: Vec<_> = sections.iter().map(|section| (section.kind, section.lines.clone())).collect();
        assert_eq!(kinds, [("text", vec!["Hello", "@@quote"]), ("attach", vec![]), ("html", vec!["<p>"])]);
        assert_eq!(sections[1].arguments, ["a b.pdf", "pdf", "x; y"]);
        assert!(letters[1].body.is_empty());
    }
}
