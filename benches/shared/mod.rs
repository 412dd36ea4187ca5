//! Owns the mail that benchmarks take in: the same in every run, of the sizes and with the words that people's mail has.

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    /// Gives a number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// A word; low numbers are common, as in real text.
    pub fn word(&mut self) -> String {
        let top = 1 << (1 + self.roll(16));
        format!("{}{}", ["ka", "su", "re", "mi", "to", "na", "ha"][(top % 7) as usize], self.roll(top))
    }

    /// That many words.
    pub fn words(&mut self, count: u64) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// Bytes of a message: half of them below 2.4 KB, 3.8 KB on the average.
    fn size(&mut self) -> usize {
        let twelve = (0..12).map(|_| self.roll(1_000) as f64 / 1_000.0).sum::<f64>();
        (2_400.0 * (0.96 * (twelve - 6.0)).exp()) as usize
    }
}

/// The n-th message as a server has it: trace fields, a signature, an answer now and then, text or text beside HTML.
#[allow(dead_code)]
pub fn letter(number: usize) -> Vec<u8> {
    let mut dice = Dice(number as u64 + 1);
    let size = dice.size();
    let (person, day, minute) = (dice.roll(2_000), 1 + number / 1_440 % 28, number % 1_440);
    let date = format!("{day} Nov 2026 {:02}:{:02}:00 +0000", minute / 60, minute % 60);
    let random =
        |dice: &mut Dice, count: u64| (0..count).map(|_| format!("{:08x}", dice.roll(1 << 32))).collect::<String>();
    let mut mail = format!("Return-Path: <person{person}@example.org>\r\n");
    for hop in 0..2 + dice.roll(2) {
        mail.push_str(&format!(
            "Received: from mx{hop}.example.net (mx{hop}.example.net [192.0.2.{}])\r\n\tby mail.example.org (Postfix) with \
             ESMTPS id {}\r\n\tfor <ayu@example.org>; {date}\r\n",
            dice.roll(250),
            random(&mut dice, 2),
        ));
    }
    let subject = dice.words(5);
    mail.push_str(&format!(
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;\r\n\th=from:to:subject:date; \
         bh={};\r\n\tb={}\r\nFrom: Person {person} <person{person}@example.org>\r\nTo: Ayu Lestari <ayu@example.org>\r\n\
         Subject: {}{subject}\r\nDate: {date}\r\nMessage-ID: <{number}@root.example.org>\r\n",
        random(&mut dice, 5),
        random(&mut dice, 20),
        if number.is_multiple_of(3) { "" } else { "Re: " },
    ));
    if !number.is_multiple_of(3) {
        let first = number - number % 3;
        mail.push_str(&format!(
            "In-Reply-To: <{first}@root.example.org>\r\nReferences: <{first}@root.example.org>\r\n"
        ));
    }
    mail.push_str("MIME-Version: 1.0\r\n");
    let mut lines = |bytes: usize, end: &str| {
        let mut text = String::new();
        while text.len() < bytes {
            text.push_str(&dice.words(10));
            text.push_str(end);
        }
        text
    };
    let left = size.saturating_sub(mail.len()).max(100);
    if number.is_multiple_of(4) {
        let (plain, html) = (lines(left / 3, "\r\n"), lines(left / 2, "</p>\r\n<p>"));
        mail.push_str(&format!(
            "Content-Type: multipart/alternative; boundary=\"b{number}\"\r\n\r\n--b{number}\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n--b{number}\r\n\
             Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>{html}</p></body></html>\r\n--b{number}--\r\n"
        ));
    } else {
        mail.push_str(&format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{}", lines(left, "\r\n")));
    }
    mail.into_bytes()
}
