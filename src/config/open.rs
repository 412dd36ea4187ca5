//! Owns handing attachments and links to the desktop (reliability.md P27).
//!
//! No shell, no name from a mail: an attachment becomes `attachment-1.pdf` in a private directory, its extension from
//! a short list of media types that cannot run by being looked at; a link is http, https or mailto, or is not opened.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;

use crate::config::{Error, save};
use crate::mail::safe::SafeText;

/// Media types that may be opened, with the extension by which the desktop finds a viewer. Not here: HTML and SVG
/// (scripts), and everything that can be a program.
const TYPES: [(&str, &str); 44] = [
    ("application/epub+zip", "epub"),
    ("application/json", "txt"),
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/rtf", "rtf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.oasis.opendocument.presentation", "odp"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/x-patch", "txt"),
    ("application/x-pdf", "pdf"),
    ("application/zip", "zip"),
    ("audio/aac", "aac"),
    ("audio/flac", "flac"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("image/avif", "avif"),
    ("image/bmp", "bmp"),
    ("image/gif", "gif"),
    ("image/heic", "heic"),
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/tiff", "tiff"),
    ("image/webp", "webp"),
    ("text/calendar", "ics"),
    ("text/csv", "csv"),
    ("text/markdown", "txt"),
    ("text/plain", "txt"),
    ("text/rtf", "rtf"),
    ("text/vcard", "vcf"),
    ("text/x-diff", "txt"),
    ("text/x-patch", "txt"),
    ("video/mp4", "mp4"),
    ("video/mpeg", "mpg"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
];

/// How some files begin that are often sent as `application/octet-stream`.
const BEGINNINGS: [(&[u8], &str); 4] =
    [(b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif")];

/// The schemes of links that are opened.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];
/// A longer link is none that a person means.
const LONGEST_LINK: usize = 8_192;
/// Tries for a free name of the private directory.
const TRIES: u32 = 1_000;

/// Opens things on the desktop; what it wrote for that is removed with it.
#[derive(Debug, Default)]
pub struct Opener {
    dir: Option<PathBuf>,
    count: u32,
}

impl Opener {
    /// Opens an attachment with the desktop's viewer for its media type.
    pub fn open_attachment(&mut self, media_type: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.write(media_type, bytes)?;
        launch(path.as_os_str())
    }

    /// Opens a link in the browser or the mail program.
    pub fn open_link(&self, link: &str) -> Result<(), Error> {
        check_link(link)?;
        launch(OsStr::new(link))
    }

    /// Writes an attachment under a name of ours.
    fn write(&mut self, media_type: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let extension = extension(media_type, bytes).ok_or_else(|| {
            Error::Other(format!(
                "{} is not opened from here, since it could run a program; save it instead",
                SafeText::line(media_type)
            ))
        })?;
        let dir = match &self.dir {
            Some(dir) => dir,
            None => self.dir.insert(private_dir(&env::temp_dir())?),
        };
        self.count += 1;
        save::save_file(dir, &SafeText::line(&format!("attachment-{}.{extension}", self.count)), bytes)
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        if let Some(dir) = &self.dir {
            // A viewer that has the file open keeps it; a failure leaves a private file in the temporary directory.
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Says why a link is not opened. The reason is shown; the link is not repeated.
pub fn check_link(link: &str) -> Result<(), Error> {
    let is_known = link.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty() && SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    });
    if !is_known {
        return Err(Error::Other("only http, https and mailto links are opened; copy this one instead".to_owned()));
    }
    if link.len() > LONGEST_LINK || link.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::Other("this link is broken: it is too long or has spaces in it".to_owned()));
    }
    Ok(())
}

/// Says whether an attachment can be opened at all, and as what.
pub fn extension(media_type: &str, bytes: &[u8]) -> Option<&'static str> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = TYPES.iter().find(|(name, _)| *name == media_type).map(|(_, extension)| *extension);
    let is_unnamed = matches!(media_type.as_str(), "" | "application/octet-stream" | "application/x-download");
    known.or_else(|| {
        BEGINNINGS.iter().find(|(start, _)| is_unnamed && bytes.starts_with(start)).map(|(_, extension)| *extension)
    })
}

/// Makes a directory that only the user can look into; the name was free, so nobody can have prepared it.
fn private_dir(parent: &Path) -> Result<PathBuf, Error> {
    for attempt in 0..TRIES {
        let path = parent.join(format!("surat-open-{}-{attempt}", process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|()| path.clone()).map_err(Error::io("make the directory", &path)),
        }
    }
    Err(Error::Other(format!("{} is full of files that are in the way", parent.display())))
}

fn launch(target: &OsStr) -> Result<(), Error> {
    open::that_detached(target)
        .map_err(|_| Error::Other("no program here could open it (is xdg-utils missing?)".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_schemes_are_passed_on() {
        for link in ["https://x.org/a?b=c#d", "HTTP://x.org", "mailto:a@b.org"] {
            assert!(check_link(link).is_ok(), "{link}");
        }
        let schemes = [
            "",
            "-",
            "--",
            "file",
            "javascript",
            "data",
            "vbscript",
            "ssh",
            "smb",
            "ftp",
            "jar",
            "view-source",
            "intent",
            "about",
            "chrome",
            "blob",
            "tel",
            "steam",
            "ms-settings",
            "x-apple",
            "httpx",
            "xhttp",
            "http\u{200b}",
            " http",
            "ht\ttp",
            "\u{0}http",
            "-http",
            "h\u{442}tp",
        ];
        let rests = [":", "://x.org/a", ":--flag", ":///etc/passwd"];
        let mut hostile: Vec<String> =
            schemes.iter().flat_map(|scheme| rests.iter().map(move |rest| format!("{scheme}{rest}"))).collect();
        hostile.extend(
            [
                "x.org",
                "/etc/passwd",
                "--version",
                "http:",
                "http://x\n--flag",
                "http://x y",
                "https://x\u{1b}[31m",
                "mailto:",
            ]
            .map(str::to_owned),
        );
        hostile.push(format!("http://{}", "x".repeat(LONGEST_LINK)));
        assert!(hostile.len() > 100);
        for link in hostile {
            assert!(check_link(&link).is_err(), "{link:?}");
        }
    }

    #[test]
    fn no_shell_and_no_flag_is_ever_started() {
        for target in
            ["https://x.org/$(id)?a=`id`;id|id&-rf", "mailto:--help@x.org", "/tmp/surat-open-1-0/attachment-1.pdf"]
        {
            let commands = open::commands(target);
            assert!(!commands.is_empty());
            for command in commands {
                let program = Path::new(command.get_program()).file_name().unwrap().to_owned();
                assert!(!["sh", "bash", "dash", "zsh"].iter().any(|shell| program == *shell), "{command:?}");
                let foreign: Vec<_> =
                    command.get_args().filter(|argument| !["open", "--"].iter().any(|own| argument == own)).collect();
                assert_eq!(foreign, [target], "{command:?}");
            }
        }
    }

    #[test]
    fn an_attachment_is_opened_under_a_name_of_ours_or_not_at_all() {
        let mut opener = Opener::default();
        let hostile =
            ["text/html", "image/svg+xml", "application/x-sh", "application/x-desktop", "", "x", "text/plain/../sh"];
        for media_type in hostile {
            assert!(opener.write(media_type, b"#!/bin/sh").is_err(), "{media_type}");
        }
        let first = opener.write("Application/PDF; name=\"../-x.sh\"", b"%PDF-").unwrap();
        let second = opener.write("application/octet-stream", b"\x89PNG\r\n\x1a\nrest").unwrap();
        assert!(first.is_absolute() && first.ends_with("attachment-1.pdf"), "{first:?}");
        assert!(second.ends_with("attachment-2.png"), "{second:?}");
        let dir = first.parent().unwrap().to_owned();
        drop(opener);
        assert!(!dir.exists(), "nothing is left behind");
    }
}
