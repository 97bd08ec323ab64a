//! How much memory this process takes for itself.

use std::fs::File;
use std::io::{self, Read, Seek};

/// `/proc/self/status` of proc_pid_status(5), opened while files still can be.
///
/// Not getrusage(2): what it calls the most that was resident counts from the fork on, so a worker that is
/// started by a front which once was large would seem to be as large.
pub struct OwnMemory {
    status: File,
    kib: u64,
}

impl OwnMemory {
    /// To be called before this process is confined.
    ///
    /// # Errors
    /// Where `/proc` is not mounted, or says something else.
    pub fn open() -> io::Result<Self> {
        let mut status = File::open("/proc/self/status")?;
        let kib = read(&mut status)?;
        Ok(Self { status, kib })
    }

    /// What is in no file, resident or swapped out, in KiB: the programs and libraries that all workers share
    /// are not in it. Where the kernel does not say it just then, what it said before.
    pub fn kib(&mut self) -> u64 {
        self.kib = read(&mut self.status).unwrap_or(self.kib);
        self.kib
    }
}

fn read(status: &mut File) -> io::Result<u64> {
    let mut text = String::new();
    status.rewind()?;
    status.take(8192).read_to_string(&mut text)?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let resident = kib("RssAnon:").ok_or_else(|| io::Error::other("it has no RssAnon"))?;
    // A kernel without swapping has no such line.
    Ok(resident.saturating_add(kib("VmSwap:").unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn what_this_process_takes_counts_and_what_it_gave_back_does_not() {
        let mut memory = OwnMemory::open().unwrap();
        let before = memory.kib();
        let taken = black_box(vec![1_u8; 64 << 20]);
        let with = memory.kib();
        assert!(with > before + (48 << 10), "{before} {with}");
        drop(taken);
        assert!(memory.kib() + (48 << 10) < with);
    }
}
