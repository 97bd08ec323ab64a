//! Files in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use worker::store::{DAMAGED, Store, StoredFile};
use zeroize::Zeroizing;

/// Shared with whoever looks at the files: they outlive the engine.
#[derive(Clone, Default)]
pub struct Files(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    refuses: bool,
    /// How often something was to be written.
    writes: usize,
    /// The one of them that fails, and how.
    fails: Option<(usize, io::ErrorKind)>,
}

impl Files {
    pub fn put(&self, name: StoredFile, content: &[u8]) {
        self.0.borrow_mut().files.insert(name.file().into(), content.to_vec());
    }

    pub fn get(&self, file: &str) -> Option<Vec<u8>> {
        self.0.borrow().files.get(file).cloned()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.borrow().files.keys().cloned().collect()
    }

    /// From now on nothing can be written, as on a full disk; or again.
    pub fn refuse(&self, refuses: bool) {
        self.0.borrow_mut().refuses = refuses;
    }

    /// The nth write from the beginning fails, counted from 0.
    pub fn fail(&self, nth: usize, how: io::ErrorKind) {
        self.0.borrow_mut().fails = Some((nth, how));
    }

    /// How often something was to be written so far.
    pub fn writes(&self) -> usize {
        self.0.borrow().writes
    }

    /// Replaces one file.
    pub fn write_one(&self, name: StoredFile, content: &[u8]) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        inner.writes += 1;
        if inner.refuses {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if let Some((_, how)) = inner.fails.filter(|(nth, _)| nth + 1 == inner.writes) {
            return Err(io::Error::from(how));
        }
        drop(inner);
        self.put(name, content);
        Ok(())
    }
}

impl Store for Files {
    fn read(&mut self, name: StoredFile) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        Ok(self.get(name.file()).map(Zeroizing::new))
    }

    fn write(
        &mut self,
        files: &[(StoredFile, Zeroizing<Vec<u8>>)],
    ) -> Vec<(StoredFile, io::Error)> {
        let written = files.iter().map(|(name, content)| (*name, self.write_one(*name, content)));
        written.filter_map(|(name, written)| Some((name, written.err()?))).collect()
    }

    fn keep_copy(&mut self, name: StoredFile, suffix: &str) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        let Some(file) = inner.files.get(name.file()).cloned() else { return Ok(()) };
        if inner.refuses {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let mut aside = format!("{}.{suffix}", name.file());
        while inner.files.contains_key(&aside) {
            aside.push_str(".1");
        }
        inner.files.insert(aside, file);
        Ok(())
    }

    fn has_damaged(&self, name: StoredFile) -> bool {
        let first = format!("{}.{DAMAGED}", name.file());
        self.names().iter().any(|file| file.starts_with(&first))
    }

    fn set_aside(&mut self, name: StoredFile, suffix: &str) -> io::Result<String> {
        let mut inner = self.0.borrow_mut();
        let file = inner.files.remove(name.file()).ok_or(io::ErrorKind::NotFound)?;
        let mut aside = format!("{}.{suffix}", name.file());
        while inner.files.contains_key(&aside) {
            aside.push_str(".1");
        }
        inner.files.insert(aside.clone(), file);
        Ok(aside)
    }
}
