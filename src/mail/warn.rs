//! Owns the warnings about who a message says it is from: names that claim another address, domain or brand, several
//! senders, hosts spelled to look like others.
//!
//! It judges the header alone; whether a server vouched for it is not known here. A warning that comes without need
//! teaches to overlook the next one: what lists and mailers do every day is no reason for one.

use crate::mail::address::Address;
use crate::mail::email::Header;
use crate::mail::host;
use crate::mail::link;
use crate::mail::safe::SafeText;

/// More warnings say less.
const MOST_WARNINGS: usize = 6;
/// Words that are put beside a borrowed name in a host.
const LURES: &[&str] = &[
    "account",
    "accounts",
    "alert",
    "alerts",
    "auth",
    "billing",
    "center",
    "client",
    "confirm",
    "customer",
    "help",
    "helpdesk",
    "id",
    "info",
    "invoice",
    "login",
    "mail",
    "notice",
    "notification",
    "online",
    "pay",
    "payment",
    "payments",
    "safe",
    "secure",
    "security",
    "service",
    "services",
    "signin",
    "sso",
    "support",
    "team",
    "update",
    "updates",
    "verification",
    "verify",
    "wallet",
    "web",
];
/// Those of them that honest names contain too, and then their hosts do.
const HARMLESS_LURES: &[&str] = &[
    "center", "client", "customer", "help", "id", "info", "mail", "online", "pay", "service", "services", "team", "web",
];
/// Names that are borrowed every day, whose own domains all contain them.
const BORROWED: &[&str] =
    &["paypal", "netflix", "docusign", "dropbox", "whatsapp", "instagram", "facebook", "tokopedia", "shopee"];
/// Words of a name that say nothing of whose it is.
const COMMON_WORDS: &[&str] = &["bank", "the", "of", "and", "for", "team", "from", "your", "dari", "dan"];

/// Gives what is suspicious about the sender, most telling first.
pub fn about_sender(header: &Header, own_addresses: &[String]) -> Vec<SafeText> {
    let mut warnings = Vec::new();
    match header.from.as_slice() {
        [] => warnings.push(String::from("Names no sender")),
        [_] => {}
        [first, others @ ..] if others.iter().all(|other| other.is_same_as(&first.addr)) => {}
        several => {
            let all: Vec<&str> = several.iter().take(4).map(|from| from.addr.as_str()).collect();
            warnings.push(format!("Names {} senders: {}", several.len(), all.join(", ")));
        }
    }
    let is_list = header.list_id.is_some();
    for from in &header.from {
        warnings.extend(about_address(from, is_list));
        warnings.extend(about_name(from, is_list));
    }
    if let [from] = header.from.as_slice() {
        warnings.extend(about_others(from, header, own_addresses));
    }
    warnings.dedup();
    warnings.truncate(MOST_WARNINGS);
    warnings.iter().map(|warning| SafeText::line(warning)).collect()
}

/// Gives what stands for somebody in a list: the name, or the address where there is no name or one to be warned of.
/// Raw words from outside, but hosts that pose as others are spelled out, and no address stands in front of another.
pub fn short_name(person: &Address) -> String {
    if about_name(person, false).is_none() && about_address(person, false).is_none() {
        return person.name.clone().unwrap_or_else(|| person.addr.clone());
    }
    let Some((local, domain)) = person.addr.rsplit_once('@') else { return person.addr.clone() };
    let local = if local.contains('@') { "…" } else { local };
    let domain = if host::is_look_alike(domain) { host::ascii(domain) } else { domain.to_owned() };
    format!("{local}@{domain}")
}

