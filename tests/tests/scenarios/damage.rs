//! Files in the state directory that are not what otrd wrote.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use otrd_tests::{Otrd, OtrdBuilder, Rpc, World, key_file};
use serde_json::json;

/// Not root, for whom no file is closed.
const OTRD_UID: u32 = 60_002;

const PRINT: &str = "00112233445566778899aabbccddeeff00112233";

/// The five files, each with a sound content.
fn files(account: &str) -> [(&'static str, Vec<u8>); 5] {
    let known = format!("bob\t{account}\tirc\t{PRINT}\tmanual\n");
    let tag = format!("{account}\tirc\t0000abcd\n");
    let private = json!({"version": 1, "conversations": [{"nick": "bob", "fingerprint": PRINT}]});
    let settings = json!({"policies": [["bob", "required"]]});
    [
        ("otr.key", key_file(account)),
        ("otr.fp", known.into_bytes()),
        ("otr.instag", tag.into_bytes()),
        ("conversations.json", private.to_string().into_bytes()),
        ("settings.json", settings.to_string().into_bytes()),
    ]
}

/// What became of one of them.
const DAMAGES: [&str; 7] =
    ["truncated", "empty", "foreign", "closed", "directory", "fifo", "symlink"];

/// The worker starts, says it, and keeps what was there; everybody else notices nothing.
#[test]
fn every_file_in_every_way() {
    let world = World::new();
    let uid = World::has_other_users().then_some(OTRD_UID);
    let build = OtrdBuilder::new();
    let otrd = uid.map_or(build.clone(), |uid| build.uid(uid)).start(&world);
    let mut fine = account(&world, &otrd, "fine", uid, |_, _| {});
    assert_eq!(fine.news, "");
    for (file, content) in files("") {
        for damage in DAMAGES {
            let name = format!("{}-{damage}", file.replace('.', "-"));
            let mut place = PathBuf::new();
            let mut it = account(&world, &otrd, &name, uid, |path, content| {
                if path.ends_with(file) {
                    harm(path, content, damage);
                    place = path.to_owned();
                }
            });
            // No fingerprints and no tag yet are no damage.
            let harmless = damage == "empty" && ["otr.fp", "otr.instag"].contains(&file);
            let told = it.news.contains(&format!("file {file} "));
            assert_eq!(told, !harmless, "{name}: {:?}", it.news);
            it.goes_on(&name);
            let (_, sound) =
                files(&name).into_iter().find(|(one, _)| *one == file).expect("a file");
            assert!(content.is_empty() || !sound.is_empty());
            assert!(harmless || is_kept(&place, &sound, damage), "{name}: it is gone");
            if damage == "closed" {
                // The admin mends it: all is as before.
                let aside = place.with_file_name(format!("{file}.damaged"));
                let kept = if aside.exists() { aside } else { place };
                fs::set_permissions(&kept, Permissions::from_mode(0o600)).expect("chmod");
                assert_eq!(fs::read(kept).expect("a file"), sound);
            }
        }
    }
    fine.goes_on("fine");
    assert_eq!(otrd.workers().len(), 1 + 5 * DAMAGES.len());
}

/// An account that is connected, and what it was told at once.
struct Account {
    shim: Rpc,
    news: String,
}

#[track_caller]
fn account(
    world: &World,
    otrd: &Otrd,
    name: &str,
    uid: Option<u32>,
    mut harm: impl FnMut(&Path, &[u8]),
) -> Account {
    let own = nix::unistd::getuid().as_raw();
    let directory = otrd.account(own, name, "net");
    for (file, content) in files(name) {
        let path = directory.join(file);
        world.file(&path, &content, uid);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("chmod");
        harm(&path, &content);
        if let Some(uid) = uid {
            std::os::unix::fs::lchown(&path, Some(uid), Some(uid)).expect("chown");
        }
    }
    for level in directory.ancestors().take(3) {
        fs::set_permissions(level, Permissions::from_mode(0o700)).expect("chmod");
        if let Some(uid) = uid {
            chown(level, Some(uid), Some(uid)).expect("chown");
        }
    }
    let mut shim = otrd.shim();
    shim.call("hello", json!({"version": 1, "user": name, "network": "net"}));
    // Notes come before the answer to the next request.
    shim.line(&json!({"jsonrpc": "2.0", "id": 7, "method": "join", "params": {"nick": "x"}}));
    let mut news = String::new();
    loop {
        let line = shim.answer().expect("an answer");
        if line["id"] == 7 {
            return Account { shim, news };
        }
        for effect in line["params"]["effects"].as_array().into_iter().flatten() {
            news += effect["text"].as_str().unwrap_or_default();
        }
    }
}

impl Account {
    /// It serves, and writes its files.
    #[track_caller]
    fn goes_on(&mut self, name: &str) {
        for text in ["policy carol required", "start carol", "trust bob", "status", "info"] {
            let answer = self.shim.call("command", json!({"text": text}));
            assert!(answer["effects"].is_array(), "{name}: {text}: {answer}");
        }
    }
}

fn harm(path: &Path, content: &[u8], damage: &str) {
    let make_new = |make: &dyn Fn()| {
        fs::remove_file(path).expect("remove");
        make();
    };
    match damage {
        "truncated" => fs::write(path, &content[..content.len() / 2]).expect("write"),
        "empty" => fs::write(path, b"").expect("write"),
        "foreign" => fs::write(path, b"\x7fELF\0\0nothing of ours\xff\xff\n").expect("write"),
        "closed" => fs::set_permissions(path, Permissions::from_mode(0o0)).expect("chmod"),
        "directory" => make_new(&|| fs::create_dir(path).expect("mkdir")),
        "fifo" => make_new(&|| {
            assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
        }),
        "symlink" => make_new(&|| symlink("/etc/hostname", path).expect("symlink")),
        other => panic!("no such damage: {other}"),
    }
}

/// Whether what was there before is there still, in its place or beside it.
fn is_kept(place: &Path, sound: &[u8], damage: &str) -> bool {
    let name = place.file_name().expect("a name").to_string_lossy().into_owned();
    [place.to_owned(), place.with_file_name(format!("{name}.damaged"))].iter().any(|path| {
        let Ok(found) = fs::symlink_metadata(path) else { return false };
        let content = || fs::read(path).unwrap_or_default();
        match damage {
            "truncated" => content() == sound[..sound.len() / 2],
            "empty" => found.len() == 0,
            "foreign" => content().starts_with(b"\x7fELF"),
            "closed" => {
                found.permissions().mode() & 0o777 == 0 && found.len() == sound.len() as u64
            }
            "directory" => found.is_dir(),
            "fifo" => found.file_type().is_fifo(),
            _ => found.is_symlink(),
        }
    })
}
