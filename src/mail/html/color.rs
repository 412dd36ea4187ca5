//! Owns the colours of CSS, as far as mail uses them, and the question whether two can be told apart.

/// Colours nearer than this in every channel cannot be told apart.
const SAME_COLOR: u8 = 14;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Says whether two colours look the same to the eye.
pub fn is_same_color(one: Rgb, other: Rgb) -> bool {
    let near = |a: u8, b: u8| a.abs_diff(b) <= SAME_COLOR;
    near(one.0, other.0) && near(one.1, other.1) && near(one.2, other.2)
}

/// Reads a colour: `None` is none that is known, `Some(None)` is transparent.
pub fn color(value: &str) -> Option<Option<Rgb>> {
    let value = value.trim().to_ascii_lowercase();
    if let Some(hex) = value.strip_prefix('#') {
        return hex_color(hex).map(Some);
    }
    if let Some(parts) = value.strip_prefix("rgba(").or_else(|| value.strip_prefix("rgb(")) {
        let parts = parts.split(')').next().unwrap_or_default().split([',', ' ', '/']).filter(|part| !part.is_empty());
        let parts: Vec<f32> = parts.filter_map(|part| part.trim_end_matches('%').parse().ok()).collect();
        let [red, green, blue, alpha @ ..] = parts.as_slice() else { return None };
        if alpha.first().is_some_and(|alpha| *alpha < 0.05) {
            return Some(None);
        }
        return Some(Some(Rgb(*red as u8, *green as u8, *blue as u8)));
    }
    NAMED.iter().find(|(name, _)| *name == value).map(|(_, color)| *color).or_else(|| {
        let is_bare_hex = value.len() == 6 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_bare_hex.then(|| hex_color(&value)).flatten().map(Some)
    })
}

/// Finds the colour among the words of a `background`.
pub fn color_in(value: &str) -> Option<Option<Rgb>> {
    color(value).or_else(|| value.split_whitespace().find_map(color))
}

fn hex_color(hex: &str) -> Option<Rgb> {
    let digits: Vec<u8> = hex.chars().map_while(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    match digits.as_slice() {
        [r, g, b] | [r, g, b, _] => Some(Rgb(r * 17, g * 17, b * 17)),
        [r1, r0, g1, g0, b1, b0, ..] => Some(Rgb(r1 * 16 + r0, g1 * 16 + g0, b1 * 16 + b0)),
        _ => None,
    }
}

const NAMED: &[(&str, Option<Rgb>)] = &[
    ("transparent", None),
    ("white", Some(Rgb(255, 255, 255))),
    ("black", Some(Rgb(0, 0, 0))),
    ("snow", Some(Rgb(255, 250, 250))),
    ("ivory", Some(Rgb(255, 255, 240))),
    ("whitesmoke", Some(Rgb(245, 245, 245))),
    ("ghostwhite", Some(Rgb(248, 248, 255))),
    ("silver", Some(Rgb(192, 192, 192))),
    ("lightgray", Some(Rgb(211, 211, 211))),
    ("lightgrey", Some(Rgb(211, 211, 211))),
    ("gray", Some(Rgb(128, 128, 128))),
    ("grey", Some(Rgb(128, 128, 128))),
    ("darkgray", Some(Rgb(169, 169, 169))),
    ("red", Some(Rgb(255, 0, 0))),
    ("maroon", Some(Rgb(128, 0, 0))),
    ("yellow", Some(Rgb(255, 255, 0))),
    ("olive", Some(Rgb(128, 128, 0))),
    ("lime", Some(Rgb(0, 255, 0))),
    ("green", Some(Rgb(0, 128, 0))),
    ("aqua", Some(Rgb(0, 255, 255))),
    ("cyan", Some(Rgb(0, 255, 255))),
    ("teal", Some(Rgb(0, 128, 128))),
    ("blue", Some(Rgb(0, 0, 255))),
    ("navy", Some(Rgb(0, 0, 128))),
    ("fuchsia", Some(Rgb(255, 0, 255))),
    ("magenta", Some(Rgb(255, 0, 255))),
    ("purple", Some(Rgb(128, 0, 128))),
    ("orange", Some(Rgb(255, 165, 0))),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
    use super::*;

    #[test]
    fn colors_are_read_in_every_spelling() {
        let red = Some(Some(Rgb(255, 0, 0)));
        for value in ["#f00", "#FF0000", "rgb(255, 0, 0)", "rgba(255 0 0 / 1)", "red", "ff0000"] {
            assert_eq!(color(value), red, "{value}");
        }
        assert_eq!(color("rgba(0,0,0,0)"), Some(None));
        assert_eq!(color("var(--x)"), None);
        assert!(is_same_color(Rgb(255, 255, 255), Rgb(254, 250, 255)) && !is_same_color(Rgb(0, 0, 0), Rgb(60, 0, 0)));
    }
}
