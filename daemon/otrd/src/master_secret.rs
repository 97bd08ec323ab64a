//! The master secret, from systemd's credentials. Read once, before anything else can happen; what
//! leaves this process is one account's key at a time, through a pipe to that account's worker.

use anyhow::{Context as _, bail, ensure};
use confine::secret_io;
use hkdf::Hkdf;
use nix::fcntl::OFlag;
use nix::unistd::{pipe2, write};
use proto::account::Account;
use sha2::Sha256;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use zeroize::Zeroizing;

/// The credentials' names: the secret, and during a change the one before it.
const NOW: &str = "otrd-master";
const BEFORE: &str = "otrd-master-old";
/// Fewer bytes are a password, and could be guessed.
const SHORTEST: usize = 32;
const LONGEST: usize = 4096;
/// Keys of another purpose would be other ones.
const PURPOSE: &[u8] = b"otrd: files of an account";
const KEY: usize = 32;

/// What all accounts' keys come from.
pub struct MasterSecrets {
    now: Zeroizing<Vec<u8>>,
    before: Option<Zeroizing<Vec<u8>>>,
}

impl MasterSecrets {
    /// Those that systemd passed; nothing where it passed none.
    pub fn passed() -> anyhow::Result<Option<Self>> {
        match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(directory) => Self::find(Path::new(&directory)),
            None => Ok(None),
        }
    }

    fn find(directory: &Path) -> anyhow::Result<Option<Self>> {
        match (read(&directory.join(NOW))?, read(&directory.join(BEFORE))?) {
            (Some(now), before) => Ok(Some(Self { now, before })),
            (None, None) => Ok(None),
            (None, Some(_)) => bail!("there is a credential {BEFORE}, but no {NOW} beside it"),
        }
    }

    /// Whether there is one from before.
    pub fn changes(&self) -> bool {
        self.before.is_some()
    }

    /// A pipe out of which an account's key comes, and behind it the one from before.
    pub fn pipe(&self, account: &Account) -> io::Result<OwnedFd> {
        let mut keys = Zeroizing::new(Vec::with_capacity(2 * KEY));
        for master in [Some(&self.now), self.before.as_ref()].into_iter().flatten() {
            keys.extend_from_slice(&*key(master, account)?);
        }
        let (out, into) = pipe2(OFlag::O_CLOEXEC)?;
        // Far less than a pipe holds.
        match write(&into, &keys)? == keys.len() {
            true => Ok(out),
            false => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

fn key(master: &[u8], account: &Account) -> io::Result<Zeroizing<[u8; KEY]>> {
    let mut key = Zeroizing::new([0; KEY]);
    let expanded =
        Hkdf::<Sha256>::new(Some(PURPOSE), master).expand(account.path().as_bytes(), &mut *key);
    expanded.map(|()| key).map_err(io::Error::other)
}

fn read(path: &Path) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    let shown = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
    };
    let secret = secret_io::read(file, LONGEST, LONGEST);
    let secret = secret.with_context(|| format!("cannot read {shown}"))?;
    ensure!(
        (SHORTEST..=LONGEST).contains(&secret.len()),
        "{shown} has {} bytes: a master secret has {SHORTEST} to {LONGEST}, such as those of head -c 32 /dev/urandom",
        secret.len()
    );
    Ok(Some(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;

    fn account(uid: u32) -> Account {
        serde_json::from_value(serde_json::json!({"uid": uid, "user": "alice", "network": "net"}))
            .unwrap()
    }

    /// What another implementation of RFC 5869 says.
    #[test]
    fn a_key_is_hkdf_sha256_over_the_account() {
        let hex = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(&*key(&[7; 32], &account(1000)).unwrap()),
            "f499f6987f5cc6111a4258d9b1887716cfb33b72cc41b1b985b191bdd0a6c181"
        );
        assert_ne!(
            *key(&[7; 32], &account(1000)).unwrap(),
            *key(&[7; 32], &account(1001)).unwrap()
        );
        assert_ne!(
            *key(&[7; 32], &account(1000)).unwrap(),
            *key(&[8; 32], &account(1000)).unwrap()
        );
    }

    #[test]
    fn a_worker_is_given_the_key_of_its_account_and_the_one_before() {
        let master = |byte| Zeroizing::new(vec![byte; 32]);
        let master_secrets = MasterSecrets { now: master(1), before: Some(master(2)) };
        let mut keys = Vec::new();
        File::from(master_secrets.pipe(&account(5)).unwrap()).read_to_end(&mut keys).unwrap();
        let both = [1, 2].map(|byte| *key(&[byte; 32], &account(5)).unwrap());
        assert_eq!(keys, both.concat());
    }

    #[test]
    fn secrets_are_found_and_weak_ones_refused() {
        let directory = tempfile::tempdir().unwrap();
        let put = |name: &str, length| fs::write(directory.path().join(name), vec![1; length]);
        assert!(MasterSecrets::find(directory.path()).unwrap().is_none());
        put(BEFORE, 32).unwrap();
        assert!(MasterSecrets::find(directory.path()).is_err());
        for (length, good) in [(0, false), (31, false), (32, true), (4096, true), (4097, false)] {
            put(NOW, length).unwrap();
            assert_eq!(MasterSecrets::find(directory.path()).is_ok(), good, "{length}");
        }
        put(NOW, 64).unwrap();
        let master_secrets = MasterSecrets::find(directory.path()).unwrap().unwrap();
        assert!(master_secrets.changes() && master_secrets.now.len() == 64);
    }
}
