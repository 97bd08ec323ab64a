//! How much memory this process takes for itself.

use std::fs::File;
use std::io::{self, Read, Seek};

/// `/proc/self/statm` of proc_pid_statm(5), opened while files still can be.
///
/// Not getrusage(2): what it calls the most that was resident counts from the fork on, so a worker that is
/// started by a front which once was large would seem to be as large.
pub struct OwnMemory {
    statm: File,
    page: u64,
}

impl OwnMemory {
    /// To be called before this process is confined.
    ///
    /// # Errors
    /// Where `/proc` is not mounted.
    pub fn open() -> io::Result<Self> {
        let page = rustix::param::page_size() as u64;
        Ok(Self { statm: File::open("/proc/self/statm")?, page })
    }

    /// What is resident and in no file, in KiB: the programs and libraries that all workers share are not in it.
    ///
    /// # Errors
    /// Where the kernel's words are not those of proc_pid_statm(5).
    pub fn kib(&mut self) -> io::Result<u64> {
        let mut words = String::new();
        self.statm.rewind()?;
        (&self.statm).take(256).read_to_string(&mut words)?;
        let mut words = words.split(' ').skip(1).map(|word| word.parse::<u64>().ok());
        match (words.next().flatten(), words.next().flatten()) {
            (Some(resident), Some(shared)) => {
                Ok(resident.saturating_sub(shared).saturating_mul(self.page) / 1024)
            }
            _ => Err(io::Error::other("/proc/self/statm says no numbers of pages")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_takes_counts_and_what_it_gave_back_does_not() {
        const LARGE: usize = 64 << 20;
        let mut memory = OwnMemory::open().unwrap();
        let before = memory.kib().unwrap();
        let taken = vec![1_u8; LARGE];
        let with = memory.kib().unwrap();
        assert!(with - before > 60 << 10, "{before} {with}");
        drop(std::hint::black_box(taken));
        assert!(memory.kib().unwrap() < with - (60 << 10));
    }
}
