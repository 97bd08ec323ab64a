//! seccomp: the system calls that are left. Any other ends the process at once.

use confine::numbers;
use confine::seccomp::{Alternatives, Argument, Error, Unlisted};
use libc::c_long;
use std::os::fd::RawFd;

/// One system call that is allowed.
pub struct Entry {
    /// Its number on this processor.
    pub number: c_long,
    /// With these arguments only; each an alternative, none for any arguments.
    pub with: Alternatives,
    /// Whether every conversation makes it.
    pub seen: Seen,
}

/// Where an entry can be seen in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// In every conversation: a test makes sure of it.
    Here,
    /// Not in each, and why it is here nevertheless.
    Elsewhere(&'static str),
}

/// What a C library asks for and can do without: it is missing (ENOSYS). It is on the list as well, or it
/// would end the process. musl asks whether a file is a terminal before it writes to it.
#[cfg(target_env = "musl")]
const REFUSED: &[c_long] = &[libc::SYS_ioctl];
#[cfg(not(target_env = "musl"))]
const REFUSED: &[c_long] = &[];

/// Forbids everything that [`allowed`] does not list.
pub fn restrict(directory: Option<RawFd>) -> Result<(), Error> {
    if !REFUSED.is_empty() {
        confine::seccomp::refuse(REFUSED.iter().copied())?;
    }
    let listed = allowed(directory).into_iter().map(|entry| (entry.number, entry.with));
    confine::seccomp::restrict(listed, Unlisted::Kills)
}

/// The list, with the files of a directory or without any.
pub fn allowed(directory: Option<RawFd>) -> Vec<Entry> {
    let mut entries = computing();
    entries.extend(of_c_library());
    entries.extend(ending());
    if let Some(directory) = directory {
        entries.extend(talking());
        entries.extend(keeping(directory));
    }
    entries
}

/// By a bug of ours, or a failed check of libgcrypt's. That a confined process can is shown by the attack of
/// this name, which is none (`tests/attacks`).
const ABORT: &str = "an abort";
const LARGE: &str = "malloc, for pieces that are large by its measure at that moment";
const ONCE: &str = "pthread_once, where a library gets to it late";

/// Memory, randomness, and files in memory: all that making a key takes.
fn computing() -> Vec<Entry> {
    use libc::*;
    let not_executable = Argument::masked(2, PROT_EXEC, 0);
    // A debug build of Rust asks F_GETFD before it closes. F_SETOWN and the like send signals.
    let flags = [F_GETFL, F_DUPFD_CLOEXEC, F_GETFD].map(|command| vec![Argument::int(1, command)]);
    vec![
        any(SYS_brk),
        Entry { seen: Seen::Elsewhere(LARGE), ..with(numbers::MMAP, [vec![not_executable]]) },
        elsewhere(SYS_munmap, LARGE),
        elsewhere(SYS_mremap, LARGE),
        any(SYS_getrandom),
        // libgcrypt stirs these into its pool, and looks whether it was forked.
        with(SYS_getrusage, [vec![Argument::int(0, RUSAGE_SELF)]]),
        any(SYS_getpid),
        any(SYS_memfd_create),
        any(SYS_read),
        any(SYS_write),
        any(numbers::LSEEK),
        any(SYS_close),
        with(numbers::FCNTL, flags),
        // Processor time, which libgcrypt stirs in, too; and all times where the vDSO cannot read
        // the machine's clock (hpet, acpi_pm).
        #[cfg(target_pointer_width = "64")]
        any(SYS_clock_gettime),
        #[cfg(target_pointer_width = "32")]
        any(numbers::CLOCK_GETTIME64),
        #[cfg(target_pointer_width = "32")]
        elsewhere(SYS_clock_gettime, "kernels and libraries whose times have 32 bits"),
        elsewhere(SYS_futex, ONCE),
        #[cfg(target_pointer_width = "32")]
        elsewhere(numbers::FUTEX_TIME64, ONCE),
    ]
}

/// What C libraries do by different calls.
#[cfg(not(target_env = "musl"))]
fn of_c_library() -> Vec<Entry> {
    use libc::*;
    let own = i32::try_from(std::process::id()).unwrap_or(-1);
    let abort = vec![Argument::int(0, own), Argument::int(2, SIGABRT)];
    vec![
        // libotr asks for the length of a file, and so does Rust.
        any(SYS_statx),
        #[cfg(target_pointer_width = "64")]
        any(SYS_newfstatat),
        #[cfg(target_pointer_width = "64")]
        elsewhere(SYS_fstat, "newer glibc, instead of newfstatat"),
        // libgcrypt stirs it in. Where the vDSO cannot read the clock, glibc makes this call on these processors.
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        any(SYS_gettimeofday),
        // libotr and libgcrypt call time(2), which is in the vDSO where there is one.
        #[cfg(target_arch = "x86_64")]
        any(SYS_time),
        elsewhere(SYS_gettid, ABORT),
        Entry { seen: Seen::Elsewhere(ABORT), ..with(SYS_tgkill, [abort]) },
    ]
}

