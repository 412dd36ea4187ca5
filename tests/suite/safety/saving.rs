//! P26 through the door that a person uses: one mail with two hundred hostile names, saved where links, files or nothing
//! at all stand in the way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::full_disk::Disk;
use crate::cli::{Home, maildir};
use crate::config::{Tree, hostile_names, tree};

/// Builds a mail with an attachment for each name, spelled so that every byte arrives (RFC 2231).
fn mail(names: &[String]) -> Vec<u8> {
    let mut raw = String::from("From: ana@toko.example\r\nSubject: Files\r\nMIME-Version: 1.0\r\n");
    raw.push_str("Content-Type: multipart/mixed; boundary=edge\r\n\r\n");
    for (at, name) in names.iter().enumerate() {
        let spelled: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        raw.push_str(&format!(
            "--edge\r\nContent-Type: application/x-sh\r\nContent-Disposition: attachment; filename*=utf-8''{spelled}\r\n\r\n\
             #!/bin/sh {at}\r\n"
        ));
    }
    (raw + "--edge--\r\n").into_bytes()
}

/// What stands in the home beside the program's own files.
fn belongings(home: &Home) -> Tree {
    let own = [home.path(".local"), home.path(".config")];
    tree(&home.path("")).into_iter().filter(|(path, _)| !own.iter().any(|own| path.starts_with(own))).collect()
}

/// Saves into a folder; gives the names of what came, after looking at each and at everything else.
#[track_caller]
fn save(home: &Home, id: &str, folder: &str, count: usize) -> Vec<String> {
    let before = belongings(home);
    let saved = home.json(&["attachments", id, "--save", folder]);
    let after = belongings(home);
    for (path, there) in &before {
        assert_eq!(after.get(path), Some(there), "{} is not as it was", path.display());
    }
    let new: Vec<_> = after.iter().filter(|(path, _)| !before.contains_key(*path)).collect();
    let new: Vec<_> = new.into_iter().filter(|(path, _)| **path != home.path(folder)).collect();
    assert_eq!((saved.as_array().unwrap().len(), new.len()), (count, count));
    let name = |(path, (kind, mode, content)): (&PathBuf, &(String, u32, Vec<u8>))| {
        assert_eq!(
            (path.parent(), kind.as_str(), *mode),
            (Some(&*home.path(folder)), "file", 0o600),
            "{}",
            path.display()
        );
        assert!(content.starts_with(b"#!/bin/sh "), "{}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!name.starts_with(['.', '-', '~', ' ']) && !name.contains(char::is_control), "{name:?}");
        name.to_owned()
    };
    new.into_iter().map(name).collect()
}

#[test]
fn two_hundred_hostile_names_touch_nothing_that_is_there() {
    let names = hostile_names();
    assert!(names.len() >= 200);
    let home = Home::new();
    maildir(&home.path("Mail"), &[("1.a.x:2,S", &mail(&names))]);
    home.ok(&["account", "add", "ayu@example.org", "--no-input", "--maildir", "Mail", "--account-name", "home"]);
    home.ok(&["sync"]);
    let id = home.json(&["list"])[0]["id"].as_str().unwrap().to_owned();
    let taken = save(&home, &id, "empty", names.len());

    // Where each name is a link: to a file of the user's, to one that is not there yet, out of the folder, to a device.
    fs::create_dir_all(home.path("links")).unwrap();
    fs::create_dir_all(home.path("secret")).unwrap();
    for (at, name) in taken.iter().enumerate() {
        let target = home.path("secret").join(at.to_string());
        let target = match at % 4 {
            0 => {
                fs::write(&target, "precious").unwrap();
                target
            }
            1 => target,
            2 => PathBuf::from("../secret"),
            _ => PathBuf::from("/dev/full"),
        };
        symlink(target, home.path("links").join(name)).unwrap();
    }
    save(&home, &id, "links", names.len());

    // Where each name is a file or a directory.
    fs::create_dir_all(home.path("files")).unwrap();
    for (at, name) in taken.iter().enumerate() {
        let path = home.path("files").join(name);
        if at % 2 == 0 { fs::write(path, "precious").unwrap() } else { fs::create_dir(path).unwrap() }
    }
    let beside = save(&home, &id, "files", names.len());
    assert!(beside.iter().all(|name| !taken.contains(name)));

    // Where nothing can be written.
    let disk = Disk::new(1 << 20);
    disk.forbid_writing();
    fs::write(home.path("a-file"), "precious").unwrap();
    for place in [disk.path(), Path::new("a-file"), Path::new("/proc/self"), Path::new("a-file/below")] {
        let before = belongings(&home);
        home.fails(1, &["attachments", &id, "--save", place.to_str().unwrap()]);
        assert_eq!(belongings(&home), before, "{}", place.display());
    }
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    println!("{} hostile names saved over links, over files and where nothing can be", names.len());
}
