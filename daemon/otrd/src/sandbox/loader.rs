//! The dynamic loader, which the kernel starts to load a program and its libraries: `ld-linux-x86-64.so.2`,
//! `ld-musl-x86_64.so.1`, and other names elsewhere.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The loader that this program names; nothing for a static program, and for what is no ELF program.
///
/// # Errors
/// Where it cannot be read, or is damaged.
pub fn of(program: &Path) -> io::Result<Option<PathBuf>> {
    let file = ReadCache::new(File::open(program)?);
    let named = match FileKind::parse(&file) {
        Ok(FileKind::Elf32) => named_by::<object::elf::FileHeader32<Endianness>>(&file),
        Ok(FileKind::Elf64) => named_by::<object::elf::FileHeader64<Endianness>>(&file),
        _ => Ok(None),
    };
    let named = named.map_err(io::Error::other)?;
    Ok(named.map(|name| OsString::from_vec(name).into()))
}

/// The file that tells musl's loader where libraries are. Where it is there and cannot be read, musl looks
/// nowhere.
pub fn search_path(loader: &Path) -> Option<PathBuf> {
    let (name, _) = loader.file_name()?.to_str()?.split_once(".so")?;
    let path = Path::new("/etc").join(format!("{name}.path"));
    Some(path).filter(|path| path.exists())
}

fn named_by<Header: FileHeader<Endian = Endianness>>(
    file: &ReadCache<File>,
) -> object::read::Result<Option<Vec<u8>>> {
    let header = Header::parse(file)?;
    let endian = header.endian()?;
    for segment in header.program_headers(endian, file)? {
        if let Some(name) = segment.interpreter(endian, file)? {
            return Ok(Some(name.to_vec()));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The dynamic linker of this test is mapped into it, if there is one.
    #[test]
    fn it_is_the_one_that_loaded_this_program() {
        let named = of(&std::env::current_exe().unwrap()).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut mapped = maps.lines().filter_map(|line| Some(&line[line.find('/')?..]));
        match named {
            Some(loader) => {
                let real = loader.canonicalize().unwrap();
                assert!(mapped.any(|path| Path::new(path) == real), "{loader:?}: {maps}");
            }
            None => assert!(!mapped.any(|path| path.contains(".so")), "{maps}"),
        }
    }

    #[test]
    fn what_is_no_program_has_none() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(of(&script).unwrap(), None);
        assert!(of(&directory.path().join("missing")).is_err());
    }

    #[test]
    fn a_damaged_program_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let damaged = directory.path().join("damaged");
        std::fs::write(&damaged, &own[..100]).unwrap();
        assert!(of(&damaged).is_err());
    }
}
