//! Owns how a number is written for people, on the screen and in the sentences of the history.

/// Writes a number with spaces between thousands: `3 214`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([grouped(7), grouped(3_214), grouped(1_000_000)], ["7", "3 214", "1 000 000"]);
    }
}
