//! The files of one account in one: what `import` and `export` carry in a descriptor beside the
//! request, past the front. Each file is a line with its name and its length in bytes, the bytes,
//! and LF.

/// A file's name in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `key`: libotr's private keys.
    Key,
    /// `key3`: a private key of weechat's script.
    WeechatKey,
    /// `fp`: libotr's fingerprints.
    Fingerprints,
    /// `instag`: libotr's instance tags.
    InstanceTags,
}

impl File {
    const ALL: [File; 4] = [Self::Key, Self::WeechatKey, Self::Fingerprints, Self::InstanceTags];

    /// Its name in a bundle.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::WeechatKey => "key3",
            Self::Fingerprints => "fp",
            Self::InstanceTags => "instag",
        }
    }
}

/// Longest bundle in bytes.
pub const MAX: usize = 8 << 20;

/// Bytes that are no bundle.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the descriptor holds no files of an account: see PROTOCOL.md")]
pub struct Malformed;

/// Bytes that a file takes in a bundle beside its own: name, length in digits, blank and two LF.
const AROUND: usize = 6 + 20 + 3;

/// How long a bundle of these files is at most. Reserved at once, no half of a key is left behind
/// by a buffer that grows.
pub fn room(files: &[(File, &[u8])]) -> usize {
    files.iter().map(|(_, content)| content.len() + AROUND).sum()
}

/// Appends the files to a buffer.
pub fn write(files: &[(File, &[u8])], out: &mut Vec<u8>) {
    for (file, content) in files {
        out.extend_from_slice(format!("{} {}\n", file.name(), content.len()).as_bytes());
        out.extend_from_slice(content);
        out.push(b'\n');
    }
}

/// The files of a bundle. None is there twice.
///
/// # Errors
/// [`Malformed`], wherever it is.
pub fn read(mut bytes: &[u8]) -> Result<Vec<(File, &[u8])>, Malformed> {
    let mut files: Vec<(File, &[u8])> = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Malformed)?;
        let (head, rest) = bytes.split_at_checked(end).ok_or(Malformed)?;
        let head = std::str::from_utf8(head).map_err(|_| Malformed)?;
        let (name, length) = head.split_once(' ').ok_or(Malformed)?;
        let file = File::ALL.into_iter().find(|file| file.name() == name).ok_or(Malformed)?;
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: usize = length.parse().ok().filter(|_| digits).ok_or(Malformed)?;
        let rest = rest.get(1..).ok_or(Malformed)?;
        let (content, behind) = rest.split_at_checked(length).ok_or(Malformed)?;
        bytes = behind.strip_prefix(b"\n").ok_or(Malformed)?;
        if files.iter().any(|(there, _)| *there == file) {
            return Err(Malformed);
        }
        files.push((file, content));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_survive() {
        let files: &[(File, &[u8])] = &[
            (File::Key, b"(privkeys\n)\n"),
            (File::WeechatKey, b"\0\0\n\xff"),
            (File::Fingerprints, b""),
            (File::InstanceTags, b"no line end"),
        ];
        let mut bytes = Vec::new();
        write(files, &mut bytes);
        assert!(bytes.len() <= room(files));
        assert_eq!(read(&bytes).unwrap(), files);
        assert_eq!(read(b"").unwrap(), []);
        for cut in 1..bytes.len() {
            if let Ok(some) = read(&bytes[..cut]) {
                assert_eq!(files[..some.len()], some);
            }
        }
    }

    #[test]
    fn what_is_no_bundle_is_refused() {
        for bad in [
            "\n",
            "key",
            "key\n",
            "key 1\n",
            "key 1\nx",
            "key 2\nx\n",
            "key +1\nx\n",
            "key -1\nx\n",
            "key  1\nx\n",
            "key 1 \nx\n",
            "key 1\nx\r\n",
            "KEY 1\nx\n",
            "key 0\n\nkey 0\n\n",
            "key 99999999999999999999999\nx\n",
            "key 18446744073709551615\nx\n",
            "other 1\nx\n",
        ] {
            assert_eq!(read(bad.as_bytes()), Err(Malformed), "{bad:?}");
        }
    }
}
