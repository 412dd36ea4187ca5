//! Owns links: finding them in plain text, numbering them, telling where they really go.
//!
//! It opens nothing; whether a target may be opened at all is said by [`can_open`].

use std::collections::HashMap;
use std::ops::Range;

use crate::mail::document::Link;
use crate::mail::host;
use crate::mail::safe::SafeText;

/// A message can name a million targets; beyond this many nobody counts, and the text stays without a number.
const MOST_LINKS: usize = 2_000;
/// Longer targets are data or nonsense.
const LONGEST_TARGET: usize = 8_192;
/// Endings of file names that look like a host's: not taken for one unless a scheme, `www.` or a path says so.
const FILE_ENDINGS: &[&str] = &[
    "bat", "c", "cc", "cfg", "conf", "cpp", "cs", "css", "csv", "doc", "docx", "eml", "exe", "gif", "go", "gz", "h",
    "htm", "html", "ics", "ini", "java", "jpeg", "jpg", "js", "json", "log", "md", "mov", "mp", "odt", "pdf", "php",
    "pl", "png", "ppt", "pptx", "ps", "py", "rar", "rb", "rs", "rtf", "sh", "sql", "svg", "tar", "tex", "toml", "ts",
    "tsx", "txt", "vue", "xls", "xlsx", "xml", "yaml", "yml", "zip", "zst",
];

/// The links of a message while it is rendered: each distinct target has one number.
#[derive(Debug, Default)]
pub struct Links {
    list: Vec<Link>,
    numbers: HashMap<String, usize>,
}

impl Links {
    /// Gives the number of a target, from 1 on; the first text that names it stays with it. None when there are too many.
    pub fn number(&mut self, text: &str, target: &str) -> Option<usize> {
        let target = clean(target);
        if target.is_empty() || target.len() > LONGEST_TARGET {
            return None;
        }
        let is_deceptive = is_deceptive(text, &target);
        if let Some(&number) = self.numbers.get(&target) {
            if is_deceptive && let Some(link) = self.list.get_mut(number - 1).filter(|link| !link.is_deceptive) {
                (link.text, link.is_deceptive) = (SafeText::line(text), true);
            }
            return Some(number);
        }
        if self.list.len() >= MOST_LINKS {
            return None;
        }
        let (shown, can_open) = (shown(&target), can_open(&target));
        self.list.push(Link {
            text: SafeText::line(text.trim()),
            target: target.clone(),
            shown,
            can_open,
            is_deceptive,
        });
        self.numbers.insert(target, self.list.len());
        Some(self.list.len())
    }

    /// Gives the links in the order of their numbers.
    pub fn into_list(self) -> Vec<Link> {
        self.list
    }
}

/// Spells a target as a browser would read it: without the breaks and blanks that hide what it is.
pub fn clean(target: &str) -> String {
    let kept = target.trim_matches(|c: char| c.is_whitespace() || c.is_control()).chars();
    let kept: String = kept.filter(|c| !c.is_control()).collect();
    let kept = kept.replace(' ', "%20");
    if kept.starts_with("//") { format!("https:{kept}") } else { kept }
}

/// Says whether a target may be handed to a program: http and https with a host, and mailto.
pub fn can_open(target: &str) -> bool {
    match scheme(target) {
        Some("http" | "https") => host_of(target).is_some(),
        Some("mailto") => target.len() > "mailto:".len(),
        _ => false,
    }
}

/// Gives the host that a browser would go to: what stands after the last `@` of the authority.
pub fn host_of(target: &str) -> Option<&str> {
    let (at, end) = authority(target)?;
    let authority = target.get(at..end)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if host.starts_with('[') {
        host.split_inclusive(']').next().unwrap_or(host)
    } else {
        host.split(':').next().unwrap_or(host)
    };
    Some(host.trim_end_matches('.')).filter(|host| !host.is_empty())
}

/// Spells a target for the eye: whole, harmless, a host in foreign letters as punycode.
pub fn shown(target: &str) -> SafeText {
    let Some(host) = host_of(target).filter(|host| !host.is_ascii()) else { return SafeText::line(target) };
    SafeText::line(&target.replacen(host, &host::ascii(host), 1))
}

/// Says whether the text of a link names another host than the target goes to, or the target hides its host behind a
/// user name (`https://bank.test@evil.test`).
pub fn is_deceptive(text: &str, target: &str) -> bool {
    let Some(real) = host_of(target) else {
        let named = text.trim().split_once('@').filter(|_| scheme(target) == Some("mailto"));
        return named.is_some_and(|(_, domain)| {
            is_host(domain) && !target.to_ascii_lowercase().contains(&domain.to_ascii_lowercase())
        });
    };
    let hides = authority(target).and_then(|(at, end)| target.get(at..end)).is_some_and(|a| a.contains('@'));
    hides || named_host(text).is_some_and(|named| !host::is_same_site(&named, real))
}

