//! Disks that fail: each write of a conversation in turn, and each system call of a write.

use crate::common::store::Files;
use crate::common::user::{Shown, User};
use crate::common::world::{World, told};
use proto::account::{Account, Name as AccountName};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use worker::store::{Directory, EncryptedStore, Store, StoredFile};
use zeroize::Zeroizing;

/// Full, taken away, and switched to read-only after an error.
const FAULTS: [ErrorKind; 3] =
    [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem];

#[test]
fn a_write_that_fails_is_told_once_made_good_and_costs_nothing_else() {
    let (sound, files) = conversation(None);
    let writes = files.writes();
    assert!(writes > 8, "only {writes} writes");
    let all = std::env::var_os("OTRD_SOAK").is_some();
    for nth in 0..writes {
        let faults = if all { &FAULTS[..] } else { &FAULTS[nth % 3..=nth % 3] };
        for fault in faults {
            let (mut w, files) = conversation(Some((nth, *fault)));
            let news = w.alice.news();
            let complaints =
                news.iter().filter(|one| told(std::slice::from_ref(one), "Could not save"));
            assert_eq!(complaints.count(), 1, "write {nth}: {news:?}");
            assert_eq!((&w.bob.read, w.bob.clear.len()), (&sound.bob.read, 0), "write {nth}");
            assert!(!w.leaked("for bob"));
            // Tried again, and then as if nothing had been.
            w.alice.waits(61);
            w.alice.waits(61);
            assert!(!told(&w.alice.news(), "Could not save"));
            for name in [StoredFile::Key, StoredFile::Settings, StoredFile::Conversations] {
                let (got, expected) = (files.get(name.file()), sound.alice.files.get(name.file()));
                assert_eq!(got, expected, "write {nth}: {}", name.file());
            }
            assert_eq!(w.alice.known("bob").len(), 1, "write {nth}");
            w.alice.restart_worker();
            assert!(!told(&w.alice.news(), "damaged"), "write {nth}");
        }
    }
}

/// From the first key to a new one, with everything that is written in between.
fn conversation(fault: Option<(usize, ErrorKind)>) -> (World, Files) {
    let files = Files::default();
    if let Some((nth, how)) = fault {
        files.fail(nth, how);
    }
    let mut w = World::with(User::from_disk(files.clone()));
    w.alice.command("start bob");
    w.alice.key_is_made(0);
    w.settle();
    w.alice.says("bob", "for bob, the first");
    w.alice.command("trust bob");
    w.alice.command("policy carol required");
    w.alice.command("ignore *bot");
    w.settle();
    w.rename(|w| &mut w.bob, "bobby");
    w.alice.says("bobby", "for bob, the second");
    w.settle();
    w.bob.finish();
    w.settle();
    w.alice.command("finish bobby");
    w.alice.command("finish bob");
    w.alice.command("genkey --overwrite");
    w.alice.key_is_made(1);
    w.settle();
    assert_eq!(w.bob.read, ["for bob, the first", "for bob, the second"]);
    assert!(!w.alice.screen.iter().any(|one| matches!(one, Shown::Refused { .. })));
    (w, files)
}

/// The real store on the real disk, each of its system calls refused once by strace.
#[test]
fn after_any_system_call_that_fails_a_file_is_whole() {
    let there = Command::new("strace").arg("--version").output().is_ok();
    assert!(there, "no strace: run tests/setup");
    let place = tempfile::tempdir().unwrap();
    // It is looked first whether half of a file is left from a crash.
    for (call, when) in
        [("unlinkat", 1), ("openat", 2), ("write", 1), ("fsync", 1), ("renameat", 1)]
    {
        for error in ["EIO", "ENOSPC", "EROFS"] {
            let directory = place.path().join(format!("{call}-{error}"));
            std::fs::create_dir(&directory).unwrap();
            std::fs::write(directory.join("otr.key"), "old").unwrap();
            let own = std::env::current_exe().unwrap();
            let ran = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-P", "otr.key.new", "-P"])
                .arg(directory.join("otr.key.new"))
                .args(["-e", &format!("trace={call}")])
                .args(["-e", &format!("inject={call}:error={error}:when={when}")])
                .arg(own)
                .args([
                    "--exact",
                    "disk::writes_where_it_is_told_to",
                    "--nocapture",
                    "--include-ignored",
                ])
                .env("OTRD_TESTS_DIRECTORY", &directory)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ran.stdout).into_owned();
            assert!(said.contains("the write failed"), "{call} {error}: {said}");
            let content = std::fs::read_to_string(directory.join("otr.key")).unwrap();
            assert_eq!(content, "old", "{call} {error}");
            // The next one is as good as any.
            write(&directory).unwrap();
            let content = std::fs::read_to_string(directory.join("otr.key")).unwrap();
            assert_eq!(content, "new", "{call} {error}");
            assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "{call} {error}");
        }
    }
}

#[test]
#[ignore = "the other half of the test above, which runs it under strace"]
fn writes_where_it_is_told_to() {
    let directory = std::env::var_os("OTRD_TESTS_DIRECTORY").expect("a directory");
    match write(Path::new(&directory)) {
        Ok(()) => println!("the write succeeded"),
        Err(error) => println!("the write failed: {error}"),
    }
}

fn write(directory: &Path) -> std::io::Result<()> {
    let name = |name| AccountName::new(name).unwrap();
    let account = Account { uid: 1000, user: name("alice"), network: name("net") };
    let directory = Directory::new(std::fs::File::open(directory)?.into());
    let file = (StoredFile::Key, Zeroizing::new(b"new".to_vec()));
    let mut failed = EncryptedStore::new(directory, &account, [], None).write(&[file]);
    failed.pop().map_or(Ok(()), |(_, error)| Err(error))
}
