//! An account's files: whole or not at all, and encrypted wherever there is a key for that. Every
//! step that converts them is made the last one before a crash.
// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proto::account::Account;
use proto::worker::AtRest;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::rc::Rc;
use tempfile::TempDir;
use worker::store::{
    Converted, DAMAGED, Directory, Disk, EncryptedStore, Keys, Locked, Store, StoredFile, seal,
};
use zeroize::Zeroizing;

#[test]
fn what_is_written_is_read_back_and_is_the_owners_alone() {
    for secret in [None, Some(1)] {
        let dir = directory_in_memory();
        let mut vault = vault(&dir, secret, None);
        vault.convert_all(AtRest::Encrypted);
        assert!(vault.read(StoredFile::Settings).unwrap().is_none());
        write(&mut vault, StoredFile::Settings, "one");
        write(&mut vault, StoredFile::Settings, "two");
        assert_eq!(vault.read(StoredFile::Settings).unwrap().unwrap().as_slice(), b"two");
        let file = dir.path().join("settings.json");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read(file).unwrap() == b"two", secret.is_none());
    }
}

#[test]
fn a_temporary_file_left_by_a_crash_is_replaced() {
    let dir = directory_in_memory();
    let mut vault = vault(&dir, None, None);
    put(&dir, "otr.fp.new", "half");
    write(&mut vault, StoredFile::Fingerprints, "whole");
    assert_eq!(vault.read(StoredFile::Fingerprints).unwrap().unwrap().as_slice(), b"whole");
}

#[test]
fn of_several_files_each_is_whole_whatever_step_is_the_last() {
    let files =
        [(StoredFile::Fingerprints, "new prints"), (StoredFile::Conversations, "new talks")];
    let both = files.map(|(name, new)| (name, Zeroizing::new(new.as_bytes().to_vec())));
    let mut complete = false;
    for left in 0..20 {
        let dir = directory_in_memory();
        put(&dir, "otr.fp", "prints");
        let disk = Crashing::new(&dir, left);
        let unsynced = disk.unsynced.clone();
        let failed = EncryptedStore::new(disk, &account(), [], None).write(&both);
        let mut after = vault(&dir, None, None);
        for (name, new) in files {
            let found = after.read(name).unwrap().map(|found| found.to_vec());
            let old = (name == StoredFile::Fingerprints).then(|| b"prints".to_vec());
            let is_new = found.as_deref() == Some(new.as_bytes());
            assert!(is_new || found == old, "{name:?} after {left} steps: {found:?}");
            // Whoever is told that all is well finds it so.
            assert!(is_new || failed.iter().any(|(of, _)| *of == name), "{name:?}, {left} steps");
        }
        // What has a new name is told to be saved once the name is on the disk itself.
        assert!(unsynced.get() == 0 || failed.len() == files.len(), "{left} steps");
        complete |= failed.is_empty();
    }
    assert!(complete);
}

#[test]
fn one_of_several_that_cannot_be_written_does_not_hold_up_the_others() {
    let dir = directory_in_memory();
    fs::create_dir(dir.path().join("otr.fp.new")).unwrap();
    let both = [StoredFile::Fingerprints, StoredFile::Conversations];
    let both = both.map(|name| (name, Zeroizing::new(b"new".to_vec())));
    let mut vault = vault(&dir, None, None);
    let failed = vault.write(&both);
    assert_eq!(
        failed.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        [StoredFile::Fingerprints]
    );
    assert_eq!(vault.read(StoredFile::Conversations).unwrap().unwrap().as_slice(), b"new");
    assert!(vault.read(StoredFile::Fingerprints).unwrap().is_none());
}

#[test]
fn nothing_is_followed_out_of_the_directory() {
    let dir = directory_in_memory();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "not ours").unwrap();
    for name in ["otr.key", "otr.key.was", "otr.key.new", "otr.fp.damaged"] {
        symlink(outside.path(), dir.path().join(name)).unwrap();
    }
    let mut vault = vault(&dir, Some(1), None);
    assert!(vault.read(StoredFile::Key).is_err());
    assert_eq!(vault.convert_all(AtRest::Encrypted).changed, 0);
    assert_eq!(fs::read(outside.path()).unwrap(), b"not ours");
}

#[test]
fn a_file_is_set_aside_without_replacing_an_earlier_one() {
    let dir = directory_in_memory();
    let mut vault = vault(&dir, None, None);
    for content in ["a", "b"] {
        write(&mut vault, StoredFile::Key, content);
        vault.set_aside(StoredFile::Key, "damaged").unwrap();
    }
    assert_eq!(get(&dir, "otr.key.damaged"), b"a");
    assert_eq!(get(&dir, "otr.key.damaged.1"), b"b");
    assert!(vault.read(StoredFile::Key).unwrap().is_none());
}

