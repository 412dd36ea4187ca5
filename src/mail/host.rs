//! Owns what can be said of a host name without asking anybody: its spelling in ASCII (RFC 3492), the site that it
//! belongs to, and whether it is made to look like another one.
//!
//! It resolves nothing, and carries no list of public suffixes: only the common shapes of them.

/// Second labels below a country's domain under which strangers register: `toko.co.id`.
const SHARED_SECOND: &[&str] = &[
    "ac", "biz", "co", "com", "desa", "edu", "go", "gob", "gov", "gouv", "info", "ltd", "mil", "my", "ne", "net",
    "nom", "or", "org", "sch", "web",
];
/// Domains whose subdomains belong to strangers.
const SHARED_HOSTING: &[&str] = &[
    "appspot.com",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "firebaseapp.com",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "pages.dev",
    "r2.dev",
    "vercel.app",
    "web.app",
    "weebly.com",
    "windows.net",
    "wixsite.com",
    "wordpress.com",
    "workers.dev",
];

/// Spells a host in lower-case ASCII: labels in other letters as punycode.
pub fn ascii(host: &str) -> String {
    if host.is_ascii() {
        return host.to_ascii_lowercase();
    }
    let host = host.to_lowercase().replace(['。', '．', '｡'], ".");
    let labels = host.split('.').map(|label| match encode(label) {
        _ if label.is_ascii() => label.to_owned(),
        Some(code) => format!("xn--{code}"),
        None => String::from("xn--"),
    });
    labels.collect::<Vec<_>>().join(".")
}

/// Spells a host in its own letters; labels that are no valid punycode stay as they are.
pub fn unicode(host: &str) -> String {
    let labels = host.split('.').map(|label| {
        let code = label.get(..4).filter(|head| head.eq_ignore_ascii_case("xn--")).and_then(|_| label.get(4..));
        code.and_then(decode).unwrap_or_else(|| label.to_lowercase())
    });
    labels.collect::<Vec<_>>().join(".")
}

/// Gives the part of a host that one party registered: `toko.co.id` of `www.toko.co.id`. Addresses are whole.
pub fn site(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    let is_number = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number || host.starts_with('[') {
        return host;
    }
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (_last, second, third) = (dots.next(), dots.next(), dots.next());
    let from = |dot: Option<usize>| dot.and_then(|at| host.get(at + 1..)).unwrap_or(host);
    let two = from(second);
    let (label, top) = two.split_once('.').unwrap_or((two, ""));
    let is_shared = (top.len() == 2 && SHARED_SECOND.contains(&label)) || SHARED_HOSTING.contains(&two);
    if is_shared { from(third) } else { two }
}

/// Says whether two hosts belong to one party, as far as names tell.
pub fn is_same_site(one: &str, other: &str) -> bool {
    let (one, other) = (ascii(one), ascii(other));
    site(&one) == site(&other)
}

/// Says whether a host is spelled to be taken for another: scripts mixed in one label, or letters of another script
/// that all look Latin.
pub fn is_look_alike(host: &str) -> bool {
    let host = unicode(&ascii(host));
    let top_is_ascii = host.rsplit('.').next().is_some_and(str::is_ascii);
    host.split('.').any(|label| {
        let scripts = scripts_of(label);
        let mixes = scripts.len() > 1 && !scripts.iter().all(|script| matches!(script, Script::East | Script::Latin));
        let poses = top_is_ascii
            && matches!(scripts.as_slice(), [Script::Cyrillic | Script::Greek])
            && label.chars().filter(|c| c.is_alphabetic()).all(|c| POSES_AS_LATIN.contains(c));
        mixes || poses
    })
}

/// Says whether the letters of some text are of scripts that no honest name mixes in one word.
pub fn mixes_scripts(word: &str) -> bool {
    let scripts = scripts_of(word);
    scripts.contains(&Script::Latin) && (scripts.contains(&Script::Cyrillic) || scripts.contains(&Script::Greek))
}

/// Cyrillic and Greek small letters that pass for Latin ones.
const POSES_AS_LATIN: &str = "авекмнорстухіїјѕһԁԛԝӏьгүαεικνορτυχωϲϳ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    /// Han, Kana, Hangul, Bopomofo: they mix with each other and with Latin in honest names.
    East,
    Other(u32),
}