/// Gives what is to be said of links that name another host than they go to, the first few of them.
pub fn about_links(links: &[crate::mail::document::Link]) -> Vec<SafeText> {
    let deceptive: Vec<_> = links.iter().filter(|link| link.is_deceptive).collect();
    let mut warnings: Vec<SafeText> = deceptive
        .iter()
        .take(2)
        .map(|link| {
            let real = link::host_of(&link.target).map_or_else(|| link.target.clone(), host::ascii);
            let said = link::named_host(link.text.as_str()).unwrap_or_else(|| link.text.as_str().to_owned());
            SafeText::line(&format!("A link says \"{said}\" but goes to {real}"))
        })
        .collect();
    if deceptive.len() > 2 {
        warnings.push(SafeText::line(&format!("{} more links go elsewhere than they say", deceptive.len() - 2)));
    }
    warnings
}

fn domain(address: &Address) -> &str {
    address.addr.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Judges the address itself.
fn about_address(from: &Address, is_list: bool) -> Option<String> {
    let (local, domain) = from.addr.rsplit_once('@').unwrap_or((from.addr.as_str(), ""));
    let code = host::ascii(domain);
    // Machines write to their own people as `root`.
    if domain.is_empty() && !local.is_empty() && local.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return None;
    }
    if from.addr.is_empty() {
        return Some(String::from("Names no sender's address"));
    }
    if from.addr.contains(is_trickery) || local.is_empty() || domain.is_empty() {
        return Some(format!("The sender's address is not a proper one: \"{}\"", from.addr));
    }
    let (quoted_local, is_list_local) = (local.trim_matches('"'), is_list || local.contains('='));
    if let Some((_, said)) = quoted_local.split_once('@')
        && !is_list_local
    {
        return Some(format!("Says \"{}\" but comes from {code}", said.trim_end_matches('@')));
    }
    if host::is_look_alike(domain) {
        return Some(format!("The sender's domain \"{}\" only looks familiar: it is {code}", host::unicode(&code)));
    }
    // `bank.com.evil.test`: the domain of another one in front.
    let in_front = code.strip_suffix(host::site(&code)).unwrap_or_default().trim_end_matches('.');
    let is_borrowed = |label: &str| matches!(label, "com" | "net" | "org" | "gov");
    if in_front.rsplit('.').next().is_some_and(is_borrowed) && in_front.contains('.') {
        return Some(format!("Says \"{in_front}\" but comes from {}", host::site(&code)));
    }
    None
}

/// Judges the name beside an address.
fn about_name(from: &Address, is_list: bool) -> Option<String> {
    let name = from.name.as_deref()?;
    let domain = domain(from);
    let code = host::ascii(domain);
    // Lists put themselves between: `'ana@toko.test' via Ring <ring@lists.test>`.
    if is_list && name.contains(" via ") {
        return name.contains(is_trickery).then(|| String::from("The sender's name hides characters"));
    }
    let claims = || Some(format!("Says \"{}\" but comes from {code}", shortened(name)));
    if name.contains(is_trickery) {
        return Some(String::from("The sender's name hides characters"));
    }
    if name.split_whitespace().any(host::mixes_scripts) {
        return Some(format!("The name \"{}\" mixes letters of several alphabets", shortened(name)));
    }
    let words = || {
        name.split(|c: char| c.is_whitespace() || "<>()[]\"'“”,;|＜＞＠".contains(c)).filter(|word| !word.is_empty())
    };
    if let Some(said) = words().find(|word| word.contains('@') && word.len() > 2) {
        let is_own =
            from.is_same_as(said.trim_matches('.')) || !said.rsplit('@').next().is_some_and(|d| d.contains('.'));
        return if is_own { None } else { claims() };
    }
    if name.contains('＠') || name.contains('﹫') {
        return claims();
    }
    let mut named = words().filter(|word| !is_title(word)).filter_map(link::named_host);
    let named = named.find(|named| !host::is_same_site(named, domain));
    if named.is_some_and(|named| !is_brand_of(&named, domain)) {
        return claims();
    }
    borrows_name(&in_plain_letters(name), &code).then(claims).flatten()
}

