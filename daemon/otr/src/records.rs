//! What is kept on disk beside the key, in libotr's own formats: the
//! fingerprints of peers and our instance tag. The caller reads and writes the
//! files.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr;

use otr_sys::OtrlInsTag;

use crate::Otr;
use crate::context::{Context, PROTOCOL};
use crate::error::FileError;
use crate::record::Record;
use crate::shelf::Place;
use crate::text_file::{TextFile, lines, trimmed};
use crate::trust::Trust;

/// Largest file that is read, in bytes.
pub const MAX_RECORDS_FILE: usize = 16 * 1024 * 1024;
/// How many fingerprints are loaded from a file.
pub const MAX_FINGERPRINTS: usize = 20_000;

/// What a file of fingerprints held.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FingerprintReport {
    /// Fingerprints that are now known.
    pub loaded: usize,
    /// Lines of other accounts or protocols, which were left out.
    pub others: usize,
    /// Lines that make no sense, which were left out.
    pub malformed: usize,
    /// Lines beyond [`MAX_FINGERPRINTS`], which were left out.
    pub beyond_limit: usize,
    /// Lines that were loaded without their word for trust, which no program is known to write.
    pub unknown_trust: usize,
}

impl FingerprintReport {
    /// Whether saving would lose lines of the file that was read.
    #[must_use]
    pub fn lossy(&self) -> bool {
        self.others + self.malformed + self.beyond_limit + self.unknown_trust > 0
    }
}

impl Otr {
    /// Takes the content of an `otr.fp` file: lines of peer, account, protocol,
    /// fingerprint in hexadecimal and trust, set apart by tabs. What is known
    /// already stays, with the file's trust.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] beyond [`MAX_RECORDS_FILE`].
    pub fn load_fingerprints(&mut self, file: Vec<u8>) -> Result<FingerprintReport, FileError> {
        if file.len() > MAX_RECORDS_FILE {
            return Err(FileError::TooLarge(MAX_RECORDS_FILE));
        }
        let unmarked = {
            let text = TextFile::new(&file);
            (text.len() != file.len()).then(|| text.to_vec())
        };
        let file = unmarked.unwrap_or(file);
        let mut report = FingerprintReport::default();
        let mut ours = Vec::new();
        for (start, line) in lines(&file) {
            let Some(record) = Record::parse(line) else {
                report.malformed += 1;
                continue;
            };
            if record.account != self.account.as_bytes() || record.protocol != PROTOCOL.to_bytes() {
                report.others += 1;
            } else if report.loaded >= MAX_FINGERPRINTS {
                report.beyond_limit += 1;
            } else {
                report.loaded += 1;
                report.unknown_trust += usize::from(Trust::parse(record.trust).is_none());
                ours.extend(Place::of(&record, start, line));
            }
        }
        self.shelf.put_file(file, ours);
        for met in Context::masters(self.us.0).into_iter().filter_map(Context::peer) {
            self.introduce(&met);
        }
        Ok(report)
    }

    /// The content of an `otr.fp` file, to save after
    /// [`crate::Event::FingerprintsChanged`] and after changing trust.
    #[must_use]
    pub fn fingerprints_file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for of_one in self.known().chunk_by(|a, b| a.peer == b.peer) {
            // libotr lists the newest first, and adds in front: written the other
            // way round, the order survives being read.
            for known in of_one.iter().rev() {
                let fields = [
                    known.peer.as_bytes(),
                    self.account.as_bytes(),
                    PROTOCOL.to_bytes(),
                    known.fingerprint.to_hex().as_bytes(),
                    known.trust.as_field(),
                ]
                .join(&b'\t');
                file.extend_from_slice(&fields);
                file.push(b'\n');
            }
        }
        file
    }

    /// Takes the content of an `otr.instag` file. Without a line for our account
    /// a new tag is made when it is first needed.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] beyond [`MAX_RECORDS_FILE`].
    pub fn load_instags(&mut self, file: &[u8]) -> Result<(), FileError> {
        if file.len() > MAX_RECORDS_FILE {
            return Err(FileError::TooLarge(MAX_RECORDS_FILE));
        }
        let file = TextFile::new(file);
        let ours = lines(&file).find_map(|(_, line)| {
            let mut fields = line.split(|byte| *byte == b'\t').map(trimmed);
            let ours =
                fields.next()? == self.account.as_bytes() && fields.next()? == PROTOCOL.to_bytes();
            let tag = fields.next().filter(|tag| tag.len() == 8)?;
            let more = fields.any(|field| !field.is_empty());
            if !ours || more || !tag.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let tag = u32::from_str_radix(std::str::from_utf8(tag).ok()?, 16).ok()?;
            (tag >= otr_sys::OTRL_MIN_VALID_INSTAG).then_some(tag)
        });
        if let Some(tag) = ours {
            self.set_instag(tag);
        }
        Ok(())
    }

    /// The content of an `otr.instag` file; without a tag yet, only its comment.
    #[must_use]
    pub fn instags_file(&self) -> Vec<u8> {
        let mut file = b"# WARNING! You shouldn't copy this file to another computer. \
            It is unnecessary and can cause problems.\n"
            .to_vec();
        if let Some(tag) = self.current_instag() {
            let tag = format!("{tag:08x}\n");
            let fields = [self.account.as_bytes(), PROTOCOL.to_bytes(), tag.as_bytes()];
            file.extend_from_slice(&fields.join(&b'\t'));
        }
        file
    }

    /// Our instance tag: tells our client from others under the same nick (OTR
    /// version 3). Made if there is none yet; the next [`Otr::receive`] then says
    /// [`crate::Event::InstagsChanged`].
    pub fn instag(&mut self) -> u32 {
        if let Some(tag) = self.current_instag() {
            return tag;
        }
        // SAFETY: libgcrypt has been made ready.
        let tag = unsafe { otr_sys::otrl_instag_get_new() };
        self.set_instag(tag);
        self.tag_is_new = true;
        tag
    }

    pub(crate) fn current_instag(&self) -> Option<u32> {
        // SAFETY: the user state is open, and both names are C strings.
        let found = unsafe {
            otr_sys::otrl_instag_find(self.us.0, self.account.as_c().as_ptr(), PROTOCOL.as_ptr())
        };
        // SAFETY: null or a valid entry.
        unsafe { found.as_ref() }.map(|entry| entry.instag)
    }

    /// Puts the tag into libotr's list, as `otrl_instag_generate_FILEp` does.
    /// Without it there, libotr gives its contexts the tag 0, which peers refuse.
    fn set_instag(&mut self, tag: u32) {
        let layout = Layout::new::<OtrlInsTag>();
        // SAFETY: the user state is open; the names are C strings; the entry is
        // malloc's, as libotr's own are, and is all filled in before it is linked.
        unsafe {
            otr_sys::otrl_instag_forget_all(self.us.0);
            let entry = libc::malloc(layout.size()).cast::<OtrlInsTag>();
            let account = libc::strdup(self.account.as_c().as_ptr());
            let protocol = libc::strdup(PROTOCOL.as_ptr());
            if entry.is_null() || account.is_null() || protocol.is_null() {
                handle_alloc_error(layout);
            }
            let root = &raw mut (*self.us.0).instag_root;
            entry.write(OtrlInsTag {
                next: ptr::null_mut(),
                tous: root,
                accountname: account,
                protocol,
                instag: tag,
            });
            *root = entry;
        }
    }
}
