//! Our instance tag, in libotr's list and in the format of its file. The caller reads and writes
//! the file.

use std::alloc::{Layout, handle_alloc_error};
use std::ptr;

use otr_sys::OtrlInsTag;

use crate::Otr;
use crate::context::PROTOCOL;
use crate::error::FileError;
use crate::fingerprint_store::MAX_RECORDS_FILE;
use crate::text_file::{TextFile, lines, trimmed};

impl Otr {
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
        let ours = lines(&file).find_map(|line| {
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
            otr_sys::otrl_instag_find(
                self.us.as_ptr(),
                self.account.as_c().as_ptr(),
                PROTOCOL.as_ptr(),
            )
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
            otr_sys::otrl_instag_forget_all(self.us.as_mut_ptr());
            let entry = libc::malloc(layout.size()).cast::<OtrlInsTag>();
            let account = libc::strdup(self.account.as_c().as_ptr());
            let protocol = libc::strdup(PROTOCOL.as_ptr());
            if entry.is_null() || account.is_null() || protocol.is_null() {
                handle_alloc_error(layout);
            }
            let root = &raw mut (*self.us.as_mut_ptr()).instag_root;
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