#[test]
fn a_copy_is_kept_of_what_stays_where_it_is() {
    let dir = directory_in_memory();
    let mut vault = vault(&dir, None, None);
    vault.keep_copy(StoredFile::Key, "today").unwrap();
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
    for content in ["a", "b"] {
        write(&mut vault, StoredFile::Key, content);
        vault.keep_copy(StoredFile::Key, "today").unwrap();
        assert_eq!(get(&dir, "otr.key"), content.as_bytes());
    }
    assert_eq!(
        (get(&dir, "otr.key.today"), get(&dir, "otr.key.today.1")),
        (b"a".into(), b"b".into())
    );
    assert!(!vault.has_damaged(StoredFile::Key));
    vault.set_aside(StoredFile::Key, DAMAGED).unwrap();
    assert!(vault.has_damaged(StoredFile::Key) && !vault.has_damaged(StoredFile::Settings));
}

/// It cannot be copied, and what takes its place is to be written all the same.
#[test]
fn what_cannot_be_read_is_moved_out_of_the_way() {
    let dir = directory_in_memory();
    let mut vault = vault(&dir, None, None);
    for name in ["otr.key.damaged", "otr.key.damaged.1"] {
        symlink("nowhere", dir.path().join("otr.key")).unwrap();
        vault.keep_copy(StoredFile::Key, "today").unwrap();
        assert!(dir.path().join(name).is_symlink() && !dir.path().join("otr.key").is_symlink());
    }
    assert!(vault.has_damaged(StoredFile::Key));
}

#[test]
fn with_a_key_every_file_is_encrypted_and_copies_too() {
    let dir = with_plain_files();
    let mut handles: Vec<File> =
        PLAIN.iter().map(|(file, _)| File::open(dir.path().join(file)).unwrap()).collect();
    let mut vault = open(&dir, Some(1), None);
    assert_eq!(vault.convert_all(AtRest::Encrypted), changed(PLAIN.len()));
    assert_eq!(vault.at_rest(), "encrypted");
    nothing_is_readable(&dir);
    assert_eq!(vault.read(StoredFile::Key).unwrap().unwrap().as_slice(), PLAIN[0].1.as_bytes());

    // The very blocks that were plain.
    for handle in &mut handles {
        let mut left = Vec::new();
        handle.read_to_end(&mut left).unwrap();
        assert!(!left.is_empty() && left.iter().all(|byte| *byte == 0));
    }
    // What was set aside later opens like the rest, and nothing is done twice.
    write(&mut vault, StoredFile::Key, "(privkeys another)");
    vault.keep_copy(StoredFile::Key, "20261122").unwrap();
    vault.set_aside(StoredFile::Key, "20261123").unwrap();
    nothing_is_readable(&dir);
    let mut vault = open(&dir, Some(1), None);
    assert_eq!(vault.convert_all(AtRest::Encrypted), Converted::default());
}