#[cfg(target_env = "musl")]
fn of_c_library() -> Vec<Entry> {
    use libc::*;
    let own = nix::unistd::gettid().as_raw();
    let abort = vec![Argument::int(0, own), Argument::int(1, SIGABRT)];
    vec![
        any(numbers::FSTAT),
        // libotr's files.
        any(SYS_readv),
        any(SYS_writev),
        any(SYS_ioctl),
        // After F_DUPFD_CLOEXEC, for kernels that did not know it.
        with(numbers::FCNTL, [vec![Argument::int(1, F_SETFD)]]),
        // malloc's own notes, where brk found no room for them.
        with(SYS_mprotect, [vec![Argument::masked(2, PROT_EXEC, 0)]]),
        elsewhere(
            SYS_madvise,
            "musl up to 1.2.3, whose free gives back the pages of a large piece among others: a test makes sure \
             that conversations do it there, and nowhere else",
        ),
        Entry { seen: Seen::Elsewhere(ABORT), ..with(SYS_tkill, [abort]) },
    ]
}

/// The end, good or bad.
fn ending() -> Vec<Entry> {
    use libc::*;
    vec![
        any(SYS_exit_group),
        // Rust takes its signal stack down.
        any(SYS_sigaltstack),
        elsewhere(SYS_rt_sigprocmask, ABORT),
    ]
}

/// The front, and the module's connection. Descriptors come in; none goes out, and nothing is
/// sent to an address.
fn talking() -> Vec<Entry> {
    use libc::*;
    let mut entries = sockets();
    entries.extend([
        #[cfg(any(target_arch = "x86_64", target_pointer_width = "32"))]
        any(SYS_poll),
        #[cfg(target_arch = "x86_64")]
        elsewhere(SYS_ppoll, "other processors, instead of poll"),
        #[cfg(not(any(target_arch = "x86_64", target_pointer_width = "32")))]
        any(SYS_ppoll),
        elsewhere(SYS_restart_syscall, "a worker that was stopped while it waited"),
    ]);
    entries
}

/// Bytes of connected sockets, and descriptors that come in.
#[cfg(target_pointer_width = "64")]
fn sockets() -> Vec<Entry> {
    use libc::*;
    vec![
        any(SYS_recvmsg),
        with(SYS_sendto, [vec![Argument::null(4)]]),
        with(SYS_recvfrom, [vec![Argument::null(4)]]),
    ]
}

/// The same, by calls that know no address.
#[cfg(target_arch = "arm")]
fn sockets() -> Vec<Entry> {
    use libc::*;
    vec![any(SYS_recvmsg), any(SYS_send), any(SYS_recv)]
}

/// The same, by calls that know no address.
#[cfg(target_arch = "x86")]
fn sockets() -> Vec<Entry> {
    use numbers::socketcall::*;
    let asked = [RECVMSG, SEND, RECV].map(|call| vec![Argument::int(0, call)]);
    vec![with(libc::SYS_socketcall, asked)]
}

/// The account's files, all named from its directory.
fn keeping(directory: RawFd) -> Vec<Entry> {
    use libc::*;
    let at = |index| Argument::int(index, directory);
    let renamed = vec![
        at(0),
        at(2),
        // Whose only call for it has flags: none.
        #[cfg(target_arch = "riscv64")]
        Argument::int(4, 0),
    ];
    vec![
        with(SYS_openat, [vec![at(0), Argument::masked(2, O_NOFOLLOW, O_NOFOLLOW)]]),
        any(SYS_fsync),
        with(SYS_unlinkat, [vec![at(0), Argument::int(2, 0)]]),
        with(numbers::RENAMEAT, [renamed]),
        with(SYS_linkat, [vec![at(0), at(2), Argument::int(4, 0)]]),
    ]
}

fn any(number: c_long) -> Entry {
    Entry { number, with: Vec::new(), seen: Seen::Here }
}

fn with(number: c_long, with: impl Into<Alternatives>) -> Entry {
    Entry { number, with: with.into(), seen: Seen::Here }
}

fn elsewhere(number: c_long, why: &'static str) -> Entry {
    Entry { number, with: Vec::new(), seen: Seen::Elsewhere(why) }
}
