//! Owns nothing for long: the smallest reading of header fields and folder names until `mail` has its own.

use crate::mail::address::Address;
use crate::mail::email::Header;
use crate::mail::mailbox::Role;

/// Reads the plainest header fields.
pub fn header(bytes: &[u8]) -> Header {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace("\n ", " ");
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    Header { from: vec![Address::new(None, &field("From:"))], subject: field("Subject:"), ..Header::default() }
}

/// Knows the English names.
pub fn role_of_name(name: &str) -> Option<Role> {
    Role::from_word(&name.to_lowercase())
}
