//! Owns reading one section of the configuration: typed values, each mistake with its place and its remedy.
//!
//! It knows no key by itself: what is asked for is what is valid, and the rest is named with the nearest valid key.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::error::Problem;
use crate::config::nearest::nearest;
use crate::mail::safe::SafeText;

/// The text of a configuration, and the mistakes found in it so far.
pub(crate) struct Text<'a> {
    file: &'a Path,
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, text, problems: RefCell::default() }
    }

    /// Notes a mistake at a byte of the text.
    pub(crate) fn complain(&self, at: usize, what: impl Into<String>) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let what = SafeText::line(&what.into()).as_str().to_owned();
        self.problems.borrow_mut().push(Problem { file: self.file.to_owned(), line, column, what });
    }

    pub(crate) fn problem_count(&self) -> usize {
        self.problems.borrow().len()
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }
}

/// A table of the configuration, being read.
pub(crate) struct Section<'a> {
    text: &'a Text<'a>,
    /// The dotted path, empty for the whole file.
    path: String,
    /// Where it begins.
    at: usize,
    table: &'a DeTable<'a>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(text: &'a Text<'a>, path: String, at: usize, table: &'a DeTable<'a>) -> Self {
        Self { text, path, at, table, asked: Vec::new() }
    }

    /// Says that a key is valid, and gives its value.
    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table.get(key)
    }

    /// Notes a mistake at the value of a key, or at the section when the key is not there.
    pub(crate) fn complain(&self, key: &str, what: impl Into<String>) {
        let at = self.table.get(key).map_or(self.at, |value| value.span().start);
        self.text.complain(at, what);
    }

    /// Notes that a key is missing, unless one that is unknown was probably meant for it: that is said of the other.
    pub(crate) fn miss(&self, key: &'static str, example: &str) {
        if self.table.keys().any(|other| nearest(other.get_ref(), [key]).is_some()) {
            return;
        }
        self.text.complain(self.at, format!("[{}] needs {key} = {example}", self.path));
    }

    fn mismatch(&self, key: &str, span: Range<usize>, wanted: &str) {
        self.text.complain(span.start, format!("\"{key}\" must be {wanted}"));
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Says that a key is valid, whatever its value is.
    pub(crate) fn allow(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Reads text.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.mismatch(key, value.span(), "text in quotes");
        }
        text.map(str::to_owned)
    }

    /// Reads text that `check` may refuse.
    pub(crate) fn checked<T>(&mut self, key: &'static str, check: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(key)?;
        check(&text).map_err(|what| self.complain(key, format!("\"{key}\": {what}"))).ok()
    }

    /// Reads a list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let texts = value.get_ref().as_array().map(|array| {
            array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        texts.flatten().unwrap_or_else(|| {
            self.mismatch(key, value.span(), "a list of texts, as [\"one\", \"two\"]");
            Vec::new()
        })
    }

    /// Reads one of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            let mean = mean(&text, words.iter().map(|(word, _)| *word));
            self.complain(key, format!("\"{key}\" is one of {all}, not \"{text}\"{mean}"));
        }
        found
    }

    /// Reads a port.
    pub(crate) fn port(&mut self, key: &'static str) -> Option<u16> {
        let value = self.take(key)?;
        let port = integer(value.get_ref()).and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
        if port.is_none() {
            self.mismatch(key, value.span(), "a number from 1 to 65535, without quotes");
        }
        port
    }

    /// Reads text, or a whole number that is not negative.
    pub(crate) fn text_or_number(&mut self, key: &'static str, wanted: &str) -> Option<Result<String, u32>> {
        let value = self.take(key)?;
        if let Some(text) = value.get_ref().as_str() {
            return Some(Ok(text.to_owned()));
        }
        let number = integer(value.get_ref()).and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            self.mismatch(key, value.span(), wanted);
        }
        number.map(Err)
    }

    /// Reads `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        let Some(value) = self.take(key) else { return false };
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.mismatch(key, value.span(), "true or false, without quotes");
        }
        flag.unwrap_or(false)
    }

    /// Opens a table below this one.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let value = self.take(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.text, self.below(key), value.span().start, table)),
            None => {
                self.mismatch(key, value.span(), &format!("a section, [{}]", self.below(key)));
                None
            }
        }
    }

    /// Opens every table below this one, in the order of the file. The keys are the user's own words.
    pub(crate) fn sections(self) -> Vec<(String, Section<'a>)> {
        let mut found = Vec::new();
        for (key, value) in self.table {
            let path = self.below(key.get_ref());
            match value.get_ref().as_table() {
                Some(table) => {
                    let section = Section::new(self.text, path, key.span().start, table);
                    found.push((key.get_ref().to_string(), section));
                }
                None => self.text.complain(key.span().start, format!("\"{path}\" must be a section, [{path}]")),
            }
        }
        found.sort_by_key(|(_, section)| section.at);
        found
    }

    /// Gives every key and value of a section whose keys are the user's own words, in the order of the file, with the
    /// place of the key.
    pub(crate) fn entries(self) -> Vec<(String, usize, &'a DeValue<'a>)> {
        let mut found: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), key.span().start, value.get_ref()))
            .collect();
        found.sort_by_key(|(_, at, _)| *at);
        found
    }

    /// Names every key that nobody asked for.
    pub(crate) fn finish(self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let place = if self.path.is_empty() { String::new() } else { format!(" in [{}]", self.path) };
                let mean = mean(name, self.asked.iter().copied());
                self.text.complain(key.span().start, format!("unknown key \"{name}\"{place}{mean}"));
            }
        }
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// Says `, did you mean "theme"?`, or nothing.
pub(crate) fn mean<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    nearest(word, words).map(|near| format!(", did you mean \"{near}\"?")).unwrap_or_default()
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
