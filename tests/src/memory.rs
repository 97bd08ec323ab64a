//! What a process has in memory, as root can read it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// How often these bytes are in a process's writable memory: heap, stack, data.
///
/// # Panics
/// Only root may look.
#[track_caller]
pub fn times_in_memory(pid: i32, bytes: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let regions = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        rest.starts_with("rw").then_some(())?;
        Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
    });
    regions.map(|(start, end)| times_in(&memory, start, end, bytes)).sum()
}

/// The most that a process had resident, in KiB.
#[track_caller]
pub fn most_resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn times_in(memory: &File, start: u64, end: u64, bytes: &[u8]) -> usize {
    let length = usize::try_from(end - start).expect("a region fits");
    let mut region = vec![0; length];
    // It can be gone since the list was made.
    if memory.read_exact_at(&mut region, start).is_err() {
        return 0;
    }
    memchr::memmem::find_iter(&region, bytes).count()
}