#[test]
fn files_that_do_not_open_are_left_alone() {
    let dir = with_plain_files();
    open(&dir, Some(1), None).convert_all(AtRest::Encrypted);
    let before = everything(&dir);
    let mut none = vault(&dir, None, None);
    assert_eq!(none.unlock(), Err(Locked::NoSecret));
    let mut other = vault(&dir, Some(2), Some(3));
    assert_eq!(other.unlock(), Err(Locked::OtherSecret));
    // Even if somebody went on.
    assert_eq!(other.convert_all(AtRest::Plain).changed, 0);
    assert_eq!(other.read(StoredFile::Key).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(everything(&dir), before);

    // A key that does not open locks all, whatever else opens.
    fs::write(dir.path().join("otr.key"), vault_of(2, StoredFile::Key, b"x")).unwrap();
    assert_eq!(vault(&dir, Some(1), None).unlock(), Err(Locked::OtherSecret));
    // Another file is damaged where the key opens.
    fs::write(dir.path().join("otr.key"), vault_of(1, StoredFile::Key, b"x")).unwrap();
    fs::write(dir.path().join("otr.fp"), vault_of(2, StoredFile::Fingerprints, b"x")).unwrap();
    assert_eq!(vault(&dir, Some(1), None).unlock(), Ok(()));
}

#[test]
fn another_master_secret_takes_the_place_of_the_old_one() {
    let dir = with_plain_files();
    open(&dir, Some(1), None).convert_all(AtRest::Encrypted);
    let mut both = open(&dir, Some(2), Some(1));
    assert_eq!(both.convert_all(AtRest::Encrypted), changed(PLAIN.len()));
    let mut new = open(&dir, Some(2), None);
    assert_eq!(new.convert_all(AtRest::Encrypted), Converted::default());
    assert_eq!(new.read(StoredFile::Key).unwrap().unwrap().as_slice(), PLAIN[0].1.as_bytes());
    assert_eq!(vault(&dir, Some(1), None).unlock(), Err(Locked::OtherSecret));
}

#[test]
fn a_crash_at_any_step_loses_no_key_and_is_mended() {
    use AtRest::{Encrypted, Plain};
    // Turned on; turned off; with another secret.
    for (from, secret, before, wanted) in
        [(None, 1, None, Encrypted), (Some(1), 1, None, Plain), (Some(1), 2, Some(1), Encrypted)]
    {
        let mut steps = 0;
        loop {
            let dir = with_plain_files();
            if from.is_some() {
                open(&dir, from, None).convert_all(Encrypted);
            }
            let disk = Crashing::new(&dir, steps);
            let names = disk.disk.names().unwrap();
            let mut vault =
                EncryptedStore::new(disk, &account(), names, Some(keys(secret, before)));
            let survived = vault.convert_all(wanted).failed.is_empty();
            drop(vault);

            // At any moment each file is whole, for whoever has all keys...
            for (file, content) in PLAIN {
                let found = get(&dir, file);
                let known = [secret, before.unwrap_or(secret)];
                let opened = known.iter().find_map(|secret| opened(*secret, file, &found));
                let opened = opened.unwrap_or(found);
                assert_eq!(opened, content.as_bytes(), "{file} after {steps} steps");
            }
            // ...and the next start finishes what was begun.
            let mut vault = open(&dir, Some(secret), before);
            let settled = vault.convert_all(wanted);
            assert_eq!(settled.failed, [""; 0], "after {steps} steps");
            if wanted == Encrypted {
                nothing_is_readable(&dir);
            }
            let names: Vec<String> = everything(&dir).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), PLAIN.len(), "after {steps} steps: {names:?}");
            if survived {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 8 * PLAIN.len(), "{steps}");
    }
}

#[test]
fn a_second_name_of_the_only_copy_is_not_wiped() {
    let dir = with_plain_files();
    let key = dir.path().join("otr.key");
    fs::hard_link(&key, dir.path().join("otr.key.was")).unwrap();
    let mut vault = open(&dir, Some(1), None);
    assert_eq!(vault.convert_all(AtRest::Encrypted), changed(PLAIN.len()));
    assert_eq!(vault.read(StoredFile::Key).unwrap().unwrap().as_slice(), PLAIN[0].1.as_bytes());
    // Nor what an admin has linked elsewhere: that is said instead.
    let elsewhere = tempfile::tempdir_in(dir.path().parent().unwrap()).unwrap();
    put(&dir, "otr.key", PLAIN[0].1);
    fs::hard_link(&key, elsewhere.path().join("backup")).unwrap();
    let mut vault = open(&dir, Some(1), None);
    let failed = vault.convert_all(AtRest::Encrypted).failed;
    assert!(failed[0].starts_with("otr.key: it has another name"), "{failed:?}");
    assert_eq!(vault.at_rest(), "not all encrypted");
    assert_eq!(get(&elsewhere, "backup"), PLAIN[0].1.as_bytes());
    assert_eq!(vault.read(StoredFile::Key).unwrap().unwrap().as_slice(), PLAIN[0].1.as_bytes());
}

#[test]
fn keys_come_one_or_two_and_whole() {
    assert!(Keys::read(&[1; 31][..]).is_err());
    assert!(Keys::read(&[1; 32][..]).unwrap().before.is_none());
    assert!(Keys::read(&[1; 64][..]).unwrap().before.is_some());
}

/// Files of an account, of a key that was replaced and of one that was damaged.
const PLAIN: [(&str, &str); 5] = [
    ("otr.key", "(privkeys (account (name alice) (protocol irc) SECRET"),
    ("otr.key.20251101", "(privkeys (account (name alice) (protocol irc) SECRET of old"),
    ("otr.fp", "bob\talice\tirc\tSECRET\tsmp\n"),
    ("conversations.json", "{\"conversations\": [{\"nick\": \"SECRET\"}]}"),
    ("otr.key.damaged.1", "SECRET, or half of it"),
];

/// Where there is such a file system: these tests wait for the disk thousands of times.
fn directory_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn with_plain_files() -> TempDir {
    let dir = directory_in_memory();
    PLAIN.iter().for_each(|(file, content)| put(&dir, file, content));
    dir
}