fn scripts_of(text: &str) -> Vec<Script> {
    let mut scripts = Vec::new();
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        let script = match c {
            '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}' => Script::Latin,
            '\u{250}'..='\u{2ff}' => Script::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
            '\u{400}'..='\u{52f}' => Script::Cyrillic,
            '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{3ffff}' => {
                Script::East
            }
            '\u{530}'..='\u{58f}' => Script::Other(1),
            '\u{590}'..='\u{5ff}' => Script::Other(2),
            '\u{600}'..='\u{77f}' => Script::Other(3),
            // Blocks of the scripts of South and South-East Asia are 128 wide; elsewhere this is near enough.
            other => Script::Other(u32::from(other) >> 7),
        };
        if !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    scripts
}

// Punycode's parameters (RFC 3492 section 5).
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
/// A label has at most 63 octets; twice that bounds the work on hostile ones.
const MOST_LETTERS: usize = 126;

fn encode(label: &str) -> Option<String> {
    let letters: Vec<u32> = label.chars().map(u32::from).collect();
    if letters.len() > MOST_LETTERS {
        return None;
    }
    let mut code: String = label.chars().filter(char::is_ascii).collect();
    let basic = code.len() as u32;
    if basic > 0 {
        code.push('-');
    }
    let (mut n, mut delta, mut bias, mut done) = (128_u32, 0_u32, 72_u32, basic);
    while (done as usize) < letters.len() {
        let next = letters.iter().copied().filter(|&letter| letter >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for &letter in &letters {
            if letter < n {
                delta = delta.checked_add(1)?;
            }
            if letter == n {
                let (mut q, mut k) = (delta, BASE);
                loop {
                    let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
                    if q < t {
                        break;
                    }
                    code.push(digit(t + (q - t) % (BASE - t))?);
                    q = (q - t) / (BASE - t);
                    k += BASE;
                }
                code.push(digit(q)?);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n = n.checked_add(1)?;
    }
    Some(code)
}

fn decode(code: &str) -> Option<String> {
    if code.len() > MOST_LETTERS {
        return None;
    }
    let (basic, rest) = code.rsplit_once('-').unwrap_or(("", code));
    let mut letters: Vec<char> = basic.to_lowercase().chars().collect();
    let (mut n, mut i, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = rest.chars().peekable();
    while digits.peek().is_some() {
        let (before, mut weight, mut k) = (i, 1_u32, BASE);
        loop {
            let value = digits.next()?.to_digit(36).map(|value| if value < 10 { value + 26 } else { value - 10 })?;
            i = i.checked_add(value.checked_mul(weight)?)?;
            let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if value < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k += BASE;
        }
        let count = letters.len() as u32 + 1;
        bias = adapt(i - before, count, before == 0);
        n = n.checked_add(i / count)?;
        i %= count;
        letters.insert(i as usize, char::from_u32(n)?);
        i += 1;
    }
    Some(letters.into_iter().collect())
}

fn digit(value: u32) -> Option<char> {
    char::from_digit((value + 10) % 36, 36)
}

fn adapt(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_are_spelled_both_ways() {
        for (letters, code) in [
            ("münchen.de", "xn--mnchen-3ya.de"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
            ("аррӏе.com", "xn--80ak6aa92e.com"),
            ("☃.net", "xn--n3h.net"),
            ("plain.test", "plain.test"),
        ] {
            assert_eq!(ascii(letters), code);
            assert_eq!(unicode(code), letters);
        }
        assert_eq!(unicode("xn--a!!.test"), "xn--a!!.test");
    }

    #[test]
    fn the_site_is_what_one_party_registered() {
        for (host, expected) in [
            ("www.toko.test", "toko.test"),
            ("a.b.toko.co.id", "toko.co.id"),
            ("toko.co.id", "toko.co.id"),
            ("evil.github.io", "evil.github.io"),
            ("localhost", "localhost"),
            ("10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(site(host), expected);
        }
        assert!(is_same_site("WWW.Toko.test", "klik.toko.test"));
        assert!(!is_same_site("toko.test", "toko.test.evil.test"));
        assert!(!is_same_site("toko.co.id", "evil.co.id"));
    }

    #[test]
    fn hosts_that_pose_as_others_are_seen() {
        for host in ["раypal.test", "xn--80ak6aa92e.com", "аррӏе.com", "gооgle.test", "οοο.com"] {
            assert!(is_look_alike(host), "{host}");
        }
        for host in ["paypal.test", "münchen.de", "пример.рф", "почта.com", "例えbank.jp", "한국.kr", "דואר.co.il"]
        {
            assert!(!is_look_alike(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_host_survives(host in "\\PC{0,80}") {
            let code = ascii(&host);
            prop_assert!(code.is_ascii());
            is_look_alike(&host);
            site(&code);
            unicode(&host);
        }
    }
}