/// Gives the host that the text of a link claims to lead to, if it claims one.
pub fn named_host(text: &str) -> Option<String> {
    let text = text.trim();
    let is_one_word = !text.contains(char::is_whitespace);
    let mut words = text.split(|c: char| c.is_whitespace() || "<>()\"“”«»".contains(c)).filter(|word| !word.is_empty());
    words.find_map(|word| {
        let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        if matches!(scheme(word), Some("http" | "https")) {
            return host_of(word).map(str::to_owned);
        }
        let (host, path) = word.find(['/', '?', '#', ':']).map_or((word, ""), |at| word.split_at(at));
        let is_www = host.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www."));
        let claims = is_www || !path.is_empty() || (is_one_word && !has_file_ending(host));
        (claims && is_host(host)).then(|| host.to_owned())
    })
}

/// Finds the links of plain text: where each stands, and where it goes.
pub fn find(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    for (start, word) in words(text) {
        let Some(at) = beginning(word) else { continue };
        let link = word.get(at..).unwrap_or_default();
        let link = trim_end(link);
        let bare = link.find(['/', '?', '#', ':']).map_or(link, |end| link.get(..end).unwrap_or(link));
        let target = match scheme(link) {
            Some("http" | "https" | "mailto") => link.to_owned(),
            _ if is_host(bare) => format!("https://{link}"),
            _ => continue,
        };
        if can_open(&target) {
            found.push((start + at..start + at + link.len(), target));
        }
    }
    found
}

/// Cuts text at what no link contains.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"“”«»`、。，「」（）\u{a0}".contains(c);
    text.split(ends).map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Finds where in a word a link begins: at a scheme, at `www.`, or at a bare host with a path.
fn beginning(word: &str) -> Option<usize> {
    // Nothing shorter is a link, and most words end here.
    if word.len() < 7 || !word.contains([':', '.']) {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let begins = |at: usize| !word.get(..at).is_some_and(|head| head.ends_with(|c: char| c.is_ascii_alphanumeric()));
    let schemes = ["https://", "http://", "mailto:", "www."].iter().filter_map(|scheme| lower.find(scheme));
    if let Some(at) = schemes.filter(|&at| begins(at)).min() {
        return Some(at);
    }
    let at = word.find(|c: char| c.is_alphanumeric())?;
    let (bare, path) = word.get(at..)?.split_once('/')?;
    (path.len() > 1 && at <= 2 && is_host(bare) && !has_file_ending(bare)).then_some(at)
}

/// Takes off the punctuation of the sentence round a link; a closing bracket stays if the link opens one.
fn trim_end(link: &str) -> &str {
    let mut link = link;
    let (mut opened, mut closed) = (link.matches('(').count(), link.matches(')').count());
    while let Some(last) = link.chars().next_back() {
        match last {
            ')' if closed <= opened => break,
            ')' => closed -= 1,
            '(' => opened = opened.saturating_sub(1),
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '’' | ']' | '}' | '*' | '_' | '|' | '…' => {}
            _ => break,
        }
        link = link.get(..link.len() - last.len_utf8()).unwrap_or_default();
    }
    link
}

/// Gives the scheme of a target in lower case, if it is one that is known here.
fn scheme(target: &str) -> Option<&'static str> {
    let (scheme, _) = target.split_once(':')?;
    ["http", "https", "mailto"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))
}

/// Finds the authority of an http or https target; browsers take a backslash for a slash.
fn authority(target: &str) -> Option<(usize, usize)> {
    let at = match scheme(target)? {
        "mailto" => return None,
        scheme => scheme.len() + 1,
    };
    let rest = target.get(at..)?;
    let at = at + rest.len() - rest.trim_start_matches(['/', '\\']).len();
    let length = target.get(at..)?.find(['/', '\\', '?', '#']).unwrap_or(target.len() - at);
    Some((at, at + length))
}

/// Says whether text has the form of a host name: labels, and a last one of letters only.
fn is_host(text: &str) -> bool {
    let Some((_, top)) = text.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    text.len() <= 253
        && text.split('.').all(is_label)
        && top.chars().count() >= 2
        && (top.chars().all(char::is_alphabetic) || top.starts_with("xn--"))
}

