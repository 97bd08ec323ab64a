//! What the kernel knows of a process.

use std::fs;

/// Nanoseconds of CPU that a process has used, all of its threads.
pub fn cpu(pid: i32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the threads of a process");
    tasks.flatten().map(|task| of_thread(&task.path().join("schedstat"))).sum()
}

fn of_thread(path: &std::path::Path) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// Kilobytes that a process takes, shared pages divided by those who share them.
pub fn pss(pid: i32) -> f64 {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// Kilobytes of a process that are in no file; 0 where they are not for us to read.
pub fn anonymous(pid: i32) -> f64 {
    field(&format!("/proc/{pid}/smaps_rollup"), "Anonymous:")
}

/// Kilobytes of a process that are in memory. What `status` says is off by up to 64 pages on two
/// processors, see proc(5), so it is asked only where the exact sum is not for us to read.
pub fn rss(pid: i32) -> f64 {
    let exact = field(&format!("/proc/{pid}/smaps_rollup"), "Rss:");
    if exact > 0.0 { exact } else { field(&format!("/proc/{pid}/status"), "VmRSS:") }
}

fn field(path: &str, name: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// What this is measured on, in one line.
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("unknown CPU", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{}, {cores} cores, Linux {}, load {load} at the start", model.trim(), kernel.trim())
}

/// Seconds of CPU that a virtual machine's host gave to others so far.
pub fn stolen() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    // user nice system idle iowait irq softirq steal, in hundredths of a second.
    let ticks = stat.lines().next().and_then(|all| all.split_whitespace().nth(8));
    ticks.and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / 100.0
}
