//! Owns the mail address with its display name (RFC 5322 section 3.4).

/// One mailbox of an address field. Raw text from outside: wrap it in `SafeText` before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Address {
    /// The display name, decoded, if one was given.
    pub name: Option<String>,
    /// The addr-spec, `local@domain`; empty for the end of a group without members.
    pub addr: String,
}

impl Address {
    /// Builds an address; an empty name is none.
    pub fn new(name: Option<&str>, addr: &str) -> Self {
        let name = name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        Self { name, addr: addr.trim().to_owned() }
    }

    /// Says whether both name the same mailbox (case does not count).
    pub fn is_same_as(&self, addr: &str) -> bool {
        self.addr.eq_ignore_ascii_case(addr)
    }
}