/// Spells Latin letters that are drawn otherwise (wide, bold, in script) as what they are.
fn in_plain_letters(name: &str) -> String {
    let plain = |c: char| match c {
        '\u{ff21}'..='\u{ff5a}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        // Alphabets of 52 letters, one style after the other.
        '\u{1d400}'..='\u{1d6a3}' => {
            let letter = (u32::from(c) - 0x1d400) % 52;
            char::from_u32(if letter < 26 { 0x41 + letter } else { 0x61 + letter - 26 }).unwrap_or(c)
        }
        _ => c,
    };
    name.chars().map(plain).collect()
}

/// Says whether a word with dots is a title or an abbreviation rather than a host: `M.Sc`, `Drs.Ana`.
fn is_title(word: &str) -> bool {
    let (first, last) = (word.split('.').next().unwrap_or_default(), word.rsplit('.').next().unwrap_or_default());
    let is_capitalised = last.contains(char::is_uppercase) && word.contains(char::is_lowercase);
    first.chars().count() < 2 || is_capitalised
}

/// Says whether a host and a domain are told apart by their endings only: `Amazon.de` from `amazon.com`.
fn is_brand_of(named: &str, domain: &str) -> bool {
    let (named, domain) = (host::ascii(named), host::ascii(domain));
    let label = |host: &str| host::site(host).split('.').next().unwrap_or_default().to_owned();
    let brand = label(&named);
    brand.len() >= 3 && label(&domain).starts_with(&brand) && !label(&domain).contains('-')
}

/// Says whether a name is that of a bank or a brand, and the host is dressed up with it, or has nothing of it.
fn borrows_name(name: &str, code: &str) -> bool {
    let site = host::site(code);
    let label = site.split('.').next().unwrap_or_default();
    let words: Vec<String> =
        name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).filter(|w| !w.is_empty()).collect();
    let telling: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| word.len() >= 3 && !COMMON_WORDS.contains(word)).collect();
    let dense: String = label.chars().filter(|c| c.is_alphanumeric()).collect();
    let parts: Vec<&str> = label.split(['-', '_']).collect();
    // `mandala-secure.test` for "Bank Mandala".
    let is_dressed_up = parts.len() > 1
        && parts
            .iter()
            .any(|part| LURES.contains(part) && !(HARMLESS_LURES.contains(part) && words.iter().any(|w| w == part)))
        && parts.iter().any(|part| part.len() >= 4 && telling.contains(part) && !LURES.contains(part));
    // `paypa1.test` for "PayPal", `rnandala.test` for "Mandala".
    let straight =
        dense.replace('0', "o").replace(['1', 'l'], "i").replace('5', "s").replace("rn", "m").replace("vv", "w");
    let bend = |word: &str| word.replace('l', "i");
    let is_respelled =
        telling.iter().any(|word| word.len() >= 5 && !dense.contains(word) && straight.contains(&bend(word)));
    let initials: String = words.iter().filter_map(|word| word.chars().next()).collect();
    let has_something_of = |dense: &str| {
        telling.iter().any(|word| dense.contains(word)) || (initials.len() >= 2 && dense.starts_with(&initials))
    };
    let is_bank = words.iter().any(|word| word == "bank") && !telling.is_empty() && words.len() <= 5;
    let is_other_bank = is_bank && !has_something_of(&dense) && !has_something_of(&code.replace(['.', '-'], ""));
    let is_other_brand =
        words.first().is_some_and(|word| BORROWED.contains(&word.as_str()) && !dense.contains(word.as_str()));
    is_dressed_up || is_respelled || is_other_bank || is_other_brand
}

/// Judges `Reply-To` and `Sender` beside `From`.
fn about_others(from: &Address, header: &Header, own_addresses: &[String]) -> Vec<String> {
    let own_domain = domain(from);
    let mut warnings = Vec::new();
    let is_elsewhere = |address: &Address| {
        let other = domain(address);
        !other.is_empty() && !own_domain.is_empty() && !host::is_same_site(other, own_domain)
    };
    if header.list_id.is_some() {
        return warnings;
    }
    let is_known = |address: &Address| own_addresses.iter().any(|own| address.is_same_as(own));
    let is_recipient = |address: &Address| header.to.iter().chain(&header.cc).any(|to| address.is_same_as(&to.addr));
    let all_elsewhere = !header.reply_to.is_empty()
        && header.reply_to.iter().all(|to| is_elsewhere(to) && !is_known(to) && !is_recipient(to));
    if let Some(to) = header.reply_to.first().filter(|_| all_elsewhere) {
        warnings.push(format!("Answers go to {}, not to {}", to.addr, host::ascii(own_domain)));
    }
    if let Some(sender) =
        header.sender.as_ref().filter(|sender| is_elsewhere(sender) && !is_known(sender) && !is_list_keeper(sender))
    {
        warnings.push(format!("Sent by {} on behalf of {}", sender.addr, host::ascii(own_domain)));
    }
    warnings
}