fn has_file_ending(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|top| FILE_ENDINGS.iter().any(|ending| ending.eq_ignore_ascii_case(top)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_are_found_in_text_without_its_punctuation() {
        for (text, expected) in [
            ("see https://toko.test/a.", &["https://toko.test/a"] as &[&str]),
            ("(https://toko.test/a_(b))", &["https://toko.test/a_(b)"]),
            ("<https://toko.test/?q=1&r=2>", &["https://toko.test/?q=1&r=2"]),
            ("[map](http://toko.test/x), more", &["http://toko.test/x"]),
            ("WWW.toko.test!", &["https://WWW.toko.test"]),
            ("Map: maps.example.test/bandung", &["https://maps.example.test/bandung"]),
            ("mailto:ana@toko.test and http://a.test", &["mailto:ana@toko.test", "http://a.test"]),
            ("见https://toko.test/路。谢谢", &["https://toko.test/路"]),
            ("https://münchen.test/", &["https://münchen.test/"]),
            ("src/mail.rs and/or lib.rs/x Node.js 1.2/3 e.g. ana@toko.test javascript:x file:///etc", &[]),
            ("http:// https://", &[]),
        ] {
            let found: Vec<String> = find(text).into_iter().map(|(_, target)| target).collect();
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(find("see www.toko.test.").first().unwrap().0, 4..17);
    }

    #[test]
    fn the_host_is_where_a_browser_goes() {
        for (target, host) in [
            ("https://toko.test/a", Some("toko.test")),
            ("HTTPS://user:pw@toko.test:8443?x", Some("toko.test")),
            ("https://bank.test@evil.test/", Some("evil.test")),
            (r"https://evil.test\@bank.test/", Some("evil.test")),
            ("https:evil.test", Some("evil.test")),
            ("https:////evil.test/x", Some("evil.test")),
            ("http://[::1]:80/", Some("[::1]")),
            ("mailto:ana@toko.test", None),
            ("https://", None),
        ] {
            assert_eq!(host_of(target), host, "{target}");
        }
    }

    #[test]
    fn only_web_and_mail_can_be_opened() {
        for target in ["http://a.test", "https://a.test/x", "MAILTO:a@a.test"] {
            assert!(can_open(target), "{target}");
        }
        for target in
            ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "-x", "", "https://", "smb://a/b"]
        {
            assert!(!can_open(target), "{target}");
        }
        assert_eq!(clean("java\nscript:alert(1)\u{1b}"), "javascript:alert(1)");
        assert_eq!(clean(" //toko.test/a b "), "https://toko.test/a%20b");
    }

    #[test]
    fn text_that_names_another_host_is_deceptive() {
        for (text, target) in [
            ("bank.test", "https://evil.test/"),
            ("https://bank.test/login", "https://bank.test.evil.test/login"),
            ("Sign in at www.bank.test now", "https://evil.test/"),
            ("Sign in", "https://bank.test@evil.test/"),
            ("ana@bank.test", "mailto:ana@evil.test"),
            ("bank.test", "https://bаnk.test/"),
        ] {
            assert!(is_deceptive(text, target), "{text} → {target}");
        }
        for (text, target) in [
            ("Sign in", "https://evil.test/"),
            ("bank.test", "https://www.bank.test/a"),
            ("www.bank.test", "http://klik.bank.test/?u=1"),
            ("Node.js", "https://nodejs.test/"),
            ("README.md", "https://forge.test/a"),
            ("see e.g. version 1.2", "https://forge.test/a"),
            ("münchen.test", "https://xn--mnchen-3ya.test/"),
            ("ana@bank.test", "mailto:Ana@Bank.test?subject=x"),
        ] {
            assert!(!is_deceptive(text, target), "{text} → {target}");
        }
    }

    #[test]
    fn each_target_has_one_number() {
        let mut links = Links::default();
        assert_eq!(links.number("a", "https://a.test/"), Some(1));
        assert_eq!(links.number("b", "https://b.test/"), Some(2));
        assert_eq!(links.number("again", " https://a.test/\n"), Some(1));
        assert_eq!(links.number("bank.test", "https://b.test/"), Some(2));
        let links = links.into_list();
        assert!(!links[0].is_deceptive && links[1].is_deceptive);
        assert_eq!(shown("https://bаnk.test/п").as_str(), "https://xn--bnk-6cd.test/п");
    }

    proptest! {
        #[test]
        fn any_text_is_searched(text in "\\PC{0,120}", target in "\\PC{0,60}") {
            for (range, target) in find(&text) {
                prop_assert!(text.get(range).is_some());
                prop_assert!(can_open(&target));
            }
            is_deceptive(&text, &target);
            shown(&target);
        }
    }
}
