//! Owns the demo's attachments that are not text: small but true PNG and PDF files, painted and set from a few words.
//!
//! It knows nothing of mail.

use std::fmt::Write as _;

use crate::backend::maildir::demo::random::Random;

/// Bytes in one stored block of deflate (RFC 1951 section 3.2.4).
const STORED_BLOCK: usize = 65_535;
/// Colours of the sky, and as many of the ground; the sun's comes after both.
const STEPS: usize = 64;

/// A colour: red, green, blue.
type Colour = [u8; 3];

/// What a painting shows.
struct Scene {
    /// The sky at the top and at the horizon.
    sky: (Colour, Colour),
    /// The ground, far and near.
    ground: (Colour, Colour),
    /// The sun, if it is up.
    sun: Option<Colour>,
    /// How high the hills rise, in hundredths of the picture.
    hills: usize,
}

/// Paints `sunset 320 240` and the like as a PNG.
pub fn png(words: &str, random: &mut Random) -> Option<Vec<u8>> {
    let mut words = words.split_whitespace();
    let scene = match words.next()? {
        "sunset" => Scene {
            sky: ([38, 40, 92], [250, 150, 84]),
            ground: ([112, 58, 82], [24, 16, 34]),
            sun: Some([255, 224, 150]),
            hills: 34,
        },
        "sea" => Scene {
            sky: ([88, 160, 226], [214, 236, 248]),
            ground: ([36, 130, 160], [18, 70, 110]),
            sun: Some([255, 250, 214]),
            hills: 2,
        },
        "terraces" => Scene {
            sky: ([150, 196, 222], [236, 240, 220]),
            ground: ([146, 186, 92], [40, 96, 44]),
            sun: None,
            hills: 48,
        },
        "snow" => Scene {
            sky: ([120, 140, 170], [226, 232, 240]),
            ground: ([244, 248, 252], [180, 196, 214]),
            sun: None,
            hills: 60,
        },
        _ => return None,
    };
    let width: usize = words.next()?.parse().ok()?;
    let height: usize = words.next()?.parse().ok()?;
    Some(paint(&scene, width, height, random))
}

/// Sets lines of text on a page of A4 as a PDF: the first one large.
pub fn pdf<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut page = String::from("BT /F1 20 Tf 60 770 Td ");
    for (number, line) in lines.into_iter().enumerate() {
        let safe: String = line
            .chars()
            .map(|letter| if letter.is_ascii() { letter } else { '-' })
            .flat_map(|letter| matches!(letter, '(' | ')' | '\\').then_some('\\').into_iter().chain([letter]))
            .collect();
        let lead = if number == 0 { "0 -34 Td /F1 11 Tf" } else { "0 -17 Td" };
        let _ = writeln!(page, "({safe}) Tj {lead}"); // writing to a String cannot fail
    }
    page.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>"
            .to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{page}\nendstream", page.len()),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let start = file.len();
    let _ = write!(file, "xref\n0 6\n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    file.into_bytes()
}

fn paint(scene: &Scene, width: usize, height: usize, random: &mut Random) -> Vec<u8> {
    let horizon = height * 55 / 100;
    let (sun_x, sun_y, sun_size) = (width * (30 + random.below(40)) / 100, horizon * 3 / 4, height / 12 + 1);
    let tallest = height * scene.hills / 100;
    let ridge = ridge(width, tallest, random);
    let far = horizon.saturating_sub(tallest);
    let mut palette: Vec<u8> = Vec::new();
    for (from, to) in [scene.sky, scene.ground] {
        (0..STEPS).for_each(|step| palette.extend(mix(from, to, step)));
    }
    palette.extend(scene.sun.unwrap_or_default());
    let mut rows = Vec::with_capacity((width + 1) * height);
    for y in 0..height {
        rows.push(0); // no filter
        for (x, rise) in ridge.iter().enumerate() {
            let top = horizon.saturating_sub(*rise);
            let from_sun = x.abs_diff(sun_x).pow(2) + y.abs_diff(sun_y).pow(2);
            let colour = if y >= top {
                STEPS + (y - far) * (STEPS - 1) / (height - far).max(1)
            } else if scene.sun.is_some() && from_sun <= sun_size.pow(2) {
                2 * STEPS
            } else {
                y * (STEPS - 1) / horizon.max(1)
            };
            rows.push(u8::try_from(colour).unwrap_or(0));
        }
    }
    let size = |length: usize| u32::try_from(length).unwrap_or(0).to_be_bytes();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // Eight bits a pixel, each an index of the palette.
    chunk(&mut file, *b"IHDR", &[&size(width)[..], &size(height)[..], &[8, 3, 0, 0, 0]].concat());
    chunk(&mut file, *b"PLTE", &palette);
    chunk(&mut file, *b"IDAT", &zlib(&rows));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn mix(from: Colour, to: Colour, step: usize) -> Colour {
    let last = STEPS - 1;
    let mut mixed = from;
    for (channel, to) in mixed.iter_mut().zip(to) {
        let sum = usize::from(*channel) * (last - step.min(last)) + usize::from(to) * step.min(last);
        *channel = u8::try_from(sum / last).unwrap_or(u8::MAX);
    }
    mixed
}

/// Draws a line of hills: a walk that turns back before it leaves the picture.
fn ridge(width: usize, tallest: usize, random: &mut Random) -> Vec<usize> {
    let mut rise = tallest / 2;
    let mut slope = 0_isize;
    let step = |_| {
        slope = (slope + isize::try_from(random.below(3)).unwrap_or(1) - 1).clamp(-2, 2);
        if rise >= tallest {
            slope = -1;
        } else if rise == 0 {
            slope = 1;
        }
        rise = rise.saturating_add_signed(slope).min(tallest);
        rise
    };
    (0..width).map(step).collect()
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    let checked = [&kind, data].concat();
    file.extend(&checked);
    file.extend(crc32(&checked).to_be_bytes());
}

/// Wraps bytes as zlib without compressing them (RFC 1950).
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(STORED_BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(blocks.peek().is_none()));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    packed.extend(((b << 16) | a).to_be_bytes());
    packed
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::string_slice)]

    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_png() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn pictures_are_whole_and_the_same_each_time() {
        let paint = || png("sunset 64 48", &mut Random::new(1)).unwrap();
        assert_eq!(paint(), paint());
        assert!(paint().starts_with(b"\x89PNG") && paint().len() > 64 * 48);
        assert_eq!(png("nothing 1 1", &mut Random::new(1)), None);
    }

    #[test]
    fn a_page_finds_its_objects() {
        let text = String::from_utf8(pdf(["Title (1)", "line"])).unwrap();
        let start: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        assert!(text[start..].starts_with("xref"));
        let third: usize = text[start..].lines().nth(5).unwrap()[..10].parse().unwrap();
        assert!(text[third..].starts_with("3 0 obj"));
        assert!(text.contains("(Title \\(1\\)) Tj"));
    }
}