/// Says whether an address is that of a mailing list's program: `owner-ring@`, `ring-bounces@`.
fn is_list_keeper(sender: &Address) -> bool {
    let local = sender.addr.split('@').next().unwrap_or_default().to_ascii_lowercase();
    local.starts_with("owner-")
        || ["bounce", "bounces", "owner", "request", "admin"].iter().any(|end| {
            local.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with(['-', '+', '.', '_']))
        })
}

/// Characters that have no business in a name or an address but to deceive.
fn is_trickery(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}'
            | '\u{feff}' | '\u{ad}' | '\u{34f}' | '\u{e0000}'..='\u{e007f}' | '\u{fffd}' | '\u{3164}' | '\u{115f}')
}

fn shortened(name: &str) -> String {
    crate::mail::wrap::cut(name.trim(), 48)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    fn warnings(name: &str, addr: &str) -> Vec<String> {
        let header =
            Header { from: vec![Address { name: Some(name.to_owned()), addr: addr.to_owned() }], ..Header::default() };
        about_sender(&header, &[]).iter().map(SafeText::to_string).collect()
    }

    #[test]
    fn a_name_that_claims_another_place_is_named_with_where_it_comes_from() {
        assert_eq!(
            warnings("Bank Mandala", "info@mandala-secure.test"),
            ["Says \"Bank Mandala\" but comes from mandala-secure.test"]
        );
        assert_eq!(warnings("boss@bank.test", "x@evil.test"), ["Says \"boss@bank.test\" but comes from evil.test"]);
    }

    #[test]
    fn spoofed_senders_are_warned_of() {
        for (name, addr) in [
            ("boss@bank.test", "x@evil.test"),
            ("The Boss <boss@bank.test>", "x@evil.test"),
            ("\"boss@bank.test\"", "x@evil.test"),
            ("boss＠bank.test", "x@evil.test"),
            ("paypal.com", "x@evil.test"),
            ("Support www.paypal.com", "x@evil.test"),
            ("https://bank.test", "x@evil.test"),
            ("PayPal", "service@evil.test"),
            ("PayPal Security", "service@paypal-secure.test"),
            ("PayPal", "service@paypa1.test"),
            ("ＰａｙＰａｌ", "x@evil.test"),
            ("𝗣𝗮𝘆𝗣𝗮𝗹", "x@evil.test"),
            ("Mandala", "x@rnandala.test"),
            ("Netflix", "x@netf1ix.test"),
            ("Bank Mandala", "x@gmail.test"),
            ("Mandala Bank Support", "x@cheap-host.test"),
            ("Раypal", "x@evil.test"),
            ("Ana", "x@раypal.test"),
            ("Ana", "x@xn--80ak6aa92e.com"),
            ("Ana\0", "x@evil.test"),
            ("Ana\n", "x@evil.test"),
            ("Ana\u{202e}tset", "x@evil.test"),
            ("A\u{200b}na", "x@evil.test"),
            ("Ana", "boss@bank.test\0@evil.test"),
            ("Ana", "boss@bank.test\u{fffd}@evil.test"),
            ("Ana", "\"boss@bank.test\"@evil.test"),
            ("Ana", "boss@bank.test@evil.test"),
            ("Ana", "x@bank.com.evil.test"),
            ("Ana", "no address at all"),
            ("Ana", ""),
            ("Ana", "@evil.test"),
        ] {
            assert!(!warnings(name, addr).is_empty(), "{name:?} <{addr}>");
        }
    }

    #[test]
    fn honest_senders_are_not() {
        for (name, addr) in [
            ("Ana Pertiwi", "ana@toko.test"),
            ("ana@toko.test", "Ana@Toko.test"),
            ("Bank Mandala", "info@mail.bankmandala.test"),
            ("Bank Mandala", "info@mandala.test"),
            ("Bank Central Asia", "info@bca.co.id"),
            ("Deutsche Bank", "news@db.test"),
            ("PayPal", "service@intl.paypal.com"),
            ("Booking.com", "noreply@mail.booking.com"),
            ("Amazon.de", "x@amazon.com"),
            ("Node.js Weekly", "x@cooper.test"),
            ("田中 花子", "hanako@toko.test"),
            ("Toko Online 24", "x@toko-online.test"),
            ("Иван Петров", "ivan@yandex.test"),
            ("نوه‌ها", "x@toko.test"),
            ("Ana via Ring", "ring@lists.test"),
            ("Ana 👩‍💻", "ana@toko.test"),
            ("Jonas @ work", "jonas@toko.test"),
            ("GitForge", "notifications@gitforge.test"),
            ("Dr. Siti Rahma, M.Sc.", "siti@kampus.ac.id"),
        ] {
            assert_eq!(warnings(name, addr), Vec::<String>::new(), "{name:?} <{addr}>");
        }
    }

    #[test]
    fn a_list_shows_the_address_where_the_name_deceives() {
        let short = |name: &str, addr: &str| short_name(&Address::new(Some(name), addr));
        assert_eq!(short("Budi Santoso", "budi@toko.test"), "Budi Santoso");
        assert_eq!(short("", "budi@toko.test"), "budi@toko.test");
        assert_eq!(short("boss@bank.test", "x@evil.test"), "x@evil.test");
        assert_eq!(short("Ana", "x@раypal.test"), "x@xn--ypal-43d9g.test");
        assert_eq!(short("", "boss@bank.test@evil.test"), "…@evil.test");
    }

    #[test]
    fn being_a_list_excuses_nothing_but_what_lists_do() {
        let said = |name: &str| {
            let from = vec![Address::new(Some(name), "x@evil.test")];
            let list_id = Some(String::from("ring.evil.test"));
            about_sender(&Header { from, list_id, ..Header::default() }, &[]).len()
        };
        assert_eq!(
            [said("boss@bank.test"), said("PayPal"), said("'ana@toko.test' via Ring"), said("Ana")],
            [1, 1, 0, 0]
        );
        assert_eq!(warnings("boss@bank.test via Ring", "x@evil.test").len(), 1);
    }

    #[test]
    fn several_senders_other_senders_and_other_answers_are_told() {
        let from = |addr: &str| Address::new(None, addr);
        let mut header = Header { from: vec![from("a@toko.test"), from("b@bank.test")], ..Header::default() };
        let said =
            |header: &Header| -> Vec<String> { about_sender(header, &[]).iter().map(SafeText::to_string).collect() };
        assert_eq!(said(&header), ["Names 2 senders: a@toko.test, b@bank.test"]);
        header.from.pop();
        header.reply_to = vec![from("x@evil.test")];
        header.sender = Some(from("m@mailer.test"));
        assert_eq!(
            said(&header),
            ["Answers go to x@evil.test, not to toko.test", "Sent by m@mailer.test on behalf of toko.test"]
        );
        header.reply_to.push(from("help@toko.test"));
        header.sender = Some(from("bounce@mail.toko.test"));
        assert!(said(&header).is_empty());
        header.reply_to = vec![from("ring@lists.test")];
        header.list_id = Some(String::from("ring.lists.test"));
        assert!(said(&header).is_empty());
        header.list_id = None;
        header.to = header.reply_to.clone();
        header.sender = Some(from("ring-bounces@lists.test"));
        assert!(said(&header).is_empty());
    }
}