fn put(dir: &TempDir, file: &str, content: &str) {
    let path = dir.path().join(file);
    fs::write(&path, content).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

fn get(dir: &TempDir, file: &str) -> Vec<u8> {
    fs::read(dir.path().join(file)).unwrap()
}

fn everything(dir: &TempDir) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap());
    let named = entries.map(|entry| entry.file_name().into_string().unwrap());
    let mut all: Vec<_> = named.map(|name| (name.clone(), get(dir, &name))).collect();
    all.sort();
    all
}

fn nothing_is_readable(dir: &TempDir) {
    for (name, content) in everything(dir) {
        assert!(seal::is_sealed(&content), "{name}");
        assert!(!content.windows(6).any(|part| part == b"SECRET"), "{name}");
    }
}

fn account() -> Account {
    serde_json::from_str(r#"{"uid": 1000, "user": "alice", "network": "net"}"#).unwrap()
}

fn key(secret: u8) -> seal::Key {
    seal::Key::new(&Zeroizing::new([secret; seal::KEY]))
}

fn keys(secret: u8, before: Option<u8>) -> Keys {
    Keys { now: key(secret), before: before.map(key) }
}

fn vault_of(secret: u8, name: StoredFile, content: &[u8]) -> Vec<u8> {
    key(secret).seal(&seal::place(&account().path(), name.file()), content).unwrap()
}

fn opened(secret: u8, file: &str, found: &[u8]) -> Option<Vec<u8>> {
    let name = StoredFile::ALL.into_iter().find(|name| file.starts_with(name.file())).unwrap();
    let place = seal::place(&account().path(), name.file());
    Some(key(secret).open(&place, found).ok()?.to_vec())
}

fn directory(dir: &TempDir) -> Directory {
    let path: &Path = dir.path();
    Directory::new(File::open(path).unwrap().into())
}

fn vault(dir: &TempDir, secret: Option<u8>, before: Option<u8>) -> EncryptedStore<Directory> {
    let directory = directory(dir);
    let names = directory.names().unwrap();
    EncryptedStore::new(directory, &account(), names, secret.map(|secret| keys(secret, before)))
}

fn open(dir: &TempDir, secret: Option<u8>, before: Option<u8>) -> EncryptedStore<Directory> {
    let mut vault = vault(dir, secret, before);
    assert_eq!(vault.unlock(), Ok(()));
    vault
}

fn write(vault: &mut EncryptedStore<Directory>, name: StoredFile, content: &str) {
    let failed = vault.write(&[(name, Zeroizing::new(content.as_bytes().to_vec()))]);
    assert!(failed.is_empty(), "{failed:?}");
}

fn changed(changed: usize) -> Converted {
    Converted { changed, failed: Vec::new() }
}

/// After so many changes the machine has lost its power: the next one is not made, or half, and
/// none after it.
struct Crashing {
    disk: Directory,
    left: usize,
    /// Names that were given since they were last on the disk itself.
    unsynced: Rc<Cell<usize>>,
}

impl Crashing {
    fn new(dir: &TempDir, left: usize) -> Self {
        Self { disk: directory(dir), left, unsynced: Rc::default() }
    }

    fn step(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("crashed"))?;
        Ok(())
    }
}

impl Disk for Crashing {
    fn read(&mut self, file: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.disk.read(file)
    }

    fn create(&mut self, file: &str, content: &[u8]) -> io::Result<()> {
        let crashes_now = self.left == 0;
        let step = self.step();
        if crashes_now {
            let _ = self.disk.create(file, &content[..content.len() / 2]);
            self.left = 0;
        }
        step.and_then(|()| self.disk.create(file, content))
    }

    fn rename(&mut self, file: &str, to: &str) -> io::Result<()> {
        self.step().and_then(|()| self.disk.rename(file, to))?;
        self.unsynced.set(self.unsynced.get() + 1);
        Ok(())
    }

    fn link(&mut self, file: &str, other: &str) -> io::Result<()> {
        self.step().and_then(|()| self.disk.link(file, other))
    }

    fn remove(&mut self, file: &str) -> io::Result<()> {
        self.step().and_then(|()| self.disk.remove(file))
    }

    fn wipe(&mut self, file: &str) -> io::Result<()> {
        self.step().and_then(|()| self.disk.wipe(file))
    }

    fn same(&mut self, file: &str, other: &str) -> io::Result<Option<bool>> {
        self.disk.same(file, other)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.step().and_then(|()| self.disk.sync())?;
        self.unsynced.set(0);
        Ok(())
    }
}
